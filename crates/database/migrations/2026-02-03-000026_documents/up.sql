-- Whole catalogues that were asked about, and the papers of applications.
set search_path = lodestone, public;

create table lodestone.determination_batches (
    id uuid primary key,
    organisation uuid not null,
    person uuid not null,
    asked_at timestamptz not null,
    as_of date not null,
    regime_version text not null,
    -- The question as it came, and the answer as signed: canonical JSON with the hash of the question.
    question bytea not null,
    signed_content bytea not null,
    signing_key text not null,
    signature bytea not null
);
-- Large, read whole and rarely: compressing them takes longer than judging does.
alter table lodestone.determination_batches
    alter column question set storage external,
    alter column signed_content set storage external;
call lodestone.isolate('determination_batches', '{lodestone_applicant}', '{lodestone_applicant}', '{lodestone_licensing}');
grant select, insert on lodestone.determination_batches to lodestone_applicant;
grant select on lodestone.determination_batches to lodestone_licensing;

-- A paper as it was handed in. Its bytes lie in the object store; a new one of the same name is a
-- new version, and nothing is ever replaced.
create table lodestone.application_documents (
    id uuid primary key,
    organisation uuid not null,
    case_id uuid not null references lodestone.cases,
    kind text not null,
    name text not null,
    version integer not null check (version > 0),
    media_type text not null,
    size_bytes bigint not null check (size_bytes > 0),
    sha256 bytea not null check (octet_length(sha256) = 32),
    -- Whether a scanner looked at it before it was taken in.
    scanned boolean not null,
    -- Nobody, where an end user released it through the sealed channel.
    uploaded_by uuid,
    uploaded_at timestamptz not null,
    unique (case_id, kind, name, version)
);
call lodestone.isolate('application_documents', '{lodestone_applicant}', '{lodestone_applicant}', '{lodestone_licensing}');
-- A paper belongs to an application of its own organisation.
create policy of_an_own_application on lodestone.application_documents as restrictive for insert to lodestone_applicant
    with check (exists (select from lodestone.cases c where c.id = case_id and c.organisation = application_documents.organisation));
grant select, insert on lodestone.application_documents to lodestone_applicant;
grant select on lodestone.application_documents to lodestone_licensing;
