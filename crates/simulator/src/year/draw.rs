//! Chance in the shapes that measurements and sizes have; whole numbers only.

use crate::chance::Chance;

/// A draw from a bell curve around nothing with this standard deviation, in millionths: twelve even
/// draws together are near enough, and never further out than six deviations.
pub(crate) fn normal_ppm(chance: &mut Chance, deviation_ppm: u64) -> i64 {
    let sum: u64 = (0..12).map(|_| chance.between(0, 1_000_000)).sum();
    (sum.cast_signed() - 6_000_000) * deviation_ppm.cast_signed() / 1_000_000
}

/// The value, changed by so many millionths of itself; never below nothing.
pub(crate) fn changed(value: u64, ppm: i64) -> u64 {
    let changed = i128::from(value) * (1_000_000 + i128::from(ppm)) / 1_000_000;
    u64::try_from(changed.max(0)).unwrap_or(u64::MAX)
}

/// An index by weight; the first where nothing weighs anything.
pub(crate) fn weighted(chance: &mut Chance, weights: impl Iterator<Item = u64>) -> usize {
    let weights: Vec<u64> = weights.collect();
    let mut drawn = chance.between(0, weights.iter().sum::<u64>().saturating_sub(1));
    for (index, weight) in weights.iter().enumerate() {
        if drawn < *weight {
            return index;
        }
        drawn -= weight;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bell_curve_has_the_width_that_was_asked_for() {
        let mut chance = Chance::of_seed(3);
        let drawn: Vec<i64> = (0..20_000).map(|_| normal_ppm(&mut chance, 10_000)).collect();
        let mean = drawn.iter().sum::<i64>() / 20_000;
        let variance = drawn.iter().map(|value| value * value).sum::<i64>() / 20_000;
        assert!(mean.abs() < 300, "{mean}");
        assert!((95_000_000..105_000_000).contains(&variance), "{variance}");
    }

    #[test]
    fn heavier_ones_are_drawn_more_often_and_weightless_ones_never() {
        let mut chance = Chance::of_seed(4);
        let mut counts = [0; 3];
        for _ in 0..3_000 {
            counts[weighted(&mut chance, [1, 0, 9].into_iter())] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((2_500..2_900).contains(&counts[2]), "{counts:?}");
    }
}
