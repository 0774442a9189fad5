-- The border, when things do not go straight: declarations that are amended, goods that left while
-- the line was down, goods that arrived, and licences that are being changed.
set search_path = lodestone, public;

-- What was declared, so that conditions can be judged again when it is amended.
alter table lodestone.licence_reservations add column declared jsonb;
alter table lodestone.licence_reservations add column amendment smallint not null default 0 check (amendment >= 0);

-- What a declaration said before each of its amendments.
create table lodestone.reservation_amendments (
    reservation uuid not null references lodestone.licence_reservations,
    amendment smallint not null check (amendment > 0),
    organisation uuid not null,
    grams bigint not null check (grams > 0),
    declared jsonb,
    amended_by uuid not null,
    amended_at timestamptz not null,
    primary key (reservation, amendment)
);

-- Goods that had left before the register was asked. They are never denied: what the licence does
-- not cover is excess use, and the licence's own balance stops at nothing.
create table lodestone.licence_departures (
    id uuid primary key,
    -- Nobody's where the number is unknown.
    organisation uuid,
    licence uuid references lodestone.licences,
    number text not null,
    line smallint not null check (line > 0),
    declaration text not null,
    declaration_line smallint not null check (declaration_line > 0),
    grams bigint not null check (grams > 0),
    excess_grams bigint not null check (excess_grams >= 0),
    departed_on date not null,
    -- Why the goods would have been refused, had the register been asked; besides their mass.
    irregularity text,
    declared jsonb not null,
    recorded_by uuid not null,
    recorded_at timestamptz not null,
    constraint licence_departure_excess check (excess_grams <= grams),
    constraint licence_departure_unknown_licence check ((licence is null) = (organisation is null)
        and (licence is not null or excess_grams = grams)),
    unique (number, line, declaration, declaration_line)
);
create index licence_departures_by_licence on lodestone.licence_departures (licence, id);

-- Findings about them.
alter table lodestone.findings drop constraint findings_subject_kind_check;
alter table lodestone.findings add constraint findings_subject_kind_check check (subject_kind in
    ('filing', 'application', 'site', 'organisation', 'group', 'licence', 'lot', 'movement', 'departure'));

-- What exporters report of goods that left: transport, arrival, installation, use (decree 792, article 18).
create table lodestone.licence_arrivals (
    id uuid primary key,
    organisation uuid not null,
    licence uuid not null references lodestone.licences,
    declaration text not null,
    stage text not null check (stage in ('transported', 'arrived', 'installed', 'used')),
    occurred_on date not null,
    grams bigint not null check (grams > 0),
    place text not null,
    note text,
    reported_by uuid not null,
    reported_at timestamptz not null
);
create index licence_arrivals_by_licence on lodestone.licence_arrivals (licence, id);

-- Applications to change a licence in other than its key elements: while one is pending, the
-- licence is not used (decree 792, article 18).
create table lodestone.licence_changes (
    case_id uuid primary key,
    organisation uuid not null,
    licence uuid not null references lodestone.licences,
    begun_at timestamptz not null,
    ended_at timestamptz,
    outcome text check (outcome in ('approved', 'refused', 'withdrawn')),
    constraint licence_change_ended check ((ended_at is null) = (outcome is null))
);
create unique index licence_changes_pending on lodestone.licence_changes (licence) where ended_at is null;

call lodestone.isolate('reservation_amendments', '{lodestone_applicant}', '{}',
    '{lodestone_licensing,lodestone_worker,lodestone_official}');
-- Officials' own: why goods would have been refused is not for the one who sent them.
call lodestone.isolate('licence_departures', '{}', '{}',
    '{lodestone_licensing,lodestone_worker,lodestone_official}');
call lodestone.isolate('licence_arrivals', '{}', '{lodestone_applicant}',
    '{lodestone_licensing,lodestone_worker,lodestone_official}');
call lodestone.isolate('licence_changes', '{}', '{lodestone_applicant}',
    '{lodestone_licensing,lodestone_worker,lodestone_official}');

grant select, insert on lodestone.reservation_amendments, lodestone.licence_departures to lodestone_licensing;
grant select on lodestone.reservation_amendments, lodestone.licence_departures to
    lodestone_worker, lodestone_official;
grant select on lodestone.reservation_amendments to lodestone_applicant;
grant select, insert on lodestone.licence_arrivals to lodestone_applicant;
grant select on lodestone.licence_arrivals to lodestone_licensing, lodestone_worker, lodestone_official;
grant select, insert on lodestone.licence_changes to lodestone_applicant;
grant update (ended_at, outcome) on lodestone.licence_changes to lodestone_applicant, lodestone_licensing;
grant select on lodestone.licence_changes to lodestone_licensing, lodestone_worker, lodestone_official;
