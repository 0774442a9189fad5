set search_path = lodestone, public;
alter table lodestone.cases
    drop constraint case_countersigned_by_another_than_the_reviewer,
    drop constraint case_not_decided_by_its_author;
drop table lodestone.licensing_requests;
revoke select (person, organisation, ended_at) on lodestone.memberships from lodestone_licensing;
