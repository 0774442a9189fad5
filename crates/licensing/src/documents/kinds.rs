//! What a file is, by its bytes: the name and the type that come with it are only claims.
//!
//! Archives are opened and inflated to nowhere, with everything counted on the way: what an
//! archive says of itself is a claim too.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};
use zip::ZipArchive;

/// Bytes that tell what a file is.
const HEAD_BYTES: u64 = 8 * 1024;
/// Entries of an archive at most.
const ENTRIES_AT_MOST: usize = 2_000;
/// Bytes of an archive when inflated, at most.
const INFLATED_AT_MOST: u64 = 256 << 20;
/// How many times larger than the file the inflated bytes may be.
const RATIO_AT_MOST: u64 = 100;
/// A small file may inflate to this much whatever the ratio: forms are mostly white space.
const INFLATED_AT_LEAST: u64 = 8 << 20;

/// Types that are taken, besides text.
const TAKEN: [&str; 5] = [PDF, "image/png", "image/jpeg", "image/tiff", "image/vnd.dwg"];
const PDF: &str = "application/pdf";
const TEXT: &str = "text/plain";
const ZIP: &str = "application/zip";
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Every type that is taken, for people.
pub(super) const TAKEN_IN_WORDS: &str = "PDF, PNG, JPEG, TIFF, DWG, DOCX, XLSX, ZIP or plain text";

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// It is nothing that is taken.
    #[error("this is no file of a type that is taken here")]
    UnknownType,
    /// It is something else than it is said to be.
    #[error("the file is said to be {claimed}, but is {found}")]
    NotWhatItSays {
        /// What was claimed.
        claimed: String,
        /// What was found.
        found: &'static str,
    },
    /// It inflates to more than anybody needs.
    #[error("the archive inflates to more than {0} bytes")]
    ArchiveBomb(u64),
    /// It has more entries than anybody needs.
    #[error("the archive has more than {ENTRIES_AT_MOST} entries")]
    TooManyEntries,
    /// It hides something.
    #[error("the archive holds another archive")]
    NestedArchive,
    /// It would do something when opened.
    #[error("the archive holds a program or macros")]
    ActiveContent,
    /// It cannot be looked into.
    #[error("the archive is encrypted or cannot be read")]
    UnreadableArchive,
    /// The disk failed.
    #[error("the file cannot be read back")]
    Disk(#[from] io::Error),
}

impl Refused {
    /// A stable word for machines.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::UnknownType => "unknown_type",
            Self::NotWhatItSays { .. } => "not_what_it_says",
            Self::ArchiveBomb(_) => "archive_bomb",
            Self::TooManyEntries => "too_many_entries",
            Self::NestedArchive => "nested_archive",
            Self::ActiveContent => "active_content",
            Self::UnreadableArchive => "unreadable_archive",
            Self::Disk(_) => "unreadable",
        }
    }
}

/// What a file is, if it is something that is taken and what it is said to be.
pub(super) fn kind_of(file: &mut File, claimed: Option<&str>) -> Result<&'static str, Refused> {
    let found = found(file)?;
    let claimed = claimed.map(essence).filter(|claimed| claimed != "application/octet-stream");
    match claimed {
        Some(claimed) if !agrees(&claimed, found) => Err(Refused::NotWhatItSays { claimed, found }),
        _ => Ok(found),
    }
}

fn found(file: &mut File) -> Result<&'static str, Refused> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    if head.starts_with(b"PK\x03\x04") {
        return archive(file);
    }
    match infer::get(&head) {
        Some(kind) => {
            TAKEN.into_iter().find(|taken| *taken == kind.mime_type()).ok_or(Refused::UnknownType)
        }
        None if is_text(file)? => Ok(TEXT),
        None => Err(Refused::UnknownType),
    }
}

fn essence(claimed: &str) -> String {
    claimed.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn agrees(claimed: &str, found: &str) -> bool {
    claimed == found
        || (found == TEXT && claimed == "text/csv")
        || (found == ZIP && claimed == "application/x-zip-compressed")
        || (found == "image/vnd.dwg" && claimed == "application/acad")
}

/// UTF-8 without control characters but those that lay text out.
fn is_text(file: &mut File) -> io::Result<bool> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    file.seek(SeekFrom::Start(0))?;
    let lays_out = |character: char| matches!(character, '\t' | '\n' | '\r');
    Ok(!bytes.is_empty()
        && std::str::from_utf8(&bytes).is_ok_and(|text| {
            text.chars().all(|character| !character.is_control() || lays_out(character))
        }))
}

/// Looks at every entry; answers what kind of archive it is.
fn archive(file: &mut File) -> Result<&'static str, Refused> {
    let size = file.metadata()?.len();
    let limit = INFLATED_AT_MOST.min((size * RATIO_AT_MOST).max(INFLATED_AT_LEAST));
    let mut archive = ZipArchive::new(&mut *file).map_err(|_| Refused::UnreadableArchive)?;
    if ENTRIES_AT_MOST < archive.len() {
        return Err(Refused::TooManyEntries);
    }
    let mut inflated = 0;
    let (mut is_office, mut kind) = (false, ZIP);
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|_| Refused::UnreadableArchive)?;
        let name = entry.name().map_err(|_| Refused::UnreadableArchive)?.into_owned();
        match name.as_str() {
            "[Content_Types].xml" => is_office = true,
            "word/document.xml" => kind = DOCX,
            "xl/workbook.xml" => kind = XLSX,
            _ if name.to_ascii_lowercase().ends_with("vbaproject.bin") => {
                return Err(Refused::ActiveContent);
            }
            _ => {}
        }
        inflated += inflate(entry, limit - inflated)?.ok_or(Refused::ArchiveBomb(limit))?;
    }
    Ok(if is_office { kind } else { ZIP })
}

/// Inflates an entry to nowhere. Nothing when it has more than so many bytes.
fn inflate(mut entry: impl Read, limit: u64) -> Result<Option<u64>, Refused> {
    let unreadable = |_| Refused::UnreadableArchive;
    let mut head = Vec::new();
    entry.by_ref().take(HEAD_BYTES.min(limit)).read_to_end(&mut head).map_err(unreadable)?;
    if head.starts_with(b"PK\x03\x04") {
        return Err(Refused::NestedArchive);
    }
    if infer::app::is_exe(&head) || infer::app::is_elf(&head) || head.starts_with(b"#!") {
        return Err(Refused::ActiveContent);
    }
    let seen = u64::try_from(head.len()).unwrap_or(u64::MAX);
    let rest = limit - seen;
    let counted = io::copy(&mut entry.take(rest + 1), &mut io::sink()).map_err(unreadable)?;
    Ok((counted <= rest).then_some(seen + counted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::{ZipWriter, write::SimpleFileOptions};

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, bytes) in entries {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn judged(bytes: &[u8], claimed: &str) -> Result<&'static str, &'static str> {
        kind_of(&mut file(bytes), Some(claimed)).map_err(|refused| refused.code())
    }

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    #[test]
    fn a_file_is_what_its_bytes_are() {
        let office = |part: &str| zipped(&[("[Content_Types].xml", b"<Types/>"), (part, b"<x/>")]);
        let macros = [("[Content_Types].xml", &b"<Types/>"[..]), ("xl/vbaProject.bin", b"x")];
        let cases: Vec<(Vec<u8>, &str, Result<&str, &str>)> = vec![
            (b"%PDF-1.7\n".to_vec(), PDF, Ok(PDF)),
            (b"%PDF-1.7\n".to_vec(), "application/octet-stream", Ok(PDF)),
            (b"%PDF-1.7\n".to_vec(), "image/png", Err("not_what_it_says")),
            (PNG.to_vec(), "image/png", Ok("image/png")),
            (PNG.to_vec(), PDF, Err("not_what_it_says")),
            ("证明,1\n".as_bytes().to_vec(), "text/csv; charset=utf-8", Ok(TEXT)),
            (b"a\0b".to_vec(), TEXT, Err("unknown_type")),
            (b"<!DOCTYPE html><script>1</script>".to_vec(), "text/html", Err("unknown_type")),
            (b"MZ\x90\0\x03".to_vec(), PDF, Err("unknown_type")),
            (office("word/document.xml"), DOCX, Ok(DOCX)),
            (office("xl/workbook.xml"), XLSX, Ok(XLSX)),
            (office("xl/workbook.xml"), DOCX, Err("not_what_it_says")),
            (zipped(&[("a.txt", b"x")]), ZIP, Ok(ZIP)),
            (zipped(&macros), XLSX, Err("active_content")),
            (zipped(&[("a.exe", b"MZ\x90\0\x03")]), ZIP, Err("active_content")),
            (zipped(&[("b.zip", &zipped(&[("a", b"x")]))]), ZIP, Err("nested_archive")),
            (b"PK\x03\x04 and nothing more".to_vec(), ZIP, Err("unreadable_archive")),
        ];
        for (bytes, claimed, expected) in cases {
            assert_eq!(judged(&bytes, claimed), expected, "{claimed}");
        }
    }

    #[test]
    fn an_archive_that_inflates_without_end_is_put_away() {
        let zeros = vec![0_u8; 9 << 20];
        let bomb = zipped(&[("zeros", &zeros)]);
        assert!(bomb.len() < 20_000);
        assert_eq!(judged(&bomb, ZIP), Err("archive_bomb"));
        let names: Vec<String> = (0..=ENTRIES_AT_MOST).map(|number| number.to_string()).collect();
        let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
        assert_eq!(judged(&zipped(&many), ZIP), Err("too_many_entries"));
    }
}
