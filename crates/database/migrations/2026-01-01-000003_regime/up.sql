-- The law as dated data: one version is one set of rows, each with its dates, source and mark.
set search_path = lodestone, public;

create table lodestone.regime_versions (
    version text primary key,
    content_hash bytea not null unique,
    imported_at timestamptz not null,
    imported_by uuid,
    -- From when judgements use it; the version in force is the latest one that has begun.
    takes_effect_at timestamptz not null
);

create table lodestone.regime_rows (
    version text not null references lodestone.regime_versions,
    kind text not null,
    key text not null,
    valid_from date,
    valid_until date,
    content jsonb not null,
    source text not null,
    verification text not null,
    primary key (version, kind, key),
    constraint regime_row_dates check (valid_until is null or valid_from is null or valid_from < valid_until)
);

create table lodestone.quotas (
    id uuid primary key,
    group_id uuid not null references lodestone.groups,
    year integer not null,
    scope text not null check (scope in ('mining', 'separation')),
    batch integer not null,
    -- Oxide equivalent.
    granted_reo_grams bigint not null check (granted_reo_grams >= 0),
    source text not null,
    verification text not null,
    unique (group_id, year, scope, batch)
);

create table lodestone.listed_parties (
    id uuid primary key,
    list text not null check (list in ('watch', 'control')),
    name text not null,
    identifier text,
    country text,
    valid_from date not null,
    valid_until date,
    announcement text,
    source text not null,
    verification text not null
);

grant select on lodestone.regime_versions, lodestone.regime_rows, lodestone.quotas, lodestone.listed_parties to
    lodestone_reporting, lodestone_official, lodestone_licensing, lodestone_worker, lodestone_identity;
grant insert on lodestone.regime_versions, lodestone.regime_rows, lodestone.quotas, lodestone.listed_parties to
    lodestone_identity;
grant update (valid_until) on lodestone.listed_parties to lodestone_identity;
