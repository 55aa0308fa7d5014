//! Second derivatives: shifts of the exact gradient.
//!
//! An entry of the gradient in the angles is a trigonometric polynomial of each angle with the same frequencies as the output, so
//! that shift rules hold for it as well. One reverse sweep at a shifted point gives a whole row of second derivatives in angles; the
//! chain rule takes them to variables, to which products in angles add their own second derivatives.

use super::Wrt;
use super::chain::{Numbers, second_derivatives};
use super::points::{Batches, Form};
use super::shift::{Shift, shifts, unshifted};
use crate::error::{Error, Result};

/// What the second derivatives are multiplied with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Direction<'a> {
    /// Nothing: all of them, `[batch, outputs, variables, variables]`.
    None,
    /// A vector for each sample, `[batch, variables]`: the result is `[batch, outputs, variables]`.
    Each(&'a [f64]),
}

/// Derivatives of one angle in the variables.
type Derivatives = Vec<(usize, f64)>;

/// See the module. The cost is a reverse sweep for each shift and output of each sample, in both cases.
pub(crate) fn hessian(
    batches: &Batches<'_>,
    numbers: &Numbers<'_>,
    wrt: Wrt,
    direction: Direction<'_>,
) -> Result<Vec<f64>> {
    let program = numbers.program;
    if wrt == Wrt::Inputs && program.embedding.is_some() {
        let of = "features that are embedded as amplitudes a second time";
        return Err(Error::NoGradient { method: "a shift of the gradient", of });
    }
    let probes = program.probes();
    let mut shifts = shifts(&probes.angles, &program.readout, |_, probe| wrt.is_read(&program.slots[probe.slot]));
    // Where the gradient itself is wanted: unshifted, last.
    shifts.push(Shift { angle: 0, by: 0.0, factor: 0.0 });
    let (rows, width, start) = (unshifted(numbers), probes.program.inputs, probes.start());
    let (outputs, count) = (program.outputs(), numbers.count(wrt));
    let columns = if let Direction::None = direction { count } else { 1 };
    let mut found = vec![0.0; numbers.batch * outputs * count * columns];
    if probes.angles.is_empty() {
        return Ok(found);
    }
    let derivatives = |sample: usize, angle: usize| -> Derivatives {
        let mut all = Vec::new();
        numbers.sample(sample).derivatives(&program.slots[probes.angles[angle].slot], |variable, derivative| {
            all.extend(wrt.place(variable).map(|place| (place, derivative)));
        });
        all
    };
    let fill = |point: usize, to: &mut [f64]| {
        let (sample, shift) = (point / outputs / shifts.len(), shifts[point / outputs % shifts.len()]);
        to.copy_from_slice(&rows[sample * width..(sample + 1) * width]);
        to[start + shift.angle] += shift.by;
    };
    // The derivatives of all angles of the sample at hand.
    let mut chain: (usize, Vec<Derivatives>) = (usize::MAX, Vec::new());
    let points = numbers.batch * shifts.len() * outputs;
    batches.slopes(
        Form::Probes,
        points,
        |point| point % outputs,
        fill,
        |point, slopes| {
            let (sample, which, output) =
                (point / outputs / shifts.len(), point / outputs % shifts.len(), point % outputs);
            if chain.0 != sample {
                chain = (sample, (0..probes.angles.len()).map(|angle| derivatives(sample, angle)).collect());
            }
            let slopes = &slopes[start..];
            let block = &mut found[(sample * outputs + output) * count * columns..][..count * columns];
            let mut add = |row: usize, column: usize, amount: f64| match direction {
                Direction::None => block[row * columns + column] += amount,
                Direction::Each(vectors) => block[row] += amount * vectors[sample * count + column],
            };
            if which + 1 == shifts.len() {
                for (probe, slope) in probes.angles.iter().zip(slopes) {
                    second_derivatives(&program.slots[probe.slot], |first, second, derivative| {
                        if let (Some(row), Some(column)) = (wrt.place(first), wrt.place(second)) {
                            add(row, column, slope * derivative);
                        }
                    });
                }
                return;
            }
            let shift = shifts[which];
            for (column, second) in &chain.1[shift.angle] {
                for (angle, slope) in chain.1.iter().zip(slopes) {
                    for (row, first) in angle {
                        add(*row, *column, shift.factor * slope * first * second);
                    }
                }
            }
        },
    )?;
    if let Direction::None = direction {
        found.chunks_mut((count * count).max(1)).for_each(|block| symmetrise(block, count));
    }
    Ok(found)
}

/// The mean of a square matrix and its transpose, which differ by rounding.
fn symmetrise(block: &mut [f64], size: usize) {
    for row in 0..size {
        for column in 0..row {
            let mean = 0.5 * (block[row * size + column] + block[column * size + row]);
            (block[row * size + column], block[column * size + row]) = (mean, mean);
        }
    }
}
