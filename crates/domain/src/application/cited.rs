//! Whether the stock that an application cites exists.

use crate::codes::words;

words! {
    /// How the stock of a cited lot stands to what is cited of it.
    StockStanding {
        /// There is enough for every application that cites it.
        Enough = "enough",
        /// There is enough for this application, but not for the exporter's others too.
        NotEnoughForAll = "not_enough_for_all",
        /// There is less than this application cites.
        NotEnough = "not_enough",
        /// The exporter neither made the lot nor was sent it.
        NotTheExporters = "not_the_exporters",
    }
}

impl StockStanding {
    /// Grams: what the exporter's sites hold of the lot by the postings, if the lot is the
    /// exporter's to know; what this application cites of it; what its other open ones do.
    pub const fn of(stock: Option<i64>, cited: i64, cited_by_others: i64) -> Self {
        let Some(stock) = stock else { return Self::NotTheExporters };
        if stock < cited {
            return Self::NotEnough;
        }
        if stock < cited.saturating_add(cited_by_others) {
            return Self::NotEnoughForAll;
        }
        Self::Enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(Some(100), 100, 0, StockStanding::Enough)]
    #[case(Some(100), 60, 40, StockStanding::Enough)]
    #[case(Some(100), 60, 41, StockStanding::NotEnoughForAll)]
    #[case(Some(100), 101, 0, StockStanding::NotEnough)]
    #[case(Some(0), 1, i64::MAX, StockStanding::NotEnough)]
    #[case(Some(i64::MAX), i64::MAX, i64::MAX, StockStanding::Enough)]
    #[case(None, 0, 0, StockStanding::NotTheExporters)]
    fn stock_is_held_against_what_is_cited(
        #[case] stock: Option<i64>,
        #[case] cited: i64,
        #[case] others: i64,
        #[case] standing: StockStanding,
    ) {
        assert_eq!(StockStanding::of(stock, cited, others), standing);
    }
}
