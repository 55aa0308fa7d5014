//! Bad input gets a typed error that names the operation, the expected value and the given value. Nothing panics.

mod circuits;
mod declarations;
mod files;
mod memory;
mod observables;
mod random;
mod sizes;
mod tensors;

use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use candlewick::prelude::*;
use candlewick::program::Program;
use candlewick::{Error, Mistake, functional};

/// Asserts that `text` has all of `words` in it.
#[track_caller]
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
}

/// Asserts that everything that consumes the circuit returns this mistake of this operation, in these words.
#[track_caller]
fn refuses(circuit: &Circuit, operation: usize, name: &str, mistake: &Mistake, words: &[&str]) {
    let measurement = Measurement::expectation([Z(0)]);
    let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    let errors = [
        circuit.check().err(),
        Program::new(circuit, &measurement).err(),
        QuantumLayer::new(circuit.clone(), measurement.clone(), vb).err(),
        functional::evaluate(circuit, &measurement, None, &[]).err(),
    ];
    for error in errors {
        let error = error.expect("an error");
        match &error {
            Error::Circuit { operation: at, name: of, mistake: found } => {
                assert_eq!((*at, of.as_str()), (operation, name), "{error}");
                assert_eq!(format!("{found:?}"), format!("{mistake:?}"));
            }
            other => panic!("not a mistake of the circuit: {other}"),
        }
        says(&error.to_string(), &[&format!("operation {operation} (`{name}`)")]);
        says(&error.to_string(), words);
    }
    says(&circuit.to_string(), words);
}

/// A circuit of `qubits` qubits, written by `body`.
fn written(qubits: usize, body: impl FnOnce(&mut Circuit)) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    body(&mut circuit);
    circuit
}
