//! Tables: one row is one line of a filing, rows with one reference and kind are one filing.
//!
//! The rows of a filing may stand anywhere in the file. A first pass finds where each row lies and
//! which filing it belongs to (16 bytes a row); filings are then read in the order of their first
//! rows. A file is in UTF-8, with or without a mark, or in GB18030 as Chinese Excel writes it.

pub(crate) mod cells;
mod form;
pub(crate) mod headings;
pub(crate) mod scan;

use super::{
    input::Unreadable,
    unit::{Cell, Fault, Place, Unit},
};
use encoding_rs::GB18030;
use form::Row;
pub use headings::Mapping;
use headings::{Column, Field, columns};
use scan::{ROW_LIMIT_BYTES, Rows, Span};
use std::{
    collections::HashMap,
    fs::File,
    hash::{BuildHasher, RandomState},
    io::{self, BufReader},
    os::unix::fs::FileExt,
};

const BUFFER_BYTES: usize = 1 << 18;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Columns of a table, at most.
const COLUMNS_LIMIT: usize = 200;
/// Rows of one filing, at most: more than it may have lines, so that the check tells.
const ROWS_OF_A_FILING_LIMIT: usize = 2_000;

/// In which encoding the letters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letters {
    Utf8,
    Gb18030,
}

/// Where a row lies.
#[derive(Clone, Copy, Debug)]
struct RowAt {
    at: u64,
    length: u32,
    number: u32,
}

/// A table that has been gone through once.
#[derive(Debug)]
pub(super) struct Table {
    file: File,
    letters: Letters,
    delimiter: char,
    headings: Vec<String>,
    columns: Vec<Option<Column>>,
    /// Every row, those of one filing together, filings in the order of their first rows.
    rows: Vec<RowAt>,
    /// Where in `rows` each filing begins.
    filings: Vec<u32>,
    /// Which filing is read next.
    next: usize,
    /// The end of the file breaks off in this row.
    cut: Option<u32>,
    window: Window,
    at: u64,
}

/// To which filing a row belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Belongs {
    /// It is blank.
    Nowhere,
    /// Its reference cannot be read: a filing of its own, with its fault.
    Alone,
    /// To that with this fingerprint.
    To(u64),
}

/// A piece of the file in memory: rows that lie together are read together.
#[derive(Debug, Default)]
struct Window {
    at: u64,
    bytes: Vec<u8>,
}

impl Table {
    pub(super) fn open(file: File, own: &Mapping) -> Result<Self, Unreadable> {
        let mut first = [0; 3];
        let marked = file.read_at(&mut first, 0)? == 3 && first == BYTE_ORDER_MARK;
        let begin = if marked { 3 } else { 0 };
        let mut bytes = Vec::new();
        let mut rows = Rows::new(BufReader::new(file.try_clone()?), begin, b'\n')?;
        let heading = rows.next(&mut bytes)?.ok_or_else(no_heading)?;
        let delimiter = scan::delimiter(&bytes);
        let mut rows =
            Rows::new(BufReader::with_capacity(BUFFER_BYTES, file.try_clone()?), begin, delimiter)?;
        rows.next(&mut bytes)?;
        let letters = letters(&file, rows.at(), delimiter, &bytes)?;
        // All handles of a file share one place in it, and finding the letters has moved that.
        let reader = BufReader::with_capacity(BUFFER_BYTES, file.try_clone()?);
        let rows = Rows::new(reader, rows.at(), delimiter)?;
        let heading_text = decoded(&bytes, letters).ok_or_else(|| garbled(1))?;
        let delimiter = char::from(delimiter);
        let headings: Vec<String> = scan::cells(&heading_text, delimiter)
            .iter()
            .map(|cell| cells::trimmed(scan::unguarded(cell)).to_owned())
            .collect();
        if heading.unclosed || COLUMNS_LIMIT < headings.len() {
            return Err(no_heading());
        }
        let columns = columns(&headings, own).map_err(Unreadable::Faulty)?;
        let mut table = Self {
            file,
            letters,
            delimiter,
            headings,
            columns,
            rows: Vec::new(),
            filings: Vec::new(),
            next: 0,
            cut: None,
            window: Window::default(),
            at: rows.at(),
        };
        table.find_rows(rows)?;
        Ok(table)
    }

    /// Goes through the file once and puts rows together that belong together.
    fn find_rows(&mut self, mut rows: Rows<BufReader<File>>) -> io::Result<()> {
        let state = RandomState::new();
        let mut filings: HashMap<u64, u32> = HashMap::new();
        let mut found: Vec<(u32, RowAt)> = Vec::new();
        let (mut bytes, mut number, mut next) = (Vec::new(), 1_u32, 0_u32);
        while let Some(span) = rows.next(&mut bytes)? {
            number = number.saturating_add(1);
            let cut = !span.ended && self.is_cut(&bytes, span);
            if cut {
                self.cut = Some(number);
            }
            let filing = match self.key(&bytes, span, &state) {
                Belongs::Nowhere => continue,
                Belongs::To(key) if !cut => *filings.entry(key).or_insert_with(|| {
                    next += 1;
                    next - 1
                }),
                Belongs::To(_) | Belongs::Alone => {
                    next += 1;
                    next - 1
                }
            };
            found.push((filing, RowAt { at: span.at, length: span.length, number }));
        }
        drop(filings);
        found.sort_unstable_by_key(|(filing, row)| (*filing, row.number));
        self.rows = Vec::with_capacity(found.len());
        for (filing, row) in found {
            if usize::try_from(filing).is_ok_and(|filing| self.filings.len() <= filing) {
                self.filings.push(u32::try_from(self.rows.len()).unwrap_or(u32::MAX));
            }
            self.rows.push(row);
        }
        Ok(())
    }

    /// Which filing a row belongs to.
    fn key(&self, bytes: &[u8], span: Span, state: &RandomState) -> Belongs {
        let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == self.delimiter as u8;
        if bytes.iter().all(blank) {
            return Belongs::Nowhere;
        }
        if span.unclosed {
            return Belongs::Alone;
        }
        let Some(text) = decoded(bytes, self.letters) else { return Belongs::Alone };
        let row = Row { number: 0, cells: scan::cells(&text, self.delimiter) };
        // A reference is unique within its organisation: rows of another kind under the same one
        // belong to this filing too, which is then told that its rows differ.
        let Some(reference) = form::text(&row, &self.columns, Field::Reference) else {
            return Belongs::Alone;
        };
        let version = form::text(&row, &self.columns, Field::CorrectionVersion);
        Belongs::To(state.hash_one((reference, version)))
    }

    /// Whether the last row, which no end of line follows, breaks off.
    fn is_cut(&self, bytes: &[u8], span: Span) -> bool {
        let Some(text) = decoded(bytes, self.letters) else { return true };
        span.unclosed || scan::cells(&text, self.delimiter).len() < self.headings.len()
    }

    /// The next filings: none at the end.
    pub(super) fn next(&mut self, most: usize, most_bytes: usize) -> io::Result<Vec<Unit>> {
        let mut units = Vec::with_capacity(most.min(1024));
        let mut bytes = 0;
        while units.len() < most && bytes < most_bytes && self.next < self.filings.len() {
            let unit = self.unit(self.next)?;
            bytes += unit.raw.len();
            self.next += 1;
            units.push(unit);
        }
        Ok(units)
    }

    /// A filing that was read before.
    pub(super) fn again(&mut self, place: Place) -> io::Result<Unit> {
        self.unit(usize::try_from(place.at).unwrap_or(usize::MAX))
    }

    fn unit(&mut self, filing: usize) -> io::Result<Unit> {
        let index = |filing: usize| {
            let begin = self.filings.get(filing).copied();
            begin.and_then(|begin| usize::try_from(begin).ok()).unwrap_or(self.rows.len())
        };
        let all = self.rows[index(filing)..index(filing + 1)].to_vec();
        let number = all.first().map_or(0, |row| row.number);
        let at = u64::try_from(filing).unwrap_or(u64::MAX);
        let place = Place { number, at, length: 0 };
        let (mut rows, mut faults, mut raw) = (Vec::new(), Vec::new(), String::new());
        for row_at in all.iter().take(ROWS_OF_A_FILING_LIMIT) {
            self.at = self.at.max(row_at.at + u64::from(row_at.length));
            match self.row(*row_at)? {
                Ok(row) => {
                    if !raw.is_empty() {
                        raw.push('\n');
                    }
                    scan::write_row(row.cells.iter().map(String::as_str), self.delimiter, &mut raw);
                    rows.push(row);
                }
                Err(fault) => {
                    raw.push_str(&self.as_it_came(*row_at)?);
                    faults.push(fault);
                }
            }
        }
        if ROWS_OF_A_FILING_LIMIT < all.len() {
            let detail = format!("{} rows say the same reference", all.len());
            let fault = Fault::new("", "too_many_lines", detail);
            faults.push(fault.expecting("at most 1000 lines in one filing"));
        }
        let (form, cells): (_, Vec<Cell>) = if faults.is_empty() {
            form::form(&rows, &self.columns)
        } else {
            (Err(faults), Vec::new())
        };
        Ok(Unit { place, form, raw: raw.into_bytes(), cells })
    }

    /// A row that cannot be read, as far as it can be shown.
    fn as_it_came(&mut self, row: RowAt) -> io::Result<String> {
        if self.cut == Some(row.number) {
            return Ok(String::new());
        }
        let bytes = self.window.read(&self.file, row)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    fn row(&mut self, row: RowAt) -> io::Result<Result<Row, Fault>> {
        let number = row.number;
        let (letters, delimiter, cut) = (self.letters, self.delimiter, self.cut);
        let bytes = self.window.read(&self.file, row)?;
        let fault = |code, detail: &str, expected: &str| {
            let fault = Fault::new("", code, detail).expecting(expected);
            Fault { row: Some(number), ..fault }
        };
        if cut == Some(number) {
            let detail = "the last row breaks off: the file was cut";
            return Ok(Err(fault("cut_off", detail, "the whole file, exported or uploaded again")));
        }
        let Some(text) = decoded(bytes, letters) else {
            let detail = "this row is in another encoding than the file";
            let expected = "one encoding, UTF-8 or GB18030, for the whole file";
            return Ok(Err(fault("mixed_encodings", detail, expected)));
        };
        if text.starts_with('"') && ROW_LIMIT_BYTES <= text.len() || unclosed(&text, delimiter) {
            let detail = "a quote is opened in this row and never closed";
            return Ok(Err(fault("unclosed_quote", detail, "a second quote, or none")));
        }
        if text.contains('\0') {
            let detail = "a cell holds the character U+0000, which cannot be stored";
            return Ok(Err(fault("nul_character", detail, "text without U+0000")));
        }
        Ok(Ok(Row { number, cells: scan::cells(&text, delimiter) }))
    }

    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn headings(&self) -> Vec<String> {
        self.headings.clone()
    }

    /// The heading as a line, for rows that are sent back.
    pub(super) fn heading_line(&self) -> String {
        let mut line = String::new();
        scan::write_row(self.headings.iter().map(String::as_str), self.delimiter, &mut line);
        line
    }
}

impl Window {
    fn read(&mut self, file: &File, row: RowAt) -> io::Result<&[u8]> {
        let length = usize::try_from(row.length).unwrap_or(usize::MAX);
        let inside = |window: &Self| {
            let from = usize::try_from(row.at.checked_sub(window.at)?).ok()?;
            (from + length <= window.bytes.len()).then_some(from..from + length)
        };
        if inside(self).is_none() {
            self.at = row.at;
            self.bytes.resize(length.max(BUFFER_BYTES), 0);
            let mut read = 0;
            while read < self.bytes.len() {
                let at = row.at + u64::try_from(read).unwrap_or(0);
                match file.read_at(&mut self.bytes[read..], at)? {
                    0 => break,
                    more => read += more,
                }
            }
            self.bytes.truncate(read);
        }
        let range = inside(self).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(&self.bytes[range])
    }
}

/// Which encoding a file is in, by its heading and, where that is plain ASCII, by its rows.
fn letters(file: &File, from: u64, delimiter: u8, heading: &[u8]) -> io::Result<Letters> {
    match std::str::from_utf8(heading) {
        Err(_) => return Ok(Letters::Gb18030),
        Ok(text) if !text.is_ascii() => return Ok(Letters::Utf8),
        Ok(_) => {}
    }
    let mut rows =
        Rows::new(BufReader::with_capacity(BUFFER_BYTES, file.try_clone()?), from, delimiter)?;
    let mut bytes = Vec::new();
    while let Some(span) = rows.next(&mut bytes)? {
        match std::str::from_utf8(&bytes) {
            Ok(text) if is_surely_utf8(text) => return Ok(Letters::Utf8),
            Err(_) if span.ended => return Ok(Letters::Gb18030),
            _ => {}
        }
    }
    Ok(Letters::Utf8)
}

/// A character of three bytes or more is no accident of another encoding.
fn is_surely_utf8(text: &str) -> bool {
    text.chars().any(|character| 3 <= character.len_utf8())
}

/// The text of a row; `None` when it is in another encoding than its file.
fn decoded(bytes: &[u8], letters: Letters) -> Option<std::borrow::Cow<'_, str>> {
    match (letters, std::str::from_utf8(bytes)) {
        (Letters::Utf8, text) => text.ok().map(Into::into),
        (Letters::Gb18030, Ok(text)) if text.is_ascii() => Some(text.into()),
        (Letters::Gb18030, Ok(text)) if is_surely_utf8(text) => None,
        (Letters::Gb18030, _) => GB18030.decode_without_bom_handling_and_without_replacement(bytes),
    }
}

fn unclosed(text: &str, delimiter: char) -> bool {
    let mut quoted = false;
    let mut start = true;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
            }
            '"' if quoted => quoted = false,
            '"' if start => (quoted, start) = (true, false),
            character => start = character == delimiter && !quoted,
        }
    }
    quoted
}

fn no_heading() -> Unreadable {
    let detail = "the first row is no heading";
    let fault =
        Fault::new("", "no_such_column", detail).expecting("a first row that names the columns");
    Unreadable::Faulty(vec![Fault { row: Some(1), ..fault }])
}

fn garbled(row: u32) -> Unreadable {
    let detail = "the heading is neither UTF-8 nor GB18030";
    let fault = Fault::new("", "mixed_encodings", detail).expecting("UTF-8 or GB18030");
    Unreadable::Faulty(vec![Fault { row: Some(row), ..fault }])
}
