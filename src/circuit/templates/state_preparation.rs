//! Preparation of a constant state.
//!
//! Up to six qubits take one unitary whose first column is the state. More qubits are split: the upper qubits first get
//! the norms of the blocks of 2^6 amplitudes, and each block is then prepared under controls on the values of the upper
//! qubits. All these unitaries together cost about as much as one on all amplitudes.

use crate::circuit::Circuit;
use crate::error::Mistake;

use crate::limits::MAX_MATRIX_QUBITS;
use crate::limits::some_qubits;
use crate::mask::{Mask, Wide};
use num_complex::Complex64;

/// Largest number of qubits of a prepared state: 64 unitaries on six qubits take 4 MB.
const MAX_PREPARED_QUBITS: usize = 12;

impl Circuit {
    /// Prepares a constant state on qubits that are still in 0, wherever in the circuit: the amplitudes are divided by
    /// their norm and padded with zeros; `qubits[0]` is the low bit of an amplitude's index. There are 1 to 12 qubits.
    /// For amplitudes that are features of a sample, see
    /// [`amplitude_embedding_on`](Self::amplitude_embedding_on).
    ///
    /// Amplitudes that are all zero or not all finite are a mistake.
    ///
    /// ```
    /// use candlewick::{functional, prelude::*};
    /// use num_complex::Complex64;
    /// let (o, l, i) =
    ///     (Complex64::new(0.0, 0.0), Complex64::new(1.0, 0.0), Complex64::new(0.0, 1.0));
    /// let mut circuit = Circuit::new(3);
    /// circuit.state_preparation(&[l, o, o, i], [2, 0]); // (|00> + i|11>) / sqrt(2)
    /// let p = functional::evaluate(&circuit, &Measurement::probabilities([2, 0]), None, &[])?
    ///     .to_vec1::<f32>()?;
    /// assert!((p[0] - 0.5).abs() < 1e-6 && (p[3] - 0.5).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn state_preparation(
        &mut self,
        amplitudes: &[Complex64],
        qubits: impl IntoIterator<Item = usize>,
    ) -> &mut Self {
        let name = "state_preparation";
        let qubits = some_qubits(qubits);
        match self.check_preparation(amplitudes, &qubits) {
            Err(mistake) => self.fail(name, mistake),
            Ok(state) => {
                if self.prepares_on(name, Wide::of_qubits(qubits.iter().copied())) {
                    self.write_state(&state, &qubits);
                }
            }
        }
        self
    }

    /// Returns the normalized state of all `2^qubits` amplitudes.
    fn check_preparation(&self, amplitudes: &[Complex64], qubits: &[usize]) -> Result<Vec<Complex64>, Mistake> {
        self.check_qubits(qubits.iter())?;
        if qubits.is_empty() || qubits.len() > MAX_PREPARED_QUBITS {
            let expected = format!("1 to {MAX_PREPARED_QUBITS}");
            return Err(Mistake::QubitCount { expected, actual: qubits.len() });
        }
        let size = 1 << qubits.len();
        if amplitudes.is_empty() || amplitudes.len() > size {
            let expected = format!("1 to {size}");
            return Err(Mistake::Length { what: "amplitudes", expected, actual: amplitudes.len() });
        }
        if let Some(value) = amplitudes.iter().find(|value| !value.is_finite()) {
            return Err(Mistake::NotFinite { what: "an amplitude", value: value.norm() });
        }
        // Scaled first, so that the squares of very small or large amplitudes do not lose the norm.
        let largest = amplitudes.iter().flat_map(|value| [value.re.abs(), value.im.abs()]).fold(0.0, f64::max);
        if largest == 0.0 {
            return Err(Mistake::ZeroState);
        }
        let scaled = amplitudes.iter().map(|value| Complex64::new(value.re / largest, value.im / largest));
        let mut state: Vec<Complex64> = scaled.collect();
        state.resize(size, Complex64::ZERO);
        let norm = norm_of(&state);
        state.iter_mut().for_each(|value| *value /= norm);
        Ok(state)
    }

    /// Appends the preparation of a normalized state.
    fn write_state(&mut self, state: &[Complex64], qubits: &[usize]) {
        if qubits.len() <= MAX_MATRIX_QUBITS {
            self.unitary(&with_first_column(state), qubits.iter().copied());
            return;
        }
        let (low, high) = qubits.split_at(MAX_MATRIX_QUBITS);
        let blocks = || state.chunks(1 << low.len());
        let norms: Vec<Complex64> = blocks().map(|block| norm_of(block).into()).collect();
        self.write_state(&norms, high);
        for (value, (block, norm)) in blocks().zip(&norms).enumerate().filter(|(_, (_, norm))| norm.re > 0.0) {
            let block: Vec<Complex64> = block.iter().map(|amplitude| amplitude / norm.re).collect();
            let controls = high.iter().enumerate().map(|(k, qubit)| (*qubit, value >> k & 1 == 1));
            self.controlled_on(controls, |circuit| circuit.unitary(&with_first_column(&block), low.iter().copied()));
        }
    }
}

fn norm_of(state: &[Complex64]) -> f64 {
    state.iter().map(|value| value.norm_sqr()).sum::<f64>().sqrt()
}

/// Returns a unitary, row by row, whose first column is a normalized state `v`: with `v = e^{iα} u` and a first entry of
/// `u` that is not negative, it is `-e^{iα} (1 - 2 w w† / w†w)` with `w = e_0 + u`, a reflection times a phase.
fn with_first_column(state: &[Complex64]) -> Vec<Complex64> {
    let phase = if state[0].norm() > 0.0 { state[0] / state[0].norm() } else { Complex64::ONE };
    let mut w: Vec<Complex64> = state.iter().map(|value| value * phase.conj()).collect();
    w[0] += 1.0;
    let square = w.iter().map(|value| value.norm_sqr()).sum::<f64>();
    let size = state.len();
    let entry = |row: usize, column: usize| {
        let one = if row == column { 1.0 } else { 0.0 };
        -phase * (one - 2.0 * w[row] * w[column].conj() / square)
    };
    (0..size * size).map(|at| entry(at / size, at % size)).collect()
}
