-- Renders who may do what to which table as the markdown of docs/write-matrix.md.
--
-- Lower case: some columns only, named below the table for updates.
with roles as (
    select oid, rolname, replace(rolname, 'lodestone_', '') as role
    from pg_roles where rolname like 'lodestone\_%' and rolcanlogin
),
tables as (
    select c.oid, c.relname as table_name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'lodestone' and c.relkind in ('r', 'p')
),
rights as (
    select * from (values (1, 'SELECT', 'R', 'r'), (2, 'INSERT', 'I', 'i'), (3, 'UPDATE', 'U', 'u'), (4, 'DELETE', 'D', null))
        as rights (position, privilege, whole, part)
),
cells as (
    select t.table_name, r.role,
        coalesce(string_agg(
            case when has_table_privilege(r.oid, t.oid, p.privilege) then p.whole
                 when p.part is not null and has_any_column_privilege(r.oid, t.oid, p.privilege) then p.part end,
            '' order by p.position), '') as cell
    from tables t cross join roles r cross join rights p
    group by t.table_name, r.role
),
updates as (
    select t.table_name, r.role, string_agg('`' || a.attname || '`', ', ' order by a.attnum) as columns
    from tables t cross join roles r
    join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    where not has_table_privilege(r.oid, t.oid, 'UPDATE') and has_column_privilege(r.oid, t.oid, a.attnum, 'UPDATE')
    group by t.table_name, r.role
)
select E'# Who writes what\n\n'
    || E'Rendered from the grants of a migrated database by a test of `testkit`, never by hand. The\n'
    || E'migrations say why.\n\n'
    || E'Columns are the roles that services log in as; none of them owns anything, and row-level policies\n'
    || E'narrow every cell further to the organisations a transaction acts for. R reads, I inserts, U updates,\n'
    || E'D deletes; a lower-case letter covers some columns only.\n\n'
    || (select '| table | ' || string_agg(role, ' | ' order by role) || E' |\n|---|' || string_agg('---', '|') || E'|\n' from roles)
    || (select string_agg(line, E'\n' order by table_name) from (
        select table_name, '| `' || table_name || '` | ' || string_agg(cell, ' | ' order by role) || ' |' as line
        from cells group by table_name) lines)
    || E'\n\n## Columns that may be updated\n\n| table | role | columns |\n|---|---|---|\n'
    || (select string_agg(format('| `%s` | %s | %s |', table_name, role, columns), E'\n' order by table_name, role) from updates)
    || E'\n';
