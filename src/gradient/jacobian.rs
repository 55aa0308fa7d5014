//! Jacobians: the derivative of each output of each sample in each variable.

use super::Wrt;
use super::chain::Numbers;
use super::points::{Batches, Form};
use super::shift::{shifts, unshifted};
use crate::error::Result;

/// `[batch, outputs, variables]`: a reverse sweep for each output, or two evaluations for each angle, whichever are fewer.
pub(crate) fn jacobian(batches: &Batches<'_>, numbers: &Numbers<'_>, wrt: Wrt) -> Result<Vec<f64>> {
    let program = numbers.program;
    let probes = program.probes();
    let shifts = shifts(&probes.angles, &program.readout, |_, probe| wrt.is_read(&program.slots[probe.slot]));
    let amplitudes = wrt == Wrt::Inputs && program.embedding.is_some();
    // A sweep costs about three evaluations.
    if amplitudes || 3 * program.outputs() <= shifts.len() {
        by_output(batches, numbers, wrt)
    } else {
        by_angle(batches, numbers, wrt)
    }
}

fn by_output(batches: &Batches<'_>, numbers: &Numbers<'_>, wrt: Wrt) -> Result<Vec<f64>> {
    let program = numbers.program;
    let (outputs, inputs, count) = (program.outputs(), program.inputs, numbers.count(wrt));
    let mut jacobian = vec![0.0; numbers.batch * outputs * count];
    let fill = |point: usize, to: &mut [f64]| {
        let (features, weights) = to.split_at_mut(inputs);
        features.copy_from_slice(numbers.sample(point / outputs).inputs);
        weights.copy_from_slice(&numbers.weights);
    };
    let first = if wrt == Wrt::Inputs { 0 } else { inputs };
    let points = numbers.batch * outputs;
    batches.slopes(
        Form::OwnWeights,
        points,
        |point| point % outputs,
        fill,
        |point, slopes| {
            jacobian[point * count..(point + 1) * count].copy_from_slice(&slopes[first..first + count]);
        },
    )?;
    Ok(jacobian)
}

fn by_angle(batches: &Batches<'_>, numbers: &Numbers<'_>, wrt: Wrt) -> Result<Vec<f64>> {
    let program = numbers.program;
    let probes = program.probes();
    let shifts = shifts(&probes.angles, &program.readout, |_, probe| wrt.is_read(&program.slots[probe.slot]));
    let (rows, width, start) = (unshifted(numbers), probes.program.inputs, probes.start());
    let (outputs, count) = (program.outputs(), numbers.count(wrt));
    let mut jacobian = vec![0.0; numbers.batch * outputs * count];
    let fill = |point: usize, to: &mut [f64]| {
        let (sample, shift) = (point / shifts.len(), shifts[point % shifts.len()]);
        to.copy_from_slice(&rows[sample * width..(sample + 1) * width]);
        to[start + shift.angle] += shift.by;
    };
    batches.run(Form::Probes, numbers.batch * shifts.len(), fill, |point, values| {
        let (sample, shift) = (point / shifts.len(), shifts[point % shifts.len()]);
        let slot = &program.slots[probes.angles[shift.angle].slot];
        numbers.sample(sample).derivatives(slot, |variable, derivative| {
            let Some(place) = wrt.place(variable) else { return };
            let column = jacobian[sample * outputs * count..].iter_mut().skip(place).step_by(count);
            column.zip(values).for_each(|(entry, value)| *entry += shift.factor * derivative * value);
        });
    })?;
    Ok(jacobian)
}
