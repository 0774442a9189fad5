-- What an applicant's own systems are told: a feed of changes in the order of the log, and calls
-- to addresses that they named (webhooks).
set search_path = lodestone, public;

-- Of the entries that its systems are told about: whose it is, so that its own can be read in the
-- order of the log. `domain::change` has the names.
alter table lodestone.log_leaves add column organisation uuid;
update lodestone.log_leaves leaf set organisation = event.organisation
    from lodestone.events event where event.id = leaf.event and event.organisation is not null
        and event.name in ('application.submitted', 'case.moved', 'licence.issued', 'licence.moved', 'licence.used');
create index log_leaves_by_organisation on lodestone.log_leaves (organisation, index)
    where organisation is not null;
-- Hashes are anybody's to check; to an applicant only its own entries exist.
call lodestone.isolate('log_leaves', '{lodestone_applicant}', '{}',
    '{lodestone_relay,lodestone_reporting,lodestone_official}');
grant select (index, event, organisation) on lodestone.log_leaves to lodestone_applicant;
create policy applicant_hears on lodestone.events for select to lodestone_applicant
    using (organisation = any ((select lodestone.acting_for())::uuid[])
        and name in ('application.submitted', 'case.moved', 'licence.issued', 'licence.moved', 'licence.used'));
grant select (id, name, organisation, occurred_at, body) on lodestone.events to lodestone_applicant;
-- A licence's events say whose it is since.
drop policy applicant_tells_of_nobody on lodestone.events;

-- Where an organisation wants to be called. The secret that calls are signed with is derived from
-- the server's and the generation: a copy of the database holds none.
create table lodestone.webhooks (
    id uuid primary key,
    organisation uuid not null references lodestone.organisations,
    url text not null check (octet_length(url) <= 2000),
    -- Kinds of change it is called about; all of them when empty.
    kinds text[] not null,
    generation integer not null check (generation > 0),
    -- Until then calls are signed with the secret before as well.
    earlier_secret_until timestamptz,
    state text not null check (state in ('active', 'disabled')),
    disabled_because text,
    -- Entries of the log before this one have been looked at.
    next_index bigint not null check (next_index >= 0),
    -- The last time that a call was answered well.
    answered_at timestamptz,
    created_by uuid not null,
    created_at timestamptz not null,
    removed_at timestamptz,
    constraint webhook_disabled_for_a_reason check ((state = 'disabled') = (disabled_because is not null))
);
create index webhooks_by_organisation on lodestone.webhooks (organisation, id) where removed_at is null;

-- A change that an endpoint is called about: one row, however often it takes.
create table lodestone.webhook_calls (
    webhook uuid not null references lodestone.webhooks,
    index bigint not null,
    organisation uuid not null,
    event uuid not null,
    state text not null check (state in ('waiting', 'delivered', 'failed')),
    attempts integer not null default 0 check (attempts >= 0),
    next_attempt_at timestamptz not null,
    -- Of the last attempt: what was answered, or why nothing was.
    last_status smallint,
    last_error text,
    last_attempt_at timestamptz,
    delivered_at timestamptz,
    primary key (webhook, index),
    constraint call_delivered_at_a_moment check ((state = 'delivered') = (delivered_at is not null))
);
create index webhook_calls_waiting on lodestone.webhook_calls (webhook, index) where state = 'waiting';

call lodestone.isolate('webhooks', '{}', '{lodestone_applicant}', '{lodestone_relay}');
call lodestone.isolate('webhook_calls', '{}', '{lodestone_applicant}', '{lodestone_relay}');
grant select, insert on lodestone.webhooks, lodestone.webhook_calls to lodestone_applicant;
grant update (url, kinds, generation, earlier_secret_until, state, disabled_because, removed_at)
    on lodestone.webhooks to lodestone_applicant;
-- Called again on request.
grant update (state, attempts, next_attempt_at, delivered_at) on lodestone.webhook_calls to lodestone_applicant;
grant select on lodestone.webhooks, lodestone.webhook_calls to lodestone_relay;
grant update (next_index, state, disabled_because, answered_at) on lodestone.webhooks to lodestone_relay;
grant insert, delete on lodestone.webhook_calls to lodestone_relay;
grant update (state, attempts, next_attempt_at, last_status, last_error, last_attempt_at, delivered_at)
    on lodestone.webhook_calls to lodestone_relay;
grant select (sequenced) on lodestone.relay_state to lodestone_applicant;
