//! Files of lines (NDJSON): one form a line, read in bounded pieces.
//!
//! A line that cannot be read is a unit too, with its fault; blank lines are none. The end of the
//! file is a line like any other, but one that breaks off there is called cut.

use super::unit::{Fault, Place, Unit};
use crate::filings::form::FilingForm;
use service::body::parse_or_violation;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
};

/// The longest line that is read: as long as the body of a single filing.
pub(super) const LINE_LIMIT_BYTES: usize = 1 << 20;
const BUFFER_BYTES: usize = 1 << 18;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a file from its beginning, and single lines again where they stand.
#[derive(Debug)]
pub(super) struct Lines {
    reader: BufReader<File>,
    at: u64,
    number: u32,
}

impl Lines {
    pub(super) fn new(mut file: File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        Ok(Self { reader: BufReader::with_capacity(BUFFER_BYTES, file), at: 0, number: 0 })
    }

    /// How far it has read.
    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    /// The next filings: none at the end of the file.
    pub(super) fn next(&mut self, most: usize, most_bytes: usize) -> io::Result<Vec<Unit>> {
        let mut units = Vec::with_capacity(most.min(1024));
        let mut bytes = 0;
        while units.len() < most && bytes < most_bytes {
            let Some(line) = self.line()? else { break };
            let Line { place, text, ended } = line;
            bytes += text.as_ref().map_or(0, Vec::len);
            match text {
                Some(text) if text.trim_ascii().is_empty() => {}
                Some(text) => units.push(unit(place, text, ended)),
                None => units.push(too_long(place)),
            }
        }
        Ok(units)
    }

    /// A filing that was read before.
    pub(super) fn again(&self, place: Place) -> io::Result<Unit> {
        let mut text = vec![0; usize::try_from(place.length).unwrap_or(0)];
        self.reader.get_ref().read_exact_at(&mut text, place.at)?;
        Ok(unit(place, text, true))
    }

    fn line(&mut self) -> io::Result<Option<Line>> {
        let mut text = Vec::new();
        let limit = u64::try_from(LINE_LIMIT_BYTES).expect("a mebibyte") + 1;
        let mut read = (&mut self.reader).take(limit).read_until(b'\n', &mut text)?;
        if read == 0 {
            return Ok(None);
        }
        let mut begins = self.at;
        self.number = self.number.saturating_add(1);
        let whole = text.ends_with(b"\n") || read <= LINE_LIMIT_BYTES;
        if !whole {
            read += self.skip_line()?;
        }
        self.at += u64::try_from(read).expect("a file's length");
        let ended = text.ends_with(b"\n");
        while text.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            text.pop();
        }
        if self.number == 1 && text.starts_with(BYTE_ORDER_MARK) {
            text.drain(..BYTE_ORDER_MARK.len());
            begins += 3;
        }
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let place = Place { number: self.number, at: begins, length };
        Ok(Some(Line { place, text: whole.then_some(text), ended }))
    }

    /// Reads to the end of a line without keeping it.
    fn skip_line(&mut self) -> io::Result<usize> {
        let mut skipped = 0;
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(skipped);
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(buffer.len(), |end| end + 1);
            self.reader.consume(used);
            skipped += used;
            if end.is_some() {
                return Ok(skipped);
            }
        }
    }
}

struct Line {
    place: Place,
    /// `None` when it is too long.
    text: Option<Vec<u8>>,
    /// Whether a line feed stands behind it.
    ended: bool,
}

fn unit(place: Place, text: Vec<u8>, ended: bool) -> Unit {
    let form = parse_or_violation::<FilingForm>(&text).map(Box::new).map_err(|violation| {
        let mut fault = Fault::from(violation);
        if fault.code == "malformed_json" && !ended && fault.detail.starts_with("EOF") {
            fault.code = "cut_off".into();
            fault.expected = Some("the whole file, which ends with a complete line".to_owned());
        }
        let whole: Option<serde_json::Value> = serde_json::from_slice(&text).ok();
        fault.value = whole.and_then(|whole| whole.pointer(&fault.pointer).cloned());
        vec![fault]
    });
    Unit { place, form, raw: text, cells: Vec::new() }
}

fn too_long(place: Place) -> Unit {
    let detail = format!("the line is longer than {LINE_LIMIT_BYTES} bytes");
    let fault = Fault::new("", "line_too_long", detail)
        .expecting(format!("one filing of at most {LINE_LIMIT_BYTES} bytes a line"));
    Unit { place, form: Err(vec![fault]), raw: Vec::new(), cells: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(bytes: &[u8]) -> Vec<Unit> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let mut lines = Lines::new(file).unwrap();
        let units = lines.next(100, usize::MAX).unwrap();
        assert_eq!(lines.at(), u64::try_from(bytes.len()).unwrap());
        for unit in &units {
            if !unit.raw.is_empty() {
                assert_eq!(lines.again(unit.place).unwrap().raw, unit.raw);
            }
        }
        units
    }

    const FORM: &str = r#"{"kind":"stocktake","reference":"R1","site":"S1"}"#;

    fn codes(bytes: &[u8]) -> Vec<String> {
        let code = |unit: Unit| match unit.form {
            Ok(form) => format!("{} {}", unit.place.number, form.reference),
            Err(faults) => format!("{} {}", unit.place.number, faults[0].code),
        };
        read(bytes).into_iter().map(code).collect()
    }

    #[test]
    fn a_mark_blank_lines_and_both_ends_of_line_are_read_over() {
        let file = format!("\u{feff}{FORM}\r\n\n  \n{FORM}\n{FORM}");
        assert_eq!(codes(file.as_bytes()), ["1 R1", "4 R1", "5 R1"]);
    }

    #[test]
    fn every_bad_line_is_named_and_its_neighbours_are_read() {
        let long = "x".repeat(LINE_LIMIT_BYTES + 1);
        let file = format!("{FORM}\n{long}\n{{\"kind\":7}}\n[]\n{FORM}\n");
        let wanted = ["1 R1", "2 line_too_long", "3 invalid_value", "4 wrong_type", "5 R1"];
        let mut codes = codes(file.as_bytes());
        // Which word serde finds for a wrong member is tested where it is made.
        for place in [2, 3] {
            let (number, code) = codes[place].split_once(' ').unwrap();
            assert!(!code.is_empty(), "line {number} has a code");
            codes[place] = wanted[place].to_owned();
        }
        assert_eq!(codes, wanted);
    }

    #[test]
    fn a_file_that_was_cut_says_so_in_its_last_line() {
        let file = format!("{FORM}\n{}", &FORM[..30]);
        assert_eq!(codes(file.as_bytes()), ["1 R1", "2 cut_off"]);
        let complete = format!("{FORM}\n{}\n", &FORM[..30]);
        assert_eq!(codes(complete.as_bytes()), ["1 R1", "2 malformed_json"]);
    }
}
