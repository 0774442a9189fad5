//! How failures leave a service: as RFC 9457 problem details, and nowhere else but here.
//!
//! A failure of the server tells its caller nothing and the log everything, once. A failure of
//! the caller names what is wrong, where, and what would be right.

use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError, http::StatusCode, http::header};
use serde::Serialize;
use std::borrow::Cow;
use utoipa::ToSchema;

/// Every problem's `type` begins like this; the slug of its row in `Problem::row` follows.
pub const TYPES: &str = "https://lodestone.example/problems/";
/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Everything that can go wrong in a request, as its caller may see it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages and the table below say it")]
pub enum Problem {
    #[error("the request body is not valid: {}", .0.detail)]
    InvalidBody(Box<Violation>),
    #[error("the request is not valid: {}", .0.detail)]
    InvalidParameter(Box<Violation>),
    #[error("the cursor was not issued by this server for this list; start again without it")]
    InvalidCursor,
    #[error("{} of the request cannot be accepted; see `violations`", count_of(.0.len(), "field"))]
    ValidationFailed(Vec<Violation>),
    #[error("no valid credential was presented")]
    Unauthenticated,
    #[error("this is not allowed to you: {0}")]
    Forbidden(Cow<'static, str>),
    #[error("there is no such {0}, or it is not yours to see")]
    NotFound(&'static str),
    #[error("this resource only takes {allowed}")]
    MethodNotAllowed { allowed: String },
    #[error("{0}")]
    Conflict(Cow<'static, str>),
    #[error("{0}")]
    NotAllowed(Cow<'static, str>),
    #[error("the licence cannot be used for this now: {}", .0.first().map_or("", |reason| reason.detail.as_str()))]
    UseRefused(Vec<Violation>),
    #[error("the reference `{reference}` was used before, for {existing}")]
    DuplicateReference { reference: String, existing: String },
    #[error("it was changed since you read it; read it again and send its present ETag")]
    StaleVersion,
    #[error("send `If-Match` with the ETag you read, so that nobody's change is overwritten")]
    PreconditionRequired,
    #[error("the idempotency key was used before with another body")]
    IdempotencyKeyReused,
    #[error("the body is larger than the {limit_bytes} bytes accepted here")]
    TooLarge { limit_bytes: usize },
    #[error("the body must be {expected}")]
    UnsupportedMedia { expected: &'static str },
    #[error("too many requests; try again in {}", count_of(*retry_after_seconds, "second"))]
    TooManyRequests { retry_after_seconds: usize },
    #[error("the service is busy; try again in {}", count_of(*retry_after_seconds, "second"))]
    Overloaded { retry_after_seconds: usize },
    #[error("a part of the service cannot be reached; nothing was changed, try again later")]
    DependencyDown(#[source] anyhow::Error),
    #[error("the request could not be completed")]
    Internal(#[source] anyhow::Error),
}

/// Anything unforeseen is ours to mend, not the caller's.
impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

/// Whoever cannot reach the database may try again; any other failure of it is ours to mend.
impl From<database::Error> for Problem {
    fn from(error: database::Error) -> Self {
        if error.is_unavailable() {
            Self::DependencyDown(error.into())
        } else {
            Self::Internal(error.into())
        }
    }
}

impl Problem {
    /// The one table from failure to HTTP. A new variant does not compile until it has a row.
    const fn row(&self) -> (u16, &'static str, &'static str, &'static str) {
        match self {
            Self::InvalidBody(_) => (400, "invalid-body", "Invalid request body", "请求正文无效"),
            Self::InvalidParameter(_) => {
                (400, "invalid-parameter", "Invalid parameter", "请求参数无效")
            }
            Self::InvalidCursor => (400, "invalid-cursor", "Invalid cursor", "分页游标无效"),
            Self::ValidationFailed(_) => {
                (422, "validation-failed", "Validation failed", "内容校验未通过")
            }
            Self::Unauthenticated => {
                (401, "unauthenticated", "Credential required", "需要有效凭证")
            }
            Self::Forbidden(_) => (403, "forbidden", "Forbidden", "无权执行"),
            Self::NotFound(_) => (404, "not-found", "Not found", "未找到"),
            Self::MethodNotAllowed { .. } => {
                (405, "method-not-allowed", "Method not allowed", "不支持该方法")
            }
            Self::Conflict(_) => (409, "conflict", "Conflict", "状态冲突"),
            Self::NotAllowed(_) => {
                (409, "not-allowed-now", "Not allowed in this state", "当前状态不允许")
            }
            Self::UseRefused(_) => (409, "use-refused", "Licence cannot be used", "许可证不可使用"),
            Self::DuplicateReference { .. } => {
                (409, "duplicate-reference", "Reference already used", "编号已被使用")
            }
            Self::StaleVersion => (412, "stale-version", "Changed in the meantime", "内容已被更改"),
            Self::PreconditionRequired => {
                (428, "precondition-required", "If-Match required", "需要 If-Match")
            }
            Self::IdempotencyKeyReused => {
                (422, "idempotency-key-reused", "Idempotency key reused", "幂等键被重复使用")
            }
            Self::TooLarge { .. } => (413, "too-large", "Body too large", "请求正文过大"),
            Self::UnsupportedMedia { .. } => {
                (415, "unsupported-media", "Unsupported media type", "不支持的媒体类型")
            }
            Self::TooManyRequests { .. } => {
                (429, "too-many-requests", "Too many requests", "请求过于频繁")
            }
            Self::Overloaded { .. } => (503, "overloaded", "Busy", "系统繁忙"),
            Self::DependencyDown(_) => {
                (503, "dependency-down", "Temporarily unavailable", "暂时不可用")
            }
            Self::Internal(_) => (500, "internal", "Internal error", "内部错误"),
        }
    }

    /// What is wrong, field by field, where that is known.
    fn violations(&self) -> &[Violation] {
        match self {
            Self::InvalidBody(violation) | Self::InvalidParameter(violation) => {
                std::slice::from_ref(violation)
            }
            Self::ValidationFailed(violations) | Self::UseRefused(violations) => violations,
            _ => &[],
        }
    }

    fn add_headers(&self, response: &mut HttpResponseBuilder) {
        match self {
            Self::Unauthenticated => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"lodestone\""));
            }
            Self::MethodNotAllowed { allowed } => {
                response.insert_header((header::ALLOW, allowed.as_str()));
            }
            Self::TooManyRequests { retry_after_seconds }
            | Self::Overloaded { retry_after_seconds } => {
                response.insert_header((header::RETRY_AFTER, *retry_after_seconds));
            }
            Self::DependencyDown(_) => {
                response.insert_header((header::RETRY_AFTER, DEPENDENCY_RETRY_SECONDS));
            }
            _ => {}
        }
    }
}

const DEPENDENCY_RETRY_SECONDS: usize = 5;

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.row().0).expect("every row holds a real status")
    }

    fn error_response(&self) -> HttpResponse {
        if let Self::Internal(error) | Self::DependencyDown(error) = self {
            tracing::error!(error = %format!("{error:#}"), "a request failed");
        }
        let (status, slug, title, title_zh) = self.row();
        let details = ProblemDetails {
            r#type: format!("{TYPES}{slug}"),
            title,
            title_zh,
            status,
            detail: self.to_string(),
            violations: self.violations(),
        };
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        response.insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
        self.add_headers(&mut response);
        let body = serde_json::to_vec(&details).expect("a problem is always valid JSON");
        response.content_type(MEDIA_TYPE).body(body)
    }
}

/// A problem as it is sent (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDetails<'a> {
    /// A stable address that names the kind of problem.
    #[schema(example = "https://lodestone.example/problems/validation-failed")]
    r#type: String,
    /// The kind of problem in English.
    title: &'static str,
    /// The kind of problem in Chinese.
    title_zh: &'static str,
    /// The HTTP status again.
    status: u16,
    /// This occurrence of it.
    detail: String,
    /// What is wrong, field by field.
    #[serde(skip_serializing_if = "<[Violation]>::is_empty")]
    violations: &'a [Violation],
}

/// One wrong field: where it is, what is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Violation {
    /// Where it is.
    #[serde(flatten)]
    pub location: Location,
    /// A stable word for machines.
    #[schema(example = "finer_than_a_gram")]
    pub code: Cow<'static, str>,
    /// What is wrong.
    pub detail: String,
    /// What would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

impl Violation {
    /// A wrong place in JSON, by its pointer.
    pub fn at(
        pointer: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        let location = Location::Pointer { pointer: pointer.into() };
        Self { location, code: code.into(), detail: detail.into(), expected: None }
    }

    /// Adds what would be right.
    #[must_use]
    pub fn expecting(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }
}

impl From<domain::violation::Violation> for Violation {
    fn from(violation: domain::violation::Violation) -> Self {
        Self {
            location: Location::Pointer { pointer: violation.pointer },
            code: violation.code.into(),
            detail: violation.detail,
            expected: violation.expected,
        }
    }
}

/// Where a wrong field is: in JSON, in a table, or in the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Location {
    /// A JSON Pointer (RFC 6901) into the body.
    Pointer {
        /// Such as `/lines/0/mass_kg`.
        pointer: String,
    },
    /// A cell of a table.
    Cell {
        /// The row, counted from 1 with the heading.
        row: u64,
        /// The column's heading.
        column: String,
    },
    /// A row of a file as a whole, or a line of NDJSON with the pointer into it.
    Line {
        /// The line, counted from 1.
        line: u64,
        /// A JSON Pointer into that line; empty for the line as a whole.
        pointer: String,
    },
    /// A part of the address.
    Parameter {
        /// Its name, or `path` or `query` as a whole.
        parameter: String,
    },
}

fn count_of(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn every_problem() -> Vec<Problem> {
        let violation =
            || Violation::at("/lines/0/mass_kg", "negative_mass", "the mass is negative");
        vec![
            Problem::InvalidBody(Box::new(violation())),
            Problem::InvalidParameter(Box::new(violation())),
            Problem::InvalidCursor,
            Problem::ValidationFailed(vec![violation(), violation().expecting("a mass above 0")]),
            Problem::Unauthenticated,
            Problem::Forbidden("only a senior officer countersigns".into()),
            Problem::NotFound("filing"),
            Problem::MethodNotAllowed { allowed: "GET, POST".to_owned() },
            Problem::Conflict("the site is closed".into()),
            Problem::NotAllowed("a draft cannot be countersigned".into()),
            Problem::DuplicateReference {
                reference: "D-1".to_owned(),
                existing: "another filing".to_owned(),
            },
            Problem::StaleVersion,
            Problem::PreconditionRequired,
            Problem::IdempotencyKeyReused,
            Problem::TooLarge { limit_bytes: 1_048_576 },
            Problem::UnsupportedMedia { expected: "application/json" },
            Problem::TooManyRequests { retry_after_seconds: 1 },
            Problem::Overloaded { retry_after_seconds: 2 },
            Problem::DependencyDown(anyhow::anyhow!("connection to 10.0.0.1 refused")),
            Problem::Internal(anyhow::anyhow!("relation secret_table does not exist")),
        ]
    }

    #[actix_web::test]
    async fn the_table_of_problems() {
        let mut table = String::new();
        for problem in every_problem() {
            let response = problem.error_response();
            assert_eq!(response.headers().get(header::CONTENT_TYPE).unwrap(), MEDIA_TYPE);
            let mut headers: Vec<_> = response
                .headers()
                .iter()
                .filter(|(name, _)| {
                    [header::ALLOW, header::RETRY_AFTER, header::WWW_AUTHENTICATE].contains(name)
                })
                .map(|(name, value)| format!("  {name}: {}", value.to_str().unwrap()))
                .collect();
            headers.sort();
            let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
            writeln!(table, "{}", std::str::from_utf8(&body).unwrap()).unwrap();
            for header in headers {
                writeln!(table, "{header}").unwrap();
            }
        }
        insta::assert_snapshot!(table);
    }

    #[actix_web::test]
    async fn a_failure_of_the_server_tells_its_caller_nothing() {
        for problem in every_problem() {
            let response = problem.error_response();
            let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
            let body = std::str::from_utf8(&body).unwrap();
            assert!(!body.contains("secret_table") && !body.contains("10.0.0.1"), "{body}");
        }
    }
}
