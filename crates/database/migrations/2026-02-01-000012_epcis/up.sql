-- Events of GS1 EPCIS 2.0 as they were captured, what they can be found by, and the capture jobs.
--
-- What an event says about matter is a filing beside it; here it is kept as it was sent.
set search_path = lodestone, public;

-- One row for each document that was sent.
create table lodestone.epcis_captures (
    organisation uuid not null,
    id uuid not null,
    person uuid not null,
    error_behaviour text not null check (error_behaviour in ('rollback', 'proceed')),
    created_at timestamptz not null,
    finished_at timestamptz not null,
    success boolean not null,
    captured integer not null check (captured >= 0),
    duplicates integer not null check (duplicates >= 0),
    filings integer not null check (filings >= 0),
    -- Faults of the document: pointer, code, detail, what would be right.
    errors jsonb not null,
    -- Which events became filings, and why others are none.
    outcomes jsonb not null,
    primary key (organisation, id)
) partition by range (id);

-- What makes two events the same: their CBV 2.0 hash, and what their error declaration says.
create table lodestone.epcis_event_keys (
    organisation uuid not null,
    hash bytea not null check (octet_length(hash) = 32),
    -- Empty for an event without one.
    declaration bytea not null check (octet_length(declaration) in (0, 32)),
    event uuid not null,
    primary key (organisation, hash, declaration)
);

create table lodestone.epcis_events (
    organisation uuid not null,
    id uuid not null,
    capture uuid not null,
    event_id text not null,
    hash bytea not null check (octet_length(hash) = 32),
    declared_wrong boolean not null,
    biz_step text,
    event_time timestamptz not null,
    recorded_at timestamptz not null,
    -- Everything it can be found by, as numbers (crate `epcis`, module `terms`).
    terms bigint[] not null,
    -- The event as JSON, with the context it was sent in.
    body bytea not null,
    primary key (organisation, id)
) partition by range (id);
create index epcis_events_by_time on lodestone.epcis_events (organisation, event_time, id);
create index epcis_events_by_step on lodestone.epcis_events (organisation, biz_step, event_time, id);

-- The terms that few events share: a search begins here and walks in the order of event time.
create table lodestone.epcis_event_terms (
    organisation uuid not null,
    term bigint not null,
    event_time timestamptz not null,
    event uuid not null,
    primary key (organisation, term, event_time, event)
) partition by range (event);

insert into lodestone.partitioned_tables values ('epcis_captures'), ('epcis_events'), ('epcis_event_terms');
create table lodestone_partitions.epcis_captures_default partition of lodestone.epcis_captures default;
create table lodestone_partitions.epcis_events_default partition of lodestone.epcis_events default;
create table lodestone_partitions.epcis_event_terms_default partition of lodestone.epcis_event_terms default;

do $$
declare name text;
begin
    foreach name in array array['epcis_captures', 'epcis_event_keys', 'epcis_events', 'epcis_event_terms'] loop
        call lodestone.isolate(name, '{}', '{lodestone_reporting}', '{lodestone_official}');
    end loop;
end $$;

grant select, insert on lodestone.epcis_captures, lodestone.epcis_event_keys, lodestone.epcis_events,
    lodestone.epcis_event_terms to lodestone_reporting;
grant select on lodestone.epcis_captures, lodestone.epcis_events, lodestone.epcis_event_terms to lodestone_official;
