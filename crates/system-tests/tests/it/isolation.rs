//! Every route, every role, somebody else's identifier: who gets through?
//!
//! The routes come from the services' own descriptions. A route without a row here fails, and so
//! does a row without a route.

use crate::world::{Filer, World, product};
use serde_json::{Value, json};
use simulator::api::{Request, text};
use std::collections::{BTreeMap, BTreeSet};
use testkit::uscc;

/// What stands in everything that the victim would not tell: seen elsewhere, it leaked.
const SECRET: &str = "ZXSECRET";

/// Everybody who asks. The first five belong to no office.
const CALLERS: [&str; 13] = [
    "nobody",
    "reporter",
    "exporter",
    "administrator",
    "stranger",
    "officer",
    "senior_officer",
    "analyst",
    "inspector",
    "auditor",
    "customs",
    "agency_adviser",
    "tax_officer",
];
const OFFICIALS: &[&str] = &[
    "authority",
    "officer",
    "senior_officer",
    "analyst",
    "inspector",
    "auditor",
    "customs",
    "agency_adviser",
    "tax_officer",
];
const AUTHORITY: &[&str] = &["authority"];
const READERS: &[&str] = &["officer", "senior_officer", "analyst", "inspector", "auditor"];
const DECIDERS: &[&str] = &["officer", "senior_officer", "inspector"];
const ASKERS: &[&str] = &["officer", "senior_officer", "inspector", "analyst"];
const SECOND: &[&str] = &["senior_officer", "inspector"];
const OFFICERS: &[&str] = &["officer", "senior_officer"];
const SENIOR: &[&str] = &["senior_officer"];
const HOUSE: &[&str] = &["officer", "senior_officer", "auditor"];
const CUSTOMS: &[&str] = &["customs"];
const NONE: &[&str] = &[];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    Reporting,
    Licensing,
}
use Service::{Licensing as L, Reporting as R};

/// How far a route reaches.
enum Reach {
    /// Anybody may ask, even without signing in; nothing secret is answered.
    Public,
    /// Whoever is signed in, about themselves; nothing of others is answered.
    Own,
    /// About others: for these callers only. Everybody else is refused like for nothing at all.
    Others(&'static [&'static str]),
    /// Takes no identifier and would end the caller's own session.
    NotCalled,
}
use Reach::{NotCalled, Others, Own, Public};

struct Row {
    service: Service,
    method: &'static str,
    path: &'static str,
    reach: Reach,
    /// What is sent; `{name}` is filled in with the victim's.
    body: &'static str,
}

const fn row(
    service: Service,
    method: &'static str,
    path: &'static str,
    reach: Reach,
    body: &'static str,
) -> Row {
    Row { service, method, path, reach, body }
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Filings and what follows from them
    row(R, "POST", "/v1/filings", Own, r#"{"kind":"disposal","reference":"X","site":"S1","to":"waste","happened_at":"2026-10-02T10:00:00+08:00","lines":[{"lot":"{lot}","quantity_kg":"1.000"}]}"#),
    row(R, "POST", "/v1/filings/bulk", Own, ""),
    row(R, "GET", "/v1/templates/{kind}.xlsx", Own, ""),
    row(R, "GET", "/v1/filings/bulk/mapping", Own, ""),
    row(R, "PUT", "/v1/filings/bulk/mapping", Own, r#"{"headings":{}}"#),
    row(R, "GET", "/v1/filings/bulk/{job}", Others(NONE), ""),
    row(R, "GET", "/v1/filings/bulk/{job}/verdicts", Others(NONE), ""),
    row(R, "GET", "/v1/filings/bulk/{job}/rejected", Others(NONE), ""),
    row(R, "GET", "/v1/filings/bulk/{job}/annotated.xlsx", Others(NONE), ""),
    row(R, "GET", "/v1/filings", Others(OFFICIALS), ""),
    row(R, "GET", "/v1/filings/{id}", Others(OFFICIALS), "filing"),
    row(R, "GET", "/v1/filings/{id}/versions", Others(OFFICIALS), "filing"),
    row(R, "GET", "/v1/filings/{id}/receipt", Others(OFFICIALS), "filing"),
    row(R, "GET", "/v1/returns", Others(OFFICIALS), ""),
    row(R, "GET", "/v1/returns/{month}", Others(OFFICIALS), ""),
    row(R, "POST", "/v1/returns", Own, r#"{"month":"2026-09","nil":true}"#),
    row(R, "POST", "/v1/epcis/capture", Own, r#"{"type":"EPCISDocument"}"#),
    row(R, "GET", "/v1/epcis/capture/{id}", Others(OFFICIALS), "capture"),
    row(R, "GET", "/v1/epcis/events", Others(OFFICIALS), ""),
    row(R, "GET", "/v1/epcis/export", Others(OFFICIALS), ""),
    row(R, "GET", "/v1/epcis/events/{event_id}", Others(OFFICIALS), "event"),
    row(R, "GET", "/v1/movements", Others(OFFICIALS), ""),
    row(R, "GET", "/v1/movements/{id}", Others(OFFICIALS), "movement"),
    row(R, "GET", "/v1/movements/{id}/receipt", Others(OFFICIALS), "movement"),
    row(R, "GET", "/v1/movements/{id}/match", Others(READERS), "movement"),
    row(R, "POST", "/v1/feeds/invoices", Others(&["tax_officer"]), "[]"),
    row(R, "POST", "/v1/feeds/declarations", Others(CUSTOMS), "[]"),
    row(R, "GET", "/v1/feeds/unmatched", Others(READERS), ""),
    row(R, "POST", "/v1/movements/{id}/explanations", Others(NONE), r#"movement {"reason":"x"}"#),
    row(R, "POST", "/v1/movements/{id}/answers", Others(NONE), r#"movement {"explanation":"0198f2c0-0000-7000-8000-000000000000","verdict":"accepted"}"#),
    row(R, "GET", "/v1/notifications", Own, ""),
    row(R, "POST", "/v1/notifications/{id}/read", Others(NONE), ""),
    row(R, "GET", "/v1/balances", Others(OFFICIALS), ""),
    row(R, "GET", "/v1/balances/material", Others(READERS), ""),
    row(R, "GET", "/v1/lots/{id}/trace", Others(OFFICIALS), "lot"),
    row(R, "GET", "/v1/quotas", Others(OFFICIALS), ""),
    row(R, "POST", "/v1/statistics/releases", Others(&["analyst"]), r#"{"table":"production","month":"2020-01","mode":"preview"}"#),
    row(R, "GET", "/v1/statistics/public", Public, ""),
    row(R, "GET", "/v1/statistics/public/{table}/{month}", Public, ""),
    row(R, "GET", "/v1/statistics/{table}", Others(OFFICIALS), ""),
    row(R, "GET", "/v1/findings", Others(READERS), ""),
    row(R, "GET", "/v1/findings/{id}", Others(READERS), "finding"),
    row(R, "POST", "/v1/findings/{id}/disposition", Others(DECIDERS), r#"finding {"state":"under_review","reason":"x"}"#),
    // Signing in
    row(R, "POST", "/v1/sessions", Public, r#"{"email":"nobody@nowhere.example","password":"not the right password"}"#),
    row(R, "DELETE", "/v1/sessions", NotCalled, ""),
    row(R, "GET", "/v1/me", Own, ""),
    row(R, "PATCH", "/v1/me", Own, r#"{"mails":"daily"}"#),
    // The register
    row(R, "POST", "/v1/organisations", Others(AUTHORITY), r#"{"kind":"filer","uscc":"91110000600037341L","name_zh":"x","name_en":"x"}"#),
    row(R, "GET", "/v1/organisations", Own, ""),
    row(R, "GET", "/v1/organisations/{id}", Own, "organisation"),
    row(R, "PATCH", "/v1/organisations/{id}", Others(AUTHORITY), r#"organisation {"name_en":"x"}"#),
    row(R, "POST", "/v1/organisations/{id}/close", Others(AUTHORITY), "organisation {}"),
    row(R, "POST", "/v1/organisations/{id}/sites", Others(NONE), r#"organisation {"code":"S9","name_zh":"x","name_en":"x","region":"360700","stages":["mining"]}"#),
    row(R, "GET", "/v1/organisations/{id}/sites", Others(OFFICIALS), "organisation"),
    row(R, "POST", "/v1/organisations/{id}/products", Others(NONE), r#"organisation {"code":"P9","name_zh":"x","name_en":"x","category":"ore","hs_code":"2530902000","composition":{"percent":{"Nd":"1"}}}"#),
    row(R, "GET", "/v1/organisations/{id}/products", Others(OFFICIALS), "organisation"),
    row(R, "POST", "/v1/groups", Others(AUTHORITY), r#"{"name_zh":"x","name_en":"x"}"#),
    row(R, "GET", "/v1/groups", Own, ""),
    // People, and what they may do
    row(R, "GET", "/v1/people", Own, ""),
    row(R, "PUT", "/v1/people/{id}/roles", Others(AUTHORITY), r#"person {"roles":["reporter"]}"#),
    row(R, "POST", "/v1/people/{id}/end", Others(AUTHORITY), "person {}"),
    row(R, "POST", "/v1/invitations", Others(AUTHORITY), r#"{"email":"x@x.example","roles":["reporter"],"organisation":"{organisation}"}"#),
    row(R, "GET", "/v1/invitations", Own, ""),
    row(R, "POST", "/v1/invitations/accept", Public, r#"{"token":"ldi_AAAA","name":"x","password":"a password for tests only"}"#),
    row(R, "POST", "/v1/delegations", Own, r#"{"agent":"{organisation}","roles":["reporter"],"valid_until":"2026-12-31T00:00:00Z"}"#),
    row(R, "GET", "/v1/delegations", Own, ""),
    row(R, "DELETE", "/v1/delegations/{id}", Others(NONE), "delegation"),
    row(R, "POST", "/v1/keys", Own, r#"{"name":"x","scopes":[]}"#),
    row(R, "GET", "/v1/keys", Own, ""),
    row(R, "DELETE", "/v1/keys/{id}", Others(NONE), "key"),
    // The law, and who is on which list
    row(R, "GET", "/v1/regime/versions", Own, ""),
    row(R, "POST", "/v1/regime/versions", Others(AUTHORITY), r#"{"rows":[]}"#),
    row(R, "POST", "/v1/regime/diff", Others(OFFICIALS), r#"{"rows":[]}"#),
    row(R, "GET", "/v1/regime/rows", Own, ""),
    row(R, "POST", "/v1/regime/quotas", Others(AUTHORITY), r#"{"group":"{organisation}","year":2026,"scope":"mining","batch":1,"granted_reo_kg":"1.000","source":"x","verification":"fictitious"}"#),
    row(R, "GET", "/v1/regime/quotas", Own, ""),
    row(R, "POST", "/v1/regime/listed-parties", Others(AUTHORITY), r#"{"list":"watch","name":"x","valid_from":"2026-11-01","source":"x","verification":"fictitious"}"#),
    row(R, "POST", "/v1/regime/listed-parties/{id}/end", Others(AUTHORITY), r#"nothing {"valid_until":"2026-12-01"}"#),
    row(R, "GET", "/v1/regime/listed-parties", Own, ""),
    // Who read what, what became true, and what went astray
    row(R, "GET", "/v1/access-log", Own, ""),
    row(R, "POST", "/v1/unmaskings", Others(ASKERS), r#"{"organisation":"{organisation}","party_pseudonym":"0198f2c0-0000-7000-8000-000000000000","purpose":"x"}"#),
    row(R, "GET", "/v1/unmaskings", Others(SECOND), ""),
    row(R, "GET", "/v1/unmaskings/{id}", Others(ASKERS), "nothing"),
    row(R, "POST", "/v1/unmaskings/{id}/decision", Others(SECOND), r#"nothing {"state":"approved"}"#),
    row(R, "GET", "/v1/log/checkpoint", Public, ""),
    row(R, "GET", "/v1/log/proof/inclusion", Public, ""),
    row(R, "GET", "/v1/log/proof/consistency", Public, ""),
    row(R, "GET", "/v1/log/leaves", Public, ""),
    row(R, "GET", "/v1/dead-letters", Others(AUTHORITY), ""),
    row(R, "POST", "/v1/dead-letters/{id}/replay", Others(AUTHORITY), "nothing {}"),
    // Licensing
    row(L, "GET", "/v1/workflow", Public, ""),
    row(L, "GET", "/v1/processing-times", Public, ""),
    row(L, "GET", "/v1/verify/{number}", Public, "licence"),
    row(L, "GET", "/v1/signing-keys", Public, ""),
    row(L, "GET", "/v1/status-list", Public, ""),
    row(L, "POST", "/v1/determinations", Own, r#"{"goods":{"category":"magnet"},"destination":"DE"}"#),
    row(L, "GET", "/v1/determinations/{id}", Others(OFFICIALS), "determination"),
    row(L, "POST", "/v1/determinations/batch", Own, r#"{"items":[{"reference":"x","goods":{"category":"magnet"}}]}"#),
    row(L, "GET", "/v1/determinations/batch/{id}", Others(OFFICIALS), "nothing"),
    row(L, "POST", "/v1/applications", Own, r#"{"kind":"single"}"#),
    row(L, "GET", "/v1/applications", Own, ""),
    row(L, "GET", "/v1/applications/{id}", Others(NONE), "case"),
    row(L, "PATCH", "/v1/applications/{id}", Others(NONE), r#"case {"contract":"x"}"#),
    row(L, "POST", "/v1/applications/{id}/submit", Others(NONE), "case"),
    row(L, "POST", "/v1/applications/{id}/withdraw", Others(NONE), "case"),
    row(L, "POST", "/v1/applications/{id}/reconsideration", Others(NONE), r#"case {"grounds":"x"}"#),
    row(L, "GET", "/v1/applications/{id}/checklist", Others(NONE), "case"),
    row(L, "POST", "/v1/applications/{id}/documents", Others(NONE), "case %PDF-1.7"),
    row(L, "GET", "/v1/applications/{id}/documents", Others(NONE), "case"),
    row(L, "GET", "/v1/applications/{id}/documents/{document}", Others(NONE), "case"),
    row(L, "POST", "/v1/applications/{id}/sealed-channels", Others(NONE), r#"case {"end_user":"x","language":"en"}"#),
    row(L, "GET", "/v1/applications/{id}/sealed-channels", Others(NONE), "case"),
    row(L, "POST", "/v1/applications/{id}/sealed-channels/{channel}/revoke", Others(NONE), "case"),
    row(L, "GET", "/v1/sealed/{token}", Public, ""),
    row(L, "POST", "/v1/sealed/{token}/open", Public, ""),
    row(L, "POST", "/v1/sealed/{token}/items", Public, "nothing %PDF-1.7"),
    row(L, "POST", "/v1/sealed/{token}/complete", Public, ""),
    row(L, "POST", "/v1/sealed/{token}/release", Public, ""),
    row(L, "GET", "/v1/first-time-complete", Others(OFFICIALS), ""),
    row(L, "GET", "/v1/applications/{id}/queries", Others(NONE), "case"),
    row(L, "POST", "/v1/applications/{id}/queries", Others(NONE), r#"case {"query":"0198f2c0-0000-7000-8000-000000000000","answer":"x"}"#),
    row(L, "GET", "/v1/changes", Own, ""),
    row(L, "POST", "/v1/webhooks", Own, r#"{"url":"https://example.com/lodestone"}"#),
    row(L, "GET", "/v1/webhooks", Own, ""),
    row(L, "GET", "/v1/webhooks/{id}", Others(NONE), "webhook"),
    row(L, "PATCH", "/v1/webhooks/{id}", Others(NONE), r#"webhook {"is_active":false}"#),
    row(L, "DELETE", "/v1/webhooks/{id}", Others(NONE), "webhook"),
    row(L, "POST", "/v1/webhooks/{id}/secret", Others(NONE), "webhook"),
    row(L, "GET", "/v1/webhooks/{id}/calls", Others(NONE), "webhook"),
    row(L, "POST", "/v1/webhooks/{id}/replay", Others(NONE), r#"webhook {"from":0}"#),
    row(L, "GET", "/v1/queues", Others(HOUSE), ""),
    row(L, "POST", "/v1/queues", Others(SENIOR), r#"{"code":"x","name_zh":"x","name_en":"x","team":"x"}"#),
    row(L, "GET", "/v1/teams", Others(HOUSE), ""),
    row(L, "POST", "/v1/teams", Others(SENIOR), r#"{"code":"x","name_zh":"x","name_en":"x"}"#),
    row(L, "PUT", "/v1/teams/{code}/members", Others(SENIOR), r#"nothing {"members":[]}"#),
    row(L, "GET", "/v1/routing", Others(HOUSE), ""),
    row(L, "POST", "/v1/routing", Others(SENIOR), r#"{"rules":{"rules":[],"otherwise":"x"},"reason":"x"}"#),
    row(L, "GET", "/v1/officers", Others(HOUSE), ""),
    row(L, "POST", "/v1/signing-keys/{key}/compromise", Others(SENIOR), r#"nothing {"since":"2020-01-01T00:00:00Z","reason":"x"}"#),
    row(L, "GET", "/v1/officers/{person}/absences", Others(HOUSE), ""),
    row(L, "POST", "/v1/officers/{person}/absences/{absence}/end", Others(OFFICERS), "nothing {}"),
    row(L, "POST", "/v1/officers/{person}/absences", Others(OFFICERS), r#"nothing {"first_day":"2026-12-01","last_day":"2026-12-02"}"#),
    row(L, "POST", "/v1/officers/{person}/conflicts", Others(OFFICERS), r#"nothing {"exporter":"0198f2c0-0000-7000-8000-000000000000","reason":"x"}"#),
    row(L, "GET", "/v1/case-rules", Others(OFFICIALS), ""),
    row(L, "POST", "/v1/cases/assignments", Others(SENIOR), r#"{"officer":"0198f2c0-0000-7000-8000-000000000000","cases":[]}"#),
    row(L, "GET", "/v1/cases", Others(OFFICIALS), ""),
    row(L, "GET", "/v1/cases/{id}", Others(OFFICIALS), "case"),
    row(L, "GET", "/v1/cases/{id}/documents", Others(OFFICIALS), "case"),
    row(L, "GET", "/v1/cases/{id}/documents/{document}", Others(OFFICIALS), "case"),
    row(L, "GET", "/v1/cases/{id}/sealed", Others(OFFICIALS), "case"),
    row(L, "GET", "/v1/cases/{id}/sealed/{item}", Others(OFFICIALS), "case"),
    row(L, "POST", "/v1/cases/{id}/{action}", Others(OFFICERS), "case {}"),
    row(L, "GET", "/v1/licences", Others(OFFICIALS), ""),
    row(L, "GET", "/v1/licences/{number}", Others(OFFICIALS), "licence"),
    row(L, "GET", "/v1/licences/{number}.pdf", Others(OFFICIALS), "licence"),
    row(L, "GET", "/v1/licences/{number}.vc", Others(OFFICIALS), "licence"),
    row(L, "GET", "/v1/licences/{number}/arrivals", Others(OFFICIALS), "licence"),
    row(L, "POST", "/v1/licences/{number}/arrivals", Others(NONE), r#"licence {"declaration":"x","stage":"arrived","occurred_on":"2026-01-02","quantity_kg":"1","place":"x"}"#),
    row(L, "GET", "/v1/licences/{number}/departures", Others(OFFICIALS), "licence"),
    row(L, "POST", "/v1/licences/reconciliation", Others(CUSTOMS), r#"nothing {"departures":[]}"#),
    row(L, "GET", "/v1/licences/{number}/reservations", Others(OFFICIALS), "licence"),
    row(L, "POST", "/v1/licences/{number}/reservations", Others(CUSTOMS), r#"licence {"line":1,"declaration":"x","declaration_line":1,"quantity_kg":"1","control_code":"1C905.a.4","destination":"DE","consignee":"x"}"#),
    row(L, "POST", "/v1/licences/{number}/reservations/{reservation}/confirm", Others(CUSTOMS), "licence"),
    row(L, "POST", "/v1/licences/{number}/reservations/{reservation}/release", Others(CUSTOMS), "licence"),
    row(L, "POST", "/v1/licences/{number}/reservations/{reservation}/amend", Others(CUSTOMS), r#"licence {"amendment":1,"declared":{"quantity_kg":"1","control_code":"1C905.a.4","destination":"DE","consignee":"x"}}"#),
    row(L, "GET", "/v1/licences/{number}/reservations/{reservation}/amendments", Others(OFFICIALS), "licence"),
    row(L, "POST", "/v1/licences/{number}/{action}", Others(OFFICERS), r#"licence {"reason":"x"}"#),
];

/// What officials read of an organisation that they name.
const OF_AN_ORGANISATION: &[&str] = &[
    "/v1/balances",
    "/v1/epcis",
    "/v1/filings",
    "/v1/findings",
    "/v1/lots",
    "/v1/movements",
    "/v1/returns",
];

/// The victim's identifiers, by the words used in `ROWS`.
type Identifiers = BTreeMap<&'static str, String>;

impl Row {
    /// What identifier the path asks for, and what is sent.
    fn parts(&self) -> (&'static str, &'static str) {
        if self.body.starts_with('{') {
            return ("", self.body);
        }
        self.body.split_once(' ').unwrap_or((self.body, ""))
    }

    fn request(
        &self,
        world: &World,
        victims: &Identifiers,
        caller: &str,
        token: Option<&str>,
    ) -> Request {
        let (thing, body) = self.parts();
        let own = |name: &str| {
            victims.get(name).map_or("0198f2c0-0000-7000-8000-000000000000", String::as_str)
        };
        let mut path = self.path.replace("{id}", own(thing)).replace("{number}", own("licence"));
        path = path.replace("{reservation}", own("reservation")).replace("{month}", "2026-10");
        path = path.replace("{event_id}", own("event"));
        path = path.replace("{job}", own("job")).replace("{person}", own("person"));
        // Nobody is away: an id of somebody, and no absence of theirs.
        path = path.replace("{absence}", own("person"));
        for other in ["{document}", "{channel}", "{code}", "{token}"] {
            path = path.replace(other, own(other));
        }
        for name in ["{document}", "{channel}", "{item}"] {
            path = path.replace(name, own("nothing"));
        }
        if self.path.ends_with("/documents") && self.method == "POST" {
            path.push_str("?kind=application_form&name=x.pdf");
        }
        path = path.replace("{token}", "lsl_nobodys");
        path = path.replace(
            "{action}",
            if self.path.contains("licences") { "suspend" } else { "begin_review" },
        );
        let official = OFFICIALS.contains(&caller);
        let mut body = body.to_owned();
        for name in ["lot", "organisation"] {
            body = body.replace(&format!("{{{name}}}"), own(name));
        }
        if official && self.method == "GET" && self.takes_organisation() {
            path = format!("{path}?organisation={}", own("organisation"));
        }
        let mut request = match self.service {
            R => world.api.reporting(self.method, &path),
            L => world.api.licensing(self.method, &path),
        };
        if let Some(token) = token {
            request = request.by(token);
        }
        if self.method != "GET" {
            request = request.once(&format!("isolation-{caller}")).if_still("\"1\"");
        }
        if body.is_empty() { request } else { request.with_bytes(body.into_bytes()) }
    }

    fn takes_organisation(&self) -> bool {
        OF_AN_ORGANISATION.iter().any(|path| self.service == R && self.path.starts_with(path))
    }

    /// Whether the path holds something's identifier: a month is nobody's.
    fn names_a_thing(&self) -> bool {
        self.path.replace("{month}", "").contains('{')
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// What is wrong with an answer, if anything.
    fn fault(&self, caller: &str, status: u16, answer: &str) -> Option<String> {
        let leaked = answer.contains(SECRET);
        let refused = matches!(status, 401 | 403 | 404);
        let fault = match &self.reach {
            NotCalled => return None,
            _ if 500 <= status => "fails",
            Others(allowed) if allowed.contains(&caller) => return None,
            _ if leaked => "is told what is secret",
            Public => return None,
            _ if caller == "nobody" && status != 401 => "need not sign in",
            // A list without identifier may be one's own, which is empty of others' secrets.
            Others(_) if self.method == "GET" && !self.names_a_thing() => return None,
            Others(_) if !refused => "gets through",
            Own | Others(_) => return None,
        };
        Some(format!("{}: {caller} {fault}: {status} {answer}", self.name()))
    }
}

/// Every operation that the services describe.
async fn described(world: &World) -> BTreeSet<String> {
    let mut operations = BTreeSet::new();
    for request in
        [world.api.reporting("GET", "/openapi.json"), world.api.licensing("GET", "/openapi.json")]
    {
        let description = world.sends(request).await.body;
        for (path, methods) in description["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                operations.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    operations
}

/// A filer with one of everything, each with something secret in it.
async fn a_victim(world: &World, agent: &Filer) -> (Filer, Identifiers) {
    let ore = product(&format!("{SECRET}-ORE"), "ore", "2530902000", json!({"Nd": "0.9"}));
    let victim = world.filer("Isolated Mine", &["mining", "export"], vec![ore]).await;
    let lot = format!("{SECRET}-LOT");
    let extraction = world.files(&victim, json!({
        "kind": "extraction", "reference": format!("{SECRET}-EXT"), "site": "S1", "happened_at": "2026-10-02T10:00:00+08:00",
        "lines": [{"lot": lot, "product": format!("{SECRET}-ORE"), "quantity_kg": "1000.000"}],
    })).await;
    let filing = world.files(&victim, json!({
        "kind": "dispatch", "reference": format!("{SECRET}-DSP"), "site": "S1", "happened_at": "2026-10-03T10:00:00+08:00",
        "client": {"name": format!("{SECRET} client"), "identifier": uscc(777_777), "country": "CN"},
        "contract": format!("{SECRET}-C"), "invoice": format!("{SECRET}-I"),
        "lines": [{"lot": lot, "quantity_kg": "1500.000"}],
    })).await;
    let moved = world.files(&victim, json!({
        "kind": "dispatch", "reference": format!("{SECRET}-DSP-2"), "site": "S1", "happened_at": "2026-10-03T11:00:00+08:00",
        "client": {"name": agent.name, "identifier": agent.uscc, "country": "CN"},
        "lines": [{"lot": lot, "quantity_kg": "1.000"}],
    })).await;
    let (capture, event) = captures_an_event(world, &victim).await;
    let end_user = json!({"name": format!("{SECRET} end user"), "country": "DE"});
    let documents: Vec<Value> = [
        "application_form",
        "id_legal_rep_managers_handler",
        "contract_or_other_proof",
        "technical_description_or_test_report",
        "end_user_end_use_certificate",
    ]
    .iter()
    .map(|kind| json!({"kind": kind, "name": format!("{SECRET}.pdf"), "sha256": "ab".repeat(32)}))
    .collect();
    let application = json!({
        "kind": "single", "destination": "DE", "consignees": [end_user], "end_users": [end_user],
        "end_use": {"category": "civil", "description": format!("{SECRET} use")},
        "valid_from": "2026-11-01", "valid_until": "2027-09-30", "documents": documents,
        "lines": [{"description": format!("{SECRET} goods"), "control_code": "1C905.a.4", "hs_code": "8505111000",
            "quantity_kg": "800", "goods": {"category": "magnet", "magnet_family": "ndfeb", "composition": {
                "percent": {"Nd": "28", "Dy": "3", "Fe": "68", "B": "1"}, "completeness": "complete"}}}],
    });
    let (officer, senior) =
        (world.official("officer").await, world.official("senior_officer").await);
    let mut cases = Vec::new();
    for name in ["open", "decided"] {
        let begin = world
            .api
            .licensing("POST", "/v1/applications")
            .by(&victim.key)
            .once(name)
            .with(&application);
        let begun = world.sends(begin).await;
        let id = text(&begun.body, "id").unwrap();
        let submit =
            world.api.licensing("POST", &format!("/v1/applications/{id}/submit")).by(&victim.key);
        cases.push((id, world.sends(submit.if_still(&begun.etag.unwrap())).await.etag.unwrap()));
    }
    let (decided, mut etag) = cases.pop().unwrap();
    for (action, by, body) in [
        ("accept", &officer, json!({})),
        ("begin_review", &officer, json!({})),
        ("recommend_approval", &officer, json!({"note": "plausible"})),
        ("countersign", &senior, json!({})),
    ] {
        let act =
            world.api.licensing("POST", &format!("/v1/cases/{decided}/{action}")).by(&by.token);
        etag = world.sends(act.if_still(&etag).with(&body)).await.etag.unwrap();
    }
    let licences =
        world.sends(world.api.licensing("GET", "/v1/licences").by(&victim.key)).await.body;
    let licence = text(&licences, "licences/0/number").unwrap();
    let customs = world.office("customs", "customs").await;
    let reserve = json!({"line": 1, "declaration": format!("{SECRET}-1"), "declaration_line": 1, "quantity_kg": "10",
        "control_code": "1C905.a.4", "hs_code": "8505111000", "destination": "DE", "consignee": format!("{SECRET} end user")});
    let path = format!("/v1/licences/{licence}/reservations");
    let reserved = world
        .sends(world.api.licensing("POST", &path).by(&customs.token).with(&reserve))
        .await
        .body;
    let question = json!({"goods": {"category": "magnet"}, "destination": "DE", "parties": [{"name": format!("{SECRET} asks")}]});
    let asked = world
        .api
        .licensing("POST", "/v1/determinations")
        .by(&victim.key)
        .once("asked")
        .with(&question);
    let delegation =
        json!({"agent": agent.id, "roles": ["exporter"], "valid_until": "2026-12-31T00:00:00Z"});
    let delegation = world
        .api
        .reporting("POST", "/v1/delegations")
        .by(&victim.session)
        .once("lent")
        .with(&delegation);
    let hook = json!({"url": format!("https://{SECRET}.example/")});
    let hook = world.api.licensing("POST", "/v1/webhooks").by(&victim.key).once("hook").with(&hook);
    world.settles().await;
    let findings =
        world.sends(world.api.reporting("GET", "/v1/findings").by(&victim.key)).await.body;
    let keys = world.sends(world.api.reporting("GET", "/v1/keys").by(&victim.session)).await.body;
    let people =
        world.sends(world.api.reporting("GET", "/v1/people").by(&victim.session)).await.body;
    let identifiers = BTreeMap::from([
        ("organisation", victim.id.to_string()),
        ("lot", extraction.lot(&lot)),
        ("filing", filing.id),
        ("movement", moved.movement.unwrap()),
        ("capture", capture),
        ("event", event),
        ("case", cases.pop().unwrap().0),
        ("licence", licence),
        ("reservation", text(&reserved, "id").unwrap()),
        ("determination", text(&world.sends(asked).await.body, "id").unwrap()),
        ("delegation", text(&world.sends(delegation).await.body, "id").unwrap()),
        ("webhook", text(&world.sends(hook).await.body, "id").unwrap()),
        ("finding", text(&findings, "findings/0/id").unwrap()),
        ("key", text(&keys, "keys/0/id").unwrap()),
        ("person", text(&people, "people/0/id").unwrap()),
    ]);
    (victim, identifiers)
}

/// An EPCIS event of the victim's: the job that captured it, and its id.
async fn captures_an_event(world: &World, victim: &Filer) -> (String, String) {
    let event = format!("urn:{SECRET}:event");
    let capture = world.api.reporting("POST", "/v1/epcis/capture").by(&victim.key).with(&json!({
        "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        "type": "ObjectEvent", "action": "OBSERVE", "eventID": event, "epcList": [format!("urn:{SECRET}:thing")],
        "eventTime": "2026-10-03T10:00:00+08:00", "eventTimeZoneOffset": "+08:00",
    }));
    let capture = text(&world.sends(capture).await.body, "captureID").unwrap();
    (capture, event)
}

/// Tokens of everybody who asks; `stranger` is a filer's key without scopes that matter here.
async fn callers(world: &World) -> BTreeMap<&'static str, Option<String>> {
    let ore = product("ORE", "ore", "2530902000", json!({"Nd": "0.9"}));
    let other = world.filer("Curious Mine", &["mining", "export"], vec![ore]).await;
    let mut tokens =
        BTreeMap::from([("nobody", None), ("administrator", Some(other.session.clone()))]);
    for (caller, scope) in
        [("reporter", "reporter"), ("exporter", "exporter"), ("stranger", "administrator")]
    {
        let form = json!({"name": caller, "scopes": [scope]});
        let create =
            world.api.reporting("POST", "/v1/keys").by(&other.session).once(caller).with(&form);
        tokens.insert(caller, Some(text(&world.sends(create).await.body, "key").unwrap()));
    }
    for caller in ["officer", "senior_officer", "analyst", "inspector", "auditor"] {
        tokens.insert(caller, Some(world.official(caller).await.token));
    }
    tokens.insert("customs", Some(world.office("customs", "customs").await.token));
    tokens.insert("tax_officer", Some(world.office("tax_authority", "tax_officer").await.token));
    tokens.insert("agency_adviser", Some(world.office("agency", "agency_adviser").await.token));
    tokens
}

/// How much there is of everything the victim has.
async fn state_of(world: &World, victim: &Filer) -> Vec<(String, i64)> {
    let database = world.stack.database();
    let tables = database.owner().await;
    let tables = tables
        .query("select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = 'lodestone' and c.relkind in ('r', 'p') and c.relname not in ('events', 'idempotency_keys')
            and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'organisation') order by 1", &[])
        .await
        .unwrap();
    let mut state = Vec::new();
    for table in tables {
        let table: String = table.get(0);
        let rows = database.count(&format!("{table} where organisation = '{}'", victim.id)).await;
        state.push((table, rows));
    }
    state.push((
        "keys in force".to_owned(),
        database
            .count(&format!("api_keys where organisation = '{}' and revoked_at is null", victim.id))
            .await,
    ));
    state.push((
        "delegations in force".to_owned(),
        database
            .count(&format!(
                "delegations where organisation = '{}' and revoked_at is null",
                victim.id
            ))
            .await,
    ));
    state.push((
        "licences in force".to_owned(),
        database
            .count(&format!("licences where organisation = '{}' and state = 'issued'", victim.id))
            .await,
    ));
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_has_a_row_and_nobody_gets_through_to_what_is_somebody_elses() {
    let world = World::start().await;
    let written: BTreeSet<String> = ROWS.iter().map(Row::name).collect();
    assert_eq!(written.len(), ROWS.len(), "a route has two rows");
    let routes = described(&world).await;
    let without_row: Vec<_> = routes.difference(&written).collect();
    let without_route: Vec<_> = written.difference(&routes).collect();
    assert!(
        without_row.is_empty() && without_route.is_empty(),
        "no row: {without_row:?}; no route: {without_route:?}"
    );

    let tokens = callers(&world).await;
    let agent = world.filer("Agent", &["trading"], vec![]).await;
    let (victim, victims) = a_victim(&world, &agent).await;
    let before = state_of(&world, &victim).await;
    let mut faults = Vec::new();
    let mut asked = 0;
    for row in ROWS {
        for caller in CALLERS {
            let may = matches!(&row.reach, Others(allowed) if allowed.contains(&caller));
            if matches!(row.reach, NotCalled) || (may && row.method != "GET") {
                continue;
            }
            let token = tokens[caller].as_deref();
            let request = row.request(&world, &victims, caller, token);
            let answer = world.api.send_once(&request).await.unwrap();
            asked += 1;
            faults.extend(row.fault(caller, answer.status.as_u16(), &answer.body.to_string()));
            // To a filer, what is another's and what does not exist are the same.
            let is_filer = ["reporter", "exporter", "administrator", "stranger"].contains(&caller);
            if is_filer && row.path.contains('{') && matches!(row.reach, Others(_)) {
                let nothing = row.request(&world, &Identifiers::new(), caller, token);
                let nothing = world.api.send_once(&nothing).await.unwrap();
                if (answer.status, &answer.body["type"], &answer.body["detail"])
                    != (nothing.status, &nothing.body["type"], &nothing.body["detail"])
                {
                    faults.push(format!(
                        "{}: {caller} can tell: {} {} and {} {}",
                        row.name(),
                        answer.status,
                        answer.body,
                        nothing.status,
                        nothing.body
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} of {asked}:\n{}", faults.len(), faults.join("\n"));
    assert!(600 < asked, "{asked} requests");
    assert_eq!(state_of(&world, &victim).await, before, "nothing of the victim's was changed");
}
