//! Conditions of a licence that customs check by machine.
//!
//! A condition says one thing. The sentence that people read is worked out from what the machine
//! checks ([`Requirement::sentence`]), so the two cannot differ. Who put it there stands beside it.
//! Nothing here knows where a declaration comes from: [`broken`] compares what is declared now with
//! what was declared before.

#[cfg(test)]
mod tests;
mod wording;

use super::LicenceContent;
use crate::{identifiers::PortCode, ids::OrganisationId, mass::Kilograms, violation::Violation};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A licence has at most this many conditions.
pub const CONDITIONS_AT_MOST: usize = 50;
const ENTRIES_AT_MOST: usize = 50;
const TEXT_CHARACTERS_AT_MOST: usize = 200;
const DAYS_AT_MOST: u16 = 1_100;

/// One condition of a licence, or of one of its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// From 1, within the licence: how refusals name it.
    pub number: u16,
    /// The organisation that set it. Nobody else takes it away.
    pub author: OrganisationId,
    /// The line it is for; without one, the whole licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u16>,
    /// What must hold.
    pub requirement: Requirement,
}

/// What must hold when goods are declared under a licence.
///
/// A shipment is a customs declaration, whatever number of lines it has. What was released without
/// leaving does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Requirement {
    /// A shipment is of no more than this.
    ShipmentAtMost {
        /// The largest mass of one shipment.
        quantity_kg: Kilograms,
    },
    /// Only these receive the goods.
    ConsigneesOnly {
        /// Their names.
        names: Vec<String>,
    },
    /// Only these use the goods in the end; the declaration must name one.
    EndUsersOnly {
        /// Their names.
        names: Vec<String>,
    },
    /// The goods leave through these offices only; the declaration must name one.
    PortsOnly {
        /// Codes of customs offices.
        ports: BTreeSet<PortCode>,
    },
    /// Not before this day.
    NotBefore {
        /// The first day.
        day: Date,
    },
    /// Not after this day.
    NotAfter {
        /// The last day.
        day: Date,
    },
    /// No more than so many shipments.
    ShipmentsAtMost {
        /// How many.
        shipments: u16,
    },
    /// So many days lie between the days on which two shipments are declared.
    DaysBetweenShipments {
        /// 1: not on the same day.
        days: u16,
    },
    /// The declaration must refer to a document of this kind.
    DocumentRequired {
        /// What kind, such as `delivery_verification`.
        document: String,
    },
}

/// A document that a declaration refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomsDocument {
    /// What kind it is.
    pub kind: String,
    /// Its number.
    pub reference: String,
}

/// Goods that were declared under a licence and have left or still may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierUse {
    /// The customs declaration.
    pub declaration: String,
    /// The line of the licence.
    pub line: u16,
    /// How much, in grams.
    pub grams: u64,
    /// The day it was declared, in Beijing.
    pub day: Date,
}

/// What is declared now, as far as conditions are concerned.
#[derive(Clone, Copy, Debug)]
pub struct DeclaredUse<'a> {
    /// The customs declaration.
    pub declaration: &'a str,
    /// The line of the licence.
    pub line: u16,
    /// How much, in grams.
    pub grams: u64,
    /// Who receives the goods.
    pub consignee: &'a str,
    /// Who uses them in the end, where that is declared.
    pub end_user: Option<&'a str>,
    /// Where they leave, where that is declared.
    pub port: Option<&'a PortCode>,
    /// Documents that are referred to.
    pub documents: &'a [CustomsDocument],
    /// The day, in Beijing.
    pub day: Date,
}

/// The first condition that does not hold, if one does not.
pub fn broken<'a>(
    conditions: &'a [Condition],
    declared: &DeclaredUse<'_>,
    earlier: &[EarlierUse],
) -> Option<&'a Condition> {
    conditions.iter().find(|condition| !condition.holds(declared, earlier))
}

impl Condition {
    /// Whether the condition is for a line of the licence.
    pub fn concerns(&self, line: u16) -> bool {
        self.line.is_none_or(|only| only == line)
    }

    fn holds(&self, declared: &DeclaredUse<'_>, earlier: &[EarlierUse]) -> bool {
        if !self.concerns(declared.line) {
            return true;
        }
        let counted = || earlier.iter().filter(|use_| self.concerns(use_.line));
        let of_others = || counted().filter(|use_| use_.declaration != declared.declaration);
        match &self.requirement {
            Requirement::ShipmentAtMost { quantity_kg } => {
                let same = counted().filter(|use_| use_.declaration == declared.declaration);
                let grams = same.fold(declared.grams, |sum, use_| sum.saturating_add(use_.grams));
                grams <= quantity_kg.grams()
            }
            Requirement::ConsigneesOnly { names } => {
                LicenceContent::names(names, declared.consignee)
            }
            Requirement::EndUsersOnly { names } => {
                declared.end_user.is_some_and(|name| LicenceContent::names(names, name))
            }
            Requirement::PortsOnly { ports } => {
                declared.port.is_some_and(|port| ports.contains(port))
            }
            Requirement::NotBefore { day } => *day <= declared.day,
            Requirement::NotAfter { day } => declared.day <= *day,
            Requirement::ShipmentsAtMost { shipments } => {
                let others: BTreeSet<&str> =
                    of_others().map(|use_| use_.declaration.as_str()).collect();
                others.len() < usize::from(*shipments)
            }
            Requirement::DaysBetweenShipments { days } => {
                of_others().all(|use_| i32::from(*days) <= days_between(use_.day, declared.day))
            }
            Requirement::DocumentRequired { document } => declared
                .documents
                .iter()
                .any(|shown| shown.kind == *document && !shown.reference.trim().is_empty()),
        }
    }
}

fn days_between(one: Date, other: Date) -> i32 {
    // Between two days there are always whole days: the calendar knows no other difference.
    one.until(other).map_or(0, |span| span.get_days().abs())
}

impl Requirement {
    /// Whether earlier shipments have a say in it.
    pub const fn looks_back(&self) -> bool {
        matches!(
            self,
            Self::ShipmentAtMost { .. }
                | Self::ShipmentsAtMost { .. }
                | Self::DaysBetweenShipments { .. }
        )
    }

    /// The field of a declaration that it is about, as a JSON Pointer; none for its moment.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::ShipmentAtMost { .. } => "/quantity_kg",
            Self::ConsigneesOnly { .. } => "/consignee",
            Self::EndUsersOnly { .. } => "/end_user",
            Self::PortsOnly { .. } => "/port",
            Self::DocumentRequired { .. } => "/documents",
            Self::NotBefore { .. }
            | Self::NotAfter { .. }
            | Self::ShipmentsAtMost { .. }
            | Self::DaysBetweenShipments { .. } => "",
        }
    }

    /// What makes it no condition at all, with pointers below `at`.
    pub fn faults(&self, at: &str) -> Vec<Violation> {
        let fault = |field: &str, detail: &str, expected: String| {
            vec![
                Violation::new(format!("{at}/{field}"), "invalid_condition", detail)
                    .expecting(expected),
            ]
        };
        let counts = || format!("1 to {ENTRIES_AT_MOST} entries");
        match self {
            Self::ShipmentAtMost { quantity_kg } if quantity_kg.grams() == 0 => {
                fault("quantity_kg", "nothing could ever leave", "more than nothing".to_owned())
            }
            Self::ConsigneesOnly { names } | Self::EndUsersOnly { names }
                if !within(names.len()) || names.iter().any(|name| !is_text(name)) =>
            {
                let each =
                    format!("{}, each of 1 to {TEXT_CHARACTERS_AT_MOST} characters", counts());
                fault("names", "these are no names", each)
            }
            Self::PortsOnly { ports } if !within(ports.len()) => {
                fault("ports", "at least one office must be left", counts())
            }
            Self::ShipmentsAtMost { shipments: 0 } => {
                fault("shipments", "nothing could ever leave", "1 or more".to_owned())
            }
            Self::DaysBetweenShipments { days } if *days == 0 || DAYS_AT_MOST < *days => {
                fault("days", "this is no number of days", format!("1 to {DAYS_AT_MOST}"))
            }
            Self::DocumentRequired { document } if !is_text(document) => {
                let expected = format!("1 to {TEXT_CHARACTERS_AT_MOST} characters");
                fault("document", "this is no kind of document", expected)
            }
            _ => Vec::new(),
        }
    }
}

const fn within(entries: usize) -> bool {
    0 < entries && entries <= ENTRIES_AT_MOST
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= TEXT_CHARACTERS_AT_MOST
}
