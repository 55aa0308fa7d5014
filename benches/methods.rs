//! Outcomes, gradient methods and second derivatives.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarMap;
use candlewick::functional::{self, MetricTensor, Wrt};
use candlewick::nn::SeededInit;
use candlewick::prelude::*;
use criterion::{Criterion, criterion_group, criterion_main};
use std::time::Duration;

fn build(circuit: &Circuit, measurement: Measurement, config: QuantumLayerConfig) -> QuantumLayer {
    let varmap = VarMap::new();
    let vb = SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu);
    QuantumLayer::with_config(circuit.clone(), measurement, config, vb).expect("a layer")
}

/// A million shots of 20 qubits, the state included.
fn outcomes(criterion: &mut Criterion) {
    let mut circuit = Circuit::new(20);
    circuit.strongly_entangling_layers("w", 3);
    let layer = build(&circuit, Measurement::expectation([Z(0)]), QuantumLayerConfig::default());
    let mut group = criterion.benchmark_group("outcomes");
    group.sample_size(10).measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_millis(500));
    group.bench_function("sample", |b| b.iter(|| layer.sample(None, 1_000_000).expect("outcomes")));
    group.bench_function("counts", |b| b.iter(|| layer.counts(None, 1_000_000).expect("outcomes")));
    group.finish();
}

/// A training step of 4 qubits, 2 layers of 12 angles, 32 samples: case a of `step.rs`.
fn gradients(criterion: &mut Criterion) {
    let mut circuit = Circuit::new(4);
    let w = circuit.weights("w", (2, 4, 3));
    (0..4).for_each(|q| _ = circuit.ry(input(q), q));
    for l in 0..2 {
        for q in 0..4 {
            circuit.rz(w.at([l, q, 0]), q).ry(w.at([l, q, 1]), q).rz(w.at([l, q, 2]), q);
        }
        (0..4).for_each(|q| _ = circuit.cx(q, (q + 1) % 4));
    }
    let measurement = Measurement::expectation((0..4).map(Z));
    let x = Tensor::rand(-1f32, 1., (32, 4), &Device::Cpu).expect("inputs");
    let mut group = criterion.benchmark_group("gradient");
    group.sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    let methods = [
        ("adjoint", GradientMethod::Adjoint, None),
        ("shift", GradientMethod::ParameterShift, None),
        ("differences", GradientMethod::FiniteDifference { step: 1e-3, order: 2 }, None),
        ("spsa", GradientMethod::Spsa { samples: 1, step: 1e-3, seed: 1 }, None),
        ("shots-1000", GradientMethod::Auto, Some(1000)),
    ];
    for (name, gradient, shots) in methods {
        let layer = build(&circuit, measurement.clone(), QuantumLayerConfig { gradient, shots, ..Default::default() });
        group.bench_function(name, |b| {
            b.iter(|| layer.try_forward(&x).expect("outputs").sum_all().expect("a sum").backward().expect("gradients"))
        });
    }
    group.finish();

    let weights = Tensor::rand(0f64, 6., (2, 4, 3), &Device::Cpu).expect("weights");
    let (weights, x) = ([("w", &weights)], x.to_dtype(DType::F64).expect("inputs"));
    let energy = Measurement::expectation([Z(0)]);
    let mut group = criterion.benchmark_group("second-order");
    group.sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    group.bench_function("hessian", |b| {
        b.iter(|| functional::hessian(&circuit, &energy, Some(&x), &weights, Wrt::Weights).expect("a matrix"))
    });
    group.bench_function("metric-tensor", |b| {
        let full = MetricTensor::Full;
        b.iter(|| functional::metric_tensor(&circuit, Some(&x), &weights, Wrt::Weights, full).expect("a matrix"))
    });
    group.finish();
}

criterion_group!(benches, outcomes, gradients);
criterion_main!(benches);
