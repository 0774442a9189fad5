//! Who may learn the name behind a pseudonym, and when its owner sees that.
//!
//! A name is asked for with a purpose. In a case of one's own that suffices, as long as the owner
//! sees the look at once; otherwise somebody else decides. An investigation may keep the owner from
//! seeing it for a while, with a reason, a second person and a day on which that ends.

use crate::{
    codes::words,
    ids::{CaseId, FindingId},
    violation::Violation,
};
use jiff::{ToSpan, civil::Date};

/// The longest that an owner may be kept from seeing a look, in days. Own assumption: no source
/// read so far states one.
pub const DELAY_DAYS_AT_MOST: i32 = 365;
const TEXT_CHARACTERS_AT_MOST: usize = 2_000;

words! {
    /// Where a request stands.
    UnmaskingState {
        /// Somebody else has to decide.
        Asked = "asked",
        /// The name may be looked at.
        Approved = "approved",
        /// It may not.
        Refused = "refused",
    }
}

/// The case in which a name is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grounds {
    /// A finding that whoever asks took under review.
    Finding(FindingId),
    /// An application that they examine.
    Case(CaseId),
}

/// How a request is to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Treatment {
    /// Where it stands to begin with.
    pub state: UnmaskingState,
    /// The owner sees the looks from this day on.
    pub owner_sees_from: Date,
}

/// What is asked, as far as it decides how the request is treated.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Why.
    pub purpose: &'a str,
    /// Whether it is asked in a case of one's own.
    pub in_own_case: bool,
    /// The day until which the owner is not to see it, and why.
    pub delay: Option<(Date, &'a str)>,
}

impl Asked<'_> {
    /// How a request of this day is treated, or every fault of it.
    pub fn treated(&self, today: Date) -> Result<Treatment, Vec<Violation>> {
        let mut faults = Vec::new();
        let mut said = |pointer: &str, text: &str| {
            if !(1..=TEXT_CHARACTERS_AT_MOST).contains(&text.trim().chars().count()) {
                let fault = Violation::new(pointer, "length", "a reason in words is needed");
                faults.push(fault.expecting(format!("1 to {TEXT_CHARACTERS_AT_MOST} characters")));
            }
        };
        said("/purpose", self.purpose);
        if let Some((_, reason)) = self.delay {
            said("/delay/reason", reason);
        }
        let latest = today.saturating_add(DELAY_DAYS_AT_MOST.days());
        if let Some((until, _)) = self.delay
            && !(today < until && until <= latest)
        {
            let fault = Violation::new("/delay/until", "out_of_range", "no such delay is possible");
            faults.push(fault.expecting(format!("a day after {today}, {latest} at the latest")));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let at_once = self.in_own_case && self.delay.is_none();
        Ok(Treatment {
            state: if at_once { UnmaskingState::Approved } else { UnmaskingState::Asked },
            owner_sees_from: self.delay.map_or(today, |(until, _)| until),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const TODAY: Date = date(2026, 11, 24);

    #[test]
    fn two_decide_but_in_ones_own_case_and_in_the_open() {
        let later = date(2027, 1, 1);
        for (in_own_case, delay, state, owner_sees_from) in [
            (true, None, UnmaskingState::Approved, TODAY),
            (false, None, UnmaskingState::Asked, TODAY),
            (true, Some((later, "a raid is prepared")), UnmaskingState::Asked, later),
            (false, Some((later, "a raid is prepared")), UnmaskingState::Asked, later),
        ] {
            let asked = Asked { purpose: "smuggling route", in_own_case, delay };
            assert_eq!(asked.treated(TODAY), Ok(Treatment { state, owner_sees_from }));
        }
    }

    #[test]
    fn every_fault_is_named() {
        for (until, faulty) in [
            (TODAY, true),
            (date(2026, 11, 25), false),
            (date(2027, 11, 24), false),
            (date(2027, 11, 25), true),
        ] {
            let asked = Asked { purpose: "p", in_own_case: false, delay: Some((until, "r")) };
            assert_eq!(asked.treated(TODAY).is_err(), faulty, "{until}");
        }
        let asked = Asked { purpose: " ", in_own_case: false, delay: Some((TODAY, "")) };
        let faults = asked.treated(TODAY).unwrap_err();
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/purpose", "/delay/reason", "/delay/until"]);
    }
}
