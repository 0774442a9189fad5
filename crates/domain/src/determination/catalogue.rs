//! A whole catalogue judged at once: one verdict for each item, every sentence told once.

use super::{
    Binding, Item, Judge, LicenceNeeded, Outcome, RestsOn, WhoDecides, verdict::DoubtKind,
};
use crate::regime::{ControlCode, RegimeVersion, Sentence};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

/// The verdicts on a catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Catalogue {
    /// The day they are given for.
    pub as_of: Date,
    /// The version of the law they were judged by.
    pub regime_version: RegimeVersion,
    /// How many items there are of each outcome.
    pub counts: Counts,
    /// The verdicts, in the order of the items.
    pub verdicts: Vec<Verdict>,
    /// Every sentence that verdicts point to, by its position.
    pub sentences: Vec<Sentence>,
    /// The rows behind all of them.
    pub rests_on: BTreeSet<RestsOn>,
}

/// How many items there are of each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Reached by an item in force.
    pub controlled: u32,
    /// Reached by none.
    pub not_controlled: u32,
    /// For a test report or a person to settle.
    pub undetermined: u32,
    /// Not judged, because they cannot be.
    pub faulty: u32,
}

/// What is said of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What the asker calls it.
    pub reference: String,
    /// The answer.
    #[serde(flatten)]
    pub answer: VerdictAnswer,
}

/// The answer about one item, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum VerdictAnswer {
    /// These items of the lists reach it.
    Controlled {
        /// The most specific code of each item.
        codes: Vec<ControlCode>,
        /// What else there is to say.
        #[serde(flatten)]
        said: Said,
    },
    /// No item in force reaches it.
    NotControlled {
        /// What else there is to say.
        #[serde(flatten)]
        said: Said,
    },
    /// The rows do not settle it.
    Undetermined {
        /// Why, and who can settle it.
        doubts: Vec<ShortDoubt>,
        /// What else there is to say.
        #[serde(flatten)]
        said: Said,
    },
    /// It cannot be what it is said to be.
    Faulty {
        /// What is wrong with it.
        fault: String,
    },
}

/// What every answer says besides its outcome; numbers are positions among the sentences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Whether the authority stands by it.
    pub binds: bool,
    /// The licences that the goods need.
    pub licences_needed: Vec<LicenceNeeded>,
    /// Why.
    pub reasons: Vec<u32>,
    /// What would lead to another answer.
    pub would_change: Vec<u32>,
    /// What else the asker should know; why it does not bind stands here too.
    pub advisories: Vec<u32>,
}

/// A doubt in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShortDoubt {
    /// Which.
    pub kind: DoubtKind,
    /// In words.
    pub text: u32,
    /// The items that could reach it.
    pub candidates: Vec<ControlCode>,
    /// Who can settle it.
    pub who_decides: WhoDecides,
}

/// Sentences by their position, each once.
#[derive(Default)]
struct Sentences {
    told: Vec<Sentence>,
    positions: HashMap<Sentence, u32>,
}

impl Sentences {
    fn position(&mut self, sentence: Sentence) -> u32 {
        let next = u32::try_from(self.told.len()).expect("a catalogue has fewer sentences");
        *self.positions.entry(sentence).or_insert_with_key(|sentence| {
            self.told.push(sentence.clone());
            next
        })
    }

    fn positions(&mut self, sentences: impl IntoIterator<Item = Sentence>) -> Vec<u32> {
        sentences.into_iter().map(|sentence| self.position(sentence)).collect()
    }
}

impl Judge<'_> {
    /// Judges items one after another; what cannot be an item is named and stops nothing.
    pub fn catalogue(
        &self,
        items: impl IntoIterator<Item = (String, Result<Item, String>)>,
    ) -> Catalogue {
        let mut catalogue = Catalogue {
            as_of: self.day(),
            regime_version: self.regime().version().clone(),
            counts: Counts::default(),
            verdicts: Vec::new(),
            sentences: Vec::new(),
            rests_on: BTreeSet::new(),
        };
        let mut sentences = Sentences::default();
        for (reference, item) in items {
            let answer = match item {
                Ok(item) => self.verdict(&item, &mut sentences, &mut catalogue.rests_on),
                Err(fault) => VerdictAnswer::Faulty { fault },
            };
            catalogue.counts.add(&answer);
            catalogue.verdicts.push(Verdict { reference, answer });
        }
        catalogue.sentences = sentences.told;
        catalogue
    }

    fn verdict(
        &self,
        item: &Item,
        sentences: &mut Sentences,
        rests_on: &mut BTreeSet<RestsOn>,
    ) -> VerdictAnswer {
        let answer = self.determine(item);
        rests_on.extend(answer.rests_on);
        let (binds, because) = match answer.binding {
            Binding::Binding => (true, Vec::new()),
            Binding::NotBinding { because } => (false, because),
        };
        let said = Said {
            binds,
            licences_needed: answer.licences_needed,
            reasons: sentences.positions(answer.reasons),
            would_change: sentences.positions(answer.would_change),
            advisories: sentences.positions(answer.advisories.into_iter().chain(because)),
        };
        match answer.outcome {
            Outcome::Controlled { codes } => VerdictAnswer::Controlled { codes, said },
            Outcome::NotControlled => VerdictAnswer::NotControlled { said },
            Outcome::Undetermined { doubts } => {
                let short = |doubt: super::Doubt| ShortDoubt {
                    kind: doubt.kind,
                    text: sentences.position(doubt.text),
                    candidates: doubt.candidates,
                    who_decides: doubt.who_decides,
                };
                VerdictAnswer::Undetermined {
                    doubts: doubts.into_iter().map(short).collect(),
                    said,
                }
            }
        }
    }
}

impl Counts {
    const fn add(&mut self, answer: &VerdictAnswer) {
        let count = match answer {
            VerdictAnswer::Controlled { .. } => &mut self.controlled,
            VerdictAnswer::NotControlled { .. } => &mut self.not_controlled,
            VerdictAnswer::Undetermined { .. } => &mut self.undetermined,
            VerdictAnswer::Faulty { .. } => &mut self.faulty,
        };
        *count += 1;
    }
}
