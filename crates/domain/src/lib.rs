//! The vocabulary and the law: what things are, what may happen to them, what is controlled.
//!
//! Pure by construction: no clock, no SQL, no HTTP, no async. Time is an argument, ids are made
//! by the caller, and everything that judges is a function over data somebody else fetched.

pub mod application;
pub mod balance;
pub mod calendar_month;
pub mod canonical;
pub mod case;
pub mod change;
pub mod codes;
pub mod composition;
pub mod determination;
pub mod disclosure;
pub mod element;
pub mod event;
pub mod filing;
pub mod flow;
pub mod identifiers;
pub mod ids;
pub mod licence;
pub mod licensed;
pub mod log;
pub mod mails;
pub mod mass;
pub mod metrology;
pub mod money;
pub mod movement;
pub mod open_item;
pub mod posting;
pub mod regime;
pub mod returns;
pub mod sealed;
pub mod trace;
pub mod unmasking;
pub mod violation;
