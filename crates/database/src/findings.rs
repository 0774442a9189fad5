//! Findings: raised and closed by the worker, read and decided by people.
//!
//! A finding is raised once for each detector and subject. While nobody has decided, its evidence
//! follows what is known; what a person decided stays as it was judged, unless it became graver.
//! What no longer holds is closed with a reason, and opened again when it holds again.

use crate::{
    CorruptRow, Error, act_for,
    events::{self, Origin},
    row::Reader,
    schema::{finding_dispositions, findings},
};
use diesel::{BoolExpressionMethods, ExpressionMethods, HasQuery, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    codes::{Audience, FindingState, Severity},
    event::Event,
    ids::{FilingId, FindingId, OrganisationId, PersonId},
    regime::Sentence,
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use rules::{Closure, Finding, Judgement, Outcome, may_become};
use std::collections::HashMap;
use uuid::Uuid;

/// A judgement, with the moment at which what gave rise to it was committed.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What a detector says.
    pub judgement: Judgement,
    /// Since when it could have been said.
    pub caused_at: Timestamp,
}

/// A finding that is new, or holds again.
#[derive(Clone, Debug)]
pub struct Raised {
    /// Its id.
    pub id: FindingId,
    /// Who found it.
    pub detector: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// Whom it concerns.
    pub organisation: Option<OrganisationId>,
    /// Since when it could have been found.
    pub caused_at: Timestamp,
    /// The bare id of its subject.
    pub subject: Uuid,
}

/// A finding that the system closed.
#[derive(Clone, Copy, Debug)]
pub struct Closed {
    /// Its id.
    pub id: FindingId,
    /// Why.
    pub because: Closure,
}

/// What became of judgements.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// Findings to tell people about.
    pub raised: Vec<Raised>,
    /// Findings that no longer hold.
    pub closed: Vec<Closed>,
}

#[derive(HasQuery)]
#[diesel(table_name = findings)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Stored {
    id: Uuid,
    detector: String,
    subject_key: String,
    detector_version: i32,
    severity: String,
    evidence: serde_json::Value,
    state: String,
}

/// Records what detectors said. Call it where no other transaction judges
/// (`screening::judge_alone`), in the transaction that accepted the messages.
pub async fn record(
    conn: &mut AsyncPgConnection,
    judged: &[Judged],
    mut new_id: impl FnMut() -> FindingId,
    now: Timestamp,
) -> Result<Recorded, Error> {
    // The latest judgement of a subject counts: the others of a batch rest on the same state.
    let mut latest: HashMap<(&'static str, String), &Judged> = HashMap::new();
    for said in judged {
        if matches!(said.judgement.outcome, Outcome::Abstained(_)) {
            continue;
        }
        let key = (said.judgement.detector.name, said.judgement.subject.key());
        let newer = |known: &&Judged| known.caused_at <= said.caused_at;
        if latest.get(&key).is_none_or(newer) {
            latest.insert(key, said);
        }
    }
    let mut stored = stored(conn, latest.keys()).await?;
    let mut recorded = Recorded::default();
    let mut new = Vec::new();
    let mut latest: Vec<_> = latest.into_iter().collect();
    latest.sort_by(|(one, _), (other, _)| one.cmp(other));
    for ((detector, key), said) in latest {
        let known = stored.remove(&(detector.to_owned(), key));
        match (&said.judgement.outcome, known) {
            (Outcome::Found(finding), None) => new.push((finding, said.caused_at, new_id())),
            (Outcome::Found(finding), Some(known)) => {
                let told_again = revise(conn, &known, finding).await?;
                let id = FindingId::from_uuid(known.id);
                recorded.raised.extend(told_again.then(|| raised(id, finding, said.caused_at)));
            }
            (Outcome::Clean, Some(known)) if is_undecided(&known.state) => {
                close(conn, known.id, Closure::NoLongerHolds, now).await?;
                let id = FindingId::from_uuid(known.id);
                recorded.closed.push(Closed { id, because: Closure::NoLongerHolds });
            }
            _ => {}
        }
    }
    insert(conn, &new, now).await?;
    recorded.raised.extend(new.into_iter().map(|(finding, at, id)| raised(id, finding, at)));
    Ok(recorded)
}

fn is_undecided(state: &str) -> bool {
    state == FindingState::Open.as_str() || state == FindingState::UnderReview.as_str()
}

fn raised(id: FindingId, finding: &Finding, caused_at: Timestamp) -> Raised {
    Raised {
        id,
        detector: finding.detector,
        severity: finding.severity,
        organisation: finding.organisation,
        caused_at,
        subject: finding.subject.id(),
    }
}

async fn stored(
    conn: &mut AsyncPgConnection,
    keys: impl Iterator<Item = &(&'static str, String)>,
) -> Result<HashMap<(String, String), Stored>, Error> {
    let (mut detectors, mut subjects): (Vec<&str>, Vec<&str>) =
        keys.map(|(detector, key)| (*detector, key.as_str())).unzip();
    detectors.sort_unstable();
    detectors.dedup();
    subjects.sort_unstable();
    subjects.dedup();
    if subjects.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Stored> = Stored::query()
        .filter(findings::detector.eq_any(detectors))
        .filter(findings::subject_key.eq_any(subjects))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| ((row.detector.clone(), row.subject_key.clone()), row)).collect())
}

/// Brings a stored finding up to date. Answers whether people must hear of it (again).
async fn revise(
    conn: &mut AsyncPgConnection,
    known: &Stored,
    finding: &Finding,
) -> Result<bool, Error> {
    let reader = Reader { table: "findings", id: known.id };
    let state: FindingState = reader.word("state", &known.state)?;
    let severity: Severity = reader.word("severity", &known.severity)?;
    let graver = severity < finding.severity;
    let becomes = match state {
        FindingState::Confirmed => return Ok(false),
        FindingState::Dismissed if !graver => return Ok(false),
        FindingState::Dismissed | FindingState::Closed => FindingState::Open,
        FindingState::Open | FindingState::UnderReview => state,
    };
    let evidence = evidence(finding);
    let version = i32::from(finding.version);
    let same = known.evidence == evidence
        && severity == finding.severity
        && known.detector_version == version;
    if same && becomes == state {
        return Ok(false);
    }
    diesel::update(findings::table.find(known.id))
        .set((
            findings::severity.eq(finding.severity.as_str()),
            findings::evidence.eq(evidence),
            findings::sentence_zh.eq(&finding.sentence.zh),
            findings::sentence_en.eq(&finding.sentence.en),
            findings::detector_version.eq(version),
            findings::state.eq(becomes.as_str()),
            findings::closed_at.eq(None::<jiff_diesel::Timestamp>),
            findings::closed_because.eq(None::<String>),
        ))
        .execute(conn)
        .await?;
    Ok(becomes != state)
}

async fn close(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    because: Closure,
    now: Timestamp,
) -> Result<(), Error> {
    diesel::update(findings::table.find(id))
        .set((
            findings::state.eq(FindingState::Closed.as_str()),
            findings::closed_at.eq(now.to_diesel()),
            findings::closed_because.eq(because.as_str()),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

async fn insert(
    conn: &mut AsyncPgConnection,
    new: &[(&Finding, Timestamp, FindingId)],
    now: Timestamp,
) -> Result<(), Error> {
    let rows: Vec<_> = new
        .iter()
        .map(|(finding, caused_at, id)| {
            let of_whom = (
                findings::subject_kind.eq(finding.subject.kind()),
                findings::subject.eq(finding.subject.id()),
                findings::subject_key.eq(finding.subject.key()),
                findings::organisation.eq(finding.organisation.map(OrganisationId::as_uuid)),
            );
            (
                findings::id.eq(id.as_uuid()),
                findings::detector.eq(finding.detector),
                findings::detector_version.eq(i32::from(finding.version)),
                of_whom,
                findings::audience.eq(finding.audience.as_str()),
                findings::severity.eq(finding.severity.as_str()),
                findings::evidence.eq(evidence(finding)),
                findings::sentence_zh.eq(&finding.sentence.zh),
                findings::sentence_en.eq(&finding.sentence.en),
                findings::state.eq(FindingState::Open.as_str()),
                findings::raised_at.eq(now.to_diesel()),
                findings::caused_at.eq(caused_at.to_diesel()),
            )
        })
        .collect();
    diesel::insert_into(findings::table).values(rows).execute(conn).await?;
    Ok(())
}

fn evidence(finding: &Finding) -> serde_json::Value {
    serde_json::to_value(&finding.evidence).expect("evidence is valid JSON")
}

/// Closes what was found about filings that a later version replaced.
pub async fn close_corrected(
    conn: &mut AsyncPgConnection,
    replaced: &[FilingId],
    now: Timestamp,
) -> Result<Vec<Closed>, Error> {
    if replaced.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = replaced.iter().map(|filing| filing.as_uuid()).collect();
    let undecided = [FindingState::Open.as_str(), FindingState::UnderReview.as_str()];
    let of_them = findings::subject
        .eq_any(ids)
        .and(findings::subject_kind.eq("filing"))
        .and(findings::state.eq_any(undecided));
    let closed: Vec<Uuid> = diesel::update(findings::table.filter(of_them))
        .set((
            findings::state.eq(FindingState::Closed.as_str()),
            findings::closed_at.eq(now.to_diesel()),
            findings::closed_because.eq(Closure::Corrected.as_str()),
        ))
        .returning(findings::id)
        .get_results(conn)
        .await?;
    let closed = closed.into_iter().map(FindingId::from_uuid);
    Ok(closed.map(|id| Closed { id, because: Closure::Corrected }).collect())
}

/// A finding as people read it.
#[derive(Clone, Debug)]
pub struct Read {
    /// Its id.
    pub id: FindingId,
    /// Who found it, and which version of it.
    pub detector: String,
    /// The detector's version.
    pub detector_version: u32,
    /// What it is about.
    pub subject_kind: String,
    /// Which one.
    pub subject: Uuid,
    /// Whom it concerns.
    pub organisation: Option<OrganisationId>,
    /// Who may see it.
    pub audience: Audience,
    /// How grave it is.
    pub severity: Severity,
    /// What it rests on.
    pub evidence: serde_json::Value,
    /// The same in a plain sentence.
    pub sentence: Sentence,
    /// Where it stands.
    pub state: FindingState,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When the system closed it, and why.
    pub closed: Option<(Timestamp, String)>,
}

/// What a person decided about a finding.
#[derive(Clone, Debug)]
pub struct Disposition {
    /// What it became.
    pub state: FindingState,
    /// Why.
    pub reason: String,
    /// Who decided.
    pub person: PersonId,
    /// When.
    pub decided_at: Timestamp,
}

/// Which findings a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In this state only.
    pub state: Option<FindingState>,
    /// By this detector only.
    pub detector: Option<String>,
    /// Of this severity only.
    pub severity: Option<Severity>,
    /// About this subject only.
    pub subject: Option<Uuid>,
    /// Concerning this organisation only.
    pub organisation: Option<OrganisationId>,
    /// Raised before this one.
    pub before: Option<(Timestamp, FindingId)>,
}

#[derive(HasQuery)]
#[diesel(table_name = findings)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct ReadRow {
    id: Uuid,
    detector: String,
    detector_version: i32,
    subject_kind: String,
    subject: Uuid,
    organisation: Option<Uuid>,
    audience: String,
    severity: String,
    evidence: serde_json::Value,
    sentence_zh: String,
    sentence_en: String,
    state: String,
    raised_at: jiff_diesel::Timestamp,
    closed_at: Option<jiff_diesel::Timestamp>,
    closed_because: Option<String>,
}

/// Findings as the connection's role may see them, the newest first.
///
/// `filer` says for whom the role `reporting` asks; officials ask for nobody in particular.
pub async fn list(
    conn: &mut AsyncPgConnection,
    filer: Option<OrganisationId>,
    filter: &Filter,
    limit: u32,
) -> Result<Vec<Read>, Error> {
    conn.transaction(async |conn| {
        if let Some(filer) = filer {
            act_for(conn, &[filer]).await?;
        }
        let mut query = ReadRow::query()
            .order((findings::raised_at.desc(), findings::id.desc()))
            .limit(limit.into())
            .into_boxed();
        if let Some(state) = filter.state {
            query = query.filter(findings::state.eq(state.as_str()));
        }
        if let Some(detector) = &filter.detector {
            query = query.filter(findings::detector.eq(detector));
        }
        if let Some(severity) = filter.severity {
            query = query.filter(findings::severity.eq(severity.as_str()));
        }
        if let Some(subject) = filter.subject {
            query = query.filter(findings::subject.eq(subject));
        }
        if let Some(organisation) = filer.or(filter.organisation) {
            query = query.filter(findings::organisation.eq(organisation.as_uuid()));
        }
        if let Some((raised_at, id)) = filter.before {
            let at = raised_at.to_diesel();
            let older = findings::raised_at.lt(at);
            let beside = findings::raised_at.eq(at).and(findings::id.lt(id.as_uuid()));
            query = query.filter(older.or(beside));
        }
        let rows: Vec<ReadRow> = query.load(conn).await?;
        Ok(rows.into_iter().map(Read::try_from).collect::<Result<Vec<_>, _>>()?)
    })
    .await
}

/// One finding as the connection's role may see it.
pub async fn find(
    conn: &mut AsyncPgConnection,
    filer: Option<OrganisationId>,
    id: FindingId,
) -> Result<Option<Read>, Error> {
    conn.transaction(async |conn| {
        if let Some(filer) = filer {
            act_for(conn, &[filer]).await?;
        }
        let row: Option<ReadRow> =
            ReadRow::query().filter(findings::id.eq(id.as_uuid())).first(conn).await.optional()?;
        Ok(row.map(Read::try_from).transpose()?)
    })
    .await
}

/// What people decided about a finding, the first decision first. For officials.
pub async fn dispositions(
    conn: &mut AsyncPgConnection,
    id: FindingId,
) -> Result<Vec<Disposition>, Error> {
    let rows: Vec<(Uuid, String, String, Uuid, jiff_diesel::Timestamp)> =
        finding_dispositions::table
            .filter(finding_dispositions::finding.eq(id.as_uuid()))
            .order((finding_dispositions::decided_at, finding_dispositions::id))
            .select((
                finding_dispositions::id,
                finding_dispositions::state,
                finding_dispositions::reason,
                finding_dispositions::person,
                finding_dispositions::decided_at,
            ))
            .load(conn)
            .await?;
    let read = rows.into_iter().map(|(id, state, reason, person, decided_at)| {
        let reader = Reader { table: "finding_dispositions", id };
        Ok(Disposition {
            state: reader.word("state", &state)?,
            reason,
            person: PersonId::from_uuid(person),
            decided_at: decided_at.into(),
        })
    });
    Ok(read.collect::<Result<Vec<_>, CorruptRow>>()?)
}

/// What became of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposed {
    /// It is taken.
    Taken,
    /// There is no such finding.
    NotFound,
    /// A finding in this state does not become that.
    NotAllowed {
        /// Where it stands.
        state: FindingState,
    },
}

/// Takes a person's decision about a finding, with its event. For officials.
pub async fn dispose(
    conn: &mut AsyncPgConnection,
    finding: FindingId,
    id: Uuid,
    disposition: &Disposition,
    origin: &Origin,
) -> Result<Disposed, Error> {
    conn.transaction(async |conn| {
        let state: Option<String> = findings::table
            .find(finding.as_uuid())
            .select(findings::state)
            .for_update()
            .first(conn)
            .await
            .optional()?;
        let Some(state) = state else { return Ok(Disposed::NotFound) };
        let reader = Reader { table: "findings", id: finding.as_uuid() };
        let state: FindingState = reader.word("state", &state)?;
        if !may_become(state, disposition.state) {
            return Ok(Disposed::NotAllowed { state });
        }
        diesel::update(findings::table.find(finding.as_uuid()))
            .set(findings::state.eq(disposition.state.as_str()))
            .execute(conn)
            .await?;
        diesel::insert_into(finding_dispositions::table)
            .values((
                finding_dispositions::id.eq(id),
                finding_dispositions::finding.eq(finding.as_uuid()),
                finding_dispositions::state.eq(disposition.state.as_str()),
                finding_dispositions::reason.eq(&disposition.reason),
                finding_dispositions::person.eq(disposition.person.as_uuid()),
                finding_dispositions::decided_at.eq(disposition.decided_at.to_diesel()),
            ))
            .execute(conn)
            .await?;
        let event = Event::FindingDisposed {
            finding,
            state: disposition.state.to_string(),
            person: disposition.person,
        };
        events::append(conn, origin, finding.as_uuid(), &event).await?;
        Ok(Disposed::Taken)
    })
    .await
}

impl TryFrom<ReadRow> for Read {
    type Error = CorruptRow;

    fn try_from(row: ReadRow) -> Result<Self, CorruptRow> {
        let reader = Reader { table: "findings", id: row.id };
        Ok(Self {
            id: FindingId::from_uuid(row.id),
            detector: row.detector,
            detector_version: row.detector_version.unsigned_abs(),
            subject_kind: row.subject_kind,
            subject: row.subject,
            organisation: row.organisation.map(OrganisationId::from_uuid),
            audience: reader.word("audience", &row.audience)?,
            severity: reader.word("severity", &row.severity)?,
            evidence: row.evidence,
            sentence: Sentence::new(row.sentence_zh, row.sentence_en),
            state: reader.word("state", &row.state)?,
            raised_at: row.raised_at.into(),
            closed: row.closed_at.map(Into::into).zip(row.closed_because),
        })
    }
}
