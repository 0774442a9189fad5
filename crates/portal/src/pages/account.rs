//! Signing in and out, and the language.

use crate::{
    api::{Failure, Organisation},
    form::{Form, Typed},
    language::Language,
    refusal::Refusal,
    visitor::{Notice, Session, Visitor},
};
use actix_web::{HttpResponse, http::StatusCode, web};
use serde::Deserialize;
use serde_json::{Value, json};
use service::clock;
use uuid::Uuid;

/// What was typed waits this long at most for its person to sign in again.
const KEPT_MINUTES: i64 = 120;
const KEPT: &str = "kept";
/// More typed text than this is not kept in a page; a form is smaller, and files are never kept.
const KEPT_LIMIT_CHARACTERS: usize = 700_000;

/// Where to go after signing in.
#[derive(Debug, Deserialize)]
pub(crate) struct Next {
    next: Option<String>,
}

/// Typed text on its way through the sign-in page; sealed.
#[derive(serde::Serialize, Deserialize)]
struct Kept {
    person: Option<Uuid>,
    until: jiff::Timestamp,
    typed: Typed,
}

/// `GET /sign-in`
pub(crate) async fn ask(visitor: Visitor, query: web::Query<Next>) -> HttpResponse {
    if visitor.session().is_some() {
        return visitor.go(&local(query.next.as_deref()), None);
    }
    sign_in_page(&visitor, query.next.as_deref(), None, None, "")
}

/// Instead of a page for which somebody must be signed in.
pub(crate) fn sign_in_first(visitor: &Visitor) -> HttpResponse {
    let mut response = sign_in_page(visitor, Some(&visitor.address), None, None, "");
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response
}

/// Instead of taking a form of somebody whose session has ended: nothing typed is lost.
pub(crate) fn sign_in_again(visitor: &Visitor, typed: &Typed) -> HttpResponse {
    let until = clock::now() + jiff::SignedDuration::from_mins(KEPT_MINUTES);
    let kept = Kept { person: visitor.last_person(), until, typed: typed.clone() };
    let sealed = visitor.portal.seal.close(KEPT, &kept);
    let sealed = Some(sealed).filter(|sealed| sealed.len() <= KEPT_LIMIT_CHARACTERS);
    let mut response = sign_in_page(visitor, Some("/"), sealed.as_deref(), None, "");
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response
}

fn sign_in_page(
    visitor: &Visitor,
    next: Option<&str>,
    kept: Option<&str>,
    failed: Option<&Failure>,
    email: &str,
) -> HttpResponse {
    let shown = json!({
        "next": local(next), "kept": kept, "email": email,
        "wrong": failed.map(|failure| match failure {
            Failure::Unavailable { .. } => "sign-in-unavailable",
            Failure::Refused(refused) if refused.status == 429 => "sign-in-too-many",
            Failure::Refused(_) => "sign-in-wrong",
        }),
        "retry_seconds": failed.and_then(retry),
        "ended": visitor.last_person().is_some() && failed.is_none(),
    });
    visitor.page("account/sign_in.html", shown)
}

fn retry(failure: &Failure) -> Option<u64> {
    match failure {
        Failure::Refused(refused) => refused.retry_seconds,
        Failure::Unavailable { .. } => None,
    }
}

/// `POST /sign-in`
pub(crate) async fn sign_in(visitor: Visitor, form: Form) -> Result<HttpResponse, Refusal> {
    let (email, password) = (form.get("email").unwrap_or_default(), form.all("password").next());
    let kept = form.get(KEPT);
    let next = form.get("next");
    let opened =
        match visitor.portal.api.sign_in(&visitor, email, password.unwrap_or_default()).await {
            Ok(opened) => opened,
            Err(failure) => {
                let mut response = sign_in_page(&visitor, next, kept, Some(&failure), email);
                *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
                return Ok(response);
            }
        };
    let own = opened.organisations.iter().find(|acting| !acting.delegated);
    let Some(acting) = own.or(opened.organisations.first()) else { return Err(Refusal::NotYours) };
    let mut session = Session {
        token: opened.token,
        person: opened.person.id,
        name: opened.person.name,
        organisation: acting.organisation,
        organisation_zh: String::new(),
        organisation_en: String::new(),
        kind: acting.kind,
        roles: acting.roles.clone(),
        expires_at: opened.expires_at,
    };
    // The name is for the heading only: without it everything works all the same.
    let as_them = visitor.signed_in_as(session.clone());
    if let Ok(organisation) = visitor.portal.api.organisation(&as_them, session.organisation).await
    {
        name_organisation(&mut session, organisation);
    }
    let visitor = visitor.signed_in_as(session.clone());
    let typed = kept.and_then(|kept| still_theirs(&visitor, &session, kept));
    let mut response = if let Some(typed) = typed {
        // Forms of the next page belong to the browser's new name.
        visitor.keep_and_show(&session, "account/kept.html", kept_shown(&typed))
    } else {
        let mut response = visitor.go(&local(next), None);
        visitor.keep_session(&mut response, &session);
        response
    };
    if let Some(language) =
        Language::of_code(&opened.person.language).filter(|_| !visitor.has_chosen)
    {
        visitor.keep_language(&mut response, language);
    }
    Ok(response)
}

fn name_organisation(session: &mut Session, organisation: Organisation) {
    let Organisation { name_zh, name_en } = organisation;
    session.organisation_en = if name_en.is_empty() { name_zh.clone() } else { name_en };
    session.organisation_zh = name_zh;
}

/// Typed text that is recent and of the one who signs in now: nobody else sees it.
fn still_theirs(visitor: &Visitor, session: &Session, kept: &str) -> Option<Typed> {
    let kept: Kept = visitor.portal.seal.open(KEPT, kept)?;
    let theirs = kept.person.is_none_or(|person| person == session.person);
    (theirs && kept.until > clock::now()).then_some(kept.typed)
}

fn kept_shown(typed: &Typed) -> Value {
    json!({"action": typed.address, "fields": typed.form.fields()})
}

/// `POST /sign-out`
pub(crate) async fn sign_out(visitor: Visitor, _form: Form) -> HttpResponse {
    if visitor.session().is_some() {
        // Whether the interface heard it or not, this browser forgets the session.
        let _ = visitor.portal.api.sign_out(&visitor).await;
    }
    let mut response = visitor.go("/", Some(Notice::new("notice-signed-out")));
    visitor.forget_session(&mut response);
    response
}

/// Where to go back to.
#[derive(Debug, Deserialize)]
pub(crate) struct Back {
    back: Option<String>,
}

/// `GET /language/{code}`
pub(crate) async fn choose_language(
    visitor: Visitor,
    code: web::Path<String>,
    query: web::Query<Back>,
) -> Result<HttpResponse, Refusal> {
    let language = Language::of_code(&code).ok_or(Refusal::NotFound)?;
    let mut response = visitor.go(&local(query.back.as_deref()), None);
    visitor.keep_language(&mut response, language);
    Ok(response)
}

/// An address of ours; the start page for anything else.
fn local(address: Option<&str>) -> String {
    let address = address.unwrap_or("/");
    let ours = address.starts_with('/')
        && !address.starts_with("//")
        && !address.contains('\\')
        && address.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    if ours { address.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for foreign in
            ["//evil.example", "https://evil.example", "/\\evil", "evil", "/a\r\nb", "/é"]
        {
            assert_eq!(local(Some(foreign)), "/", "{foreign}");
        }
        assert_eq!(local(Some("/returns?from=2026-01")), "/returns?from=2026-01");
        assert_eq!(local(None), "/");
    }
}
