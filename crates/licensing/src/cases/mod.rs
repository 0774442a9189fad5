//! What officials see of applications. Every look at one is logged, for the applicant to see.

pub(crate) mod act;
pub(crate) mod assignments;
pub(crate) mod history;
pub(crate) mod queries;
pub(crate) mod queue;
pub(crate) mod rules;
pub(crate) mod view;

use crate::{
    app::{self, App},
    applications::draft_of,
    if_match::etag,
    queues::READERS,
};
use actix_web::{HttpResponse, get, web};
use database::{
    Connection,
    cases::{self, CaseRecord, Moment},
    events::{self, Act},
};
use domain::{
    codes::Role,
    event::Event,
    ids::{CaseId, LotId, OrganisationId, PersonId},
    licence::SerialNumber,
};
use service::{
    identity::{Official, Signed},
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use std::collections::BTreeSet;
use view::{CaseView, LotsOfLines, Shown};

/// Why officials look.
const PURPOSE: &str = "licensing procedure";

/// One case, whole: what was written and what it is under the law, who is in it, what happened, what
/// was asked, advised and noted, the clock, the exporter's record, precedents.
#[utoipa::path(
    tag = "cases",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = CaseView), (status = 403, body = ProblemDetails), (status = 404, body = ProblemDetails))
)]
#[get("/v1/cases/{id}")]
pub(crate) async fn find(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    id: web::Path<CaseId>,
) -> Result<HttpResponse, Problem> {
    let moment = app::moment(&trace);
    let mut conn = app.connection().await?;
    let (record, view) = page(&app, &mut conn, &official, *id, &moment).await?;
    let number = record.number;
    log_read(&mut conn, &official, record.case.organisation, number, &moment).await?;
    Ok(HttpResponse::Ok().insert_header(etag(record.version)).json(view))
}

/// A case as officials see it: at most six statements, for those who decide on one that cites lots.
///
/// An agency sees the case and what it was asked, not what else is known of the exporter.
pub(crate) async fn page(
    app: &App,
    conn: &mut Connection,
    official: &Official,
    id: CaseId,
    moment: &Moment,
) -> Result<(CaseRecord, CaseView), Problem> {
    let regime = app.regimes.in_force(conn, moment.at).await?;
    let today = moment.today();
    let found = cases::page(conn, id, &regime, today).await?.ok_or(Problem::NotFound("case"))?;
    may_see(official, &found.record)?;
    let mut shown = Shown::of(&found, &regime, today);
    if has_any(official, READERS) {
        let exporter = cases::exporter(conn, id, found.record.case.organisation).await?;
        let precedents = cases::precedents(conn, id).await?;
        shown = shown.with_record(exporter, &precedents);
        if let Some(lots) = lots_of(conn, official, &found.record, moment).await? {
            shown = shown.with_lots(lots);
        }
    }
    let decided = app.decided.cases(conn, moment).await?;
    let view = CaseView::of(&found, shown, &decided, &regime, today);
    Ok((found.record, view))
}

/// What the lots that an application cites rest on; `None` where it cites none. One statement, and the
/// log of whose filings the answer shows something of.
async fn lots_of(
    conn: &mut Connection,
    official: &Signed,
    record: &CaseRecord,
    moment: &Moment,
) -> Result<Option<LotsOfLines>, Problem> {
    let draft = draft_of(record).unwrap_or_default();
    let lots: BTreeSet<LotId> =
        draft.lines.iter().flat_map(|line| &line.lots).map(|cited| cited.lot).collect();
    if lots.is_empty() {
        return Ok(None);
    }
    let cited = cases::cited_lots(conn, record.case.id, lots.len(), moment.at).await?;
    // A large trace takes a while; others are answered meanwhile.
    let lots = web::block(move || LotsOfLines::of(&draft, &cited)).await;
    let lots = lots.map_err(anyhow::Error::from)?;
    let mut owners = lots.owners().clone();
    // The exporter is told of the look at its application.
    owners.remove(&record.case.organisation);
    let (person, traceparent) = (Some(official.person), moment.traceparent.clone());
    let act = Act { person, at: moment.at, traceparent };
    let subject = format!("lots cited by {}", record.number);
    events::append_reads(conn, &act, &owners, &subject, PURPOSE).await?;
    Ok(Some(lots))
}

/// Drafts are the applicant's own; an agency sees what it was asked, while and after it answers.
pub(crate) fn may_see(official: &Signed, record: &CaseRecord) -> Result<(), Problem> {
    let never_handed_in = record.submitted_at.is_none();
    let asked = record.involves(official.organisation);
    let visible = !never_handed_in
        && (has_any(official, READERS) || (official.has(Role::AgencyAdviser) && asked));
    if visible { Ok(()) } else { Err(Problem::NotFound("case")) }
}

pub(crate) fn of_the_authority(official: &Signed) -> Result<(), Problem> {
    if has_any(official, READERS) {
        return Ok(());
    }
    Err(Problem::Forbidden("it takes an officer, a senior officer or an auditor".into()))
}

fn has_any(signed: &Signed, roles: &[Role]) -> bool {
    roles.iter().any(|role| signed.has(*role))
}

/// Writes the look into the log before anything is shown.
pub(crate) async fn log_read(
    conn: &mut Connection,
    signed: &Signed,
    owner: OrganisationId,
    number: SerialNumber,
    moment: &Moment,
) -> Result<(), Problem> {
    let person: PersonId = signed.person;
    let purpose = PURPOSE.to_owned();
    let event = Event::ConfidentialRead { person, owner, subject: number.to_string(), purpose };
    let origin = moment.origin(Some(person));
    Ok(events::append_alone(conn, &origin, owner.as_uuid(), &event).await?)
}
