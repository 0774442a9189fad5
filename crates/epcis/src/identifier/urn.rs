//! EPC URNs, one row for each scheme.

use super::{CANONICAL_HOST, all_digits, check_digit};

/// How a scheme's parts make up its key.
#[derive(Clone, Copy)]
enum Key {
    /// So many digits with a check digit; the first of the reference stands before the company.
    LeadingDigit(usize),
    /// So many digits with a check digit, company first.
    Checked(usize),
    /// The same after a leading zero.
    CheckedAfterZero(usize),
    /// Company and reference, as they are.
    Plain,
}

/// What follows the key.
#[derive(Clone, Copy)]
enum Rest {
    Nothing,
    /// Directly behind the key.
    Serial,
    /// As a key qualifier.
    Qualifier(&'static str),
    /// A qualifier that is left out when it is `0`.
    QualifierUnlessZero(&'static str),
    /// Piece and total behind the key, then a qualifier.
    Pieces(&'static str),
}

struct Scheme {
    name: &'static str,
    identifier: &'static str,
    key: Key,
    rest: Rest,
}

#[rustfmt::skip]
const SCHEMES: [Scheme; 16] = [
    Scheme { name: "id:sgtin",    identifier: "01",   key: Key::LeadingDigit(13),     rest: Rest::Qualifier("21") },
    Scheme { name: "id:sscc",     identifier: "00",   key: Key::LeadingDigit(17),     rest: Rest::Nothing },
    Scheme { name: "id:sgln",     identifier: "414",  key: Key::Checked(12),          rest: Rest::QualifierUnlessZero("254") },
    Scheme { name: "id:grai",     identifier: "8003", key: Key::CheckedAfterZero(12), rest: Rest::Serial },
    Scheme { name: "id:giai",     identifier: "8004", key: Key::Plain,                rest: Rest::Nothing },
    Scheme { name: "id:gsrn",     identifier: "8018", key: Key::Checked(17),          rest: Rest::Nothing },
    Scheme { name: "id:gsrnp",    identifier: "8017", key: Key::Checked(17),          rest: Rest::Nothing },
    Scheme { name: "id:gdti",     identifier: "253",  key: Key::Checked(12),          rest: Rest::Serial },
    Scheme { name: "id:cpi",      identifier: "8010", key: Key::Plain,                rest: Rest::Qualifier("8011") },
    Scheme { name: "id:sgcn",     identifier: "255",  key: Key::Checked(12),          rest: Rest::Serial },
    Scheme { name: "id:ginc",     identifier: "401",  key: Key::Plain,                rest: Rest::Nothing },
    Scheme { name: "id:gsin",     identifier: "402",  key: Key::Checked(16),          rest: Rest::Nothing },
    Scheme { name: "id:itip",     identifier: "8006", key: Key::LeadingDigit(13),     rest: Rest::Pieces("21") },
    Scheme { name: "id:upui",     identifier: "01",   key: Key::LeadingDigit(13),     rest: Rest::Qualifier("235") },
    Scheme { name: "id:pgln",     identifier: "417",  key: Key::Checked(12),          rest: Rest::Nothing },
    Scheme { name: "class:lgtin", identifier: "01",   key: Key::LeadingDigit(13),     rest: Rest::Qualifier("10") },
];

/// The Digital Link of an EPC URN, given what follows `urn:epc:`.
pub(super) fn to_link(rest: &str) -> Option<String> {
    let (kind, rest) = rest.split_once(':')?;
    let (name, parts) = rest.split_once(':')?;
    let is_pattern = kind == "idpat";
    let scheme = SCHEMES.iter().find(|scheme| {
        let Some((scheme_kind, scheme_name)) = scheme.name.split_once(':') else { return false };
        scheme_name == name && (scheme_kind == kind || is_pattern && scheme_kind == "id")
    })?;
    let (company, parts) = parts.split_once('.')?;
    if !(6..=12).contains(&company.len()) || !all_digits(company) {
        return None;
    }
    // A serial may hold dots itself, a reference may not.
    let (reference, serial) = match scheme.rest {
        Rest::Nothing => (parts, None),
        _ => parts.split_once('.').map(|(reference, serial)| (reference, Some(serial)))?,
    };
    let mut link = format!("{CANONICAL_HOST}/{}/", scheme.identifier);
    push_key(&mut link, scheme.key, company, reference)?;
    if is_pattern {
        return pattern(link, scheme.rest, serial?);
    }
    push_rest(&mut link, scheme.rest, serial)?;
    Some(link)
}

fn push_key(link: &mut String, key: Key, company: &str, reference: &str) -> Option<()> {
    let digits = |length: usize| {
        (company.len() + reference.len() == length
            && (reference.is_empty() || all_digits(reference)))
        .then_some(())
    };
    let start = link.len();
    match key {
        Key::LeadingDigit(length) => {
            digits(length)?;
            let (first, reference) = reference.split_at_checked(1)?;
            link.extend([first, company, reference]);
        }
        Key::Checked(length) => {
            digits(length)?;
            link.extend([company, reference]);
        }
        Key::CheckedAfterZero(length) => {
            digits(length)?;
            link.extend(["0", company, reference]);
        }
        Key::Plain => {
            link.push_str(company);
            push_encoded(link, reference)?;
            return Some(());
        }
    }
    let check = check_digit(&link[start..]);
    link.push(check);
    Some(())
}

fn push_rest(link: &mut String, rest: Rest, serial: Option<&str>) -> Option<()> {
    match (rest, serial) {
        (Rest::Serial, Some(serial)) => push_encoded(link, serial),
        (Rest::Nothing, None) | (Rest::QualifierUnlessZero(_), Some("0")) => Some(()),
        (Rest::Qualifier(name) | Rest::QualifierUnlessZero(name), Some(serial)) => {
            link.extend(["/", name, "/"]);
            push_encoded(link, serial)
        }
        (Rest::Pieces(name), Some(rest)) => {
            let mut parts = rest.splitn(3, '.');
            push_pieces(link, parts.next()?, parts.next()?)?;
            link.extend(["/", name, "/"]);
            push_encoded(link, parts.next()?)
        }
        _ => None,
    }
}

/// A pattern stands for its class only when it leaves the whole serial open.
fn pattern(mut link: String, rest: Rest, serial: &str) -> Option<String> {
    match (rest, serial) {
        (Rest::Pieces(_), serial) => {
            let mut parts = serial.splitn(3, '.');
            push_pieces(&mut link, parts.next()?, parts.next()?)?;
            (parts.next()? == "*").then_some(link)
        }
        (_, "*") => Some(link),
        _ => None,
    }
}

fn push_pieces(link: &mut String, piece: &str, total: &str) -> Option<()> {
    let fits = |part: &str| part.len() == 2 && all_digits(part);
    (fits(piece) && fits(total)).then(|| link.extend([piece, total]))
}

/// Appends a serial, percent-encoding what a Digital Link must not hold (its table 7-1).
fn push_encoded(link: &mut String, serial: &str) -> Option<()> {
    if serial.is_empty() || 30 < serial.len() {
        return None;
    }
    for character in serial.chars() {
        match character {
            '!' => link.push_str("%21"),
            '(' => link.push_str("%28"),
            ')' => link.push_str("%29"),
            '*' => link.push_str("%2A"),
            '+' => link.push_str("%2B"),
            ',' => link.push_str("%2C"),
            ':' => link.push_str("%3A"),
            '0'..='9' | 'A'..='Z' | 'a'..='z' | '%' | '"' | '\'' | '-' | '.' | ';' | '=' | '_' => {
                link.push(character);
            }
            _ => return None,
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::canonical;

    #[test]
    fn every_scheme_has_its_link_and_a_malformed_urn_stays_as_it_is() {
        let cases = [
            (
                "urn:epc:id:sgtin:4012345.011111.9876",
                "https://id.gs1.org/01/04012345111118/21/9876",
            ),
            ("urn:epc:id:sscc:4012345.0000000333", "https://id.gs1.org/00/040123450000003338"),
            ("urn:epc:id:sgln:4012345.00005.0", "https://id.gs1.org/414/4012345000054"),
            ("urn:epc:id:sgln:4012345.00011.987", "https://id.gs1.org/414/4012345000115/254/987"),
            ("urn:epc:id:pgln:4012345.00225", "https://id.gs1.org/417/4012345002256"),
            (
                "urn:epc:id:sgtin:4012345.011111.a+b",
                "https://id.gs1.org/01/04012345111118/21/a%2Bb",
            ),
            ("urn:epc:idpat:sgtin:4012345.011111.*", "https://id.gs1.org/01/04012345111118"),
            ("urn:epc:idpat:sgtin:4012345.*.*", "urn:epc:idpat:sgtin:4012345.*.*"),
            ("urn:epc:id:sgtin:4012345.0111.9876", "urn:epc:id:sgtin:4012345.0111.9876"),
            ("urn:epc:id:sgtin:4012345", "urn:epc:id:sgtin:4012345"),
            ("urn:epc:id:nobody:1.2.3", "urn:epc:id:nobody:1.2.3"),
            ("urn:epc:class:lgtin:4012345.012345.", "urn:epc:class:lgtin:4012345.012345."),
        ];
        for (urn, link) in cases {
            assert_eq!(canonical(urn), link);
        }
    }
}
