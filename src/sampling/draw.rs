//! Draws from the distribution of measured outcomes, in time and memory of order `outcomes + shots`.
//!
//! A distribution is a number of outcomes and a function that returns the weight of each. Weights are never negative;
//! their sum may be any number. An outcome of weight 0 is never drawn.

use crate::random::Generator;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_distr::{Binomial, Distribution, Exp1};

/// Outcomes that occurred, in ascending order, with the number of times that each occurred.
pub(crate) type Counts = Vec<(u64, u64)>;

/// Number of sorted uniforms that take about as long as a binomial. Measured.
const UNIFORMS_A_BINOMIAL: usize = 4;

/// Returns an independent generator for each quadruple of numbers.
///
/// The quadruple is the 256 bits of the generator's key, so no two quadruples share a stream. The draws repeat with the
/// same versions of `rand` and `rand_distr`. Neither crate promises the same values in its next breaking release.
pub(crate) fn shot_generator(seed: u64, call: u64, row: u64, group: u64) -> Generator {
    let mut key = [0; 32];
    for (bytes, number) in key.chunks_exact_mut(8).zip([seed, call, row, group]) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    Generator::from_seed(key)
}

/// Counts how often each outcome occurs in `shots` draws; `None` if the weights have no finite, positive sum.
pub(crate) fn draw_counts(
    outcomes: usize,
    weight: impl Fn(usize) -> f64,
    shots: u32,
    rng: &mut impl Rng,
) -> Option<Counts> {
    let support = Support::new(outcomes, &weight)?;
    let binomials = support.outcomes.saturating_mul(UNIFORMS_A_BINOMIAL) < shots as usize;
    Some(if binomials { by_binomials(&support, weight, shots, rng) } else { by_uniforms(&support, weight, shots, rng) })
}

/// Returns the outcomes of `shots` draws, one by one; `None` if the weights have no finite, positive sum.
pub(crate) fn draw_shots(
    outcomes: usize,
    weight: impl Fn(usize) -> f64,
    shots: u32,
    rng: &mut impl Rng,
) -> Option<Vec<u64>> {
    let counts = draw_counts(outcomes, weight, shots, rng)?;
    Some(in_random_order(&counts, rng))
}

/// Returns counted outcomes one by one: all orders of independent draws are equally probable.
pub(crate) fn in_random_order(counts: &Counts, rng: &mut impl Rng) -> Vec<u64> {
    let mut drawn: Vec<u64> = counts.iter().flat_map(|&(outcome, count)| (0..count).map(move |_| outcome)).collect();
    drawn.shuffle(rng);
    drawn
}

/// Result of one pass over the weights.
struct Support {
    sum: f64,
    /// Number of outcomes that can occur.
    outcomes: usize,
    /// Last outcome that can occur: it takes the rest that rounding leaves.
    last: usize,
}

impl Support {
    fn new(outcomes: usize, weight: impl Fn(usize) -> f64) -> Option<Self> {
        let mut support = Self { sum: 0.0, outcomes: 0, last: 0 };
        for outcome in 0..outcomes {
            let weight = weight(outcome);
            support.sum += weight;
            if weight > 0.0 {
                support.outcomes += 1;
                support.last = outcome;
            }
        }
        (support.sum.is_finite() && support.sum > 0.0).then_some(support)
    }
}

/// Draws each count from its binomial distribution, given the counts before it.
fn by_binomials(support: &Support, weight: impl Fn(usize) -> f64, shots: u32, rng: &mut impl Rng) -> Counts {
    let (mut counts, mut left, mut sum) = (Counts::new(), u64::from(shots), support.sum);
    for outcome in 0..=support.last {
        if left == 0 {
            break;
        }
        let weight = weight(outcome);
        // After rounding, the remaining weights may exceed the remaining sum.
        let share = if weight < sum && outcome < support.last { weight / sum } else { 1.0 };
        if weight > 0.0 {
            let count = Binomial::new(left, share).map_or(0, |binomial| binomial.sample(rng)).min(left);
            if count > 0 {
                counts.push((outcome as u64, count));
            }
            (left, sum) = (left - count, sum - weight);
        }
    }
    counts
}

/// Draws sorted uniforms and merges them with the running sum of the weights.
///
/// The smallest of m uniforms above u is `1 - (1 - u) exp(-E / m)` with an exponential E (Rényi). The uniforms come in
/// ascending order without being stored.
fn by_uniforms(support: &Support, weight: impl Fn(usize) -> f64, shots: u32, rng: &mut impl Rng) -> Counts {
    let mut counts = Counts::new();
    let (mut outcome, mut sum, mut exponent) = (0, weight(0), 0.0);
    for left in (1..=shots).rev() {
        let spacing: f64 = Exp1.sample(rng);
        exponent -= spacing / f64::from(left);
        let at = support.sum * (1.0 - exponent.exp());
        while at >= sum && outcome < support.last {
            outcome += 1;
            sum += weight(outcome);
        }
        match counts.last_mut() {
            Some((last, count)) if *last == outcome as u64 => *count += 1,
            _ => counts.push((outcome as u64, 1)),
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statistical errors beyond this many standard deviations are errors.
    const Z: f64 = 5.0;

    type Draw = fn(&[f64], u32, &mut Generator) -> Counts;

    /// Both algorithms, and the choice between them.
    const WAYS: [Draw; 3] = [
        |weights, shots, rng| by_binomials(&support(weights), |i| weights[i], shots, rng),
        |weights, shots, rng| by_uniforms(&support(weights), |i| weights[i], shots, rng),
        |weights, shots, rng| draw_counts(weights.len(), |i| weights[i], shots, rng).expect("a distribution"),
    ];

    fn support(weights: &[f64]) -> Support {
        Support::new(weights.len(), |i| weights[i]).expect("a distribution")
    }

    /// Returns weights of very different sizes with gaps, not normalised.
    fn skewed(outcomes: usize) -> Vec<f64> {
        let weight = |i: usize| if i % 7 == 3 { 0.0 } else { 3.0 / ((i * 389 % outcomes) as f64 + 1.0).powi(2) };
        (0..outcomes).map(weight).collect()
    }

    fn dense(outcomes: usize, counts: &Counts) -> Vec<f64> {
        let mut dense = vec![0.0; outcomes];
        for &(outcome, count) in counts {
            dense[outcome as usize] += count as f64;
        }
        dense
    }

    /// Checks that |frequency - p| is within z sqrt(p (1 - p) / N), plus the effect of a single shot on a rare outcome.
    fn check_frequencies(weights: &[f64], counts: &Counts, shots: u32) {
        let (sum, shots) = (weights.iter().sum::<f64>(), f64::from(shots));
        assert!(counts.windows(2).all(|pair| pair[0].0 < pair[1].0), "ascending");
        assert!(counts.iter().all(|&(_, count)| count > 0));
        let dense = dense(weights.len(), counts);
        assert_eq!(dense.iter().sum::<f64>(), shots);
        for (weight, count) in weights.iter().zip(dense) {
            let p = weight / sum;
            let allowed = Z * (shots * p * (1.0 - p)).sqrt() + if p > 0.0 && p < 1.0 { 2.0 } else { 0.0 };
            assert!((count - shots * p).abs() <= allowed, "{count} of {shots} for {p}");
        }
    }

    #[test]
    fn frequencies_are_probabilities() {
        for outcomes in [1, 2, 8, 1000] {
            let weights = skewed(outcomes);
            for (way, draw) in WAYS.iter().enumerate() {
                for shots in [0, 1, 10, 3000, 1_000_000] {
                    let mut rng = shot_generator(1, outcomes as u64, u64::from(shots), way as u64);
                    check_frequencies(&weights, &draw(&weights, shots, &mut rng), shots);
                }
            }
        }
    }

    /// Checks mean, variance and pairwise covariance of the counts over many runs.
    #[test]
    fn counts_are_multinomial() {
        let (weights, shots, runs) = ([0.05, 0.0, 0.6, 0.1, 0.25], 40, 40_000);
        let n = f64::from(shots);
        for (way, draw) in WAYS.iter().enumerate() {
            let (mut sums, mut products) = ([0.0; 5], [[0.0; 5]; 5]);
            for run in 0..runs {
                let mut rng = shot_generator(2, run, 0, way as u64);
                let dense = dense(5, &draw(&weights, shots, &mut rng));
                for i in 0..5 {
                    sums[i] += dense[i] / runs as f64;
                    (0..5).for_each(|j| {
                        products[i][j] += (dense[i] - n * weights[i]) * (dense[j] - n * weights[j]) / runs as f64
                    });
                }
            }
            for i in 0..5 {
                let p = weights[i];
                let deviation = (n * p * (1.0 - p) / runs as f64).sqrt();
                assert!((sums[i] - n * p).abs() <= Z * deviation, "way {way}: mean {i} is {}", sums[i]);
                for j in 0..5 {
                    let q = weights[j];
                    let expected = if i == j { n * p * (1.0 - p) } else { -n * p * q };
                    // The variance of a product of two nearly normal counts is at most about this.
                    let deviation = (3.0 * n * p * (1.0 - p) * n * q * (1.0 - q) / runs as f64).sqrt();
                    let error = (products[i][j] - expected).abs();
                    assert!(error <= Z * deviation, "way {way}: covariance {i} {j} is {}", products[i][j]);
                }
            }
        }
    }

    #[test]
    fn what_cannot_happen_does_not() {
        // The last weights vanish, so an earlier outcome has to take the rest of the rounding.
        let weights = [0.0, 1e-300, 0.0, 0.1, 0.2, 0.3, 1e-17, 0.4, 0.0, 0.0];
        for (way, draw) in WAYS.iter().enumerate() {
            for run in 0..2000 {
                let counts = draw(&weights, 100, &mut shot_generator(3, run, 0, way as u64));
                assert!(counts.iter().all(|&(outcome, _)| weights[outcome as usize] > 0.0), "{counts:?}");
                assert_eq!(counts.iter().map(|&(_, count)| count).sum::<u64>(), 100);
            }
        }
    }

    #[test]
    fn extreme_weights_and_shots() {
        for scale in [1e-300, 1.0, 1e300] {
            let weights = [scale, 0.0, 2.0 * scale, scale];
            for (way, draw) in WAYS.iter().enumerate() {
                let shots = if way == 1 { 1 << 20 } else { u32::MAX };
                check_frequencies(&weights, &draw(&weights, shots, &mut shot_generator(4, 0, 0, way as u64)), shots);
            }
        }
    }

    #[test]
    fn no_distribution() {
        let none: [&[f64]; 5] = [&[], &[0.0, 0.0], &[0.5, f64::NAN], &[f64::INFINITY, 1.0], &[f64::MAX, f64::MAX]];
        for weights in none {
            let mut rng = shot_generator(5, 0, 0, 0);
            assert!(draw_counts(weights.len(), |i| weights[i], 10, &mut rng).is_none(), "{weights:?}");
            assert!(draw_shots(weights.len(), |i| weights[i], 10, &mut rng).is_none(), "{weights:?}");
        }
    }

    /// Checks the order of single shots: neighbours are independent, and the first is distributed as all are.
    #[test]
    fn shots_come_in_random_order() {
        let (weights, drawn) = ([1.0, 2.0, 0.0, 5.0], 400_000);
        let sum: f64 = weights.iter().sum();
        let ordered = draw_shots(4, |i| weights[i], drawn, &mut shot_generator(6, 0, 0, 0)).expect("a distribution");
        assert_eq!(ordered.len(), drawn as usize);
        let mut pairs = [[0.0; 4]; 4];
        ordered.chunks_exact(2).for_each(|pair| pairs[pair[0] as usize][pair[1] as usize] += 2.0 / f64::from(drawn));
        let mut firsts = [0.0; 4];
        for run in 0..20_000 {
            let few = draw_shots(4, |i| weights[i], 3, &mut shot_generator(7, run, 0, 0)).expect("a distribution");
            firsts[few[0] as usize] += 1.0 / 20_000.0;
        }
        for i in 0..4 {
            let p = weights[i] / sum;
            assert!((firsts[i] - p).abs() <= Z * (p * (1.0 - p) / 20_000.0).sqrt(), "first {i}: {}", firsts[i]);
            for j in 0..4 {
                let q = p * weights[j] / sum;
                let allowed = Z * (q * (1.0 - q) / f64::from(drawn / 2)).sqrt();
                assert!((pairs[i][j] - q).abs() <= allowed, "{i} then {j}: {}", pairs[i][j]);
            }
        }
        assert!(draw_shots(4, |i| weights[i], 0, &mut shot_generator(6, 0, 0, 0)).is_some_and(|none| none.is_empty()));
    }

    #[test]
    fn streams_differ_in_each_number_and_repeat() {
        let first = |seed, call, row, group| -> [u64; 4] { shot_generator(seed, call, row, group).random() };
        let mut seen = std::collections::HashSet::new();
        let numbers = [0, 1, 2, 1 << 32, u64::MAX];
        for seed in numbers {
            for call in numbers {
                for row in numbers {
                    for group in numbers {
                        let values = first(seed, call, row, group);
                        assert_eq!(values, first(seed, call, row, group));
                        assert!(values.into_iter().all(|value| seen.insert(value)));
                    }
                }
            }
        }
    }
}
