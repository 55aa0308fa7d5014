//! Trigonometric polynomials: from their values, and their minimum.

use std::f64::consts::{PI, TAU};

/// Relative size of differences that rounding alone makes.
const ROUNDING: f64 = 1e-9;
/// Points of the grid for each harmonic.
const GRID: usize = 16;

/// Sum `a_0 + Σ a_j cos(j x) + b_j sin(j x)`.
#[derive(Debug)]
pub(super) struct TrigonometricPolynomial {
    constant: f64,
    /// The factors `a_j` and `b_j`, from `j = 1` on.
    harmonics: Vec<(f64, f64)>,
}

impl TrigonometricPolynomial {
    /// Returns the points whose values determine a polynomial of a degree. The first is 0.
    pub(super) fn points(degree: u32) -> impl Iterator<Item = f64> {
        let count = 2 * degree + 1;
        (0..count).map(move |k| TAU * f64::from(k) / f64::from(count))
    }

    /// Makes the polynomial of its values at the [`points`](Self::points).
    pub(super) fn new(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let harmonic = |j: usize| {
            let sum = |f: fn(f64) -> f64| {
                let angle = |k: usize| TAU * ((j * k) % values.len()) as f64 / count;
                2.0 / count * values.iter().enumerate().map(|(k, value)| value * f(angle(k))).sum::<f64>()
            };
            (sum(f64::cos), sum(f64::sin))
        };
        let harmonics = (1..=values.len() / 2).map(harmonic).collect();
        Self { constant: values.iter().sum::<f64>() / count, harmonics }
    }

    fn value(&self, x: f64) -> f64 {
        let term = |(j, (a, b)): (usize, &(f64, f64))| {
            let (sin, cos) = ((j + 1) as f64 * x).sin_cos();
            a * cos + b * sin
        };
        self.constant + self.harmonics.iter().enumerate().map(term).sum::<f64>()
    }

    fn slope(&self, x: f64) -> f64 {
        let term = |(j, (a, b)): (usize, &(f64, f64))| {
            let (sin, cos) = ((j + 1) as f64 * x).sin_cos();
            (j + 1) as f64 * (b * cos - a * sin)
        };
        self.harmonics.iter().enumerate().map(term).sum()
    }

    /// Returns the place of the minimum in (-π, π], or 0 if the polynomial is not lower anywhere.
    pub(super) fn minimum(&self) -> f64 {
        let size = self.harmonics.iter().map(|(a, b)| a.hypot(*b)).sum::<f64>();
        let here = self.value(0.0);
        let lower = |at: f64| here - self.value(at) > 4.0 * f64::EPSILON * (size + self.constant.abs());
        let at = match self.harmonics[..] {
            [(a, b)] => (-b).atan2(-a),
            _ => self.lowest_valley(),
        };
        if lower(at) { at } else { 0.0 }
    }

    /// Returns the lowest of the minima that are next to a point of a grid.
    fn lowest_valley(&self) -> f64 {
        let count = GRID * self.harmonics.len();
        let width = TAU / count as f64;
        let values: Vec<f64> = (0..count).map(|k| self.value(k as f64 * width)).collect();
        let is_valley = |k: &usize| {
            let (left, right) = (values[(k + count - 1) % count], values[(k + 1) % count]);
            values[*k] <= left && values[*k] <= right
        };
        let minima = (0..count).filter(is_valley).map(|k| self.bottom(k as f64 * width, width));
        let lowest = minima.min_by(|a, b| self.value(*a).total_cmp(&self.value(*b))).unwrap_or(0.0);
        if lowest > PI { lowest - TAU } else { lowest }
    }

    /// Returns the place around `at` where the slope changes its sign, by bisection.
    fn bottom(&self, at: f64, width: f64) -> f64 {
        let (mut left, mut right) = (at - width, at + width);
        if self.slope(left) >= 0.0 || self.slope(right) <= 0.0 {
            return at;
        }
        // The interval is as short as rounding allows.
        for _ in 0..56 {
            let middle = 0.5 * (left + right);
            if self.slope(middle) < 0.0 { left = middle } else { right = middle }
        }
        0.5 * (left + right)
    }
}

/// Returns the frequency of which all frequencies are multiples, and the highest multiple in a product of functions with
/// these base frequencies and numbers of harmonics.
pub(super) fn common_frequency(harmonics: &[(f64, u32)], most: u32) -> Result<(f64, u32), &'static str> {
    let highest = harmonics.iter().map(|(base, _)| *base).fold(0.0, f64::max);
    let divisor = |a: f64, b: f64| {
        let (mut a, mut b) = (a.max(b), a.min(b));
        while b > ROUNDING * highest {
            (a, b) = (b, (a - b * (a / b).round()).abs());
        }
        a
    };
    let common = harmonics.iter().map(|(base, _)| *base).reduce(divisor).unwrap_or(1.0);
    if !common.is_finite() {
        return Err("an angle is not finite");
    }
    let mut degree = 0.0;
    for (base, count) in harmonics {
        let multiple = base / common;
        if (multiple - multiple.round()).abs() > ROUNDING * multiple.max(1.0) {
            return Err("its angles have frequencies that are no multiples of one");
        }
        degree += f64::from(*count) * multiple.round();
    }
    match degree <= f64::from(most) {
        true => Ok((common, degree as u32)),
        false => Err("its angles have frequencies with more than 64 multiples of a common one"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks minima against a search on a grid that is a hundred times finer.
    #[test]
    fn minima_of_polynomials() {
        for degree in 1..=7u32 {
            for seed in 0..40 {
                let random = |k: f64| (k * 12.9898 + f64::from(seed) * 78.233 + f64::from(degree)).sin();
                let harmonics = (0..degree).map(|j| (random(f64::from(j)), random(f64::from(j) + 0.5))).collect();
                let polynomial = TrigonometricPolynomial { constant: random(99.0), harmonics };
                let values: Vec<f64> = TrigonometricPolynomial::points(degree).map(|at| polynomial.value(at)).collect();
                let again = TrigonometricPolynomial::new(&values);
                assert!((again.value(1.234) - polynomial.value(1.234)).abs() < 1e-13);
                let fine =
                    (0..20_000).map(|k| polynomial.value(TAU * f64::from(k) / 20_000.0)).fold(f64::MAX, f64::min);
                let at = again.minimum();
                assert!((-PI..=PI).contains(&at) && polynomial.value(at) <= fine + 1e-12, "{degree} {seed}");
            }
        }
        assert_eq!(TrigonometricPolynomial::new(&[0.7; 3]).minimum(), 0.0);
        assert_eq!(TrigonometricPolynomial::new(&[0.7; 9]).minimum(), 0.0);
    }

    #[test]
    fn frequencies() {
        assert_eq!(common_frequency(&[(2.0, 1)], 64), Ok((2.0, 1)));
        let (base, degree) = common_frequency(&[(0.3, 2), (0.5, 1)], 64).expect("multiples of 0.1");
        assert!((base - 0.1).abs() < 1e-9 && degree == 11);
        assert!(common_frequency(&[(1.0, 1), (2f64.sqrt(), 1)], 64).is_err());
        assert!(common_frequency(&[(1.0, 1), (64.0, 1)], 64).is_err());
        assert!(common_frequency(&[(f64::INFINITY, 1)], 64).is_err());
        assert!(common_frequency(&[(f64::NAN, 1)], 64).is_err());
    }
}
