//! Filings as they are read back: one organisation's own, or an official's look at one.

use crate::{
    Error, act_for,
    row::{ElementColumns, Reader, element_columns, from_numeric, masses},
    schema::{filing_lines, filings, lot_edges, lots, parties, sites},
};
use bigdecimal::BigDecimal;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, HasQuery, JoinOnDsl, NullableExpressionMethods,
    OptionalExtension, QueryDsl,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::Month,
    codes::{FilingKind, LineRole},
    ids::{FilingId, LotId, OrganisationId},
    mass::{ElementMasses, Kilograms},
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

/// A filing without its lines, as lists show it.
#[derive(Clone, Debug)]
pub struct Header {
    /// Its id.
    pub id: FilingId,
    /// Who filed it.
    pub organisation: OrganisationId,
    /// The site's code.
    pub site: String,
    /// What it is about.
    pub kind: FilingKind,
    /// The filer's reference.
    pub reference: String,
    /// Its version.
    pub version: u16,
    /// What it corrects, and why.
    pub correction: Option<(FilingId, String)>,
    /// When it happened, as claimed.
    pub happened_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The month it belongs to.
    pub month: Month,
    /// The process of a transformation.
    pub process: Option<String>,
    /// The party's id: a pseudonym to whoever may not read the party.
    pub party: Option<Uuid>,
    /// The movement it starts or ends.
    pub movement: Option<Uuid>,
    /// How a receipt found the goods.
    pub outcome: Option<String>,
    /// Where goods came from or went to when no filer is there.
    pub beyond: Option<String>,
    /// The contract.
    pub contract: Option<String>,
    /// The invoice.
    pub invoice: Option<String>,
    /// The export licence.
    pub licence: Option<String>,
    /// The customs declaration.
    pub declaration: Option<String>,
    /// Origin of an import, destination of an export.
    pub country: Option<String>,
    /// Whether a monthly return says that nothing happened.
    pub nil: Option<bool>,
}

/// A filing with its lines and, for its owner, its party.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The header.
    pub header: Header,
    /// The other side of the trade; `None` for those who may not see it.
    pub party: Option<Party>,
    /// Its lines.
    pub lines: Vec<DetailLine>,
}

/// A client, supplier or end user, for the one who named it.
#[derive(Clone, Debug)]
pub struct Party {
    /// Its name.
    pub name: String,
    /// USCC, LEI or registration number.
    pub identifier: Option<String>,
    /// Its country.
    pub country: String,
}

/// One line as it was recorded.
#[derive(Clone, Debug)]
pub struct DetailLine {
    /// From 1.
    pub number: u16,
    /// What it stands for.
    pub role: LineRole,
    /// The lot.
    pub lot: Option<LotId>,
    /// Its maker's number for it, for a lot made here.
    pub lot_number: Option<String>,
    /// What kind of goods.
    pub category: Option<String>,
    /// Their customs code.
    pub hs_code: Option<String>,
    /// Their grade.
    pub grade: Option<String>,
    /// Gross mass.
    pub quantity: Kilograms,
    /// What was refused of it.
    pub refused: Kilograms,
    /// One standard uncertainty of the weighing; zero where none was stated.
    pub uncertainty: Kilograms,
    /// Rare earths in it.
    pub elements: ElementMasses,
    /// Price per kilogram and its currency.
    pub unit_price: Option<(Decimal, String)>,
}

/// Which filings a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this kind only.
    pub kind: Option<FilingKind>,
    /// Of this month only.
    pub month: Option<Month>,
    /// With this reference only, all versions.
    pub reference: Option<String>,
    /// Older than this one.
    pub before: Option<FilingId>,
}

#[derive(HasQuery)]
#[diesel(table_name = filings)]
struct FilingRow {
    organisation: Uuid,
    id: Uuid,
    kind: String,
    reference: String,
    version: i16,
    replaces: Option<Uuid>,
    correction_reason: Option<String>,
    happened_at: jiff_diesel::Timestamp,
    recorded_at: jiff_diesel::Timestamp,
    month: jiff_diesel::Date,
    process: Option<String>,
    party: Option<Uuid>,
    movement: Option<Uuid>,
    outcome: Option<String>,
    beyond: Option<String>,
    contract: Option<String>,
    invoice: Option<String>,
    licence_number: Option<String>,
    customs_declaration: Option<String>,
    country: Option<String>,
    nil: Option<bool>,
}

/// The newest `most` filings of an organisation that pass the filter.
pub async fn list(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    filter: &Filter,
    most: u16,
) -> Result<Vec<Header>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let mut query = filings::table
            .inner_join(sites::table.on(sites::id.eq(filings::site)))
            .filter(filings::organisation.eq(organisation.as_uuid()))
            .into_boxed();
        if let Some(kind) = filter.kind {
            query = query.filter(filings::kind.eq(kind.as_str()));
        }
        if let Some(month) = filter.month {
            query = query.filter(filings::month.eq(jiff_diesel::Date::from(month.first_day())));
        }
        if let Some(reference) = &filter.reference {
            query = query.filter(filings::reference.eq(reference));
        }
        if let Some(before) = filter.before {
            query = query.filter(filings::id.lt(before.as_uuid()));
        }
        let rows: Vec<(FilingRow, String)> = query
            .order(filings::id.desc())
            .limit(most.into())
            .select((
                <FilingRow as diesel::Selectable<diesel::pg::Pg>>::construct_selection(),
                sites::code,
            ))
            .load(conn)
            .await?;
        rows.into_iter().map(header).collect()
    })
    .await
}

/// One filing of an organisation, with its lines. The party comes along if the role may see it.
pub async fn find(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    id: FilingId,
    with_party: bool,
) -> Result<Option<Detail>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let row: Option<(FilingRow, String)> = filings::table
            .inner_join(sites::table.on(sites::id.eq(filings::site)))
            .filter(filings::organisation.eq(organisation.as_uuid()))
            .filter(filings::id.eq(id.as_uuid()))
            .select((
                <FilingRow as diesel::Selectable<diesel::pg::Pg>>::construct_selection(),
                sites::code,
            ))
            .first(conn)
            .await
            .optional()?;
        let Some(row) = row else { return Ok(None) };
        let header = header(row)?;
        let party = match header.party {
            Some(party) if with_party => find_party(conn, organisation, party).await?,
            _ => None,
        };
        Ok(Some(Detail { party, lines: lines(conn, &header).await?, header }))
    })
    .await
}

/// All versions of the filing that `id` is one of, oldest first.
pub async fn versions(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    id: FilingId,
) -> Result<Vec<Header>, Error> {
    let owner = organisation.as_uuid();
    let reference: Option<String> = conn
        .transaction(async |conn| {
            act_for(conn, &[organisation]).await?;
            filings::table
                .filter(filings::organisation.eq(owner).and(filings::id.eq(id.as_uuid())))
                .select(filings::reference)
                .first(conn)
                .await
                .optional()
                .map_err(Error::from)
        })
        .await?;
    let Some(reference) = reference else { return Ok(Vec::new()) };
    let filter = Filter { reference: Some(reference), ..Filter::default() };
    let mut versions = list(conn, organisation, &filter, u16::MAX).await?;
    versions.reverse();
    Ok(versions)
}

/// The lots that lie directly before and after one, as far as the organisation filed them itself.
pub async fn lot_neighbours(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    lot: LotId,
) -> Result<(Vec<LotId>, Vec<LotId>), Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let before: Vec<Uuid> = lot_edges::table
            .filter(lot_edges::output_lot.eq(lot.as_uuid()))
            .select(lot_edges::input_lot)
            .distinct()
            .load(conn)
            .await?;
        let after: Vec<Uuid> = lot_edges::table
            .filter(lot_edges::input_lot.eq(lot.as_uuid()))
            .select(lot_edges::output_lot)
            .distinct()
            .load(conn)
            .await?;
        let ids = |lots: Vec<Uuid>| lots.into_iter().map(LotId::from_uuid).collect();
        Ok((ids(before), ids(after)))
    })
    .await
}

/// The numbers that lots have with their makers, for those of them the organisation may know.
pub async fn lot_numbers(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    wanted: &[LotId],
) -> Result<Vec<(LotId, String)>, Error> {
    let wanted: Vec<Uuid> = wanted.iter().map(|lot| lot.as_uuid()).collect();
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let rows: Vec<(Uuid, String)> = lots::table
            .filter(lots::id.eq_any(wanted))
            .select((lots::id, lots::number))
            .distinct()
            .load(conn)
            .await?;
        Ok(rows.into_iter().map(|(id, number)| (LotId::from_uuid(id), number)).collect())
    })
    .await
}

async fn find_party(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    party: Uuid,
) -> Result<Option<Party>, Error> {
    let row: Option<(String, Option<String>, String)> = parties::table
        .filter(parties::organisation.eq(organisation.as_uuid()))
        .filter(parties::id.eq(party))
        .select((parties::name, parties::identifier, parties::country))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|(name, identifier, country)| Party { name, identifier, country }))
}

type LineColumns = (
    (i16, String, Option<Uuid>, Option<String>),
    (Option<String>, Option<String>, Option<String>),
    (i64, i64, Option<i64>, Option<BigDecimal>, Option<String>),
    ElementColumns,
);

async fn lines(conn: &mut AsyncPgConnection, header: &Header) -> Result<Vec<DetailLine>, Error> {
    let rows: Vec<LineColumns> = filing_lines::table
        .filter(filing_lines::organisation.eq(header.organisation.as_uuid()))
        .filter(filing_lines::filing.eq(header.id.as_uuid()))
        .order(filing_lines::line)
        .select((
            (filing_lines::line, filing_lines::role, filing_lines::lot, filing_lines::lot_number),
            (filing_lines::category, filing_lines::hs_code, filing_lines::grade),
            (
                filing_lines::quantity_grams,
                filing_lines::refused_grams,
                filing_lines::uncertainty_grams,
                filing_lines::unit_price.nullable(),
                filing_lines::currency.nullable(),
            ),
            element_columns!(filing_lines),
        ))
        .load(conn)
        .await?;
    let reader = Reader { table: "filing_lines", id: header.id.as_uuid() };
    rows.into_iter()
        .map(|((line, role, lot, lot_number), (category, hs_code, grade), amounts, elements)| {
            let (quantity, refused, uncertainty, price, currency) = amounts;
            let price = price
                .map(|price| from_numeric(&price).ok_or_else(|| reader.corrupt("unit_price")))
                .transpose()?;
            Ok(DetailLine {
                number: u16::try_from(line).map_err(|_| reader.corrupt("line"))?,
                role: reader.word("role", &role)?,
                lot: lot.map(LotId::from_uuid),
                lot_number,
                category,
                hs_code,
                grade,
                quantity: reader.mass("quantity_grams", quantity)?,
                refused: reader.mass("refused_grams", refused)?,
                uncertainty: reader.mass("uncertainty_grams", uncertainty.unwrap_or_default())?,
                elements: masses(elements),
                unit_price: price.zip(currency),
            })
        })
        .collect()
}

fn header((row, site): (FilingRow, String)) -> Result<Header, Error> {
    let reader = Reader { table: "filings", id: row.id };
    Ok(Header {
        id: FilingId::from_uuid(row.id),
        organisation: OrganisationId::from_uuid(row.organisation),
        site,
        kind: reader.word("kind", &row.kind)?,
        reference: row.reference,
        version: u16::try_from(row.version).map_err(|_| reader.corrupt("version"))?,
        correction: row.replaces.map(FilingId::from_uuid).zip(row.correction_reason),
        happened_at: row.happened_at.to_jiff(),
        recorded_at: row.recorded_at.to_jiff(),
        month: Month::of(row.month.to_jiff()),
        process: row.process,
        party: row.party,
        movement: row.movement,
        outcome: row.outcome,
        beyond: row.beyond,
        contract: row.contract,
        invoice: row.invoice,
        licence: row.licence_number,
        declaration: row.customs_declaration,
        country: row.country,
        nil: row.nil,
    })
}
