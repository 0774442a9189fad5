//! Exports with the customs declarations that cover them.

use super::{Value, money, settled::FilingRow};
use crate::{
    CorruptRow, Error,
    row::Reader,
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
    element::ELEMENT_COUNT,
    ids::{FilingId, LotId, OrganisationId},
    mass::ElementMasses,
    movement::{
        CustomsDeclaration, DeclaredExports, DeclaredGoods, ExportedGoods, FiledExport,
        OxideContent,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};
use uuid::Uuid;

struct Exports;

impl Statement for Exports {
    const TEXT: &'static str = "
        select f.organisation, f.id as filing, f.customs_declaration as declaration, o.uscc as exporter_code,
            f.happened_at, coalesce(f.country, '') as destination, f.licence_number,
            l.hs_code, coalesce(l.quantity_grams, 0) as grams, l.uncertainty_grams,
            l.unit_price, l.currency, {each: coalesce(l.@, 0)} as elements, l.sigma_mg
        from filings f
        join organisations o on o.id = f.organisation
        left join filing_lines l on l.organisation = f.organisation and l.filing = f.id
        where f.customs_declaration = any (?::text[]) and f.kind = 'export'
            and not exists (select from filing_references newer where newer.organisation = f.organisation
                and newer.reference = f.reference and newer.version = f.version + 1)
        order by f.id, l.line";
}

#[derive(QueryableByName)]
struct ExportRow {
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = SqlUuid)]
    filing: Uuid,
    #[diesel(sql_type = Text)]
    declaration: String,
    #[diesel(sql_type = Nullable<Text>)]
    exporter_code: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    happened_at: jiff_diesel::Timestamp,
    #[diesel(sql_type = Text)]
    destination: String,
    #[diesel(sql_type = Nullable<Text>)]
    licence_number: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    hs_code: Option<String>,
    #[diesel(sql_type = BigInt)]
    grams: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    uncertainty_grams: Option<i64>,
    #[diesel(sql_type = Nullable<Numeric>)]
    unit_price: Option<BigDecimal>,
    #[diesel(sql_type = Nullable<Text>)]
    currency: Option<String>,
    #[diesel(sql_type = Array<BigInt>)]
    elements: Vec<i64>,
    #[diesel(sql_type = Nullable<Array<BigInt>>)]
    sigma_mg: Option<Vec<i64>>,
}

struct Declarations;

impl Statement for Declarations {
    const TEXT: &'static str = "
        select d.id, d.number, d.declared_on, d.exporter, d.destination, l.hs_code, l.net_grams, l.value,
            l.currency, l.licence_number
        from customs_declarations d
        join customs_declaration_lines l on l.declaration = d.id
        where d.number = any (?::text[]) and not d.is_void
            and not exists (select from customs_declarations newer
                where newer.number = d.number and newer.version > d.version)
        order by d.number, l.line";
}

#[derive(QueryableByName)]
struct DeclarationRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = SqlDate)]
    declared_on: jiff_diesel::Date,
    #[diesel(sql_type = Text)]
    exporter: String,
    #[diesel(sql_type = Text)]
    destination: String,
    #[diesel(sql_type = Text)]
    hs_code: String,
    #[diesel(sql_type = BigInt)]
    net_grams: i64,
    #[diesel(sql_type = Numeric)]
    value: BigDecimal,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Nullable<Text>)]
    licence_number: Option<String>,
}

/// The exports that name these declarations, with the declarations that the customs handed in; by
/// number.
pub async fn declared(
    conn: &mut AsyncPgConnection,
    numbers: BTreeSet<&str>,
) -> Result<HashMap<String, Arc<DeclaredExports>>, Error> {
    if numbers.is_empty() {
        return Ok(HashMap::new());
    }
    let binds = || vec![Bind::Texts(numbers.iter().map(|&number| number.to_owned()).collect())];
    let exports: Vec<ExportRow> = Ask::<Exports>::with(binds()).load(conn).await?;
    let papers: Vec<DeclarationRow> = Ask::<Declarations>::with(binds()).load(conn).await?;
    let mut declared: HashMap<String, DeclaredExports> = HashMap::new();
    for (number, export) in read_exports(exports)? {
        declared.entry(number).or_default().exports.push(export);
    }
    for paper in read_declarations(papers)? {
        let about = declared.entry(paper.number.clone()).or_default();
        about.declaration = Some(paper);
    }
    Ok(declared.into_iter().map(|(number, declared)| (number, Arc::new(declared))).collect())
}

fn read_exports(rows: Vec<ExportRow>) -> Result<Vec<(String, FiledExport)>, CorruptRow> {
    let mut exports: BTreeMap<Uuid, (String, FiledExport, Value)> = BTreeMap::new();
    for row in rows {
        let reader = Reader { table: "filing_lines", id: row.filing };
        let goods = ExportedGoods {
            hs_code: reader.optional_word("hs_code", row.hs_code.as_deref())?,
            grams: row.grams,
            uncertainty_grams: row.uncertainty_grams.unwrap_or_default(),
        };
        let sigma = row.sigma_mg.as_deref().unwrap_or(&[0; ELEMENT_COUNT]);
        let sigma = sigma.try_into().map_err(|_| reader.corrupt("sigma_mg"))?;
        let elements = row.elements.try_into().map_err(|_| reader.corrupt("elements"))?;
        let price = money(reader, row.unit_price.as_ref(), row.currency.as_deref())?;
        let (_, export, value) = exports.entry(row.filing).or_insert_with(|| {
            let export = FiledExport {
                filing: FilingId::from_uuid(row.filing),
                exporter: OrganisationId::from_uuid(row.organisation),
                exporter_code: row.exporter_code,
                exported_on: beijing_date(row.happened_at.to_jiff()),
                destination: row.destination,
                licence: row.licence_number,
                goods: Vec::new(),
                content: OxideContent::NOTHING,
                value: None,
            };
            (row.declaration, export, Value::default())
        });
        value.add(goods.grams, price);
        export.content.add(&ElementMasses(elements), &sigma);
        export.goods.push(goods);
    }
    let known = |(number, export, value): (String, FiledExport, Value)| {
        (number, FiledExport { value: value.known(), ..export })
    };
    Ok(exports.into_values().map(known).collect())
}

fn read_declarations(rows: Vec<DeclarationRow>) -> Result<Vec<CustomsDeclaration>, CorruptRow> {
    let mut papers: BTreeMap<String, CustomsDeclaration> = BTreeMap::new();
    for row in rows {
        let reader = Reader { table: "customs_declarations", id: row.id };
        let value = money(reader, Some(&row.value), Some(&row.currency))?;
        let line = DeclaredGoods {
            hs_code: reader.word("hs_code", &row.hs_code)?,
            net_grams: row.net_grams,
            value: value.ok_or_else(|| reader.corrupt("value"))?,
            licence: row.licence_number,
        };
        let paper = papers.entry(row.number.clone()).or_insert_with(|| CustomsDeclaration {
            number: row.number,
            declared_on: row.declared_on.into(),
            exporter: row.exporter,
            destination: row.destination,
            lines: Vec::new(),
        });
        paper.lines.push(line);
    }
    Ok(papers.into_values().collect())
}

struct ToJudge;

impl Statement for ToJudge {
    const TEXT: &'static str = "
        select f.organisation, f.id as filing from filings f
        where f.customs_declaration = any (?::text[]) and f.kind = 'export'
            and not exists (select from filing_references newer where newer.organisation = f.organisation
                and newer.reference = f.reference and newer.version = f.version + 1)";
}

/// The exports that name these declarations and still stand.
pub async fn exports_to_judge(
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

#[derive(QueryableByName)]
struct NumberRow {
    #[diesel(sql_type = Text)]
    number: String,
}

/// The declarations under which an organisation exported any of these lots, by their numbers.
pub async fn exports_of_lots(
    conn: &mut AsyncPgConnection,
    exporter: OrganisationId,
    lots: &[LotId],
) -> Result<BTreeSet<String>, Error> {
    let lots: Vec<Uuid> = lots.iter().map(|lot| lot.as_uuid()).collect();
    let rows: Vec<NumberRow> = diesel::sql_query(
        "select distinct f.customs_declaration as number
        from lodestone.postings p
        join lodestone.filings f on f.organisation = p.organisation and f.id = p.filing
        where p.lot = any ($1) and p.organisation = $2 and f.kind = 'export'
            and f.customs_declaration is not null and not p.reversal
            and not exists (select from lodestone.filing_references newer
                where newer.organisation = f.organisation and newer.reference = f.reference
                    and newer.version = f.version + 1)",
    )
    .bind::<Array<SqlUuid>, _>(lots)
    .bind::<SqlUuid, _>(exporter.as_uuid())
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.number).collect())
}
