//! Cases that were decided, kept for a while: forecasts and processing times rest on all of them.

use database::{Connection, cases, cases::Moment};
use domain::case::{CASES_NEEDED, DecidedCase, Forecast, expected};
use domain::regime::{LicenceKind, Regime};
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use std::sync::{Arc, Mutex, PoisonError};

/// What was decided in the last years is told apart from what was decided long ago.
const YEARS_BACK: i64 = 2;
/// A forecast does not change within minutes.
const KEPT: SignedDuration = SignedDuration::from_mins(10);

/// The cases that were decided in the last years.
#[derive(Default)]
pub(crate) struct Decided {
    loaded: Mutex<Option<(Timestamp, Arc<Vec<DecidedCase>>)>>,
}

impl Decided {
    /// All of them, as they were at most ten minutes ago.
    pub(crate) async fn cases(
        &self,
        conn: &mut Connection,
        moment: &Moment,
    ) -> Result<Arc<Vec<DecidedCase>>, database::Error> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fresh = loaded.filter(|(at, _)| moment.at.duration_since(*at) < KEPT);
        if let Some((_, cases)) = fresh {
            return Ok(cases);
        }
        let since = moment.today() - YEARS_BACK.years();
        let cases = Arc::new(cases::decided_since(conn, since).await?);
        let kept = (moment.at, Arc::clone(&cases));
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(cases)
    }
}

/// When a case may be decided, by the cases of the same kind to the same country where there are
/// enough of them, else by all of the same kind.
pub(crate) fn forecast(
    decided: &[DecidedCase],
    of: (LicenceKind, Option<&str>),
    regime: &Regime,
    started_on: Date,
    today: Date,
) -> Forecast {
    let (kind, destination) = of;
    let calendar = regime.calendar();
    let days = |near: &dyn Fn(&DecidedCase) -> bool| -> Vec<u32> {
        let alike = decided.iter().filter(|case| case.kind == kind && near(case));
        alike.map(|case| case.working_days(calendar)).collect()
    };
    let nearest = days(&|case| case.destination.as_deref() == destination);
    let alike = if nearest.len() < CASES_NEEDED { days(&|_| true) } else { nearest };
    expected(&alike, calendar, started_on, today)
}
