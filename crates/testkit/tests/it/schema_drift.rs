use expect_test::expect_file;
use testkit::{DIESEL_SCHEMA, TestDatabase, rendered};

const HEAD: &str = "\
//! The tables as diesel knows them, rendered from the migrations by a test of `testkit`, never
//! written by hand; the migrations describe what it all means.

";

/// `UPDATE_EXPECT=1` writes the file anew.
#[tokio::test]
async fn schema_rs_is_what_the_migrations_make() {
    let database = TestDatabase::create().await;
    let live = rendered(&database.owner().await, DIESEL_SCHEMA).await;
    assert!(!live.contains("Unknown_"), "diesel_schema.sql does not know a column's type");
    let live = format!("{HEAD}{}\n", live.trim());
    expect_file!["../../../database/src/schema.rs"].assert_eq(&live);
}
