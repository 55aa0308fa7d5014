//! The timed workloads: RY(x) on every qubit, then `layers` times RZ RY RZ on every qubit and a ring of CX, <Z> of every
//! qubit; forward, and forward with the gradient of `sum(out * c)` in inputs and weights, in f32. `step` goes through the public
//! API, candle's own operations included; `engine` is the same without candle.
//!
//! `cargo bench --bench step` runs all of them. With the feature `cuda` the layers are on the first NVIDIA GPU, and each time
//! ends when the device has finished; `engine` stays the CPU's.

mod cases;

use candle_core::{DType, Device, Module, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use candlewick::__private::bench::step;
use candlewick::prelude::*;
use cases::{CASES, circuit};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::time::Duration;

fn device() -> Device {
    match candle_core::utils::cuda_is_available() {
        true => Device::new_cuda(0).expect("the feature `cuda` is timed on an NVIDIA GPU"),
        false => Device::Cpu,
    }
}

fn steps(criterion: &mut Criterion) {
    let device = device();
    let finish = || device.synchronize().expect("the device finishes its work");
    let mut group = criterion.benchmark_group("step");
    group.sample_size(10).measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_millis(500));
    for (name, qubits, layers, batch) in CASES {
        let varmap = VarMap::new();
        let vb = VarBuilder::from_varmap(&varmap, DType::F32, &device);
        let measurement = Measurement::expectation((0..qubits).map(Z));
        let layer = QuantumLayer::new(circuit(qubits, layers), measurement, vb).expect("a valid circuit");
        let x = Var::rand(-3f32, 3., (batch, qubits), &device).expect("inputs");
        let c = Tensor::randn(0f32, 1., (batch, qubits), &device).expect("cotangent");
        group.bench_function(BenchmarkId::new("forward", name), |bencher| {
            bencher.iter(|| {
                let y = layer.forward_detached(&x).expect("forward");
                finish();
                y
            });
        });
        let flat = |tensor: &Tensor| -> Vec<f32> { tensor.flatten_all().and_then(|t| t.to_vec1()).expect("f32") };
        let weights: Vec<f32> = layer.weights().flat_map(|(_, tensor)| flat(tensor)).collect();
        let (inputs, cotangent) = (flat(&x), flat(&c));
        let engine = |cotangent: Option<&[f32]>| step(layer.program(), &inputs, &weights, cotangent).expect("a step");
        group.bench_function(BenchmarkId::new("engine-forward", name), |bencher| bencher.iter(|| engine(None)));
        group.bench_function(BenchmarkId::new("engine-gradient", name), |bencher| {
            bencher.iter(|| engine(Some(&cotangent)));
        });
        group.bench_function(BenchmarkId::new("gradient", name), |bencher| {
            bencher.iter(|| {
                let loss = layer.forward(&x).and_then(|y| (y * &c)?.sum_all()).expect("forward");
                let gradients = loss.backward().expect("gradient");
                finish();
                gradients
            });
        });
    }
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
