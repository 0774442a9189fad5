set search_path = lodestone, public;
drop table lodestone.application_assessments;
drop table lodestone.screenings;
drop table lodestone.finding_dispositions;
drop table lodestone.findings;
