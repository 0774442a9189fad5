//! What people typed: read once, bound to a page of ours, never lost.
//!
//! Fields are named like the places in the body they become, such as `lines/0/quantity_kg`, so a
//! form becomes the interface's JSON, and the interface's faults find their way back to the field.

use crate::{
    api::{Fault, Refused},
    language::Language,
    refusal::Refusal,
    visitor::Visitor,
};
use actix_multipart::Multipart;
use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header,
    web::{Bytes, BytesMut},
};
use futures_util::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, future::Future, pin::Pin};
use url::form_urlencoded;

const FORM_LIMIT_BYTES: usize = 1 << 20;
const FILE_LIMIT_BYTES: usize = 64 << 20;
/// Deeper or wider than any form of ours.
const DEPTH_LIMIT: usize = 6;
const INDEX_LIMIT: usize = 1_000;

/// The name of the field that binds a form to a page of ours.
const CSRF: &str = "csrf";

/// A form as it was typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
}

/// A form that waits for its person to sign in again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Typed {
    /// Where it was to go.
    pub(crate) address: String,
    /// What was typed.
    pub(crate) form: Form,
}

/// A form with a file.
#[derive(Debug)]
pub(crate) struct Upload {
    /// The other fields.
    pub(crate) form: Form,
    /// The files.
    pub(crate) files: Vec<UploadedFile>,
}

/// A file as a browser sends it.
#[derive(Debug)]
pub(crate) struct UploadedFile {
    /// What it was called.
    pub(crate) name: String,
    /// What the browser takes it for.
    pub(crate) content_type: String,
    /// What is in it.
    pub(crate) bytes: Bytes,
}

/// A form as a template shows it: what was typed, and what is wrong with it.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ShownForm {
    /// By field.
    values: BTreeMap<String, String>,
    /// By field.
    faults: BTreeMap<String, String>,
    /// For the summary at the top: the field, and what is wrong.
    summary: Vec<(String, String)>,
}

impl Form {
    /// The first value of a field, without the spaces around it; nothing where it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(field, _)| field == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// Every value of a field.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Takes out every field whose name begins with this.
    pub(crate) fn remove(&mut self, prefix: &str) {
        self.fields.retain(|(field, _)| !field.starts_with(prefix));
    }

    /// Numbers the entries of a list anew where empty ones lie between, so that what the interface
    /// says about an entry is about the one at that place.
    pub(crate) fn close_gaps(&mut self, list: &str) {
        let prefix = format!("{list}/");
        let split = |field: &str| -> Option<(usize, String)> {
            let (index, rest) = field.strip_prefix(&prefix)?.split_once('/')?;
            Some((index.parse().ok()?, rest.to_owned()))
        };
        let mut used: Vec<usize> = self
            .fields
            .iter()
            .filter(|(_, value)| !value.trim().is_empty())
            .filter_map(|(field, _)| split(field).map(|(index, _)| index))
            .collect();
        used.sort_unstable();
        used.dedup();
        let mut kept = Vec::with_capacity(self.fields.len());
        for (field, value) in std::mem::take(&mut self.fields) {
            match split(&field) {
                None => kept.push((field, value)),
                Some((index, rest)) => {
                    if let Ok(place) = used.binary_search(&index) {
                        kept.push((format!("{prefix}{place}/{rest}"), value));
                    }
                }
            }
        }
        self.fields = kept;
    }

    /// How many entries a list has, by the highest index that occurs.
    pub(crate) fn length(&self, list: &str) -> usize {
        let indices = self.fields.iter().filter_map(|(field, _)| {
            let rest = field.strip_prefix(list)?.strip_prefix('/')?;
            rest.split('/').next()?.parse::<usize>().ok()
        });
        indices.map(|index| index + 1).max().unwrap_or(0).min(INDEX_LIMIT)
    }

    /// The body it becomes: empty fields are left out, and what follows from that is empty too.
    /// Fields without a slash that begin with `_` are for the page only.
    pub(crate) fn body(&self) -> Value {
        let mut body = Value::Object(Map::new());
        for (name, value) in &self.fields {
            let value = value.trim();
            if !value.is_empty() && !name.starts_with('_') {
                let path: Vec<&str> = name.split('/').collect();
                if path.len() <= DEPTH_LIMIT && path.iter().all(|part| is_near(part)) {
                    put(&mut body, &path, Value::String(value.to_owned()));
                }
            }
        }
        without_gaps(&mut body);
        body
    }

    /// The fields, for a page that shows what was typed.
    pub(crate) fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// As a template shows it.
    pub(crate) fn shown(&self) -> ShownForm {
        let mut shown = ShownForm::default();
        for (name, value) in &self.fields {
            shown.values.entry(name.clone()).or_insert_with(|| value.clone());
        }
        shown
    }

    /// As a template shows it after an interface refused.
    pub(crate) fn refused(&self, refused: &Refused, language: Language) -> ShownForm {
        let mut shown = self.shown();
        for fault in &refused.violations {
            shown.add(field_of(fault), fault.shown(language));
        }
        if shown.summary.is_empty() {
            let said = refused.shown(language);
            shown.summary.push((String::new(), said.sentence()));
        }
        shown
    }
}

impl ShownForm {
    /// Puts a value into a field.
    pub(crate) fn put(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// Puts in what an interface said, each member into the field that is named after its place.
    pub(crate) fn fill(&mut self, name: &str, value: &Value) {
        let inner =
            |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}/{part}") };
        match value {
            Value::Null => {}
            Value::String(text) => self.put(name, text.as_str()),
            Value::Array(list) => {
                for (index, value) in list.iter().enumerate() {
                    self.fill(&inner(&index.to_string()), value);
                }
            }
            Value::Object(object) => {
                for (part, value) in object {
                    self.fill(&inner(part), value);
                }
            }
            other => self.put(name, other.to_string()),
        }
    }

    /// Says what is wrong with a field.
    pub(crate) fn add(&mut self, field: String, said: String) {
        self.faults.entry(field.clone()).or_insert_with(|| said.clone());
        self.summary.push((field, said));
    }
}

/// The field that a fault is about.
fn field_of(fault: &Fault) -> String {
    let place = fault.pointer.as_deref().or(fault.parameter.as_deref()).unwrap_or_default();
    place.trim_start_matches('/').to_owned()
}

/// Whether a part of a place is a name, or a place in a list that somebody could have filled.
fn is_near(part: &str) -> bool {
    !part.bytes().all(|byte| byte.is_ascii_digit())
        || part.parse::<usize>().is_ok_and(|index| index < INDEX_LIMIT)
}

/// Puts a value into a place, making what leads there.
fn put(body: &mut Value, path: &[&str], value: Value) {
    let Some((name, rest)) = path.split_first() else {
        *body = value;
        return;
    };
    let inner = if let Ok(index) = name.parse::<usize>() {
        if !body.is_array() {
            *body = Value::Array(Vec::new());
        }
        let Value::Array(list) = body else { return };
        if list.len() <= index {
            list.resize(index + 1, Value::Null);
        }
        &mut list[index]
    } else {
        if !body.is_object() {
            *body = Value::Object(Map::new());
        }
        let Value::Object(object) = body else { return };
        object.entry((*name).to_owned()).or_insert(Value::Null)
    };
    put(inner, rest, value);
}

/// Closes the gaps that empty lines leave in lists.
fn without_gaps(value: &mut Value) {
    match value {
        Value::Array(list) => {
            list.retain(|entry| !entry.is_null());
            list.iter_mut().for_each(without_gaps);
        }
        Value::Object(object) => object.values_mut().for_each(without_gaps),
        _ => {}
    }
}

impl FromRequest for Form {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let mut bytes = BytesMut::new();
            while let Some(chunk) = payload.next().await {
                let chunk = chunk.map_err(|error| Refusal::Unreadable(error.to_string()))?;
                if bytes.len() + chunk.len() > FORM_LIMIT_BYTES {
                    return Err(Refusal::TooLarge { limit_bytes: FORM_LIMIT_BYTES });
                }
                bytes.extend_from_slice(&chunk);
            }
            let fields = form_urlencoded::parse(&bytes).into_owned().collect();
            Self { fields }.bound(&request)
        })
    }
}

impl Form {
    /// Looks whether it comes from a page of ours, and keeps it for whoever must sign in first.
    fn bound(mut self, request: &HttpRequest) -> Result<Self, Refusal> {
        let visitor = request.extensions().get::<Visitor>().cloned();
        let visitor = visitor.ok_or(Refusal::ForeignForm)?;
        let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
        let is_foreign = site.is_some_and(|site| site != "same-origin" && site != "none");
        let fits = self.get(CSRF).is_some_and(|token| visitor.csrf_fits(token));
        if is_foreign || !fits {
            return Err(Refusal::ForeignForm);
        }
        self.fields.retain(|(name, _)| name != CSRF);
        // Nothing reads U+0000, and PostgreSQL keeps none.
        for (_, value) in &mut self.fields {
            value.retain(|character| character != '\0');
        }
        let typed = Typed { address: visitor.address.clone(), form: self.clone() };
        request.extensions_mut().insert(typed);
        Ok(self)
    }
}

impl FromRequest for Upload {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let is_multipart = request.headers().get(header::CONTENT_TYPE).is_some_and(|value| {
                value.as_bytes().to_ascii_lowercase().starts_with(b"multipart/form-data")
            });
            if !is_multipart {
                return Err(Refusal::Unreadable("no multipart form".to_owned()));
            }
            let multipart = Multipart::new(request.headers(), payload);
            let (fields, files) = parts(multipart).await?;
            let form = Form { fields }.bound(&request)?;
            Ok(Self { form, files })
        })
    }
}

type Parts = (Vec<(String, String)>, Vec<UploadedFile>);

async fn parts(mut multipart: Multipart) -> Result<Parts, Refusal> {
    let unreadable =
        |error: actix_multipart::MultipartError| Refusal::Unreadable(error.to_string());
    let (mut fields, mut files, mut total) = (Vec::new(), Vec::new(), 0);
    while let Some(mut part) = multipart.try_next().await.map_err(unreadable)? {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = part.try_next().await.map_err(unreadable)? {
            total += chunk.len();
            if total > FILE_LIMIT_BYTES {
                return Err(Refusal::TooLarge { limit_bytes: FILE_LIMIT_BYTES });
            }
            bytes.extend_from_slice(&chunk);
        }
        let name = part.name().unwrap_or_default().to_owned();
        let file_name = part.content_disposition().and_then(|said| said.get_filename());
        match file_name.map(ToOwned::to_owned) {
            // A field for a file that nobody chose is empty and without a name.
            Some(file) if file.is_empty() => {}
            Some(file) => {
                let content_type = part.content_type().map(ToString::to_string).unwrap_or_default();
                files.push(UploadedFile { name: file, content_type, bytes: bytes.freeze() });
            }
            None => fields.push((name, String::from_utf8_lossy(&bytes).into_owned())),
        }
    }
    Ok((fields, files))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form(fields: &[(&str, &str)]) -> Form {
        let fields = fields.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Form { fields: fields.collect() }
    }

    #[test]
    fn fields_become_the_body_they_are_named_after() {
        let typed = form(&[
            ("kind", "dispatch"),
            ("lines/0/lot", " L-1 "),
            ("lines/0/quantity_kg", "1.5"),
            ("lines/2/lot", "L-3"),
            ("client/name", "Huawei"),
            ("note", "  "),
            ("_page", "2"),
        ]);
        let expected = json!({
            "kind": "dispatch", "client": {"name": "Huawei"},
            "lines": [{"lot": "L-1", "quantity_kg": "1.5"}, {"lot": "L-3"}],
        });
        assert_eq!(typed.body(), expected);
        assert_eq!(typed.length("lines"), 3);
    }

    #[test]
    fn what_nobody_would_type_makes_no_body() {
        let deep = vec!["a"; 40].join("/");
        let typed = form(&[("lines/999999999/lot", "x"), (&deep, "x"), ("a", "1"), ("a/b", "2")]);
        assert_eq!(typed.body(), json!({"a": {"b": "2"}}));
        assert_eq!(typed.length("lines"), INDEX_LIMIT);
    }

    #[test]
    fn empty_lines_between_others_are_closed_and_what_was_said_fills_a_form() {
        let mut typed =
            form(&[("lines/0/lot", ""), ("lines/2/lot", "L-3"), ("lines/5/lot", "L-6")]);
        typed.close_gaps("lines");
        assert_eq!(typed.get("lines/0/lot"), Some("L-3"));
        assert_eq!(typed.get("lines/1/lot"), Some("L-6"));
        assert_eq!(typed.length("lines"), 2);
        let mut shown = ShownForm::default();
        shown.fill("", &json!({"lines": [{"lot": "L-1", "refused_kg": null}], "nil": true}));
        assert_eq!(shown.values["lines/0/lot"], "L-1");
        assert_eq!(shown.values["nil"], "true");
        assert!(!shown.values.contains_key("lines/0/refused_kg"));
    }

    #[test]
    fn faults_find_their_field() {
        let fault = |pointer: &str, code: &str| Fault {
            pointer: Some(pointer.to_owned()),
            code: code.to_owned(),
            detail: "said".to_owned(),
            ..Fault::default()
        };
        let mut refused = Refused::default();
        refused.violations =
            vec![fault("/lines/0/lot", "no-such-code"), fault("/lines/0/lot", "again")];
        let shown = form(&[("lines/0/lot", "x")]).refused(&refused, Language::English);
        assert_eq!(shown.values["lines/0/lot"], "x");
        assert_eq!(shown.faults["lines/0/lot"], "said");
        assert_eq!(shown.summary.len(), 2);
    }
}
