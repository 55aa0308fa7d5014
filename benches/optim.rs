//! A step of Adam on gradients that are there: candlewick's, and candle's AdamW without decay, on the same variables.
//!
//! `cargo bench --bench optim`; figures in benches/README.md.

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, VarMap};
use candlewick::nn::SeededInit;
use candlewick::optim::{Adam, AdamConfig, variables};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::time::Duration;

/// Name, number of variables, entries of each.
const CASES: [(&str, usize, usize); 3] = [("angles", 1, 24), ("hybrid", 9, 660), ("large", 1, 1 << 22)];

/// Variables and a gradient of each.
fn problem(count: usize, entries: usize) -> candle_core::Result<(VarMap, GradStore)> {
    let varmap = VarMap::new();
    let vb = SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu);
    let uniform = candle_nn::Init::Uniform { lo: -1.0, up: 1.0 };
    let vars = (0..count).map(|k| vb.get_with_hints(entries, &format!("v{k}"), uniform));
    let vars: Vec<Tensor> = vars.collect::<candle_core::Result<_>>()?;
    let squares = vars.iter().map(|var| var.sqr()?.sum_all()).collect::<candle_core::Result<Vec<_>>>()?;
    let gradients = Tensor::stack(&squares, 0)?.sum_all()?.backward()?;
    Ok((varmap, gradients))
}

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("adam");
    group.sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(300));
    for (name, count, entries) in CASES {
        let (varmap, gradients) = problem(count, entries).expect("a problem");
        let mut ours = Adam::from_varmap(&varmap, AdamConfig::default()).expect("an optimiser");
        group.bench_function(BenchmarkId::new("candlewick", name), |bencher| {
            bencher.iter(|| ours.step(&gradients).expect("a step"));
        });
        let vars: Vec<Var> = variables(&varmap).expect("variables").into_iter().map(|(_, var)| var).collect();
        let params = ParamsAdamW { weight_decay: 0.0, ..Default::default() };
        let mut theirs = AdamW::new(vars, params).expect("an optimiser");
        group.bench_function(BenchmarkId::new("candle", name), |bencher| {
            bencher.iter(|| theirs.step(&gradients).expect("a step"));
        });
    }
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
