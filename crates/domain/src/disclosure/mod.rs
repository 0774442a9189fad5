//! Statistical disclosure control: what of a national table may be published.
//!
//! A cell to which fewer than three groups of companies contribute, or which one or two of them
//! dominate, tells a competitor what is a filer's secret: it is suppressed (*primary*). Left alone
//! that is worth nothing, because rows and columns add up and subtraction brings the cell back; so
//! further cells are suppressed (*secondary*) until every primary cell is uncertain again.
//!
//! That is proven, not hoped for. For each primary cell and each adversary — an outsider, or any
//! one group that knows its own share of every cell — there is a [`Proof`]: an amount that could be
//! shifted between suppressed cells, up or down, without changing anything published and without
//! taking more from a cell than others put into it. [`audit()`] checks all proofs from the table
//! itself, independently of the search ([`protect()`]) that found them; no table leaves without it.
//!
//! The method is the hypercube's (R. D. Repsilber 1994; S. Giessing, "Protection of tables using
//! the hypercube method"), for tables of three dimensions whose codes form trees, with exact
//! integers and a proof kept instead of a bound assumed. Absent: knowledge of compositions,
//! coalitions of several groups, and any state between months but the [`Frozen`] release before.

mod audit;
mod protect;
mod publish;
mod release;
mod rules;
mod table;
#[cfg(test)]
mod tests;

pub use audit::{Breach, audit};
pub use protect::{Against, Proof, Protected, Suppression, Unprotectable, protect};
pub use publish::{Frozen, NotRevisable, Published, PublishedCell, publish, revise};
pub use release::{ReleasedTable, release};
pub use rules::{DisclosureRules, RULES, Reason, rules_on};
pub use table::{Cell, Contribution, Contributor, Dimension, Place, Table};
