//! Random calls of every builder method: no call panics, and every accepted circuit runs.

use crate::lab::{close, rows, tensor};
use candle_core::{DType, Tensor};
use candlewick::functional;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use candlewick::program::Program;
use num_complex::Complex64 as C;
use proptest::prelude::*;

/// Small integers and a number now and then that is none.
#[derive(Debug, Clone)]
struct Call {
    what: u8,
    gate: usize,
    numbers: Vec<usize>,
    value: f64,
    word: String,
}

fn call() -> impl Strategy<Value = Call> {
    let number = prop_oneof![20 => 0usize..5, 1 => Just(usize::MAX), 1 => Just(64)];
    let value = prop_oneof![20 => -4.0..4.0, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(1e300)];
    let word = prop_oneof![8 => "[IXYZ]{0,4}", 1 => "\\PC{0,3}"];
    (any::<u8>(), any::<usize>(), prop::collection::vec(number, 0..6), value, word)
        .prop_map(|(what, gate, numbers, value, word)| Call { what, gate, numbers, value, word })
}

fn angle(call: &Call, weights: &Weights, k: usize) -> Angle {
    let number = call.numbers.get(k).copied().unwrap_or(k);
    match (call.what as usize + k) % 5 {
        0 => input(number.min(5)),
        1 => weights.at([number]),
        2 => call.value * input(0) * weights.at([0]) + 1.0,
        _ => call.value.into(),
    }
}

fn write(circuit: &mut Circuit, call: &Call, weights: &Weights, depth: usize) {
    let gate = Gate::all().nth(call.gate % Gate::all().len()).expect("the index is below the number of gates");
    let numbers = || call.numbers.iter().copied();
    let first = call.numbers.first().copied().unwrap_or(0);
    match call.what % 16 {
        // The number of angles and qubits is the gate's, so that some calls are accepted, or the call's.
        0..=4 => {
            let angles: Vec<Angle> = (0..gate.angles().len()).map(|k| angle(call, weights, k)).collect();
            circuit.gate(gate, angles, numbers().take(gate.qubits().len()));
        }
        5 => drop(circuit.gate(gate, numbers().map(input), numbers())),
        6 => drop(circuit.pauli_rot(angle(call, weights, 0), &call.word, numbers())),
        7 => drop(circuit.pauli_rot(call.value, &call.word, numbers().take(call.word.chars().count()))),
        8 => {
            let entries = 1usize << (2 * numbers().take(7).count());
            let entry =
                |k: usize| if k.is_multiple_of(entries.isqrt() + 1) { C::cis(call.value) } else { C::default() };
            circuit.unitary(&(0..entries).map(entry).collect::<Vec<_>>(), numbers());
        }
        9 => drop(circuit.unitary(&vec![C::from(call.value); first.min(70)], numbers())),
        10 => drop(circuit.global_phase(angle(call, weights, 0)).barrier()),
        11 if depth < 2 => {
            let inner = Call { what: call.what / 16, ..call.clone() };
            circuit.controlled(numbers().take(2), |c| {
                write(c, &inner, weights, depth + 1);
                c
            });
        }
        12 => drop(circuit.amplitude_embedding(first.min(5)..call.gate % 9)),
        13 => drop(circuit.weights(&call.word, numbers().map(|n| n.min(3)).collect::<Vec<_>>())),
        14 if depth < 2 && circuit.operations().len() < 60 => {
            let part = if call.gate.is_multiple_of(2) { circuit.inverse() } else { circuit.repeat(first.min(3)) };
            circuit.append(&part);
        }
        _ => drop(
            circuit.basis_embedding(numbers().map(|n| if n < 2 { Angle::from(n as f64) } else { input(n.min(5)) })),
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(qubits in 1usize..5, calls in prop::collection::vec(call(), 0..40), names in 1usize..4) {
        let mut circuit = Circuit::new(qubits);
        let weights = circuit.weights("w", names);
        for call in &calls {
            // Most calls are refused; accepted calls make a circuit.
            let mut longer = circuit.clone();
            write(&mut longer, call, &weights, 0);
            prop_assert!(!longer.to_string().is_empty());
            let sound = longer.check().is_ok();
            prop_assert_eq!(Program::new(&longer, &Measurement::state()).is_ok(), sound);
            if sound && longer.inputs() < 100 {
                circuit = longer;
            }
        }
        prop_assert!(!circuit.inverse().to_string().is_empty());
        let measurement = Measurement::probabilities(0..qubits);
        let program = Program::new(&circuit, &measurement).expect("only sound calls are kept");
        prop_assert!(!program.to_string().is_empty());

        // An accepted circuit runs, and probabilities sum to one.
        let x = tensor(&[vec![0.3; circuit.inputs()], vec![-1.2; circuit.inputs()]], DType::F64);
        let tensors: Vec<(String, Tensor)> = circuit
            .weight_tensors()
            .iter()
            .map(|w| (w.name().to_owned(), Tensor::ones(w.shape(), DType::F64, &candle_core::Device::Cpu).expect("ones")))
            .collect();
        let given: Vec<(&str, &Tensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        let y = functional::evaluate(&circuit, &measurement, Some(&x), &given).expect("an accepted circuit runs");
        for row in rows(&y) {
            close("total probability", &[row.iter().sum()], &[1.0], 1e-12);
        }
    }
}
