//! Filings before they are sent: lots and movements are named, not yet numbered.
//!
//! Ids follow from the organisation's own id, which only its registration gives. So the whole
//! year can be written down, and tested, before anything is sent.

use domain::{
    codes::{Beyond, FilingKind, Outcome, Process},
    composition::StatedComposition,
    identifiers::Uscc,
    ids::{LotId, MovementId, OrganisationId},
    mass::kilograms_of_grams,
};
use jiff::{Timestamp, tz::offset};
use serde::Serialize;
use serde_json::Value;

/// Every organisation's one site.
pub const SITE: &str = "S1";

/// A lot, by whoever made it and its number there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LotName {
    /// Index of the maker.
    pub maker: usize,
    /// The maker's number.
    pub number: String,
}

/// A movement, by whoever started it and the reference of its dispatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovementName {
    /// Index of the seller.
    pub seller: usize,
    /// The reference of the dispatch.
    pub reference: String,
}

/// A client, supplier or end user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Party {
    /// Its name.
    pub name: String,
    /// USCC, LEI or nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Its country.
    pub country: String,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Line {
    /// Which lot; losses have none.
    pub lot: Option<LotName>,
    /// The product's code, for a new lot.
    pub product: Option<&'static str>,
    /// Gross mass.
    pub grams: u64,
    /// Gross mass not accepted.
    pub refused_grams: u64,
    /// One standard uncertainty of the weighing, where it is stated.
    pub uncertainty_grams: Option<u64>,
    /// What it is made of, where that is stated.
    pub composition: Option<StatedComposition>,
    /// Fen per kilogram.
    pub price_fen: Option<u64>,
}

/// A filing.
#[derive(Clone, Debug, PartialEq)]
pub struct Filing {
    /// Index of the filer.
    pub filer: usize,
    /// What it is about.
    pub kind: FilingKind,
    /// The filer's reference.
    pub reference: String,
    /// When it happened.
    pub happened_at: Timestamp,
    /// Indices of filings that must be recorded first.
    pub after: Vec<usize>,
    /// Version and reason of a correction.
    pub correction: Option<(u16, &'static str)>,
    /// Transformation: which.
    pub process: Option<Process>,
    /// Transformation: what went in.
    pub inputs: Vec<Line>,
    /// Transformation: what came out.
    pub outputs: Vec<Line>,
    /// Transformation: what was lost.
    pub losses: Vec<Line>,
    /// Every other kind.
    pub lines: Vec<Line>,
    /// Client, supplier or end user, as the kind has it.
    pub party: Option<Party>,
    /// Invoice.
    pub invoice: Option<String>,
    /// Contract.
    pub contract: Option<String>,
    /// The movement that ended.
    pub movement: Option<MovementName>,
    /// How the goods were found.
    pub outcome: Option<Outcome>,
    /// Where goods came from or went to.
    pub beyond: Option<Beyond>,
    /// Customs declaration.
    pub declaration: Option<String>,
    /// Origin or destination.
    pub country: Option<&'static str>,
    /// Number of the licence.
    pub licence: Option<String>,
    /// The month closed, and whether nothing happened in it.
    pub month: Option<(String, bool)>,
}

impl Filing {
    /// A filing that says nothing yet.
    pub fn new(filer: usize, kind: FilingKind, reference: String, happened_at: Timestamp) -> Self {
        Self {
            filer,
            kind,
            reference,
            happened_at,
            after: Vec::new(),
            correction: None,
            process: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            losses: Vec::new(),
            lines: Vec::new(),
            party: None,
            invoice: None,
            contract: None,
            movement: None,
            outcome: None,
            beyond: None,
            declaration: None,
            country: None,
            licence: None,
            month: None,
        }
    }

    /// All lines.
    pub fn every_line(&self) -> impl Iterator<Item = &Line> {
        self.inputs.iter().chain(&self.outputs).chain(&self.losses).chain(&self.lines)
    }

    /// The key under which this filing may be sent again.
    pub fn idempotency_key(&self) -> String {
        match self.correction {
            Some((version, _)) => format!("{}/{version}", self.reference),
            None => self.reference.clone(),
        }
    }

    /// The body of the request, once it is known which organisation has which id.
    pub fn body(&self, ids: &[OrganisationId]) -> Vec<u8> {
        serde_json::to_vec(&self.wire(Names::Ids(ids))).expect("a form is always valid JSON")
    }

    /// The same before anybody has an id: lots and movements of others are written
    /// `{lot:CODE/NUMBER}` and `{movement:CODE/REFERENCE}`, with the code of whoever named them.
    pub fn template(&self, codes: &[Uscc]) -> Value {
        serde_json::to_value(self.wire(Names::Codes(codes))).expect("a form is always valid JSON")
    }

    fn wire<'a>(&'a self, names: Names<'a>) -> Wire<'a> {
        let party_as =
            |kinds: &[FilingKind]| self.party.as_ref().filter(|_| kinds.contains(&self.kind));
        let beyond_as = |kind| self.beyond.filter(|_| self.kind == kind);
        let country_as = |kind| self.country.filter(|_| self.kind == kind);
        let happened_at = (self.kind != FilingKind::MonthlyReturn)
            .then(|| self.happened_at.display_with_offset(offset(8)).to_string());
        Wire {
            kind: self.kind,
            reference: &self.reference,
            site: SITE,
            happened_at,
            correction: self.correction.map(|(version, reason)| WireCorrection { version, reason }),
            process: self.process,
            inputs: wire_lines(&self.inputs, self.filer, names),
            outputs: wire_lines(&self.outputs, self.filer, names),
            losses: wire_lines(&self.losses, self.filer, names),
            lines: wire_lines(&self.lines, self.filer, names),
            client: party_as(&[FilingKind::Dispatch]),
            supplier: party_as(&[FilingKind::Receipt, FilingKind::Import]),
            end_user: party_as(&[FilingKind::Export]),
            contract: self.contract.as_deref(),
            invoice: self.invoice.as_deref(),
            movement: self.movement.as_ref().map(|movement| names.movement(movement)),
            outcome: self.outcome,
            from: beyond_as(FilingKind::Receipt),
            to: beyond_as(FilingKind::Disposal),
            declaration: self.declaration.as_deref(),
            origin: country_as(FilingKind::Import),
            destination: country_as(FilingKind::Export),
            licence: self.licence.as_deref(),
            month: self.month.as_ref().map(|(month, _)| month.as_str()),
            nil: self.month.as_ref().map(|(_, nil)| *nil),
        }
    }
}

/// How others' lots and movements are named.
#[derive(Clone, Copy)]
enum Names<'a> {
    Ids(&'a [OrganisationId]),
    Codes(&'a [Uscc]),
}

impl Names<'_> {
    fn lot(self, lot: &LotName) -> String {
        match self {
            Self::Ids(ids) => LotId::of(ids[lot.maker], &lot.number).to_string(),
            Self::Codes(codes) => format!("{{lot:{}/{}}}", codes[lot.maker], lot.number),
        }
    }

    fn movement(self, movement: &MovementName) -> String {
        let MovementName { seller, reference } = movement;
        match self {
            Self::Ids(ids) => MovementId::of(ids[*seller], reference).to_string(),
            Self::Codes(codes) => format!("{{movement:{}/{reference}}}", codes[*seller]),
        }
    }
}

fn wire_lines<'a>(lines: &'a [Line], filer: usize, names: Names<'_>) -> Vec<WireLine<'a>> {
    lines.iter().map(|line| WireLine::of(line, filer, names)).collect()
}

#[derive(Serialize)]
struct Wire<'a> {
    kind: FilingKind,
    reference: &'a str,
    site: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    happened_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correction: Option<WireCorrection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<Process>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<WireLine<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outputs: Vec<WireLine<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    losses: Vec<WireLine<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<WireLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a Party>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<&'a Party>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_user: Option<&'a Party>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    movement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Beyond>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Beyond>,
    #[serde(skip_serializing_if = "Option::is_none")]
    declaration: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nil: Option<bool>,
}

#[derive(Serialize)]
struct WireCorrection {
    version: u16,
    reason: &'static str,
}

#[derive(Serialize)]
struct WireLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    lot: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<&'static str>,
    quantity_kg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_kg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uncertainty_kg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    composition: Option<&'a StatedComposition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_price: Option<WireMoney>,
}

#[derive(Serialize)]
struct WireMoney {
    amount: String,
    currency: &'static str,
}

impl<'a> WireLine<'a> {
    fn of(line: &'a Line, filer: usize, names: Names<'_>) -> Self {
        let name = |lot: &LotName| {
            if lot.maker == filer { lot.number.clone() } else { names.lot(lot) }
        };
        let kilograms = |grams: u64| kilograms_of_grams(grams.cast_signed());
        Self {
            lot: line.lot.as_ref().map(name),
            product: line.product,
            quantity_kg: kilograms(line.grams),
            refused_kg: (line.refused_grams > 0).then(|| kilograms(line.refused_grams)),
            uncertainty_kg: line.uncertainty_grams.map(kilograms),
            composition: line.composition.as_ref(),
            unit_price: line.price_fen.map(|fen| WireMoney {
                amount: format!("{}.{:02}", fen / 100, fen % 100),
                currency: "CNY",
            }),
        }
    }
}
