//! How risky is an application? An assessment with reasons, for the officer who decides.

use crate::{ApplicationContext, Evidence, Judgement, OtherApplication, Outcome, ParameterName};
use domain::{
    codes::Severity,
    mass::kilograms_of_grams,
    regime::{PartyList, Sentence},
};
use serde::Serialize;

/// How risky.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Nothing speaks against it.
    Low,
    /// Something is worth a question.
    Medium,
    /// Something must be cleared up first.
    High,
}

impl Risk {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// The worker's assessment of an application.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// How risky: as the gravest reason says.
    pub risk: Risk,
    /// Why, the gravest first.
    pub reasons: Vec<Reason>,
}

/// One reason for an assessment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// How much it weighs.
    pub risk: Risk,
    /// What it is.
    pub reason: &'static str,
    /// In words.
    #[serde(flatten)]
    pub sentence: Sentence,
}

/// Assesses an application, after the detectors have judged it.
///
/// High: a party on the control list, or an open alert about the exporter. Medium: a party on the
/// watch list or of the same name elsewhere, another open finding, or several small applications
/// for the same end user. That a list is incomplete is said, and weighs nothing.
pub fn assess(context: &ApplicationContext, judgements: &[Judgement]) -> Assessment {
    let mut reasons: Vec<Reason> = judgements.iter().filter_map(of_finding).collect();
    reasons.extend(of_open_findings(context));
    reasons.extend(of_small_applications(context));
    reasons.extend(of_incomplete_lists(context));
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.risk));
    let risk = reasons.iter().map(|reason| reason.risk).max().unwrap_or(Risk::Low);
    Assessment { risk, reasons }
}

fn of_finding(judgement: &Judgement) -> Option<Reason> {
    let Outcome::Found(finding) = &judgement.outcome else { return None };
    let Evidence::ListedParty(_) = &finding.evidence else { return None };
    let risk = if finding.severity == Severity::Alert { Risk::High } else { Risk::Medium };
    Some(Reason { risk, reason: "party_on_list", sentence: finding.sentence.clone() })
}

fn of_open_findings(context: &ApplicationContext) -> Option<Reason> {
    let gravest = context.open_findings.iter().map(|finding| finding.severity).max()?;
    let risk = match gravest {
        Severity::Alert => Risk::High,
        Severity::Warning => Risk::Medium,
        Severity::Notice => return None,
    };
    let count = context.open_findings.iter().filter(|finding| finding.severity == gravest).count();
    let sentence = Sentence::new(
        format!("该出口企业有 {count} 项未结的可疑线索，最高级别为 {gravest}。"),
        format!("Open findings of severity {gravest} about the exporter: {count}."),
    );
    Some(Reason { risk, reason: "open_findings", sentence })
}

fn of_small_applications(context: &ApplicationContext) -> Option<Reason> {
    let parameters = &context.law.parameters;
    let limit = parameters.whole(ParameterName::SmallApplicationGrams);
    let days = parameters.whole(ParameterName::SmallApplicationDays).clamp(0, 3_650);
    let needed = parameters.whole(ParameterName::SmallApplicationCount).max(2);
    if limit <= 0 || limit <= context.grams {
        return None;
    }
    let small: Vec<&OtherApplication> = context
        .others
        .iter()
        .filter(|other| other.case != context.case && other.grams < limit)
        .filter(|other| {
            let apart = context.submitted_on.since(other.submitted_on);
            apart.is_ok_and(|span| i64::from(span.get_days().abs()) <= days)
        })
        .collect();
    let count = small.len() + 1;
    if i64::try_from(count).unwrap_or(i64::MAX) < needed {
        return None;
    }
    let total = small.iter().fold(context.grams, |sum, other| sum.saturating_add(other.grams));
    let total = kilograms_of_grams(total);
    let sentence = Sentence::new(
        format!("{days} 天内就同一最终用户提出 {count} 份小额申请，合计 {total} 千克。"),
        format!(
            "{count} small applications for the same end user within {days} days, {total} kg together."
        ),
    );
    Some(Reason { risk: Risk::Medium, reason: "repeated_small_applications", sentence })
}

fn of_incomplete_lists(context: &ApplicationContext) -> Vec<Reason> {
    let lists = [
        (PartyList::Control, "管控名单", "control list"),
        (PartyList::Watch, "关注名单", "watch list"),
    ];
    let reasons = lists.into_iter().filter_map(|(list, zh, en)| {
        let unnamed = context.law.regime.unnamed_parties(list, context.submitted_on);
        let sentence = Sentence::new(
            format!("{zh}公告的主体中有 {unnamed} 个名称未录入，无法核对。"),
            format!("{unnamed} parties that were announced for the {en} are not named here: nothing was compared with them."),
        );
        (unnamed != 0).then_some(Reason { risk: Risk::Low, reason: "list_incomplete", sentence })
    });
    reasons.collect()
}
