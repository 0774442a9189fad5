set search_path = lodestone, public;

drop policy told_to_applicants on lodestone.case_events;
drop function lodestone.note_answer;
revoke select (role) on lodestone.memberships from lodestone_licensing;
grant select on lodestone.cases to lodestone_applicant;
revoke insert on lodestone.licensing_requests from lodestone_licensing;
revoke update (answer) on lodestone.licensing_requests from lodestone_licensing;
drop trigger case_given_to_somebody_present on lodestone.cases;
drop trigger case_impartial on lodestone.cases;
drop function lodestone.keep_from_the_absent;
drop function lodestone.keep_from_the_partial;
drop table lodestone.officer_conflicts, lodestone.officer_absences, lodestone.routing_versions, lodestone.queues,
    lodestone.team_members, lodestone.teams;
alter table lodestone.case_events drop column acting_for;
drop index lodestone.case_events_decisions, lodestone.application_assessments_by_age, lodestone.cases_waiting;
alter table lodestone.cases
    drop column queue, drop column routed_at, drop column routed_assessment, drop column assigned_to, drop column risk,
    drop column flags, drop column blocking_flags, drop column open_queries, drop column answered_queries,
    drop column signatures_required, drop column signed_by, drop column destination, drop column control_codes,
    drop column end_users;
drop function lodestone.stated_end_users;
drop function lodestone.stated_control_codes;
drop function lodestone.all_different;
