//! Parameter shift: the derivative of a trigonometric polynomial from its values at equidistant points.
//!
//! A step's matrix is a combination of `exp(i e φ)` for the eigenvalues `e` of its generator. An output is therefore a
//! trigonometric polynomial of the step's angle, and its frequencies are differences of eigenvalues. With `R`
//! frequencies `w, 2w, .. R w` the slope is a sum of `2R` values (Wierichs, Izaac, Wang and Lin, Quantum 6, 677, 2022,
//! equation 23). `R = 1` is the familiar rule. In a coefficient of a channel an output is a polynomial of at most second
//! degree, for which central differences are exact.

use super::Wrt;
use super::chain::Numbers;
use super::points::{Batches, Variant};
use crate::engine::NeedsGrad;
use crate::error::{Error, Result};
use crate::program::{AnglesAsInputs, Probe, Quantity, Readout, Spectrum, Variable};
use std::f64::consts::{PI, TAU};

/// Harmonics `base, 2 base, .. count base`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Harmonics {
    base: f64,
    count: u32,
}

impl Harmonics {
    /// Returns the harmonics of all outputs as functions of the angle of a step, or `None` for the coefficient of a
    /// channel.
    pub(super) fn new(spectrum: Spectrum, readout: &Readout) -> Option<Self> {
        let harmonics = match spectrum {
            Spectrum::Signs => Self { base: 2.0, count: 1 },
            Spectrum::ZeroOne => Self { base: 1.0, count: 1 },
            Spectrum::ZeroSigns => Self { base: 1.0, count: 2 },
            Spectrum::Linear => return None,
        };
        let each = readout.quantities.iter().map(|columns| harmonics.of_quantity(&columns.quantity));
        Some(each.reduce(Self::and).unwrap_or(Self { base: 1.0, count: 1 }))
    }

    /// Returns the harmonics of a quantity, for the harmonics of an expectation value.
    fn of_quantity(self, quantity: &Quantity) -> Self {
        match quantity {
            // Amplitudes are linear in the step's matrix, whose frequencies are its eigenvalues.
            Quantity::State => Self { base: 1.0, count: 1 },
            // A variance has the square of an expectation value.
            Quantity::Variance(_) => Self { count: 2 * self.count, ..self },
            Quantity::Expectation(_) | Quantity::Probabilities(_) => self,
        }
    }

    /// Returns the smallest harmonics that contain both. A base is 1 or 2.
    fn and(self, other: Self) -> Self {
        let highest = |one: Self| one.base * f64::from(one.count);
        let base = self.base.min(other.base);
        Self { base, count: (highest(self).max(highest(other)) / base) as u32 }
    }

    /// Returns the lowest harmonic and the number of harmonics.
    pub(super) fn parts(self) -> (f64, u32) {
        (self.base, self.count)
    }

    /// Returns shifts of the angle and factors: the slope is the sum of factor times value at the shift.
    pub(super) fn rule(self) -> impl Iterator<Item = (f64, f64)> {
        let Self { base, count } = self;
        (0..2 * count).map(move |k| {
            let x = (2.0 * f64::from(k) + 1.0) * PI / (2.0 * f64::from(count));
            let x = if x > PI { x - TAU } else { x };
            let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
            (x / base, sign * base / (4.0 * f64::from(count) * (x / 2.0).sin().powi(2)))
        })
    }
}

/// Shift of one angle, and the factor of the value at the shifted point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    /// Index of the angle among the probes.
    pub(super) angle: usize,
    pub(super) by: f64,
    pub(super) factor: f64,
}

/// Points at which some angles of each sample are shifted, one angle at a time. The points of a sample are neighbours.
#[derive(Debug)]
pub(super) struct Shifted<'a> {
    pub(super) angles_as_inputs: &'a AnglesAsInputs,
    pub(super) shifts: Vec<Shift>,
    /// Features that become the initial state, then the angles without a shift: `[batch, width]`.
    rows: Vec<f64>,
    batch: usize,
}

impl<'a> Shifted<'a> {
    /// Makes the points for the angles that need grad.
    pub(super) fn new(numbers: &Numbers<'a>, needs_grad: impl Fn(&Probe) -> bool) -> Self {
        let program = numbers.program;
        let angles_as_inputs = program.angles_as_inputs();
        let chosen = angles_as_inputs.angles.iter().enumerate().filter(|(_, probe)| needs_grad(probe));
        let rule = |(angle, probe): (usize, &Probe)| {
            let rule: Vec<(f64, f64)> = match Harmonics::new(probe.spectrum, &program.readout) {
                Some(harmonics) => harmonics.rule().collect(),
                // Outputs are polynomials of first or second degree in a coefficient.
                None => vec![(0.5, 1.0), (-0.5, -1.0)],
            };
            rule.into_iter().map(move |(by, factor)| Shift { angle, by, factor })
        };
        let shifts = chosen.flat_map(rule).collect();
        let start = program.embedding.map_or(0..0, |embedding| embedding.first..embedding.first + embedding.count);
        let mut rows = Vec::with_capacity(numbers.batch * angles_as_inputs.program.engine_inputs);
        for sample in 0..numbers.batch {
            let sample = numbers.sample(sample);
            rows.extend_from_slice(&sample.inputs[start.clone()]);
            rows.extend(angles_as_inputs.angles.iter().map(|probe| sample.slot(&program.slots[probe.slot])));
        }
        Self { angles_as_inputs, shifts, rows, batch: numbers.batch }
    }

    /// Makes the points for the angles that depend on variables of a kind.
    pub(super) fn in_all(numbers: &Numbers<'a>, wrt: Wrt) -> Self {
        Self::new(numbers, |probe| wrt.is_read(numbers.program, &numbers.program.slots[probe.slot]))
    }

    /// Whether a shift moves the coefficient of a channel.
    fn moves_strengths(&self) -> bool {
        let spectrum = |shift: &Shift| self.angles_as_inputs.angles[shift.angle].spectrum;
        self.shifts.iter().any(|shift| spectrum(shift) == Spectrum::Linear)
    }

    pub(super) fn points(&self) -> usize {
        self.batch * self.shifts.len()
    }

    /// Returns the sample of a point, and the shift.
    pub(super) fn at(&self, point: usize) -> (usize, Shift) {
        (point / self.shifts.len(), self.shifts[point % self.shifts.len()])
    }

    /// Writes the numbers of a sample, with one angle shifted or none.
    pub(super) fn write(&self, sample: usize, shift: Option<Shift>, to: &mut [f64]) {
        to.copy_from_slice(&self.rows[sample * to.len()..(sample + 1) * to.len()]);
        if let Some(shift) = shift {
            to[self.angles_as_inputs.start() + shift.angle] += shift.by;
        }
    }
}

/// Computes the gradients of `sum(cotangent * outputs)` in inputs and weights.
pub(super) fn shift_gradients(
    batches: &Batches<'_>,
    numbers: &Numbers<'_>,
    cotangent: &[f64],
    needs_grad: NeedsGrad,
) -> Result<[Vec<f64>; 2]> {
    let program = numbers.program;
    let outputs = program.engine_outputs();
    let reads = |variable: Variable| match variable {
        Variable::Input(_) => needs_grad.inputs && program.origin(variable).is_some(),
        Variable::Weight(_) => needs_grad.weights,
    };
    let shifted = Shifted::new(numbers, |probe| {
        program.slots[probe.slot].terms.iter().any(|(_, first, second)| reads(*first) || second.is_some_and(reads))
    });
    if batches.estimator.is_sampled() && shifted.moves_strengths() {
        let of = "strengths of channels, from finite shots";
        let instead = "a shifted coefficient is no channel to draw from; take exact outputs for trainable strengths";
        return Err(Error::NoGradient { method: "parameter shift", of, instead });
    }
    let angles_as_inputs = shifted.angles_as_inputs;
    let mut slopes = vec![0.0; numbers.batch * angles_as_inputs.angles.len()];
    let fill = |point: usize, to: &mut [f64]| {
        let (sample, shift) = shifted.at(point);
        shifted.write(sample, Some(shift), to);
    };
    batches.evaluate(Variant::AnglesAsInputs, shifted.points(), fill, |point, values| {
        let (sample, shift) = shifted.at(point);
        let cotangent = &cotangent[sample * outputs..(sample + 1) * outputs];
        let value: f64 = cotangent.iter().zip(values).map(|(c, value)| c * value).sum();
        slopes[sample * angles_as_inputs.angles.len() + shift.angle] += shift.factor * value;
    })?;
    let mut gradients = [vec![0.0; numbers.inputs.len()], vec![0.0; numbers.weights.len()]];
    for sample in (0..numbers.batch).filter(|sample| numbers.sample(*sample).is_spoiled(program)) {
        gradients[0][sample * program.engine_inputs..][..program.engine_inputs].fill(f64::NAN);
        gradients[1].fill(f64::NAN);
    }
    for (sample, slopes) in slopes.chunks(angles_as_inputs.angles.len().max(1)).enumerate() {
        for (probe, slope) in angles_as_inputs.angles.iter().zip(slopes) {
            numbers.sample(sample).derivatives(&program.slots[probe.slot], |variable, derivative| match variable {
                Variable::Input(index) => gradients[0][sample * program.engine_inputs + index] += slope * derivative,
                Variable::Weight(index) => gradients[1][index] += slope * derivative,
            });
        }
    }
    Ok(gradients)
}
