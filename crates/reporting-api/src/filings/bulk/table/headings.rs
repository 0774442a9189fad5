//! What the columns of a table stand for: headings in both languages, and an organisation's own.

use super::{super::unit::Fault, cells::folded};
use domain::{composition::Basis, element::Element};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A field of a table; one or more of them make a member of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Field {
    Kind,
    Reference,
    Site,
    HappenedAt,
    Process,
    Role,
    Lot,
    Product,
    Quantity,
    Refused,
    Uncertainty,
    UnitPrice,
    Currency,
    PartyName,
    PartyIdentifier,
    PartyCountry,
    Contract,
    Invoice,
    Movement,
    Outcome,
    From,
    To,
    Declaration,
    Origin,
    Destination,
    Licence,
    Month,
    Nil,
    CorrectionVersion,
    CorrectionReason,
    /// Part of an assay: the column says which.
    Share,
    /// Remarks, and what we wrote there ourselves.
    Ignored,
}

/// The unit a column of masses is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Kilograms,
    Tonnes,
    Grams,
}

/// What a column stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(super) field: Field,
    /// Of a column of masses, where its heading says so.
    pub(super) unit: Option<Unit>,
    /// Of a column of an assay.
    pub(super) share: Option<Share>,
}

/// What a column of an assay says, in percent of the gross mass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Share {
    pub(super) element: Element,
    /// Whether the element or its oxide is meant.
    pub(super) basis: Basis,
    /// Whether it is one standard deviation of the share instead.
    pub(super) is_uncertainty: bool,
}

/// How an organisation names its columns: its own headings, and the field each stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Heading to field, such as `"重量（吨）": "quantity_t"` or `"钕": "nd_percent"`; `ignored` for
    /// columns that are not read.
    #[schema(example = json!({"重量（吨）": "quantity_t", "客户备注": "ignored"}))]
    pub headings: BTreeMap<String, String>,
}

/// Headings of one organisation, at most.
pub(super) const MAPPING_LIMIT: usize = 200;
const HEADING_LENGTH_LIMIT: usize = 200;

/// The name of each field, its heading in both languages, and other headings it is known by.
#[rustfmt::skip]
pub(crate) const FIELDS: &[(Field, &str, &str, &str, &[&str])] = &[
    (Field::Kind, "kind", "申报类型", "Kind", &["类型", "业务类型", "filing kind", "type"]),
    (Field::Reference, "reference", "编号", "Reference", &["申报编号", "单号", "业务单号", "凭证号", "ref", "reference number", "no"]),
    (Field::Site, "site", "场所代码", "Site", &["场所", "厂区", "矿区", "工厂", "site code", "plant"]),
    (Field::HappenedAt, "happened_at", "发生时间", "Happened at", &["发生日期", "日期", "时间", "业务日期", "date", "time"]),
    (Field::Process, "process", "工序", "Process", &["加工工序", "工艺"]),
    (Field::Role, "role", "投入产出", "Role", &["行类型", "角色", "方向", "line role", "input/output"]),
    (Field::Lot, "lot", "批号", "Lot", &["批次", "批次号", "产品批号", "lot number", "batch"]),
    (Field::Product, "product", "产品代码", "Product", &["产品", "物料代码", "品名代码", "product code", "material"]),
    (Field::Quantity, "quantity", "数量", "Quantity", &["重量", "质量", "净重", "毛重", "mass", "weight", "gross mass"]),
    (Field::Refused, "refused", "拒收数量", "Refused", &["拒收", "拒收重量", "refused quantity"]),
    (Field::Uncertainty, "uncertainty", "称量标准不确定度", "Weighing uncertainty", &["称量不确定度", "标准不确定度", "standard uncertainty", "weighing uncertainty"]),
    (Field::UnitPrice, "unit_price", "单价", "Unit price", &["价格", "每千克单价", "price", "price per kg"]),
    (Field::Currency, "currency", "币种", "Currency", &["货币"]),
    (Field::PartyName, "party_name", "客户名称", "Party name", &["客户", "供应商", "供应商名称", "最终用户", "最终用户名称", "对方名称", "client", "client name", "supplier", "supplier name", "end user", "customer", "buyer"]),
    (Field::PartyIdentifier, "party_identifier", "客户统一社会信用代码", "Party identifier", &["统一社会信用代码", "信用代码", "对方代码", "客户代码", "uscc", "lei", "client identifier"]),
    (Field::PartyCountry, "party_country", "客户国家", "Party country", &["国家", "国家地区", "对方国家", "client country", "country"]),
    (Field::Contract, "contract", "合同号", "Contract", &["合同", "合同编号", "contract number"]),
    (Field::Invoice, "invoice", "发票号", "Invoice", &["发票", "发票号码", "invoice number"]),
    (Field::Movement, "movement", "移动标识", "Movement", &["移动", "在途标识", "movement id"]),
    (Field::Outcome, "outcome", "验收结果", "Outcome", &["验收", "收货结果"]),
    (Field::From, "from", "来源", "From", &["来源类别"]),
    (Field::To, "to", "去向", "To", &["处置去向"]),
    (Field::Declaration, "declaration", "报关单号", "Declaration", &["报关单", "海关报关单号", "customs declaration"]),
    (Field::Origin, "origin", "原产国", "Origin", &["启运国", "来源国", "country of origin"]),
    (Field::Destination, "destination", "目的国", "Destination", &["运抵国", "destination country"]),
    (Field::Licence, "licence", "许可证号", "Licence", &["出口许可证", "出口许可证号", "license", "licence number"]),
    (Field::Month, "month", "月份", "Month", &["所属月份", "申报月份"]),
    (Field::Nil, "nil", "零申报", "Nil", &["是否零申报", "nil return"]),
    (Field::CorrectionVersion, "correction_version", "更正版本", "Correction version", &["版本", "version"]),
    (Field::CorrectionReason, "correction_reason", "更正理由", "Correction reason", &["更正原因", "reason"]),
    (Field::Ignored, "ignored", "处理结果", "Result", &["备注", "说明", "remark", "remarks", "note", "notes", "序号", "处理说明", "explanation"]),
];

impl Field {
    pub(crate) fn name(self) -> &'static str {
        self.row().1
    }

    /// Its heading in Chinese.
    pub(crate) fn chinese(self) -> &'static str {
        self.row().2
    }

    /// Its heading in English.
    pub(crate) fn english(self) -> &'static str {
        self.row().3
    }

    fn row(
        self,
    ) -> &'static (Field, &'static str, &'static str, &'static str, &'static [&'static str]) {
        FIELDS.iter().find(|(field, ..)| *field == self).expect("every field has a row")
    }

    const fn is_mass(self) -> bool {
        matches!(self, Self::Quantity | Self::Refused | Self::Uncertainty)
    }
}

impl Mapping {
    /// What is wrong with a mapping, if anything.
    pub(in crate::filings::bulk) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if MAPPING_LIMIT < self.headings.len() {
            let detail = format!("{} headings", self.headings.len());
            let fault = Fault::new("/headings", "too_many", detail);
            faults.push(fault.expecting(format!("at most {MAPPING_LIMIT}")));
        }
        for (heading, name) in &self.headings {
            let pointer = format!("/headings/{}", heading.replace('~', "~0").replace('/', "~1"));
            if named(name).is_none() {
                let detail = format!("{name:?} is no field of a table");
                let fault = Fault::new(pointer, "unknown_value", detail);
                faults.push(fault.expecting(names()));
            } else if folded(heading).is_empty() || HEADING_LENGTH_LIMIT < heading.chars().count() {
                let fault = Fault::new(pointer, "invalid_text", "this is no heading");
                faults.push(fault.expecting(format!("1 to {HEADING_LENGTH_LIMIT} characters")));
            }
        }
        faults
    }

    fn find(&self, heading: &str) -> Option<Column> {
        let (_, name) = self.headings.iter().find(|(own, _)| folded(own) == heading)?;
        named(name)
    }
}

/// A field by its name, with the unit at the end of a mass's.
fn named(name: &str) -> Option<Column> {
    let plain = |name: &str| FIELDS.iter().find(|(_, known, ..)| *known == name).map(|row| row.0);
    if let Some(field) = plain(name) {
        return Some(Column { field, unit: None, share: None });
    }
    if let Some(column) = share(name) {
        return Some(column);
    }
    let (name, unit) = name.rsplit_once('_')?;
    let unit = unit_called(unit)?;
    let field = plain(name).filter(|field| field.is_mass())?;
    Some(Column { field, unit: Some(unit), share: None })
}

/// A part of an assay: `Nd`, `Nd %`, `Nd2O3 (%)`, `氧化钕含量`, `Nd ±`, `nd_uncertainty_percent`.
fn share(heading: &str) -> Option<Column> {
    let mut text = heading.to_lowercase().replace([' ', '_', '(', ')', '[', ']'], "");
    let before = text.len();
    for mark in ["±", "uncertainty", "不确定度"] {
        text = text.replace(mark, "");
    }
    let is_uncertainty = text.len() < before;
    for unit in ["%", "percent", "百分比", "质量分数", "含量"] {
        text = text.replace(unit, "");
    }
    let of = |element: Element| {
        let (oxide, chinese) = (element.oxide().to_lowercase(), element.name_zh());
        if text == element.symbol().to_lowercase() || text == chinese {
            Some((element, Basis::Element))
        } else if text == oxide || text == format!("氧化{chinese}") {
            Some((element, Basis::Oxide))
        } else {
            None
        }
    };
    let (element, basis) = Element::ALL.into_iter().find_map(of)?;
    let share = Share { element, basis, is_uncertainty };
    Some(Column { field: Field::Share, unit: None, share: Some(share) })
}

fn names() -> String {
    let names: Vec<&str> = FIELDS.iter().map(|(_, name, ..)| *name).collect();
    format!(
        "one of {}; masses with _kg, _t or _g; shares such as nd_percent or nd2o3_percent",
        names.join(", ")
    )
}

/// A unit by any of its names.
pub(super) fn unit_called(name: &str) -> Option<Unit> {
    match name {
        "kg" | "kgs" | "千克" | "公斤" => Some(Unit::Kilograms),
        "t" | "mt" | "吨" | "公吨" | "tonne" | "tonnes" => Some(Unit::Tonnes),
        "g" | "克" => Some(Unit::Grams),
        _ => None,
    }
}

/// What a heading stands for; the organisation's own names go before ours.
pub(super) fn column(heading: &str, own: &Mapping) -> Option<Column> {
    let folded = folded(heading);
    if let Some(column) = own.find(&folded) {
        return Some(column);
    }
    if let Some(column) = known(&folded).or_else(|| share(&folded)) {
        return Some(column);
    }
    // "数量(千克)", "Quantity [t]", "数量 吨", "quantity_kg"; a unit alone is the quantity.
    let (name, unit) = split_unit(&folded)?;
    let column = if name.is_empty() { known("quantity")? } else { known(&name)? };
    column.field.is_mass().then_some(Column { unit: Some(unit), ..column })
}

fn known(heading: &str) -> Option<Column> {
    let squeezed = |text: &str| text.replace([' ', '_'], "");
    let heading = squeezed(heading);
    let is = |name: &str| squeezed(&folded(name)) == heading;
    let row = FIELDS.iter().find(|(_, name, zh, en, others)| {
        is(name) || is(zh) || is(en) || others.iter().any(|other| is(other))
    });
    row.map(|row| Column { field: row.0, unit: None, share: None })
}

fn split_unit(heading: &str) -> Option<(String, Unit)> {
    let text = heading.trim_end_matches([')', ']', '】', ' ']);
    let units =
        ["公斤", "千克", "公吨", "kgs", "kg", "mt", "吨", "克", "tonnes", "tonne", "t", "g"];
    units.into_iter().find_map(|name| {
        let rest = text.strip_suffix(name)?;
        // A Latin unit must stand apart, or every word that ends with t had one.
        let apart = rest.is_empty() || rest.ends_with([' ', '_', '(', '[', '【', '/', ':']);
        if name.is_ascii() && !apart {
            return None;
        }
        let rest = rest.trim_end_matches([' ', '_', '(', '[', '【', '/', ':', '单', '位']);
        Some((rest.to_owned(), unit_called(name)?))
    })
}

/// The columns of a table, or everything that is wrong with its heading.
pub(in crate::filings::bulk) fn columns(
    headings: &[String],
    own: &Mapping,
) -> Result<Vec<Option<Column>>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut seen: BTreeMap<(Field, Option<Share>), usize> = BTreeMap::new();
    let at = |index: usize, code, detail: String| {
        let fault = Fault::new("", code, detail).saying(headings[index].as_str());
        Fault { row: Some(1), column: Some(index), ..fault }
    };
    let columns: Vec<Option<Column>> = headings
        .iter()
        .enumerate()
        .map(|(index, heading)| {
            if folded(heading).is_empty() {
                return None;
            }
            let Some(column) = column(heading, own) else {
                let detail = format!("no field is called {heading:?}");
                let fault = at(index, "unknown_column", detail);
                faults
                    .push(fault.expecting("a heading of the template, or a mapping for this one"));
                return None;
            };
            let key = (column.field, column.share);
            if column.field != Field::Ignored
                && let Some(before) = seen.insert(key, index)
            {
                let detail = format!("{:?} stands for the same", headings[before]);
                let fault = at(index, "column_twice", detail);
                faults.push(fault.expecting("one column for each field"));
            }
            Some(column)
        })
        .collect();
    for needed in [Field::Kind, Field::Reference, Field::Site] {
        if !seen.contains_key(&(needed, None)) {
            let detail = format!("no column stands for {}", needed.name());
            let fault = Fault::new(format!("/{}", needed.name()), "no_such_column", detail);
            let expected = format!("a column {:?} or {:?}", needed.chinese(), needed.english());
            faults.push(Fault { row: Some(1), ..fault.expecting(expected) });
        }
    }
    if faults.is_empty() { Ok(columns) } else { Err(faults) }
}

/// Whether every heading is known without a mapping.
#[cfg(test)]
pub(crate) fn are_all_known(headings: &[String]) -> bool {
    columns(headings, &Mapping::default()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_known_in_both_languages_with_their_units() {
        let own = Mapping { headings: [("我的列".to_owned(), "refused_t".to_owned())].into() };
        let cases = [
            ("数量(千克)", Field::Quantity, Some(Unit::Kilograms)),
            ("数量（吨）", Field::Quantity, Some(Unit::Tonnes)),
            ("quantity_kg", Field::Quantity, Some(Unit::Kilograms)),
            ("Quantity [t]", Field::Quantity, Some(Unit::Tonnes)),
            ("Weight (g)", Field::Quantity, Some(Unit::Grams)),
            ("吨", Field::Quantity, Some(Unit::Tonnes)),
            ("ＱＵＡＮＴＩＴＹ", Field::Quantity, None),
            ("  批 号 ", Field::Lot, None),
            ("Lot", Field::Lot, None),
            ("Product", Field::Product, None),
            ("客户统一社会信用代码", Field::PartyIdentifier, None),
            ("我的列", Field::Refused, Some(Unit::Tonnes)),
            ("备注", Field::Ignored, None),
        ];
        for (heading, field, unit) in cases {
            let wanted = Column { field, unit, share: None };
            assert_eq!(column(heading, &own), Some(wanted), "{heading}");
        }
        for heading in ["pocket", "lot (kg)", "xt", "什么"] {
            assert_eq!(column(heading, &own), None, "{heading}");
        }
    }

    #[test]
    fn columns_of_an_assay_are_known_by_element_and_oxide() {
        let own =
            Mapping { headings: [("稀土甲".to_owned(), "dy2o3_percent".to_owned())].into() };
        let cases = [
            ("Nd", Element::Nd, Basis::Element, false),
            ("Dy (%)", Element::Dy, Basis::Element, false),
            ("Y", Element::Y, Basis::Element, false),
            ("Nd2O3 %", Element::Nd, Basis::Oxide, false),
            ("Pr6O11（%）", Element::Pr, Basis::Oxide, false),
            ("氧化镝含量", Element::Dy, Basis::Oxide, false),
            ("钕 %", Element::Nd, Basis::Element, false),
            ("Nd ±", Element::Nd, Basis::Element, true),
            ("nd_uncertainty_percent", Element::Nd, Basis::Element, true),
            ("稀土甲", Element::Dy, Basis::Oxide, false),
        ];
        for (heading, element, basis, is_uncertainty) in cases {
            let share = column(heading, &own).and_then(|column| column.share);
            assert_eq!(share, Some(Share { element, basis, is_uncertainty }), "{heading}");
        }
    }

    #[test]
    fn no_heading_stands_for_two_fields() {
        let mut seen: BTreeMap<String, Field> = BTreeMap::new();
        for (field, name, zh, en, others) in FIELDS {
            for heading in [name, zh, en].into_iter().chain(*others) {
                let heading = folded(heading).replace([' ', '_'], "");
                let before = seen.insert(heading.clone(), *field);
                assert!(before.is_none_or(|before| before == *field), "{heading}");
            }
        }
    }

    #[test]
    fn a_bad_heading_is_told_column_by_column() {
        let headings: Vec<String> =
            ["编号", "reference", "神秘", "", "数量"].map(str::to_owned).into();
        let faults = columns(&headings, &Mapping::default()).unwrap_err();
        let told: Vec<_> = faults.iter().map(|fault| (fault.code.as_ref(), fault.column)).collect();
        let wanted = [
            ("column_twice", Some(1)),
            ("unknown_column", Some(2)),
            ("no_such_column", None),
            ("no_such_column", None),
        ];
        assert_eq!(told, wanted);
    }
}
