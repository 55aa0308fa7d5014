//! Fourier series of a circuit's output in one input feature, and a bound of their frequencies.

use super::{exact, single};
use crate::__private::NonExhaustive;
use crate::circuit::Circuit;
use crate::derived_features;
use crate::error::{Error, Mistake, Result, TensorError};
use crate::functional;
use crate::mask::Mask;
use crate::measurement::Measurement;
use crate::observable::Observable;
use crate::program::{Program, Rewrite, Rewrites, Slot, Spectrum, Variable};
use candle_core::{Device, Tensor};
use num_complex::Complex64;
use std::f64::consts::TAU;
use std::iter::Copied;
use std::{slice, vec};

/// Largest degree of a series.
pub const MAX_DEGREE: usize = 4096;

/// Largest distance of frequencies from a common multiple, relative to the largest frequency.
const TOLERANCE: f64 = 1e-9;

/// Frequencies that an output may have in a feature: `unit * k` for whole `k` from `-degree` to `degree`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Frequencies {
    /// Smallest step between the frequencies; the output repeats after `2π / unit`.
    pub unit: f64,
    /// Number of frequencies above 0, at most [`MAX_DEGREE`].
    pub degree: usize,
}

/// Options of [`fourier_spectrum`] and [`frequencies()`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FourierConfig {
    /// Index of the feature of the series. Default 0.
    pub feature: usize,
    /// Values of all features; the value of `feature` is not used. Default `None`: 0 for each.
    pub point: Option<Vec<f64>>,
    /// Frequencies that [`fourier_spectrum`] evaluates; [`frequencies()`] does not read them. Default `None`: the
    /// frequencies that [`frequencies()`] finds. Given frequencies are not checked: if the circuit has higher
    /// frequencies or some between them, their coefficients appear at wrong frequencies.
    pub frequencies: Option<Frequencies>,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

/// Fourier series of an output in a feature: `f(x) = Σ_k c_k exp(i unit k x)`.
#[derive(Debug, Clone, PartialEq)]
pub struct FourierSpectrum {
    frequencies: Frequencies,
    /// Frequencies with their coefficients, from `-degree` to `degree`.
    terms: Vec<(f64, Complex64)>,
}

impl Frequencies {
    /// Makes frequencies from the step between them and the number of frequencies above 0.
    pub fn new(unit: f64, degree: usize) -> Self {
        Self { unit, degree }
    }
}

impl FourierSpectrum {
    /// Returns the frequencies that were evaluated.
    pub fn frequencies(&self) -> Frequencies {
        self.frequencies
    }

    /// Returns `c_k`, the coefficient of the frequency `unit * k`; 0 beyond the degree. Outputs are real, so `c_-k` is
    /// the conjugate of `c_k`.
    pub fn coefficient(&self, k: isize) -> Complex64 {
        let place = k.checked_add_unsigned(self.frequencies.degree).and_then(|place| usize::try_from(place).ok());
        place.and_then(|place| self.terms.get(place)).map(|term| term.1).unwrap_or_default()
    }

    /// Returns all frequencies, from the lowest to the highest, with their coefficients.
    pub fn iter(&self) -> Copied<slice::Iter<'_, (f64, Complex64)>> {
        self.terms.iter().copied()
    }
}

/// All frequencies, from the lowest to the highest, with their coefficients.
impl IntoIterator for FourierSpectrum {
    type Item = (f64, Complex64);
    type IntoIter = vec::IntoIter<(f64, Complex64)>;

    fn into_iter(self) -> Self::IntoIter {
        self.terms.into_iter()
    }
}

/// All frequencies, from the lowest to the highest, with their coefficients.
impl<'a> IntoIterator for &'a FourierSpectrum {
    type Item = (f64, Complex64);
    type IntoIter = Copied<slice::Iter<'a, (f64, Complex64)>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Returns the Fourier series of `<O>` in one feature, with the other features and the weights fixed.
///
/// The series describes which functions of its data a circuit can be. Angles that are linear in a feature make every
/// output a trigonometric polynomial in it, whose frequencies are sums of differences of eigenvalues (Schuld, Sweke and
/// Meyer, Phys. Rev. A 103, 032430, 2021). The output is evaluated at `2 degree + 1` equidistant points of one period,
/// in one batch, and transformed. The result is exact up to rounding.
///
/// ```
/// use candlewick::diagnostics::{self, FourierConfig};
/// use candlewick::prelude::*;
/// let mut circuit = Circuit::new(1);
/// circuit.rx(input(0), 0); // <Z> = cos(x)
/// let spectrum =
///     diagnostics::fourier_spectrum(&circuit, &Z(0), &[], FourierConfig::default())?;
/// assert!((spectrum.coefficient(1).re - 0.5).abs() < 1e-12);
/// assert!(spectrum.coefficient(0).norm() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`frequencies()`]; given frequencies with a unit that is not positive, or of too high a degree.
pub fn fourier_spectrum(
    circuit: &Circuit,
    observable: &Observable,
    weights: &[(&str, &Tensor)],
    config: FourierConfig,
) -> Result<FourierSpectrum> {
    let given = config.frequencies;
    let problem = Problem::new(circuit, observable, weights, config)?;
    let found = given.map_or_else(|| problem.frequencies(), Ok)?;
    let Frequencies { unit, degree } = found;
    if !unit.is_finite() || unit <= 0.0 || !(TAU / unit).is_finite() {
        return Err(Error::Diagnostics(Mistake::NotPositive { what: "the unit of the frequencies", value: unit }));
    }
    if degree > MAX_DEGREE {
        let expected = format!("at most {MAX_DEGREE}");
        return Err(Error::Diagnostics(Mistake::Length { what: "frequencies", expected, actual: degree }));
    }
    let points = 2 * degree + 1;
    let values = problem.values((0..points).map(|j| TAU / unit * (j as f64 / points as f64)))?;
    // Computes exp(-2πi j k / points): the product j k is reduced while it is a whole number.
    let turns: Vec<_> = (0..points).map(|m| Complex64::cis(-TAU * m as f64 / points as f64)).collect();
    let term = |place: usize| {
        let k = place + points - degree;
        let terms = values.iter().enumerate().map(|(j, value)| turns[j * k % points] * value);
        (unit * (place as f64 - degree as f64), terms.sum::<Complex64>() / points as f64)
    };
    Ok(FourierSpectrum { frequencies: found, terms: (0..points).map(term).collect() })
}

/// Returns a bound for the frequencies of `<O>` in a feature, from the operations on which `O` depends.
///
/// A rotation by `a x` has the frequency `a`, and so has a phase. A rotation under controls has `a / 2` as well. The
/// greatest common divisor of the frequencies is the unit; the highest frequencies add up to the degree. If `a` is a
/// weight or another feature, its value at [`point`](FourierConfig::point) counts.
///
/// ```
/// use candlewick::diagnostics::{self, FourierConfig};
/// use candlewick::prelude::*;
/// let mut circuit = Circuit::new(2);
/// circuit.rx(input(0), 0).cx(0, 1).rx(3.0 * input(0), 1);
/// let bound = diagnostics::frequencies(&circuit, &Z(1), &[], FourierConfig::default())?;
/// assert_eq!((bound.unit, bound.degree), (1.0, 4));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A feature that the circuit does not have; a `point` of another length; a feature that is squared, read by a
/// condition or an amplitude; frequencies without a common unit, or too many; the errors of [`functional::evaluate`].
pub fn frequencies(
    circuit: &Circuit,
    observable: &Observable,
    weights: &[(&str, &Tensor)],
    config: FourierConfig,
) -> Result<Frequencies> {
    Problem::new(circuit, observable, weights, config)?.frequencies()
}

/// Output as a function of one feature.
struct Problem<'a> {
    circuit: &'a Circuit,
    measurement: Measurement,
    feature: usize,
    point: Vec<f64>,
    weights: Vec<(&'a str, Tensor)>,
}

impl<'a> Problem<'a> {
    fn new(
        circuit: &'a Circuit,
        observable: &Observable,
        weights: &[(&'a str, &Tensor)],
        FourierConfig { feature, point, .. }: FourierConfig,
    ) -> Result<Self> {
        circuit.check()?;
        observable.check_constant().map_err(|mistake| Error::Observable { index: 0, mistake })?;
        let width = circuit.inputs();
        if feature >= width {
            return Err(Error::Diagnostics(Mistake::InputOutOfRange { index: feature, width }));
        }
        let point = point.unwrap_or_else(|| vec![0.0; width]);
        if point.len() != width {
            return Err(Error::Tensor(TensorError::InputWidth { expected: width, shape: point.len().into() }));
        }
        single(circuit, weights)?;
        let exactly =
            |&(name, tensor): &(&'a str, &Tensor)| Ok((name, exact(&format!("weight tensor `{name}`"), tensor)?));
        let weights = weights.iter().map(exactly).collect::<Result<_>>()?;
        let measurement = Measurement::expectation([observable.clone()]);
        let problem = Self { circuit, measurement, feature, point, weights };
        // Evaluates once for the errors: the code below assumes weights as they are declared.
        problem.values([problem.point[feature]].into_iter())?;
        Ok(problem)
    }

    /// Returns the output at values of the feature.
    fn values(&self, at: impl Iterator<Item = f64>) -> Result<Vec<f64>> {
        let row = |value: f64| {
            let mut row = self.point.clone();
            row[self.feature] = value;
            row
        };
        let rows: Vec<f64> = at.flat_map(row).collect();
        let inputs = Tensor::from_vec(rows, ((), self.point.len()), &Device::Cpu)?;
        let named: Vec<_> = self.weights.iter().map(|(name, tensor)| (*name, tensor)).collect();
        let values = functional::evaluate(self.circuit, &self.measurement, Some(&inputs), &named)?;
        Ok(values.flatten_all()?.to_vec1()?)
    }

    fn frequencies(&self) -> Result<Frequencies> {
        let program = Program::with_rewrites(self.circuit, &self.measurement, Rewrites::NONE.with(Rewrite::LightCone))?;
        let embedded = program.embedding.is_some_and(|e| (e.first..e.first + e.count).contains(&self.feature));
        if embedded {
            return Err(Error::Diagnostics(Mistake::NotLinear { feature: self.feature }));
        }
        let weights = self.all_weights(&program)?;
        let row = self.row(&program, &weights)?;
        let (mut steps, mut highest) = (Vec::new(), Vec::new());
        for probe in &program.angles_as_inputs().angles {
            let slope = self.slope(&program, &program.slots[probe.slot], (&row, &weights))?.abs();
            // A phase of the whole state has no effect.
            if slope != 0.0 && !probe.support.is_empty() {
                let (step, high) = match probe.spectrum {
                    Spectrum::Signs => (2.0 * slope, 2.0 * slope),
                    Spectrum::ZeroOne => (slope, slope),
                    Spectrum::ZeroSigns => (slope, 2.0 * slope),
                    Spectrum::Linear => {
                        return Err(Error::Diagnostics(Mistake::NotLinear { feature: self.feature }));
                    }
                };
                steps.push(step);
                highest.push(high);
            }
        }
        self.common(&steps, &highest)
    }

    /// Returns all weights in the program's order.
    fn all_weights(&self, program: &Program) -> Result<Vec<f64>> {
        let mut all = Vec::with_capacity(program.weights);
        for tensor in &program.tensors {
            if let Some((_, values)) = self.weights.iter().find(|(name, _)| *name == tensor.name) {
                all.extend(values.flatten_all()?.to_vec1::<f64>()?);
            }
        }
        Ok(all)
    }

    /// Returns the point with derived features, as engines read it. Derived features must not depend on the feature of
    /// the series.
    fn row(&self, program: &Program, weights: &[f64]) -> Result<Vec<f64>> {
        let read = |slot: &Slot| {
            let variables = slot.terms.iter().flat_map(|(_, first, second)| [Some(*first), *second]).flatten();
            variables.into_iter().any(|variable| variable == Variable::Input(self.feature))
        };
        if program.derived.tests.iter().any(|test| read(&test.value)) || program.derived.arguments.iter().any(read) {
            return Err(Error::Diagnostics(Mistake::NotLinear { feature: self.feature }));
        }
        let features = Tensor::from_slice(&self.point, (1, self.point.len()), &Device::Cpu)?;
        let weights = Tensor::from_slice(weights, weights.len(), &Device::Cpu)?;
        Ok(derived_features::append_features(program, &features, &weights)?.flatten_all()?.to_vec1()?)
    }

    /// Returns the factor of the feature in a slot.
    fn slope(&self, program: &Program, slot: &Slot, (row, weights): (&[f64], &[f64])) -> Result<f64> {
        // A product of a switch and the feature counts as the feature, with the switch as a factor.
        let own = |variable: Variable| match program.origin(variable)? {
            (Variable::Input(index), switch) if index == self.feature => Some(switch.map_or(1.0, |switch| row[switch])),
            _ => None,
        };
        let value = |variable: Variable| match variable {
            Variable::Input(index) => row[index],
            Variable::Weight(index) => weights[index],
        };
        let mut slope = 0.0;
        for &(coefficient, first, second) in slot.terms.iter().filter(|term| term.0 != 0.0) {
            slope += match (own(first), second.map(|second| (own(second), value(second)))) {
                (Some(_), Some((Some(_), _))) => {
                    return Err(Error::Diagnostics(Mistake::NotLinear { feature: self.feature }));
                }
                (Some(factor), second) => coefficient * factor * second.map_or(1.0, |(_, value)| value),
                (None, Some((Some(factor), _))) => coefficient * factor * value(first),
                (None, _) => 0.0,
            };
        }
        if slope.is_finite() {
            return Ok(slope);
        }
        Err(Error::Diagnostics(Mistake::NotFinite { what: "the factor of the feature", value: slope }))
    }

    /// Returns the common unit of all steps, and the sum of the highest frequencies in this unit.
    fn common(&self, steps: &[f64], highest: &[f64]) -> Result<Frequencies> {
        let largest = steps.iter().copied().fold(0.0, f64::max);
        if largest == 0.0 {
            return Ok(Frequencies { unit: 1.0, degree: 0 });
        }
        let divisor = steps.iter().fold(0.0, |unit, step| common_divisor(unit, *step, TOLERANCE * largest));
        // Euclid's remainders collect rounding errors that the quotient does not have.
        let unit = largest / (largest / divisor).round();
        let degree = highest.iter().map(|high| (high / unit).round()).sum::<f64>();
        // The comparison refuses NaN.
        if degree <= MAX_DEGREE as f64 {
            return Ok(Frequencies { unit, degree: degree as usize });
        }
        let (feature, limit) = (self.feature, MAX_DEGREE);
        Err(Error::Diagnostics(Mistake::NoCommonFrequency { feature, largest, unit, limit }))
    }
}

/// Returns the common divisor by Euclid's algorithm, up to rounding errors.
fn common_divisor(mut a: f64, mut b: f64, tolerance: f64) -> f64 {
    while b > tolerance {
        (a, b) = (b, a % b);
    }
    a
}
