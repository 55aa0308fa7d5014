//! Product starts: the first gates of each qubit, as long as they act on it alone. They make a product state.

use crate::program::{Controls, Kernel, Program, Step};

/// Steps of each qubit on it alone, before any other step on it, and whether each step of the program is among them.
pub(in crate::program) fn product_start(program: &Program) -> (Vec<Vec<Step>>, Vec<bool>) {
    let mut start = vec![Vec::new(); program.qubits];
    let mut absorbed = vec![false; program.steps.len()];
    let mut closed = if program.embedding.is_some() { u64::MAX } else { 0 };
    for (step, absorbed) in program.steps.iter().zip(&mut absorbed) {
        let touched = step.support();
        // A phase where the qubit is 0 is rare, and engines have it as a step behind the start.
        let fits = touched.count_ones() == 1 && step.controls.zeros == 0;
        if fits && touched & closed == 0 {
            let qubit = touched.trailing_zeros() as usize;
            start[qubit].push(step_on_first(step, qubit));
            *absorbed = true;
        } else {
            closed |= touched;
        }
    }
    (start, absorbed)
}

/// Step on qubit 0 as a step on qubit `qubit`.
pub(in crate::program) fn step_on_qubit(step: &Step, qubit: usize) -> Step {
    moved(step, qubit, |mask| mask << qubit)
}

/// Step on one qubit as a step on qubit 0.
fn step_on_first(step: &Step, qubit: usize) -> Step {
    moved(step, 0, |mask| mask >> qubit)
}

/// Step on one qubit as a step on qubit `to`, to which `shift` moves masks.
fn moved(step: &Step, to: usize, shift: impl Fn(u64) -> u64) -> Step {
    let kernel = match &step.kernel {
        Kernel::Rotation { x, z, slot } => Kernel::Rotation { x: shift(*x), z: shift(*z), slot: *slot },
        Kernel::Exchange { mask, first, second } => {
            Kernel::Exchange { mask: shift(*mask), first: shift(*first), second: shift(*second) }
        }
        Kernel::Matrix { entries, .. } => Kernel::Matrix { qubits: vec![to], entries: entries.clone() },
        Kernel::Phase { .. } | Kernel::FixedPhase(_) => step.kernel.clone(),
    };
    let Controls { mask, zeros } = step.controls;
    Step { kernel, controls: Controls { mask: shift(mask), zeros: shift(zeros) } }
}
