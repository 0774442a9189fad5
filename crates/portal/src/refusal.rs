//! Why a page cannot be shown, and the page that says so: what happened and what to do.

use crate::{api::Failure, visitor::Visitor};
use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use serde_json::json;
use std::{fmt, sync::Arc};

/// Why a page cannot be shown.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// Nobody is signed in, or no longer.
    SignIn,
    /// This person has no such work.
    NotYours,
    /// There is no such page.
    NotFound,
    /// The form does not come from a page of ours.
    ForeignForm,
    /// The form cannot be read.
    Unreadable(String),
    /// More than is taken.
    TooLarge {
        /// What is taken at most.
        limit_bytes: usize,
    },
    /// An interface behind the page does not answer, or refuses.
    Behind(Failure),
    /// Ours to mend.
    Internal(Arc<anyhow::Error>),
}

impl Refusal {
    /// The words that explain it: a key that `-title` and `-advice` are added to.
    const fn words(&self) -> &'static str {
        match self {
            Self::SignIn => "refusal-sign-in",
            Self::NotYours => "refusal-not-yours",
            Self::NotFound => "refusal-not-found",
            Self::ForeignForm => "refusal-foreign-form",
            Self::Unreadable(_) => "refusal-unreadable",
            Self::TooLarge { .. } => "refusal-too-large",
            Self::Behind(failure) => match failure {
                Failure::Unavailable { .. } => "refusal-unavailable",
                Failure::Refused(refused) => match refused.status {
                    403 => "refusal-not-yours",
                    404 => "refusal-not-found",
                    412 => "refusal-stale",
                    429 => "refusal-too-many",
                    _ => "refusal-refused",
                },
            },
            Self::Internal(_) => "refusal-internal",
        }
    }

    /// The page.
    pub(crate) fn page(&self, visitor: &Visitor) -> HttpResponse {
        if let Self::Internal(error) = self {
            tracing::error!(error = %format!("{error:#}"), "a page failed");
        }
        if let Self::Unreadable(reason) = self {
            tracing::debug!(reason, "a form cannot be read");
        }
        let half = match self {
            Self::Behind(Failure::Unavailable { half }) => Some(half.to_string()),
            _ => None,
        };
        let refused = match self {
            Self::Behind(Failure::Refused(refused)) => Some(refused.shown(visitor.language)),
            _ => None,
        };
        let limit_megabytes = match self {
            Self::TooLarge { limit_bytes } => limit_bytes >> 20,
            _ => 0,
        };
        let shown = json!({
            "words": self.words(), "refused": refused, "half": half, "limit_megabytes": limit_megabytes,
            "trace": visitor.trace.trace_id(),
        });
        let mut response = visitor.page("refusal.html", shown);
        *response.status_mut() = self.status_code();
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignIn => StatusCode::UNAUTHORIZED,
            Self::NotYours | Self::ForeignForm => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Behind(Failure::Unavailable { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Behind(Failure::Refused(refused)) => {
                StatusCode::from_u16(refused.status).unwrap_or(StatusCode::BAD_GATEWAY)
            }
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            // The session ended at the interface, whatever the cookie says.
            Failure::Refused(refused) if refused.status == 401 => Self::SignIn,
            failure => Self::Behind(failure),
        }
    }
}

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(Arc::new(error))
    }
}
