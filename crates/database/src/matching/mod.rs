//! What filings are matched with: invoices that settle dispatches, declarations that cover exports.
//!
//! Read for a whole batch at once, by the worker and for officials. Links are followed until
//! nothing new is linked, so that what is judged together is read together. Everything is the
//! present state: the latest versions of papers and of filings.

mod declared;
mod settled;
mod unmatched;

pub use declared::{declared, exports_of_lots, exports_to_judge};
pub use settled::{Unsettled, dispatches_to_judge, settlements, unsettled};
pub use unmatched::{
    UnmatchedDeclaration, UnmatchedFiling, UnmatchedInvoice, declarations_without_export,
    dispatches_without_invoice, exports_without_declaration, invoices_without_dispatch,
};

use crate::{
    CorruptRow,
    row::{Reader, from_numeric},
};
use bigdecimal::BigDecimal;
use domain::money::Money;
use rust_decimal::Decimal;

/// What lines cost together: nothing is known unless every line has a price in one currency.
#[derive(Clone, Copy, Debug, Default)]
struct Value {
    sum: Option<Money>,
    is_incomplete: bool,
}

impl Value {
    /// Adds a line of so many grams at a price per kilogram.
    fn add(&mut self, grams: i64, price: Option<Money>) {
        let kilograms = Decimal::new(grams, 3);
        let amount = price.and_then(|price| price.amount.checked_mul(kilograms));
        let sum = match (price, amount, self.sum) {
            (Some(price), Some(amount), None) => Some(Money { amount, currency: price.currency }),
            (Some(price), Some(amount), Some(sum)) if sum.currency == price.currency => {
                let amount = sum.amount.checked_add(amount);
                amount.map(|amount| Money { amount, currency: sum.currency })
            }
            _ => None,
        };
        self.is_incomplete |= sum.is_none();
        self.sum = sum.or(self.sum);
    }

    fn known(self) -> Option<Money> {
        self.sum.filter(|_| !self.is_incomplete)
    }
}

fn money(
    reader: Reader,
    amount: Option<&BigDecimal>,
    currency: Option<&str>,
) -> Result<Option<Money>, CorruptRow> {
    let Some(amount) = amount else { return Ok(None) };
    Ok(Some(Money {
        amount: from_numeric(amount).ok_or_else(|| reader.corrupt("amount"))?,
        currency: reader.word("currency", currency.unwrap_or_default())?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::identifiers::CurrencyCode;
    use rust_decimal::dec;

    #[test]
    fn goods_have_a_value_when_every_line_has_a_price_in_one_currency() {
        let price = |amount, currency: &str| {
            Some(Money { amount, currency: currency.parse::<CurrencyCode>().unwrap() })
        };
        let value = |lines: &[(i64, Option<Money>)]| {
            let mut value = Value::default();
            for (grams, price) in lines {
                value.add(*grams, *price);
            }
            value.known().map(|money| money.amount)
        };
        assert_eq!(
            value(&[(1_500, price(dec!(10), "CNY")), (500, price(dec!(4), "CNY"))]),
            Some(dec!(17))
        );
        assert_eq!(value(&[(1_500, price(dec!(10), "CNY")), (500, price(dec!(4), "USD"))]), None);
        assert_eq!(value(&[(1_500, None), (500, price(dec!(4), "CNY"))]), None);
        assert_eq!(value(&[(i64::MAX, price(Decimal::MAX, "CNY"))]), None);
        assert_eq!(value(&[]), None);
    }
}
