-- What a reader that keeps the whole graph of lots needs in order never to miss a filing.
set search_path = lodestone, public;

-- A role of its own: it crosses organisations, sees what traces are made of, and nothing else.
do $$
begin
    -- Roles belong to the whole cluster: another database may have made it, even just now.
    if not exists (select from pg_roles where rolname = 'lodestone_tracer') then
        create role lodestone_tracer login nosuperuser nocreatedb nocreaterole nobypassrls;
    end if;
exception when duplicate_object or unique_violation then null;
end $$;
grant usage on schema lodestone to lodestone_tracer;

-- The transaction that recorded a filing. Ids and moments are given before the commit, so what commits
-- late has a smaller id than what was seen already; but whatever is committed and not yet visible was
-- written by a transaction that is no older than the oldest one under way (pg_snapshot_xmin).
-- Rows from before this migration have this migration's.
alter table lodestone.filing_references
    add column recorded_in bigint not null default pg_current_xact_id()::text::bigint;
create index filing_references_recorded on lodestone.filing_references (recorded_in, filing)
    include (organisation);

do $$
declare name text;
begin
    foreach name in array array['filing_references', 'filings', 'filing_lines', 'lots', 'movement_lines', 'sites'] loop
        execute format('create policy tracer_reads on lodestone.%I for select to lodestone_tracer
            using (true)', name);
    end loop;
end $$;
grant select (organisation, filing, recorded_in) on lodestone.filing_references to lodestone_tracer;
grant select (organisation, id, site, kind, process, month, movement, replaces) on lodestone.filings
    to lodestone_tracer;
grant select (organisation, filing, line, role, lot, la_mg, ce_mg, pr_mg, nd_mg, pm_mg, sm_mg, eu_mg, gd_mg, tb_mg,
    dy_mg, ho_mg, er_mg, tm_mg, yb_mg, lu_mg, sc_mg, y_mg) on lodestone.filing_lines to lodestone_tracer;
grant select on lodestone.lots to lodestone_tracer;
grant select (organisation, movement, filing, lot) on lodestone.movement_lines to lodestone_tracer;
grant select (organisation, id, code) on lodestone.sites to lodestone_tracer;
grant select (id, name_zh, name_en) on lodestone.organisations to lodestone_tracer;
