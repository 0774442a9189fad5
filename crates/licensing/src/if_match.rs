//! `ETag` and `If-Match`: whoever changes something says which version they read.

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header};
use service::problem::{Location, Problem, Violation};
use std::future::{Ready, ready};

/// The version that the caller read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IfMatch(pub(crate) u32);

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get(header::IF_MATCH) else {
            return ready(Err(Problem::PreconditionRequired));
        };
        let quoted = value.to_str().ok().map(str::trim);
        let version =
            quoted.and_then(|text| text.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
        ready(version.map(Self).ok_or_else(|| {
            Problem::InvalidParameter(Box::new(Violation {
                location: Location::Parameter { parameter: "If-Match".to_owned() },
                code: "invalid_etag".into(),
                detail: "this is no ETag of ours".to_owned(),
                expected: Some("the ETag you read, with its quotes, such as \"3\"".to_owned()),
            }))
        }))
    }
}

/// The header of a version.
pub(crate) fn etag(version: u32) -> (header::HeaderName, String) {
    (header::ETAG, format!("\"{version}\""))
}
