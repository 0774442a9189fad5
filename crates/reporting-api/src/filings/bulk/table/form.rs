//! From the rows of one filing to its form, remembering which cell each field came from.
//!
//! What concerns the filing as a whole stands in its first row; later rows repeat it or leave it
//! blank. Faults are those of cells that cannot be read; what the form then says is judged like
//! any other.

use super::{
    super::unit::{Cell, Fault},
    cells::{clean, kilograms, moment, month, number, trimmed, word, yes_or_no},
    headings::{Column, Field},
    scan::unguarded,
};
use crate::filings::form::{CorrectionForm, FilingForm, LineForm, MoneyForm, PartyForm};
use domain::{
    codes::{Beyond, FilingKind, Outcome, Process},
    composition::StatedComposition,
};
use std::str::FromStr;

/// One row with its number.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) number: u32,
    pub(super) cells: Vec<String>,
}

/// Fields of a line; all others concern the filing.
const LINE_FIELDS: [Field; 9] = [
    Field::Share,
    Field::Role,
    Field::Lot,
    Field::Product,
    Field::Quantity,
    Field::Refused,
    Field::Uncertainty,
    Field::UnitPrice,
    Field::Currency,
];

/// The form that these rows make, with the cells of its fields; or what cannot be read.
pub(super) fn form(
    rows: &[Row],
    columns: &[Option<Column>],
) -> (Result<Box<FilingForm>, Vec<Fault>>, Vec<Cell>) {
    let mut reading = Reading { columns, faults: Vec::new(), cells: Vec::new() };
    let form = reading.filing(rows);
    match form {
        Some(form) if reading.faults.is_empty() => (Ok(Box::new(form)), reading.cells),
        _ => (Err(reading.faults), reading.cells),
    }
}

/// The text in the column of a field; blank cells say nothing.
pub(super) fn text<'a>(row: &'a Row, columns: &[Option<Column>], field: Field) -> Option<&'a str> {
    let index = position(columns, field)?;
    let text = row.cells.get(index)?;
    Some(unguarded(trimmed(text))).filter(|text| !text.is_empty())
}

fn position(columns: &[Option<Column>], field: Field) -> Option<usize> {
    columns.iter().position(|column| column.is_some_and(|column| column.field == field))
}

struct Reading<'a> {
    columns: &'a [Option<Column>],
    faults: Vec<Fault>,
    cells: Vec<Cell>,
}

impl Reading<'_> {
    fn filing(&mut self, rows: &[Row]) -> Option<FilingForm> {
        let first = rows.first()?;
        self.too_wide(rows);
        self.agree(rows);
        let kind: Option<FilingKind> = self.word(first, Field::Kind, "/kind", FilingKind::ALL);
        let required =
            [(Field::Kind, "/kind"), (Field::Reference, "/reference"), (Field::Site, "/site")];
        for (field, pointer) in required {
            if text(first, self.columns, field).is_none() {
                let detail = format!("every filing says its {}", field.name());
                self.fault(first, field, pointer, "missing", detail, "a value in this column");
            }
        }
        let kind = kind?;
        let mut form = FilingForm {
            kind,
            reference: self.plain(first, Field::Reference, "/reference").unwrap_or_default(),
            site: self.plain(first, Field::Site, "/site").unwrap_or_default(),
            happened_at: self.happened_at(first),
            correction: self.correction(first),
            process: self.word(first, Field::Process, "/process", Process::ALL),
            inputs: Vec::new(),
            outputs: Vec::new(),
            losses: Vec::new(),
            lines: Vec::new(),
            client: None,
            supplier: None,
            end_user: None,
            contract: self.plain(first, Field::Contract, "/contract"),
            invoice: self.plain(first, Field::Invoice, "/invoice"),
            movement: self.plain(first, Field::Movement, "/movement"),
            outcome: self.word(first, Field::Outcome, "/outcome", Outcome::ALL),
            from: self.word(first, Field::From, "/from", Beyond::ALL),
            to: self.word(first, Field::To, "/to", Beyond::ALL),
            declaration: self.plain(first, Field::Declaration, "/declaration"),
            origin: self.country(first, Field::Origin, "/origin"),
            destination: self.country(first, Field::Destination, "/destination"),
            licence: self.plain(first, Field::Licence, "/licence"),
            month: self.month(first),
            nil: self.nil(first),
        };
        match kind {
            FilingKind::Import | FilingKind::Receipt => {
                form.supplier = self.party(first, kind, "/supplier");
            }
            FilingKind::Export => form.end_user = self.party(first, kind, "/end_user"),
            _ => form.client = self.party(first, kind, "/client"),
        }
        for row in rows {
            self.line(row, &mut form);
        }
        Some(form)
    }

    /// Cells beyond the last heading, or below none, have no meaning.
    fn too_wide(&mut self, rows: &[Row]) {
        for row in rows {
            let beyond = row.cells.iter().enumerate().find(|(index, cell)| {
                self.columns.get(*index).copied().flatten().is_none() && !trimmed(cell).is_empty()
            });
            if let Some((index, cell)) = beyond {
                let detail = "a cell stands below no heading";
                let fault = Fault::new("", "too_many_cells", detail)
                    .expecting("as many cells as headings: check separators and quotes")
                    .saying(cell.as_str());
                self.faults.push(Fault { row: Some(row.number), column: Some(index), ..fault });
            }
        }
    }

    /// Later rows say the same about the filing as its first, or nothing.
    fn agree(&mut self, rows: &[Row]) {
        let Some((first, later)) = rows.split_first() else { return };
        for (index, column) in self.columns.iter().enumerate() {
            let Some(column) = column else { continue };
            if LINE_FIELDS.contains(&column.field) || column.field == Field::Ignored {
                continue;
            }
            let of = |row: &Row| row.cells.get(index).map(|cell| clean(cell)).unwrap_or_default();
            let said = of(first);
            for row in later {
                let here = of(row);
                let same_day = column.field == Field::HappenedAt && moment(&here) == moment(&said);
                if here.is_empty() || here == said || same_day {
                    continue;
                }
                let detail = format!("the filing's first row, {}, says {said:?}", first.number);
                let fault = Fault::new("", "differs_from_first_row", detail)
                    .expecting("the same as in the first row of this reference, or nothing")
                    .saying(here);
                self.faults.push(Fault { row: Some(row.number), column: Some(index), ..fault });
            }
        }
    }

    fn line(&mut self, row: &Row, form: &mut FilingForm) {
        let says =
            |index: usize| row.cells.get(index).is_some_and(|cell| !trimmed(cell).is_empty());
        let of_a_line = |column: &Option<Column>| {
            column.is_some_and(|column| LINE_FIELDS.contains(&column.field))
        };
        let mut columns = self.columns.iter().enumerate();
        if !columns.any(|(index, column)| of_a_line(column) && says(index)) {
            return;
        }
        let roles = ["input", "output", "loss"];
        let role = text(row, self.columns, Field::Role).map(|said| word(said, &roles));
        let (member, lines) = match role {
            Some(Some("input")) => ("inputs", &mut form.inputs),
            Some(Some("output")) => ("outputs", &mut form.outputs),
            Some(Some("loss")) => ("losses", &mut form.losses),
            None if form.kind != FilingKind::Transformation => ("lines", &mut form.lines),
            _ => {
                let detail = "a line of a transformation is an input, an output or a loss";
                return self.fault(
                    row,
                    Field::Role,
                    "",
                    "unknown_word",
                    detail,
                    "input, output or loss; 投入、产出、损耗",
                );
            }
        };
        let pointer = format!("/{member}/{}", lines.len());
        let at = |member: &str| format!("{pointer}/{member}");
        lines.push(LineForm {
            lot: self.plain(row, Field::Lot, &at("lot")),
            product: self.plain(row, Field::Product, &at("product")),
            quantity_kg: self.mass(row, Field::Quantity, &at("quantity_kg")).unwrap_or_default(),
            refused_kg: self.mass(row, Field::Refused, &at("refused_kg")),
            uncertainty_kg: self.mass(row, Field::Uncertainty, &at("uncertainty_kg")),
            composition: self.composition(row, &at("composition")),
            unit_price: self.price(row, &at("unit_price")),
        });
        if text(row, self.columns, Field::Quantity).is_none() {
            let detail = "a line says how much";
            self.fault(row, Field::Quantity, &at("quantity_kg"), "missing", detail, "a quantity");
        }
    }

    /// What the row's columns of an assay say; `None` when they say nothing.
    fn composition(&mut self, row: &Row, pointer: &str) -> Option<StatedComposition> {
        let mut stated: Option<StatedComposition> = None;
        let columns = self.columns.iter().enumerate();
        for (column, share) in columns.filter_map(|(index, it)| Some((index, it.as_ref()?.share?)))
        {
            let said = row.cells.get(column).map(|cell| unguarded(trimmed(cell)));
            let Some(said) = said.filter(|said| !said.is_empty()) else { continue };
            let stated = stated.get_or_insert_with(|| StatedComposition {
                basis: share.basis,
                ..StatedComposition::default()
            });
            let (member, percents) = if share.is_uncertainty {
                ("uncertainty_percent", &mut stated.uncertainty_percent)
            } else {
                ("percent", &mut stated.percent)
            };
            let pointer = format!("{pointer}/{member}/{}", share.element.symbol());
            let mut fault = |code, detail: &str, expected: &str| {
                let fault = Fault::new(pointer.clone(), code, detail).expecting(expected);
                let fault = fault.saying(said);
                self.faults.push(Fault { row: Some(row.number), column: Some(column), ..fault });
            };
            match number(said.trim_end_matches(['%', '％'])) {
                _ if stated.basis != share.basis => fault(
                    "mixed_basis",
                    "this assay is stated of elements and of oxides",
                    "all of a row's shares of elements, or all of oxides",
                ),
                None => fault("invalid_number", "this is no share in percent", "such as 27.35"),
                Some(percent) => {
                    percents.insert(share.element, percent);
                }
            }
            self.cells.push(Cell { pointer, row: row.number, column });
        }
        stated
    }

    fn price(&mut self, row: &Row, pointer: &str) -> Option<MoneyForm> {
        let said = text(row, self.columns, Field::UnitPrice)?;
        let amount = number(said);
        self.remember(row, Field::UnitPrice, format!("{pointer}/amount"));
        if amount.is_none() {
            let detail = "this is no number";
            self.fault(row, Field::UnitPrice, pointer, "invalid_number", detail, "such as 412.50");
        }
        self.remember(row, Field::Currency, format!("{pointer}/currency"));
        let currency = text(row, self.columns, Field::Currency).map(clean);
        // A price without its currency column is in the currency of the country that files.
        let currency = currency.unwrap_or_else(|| "CNY".to_owned()).to_uppercase();
        Some(MoneyForm { amount: amount?.normalize().to_string(), currency })
    }

    fn party(&mut self, row: &Row, kind: FilingKind, pointer: &str) -> Option<PartyForm> {
        let name = self.plain(row, Field::PartyName, &format!("{pointer}/name"));
        let identifier = self.plain(row, Field::PartyIdentifier, &format!("{pointer}/identifier"));
        let country = self.country(row, Field::PartyCountry, &format!("{pointer}/country"));
        if name.is_none() && identifier.is_none() && country.is_none() {
            return None;
        }
        // Who is named by a Chinese code is in China.
        let code = identifier.as_deref().map(clean);
        let chinese =
            code.as_ref().is_some_and(|code| domain::identifiers::Uscc::from_str(code).is_ok());
        let country = country.or_else(|| chinese.then(|| "CN".to_owned()));
        if name.is_none() || country.is_none() {
            let field = if name.is_none() { Field::PartyName } else { Field::PartyCountry };
            let detail = format!("the other side of a {kind} has a name and a country");
            self.fault(row, field, pointer, "missing", detail, "a value in this column");
        }
        Some(PartyForm { name: name?, identifier: code, country: country? })
    }

    fn correction(&mut self, row: &Row) -> Option<CorrectionForm> {
        let version = self.plain(row, Field::CorrectionVersion, "/correction/version")?;
        let reason = self.plain(row, Field::CorrectionReason, "/correction/reason");
        let parsed = clean(&version).parse::<u16>().ok();
        // Version 1 is no correction: exports say it of every filing.
        if parsed == Some(1) && reason.is_none() {
            return None;
        }
        if parsed.is_none() {
            let detail = "a version is a whole number";
            self.fault(
                row,
                Field::CorrectionVersion,
                "/correction/version",
                "invalid_number",
                detail,
                "one more than the latest version",
            );
        }
        Some(CorrectionForm { version: parsed?, reason: reason.unwrap_or_default() })
    }

    fn happened_at(&mut self, row: &Row) -> Option<jiff::Timestamp> {
        let said = text(row, self.columns, Field::HappenedAt)?;
        self.remember(row, Field::HappenedAt, "/happened_at".to_owned());
        let at = moment(said);
        if at.is_none() {
            let (detail, expected) =
                ("this is no date", "such as 2026-10-03, 2026/10/3 or 2026年10月3日");
            self.fault(row, Field::HappenedAt, "/happened_at", "invalid_date", detail, expected);
        }
        at
    }

    fn month(&mut self, row: &Row) -> Option<String> {
        let said = text(row, self.columns, Field::Month)?;
        self.remember(row, Field::Month, "/month".to_owned());
        let month = month(said);
        if month.is_none() {
            self.fault(
                row,
                Field::Month,
                "/month",
                "invalid_date",
                "this is no month",
                "such as 2026-10",
            );
        }
        month
    }

    fn nil(&mut self, row: &Row) -> Option<bool> {
        let said = text(row, self.columns, Field::Nil)?;
        self.remember(row, Field::Nil, "/nil".to_owned());
        let nil = yes_or_no(said);
        if nil.is_none() {
            self.fault(
                row,
                Field::Nil,
                "/nil",
                "unknown_word",
                "this is neither yes nor no",
                "是 or 否, yes or no",
            );
        }
        nil
    }

    fn mass(&mut self, row: &Row, field: Field, pointer: &str) -> Option<String> {
        let said = text(row, self.columns, field)?;
        self.remember(row, field, pointer.to_owned());
        let unit = position(self.columns, field).and_then(|index| self.columns[index]?.unit);
        let mass = kilograms(said, unit);
        if mass.is_none() {
            let detail = "this is no mass in the unit of its heading";
            self.fault(
                row,
                field,
                pointer,
                "invalid_number",
                detail,
                "a number such as 1200.5 or 1,200.5",
            );
        }
        mass
    }

    fn word<T: Copy + FromStr + WordOf>(
        &mut self,
        row: &Row,
        field: Field,
        pointer: &str,
        all: &[T],
    ) -> Option<T> {
        let said = text(row, self.columns, field)?;
        self.remember(row, field, pointer.to_owned());
        let allowed: Vec<&'static str> = all.iter().map(|word| word.spelled()).collect();
        let found = word(said, &allowed).and_then(|code| code.parse().ok());
        if found.is_none() {
            let expected = format!("one of {}", allowed.join(", "));
            self.fault(
                row,
                field,
                pointer,
                "unknown_word",
                "this word is not known here",
                &expected,
            );
        }
        found
    }

    fn country(&mut self, row: &Row, field: Field, pointer: &str) -> Option<String> {
        let said = self.plain(row, field, pointer)?;
        let said = clean(&said);
        Some(if said == "中国" { "CN".to_owned() } else { said.to_uppercase() })
    }

    fn plain(&mut self, row: &Row, field: Field, pointer: &str) -> Option<String> {
        let said = text(row, self.columns, field)?;
        self.remember(row, field, pointer.to_owned());
        Some(said.to_owned())
    }

    fn remember(&mut self, row: &Row, field: Field, pointer: String) {
        if let Some(column) = position(self.columns, field) {
            self.cells.push(Cell { pointer, row: row.number, column });
        }
    }

    fn fault(
        &mut self,
        row: &Row,
        field: Field,
        pointer: &str,
        code: &'static str,
        detail: impl Into<String>,
        expected: &str,
    ) {
        let fault = Fault::new(pointer, code, detail).expecting(expected);
        let value = text(row, self.columns, field).map(serde_json::Value::from);
        let column = position(self.columns, field);
        self.faults.push(Fault { row: Some(row.number), column, value, ..fault });
    }
}

/// A word of a closed list with its one spelling.
trait WordOf {
    fn spelled(self) -> &'static str;
}

macro_rules! spelled {
    ($($list:ident),*) => { $(impl WordOf for $list {
        fn spelled(self) -> &'static str {
            self.as_str()
        }
    })* };
}
spelled!(FilingKind, Process, Outcome, Beyond);
