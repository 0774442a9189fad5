//! How risky is an application? An assessment with reasons, for the officer who decides.

use crate::{
    ApplicationContext, Evidence, Judgement, OtherApplication, Outcome, ParameterName, ReportsStand,
};
use domain::{
    codes::Severity,
    mass::kilograms_of_grams,
    regime::{PartyList, Sentence},
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::Serialize;

/// The reason given when the like was approved before.
pub const REPEAT: &str = "approved_before";
/// Windows that a destination's present one is compared with.
pub const WINDOWS_BEFORE: i64 = 4;

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
/// watch list or of the same name elsewhere, another open finding, several small applications for
/// the same end user, returns that had not come, more than the exporter's stock, or a destination
/// that surges. That a list is incomplete is said, and weighs nothing; so is that the like was
/// approved before, by which a case of low risk can be proposed for the fast queue.
pub fn assess(context: &ApplicationContext, judgements: &[Judgement]) -> Assessment {
    let mut reasons: Vec<Reason> = judgements.iter().filter_map(of_finding).collect();
    reasons.extend(of_open_findings(context));
    reasons.extend(of_small_applications(context));
    reasons.extend(of_reports(context));
    reasons.extend(of_stock(context));
    reasons.extend(of_destination(context));
    reasons.extend(of_repeat(context));
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

fn of_reports(context: &ApplicationContext) -> Option<Reason> {
    let ReportsStand { due, missing, .. } = context.reports;
    if missing == 0 {
        return None;
    }
    let sentence = Sentence::new(
        format!("该出口企业此前应报的 {due} 份月报中有 {missing} 份未报。"),
        format!("Of {due} monthly returns that the exporter owed by then, {missing} had not come."),
    );
    Some(Reason { risk: Risk::Medium, reason: "returns_missing", sentence })
}

/// Whoever files nothing has no stock on record, which says nothing about the goods.
fn of_stock(context: &ApplicationContext) -> Option<Reason> {
    if !context.reports.has_filed || context.grams <= context.stock_grams.max(0) {
        return None;
    }
    let [asked, held] = [context.grams, context.stock_grams.max(0)].map(kilograms_of_grams);
    let sentence = Sentence::new(
        format!("申请 {asked} 千克，而按其填报库存合计只有 {held} 千克。"),
        format!(
            "It asks for {asked} kg; by its own filings the exporter holds {held} kg of anything."
        ),
    );
    Some(Reason { risk: Risk::Medium, reason: "more_than_stock", sentence })
}

fn of_destination(context: &ApplicationContext) -> Option<Reason> {
    let stand = context.destination.as_ref()?;
    let parameters = &context.law.parameters;
    let needed = parameters.whole(ParameterName::DestinationApplications);
    if i64::from(stand.applications_before) < needed.max(1) || stand.grams_before <= 0 {
        return None;
    }
    let ratio = parameters.get(ParameterName::DestinationSurgeRatio);
    let average = Decimal::from(stand.grams_before) / Decimal::from(WINDOWS_BEFORE);
    let limit = average.checked_mul(ratio)?;
    if Decimal::from(stand.grams) <= limit {
        return None;
    }
    let days = parameters.whole(ParameterName::DestinationWindowDays);
    let grams_before = average.trunc().to_i64().unwrap_or(i64::MAX);
    let [now, before] = [stand.grams, grams_before].map(kilograms_of_grams);
    let destination = stand.destination;
    let sentence = Sentence::new(
        format!(
            "{days} 天内申请出口到 {destination} 合计 {now} 千克，此前同期平均为 {before} 千克。"
        ),
        format!(
            "{now} kg were asked for to {destination} within {days} days; {before} kg is the average of as long before."
        ),
    );
    Some(Reason { risk: Risk::Medium, reason: "destination_surge", sentence })
}

fn of_repeat(context: &ApplicationContext) -> Option<Reason> {
    let count = context.approved_alike;
    let sentence = Sentence::new(
        format!("同一最终用户、同类物项此前已获批准 {count} 次，未出现新的当事方。"),
        format!(
            "The like was approved {count} times before: the same end user and goods, and nobody new."
        ),
    );
    (0 < count).then_some(Reason { risk: Risk::Low, reason: REPEAT, sentence })
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
