//! Passwords: Argon2id with the parameters that OWASP recommends (19 MiB, two passes, one lane).
//!
//! Hashing is slow on purpose, so it runs beside the async threads and few at a time; beyond a
//! short queue callers are told to come back. Whoever has no password is judged against a decoy:
//! the same work, the same time, the same answer.

use crate::problem::{Problem, Violation};
use anyhow::anyhow;
use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use secrecy::{ExposeSecret, SecretString};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Semaphore;

/// Passwords hashed at once: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// Callers who may wait for their turn.
const WAITING_LIMIT: usize = 100;
const BUSY_RETRY_SECONDS: usize = 2;

const LENGTH_LEAST: usize = 12;
const LENGTH_LIMIT: usize = 256;

/// Hashes and verifies passwords.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    decoy: Arc<str>,
}

impl Passwords {
    /// Prepares the decoy, which takes as long as one password.
    pub fn new() -> anyhow::Result<Self> {
        let nobodys: [u8; 32] = rand::random();
        let decoy = hash(&nobodys)?.into();
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        Ok(Self { turns, waiting: Arc::default(), decoy })
    }

    /// The hash to keep of a password, as a PHC string.
    pub async fn hash(&self, password: &SecretString) -> Result<String, Problem> {
        let password = password.clone();
        self.in_turn(move || hash(password.expose_secret().as_bytes())).await
    }

    /// Whether a password is the one that was kept; nobody's, if none was kept.
    pub async fn verify(
        &self,
        password: &SecretString,
        kept: Option<&str>,
    ) -> Result<bool, Problem> {
        let is_somebodys = kept.is_some();
        let kept = kept.unwrap_or(&self.decoy).to_owned();
        let password = password.clone();
        let fits = self
            .in_turn(move || {
                let kept = PasswordHash::new(&kept).map_err(|error| anyhow!("{error}"))?;
                let password = password.expose_secret().as_bytes();
                Ok(Argon2::default().verify_password(password, &kept).is_ok())
            })
            .await?;
        Ok(fits && is_somebodys)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let place = Place::take(&self.waiting)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(anyhow::Error::from)?;
        drop(place);
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        Ok(done.await.map_err(anyhow::Error::from)??)
    }
}

/// A place in the queue, given back however the wait ends.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>) -> Result<Self, Problem> {
        let place = Self(Arc::clone(waiting));
        if WAITING_LIMIT <= waiting.fetch_add(1, Ordering::Relaxed) {
            return Err(Problem::Overloaded { retry_after_seconds: BUSY_RETRY_SECONDS });
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn hash(password: &[u8]) -> anyhow::Result<String> {
    let hash = Argon2::default().hash_password(password).map_err(|error| anyhow!("{error}"))?;
    Ok(hash.to_string())
}

/// Whether somebody may choose this password.
pub fn check_choice(pointer: &str, password: &SecretString) -> Result<(), Violation> {
    let length = password.expose_secret().chars().count();
    if (LENGTH_LEAST..=LENGTH_LIMIT).contains(&length) {
        return Ok(());
    }
    let detail = format!("the password has {length} characters");
    Err(Violation::at(pointer, "invalid_password", detail)
        .expecting(format!("{LENGTH_LEAST} to {LENGTH_LIMIT} characters")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only_and_nobody_has_the_decoy() {
        let passwords = Passwords::new().unwrap();
        let (right, wrong) = ("correct horse battery".into(), "correct horse".into());
        let kept = passwords.hash(&right).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(passwords.verify(&right, Some(&kept)).await.unwrap());
        assert!(!passwords.verify(&wrong, Some(&kept)).await.unwrap());
        assert!(!passwords.verify(&right, None).await.unwrap());
    }

    #[test]
    fn the_queue_is_bounded_and_places_in_it_are_given_back() {
        let waiting = Arc::default();
        let places: Vec<_> = (0..WAITING_LIMIT).map(|_| Place::take(&waiting).unwrap()).collect();
        assert!(matches!(Place::take(&waiting), Err(Problem::Overloaded { .. })));
        drop(places);
        assert!(Place::take(&waiting).is_ok());
    }

    #[test]
    fn a_password_is_long_rather_than_odd() {
        for (password, may) in [
            ("short", false),
            ("elevenchars", false),
            ("twelve chars", true),
            ("稀土永磁材料出口管制系统", true),
        ] {
            assert_eq!(check_choice("/password", &password.into()).is_ok(), may, "{password}");
        }
    }
}
