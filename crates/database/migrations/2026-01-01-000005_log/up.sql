-- The append-only log of everything that became true, and how it gets out.
set search_path = lodestone, public;

-- Every state change and every read of confidential data, as canonical bytes.
create table lodestone.events (
    id uuid not null,
    name text not null,
    organisation uuid,
    subject uuid not null,
    person uuid,
    occurred_at timestamptz not null,
    traceparent text,
    -- Canonical JSON: what the log's leaf hash is taken of.
    body bytea not null,
    primary key (id)
) partition by range (id);
create index events_by_organisation on lodestone.events (organisation, id);
-- Who read what of an organisation, among everything it ever filed.
create index events_confidential_reads on lodestone.events (organisation, id) where name = 'confidential.read';
create index events_by_subject on lodestone.events (subject, id);

-- Ids of events that the relay has not put into the log yet.
create table lodestone.outbox (
    event uuid primary key
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- The order of the log: gapless, given by the relay's leader in commit order.
create table lodestone.log_leaves (
    index bigint primary key check (index >= 0),
    event uuid not null unique,
    leaf_hash bytea not null check (octet_length(leaf_hash) = 32)
);

create table lodestone.log_checkpoints (
    size bigint primary key,
    root bytea not null check (octet_length(root) = 32),
    -- A C2SP signed note.
    note text not null,
    signed_at timestamptz not null
);

-- How far the leader has come; one row.
create table lodestone.relay_state (
    one_row boolean primary key default true check (one_row),
    sequenced bigint not null default 0 check (sequenced >= 0),
    published bigint not null default 0 check (published >= 0 and published <= sequenced),
    -- Hashes of the complete subtrees of the log's tree, left to right.
    frontier bytea[] not null default '{}'
);
insert into lodestone.relay_state default values;

-- What a consumer has already taken into account, written in the transaction of the effect.
create table lodestone.inbox (
    consumer text not null,
    message uuid not null,
    accepted_at timestamptz not null,
    primary key (consumer, message)
);
create index inbox_age on lodestone.inbox (accepted_at);

-- Failed attempts, counted in a transaction of their own: the inbox row rolls back with the effect.
create table lodestone.message_attempts (
    consumer text not null,
    message uuid not null,
    attempts integer not null,
    last_error text not null,
    last_at timestamptz not null,
    primary key (consumer, message)
);

create table lodestone.dead_letters (
    id uuid primary key,
    consumer text not null,
    message uuid not null,
    event text not null,
    body bytea not null,
    traceparent text,
    error text,
    died_at timestamptz not null,
    replay_requested_by uuid,
    replay_requested_at timestamptz,
    replayed_at timestamptz
);

insert into lodestone.partitioned_tables values ('events');
create table lodestone_partitions.events_default partition of lodestone.events default;

call lodestone.isolate('events', '{lodestone_reporting}', '{lodestone_filing_writer,lodestone_reporting}',
    '{lodestone_official,lodestone_licensing,lodestone_worker,lodestone_relay,lodestone_identity}');
-- Facts about nobody's organisation in particular are still written by whoever acts.
create policy nobodys_rows_insert on lodestone.events for insert to lodestone_reporting with check (organisation is null);

grant insert on lodestone.events, lodestone.outbox to lodestone_filing_writer, lodestone_reporting,
    lodestone_official, lodestone_identity, lodestone_licensing, lodestone_worker;
grant select on lodestone.events to lodestone_reporting, lodestone_official, lodestone_licensing,
    lodestone_relay;
grant select, delete on lodestone.outbox to lodestone_relay;
-- FOR UPDATE SKIP LOCKED asks for it; there is nothing to change in an id.
grant update on lodestone.outbox to lodestone_relay;
grant select, insert on lodestone.log_leaves, lodestone.log_checkpoints to lodestone_relay;
grant select, update on lodestone.relay_state to lodestone_relay;
grant select on lodestone.log_leaves, lodestone.log_checkpoints to lodestone_reporting, lodestone_official;
grant select, insert, delete on lodestone.inbox to lodestone_worker, lodestone_licensing;
grant select, insert, update, delete on lodestone.message_attempts to lodestone_worker, lodestone_licensing;
grant select, insert, update on lodestone.dead_letters to lodestone_relay;
grant select on lodestone.dead_letters to lodestone_identity;
grant update (replay_requested_by, replay_requested_at) on lodestone.dead_letters to lodestone_identity;
