-- Officers come back early, and list entries that were made ahead are told of on their day.
set search_path = lodestone, public;

-- The last day is the one that counts; what was planned stands beside it once somebody came back
-- early. Whoever came back before it began was not away at all: the last day is then before the first.
alter table lodestone.officer_absences add column planned_last_day date;
alter table lodestone.officer_absences add column ended_by uuid;
alter table lodestone.officer_absences add column ended_at timestamptz;
alter table lodestone.officer_absences drop constraint absence_ends;
alter table lodestone.officer_absences add constraint absence_ends check (
    first_day <= coalesce(planned_last_day, last_day) and (planned_last_day is null or last_day < planned_last_day)
    and (planned_last_day is null) = (ended_by is null) and (ended_by is null) = (ended_at is null));
grant update (last_day, planned_last_day, ended_by, ended_at) on lodestone.officer_absences to lodestone_licensing;

-- That the day of a list entry has come: its first, or the first on which it holds no longer. Told once.
create table lodestone.listed_party_days (
    entry uuid not null references lodestone.listed_parties,
    change text not null check (change in ('begins', 'ends')),
    told_at timestamptz not null,
    primary key (entry, change)
);
create index listed_parties_by_day on lodestone.listed_parties (valid_from);
call lodestone.isolate('listed_party_days', '{}', '{}', '{lodestone_worker}');
grant select, insert on lodestone.listed_party_days to lodestone_worker;
