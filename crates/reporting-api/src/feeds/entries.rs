//! The entries of a feed, cut out of a body as it arrives: a JSON array, or one entry a line.
//!
//! Memory holds one entry at a time, whatever the size of the body. What is between entries is
//! looked at only as far as it takes to find them; each entry is parsed on its own afterwards.

/// The longest entry that is read.
pub(super) const ENTRY_LIMIT_BYTES: usize = 1 << 20;

/// How entries stand in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// A JSON array of objects.
    Array,
    /// NDJSON: one object a line; blank lines are none.
    Lines,
}

/// An entry as it stands in the body; `None` when it is too long to be read.
pub(super) type Piece = Option<Vec<u8>>;

/// The body is no array of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAnArray {
    /// Counted from 0.
    pub(super) byte: usize,
}

/// Cuts a body into entries.
#[derive(Debug)]
pub(super) struct Cutter {
    layout: Layout,
    entry: Vec<u8>,
    is_too_long: bool,
    /// How deep in objects and arrays of the entry the next byte is.
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    place: Place,
    byte: usize,
}

/// Where in an array the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Before,
    /// An entry must follow, or, right after the bracket, the end.
    BeforeEntry {
        first: bool,
    },
    Inside,
    AfterEntry,
    Behind,
}

impl Cutter {
    pub(super) const fn new(layout: Layout) -> Self {
        Self {
            layout,
            entry: Vec::new(),
            is_too_long: false,
            depth: 0,
            in_string: false,
            is_escaped: false,
            place: Place::Before,
            byte: 0,
        }
    }

    /// Takes the next bytes; every entry that ends in them goes to `found`.
    pub(super) fn push(&mut self, bytes: &[u8], found: &mut Vec<Piece>) -> Result<(), NotAnArray> {
        for byte in bytes {
            match self.layout {
                Layout::Lines => self.line_byte(*byte, found),
                Layout::Array => self.array_byte(*byte, found)?,
            }
            self.byte += 1;
        }
        Ok(())
    }

    /// The body ended. An array that does not end is none; a last line needs no end.
    pub(super) fn finish(mut self, found: &mut Vec<Piece>) -> Result<(), NotAnArray> {
        match self.layout {
            Layout::Lines => self.line_byte(b'\n', found),
            Layout::Array if self.place != Place::Behind => {
                return Err(NotAnArray { byte: self.byte });
            }
            Layout::Array => {}
        }
        Ok(())
    }

    fn line_byte(&mut self, byte: u8, found: &mut Vec<Piece>) {
        if byte != b'\n' {
            self.keep(byte);
        } else if self.is_too_long || !self.entry.trim_ascii().is_empty() {
            found.push(self.taken());
        } else {
            self.entry.clear();
        }
    }

    fn array_byte(&mut self, byte: u8, found: &mut Vec<Piece>) -> Result<(), NotAnArray> {
        let blank = byte.is_ascii_whitespace();
        self.place = match (self.place, byte) {
            (Place::Inside, _) => {
                self.inside(byte, found);
                return Ok(());
            }
            (place, _) if blank => place,
            (Place::Before, b'[') => Place::BeforeEntry { first: true },
            (Place::BeforeEntry { first: true } | Place::AfterEntry, b']') => Place::Behind,
            (Place::AfterEntry, b',') => Place::BeforeEntry { first: false },
            (Place::BeforeEntry { .. }, b'{') => {
                self.keep(byte);
                self.depth = 1;
                Place::Inside
            }
            _ => return Err(NotAnArray { byte: self.byte }),
        };
        Ok(())
    }

    fn inside(&mut self, byte: u8, found: &mut Vec<Piece>) {
        self.keep(byte);
        if self.in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
        if self.depth == 0 {
            self.place = Place::AfterEntry;
            found.push(self.taken());
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.entry.len() < ENTRY_LIMIT_BYTES {
            self.entry.push(byte);
        } else {
            self.is_too_long = true;
        }
    }

    fn taken(&mut self) -> Piece {
        let entry = std::mem::take(&mut self.entry);
        (!std::mem::take(&mut self.is_too_long)).then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(layout: Layout, pieces: &[&[u8]]) -> Result<Vec<Option<String>>, NotAnArray> {
        let (mut cutter, mut found) = (Cutter::new(layout), Vec::new());
        for piece in pieces {
            cutter.push(piece, &mut found)?;
        }
        cutter.finish(&mut found)?;
        let text = |piece: Piece| piece.map(|bytes| String::from_utf8(bytes).unwrap());
        Ok(found.into_iter().map(text).collect())
    }

    #[test]
    fn entries_are_found_in_arrays_and_lines() {
        let entries = |layout, body: &str| {
            let found = cut(layout, &[body.as_bytes()]);
            found.map(|found| found.into_iter().map(Option::unwrap).collect::<Vec<_>>())
        };
        let (array, lines) = (Layout::Array, Layout::Lines);
        assert_eq!(
            entries(array, " [ {\"a\":[1,{\"b\":\"}]\\\"\"}]} ,\n{} ] "),
            Ok(vec!["{\"a\":[1,{\"b\":\"}]\\\"\"}]}".to_owned(), "{}".to_owned()])
        );
        assert_eq!(entries(array, "[]"), Ok(vec![]));
        assert_eq!(
            entries(lines, "{\"a\":1}\r\n\n  \n{\"b\":2}"),
            Ok(vec!["{\"a\":1}\r".to_owned(), "{\"b\":2}".to_owned()])
        );
        assert_eq!(entries(lines, ""), Ok(vec![]));
        for (body, byte) in [
            ("", 0),
            ("{}", 0),
            ("[1]", 1),
            ("[{},]", 4),
            ("[{}", 3),
            ("[{}] x", 5),
            ("[{", 2),
            ("[,]", 1),
        ] {
            assert_eq!(entries(array, body), Err(NotAnArray { byte }), "{body}");
        }
    }

    #[test]
    fn an_entry_that_is_too_long_is_passed_over_and_the_next_is_found() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(ENTRY_LIMIT_BYTES));
        let array = format!("[{long},{{}}]");
        assert_eq!(cut(Layout::Array, &[array.as_bytes()]), Ok(vec![None, Some("{}".to_owned())]));
        let lines = format!("{long}\n{{}}");
        assert_eq!(cut(Layout::Lines, &[lines.as_bytes()]), Ok(vec![None, Some("{}".to_owned())]));
    }

    proptest! {
        #[test]
        fn where_the_body_is_torn_makes_no_difference(
            values in prop::collection::vec("[a-z\"\\\\{}\\[\\],]{0,12}", 0..6), tear in 0_usize..200,
        ) {
            let entries: Vec<String> =
                values.iter().map(|value| serde_json::json!({"value": value}).to_string()).collect();
            for (layout, body) in [
                (Layout::Array, format!("[{}]", entries.join(","))),
                (Layout::Lines, entries.join("\n")),
            ] {
                let (one, other) = body.as_bytes().split_at(tear.min(body.len()));
                let found: Vec<String> =
                    cut(layout, &[one, other]).unwrap().into_iter().map(Option::unwrap).collect();
                prop_assert_eq!(&found, &entries);
            }
        }

        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for layout in [Layout::Array, Layout::Lines] {
                let (mut cutter, mut found) = (Cutter::new(layout), Vec::new());
                if cutter.push(&bytes, &mut found).is_ok() {
                    let _ = cutter.finish(&mut found);
                }
            }
        }
    }
}
