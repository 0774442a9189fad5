-- Applicants: what an exporter's people do in licensing, in the database itself.
--
-- `lodestone_licensing` decides on everybody's cases and therefore sees all of them. Whatever an
-- applicant asks is asked as `lodestone_applicant`, for one organisation at a time: a filter that a
-- handler forgets shows nothing of anybody else. The role cannot decide either: it brings a case
-- into no state that an official brings about, and changes of a licence only that it is surrendered.
set search_path = lodestone, public;

do $$
begin
    -- Roles belong to the whole cluster: another database may have made it, even just now.
    if not exists (select from pg_roles where rolname = 'lodestone_applicant') then
        create role lodestone_applicant login nosuperuser nocreatedb nocreaterole nobypassrls;
    end if;
exception when duplicate_object or unique_violation then null;
end $$;
grant usage on schema lodestone to lodestone_applicant;

do $$
declare
    -- The same words as in `isolate`.
    mine constant text := 'organisation = any ((select lodestone.acting_for())::uuid[])';
    policy record;
begin
    for policy in select * from (values
        ('applicant_reads', 'cases', 'select', null),
        ('applicant_begins', 'cases', 'insert', $sql$state = 'draft'$sql$),
        ('applicant_changes', 'cases', 'update',
            $sql$state in ('draft', 'returned', 'submitted', 'accepted', 'withdrawn', 'under_reconsideration')$sql$),
        ('applicant_reads', 'licences', 'select', null),
        ('applicant_surrenders', 'licences', 'update', $sql$state = 'surrendered'$sql$),
        ('applicant_reads', 'determinations', 'select', null),
        ('applicant_asks', 'determinations', 'insert', 'true'),
        ('applicant_reads', 'licensing_requests', 'select', null),
        ('applicant_asks', 'licensing_requests', 'insert', 'true'),
        ('applicant_is_answered', 'licensing_requests', 'update', 'true'),
        ('applicant_tells', 'events', 'insert', 'true')
    ) as policies (name, table_name, command, leaves) loop
        execute format('create policy %I on lodestone.%I for %s to lodestone_applicant', policy.name,
                policy.table_name, policy.command)
            || case when policy.command <> 'insert' then format(' using (%s)', mine) else '' end
            || case when policy.leaves is not null then format(' with check (%s and %s)', mine, policy.leaves) else '' end;
    end loop;
end $$;
-- What happens to a licence is told without saying whose it is.
create policy applicant_tells_of_nobody on lodestone.events for insert to lodestone_applicant
    with check (organisation is null);

-- What belongs to a case or a licence is seen by whoever sees that: its policies hold in here too.
create procedure lodestone.isolate_with(table_name text, column_name text, parent text)
    language plpgsql
as $$
begin
    execute format('alter table lodestone.%I enable row level security', table_name);
    execute format('alter table lodestone.%I force row level security', table_name);
    execute format('create policy applicant_rows on lodestone.%I for all to lodestone_applicant
        using (exists (select from lodestone.%I parent where parent.id = %I))', table_name, parent, column_name);
    execute format('create policy all_rows on lodestone.%I for all
        to lodestone_licensing, lodestone_worker, lodestone_official, current_user
        using (true) with check (true)', table_name);
end $$;
call lodestone.isolate_with('case_events', 'case_id', 'cases');
call lodestone.isolate_with('licence_events', 'licence', 'licences');
call lodestone.isolate_with('licence_lines', 'licence', 'licences');
call lodestone.isolate_with('licence_reservations', 'licence', 'licences');
drop procedure lodestone.isolate_with;

-- Applications are numbered by who begins them, licences by who decides.
alter table lodestone.number_series enable row level security;
alter table lodestone.number_series force row level security;
create policy applicant_rows on lodestone.number_series for all to lodestone_applicant
    using (series ^@ 'LA-') with check (series ^@ 'LA-');
create policy all_rows on lodestone.number_series for all to lodestone_licensing, current_user
    using (true) with check (true);

grant select, insert on lodestone.cases, lodestone.case_events, lodestone.determinations,
    lodestone.licensing_requests to lodestone_applicant;
grant update (version, kind, state, submitted_at, accepted_on, reviewer, recommended_outcome, recommended_by,
    countersigned_by, refusal_reason, licence, updated_at, content) on lodestone.cases to lodestone_applicant;
grant update (answer) on lodestone.licensing_requests to lodestone_applicant;
grant select, insert, update on lodestone.number_series to lodestone_applicant;
grant select on lodestone.licences, lodestone.licence_lines, lodestone.licence_reservations to lodestone_applicant;
grant update (state, version) on lodestone.licences to lodestone_applicant;
grant insert on lodestone.licence_events, lodestone.events, lodestone.outbox to lodestone_applicant;
-- The law, and what organisations are called.
grant select on lodestone.regime_versions, lodestone.regime_rows, lodestone.listed_parties,
    lodestone.organisations to lodestone_applicant;

-- What only applicants begin.
revoke insert on lodestone.cases, lodestone.determinations, lodestone.licensing_requests from lodestone_licensing;
revoke update (answer) on lodestone.licensing_requests from lodestone_licensing;
