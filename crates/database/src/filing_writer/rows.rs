//! The rows of one batch, as Postgres takes them: each table's own row type, in binary.
//!
//! A whole table's share of a batch is one parameter, `unnest($1::table[])`: one statement per
//! table however many filings there are.

use super::{Entry, numeric::Numeric};
use domain::{
    calendar_month::{Month, beijing_date},
    codes::{AccountKind, FilingKind, LineRole},
    event::Event,
    filing::{Claim, Filing, Line},
    flow::{FlowKey, FlowMass, flows},
    ids::{OrganisationId, SiteId},
    mass::ElementMasses,
    posting::{Account, Posting},
};
use jiff::{Timestamp, civil::Date};
use postgres_types::ToSql;
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::events::{Origin, body};

/// A row type whose last columns are the seventeen elements.
macro_rules! row_with_elements {
    ($(#[$attribute:meta])* $name:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        $(#[$attribute])*
        pub(super) struct $name {
            $(pub(super) $field: $kind,)*
            la_mg: i64,
            ce_mg: i64,
            pr_mg: i64,
            nd_mg: i64,
            pm_mg: i64,
            sm_mg: i64,
            eu_mg: i64,
            gd_mg: i64,
            tb_mg: i64,
            dy_mg: i64,
            ho_mg: i64,
            er_mg: i64,
            tm_mg: i64,
            yb_mg: i64,
            lu_mg: i64,
            sc_mg: i64,
            y_mg: i64,
        }
    };
}

/// Such a row, from its other columns by name and its elements.
macro_rules! row {
    ($name:ident { $($field:ident: $value:expr),* $(,)? }, $masses:expr) => {{
        let mg = $masses.0;
        $name {
            $($field: $value,)*
            la_mg: mg[0],
            ce_mg: mg[1],
            pr_mg: mg[2],
            nd_mg: mg[3],
            pm_mg: mg[4],
            sm_mg: mg[5],
            eu_mg: mg[6],
            gd_mg: mg[7],
            tb_mg: mg[8],
            dy_mg: mg[9],
            ho_mg: mg[10],
            er_mg: mg[11],
            tm_mg: mg[12],
            yb_mg: mg[13],
            lu_mg: mg[14],
            sc_mg: mg[15],
            y_mg: mg[16],
        }
    }};
}

#[derive(Debug, ToSql)]
#[postgres(name = "filings")]
pub(super) struct FilingRow {
    organisation: Uuid,
    id: Uuid,
    site: Uuid,
    kind: &'static str,
    reference: String,
    version: i16,
    replaces: Option<Uuid>,
    correction_reason: Option<String>,
    happened_at: Timestamp,
    recorded_at: Timestamp,
    month: Date,
    channel: &'static str,
    filed_by: Uuid,
    process: Option<&'static str>,
    party: Option<Uuid>,
    party_organisation: Option<Uuid>,
    movement: Option<Uuid>,
    outcome: Option<&'static str>,
    beyond: Option<&'static str>,
    contract: Option<String>,
    invoice: Option<String>,
    licence_number: Option<String>,
    customs_declaration: Option<String>,
    country: Option<String>,
    nil: Option<bool>,
}

row_with_elements! {
    #[derive(Debug, ToSql)]
    #[postgres(name = "filing_lines")]
    LineRow {
        organisation: Uuid,
        filing: Uuid,
        line: i16,
        role: &'static str,
        lot: Option<Uuid>,
        lot_number: Option<String>,
        product: Option<Uuid>,
        category: Option<&'static str>,
        hs_code: Option<String>,
        grade: Option<String>,
        quantity_grams: i64,
        refused_grams: i64,
        unit_price: Option<Numeric>,
        currency: Option<String>,
        sigma_mg: Option<Vec<i64>>,
        uncertainty_grams: Option<i64>,
    }
}

row_with_elements! {
    #[derive(Debug, ToSql)]
    #[postgres(name = "postings")]
    PostingRow {
        organisation: Uuid,
        filing: Uuid,
        posting: i16,
        line: i16,
        reversal: bool,
        lot: Option<Uuid>,
        from_kind: &'static str,
        from_key: Uuid,
        to_kind: &'static str,
        to_key: Uuid,
        happened_at: Timestamp,
        month: Date,
        gross_grams: i64,
    }
}

row_with_elements! {
    #[derive(Debug, ToSql)]
    #[postgres(name = "lots")]
    LotRow {
        organisation: Uuid,
        id: Uuid,
        filing: Uuid,
        number: String,
        site: Uuid,
        product: Option<Uuid>,
        category: String,
        hs_code: Option<String>,
        grade: Option<String>,
        happened_at: Timestamp,
        quantity_grams: i64,
    }
}

row_with_elements! {
    #[derive(Debug, ToSql)]
    #[postgres(name = "movement_lines")]
    MovementLineRow {
        organisation: Uuid,
        movement: Uuid,
        filing: Uuid,
        line: i16,
        buyer_organisation: Uuid,
        lot: Uuid,
        category: Option<&'static str>,
        hs_code: Option<String>,
        grade: Option<String>,
        quantity_grams: i64,
    }
}

row_with_elements! {
    #[derive(Debug, ToSql)]
    #[postgres(name = "account_balances")]
    BalanceRow {
        organisation: Uuid,
        kind: &'static str,
        key: Uuid,
        month: Date,
        gross_grams: i64,
    }
}

row_with_elements! {
    #[derive(Debug, ToSql)]
    #[postgres(name = "monthly_flows")]
    FlowRow {
        organisation: Uuid,
        month: Date,
        flow: &'static str,
        process: &'static str,
        category: &'static str,
        country: String,
        site: Uuid,
        gross_grams: i64,
    }
}

#[derive(Debug, ToSql)]
#[postgres(name = "site_months")]
pub(super) struct SiteMonthRow {
    organisation: Uuid,
    site: Uuid,
    month: Date,
    version: i64,
}

#[derive(Debug, ToSql)]
#[postgres(name = "filing_references")]
pub(super) struct ReferenceRow {
    pub(super) organisation: Uuid,
    pub(super) reference: String,
    version: i16,
    filing: Uuid,
    content_hash: Vec<u8>,
}

#[derive(Debug, ToSql)]
#[postgres(name = "idempotency_keys")]
pub(super) struct IdempotencyRow {
    organisation: Uuid,
    key: String,
    request_hash: Vec<u8>,
    subject: Uuid,
    answer: serde_json::Value,
    created_at: Timestamp,
}

#[derive(Debug, ToSql)]
#[postgres(name = "parties")]
pub(super) struct PartyRow {
    organisation: Uuid,
    id: Uuid,
    name: String,
    identifier: Option<String>,
    country: String,
    party_organisation: Option<Uuid>,
}

#[derive(Debug, ToSql)]
#[postgres(name = "lot_edges")]
pub(super) struct EdgeRow {
    organisation: Uuid,
    filing: Uuid,
    input_lot: Uuid,
    output_lot: Uuid,
}

#[derive(Debug, ToSql)]
#[postgres(name = "lot_holders")]
pub(super) struct HolderRow {
    organisation: Uuid,
    lot: Uuid,
    granted_by: Uuid,
    filing: Uuid,
}

#[derive(Debug, ToSql)]
#[postgres(name = "movements")]
pub(super) struct MovementRow {
    organisation: Uuid,
    id: Uuid,
    filing: Uuid,
    buyer_organisation: Uuid,
    dispatched_at: Timestamp,
    reference: String,
    version: i16,
}

#[derive(Debug, ToSql)]
#[postgres(name = "events")]
pub(super) struct EventRow {
    id: Uuid,
    name: &'static str,
    organisation: Option<Uuid>,
    subject: Uuid,
    person: Option<Uuid>,
    occurred_at: Timestamp,
    traceparent: Option<String>,
    body: Vec<u8>,
}

#[derive(Debug, ToSql)]
#[postgres(name = "outbox")]
pub(super) struct OutboxRow {
    event: Uuid,
}

/// Everything one batch inserts, by table.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) filings: Vec<FilingRow>,
    pub(super) lines: Vec<LineRow>,
    pub(super) postings: Vec<PostingRow>,
    pub(super) parties: Vec<PartyRow>,
    pub(super) lots: Vec<LotRow>,
    pub(super) edges: Vec<EdgeRow>,
    pub(super) holders: Vec<HolderRow>,
    pub(super) movements: Vec<MovementRow>,
    pub(super) movement_lines: Vec<MovementLineRow>,
    pub(super) balances: Vec<BalanceRow>,
    pub(super) flows: Vec<FlowRow>,
    pub(super) site_months: Vec<SiteMonthRow>,
    pub(super) events: Vec<EventRow>,
    pub(super) outbox: Vec<OutboxRow>,
}

impl Rows {
    pub(super) fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut rows = Self::default();
        let mut balances = Balances::default();
        let mut flows = Flows::default();
        let mut site_months = SiteMonths::default();
        for entry in entries {
            rows.add(entry);
            balances.add(entry);
            flows.add(entry);
            site_months.add(entry);
        }
        // Rows that another writer may hold at the same time are taken in one order by all.
        rows.parties.sort_unstable_by_key(|party| (party.organisation, party.id));
        rows.holders.sort_unstable_by_key(|holder| (holder.organisation, holder.lot));
        rows.balances = balances.rows();
        rows.flows = flows.rows();
        rows.site_months = site_months.rows();
        rows
    }

    fn add(&mut self, entry: &Entry) {
        let filing = &entry.filing;
        let before = self.postings.len();
        self.parties.extend(party(filing));
        self.filings.push(filing_row(filing));
        self.lines.extend(filing.lines.iter().map(|line| line_row(filing, line)));
        for posted in posted(entry) {
            let number = self.postings.len() - before + 1;
            self.postings.push(posting_row(filing, number, &posted));
        }
        self.add_lots(entry);
        self.add_movement(entry);
        let (event, outbox) = announcement(entry);
        self.events.push(event);
        self.outbox.push(outbox);
    }

    fn add_lots(&mut self, entry: &Entry) {
        let filing = &entry.filing;
        let organisation = filing.organisation.as_uuid();
        for line in filing.lines.iter().filter(|line| line.role == LineRole::Output) {
            let (Some(lot), Some(number)) = (line.lot, &line.lot_number) else { continue };
            self.lots.push(row!(
                LotRow {
                    organisation: organisation,
                    id: lot.as_uuid(),
                    filing: filing.id.as_uuid(),
                    number: number.clone(),
                    site: filing.site.as_uuid(),
                    product: line.product.map(domain::ids::ProductId::as_uuid),
                    category: line
                        .category
                        .map_or_else(String::new, |category| category.to_string()),
                    hs_code: line.hs_code.as_ref().map(ToString::to_string),
                    grade: line.grade.clone(),
                    happened_at: filing.happened_at,
                    quantity_grams: line.quantity.grams_signed()
                },
                line.elements
            ));
        }
        for withdrawn in &entry.withdrawn_lots {
            self.lots.push(row!(
                LotRow {
                    organisation: organisation,
                    id: withdrawn.lot.as_uuid(),
                    filing: filing.id.as_uuid(),
                    number: withdrawn.number.clone(),
                    site: filing.site.as_uuid(),
                    product: None,
                    category: withdrawn.category.clone(),
                    hs_code: None,
                    grade: None,
                    happened_at: filing.happened_at,
                    quantity_grams: 0
                },
                ElementMasses::ZERO
            ));
        }
        self.edges.extend(filing.lot_edges().into_iter().map(|(input, output)| EdgeRow {
            organisation,
            filing: filing.id.as_uuid(),
            input_lot: input.as_uuid(),
            output_lot: output.as_uuid(),
        }));
    }

    fn add_movement(&mut self, entry: &Entry) {
        let filing = &entry.filing;
        let Claim::Dispatch { client, movement: Some(movement), .. } = &filing.claim else {
            return;
        };
        let Some(reference) = entry.movement_reference else { return };
        let Some(buyer) = client.organisation else { return };
        let (organisation, buyer) = (filing.organisation.as_uuid(), buyer.as_uuid());
        self.movements.push(MovementRow {
            organisation,
            id: movement.as_uuid(),
            filing: filing.id.as_uuid(),
            buyer_organisation: buyer,
            dispatched_at: filing.happened_at,
            reference: reference.compact(),
            version: filing.version.cast_signed(),
        });
        for line in &filing.lines {
            let Some(lot) = line.lot else { continue };
            self.holders.push(HolderRow {
                organisation: buyer,
                lot: lot.as_uuid(),
                granted_by: organisation,
                filing: filing.id.as_uuid(),
            });
            self.movement_lines.push(row!(
                MovementLineRow {
                    organisation: organisation,
                    movement: movement.as_uuid(),
                    filing: filing.id.as_uuid(),
                    line: line.number.cast_signed(),
                    buyer_organisation: buyer,
                    lot: lot.as_uuid(),
                    category: line.category.map(domain::codes::Category::as_str),
                    hs_code: line.hs_code.as_ref().map(ToString::to_string),
                    grade: line.grade.clone(),
                    quantity_grams: line.quantity.grams_signed()
                },
                line.elements
            ));
        }
    }
}

pub(super) fn reference_row(entry: &Entry) -> ReferenceRow {
    ReferenceRow {
        organisation: entry.filing.organisation.as_uuid(),
        reference: entry.filing.reference.clone(),
        version: entry.filing.version.cast_signed(),
        filing: entry.filing.id.as_uuid(),
        content_hash: entry.content_hash.to_vec(),
    }
}

pub(super) fn idempotency_row(entry: &Entry) -> Option<IdempotencyRow> {
    entry.idempotency.as_ref().map(|idempotency| IdempotencyRow {
        organisation: entry.filing.organisation.as_uuid(),
        key: idempotency.key.clone(),
        request_hash: idempotency.request_hash.to_vec(),
        subject: entry.filing.id.as_uuid(),
        answer: entry.answer.clone(),
        created_at: entry.filing.recorded_at,
    })
}

fn party(filing: &Filing) -> Option<PartyRow> {
    filing.claim.client().map(|client| PartyRow {
        organisation: filing.organisation.as_uuid(),
        id: client.party.as_uuid(),
        name: client.name.clone(),
        identifier: client.identifier.clone(),
        country: client.country.to_string(),
        party_organisation: client.organisation.map(OrganisationId::as_uuid),
    })
}

fn filing_row(filing: &Filing) -> FilingRow {
    let client = filing.claim.client();
    let mut row = FilingRow {
        organisation: filing.organisation.as_uuid(),
        id: filing.id.as_uuid(),
        site: filing.site.as_uuid(),
        kind: filing.claim.kind().as_str(),
        reference: filing.reference.clone(),
        version: filing.version.cast_signed(),
        replaces: filing.correction.as_ref().map(|correction| correction.replaces.as_uuid()),
        correction_reason: filing.correction.as_ref().map(|correction| correction.reason.clone()),
        happened_at: filing.happened_at,
        recorded_at: filing.recorded_at,
        month: filing.month.first_day(),
        channel: filing.channel.as_str(),
        filed_by: filing.filed_by.as_uuid(),
        process: None,
        party: client.map(|client| client.party.as_uuid()),
        party_organisation: client
            .and_then(|client| client.organisation)
            .map(OrganisationId::as_uuid),
        movement: None,
        outcome: None,
        beyond: None,
        contract: None,
        invoice: None,
        licence_number: None,
        customs_declaration: None,
        country: None,
        nil: None,
    };
    match &filing.claim {
        Claim::Extraction | Claim::Stocktake => {}
        Claim::Transformation { process } => row.process = Some(process.as_str()),
        Claim::Dispatch { movement, contract, invoice, .. } => {
            row.movement = movement.map(domain::ids::MovementId::as_uuid);
            row.contract.clone_from(contract);
            row.invoice.clone_from(invoice);
        }
        Claim::Receipt { movement, outcome } => {
            row.movement = Some(movement.as_uuid());
            row.outcome = Some(outcome.as_str());
        }
        Claim::Collection { from, .. } => row.beyond = Some(from.as_str()),
        Claim::Import { declaration, origin, .. } => {
            row.customs_declaration = Some(declaration.clone());
            row.country = Some(origin.to_string());
        }
        Claim::Export { licence, declaration, destination, invoice, .. } => {
            row.licence_number.clone_from(licence);
            row.customs_declaration = Some(declaration.clone());
            row.country = Some(destination.to_string());
            row.invoice.clone_from(invoice);
        }
        Claim::Disposal { to } => row.beyond = Some(to.as_str()),
        Claim::MonthlyReturn { nil } => row.nil = Some(*nil),
    }
    row
}

fn line_row(filing: &Filing, line: &Line) -> LineRow {
    let sigma = line.elements_sigma_mg;
    row!(
        LineRow {
            organisation: filing.organisation.as_uuid(),
            filing: filing.id.as_uuid(),
            line: line.number.cast_signed(),
            role: line.role.as_str(),
            lot: line.lot.map(domain::ids::LotId::as_uuid),
            lot_number: line.lot_number.clone(),
            product: line.product.map(domain::ids::ProductId::as_uuid),
            category: line.category.map(domain::codes::Category::as_str),
            hs_code: line.hs_code.as_ref().map(ToString::to_string),
            grade: line.grade.clone(),
            quantity_grams: line.quantity.grams_signed(),
            refused_grams: line.refused.grams_signed(),
            unit_price: line.unit_price.map(|price| Numeric(price.amount)),
            currency: line.unit_price.map(|price| price.currency.to_string()),
            sigma_mg: sigma.iter().any(|sigma| *sigma != 0).then(|| sigma.to_vec()),
            uncertainty_grams: Some(line.uncertainty.grams_signed()).filter(|grams| 0 < *grams)
        },
        line.elements
    )
}

/// A posting with the time it belongs to.
struct Posted<'a> {
    posting: &'a Posting,
    reversal: bool,
    happened_at: Timestamp,
    month: Date,
}

/// Everything an entry posts: first what undoes the version before, then its own.
fn posted(entry: &Entry) -> impl Iterator<Item = Posted<'_>> {
    let undone = entry.reversal.iter().flat_map(|reversal| {
        reversal.postings.iter().map(|posting| Posted {
            posting,
            reversal: true,
            happened_at: reversal.happened_at,
            month: reversal.month.first_day(),
        })
    });
    undone.chain(entry.postings.iter().map(|posting| Posted {
        posting,
        reversal: false,
        happened_at: entry.filing.happened_at,
        month: entry.filing.month.first_day(),
    }))
}

fn posting_row(filing: &Filing, number: usize, posted: &Posted<'_>) -> PostingRow {
    let posting = posted.posting;
    row!(
        PostingRow {
            organisation: filing.organisation.as_uuid(),
            filing: filing.id.as_uuid(),
            posting: i16::try_from(number).unwrap_or(i16::MAX),
            line: posting.line.cast_signed(),
            reversal: posted.reversal,
            lot: posting.lot.map(domain::ids::LotId::as_uuid),
            from_kind: posting.from.kind.as_str(),
            from_key: posting.from.key,
            to_kind: posting.to.kind.as_str(),
            to_key: posting.to.key,
            happened_at: posted.happened_at,
            month: posted.month,
            gross_grams: posting.gross_grams
        },
        posting.elements
    )
}

fn announcement(entry: &Entry) -> (EventRow, OutboxRow) {
    let filing = &entry.filing;
    let event = Event::FilingRecorded {
        filing: filing.id,
        organisation: filing.organisation,
        site: filing.site,
        kind: filing.claim.kind(),
        month: filing.month,
        version: filing.version,
    };
    let origin = Origin {
        id: entry.event,
        occurred_at: filing.recorded_at,
        person: Some(filing.filed_by),
        traceparent: entry.traceparent.clone(),
    };
    let row = EventRow {
        id: entry.event.as_uuid(),
        name: event.name(),
        organisation: Some(filing.organisation.as_uuid()),
        subject: filing.id.as_uuid(),
        person: Some(filing.filed_by.as_uuid()),
        occurred_at: filing.recorded_at,
        body: body(&origin, &event),
        traceparent: origin.traceparent,
    };
    (row, OutboxRow { event: entry.event.as_uuid() })
}

/// Net matter per organisation, account and month, in the order of the cache's key, so that two
/// writers never lock the same rows in opposite order.
#[derive(Default)]
struct Balances(BTreeMap<(OrganisationId, Account, Date), (i64, ElementMasses)>);

impl Balances {
    fn add(&mut self, entry: &Entry) {
        for Posted { posting, month, .. } in posted(entry) {
            for (account, sign) in [(posting.from, -1_i64), (posting.to, 1)] {
                // A process account is empty again at the end of every filing.
                if account.kind == AccountKind::Process {
                    continue;
                }
                let key = (entry.filing.organisation, account, month);
                let (gross, elements) = self.0.entry(key).or_default();
                *gross += sign * posting.gross_grams;
                *elements = match sign {
                    1 => elements.plus(&posting.elements),
                    _ => elements.minus(&posting.elements),
                };
            }
        }
    }

    fn rows(self) -> Vec<BalanceRow> {
        self.0
            .into_iter()
            .map(|((organisation, account, month), (gross_grams, elements))| {
                let kind = account.kind.as_str();
                let organisation = organisation.as_uuid();
                row!(
                    BalanceRow {
                        organisation: organisation,
                        kind: kind,
                        key: account.key,
                        month: month,
                        gross_grams: gross_grams
                    },
                    elements
                )
            })
            .collect()
    }
}

/// What came into and went out of stocks, in one order for all writers, as with balances.
#[derive(Default)]
struct Flows(BTreeMap<FlowKey, FlowMass>);

impl Flows {
    fn add(&mut self, entry: &Entry) {
        let undone = entry.reversal.iter().flat_map(|reversal| &reversal.flows);
        let undone = undone.map(|(key, mass)| (key.clone(), mass.negated()));
        for (key, mass) in flows(&entry.filing).into_iter().chain(undone) {
            let sum = self.0.entry(key).or_default();
            *sum = sum.plus(mass);
        }
    }

    fn rows(self) -> Vec<FlowRow> {
        let flows = self.0.into_iter().filter(|(_, mass)| *mass != FlowMass::default());
        flows
            .map(|(key, mass)| {
                row!(
                    FlowRow {
                        organisation: key.organisation.as_uuid(),
                        month: key.month.first_day(),
                        flow: key.kind.as_str(),
                        process: key.process.map_or("", domain::codes::Process::as_str),
                        category: key.category.map_or("", domain::codes::Category::as_str),
                        country: key.country.map_or_else(String::new, |it| it.to_string()),
                        site: key.site.as_uuid(),
                        gross_grams: mass.gross_grams
                    },
                    mass.elements
                )
            })
            .collect()
    }
}

/// Which sites' months something was filed or replaced in, in one order for all writers.
#[derive(Default)]
struct SiteMonths(BTreeMap<(OrganisationId, SiteId, Month), i64>);

impl SiteMonths {
    fn add(&mut self, entry: &Entry) {
        let filing = &entry.filing;
        // It moves and measures nothing.
        if filing.claim.kind() == FilingKind::MonthlyReturn {
            return;
        }
        let own = (filing.site, filing.happened_at);
        let undone = entry.reversal.iter().map(|reversal| (reversal.site, reversal.happened_at));
        for (site, happened_at) in std::iter::once(own).chain(undone) {
            let month = Month::of(beijing_date(happened_at));
            *self.0.entry((filing.organisation, site, month)).or_default() += 1;
        }
    }

    fn rows(self) -> Vec<SiteMonthRow> {
        let row =
            |((organisation, site, month), version): ((OrganisationId, SiteId, Month), i64)| {
                SiteMonthRow {
                    organisation: organisation.as_uuid(),
                    site: site.as_uuid(),
                    month: month.first_day(),
                    version,
                }
            };
        self.0.into_iter().map(row).collect()
    }
}
