use testkit::{DIESEL_SCHEMA, TestDatabase, rendered};

#[tokio::test]
async fn schema_rs_is_what_the_migrations_make() {
    let written = include_str!("../../../database/src/schema.rs");
    let database = TestDatabase::create().await;
    let live = rendered(&database.owner().await, DIESEL_SCHEMA).await;
    assert!(!live.contains("Unknown_"), "diesel_schema.sql does not know a column's type");
    let tables = written.split_once("\n\n").map(|(_, tables)| tables.trim()).unwrap();
    assert_eq!(tables, live.trim(), "run `scripts/schema URL` on a freshly migrated database");
}
