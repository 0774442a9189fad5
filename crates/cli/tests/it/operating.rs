//! Stories of a filer with a file, and of an outsider who checks the log.

use crate::tool::{Ran, lodestone};
use reqwest::Client;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use testkit::{ADMINISTRATOR_EMAIL, ADMINISTRATOR_PASSWORD, Stack, wait_until};

/// A miner with a key, and the system they file in.
struct Miner {
    stack: Stack,
    key: String,
}

impl Miner {
    async fn registered() -> Self {
        let stack = Stack::installed().await;
        let sign_in = json!({"email": ADMINISTRATOR_EMAIL, "password": ADMINISTRATOR_PASSWORD});
        let token = post(&stack, "/v1/sessions", "", &sign_in).await["token"].clone();
        let names = json!({"name_zh": "矿", "name_en": "Mine"});
        let mut form = json!({
            "kind": "filer", "uscc": "91110000600037341L", "country": "CN", "stages": ["mining"],
            "sites": [{"code": "S1", "region": "350100", "stages": ["mining"]}],
            "products": [{
                "code": "ORE", "category": "ore", "hs_code": "25309020",
                "composition": {"basis": "oxide", "percent": {"Nd": "1.2", "Dy": "0.1"}},
            }],
            "first_administrator": {
                "email": "files@mine.example", "name": "Filer", "password": "correct horse battery",
                "roles": ["administrator", "reporter"],
            },
            "first_key": {"name": "bulk", "scopes": ["reporter", "administrator"]},
        });
        for place in ["", "/sites/0", "/products/0"] {
            let object = form.pointer_mut(place).unwrap().as_object_mut().unwrap();
            object.extend(names.as_object().unwrap().clone());
        }
        let answer = post(&stack, "/v1/organisations", token.as_str().unwrap(), &form).await;
        Self { key: answer["first_key"]["key"].as_str().unwrap().to_owned(), stack }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let url = self.stack.url("reporting-api");
        let arguments = [arguments, &["--url", &url]].concat();
        lodestone(&arguments, &[("LODESTONE_API_KEY", &self.key)], "")
    }

    /// Writes filings of which the first rests on the last, and one that is none.
    fn file(&self) -> PathBuf {
        let extraction = |number: u32| {
            json!({
                "kind": "extraction", "reference": format!("采-{number}"), "site": "S1",
                "happened_at": "2026-01-15T09:30:00+08:00",
                "lines": [{"lot": format!("L-{number}"), "product": "ORE", "quantity_kg": "1000.000"}],
            })
        };
        let disposal = json!({
            "kind": "disposal", "reference": "弃-1", "site": "S1", "to": "waste",
            "happened_at": "2026-01-16T09:30:00+08:00",
            "lines": [{"lot": "L-20", "quantity_kg": "10.000"}],
        });
        let mut lines = vec![disposal.to_string(), r#"{"no": "filing"}"#.to_owned()];
        lines.extend((1..=20).map(|number| extraction(number).to_string()));
        let path = self.stack.files().join("filings.ndjson");
        fs::write(&path, lines.join("\n")).unwrap();
        path
    }
}

async fn post(stack: &Stack, path: &str, token: &str, body: &Value) -> Value {
    let url = format!("{}{path}", stack.url("reporting-api"));
    let request = Client::new().post(url).bearer_auth(token).header("Idempotency-Key", "once");
    let answer = request.json(body).send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap()
}

fn verdicts(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file.with_extension("ndjson.verdicts")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn count(verdicts: &[Value], status: &str) -> usize {
    verdicts.iter().filter(|line| line["status"] == status).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_uploaded_once_however_often_it_is_sent_and_whatever_its_order() {
    let miner = Miner::registered().await;
    let file = miner.file();
    let upload = ["bulk", "upload", file.to_str().unwrap()];
    let first = miner.run(&upload);
    assert!(!first.succeeded, "a line that is no filing must not go unnoticed");
    let said = verdicts(&file);
    assert_eq!((count(&said, "accepted"), count(&said, "problem")), (21, 1), "{said:#?}");
    let refused = said.iter().find(|line| line["status"] == "problem").unwrap();
    assert_eq!(refused["line"], 2);
    let corrections = fs::read_to_string(file.with_extension("ndjson.rejected.ndjson")).unwrap();
    assert_eq!(corrections.trim(), r#"{"no": "filing"}"#);

    miner.run(&upload);
    let said = verdicts(&file);
    assert_eq!((count(&said, "unchanged"), count(&said, "problem")), (21, 1));
    assert_eq!(miner.stack.database().count("lodestone.filings").await, 21);
    assert_eq!(miner.stack.lodestone(&["balances", "check"]), "the books agree with themselves\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_stops_an_upload_and_is_listed_as_revoked() {
    let miner = Miner::registered().await;
    let keys: Value = serde_json::from_str(&miner.run(&["keys", "list", "--json"]).well()).unwrap();
    let id = keys[0]["id"].as_str().unwrap();
    miner.run(&["keys", "revoke", id]).well();
    let stopped = miner.run(&["bulk", "upload", miner.file().to_str().unwrap()]);
    assert!(!stopped.succeeded && stopped.complained.contains("401"), "{}", stopped.complained);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outsider_finds_the_log_whole_and_notices_a_removed_entry() {
    let miner = Miner::registered().await;
    let url = format!("{}/v1/log/checkpoint", miner.stack.url("reporting-api"));
    wait_until("a checkpoint is signed", Duration::from_secs(30), async || {
        Client::new().get(&url).send().await.ok()?.status().is_success().then_some(())
    })
    .await;
    let kept = miner.stack.files().join("checkpoint");
    let licensing = miner.stack.url("licensing");
    let verify = ["verify", "log", "--licensing", &licensing, "--kept", kept.to_str().unwrap()];
    miner.run(&verify).well();
    assert!(miner.run(&verify).well().contains("of the checkpoint that was kept"));

    let owner = miner.stack.database().owner().await;
    owner
        .batch_execute("update lodestone.log_leaves set leaf_hash = sha256('') where index = 0")
        .await
        .unwrap();
    let changed = miner.run(&verify);
    assert!(!changed.succeeded && changed.complained.contains("NOT"), "{}", changed.complained);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outsider_checks_a_receipt_and_what_it_covers() {
    let miner = Miner::registered().await;
    let form = json!({
        "kind": "extraction", "reference": "采-1", "site": "S1", "happened_at": "2026-01-15T09:30:00+08:00",
        "lines": [{"lot": "L-1", "product": "ORE", "quantity_kg": "1000.000"}],
    });
    let answer = post(&miner.stack, "/v1/filings", &miner.key, &form).await;
    let write = |name: &str, value: &Value| {
        let path = miner.stack.files().join(name);
        fs::write(&path, value.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let receipt = write("receipt.json", &answer);
    let licensing = miner.stack.url("licensing");
    let verify = |form: &str| {
        let arguments = ["verify", "receipt", &receipt, "--form", form, "--url", &licensing];
        lodestone(&arguments, &[], "")
    };
    let said = verify(&write("form.json", &form)).well();
    assert!(said.contains("the signature is genuine") && said.contains("采-1"), "{said}");

    let mut other = form.clone();
    other["lines"][0]["quantity_kg"] = json!("999.000");
    let refused = verify(&write("other.json", &other));
    assert!(!refused.succeeded && refused.complained.contains("not what was filed"));

    let mut forged = answer.clone();
    forged["receipt"]["signature"] = json!("A".repeat(86) + "==");
    let forged = write("forged.json", &forged);
    let refused = lodestone(&["verify", "receipt", &forged, "--url", &licensing], &[], "");
    assert!(!refused.succeeded, "{}", refused.said);
}
