//! What people type into cells: numbers, dates and words, read or refused, never guessed.

use super::headings::Unit;
use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time, date},
    tz::{Offset, TimeZone},
};
use rust_decimal::{Decimal, dec, prelude::ToPrimitive};

/// Dates are Beijing dates.
const BEIJING: Offset = jiff::tz::offset(8);
/// Excel counts days from here on (its 1900 was a leap year, which cancels out after February).
const EXCEL_EPOCH: Date = date(1899, 12, 30);
/// Serial numbers of 2000-01-01 and 2100-01-01: other numbers are no dates of filings.
const SERIALS: std::ops::Range<i32> = 36_526..73_051;

/// Text as it is meant: without blanks around, full-width letters and digits made ordinary.
pub(super) fn clean(text: &str) -> String {
    let narrow = |character: char| match character {
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character)
        }
        '\u{3000}' | '\u{a0}' => ' ',
        other => other,
    };
    let text: String = text.chars().map(narrow).filter(|c| !is_invisible(*c)).collect();
    text.trim().to_owned()
}

/// Names and references keep their full-width letters; only what surrounds them goes.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// The same in lower case, for headings and words.
pub(super) fn folded(text: &str) -> String {
    let words: Vec<String> = clean(text).split_whitespace().map(str::to_lowercase).collect();
    let text = words.join(" ");
    // Spaces between Chinese characters are only there to look nice.
    if text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)) {
        text.replace(' ', "")
    } else {
        text
    }
}

/// A number with or without thousands separators; `None` when it is none.
pub(super) fn number(text: &str) -> Option<Decimal> {
    let text = clean(text);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.as_str()),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let mut plain = format!("{sign}{first}");
    let mut grouped = false;
    for group in groups {
        if group.len() != 3 {
            return None;
        }
        grouped = true;
        plain.push_str(group);
    }
    if grouped && !(1..=3).contains(&first.len()) {
        return None;
    }
    if let Some(fraction) = fraction {
        plain.push('.');
        plain.push_str(fraction);
    }
    let digits_only = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits_only(first) || fraction.is_some_and(|fraction| !digits_only(fraction)) {
        return None;
    }
    Decimal::from_str_exact(&plain).ok()
}

/// A mass as the form writes it: kilograms, as a decimal string.
///
/// A unit behind the number counts where the heading names none, and must agree where it does.
pub(super) fn kilograms(text: &str, unit: Option<Unit>) -> Option<String> {
    let text = clean(text).to_lowercase();
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, ',' | '.' | '-')));
    let (digits, suffix) = text.split_at(end.unwrap_or(text.len()));
    let stated = match suffix.trim() {
        "" => None,
        suffix => Some(super::headings::unit_called(suffix)?),
    };
    let unit = match (unit, stated) {
        (Some(unit), Some(stated)) if unit != stated => return None,
        (unit, stated) => unit.or(stated).unwrap_or(Unit::Kilograms),
    };
    let factor = match unit {
        Unit::Kilograms => dec!(1),
        Unit::Tonnes => dec!(1_000),
        Unit::Grams => dec!(0.001),
    };
    let kilograms = number(digits)?.checked_mul(factor)?.normalize();
    Some(kilograms.to_string())
}

/// A moment: RFC 3339, or a date with or without a time in Beijing, or Excel's number of a date.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let text = clean(text);
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    let at = match serial(&text) {
        Some(at) => at,
        None => written(&text)?,
    };
    let zoned = at.to_zoned(TimeZone::fixed(BEIJING)).ok()?;
    Some(zoned.timestamp())
}

fn serial(text: &str) -> Option<DateTime> {
    let days = number(text).filter(|_| !text.contains(','))?;
    let whole = days.floor().to_i32().filter(|days| SERIALS.contains(days))?;
    let seconds = ((days - days.floor()) * dec!(86_400)).round().to_i64()?;
    let day = EXCEL_EPOCH.checked_add(jiff::Span::new().days(whole)).ok()?;
    day.to_datetime(Time::midnight()).checked_add(jiff::SignedDuration::from_secs(seconds)).ok()
}

fn written(text: &str) -> Option<DateTime> {
    let (day, time) = match text.find([' ', 'T']) {
        Some(at) => (&text[..at], text[at + 1..].trim()),
        None => match text.find('日') {
            Some(at) => (&text[..at + '日'.len_utf8()], text[at + '日'.len_utf8()..].trim()),
            None => (text, ""),
        },
    };
    let day = calendar_day(day)?;
    if time.is_empty() {
        return Some(day.to_datetime(Time::midnight()));
    }
    let parts: Vec<i8> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let time = match parts[..] {
        [hour, minute] => Time::new(hour, minute, 0, 0),
        [hour, minute, second] => Time::new(hour, minute, second, 0),
        _ => return None,
    };
    Some(day.to_datetime(time.ok()?))
}

fn calendar_day(text: &str) -> Option<Date> {
    let text = text.strip_suffix('日').unwrap_or(text);
    let parts: Vec<&str> = text.split(['-', '/', '.', '年', '月']).collect();
    let [year, month, day] = parts[..] else { return None };
    if year.len() != 4 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// A month as the form writes it.
pub(super) fn month(text: &str) -> Option<String> {
    let text = clean(text);
    let plain = text.strip_suffix('月').unwrap_or(&text);
    let parts: Vec<&str> = plain.split(['-', '/', '.', '年']).collect();
    let day = match parts[..] {
        [year, month] if year.len() == 4 => {
            Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?
        }
        _ => serial(&text).map(DateTime::date).or_else(|| calendar_day(&text))?,
    };
    Some(format!("{:04}-{:02}", day.year(), day.month()))
}

/// Yes or no.
pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    match folded(text).as_str() {
        "是" | "yes" | "y" | "true" | "1" => Some(true),
        "否" | "no" | "n" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// Words of closed lists as people write them, and the code each stands for.
#[rustfmt::skip]
pub(crate) const WORDS: &[(&str, &[&str])] = &[
    ("extraction", &["开采", "采掘"]), ("transformation", &["加工", "转化", "生产"]),
    ("dispatch", &["发货", "销售", "出库"]), ("receipt", &["收货", "入库", "采购"]), ("import", &["进口"]),
    ("export", &["出口"]), ("stocktake", &["盘点"]), ("disposal", &["处置"]), ("monthly_return", &["月报", "月度申报"]),
    ("beneficiation", &["选矿"]), ("separation", &["分离", "冶炼分离"]), ("metal_reduction", &["金属冶炼", "还原"]),
    ("alloying", &["合金化", "合金"]), ("magnet_making", &["磁材制造", "磁体制造"]), ("machining", &["机加工", "机械加工"]),
    ("assembly", &["组装", "装配"]), ("recycling", &["回收", "再生"]),
    ("input", &["投入"]), ("output", &["产出"]), ("loss", &["损耗", "损失"]),
    ("satisfactory", &["合格", "满意"]), ("unsatisfactory", &["不合格", "不满意"]), ("refused", &["拒收", "全部拒收"]),
    ("partially_refused", &["部分拒收"]),
    ("domestic_use", &["国内使用"]), ("end_of_life", &["报废产品"]), ("waste", &["废物", "废弃物"]), ("seized", &["没收", "罚没"]),
];

/// The code that a word stands for, among those that are allowed here.
pub(super) fn word(text: &str, allowed: &[&'static str]) -> Option<&'static str> {
    let text = folded(text);
    let code = text.replace(' ', "_");
    allowed.iter().copied().find(|allowed| {
        *allowed == code
            || WORDS.iter().any(|(known, words)| known == allowed && words.contains(&text.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them_and_nothing_is_guessed() {
        for (text, number_) in [
            ("1,234.5", Some(dec!(1234.5))),
            ("１２３４．５０", Some(dec!(1234.50))),
            ("1，234", Some(dec!(1234))),
            (" 0.001 ", Some(dec!(0.001))),
            ("-5", Some(dec!(-5))),
            ("12,34", None),
            ("1234,567", None),
            ("1.234,5", None),
            ("1e3", None),
            (".5", None),
            ("5.", None),
            ("", None),
            ("五", None),
        ] {
            assert_eq!(number(text), number_, "{text}");
        }
    }

    #[test]
    fn masses_take_the_unit_of_their_heading_or_their_own_but_not_two() {
        for (text, unit, kilograms_) in [
            ("1,200.5", Some(Unit::Kilograms), Some("1200.5")),
            ("1.2005", Some(Unit::Tonnes), Some("1200.5")),
            ("500", Some(Unit::Grams), Some("0.5")),
            ("1.2 吨", None, Some("1200")),
            ("20kg", None, Some("20")),
            ("20 kg", Some(Unit::Kilograms), Some("20")),
            ("20 kg", Some(Unit::Tonnes), None),
            ("20 箱", None, None),
            ("20", None, Some("20")),
        ] {
            assert_eq!(kilograms(text, unit).as_deref(), kilograms_, "{text}");
        }
    }

    #[test]
    fn dates_are_read_in_every_usual_spelling_as_beijing_dates() {
        let midnight: Timestamp = "2026-10-03T00:00:00+08:00".parse().unwrap();
        for text in
            ["2026-10-03", "2026/10/3", "2026.10.3", "2026年10月3日", "46298", "２０２６-10-03"]
        {
            assert_eq!(moment(text), Some(midnight), "{text}");
        }
        let half_past_nine: Timestamp = "2026-10-03T09:30:00+08:00".parse().unwrap();
        for text in [
            "2026-10-03 09:30",
            "2026/10/3 9:30:00",
            "2026年10月3日 9:30",
            "2026年10月3日9:30",
            "2026-10-03T09:30:00+08:00",
            "2026-10-03T01:30:00Z",
            "46298.395833333",
        ] {
            assert_eq!(moment(text), Some(half_past_nine), "{text}");
        }
        for text in [
            "3/10/2026",
            "2026-13-01",
            "2026-02-30",
            "26-10-03",
            "yesterday",
            "12",
            "2026-10-03 25:00",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
        for text in ["2026-10", "2026/10", "2026年10月", "2026-10-03"] {
            assert_eq!(month(text).as_deref(), Some("2026-10"), "{text}");
        }
    }

    #[test]
    fn words_are_known_in_both_languages_where_they_are_allowed() {
        assert_eq!(word("发货", &["dispatch", "receipt"]), Some("dispatch"));
        assert_eq!(word("Monthly return", &["monthly_return"]), Some("monthly_return"));
        assert_eq!(word("拒收", &["refused"]), Some("refused"));
        assert_eq!(word("开采", &["dispatch"]), None);
        assert_eq!(folded(" 批　号 "), "批号");
    }
}
