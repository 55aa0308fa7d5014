//! Circuits as OpenQASM texts.
//!
//! What a text cannot say, such as a gate's second name or the shape of a weight tensor, stands in annotations, which
//! [`import`](super::import) reads and other readers pass over.

mod angles;
mod classical;
mod gates;
mod inputs;
mod prelude;
mod registers;
mod version2;
mod version3;

use super::Imported;
use crate::circuit::{Circuit, Kind, Operation};
use crate::error::{Error, Result};

pub(crate) use version3::Beginning;

/// Error for an operation that has no form in a version of OpenQASM.
fn no_form(index: usize, operation: &Operation, version: u32, reason: &'static str) -> Error {
    Error::NoQasm { operation: index, name: operation.name().to_owned(), version, reason }
}

/// Qubits and classical bits of a text. A record is a bit, and what a reset has moved away is gone.
#[derive(Debug)]
struct Places {
    /// Qubit of the text for each qubit of the circuit.
    qubits: Vec<Option<usize>>,
    /// Number of qubits in the text.
    count: usize,
    /// Number of measurements.
    bits: usize,
}

impl Places {
    fn of(circuit: &Circuit) -> Self {
        let mut is_qubit = vec![true; circuit.qubits()];
        let mut is_touched = vec![false; circuit.qubits()];
        let mut bits = 0;
        for operation in circuit.operations() {
            let all = operation.qubits().iter().chain(operation.controls());
            match (&operation.kind, operation.qubits()) {
                // All qubits stand in it, those of later records too.
                (Kind::Barrier, _) => {}
                (Kind::Measure | Kind::Reset, [qubit, further]) => {
                    is_touched[*qubit] = true;
                    // A qubit that was reset may become a record: it was a qubit before.
                    is_qubit[*further] = is_touched[*further];
                    bits += usize::from(matches!(operation.kind, Kind::Measure));
                }
                _ => all.for_each(|qubit| is_touched[*qubit] = true),
            }
        }
        let mut count = 0;
        let place = |is_qubit: bool| {
            count += usize::from(is_qubit);
            is_qubit.then(|| count - 1)
        };
        Self { qubits: is_qubit.into_iter().map(place).collect(), count, bits }
    }
}

impl Circuit {
    /// Writes the circuit as an OpenQASM 3 text.
    ///
    /// Features and weights are inputs of the text, and each gate is equal to the circuit's, global phase included.
    /// Gates that `stdgates.inc` does not have are defined in the text. A record of a measurement is a classical bit,
    /// and conditions are `if`.
    ///
    /// [`qasm::import`](crate::qasm::import) of the text is the same circuit, operation by operation, unless it
    /// measures or resets, has conditions on absolute values or constants, dense unitaries or rotations about words of
    /// I. These come back as circuits that do the same. A dense unitary on n qubits is up to 2^n (2^n - 1) / 2 gates on
    /// one qubit, each under n - 1 controls: 6 for two qubits, 28 for three, 2016 for six.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(2);
    /// let w = circuit.weights("theta", 1);
    /// circuit.ry(0.5 * input(0), 0).rxx(w.at(0), 0, 1);
    /// let text = circuit.to_qasm3()?;
    /// assert!(text.contains("ry(0.5*x0) q[0];\nrxx(theta_0) q[0], q[1];"));
    /// assert_eq!(Circuit::from_qasm(&text)?, circuit);
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// Mistakes of the circuit; [`Error::NoQasm`] for operations that OpenQASM has no form for: noise, amplitude
    /// embeddings, gates that a record controls and that have no form without this control; [`Error::NoQasmWeights`]
    /// for names of tensors with line breaks or brackets, tensors without entries, and initialisations that annotations
    /// do not have.
    pub fn to_qasm3(&self) -> Result<String> {
        self.check()?;
        version3::write(self, &[])
    }

    /// Writes the circuit as an OpenQASM 2 text, with numbers in the place of features and weights.
    ///
    /// The text is equal to the circuit up to a global phase. Gates beyond those of the language's first paper (A.
    /// Cross and others, arXiv:1707.03429) are defined in the text, so that strict readers know them.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(2);
    /// let w = circuit.weights("theta", 1);
    /// circuit.ry(0.5 * input(0), 0).swap(0, 1).rz(w.at(0), 1);
    /// let theta = Tensor::new(&[0.3f64], &Device::Cpu)?;
    /// let text = circuit.to_qasm2(&[1.5], &[("theta", &theta)])?;
    /// assert!(text.ends_with("ry(0.75) q[0];\nswap q[0],q[1];\nrz(0.3) q[1];\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`to_qasm3`](Self::to_qasm3) and [`bind`](Self::bind); [`Error::NoQasm`] also for gates under further
    /// controls that are neither a gate of the table nor phases, X or Z, for dense unitaries on more than two qubits, for
    /// several records in one condition, and for measurements under a condition on a record.
    pub fn to_qasm2(&self, features: &[f64], weights: &[(&str, &candle_core::Tensor)]) -> Result<String> {
        version2::write(&self.bind(features, weights)?, &[])
    }
}

impl Imported {
    /// Writes circuit and classical bits as an OpenQASM 3 text: [`Circuit::to_qasm3`], and at its end the measurements
    /// whose results the registers hold. The circuit may be another one by now, such as a bound one, as long as its
    /// qubits are the same.
    ///
    /// ```
    /// use candlewick::qasm;
    /// let text = "include \"qelib1.inc\"; qreg a[1]; creg out[1]; h a; measure a -> out;";
    /// let text = qasm::import(text)?.to_qasm3()?;
    /// assert!(text.ends_with("bit[1] out;\nh q[0];\nout[0] = measure q[0];\n"));
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`Circuit::to_qasm3`]; [`Error::NoQasm`] for a bit that is measured under a condition on inputs.
    pub fn to_qasm3(&self) -> Result<String> {
        self.circuit.check()?;
        version3::write(&self.circuit, &self.bits)
    }

    /// Writes circuit and classical bits as an OpenQASM 2 text: [`Circuit::to_qasm2`], and at its end the measurements
    /// whose results the registers hold. A bit that gates read has a register of its own there, and comments say which.
    ///
    /// # Errors
    /// The errors of [`Circuit::to_qasm2`]; a bit that is 1 whatever is measured.
    pub fn to_qasm2(&self, features: &[f64], weights: &[(&str, &candle_core::Tensor)]) -> Result<String> {
        version2::write(&self.circuit.bind(features, weights)?, &self.bits)
    }
}
