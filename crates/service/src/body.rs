//! JSON in, with the place of the first mistake.
//!
//! actix's own extractor says only that something is wrong; this one says where, what was found
//! and what would be right. Unknown fields are refused by the types (`deny_unknown_fields`).

use crate::problem::{Problem, Violation};
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::CONTENT_TYPE,
    web::{self, Bytes, BytesMut},
};
use futures_util::{StreamExt, future::LocalBoxFuture};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

/// A JSON body, parsed, together with its bytes as they came.
#[derive(Debug)]
pub struct JsonBody<T> {
    /// What it says.
    pub value: T,
    /// The bytes it was parsed from.
    pub bytes: Bytes,
}

/// The largest JSON body accepted; put it into the app data of a scope to change it there.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimit {
    /// In bytes.
    pub bytes: usize,
}

impl Default for BodyLimit {
    fn default() -> Self {
        Self { bytes: 1 << 20 }
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limit = request.app_data::<BodyLimit>().copied().unwrap_or_default();
        let is_json = is_json(request);
        let announced = request
            .headers()
            .get(actix_web::http::header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let payload = payload.take();
        Box::pin(async move {
            if !is_json {
                return Err(Problem::UnsupportedMedia { expected: "application/json" });
            }
            let bytes = read(payload, announced.unwrap_or(0), limit).await?;
            let value = parse(&bytes)?;
            Ok(Self { value, bytes })
        })
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let Some(content_type) = request.headers().get(CONTENT_TYPE) else { return false };
    let Ok(content_type) = content_type.to_str() else { return false };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || essence.starts_with("application/") && essence.ends_with("+json")
}

/// Reads a whole body that may be larger than most.
pub async fn bytes(payload: web::Payload, limit: BodyLimit) -> Result<Bytes, Problem> {
    read(payload.into_inner(), 0, limit).await
}

async fn read(
    mut payload: Payload,
    announced_bytes: usize,
    limit: BodyLimit,
) -> Result<Bytes, Problem> {
    let too_large = Problem::TooLarge { limit_bytes: limit.bytes };
    if limit.bytes < announced_bytes {
        return Err(too_large);
    }
    let mut body = BytesMut::with_capacity(announced_bytes);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            let violation =
                Violation::at("", "incomplete", format!("the body ended early: {error}"));
            Problem::InvalidBody(Box::new(violation))
        })?;
        if limit.bytes < body.len() + chunk.len() {
            return Err(too_large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Parses JSON, or says where and why not.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    parse_or_violation(bytes).map_err(|violation| Problem::InvalidBody(Box::new(violation)))
}

/// Parses JSON; what is wrong comes back as one violation, so that a line of many can be named.
pub fn parse_or_violation<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Violation> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let detail = format!("the body is not UTF-8 from byte {} on", error.valid_up_to());
        Violation::at("", "not_utf8", detail).expecting("UTF-8 text")
    })?;
    if has_nul(text) {
        let detail = "a string holds the character U+0000, which cannot be stored";
        let pointer = pointer_to_nul(text).unwrap_or_default();
        return Err(
            Violation::at(pointer, "nul_character", detail).expecting("text without U+0000")
        );
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| wrong_value(error.path(), error.inner()))?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// Whether some string of the JSON text holds U+0000: it can only stand there as an escape, and
/// Postgres takes it in neither text nor jsonb.
fn has_nul(json: &str) -> bool {
    json.match_indices("\\u0000").any(|(at, _)| {
        let backslashes_before = json[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        backslashes_before % 2 == 0
    })
}

/// Where the first such string stands; for a member's name, the object it is in. `None` when the
/// text is no JSON.
fn pointer_to_nul(json: &str) -> Option<String> {
    fn find(value: &Value, pointer: &str) -> Option<String> {
        match value {
            Value::String(text) => text.contains('\0').then(|| pointer.to_owned()),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .find_map(|(index, item)| find(item, &format!("{pointer}/{index}"))),
            Value::Object(members) => members.iter().find_map(|(name, member)| {
                if name.contains('\0') {
                    return Some(pointer.to_owned());
                }
                let mut pointer = pointer.to_owned();
                push(&mut pointer, name);
                find(member, &pointer)
            }),
            _ => None,
        }
    }
    find(&serde_json::from_str(json).ok()?, "")
}

fn wrong_value(path: &serde_path_to_error::Path, error: &serde_json::Error) -> Violation {
    if !error.is_data() {
        return malformed(error);
    }
    let message = error.to_string();
    // serde_json appends " at line 1 column 2" to what the type itself said.
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(said, _)| said);
    let code = match message {
        _ if message.starts_with("unknown field") => "unknown_field",
        _ if message.starts_with("missing field") => "missing_field",
        _ if message.starts_with("unknown variant") => "unknown_value",
        _ if message.starts_with("duplicate field") => "duplicate_field",
        _ if message.starts_with("invalid type") => "wrong_type",
        _ => "invalid_value",
    };
    let (detail, expected) = match message.split_once(", expected ") {
        Some((detail, expected)) => (detail, Some(expected)),
        None => (message, None),
    };
    let violation = Violation::at(pointer_to(path, code, detail), code, detail);
    match expected {
        Some(expected) => violation.expecting(for_people(expected)),
        None => violation,
    }
}

/// What serde expects, without the names of our types.
fn for_people(expected: &str) -> String {
    match expected {
        "u8" => format!("a whole number from 0 to {}", u8::MAX),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "usize" => "a whole number, not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        _ if expected.starts_with("struct ") || expected == "a map" => "an object".to_owned(),
        _ if expected == "a sequence" => "an array".to_owned(),
        _ => expected.to_owned(),
    }
}

fn malformed(error: &serde_json::Error) -> Violation {
    Violation::at("", "malformed_json", error.to_string()).expecting("one JSON value")
}

/// The JSON Pointer of a path. serde names a missing or doubled field in words only.
fn pointer_to(path: &serde_path_to_error::Path, code: &str, detail: &str) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push(&mut pointer, &index.to_string()),
            Segment::Map { key } => push(&mut pointer, key),
            Segment::Enum { variant } => push(&mut pointer, variant),
            Segment::Unknown => {}
        }
    }
    if matches!(code, "missing_field" | "duplicate_field")
        && let Some(name) = detail.split('`').nth(1)
    {
        push(&mut pointer, name);
    }
    pointer
}

fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Location;
    use actix_web::{App, HttpResponse, test};
    use serde::Deserialize;
    use std::fmt::Write;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        reference: String,
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        kind: Kind,
        count: u8,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Ore,
        Magnet,
    }

    #[std::prelude::v1::test]
    fn every_mistake_is_named_with_its_place() {
        let mut table = String::new();
        let bodies: &[&[u8]] = &[
            br#"{"reference":"a","lines":[{"kind":"ore","count":300}]}"#,
            br#"{"reference":"a","lines":[{"kind":"ore","count":1},{"kind":"gold","count":1}]}"#,
            br#"{"reference":"a","lines":[{"kind":"magnet"}]}"#,
            br#"{"reference":"a","lines":[{"kind":"ore","count":1,"a/b~c":1}]}"#,
            br#"{"reference":7,"lines":[]}"#,
            br#"{"reference":"a","reference":"b","lines":[]}"#,
            br#"{"reference":"a","lines":[]} x"#,
            br#"{"reference":"a","#,
            b"",
            b"[]",
            b"null",
            b"{\"reference\":\"\xff\",\"lines\":[]}",
            br#"{"reference":"\ud800","lines":[]}"#,
        ];
        for body in bodies {
            let violation = parse_or_violation::<Order>(body).unwrap_err();
            let said = serde_json::to_string(&violation).unwrap();
            writeln!(table, "{}\n  {said}", String::from_utf8_lossy(body)).unwrap();
        }
        insta::assert_snapshot!(table);
    }

    #[std::prelude::v1::test]
    fn deep_nesting_is_refused_and_does_not_overflow_the_stack() {
        let deep = "[".repeat(200_000);
        let violation = parse_or_violation::<serde_json::Value>(deep.as_bytes()).unwrap_err();
        assert_eq!(violation.code, "malformed_json");
    }

    #[std::prelude::v1::test]
    fn a_nul_character_is_refused_and_a_backslash_before_u0000_is_not() {
        let nul = parse_or_violation::<serde_json::Value>(br#"{"a":"x\u0000"}"#).unwrap_err();
        assert_eq!(nul.code, "nul_character");
        let places: [(&[u8], &str); 3] = [
            (br#"{"a":"x\u0000"}"#, "/a"),
            (br#"{"a":[1,{"b/c":"\u0000"}]}"#, "/a/1/b~1c"),
            (br#"{"a":{"\u0000":1}}"#, "/a"),
        ];
        for (body, pointer) in places {
            let nul = parse_or_violation::<Value>(body).unwrap_err();
            assert_eq!(nul.location, Location::Pointer { pointer: pointer.to_owned() });
        }
        let literal = parse_or_violation::<serde_json::Value>(br#"{"a":"x\\u0000"}"#).unwrap();
        assert_eq!(literal["a"], "x\\u0000");
    }

    #[std::prelude::v1::test]
    fn a_right_body_parses() {
        let order: Order =
            parse(br#"{"reference":"a","lines":[{"kind":"magnet","count":2}]}"#).unwrap();
        assert_eq!((order.reference.as_str(), order.lines[0].count), ("a", 2));
        assert!(matches!(order.lines[0].kind, Kind::Magnet));
    }

    #[actix_web::test]
    async fn size_and_type_are_checked_before_the_content() {
        let app = App::new().app_data(BodyLimit { bytes: 64 }).route(
            "/",
            web::post().to(|body: JsonBody<serde_json::Value>| async move {
                HttpResponse::Ok().json(body.value)
            }),
        );
        let app = test::init_service(app).await;
        let send = async |content_type: &'static str, body: Vec<u8>| {
            let request = test::TestRequest::post()
                .uri("/")
                .insert_header((CONTENT_TYPE, content_type))
                .set_payload(body);
            test::call_service(&app, request.to_request()).await.status().as_u16()
        };
        assert_eq!(send("application/json", b"{}".to_vec()).await, 200);
        assert_eq!(send("application/json; charset=utf-8", b"{}".to_vec()).await, 200);
        assert_eq!(send("application/merge-patch+json", b"{}".to_vec()).await, 200);
        assert_eq!(send("text/plain", b"{}".to_vec()).await, 415);
        assert_eq!(send("application/json", vec![b' '; 65]).await, 413);
        assert_eq!(send("application/json", b"{".to_vec()).await, 400);
    }
}
