//! The numbers that detectors use: dated data with a source each, never constants in a detector.
//!
//! What stands here are defaults. A row of the regime of kind `detector_parameter` under the same
//! name goes over it, for the days it holds; two such rows are told apart by what follows an `@`,
//! as in `balance_sigmas@2027`.

use domain::{codes::Process, regime::Verification};
use rust_decimal::{Decimal, dec, prelude::ToPrimitive};
use std::collections::BTreeMap;

/// A number that detectors use, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "`PARAMETERS` says what each means")]
pub enum ParameterName {
    BalanceSigmas,
    ReceiptSigmas,
    MatchSigmas,
    MatchAmountPercent,
    MatchWindowDays,
    MatchDueDays,
    RandomErrorPercent,
    SystematicErrorPercent,
    ElementFloorMg,
    WeighingErrorPercent,
    WeighingBiasPercent,
    StocktakeWindowDays,
    BalanceShewhartSigmas,
    BalancePageReference,
    BalancePageDecision,
    PublishedBalancePercent,
    PublishedBalanceFloorMg,
    UnstatedLossBeneficiation,
    UnstatedLossSeparation,
    UnstatedLossMetalReduction,
    UnstatedLossAlloying,
    UnstatedLossMagnetMaking,
    UnstatedLossMachining,
    UnstatedLossAssembly,
    UnstatedLossRecycling,
    PricePeers,
    PriceWindowDays,
    PriceRobustZ,
    PriceSpreadFloorPercent,
    SmallShipmentGrams,
    SmallShipmentSharePercent,
    SmallShipmentCount,
    SmallShipmentDays,
    SmallApplicationGrams,
    SmallApplicationCount,
    SmallApplicationDays,
    DestinationWindowDays,
    DestinationSurgeRatio,
    DestinationApplications,
    ExportFilingDueDays,
    ArrivalDueDays,
}
use ParameterName as Name;

/// What a parameter is worth when no row says otherwise.
#[derive(Clone, Copy, Debug)]
pub struct ParameterSpec {
    /// Which.
    pub name: ParameterName,
    /// Its name in rows.
    pub key: &'static str,
    /// What it is worth.
    pub default: Decimal,
    /// In what.
    pub unit: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Where the default comes from.
    pub source: &'static str,
    /// How well that was checked.
    pub verification: Verification,
}

const fn row(
    name: ParameterName,
    key: &'static str,
    default: Decimal,
    unit: &'static str,
    meaning: &'static str,
    source: &'static str,
    verification: Verification,
) -> ParameterSpec {
    ParameterSpec { name, key, default, unit, meaning, source, verification }
}

use Verification::{Fictitious, MemoryUnverified, OwnAssumption};

/// Every parameter, with its default.
#[rustfmt::skip]
pub const PARAMETERS: &[ParameterSpec] = &[
    row(Name::BalanceSigmas, "balance_sigmas", dec!(4), "sigma", "beyond which an element balance is broken", "own assumption: a few false alarms a year over some 100,000 balances", OwnAssumption),
    row(Name::ReceiptSigmas, "receipt_sigmas", dec!(4), "sigma", "beyond which a receipt differs from its dispatch", "own assumption, as for balances", OwnAssumption),
    row(Name::MatchSigmas, "match_sigmas", dec!(4), "sigma", "beyond which an invoice or a customs declaration differs in quantity", "own assumption, as for receipts", OwnAssumption),
    row(Name::MatchAmountPercent, "match_amount_percent", dec!(1), "percent", "of the larger amount, beyond which an invoice or a declaration differs in what goods cost", "own assumption: rounding and bank charges", OwnAssumption),
    row(Name::MatchWindowDays, "match_window_days", dec!(60), "day", "before and after goods left, within which a paper may be dated", "own assumption", OwnAssumption),
    row(Name::MatchDueDays, "match_due_days", dec!(30), "day", "after goods left, from which a paper that is missing is overdue", "own assumption", OwnAssumption),
    row(Name::RandomErrorPercent, "random_error_percent", dec!(1), "percent", "random error of a measurement for which none was stated", "typologies, metrology class `typical`", OwnAssumption),
    row(Name::SystematicErrorPercent, "systematic_error_percent", dec!(0.5), "percent", "systematic error of a measurement for which none was stated", "typologies, metrology class `typical`", OwnAssumption),
    row(Name::ElementFloorMg, "element_floor_mg", dec!(1000), "milligram", "differences of an element up to this are rounding", "own assumption", OwnAssumption),
    row(Name::WeighingErrorPercent, "weighing_error_percent", dec!(0.2), "percent", "random error of weighing and sampling, on top of a stated assay", "own assumption: industrial scales of class III (OIML R 76) are within 0.1 %, sampling as much again", OwnAssumption),
    row(Name::WeighingBiasPercent, "weighing_bias_percent", dec!(0.05), "percent", "systematic error of weighing, on top of a stated assay", "own assumption", OwnAssumption),
    row(Name::StocktakeWindowDays, "stocktake_window_days", dec!(5), "day", "before or after a month's last day, within which a count closes it; at most 13", "own assumption: counted by the time returns are prepared for the 10th", OwnAssumption),
    row(Name::BalanceShewhartSigmas, "balance_shewhart_sigmas", dec!(3), "sigma", "of a month's balance, beyond which a material balance does not close", "own assumption, after Shewhart: 0.27 % of balances that close are called otherwise", OwnAssumption),
    row(Name::BalancePageReference, "balance_page_reference", dec!(0.5), "sigma", "by which Page's sums shrink a month: half the loss a month to be found", "own assumption; E. S. Page, Biometrika 41 (1954), from memory", MemoryUnverified),
    row(Name::BalancePageDecision, "balance_page_decision", dec!(5), "sigma", "of Page's sums, beyond which a material balance does not close", "usual with a reference of 0.5: a false alarm in about 930 months, each way; from memory", MemoryUnverified),
    row(Name::PublishedBalancePercent, "published_balance_percent", dec!(2), "percent", "of what was there and came in, within which a filer is told that its figures close", "own assumption; public, and no function of what officials go by", OwnAssumption),
    row(Name::PublishedBalanceFloorMg, "published_balance_floor_mg", dec!(1000), "milligram", "of an element, up to which a filer is told that its figures close", "own assumption; public, and no function of what officials go by", OwnAssumption),
    row(Name::UnstatedLossBeneficiation, "unstated_loss_percent.beneficiation", dec!(50), "percent", "of an element that beneficiation may lose unsaid", "yields.csv, lowest yield", MemoryUnverified),
    row(Name::UnstatedLossSeparation, "unstated_loss_percent.separation", dec!(21), "percent", "of an element that cracking, leaching and separation may lose unsaid", "yields.csv, lowest yields 0.88 x 0.9", MemoryUnverified),
    row(Name::UnstatedLossMetalReduction, "unstated_loss_percent.metal_reduction", dec!(15), "percent", "of an element that reduction may lose unsaid", "yields.csv, lowest yield", MemoryUnverified),
    row(Name::UnstatedLossAlloying, "unstated_loss_percent.alloying", dec!(5), "percent", "of an element that strip casting may lose unsaid", "yields.csv, lowest yield", MemoryUnverified),
    row(Name::UnstatedLossMagnetMaking, "unstated_loss_percent.magnet_making", dec!(10), "percent", "of an element that milling, pressing and sintering may lose unsaid", "yields.csv, lowest yields 0.97 x 0.93", MemoryUnverified),
    row(Name::UnstatedLossMachining, "unstated_loss_percent.machining", dec!(40), "percent", "of an element that machining and coating may lose unsaid", "yields.csv, lowest yield", MemoryUnverified),
    row(Name::UnstatedLossAssembly, "unstated_loss_percent.assembly", dec!(2), "percent", "of an element that assembly may lose unsaid", "own assumption", OwnAssumption),
    row(Name::UnstatedLossRecycling, "unstated_loss_percent.recycling", dec!(15), "percent", "of an element that recycling may lose unsaid", "yields.csv, lowest yield", MemoryUnverified),
    row(Name::PricePeers, "price_peers", dec!(20), "sales", "of others, needed before a price is compared", "own assumption", OwnAssumption),
    row(Name::PriceWindowDays, "price_window_days", dec!(90), "day", "before and after, within which sales are compared", "typologies 9, 10: prices move by half within years", OwnAssumption),
    row(Name::PriceRobustZ, "price_robust_z", dec!(5), "sigma", "of log price, robust, beyond which a price is far", "own assumption", OwnAssumption),
    row(Name::PriceSpreadFloorPercent, "price_spread_floor_percent", dec!(10), "percent", "spread that prices have at least, however alike the peers'", "own assumption", OwnAssumption),
    row(Name::SmallShipmentGrams, "small_shipment_grams", dec!(100000), "gram", "below which a shipment counts as small; 0 when no rule knows such a limit", "no source read names such a limit: a demonstration value", Fictitious),
    row(Name::SmallShipmentSharePercent, "small_shipment_share_percent", dec!(80), "percent", "of that limit, from which a shipment is just under it", "own assumption", OwnAssumption),
    row(Name::SmallShipmentCount, "small_shipment_count", dec!(3), "shipments", "just under the limit, from which they are repeated", "typology 8", OwnAssumption),
    row(Name::SmallShipmentDays, "small_shipment_days", dec!(30), "day", "within which they are repeated", "typology 8", OwnAssumption),
    row(Name::SmallApplicationGrams, "small_application_grams", dec!(1000000), "gram", "below which an application counts as small; 0 turns it off", "a demonstration value", Fictitious),
    row(Name::SmallApplicationCount, "small_application_count", dec!(3), "applications", "small and for the same end user, from which they are repeated", "typology 8", OwnAssumption),
    row(Name::SmallApplicationDays, "small_application_days", dec!(90), "day", "within which they are repeated", "own assumption", OwnAssumption),
    row(Name::DestinationWindowDays, "destination_window_days", dec!(90), "day", "over which what is asked for to a destination is added up, and four times before", "typology 13", OwnAssumption),
    row(Name::DestinationSurgeRatio, "destination_surge_ratio", dec!(3), "times", "of an average window before, beyond which a destination surges", "typology 13", OwnAssumption),
    row(Name::ExportFilingDueDays, "export_filing_due_days", dec!(30), "day", "after goods left under a licence, from which an export that is not filed is a finding", "own assumption: no law read states one", OwnAssumption),
    row(Name::ArrivalDueDays, "arrival_due_days", dec!(90), "day", "after goods left, from which less reported to have arrived than left is a finding", "own assumption: a voyage and clearance", OwnAssumption),
    row(Name::DestinationApplications, "destination_applications", dec!(5), "applications", "before, needed before a destination is said to surge", "own assumption", OwnAssumption),
];

/// A parameter as it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// How much.
    pub value: Decimal,
    /// Where that comes from.
    pub source: String,
    /// How well that was checked.
    pub verification: Verification,
}

/// Every parameter as it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Has every name of `PARAMETERS`; none is negative or above [`LARGEST`].
    values: BTreeMap<ParameterName, Parameter>,
}

/// Beyond it no parameter means anything.
const LARGEST: Decimal = dec!(1_000_000_000_000);

/// A row names no parameter, or a number that means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidParameter {
    /// Nobody uses that name.
    #[error("no detector uses a parameter {0:?}")]
    Unknown(String),
    /// The number is negative or absurd.
    #[error("the parameter {0:?} must lie between 0 and {LARGEST}")]
    OutOfRange(String),
}

impl Default for Parameters {
    fn default() -> Self {
        let values = PARAMETERS.iter().map(|spec| {
            let parameter = Parameter {
                value: spec.default,
                source: spec.source.to_owned(),
                verification: spec.verification,
            };
            (spec.name, parameter)
        });
        Self { values: values.collect() }
    }
}

impl Parameters {
    /// The defaults with these rows over them.
    pub fn with_rows<'a>(
        rows: impl IntoIterator<Item = (&'a str, Parameter)>,
    ) -> Result<Self, InvalidParameter> {
        let mut parameters = Self::default();
        for (key, parameter) in rows {
            let name = key.split_once('@').map_or(key, |(name, _)| name);
            let spec = PARAMETERS.iter().find(|spec| spec.key == name);
            let spec = spec.ok_or_else(|| InvalidParameter::Unknown(key.to_owned()))?;
            if !(Decimal::ZERO..=LARGEST).contains(&parameter.value) {
                return Err(InvalidParameter::OutOfRange(key.to_owned()));
            }
            parameters.values.insert(spec.name, parameter);
        }
        Ok(parameters)
    }

    /// A parameter with its source.
    pub fn of(&self, name: ParameterName) -> &Parameter {
        self.values.get(&name).expect("every name has a default")
    }

    /// Its value.
    pub fn get(&self, name: ParameterName) -> Decimal {
        self.of(name).value
    }

    /// Its value as whole units.
    pub(crate) fn whole(&self, name: ParameterName) -> i64 {
        self.get(name).trunc().to_i64().unwrap_or(i64::MAX)
    }

    /// Its value for statistics.
    pub(crate) fn real(&self, name: ParameterName) -> f64 {
        self.get(name).to_f64().unwrap_or(0.0)
    }

    /// The share of an element that a process may lose without saying so, in percent.
    pub fn unstated_loss_percent(&self, process: Process) -> Decimal {
        self.get(match process {
            Process::Beneficiation => Name::UnstatedLossBeneficiation,
            Process::Separation => Name::UnstatedLossSeparation,
            Process::MetalReduction => Name::UnstatedLossMetalReduction,
            Process::Alloying => Name::UnstatedLossAlloying,
            Process::MagnetMaking => Name::UnstatedLossMagnetMaking,
            Process::Machining => Name::UnstatedLossMachining,
            Process::Assembly => Name::UnstatedLossAssembly,
            Process::Recycling => Name::UnstatedLossRecycling,
        })
    }
}
