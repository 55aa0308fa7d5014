//! The first gates of each qubit, as long as they act on it alone: they make a product state.

use crate::program::{Kernel, Program, Step};

/// For each qubit the steps on it alone before any other, and which steps those are.
pub(in crate::program) fn product_start(program: &Program) -> (Vec<Vec<Step>>, Vec<bool>) {
    let mut start = vec![Vec::new(); program.qubits];
    let mut absorbed = vec![false; program.steps.len()];
    let mut closed = if program.embedding.is_some() { u64::MAX } else { 0 };
    for (step, absorbed) in program.steps.iter().zip(&mut absorbed) {
        let touched = step.support();
        if touched.count_ones() == 1 && touched & closed == 0 {
            let qubit = touched.trailing_zeros() as usize;
            start[qubit].push(alone(step, qubit));
            *absorbed = true;
        } else {
            closed |= touched;
        }
    }
    (start, absorbed)
}

/// A step on qubit 0 as a step on another.
pub(in crate::program) fn on(step: &Step, qubit: usize) -> Step {
    let kernel = match &step.kernel {
        Kernel::Rotation { x, z, slot } => Kernel::Rotation { x: x << qubit, z: z << qubit, slot: *slot },
        Kernel::Exchange { mask, first, second } => {
            Kernel::Exchange { mask: mask << qubit, first: first << qubit, second: second << qubit }
        }
        Kernel::Matrix { entries, .. } => Kernel::Matrix { qubits: vec![qubit], entries: entries.clone() },
        Kernel::Phase { .. } | Kernel::FixedPhase(_) => step.kernel.clone(),
    };
    Step { kernel, controls: step.controls << qubit }
}

/// A step on one qubit as a step on qubit 0.
fn alone(step: &Step, qubit: usize) -> Step {
    let kernel = match &step.kernel {
        Kernel::Rotation { x, z, slot } => Kernel::Rotation { x: x >> qubit, z: z >> qubit, slot: *slot },
        Kernel::Exchange { mask, first, second } => {
            Kernel::Exchange { mask: mask >> qubit, first: first >> qubit, second: second >> qubit }
        }
        Kernel::Matrix { entries, .. } => Kernel::Matrix { qubits: vec![0], entries: entries.clone() },
        Kernel::Phase { .. } | Kernel::FixedPhase(_) => step.kernel.clone(),
    };
    Step { kernel, controls: step.controls >> qubit }
}
