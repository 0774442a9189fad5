//! Applications with what is known of their exporter.

use crate::{
    CorruptRow, Error,
    row::Reader,
    schema::{cases, findings},
};
use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    application::{Draft, PartyPart},
    calendar_month::beijing_date,
    ids::{CaseId, OrganisationId},
};
use jiff::{SignedDuration, Timestamp};
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
struct Submitted {
    case: CaseId,
    organisation: OrganisationId,
    at: Timestamp,
    draft: Draft,
}

/// The contexts of those of these cases that were submitted.
pub(super) async fn load(
    conn: &mut AsyncPgConnection,
    asked: &[CaseId],
    law: &Arc<Law>,
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
    let contexts = applications.iter().map(|application| ApplicationContext {
        case: application.case,
        organisation: application.organisation,
        submitted_on: beijing_date(application.at),
        grams: grams(&application.draft),
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
