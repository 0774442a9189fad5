//! People in front of a real browser, on real services.

use crate::demonstration;
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use testkit::{Running, Stack};

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

/// Who can sign in, and the story of the demonstration, as files.
async fn load(stack: &Stack) -> PathBuf {
    let folder = stack.files().join("people");
    std::fs::create_dir_all(&folder).unwrap();
    let (_, loaded) = demonstration::load(stack, 2_000).await;
    loaded.write(&folder.join("demonstration.json"), &folder.join("story.json")).unwrap();
    folder
}
