//! A labelled year is something that the real services take: nothing of it is refused, all of it is
//! judged, and what is found can be compared with what was injected.

use simulator::year::{Year, YearWanted};
use system_tests::evaluations::year::{load, score};
use testkit::Binaries;

/// Two months: mines, separators and smelters are at work, months are counted and returned.
const ROUNDS: usize = 7;

#[tokio::test]
async fn a_labelled_year_is_filed_judged_and_scored() {
    let year = Year::of(&YearWanted { seed: 1, firms: 60 });
    let sent = (0..ROUNDS).map(|round| year.in_round(round).len()).sum::<usize>();
    let binaries = Binaries::beside_this_program();

    let (year, loaded) = load::load(&binaries, year, ROUNDS).await.unwrap();

    assert!(100 < sent, "{sent} filings");
    // What is sent twice on purpose is recorded once.
    assert!(
        loaded.recorded <= sent && sent < loaded.recorded + 10,
        "{} of {sent}",
        loaded.recorded
    );
    assert_eq!(loaded.judged_at.len(), ROUNDS);
    assert_eq!(loaded.nation.firms.len(), year.firms.len());
    let score = score::score(&year, &loaded);
    assert_eq!(score.filings, loaded.recorded);
    assert_eq!(score.frauds.len(), year.labels.iter().filter(|label| label.is_fraud()).count());
    // Nothing is found of what begins later.
    let later = score.frauds.iter().filter(|fraud| fraud.typology == "wrong_licence");
    assert!(later.into_iter().all(|fraud| fraud.found_after_days.is_none()));
}
