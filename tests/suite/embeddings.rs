//! Embeddings of classical data against closed forms of the states they make.

use crate::gradients::differences;
use crate::lab::{close, engines, rows, run_circuit, tensor};
use candle_core::{DType, Device, Module, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use candlewick::Error;
use candlewick::circuit::Amplitudes;
use candlewick::error::TensorError;
use candlewick::functional::{self, Wrt};
use candlewick::gate::Gate;
use candlewick::prelude::*;
use candlewick::program::Rewrites;
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
fn amplitude_embedding_normalizes_and_pads() {
    for scale in [1.0, 1e-200, 1e200, 5e-324 * 1e16] {
        let row = [9.0, 2.0, -3.0, 6.0, 9.0].map(|v| v * scale);
        let expected = [2.0, 0.0, -3.0, 0.0, 6.0, 0.0, 0.0, 0.0].map(|v| v / 7.0);
        close("state", &states(&amplitudes(), &[row.to_vec()])[0], &expected, 1e-15);
    }
}

/// `<Z0> = (x0² - x1² + x2²) / |x|²` has the slope `2 x_k (±1 - <Z0>) / |x|²` in `x_k`; central differences check a
/// rotation behind it.
#[test]
fn amplitude_embedding_has_the_gradient_of_its_norm() -> candle_core::Result<()> {
    let row = [9.0, 2.0, -3.0, 6.0, 8.0];
    let x = Var::from_tensor(&tensor(&[row.to_vec()], DType::F64))?;
    let gradient = |circuit: &Circuit| -> candle_core::Result<Vec<f64>> {
        let y = functional::evaluate(circuit, &Measurement::expectation([Z(0)]), Some(&x), &[])?;
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
        let y = functional::evaluate(&rotated, &Measurement::expectation([Z(0)]), Some(&x), &[]);
        rows(&y.expect("the circuit runs"))[0][0]
    };
    close("differences", &gradient(&rotated)?, &differences(&row, value), 1e-9);
    Ok(())
}

/// Makes two qubits from features 1 to 3 of five, an angle from feature 0, and two weights; Z of qubit 1 does not
/// depend on one of the weights.
fn embedded(embed: fn(&mut Circuit)) -> Circuit {
    let mut circuit = Circuit::new(2).with_inputs(5);
    let w = circuit.weights("w", 2);
    embed(&mut circuit);
    circuit.ry(input(0), 0).cx(0, 1).rx(w.at([0]), 1).rx(w.at([1]), 0);
    circuit
}

fn measurements() -> [Measurement; 6] {
    [
        Measurement::expectation([Z(1)]),
        Measurement::expectation([Observable::projector([true, false]), Observable::identity()]),
        Measurement::variance([Z(0)]),
        Measurement::probabilities([1]),
        Measurement::probabilities([0, 1]),
        Measurement::state(),
    ]
}

const SOUND: [f64; 5] = [0.3, 1.0, -0.4, 0.7, 2.0];

/// Features that are not finite have no direction: all results that depend on such a sample are
/// NaN, and no other result changes by a bit.
#[test]
fn a_sample_without_a_state_spoils_its_own_row() {
    let circuit = embedded(|circuit| _ = circuit.amplitude_embedding(1..4));
    for (engine, batch) in engines().into_iter().flat_map(|engine| [2, 20].map(|batch| (engine, batch))) {
        for (measurement, bad) in measurements().iter().flat_map(|m| [f64::NAN, f64::INFINITY].map(|bad| (m, bad))) {
            let width = measurement.output_shape(2).iter().product();
            let run = |x: &[Vec<f64>]| {
                run_circuit(&circuit, measurement, x, &[0.2, 0.5], &vec![vec![1.0; width]; batch], engine)
            };
            let sound = vec![SOUND.to_vec(); batch];
            let mut x = sound.clone();
            x[1][1..4].fill(bad);
            let (found, expected) = (run(&x), run(&sound));
            let what = format!("{}, {batch} samples, {measurement:?}, {bad}", engine.name);
            for (k, (found, expected)) in
                found.outputs.iter().chain(&found.dx).zip(expected.outputs.iter().chain(&expected.dx)).enumerate()
            {
                match k % batch {
                    1 => assert!(found.iter().all(|value| value.is_nan()), "{what}: {found:?}"),
                    _ => assert_eq!(found, expected, "{what}: row {k}"),
                }
            }
            assert!(found.dw.iter().all(|value| value.is_nan()), "{what}: {:?}", found.dw);
        }
    }
}

/// The same with any rewrites, and by any method.
#[test]
fn a_sample_without_a_state_is_nan_however_it_is_computed() {
    let circuit = embedded(|circuit| _ = circuit.amplitude_embedding(1..4));
    let ways = [
        (Rewrites::NONE, GradientMethod::Auto),
        (Rewrites::ALL, GradientMethod::ParameterShift),
        (Rewrites::ALL, GradientMethod::FiniteDifference { step: 1e-3, order: 2 }),
        (Rewrites::ALL, GradientMethod::Spsa { samples: 2, step: 1e-3, seed: 1 }),
    ];
    for ((rewrites, gradient), measurement) in ways.into_iter().flat_map(|way| measurements().map(|m| (way, m))) {
        let what = format!("{rewrites:?}, {gradient:?}, {measurement:?}");
        let config = QuantumLayerConfig { rewrites, gradient, ..Default::default() };
        let varmap = VarMap::new();
        let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
        let layer = QuantumLayer::with_config(circuit.clone(), measurement, config, vb).expect("a layer");
        let y = layer.forward(&tensor(&[SOUND.to_vec(), vec![f64::NAN; 5]], DType::F64)).expect("outputs");
        let outputs = rows(&y);
        assert!(outputs[0].iter().all(|value| value.is_finite()), "{what}: {outputs:?}");
        assert!(outputs[1].iter().all(|value| value.is_nan()), "{what}: {outputs:?}");
        let gradients = y.sum_all().and_then(|y| y.backward()).expect("gradients");
        let dw = rows(
            &gradients
                .get(layer.weights().next().expect("one tensor").1)
                .expect("one in w")
                .unsqueeze(0)
                .expect("a row"),
        );
        assert!(dw[0].iter().all(|value| value.is_nan()), "{what}: {dw:?}");
    }
}

/// Zeros have no direction, so they are an error with the number of their sample, wherever a circuit is evaluated.
#[test]
fn a_sample_of_zeros_is_refused() -> candle_core::Result<()> {
    let circuit = embedded(|circuit| _ = circuit.amplitude_embedding(1..4));
    let measurement = Measurement::expectation([Z(0)]);
    let refused = |error: Option<Error>, sample: usize, what: &str| match error {
        Some(Error::Tensor(TensorError::NoState { sample: found, first: 1, last: 3 })) => assert_eq!(found, sample),
        other => panic!("{what}: {other:?}"),
    };
    for engine in engines() {
        let w = tensor(&[vec![0.2, 0.5]], engine.dtype).to_device(&(engine.device)())?;
        let members = Tensor::cat(&[&w, &w, &w], 0)?;
        let w = w.flatten_all()?;
        for (batch, sample) in [(1, 0), (3, 2), (20, 7)] {
            let mut x = vec![SOUND.to_vec(); batch];
            x[sample][1..4].copy_from_slice(&[0.0, -0.0, 0.0]);
            let x = tensor(&x, engine.dtype).to_device(&(engine.device)())?;
            let strided = x.t()?.contiguous()?.t()?;
            (engine.enter)(&mut || {
                for (x, weights) in [(&x, &w), (&x, &members), (&strided, &w)] {
                    let y = functional::evaluate(&circuit, &measurement, Some(x), &[("w", weights)]);
                    refused(y.err(), sample, engine.name);
                }
            });
            if engine.name.starts_with("cpu") {
                let jacobian = functional::jacobian(&circuit, &measurement, Some(&x), &[("w", &w)], Wrt::Inputs);
                refused(jacobian.err(), sample, "a Jacobian");
            }
        }
    }
    let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    let layer = QuantumLayer::new(circuit.clone(), measurement.clone(), vb)?;
    // Zeros in other rows of the storage are no matter of a batch that is cut out of it.
    let all = tensor(&[vec![0.0; 5], SOUND.to_vec(), SOUND.to_vec(), vec![0.0; 5]], DType::F32);
    assert_eq!(layer.try_forward(&all.narrow(0, 1, 2)?)?.dims(), [2, 1]);
    assert_eq!(layer.try_forward(&all.narrow(0, 0, 0)?)?.dims(), [0, 1]);
    refused(layer.try_forward(&all.narrow(0, 1, 3)?).err(), 2, "a part");
    let x = Tensor::zeros((2, 5), DType::F32, &Device::Cpu)?;
    refused(layer.sample(Some(&x), 3).err(), 0, "outcomes");
    refused(layer.try_forward(&x).err(), 0, "a layer");
    let x = Tensor::zeros((2, 5), DType::F16, &Device::Cpu)?;
    let w = Tensor::zeros(2, DType::F16, &Device::Cpu)?;
    refused(functional::evaluate(&circuit, &measurement, Some(&x), &[("w", &w)]).err(), 0, "F16");
    Ok(())
}

/// |0..0> for zeros, with no gradient in them; everything else as without the option.
#[test]
fn zeros_may_become_the_zero_state() {
    let or_zero_state = embedded(|circuit| _ = circuit.amplitude_embedding_or_zero_state(1..4));
    let plain = embedded(|circuit| _ = circuit.amplitude_embedding(1..4));
    for (engine, batch) in engines().into_iter().flat_map(|engine| [2, 20].map(|batch| (engine, batch))) {
        for measurement in measurements() {
            let cotangent = vec![vec![1.0; measurement.output_shape(2).iter().product()]; batch];
            let run = |circuit: &Circuit, x: &[Vec<f64>]| {
                run_circuit(circuit, &measurement, x, &[0.2, 0.5], &cotangent, engine)
            };
            let what = format!("{}, {batch} samples, {measurement:?}", engine.name);
            let mut x = vec![SOUND.to_vec(); batch];
            let (found, expected) = (run(&or_zero_state, &x), run(&plain, &x));
            assert_eq!((found.outputs, found.dx, found.dw), (expected.outputs, expected.dx, expected.dw), "{what}");
            // The features 1, 0, 0 also give |00>, and their gradient goes through the norm.
            x[1][1..4].fill(0.0);
            let mut unit = x.clone();
            unit[1][1] = 1.0;
            let (found, mut expected) = (run(&or_zero_state, &x), run(&plain, &unit));
            expected.dx[1][1..4].fill(0.0);
            assert_eq!((found.outputs, found.dx, found.dw), (expected.outputs, expected.dx, expected.dw), "{what}");
            x[1][2] = f64::NAN;
            assert!(run(&or_zero_state, &x).outputs[1].iter().all(|value| value.is_nan()), "{what}");
        }
    }
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

/// Complex features on chosen qubits, behind gates on others: values against the state written out, gradients against
/// differences, on every engine.
#[test]
fn amplitudes_on_chosen_qubits_behind_other_gates() {
    for (complex, places) in [(false, [3, 1]), (true, [3, 1]), (true, [0, 2]), (true, [1, 0]), (false, [2, 3])] {
        let options = Amplitudes { complex, ..Default::default() };
        let count = if complex { 6 } else { 3 };
        let others: Vec<usize> = (0..4).filter(|q| !places.contains(q)).collect();
        let write = |embedded_first: bool| {
            let mut circuit = Circuit::new(4).with_inputs(count + 1);
            let w = circuit.weights("w", 1);
            let gates = |c: &mut Circuit| _ = c.ry(input(count), others[0]).cx(others[0], others[1]).t(others[1]);
            let embed = |c: &mut Circuit| _ = c.amplitude_embedding_on(0..count, places, options);
            if embedded_first {
                embed(&mut circuit);
                gates(&mut circuit);
            } else {
                gates(&mut circuit);
                embed(&mut circuit);
            }
            circuit.cx(places[0], others[1]).rx(w.at([0]), places[1]).cry(input(count), places[0], others[0]);
            circuit
        };
        let x: Vec<f64> = (0..=count).map(|k| 0.7 - 0.45 * k as f64).collect();
        let weight = tensor(&[vec![0.4]], DType::F64).flatten_all().expect("a vector");
        // The same features, amplitude by amplitude, prepared as a constant.
        let pairs = x[..count].chunks(if complex { 2 } else { 1 });
        let amplitudes: Vec<C> = pairs.map(|pair| C::new(pair[0], pair.get(1).copied().unwrap_or(0.0))).collect();
        let mut constant = Circuit::new(4).with_inputs(count + 1);
        constant
            .state_preparation(&amplitudes, places)
            .ry(input(count), others[0])
            .cx(others[0], others[1])
            .t(others[1]);
        constant.cx(places[0], others[1]).rx(0.4, places[1]).cry(input(count), places[0], others[0]);
        let what = format!("{complex}, {places:?}");
        for first in [true, false] {
            let x = tensor(std::slice::from_ref(&x), DType::F64);
            let states = functional::evaluate(&write(first), &Measurement::state(), Some(&x), &[("w", &weight)]);
            let expected = functional::evaluate(&constant, &Measurement::state(), Some(&x), &[]);
            let [found, expected] = [states, expected].map(|state| rows(&state.expect("the circuit runs")).concat());
            close(&what, &found, &expected, 1e-14);
        }
        let measurement = Measurement::expectation([Z(0) * X(1), Y(3) + 0.5 * Z(2)]);
        let value = |x: &[f64]| {
            let x = tensor(&[x.to_vec()], DType::F64);
            let y = functional::evaluate(&write(false), &measurement, Some(&x), &[("w", &weight)]);
            let y = &rows(&y.expect("the circuit runs"))[0];
            0.8 * y[0] - 0.3 * y[1]
        };
        let slopes = differences(&x, value);
        for engine in engines() {
            // One sample, and enough for a block.
            for batch in [1, 17] {
                let rows = vec![x.clone(); batch];
                let found =
                    run_circuit(&write(false), &measurement, &rows, &[0.4], &vec![vec![0.8, -0.3]; batch], engine);
                let tolerance = engine.gradients(20).max(1e-8);
                found.dx.iter().for_each(|dx| close(&format!("{what} {}", engine.name), dx, &slopes, tolerance));
            }
        }
    }
}
