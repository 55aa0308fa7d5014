//! The generator behind every seed.
//!
//! What comes of a seed is part of what the crate promises: it changes with no version of a dependency, and if ever on purpose, the changelog
//! says so. So the generator has a name (rand's own `StdRng` may be another one in any version), and a test knows some of its numbers, and some
//! drawn through the distributions that the crate uses.

/// ChaCha with 12 rounds.
pub(crate) type Generator = rand_chacha::ChaCha12Rng;

#[cfg(test)]
mod tests {
    use super::Generator;
    use rand::{Rng, SeedableRng};
    use rand_distr::{Binomial, Distribution, StandardNormal};

    /// Of seed 7.
    const WORDS: [u64; 2] = [559_256_596_868_823_998, 5_664_742_077_951_270_790];
    const REALS: [f64; 3] = [0.14264215670077263, 0.08503437305421091, -0.5318467092742005];

    #[test]
    fn seeds_mean_the_same_numbers_for_ever() {
        let mut rng = Generator::seed_from_u64(7);
        let words = [rng.random::<u64>(), rng.random()];
        let reals = [rng.random::<f64>(), rng.random_range(-1.0..1.0), rng.sample(StandardNormal)];
        let counts = [rng.random_range(0..1000), Binomial::new(1000, 0.3).expect("a distribution").sample(&mut rng)];
        let keyed = Generator::from_seed([3; 32]).random::<u64>();
        assert_eq!((words, reals, counts, keyed), (WORDS, REALS, [951, 300], 18_405_794_169_770_496_134));
    }
}
