//! `POST /v1/cases/{id}/{action}`: officials act. Which action is for whom, and when, stands in
//! the table of [`domain::case`]; here it only gets its body.

use super::{log_read, may_see, view::CaseView, view_of};
use crate::{
    app::{self, App},
    applications::{self, draft_of},
    if_match::{IfMatch, etag},
    licences::conditions::{self, ConditionForm},
    problems,
};
use actix_web::{HttpResponse, post, web};
use database::{
    Connection,
    cases::{self, CaseError, CaseRecord, CaseVersion, Issued},
};
use domain::{
    application::{Application, HandedIn, complete},
    case::{Action, ActionName, Actor, Advice, RefusalReason, TRANSITIONS, Transition},
    codes::Role,
    ids::{CaseId, LicenceId, OrganisationId, PersonId},
    licence::{CONTENT_VERSION, Holder, LicenceContent, LicenceLine, SerialNumber},
    regime::{ClockStop, Regime},
    violation::Violation,
};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;
use service::{
    body::{self, JsonBody},
    identity::Official,
    problem::{Problem, ProblemDetails},
    signer::Signer,
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

const NOTE_CHARACTERS_AT_MOST: usize = 4_000;

/// A body without fields.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// A remark for the next person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Note {
    note: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recommended {
    note: String,
    #[serde(default)]
    conditions: Vec<ConditionForm>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Missing {
    missing: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reviewer {
    reviewer: PersonId,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    agency: OrganisationId,
    question: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advised {
    advice: Advice,
    note: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cause {
    cause: ClockStop,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    reason: RefusalReason,
    note: String,
}

/// Acts on a case. `/v1/workflow` lists the actions; the body holds what belongs to each.
#[utoipa::path(
    tag = "cases",
    request_body(content = Object, description = "`{}` for accept, begin_review, recall, \
        begin_final_review, resume_clock, countersign and confirm_refusal; `{\"missing\": [..]}` for \
        return; `{\"reviewer\"}` for reassign; `{\"agency\", \"question\"}` for ask_agency; \
        `{\"advice\", \"note\"}` for advise; `{\"cause\"}` for stop_clock; `{\"note\", \"conditions\": \
        [{\"line\", \"requirement\": {\"kind\", ..}}]}` for recommend_approval; `{\"note\"}` for send_back; `{\"reason\", \"note\"}` for recommend_refusal"),
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
    let agency = official.organisation;
    let check = |record: &CaseRecord| {
        // Advice comes from the agency that was asked, not from another one.
        let advises = official.has(Role::AgencyAdviser) && action_is_advice(&name);
        if advises && record.asked_agency() != Some(agency) {
            return Err(CaseError::NoSuchCase);
        }
        Ok(())
    };
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
    let view = view_of(&app, &mut conn, &record, &moment).await?;
    Ok(HttpResponse::Ok().insert_header(etag(record.version)).json(view))
}

/// Who acts, in every role and organisation that counts.
async fn actor(conn: &mut Connection, official: &Official) -> Result<Actor, Problem> {
    let mut organisations = cases::organisations_of(conn, official.person).await?;
    organisations.insert(official.organisation);
    let roles = official.roles.iter().copied().collect();
    Ok(Actor::Person { person: official.person, roles, organisations })
}

/// Nobody learns anything of a case by trying what no state of it allows to their roles.
fn require_role(official: &Official, action: ActionName) -> Result<(), Problem> {
    let by = |row: &Transition| row.by.is_some_and(|role| official.has(role));
    let may = TRANSITIONS.iter().any(|row| row.action == action && by(row));
    may.then_some(())
        .ok_or_else(|| Problem::Forbidden(format!("{action} is for another role").into()))
}

fn action_is_advice(name: &str) -> bool {
    name == ActionName::Advise.as_str()
}

/// The action that a path and a body mean. What applicants and the law do has no path here.
fn parsed(name: &str, bytes: &[u8], official: &Official) -> Result<Action, Problem> {
    let name: ActionName = name.parse().map_err(|_| Problem::NotFound("action"))?;
    let action = match name {
        ActionName::Submit
        | ActionName::Withdraw
        | ActionName::DeemAccepted
        | ActionName::RequestReconsideration => return Err(Problem::NotFound("action")),
        ActionName::Return => {
            let Missing { missing } = body::parse(bytes)?;
            if missing.is_empty() || missing.iter().any(|paper| paper.trim().is_empty()) {
                let fault = Violation::new("/missing", "empty", "say what is missing");
                return Err(problems::of_faults(vec![fault]));
            }
            missing.iter().try_for_each(|paper| within_bounds("/missing", paper))?;
            Action::Return { missing }
        }
        ActionName::Reassign => {
            let Reviewer { reviewer } = body::parse(bytes)?;
            Action::Reassign { reviewer }
        }
        ActionName::AskAgency => {
            let Question { agency, question } = body::parse(bytes)?;
            within_bounds("/question", &question)?;
            Action::AskAgency { agency, question }
        }
        ActionName::Advise => {
            let Advised { advice, note } = body::parse(bytes)?;
            within_bounds("/note", &note)?;
            Action::Advise { advice, note }
        }
        ActionName::StopClock => {
            let Cause { cause } = body::parse(bytes)?;
            Action::StopClock { cause }
        }
        ActionName::RecommendRefusal => {
            let Refusal { reason, note } = body::parse(bytes)?;
            within_bounds("/note", &note)?;
            Action::RecommendRefusal { reason, note }
        }
        ActionName::RecommendApproval => {
            let Recommended { note, conditions } = body::parse(bytes)?;
            within_bounds("/note", &note)?;
            let conditions = conditions::authored(conditions, official.organisation)?;
            Action::RecommendApproval { note, conditions }
        }
        ActionName::SendBack => Action::SendBack { note: note(bytes)? },
        without_a_body => {
            let Nothing {} = body::parse(bytes)?;
            match without_a_body {
                ActionName::Accept => Action::Accept,
                ActionName::BeginReview => Action::BeginReview,
                ActionName::Recall => Action::Recall,
                ActionName::BeginFinalReview => Action::BeginFinalReview,
                ActionName::ResumeClock => Action::ResumeClock,
                ActionName::ConfirmRefusal => Action::ConfirmRefusal,
                _ => Action::Countersign { licence: LicenceId::from_uuid(Uuid::now_v7()) },
            }
        }
    };
    Ok(action)
}

fn note(bytes: &[u8]) -> Result<String, Problem> {
    let Note { note } = body::parse(bytes)?;
    within_bounds("/note", &note)?;
    Ok(note)
}

fn within_bounds(pointer: &str, text: &str) -> Result<(), Problem> {
    if text.chars().count() <= NOTE_CHARACTERS_AT_MOST {
        return Ok(());
    }
    let expected = format!("at most {NOTE_CHARACTERS_AT_MOST} characters");
    let fault = Violation::new(pointer, "too_long", "this is too long").expecting(expected);
    Err(problems::of_faults(vec![fault]))
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
    content.conditions = record.recommended_conditions()?;
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
