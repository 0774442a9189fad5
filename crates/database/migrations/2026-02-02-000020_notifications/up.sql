-- Who is told about open items, and the mails that carry it.
set search_path = lodestone, public;

-- A role of its own looks for what is open: the relay's need not see what filers say.
do $$
begin
    -- Roles belong to the whole cluster: another database may have made it, even just now.
    if not exists (select from pg_roles where rolname = 'lodestone_notifier') then
        create role lodestone_notifier login nosuperuser nocreatedb nocreaterole nobypassrls;
    end if;
exception when duplicate_object or unique_violation then null;
end $$;
grant usage on schema lodestone to lodestone_notifier;

-- Who is told what; each step of an open item once, however often it is looked for.
create table lodestone.notifications (
    id uuid primary key,
    audience text not null check (audience in ('filer', 'official')),
    -- Whose turn it is; officials are told about it, too.
    organisation uuid not null,
    subject_kind text not null check (subject_kind in ('movement', 'return')),
    subject text not null,
    kind text not null check (kind in ('receipt_missing', 'difference_unexplained', 'explanation_unanswered',
        'explanation_contested', 'return_missing')),
    -- When it became their turn: a new turn is a new item.
    since date not null,
    step text not null check (step in ('opened', 'reminder', 'overdue', 'escalation')),
    due date not null,
    text_zh text not null,
    text_en text not null,
    created_at timestamptz not null,
    read_at timestamptz,
    read_by uuid,
    constraint notification_is_given_once
        unique (organisation, subject_kind, subject, kind, since, step, audience),
    constraint notification_read_by_somebody check ((read_at is null) = (read_by is null))
);
create index notifications_of_filers on lodestone.notifications (organisation, id) where audience = 'filer';
create index notifications_of_officials on lodestone.notifications (id) where audience = 'official';

-- One row for each person whom a notification also reaches by mail. Their address is looked up when
-- the mail leaves: who left or changed it is not written to under the old one.
create table lodestone.notification_deliveries (
    notification uuid not null references lodestone.notifications,
    person uuid not null references lodestone.people,
    state text not null check (state in ('waiting', 'sent', 'failed')),
    attempts integer not null check (attempts >= 0),
    next_attempt_at timestamptz not null,
    last_error text,
    sent_at timestamptz,
    primary key (notification, person),
    constraint delivery_sent_at_a_moment check ((state = 'sent') = (sent_at is not null))
);
create index notification_deliveries_waiting on lodestone.notification_deliveries (next_attempt_at)
    where state = 'waiting';

call lodestone.isolate('notifications', '{}', '{}', '{lodestone_notifier}');
-- A filer has its own, officials have those meant for them: neither sees the other's.
create policy filer_reads on lodestone.notifications for select to lodestone_reporting
    using (audience = 'filer' and organisation = any ((select lodestone.acting_for())::uuid[]));
create policy filer_marks on lodestone.notifications for update to lodestone_reporting
    using (audience = 'filer' and organisation = any ((select lodestone.acting_for())::uuid[]))
    with check (audience = 'filer' and organisation = any ((select lodestone.acting_for())::uuid[]));
create policy official_reads on lodestone.notifications for select to lodestone_official
    using (audience = 'official');
create policy official_marks on lodestone.notifications for update to lodestone_official
    using (audience = 'official') with check (audience = 'official');
grant select, insert on lodestone.notifications to lodestone_notifier;
grant select, update (read_at, read_by) on lodestone.notifications to lodestone_reporting, lodestone_official;
grant select, insert on lodestone.notification_deliveries to lodestone_notifier;
grant update (state, attempts, next_attempt_at, last_error, sent_at) on lodestone.notification_deliveries
    to lodestone_notifier;

-- The notifier walks over the movements of the last months in the order of their dispatches.
create index movements_by_dispatch on lodestone.movements (filing);

-- What the notifier looks at: which movements there are, what both sides said, who owes returns, and
-- whom to write to. Of filings themselves it sees nothing.
do $$
declare name text;
begin
    foreach name in array array['movements', 'movement_explanations', 'movement_answers', 'sites'] loop
        execute format('create policy notifier_reads on lodestone.%I for select to lodestone_notifier
            using (true)', name);
    end loop;
end $$;
grant select on lodestone.movements, lodestone.movement_explanations, lodestone.movement_answers,
    lodestone.sites, lodestone.organisations, lodestone.regime_versions, lodestone.regime_rows
    to lodestone_notifier;
grant select (id, email, language, disabled_at) on lodestone.people to lodestone_notifier;
grant select (person, organisation, role, ended_at) on lodestone.memberships to lodestone_notifier;

grant execute on function lodestone.movement_sides to lodestone_notifier;

-- For which sites and months a return was filed, and nothing else of it.
create function lodestone.returns_filed(first_month date, last_month date)
    returns table (organisation uuid, site uuid, month date)
    language plpgsql stable security definer set search_path = lodestone, pg_temp
as $$
#variable_conflict use_column
begin
    return query select distinct filed.organisation, filed.site, filed.month from filings filed
        where filed.kind = 'monthly_return' and filed.month between first_month and last_month;
end $$;
revoke execute on function lodestone.returns_filed from public;
grant execute on function lodestone.returns_filed to lodestone_notifier;
