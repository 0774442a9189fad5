//! Is a party on a list?

use crate::{
    Abstention, ApplicationContext, Evidence, FilingContext, Law, Listed, NamedParty, Outcome,
    PartyRole, Subject, finding::Opinion,
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
}

/// Flags a filing whose client, supplier or end user stands on a list on that day.
///
/// Typology 14; decree 792, articles 26 to 30. Exact: the same identifier, or the same
/// name after normalisation (see [`normalised_name`]). Without any list: abstains.
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

/// Whether a party stands on any list on a day.
pub fn is_listed(law: &Law, day: Date, party: &NamedParty) -> bool {
    let name = party.normalised();
    let mut listed = law.listed.iter().filter(|listed| listed.holds_on(day));
    listed.any(|listed| matched_by(listed, party, &name).is_some())
}

fn matches(law: &Law, day: Date, role: PartyRole, party: &NamedParty) -> Vec<ListedPartyMatch> {
    let name = party.normalised();
    law.listed
        .iter()
        .filter(|listed| listed.holds_on(day))
        .filter_map(|listed| {
            let matched = matched_by(listed, party, &name)?;
            let country = party.country.map(|country| country.to_string());
            let other_country = country.is_some_and(|country| {
                listed.country.as_ref().is_some_and(|listed| *listed != country)
            });
            Some(ListedPartyMatch {
                role,
                name: party.name.clone(),
                list: listed.list,
                listed_name: listed.name.clone(),
                matched,
                other_country,
                source: listed.source.clone(),
                verification: listed.verification,
            })
        })
        .collect()
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
            (_, MatchedBy::Name, true) => Severity::Notice,
            (PartyList::Control, ..) => Severity::Alert,
            (PartyList::Watch, ..) => Severity::Warning,
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
        Sentence::new(
            format!("{role_zh}{name}与{list_zh}中的{listed_name}（{source}）一致{but_zh}。"),
            format!("{role_en} {name} is {listed_name} on the {list_en} ({source}){but_en}."),
        )
    }
}
