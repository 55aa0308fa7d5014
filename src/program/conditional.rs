//! Operations under conditions: steps whose angles are 0 in the samples in which a condition does not hold.
//!
//! Rotations and phases have an angle. A constant gate becomes an unconditional change of basis, phases and rotations,
//! and the change back. Where the phases and rotations are the identity, the two changes cancel.

use super::derived_features::DerivedFeature;
use super::diagonalized::Diagonalized;
use super::lower::Lowering;
use super::rewrite::diagonalized_steps;
use super::{Controls, Kernel, Slot, Step, Variable};
use crate::circuit::{Angle, Comparison, Condition, Token};
use crate::error::Mistake;
use crate::mask::Mask;
use num_complex::Complex64;
use std::collections::HashSet;
use std::f64::consts::FRAC_PI_2;
use std::sync::Arc;

impl<M: Mask> Lowering<M> {
    /// Input that is 1 where all conditions hold, or `None` without conditions.
    ///
    /// All operations of a block share its conditions, which are lowered once.
    pub(super) fn switch(&mut self, conditions: &[Condition]) -> Option<usize> {
        if conditions.is_empty() {
            return None;
        }
        let shared: Vec<usize> = conditions.iter().map(Condition::address).collect();
        if let Some(switch) = self.switches.get(&shared) {
            return Some(*switch);
        }
        let mut code = Vec::new();
        for (index, condition) in conditions.iter().enumerate() {
            code.extend(condition.code().iter().map(|token| token.map(|comparison| self.test(comparison))));
            if index > 0 {
                code.push(Token::And);
            }
        }
        let switch = self.features + self.derived.feature_index(DerivedFeature::Switch(code));
        self.switches.insert(shared, switch);
        Some(switch)
    }

    fn test(&mut self, comparison: &Comparison<Angle>) -> usize {
        let value = self.expression(&comparison.value);
        let Comparison { absolute, above, threshold, .. } = *comparison;
        self.derived.test_index(Comparison { value, absolute, above, threshold })
    }

    /// Expression that is 0 where the switch is 0, and equal to the slot where the switch is 1.
    pub(super) fn gated(&mut self, slot: Slot, switch: usize) -> Slot {
        let on = Variable::Input(switch);
        let mut terms = Vec::with_capacity(slot.terms.len() + 1);
        if slot.constant != 0.0 {
            terms.push((slot.constant, on, None));
        }
        for (coefficient, first, second) in slot.terms {
            terms.push(match second {
                None => (coefficient, first, Some(on)),
                Some(second) => {
                    // A product with a weight would send each sample's gradient through the derived feature, so an
                    // input is preferred.
                    let inputs_first = matches!(first, Variable::Input(_));
                    let (of, other) = if inputs_first { (first, second) } else { (second, first) };
                    let product = DerivedFeature::Product { switch: switch - self.features, of };
                    (coefficient, Variable::Input(self.features + self.derived.feature_index(product)), Some(other))
                }
            });
        }
        Slot { constant: 0.0, terms }
    }

    /// Appends the steps of a kernel under a condition. The slot of a rotation or a phase already has the switch as a
    /// factor.
    pub(super) fn push_gated(&mut self, kernel: Kernel<M>, controls: Controls<M>) -> Result<(), Mistake> {
        match kernel {
            Kernel::Rotation { .. } | Kernel::Phase { .. } => self.steps.push(Step { kernel, controls }),
            Kernel::FixedPhase(value) => self.gated_phase(value.arg(), controls),
            Kernel::Exchange { mask, first, second } => self.gated_exchange([mask, first, second], controls),
            Kernel::Matrix { qubits, entries } => match entries[..].try_into() {
                Ok(entries) => self.gated_one_qubit(qubits[0], entries, controls),
                Err(_) => self.gated_matrix(qubits, &entries, controls)?,
            },
        }
        Ok(())
    }

    fn gated_phase(&mut self, argument: f64, controls: Controls<M>) {
        let slot = self.constant_slot(argument);
        self.steps.push(Step { kernel: Kernel::Phase { slot }, controls });
    }

    /// Appends an exchange under a condition. One of the moved bits is the pivot. CX from the pivot to the other moved
    /// bits makes the two states differ in the pivot alone. X where a bit is 0 turns the other bits into a mask of
    /// controls. Then an X on the pivot remains, `e^{iπ/2} exp(-i π/2 X)`.
    fn gated_exchange(&mut self, [mask, first, second]: [M; 3], controls: Controls<M>) {
        let moved = first ^ second;
        let pivot = moved.qubits().next().map_or(M::EMPTY, M::of_qubit);
        let others = moved & !pivot;
        let permuted = if (first & pivot).is_empty() { first } else { first ^ others };
        let zeros = mask & !pivot & !permuted;
        let flipped = others.qubits().map(|qubit| not_step(qubit, Controls::ones(pivot)));
        let alone = zeros.qubits().map(|qubit| not_step(qubit, Controls::NONE));
        let around: Vec<Step<M>> = flipped.chain(alone).collect();

        self.steps.extend_from_slice(&around);
        let controls = controls.and_ones(mask & !pivot);
        self.gated_phase(FRAC_PI_2, controls);
        let slot = self.constant_slot(FRAC_PI_2);
        self.steps.push(Step { kernel: Kernel::Rotation { x: pivot, z: M::EMPTY, slot }, controls });
        self.steps.extend(around.into_iter().rev());
    }

    fn gated_one_qubit(&mut self, qubit: usize, entries: [Complex64; 4], controls: Controls<M>) {
        for step in diagonalized_steps(qubit, entries, controls) {
            match step.kernel {
                Kernel::FixedPhase(value) => self.gated_phase(value.arg(), step.controls),
                Kernel::Rotation { .. } | Kernel::Phase { .. } | Kernel::Exchange { .. } | Kernel::Matrix { .. } => {
                    self.steps.push(step);
                }
            }
        }
    }

    /// Appends `V D V†` with D as a phase and rotations about words of Z: the Walsh series of the arguments on D's
    /// diagonal.
    fn gated_matrix(
        &mut self,
        qubits: Vec<usize>,
        entries: &[Complex64],
        controls: Controls<M>,
    ) -> Result<(), Mistake> {
        let found = Diagonalized::new(entries)?;
        let matrix = |entries: Arc<[Complex64]>| Step {
            kernel: Kernel::Matrix { qubits: qubits.clone(), entries },
            controls: Controls::NONE,
        };
        self.steps.push(matrix(crate::linalg::adjoint_matrix(&found.vectors)));
        for (word, mean) in found.words().into_iter().enumerate().filter(|(_, mean)| *mean != 0.0) {
            if word == 0 {
                self.gated_phase(mean, controls);
            } else {
                let z = M::deposit(word, &qubits);
                let slot = self.constant_slot(-mean);
                self.steps.push(Step { kernel: Kernel::Rotation { x: M::EMPTY, z, slot }, controls });
            }
        }
        self.steps.push(matrix(found.vectors));
        Ok(())
    }

    /// Adds slots for switches that no step reads, such as switches of gates that do nothing. A NaN in them must reach
    /// the outputs.
    pub(super) fn show_all_switches(&mut self) {
        let terms = self.slots.iter().flat_map(|slot| &slot.terms);
        let read: HashSet<Variable> = terms.flat_map(|(_, first, second)| [Some(*first), *second]).flatten().collect();
        for (index, feature) in self.derived.list.iter().enumerate() {
            let switch = Variable::Input(self.features + index);
            if matches!(feature, DerivedFeature::Switch(_)) && !read.contains(&switch) {
                self.slots.push(Slot { constant: 0.0, terms: vec![(1.0, switch, None)] });
            }
        }
    }
}

fn not_step<M: Mask>(qubit: usize, controls: Controls<M>) -> Step<M> {
    let bit = M::of_qubit(qubit);
    Step { kernel: Kernel::Exchange { mask: bit, first: M::EMPTY, second: bit }, controls }
}
