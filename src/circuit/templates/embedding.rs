//! Ways for classical data into a circuit.

use crate::circuit::{Angle, Circuit, Kind, Operation};
use crate::error::Mistake;
use crate::gate::Gate;
use std::f64::consts::PI;
use std::ops::Range;

impl Circuit {
    /// Angle embedding: `rotation(feature k)` on qubit `k`.
    ///
    /// `rotation` is a one-qubit gate of the table with one angle, and there are at most as many features as qubits.
    ///
    /// ```
    /// use candlewick::{gate::Gate, prelude::*};
    /// let mut circuit = Circuit::new(4);
    /// circuit.angle_embedding(Gate::ry, (0..4).map(input));
    /// assert_eq!(circuit.inputs(), 4);
    /// ```
    pub fn angle_embedding(&mut self, rotation: Gate, features: impl IntoIterator<Item = Angle>) -> &mut Self {
        let features: Vec<Angle> = features.into_iter().collect();
        if self.features_fit("angle_embedding", features.len(), self.qubits()) {
            for (qubit, feature) in features.into_iter().enumerate() {
                self.gate(rotation, [feature], [qubit]);
            }
        }
        self
    }

    /// Amplitude embedding: the state becomes the features `range` divided by their Euclidean norm and padded with zeros.
    ///
    /// It must be the first operation; there are 1 to 2^qubits features. Gradients in the features go through the norm.
    /// A sample whose features are all zero has no state: its outputs are NaN.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(3);
    /// circuit.amplitude_embedding(0..6).h(0);
    /// circuit.check().unwrap();
    /// ```
    pub fn amplitude_embedding(&mut self, range: Range<usize>) -> &mut Self {
        let limit = 1usize.checked_shl(self.qubits() as u32).unwrap_or(usize::MAX);
        let count = range.len();
        if count == 0 {
            self.fail("amplitude_embedding", too_many("1 or more", count));
        } else if self.features_fit("amplitude_embedding", count, limit) {
            let (kind, qubits) = (Kind::AmplitudeEmbedding { first: range.start, count }, (0..self.qubits()).collect());
            self.push_operation(Operation::new(kind, Vec::new(), qubits));
        }
        self
    }

    /// Basis embedding: qubit `k` is flipped if bit `k` is 1.
    ///
    /// Constant bits 0 and 1 become nothing and `x`; expressions become `rx(π bit)`, the same up to a global phase. The state of the bits is prepared: their
    /// qubits must not have been used before, which is a mistake.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(3);
    /// circuit.basis_embedding([1.0, 0.0, 1.0]);
    /// assert_eq!(circuit.operations().len(), 2);
    /// ```
    pub fn basis_embedding<A: Into<Angle>>(&mut self, bits: impl IntoIterator<Item = A>) -> &mut Self {
        let bits: Vec<Angle> = bits.into_iter().map(Into::into).collect();
        let count = bits.len();
        if self.features_fit("basis_embedding", count, self.qubits()) && self.prepares("basis_embedding", count) {
            for (qubit, bit) in bits.into_iter().enumerate() {
                if bit == Angle::from(1.0) {
                    self.x(qubit);
                } else if bit != Angle::from(0.0) {
                    self.rx(PI * bit, qubit);
                }
            }
        }
        self
    }

    /// IQP embedding (Havlíček et al., Nature 567, 209, 2019): `repeats` times Hadamards, `rz(x_i)`, and
    /// `rzz(x_i x_j)` on each pair.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(3);
    /// circuit.iqp_embedding((0..3).map(input), 2);
    /// circuit.check().unwrap();
    /// ```
    pub fn iqp_embedding(&mut self, features: impl IntoIterator<Item = Angle>, repeats: usize) -> &mut Self {
        let features: Vec<Angle> = features.into_iter().collect();
        if features.is_empty() || !self.features_fit("iqp_embedding", features.len(), self.qubits()) {
            return self;
        }
        for _ in 0..self.rounds(repeats) {
            for (qubit, feature) in features.iter().enumerate() {
                self.h(qubit).rz(feature, qubit);
            }
            for (i, first) in features.iter().enumerate() {
                for (j, second) in features.iter().enumerate().skip(i + 1) {
                    self.rzz(first.clone() * second, i, j);
                }
            }
        }
        self
    }

    fn features_fit(&mut self, name: &str, actual: usize, limit: usize) -> bool {
        if actual > limit {
            self.fail(name, too_many(&format!("at most {limit}"), actual));
        }
        actual <= limit
    }
}

fn too_many(expected: &str, actual: usize) -> Mistake {
    Mistake::Length { what: "feature(s)", expected: expected.to_owned(), actual }
}
