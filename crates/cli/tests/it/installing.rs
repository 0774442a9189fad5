//! Stories of an operator who installs the system, and does everything twice.

use crate::tool::{Ran, lodestone};
use serde_json::Value;
use testkit::TestDatabase;

struct Installation {
    database: TestDatabase,
}

impl Installation {
    async fn begin() -> Self {
        Self { database: TestDatabase::create().await }
    }

    fn run(&self, arguments: &[&str], input: &str) -> Ran {
        lodestone(arguments, &[("DATABASE_URL", self.database.url().as_str())], input)
    }

    fn json(&self, arguments: &[&str], input: &str) -> Value {
        serde_json::from_str(&self.run(arguments, input).well()).unwrap()
    }
}

const CREATE: [&str; 7] =
    ["administrator", "create", "--email", "li@authority.example", "--name", "李", "--json"];

#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator_comes_with_the_authority_and_keeps_the_password_shown_once() {
    let installation = Installation::begin().await;
    let first = installation.json(&CREATE, "");
    assert_eq!(first["created"], true);
    assert_eq!(first["password"].as_str().unwrap().len(), 24);
    let again = installation.json(&CREATE, "");
    assert_eq!(again["created"], false);
    assert_eq!(again["password"], Value::Null);
    assert_eq!(again["person"], first["person"]);
    assert_eq!(installation.database.count("lodestone.organisations").await, 1);
    assert_eq!(installation.database.count("lodestone.memberships").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_administrator_joins_the_same_authority_with_a_password_of_their_own() {
    let installation = Installation::begin().await;
    let first = installation.json(&CREATE, "");
    let mut create = CREATE.to_vec();
    create[3] = "wang@authority.example";
    create.push("--password-stdin");
    let second = installation.json(&create, "correct horse battery\n");
    assert_eq!(second["password"], Value::Null);
    assert_eq!(second["organisation"], first["organisation"]);
    create[3] = "zhao@authority.example";
    let short = installation.run(&create, "short\n");
    assert!(!short.succeeded && short.complained.contains("12 to 256 characters"));
    assert_eq!(installation.database.count("lodestone.people").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_law_that_ships_is_one_version_however_often_it_is_imported() {
    let installation = Installation::begin().await;
    let import = ["regime", "import", "--default"];
    assert!(installation.run(&import, "").well().contains("takes effect at"));
    assert!(installation.run(&import, "").well().contains("nothing was changed"));
    let shown = installation.json(&["regime", "show", "--json"], "");
    assert_eq!(shown["versions"].as_array().unwrap().len(), 1);
    assert_eq!(shown["in_force"], shown["versions"][0]["version"]);

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("regime.json");
    let path = file.to_str().unwrap();
    std::fs::write(&file, shown.to_string()).unwrap();
    assert_eq!(installation.run(&["regime", "diff", path], "").well(), "nothing changes\n");
    let mut fewer = shown;
    fewer["rows"].as_array_mut().unwrap().truncate(3);
    std::fs::write(&file, fewer.to_string()).unwrap();
    let changes = installation.run(&["regime", "diff", path], "").well();
    assert!(changes.lines().all(|line| line.starts_with("- ")), "{changes}");
    let later = ["regime", "import", path, "--takes-effect-at", "2099-01-01T00:00:00+08:00"];
    installation.run(&later, "").well();
    let shown = installation.json(&["regime", "show", "--json"], "");
    assert_eq!(shown["versions"].as_array().unwrap().len(), 2);
    assert_eq!(shown["in_force"], shown["versions"][1]["version"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migrated_schema_stays_as_it_is_and_empty_books_agree() {
    let installation = Installation::begin().await;
    assert_eq!(installation.run(&["migrate"], "").well(), "the schema is up to date\n");
    installation.run(&["balances", "rebuild"], "").well();
    assert_eq!(installation.json(&["balances", "check", "--json"], ""), serde_json::json!([]));
}

#[test]
fn a_missing_database_is_said_with_the_variable_to_give() {
    let ran = lodestone(&["migrate"], &[], "");
    assert!(!ran.succeeded && ran.complained.contains("give DATABASE_URL"), "{}", ran.complained);
}

#[test]
fn every_setting_is_listed_for_programs() {
    let settings: Value =
        serde_json::from_str(&lodestone(&["settings", "--json"], &[], "").well()).unwrap();
    let settings = settings.as_array().unwrap();
    assert!(settings.iter().any(|setting| setting["variable"] == "LODESTONE_HTTP__ADDRESS"));
    assert_eq!(settings.len(), service::settings::SETTINGS.len());
}
