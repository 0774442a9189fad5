//! Did controlled goods leave with a licence, and within it?

use crate::{
    Abstention, Evidence, ExportStand, FilingContext, Goods, GoodsStatus, LicenceLookup,
    LicenceStand, Outcome, Subject, finding::Opinion, normalised_name,
};
use domain::{
    codes::Severity, filing::Claim, identifiers::CountryCode, mass::kilograms_of_grams,
    regime::Sentence,
};
use jiff::civil::Date;
use serde::Serialize;

/// Controlled goods that left without a licence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportedWithoutLicence {
    /// Lines with controlled goods.
    pub lines: Vec<u16>,
    /// Their control codes.
    pub codes: Vec<String>,
    /// Their mass.
    pub grams: i64,
    /// Where they went.
    pub destination: CountryCode,
}

/// An export that its licence does not cover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BeyondLicence {
    /// The licence's number.
    pub licence: String,
    /// In which ways, the gravest first.
    pub faults: Vec<LicenceFault>,
}

/// One way in which a licence does not cover an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum LicenceFault {
    /// It belongs to somebody else.
    OtherHolder,
    /// It was suspended, revoked, surrendered or superseded.
    NotInForce {
        /// Which of these.
        state: String,
    },
    /// It was not valid on the day.
    OutsideValidity {
        /// The day.
        on: Date,
        /// Its first day.
        valid_from: Date,
        /// Its last day.
        valid_until: Date,
    },
    /// It is for another country.
    OtherDestination {
        /// Where the goods went.
        destination: String,
        /// Where they may go.
        licensed: String,
    },
    /// It is for another end user.
    OtherEndUser {
        /// Who is to use them.
        end_user: String,
        /// Who may.
        licensed: String,
    },
    /// Its lines name other goods.
    GoodsNotCovered {
        /// What the goods are.
        codes: Vec<String>,
    },
    /// More was filed under it than it allows.
    MassExceeded {
        /// Filed so far, this export included.
        filed_grams: i64,
        /// Allowed.
        licensed_grams: i64,
    },
    /// Customs confirmed less under this declaration.
    MoreThanCustomsConfirmed {
        /// Filed.
        filed_grams: i64,
        /// Confirmed.
        confirmed_grams: i64,
    },
}

/// Flags an export of controlled goods that names no licence.
///
/// Typology 7, decree 792. Whether goods are controlled is determined by what the lines claim
/// they contain, as of the day. Where the rows do not settle that: abstains.
pub(crate) fn missing(context: &FilingContext) -> Vec<Opinion> {
    let Some((export, _, destination)) = export_of(context) else { return Vec::new() };
    let outcome = if export.licence == LicenceLookup::NotNamed {
        judge_goods(&export.goods, destination)
    } else {
        Outcome::Clean
    };
    vec![opinion(context, outcome)]
}

/// Flags an export that its licence does not cover: mass, day, state, country, end user, goods.
///
/// Typologies 6 and 7, decree 792. Exports count in the order they were recorded. Mass of
/// controlled goods only; what is not determined counts too, since a licence was named for it.
/// A number that the register does not hold: abstains, for the licence may only be late.
pub(crate) fn exceeded(context: &FilingContext) -> Vec<Opinion> {
    let Some((export, end_user, destination)) = export_of(context) else { return Vec::new() };
    let outcome = match &export.licence {
        LicenceLookup::NotNamed => return Vec::new(),
        LicenceLookup::Unknown { .. } => Outcome::Abstained(Abstention::LicenceUnknown),
        LicenceLookup::Known(licence) => {
            let faults = faults(context, export, licence, end_user, destination);
            match faults.iter().map(LicenceFault::severity).max() {
                None => Outcome::Clean,
                Some(severity) => {
                    let evidence = BeyondLicence { licence: licence.number.clone(), faults };
                    Outcome::Found((severity, Evidence::BeyondLicence(evidence)))
                }
            }
        }
    };
    vec![opinion(context, outcome)]
}

fn opinion(context: &FilingContext, outcome: Outcome<(Severity, Evidence)>) -> Opinion {
    Opinion::new(Subject::Filing(context.filing.id), Some(context.filing.organisation), outcome)
}

fn export_of(context: &FilingContext) -> Option<(&ExportStand, &str, CountryCode)> {
    let Claim::Export { end_user, destination, .. } = &context.filing.claim else { return None };
    Some((context.export.as_ref()?, &end_user.name, *destination))
}

fn judge_goods(goods: &[Goods], destination: CountryCode) -> Outcome<(Severity, Evidence)> {
    let mut evidence =
        ExportedWithoutLicence { lines: Vec::new(), codes: Vec::new(), grams: 0, destination };
    for line in goods {
        if let GoodsStatus::Controlled(codes) = &line.status {
            evidence.lines.push(line.line);
            evidence.codes.extend(codes.iter().cloned());
            evidence.grams = evidence.grams.saturating_add(line.grams);
        }
    }
    evidence.codes.sort();
    evidence.codes.dedup();
    if !evidence.lines.is_empty() {
        return Outcome::Found((Severity::Alert, Evidence::ExportedWithoutLicence(evidence)));
    }
    let undetermined = goods.iter().any(|line| line.status == GoodsStatus::Undetermined);
    if undetermined { Outcome::Abstained(Abstention::NotDetermined) } else { Outcome::Clean }
}

fn faults(
    context: &FilingContext,
    export: &ExportStand,
    licence: &LicenceStand,
    end_user: &str,
    destination: CountryCode,
) -> Vec<LicenceFault> {
    let on = context.day();
    let mut faults = Vec::new();
    if licence.holder != context.filing.organisation {
        faults.push(LicenceFault::OtherHolder);
    }
    if licence.state != "issued" {
        faults.push(LicenceFault::NotInForce { state: licence.state.clone() });
    }
    let (valid_from, valid_until) = (licence.valid_from, licence.valid_until);
    if on < valid_from || valid_until < on {
        faults.push(LicenceFault::OutsideValidity { on, valid_from, valid_until });
    }
    if licence.destination != destination.as_str() {
        let (destination, licensed) = (destination.to_string(), licence.destination.clone());
        faults.push(LicenceFault::OtherDestination { destination, licensed });
    }
    if normalised_name(&licence.end_user) != normalised_name(end_user) {
        let (end_user, licensed) = (end_user.to_owned(), licence.end_user.clone());
        faults.push(LicenceFault::OtherEndUser { end_user, licensed });
    }
    faults.extend(goods_not_covered(export, licence));
    faults.extend(mass_faults(export, licence));
    faults
}

/// Goods of which no code lies under, or above, a code of the licence.
fn goods_not_covered(export: &ExportStand, licence: &LicenceStand) -> Option<LicenceFault> {
    let covers = |licensed: &String, code: &String| {
        let below = |one: &str, other: &str| {
            one == other || one.strip_prefix(other).is_some_and(|rest| rest.starts_with('.'))
        };
        below(licensed, code) || below(code, licensed)
    };
    let uncovered = export.goods.iter().find_map(|line| match &line.status {
        GoodsStatus::Controlled(codes)
            if !codes.iter().any(|code| licence.codes.iter().any(|of| covers(of, code))) =>
        {
            Some(codes.clone())
        }
        _ => None,
    })?;
    Some(LicenceFault::GoodsNotCovered { codes: uncovered })
}

fn mass_faults(export: &ExportStand, licence: &LicenceStand) -> Vec<LicenceFault> {
    let licensable = export.goods.iter().filter(|line| line.status != GoodsStatus::NotControlled);
    let this = licensable.fold(0_i64, |sum, line| sum.saturating_add(line.grams));
    let filed_grams = licence.filed_before_grams.saturating_add(this);
    let licensed_grams = licence.licensed_grams;
    let mut faults = Vec::new();
    if licensed_grams < filed_grams {
        faults.push(LicenceFault::MassExceeded { filed_grams, licensed_grams });
    }
    if let Some(confirmed_grams) = licence.confirmed_grams.filter(|confirmed| *confirmed < this) {
        faults.push(LicenceFault::MoreThanCustomsConfirmed { filed_grams: this, confirmed_grams });
    }
    faults
}

impl LicenceFault {
    const fn severity(&self) -> Severity {
        match self {
            Self::OtherEndUser { .. } | Self::GoodsNotCovered { .. } => Severity::Warning,
            _ => Severity::Alert,
        }
    }

    fn sentence(&self) -> Sentence {
        match self {
            Self::OtherHolder => Sentence::new("属于其他企业", "belongs to another company"),
            Self::NotInForce { state } => {
                let zh = match state.as_str() {
                    "suspended" => "已中止",
                    "revoked" => "已撤销",
                    "surrendered" => "已交回",
                    _ => "已被取代",
                };
                Sentence::new(zh, format!("is {state}"))
            }
            Self::OutsideValidity { on, valid_from, valid_until } => Sentence::new(
                format!("有效期为 {valid_from} 至 {valid_until}，而出口日为 {on}"),
                format!("is valid from {valid_from} to {valid_until}, not on {on}"),
            ),
            Self::OtherDestination { destination, licensed } => Sentence::new(
                format!("准许运往 {licensed}，而非 {destination}"),
                format!("is for {licensed}, not for {destination}"),
            ),
            Self::OtherEndUser { end_user, licensed } => Sentence::new(
                format!("准许的最终用户为{licensed}，而非{end_user}"),
                format!("is for the end user {licensed}, not for {end_user}"),
            ),
            Self::GoodsNotCovered { codes } => Sentence::new(
                format!("不包含管制编码 {} 的货物", codes.join("、")),
                format!("does not cover goods under {}", codes.join(", ")),
            ),
            Self::MassExceeded { filed_grams, licensed_grams } => {
                let (filed, licensed) =
                    (kilograms_of_grams(*filed_grams), kilograms_of_grams(*licensed_grams));
                Sentence::new(
                    format!("准许 {licensed} 千克，而已申报 {filed} 千克"),
                    format!("allows {licensed} kg, of which {filed} kg were filed"),
                )
            }
            Self::MoreThanCustomsConfirmed { filed_grams, confirmed_grams } => {
                let (filed, confirmed) =
                    (kilograms_of_grams(*filed_grams), kilograms_of_grams(*confirmed_grams));
                Sentence::new(
                    format!("海关确认 {confirmed} 千克，而申报 {filed} 千克"),
                    format!(
                        "was drawn on for {confirmed} kg at customs, not for the {filed} kg filed"
                    ),
                )
            }
        }
    }
}

impl ExportedWithoutLicence {
    pub(crate) fn sentence(&self) -> Sentence {
        let (mass, to) = (kilograms_of_grams(self.grams), self.destination.as_str());
        Sentence::new(
            format!("向 {to} 出口 {mass} 千克管制物项（{}），未填许可证。", self.codes.join("、")),
            format!(
                "{mass} kg of controlled goods ({}) were exported to {to} without a licence.",
                self.codes.join(", ")
            ),
        )
    }
}

impl BeyondLicence {
    pub(crate) fn sentence(&self) -> Sentence {
        let said: Vec<Sentence> = self.faults.iter().map(LicenceFault::sentence).collect();
        let zh: Vec<&str> = said.iter().map(|sentence| sentence.zh.as_str()).collect();
        let en: Vec<&str> = said.iter().map(|sentence| sentence.en.as_str()).collect();
        Sentence::new(
            format!("许可证 {} {}。", self.licence, zh.join("；")),
            format!("Licence {} {}.", self.licence, en.join("; ")),
        )
    }
}
