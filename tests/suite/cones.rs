//! Outputs computed from their own light cones, against the state of all qubits and against Pauli propagation.

use crate::lab::{close, rows, tensor};
use crate::oracle::{rng, uniform};
use candle_core::{DType, Device, Module, Tensor, Var};
use candle_nn::VarBuilder;
use candlewick::prelude::*;
use candlewick::program::{Rewrite, Rewrites};
use candlewick::{PauliPropagation, Simulation};
use std::collections::HashMap;

/// Two layers of gates between neighbours, with an input and several weights on each qubit.
fn shallow(qubits: usize) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    let w = circuit.weights("w", (3, qubits));
    for q in 0..qubits {
        circuit.h(q).ry(input(q), q).rz(w.at([0, q]) * input(q) + 0.3, q);
    }
    for q in (0..qubits - 1).step_by(2) {
        circuit.cx(q, q + 1).rxx(w.at([1, q]), q, q + 1).crz(w.at([1, q + 1]), q, q + 1);
    }
    for q in (1..qubits - 1).step_by(2) {
        circuit.swap(q, q + 1).cp(w.at([2, q]), q, q + 1).u(0.3, w.at([2, q + 1]), input(q), q).t(q + 1);
    }
    circuit
}

/// Words on one qubit and on neighbours, sums of words far apart, a constant, and the same word twice.
fn local(qubits: usize) -> Vec<Observable> {
    let mut observables: Vec<Observable> = (0..qubits).map(Z).collect();
    observables.extend(
        (0..qubits - 1).step_by(3).map(|q| 0.5 * (X(q) * Y(q + 1)) - 0.2 * Y(q) + 1.5 * Observable::identity()),
    );
    observables.push(Z(0) * Z(qubits - 1) + 0.7 * X(qubits / 2));
    observables.push(0.25 * Observable::identity());
    observables.push(Z(3));
    observables
}

/// Outputs, gradient in the inputs, gradient in the weights.
fn step(
    circuit: Circuit,
    measurement: &Measurement,
    config: QuantumLayerConfig,
    dtype: DType,
    batch: usize,
) -> [Vec<f64>; 3] {
    let mut rng = rng(5);
    let qubits = circuit.qubits();
    let x: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, qubits)).collect();
    let x = Var::from_tensor(&tensor(&x, dtype)).unwrap();
    let w = Tensor::new(uniform(&mut rng, 3 * qubits), &Device::Cpu).unwrap().reshape((3, qubits)).unwrap();
    let w = Var::from_tensor(&w.to_dtype(dtype).unwrap()).unwrap();
    let weights = HashMap::from([("w".to_owned(), w.as_tensor().clone())]);
    let vb = VarBuilder::from_tensors(weights, dtype, &Device::Cpu);
    let layer = QuantumLayer::with_config(circuit, measurement.clone(), config, vb).unwrap();
    let y = layer.forward(&x).unwrap();
    let c = Tensor::new(uniform(&mut rng, y.elem_count()), &Device::Cpu).unwrap().reshape(y.shape()).unwrap();
    let loss = (&y * &c.to_dtype(dtype).unwrap()).unwrap().sum_all().unwrap();
    let gradients = loss.backward().unwrap();
    let [dx, dw] = [&x, &w].map(|var| rows(gradients.get(var).unwrap()).concat());
    [rows(&y).concat(), dx, dw]
}

fn same(what: &str, found: &[Vec<f64>; 3], expected: &[Vec<f64>; 3], tolerance: f64) {
    for (found, expected) in found.iter().zip(expected) {
        close(what, found, expected, tolerance);
    }
}

#[test]
fn the_state_of_all_qubits_gives_the_same() {
    let rewrites = Rewrites::ALL.without(Rewrite::Cones);
    let several = Measurement::all([
        Measurement::expectation(local(16)),
        Measurement::probabilities([5, 4]),
        Measurement::expectation([X(9)]),
        Measurement::probabilities([15]),
    ]);
    for (measurement, batch) in [(Measurement::expectation(local(16)), 1), (several, 3)] {
        for (dtype, tolerance) in [(DType::F64, 1e-11), (DType::F32, 1e-4)] {
            let expected = QuantumLayerConfig { rewrites, ..Default::default() };
            let expected = step(shallow(16), &measurement, expected, dtype, batch);
            let found = step(shallow(16), &measurement, QuantumLayerConfig::default(), dtype, batch);
            same(&format!("{dtype:?}, batch {batch}"), &found, &expected, tolerance);
            // Without saved states.
            let limited = QuantumLayerConfig { memory_limit: Some(1 << 24), ..Default::default() };
            assert_eq!(step(shallow(16), &measurement, limited, dtype, batch), found);
        }
    }
}

/// The state of 50 qubits would take 16 PiB.
#[test]
fn many_qubits_against_pauli_propagation() {
    let measurement = Measurement::expectation(local(50));
    for batch in [1, 20] {
        let found = step(shallow(50), &measurement, QuantumLayerConfig::default(), DType::F64, batch);
        let simulation = Simulation::Pauli(PauliPropagation::default());
        let expected = QuantumLayerConfig { simulation, ..Default::default() };
        same("50 qubits", &found, &step(shallow(50), &measurement, expected, DType::F64, batch), 1e-11);
    }
}

/// A number that is none spoils all outputs of its sample, also those whose cones do not have it, and no other sample.
#[test]
fn a_nan_outside_a_cone_spoils_its_sample() -> anyhow::Result<()> {
    let weights = HashMap::from([("w".to_owned(), Tensor::ones((3, 20), DType::F64, &Device::Cpu)?)]);
    let vb = VarBuilder::from_tensors(weights, DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(shallow(20), Measurement::expectation([Z(0), Z(19)]), vb)?;
    let x = |last: f64| -> anyhow::Result<Tensor> {
        let mut x = vec![vec![0.2; 20]; 3];
        x[1][19] = last;
        Ok(tensor(&x, DType::F64))
    };
    let clean = rows(&layer.forward(&x(0.2)?)?);
    for last in [f64::NAN, f64::INFINITY] {
        let spoiled = rows(&layer.forward(&x(last)?)?);
        assert!(spoiled[1].iter().all(|y| y.is_nan()), "{spoiled:?}");
        assert_eq!([&spoiled[0], &spoiled[2]], [&clean[0], &clean[2]]);
    }
    Ok(())
}
