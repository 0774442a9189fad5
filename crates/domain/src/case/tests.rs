mod forecasts;
mod routes;
mod sequences;
mod working;

use super::*;
use crate::{
    application::Purpose,
    codes::Role,
    ids::{LicenceId, QueryId},
    licence::{Condition, Requirement},
    regime::{ClockExemption, ClockStop, FlagEffect, ParameterName, Regime},
};
use jiff::civil::date;
use rstest::rstest;
use std::fmt::Write;
use uuid::Uuid;

const TODAY: Date = date(2026, 11, 23);

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn person(number: u128) -> PersonId {
    PersonId::from_uuid(uuid(number))
}

const APPLICANT: u128 = 1;
const OFFICER: u128 = 2;
const SENIOR: u128 = 3;
const ADVISER: u128 = 4;

fn acting(number: u128, role: Role, organisation: u128) -> Actor {
    Actor::Person {
        person: person(number),
        organisation: OrganisationId::from_uuid(uuid(organisation)),
        roles: BTreeSet::from([role]),
        organisations: BTreeSet::from([OrganisationId::from_uuid(uuid(organisation))]),
    }
}

/// The right person for a step.
fn suited(action: &Action) -> Actor {
    let by = TRANSITIONS.iter().find(|row| row.action == action.name()).unwrap().by;
    let signs = matches!(action, Action::Countersign { .. } | Action::ConfirmRefusal);
    match by.first().copied().map(|role| if signs { Role::SeniorOfficer } else { role }) {
        Some(Role::Exporter) => acting(APPLICANT, Role::Exporter, 100),
        Some(Role::SeniorOfficer) => acting(SENIOR, Role::SeniorOfficer, 200),
        Some(Role::AgencyAdviser) => acting(ADVISER, Role::AgencyAdviser, 300),
        Some(_) => acting(OFFICER, Role::Officer, 200),
        None => Actor::Law,
    }
}

fn a_case(state: State) -> Case {
    let mut work = Work::begun_by(person(APPLICANT));
    if state.name() == StateName::AgencyAdvice {
        let agency = OrganisationId::from_uuid(uuid(300));
        work.asked.push(AskedAgency { agency, question: String::new(), asked_on: TODAY });
    }
    Case {
        id: CaseId::from_uuid(uuid(7)),
        organisation: OrganisationId::from_uuid(uuid(100)),
        version: 1,
        state,
        work,
        order: CountersignOrder::of_one(RiskGrade::Low),
        conflicted: BTreeSet::new(),
        absent: BTreeSet::new(),
    }
}

fn slug(code: &str) -> Slug {
    code.parse().unwrap()
}

fn raised(code: &str) -> RaisedFlag {
    RaisedFlag { flag: slug(code), effect: FlagEffect::BlocksDecision }
}

fn query() -> QueryId {
    QueryId::from_uuid(uuid(8))
}

fn condition(author: u128) -> Condition {
    let author = OrganisationId::from_uuid(uuid(author));
    let requirement = Requirement::ShipmentsAtMost { shipments: 2 };
    Condition { number: 1, author, line: None, requirement }
}

fn licence() -> LicenceId {
    LicenceId::from_uuid(uuid(9))
}

fn every_state() -> Vec<State> {
    let (accepted_on, reviewer) = (date(2026, 11, 2), person(OFFICER));
    let decided_by = FourEyes::new(person(OFFICER), person(SENIOR)).unwrap();
    vec![
        State::Draft,
        State::Submitted { on: date(2026, 11, 2) },
        State::Accepted { on: accepted_on },
        State::UnderReview { accepted_on, reviewer },
        State::AgencyAdvice { accepted_on, reviewer },
        State::UnderFinalReview { accepted_on, reviewer },
        State::Countersign { accepted_on, reviewer, recommendation: Recommendation::Approve },
        State::Countersign {
            accepted_on,
            reviewer,
            recommendation: Recommendation::Refuse(RefusalReason::Destination),
        },
        State::Approved { licence: licence(), decided_by },
        State::Refused { reason: RefusalReason::Destination, decided_by },
        State::Returned,
        State::Withdrawn,
        State::UnderReconsideration { refused_for: RefusalReason::Destination },
    ]
}

fn every_action() -> Vec<Action> {
    let note = String::new;
    vec![
        Action::Submit,
        Action::Withdraw,
        Action::Accept,
        Action::DeemAccepted,
        Action::Return { missing: vec!["end_user_end_use_certificate".to_owned()] },
        Action::BeginReview,
        Action::Reassign { reviewer: person(8) },
        Action::AskAgency { agency: OrganisationId::from_uuid(uuid(301)), question: note() },
        Action::Recall,
        Action::Advise { advice: Advice::Approve, level: AdviceLevel::Agency, note: note() },
        Action::BeginFinalReview,
        Action::StopClock { cause: ClockStop::ExpertOpinion },
        Action::ResumeClock,
        Action::RecommendApproval { note: note(), conditions: Vec::new() },
        Action::RecommendRefusal { reason: RefusalReason::Destination, note: note() },
        Action::Countersign { licence: licence() },
        Action::ConfirmRefusal,
        Action::SendBack { note: note() },
        Action::RequestReconsideration { grounds: note() },
        Action::Assign { officer: person(OFFICER) },
        Action::Route { queue: slug("fast"), rule: None, routing_version: 1, flags: Vec::new() },
        Action::Move { queue: slug("slow"), reason: note() },
        Action::RaiseFlag { flag: raised("legal_review"), note: note() },
        Action::ClearFlag { flag: slug("legal_review"), note: note() },
        Action::AskApplicant { query: query(), question: note() },
        Action::AnswerQuery { query: query(), answer: note() },
        Action::CloseQuery { query: query() },
        Action::AskBack { query: query(), question: String::new() },
        Action::AnswerAgency { query: query(), answer: String::new() },
        Action::Note { text: note() },
        Action::AttachCondition { condition: condition(200) },
        Action::RemoveCondition { number: 1 },
        Action::Exempt { exemption: ClockExemption::StateCouncilCase, note: note() },
        Action::Undo { reason: note() },
    ]
}

#[test]
fn the_transition_table() {
    let mut table = String::new();
    let (states, actions) = (every_state(), every_action());
    assert_eq!(actions.len(), ActionName::ALL.len());
    for state in states {
        for action in &actions {
            let case = a_case(state.clone());
            let name = match &state {
                State::Countersign { recommendation, .. } => {
                    format!("countersign({recommendation:?})")
                }
                state => state.name().to_string(),
            };
            let outcome = match case.decide(action.clone(), &suited(action), TODAY) {
                Ok((case, event)) => {
                    assert_eq!(case.state.name(), event.state);
                    let leads = TRANSITIONS.iter().any(|row| {
                        (row.from, row.action, row.to)
                            == (state.name(), action.name(), case.state.name())
                    });
                    assert!(leads, "{name} + {} is in the table", action.name());
                    format!("{:?}", case.state)
                }
                Err(NotAllowed::NotInThisState { .. }) => continue,
                Err(error) => error.code().to_owned(),
            };
            let outcome = outcome.replace("00000000-0000-0000-0000-00000000000", "#");
            writeln!(table, "{name} + {} -> {outcome}", action.name()).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_step_stands_in_the_table_once_and_every_state_can_be_reached() {
    for row in TRANSITIONS {
        let same = TRANSITIONS.iter().filter(|other| {
            (other.from, other.action, other.when, other.when.map(|_| other.to))
                == (row.from, row.action, row.when, row.when.map(|_| row.to))
        });
        assert_eq!(same.count(), 1, "{} + {}", row.from, row.action);
    }
    for state in StateName::ALL {
        let reached = *state == StateName::Draft || TRANSITIONS.iter().any(|row| row.to == *state);
        assert!(reached, "{state}");
    }
}

#[test]
fn whoever_recommended_cannot_countersign_whatever_role_they_hold() {
    let state = State::Countersign {
        accepted_on: TODAY,
        reviewer: person(OFFICER),
        recommendation: Recommendation::Approve,
    };
    let also_senior = acting(OFFICER, Role::SeniorOfficer, 200);
    for action in
        [Action::Countersign { licence: licence() }, Action::SendBack { note: String::new() }]
    {
        let refused = a_case(state.clone()).decide(action, &also_senior, TODAY);
        assert_eq!(refused.unwrap_err(), NotAllowed::SamePerson);
    }
}

#[rstest]
#[case::own_organisation(acting(OFFICER, Role::Officer, 100), NotAllowed::OwnOrganisation)]
#[case::own_application(acting(APPLICANT, Role::Officer, 200), NotAllowed::OwnApplication)]
#[case::wrong_role(
    acting(OFFICER, Role::SeniorOfficer, 200),
    NotAllowed::WrongRole { action: ActionName::Accept, needs: &[Role::Officer] }
)]
#[case::the_law(
    Actor::Law,
    NotAllowed::WrongRole { action: ActionName::Accept, needs: &[Role::Officer] }
)]
fn nobody_accepts_what_is_their_own_affair(#[case] actor: Actor, #[case] why: NotAllowed) {
    let case = a_case(State::Submitted { on: TODAY });
    assert_eq!(case.decide(Action::Accept, &actor, TODAY).unwrap_err(), why);
}

#[test]
fn only_the_applicant_submits_and_withdraws() {
    let stranger = acting(5, Role::Exporter, 101);
    let refused = a_case(State::Draft).decide(Action::Submit, &stranger, TODAY);
    assert_eq!(refused.unwrap_err(), NotAllowed::NotTheApplicant);
}

#[test]
fn only_the_law_counts_an_application_as_accepted_and_then_on_the_day_it_came_in() {
    let case = a_case(State::Submitted { on: date(2026, 11, 2) });
    let by_a_person = case.clone().decide(Action::DeemAccepted, &suited(&Action::Accept), TODAY);
    assert_eq!(by_a_person.unwrap_err().code(), "wrong_role");
    let (accepted, event) = case.decide(Action::DeemAccepted, &Actor::Law, TODAY).unwrap();
    assert_eq!(accepted.state, State::Accepted { on: date(2026, 11, 2) });
    assert_eq!(event.person, None);
}

#[test]
fn nothing_is_recommended_while_the_clock_stands_still() {
    let under_review = State::UnderReview { accepted_on: TODAY, reviewer: person(OFFICER) };
    let stop = Action::StopClock { cause: ClockStop::SiteCheck };
    let officer = suited(&stop);
    let (case, _) = a_case(under_review).decide(stop, &officer, TODAY).unwrap();
    let recommend = Action::RecommendApproval { note: String::new(), conditions: Vec::new() };
    let refused = case.clone().decide(recommend.clone(), &officer, TODAY);
    assert_eq!(refused.unwrap_err(), NotAllowed::ClockStopped(ClockStop::SiteCheck));
    let (case, _) = case.decide(Action::ResumeClock, &officer, TODAY).unwrap();
    assert!(case.decide(recommend, &officer, TODAY).is_ok());
}

#[test]
fn a_reconsideration_is_for_others() {
    let decided_by = FourEyes::new(person(OFFICER), person(SENIOR)).unwrap();
    let refused = a_case(State::Refused { reason: RefusalReason::Destination, decided_by });
    let ask = Action::RequestReconsideration { grounds: "new certificate".to_owned() };
    let (case, _) = refused.decide(ask.clone(), &suited(&ask), TODAY).unwrap();
    let again =
        case.clone().decide(Action::BeginReview, &acting(OFFICER, Role::Officer, 200), TODAY);
    assert_eq!(again.unwrap_err(), NotAllowed::DecidedBefore);
    assert!(case.decide(Action::BeginReview, &acting(20, Role::Officer, 200), TODAY).is_ok());
}

#[test]
fn two_eyes_are_not_four() {
    assert_eq!(FourEyes::new(person(1), person(1)), None);
}

const LIMIT: ParameterName = ParameterName::DecisionWorkingDays;

fn clock(events: &[ClockEvent], today: Date) -> Clock {
    decision_clock(events, &Regime::default_china_2025(), LIMIT, None, today).unwrap()
}

#[test]
fn forty_five_working_days_are_counted_over_holidays() {
    let clock = clock(&[ClockEvent::Accepted(date(2026, 9, 1))], date(2026, 9, 30));
    // 25-27 September and 1-7 October are free, 20 September and 10 October are worked.
    assert_eq!(clock.due_on, Some(date(2026, 11, 9)));
    assert_eq!(clock.working_days_used, 21);
    assert!(!clock.provisional);
}

#[rstest]
#[case(Purpose::NewLicence, 45, date(2026, 11, 9))]
#[case(Purpose::KeyChange, 45, date(2026, 11, 9))]
#[case(Purpose::Renewal, 45, date(2026, 11, 9))]
#[case(Purpose::NonKeyChange, 20, date(2026, 9, 29))]
fn a_change_of_no_key_element_has_a_clock_of_its_own(
    #[case] purpose: Purpose,
    #[case] allowed: u32,
    #[case] due_on: Date,
) {
    let (events, regime) = ([ClockEvent::Accepted(date(2026, 9, 1))], Regime::default_china_2025());
    let clock =
        decision_clock(&events, &regime, purpose.decision_limit(), None, date(2026, 9, 2)).unwrap();
    assert_eq!((clock.working_days_allowed, clock.due_on), (Some(allowed), Some(due_on)));
}

#[test]
fn a_due_date_in_a_year_not_announced_is_provisional() {
    let clock = clock(&[ClockEvent::Accepted(TODAY)], TODAY);
    assert_eq!((clock.due_on, clock.provisional), (Some(date(2027, 1, 25)), true));
}

#[test]
fn only_what_the_law_names_stops_the_clock_and_every_pause_is_itemised() {
    let events = [
        ClockEvent::Accepted(date(2026, 6, 1)),
        ClockEvent::Stopped { cause: ClockStop::Identification, on: date(2026, 6, 8) },
        ClockEvent::Resumed { on: date(2026, 6, 15) },
        ClockEvent::Stopped { cause: ClockStop::SiteCheck, on: date(2026, 6, 22) },
    ];
    let running = clock(&events[..3], date(2026, 6, 16));
    assert_eq!(running.working_days_used, 11 - 5);
    assert_eq!(running.pauses[0].working_days, 5);
    let without = clock(&events[..1], date(2026, 6, 16));
    let calendar = Regime::default_china_2025();
    let moved = calendar.calendar().add_working_days(without.due_on.unwrap(), 5).value();
    assert_eq!(running.due_on, Some(moved));

    let standing = clock(&events, date(2026, 6, 24));
    assert_eq!(standing.due_on, None);
    assert_eq!(standing.no_due_date, Some(NoLimit::Stopped { cause: ClockStop::SiteCheck }));
    assert_eq!(standing.pauses[1].working_days, 3);
}

#[test]
fn a_case_with_a_watch_listed_party_has_no_time_limit() {
    let exemption = Some(ClockExemption::WatchListedParty);
    let events = [ClockEvent::Accepted(TODAY)];
    let regime = Regime::default_china_2025();
    let clock = decision_clock(&events, &regime, LIMIT, exemption, TODAY).unwrap();
    assert_eq!(clock.due_on, None);
    assert!(matches!(clock.no_due_date, Some(NoLimit::Exempt { .. })));
}

#[test]
fn a_decision_after_the_due_date_is_overdue() {
    let accepted = ClockEvent::Accepted(date(2026, 6, 1));
    assert!(!clock(&[accepted, ClockEvent::Ended(date(2026, 6, 2))], TODAY).overdue);
    assert!(clock(&[accepted], TODAY).overdue);
    assert!(decision_clock(&[], &Regime::default_china_2025(), LIMIT, None, TODAY).is_none());
}

#[rstest]
#[case::the_fifth_day(date(2026, 11, 23), true)]
#[case::the_sixth_day(date(2026, 11, 24), false)]
fn five_working_days_without_notice_count_as_acceptance(#[case] today: Date, #[case] open: bool) {
    let answer = acceptance(date(2026, 11, 16), today, &Regime::default_china_2025());
    match answer {
        Acceptance::Open { until, .. } => assert!(open && until == date(2026, 11, 23)),
        Acceptance::Deemed { accepted_on, provenance } => {
            assert!(!open);
            assert_eq!(accepted_on, date(2026, 11, 16));
            assert_eq!(provenance.verification.as_str(), "memory-unverified");
        }
        Acceptance::NoRule => panic!("the rule is shipped"),
    }
}
