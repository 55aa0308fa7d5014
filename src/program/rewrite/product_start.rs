//! Product starts: the first gates of each qubit, as long as they act on it alone. They make a product state.

use crate::program::{Kernel, Program, Step};

/// Steps of each qubit on it alone, before any other step on it, and whether each step of the program is among them.
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

/// Step on qubit 0 as a step on qubit `qubit`.
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

/// Step on one qubit as a step on qubit 0.
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
