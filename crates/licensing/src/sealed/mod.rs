//! The sealed channel: a foreign end user answers the authority past the supplier.
//!
//! The supplier begins a channel and passes a link on. Whoever opens the link first is given a key
//! of their own and the link is spent: a supplier who opens it leaves the end user before a closed
//! door, and is found out. What comes in can be read by officials only, and never back through the
//! key: the end user sees that it came, and who looked at it.

pub(crate) mod end_user;
pub(crate) mod officials;
pub(crate) mod seal;
mod things;

use crate::{
    app::{self, App},
    applications::{draft_of, existing},
    problems,
};
use actix_web::{HttpResponse, get, post, web};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chacha20poly1305::{Key, aead::Generate};
use database::{
    licensing_requests::{Answered, Request},
    sealed::{self, NewChannel, SupplierChannel},
};
use domain::{
    case::StateName,
    ids::{CaseId, SealedChannelId},
    violation::Violation,
};
use jiff::{SignedDuration, Timestamp};
use seal::WrappingKeys;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{
    body::JsonBody,
    idempotency::{IdempotencyKey, fingerprint},
    identity::Exporter,
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

const DAYS_UNLESS_SAID: i64 = 30;
const DAYS_AT_MOST: i64 = 90;
const LANGUAGES: [&str; 2] = ["zh-CN", "en"];

/// Whom to ask.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Begin {
    /// An end user that the application names.
    #[schema(example = "Beispiel Motoren GmbH")]
    end_user: String,
    /// In which language: `zh-CN` or `en`.
    #[schema(example = "en")]
    language: String,
    /// How many days the link is good for, 1 to 90; 30 unless said.
    #[serde(default)]
    valid_days: Option<i64>,
}

/// A channel as its supplier sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SupplierView {
    /// Its id.
    id: Uuid,
    /// Who is asked.
    end_user: String,
    /// In which language.
    language: String,
    /// `open`, `complete`, `revoked` or `expired`; nothing more is told.
    #[schema(example = "complete")]
    state: &'static str,
    /// Whether the end user released the certificate: it is among the documents then.
    certificate_released: bool,
    /// When it was begun.
    created_at: String,
    /// When the link ends.
    expires_at: String,
}

/// The channels of an application.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SupplierList {
    /// The oldest first.
    channels: Vec<SupplierView>,
}

/// Begins a sealed channel: the answer holds the one link to pass on, and is given once.
#[utoipa::path(
    tag = "sealed channel",
    params(("id" = Uuid, Path), ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters")),
    request_body = Begin,
    responses(
        (status = 201, description = "`link` is the path to pass on to the end user", body = Object),
        (status = 200, description = "Begun before by the same request; the link is not told again", body = Object),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "The application is decided", body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/applications/{id}/sealed-channels")]
pub(crate) async fn begin(
    app: web::Data<App>,
    exporter: Exporter,
    key: IdempotencyKey,
    trace: TraceContext,
    id: web::Path<CaseId>,
    body: JsonBody<Begin>,
) -> Result<HttpResponse, Problem> {
    let moment = app::moment(&trace);
    let days = check(&body.value)?;
    let (organisation, person) = (exporter.organisation, exporter.person);
    let channel = SealedChannelId::from_uuid(Uuid::now_v7());
    let link = new_token("lsl_");
    let (_, wrapped) = wrapping_keys(&app)?.new_key(channel);
    let new = NewChannel {
        id: channel,
        organisation,
        case: *id,
        end_user: body.value.end_user.trim().to_owned(),
        language: body.value.language.clone(),
        link_hash: hash(&link),
        wrapped_key: wrapped.bytes,
        wrapping_key: wrapped.by,
        person,
        expires_at: moment.at + SignedDuration::from_hours(24 * days),
    };
    // The link stands in no table: a repeat is told everything else.
    let mut answer = json!({"id": channel, "expires_at": new.expires_at});
    let key = format!("sealed channels of {id} {}", key.as_str());
    let request = Request { organisation, key: &key, hash: fingerprint(&body.bytes) };
    let answered = app.own(organisation, async |conn| {
        let record = existing(conn, *id).await?;
        let state = record.case.state.name();
        if matches!(state, StateName::Approved | StateName::Refused | StateName::Withdrawn) {
            let refusal = format!("nobody is asked any more while the application is {state}");
            return Err(Problem::NotAllowed(refusal.into()));
        }
        let draft = draft_of(&record).map_err(problems::of_case)?;
        if draft.end_users.iter().all(|party| party.name.trim() != new.end_user) {
            let detail = "the application names no such end user";
            let fault = Violation::new("/end_user", "unknown_end_user", detail);
            return Err(problems::of_faults(vec![fault.expecting("an end user as it is named")]));
        }
        Ok(sealed::create(conn, &request, &new, &answer, &moment).await?)
    });
    match answered.await? {
        Answered::Now(_) => {
            answer["link"] = json!(format!("/v1/sealed/{link}"));
            Ok(HttpResponse::Created().json(answer))
        }
        Answered::Before(answer) => Ok(HttpResponse::Ok().json(answer)),
        Answered::KeyReused => Err(Problem::IdempotencyKeyReused),
    }
}

/// The sealed channels of one of your applications: open or complete, no more.
#[utoipa::path(
    tag = "sealed channel",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = SupplierList), (status = 404, body = ProblemDetails))
)]
#[get("/v1/applications/{id}/sealed-channels")]
pub(crate) async fn list(
    app: web::Data<App>,
    exporter: Exporter,
    trace: TraceContext,
    id: web::Path<CaseId>,
) -> Result<web::Json<SupplierList>, Problem> {
    let at = app::moment(&trace).at;
    app.own(exporter.organisation, async |conn| {
        existing(conn, *id).await?;
        let channels = sealed::of_supplier(conn, *id).await?;
        let channels = channels.into_iter().map(|channel| SupplierView::of(channel, at));
        Ok(web::Json(SupplierList { channels: channels.collect() }))
    })
    .await
}

/// Takes a link back, unless the end user has completed the answer.
#[utoipa::path(
    tag = "sealed channel",
    params(("id" = Uuid, Path), ("channel" = Uuid, Path)),
    responses(
        (status = 204),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "It is complete, or was taken back before", body = ProblemDetails),
    )
)]
#[post("/v1/applications/{id}/sealed-channels/{channel}/revoke")]
pub(crate) async fn revoke(
    app: web::Data<App>,
    exporter: Exporter,
    trace: TraceContext,
    path: web::Path<(CaseId, SealedChannelId)>,
) -> Result<HttpResponse, Problem> {
    let moment = app::moment(&trace);
    let (case, channel) = path.into_inner();
    let whose = (case, exporter.organisation);
    let revoked = app.own(exporter.organisation, async |conn| {
        let channels = sealed::of_supplier(conn, case).await?;
        if channels.iter().all(|known| known.id != channel) {
            return Err(Problem::NotFound("sealed channel"));
        }
        Ok(sealed::revoke(conn, channel, whose, exporter.person, &moment).await?)
    });
    if revoked.await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::NotAllowed("it is complete, or was taken back before".into()))
    }
}

/// What is asked in the right form; answers for how many days.
fn check(wanted: &Begin) -> Result<i64, Problem> {
    let mut faults = Vec::new();
    if !LANGUAGES.contains(&wanted.language.as_str()) {
        let fault =
            Violation::new("/language", "unknown_value", "this language is not spoken here");
        faults.push(fault.expecting("zh-CN or en"));
    }
    let days = wanted.valid_days.unwrap_or(DAYS_UNLESS_SAID);
    if !(1..=DAYS_AT_MOST).contains(&days) {
        let fault = Violation::new("/valid_days", "out_of_range", "a link ends after some days");
        faults.push(fault.expecting(format!("1 to {DAYS_AT_MOST}")));
    }
    if faults.is_empty() { Ok(days) } else { Err(problems::of_faults(faults)) }
}

/// The keys outside; without them there is no sealed channel.
pub(super) fn wrapping_keys(app: &App) -> Result<&WrappingKeys, Problem> {
    app.wrapping_keys.as_ref().ok_or_else(|| {
        let reason = "no sealing key is configured here (`sealed.key_file`)";
        Problem::DependencyDown(anyhow::anyhow!(reason))
    })
}

/// 32 random bytes under a prefix that says what they are.
fn new_token(prefix: &str) -> String {
    format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(Key::generate()))
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl SupplierView {
    fn of(channel: SupplierChannel, at: Timestamp) -> Self {
        Self {
            id: channel.id.as_uuid(),
            end_user: channel.end_user,
            language: channel.language,
            state: channel.life.standing(at).for_supplier(),
            certificate_released: channel.released,
            created_at: channel.created_at.to_string(),
            expires_at: channel.life.expires_at.to_string(),
        }
    }
}
