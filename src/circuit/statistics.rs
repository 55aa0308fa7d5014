//! Size of a circuit: depth, and operations by name.

use super::{Circuit, Kind};
use std::collections::BTreeMap;

impl Circuit {
    /// Returns the depth: the number of operations on the longest path from the start to the end. Operations that share
    /// a qubit, as a target or a control, are on one path. A barrier separates the operations around it, and counts for
    /// none itself; a global phase without controls is on no path.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(3);
    /// circuit.h(0).h(1).h(2).cx(0, 1).cx(1, 2);
    /// assert_eq!(circuit.depth(), 3);
    /// ```
    pub fn depth(&self) -> usize {
        let mut depths = vec![0; self.qubits()];
        for operation in self.operations() {
            let used = || operation.qubits.iter().chain(&operation.controls).copied();
            let deepest = used().map(|qubit| depths[qubit]).max().unwrap_or(0);
            let depth = deepest + usize::from(operation.kind != Kind::Barrier);
            used().for_each(|qubit| depths[qubit] = depth);
        }
        depths.into_iter().max().unwrap_or(0)
    }

    /// Returns the number of operations of each name, without barriers. An operation under further controls or
    /// conditions counts under its own name, and so does the adjoint of a gate.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(2);
    /// circuit.h(0).cx(0, 1).h(1);
    /// assert_eq!(circuit.counts().into_iter().collect::<Vec<_>>(), [("cx", 1), ("h", 2)]);
    /// ```
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for operation in self.operations().iter().filter(|operation| operation.kind != Kind::Barrier) {
            *counts.entry(operation.name()).or_default() += 1;
        }
        counts
    }
}
