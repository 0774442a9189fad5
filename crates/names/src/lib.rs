//! Who is meant: compares names across scripts, spellings and word orders, and finds them in lists.
//!
//! A name becomes tokens ([`Name`]): full-width and traditional letters made plain, Chinese read as
//! pinyin with both readings where two are usual, other scripts written in Latin letters, legal
//! forms, trades, places and titles told from what is the name's own. Two names are then aligned
//! token by token ([`compare`]), and the score says which part matched how. An [`Index`] finds who on
//! a list may be meant without comparing with everybody.
//!
//! Nothing here reads a file or a clock, and nothing decides: what a score is worth is the list's.

mod align;
mod index;
mod normal;
mod token;
mod words;

pub use align::{How, Match, Part, compare, score};
pub use index::{Hit, Index};
pub use token::{Class, Kind, Name, Token};
