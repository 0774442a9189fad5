use crate::world::{Answer, Person, World, a_draft};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    io::{Cursor, Write},
    net::SocketAddr,
};
use testkit::{S3Server, free_port};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use zip::{ZipWriter, write::SimpleFileOptions};

const PDF: &[u8] = b"%PDF-1.7\n1 0 obj <<>> endobj\n";

async fn a_draft_of(world: &World, exporter: &Person) -> String {
    let created = world.post(exporter, "/v1/applications", json!({"kind": "single"})).await;
    created.expect(201).id()
}

struct Upload<'a> {
    case: &'a str,
    kind: &'a str,
    name: &'a str,
    media_type: &'a str,
    key: &'a str,
    bytes: Vec<u8>,
}

impl Upload<'_> {
    async fn by(&self, world: &World, who: &Person) -> Answer {
        let path = format!("/v1/applications/{}/documents", self.case);
        let query = [("kind", self.kind), ("name", self.name)];
        world.uploads(Some(who), &path, &query, self.media_type, self.key, self.bytes.clone()).await
    }
}

fn a_report<'a>(case: &'a str, key: &'a str) -> Upload<'a> {
    Upload {
        case,
        kind: "technical_description_or_test_report",
        name: "检测报告 42.pdf",
        media_type: "application/pdf",
        key,
        bytes: PDF.to_vec(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paper_is_kept_in_versions_and_leaves_as_an_attachment_that_cannot_act() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    let case = a_draft_of(&world, &exporter).await;
    let first = a_report(&case, "a").by(&world, &exporter).await.expect(201);
    let again = a_report(&case, "a").by(&world, &exporter).await.expect(200);
    assert_eq!(first.body, again.body);
    assert_eq!(first.body["sha256"], domain::canonical::sha256_hex(PDF));
    let changed = Upload { bytes: b"%PDF-1.7 other".to_vec(), ..a_report(&case, "a") };
    changed.by(&world, &exporter).await.expect(422);
    let second = Upload { key: "b", ..changed }.by(&world, &exporter).await.expect(201);
    assert_eq!((&first.body["version"], &second.body["version"]), (&json!(1), &json!(2)));

    let papers = format!("/v1/applications/{case}/documents");
    let listed = world.get(&exporter, &papers).await.expect(200);
    assert_eq!(listed.body["documents"].as_array().unwrap().len(), 2);
    let (headers, bytes) = world.downloads(&exporter, &format!("{papers}/{}", first.id())).await;
    assert_eq!(bytes, PDF);
    assert!(
        headers["content-disposition"]
            .to_str()
            .unwrap()
            .starts_with("attachment; filename*=UTF-8''")
    );
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
    assert_eq!(headers["content-type"], "application/pdf");

    // A draft is the applicant's own; what was handed in is read by officials, and that is logged.
    let theirs = format!("/v1/cases/{case}/documents");
    world.get(&officer, &theirs).await.expect(404);
    let mut whole = a_draft("single", "10");
    whole["documents"] = json!(
        whole["documents"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|paper| paper["kind"] != "technical_description_or_test_report")
            .collect::<Vec<_>>()
    );
    let etag = world.present_etag(&case).await;
    let path = format!("/v1/applications/{case}");
    let edited = world.on(&exporter, Method::PATCH, &path, &etag, whole).await.expect(200);
    let checklist = world.get(&exporter, &format!("{path}/checklist")).await.expect(200);
    assert_eq!(checklist.body["complete"], true, "{:#}", checklist.body);
    let papers = checklist.body["papers"].as_array().unwrap();
    let state = |kind: &str| {
        papers.iter().find(|paper| paper["document"] == kind).unwrap()["state"].clone()
    };
    assert_eq!(state("technical_description_or_test_report"), "uploaded");
    assert_eq!(state("application_form"), "named");
    let submit = format!("{path}/submit");
    world.on(&exporter, Method::POST, &submit, edited.etag(), json!({})).await.expect(200);
    world.get(&officer, &theirs).await.expect(200);
    let (_, bytes) = world.downloads(&officer, &format!("{theirs}/{}", first.id())).await;
    assert_eq!(bytes, PDF);
    let owner = world.database.owner().await;
    let looks = "select count(*) from lodestone.events where name = 'confidential.read'";
    assert_eq!(owner.query_one(looks, &[]).await.unwrap().get::<_, i64>(0), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_what_it_says_is_put_away() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let case = a_draft_of(&world, &exporter).await;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("zeros", SimpleFileOptions::default()).unwrap();
    zip.write_all(&vec![0; 20 << 20]).unwrap();
    let bomb = zip.finish().unwrap().into_inner();
    let cases: [(&str, &str, Vec<u8>, u16, &str); 7] = [
        ("a.pdf", "application/pdf", b"MZ\x90\0".to_vec(), 422, " unknown_type"),
        ("a.png", "image/png", PDF.to_vec(), 422, " not_what_it_says"),
        ("a.zip", "application/zip", bomb, 422, " archive_bomb"),
        ("a.pdf", "application/pdf", Vec::new(), 422, " empty"),
        ("a/b.pdf", "application/pdf", PDF.to_vec(), 422, "/name invalid_name"),
        ("a.html", "text/html", b"<!DOCTYPE html><html></html>".to_vec(), 422, " unknown_type"),
        ("a.pdf", "application/pdf", vec![b'%'; 27 << 20], 413, ""),
    ];
    for (name, media_type, bytes, status, fault) in cases {
        let upload = Upload { name, media_type, bytes, ..a_report(&case, "k") };
        let refused = upload.by(&world, &exporter).await.expect(status);
        assert_eq!(refused.faults().join(","), fault, "{name}");
    }
    let another = world.organisation("filer").await;
    let stranger = world.person(another, &["exporter"]).await;
    a_report(&case, "k").by(&world, &stranger).await.expect(404);
    assert_eq!(world.database.count("lodestone.application_documents").await, 0);
    assert_eq!(world.papers_kept(), 0, "nothing that was refused is kept");
    let withdraw = format!("/v1/applications/{case}/withdraw");
    world.on(&exporter, Method::POST, &withdraw, "\"1\"", json!({})).await.expect(200);
    a_report(&case, "k").by(&world, &exporter).await.expect(409);
}

/// A clamd that finds EICAR's test text and nothing else.
async fn a_clamd(address: SocketAddr) {
    let listener = TcpListener::bind(address).await.unwrap();
    loop {
        let (mut caller, _) = listener.accept().await.unwrap();
        let mut command = [0; 10];
        caller.read_exact(&mut command).await.unwrap();
        assert_eq!(&command, b"zINSTREAM\0");
        let mut seen = Vec::new();
        loop {
            let length = caller.read_u32().await.unwrap();
            if length == 0 {
                break;
            }
            let mut chunk = vec![0; usize::try_from(length).unwrap()];
            caller.read_exact(&mut chunk).await.unwrap();
            seen.extend(chunk);
        }
        let infected = seen.windows(5).any(|part| part == b"EICAR");
        let answer: &[u8] =
            if infected { b"stream: Eicar-Test-Signature FOUND\0" } else { b"stream: OK\0" };
        caller.write_all(answer).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_looks_at_every_paper_and_nothing_is_taken_while_it_is_away() {
    let address = free_port();
    let clamd = ("LODESTONE_DOCUMENTS__CLAMD", format!("tcp://{address}"));
    let world = World::start_with(&[clamd]).await;
    let exporter = world.exporter().await;
    let case = a_draft_of(&world, &exporter).await;
    a_report(&case, "k").by(&world, &exporter).await.expect(503);
    tokio::spawn(a_clamd(address));
    let infected = Upload { bytes: b"%PDF-1.7 EICAR".to_vec(), ..a_report(&case, "i") };
    let refused = infected.by(&world, &exporter).await.expect(422);
    assert_eq!(refused.faults(), [" infected"]);
    let taken = a_report(&case, "k").by(&world, &exporter).await.expect(201);
    assert_eq!(taken.body["scanned"], Value::Bool(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn papers_lie_in_a_bucket_of_an_s3_service_where_one_is_set() {
    let bucket = "lodestone-documents";
    let store = S3Server::start(bucket).await;
    let world = World::start_with(&[
        ("LODESTONE_DOCUMENTS__S3_BUCKET", bucket.to_owned()),
        ("LODESTONE_DOCUMENTS__S3_ENDPOINT", store.url()),
        ("LODESTONE_DOCUMENTS__S3_ACCESS_KEY_ID", S3Server::ACCESS_KEY_ID.to_owned()),
        ("LODESTONE_DOCUMENTS__S3_SECRET_ACCESS_KEY", S3Server::SECRET_ACCESS_KEY.to_owned()),
    ])
    .await;
    let exporter = world.exporter().await;
    let case = a_draft_of(&world, &exporter).await;
    let first = a_report(&case, "a").by(&world, &exporter).await.expect(201);
    // More than S3 takes in one part.
    let mut large = PDF.to_vec();
    large.resize(11 * 1024 * 1024, b' ');
    let second = Upload { bytes: large.clone(), ..a_report(&case, "b") };
    let second = second.by(&world, &exporter).await.expect(201);
    assert_eq!((&first.body["version"], &second.body["version"]), (&json!(1), &json!(2)));
    let papers = format!("/v1/applications/{case}/documents");
    for (paper, bytes) in [(&first, PDF), (&second, &large[..])] {
        let (_, kept) = world.downloads(&exporter, &format!("{papers}/{}", paper.id())).await;
        assert!(kept == bytes, "{} bytes of {}", kept.len(), bytes.len());
    }
    let mut objects = store.objects(bucket).await;
    objects.sort();
    let mut expected = [&first, &second].map(|paper| format!("papers/{}", paper.id()));
    expected.sort();
    assert_eq!(objects, expected, "named by ids, and no part of a file is left over");
    assert_eq!(world.papers_kept(), 0, "nothing lies in the folder");
    // Without the store nothing is taken, and what was asked for is said to be away.
    drop(store);
    a_report(&case, "c").by(&world, &exporter).await.expect(503);
}
