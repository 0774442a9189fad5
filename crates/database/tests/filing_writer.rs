//! The group-commit writer on a real Postgres: one effect per filing, whatever its neighbours do.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use database::{
    Role, Target, balances,
    filing_context::LotReader,
    filing_writer::{Entry, FilingWriter, Idempotency, Verdict, WriteError},
    migrate,
};
use diesel::{QueryableByName, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use domain::{
    calendar_month::Month,
    codes::{Category, Channel, LineRole},
    composition::Composition,
    element::Element,
    filing::{Claim, Filing, Line},
    ids::{EventId, FilingId, LotId, OrganisationId, PersonId, ProductId, SiteId},
    mass::{ElementMasses, Kilograms},
    posting::postings,
};
use jiff::Timestamp;
use rust_decimal::dec;
use uuid::Uuid;

/// A database of its own for one test.
struct Scratch {
    target: Target,
    admin: String,
    name: String,
}

impl Scratch {
    async fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "tests are told where Postgres is")]
        let admin =
            std::env::var("DATABASE_URL").expect("DATABASE_URL names a Postgres to test on");
        let name = format!("writer_{}", Uuid::now_v7().simple());
        let mut conn = AsyncPgConnection::establish(&admin).await.unwrap();
        conn.batch_execute(&format!("create database {name}")).await.unwrap();
        let mut url: url::Url = admin.parse().unwrap();
        url.set_path(&name);
        let target = Target::new(url, None);
        migrate(&target, "2026-11-01".parse().unwrap()).await.unwrap();
        Self { target, admin, name }
    }

    async fn count(&self, statement: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            count: i64,
        }
        let mut conn = AsyncPgConnection::establish(self.target.owner_url()).await.unwrap();
        let rows: Vec<Count> =
            diesel::sql_query(format!("select count(*) as count from {statement}"))
                .load(&mut conn)
                .await
                .unwrap();
        rows[0].count
    }

    async fn drop(self) {
        let mut conn = AsyncPgConnection::establish(&self.admin).await.unwrap();
        conn.batch_execute(&format!("drop database {} with (force)", self.name)).await.unwrap();
    }
}

fn extraction(organisation: OrganisationId, reference: &str, key: Option<&str>) -> Entry {
    let at: Timestamp = "2026-11-02T08:00:00Z".parse().unwrap();
    let composition = Composition::of_elements([(Element::Nd, dec!(18.5))]).unwrap();
    let quantity: Kilograms = "1000".parse().unwrap();
    let line = Line {
        number: 1,
        role: LineRole::Output,
        lot: Some(LotId::of(organisation, reference)),
        lot_number: Some(reference.to_owned()),
        product: Some(ProductId::from_uuid(Uuid::now_v7())),
        category: Some(Category::Ore),
        hs_code: None,
        grade: None,
        quantity,
        refused: Kilograms::ZERO,
        uncertainty: Kilograms::ZERO,
        elements: ElementMasses::in_mass(quantity, &composition),
        elements_sigma_mg: [0; 17],
        unit_price: None,
    };
    let filing = Filing {
        id: FilingId::from_uuid(Uuid::now_v7()),
        organisation,
        site: SiteId::from_uuid(organisation.as_uuid()),
        reference: reference.to_owned(),
        version: 1,
        correction: None,
        happened_at: at,
        recorded_at: at,
        month: Month::of("2026-11-02".parse().unwrap()),
        channel: Channel::Api,
        filed_by: PersonId::from_uuid(Uuid::now_v7()),
        claim: Claim::Extraction,
        lines: vec![line],
    };
    Entry {
        postings: postings(&filing),
        reversal: None,
        withdrawn_lots: Vec::new(),
        movement_reference: None,
        first_receipt: None,
        content_hash: [1; 32],
        idempotency: key.map(|key| Idempotency { key: key.to_owned(), request_hash: [1; 32] }),
        event: EventId::from_uuid(Uuid::now_v7()),
        traceparent: None,
        answer: serde_json::json!({ "id": filing.id.to_string() }),
        filing,
    }
}

fn somebody() -> OrganisationId {
    OrganisationId::from_uuid(Uuid::now_v7())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_filing_is_written_once_with_its_lots_postings_and_event() {
    let scratch = Scratch::new().await;
    let (writer, task) = FilingWriter::start(scratch.target.clone());
    let organisations = [somebody(), somebody()];
    let writes = (0..200).map(|number| {
        let entry = extraction(organisations[number % 2], &format!("E{number}"), Some("key"));
        let entry = Entry { idempotency: None, ..entry };
        let writer = writer.clone();
        tokio::spawn(async move { writer.write(entry).await })
    });
    for write in writes.collect::<Vec<_>>() {
        assert!(matches!(write.await.unwrap(), Ok(Verdict::Recorded)));
    }
    for table in ["filings", "filing_lines", "postings", "lots", "events", "outbox"] {
        assert_eq!(scratch.count(table).await, 200, "{table}");
    }
    assert_eq!(balances::check(&scratch.target, 10).await.unwrap(), []);
    let lots = LotReader::new(scratch.target.clone());
    let mine = LotId::of(organisations[0], "E0");
    assert_eq!(lots.lots(organisations[0], &[mine]).await.unwrap().len(), 1);
    assert_eq!(lots.lots(organisations[1], &[mine]).await.unwrap().len(), 0, "it is not theirs");
    writer.close();
    task.await.unwrap();
    scratch.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_has_the_first_answer_and_a_reused_key_has_none() {
    let scratch = Scratch::new().await;
    let (writer, _task) = FilingWriter::start(scratch.target.clone());
    let filer = somebody();
    let first = extraction(filer, "E1", Some("k1"));
    let answer = first.answer.clone();
    assert!(matches!(writer.write(first).await, Ok(Verdict::Recorded)));

    let again = extraction(filer, "E1", Some("k1"));
    assert!(matches!(writer.write(again).await, Ok(Verdict::Repeated(first)) if first == answer));

    let other = Entry {
        idempotency: Some(Idempotency { key: "k1".to_owned(), request_hash: [2; 32] }),
        ..extraction(filer, "E2", None)
    };
    assert!(matches!(writer.write(other).await, Ok(Verdict::KeyReused)));

    let same_reference = Entry { content_hash: [2; 32], ..extraction(filer, "E1", Some("k2")) };
    let verdict = writer.write(same_reference).await;
    assert!(matches!(verdict, Ok(Verdict::ReferenceTaken { same_content: false, .. })));

    let of_another_filer = extraction(somebody(), "E1", Some("k1"));
    assert!(matches!(writer.write(of_another_filer).await, Ok(Verdict::Recorded)));
    assert_eq!(scratch.count("filings").await, 2);
    assert_eq!(scratch.count("idempotency_keys").await, 2);
    scratch.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twice_in_one_batch_is_one_effect_and_two_answers() {
    let scratch = Scratch::new().await;
    let (writer, _task) = FilingWriter::start(scratch.target.clone());
    let filer = somebody();
    let writes = (0..20).map(|_| {
        let (writer, entry) = (writer.clone(), extraction(filer, "E1", Some("k1")));
        tokio::spawn(async move { writer.write(entry).await })
    });
    let mut recorded = 0;
    for write in writes.collect::<Vec<_>>() {
        match write.await.unwrap() {
            Ok(Verdict::Recorded) => recorded += 1,
            Ok(Verdict::Repeated(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((recorded, scratch.count("filings").await), (1, 1));
    scratch.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filing_that_postgres_refuses_does_not_fail_its_neighbours() {
    let scratch = Scratch::new().await;
    let (writer, _task) = FilingWriter::start(scratch.target.clone());
    let filer = somebody();
    let writes = (0..50).map(|number| {
        let mut entry = extraction(filer, &format!("E{number}"), None);
        if number == 25 {
            entry.postings[0].gross_grams = -1;
        }
        let writer = writer.clone();
        tokio::spawn(async move { (number, writer.write(entry).await) })
    });
    for write in writes.collect::<Vec<_>>() {
        let (number, verdict) = write.await.unwrap();
        if number == 25 {
            assert!(matches!(verdict, Err(WriteError::Failed(_))), "{verdict:?}");
        } else {
            assert!(matches!(verdict, Ok(Verdict::Recorded)), "{verdict:?}");
        }
    }
    assert_eq!(scratch.count("filings").await, 49);
    scratch.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_writer_survives_the_loss_of_its_connection() {
    let scratch = Scratch::new().await;
    let (writer, _task) = FilingWriter::start(scratch.target.clone());
    let filer = somebody();
    assert!(matches!(writer.write(extraction(filer, "E1", None)).await, Ok(Verdict::Recorded)));
    let terminated = scratch
        .count(&format!(
            "(select pg_terminate_backend(pid) from pg_stat_activity
              where usename = '{}' and datname = current_database()) t",
            Role::FilingWriter.name()
        ))
        .await;
    assert_eq!(terminated, 1);
    // The first may hear that the connection is gone; the same request again is recorded.
    let mut verdict = writer.write(extraction(filer, "E2", Some("k2"))).await;
    if matches!(verdict, Err(WriteError::Unavailable)) {
        verdict = writer.write(extraction(filer, "E2", Some("k2"))).await;
    }
    assert!(matches!(verdict, Ok(Verdict::Recorded)), "{verdict:?}");
    scratch.drop().await;
}
