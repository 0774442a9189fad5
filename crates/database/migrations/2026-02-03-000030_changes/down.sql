set search_path = lodestone, public;
drop table lodestone.webhook_calls;
drop table lodestone.webhooks;
revoke select (sequenced) on lodestone.relay_state from lodestone_applicant;
revoke select (id, name, organisation, occurred_at, body) on lodestone.events from lodestone_applicant;
create policy applicant_tells_of_nobody on lodestone.events for insert to lodestone_applicant
    with check (organisation is null);
drop policy applicant_hears on lodestone.events;
revoke select (index, event, organisation) on lodestone.log_leaves from lodestone_applicant;
drop policy own_rows_read on lodestone.log_leaves;
drop policy all_rows on lodestone.log_leaves;
drop policy owner_rows on lodestone.log_leaves;
alter table lodestone.log_leaves no force row level security;
alter table lodestone.log_leaves disable row level security;
drop index lodestone.log_leaves_by_organisation;
alter table lodestone.log_leaves drop column organisation;
