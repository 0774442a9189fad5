set search_path = lodestone, public;
drop index lodestone.filings_by_replaced;
