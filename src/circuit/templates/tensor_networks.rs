//! Circuits with the shape of tensor networks: trees and MERA.

use crate::circuit::weights::DEFAULT_INIT;
use crate::circuit::{Angle, Circuit, TemplateWeights, Weights};

impl Circuit {
    /// Appends a tree tensor network (Huggins et al., Quantum Science and Technology 4, 024001, 2019). Neighbouring
    /// qubits are joined by a block; the second qubit of each pair goes on to the next level, until one is left, the
    /// last qubit. A qubit without a partner goes on alone. On `2^k` qubits these are the pairs of PennyLane's `TTN` with
    /// blocks of two wires.
    ///
    /// `block` writes a block on two qubits with its `angles`. Weights: `[qubits - 1, angles]`, a row for each block in
    /// the order in which they act.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(8);
    /// let w = circuit.tree_tensor_network("tree", 2, |c, [a, b], angles| {
    ///     c.ry(&angles[0], a).ry(&angles[1], b).cx(a, b)
    /// });
    /// assert_eq!(w.shape(), [7, 2]);
    /// ```
    pub fn tree_tensor_network<'a>(
        &mut self,
        weights: impl Into<TemplateWeights<'a>>,
        angles: usize,
        block: impl for<'c> FnMut(&'c mut Self, [usize; 2], &[Angle]) -> &'c mut Self,
    ) -> Weights {
        let pairs = pairs_of_levels(self.qubits(), false);
        self.blocks_on(weights.into(), &pairs, angles, block)
    }

    /// Appends the multi-scale entanglement renormalisation ansatz (Vidal, Physical Review Letters 99, 110501, 2007), which
    /// reads a state from fine to coarse. At each level, blocks first disentangle neighbours of different pairs on a ring.
    /// Then blocks join the pairs, and the second qubit of each pair goes on to the next level, as in
    /// [`tree_tensor_network`](Self::tree_tensor_network).
    ///
    /// `block` writes a block on two qubits with its `angles`. Weights: `[blocks, angles]`, a row for each block in the
    /// order in which they act.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(4);
    /// let w = circuit.mera("mera", 1, |c, [a, b], angles| c.rxx(&angles[0], a, b));
    /// assert_eq!(w.shape(), [5, 1]); // two disentanglers, two pairs, the top
    /// ```
    pub fn mera<'a>(
        &mut self,
        weights: impl Into<TemplateWeights<'a>>,
        angles: usize,
        block: impl for<'c> FnMut(&'c mut Self, [usize; 2], &[Angle]) -> &'c mut Self,
    ) -> Weights {
        let pairs = pairs_of_levels(self.qubits(), true);
        self.blocks_on(weights.into(), &pairs, angles, block)
    }

    fn blocks_on(
        &mut self,
        weights: TemplateWeights<'_>,
        pairs: &[[usize; 2]],
        angles: usize,
        mut block: impl for<'c> FnMut(&'c mut Self, [usize; 2], &[Angle]) -> &'c mut Self,
    ) -> Weights {
        let weights = self.of_template(weights, (pairs.len(), angles), DEFAULT_INIT);
        self.rounds(pairs.len(), |circuit, k| {
            let angles: Vec<Angle> = (0..angles).map(|angle| weights.at([k, angle])).collect();
            block(circuit, pairs[k], &angles);
        });
        weights
    }
}

/// Pairs of qubits that the blocks of a tree join, level by level. If `disentangles`, neighbours of different pairs come
/// first at each level of more than two qubits.
fn pairs_of_levels(qubits: usize, disentangles: bool) -> Vec<[usize; 2]> {
    let mut level: Vec<usize> = (0..qubits).collect();
    let mut pairs = Vec::new();
    while level.len() > 1 {
        let count = level.len();
        if disentangles && count > 2 {
            pairs.extend((1..count).step_by(2).map(|k| [level[k], level[(k + 1) % count]]));
        }
        pairs.extend(level.chunks_exact(2).map(|pair| [pair[0], pair[1]]));
        level = level.chunks(2).map(|pair| pair[pair.len() - 1]).collect();
    }
    pairs
}
