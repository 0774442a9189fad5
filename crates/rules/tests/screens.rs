//! The detectors as people read them: `UPDATE_EXPECT=1` writes `docs/detectors.md` anew.

use expect_test::expect_file;

#[test]
fn the_page_of_detectors_is_the_table() {
    let page = format!(
        "# What is suspicious\n\nRendered from `rules::DETECTORS`. A detector looks at a filing or \
         an application and says what, if\nanything, is wrong with it, or that it cannot say.\n\n{}",
        rules::markdown()
    );
    expect_file!["../../../docs/detectors.md"].assert_eq(&page);
}
