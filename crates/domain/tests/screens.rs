//! The transition tables as people read them: `UPDATE_EXPECT=1` writes `docs/transitions.md` anew.

use domain::{
    case::{ActionName, TRANSITIONS, Transition, When},
    codes::Role,
    licence::LICENCE_TRANSITIONS,
};
use expect_test::expect_file;
use std::fmt::Write;

fn roles(roles: &[Role]) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_page_of_transitions_is_the_tables() {
    let mut page = "# What may happen

Rendered from `domain::case` and `domain::licence`; also published at `GET /v1/workflow`. What is
not here may not happen, from whatever entrance.

## A case (application)

What moves it on:

| from | action | to | by |
|---|---|---|---|
"
    .to_owned();
    let (moving, beside): (Vec<&Transition>, Vec<&Transition>) = TRANSITIONS
        .iter()
        .filter(|step| step.action != ActionName::Undo)
        .partition(|step| step.from != step.to || step.when.is_some());
    for step in &moving {
        let by = step.by.first().map_or("the passing of time", |_| "");
        let when = step.when.map(|when| format!(" ({when})")).unwrap_or_default();
        let by = if by.is_empty() { roles(step.by) } else { by.to_owned() };
        writeln!(page, "| {} | {} | {}{when} | {by} |", step.from, step.action, step.to).unwrap();
    }
    page.push_str(
        "\nWhat leaves it where it stands:\n\n| action | while it is | by |\n|---|---|---|\n",
    );
    for action in ActionName::ALL {
        let rows: Vec<_> = beside.iter().filter(|step| step.action == *action).collect();
        let Some(first) = rows.first() else { continue };
        let states: Vec<&str> = rows.iter().map(|step| step.from.as_str()).collect();
        let by = if first.by.is_empty() { "a routing rule".to_owned() } else { roles(first.by) };
        writeln!(page, "| {action} | {} | {by} |", states.join(", ")).unwrap();
    }
    page.push_str(
        "\nWhat takes the last step back (`undo`, by another senior_officer than took it, with a reason, until the \
         decision has left the house):\n\n| the last step | from | back to |\n|---|---|---|\n",
    );
    for step in TRANSITIONS {
        if let Some(When::Undoes(undone)) = step.when {
            writeln!(page, "| {undone} | {} | {} |", step.from, step.to).unwrap();
        }
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
