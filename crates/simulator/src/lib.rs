//! A small nation that mines, separates, smelts, alloys, magnetises, trades, exports and recycles.
//!
//! First everything is written down ([`Plan`]): pure, repeatable from a seed, tested. Then it is
//! sent, through the public APIs only. All organisations, people and figures of single companies
//! are made up; magnitudes, compositions, yields and seasons are the published ones in `data/`.

pub mod api;
mod calendar;
mod chain;
mod chance;
mod data;
pub mod demonstration;
mod filing;
mod goods;
mod identifiers;
mod irregularities;
mod nation;
mod plan;
mod quotas;
mod trades;
pub mod year;

pub use filing::{Filing, Line, LotName, MovementName, Party, SITE};
pub use goods::{Facts, Good};
pub use irregularities::Planted;
pub use nation::{Domestic, Foreign, GROUPS, Group, Nation, Organisation, SCALE, Trade};
pub use plan::{ControlledStock, Plan, Wanted};
pub use quotas::Quota;
