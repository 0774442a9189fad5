set search_path = lodestone, public;
drop table lodestone.sealed_reads;
drop table lodestone.sealed_items;
drop table lodestone.sealed_channels;
