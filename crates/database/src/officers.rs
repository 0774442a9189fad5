//! Officers who are away, and those who are not impartial.

use crate::{
    Error,
    cases::Moment,
    row::Reader,
    schema::{memberships, officer_absences, officer_conflicts},
    screening::ask::{Ask, Bind, Statement},
};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, OptionalExtension,
    QueryDsl, QueryableByName,
    sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    case::Slug,
    codes::Role,
    ids::{CaseId, OrganisationId, PersonId},
};
use jiff::{Timestamp, civil::Date};
use jiff_diesel::ToDiesel;
use uuid::Uuid;

/// An officer with what there is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Officer {
    /// Who.
    pub person: PersonId,
    /// The teams they are in.
    pub teams: Vec<Slug>,
    /// Open cases that they examine or shall examine.
    pub cases: i64,
    /// Whether they are away.
    pub absent: bool,
}

/// A time that an officer is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence {
    /// Its id.
    pub id: Uuid,
    /// Who.
    pub person: PersonId,
    /// The first day.
    pub first_day: Date,
    /// The last day.
    pub last_day: Date,
}

/// What became of ending an absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is over; or it was before. As it stands now.
    Over(Absence),
    /// The officer has no such absence.
    NoSuchAbsence,
}

/// What an officer is not impartial in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConflictIn {
    /// One case.
    Case(CaseId),
    /// Every case of an exporter.
    Exporter(OrganisationId),
}

/// Why an officer keeps away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Its id.
    pub id: Uuid,
    /// Who.
    pub person: PersonId,
    /// From what.
    pub conflict_in: ConflictIn,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub declared_by: PersonId,
    /// When.
    pub declared_at: Timestamp,
}

/// Officers of these authorities, or whoever is in a team or has a case.
struct All;

impl Statement for All {
    const TEXT: &'static str = "
        with people as (
            select distinct m.person from memberships m
            where m.organisation = ?::uuid and m.role = any (?::text[]) and m.ended_at is null)
        select p.person,
            array(select t.team from team_members t where t.person = p.person order by t.team) as teams,
            (select count(*) from cases where coalesce(cases.reviewer, cases.assigned_to) = p.person
                and cases.state in ('submitted', 'accepted', 'under_review', 'agency_advice', 'under_final_review',
                    'countersign', 'under_reconsideration')) as cases,
            exists (select from officer_absences a where a.person = p.person
                and ?::date between a.first_day and a.last_day) as absent
        from people p
        where p.person > coalesce(?::uuid, '00000000-0000-0000-0000-000000000000')
        order by p.person
        limit ?";
}

#[derive(QueryableByName)]
struct OfficerRow {
    #[diesel(sql_type = SqlUuid)]
    person: Uuid,
    #[diesel(sql_type = Array<Text>)]
    teams: Vec<String>,
    #[diesel(sql_type = BigInt)]
    cases: i64,
    #[diesel(sql_type = Bool)]
    absent: bool,
}

/// The officers of an authority, by id, after one of them.
pub async fn of_authority(
    conn: &mut AsyncPgConnection,
    authority: OrganisationId,
    today: Date,
    after: Option<PersonId>,
    limit: i64,
) -> Result<Vec<Officer>, Error> {
    let roles = [Role::Officer, Role::SeniorOfficer].map(|role| role.as_str().to_owned());
    let binds = vec![
        Bind::Uuid(Some(authority.as_uuid())),
        Bind::Texts(roles.to_vec()),
        Bind::Date(today.into()),
        Bind::Uuid(after.map(PersonId::as_uuid)),
        Bind::Number(limit),
    ];
    let rows: Vec<OfficerRow> = Ask::<All>::with(binds).load(conn).await?;
    rows.into_iter()
        .map(|row| {
            let reader = Reader { table: "team_members", id: row.person };
            let teams: Result<_, _> =
                row.teams.iter().map(|team| reader.word("team", team)).collect();
            Ok(Officer {
                person: PersonId::from_uuid(row.person),
                teams: teams?,
                cases: row.cases,
                absent: row.absent,
            })
        })
        .collect()
}

/// Whether a person is an officer of an authority.
pub async fn is_officer(
    conn: &mut AsyncPgConnection,
    authority: OrganisationId,
    person: PersonId,
) -> Result<bool, Error> {
    let found: i64 = memberships::table
        .filter(memberships::organisation.eq(authority.as_uuid()))
        .filter(memberships::person.eq(person.as_uuid()))
        .filter(memberships::ended_at.is_null())
        .filter(
            memberships::role
                .eq(Role::Officer.as_str())
                .or(memberships::role.eq(Role::SeniorOfficer.as_str())),
        )
        .count()
        .get_result(conn)
        .await?;
    Ok(0 < found)
}

/// Enters that an officer is away.
pub async fn enter_absence(
    conn: &mut AsyncPgConnection,
    absence: &Absence,
    by: PersonId,
    moment: &Moment,
) -> Result<(), Error> {
    diesel::insert_into(officer_absences::table)
        .values((
            officer_absences::id.eq(absence.id),
            officer_absences::person.eq(absence.person.as_uuid()),
            officer_absences::first_day.eq(absence.first_day.to_diesel()),
            officer_absences::last_day.eq(absence.last_day.to_diesel()),
            officer_absences::entered_by.eq(by.as_uuid()),
            officer_absences::entered_at.eq(moment.at.to_diesel()),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The absences of an officer that are not over on a day, the first one first.
pub async fn absences_of(
    conn: &mut AsyncPgConnection,
    person: PersonId,
    today: Date,
    limit: i64,
) -> Result<Vec<Absence>, Error> {
    let rows: Vec<AbsenceRow> = officer_absences::table
        .filter(officer_absences::person.eq(person.as_uuid()))
        .filter(officer_absences::last_day.ge(today.to_diesel()))
        .filter(officer_absences::first_day.le(officer_absences::last_day))
        .order((officer_absences::first_day, officer_absences::id))
        .limit(limit)
        .select(ABSENCE)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(absence).collect())
}

/// Ends an absence: from `back_on` the officer is there. One that would have ended before stays as
/// it is; one that had not begun was none.
pub async fn end_absence(
    conn: &mut AsyncPgConnection,
    (person, id): (PersonId, Uuid),
    back_on: Date,
    by: PersonId,
    moment: &Moment,
) -> Result<Ended, Error> {
    let eve = back_on.yesterday().unwrap_or(back_on);
    let this = || officer_absences::table.filter(officer_absences::id.eq(id));
    diesel::update(
        this()
            .filter(officer_absences::person.eq(person.as_uuid()))
            .filter(officer_absences::ended_at.is_null())
            .filter(officer_absences::last_day.gt(eve.to_diesel())),
    )
    .set((
        officer_absences::planned_last_day.eq(officer_absences::last_day.nullable()),
        officer_absences::last_day.eq(eve.to_diesel()),
        officer_absences::ended_by.eq(by.as_uuid()),
        officer_absences::ended_at.eq(moment.at.to_diesel()),
    ))
    .execute(conn)
    .await?;
    let row: Option<AbsenceRow> = this()
        .filter(officer_absences::person.eq(person.as_uuid()))
        .select(ABSENCE)
        .first(conn)
        .await
        .optional()?;
    Ok(row.map_or(Ended::NoSuchAbsence, |row| Ended::Over(absence(row))))
}

type AbsenceRow = (Uuid, Uuid, jiff_diesel::Date, jiff_diesel::Date);
const ABSENCE: (
    officer_absences::id,
    officer_absences::person,
    officer_absences::first_day,
    officer_absences::last_day,
) = (
    officer_absences::id,
    officer_absences::person,
    officer_absences::first_day,
    officer_absences::last_day,
);

fn absence((id, person, first_day, last_day): AbsenceRow) -> Absence {
    Absence {
        id,
        person: PersonId::from_uuid(person),
        first_day: first_day.into(),
        last_day: last_day.into(),
    }
}

/// Declares that an officer is not impartial.
pub async fn declare_conflict(
    conn: &mut AsyncPgConnection,
    conflict: &Conflict,
) -> Result<(), Error> {
    let (case, exporter) = match conflict.conflict_in {
        ConflictIn::Case(case) => (Some(case.as_uuid()), None),
        ConflictIn::Exporter(exporter) => (None, Some(exporter.as_uuid())),
    };
    diesel::insert_into(officer_conflicts::table)
        .values((
            officer_conflicts::id.eq(conflict.id),
            officer_conflicts::person.eq(conflict.person.as_uuid()),
            officer_conflicts::case_id.eq(case),
            officer_conflicts::exporter.eq(exporter),
            officer_conflicts::reason.eq(&conflict.reason),
            officer_conflicts::declared_by.eq(conflict.declared_by.as_uuid()),
            officer_conflicts::declared_at.eq(conflict.declared_at.to_diesel()),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
