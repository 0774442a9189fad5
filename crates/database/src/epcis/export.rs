//! Filings of a month with what their lines are made of, to be written as EPCIS events.

use crate::{CorruptRow, Error, act_for, row::Reader};
use diesel::sql_types::{Array, BigInt, Date, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::Month,
    codes::{FilingKind, LineRole},
    ids::{FilingId, OrganisationId},
};
use jiff::Timestamp;
use uuid::Uuid;

/// A filing in its latest version.
#[derive(Clone, Debug)]
pub struct Filed {
    /// Its id.
    pub id: FilingId,
    /// What it is about.
    pub kind: FilingKind,
    /// The filer's reference.
    pub reference: String,
    /// The site's code.
    pub site: String,
    /// When it happened.
    pub happened_at: Timestamp,
    /// The process of a transformation.
    pub process: Option<String>,
    /// The invoice.
    pub invoice: Option<String>,
    /// Its lines.
    pub lines: Vec<FiledLine>,
}

/// A line of it.
#[derive(Clone, Debug)]
pub struct FiledLine {
    /// What it stands for.
    pub role: LineRole,
    /// The lot; a loss has none.
    pub lot: Option<Uuid>,
    /// Its maker's number for the lot.
    pub lot_number: Option<String>,
    /// The code of the product, of a lot made here.
    pub product: Option<String>,
    /// Gross mass in grams.
    pub quantity_grams: i64,
    /// Milligrams of each element, in the order of `Element::ALL`.
    pub elements_mg: Vec<i64>,
    /// One standard deviation of each, where it was stated.
    pub sigma_mg: Option<Vec<i64>>,
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    reference: String,
    #[diesel(sql_type = Text)]
    site: String,
    #[diesel(sql_type = Timestamptz)]
    happened_at: jiff_diesel::Timestamp,
    #[diesel(sql_type = Nullable<Text>)]
    process: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    invoice: Option<String>,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    lot: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    lot_number: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    product: Option<String>,
    #[diesel(sql_type = BigInt)]
    quantity_grams: i64,
    #[diesel(sql_type = Array<BigInt>)]
    elements_mg: Vec<i64>,
    #[diesel(sql_type = Nullable<Array<BigInt>>)]
    sigma_mg: Option<Vec<i64>>,
}

const FILED: &str = "select filing.id, filing.kind, filing.reference, site.code as site,
        filing.happened_at, filing.process, filing.invoice, line.role, line.lot,
        coalesce(line.lot_number, made.number) as lot_number, product.code as product,
        line.quantity_grams, line.sigma_mg,
        array[line.la_mg, line.ce_mg, line.pr_mg, line.nd_mg, line.pm_mg, line.sm_mg, line.eu_mg,
            line.gd_mg, line.tb_mg, line.dy_mg, line.ho_mg, line.er_mg, line.tm_mg, line.yb_mg,
            line.lu_mg, line.sc_mg, line.y_mg] as elements_mg
    from (
        select * from filings candidate
        where organisation = $1 and month = $2 and ($3::uuid is null or id > $3)
            and kind <> 'monthly_return'
            and not exists (select from filing_references newer where newer.organisation = $1
                and newer.reference = candidate.reference and newer.version = candidate.version + 1)
        order by id limit $4) filing
    join sites site on site.organisation = $1 and site.id = filing.site
    join filing_lines line on line.organisation = $1 and line.filing = filing.id
    left join lateral (select number from lots where lots.id = line.lot limit 1) made on true
    left join products product on product.organisation = $1 and product.id = line.product
    order by filing.id, line.line";

/// The next `most` filings of a month behind `after`, in the order in which they were recorded.
pub async fn filed_in(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    month: Month,
    after: Option<FilingId>,
    most: u16,
) -> Result<Vec<Filed>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let rows: Vec<Row> = diesel::sql_query(FILED)
            .bind::<SqlUuid, _>(organisation.as_uuid())
            .bind::<Date, _>(jiff_diesel::Date::from(month.first_day()))
            .bind::<Nullable<SqlUuid>, _>(after.map(FilingId::as_uuid))
            .bind::<BigInt, _>(i64::from(most))
            .load(conn)
            .await?;
        let mut filed: Vec<Filed> = Vec::new();
        for row in rows {
            let line = line(&row)?;
            match filed.last_mut().filter(|last| last.id.as_uuid() == row.id) {
                Some(last) => last.lines.push(line),
                None => filed.push(filing(row, line)?),
            }
        }
        Ok(filed)
    })
    .await
}

fn filing(row: Row, line: FiledLine) -> Result<Filed, CorruptRow> {
    let reader = Reader { table: "filings", id: row.id };
    Ok(Filed {
        id: FilingId::from_uuid(row.id),
        kind: reader.word("kind", &row.kind)?,
        reference: row.reference,
        site: row.site,
        happened_at: row.happened_at.into(),
        process: row.process,
        invoice: row.invoice,
        lines: vec![line],
    })
}

fn line(row: &Row) -> Result<FiledLine, CorruptRow> {
    let reader = Reader { table: "filing_lines", id: row.id };
    Ok(FiledLine {
        role: reader.word("role", &row.role)?,
        lot: row.lot,
        lot_number: row.lot_number.clone(),
        product: row.product.clone(),
        quantity_grams: row.quantity_grams,
        elements_mg: row.elements_mg.clone(),
        sigma_mg: row.sigma_mg.clone(),
    })
}
