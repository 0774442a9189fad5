//! Movements: goods under way from one filer to another, by what both sides say about them.
//!
//! A dispatch starts a movement and gives it a [`MovementReference`]; a receipt ends it. Modelled
//! on the movements of the EU's EMCS (Directive (EU) 2020/262): one reference code, one report of
//! receipt, and shortages and excesses that are explained.

mod comparison;
mod reference;
mod standing;

pub use comparison::{Agreement, ElementDifference, LotComparison, StatedLot, Tolerance, compare};
pub use reference::{InvalidMovementName, InvalidReference, MovementName, MovementReference};
pub use standing::{
    AnswerVerdict, BothSides, Explanation, MovementStanding, MovementState, StatedReceipt,
};
