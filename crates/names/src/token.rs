//! A name as tokens, each with what it can be recognised by and how much it says.

use crate::{
    normal::{self, Piece},
    words::{ALL, LONGEST_HAN, LONGEST_WORDS, Word},
};

/// Tokens of a name that are looked at: a bit each in the alignment.
pub(crate) const MOST_TOKENS: usize = 24;

/// What a name is a name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A firm, an authority, a club.
    Organisation,
    /// A person.
    Person,
    /// Where somebody is.
    Address,
    /// A ship.
    Vessel,
}

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// What is the name's own.
    Core,
    /// A number.
    Number,
    /// One letter.
    Initial,
    /// What trade.
    Generic,
    /// Where.
    Place,
    /// A legal form of a company limited by shares that can be traded.
    Stock,
    /// A legal form of any other company.
    Company,
    /// A legal form of a partnership.
    Partnership,
    /// A legal form without owners.
    Charity,
    /// A small word.
    Particle,
    /// How somebody is addressed, or a ship's prefix.
    Title,
    /// What part of an address.
    Street,
}

impl Class {
    pub(crate) fn of_data(word: &str) -> Option<Self> {
        Some(match word {
            "generic" => Self::Generic,
            "place" => Self::Place,
            "stock" => Self::Stock,
            "company" => Self::Company,
            "partnership" => Self::Partnership,
            "charity" => Self::Charity,
            "particle" => Self::Particle,
            "title" | "vessel" => Self::Title,
            "street" => Self::Street,
            "given" => Self::Core,
            _ => return None,
        })
    }

    pub(crate) const fn is_legal(self) -> bool {
        matches!(self, Self::Stock | Self::Company | Self::Partnership | Self::Charity)
    }

    /// Whether words of this class are told apart in names of a kind.
    pub(crate) const fn is_of(self, kind: Kind) -> bool {
        match kind {
            Kind::Organisation => !matches!(self, Self::Street | Self::Title | Self::Core),
            Kind::Person => matches!(self, Self::Title | Self::Particle | Self::Core),
            Kind::Vessel => matches!(self, Self::Title),
            Kind::Address => matches!(self, Self::Street | Self::Place | Self::Particle),
        }
    }
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// As it was written, with one width and case.
    pub written: String,
    /// As it is compared: Latin letters, or what a dictionary word stands for.
    pub text: String,
    /// How it sounds, roughly.
    pub(crate) sound: String,
    /// Other readings of its characters.
    pub(crate) readings: Vec<String>,
    /// Whether it was written in Chinese.
    pub(crate) is_han: bool,
    /// What it says.
    pub class: Class,
}

/// A name as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Of what.
    pub kind: Kind,
    /// Not more than `MOST_TOKENS`.
    tokens: Vec<Token>,
}

impl Name {
    /// Reads a name of a kind. Never fails: what has no letter has no token.
    pub fn read(text: &str, kind: Kind) -> Self {
        let pieces = normal::pieces(text);
        let mut tokens = Vec::with_capacity(pieces.len());
        let mut at = 0;
        while at < pieces.len() && tokens.len() < MOST_TOKENS {
            match &pieces[at] {
                Piece::Han(characters) if kind == Kind::Person => {
                    person(characters, &mut tokens);
                    at += 1;
                }
                Piece::Han(characters) => {
                    segment(characters, kind, &mut tokens);
                    at += 1;
                }
                Piece::Latin { .. } => at += latin(&pieces[at..], kind, &mut tokens),
            }
        }
        tokens.truncate(MOST_TOKENS);
        // A name of nothing but small words is its own.
        if !tokens.is_empty()
            && tokens.iter().all(|it| it.class == Class::Particle || it.class.is_legal())
        {
            for token in &mut tokens {
                token.class = Class::Core;
            }
        }
        Self { kind, tokens }
    }

    /// Whether a name, read as an organisation's, may as well be a person's: one to four words of
    /// its own and nothing else.
    pub fn may_be_person(&self) -> bool {
        (1..=4).contains(&self.tokens.len())
            && self.tokens.iter().all(|token| {
                matches!(token.class, Class::Core | Class::Initial | Class::Particle)
                    && (!token.is_han || (2..=4).contains(&token.written.chars().count()))
            })
    }

    /// Its tokens, in their order.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }
}

/// The token of the words at the start of these pieces. Answers how many pieces it took.
fn latin(pieces: &[Piece], kind: Kind, tokens: &mut Vec<Token>) -> usize {
    let words: Vec<&str> = pieces
        .iter()
        .take(LONGEST_WORDS)
        .map_while(|piece| match piece {
            Piece::Latin { text, .. } => Some(text.as_str()),
            Piece::Han(_) => None,
        })
        .collect();
    for count in (1..=words.len()).rev() {
        let found = if count == 1 {
            ALL.word(words[0], kind).or_else(|| ALL.misspelt(words[0], kind))
        } else {
            ALL.word(&words[..count].join(" "), kind)
        };
        // A letter alone is somebody's initial, not a small word.
        if let Some(word) = found
            && !(kind == Kind::Person && words[..count] == [&words[0][..1]])
        {
            tokens.push(of_word(word, words[..count].join(" ")));
            return count;
        }
    }
    if let Some(Piece::Latin { text, written }) = pieces.first() {
        tokens.push(own(text.clone(), written.clone(), kind));
    }
    1
}

fn own(text: String, written: String, kind: Kind) -> Token {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let text = if is_number { text.trim_start_matches('0').to_owned() } else { text };
    let class = if is_number {
        Class::Number
    } else if text.len() == 1 {
        Class::Initial
    } else {
        Class::Core
    };
    let (text, class) = match counted(&text) {
        Some(number) if kind != Kind::Person => (number.to_owned(), Class::Number),
        _ => (text, class),
    };
    Token { sound: normal::sound(&text), text, written, readings: Vec::new(), is_han: false, class }
}

/// Numbers in words and in Roman letters.
fn counted(text: &str) -> Option<&'static str> {
    Some(match text {
        "i" | "one" => "1",
        "ii" | "two" => "2",
        "iii" | "three" => "3",
        "iv" | "four" => "4",
        "v" | "five" => "5",
        "vi" | "six" => "6",
        "vii" | "seven" => "7",
        "viii" | "eight" => "8",
        "ix" | "nine" => "9",
        "x" | "ten" => "10",
        "xi" => "11",
        "xii" => "12",
        "xiii" => "13",
        "xiv" => "14",
        "xv" => "15",
        "xvi" => "16",
        "xx" => "20",
        _ => return None,
    })
}

fn of_word(word: &Word, written: String) -> Token {
    Token {
        sound: if word.class == Class::Core {
            normal::sound(word.canonical)
        } else {
            word.canonical.to_owned()
        },
        text: word.canonical.to_owned(),
        written,
        readings: Vec::new(),
        is_han: false,
        class: word.class,
    }
}

/// Cuts characters into words that are known, longest first, and what lies between them.
fn segment(characters: &str, kind: Kind, tokens: &mut Vec<Token>) {
    let letters: Vec<char> = characters.chars().collect();
    let (mut at, mut own_from) = (0, 0);
    while at < letters.len() {
        let known = (2..=LONGEST_HAN.min(letters.len() - at))
            .rev()
            .chain((kind == Kind::Address).then_some(1))
            .find_map(|count| {
                let form: String = letters[at..at + count].iter().collect();
                ALL.word(&form, kind).map(|word| (count, word, form))
            });
        let Some((count, word, form)) = known else {
            at += 1;
            continue;
        };
        push_han(&letters[own_from..at], tokens);
        tokens.push(of_word(word, form));
        at += count;
        own_from = at;
    }
    push_han(&letters[own_from..], tokens);
}

fn push_han(letters: &[char], tokens: &mut Vec<Token>) {
    if !letters.is_empty() {
        let written: String = letters.iter().collect();
        let readings = normal::readings(&written);
        tokens.push(han(written, readings));
    }
}

fn han(written: String, mut readings: Vec<String>) -> Token {
    let text = if readings.is_empty() { written.clone() } else { readings.remove(0) };
    let class = Class::Core;
    Token { sound: normal::sound(&text), text, written, readings, is_han: true, class }
}

/// A Chinese person: the surname, of two characters where such a one is known, then the rest.
fn person(characters: &str, tokens: &mut Vec<Token>) {
    let letters: Vec<char> = characters.chars().collect();
    let first = |count: usize| letters[..count.min(letters.len())].iter().collect::<String>();
    let length = if letters.len() > 2 && ALL.surname(&first(2)).is_some() { 2 } else { 1 };
    let surname = first(length);
    let readings = ALL.surname(&surname).map_or_else(
        || normal::readings(&surname),
        |readings| readings.iter().map(|reading| (*reading).to_owned()).collect(),
    );
    tokens.push(han(surname, readings));
    push_han(&letters[length.min(letters.len())..], tokens);
}
