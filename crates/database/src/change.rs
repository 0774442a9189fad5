//! Why a change was not made, when it is not the database's fault.

use crate::Error;
use diesel::result::{DatabaseErrorKind, Error as Diesel};
use serde_json::Value;

/// A change that was not made. Nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Something that must be unique is somebody else's already.
    #[error("this {0} is taken")]
    Taken(&'static str),
    /// It refers to something that is not there.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// The state of things does not allow it.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The same request was carried out before; this is its answer, without its secrets.
    #[error("this was done before")]
    Repeated(Value),
    /// The idempotency key stands for another request.
    #[error("the idempotency key was used before with another body")]
    KeyReused,
    /// The database failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Constraints that a caller may run into, in the caller's words.
const TAKEN: &[(&str, &str)] = &[
    ("organisations_uscc_key", "unified social credit code"),
    ("organisations_lei_key", "LEI"),
    ("quotas_group_id_year_scope_batch_key", "batch of the quota"),
    ("people_email", "e-mail address"),
    ("movement_answers_pkey", "explanation's one answer"),
    ("sites_pkey", "site code"),
    ("sites_id", "site code"),
    ("sites_organisation_code_key", "site code"),
    ("products_pkey", "product code"),
    ("products_organisation_code_key", "product code"),
];
const UNKNOWN: &[(&str, &str)] = &[
    ("organisations_group_id_fkey", "group"),
    ("quotas_group_id_fkey", "group"),
    ("delegations_agent_organisation_fkey", "organisation"),
    ("invitations_organisation_fkey", "organisation"),
    ("memberships_organisation_fkey", "organisation"),
];

impl From<Diesel> for ChangeError {
    fn from(error: Diesel) -> Self {
        let Diesel::DatabaseError(kind, ref information) = error else {
            return Self::Failed(error.into());
        };
        let named = |words: &[(&str, &'static str)]| {
            let constraint = information.constraint_name()?;
            words.iter().find(|(name, _)| *name == constraint).map(|(_, words)| *words)
        };
        match kind {
            DatabaseErrorKind::UniqueViolation => named(TAKEN).map(Self::Taken),
            DatabaseErrorKind::ForeignKeyViolation => named(UNKNOWN).map(Self::Unknown),
            _ => None,
        }
        .unwrap_or_else(|| Self::Failed(error.into()))
    }
}
