//! From a form to a filing, or to everything that is wrong with it.
//!
//! Two steps around one fetch: [`needs`] says what must be looked up, [`check`] judges the form
//! against what was found. Both are pure. A well-formed claim is never refused for what it says;
//! only what cannot be read, does not exist or is not the filer's own is.

use super::{
    form::{FilingForm, LineForm, MoneyForm, PartyForm},
    members,
};
use database::filing_context::{LotClaim, Product, Replaced};
use domain::{
    calendar_month::{Month, beijing_date},
    codes::{Channel, FilingKind, LineRole, Outcome},
    composition::Composition,
    element::Element,
    filing::{Claim, Client, Correction, Filing, Line},
    identifiers::{CountryCode, CurrencyCode, Lei, Uscc},
    ids::{FilingId, LotId, MovementId, OrganisationId, PartyId, PersonId, SiteId},
    mass::{ElementMasses, Kilograms},
    money::Money,
    violation::Violation,
};
use jiff::{Timestamp, ToSpan};
use rust_decimal::{Decimal, RoundingStrategy, dec, prelude::ToPrimitive};
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

const LINES_LIMIT: usize = 1_000;
const EDGES_LIMIT: usize = 10_000;
const CODE_LENGTH_LIMIT: usize = 64;
const TEXT_LENGTH_LIMIT: usize = 200;
const REASON_LENGTH_LIMIT: usize = 1_000;
/// Clocks differ; more than this ahead is a mistake.
const CLOCK_TOLERANCE_MINUTES: i64 = 10;
/// Nothing older is filed: the first of the laws that ask for filings is from 2024.
const EARLIEST: &str = "2000-01-01T00:00:00+08:00";

/// What must be looked up before a form can be judged.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) products: BTreeSet<String>,
    pub(super) lots: BTreeSet<LotId>,
    pub(super) movement: Option<MovementId>,
    /// The client's USCC or LEI, if it may be a filer.
    pub(super) client: Option<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) site: Option<SiteId>,
    pub(super) products: HashMap<String, Product>,
    pub(super) lots: HashMap<LotId, LotClaim>,
    pub(super) movement: Vec<LotClaim>,
    pub(super) client: Option<OrganisationId>,
    pub(super) replaced: Option<Replaced>,
}

/// Who files, when, how; and the new filing's id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filer {
    pub(super) id: FilingId,
    pub(super) organisation: OrganisationId,
    pub(super) person: PersonId,
    pub(super) channel: Channel,
    pub(super) recorded_at: Timestamp,
}

/// What to look up for this form.
pub(super) fn needs(form: &FilingForm, organisation: OrganisationId) -> Needs {
    let lines = || form.inputs.iter().chain(&form.outputs).chain(&form.losses).chain(&form.lines);
    let lots = lines().filter_map(|line| line.lot.as_deref());
    Needs {
        products: lines().filter_map(|line| line.product.clone()).collect(),
        lots: lots.map(|lot| lot_id(organisation, lot)).collect(),
        movement: form.movement.as_deref().and_then(|id| id.parse().ok()),
        client: form.client.as_ref().and_then(|client| client.identifier.clone()),
    }
}

/// Judges the form: the filing it stands for, or everything that is wrong with it.
pub(super) fn check(
    form: &FilingForm,
    found: &Found,
    filer: Filer,
) -> Result<Filing, Vec<Violation>> {
    let mut check = Check { form, found, filer, violations: Vec::new() };
    let filing = check.filing();
    match filing {
        Some(filing) if check.violations.is_empty() => Ok(filing),
        _ => Err(check.violations),
    }
}

struct Check<'a> {
    form: &'a FilingForm,
    found: &'a Found,
    filer: Filer,
    violations: Vec<Violation>,
}

impl Check<'_> {
    fn filing(&mut self) -> Option<Filing> {
        members::check(self.form, &mut self.violations);
        let reference = self.text("/reference", &self.form.reference, CODE_LENGTH_LIMIT);
        let site = self.site();
        let happened_at = self.happened_at();
        let month = self.month(happened_at);
        let correction = self.correction();
        let claim = self.claim();
        let lines = self.lines();
        let (version, correction) = correction?;
        Some(Filing {
            id: self.filer.id,
            organisation: self.filer.organisation,
            site: site?,
            reference: reference?,
            version,
            correction,
            happened_at: happened_at?,
            recorded_at: self.filer.recorded_at,
            month: month?,
            channel: self.filer.channel,
            filed_by: self.filer.person,
            claim: claim?,
            lines,
        })
    }

    fn site(&mut self) -> Option<SiteId> {
        if self.found.site.is_none() {
            let detail = format!("you have no site with the code {:?}", self.form.site);
            self.fault("/site", "unknown_site", detail, Some("the code of one of your sites"));
        }
        self.found.site
    }

    fn happened_at(&mut self) -> Option<Timestamp> {
        let recorded_at = self.filer.recorded_at;
        let happened_at = match (self.form.happened_at, self.form.kind) {
            (None, FilingKind::MonthlyReturn) => recorded_at,
            (happened_at, _) => happened_at?,
        };
        let latest = recorded_at.saturating_add(CLOCK_TOLERANCE_MINUTES.minutes());
        let earliest: Timestamp = EARLIEST.parse().expect("a constant in RFC 3339");
        if latest.is_ok_and(|latest| latest < happened_at) {
            let expected = format!("not after {recorded_at}");
            self.fault("/happened_at", "in_the_future", "it has not happened yet", Some(&expected));
        } else if happened_at < earliest {
            let expected = format!("not before {EARLIEST}");
            self.fault(
                "/happened_at",
                "too_long_ago",
                "before anything was filed",
                Some(&expected),
            );
        }
        Some(happened_at)
    }

    fn month(&mut self, happened_at: Option<Timestamp>) -> Option<Month> {
        let Some(text) = self.form.month.as_deref() else {
            return happened_at.map(|at| Month::of(beijing_date(at)));
        };
        let month: Month =
            self.parse("/month", "invalid_month", text, "a month such as 2026-10")?;
        if Month::of(beijing_date(self.filer.recorded_at)) < month {
            self.fault("/month", "in_the_future", "this month has not begun", None);
        }
        Some(month)
    }

    /// The version this will be, and what it corrects.
    fn correction(&mut self) -> Option<(u16, Option<Correction>)> {
        let Some(correction) = &self.form.correction else { return Some((1, None)) };
        let reason = self.text("/correction/reason", &correction.reason, REASON_LENGTH_LIMIT);
        let Some(replaced) = &self.found.replaced else {
            let detail = match correction.version {
                0 | 1 => "a correction is at least version 2".to_owned(),
                version => format!(
                    "you have no version {} of {:?} that could be corrected",
                    version - 1,
                    self.form.reference
                ),
            };
            let expected = Some("one more than the latest version");
            self.fault("/correction/version", "nothing_to_correct", detail, expected);
            return None;
        };
        if replaced.kind != self.form.kind {
            let detail = format!("the version before was filed as {}", replaced.kind);
            let expected = format!("{}, or a filing with a reference of its own", replaced.kind);
            self.fault("/kind", "other_kind", detail, Some(&expected));
        }
        let replaces = replaced.filing;
        Some((correction.version, Some(Correction { replaces, reason: reason? })))
    }

    fn claim(&mut self) -> Option<Claim> {
        let form = self.form;
        Some(match form.kind {
            FilingKind::Extraction => Claim::Extraction,
            FilingKind::Transformation => Claim::Transformation { process: form.process? },
            FilingKind::Dispatch => {
                let contract = self.optional_text("/contract", form.contract.as_deref());
                let invoice = self.optional_text("/invoice", form.invoice.as_deref());
                let mut client = self.party("/client", form.client.as_ref()?)?;
                client.organisation = self.found.client.filter(|id| *id != self.filer.organisation);
                let movement = client
                    .organisation
                    .map(|_| MovementId::of(self.filer.organisation, &form.reference));
                Claim::Dispatch { client, movement, contract, invoice }
            }
            FilingKind::Receipt => self.receipt()?,
            FilingKind::Import => {
                let supplier = self.party("/supplier", form.supplier.as_ref()?);
                let declaration =
                    self.text("/declaration", form.declaration.as_deref()?, CODE_LENGTH_LIMIT);
                let origin = self.country("/origin", form.origin.as_deref()?);
                Claim::Import { supplier: supplier?, declaration: declaration?, origin: origin? }
            }
            FilingKind::Export => {
                let end_user = self.party("/end_user", form.end_user.as_ref()?);
                let declaration =
                    self.text("/declaration", form.declaration.as_deref()?, CODE_LENGTH_LIMIT);
                let destination = self.country("/destination", form.destination.as_deref()?);
                let licence = self.optional_text("/licence", form.licence.as_deref());
                let invoice = self.optional_text("/invoice", form.invoice.as_deref());
                Claim::Export {
                    end_user: end_user?,
                    licence,
                    declaration: declaration?,
                    destination: destination?,
                    invoice,
                }
            }
            FilingKind::Stocktake => Claim::Stocktake,
            FilingKind::Disposal => Claim::Disposal { to: form.to? },
            FilingKind::MonthlyReturn => Claim::MonthlyReturn { nil: form.nil? },
        })
    }

    fn receipt(&mut self) -> Option<Claim> {
        let form = self.form;
        let Some(movement) = form.movement.as_deref() else {
            let supplier = self.party("/supplier", form.supplier.as_ref()?);
            return Some(Claim::Collection { supplier: supplier?, from: form.from? });
        };
        let movement: MovementId =
            self.parse("/movement", "invalid_movement", movement, "the id of a movement to you")?;
        if self.found.movement.is_empty() {
            let detail = "no such movement is under way to you";
            self.fault(
                "/movement",
                "unknown_movement",
                detail,
                Some("the id of a movement to you"),
            );
        }
        Some(Claim::Receipt { movement, outcome: form.outcome? })
    }

    fn lines(&mut self) -> Vec<Line> {
        let form = self.form;
        let count = form.inputs.len() + form.outputs.len() + form.losses.len() + form.lines.len();
        if LINES_LIMIT < count {
            let expected = format!("at most {LINES_LIMIT} lines in one filing");
            self.fault("", "too_many_lines", format!("{count} lines"), Some(&expected));
            return Vec::new();
        }
        if EDGES_LIMIT < form.inputs.len() * form.outputs.len() {
            let expected = format!("at most {EDGES_LIMIT} pairs of an input and an output");
            self.fault(
                "/inputs",
                "too_many_pairs",
                "too many lots for one process",
                Some(&expected),
            );
        }
        let role = match form.kind {
            FilingKind::Extraction | FilingKind::Import => LineRole::Output,
            FilingKind::Receipt if form.movement.is_none() => LineRole::Output,
            FilingKind::Stocktake => LineRole::Measured,
            _ => LineRole::Item,
        };
        let parts = [
            ("inputs", LineRole::Input, &form.inputs),
            ("outputs", LineRole::Output, &form.outputs),
            ("losses", LineRole::Loss, &form.losses),
            ("lines", role, &form.lines),
        ];
        let mut lines = Vec::with_capacity(count);
        let mut seen = HashSet::new();
        for (member, role, forms) in parts {
            for (index, line) in forms.iter().enumerate() {
                let pointer = format!("/{member}/{index}");
                let number = u16::try_from(lines.len() + 1).unwrap_or(u16::MAX);
                let line = self.line(&pointer, role, number, line);
                let once = matches!(role, LineRole::Input | LineRole::Output | LineRole::Measured);
                if once && line.lot.is_some_and(|lot| !seen.insert(lot)) {
                    let detail = "this lot stands in another line already";
                    self.fault(
                        &format!("{pointer}/lot"),
                        "lot_twice",
                        detail,
                        Some("one line per lot"),
                    );
                }
                lines.push(line);
            }
        }
        lines
    }

    fn line(&mut self, pointer: &str, role: LineRole, number: u16, form: &LineForm) -> Line {
        let quantity = self.mass(&format!("{pointer}/quantity_kg"), &form.quantity_kg);
        let mut line = Line {
            number,
            role,
            lot: None,
            lot_number: None,
            product: None,
            category: None,
            hs_code: None,
            grade: None,
            quantity: quantity.unwrap_or_default(),
            refused: Kilograms::ZERO,
            elements: ElementMasses::ZERO,
            elements_sigma_mg: Default::default(),
            unit_price: self.money(&format!("{pointer}/unit_price"), form.unit_price.as_ref()),
        };
        let stated = form.composition.as_ref().and_then(|stated| {
            let composition = Composition::try_from(stated);
            composition
                .map_err(|error| {
                    let pointer = format!("{pointer}/composition");
                    self.fault(&pointer, "invalid_composition", error.to_string(), None);
                })
                .ok()
        });
        match role {
            LineRole::Output => self.new_lot(pointer, form, &mut line, stated.as_ref()),
            LineRole::Loss => self.not_here(
                pointer,
                &[("lot", form.lot.is_some()), ("product", form.product.is_some())],
            ),
            LineRole::Input | LineRole::Item | LineRole::Measured => {
                self.known_lot(pointer, form, &mut line);
            }
        }
        if let Some(composition) = &stated {
            line.elements = ElementMasses::in_mass(line.quantity, composition);
            line.elements_sigma_mg = sigma_mg(line.quantity, composition);
        }
        self.refused(pointer, form, &mut line);
        let may_be_nothing = role == LineRole::Measured || self.form.kind == FilingKind::Receipt;
        if quantity == Some(Kilograms::ZERO) && !may_be_nothing {
            let detail = "nothing was moved";
            self.fault(&format!("{pointer}/quantity_kg"), "nothing", detail, Some("more than 0"));
        }
        line
    }

    fn new_lot(
        &mut self,
        pointer: &str,
        form: &LineForm,
        line: &mut Line,
        stated: Option<&Composition>,
    ) {
        let lot_pointer = format!("{pointer}/lot");
        match form.lot.as_deref() {
            None => self.fault(&lot_pointer, "missing", "a new lot needs a number of yours", None),
            Some(number) if Uuid::try_parse(number).is_ok() => {
                let detail = "a new lot has a number of yours, not an id";
                self.fault(&lot_pointer, "not_a_number", detail, None);
            }
            Some(number) => {
                line.lot_number = self.text(&lot_pointer, number, CODE_LENGTH_LIMIT);
                let lot = LotId::of(self.filer.organisation, number);
                line.lot = Some(lot);
                let corrected = self.found.replaced.as_ref();
                let made_before = corrected
                    .is_some_and(|replaced| replaced.lots.iter().any(|(id, ..)| *id == lot));
                if self.found.lots.contains_key(&lot) && !made_before {
                    let detail = format!("you have filed a lot {number:?} before");
                    self.fault(&lot_pointer, "lot_number_taken", detail, Some("a new number"));
                }
            }
        }
        let product = form.product.as_ref().and_then(|code| self.found.products.get(code));
        let Some(product) = product else {
            let detail = match &form.product {
                Some(code) => format!("you have no product with the code {code:?}"),
                None => "a new lot needs a product".to_owned(),
            };
            let expected = Some("the code of a product in your catalogue");
            return self.fault(&format!("{pointer}/product"), "unknown_product", detail, expected);
        };
        line.product = Some(product.id);
        line.category = Some(product.category);
        line.hs_code = Some(product.hs_code.clone());
        line.grade.clone_from(&product.grade);
        if stated.is_none() {
            line.elements = ElementMasses::in_mass(line.quantity, &product.composition);
            line.elements_sigma_mg = sigma_mg(line.quantity, &product.composition);
        }
    }

    fn known_lot(&mut self, pointer: &str, form: &LineForm, line: &mut Line) {
        self.not_here(pointer, &[("product", form.product.is_some())]);
        let lot_pointer = format!("{pointer}/lot");
        let Some(text) = form.lot.as_deref() else {
            return self.fault(&lot_pointer, "missing", "say which lot", None);
        };
        let lot = lot_id(self.filer.organisation, text);
        let of_movement = self.form.kind == FilingKind::Receipt;
        let claim = if of_movement {
            self.found.movement.iter().find(|claim| claim.id == lot)
        } else {
            self.found.lots.get(&lot)
        };
        let Some(claim) = claim else {
            let detail = if of_movement {
                format!("no lot {text:?} is in this movement")
            } else {
                format!("there is no lot {text:?} that you made or were sent")
            };
            let expected = Some("a lot number of yours, or the id of a lot sent to you");
            return self.fault(&lot_pointer, "unknown_lot", detail, expected);
        };
        line.lot = Some(lot);
        line.category = Some(claim.category);
        line.hs_code.clone_from(&claim.hs_code);
        line.grade.clone_from(&claim.grade);
        line.elements = claim.elements.share(line.quantity, claim.quantity);
    }

    fn refused(&mut self, pointer: &str, form: &LineForm, line: &mut Line) {
        let refused_pointer = format!("{pointer}/refused_kg");
        let is_receipt = self.form.kind == FilingKind::Receipt && self.form.movement.is_some();
        if !is_receipt {
            return self.not_here(pointer, &[("refused_kg", form.refused_kg.is_some())]);
        }
        if let Some(text) = &form.refused_kg {
            line.refused = self.mass(&refused_pointer, text).unwrap_or_default();
        }
        let (accepted, refused) = (line.quantity.grams(), line.refused.grams());
        match self.form.outcome {
            Some(Outcome::Satisfactory) if 0 < refused => {
                let detail = "goods that were refused were not satisfactory";
                self.fault(
                    &refused_pointer,
                    "outcome_differs",
                    detail,
                    Some("0, or another outcome"),
                );
            }
            Some(Outcome::Refused) if 0 < accepted => {
                let detail = "refused goods do not come into stock";
                let pointer = format!("{pointer}/quantity_kg");
                self.fault(&pointer, "outcome_differs", detail, Some("0, or partially_refused"));
            }
            _ => {}
        }
    }

    fn party(&mut self, pointer: &str, form: &PartyForm) -> Option<Client> {
        let name = self.text(&format!("{pointer}/name"), &form.name, TEXT_LENGTH_LIMIT);
        let country = self.country(&format!("{pointer}/country"), &form.country);
        let identifier_pointer = format!("{pointer}/identifier");
        let identifier = form.identifier.as_deref();
        let identifier = identifier.map(|text| self.identifier(&identifier_pointer, text, country));
        if identifier.is_none()
            && country == Some(CountryCode::CHINA)
            && self.form.kind == FilingKind::Dispatch
        {
            let detail = "a client in China is named by its unified social credit code";
            self.fault(
                &identifier_pointer,
                "missing",
                detail,
                Some("the 18 characters of its code"),
            );
        }
        let (name, country) = (name?, country?);
        let key = identifier.clone().flatten().unwrap_or_else(|| format!("{country}:{name}"));
        Some(Client {
            party: PartyId::of(self.filer.organisation, &key),
            name,
            identifier: identifier.flatten(),
            country,
            organisation: None,
        })
    }

    /// A USCC in China, elsewhere an LEI where it looks like one; check digits are verified.
    fn identifier(
        &mut self,
        pointer: &str,
        text: &str,
        country: Option<CountryCode>,
    ) -> Option<String> {
        if country == Some(CountryCode::CHINA) {
            let uscc: Uscc =
                self.parse(pointer, "invalid_uscc", text, "a unified social credit code")?;
            return Some(uscc.to_string());
        }
        let like_lei = text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if like_lei {
            let lei: Lei = self.parse(pointer, "invalid_lei", text, "a legal entity identifier")?;
            return Some(lei.to_string());
        }
        self.text(pointer, text, CODE_LENGTH_LIMIT)
    }

    fn country(&mut self, pointer: &str, text: &str) -> Option<CountryCode> {
        self.parse(pointer, "invalid_country", text, "an ISO 3166-1 code such as DE")
    }

    fn mass(&mut self, pointer: &str, text: &str) -> Option<Kilograms> {
        self.parse(pointer, "invalid_mass", text, "kilograms such as \"1200.500\"")
    }

    fn money(&mut self, pointer: &str, form: Option<&MoneyForm>) -> Option<Money> {
        let form = form?;
        let currency: Option<CurrencyCode> = self.parse(
            &format!("{pointer}/currency"),
            "invalid_currency",
            &form.currency,
            "an ISO 4217 code such as CNY",
        );
        let amount = Decimal::from_str_exact(&form.amount).ok();
        let within = |amount: &Decimal| {
            (Decimal::ZERO..dec!(10_000_000_000_000_000)).contains(amount)
                && amount.normalize().scale() <= 4
        };
        let Some(amount) = amount.filter(within) else {
            let detail = format!("{:?} is no price", form.amount);
            let expected = Some("a decimal from 0 on with at most four decimals");
            self.fault(&format!("{pointer}/amount"), "invalid_amount", detail, expected);
            return None;
        };
        Some(Money { amount, currency: currency? })
    }

    fn text(&mut self, pointer: &str, text: &str, limit: usize) -> Option<String> {
        let length = text.chars().count();
        let clean = !text.chars().any(char::is_control) && text.trim() == text;
        if clean && (1..=limit).contains(&length) {
            return Some(text.to_owned());
        }
        let expected =
            format!("1 to {limit} characters, without control characters or blanks around");
        self.fault(pointer, "invalid_text", format!("{length} characters"), Some(&expected));
        None
    }

    fn optional_text(&mut self, pointer: &str, text: Option<&str>) -> Option<String> {
        text.and_then(|text| self.text(pointer, text, CODE_LENGTH_LIMIT))
    }

    fn parse<T>(
        &mut self,
        pointer: &str,
        code: &'static str,
        text: &str,
        expected: &str,
    ) -> Option<T>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        text.parse()
            .map_err(|error: T::Err| self.fault(pointer, code, error.to_string(), Some(expected)))
            .ok()
    }

    fn not_here(&mut self, pointer: &str, members: &[(&str, bool)]) {
        for (member, _) in members.iter().filter(|(_, present)| *present) {
            let detail = format!("this line has no `{member}`");
            self.fault(
                &format!("{pointer}/{member}"),
                "out_of_place",
                detail,
                Some("leave it out"),
            );
        }
    }

    fn fault(
        &mut self,
        pointer: &str,
        code: &'static str,
        detail: impl Into<String>,
        expected: Option<&str>,
    ) {
        let violation = Violation::new(pointer, code, detail);
        self.violations.push(match expected {
            Some(expected) => violation.expecting(expected),
            None => violation,
        });
    }
}

/// A lot by its id, or by the filer's own number for it.
fn lot_id(organisation: OrganisationId, text: &str) -> LotId {
    Uuid::try_parse(text).map_or_else(|_| LotId::of(organisation, text), LotId::from_uuid)
}

/// One standard deviation of each element's mass, in milligrams.
fn sigma_mg(quantity: Kilograms, composition: &Composition) -> [i64; 17] {
    Element::ALL.map(|element| {
        let share = composition.uncertainty_percent(element) / dec!(100);
        let sigma = Decimal::from(quantity.grams()) * dec!(1_000) * share;
        sigma.round_dp_with_strategy(0, RoundingStrategy::AwayFromZero).to_i64().unwrap_or(i64::MAX)
    })
}
