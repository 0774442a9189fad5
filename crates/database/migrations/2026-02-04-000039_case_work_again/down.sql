set search_path = lodestone, public;
drop table lodestone.listed_party_days;
drop index lodestone.listed_parties_by_day;
revoke update (last_day, planned_last_day, ended_by, ended_at) on lodestone.officer_absences from lodestone_licensing;
alter table lodestone.officer_absences drop constraint absence_ends;
delete from lodestone.officer_absences where last_day < first_day;
alter table lodestone.officer_absences drop column planned_last_day, drop column ended_by, drop column ended_at;
alter table lodestone.officer_absences add constraint absence_ends check (first_day <= last_day);
