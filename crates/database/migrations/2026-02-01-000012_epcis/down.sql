set search_path = lodestone, public;
drop table lodestone.epcis_event_terms, lodestone.epcis_events, lodestone.epcis_event_keys, lodestone.epcis_captures;
delete from lodestone.partitioned_tables where table_name in ('epcis_captures', 'epcis_events', 'epcis_event_terms');
