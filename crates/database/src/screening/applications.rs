//! Applications with what is known of their exporter.

use super::exporters;
use crate::{
    CorruptRow, Error,
    row::Reader,
    schema::{cases, findings},
};
use diesel::{
    ExpressionMethods, QueryDsl, QueryableByName,
    sql_types::{BigInt, Bool, Date as SqlDate, Integer, Jsonb, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    application::{Draft, PartyPart},
    calendar_month::beijing_date,
    case::StateName,
    ids::{CaseId, OrganisationId},
};
use jiff::{SignedDuration, Timestamp, civil::Date};
use rules::{
    ApplicationContext, ApplicationParty, Law, NamedParty, OpenFinding, OtherApplication,
    PartyRole, normalised_name,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use uuid::Uuid;

/// Findings of an exporter, and other applications, that are read at most.
const MOST: i64 = 1_000;
/// No rule looks further back.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(24 * 366);

type CaseRow = (Uuid, Uuid, Option<jiff_diesel::Timestamp>, serde_json::Value);

/// A submitted application as it was read.
pub(super) struct Submitted {
    pub(super) case: CaseId,
    pub(super) organisation: OrganisationId,
    pub(super) at: Timestamp,
    pub(super) draft: Draft,
}

/// The contexts of those of these cases that were submitted.
pub(super) async fn load(
    conn: &mut AsyncPgConnection,
    asked: &[CaseId],
    law: &Arc<Law>,
    now: Timestamp,
) -> Result<Vec<ApplicationContext>, Error> {
    let ids: Vec<Uuid> = asked.iter().map(|case| case.as_uuid()).collect();
    let rows: Vec<CaseRow> = cases::table
        .filter(cases::id.eq_any(ids))
        .filter(cases::submitted_at.is_not_null())
        .select((cases::id, cases::organisation, cases::submitted_at, cases::content))
        .load(conn)
        .await?;
    let applications = read(rows)?;
    let exporters: HashSet<OrganisationId> =
        applications.iter().map(|it| it.organisation).collect();
    let exporters: Vec<Uuid> = exporters.into_iter().map(OrganisationId::as_uuid).collect();
    let open = open_findings(conn, &exporters).await?;
    let earliest = applications.iter().map(|it| it.at).min().unwrap_or(Timestamp::MAX);
    let others = others(conn, &exporters, earliest).await?;
    let approved = approved(conn, &exporters).await?;
    let known = exporters::load(conn, &exporters, beijing_date(earliest)).await?;
    let mut destinations = HashMap::new();
    for application in &applications {
        let stand = exporters::destination(conn, application, law).await?;
        destinations.insert(application.case, stand);
    }
    let contexts = applications.iter().map(|application| ApplicationContext {
        case: application.case,
        organisation: application.organisation,
        submitted_on: beijing_date(application.at),
        judged_on: beijing_date(now),
        grams: grams(&application.draft),
        reports: known.reports(application.organisation, application.at, law),
        stock_grams: known.stock_grams(application.organisation),
        destination: destinations.remove(&application.case).flatten(),
        approved_alike: count(approved.iter().filter(|other| is_alike(application, other))),
        parties: application.draft.parties().map(named).collect(),
        open_findings: open.get(&application.organisation).cloned().unwrap_or_default(),
        others: others
            .iter()
            .filter(|other| other.organisation == application.organisation)
            .filter(|other| other.case != application.case && shares_end_user(other, application))
            .map(|other| OtherApplication {
                case: other.case,
                submitted_on: beijing_date(other.at),
                grams: grams(&other.draft),
            })
            .collect(),
        law: Arc::clone(law),
    });
    Ok(contexts.collect())
}

fn read(rows: Vec<CaseRow>) -> Result<Vec<Submitted>, CorruptRow> {
    rows.into_iter()
        .map(|(id, organisation, at, content)| {
            let reader = Reader { table: "cases", id };
            Ok(Submitted {
                case: CaseId::from_uuid(id),
                organisation: OrganisationId::from_uuid(organisation),
                at: at.ok_or_else(|| reader.corrupt("submitted_at"))?.into(),
                draft: serde_json::from_value(content).map_err(|_| reader.corrupt("content"))?,
            })
        })
        .collect()
}

async fn open_findings(
    conn: &mut AsyncPgConnection,
    exporters: &[Uuid],
) -> Result<HashMap<OrganisationId, Vec<OpenFinding>>, Error> {
    let rows: Vec<(Uuid, Option<Uuid>, String, String)> = findings::table
        .filter(findings::organisation.eq_any(exporters))
        .filter(findings::state.eq_any(["open", "under_review"]))
        .filter(findings::subject_kind.ne("application"))
        .order(findings::raised_at.desc())
        .limit(MOST)
        .select((findings::id, findings::organisation, findings::detector, findings::severity))
        .load(conn)
        .await?;
    let mut open: HashMap<OrganisationId, Vec<OpenFinding>> = HashMap::new();
    for (id, organisation, detector, severity) in rows {
        let severity = Reader { table: "findings", id }.word("severity", &severity)?;
        if let Some(organisation) = organisation {
            let of_exporter = open.entry(OrganisationId::from_uuid(organisation)).or_default();
            of_exporter.push(OpenFinding { detector, severity });
        }
    }
    Ok(open)
}

async fn others(
    conn: &mut AsyncPgConnection,
    exporters: &[Uuid],
    earliest: Timestamp,
) -> Result<Vec<Submitted>, Error> {
    let since = earliest.checked_sub(LOOK_BACK).unwrap_or(Timestamp::MIN);
    let rows: Vec<CaseRow> = cases::table
        .filter(cases::organisation.eq_any(exporters))
        .filter(cases::submitted_at.ge(jiff_diesel::Timestamp::from(since)))
        .order(cases::id.desc())
        .limit(MOST)
        .select((cases::id, cases::organisation, cases::submitted_at, cases::content))
        .load(conn)
        .await?;
    Ok(read(rows)?)
}

/// Applications of these exporters that were approved.
async fn approved(
    conn: &mut AsyncPgConnection,
    exporters: &[Uuid],
) -> Result<Vec<Submitted>, Error> {
    let rows: Vec<CaseRow> = cases::table
        .filter(cases::organisation.eq_any(exporters))
        .filter(cases::state.eq(StateName::Approved.as_str()))
        .filter(cases::submitted_at.is_not_null())
        .order(cases::id.desc())
        .limit(MOST)
        .select((cases::id, cases::organisation, cases::submitted_at, cases::content))
        .load(conn)
        .await?;
    Ok(read(rows)?)
}

/// Whether an application asks for nothing that this earlier one did not: the same destination, no
/// other party, no other goods.
fn is_alike(application: &Submitted, earlier: &Submitted) -> bool {
    let names = |draft: &Draft| -> HashSet<String> {
        draft.parties().map(|(_, party)| normalised_name(&party.name)).collect()
    };
    let codes = |draft: &Draft| -> HashSet<Option<String>> {
        let codes = draft.lines.iter().map(|line| line.control_code.as_ref());
        codes.map(|code| code.map(ToString::to_string)).collect()
    };
    let (one, other) = (&application.draft, &earlier.draft);
    application.organisation == earlier.organisation
        && application.case != earlier.case
        && earlier.at < application.at
        && one.destination == other.destination
        && !one.end_users.is_empty()
        && names(one).is_subset(&names(other))
        && codes(one).is_subset(&codes(other))
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

/// Open applications, and those behind licences that hold on a day, that name somebody on a list,
/// or were found to: with their versions. All of them are read, a page at a time.
pub(super) async fn named_on_lists(
    conn: &mut AsyncPgConnection,
    law: &Law,
    today: Date,
) -> Result<Vec<(CaseId, u32)>, Error> {
    const PAGE: &str = "select application.id, application.version, application.content,
            exists (select from lodestone.findings found where found.subject_kind = 'application'
                and found.subject = application.id and found.detector = 'party_on_list'
                and found.state in ('open', 'under_review')) as is_found
        from lodestone.cases application
        left join lodestone.licences licence on licence.case_id = application.id
        where $1 < application.id and application.submitted_at is not null
            and (application.state not in ('draft', 'returned', 'approved', 'refused', 'withdrawn')
                or (licence.state in ('issued', 'suspended') and $2 <= licence.valid_until))
        order by application.id limit $3";
    let (mut named, mut after) = (Vec::new(), Uuid::nil());
    loop {
        let rows: Vec<OpenRow> = diesel::sql_query(PAGE)
            .bind::<SqlUuid, _>(after)
            .bind::<SqlDate, _>(jiff_diesel::Date::from(today))
            .bind::<BigInt, _>(MOST)
            .load(conn)
            .await?;
        for row in &rows {
            let reader = Reader { table: "cases", id: row.id };
            let draft: Draft = serde_json::from_value(row.content.clone())
                .map_err(|_| reader.corrupt("content"))?;
            let is_named = row.is_found
                || draft
                    .parties()
                    .any(|party| rules::is_listed(law, today, &self::named(party).party));
            if is_named {
                let version = u32::try_from(row.version).map_err(|_| reader.corrupt("version"))?;
                named.push((CaseId::from_uuid(row.id), version));
            }
        }
        match rows.last() {
            Some(last) if i64::try_from(rows.len()) == Ok(MOST) => after = last.id,
            _ => return Ok(named),
        }
    }
}

#[derive(QueryableByName)]
struct OpenRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Jsonb)]
    content: serde_json::Value,
    #[diesel(sql_type = Bool)]
    is_found: bool,
}

/// All lines together.
fn grams(draft: &Draft) -> i64 {
    let lines = draft.lines.iter().filter_map(|line| line.quantity_kg);
    lines.fold(0, |sum: i64, quantity| sum.saturating_add(quantity.grams_signed()))
}

fn named((part, party): (PartyPart, &domain::application::NamedParty)) -> ApplicationParty {
    let role = match part {
        PartyPart::Consignee => PartyRole::Consignee,
        PartyPart::EndUser => PartyRole::EndUser,
        PartyPart::ThirdParty => PartyRole::ThirdParty,
    };
    let (name, identifier) = (party.name.clone(), party.identifier.clone());
    ApplicationParty { role, party: NamedParty { name, identifier, country: party.country } }
}

fn shares_end_user(one: &Submitted, other: &Submitted) -> bool {
    let names = |application: &Submitted| -> HashSet<String> {
        application.draft.end_users.iter().map(|party| normalised_name(&party.name)).collect()
    };
    !names(one).is_disjoint(&names(other))
}
