-- Who takes part, who they are, and how they prove it.
set search_path = lodestone, public;

create table lodestone.groups (
    id uuid primary key,
    name_zh text not null,
    name_en text not null
);

-- The public register of organisations: names and identifiers are no secrets.
create table lodestone.organisations (
    id uuid primary key,
    kind text not null check (kind in ('filer', 'authority', 'agency', 'customs')),
    uscc text unique,
    lei text unique,
    registration text,
    country text not null check (country ~ '^[A-Z]{2}$'),
    name_zh text not null,
    name_en text not null,
    stages text[] not null default '{}',
    group_id uuid references lodestone.groups,
    registered_at timestamptz not null,
    closed_at timestamptz,
    constraint organisation_has_an_identifier check (num_nonnulls(uscc, lei, registration) > 0)
);

create table lodestone.sites (
    organisation uuid not null,
    id uuid not null,
    code text not null,
    name_zh text not null,
    name_en text not null,
    region text not null,
    stages text[] not null,
    primary key (organisation, id),
    unique (organisation, code)
);
-- A site id alone must not be claimed by two organisations: accounts of matter are keyed by it.
create unique index sites_id on lodestone.sites (id);

create table lodestone.products (
    organisation uuid not null,
    id uuid not null,
    code text not null,
    name_zh text not null,
    name_en text not null,
    category text not null,
    form text,
    hs_code text not null,
    grade text,
    -- {"basis": .., "percent": {"Nd": "29.5"}, "uncertainty_percent": {"Nd": "0.2"}}
    composition jsonb not null,
    primary key (organisation, id),
    unique (organisation, code)
);

create table lodestone.people (
    id uuid primary key,
    email text not null,
    name text not null,
    language text not null check (language in ('zh', 'en')),
    password_hash text,
    created_at timestamptz not null,
    disabled_at timestamptz,
    failed_sign_ins integer not null default 0,
    locked_until timestamptz
);
create unique index people_email on lodestone.people (lower(email));

create table lodestone.memberships (
    person uuid not null references lodestone.people,
    organisation uuid not null references lodestone.organisations,
    role text not null,
    granted_by uuid,
    granted_at timestamptz not null,
    ended_at timestamptz,
    primary key (person, organisation, role)
);
create index memberships_organisation on lodestone.memberships (organisation);

create table lodestone.invitations (
    id uuid primary key,
    organisation uuid not null references lodestone.organisations,
    email text not null,
    roles text[] not null,
    token_hash bytea not null unique,
    invited_by uuid not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    accepted_by uuid,
    accepted_at timestamptz
);

-- An agent or broker may act for another organisation, in named roles, for a time.
create table lodestone.delegations (
    id uuid primary key,
    organisation uuid not null references lodestone.organisations,
    agent_organisation uuid not null references lodestone.organisations,
    roles text[] not null,
    granted_by uuid not null,
    valid_from timestamptz not null,
    valid_until timestamptz not null,
    revoked_at timestamptz,
    constraint delegation_is_to_somebody_else check (organisation <> agent_organisation),
    constraint delegation_ends check (valid_from < valid_until)
);
create index delegations_agent on lodestone.delegations (agent_organisation);

-- Only hashes are kept: a dump opens no session.
create table lodestone.sessions (
    id uuid primary key,
    token_hash bytea not null unique,
    person uuid not null references lodestone.people,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz
);

create table lodestone.api_keys (
    id uuid primary key,
    organisation uuid not null references lodestone.organisations,
    -- The person who answers for it: four eyes are counted in persons, not in keys.
    person uuid not null references lodestone.people,
    name text not null,
    key_hash bytea not null unique,
    scopes text[] not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz
);

call lodestone.isolate('sites', '{lodestone_reporting,lodestone_licensing}', '{lodestone_reporting}',
    '{lodestone_official,lodestone_worker,lodestone_identity}');
call lodestone.isolate('products', '{lodestone_reporting,lodestone_licensing}', '{lodestone_reporting}',
    '{lodestone_official,lodestone_worker,lodestone_identity}');

grant select on lodestone.groups, lodestone.organisations to
    lodestone_reporting, lodestone_official, lodestone_licensing, lodestone_worker;
grant select, insert on lodestone.sites, lodestone.products to lodestone_reporting;
grant update (name_zh, name_en, region, stages) on lodestone.sites to lodestone_reporting;
grant update (name_zh, name_en, category, form, hs_code, grade, composition) on lodestone.products to lodestone_reporting;
-- With an organisation that is registered together with its catalogue.
grant select, insert on lodestone.sites, lodestone.products to lodestone_identity;
grant select on lodestone.sites, lodestone.products to lodestone_official, lodestone_licensing, lodestone_worker;

grant select, insert on lodestone.groups, lodestone.organisations, lodestone.people, lodestone.memberships,
    lodestone.invitations, lodestone.delegations, lodestone.sessions, lodestone.api_keys to lodestone_identity;
grant update (name_zh, name_en) on lodestone.groups to lodestone_identity;
grant update (name_zh, name_en, stages, group_id, closed_at) on lodestone.organisations to lodestone_identity;
grant update (name, language, password_hash, disabled_at, failed_sign_ins, locked_until) on lodestone.people to lodestone_identity;
grant update (granted_by, granted_at, ended_at) on lodestone.memberships to lodestone_identity;
grant update (accepted_by, accepted_at) on lodestone.invitations to lodestone_identity;
grant update (revoked_at) on lodestone.delegations, lodestone.sessions, lodestone.api_keys to lodestone_identity;
