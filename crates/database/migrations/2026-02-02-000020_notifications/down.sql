drop function lodestone.returns_filed;
revoke execute on function lodestone.movement_sides from lodestone_notifier;
do $$
declare name text;
begin
    foreach name in array array['movements', 'movement_explanations', 'movement_answers', 'sites'] loop
        execute format('drop policy notifier_reads on lodestone.%I', name);
    end loop;
end $$;
drop index lodestone.movements_by_dispatch;
drop table lodestone.notification_deliveries;
drop table lodestone.notifications;
-- The role stays: it belongs to the cluster, and another database may use it.
revoke all on all tables in schema lodestone from lodestone_notifier;
revoke usage on schema lodestone from lodestone_notifier;
