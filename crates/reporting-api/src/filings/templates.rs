//! Workbooks to fill in: one for each kind of filing, in the filer's language, with its own sites,
//! products and partners to choose from.
//!
//! What is chosen from a list is checked by the spreadsheet itself; what comes back is read by
//! the headings, so columns may be moved. Nothing that a filer or its partners named is ever
//! written where a spreadsheet would take it for a formula.

use super::bulk::{
    Language, language_of,
    table::{cells::WORDS, headings::Field, scan::guarded},
};
use crate::reading::ReadingPools;
use actix_web::{HttpRequest, HttpResponse, get, web};
use database::{bulk_jobs, registry};
use domain::codes::{Beyond, FilingKind, Outcome, Process};
use rust_xlsxwriter::{
    DataValidation, DataValidationErrorStyle, DataValidationRule, Format, FormatAlign, Note,
    Workbook, Worksheet, XlsxError,
};
use serde::Deserialize;
use service::{
    clock,
    identity::Reporter,
    problem::{Problem, ProblemDetails},
};
use utoipa::IntoParams;

/// Rows that are prepared, and entries of a list that are offered.
const ROWS: u32 = 2_000;
const CHOICES_LIMIT: u16 = 1_000;
pub(super) const MEDIA: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// In which language the workbook is.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct TemplateQuery {
    /// `zh-CN` or `en`; otherwise `Accept-Language` says.
    language: Option<String>,
}

/// What an organisation can choose from.
#[derive(Clone, Debug, Default)]
struct Choices {
    sites: Vec<String>,
    products: Vec<String>,
    /// Name, identifier, country.
    partners: Vec<(String, Option<String>, String)>,
}

/// A workbook to fill in for one kind of filing, with your own sites, products and partners.
///
/// It comes back through `POST /v1/filings/bulk`, as it is or saved as CSV.
#[utoipa::path(
    tag = "filings",
    params(("kind" = String, Path, example = "dispatch"), TemplateQuery),
    responses(
        (status = 200, description = "The workbook",
            content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (status = 404, body = ProblemDetails)
    )
)]
#[get("/v1/templates/{kind}.xlsx")]
pub async fn template(
    pools: web::Data<ReadingPools>,
    reporter: Reporter,
    kind: web::Path<String>,
    query: web::Query<TemplateQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let kind: FilingKind = kind.parse().map_err(|_| Problem::NotFound("template"))?;
    let language = language_of(&request, query.language.as_deref())?;
    let mut conn = pools.reporting.get().await.map_err(database::Error::from)?;
    let organisation = reporter.organisation;
    let sites = registry::sites(&mut conn, organisation, "", CHOICES_LIMIT).await?;
    let products = registry::products(&mut conn, organisation, "", CHOICES_LIMIT).await?;
    let partners = bulk_jobs::partners(&mut conn, organisation, i64::from(CHOICES_LIMIT)).await?;
    let choices = Choices {
        sites: sites.into_iter().map(|site| site.code).collect(),
        products: products.into_iter().map(|product| product.code).collect(),
        partners,
    };
    let today = domain::calendar_month::beijing_date(clock::now());
    let workbook = web::block(move || workbook(kind, language, &choices, today))
        .await
        .map_err(anyhow::Error::from)?
        .map_err(anyhow::Error::from)?;
    Ok(HttpResponse::Ok()
        .content_type(MEDIA)
        .insert_header(("Content-Disposition", format!("attachment; filename=\"{kind}.xlsx\"")))
        .body(workbook))
}

/// The columns of each kind's workbook, on one screen.
fn columns(kind: FilingKind) -> Vec<Field> {
    use Field::{
        Contract, Currency, Declaration, Destination, From, HappenedAt, Invoice, Licence, Lot,
        Month, Movement, Nil, Origin, Outcome, PartyCountry, PartyIdentifier, PartyName, Process,
        Product, Quantity, Refused, Role, To, Uncertainty, UnitPrice,
    };
    let party = [PartyName, PartyIdentifier, PartyCountry];
    let price = [UnitPrice, Currency];
    let own: Vec<Field> = match kind {
        FilingKind::Extraction => vec![HappenedAt, Lot, Product, Quantity],
        FilingKind::Transformation => vec![HappenedAt, Process, Role, Lot, Product, Quantity],
        FilingKind::Dispatch => {
            [&[HappenedAt][..], &party, &[Contract, Invoice, Lot, Quantity, Uncertainty], &price]
                .concat()
        }
        FilingKind::Receipt => [
            &[HappenedAt, Movement, Outcome][..],
            &party,
            &[From, Lot, Product, Quantity, Refused, Uncertainty],
        ]
        .concat(),
        FilingKind::Import => {
            [&[HappenedAt][..], &party, &[Declaration, Origin, Lot, Product, Quantity], &price]
                .concat()
        }
        FilingKind::Export => [
            &[HappenedAt][..],
            &party,
            &[Declaration, Destination, Licence, Invoice, Lot, Quantity],
            &price,
        ]
        .concat(),
        FilingKind::Stocktake => vec![HappenedAt, Lot, Quantity],
        FilingKind::Disposal => vec![HappenedAt, To, Lot, Quantity],
        FilingKind::MonthlyReturn => vec![Month, Nil],
    };
    let common = [Field::Kind, Field::Reference, Field::Site];
    let correction = [Field::CorrectionVersion, Field::CorrectionReason];
    common.into_iter().chain(own).chain(correction).collect()
}

fn workbook(
    kind: FilingKind,
    language: Language,
    choices: &Choices,
    today: jiff::civil::Date,
) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let columns = columns(kind);
    let lists = Lists::of(kind, language, choices);
    fill(workbook.add_worksheet(), &columns, language, &lists, today)?;
    help(workbook.add_worksheet(), &columns, language)?;
    lists.write(workbook.add_worksheet())?;
    workbook.save_to_buffer()
}

/// The sheet to fill in.
fn fill(
    sheet: &mut Worksheet,
    columns: &[Field],
    language: Language,
    lists: &Lists,
    today: jiff::civil::Date,
) -> Result<(), XlsxError> {
    sheet.set_name(if language == Language::Chinese { "申报" } else { "Filings" })?;
    let bold = Format::new().set_bold().set_text_wrap().set_align(FormatAlign::Top);
    let as_text = Format::new().set_num_format("@");
    let as_date = Format::new().set_num_format("yyyy-mm-dd hh:mm");
    let as_mass = Format::new().set_num_format("#,##0.000");
    sheet.set_freeze_panes(1, 0)?;
    for (place, field) in (0_u16..).zip(columns) {
        sheet.write_with_format(0, place, heading(*field, language), &bold)?;
        sheet.insert_note(0, place, &Note::new(explanation(*field, language)).set_author(""))?;
        sheet.set_column_width(place, if *field == Field::PartyName { 28 } else { 18 })?;
        let format = match field {
            Field::Quantity | Field::Refused | Field::Uncertainty => &as_mass,
            Field::HappenedAt => &as_date,
            // As text, so that codes keep their leading zeros and no cell becomes a formula.
            _ => &as_text,
        };
        sheet.set_column_format(place, format)?;
        if let Some(rule) = rule(*field, lists, today)? {
            let rule = rule
                .ignore_blank(true)
                .set_error_style(DataValidationErrorStyle::Stop)
                .set_error_title(heading(*field, language))?
                .set_error_message(explanation(*field, language))?;
            sheet.add_data_validation(1, place, ROWS, place, &rule)?;
        }
    }
    Ok(())
}

/// What a spreadsheet accepts in a column.
fn rule(
    field: Field,
    lists: &Lists,
    today: jiff::civil::Date,
) -> Result<Option<DataValidation>, XlsxError> {
    if let Some(formula) = lists.formula(field) {
        return Ok(Some(DataValidation::new().allow_list_formula(formula)));
    }
    Ok(match field {
        Field::Quantity | Field::Refused | Field::Uncertainty => Some(
            DataValidation::new()
                .allow_decimal_number(DataValidationRule::Between(0.0, 100_000_000.0)),
        ),
        Field::HappenedAt => {
            let day = |year: i16, month: i8, day: i8| {
                rust_xlsxwriter::ExcelDateTime::from_ymd(
                    year.unsigned_abs(),
                    month.unsigned_abs(),
                    day.unsigned_abs(),
                )
            };
            // The template may be used for a while.
            let latest = today.saturating_add(jiff::Span::new().years(2));
            let latest = day(latest.year(), latest.month(), latest.day())?;
            let between = DataValidationRule::Between(day(2000, 1, 1)?, latest);
            Some(DataValidation::new().allow_date(between))
        }
        _ => None,
    })
}

/// The lists that cells are chosen from, each a column of a sheet of its own.
struct Lists {
    columns: Vec<(Vec<Field>, Vec<String>)>,
}

impl Lists {
    fn of(kind: FilingKind, language: Language, choices: &Choices) -> Self {
        let words = |codes: &[&str]| codes.iter().map(|code| shown(code, language)).collect();
        let beyond: Vec<&str> = Beyond::ALL.iter().map(|word| word.as_str()).collect();
        let processes: Vec<&str> = Process::ALL.iter().map(|word| word.as_str()).collect();
        let outcomes: Vec<&str> = Outcome::ALL.iter().map(|word| word.as_str()).collect();
        let yes = if language == Language::Chinese { ["是", "否"] } else { ["yes", "no"] };
        let guard = |texts: Vec<String>| -> Vec<String> {
            texts.iter().map(|text| guarded(text).into_owned()).collect()
        };
        let names = choices.partners.iter().map(|(name, ..)| name.clone()).collect();
        let codes = choices.partners.iter().filter_map(|(_, code, _)| code.clone()).collect();
        Self {
            columns: vec![
                (vec![Field::Kind], words(&[kind.as_str()])),
                (vec![Field::Site], guard(choices.sites.clone())),
                (vec![Field::Product], guard(choices.products.clone())),
                (vec![Field::Process], words(&processes)),
                (vec![Field::Role], words(&["input", "output", "loss"])),
                (vec![Field::Outcome], words(&outcomes)),
                (vec![Field::From, Field::To], words(&beyond)),
                (vec![Field::Nil], yes.map(str::to_owned).to_vec()),
                // Offered beside the sheet, not imposed: new partners are typed in.
                (vec![], guard(names)),
                (vec![], guard(codes)),
            ],
        }
    }

    /// The range of a field's list, as a validation refers to it.
    fn formula(&self, field: Field) -> Option<rust_xlsxwriter::Formula> {
        let place = self.columns.iter().position(|(fields, _)| fields.contains(&field))?;
        let rows = self.columns[place].1.len();
        let letter = char::from(b'A' + u8::try_from(place).ok()?);
        let range = format!("={LISTS}!${letter}$1:${letter}${rows}");
        (0 < rows).then(|| range.as_str().into())
    }

    fn write(&self, sheet: &mut Worksheet) -> Result<(), XlsxError> {
        sheet.set_name(LISTS)?;
        for (column, (_, texts)) in (0_u16..).zip(&self.columns) {
            for (row, text) in (0_u32..).zip(texts) {
                sheet.write_string(row, column, text)?;
            }
        }
        Ok(())
    }
}

const LISTS: &str = "Lists";

/// A sheet that says what each column is for.
fn help(sheet: &mut Worksheet, columns: &[Field], language: Language) -> Result<(), XlsxError> {
    sheet.set_name(if language == Language::Chinese { "说明" } else { "Help" })?;
    let bold = Format::new().set_bold();
    sheet.set_column_width(0, 24)?;
    sheet.set_column_width(1, 90)?;
    for (row, field) in (0_u32..).zip(columns) {
        sheet.write_with_format(row, 0, heading(*field, language), &bold)?;
        sheet.write(row, 1, explanation(*field, language))?;
    }
    let below = u32::try_from(columns.len()).unwrap_or(u32::MAX).saturating_add(1);
    let (heading, explained) = match language {
        Language::Chinese => (
            "Nd %, Dy %, Nd2O3 %, Nd ± …",
            "批次自己的化验结果（占毛重的百分比）：可自行添加列，按元素或按氧化物填写；带 ± 的列为标准不确定度。不填时以产品目录为准",
        ),
        Language::English => (
            "Nd %, Dy %, Nd2O3 %, Nd ± …",
            "The lot's own assay in percent of its gross mass: add columns as you need, of elements or of oxides; with ± one standard deviation. Without, the product's counts",
        ),
    };
    sheet.write_with_format(below, 0, heading, &bold)?;
    sheet.write(below, 1, explained)?;
    Ok(())
}

/// The heading of a column, with its unit.
fn heading(field: Field, language: Language) -> String {
    let unit = match (field, language) {
        (Field::Quantity | Field::Refused | Field::Uncertainty, Language::Chinese) => "（千克）",
        (Field::Quantity | Field::Refused | Field::Uncertainty, Language::English) => " (kg)",
        _ => "",
    };
    let name = match language {
        Language::Chinese => field.chinese(),
        Language::English => field.english(),
    };
    format!("{name}{unit}")
}

/// A code as it is written in this language.
fn shown(code: &str, language: Language) -> String {
    let chinese =
        WORDS.iter().find(|(known, _)| *known == code).and_then(|(_, words)| words.first());
    match (language, chinese) {
        (Language::Chinese, Some(word)) => (*word).to_owned(),
        _ => code.to_owned(),
    }
}

fn explanation(field: Field, language: Language) -> String {
    let row = EXPLANATIONS.iter().find(|(known, ..)| *known == field);
    let (_, zh, en) = row.expect("every column of a template is explained");
    if language == Language::Chinese { (*zh).to_owned() } else { (*en).to_owned() }
}

#[rustfmt::skip]
const EXPLANATIONS: &[(Field, &str, &str)] = &[
    (Field::Kind, "申报类型，从列表中选择", "What is filed: choose from the list"),
    (Field::Reference, "贵单位自己的编号；同一编号的各行是一份申报", "Your own reference; rows with one reference are one filing"),
    (Field::Site, "场所代码，从列表中选择", "The code of your site: choose from the list"),
    (Field::HappenedAt, "发生时间（北京时间），例如 2026-10-03 或 2026-10-03 09:30", "When it happened, Beijing time, such as 2026-10-03 or 2026-10-03 09:30"),
    (Field::Process, "加工工序，从列表中选择", "The process: choose from the list"),
    (Field::Role, "本行是投入、产出还是损耗", "Whether this row is an input, an output or a loss"),
    (Field::Lot, "批号：新批次用自己的编号；收到的批次用其标识", "The lot: your own number for a new one, the id of one that was sent to you"),
    (Field::Product, "产品目录中的代码，新批次必填", "The code of a product in your catalogue, for a new lot"),
    (Field::Quantity, "毛重，单位千克，最多三位小数", "Gross mass in kilograms, at most three decimals"),
    (Field::Refused, "拒收的数量，单位千克", "How much was refused, in kilograms"),
    (Field::Uncertainty, "称量的标准不确定度，单位千克，如已知", "One standard uncertainty of the weighing, in kilograms, where it is known"),
    (Field::UnitPrice, "每千克单价", "Price per kilogram"),
    (Field::Currency, "币种代码，例如 CNY", "Currency, such as CNY"),
    (Field::PartyName, "客户、供应商或最终用户的名称", "Name of the client, supplier or end user"),
    (Field::PartyIdentifier, "统一社会信用代码；境外用 LEI 或注册号", "Unified social credit code; abroad LEI or registration number"),
    (Field::PartyCountry, "国家代码，例如 CN、DE", "Country code, such as CN or DE"),
    (Field::Contract, "合同号", "The contract"),
    (Field::Invoice, "发票号", "The invoice"),
    (Field::Movement, "发往贵单位的移动的编号或标识；从不申报者收购时留空", "The reference or the id of the movement to you; empty when collected from those who do not file"),
    (Field::Outcome, "验收结果，从列表中选择", "How the goods were found: choose from the list"),
    (Field::From, "来源类别，从列表中选择", "Where it came from: choose from the list"),
    (Field::To, "去向，从列表中选择", "Where it went: choose from the list"),
    (Field::Declaration, "海关报关单号", "The customs declaration"),
    (Field::Origin, "启运国代码", "Country it came from"),
    (Field::Destination, "目的国代码", "Country it goes to"),
    (Field::Licence, "出口许可证号，如需要", "The export licence, when one was needed"),
    (Field::Month, "所属月份，例如 2026-10", "The month that is closed, such as 2026-10"),
    (Field::Nil, "本月没有业务则填“是”", "Yes when nothing happened in it"),
    (Field::CorrectionVersion, "仅更正时填写：新的版本号，比上一版本大一", "Only for a correction: the new version, one more than the last"),
    (Field::CorrectionReason, "仅更正时填写：上一版本错在哪里", "Only for a correction: why the earlier version was wrong"),
];

#[cfg(test)]
mod tests {
    use super::{
        super::bulk::table::headings::{FIELDS, are_all_known},
        *,
    };
    use calamine::{Data, Reader, Xlsx};
    use std::io::Cursor;

    #[test]
    fn every_kind_has_a_workbook_in_both_languages_whose_headings_are_known() {
        let choices = Choices {
            sites: vec!["=HYPERLINK(\"http://x\")".to_owned(), "S1".to_owned()],
            products: vec!["@P1".to_owned()],
            partners: vec![("+客户".to_owned(), Some("-1".to_owned()), "CN".to_owned())],
        };
        for kind in FilingKind::ALL {
            for language in [Language::Chinese, Language::English] {
                let today = jiff::civil::date(2026, 10, 3);
                let bytes = workbook(*kind, language, &choices, today).unwrap();
                let mut workbook = Xlsx::new(Cursor::new(bytes)).unwrap();
                let sheets = workbook.sheet_names();
                let headings = workbook.worksheet_range(&sheets[0]).unwrap();
                let headings: Vec<String> =
                    headings.rows().next().unwrap().iter().map(ToString::to_string).collect();
                assert_eq!(headings.len(), columns(*kind).len());
                assert!(are_all_known(&headings), "{kind}: {headings:?}");
                let lists = workbook.worksheet_range(LISTS).unwrap();
                for (_, _, cell) in lists.used_cells() {
                    let Data::String(text) = cell else { panic!("{cell:?} is no text") };
                    assert!(!text.starts_with(['=', '+', '-', '@']), "{text}");
                }
            }
        }
    }

    #[test]
    fn every_field_but_the_ignored_is_explained_once() {
        for (field, name, ..) in FIELDS {
            let times = EXPLANATIONS.iter().filter(|(known, ..)| known == field).count();
            assert_eq!(times, usize::from(*field != Field::Ignored), "{name}");
        }
    }
}
