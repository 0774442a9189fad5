//! A world for one test: a database, the process, and the authority's first administrator.

use database::{
    Role as DatabaseRole,
    events::{Act, Origin},
    identity::{Language, NewPerson},
    regime,
    registry::{self, Identifier, Names, NewOrganisation, Registration},
};
use domain::{
    codes::{OrganisationKind, Role},
    identifiers::CountryCode,
    ids::{EventId, OrganisationId, PersonId},
    regime::Regime,
};
use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey, spki::der::pem::LineEnding},
};
use jiff::{Timestamp, ToSpan};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use service::identity::Passwords;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;
use testkit::{Binaries, Running, TestDatabase, uscc};
use uuid::Uuid;

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const ADMINISTRATOR: &str = "administrator@authority.example";

pub(crate) struct World {
    // The process ends before its database is dropped and its files are removed.
    service: Running,
    pub(crate) database: TestDatabase,
    environment: Vec<(String, String)>,
    files: TempDir,
    http: reqwest::Client,
    organisations: AtomicU32,
    pub(crate) authority: Uuid,
}

/// A filer with an administrator who also reports and exports, and a key of theirs.
#[derive(Clone, Debug)]
pub(crate) struct Filer {
    pub(crate) id: Uuid,
    pub(crate) person: Uuid,
    pub(crate) email: String,
    pub(crate) key: String,
    pub(crate) key_id: Uuid,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// The id it answers under this name.
    pub(crate) fn id(&self, name: &str) -> Uuid {
        self.said(name).parse().unwrap_or_else(|_| panic!("{name} is no id: {}", self.text))
    }

    pub(crate) fn said(&self, name: &str) -> &str {
        let value = name.split('/').fold(&self.body, |value, name| &value[name]);
        value.as_str().unwrap_or_else(|| panic!("no {name} in {}", self.text))
    }

    /// The faults as `pointer code`.
    pub(crate) fn faults(&self) -> Vec<String> {
        let faults = self.body["violations"].as_array().cloned().unwrap_or_default();
        let text = |fault: &Value, name: &str| fault[name].as_str().unwrap_or_default().to_owned();
        faults
            .iter()
            .map(|fault| format!("{} {}", text(fault, "pointer"), text(fault, "code")))
            .collect()
    }
}

/// A request, as it is put together.
pub(crate) struct Ask<'a> {
    world: &'a World,
    request: reqwest::RequestBuilder,
}

impl Ask<'_> {
    pub(crate) fn by(self, token: &str) -> Self {
        Self { request: self.request.bearer_auth(token), ..self }
    }

    pub(crate) fn with(self, body: &Value) -> Self {
        Self { request: self.request.json(body), ..self }
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self { request: self.request.header(name, value), ..self }
    }

    /// A body that need not be JSON, under its media type.
    pub(crate) fn bytes(self, body: Vec<u8>) -> Self {
        Self { request: self.request.body(body), ..self }
    }

    /// What is answered, as a file.
    pub(crate) async fn download(self) -> Vec<u8> {
        let response = self.request.send().await.expect("the process answers");
        assert_eq!(response.status(), StatusCode::OK);
        response.bytes().await.expect("an answer has a body").to_vec()
    }

    /// Sends it without waiting for the answer.
    pub(crate) fn begin(self) -> tokio::task::JoinHandle<reqwest::Result<reqwest::Response>> {
        tokio::spawn(self.request.send())
    }

    pub(crate) async fn answer(self) -> Answer {
        let _ = self.world;
        let response = self.request.send().await.expect("the process answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("an answer has a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, text, body }
    }
}

/// What the process signs with.
pub(crate) fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

#[expect(clippy::disallowed_methods, reason = "a test lives now")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

impl World {
    /// Without a limit on sign-ins, of which tests make many.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[("LODESTONE_RATELIMIT__SIGN_INS_PER_MINUTE", "0")]).await
    }

    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        let database = TestDatabase::create().await;
        let files = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = files.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let server_key = file("server.key", &"5a".repeat(32));
        let pem = signing_key().to_pkcs8_pem(LineEnding::LF).unwrap();
        let signing_key = file("signing.pem", &pem);
        let bulk = files.path().join("bulk").display().to_string();
        let environment: Vec<(String, String)> = [
            ("DATABASE_URL", database.url().as_str()),
            ("LODESTONE_SECRETS__KEY_FILE", server_key.as_str()),
            ("LODESTONE_SIGNING__KEY_FILE", signing_key.as_str()),
            ("LODESTONE_BULK__FOLDER", bulk.as_str()),
        ]
        .iter()
        .chain(settings)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
        let binaries = Binaries::beside_this_program();
        let mut service = Running::start("reporting-api", &binaries, &environment, files.path());
        service.becomes_ready().await;
        let http = reqwest::Client::new();
        let organisations = AtomicU32::new(1);
        let authority = found_authority(&database).await;
        Self { service, database, environment, files, http, organisations, authority }
    }

    /// A second process over the same database, which is told something else.
    pub(crate) async fn beside(&self, setting: &str, value: &str) -> Running {
        let mut environment = self.environment.clone();
        let bulk = self.files.path().join("another's bulk").display().to_string();
        environment.push(("LODESTONE_BULK__FOLDER".to_owned(), bulk));
        environment.push((setting.to_owned(), value.to_owned()));
        let binaries = Binaries::beside_this_program();
        let mut another =
            Running::start("reporting-api", &binaries, &environment, self.files.path());
        another.becomes_ready().await;
        another
    }

    /// What such a process answers.
    pub(crate) async fn get_from(&self, service: &Running, path: &str, token: &str) -> Answer {
        let request = self.http.get(format!("{}{path}", service.url())).bearer_auth(token);
        let request = request.header("Lodestone-Purpose", "case 7");
        Ask { world: self, request }.answer().await
    }

    /// Where it listens, for what no well-behaved client sends.
    pub(crate) fn address(&self) -> String {
        self.service.url().trim_start_matches("http://").to_owned()
    }

    pub(crate) fn ask(&self, method: &Method, path: &str) -> Ask<'_> {
        let url = format!("{}{path}", self.service.url());
        Ask { world: self, request: self.http.request(method.clone(), url) }
    }

    pub(crate) fn get(&self, path: &str) -> Ask<'_> {
        self.ask(&Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Ask<'_> {
        self.ask(&Method::POST, path).with(body)
    }

    pub(crate) async fn try_sign_in(&self, email: &str, password: &str) -> Answer {
        let form = json!({"email": email, "password": password});
        self.post("/v1/sessions", &form).answer().await
    }

    pub(crate) async fn sign_in(&self, email: &str) -> String {
        self.try_sign_in(email, PASSWORD).await.expect(201).said("token").to_owned()
    }

    /// A session of the authority's administrator.
    pub(crate) async fn administrator(&self) -> String {
        self.sign_in(ADMINISTRATOR).await
    }

    /// A form that registers a filer nobody has registered before.
    pub(crate) fn filer_form(&self) -> Value {
        let number = self.organisations.fetch_add(1, Ordering::Relaxed);
        json!({
            "kind": "filer", "uscc": uscc(number).to_string(),
            "name_zh": format!("第{number}公司"), "name_en": format!("Company {number}"),
            "stages": ["mining", "separation"],
            "sites": [site("S1")],
            "products": [product("P1")],
            "first_administrator": {
                "email": format!("first@company{number}.example"), "name": "李娜",
                "password": PASSWORD, "roles": ["administrator", "reporter", "exporter"],
            },
            "first_key": {"name": "ERP", "scopes": ["reporter", "exporter"]},
        })
    }

    pub(crate) async fn filer(&self) -> Filer {
        let form = self.filer_form();
        let administrator = self.administrator().await;
        let registered =
            self.post("/v1/organisations", &form).by(&administrator).answer().await.expect(201);
        Filer {
            id: registered.id("id"),
            person: registered.id("first_administrator"),
            email: form["first_administrator"]["email"].as_str().unwrap().to_owned(),
            key: registered.said("first_key/key").to_owned(),
            key_id: registered.id("first_key/id"),
        }
    }

    /// Invites somebody with these roles, by whoever holds the token; they accept and sign in.
    pub(crate) async fn colleague(&self, by: &str, email: &str, roles: &[&str]) -> String {
        let form = json!({"email": email, "roles": roles});
        let invited = self.post("/v1/invitations", &form).by(by).answer().await.expect(201);
        let form = json!({"token": invited.said("token"), "name": "王伟", "password": PASSWORD});
        self.post("/v1/invitations/accept", &form).answer().await.expect(201);
        self.sign_in(email).await
    }

    /// Puts the law that ships into force.
    pub(crate) async fn import_regime(&self) {
        let mut conn = self.database.pool(DatabaseRole::Identity).get().await.unwrap();
        let origin = Origin {
            id: EventId::from_uuid(Uuid::now_v7()),
            occurred_at: now(),
            person: None,
            traceparent: None,
        };
        let regime = Regime::default_china_2025();
        regime::import(&mut conn, &regime, now() - 1.hour(), &origin).await.unwrap();
    }

    /// Kills the process as a crash would, and starts it again.
    pub(crate) async fn kill_and_start(&mut self) {
        self.service.kill();
        self.service.start_again();
        self.service.becomes_ready().await;
    }

    /// Runs SQL as the owner, for what only time could do.
    pub(crate) async fn sql(&self, statements: &str) {
        self.database.owner().await.batch_execute(statements).await.unwrap();
    }

    /// The events of a name, with their bodies.
    pub(crate) async fn events(&self, name: &str) -> Vec<Value> {
        let owner = self.database.owner().await;
        let rows = owner
            .query("select body from events where name = $1 order by id", &[&name])
            .await
            .unwrap();
        rows.iter().map(|row| serde_json::from_slice(row.get(0)).unwrap()).collect()
    }
}

pub(crate) fn site(code: &str) -> Value {
    json!({
        "code": code, "name_zh": "一号矿", "name_en": "Mine No. 1", "region": "360700",
        "stages": ["mining"],
    })
}

pub(crate) fn product(code: &str) -> Value {
    json!({
        "code": code, "name_zh": "氧化镝", "name_en": "Dysprosium oxide", "category": "oxide",
        "hs_code": "28469015", "grade": "99.9",
        "composition": {"basis": "oxide", "percent": {"Dy": "99.9"}},
    })
}

async fn found_authority(database: &TestDatabase) -> Uuid {
    let id = OrganisationId::from_uuid(Uuid::now_v7());
    let password_hash = Passwords::new().unwrap().hash(&PASSWORD.into()).await.unwrap();
    let administrator = NewPerson {
        id: PersonId::from_uuid(Uuid::now_v7()),
        email: ADMINISTRATOR.to_owned(),
        name: "Administrator".to_owned(),
        language: Language::English,
        password_hash: Some(password_hash),
    };
    let registration = Registration {
        organisation: NewOrganisation {
            id,
            kind: OrganisationKind::Authority,
            identifier: Identifier::Registration("authority".to_owned()),
            country: CountryCode::CHINA,
            names: Names { zh: "主管部门".to_owned(), en: "Competent Authority".to_owned() },
            stages: Vec::new(),
            group: None,
        },
        sites: Vec::new(),
        products: Vec::new(),
        administrator: Some((administrator, vec![Role::Administrator])),
        invitation: None,
        key: None,
    };
    let act = Act { person: None, at: now(), traceparent: None };
    let pool = database.pool(DatabaseRole::Identity);
    let mut conn = pool.get().await.unwrap();
    registry::register(&mut conn, &registration, None, &act).await.unwrap();
    id.as_uuid()
}
