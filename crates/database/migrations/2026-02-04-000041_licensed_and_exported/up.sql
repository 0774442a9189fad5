-- Licensed against exported, in full for officials and released for anybody; and keys that were
-- compromised.
set search_path = lodestone, public;

alter table lodestone.statistics_releases drop constraint statistics_releases_table_name_check,
    add constraint statistics_releases_table_name_check
        check (table_name in ('production', 'trade', 'exports', 'stock', 'licensed', 'licensed_exports'));
-- When an application was decided stands among its steps.
grant select (case_id, action, state, occurred_on) on lodestone.case_events to lodestone_official;

-- A key that others may have had since a moment: what it signed from then on proves nothing. Said
-- once, by a senior officer, and never taken back: what was trusted meanwhile cannot be undone.
create table lodestone.key_compromises (
    key_id text primary key references lodestone.signing_keys,
    since timestamptz not null,
    reason text not null check (octet_length(reason) between 1 and 4000),
    declared_by uuid not null,
    declared_at timestamptz not null
);
call lodestone.isolate('key_compromises', '{}', '{}', '{lodestone_licensing}');
grant select, insert on lodestone.key_compromises to lodestone_licensing;
