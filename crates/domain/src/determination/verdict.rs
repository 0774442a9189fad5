//! The answer, and how evidence for it is gathered and weighed.

use super::{EndUse, Item, wording};
use crate::{
    codes::words,
    regime::{
        ControlCode, ControlItem, Dated, PartyList, Regime, RegimeVersion, Sentence, Standing,
        Verification,
    },
};
use jiff::civil::Date;
use serde::Serialize;

/// Controlled, not controlled, or not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// These items of the lists reach it.
    Controlled {
        /// The most specific code of each item.
        codes: Vec<ControlCode>,
    },
    /// No item in force reaches it.
    NotControlled,
    /// The rows do not settle it.
    Undetermined {
        /// Why, and who can settle it.
        doubts: Vec<Doubt>,
    },
}

words! {
    /// Why the rows do not settle a question.
    DoubtKind {
        /// Nothing or too little was stated about the composition.
        CompositionMissing = "composition_missing",
        /// A limit lies within the uncertainty of the analysis.
        StraddlesLimit = "straddles_limit",
        /// Dysprosium and terbium are there, but not above what trade practice regards.
        AtOrBelowTradePractice = "at_or_below_trade_practice",
        /// A trace, of which the lists do not speak.
        Trace = "trace",
        /// What was stated about a magnet does not fit together.
        MagnetFamilyUnclear = "magnet_family_unclear",
        /// The wording could reach it, but does not name it.
        WordingUnclear = "wording_unclear",
        /// A suspension has run out and what followed is not known.
        AfterSuspension = "after_suspension",
        /// Goods that contain magnets.
        Assembly = "assembly",
        /// Equipment, reagents and technology are compared with a description.
        DescriptionDecides = "description_decides",
        /// The use or a party can bring unlisted goods under control.
        EndUseOrParty = "end_use_or_party",
    }
}

words! {
    /// Who can settle a doubt.
    WhoDecides {
        /// A test report that states the composition.
        TestReport = "test_report",
        /// The authority that issues licences.
        LicensingAuthority = "licensing_authority",
    }
}

/// One reason why the rows do not settle the question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// Which.
    pub kind: DoubtKind,
    /// In words.
    pub text: Sentence,
    /// The items that could reach it.
    pub candidates: Vec<ControlCode>,
    /// Who can settle it.
    pub who_decides: WhoDecides,
    /// What would settle it.
    pub settled_by: Sentence,
}

/// Whether the authority stands by the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "binding", rename_all = "snake_case")]
pub enum Binding {
    /// It does.
    Binding,
    /// It does not, and why.
    NotBinding {
        /// Why not.
        because: Vec<Sentence>,
    },
}

/// A row that the answer rests on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RestsOn {
    /// The code, announcement or parameter.
    pub row: String,
    /// Where it comes from.
    pub source: String,
    /// How well it was checked.
    pub verification: Verification,
}

/// The answer to a question, complete in itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Determination {
    /// The answer.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The day it is given for.
    pub as_of: Date,
    /// The version of the law it was judged by.
    pub regime_version: RegimeVersion,
    /// Whether it binds.
    #[serde(flatten)]
    pub binding: Binding,
    /// Why, in the order of importance.
    pub reasons: Vec<Sentence>,
    /// What would lead to another answer.
    pub would_change: Vec<Sentence>,
    /// What else the asker should know.
    pub advisories: Vec<Sentence>,
    /// The rows behind it.
    pub rests_on: Vec<RestsOn>,
}

/// What speaks for and against control, gathered before it is weighed.
pub(super) struct Evidence<'a> {
    regime: &'a Regime,
    day: Date,
    /// Items in force that reach the goods.
    reached: Vec<&'a Dated<ControlItem>>,
    /// Items that would reach the goods if they were in force.
    lapsed: Vec<(&'a Dated<ControlItem>, Standing)>,
    /// Items in force that were looked at.
    examined: Vec<&'a Dated<ControlItem>>,
    doubts: Vec<Doubt>,
    reasons: Vec<Sentence>,
    rests_on: Vec<RestsOn>,
}

impl<'a> Evidence<'a> {
    pub(super) const fn new(regime: &'a Regime, day: Date) -> Self {
        Self {
            regime,
            day,
            reached: Vec::new(),
            lapsed: Vec::new(),
            examined: Vec::new(),
            doubts: Vec::new(),
            reasons: Vec::new(),
            rests_on: Vec::new(),
        }
    }

    pub(super) const fn regime(&self) -> &'a Regime {
        self.regime
    }

    pub(super) const fn day(&self) -> Date {
        self.day
    }

    /// The items that satisfy a condition and whose dates are not over.
    pub(super) fn items(
        &self,
        condition: impl Fn(&ControlItem) -> bool,
    ) -> Vec<&'a Dated<ControlItem>> {
        let over = |row: &Dated<ControlItem>| row.until.is_some_and(|until| until <= self.day);
        let rows = self.regime.control_items().iter();
        rows.filter(|row| condition(&row.value) && !over(row)).collect()
    }

    pub(super) fn standing(&self, item: &Dated<ControlItem>) -> Standing {
        match (self.regime.standing(&item.value.announcement, self.day), item.from) {
            (Standing::InForce, Some(from)) if self.day < from => Standing::NotYet { from },
            (standing, _) => standing,
        }
    }

    /// Whether an item matters today: in force, or possibly in force.
    pub(super) fn matters(&self, item: &Dated<ControlItem>) -> bool {
        matches!(self.standing(item), Standing::InForce | Standing::NotKnown { .. })
    }

    /// Looked at an item without finding that it reaches the goods.
    pub(super) fn examine(&mut self, items: &[&'a Dated<ControlItem>]) {
        for item in items {
            match self.standing(item) {
                Standing::InForce => self.examined.push(item),
                standing @ (Standing::Suspended { .. } | Standing::NotYet { .. }) => {
                    self.remember_suspension(&standing);
                }
                Standing::NotKnown { .. } | Standing::Ended => {}
            }
        }
    }

    /// The wording of an item reaches the goods.
    pub(super) fn reach(&mut self, item: &'a Dated<ControlItem>) {
        match self.standing(item) {
            Standing::InForce => self.reached.push(item),
            Standing::NotKnown { after, ended } => {
                self.doubt(wording::after_suspension(item, &after, ended));
            }
            standing @ (Standing::Suspended { .. } | Standing::NotYet { .. }) => {
                self.remember_suspension(&standing);
                self.lapsed.push((item, standing));
            }
            Standing::Ended => {}
        }
    }

    pub(super) fn doubt(&mut self, doubt: Doubt) {
        self.doubts.push(doubt);
    }

    pub(super) fn reason(&mut self, reason: Sentence) {
        self.reasons.push(reason);
    }

    pub(super) fn rest_on(&mut self, row: String, source: &str, verification: Verification) {
        self.rests_on.push(RestsOn { row, source: source.to_owned(), verification });
    }

    fn remember_suspension(&mut self, standing: &Standing) {
        if let Standing::Suspended { by, provenance, .. } = standing {
            let row = format!("announcement {by}");
            self.rest_on(row, &provenance.source, provenance.verification);
        }
    }

    /// Weighs what was gathered.
    pub(super) fn conclude(mut self, item: &Item) -> Determination {
        if self.reached.is_empty() && self.doubts.is_empty() {
            self.doubts.extend(wording::end_use_or_party(item));
        }
        for (lapsed, standing) in &self.lapsed {
            self.reasons.push(wording::lapsed(lapsed, standing));
        }
        let outcome = self.outcome();
        self.explain(&outcome);
        let would_change = wording::would_change(&outcome, &self.lapsed, item);
        let advisories = wording::advisories(&outcome, item, self.unnamed_parties());
        self.rests_on.sort();
        self.rests_on.dedup();
        let binding = self.binding(&outcome);
        Determination {
            outcome,
            as_of: self.day,
            regime_version: self.regime.version().clone(),
            binding,
            reasons: self.reasons,
            would_change,
            advisories,
            rests_on: self.rests_on,
        }
    }

    fn outcome(&mut self) -> Outcome {
        if !self.reached.is_empty() {
            let mut codes: Vec<_> =
                self.reached.iter().map(|item| item.value.code.clone()).collect();
            codes.sort();
            codes.dedup();
            // What is controlled stays so whatever else is in doubt; the doubts are still told.
            let doubts = std::mem::take(&mut self.doubts);
            self.reasons.extend(doubts.into_iter().map(|doubt| doubt.text));
            Outcome::Controlled { codes }
        } else if self.doubts.is_empty() {
            Outcome::NotControlled
        } else {
            Outcome::Undetermined { doubts: std::mem::take(&mut self.doubts) }
        }
    }

    fn explain(&mut self, outcome: &Outcome) {
        let rows = match outcome {
            Outcome::Controlled { .. } => std::mem::take(&mut self.reached),
            Outcome::NotControlled => std::mem::take(&mut self.examined),
            Outcome::Undetermined { .. } => Vec::new(),
        };
        for row in &rows {
            if matches!(outcome, Outcome::Controlled { .. }) {
                self.reasons.insert(0, wording::listed(row));
            }
            let provenance = &row.provenance;
            self.rest_on(row.value.code.0.clone(), &provenance.source, provenance.verification);
        }
        if *outcome == Outcome::NotControlled {
            self.reasons.insert(0, wording::no_item_reaches_it());
        }
    }

    fn binding(&self, outcome: &Outcome) -> Binding {
        if matches!(outcome, Outcome::Undetermined { .. }) {
            return Binding::NotBinding { because: vec![wording::nothing_was_settled()] };
        }
        if self.rests_on.is_empty() {
            return Binding::NotBinding { because: vec![wording::no_row_about_it()] };
        }
        let weak = self.rests_on.iter().filter(|row| !row.verification.can_bind());
        let because: Vec<Sentence> = weak.map(wording::not_verified).collect();
        if because.is_empty() { Binding::Binding } else { Binding::NotBinding { because } }
    }

    fn unnamed_parties(&self) -> u32 {
        PartyList::ALL.iter().map(|list| self.regime.unnamed_parties(*list, self.day)).sum()
    }
}

impl EndUse {
    /// Whether this use can bring unlisted goods under control.
    pub(super) const fn is_grave(self) -> bool {
        matches!(self, Self::Military | Self::WeaponsOfMassDestruction | Self::Terrorism)
    }
}
