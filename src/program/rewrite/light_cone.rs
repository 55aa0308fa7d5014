//! Light cone: steps that no measured qubit can depend on cancel with their adjoints, and are removed. So are channels,
//! which preserve the trace.
//!
//! Their angles stay slots of the program with gradients of 0, so a NaN among them still reaches the outputs.

use crate::program::Program;

pub(in crate::program) fn drop_unseen(program: &mut Program) {
    let Some(mut seen) = program.readout.support() else { return };
    let mut matters = |support: u64| {
        let matters = support & seen != 0;
        if matters {
            seen |= support;
        }
        matters
    };
    let mut kept: Vec<bool> = Vec::with_capacity(program.steps.len());
    let mut channels = Vec::with_capacity(program.channels.len());
    for (index, step) in program.steps.iter().enumerate().rev() {
        while let Some(channel) = program.channels.pop_if(|channel| channel.after > index) {
            channels.extend(matters(channel.support()).then_some(channel));
        }
        kept.push(matters(step.support()));
    }
    while let Some(channel) = program.channels.pop() {
        channels.extend(matters(channel.support()).then_some(channel));
    }
    kept.reverse();
    channels.reverse();
    // Number of the kept steps in front of each step.
    let mut left = vec![0];
    left.extend(kept.iter().scan(0, |count, kept| {
        *count += usize::from(*kept);
        Some(*count)
    }));
    channels.iter_mut().for_each(|channel| channel.after = left[channel.after]);
    program.channels = channels;
    let mut kept = kept.into_iter();
    program.steps.retain(|_| kept.next().unwrap_or(true));
}
