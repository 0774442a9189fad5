set search_path = lodestone, public;
drop table lodestone.application_documents;
drop table lodestone.determination_batches;
