//! Movements: goods under way from one filer to another, by what both sides say about them.
//!
//! A dispatch starts a movement and gives it a [`MovementReference`]; a receipt ends it. Modelled
//! on the movements of the EU's EMCS (Directive (EU) 2020/262): one reference code, one report of
//! receipt, and shortages and excesses that are explained. For officials a movement is also matched
//! with what others say about it: tax invoices and customs declarations.

mod comparison;
mod declared;
mod four_way;
mod oxide;
mod reference;
mod settlement;
mod standing;

pub use comparison::{Agreement, ElementDifference, LotComparison, StatedLot, Tolerance, compare};
pub use declared::{
    CustomsDeclaration, DeclaredExports, DeclaredGoods, ExportedGoods, FiledExport,
};
pub use four_way::{Amounts, Difference, Leg, LegState, MatchTerms, Quantities};
pub use oxide::{OxideContent, sigmas_apart};
pub use reference::{InvalidMovementName, InvalidReference, MovementName, MovementReference};
pub use settlement::{InvoiceMatch, InvoicedGoods, Settlement, SoldGoods, TaxInvoice};
pub use standing::{
    AnswerVerdict, BothSides, Explanation, MovementStanding, MovementState, StatedReceipt,
};
