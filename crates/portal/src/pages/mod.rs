//! The pages, by who uses them. Each reads what it needs, at most two calls at a time, and shows it.

pub(crate) mod account;
pub(crate) mod clerk;
pub(crate) mod public;
pub(crate) mod start;

use actix_web::{
    HttpResponse,
    http::header::{CONTENT_DISPOSITION, ContentDisposition, DispositionParam, DispositionType},
};
use serde::Deserialize;

/// Which page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct PageQuery {
    cursor: Option<String>,
}

/// Hands on a file that an interface answers with, piece by piece, to be kept and never shown as
/// one of our pages.
pub(crate) fn handed_on(file: reqwest::Response, name: &str) -> HttpResponse {
    let media = file.headers().get("content-type").and_then(|value| value.to_str().ok());
    let media = media.unwrap_or("application/octet-stream").to_owned();
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name.to_owned())],
    };
    HttpResponse::Ok()
        .content_type(media)
        .insert_header((CONTENT_DISPOSITION, disposition))
        .streaming(file.bytes_stream())
}
