//! `/v1/invitations`: how people join an organisation.

use super::{
    Registrar, created,
    forms::{Check, distinct},
    people::{LanguageName, of_organisation, possible_roles},
    problem,
};
use crate::paging::PageQuery;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use database::{
    events::Act,
    identity::{self, Accepting, Invitation, NewInvitation, NewPerson, Person},
};
use domain::{
    codes::Role,
    ids::{InvitationId, OrganisationId, PersonId},
};
use jiff::SignedDuration;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    clock,
    idempotency::OptionalKey,
    identity::{OrganisationAdministrator, Token, TokenKind, check_choice},
    problem::{Problem, ProblemDetails},
    rate_limit,
    secret::ServerSecret,
    trace::TraceContext,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// How long an invitation can be accepted.
pub const INVITATION_DAYS: i64 = 14;

/// Who is invited to what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationForm {
    /// Their e-mail address.
    #[schema(example = "wang.wei@example.com")]
    email: String,
    /// The roles they will hold.
    #[schema(value_type = Vec<String>, example = json!(["reporter"]))]
    roles: Vec<Role>,
    /// An administrator of the authority: to this organisation; otherwise to your own.
    #[schema(value_type = Option<Uuid>)]
    organisation: Option<OrganisationId>,
}

/// An invitation with its token, which is shown once.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationToken {
    /// Its id.
    pub id: Uuid,
    /// To which organisation.
    pub organisation: Uuid,
    /// Who is invited.
    pub email: String,
    /// What to pass on to them; absent when the answer is a repeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ldi_q2Y...")]
    pub token: Option<String>,
    /// Until when it can be accepted.
    pub expires_at: String,
}

/// An invitation as it is listed.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationView {
    /// Its id.
    pub id: Uuid,
    /// Who is invited.
    pub email: String,
    /// The roles they will hold.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
    /// When it was made.
    pub created_at: String,
    /// Until when it can be accepted.
    pub expires_at: String,
    /// When it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<String>,
}

/// A page of invitations.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationPage {
    /// Newest first.
    pub invitations: Vec<InvitationView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Invites a colleague. It takes an administrator of the organisation.
///
/// Pass the token on to the one you invite: it is shown once and works once, for 14 days.
#[utoipa::path(
    tag = "people",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = InvitationForm,
    responses((status = 201, body = InvitationToken), (status = 422, body = ProblemDetails))
)]
#[post("/v1/invitations")]
pub async fn invite(
    registrar: web::Data<Registrar>,
    administrator: OrganisationAdministrator,
    key: OptionalKey,
    trace: TraceContext,
    form: JsonBody<InvitationForm>,
) -> Result<HttpResponse, Problem> {
    let InvitationForm { email, roles, organisation } = form.value;
    let organisation = of_organisation(&administrator, organisation)?;
    let mut conn = registrar.connection().await?;
    let mut check = Check::default();
    check.email("/email", &email);
    check.roles("/roles", &roles, possible_roles(&mut conn, organisation).await?);
    check.done()?;

    let (now, token) = (clock::now(), Token::random(TokenKind::Invitation));
    let new = NewInvitation {
        id: InvitationId::from_uuid(Uuid::now_v7()),
        organisation,
        email,
        roles: distinct(&roles),
        token_hash: token.hash(),
        expires_at: now + SignedDuration::from_hours(24 * INVITATION_DAYS),
    };
    let without_token = InvitationToken::of(&new, None);
    let (asked, subject) = (("invitations", &*form.bytes), new.id.as_uuid());
    let own = administrator.organisation;
    let request = registrar.keyed(own, key, asked, subject, &without_token);
    let act = administrator.act(now, trace);
    let outcome = identity::invite(&mut conn, &new, request.as_ref(), &act).await;
    created(outcome, &InvitationToken::of(&new, Some(&token)))
}

/// Whose invitations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct InvitationsQuery {
    /// An administrator of the authority: of this organisation; otherwise your own.
    #[param(value_type = Option<Uuid>)]
    organisation: Option<OrganisationId>,
    /// Where the last page said the list goes on.
    cursor: Option<String>,
    /// At most so many, 1 to 200.
    limit: Option<u16>,
}

/// Lists your organisation's invitations. It takes an administrator of the organisation.
#[utoipa::path(
    tag = "people",
    params(InvitationsQuery),
    responses((status = 200, body = InvitationPage))
)]
#[get("/v1/invitations")]
pub async fn list(
    registrar: web::Data<Registrar>,
    administrator: OrganisationAdministrator,
    secret: web::Data<ServerSecret>,
    query: web::Query<InvitationsQuery>,
) -> Result<web::Json<InvitationPage>, Problem> {
    let InvitationsQuery { organisation, cursor, limit } = query.into_inner();
    let organisation = of_organisation(&administrator, organisation)?;
    let page = PageQuery::new(cursor, limit)
        .of::<InvitationId>(format!("invitations of {organisation}"), &secret)?;
    let mut conn = registrar.connection().await?;
    let found = identity::invitations(&mut conn, organisation, page.after, page.limit).await?;
    let next = page.next(&found, |invitation| invitation.id);
    let invitations = found.into_iter().map(InvitationView::from).collect();
    Ok(web::Json(InvitationPage { invitations, next }))
}

/// Accepts an invitation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptForm {
    /// The token.
    #[schema(value_type = String, example = "ldi_q2Y...")]
    token: SecretString,
    /// Your name.
    #[schema(example = "王伟")]
    name: String,
    /// The language you read.
    #[serde(default)]
    language: LanguageName,
    /// The password you choose; the one you have, if you have one already.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Somebody who has joined.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcceptedView {
    /// Your id.
    pub person: Uuid,
    /// The organisation you have joined.
    pub organisation: Uuid,
    /// Your e-mail address, to sign in with.
    pub email: String,
    /// Your roles there.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
}

/// Accepts an invitation with its token, and a password of at least 12 characters.
///
/// Whoever is known under that address already proves it with the password they have.
#[utoipa::path(
    tag = "people", security(()),
    request_body = AcceptForm,
    responses(
        (status = 201, body = AcceptedView),
        (status = 401, description = "Not the password you have", body = ProblemDetails),
        (status = 404, description = "No such invitation, or no longer", body = ProblemDetails),
        (status = 422, body = ProblemDetails),
        (status = 429, body = ProblemDetails),
    )
)]
#[post("/v1/invitations/accept")]
pub async fn accept(
    registrar: web::Data<Registrar>,
    request: HttpRequest,
    trace: TraceContext,
    form: JsonBody<AcceptForm>,
) -> Result<HttpResponse, Problem> {
    if let Some(limit) = &registrar.sign_ins {
        limit.count(rate_limit::peer(request.peer_addr()))?;
    }
    let form = form.value;
    let mut check = Check::default();
    check.text("/name", &form.name);
    check.outcome(check_choice("/password", &form.password));
    check.done()?;
    let now = clock::now();
    let (invitation, known) = registrar.invited(&form.token).await?;
    let accepting = registrar.accepting(&form, &invitation, known).await?;
    let person = match &accepting {
        Accepting::New(person) => person.id,
        Accepting::Known { person, .. } => *person,
    };
    let act = Act { person: Some(person), at: now, traceparent: Some(trace.to_string()) };
    let mut conn = registrar.connection().await?;
    identity::accept_invitation(&mut conn, &invitation, &accepting, &act).await.map_err(problem)?;
    registrar.authenticator.forget();
    Ok(HttpResponse::Created().json(AcceptedView {
        person: person.as_uuid(),
        organisation: invitation.organisation.as_uuid(),
        email: invitation.email,
        roles: invitation.roles,
    }))
}

impl Registrar {
    /// The invitation with this token, and whoever is known under its address.
    async fn invited(&self, token: &SecretString) -> Result<(Invitation, Option<Person>), Problem> {
        use secrecy::ExposeSecret;
        let unknown = || Problem::NotFound("invitation");
        let token: Token = token.expose_secret().parse().map_err(|_| unknown())?;
        let mut conn = self.connection().await?;
        let found = identity::find_invitation(&mut conn, &token.hash(), clock::now()).await?;
        let invitation = found.ok_or_else(unknown)?;
        let known = identity::person_with_email(&mut conn, &invitation.email).await?;
        Ok((invitation, known))
    }

    async fn accepting(
        &self,
        form: &AcceptForm,
        invitation: &Invitation,
        known: Option<Person>,
    ) -> Result<Accepting, Problem> {
        let Some(known) = known else {
            return Ok(Accepting::New(NewPerson {
                id: PersonId::from_uuid(Uuid::now_v7()),
                email: invitation.email.clone(),
                name: form.name.clone(),
                language: form.language.into(),
                password_hash: Some(self.passwords.hash(&form.password).await?),
            }));
        };
        let chosen_password_hash = if known.password_hash.is_none() {
            Some(self.passwords.hash(&form.password).await?)
        } else {
            self.prove(&known, &form.password).await?;
            None
        };
        Ok(Accepting::Known { person: known.id, chosen_password_hash })
    }

    /// Whether somebody knows the password they have; attempts are counted as in a sign-in.
    async fn prove(&self, person: &Person, password: &SecretString) -> Result<(), Problem> {
        let attempt = {
            let mut conn = self.connection().await?;
            identity::begin_sign_in(&mut conn, &person.email, clock::now()).await?
        };
        let kept = attempt.as_ref().map(|attempt| attempt.password_hash.as_str());
        if !self.passwords.verify(password, kept).await? {
            return Err(Problem::Unauthenticated);
        }
        let mut conn = self.connection().await?;
        Ok(identity::sign_in_succeeded(&mut conn, person.id).await?)
    }
}

impl InvitationToken {
    /// The answer to an invitation, with the token or, when repeated, without.
    pub(super) fn of(invitation: &NewInvitation, token: Option<&Token>) -> Self {
        Self {
            id: invitation.id.as_uuid(),
            organisation: invitation.organisation.as_uuid(),
            email: invitation.email.clone(),
            token: token.map(Token::reveal),
            expires_at: invitation.expires_at.to_string(),
        }
    }
}

impl From<Invitation> for InvitationView {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id.as_uuid(),
            email: invitation.email,
            roles: invitation.roles,
            created_at: invitation.created_at.to_string(),
            expires_at: invitation.expires_at.to_string(),
            accepted_at: invitation.accepted_at.map(|at| at.to_string()),
        }
    }
}
