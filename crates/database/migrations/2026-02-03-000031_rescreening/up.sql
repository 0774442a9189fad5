-- Applications are assessed anew when a list changes.
set search_path = lodestone, public;

-- What made the worker look: nil for the submission, otherwise the event of the list's change.
alter table lodestone.application_assessments add column cause uuid not null
    default '00000000-0000-0000-0000-000000000000';
alter table lodestone.application_assessments drop constraint application_assessments_case_id_case_version_key;
alter table lodestone.application_assessments add constraint application_assessed_once_for_a_cause
    unique (case_id, case_version, cause);

-- What everybody asked for to a destination, lately.
create index cases_by_destination on lodestone.cases ((content ->> 'destination'), submitted_at)
    where submitted_at is not null;
