-- What the worker suspects, and what people decided about it.
set search_path = lodestone, public;

create table lodestone.findings (
    id uuid primary key,
    -- One finding per detector and subject: found again, it is not raised again.
    detector text not null,
    subject_key text not null,
    detector_version integer not null,
    subject_kind text not null check (subject_kind in ('filing', 'application', 'site', 'organisation', 'group', 'licence', 'lot', 'movement')),
    subject uuid not null,
    organisation uuid,
    audience text not null check (audience in ('filer', 'official')),
    severity text not null check (severity in ('notice', 'warning', 'alert')),
    evidence jsonb not null,
    sentence_zh text not null,
    sentence_en text not null,
    -- People decide; the worker only closes what no longer holds, and opens it again.
    state text not null check (state in ('open', 'under_review', 'confirmed', 'dismissed', 'closed')),
    raised_at timestamptz not null,
    -- When the filing or application that gave rise to it was committed: the flag's latency.
    caused_at timestamptz not null,
    closed_at timestamptz,
    closed_because text check (closed_because in ('no_longer_holds', 'corrected')),
    unique (detector, subject_key),
    constraint finding_closed_for_a_reason check (
        (state = 'closed') = (closed_at is not null) and (closed_at is null) = (closed_because is null))
);
create index findings_by_subject on lodestone.findings (subject);
create index findings_by_age on lodestone.findings (raised_at, id);
create index findings_open on lodestone.findings (raised_at, id) where state in ('open', 'under_review');
create index findings_by_organisation on lodestone.findings (organisation, raised_at);

create table lodestone.finding_dispositions (
    id uuid primary key,
    finding uuid not null references lodestone.findings,
    state text not null check (state in ('under_review', 'confirmed', 'dismissed')),
    reason text not null,
    person uuid not null,
    decided_at timestamptz not null
);

-- One row per message that the worker judged: what it heard is what it judged, once.
create table lodestone.screenings (
    message uuid not null,
    event text not null,
    subject uuid not null,
    findings integer not null,
    screened_at timestamptz not null
);
create index screenings_by_subject on lodestone.screenings (subject);

-- The worker's assessment of an application, shown to the officer.
create table lodestone.application_assessments (
    id uuid primary key,
    case_id uuid not null,
    case_version integer not null,
    risk text not null check (risk in ('low', 'medium', 'high')),
    reasons jsonb not null,
    assessed_at timestamptz not null,
    unique (case_id, case_version)
);

alter table lodestone.findings enable row level security;
alter table lodestone.findings force row level security;
-- What officials suspect never reaches the filer: the filer's role cannot even see the row.
create policy filer_reads on lodestone.findings for select to lodestone_reporting
    using (audience = 'filer' and organisation = any ((select lodestone.acting_for())::uuid[]));
create policy all_rows on lodestone.findings for all to lodestone_official, lodestone_licensing
    using (true) with check (true);
-- The worker raises, and closes what no longer holds; what a person confirmed it cannot touch.
create policy worker_reads on lodestone.findings for select to lodestone_worker using (true);
create policy worker_raises on lodestone.findings for insert to lodestone_worker with check (state = 'open');
create policy worker_revises on lodestone.findings for update to lodestone_worker
    using (state <> 'confirmed') with check (state in ('open', 'under_review', 'closed'));
create policy owner_rows on lodestone.findings for all to current_user using (true) with check (true);

grant select (id, detector, detector_version, subject_kind, subject, organisation, audience, severity,
    evidence, sentence_zh, sentence_en, state, raised_at, closed_at, closed_because) on lodestone.findings to lodestone_reporting;
grant select on lodestone.findings to lodestone_official, lodestone_licensing;
grant select, insert on lodestone.findings, lodestone.screenings, lodestone.application_assessments to lodestone_worker;
grant update (severity, evidence, sentence_zh, sentence_en, detector_version, state, closed_at,
    closed_because) on lodestone.findings to lodestone_worker;
grant update (state) on lodestone.findings to lodestone_official;
grant select, insert on lodestone.finding_dispositions to lodestone_official;
grant select on lodestone.finding_dispositions to lodestone_worker;
grant select on lodestone.application_assessments to lodestone_licensing, lodestone_official;

-- What the worker asks of filings, across organisations: which version stands, what else is under
-- the same licence, and what such goods were sold for lately.
grant select on lodestone.filing_references to lodestone_worker;
-- Few filings are returns, and whether a site's month is closed is asked for every filing in it.
create index filings_returns on lodestone.filings (organisation, month, site) where kind = 'monthly_return';
create index filings_by_licence on lodestone.filings (licence_number, id) where licence_number is not null;
create index filing_lines_by_price on lodestone.filing_lines (category, (coalesce(grade, '')), currency, filing desc)
    where unit_price is not null;

-- A sum that stops at the largest mass instead of failing: a total that large breaks every limit.
create function lodestone.saturated(total numeric) returns bigint
    language sql immutable parallel safe
    return greatest(least(coalesce(total, 0), 9223372036854775807), -9223372036854775807)::bigint;
