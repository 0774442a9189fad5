//! What exporters report of goods that left (decree 792, article 18): transport, arrival,
//! installation, use. A report is a claim and is kept as it was made.

use super::{LicenceError, LicenceRecord, find, note};
use crate::{
    Error,
    cases::Moment,
    events,
    licensing_requests::{self, Answered, Request},
    row::Reader,
    schema::licence_arrivals,
};
use diesel::{ExpressionMethods, HasQuery, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    event::Event,
    identifiers::CountryCode,
    ids::{LicenceId, PersonId},
    licence::{ArrivalStage, SerialNumber},
    mass::Kilograms,
};
use jiff::{Timestamp, civil::Date};
use jiff_diesel::ToDiesel;
use serde_json::{Value, json};
use uuid::Uuid;

/// A report about goods that left.
#[derive(Clone, Debug)]
pub struct NewArrival {
    /// Its id, made by the caller.
    pub id: Uuid,
    /// The customs declaration they left under.
    pub declaration: String,
    /// How far they have come.
    pub stage: ArrivalStage,
    /// On which day.
    pub occurred_on: Date,
    /// How much.
    pub mass: Kilograms,
    /// Where.
    pub place: String,
    /// In which country, where that was said.
    pub country: Option<CountryCode>,
    /// Anything else.
    pub note: Option<String>,
}

/// A report as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivalRecord {
    /// Which.
    pub id: Uuid,
    /// The customs declaration the goods left under.
    pub declaration: String,
    /// How far they have come.
    pub stage: ArrivalStage,
    /// On which day.
    pub occurred_on: Date,
    /// How much, in grams.
    pub grams: u64,
    /// Where.
    pub place: String,
    /// In which country, where that was said.
    pub country: Option<CountryCode>,
    /// Anything else.
    pub note: Option<String>,
    /// When it was reported.
    pub reported_at: Timestamp,
}

#[derive(HasQuery)]
#[diesel(table_name = licence_arrivals)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct ArrivalRow {
    id: Uuid,
    declaration: String,
    stage: String,
    occurred_on: jiff_diesel::Date,
    grams: i64,
    place: String,
    country: Option<String>,
    note: Option<String>,
    reported_at: jiff_diesel::Timestamp,
}

/// Keeps a report, once for each request; `answer` is kept for its repeats.
pub async fn report_arrival(
    conn: &mut AsyncPgConnection,
    request: &Request<'_>,
    number: SerialNumber,
    new: &NewArrival,
    person: PersonId,
    moment: &Moment,
    answer: impl FnOnce(&ArrivalRecord) -> Value + Send,
) -> Result<Answered, LicenceError> {
    conn.transaction(async |conn| {
        let record = find(conn, number).await?.ok_or(LicenceError::NoSuchLicence)?;
        if let Some(before) = licensing_requests::begin(conn, request, moment).await? {
            return Ok(before);
        }
        let row: ArrivalRow = diesel::insert_into(licence_arrivals::table)
            .values((
                licence_arrivals::id.eq(new.id),
                licence_arrivals::organisation.eq(record.organisation.as_uuid()),
                licence_arrivals::licence.eq(record.id.as_uuid()),
                licence_arrivals::declaration.eq(&new.declaration),
                licence_arrivals::stage.eq(new.stage.as_str()),
                licence_arrivals::occurred_on.eq(new.occurred_on.to_diesel()),
                licence_arrivals::grams.eq(new.mass.grams_signed()),
                licence_arrivals::place.eq(&new.place),
                licence_arrivals::country.eq(new.country.map(|country| country.to_string())),
                licence_arrivals::note.eq(new.note.as_deref()),
                licence_arrivals::reported_by.eq(person.as_uuid()),
                licence_arrivals::reported_at.eq(moment.at.to_diesel()),
            ))
            .returning(<ArrivalRow as diesel::SelectableHelper<_>>::as_returning())
            .get_result(conn)
            .await?;
        let arrival = parsed(row)?;
        tell(conn, &record, &arrival, person, moment).await?;
        let answer = answer(&arrival);
        licensing_requests::finish(conn, request, &answer).await?;
        Ok(Answered::Now(answer))
    })
    .await
}

/// What was reported about goods that left under a licence, the oldest first.
pub async fn arrivals(
    conn: &mut AsyncPgConnection,
    licence: LicenceId,
    limit: i64,
) -> Result<Vec<ArrivalRecord>, Error> {
    let rows: Vec<ArrivalRow> = ArrivalRow::query()
        .filter(licence_arrivals::licence.eq(licence.as_uuid()))
        .order(licence_arrivals::id)
        .limit(limit)
        .load(conn)
        .await?;
    rows.into_iter().map(parsed).collect()
}

async fn tell(
    conn: &mut AsyncPgConnection,
    record: &LicenceRecord,
    arrival: &ArrivalRecord,
    person: PersonId,
    moment: &Moment,
) -> Result<(), Error> {
    let detail = json!({
        "arrival": arrival.id,
        "stage": arrival.stage,
        "declaration": arrival.declaration,
        "grams": arrival.grams,
    });
    note(conn, record.id, "arrived", Some(person), moment, detail).await?;
    let event = Event::LicenceArrived {
        licence: record.id,
        arrival: arrival.id,
        organisation: record.organisation,
        stage: arrival.stage.to_string(),
        declaration: arrival.declaration.clone(),
    };
    events::append(conn, &moment.origin(Some(person)), record.id.as_uuid(), &event).await
}

fn parsed(row: ArrivalRow) -> Result<ArrivalRecord, Error> {
    let reader = Reader { table: "licence_arrivals", id: row.id };
    Ok(ArrivalRecord {
        id: row.id,
        declaration: row.declaration,
        stage: reader.word("stage", &row.stage)?,
        occurred_on: row.occurred_on.into(),
        grams: row.grams.unsigned_abs(),
        place: row.place,
        country: reader.optional_word("country", row.country.as_deref())?,
        note: row.note,
        reported_at: row.reported_at.into(),
    })
}
