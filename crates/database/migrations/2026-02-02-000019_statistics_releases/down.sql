set search_path = lodestone, public;
drop table lodestone.statistics_contributions;
drop table lodestone.statistics_cells;
drop table lodestone.statistics_releases;
