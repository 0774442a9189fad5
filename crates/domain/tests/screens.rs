//! The transition tables as people read them: `UPDATE_EXPECT=1` writes `docs/transitions.md` anew.

use domain::{case::TRANSITIONS, licence::LICENCE_TRANSITIONS};
use expect_test::expect_file;
use std::fmt::Write;

#[test]
fn the_page_of_transitions_is_the_tables() {
    let mut page = "# What may happen

Rendered from `domain::case` and `domain::licence`; also published at `GET /v1/workflow`. What is
not here may not happen, from whatever entrance.

## A case (application)

| from | action | to | by |
|---|---|---|---|
"
    .to_owned();
    for step in TRANSITIONS {
        let by = step.by.map_or("the passing of time", domain::codes::Role::as_str);
        writeln!(page, "| {} | {} | {} | {by} |", step.from, step.action, step.to).unwrap();
    }
    page.push_str("\n## A licence\n\n| from | action | to | by |\n|---|---|---|---|\n");
    for step in LICENCE_TRANSITIONS {
        writeln!(page, "| {} | {} | {} | {} |", step.from, step.action, step.to, step.by).unwrap();
    }
    page.push_str(
        "\n*Exhausted* and *expired* are no states: they follow from the balance and the date. Nor is the pause\nwhile an application to change the licence is pending: it follows from that application.\n",
    );
    expect_file!["../../../docs/transitions.md"].assert_eq(&page);
}
