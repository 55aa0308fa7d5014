//! Idle qubits: qubits that no step touches are in 0, and leave the state before memory is counted.
//!
//! An idle qubit stays if the measurement reads it otherwise than by letters Z, which are 1 there.

use crate::gf2;
use crate::mask::Wide;
use crate::measurement::Measurement;
use crate::program::{ChannelStep, Controls, Kernel, Program, Readout, Step};

/// Removes the idle qubits. The program's places then name the qubits that are left.
pub(super) fn remove_idle(program: &mut Program, measurement: &Measurement) {
    let Some(read) = measurement.reads_beyond_z().map(Wide::narrowed) else { return };
    let embedded = program.embedding.map_or(0, |embedding| embedding.amplitudes().next_power_of_two() as u64 - 1);
    let supports = program.steps.iter().map(Step::support).chain(program.channels.iter().map(ChannelStep::support));
    let touched = supports.fold(embedded, |touched, support| touched | support);
    // A state has at least one qubit.
    let left = if touched | read == 0 { 1 } else { touched | read };
    if left.count_ones() as usize == program.qubits {
        return;
    }
    let places: Vec<usize> = gf2::bits(left).collect();
    program.readout = Readout::new(&measurement.on_places(&places), places.len());
    on_qubits(program, &places);
}

/// Leaves the qubits `places[k]`, as qubits `k`, to steps and channels.
pub(in crate::program) fn on_qubits(program: &mut Program, places: &[usize]) {
    program.qubits = places.len();
    program.steps.iter_mut().for_each(|step| move_step(step, places));
    for qubit in program.channels.iter_mut().flat_map(|channel| &mut channel.qubits) {
        *qubit = places.partition_point(|place| place < qubit);
    }
    program.places = places.iter().map(|place| program.places[*place]).collect();
}

/// Moves a step to the qubits `k` from the qubits `places[k]`.
fn move_step(step: &mut Step, places: &[usize]) {
    let moved = |mask: &mut u64| *mask = gf2::extract(*mask, places);
    let Controls { mask, zeros } = &mut step.controls;
    [mask, zeros].into_iter().for_each(moved);
    match &mut step.kernel {
        Kernel::Rotation { x, z, .. } => [x, z].into_iter().for_each(moved),
        Kernel::Exchange { mask, first, second } => [mask, first, second].into_iter().for_each(moved),
        Kernel::Matrix { qubits, .. } => {
            qubits.iter_mut().for_each(|qubit| *qubit = places.partition_point(|place| place < qubit));
        }
        Kernel::Phase { .. } | Kernel::FixedPhase(_) => {}
    }
}
