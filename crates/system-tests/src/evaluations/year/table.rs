//! Which detectors are meant to find what, and how much of it was promised: one table.
//!
//! Names of detectors only. What they look at and what they compare it with is theirs; the generator
//! of the year knows neither. A name that no detector has yet finds nothing.

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
pub const BALANCES: &[&str] =
    &["element_balance_broken", "balance_loss", "balance_gain", "books_fail_while_partners_agree"];

/// Everything that the simulator injects.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    Row { typology: "hidden_output",          decides: Decides::Trace,  detectors: &["element_balance_broken", "balance_loss"] },
    Row { typology: "laundered_ore",          decides: Decides::Trace,  detectors: &["element_balance_broken", "balance_gain", "yield_outside_process", "composition_not_from_inputs", "recycler_with_ore_profile", "recycler_above_scrap", "recycler_fed_with_ore"] },
    Row { typology: "collusive_under_report", decides: Decides::Trace,  detectors: &["element_balance_broken", "balance_loss", "books_fail_while_partners_agree"] },
    Row { typology: "one_sided_sale",         decides: Decides::Trace,  detectors: &["receipt_differs_from_dispatch", "element_balance_broken", "balance_loss"] },
    Row { typology: "quota_overrun",          decides: Decides::Ledger, detectors: &["quota_overrun", "quota_crossing_near"] },
    Row { typology: "wrong_licence",          decides: Decides::Ledger, detectors: &["export_without_licence", "export_beyond_licence"] },
    Row { typology: "split_shipments",        decides: Decides::Trace,  detectors: &["repeatedly_just_under_threshold", "split_over_linked_shippers"] },
    Row { typology: "undervaluation",         decides: Decides::Value,  detectors: &["unit_price_far_from_peers", "price_far_from_cost"] },
    Row { typology: "overvaluation",          decides: Decides::Value,  detectors: &["unit_price_far_from_peers", "price_far_from_cost"] },
    Row { typology: "wrong_grade",            decides: Decides::Trace,  detectors: &["grade_misdeclared", "tariff_misdeclared", "just_under_control_threshold", "unit_price_far_from_peers", "price_far_from_cost"] },
    Row { typology: "circular_trade",         decides: Decides::Trace,  detectors: &["circular_trade"] },
    Row { typology: "ghost_buyer",            decides: Decides::Trace,  detectors: &["ghost_buyer", "vanishing_client", "sales_without_inputs"] },
    Row { typology: "listed_end_user",        decides: Decides::Ledger, detectors: &["party_on_list"] },
    Row { typology: "hub_diversion",          decides: Decides::Value,  detectors: &["destination_shift"] },
    Row { typology: "duplicate_documents",    decides: Decides::Ledger, detectors: &["duplicate_invoice", "duplicate_filing", "stock_drawn_below_zero"] },
    Row { typology: "invented_stock",         decides: Decides::Trace,  detectors: &["stock_invented", "element_balance_broken", "balance_gain"] },
    Row { typology: "impossible_capacity",    decides: Decides::Trace,  detectors: &["production_beyond_capacity"] },
    Row { typology: "fabricated_figures",     decides: Decides::Trace,  detectors: &["yields_too_constant", "months_copied", "unnatural_digits", "element_balance_broken", "balance_loss"] },
    Row { typology: "stockpiling",            decides: Decides::Trace,  detectors: &["stockpiling_before_control"] },
    Row { typology: "missing_returns",        decides: Decides::Ledger, detectors: &["return_missing", "returns_late", "nil_return_contradicted"] },
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
