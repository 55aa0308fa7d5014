//! Light cone: steps that no measured qubit can depend on cancel with their adjoints, and are removed.
//!
//! Their angles stay slots of the program with gradients of 0, so a NaN among them still reaches the outputs.

use crate::gf2;
use crate::observable::Part;
use crate::program::{Program, Readout, Sum};

pub(super) fn drop_unseen(program: &mut Program) {
    let Some(mut seen) = seen(&program.readout) else { return };
    let mut kept: Vec<bool> = Vec::with_capacity(program.steps.len());
    for step in program.steps.iter().rev() {
        let support = step.support();
        let matters = support & seen != 0;
        if matters {
            seen |= support;
        }
        kept.push(matters);
    }
    let mut kept = kept.into_iter().rev();
    program.steps.retain(|_| kept.next().unwrap_or(true));
}

/// Mask of the qubits that a readout reads, or `None` if global phases change the readout.
fn seen(readout: &Readout) -> Option<u64> {
    match readout {
        Readout::Expectation(sum) => Some(support(sum)),
        Readout::Variance(sums) => Some(sums.iter().fold(0, |mask, sum| mask | support(sum))),
        Readout::Probabilities(qubits) => Some(gf2::mask(qubits)),
        Readout::State => None,
    }
}

fn support(sum: &Sum) -> u64 {
    let words = sum.x_groups.iter().flat_map(|x_group| x_group.terms.iter().map(|term| x_group.x | term.z));
    let parts = sum.parts.iter().map(|(_, _, part)| match part {
        Part::Diagonal(values) => values.len() as u64 - 1,
        Part::Projector { mask, .. } => *mask,
        Part::Matrix { qubits, .. } => gf2::mask(qubits),
    });
    words.chain(parts).fold(0, |all, mask| all | mask)
}
