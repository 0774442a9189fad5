//! In which order filings that wait for one another's lots can be judged.
//!
//! Pure: names of lots go in as numbers, an order comes out. Each filing is named once, whatever
//! the file looks like, so the work is linear in what waits.

use std::collections::HashMap;

/// A filing that waits: which lots it needs that were not there, and which it makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) needs: Vec<u64>,
    pub(super) makes: Vec<u64>,
}

/// What follows from who waits for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    /// Every filing that waits for no circle: what makes a lot comes before what needs it.
    pub(super) ready: Vec<usize>,
    /// Filings that wait for one another, directly or around corners.
    pub(super) circular: Vec<usize>,
}

/// Puts what waits in order.
///
/// A lot that nothing here makes holds nobody up: either it is there by now, or its absence will
/// be found when the filing is judged. Neither does a lot that a filing would make itself.
pub(super) fn order(waiting: &[Waiting]) -> Order {
    let mut maker: HashMap<u64, usize> = HashMap::new();
    for (filing, waits) in waiting.iter().enumerate() {
        for lot in &waits.makes {
            maker.entry(*lot).or_insert(filing);
        }
    }
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); waiting.len()];
    let mut needs: Vec<Vec<usize>> = vec![Vec::new(); waiting.len()];
    for (filing, waits) in waiting.iter().enumerate() {
        for lot in &waits.needs {
            if let Some(&before) = maker.get(lot) {
                needed_by[before].push(filing);
                needs[filing].push(before);
            }
        }
    }
    let ready = peel(&needs, &needed_by, &vec![false; waiting.len()]);
    let mut gone = vec![false; waiting.len()];
    for filing in &ready {
        gone[*filing] = true;
    }
    // Of what is left, whatever nothing else waits for only hangs on a circle.
    let mut hanging = peel(&needed_by, &needs, &gone);
    for filing in &hanging {
        gone[*filing] = true;
    }
    hanging.reverse();
    let circular = (0..waiting.len()).filter(|filing| !gone[*filing]).collect();
    Order { ready: ready.into_iter().chain(hanging).collect(), circular }
}

/// Takes away, again and again, what nothing is `before` any more (Kahn's algorithm).
fn peel(before: &[Vec<usize>], after: &[Vec<usize>], gone: &[bool]) -> Vec<usize> {
    let mut count: Vec<usize> = before
        .iter()
        .map(|before| before.iter().filter(|filing| !gone[**filing]).count())
        .collect();
    let mut order: Vec<usize> =
        (0..before.len()).filter(|filing| !gone[*filing] && count[*filing] == 0).collect();
    let mut next = 0;
    while let Some(&filing) = order.get(next) {
        next += 1;
        for later in &after[filing] {
            if gone[*later] {
                continue;
            }
            count[*later] -= 1;
            if count[*later] == 0 {
                order.push(*later);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn waits(needs: &[u64], makes: &[u64]) -> Waiting {
        Waiting { needs: needs.to_vec(), makes: makes.to_vec() }
    }

    #[test]
    fn makers_come_before_those_who_need_them_however_the_file_is_sorted() {
        let chain = [waits(&[2], &[3]), waits(&[1], &[2]), waits(&[0], &[1])];
        assert_eq!(order(&chain), Order { ready: vec![2, 1, 0], circular: vec![] });
    }

    #[test]
    fn a_circle_is_named_and_what_hangs_on_it_is_judged_all_the_same() {
        let files = [
            waits(&[2], &[1]),
            waits(&[1], &[2]),
            waits(&[2], &[3]),
            waits(&[3], &[]),
            waits(&[9], &[]),
        ];
        assert_eq!(order(&files), Order { ready: vec![4, 2, 3], circular: vec![0, 1] });
    }

    #[test]
    fn whoever_needs_its_own_lot_is_a_circle_of_one() {
        assert_eq!(order(&[waits(&[1], &[1])]).circular, [0]);
    }

    proptest! {
        #[test]
        fn each_is_named_once_and_none_before_what_it_needs(
            files in prop::collection::vec(
                (prop::collection::vec(0u64..20, 0..3), prop::collection::vec(0u64..20, 0..2)), 0..25)
        ) {
            let files: Vec<Waiting> = files.iter().map(|(needs, makes)| waits(needs, makes)).collect();
            let Order { ready, circular } = order(&files);
            let mut named: Vec<usize> = ready.iter().chain(&circular).copied().collect();
            named.sort_unstable();
            prop_assert_eq!(named, (0..files.len()).collect::<Vec<_>>());
            let place = |filing: usize| ready.iter().position(|named| *named == filing);
            for (filing, waits) in files.iter().enumerate() {
                for lot in &waits.needs {
                    let maker = files.iter().position(|other| other.makes.contains(lot));
                    let (Some(maker), Some(mine)) = (maker, place(filing)) else { continue };
                    if let Some(before) = place(maker) {
                        prop_assert!(before < mine || circular.contains(&maker));
                    }
                }
            }
        }
    }
}
