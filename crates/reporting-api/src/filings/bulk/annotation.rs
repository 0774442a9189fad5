//! What became of each row, written beside it in the workbook that the rows came in.
//!
//! Everything else of the workbook stays as it was made: its sheets, formats and lists to choose
//! from. The first sheet passes through as XML, and each row takes two cells more with it: behind
//! the last column, or where an earlier answer stands. Columns under these headings are ignored
//! when the workbook comes in again.

use super::{
    table::headings::Field,
    workbook::{Refused, inflate_within_limits, text},
};
use calamine::{Reader as _, Xlsx};
use quick_xml::{
    Reader, Writer,
    escape::escape,
    events::{BytesEnd, BytesStart, BytesText, Event, attributes::Attribute},
    name::QName,
};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    iter::Peekable,
};
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

/// What XLSX has.
const LAST_COLUMN: u32 = 16_383;
const CATALOGUE: &str = "xl/workbook.xml";
const RELATIONS: &str = "xl/_rels/workbook.xml.rels";

/// What stands beside one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// The row, counted from 1 with the heading.
    pub(super) row: u32,
    /// What became of it, in a word or two.
    pub(super) result: String,
    /// What is wrong and what would be right.
    pub(super) explanation: String,
}

/// Writes the workbook again with notes, one a line of JSON and in the order of their rows.
pub(super) fn annotate(
    workbook: &File,
    notes: impl BufRead,
    out: &mut dyn Write,
) -> Result<(), Refused> {
    inflate_within_limits(workbook)?;
    let column = column(workbook)?;
    let mut archive = ZipArchive::new(again(workbook)?).map_err(|_| Refused::NotAWorkbook)?;
    let sheet = first_sheet(&mut archive)?;
    let mut written = ZipWriter::new_stream(out);
    let damaged = |_| Refused::Damaged;
    let mut notes = Some(notes);
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(damaged)?;
        if entry.name().map_err(damaged)? != sheet {
            written.raw_copy_file(entry).map_err(damaged)?;
            continue;
        }
        written.start_file(sheet.as_str(), SimpleFileOptions::default()).map_err(damaged)?;
        let notes = notes.take().ok_or(Refused::Damaged)?;
        let lines = notes.lines().map_while(|line| serde_json::from_str(&line.ok()?).ok());
        let sheet = Sheet { column, notes: lines.peekable(), row: 0, prefix: String::new() };
        sheet.pass(BufReader::new(entry), &mut written).ok_or(Refused::Damaged)?;
    }
    written.finish().map_err(damaged)?;
    Ok(())
}

fn again(file: &File) -> Result<BufReader<File>, Refused> {
    Ok(BufReader::new(file.try_clone().map_err(|_| Refused::Damaged)?))
}

/// Where the notes go: where earlier ones stand, or behind everything.
fn column(workbook: &File) -> Result<u32, Refused> {
    let mut workbook = Xlsx::new(again(workbook)?).map_err(|_| Refused::NotAWorkbook)?;
    let sheet = workbook.sheet_names().first().cloned().ok_or(Refused::NoSheet)?;
    let mut cells = workbook.worksheet_cells_reader(&sheet).map_err(|_| Refused::Damaged)?;
    let results = [Field::Ignored.chinese(), Field::Ignored.english()];
    let mut column = 0;
    while let Some(cell) = cells.next_cell().map_err(|_| Refused::Damaged)? {
        let (row, at) = cell.get_position();
        let shown = text(cell.get_value());
        if row == 0 && results.contains(&shown.as_str()) {
            column = at;
            break;
        }
        if !shown.is_empty() {
            column = column.max(at + 1);
        }
    }
    if column < LAST_COLUMN { Ok(column) } else { Err(Refused::TooLarge) }
}

/// The entry that the first sheet is in.
fn first_sheet(archive: &mut ZipArchive<BufReader<File>>) -> Result<String, Refused> {
    let relation = first_answer(archive, CATALOGUE, "sheet", |element| {
        value(element, |name| name.local_name().as_ref() == "id" && name.prefix().is_some())
    })?;
    let target = first_answer(archive, RELATIONS, "Relationship", |element| {
        let id = value(element, |name| name.as_ref() == "Id")?;
        let target = value(element, |name| name.as_ref() == "Target")?;
        (id == relation).then_some(target)
    })?;
    Ok(match target.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => format!("xl/{target}"),
    })
}

/// The first answer that an element of this name in an entry gives.
fn first_answer(
    archive: &mut ZipArchive<BufReader<File>>,
    entry: &str,
    element: &str,
    of: impl Fn(&BytesStart<'_>) -> Option<String>,
) -> Result<String, Refused> {
    let entry = archive.by_name(entry).map_err(|_| Refused::NotAWorkbook)?;
    let (mut reader, mut buffer) = (Reader::from_reader(BufReader::new(entry)), Vec::new());
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(|_| Refused::Damaged)? {
            Event::Start(found) | Event::Empty(found) if is(&found, element) => {
                if let Some(answer) = of(&found) {
                    return Ok(answer);
                }
            }
            Event::Eof => return Err(Refused::NoSheet),
            _ => {}
        }
    }
}

fn is(element: &BytesStart<'_>, name: &str) -> bool {
    element.local_name().as_ref() == name
}

fn value(element: &BytesStart<'_>, is_wanted: impl Fn(QName<'_>) -> bool) -> Option<String> {
    let found = element.attributes().flatten().find(|attribute| is_wanted(attribute.key))?;
    Some(found.value.into_owned())
}

/// A sheet that passes through.
struct Sheet<N: Iterator<Item = Note>> {
    column: u32,
    notes: Peekable<N>,
    /// The row that is passing, counted from 1.
    row: u32,
    /// What stands before the names of elements, such as `x:`.
    prefix: String,
}

/// What is left to do in a row.
#[derive(Default)]
struct Row {
    note: Option<Note>,
    /// The column of the cell before.
    at: Option<u32>,
}

impl<N: Iterator<Item = Note>> Sheet<N> {
    /// `None` when it is no sheet.
    fn pass(mut self, sheet: impl BufRead, out: &mut impl Write) -> Option<()> {
        let (mut reader, mut writer) = (Reader::from_reader(sheet), Writer::new(out));
        let (mut buffer, mut row, mut skipping) = (Vec::new(), Row::default(), false);
        loop {
            buffer.clear();
            let event = reader.read_event_into(&mut buffer).ok()?;
            match &event {
                Event::Eof => return Some(()),
                Event::Start(element) if is(element, "row") => {
                    let (began, note) = self.begin(element)?;
                    row = Row { note, at: None };
                    writer.write_event(Event::Start(began)).ok()?;
                }
                Event::Empty(element) if is(element, "row") => {
                    let (began, note) = self.begin(element)?;
                    let end = BytesEnd::new(format!("{}row", self.prefix));
                    writer.write_event(Event::Start(began)).ok()?;
                    self.write(note, &mut writer)?;
                    writer.write_event(Event::End(end)).ok()?;
                }
                Event::End(element) if element.local_name().as_ref() == "row" => {
                    self.write(row.note.take(), &mut writer)?;
                    writer.write_event(event).ok()?;
                }
                Event::Start(element) | Event::Empty(element) if is(element, "c") => {
                    let next = row.at.map_or(0, |at| at.saturating_add(1));
                    let at = place(element).unwrap_or(next);
                    row.at = Some(at);
                    if self.column + 1 < at {
                        self.write(row.note.take(), &mut writer)?;
                    }
                    if (self.column..=self.column + 1).contains(&at) {
                        skipping = matches!(event, Event::Start(_));
                    } else {
                        writer.write_event(event).ok()?;
                    }
                }
                Event::End(element) if skipping && element.local_name().as_ref() == "c" => {
                    skipping = false;
                }
                _ if skipping => {}
                _ => writer.write_event(event).ok()?,
            }
        }
    }

    /// A row that begins, without what it says of its width, and its note.
    fn begin(&mut self, element: &BytesStart<'_>) -> Option<(BytesStart<'static>, Option<Note>)> {
        let name = element.name().into_inner().to_owned();
        name.strip_suffix("row")?.clone_into(&mut self.prefix);
        self.row = match value(element, |name| name.as_ref() == "r") {
            Some(number) => number.parse().ok()?,
            None => self.row.checked_add(1)?,
        };
        let mut began = BytesStart::new(name);
        let others = |attribute: &Attribute<'_>| attribute.key.as_ref() != "spans";
        began.extend_attributes(element.attributes().flatten().filter(others));
        let row = self.row;
        while self.notes.next_if(|note| note.row < row).is_some() {}
        Some((began, self.notes.next_if(|note| note.row == row)))
    }

    fn write<W: Write>(&self, note: Option<Note>, writer: &mut Writer<W>) -> Option<()> {
        let Some(Note { row, result, explanation }) = note else { return Some(()) };
        let prefix = &self.prefix;
        for (column, shown) in (self.column..).zip([result, explanation]) {
            let shown: String = shown.chars().filter(|letter| is_of_xml(*letter)).collect();
            let (name, shown) = (name_of(column), escape(shown.as_str()));
            let cell = format!(
                r#"<{prefix}c r="{name}{row}" t="inlineStr"><{prefix}is><{prefix}t xml:space="preserve">{shown}</{prefix}t></{prefix}is></{prefix}c>"#
            );
            writer.write_event(Event::Text(BytesText::from_escaped(cell))).ok()?;
        }
        Some(())
    }
}

/// XML has no way to say the others.
const fn is_of_xml(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// The column of a cell, from `AB12`.
fn place(cell: &BytesStart<'_>) -> Option<u32> {
    let name = value(cell, |name| name.as_ref() == "r")?;
    let letters = name.bytes().take_while(u8::is_ascii_uppercase).take(4);
    let column = letters.fold(0, |column: u32, letter| column * 26 + u32::from(letter - b'A') + 1);
    column.checked_sub(1)
}

/// The letters of a column.
fn name_of(mut column: u32) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + u8::try_from(column % 26).unwrap_or_default()));
        if column < 26 {
            return letters.into_iter().rev().collect();
        }
        column = column / 26 - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_xlsxwriter::{Color, Format, Workbook};
    use std::io::{Cursor, Read};

    fn note(row: u32, result: &str, explanation: &str) -> Note {
        Note { row, result: result.to_owned(), explanation: explanation.to_owned() }
    }

    fn annotated(workbook: &[u8], notes: &[Note]) -> Vec<u8> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(workbook).unwrap();
        let lines: Vec<String> =
            notes.iter().map(|note| serde_json::to_string(note).unwrap()).collect();
        let mut out = Vec::new();
        annotate(&file, lines.join("\n").as_bytes(), &mut out).unwrap();
        out
    }

    fn cells(workbook: &[u8]) -> Vec<Vec<String>> {
        let mut workbook = Xlsx::new(Cursor::new(workbook)).unwrap();
        let range = workbook.worksheet_range_at(0).unwrap().unwrap();
        range.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect()
    }

    fn entry(workbook: &[u8], name: &str) -> String {
        let mut text = String::new();
        let mut archive = ZipArchive::new(Cursor::new(workbook)).unwrap();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn workbook() -> Vec<u8> {
        let mut workbook = Workbook::new();
        let red = Format::new().set_background_color(Color::Red);
        let sheet = workbook.add_worksheet();
        sheet.write_row(0, 0, ["Reference", "Lot"]).unwrap();
        sheet.write_row(1, 0, ["E1", "L1"]).unwrap();
        sheet.write_with_format(2, 0, "E2", &red).unwrap();
        // A cell that only has a colour, behind everything.
        sheet.write_blank(2, 6, &red).unwrap();
        workbook.add_worksheet().write(0, 0, "another sheet").unwrap();
        workbook.save_to_buffer().unwrap()
    }

    #[test]
    fn notes_stand_behind_the_last_column_and_nothing_else_changes() {
        let before = workbook();
        let heading = note(1, "Result", "Explanation");
        let wrong = note(3, "problem", "a < b & \u{1}c");
        let after = annotated(&before, &[heading, note(2, "accepted", ""), wrong]);
        let shown = cells(&after);
        assert_eq!(shown[0][..4], ["Reference", "Lot", "Result", "Explanation"]);
        assert_eq!(shown[1][..4], ["E1", "L1", "accepted", ""]);
        assert_eq!(shown[2][..4], ["E2", "", "problem", "a < b & c"]);
        for same in ["xl/styles.xml", "xl/worksheets/sheet2.xml", "xl/workbook.xml"] {
            assert_eq!(entry(&before, same), entry(&after, same), "{same}");
        }
        let sheet = entry(&after, "xl/worksheets/sheet1.xml");
        let places = ["A3", "C3", "D3", "G3"].map(|at| sheet.find(&format!("r=\"{at}\"")).unwrap());
        assert!(places.is_sorted(), "cells stand in the order of their columns: {sheet}");
    }

    #[test]
    fn a_second_answer_takes_the_place_of_the_first() {
        let heading = note(1, "Result", "Explanation");
        let once = annotated(&workbook(), &[heading.clone(), note(2, "problem", "no lot")]);
        let twice = annotated(&once, &[heading, note(2, "unchanged", "")]);
        let shown = cells(&twice);
        assert_eq!(shown[0][..4], ["Reference", "Lot", "Result", "Explanation"]);
        assert_eq!(shown[1][..4], ["E1", "L1", "unchanged", ""]);
    }

    #[test]
    fn columns_have_names() {
        for (column, name) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")] {
            assert_eq!(name_of(column), name);
            let cell = BytesStart::from_content(format!("c r=\"{name}7\""), 1);
            assert_eq!(place(&cell), Some(column));
        }
    }
}
