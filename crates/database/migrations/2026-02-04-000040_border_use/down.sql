set search_path = lodestone, public;
drop index lodestone.licence_departures_by_day;
drop index lodestone.licence_reservations_settled;
alter table lodestone.licence_arrivals drop column country;
