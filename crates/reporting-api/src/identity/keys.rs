//! `/v1/keys`: what machines show instead of a password.

use super::{
    Registrar, created,
    forms::{Check, distinct},
};
use crate::paging::PageQuery;
use actix_web::{HttpResponse, delete, get, post, web};
use database::identity::{self, ApiKey, CredentialKind, KeyFilter, NewKey};
use domain::{
    codes::Role,
    ids::{CredentialId, PersonId},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    clock,
    idempotency::OptionalKey,
    identity::{Signed, Token, TokenKind},
    problem::{Problem, ProblemDetails},
    secret::ServerSecret,
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// How long a key lasts when nobody says otherwise, and at most.
pub const KEY_DAYS: i64 = 365;
/// How long a key lasts at most.
pub const KEY_DAYS_LIMIT: i64 = 730;

/// A key to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyForm {
    /// What people call it.
    #[schema(example = "ERP")]
    name: String,
    /// The roles it may use; of yours, for the organisation you act for.
    #[schema(value_type = Vec<String>, example = json!(["reporter"]))]
    scopes: Vec<Role>,
    /// When it ends: within two years; after one, where nothing is said.
    #[schema(value_type = Option<String>, example = "2027-11-01T00:00:00Z")]
    expires_at: Option<Timestamp>,
}

/// A key that was created. The key itself is shown once.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShownKey {
    /// Its id, which is also part of the key.
    pub id: Uuid,
    /// What to send as `Authorization: Bearer <key>`; absent when the answer is a repeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ldk_0193..._q2Y...")]
    pub key: Option<String>,
    /// What people call it.
    pub name: String,
    /// The roles it may use.
    #[schema(value_type = Vec<String>)]
    pub scopes: Vec<Role>,
    /// When it ends.
    pub expires_at: String,
}

/// A key as it is listed.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// Its id.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// Who answers for it.
    pub person: Uuid,
    /// Their name.
    pub person_name: String,
    /// The roles it may use, as far as that person has them.
    #[schema(value_type = Vec<String>)]
    pub scopes: Vec<Role>,
    /// When it was made.
    pub created_at: String,
    /// When it ends.
    pub expires_at: String,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
}

/// A page of keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyPage {
    /// Oldest first.
    pub keys: Vec<KeyView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Creates a key that acts for your organisation in your name.
///
/// It can never do more than you may at the time of its use. Sign in to create one: a key makes
/// no keys.
#[utoipa::path(
    tag = "keys",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = KeyForm,
    responses(
        (status = 201, body = ShownKey),
        (status = 403, description = "Shown was a key, or lent roles", body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/keys")]
pub async fn create(
    registrar: web::Data<Registrar>,
    signed: Signed,
    key: OptionalKey,
    trace: TraceContext,
    form: JsonBody<KeyForm>,
) -> Result<HttpResponse, Problem> {
    if signed.credential_kind == CredentialKind::Key {
        return Err(Problem::Forbidden("a key makes no keys; sign in to create one".into()));
    }
    if signed.delegated {
        let reason = "a key belongs to your own organisation and acts for its principals, too";
        return Err(Problem::Forbidden(reason.into()));
    }
    let now = clock::now();
    let KeyForm { name, scopes, expires_at } = form.value;
    let expires_at = expires_at.unwrap_or(now + SignedDuration::from_hours(24 * KEY_DAYS));
    let mut check = Check::default();
    check.text("/name", &name);
    check.roles("/scopes", &scopes, &signed.roles);
    check.end("/expires_at", expires_at, now, KEY_DAYS_LIMIT);
    check.done()?;

    let id = CredentialId::from_uuid(Uuid::now_v7());
    let token = Token::random(TokenKind::Key(id));
    let new = NewKey {
        id,
        key_hash: token.hash(),
        organisation: signed.organisation,
        person: signed.person,
        name,
        scopes: distinct(&scopes),
        expires_at,
    };
    let without_key = ShownKey::of(&new, None);
    let asked = ("keys", &*form.bytes);
    let request = registrar.keyed(signed.organisation, key, asked, id.as_uuid(), &without_key);
    let act = signed.act(now, trace);
    let mut conn = registrar.connection().await?;
    let outcome = identity::create_key(&mut conn, &new, request.as_ref(), &act).await;
    created(outcome, &ShownKey::of(&new, Some(&token)))
}

/// Lists keys: yours; as an administrator, all of your organisation's.
#[utoipa::path(
    tag = "keys",
    params(PageQuery),
    responses((status = 200, body = KeyPage))
)]
#[get("/v1/keys")]
pub async fn list(
    registrar: web::Data<Registrar>,
    signed: Signed,
    secret: web::Data<ServerSecret>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<KeyPage>, Problem> {
    let mine = manageable(&signed);
    let list = format!("keys of {:?} {:?}", mine.organisation, mine.person);
    let page = query.into_inner().of::<CredentialId>(list, &secret)?;
    let mut conn = registrar.connection().await?;
    let filter = KeyFilter { after: page.after, ..mine };
    let found = identity::keys(&mut conn, &filter, page.limit).await?;
    let next = page.next(&found, |key| key.id);
    Ok(web::Json(KeyPage { keys: found.into_iter().map(KeyView::from).collect(), next }))
}

/// Revokes a key: yours; as an administrator, any of your organisation's.
///
/// It works nowhere any more within five seconds.
#[utoipa::path(
    tag = "keys",
    params(("id" = Uuid, Path)),
    responses((status = 204, description = "Revoked"), (status = 404, body = ProblemDetails))
)]
#[delete("/v1/keys/{id}")]
pub async fn revoke(
    registrar: web::Data<Registrar>,
    signed: Signed,
    id: web::Path<CredentialId>,
    trace: TraceContext,
) -> Result<HttpResponse, Problem> {
    let act = signed.act(clock::now(), trace);
    let mut conn = registrar.connection().await?;
    if !identity::revoke_key(&mut conn, *id, &manageable(&signed), &act).await? {
        return Err(Problem::NotFound("key"));
    }
    registrar.authenticator.forget();
    Ok(HttpResponse::NoContent().finish())
}

/// The keys that somebody may see and revoke.
fn manageable(signed: &Signed) -> KeyFilter {
    let mine: Option<PersonId> = (!signed.has(Role::Administrator)).then_some(signed.person);
    KeyFilter { organisation: Some(signed.organisation), person: mine, after: None }
}

impl ShownKey {
    /// The answer to its creation, with the key or, when repeated, without.
    pub(super) fn of(key: &NewKey, token: Option<&Token>) -> Self {
        Self {
            id: key.id.as_uuid(),
            key: token.map(Token::reveal),
            name: key.name.clone(),
            scopes: key.scopes.clone(),
            expires_at: key.expires_at.to_string(),
        }
    }
}

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.as_uuid(),
            name: key.name,
            person: key.person.as_uuid(),
            person_name: key.person_name,
            scopes: key.scopes,
            created_at: key.created_at.to_string(),
            expires_at: key.expires_at.to_string(),
            revoked_at: key.revoked_at.map(|at| at.to_string()),
        }
    }
}
