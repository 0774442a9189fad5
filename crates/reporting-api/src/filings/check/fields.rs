//! Single fields: read, or a fault with its place.

use super::{CODE_LENGTH_LIMIT, Check};
use crate::filings::form::MoneyForm;
use domain::{identifiers::CurrencyCode, mass::Kilograms, money::Money, violation::Violation};
use rust_decimal::{Decimal, dec};

impl Check<'_> {
    pub(super) fn mass(&mut self, pointer: &str, text: &str) -> Option<Kilograms> {
        self.parse(pointer, "invalid_mass", text, "kilograms such as \"1200.500\"")
    }

    pub(super) fn money(&mut self, pointer: &str, form: Option<&MoneyForm>) -> Option<Money> {
        let form = form?;
        let currency: Option<CurrencyCode> = self.parse(
            &format!("{pointer}/currency"),
            "invalid_currency",
            &form.currency,
            "an ISO 4217 code such as CNY",
        );
        let amount = Decimal::from_str_exact(&form.amount).ok();
        let within = |amount: &Decimal| {
            (Decimal::ZERO..dec!(10_000_000_000_000_000)).contains(amount)
                && amount.normalize().scale() <= 4
        };
        let Some(amount) = amount.filter(within) else {
            let detail = format!("{:?} is no price", form.amount);
            let expected = Some("a decimal from 0 on with at most four decimals");
            self.fault(&format!("{pointer}/amount"), "invalid_amount", detail, expected);
            return None;
        };
        Some(Money { amount, currency: currency? })
    }

    pub(super) fn text(&mut self, pointer: &str, text: &str, limit: usize) -> Option<String> {
        let length = text.chars().count();
        let clean = !text.chars().any(char::is_control) && text.trim() == text;
        if clean && (1..=limit).contains(&length) {
            return Some(text.to_owned());
        }
        let expected =
            format!("1 to {limit} characters, without control characters or blanks around");
        self.fault(pointer, "invalid_text", format!("{length} characters"), Some(&expected));
        None
    }

    pub(super) fn optional_text(&mut self, pointer: &str, text: Option<&str>) -> Option<String> {
        text.and_then(|text| self.text(pointer, text, CODE_LENGTH_LIMIT))
    }

    pub(super) fn parse<T>(
        &mut self,
        pointer: &str,
        code: &'static str,
        text: &str,
        expected: &str,
    ) -> Option<T>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        text.parse()
            .map_err(|error: T::Err| self.fault(pointer, code, error.to_string(), Some(expected)))
            .ok()
    }

    pub(super) fn fault(
        &mut self,
        pointer: &str,
        code: &'static str,
        detail: impl Into<String>,
        expected: Option<&str>,
    ) {
        let violation = Violation::new(pointer, code, detail);
        self.violations.push(match expected {
            Some(expected) => violation.expecting(expected),
            None => violation,
        });
    }
}
