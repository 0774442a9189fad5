//! Releases under attack: what an adversary can solve for, and what changes between two of them.

mod adversary;

use super::{
    Against, Contribution, Contributor, DisclosureRules, Frozen, NotRevisable, Place, Protected,
    Published, RULES, Reason, Suppression, Table, audit, protect, publish, revise,
    table::{ALL, Cell},
};
use adversary::{Known, Names, Parts, real};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

const CATEGORIES: [(&str, &str); 4] =
    [("raw", "ore"), ("raw", "concentrate"), ("goods", "metal"), ("goods", "magnet")];
const REGIONS: [&str; 3] = ["15", "36", "51"];
const ELEMENTS: [&str; 2] = ["Nd", "Dy"];

fn company(number: u8) -> Contributor {
    Uuid::from_bytes([number; 16])
}

fn contribution(
    number: u8,
    category: usize,
    region: usize,
    element: usize,
    amount: u64,
) -> Contribution {
    let (group, category) = CATEGORIES[category];
    Contribution {
        path: [
            vec![group.to_owned(), category.to_owned()],
            vec![REGIONS[region].to_owned()],
            vec![ELEMENTS[element].to_owned()],
        ],
        by: company(number),
        amount,
    }
}

fn parts() -> Parts {
    let mut parts = Parts::default();
    let mut put = |dimension: usize, whole: &str, part: &str| {
        parts[dimension].entry(whole.to_owned()).or_default().push(part.to_owned());
    };
    for group in ["raw", "goods"] {
        put(0, ALL, group);
    }
    for (group, category) in CATEGORIES {
        put(0, group, category);
    }
    for region in REGIONS {
        put(1, ALL, region);
    }
    for element in ELEMENTS {
        put(2, ALL, element);
    }
    parts
}

/// What somebody knows of a table of which these cells are not told.
fn known(table: &Table, suppressed: impl Fn(Place) -> bool, against: Against) -> Known {
    let told = |(place, cell): (&Place, &Cell)| {
        (table.names(*place), (!suppressed(*place)).then_some(cell.total))
    };
    let own = |(place, cell): (&Place, &Cell)| match against {
        Against::Outsider => (table.names(*place), 0),
        Against::Insider(insider) => (table.names(*place), cell.of(insider)),
    };
    // A coarser table has no parts below what it shows.
    let mut parts = parts();
    for (dimension, parts) in parts.iter_mut().enumerate() {
        let shown: BTreeSet<String> =
            table.cells.keys().map(|place| table.names(*place)[dimension].clone()).collect();
        for parts in parts.values_mut() {
            parts.retain(|part| shown.contains(part));
        }
        parts.retain(|_, parts| !parts.is_empty());
    }
    Known {
        cells: table.cells.iter().map(told).collect(),
        parts,
        floor: table.cells.iter().map(own).collect(),
    }
}

/// How far the adversary's interval falls short of what must be left open, for each cell.
fn broken(table: &Table, known: &Known, against: Against, most: usize) -> Vec<Names> {
    let rules = &RULES[0];
    let sensitive = table.cells.iter().filter(|(_, cell)| rules.reason(cell).is_some());
    sensitive
        .filter(|(_, cell)| DisclosureRules::protected(cell).map(Against::Insider) != Some(against))
        .take(most)
        .filter(|(place, cell)| {
            let (lowest, highest) = known.interval(&table.names(**place));
            let (value, required) = (real(cell.total), real(rules.required(cell)));
            let is_open_upward = highest.is_none_or(|highest| value + required <= highest + 0.01);
            !is_open_upward || value - required + 0.01 < lowest
        })
        .map(|(place, _)| table.names(*place))
        .collect()
}

/// Four companies of every kind everywhere, and one mine alone in its province.
fn a_nation() -> Vec<Contribution> {
    let mut nation = Vec::new();
    for number in 1..=5 {
        for category in 0..4 {
            for region in 0..3 {
                for element in 0..2 {
                    if (category, region) != (0, 1) {
                        let amount = 90 + 7 * u64::from(number) + 5 * category as u64;
                        nation.push(contribution(number, category, region, element, amount));
                    }
                }
            }
        }
    }
    nation.push(contribution(9, 0, 1, 0, 120));
    nation.push(contribution(9, 0, 1, 1, 80));
    nation
}

#[test]
fn subtraction_brings_a_cell_back_unless_others_are_suppressed_with_it() {
    let rules = &RULES[0];
    let table = Table::of(&a_nation(), [9; 3]);
    let protected = protect(&table, rules, None).unwrap();
    assert_eq!(audit(&table, rules, &protected), Ok(()));

    let is_primary =
        |place| protected.suppressed.get(&place).is_some_and(|it| it.0 != Reason::Secondary);
    let naive = known(&table, is_primary, Against::Outsider);
    let found = broken(&table, &naive, Against::Outsider, 99);
    assert_eq!(found.len(), 3, "the lone mine's ore, of each element and of both: {found:?}");
    let ore: Names = ["ore", "36", "Nd"].map(str::to_owned);
    let (lowest, highest) = naive.interval(&ore);
    assert!((lowest - 120.0).abs() < 0.01 && (highest.unwrap() - 120.0).abs() < 0.01);

    let is_suppressed = |place| protected.suppressed.contains_key(&place);
    let released = known(&table, is_suppressed, Against::Outsider);
    assert_eq!(broken(&table, &released, Against::Outsider, 99), Vec::<Names>::new());
    for number in 1..=5 {
        let insider = Against::Insider(company(number));
        let released = known(&table, is_suppressed, insider);
        assert_eq!(broken(&table, &released, insider, 99), Vec::<Names>::new(), "{number}");
    }
    assert!(protected.suppressed.len() < table.cells.len() / 3, "most is told");
}

#[test]
fn the_audit_sees_what_the_adversary_would() {
    let rules = &RULES[0];
    let table = Table::of(&a_nation(), [9; 3]);
    let protected = protect(&table, rules, None).unwrap();
    let without = |is_dropped: fn(&Suppression) -> bool| Protected {
        suppressed: protected
            .suppressed
            .iter()
            .filter(|(_, suppression)| !is_dropped(suppression))
            .map(|(place, suppression)| (*place, *suppression))
            .collect(),
        proofs: protected.proofs.clone(),
    };
    let no_secondary = without(|suppression| suppression.0 == Reason::Secondary);
    assert!(audit(&table, rules, &no_secondary).unwrap_err().against.is_some());
    let no_primary = without(|suppression| suppression.0 != Reason::Secondary);
    assert_eq!(audit(&table, rules, &no_primary).unwrap_err().against, None);
    let no_proofs = Protected { proofs: Vec::new(), ..protected.clone() };
    assert!(audit(&table, rules, &no_proofs).is_err());
}

#[test]
fn a_cell_is_sensitive_for_too_few_too_large_and_too_close_contributors() {
    let reason = |amounts: &[u64]| {
        let mut cell = Cell { total: amounts.iter().sum(), ..Cell::default() };
        for (number, amount) in (1..).zip(amounts) {
            cell.by_contributor.insert(company(number), *amount);
        }
        RULES[0].reason(&cell)
    };
    assert_eq!(reason(&[]), None);
    assert_eq!(reason(&[5]), Some(Reason::FewContributors));
    assert_eq!(reason(&[5, 5]), Some(Reason::FewContributors));
    assert_eq!(reason(&[5, 5, 5]), None);
    assert_eq!(reason(&[50, 36, 14]), Some(Reason::Dominated));
    assert_eq!(reason(&[50, 35, 15]), None);
}

fn frozen(contributions: &[Contribution], published: &Published) -> Frozen {
    let untold = published.cells.iter().filter(|cell| cell.value.is_err());
    Frozen {
        contributions: contributions.to_vec(),
        levels: published.levels,
        suppressed: untold.map(|cell| cell.names.clone()).collect(),
    }
}

#[test]
fn a_late_filing_cannot_be_read_off_the_difference_of_two_releases() {
    let rules = &RULES[0];
    let before = a_nation();
    let first = publish(&before, rules, 10);
    let frozen = frozen(&before, &first);
    let refused = |now: &[Contribution]| revise(&frozen, now, rules, 10).unwrap_err();
    assert_eq!(refused(&before), NotRevisable::Unchanged);

    let mut now = before.clone();
    now.push(contribution(1, 3, 2, 0, 500));
    assert!(matches!(refused(&now), NotRevisable::TooFew(_)), "one was late");
    now.push(contribution(2, 3, 2, 0, 500));
    assert!(matches!(refused(&now), NotRevisable::TooFew(_)), "two know each other");
    now.push(contribution(3, 3, 2, 0, 500));
    let second = revise(&frozen, &now, rules, 10).unwrap();

    // Whoever subtracts one from the other finds what three groups did, or nothing.
    let values = |published: &Published| -> BTreeMap<Names, u64> {
        let told = |cell: &super::PublishedCell| Some((cell.names.clone(), cell.value.ok()?));
        published.cells.iter().filter_map(told).collect()
    };
    let (first, second) = (values(&first), values(&second));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    let changed = first.iter().filter(|(names, value)| second[*names] != **value);
    for (names, value) in changed {
        assert_eq!(second[names] - value, 1_500, "{names:?}");
    }
    assert_eq!(second[&["magnet", "51", "Nd"].map(str::to_owned)] % 10, 0, "it is rounded");

    // A cell that becomes somebody's secret only now was told before: that cannot be mended.
    let gone = |contribution: &&Contribution| {
        contribution.path[0][1] != "magnet" || contribution.by == company(1)
    };
    let now: Vec<Contribution> = before.iter().filter(gone).cloned().collect();
    assert!(matches!(refused(&now), NotRevisable::ToldBefore(_)));
}

#[test]
fn what_cannot_be_protected_in_detail_is_published_coarser_or_not_at_all() {
    let rules = &RULES[0];
    // Everybody makes something of their own: only the total is nobody's.
    let alone: Vec<Contribution> = (0..4)
        .map(|it| contribution(it + 1, usize::from(it), usize::from(it) % 3, 0, 100))
        .collect();
    let published = publish(&alone, rules, 10);
    let told: Vec<_> = published.cells.iter().filter(|cell| cell.value.is_ok()).collect();
    assert_eq!(published.levels[1..], [0; 2], "no regions and no elements");
    assert_eq!((told.len(), &told[0].value), (1, &Ok(400)), "{published:?}");
    let published = publish(&alone[..2], rules, 10);
    assert_eq!(published.cells[0].value, Err(Reason::FewContributors));
    assert!(publish(&[], rules, 10).cells.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_release_of_any_nation_can_be_solved_for_a_sensitive_cell(
        filed in prop::collection::vec((1_u8..9, 0_usize..4, 0_usize..3, 0_usize..2, 20_u64..400), 30..120),
        insider in 1_u8..9,
    ) {
        let rules = &RULES[0];
        let contributions: Vec<Contribution> = filed
            .into_iter()
            .map(|(by, category, region, element, amount)| contribution(by, category, region, element, amount))
            .collect();
        let published = publish(&contributions, rules, 1);
        let table = Table::of(&contributions, published.levels);
        let untold: BTreeSet<Names> = published
            .cells
            .iter()
            .filter(|cell| cell.value.is_err())
            .map(|cell| cell.names.clone())
            .collect();
        if untold.len() == table.cells.len() {
            return Ok(());
        }
        for against in [Against::Outsider, Against::Insider(company(insider))] {
            let known = known(&table, |place| untold.contains(&table.names(place)), against);
            prop_assert_eq!(broken(&table, &known, against, 6), Vec::<Names>::new());
        }
    }
}
