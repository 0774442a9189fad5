//! The books of a site: what each month began with, what moved and what was counted.

use super::{Balance, Measured, Period, Segment, balances};
use crate::{
    calendar_month::Month,
    codes::{FilingKind, LineRole},
    element::{ELEMENT_COUNT, Element},
    metrology::{Metrology, Sum},
};
use jiff::Timestamp;

/// What was summed up of a segment, for each element in the order of [`Element::ALL`].
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentSums {
    /// What came in from outside: extracted, received, collected, imported.
    pub inflow: [Sum; ELEMENT_COUNT],
    /// What went out, known losses included.
    pub outflow: [Sum; ELEMENT_COUNT],
    /// What the count that closes it found.
    pub closing: [Sum; ELEMENT_COUNT],
}

/// Where a line counts in a balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BalanceSide {
    /// Came in.
    In,
    /// Went out.
    Out,
    /// Was counted.
    Counted,
}

/// A month of a site.
#[derive(Clone, Debug)]
pub struct MonthBook {
    /// Which.
    pub month: Month,
    /// When the stock was counted that it begins with, however many months before.
    pub opened_at: Option<Timestamp>,
    /// When the stock was counted that closes it.
    pub closed_at: Option<Timestamp>,
    /// Elements of which there was anything, in the order of [`Element::ALL`].
    pub elements: Vec<ElementBook>,
}

/// An element of a month of a site.
#[derive(Clone, Copy, Debug)]
pub struct ElementBook {
    /// Which.
    pub element: Element,
    /// What was counted before.
    pub opening: Option<Measured>,
    /// What came in since that count; without one, in the month.
    pub inflow: Measured,
    /// What went out since.
    pub outflow: Measured,
    /// What was counted.
    pub closing: Option<Measured>,
    /// The balance, where both counts are there.
    pub balance: Option<Balance>,
}

impl BalanceSide {
    /// Where a line counts. What a site makes from what it has stays within the site, and is no
    /// flow of it; only what a process is said to lose leaves.
    pub const fn of(kind: FilingKind, role: LineRole) -> Option<Self> {
        Some(match (kind, role) {
            (FilingKind::Extraction | FilingKind::Receipt | FilingKind::Import, _) => Self::In,
            (FilingKind::Dispatch | FilingKind::Export | FilingKind::Disposal, _)
            | (FilingKind::Transformation, LineRole::Loss) => Self::Out,
            (FilingKind::Stocktake, _) => Self::Counted,
            (FilingKind::Transformation | FilingKind::MonthlyReturn, _) => return None,
        })
    }
}

impl Default for SegmentSums {
    fn default() -> Self {
        let nothing = [Sum::NOTHING; ELEMENT_COUNT];
        Self { inflow: nothing, outflow: nothing, closing: nothing }
    }
}

/// The books of a site's consecutive months.
pub fn books(months: &[(Segment, SegmentSums)], metrology: &Metrology) -> Vec<MonthBook> {
    let mut opened_at = None;
    let mut books: Vec<MonthBook> = Vec::with_capacity(months.len());
    for (segment, _) in months {
        let closed_at = segment.counted_from.map(|_| segment.until);
        let elements = Vec::new();
        books.push(MonthBook { month: segment.month, opened_at, closed_at, elements });
        opened_at = closed_at.or(opened_at);
    }
    for element in Element::ALL {
        let of_element = of_element(months, element, metrology);
        for (book, element) in books.iter_mut().zip(of_element) {
            book.elements.extend(element);
        }
    }
    books
}

/// An element's months; `None` for those that have nothing of it.
fn of_element(
    months: &[(Segment, SegmentSums)],
    element: Element,
    metrology: &Metrology,
) -> Vec<Option<ElementBook>> {
    let index = element.index();
    let mut told = Vec::with_capacity(months.len());
    let mut first = None;
    let mut periods: Vec<Period> = Vec::new();
    // Where each period ends in `told`.
    let mut ends = Vec::new();
    let (mut opening, mut inflow, mut outflow) = (None, Sum::NOTHING, Sum::NOTHING);
    for (at, (segment, sums)) in months.iter().enumerate() {
        inflow = inflow.plus(sums.inflow[index]);
        outflow = outflow.plus(sums.outflow[index]);
        let is_closed = segment.counted_from.is_some();
        let closing = is_closed.then(|| sums.closing[index].measured(metrology));
        let book = ElementBook {
            element,
            opening,
            inflow: inflow.measured(metrology),
            outflow: outflow.measured(metrology),
            closing,
            balance: None,
        };
        if let Some(closing) = closing {
            if first.is_some() {
                periods.push(Period { inflow: book.inflow, outflow: book.outflow, closing });
                ends.push(at);
            } else {
                first = Some(closing);
            }
        }
        let masses =
            [book.inflow, book.outflow, opening.unwrap_or_default(), closing.unwrap_or_default()];
        told.push(masses.iter().any(|measured| measured.mass_mg != 0).then_some(book));
        if is_closed || opening.is_none() {
            (inflow, outflow) = (Sum::NOTHING, Sum::NOTHING);
        }
        opening = closing.or(opening);
    }
    let Some(first) = first else { return told };
    for (at, balance) in ends.into_iter().zip(balances(first, &periods)) {
        if let Some(book) = &mut told[at] {
            book.balance = Some(balance);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{balance::segments, metrology::Errors};

    const CLASS: Metrology = Metrology {
        unstated: Errors { random: 0.01, systematic: 0.0 },
        weighing: Errors { random: 0.0, systematic: 0.0 },
    };
    const DY: usize = Element::Dy.index();

    fn sums(inflow: i64, outflow: i64, closing: i64) -> SegmentSums {
        let mut sums = SegmentSums::default();
        sums.inflow[DY].add(inflow, 0);
        sums.outflow[DY].add(outflow, 0);
        sums.closing[DY].add(closing, 0);
        sums
    }

    /// Books of months from January on, counted on their last days where they are closed.
    fn told(months: &[(bool, SegmentSums)]) -> Vec<MonthBook> {
        let month = |number: usize| format!("2026-{:02}", number + 1).parse::<Month>().unwrap();
        let counted = months.iter().enumerate().filter(|(_, (is_closed, _))| *is_closed);
        let stocktakes: Vec<Timestamp> = counted
            .map(|(at, _)| format!("{}T20:00:00+08:00", month(at).last_day()).parse().unwrap())
            .collect();
        let of = segments(month(0), month(months.len() - 1), &stocktakes, 5);
        let months: Vec<_> =
            of.into_iter().zip(months.iter().map(|(_, sums)| sums.clone())).collect();
        books(&months, &CLASS)
    }

    fn dysprosium(book: &MonthBook) -> &ElementBook {
        assert_eq!(book.elements.len(), 1, "nothing is told of elements that are not there");
        &book.elements[0]
    }

    #[test]
    fn a_month_begins_with_what_was_counted_before_and_ends_with_what_was_counted() {
        let told = told(&[(true, sums(0, 0, 1_000)), (true, sums(500, 300, 1_150))]);
        assert_eq!(told[0].opened_at, None);
        assert!(dysprosium(&told[0]).balance.is_none(), "nothing was counted before");
        let balance = dysprosium(&told[1]).balance.unwrap();
        assert_eq!(balance.muf_mg, 1_000 + 500 - 300 - 1_150);
        assert_eq!(told[1].opened_at, told[0].closed_at);
    }

    #[test]
    fn a_month_without_a_count_is_not_closed_and_flows_on_into_the_next_balance() {
        let told = told(&[
            (true, sums(0, 0, 1_000)),
            (false, sums(500, 0, 0)),
            (true, sums(0, 300, 1_100)),
        ]);
        let open = dysprosium(&told[1]);
        assert!(open.balance.is_none() && open.closing.is_none());
        assert_eq!(open.inflow.mass_mg, 500);
        let closed = dysprosium(&told[2]);
        assert_eq!((closed.inflow.mass_mg, closed.outflow.mass_mg), (500, 300));
        assert_eq!(closed.balance.unwrap().muf_mg, 100);
        assert_eq!(told[2].opened_at, told[0].closed_at);
    }

    #[test]
    fn before_the_first_count_each_month_tells_its_own_flows_only() {
        let told = told(&[(false, sums(700, 0, 0)), (false, sums(500, 0, 0))]);
        assert_eq!(dysprosium(&told[0]).inflow.mass_mg, 700);
        assert_eq!(dysprosium(&told[1]).inflow.mass_mg, 500);
    }

    #[test]
    fn what_stays_within_a_site_is_no_flow_of_it() {
        use FilingKind as Kind;
        use LineRole as Role;
        let side = BalanceSide::of;
        assert_eq!(side(Kind::Transformation, Role::Input), None);
        assert_eq!(side(Kind::Transformation, Role::Output), None);
        assert_eq!(side(Kind::Transformation, Role::Loss), Some(BalanceSide::Out));
        assert_eq!(side(Kind::Receipt, Role::Item), Some(BalanceSide::In));
        assert_eq!(side(Kind::Stocktake, Role::Measured), Some(BalanceSide::Counted));
        assert_eq!(side(Kind::MonthlyReturn, Role::Item), None);
    }
}
