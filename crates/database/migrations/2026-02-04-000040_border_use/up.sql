-- What customs confirmed, against what the exporter files and reports of it.
set search_path = lodestone, public;

-- Where goods arrived, as a country, beside the words for it: to be held against the licence.
alter table lodestone.licence_arrivals add column country text check (country ~ '^[A-Z]{2}$');

-- The worker looks for what was confirmed and became due, whoever declared it.
create index licence_reservations_settled on lodestone.licence_reservations (settled_at) where state = 'confirmed';
create index licence_departures_by_day on lodestone.licence_departures (departed_on) where licence is not null;
