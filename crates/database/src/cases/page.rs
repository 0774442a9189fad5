//! One case with all that an officer decides by: a statement for the case, one for its steps, one
//! for its exporter, one for precedents.

use super::{Assessment, CaseRecord, history, row::CaseRow};
use crate::{
    Error,
    row::Reader,
    schema::cases,
    screening::ask::{Ask, Bind, Statement},
};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, SelectableHelper,
    dsl::sql,
    sql_types::{BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    case::{CountersignOrder, RefusalReason, RiskGrade, StateName},
    ids::{CaseId, LicenceId, OrganisationId, PersonId},
    licence::{Holder, SerialNumber},
    regime::{LicenceKind, Regime},
};
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// A case with what stands beside it.
#[derive(Clone, Debug)]
pub struct CasePage {
    /// The case with its steps, and with who signs it and who may not.
    pub record: CaseRecord,
    /// The applicant.
    pub holder: Option<Holder>,
    /// The worker's latest assessment.
    pub assessment: Option<Assessment>,
    /// What its queue is called.
    pub queue: Option<QueueName>,
}

/// What a queue is called.
#[derive(Clone, Debug, Deserialize)]
pub struct QueueName {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// What stands beside a case, gathered by the same statement. The names are of the JSON below.
#[derive(Deserialize)]
struct Beside {
    holder: Option<HolderRow>,
    assessment: Option<AssessmentRow>,
    queue: Option<QueueName>,
    conflicted: Vec<PersonId>,
    absent: Vec<PersonId>,
}

#[derive(Deserialize)]
struct HolderRow {
    identifier: Option<String>,
    name_zh: String,
    name_en: String,
}

#[derive(Deserialize)]
struct AssessmentRow {
    case_version: u32,
    risk: String,
    reasons: Value,
    assessed_at: Timestamp,
}

const BESIDE: &str = "jsonb_build_object(
    'holder', (select jsonb_build_object('identifier', coalesce(o.uscc, o.lei, o.registration), 'name_zh', o.name_zh,
        'name_en', o.name_en) from organisations o where o.id = cases.organisation),
    'assessment', (select jsonb_build_object('case_version', a.case_version, 'risk', a.risk, 'reasons', a.reasons,
            'assessed_at', to_char(a.assessed_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))
        from application_assessments a where a.case_id = cases.id order by a.case_version desc, a.assessed_at desc limit 1),
    'queue', (select jsonb_build_object('zh', q.name_zh, 'en', q.name_en) from queues q where q.code = cases.queue),
    'conflicted', (select coalesce(jsonb_agg(distinct c.person), '[]') from officer_conflicts c
        where c.case_id = cases.id or c.exporter = cases.organisation),
    'absent', (select coalesce(jsonb_agg(distinct a.person), '[]') from officer_absences a where ";

/// Finds a case with what stands beside it. Two statements.
pub async fn page(
    conn: &mut AsyncPgConnection,
    id: CaseId,
    regime: &Regime,
    today: Date,
) -> Result<Option<CasePage>, Error> {
    let beside = sql::<Jsonb>(BESIDE)
        .bind::<diesel::sql_types::Date, _>(jiff_diesel::Date::from(today))
        .sql(" between a.first_day and a.last_day))");
    let found: Option<(CaseRow, Value)> = cases::table
        .filter(cases::id.eq(id.as_uuid()))
        .select((CaseRow::as_select(), beside))
        .first(conn)
        .await
        .optional()?;
    let Some((row, beside)) = found else { return Ok(None) };
    let reader = Reader { table: "cases", id: row.id };
    let beside: Beside = serde_json::from_value(beside).map_err(|_| reader.corrupt("beside"))?;
    let steps = history(conn, id).await?;
    let mut record = CaseRecord::try_from((row, steps))?;
    let risk = beside.assessment.as_ref().map(|assessment| assessment.risk.as_str());
    let risk = reader.optional_word("risk", risk)?.unwrap_or(RiskGrade::Unassessed);
    record.case.order = CountersignOrder::of(regime, risk, today);
    record.case.conflicted = beside.conflicted.into_iter().collect();
    record.case.absent = beside.absent.into_iter().collect();
    let organisation = record.case.organisation;
    let holder = beside.holder.map(|holder| Holder {
        organisation,
        identifier: holder.identifier.unwrap_or_default(),
        name_zh: holder.name_zh,
        name_en: holder.name_en,
    });
    let assessment = beside.assessment.map(|assessment| Assessment {
        case_version: assessment.case_version,
        risk: assessment.risk,
        reasons: assessment.reasons,
        assessed_at: assessment.assessed_at,
    });
    Ok(Some(CasePage { record, holder, assessment, queue: beside.queue }))
}

/// What is known of an exporter: its cases, licences and findings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Compliance {
    /// Applications that were approved.
    pub approved: i64,
    /// Applications that were refused.
    pub refused: i64,
    /// Licences that can be used.
    pub licences_issued: i64,
    /// Licences that were suspended or revoked.
    pub licences_suspended_or_revoked: i64,
    /// Findings that nobody has decided on.
    pub findings_open: i64,
    /// Findings that were confirmed.
    pub findings_confirmed: i64,
}

/// A finding about the application or its exporter, as officials see it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CaseFinding {
    /// Its id.
    pub id: Uuid,
    /// Who found it.
    pub detector: String,
    /// About the application, a site, a filing, or what else.
    pub subject_kind: String,
    /// How grave.
    pub severity: String,
    /// What became of it.
    pub state: String,
    /// In Chinese.
    pub sentence_zh: String,
    /// In English.
    pub sentence_en: String,
    /// When, as PostgreSQL writes it.
    pub raised_at: String,
}

struct OfExporter;

impl Statement for OfExporter {
    const TEXT: &'static str = "
        select jsonb_build_object(
            'approved', (select count(*) from cases c where c.organisation = asked.exporter and c.state = 'approved'),
            'refused', (select count(*) from cases c where c.organisation = asked.exporter and c.state = 'refused'),
            'licences_issued', (select count(*) from licences l where l.organisation = asked.exporter and l.state = 'issued'),
            'licences_suspended_or_revoked', (select count(*) from licences l where l.organisation = asked.exporter
                and l.state in ('suspended', 'revoked')),
            'findings_open', (select count(*) from findings f where f.organisation = asked.exporter
                and f.state in ('open', 'under_review')),
            'findings_confirmed', (select count(*) from findings f where f.organisation = asked.exporter
                and f.state = 'confirmed')) as compliance,
            (select coalesce(jsonb_agg(told), '[]') from (
                select f.id, f.detector, f.subject_kind, f.severity, f.state, f.sentence_zh, f.sentence_en,
                    f.raised_at::text as raised_at
                from findings f
                where (f.subject = asked.id or f.organisation = asked.exporter)
                    and f.state in ('open', 'under_review', 'confirmed')
                order by f.subject = asked.id desc, f.raised_at desc limit 20) told) as findings
        from (select ?::uuid as id, ?::uuid as exporter) asked";
}

#[derive(QueryableByName)]
struct ExporterRow {
    #[diesel(sql_type = Jsonb)]
    compliance: Value,
    #[diesel(sql_type = Jsonb)]
    findings: Value,
}

/// What is known of the exporter of a case, and the latest findings about both. One statement.
pub async fn exporter(
    conn: &mut AsyncPgConnection,
    case: CaseId,
    exporter: OrganisationId,
) -> Result<(Compliance, Vec<CaseFinding>), Error> {
    let binds = vec![Bind::Uuid(Some(case.as_uuid())), Bind::Uuid(Some(exporter.as_uuid()))];
    let row: ExporterRow = Ask::<OfExporter>::with(binds).get_result(conn).await?;
    let reader = Reader { table: "findings", id: case.as_uuid() };
    let compliance =
        serde_json::from_value(row.compliance).map_err(|_| reader.corrupt("compliance"))?;
    let findings = serde_json::from_value(row.findings).map_err(|_| reader.corrupt("findings"))?;
    Ok((compliance, findings))
}

/// A case that was decided for the same end user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precedent {
    /// Which.
    pub id: CaseId,
    /// The number people know it by.
    pub number: SerialNumber,
    /// Whether goods of the same item were in it.
    pub same_goods: bool,
    /// Whether the same exporter applied.
    pub same_exporter: bool,
    /// What kind of licence was asked for.
    pub kind: LicenceKind,
    /// Approved or refused.
    pub state: StateName,
    /// Why it was refused.
    pub refused_for: Option<RefusalReason>,
    /// The licence it became.
    pub licence: Option<LicenceId>,
    /// When it was decided.
    pub decided_at: Timestamp,
}

struct Precedents;

impl Statement for Precedents {
    const TEXT: &'static str = "
        select c.id, c.number, c.control_codes && this.control_codes as same_goods,
            c.organisation = this.organisation as same_exporter, c.kind, c.state, c.refusal_reason, c.licence,
            c.updated_at
        from cases this
        join cases c on c.end_users && this.end_users and c.state in ('approved', 'refused') and c.id <> this.id
        where this.id = ?::uuid
        order by same_goods desc, c.updated_at desc
        limit 10";
}

#[derive(QueryableByName)]
struct PrecedentRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = Bool)]
    same_goods: bool,
    #[diesel(sql_type = Bool)]
    same_exporter: bool,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    refusal_reason: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    licence: Option<Uuid>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: jiff_diesel::Timestamp,
}

/// The latest cases that were decided for the same end user, those of the same goods first.
pub async fn precedents(conn: &mut AsyncPgConnection, of: CaseId) -> Result<Vec<Precedent>, Error> {
    let binds = vec![Bind::Uuid(Some(of.as_uuid()))];
    let rows: Vec<PrecedentRow> = Ask::<Precedents>::with(binds).load(conn).await?;
    rows.into_iter()
        .map(|row| {
            let reader = Reader { table: "cases", id: row.id };
            Ok(Precedent {
                id: CaseId::from_uuid(row.id),
                number: reader.word("number", &row.number)?,
                same_goods: row.same_goods,
                same_exporter: row.same_exporter,
                kind: reader.word("kind", &row.kind)?,
                state: reader.word("state", &row.state)?,
                refused_for: reader
                    .optional_word("refusal_reason", row.refusal_reason.as_deref())?,
                licence: row.licence.map(LicenceId::from_uuid),
                decided_at: row.updated_at.into(),
            })
        })
        .collect()
}

/// How many of an exporter's licences for one of these end users were approved before.
struct Approved;

impl Statement for Approved {
    const TEXT: &'static str = "
        select count(*) as approved
        from cases this
        join cases c on c.end_users && this.end_users and c.state = 'approved' and c.organisation = this.organisation
        where this.id = ?::uuid and c.id <> this.id";
}

#[derive(QueryableByName)]
struct ApprovedRow {
    #[diesel(sql_type = BigInt)]
    approved: i64,
}

/// Whether the exporter of a case had a licence for the same end user before.
pub(super) async fn is_repeat(conn: &mut AsyncPgConnection, of: CaseId) -> Result<bool, Error> {
    let binds = vec![Bind::Uuid(Some(of.as_uuid()))];
    let row: ApprovedRow = Ask::<Approved>::with(binds).get_result(conn).await?;
    Ok(0 < row.approved)
}
