//! The file behind a job, whatever its format: filings one after the other, and again by place.

use super::{
    lines::Lines,
    table::{Mapping, Table},
    unit::{Fault, Place, Unit},
    workbook,
};
use serde::{Deserialize, Serialize};
use std::{fs::File, io, path::Path};
use utoipa::ToSchema;

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One filing as JSON a line.
    Ndjson,
    /// A table: one row a line of a filing.
    Csv,
    /// The first sheet of a workbook, read like a table.
    Xlsx,
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// It is not what it says it is; its sender can mend that.
    #[error("the file cannot be read as a whole")]
    Faulty(Vec<Fault>),
    #[error("the file cannot be read from the disk")]
    Disk(#[from] io::Error),
}

/// An open file.
#[derive(Debug)]
pub(super) enum Input {
    Lines(Lines),
    Table(Box<Table>),
}

impl Format {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Ndjson, Self::Csv, Self::Xlsx].into_iter().find(|format| format.as_str() == word)
    }
}

impl Input {
    /// Opens the file of a job; a table's headings are read with the organisation's own names.
    pub(super) fn open(path: &Path, format: Format, own: &Mapping) -> Result<Self, Unreadable> {
        match format {
            Format::Ndjson => Ok(Self::Lines(Lines::new(File::open(path)?)?)),
            Format::Csv => Ok(Self::Table(Box::new(Table::open(File::open(path)?, own)?))),
            Format::Xlsx => Ok(Self::Table(Box::new(Table::open(workbook::as_table(path)?, own)?))),
        }
    }

    /// The next filings: none at the end of the file.
    pub(super) fn next(&mut self, most: usize, most_bytes: usize) -> io::Result<Vec<Unit>> {
        match self {
            Self::Lines(lines) => lines.next(most, most_bytes),
            Self::Table(table) => table.next(most, most_bytes),
        }
    }

    /// A filing that was read before.
    pub(super) fn again(&mut self, place: Place) -> io::Result<Unit> {
        match self {
            Self::Lines(lines) => lines.again(place),
            Self::Table(table) => table.again(place),
        }
    }

    /// How far it has read, in bytes of the file.
    pub(super) const fn at(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.at(),
            Self::Table(table) => table.at(),
        }
    }

    /// The headings of a table.
    pub(super) fn headings(&self) -> Option<Vec<String>> {
        match self {
            Self::Lines(_) => None,
            Self::Table(table) => Some(table.headings()),
        }
    }

    /// The heading of a table as a line, for rows that are sent back.
    pub(super) fn heading_line(&self) -> Option<String> {
        match self {
            Self::Lines(_) => None,
            Self::Table(table) => Some(table.heading_line()),
        }
    }
}
