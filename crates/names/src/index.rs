//! Who on a list may be meant: names found by the letters they share, then compared.

use crate::{
    Match,
    align::{self, initials},
    token::{Class, Kind, Name},
};
use std::{
    cell::RefCell,
    collections::HashMap,
    hash::{BuildHasherDefault, Hash, Hasher},
};

/// Names compared for one that is asked for.
const MOST_COMPARED: usize = 20;
/// How alike the letters of two names must be, to be compared (cosine).
const LEAST_SHARED: f32 = 0.28;

/// Who shares less than this part of what the best shares is not compared.
const LEAST_OF_BEST: f32 = 0.4;
/// Words up to this long are looked for with a letter less.
const LONGEST_SHORTENED: usize = 7;
/// Marks of pieces: a whole word, and one that only helps. Trigrams have neither.
const WHOLE: u32 = 1 << 31;
const BESIDE: u32 = 1 << 30;

/// Somebody on the list who may be meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit<K> {
    /// Who.
    pub key: K,
    /// How much of both names is the same, 0 to 1.
    pub score: f64,
}

/// Names of one kind, each under a key, to be searched. Grows and shrinks name by name.
#[derive(Clone, Debug)]
pub struct Index<K> {
    kind: Kind,
    /// A slot for each name; a free one is taken again.
    slots: Vec<Option<Slot<K>>>,
    /// How many pieces the name in a slot has, at least 1.
    lengths: Vec<f32>,
    free: Vec<u32>,
    /// In which slots a piece of a name occurs, with no order.
    postings: HashMap<u32, Vec<u32>, Plain>,
    /// How many names have a word.
    frequency: HashMap<String, u32>,
    of_key: HashMap<K, Vec<u32>>,
    count: u32,
}

#[derive(Clone, Debug)]
struct Slot<K> {
    key: K,
    name: Name,
    pieces: Vec<u32>,
}

impl<K: Clone + Eq + Hash> Index<K> {
    /// An index without a name.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            slots: Vec::new(),
            lengths: Vec::new(),
            free: Vec::new(),
            postings: HashMap::default(),
            frequency: HashMap::new(),
            of_key: HashMap::new(),
            count: 0,
        }
    }

    /// How many names it has.
    pub const fn len(&self) -> u32 {
        self.count
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a name under a key, which may have others.
    pub fn insert(&mut self, key: K, name: &str) {
        let name = Name::read(name, self.kind);
        let pieces = pieces(&name);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.lengths.push(1.0);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        for piece in &pieces {
            self.postings.entry(*piece).or_default().push(slot);
        }
        for word in distinct_words(&name) {
            *self.frequency.entry(word.to_owned()).or_default() += 1;
        }
        self.of_key.entry(key.clone()).or_default().push(slot);
        let length = pieces.iter().filter(|piece| **piece & BESIDE == 0).count().max(1);
        self.lengths[slot as usize] = f32::from(u16::try_from(length).unwrap_or(u16::MAX));
        self.slots[slot as usize] = Some(Slot { key, name, pieces });
        self.count += 1;
    }

    /// Takes away every name under a key. Answers how many there were.
    pub fn remove(&mut self, key: &K) -> usize {
        let slots = self.of_key.remove(key).unwrap_or_default();
        for slot in &slots {
            let Some(taken) = self.slots[*slot as usize].take() else { continue };
            for piece in &taken.pieces {
                if let Some(postings) = self.postings.get_mut(piece) {
                    postings.retain(|other| other != slot);
                    if postings.is_empty() {
                        self.postings.remove(piece);
                    }
                }
            }
            for word in distinct_words(&taken.name) {
                if let Some(count) = self.frequency.get_mut(word) {
                    *count -= 1;
                    if *count == 0 {
                        self.frequency.remove(word);
                    }
                }
            }
            self.free.push(*slot);
            self.count -= 1;
        }
        slots.len()
    }

    /// Everybody whose name scores at least that much, the best first; one hit for each key.
    pub fn search(&self, text: &str, least: f64) -> Vec<Hit<K>> {
        let asked = Name::read(text, self.kind);
        let mut hits: Vec<Hit<K>> = Vec::new();
        for slot in self.candidates(&asked) {
            let Some(slot) = &self.slots[slot as usize] else { continue };
            let score = align::score(&asked, &slot.name, |word| self.commonness(word));
            if score >= least {
                match hits.iter_mut().find(|hit| hit.key == slot.key) {
                    Some(hit) => hit.score = hit.score.max(score),
                    None => hits.push(Hit { key: slot.key.clone(), score }),
                }
            }
        }
        hits.sort_by(|one, other| other.score.total_cmp(&one.score));
        hits
    }

    /// Why a name scores as it does against the best of a key's.
    pub fn explain(&self, text: &str, key: &K) -> Option<Match> {
        let asked = Name::read(text, self.kind);
        let slots = self.of_key.get(key)?;
        let names = slots.iter().filter_map(|slot| self.slots[*slot as usize].as_ref());
        names
            .map(|slot| align::compare(&asked, &slot.name, |word| self.commonness(word)))
            .max_by(|one, other| one.score.total_cmp(&other.score))
    }

    /// How common a word is on the list, 0 (in one name) to 1 (in a tenth of them).
    fn commonness(&self, word: &str) -> f64 {
        let Some(count) = self.frequency.get(word) else { return 0.0 };
        let many = f64::from((self.count / 10).max(10));
        (f64::from(*count).ln() / many.ln()).clamp(0.0, 1.0)
    }

    /// The slots that share most with what is asked for.
    fn candidates(&self, asked: &Name) -> Vec<u32> {
        thread_local! {
            static SUMS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
        }
        let rarity = |slots: usize| -> f32 {
            let slots = f64::from(u32::try_from(slots).unwrap_or(u32::MAX));
            #[expect(clippy::cast_possible_truncation, reason = "a weight of about 1 to 12")]
            let rarity = (1.0 + f64::from(self.count) / slots).ln() as f32;
            rarity
        };
        SUMS.with_borrow_mut(|sums| {
            sums.resize(self.slots.len().max(sums.len()), 0.0);
            let (mut touched, mut all) = (Vec::new(), 0.0_f32);
            let asked = pieces(asked);
            let count = asked.len();
            for piece in asked {
                let is_beside = piece & BESIDE != 0;
                let Some(slots) = self.postings.get(&piece) else {
                    all += if is_beside { 0.0 } else { 4.0 };
                    continue;
                };
                let weight = rarity(slots.len());
                // What a tenth of the list has leads to nobody.
                if slots.len() > 1_000 && slots.len() > self.slots.len() / 10 && count > 4 {
                    all += weight * weight;
                    continue;
                }
                all += if is_beside { 0.0 } else { weight * weight };
                for slot in slots {
                    let sum = &mut sums[*slot as usize];
                    if *sum == 0.0 {
                        touched.push(*slot);
                    }
                    *sum += weight * weight;
                }
            }
            let mut found: Vec<(f32, u32)> = Vec::with_capacity(touched.len());
            for slot in touched {
                let shared = std::mem::take(&mut sums[slot as usize]);
                // Half of what is asked for, or nearly all of a short name on the list.
                let alike = shared / (all * self.lengths[slot as usize] * 16.0).sqrt();
                if shared / all >= LEAST_SHARED || alike >= LEAST_SHARED {
                    found.push((shared / all + alike, slot));
                }
            }
            if found.len() > MOST_COMPARED {
                found.select_nth_unstable_by(MOST_COMPARED, |one, other| other.0.total_cmp(&one.0));
                found.truncate(MOST_COMPARED);
            }
            let best = found.iter().map(|(alike, _)| *alike).fold(0.0, f32::max);
            found.retain(|(alike, _)| *alike >= best * LEAST_OF_BEST);
            found.into_iter().map(|(_, slot)| slot).collect()
        })
    }
}

fn distinct_words(name: &Name) -> Vec<&str> {
    let own = name.tokens().iter().filter(|token| token.class == Class::Core);
    let mut words: Vec<&str> = own.map(|token| token.text.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// What a name is found by: three sounds in a row of its own words, in every reading; whole words
/// when it has no own ones; and the letters it may be shortened to.
fn pieces(name: &Name) -> Vec<u32> {
    let mut pieces = Vec::with_capacity(32);
    let mut is_own = false;
    for token in name.tokens() {
        match token.class {
            Class::Core => {
                is_own = true;
                trigrams(&token.sound, &mut pieces);
                shortened(&token.text, &mut pieces);
                for reading in &token.readings {
                    trigrams(&crate::normal::sound(reading), &mut pieces);
                }
                if name.kind == Kind::Organisation && (3..=6).contains(&token.text.len()) {
                    pieces.push(hash(&[b"@", token.text.as_bytes()]));
                }
            }
            Class::Number if name.kind != Kind::Person => {
                pieces.push(hash(&[b"#", token.text.as_bytes()]));
            }
            _ => {}
        }
    }
    if !is_own {
        let words = name.tokens().iter().filter(|token| !token.class.is_legal());
        pieces.extend(words.map(|token| hash(&[b"=", token.text.as_bytes()])));
    }
    if name.kind == Kind::Organisation {
        let short = initials(name.tokens());
        if (3..=6).contains(&short.len()) {
            pieces.push(hash(&[b"@", short.as_bytes()]));
        }
    }
    pieces.sort_unstable();
    pieces.dedup();
    pieces
}

fn trigrams(text: &str, pieces: &mut Vec<u32>) {
    let bytes = text.as_bytes();
    let at = |index: usize| match index {
        0 => b'^',
        index => bytes.get(index - 1).copied().unwrap_or(b'$'),
    };
    for start in 0..bytes.len().max(1) {
        let three = [at(start), at(start + 1), at(start + 2)];
        pieces.push(u32::from_be_bytes([0, three[0], three[1], three[2]]));
    }
}

/// A short word less one letter, each in turn: two words that differ in one letter share one. They
/// only help: a name that has none is no less alike.
fn shortened(text: &str, pieces: &mut Vec<u32>) {
    if !(3..=LONGEST_SHORTENED).contains(&text.len()) {
        return;
    }
    pieces.push((hash(&[b"-", text.as_bytes()]) & !WHOLE) | BESIDE);
    for at in 0..text.len() {
        let (before, after) = (&text.as_bytes()[..at], &text.as_bytes()[at + 1..]);
        pieces.push((hash(&[b"-", before, after]) & !WHOLE) | BESIDE);
    }
}

/// FNV-1a, with the top bit set: apart from trigrams.
fn hash(texts: &[&[u8]]) -> u32 {
    let bytes = texts.iter().flat_map(|text| text.iter());
    bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
        & !BESIDE
        | WHOLE
}

/// Pieces are spread already enough: multiplied, not hashed anew.
#[derive(Debug, Default)]
struct Spread(u64);
type Plain = BuildHasherDefault<Spread>;

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
