//! People in front of a real browser, on real services.

use jiff::civil::Date;
use simulator::{
    Plan, Wanted,
    api::Api,
    demonstration::{AdministratorSignIn, run},
};
use std::{path::Path, process::Command};
use testkit::{ADMINISTRATOR_EMAIL, ADMINISTRATOR_PASSWORD, Running, Stack, rendered};

#[tokio::test(flavor = "multi_thread")]
async fn each_person_finishes_their_story_in_a_browser() {
    let stack = Stack::installed().await;
    let people = load(&stack).await;
    let target = stack.binary("portal").parent().and_then(Path::parent).unwrap().to_owned();
    let mut environment = stack.environment().to_vec();
    let mut set = |name: &str, value: String| environment.push((name.to_owned(), value));
    set("LODESTONE_PORTAL__REPORTING_URL", stack.url("reporting-api"));
    set("LODESTONE_PORTAL__LICENSING_URL", stack.url("licensing"));
    set("LODESTONE_PORTAL__ASSETS_FOLDER", target.join("portal-assets").display().to_string());
    set("LODESTONE_PORTAL__SECURE_COOKIES", "false".to_owned());
    let mut portal = Running::start(
        "portal",
        &testkit::Binaries::beside_this_program(),
        &environment,
        stack.files(),
    );
    portal.becomes_ready().await;

    let stories = Path::new(env!("CARGO_MANIFEST_DIR")).join("../portal/tests/browser/stories.mjs");
    let output = Command::new("node")
        .arg(stories)
        .env("PORTAL", portal.url())
        .env("PACKAGES", target.join("portal-packages"))
        .env("PEOPLE", people.join("demonstration.json"))
        .env("STORY", people.join("story.json"))
        .output()
        .expect("node is installed: scripts/test sees to it");
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaints}\n{}", portal.last_of_log());
    assert!(said.contains("0 failed"), "{said}");
}

/// A small nation; who can sign in, and the story, as files.
async fn load(stack: &Stack) -> std::path::PathBuf {
    let owner = stack.database().owner().await;
    let today = "select to_char(now() at time zone 'Asia/Shanghai', 'YYYY-MM-DD')";
    let today: Date = rendered(&owner, today).await.parse().unwrap();
    let plan = Plan::of(&Wanted { seed: 1, organisations: 40, filings: 2_000, until: today });
    let api = Api::new(
        stack.url("reporting-api").parse().unwrap(),
        stack.url("licensing").parse().unwrap(),
    )
    .unwrap();
    let administrator = AdministratorSignIn {
        email: ADMINISTRATOR_EMAIL.to_owned(),
        password: ADMINISTRATOR_PASSWORD.to_owned(),
    };
    let done = run(&api, &plan, &administrator, 32, today).await.unwrap();
    let folder = stack.files().join("people");
    std::fs::create_dir_all(&folder).unwrap();
    done.write(&folder.join("demonstration.json"), &folder.join("story.json")).unwrap();
    folder
}
