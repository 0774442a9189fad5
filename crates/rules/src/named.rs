//! The names on all lists as an index: who may be meant by a name that is like one of them.

use names::{Class, Index, Kind, Name};
use serde::Serialize;
use std::collections::HashSet;

/// Listed names of firms, and those that may be persons'.
#[derive(Clone, Debug)]
pub struct Named {
    organisations: Index<String>,
    /// Only names without anything that a firm's name has.
    persons: Index<String>,
    known: HashSet<String>,
}

impl Default for Named {
    fn default() -> Self {
        Self {
            organisations: Index::new(Kind::Organisation),
            persons: Index::new(Kind::Person),
            known: HashSet::new(),
        }
    }
}

/// A listed name that is like the one asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Alike {
    pub(crate) listed_name: String,
    /// How much of both is the same, in whole percent, rounded down.
    pub(crate) score_percent: u8,
    kind: Kind,
}

/// A part of two names, side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamePart {
    /// What the party's name has.
    pub party: Option<String>,
    /// What the listed name has.
    pub listed: Option<String>,
    /// How the two match; none where only one has it.
    pub how: Option<&'static str>,
}

impl Named {
    /// Takes up what is new among the listed names and forgets what is no longer among them.
    pub(crate) fn now_lists<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let now: HashSet<&str> = names.collect();
        let gone: Vec<String> =
            self.known.iter().filter(|name| !now.contains(name.as_str())).cloned().collect();
        for name in gone {
            self.organisations.remove(&name);
            self.persons.remove(&name);
            self.known.remove(&name);
        }
        for name in now {
            if self.known.insert(name.to_owned()) {
                self.organisations.insert(name.to_owned(), name);
                if may_be_person(name) {
                    self.persons.insert(name.to_owned(), name);
                }
            }
        }
    }

    /// Every listed name that is at least so much like a name.
    pub(crate) fn alike(&self, name: &str, least_percent: f64) -> Vec<Alike> {
        let least = least_percent / 100.0;
        let mut alike: Vec<Alike> = Vec::new();
        let mut search = |index: &Index<String>, kind: Kind| {
            for hit in index.search(name, least) {
                let score_percent = percent(hit.score);
                match alike.iter_mut().find(|known| known.listed_name == hit.key) {
                    Some(known) if known.score_percent < score_percent => {
                        *known = Alike { listed_name: hit.key, score_percent, kind };
                    }
                    Some(_) => {}
                    None => alike.push(Alike { listed_name: hit.key, score_percent, kind }),
                }
            }
        };
        search(&self.organisations, Kind::Organisation);
        if may_be_person(name) {
            search(&self.persons, Kind::Person);
        }
        alike
    }

    /// Which part of two names matched how.
    pub(crate) fn parts(&self, name: &str, alike: &Alike) -> Vec<NamePart> {
        let index = if alike.kind == Kind::Person { &self.persons } else { &self.organisations };
        let explained = index.explain(name, &alike.listed_name);
        let parts = explained.map(|explained| explained.parts).unwrap_or_default();
        parts
            .into_iter()
            .map(|part| NamePart {
                party: part.one,
                listed: part.other,
                how: part.how.map(names::How::as_str),
            })
            .collect()
    }
}

fn may_be_person(name: &str) -> bool {
    let read = Name::read(name, Kind::Organisation);
    read.may_be_person() && read.tokens().iter().any(|token| token.class == Class::Core)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
fn percent(score: f64) -> u8 {
    (score * 100.0 + 1e-9).floor().clamp(0.0, 100.0) as u8
}
