//! How values of the domain lie in columns.

use crate::CorruptRow;
use bigdecimal::BigDecimal;
use domain::{
    element::ELEMENT_COUNT,
    mass::{ElementMasses, Kilograms},
};
use rust_decimal::Decimal;
use std::str::FromStr;
use uuid::Uuid;

/// Reads one row's columns, naming the column that says something impossible.
#[derive(Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) table: &'static str,
    pub(crate) id: Uuid,
}

impl Reader {
    /// A word of a closed list.
    pub(crate) fn word<T: FromStr>(
        self,
        column: &'static str,
        text: &str,
    ) -> Result<T, CorruptRow> {
        text.parse().map_err(|_| self.corrupt(column))
    }

    /// The same, where the column may be null.
    pub(crate) fn optional_word<T: FromStr>(
        self,
        column: &'static str,
        text: Option<&str>,
    ) -> Result<Option<T>, CorruptRow> {
        text.map(|text| self.word(column, text)).transpose()
    }

    /// A gross mass that cannot be negative.
    pub(crate) fn mass(self, column: &'static str, grams: i64) -> Result<Kilograms, CorruptRow> {
        u64::try_from(grams)
            .ok()
            .and_then(Kilograms::from_grams)
            .ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn corrupt(self, column: &'static str) -> CorruptRow {
        CorruptRow { table: self.table, column, id: self.id }
    }
}

/// A numeric column as a decimal; `None` when it is too large or too fine for one.
pub(crate) fn from_numeric(numeric: &BigDecimal) -> Option<Decimal> {
    Decimal::from_str_exact(&numeric.normalized().to_plain_string()).ok()
}

/// A decimal as a numeric column takes it.
pub(crate) fn to_numeric(decimal: Decimal) -> BigDecimal {
    BigDecimal::new(decimal.mantissa().into(), i64::from(decimal.scale()))
}

/// The seventeen element columns, in the order of `Element::ALL`, as diesel selects them.
pub(crate) type ElementColumns =
    ((i64, i64, i64, i64, i64, i64, i64, i64, i64), (i64, i64, i64, i64, i64, i64, i64, i64));

/// The columns as masses.
pub(crate) const fn masses(columns: ElementColumns) -> ElementMasses {
    let ((la, ce, pr, nd, pm, sm, eu, gd, tb), (dy, ho, er, tm, yb, lu, sc, y)) = columns;
    let masses: [i64; ELEMENT_COUNT] =
        [la, ce, pr, nd, pm, sm, eu, gd, tb, dy, ho, er, tm, yb, lu, sc, y];
    ElementMasses(masses)
}

/// The seventeen element columns of a table, to select or sum.
macro_rules! element_columns {
    ($table:ident) => {{
        use crate::schema::$table::dsl as t;
        (
            (
                t::la_mg,
                t::ce_mg,
                t::pr_mg,
                t::nd_mg,
                t::pm_mg,
                t::sm_mg,
                t::eu_mg,
                t::gd_mg,
                t::tb_mg,
            ),
            (t::dy_mg, t::ho_mg, t::er_mg, t::tm_mg, t::yb_mg, t::lu_mg, t::sc_mg, t::y_mg),
        )
    }};
}
pub(crate) use element_columns;

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::dec;

    #[test]
    fn a_price_comes_out_of_numeric_as_it_was_filed() {
        for amount in [dec!(0), dec!(412.50), dec!(0.0001), dec!(9999999999999999.9999)] {
            let numeric = BigDecimal::from_str(&amount.to_string()).unwrap();
            assert_eq!(from_numeric(&numeric), Some(amount));
            assert_eq!(from_numeric(&to_numeric(amount)), Some(amount));
        }
    }
}
