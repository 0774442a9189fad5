//! Tax invoices as the tax authority hands them in.

use super::{Entry, HandedIn, Stored, StoredRow, in_one_order, outcomes, recorded_at, sql_version};
use crate::{
    Error, events,
    row::to_numeric,
    schema::{tax_invoice_lines, tax_invoice_movements, tax_invoices},
};
use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    element::Element,
    event::Event,
    identifiers::{CurrencyCode, Uscc},
    ids::PersonId,
    movement::MovementReference,
    regime::GoodsOrigin,
};
use jiff::civil::Date;
use jiff_diesel::ToDiesel;
use rust_decimal::Decimal;
use std::collections::HashSet;
use uuid::Uuid;

/// Rows of lines that go into one statement: a statement has at most 65,535 parameters.
const LINES_AT_ONCE: usize = 5_000;

/// A version of a tax invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvoice {
    /// Its own id.
    pub id: Uuid,
    /// Its number.
    pub number: String,
    /// Which version.
    pub version: u16,
    /// Whether this version takes it back as a whole.
    pub is_void: bool,
    /// The invoice that a credit note takes back in part.
    pub credits: Option<String>,
    /// When it was issued.
    pub issued_on: Date,
    /// Who sold.
    pub seller: Uscc,
    /// Who bought.
    pub buyer: Uscc,
    /// In which currency.
    pub currency: CurrencyCode,
    /// SHA-256 of the entry.
    pub content_hash: [u8; 32],
    /// What was sold.
    pub lines: Vec<NewInvoiceLine>,
    /// The movements it says it is for, each once.
    pub movements: Vec<MovementReference>,
}

/// A line of a tax invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvoiceLine {
    /// The code of the catalogue.
    pub goods: String,
    /// Its half.
    pub origin: GoodsOrigin,
    /// Its rare earth; `None` for mixtures.
    pub element: Option<Element>,
    /// How much, in oxide equivalent.
    pub oxide_grams: i64,
    /// What it costs, without tax.
    pub amount: Decimal,
}

/// Records invoices and answers, in their order, what became of each. All of it is durable, or
/// nothing.
pub async fn record(
    conn: &mut AsyncPgConnection,
    invoices: &[NewInvoice],
    handed_in: &HandedIn,
) -> Result<Vec<Stored>, Error> {
    if invoices.is_empty() {
        return Ok(Vec::new());
    }
    conn.transaction(async |conn| {
        let new = insert(conn, invoices, handed_in).await?;
        let recorded: Vec<&NewInvoice> =
            invoices.iter().filter(|invoice| new.contains(&invoice.id)).collect();
        insert_lines(conn, &recorded).await?;
        let told: Vec<(Uuid, Event)> = recorded
            .iter()
            .map(|invoice| {
                let (number, version) = (invoice.number.clone(), invoice.version);
                (invoice.id, Event::InvoiceRecorded { invoice: invoice.id, number, version })
            })
            .collect();
        events::append_all(conn, &handed_in.act, &told).await?;
        let numbers = invoices.iter().map(|invoice| &invoice.number);
        let stored: Vec<StoredRow> = tax_invoices::table
            .filter(tax_invoices::number.eq_any(numbers))
            .select((
                tax_invoices::id,
                tax_invoices::number,
                tax_invoices::version,
                tax_invoices::content_hash,
            ))
            .load(conn)
            .await?;
        let stored: Vec<Entry<'_>> = stored.iter().map(Entry::from).collect();
        let entries: Vec<Entry<'_>> = invoices.iter().map(NewInvoice::entry).collect();
        Ok(outcomes(&entries, &stored))
    })
    .await
}

async fn insert(
    conn: &mut AsyncPgConnection,
    invoices: &[NewInvoice],
    handed_in: &HandedIn,
) -> Result<HashSet<Uuid>, Error> {
    let rows: Vec<_> = in_one_order(invoices, NewInvoice::entry)
        .into_iter()
        .map(|invoice| {
            (
                tax_invoices::id.eq(invoice.id),
                tax_invoices::number.eq(&invoice.number),
                tax_invoices::version.eq(invoice.entry().version),
                tax_invoices::is_void.eq(invoice.is_void),
                tax_invoices::credits.eq(&invoice.credits),
                tax_invoices::issued_on.eq(invoice.issued_on.to_diesel()),
                tax_invoices::seller.eq(invoice.seller.as_str()),
                tax_invoices::buyer.eq(invoice.buyer.as_str()),
                tax_invoices::currency.eq(invoice.currency.to_string()),
                tax_invoices::content_hash.eq(&invoice.content_hash[..]),
                tax_invoices::office.eq(handed_in.office.as_uuid()),
                tax_invoices::person
                    .eq(handed_in.act.person.map_or(Uuid::nil(), PersonId::as_uuid)),
                tax_invoices::recorded_at.eq(recorded_at(handed_in)),
            )
        })
        .collect();
    let new: Vec<Uuid> = diesel::insert_into(tax_invoices::table)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(tax_invoices::id)
        .get_results(conn)
        .await?;
    Ok(new.into_iter().collect())
}

async fn insert_lines(conn: &mut AsyncPgConnection, invoices: &[&NewInvoice]) -> Result<(), Error> {
    let lines: Vec<_> = invoices
        .iter()
        .flat_map(|invoice| (1_i16..).zip(&invoice.lines).map(move |line| (invoice.id, line)))
        .map(|(invoice, (number, line))| {
            (
                tax_invoice_lines::invoice.eq(invoice),
                tax_invoice_lines::line.eq(number),
                tax_invoice_lines::goods.eq(&line.goods),
                tax_invoice_lines::origin.eq(line.origin.as_str()),
                tax_invoice_lines::element.eq(line.element.map(Element::symbol)),
                tax_invoice_lines::oxide_grams.eq(line.oxide_grams),
                tax_invoice_lines::amount.eq(to_numeric(line.amount)),
            )
        })
        .collect();
    for lines in lines.chunks(LINES_AT_ONCE) {
        diesel::insert_into(tax_invoice_lines::table).values(lines.to_vec()).execute(conn).await?;
    }
    let movements: Vec<_> = invoices
        .iter()
        .flat_map(|invoice| invoice.movements.iter().map(|reference| (invoice.id, reference)))
        .map(|(invoice, reference)| {
            (
                tax_invoice_movements::invoice.eq(invoice),
                tax_invoice_movements::reference.eq(reference.compact()),
            )
        })
        .collect();
    for movements in movements.chunks(LINES_AT_ONCE) {
        diesel::insert_into(tax_invoice_movements::table)
            .values(movements.to_vec())
            .execute(conn)
            .await?;
    }
    Ok(())
}

impl NewInvoice {
    fn entry(&self) -> Entry<'_> {
        Entry {
            id: self.id,
            number: &self.number,
            version: sql_version(self.version),
            content_hash: &self.content_hash,
        }
    }
}
