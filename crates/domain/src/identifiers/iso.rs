//! Countries (ISO 3166-1) and currencies (ISO 4217).

use celes::Country;
use iso_currency::{Currency, Flag};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A country or territory by its two letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CountryCode(
    /// Assigned in ISO 3166-1.
    [u8; 2],
);

/// What is wrong with a would-be country code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCountryCode {
    /// Not two capital letters.
    #[error("a country code is two capital letters such as \"DE\"")]
    Form,
    /// Two letters that stand for no country.
    #[error("{found} is not assigned in ISO 3166-1")]
    Unassigned {
        /// The two letters.
        found: String,
    },
}

impl CountryCode {
    /// China, the country whose regime ships by default.
    pub const CHINA: Self = Self(*b"CN");

    /// The two letters.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("two ASCII letters are UTF-8")
    }

    /// The English short name.
    pub fn name(self) -> &'static str {
        Country::from_alpha2(self.as_str()).map_or("", |country| country.long_name)
    }
}

impl FromStr for CountryCode {
    type Err = InvalidCountryCode;

    fn from_str(text: &str) -> Result<Self, InvalidCountryCode> {
        let letters: [u8; 2] = text.as_bytes().try_into().map_err(|_| InvalidCountryCode::Form)?;
        if !letters.iter().all(u8::is_ascii_uppercase) {
            return Err(InvalidCountryCode::Form);
        }
        // XK is what many use for Kosovo, but the standard leaves it to its users.
        if text == "XK" || Country::from_alpha2(text).is_err() {
            return Err(InvalidCountryCode::Unassigned { found: text.to_owned() });
        }
        Ok(Self(letters))
    }
}

impl TryFrom<String> for CountryCode {
    type Error = InvalidCountryCode;

    fn try_from(text: String) -> Result<Self, InvalidCountryCode> {
        text.parse()
    }
}

impl From<CountryCode> for String {
    fn from(code: CountryCode) -> Self {
        code.to_string()
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A currency that money is in today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CurrencyCode(
    /// In use according to ISO 4217; no metal, no unit of account, no fund.
    [u8; 3],
);

/// What is wrong with a would-be currency code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCurrencyCode {
    /// Not three capital letters.
    #[error("a currency code is three capital letters such as \"CNY\"")]
    Form,
    /// Three letters that stand for no currency.
    #[error("{found} is not assigned in ISO 4217")]
    Unassigned {
        /// The three letters.
        found: String,
    },
    /// Gold, drawing rights, test codes, bond units.
    #[error("{found} is no currency that goods are paid in")]
    NotMoney {
        /// The three letters.
        found: String,
    },
    /// Replaced by another currency.
    #[error("{found} is no longer in use; {successor} took its place")]
    Superseded {
        /// The three letters.
        found: String,
        /// What took its place.
        successor: String,
    },
}

impl CurrencyCode {
    /// The renminbi.
    pub const CNY: Self = Self(*b"CNY");

    /// The three letters.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("three ASCII letters are UTF-8")
    }

    /// How many decimals its smallest unit has.
    pub fn decimals(self) -> u32 {
        Currency::from_code(self.as_str()).and_then(Currency::exponent).map_or(2, u32::from)
    }
}

impl FromStr for CurrencyCode {
    type Err = InvalidCurrencyCode;

    fn from_str(text: &str) -> Result<Self, InvalidCurrencyCode> {
        let letters: [u8; 3] = text.as_bytes().try_into().map_err(|_| InvalidCurrencyCode::Form)?;
        if !letters.iter().all(u8::is_ascii_uppercase) {
            return Err(InvalidCurrencyCode::Form);
        }
        let found = text.to_owned();
        let Some(currency) = Currency::from_code(text) else {
            return Err(InvalidCurrencyCode::Unassigned { found });
        };
        if let Some(successor) = currency.is_superseded() {
            let successor = successor.code().to_owned();
            return Err(InvalidCurrencyCode::Superseded { found, successor });
        }
        if currency.has_flag(Flag::Special) || currency.has_flag(Flag::Fund) {
            return Err(InvalidCurrencyCode::NotMoney { found });
        }
        Ok(Self(letters))
    }
}

impl TryFrom<String> for CurrencyCode {
    type Error = InvalidCurrencyCode;

    fn try_from(text: String) -> Result<Self, InvalidCurrencyCode> {
        text.parse()
    }
}

impl From<CurrencyCode> for String {
    fn from(code: CurrencyCode) -> Self {
        code.to_string()
    }
}

impl fmt::Display for CurrencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("DE", None)]
    #[case("CN", None)]
    #[case("de", Some(InvalidCountryCode::Form))]
    #[case("DEU", Some(InvalidCountryCode::Form))]
    #[case("ÄÖ", Some(InvalidCountryCode::Form))]
    #[case("ZZ", Some(InvalidCountryCode::Unassigned { found: "ZZ".into() }))]
    #[case("XK", Some(InvalidCountryCode::Unassigned { found: "XK".into() }))]
    fn a_country_is_two_assigned_letters(
        #[case] text: &str,
        #[case] error: Option<InvalidCountryCode>,
    ) {
        assert_eq!(text.parse::<CountryCode>().err(), error);
    }

    #[rstest]
    #[case("CNY", None)]
    #[case("JPY", None)]
    #[case("cny", Some(InvalidCurrencyCode::Form))]
    #[case("QQQ", Some(InvalidCurrencyCode::Unassigned { found: "QQQ".into() }))]
    #[case("XAU", Some(InvalidCurrencyCode::NotMoney { found: "XAU".into() }))]
    fn a_currency_is_money_of_today(
        #[case] text: &str,
        #[case] error: Option<InvalidCurrencyCode>,
    ) {
        assert_eq!(text.parse::<CurrencyCode>().err(), error);
    }

    #[test]
    fn a_currency_knows_its_smallest_unit() {
        assert_eq!(CurrencyCode::CNY.decimals(), 2);
        assert_eq!("JPY".parse::<CurrencyCode>().unwrap().decimals(), 0);
    }

    #[test]
    fn a_country_has_a_name() {
        assert_eq!("DE".parse::<CountryCode>().unwrap().name(), "Germany");
    }
}
