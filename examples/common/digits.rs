//! The digits as images.

use candlewick::data::{Dataset, Split3};

/// Largest value of a pixel.
const BRIGHTEST: f64 = 16.0;
/// Fraction of each class that is held out for the test.
const TEST_FRACTION: f64 = 0.2;

/// Returns handwritten digits, `[samples, 1, 8, 8]` with black 0 and white 1, split by the seed: the training set, the
/// fraction `validation` of each class, and the test set.
pub(crate) fn digits(validation: f64, seed: u64) -> candlewick::Result<[Dataset; 3]> {
    let Split3 { train, validation, test, .. } =
        Dataset::from_csv(include_str!("../data/digits.csv"))?.split3(validation, TEST_FRACTION, seed)?;
    let images = |of: Dataset| -> candlewick::Result<Dataset> {
        let x = of.x.affine(1.0 / BRIGHTEST, 0.0)?.reshape(((), 1, 8, 8))?;
        of.with_x(x)
    };
    Ok([images(train)?, images(validation)?, images(test)?])
}
