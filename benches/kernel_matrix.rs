//! The kernel matrix of 1000 x 1000 inputs on 8 qubits, states included: symmetric, and between two sets, in f32 and f64.

use candle_core::{DType, Device, Tensor};
use candlewick::{prelude::*, states};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::time::Duration;

const QUBITS: usize = 8;
const SAMPLES: usize = 1000;

fn kernels(criterion: &mut Criterion) {
    let mut circuit = Circuit::new(QUBITS);
    circuit.iqp_embedding((0..QUBITS).map(input), 2);
    let mut group = criterion.benchmark_group("kernel-matrix");
    group.sample_size(20).measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_millis(500));
    for dtype in [DType::F32, DType::F64] {
        let inputs = || Tensor::rand(-3f64, 3., (SAMPLES, QUBITS), &Device::Cpu).and_then(|x| x.to_dtype(dtype));
        let (x, y) = (inputs().expect("inputs"), inputs().expect("inputs"));
        for (name, other) in [("symmetric", None), ("cross", Some(&y))] {
            group.bench_function(BenchmarkId::new(name, dtype.as_str()), |bencher| {
                bencher.iter(|| states::kernel(&circuit, &x, other, &[]).expect("a kernel matrix"));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, kernels);
criterion_main!(benches);
