set search_path = lodestone, public;
drop table lodestone.bulk_mappings, lodestone.bulk_verdicts, lodestone.bulk_jobs;
