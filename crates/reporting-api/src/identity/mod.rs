//! Who takes part, who they are, and what they may do: sessions, organisations, people, keys.

pub mod catalogue;
pub mod delegations;
pub mod forms;
pub mod groups;
pub mod invitations;
pub mod keys;
pub mod organisations;
pub mod people;
pub mod sessions;

use actix_web::HttpResponse;
use database::{ChangeError, Connection, Pool, idempotency::KeyedRequest};
use domain::ids::OrganisationId;
use jiff::SignedDuration;
use serde::Serialize;
use service::{
    idempotency::{OptionalKey, fingerprint},
    identity::{Authenticator, Passwords},
    problem::Problem,
    rate_limit::CallerLimit,
    secret::ServerSecret,
};
use std::borrow::Cow;
use uuid::Uuid;

/// What the handlers of this module work with.
#[derive(Clone)]
pub struct Registrar {
    /// Connections as the role that keeps people and the register.
    pub pool: Pool,
    /// Connections as the role that sees one organisation.
    pub own: Pool,
    /// What must forget somebody as soon as something about them changed.
    pub authenticator: Authenticator,
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// Slows down who tries passwords.
    pub sign_ins: Option<CallerLimit>,
    /// How long a session lasts.
    pub session: SignedDuration,
    /// What repeated requests are recognised by.
    pub secret: ServerSecret,
}

impl Registrar {
    /// A connection as the role that keeps people and the register.
    pub async fn connection(&self) -> Result<Connection, Problem> {
        Ok(self.pool.get().await.map_err(database::Error::from)?)
    }

    /// A connection as the role that sees one organisation, and what is public.
    pub async fn own_connection(&self) -> Result<Connection, Problem> {
        Ok(self.own.get().await.map_err(database::Error::from)?)
    }

    /// A request that may come again, if its caller gave it a key.
    ///
    /// What is kept of the body is a MAC: it may hold a password, which a bare hash would give
    /// to whoever reads the table and guesses.
    pub fn keyed(
        &self,
        organisation: OrganisationId,
        key: OptionalKey,
        asked: (&str, &[u8]),
        subject: Uuid,
        answer: &impl Serialize,
    ) -> Option<KeyedRequest> {
        let (address, body) = asked;
        Some(KeyedRequest {
            organisation,
            key: key.0?.as_str().to_owned(),
            hash: self.secret.mac(&format!("request to {address}"), &fingerprint(body)),
            subject,
            answer: serde_json::to_value(answer).expect("an answer is always valid JSON"),
        })
    }
}

/// Answers what was created, or what was there already.
pub fn created_or_there(is_new: bool, view: &impl Serialize) -> HttpResponse {
    if is_new { HttpResponse::Created().json(view) } else { HttpResponse::Ok().json(view) }
}

/// Answers what was created, or what was answered when it was created before.
pub fn created(
    outcome: Result<(), ChangeError>,
    view: &impl Serialize,
) -> Result<HttpResponse, Problem> {
    match outcome {
        Ok(()) => Ok(HttpResponse::Created().json(view)),
        Err(ChangeError::Repeated(answer)) => Ok(HttpResponse::Ok().json(answer)),
        Err(error) => Err(problem(error)),
    }
}

/// A change that was not made, as its caller may see it.
pub fn problem(error: ChangeError) -> Problem {
    match error {
        ChangeError::Taken(_) => Problem::Conflict(error.to_string().into()),
        ChangeError::Unknown(what) => Problem::NotFound(what),
        ChangeError::NotAllowed(reason) => Problem::NotAllowed(Cow::Borrowed(reason)),
        ChangeError::KeyReused => Problem::IdempotencyKeyReused,
        ChangeError::Repeated(_) => Problem::Conflict("this was done before".into()),
        ChangeError::Failed(error) => error.into(),
    }
}
