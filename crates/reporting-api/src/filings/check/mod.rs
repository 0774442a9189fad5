//! From a form to a filing, or to everything that is wrong with it.
//!
//! Two steps around one fetch: [`needs`] says what must be looked up, [`check`] judges the form
//! against what was found. Both are pure. A well-formed claim is never refused for what it says;
//! only what cannot be read, does not exist or is not the filer's own is.

mod fields;
mod lines;
mod parties;

use super::{form::FilingForm, members};
use database::filing_context::{IncomingMovement, LotClaim, Product, Replaced};
use domain::{
    calendar_month::{Month, beijing_date},
    codes::{Channel, FilingKind},
    filing::{Claim, Correction, Filing},
    ids::{FilingId, LotId, MovementId, OrganisationId, PersonId, SiteId},
    movement::MovementName,
    violation::Violation,
};
use jiff::{Timestamp, ToSpan};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

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
    pub(super) movement: Option<MovementName>,
    /// The client's USCC or LEI, if it may be a filer.
    pub(super) client: Option<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) site: Option<SiteId>,
    pub(super) products: HashMap<String, Product>,
    pub(super) lots: HashMap<LotId, LotClaim>,
    pub(super) movement: Option<IncomingMovement>,
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
        movement: form.movement.as_deref().and_then(|name| name.parse().ok()),
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
        let expected = "the reference or the id of a movement to you";
        let name: MovementName = self.parse("/movement", "invalid_movement", movement, expected)?;
        let Some(movement) = &self.found.movement else {
            let detail = "no such movement is under way to you";
            self.fault("/movement", "unknown_movement", detail, Some(expected));
            return None;
        };
        self.used_once(name, movement);
        Some(Claim::Receipt { movement: movement.id, outcome: form.outcome? })
    }

    /// A reference is good for one receipt and its corrections; by its id a movement may be
    /// received again, such as by a second lorry.
    fn used_once(&mut self, name: MovementName, movement: &IncomingMovement) {
        let MovementName::Reference(_) = name else { return };
        let Some(used_by) = movement.used_by.as_ref().filter(|by| **by != self.form.reference)
        else {
            return;
        };
        self.violations.push(reference_used(used_by));
    }
}

/// A reference that an earlier receipt has used up.
pub(super) fn reference_used(by: &str) -> Violation {
    let detail = format!("this reference is already used by your receipt {by:?}");
    Violation::new("/movement", "reference_used", detail)
        .expecting("a correction of that receipt, or the movement's id if more of it arrived")
}

/// A lot by its id, or by the filer's own number for it.
pub(super) fn lot_id(organisation: OrganisationId, text: &str) -> LotId {
    Uuid::try_parse(text).map_or_else(|_| LotId::of(organisation, text), LotId::from_uuid)
}
