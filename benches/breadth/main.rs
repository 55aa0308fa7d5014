//! Workloads that users run, beyond the circuits that `step` times: chemistry, QAOA, kernels, probabilities, shots, second
//! derivatives, ensembles, images and others, through the public API. The table in benches/README.md has them beside peers.
//!
//! `cargo bench --bench breadth` runs all of them, ten minutes; `cargo bench --bench breadth -- uccsd` those with that in their
//! names.

#[path = "../cases/mod.rs"]
mod cases;
mod circuits;
mod numbers;
mod workloads;

use criterion::{Criterion, criterion_group, criterion_main};
use std::time::Duration;

fn breadth(criterion: &mut Criterion) {
    for (group, workloads) in workloads::all() {
        let mut group = criterion.benchmark_group(group);
        group.sample_size(10).measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_millis(300));
        for (name, workload) in workloads {
            group.bench_function(name, |bencher| {
                let mut step = workload().expect("a sound workload");
                bencher.iter(|| step().expect("a step"));
            });
        }
    }
}

criterion_group!(benches, breadth);
criterion_main!(benches);
