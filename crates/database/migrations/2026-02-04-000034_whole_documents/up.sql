-- The first receipt of a movement is one row, and a document of EPCIS is one transaction of the
-- writer of filings: its filings, its events and its job.
set search_path = lodestone, public;

-- Which of an organisation's receipts of a movement came first. It uses the movement's reference
-- up; of two that are sent in the same moment the key lets one be it.
create table lodestone.first_receipts (
    organisation uuid not null,
    movement uuid not null,
    -- The receipt's own reference, and its filing.
    reference text not null,
    filing uuid not null,
    primary key (organisation, movement)
);
insert into lodestone.first_receipts
    select distinct on (organisation, movement) organisation, movement, reference, id from lodestone.filings
    where kind = 'receipt' and movement is not null
    order by organisation, movement, id;
call lodestone.isolate('first_receipts', '{lodestone_reporting}', '{lodestone_filing_writer}', '{}');
grant select, insert on lodestone.first_receipts to lodestone_filing_writer;
grant select on lodestone.first_receipts to lodestone_reporting;

create or replace function lodestone.movement_used_by(asking uuid, wanted uuid, named text) returns text
    language plpgsql set search_path = lodestone, pg_temp
as $$
begin
    perform set_config('lodestone.organisations', '{' || asking || '}', true);
    return (select first.reference from first_receipts first
        where first.organisation = asking
            and first.movement = coalesce(wanted, (select moved.id from movements moved
                where moved.reference = named limit 1)));
end $$;

-- Documents are written by the writer of filings and read by the others.
do $$
declare name text;
begin
    foreach name in array array['epcis_captures', 'epcis_event_keys', 'epcis_events', 'epcis_event_terms'] loop
        execute format('drop policy own_rows_insert on lodestone.%I', name);
        execute format('drop policy own_rows_update on lodestone.%I', name);
        execute format('create policy own_rows_insert on lodestone.%I for insert to lodestone_filing_writer
            with check (organisation = any ((select lodestone.acting_for())::uuid[]))', name);
    end loop;
end $$;
create policy own_rows_claimed on lodestone.epcis_event_keys for select to lodestone_filing_writer
    using (organisation = any ((select lodestone.acting_for())::uuid[]));
revoke insert on lodestone.epcis_captures, lodestone.epcis_event_keys, lodestone.epcis_events,
    lodestone.epcis_event_terms from lodestone_reporting;
grant insert on lodestone.epcis_captures, lodestone.epcis_event_keys, lodestone.epcis_events,
    lodestone.epcis_event_terms to lodestone_filing_writer;
grant select on lodestone.epcis_event_keys to lodestone_filing_writer;

-- What waits is kept by whoever stores its event, and settled by whoever files it.
drop policy own_rows_insert on lodestone.epcis_waiting;
create policy own_rows_insert on lodestone.epcis_waiting for insert to lodestone_filing_writer
    with check (organisation = any ((select lodestone.acting_for())::uuid[]));
revoke insert on lodestone.epcis_waiting from lodestone_reporting;
grant insert on lodestone.epcis_waiting to lodestone_filing_writer;
