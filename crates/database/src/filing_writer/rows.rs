//! The rows of one batch, as Postgres takes them: each table's own row type, in binary.
//!
//! A whole table's share of a batch is one parameter, `unnest($1::table[])`: one statement per
//! table however many filings there are.

use super::{Entry, numeric::Numeric};
use domain::{codes::LineRole, event::Event, filing::Claim, mass::ElementMasses};
use jiff::{Timestamp, civil::Date};
use postgres_types::ToSql;
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

// After the macros, which they use.
mod filing;
mod sums;

use filing::{filing_row, line_row, party, posted, posting_row};
pub(super) use filing::{first_receipt_row, idempotency_row, reference_row};
use sums::{Balances, Flows, SiteMonths};

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
    /// Left to the default, which knows the transaction.
    recorded_in: Option<i64>,
}

#[derive(Debug, ToSql)]
#[postgres(name = "idempotency_keys")]
pub(super) struct IdempotencyRow {
    organisation: Uuid,
    key: String,
    request_hash: Vec<u8>,
    pub(super) subject: Uuid,
    answer: serde_json::Value,
    created_at: Timestamp,
}

#[derive(Debug, ToSql)]
#[postgres(name = "first_receipts")]
pub(super) struct FirstReceiptRow {
    pub(super) organisation: Uuid,
    pub(super) movement: Uuid,
    reference: String,
    pub(super) filing: Uuid,
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

    /// An event of its own, about no filing.
    pub(super) fn tell(&mut self, origin: &Origin, subject: Uuid, event: &Event) {
        let (event, outbox) = event_rows(origin, subject, event);
        self.events.push(event);
        self.outbox.push(outbox);
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
    event_rows(&origin, filing.id.as_uuid(), &event)
}

fn event_rows(origin: &Origin, subject: Uuid, event: &Event) -> (EventRow, OutboxRow) {
    let id = origin.id.as_uuid();
    let row = EventRow {
        id,
        name: event.name(),
        organisation: event.organisation().map(domain::ids::OrganisationId::as_uuid),
        subject,
        person: origin.person.map(domain::ids::PersonId::as_uuid),
        occurred_at: origin.occurred_at,
        body: body(origin, event),
        traceparent: origin.traceparent.clone(),
    };
    (row, OutboxRow { event: id })
}
