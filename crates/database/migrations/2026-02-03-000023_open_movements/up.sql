-- What may be open, so that a sweep looks at that and not at all that ever moved; receipts that came
-- before their dispatch; and stock among the statistics that are released.
set search_path = lodestone, public;

alter table lodestone.statistics_releases drop constraint statistics_releases_table_name_check,
    add constraint statistics_releases_table_name_check
        check (table_name in ('production', 'trade', 'exports', 'stock'));

-- Movements that were touched and have not been found settled since. A cache of the notifier's own:
-- emptied together with the moment below, it is filled again.
create table lodestone.open_movements (
    movement uuid primary key,
    -- The latest version of the dispatch: the order in which a sweep walks.
    dispatch uuid not null
);
create index open_movements_in_order on lodestone.open_movements (dispatch);

-- Up to which moment what both parties said was looked at; one row.
create table lodestone.chasing_state (
    one_row boolean primary key default true check (one_row),
    looked_until timestamptz
);
insert into lodestone.chasing_state default values;

-- By recording time: which receipts, explanations and answers came since.
create index filings_receipts on lodestone.filings (id) where kind = 'receipt' and movement is not null;
create index movement_answers_by_time on lodestone.movement_answers (answered_at);
create index movement_explanations_by_time on lodestone.movement_explanations (explained_at);

-- The movements about which anything was said since a moment, with their latest dispatch, and
-- nothing of what was said.
create function lodestone.movements_touched(since timestamptz)
    returns table (movement uuid, dispatch uuid)
    language sql stable security definer set search_path = lodestone, pg_temp
begin atomic
    with touched as (
        select moved.id from movements moved where moved.filing >= first_id_of(since)
        union
        select filed.movement from filings filed
            where filed.id >= first_id_of(since) and filed.kind = 'receipt' and filed.movement is not null
        union
        select told.movement from movement_explanations told where told.explained_at >= since
        union
        select told.movement from movement_answers told where told.answered_at >= since
    )
    select distinct on (moved.id) moved.id, moved.filing
    from touched join movements moved on moved.id = touched.id
    order by moved.id, moved.filing desc;
end;
revoke execute on function lodestone.movements_touched from public;
grant execute on function lodestone.movements_touched to lodestone_notifier;
grant select, insert, update, delete on lodestone.open_movements to lodestone_notifier;
grant select, update on lodestone.chasing_state to lodestone_notifier;

-- Receipts by EPCIS of movements that nobody has announced yet. They are filed when somebody does.
create table lodestone.epcis_waiting (
    organisation uuid not null,
    event uuid not null,
    movement uuid not null,
    -- Who sent it.
    person uuid not null,
    -- The form of the filing, and the key that makes recording it twice harmless.
    form jsonb not null,
    key text not null,
    created_at timestamptz not null,
    -- Why it became no filing after all; null while it waits.
    refused text,
    primary key (organisation, event)
);
create index epcis_waiting_by_movement on lodestone.epcis_waiting (movement) where refused is null;
call lodestone.isolate('epcis_waiting', '{}', '{lodestone_reporting}', '{}');
-- What was filed waits no longer.
create policy own_rows_delete on lodestone.epcis_waiting for delete to lodestone_reporting
    using (organisation = any ((select lodestone.acting_for())::uuid[]));
grant select, insert, delete, update (refused) on lodestone.epcis_waiting to lodestone_reporting;

-- Which receipts can be filed now: ids, whoever's they are, and nothing of what they say.
create function lodestone.epcis_ready(most integer) returns table (organisation uuid, event uuid)
    language sql stable security definer set search_path = lodestone, pg_temp
begin atomic
    select distinct waits.organisation, waits.event
    from epcis_waiting waits
    join movements moved on moved.id = waits.movement and moved.buyer_organisation = waits.organisation
    where waits.refused is null
    order by waits.event limit most;
end;
revoke execute on function lodestone.epcis_ready from public;
grant execute on function lodestone.epcis_ready to lodestone_reporting;
