//! Filings as they were claimed, with who filed them and whether they still stand.

use super::ask::{Ask, Bind, Statement};
use crate::{
    CorruptRow, Error,
    row::{Reader, from_numeric},
};
use bigdecimal::BigDecimal;
use diesel::{
    QueryableByName,
    sql_types::{
        Array, BigInt, Bool, Date, Nullable, Numeric, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
    },
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::Month,
    codes::{FilingKind, Stage},
    element::ELEMENT_COUNT,
    filing::{Claim, Client, Correction, Filing, Line},
    ids::{
        FilingId, GroupId, LotId, MovementId, OrganisationId, PartyId, PersonId, ProductId, SiteId,
    },
    mass::ElementMasses,
    money::Money,
};
use std::collections::HashMap;
use uuid::Uuid;

/// A filing with what its register entries say.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) filing: Filing,
    pub(super) site_stages: Vec<Stage>,
    pub(super) group: Option<GroupId>,
    /// A later version stands in its place.
    pub(super) is_replaced: bool,
}

struct Filings;

impl Statement for Filings {
    const TEXT: &'static str = "
        with asked as (select ?::uuid[] as organisations, ?::uuid[] as filings)
        select f.organisation, f.id, f.site, f.kind, f.reference, f.version, f.replaces,
            f.correction_reason, f.happened_at, f.recorded_at, f.month, f.channel, f.filed_by,
            f.process, f.party, f.party_organisation, f.movement, f.outcome, f.beyond, f.contract,
            f.invoice, f.licence_number, f.customs_declaration, f.country, f.nil,
            p.name as party_name, p.identifier as party_identifier, p.country as party_country,
            o.group_id, coalesce(s.stages, '{}') as stages,
            exists (select from filing_references newer where newer.organisation = f.organisation
                and newer.reference = f.reference and newer.version = f.version + 1) as is_replaced
        from asked
        join filings f on f.organisation = any (asked.organisations) and f.id = any (asked.filings)
        left join parties p on p.organisation = f.organisation and p.id = f.party
        left join organisations o on o.id = f.organisation
        left join sites s on s.organisation = f.organisation and s.id = f.site";
}

#[derive(QueryableByName)]
struct FilingRow {
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    site: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    reference: String,
    #[diesel(sql_type = SmallInt)]
    version: i16,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    replaces: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    correction_reason: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    happened_at: jiff_diesel::Timestamp,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: jiff_diesel::Timestamp,
    #[diesel(sql_type = Date)]
    month: jiff_diesel::Date,
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = SqlUuid)]
    filed_by: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    process: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    party: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    party_organisation: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    movement: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    outcome: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    beyond: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    contract: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    invoice: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    licence_number: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    customs_declaration: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    country: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    nil: Option<bool>,
    #[diesel(sql_type = Nullable<Text>)]
    party_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    party_identifier: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    party_country: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    group_id: Option<Uuid>,
    #[diesel(sql_type = Array<Text>)]
    stages: Vec<String>,
    #[diesel(sql_type = Bool)]
    is_replaced: bool,
}

struct Lines;

impl Statement for Lines {
    const TEXT: &'static str = "
        with asked as (select ?::uuid[] as organisations, ?::uuid[] as filings)
        select l.filing, l.line, l.role, l.lot, l.lot_number, l.product, l.category, l.hs_code,
            l.grade, l.quantity_grams, l.refused_grams, l.uncertainty_grams, l.unit_price, l.currency,
            {each: l.@} as elements, l.sigma_mg
        from asked
        join filing_lines l on l.organisation = any (asked.organisations)
            and l.filing = any (asked.filings)
        order by l.filing, l.line";
}

#[derive(QueryableByName)]
struct LineRow {
    #[diesel(sql_type = SqlUuid)]
    filing: Uuid,
    #[diesel(sql_type = SmallInt)]
    line: i16,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    lot: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    lot_number: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    product: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    category: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    hs_code: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    grade: Option<String>,
    #[diesel(sql_type = BigInt)]
    quantity_grams: i64,
    #[diesel(sql_type = BigInt)]
    refused_grams: i64,
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

/// The filings with their lines, those that exist.
pub(super) async fn load(
    conn: &mut AsyncPgConnection,
    filings: &[(OrganisationId, FilingId)],
) -> Result<Vec<Known>, Error> {
    let binds = || {
        let organisations = filings.iter().map(|(organisation, _)| organisation.as_uuid());
        let ids = filings.iter().map(|(_, filing)| filing.as_uuid());
        vec![Bind::Uuids(distinct(organisations)), Bind::Uuids(distinct(ids))]
    };
    let rows: Vec<FilingRow> = Ask::<Filings>::with(binds()).load(conn).await?;
    let mut lines: HashMap<Uuid, Vec<Line>> = HashMap::new();
    let line_rows: Vec<LineRow> = Ask::<Lines>::with(binds()).load(conn).await?;
    for row in line_rows {
        lines.entry(row.filing).or_default().push(line(row)?);
    }
    let known = rows.into_iter().map(|row| {
        let lines = lines.remove(&row.id).unwrap_or_default();
        known(row, lines)
    });
    Ok(known.collect::<Result<Vec<_>, CorruptRow>>()?)
}

/// Each id once: what is asked for twice is answered once.
pub(super) fn distinct(ids: impl IntoIterator<Item = Uuid>) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn known(row: FilingRow, lines: Vec<Line>) -> Result<Known, CorruptRow> {
    let reader = Reader { table: "filings", id: row.id };
    let claim = claim(reader, &row)?;
    let stages = row.stages.iter().filter_map(|stage| stage.parse().ok()).collect();
    let correction = row
        .replaces
        .zip(row.correction_reason)
        .map(|(replaces, reason)| Correction { replaces: FilingId::from_uuid(replaces), reason });
    Ok(Known {
        filing: Filing {
            id: FilingId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation),
            site: SiteId::from_uuid(row.site),
            reference: row.reference,
            version: u16::try_from(row.version).map_err(|_| reader.corrupt("version"))?,
            correction,
            happened_at: row.happened_at.into(),
            recorded_at: row.recorded_at.into(),
            month: Month::of(row.month.into()),
            channel: reader.word("channel", &row.channel)?,
            filed_by: PersonId::from_uuid(row.filed_by),
            claim,
            lines,
        },
        site_stages: stages,
        group: row.group_id.map(GroupId::from_uuid),
        is_replaced: row.is_replaced,
    })
}

fn claim(reader: Reader, row: &FilingRow) -> Result<Claim, CorruptRow> {
    let kind: FilingKind = reader.word("kind", &row.kind)?;
    let country = || reader.word("country", row.country.as_deref().unwrap_or_default());
    let declaration = || row.customs_declaration.clone();
    let movement = row.movement.map(MovementId::from_uuid);
    let beyond = || reader.word("beyond", row.beyond.as_deref().unwrap_or_default());
    Ok(match kind {
        FilingKind::Extraction => Claim::Extraction,
        FilingKind::Transformation => Claim::Transformation {
            process: reader.word("process", row.process.as_deref().unwrap_or_default())?,
        },
        FilingKind::Dispatch => Claim::Dispatch {
            client: client(reader, row)?,
            movement,
            contract: row.contract.clone(),
            invoice: row.invoice.clone(),
        },
        FilingKind::Receipt => match movement {
            Some(movement) => Claim::Receipt {
                movement,
                outcome: reader.word("outcome", row.outcome.as_deref().unwrap_or_default())?,
            },
            None => Claim::Collection { supplier: client(reader, row)?, from: beyond()? },
        },
        FilingKind::Import => Claim::Import {
            supplier: client(reader, row)?,
            declaration: declaration().ok_or_else(|| reader.corrupt("customs_declaration"))?,
            origin: country()?,
        },
        FilingKind::Export => Claim::Export {
            end_user: client(reader, row)?,
            licence: row.licence_number.clone(),
            declaration: declaration().ok_or_else(|| reader.corrupt("customs_declaration"))?,
            destination: country()?,
            invoice: row.invoice.clone(),
        },
        FilingKind::Stocktake => Claim::Stocktake,
        FilingKind::Disposal => Claim::Disposal { to: beyond()? },
        FilingKind::MonthlyReturn => {
            Claim::MonthlyReturn { nil: row.nil.ok_or_else(|| reader.corrupt("nil"))? }
        }
    })
}

fn client(reader: Reader, row: &FilingRow) -> Result<Client, CorruptRow> {
    let corrupt = || reader.corrupt("party");
    let country = row.party_country.as_deref().unwrap_or_default();
    Ok(Client {
        party: PartyId::from_uuid(row.party.ok_or_else(corrupt)?),
        name: row.party_name.clone().ok_or_else(corrupt)?,
        identifier: row.party_identifier.clone(),
        country: country.parse().map_err(|_| corrupt())?,
        organisation: row.party_organisation.map(OrganisationId::from_uuid),
    })
}

fn line(row: LineRow) -> Result<Line, CorruptRow> {
    let reader = Reader { table: "filing_lines", id: row.filing };
    let price = row.unit_price.map(|price| {
        let amount = from_numeric(&price).ok_or_else(|| reader.corrupt("unit_price"))?;
        let currency = reader.word("currency", row.currency.as_deref().unwrap_or_default())?;
        Ok(Money { amount, currency })
    });
    Ok(Line {
        number: u16::try_from(row.line).map_err(|_| reader.corrupt("line"))?,
        role: reader.word("role", &row.role)?,
        lot: row.lot.map(LotId::from_uuid),
        lot_number: row.lot_number,
        product: row.product.map(ProductId::from_uuid),
        category: reader.optional_word("category", row.category.as_deref())?,
        hs_code: reader.optional_word("hs_code", row.hs_code.as_deref())?,
        grade: row.grade,
        quantity: reader.mass("quantity_grams", row.quantity_grams)?,
        refused: reader.mass("refused_grams", row.refused_grams)?,
        uncertainty: reader.mass("uncertainty_grams", row.uncertainty_grams.unwrap_or_default())?,
        elements: elements(reader, "elements", row.elements)?,
        elements_sigma_mg: match row.sigma_mg {
            Some(sigma) => elements(reader, "sigma_mg", sigma)?.0,
            None => [0; ELEMENT_COUNT],
        },
        unit_price: price.transpose()?,
    })
}

/// Seventeen numbers as masses.
pub(super) fn elements(
    reader: Reader,
    column: &'static str,
    numbers: Vec<i64>,
) -> Result<ElementMasses, CorruptRow> {
    numbers.try_into().map(ElementMasses).map_err(|_| reader.corrupt(column))
}
