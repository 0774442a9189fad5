//! Does an application say enough, and nothing that the regime rules out?

use super::{
    Application, ApplicationLine, Document, Draft, DraftLine, EarlierLicence, NamedParty, Purpose,
    papers,
};
use crate::{
    determination::EndUse,
    identifiers::CountryCode,
    licence::Validity,
    mass::Kilograms,
    regime::{
        DocumentDuty, HowMany, ItemCategory, LicenceKind, LicenceRule, PartyList, Regime, Standing,
    },
    violation::Violation,
};
use jiff::civil::Date;
use std::collections::BTreeSet;

const LOTS_AT_MOST: usize = 50;
const LINES_AT_MOST: usize = 100;
const PARTIES_AT_MOST: usize = 50;
const NAME_CHARACTERS_AT_MOST: usize = 300;
const TEXT_CHARACTERS_AT_MOST: usize = 2_000;

/// What has come with an application besides what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandedIn {
    /// The kinds of papers that were uploaded.
    pub papers: BTreeSet<String>,
    /// Whether the end user has answered through the sealed channel.
    pub sealed: bool,
    /// The licence that the application refers to, if it is the applicant's.
    pub earlier: Option<EarlierLicence>,
}

/// Collects faults while a value is taken out.
struct Check<'a> {
    regime: &'a Regime,
    today: Date,
    faults: Vec<Violation>,
}

/// Turns a draft into an application, or names everything that stands in the way.
pub fn complete(
    draft: &Draft,
    handed_in: &HandedIn,
    regime: &Regime,
    today: Date,
) -> Result<Application, Vec<Violation>> {
    let mut check = Check { regime, today, faults: Vec::new() };
    let kind = check.needed(draft.kind, "/kind", "what kind of licence");
    let rule = kind.and_then(|kind| regime.licence_rule(kind, today)).map(|row| &row.value);
    let destination = check.destination(draft.destination);
    check.parties(&draft.consignees, "/consignees");
    check.parties(&draft.end_users, "/end_users");
    check.count(&draft.third_parties, "/third_parties");
    check.names(&draft.third_parties, "/third_parties");
    if let Some(rule) = rule {
        check.number_of_end_users(rule, draft);
        check.documents(draft, handed_in);
    }
    if let Some(kind) = kind {
        check.exclusions(kind, draft);
    }
    check.purpose(draft, handed_in);
    check.voucher_case(draft);
    let end_use = check.end_use(draft);
    let validity = check.validity(rule, draft);
    let lines = check.lines(draft);
    match (kind, destination, end_use, validity) {
        (Some(kind), Some(destination), Some(end_use), Some(validity))
            if check.faults.is_empty() =>
        {
            Ok(Application {
                kind,
                purpose: draft.purpose,
                destination,
                consignees: draft.consignees.clone(),
                end_users: draft.end_users.clone(),
                end_use,
                validity,
                lines,
            })
        }
        _ => Err(check.faults),
    }
}

impl Check<'_> {
    fn fault(&mut self, fault: Violation) {
        self.faults.push(fault);
    }

    fn needed<T>(&mut self, value: Option<T>, pointer: &str, what: &str) -> Option<T> {
        if value.is_none() {
            let fault =
                Violation::new(pointer, "missing_field", "this is needed before submission");
            self.fault(fault.expecting(what));
        }
        value
    }

    fn text(&mut self, text: Option<&String>, pointer: &str, what: &str) -> Option<String> {
        let text = self.needed(text, pointer, what)?;
        if text.trim().is_empty() {
            self.fault(Violation::new(pointer, "empty", "this cannot be empty").expecting(what));
            return None;
        }
        if TEXT_CHARACTERS_AT_MOST < text.chars().count() {
            let expected = format!("at most {TEXT_CHARACTERS_AT_MOST} characters");
            self.fault(Violation::new(pointer, "too_long", "this is too long").expecting(expected));
            return None;
        }
        Some(text.clone())
    }

    fn destination(&mut self, destination: Option<CountryCode>) -> Option<CountryCode> {
        let destination = self.needed(destination, "/destination", "a country such as \"DE\"")?;
        if destination == CountryCode::CHINA {
            let detail = "goods that stay in the country are not exported";
            self.fault(Violation::new("/destination", "not_an_export", detail));
            return None;
        }
        Some(destination)
    }

    fn parties(&mut self, parties: &[NamedParty], pointer: &str) {
        if parties.is_empty() {
            let fault = Violation::new(pointer, "missing_field", "at least one is needed");
            self.fault(fault.expecting("a party with name and country"));
        }
        self.count(parties, pointer);
        self.names(parties, pointer);
        for (index, party) in parties.iter().enumerate() {
            if party.country.is_none() {
                let pointer = format!("{pointer}/{index}/country");
                let fault =
                    Violation::new(pointer, "missing_field", "the party's country is needed");
                self.fault(fault.expecting("a country such as \"DE\""));
            }
        }
    }

    fn count(&mut self, parties: &[NamedParty], pointer: &str) {
        if PARTIES_AT_MOST < parties.len() {
            let expected = format!("at most {PARTIES_AT_MOST}");
            self.fault(Violation::new(pointer, "too_many", "too many parties").expecting(expected));
        }
    }

    fn names(&mut self, parties: &[NamedParty], pointer: &str) {
        for (index, party) in parties.iter().enumerate() {
            let length = party.name.trim().chars().count();
            if length == 0 || NAME_CHARACTERS_AT_MOST < length {
                let fault = Violation::new(
                    format!("{pointer}/{index}/name"),
                    "invalid_name",
                    "a party has a name of reasonable length",
                );
                self.fault(fault.expecting(format!("1 to {NAME_CHARACTERS_AT_MOST} characters")));
            }
        }
    }

    fn number_of_end_users(&mut self, rule: &LicenceRule, draft: &Draft) {
        if rule.end_users == HowMany::One && 1 < draft.end_users.len() {
            let detail = "this kind of licence is for one end user";
            let fault = Violation::new("/end_users", "too_many_end_users", detail);
            self.fault(fault.expecting("one end user, or an application for a general licence"));
        }
    }

    /// Every paper that must come: named by its fingerprint, uploaded, or from the end user.
    fn documents(&mut self, draft: &Draft, handed_in: &HandedIn) {
        let documents: &[Document] = &draft.documents;
        for paper in papers(draft, self.regime, self.today) {
            let there = documents.iter().any(|document| document.kind == paper.document)
                || handed_in.papers.contains(&paper.document)
                || (paper.sealed && handed_in.sealed);
            if paper.duty == DocumentDuty::Required && !there {
                let kind = &paper.document;
                let detail = format!("the document {kind:?} is missing: {}", paper.text.en);
                let fault = Violation::new("/documents", "missing_document", detail);
                self.fault(fault.expecting(format!("a document of kind {kind:?}")));
            }
        }
        for (index, document) in documents.iter().enumerate() {
            let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            if document.sha256.len() != 64 || !document.sha256.bytes().all(hexadecimal) {
                let pointer = format!("/documents/{index}/sha256");
                let fault = Violation::new(pointer, "invalid_hash", "this is no SHA-256");
                self.fault(fault.expecting("64 lower-case hexadecimal digits"));
            }
        }
    }

    /// Watch-listed parties: single licences only.
    fn exclusions(&mut self, kind: LicenceKind, draft: &Draft) {
        let barred = self.regime.licence_exclusions().iter().find(|row| {
            row.key == "watch_listed_party"
                && row.holds_on(self.today)
                && row.value.kinds.contains(&kind)
        });
        let Some(exclusion) = barred else { return };
        let listed: Vec<String> = self
            .regime
            .listed_parties(self.today)
            .filter(|row| row.value.list == PartyList::Watch)
            .map(|row| row.value.name.to_lowercase())
            .collect();
        let named = |party: &NamedParty| listed.contains(&party.name.trim().to_lowercase());
        if draft.parties().any(|(_, party)| named(party)) {
            let detail = exclusion.value.text.en.clone();
            let fault = Violation::new("/kind", "kind_excluded", detail);
            self.fault(fault.expecting("single"));
        }
    }

    /// What a change or a renewal refers to, and whether it is one.
    fn purpose(&mut self, draft: &Draft, handed_in: &HandedIn) {
        if draft.purpose == Purpose::NewLicence {
            if draft.earlier_licence.is_some() {
                let detail = "a new licence refers to no earlier one";
                let fault = Violation::new("/earlier_licence", "not_wanted", detail);
                self.fault(fault.expecting("a purpose of non_key_change, key_change or renewal"));
            }
            return;
        }
        if draft.purpose != Purpose::Renewal {
            let reason = draft.change_reason.as_ref();
            self.text(reason, "/change_reason", "why the licence is to be changed");
        }
        let wanted = "the number of the licence, such as \"LX-2026-000123-K\"";
        if self.needed(draft.earlier_licence, "/earlier_licence", wanted).is_none() {
            return;
        }
        let Some(earlier) = &handed_in.earlier else {
            let detail = "you hold no licence of this number";
            let fault = Violation::new("/earlier_licence", "unknown_licence", detail);
            return self.fault(fault.expecting("the number of a licence that you hold"));
        };
        self.faults.extend(earlier.faults_of(draft));
    }

    fn voucher_case(&mut self, draft: &Draft) {
        if draft.kind == Some(LicenceKind::RegistrationVoucher) {
            let wanted = "one of the six cases, such as \"outbound_repair_returned\"";
            self.needed(draft.voucher_case, "/voucher_case", wanted);
        } else if draft.voucher_case.is_some() {
            let detail = "only a voucher by registration is for one of these cases";
            let fault = Violation::new("/voucher_case", "not_wanted", detail);
            self.fault(fault.expecting("nothing, or the kind registration_voucher"));
        }
    }

    fn end_use(&mut self, draft: &Draft) -> Option<super::StatedEndUse> {
        let end_use =
            self.needed(draft.end_use.as_ref(), "/end_use", "category and description")?;
        if end_use.category == EndUse::NotStated {
            let fault =
                Violation::new("/end_use/category", "not_stated", "the end use must be stated");
            self.fault(
                fault.expecting("civil, military, weapons_of_mass_destruction or terrorism"),
            );
        }
        let description = Some(&end_use.description);
        self.text(description, "/end_use/description", "what the goods are for, in words")?;
        Some(end_use.clone())
    }

    fn validity(&mut self, rule: Option<&LicenceRule>, draft: &Draft) -> Option<Validity> {
        let from = self.needed(draft.valid_from, "/valid_from", "the first day wanted");
        let until = self.needed(draft.valid_until, "/valid_until", "the last day wanted");
        let (from, until) = (from?, until?);
        if until < self.today {
            let fault = Violation::new("/valid_until", "in_the_past", "the last day is over");
            self.fault(fault.expecting(format!("{} or later", self.today)));
            return None;
        }
        let validity = match rule {
            Some(rule) => Validity::within(rule, from, until),
            None => Validity::new(from, until),
        };
        validity
            .map_err(|error| {
                self.fault(Violation::new("/valid_until", "invalid_validity", error.to_string()));
            })
            .ok()
    }

    fn lines(&mut self, draft: &Draft) -> Vec<ApplicationLine> {
        if draft.lines.is_empty() {
            let fault = Violation::new("/lines", "missing_field", "at least one line is needed");
            self.fault(fault.expecting("goods with quantity and control code"));
        }
        if LINES_AT_MOST < draft.lines.len() {
            let expected = format!("at most {LINES_AT_MOST}");
            self.fault(Violation::new("/lines", "too_many", "too many lines").expecting(expected));
        }
        let lines = draft.lines.iter().take(LINES_AT_MOST).enumerate();
        lines.filter_map(|(index, line)| self.line(index, line)).collect()
    }

    fn line(&mut self, index: usize, line: &DraftLine) -> Option<ApplicationLine> {
        let at = |field: &str| format!("/lines/{index}/{field}");
        let description =
            self.text(line.description.as_ref(), &at("description"), "the goods in words");
        let goods = self.needed(line.goods.clone(), &at("goods"), "category and composition");
        let control_code =
            self.needed(line.control_code.clone(), &at("control_code"), "a code such as 1C905.a.4");
        let hs_code = self.needed(line.hs_code.clone(), &at("hs_code"), "a tariff code");
        let quantity = self.needed(line.quantity_kg, &at("quantity_kg"), "kilograms");
        if quantity == Some(Kilograms::ZERO) {
            let fault = Violation::new(at("quantity_kg"), "nothing", "more than nothing is needed");
            self.fault(fault.expecting("a mass above 0"));
        }
        if let Some(goods) = &goods {
            self.goods(goods, &at("goods"));
        }
        if let Some(code) = &control_code {
            self.control_code(&code.0, &at("control_code"));
        }
        self.lots(line, &at("lots"));
        Some(ApplicationLine {
            description: description?,
            goods: goods?,
            control_code: control_code?,
            hs_code: hs_code?,
            quantity: quantity?,
        })
    }

    /// Cited lots add up to no more than the line.
    fn lots(&mut self, line: &DraftLine, pointer: &str) {
        if LOTS_AT_MOST < line.lots.len() {
            let expected = format!("at most {LOTS_AT_MOST}");
            self.fault(Violation::new(pointer, "too_many", "too many lots").expecting(expected));
        }
        let masses = line.lots.iter().map(|lot| lot.quantity_kg.grams());
        let cited = masses.fold(0_u64, u64::saturating_add);
        let wanted = line.quantity_kg.map(Kilograms::grams);
        if wanted.is_some_and(|wanted| wanted < cited) {
            let detail = "the lots are more than the line";
            let fault = Violation::new(pointer, "more_than_the_line", detail);
            self.fault(fault.expecting("lots of at most the line's quantity"));
        }
        let different: BTreeSet<_> = line.lots.iter().map(|lot| lot.lot).collect();
        if different.len() < line.lots.len() {
            let detail = "a lot is cited twice";
            self.fault(Violation::new(pointer, "cited_twice", detail).expecting("each lot once"));
        }
    }

    fn goods(&mut self, goods: &super::StatedGoods, pointer: &str) {
        let described = matches!(
            goods.category,
            ItemCategory::Equipment
                | ItemCategory::Reagent
                | ItemCategory::Technology
                | ItemCategory::Assembly
        );
        let pointer = format!("{pointer}/composition");
        match &goods.composition {
            None if described => {}
            None => {
                let detail = "form and composition decide whether goods are controlled";
                let fault = Violation::new(pointer, "missing_field", detail);
                self.fault(fault.expecting("percent of each element, from a test report"));
            }
            Some(composition) => {
                if let Err(error) = composition.assay() {
                    let fault = Violation::new(pointer, "invalid_composition", error.to_string());
                    self.fault(fault);
                }
            }
        }
    }

    fn control_code(&mut self, code: &str, pointer: &str) {
        let Some(item) = self.regime.control_item(code) else {
            let fault =
                Violation::new(pointer, "unknown_control_code", format!("{code:?} is on no list"));
            self.fault(fault.expecting("a code of the control lists; see /v1/determinations"));
            return;
        };
        let announcement = &item.value.announcement;
        let standing = self.regime.standing(announcement, self.today);
        if matches!(
            standing,
            Standing::Suspended { .. } | Standing::NotYet { .. } | Standing::Ended
        ) {
            let detail = format!("{code} of announcement {announcement} is not in force");
            let fault = Violation::new(pointer, "control_code_not_in_force", detail);
            self.fault(fault.expecting("a code that is in force; no licence is needed for others"));
        }
    }
}
