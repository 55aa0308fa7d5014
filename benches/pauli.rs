//! Pauli propagation, F32, through the public API: the kicked Ising model on the 127 qubits of a heavy-hex lattice, 64 outputs of a layer on 64 qubits, an
//! energy of a ring of 40, and a noisy layer on 100; values, values with gradients in all inputs and weights, and the making of paths.
//!
//! `cargo bench --bench pauli`; figures in benches/README.md.

#[path = "../examples/common/heavy_hex.rs"]
mod heavy_hex;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarMap;
use candlewick::nn::{QuantumLayerConfig, SeededInit};
use candlewick::prelude::*;
use candlewick::{PauliPropagation, Simulation};
use criterion::{Criterion, criterion_group, criterion_main};
use std::f64::consts::{FRAC_PI_2, PI};
use std::time::Duration;

/// Kicks by an angle of each step, which is a feature of the sample, and quarter turns about ZZ.
fn kicked(steps: usize) -> Circuit {
    let mut circuit = Circuit::new(127);
    for step in 0..steps {
        (0..127).for_each(|q| _ = circuit.rx(input(step), q));
        heavy_hex::edges().into_iter().for_each(|[a, b]| _ = circuit.rzz(-FRAC_PI_2, a, b));
    }
    circuit
}

/// Features as rotations, and three layers of rotations and CX in two halves.
fn brick(qubits: usize, noise: f64) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    let w = circuit.weights("w", (3, qubits, 3));
    (0..qubits).for_each(|q| _ = circuit.ry(input(q), q));
    for layer in 0..3 {
        for q in 0..qubits {
            let angle = |k: usize| w.at([layer, q, k]);
            circuit.rz(angle(0), q).ry(angle(1), q).rz(angle(2), q);
        }
        for q in (0..qubits).step_by(2).chain((1..qubits).step_by(2)) {
            circuit.cx(q, (q + 1) % qubits);
        }
        if noise > 0.0 {
            (0..qubits).for_each(|q| _ = circuit.depolarizing(noise, q));
        }
    }
    circuit
}

/// Layers of bonds and fields on a ring.
fn ring(qubits: usize) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    let w = circuit.weights("w", (4, 2, qubits));
    (0..qubits).for_each(|q| _ = circuit.ry(FRAC_PI_2, q));
    for layer in 0..4 {
        (0..qubits).for_each(|q| _ = circuit.rzz(w.at([layer, 0, q]), q, (q + 1) % qubits));
        (0..qubits).for_each(|q| _ = circuit.rx(w.at([layer, 1, q]), q));
    }
    circuit
}

fn layer(circuit: Circuit, observables: Vec<Observable>, weight: u32) -> QuantumLayer {
    let vb = SeededInit::new(1).var_builder(&VarMap::new(), DType::F32, &Device::Cpu);
    let simulation = Simulation::Pauli(PauliPropagation::with_weight(weight));
    let config = QuantumLayerConfig { simulation, ..Default::default() };
    QuantumLayer::with_config(circuit, Measurement::expectation(observables), config, vb).expect("a layer")
}

fn samples(batch: usize, features: usize) -> Var {
    let numbers: Vec<f32> = (0..batch * features).map(|k| (0.3 + 0.01 * (k as f64 * PI).sin()) as f32).collect();
    Var::from_tensor(&Tensor::from_vec(numbers, (batch, features), &Device::Cpu).expect("samples")).expect("a variable")
}

fn propagation(criterion: &mut Criterion) {
    let z = |qubits: usize| (0..qubits).map(Z).collect::<Vec<_>>();
    let ising = (0..40).map(|q| -1.0 * Z(q) * Z((q + 1) % 40) - X(q)).reduce(|sum, term| sum + term).expect("terms");
    let cases = [
        ("kicked 5, W 8", kicked(5), vec![Z(62)], 8, vec![1, 16]),
        ("kicked 7, W 8", kicked(7), vec![Z(62)], 8, vec![1, 16]),
        ("kicked 9, W 8", kicked(9), vec![Z(62)], 8, vec![1, 16]),
        ("64 outputs, W 6", brick(64, 0.0), z(64), 6, vec![1, 16, 64]),
        ("ring of 40, W 6", ring(40), vec![ising], 6, vec![1]),
        ("noisy 100, W 6", brick(100, 0.01), z(100), 6, vec![1, 16]),
    ];
    let mut group = criterion.benchmark_group("pauli");
    group.sample_size(10).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    for (name, circuit, observables, weight, batches) in cases {
        group.bench_function(format!("{name}, making"), |bencher| {
            bencher.iter(|| layer(circuit.clone(), observables.clone(), weight).paths().expect("paths"));
        });
        let layer = layer(circuit.clone(), observables, weight);
        for batch in batches {
            let x = (circuit.inputs() > 0).then(|| samples(batch, circuit.inputs()));
            let run = || match &x {
                Some(x) => layer.try_forward(x).expect("values"),
                None => layer.evaluate().expect("values"),
            };
            group.bench_function(format!("{name}, {batch}, values"), |bencher| bencher.iter(run));
            group.bench_function(format!("{name}, {batch}, values and gradient"), |bencher| {
                bencher.iter(|| run().sum_all().expect("a sum").backward().expect("gradients"));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, propagation);
criterion_main!(benches);
