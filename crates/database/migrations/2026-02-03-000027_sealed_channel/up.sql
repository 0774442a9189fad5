-- The sealed channel: a foreign end user answers the authority past the supplier.
--
-- The supplier begins a channel and sees of it that it is complete, no more: the columns it may
-- read are granted one by one, and of what was handed in not even how much there is. What the end
-- user says is encrypted with a key of the channel's own, and that key is wrapped by one that is
-- in no database.
set search_path = lodestone, public;

create table lodestone.sealed_channels (
    id uuid primary key,
    organisation uuid not null,
    case_id uuid not null references lodestone.cases,
    -- As the application names it.
    end_user text not null,
    language text not null check (language in ('zh-CN', 'en')),
    -- The link is worth one opening; whoever opens it is given a key of their own. Hashes only.
    link_hash bytea not null unique check (octet_length(link_hash) = 32),
    key_hash bytea unique check (octet_length(key_hash) = 32),
    wrapped_key bytea not null,
    -- Which of the keys outside wraps it.
    wrapping_key text not null,
    created_by uuid not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    opened_at timestamptz,
    completed_at timestamptz,
    released_at timestamptz,
    revoked_at timestamptz,
    constraint sealed_channel_opened_with_a_key check ((opened_at is null) = (key_hash is null)),
    constraint sealed_channel_complete_after_opening check (completed_at is null or opened_at is not null),
    constraint sealed_channel_released_after_completion check (released_at is null or completed_at is not null),
    constraint sealed_channel_not_revoked_when_complete check (revoked_at is null or completed_at is null)
);
create index sealed_channels_by_case on lodestone.sealed_channels (case_id);

-- What was handed in: everything that says what it is, is sealed too.
create table lodestone.sealed_items (
    id uuid primary key,
    channel uuid not null references lodestone.sealed_channels,
    sealed_description bytea not null,
    added_at timestamptz not null
);
create index sealed_items_by_channel on lodestone.sealed_items (channel, id);

-- Every look of an official, for the end user to see.
create table lodestone.sealed_reads (
    id uuid primary key,
    channel uuid not null references lodestone.sealed_channels,
    -- Nothing for a look at the list.
    item uuid references lodestone.sealed_items,
    person uuid not null,
    office uuid not null,
    purpose text not null,
    read_at timestamptz not null
);
create index sealed_reads_by_channel on lodestone.sealed_reads (channel, id);

call lodestone.isolate('sealed_channels', '{lodestone_applicant}', '{lodestone_applicant}', '{lodestone_licensing}');
create policy of_an_own_application on lodestone.sealed_channels as restrictive for insert to lodestone_applicant
    with check (exists (select from lodestone.cases c where c.id = case_id and c.organisation = sealed_channels.organisation));
call lodestone.isolate('sealed_items', '{}', '{}', '{lodestone_licensing}');
call lodestone.isolate('sealed_reads', '{}', '{}', '{lodestone_licensing}');

grant select (id, organisation, case_id, end_user, language, created_at, expires_at, completed_at, released_at, revoked_at)
    on lodestone.sealed_channels to lodestone_applicant;
grant insert (id, organisation, case_id, end_user, language, link_hash, wrapped_key, wrapping_key, created_by, created_at,
    expires_at) on lodestone.sealed_channels to lodestone_applicant;
grant update (revoked_at) on lodestone.sealed_channels to lodestone_applicant;
grant select on lodestone.sealed_channels, lodestone.sealed_items, lodestone.sealed_reads to lodestone_licensing;
grant update (key_hash, opened_at, completed_at, released_at) on lodestone.sealed_channels to lodestone_licensing;
grant insert on lodestone.sealed_items, lodestone.sealed_reads to lodestone_licensing;
