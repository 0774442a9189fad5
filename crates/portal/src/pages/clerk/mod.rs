//! Those who file: what is due, what was filed, what does not add up, who read it.

pub(crate) mod bulk;
pub(crate) mod filing;
pub(crate) mod filings;
pub(crate) mod findings;
pub(crate) mod readers;
pub(crate) mod receipts;
pub(crate) mod returns;

use domain::codes::Role;

/// Who has these pages.
const FILERS: &[Role] = &[Role::Reporter];
