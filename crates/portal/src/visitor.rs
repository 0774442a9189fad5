//! Who looks at a page: their language, their session, and what is said once.

use crate::{app::Portal, language::Language, navigation, refusal::Refusal, templates::Templates};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse,
    dev::{Payload, ServiceRequest},
    http::header,
};
use cookie::{Cookie, SameSite, time};
use domain::codes::{OrganisationKind, Role};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{clock, trace::TraceContext};
use std::{
    future::{Ready, ready},
    sync::Arc,
};
use uuid::Uuid;

const SESSION: &str = "lodestone_session";
const BROWSER: &str = "lodestone_browser";
const LANGUAGE: &str = "lodestone_language";
const NOTICE: &str = "lodestone_notice";
const CSRF: &str = "csrf";

/// Who is signed in. Kept by the browser, sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    /// What is shown to the interfaces.
    pub(crate) token: String,
    /// The person.
    pub(crate) person: Uuid,
    /// Their name.
    pub(crate) name: String,
    /// The organisation they act for.
    pub(crate) organisation: Uuid,
    /// Its name in Chinese.
    pub(crate) organisation_zh: String,
    /// Its name in English, or again in Chinese.
    pub(crate) organisation_en: String,
    /// What kind it is.
    pub(crate) kind: OrganisationKind,
    /// In which roles.
    pub(crate) roles: Vec<Role>,
    /// When it ends.
    pub(crate) expires_at: Timestamp,
}

impl Session {
    /// Whether a role is held.
    pub(crate) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// What a page may say of it: never the token.
    fn shown(&self) -> Value {
        json!({
            "name": self.name, "person": self.person, "organisation": self.organisation,
            "organisation_zh": self.organisation_zh, "organisation_en": self.organisation_en,
            "kind": self.kind, "roles": self.roles,
        })
    }
}

/// Something said once, on the next page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Notice {
    /// The key of its words.
    pub(crate) words: String,
    /// What the words speak of, such as a number.
    pub(crate) about: String,
}

/// Who looks at a page.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) portal: Arc<Portal>,
    pub(crate) language: Language,
    /// Of this request, continued towards the interfaces.
    pub(crate) trace: TraceContext,
    /// Where they are: path and query.
    pub(crate) address: String,
    /// Whether they chose the language, rather than their browser.
    pub(crate) has_chosen: bool,
    /// Who was signed in, even if that session has ended.
    last: Option<Session>,
    /// Tells this browser from others; forms are bound to it.
    browser: String,
    browser_is_new: bool,
    notice: Option<Notice>,
}

impl Notice {
    /// Words that speak of nothing in particular.
    pub(crate) fn new(words: &str) -> Self {
        Self::about(words, "")
    }

    /// Words that speak of something.
    pub(crate) fn about(words: &str, about: impl Into<String>) -> Self {
        Self { words: words.to_owned(), about: about.into() }
    }
}

impl Visitor {
    /// Reads who asks from the request.
    pub(crate) fn of(request: &ServiceRequest, portal: Arc<Portal>) -> Self {
        let cookies: Vec<Cookie<'_>> = request
            .headers()
            .get_all(header::COOKIE)
            .filter_map(|header| header.to_str().ok())
            .flat_map(Cookie::split_parse)
            .filter_map(Result::ok)
            .collect();
        let cookie = |name| {
            let found = cookies.iter().find(|cookie| cookie.name() == name);
            found.map(|cookie| cookie.value().to_owned())
        };
        let last = cookie(SESSION).and_then(|text| portal.seal.open::<Session>(SESSION, &text));
        let accepted = request.headers().get(header::ACCEPT_LANGUAGE);
        let preferred = accepted.and_then(|header| header.to_str().ok()).unwrap_or_default();
        let chosen = cookie(LANGUAGE).and_then(|code| Language::of_code(&code));
        let known = cookie(BROWSER).filter(|text| text.len() <= 64);
        let trace = request.extensions().get::<TraceContext>().copied();
        Self {
            has_chosen: chosen.is_some(),
            language: chosen.unwrap_or_else(|| Language::preferred(preferred)),
            trace: trace.unwrap_or_else(TraceContext::begin),
            address: request
                .uri()
                .path_and_query()
                .map_or("/", |address| address.as_str())
                .to_owned(),
            last,
            browser_is_new: known.is_none(),
            browser: known.unwrap_or_else(random_word),
            notice: cookie(NOTICE).and_then(|text| portal.seal.open(NOTICE, &text)),
            portal,
        }
    }

    /// Who is signed in now.
    pub(crate) fn session(&self) -> Option<&Session> {
        self.last.as_ref().filter(|session| session.expires_at > clock::now())
    }

    /// Who was signed in last, even if that has ended.
    pub(crate) fn last_person(&self) -> Option<Uuid> {
        self.last.as_ref().map(|session| session.person)
    }

    /// Who is signed in; otherwise they are asked to.
    pub(crate) fn signed(&self) -> Result<&Session, Refusal> {
        self.session().ok_or(Refusal::SignIn)
    }

    /// Who is signed in, with one of these roles.
    pub(crate) fn with_role(&self, roles: &[Role]) -> Result<&Session, Refusal> {
        let session = self.signed()?;
        let may = roles.iter().any(|role| session.has(*role));
        if may { Ok(session) } else { Err(Refusal::NotYours) }
    }

    /// A token for the forms of this page. Each is another, so that nothing can be learnt of it
    /// from how well pages compress.
    pub(crate) fn csrf(&self) -> String {
        let salt = random_word();
        format!("{salt}.{}", self.csrf_of(&salt))
    }

    /// Whether a form comes from a page shown to this browser.
    pub(crate) fn csrf_fits(&self, token: &str) -> bool {
        let Some((salt, proof)) = token.split_once('.') else { return false };
        let expected = self.csrf_of(salt);
        subtle::ConstantTimeEq::ct_eq(proof.as_bytes(), expected.as_bytes()).into()
    }

    fn csrf_of(&self, salt: &str) -> String {
        self.portal.seal.token(CSRF, &format!("{salt} {}", self.browser))
    }

    /// A page of a template.
    pub(crate) fn page(&self, template: &str, shown: Value) -> HttpResponse {
        match self.rendered(template, shown) {
            Ok(html) => {
                let mut response =
                    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(html);
                if self.notice.is_some() {
                    add_cookie(&mut response, &self.removed(NOTICE));
                }
                response
            }
            Err(error) => {
                tracing::error!(template, error = %format!("{error:#}"), "a template failed");
                HttpResponse::InternalServerError()
                    .content_type("text/plain; charset=utf-8")
                    .body(self.language.say("refusal-internal-title", None))
            }
        }
    }

    fn rendered(&self, template: &str, shown: Value) -> Result<String, minijinja::Error> {
        let templates: &Templates = &self.portal.templates;
        let session = self.session();
        let mut base = json!({
            "lang": self.language.tag(), "language": self.language.code(),
            "address": self.address, "csrf": self.csrf(), "notice": self.notice,
            "session": session.map(Session::shown),
            "navigation": navigation::of(session, &self.address),
        });
        if let (Value::Object(base), Value::Object(shown)) = (&mut base, shown) {
            base.extend(shown);
        }
        templates.render(self.language, template, &base)
    }

    /// Sends the browser to another page, with something to say there.
    pub(crate) fn go(&self, address: &str, notice: Option<Notice>) -> HttpResponse {
        let mut response =
            HttpResponse::SeeOther().insert_header((header::LOCATION, address)).finish();
        if let Some(notice) = notice {
            let sealed = self.portal.seal.close(NOTICE, &notice);
            add_cookie(&mut response, &self.cookie(NOTICE, sealed));
        }
        response
    }

    /// Signs somebody in here: a new session, and a new browser as far as forms are concerned.
    pub(crate) fn keep_session(&self, response: &mut HttpResponse, session: &Session) {
        let sealed = self.portal.seal.close(SESSION, session);
        add_cookie(response, &self.cookie(SESSION, sealed));
        add_cookie(response, &self.cookie(BROWSER, random_word()));
    }

    /// Signs somebody in and shows a page at once, whose forms belong to the browser's new name.
    pub(crate) fn keep_and_show(
        &self,
        session: &Session,
        template: &str,
        shown: Value,
    ) -> HttpResponse {
        let renamed = Self { browser: random_word(), ..self.clone() };
        let mut response = renamed.page(template, shown);
        let sealed = self.portal.seal.close(SESSION, session);
        add_cookie(&mut response, &self.cookie(SESSION, sealed));
        add_cookie(&mut response, &self.cookie(BROWSER, renamed.browser));
        response
    }

    /// Signs out here.
    pub(crate) fn forget_session(&self, response: &mut HttpResponse) {
        add_cookie(response, &self.removed(SESSION));
        add_cookie(response, &self.removed(BROWSER));
    }

    /// Remembers the language for a year.
    pub(crate) fn keep_language(&self, response: &mut HttpResponse, language: Language) {
        let mut cookie = self.cookie(LANGUAGE, language.code().to_owned());
        cookie.set_max_age(time::Duration::days(365));
        add_cookie(response, &cookie);
    }

    /// Lets the browser be told again by its name, where it had none yet.
    pub(crate) fn introduce(&self, response: &mut HttpResponse) {
        let told = response.headers().get_all(header::SET_COOKIE);
        let told = told.into_iter().any(|cookie| cookie.as_bytes().starts_with(BROWSER.as_bytes()));
        if self.browser_is_new && !told {
            add_cookie(response, &self.cookie(BROWSER, self.browser.clone()));
        }
    }

    /// This visitor with somebody signed in, for a page that is shown at once.
    pub(crate) fn signed_in_as(&self, session: Session) -> Self {
        Self { last: Some(session), ..self.clone() }
    }

    fn cookie(&self, name: &'static str, value: String) -> Cookie<'static> {
        Cookie::build((name, value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.portal.secure_cookies)
            .build()
    }

    fn removed(&self, name: &'static str) -> Cookie<'static> {
        let mut cookie = self.cookie(name, String::new());
        cookie.make_removal();
        cookie
    }
}

fn add_cookie(response: &mut HttpResponse, cookie: &Cookie<'_>) {
    match header::HeaderValue::from_str(&cookie.to_string()) {
        Ok(value) => response.headers_mut().append(header::SET_COOKIE, value),
        Err(error) => tracing::error!(%error, "a cookie cannot be set"),
    }
}

fn random_word() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

impl FromRequest for Visitor {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let visitor = request.extensions().get::<Self>().cloned();
        ready(visitor.ok_or_else(|| anyhow::anyhow!("no visitor was read").into()))
    }
}
