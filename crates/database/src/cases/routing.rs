//! Rules that route applications, and the steps that they take.

use super::{
    CaseError, Moment,
    change::{locked, take},
    facts,
    page::is_repeat,
};
use crate::{
    Error,
    row::Reader,
    schema::{application_assessments, cases, routing_versions},
    screening::ask::{Ask, Bind, Statement},
};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, sql_types::Uuid as SqlUuid,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    application::Draft,
    case::{Action, Actor, RaisedFlag, Repeat, RoutingFacts, RoutingRules, StateName},
    ids::{CaseId, PersonId},
    regime::{FlagEffect, Regime},
};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel;
use uuid::Uuid;

/// An application that the worker has not assessed after this long is routed without.
const ASSESSMENT_AWAITED: SignedDuration = SignedDuration::from_secs(30);

/// One version of the rules.
#[derive(Clone, Debug)]
pub struct RoutingVersion {
    /// Which, from 1 on.
    pub version: u32,
    /// What they say.
    pub rules: RoutingRules,
    /// Why they were made.
    pub reason: String,
    /// From when on they hold.
    pub takes_effect_at: Timestamp,
    /// By whom.
    pub made_by: PersonId,
    /// When.
    pub made_at: Timestamp,
}

/// A version that is made.
#[derive(Clone, Debug)]
pub struct NewRouting {
    /// What the rules say.
    pub rules: RoutingRules,
    /// Why.
    pub reason: String,
    /// From when on they hold.
    pub takes_effect_at: Timestamp,
    /// By whom.
    pub made_by: PersonId,
}

type Row = (i32, serde_json::Value, String, jiff_diesel::Timestamp, Uuid, jiff_diesel::Timestamp);

/// The versions of the rules, the latest first.
pub async fn routing_versions(
    conn: &mut AsyncPgConnection,
    before: Option<u32>,
    limit: i64,
) -> Result<Vec<RoutingVersion>, Error> {
    let before = before.and_then(|version| i32::try_from(version).ok()).unwrap_or(i32::MAX);
    let rows: Vec<Row> = routing_versions::table
        .filter(routing_versions::version.lt(before))
        .order(routing_versions::version.desc())
        .limit(limit)
        .load(conn)
        .await?;
    rows.into_iter().map(version).collect()
}

/// The rules that are in force at a moment.
pub async fn routing_in_force(
    conn: &mut AsyncPgConnection,
    at: Timestamp,
) -> Result<Option<RoutingVersion>, Error> {
    let row: Option<Row> = routing_versions::table
        .filter(routing_versions::takes_effect_at.le(at.to_diesel()))
        .order((routing_versions::takes_effect_at.desc(), routing_versions::version.desc()))
        .first(conn)
        .await
        .optional()?;
    row.map(version).transpose()
}

/// Stores the next version of the rules.
pub async fn make_routing(
    conn: &mut AsyncPgConnection,
    new: &NewRouting,
    moment: &Moment,
) -> Result<RoutingVersion, Error> {
    // Versions count on: whoever makes one waits for whoever is making one.
    diesel::sql_query("select pg_advisory_xact_lock(hashtext('lodestone.routing_versions'))")
        .execute(conn)
        .await?;
    let last: Option<i32> = routing_versions::table
        .select(diesel::dsl::max(routing_versions::version))
        .first(conn)
        .await?;
    let row: Row = diesel::insert_into(routing_versions::table)
        .values((
            routing_versions::version.eq(last.unwrap_or(0) + 1),
            routing_versions::rules
                .eq(serde_json::to_value(&new.rules).expect("rules are plain JSON")),
            routing_versions::reason.eq(&new.reason),
            routing_versions::takes_effect_at.eq(new.takes_effect_at.to_diesel()),
            routing_versions::made_by.eq(new.made_by.as_uuid()),
            routing_versions::made_at.eq(moment.at.to_diesel()),
        ))
        .get_result(conn)
        .await?;
    version(row)
}

fn version(row: Row) -> Result<RoutingVersion, Error> {
    let (number, rules, reason, takes_effect_at, made_by, made_at) = row;
    let reader =
        Reader { table: "routing_versions", id: Uuid::from_u128(number.unsigned_abs().into()) };
    Ok(RoutingVersion {
        version: number.unsigned_abs(),
        rules: serde_json::from_value(rules).map_err(|_| reader.corrupt("rules"))?,
        reason,
        takes_effect_at: takes_effect_at.into(),
        made_by: PersonId::from_uuid(made_by),
        made_at: made_at.into(),
    })
}

/// Applications that no rule has routed, and those that were assessed anew since and that nobody has.
struct Unrouted;

impl Statement for Unrouted {
    const TEXT: &'static str = "
        select c.id from cases c
        where c.routed_at is null and c.state in ('submitted', 'accepted', 'under_reconsideration')
            and (c.submitted_at < ?::timestamptz
                or exists (select from application_assessments a where a.case_id = c.id))
        union
        select c.id from application_assessments a
        join cases c on c.id = a.case_id
        where a.assessed_at > ?::timestamptz and c.routed_at is not null and c.assigned_to is null
            and c.state in ('submitted', 'accepted', 'under_reconsideration')
            and c.routed_assessment is distinct from a.id
            and not exists (select from application_assessments later where later.case_id = a.case_id
                and (later.case_version, later.assessed_at) > (a.case_version, a.assessed_at))
        limit 200";
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Applications that rules have yet to route: at most two hundred.
pub async fn unrouted(
    conn: &mut AsyncPgConnection,
    assessed_since: Timestamp,
    now: Timestamp,
) -> Result<Vec<CaseId>, Error> {
    let moment = |at: Timestamp| Bind::Moment(Some(at.into()));
    let binds = vec![moment(now - ASSESSMENT_AWAITED), moment(assessed_since)];
    let rows: Vec<IdRow> = Ask::<Unrouted>::with(binds).load(conn).await?;
    Ok(rows.into_iter().map(|row| CaseId::from_uuid(row.id)).collect())
}

/// Lets the rules route a case. Answers whether they did: a case that somebody has taken up in the
/// meantime stays where it is.
pub async fn route(
    conn: &mut AsyncPgConnection,
    id: CaseId,
    routing: &RoutingVersion,
    moment: &Moment,
    regime: &Regime,
) -> Result<bool, CaseError> {
    conn.transaction(async |conn| {
        let record = locked(conn, id).await?;
        let waits = matches!(
            record.case.state.name(),
            StateName::Submitted | StateName::Accepted | StateName::UnderReconsideration
        );
        if !waits || record.case.work.assigned_to.is_some() {
            return Ok(false);
        }
        let record = facts::known(conn, record, regime, moment.today()).await?;
        let latest: Option<Uuid> = application_assessments::table
            .filter(application_assessments::case_id.eq(id.as_uuid()))
            .order((
                application_assessments::case_version.desc(),
                application_assessments::assessed_at.desc(),
            ))
            .select(application_assessments::id)
            .first(conn)
            .await
            .optional()?;
        let repeat = if is_repeat(conn, id).await? { Repeat::Yes } else { Repeat::No };
        let reader = Reader { table: "cases", id: id.as_uuid() };
        let draft: Draft = serde_json::from_value(record.content.clone())
            .map_err(|_| Error::from(reader.corrupt("content")))?;
        let facts = RoutingFacts { draft, risk: record.case.order.risk, repeat };
        let routed = routing.rules.route(&facts);
        let day = moment.today();
        let effect = |flag: &str| {
            regime.case_flag(flag, day).map_or(FlagEffect::Tells, |row| row.value.effect)
        };
        let raised = routed
            .flags
            .iter()
            .map(|flag| RaisedFlag { flag: flag.clone(), effect: effect(flag.as_str()) });
        let action = Action::Route {
            queue: routed.queue.clone(),
            rule: routed.rule.cloned(),
            routing_version: routing.version,
            flags: raised.collect(),
        };
        take(conn, record, action, &Actor::Law, moment).await?;
        diesel::update(cases::table.filter(cases::id.eq(id.as_uuid())))
            .set(cases::routed_assessment.eq(latest))
            .execute(conn)
            .await?;
        Ok(true)
    })
    .await
}
