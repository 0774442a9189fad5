-- Asking for the name behind a pseudonym.
--
-- Officials see who a filer deals with under a pseudonym of their own. A name is asked for with a
-- purpose. In a case of one's own that suffices; otherwise a second person decides. Every look at
-- a name is logged for the owner to see, at once or, decided by two, from a later day on.
set search_path = lodestone, public;

create table lodestone.unmaskings (
    id uuid primary key,
    -- Whose party, and which.
    organisation uuid not null,
    party uuid not null,
    purpose text not null,
    -- A case of whoever asks: a finding that they took under review, an application they examine.
    finding uuid references lodestone.findings,
    case_id uuid,
    asked_by uuid not null,
    asked_at timestamptz not null,
    -- The owner sees the looks from this day on.
    owner_sees_from date not null,
    delay_reason text,
    state text not null check (state in ('asked', 'approved', 'refused')),
    decided_by uuid,
    decided_at timestamptz,
    -- Nobody decides alone, except in a case of their own whose looks are seen at once.
    constraint unmasking_by_two check (decided_by is null or decided_by <> asked_by),
    constraint unmasking_decided check (state <> 'refused' or decided_by is not null),
    constraint unmasking_approved check (state <> 'approved' or decided_by is not null
        or ((finding is not null or case_id is not null) and delay_reason is null)),
    constraint unmasking_delayed_for_a_reason check (
        (delay_reason is not null) = (owner_sees_from > (asked_at at time zone 'Asia/Shanghai')::date))
);
create index unmaskings_asked on lodestone.unmaskings (id) where state = 'asked';

call lodestone.isolate('unmaskings', '{}', '{}', '{lodestone_official}');
grant select, insert on lodestone.unmaskings to lodestone_official;
grant update (state, decided_by, decided_at) on lodestone.unmaskings to lodestone_official;

-- Officials know which parties there are, not what they are called. Names come out here alone.
grant select (organisation, id) on lodestone.parties to lodestone_official;
create function lodestone.unmasked(unmasking uuid)
    returns table (name text, identifier text, country text)
    language sql stable security definer set search_path = lodestone, pg_temp
begin atomic
    select p.name, p.identifier, p.country
    from unmaskings u
    join parties p on p.organisation = u.organisation and p.id = u.party
    where u.id = unmasking and u.state = 'approved'
        and now() < coalesce(u.decided_at, u.asked_at) + interval '30 days';
end;
revoke execute on function lodestone.unmasked from public;
grant execute on function lodestone.unmasked to lodestone_official;

-- What its owner is not to see yet. A look at a name has its unmasking as subject.
create function lodestone.is_withheld(subject uuid) returns boolean
    language sql stable security definer set search_path = lodestone, pg_temp
begin atomic
    select exists (select from unmaskings u where u.id = subject
        and (now() at time zone 'Asia/Shanghai')::date < u.owner_sees_from);
end;
revoke execute on function lodestone.is_withheld from public;
grant execute on function lodestone.is_withheld to lodestone_reporting;
create policy not_withheld on lodestone.events as restrictive for select to lodestone_reporting
    using (name <> 'confidential.read' or not lodestone.is_withheld(subject));
