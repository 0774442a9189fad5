//! What stands beside a case on its page.

use super::{
    lots::{CitedLotView, LotsOfLines},
    plain,
};
use crate::{applications::draft_of, determinations::list_hits};
use database::cases::CaseFinding;
use database::cases::{CasePage, Compliance, Precedent};
use domain::{
    application::{Draft, DraftLine},
    case::{Case, Flag, RefusalReason, Slug, Undoable, Work, advice_conflicts},
    determination::{EndUse, ListHit, determine},
    ids::{LicenceId, PersonId},
    regime::Regime,
};
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// What is worked out from the application and read beside it.
pub(crate) struct Shown {
    pub(super) goods: Vec<GoodsView>,
    pub(super) parties: Vec<PartyView>,
    pub(super) exporter: Option<ExporterView>,
    pub(super) precedents: Vec<PrecedentView>,
}

/// Goods with what they are under the law.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GoodsView {
    /// The line, from 1.
    line: usize,
    /// The goods in words.
    description: Option<String>,
    /// The item that the applicant named.
    control_code: Option<String>,
    /// How much.
    quantity_kg: Option<String>,
    /// What they are under the law of today; absent where too little is said to judge.
    #[schema(value_type = Option<Object>)]
    determination: Option<Value>,
    /// The reported lots that the goods come from; for those who decide.
    lots: Vec<CitedLotView>,
}

/// A party of an application.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PartyView {
    /// `consignee`, `end_user` or `third_party`.
    part: &'static str,
    /// Its name.
    name: String,
    /// Where it is.
    country: Option<String>,
    /// Lists that name it today: `watch`, `control`.
    lists: Vec<&'static str>,
}

/// A flag that is raised.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlagView {
    /// Which.
    flag: String,
    /// `blocks_decision` or `tells`.
    effect: &'static str,
    /// Whose people raised it and may clear it; anybody may when a rule did.
    agency: Option<Uuid>,
    /// Who raised it.
    person: Option<Uuid>,
    /// When.
    on: String,
}

/// What agencies were asked and said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AdviceView {
    /// Whose answer is awaited.
    #[schema(value_type = Vec<Object>)]
    asked: Value,
    /// What agencies asked back, with what was answered.
    #[schema(value_type = Vec<Object>)]
    asked_back: Value,
    /// What was said.
    #[schema(value_type = Vec<Object>)]
    given: Value,
    /// What contradicts what.
    #[schema(value_type = Vec<Object>)]
    conflicts: Value,
}

/// Who signs a decision.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderView {
    /// The risk that says so.
    risk: &'static str,
    /// The role of each signature.
    signatures: Vec<&'static str>,
    /// Who has signed.
    signed: Vec<Uuid>,
    /// Where that stands.
    source: String,
    /// How well that was checked.
    verification: &'static str,
}

/// The step that a second person may take back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UndoView {
    /// Which.
    action: &'static str,
    /// By whom it was taken.
    person: Uuid,
    /// Where the case would stand.
    back_to: &'static str,
}

/// What is known of an exporter.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExporterView {
    /// Applications that were approved.
    approved: i64,
    /// Applications that were refused.
    refused: i64,
    /// Licences that can be used.
    licences_issued: i64,
    /// Licences that were suspended or revoked.
    licences_suspended_or_revoked: i64,
    /// Findings that nobody has decided on.
    findings_open: i64,
    /// Findings that were confirmed.
    findings_confirmed: i64,
    /// The latest findings about the application and its exporter, those about the application first.
    findings: Vec<FindingView>,
}

/// A finding.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FindingView {
    /// Its id.
    id: Uuid,
    /// Who found it.
    detector: String,
    /// What it is about.
    subject_kind: String,
    /// How grave.
    severity: String,
    /// What became of it.
    state: String,
    /// In Chinese.
    sentence_zh: String,
    /// In English.
    sentence_en: String,
    /// When.
    raised_at: String,
}

/// A case that was decided for the same end user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PrecedentView {
    /// Which.
    id: Uuid,
    /// Its number.
    number: String,
    /// Whether goods of the same item were in it.
    same_goods: bool,
    /// Whether the same exporter applied.
    same_exporter: bool,
    /// What kind of licence was asked for.
    kind: &'static str,
    /// `approved` or `refused`.
    outcome: &'static str,
    /// Why it was refused.
    refused_for: Option<&'static str>,
    /// The licence it became.
    licence: Option<Uuid>,
    /// When it was decided.
    decided_at: String,
}

impl Shown {
    /// What follows from the application and the law.
    pub(crate) fn of(page: &CasePage, regime: &Regime, today: Date) -> Self {
        let draft = draft_of(&page.record).unwrap_or_default();
        let hits = list_hits(draft.parties().map(|(_, party)| party), regime, today);
        let goods = (1..).zip(&draft.lines).map(|(number, line)| {
            let determination = determined(&draft, line, &hits, regime, today);
            GoodsView {
                line: number,
                description: line.description.clone(),
                control_code: line.control_code.as_ref().map(|code| code.0.clone()),
                quantity_kg: line.quantity_kg.map(|quantity| quantity.to_string()),
                determination,
                lots: Vec::new(),
            }
        });
        let parties = draft.parties().map(|(part, party)| PartyView {
            part: part.as_str(),
            name: party.name.clone(),
            country: party.country.as_ref().map(ToString::to_string),
            lists: list_hits(std::iter::once(party), regime, today)
                .iter()
                .map(|hit| hit.list.as_str())
                .collect(),
        });
        Self {
            goods: goods.collect(),
            parties: parties.collect(),
            exporter: None,
            precedents: Vec::new(),
        }
    }

    /// The same with what is known of the exporter and what was decided before.
    pub(crate) fn with_record(
        self,
        (compliance, findings): (Compliance, Vec<CaseFinding>),
        precedents: &[Precedent],
    ) -> Self {
        let exporter = Some(ExporterView::of(&compliance, findings));
        Self { exporter, precedents: precedents.iter().map(PrecedentView::from).collect(), ..self }
    }

    /// The same with what the lots that each line cites rest on.
    pub(crate) fn with_lots(mut self, lots: LotsOfLines) -> Self {
        for (goods, lots) in self.goods.iter_mut().zip(lots.into_lines()) {
            goods.lots = lots;
        }
        self
    }
}

fn determined(
    draft: &Draft,
    line: &DraftLine,
    hits: &[ListHit],
    regime: &Regime,
    today: Date,
) -> Option<Value> {
    let goods = line.goods.as_ref()?;
    let end_use = draft.end_use.as_ref().map_or(EndUse::NotStated, |end_use| end_use.category);
    let item = goods.item(line.hs_code.clone(), draft.destination, end_use, hits.to_vec()).ok()?;
    Some(plain(&determine(regime, &item, today)))
}

impl FlagView {
    pub(super) fn of((code, flag): (&Slug, &Flag)) -> Self {
        Self {
            flag: code.to_string(),
            effect: flag.effect.as_str(),
            agency: flag.agency.map(domain::ids::OrganisationId::as_uuid),
            person: flag.person.map(PersonId::as_uuid),
            on: flag.on.to_string(),
        }
    }
}

impl AdviceView {
    pub(super) fn of(work: &Work) -> Self {
        Self {
            asked: plain(&work.asked),
            asked_back: plain(&work.asked_back),
            given: plain(&work.advice),
            conflicts: plain(&advice_conflicts(&work.advice)),
        }
    }
}

impl OrderView {
    pub(super) fn of(case: &Case) -> Self {
        let order = &case.order;
        Self {
            risk: order.risk.as_str(),
            signatures: order.signatures().iter().map(|role| role.as_str()).collect(),
            signed: case.work.signed.iter().map(|person| person.as_uuid()).collect(),
            source: order.provenance.source.clone(),
            verification: order.provenance.verification.as_str(),
        }
    }
}

impl From<&Undoable> for UndoView {
    fn from(step: &Undoable) -> Self {
        Self {
            action: step.action.as_str(),
            person: step.person.as_uuid(),
            back_to: step.before.name().as_str(),
        }
    }
}

impl ExporterView {
    fn of(compliance: &Compliance, findings: Vec<CaseFinding>) -> Self {
        let findings = findings.into_iter().map(|finding| FindingView {
            id: finding.id,
            detector: finding.detector,
            subject_kind: finding.subject_kind,
            severity: finding.severity,
            state: finding.state,
            sentence_zh: finding.sentence_zh,
            sentence_en: finding.sentence_en,
            raised_at: finding.raised_at,
        });
        Self {
            approved: compliance.approved,
            refused: compliance.refused,
            licences_issued: compliance.licences_issued,
            licences_suspended_or_revoked: compliance.licences_suspended_or_revoked,
            findings_open: compliance.findings_open,
            findings_confirmed: compliance.findings_confirmed,
            findings: findings.collect(),
        }
    }
}

impl From<&Precedent> for PrecedentView {
    fn from(precedent: &Precedent) -> Self {
        Self {
            id: precedent.id.as_uuid(),
            number: precedent.number.to_string(),
            same_goods: precedent.same_goods,
            same_exporter: precedent.same_exporter,
            kind: precedent.kind.as_str(),
            outcome: precedent.state.as_str(),
            refused_for: precedent.refused_for.map(RefusalReason::as_str),
            licence: precedent.licence.map(LicenceId::as_uuid),
            decided_at: precedent.decided_at.to_string(),
        }
    }
}
