set search_path = lodestone, public;
drop policy not_withheld on lodestone.events;
drop function lodestone.is_withheld;
drop function lodestone.unmasked;
revoke select (organisation, id) on lodestone.parties from lodestone_official;
drop table lodestone.unmaskings;
