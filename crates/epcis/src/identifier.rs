//! GS1 identifiers in one form: whichever way a key is written, it comes out as the same URI.
//!
//! EPC URNs and GS1 Digital Links on any host become canonical Digital Links on `id.gs1.org` at
//! their most precise level, without attributes (GS1 CBV 2.0, 8.9, rules for URIs; GS1 Digital
//! Link 1.2, 5; GS1 EPC Tag Data Standard 1.13, 6). What is not well formed stays as it is.

mod link;
mod urn;

use std::borrow::Cow;

const CANONICAL_HOST: &str = "https://id.gs1.org";

/// An identifier in canonical form; anything else unchanged.
pub fn canonical(uri: &str) -> Cow<'_, str> {
    let found = if let Some(rest) = uri.strip_prefix("urn:epc:") {
        urn::to_link(rest)
    } else if uri.starts_with("https://") || uri.starts_with("http://") {
        link::canonical(uri)
    } else {
        None
    };
    found.map_or(Cow::Borrowed(uri), Cow::Owned)
}

/// A lot of a trade item: its GTIN and its maker's number for the lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotOfItem {
    /// Fourteen digits.
    pub gtin: String,
    /// The lot number, percent-decoded.
    pub lot: String,
}

/// The lot that a class-level identifier names, if it names one.
pub fn lot_of(uri: &str) -> Option<LotOfItem> {
    let canonical = canonical(uri);
    let path = canonical.strip_prefix(CANONICAL_HOST)?.strip_prefix("/01/")?;
    let (gtin, lot) = path.split_once("/10/")?;
    Some(LotOfItem { gtin: gtin.to_owned(), lot: percent_decoded(lot)? })
}

/// What a URI ends with: the part after its last `/`, `:` or `#`, percent-decoded.
pub fn last_segment(uri: &str) -> Option<String> {
    let end = uri.split(['?']).next().unwrap_or(uri).trim_end_matches('/');
    let segment = end.rsplit(['/', ':', '#']).next()?;
    (!segment.is_empty()).then(|| percent_decoded(segment)).flatten()
}

fn percent_decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let (digits, tail) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// GS1's check digit: weights 3 and 1 from the right, complement to ten.
fn check_digit(digits: &str) -> char {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| u32::from(digit - b'0') * if place % 2 == 0 { 3 } else { 1 })
        .sum();
    char::from_digit((10 - sum % 10) % 10, 10).expect("a number below ten is a digit")
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lot_is_read_from_either_form() {
        let lot = LotOfItem { gtin: "04012345123456".to_owned(), lot: "99/8+7".to_owned() };
        assert_eq!(lot_of("urn:epc:class:lgtin:4012345.012345.99%2F8+7"), Some(lot.clone()));
        assert_eq!(
            lot_of("https://example.com/shop/01/4012345123456/10/99%2F8%2B7?17=261231"),
            Some(lot)
        );
        assert_eq!(lot_of("https://id.gs1.org/01/04012345123456"), None);
        assert_eq!(lot_of("https://id.gs1.org/01/04012345123456/21/5"), None);
    }

    #[test]
    fn the_last_segment_is_what_a_person_would_call_it() {
        let cases = [
            ("https://example.com/sites/S1", Some("S1")),
            ("urn:lodestone:site:S1", Some("S1")),
            ("https://example.com/sites/S%201/?a=b", Some("S 1")),
            ("https://example.com/%ff", None),
        ];
        for (uri, expected) in cases {
            assert_eq!(last_segment(uri).as_deref(), expected, "{uri}");
        }
    }
}
