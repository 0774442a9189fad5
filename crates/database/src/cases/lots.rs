//! The reported lots that an application cites, with what they rest on: one statement.
//!
//! The walk and what officers may be told of it are one function in the database (`cited_lots`, in
//! the migrations), which asks as the exporter would. It is asked only for applications that cite any.

use crate::{
    CorruptRow, Error,
    row::Reader,
    screening::ask::{Ask, Bind, Statement},
    trace::Before,
};
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Date, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::Month,
    element::ELEMENT_COUNT,
    ids::{CaseId, FilingId, LotId, OrganisationId, SiteId},
    mass::{ElementMasses, Kilograms},
    trace::{Maker, Recorded, RecordedLine},
};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Transformations behind all cited lots together, about; of each at least [`EACH_AT_LEAST`].
const FILINGS_LIMIT: usize = 4_000;
const EACH_AT_LEAST: usize = 100;

/// A cited lot that its exporter may know, and what it was made from.
#[derive(Clone, Debug)]
pub struct CitedClaim {
    /// Its maker's number for it.
    pub number: String,
    /// Gross mass when it was made.
    pub quantity: Kilograms,
    /// What it holds.
    pub elements: ElementMasses,
    /// What the exporter's sites hold of it by all postings, in grams; negative when more left than came.
    pub stock_grams: i64,
    /// What other open applications of the exporter cite of it, in grams.
    pub cited_by_exporter_grams: i64,
    /// What open applications of others cite of it, in grams.
    pub cited_by_others_grams: i64,
    /// The standing transformations behind it.
    pub recorded: Vec<Recorded>,
    /// Who made the lots that nothing is told to have been made into.
    pub makers: HashMap<LotId, Maker>,
    /// Whether that is all.
    pub is_complete: bool,
}

/// What is known of the lots that an application cites.
#[derive(Clone, Debug, Default)]
pub struct CitedLots {
    /// Those that the exporter may know.
    pub claims: BTreeMap<LotId, CitedClaim>,
    /// What organisations are called, in Chinese and English.
    pub names: BTreeMap<OrganisationId, (String, String)>,
}

struct Cited;

impl Statement for Cited {
    const TEXT: &'static str = "select * from cited_lots(?, ?, ?::int)";
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    part: String,
    #[diesel(sql_type = SqlUuid)]
    cited: Uuid,
    #[diesel(sql_type = SqlUuid)]
    filing: Uuid,
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = SqlUuid)]
    site: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    process: Option<String>,
    #[diesel(sql_type = Nullable<Date>)]
    month: Option<jiff_diesel::Date>,
    #[diesel(sql_type = Nullable<Text>)]
    role: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    lot: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    number: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    kind: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    name_zh: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    name_en: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    quantity_grams: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    stock_grams: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    cited_by_exporter_grams: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    cited_by_others_grams: Option<i64>,
    #[diesel(sql_type = Nullable<Array<BigInt>>)]
    elements_mg: Option<Vec<i64>>,
}

/// Reads what the lots of an application rest on, as it is told at a moment. `lots` says how many
/// it cites. One statement.
pub async fn cited_lots(
    conn: &mut AsyncPgConnection,
    case: CaseId,
    lots: usize,
    now: Timestamp,
) -> Result<CitedLots, Error> {
    let most = (FILINGS_LIMIT / lots.max(1)).max(EACH_AT_LEAST);
    // What was recorded in this very millisecond counts.
    let end = now.checked_add(jiff::SignedDuration::from_millis(1)).unwrap_or(now);
    let binds = vec![
        Bind::Uuid(Some(case.as_uuid())),
        Bind::Uuid(Some(Before::moment(end).first_id().as_uuid())),
        Bind::Number(i64::try_from(most).unwrap_or(i64::MAX)),
    ];
    let rows: Vec<Row> = Ask::<Cited>::with(binds).load(conn).await?;
    let mut cited = CitedLots::default();
    let (lots, others): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.part == "lot");
    for row in lots {
        cited.claims.insert(LotId::from_uuid(row.cited), claim(row)?);
    }
    let mut lines: BTreeMap<LotId, usize> = BTreeMap::new();
    let mut places: HashMap<(LotId, Uuid), usize> = HashMap::new();
    for row in others {
        let lot = LotId::from_uuid(row.cited);
        let Some(claim) = cited.claims.get_mut(&lot) else { continue };
        if row.part == "line" {
            *lines.entry(lot).or_default() += 1;
            let place = *places.entry((lot, row.filing)).or_insert(claim.recorded.len());
            add_line(&mut claim.recorded, place, &row)?;
        } else {
            let maker = OrganisationId::from_uuid(row.organisation);
            let (zh, en) = (row.name_zh.clone(), row.name_en.clone());
            cited.names.insert(maker, (zh.unwrap_or_default(), en.unwrap_or_default()));
            let made_by = reader(&row).optional_word("kind", row.kind.as_deref())?;
            let begun = row.lot.ok_or_else(|| reader(&row).corrupt("lot"))?;
            claim.makers.insert(LotId::from_uuid(begun), Maker { organisation: maker, made_by });
        }
    }
    for (lot, claim) in &mut cited.claims {
        let lines = lines.get(lot).copied().unwrap_or_default();
        claim.is_complete = claim.recorded.len() <= most && lines < 4 * most;
    }
    Ok(cited)
}

const fn reader(row: &Row) -> Reader {
    Reader { table: "lots", id: row.cited }
}

fn claim(row: Row) -> Result<CitedClaim, CorruptRow> {
    let reader = reader(&row);
    let elements = masses(&row)?;
    let grams = |column, grams: Option<i64>| grams.ok_or_else(|| reader.corrupt(column));
    Ok(CitedClaim {
        quantity: reader.mass("quantity_grams", grams("quantity_grams", row.quantity_grams)?)?,
        stock_grams: grams("stock_grams", row.stock_grams)?,
        cited_by_exporter_grams: grams("cited_by_exporter_grams", row.cited_by_exporter_grams)?,
        cited_by_others_grams: grams("cited_by_others_grams", row.cited_by_others_grams)?,
        number: row.number.unwrap_or_default(),
        elements,
        recorded: Vec::new(),
        makers: HashMap::new(),
        is_complete: true,
    })
}

/// Adds a line to the transformation at a place, or begins that.
fn add_line(recorded: &mut Vec<Recorded>, place: usize, row: &Row) -> Result<(), CorruptRow> {
    let reader = Reader { table: "filing_lines", id: row.filing };
    let line = RecordedLine {
        role: reader.word("role", row.role.as_deref().unwrap_or_default())?,
        lot: row.lot.map(LotId::from_uuid),
        elements: masses(row)?,
    };
    if let Some(known) = recorded.get_mut(place) {
        known.lines.push(line);
        return Ok(());
    }
    let month = row.month.ok_or_else(|| reader.corrupt("month"))?;
    recorded.push(Recorded {
        filing: FilingId::from_uuid(row.filing),
        organisation: OrganisationId::from_uuid(row.organisation),
        site: SiteId::from_uuid(row.site),
        process: reader.word("process", row.process.as_deref().unwrap_or_default())?,
        month: Month::of(month.to_jiff()),
        lines: vec![line],
    });
    Ok(())
}

fn masses(row: &Row) -> Result<ElementMasses, CorruptRow> {
    let corrupt = || reader(row).corrupt("elements_mg");
    let masses: [i64; ELEMENT_COUNT] =
        row.elements_mg.clone().ok_or_else(corrupt)?.try_into().map_err(|_| corrupt())?;
    Ok(ElementMasses(masses))
}
