//! Money: an exact amount in a currency.

use crate::identifiers::CurrencyCode;
use rust_decimal::Decimal;

/// An amount of money, exact to four decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// How much; never negative in a filing.
    pub amount: Decimal,
    /// Of what (ISO 4217).
    pub currency: CurrencyCode,
}
