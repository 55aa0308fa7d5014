//! Controls of a step.

/// Qubits on which a step depends, each with the value that the qubit must have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Controls {
    /// Mask of the qubits.
    pub(crate) mask: u64,
    /// Qubits of the mask that must be 0; the others must be 1.
    pub(crate) zeros: u64,
}

impl Controls {
    /// No controls.
    pub(crate) const NONE: Self = Self { mask: 0, zeros: 0 };

    /// Controls that must all be 1.
    pub(crate) fn ones(mask: u64) -> Self {
        Self { mask, zeros: 0 }
    }

    /// These controls, and further qubits that must be 1.
    pub(crate) fn and_ones(self, mask: u64) -> Self {
        Self { mask: self.mask | mask, ..self }
    }

    /// Whether there are no controls.
    pub(crate) fn is_empty(self) -> bool {
        self.mask == 0
    }

    /// Number of controls.
    pub(crate) fn count(self) -> u32 {
        self.mask.count_ones()
    }

    /// Bits that the controls have in the basis states in which the step acts.
    pub(crate) fn values(self) -> u64 {
        self.mask & !self.zeros
    }
}
