//! The people and companies of a story, with what they can do as verbs.

use domain::ids::OrganisationId;
use serde_json::{Value, json};
use simulator::api::{Answer, Api, Request, text};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use testkit::{
    ADMINISTRATOR_EMAIL, ADMINISTRATOR_PASSWORD, Contents, Stack, StackOptions, uscc, wait_until,
};

const PASSWORD: &str = "a password for tests only";
const SETTLES_WITHIN: Duration = Duration::from_secs(90);

/// An installed system and its administrator.
pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) api: Api,
    pub(crate) administrator: String,
    people: AtomicU32,
}

/// Somebody who is signed in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) token: String,
}

/// A company that files, through the key of its first administrator.
#[derive(Clone)]
pub(crate) struct Filer {
    pub(crate) id: OrganisationId,
    pub(crate) name: String,
    pub(crate) uscc: String,
    pub(crate) key: String,
    /// The session of its administrator, who is its reporter and exporter as well.
    pub(crate) session: String,
}

/// What was answered to a filing.
pub(crate) struct Recorded {
    pub(crate) id: String,
    pub(crate) movement: Option<String>,
    lots: Vec<(String, String)>,
}

impl Recorded {
    /// The id of a lot that the filing made.
    pub(crate) fn lot(&self, number: &str) -> String {
        let lot = self.lots.iter().find(|(lot, _)| lot == number);
        lot.unwrap_or_else(|| panic!("the filing made no lot {number}")).1.clone()
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(StackOptions::default()).await
    }

    pub(crate) async fn start_with(options: StackOptions) -> Self {
        let stack =
            Stack::start_with(StackOptions { contents: Contents::Installed, ..options }).await;
        let address = |service: &str| stack.url(service).parse().unwrap();
        let api = Api::new(address("reporting-api"), address("licensing")).unwrap();
        let administrator = api.sign_in(ADMINISTRATOR_EMAIL, ADMINISTRATOR_PASSWORD).await.unwrap();
        Self { stack, api, administrator, people: AtomicU32::new(0) }
    }

    fn next(&self) -> u32 {
        self.people.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) async fn sends(&self, request: Request) -> Answer {
        self.api.send(&request).await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Invites somebody to the authority in this role.
    pub(crate) async fn official(&self, role: &str) -> Person {
        let email = format!("{role}.{}@authority.example", self.next());
        let form = json!({"email": email, "roles": [role]});
        let invitation = self.api.reporting("POST", "/v1/invitations").by(&self.administrator);
        let invitation = self.sends(invitation.once(&email).with(&form)).await;
        let token = text(&invitation.body, "token").unwrap();
        let form = json!({"token": token, "name": role, "password": PASSWORD});
        self.sends(self.api.reporting("POST", "/v1/invitations/accept").with(&form)).await;
        Person { token: self.api.sign_in(&email, PASSWORD).await.unwrap() }
    }

    /// Registers an office that is not the authority, with one person in this role.
    pub(crate) async fn office(&self, kind: &str, role: &str) -> Person {
        let number = self.next();
        let email = format!("{role}.{number}@{kind}.example");
        let form = json!({
            "kind": kind, "name_zh": format!("{kind} {number}"), "name_en": format!("{kind} {number}"),
            "uscc": uscc(900_000 + number),
            "first_administrator": {"email": email, "name": role, "password": PASSWORD, "roles": [role]},
        });
        let request = self.api.reporting("POST", "/v1/organisations").by(&self.administrator);
        self.sends(request.once(&email).with(&form)).await;
        Person { token: self.api.sign_in(&email, PASSWORD).await.unwrap() }
    }

    /// Registers a company with one site, `S1`, and these products.
    pub(crate) async fn filer(&self, name: &str, stages: &[&str], products: Vec<Value>) -> Filer {
        let number = self.next();
        let (email, uscc) = (format!("files.{number}@filer.example"), uscc(number).to_string());
        let form = json!({
            "kind": "filer", "name_zh": name, "name_en": name, "uscc": uscc, "stages": stages,
            "sites": [{"code": "S1", "name_zh": "一厂", "name_en": "Plant 1", "region": "360700", "stages": stages}],
            "products": products,
            "first_administrator": {"email": email, "name": name, "password": PASSWORD,
                "roles": ["administrator", "reporter", "exporter"]},
            "first_key": {"name": "ERP", "scopes": ["administrator", "reporter", "exporter"]},
        });
        let request = self.api.reporting("POST", "/v1/organisations").by(&self.administrator);
        let answer = self.sends(request.once(&email).with(&form)).await.body;
        Filer {
            id: text(&answer, "id").unwrap().parse().unwrap(),
            name: name.to_owned(),
            uscc,
            key: text(&answer, "first_key/key").unwrap(),
            session: self.api.sign_in(&email, PASSWORD).await.unwrap(),
        }
    }

    /// Files something that is accepted; the reference is also its key, with the version of a
    /// correction.
    pub(crate) async fn files(&self, filer: &Filer, form: Value) -> Recorded {
        let key = format!("{}{}", text(&form, "reference").unwrap(), form["correction"]["version"]);
        let request = self.api.reporting("POST", "/v1/filings").by(&filer.key);
        let answer = self.sends(request.once(&key).with(&form)).await.body;
        let lots = answer["lots"].as_array().unwrap().iter();
        Recorded {
            id: text(&answer, "id").unwrap(),
            movement: text(&answer, "movement").ok(),
            lots: lots.map(|lot| (text(lot, "lot").unwrap(), text(lot, "id").unwrap())).collect(),
        }
    }

    /// Sends lots to another filer, who receives all of them as announced.
    pub(crate) async fn delivers(
        &self,
        seller: &Filer,
        buyer: &Filer,
        reference: &str,
        lots: &[(String, &str)],
    ) -> Recorded {
        let priced: Vec<Value> = lots
            .iter()
            .map(|(lot, kg)| json!({"lot": lot, "quantity_kg": kg, "unit_price": {"amount": "400.00", "currency": "CNY"}}))
            .collect();
        let client = json!({"name": buyer.name, "identifier": buyer.uscc, "country": "CN"});
        let dispatch = self
            .files(seller, json!({
                "kind": "dispatch", "reference": reference, "site": "S1", "happened_at": "2026-10-05T10:00:00+08:00",
                "client": client, "invoice": format!("INV-{reference}"), "lines": priced,
            }))
            .await;
        let received: Vec<Value> =
            lots.iter().map(|(lot, kg)| json!({"lot": lot, "quantity_kg": kg})).collect();
        self.files(
            buyer,
            json!({
                "kind": "receipt", "reference": format!("RCV-{reference}"), "site": "S1",
                "happened_at": "2026-10-07T10:00:00+08:00", "movement": dispatch.movement,
                "outcome": "satisfactory", "lines": received,
            }),
        )
        .await
    }

    /// Waits until everything that was filed was screened.
    pub(crate) async fn settles(&self) {
        let unscreened = "filings f where not exists (select from lodestone.screenings s where s.subject = f.id)";
        wait_until("every filing is screened", SETTLES_WITHIN, async || {
            (self.stack.database().count(unscreened).await == 0).then_some(())
        })
        .await;
    }

    /// What somebody may read of the findings about something: detectors with their sentences.
    pub(crate) async fn findings(&self, reader: &str, subject: &str) -> String {
        let path = format!("/v1/findings?subject={subject}");
        let answer = self.sends(self.api.reporting("GET", &path).by(reader)).await.body;
        let lines = answer["findings"].as_array().unwrap().iter().map(|finding| {
            format!(
                "{}: {}",
                finding["detector"].as_str().unwrap(),
                finding["sentence"]["en"].as_str().unwrap()
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// A product whose composition is stated as element, in percent.
pub(crate) fn product(code: &str, category: &str, hs_code: &str, percent: Value) -> Value {
    json!({
        "code": code, "name_zh": code, "name_en": code, "category": category, "hs_code": hs_code,
        "grade": code, "composition": {"basis": "element", "percent": percent},
    })
}
