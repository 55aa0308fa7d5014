//! Parts of known algorithms: Fourier transform, Grover's diffusion, phase estimation.

use crate::circuit::Circuit;
use crate::circuit::builder::some_qubits;
use crate::error::Mistake;
use std::f64::consts::PI;

impl Circuit {
    /// Appends the quantum Fourier transform on `qubits`, of which the first is the low bit: the basis state `x` becomes
    /// the sum of `exp(2πi x y / 2^k) / sqrt(2^k)` times the basis states `y`, for `k` qubits (Nielsen, Chuang, Quantum
    /// Computation and Quantum Information, section 5.1). No qubits are a mistake.
    ///
    /// ```
    /// use candlewick::{functional, prelude::*};
    /// let mut circuit = Circuit::new(3);
    /// circuit.x(0).qft(0..3); // the phase of y = 4 is exp(2πi 4/8)
    /// let state =
    ///     functional::evaluate(&circuit, &Measurement::state(), None, &[])?.to_vec2::<f32>()?;
    /// assert!((state[4][0] + 0.125f32.sqrt()).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn qft(&mut self, qubits: impl IntoIterator<Item = usize>) -> &mut Self {
        let Some(qubits) = self.register("qft", qubits) else { return self };
        for (k, &target) in qubits.iter().enumerate().rev() {
            self.h(target);
            for (j, &control) in qubits[..k].iter().enumerate().rev() {
                self.cp(PI / f64::from(1u32 << (k - j).min(31)), control, target);
            }
        }
        for k in 0..qubits.len() / 2 {
            self.swap(qubits[k], qubits[qubits.len() - 1 - k]);
        }
        self
    }

    /// Appends the inverse of [`qft`](Self::qft).
    pub fn inverse_qft(&mut self, qubits: impl IntoIterator<Item = usize>) -> &mut Self {
        let qubits = some_qubits(qubits);
        let mut transform = Self::new(self.qubits());
        transform.qft(qubits);
        self.append(&transform.inverse())
    }

    /// Appends Grover's diffusion on `qubits`: `2|s><s| - 1`, where `s` is the uniform superposition (Grover, Physical
    /// Review Letters 79, 325, 1997). It is PennyLane's `GroverOperator`. No qubits are a mistake.
    ///
    /// ```
    /// use candlewick::{functional, prelude::*};
    /// let mut circuit = Circuit::new(2);
    /// circuit.h(0).h(1).cz(0, 1).grover_diffusion(0..2); // one round finds 1 of 4
    /// let p = functional::evaluate(&circuit, &Measurement::probabilities([0, 1]), None, &[])?
    ///     .to_vec1::<f32>()?;
    /// assert!((p[3] - 1.0).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn grover_diffusion(&mut self, qubits: impl IntoIterator<Item = usize>) -> &mut Self {
        let Some(qubits) = self.register("grover_diffusion", qubits) else { return self };
        let basis = |circuit: &mut Self| qubits.iter().for_each(|qubit| _ = circuit.h(*qubit).x(*qubit));
        let back = |circuit: &mut Self| qubits.iter().for_each(|qubit| _ = circuit.x(*qubit).h(*qubit));
        basis(self);
        let (last, controls) = qubits.split_last().expect("a register has a qubit");
        self.controlled(controls.iter().copied(), |circuit| circuit.z(*last));
        back(self);
        self.global_phase(PI)
    }

    /// Appends quantum phase estimation (Nielsen, Chuang, section 5.2): if the `target` qubits are in an eigenstate of
    /// `unitary` with the eigenvalue `exp(2πi φ)`, the outcome `y` of the `estimation` qubits, of which the first is the
    /// low bit, is the best estimate `y / 2^k` of φ with a probability of at least `4/π²`. Estimation qubits start in 0.
    ///
    /// `unitary` is repeated `2^k - 1` times for `k` estimation qubits, under a control. Its qubit `j` is `target[j]`.
    ///
    /// ```
    /// use candlewick::{functional, prelude::*};
    /// let mut unitary = Circuit::new(1);
    /// unitary.p(2.0 * std::f64::consts::PI * 0.625, 0);
    /// let mut circuit = Circuit::new(4);
    /// circuit.x(3).phase_estimation(&unitary, 0..3, [3]);
    /// let p =
    ///     functional::evaluate(&circuit, &Measurement::probabilities([0, 1, 2]), None, &[])?
    ///         .to_vec1::<f32>()?;
    /// assert!((p[5] - 1.0).abs() < 1e-5); // 5/8
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn phase_estimation(
        &mut self,
        unitary: &Self,
        estimation: impl IntoIterator<Item = usize>,
        target: impl IntoIterator<Item = usize>,
    ) -> &mut Self {
        let Some(estimation) = self.register("phase_estimation", estimation) else { return self };
        let target = some_qubits(target);
        if let Err(mistake) = self.check_qubits(estimation.iter().chain(&target)) {
            self.fail("phase_estimation", mistake);
            return self;
        }
        estimation.iter().for_each(|qubit| _ = self.h(*qubit));
        for (k, &qubit) in estimation.iter().enumerate() {
            let times = 1usize.checked_shl(k as u32).unwrap_or(usize::MAX);
            self.rounds(times, |circuit, _| {
                circuit.controlled([qubit], |circuit| circuit.append_on(unitary, target.iter().copied()));
            });
        }
        self.inverse_qft(estimation)
    }

    /// Checks a register of qubits and returns it, unless there is a mistake.
    fn register(&mut self, name: &str, qubits: impl IntoIterator<Item = usize>) -> Option<Vec<usize>> {
        let qubits = some_qubits(qubits);
        let checked = match qubits.is_empty() {
            true => Err(Mistake::QubitCount { expected: "1 or more".to_owned(), actual: 0 }),
            false => self.check_qubits(qubits.iter()),
        };
        match checked {
            Ok(()) => Some(qubits),
            Err(mistake) => {
                self.fail(name, mistake);
                None
            }
        }
    }
}
