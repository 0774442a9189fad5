use database::{SchemaState, migrate, revert_all, schema_state};
use jiff::civil::date;
use testkit::{DIESEL_SCHEMA, TestDatabase, WRITE_MATRIX, rendered};

const OBJECTS: &str =
    "select count(*)::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('lodestone', 'lodestone_partitions')";

#[tokio::test(flavor = "multi_thread")]
async fn every_migration_goes_down_and_up_again() {
    let database = TestDatabase::create().await;
    let owner = database.owner().await;
    let before = (rendered(&owner, DIESEL_SCHEMA).await, rendered(&owner, WRITE_MATRIX).await);

    revert_all(&database.target()).await.unwrap();
    assert_eq!(rendered(&owner, OBJECTS).await, "0", "reverting leaves nothing behind");

    let ran = migrate(&database.target(), date(2026, 11, 1)).await.unwrap();
    assert!(ran.len() >= 7, "{ran:?}");
    let after = (rendered(&owner, DIESEL_SCHEMA).await, rendered(&owner, WRITE_MATRIX).await);
    assert_eq!(before, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_twice_changes_nothing() {
    let database = TestDatabase::create().await;
    assert!(migrate(&database.target(), date(2026, 11, 1)).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_can_tell_whether_the_schema_is_current() {
    let database = TestDatabase::create().await;
    for role in database::Role::ALL {
        let pool = database.pool(role);
        assert_eq!(
            schema_state(&mut pool.get().await.unwrap()).await.unwrap(),
            SchemaState::Current
        );
    }
    revert_all(&database.target()).await.unwrap();
    let pool = database.pool(database::Role::Reporting);
    let state = schema_state(&mut pool.get().await.unwrap()).await.unwrap();
    assert!(matches!(state, SchemaState::Behind(missing) if missing.len() >= 7));
}
