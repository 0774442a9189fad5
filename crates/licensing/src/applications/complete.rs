//! Is it complete? The one validator, asked before submission and at it.

use super::{draft_of, existing};
use crate::{
    app::{self, App},
    cases::of_the_authority,
};
use actix_web::{get, web};
use database::{Connection, applications, cases::CaseRecord, documents, licences, sealed};
use domain::{
    application::{Draft, EarlierLicence, FirstTimeComplete, HandedIn, Paper, complete, papers},
    ids::{CaseId, OrganisationId},
    regime::{DocumentDuty, LicenceKind},
};
use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};
use service::{
    identity::{Exporter, Official},
    problem::{Location, Problem, ProblemDetails, Violation},
    trace::TraceContext,
};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// The longest period that is counted.
const MONTHS_AT_MOST: i32 = 24;

/// What is still missing, and every paper that is asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Checklist {
    /// Whether it could be handed in now.
    complete: bool,
    /// Everything that stands in the way, field by field: what `submit` would answer.
    violations: Vec<Violation>,
    /// The papers for this kind, these goods, this destination, end use and these parties.
    #[schema(value_type = Vec<Object>)]
    papers: Vec<PaperView>,
}

/// A paper, and whether it is there.
#[derive(Debug, Serialize)]
struct PaperView {
    #[serde(flatten)]
    paper: Paper,
    /// `uploaded`, `named` by its fingerprint, `sealed` by the end user, `missing`, or `not_given`
    /// where it need not come.
    state: &'static str,
}

/// Which days to count.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeriodQuery {
    /// The first day.
    #[param(value_type = String, example = "2026-01-01")]
    from: Date,
    /// The last day.
    #[param(value_type = String, example = "2026-12-31")]
    until: Date,
}

/// How many applications were complete when they were first handed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FirstTimeView {
    /// The first day.
    from: String,
    /// The last day.
    until: String,
    /// All of them: `submitted`, `judged`, `complete`, and `percent` of the judged.
    #[schema(value_type = Object)]
    all: FirstTimeComplete,
    /// The same by kind of licence.
    #[schema(value_type = Object)]
    by_kind: BTreeMap<LicenceKind, FirstTimeComplete>,
}

/// What an application still lacks, and which papers it comes with.
#[utoipa::path(
    tag = "applications",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Checklist), (status = 404, body = ProblemDetails))
)]
#[get("/v1/applications/{id}/checklist")]
pub(crate) async fn checklist(
    app: web::Data<App>,
    exporter: Exporter,
    trace: TraceContext,
    id: web::Path<CaseId>,
) -> Result<web::Json<Checklist>, Problem> {
    let moment = app::moment(&trace);
    let today = moment.today();
    app.own(exporter.organisation, async |conn| {
        let regime = app.regimes.in_force(conn, moment.at).await?;
        let record = existing(conn, *id).await?;
        let draft = draft_of(&record).map_err(crate::problems::of_case)?;
        let handed_in = handed_in(conn, &record, &draft).await?;
        let papers = papers(&draft, &regime, today);
        let papers = papers.into_iter().map(|paper| PaperView::of(paper, &draft, &handed_in));
        let papers: Vec<PaperView> = papers.collect();
        let faults = complete(&draft, &handed_in, &regime, today).err().unwrap_or_default();
        let violations: Vec<Violation> = faults.into_iter().map(Into::into).collect();
        Ok(web::Json(Checklist { complete: violations.is_empty(), violations, papers }))
    })
    .await
}

/// How many applications were complete the first time, counted from what happened to them. For
/// officials.
#[utoipa::path(
    tag = "applications",
    params(PeriodQuery),
    responses(
        (status = 200, body = FirstTimeView),
        (status = 400, body = ProblemDetails),
        (status = 403, body = ProblemDetails),
    )
)]
#[get("/v1/first-time-complete")]
pub(crate) async fn first_time(
    app: web::Data<App>,
    official: Official,
    query: web::Query<PeriodQuery>,
) -> Result<web::Json<FirstTimeView>, Problem> {
    of_the_authority(&official)?;
    let PeriodQuery { from, until } = query.into_inner();
    let longest = from.saturating_add(MONTHS_AT_MOST.months());
    if until < from || longest < until {
        return Err(Problem::InvalidParameter(Box::new(Violation {
            location: Location::Parameter { parameter: "until".to_owned() },
            code: "out_of_range".into(),
            detail: "this is no period that can be counted".to_owned(),
            expected: Some(format!("{from} to {longest}")),
        })));
    }
    let mut conn = app.connection().await?;
    let submissions = applications::first_submissions(&mut conn, from, until).await?;
    let (all, by_kind) = FirstTimeComplete::of(submissions);
    let (from, until) = (from.to_string(), until.to_string());
    Ok(web::Json(FirstTimeView { from, until, all, by_kind }))
}

/// What has come with an application as it was stored.
pub(crate) async fn with_it(
    conn: &mut Connection,
    record: &CaseRecord,
) -> Result<HandedIn, Problem> {
    let draft = draft_of(record).map_err(crate::problems::of_case)?;
    handed_in(conn, record, &draft).await
}

/// What has come with an application besides what it says.
async fn handed_in(
    conn: &mut Connection,
    record: &CaseRecord,
    draft: &Draft,
) -> Result<HandedIn, Problem> {
    let papers = documents::kinds_of_case(conn, record.case.id).await?;
    let earlier = earlier(conn, record.case.organisation, draft).await?;
    let sealed = sealed::any_complete(conn, record.case.id).await?;
    Ok(HandedIn { papers, sealed, earlier })
}

/// The licence that a draft refers to. Somebody else's is like none.
async fn earlier(
    conn: &mut Connection,
    holder: OrganisationId,
    draft: &Draft,
) -> Result<Option<EarlierLicence>, Problem> {
    let Some(number) = draft.earlier_licence else { return Ok(None) };
    let found = licences::find(conn, number).await?;
    Ok(found.filter(|licence| licence.organisation == holder).map(|licence| EarlierLicence {
        kind: licence.content.kind,
        state: licence.state,
        valid_until: licence.content.validity.until(),
        destination: licence.content.destination,
        end_users: licence.content.end_users.into_iter().collect(),
        end_use: licence.content.end_use,
        control_codes: licence.content.lines.into_iter().map(|line| line.control_code).collect(),
    }))
}

impl PaperView {
    fn of(paper: Paper, draft: &Draft, handed_in: &HandedIn) -> Self {
        let state = if handed_in.papers.contains(&paper.document) {
            "uploaded"
        } else if draft.documents.iter().any(|document| document.kind == paper.document) {
            "named"
        } else if paper.sealed && handed_in.sealed {
            "sealed"
        } else if paper.duty == DocumentDuty::Required {
            "missing"
        } else {
            "not_given"
        };
        Self { paper, state }
    }
}
