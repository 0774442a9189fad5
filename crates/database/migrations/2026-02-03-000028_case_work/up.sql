-- Case work: teams and queues, rules that route applications, flags, signatures by risk, and who is
-- away or not impartial.
--
-- What was done with a case stands in its steps (`case_events`). The columns added here repeat of it
-- what the queue filters and counts by, and what constraints hold apart.
set search_path = lodestone, public;

-- What an application says, for filters and precedents: worked out from it, never written.
create function lodestone.all_different(people uuid[]) returns boolean
    language sql immutable parallel safe
    return (select count(distinct person) = count(*) from unnest(people) person);
create function lodestone.stated_control_codes(content jsonb) returns text[]
    language sql immutable parallel safe
    return (select coalesce(array_agg(distinct code #>> '{}'), '{}')
        from jsonb_path_query(content, 'strict $.lines[*].control_code', silent => true) code);
create function lodestone.stated_end_users(content jsonb) returns text[]
    language sql immutable parallel safe
    return (select coalesce(array_agg(distinct lower(regexp_replace(btrim(name #>> '{}'), '\s+', ' ', 'g'))), '{}')
        from jsonb_path_query(content, 'strict $.end_users[*].name', silent => true) name);

alter table lodestone.cases
    add column queue text,
    add column routed_at timestamptz,
    -- The assessment that the last routing rested on.
    add column routed_assessment uuid,
    add column assigned_to uuid,
    add column risk text not null default 'unassessed' check (risk in ('unassessed', 'low', 'medium', 'high')),
    add column flags text[] not null default '{}',
    add column blocking_flags smallint not null default 0 check (blocking_flags >= 0),
    add column open_queries smallint not null default 0 check (open_queries >= 0),
    add column answered_queries smallint not null default 0 check (answered_queries >= 0),
    add column signatures_required smallint not null default 1 check (signatures_required > 0),
    -- Whoever signed the recommendation, one after the other.
    add column signed_by uuid[] not null default '{}',
    add column destination text generated always as (content ->> 'destination') stored,
    add column control_codes text[] generated always as (lodestone.stated_control_codes(content)) stored,
    add column end_users text[] generated always as (lodestone.stated_end_users(content)) stored;
update lodestone.cases set signed_by = array[countersigned_by] where countersigned_by is not null;
alter table lodestone.cases
    add constraint case_signed_by_others check (
        (recommended_by is null or recommended_by <> all (signed_by)) and created_by <> all (signed_by)),
    add constraint case_signed_once_by_each check (lodestone.all_different(signed_by)),
    add constraint case_signed_by_enough check (
        state not in ('approved', 'refused') or cardinality(signed_by) >= signatures_required),
    add constraint case_last_signature_decides check (
        state not in ('approved', 'refused') or countersigned_by = signed_by[cardinality(signed_by)]),
    add constraint case_decided_without_blocking_flags check (
        state not in ('approved', 'refused') or blocking_flags = 0);

-- Everything that the queue page filters and counts by, of cases that wait for officials, so that it
-- reads this and not what applicants wrote.
create index cases_open on lodestone.cases (state, queue, risk, assigned_to, reviewer)
    include (blocking_flags, open_queries, answered_queries)
    where state in ('submitted', 'accepted', 'under_review', 'agency_advice', 'under_final_review', 'countersign',
        'under_reconsideration');
create index cases_waiting on lodestone.cases (submitted_at, id)
    where state in ('submitted', 'accepted', 'under_review', 'agency_advice', 'under_final_review', 'countersign',
        'under_reconsideration');
create index cases_waiting_by_queue on lodestone.cases (queue, submitted_at, id)
    where state in ('submitted', 'accepted', 'under_review', 'agency_advice', 'under_final_review', 'countersign',
        'under_reconsideration');
create index cases_waiting_by_officer on lodestone.cases (coalesce(reviewer, assigned_to), submitted_at, id)
    where state in ('submitted', 'accepted', 'under_review', 'agency_advice', 'under_final_review', 'countersign',
        'under_reconsideration');
create index cases_unrouted on lodestone.cases (submitted_at)
    where routed_at is null and state in ('submitted', 'accepted', 'under_reconsideration');
create index cases_precedents on lodestone.cases using gin (end_users) where state in ('approved', 'refused');
create index application_assessments_by_age on lodestone.application_assessments (assessed_at);
create index case_events_decisions on lodestone.case_events (occurred_on)
    where action in ('countersign', 'confirm_refusal');

-- For which organisation a step was taken: what an agency put there, it removes itself.
alter table lodestone.case_events add column acting_for uuid;

create table lodestone.teams (
    code text primary key check (code ~ '^[a-z][a-z0-9_]{0,39}$'),
    name_zh text not null,
    name_en text not null,
    made_by uuid not null,
    made_at timestamptz not null
);
create table lodestone.team_members (
    team text not null references lodestone.teams,
    person uuid not null,
    added_by uuid not null,
    added_at timestamptz not null,
    primary key (team, person)
);
create table lodestone.queues (
    code text primary key check (code ~ '^[a-z][a-z0-9_]{0,39}$'),
    name_zh text not null,
    name_en text not null,
    team text not null references lodestone.teams,
    made_by uuid not null,
    made_at timestamptz not null
);
-- A version of the rules never changes; the latest that has begun is in force.
create table lodestone.routing_versions (
    version integer primary key check (version > 0),
    rules jsonb not null,
    reason text not null,
    takes_effect_at timestamptz not null,
    made_by uuid not null,
    made_at timestamptz not null
);
create table lodestone.officer_absences (
    id uuid primary key,
    person uuid not null,
    first_day date not null,
    last_day date not null,
    entered_by uuid not null,
    entered_at timestamptz not null,
    constraint absence_ends check (first_day <= last_day)
);
create index officer_absences_by_person on lodestone.officer_absences (person, last_day);
-- An officer is not impartial in one case, or in all cases of an exporter. Never taken back: what it
-- was for may be over, that it was stands.
create table lodestone.officer_conflicts (
    id uuid primary key,
    person uuid not null,
    case_id uuid,
    exporter uuid,
    reason text not null,
    declared_by uuid not null,
    declared_at timestamptz not null,
    constraint conflict_is_about_something check (num_nonnulls(case_id, exporter) = 1)
);
create index officer_conflicts_by_person on lodestone.officer_conflicts (person);
create index officer_conflicts_by_case on lodestone.officer_conflicts (case_id);
create index officer_conflicts_by_exporter on lodestone.officer_conflicts (exporter);

-- Nobody who is not impartial is given a case, recommends or signs; nobody is given a case who is
-- away. The model refuses both; this stands behind it. Other tables are read with the owner's
-- rights, because applicants change cases too and must not see them.
create function lodestone.keep_from_the_partial() returns trigger
    language plpgsql security definer set search_path = lodestone, pg_temp
as $$
declare
    acting uuid[] := '{}';
begin
    if new.reviewer is distinct from old.reviewer then acting := acting || new.reviewer; end if;
    if new.assigned_to is distinct from old.assigned_to then acting := acting || new.assigned_to; end if;
    if new.recommended_by is distinct from old.recommended_by then acting := acting || new.recommended_by; end if;
    if new.signed_by is distinct from old.signed_by then acting := acting || new.signed_by; end if;
    if exists (select from officer_conflicts c where c.person = any (acting)
        and (c.case_id = new.id or c.exporter = new.organisation))
    then
        raise exception 'this person has a conflict of interest in case %', new.number
            using errcode = 'check_violation', constraint = 'case_impartial';
    end if;
    return null;
end $$;
create trigger case_impartial after update of reviewer, assigned_to, recommended_by, signed_by on lodestone.cases
    for each row execute function lodestone.keep_from_the_partial();

create function lodestone.keep_from_the_absent() returns trigger
    language plpgsql security definer set search_path = lodestone, pg_temp
as $$
declare
    given uuid[] := '{}';
    today constant date := (new.updated_at at time zone 'Asia/Shanghai')::date;
begin
    -- Whoever takes a case themselves is there.
    if old.reviewer is not null and new.reviewer is distinct from old.reviewer then given := given || new.reviewer; end if;
    if new.assigned_to is distinct from old.assigned_to then given := given || new.assigned_to; end if;
    if exists (select from officer_absences a where a.person = any (given) and today between a.first_day and a.last_day) then
        raise exception 'whoever is given case % is away', new.number
            using errcode = 'check_violation', constraint = 'case_given_to_somebody_present';
    end if;
    return null;
end $$;
create trigger case_given_to_somebody_present after update of reviewer, assigned_to on lodestone.cases
    for each row execute function lodestone.keep_from_the_absent();

do $$
declare name text;
begin
    foreach name in array array['teams', 'team_members', 'queues', 'routing_versions', 'officer_absences', 'officer_conflicts'] loop
        call lodestone.isolate(name, '{}', '{}', '{lodestone_licensing}');
    end loop;
end $$;
grant select, insert on lodestone.teams, lodestone.queues, lodestone.routing_versions, lodestone.officer_absences,
    lodestone.officer_conflicts to lodestone_licensing;
grant select, insert, delete on lodestone.team_members to lodestone_licensing;
-- Officials make queues and rules, each request once.
grant insert on lodestone.licensing_requests to lodestone_licensing;
grant update (answer) on lodestone.licensing_requests to lodestone_licensing;

-- Whether somebody is an officer of a house.
grant select (role) on lodestone.memberships to lodestone_licensing;

-- An answer leaves a case where it stands, in states that an applicant can bring no case into: what
-- it changes is changed here, and nothing else.
create function lodestone.note_answer(answered_case uuid, new_version integer, open smallint, answered smallint,
    at timestamptz) returns boolean
    language sql security definer set search_path = lodestone, pg_temp
begin atomic
    update cases set version = new_version, open_queries = open, answered_queries = answered, updated_at = at
    where id = answered_case and version = new_version - 1
        and (organisation = any ((select acting_for())::uuid[]) or session_user = 'lodestone_licensing')
    returning true;
end;
revoke execute on function lodestone.note_answer from public;
grant execute on function lodestone.note_answer to lodestone_applicant, lodestone_licensing;

-- Applicants see of a case what concerns them, and of its steps what they are told: not its risk, nor
-- its queue, flags and signatures, nor what officials note, suspect and recommend. Only the reason
-- of a refusal is theirs once it is decided.
revoke select on lodestone.cases from lodestone_applicant;
grant select (id, number, organisation, version, kind, state, submitted_at, accepted_on, reviewer, recommended_outcome,
    recommended_by, countersigned_by, refusal_reason, licence, created_by, created_at, updated_at, content,
    open_queries, answered_queries, destination, control_codes, end_users) on lodestone.cases to lodestone_applicant;
create policy told_to_applicants on lodestone.case_events as restrictive for select to lodestone_applicant
    using (action in ('create', 'edit', 'submit', 'withdraw', 'accept', 'deem_accepted', 'return', 'begin_review',
            'stop_clock', 'resume_clock', 'exempt', 'ask_applicant', 'answer_query', 'close_query', 'request_reconsideration')
        or action = 'undo' and detail ->> 'undone' in ('begin_review', 'stop_clock', 'resume_clock')
        or action in ('countersign', 'confirm_refusal') and state in ('approved', 'refused')
        or action = 'recommend_refusal' and exists (select from lodestone.cases c where c.id = case_id
            and c.state in ('refused', 'under_reconsideration')));
