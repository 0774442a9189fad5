//! The officers' queue: what waits, filtered, with how much waits of everything.

use super::{
    of_the_authority,
    view::{CaseHeaderView, ClockView, watched},
};
use crate::{
    app::{self, App},
    page,
};
use actix_web::{get, web};
use database::cases::{self, OfOfficer, QueueCount, QueueEntry, QueueFilter, QueuePlace, WaitsFor};
use domain::{
    application::Draft,
    case::{RiskGrade, Slug, StateName, decision_clock},
    identifiers::CountryCode,
    ids::{OrganisationId, PersonId},
    regime::{LicenceKind, Regime},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use service::{
    cursor,
    identity::Official,
    problem::{Location, Problem, ProblemDetails, Violation},
    trace::TraceContext,
};
use std::{fmt::Display, str::FromStr};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which part of the queue to show.
#[derive(Clone, Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueQuery {
    /// Only cases in this state; without it, all that wait for officials.
    state: Option<String>,
    /// Only cases in this queue.
    queue: Option<String>,
    /// Only cases of this risk: unassessed, low, medium or high.
    risk: Option<String>,
    /// Only applications for this kind of licence.
    kind: Option<String>,
    /// Only cases to this country.
    destination: Option<String>,
    /// Only cases of this exporter.
    exporter: Option<String>,
    /// Only cases with this flag.
    flag: Option<String>,
    /// Only cases of an officer, by id; `me`; of `nobody`; or of whoever is `absent` today.
    officer: Option<String>,
    /// Only cases that wait for a `flag` that blocks, the applicant's `answer`, or the `reading` of one.
    waits_for: Option<String>,
    /// Entries on a page, from 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// Where the last page said the list goes on.
    cursor: Option<String>,
}

/// A page of the queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueuePage {
    /// The longest waiting first.
    cases: Vec<QueueEntryView>,
    /// How many wait of everything, whatever is filtered by.
    counts: Vec<CountView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A case as the queue shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueEntryView {
    /// What every list shows.
    #[serde(flatten)]
    header: CaseHeaderView,
    /// The queue it lies in.
    queue: Option<String>,
    /// The risk as it was when it was last worked on.
    risk: &'static str,
    /// Who shall examine it, before anybody does.
    assigned_to: Option<Uuid>,
    /// Flags that are raised.
    flags: Vec<String>,
    /// How many of them block a decision.
    blocking_flags: i16,
    /// Questions that wait for the applicant.
    open_queries: i16,
    /// Answers that nobody has read.
    answered_queries: i16,
    /// How many signatures a decision takes.
    signatures_required: i16,
    /// How many are there.
    signatures: usize,
    /// Where the goods go.
    destination: Option<String>,
    /// How many lines of goods.
    lines: usize,
    /// The decision's clock, from acceptance on.
    clock: Option<ClockView>,
}

/// How many cases wait, of one state, queue and risk.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountView {
    /// The state.
    state: &'static str,
    /// The queue.
    queue: Option<String>,
    /// The risk.
    risk: &'static str,
    /// How many.
    cases: i64,
    /// How many of them nobody has.
    unassigned: i64,
    /// How many of them a flag blocks.
    blocked: i64,
    /// How many of them have an answer that nobody has read.
    answered: i64,
}

/// The officers' queue, the longest waiting first.
#[utoipa::path(
    tag = "cases",
    params(QueueQuery),
    responses((status = 200, body = QueuePage), (status = 400, body = ProblemDetails), (status = 403, body = ProblemDetails))
)]
#[get("/v1/cases")]
pub(crate) async fn read(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    query: web::Query<QueueQuery>,
) -> Result<web::Json<QueuePage>, Problem> {
    of_the_authority(&official)?;
    let moment = app::moment(&trace);
    let today = moment.today();
    let limit = page::limit(query.limit)?;
    let filter = filter(&query, &official, today)?;
    let name = format!("cases {filter:?}");
    let after: Option<QueuePlace> =
        query.cursor.as_deref().map(|place| cursor::open(&app.secret, &name, place)).transpose()?;
    let mut conn = app.connection().await?;
    let regime = app.regimes.in_force(&mut conn, moment.at).await?;
    let found = cases::queue(&mut conn, &filter, after, limit + 1).await?;
    let (found, goes_on) = page::cut(found, limit);
    let place = found.last().filter(|_| goes_on).and_then(|entry| {
        Some(QueuePlace { submitted_at: entry.header.submitted_at?, id: entry.header.id })
    });
    let next = place.map(|place| cursor::seal(&app.secret, &name, &place));
    let ids: Vec<_> = found.iter().map(|entry| entry.header.id).collect();
    let mut clocks = cases::clocks(&mut conn, &ids).await?;
    let counts = cases::queue_counts(&mut conn).await?;
    let cases = found.into_iter().map(|entry| {
        let facts = clocks.remove(&entry.header.id).unwrap_or_default();
        QueueEntryView::of(entry, &facts, &regime, today)
    });
    Ok(web::Json(QueuePage {
        cases: cases.collect(),
        counts: counts.into_iter().map(CountView::from).collect(),
        next,
    }))
}

fn filter(query: &QueueQuery, official: &Official, today: Date) -> Result<QueueFilter, Problem> {
    Ok(QueueFilter {
        state: word::<StateName>("state", query.state.as_ref())?,
        queue: word::<Slug>("queue", query.queue.as_ref())?,
        risk: word::<RiskGrade>("risk", query.risk.as_ref())?,
        kind: word::<LicenceKind>("kind", query.kind.as_ref())?,
        destination: word::<CountryCode>("destination", query.destination.as_ref())?
            .map(|country| country.to_string()),
        exporter: word::<OrganisationId>("exporter", query.exporter.as_ref())?,
        flag: word::<Slug>("flag", query.flag.as_ref())?,
        officer: match query.officer.as_deref() {
            None => None,
            Some("me") => Some(OfOfficer::Person(official.person)),
            Some("nobody") => Some(OfOfficer::Nobody),
            Some("absent") => Some(OfOfficer::Absent(today)),
            Some(_) => word::<PersonId>("officer", query.officer.as_ref())?.map(OfOfficer::Person),
        },
        waits: match query.waits_for.as_deref() {
            None => None,
            Some("flag") => Some(WaitsFor::Flag),
            Some("answer") => Some(WaitsFor::Answer),
            Some("reading") => Some(WaitsFor::Reading),
            Some(other) => {
                return Err(unknown("waits_for", other, "flag, answer or reading".to_owned()));
            }
        },
    })
}

fn word<T: FromStr<Err: Display>>(
    parameter: &str,
    text: Option<&String>,
) -> Result<Option<T>, Problem> {
    text.map(|text| {
        text.parse().map_err(|error: T::Err| unknown(parameter, text, error.to_string()))
    })
    .transpose()
}

fn unknown(parameter: &str, text: &str, expected: String) -> Problem {
    Problem::InvalidParameter(Box::new(Violation {
        location: Location::Parameter { parameter: parameter.to_owned() },
        code: "unknown_value".into(),
        detail: format!("{text:?} is no {parameter}"),
        expected: Some(expected),
    }))
}

impl QueueEntryView {
    fn of(entry: QueueEntry, facts: &cases::ClockFacts, regime: &Regime, today: Date) -> Self {
        let header = CaseHeaderView::from(&entry.header);
        // What was stored was checked then; what cannot be read has no watch-listed party.
        let draft: Draft = serde_json::from_value(entry.content).unwrap_or_default();
        let exemption = facts.exemption.or_else(|| watched(&draft, regime, today));
        let limit = draft.purpose.decision_limit();
        let clock = decision_clock(&facts.events, regime, limit, exemption, today);
        Self {
            header,
            queue: entry.queue,
            risk: entry.risk.as_str(),
            assigned_to: entry.assigned_to.map(PersonId::as_uuid),
            flags: entry.flags,
            blocking_flags: entry.blocking_flags,
            open_queries: entry.open_queries,
            answered_queries: entry.answered_queries,
            signatures_required: entry.signatures.0,
            signatures: entry.signatures.1,
            destination: draft.destination.map(|country| country.to_string()),
            lines: draft.lines.len(),
            clock: clock.map(ClockView::from),
        }
    }
}

impl From<QueueCount> for CountView {
    fn from(count: QueueCount) -> Self {
        Self {
            state: count.state.as_str(),
            queue: count.queue,
            risk: count.risk.as_str(),
            cases: count.cases,
            unassigned: count.unassigned,
            blocked: count.blocked,
            answered: count.answered,
        }
    }
}
