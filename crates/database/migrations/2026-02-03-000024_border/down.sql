set search_path = lodestone, public;

drop table lodestone.licence_changes;
drop table lodestone.licence_arrivals;
delete from lodestone.finding_dispositions where finding in (select id from lodestone.findings where subject_kind = 'departure');
delete from lodestone.findings where subject_kind = 'departure';
alter table lodestone.findings drop constraint findings_subject_kind_check;
alter table lodestone.findings add constraint findings_subject_kind_check check (subject_kind in
    ('filing', 'application', 'site', 'organisation', 'group', 'licence', 'lot', 'movement'));
drop table lodestone.licence_departures;
drop table lodestone.reservation_amendments;
alter table lodestone.licence_reservations drop column amendment;
alter table lodestone.licence_reservations drop column declared;
