//! The keys that licences, determinations and statements are signed with: the present one and every
//! one before it, so that what was signed once can be checked for ever.
//!
//! A key is replaced by starting the service with another file. Its public half is noted then; the
//! private half never leaves the file.

use crate::{app::App, licences::document::DocumentSealView};
use actix_web::{get, web};
use database::signing_keys::{self, SigningKeyRecord};
use jiff::Timestamp;
use serde::Serialize;
use service::{problem::Problem, signer::SigningKeyView};
use utoipa::ToSchema;

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
        ..SigningKeyView::of(&key.key_id, &key.public_key)
    }
}
