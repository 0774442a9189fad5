//! Filers and officials around a running worker and relay.

use database::{
    Role,
    events::Origin,
    filing_writer::{Entry, FilingWriter, Reversal, Verdict},
    findings, regime,
};
use domain::{
    calendar_month::{Month, beijing_date},
    codes::{Category, Channel, LineRole, Outcome, Process},
    composition::Composition,
    element::{ELEMENT_COUNT, Element},
    filing::{Claim, Client, Correction, Filing, Line},
    flow::flows,
    identifiers::CurrencyCode,
    ids::{
        EventId, FilingId, LotId, MovementId, OrganisationId, PartyId, PersonId, ProductId, SiteId,
    },
    mass::{ElementMasses, Kilograms},
    money::Money,
    movement::MovementReference,
    posting::{Posting, postings},
    regime::Regime,
};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use std::{fmt::Write as _, time::Duration};
use testkit::{Stack, StackOptions, wait_until};
use uuid::Uuid;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A running worker and relay, with the shipped law and a writer of filings.
pub(crate) struct World {
    pub(crate) stack: Stack,
    writer: FilingWriter,
}

/// Somebody who files from one site.
#[derive(Clone, Copy)]
pub(crate) struct Filer {
    pub(crate) id: OrganisationId,
    pub(crate) site: SiteId,
}

/// A filing that was written.
#[derive(Clone)]
pub(crate) struct Filed {
    pub(crate) filing: Filing,
    postings: Vec<Posting>,
}

impl Filed {
    pub(crate) fn lot(&self) -> LotId {
        self.filing.lines.iter().rev().find_map(|line| line.lot).unwrap()
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(environment: &[(&str, &str)]) -> Self {
        let pairs = environment.iter();
        let options = StackOptions {
            services: vec!["outbox-relay", "anomaly-worker"],
            environment: pairs
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..StackOptions::default()
        };
        let stack = Stack::start_with(options).await;
        let mut conn = stack.database().pool(Role::Identity).get().await.unwrap();
        let origin = Origin {
            id: EventId::from_uuid(Uuid::now_v7()),
            occurred_at: now(),
            person: None,
            traceparent: None,
        };
        let long_ago = "2020-01-01T00:00:00Z".parse().unwrap();
        regime::import(&mut conn, &Regime::default_china_2025(), long_ago, &origin).await.unwrap();
        let (writer, _) = FilingWriter::start(stack.database().target());
        Self { stack, writer }
    }

    /// Somebody registered for these stages, in a group if one is given.
    pub(crate) async fn filer(&self, stages: &[&str], group: Option<Uuid>) -> Filer {
        let (id, site) = (Uuid::now_v7(), Uuid::now_v7());
        let owner = self.stack.database().owner().await;
        owner
            .execute(
                "insert into lodestone.organisations (id, kind, registration, country, name_zh, name_en,
                    stages, group_id, registered_at) values ($1, 'filer', $1::uuid::text, 'CN', '企业', 'Filer', $2, $3, now())",
                &[&id, &stages, &group],
            )
            .await
            .unwrap();
        owner
            .execute(
                "insert into lodestone.sites values ($1, $2, 'S1', '厂', 'Plant', '150000', $3)",
                &[&id, &site, &stages],
            )
            .await
            .unwrap();
        Filer { id: OrganisationId::from_uuid(id), site: SiteId::from_uuid(site) }
    }

    /// A group with a mining quota of so many tonnes.
    pub(crate) async fn group(&self, mining_tonnes: i64) -> Uuid {
        let id = Uuid::now_v7();
        let owner = self.stack.database().owner().await;
        owner
            .execute("insert into lodestone.groups values ($1, '集团', 'Group')", &[&id])
            .await
            .unwrap();
        let grams = mining_tonnes * 1_000_000;
        owner
            .execute(
                "insert into lodestone.quotas values ($1, $2, 2026, 'mining', 1, $3, 'test', 'fictitious')",
                &[&Uuid::now_v7(), &id, &grams],
            )
            .await
            .unwrap();
        id
    }

    /// Files a claim; one hour after another, so that nothing happens at the same moment.
    pub(crate) async fn files(
        &self,
        filer: Filer,
        reference: &str,
        claim: Claim,
        lines: Vec<Line>,
    ) -> Filed {
        self.write(filing(filer, reference, claim, lines), None).await
    }

    /// Files a new version of a filing with other lines.
    pub(crate) async fn corrects(&self, filed: &Filed, claim: Claim, lines: Vec<Line>) -> Filed {
        let before = &filed.filing;
        let filing = Filing {
            id: FilingId::from_uuid(Uuid::now_v7()),
            version: before.version + 1,
            correction: Some(Correction { replaces: before.id, reason: "a slip".to_owned() }),
            recorded_at: now(),
            claim,
            lines,
            ..before.clone()
        };
        let reversal = Reversal {
            site: before.site,
            happened_at: before.happened_at,
            month: before.month,
            postings: filed.postings.iter().map(|posting| posting.reversed()).collect(),
            flows: flows(before),
        };
        self.write(filing, Some(reversal)).await
    }

    pub(crate) async fn write(&self, filing: Filing, reversal: Option<Reversal>) -> Filed {
        let entry = Entry {
            postings: postings(&filing),
            reversal,
            withdrawn_lots: Vec::new(),
            movement_reference: movement_reference(&filing.claim),
            first_receipt: None,
            content_hash: [7; 32],
            idempotency: None,
            event: EventId::from_uuid(Uuid::now_v7()),
            traceparent: Some(TRACEPARENT.to_owned()),
            answer: serde_json::json!({}),
            filing: filing.clone(),
        };
        let own = entry.postings.clone();
        let verdict = self.writer.write(entry).await.unwrap();
        assert!(matches!(verdict, Verdict::Recorded), "{verdict:?}");
        Filed { filing, postings: own }
    }

    /// Waits until everything that was told is judged.
    pub(crate) async fn settles(&self) {
        let owner = self.stack.database().owner().await;
        wait_until("everything is judged", PATIENCE, async || {
            let open =
                "select (select count(*) from lodestone.events where name = 'filing.recorded'
                    or name in ('application.submitted', 'party.listed', 'regime.imported')
                    or name like 'licence.%' or name like 'feed.%')
                - (select count(distinct message) from lodestone.screenings)";
            let row = owner.query_one(open, &[]).await.unwrap();
            (row.get::<_, i64>(0) == 0).then_some(())
        })
        .await;
    }

    /// What officials read about somebody, one finding a line, in the order of detectors.
    pub(crate) async fn findings_about(&self, filer: Filer) -> String {
        let filter =
            findings::Filter { organisation: Some(filer.id), ..findings::Filter::default() };
        let mut conn = self.stack.database().pool(Role::Official).get().await.unwrap();
        told(findings::list(&mut conn, None, &filter, 100).await.unwrap())
    }

    /// What a filer reads about itself.
    pub(crate) async fn findings_shown_to(&self, filer: Filer) -> String {
        let mut conn = self.stack.database().pool(Role::Reporting).get().await.unwrap();
        let filter = findings::Filter::default();
        told(findings::list(&mut conn, Some(filer.id), &filter, 100).await.unwrap())
    }

    pub(crate) async fn number(&self, statement: &str) -> i64 {
        let owner = self.stack.database().owner().await;
        owner.query_one(statement, &[]).await.unwrap().get(0)
    }
}

/// A filing as it would be written.
pub(crate) fn filing(filer: Filer, reference: &str, claim: Claim, lines: Vec<Line>) -> Filing {
    let happened_at: Timestamp = "2026-10-05T02:00:00Z".parse().unwrap();
    Filing {
        id: FilingId::from_uuid(Uuid::now_v7()),
        organisation: filer.id,
        site: filer.site,
        reference: reference.to_owned(),
        version: 1,
        correction: None,
        happened_at,
        recorded_at: now(),
        month: Month::of(beijing_date(happened_at)),
        channel: Channel::Api,
        filed_by: PersonId::from_uuid(Uuid::now_v7()),
        claim,
        lines,
    }
}

fn told(mut findings: Vec<findings::Read>) -> String {
    findings.sort_by(|one, other| (&one.detector, one.id).cmp(&(&other.detector, other.id)));
    let mut text = String::new();
    for finding in findings {
        let state = match &finding.closed {
            Some((_, because)) => format!("closed: {because}"),
            None => finding.state.to_string(),
        };
        writeln!(text, "{} ({state}): {}", finding.detector, finding.sentence.en).unwrap();
    }
    text
}

#[expect(clippy::disallowed_methods, reason = "a test is an edge of its own")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

pub(crate) fn kg(kilograms: u64) -> Kilograms {
    Kilograms::from_grams(kilograms * 1_000).unwrap()
}

pub(crate) fn of<const N: usize>(shares: [(Element, u32); N]) -> Composition {
    Composition::of_elements(shares.map(|(element, percent)| (element, Decimal::from(percent))))
        .unwrap()
}

/// A line about a lot of somebody's.
pub(crate) fn line(
    role: LineRole,
    lot: LotId,
    category: Category,
    quantity: Kilograms,
    composition: &Composition,
) -> Line {
    Line {
        number: 1,
        role,
        lot: Some(lot),
        lot_number: None,
        product: None,
        category: Some(category),
        hs_code: None,
        grade: None,
        quantity,
        refused: Kilograms::ZERO,
        uncertainty: Kilograms::ZERO,
        elements: ElementMasses::in_mass(quantity, composition),
        elements_sigma_mg: [0; ELEMENT_COUNT],
        unit_price: None,
    }
}

/// A line that makes a lot of this number.
pub(crate) fn made(
    filer: Filer,
    number: &str,
    category: Category,
    quantity: Kilograms,
    composition: &Composition,
) -> Line {
    Line {
        lot_number: Some(number.to_owned()),
        product: Some(ProductId::from_uuid(Uuid::now_v7())),
        ..line(LineRole::Output, LotId::of(filer.id, number), category, quantity, composition)
    }
}

pub(crate) fn priced(mut line: Line, amount: u32) -> Line {
    line.unit_price = Some(Money { amount: Decimal::from(amount), currency: CurrencyCode::CNY });
    line
}

pub(crate) fn party(
    knower: Filer,
    name: &str,
    country: &str,
    organisation: Option<Filer>,
) -> Client {
    Client {
        party: PartyId::of(knower.id, name),
        name: name.to_owned(),
        identifier: None,
        country: country.parse().unwrap(),
        organisation: organisation.map(|organisation| organisation.id),
    }
}

pub(crate) fn sale(client: Client, invoice: &str, movement: Option<MovementId>) -> Claim {
    Claim::Dispatch { client, movement, contract: None, invoice: Some(invoice.to_owned()) }
}

pub(crate) fn arrival(movement: MovementId) -> Claim {
    Claim::Receipt { movement, outcome: Outcome::Satisfactory }
}

pub(crate) fn export(end_user: Client, licence: Option<&str>, declaration: &str) -> Claim {
    Claim::Export {
        destination: end_user.country,
        end_user,
        licence: licence.map(ToOwned::to_owned),
        declaration: declaration.to_owned(),
        invoice: None,
    }
}

pub(crate) const fn process(process: Process) -> Claim {
    Claim::Transformation { process }
}

pub(crate) fn numbered(mut lines: Vec<Line>) -> Vec<Line> {
    for (number, line) in (1..).zip(&mut lines) {
        line.number = number;
    }
    lines
}

pub(crate) fn hours_later(mut filing: Filing, hours: i64) -> Filing {
    filing.happened_at += SignedDuration::from_hours(hours);
    filing
}

fn movement_reference(claim: &Claim) -> Option<MovementReference> {
    let Claim::Dispatch { movement, .. } = claim else { return None };
    movement.map(|movement| MovementReference::of_number(movement.as_uuid().as_u64_pair().0))
}
