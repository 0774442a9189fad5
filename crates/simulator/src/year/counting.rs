//! The end of a month: everybody counts what is there, and closes the month afterwards.

use super::{
    books::{Books, ROUNDS_A_MONTH, calendar_month, opening},
    making::moved,
};
use crate::filing::Filing;
use domain::codes::FilingKind;
use jiff::SignedDuration;

/// Of a thousand months, so many are not counted, or returned late, by firms that mean no harm.
const UNCOUNTED_PERMILLE: u64 = 15;
const LATE_PERMILLE: u64 = 20;
/// One filing holds no more lines.
const LINES: usize = 900;

/// Closes the month that the present round ends.
pub(crate) fn close(books: &mut Books) {
    let month = books.month();
    for who in 0..books.firms.len() {
        let (from, until) = books.firms[who].works;
        if (from..=until).contains(&month) {
            count(books, who);
            hand_in_return(books, who);
        }
        books.active[who] = false;
    }
}

fn count(books: &mut Books, who: usize) {
    let ghost = books.fraud(who, "ghost_buyer").is_some();
    if books.lots[who].is_empty() || ghost || books.chance.happens(UNCOUNTED_PERMILLE) {
        return;
    }
    let seconds = books.chance.between(0, 3 * 3_600).cast_signed();
    let reference = books.number(who, "STK");
    // In the last evening, when nothing moves any more.
    let evening = opening(books.round + 1) - SignedDuration::from_hours(4);
    let moment = evening + SignedDuration::from_secs(seconds);
    let mut filing = Filing::new(who, FilingKind::Stocktake, reference, moment);
    let invented = books.fraud(who, "invented_stock");
    let fabricated = books.fraud(who, "fabricated_figures");
    for lot in books.lots[who].clone().into_iter().take(LINES) {
        let mut line = moved(&lot);
        if fabricated.is_none() {
            line.grams = if lot.truly == 0 { 0 } else { books.weigh(who, lot.truly) };
            line.uncertainty_grams = books.stated_uncertainty(who, line.grams);
        }
        if let Some((_, strength)) = invented {
            line.grams += line.grams * strength / 1_000;
        }
        filing.lines.push(line);
    }
    for (deed, _) in invented.into_iter().chain(fabricated) {
        books.note(deed, &filing);
    }
    let Some(deed) = books.look_alike(who, "count_corrected") else { return books.file(filing) };
    books.note(deed, &filing);
    let mut wrong = filing.clone();
    for line in &mut wrong.lines {
        line.grams += line.grams / 7;
    }
    books.file(wrong);
    let reason = "重新盘点 / counted again";
    books.file(Filing { correction: Some((2, reason)), ..filing });
}

fn hand_in_return(books: &mut Books, who: usize) {
    let month = calendar_month(books.month());
    let reference = format!("RET-{month}");
    let moment = opening(books.round + 1) + SignedDuration::from_hours(30);
    let mut filing = Filing::new(who, FilingKind::MonthlyReturn, reference, moment);
    let mut nil = !books.active[who];
    let mut round = books.round + 1;
    if books.fraud(who, "ghost_buyer").is_some() {
        return;
    }
    if let Some((deed, _)) = books.fraud(who, "missing_returns").filter(|_| !nil) {
        books.note(deed, &filing);
        if deed % 2 == 0 {
            return;
        }
        nil = true;
    }
    let late = books.look_alike(who, "late_return");
    if late.is_some() || books.chance.happens(LATE_PERMILLE) {
        round += ROUNDS_A_MONTH - 1;
    }
    for deed in late.into_iter().chain(books.look_alike(who, "nil_month")) {
        books.note(deed, &filing);
    }
    filing.month = Some((month.to_string(), nil));
    books.file_in(round.min(super::ROUNDS - 1), filing);
}
