-- Renders the live schema as diesel's `schema.rs`, so that the file can be compared with the
-- database it is meant to describe.
with columns as (
    select c.relname as table_name,
        a.attnum,
        format('        %s -> %s,',
            case when a.attname = 'type' then 'r#' || a.attname else a.attname end,
            case when a.attnotnull then t.diesel else 'Nullable<' || t.diesel || '>' end) as line
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'lodestone'
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type ty on ty.oid = a.atttypid
    cross join lateral (select case ty.typname
        when 'uuid' then 'Uuid' when 'text' then 'Text' when 'int2' then 'SmallInt' when 'int4' then 'Integer'
        when 'int8' then 'BigInt' when 'bool' then 'Bool' when 'date' then 'Date' when 'bytea' then 'Binary'
        when 'timestamptz' then 'Timestamptz' when 'jsonb' then 'Jsonb' when 'numeric' then 'Numeric'
        when '_text' then 'Array<Text>' when '_int2' then 'Array<SmallInt>' when '_float8' then 'Array<Double>' when '_int8' then 'Array<BigInt>' when '_bytea' then 'Array<Binary>' when '_uuid' then 'Array<Uuid>'
        else 'Unknown_' || ty.typname end as diesel) t
    where c.relkind in ('r', 'p')
),
keys as (
    select c.relname as table_name,
        string_agg(case when a.attname = 'type' then 'r#' || a.attname else a.attname end, ', ' order by k.position) as columns
    from pg_index i
    join pg_class c on c.oid = i.indrelid
    join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'lodestone'
    cross join lateral unnest(i.indkey::int2[]) with ordinality as k(attnum, position)
    join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
    where i.indisprimary and k.position <= i.indnkeyatts
    group by c.relname
)
select string_agg(format(E'diesel::table! {\n    %s (%s) {\n%s\n    }\n}\n', table_name, key_columns, lines), E'\n' order by table_name)
    || E'\ndiesel::allow_tables_to_appear_in_same_query!(\n'
    || string_agg('    ' || table_name || ',', E'\n' order by table_name) || E'\n);\n'
from (
    select c.table_name,
        coalesce(k.columns, (select string_agg(split_part(trim(line), ' ', 1), ', ') from columns first where first.table_name = c.table_name and first.attnum = 1)) as key_columns,
        string_agg(c.line, E'\n' order by c.attnum) as lines
    from columns c left join keys k using (table_name)
    group by c.table_name, k.columns
) tables;
