//! Plans stay within what a device has.

use crate::engines;
use candle_core::{DType, Device, Tensor, Var};
use candlewick::functional;
use candlewick::prelude::*;

/// Many small tiles in a group, and many sums for each: on Metal they fit beside fewer states.
#[test]
fn more_terms_than_a_group_has_room_for() {
    let letters = |k: usize| ["", "X", "Y", "Z"][k % 4];
    let word = |k: usize| {
        let on =
            |qubit: usize| Some(letters(k >> (2 * qubit))).filter(|l| !l.is_empty()).map(|l| format!("{l}{qubit}"));
        (0..3).filter_map(on).collect::<Vec<_>>().join(" ")
    };
    let words: Vec<String> = (1..64).map(word).collect();
    let mut circuit = Circuit::new(3);
    let w = circuit.weights("w", 3);
    (0..3).for_each(|q| {
        circuit.ry(input(q), q).rz(w.at([q]), q).cx(q, (q + 1) % 3);
    });
    let measurement = Measurement::expectation(words.iter().map(|word| Observable::pauli_sum([(1.0, word.as_str())])));
    let x = Tensor::arange(0f32, 768., &Device::Cpu).unwrap().affine(0.01, 0.1).unwrap().reshape((256, 3)).unwrap();
    let weights = Tensor::new(&[0.3f32, 0.9, -0.4], &Device::Cpu).unwrap();
    let run = || functional::evaluate(&circuit, &measurement, Some(&x), &[("w", &weights)]).unwrap();
    let expected = run();
    for engine in engines::all().into_iter().filter(|engine| engine.dtype == DType::F32) {
        let mut actual = None;
        (engine.enter)(&mut || actual = Some(run()));
        let difference = (actual.unwrap() - &expected).unwrap().abs().unwrap().max_all().unwrap();
        let difference: f32 = difference.to_scalar().unwrap();
        assert!(difference < 1e-5, "{}: off by {difference}", engine.name);
    }
}

/// The batch is summed in parts, and those by a launch of their own.
#[test]
fn more_samples_than_a_group_adds_up() {
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 2);
    circuit.ry(input(0), 0).rx(w.at([0]) * input(0), 0).rz(w.at([1]), 0).h(0);
    let measurement = Measurement::expectation([Z(0), X(0)]);
    let features = Tensor::arange(0f32, 2100., &Device::Cpu).unwrap().affine(2e-3, 0.1).unwrap();
    let features = Var::from_tensor(&features.reshape(((), 1)).unwrap()).unwrap();
    let weights = Var::new(&[0.3f32, 0.9], &Device::Cpu).unwrap();
    let run = || {
        let y = functional::evaluate(&circuit, &measurement, Some(&features), &[("w", &weights)]).unwrap();
        let gradients = y.sum_all().unwrap().backward().unwrap();
        [&weights, &features].map(|var| gradients.get(var).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap())
    };
    let expected = run();
    for engine in engines::all().into_iter().filter(|engine| ["cuda f32", "metal"].contains(&engine.name)) {
        let mut actual = None;
        (engine.enter)(&mut || actual = Some(run()));
        for (actual, expected) in actual.unwrap().iter().zip(&expected) {
            let largest = expected.iter().fold(0f32, |most, value| most.max(value.abs()));
            for (a, b) in actual.iter().zip(expected) {
                assert!((a - b).abs() < 1e-5 * largest, "{}: {a} for {b}", engine.name);
            }
        }
    }
}
