set search_path = public;
drop schema lodestone cascade;
drop schema lodestone_partitions cascade;
-- The roles stay: they belong to the cluster, and another database may use them.
do $$ begin execute format('alter database %I reset search_path', current_database()); end $$;
