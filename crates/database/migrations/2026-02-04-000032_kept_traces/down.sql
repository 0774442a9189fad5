set search_path = lodestone, public;
do $$
declare name text;
begin
    foreach name in array array['filing_references', 'filings', 'filing_lines', 'lots', 'movement_lines', 'sites'] loop
        execute format('drop policy tracer_reads on lodestone.%I', name);
    end loop;
end $$;
drop index lodestone.filing_references_recorded;
revoke all on all tables in schema lodestone from lodestone_tracer;
alter table lodestone.filing_references drop column recorded_in;
-- The role stays: it belongs to the cluster, and another database may use it.
revoke usage on schema lodestone from lodestone_tracer;
