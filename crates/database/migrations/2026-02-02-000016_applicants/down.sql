set search_path = lodestone, public;
grant insert on lodestone.cases, lodestone.determinations, lodestone.licensing_requests to lodestone_licensing;
grant update (answer) on lodestone.licensing_requests to lodestone_licensing;
do $$
declare name text;
begin
    foreach name in array array['case_events', 'licence_events', 'licence_lines', 'licence_reservations', 'number_series'] loop
        execute format('drop policy all_rows on lodestone.%I', name);
        execute format('alter table lodestone.%I no force row level security', name);
        execute format('alter table lodestone.%I disable row level security', name);
    end loop;
end $$;
do $$
declare own record;
begin
    for own in select * from pg_policies where schemaname = 'lodestone' and roles = '{lodestone_applicant}' loop
        execute format('drop policy %I on lodestone.%I', own.policyname, own.tablename);
    end loop;
end $$;
revoke all on all tables in schema lodestone from lodestone_applicant;
revoke usage on schema lodestone from lodestone_applicant;
