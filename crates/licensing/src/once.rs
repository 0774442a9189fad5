//! What officials make, once for each request.

use crate::{app::App, problems};
use actix_web::HttpResponse;
use database::{
    Connection, Transaction,
    cases::Moment,
    licensing_requests::{self, Answered, Request},
};
use serde::Serialize;
use serde_json::Value;
use service::{idempotency::IdempotencyKey, identity::Official, problem::Problem};

/// A request that makes something.
pub(crate) struct Making<'a> {
    /// What is made; keys for other things never meet.
    pub(crate) what: &'static str,
    /// The idempotency key.
    pub(crate) key: &'a IdempotencyKey,
    /// A fingerprint of what was asked.
    pub(crate) hash: [u8; 32],
}

/// Does `work` in one transaction, once for each request; what it answers is kept for repeats.
pub(crate) async fn make<T: Serialize>(
    app: &App,
    official: &Official,
    making: Making<'_>,
    moment: &Moment,
    work: impl AsyncFnOnce(&mut Transaction) -> Result<T, Problem>,
) -> Result<HttpResponse, Problem> {
    let key = format!("{} {}", making.what, making.key.as_str());
    let organisation = official.organisation;
    let request = Request { organisation, key: &key, hash: making.hash };
    let mut transaction = Transaction::begin(&app.pool).await?;
    match licensing_requests::begin(&mut transaction, &request, moment).await? {
        None => {
            let made = match work(&mut transaction).await {
                Ok(made) => made,
                Err(problem) => {
                    transaction.roll_back().await?;
                    return Err(problem);
                }
            };
            let made: Value = serde_json::to_value(made).map_err(anyhow::Error::from)?;
            licensing_requests::finish(&mut transaction, &request, &made).await?;
            transaction.commit().await?;
            Ok(HttpResponse::Created().json(made))
        }
        Some(before) => {
            transaction.roll_back().await?;
            match before {
                Answered::Now(answer) | Answered::Before(answer) => {
                    Ok(HttpResponse::Ok().json(answer))
                }
                Answered::KeyReused => Err(Problem::IdempotencyKeyReused),
            }
        }
    }
}

/// A text that people read: not empty, and not without end.
pub(crate) fn text(pointer: &str, text: &str, characters_at_most: usize) -> Result<(), Problem> {
    use domain::violation::Violation;
    let expected = format!("1 to {characters_at_most} characters");
    let fault = if text.trim().is_empty() {
        Violation::new(pointer, "empty", "say something here")
    } else if characters_at_most < text.chars().count() {
        Violation::new(pointer, "too_long", "this is too long")
    } else {
        return Ok(());
    };
    Err(problems::of_faults(vec![fault.expecting(expected)]))
}

/// Whether this is an officer or a senior officer; auditors read, too.
pub(crate) fn require(official: &Official, roles: &[domain::codes::Role]) -> Result<(), Problem> {
    if roles.iter().any(|role| official.has(*role)) {
        return Ok(());
    }
    let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    Err(Problem::Forbidden(format!("it takes the role {}", names.join(" or ")).into()))
}

/// Officers of a house are known to it.
pub(crate) async fn officer_of(
    conn: &mut Connection,
    official: &Official,
    pointer: &str,
    person: domain::ids::PersonId,
) -> Result<(), Problem> {
    if database::officers::is_officer(conn, official.organisation, person).await? {
        return Ok(());
    }
    let detail = "there is no such officer in this authority";
    let fault = domain::violation::Violation::new(pointer, "no_such_officer", detail);
    Err(problems::of_faults(vec![fault]))
}
