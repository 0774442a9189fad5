//! Single values in canonical form.

use crate::{context::Context, identifier, vocabulary::standard_in_full};
use jiff::{RoundMode, Timestamp, TimestampRound, Unit, tz::TimeZone};
use serde_json::{Number, Value};
use std::io::Write;

/// Writes a scalar; arrays and objects are none and write nothing.
pub(super) fn write_scalar(out: &mut Vec<u8>, value: &Value, context: &Context) {
    match value {
        Value::String(text) => write_text(out, text, context),
        Value::Number(number) => write_number(out, number),
        Value::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Null | Value::Array(_) | Value::Object(_) => {}
    }
}

fn write_text(out: &mut Vec<u8>, text: &str, context: &Context) {
    let text = text.trim();
    if let Some(number) = plain_decimal(text) {
        out.extend_from_slice(number.as_bytes());
        return;
    }
    let full = standard_in_full(text, context);
    out.extend_from_slice(identifier::canonical(&full).as_bytes());
}

/// Without trailing zeros, exponent or sign of plus.
fn write_number(out: &mut Vec<u8>, number: &Number) {
    let written = match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(whole), ..) => write!(out, "{whole}"),
        (_, Some(whole), _) => write!(out, "{whole}"),
        // `Display` of a float is its shortest plain decimal.
        (.., Some(float)) => write!(out, "{float}"),
        _ => write!(out, "{number}"),
    };
    written.expect("a buffer in memory takes everything");
}

/// The canonical form of text that is a decimal number and not a code such as `007`.
fn plain_decimal(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_code = 1 < whole.len() && whole.starts_with('0');
    if !numeric(whole) || !numeric(fraction) || is_code {
        return None;
    }
    if !digits.contains('.') {
        return Some(text);
    }
    Some(text.trim_end_matches('0').trim_end_matches('.'))
}

/// Writes a time in UTC to the millisecond, half a millisecond up. What is none stays as it is.
pub(super) fn write_time(out: &mut Vec<u8>, text: &str) {
    let rounding = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::HalfCeil);
    let rounded = text.trim().parse::<Timestamp>().and_then(|time| time.round(rounding));
    let Ok(rounded) = rounded else {
        out.extend_from_slice(text.trim().as_bytes());
        return;
    };
    let at = TimeZone::UTC.to_datetime(rounded);
    write!(
        out,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond()
    )
    .expect("a buffer in memory takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_has_one_form() {
        let cases = [
            (json!(26.0), "26"),
            (json!(0.18), "0.18"),
            (json!(0.000_001), "0.000001"),
            (json!(-3), "-3"),
            (json!("23.0"), "23"),
            (json!("0.50"), "0.5"),
            (json!("-12.10"), "-12.1"),
            (json!("007"), "007"),
            (json!("1."), "1."),
            (json!(" text "), "text"),
            (json!(true), "true"),
            (json!("cbv:Comp-latitude"), "https://ref.gs1.org/cbv/Comp-latitude"),
            (json!("example:x"), "example:x"),
        ];
        for (value, expected) in cases {
            let mut out = Vec::new();
            write_scalar(&mut out, &value, &Context::default());
            assert_eq!(std::str::from_utf8(&out).unwrap(), expected);
        }
    }

    #[test]
    fn a_time_is_rounded_half_a_millisecond_up_and_across_the_day() {
        let cases = [
            ("2023-02-02T11:04:03.1415Z", "2023-02-02T11:04:03.142Z"),
            ("2023-02-02T11:04:03.1414999Z", "2023-02-02T11:04:03.141Z"),
            ("2022-02-16T20:33:31.116000-06:00", "2022-02-17T02:33:31.116Z"),
            ("2022-12-31T23:59:59.9996Z", "2023-01-01T00:00:00.000Z"),
            ("1969-12-31T23:59:59.9995Z", "1970-01-01T00:00:00.000Z"),
            ("yesterday", "yesterday"),
        ];
        for (time, expected) in cases {
            let mut out = Vec::new();
            write_time(&mut out, time);
            assert_eq!(std::str::from_utf8(&out).unwrap(), expected);
        }
    }
}
