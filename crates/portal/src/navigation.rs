//! The way around: what each kind of person finds in the line under the heading.

use crate::visitor::Session;
use domain::codes::Role;
use serde::Serialize;

/// One entry: where it leads, and the key of its words.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    href: &'static str,
    words: &'static str,
    active: bool,
}

const PUBLIC: &[(&str, &str)] = &[
    ("/verify", "nav-verify"),
    ("/processing-times", "nav-processing-times"),
    ("/statistics", "nav-statistics"),
];

/// What belongs to a role, in the order of a day's work.
const BY_ROLE: &[(Role, &[(&str, &str)])] = &[(
    Role::Reporter,
    &[
        ("/returns", "nav-returns"),
        ("/filings", "nav-filings"),
        ("/files", "nav-files"),
        ("/receipts", "nav-receipts"),
        ("/findings", "nav-my-findings"),
        ("/readers", "nav-readers"),
    ],
)];

/// The entries of somebody, none twice.
pub(crate) fn of(session: Option<&Session>, address: &str) -> Vec<Entry> {
    let path = address.split('?').next().unwrap_or_default();
    let mut entries: Vec<Entry> = Vec::new();
    let mut add = |list: &[(&'static str, &'static str)]| {
        for (href, words) in list {
            if entries.iter().all(|entry| entry.href != *href) {
                let active = path == *href || path.starts_with(&format!("{href}/"));
                entries.push(Entry { href, words, active });
            }
        }
    };
    match session {
        None => add(PUBLIC),
        Some(session) => {
            let held = BY_ROLE.iter().filter(|(role, _)| session.has(*role));
            held.for_each(|(_, list)| add(list));
        }
    }
    entries
}

/// The entries that a role has, for its start page.
pub(crate) fn work_of(session: &Session) -> Vec<(&'static str, Vec<&'static str>)> {
    let held = BY_ROLE.iter().filter(|(role, _)| session.has(*role));
    held.map(|(role, list)| (role.as_str(), list.iter().map(|(href, _)| *href).collect())).collect()
}
