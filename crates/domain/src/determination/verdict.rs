//! The answer, and how evidence for it is gathered and weighed.

use super::{
    EndUse, Item,
    law::{Judge, ListedItem},
    wording,
};
use crate::{
    codes::words,
    element::Element,
    regime::{ControlCode, Provenance, RegimeVersion, Sentence, Standing, Verification},
};
use jiff::civil::Date;
use serde::{Serialize, Serializer};
use std::sync::Arc;

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
    #[serde(serialize_with = "as_text")]
    pub row: Arc<str>,
    /// Where it comes from.
    #[serde(serialize_with = "as_text")]
    pub source: Arc<str>,
    /// How well it was checked.
    pub verification: Verification,
}

// A catalogue rests on the same rows over and over: they are shared, not copied.
fn as_text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl RestsOn {
    pub(super) fn of(row: &str, provenance: &Provenance) -> Self {
        let source = Arc::from(provenance.source.as_str());
        Self { row: Arc::from(row), source, verification: provenance.verification }
    }
}

words! {
    /// A licence that goods need before they leave.
    LicenceNeeded {
        /// For dual-use items.
        DualUse = "dual_use",
        /// An ordinary export licence, by the supervision condition of the tariff code.
        OrdinaryExport = "ordinary_export",
    }
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
    /// The licences that the goods need, as far as the rows say: both for many controlled compounds.
    pub licences_needed: Vec<LicenceNeeded>,
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
    law: &'a Judge<'a>,
    /// Items in force that reach the goods.
    reached: Vec<&'a ListedItem<'a>>,
    /// Items that would reach the goods if they were in force.
    lapsed: Vec<&'a ListedItem<'a>>,
    /// Items in force that were looked at.
    examined: Vec<&'a ListedItem<'a>>,
    doubts: Vec<Doubt>,
    reasons: Vec<Sentence>,
    rests_on: Vec<RestsOn>,
}

impl<'a> Evidence<'a> {
    pub(super) const fn new(law: &'a Judge<'a>) -> Self {
        Self {
            law,
            reached: Vec::new(),
            lapsed: Vec::new(),
            examined: Vec::new(),
            doubts: Vec::new(),
            reasons: Vec::new(),
            rests_on: Vec::new(),
        }
    }

    pub(super) const fn law(&self) -> &'a Judge<'a> {
        self.law
    }

    /// The items that satisfy a condition and whose dates are not over.
    pub(super) fn items(
        &self,
        condition: impl Fn(&ListedItem<'a>) -> bool,
    ) -> Vec<&'a ListedItem<'a>> {
        self.law.items(condition)
    }

    /// Those of them about one element.
    pub(super) fn of(
        &self,
        element: Element,
        condition: impl Fn(&ListedItem<'a>) -> bool,
    ) -> Vec<&'a ListedItem<'a>> {
        self.law.of(element, condition)
    }

    /// Looked at an item without finding that it reaches the goods.
    pub(super) fn examine(&mut self, items: &[&'a ListedItem<'a>]) {
        for item in items {
            match &item.standing {
                Standing::InForce => self.examined.push(item),
                standing @ (Standing::Suspended { .. } | Standing::NotYet { .. }) => {
                    self.remember_suspension(standing);
                }
                Standing::NotKnown { .. } | Standing::Ended => {}
            }
        }
    }

    /// The wording of an item reaches the goods.
    pub(super) fn reach(&mut self, item: &'a ListedItem<'a>) {
        match &item.standing {
            Standing::InForce => self.reached.push(item),
            Standing::NotKnown { after, ended } => {
                self.doubt(wording::after_suspension(item, after, *ended));
            }
            standing @ (Standing::Suspended { .. } | Standing::NotYet { .. }) => {
                self.remember_suspension(standing);
                self.lapsed.push(item);
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

    pub(super) fn rest_on(&mut self, row: &str, provenance: &Provenance) {
        self.rests_on.push(RestsOn::of(row, provenance));
    }

    fn remember_suspension(&mut self, standing: &Standing) {
        if let Standing::Suspended { by, provenance, .. } = standing {
            let row = format!("announcement {by}");
            if self.rests_on.iter().all(|known| *known.row != *row) {
                self.rest_on(&row, provenance);
            }
        }
    }

    /// Weighs what was gathered.
    pub(super) fn conclude(mut self, item: &Item) -> Determination {
        if self.reached.is_empty() && self.doubts.is_empty() {
            self.doubts.extend(wording::end_use_or_party(item));
        }
        for lapsed in &self.lapsed {
            self.reasons.push(wording::lapsed(lapsed, &lapsed.standing));
        }
        let outcome = self.outcome();
        self.explain(&outcome);
        let would_change = wording::would_change(&outcome, !self.lapsed.is_empty(), item);
        let advisories = wording::advisories(&outcome, item, self.law);
        let licences_needed = self.licences_needed(&outcome, item);
        self.rests_on.sort();
        self.rests_on.dedup();
        let binding = self.binding(&outcome);
        Determination {
            outcome,
            as_of: self.law.day(),
            regime_version: self.law.regime().version().clone(),
            binding,
            licences_needed,
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
            self.rests_on.push(row.rests_on.clone());
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
        // One sentence for each mark, however many rows bear it.
        let because: Vec<Sentence> = Verification::ALL
            .iter()
            .filter(|mark| !mark.can_bind())
            .filter_map(|mark| wording::not_verified(&self.rests_on, *mark))
            .collect();
        if because.is_empty() { Binding::Binding } else { Binding::NotBinding { because } }
    }

    /// A dual-use licence for what is controlled; an ordinary one where the tariff code asks for it.
    fn licences_needed(&self, outcome: &Outcome, item: &Item) -> Vec<LicenceNeeded> {
        let tariff = item.hs.as_ref().and_then(|hs| self.law.tariff_condition(hs));
        let ordinary = tariff.is_some_and(|row| row.value.asks_for_export_licence());
        let controlled = matches!(outcome, Outcome::Controlled { .. });
        let needed =
            [(controlled, LicenceNeeded::DualUse), (ordinary, LicenceNeeded::OrdinaryExport)];
        needed.into_iter().filter(|(is, _)| *is).map(|(_, licence)| licence).collect()
    }
}

impl EndUse {
    /// Whether this use can bring unlisted goods under control.
    pub(super) const fn is_grave(self) -> bool {
        matches!(self, Self::Military | Self::WeaponsOfMassDestruction | Self::Terrorism)
    }
}
