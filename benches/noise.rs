//! A noisy layer: forward pass, and forward and gradient, on n qubits and so many samples.
//!
//! RY of a feature on each qubit; four layers of RZ RY RZ and depolarizing 0.01 on each qubit, a ring of CX, each followed
//! by depolarizing 0.01 on both of its qubits, and amplitude damping 0.02 on each qubit; Z of each qubit.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarMap;
use candlewick::Simulation;
use candlewick::nn::SeededInit;
use candlewick::prelude::*;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::time::Duration;

const LAYERS: usize = 4;

/// With damping, or with Pauli noise alone.
fn circuit(n: usize, damping: bool) -> Circuit {
    let mut circuit = Circuit::new(n);
    let w = circuit.weights("w", (LAYERS, n, 3));
    (0..n).for_each(|q| _ = circuit.ry(input(q), q));
    for l in 0..LAYERS {
        for q in 0..n {
            circuit.rz(w.at([l, q, 0]), q).ry(w.at([l, q, 1]), q).rz(w.at([l, q, 2]), q).depolarizing(0.01, q);
        }
        for q in 0..n {
            let next = (q + 1) % n;
            circuit.cx(q, next).depolarizing(0.01, q).depolarizing(0.01, next);
        }
        if damping {
            (0..n).for_each(|q| _ = circuit.amplitude_damping(0.02, q));
        }
    }
    circuit
}

fn density(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("density");
    group.sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    for dtype in [DType::F32, DType::F64] {
        for (n, batch) in [(4, 1), (4, 32), (6, 1), (6, 32), (8, 1), (8, 32), (10, 1)] {
            let vb = SeededInit::new(1).var_builder(&VarMap::new(), dtype, &Device::Cpu);
            let layer =
                QuantumLayer::new(circuit(n, true), Measurement::expectation((0..n).map(Z)), vb).expect("a layer");
            let x = Tensor::rand(0f32, 3., (batch, n), &Device::Cpu).and_then(|x| x.to_dtype(dtype)).expect("inputs");
            let x = Var::from_tensor(&x).expect("a variable");
            let id = |what: &str| BenchmarkId::new(what, format!("{dtype:?}/{n},{batch}"));
            group.bench_function(id("forward"), |b| b.iter(|| layer.forward_detached(&x).expect("outputs")));
            group.bench_function(id("gradient"), |b| {
                let loss = || layer.try_forward(&x).expect("outputs").sum_all().expect("a sum");
                b.iter(|| loss().backward().expect("gradients"))
            });
        }
    }
    group.finish();
}

/// A thousand trajectories of one sample, without the damping.
fn trajectories(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("trajectories");
    group.sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    for n in [4, 8, 10] {
        let vb = SeededInit::new(1).var_builder(&VarMap::new(), DType::F32, &Device::Cpu);
        let config = QuantumLayerConfig { simulation: Simulation::Trajectories { count: 1000 }, ..Default::default() };
        let measurement = Measurement::expectation((0..n).map(Z));
        let layer = QuantumLayer::with_config(circuit(n, false), measurement, config, vb).expect("a layer");
        let x = Tensor::rand(0f32, 3., (1, n), &Device::Cpu).and_then(|x| Var::from_tensor(&x)).expect("inputs");
        group.bench_function(BenchmarkId::new("gradient", n), |b| {
            let loss = || layer.try_forward(&x).expect("outputs").sum_all().expect("a sum");
            b.iter(|| loss().backward().expect("gradients"))
        });
    }
    group.finish();
}

criterion_group!(benches, density, trajectories);
criterion_main!(benches);
