//! Dispatches with the invoices that settle them.

use super::{Value, money};
use crate::{
    CorruptRow, Error,
    row::{Reader, from_numeric},
    screening::ask::{Ask, Bind, Statement},
};
use bigdecimal::BigDecimal;
use diesel::{
    QueryableByName,
    sql_types::{
        Array, BigInt, Date as SqlDate, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid,
    },
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::beijing_date,
    element::{ELEMENT_COUNT, Element},
    ids::{FilingId, MovementId, OrganisationId},
    mass::ElementMasses,
    movement::{InvoicedGoods, OxideContent, Settlement, SoldGoods, TaxInvoice},
};
use jiff::{ToSpan, civil::Date};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};
use uuid::Uuid;

/// Links are followed so many times at most, and no further from so many movements.
const ROUNDS: usize = 20;
const MOVEMENTS_LIMIT: usize = 20_000;
/// Papers and dispatches between two parties among which one that fits is looked for.
const CANDIDATES_LIMIT: &str = "100";

struct LinksOfMovements;

impl Statement for LinksOfMovements {
    const TEXT: &'static str = "
        with asked as (
            select m.id, m.reference, f.invoice
            from movements m
            join filings f on f.organisation = m.organisation and f.id = m.filing
            where m.id = any (?::uuid[])
                and not exists (select from movements newer where newer.id = m.id and newer.filing > m.filing)
        )
        select asked.id as movement, i.number
        from asked join tax_invoices i on i.number = asked.invoice
        union
        select asked.id, i.number
        from asked
        join tax_invoice_movements l on l.reference = asked.reference
        join tax_invoices i on i.id = l.invoice
        where not exists (select from tax_invoices newer where newer.number = i.number and newer.version > i.version)";
}

struct LinksOfInvoices;

impl Statement for LinksOfInvoices {
    const TEXT: &'static str = "
        with asked as (
            select i.id, i.number, i.seller
            from tax_invoices i
            where i.number = any (?::text[]) and not i.is_void
                and not exists (select from tax_invoices newer where newer.number = i.number and newer.version > i.version)
        )
        select m.id as movement, asked.number
        from asked
        join organisations o on o.uscc = asked.seller
        join filings f on f.organisation = o.id and f.invoice = asked.number and f.kind = 'dispatch'
        join movements m on m.id = f.movement and m.filing = f.id
        where not exists (select from filing_references newer where newer.organisation = f.organisation
            and newer.reference = f.reference and newer.version = f.version + 1)
        union
        select m.id, asked.number
        from asked
        join tax_invoice_movements l on l.invoice = asked.id
        join movements m on m.reference = l.reference
        where not exists (select from movements newer where newer.id = m.id and newer.filing > m.filing)";
}

#[derive(QueryableByName)]
struct LinkRow {
    #[diesel(sql_type = SqlUuid)]
    movement: Uuid,
    #[diesel(sql_type = Text)]
    number: String,
}

struct Goods;

impl Statement for Goods {
    const TEXT: &'static str = "
        select m.id as movement, m.organisation as seller, s.uscc as seller_code, b.uscc as buyer_code,
            m.dispatched_at, coalesce(l.quantity_grams, 0) as grams, l.unit_price, l.currency,
            {each: coalesce(l.@, 0)} as elements, l.sigma_mg
        from movements m
        join filings f on f.organisation = m.organisation and f.id = m.filing
        join organisations s on s.id = m.organisation
        join organisations b on b.id = m.buyer_organisation
        left join filing_lines l on l.organisation = m.organisation and l.filing = m.filing
        where m.id = any (?::uuid[])
            and not exists (select from movements newer where newer.id = m.id and newer.filing > m.filing)
            and not exists (select from filing_references newer where newer.organisation = f.organisation
                and newer.reference = f.reference and newer.version = f.version + 1)
        order by m.id, l.line";
}

#[derive(QueryableByName)]
struct GoodsRow {
    #[diesel(sql_type = SqlUuid)]
    movement: Uuid,
    #[diesel(sql_type = SqlUuid)]
    seller: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    seller_code: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    buyer_code: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    dispatched_at: jiff_diesel::Timestamp,
    #[diesel(sql_type = BigInt)]
    grams: i64,
    #[diesel(sql_type = Nullable<Numeric>)]
    unit_price: Option<BigDecimal>,
    #[diesel(sql_type = Nullable<Text>)]
    currency: Option<String>,
    #[diesel(sql_type = Array<BigInt>)]
    elements: Vec<i64>,
    #[diesel(sql_type = Nullable<Array<BigInt>>)]
    sigma_mg: Option<Vec<i64>>,
}

struct Invoices;

impl Statement for Invoices {
    const TEXT: &'static str = "
        with asked as (select ?::text[] as numbers)
        select i.id, i.number, i.credits, i.issued_on, i.seller, i.buyer, i.currency,
            l.element, coalesce(l.oxide_grams, 0) as oxide_grams, coalesce(l.amount, 0) as amount
        from asked
        join tax_invoices i on i.number = any (asked.numbers) or i.credits = any (asked.numbers)
        left join tax_invoice_lines l on l.invoice = i.id
        where not i.is_void
            and not exists (select from tax_invoices newer where newer.number = i.number and newer.version > i.version)
        order by i.number, l.line";
}

#[derive(QueryableByName)]
struct InvoiceRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = Nullable<Text>)]
    credits: Option<String>,
    #[diesel(sql_type = SqlDate)]
    issued_on: jiff_diesel::Date,
    #[diesel(sql_type = Text)]
    seller: String,
    #[diesel(sql_type = Text)]
    buyer: String,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Nullable<Text>)]
    element: Option<String>,
    #[diesel(sql_type = BigInt)]
    oxide_grams: i64,
    #[diesel(sql_type = Numeric)]
    amount: BigDecimal,
}

/// What these movements are settled by, each with everything that is settled together with it.
/// Movements whose dispatch no longer stands have none.
pub async fn settlements(
    conn: &mut AsyncPgConnection,
    movements: &[MovementId],
) -> Result<HashMap<MovementId, Arc<Settlement>>, Error> {
    let asked: BTreeSet<Uuid> = movements.iter().map(|movement| movement.as_uuid()).collect();
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let (linked, links) = follow(conn, asked.clone()).await?;
    let numbers: BTreeSet<String> = links.iter().map(|(_, number)| number.clone()).collect();
    let dispatches = goods(conn, linked).await?;
    let invoices = invoices(conn, &numbers.into_iter().collect::<Vec<_>>()).await?;
    let mut settlements = HashMap::new();
    for part in (Settlement { dispatches, invoices, links }).parted() {
        let part = Arc::new(part);
        for goods in part.dispatches.iter().filter(|it| asked.contains(&it.movement.as_uuid())) {
            settlements.insert(goods.movement, Arc::clone(&part));
        }
    }
    Ok(settlements)
}

type Links = BTreeSet<(MovementId, String)>;

/// Everything that is linked with these movements, and how.
async fn follow(
    conn: &mut AsyncPgConnection,
    asked: BTreeSet<Uuid>,
) -> Result<(BTreeSet<Uuid>, Links), Error> {
    let (mut movements, mut numbers, mut links) = (asked.clone(), BTreeSet::new(), Links::new());
    let mut frontier: Vec<Uuid> = asked.into_iter().collect();
    for _ in 0..ROUNDS {
        if frontier.is_empty() || MOVEMENTS_LIMIT < movements.len() {
            break;
        }
        let binds = vec![Bind::Uuids(frontier)];
        let found: Vec<LinkRow> = Ask::<LinksOfMovements>::with(binds).load(conn).await?;
        let mut new = Vec::new();
        for LinkRow { movement, number } in found {
            if numbers.insert(number.clone()) {
                new.push(number.clone());
            }
            links.insert((MovementId::from_uuid(movement), number));
        }
        if new.is_empty() {
            break;
        }
        let binds = vec![Bind::Texts(new)];
        let found: Vec<LinkRow> = Ask::<LinksOfInvoices>::with(binds).load(conn).await?;
        frontier = Vec::new();
        for LinkRow { movement, number } in found {
            if movements.insert(movement) {
                frontier.push(movement);
            }
            links.insert((MovementId::from_uuid(movement), number));
        }
    }
    Ok((movements, links))
}

async fn goods(
    conn: &mut AsyncPgConnection,
    movements: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<SoldGoods>, Error> {
    let binds = vec![Bind::Uuids(movements.into_iter().collect())];
    let rows: Vec<GoodsRow> = Ask::<Goods>::with(binds).load(conn).await?;
    let mut found: BTreeMap<Uuid, (SoldGoods, Value)> = BTreeMap::new();
    for row in rows {
        let reader = Reader { table: "filing_lines", id: row.movement };
        let (goods, value) = found.entry(row.movement).or_insert_with(|| {
            let goods = SoldGoods {
                movement: MovementId::from_uuid(row.movement),
                seller: OrganisationId::from_uuid(row.seller),
                seller_code: row.seller_code.clone(),
                buyer_code: row.buyer_code.clone(),
                dispatched_on: beijing_date(row.dispatched_at.to_jiff()),
                content: OxideContent::NOTHING,
                value: None,
            };
            (goods, Value::default())
        });
        let sigma = row.sigma_mg.as_deref().unwrap_or(&[0; ELEMENT_COUNT]);
        let sigma = sigma.try_into().map_err(|_| reader.corrupt("sigma_mg"))?;
        let elements = row.elements.try_into().map_err(|_| reader.corrupt("elements"))?;
        goods.content.add(&ElementMasses(elements), &sigma);
        value.add(row.grams, money(reader, row.unit_price.as_ref(), row.currency.as_deref())?);
    }
    Ok(found
        .into_values()
        .map(|(goods, value)| SoldGoods { value: value.known(), ..goods })
        .collect())
}

async fn invoices(
    conn: &mut AsyncPgConnection,
    numbers: &[String],
) -> Result<Vec<TaxInvoice>, Error> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let binds = vec![Bind::Texts(numbers.to_vec())];
    let rows: Vec<InvoiceRow> = Ask::<Invoices>::with(binds).load(conn).await?;
    Ok(read_invoices(rows)?)
}

fn read_invoices(rows: Vec<InvoiceRow>) -> Result<Vec<TaxInvoice>, CorruptRow> {
    let mut invoices: BTreeMap<String, TaxInvoice> = BTreeMap::new();
    for row in rows {
        let reader = Reader { table: "tax_invoices", id: row.id };
        let currency = reader.word("currency", &row.currency)?;
        let line = InvoicedGoods {
            element: reader.optional_word::<Element>("element", row.element.as_deref())?,
            oxide_grams: row.oxide_grams,
            amount: from_numeric(&row.amount).ok_or_else(|| reader.corrupt("amount"))?,
        };
        let invoice = invoices.entry(row.number.clone()).or_insert_with(|| TaxInvoice {
            number: row.number,
            credits: row.credits,
            issued_on: row.issued_on.into(),
            seller: row.seller,
            buyer: row.buyer,
            currency,
            lines: Vec::new(),
        });
        invoice.lines.push(line);
    }
    Ok(invoices.into_values().collect())
}

struct ToJudge;

impl Statement for ToJudge {
    const TEXT: &'static str = "
        with asked as (select ?::text[] as numbers), papers as (
            select i.id, i.number from asked join tax_invoices i on i.number = any (asked.numbers)
            union
            select credited.id, credited.number
            from asked
            join tax_invoices note on note.number = any (asked.numbers)
            join tax_invoices credited on credited.number = note.credits
        )
        select f.organisation, f.id as filing
        from papers join filings f on f.invoice = papers.number and f.kind = 'dispatch' and f.movement is not null
        where not exists (select from filing_references newer where newer.organisation = f.organisation
            and newer.reference = f.reference and newer.version = f.version + 1)
        union
        select m.organisation, m.filing
        from papers
        join tax_invoice_movements l on l.invoice = papers.id
        join movements m on m.reference = l.reference
        where not exists (select from movements newer where newer.id = m.id and newer.filing > m.filing)";
}

#[derive(QueryableByName)]
pub(super) struct FilingRow {
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = SqlUuid)]
    filing: Uuid,
}

impl FilingRow {
    pub(super) const fn named(self) -> (OrganisationId, FilingId) {
        (OrganisationId::from_uuid(self.organisation), FilingId::from_uuid(self.filing))
    }
}

/// The dispatches that any version of these invoices is about, or of the invoices that these
/// credit.
pub async fn dispatches_to_judge(
    conn: &mut AsyncPgConnection,
    numbers: &[String],
) -> Result<Vec<(OrganisationId, FilingId)>, Error> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let binds = vec![Bind::Texts(numbers.to_vec())];
    let rows: Vec<FilingRow> = Ask::<ToJudge>::with(binds).load(conn).await?;
    Ok(rows.into_iter().map(FilingRow::named).collect())
}

/// What is not linked between the two parties of a dispatch, around its day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unsettled {
    /// Other dispatches.
    pub dispatches: Vec<SoldGoods>,
    /// Invoices.
    pub invoices: Vec<TaxInvoice>,
}

#[derive(QueryableByName)]
struct NumberRow {
    #[diesel(sql_type = Text)]
    number: String,
}

#[derive(QueryableByName)]
struct MovementRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// What is not linked between the two parties of a dispatch, within so many days of it.
pub async fn unsettled(
    conn: &mut AsyncPgConnection,
    goods_in_question: &SoldGoods,
    buyer: OrganisationId,
    window_days: i32,
) -> Result<Unsettled, Error> {
    let (Some(seller_code), Some(buyer_code)) =
        (&goods_in_question.seller_code, &goods_in_question.buyer_code)
    else {
        return Ok(Unsettled::default());
    };
    let day = goods_in_question.dispatched_on;
    let (first, last): (Date, Date) =
        (day.saturating_sub(window_days.days()), day.saturating_add(window_days.days()));
    let free = format!(
        "select i.number from lodestone.tax_invoices i
        where i.seller = $1 and i.buyer = $2 and i.issued_on between $3 and $4
            and not i.is_void and i.credits is null
            and not exists (select from lodestone.tax_invoices newer
                where newer.number = i.number and newer.version > i.version)
            and not exists (select from lodestone.tax_invoice_movements l where l.invoice = i.id)
            and not exists (select from lodestone.filings f where f.invoice = i.number
                and f.organisation = $5 and f.kind = 'dispatch')
        order by i.issued_on, i.number limit {CANDIDATES_LIMIT}"
    );
    let numbers: Vec<NumberRow> = diesel::sql_query(free)
        .bind::<Text, _>(seller_code)
        .bind::<Text, _>(buyer_code)
        .bind::<SqlDate, _>(jiff_diesel::Date::from(first))
        .bind::<SqlDate, _>(jiff_diesel::Date::from(last))
        .bind::<SqlUuid, _>(goods_in_question.seller.as_uuid())
        .load(conn)
        .await?;
    let numbers: Vec<String> = numbers.into_iter().map(|row| row.number).collect();
    let rivals = format!(
        "select m.id from lodestone.movements m
        join lodestone.filings f on f.organisation = m.organisation and f.id = m.filing and f.invoice is null
        where m.organisation = $1 and m.buyer_organisation = $2 and m.id <> $3
            and (m.dispatched_at at time zone 'Asia/Shanghai')::date between $4 and $5
            and not exists (select from lodestone.movements newer where newer.id = m.id and newer.filing > m.filing)
            and not exists (select from lodestone.tax_invoice_movements l where l.reference = m.reference)
        order by m.filing desc limit {CANDIDATES_LIMIT}"
    );
    let rivals: Vec<MovementRow> = diesel::sql_query(rivals)
        .bind::<SqlUuid, _>(goods_in_question.seller.as_uuid())
        .bind::<SqlUuid, _>(buyer.as_uuid())
        .bind::<SqlUuid, _>(goods_in_question.movement.as_uuid())
        .bind::<SqlDate, _>(jiff_diesel::Date::from(first))
        .bind::<SqlDate, _>(jiff_diesel::Date::from(last))
        .load(conn)
        .await?;
    let dispatches = goods(conn, rivals.into_iter().map(|row| row.id)).await?;
    Ok(Unsettled { dispatches, invoices: invoices(conn, &numbers).await? })
}
