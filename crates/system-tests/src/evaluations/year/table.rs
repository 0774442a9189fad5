//! Which detectors are meant to find what, and how much of it was promised: one table.
//!
//! Names of detectors only. What they look at and what they compare it with is theirs; the generator
//! of the year knows neither.

/// What decides whether something is found, and so how much was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decides {
    /// Ledger arithmetic.
    Ledger,
    /// A physical or documentary trace.
    Trace,
    /// Valuation and hubs.
    Value,
}

impl Decides {
    /// The promised share of labels found, and of suspects that are guilty.
    pub const fn promised(self) -> f64 {
        match self {
            Self::Ledger => 0.95,
            Self::Trace => 0.80,
            Self::Value => 0.70,
        }
    }
}

/// A typology of the simulator, and the detectors that may find it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name.
    pub typology: &'static str,
    /// What decides.
    pub decides: Decides,
    /// Detectors that are meant to find it.
    pub detectors: &'static [&'static str],
}

/// Detectors whose findings count for `false_alarms_per_plant_year`.
pub const BALANCES: &[&str] = &["element_balance_broken"];

/// Everything that the simulator injects.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    Row { typology: "hidden_output",          decides: Decides::Trace,  detectors: &["element_balance_broken"] },
    Row { typology: "laundered_ore",          decides: Decides::Trace,  detectors: &["element_balance_broken", "recycler_fed_with_ore"] },
    Row { typology: "collusive_under_report", decides: Decides::Trace,  detectors: &["element_balance_broken"] },
    Row { typology: "one_sided_sale",         decides: Decides::Trace,  detectors: &["receipt_differs_from_dispatch", "element_balance_broken"] },
    Row { typology: "quota_overrun",          decides: Decides::Ledger, detectors: &["quota_overrun"] },
    Row { typology: "wrong_licence",          decides: Decides::Ledger, detectors: &["export_without_licence", "export_beyond_licence"] },
    Row { typology: "split_shipments",        decides: Decides::Trace,  detectors: &["repeatedly_just_under_threshold"] },
    Row { typology: "undervaluation",         decides: Decides::Value,  detectors: &["unit_price_far_from_peers"] },
    Row { typology: "overvaluation",          decides: Decides::Value,  detectors: &["unit_price_far_from_peers"] },
    Row { typology: "wrong_grade",            decides: Decides::Trace,  detectors: &["unit_price_far_from_peers"] },
    Row { typology: "circular_trade",         decides: Decides::Trace,  detectors: &[] },
    Row { typology: "ghost_buyer",            decides: Decides::Trace,  detectors: &[] },
    Row { typology: "listed_end_user",        decides: Decides::Ledger, detectors: &["party_on_list"] },
    Row { typology: "hub_diversion",          decides: Decides::Value,  detectors: &[] },
    Row { typology: "duplicate_documents",    decides: Decides::Ledger, detectors: &["duplicate_invoice", "duplicate_filing", "stock_drawn_below_zero"] },
    Row { typology: "invented_stock",         decides: Decides::Trace,  detectors: &["element_balance_broken"] },
    Row { typology: "impossible_capacity",    decides: Decides::Trace,  detectors: &[] },
    Row { typology: "fabricated_figures",     decides: Decides::Trace,  detectors: &["element_balance_broken"] },
    Row { typology: "stockpiling",            decides: Decides::Trace,  detectors: &[] },
    Row { typology: "missing_returns",        decides: Decides::Ledger, detectors: &[] },
    Row { typology: "documents_disagree",     decides: Decides::Trace,  detectors: &["invoice_differs_from_dispatch", "declaration_differs_from_export"] },
];

/// Whether a detector is meant to find anything of the table.
pub fn is_known(detector: &str) -> bool {
    TABLE.iter().any(|row| row.detectors.contains(&detector))
}

/// The row of a typology.
pub fn row(typology: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.typology == typology)
}
