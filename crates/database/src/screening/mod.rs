//! What the worker must know to judge filings and applications, read for a whole batch at once.
//!
//! A handful of statements whatever the size of the batch, none for a detector or a filing of its
//! own; what a batch does not need is not asked. Everything is the present state: whoever arrives
//! late is judged by what is known then, and so are its counterparts.

mod applications;
pub(crate) mod ask;
mod balances;
mod border;
mod departures;
mod exporters;
mod filings;
mod law;
mod licences;
mod movements;
mod others;
mod prices;
mod stocks;

pub use departures::departures;

use crate::{
    Error, matching,
    schema::{application_assessments, findings, screenings},
};
use diesel::{
    ExpressionMethods, OptionalExtension, PgJsonbExpressionMethods, QueryDsl, QueryableByName,
    sql_types::{Array, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::{Month, beijing_date},
    filing::{Claim, Filing},
    ids::{CaseId, FilingId, LicenceId, MovementId, OrganisationId, SiteId},
};
use filings::{Known, distinct};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use rules::{ApplicationContext, Assessment, FilingContext, SiteMonth, UseContext};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use uuid::Uuid;

/// Reads contexts, and remembers from batch to batch what seldom changes.
#[derive(Debug, Default)]
pub struct Loader {
    market: prices::Market,
    lawbook: law::Lawbook,
}

/// Filings as they were found.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Those that stand, ready to be judged.
    pub contexts: Vec<FilingContext>,
    /// Those that a later version replaced; what was found about them no longer counts.
    pub replaced: Vec<FilingId>,
}

impl Loader {
    /// Reads filings with everything that is needed to judge them.
    pub async fn filings(
        &mut self,
        conn: &mut AsyncPgConnection,
        asked: &[(OrganisationId, FilingId)],
        now: Timestamp,
    ) -> Result<Loaded, Error> {
        if asked.is_empty() {
            return Ok(Loaded::default());
        }
        let law = self.lawbook.in_force(conn, now).await?;
        let found = filings::load(conn, asked).await?;
        let (replaced, known): (Vec<Known>, Vec<Known>) =
            found.into_iter().partition(|it| it.is_replaced);
        let replaced = replaced.into_iter().map(|it| it.filing.id).collect();
        if known.is_empty() {
            return Ok(Loaded { contexts: Vec::new(), replaced });
        }
        let mut stocks = stocks::load(conn, &known).await?;
        let mut similar = others::similar(conn, &known).await?;
        let prices = self.market.prices(conn, &known, now).await?;
        let movements = movements::load(conn, &known).await?;
        let mut exports = licences::exports(conn, &known, &law).await?;
        let settlements = matching::settlements(conn, &moved(&known)).await?;
        let declared = matching::declared(conn, declarations(&known)).await?;
        let mut recent = others::recent(conn, &known, &law.parameters).await?;
        let months = balances::months(conn, &known).await?;
        let quotas = balances::quotas(conn, &known).await?;
        let contexts = known.into_iter().map(|it| {
            let id = it.filing.id;
            let similar = similar.remove(&id).unwrap_or_default();
            FilingContext {
                stocks: stocks.remove(&id).unwrap_or_default(),
                site_month: month_of(&it.filing, &months),
                quotas: quotas
                    .iter()
                    .filter(|stand| Some(stand.group) == it.group && stand.year == year(&it.filing))
                    .cloned()
                    .collect(),
                same_invoice: similar.same_invoice,
                same_moment: similar.same_moment,
                prices: Arc::clone(&prices),
                movement: movements::movement_of(&it.filing.claim)
                    .and_then(|movement| movements.get(&movement).cloned()),
                settlement: movements::movement_of(&it.filing.claim)
                    .and_then(|movement| settlements.get(&movement).cloned()),
                declared: declaration_of(&it.filing)
                    .and_then(|number| declared.get(number).cloned()),
                export: exports.remove(&id),
                recent: recent.remove(&id).unwrap_or_default(),
                law: Arc::clone(&law),
                site_stages: it.site_stages,
                group: it.group,
                filing: it.filing,
            }
        });
        Ok(Loaded { contexts: contexts.collect(), replaced })
    }

    /// Reads applications with everything that is needed to assess them.
    pub async fn applications(
        &mut self,
        conn: &mut AsyncPgConnection,
        asked: &[CaseId],
        now: Timestamp,
    ) -> Result<Vec<ApplicationContext>, Error> {
        let law = self.lawbook.in_force(conn, now).await?;
        applications::load(conn, asked, &law, now).await
    }

    /// What left under these licences, by declaration, as it is judged now.
    pub async fn uses(
        &mut self,
        conn: &mut AsyncPgConnection,
        licences: &[LicenceId],
        now: Timestamp,
    ) -> Result<Vec<UseContext>, Error> {
        let law = self.lawbook.in_force(conn, now).await?;
        border::of_licences(conn, licences, &law, beijing_date(now)).await
    }

    /// What left under licences and has become due to be filed or to have arrived.
    pub async fn due_uses(
        &mut self,
        conn: &mut AsyncPgConnection,
        now: Timestamp,
    ) -> Result<Vec<UseContext>, Error> {
        let law = self.lawbook.in_force(conn, now).await?;
        border::due(conn, &law, beijing_date(now)).await
    }

    /// Open applications, and those behind licences that hold, that name somebody on a list as it
    /// is now, or were found to: with their versions.
    pub async fn named_on_lists(
        &mut self,
        conn: &mut AsyncPgConnection,
        now: Timestamp,
    ) -> Result<Vec<(CaseId, u32)>, Error> {
        let law = self.lawbook.in_force(conn, now).await?;
        applications::named_on_lists(conn, &law, beijing_date(now)).await
    }
}

/// The movements that these filings start or end, each once.
fn moved(known: &[Known]) -> Vec<MovementId> {
    let named = known.iter().filter_map(|it| movements::movement_of(&it.filing.claim));
    let ids = distinct(named.map(MovementId::as_uuid));
    ids.into_iter().map(MovementId::from_uuid).collect()
}

/// The customs declarations that the exports among these name.
fn declarations(known: &[Known]) -> BTreeSet<&str> {
    known.iter().filter_map(|it| declaration_of(&it.filing)).collect()
}

fn declaration_of(filing: &Filing) -> Option<&str> {
    match &filing.claim {
        Claim::Export { declaration, .. } => Some(declaration),
        _ => None,
    }
}

fn month_of(filing: &Filing, months: &BTreeMap<(SiteId, Month), SiteMonth>) -> Option<SiteMonth> {
    let bears = matches!(filing.claim, Claim::Transformation { .. } | Claim::MonthlyReturn { .. });
    months.get(&(filing.site, filing.month)).filter(|_| bears).cloned()
}

fn year(filing: &Filing) -> i16 {
    beijing_date(filing.happened_at).year()
}

/// The exports that name one of these licences and still stand.
pub async fn exports_under(
    conn: &mut AsyncPgConnection,
    licences: &[LicenceId],
) -> Result<Vec<(OrganisationId, FilingId)>, Error> {
    if licences.is_empty() {
        return Ok(Vec::new());
    }
    licences::exports_under(conn, licences).await
}

/// What these filings replaced, and the filings that were compared with what they replaced: those
/// found to be the same, and those that one paper covered together with it. They must be judged
/// anew.
pub async fn touched_by_correction(
    conn: &mut AsyncPgConnection,
    corrections: &[(OrganisationId, FilingId)],
) -> Result<Vec<(OrganisationId, FilingId)>, Error> {
    use crate::schema::filings as table;
    if corrections.is_empty() {
        return Ok(Vec::new());
    }
    let organisations =
        distinct(corrections.iter().map(|(organisation, _)| organisation.as_uuid()));
    let filings = distinct(corrections.iter().map(|(_, filing)| filing.as_uuid()));
    let replaced: Vec<(Uuid, Option<Uuid>)> = table::table
        .filter(table::organisation.eq_any(organisations))
        .filter(table::id.eq_any(filings))
        .filter(table::replaces.is_not_null())
        .select((table::organisation, table::replaces))
        .load(conn)
        .await?;
    let mut touched = sharing_a_paper(conn, &replaced).await?;
    for (organisation, replaced) in replaced {
        let Some(replaced) = replaced else { continue };
        touched.push((OrganisationId::from_uuid(organisation), FilingId::from_uuid(replaced)));
        let mentioned = serde_json::json!({ "others": [{ "filing": replaced }] });
        let subjects: Vec<Uuid> = findings::table
            .filter(findings::organisation.eq(organisation))
            .filter(findings::detector.eq_any(["duplicate_invoice", "duplicate_filing"]))
            .filter(findings::state.eq_any(["open", "under_review"]))
            .filter(findings::evidence.contains(mentioned))
            .select(findings::subject)
            .load(conn)
            .await?;
        let organisation = OrganisationId::from_uuid(organisation);
        touched.extend(subjects.into_iter().map(|id| (organisation, FilingId::from_uuid(id))));
    }
    Ok(touched)
}

#[derive(QueryableByName)]
struct SharingRow {
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = SqlUuid)]
    filing: Uuid,
}

/// Filings that still stand and name the invoice or the customs declaration of these.
async fn sharing_a_paper(
    conn: &mut AsyncPgConnection,
    replaced: &[(Uuid, Option<Uuid>)],
) -> Result<Vec<(OrganisationId, FilingId)>, Error> {
    let filings: Vec<Uuid> = replaced.iter().filter_map(|(_, filing)| *filing).collect();
    let organisations = distinct(replaced.iter().map(|(organisation, _)| *organisation));
    if filings.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<SharingRow> = diesel::sql_query(
        "select f.organisation, f.id as filing
        from lodestone.filings old
        join lodestone.filings f on f.organisation = old.organisation and f.id <> old.id
            and (f.invoice = old.invoice or f.customs_declaration = old.customs_declaration)
        where old.organisation = any ($1) and old.id = any ($2) and f.kind in ('dispatch', 'export')
            and not exists (select from lodestone.filing_references newer
                where newer.organisation = f.organisation and newer.reference = f.reference
                    and newer.version = f.version + 1)",
    )
    .bind::<Array<SqlUuid>, _>(organisations)
    .bind::<Array<SqlUuid>, _>(filings)
    .load(conn)
    .await?;
    let named = |row: SharingRow| {
        (OrganisationId::from_uuid(row.organisation), FilingId::from_uuid(row.filing))
    };
    Ok(rows.into_iter().map(named).collect())
}

/// A message that was judged.
#[derive(Clone, Copy, Debug)]
pub struct Screening<'a> {
    /// Which message.
    pub message: Uuid,
    /// What it told.
    pub event: &'a str,
    /// What it was about.
    pub subject: Uuid,
    /// How many findings hold for it.
    pub findings: usize,
}

/// Notes what was judged, in the transaction of the judgement.
pub async fn note(
    conn: &mut AsyncPgConnection,
    judged: &[Screening<'_>],
    now: Timestamp,
) -> Result<(), Error> {
    let rows: Vec<_> = judged
        .iter()
        .map(|screening| {
            (
                screenings::message.eq(screening.message),
                screenings::event.eq(screening.event),
                screenings::subject.eq(screening.subject),
                screenings::findings.eq(i32::try_from(screening.findings).unwrap_or(i32::MAX)),
                screenings::screened_at.eq(now.to_diesel()),
            )
        })
        .collect();
    diesel::insert_into(screenings::table).values(rows).execute(conn).await?;
    Ok(())
}

/// Stores the assessment of one version of an application, made because it was submitted or, with a
/// `cause`, because a list changed. `false` if it has one for that, or one that says the same.
pub async fn store_assessment(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    (case, version): (CaseId, u32),
    cause: Option<Uuid>,
    assessment: &Assessment,
    now: Timestamp,
) -> Result<bool, Error> {
    let reasons = serde_json::to_value(&assessment.reasons).expect("reasons are valid JSON");
    if cause.is_some() {
        let latest: Option<(String, serde_json::Value)> = application_assessments::table
            .filter(application_assessments::case_id.eq(case.as_uuid()))
            .order((
                application_assessments::case_version.desc(),
                application_assessments::assessed_at.desc(),
            ))
            .select((application_assessments::risk, application_assessments::reasons))
            .first(conn)
            .await
            .optional()?;
        if latest.is_some_and(|it| it == (assessment.risk.as_str().to_owned(), reasons.clone())) {
            return Ok(false);
        }
    }
    let stored = diesel::insert_into(application_assessments::table)
        .values((
            application_assessments::id.eq(id),
            application_assessments::case_id.eq(case.as_uuid()),
            application_assessments::case_version.eq(i32::try_from(version).unwrap_or(i32::MAX)),
            application_assessments::risk.eq(assessment.risk.as_str()),
            application_assessments::reasons.eq(reasons),
            application_assessments::assessed_at.eq(now.to_diesel()),
            application_assessments::cause.eq(cause.unwrap_or_default()),
        ))
        .on_conflict((
            application_assessments::case_id,
            application_assessments::case_version,
            application_assessments::cause,
        ))
        .do_nothing()
        .execute(conn)
        .await?;
    Ok(stored == 1)
}

diesel::define_sql_function! {
    /// Waits for a lock and holds it to the end of the transaction.
    fn pg_advisory_xact_lock(key: diesel::sql_types::BigInt);
}

/// Any number will do, as long as nothing else uses it.
const JUDGING: i64 = 0x6c6f_6465_7374_6f6e;

/// Waits until no other transaction judges, so that nobody stores what an older look said over
/// what a newer one did. Call it before anything is read.
pub async fn judge_alone(conn: &mut AsyncPgConnection) -> Result<(), Error> {
    diesel::select(pg_advisory_xact_lock(JUDGING)).execute(conn).await?;
    Ok(())
}
