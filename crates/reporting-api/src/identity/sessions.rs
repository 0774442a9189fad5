//! `/v1/sessions` and `/v1/me`: signing in and out, and who one is.

use super::{Registrar, forms::Check};
use actix_web::{HttpRequest, HttpResponse, delete, get, http::header, patch, post, web};
use database::{
    events::Act,
    identity::{self, Acting, CredentialKind, Identity, NewSession},
};
use domain::{
    codes::{OrganisationKind, Role},
    ids::{CredentialId, PersonId},
    mails::MailRhythm,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    clock,
    identity::{Identified, Token, TokenKind},
    problem::{Problem, ProblemDetails},
    rate_limit,
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// Who signs in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInForm {
    /// Your e-mail address.
    #[schema(example = "li.na@example.com")]
    email: String,
    /// Your password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// A session, shown once.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// What to send as `Authorization: Bearer <token>`.
    #[schema(example = "lds_1u3S...")]
    pub token: String,
    /// Who that is, and for whom they may act.
    #[serde(flatten)]
    pub me: MeView,
}

/// Who somebody is.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeView {
    /// The person.
    pub person: PersonView,
    /// What was shown: `session` or `key`.
    #[schema(example = "session")]
    pub credential_kind: &'static str,
    /// The id of the session or key.
    pub credential: Uuid,
    /// When it ends.
    pub expires_at: String,
    /// For whom they may act, and how.
    pub organisations: Vec<ActingView>,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonView {
    /// Their id.
    pub id: Uuid,
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// The language they read: `zh` or `en`.
    pub language: &'static str,
    /// How mails about open items reach them: `each` at once, or all of a day in one (`daily`).
    pub mails: &'static str,
}

/// What somebody changes about themselves.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeForm {
    /// How mails about open items reach you: `each` at once, or all of a day in one (`daily`), at
    /// seven in the morning in Beijing. In the portal everything is there at once.
    #[schema(value_type = String, example = "daily")]
    mails: MailRhythm,
}

/// An organisation somebody may act for.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActingView {
    /// Its id.
    pub organisation: Uuid,
    /// What kind it is.
    #[schema(value_type = String, example = "filer")]
    pub kind: OrganisationKind,
    /// In which roles.
    #[schema(value_type = Vec<String>, example = json!(["reporter"]))]
    pub roles: Vec<Role>,
    /// Whether another organisation lent these roles.
    pub delegated: bool,
}

/// Signs in with e-mail address and password.
///
/// Whatever is wrong, the answer is the same: 401. After five failures in a row nobody can sign
/// in under that address for 30 seconds, then for twice as long each time, up to an hour.
#[utoipa::path(
    tag = "sessions", security(()),
    request_body = SignInForm,
    responses(
        (status = 201, body = SessionView),
        (status = 401, description = "Not with this address and password", body = ProblemDetails),
        (status = 429, description = "Too many attempts from here", body = ProblemDetails),
    )
)]
#[post("/v1/sessions")]
pub async fn sign_in(
    registrar: web::Data<Registrar>,
    request: HttpRequest,
    trace: TraceContext,
    form: JsonBody<SignInForm>,
) -> Result<HttpResponse, Problem> {
    if let Some(limit) = &registrar.sign_ins {
        limit.count(rate_limit::peer(request.peer_addr()))?;
    }
    let SignInForm { email, password } = form.value;
    let mut check = Check::default();
    check.email("/email", &email);
    check.done()?;
    let now = clock::now();
    let attempt = {
        let mut conn = registrar.connection().await?;
        identity::begin_sign_in(&mut conn, &email, now).await?
    };
    // No connection is held while the password is judged, which is slow on purpose.
    let kept = attempt.as_ref().map(|attempt| attempt.password_hash.as_str());
    let fits = registrar.passwords.verify(&password, kept).await?;
    let Some(attempt) = attempt.filter(|_| fits) else { return Err(Problem::Unauthenticated) };

    let token = Token::random(TokenKind::Session);
    let session = NewSession {
        id: CredentialId::from_uuid(Uuid::now_v7()),
        token_hash: token.hash(),
        person: attempt.person,
        expires_at: now + registrar.session,
    };
    let act = Act { person: Some(attempt.person), at: now, traceparent: Some(trace.to_string()) };
    let mut conn = registrar.connection().await?;
    identity::sign_in_succeeded(&mut conn, attempt.person).await?;
    identity::open_session(&mut conn, &session, &act).await?;
    let opened = identity::authenticate(&mut conn, &session.token_hash, now).await?;
    // Nobody's colleague any more: there is nothing to sign in to.
    let opened = opened.ok_or(Problem::Unauthenticated)?;
    drop(conn);
    let me = registrar.me(&opened).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(SessionView { token: token.reveal(), me }))
}

/// Signs out: ends the session that is shown.
#[utoipa::path(
    tag = "sessions",
    responses(
        (status = 204, description = "The session has ended"),
        (status = 401, body = ProblemDetails),
        (status = 409, description = "A key is no session", body = ProblemDetails),
    )
)]
#[delete("/v1/sessions")]
pub async fn sign_out(
    registrar: web::Data<Registrar>,
    identified: Identified,
    trace: TraceContext,
) -> Result<HttpResponse, Problem> {
    let Identity { credential, kind, person, .. } = *identified.0;
    if kind == CredentialKind::Key {
        return Err(Problem::NotAllowed("a key is revoked at /v1/keys".into()));
    }
    let act = Act { person: Some(person), at: clock::now(), traceparent: Some(trace.to_string()) };
    let mut conn = registrar.connection().await?;
    identity::close_session(&mut conn, credential, person, &act).await?;
    registrar.authenticator.forget();
    Ok(HttpResponse::NoContent().finish())
}

/// Who you are, and for whom you may act.
#[utoipa::path(
    tag = "sessions",
    responses((status = 200, body = MeView), (status = 401, body = ProblemDetails))
)]
#[get("/v1/me")]
pub async fn who_am_i(
    registrar: web::Data<Registrar>,
    identified: Identified,
) -> Result<web::Json<MeView>, Problem> {
    Ok(web::Json(registrar.me(&identified.0).await?))
}

/// Changes how mails reach you.
#[utoipa::path(
    tag = "sessions",
    request_body = MeForm,
    responses(
        (status = 200, body = MeView),
        (status = 400, body = ProblemDetails),
        (status = 401, body = ProblemDetails),
        (status = 409, description = "A key is not a person", body = ProblemDetails),
    )
)]
#[patch("/v1/me")]
pub async fn change_me(
    registrar: web::Data<Registrar>,
    identified: Identified,
    trace: TraceContext,
    form: JsonBody<MeForm>,
) -> Result<web::Json<MeView>, Problem> {
    let identity = &identified.0;
    if identity.kind == CredentialKind::Key {
        return Err(Problem::NotAllowed("whom a key stands for signs in to change that".into()));
    }
    let person = identity.person;
    let act = Act { person: Some(person), at: clock::now(), traceparent: Some(trace.to_string()) };
    let organisation = identity.acting.first().map(|acting| acting.organisation);
    let mut conn = registrar.connection().await?;
    identity::choose_mails(&mut conn, person, organisation, form.value.mails, &act).await?;
    drop(conn);
    Ok(web::Json(registrar.me(identity).await?))
}

impl Registrar {
    async fn me(&self, identity: &Identity) -> Result<MeView, Problem> {
        Ok(MeView {
            person: self.person(identity.person).await?,
            credential_kind: match identity.kind {
                CredentialKind::Session => "session",
                CredentialKind::Key => "key",
            },
            credential: identity.credential.as_uuid(),
            expires_at: identity.expires_at.to_string(),
            organisations: identity.acting.iter().map(ActingView::from).collect(),
        })
    }

    async fn person(&self, id: PersonId) -> Result<PersonView, Problem> {
        let mut conn = self.connection().await?;
        let found = identity::find_person(&mut conn, id).await?;
        let person = found.ok_or(Problem::NotFound("person"))?;
        Ok(PersonView {
            id: person.id.as_uuid(),
            name: person.name,
            email: person.email,
            language: person.language.as_str(),
            mails: person.mails.as_str(),
        })
    }
}

impl From<&Acting> for ActingView {
    fn from(acting: &Acting) -> Self {
        Self {
            organisation: acting.organisation.as_uuid(),
            kind: acting.kind,
            roles: acting.roles.clone(),
            delegated: acting.delegated,
        }
    }
}
