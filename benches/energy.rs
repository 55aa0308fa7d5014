//! An energy and its gradient: 20 qubits, 40 parameters, the transverse-field Ising ring, F32, through the public API. Metal-Q states 34 ms for an energy and gradient
//! of 20 qubits and 40 parameters on an Apple M3 Pro.
//!
//! `cargo bench --bench energy`; figures in benches/README.md.

use candle_core::{DType, Device};
use candle_nn::VarMap;
use candlewick::nn::SeededInit;
use candlewick::prelude::*;
use criterion::{Criterion, criterion_group, criterion_main};
use std::time::Duration;

const QUBITS: usize = 20;

fn layer(varmap: &VarMap, energy: Observable) -> QuantumLayer {
    let mut circuit = Circuit::new(QUBITS);
    circuit.real_amplitudes("theta", 1, Entanglement::Circular);
    let vb = SeededInit::new(1).var_builder(varmap, DType::F32, &Device::Cpu);
    QuantumLayer::new(circuit, Measurement::expectation([energy]), vb).expect("a layer")
}

fn energies(criterion: &mut Criterion) {
    let bonds = (0..QUBITS).map(|q| Z(q) * Z((q + 1) % QUBITS));
    let ising = bonds.chain((0..QUBITS).map(X)).reduce(|sum, term| sum + term).expect("terms");
    let mut group = criterion.benchmark_group("energy");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for (name, energy) in [("z", Z(0)), ("ising", ising)] {
        let varmap = VarMap::new();
        let layer = layer(&varmap, energy);
        group.bench_function(format!("{name}, energy and gradient"), |bencher| {
            bencher.iter(|| layer.evaluate().expect("energy").sum_all().expect("scalar").backward().expect("gradient"));
        });
    }
    group.finish();
}

criterion_group!(benches, energies);
criterion_main!(benches);
