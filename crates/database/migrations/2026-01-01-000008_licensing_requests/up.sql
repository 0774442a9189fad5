-- Requests that created something in licensing, so that a repeat has no second effect.
set search_path = lodestone, public;

create table lodestone.licensing_requests (
    organisation uuid not null,
    key text not null,
    request_hash bytea not null check (octet_length(request_hash) = 32),
    -- What was answered then, and is answered again.
    answer jsonb not null,
    created_at timestamptz not null,
    primary key (organisation, key)
);
create index licensing_requests_age on lodestone.licensing_requests (created_at);

-- Nobody decides on what they wrote, whatever account or key is used.
alter table lodestone.cases
    add constraint case_not_decided_by_its_author check (
        (recommended_by is null or recommended_by <> created_by)
        and (countersigned_by is null or countersigned_by <> created_by)),
    add constraint case_countersigned_by_another_than_the_reviewer check (
        countersigned_by is null or reviewer is null or countersigned_by <> reviewer);

call lodestone.isolate('licensing_requests', '{}', '{}', '{lodestone_licensing}');
grant select, insert, delete on lodestone.licensing_requests to lodestone_licensing;
grant update (answer) on lodestone.licensing_requests to lodestone_licensing;

-- Officials keep away from applications of organisations they belong to: whom that concerns is
-- read here, whatever account or key they use.
grant select (person, organisation, ended_at) on lodestone.memberships to lodestone_licensing;
