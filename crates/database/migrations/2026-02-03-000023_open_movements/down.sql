set search_path = lodestone, public;

drop function lodestone.epcis_ready;
drop table lodestone.epcis_waiting;
drop function lodestone.movements_touched;
drop index lodestone.movement_explanations_by_time;
drop index lodestone.movement_answers_by_time;
drop index lodestone.filings_receipts;
drop table lodestone.chasing_state, lodestone.open_movements;
alter table lodestone.statistics_releases drop constraint statistics_releases_table_name_check,
    add constraint statistics_releases_table_name_check check (table_name in ('production', 'trade', 'exports'));
