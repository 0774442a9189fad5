use super::*;
use crate::trace::Direction;
use proptest::prelude::*;
use std::collections::BTreeSet;
use uuid::Uuid;

fn id(number: u128) -> FilingId {
    FilingId::from_uuid(Uuid::from_u128(number))
}

fn lot(number: u128) -> LotId {
    LotId::from_uuid(Uuid::from_u128(number))
}

fn mg(dy: i64) -> ElementMasses {
    let mut masses = ElementMasses::ZERO;
    masses.0[9] = dy;
    masses
}

fn claimed(of: u128, number: &str, dy: i64) -> Claimed {
    Claimed {
        lot: lot(of),
        number: number.to_owned(),
        category: "oxide".to_owned(),
        grade: (dy % 2 == 0).then(|| "99.9".to_owned()),
        quantity: Kilograms::from_grams(dy.unsigned_abs()).unwrap(),
        happened_at: "2026-10-10T02:00:00.123456Z".parse().unwrap(),
        elements: mg(dy),
    }
}

fn filed(number: u128, process: Option<Process>, inputs: &[u128], outputs: &[u128]) -> Filed {
    let side = |role, lots: &[u128]| {
        let line = |of: &u128| RecordedLine { role, lot: Some(lot(*of)), elements: mg(100) };
        lots.iter().map(line).collect::<Vec<_>>()
    };
    let mut lines = side(LineRole::Input, inputs);
    lines.extend(side(LineRole::Output, outputs));
    lines.push(RecordedLine { role: LineRole::Loss, lot: None, elements: mg(1) });
    Filed {
        filing: id(number),
        organisation: OrganisationId::from_uuid(Uuid::from_u128(number % 2)),
        site: (SiteId::from_uuid(Uuid::from_u128(number % 3)), Some(format!("S{}", number % 3))),
        kind: if process.is_some() { FilingKind::Transformation } else { FilingKind::Extraction },
        process,
        month: "2026-10".parse().unwrap(),
        replaces: None,
        lines: if process.is_some() { lines } else { Vec::new() },
        claims: outputs.iter().map(|of| claimed(*of, &format!("L{of}"), 100)).collect(),
        moved: Vec::new(),
    }
}

fn kept<'a>(filed: impl IntoIterator<Item = &'a Filed>) -> Kept {
    let mut kept = Kept::default();
    for filed in filed {
        kept.add(filed);
    }
    kept
}

#[test]
fn nothing_takes_no_memory_and_a_lot_is_as_its_last_version_before_a_moment_says() {
    let empty = Kept::default();
    assert_eq!(empty.bytes(), 0);
    assert!(empty.around(lot(1), Direction::Backward, id(9), 10).is_none());

    let mut first = filed(2, None, &[], &[]);
    first.claims = vec![claimed(1, "A-1", 7)];
    let mut second = filed(4, None, &[], &[]);
    second.replaces = Some(id(2));
    second.claims = vec![claimed(1, "A-1", 8)];
    let mut sent = filed(6, None, &[], &[]);
    sent.moved = vec![lot(1)];
    let kept = kept([&second, &first, &sent]);
    assert_eq!(kept.lot(lot(1), id(2)), None);
    let lot_then = kept.lot(lot(1), id(4)).unwrap();
    assert_eq!((lot_then.number.as_str(), lot_then.quantity.grams()), ("A-1", 7));
    assert_eq!((lot_then.grade, lot_then.site.as_deref()), (None, Some("S2")));
    let lot_now = kept.lot(lot(1), id(5)).unwrap();
    assert_eq!((lot_now.quantity.grams(), lot_now.grade.as_deref()), (8, Some("99.9")));
    assert_eq!(lot_now.happened_at.to_string(), "2026-10-10T02:00:00.123456Z");
    assert_eq!(lot_now.made_by, FilingKind::Extraction);
    let around = kept.around(lot(1), Direction::Backward, id(5), 10).unwrap();
    assert_eq!((around.elements, around.recorded.len()), (mg(8), 0));
    assert!(kept.is_moved(lot(1)) && !kept.is_moved(lot(2)));
    let organisation = |number| OrganisationId::from_uuid(Uuid::from_u128(number));
    assert!(kept.is_made_by(lot(1), organisation(0)) && !kept.is_made_by(lot(1), organisation(1)));
    assert_eq!(kept.filings(), 2);
}

#[test]
fn it_stops_where_there_is_too_much_and_says_so() {
    let chain: Vec<Filed> =
        (1..20).map(|n| filed(n, Some(Process::Alloying), &[n], &[n + 1])).collect();
    let kept = kept(&chain);
    let some = kept.around(lot(20), Direction::Backward, id(99), 5).unwrap();
    assert!(!some.is_complete && some.recorded.len() <= 7);
    let all = kept.around(lot(20), Direction::Backward, id(99), 19).unwrap();
    assert!(all.is_complete && all.recorded.len() == 19);
}

/// Ids of what surrounds a lot, as the database finds it: over edges of any version, then through
/// the months of continuous processes, as often as that leads further.
fn expected(
    filed: &[Filed],
    asked: u128,
    direction: Direction,
    before: u128,
) -> BTreeSet<FilingId> {
    let told: Vec<&Filed> = filed.iter().filter(|f| f.filing < id(before)).collect();
    let stands = |f: &&&Filed| told.iter().all(|newer| newer.replaces != Some(f.filing));
    let (near, far) = match direction {
        Direction::Backward => (LineRole::Output, LineRole::Input),
        Direction::Forward => (LineRole::Input, LineRole::Output),
    };
    let side = |f: &Filed, role| -> BTreeSet<LotId> {
        f.lines.iter().filter(|l| l.role == role).filter_map(|l| l.lot).collect()
    };
    let (mut lots, mut found) = (BTreeSet::from([lot(asked)]), BTreeSet::new());
    loop {
        let before = (lots.len(), found.len());
        for f in &told {
            let (from, to) = (side(f, near), side(f, far));
            let edges: Vec<(LotId, LotId)> = from
                .iter()
                .flat_map(|from| to.iter().map(move |to| (*from, *to)))
                .filter(|(from, to)| from != to && lots.contains(from))
                .collect();
            lots.extend(edges.iter().map(|(_, to)| *to));
            if !edges.is_empty() && stands(&f) {
                found.insert(f.filing);
            }
        }
        let pool = |f: &Filed| {
            let process = f.process.filter(|process| process.mixing() == Mixing::Continuous)?;
            Some((f.organisation, f.site.0, process, f.month))
        };
        let pools: Vec<_> =
            told.iter().filter(|f| found.contains(&f.filing)).filter_map(|f| pool(f)).collect();
        for f in told.iter().filter(stands).filter(|f| pool(f).is_some_and(|p| pools.contains(&p)))
        {
            if found.insert(f.filing) {
                lots.extend(side(f, far));
            }
        }
        if before == (lots.len(), found.len()) {
            return found;
        }
    }
}

fn any_filing(number: u128) -> impl Strategy<Value = Filed> {
    let process = prop::sample::select(vec![Process::Alloying, Process::Separation]);
    let lots = || prop::collection::vec(0_u128..9, 0..3);
    (process, lots(), lots(), prop::option::weighted(0.2, 0..number)).prop_map(
        move |(process, inputs, outputs, replaces)| Filed {
            replaces: replaces.map(id),
            ..filed(number, Some(process), &inputs, &outputs)
        },
    )
}

proptest! {
    #[test]
    fn what_surrounds_a_lot_is_what_the_database_would_find(
        filed in (1_u128..14).map(any_filing).collect::<Vec<_>>(),
        asked in 0_u128..9,
        backward in any::<bool>(),
        before in 1_u128..16,
        shuffled in any::<prop::sample::Index>(),
    ) {
        // A version has one successor at most.
        let mut replaced = BTreeSet::new();
        let mut filed = filed;
        for filed in &mut filed {
            filed.replaces = filed.replaces.filter(|older| replaced.insert(*older));
        }
        let direction = if backward { Direction::Backward } else { Direction::Forward };
        let mut taken_in = filed.clone();
        let middle = shuffled.index(taken_in.len());
        taken_in.rotate_left(middle);
        let claims = filed.iter().filter(|f| f.filing < id(before)).flat_map(|f| &f.claims);
        let is_claimed = claims.clone().any(|claim| claim.lot == lot(asked));
        let around = kept(&taken_in).around(lot(asked), direction, id(before), 100);
        prop_assert_eq!(around.is_some(), is_claimed);
        if let Some(around) = around {
            let ids: Vec<FilingId> = around.recorded.iter().map(|recorded| recorded.filing).collect();
            prop_assert!(ids.is_sorted());
            let expected = expected(&filed, asked, direction, before);
            prop_assert_eq!(ids, expected.into_iter().collect::<Vec<_>>());
            for recorded in &around.recorded {
                let filed = filed.iter().find(|filed| filed.filing == recorded.filing).unwrap();
                prop_assert_eq!(recorded.lines.len(), filed.lines.len());
                prop_assert_eq!(recorded.organisation, filed.organisation);
                prop_assert_eq!(recorded.site, filed.site.0);
            }
        }
    }
}
