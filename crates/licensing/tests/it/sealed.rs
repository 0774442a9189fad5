use crate::world::{Answer, Person, World, a_draft};
use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use std::fmt::Write;

const SECRET: &str = "ZX-WORKSHOP-7-LAYOUT";
const END_USER: &str = "Beispiel Motoren GmbH";

fn a_pdf(text: &str) -> Vec<u8> {
    format!("%PDF-1.7\n% {text}\n").into_bytes()
}

/// An application without a certificate, and a link for its end user.
async fn a_link(world: &World, exporter: &Person) -> (String, String, String) {
    let mut draft = a_draft("single", "10");
    let papers = draft["documents"].as_array_mut().unwrap();
    papers.retain(|paper| paper["kind"] != "end_user_end_use_certificate");
    let case = world.post(exporter, "/v1/applications", draft).await.expect(201).id();
    let begun = begin(world, exporter, &case, "k", END_USER).await.expect(201);
    let link = begun.body["link"].as_str().unwrap().to_owned();
    (case, begun.id(), link)
}

async fn begin(world: &World, who: &Person, case: &str, key: &str, end_user: &str) -> Answer {
    let path = format!("/v1/applications/{case}/sealed-channels");
    let body = json!({"end_user": end_user, "language": "en", "valid_days": 14});
    world.post_as(who, &path, body, key).await
}

/// Opens a link; answers the path of whoever opened it.
async fn opened(world: &World, link: &str) -> String {
    let opened = world.anybody_posts(&format!("{link}/open")).await.expect(201);
    opened.body["continue_at"].as_str().unwrap().to_owned()
}

async fn hands_in(world: &World, path: &str, kind: &str, name: &str, bytes: Vec<u8>) -> Answer {
    let (path, key) = (format!("{path}/items"), format!("{kind}-{}", name.replace(' ', "_")));
    let query = [("kind", kind), ("name", name)];
    world.uploads(None, &path, &query, "application/pdf", &key, bytes).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_user_answers_past_the_supplier_and_sees_who_reads_it() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    let (case, channel, link) = a_link(&world, &exporter).await;
    let again = begin(&world, &exporter, &case, "k", END_USER).await.expect(200);
    assert_eq!((again.id(), &again.body["link"]), (channel.clone(), &Value::Null));
    let stranger = begin(&world, &exporter, &case, "other", "Somebody Else").await.expect(422);
    assert_eq!(stranger.faults(), ["/end_user unknown_end_user"]);

    let waiting = world.anybody_gets(&link).await.expect(200);
    assert_eq!(waiting.body["standing"], "waiting");
    assert_eq!(waiting.body["asked"][0]["required"], true);
    let me = opened(&world, &link).await;
    let late = world.anybody_posts(&format!("{link}/open")).await.expect(409);
    assert!(late.body["detail"].as_str().unwrap().contains("tell the authority"));
    hands_in(&world, &link, "photograph", "x.pdf", a_pdf("x")).await.expect(409);

    let early = world.anybody_posts(&format!("{me}/complete")).await.expect(422);
    assert_eq!(early.faults(), ["/items missing_certificate"]);
    let drawing = hands_in(&world, &me, "drawing", SECRET, a_pdf(SECRET)).await.expect(201);
    let repeated = hands_in(&world, &me, "drawing", SECRET, a_pdf(SECRET)).await.expect(200);
    assert_eq!(drawing.body, repeated.body);
    hands_in(&world, &me, "drawing", SECRET, a_pdf("another")).await.expect(422);
    hands_in(&world, &me, "certificate", "end use.pdf", a_pdf("certificate")).await.expect(201);
    hands_in(&world, &me, "certificate", "fake.pdf", b"MZ\x90".to_vec()).await.expect(422);
    hands_in(&world, &me, "cheese", "x.pdf", a_pdf("x")).await.expect(422);
    world.anybody_posts(&format!("{me}/release")).await.expect(409);

    // The supplier sees that it is open, and then that it is complete.
    let channels = format!("/v1/applications/{case}/sealed-channels");
    let seen = world.get(&exporter, &channels).await.expect(200);
    assert_eq!(seen.body["channels"][0]["state"], "open");
    let checklist = format!("/v1/applications/{case}/checklist");
    assert_eq!(world.get(&exporter, &checklist).await.expect(200).body["complete"], false);
    world.anybody_posts(&format!("{me}/complete")).await.expect(200);
    world.anybody_posts(&format!("{me}/complete")).await.expect(409);
    hands_in(&world, &me, "list", "late.pdf", a_pdf("late")).await.expect(409);
    let seen = world.get(&exporter, &channels).await.expect(200);
    assert_eq!(seen.body["channels"][0]["state"], "complete");
    assert!(!seen.body.to_string().contains(SECRET));
    assert_eq!(world.get(&exporter, &checklist).await.expect(200).body["complete"], true);
    let submit = format!("/v1/applications/{case}/submit");
    let etag = world.present_etag(&case).await;
    world.on(&exporter, Method::POST, &submit, &etag, json!({})).await.expect(200);

    // Officials read it, the end user sees that they did, the supplier sees nothing of it.
    world.get(&exporter, &format!("/v1/cases/{case}/sealed")).await.expect(403);
    let read = world.get(&officer, &format!("/v1/cases/{case}/sealed")).await.expect(200);
    let items = read.body["channels"][0]["items"].as_array().unwrap();
    let names: Vec<&str> = items.iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, [SECRET, "end use.pdf"]);
    let one = format!("/v1/cases/{case}/sealed/{}", drawing.id());
    let (headers, bytes) = world.downloads(&officer, &one).await;
    assert_eq!(bytes, a_pdf(SECRET));
    assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    let mine = world.anybody_gets(&me).await.expect(200);
    let looks = mine.body["looks"].as_array().unwrap();
    assert_eq!((looks.len(), &looks[0]["item"]), (2, &drawing.body["id"]));
    assert_eq!(looks[0]["office"], "Demonstration");
    assert!(!mine.body.to_string().contains(SECRET), "not even the key reads anything back");

    // The certificate alone is released.
    world.anybody_posts(&format!("{me}/release")).await.expect(200);
    world.anybody_posts(&format!("{me}/release")).await.expect(409);
    let papers = world.get(&exporter, &format!("/v1/applications/{case}/documents")).await;
    let papers = papers.expect(200).body["documents"].clone();
    assert_eq!(papers.as_array().unwrap().len(), 1);
    assert_eq!(papers[0]["released_by_end_user"], true);
    let paper = papers[0]["id"].as_str().unwrap();
    let path = format!("/v1/applications/{case}/documents/{paper}");
    assert_eq!(world.downloads(&exporter, &path).await.1, a_pdf("certificate"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_the_database_reveals_nothing_of_what_was_sealed() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    let (case, _, link) = a_link(&world, &exporter).await;
    let me = opened(&world, &link).await;
    hands_in(&world, &me, "photograph", SECRET, a_pdf(SECRET)).await.expect(201);
    hands_in(&world, &me, "certificate", SECRET, a_pdf("certificate")).await.expect(201);
    world.anybody_posts(&format!("{me}/complete")).await.expect(200);
    let etag = world.present_etag(&case).await;
    let submit = format!("/v1/applications/{case}/submit");
    world.on(&exporter, Method::POST, &submit, &etag, json!({})).await.expect(200);
    world.get(&officer, &format!("/v1/cases/{case}/sealed")).await.expect(200);

    let dump = dumped(&world).await;
    assert!(dump.contains(END_USER), "the dump is one");
    let key = "c3".repeat(32);
    let tokens = [link.rsplit('/').next().unwrap(), me.rsplit('/').next().unwrap()];
    for secret in [SECRET, "photograph", &key, tokens[0], tokens[1]] {
        let hexadecimal = secret.bytes().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        let encoded = BASE64_STANDARD.encode(secret);
        for form in [secret, &hexadecimal, encoded.trim_end_matches('=')] {
            assert!(!dump.contains(form), "{form} stands in the database");
        }
    }
    // Nor do the files that lie beside it.
    let papers = world.papers();
    assert_eq!(papers.len(), 2);
    for paper in papers {
        let bytes = std::fs::read(paper).unwrap();
        assert!(!bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()));
        assert!(!bytes.starts_with(b"%PDF"));
    }
}

/// Every row of every table as text.
async fn dumped(world: &World) -> String {
    let owner = world.database.owner().await;
    let tables =
        "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'lodestone' and c.relkind in ('r', 'p')";
    let mut dump = String::new();
    for table in owner.query(tables, &[]).await.unwrap() {
        let table: String = table.get(0);
        let rows = format!("select t::text from lodestone.{table} t");
        for row in owner.query(&rows, &[]).await.unwrap() {
            dump.push_str(row.get(0));
            dump.push('\n');
        }
    }
    // Bodies of events are bytes.
    for row in owner.query("select body from lodestone.events", &[]).await.unwrap() {
        dump.push_str(&String::from_utf8_lossy(row.get(0)));
    }
    dump
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_taken_back_runs_out_and_is_nobody_elses() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let (case, channel, link) = a_link(&world, &exporter).await;
    let channels = format!("/v1/applications/{case}/sealed-channels");
    let revoke = format!("{channels}/{channel}/revoke");
    let another = world.organisation("filer").await;
    let stranger = world.person(another, &["exporter"]).await;
    world.post(&stranger, &revoke, json!({})).await.expect(404);
    world.get(&stranger, &channels).await.expect(404);
    begin(&world, &stranger, &case, "k", END_USER).await.expect(404);
    let me = opened(&world, &link).await;
    world.post(&exporter, &revoke, json!({})).await.expect(204);
    world.post(&exporter, &revoke, json!({})).await.expect(409);
    hands_in(&world, &me, "list", "x.pdf", a_pdf("x")).await.expect(409);
    assert_eq!(world.anybody_gets(&me).await.expect(200).body["standing"], "revoked");

    let second = begin(&world, &exporter, &case, "2", END_USER).await.expect(201);
    let link = second.body["link"].as_str().unwrap();
    let owner = world.database.owner().await;
    let over = "update lodestone.sealed_channels set expires_at = now() - interval '1 second'";
    owner.execute(over, &[]).await.unwrap();
    world.anybody_posts(&format!("{link}/open")).await.expect(409);
    for nobodys in ["/v1/sealed/lsl_AAAA", "/v1/sealed/x", "/v1/sealed/%F0%9F%92%A9"] {
        world.anybody_gets(nobodys).await.expect(404);
        world.anybody_posts(&format!("{nobodys}/open")).await.expect(404);
        world.anybody_posts(&format!("{nobodys}/release")).await.expect(404);
    }
    // The supplier's role has no right to read what it should not, whatever a handler does.
    let role = world.database.as_role(database::Role::Applicant).await;
    for columns in ["link_hash", "key_hash", "wrapped_key", "opened_at"] {
        let statement = format!("select {columns} from lodestone.sealed_channels");
        assert!(role.execute(&statement, &[]).await.is_err(), "{columns}");
    }
    for table in ["sealed_items", "sealed_reads"] {
        let statement = format!("select count(*) from lodestone.{table}");
        assert!(role.execute(&statement, &[]).await.is_err(), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_open_one_link_at_once_one_is_given_a_key() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let (_, _, link) = a_link(&world, &exporter).await;
    let path = format!("{link}/open");
    let attempts = (0..20).map(|_| world.anybody_posts(&path));
    let answers = futures_util::future::join_all(attempts).await;
    let opened = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((opened, refused), (1, 19));
}
