//! What a handler must know to check a filing: sites, products, lots, movements, versions.
//!
//! Everything here is read for one organisation. Lots are asked for with nearly every filing,
//! so [`LotReader`] keeps a connection of its own and answers in one round trip.

use crate::{
    CorruptRow, Error, Role, Target, act_for,
    row::{ElementColumns, Reader, element_columns, masses},
    schema::{filing_lines, filing_references, filings, organisations, postings, products, sites},
};
use diesel::{ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::Month,
    codes::{Category, FilingKind},
    composition::{Composition, StatedComposition},
    element::Element,
    flow::{FlowKey, FlowKind, FlowMass},
    identifiers::HsCode,
    ids::{FilingId, LotId, MovementId, OrganisationId, ProductId, SiteId},
    mass::{ElementMasses, Kilograms},
    movement::{MovementName, MovementReference},
    posting::{Account, Posting},
};
use futures_util::try_join;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::sync::Mutex;
use tokio_postgres::{Client, NoTls, Row, Statement};
use uuid::Uuid;

/// How long a lookup of lots may take before the database counts as unavailable.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// A product as its organisation's catalogue describes it.
#[derive(Clone, Debug)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// What kind of goods.
    pub category: Category,
    /// Its customs code.
    pub hs_code: HsCode,
    /// Its trade grade.
    pub grade: Option<String>,
    /// What it is made of unless a filing says otherwise.
    pub composition: Composition,
}

/// The latest claim of a lot.
#[derive(Clone, Debug)]
pub struct LotClaim {
    /// The lot.
    pub id: LotId,
    /// What kind of goods.
    pub category: Category,
    /// Its customs code.
    pub hs_code: Option<HsCode>,
    /// Its trade grade.
    pub grade: Option<String>,
    /// Gross mass when it was made.
    pub quantity: Kilograms,
    /// Rare earths in that mass.
    pub elements: ElementMasses,
}

/// A version of a filing that is to be corrected.
#[derive(Clone, Debug)]
pub struct Replaced {
    /// Which one.
    pub filing: FilingId,
    /// Where it was.
    pub site: SiteId,
    /// What it was filed as.
    pub kind: FilingKind,
    /// When it claimed to have happened.
    pub happened_at: Timestamp,
    /// The month it was posted to.
    pub month: Month,
    /// What it posted itself, without what undid the version before it.
    pub postings: Vec<Posting>,
    /// What it moved into and out of its site's stock.
    pub flows: BTreeMap<FlowKey, FlowMass>,
    /// The lots it made, with their numbers and categories.
    pub lots: Vec<(LotId, String, String)>,
    /// What the movement that it started is called.
    pub movement_reference: Option<MovementReference>,
}

/// A movement to an organisation that may file its receipt.
#[derive(Clone, Debug)]
pub struct IncomingMovement {
    /// The movement.
    pub id: MovementId,
    /// What the latest version of its dispatch says is under way.
    pub lots: Vec<LotClaim>,
    /// Under which reference of its own the organisation first filed a receipt of it.
    pub used_by: Option<String>,
}

/// The site that an organisation calls `code`.
pub async fn find_site(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    code: &str,
) -> Result<Option<SiteId>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let id = sites::table
            .filter(sites::organisation.eq(organisation.as_uuid()))
            .filter(sites::code.eq(code))
            .select(sites::id)
            .first::<Uuid>(conn)
            .await
            .optional()?;
        Ok(id.map(SiteId::from_uuid))
    })
    .await
}

/// The product that an organisation calls `code`.
pub async fn find_product(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    code: &str,
) -> Result<Option<Product>, Error> {
    type Columns = (Uuid, String, String, Option<String>, serde_json::Value);
    let row: Option<Columns> = conn
        .transaction(async |conn| {
            act_for(conn, &[organisation]).await?;
            products::table
                .filter(products::organisation.eq(organisation.as_uuid()))
                .filter(products::code.eq(code))
                .select((
                    products::id,
                    products::category,
                    products::hs_code,
                    products::grade,
                    products::composition,
                ))
                .first(conn)
                .await
                .optional()
                .map_err(Error::from)
        })
        .await?;
    let product = row.map(|(id, category, hs_code, grade, stated)| {
        product(id, &category, &hs_code, grade, stated)
    });
    Ok(product.transpose()?)
}

/// A product as its row tells it.
pub(crate) fn product(
    id: Uuid,
    category: &str,
    hs_code: &str,
    grade: Option<String>,
    stated: serde_json::Value,
) -> Result<Product, CorruptRow> {
    let reader = Reader { table: "products", id };
    let stated: StatedComposition =
        serde_json::from_value(stated).map_err(|_| reader.corrupt("composition"))?;
    Ok(Product {
        id: ProductId::from_uuid(id),
        category: reader.word("category", category)?,
        hs_code: reader.word("hs_code", hs_code)?,
        grade,
        composition: Composition::try_from(&stated).map_err(|_| reader.corrupt("composition"))?,
    })
}

/// The registered filer with this USCC or LEI, if there is one that has not closed.
pub async fn find_filer(
    conn: &mut AsyncPgConnection,
    identifier: &str,
) -> Result<Option<OrganisationId>, Error> {
    let id = organisations::table
        .filter(organisations::kind.eq("filer"))
        .filter(organisations::closed_at.is_null())
        .filter(organisations::uscc.eq(identifier))
        .or_filter(organisations::lei.eq(identifier))
        .select(organisations::id)
        .first::<Uuid>(conn)
        .await
        .optional()?;
    Ok(id.map(OrganisationId::from_uuid))
}

/// The given version of the filing that an organisation calls `reference`, to be corrected.
pub async fn find_replaced(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    reference: &str,
    version: u16,
) -> Result<Option<Replaced>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let owner = organisation.as_uuid();
        let found: Option<ReplacedColumns> = filing_references::table
            .inner_join(filings::table.on(filings::id.eq(filing_references::filing)))
            .filter(filing_references::organisation.eq(owner))
            .filter(filing_references::reference.eq(reference))
            .filter(filing_references::version.eq(version.cast_signed()))
            .filter(filings::organisation.eq(owner))
            .select((
                (filings::id, filings::kind, filings::happened_at, filings::month),
                (filings::process, filings::country, filings::movement, filings::site),
            ))
            .first(conn)
            .await
            .optional()?;
        let Some(found) = found else { return Ok(None) };
        let flows = flows_of(conn, organisation, &found).await?;
        let ((id, kind, happened_at, month), (.., site)) = found;
        let rows: Vec<PostingColumns> = postings::table
            .filter(postings::organisation.eq(owner))
            .filter(postings::filing.eq(id))
            .filter(postings::reversal.eq(false))
            .order(postings::posting)
            .select((
                (postings::line, postings::lot, postings::gross_grams),
                (postings::from_kind, postings::from_key, postings::to_kind, postings::to_key),
                element_columns!(postings),
            ))
            .load(conn)
            .await?;
        let lots = lots_made_by(conn, owner, id).await?;
        let movement_reference = movement_started_by(conn, owner, id).await?;
        let reader = Reader { table: "postings", id };
        let postings = posted_by(reader, rows)?;
        let kind = Reader { table: "filings", id }.word("kind", &kind)?;
        Ok(Some(Replaced {
            filing: FilingId::from_uuid(id),
            site: SiteId::from_uuid(site),
            kind,
            happened_at: happened_at.to_jiff(),
            month: Month::of(month.to_jiff()),
            postings,
            flows,
            lots,
            movement_reference,
        }))
    })
    .await
}

type ReplacedColumns = (
    (Uuid, String, jiff_diesel::Timestamp, jiff_diesel::Date),
    (Option<String>, Option<String>, Option<Uuid>, Uuid),
);

/// What the lines of a stored filing moved into and out of its site's stock.
async fn flows_of(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    ((id, kind, _, month), (process, country, movement, site)): &ReplacedColumns,
) -> Result<BTreeMap<FlowKey, FlowMass>, Error> {
    let rows: Vec<(String, Option<String>, i64, ElementColumns)> = filing_lines::table
        .filter(filing_lines::organisation.eq(organisation.as_uuid()))
        .filter(filing_lines::filing.eq(id))
        .select((
            filing_lines::role,
            filing_lines::category,
            filing_lines::quantity_grams,
            element_columns!(filing_lines),
        ))
        .load(conn)
        .await?;
    let header = Reader { table: "filings", id: *id };
    let line = Reader { table: "filing_lines", id: *id };
    let kind = header.word("kind", kind)?;
    let process = header.optional_word("process", process.as_deref())?;
    let country = header.optional_word("country", country.as_deref())?;
    let mut flows: BTreeMap<FlowKey, FlowMass> = BTreeMap::new();
    for (role, category, gross_grams, elements) in rows {
        let role = line.word("role", &role)?;
        let Some(kind) = FlowKind::of(kind, role, movement.is_some()) else { continue };
        let key = FlowKey {
            organisation,
            month: Month::of(month.to_jiff()),
            kind,
            process,
            category: line.optional_word("category", category.as_deref())?,
            country,
            site: SiteId::from_uuid(*site),
        };
        let sum = flows.entry(key).or_default();
        *sum = sum.plus(FlowMass { gross_grams, elements: masses(elements) });
    }
    Ok(flows)
}

type PostingColumns = ((i16, Option<Uuid>, i64), (String, Uuid, String, Uuid), ElementColumns);

fn posted_by(reader: Reader, rows: Vec<PostingColumns>) -> Result<Vec<Posting>, CorruptRow> {
    rows.into_iter()
        .map(|((line, lot, gross_grams), (from_kind, from_key, to_kind, to_key), elements)| {
            Ok(Posting {
                line: u16::try_from(line).map_err(|_| reader.corrupt("line"))?,
                lot: lot.map(LotId::from_uuid),
                from: Account { kind: reader.word("from_kind", &from_kind)?, key: from_key },
                to: Account { kind: reader.word("to_kind", &to_kind)?, key: to_key },
                gross_grams,
                elements: masses(elements),
            })
        })
        .collect()
}

/// What the movement that a filing started is called.
async fn movement_started_by(
    conn: &mut AsyncPgConnection,
    owner: Uuid,
    filing: Uuid,
) -> Result<Option<MovementReference>, Error> {
    use crate::schema::movements;
    let reference: Option<String> = movements::table
        .filter(movements::organisation.eq(owner))
        .filter(movements::filing.eq(filing))
        .select(movements::reference)
        .first(conn)
        .await
        .optional()?;
    let reader = Reader { table: "movements", id: filing };
    Ok(reference.map(|text| reader.word("reference", &text)).transpose()?)
}

async fn lots_made_by(
    conn: &mut AsyncPgConnection,
    owner: Uuid,
    filing: Uuid,
) -> Result<Vec<(LotId, String, String)>, Error> {
    use crate::schema::lots;
    let rows: Vec<(Uuid, String, String)> = lots::table
        .filter(lots::organisation.eq(owner))
        .filter(lots::filing.eq(filing))
        .select((lots::id, lots::number, lots::category))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(id, number, kind)| (LotId::from_uuid(id), number, kind)).collect())
}

/// Answers what lots and movements are, on a connection of its own.
#[derive(Clone, Debug)]
pub struct LotReader {
    target: Target,
    connection: Arc<Mutex<Option<Arc<Prepared>>>>,
}

#[derive(Debug)]
struct Prepared {
    client: Client,
    claimed_lots: Statement,
    moved_lines: Statement,
    moved_lines_by_reference: Statement,
    used_by: Statement,
}

type Parameters<'a> = &'a [&'a (dyn postgres_types::ToSql + Sync)];

impl LotReader {
    /// Connects when first asked.
    pub fn new(target: Target) -> Self {
        Self { target, connection: Arc::default() }
    }

    /// The latest claims of those of these lots that the organisation made or was sent.
    pub async fn lots(
        &self,
        organisation: OrganisationId,
        lots: &[LotId],
    ) -> Result<HashMap<LotId, LotClaim>, Error> {
        if lots.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<Uuid> = lots.iter().map(|lot| lot.as_uuid()).collect();
        let rows = self.ask(organisation, |prepared| &prepared.claimed_lots, &ids).await?;
        rows.iter().map(|row| claim("lots", row).map(|claim| (claim.id, claim))).collect()
    }

    /// The movement of this name to the organisation, with what the latest version of its dispatch
    /// says is under way.
    pub async fn movement(
        &self,
        organisation: OrganisationId,
        name: MovementName,
    ) -> Result<Option<IncomingMovement>, Error> {
        let (id, reference) = match name {
            MovementName::Id(id) => (Some(id.as_uuid()), None),
            MovementName::Reference(reference) => (None, Some(reference.compact())),
        };
        let asking = organisation.as_uuid();
        let ask = async {
            let Prepared { client, moved_lines, moved_lines_by_reference, used_by, .. } =
                &*self.prepared().await?;
            let by_id: Parameters = &[&asking, &id];
            let by_reference: Parameters = &[&asking, &reference];
            let by_either: Parameters = &[&asking, &id, &reference];
            let lines = async {
                match id {
                    Some(_) => client.query(moved_lines, by_id).await,
                    None => client.query(moved_lines_by_reference, by_reference).await,
                }
            };
            // Sent together: one round trip.
            Ok(try_join!(lines, client.query_one(used_by, by_either))?)
        };
        let (lines, used_by) = in_time(ask).await?;
        let mine = |row: &&Row| row.get::<_, Uuid>("buyer_organisation") == asking;
        let lots: Vec<LotClaim> = lines
            .iter()
            .filter(mine)
            .map(|row| claim("movement_lines", row))
            .collect::<Result<_, _>>()?;
        let first = lines.iter().find(mine);
        let id = first.map(|row| MovementId::from_uuid(row.get("movement")));
        Ok(id.map(|id| IncomingMovement { id, lots, used_by: used_by.get(0) }))
    }

    async fn ask(
        &self,
        organisation: OrganisationId,
        statement: fn(&Prepared) -> &Statement,
        wanted: &(dyn postgres_types::ToSql + Sync),
    ) -> Result<Vec<Row>, Error> {
        let ask = async {
            let prepared = self.prepared().await?;
            let organisation = organisation.as_uuid();
            let statement = statement(&prepared);
            Ok(prepared.client.query(statement, &[&organisation, wanted]).await?)
        };
        in_time(ask).await
    }

    /// The connection, made anew when it has gone.
    async fn prepared(&self) -> Result<Arc<Prepared>, Error> {
        let mut slot = self.connection.lock().await;
        if let Some(prepared) = slot.as_ref().filter(|prepared| !prepared.client.is_closed()) {
            return Ok(Arc::clone(prepared));
        }
        let url = self.target.url_as(Role::Reporting);
        let (client, connection) = tokio_postgres::connect(url.expose_secret(), NoTls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the lot reader's connection ended"
                );
            }
        });
        let claimed_lots = client.prepare("select * from claimed_lots($1, $2)").await?;
        let moved_lines = client.prepare("select * from moved_lines($1, $2)").await?;
        let moved_lines_by_reference =
            client.prepare("select * from moved_lines_by_reference($1, $2)").await?;
        let used_by = client.prepare("select movement_used_by($1, $2, $3)").await?;
        let prepared = Arc::new(Prepared {
            client,
            claimed_lots,
            moved_lines,
            moved_lines_by_reference,
            used_by,
        });
        *slot = Some(Arc::clone(&prepared));
        Ok(prepared)
    }
}

/// What was found, unless it took too long.
async fn in_time<T>(found: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(LOOKUP_TIMEOUT, found)
        .await
        .unwrap_or_else(|elapsed| Err(Error::Unavailable(elapsed.into())))
}

/// A lot as `lots` or `movement_lines` tells it.
pub(crate) fn claim(table: &'static str, row: &Row) -> Result<LotClaim, Error> {
    let id: Uuid = row.get(if table == "lots" { "id" } else { "lot" });
    let reader = Reader { table, id };
    let column = |element: Element| format!("{}_mg", element.symbol().to_ascii_lowercase());
    let category: Option<String> = row.get("category");
    let hs_code: Option<String> = row.get("hs_code");
    Ok(LotClaim {
        id: LotId::from_uuid(id),
        category: reader.word("category", category.as_deref().unwrap_or_default())?,
        hs_code: reader.optional_word("hs_code", hs_code.as_deref())?,
        grade: row.get("grade"),
        quantity: reader.mass("quantity_grams", row.get("quantity_grams"))?,
        elements: ElementMasses(Element::ALL.map(|element| row.get(column(element).as_str()))),
    })
}
