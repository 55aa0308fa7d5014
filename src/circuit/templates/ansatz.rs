//! Templates with trainable weights: entangling layers, Qiskit's and PennyLane's ansätze, QAOA, data re-uploading.

use crate::circuit::weights::DEFAULT_INIT;
use crate::circuit::{Angle, Circuit, TemplateWeights, Weights};
use crate::gate::Gate;
use crate::observable::Observable;
use candle_nn::Init;

/// Pairs of qubits that an entangling layer joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Entanglement {
    /// Pairs `(n-2, n-1), .., (0, 1)`: Qiskit's default, the same unitary as [`Full`](Self::Full) for `cx`.
    #[default]
    ReverseLinear,
    /// Pairs `(0, 1), .., (n-2, n-1)`.
    Linear,
    /// Pair `(n-1, 0)`, then [`Linear`](Self::Linear). Two qubits have only the pair of `Linear`.
    Circular,
    /// Every pair `(i, j)` with `i < j`.
    Full,
    /// Pairs `(0, 1), (2, 3), ..`, then `(1, 2), (3, 4), ..`.
    Pairwise,
}

impl Entanglement {
    /// Returns the pairs on `qubits` qubits in the order in which they act. The iterator computes each pair when it is
    /// needed.
    pub fn pairs(self, qubits: usize) -> impl Iterator<Item = (usize, usize)> {
        let linear = (1..qubits).map(|q| (q - 1, q));
        let pairs: Box<dyn Iterator<Item = _>> = match self {
            Self::Linear => Box::new(linear),
            Self::ReverseLinear => Box::new(linear.rev()),
            Self::Circular if qubits > 2 => Box::new([(qubits - 1, 0)].into_iter().chain(linear)),
            Self::Circular => Box::new(linear),
            Self::Full => Box::new((0..qubits).flat_map(move |i| (i + 1..qubits).map(move |j| (i, j)))),
            Self::Pairwise => Box::new(linear.clone().step_by(2).chain(linear.skip(1).step_by(2))),
        };
        pairs
    }
}

impl Circuit {
    /// PennyLane's BasicEntanglerLayers: `rotation` on every qubit, then a ring of `cx` (one `cx` for two qubits).
    /// Weights: `[layers, qubits]`.
    pub fn basic_entangler_layers<'a>(
        &mut self,
        weights: impl Into<TemplateWeights<'a>>,
        layers: usize,
        rotation: Gate,
    ) -> Weights {
        let n = self.qubits();
        let weights = self.of_template(weights.into(), (layers, n), DEFAULT_INIT);
        self.rounds(layers, |circuit, layer| {
            for qubit in 0..n {
                circuit.gate(rotation, [weights.at([layer, qubit])], [qubit]);
            }
            match n {
                0 | 1 => {}
                2 => drop(circuit.cx(0, 1)),
                _ => circuit.cx_ring(1),
            }
        });
        weights
    }

    /// PennyLane's StronglyEntanglingLayers: `rz ry rz` on every qubit, then `cx(i, i + r mod n)` with the range
    /// `r = layer mod (n - 1) + 1`. Weights: `[layers, qubits, 3]`.
    ///
    /// ```
    /// use candlewick::{gate::Gate, prelude::*};
    /// let mut circuit = Circuit::new(4);
    /// circuit.angle_embedding(Gate::ry, (0..4).map(input));
    /// let w = circuit.strongly_entangling_layers("theta", 2);
    /// assert_eq!(w.shape(), [2, 4, 3]);
    /// ```
    pub fn strongly_entangling_layers<'a>(
        &mut self,
        weights: impl Into<TemplateWeights<'a>>,
        layers: usize,
    ) -> Weights {
        let n = self.qubits();
        let weights = self.of_template(weights.into(), (layers, n, 3), DEFAULT_INIT);
        self.rounds(layers, |circuit, layer| {
            for qubit in 0..n {
                let w = |k| weights.at([layer, qubit, k]);
                circuit.rz(w(0), qubit).ry(w(1), qubit).rz(w(2), qubit);
            }
            if n > 1 {
                circuit.cx_ring(layer % (n - 1) + 1);
            }
        });
        weights
    }

    /// Qiskit's TwoLocal: `repeats` times the rotations and the entangler, then the rotations once more.
    /// Weights: `[repeats + 1, rotations, qubits]`. Each of `rotations` takes one angle.
    pub fn two_local<'a>(
        &mut self,
        weights: impl Into<TemplateWeights<'a>>,
        repeats: usize,
        rotations: &[Gate],
        entangler: Gate,
        entanglement: Entanglement,
    ) -> Weights {
        let n = self.qubits();
        let shape = (repeats.saturating_add(1), rotations.len(), n);
        let weights = self.of_template(weights.into(), shape, DEFAULT_INIT);
        self.rounds(repeats.saturating_add(1), |circuit, block| {
            circuit.rounds(rotations.len(), |circuit, k| {
                for qubit in 0..n {
                    circuit.gate(rotations[k], [weights.at([block, k, qubit])], [qubit]);
                }
            });
            if block < repeats {
                for (a, b) in entanglement.pairs(n) {
                    circuit.gate(entangler, [], [a, b]);
                }
            }
        });
        weights
    }

    /// Qiskit's EfficientSU2: [`two_local`](Self::two_local) with `ry`, `rz` and `cx`.
    pub fn efficient_su2<'a>(
        &mut self,
        weights: impl Into<TemplateWeights<'a>>,
        repeats: usize,
        entanglement: Entanglement,
    ) -> Weights {
        self.two_local(weights, repeats, &[Gate::ry, Gate::rz], Gate::cx, entanglement)
    }

    /// Qiskit's RealAmplitudes: [`two_local`](Self::two_local) with `ry` and `cx`; all amplitudes stay real.
    pub fn real_amplitudes<'a>(
        &mut self,
        weights: impl Into<TemplateWeights<'a>>,
        repeats: usize,
        entanglement: Entanglement,
    ) -> Weights {
        self.two_local(weights, repeats, &[Gate::ry], Gate::cx, entanglement)
    }

    /// Appends one QAOA layer: `exp(-i gamma C)` for a diagonal cost `C` made of Pauli words of Z, then
    /// `exp(-i beta X)` on every qubit (Farhi, Goldstone, Gutmann, arXiv:1411.4028). Start from `h` on every qubit.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let cost = 0.5 * Z(0) * Z(1) + 0.5 * Z(1) * Z(2);
    /// let mut circuit = Circuit::new(3);
    /// let w = circuit.weights("w", (2, 2));
    /// for q in 0..3 {
    ///     circuit.h(q);
    /// }
    /// for layer in 0..2 {
    ///     circuit.qaoa_layer(&cost, w.at([layer, 0]), w.at([layer, 1]));
    /// }
    /// circuit.check().unwrap();
    /// ```
    pub fn qaoa_layer(&mut self, cost: &Observable, gamma: impl Into<Angle>, beta: impl Into<Angle>) -> &mut Self {
        let (gamma, beta) = (gamma.into(), beta.into());
        match cost.diagonal_words() {
            Err(mistake) => self.fail("qaoa_layer", mistake),
            Ok(words) => {
                for (coefficient, qubits) in words {
                    let angle = 2.0 * coefficient * gamma.clone();
                    if qubits.is_empty() {
                        self.global_phase(-0.5 * angle);
                    } else {
                        self.pauli_rot(angle, &"Z".repeat(qubits.len()), qubits);
                    }
                }
            }
        }
        for qubit in 0..self.qubits() {
            self.rx(2.0 * beta.clone(), qubit);
        }
        self
    }

    /// Data re-uploading (Pérez-Salinas et al., Quantum 4, 226, 2020): each layer writes all features into each qubit,
    /// three at a time, as `rz ry rz` with the angles `w + s x`; a chain of `cz` stands between layers.
    ///
    /// Weights: `name` (w) and `name_scale` (s, starting at 1), each `[layers, qubits, ceil(features / 3), 3]`.
    /// Returns both.
    pub fn data_reuploading(&mut self, name: &str, layers: usize, features: &[Angle]) -> (Weights, Weights) {
        let (n, triples) = (self.qubits(), features.len().div_ceil(3));
        let shape = (layers, n, triples, 3);
        let bias = self.weights(name, shape);
        let scale = self.weights_with_init(&format!("{name}_scale"), shape, Init::Const(1.0));
        self.rounds(layers, |circuit, layer| {
            for qubit in 0..n {
                circuit.rounds(triples, |circuit, triple| {
                    let angle = |k: usize| {
                        let index = [layer, qubit, triple, k];
                        let feature = features.get(3 * triple + k);
                        bias.at(index) + feature.map_or_else(Angle::default, |x| scale.at(index) * x)
                    };
                    circuit.rz(angle(0), qubit).ry(angle(1), qubit).rz(angle(2), qubit);
                });
            }
            if layer + 1 < layers {
                for (a, b) in Entanglement::Linear.pairs(n) {
                    circuit.cz(a, b);
                }
            }
        });
        (bias, scale)
    }

    fn cx_ring(&mut self, range: usize) {
        let n = self.qubits();
        for qubit in 0..n {
            self.cx(qubit, (qubit + range) % n);
        }
    }
}
