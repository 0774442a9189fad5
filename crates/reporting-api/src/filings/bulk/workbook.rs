//! Workbooks (XLSX) are read by another process, so that one made to exhaust or crash a parser
//! takes nothing with it.
//!
//! The service starts its own program once more with a word that no operator types. That process
//! gives up memory, time, files and its environment, counts what the archive inflates to before
//! it parses anything, and writes the first sheet as a table of text to a pipe. Rows keep their
//! numbers; cells merged downwards are filled; of a formula the value counts that was stored with
//! it; dates come out as dates. What is written beside its rows ([`annotation`]) is written there
//! too.

use super::{annotation, input::Unreadable, spool::Spool, table::scan, unit::Fault};
use calamine::{Data, DataRef, ExcelDateTime, Reader, Xlsx};
use rust_decimal::Decimal;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::Path,
    process::{Command, ExitCode, Stdio},
};

/// The arguments that ask for this instead of a service.
const READ: &str = "--read-workbook-from-standard-input";
const ANNOTATE: &str = "--annotate-workbook-from-standard-input";
/// What the archive may inflate to: in all, and all but the sheets.
const INFLATED_LIMIT_BYTES: u64 = 768 << 20;
const STRINGS_LIMIT_BYTES: u64 = 128 << 20;
const ENTRIES_LIMIT: usize = 500;
/// What the reading process may have.
const MEMORY_LIMIT_BYTES: u64 = 1 << 30;
/// The allocator reserves addresses this much at a time: all it may have at once would leave the
/// stack no room to grow.
const RESERVED_KIB: &str = "65536";
const PROCESSOR_LIMIT_SECONDS: u64 = 120;
const OPEN_FILES_LIMIT: u64 = 16;
/// What a sheet may hold, and what may come out of it.
const ROWS_LIMIT: u32 = 1_048_576;
const COLUMNS_LIMIT: u32 = 200;
const CELL_LIMIT_CHARACTERS: usize = 32_767;
const MERGED_LIMIT: usize = 20_000;
const OUTPUT_LIMIT_BYTES: u64 = 1 << 30;

/// Why a workbook is not read: how the process says it, and what its sender is told.
#[rustfmt::skip]
const REASONS: [(u8, &str, &str, &str); 4] = [
    (10, "not_a_workbook", "this is no workbook", "an .xlsx file, as spreadsheets save it"),
    (11, "workbook_too_large", "the workbook inflates to more than is taken", "at most 1,048,576 rows of 200 columns; or the same rows as CSV"),
    (12, "no_sheet", "the workbook has no sheet with rows", "the rows in the first sheet"),
    (13, "unreadable_workbook", "the workbook is damaged", "the same rows, saved anew or as CSV"),
];

/// Reads the first sheet of a workbook as a table, into a file that has no name.
pub(super) fn as_table(path: &Path) -> Result<File, Unreadable> {
    let mut asked = Command::new("/proc/self/exe");
    asked.arg(READ).stdin(Stdio::from(File::open(path)?));
    answered(asked, Spool::beside(path, "table")?)
}

/// The same workbook with notes beside its rows, in a file that has no name. The notes are read
/// from their beginning.
pub(super) fn annotated(path: &Path, mut notes: File) -> Result<File, Unreadable> {
    notes.seek(SeekFrom::Start(0))?;
    let mut asked = Command::new("/proc/self/exe");
    asked.arg(ANNOTATE).arg(path).stdin(Stdio::from(notes));
    answered(asked, Spool::beside(path, "annotated")?)
}

/// What the other process answers.
fn answered(mut asked: Command, mut table: File) -> Result<File, Unreadable> {
    let mut child = asked
        .env_clear()
        .env("MIMALLOC_ARENA_RESERVE", RESERVED_KIB)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let output = child.stdout.take().ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
    let copied = io::copy(&mut output.take(OUTPUT_LIMIT_BYTES), &mut table);
    if !matches!(copied, Ok(bytes) if bytes < OUTPUT_LIMIT_BYTES) {
        // It may be gone already, which is as well.
        let _ = child.kill();
    }
    let status = child.wait()?;
    copied?;
    if status.success() {
        table.seek(SeekFrom::Start(0))?;
        return Ok(table);
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    let reason = REASONS.iter().find(|(known, ..)| Some(*known) == code).unwrap_or(&REASONS[3]);
    tracing::info!(%status, reason = reason.1, "a workbook was not read");
    let fault = Fault::new("", reason.1, reason.2).expecting(reason.3);
    Err(Unreadable::Faulty(vec![fault]))
}

/// Does what this process was started for, if that is a workbook: reads the one on standard input
/// and writes its table to standard output, or annotates the one that is named with what stands on
/// standard input.
pub fn serve() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let word = arguments.next()?;
    let outcome = if word == READ {
        // Standard input is the file itself, which can be read again.
        served("/proc/self/fd/0".as_ref(), convert)
    } else if word == ANNOTATE {
        let path = arguments.next()?;
        let notes = io::stdin().lock();
        served(path.as_ref(), |file, out| annotation::annotate(file, notes, out))
    } else {
        return None;
    };
    Some(match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(refused) => ExitCode::from(refused.code()),
    })
}

fn served(
    path: &Path,
    work: impl FnOnce(&File, &mut dyn Write) -> Result<(), Refused>,
) -> Result<(), Refused> {
    let file = File::open(path).map_err(|_| Refused::Damaged)?;
    limit_myself().map_err(|_| Refused::Damaged)?;
    let mut out = BufWriter::new(io::stdout().lock());
    work(&file, &mut out)?;
    out.flush().map_err(|_| Refused::Damaged)
}

/// Gives up what reading a table does not need.
fn limit_myself() -> io::Result<()> {
    for (resource, most) in [
        (Resource::As, MEMORY_LIMIT_BYTES),
        (Resource::Cpu, PROCESSOR_LIMIT_SECONDS),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        (Resource::Nofile, OPEN_FILES_LIMIT),
    ] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    NotAWorkbook,
    TooLarge,
    NoSheet,
    Damaged,
}

impl Refused {
    const fn code(self) -> u8 {
        match self {
            Self::NotAWorkbook => REASONS[0].0,
            Self::TooLarge => REASONS[1].0,
            Self::NoSheet => REASONS[2].0,
            Self::Damaged => REASONS[3].0,
        }
    }
}

/// The first sheet as a table of text.
fn convert(file: &File, out: &mut dyn Write) -> Result<(), Refused> {
    inflate_within_limits(file)?;
    let again = file.try_clone().map_err(|_| Refused::Damaged)?;
    let mut workbook = Xlsx::new(BufReader::new(again)).map_err(|_| Refused::NotAWorkbook)?;
    let sheet = workbook.sheet_names().first().cloned().ok_or(Refused::NoSheet)?;
    let merged = merged(&mut workbook, &sheet)?;
    let mut cells = workbook.worksheet_cells_reader(&sheet).map_err(|_| Refused::Damaged)?;
    let mut table = Rows { out, merged, row: 0, cells: Vec::new(), any: false };
    while let Some(cell) = cells.next_cell().map_err(|_| Refused::Damaged)? {
        let (row, column) = cell.get_position();
        let text = text(cell.get_value());
        if !text.is_empty() {
            table.add(row, column, text)?;
        }
    }
    table.end()
}

/// Inflates every entry once without keeping it: nothing is parsed before its size is known.
pub(super) fn inflate_within_limits(file: &File) -> Result<(), Refused> {
    let again = file.try_clone().map_err(|_| Refused::Damaged)?;
    let mut archive =
        zip::ZipArchive::new(BufReader::new(again)).map_err(|_| Refused::NotAWorkbook)?;
    if ENTRIES_LIMIT < archive.len() {
        return Err(Refused::TooLarge);
    }
    let (mut all, mut strings) = (0_u64, 0_u64);
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|_| Refused::Damaged)?;
        let is_sheet = entry.name().is_ok_and(|name| name.contains("worksheets/sheet"));
        let left = INFLATED_LIMIT_BYTES - all;
        let inflated = io::copy(&mut entry.take(left + 1), &mut io::sink());
        let inflated = inflated.map_err(|_| Refused::Damaged)?;
        all += inflated;
        if !is_sheet {
            strings += inflated;
        }
        if INFLATED_LIMIT_BYTES < all || STRINGS_LIMIT_BYTES < strings {
            return Err(Refused::TooLarge);
        }
    }
    Ok(())
}

/// Cells that are merged downwards: column, first row, last row.
fn merged(workbook: &mut Xlsx<BufReader<File>>, sheet: &str) -> Result<Vec<Merged>, Refused> {
    let regions = workbook.merge_cells_by_sheet_name(sheet).map_err(|_| Refused::Damaged)?;
    if MERGED_LIMIT < regions.len() {
        return Err(Refused::TooLarge);
    }
    let mut merged: Vec<Merged> = regions
        .iter()
        .filter(|region| region.start.0 < region.end.0 && region.start.1 < COLUMNS_LIMIT)
        .map(|region| Merged {
            first: region.start.0,
            last: region.end.0,
            column: region.start.1,
            text: String::new(),
        })
        .collect();
    merged.sort_unstable_by_key(|merged| (merged.first, merged.column));
    Ok(merged)
}

struct Merged {
    first: u32,
    last: u32,
    column: u32,
    text: String,
}

/// Writes rows as they are complete; those that are missing come out blank.
struct Rows<'a> {
    out: &'a mut dyn Write,
    merged: Vec<Merged>,
    row: u32,
    cells: Vec<String>,
    any: bool,
}

impl Rows<'_> {
    fn add(&mut self, row: u32, column: u32, text: String) -> Result<(), Refused> {
        if ROWS_LIMIT <= row || COLUMNS_LIMIT <= column {
            return Err(Refused::TooLarge);
        }
        // Spreadsheets write rows in order; a sheet that does not was made by hand.
        if row < self.row {
            return Err(Refused::Damaged);
        }
        while self.row < row {
            self.write()?;
        }
        let column = usize::try_from(column).map_err(|_| Refused::TooLarge)?;
        if self.cells.len() <= column {
            self.cells.resize(column + 1, String::new());
        }
        self.cells[column] = text;
        self.any = true;
        Ok(())
    }

    fn write(&mut self) -> Result<(), Refused> {
        self.fill_merged();
        let mut line = String::new();
        scan::write_row(self.cells.iter().map(String::as_str), ',', &mut line);
        line.push('\n');
        self.out.write_all(line.as_bytes()).map_err(|_| Refused::Damaged)?;
        self.cells.clear();
        self.row += 1;
        Ok(())
    }

    /// A row that only a merged cell reaches into stays blank.
    fn fill_merged(&mut self) {
        let row = self.row;
        let has_cells = self.cells.iter().any(|cell| !cell.is_empty());
        // What ended above is not needed any more.
        self.merged.retain(|merged| row <= merged.last);
        for merged in self.merged.iter_mut().take_while(|merged| merged.first <= row) {
            let Ok(column) = usize::try_from(merged.column) else { continue };
            if merged.first == row {
                merged.text = self.cells.get(column).cloned().unwrap_or_default();
            } else if has_cells && !merged.text.is_empty() {
                if self.cells.len() <= column {
                    self.cells.resize(column + 1, String::new());
                }
                if self.cells[column].is_empty() {
                    self.cells[column].clone_from(&merged.text);
                }
            }
        }
    }

    fn end(mut self) -> Result<(), Refused> {
        if !self.any {
            return Err(Refused::NoSheet);
        }
        self.write()
    }
}

/// What a cell shows, as the table's reader takes it.
pub(super) fn text(value: &DataRef<'_>) -> String {
    let text = match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number_text(*number),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(yes) => if *yes { "1" } else { "0" }.to_owned(),
        DataRef::DateTime(moment) => moment_text(moment),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            text.clone()
        }
        DataRef::Error(error) => Data::Error(error.clone()).to_string(),
        DataRef::Empty => String::new(),
    };
    text.chars().take(CELL_LIMIT_CHARACTERS).filter(|character| *character != '\0').collect()
}

/// Fifteen digits, as spreadsheets show them: what they hold beyond is noise.
fn number_text(number: f64) -> String {
    let scientific = format!("{number:.14e}");
    match Decimal::from_scientific(&scientific) {
        Ok(decimal) => decimal.normalize().to_string(),
        Err(_) => number.to_string(),
    }
}

fn moment_text(moment: &ExcelDateTime) -> String {
    if !moment.is_datetime() {
        return number_text(moment.as_f64());
    }
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    // Half a second is noise of the day's fraction.
    let rounded = u32::from(second) + u32::from(500 <= milli);
    let (minute, second) = (u32::from(minute) + rounded / 60, rounded % 60);
    let (hour, minute) = (u32::from(hour) + minute / 60, minute % 60);
    if hour == 0 && minute == 0 && second == 0 {
        return format!("{year:04}-{month:02}-{day:02}");
    }
    if 24 <= hour {
        return number_text(moment.as_f64());
    }
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_xlsxwriter::{ExcelDateTime as Written, Format, Formula, Workbook};

    fn table(fill: impl FnOnce(&mut Workbook)) -> Result<String, Refused> {
        let mut workbook = Workbook::new();
        fill(&mut workbook);
        of_bytes(&workbook.save_to_buffer().unwrap())
    }

    fn of_bytes(bytes: &[u8]) -> Result<String, Refused> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let mut out = Vec::new();
        convert(&file, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn cells_come_out_as_they_are_shown_and_rows_keep_their_numbers() {
        let date = Format::new().set_num_format("yyyy-mm-dd hh:mm");
        let out = table(|workbook| {
            let sheet = workbook.add_worksheet();
            sheet.write(0, 0, "编号").unwrap();
            sheet.write(0, 1, "数量, 千克").unwrap();
            sheet.write(2, 0, "E1").unwrap();
            sheet.write(2, 1, 0.1 + 0.2).unwrap();
            let moment = Written::parse_from_str("2026-10-03 09:30").unwrap();
            sheet.write_with_format(2, 2, &moment, &date).unwrap();
            sheet.write_formula(3, 1, Formula::new("=1+1").set_result("2")).unwrap();
            sheet.write(3, 3, true).unwrap();
        });
        assert_eq!(out.unwrap(), "编号,\"数量, 千克\"\n\nE1,0.3,2026-10-03 09:30:00\n,2,,1\n");
    }

    #[test]
    fn a_cell_merged_downwards_counts_for_each_row_it_covers() {
        let out = table(|workbook| {
            let sheet = workbook.add_worksheet();
            sheet.write(0, 0, "编号").unwrap();
            sheet.merge_range(1, 0, 3, 0, "E1", &Format::new()).unwrap();
            sheet.write(1, 1, "a").unwrap();
            sheet.write(2, 1, "b").unwrap();
            sheet.write(4, 1, "c").unwrap();
        });
        assert_eq!(out.unwrap(), "编号\nE1,a\nE1,b\n\n,c\n");
    }

    #[test]
    fn what_is_no_workbook_or_has_no_rows_is_refused() {
        assert_eq!(of_bytes(b"").unwrap_err(), Refused::NotAWorkbook);
        assert_eq!(of_bytes(b"PK\x03\x04 and nothing more").unwrap_err(), Refused::NotAWorkbook);
        let empty = table(|workbook| {
            workbook.add_worksheet();
        });
        assert_eq!(empty.unwrap_err(), Refused::NoSheet);
    }
}
