//! How many applications were complete the first time: the number that says how well people are
//! told beforehand what is wanted.

use crate::regime::LicenceKind;
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::BTreeMap;

/// What became of an application's papers when it was first handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstSubmission {
    /// What kind of licence was asked for.
    pub kind: LicenceKind,
    /// Whether it was returned because something was missing.
    pub returned: bool,
    /// Whether it was accepted, by somebody or by the passing of time.
    pub accepted: bool,
}

/// How many were complete the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FirstTimeComplete {
    /// Handed in for the first time.
    pub submitted: u32,
    /// Of these, those whose papers were judged: returned or accepted.
    pub judged: u32,
    /// Of these, those that were accepted without being returned before.
    pub complete: u32,
    /// Complete among judged, in percent with one decimal; none where none was judged.
    pub percent: Option<Decimal>,
}

impl FirstTimeComplete {
    /// Counts submissions, all of them and by kind.
    pub fn of(
        submissions: impl IntoIterator<Item = FirstSubmission>,
    ) -> (Self, BTreeMap<LicenceKind, Self>) {
        let (mut all, mut by_kind) = (Self::default(), BTreeMap::<_, Self>::new());
        for submission in submissions {
            all.add(submission);
            by_kind.entry(submission.kind).or_default().add(submission);
        }
        all.finish();
        by_kind.values_mut().for_each(Self::finish);
        (all, by_kind)
    }

    fn add(&mut self, submission: FirstSubmission) {
        self.submitted += 1;
        self.judged += u32::from(submission.returned || submission.accepted);
        self.complete += u32::from(submission.accepted && !submission.returned);
    }

    fn finish(&mut self) {
        let share = Decimal::from(self.complete * 100).checked_div(Decimal::from(self.judged));
        self.percent = share.map(|percent| percent.round_dp(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::dec;

    #[test]
    fn what_was_returned_once_was_not_complete_the_first_time() {
        let (single, general) = (LicenceKind::Single, LicenceKind::General);
        let submission = |kind, returned, accepted| FirstSubmission { kind, returned, accepted };
        let (all, by_kind) = FirstTimeComplete::of([
            submission(single, false, true),
            submission(single, false, true),
            submission(single, true, true),
            submission(general, true, false),
            submission(general, false, false),
        ]);
        let percent = Some(dec!(50));
        assert_eq!(all, FirstTimeComplete { submitted: 5, judged: 4, complete: 2, percent });
        assert_eq!(by_kind[&single].percent, Some(dec!(66.7)));
        assert_eq!(by_kind[&general].percent, Some(dec!(0)));
        let (none, _) = FirstTimeComplete::of([]);
        assert_eq!(none, FirstTimeComplete::default());
    }
}
