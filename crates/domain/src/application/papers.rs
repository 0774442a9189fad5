//! Which papers an application comes with: by kind, goods, destination, end use and parties.

use super::Draft;
use crate::regime::{DocumentDuty, DocumentRule, PartyList, Regime, Sentence, Verification};
use jiff::civil::Date;
use serde::Serialize;

/// A paper that an application comes with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Paper {
    /// Which.
    pub document: String,
    /// Whether it must come.
    pub duty: DocumentDuty,
    /// Whether the end user may hand it in through the sealed channel.
    pub sealed: bool,
    /// What it is called.
    #[serde(flatten)]
    pub text: Sentence,
    /// Where that is said.
    pub source: String,
    /// How well it was checked.
    pub verification: Verification,
}

/// The papers of a draft on a day, the required ones first. Of a draft whose kind is not known yet:
/// none.
pub fn papers(draft: &Draft, regime: &Regime, today: Date) -> Vec<Paper> {
    let Some(kind) = draft.kind else { return Vec::new() };
    let mut papers: Vec<Paper> = regime
        .document_rules(today)
        .filter(|row| concerns(&row.value, draft, regime, today))
        .map(|row| Paper {
            document: row.value.document.clone(),
            duty: row.value.duty,
            sealed: row.value.sealed,
            text: Sentence::new(row.value.zh.clone(), row.value.en.clone()),
            source: row.provenance.source.clone(),
            verification: row.provenance.verification,
        })
        .collect();
    // What the kind of licence asks for holds even where no row says what the paper is called.
    if let Some(rule) = regime.licence_rule(kind, today) {
        for document in &rule.value.documents {
            if papers.iter().all(|paper| paper.document != *document) {
                papers.push(Paper {
                    document: document.clone(),
                    duty: DocumentDuty::Required,
                    sealed: false,
                    text: Sentence::new(document.clone(), document.clone()),
                    source: rule.provenance.source.clone(),
                    verification: rule.provenance.verification,
                });
            }
        }
    }
    papers.sort_by_key(|paper| paper.duty);
    papers
}

/// Whether a rule is about this draft. What a rule leaves empty limits nothing.
fn concerns(rule: &DocumentRule, draft: &Draft, regime: &Regime, today: Date) -> bool {
    fn among<T: PartialEq>(all: &[T], mut stated: impl Iterator<Item = T>) -> bool {
        all.is_empty() || stated.any(|one| all.contains(&one))
    }
    let goods = draft.lines.iter().filter_map(|line| line.goods.as_ref());
    among(&rule.kinds, draft.kind.into_iter())
        && among(&rule.categories, goods.map(|goods| goods.category))
        && among(&rule.destinations, draft.destination.into_iter())
        && among(&rule.end_uses, draft.end_use.iter().map(|end_use| end_use.category))
        && rule.list.is_none_or(|list| names_somebody_on(list, draft, regime, today))
}

fn names_somebody_on(list: PartyList, draft: &Draft, regime: &Regime, today: Date) -> bool {
    let plain = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let mut listed = regime.listed_parties(today).filter(|row| row.value.list == list);
    listed.any(|row| {
        let name = plain(&row.value.name);
        draft.parties().any(|(_, party)| plain(&party.name) == name)
    })
}
