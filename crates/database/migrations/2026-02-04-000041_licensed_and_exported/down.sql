set search_path = lodestone, public;
drop table lodestone.key_compromises;
revoke select (case_id, action, state, occurred_on) on lodestone.case_events from lodestone_official;
delete from lodestone.statistics_cells where release in
    (select id from lodestone.statistics_releases where table_name in ('licensed', 'licensed_exports'));
delete from lodestone.statistics_contributions where release in
    (select id from lodestone.statistics_releases where table_name in ('licensed', 'licensed_exports'));
delete from lodestone.statistics_releases where table_name in ('licensed', 'licensed_exports');
alter table lodestone.statistics_releases drop constraint statistics_releases_table_name_check,
    add constraint statistics_releases_table_name_check
        check (table_name in ('production', 'trade', 'exports', 'stock'));
