//! Identifiers for organisations that only exist in a test.

use domain::identifiers::Uscc;

/// The unified social credit code of the `number`-th organisation of a test.
pub fn uscc(number: u32) -> Uscc {
    let body = format!("91110000MA{number:07}");
    "0123456789ABCDEFGHJKLMNPQRTUWXY"
        .chars()
        .find_map(|check| format!("{body}{check}").parse().ok())
        .expect("every body has a check character that fits")
}
