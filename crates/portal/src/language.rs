//! The two languages: words from Fluent files, and how each writes dates, numbers and masses.

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::{fmt::Write, sync::LazyLock};
use unic_langid::LanguageIdentifier;

/// Each file of words, in both languages.
macro_rules! words_of {
    ($($name:literal),* $(,)?) => {
        /// The files' names and their texts in Chinese and English.
        pub(crate) const WORDS: &[(&str, &str, &str)] = &[$((
            $name,
            include_str!(concat!("../locales/zh-CN/", $name, ".ftl")),
            include_str!(concat!("../locales/en/", $name, ".ftl")),
        )),*];
    };
}
words_of!["common", "account", "public", "clerk", "words", "faults"];

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Language {
    /// Simplified Chinese.
    #[default]
    #[serde(rename = "zh")]
    Chinese,
    /// English.
    #[serde(rename = "en")]
    English,
}

static CHINESE: LazyLock<FluentBundle<FluentResource>> =
    LazyLock::new(|| bundle("zh-CN", |(_, chinese, _)| chinese));
static ENGLISH: LazyLock<FluentBundle<FluentResource>> =
    LazyLock::new(|| bundle("en", |(_, _, english)| english));

fn bundle(
    language: &str,
    text: impl Fn(&(&'static str, &'static str, &'static str)) -> &'static str,
) -> FluentBundle<FluentResource> {
    let language: LanguageIdentifier = language.parse().expect("a language's tag");
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    // Names that people typed are isolated by <bdi> in the templates.
    bundle.set_use_isolating(false);
    for file in WORDS {
        let resource = FluentResource::try_new(text(file).to_owned())
            .unwrap_or_else(|(_, faults)| panic!("{}.ftl: {faults:?}", file.0));
        bundle.add_resource(resource).unwrap_or_else(|faults| panic!("{}.ftl: {faults:?}", file.0));
    }
    bundle
}

impl Language {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Chinese, Self::English];

    /// `zh` or `en`, as the interfaces write it.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Chinese => "zh",
            Self::English => "en",
        }
    }

    /// As HTML's `lang` writes it.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    /// The language of a code.
    pub(crate) fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// What a browser prefers, by its `Accept-Language`; Chinese where it says nothing of either.
    pub(crate) fn preferred(header: &str) -> Self {
        header
            .split(',')
            .map(|range| range.split(';').next().unwrap_or_default().trim())
            .find_map(|range| Self::of_code(range.get(..2)?.to_ascii_lowercase().as_str()))
            .unwrap_or_default()
    }

    fn words(self) -> &'static FluentBundle<FluentResource> {
        match self {
            Self::Chinese => &CHINESE,
            Self::English => &ENGLISH,
        }
    }

    /// Whether there are words for a key.
    pub(crate) fn has(self, key: &str) -> bool {
        self.words().has_message(key)
    }

    /// The words for a key. A key nobody knows stands for itself, in brackets that no text has.
    pub(crate) fn say(self, key: &str, arguments: Option<&FluentArgs<'_>>) -> String {
        let pattern = self.words().get_message(key).and_then(|message| message.value());
        let Some(pattern) = pattern else {
            tracing::warn!(key, language = self.code(), "no words for a key");
            return format!("⟦{key}⟧");
        };
        let mut faults = Vec::new();
        let text = self.words().format_pattern(pattern, arguments, &mut faults).into_owned();
        if !faults.is_empty() {
            tracing::warn!(key, ?faults, "words with faults");
        }
        text
    }

    /// A day, such as `2026年11月24日` or `24 November 2026`.
    pub(crate) fn date(self, date: Date) -> String {
        match self {
            Self::Chinese => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
            Self::English => format!("{} {} {}", date.day(), month_name(date.month()), date.year()),
        }
    }

    /// A month, such as `2026年11月` or `November 2026`.
    pub(crate) fn month(self, date: Date) -> String {
        match self {
            Self::Chinese => format!("{}年{}月", date.year(), date.month()),
            Self::English => format!("{} {}", month_name(date.month()), date.year()),
        }
    }

    /// A moment in Beijing time, to the minute.
    pub(crate) fn moment(self, at: Timestamp) -> String {
        let zone: TimeZone = domain::calendar_month::BEIJING;
        let local = at.to_zoned(zone);
        let separator = match self {
            Self::Chinese => " ",
            Self::English => ", ",
        };
        format!("{}{separator}{:02}:{:02}", self.date(local.date()), local.hour(), local.minute())
    }
}

fn month_name(month: i8) -> &'static str {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    usize::try_from(month - 1).ok().and_then(|index| NAMES.get(index)).copied().unwrap_or_default()
}

/// A decimal number as it came, with its thousands set apart: `1200.500` becomes `1,200.500`.
/// What is no number stays as it is.
pub(crate) fn grouped(number: &str) -> String {
    let (sign, rest) = match number.strip_prefix('-') {
        Some(rest) => ("\u{2212}", rest),
        None => ("", number),
    };
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(w, f)| (w, Some(f)));
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return number.to_owned();
    }
    let mut text = sign.to_owned();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        write!(text, ".{fraction}").expect("writing to a string does not fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn each_language_writes_days_in_its_own_way() {
        let day = date(2026, 1, 9);
        assert_eq!(Language::Chinese.date(day), "2026年1月9日");
        assert_eq!(Language::English.date(day), "9 January 2026");
        assert_eq!(Language::English.month(day), "January 2026");
        let at = "2026-01-08T16:05:00Z".parse().unwrap();
        assert_eq!(Language::Chinese.moment(at), "2026年1月9日 00:05");
        assert_eq!(Language::English.moment(at), "9 January 2026, 00:05");
    }

    #[test]
    fn thousands_are_set_apart_and_what_is_no_number_stays() {
        let cases = [
            ("1200.500", "1,200.500"),
            ("999", "999"),
            ("-1234567", "\u{2212}1,234,567"),
            ("0.001", "0.001"),
            ("many", "many"),
            ("", ""),
        ];
        for (number, expected) in cases {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn a_browser_says_which_language_it_prefers() {
        assert_eq!(Language::preferred("en-GB,en;q=0.9,zh;q=0.8"), Language::English);
        assert_eq!(Language::preferred("fr, zh-Hans;q=0.5, en;q=0.1"), Language::Chinese);
        assert_eq!(Language::preferred(""), Language::Chinese);
        assert_eq!(Language::preferred("é"), Language::Chinese);
    }

    #[test]
    fn what_has_no_words_is_seen() {
        assert_eq!(Language::English.say("no-such-key", None), "⟦no-such-key⟧");
    }
}
