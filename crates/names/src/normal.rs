//! Text as it is compared: one width, one case, simplified characters, Latin letters.

use any_ascii::any_ascii_char;
use pinyin::{ToPinyin, ToPinyinMulti};
use unicode_normalization::UnicodeNormalization;

/// Letters of a name that are looked at.
const LONGEST: usize = 400;
/// Readings of one token that are kept.
const MOST_READINGS: usize = 4;

/// A piece of a name between spaces, of one script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Chinese characters, simplified.
    Han(String),
    /// Latin letters and digits, lower case; and the letters it was written in.
    Latin { text: String, written: String },
}

/// The pieces of a name, in their order.
pub(crate) fn pieces(name: &str) -> Vec<Piece> {
    let narrow: String = name.nfkc().take(LONGEST).collect();
    let lower = narrow.to_lowercase();
    let simplified = if lower.is_ascii() { lower } else { fast2s::convert(&lower) };
    let (mut pieces, mut word, mut han) = (Vec::new(), String::new(), String::new());
    let mut letters = simplified.chars().peekable();
    while let Some(letter) = letters.next() {
        // A possessive: `Bank's` is the bank.
        if is_silent(letter) && letter != '.' && letters.peek() == Some(&'s') && word.len() > 2 {
            letters.next();
            if letters.peek().is_some_and(|next| next.is_alphanumeric()) {
                word.push('s');
            }
            continue;
        }
        let is_han = is_han(letter);
        if !is_han && !han.is_empty() {
            pieces.push(Piece::Han(std::mem::take(&mut han)));
        }
        if is_han {
            push_latin(&mut pieces, &mut word);
            han.push(letter);
        } else if letter.is_alphanumeric() || is_mark(letter) {
            word.push(letter);
        } else if !is_silent(letter) {
            push_latin(&mut pieces, &mut word);
        }
    }
    push_latin(&mut pieces, &mut word);
    if !han.is_empty() {
        pieces.push(Piece::Han(han));
    }
    pieces
}

fn push_latin(pieces: &mut Vec<Piece>, word: &mut String) {
    if word.is_empty() {
        return;
    }
    let written = std::mem::take(word);
    let mut text = String::with_capacity(written.len());
    if written.is_ascii() {
        text.push_str(&written);
    } else {
        for letter in written.chars() {
            let latin = any_ascii_char(letter).chars().filter(char::is_ascii_alphanumeric);
            text.extend(latin.map(|letter| letter.to_ascii_lowercase()));
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Latin { text, written });
    }
}

const fn is_han(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

/// Marks that stand on the letter before them, and vowel signs.
const fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{65f}' | '\u{900}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}')
}

/// What is written inside of words and parts nothing: `A.B.C.` is `ABC`.
const fn is_silent(letter: char) -> bool {
    matches!(letter, '.' | '\'' | '’' | '‘' | 'ʼ' | 'ʿ' | '`' | '´' | '\u{200b}'..='\u{200f}')
}

/// How characters are read, one word for all of them; the usual reading first.
pub(crate) fn readings(han: &str) -> Vec<String> {
    let mut readings = vec![String::new()];
    for character in han.chars() {
        let mut of_character: Vec<String> = Vec::new();
        if let Some(usual) = character.to_pinyin() {
            push_plain(&mut of_character, usual.plain());
        }
        if let Some(others) = character.to_pinyin_multi() {
            for other in others {
                push_plain(&mut of_character, other.plain());
            }
        }
        if of_character.is_empty() {
            of_character.push(any_ascii_char(character).trim().to_ascii_lowercase());
        }
        let mut longer = Vec::with_capacity(readings.len());
        for one in &of_character {
            longer.extend(readings.iter().map(|before| format!("{before}{one}")));
        }
        longer.truncate(MOST_READINGS);
        readings = longer;
    }
    readings
}

fn push_plain(readings: &mut Vec<String>, plain: &str) {
    let plain = plain.replace('ü', "u");
    if !readings.contains(&plain) {
        readings.push(plain);
    }
}

/// How a word sounds, roughly: what transliterations differ in made the same.
pub(crate) fn sound(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (sound, length) = match rest {
            [b's', b'c', b'h', ..] => ("x", 3),
            [b's', b'h', ..] => ("x", 2),
            [b'p', b'h', ..] => ("f", 2),
            [b'c', b'k', ..] | [b'k', b'h', ..] => ("k", 2),
            [b'z', b'h', ..] => ("j", 2),
            [b'o', b'u' | b'o', ..] => ("u", 2),
            [b'e', b'e', ..] | [b'i', b'y' | b'e' | b'j', ..] => ("i", 2),
            [b'y' | b'j', ..] if at > 0 => ("i", 1),
            [b'w', ..] => ("v", 1),
            [b'c', b'h', ..] => ("ch", 2),
            [b'c', b'e' | b'i', ..] => ("s", 1),
            [b'c' | b'q', ..] => ("k", 1),
            [b'h', ..] if at > 0 => ("", 1),
            [one, ..] => (std::str::from_utf8(std::slice::from_ref(one)).unwrap_or(""), 1),
            [] => break,
        };
        if sound.is_empty() || !out.ends_with(sound) {
            out.push_str(sound);
        }
        at += length;
    }
    if out.len() > 4 && (out.ends_with('e') || out.ends_with('s')) {
        out.pop();
    }
    out
}
