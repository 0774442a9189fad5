-- Schema, roles and the functions everything else rests on.
--
-- Services log in as roles that own nothing. What a role may do is the union of its grants (each
-- migration states them beside the table) and of the row-level policies, which are forced.

create schema lodestone;
-- Monthly partitions live apart, so that the list of tables stays readable.
create schema lodestone_partitions;

do $$
declare role_name text;
begin
    foreach role_name in array array[
        'lodestone_filing_writer', 'lodestone_reporting', 'lodestone_official', 'lodestone_identity',
        'lodestone_licensing', 'lodestone_worker', 'lodestone_relay'
    ] loop
        -- Roles belong to the whole cluster: another database may have made them, even just now.
        begin
            if not exists (select from pg_roles where rolname = role_name) then
                execute format('create role %I login nosuperuser nocreatedb nocreaterole nobypassrls', role_name);
            end if;
        exception when duplicate_object or unique_violation then null;
        end;
    end loop;
    execute format('alter database %I set search_path = lodestone, public', current_database());
end $$;
set search_path = lodestone, public;

grant usage on schema lodestone to
    lodestone_filing_writer, lodestone_reporting, lodestone_official, lodestone_identity,
    lodestone_licensing, lodestone_worker, lodestone_relay;

-- The organisations that this transaction acts for; none unless it said so.
create function lodestone.acting_for() returns uuid[]
    language sql stable parallel safe
    return coalesce(nullif(current_setting('lodestone.organisations', true), '')::uuid[], '{}'::uuid[]);

-- The smallest time-ordered id (UUID v7) of a moment: where partitions are cut.
create function lodestone.first_id_of(moment timestamptz) returns uuid
    language sql immutable parallel safe
    return (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;

-- The tables that are partitioned by recording month, and the column that holds the id.
create table lodestone.partitioned_tables (
    table_name text primary key
);

-- Makes sure that the partitions of this month and the following ones exist. Runs with the
-- owner's rights, because services own nothing.
create function lodestone.create_partitions(this_month date, months_ahead integer) returns integer
    language plpgsql security definer set search_path = lodestone, pg_temp
as $$
declare
    parent text;
    month date;
    partition_name text;
    made integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('lodestone.create_partitions'));
    for parent in select table_name from partitioned_tables order by table_name loop
        for offset_months in 0 .. least(months_ahead, 24) loop
            month := (date_trunc('month', this_month) + make_interval(months => offset_months))::date;
            partition_name := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
            if to_regclass('lodestone_partitions.' || partition_name) is null then
                execute format(
                    'create table lodestone_partitions.%I partition of lodestone.%I for values from (%L) to (%L)',
                    partition_name, parent,
                    lodestone.first_id_of(month::timestamp at time zone 'Asia/Shanghai'),
                    lodestone.first_id_of((month + interval '1 month')::timestamp at time zone 'Asia/Shanghai'));
                made := made + 1;
            end if;
        end loop;
    end loop;
    return made;
end $$;
revoke execute on function lodestone.create_partitions from public;
grant execute on function lodestone.create_partitions to lodestone_relay;

-- Row-level security as every table with an `organisation` column has it: forced, also for the
-- owner; `readers` see the organisations they act for, `writers` insert for those, `overseers`
-- see all (a grant decides what they may do), and nobody else sees anything.
create procedure lodestone.isolate(table_name text, readers text[], writers text[], overseers text[])
    language plpgsql
as $$
declare
    mine constant text := 'organisation = any ((select lodestone.acting_for())::uuid[])';
begin
    execute format('alter table lodestone.%I enable row level security', table_name);
    execute format('alter table lodestone.%I force row level security', table_name);
    if readers <> '{}' then
        execute format('create policy own_rows_read on lodestone.%I for select to %s using (%s)',
            table_name, array_to_string(readers, ', '), mine);
    end if;
    if writers <> '{}' then
        execute format('create policy own_rows_insert on lodestone.%I for insert to %s with check (%s)',
            table_name, array_to_string(writers, ', '), mine);
        execute format('create policy own_rows_update on lodestone.%I for update to %s using (%s) with check (%s)',
            table_name, array_to_string(writers, ', '), mine, mine);
        execute format('create policy own_rows_written on lodestone.%I for select to %s using (%s)',
            table_name, array_to_string(writers, ', '), mine);
    end if;
    if overseers <> '{}' then
        execute format('create policy all_rows on lodestone.%I for all to %s using (true) with check (true)',
            table_name, array_to_string(overseers, ', '));
    end if;
    -- Migrations, backups and the checker work as the owner.
    execute format('create policy owner_rows on lodestone.%I for all to current_user using (true) with check (true)',
        table_name);
end $$;
