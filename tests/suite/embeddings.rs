//! Embeddings of classical data against closed forms of the states they make.

use crate::gradients::differences;
use crate::lab::{close, rows, tensor};
use candle_core::{DType, Var};
use candlewick::functional;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use num_complex::Complex64 as C;
use std::f64::consts::PI;

fn states(circuit: &Circuit, x: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let states = functional::evaluate(circuit, &Measurement::state(), Some(&tensor(x, DType::F64)), &[]);
    rows(&states.expect("the circuit runs"))
}

fn flat(state: &[C]) -> Vec<f64> {
    state.iter().flat_map(|a| [a.re, a.im]).collect()
}

#[test]
fn angle_embedding_turns_one_qubit_a_feature() {
    let mut actual = Circuit::new(3);
    actual.angle_embedding(Gate::rx, [input(1), 2.0 * input(0)]);
    let mut expected = Circuit::new(3);
    expected.rx(input(1), 0).rx(2.0 * input(0), 1);
    assert_eq!(actual.operations(), expected.operations());
}

#[test]
fn basis_embedding_of_constants_flips_the_bits_that_are_one() {
    for word in 0..8usize {
        let bits = (0..3).map(|q| f64::from((word >> q & 1) as u8));
        let mut circuit = Circuit::new(3);
        circuit.basis_embedding(bits);
        assert!(circuit.operations().iter().all(|operation| operation.gate() == Some(Gate::x)));
        let state = functional::evaluate(&circuit, &Measurement::state(), None, &[]).expect("the circuit runs");
        let mut expected = vec![C::default(); 8];
        expected[word] = C::from(1.0);
        close("state", &rows(&state.unsqueeze(0).expect("a batch of one"))[0], &flat(&expected), 0.0);
    }
}

#[test]
fn basis_embedding_of_inputs_flips_the_bits_of_each_sample() {
    let mut circuit = Circuit::new(3);
    circuit.basis_embedding((0..3).map(input));
    let x: Vec<Vec<f64>> = (0..8).map(|w: u8| (0..3).map(|q| f64::from(w >> q & 1)).collect()).collect();
    let measured =
        functional::evaluate(&circuit, &Measurement::probabilities(0..3), Some(&tensor(&x, DType::F64)), &[]);
    for (word, row) in rows(&measured.expect("the circuit runs")).iter().enumerate() {
        let expected: Vec<f64> = (0..8).map(|k| f64::from(u8::from(k == word))).collect();
        close("probabilities", row, &expected, 1e-15);
    }
}

/// One repetition leaves `2^(-n/2) exp(-i/2 (sum s_i x_i + sum s_i s_j x_i x_j))` with the signs `s` of the bits.
#[test]
fn iqp_embedding_is_a_diagonal_on_all_basis_states() {
    let x = [0.7, -1.1, 2.3];
    let mut circuit = Circuit::new(3);
    circuit.iqp_embedding((0..3).map(input), 1);
    let sign = |index: usize, q: usize| if index >> q & 1 == 1 { -1.0 } else { 1.0 };
    let expected: Vec<C> = (0..8)
        .map(|index| {
            let s: Vec<f64> = (0..3).map(|q| sign(index, q) * x[q]).collect();
            C::cis(-0.5 * (s[0] + s[1] + s[2] + s[0] * s[1] + s[0] * s[2] + s[1] * s[2])) / 8f64.sqrt()
        })
        .collect();
    close("state", &states(&circuit, &[x.to_vec()])[0], &flat(&expected), 1e-15);

    let mut twice = Circuit::new(3);
    twice.iqp_embedding((0..3).map(input), 2);
    assert_eq!(twice.operations(), circuit.repeat(2).operations());
}

/// Features 1 to 3 of five, on a state of four amplitudes.
fn amplitudes() -> Circuit {
    let mut circuit = Circuit::new(2).with_inputs(5);
    circuit.amplitude_embedding(1..4);
    circuit
}

#[test]
fn amplitude_embedding_normalises_and_pads() {
    for scale in [1.0, 1e-200, 1e200, 5e-324 * 1e16] {
        let row = [9.0, 2.0, -3.0, 6.0, 9.0].map(|v| v * scale);
        let expected = [2.0, 0.0, -3.0, 0.0, 6.0, 0.0, 0.0, 0.0].map(|v| v / 7.0);
        close("state", &states(&amplitudes(), &[row.to_vec()])[0], &expected, 1e-15);
    }
}

/// `<Z0> = (x0² - x1² + x2²) / |x|²`, whose slope in `x_k` is `2 x_k (±1 - <Z0>) / |x|²`; a rotation behind it is left
/// to central differences.
#[test]
fn amplitude_embedding_has_the_gradient_of_its_norm() -> candle_core::Result<()> {
    let row = [9.0, 2.0, -3.0, 6.0, 8.0];
    let x = Var::from_tensor(&tensor(&[row.to_vec()], DType::F64))?;
    let gradient = |circuit: &Circuit| -> candle_core::Result<Vec<f64>> {
        let y = functional::evaluate(circuit, &Measurement::expectation([z(0)]), Some(&x), &[])?;
        Ok(rows(y.sum_all()?.backward()?.get(&x).expect("a gradient in x")).concat())
    };
    let (mean, square) = ((4.0 - 9.0 + 36.0) / 49.0, 49.0);
    let slope = |x: f64, sign: f64| 2.0 * x * (sign - mean) / square;
    let expected = [0.0, slope(2.0, 1.0), slope(-3.0, -1.0), slope(6.0, 1.0), 0.0];
    close("closed form", &gradient(&amplitudes())?, &expected, 1e-15);

    let mut rotated = amplitudes();
    rotated.ry(0.7, 0).cx(1, 0).rx(input(4), 0);
    let value = |x: &[f64]| {
        let x = tensor(&[x.to_vec()], DType::F64);
        let y = functional::evaluate(&rotated, &Measurement::expectation([z(0)]), Some(&x), &[]);
        rows(&y.expect("the circuit runs"))[0][0]
    };
    close("differences", &gradient(&rotated)?, &differences(&row, value), 1e-9);
    Ok(())
}

/// A sample of zeros has no direction: NaN for it, and nothing else changes by a bit.
#[test]
fn a_sample_of_zeros_spoils_its_own_row_only() -> candle_core::Result<()> {
    let mut circuit = Circuit::new(2).with_inputs(5);
    circuit.amplitude_embedding(1..4).ry(input(0), 0).cx(0, 1);
    let run = |x: Vec<Vec<f64>>| -> candle_core::Result<[Vec<Vec<f64>>; 2]> {
        let x = Var::from_tensor(&tensor(&x, DType::F64))?;
        let y = functional::evaluate(&circuit, &Measurement::expectation([z(0), z(1)]), Some(&x), &[])?;
        let dx = y.sum_all()?.backward()?.get(&x).cloned().expect("a gradient in x");
        Ok([rows(&y), rows(&dx)])
    };
    let sound: Vec<Vec<f64>> = (0..20).map(|k| (0..5).map(|i| 0.3 + f64::from(k * i)).collect()).collect();
    for spoilt in [0, 7, 19] {
        let mut x = sound.clone();
        x[spoilt][1..4].fill(0.0);
        for (actual, expected) in run(x)?.iter().zip(run(sound.clone())?) {
            for (k, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                if k == spoilt {
                    assert!(actual.iter().any(|v| v.is_nan()), "row {k}: {actual:?}");
                } else {
                    assert_eq!(*actual, expected, "row {k}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn embedded_states_are_a_feature_map() {
    // RY angle embedding: |<x|y>|² is the product of cos²((x_i - y_i) / 2).
    let mut circuit = Circuit::new(2);
    circuit.angle_embedding(Gate::ry, (0..2).map(input));
    let all = states(&circuit, &[vec![0.4, 1.9], vec![-0.3, PI]]);
    let overlap: f64 = all[0].iter().zip(&all[1]).map(|(a, b)| a * b).sum();
    close("overlap", &[overlap], &[(0.35f64).cos() * ((PI - 1.9) / 2.0).cos()], 1e-15);
}
