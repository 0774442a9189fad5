//! `/v1/findings`: what the worker suspects, for whom it is meant, and what people decided.
//!
//! A filer reads findings of audience `filer` about itself, through the role that cannot even see
//! any other row. The authority's people read all through another role; that they read is logged
//! for auditors and not for the filer, whom it would warn.

use crate::{paging::PageQuery, reading::ReadingPools};
use actix_web::{get, post, web};
use database::{
    Connection,
    events::{self, Origin},
    findings::{self, Disposed, Disposition, Filter, Read},
};
use domain::{
    codes::{FindingState, OrganisationKind, Role, Severity},
    event::Event,
    ids::{EventId, FindingId, OrganisationId},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    clock,
    identity::Signed,
    problem::{Location, Problem, ProblemDetails, Violation},
    secret::ServerSecret,
    trace::TraceContext,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Characters of a reason at most.
const REASON_LENGTH_LIMIT: usize = 2_000;
/// Roles of an authority that read findings.
const READERS: [Role; 5] =
    [Role::Officer, Role::SeniorOfficer, Role::Analyst, Role::Inspector, Role::Auditor];
/// Roles of an authority that decide about findings.
const DECIDERS: [Role; 3] = [Role::Officer, Role::SeniorOfficer, Role::Inspector];

/// Which findings to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct FindingsQuery {
    /// Where the last page said the list goes on.
    cursor: Option<String>,
    /// At most so many, 1 to 200.
    limit: Option<u16>,
    /// In this state only: `open`, `under_review`, `confirmed`, `dismissed` or `closed`.
    #[param(value_type = Option<String>)]
    state: Option<FindingState>,
    /// Of this severity only: `notice`, `warning` or `alert`.
    #[param(value_type = Option<String>)]
    severity: Option<Severity>,
    /// By this detector only.
    detector: Option<String>,
    /// About this filing, lot, movement, site, group, licence or application only.
    subject: Option<Uuid>,
    /// Officials: concerning this organisation only.
    #[param(value_type = Option<Uuid>)]
    organisation: Option<OrganisationId>,
}

/// A page of findings.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingPage {
    /// Newest first.
    pub findings: Vec<FindingView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Something that a detector found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingView {
    /// Its id.
    pub id: Uuid,
    /// Who found it.
    #[schema(example = "stock_drawn_below_zero")]
    pub detector: String,
    /// Which version of the detector.
    pub detector_version: u32,
    /// What kind of thing it is about.
    #[schema(example = "lot")]
    pub subject_kind: String,
    /// Which one.
    pub subject: Uuid,
    /// Whom it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<Uuid>,
    /// `filer`: plain data quality, shown to the filer. `official`: for officials only.
    #[schema(value_type = String)]
    pub audience: domain::codes::Audience,
    /// How grave it is.
    #[schema(value_type = String)]
    pub severity: Severity,
    /// What it rests on, as fields of the detector's own.
    #[schema(value_type = Object)]
    pub evidence: serde_json::Value,
    /// The same in plain sentences.
    pub sentence: SentenceView,
    /// Where it stands.
    #[schema(value_type = String)]
    pub state: FindingState,
    /// When it was raised.
    pub raised_at: String,
    /// When the system closed it, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
    /// Why it closed it: `no_longer_holds` or `corrected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_because: Option<String>,
    /// What officials decided, the first decision first; only for them, and only for one finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dispositions: Option<Vec<DispositionView>>,
}

/// A sentence in the two languages that every person can choose from.
#[derive(Debug, Serialize, ToSchema)]
pub struct SentenceView {
    /// 中文。
    pub zh: String,
    /// English.
    pub en: String,
}

/// What somebody decided about a finding.
#[derive(Debug, Serialize, ToSchema)]
pub struct DispositionView {
    /// What it became.
    #[schema(value_type = String)]
    pub state: FindingState,
    /// Why.
    pub reason: String,
    /// Who decided.
    pub person: Uuid,
    /// When.
    pub decided_at: String,
}

/// A decision about a finding.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DispositionForm {
    /// `under_review`, `confirmed` or `dismissed`.
    #[schema(value_type = String, example = "dismissed")]
    state: FindingState,
    /// Why, in 1 to 2000 characters.
    #[schema(example = "The scale's certificate explains the difference.")]
    reason: String,
}

/// Who reads, and so what there is.
struct Access {
    conn: Connection,
    /// For whom, when it is no official.
    filer: Option<OrganisationId>,
}

impl Access {
    async fn of(signed: &Signed, pools: &ReadingPools) -> Result<Self, Problem> {
        let (pool, filer) = if signed.is_official() {
            allowed(signed, &READERS, "officers, analysts, inspectors and auditors read findings")?;
            (&pools.official, None)
        } else {
            (&pools.reporting, Some(signed.organisation))
        };
        Ok(Self { conn: pool.get().await.map_err(database::Error::from)?, filer })
    }

    /// Notes that an official read these findings; not in the filer's log, which would warn it.
    async fn note(
        &mut self,
        signed: &Signed,
        read: &[Read],
        trace: &TraceContext,
    ) -> Result<(), Problem> {
        if self.filer.is_some() || read.is_empty() {
            return Ok(());
        }
        let findings = read.iter().map(|finding| finding.id).collect();
        let event = Event::FindingsRead { person: signed.person, findings };
        let subject = signed.person.as_uuid();
        events::append_alone(&mut self.conn, &origin(signed, trace), subject, &event).await?;
        Ok(())
    }
}

/// Whether somebody is of an authority and holds one of these roles there.
pub(crate) fn allowed(signed: &Signed, roles: &[Role], who: &'static str) -> Result<(), Problem> {
    let holds =
        signed.kind == OrganisationKind::Authority && roles.iter().any(|role| signed.has(*role));
    if holds { Ok(()) } else { Err(Problem::Forbidden(who.into())) }
}

fn origin(signed: &Signed, trace: &TraceContext) -> Origin {
    Origin {
        id: EventId::from_uuid(Uuid::now_v7()),
        occurred_at: clock::now(),
        person: Some(signed.person),
        traceparent: Some(trace.to_string()),
    }
}

/// Lists findings, newest first: a filer those meant for it, the authority's people all.
#[utoipa::path(
    tag = "findings",
    params(FindingsQuery),
    responses(
        (status = 200, body = FindingPage),
        (status = 400, body = ProblemDetails),
        (status = 403, body = ProblemDetails),
    )
)]
#[get("/v1/findings")]
pub async fn list(
    signed: Signed,
    pools: web::Data<ReadingPools>,
    secret: web::Data<ServerSecret>,
    query: web::Query<FindingsQuery>,
    trace: TraceContext,
) -> Result<web::Json<FindingPage>, Problem> {
    let query = query.into_inner();
    let mut access = Access::of(&signed, &pools).await?;
    // Somebody else's organisation is answered like one that does not exist.
    if access.filer.is_some()
        && query.organisation.is_some_and(|wanted| Some(wanted) != access.filer)
    {
        return Err(Problem::NotFound("organisation"));
    }
    let mut filter = Filter {
        state: query.state,
        detector: query.detector,
        severity: query.severity,
        subject: query.subject,
        organisation: query.organisation,
        before: None,
    };
    let list = format!("findings of {:?} {filter:?}", access.filer);
    let page =
        PageQuery::new(query.cursor, query.limit).of::<(Timestamp, FindingId)>(list, &secret)?;
    filter.before = page.after;
    let found = findings::list(&mut access.conn, access.filer, &filter, page.limit.into()).await?;
    access.note(&signed, &found, &trace).await?;
    let next = page.next(&found, |last| (last.raised_at, last.id));
    Ok(web::Json(FindingPage {
        findings: found.into_iter().map(FindingView::from).collect(),
        next,
    }))
}

/// Shows a finding; the authority's people also see what was decided about it.
#[utoipa::path(
    tag = "findings",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = FindingView), (status = 404, body = ProblemDetails))
)]
#[get("/v1/findings/{id}")]
pub async fn find(
    signed: Signed,
    pools: web::Data<ReadingPools>,
    id: web::Path<FindingId>,
    trace: TraceContext,
) -> Result<web::Json<FindingView>, Problem> {
    let mut access = Access::of(&signed, &pools).await?;
    let found = findings::find(&mut access.conn, access.filer, *id).await?;
    let found = found.ok_or(Problem::NotFound("finding"))?;
    access.note(&signed, std::slice::from_ref(&found), &trace).await?;
    let mut view = FindingView::from(found);
    if access.filer.is_none() {
        let decided = findings::dispositions(&mut access.conn, *id).await?;
        view.dispositions = Some(decided.into_iter().map(DispositionView::from).collect());
    }
    Ok(web::Json(view))
}

/// Decides about a finding. Open ones become under review, confirmed or dismissed; what was
/// confirmed or dismissed may be looked at again.
#[utoipa::path(
    tag = "findings",
    params(("id" = Uuid, Path)),
    request_body = DispositionForm,
    responses(
        (status = 200, body = FindingView),
        (status = 403, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "A finding in its state does not become that", body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/findings/{id}/disposition")]
pub async fn dispose(
    signed: Signed,
    pools: web::Data<ReadingPools>,
    id: web::Path<FindingId>,
    trace: TraceContext,
    form: JsonBody<DispositionForm>,
) -> Result<web::Json<FindingView>, Problem> {
    // To a filer its findings are not there to be decided about.
    if !signed.is_official() {
        return Err(Problem::Forbidden("it takes an official".into()));
    }
    allowed(&signed, &DECIDERS, "officers and inspectors decide about findings")?;
    let DispositionForm { state, reason } = form.value;
    check(state, &reason)?;
    let origin = origin(&signed, &trace);
    let decided = Disposition {
        state,
        reason: reason.trim().to_owned(),
        person: signed.person,
        decided_at: origin.occurred_at,
    };
    let mut conn = pools.official.get().await.map_err(database::Error::from)?;
    match findings::dispose(&mut conn, *id, Uuid::now_v7(), &decided, &origin).await? {
        Disposed::Taken => {}
        Disposed::NotFound => return Err(Problem::NotFound("finding")),
        Disposed::NotAllowed { state: from } => {
            let reason = format!("a finding that is {from} does not become {state}");
            return Err(Problem::NotAllowed(reason.into()));
        }
    }
    let found = findings::find(&mut conn, None, *id).await?.ok_or(Problem::NotFound("finding"))?;
    let mut view = FindingView::from(found);
    let dispositions = findings::dispositions(&mut conn, *id).await?;
    view.dispositions = Some(dispositions.into_iter().map(DispositionView::from).collect());
    Ok(web::Json(view))
}

fn check(state: FindingState, reason: &str) -> Result<(), Problem> {
    let mut violations = Vec::new();
    let mut wrong = |pointer: &str, code: &'static str, detail: String, expected: String| {
        violations.push(Violation {
            location: Location::Pointer { pointer: pointer.to_owned() },
            code: code.into(),
            detail,
            expected: Some(expected),
        });
    };
    if matches!(state, FindingState::Open | FindingState::Closed) {
        let expected = "under_review, confirmed or dismissed".to_owned();
        wrong(
            "/state",
            "not_decided_by_people",
            format!("nobody decides that a finding is {state}"),
            expected,
        );
    }
    let length = reason.trim().chars().count();
    if !(1..=REASON_LENGTH_LIMIT).contains(&length) {
        let expected = format!("1 to {REASON_LENGTH_LIMIT} characters");
        wrong("/reason", "length", format!("{length} characters"), expected);
    }
    if violations.is_empty() { Ok(()) } else { Err(Problem::ValidationFailed(violations)) }
}

impl From<Read> for FindingView {
    fn from(read: Read) -> Self {
        let (closed_at, closed_because) = read.closed.unzip();
        Self {
            id: read.id.as_uuid(),
            detector: read.detector,
            detector_version: read.detector_version,
            subject_kind: read.subject_kind,
            subject: read.subject,
            organisation: read.organisation.map(OrganisationId::as_uuid),
            audience: read.audience,
            severity: read.severity,
            evidence: read.evidence,
            sentence: SentenceView { zh: read.sentence.zh, en: read.sentence.en },
            state: read.state,
            raised_at: read.raised_at.to_string(),
            closed_at: closed_at.map(|at| at.to_string()),
            closed_because,
            dispositions: None,
        }
    }
}

impl From<Disposition> for DispositionView {
    fn from(disposition: Disposition) -> Self {
        Self {
            state: disposition.state,
            reason: disposition.reason,
            person: disposition.person.as_uuid(),
            decided_at: disposition.decided_at.to_string(),
        }
    }
}
