//! The Fubini-Study metric of a circuit's states.
//!
//! `g_ij = Re(<∂i ψ|∂j ψ> - <∂i ψ|ψ><ψ|∂j ψ>)` (Stokes, Izaac, Killoran and Carleo, Quantum 4, 269, 2020, equation 12).
//! The entries are computed in angles first, where a derivative of the state is the difference of two states. The chain
//! rule converts them to entries in variables.

use super::chain::Numbers;
use super::points::{Batches, Variant};
use super::shift::{Shift, Shifted};
use super::{MetricTensor, Wrt};
use crate::error::{Error, Result};
use crate::mask::{Mask, Wide};
use crate::memory;
use crate::program::Program;

/// Computes metric tensors `[batch, variables, variables]` of a program whose output is its state and whose steps are
/// as written.
pub(crate) fn metric_tensors(
    batches: &Batches<'_>,
    numbers: &Numbers<'_>,
    wrt: Wrt,
    entries: MetricTensor,
) -> Result<Vec<f64>> {
    let (program, count) = (numbers.program, numbers.count(wrt));
    if wrt == Wrt::Inputs && program.embedding.is_some() {
        let of = "features that are embedded as amplitudes";
        let instead = "take `Wrt::Weights`";
        return Err(Error::NoGradient { method: "the metric tensor", of, instead });
    }
    let angles = &program.angles_as_inputs().angles;
    let read: Vec<usize> =
        (0..angles.len()).filter(|k| wrt.is_read(program, &program.slots[angles[*k].slot])).collect();
    let shifted = Shifted::in_all(numbers, wrt);
    let mut found = vec![0.0; numbers.batch * count * count];
    for block in blocks(program, &read, entries) {
        // Counts the derivatives of a state, which are in memory at once.
        let alive = (1 + block.len() as u64).checked_mul(program.engine_outputs() as u64);
        memory::check_numbers("derivatives of a state", alive)?;
        for sample in 0..numbers.batch {
            let derivatives = states(batches, &shifted, (sample, block))?;
            let found = &mut found[sample * count * count..][..count * count];
            for (i, left) in block.iter().enumerate() {
                for (j, right) in block.iter().enumerate() {
                    let entry = entry(&derivatives, i, j);
                    numbers.derivatives(sample, &program.slots[angles[*left].slot], wrt, |row, a| {
                        numbers.derivatives(sample, &program.slots[angles[*right].slot], wrt, |column, b| {
                            found[row * count + column] += entry * a * b;
                        });
                    });
                }
            }
        }
    }
    Ok(found)
}

/// Returns the state of a sample, then its derivatives in the chosen angles, amplitude by amplitude.
fn states(batches: &Batches<'_>, shifted: &Shifted<'_>, (sample, chosen): (usize, &[usize])) -> Result<Vec<Vec<f64>>> {
    // Index in `states` of the derivative to which a shift belongs.
    let place = |shift: &Shift| chosen.iter().position(|angle| *angle == shift.angle).map(|place| place + 1);
    let shifts: Vec<(usize, Shift)> = shifted.shifts.iter().filter_map(|shift| Some((place(shift)?, *shift))).collect();
    let mut states = vec![vec![0.0; shifted.angles_as_inputs.program.engine_outputs()]; 1 + chosen.len()];
    let at = |point: usize| point.checked_sub(1).map(|point| shifts[point]);
    let fill = |point: usize, to: &mut [f64]| shifted.write(sample, at(point).map(|(_, shift)| shift), to);
    batches.evaluate(Variant::AnglesAsInputs, 1 + shifts.len(), fill, |point, values| {
        let (to, factor) = at(point).map_or((0, 1.0), |(place, shift)| (place, shift.factor));
        states[to].iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
    })?;
    Ok(states)
}

/// Returns an entry in angles from the result of [`states`].
fn entry(states: &[Vec<f64>], i: usize, j: usize) -> f64 {
    let (left, right) = (&states[i + 1], &states[j + 1]);
    let (first, second) = (dot(&states[0], left), dot(&states[0], right));
    dot(left, right).0 - (first.0 * second.0 + first.1 * second.1)
}

/// Returns `<a|b>`.
fn dot(a: &[f64], b: &[f64]) -> (f64, f64) {
    let pairs = a.chunks_exact(2).zip(b.chunks_exact(2));
    pairs.fold((0.0, 0.0), |sum, (a, b)| (sum.0 + a[0] * b[0] + a[1] * b[1], sum.1 + a[0] * b[1] - a[1] * b[0]))
}

/// Splits the angles that are read where a layer ends, never inside an operation.
fn blocks<'a>(program: &Program, read: &'a [usize], entries: MetricTensor) -> Vec<&'a [usize]> {
    if entries == MetricTensor::Full {
        return vec![read];
    }
    let angles = &program.angles_as_inputs().angles;
    let operation = |angle: &usize| program.operations[angles[*angle].step];
    let mut blocks = Vec::new();
    let (mut start, mut end, mut touched) = (0, 0, Wide::EMPTY);
    for gate in read.chunk_by(|a, b| operation(a) == operation(b)) {
        let support = gate.iter().fold(Wide::EMPTY, |mask, angle| mask | angles[*angle].support);
        if !(touched & support).is_empty() {
            blocks.push(&read[start..end]);
            (start, touched) = (end, Wide::EMPTY);
        }
        end += gate.len();
        touched |= support;
    }
    blocks.push(&read[start..]);
    blocks
}
