//! Second derivatives: shifts of the exact gradient.
//!
//! An entry of the gradient in the angles is a trigonometric polynomial of each angle with the same frequencies as the
//! output. Shift rules therefore hold for it as well. One reverse sweep at a shifted point gives a whole row of second
//! derivatives in angles. The chain rule converts them to derivatives in variables; products of variables inside angles
//! add their own second derivatives.

use super::Wrt;
use super::chain::Numbers;
use super::points::{Batches, Variant};
use super::shift::{Shift, Shifted};
use crate::error::{Error, Result};
use crate::program::Probe;

/// Factor of the matrix of second derivatives.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Direction<'a> {
    /// No factor: the result is the matrix, `[batch, outputs, variables, variables]`.
    None,
    /// Vector for each sample, `[batch, variables]`: the result is the product, `[batch, outputs, variables]`.
    Each(&'a [f64]),
}

/// Computes second derivatives, or their product with a direction. The cost is a reverse sweep for each shift and
/// output of each sample in both cases.
pub(crate) fn hessian_matrices(
    batches: &Batches<'_>,
    numbers: &Numbers<'_>,
    wrt: Wrt,
    direction: Direction<'_>,
) -> Result<Vec<f64>> {
    let program = numbers.program;
    numbers.check_no_functions("a Hessian")?;
    if wrt == Wrt::Inputs && program.embedding.is_some() {
        let of = "features that are embedded as amplitudes a second time";
        let instead = "take `Wrt::Weights`, or differences of the gradient";
        return Err(Error::NoGradient { method: "a shift of the gradient", of, instead });
    }
    let mut shifted = Shifted::in_all(numbers, wrt);
    let mut sums = Sums::new(numbers, wrt, direction);
    if shifted.shifts.is_empty() {
        return Ok(sums.found);
    }
    // Adds the gradient without a shift, for the second derivatives of angles.
    let last = shifted.shifts.len();
    shifted.shifts.push(Shift { angle: 0, by: 0.0, factor: 0.0 });
    let (outputs, start) = (program.engine_outputs(), shifted.angles_as_inputs.start());
    let fill = |point: usize, to: &mut [f64]| {
        let (sample, shift) = shifted.at(point / outputs);
        shifted.write(sample, Some(shift), to);
    };
    let points = shifted.points() * outputs;
    batches.slopes(
        Variant::AnglesAsInputs,
        points,
        |point| point % outputs,
        fill,
        |point, slopes| {
            let (sample, shift) = shifted.at(point / outputs);
            sums.enter(sample, point % outputs);
            let slopes = &slopes[start..];
            if point / outputs % (last + 1) < last {
                sums.add_shift(shift, slopes);
            } else {
                sums.add_gradient(slopes);
            }
        },
    )?;
    Ok(sums.finish())
}

/// Sums of second derivatives, with the current sample and output.
struct Sums<'a> {
    numbers: &'a Numbers<'a>,
    wrt: Wrt,
    direction: Direction<'a>,
    /// Number of variables of a sample.
    count: usize,
    found: Vec<f64>,
    sample: usize,
    output: usize,
    /// Derivatives of each angle of the sample in the variables.
    chain: Vec<Vec<(usize, f64)>>,
}

impl<'a> Sums<'a> {
    fn new(numbers: &'a Numbers<'a>, wrt: Wrt, direction: Direction<'a>) -> Self {
        let count = numbers.count(wrt);
        let columns = if let Direction::None = direction { count } else { 1 };
        let found = vec![0.0; numbers.batch * numbers.program.engine_outputs() * count * columns];
        Self { numbers, wrt, direction, count, found, sample: usize::MAX, output: 0, chain: Vec::new() }
    }

    fn enter(&mut self, sample: usize, output: usize) {
        self.output = output;
        if self.sample == sample {
            return;
        }
        self.sample = sample;
        let Self { numbers, wrt, .. } = *self;
        let derivatives = |probe: &Probe| {
            let mut all = Vec::new();
            let slot = &numbers.program.slots[probe.slot];
            numbers.derivatives(sample, slot, wrt, |place, derivative| all.push((place, derivative)));
            all
        };
        self.chain = numbers.program.angles_as_inputs().angles.iter().map(derivatives).collect();
    }

    /// Adds to a second derivative of the sample's output, or to its product with the direction.
    fn add(&mut self, row: usize, column: usize, amount: f64) {
        let (count, block) = (self.count, self.sample * self.numbers.program.engine_outputs() + self.output);
        match self.direction {
            Direction::None => self.found[(block * count + row) * count + column] += amount,
            Direction::Each(vectors) => {
                self.found[block * count + row] += amount * vectors[self.sample * count + column];
            }
        }
    }

    /// Adds the gradient in the angles at a point where one angle is shifted.
    fn add_shift(&mut self, shift: Shift, slopes: &[f64]) {
        let chain = std::mem::take(&mut self.chain);
        for (column, second) in &chain[shift.angle] {
            for (angle, slope) in chain.iter().zip(slopes) {
                for (row, first) in angle {
                    self.add(*row, *column, shift.factor * slope * first * second);
                }
            }
        }
        self.chain = chain;
    }

    /// Adds the gradient in the angles, times the second derivatives of the angles.
    fn add_gradient(&mut self, slopes: &[f64]) {
        let Self { numbers, wrt, sample, .. } = *self;
        for (probe, slope) in numbers.program.angles_as_inputs().angles.iter().zip(slopes) {
            let slot = &numbers.program.slots[probe.slot];
            numbers.second_derivatives(sample, slot, wrt, |row, column, derivative| {
                self.add(row, column, slope * derivative);
            });
        }
    }

    fn finish(mut self) -> Vec<f64> {
        if let Direction::None = self.direction {
            self.found.chunks_mut((self.count * self.count).max(1)).for_each(|block| symmetrize(block, self.count));
        }
        self.found
    }
}

/// Replaces a square matrix by the mean of itself and its transpose, which differ by rounding.
fn symmetrize(block: &mut [f64], size: usize) {
    for row in 0..size {
        for column in 0..row {
            let mean = 0.5 * (block[row * size + column] + block[column * size + row]);
            (block[row * size + column], block[column * size + row]) = (mean, mean);
        }
    }
}
