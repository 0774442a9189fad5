//! What is done beside the states: flags, questions, conditions, signatures, undoing, keeping away.

use super::*;

const ANOTHER: u128 = 20;

fn reviewed() -> Case {
    a_case(State::UnderReview { accepted_on: TODAY, reviewer: person(OFFICER) })
}

fn officer() -> Actor {
    acting(OFFICER, Role::Officer, 200)
}

fn senior(number: u128) -> Actor {
    acting(number, Role::SeniorOfficer, 200)
}

fn takes(case: Case, action: Action, actor: &Actor) -> Case {
    let name = action.name();
    match case.decide(action, actor, TODAY) {
        Ok((case, _)) => case,
        Err(error) => panic!("{name}: {error}"),
    }
}

fn refused(case: &Case, action: Action, actor: &Actor) -> NotAllowed {
    case.clone().decide(action, actor, TODAY).unwrap_err()
}

fn approval() -> Action {
    Action::RecommendApproval { note: String::new(), conditions: Vec::new() }
}

fn sign() -> Action {
    Action::Countersign { licence: licence() }
}

#[test]
fn a_flag_that_blocks_is_settled_before_a_decision_and_by_whoever_raised_it() {
    let adviser = acting(ADVISER, Role::AgencyAdviser, 300);
    let raise = Action::RaiseFlag { flag: raised("legal_review"), note: String::new() };
    let clear = Action::ClearFlag { flag: slug("legal_review"), note: String::new() };
    let case = takes(reviewed(), raise.clone(), &adviser);
    assert_eq!(refused(&case, raise, &officer()), NotAllowed::FlagIsRaised(slug("legal_review")));
    assert_eq!(
        refused(&case, approval(), &officer()),
        NotAllowed::Blocked(vec![slug("legal_review")])
    );
    assert_eq!(refused(&case, clear.clone(), &officer()), NotAllowed::OfAnotherAgency);
    let case = takes(case, clear.clone(), &adviser);
    assert_eq!(refused(&case, clear, &adviser), NotAllowed::FlagIsNotRaised(slug("legal_review")));
    takes(case, approval(), &officer());
}

#[test]
fn a_flag_that_was_raised_after_the_recommendation_blocks_the_signature() {
    let case = takes(reviewed(), approval(), &officer());
    let raise = Action::RaiseFlag { flag: raised("legal_review"), note: String::new() };
    let case = takes(case, raise, &officer());
    assert_eq!(
        refused(&case, sign(), &senior(SENIOR)),
        NotAllowed::Blocked(vec![slug("legal_review")])
    );
}

#[test]
fn a_question_is_answered_once_and_stops_no_clock() {
    let applicant = acting(APPLICANT, Role::Exporter, 100);
    let ask = Action::AskApplicant { query: query(), question: "which line?".to_owned() };
    let answer = Action::AnswerQuery { query: query(), answer: "the second".to_owned() };
    let close = Action::CloseQuery { query: query() };
    assert_eq!(refused(&reviewed(), answer.clone(), &applicant), NotAllowed::NoSuchQuery);
    let case = takes(reviewed(), ask.clone(), &officer());
    assert_eq!((case.work.open_queries(), case.work.clock_stopped_for), (1, None));
    assert_eq!(
        refused(&case, answer.clone(), &acting(5, Role::Exporter, 101)),
        NotAllowed::NotTheApplicant
    );
    let case = takes(case, answer.clone(), &applicant);
    assert_eq!((case.work.open_queries(), case.work.answered_queries()), (0, 1));
    assert_eq!(refused(&case, answer.clone(), &applicant), NotAllowed::QueryIs("answered"));
    let case = takes(case, close.clone(), &officer());
    assert_eq!(refused(&case, answer.clone(), &applicant), NotAllowed::QueryIs("closed"));
    assert_eq!(refused(&case, close, &officer()), NotAllowed::QueryIs("closed"));
    // Asked, and taken back before it was answered.
    let withdrawn = takes(takes(reviewed(), ask, &officer()), Action::Withdraw, &applicant);
    assert_eq!(refused(&withdrawn, answer, &applicant).code(), "not_in_this_state");
}

#[test]
fn a_condition_is_taken_away_by_its_authors_agency_alone() {
    let adviser = acting(ADVISER, Role::AgencyAdviser, 300);
    let attach = |author| Action::AttachCondition { condition: condition(author) };
    let case = takes(reviewed(), attach(300), &adviser);
    let case = takes(case, attach(200), &officer());
    let numbers: Vec<u16> = case.work.conditions.iter().map(|it| it.number).collect();
    assert_eq!(numbers, [1, 2]);
    let remove = |number| Action::RemoveCondition { number };
    assert_eq!(refused(&case, remove(1), &officer()), NotAllowed::OfAnotherAgency);
    assert_eq!(refused(&case, remove(9), &officer()), NotAllowed::NoSuchCondition(9));
    // With the recommendation comes one more, and goes when it is sent back.
    let recommend =
        Action::RecommendApproval { note: String::new(), conditions: vec![condition(200)] };
    let recommended = takes(case, recommend, &officer());
    assert_eq!(recommended.work.conditions.len(), 3);
    assert_eq!(refused(&recommended, remove(2), &officer()).code(), "not_in_this_state");
    let back = takes(recommended, Action::SendBack { note: String::new() }, &senior(SENIOR));
    assert_eq!(back.work.conditions.len(), 2);
    let restored = takes(back, Action::Undo { reason: String::new() }, &senior(ANOTHER));
    assert_eq!(restored.work.conditions.len(), 3, "undoing brings it back");
}

#[test]
fn high_risk_takes_two_signatures_of_two_persons() {
    let regime = Regime::default_china_2025();
    let mut case = reviewed();
    case.order = CountersignOrder::of(&regime, RiskGrade::High, TODAY);
    assert_eq!(case.order.signatures().len(), 2);
    let case = takes(case, approval(), &officer());
    let once = takes(case, sign(), &senior(SENIOR));
    assert_eq!(once.state.name(), StateName::Countersign);
    assert_eq!(refused(&once, sign(), &senior(SENIOR)), NotAllowed::SignedAlready);
    assert_eq!(refused(&once, sign(), &senior(OFFICER)), NotAllowed::SamePerson);
    assert_eq!(
        refused(&once, sign(), &acting(ANOTHER, Role::Officer, 200)),
        NotAllowed::SignatureOfAnotherRole { needs: Role::SeniorOfficer }
    );
    let twice = takes(once.clone(), sign(), &senior(ANOTHER));
    assert_eq!(twice.state.name(), StateName::Approved);
    assert_eq!(
        refused(&twice, Action::Undo { reason: String::new() }, &senior(21)).code(),
        "not_in_this_state",
        "a decision has left the house"
    );
    let again = takes(once, Action::Undo { reason: String::new() }, &senior(ANOTHER));
    assert!(again.work.signed.is_empty(), "the first signature was taken back");
}

#[test]
fn every_risk_has_an_order_and_what_has_none_takes_one_senior_officer() {
    let regime = Regime::default_china_2025();
    for risk in RiskGrade::ALL {
        assert!(regime.countersign_rules(TODAY).any(|row| row.key == risk.as_str()), "{risk}");
    }
    let before = CountersignOrder::of(&regime, RiskGrade::High, date(2026, 1, 1));
    assert!(!before.signatures().is_empty());
    assert_eq!(CountersignOrder::of_one(RiskGrade::High).signatures(), [Role::SeniorOfficer]);
}

#[test]
fn a_second_person_takes_a_step_back_and_nothing_that_was_told() {
    let undo = || Action::Undo { reason: "a mistake".to_owned() };
    let recommended = takes(reviewed(), approval(), &officer());
    let also_senior = acting(OFFICER, Role::SeniorOfficer, 200);
    assert_eq!(refused(&recommended, undo(), &also_senior), NotAllowed::OwnStep);
    let back = takes(recommended, undo(), &senior(SENIOR));
    assert_eq!(back.state, reviewed().state);
    assert_eq!(refused(&back, undo(), &senior(SENIOR)), NotAllowed::NothingToUndo);

    let stopped = takes(back, Action::StopClock { cause: ClockStop::SiteCheck }, &officer());
    let noted = takes(stopped, Action::Note { text: "x".to_owned() }, &officer());
    let running = takes(noted, undo(), &senior(SENIOR));
    assert_eq!(running.work.clock_stopped_for, None);
    assert_eq!(running.work.notes.len(), 1, "what stands beside it stays");

    let accepted = takes(a_case(State::Submitted { on: TODAY }), Action::Accept, &officer());
    assert_eq!(refused(&accepted, undo(), &senior(SENIOR)).code(), "not_in_this_state");
    let begun = takes(accepted.clone(), Action::BeginReview, &officer());
    assert_eq!(takes(begun, undo(), &senior(SENIOR)).state, accepted.state);
}

#[test]
fn whoever_is_not_impartial_does_nothing_and_whoever_is_away_is_given_nothing() {
    let mut case = a_case(State::Accepted { on: TODAY });
    case.conflicted.insert(person(OFFICER));
    case.absent.insert(person(ANOTHER));
    for action in [
        Action::BeginReview,
        Action::Note { text: "x".to_owned() },
        Action::RaiseFlag { flag: raised("legal_review"), note: String::new() },
    ] {
        assert_eq!(refused(&case, action, &officer()), NotAllowed::Conflicted);
    }
    let assign = |number| Action::Assign { officer: person(number) };
    assert_eq!(refused(&case, assign(OFFICER), &senior(SENIOR)), NotAllowed::Conflicted);
    assert_eq!(refused(&case, assign(ANOTHER), &senior(SENIOR)), NotAllowed::Absent);
    assert_eq!(
        refused(&case, assign(21), &acting(22, Role::Officer, 200)),
        NotAllowed::AssignsOthers
    );
    let assigned = takes(case, assign(21), &senior(SENIOR));
    assert_eq!(
        refused(&assigned, Action::BeginReview, &acting(22, Role::Officer, 200)),
        NotAllowed::AssignedToAnother
    );
    takes(assigned, Action::BeginReview, &acting(21, Role::Officer, 200));
}

#[test]
fn a_case_waits_for_every_agency_and_contradictions_are_shown() {
    let ask = |agency: u128| Action::AskAgency {
        agency: OrganisationId::from_uuid(uuid(agency)),
        question: "known?".to_owned(),
    };
    let advise = |advice, level| Action::Advise { advice, level, note: String::new() };
    let (one, other) = (acting(30, Role::AgencyAdviser, 300), acting(31, Role::AgencyAdviser, 301));
    let case = takes(takes(reviewed(), ask(300), &officer()), ask(301), &officer());
    assert_eq!(refused(&case, ask(300), &officer()), NotAllowed::AskedAlready);
    let stranger = acting(32, Role::AgencyAdviser, 302);
    let agency = AdviceLevel::Agency;
    assert_eq!(refused(&case, advise(Advice::Approve, agency), &stranger), NotAllowed::NotAsked);
    let case = takes(case, advise(Advice::Refuse, AdviceLevel::Adviser), &one);
    let case = takes(case, advise(Advice::Proviso, agency), &one);
    assert_eq!(case.state.name(), StateName::AgencyAdvice, "the other is still asked");
    assert!(advice_conflicts(&case.work.advice).is_empty(), "its adviser is no second agency");
    let case = takes(case, advise(Advice::Refuse, agency), &other);
    assert_eq!(case.state.name(), StateName::UnderFinalReview);
    let conflicts = advice_conflicts(&case.work.advice);
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].level, AdviceLevel::Agency);
}

#[test]
fn what_officials_do_among_themselves_is_not_told_to_the_applicant() {
    use ActionName as A;
    let untold = [
        A::Assign,
        A::Reassign,
        A::Route,
        A::Move,
        A::RaiseFlag,
        A::ClearFlag,
        A::Note,
        A::Undo,
        A::AskAgency,
        A::Advise,
        A::Recall,
        A::BeginFinalReview,
        A::RecommendApproval,
        A::RecommendRefusal,
        A::SendBack,
        A::AttachCondition,
        A::RemoveCondition,
    ];
    for action in untold {
        assert!(!action.is_told_to_the_applicant(), "{action}");
    }
    let mut case = reviewed();
    case.order = CountersignOrder::of(&Regime::default_china_2025(), RiskGrade::High, TODAY);
    let case = takes(case, approval(), &officer());
    let (once, event) = case.decide(sign(), &senior(SENIOR), TODAY).unwrap();
    assert!(!event.is_told_to_the_applicant(), "one of two signatures");
    let (_, event) = once.decide(sign(), &senior(ANOTHER), TODAY).unwrap();
    assert!(event.is_told_to_the_applicant());
}

#[test]
fn an_agency_that_is_asked_asks_back_and_the_reviewer_answers_once() {
    let adviser = acting(ADVISER, Role::AgencyAdviser, 300);
    let agency = OrganisationId::from_uuid(uuid(300));
    let back = Action::AskBack { query: query(), question: "which furnace?".to_owned() };
    let answer = Action::AnswerAgency { query: query(), answer: "the second".to_owned() };
    let asked =
        takes(reviewed(), Action::AskAgency { agency, question: "fit?".to_owned() }, &officer());
    let stranger = acting(6, Role::AgencyAdviser, 301);
    assert_eq!(refused(&asked, back.clone(), &stranger), NotAllowed::NotAsked);
    assert_eq!(refused(&asked, answer.clone(), &officer()), NotAllowed::NoSuchQuery);
    let case = takes(asked, back, &adviser);
    assert_eq!(case.state.name(), StateName::AgencyAdvice, "it waits for the agency still");
    let another = acting(ANOTHER, Role::Officer, 200);
    assert_eq!(refused(&case, answer.clone(), &another), NotAllowed::NotTheReviewer);
    let case = takes(case, answer.clone(), &officer());
    assert_eq!(case.work.asked_back[0].answer.as_deref(), Some("the second"));
    assert_eq!(case.work.asked_back[0].answered_by, Some(person(OFFICER)));
    assert_eq!(refused(&case, answer, &officer()), NotAllowed::QueryIs("answered"));
}
