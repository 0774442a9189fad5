//! Is a party on a list?

use crate::{
    Abstention, ApplicationContext, Evidence, FilingContext, Law, Listed, NamePart, NamedParty,
    Outcome, ParameterName, PartyRole, Subject, finding::Opinion,
};
use domain::{
    codes::{FilingKind, Severity},
    regime::{PartyList, Sentence, Verification},
};
use jiff::civil::Date;
use serde::Serialize;

/// A party that stands on a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedPartyMatch {
    /// As what it was named.
    pub role: PartyRole,
    /// Its name as written.
    pub name: String,
    /// Which list.
    pub list: PartyList,
    /// The name on the list.
    pub listed_name: String,
    /// What is the same.
    pub matched: MatchedBy,
    /// How much of both names is the same, where they are only alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score_percent: Option<u8>,
    /// Which part of both names matched how, where they are only alike.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<NamePart>,
    /// Whether both name a country, and not the same.
    pub other_country: bool,
    /// The announcement or other source.
    pub source: String,
    /// How well that was checked.
    pub verification: Verification,
}

/// What is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// The registration number.
    Identifier,
    /// The name, as names are compared.
    Name,
    /// A name that is like it: in another script, spelt otherwise, with a slip.
    SimilarName,
}

/// Flags a filing whose client, supplier or end user stands on a list on that day.
///
/// Typology 14; decree 792, articles 26 to 30. The same identifier; the same name after
/// normalisation (see [`normalised_name`]); or, a degree less grave, a name that is at least as like
/// as the list asks for (`control_list_score_percent`, `watch_list_score_percent`), with every part
/// that matched in the evidence. Without any list: abstains.
pub(crate) fn of_filing(context: &FilingContext) -> Vec<Opinion> {
    let filing = &context.filing;
    let Some(client) = filing.claim.client() else { return Vec::new() };
    let role = match filing.claim.kind() {
        FilingKind::Export => PartyRole::EndUser,
        FilingKind::Dispatch => PartyRole::Client,
        _ => PartyRole::ThirdParty,
    };
    let outcome = judge(&context.law, context.day(), &[(role, NamedParty::from(client))]);
    vec![Opinion::new(Subject::Filing(filing.id), Some(filing.organisation), outcome)]
}

/// Flags an application that names a party on a list on the day it is judged.
pub(crate) fn of_application(context: &ApplicationContext) -> Vec<Opinion> {
    let parties: Vec<_> =
        context.parties.iter().map(|named| (named.role, named.party.clone())).collect();
    let outcome = judge(&context.law, context.judged_on, &parties);
    vec![Opinion::new(Subject::Application(context.case), Some(context.organisation), outcome)]
}

fn judge(
    law: &Law,
    day: Date,
    parties: &[(PartyRole, NamedParty)],
) -> Outcome<(Severity, Evidence)> {
    if law.listed.is_empty() {
        return Outcome::Abstained(Abstention::NoListKnown);
    }
    let gravest = parties
        .iter()
        .flat_map(|(role, party)| matches(law, day, *role, party))
        .max_by_key(ListedPartyMatch::severity);
    gravest.map_or(Outcome::Clean, |found| {
        Outcome::Found((found.severity(), Evidence::ListedParty(found)))
    })
}

/// Whether a party stands on any list on a day, or is named like somebody who does.
pub fn is_listed(law: &Law, day: Date, party: &NamedParty) -> bool {
    !matches(law, day, PartyRole::ThirdParty, party).is_empty()
}

fn matches(law: &Law, day: Date, role: PartyRole, party: &NamedParty) -> Vec<ListedPartyMatch> {
    let name = party.normalised();
    let alike = law.named.alike(
        &party.name,
        least_percent(law, PartyList::Control).min(least_percent(law, PartyList::Watch)),
    );
    law.listed
        .iter()
        .filter(|listed| listed.holds_on(day))
        .filter_map(|listed| {
            let similar = alike.iter().find(|alike| {
                alike.listed_name == listed.name
                    && least_percent(law, listed.list) <= f64::from(alike.score_percent)
            });
            let exact = matched_by(listed, party, &name);
            let matched = exact.or(similar.map(|_| MatchedBy::SimilarName))?;
            let country = party.country.map(|country| country.to_string());
            let other_country = country.is_some_and(|country| {
                listed.country.as_ref().is_some_and(|listed| *listed != country)
            });
            let similar = similar.filter(|_| matched == MatchedBy::SimilarName);
            Some(ListedPartyMatch {
                role,
                name: party.name.clone(),
                list: listed.list,
                listed_name: listed.name.clone(),
                matched,
                score_percent: similar.map(|alike| alike.score_percent),
                parts: similar.map(|alike| law.named.parts(&party.name, alike)).unwrap_or_default(),
                other_country,
                source: listed.source.clone(),
                verification: listed.verification,
            })
        })
        .collect()
}

/// From how much of two names on a party may be who stands on a list.
fn least_percent(law: &Law, list: PartyList) -> f64 {
    law.parameters.real(match list {
        PartyList::Control => ParameterName::ControlListScore,
        PartyList::Watch => ParameterName::WatchListScore,
    })
}

fn matched_by(listed: &Listed, party: &NamedParty, name: &str) -> Option<MatchedBy> {
    let trimmed = |identifier: &Option<String>| {
        identifier.as_ref().map(|text| text.trim().to_uppercase()).filter(|text| !text.is_empty())
    };
    let same = trimmed(&listed.identifier).zip(trimmed(&party.identifier));
    if same.is_some_and(|(one, other)| one == other) {
        return Some(MatchedBy::Identifier);
    }
    (!name.is_empty() && listed.normalised == name).then_some(MatchedBy::Name)
}

/// Words at the end of a name that say only what kind of company it is.
const LEGAL_FORMS: &[&str] = &[
    "ag",
    "bv",
    "co",
    "company",
    "corp",
    "corporation",
    "gmbh",
    "inc",
    "incorporated",
    "kk",
    "limited",
    "llc",
    "llp",
    "ltd",
    "nv",
    "plc",
    "pte",
    "pty",
    "sa",
    "sarl",
    "spa",
    "srl",
];
const LEGAL_FORMS_ZH: &[&str] = &["股份有限公司", "有限责任公司", "有限公司", "公司"];

/// A name as names are compared: full-width letters made narrow, case and punctuation dropped,
/// legal forms at the end left away. Scripts are not bridged: that is matching, not equality.
pub fn normalised_name(name: &str) -> String {
    let narrow = name.chars().map(|letter| match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        letter => letter,
    });
    let lower: String = narrow.flat_map(char::to_lowercase).collect();
    let undotted = lower.replace(['.', '\'', '’'], "");
    let mut words: Vec<&str> = undotted
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .collect();
    while words.len() > 1 && words.last().is_some_and(|word| LEGAL_FORMS.contains(word)) {
        words.pop();
    }
    let joined = words.join(" ");
    let bare = LEGAL_FORMS_ZH.iter().find_map(|form| joined.strip_suffix(form));
    bare.map(str::trim).filter(|bare| !bare.is_empty()).unwrap_or(&joined).to_owned()
}

impl ListedPartyMatch {
    const fn severity(&self) -> Severity {
        match (self.list, self.matched, self.other_country) {
            (_, MatchedBy::Name | MatchedBy::SimilarName, true)
            | (PartyList::Watch, MatchedBy::SimilarName, _) => Severity::Notice,
            (PartyList::Control, MatchedBy::SimilarName, _) | (PartyList::Watch, ..) => {
                Severity::Warning
            }
            (PartyList::Control, ..) => Severity::Alert,
        }
    }

    pub(crate) fn sentence(&self) -> Sentence {
        let Self { name, listed_name, source, .. } = self;
        let (list_zh, list_en) = match self.list {
            PartyList::Control => ("管控名单", "control list"),
            PartyList::Watch => ("关注名单", "watch list"),
        };
        let (role_zh, role_en) = match self.role {
            PartyRole::Client => ("客户", "The client"),
            PartyRole::EndUser => ("最终用户", "The end user"),
            PartyRole::Consignee => ("收货人", "The consignee"),
            PartyRole::ThirdParty => ("交易方", "The party"),
        };
        let (but_zh, but_en) = if self.other_country {
            ("，但国家不同", ", though in another country")
        } else {
            ("", "")
        };
        if let Some(score) = self.score_percent {
            let (parts_zh, parts_en) = self.parts_said();
            return Sentence::new(
                format!(
                    "{role_zh}{name}与{list_zh}中的{listed_name}（{source}）名称相似，相似度{score}%{but_zh}：{parts_zh}。"
                ),
                format!(
                    "{role_en} {name} may be {listed_name} on the {list_en} ({source}){but_en}: {score} % of both names is the same ({parts_en})."
                ),
            );
        }
        Sentence::new(
            format!("{role_zh}{name}与{list_zh}中的{listed_name}（{source}）一致{but_zh}。"),
            format!("{role_en} {name} is {listed_name} on the {list_en} ({source}){but_en}."),
        )
    }

    /// Part by part, how the names match, in both languages.
    fn parts_said(&self) -> (String, String) {
        let said = self.parts.iter().map(|part| {
            let (how_zh, how_en) = match part.how {
                Some("same") => ("相同", "the same"),
                Some("reading") => ("读音或词义相同", "the same reading or word"),
                Some("homophone") => ("同音字", "characters that sound the same"),
                Some("sound") => ("读音相近", "sounds alike"),
                Some("typo") => ("疑似笔误", "a slip of the pen"),
                Some("initial") => ("首字母", "an initial"),
                Some("joined") => ("分写或连写", "written apart or together"),
                Some(_) => ("缩写", "shortened"),
                None => ("仅一方有", "only one has it"),
            };
            let both = match (&part.party, &part.listed) {
                (Some(party), Some(listed)) => format!("{party} = {listed}"),
                (Some(one), None) | (None, Some(one)) => one.clone(),
                (None, None) => String::new(),
            };
            (format!("{both}（{how_zh}）"), format!("{both}: {how_en}"))
        });
        let (zh, en): (Vec<String>, Vec<String>) = said.unzip();
        (zh.join("，"), en.join("; "))
    }
}
