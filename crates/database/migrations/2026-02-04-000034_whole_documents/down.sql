set search_path = lodestone, public;

revoke insert on lodestone.epcis_waiting from lodestone_filing_writer;
grant insert on lodestone.epcis_waiting to lodestone_reporting;
drop policy own_rows_insert on lodestone.epcis_waiting;
create policy own_rows_insert on lodestone.epcis_waiting for insert to lodestone_reporting
    with check (organisation = any ((select lodestone.acting_for())::uuid[]));

revoke select on lodestone.epcis_event_keys from lodestone_filing_writer;
revoke insert on lodestone.epcis_captures, lodestone.epcis_event_keys, lodestone.epcis_events,
    lodestone.epcis_event_terms from lodestone_filing_writer;
grant insert on lodestone.epcis_captures, lodestone.epcis_event_keys, lodestone.epcis_events,
    lodestone.epcis_event_terms to lodestone_reporting;
drop policy own_rows_claimed on lodestone.epcis_event_keys;
do $$
declare
    name text;
    mine constant text := 'organisation = any ((select lodestone.acting_for())::uuid[])';
begin
    foreach name in array array['epcis_captures', 'epcis_event_keys', 'epcis_events', 'epcis_event_terms'] loop
        execute format('drop policy own_rows_insert on lodestone.%I', name);
        execute format('create policy own_rows_insert on lodestone.%I for insert to lodestone_reporting
            with check (%s)', name, mine);
        execute format('create policy own_rows_update on lodestone.%I for update to lodestone_reporting
            using (%s) with check (%s)', name, mine, mine);
    end loop;
end $$;

create or replace function lodestone.movement_used_by(asking uuid, wanted uuid, named text) returns text
    language plpgsql set search_path = lodestone, pg_temp
as $$
begin
    perform set_config('lodestone.organisations', '{' || asking || '}', true);
    return (select receipt.reference from filings receipt
        where receipt.organisation = asking and receipt.kind = 'receipt'
            and receipt.movement = coalesce(wanted, (select moved.id from movements moved
                where moved.reference = named limit 1))
        order by receipt.id limit 1);
end $$;

drop table lodestone.first_receipts;
