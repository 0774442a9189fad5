//! The words that say little of who is meant, and surnames with several readings, as data.

use crate::{Class, Kind};
use std::{collections::HashMap, sync::LazyLock};

const WORDS: &str = include_str!("../data/words.csv");
const SURNAMES: &str = include_str!("../data/surnames.csv");
/// Words that one form has at most, and characters.
pub(crate) const LONGEST_WORDS: usize = 5;
pub(crate) const LONGEST_HAN: usize = 7;
/// A legal form this long is recognised with one letter wrong.
const MISSPELT_FROM: usize = 9;

/// What a form stands for.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) class: Class,
    pub(crate) canonical: &'static str,
}

/// Every form.
#[derive(Debug)]
pub(crate) struct Words {
    forms: HashMap<&'static str, Vec<Word>>,
    long_legal: Vec<(&'static str, Word)>,
    surnames: HashMap<&'static str, Vec<&'static str>>,
}

pub(crate) static ALL: LazyLock<Words> = LazyLock::new(Words::read);

impl Words {
    fn read() -> Self {
        let mut forms: HashMap<&'static str, Vec<Word>> = HashMap::new();
        let mut long_legal = Vec::new();
        for line in WORDS.lines().skip(1) {
            let mut cells = line.splitn(3, ',');
            let (Some(class), Some(canonical), Some(of_line)) =
                (cells.next().and_then(Class::of_data), cells.next(), cells.next())
            else {
                continue;
            };
            let word = Word { class, canonical };
            for form in of_line.split('|') {
                forms.entry(form).or_default().push(word.clone());
                if class.is_legal() && form.is_ascii() && form.len() >= MISSPELT_FROM {
                    long_legal.push((form, word.clone()));
                }
            }
        }
        let surnames = SURNAMES
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(','))
            .map(|(characters, readings)| (characters, readings.split('|').collect()))
            .collect();
        Self { forms, long_legal, surnames }
    }

    /// What a form stands for in a name of a kind.
    pub(crate) fn word(&self, form: &str, kind: Kind) -> Option<&Word> {
        self.forms.get(form)?.iter().find(|word| word.class.is_of(kind))
    }

    /// The legal form that a long word is, but for one letter.
    pub(crate) fn misspelt(&self, form: &str, kind: Kind) -> Option<&Word> {
        if form.len() + 1 < MISSPELT_FROM || !form.is_ascii() {
            return None;
        }
        let near = |legal: &&(&'static str, Word)| {
            legal.0.as_bytes()[0] == form.as_bytes()[0]
                && legal.0.len().abs_diff(form.len()) <= 1
                && legal.1.class.is_of(kind)
                && rapidfuzz::distance::osa::distance(legal.0.chars(), form.chars()) <= 1
        };
        self.long_legal.iter().find(near).map(|(_, word)| word)
    }

    /// How a surname is read, where that is not as usual or not in one way.
    pub(crate) fn surname(&self, characters: &str) -> Option<&[&'static str]> {
        self.surnames.get(characters).map(Vec::as_slice)
    }
}
