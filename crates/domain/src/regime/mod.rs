//! The law as dated data: what is controlled, which licences exist, who files what by when.
//!
//! A [`Regime`] is one set of rows under one version. Nothing here is specific to one country;
//! [`Regime::default_china_2025`] is the set that ships. What no row says is not known, and the
//! answers say so.

mod announcement;
mod calendar;
mod casework;
mod control_item;
mod row;
mod rules;
mod shipped;
#[cfg(test)]
mod tests;

pub use announcement::{Announcement, AnnouncementKind, LastDay, Limb, Standing, Suspension};
pub use calendar::{Calendar, CalendarYear, Certainty};
pub use casework::{CaseFlag, CountersignRule, FlagEffect, RefusalGround};
pub use control_item::{ControlCode, ControlItem, FunctionalForm, ItemCategory, MagnetFamily};
pub use row::{
    Change, Dated, Provenance, RegimeRow, RegimeVersion, RowKind, UnreadableRow, Verification,
};
pub use rules::{
    ClockExemption, ClockStop, DestinationNotice, DocumentDuty, DocumentRule, DutyKind, FeedBan,
    FilingDuty, GoodsOrigin, HowMany, InvoiceGoods, LicenceExclusion, LicenceKind, LicenceRule,
    ListedParty, Parameter, ParameterName, PartyList, Quota, QuotaScope, Sentence, TariffCondition,
};

use crate::identifiers::{CountryCode, HsCode};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// One version of the law, typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<RegimeRow>", into = "Vec<RegimeRow>")]
pub struct Regime {
    /// Always the version of the rows below: none of them can be changed in place.
    version: RegimeVersion,
    /// SHA-256 of the canonical rows.
    content_hash: String,
    announcements: Vec<Dated<Announcement>>,
    control_items: Vec<Dated<ControlItem>>,
    parameters: Vec<Dated<Parameter>>,
    clock_stops: Vec<Dated<Sentence>>,
    clock_exemptions: Vec<Dated<Sentence>>,
    licence_kinds: Vec<Dated<LicenceRule>>,
    licence_exclusions: Vec<Dated<LicenceExclusion>>,
    filing_duties: Vec<Dated<FilingDuty>>,
    feed_bans: Vec<Dated<FeedBan>>,
    calendar_years: Vec<Dated<CalendarYear>>,
    calendar: Calendar,
    listed_parties: Vec<Dated<ListedParty>>,
    detector_parameters: Vec<Dated<Parameter>>,
    quotas: Vec<Dated<Quota>>,
    refusal_grounds: Vec<Dated<RefusalGround>>,
    case_flags: Vec<Dated<CaseFlag>>,
    countersign_rules: Vec<Dated<CountersignRule>>,
    tariff_conditions: Vec<Dated<TariffCondition>>,
    destination_notices: Vec<Dated<DestinationNotice>>,
    document_rules: Vec<Dated<DocumentRule>>,
    invoice_goods: Vec<Dated<InvoiceGoods>>,
}

impl Regime {
    /// China's regime of 2025 and 2026 as far as public sources were read.
    pub fn default_china_2025() -> Self {
        Self::from_rows(&shipped::rows()).expect("a test reads every shipped row")
    }

    /// Reads rows, each as its kind prescribes.
    pub fn from_rows(rows: &[RegimeRow]) -> Result<Self, UnreadableRow> {
        let calendar_years = read_all(rows, RowKind::CalendarYear)?;
        let mut regime = Self {
            version: RegimeVersion::unnamed(),
            content_hash: String::new(),
            announcements: read_all(rows, RowKind::Announcement)?,
            control_items: read_all(rows, RowKind::ControlItem)?,
            parameters: read_all(rows, RowKind::Parameter)?,
            clock_stops: read_all(rows, RowKind::ClockStop)?,
            clock_exemptions: read_all(rows, RowKind::ClockExemption)?,
            licence_kinds: read_all(rows, RowKind::LicenceKind)?,
            licence_exclusions: read_all(rows, RowKind::LicenceExclusion)?,
            filing_duties: read_all(rows, RowKind::FilingDuty)?,
            feed_bans: read_all(rows, RowKind::FeedBan)?,
            calendar: Calendar::of(&calendar_years),
            calendar_years,
            listed_parties: read_all(rows, RowKind::ListedParty)?,
            detector_parameters: read_all(rows, RowKind::DetectorParameter)?,
            quotas: read_all(rows, RowKind::Quota)?,
            refusal_grounds: read_all(rows, RowKind::RefusalGround)?,
            case_flags: read_all(rows, RowKind::CaseFlag)?,
            countersign_rules: read_all(rows, RowKind::CountersignRule)?,
            tariff_conditions: read_all(rows, RowKind::TariffCondition)?,
            destination_notices: read_all(rows, RowKind::DestinationNotice)?,
            document_rules: read_all(rows, RowKind::DocumentRule)?,
            invoice_goods: read_all(rows, RowKind::InvoiceGoods)?,
        };
        // Named after what was understood, so that writing and reading rows keeps the name.
        (regime.version, regime.content_hash) = RegimeVersion::of(&regime.rows());
        Ok(regime)
    }

    /// All rows, as they are stored and compared.
    pub fn rows(&self) -> Vec<RegimeRow> {
        let mut rows = Vec::new();
        write_all(&mut rows, RowKind::Announcement, &self.announcements);
        write_all(&mut rows, RowKind::ControlItem, &self.control_items);
        write_all(&mut rows, RowKind::Parameter, &self.parameters);
        write_all(&mut rows, RowKind::ClockStop, &self.clock_stops);
        write_all(&mut rows, RowKind::ClockExemption, &self.clock_exemptions);
        write_all(&mut rows, RowKind::LicenceKind, &self.licence_kinds);
        write_all(&mut rows, RowKind::LicenceExclusion, &self.licence_exclusions);
        write_all(&mut rows, RowKind::FilingDuty, &self.filing_duties);
        write_all(&mut rows, RowKind::FeedBan, &self.feed_bans);
        write_all(&mut rows, RowKind::CalendarYear, &self.calendar_years);
        write_all(&mut rows, RowKind::ListedParty, &self.listed_parties);
        write_all(&mut rows, RowKind::DetectorParameter, &self.detector_parameters);
        write_all(&mut rows, RowKind::Quota, &self.quotas);
        write_all(&mut rows, RowKind::RefusalGround, &self.refusal_grounds);
        write_all(&mut rows, RowKind::CaseFlag, &self.case_flags);
        write_all(&mut rows, RowKind::CountersignRule, &self.countersign_rules);
        write_all(&mut rows, RowKind::TariffCondition, &self.tariff_conditions);
        write_all(&mut rows, RowKind::DestinationNotice, &self.destination_notices);
        write_all(&mut rows, RowKind::DocumentRule, &self.document_rules);
        write_all(&mut rows, RowKind::InvoiceGoods, &self.invoice_goods);
        rows
    }

    /// The rows that hold on a day. Announcements and control items stay whatever the day:
    /// their standing, and so their suspension, is judged by [`Regime::standing`].
    pub fn as_of(&self, day: Date) -> Vec<RegimeRow> {
        let holds = |row: &RegimeRow| {
            row.from.is_none_or(|from| from <= day) && row.until.is_none_or(|until| day < until)
        };
        let timeless =
            |row: &RegimeRow| matches!(row.kind, RowKind::Announcement | RowKind::ControlItem);
        self.rows().into_iter().filter(|row| timeless(row) || holds(row)).collect()
    }

    /// The name of this set of rows.
    pub const fn version(&self) -> &RegimeVersion {
        &self.version
    }

    /// SHA-256 of the canonical rows, in hexadecimal.
    pub fn content_hash(&self) -> &str {
        &self.content_hash
    }

    /// What changes from one regime to another.
    pub fn diff(old: &Self, new: &Self) -> Vec<Change> {
        row::diff(&old.rows(), &new.rows())
    }

    /// All announcements.
    pub fn announcements(&self) -> &[Dated<Announcement>] {
        &self.announcements
    }

    /// What an announcement is worth on a day.
    pub fn standing(&self, announcement: &str, day: Date) -> Standing {
        announcement::standing(&self.announcements, announcement, day)
    }

    /// All items of all lists.
    pub fn control_items(&self) -> &[Dated<ControlItem>] {
        &self.control_items
    }

    /// The item with this code.
    pub fn control_item(&self, code: &str) -> Option<&Dated<ControlItem>> {
        self.control_items.iter().find(|item| item.value.code.0 == code)
    }

    /// The number under this name on a day.
    pub fn parameter(&self, name: ParameterName, day: Date) -> Option<&Dated<Parameter>> {
        self.parameters.iter().find(|row| row.key == name.as_str() && row.holds_on(day))
    }

    /// What a kind of licence allows on a day.
    pub fn licence_rule(&self, kind: LicenceKind, day: Date) -> Option<&Dated<LicenceRule>> {
        self.licence_kinds.iter().find(|row| row.key == kind.as_str() && row.holds_on(day))
    }

    /// Who may not have which kinds of licence.
    pub fn licence_exclusions(&self) -> &[Dated<LicenceExclusion>] {
        &self.licence_exclusions
    }

    /// Whether this cause stops the decision clock on a day.
    pub fn stops_the_clock(&self, cause: ClockStop, day: Date) -> bool {
        self.clock_stops.iter().any(|row| row.key == cause.as_str() && row.holds_on(day))
    }

    /// The rule that frees this kind of case from the time limit on a day.
    pub fn clock_exemption(
        &self,
        exemption: ClockExemption,
        day: Date,
    ) -> Option<&Dated<Sentence>> {
        self.clock_exemptions.iter().find(|row| row.key == exemption.as_str() && row.holds_on(day))
    }

    /// Who files what by when on a day.
    pub fn filing_duties(&self, day: Date) -> impl Iterator<Item = &Dated<FilingDuty>> {
        self.filing_duties.iter().filter(move |row| row.holds_on(day))
    }

    /// Who may not use ore on a day.
    pub fn feed_bans(&self, day: Date) -> impl Iterator<Item = &Dated<FeedBan>> {
        self.feed_bans.iter().filter(move |row| row.holds_on(day))
    }

    /// Working days.
    pub const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// The parties that are listed on a day and whose names are known.
    pub fn listed_parties(&self, day: Date) -> impl Iterator<Item = &Dated<ListedParty>> {
        self.listed_parties.iter().filter(move |row| row.holds_on(day))
    }

    /// The listed parties whose names are known, of all days.
    pub fn every_listed_party(&self) -> &[Dated<ListedParty>] {
        &self.listed_parties
    }

    /// Numbers that detectors use on a day instead of their defaults.
    pub fn detector_parameters(&self, day: Date) -> impl Iterator<Item = &Dated<Parameter>> {
        self.detector_parameters.iter().filter(move |row| row.holds_on(day))
    }

    /// How many listed parties the announcements count whose names no row holds: screening
    /// against an incomplete list must say so.
    pub fn unnamed_parties(&self, list: PartyList, day: Date) -> u32 {
        let adds = match list {
            PartyList::Watch => AnnouncementKind::WatchListAdd,
            PartyList::Control => AnnouncementKind::ControlListAdd,
        };
        let counted: u32 = self
            .announcements
            .iter()
            .filter(|row| row.value.kind == adds && row.holds_on(day))
            .filter_map(|row| row.value.parties)
            .sum();
        let named = self.listed_parties(day).filter(|row| row.value.list == list).count();
        counted.saturating_sub(u32::try_from(named).unwrap_or(u32::MAX))
    }

    /// Why an application may be refused, on a day.
    pub fn refusal_grounds(&self, day: Date) -> impl Iterator<Item = &Dated<RefusalGround>> {
        self.refusal_grounds.iter().filter(move |row| row.holds_on(day))
    }

    /// What officers may mark a case with, on a day.
    pub fn case_flags(&self, day: Date) -> impl Iterator<Item = &Dated<CaseFlag>> {
        self.case_flags.iter().filter(move |row| row.holds_on(day))
    }

    /// What this flag means on a day.
    pub fn case_flag(&self, flag: &str, day: Date) -> Option<&Dated<CaseFlag>> {
        self.case_flags(day).find(|row| row.key == flag)
    }

    /// Who must sign decisions, by risk, on a day.
    pub fn countersign_rules(&self, day: Date) -> impl Iterator<Item = &Dated<CountersignRule>> {
        self.countersign_rules.iter().filter(move |row| row.holds_on(day))
    }

    /// What customs asks for under a tariff code on a day.
    pub fn tariff_condition(&self, hs: &HsCode, day: Date) -> Option<&Dated<TariffCondition>> {
        let mut rows = self.tariff_conditions.iter();
        rows.find(|row| row.key == hs.as_str() && row.holds_on(day))
    }

    /// What is to be known about a destination on a day.
    pub fn destination_notices(
        &self,
        destination: CountryCode,
        day: Date,
    ) -> impl Iterator<Item = &Dated<DestinationNotice>> {
        let concerns = move |row: &&Dated<DestinationNotice>| {
            row.value.destination == destination && row.holds_on(day)
        };
        self.destination_notices.iter().filter(concerns)
    }

    /// The papers that applications come with on a day.
    pub fn document_rules(&self, day: Date) -> impl Iterator<Item = &Dated<DocumentRule>> {
        self.document_rules.iter().filter(move |row| row.holds_on(day))
    }

    /// All quotas.
    pub fn quotas(&self) -> &[Dated<Quota>] {
        &self.quotas
    }

    /// The goods of the catalogue of tax invoices under this code on a day.
    pub fn invoice_goods(&self, code: &str, day: Date) -> Option<&Dated<InvoiceGoods>> {
        self.invoice_goods.iter().find(|row| row.key == code && row.holds_on(day))
    }
}

impl TryFrom<Vec<RegimeRow>> for Regime {
    type Error = UnreadableRow;

    fn try_from(rows: Vec<RegimeRow>) -> Result<Self, UnreadableRow> {
        Self::from_rows(&rows)
    }
}

impl From<Regime> for Vec<RegimeRow> {
    fn from(regime: Regime) -> Self {
        regime.rows()
    }
}

fn read_all<T: serde::de::DeserializeOwned>(
    rows: &[RegimeRow],
    kind: RowKind,
) -> Result<Vec<Dated<T>>, UnreadableRow> {
    rows.iter().filter(|row| row.kind == kind).map(RegimeRow::read).collect()
}

fn write_all<T: Serialize>(rows: &mut Vec<RegimeRow>, kind: RowKind, facts: &[Dated<T>]) {
    rows.extend(facts.iter().map(|fact| RegimeRow::of(kind, fact)));
}
