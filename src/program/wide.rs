//! Steps with wide masks, for circuits of more qubits than a state has.

use super::{Controls, Kernel, Readout, Step};
use crate::mask::{Mask, Wide};
use std::sync::Arc;

/// Steps and words of a program of more qubits than a state has.
#[derive(Debug, Clone)]
pub(crate) struct WideForm {
    pub(crate) steps: Vec<Step<Wide>>,
    pub(crate) readout: Readout<Wide>,
}

impl<M: Mask> Step<M> {
    /// The same step with wide masks.
    pub(crate) fn widened(&self) -> Step<Wide> {
        let kernel = match &self.kernel {
            Kernel::Rotation { x, z, slot } => Kernel::Rotation { x: x.widened(), z: z.widened(), slot: *slot },
            Kernel::Phase { slot } => Kernel::Phase { slot: *slot },
            Kernel::FixedPhase(value) => Kernel::FixedPhase(*value),
            Kernel::Exchange { mask, first, second } => {
                Kernel::Exchange { mask: mask.widened(), first: first.widened(), second: second.widened() }
            }
            Kernel::Matrix { qubits, entries } => {
                Kernel::Matrix { qubits: qubits.clone(), entries: Arc::clone(entries) }
            }
        };
        let Controls { mask, zeros } = self.controls;
        Step { kernel, controls: Controls { mask: mask.widened(), zeros: zeros.widened() } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::{Angle, Circuit, Weights, input};
    use crate::gate::Gate;
    use crate::program::lower::lower_steps;

    /// Writes every gate: alone, under controls, and under a condition.
    fn write_all_gates(circuit: &mut Circuit, w: &Weights) {
        for gate in Gate::all() {
            let angles: Vec<Angle> = (0..gate.angles().len()).map(|k| w.at([0]) * input(0) + 0.1 * k as f64).collect();
            let qubits: Vec<usize> = (0..gate.qubits().len()).map(|k| (3 * k + 1) % 9).collect();
            circuit.gate(gate, angles.clone(), qubits.clone());
            circuit.controlled_on([(9, true), (8, false)], |c| c.gate(gate, angles.clone(), qubits.clone()));
            circuit.when(input(0).gt(0.2), |c| c.controlled([9], |c| c.gate(gate, angles, qubits)));
        }
        circuit.pauli_rot(0.3, "XIYZ", [0, 2, 5, 7]).pauli_rot(0.4, "II", [1, 2]).measure(0, 10).reset(1, 11);
    }

    #[test]
    fn steps_are_the_same_with_masks_of_any_width() {
        let mut circuit = Circuit::new(12);
        let w = circuit.weights("w", 1);
        write_all_gates(&mut circuit, &w);
        circuit.check().expect("a sound circuit");
        let narrow = lower_steps::<u64>(&circuit).expect("a sound circuit");
        let wide = lower_steps::<Wide>(&circuit).expect("a sound circuit");
        assert!(narrow.len() > 3 * Gate::all().len());
        assert_eq!(narrow.iter().map(Step::widened).collect::<Vec<_>>(), wide);
    }
}
