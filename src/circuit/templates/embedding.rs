//! Embeddings: templates that put classical data into a circuit.

use crate::circuit::builder::some_qubits;
use crate::circuit::{AMPLITUDES, AMPLITUDES_OR_ZERO_STATE, Amplitudes, Angle, Circuit, Kind, Operation};
use crate::error::Mistake;
use crate::gate::Gate;
use crate::limits::at_most;
use std::f64::consts::PI;
use std::ops::Range;

impl Circuit {
    /// Appends an angle embedding: `rotation(feature k)` on qubit `k`.
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
        let (features, count) = at_most(self.qubits(), features);
        if self.features_fit("angle_embedding", count, self.qubits()) {
            for (qubit, feature) in features.into_iter().enumerate() {
                self.gate(rotation, [feature], [qubit]);
            }
        }
        self
    }

    /// Appends an amplitude embedding: the state becomes the features `range` divided by their Euclidean norm and
    /// padded with zeros.
    ///
    /// The qubits must still be in 0, and a circuit has one amplitude embedding; there are 1 to 2^qubits features.
    /// Gradients in the features go through the norm.
    /// A sample whose features are all zero has no state, and is an error ([`TensorError::NoState`]). For data with such
    /// zeros, for instance black patches of images, use
    /// [`amplitude_embedding_or_zero_state`](Self::amplitude_embedding_or_zero_state). If features are not all finite,
    /// all outputs and gradients of their sample are NaN, and so is the gradient in the weights.
    ///
    /// [`TensorError::NoState`]: crate::error::TensorError::NoState
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(3);
    /// circuit.amplitude_embedding(0..6).h(0);
    /// circuit.check().unwrap();
    /// ```
    pub fn amplitude_embedding(&mut self, range: Range<usize>) -> &mut Self {
        self.amplitude_embedding_on(range, 0..self.qubits(), Amplitudes::default())
    }

    /// Appends an amplitude embedding in which a sample whose features are all zero becomes the zero state |0..0>. The
    /// gradient in these features is 0: there is no derivative, because the state jumps there.
    ///
    /// Otherwise it is [`amplitude_embedding`](Self::amplitude_embedding); features that are not finite still give NaN.
    /// It serves images on black, in which most patches are black.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use candlewick::{functional, prelude::*};
    /// let mut circuit = Circuit::new(2);
    /// circuit.amplitude_embedding_or_zero_state(0..4);
    /// let patches = Tensor::new(&[[0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]], &Device::Cpu)?;
    /// let y = functional::evaluate(
    ///     &circuit,
    ///     &Measurement::expectation([Z(0)]),
    ///     Some(&patches),
    ///     &[],
    /// )?;
    /// assert_eq!(y.to_vec2::<f64>()?, [[1.0], [-1.0]]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn amplitude_embedding_or_zero_state(&mut self, range: Range<usize>) -> &mut Self {
        let options = Amplitudes { zero_state: true, ..Default::default() };
        self.amplitude_embedding_on(range, 0..self.qubits(), options)
    }

    /// Appends an amplitude embedding on chosen qubits that are still in 0, wherever in the circuit: their state becomes
    /// the features `range` divided by their Euclidean norm and padded with zeros. `qubits[0]` is the low bit of an
    /// amplitude's index. With `options.complex`, features `2k` and `2k + 1` are the real and the imaginary part of
    /// amplitude `k`.
    ///
    /// There are 1 to 2^k amplitudes for `k` qubits, and an even number of features if they are complex. Otherwise it is
    /// [`amplitude_embedding`](Self::amplitude_embedding).
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use candlewick::circuit::Amplitudes;
    /// use candlewick::{functional, prelude::*};
    /// let mut circuit = Circuit::new(3);
    /// circuit.h(0); // qubits 2 and 1 are still in 0
    /// circuit.amplitude_embedding_on(
    ///     0..4,
    ///     [2],
    ///     Amplitudes { complex: true, ..Default::default() },
    /// );
    /// let x = Tensor::new(&[[3.0f64, 0.0, 0.0, 4.0]], &Device::Cpu)?; // (3|0> + 4i|1>) / 5
    /// let y = functional::evaluate(
    ///     &circuit,
    ///     &Measurement::expectation([Z(2), Y(2)]),
    ///     Some(&x),
    ///     &[],
    /// )?;
    /// let y = y.to_vec2::<f64>()?;
    /// assert!((y[0][0] + 0.28).abs() < 1e-12 && (y[0][1] - 0.96).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn amplitude_embedding_on(
        &mut self,
        range: Range<usize>,
        qubits: impl IntoIterator<Item = usize>,
        options: Amplitudes,
    ) -> &mut Self {
        let name = if options.zero_state { AMPLITUDES_OR_ZERO_STATE } else { AMPLITUDES };
        let (qubits, count) = (some_qubits(qubits), range.len());
        let most = 1usize.checked_shl(qubits.len() as u32).unwrap_or(usize::MAX);
        let limit = if options.complex { most.saturating_mul(2) } else { most };
        if count == 0 {
            self.fail(name, too_many("1 or more", count));
        } else if options.complex && count % 2 == 1 {
            self.fail(name, too_many("an even number of", count));
        } else if self.features_fit(name, count, limit) {
            let kind = Kind::AmplitudeEmbedding { first: range.start, count, options };
            self.push_operation(Operation::new(kind, Vec::new(), qubits));
        }
        self
    }

    /// Appends a basis embedding: qubit `k` is flipped if bit `k` is 1.
    ///
    /// The constant bit 0 appends nothing, the constant bit 1 appends `x`. Expressions become `rx(π bit)`, the same up
    /// to a global phase. The bits are a prepared state: if their qubits have been used before, that is a mistake.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(3);
    /// circuit.basis_embedding([1.0, 0.0, 1.0]);
    /// assert_eq!(circuit.operations().len(), 2);
    /// ```
    pub fn basis_embedding<A: Into<Angle>>(&mut self, bits: impl IntoIterator<Item = A>) -> &mut Self {
        let (bits, count) = at_most(self.qubits(), bits.into_iter().map(Into::<Angle>::into));
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

    /// Appends an IQP embedding (Havlíček et al., Nature 567, 209, 2019): `repeats` times Hadamards, `rz(x_i)`, and
    /// `rzz(x_i x_j)` on each pair.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(3);
    /// circuit.iqp_embedding((0..3).map(input), 2);
    /// circuit.check().unwrap();
    /// ```
    pub fn iqp_embedding(&mut self, features: impl IntoIterator<Item = Angle>, repeats: usize) -> &mut Self {
        let (features, count) = at_most(self.qubits(), features);
        if features.is_empty() || !self.features_fit("iqp_embedding", count, self.qubits()) {
            return self;
        }
        self.rounds(repeats, |circuit, _| {
            for (qubit, feature) in features.iter().enumerate() {
                circuit.h(qubit).rz(feature, qubit);
            }
            for (i, first) in features.iter().enumerate() {
                for (j, second) in features.iter().enumerate().skip(i + 1) {
                    circuit.rzz(first.clone() * second, i, j);
                }
            }
        });
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
