//! Frequencies of the outputs as functions of one weight.

use super::shift::Harmonics;
use crate::program::{Program, Slot, Variable};

/// Returns the base frequency and the number of harmonics for each angle that depends on a weight, at these values of
/// all weights of a program without inputs; `None` if an angle has the square of the weight, or the weight is a
/// strength of a channel.
pub(crate) fn weight_harmonics(program: &Program, index: usize, weights: &[f64]) -> Option<Vec<(f64, u32)>> {
    let arguments = program.derived.arguments.iter().flat_map(|slot| &slot.terms);
    let mut variables = arguments.flat_map(|(_, first, second)| [Some(*first), *second]).flatten();
    if variables.any(|variable| variable == Variable::Weight(index)) {
        return None;
    }
    let mut found = Vec::new();
    for probe in &program.angles_as_inputs().angles {
        let factor = slope(&program.slots[probe.slot], Variable::Weight(index), weights)?;
        if factor != 0.0 {
            let (base, count) = Harmonics::new(probe.spectrum, &program.readout)?.parts();
            found.push((factor.abs() * base, count));
        }
    }
    Some(found)
}

/// Returns the factor of a variable in an angle, or `None` for its square.
fn slope(slot: &Slot, variable: Variable, weights: &[f64]) -> Option<f64> {
    let value = |of: Variable| match of {
        Variable::Weight(index) => weights.get(index).copied().unwrap_or(0.0),
        Variable::Input(_) => 0.0,
    };
    let mut sum = 0.0;
    for &(factor, first, second) in &slot.terms {
        sum += match (first == variable, second) {
            (true, None) => factor,
            (true, Some(second)) if second == variable => return None,
            (true, Some(second)) => factor * value(second),
            (false, Some(second)) if second == variable => factor * value(first),
            (false, _) => 0.0,
        };
    }
    Some(sum)
}
