-- Files of many filings: what was handed in, what became of each line, and how columns are named.
set search_path = lodestone, public;

-- A file that was handed in. The file itself lies in a folder (`bulk.folder`) until it is dealt with.
create table lodestone.bulk_jobs (
    organisation uuid not null,
    id uuid not null,
    mode text not null check (mode in ('validate', 'commit')),
    format text not null check (format in ('ndjson', 'csv', 'xlsx')),
    atomic boolean not null,
    language text not null check (language in ('zh-CN', 'en')),
    person uuid not null,
    received_at timestamptz not null,
    bytes bigint not null check (bytes >= 0),
    sha256 bytea not null check (octet_length(sha256) = 32),
    state text not null default 'waiting' check (state in ('waiting', 'finished', 'failed')),
    finished_at timestamptz,
    failure text,
    primary key (organisation, id),
    constraint bulk_job_ends_once check ((state = 'waiting') = (finished_at is null)),
    constraint bulk_job_fails_for_a_reason check ((state = 'failed') = (failure is not null))
);
create index bulk_jobs_age on lodestone.bulk_jobs (organisation, received_at);

-- What became of some lines of a file, written in the transaction that recorded them: after a
-- crash it says which lines are done.
create table lodestone.bulk_verdicts (
    organisation uuid not null,
    job uuid not null,
    chunk integer not null check (chunk >= 0),
    -- Which lines these verdicts are of; of a table the first row of each filing.
    lines bigint[] not null,
    -- How far into the file they reach.
    read_bytes bigint not null,
    accepted integer not null,
    unchanged integer not null,
    changed integer not null,
    problems integer not null,
    warnings integer not null,
    -- NDJSON, deflated.
    verdicts bytea not null,
    -- The lines that can be corrected and sent again, deflated.
    rejected bytea,
    primary key (organisation, job, chunk)
);

-- How an organisation's own headings map to fields.
create table lodestone.bulk_mappings (
    organisation uuid primary key,
    mapping jsonb not null,
    changed_at timestamptz not null,
    changed_by uuid not null
);

call lodestone.isolate('bulk_jobs', '{}', '{lodestone_reporting}', '{}');
call lodestone.isolate('bulk_verdicts', '{lodestone_reporting}', '{lodestone_filing_writer}', '{}');
call lodestone.isolate('bulk_mappings', '{}', '{lodestone_reporting}', '{}');
-- What is long dealt with is forgotten when its owner hands in the next file.
create policy own_rows_delete on lodestone.bulk_jobs for delete to lodestone_reporting
    using (organisation = any ((select lodestone.acting_for())::uuid[]));
create policy own_rows_delete on lodestone.bulk_verdicts for delete to lodestone_reporting
    using (organisation = any ((select lodestone.acting_for())::uuid[]));

grant select, insert, delete on lodestone.bulk_jobs to lodestone_reporting;
grant update (state, finished_at, failure) on lodestone.bulk_jobs to lodestone_reporting;
grant insert on lodestone.bulk_verdicts to lodestone_filing_writer;
grant select, delete on lodestone.bulk_verdicts to lodestone_reporting;
grant select, insert, update on lodestone.bulk_mappings to lodestone_reporting;
