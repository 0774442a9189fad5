//! Behind the law of cases and licences stand constraints, each of which does something.

use system_tests::{
    docket::House,
    figures::races::{GUARDS, Templates, drop_guard, guard_holds},
};
use testkit::{Stack, StackOptions};

const COPIES: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_constraint_the_races_are_lost() {
    let options = StackOptions { services: vec!["licensing"], ..StackOptions::default() };
    let stack = Stack::start_with(options).await;
    let database = stack.database();
    let house = House::open(&stack).await.unwrap();
    let templates = Templates::make(&house, database).await.unwrap();
    for guard in &GUARDS {
        let name = guard.constraint;
        let held = guard_holds(&house, database, &templates, guard, COPIES).await.unwrap();
        assert_eq!(held.broken, 0, "{name} refuses what it is for");
        assert!(0 < held.refused, "{name} was tried");
        drop_guard(database, guard).await.unwrap();
        let without = guard_holds(&house, database, &templates, guard, COPIES).await.unwrap();
        assert!(0 < without.broken, "without {name} nothing else refuses it");
    }
}
