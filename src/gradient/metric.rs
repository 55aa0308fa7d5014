//! The Fubini-Study metric of a circuit's states.
//!
//! `g_ij = Re(<∂i ψ|∂j ψ> - <∂i ψ|ψ><ψ|∂j ψ>)` (Stokes, Izaac, Killoran and Carleo, Quantum 4, 269, 2020, equation 12), first in angles, whose
//! derivatives of the state are differences of two states, then by the chain rule in variables.

use super::chain::Numbers;
use super::points::{Batches, Form};
use super::shift::{shifts, unshifted};
use super::{MetricTensor, Wrt};
use crate::engine;
use crate::error::{Error, Result};
use crate::program::Probe;
use std::ops::Range;

/// `[batch, variables, variables]`, for a program whose output is its state.
pub(crate) fn metric(
    batches: &Batches<'_>,
    numbers: &Numbers<'_>,
    wrt: Wrt,
    entries: MetricTensor,
) -> Result<Vec<f64>> {
    let (program, count) = (numbers.program, numbers.count(wrt));
    if wrt == Wrt::Inputs && program.embedding.is_some() {
        let of = "features that are embedded as amplitudes";
        return Err(Error::NoGradient { method: "the metric tensor", of });
    }
    let angles = &program.probes().angles;
    let mut found = vec![0.0; numbers.batch * count * count];
    for block in blocks(angles, entries) {
        let of_block =
            |angle: usize| block.contains(&angle) && wrt.is_read(program, &program.slots[angles[angle].slot]);
        let chosen: Vec<usize> = (0..angles.len()).filter(|angle| of_block(*angle)).collect();
        // Derivatives of a state, all at once.
        let alive = 1 + chosen.len();
        engine::check_numbers(program, alive, (program.outputs() as u64).checked_mul(alive as u64))?;
        for sample in 0..numbers.batch {
            let derivatives = states(batches, numbers, sample, &chosen)?;
            let found = &mut found[sample * count * count..][..count * count];
            for (i, left) in chosen.iter().enumerate() {
                for (j, right) in chosen.iter().enumerate() {
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

/// The state of a sample, then its derivatives in some angles, amplitude by amplitude.
fn states(batches: &Batches<'_>, numbers: &Numbers<'_>, sample: usize, chosen: &[usize]) -> Result<Vec<Vec<f64>>> {
    let program = numbers.program;
    let probes = program.probes();
    let mut place = vec![None; probes.angles.len()];
    chosen.iter().enumerate().for_each(|(k, angle)| place[*angle] = Some(k + 1));
    let shifts = shifts(&probes.angles, &program.readout, |angle, _| place[angle].is_some());
    let one = Numbers { inputs: numbers.sample(sample).inputs.to_vec(), batch: 1, ..numbers.clone() };
    let (row, start) = (unshifted(&one), probes.start());
    let mut states = vec![vec![0.0; program.outputs()]; 1 + chosen.len()];
    let fill = |point: usize, to: &mut [f64]| {
        to.copy_from_slice(&row);
        if let Some(shift) = point.checked_sub(1).map(|point| shifts[point]) {
            to[start + shift.angle] += shift.by;
        }
    };
    batches.run(Form::Probes, 1 + shifts.len(), fill, |point, values| {
        let shift = point.checked_sub(1).map(|point| shifts[point]);
        let (to, factor) = match shift {
            None => (0, 1.0),
            Some(shift) => (place[shift.angle].unwrap_or_default(), shift.factor),
        };
        states[to].iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
    })?;
    Ok(states)
}

/// One entry in angles, from what [`states`] gives.
fn entry(states: &[Vec<f64>], i: usize, j: usize) -> f64 {
    let (left, right) = (&states[i + 1], &states[j + 1]);
    let (first, second) = (dot(&states[0], left), dot(&states[0], right));
    dot(left, right).0 - (first.0 * second.0 + first.1 * second.1)
}

/// `<a|b>`.
fn dot(a: &[f64], b: &[f64]) -> (f64, f64) {
    let pairs = a.chunks_exact(2).zip(b.chunks_exact(2));
    pairs.fold((0.0, 0.0), |sum, (a, b)| (sum.0 + a[0] * b[0] + a[1] * b[1], sum.1 + a[0] * b[1] - a[1] * b[0]))
}

/// Angles between which entries are computed.
fn blocks(angles: &[Probe], entries: MetricTensor) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    let mut touched = 0;
    for (index, probe) in angles.iter().enumerate() {
        if entries == MetricTensor::BlockDiagonal && touched & probe.support != 0 {
            starts.push(index);
            touched = 0;
        }
        touched |= probe.support;
    }
    let ends = starts.iter().skip(1).copied().chain([angles.len()]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}
