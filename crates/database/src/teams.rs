//! Teams of officers and the queues they work off.

use crate::{
    Error,
    cases::Moment,
    row::Reader,
    schema::{queues, team_members, teams},
};
use diesel::{ExpressionMethods, QueryDsl, result::DatabaseErrorKind};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{case::Slug, ids::PersonId, regime::Sentence};
use jiff_diesel::ToDiesel;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Officers who work together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Its code.
    pub code: Slug,
    /// What it is called.
    pub name: Sentence,
    /// Who is in it.
    pub members: Vec<PersonId>,
}

/// Where cases wait for a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its code.
    pub code: Slug,
    /// What it is called.
    pub name: Sentence,
    /// The team that works it off.
    pub team: Slug,
}

/// Why a team or a queue was not made.
#[derive(Debug, thiserror::Error)]
pub enum TeamError {
    /// The code stands for another one.
    #[error("this code is taken")]
    Taken,
    /// There is no such team.
    #[error("there is no such team")]
    NoSuchTeam,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] Error),
}

impl From<diesel::result::Error> for TeamError {
    fn from(error: diesel::result::Error) -> Self {
        match error {
            diesel::result::Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
                Self::Taken
            }
            diesel::result::Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => {
                Self::NoSuchTeam
            }
            error => Self::Database(error.into()),
        }
    }
}

/// Every team with its members, by code.
pub async fn all(conn: &mut AsyncPgConnection) -> Result<Vec<Team>, Error> {
    let rows: Vec<(String, String, String)> = teams::table
        .order(teams::code)
        .select((teams::code, teams::name_zh, teams::name_en))
        .load(conn)
        .await?;
    let members: Vec<(String, Uuid)> = team_members::table
        .order((team_members::team, team_members::person))
        .select((team_members::team, team_members::person))
        .load(conn)
        .await?;
    let of = |code: &str| {
        let mine = members.iter().filter(|(team, _)| team == code);
        mine.map(|(_, person)| PersonId::from_uuid(*person)).collect()
    };
    rows.into_iter()
        .map(|(code, zh, en)| {
            let members = of(&code);
            Ok(Team { code: slug("teams", &code)?, name: Sentence { zh, en }, members })
        })
        .collect()
}

/// Every queue, by code.
pub async fn queues(conn: &mut AsyncPgConnection) -> Result<Vec<Queue>, Error> {
    let rows: Vec<(String, String, String, String)> = queues::table
        .order(queues::code)
        .select((queues::code, queues::name_zh, queues::name_en, queues::team))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|(code, zh, en, team)| {
            Ok(Queue {
                code: slug("queues", &code)?,
                name: Sentence { zh, en },
                team: slug("queues", &team)?,
            })
        })
        .collect()
}

/// Makes a team.
pub async fn make(
    conn: &mut AsyncPgConnection,
    team: &Team,
    by: PersonId,
    moment: &Moment,
) -> Result<(), TeamError> {
    diesel::insert_into(teams::table)
        .values((
            teams::code.eq(team.code.as_str()),
            teams::name_zh.eq(&team.name.zh),
            teams::name_en.eq(&team.name.en),
            teams::made_by.eq(by.as_uuid()),
            teams::made_at.eq(moment.at.to_diesel()),
        ))
        .execute(conn)
        .await?;
    let people: BTreeSet<PersonId> = team.members.iter().copied().collect();
    add(conn, &team.code, &people, by, moment).await
}

/// Says who is in a team from now on.
pub async fn set_members(
    conn: &mut AsyncPgConnection,
    team: &Slug,
    people: &BTreeSet<PersonId>,
    by: PersonId,
    moment: &Moment,
) -> Result<(), TeamError> {
    conn.transaction(async |conn| {
        let ids: Vec<Uuid> = people.iter().map(|person| person.as_uuid()).collect();
        diesel::delete(
            team_members::table
                .filter(team_members::team.eq(team.as_str()))
                .filter(team_members::person.ne_all(ids)),
        )
        .execute(conn)
        .await?;
        // Nobody in it: the foreign key would say nothing.
        let known: Vec<String> = teams::table
            .filter(teams::code.eq(team.as_str()))
            .select(teams::code)
            .load(conn)
            .await?;
        if known.is_empty() {
            return Err(TeamError::NoSuchTeam);
        }
        add(conn, team, people, by, moment).await
    })
    .await
}

async fn add(
    conn: &mut AsyncPgConnection,
    team: &Slug,
    people: &BTreeSet<PersonId>,
    by: PersonId,
    moment: &Moment,
) -> Result<(), TeamError> {
    let rows: Vec<_> = people
        .iter()
        .map(|person| {
            (
                team_members::team.eq(team.as_str()),
                team_members::person.eq(person.as_uuid()),
                team_members::added_by.eq(by.as_uuid()),
                team_members::added_at.eq(moment.at.to_diesel()),
            )
        })
        .collect();
    diesel::insert_into(team_members::table)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(())
}

/// Makes a queue.
pub async fn make_queue(
    conn: &mut AsyncPgConnection,
    queue: &Queue,
    by: PersonId,
    moment: &Moment,
) -> Result<(), TeamError> {
    diesel::insert_into(queues::table)
        .values((
            queues::code.eq(queue.code.as_str()),
            queues::name_zh.eq(&queue.name.zh),
            queues::name_en.eq(&queue.name.en),
            queues::team.eq(queue.team.as_str()),
            queues::made_by.eq(by.as_uuid()),
            queues::made_at.eq(moment.at.to_diesel()),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

fn slug(table: &'static str, code: &str) -> Result<Slug, Error> {
    Ok(Reader { table, id: Uuid::nil() }.word("code", code)?)
}
