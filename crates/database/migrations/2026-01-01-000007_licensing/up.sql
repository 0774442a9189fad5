-- Applications, decisions, licences and their use.
set search_path = lodestone, public;

create table lodestone.determinations (
    id uuid primary key,
    organisation uuid,
    person uuid,
    asked_at timestamptz not null,
    as_of date not null,
    regime_version text not null,
    -- The question and the answer as signed: canonical JSON.
    question jsonb not null,
    answer jsonb not null,
    signed_content bytea not null,
    signing_key text not null,
    signature bytea not null
);

create table lodestone.cases (
    id uuid primary key,
    number text not null unique,
    organisation uuid not null,
    -- Optimistic lock, and the ETag.
    version integer not null check (version > 0),
    kind text not null check (kind in ('single', 'general', 'registration_voucher')),
    state text not null check (state in ('draft', 'submitted', 'accepted', 'under_review', 'agency_advice',
        'under_final_review', 'countersign', 'approved', 'refused', 'returned', 'withdrawn', 'under_reconsideration')),
    -- What only some states know, in columns, so that the database can hold four eyes apart.
    submitted_at timestamptz,
    accepted_on date,
    reviewer uuid,
    recommended_outcome text check (recommended_outcome in ('approve', 'refuse')),
    recommended_by uuid,
    countersigned_by uuid,
    refusal_reason text,
    licence uuid,
    created_by uuid not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- The application's content as the applicant wrote it: goods, parties, end use.
    content jsonb not null,
    constraint case_four_eyes check (countersigned_by is distinct from recommended_by or countersigned_by is null),
    constraint case_decided_by_two check (state not in ('approved', 'refused')
        or (recommended_by is not null and countersigned_by is not null)),
    constraint case_refusal_has_a_reason check (state <> 'refused' or refusal_reason is not null),
    constraint case_approval_has_a_licence check (state <> 'approved' or licence is not null),
    constraint case_under_review_has_a_reviewer check (
        state not in ('under_review', 'under_final_review', 'countersign') or reviewer is not null)
);
create index cases_queue on lodestone.cases (state, submitted_at, id);
create index cases_by_organisation on lodestone.cases (organisation, id);

create table lodestone.case_events (
    case_id uuid not null references lodestone.cases,
    version integer not null,
    action text not null,
    state text not null,
    person uuid,
    occurred_at timestamptz not null,
    occurred_on date not null,
    detail jsonb not null,
    primary key (case_id, version)
);

create table lodestone.licences (
    id uuid primary key,
    number text not null unique,
    case_id uuid not null unique,
    organisation uuid not null,
    version integer not null check (version > 0),
    kind text not null check (kind in ('single', 'general', 'registration_voucher')),
    state text not null check (state in ('issued', 'suspended', 'revoked', 'surrendered', 'superseded')),
    valid_from date not null,
    valid_until date not null,
    destination text not null,
    consignee text not null,
    end_user text not null,
    end_use text not null,
    -- The first confirmed shipment ends a single licence whatever remains.
    shipped boolean not null default false,
    issued_at timestamptz not null,
    issued_by uuid not null,
    signed_content bytea not null,
    signing_key text not null,
    signature bytea not null,
    constraint licence_dates check (valid_from <= valid_until)
);
create index licences_by_organisation on lodestone.licences (organisation, id);

create table lodestone.licence_lines (
    licence uuid not null references lodestone.licences,
    line smallint not null check (line > 0),
    control_code text not null,
    description text not null,
    hs_code text,
    licensed_grams bigint not null check (licensed_grams > 0),
    reserved_grams bigint not null default 0 check (reserved_grams >= 0),
    confirmed_grams bigint not null default 0 check (confirmed_grams >= 0),
    primary key (licence, line),
    -- Never below zero, whoever asks and however many at once.
    constraint licence_line_balance check (reserved_grams + confirmed_grams <= licensed_grams)
);

create table lodestone.licence_reservations (
    id uuid primary key,
    licence uuid not null,
    line smallint not null,
    declaration text not null,
    declaration_line smallint not null,
    grams bigint not null check (grams > 0),
    state text not null check (state in ('reserved', 'confirmed', 'released')),
    reserved_by uuid not null,
    reserved_at timestamptz not null,
    settled_by uuid,
    settled_at timestamptz,
    foreign key (licence, line) references lodestone.licence_lines,
    -- Idempotent per declaration and line.
    unique (licence, line, declaration, declaration_line)
);

-- Every step of a licence and of its use.
create table lodestone.licence_events (
    id uuid primary key,
    licence uuid not null references lodestone.licences,
    action text not null,
    person uuid,
    occurred_at timestamptz not null,
    detail jsonb not null
);
create index licence_events_by_licence on lodestone.licence_events (licence, id);

-- Sequential parts of numbers people read: per kind and year.
create table lodestone.number_series (
    series text primary key,
    last bigint not null
);

do $$
declare name text;
begin
    foreach name in array array['cases', 'licences', 'determinations'] loop
        call lodestone.isolate(name, '{lodestone_reporting}', '{}',
            '{lodestone_licensing,lodestone_worker,lodestone_official}');
    end loop;
end $$;

grant select, insert, update on lodestone.cases, lodestone.licences, lodestone.licence_lines,
    lodestone.licence_reservations, lodestone.number_series to lodestone_licensing;
grant select, insert on lodestone.determinations, lodestone.case_events, lodestone.licence_events to lodestone_licensing;
grant select on lodestone.cases, lodestone.licences, lodestone.licence_lines, lodestone.licence_reservations to
    lodestone_worker, lodestone_official;
