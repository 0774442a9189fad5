set search_path = lodestone, public;
drop table lodestone.number_series;
drop table lodestone.licence_events;
drop table lodestone.licence_reservations;
drop table lodestone.licence_lines;
drop table lodestone.licences;
drop table lodestone.case_events;
drop table lodestone.cases;
drop table lodestone.determinations;
