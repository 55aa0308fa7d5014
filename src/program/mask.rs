//! Masks: sets of qubits in the steps of a program.
//!
//! Engines that hold amplitudes index them with 64 bits, so their masks are one word. Lowering is written for masks of
//! any width, because a circuit that no engine holds as amplitudes may have more qubits.

use super::{Controls, Kernel, Step};
use crate::gf2;
use std::fmt::Debug;
use std::ops::{BitAnd, BitOr, BitXor, Not};
use std::sync::Arc;

/// Set of qubits, with a bit for each qubit.
pub(crate) trait Mask:
    Copy + Debug + Default + Eq + BitAnd<Output = Self> + BitOr<Output = Self> + BitXor<Output = Self> + Not<Output = Self>
{
    /// No qubit.
    const EMPTY: Self;

    /// Returns the set of one qubit.
    fn of_qubit(qubit: usize) -> Self;

    /// Returns the qubits of the set, from the lowest.
    fn qubits(self) -> impl Iterator<Item = usize>;

    /// Returns a set of qubits.
    fn of_qubits(qubits: impl IntoIterator<Item = usize>) -> Self {
        qubits.into_iter().fold(Self::EMPTY, |mask, qubit| mask | Self::of_qubit(qubit))
    }

    /// Returns the qubits `places[k]` of the bits `k` that are set in `bits`.
    fn deposit(bits: usize, places: &[usize]) -> Self {
        Self::of_qubits(places.iter().enumerate().filter(|(k, _)| bits >> k & 1 == 1).map(|(_, place)| *place))
    }

    /// Whether the set has no qubit.
    fn is_empty(self) -> bool {
        self == Self::EMPTY
    }
}

impl Mask for u64 {
    const EMPTY: Self = 0;

    fn of_qubit(qubit: usize) -> Self {
        1 << qubit
    }

    fn qubits(self) -> impl Iterator<Item = usize> {
        gf2::bits(self)
    }
}

/// Mask of 256 qubits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Wide(pub(crate) [u64; 4]);

impl Wide {
    /// Combines the words of two masks.
    #[inline(always)]
    fn both(self, other: Self, of_words: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|k| of_words(self.0[k], other.0[k])))
    }
}

impl BitAnd for Wide {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        self.both(other, |a, b| a & b)
    }
}

impl BitOr for Wide {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        self.both(other, |a, b| a | b)
    }
}

impl BitXor for Wide {
    type Output = Self;
    #[inline(always)]
    fn bitxor(self, other: Self) -> Self {
        self.both(other, |a, b| a ^ b)
    }
}

impl Not for Wide {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(self.0.map(|word| !word))
    }
}

impl Mask for Wide {
    const EMPTY: Self = Self([0; 4]);

    fn of_qubit(qubit: usize) -> Self {
        Self(std::array::from_fn(|k| if k == qubit / 64 { 1 << (qubit % 64) } else { 0 }))
    }

    fn qubits(self) -> impl Iterator<Item = usize> {
        (0..4).flat_map(move |k| gf2::bits(self.0[k]).map(move |bit| 64 * k + bit))
    }
}

impl From<u64> for Wide {
    fn from(mask: u64) -> Self {
        Self([mask, 0, 0, 0])
    }
}

impl Step {
    /// The same step with wide masks.
    pub(crate) fn widened(&self) -> Step<Wide> {
        let kernel = match &self.kernel {
            Kernel::Rotation { x, z, slot } => Kernel::Rotation { x: (*x).into(), z: (*z).into(), slot: *slot },
            Kernel::Phase { slot } => Kernel::Phase { slot: *slot },
            Kernel::FixedPhase(value) => Kernel::FixedPhase(*value),
            Kernel::Exchange { mask, first, second } => {
                Kernel::Exchange { mask: (*mask).into(), first: (*first).into(), second: (*second).into() }
            }
            Kernel::Matrix { qubits, entries } => {
                Kernel::Matrix { qubits: qubits.clone(), entries: Arc::clone(entries) }
            }
        };
        let Controls { mask, zeros } = self.controls;
        Step { kernel, controls: Controls { mask: mask.into(), zeros: zeros.into() } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::{Angle, Circuit, Weights, input};
    use crate::gate::Gate;
    use crate::program::Step;
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

    #[test]
    fn wide_masks_have_256_qubits() {
        let qubits = [0, 63, 64, 127, 128, 200, 255];
        let mask = Wide::of_qubits(qubits);
        assert_eq!(mask.qubits().collect::<Vec<_>>(), qubits);
        assert_eq!((!mask).qubits().count(), 256 - qubits.len());
        assert_eq!(Wide::deposit(0b101, &[200, 3, 70]).qubits().collect::<Vec<_>>(), [70, 200]);
    }
}
