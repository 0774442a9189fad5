//! Where the rows of a table begin and end, in bytes, before anything is decoded.
//!
//! Neither UTF-8 nor GB18030 has a quote, a separator or an end of line among the later bytes of a
//! character, so this works on bytes. A quote that is never closed would swallow the rest of the
//! file: a row longer than any filing is called unclosed, and reading goes on after its first
//! line.

use std::io::{self, BufRead, Seek, SeekFrom};

/// The longest row that is read.
pub(super) const ROW_LIMIT_BYTES: usize = 1 << 20;

/// A row as it lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) at: u64,
    pub(super) length: u32,
    /// Whether an end of line stands behind it.
    pub(super) ended: bool,
    /// Whether a quote was opened and not closed.
    pub(super) unclosed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a cell, where a quote opens.
    CellStart,
    Plain,
    Quoted,
    /// After a quote inside quotes: a second one means itself.
    QuoteSeen,
}

/// Finds rows one after the other.
#[derive(Debug)]
pub(super) struct Rows<R> {
    reader: R,
    at: u64,
    delimiter: u8,
}

impl<R: BufRead + Seek> Rows<R> {
    pub(super) fn new(mut reader: R, at: u64, delimiter: u8) -> io::Result<Self> {
        reader.seek(SeekFrom::Start(at))?;
        Ok(Self { reader, at, delimiter })
    }

    /// The next row; its bytes are appended to `bytes` without the end of line.
    pub(super) fn next(&mut self, bytes: &mut Vec<u8>) -> io::Result<Option<Span>> {
        let at = self.at;
        bytes.clear();
        let mut state = State::CellStart;
        let (mut used, mut ended) = (0_usize, false);
        while !ended && used <= ROW_LIMIT_BYTES {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            let mut taken = buffer.len();
            for (index, byte) in buffer.iter().enumerate() {
                state = next_state(state, *byte, self.delimiter);
                if *byte == b'\n' && state != State::Quoted {
                    (taken, ended) = (index + 1, true);
                    break;
                }
            }
            bytes.extend_from_slice(&buffer[..taken]);
            self.reader.consume(taken);
            used += taken;
        }
        if used == 0 {
            return Ok(None);
        }
        let unclosed = state == State::Quoted;
        if unclosed {
            let first_line = bytes.iter().position(|byte| *byte == b'\n');
            let length = first_line.map_or(bytes.len(), |end| end + 1);
            bytes.truncate(length);
            used = length;
            ended = first_line.is_some();
            self.reader.seek(SeekFrom::Start(at + as_u64(used)))?;
        }
        self.at = at + as_u64(used);
        while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            bytes.pop();
        }
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Ok(Some(Span { at, length, ended, unclosed }))
    }

    /// How far it has read.
    pub(super) const fn at(&self) -> u64 {
        self.at
    }
}

fn next_state(state: State, byte: u8, delimiter: u8) -> State {
    match (state, byte) {
        (State::Quoted, b'"') => State::QuoteSeen,
        (State::CellStart | State::QuoteSeen, b'"') | (State::Quoted, _) => State::Quoted,
        (_, byte) if byte == delimiter || byte == b'\n' => State::CellStart,
        _ => State::Plain,
    }
}

/// Splits a row into its cells.
pub(super) fn cells(row: &str, delimiter: char) -> Vec<String> {
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut characters = row.chars().peekable();
    let (mut quoted, mut start) = (false, true);
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if start => (quoted, start) = (true, false),
            character if character == delimiter && !quoted => {
                cells.push(std::mem::take(&mut cell));
                start = true;
            }
            character => {
                cell.push(character);
                start = false;
            }
        }
    }
    cells.push(cell);
    cells
}

/// The separator of a heading: whichever of comma, semicolon and tab stands there most often.
pub(super) fn delimiter(heading: &[u8]) -> u8 {
    let count = |wanted: u8| {
        let mut quoted = false;
        let seen = heading.iter().filter(|byte| {
            quoted ^= **byte == b'"';
            **byte == wanted && !quoted
        });
        seen.count()
    };
    [b'\t', b';', b','].into_iter().max_by_key(|wanted| count(*wanted)).unwrap_or(b',')
}

/// Appends a row with its cells quoted where they must be, and guarded against being formulas.
pub(crate) fn write_row<'a>(
    cells: impl Iterator<Item = &'a str>,
    delimiter: char,
    out: &mut String,
) {
    for (index, cell) in cells.enumerate() {
        if 0 < index {
            out.push(delimiter);
        }
        let cell = guarded(cell);
        let special =
            |character: char| matches!(character, '"' | '\n' | '\r') || character == delimiter;
        if cell.contains(special) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
}

/// A cell that no spreadsheet takes for a formula (OWASP, CSV injection).
pub(crate) fn guarded(cell: &str) -> std::borrow::Cow<'_, str> {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula { format!("'{cell}").into() } else { cell.into() }
}

/// The cell that was guarded.
pub(super) fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest,
        _ => cell,
    }
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).expect("a length in memory")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn rows(text: &str) -> Vec<(String, bool, bool)> {
        let mut rows = Rows::new(Cursor::new(text.as_bytes()), 0, b',').unwrap();
        let (mut found, mut bytes) = (Vec::new(), Vec::new());
        while let Some(span) = rows.next(&mut bytes).unwrap() {
            let at = usize::try_from(span.at).unwrap();
            let length = usize::try_from(span.length).unwrap();
            assert_eq!(&text.as_bytes()[at..at + length], bytes);
            found.push((String::from_utf8(bytes.clone()).unwrap(), span.ended, span.unclosed));
        }
        found
    }

    #[test]
    fn a_line_feed_in_quotes_belongs_to_the_cell() {
        let found = rows("a,\"b\nc\"\r\n5\" pipe,d\n\"x\"\"\ny\",z");
        let texts: Vec<&str> = found.iter().map(|(text, ..)| text.as_str()).collect();
        assert_eq!(texts, ["a,\"b\nc\"", "5\" pipe,d", "\"x\"\"\ny\",z"]);
        assert_eq!(cells(texts[2], ','), ["x\"\ny", "z"]);
        assert_eq!(cells(texts[1], ','), ["5\" pipe", "d"]);
        assert!(!found[2].1, "the last row has no end of line");
    }

    #[test]
    fn a_quote_that_is_not_closed_costs_its_own_row_only() {
        let found = rows("a,b\nc,\"d\ne,f\n");
        assert_eq!(
            found,
            [
                ("a,b".to_owned(), true, false),
                ("c,\"d".to_owned(), true, true),
                ("e,f".to_owned(), true, false)
            ]
        );
    }

    #[test]
    fn the_separator_is_the_commonest_outside_quotes() {
        assert_eq!(delimiter(b"a,b;c,d"), b',');
        assert_eq!(delimiter("编号;\"a,b,c\";数量".as_bytes()), b';');
        assert_eq!(delimiter(b"a\tb"), b'\t');
        assert_eq!(delimiter(b"alone"), b',');
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(cells_in in prop::collection::vec("[-=+@a\"',;\\n 镝]{0,6}", 1..6)) {
            let mut row = String::new();
            write_row(cells_in.iter().map(String::as_str), ';', &mut row);
            for cell in cells(&row, ';') {
                prop_assert!(!cell.starts_with(['=', '+', '-', '@']));
            }
            let read: Vec<String> =
                cells(&row, ';').iter().map(|cell| unguarded(cell).to_owned()).collect();
            // A cell that was guarded before it came here loses that guard.
            let wanted: Vec<String> = cells_in.iter().map(|cell| unguarded(cell).to_owned()).collect();
            prop_assert_eq!(read, wanted);
            let mut spans = Rows::new(Cursor::new(row.as_bytes()), 0, b';').unwrap();
            let mut bytes = Vec::new();
            if spans.next(&mut bytes).unwrap().is_some() {
                prop_assert!(spans.next(&mut bytes).unwrap().is_none(), "one row stays one row");
            }
        }
    }
}
