//! The topology as people read it: `UPDATE_EXPECT=1` writes `docs/topology.md` anew.

use expect_test::expect_file;

#[test]
fn the_page_of_the_topology_is_the_table() {
    let page = format!(
        "# Who hears what\n\nRendered from `broker::topology`.\n\n{}",
        broker::topology::markdown()
    );
    expect_file!["../../../docs/topology.md"].assert_eq(&page);
}
