use testkit::{TestDatabase, WRITE_MATRIX, rendered};

#[tokio::test]
async fn the_documented_write_matrix_is_the_grants() {
    let documented = include_str!("../../../../docs/write-matrix.md");
    let database = TestDatabase::create().await;
    let live = rendered(&database.owner().await, WRITE_MATRIX).await;
    assert_eq!(
        documented.trim(),
        live.trim(),
        "run `scripts/write-matrix URL` on a freshly migrated database"
    );
}
