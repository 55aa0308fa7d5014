//! The digits as images.

use candlewick::data::{Dataset, Split};

/// Largest value of a pixel.
const BRIGHTEST: f64 = 16.0;
/// Fraction of each class that is held out for the test.
const TEST_FRACTION: f64 = 0.2;

/// Returns handwritten digits, `[samples, 1, 8, 8]` with black 0 and white 1: the training and the test set, split by
/// the seed.
pub(crate) fn digits(seed: u64) -> candlewick::Result<[Dataset; 2]> {
    let Split { train, test, .. } =
        Dataset::from_csv(include_str!("../data/digits.csv"))?.split(TEST_FRACTION, seed)?;
    let images = |of: Dataset| -> candlewick::Result<Dataset> {
        let x = of.x.affine(1.0 / BRIGHTEST, 0.0)?.reshape(((), 1, 8, 8))?;
        of.with_x(x)
    };
    Ok([images(train)?, images(test)?])
}
