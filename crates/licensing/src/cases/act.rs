//! `POST /v1/cases/{id}/{action}`: officials act. Which action is for whom, and when, stands in
//! the table of [`domain::case`]; here it only gets its body.

mod forms;

use super::{log_read, may_see, page, view::CaseView};
use crate::{
    app::{self, App},
    applications::{self, draft_of},
    if_match::{IfMatch, etag},
    once, problems,
};
use actix_web::{HttpResponse, post, web};
use database::{
    Connection,
    cases::{self, CaseError, CaseRecord, CaseVersion, Issued},
    teams,
};
use domain::{
    application::{Application, HandedIn, complete},
    case::{Action, ActionName, Actor, RaisedFlag, TRANSITIONS, Transition},
    ids::{CaseId, LicenceId},
    licence::{CONTENT_VERSION, Holder, LicenceContent, LicenceLine, SerialNumber},
    regime::Regime,
    violation::Violation,
};
use forms::parsed;
use jiff::civil::Date;
use serde_json::Value;
use service::{
    body::JsonBody,
    identity::Official,
    problem::{Problem, ProblemDetails},
    signer::Signer,
    trace::TraceContext,
};

/// Acts on a case. `/v1/workflow` lists the actions; the body holds what belongs to each.
#[utoipa::path(
    tag = "cases",
    request_body(content = Object, description = "`{}` for accept, begin_review, recall, \
        begin_final_review, resume_clock, countersign and confirm_refusal; `{\"missing\": [..]}` for \
        return; `{\"officer\"}` for assign; `{\"reviewer\"}` for reassign; `{\"queue\", \"reason\"}` for move; \
        `{\"agency\", \"question\"}` for ask_agency; `{\"advice\", \"level\", \"note\"}` for advise; `{\"cause\"}` \
        for stop_clock; `{\"exemption\", \"note\"}` for exempt; `{\"flag\", \"note\"}` for raise_flag and \
        clear_flag; `{\"question\"}` for ask_applicant; `{\"query\"}` for close_query; `{\"question\"}` for \
        ask_back; `{\"query\", \"answer\"}` for answer_agency; `{\"text\"}` for note; \
        `{\"note\", \"conditions\": \
        [{\"line\", \"requirement\": {\"kind\", ..}}]}` for recommend_approval, one of those for attach_condition, \
        `{\"number\"}` for remove_condition; `{\"note\"}` for send_back; `{\"reason\", \"note\"}` for recommend_refusal; \
        `{\"reason\"}` for undo"),
    params(
        ("id" = Uuid, Path),
        ("action" = String, Path, description = "Such as accept, recommend_approval, countersign"),
        ("If-Match" = String, Header, description = "The ETag you read"),
    ),
    responses(
        (status = 200, body = CaseView),
        (status = 400, body = ProblemDetails),
        (status = 403, description = "Not by this person: role, four eyes, own affair", body = ProblemDetails),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "Not in this state", body = ProblemDetails),
        (status = 412, description = "Somebody else was faster", body = ProblemDetails),
        (status = 428, body = ProblemDetails),
    )
)]
#[post("/v1/cases/{id}/{action}")]
pub(crate) async fn act(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    path: web::Path<(CaseId, String)>,
    if_match: IfMatch,
    body: JsonBody<Value>,
) -> Result<HttpResponse, Problem> {
    let (id, name) = path.into_inner();
    let action = parsed(&name, &body.bytes, &official)?;
    require_role(&official, action.name())?;
    let moment = app::moment(&trace);
    let mut conn = app.connection().await?;
    let seen = cases::find(&mut conn, id).await?.ok_or(Problem::NotFound("case"))?;
    may_see(&official, &seen)?;
    let regime = app.regimes.in_force(&mut conn, moment.at).await?;
    let actor = actor(&mut conn, &official).await?;
    let on = CaseVersion { id, version: if_match.0 };
    let today = moment.today();
    let action = settled(&mut conn, &official, action, &regime, today).await?;
    // An agency that is asked no longer does not go on where it stopped.
    let check = |record: &CaseRecord| may_see(&official, record).map_err(|_| CaseError::NoSuchCase);
    let record = match action {
        Action::Countersign { licence } => {
            let handed_in = applications::complete::with_it(&mut conn, &seen).await?;
            let issue = |record: &CaseRecord, number: SerialNumber, holder: Holder| {
                issued(&app.signer, (&regime, &handed_in), today, licence, record, number, holder)
            };
            cases::countersign(&mut conn, on, licence, &actor, &moment, &regime, issue).await
        }
        action => cases::transition(&mut conn, on, action, &actor, &moment, &regime, check).await,
    };
    let record = record.map_err(problems::of_case)?;
    log_read(&mut conn, &official, record.case.organisation, record.number, &moment).await?;
    let view = page(&app, &mut conn, &official, id, &moment).await?.1;
    Ok(HttpResponse::Ok().insert_header(etag(record.version)).json(view))
}

/// Who acts, in every role and organisation that counts.
pub(super) async fn actor(conn: &mut Connection, official: &Official) -> Result<Actor, Problem> {
    let mut organisations = cases::organisations_of(conn, official.person).await?;
    organisations.insert(official.organisation);
    let roles = official.roles.iter().copied().collect();
    let (person, organisation) = (official.person, official.organisation);
    Ok(Actor::Person { person, organisation, roles, organisations })
}

/// Nobody learns anything of a case by trying what no state of it allows to their roles.
fn require_role(official: &Official, action: ActionName) -> Result<(), Problem> {
    let by = |row: &Transition| row.by.iter().any(|role| official.has(*role));
    let may = TRANSITIONS.iter().any(|row| row.action == action && by(row));
    may.then_some(())
        .ok_or_else(|| Problem::Forbidden(format!("{action} is for another role").into()))
}

/// The action with what only the house knows: what a flag does, and whether there is such a queue or
/// such an officer.
async fn settled(
    conn: &mut Connection,
    official: &Official,
    action: Action,
    regime: &Regime,
    today: Date,
) -> Result<Action, Problem> {
    match action {
        Action::RaiseFlag { flag, note } => {
            let Some(row) = regime.case_flag(flag.flag.as_str(), today) else {
                let known: Vec<&str> =
                    regime.case_flags(today).map(|row| row.key.as_str()).collect();
                let fault = Violation::new("/flag", "no_such_flag", "there is no such flag");
                return Err(problems::of_faults(vec![fault.expecting(known.join(", "))]));
            };
            let flag = RaisedFlag { effect: row.value.effect, ..flag };
            Ok(Action::RaiseFlag { flag, note })
        }
        Action::Move { queue, reason } => {
            let queues = teams::queues(conn).await?;
            if !queues.iter().any(|known| known.code == queue) {
                let known: Vec<&str> = queues.iter().map(|queue| queue.code.as_str()).collect();
                let fault = Violation::new("/queue", "no_such_queue", "there is no such queue");
                return Err(problems::of_faults(vec![fault.expecting(known.join(", "))]));
            }
            Ok(Action::Move { queue, reason })
        }
        Action::Assign { officer } => {
            once::officer_of(conn, official, "/officer", officer).await?;
            Ok(action)
        }
        Action::Reassign { reviewer } => {
            once::officer_of(conn, official, "/reviewer", reviewer).await?;
            Ok(action)
        }
        action => Ok(action),
    }
}

/// Writes and signs the licence that an approval becomes.
fn issued(
    signer: &Signer,
    (regime, handed_in): (&Regime, &HandedIn),
    today: Date,
    licence: LicenceId,
    record: &CaseRecord,
    number: SerialNumber,
    holder: Holder,
) -> Result<Issued, CaseError> {
    // Judged anew: what was complete when it was handed in may have run out since.
    let draft = draft_of(record)?;
    let application = complete(&draft, handed_in, regime, today).map_err(CaseError::Incomplete)?;
    let mut content = content(regime, today, licence, record, number, holder, application);
    content.conditions.clone_from(&record.case.work.conditions);
    let signed_content = content.signed_bytes().map_err(|error| {
        let fault = Violation::new("", "not_signable", error.to_string());
        CaseError::Incomplete(vec![fault])
    })?;
    let signature = signer.sign(&signed_content);
    Ok(Issued { content, signed_content, signing_key: signer.key_id().to_owned(), signature })
}

fn content(
    regime: &Regime,
    today: Date,
    licence: LicenceId,
    record: &CaseRecord,
    number: SerialNumber,
    holder: Holder,
    application: Application,
) -> LicenceContent {
    let lines = (1..).zip(application.lines).map(|(line, goods)| LicenceLine {
        line,
        control_code: goods.control_code,
        description: goods.description,
        hs_code: Some(goods.hs_code),
        licensed_grams: goods.quantity.grams(),
    });
    let names = |parties: Vec<domain::application::NamedParty>| {
        parties.into_iter().map(|party| party.name).collect()
    };
    LicenceContent {
        content_version: CONTENT_VERSION,
        licence,
        number,
        case: record.case.id,
        kind: application.kind,
        holder,
        issued_on: today,
        validity: application.validity,
        destination: application.destination,
        consignees: names(application.consignees),
        end_users: names(application.end_users),
        end_use: application.end_use.description,
        lines: lines.collect(),
        conditions: Vec::new(),
        regime_version: regime.version().clone(),
    }
}
