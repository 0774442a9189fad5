//! The keys that licences, determinations and statements are signed with: the present one and every
//! one before it, so that what was signed once can be checked for ever.
//!
//! A key is replaced by starting the service with another file. Its public half is noted then; the
//! private half never leaves the file.

use crate::{
    app::{self, App},
    licences::document::DocumentSealView,
    once, problems,
};
use actix_web::{get, post, web};
use database::signing_keys::{self, Compromise, Declared, SigningKeyRecord};
use domain::{codes::Role, violation::Violation};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    identity::Official,
    problem::{Problem, ProblemDetails},
    signer::SigningKeyView,
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

const REASON_CHARACTERS_AT_MOST: usize = 1_000;

/// The keys to check signatures with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SigningKeysView {
    /// Every key that ever signed, the newest first.
    keys: Vec<SigningKeyView>,
    /// What the signature in a PDF is checked with; it changes together with the present key.
    documents: DocumentSealView,
}

/// The keys that licences, determinations and statements are signed with, earlier ones included.
/// For anybody.
#[utoipa::path(tag = "public", security(()), responses((status = 200, body = SigningKeysView)))]
#[get("/v1/signing-keys")]
pub(crate) async fn list(app: web::Data<App>) -> Result<web::Json<SigningKeysView>, Problem> {
    let mut conn = app.connection().await?;
    let known = signing_keys::all(&mut conn).await?;
    let mut keys: Vec<SigningKeyView> = known.iter().map(|key| shown(&app, key)).collect();
    if !keys.iter().any(|key| key.current) {
        // Started a moment ago: it signs already, and is noted any time now.
        let present = SigningKeyView::of(app.signer.key_id(), &app.signer.public_key());
        keys.insert(0, SigningKeyView { current: true, ..present });
    }
    Ok(web::Json(SigningKeysView { keys, documents: app.seal.public() }))
}

/// That others may have a key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompromiseForm {
    /// Since when they may; not later than now.
    #[schema(value_type = String, example = "2026-11-20T08:00:00Z")]
    since: Timestamp,
    /// How that is known.
    reason: String,
}

/// What is said of a key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CompromiseView {
    /// Which key.
    key_id: String,
    /// Since when others may have it.
    compromised_since: String,
    /// How that is known.
    reason: String,
    /// Who said so.
    declared_by: Uuid,
    /// When.
    declared_at: String,
}

/// Says that a key was compromised since a moment, for good. What it signed before stays good; what
/// it signed since is in doubt, and `/v1/verify` says so. The key itself is replaced by starting the
/// service with another.
#[utoipa::path(
    tag = "public",
    request_body = CompromiseForm,
    params(("key" = String, Path, description = "The name of the key, as `/v1/signing-keys` has it")),
    responses(
        (status = 200, description = "It is said; the same again changes nothing", body = CompromiseView),
        (status = 403, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "Something else was said of the key before", body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/signing-keys/{key}/compromise")]
pub(crate) async fn compromise(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    key: web::Path<String>,
    body: JsonBody<CompromiseForm>,
) -> Result<web::Json<CompromiseView>, Problem> {
    once::require(&official, &[Role::SeniorOfficer])?;
    let CompromiseForm { since, reason } = body.value;
    once::text("/reason", &reason, REASON_CHARACTERS_AT_MOST)?;
    let moment = app::moment(&trace);
    if moment.at < since {
        let fault = Violation::new("/since", "in_the_future", "nobody knows that yet");
        return Err(problems::of_faults(vec![fault.expecting("now or earlier")]));
    }
    // To the microsecond, as it is kept: the same said again is the same.
    let since = Timestamp::from_microsecond(since.as_microsecond()).unwrap_or(since);
    let new = Compromise {
        key_id: key.into_inner(),
        since,
        reason,
        declared_by: official.person,
        declared_at: moment.at,
    };
    let mut conn = app.connection().await?;
    let origin = moment.origin(Some(official.person));
    match signing_keys::declare_compromise(&mut conn, &new, &origin).await? {
        Declared::Now(said) => Ok(web::Json(CompromiseView::from(said))),
        Declared::Otherwise(said) => {
            let since = said.since;
            Err(Problem::Conflict(format!("it was said to be compromised since {since}").into()))
        }
        Declared::NoSuchKey => Err(Problem::NotFound("key")),
    }
}

impl From<Compromise> for CompromiseView {
    fn from(said: Compromise) -> Self {
        Self {
            key_id: said.key_id,
            compromised_since: said.since.to_string(),
            reason: said.reason,
            declared_by: said.declared_by.as_uuid(),
            declared_at: said.declared_at.to_string(),
        }
    }
}

/// Notes which key signs from now on.
pub(crate) async fn note(app: &App, now: Timestamp) -> anyhow::Result<()> {
    let mut conn = app.pool.get().await?;
    let public_key = app.signer.public_key();
    Ok(signing_keys::use_key(&mut conn, app.signer.key_id(), &public_key, now).await?)
}

fn shown(app: &App, key: &SigningKeyRecord) -> SigningKeyView {
    SigningKeyView {
        current: key.key_id == app.signer.key_id(),
        valid_from: Some(key.valid_from.to_string()),
        retired_at: key.retired_at.map(|at| at.to_string()),
        compromised_since: key.compromised_since.map(|at| at.to_string()),
        ..SigningKeyView::of(&key.key_id, &key.public_key)
    }
}
