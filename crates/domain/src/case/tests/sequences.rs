//! Random sequences of actions: what holds whatever anybody tries.

use super::*;
use proptest::prelude::*;

/// Somebody who tries something: any action, any of six persons, any role, two houses.
fn attempts() -> impl Strategy<Value = Vec<(usize, u128, usize, u128)>> {
    prop::collection::vec((0..every_action().len(), 1..7_u128, 0..4_usize, 0..3_u128), 1..120)
}

fn somebody(number: u128, role: usize, house: u128) -> Actor {
    let role = [Role::Officer, Role::SeniorOfficer, Role::Exporter, Role::AgencyAdviser][role];
    let organisation = match role {
        Role::Exporter => 100,
        Role::AgencyAdviser => 300 + house,
        _ => 200,
    };
    acting(number, role, organisation)
}

fn made() -> Case {
    let mut case = a_case(State::Draft);
    case.order = CountersignOrder::of(&Regime::default_china_2025(), RiskGrade::High, TODAY);
    case.conflicted.insert(person(6));
    case
}

proptest! {
    #[test]
    fn nobody_decides_alone_and_what_is_read_back_is_what_was_decided(tries in attempts()) {
        let mut case = made();
        let mut read = made();
        for (action, number, role, house) in tries {
            let action = every_action().swap_remove(action);
            let actor = somebody(number, role, house);
            let before = case.state.name();
            let Ok((after, event)) = case.clone().decide(action.clone(), &actor, TODAY) else { continue };
            let in_the_table = TRANSITIONS.iter().any(|row| {
                (row.from, row.action, row.to) == (before, event.action.name(), event.state)
            });
            prop_assert!(in_the_table, "{before} + {}", event.action.name());
            prop_assert_ne!(actor.person(), Some(person(6)).filter(|_| role != 2), "not impartial");
            let (person, agency) = (actor.person(), actor.organisation());
            let (on, version) = (TODAY, after.version);
            read = read.read_back(TakenStep { action: &action, person, agency, on, version }, event.state);
            prop_assert_eq!(&read, &after);
            if let State::Approved { decided_by, .. } | State::Refused { decided_by, .. } = &after.state {
                let (one, other) = (decided_by.recommended_by(), decided_by.confirmed_by());
                prop_assert_ne!(one, other);
                prop_assert!(!after.work.prepared_by.contains(&one) && !after.work.prepared_by.contains(&other));
                if event.is_decision() {
                    prop_assert_eq!(after.work.signed.len(), 2);
                    prop_assert!(after.work.signed[0] != after.work.signed[1]);
                    prop_assert!(!after.work.signed.contains(&one));
                    prop_assert!(after.work.blocking().is_empty());
                    prop_assert!(after.work.undoable.is_empty(), "it has left the house");
                }
            }
            case = after;
        }
    }
}
