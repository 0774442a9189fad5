//! A world for one test: a database, the process, organisations and people with keys.

use database::{
    Role,
    events::Origin,
    regime::{self, Import},
};
use domain::{
    ids::{CredentialId, EventId},
    regime::Regime,
};
use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey, spki::der::pem::LineEnding},
};
use jiff::{Timestamp, ToSpan, Zoned, civil::Date};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use service::identity::{Token, TokenKind};
use std::path::PathBuf;
use tempfile::TempDir;
use testkit::{Binaries, Running, TestDatabase};
use uuid::Uuid;

pub(crate) struct World {
    // The process ends before its database is dropped and its files are removed.
    licensing: Running,
    pub(crate) database: TestDatabase,
    files: TempDir,
    environment: Vec<(String, String)>,
    http: reqwest::Client,
    pub(crate) authority: Uuid,
    pub(crate) exporter_organisation: Uuid,
}

/// Somebody with a key.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: Uuid,
    token: String,
}

impl Person {
    /// The secret that proves who is asking.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) etag: Option<String>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self
    }

    pub(crate) fn id(&self) -> String {
        self.body["id"].as_str().expect("the answer has an id").to_owned()
    }

    pub(crate) fn etag(&self) -> &str {
        self.etag.as_deref().expect("the answer has an ETag")
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

#[expect(clippy::disallowed_methods, reason = "a test lives now")]
pub(crate) fn today() -> Date {
    Zoned::now().with_time_zone(domain::calendar_month::BEIJING).date()
}

#[expect(clippy::disallowed_methods, reason = "a test lives now")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A world with further settings.
    pub(crate) async fn start_with(settings: &[(&str, String)]) -> Self {
        let database = TestDatabase::create().await;
        let files = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = files.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let key = SigningKey::from_bytes(&[7; 32]).to_pkcs8_pem(LineEnding::LF).unwrap();
        let papers = files.path().join("papers").display().to_string();
        let mut environment = vec![
            ("DATABASE_URL", database.url().to_string()),
            ("LODESTONE_DOCUMENTS__FOLDER", papers),
            ("LODESTONE_SEALED__KEY_FILE", file("sealed.keys", &"c3".repeat(32))),
            ("LODESTONE_SECRETS__KEY_FILE", file("server.key", &"5a".repeat(32))),
            ("LODESTONE_SIGNING__KEY_FILE", file("signing.pem", &key)),
        ];
        environment.extend(settings.iter().map(|(name, value)| (*name, value.clone())));
        let environment: Vec<(String, String)> =
            environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let binaries = Binaries::beside_this_program();
        let mut licensing = Running::start("licensing", &binaries, &environment, files.path());
        licensing.becomes_ready().await;
        let mut world = Self {
            licensing,
            database,
            files,
            environment,
            http: reqwest::Client::new(),
            authority: Uuid::nil(),
            exporter_organisation: Uuid::nil(),
        };
        world.import_regime().await;
        world.authority = world.organisation("authority").await;
        world.exporter_organisation = world.organisation("filer").await;
        world
    }

    /// Stops the process and starts it with another signing key.
    pub(crate) async fn restart_with_signing_key(&mut self, seed: [u8; 32]) {
        let key = SigningKey::from_bytes(&seed).to_pkcs8_pem(LineEnding::LF).unwrap();
        std::fs::write(self.files.path().join("signing.pem"), &*key).unwrap();
        let binaries = Binaries::beside_this_program();
        let files = self.files.path();
        self.licensing = Running::start("licensing", &binaries, &self.environment, files);
        self.licensing.becomes_ready().await;
    }

    /// The published keys, once so many are noted and one of them is noted as the present one.
    pub(crate) async fn published_keys(&self, count: usize) -> Vec<Value> {
        for _ in 0..200 {
            let keys = self.anybody_gets("/v1/signing-keys").await.expect(200);
            let keys = keys.body["keys"].as_array().unwrap().clone();
            let settled = |key: &Value| {
                !key["valid_from"].is_null()
                    && key["current"].as_bool().unwrap() == key["retired_at"].is_null()
            };
            if keys.len() == count && keys.iter().all(settled) {
                return keys;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("the key was never noted");
    }

    async fn import_regime(&self) {
        let pool = self.database.pool(Role::Identity);
        let mut conn = pool.get().await.unwrap();
        let origin = Origin {
            id: EventId::from_uuid(Uuid::now_v7()),
            occurred_at: now(),
            person: None,
            traceparent: None,
        };
        let regime = Regime::default_china_2025();
        let import = regime::import(&mut conn, &regime, now() - 1.hour(), &origin).await.unwrap();
        assert_eq!(import, Import::Stored);
        let again = regime::import(&mut conn, &regime, now() - 1.hour(), &origin).await.unwrap();
        assert_eq!(again, Import::AlreadyThere);
        let stored = regime::in_force(&mut conn, now()).await.unwrap().unwrap();
        assert_eq!(stored.version(), regime.version(), "it is read back as it was stored");
    }

    pub(crate) async fn organisation(&self, kind: &str) -> Uuid {
        let id = Uuid::now_v7();
        let statement = "insert into lodestone.organisations
            (id, kind, registration, country, name_zh, name_en, registered_at)
            values ($1, $2, $3, 'CN', '示范', 'Demonstration', now())";
        let owner = self.database.owner().await;
        owner.execute(statement, &[&id, &kind, &id.to_string()]).await.unwrap();
        id
    }

    /// A new person with a key in an organisation.
    pub(crate) async fn person(&self, organisation: Uuid, roles: &[&str]) -> Person {
        let id = Uuid::now_v7();
        let owner = self.database.owner().await;
        let statement = "insert into lodestone.people (id, email, name, language, created_at)
            values ($1, $2, 'Somebody', 'en', now())";
        owner.execute(statement, &[&id, &format!("{id}@example.com")]).await.unwrap();
        self.member(id, organisation, roles).await
    }

    /// Another membership, with another key, of a person that exists.
    pub(crate) async fn member(&self, id: Uuid, organisation: Uuid, roles: &[&str]) -> Person {
        let owner = self.database.owner().await;
        for role in roles {
            let statement =
                "insert into lodestone.memberships (person, organisation, role, granted_at)
                values ($1, $2, $3, now())";
            owner.execute(statement, &[&id, &organisation, role]).await.unwrap();
        }
        let key = CredentialId::from_uuid(Uuid::now_v7());
        let token = Token::random(TokenKind::Key(key));
        let hash = token.hash();
        let scopes: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        let statement = "insert into lodestone.api_keys
            (id, organisation, person, name, key_hash, scopes, created_at, expires_at)
            values ($1, $2, $3, 'test', $4, $5, now(), now() + interval '1 day')";
        let key = key.as_uuid();
        owner
            .execute(statement, &[&key, &organisation, &id, &hash.as_slice(), &scopes])
            .await
            .unwrap();
        Person { id, token: token.reveal() }
    }

    pub(crate) async fn exporter(&self) -> Person {
        self.person(self.exporter_organisation, &["exporter"]).await
    }

    pub(crate) async fn officer(&self) -> Person {
        self.person(self.authority, &["officer"]).await
    }

    pub(crate) async fn senior(&self) -> Person {
        self.person(self.authority, &["senior_officer"]).await
    }

    pub(crate) async fn customs(&self) -> Person {
        let organisation = self.organisation("customs").await;
        self.person(organisation, &["customs"]).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.licensing.url())
    }

    pub(crate) async fn get(&self, who: &Person, path: &str) -> Answer {
        let request = self.http.get(self.url(path)).bearer_auth(&who.token);
        answer(request).await
    }

    /// What is answered, as it is.
    pub(crate) async fn bytes(&self, who: &Person, path: &str) -> Vec<u8> {
        let answer = self.http.get(self.url(path)).bearer_auth(&who.token).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.bytes().await.unwrap().to_vec()
    }

    pub(crate) async fn anybody_gets(&self, path: &str) -> Answer {
        answer(self.http.get(self.url(path))).await
    }

    /// A POST without a body by nobody in particular.
    pub(crate) async fn anybody_posts(&self, path: &str) -> Answer {
        answer(self.http.post(self.url(path))).await
    }

    pub(crate) async fn post(&self, who: &Person, path: &str, body: Value) -> Answer {
        let key = Uuid::now_v7().to_string();
        self.post_as(who, path, body, &key).await
    }

    /// A POST under an idempotency key of one's own.
    pub(crate) async fn post_as(&self, who: &Person, path: &str, body: Value, key: &str) -> Answer {
        let request = self.http.post(self.url(path)).bearer_auth(&who.token);
        answer(request.header("Idempotency-Key", key).json(&body)).await
    }

    /// A file as the body of a POST; by nobody in particular where an address says who it is.
    pub(crate) async fn uploads(
        &self,
        who: Option<&Person>,
        path: &str,
        query: &[(&str, &str)],
        media_type: &str,
        key: &str,
        bytes: Vec<u8>,
    ) -> Answer {
        let mut request = self.http.post(self.url(path)).query(query);
        if let Some(who) = who {
            request = request.bearer_auth(&who.token);
        }
        let request = request.header("Content-Type", media_type).header("Idempotency-Key", key);
        answer(request.body(bytes)).await
    }

    /// A file as it comes, with its headers.
    pub(crate) async fn downloads(&self, who: &Person, path: &str) -> (HeaderMap, Vec<u8>) {
        let response = self.http.get(self.url(path)).bearer_auth(&who.token).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200, "{path}");
        (response.headers().clone(), response.bytes().await.unwrap().to_vec())
    }

    /// How many files lie in the store of papers.
    pub(crate) fn papers_kept(&self) -> usize {
        self.papers().len()
    }

    /// The files in the store of papers.
    pub(crate) fn papers(&self) -> Vec<PathBuf> {
        let folder = self.files.path().join("papers").join("papers");
        let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
        files.map(|file| file.unwrap().path()).collect()
    }

    /// A request on a version of something.
    pub(crate) async fn on(
        &self,
        who: &Person,
        method: Method,
        path: &str,
        etag: &str,
        body: Value,
    ) -> Answer {
        let request = self.http.request(method, self.url(path)).bearer_auth(&who.token);
        answer(request.header("If-Match", etag).json(&body)).await
    }

    /// An action on a case, on the version that is there now.
    pub(crate) async fn acts(&self, who: &Person, case: &str, action: &str, body: Value) -> Answer {
        let etag = self.present_etag(case).await;
        self.on(who, Method::POST, &format!("/v1/cases/{case}/{action}"), &etag, body).await
    }

    pub(crate) async fn present_etag(&self, case: &str) -> String {
        let owner = self.database.owner().await;
        let id: Uuid = case.parse().unwrap();
        let row =
            owner.query_one("select version from lodestone.cases where id = $1", &[&id]).await;
        format!("\"{}\"", row.unwrap().get::<_, i32>(0))
    }

    /// An application that was handed in.
    pub(crate) async fn submitted(&self, exporter: &Person, draft: Value) -> String {
        let created = self.post(exporter, "/v1/applications", draft).await.expect(201);
        let (id, etag) = (created.id(), created.etag().to_owned());
        let path = format!("/v1/applications/{id}/submit");
        self.on(exporter, Method::POST, &path, &etag, json!({})).await.expect(200);
        id
    }

    /// An application that an officer examines.
    pub(crate) async fn under_review(
        &self,
        exporter: &Person,
        officer: &Person,
        draft: Value,
    ) -> String {
        let case = self.submitted(exporter, draft).await;
        self.acts(officer, &case, "accept", json!({})).await.expect(200);
        self.acts(officer, &case, "begin_review", json!({})).await.expect(200);
        case
    }

    /// An application that waits for a second person.
    pub(crate) async fn recommended(
        &self,
        exporter: &Person,
        officer: &Person,
        draft: Value,
    ) -> String {
        let case = self.under_review(exporter, officer, draft).await;
        let note = json!({"note": "the end user is known"});
        self.acts(officer, &case, "recommend_approval", note).await.expect(200);
        case
    }

    /// The number of a licence that was issued.
    pub(crate) async fn licence(&self, draft: Value) -> String {
        let (exporter, officer, senior) =
            (self.exporter().await, self.officer().await, self.senior().await);
        let case = self.recommended(&exporter, &officer, draft).await;
        self.countersigned(&senior, &case).await
    }

    /// Approves what was recommended, and answers the number of the licence.
    pub(crate) async fn countersigned(&self, senior: &Person, case: &str) -> String {
        self.acts(senior, case, "countersign", json!({})).await.expect(200);
        let owner = self.database.owner().await;
        let case: Uuid = case.parse().unwrap();
        let number = "select number from lodestone.licences where case_id = $1";
        owner.query_one(number, &[&case]).await.unwrap().get(0)
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("the process answers");
    let status = response.status();
    let etag =
        response.headers().get("etag").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let bytes = response.bytes().await.expect("the answer has a body");
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer { status, etag, body }
}

/// A draft that says enough.
pub(crate) fn a_draft(kind: &str, kilograms: &str) -> Value {
    let document =
        |kind: &str| json!({"kind": kind, "name": format!("{kind}.pdf"), "sha256": "a".repeat(64)});
    let papers = [
        "application_form",
        "id_legal_rep_managers_handler",
        "contract_or_other_proof",
        "technical_description_or_test_report",
        "end_user_end_use_certificate",
        "icp_operation_statement",
        "licence_use_statement",
        "channels_and_end_users_statement",
    ];
    json!({
        "kind": kind,
        "destination": "DE",
        "consignees": [{"name": "Beispiel Motoren GmbH", "country": "DE"}],
        "end_users": [{"name": "Beispiel Motoren GmbH", "country": "DE"}],
        "end_use": {"category": "civil", "description": "traction motors for trains"},
        "valid_from": today().to_string(),
        "valid_until": (today() + 300.days()).to_string(),
        "lines": [{
            "description": "sintered NdFeB magnets 42SH",
            "goods": {"category": "magnet", "composition": {
                "percent": {"Nd": "27", "Fe": "69", "B": "1", "Dy": "3"}, "completeness": "complete"}},
            "control_code": "1C905.a.4",
            "hs_code": "8505111000",
            "quantity_kg": kilograms,
        }],
        "documents": papers.map(document),
    })
}

/// What customs is told.
pub(crate) fn a_declaration(declaration: &str, kilograms: &str) -> Value {
    json!({
        "line": 1, "declaration": declaration, "declaration_line": 1, "quantity_kg": kilograms,
        "control_code": "1C905.a.4", "hs_code": "8505111000",
        "destination": "DE", "consignee": "Beispiel Motoren GmbH",
    })
}
