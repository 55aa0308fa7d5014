//! Controls of a step.

use crate::mask::Mask;

/// Qubits on which a step depends, each with the value that the qubit must have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Controls<M = u64> {
    /// Mask of the qubits.
    pub(crate) mask: M,
    /// Qubits of the mask that must be 0; the others must be 1.
    pub(crate) zeros: M,
}

impl<M: Mask> Controls<M> {
    /// No controls.
    pub(crate) const NONE: Self = Self { mask: M::EMPTY, zeros: M::EMPTY };

    /// Controls that must all be 1.
    pub(crate) fn ones(mask: M) -> Self {
        Self { mask, zeros: M::EMPTY }
    }

    /// These controls, and further qubits that must be 1.
    pub(crate) fn and_ones(self, mask: M) -> Self {
        Self { mask: self.mask | mask, ..self }
    }

    /// Whether there are no controls.
    pub(crate) fn is_empty(self) -> bool {
        self.mask.is_empty()
    }
}

impl Controls {
    /// Number of controls.
    pub(crate) fn count(self) -> u32 {
        self.mask.count_ones()
    }

    /// Bits that the controls have in the basis states in which the step acts.
    pub(crate) fn values(self) -> u64 {
        self.mask & !self.zeros
    }
}
