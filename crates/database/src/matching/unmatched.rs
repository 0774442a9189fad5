//! What stands alone: papers that no filing names, and filings for which no paper was handed in.
//! The newest first, page by page.

use crate::{Error, row::Reader};
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Date as SqlDate, Nullable, SmallInt, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    ids::{FilingId, OrganisationId},
    movement::MovementReference,
};
use jiff::civil::Date;
use uuid::Uuid;

/// A tax invoice that no dispatch names and that names none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmatchedInvoice {
    /// The id of its version: where a page goes on.
    pub id: Uuid,
    /// Its number.
    pub number: String,
    /// Its latest version.
    pub version: u16,
    /// When it was issued.
    pub issued_on: Date,
    /// Who sold, by the unified social credit code.
    pub seller: String,
    /// Who that is here.
    pub seller_organisation: Option<OrganisationId>,
    /// Who bought.
    pub buyer: String,
    /// Who that is here.
    pub buyer_organisation: Option<OrganisationId>,
    /// All lines together, in oxide equivalent.
    pub oxide_grams: i64,
}

/// A customs declaration that no export names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmatchedDeclaration {
    /// The id of its version: where a page goes on.
    pub id: Uuid,
    /// Its number.
    pub number: String,
    /// Its latest version.
    pub version: u16,
    /// When it was made.
    pub declared_on: Date,
    /// Who exports, by the unified social credit code.
    pub exporter: String,
    /// Who that is here.
    pub exporter_organisation: Option<OrganisationId>,
    /// Where it goes.
    pub destination: String,
    /// All lines together, net.
    pub net_grams: i64,
}

/// A filing for which no paper was handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmatchedFiling {
    /// Which: where a page goes on.
    pub filing: FilingId,
    /// Whose.
    pub organisation: OrganisationId,
    /// The movement it starts, for a dispatch.
    pub movement: Option<MovementReference>,
    /// The paper it names.
    pub paper: Option<String>,
    /// When the goods left.
    pub left_on: Date,
}

#[derive(QueryableByName)]
struct InvoiceRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = SmallInt)]
    version: i16,
    #[diesel(sql_type = SqlDate)]
    issued_on: jiff_diesel::Date,
    #[diesel(sql_type = Text)]
    seller: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    seller_organisation: Option<Uuid>,
    #[diesel(sql_type = Text)]
    buyer: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    buyer_organisation: Option<Uuid>,
    #[diesel(sql_type = BigInt)]
    oxide_grams: i64,
}

/// Invoices before this version that settle nothing.
pub async fn invoices_without_dispatch(
    conn: &mut AsyncPgConnection,
    before: Option<Uuid>,
    most: u16,
) -> Result<Vec<UnmatchedInvoice>, Error> {
    let rows: Vec<InvoiceRow> = diesel::sql_query(
        "select i.id, i.number, i.version, i.issued_on, i.seller, s.id as seller_organisation, i.buyer,
            b.id as buyer_organisation,
            lodestone.saturated((select sum(l.oxide_grams) from lodestone.tax_invoice_lines l
                where l.invoice = i.id)) as oxide_grams
        from lodestone.standing_tax_invoices i
        left join lodestone.organisations s on s.uscc = i.seller
        left join lodestone.organisations b on b.uscc = i.buyer
        where i.id < $1 and not i.is_void and i.credits is null
            and not exists (select from lodestone.tax_invoice_movements l
                join lodestone.movements m on m.reference = l.reference where l.invoice = i.id)
            and not exists (select from lodestone.standing_filings f
                where f.invoice = i.number and f.organisation = s.id and f.kind = 'dispatch')
        order by i.id desc limit $2",
    )
    .bind::<SqlUuid, _>(before.unwrap_or(Uuid::max()))
    .bind::<BigInt, _>(i64::from(most))
    .load(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| UnmatchedInvoice {
            id: row.id,
            number: row.number,
            version: row.version.unsigned_abs(),
            issued_on: row.issued_on.into(),
            seller: row.seller,
            seller_organisation: row.seller_organisation.map(OrganisationId::from_uuid),
            buyer: row.buyer,
            buyer_organisation: row.buyer_organisation.map(OrganisationId::from_uuid),
            oxide_grams: row.oxide_grams,
        })
        .collect())
}

#[derive(QueryableByName)]
struct DeclarationRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = SmallInt)]
    version: i16,
    #[diesel(sql_type = SqlDate)]
    declared_on: jiff_diesel::Date,
    #[diesel(sql_type = Text)]
    exporter: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    exporter_organisation: Option<Uuid>,
    #[diesel(sql_type = Text)]
    destination: String,
    #[diesel(sql_type = BigInt)]
    net_grams: i64,
}

/// Declarations before this version that cover no export.
pub async fn declarations_without_export(
    conn: &mut AsyncPgConnection,
    before: Option<Uuid>,
    most: u16,
) -> Result<Vec<UnmatchedDeclaration>, Error> {
    let rows: Vec<DeclarationRow> = diesel::sql_query(
        "select d.id, d.number, d.version, d.declared_on, d.exporter, o.id as exporter_organisation,
            d.destination,
            lodestone.saturated((select sum(l.net_grams) from lodestone.customs_declaration_lines l
                where l.declaration = d.id)) as net_grams
        from lodestone.standing_customs_declarations d
        left join lodestone.organisations o on o.uscc = d.exporter
        where d.id < $1 and not d.is_void
            and not exists (select from lodestone.standing_filings f
                where f.customs_declaration = d.number and f.organisation = o.id and f.kind = 'export')
        order by d.id desc limit $2",
    )
    .bind::<SqlUuid, _>(before.unwrap_or(Uuid::max()))
    .bind::<BigInt, _>(i64::from(most))
    .load(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| UnmatchedDeclaration {
            id: row.id,
            number: row.number,
            version: row.version.unsigned_abs(),
            declared_on: row.declared_on.into(),
            exporter: row.exporter,
            exporter_organisation: row.exporter_organisation.map(OrganisationId::from_uuid),
            destination: row.destination,
            net_grams: row.net_grams,
        })
        .collect())
}

#[derive(QueryableByName)]
struct FiledRow {
    #[diesel(sql_type = SqlUuid)]
    filing: Uuid,
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    reference: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    paper: Option<String>,
    #[diesel(sql_type = SqlDate)]
    left_on: jiff_diesel::Date,
}

/// Dispatches to filers, before this one, that left on or before a day and that no invoice which
/// counts is about.
pub async fn dispatches_without_invoice(
    conn: &mut AsyncPgConnection,
    before: Option<Uuid>,
    left_by: Date,
    most: u16,
) -> Result<Vec<UnmatchedFiling>, Error> {
    let rows: Vec<FiledRow> = diesel::sql_query(
        "select m.filing, m.organisation, m.reference, f.invoice as paper,
            (m.dispatched_at at time zone 'Asia/Shanghai')::date as left_on
        from lodestone.standing_movements m
        join lodestone.standing_filings f on f.organisation = m.organisation and f.id = m.filing
        where m.filing < $1 and (m.dispatched_at at time zone 'Asia/Shanghai')::date <= $2
            and not exists (select from lodestone.standing_tax_invoices i
                where (i.number = f.invoice or i.id in (select l.invoice
                        from lodestone.tax_invoice_movements l where l.reference = m.reference))
                    and not i.is_void)
        order by m.filing desc limit $3",
    )
    .bind::<SqlUuid, _>(before.unwrap_or(Uuid::max()))
    .bind::<SqlDate, _>(jiff_diesel::Date::from(left_by))
    .bind::<BigInt, _>(i64::from(most))
    .load(conn)
    .await?;
    rows.into_iter().map(filed).collect()
}

/// Exports, before this one, that left on or before a day and whose declaration the customs did
/// not hand in.
pub async fn exports_without_declaration(
    conn: &mut AsyncPgConnection,
    before: Option<Uuid>,
    left_by: Date,
    most: u16,
) -> Result<Vec<UnmatchedFiling>, Error> {
    let rows: Vec<FiledRow> = diesel::sql_query(
        "select f.id as filing, f.organisation, null::text as reference, f.customs_declaration as paper,
            (f.happened_at at time zone 'Asia/Shanghai')::date as left_on
        from lodestone.standing_filings f
        where f.customs_declaration is not null and f.kind = 'export' and f.id < $1
            and (f.happened_at at time zone 'Asia/Shanghai')::date <= $2
            and not exists (select from lodestone.standing_customs_declarations d
                where d.number = f.customs_declaration and not d.is_void)
        order by f.id desc limit $3",
    )
    .bind::<SqlUuid, _>(before.unwrap_or(Uuid::max()))
    .bind::<SqlDate, _>(jiff_diesel::Date::from(left_by))
    .bind::<BigInt, _>(i64::from(most))
    .load(conn)
    .await?;
    rows.into_iter().map(filed).collect()
}

fn filed(row: FiledRow) -> Result<UnmatchedFiling, Error> {
    let reader = Reader { table: "movements", id: row.filing };
    Ok(UnmatchedFiling {
        filing: FilingId::from_uuid(row.filing),
        organisation: OrganisationId::from_uuid(row.organisation),
        movement: reader.optional_word("reference", row.reference.as_deref())?,
        paper: row.paper,
        left_on: row.left_on.into(),
    })
}
