//! Whatever is sent: a problem that says what and where, nothing stored, and never a 500.

use crate::world::{Filer, World, product};
use reqwest::{
    Client,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use serde_json::{Value, json};

/// What a table row sends, and what it must hear.
struct Bad {
    what: &'static str,
    body: Vec<u8>,
    status: u16,
    /// Where the fault is, as JSON Pointer; empty where the whole body is at fault.
    pointer: Option<&'static str>,
}

fn bad(
    what: &'static str,
    body: impl Into<Vec<u8>>,
    status: u16,
    pointer: impl Into<Option<&'static str>>,
) -> Bad {
    Bad { what, body: body.into(), status, pointer: pointer.into() }
}

/// A filing that would be accepted.
fn good() -> Value {
    json!({
        "kind": "extraction", "reference": "EXT-1", "site": "S1", "happened_at": "2026-10-02T10:00:00+08:00",
        "lines": [{"lot": "ORE-1", "product": "ORE", "quantity_kg": "100.000"}],
    })
}

/// The same with one thing changed.
fn with(pointer: &str, value: Value) -> Vec<u8> {
    let mut form = good();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = form.pointer_mut(parent).unwrap();
    match parent {
        Value::Object(members) => {
            members.insert(member.to_owned(), value);
        }
        _ => parent[member.parse::<usize>().unwrap()] = value,
    }
    form.to_string().into_bytes()
}

fn dispatch_of(lot: &str) -> Vec<u8> {
    json!({
        "kind": "dispatch", "reference": "DSP-1", "site": "S1", "happened_at": "2026-10-02T10:00:00+08:00",
        "client": {"name": "安和汽车零部件有限公司", "identifier": "91110000600037341L", "country": "CN"},
        "lines": [{"lot": lot, "quantity_kg": "1.000"}],
    })
    .to_string()
    .into_bytes()
}

fn table(foreign_lot: &str) -> Vec<Bad> {
    let mass = |text: &str| with("/lines/0/quantity_kg", text.into());
    let mut long = good().to_string().into_bytes();
    long.resize(10 * 1024 * 1024, b' ');
    let mut not_utf8 = good().to_string().replace("EXT-1", "EXT-?").into_bytes();
    let at = not_utf8.iter().position(|byte| *byte == b'?').unwrap();
    not_utf8[at] = 0xff;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    vec![
        bad("nothing at all", "", 400, None),
        bad("half a document", r#"{"kind": "extraction", "#, 400, None),
        bad("two documents", format!("{}{}", good(), good()), 400, None),
        bad("a list", "[]", 400, None),
        bad("a hundred thousand brackets", deep, 400, None),
        bad("ten megabytes", long, 413, None),
        bad("bad UTF-8", not_utf8, 400, None),
        bad("an unknown field", with("/colour", json!("red")), 400, "/colour"),
        bad("an unknown field of a line", with("/lines/0/weight", json!("1")), 400, "/lines/0/weight"),
        bad("a number for a text", with("/reference", json!(5)), 400, "/reference"),
        bad("a number for a mass", with("/lines/0/quantity_kg", json!(100)), 400, "/lines/0/quantity_kg"),
        bad("null for a list", with("/lines", Value::Null), 400, "/lines"),
        bad("an unknown kind", with("/kind", json!("theft")), 400, "/kind"),
        bad("an empty reference", with("/reference", json!("")), 422, "/reference"),
        bad("a reference with a line break", with("/reference", json!("A\nB")), 422, "/reference"),
        bad("a reference of a thousand letters", with("/reference", json!("A".repeat(1_000))), 422, "/reference"),
        bad("a reference with a NUL", with("/reference", json!("A\u{0}B")), 400, "/reference"),
        bad("an unknown site", with("/site", json!("S9")), 422, "/site"),
        bad("an unknown product", with("/lines/0/product", json!("GOLD")), 422, "/lines/0/product"),
        bad("a negative mass", mass("-1.000"), 422, "/lines/0/quantity_kg"),
        bad("no mass", mass("0.000"), 422, "/lines/0/quantity_kg"),
        bad("a mass finer than a gram", mass("0.0001"), 422, "/lines/0/quantity_kg"),
        bad("more than the earth weighs", mass("99999999999999999999999999999999"), 422, "/lines/0/quantity_kg"),
        bad("a mass with an exponent", mass("1e3"), 422, "/lines/0/quantity_kg"),
        bad("not a number", mass("NaN"), 422, "/lines/0/quantity_kg"),
        bad("a mass in other digits", mass("１００"), 422, "/lines/0/quantity_kg"),
        bad("tomorrow's news", with("/happened_at", json!("2126-10-02T10:00:00+08:00")), 422, "/happened_at"),
        bad("before there was any law", with("/happened_at", json!("1926-10-02T10:00:00+08:00")), 422, "/happened_at"),
        bad("no time", with("/happened_at", json!("yesterday")), 400, "/happened_at"),
        bad("no lines", with("/lines", json!([])), 422, "/lines"),
        bad("a process for an extraction", with("/process", json!("separation")), 422, "/process"),
        bad("more than all of it is neodymium",
            with("/lines/0/composition", json!({"basis": "element", "percent": {"Nd": "101"}})), 422, "/lines/0/composition"),
        bad("an element that is no rare earth",
            with("/lines/0/composition", json!({"basis": "element", "percent": {"Au": "1"}})), 400, "/lines/0/composition/percent"),
        bad("a correction of nothing", with("/correction", json!({"version": 2, "reason": "x"})), 422, "/correction/version"),
        bad("a lot that does not exist", dispatch_of("ORE-77"), 422, "/lines/0/lot"),
        bad("a lot of somebody else", dispatch_of(foreign_lot), 422, "/lines/0/lot"),
        bad("a client whose code has a wrong check character", {
            let mut form: Value = serde_json::from_slice(&dispatch_of("ORE-0")).unwrap();
            form["client"]["identifier"] = "91110000600037341N".into();
            form.to_string()
        }, 422, "/client/identifier"),
        bad("a receipt of a movement to somebody else", json!({
            "kind": "receipt", "reference": "RCV-1", "site": "S1", "happened_at": "2026-10-02T10:00:00+08:00",
            "movement": "0198f2c0-0000-7000-8000-000000000000", "outcome": "satisfactory",
            "lines": [{"lot": foreign_lot, "quantity_kg": "1.000"}],
        }).to_string(), 422, "/movement"),
    ]
}

async fn two_mines(world: &World) -> (Filer, Filer) {
    let ore = || vec![product("ORE", "ore", "2530902000", json!({"Nd": "0.9"}))];
    (
        world.filer("Input Mine", &["mining"], ore()).await,
        world.filer("Other Mine", &["mining"], ore()).await,
    )
}

/// Sends bytes as they are; the status and the problem.
async fn sends(
    world: &World,
    client: &Client,
    token: &str,
    path: &str,
    body: Vec<u8>,
) -> (u16, Value) {
    let answer = client
        .post(world.api.reporting.join(path).unwrap())
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .header(CONTENT_TYPE, "application/json")
        .header("Idempotency-Key", "bad-input")
        .body(body)
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    let kind = answer.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
    let body = answer.bytes().await.unwrap();
    if 400 <= status {
        assert_eq!(
            kind.as_deref(),
            Some("application/problem+json"),
            "{}",
            String::from_utf8_lossy(&body)
        );
    }
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_filings_are_refused_with_what_and_where_and_leave_nothing_behind() {
    let world = World::start().await;
    let (miner, other) = two_mines(&world).await;
    let foreign = world.files(&other, good()).await.lot("ORE-1");
    let before = everything(&world).await;

    let client = Client::new();
    let mut wrong = Vec::new();
    for Bad { what, body, status, pointer } in table(&foreign) {
        let (heard, problem) = sends(&world, &client, &miner.key, "/v1/filings", body).await;
        let pointers: Vec<&str> = problem["violations"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|violation| violation["pointer"].as_str())
            .collect();
        let named = pointer.is_none_or(|pointer| pointers.contains(&pointer));
        let says_something = problem["title"].is_string() && problem["detail"].is_string();
        if heard != status || !named || !says_something {
            wrong.push(format!("{what}: {heard} instead of {status}, at {pointers:?} instead of {pointer:?}: {problem}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(everything(&world).await, before, "nothing of it was stored");
    // The filer is none the worse for it.
    world.files(&miner, good()).await;
}

/// How many rows there are of everything that a filing could leave behind.
async fn everything(world: &World) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in [
        "filings",
        "filing_lines",
        "lots",
        "postings",
        "parties",
        "filing_references",
        "idempotency_keys",
        "movements",
        "account_balances",
        "outbox",
        "events where name = 'filing.recorded'",
    ] {
        // The relay empties the outbox while we look: what is left there is not counted.
        let rows = if table == "outbox" { "outbox where false" } else { table };
        counts.push(world.stack.database().count(rows).await);
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_lot_is_answered_like_one_that_does_not_exist() {
    let world = World::start().await;
    let (miner, other) = two_mines(&world).await;
    let foreign = world.files(&other, good()).await.lot("ORE-1");
    let nobodys = "0198f2c0-5555-5555-8555-555555555555";
    let client = Client::new();
    let mut answers = Vec::new();
    for lot in [foreign.as_str(), nobodys] {
        let (status, mut problem) =
            sends(&world, &client, &miner.key, "/v1/filings", dispatch_of(lot)).await;
        let text = problem.to_string().replace(lot, "LOT");
        problem = serde_json::from_str(&text).unwrap();
        answers.push((status, problem));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_was_tampered_with_is_refused() {
    let world = World::start().await;
    let (miner, other) = two_mines(&world).await;
    for number in 0..4 {
        let mut form = good();
        form["reference"] = format!("EXT-{number}").into();
        form["lines"][0]["lot"] = format!("ORE-{number}").into();
        world.files(&miner, form).await;
    }
    let page =
        world.sends(world.api.reporting("GET", "/v1/filings?limit=2").by(&miner.key)).await.body;
    let cursor = page["next"].as_str().unwrap().to_owned();
    let mut tampered = vec![
        String::new(),
        "!!!".to_owned(),
        "AAAA".to_owned(),
        format!("{cursor}A"),
        cursor[1..].to_owned(),
    ];
    for index in [0, cursor.len() / 2, cursor.len() - 1] {
        let mut bytes = cursor.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        tampered.push(String::from_utf8(bytes).unwrap());
    }
    for cursor in tampered {
        let path = format!("/v1/filings?limit=2&cursor={cursor}");
        let answer =
            world.api.send_once(&world.api.reporting("GET", &path).by(&miner.key)).await.unwrap();
        assert_eq!(answer.status.as_u16(), 400, "{cursor}: {}", answer.body);
    }
    // A good cursor in another's hands is a bad one, or opens that one's own list.
    let path = format!("/v1/filings?limit=2&cursor={cursor}");
    let answer =
        world.api.send_once(&world.api.reporting("GET", &path).by(&other.key)).await.unwrap();
    assert!(!answer.body.to_string().contains("EXT-"), "{}", answer.body);
}
