//! GS1 Digital Links: any host, short names, attributes and all, to the canonical link.

use super::{CANONICAL_HOST, all_digits};

/// A primary key: its application identifier, its name in words, and what it may look like.
struct PrimaryKey {
    identifier: &'static str,
    word: &'static str,
    shape: Shape,
    qualifiers: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Shape {
    /// Exactly so many digits.
    Digits(usize),
    /// So many digits, then at most so many other characters.
    DigitsThen(usize, usize),
    /// A company prefix of at least four digits, at most so many characters in all.
    Prefixed(usize),
    /// 8, 12, 13 or 14 digits.
    Gtin,
}

#[rustfmt::skip]
const KEYS: [PrimaryKey; 14] = [
    PrimaryKey { identifier: "00",   word: "sscc",  shape: Shape::Digits(18),         qualifiers: &[] },
    PrimaryKey { identifier: "01",   word: "gtin",  shape: Shape::Gtin,               qualifiers: &["235", "21", "10", "22"] },
    PrimaryKey { identifier: "253",  word: "gdti",  shape: Shape::DigitsThen(13, 17), qualifiers: &[] },
    PrimaryKey { identifier: "255",  word: "gcn",   shape: Shape::DigitsThen(13, 12), qualifiers: &[] },
    PrimaryKey { identifier: "401",  word: "ginc",  shape: Shape::Prefixed(30),       qualifiers: &[] },
    PrimaryKey { identifier: "402",  word: "gsin",  shape: Shape::Digits(17),         qualifiers: &[] },
    PrimaryKey { identifier: "414",  word: "gln",   shape: Shape::Digits(13),         qualifiers: &["254"] },
    PrimaryKey { identifier: "417",  word: "party", shape: Shape::Digits(13),         qualifiers: &[] },
    PrimaryKey { identifier: "8003", word: "grai",  shape: Shape::DigitsThen(14, 16), qualifiers: &[] },
    PrimaryKey { identifier: "8004", word: "giai",  shape: Shape::Prefixed(30),       qualifiers: &[] },
    PrimaryKey { identifier: "8006", word: "itip",  shape: Shape::Digits(18),         qualifiers: &["21", "10", "22"] },
    PrimaryKey { identifier: "8010", word: "cpid",  shape: Shape::Prefixed(30),       qualifiers: &["8011"] },
    PrimaryKey { identifier: "8017", word: "gsrnp", shape: Shape::Digits(18),         qualifiers: &[] },
    PrimaryKey { identifier: "8018", word: "gsrn",  shape: Shape::Digits(18),         qualifiers: &[] },
];
/// Qualifiers in words.
const QUALIFIER_WORDS: [(&str, &str); 3] = [("cpv", "22"), ("lot", "10"), ("ser", "21")];
const QUALIFIER_LENGTH_LIMIT: usize = 90;

/// The canonical link, or `None` when this is no Digital Link of a key.
pub(super) fn canonical(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once("//")?;
    let path = rest.split_once('/')?.1;
    let path = path.split(['?', '#']).next()?.trim_end_matches('/');
    // The key may stand behind other segments: the first that reads as one counts.
    let mut start = 0;
    loop {
        let segment_end = path[start..].find('/')? + start;
        if let Some(link) = key_at(&path[start..segment_end], &path[segment_end + 1..]) {
            return Some(link);
        }
        start = segment_end + 1;
    }
}

fn key_at(name: &str, rest: &str) -> Option<String> {
    let key = KEYS.iter().find(|key| key.identifier == name || key.word == name)?;
    let (value, rest) = rest.split_once('/').unwrap_or((rest, ""));
    if !key.shape.fits(value) {
        return None;
    }
    let mut link = format!("{CANONICAL_HOST}/{}/", key.identifier);
    if matches!(key.shape, Shape::Gtin) {
        link.extend(std::iter::repeat_n('0', 14 - value.len()));
    }
    link.push_str(value);
    // The most precise level counts: a serial makes the lot superfluous.
    match most_precise(key, rest) {
        Level::Key => {}
        Level::Qualified(name, value) => link.extend(["/", name, "/", value]),
        Level::Unreadable => return None,
    }
    Some(link)
}

/// How precisely a link identifies.
enum Level<'a> {
    /// By its key alone.
    Key,
    /// By this qualifier of its key.
    Qualified(&'static str, &'a str),
    /// What follows the key is no qualifier of it.
    Unreadable,
}

/// The most precise qualifier among those that follow a key.
fn most_precise<'a>(key: &PrimaryKey, mut rest: &'a str) -> Level<'a> {
    let mut best: Option<(usize, &'a str)> = None;
    while !rest.is_empty() {
        let Some((name, tail)) = rest.split_once('/') else { return Level::Unreadable };
        let (value, tail) = tail.split_once('/').unwrap_or((tail, ""));
        let name = QUALIFIER_WORDS.iter().find(|(word, _)| *word == name).map_or(name, |row| row.1);
        let precision = key.qualifiers.iter().position(|qualifier| *qualifier == name);
        let fits =
            (1..=QUALIFIER_LENGTH_LIMIT).contains(&value.len()) && value.bytes().all(may_stand);
        let Some(precision) = precision.filter(|_| fits) else { return Level::Unreadable };
        if best.is_none_or(|(known, _)| precision < known) {
            best = Some((precision, value));
        }
        rest = tail;
    }
    match best.map(|(precision, value)| (key.qualifiers[precision], value)) {
        // The consumer product variant is an attribute, not an identity.
        None | Some(("22", _)) => Level::Key,
        Some((name, value)) => Level::Qualified(name, value),
    }
}

impl Shape {
    fn fits(self, value: &str) -> bool {
        match self {
            Self::Digits(length) => value.len() == length && all_digits(value),
            Self::Gtin => matches!(value.len(), 8 | 12 | 13 | 14) && all_digits(value),
            Self::DigitsThen(length, more) => {
                value.split_at_checked(length).is_some_and(|(digits, rest)| {
                    all_digits(digits) && rest.len() <= more && rest.bytes().all(may_stand)
                })
            }
            Self::Prefixed(limit) => {
                value.len() <= limit
                    && value.get(..4).is_some_and(all_digits)
                    && value.bytes().all(may_stand)
            }
        }
    }
}

const fn may_stand(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'%' | b'"' | b'\'' | b'-' | b'.' | b';' | b'=' | b'<' | b'>' | b'?' | b'_'
        )
}

#[cfg(test)]
mod tests {
    use super::super::canonical;

    #[test]
    fn every_way_to_write_a_link_is_one_link() {
        let cases = [
            (
                "https://id.gs1.de/01/04012345999990/21/XYZ-1234",
                "https://id.gs1.org/01/04012345999990/21/XYZ-1234",
            ),
            (
                "http://example.com/shop/gtin/4012345999990/lot/A1/ser/9?17=261231#x",
                "https://id.gs1.org/01/04012345999990/21/9",
            ),
            ("https://example.com/01/04012345999990/22/2A", "https://id.gs1.org/01/04012345999990"),
            (
                "https://example.com/01/04012345999990/22/2A/10/L1",
                "https://id.gs1.org/01/04012345999990/10/L1",
            ),
            (
                "https://id.example.com/8003/040123450007718765",
                "https://id.gs1.org/8003/040123450007718765",
            ),
            ("https://example.org/8004/401234599999", "https://id.gs1.org/8004/401234599999"),
            ("https://id.example.com/414/4012345000054/", "https://id.gs1.org/414/4012345000054"),
        ];
        for (uri, link) in cases {
            assert_eq!(canonical(uri), link);
        }
    }

    #[test]
    fn what_only_looks_like_a_link_stays_as_it_is() {
        for uri in [
            "http://transaction.acme.com/po/12345678",
            "https://example.com/01/123",
            "https://example.com/01/04012345999990/99/x",
            "https://identifiers.org/inchikey:CZMRCDWAGMRECN-UGDNZRGBSA-N",
            "https://www.ncbi.nlm.nih.gov/taxonomy/1126011",
            "https://example.com",
        ] {
            assert_eq!(canonical(uri), uri);
        }
    }
}
