//! Two names side by side: which token is which, and how much of both that explains.

use crate::token::{Class, Kind, MOST_TOKENS, Name, Token};
use rapidfuzz::distance::osa;

/// Tokens in a row that may be one word on the other side.
const MOST_JOINED: usize = 4;

/// How two parts match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The same, as names are compared.
    Same,
    /// The same words of a dictionary, or the same reading, in two scripts.
    Reading,
    /// Other characters that are read the same.
    Homophone,
    /// Letters that sound alike.
    Sound,
    /// A slip of the pen.
    Typo,
    /// A first letter.
    Initial,
    /// One word there, several here.
    Joined,
    /// The first letters of the words.
    Acronym,
}

impl How {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Reading => "reading",
            Self::Homophone => "homophone",
            Self::Sound => "sound",
            Self::Typo => "typo",
            Self::Initial => "initial",
            Self::Joined => "joined",
            Self::Acronym => "acronym",
        }
    }
}

/// A part of either name.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What the first name has; none where only the second has it.
    pub one: Option<String>,
    /// What the second has.
    pub other: Option<String>,
    /// How they match; none where only one has it.
    pub how: Option<How>,
    /// How alike they are, 0 to 1.
    pub alike: f64,
}

/// A comparison of two names.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// How much of both is the same, 0 to 1.
    pub score: f64,
    /// Part by part, in the order of the first name.
    pub parts: Vec<Part>,
}

/// Who matches whom: runs of tokens on either side.
#[derive(Clone, Copy)]
struct Pair {
    one: u32,
    other: u32,
    how: How,
    alike: f64,
}

/// The alignment as bits of either side.
struct Aligned {
    pairs: [Option<Pair>; MOST_TOKENS],
    count: usize,
    one_left: u32,
    other_left: u32,
}

impl Aligned {
    fn add(&mut self, pair: Pair) {
        if self.count < MOST_TOKENS {
            self.pairs[self.count] = Some(pair);
            self.count += 1;
            self.one_left &= !pair.one;
            self.other_left &= !pair.other;
        }
    }
}

/// Compares two names, and says why. `commonness` is how common a word is, 0 (rare) to 1.
pub fn compare(one: &Name, other: &Name, commonness: impl Fn(&str) -> f64) -> Match {
    let aligned = align(one, other);
    let score = weigh(one, other, &aligned, &commonness).max(whole(one, other));
    let written = |name: &Name, bits: u32| {
        let tokens = name.tokens().iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
        tokens.map(|(_, token)| token.written.as_str()).collect::<Vec<_>>().join(" ")
    };
    let mut parts: Vec<(u32, Part)> = Vec::new();
    for pair in aligned.pairs.iter().flatten() {
        let part = Part {
            one: Some(written(one, pair.one)),
            other: Some(written(other, pair.other)),
            how: Some(pair.how),
            alike: pair.alike,
        };
        parts.push((pair.one.trailing_zeros(), part));
    }
    for (at, token) in one.tokens().iter().enumerate() {
        if aligned.one_left & (1 << at) != 0 {
            let (one, at) = (Some(token.written.clone()), u32::try_from(at).unwrap_or(u32::MAX));
            parts.push((at, Part { one, other: None, how: None, alike: 0.0 }));
        }
    }
    for (at, token) in other.tokens().iter().enumerate() {
        if aligned.other_left & (1 << at) != 0 {
            let other = Some(token.written.clone());
            parts.push((u32::MAX, Part { one: None, other, how: None, alike: 0.0 }));
        }
    }
    parts.sort_by_key(|(at, _)| *at);
    Match { score, parts: parts.into_iter().map(|(_, part)| part).collect() }
}

/// The score alone.
pub fn score(one: &Name, other: &Name, commonness: impl Fn(&str) -> f64) -> f64 {
    let score = weigh(one, other, &align(one, other), &commonness);
    if score < WHOLE { score.max(whole(one, other)) } else { score }
}

/// What two names are worth that are the same letters but for a slip, wherever words are parted.
const WHOLE: f64 = 0.9;
/// Below so many letters another letter is another name.
const WHOLE_FROM: usize = 10;

fn whole(one: &Name, other: &Name) -> f64 {
    let own = |name: &'_ Name| {
        let is_own = |token: &&Token| {
            !token.class.is_legal() && !matches!(token.class, Class::Title | Class::Particle)
        };
        name.tokens().iter().filter(is_own).map(|token| token.text.clone()).collect::<String>()
    };
    let length =
        |name: &Name| -> usize { name.tokens().iter().map(|token| token.text.len()).sum() };
    // What does not count makes a few dozen letters at most; most names differ by more at once.
    if length(one).abs_diff(length(other)) > 24 || length(one).min(length(other)) < WHOLE_FROM {
        return 0.0;
    }
    let is_possible = |name: &Name| name.tokens().iter().all(|token| !token.is_han);
    if !is_possible(one) || !is_possible(other) {
        return 0.0;
    }
    let (ours, theirs) = (own(one), own(other));
    let shorter = ours.len().min(theirs.len());
    if shorter < WHOLE_FROM || ours.len().abs_diff(theirs.len()) > 1 {
        return 0.0;
    }
    let arguments = osa::Args::default().score_cutoff(1);
    let near = osa::distance_with_args(ours.bytes(), theirs.bytes(), &arguments);
    match near {
        Some(0) => 0.97,
        Some(_) if numbers(one) == numbers(other) => WHOLE,
        _ => 0.0,
    }
}

fn numbers(name: &Name) -> Vec<&str> {
    let numbers = name.tokens().iter().filter(|token| token.class == Class::Number);
    numbers.map(|token| token.text.as_str()).collect()
}

fn align(one: &Name, other: &Name) -> Aligned {
    let (ours, theirs) = (one.tokens(), other.tokens());
    let all = |tokens: &[Token]| u32::try_from((1_u64 << tokens.len()) - 1).unwrap_or(u32::MAX);
    let mut aligned = Aligned {
        pairs: [None; MOST_TOKENS],
        count: 0,
        one_left: all(ours),
        other_left: all(theirs),
    };
    for (i, a) in ours.iter().enumerate() {
        for (j, b) in theirs.iter().enumerate() {
            if aligned.other_left & (1 << j) != 0
                && a.text == b.text
                && a.is_han == b.is_han
                && (!a.is_han || a.written == b.written)
            {
                aligned.add(Pair { one: 1 << i, other: 1 << j, how: How::Same, alike: 1.0 });
                break;
            }
        }
    }
    if aligned.one_left != 0 && aligned.other_left != 0 {
        join(ours, theirs, &mut aligned, false);
        join(theirs, ours, &mut aligned, true);
        near(one.kind, ours, theirs, &mut aligned);
        if one.kind == Kind::Organisation {
            acronym(ours, theirs, &mut aligned, false);
            acronym(theirs, ours, &mut aligned, true);
        }
    }
    aligned
}

/// Pairs that are alike, the most alike first.
fn near(kind: Kind, ours: &[Token], theirs: &[Token], aligned: &mut Aligned) {
    let mut found: Vec<(f64, usize, usize, How)> = Vec::new();
    for (i, a) in ours.iter().enumerate().filter(|(i, _)| aligned.one_left & (1 << i) != 0) {
        for (j, b) in theirs.iter().enumerate() {
            if aligned.other_left & (1 << j) != 0
                && let Some((how, alike)) = alike(kind, a, b)
            {
                found.push((alike, i, j, how));
            }
        }
    }
    found.sort_by(|one, other| other.0.total_cmp(&one.0));
    for (alike, i, j, how) in found {
        if aligned.one_left & (1 << i) != 0 && aligned.other_left & (1 << j) != 0 {
            aligned.add(Pair { one: 1 << i, other: 1 << j, how, alike });
        }
    }
}

/// Whether two tokens are one, and how alike they are.
fn alike(kind: Kind, a: &Token, b: &Token) -> Option<(How, f64)> {
    let known = |token: &Token| !matches!(token.class, Class::Core | Class::Initial);
    if known(a) || known(b) {
        return known_word(a, b, known(a) && known(b));
    }
    if a.class == Class::Initial || b.class == Class::Initial {
        let same = a.text.as_bytes().first() == b.text.as_bytes().first();
        return (kind == Kind::Person && same && a.class != b.class).then_some((How::Initial, 0.9));
    }
    if a.is_han && b.is_han {
        return han(a, b);
    }
    if a.text == b.text {
        return Some((How::Reading, 1.0));
    }
    if a.readings.contains(&b.text) || b.readings.contains(&a.text) {
        return Some((How::Reading, 0.98));
    }
    if a.sound == b.sound && a.sound.len() > 2 {
        return Some((How::Sound, 0.95));
    }
    let is_read = a.is_han || b.is_han;
    let edits = edits(&a.text, &b.text, is_read)
        .or_else(|| (!is_read).then(|| edits(&a.sound, &b.sound, false)).flatten())?;
    Some((How::Typo, slipped(edits, a.text.len().min(b.text.len()))))
}

/// A word of the dictionary: in another script, or with a slip that hides it.
fn known_word(a: &Token, b: &Token, is_both: bool) -> Option<(How, f64)> {
    if a.text == b.text {
        return Some((How::Reading, 1.0));
    }
    let is_number = a.class == Class::Number || b.class == Class::Number;
    if is_both || is_number || a.is_han || b.is_han || a.written.len().min(b.written.len()) < 5 {
        return None;
    }
    let edits = edits(&a.written, &b.written, false)?;
    Some((How::Typo, slipped(edits, a.written.len().min(b.written.len()))))
}

/// Both in Chinese: the same sound is a common slip, another character in a long name too.
fn han(a: &Token, b: &Token) -> Option<(How, f64)> {
    if a.text == b.text && a.written.chars().count() > 1 {
        return Some((How::Homophone, 0.88));
    }
    let length = a.written.chars().count().min(b.written.chars().count());
    let edits = osa::distance(a.written.chars(), b.written.chars());
    (edits <= length / 4).then_some((How::Typo, 0.88))
}

/// How many letters are wrong, when they are few enough for the word. Syllables of Chinese differ in
/// one letter already, so what was read from characters may have but one.
fn edits(one: &str, other: &str, is_read: bool) -> Option<usize> {
    let shorter = one.len().min(other.len());
    let most = match (shorter, is_read) {
        (0..=2, _) | (3..=4, true) => 0,
        (3..=6, _) | (_, true) => 1,
        (7..=10, _) => 2,
        _ => 3,
    };
    let differs = one.len().abs_diff(other.len());
    if most == 0 || differs > most || shorter == 3 && differs > 0 {
        return None;
    }
    let arguments = osa::Args::default().score_cutoff(most);
    osa::distance_with_args(one.bytes(), other.bytes(), &arguments)
}

fn slipped(edits: usize, length: usize) -> f64 {
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    1.0 - 0.45 * count(edits) / count(length.clamp(3, 9))
}

/// One word of ours that is several of theirs in a row, whatever they stand for.
fn join(ours: &[Token], theirs: &[Token], aligned: &mut Aligned, is_turned: bool) {
    let left = |aligned: &Aligned, i: usize, turned: bool| {
        (if turned { aligned.other_left } else { aligned.one_left }) & (1 << i) != 0
    };
    for (i, a) in ours.iter().enumerate() {
        let known = a.written.contains(' ').then(|| a.written.replace(' ', ""));
        let word = known.as_deref().unwrap_or(&a.text);
        if !left(aligned, i, is_turned) || word.len() < 4 || a.class == Class::Number {
            continue;
        }
        'from: for from in 0..theirs.len() {
            let mut text = String::new();
            let mut bits = 0;
            for (j, b) in theirs.iter().enumerate().skip(from).take(MOST_JOINED) {
                if !left(aligned, j, !is_turned) || a.is_han && b.is_han {
                    continue 'from;
                }
                text.extend(
                    if b.is_han { b.text.chars() } else { b.written.chars() }
                        .filter(char::is_ascii_alphanumeric),
                );
                bits |= 1 << j;
                let is_joined = j > from
                    && (text == word || a.readings.contains(&text) || near_joined(&text, word));
                if is_joined {
                    let (one, other) = if is_turned { (bits, 1 << i) } else { (1 << i, bits) };
                    aligned.add(Pair { one, other, how: How::Joined, alike: 0.97 });
                    break 'from;
                }
                if text.len() > word.len() + 1 {
                    continue 'from;
                }
            }
        }
    }
}

fn near_joined(text: &str, whole: &str) -> bool {
    whole.len() >= 8
        && text.len().abs_diff(whole.len()) <= 1
        && osa::distance_with_args(
            text.bytes(),
            whole.bytes(),
            &osa::Args::default().score_cutoff(1),
        )
        .is_some()
}

/// A short word of ours that is the first letters of all of theirs.
fn acronym(ours: &[Token], theirs: &[Token], aligned: &mut Aligned, is_turned: bool) {
    let own: Vec<(usize, &Token)> =
        ours.iter().enumerate().filter(|(_, token)| token.class == Class::Core).collect();
    let [(i, short)] = own.as_slice() else { return };
    let (short_left, long_left) = if is_turned {
        (aligned.other_left, aligned.one_left)
    } else {
        (aligned.one_left, aligned.other_left)
    };
    let is_free = short_left & (1 << i) != 0 && !short.is_han;
    if is_free && (3..=6).contains(&short.text.len()) && initials(theirs) == short.text {
        let bits = theirs
            .iter()
            .enumerate()
            .fold(0, |bits, (j, token)| if spells(token) { bits | (1 << j) } else { bits })
            & long_left;
        if bits != 0 {
            let (one, other) = if is_turned { (bits, 1 << i) } else { (1 << i, bits) };
            aligned.add(Pair { one, other, how: How::Acronym, alike: 0.95 });
        }
    }
}

fn spells(token: &Token) -> bool {
    !token.is_han && !token.class.is_legal() && token.class != Class::Particle
}

/// The first letters of the words that an acronym is made of.
pub(crate) fn initials(tokens: &[Token]) -> String {
    let words = tokens.iter().filter(|token| spells(token));
    words
        .flat_map(|token| token.written.split(' '))
        .filter_map(|word| word.chars().next())
        .collect()
}

/// How much a token says in a name of a kind.
fn weight(token: &Token, kind: Kind, commonness: &impl Fn(&str) -> f64) -> f64 {
    let rare = || 1.0 - 0.5 * commonness(&token.text).clamp(0.0, 1.0);
    match (token.class, kind) {
        (Class::Core, Kind::Person) => 1.0 - 0.2 * commonness(&token.text).clamp(0.0, 1.0),
        (Class::Core, _) => rare(),
        (Class::Initial, _) => 0.4,
        (Class::Number, Kind::Address) => 0.9,
        (Class::Generic, _) | (Class::Place, Kind::Address) => 0.5,
        (Class::Number | Class::Place, _) => 0.3,
        (Class::Street, _) => 0.2,
        (Class::Stock | Class::Company | Class::Partnership | Class::Charity, _) => 0.08,
        (Class::Particle, _) => 0.03,
        (Class::Title, _) => 0.05,
    }
}

/// What is left on one side.
#[derive(Default)]
struct Left {
    own: f64,
    place: f64,
    rest: f64,
    legal: Option<Class>,
}

fn left(name: &Name, bits: u32, commonness: &impl Fn(&str) -> f64) -> Left {
    let mut left = Left::default();
    for (at, token) in name.tokens().iter().enumerate() {
        if bits & (1 << at) == 0 {
            continue;
        }
        let weight = weight(token, name.kind, commonness);
        match token.class {
            Class::Number if name.kind == Kind::Organisation => left.rest += weight,
            Class::Core | Class::Initial | Class::Number => left.own += weight,
            Class::Place => left.place += weight,
            class => {
                if class.is_legal() {
                    left.legal = Some(class);
                }
                left.rest += weight;
            }
        }
    }
    left
}

fn weigh(one: &Name, other: &Name, aligned: &Aligned, commonness: &impl Fn(&str) -> f64) -> f64 {
    let kind = one.kind;
    let of = |name: &Name, bits: u32| -> (f64, bool, u32) {
        let tokens = name.tokens().iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
        tokens.fold((0.0, false, 0), |(sum, own, count), (_, token)| {
            let is_own = token.class == Class::Core;
            (sum + weight(token, kind, commonness), own | is_own, count + u32::from(is_own))
        })
    };
    let (mut same, mut lost, mut own, mut count) = (0.0, 0.0, false, 0);
    for pair in aligned.pairs.iter().flatten() {
        let (ours, is_ours, many) = of(one, pair.one);
        let (theirs, is_theirs, more) = of(other, pair.other);
        let is_run = matches!(pair.how, How::Joined | How::Acronym);
        // A trade or a town with a slip in it says no more than without.
        let both =
            if is_run || is_ours != is_theirs { 2.0 * ours.min(theirs) } else { ours + theirs };
        same += pair.alike * both;
        lost += (1.0 - pair.alike) * both;
        own |= if is_run { is_ours || is_theirs } else { is_ours && is_theirs };
        count += many.max(more);
    }
    let ours = left(one, aligned.one_left, commonness);
    let theirs = left(other, aligned.other_left, commonness);
    if same <= 0.0 {
        return 0.0;
    }
    let both = |a: f64, b: f64| a.min(b);
    let (extra, conflict) = if kind == Kind::Person {
        // A name more is left out often; another name is somebody else.
        let each = if count >= 2 { 0.15 } else { 0.9 };
        let conflict = both(ours.own, theirs.own);
        (each * (ours.own + theirs.own - 2.0 * conflict) + ours.rest + theirs.rest, 4.0 * conflict)
    } else {
        let legal = match (ours.legal, theirs.legal) {
            (Some(one), Some(other)) if one != other => {
                if one == Class::Charity || other == Class::Charity { 0.6 } else { 0.05 }
            }
            _ => 0.0,
        };
        let place = if ours.place > 0.0 && theirs.place > 0.0 { 0.5 } else { 0.0 };
        let own = both(ours.own, theirs.own);
        let left_over = ours.own + theirs.own + ours.rest + theirs.rest + ours.place + theirs.place;
        (left_over, legal + place + 0.5 * own)
    };
    let score = same / (same + lost + extra + conflict);
    let has_own = |name: &Name| name.tokens().iter().any(|token| token.class == Class::Core);
    // Two firms in one town and one trade are two firms.
    if !own && kind == Kind::Organisation && (has_own(one) || has_own(other)) {
        return score * 0.5;
    }
    score
}
