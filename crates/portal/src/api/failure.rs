//! How an interface refuses.

use super::Half;
use crate::language::Language;
use serde::{Deserialize, Serialize};

/// Why a call came to nothing.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// Nobody answers, or not in time, or with a failure of its own.
    Unavailable {
        /// Which half.
        half: Half,
    },
    /// It says no, and why.
    Refused(Box<Refused>),
}

/// A problem as the interfaces describe it (RFC 9457).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    title: String,
    title_zh: String,
    detail: String,
    pub(crate) violations: Vec<Fault>,
    #[serde(skip)]
    pub(crate) retry_seconds: Option<u64>,
}

/// One wrong field.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Fault {
    /// Where in a body.
    pub(crate) pointer: Option<String>,
    /// Which part of the address.
    pub(crate) parameter: Option<String>,
    /// Which row of a file.
    pub(crate) row: Option<u64>,
    /// Which line of a file.
    pub(crate) line: Option<u64>,
    /// Which column of a file.
    pub(crate) column: Option<String>,
    /// A stable word.
    pub(crate) code: String,
    /// What is wrong, in English.
    pub(crate) detail: String,
    /// What would be right.
    pub(crate) expected: Option<String>,
}

/// A refusal in the language of a page.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ShownRefusal {
    title: String,
    detail: String,
    faults: Vec<String>,
    retry_seconds: Option<u64>,
}

impl ShownRefusal {
    /// In one line.
    pub(crate) fn sentence(&self) -> String {
        if self.detail.is_empty() {
            self.title.clone()
        } else {
            format!("{}: {}", self.title, self.detail)
        }
    }
}

impl Refused {
    pub(crate) fn read(status: u16, bytes: &[u8], retry_seconds: Option<u64>) -> Self {
        let read: Self = serde_json::from_slice(bytes).unwrap_or_default();
        Self { status, retry_seconds, ..read }
    }

    /// In a language, for a page.
    pub(crate) fn shown(&self, language: Language) -> ShownRefusal {
        let title = match language {
            Language::Chinese => &self.title_zh,
            Language::English => &self.title,
        };
        ShownRefusal {
            title: title.clone(),
            detail: self.detail.clone(),
            faults: self.violations.iter().map(|fault| fault.shown(language)).collect(),
            retry_seconds: self.retry_seconds,
        }
    }
}

impl Fault {
    /// What is wrong in a language: in Chinese by the code, where there are words for it; in English,
    /// and otherwise, as the interface says it.
    pub(crate) fn shown(&self, language: Language) -> String {
        let key = format!("fault-{}", self.code.replace('_', "-"));
        match (&self.expected, language) {
            (_, Language::Chinese) if language.has(&key) => language.say(&key, None),
            (None, _) => self.detail.clone(),
            (Some(expected), Language::Chinese) => format!("{}（应为：{expected}）", self.detail),
            (Some(expected), Language::English) => {
                format!("{} (expected: {expected})", self.detail)
            }
        }
    }
}
