//! Values, gradients and outcomes of layers, within the scatter of their shots.

use super::{Own, through};
use crate::lab::{rows, tensor};
use crate::oracle::*;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::VarBuilder;
use candlewick::Simulation;
use candlewick::circuit::Amplitudes;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// Largest deviation, in standard deviations: seeds are fixed.
const SIGMAS: f64 = 5.0;

fn layer(circuit: &Circuit, measurement: &Measurement, config: QuantumLayerConfig, w: &[f64]) -> Result<QuantumLayer> {
    let tensors = HashMap::from([("w".to_owned(), Tensor::new(w, &Device::Cpu)?)]);
    let vb = VarBuilder::from_tensors(tensors, DType::F64, &Device::Cpu);
    Ok(QuantumLayer::with_config(circuit.clone(), measurement.clone(), config, vb)?)
}

/// A circuit with a gate of every form, conditions, controls on 0, measurements and resets.
fn example() -> Circuit {
    let mut circuit = Circuit::new(6).with_inputs(3);
    let w = circuit.weights("w", 4);
    circuit.h(0).s(1).t(0).sxdg(1).u(w.at(0), input(0), 0.3, 0).cx(0, 1).crx(w.at(1), 1, 0).cp(input(1), 0, 1);
    circuit.when(input(2).gt(0.0), |c| c.ry(input(2) + 0.2, 0).swap(0, 1).x(1));
    circuit.controlled_on([(1, false)], |c| c.rz(w.at(2), 0).y(2));
    circuit.controlled_on([(0, false), (1, false)], |c| c.global_phase(w.at(2)).pauli_rot(0.4, "XZ", [2, 3]));
    circuit.pauli_rot(w.at(3), "XY", [0, 2]).rzz(input(0) * w.at(0), 1, 2).barrier();
    circuit.measure(1, 4).controlled([4], |c| c.ry(w.at(1), 2)).reset(0, 5).rx(0.3, 0).ch(2, 3);
    circuit
}

const WEIGHTS: [f64; 4] = [0.4, -1.2, 2.1, 0.9];
const SAMPLES: [[f64; 3]; 3] = [[0.5, -0.7, 0.3], [1.5, 0.2, -0.6], [-0.3, 2.2, 0.8]];

fn samples() -> Tensor {
    tensor(&SAMPLES.map(Vec::from), DType::F64)
}

#[test]
fn values_are_exact_within_scatter() -> Result<()> {
    let hermitian = Obs::Hermitian(random_hermitian(&mut rng(4), 1), vec![2]).observable();
    let measurement = Measurement::all([
        Measurement::expectation([Z(0), X(1) * Y(2), Z(1) * Z(2) + 0.5 * X(3) + 0.25 * Observable::identity()]),
        Measurement::expectation([hermitian, Observable::projector_on([(2, true), (1, false)]) * X(3)]),
        Measurement::probabilities([2, 0, 4]),
        Measurement::variance([Z(0) + 0.5 * Z(1) * Z(2)]),
        Measurement::expectation([Z(2)]).postselect([(4, true)]),
    ]);
    let (circuit, own, shots) = (example(), Arc::new(Own::default()), 20_000);
    let exact = rows(&layer(&circuit, &measurement, QuantumLayerConfig::default(), &WEIGHTS)?.try_forward(&samples())?);
    let outside = layer(&circuit, &measurement, through(&own, shots), &WEIGHTS)?;
    assert!(matches!(outside.simulation()?, Simulation::External(_)));
    let found = rows(&outside.try_forward(&samples())?);
    for (found, exact) in found.concat().iter().zip(exact.concat()) {
        // No output has a deviation of more than 2, and values under the condition rest on a part of the shots.
        assert!((found - exact).abs() <= SIGMAS * 3.0 / (shots as f64).sqrt(), "{found} {exact}");
    }
    // The same on this crate's own shots, which the same groups serve.
    let config = QuantumLayerConfig { shots: Some(shots), ..Default::default() };
    assert_eq!(layer(&circuit, &measurement, config, &WEIGHTS)?.try_forward(&samples())?.dims(), [3, 16]);
    assert_eq!(own.runs() % 3, 0);
    Ok(())
}

/// Every gate of the table, under a condition, under controls and alone, on a state without symmetries.
#[test]
fn every_gate_is_written_as_it_acts() -> Result<()> {
    let (own, shots) = (Arc::new(Own::default()), 4000);
    for gate in Gate::all() {
        let width = gate.qubits().len();
        let angles = || (0..gate.angles().len()).map(|k| input(0) * (0.4 + 0.9 * k as f64)).collect::<Vec<_>>();
        let mut circuit = Circuit::new(width + 1).with_inputs(1);
        let turn = |circuit: &mut Circuit, by: f64| {
            (0..=width).for_each(|q| _ = circuit.ry(0.7 + by * q as f64, q).rz(1.1 - by * q as f64, q));
        };
        turn(&mut circuit, 0.4);
        let on = || (0..width).rev();
        circuit.gate(gate, angles(), on()).when(input(0).gt(0.0), |c| c.gate(gate, angles(), on()));
        circuit.when(input(0).lt(0.0), |c| c.gate(gate, angles(), on()));
        circuit.controlled_on([(width, false)], |c| c.gate(gate, angles(), on()));
        turn(&mut circuit, -0.9);
        let measurement = Measurement::probabilities(0..=width);
        let x = tensor(&[vec![0.8]], DType::F64);
        let exact = rows(&layer(&circuit, &measurement, QuantumLayerConfig::default(), &[])?.try_forward(&x)?).concat();
        let found = rows(&layer(&circuit, &measurement, through(&own, shots), &[])?.try_forward(&x)?).concat();
        for (found, exact) in found.iter().zip(exact) {
            let deviation = (exact * (1.0 - exact) / shots as f64).sqrt() + 1.0 / shots as f64;
            assert!((found - exact).abs() <= SIGMAS * deviation, "{gate:?}: {found} {exact} ± {deviation}");
        }
    }
    Ok(())
}

#[test]
fn gradients_are_exact_within_scatter() -> Result<()> {
    let (circuit, own, shots) = (example(), Arc::new(Own::default()), 20_000);
    let measurement = Measurement::expectation([Z(0) + 0.5 * X(2) * Z(3), Z(2)]);
    let gradients = |config: QuantumLayerConfig| -> Result<Vec<f64>> {
        let (x, w) = (Var::from_tensor(&samples())?, Var::new(&WEIGHTS, &Device::Cpu)?);
        let tensors = HashMap::from([("w".to_owned(), w.as_tensor().clone())]);
        let vb = VarBuilder::from_tensors(tensors, DType::F64, &Device::Cpu);
        let layer = QuantumLayer::with_config(circuit.clone(), measurement.clone(), config, vb)?;
        let store = (layer.try_forward(&x)? * tensor(&[vec![1.0, -0.7]], DType::F64).broadcast_as((3, 2))?)?;
        let store = store.sum_all()?.backward()?;
        let of = |var: &Var| store.get(var).expect("a gradient").flatten_all()?.to_vec1::<f64>();
        Ok([of(&x)?, of(&w)?].concat())
    };
    let exact = gradients(QuantumLayerConfig::default())?;
    let found = gradients(through(&own, shots))?;
    for (found, exact) in found.iter().zip(&exact) {
        // Sums of at most 12 shifted values for each of 3 samples, with factors of at most 1.
        assert!((found - exact).abs() <= SIGMAS * 6.0 / (shots as f64).sqrt(), "{found} {exact}");
    }
    Ok(())
}

/// Equal seeds give equal numbers, call by call; other seeds and further calls give others.
#[test]
fn seeds_give_the_same_numbers() -> Result<()> {
    let (circuit, own) = (example(), Arc::new(Own::default()));
    let measurement = Measurement::expectation([Z(0), X(2)]);
    let values = |seed: u64| -> Result<[Vec<Vec<f64>>; 2]> {
        let config = QuantumLayerConfig { seed, ..through(&own, 200) };
        let layer = layer(&circuit, &measurement, config, &WEIGHTS)?;
        Ok([rows(&layer.try_forward(&samples())?), rows(&layer.try_forward(&samples())?)])
    };
    let first = values(1)?;
    assert_eq!(first, values(1)?);
    assert_ne!(first, values(2)?);
    assert_ne!(first[0], first[1]);
    Ok(())
}

/// Samples times groups for values; for gradients also times shifts: two for a rotation, four under a control.
#[test]
fn executions_are_predictable() -> Result<()> {
    let own = Arc::new(Own::default());
    let mut circuit = Circuit::new(3);
    let w = circuit.weights("w", 2);
    circuit.ry(input(0), 0).rx(w.at(0), 1).crz(w.at(1), 0, 2).rx(0.3, 2).cx(0, 1);
    let measurement = Measurement::expectation([Z(0), Z(1) * Z(2), X(0) * Z(2), X(1), Observable::identity()]);
    let (x, w) = (Var::from_tensor(&samples().narrow(1, 0, 1)?)?, Var::new(&[0.4, 0.8], &Device::Cpu)?);
    let tensors = HashMap::from([("w".to_owned(), w.as_tensor().clone())]);
    let vb = VarBuilder::from_tensors(tensors, DType::F64, &Device::Cpu);
    let layer = QuantumLayer::with_config(circuit, measurement, through(&own, 10), vb)?;
    let y = layer.try_forward(&x)?;
    let groups = 2;
    assert_eq!(own.runs(), 3 * groups);
    y.sum_all()?.backward()?;
    assert_eq!(own.runs(), 3 * groups * (2 + 2 + 4));
    layer.forward_detached(&x.detach())?.sum_all()?;
    layer.try_forward(&x.detach())?.sum_all()?.backward()?;
    assert_eq!(own.runs(), 3 * groups * (1 + 1 + 2 + 4));
    layer.counts(Some(&x), 10)?;
    layer.sample(Some(&x), 0)?;
    assert_eq!(own.runs(), 3);
    // A sample with a NaN is not sent, and is NaN.
    let y = rows(&layer.forward_detached(&tensor(&[vec![f64::NAN], vec![0.2]], DType::F64))?);
    assert!(y[0].iter().all(|value| value.is_nan()) && y[1].iter().all(|value| value.is_finite()));
    assert_eq!(own.runs(), groups);
    Ok(())
}

/// Texts have the circuit's own gates, without those whose conditions do not hold.
#[test]
fn texts_are_as_the_circuit_is_written() -> Result<()> {
    let own = Arc::new(Own::default());
    let mut circuit = Circuit::new(2);
    circuit.h(0).ry(input(0), 0).when(input(0).gt(0.5), |c| c.x(1).ry(0.5, 1)).crx(input(0), 0, 1).cx(0, 1);
    let layer = layer(&circuit, &Measurement::expectation([Y(0) * X(1)]), through(&own, 10), &[])?;
    layer.try_forward(&tensor(&[vec![0.25], vec![0.75]], DType::F64))?;
    let gates = |text: &str| -> String {
        let lines = text.lines().skip_while(|line| !line.starts_with("h q")).map(|line| format!("{line}\n"));
        lines.collect()
    };
    let end = "sdg q[0];\nh q[0];\nh q[1];\nbit[2] c;\nc[0] = measure q[0];\nc[1] = measure q[1];\n";
    let texts = own.texts();
    let first = "h q[0];\nry(0.25) q[0];\ncrx(0.25) q[0], q[1];\ncx q[0], q[1];\n";
    assert_eq!(gates(&texts[0]), format!("{first}{end}"));
    let second = "h q[0];\nry(0.75) q[0];\nx q[1];\nry(0.5) q[1];\ncrx(0.75) q[0], q[1];\ncx q[0], q[1];\n";
    assert_eq!(gates(&texts[1]), format!("{second}{end}"));
    Ok(())
}

#[test]
fn outcomes_come_from_outside() -> Result<()> {
    let own = Arc::new(Own::default());
    let mut circuit = Circuit::new(3);
    circuit.ry(input(0), 0).cx(0, 2).x(1);
    let layer = layer(&circuit, &Measurement::expectation([Z(0)]), through(&own, 10), &[])?;
    let x = tensor(&[vec![0.0], vec![1.2]], DType::F64);
    let counts = layer.counts(Some(&x), 1000)?;
    assert_eq!(counts[0].iter().collect::<Vec<_>>(), [(&0b010, &1000)]);
    let ones = counts[1][&0b111] as f64;
    assert_eq!(counts[1][&0b010] + counts[1][&0b111], 1000);
    assert!((ones / 1000.0 - 0.6f64.sin().powi(2)).abs() < SIGMAS * 0.5 / 1000f64.sqrt());
    let bits = layer.sample(Some(&x), 500)?.to_vec3::<u32>()?;
    assert!(bits[0].iter().all(|shot| shot == &[0, 1, 0]));
    assert!(bits[1].iter().all(|shot| shot[0] == shot[2] && shot[1] == 1));
    // In random order, and not sorted.
    assert!(bits[1].windows(2).filter(|pair| pair[0] != pair[1]).count() > 100);
    let bell = tensor(&[vec![std::f64::consts::FRAC_PI_2]], DType::F64);
    let bits = layer.sample_in(&(X(0) * X(2)), Some(&bell), 50)?.to_vec3::<u32>()?;
    assert!(bits[0].iter().all(|shot| shot[0] == shot[2]));
    Ok(())
}

/// Asserts that a layer through an executor has the values of this crate's own engine.
#[track_caller]
fn has_the_same_values(circuit: &Circuit, measurement: &Measurement, x: &Tensor, largest: f64) -> Result<()> {
    let (own, shots) = (Arc::new(Own::default()), 10_000);
    let exact = rows(&layer(circuit, measurement, QuantumLayerConfig::default(), &[])?.try_forward(x)?);
    let found = rows(&layer(circuit, measurement, through(&own, shots), &[])?.try_forward(x)?);
    for (found, exact) in found.concat().iter().zip(exact.concat()) {
        assert!((found - exact).abs() <= largest * SIGMAS / (shots as f64).sqrt(), "{found} {exact}");
    }
    Ok(())
}

/// Samples of features become states, which texts prepare.
#[test]
fn embedded_samples() -> Result<()> {
    let mut circuit = Circuit::new(2);
    circuit.h(0).amplitude_embedding_on(0..4, [1], Amplitudes { complex: true, ..Default::default() }).cx(1, 0);
    let x = tensor(&[vec![3.0, 0.0, 0.0, 4.0], vec![0.1, 0.2, -0.4, 0.3]], DType::F64);
    has_the_same_values(&circuit, &Measurement::expectation([Z(1), Y(1) * X(0)]), &x, 1.0)?;
    let measurement = Measurement::expectation([Z(0), X(1), X(0) * Z(2), Y(1) * Y(2), Y(0), X(2), Z(0) * X(2)]);
    // Real features with signs, zeros and a length that is no power of two.
    let mut real = Circuit::new(3);
    real.amplitude_embedding(0..6).cx(0, 1);
    let x = tensor(&[vec![0.3, -0.7, 0.0, 0.2, -0.9, 0.4], vec![0.0, 0.0, 0.0, -2.0, 0.0, 1.0]], DType::F64);
    has_the_same_values(&real, &measurement, &x, 1.0)?;
    let options = Amplitudes { complex: true, zero_state: true, ..Default::default() };
    let mut complex = Circuit::new(3);
    complex.amplitude_embedding_on(0..10, [2, 0, 1], options).ry(0.4, 1);
    let x = [[0.3, -0.7, 0.0, 0.2, -0.9, 0.4, 0.1, 0.0, -0.6, 0.5], [0.0; 10]].map(Vec::from);
    has_the_same_values(&complex, &measurement, &tensor(&x, DType::F64), 1.0)
}

/// Dense matrices on several qubits are written gate by gate: in a circuit, under controls and conditions, and as the
/// bases of observables.
#[test]
fn dense_matrices() -> Result<()> {
    let random = &mut rng(11);
    let mut circuit = Circuit::new(4).with_inputs(1);
    (0..4).for_each(|q| _ = circuit.ry(0.4 + 0.5 * q as f64, q).rz(input(0) * (q as f64), q));
    let [two, three] = [2, 3].map(|qubits| random_unitary(random, qubits).concat());
    circuit.unitary(&three, [2, 0, 3]).controlled_on([(1, false)], |c| c.unitary(&two, [3, 0]));
    circuit
        .when(input(0).gt(0.0), |c| c.unitary(&two, [1, 2]))
        .when(input(0).lt(0.0), |c| c.unitary(&three, [0, 1, 2]));
    let hermitian = |qubits: Vec<usize>, random: &mut _| {
        let matrix = random_hermitian(random, qubits.len());
        Obs::Hermitian(matrix, qubits).observable()
    };
    let observables = [hermitian(vec![3, 1], random), hermitian(vec![0, 2, 1], random), Z(0) * X(3)];
    let x = tensor(&[vec![0.7], vec![-0.4]], DType::F64);
    has_the_same_values(&circuit, &Measurement::expectation(observables), &x, 8.0)?;
    has_the_same_values(&circuit, &Measurement::probabilities([0, 1, 2, 3]), &x, 0.5)
}
