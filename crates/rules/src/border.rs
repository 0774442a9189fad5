//! Did what customs confirmed become an export that was filed, and did it arrive where it should?
//!
//! Both look at what left under one licence and one customs declaration, and are asked again as days
//! pass: what is not filed today may be filed tomorrow.

use crate::{Evidence, Law, Outcome, ParameterName as Name, Subject, finding::Opinion};
use domain::{
    codes::Severity,
    ids::{LicenceId, OrganisationId},
    mass::kilograms_of_grams,
    regime::Sentence,
};
use jiff::civil::Date;
use serde::Serialize;
use std::{collections::BTreeSet, sync::Arc};

/// What left under one licence and one declaration, with what the exporter said of it.
#[derive(Clone, Debug)]
pub struct UseContext {
    /// The licence.
    pub licence: LicenceId,
    /// Its number.
    pub number: String,
    /// Who holds it.
    pub organisation: OrganisationId,
    /// Where its goods may go.
    pub destination: String,
    /// The customs declaration.
    pub declaration: String,
    /// What customs confirmed under it, in grams; nothing when only the exporter speaks of it.
    pub confirmed_grams: i64,
    /// The first day on which any of it left.
    pub left_on: Option<Date>,
    /// What the holder filed as exported under the declaration, in grams.
    pub filed_grams: i64,
    /// What the exporter reports to have arrived of it, in grams.
    pub arrived_grams: i64,
    /// The countries where it is reported to have come to, in whatever stage.
    pub countries: BTreeSet<String>,
    /// The day of the judgement.
    pub judged_on: Date,
    /// The law in force.
    pub law: Arc<Law>,
}

/// Goods that customs confirmed and nobody filed as an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotFiled {
    /// The licence's number.
    pub licence: String,
    /// The customs declaration.
    pub declaration: String,
    /// The day they left.
    pub left_on: Date,
    /// What customs confirmed.
    pub confirmed_grams: i64,
    /// What was filed of it.
    pub filed_grams: i64,
    /// Days from which an export counts as not filed.
    pub due_days: i64,
}

/// Goods that arrived otherwise than they left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArrivedOtherwise {
    /// The licence's number.
    pub licence: String,
    /// The customs declaration.
    pub declaration: String,
    /// In which ways.
    pub faults: Vec<ArrivalFault>,
}

/// One way in which a report of arrival contradicts what customs confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum ArrivalFault {
    /// It is reported of a declaration under which nothing was confirmed.
    NothingConfirmed,
    /// More arrived than left.
    MoreThanLeft {
        /// Reported.
        arrived_grams: i64,
        /// Confirmed.
        confirmed_grams: i64,
    },
    /// Less is reported, long after the goods left.
    LessThanLeft {
        /// Reported.
        arrived_grams: i64,
        /// Confirmed.
        confirmed_grams: i64,
        /// Days that were waited.
        due_days: i64,
    },
    /// It came to another country.
    OtherCountry {
        /// Reported.
        country: String,
        /// Licensed.
        licensed: String,
    },
}

/// Flags what customs confirmed and the holder did not file, or filed less of, after the days that the
/// dated row grants. Typology 7: the register's own count of what left must not depend on filers.
pub(crate) fn not_filed(context: &UseContext) -> Vec<Opinion> {
    let Some(left_on) = context.left_on else { return Vec::new() };
    let due_days = context.law.parameters.whole(Name::ExportFilingDueDays);
    let lacks = context.filed_grams < context.confirmed_grams;
    let outcome = if lacks && due_days < days_between(left_on, context.judged_on) {
        // What nobody speaks of is graver than what somebody counted short.
        let severity = if context.filed_grams == 0 { Severity::Alert } else { Severity::Warning };
        let evidence = NotFiled {
            licence: context.number.clone(),
            declaration: context.declaration.clone(),
            left_on,
            confirmed_grams: context.confirmed_grams,
            filed_grams: context.filed_grams,
            due_days,
        };
        Outcome::Found((severity, Evidence::NotFiled(evidence)))
    } else {
        Outcome::Clean
    };
    vec![opinion(context, outcome)]
}

/// Flags reports of arrival that contradict what customs confirmed: quantity and country. Decree 792,
/// article 18. Where nothing is reported, nothing is contradicted.
pub(crate) fn arrived_otherwise(context: &UseContext) -> Vec<Opinion> {
    let faults = arrival_faults(context);
    let outcome = match faults.iter().map(ArrivalFault::severity).max() {
        None => Outcome::Clean,
        Some(severity) => {
            let (licence, declaration) = (context.number.clone(), context.declaration.clone());
            let evidence = ArrivedOtherwise { licence, declaration, faults };
            Outcome::Found((severity, Evidence::ArrivedOtherwise(evidence)))
        }
    };
    vec![opinion(context, outcome)]
}

fn arrival_faults(context: &UseContext) -> Vec<ArrivalFault> {
    let UseContext { arrived_grams, confirmed_grams, .. } = *context;
    let reported = 0 < arrived_grams || !context.countries.is_empty();
    let mut faults = Vec::new();
    let Some(left_on) = context.left_on else {
        faults.extend(reported.then_some(ArrivalFault::NothingConfirmed));
        return faults;
    };
    let due_days = context.law.parameters.whole(Name::ArrivalDueDays);
    if confirmed_grams < arrived_grams {
        faults.push(ArrivalFault::MoreThanLeft { arrived_grams, confirmed_grams });
    }
    let is_late = due_days < days_between(left_on, context.judged_on);
    if 0 < arrived_grams && arrived_grams < confirmed_grams && is_late {
        faults.push(ArrivalFault::LessThanLeft { arrived_grams, confirmed_grams, due_days });
    }
    let elsewhere = context.countries.iter().filter(|country| **country != context.destination);
    faults.extend(elsewhere.map(|country| ArrivalFault::OtherCountry {
        country: country.clone(),
        licensed: context.destination.clone(),
    }));
    faults
}

fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

fn opinion(context: &UseContext, outcome: Outcome<(Severity, Evidence)>) -> Opinion {
    let (licence, declaration) = (context.licence, context.declaration.clone());
    Opinion::new(Subject::Use { licence, declaration }, Some(context.organisation), outcome)
}

impl ArrivalFault {
    const fn severity(&self) -> Severity {
        match self {
            Self::OtherCountry { .. } => Severity::Alert,
            Self::NothingConfirmed | Self::MoreThanLeft { .. } | Self::LessThanLeft { .. } => {
                Severity::Warning
            }
        }
    }

    fn words(&self) -> (String, String) {
        let kg = |grams: &i64| kilograms_of_grams(*grams);
        match self {
            Self::NothingConfirmed => (
                "海关未确认该报关单下有任何货物离境".to_owned(),
                "customs confirmed nothing under it".to_owned(),
            ),
            Self::MoreThanLeft { arrived_grams, confirmed_grams } => (
                format!(
                    "报告到达 {} 千克，海关确认 {} 千克",
                    kg(arrived_grams),
                    kg(confirmed_grams)
                ),
                format!("{} kg arrived, {} kg left", kg(arrived_grams), kg(confirmed_grams)),
            ),
            Self::LessThanLeft { arrived_grams, confirmed_grams, due_days } => (
                format!(
                    "离境 {due_days} 天后仅报告到达 {} 千克，海关确认 {} 千克",
                    kg(arrived_grams),
                    kg(confirmed_grams)
                ),
                format!(
                    "only {} kg of {} kg arrived within {due_days} days",
                    kg(arrived_grams),
                    kg(confirmed_grams)
                ),
            ),
            Self::OtherCountry { country, licensed } => (
                format!("货物到达 {country}，许可目的国为 {licensed}"),
                format!("the goods came to {country}, licensed was {licensed}"),
            ),
        }
    }
}

impl NotFiled {
    pub(crate) fn sentence(&self) -> Sentence {
        let Self { licence, declaration, left_on, due_days, .. } = self;
        let confirmed = kilograms_of_grams(self.confirmed_grams);
        let filed = kilograms_of_grams(self.filed_grams);
        Sentence::new(
            format!(
                "海关于 {left_on} 确认许可证 {licence}、报关单 {declaration} 项下 {confirmed} 千克离境，{due_days} 天后仅申报出口 {filed} 千克。"
            ),
            format!(
                "Customs confirmed {confirmed} kg under licence {licence} and declaration {declaration} on {left_on}; after {due_days} days {filed} kg of it were filed as exported."
            ),
        )
    }
}

impl ArrivedOtherwise {
    pub(crate) fn sentence(&self) -> Sentence {
        let Self { licence, declaration, faults } = self;
        let (zh, en): (Vec<String>, Vec<String>) = faults.iter().map(ArrivalFault::words).unzip();
        Sentence::new(
            format!("许可证 {licence}、报关单 {declaration}：{}。", zh.join("；")),
            format!("Licence {licence}, declaration {declaration}: {}.", en.join("; ")),
        )
    }
}
