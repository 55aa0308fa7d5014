//! Light cone: steps that no measured qubit can depend on cancel with their adjoints, and are removed.
//!
//! Their angles stay slots of the program with gradients of 0, so a NaN among them still reaches the outputs.

use crate::program::Program;

pub(super) fn drop_unseen(program: &mut Program) {
    let Some(mut seen) = program.readout.support() else { return };
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
