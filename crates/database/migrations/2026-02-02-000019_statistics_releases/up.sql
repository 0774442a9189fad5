-- What was published of the national statistics: frozen, cell by cell.
--
-- A release is of one table and one month, so that no two of them overlap: a quarter would be a
-- difference waiting to be taken. What follows it is a revision of the whole, which
-- `domain::disclosure::revise` allows only where nothing can be found out by comparing. For that
-- the contributions it was made from are kept, for officials alone.
set search_path = lodestone, public;

create table lodestone.statistics_releases (
    id uuid primary key,
    table_name text not null check (table_name in ('production', 'trade', 'exports')),
    month date not null check (extract(day from month) = 1),
    revision integer not null check (revision > 0),
    -- How many levels below the total each dimension shows.
    levels smallint[] not null check (cardinality(levels) = 3),
    -- Of `domain::disclosure::RULES`.
    rules_version text not null,
    published_by uuid not null,
    published_at timestamptz not null,
    -- Two officials at once cannot both publish a revision.
    unique (table_name, month, revision)
);

create table lodestone.statistics_cells (
    release uuid not null references lodestone.statistics_releases,
    category text not null,
    region text not null,
    element text not null,
    -- As rare-earth oxide, rounded; null where it is not told.
    reo_grams bigint check (reo_grams >= 0),
    primary key (release, category, region, element)
);

create table lodestone.statistics_contributions (
    release uuid not null references lodestone.statistics_releases,
    -- A group of companies, or a company of none.
    contributor uuid not null,
    category text not null,
    region text not null,
    element text not null,
    reo_grams bigint not null check (reo_grams > 0),
    primary key (release, contributor, category, region, element)
);

-- What is made is worked out through the officials' role, which reads only; it is stored, like the
-- law, through the role that keeps the register. Nobody changes or removes anything. The public
-- reads through the role of reporting, and never what firms put in.
grant select on lodestone.statistics_releases, lodestone.statistics_cells, lodestone.statistics_contributions
    to lodestone_official;
grant select, insert on lodestone.statistics_releases, lodestone.statistics_cells to lodestone_identity;
grant insert on lodestone.statistics_contributions to lodestone_identity;
grant select on lodestone.statistics_releases, lodestone.statistics_cells to lodestone_reporting;
