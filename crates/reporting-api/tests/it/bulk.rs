//! Files of many filings, on a real service and database.

use crate::world::{Answer, Filer, World};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

const NDJSON: &str = "application/x-ndjson";

pub(crate) fn extraction(reference: &str, lot: &str) -> Value {
    json!({
        "kind": "extraction", "reference": reference, "site": "S1",
        "happened_at": "2026-10-03T09:30:00+08:00",
        "lines": [{"lot": lot, "product": "P1", "quantity_kg": "1200.5"}],
    })
}

fn dispatch(reference: &str, lot: &str) -> Value {
    json!({
        "kind": "dispatch", "reference": reference, "site": "S1",
        "happened_at": "2026-10-04T09:30:00+08:00",
        "client": {"name": "华为", "identifier": "914403001922038216", "country": "CN"},
        "lines": [{"lot": lot, "quantity_kg": "100"}],
    })
}

fn separation(reference: &str, input: &str, output: &str) -> Value {
    json!({
        "kind": "transformation", "reference": reference, "site": "S1", "process": "separation",
        "happened_at": "2026-10-03T12:30:00+08:00",
        "inputs": [{"lot": input, "quantity_kg": "10"}],
        "outputs": [{"lot": output, "product": "P1", "quantity_kg": "9"}],
    })
}

fn ndjson(forms: &[Value]) -> String {
    forms.iter().fold(String::new(), |file, form| file + &form.to_string() + "\n")
}

/// The verdicts by line, and the summary.
#[derive(Debug)]
pub(crate) struct Verdicts {
    pub(crate) lines: BTreeMap<u64, Value>,
    pub(crate) summary: Value,
    pub(crate) job: String,
}

impl Verdicts {
    pub(crate) fn of(answer: &Answer) -> Self {
        let (mut lines, mut summary) = (BTreeMap::new(), Value::Null);
        for line in answer.text.lines() {
            let mut line: Value = serde_json::from_str(line).unwrap();
            if line["summary"].is_object() {
                summary = line["summary"].take();
            } else {
                lines.insert(line["line"].as_u64().unwrap(), line);
            }
        }
        assert!(summary.is_object(), "no summary in {}", answer.text);
        let job = summary["job"].as_str().unwrap_or_default().to_owned();
        Self { lines, summary, job }
    }

    /// Each line as `status`, or `status code`.
    pub(crate) fn words(&self) -> Vec<String> {
        let word = |line: &Value| {
            let status = line["status"].as_str().unwrap();
            match line["problems"][0]["code"].as_str() {
                Some(code) => format!("{status} {code}"),
                None => status.to_owned(),
            }
        };
        self.lines.values().map(word).collect()
    }
}

impl World {
    pub(crate) async fn file(
        &self,
        filer: &Filer,
        query: &str,
        media: &str,
        bytes: impl Into<Vec<u8>>,
    ) -> Answer {
        let path = format!("/v1/filings/bulk?{query}");
        self.ask(&Method::POST, &path)
            .by(&filer.key)
            .header("Content-Type", media)
            .bytes(bytes.into())
            .answer()
            .await
    }

    pub(crate) async fn commit(&self, filer: &Filer, forms: &[Value]) -> Verdicts {
        let answer = self.file(filer, "mode=commit&language=en", NDJSON, ndjson(forms)).await;
        Verdicts::of(&answer.expect(200))
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let owner = self.database.owner().await;
        let row = owner.query_one(&format!("select count(*) from {table}"), &[]).await.unwrap();
        row.get(0)
    }

    /// Waits until the job has ended.
    pub(crate) async fn ended(&self, filer: &Filer, job: &str) -> Value {
        let deadline = std::time::Instant::now() + Duration::from_mins(2);
        loop {
            let path = format!("/v1/filings/bulk/{job}");
            let answer = self.get(&path).by(&filer.key).answer().await.expect(200);
            if answer.body["state"] != "waiting" {
                return answer.body;
            }
            assert!(std::time::Instant::now() < deadline, "the job does not end: {}", answer.text);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn good_lines_are_recorded_and_bad_ones_come_back_to_be_corrected() {
    let world = World::start().await;
    let filer = world.filer().await;
    let mut unknown_site = extraction("E2", "L2");
    unknown_site["site"] = json!("S9");
    let forms = [
        dispatch("D1", "L1"),
        extraction("E1", "L1"),
        unknown_site,
        dispatch("D2", "L2"),
        separation("T1", "LB", "LA"),
        separation("T2", "LA", "LB"),
        extraction("E1", "L1"),
        extraction("E1", "L7"),
    ];
    let file = format!("{}{{\"kind\":", ndjson(&forms));

    let checked = world.file(&filer, "mode=validate&language=en", NDJSON, file.clone()).await;
    let checked = Verdicts::of(&checked.expect(200));
    let wanted = [
        "accepted",
        "accepted",
        "problem unknown_site",
        "problem unknown_lot",
        "problem circular",
        "problem circular",
        "unchanged",
        "changed changed_content",
        "problem cut_off",
    ];
    assert_eq!(checked.words(), wanted);
    assert_eq!(world.count("filings").await, 0, "a check stores nothing");
    assert_eq!(world.count("bulk_jobs").await, 0, "a check stores nothing");

    let done = world.file(&filer, "mode=commit&language=en", NDJSON, file.clone()).await;
    let done = Verdicts::of(&done.expect(200));
    assert_eq!(done.words(), wanted);
    assert_eq!(world.count("filings").await, 2);
    assert_eq!(world.count("outbox").await, world.count("events").await);
    let filing = done.lines[&2]["filing"].as_str().unwrap();
    let shown =
        world.get(&format!("/v1/filings/{filing}")).by(&filer.key).answer().await.expect(200);
    assert_eq!(shown.said("reference"), "E1");
    let problem = &done.lines[&3]["problems"][0];
    assert_eq!((&problem["pointer"], &problem["value"]), (&json!("/site"), &json!("S9")));
    assert_eq!(done.lines[&7]["same_as_line"], 2);

    let rejected = format!("/v1/filings/bulk/{}/rejected", done.job);
    let rejected = world.get(&rejected).by(&filer.key).answer().await.expect(200);
    let corrected = rejected.text.replace("S9", "S1").replace("{\"kind\":\n", "");
    let again = world.file(&filer, "mode=commit&language=en", NDJSON, corrected).await;
    let again = Verdicts::of(&again.expect(200));
    // In the order of the first answer, where what waited came last.
    let mut words = again.words();
    words.sort();
    let wanted =
        ["accepted", "accepted", "changed changed_content", "problem circular", "problem circular"];
    assert_eq!(words, wanted);
}

#[tokio::test]
async fn the_same_file_again_adds_nothing_and_says_what_differs() {
    let world = World::start().await;
    let filer = world.filer().await;
    let forms = [extraction("E1", "L1"), dispatch("D1", "L1"), dispatch("D2", "L1")];
    let first = world.commit(&filer, &forms).await;
    assert_eq!(first.words(), ["accepted", "accepted", "accepted"], "two equal shipments count");
    let rows = async || {
        let mut rows = Vec::new();
        for table in ["filings", "filing_lines", "postings", "events", "outbox", "lots"] {
            rows.push(world.count(table).await);
        }
        rows
    };
    let before = rows().await;
    let second = world.commit(&filer, &forms).await;
    assert_eq!(second.words(), ["unchanged", "unchanged", "unchanged"]);
    assert_eq!(second.lines[&1]["filing"], first.lines[&1]["filing"]);
    assert_eq!(rows().await, before);

    let mut changed = forms[1].clone();
    changed["lines"][0]["quantity_kg"] = json!("101");
    let third = world.commit(&filer, &[changed.clone(), dispatch("D3", "L1")]).await;
    assert_eq!(third.words(), ["changed changed_content", "accepted"]);
    changed["correction"] = json!({"version": 2, "reason": "weighed again"});
    let fourth = world.commit(&filer, &[changed]).await;
    assert_eq!(fourth.words(), ["accepted"], "{:?}", fourth.lines);
}

#[tokio::test]
async fn a_file_recorded_as_a_whole_is_recorded_whole_or_not_at_all() {
    let world = World::start().await;
    let filer = world.filer().await;
    let good = [dispatch("D1", "L1"), extraction("E1", "L1")];
    let bad = [good[0].clone(), good[1].clone(), dispatch("D2", "L9")];
    let query = "mode=commit&atomic=true&language=zh-CN";
    let refused = world.file(&filer, query, NDJSON, ndjson(&bad)).await;
    let refused = Verdicts::of(&refused.expect(200));
    assert_eq!(
        refused.words(),
        ["held_back held_back", "held_back held_back", "problem unknown_lot"]
    );
    assert_eq!(world.count("filings").await, 0);
    let told = &refused.lines[&3]["problems"][0];
    assert_eq!(told["detail"], "没有贵单位生产或收到的该批次：“L9”");

    let taken = world.file(&filer, query, NDJSON, ndjson(&good)).await;
    assert_eq!(Verdicts::of(&taken.expect(200)).words(), ["accepted", "accepted"]);
    assert_eq!(world.count("filings").await, 2);
}

#[tokio::test]
async fn nobody_sees_another_organisations_file() {
    let world = World::start().await;
    let (owner, other) = (world.filer().await, world.filer().await);
    let done = world.commit(&owner, &[extraction("E1", "L1"), dispatch("D1", "L9")]).await;
    for path in ["", "/verdicts", "/rejected"] {
        let path = format!("/v1/filings/bulk/{}{path}", done.job);
        world.get(&path).by(&owner.key).answer().await.expect(200);
        world.get(&path).by(&other.key).answer().await.expect(404);
        world.get(&path).by(&world.administrator().await).answer().await.expect(403);
    }
}

#[tokio::test]
async fn a_file_is_taken_up_again_after_kill_9_with_no_line_lost_or_doubled() {
    let mut world = World::start().await;
    let filer = world.filer().await;
    // Every dispatch stands before the lot it sends, so that all of them wait to the end.
    let pairs = 6_000;
    let mut forms: Vec<Value> = Vec::new();
    for pair in 0..pairs {
        forms.push(dispatch(&format!("D{pair}"), &format!("L{pair}")));
        forms.push(extraction(&format!("E{pair}"), &format!("L{pair}")));
    }
    let answer = world
        .ask(&Method::POST, "/v1/filings/bulk?mode=commit")
        .by(&filer.key)
        .header("Content-Type", NDJSON)
        .header("Prefer", "respond-async")
        .bytes(ndjson(&forms).into_bytes())
        .answer()
        .await
        .expect(202);
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let job = location.rsplit('/').next().unwrap().to_owned();
    let mut kills = 0;
    let mut seen = 0;
    let job_ended = loop {
        let body = world.get(&location).by(&filer.key).answer().await.expect(200).body;
        if body["state"] != "waiting" {
            break body;
        }
        let accepted = body["accepted"].as_i64().unwrap();
        if seen < accepted && kills < 4 {
            seen = accepted;
            kills += 1;
            world.kill_and_start().await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert!(2 <= kills, "the file was through before it could be interrupted");
    assert_eq!(job_ended["accepted"], 2 * pairs, "{job_ended}");
    assert_eq!(job_ended["unchanged"], 0, "nothing was recorded twice");
    assert_eq!(world.count("filings").await, 2 * pairs);
    assert_eq!(world.count("events where name = 'filing.recorded'").await, 2 * pairs);
    assert_eq!(world.count("(select distinct reference from filings) each").await, 2 * pairs);

    let mut lines = Vec::new();
    let mut path = format!("{location}/verdicts?limit=777");
    loop {
        let page = world.get(&path).by(&filer.key).answer().await.expect(200);
        let verdicts = page.body["verdicts"].as_array().unwrap();
        lines.extend(verdicts.iter().map(|verdict| verdict["line"].as_i64().unwrap()));
        let Some(next) = page.body["next"].as_str() else { break };
        path = format!("{location}/verdicts?limit=777&cursor={next}");
    }
    lines.sort_unstable();
    assert_eq!(lines, (1..=2 * pairs).collect::<Vec<_>>(), "one verdict each line");
    assert_eq!(world.ended(&filer, &job).await["state"], "finished");
}

#[tokio::test]
async fn a_repeat_under_one_key_is_the_same_job_and_bad_requests_are_told() {
    let world = World::start().await;
    let filer = world.filer().await;
    let send = async |key: &str, body: String| {
        world
            .ask(&Method::POST, "/v1/filings/bulk?mode=commit")
            .by(&filer.key)
            .header("Content-Type", NDJSON)
            .header("Idempotency-Key", key)
            .bytes(body.into_bytes())
            .answer()
            .await
    };
    let file = ndjson(&[extraction("E1", "L1")]);
    let first = Verdicts::of(&send("k1", file.clone()).await.expect(200));
    let repeat = send("k1", file.clone()).await.expect(202);
    assert!(repeat.headers["location"].to_str().unwrap().ends_with(&first.job));
    send("k1", ndjson(&[extraction("E2", "L2")])).await.expect(422);

    for (query, media, status) in [
        ("mode=commit", "image/png", 415),
        ("mode=sometimes", NDJSON, 400),
        ("mode=commit&language=fr", NDJSON, 400),
        ("mode=commit&nonsense=1", NDJSON, 400),
        ("", NDJSON, 400),
    ] {
        world.file(&filer, query, media, file.clone()).await.expect(status);
    }
    let empty = world.file(&filer, "mode=commit", NDJSON, "").await.expect(200);
    assert_eq!(Verdicts::of(&empty).summary["accepted"], 0);
    for binary in [&b"\xff\xfe\x00\n\x00"[..], b"\0\0\0\0\n", b"[[[[[[[[\n"] {
        let answer = world.file(&filer, "mode=commit", NDJSON, binary).await.expect(200);
        assert!(1 <= Verdicts::of(&answer).summary["problems"].as_i64().unwrap());
    }
}

#[tokio::test]
async fn an_upload_cut_at_60_percent_records_nothing_and_the_whole_file_everything() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::start().await;
    let filer = world.filer().await;
    let forms: Vec<Value> =
        (0..500).map(|number| extraction(&format!("E{number}"), &format!("L{number}"))).collect();
    let body = ndjson(&forms);
    let cut = &body.as_bytes()[..body.len() * 6 / 10];
    let head = |length: &str| {
        format!(
            "POST /v1/filings/bulk?mode=commit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Type: {NDJSON}\r\n{length}\r\n\r\n",
            filer.key
        )
    };
    let length = head(&format!("Content-Length: {}", body.len())).into_bytes();
    let chunked = head("Transfer-Encoding: chunked").into_bytes();
    let chunk = format!("{:x}\r\n", cut.len()).into_bytes();
    for (how, sent) in [
        ("a length that is not reached", [&length[..], cut].concat()),
        ("chunks that do not end", [&chunked[..], &chunk, cut, b"\r\n"].concat()),
    ] {
        let mut stream = tokio::net::TcpStream::connect(world.address()).await.unwrap();
        stream.write_all(&sent).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 400");
        assert!(refused, "{how}: {answer}");
        assert_eq!(world.count("filings").await, 0, "{how}");
    }
    let verdicts = Verdicts::of(&world.file(&filer, "mode=commit", NDJSON, body).await.expect(200));
    assert_eq!(verdicts.summary["accepted"], 500);
    assert_eq!(world.count("filings").await, 500);
}
