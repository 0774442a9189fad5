use expect_test::expect_file;
use testkit::{TestDatabase, WRITE_MATRIX, rendered};

/// `UPDATE_EXPECT=1` writes the page anew.
#[tokio::test]
async fn the_documented_write_matrix_is_the_grants() {
    let database = TestDatabase::create().await;
    let live = rendered(&database.owner().await, WRITE_MATRIX).await;
    expect_file!["../../../../docs/write-matrix.md"].assert_eq(&format!("{}\n", live.trim()));
}
