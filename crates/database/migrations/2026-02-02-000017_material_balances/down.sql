set search_path = lodestone, public;
drop index lodestone.filings_replaced;
drop index lodestone.filings_stocktakes;
drop function lodestone.balance_side;
drop table lodestone.material_balances;
drop function lodestone.counted_site_months;
drop table lodestone.site_months;
