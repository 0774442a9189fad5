set search_path = lodestone, public;
drop function lodestone.cited_lots;
drop index lodestone.cases_citing;
