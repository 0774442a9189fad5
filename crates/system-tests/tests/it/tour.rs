//! The README's tour, as a newcomer pastes it.

use simulator::demonstration::Demonstration;
use std::{path::Path, process::Command};
use testkit::Stack;

const README: &str = include_str!("../../../../README.md");
/// Addresses that `scripts/up` gives, which are others here.
const REPORTING: &str = "http://127.0.0.1:8081";
const LICENSING: &str = "http://127.0.0.1:8082";

/// The shell commands of the tour, step by step.
fn steps() -> Vec<&'static str> {
    let tour = README.split("## A tour").nth(1).and_then(|rest| rest.split("\n## ").next());
    let tour = tour.expect("the README has a tour");
    tour.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// Pastes the tour into a shell beside what the demonstration left; what each step printed.
pub(crate) fn paste(stack: &Stack, demonstration: &Demonstration, directory: &Path) -> Vec<String> {
    let state = directory.join(".lodestone");
    std::fs::create_dir_all(&state).unwrap();
    demonstration.write(&state.join("demonstration.json"), &state.join("story.json")).unwrap();
    let mut script = "set -o pipefail\n".to_owned();
    for step in steps() {
        script.push_str(step);
        script.push_str("\nprintf '\\n-- end of step --\\n'\n");
    }
    let script = script
        .replace(REPORTING, &stack.url("reporting-api"))
        .replace(LICENSING, &stack.url("licensing"));
    let output =
        Command::new("bash").arg("-c").arg(script).current_dir(directory).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complaints = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !complaints.contains("error"), "{said}\n{complaints}");
    let mut said: Vec<String> =
        said.split("\n-- end of step --\n").map(ToOwned::to_owned).collect();
    said.pop();
    said
}

/// What each step must show, in order; the first only defines what the others use.
pub(crate) fn check(said: &[String]) {
    const SHOWN: [&[&str]; 6] = [
        &[],
        &["\"TOUR-1\"", "recorded_at"],
        &["in_the_future", "invalid_uscc", "invalid_mass", "unknown_lot"],
        &["\"TOUR-3\"", "stock_drawn_below_zero"],
        &["controlled", "1C905"],
        &["LS-", "issued"],
    ];
    assert_eq!(
        said.len(),
        SHOWN.len(),
        "the README's tour has other steps than this test: {said:#?}"
    );
    for (step, (said, shown)) in said.iter().zip(SHOWN).enumerate() {
        for word in shown {
            assert!(said.contains(word), "step {step} of the tour does not show {word}:\n{said}");
        }
        let expects_problem = step == 2;
        assert_eq!(
            said.contains("/problems/"),
            expects_problem,
            "step {step} of the tour:\n{said}"
        );
    }
}
