//! The model and the database agree: random actions of random people, on both at once.

use crate::world::{World, a_draft, now};
use database::{
    Role as DatabaseRole,
    cases::{self, CaseError, CaseVersion, Moment},
};
use domain::{
    case::{
        Action, Actor, Advice, AdviceLevel, NotAllowed, RaisedFlag, RefusalReason, StateName,
        TRANSITIONS,
    },
    codes::Role,
    ids::{CaseId, OrganisationId, PersonId, QueryId},
    regime::{ClockExemption, ClockStop, FlagEffect, Regime},
};
use std::collections::BTreeSet;
use uuid::Uuid;

const CASES: usize = 12;
/// Of each case.
const STEPS: usize = 90;

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit
    }
}

/// Without a countersignature: it issues a licence, which has stories of its own.
fn some_action(dice: &mut Dice, people: &[PersonId], agencies: &[OrganisationId]) -> Action {
    let text = || "as it is".to_owned();
    let slug = |code: &str| code.parse().expect("a code");
    let query = QueryId::from_uuid(Uuid::from_u128(1));
    let flag = ["legal_review", "press_interest", "policy_interest"][dice.below(3)];
    let effect =
        if flag == "legal_review" { FlagEffect::BlocksDecision } else { FlagEffect::Tells };
    let someone = people[dice.below(people.len())];
    let agency = agencies[dice.below(agencies.len())];
    match dice.below(26) {
        0 => Action::Accept,
        1 if dice.below(6) == 0 => Action::Return { missing: vec![text()] },
        2 => Action::BeginReview,
        3 => Action::Reassign { reviewer: someone },
        4 => Action::AskAgency { agency, question: text() },
        5 => Action::Recall,
        6 => Action::Advise { advice: Advice::Proviso, level: AdviceLevel::Agency, note: text() },
        7 => Action::BeginFinalReview,
        8 if dice.below(2) == 0 => Action::StopClock { cause: ClockStop::ExpertOpinion },
        8..=10 => Action::ResumeClock,
        11 => Action::RecommendApproval { note: text(), conditions: Vec::new() },
        12 | 13 => Action::RecommendRefusal { reason: RefusalReason::Destination, note: text() },
        1 | 14 | 15 => Action::ConfirmRefusal,
        16 => Action::SendBack { note: text() },
        17 => Action::RequestReconsideration { grounds: text() },
        18 => Action::Assign { officer: someone },
        19 => Action::RaiseFlag { flag: RaisedFlag { flag: slug(flag), effect }, note: text() },
        20 | 21 => Action::ClearFlag { flag: slug(flag), note: text() },
        22 => Action::AskApplicant { query, question: text() },
        23 => Action::AnswerQuery { query, answer: text() },
        24 => Action::Exempt { exemption: ClockExemption::StateCouncilCase, note: text() },
        _ => Action::Undo { reason: text() },
    }
}

/// Mostly what is possible, by somebody who may; now and then anything by anybody.
fn likely(
    dice: &mut Dice,
    state: StateName,
    people: &[PersonId],
    agencies: &[OrganisationId],
) -> (Action, Role) {
    let roles = [Role::Officer, Role::SeniorOfficer, Role::AgencyAdviser, Role::Exporter];
    for _ in 0..20 {
        let action = some_action(dice, people, agencies);
        let row = TRANSITIONS.iter().find(|row| row.from == state && row.action == action.name());
        let by = row.map(|row| row.by).filter(|by| !by.is_empty());
        if let Some(by) = by.filter(|_| dice.below(10) < 9) {
            return (action, by[by.len() - 1 - dice.below(by.len())]);
        }
        if dice.below(20) == 0 {
            return (action, roles[dice.below(4)]);
        }
    }
    (Action::Note { text: "waiting".to_owned() }, Role::Officer)
}

#[tokio::test(flavor = "multi_thread")]
async fn random_actions_end_alike_in_the_model_and_in_the_database() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let authority = OrganisationId::from_uuid(world.authority);
    let agencies = [world.organisation("agency").await, world.organisation("agency").await]
        .map(OrganisationId::from_uuid);
    let applicant = OrganisationId::from_uuid(world.exporter_organisation);
    let people: Vec<PersonId> = (0..4).map(|_| PersonId::from_uuid(Uuid::now_v7())).collect();
    let regime = Regime::default_china_2025();
    let pool = world.database.pool(DatabaseRole::Licensing);
    let mut conn = pool.get().await.unwrap();
    let mut dice = Dice(7);
    let (mut taken, mut reached) = (0, BTreeSet::new());
    for _ in 0..CASES {
        let id = world.submitted(&exporter, a_draft("single", "10")).await;
        let id = CaseId::from_uuid(id.parse().unwrap());
        for _ in 0..STEPS {
            let moment = Moment { at: now(), traceparent: None };
            let today = moment.today();
            let page = cases::page(&mut conn, id, &regime, today).await.unwrap().unwrap();
            let state = page.record.case.state.name();
            let (action, role) = likely(&mut dice, state, &people, &agencies);
            let organisation = match role {
                Role::Exporter => applicant,
                Role::AgencyAdviser => agencies[dice.below(2)],
                _ => authority,
            };
            let person = if role == Role::Exporter {
                PersonId::from_uuid(exporter.id)
            } else {
                let reviewer = page.record.case.state.reviewer().filter(|_| dice.below(3) < 2);
                reviewer
                    .filter(|_| role == Role::Officer)
                    .unwrap_or(people[dice.below(people.len())])
            };
            let actor = Actor::Person {
                person,
                organisation,
                roles: BTreeSet::from([role]),
                organisations: BTreeSet::from([organisation]),
            };
            let model = page.record.case.clone().decide(action.clone(), &actor, today);
            let on = CaseVersion { id, version: page.record.version };
            let stored =
                cases::transition(&mut conn, on, action.clone(), &actor, &moment, &regime, |_| {
                    Ok(())
                })
                .await;
            match (model, stored) {
                (Ok((case, _)), Ok(record)) => {
                    taken += 1;
                    reached.insert(case.state.name());
                    assert_eq!((&case.state, case.version), (&record.case.state, record.version));
                    assert_eq!(case.work, record.case.work, "after {}", action.name());
                }
                (Err(refused), Err(CaseError::NotAllowed(refused_too))) => {
                    assert_eq!(refused, refused_too);
                    assert!(!matches!(refused, NotAllowed::Conflicted));
                }
                (model, stored) => panic!("{}: {model:?} but {stored:?}", action.name()),
            }
        }
    }
    assert!(60 < taken, "{taken} steps were taken");
    for state in [
        StateName::UnderReview,
        StateName::AgencyAdvice,
        StateName::UnderFinalReview,
        StateName::Countersign,
        StateName::Refused,
        StateName::UnderReconsideration,
    ] {
        assert!(reached.contains(&state), "{state} was never reached: {reached:?}");
    }
}
