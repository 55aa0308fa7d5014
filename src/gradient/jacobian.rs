//! Jacobians: the derivative of each output of each sample in each variable.

use super::Wrt;
use super::chain::Numbers;
use super::points::{Batches, Variant};
use super::shift::Shifted;
use crate::error::Result;
use crate::program::Variable;

/// Computes the Jacobian `[batch, outputs, variables]` by a reverse sweep for each output, or by two evaluations for
/// each angle, whichever are fewer.
pub(crate) fn jacobian_matrices(batches: &Batches<'_>, numbers: &Numbers<'_>, wrt: Wrt) -> Result<Vec<f64>> {
    numbers.check_no_functions("a Jacobian")?;
    let shifted = Shifted::in_all(numbers, wrt);
    let amplitudes = wrt == Wrt::Inputs && numbers.program.embedding.is_some();
    // A sweep costs about three evaluations.
    if amplitudes || numbers.program.engine_outputs().saturating_mul(3) <= shifted.shifts.len() {
        by_output(batches, numbers, wrt)
    } else {
        by_angle(batches, numbers, wrt, &shifted)
    }
}

fn by_output(batches: &Batches<'_>, numbers: &Numbers<'_>, wrt: Wrt) -> Result<Vec<f64>> {
    let program = numbers.program;
    let (outputs, inputs, count) = (program.engine_outputs(), program.engine_inputs, numbers.count(wrt));
    let mut jacobian = vec![0.0; numbers.batch * outputs * count];
    let fill = |point: usize, to: &mut [f64]| {
        let (features, weights) = to.split_at_mut(inputs);
        features.copy_from_slice(numbers.sample(point / outputs).inputs);
        weights.copy_from_slice(&numbers.weights);
    };
    let points = numbers.batch * outputs;
    batches.slopes(
        Variant::OwnWeights,
        points,
        |point| point % outputs,
        fill,
        |point, slopes| {
            let row = &mut jacobian[point * count..(point + 1) * count];
            for (index, slope) in slopes.iter().enumerate() {
                let variable = index.checked_sub(inputs).map_or(Variable::Input(index), Variable::Weight);
                if let Some((place, factor)) = numbers.place(point / outputs, wrt, variable) {
                    row[place] += factor * slope;
                }
            }
        },
    )?;
    Ok(jacobian)
}

fn by_angle(batches: &Batches<'_>, numbers: &Numbers<'_>, wrt: Wrt, shifted: &Shifted<'_>) -> Result<Vec<f64>> {
    let (outputs, count) = (numbers.program.engine_outputs(), numbers.count(wrt));
    let mut jacobian = vec![0.0; numbers.batch * outputs * count];
    let fill = |point: usize, to: &mut [f64]| {
        let (sample, shift) = shifted.at(point);
        shifted.write(sample, Some(shift), to);
    };
    batches.evaluate(Variant::AnglesAsInputs, shifted.points(), fill, |point, values| {
        let (sample, shift) = shifted.at(point);
        let slot = &numbers.program.slots[shifted.angles_as_inputs.angles[shift.angle].slot];
        numbers.derivatives(sample, slot, wrt, |place, derivative| {
            let column = jacobian[sample * outputs * count..].iter_mut().skip(place).step_by(count);
            column.zip(values).for_each(|(entry, value)| *entry += shift.factor * derivative * value);
        });
    })?;
    Ok(jacobian)
}
