set search_path = lodestone, public;
drop table lodestone.listed_parties;
drop table lodestone.quotas;
drop table lodestone.regime_rows;
drop table lodestone.regime_versions;
