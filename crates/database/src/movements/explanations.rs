//! Why there is a shortage or an excess, and what the other side says to it. Appended, never
//! changed.

use crate::{
    ChangeError, Error, act_for, events,
    events::Act,
    idempotency::{self, KeyedRequest},
    row::Reader,
    schema::{movement_answers, movement_explanations},
};
use diesel::{ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    event::Event,
    ids::{ExplanationId, LotId, MovementId, OrganisationId, PersonId},
    movement::AnswerVerdict,
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use uuid::Uuid;

/// An explanation as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldExplanation {
    /// Its id.
    pub id: ExplanationId,
    /// About which movement.
    pub movement: MovementId,
    /// To or by which buyer: a movement that is corrected has had others.
    pub buyer: OrganisationId,
    /// Which party explains.
    pub by: OrganisationId,
    /// Who of its people.
    pub person: PersonId,
    /// Which lot; `None` for all that differ.
    pub lot: Option<LotId>,
    /// The explanation, in that party's words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// What the other party says to it.
    pub answer: Option<ToldAnswer>,
}

/// What the other party says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldAnswer {
    /// Which party answers.
    pub by: OrganisationId,
    /// Who of its people.
    pub person: PersonId,
    /// Whether it accepts.
    pub verdict: AnswerVerdict,
    /// Why not, or what else is to be said.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Which movement something is said about, with its parties.
#[derive(Clone, Copy, Debug)]
pub struct Parties {
    /// The movement.
    pub movement: MovementId,
    /// Who sent it.
    pub seller: OrganisationId,
    /// Who it was sent to.
    pub buyer: OrganisationId,
}

/// Records an explanation, durably and once.
pub async fn explain(
    conn: &mut AsyncPgConnection,
    parties: Parties,
    explanation: &ToldExplanation,
    request: &KeyedRequest,
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        act_for(conn, &[explanation.by]).await?;
        idempotency::claim(conn, Some(request), act.at).await?;
        diesel::insert_into(movement_explanations::table)
            .values((
                movement_explanations::organisation.eq(explanation.by.as_uuid()),
                movement_explanations::id.eq(explanation.id.as_uuid()),
                movement_explanations::movement.eq(parties.movement.as_uuid()),
                movement_explanations::seller.eq(parties.seller.as_uuid()),
                movement_explanations::buyer.eq(parties.buyer.as_uuid()),
                movement_explanations::lot.eq(explanation.lot.map(LotId::as_uuid)),
                movement_explanations::reason.eq(&explanation.reason),
                movement_explanations::person.eq(explanation.person.as_uuid()),
                movement_explanations::explained_at.eq(explanation.at.to_diesel()),
            ))
            .execute(conn)
            .await?;
        let event = Event::MovementExplained {
            movement: parties.movement,
            explanation: explanation.id,
            organisation: explanation.by,
        };
        Ok(events::append(conn, &act.origin(), parties.movement.as_uuid(), &event).await?)
    })
    .await
}

/// Records the one answer to an explanation, durably and once.
pub async fn answer(
    conn: &mut AsyncPgConnection,
    parties: Parties,
    explanation: ExplanationId,
    answer: &ToldAnswer,
    request: &KeyedRequest,
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        act_for(conn, &[answer.by]).await?;
        idempotency::claim(conn, Some(request), act.at).await?;
        diesel::insert_into(movement_answers::table)
            .values((
                movement_answers::organisation.eq(answer.by.as_uuid()),
                movement_answers::explanation.eq(explanation.as_uuid()),
                movement_answers::movement.eq(parties.movement.as_uuid()),
                movement_answers::seller.eq(parties.seller.as_uuid()),
                movement_answers::buyer.eq(parties.buyer.as_uuid()),
                movement_answers::verdict.eq(answer.verdict.as_str()),
                movement_answers::reason.eq(&answer.reason),
                movement_answers::person.eq(answer.person.as_uuid()),
                movement_answers::answered_at.eq(answer.at.to_diesel()),
            ))
            .execute(conn)
            .await?;
        let event = Event::MovementAnswered {
            movement: parties.movement,
            explanation,
            organisation: answer.by,
            verdict: answer.verdict,
        };
        Ok(events::append(conn, &act.origin(), parties.movement.as_uuid(), &event).await?)
    })
    .await
}

type Columns = (
    (Uuid, Uuid, Uuid, Uuid, Uuid, Option<Uuid>, String, jiff_diesel::Timestamp),
    Option<(Uuid, Uuid, String, Option<String>, jiff_diesel::Timestamp)>,
);

/// The explanations of these movements with their answers, the oldest first.
pub(super) async fn of(
    conn: &mut AsyncPgConnection,
    movements: &[Uuid],
) -> Result<Vec<ToldExplanation>, Error> {
    let rows: Vec<Columns> = movement_explanations::table
        .left_join(
            movement_answers::table.on(movement_answers::explanation.eq(movement_explanations::id)),
        )
        .filter(movement_explanations::movement.eq_any(movements))
        .order(movement_explanations::id)
        .select((
            (
                movement_explanations::id,
                movement_explanations::movement,
                movement_explanations::buyer,
                movement_explanations::organisation,
                movement_explanations::person,
                movement_explanations::lot,
                movement_explanations::reason,
                movement_explanations::explained_at,
            ),
            (
                movement_answers::organisation,
                movement_answers::person,
                movement_answers::verdict,
                movement_answers::reason,
                movement_answers::answered_at,
            )
                .nullable(),
        ))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|((id, movement, buyer, by, person, lot, reason, at), answered)| {
            let reader = Reader { table: "movement_answers", id };
            let answer = answered.map(|(by, person, verdict, reason, at)| {
                Ok::<_, Error>(ToldAnswer {
                    by: OrganisationId::from_uuid(by),
                    person: PersonId::from_uuid(person),
                    verdict: reader.word("verdict", &verdict)?,
                    reason,
                    at: at.to_jiff(),
                })
            });
            Ok(ToldExplanation {
                id: ExplanationId::from_uuid(id),
                movement: MovementId::from_uuid(movement),
                buyer: OrganisationId::from_uuid(buyer),
                by: OrganisationId::from_uuid(by),
                person: PersonId::from_uuid(person),
                lot: lot.map(LotId::from_uuid),
                reason,
                at: at.to_jiff(),
                answer: answer.transpose()?,
            })
        })
        .collect()
}
