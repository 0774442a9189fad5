//! The days on which entries of party lists begin and cease to hold: told once each, because an
//! entry that was made ahead of time changes nothing on the day it is made.

use crate::{
    Error,
    events::{self, Act},
};
use diesel::{
    QueryableByName,
    sql_types::{Date as SqlDate, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::event::Event;
use jiff::civil::Date;
use uuid::Uuid;

const TELL: &str = "insert into lodestone.listed_party_days (entry, change, told_at)
    select party.id, due.change, $2
    from lodestone.listed_parties party
    cross join lateral (values ('begins', party.valid_from), ('ends', party.valid_until)) due (change, day)
    where due.day between $1 - 7 and $1
        and not exists (select from lodestone.listed_party_days told
            where told.entry = party.id and told.change = due.change)
    order by party.id, due.change limit 1000
    on conflict do nothing
    returning entry, change";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    entry: Uuid,
    #[diesel(sql_type = Text)]
    change: String,
}

/// Tells of every entry whose first day, or first day no longer, has come within the last week and
/// was not told before. Answers of how many.
pub async fn tell(conn: &mut AsyncPgConnection, today: Date, act: &Act) -> Result<usize, Error> {
    conn.transaction(async |conn| {
        let rows: Vec<Row> = diesel::sql_query(TELL)
            .bind::<SqlDate, _>(jiff_diesel::Date::from(today))
            .bind::<Timestamptz, _>(jiff_diesel::Timestamp::from(act.at))
            .load(conn)
            .await?;
        let told: Vec<(Uuid, Event)> = rows
            .into_iter()
            .map(|row| (row.entry, Event::PartyListed { entry: row.entry, change: row.change }))
            .collect();
        events::append_all(conn, act, &told).await?;
        Ok(told.len())
    })
    .await
}
