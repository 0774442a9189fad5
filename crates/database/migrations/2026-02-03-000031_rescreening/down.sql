set search_path = lodestone, public;
drop index lodestone.cases_by_destination;
delete from lodestone.application_assessments where cause <> '00000000-0000-0000-0000-000000000000';
alter table lodestone.application_assessments drop constraint application_assessed_once_for_a_cause;
alter table lodestone.application_assessments add constraint application_assessments_case_id_case_version_key
    unique (case_id, case_version);
alter table lodestone.application_assessments drop column cause;
