//! Constants in a cost: they are exact in a value, and change no gradient, in F32 as in F64.

use crate::lab::{Engine, Outcome, close, distance, engines, run_circuit};
use crate::oracle::{Obs, random_hermitian, rng, uniform};
use candle_core::{DType, Device, Module, Tensor, Var};
use candle_nn::VarBuilder;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use candlewick::{
    functional,
    variational::{Vqe, VqeConfig},
};
use num_complex::Complex64 as C;
use std::collections::HashMap;

const QUBITS: usize = 5;

/// Layers of rotations and CX behind an embedding, with `QUBITS` inputs.
fn circuit() -> Circuit {
    let mut circuit = Circuit::new(QUBITS);
    let w = circuit.weights("w", 8 * QUBITS);
    circuit.angle_embedding(Gate::ry, (0..QUBITS).map(input));
    for layer in 0..4 {
        for q in 0..QUBITS {
            circuit.ry(w.at([2 * (layer * QUBITS + q)]), q).rz(w.at([2 * (layer * QUBITS + q) + 1]), q);
        }
        (0..QUBITS).for_each(|q| _ = circuit.cx(q, (q + 1) % QUBITS));
    }
    circuit
}

/// Outputs and gradients for a cotangent of `width` entries a sample, the same for all samples.
fn outcome(measurement: &Measurement, batch: usize, cotangent: &[f64], engine: Engine) -> Outcome {
    let mut rng = rng(7);
    let x: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, QUBITS)).collect();
    let w = uniform(&mut rng, 8 * QUBITS);
    run_circuit(&circuit(), measurement, &x, &w, &vec![cotangent.to_vec(); batch], engine)
}

fn gradients(outcome: &Outcome) -> Vec<f64> {
    [outcome.dx.concat(), outcome.dw.clone()].concat()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, value| largest.max(value.abs()))
}

/// An observable of each kind, and the same with a constant inside, where the kind has a place for it.
fn shifted(constant: f64) -> Vec<(Obs, Observable)> {
    let words: Vec<(f64, String)> =
        vec![(1.0, "ZZIII".into()), (0.5, "IXIXI".into()), (-0.7, "IIIIY".into()), (0.2, "ZIZIZ".into())];
    let values = uniform(&mut rng(3), 8);
    let matrix = random_hermitian(&mut rng(4), 2);
    let mut moved = matrix.clone();
    (0..4).for_each(|k| moved[k][k] += constant);
    let (words, diagonal) = (Obs::Words(words), Obs::Diagonal(values.clone()));
    let projector = Obs::Projector(vec![false; QUBITS]);
    let with_identity = |obs: &Obs| obs.observable() + constant * Observable::identity();
    vec![
        (words.clone(), with_identity(&words)),
        (projector.clone(), with_identity(&projector)),
        (diagonal, Observable::diagonal(values.iter().map(|value| value + constant))),
        (Obs::Hermitian(matrix, vec![3, 1]), Observable::hermitian(&moved.concat(), [3, 1])),
    ]
}

/// Samples enough for full blocks, and single states.
const BATCHES: [usize; 2] = [2, 17];

#[test]
fn a_constant_in_an_observable_changes_no_gradient() {
    for (engine, batch) in engines().into_iter().flat_map(|engine| BATCHES.map(|batch| (engine, batch))) {
        for constant in [1e6, -1e6] {
            for (plain, with_constant) in shifted(constant) {
                let without = outcome(&Measurement::expectation([plain.observable()]), batch, &[1.0], engine);
                let with = outcome(&Measurement::expectation([with_constant]), batch, &[1.0], engine);
                let (expected, found) = (gradients(&without), gradients(&with));
                let off = distance(&found, &expected);
                let what = format!("{}, {batch} samples, {constant}, {plain:?}", engine.name);
                assert!(off <= 1e-6 * largest(&expected), "{what}: the gradient moves by {off:e}");
                let expected: Vec<f64> = without.outputs.concat().iter().map(|value| value + constant).collect();
                let rounding = if engine.dtype == DType::F64 { 1e-15 } else { 1.2e-7 };
                close(&what, &with.outputs.concat(), &expected, rounding);
            }
        }
    }
}

#[test]
fn the_identity_is_exact_and_has_no_gradient() {
    let flat = Observable::hermitian(&[C::from(0.1), C::default(), C::default(), C::from(0.1)], [2]);
    let observables = [2.5 * Observable::identity(), Observable::diagonal([0.1; 4]), flat, Observable::projector([])];
    let expected = [2.5, 0.1, 0.1, 1.0];
    for (engine, batch) in engines().into_iter().flat_map(|engine| BATCHES.map(|batch| (engine, batch))) {
        let found = outcome(&Measurement::expectation(observables.clone()), batch, &[1e6; 4], engine);
        for row in &found.outputs {
            let rounded =
                expected.map(|value| if engine.dtype == DType::F64 { value } else { f64::from(value as f32) });
            assert_eq!(row[..], rounded, "{}", engine.name);
        }
        assert_eq!(largest(&gradients(&found)), 0.0, "{}", engine.name);
    }
}

#[test]
fn a_constant_in_an_observable_changes_no_variance() {
    for (engine, batch) in engines().into_iter().flat_map(|engine| BATCHES.map(|batch| (engine, batch))) {
        for (plain, with_constant) in shifted(1e6) {
            let without = outcome(&Measurement::variance([plain.observable()]), batch, &[1.0], engine);
            let with = outcome(&Measurement::variance([with_constant]), batch, &[1.0], engine);
            let what = format!("{}, {batch} samples, {plain:?}", engine.name);
            let tolerance = engine.values(circuit().operations().len());
            close(&what, &with.outputs.concat(), &without.outputs.concat(), tolerance.max(1e-9));
            close(&what, &gradients(&with), &gradients(&without), 1e-6);
        }
    }
}

/// Numbers that F32 holds exactly, also beside 2^17.
fn slopes(count: usize) -> Vec<f64> {
    (0..count).map(|k| ((k * 37) % 64) as f64 / 32.0 - 1.0).collect()
}

#[test]
fn a_constant_in_the_cotangent_of_probabilities_changes_no_gradient() {
    let reference = Engine::cpu(DType::F64);
    for (engine, batch) in engines().into_iter().flat_map(|engine| BATCHES.map(|batch| (engine, batch))) {
        for measured in [vec![1, 3], (0..QUBITS).collect()] {
            let slopes = slopes(1 << measured.len());
            let measurement = Measurement::probabilities(measured);
            let exact = gradients(&outcome(&measurement, batch, &slopes, reference));
            let raised: Vec<f64> = slopes.iter().map(|slope| slope + 131072.0).collect();
            let found = gradients(&outcome(&measurement, batch, &raised, engine));
            close(engine.name, &found, &exact, engine.gradients(circuit().operations().len()).max(1e-9));
        }
    }
}

/// A loss of |amplitude|² that is computed from the state.
#[test]
fn a_constant_in_a_loss_of_amplitudes_changes_little() {
    let gradient = |raise: f64, dtype: DType| {
        let mut rng = rng(9);
        let w = Tensor::new(uniform(&mut rng, 8 * QUBITS), &Device::Cpu).and_then(|w| w.to_dtype(dtype));
        let w = Var::from_tensor(&w.expect("weights")).expect("a variable");
        let x = Tensor::zeros((1, QUBITS), dtype, &Device::Cpu).expect("features");
        let state = functional::evaluate(&circuit(), &Measurement::state(), Some(&x), &[("w", &w)]).expect("a state");
        let slopes: Vec<f64> = slopes(1 << QUBITS).iter().map(|slope| slope + raise).collect();
        let slopes = Tensor::new(slopes, &Device::Cpu).and_then(|slopes| slopes.to_dtype(dtype)).expect("slopes");
        let loss = state.sqr().and_then(|squares| squares.sum(2)?.broadcast_mul(&slopes)?.sum_all()).expect("a loss");
        let gradients = loss.backward().expect("gradients");
        crate::lab::rows(&gradients.get(&w).expect("one in w").unsqueeze(0).expect("a row")).concat()
    };
    let exact = gradient(0.0, DType::F64);
    close("F64", &gradient(1024.0, DType::F64), &exact, 1e-11);
    // The cotangent itself is rounded, by 2^-24 of 2048 times an amplitude. If its part along the state stayed, each
    // step would add as much again.
    close("F32", &gradient(1024.0, DType::F32), &exact, 2e-5);
}

fn method(config: QuantumLayerConfig, observable: Observable, dtype: DType) -> Vec<f64> {
    let weights = Tensor::new(uniform(&mut rng(11), 8 * QUBITS), &Device::Cpu).expect("weights");
    let w = Var::from_tensor(&weights.to_dtype(dtype).expect("in a dtype")).expect("a variable");
    let vb = VarBuilder::from_tensors(HashMap::from([("w".to_owned(), w.as_tensor().clone())]), dtype, &Device::Cpu);
    let layer =
        QuantumLayer::with_config(circuit(), Measurement::expectation([observable]), config, vb).expect("a layer");
    let x = Tensor::new(&[[0.1, -0.4, 0.8, 0.3, 1.2]], &Device::Cpu).and_then(|x| x.to_dtype(dtype)).expect("features");
    let y = layer.forward(&x).and_then(|y| y.sum_all()).expect("outputs");
    let gradients = y.backward().expect("gradients");
    crate::lab::rows(&gradients.get(&w).expect("one in w").unsqueeze(0).expect("a row")).concat()
}

#[test]
fn a_constant_changes_no_gradient_from_values_at_points() {
    let methods = [
        (GradientMethod::ParameterShift, None),
        (GradientMethod::FiniteDifference { step: 1e-3, order: 4 }, None),
        (GradientMethod::Spsa { samples: 4, step: 1e-2, seed: 5 }, None),
        (GradientMethod::ParameterShift, Some(100)),
        (GradientMethod::Spsa { samples: 4, step: 1e-1, seed: 5 }, Some(100)),
    ];
    for (gradient, shots) in methods {
        for (plain, with_constant) in shifted(1e6) {
            let by = |observable| {
                let config = QuantumLayerConfig { gradient, shots, ..Default::default() };
                method(config, observable, DType::F32)
            };
            let (found, expected) = (by(with_constant), by(plain.observable()));
            close(&format!("{gradient:?}, {shots:?}, {plain:?}"), &found, &expected, 2e-6);
        }
    }
}

/// The usual global cost: on 20 qubits its gradient is some 1e-6, which the rounding of the 1 would cover.
#[test]
fn one_minus_a_probability_has_four_digits_on_twenty_qubits() {
    const QUBITS: usize = 20;
    let mut circuit = Circuit::new(QUBITS);
    circuit.strongly_entangling_layers("w", 6);
    let weights: Vec<f32> = (0..18 * QUBITS).map(|k| (k as f32 * 0.37) % 6.25).collect();
    let weights = Tensor::from_vec(weights, (6, QUBITS, 3), &Device::Cpu).expect("weights");
    let cost = || Observable::identity() - Observable::projector(vec![false; QUBITS]);
    let gradient = |dtype: DType| {
        let w = Var::from_tensor(&weights.to_dtype(dtype).expect("in a dtype")).expect("a variable");
        let y =
            functional::evaluate(&circuit, &Measurement::expectation([cost()]), None, &[("w", &w)]).expect("a value");
        let gradients = y.sum_all().and_then(|y| y.backward()).expect("gradients");
        crate::lab::rows(&gradients.get(&w).expect("one in w").unsqueeze(0).expect("a row")).concat()
    };
    let (exact, found) = (gradient(DType::F64), gradient(DType::F32));
    let off = distance(&found, &exact);
    assert!(off <= 0.5e-4 * largest(&exact), "off by {off:e} of {:e}", largest(&exact));
}

/// A cost with penalties, as its constant would have it drift below the least there is.
#[test]
fn an_energy_with_a_large_constant_is_minimized_in_f32() {
    let run = |constant: f64| {
        let mut circuit = Circuit::new(5);
        circuit.real_amplitudes("w", 2, Entanglement::Linear);
        let linear = (0..5).map(|i| 0.3 * (i as f64 - 2.0) * Z(i));
        let pairs = (0..5).flat_map(|i| (0..i).map(move |j| 0.5 * Z(i) * Z(j)));
        let cost = linear.chain(pairs).sum::<Observable>() + constant * Observable::identity();
        let config = VqeConfig { dtype: DType::F32, seed: 3, ..VqeConfig::default() };
        Vqe::new(circuit, cost, config).expect("a problem").run().expect("a run")
    };
    let (with, without) = (run(65536.0), run(0.0));
    assert!(with.converged() && without.converged(), "{:?}, {:?}", with.stop_reason, without.stop_reason);
    // The energy is one number in F32, so its tolerance is that of the constant.
    close("energy", &[with.energy - 65536.0], &[without.energy], 0.01);
}
