//! Reads the data files that ship with the domain into rows.
//!
//! The files are compiled in and a test reads them all, so a fault in them is a fault of the
//! build: hence the `expect`s.

use super::{
    Announcement, AnnouncementKind, CalendarYear, ControlCode, ControlItem, ItemCategory, LastDay,
    Limb, Provenance, RegimeRow, RowKind, Suspension, TariffCondition, Verification,
};
use crate::{element::Element, identifiers::HsCode};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const ANNOUNCEMENTS: &str = include_str!("../../data/announcements.toml");
const IN_FORCE: &str = include_str!("../../data/control-list-2025-18.csv");
const SUSPENDED: &str = include_str!("../../data/control-list-2025-10-suspended.csv");
const WORKING_DAYS: &str = include_str!("../../data/cn-working-days.csv");
const TARIFF: &str = include_str!("../../data/hs-codes.csv");
const TYPED_ROWS: &str = include_str!("../../data/china-2025.toml");
const SOUND: &str = "the shipped data are sound";

pub(super) fn rows() -> Vec<RegimeRow> {
    let mut rows = announcements();
    rows.extend(control_items(IN_FORCE));
    rows.extend(control_items(SUSPENDED));
    rows.extend(calendar_years());
    rows.extend(tariff_conditions());
    rows.extend(typed_rows());
    rows
}

#[derive(Deserialize)]
struct AnnouncementFile {
    announcement: Vec<AnnouncementEntry>,
}

#[derive(Deserialize)]
struct AnnouncementEntry {
    id: String,
    #[serde(default)]
    issuers: Vec<String>,
    date: Date,
    effective_from: Option<Date>,
    kind: Option<AnnouncementKind>,
    #[serde(default)]
    subject: String,
    source: Option<String>,
    official: Option<String>,
    #[serde(default)]
    limb: Vec<LimbEntry>,
    #[serde(default)]
    suspends: Vec<String>,
    from: Option<Date>,
    until: Option<Date>,
    until_inclusive: Option<bool>,
    count: Option<u32>,
}

#[derive(Deserialize)]
struct LimbEntry {
    id: String,
    effective_from: Option<Date>,
    rule: String,
}

fn announcements() -> Vec<RegimeRow> {
    let file: AnnouncementFile = toml::from_str(ANNOUNCEMENTS).expect(SOUND);
    file.announcement.into_iter().map(announcement).collect()
}

fn announcement(entry: AnnouncementEntry) -> RegimeRow {
    let first_limb = entry.limb.iter().filter_map(|limb| limb.effective_from).min();
    let from = entry.effective_from.or(first_limb).or(entry.from).unwrap_or(entry.date);
    // None of the announcements' own texts was read: only reports and copies of them.
    let verification =
        if entry.source.is_some() { Verification::Secondary } else { Verification::Partial };
    let suspends = entry.until.map(|until| Suspension {
        announcements: entry.suspends,
        from: entry.from,
        until,
        last_day: match entry.until_inclusive {
            Some(false) => LastDay::Excluded,
            Some(true) | None => LastDay::Included,
        },
    });
    let limbs = entry.limb.into_iter().map(|limb| Limb {
        id: limb.id,
        effective_from: limb.effective_from,
        rule: limb.rule,
    });
    let content = Announcement {
        kind: entry.kind.unwrap_or(AnnouncementKind::Control),
        issuers: entry.issuers,
        date: entry.date,
        subject: entry.subject,
        official: entry.official,
        limbs: limbs.collect(),
        suspends,
        parties: entry.count,
    };
    row(RowKind::Announcement, entry.id, Some(from), content, entry.source, verification)
}

#[derive(Deserialize)]
struct ItemEntry {
    code: String,
    element: String,
    category: ItemCategory,
    description_en: String,
    description_zh: String,
    #[serde(alias = "hs10_reference")]
    hs_reference: String,
    #[serde(default)]
    hs10_working: String,
    announcement: String,
    effective_from: Date,
    verification: Verification,
    source: String,
    note: String,
}

fn control_items(file: &str) -> impl Iterator<Item = RegimeRow> {
    csv::Reader::from_reader(file.as_bytes())
        .into_deserialize()
        .map(|entry| {
            let entry: ItemEntry = entry.expect(SOUND);
            let content = ControlItem {
                code: ControlCode(entry.code.clone()),
                element: (!entry.element.is_empty())
                    .then(|| entry.element.parse::<Element>().expect(SOUND)),
                category: entry.category,
                description_en: entry.description_en,
                description_zh: entry.description_zh,
                hs_reference: tariff_codes(&entry.hs_reference),
                hs_working: tariff_codes(&entry.hs10_working),
                announcement: entry.announcement,
                note: entry.note,
            };
            let (from, verification) = (Some(entry.effective_from), entry.verification);
            row(RowKind::ControlItem, entry.code, from, content, Some(entry.source), verification)
        })
        .collect::<Vec<_>>()
        .into_iter()
}

fn tariff_codes(list: &str) -> Vec<HsCode> {
    list.split(';').filter(|code| !code.is_empty()).map(|code| code.parse().expect(SOUND)).collect()
}

#[derive(Deserialize)]
struct TariffEntry {
    hs_code: HsCode,
    supervision_conditions: String,
    source: String,
    note: String,
}

/// The tariff codes whose supervision condition was seen somewhere: none of them officially.
fn tariff_conditions() -> impl Iterator<Item = RegimeRow> {
    csv::Reader::from_reader(TARIFF.as_bytes())
        .into_deserialize()
        .map(|entry| entry.expect(SOUND))
        .filter(|entry: &TariffEntry| !entry.supervision_conditions.is_empty())
        .map(|entry| {
            let (conditions, remark) = entry
                .supervision_conditions
                .split_once(' ')
                .unwrap_or((&entry.supervision_conditions, ""));
            // "3+4Bxy expected": the sum of what another table and an announcement say.
            let verification = if remark == "expected" {
                Verification::OwnAssumption
            } else {
                Verification::Secondary
            };
            let note = [remark, &entry.note].join(" ").trim().to_owned();
            let content = TariffCondition { conditions: conditions.replace('+', ""), note };
            let (key, source) = (entry.hs_code.to_string(), Some(entry.source.clone()));
            row(RowKind::TariffCondition, key, None, content, source, verification)
        })
        .collect::<Vec<_>>()
        .into_iter()
}

#[derive(Deserialize)]
struct DayEntry {
    date: Date,
    kind: DayKind,
    state_council_notice: String,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum DayKind {
    Holiday,
    MakeupWorkday,
}

fn calendar_years() -> Vec<RegimeRow> {
    let mut years: BTreeMap<i16, Vec<DayEntry>> = BTreeMap::new();
    for entry in csv::Reader::from_reader(WORKING_DAYS.as_bytes()).into_deserialize() {
        let entry: DayEntry = entry.expect(SOUND);
        years.entry(entry.date.year()).or_default().push(entry);
    }
    let year_row = |(year, days): (i16, Vec<DayEntry>)| {
        let of_kind =
            |kind| days.iter().filter(|day| day.kind == kind).map(|day| day.date).collect();
        let content = CalendarYear {
            holidays: of_kind(DayKind::Holiday),
            makeup_workdays: of_kind(DayKind::MakeupWorkday),
        };
        let source = days.first().map(|day| day.state_council_notice.clone());
        let (key, verification) = (year.to_string(), Verification::Transcription);
        row(RowKind::CalendarYear, key, None, content, source, verification)
    };
    years.into_iter().map(year_row).collect()
}

#[derive(Deserialize)]
struct TypedRows {
    row: Vec<RegimeRow>,
}

fn typed_rows() -> Vec<RegimeRow> {
    toml::from_str::<TypedRows>(TYPED_ROWS).expect(SOUND).row
}

fn row(
    kind: RowKind,
    key: String,
    from: Option<Date>,
    content: impl Serialize,
    source: Option<String>,
    verification: Verification,
) -> RegimeRow {
    RegimeRow {
        kind,
        key,
        from,
        until: None,
        content: serde_json::to_value(content).expect("facts are plain JSON"),
        provenance: Provenance { source: source.unwrap_or_default(), verification },
    }
}
