//! The eigensolver as an optimiser over bit strings.

use crate::oracle::rng;
use candlewick::error::{MemoryError, TensorError, TrainingError};
use candlewick::prelude::*;
use candlewick::variational::{VqeOptimizer, VqeOptimizerConfig, VqeOptimum, VqeStopReason};
use candlewick::{Error, Mistake};
use rand::Rng;
use std::ops::ControlFlow;

fn optimizer(config: VqeOptimizerConfig) -> VqeOptimizer {
    VqeOptimizer::new(config).expect("a sound configuration")
}

fn costs(qubits: usize, seed: u64) -> Vec<f64> {
    let mut random = rng(seed);
    (0..1 << qubits).map(|_| random.random_range(-1.0..1.0)).collect()
}

fn minimum(costs: &[f64]) -> f64 {
    costs.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Number of lists, of 20 lists of random costs, whose minimum is found.
fn hits(qubits: usize, restarts: usize) -> usize {
    let found = |seed: u64| {
        let costs = costs(qubits, 100 * qubits as u64 + seed);
        let config = VqeOptimizerConfig { seed, restarts, ..Default::default() };
        let found = optimizer(config).minimize(&costs).expect("finite costs");
        assert_eq!(found.cost, costs[found.bits as usize]);
        found.cost == minimum(&costs)
    };
    (0..20).filter(|seed| found(*seed)).count()
}

#[test]
fn the_minimum_of_random_costs() {
    let single: Vec<usize> = (1..=6).map(|qubits| hits(qubits, 0)).collect();
    let four: Vec<usize> = (1..=6).map(|qubits| hits(qubits, 3)).collect();
    println!("of 20 lists: {single:?} in one run, {four:?} in four");
    for (k, (least_single, least_four)) in
        [(20, 20), (19, 20), (17, 19), (14, 18), (10, 15), (5, 11)].into_iter().enumerate()
    {
        assert!(single[k] >= least_single && four[k] >= least_four, "{} bits: {single:?}, {four:?}", k + 1);
    }
}

#[test]
fn what_it_found_is_consistent() {
    let costs = costs(4, 1);
    let found = optimizer(VqeOptimizerConfig::default()).minimize(&costs).expect("finite costs");
    let VqeOptimum { bits, qubits, cost, probability, probabilities, history, run, .. } = &found;
    assert_eq!((*qubits, probabilities.len(), history.len()), (4, 16, 101));
    assert!(*run <= 3);
    assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert_eq!(probabilities.iter().copied().fold(0.0, f64::max), *probability);
    assert_eq!((probabilities[*bits as usize], costs[*bits as usize]), (*probability, *cost));
    assert_eq!(u64::from_str_radix(&found.bit_string(), 2).expect("binary"), *bits);
    assert_eq!(found.bit_string().len(), 4);
    // It starts near the plain mean, and the mean under the final probabilities is the lowest of the history.
    let mean = costs.iter().sum::<f64>() / 16.0;
    assert!((history[0] - mean).abs() < 0.2, "{} and {mean}", history[0]);
    let last: f64 = probabilities.iter().zip(&costs).map(|(p, cost)| p * cost).sum();
    assert!((minimum(history) - last).abs() < 1e-12);
}

/// A factor that is a power of two changes no bit, whatever its size; others and offsets change no answer.
#[test]
fn offsets_and_scales_do_not_matter() {
    for qubits in 1..=4 {
        let costs = costs(qubits, 7 + qubits as u64);
        let run = |change: &dyn Fn(f64) -> f64| {
            let changed: Vec<f64> = costs.iter().map(|cost| change(*cost)).collect();
            let optimizer = optimizer(VqeOptimizerConfig { restarts: 0, ..Default::default() });
            optimizer.minimize(&changed).expect("finite costs")
        };
        let plain = run(&|cost| cost);
        for power in [-900, -3, 10, 1000] {
            let scaled = run(&|cost| cost * 2f64.powi(power));
            assert_eq!(scaled.probabilities, plain.probabilities, "2^{power}");
        }
        for changed in [run(&|cost| cost + 1e6), run(&|cost| 3e-5 * cost - 7.0), run(&|cost| 1e307 * cost)] {
            assert_eq!(changed.bits, plain.bits);
            assert!((changed.probability - plain.probability).abs() < 1e-3);
        }
    }
    // The largest numbers there are, whose difference is beyond the range.
    let found = optimizer(VqeOptimizerConfig::default()).minimize(&[f64::MAX, f64::MIN, 0.0, f64::MAX]);
    let found = found.expect("finite costs");
    assert!(found.bits == 1 && found.history.iter().all(|cost| cost.is_finite()), "{found:?}");
}

#[test]
fn equal_costs_have_no_best_string() {
    for cost in [0.0, -3.5, f64::MAX] {
        let found = optimizer(VqeOptimizerConfig::default()).minimize(&[cost; 8]).expect("finite costs");
        assert_eq!(found.cost, cost);
        assert!(found.history.iter().all(|mean| (mean - cost).abs() <= 1e-12 * cost.abs()), "{:?}", found.history);
    }
}

#[test]
fn functions_and_lists_agree() {
    let costs = costs(3, 5);
    let optimizer = optimizer(VqeOptimizerConfig { steps: 20, ..Default::default() });
    let list = optimizer.minimize(&costs).expect("finite costs");
    let mut asked = Vec::new();
    let function = optimizer.minimize_with(3, |bits| {
        asked.push(bits);
        costs[bits as usize]
    });
    assert_eq!(function.expect("finite costs"), list);
    assert_eq!(asked, (0..8).collect::<Vec<_>>());
    // The same again, bit for bit.
    assert_eq!(optimizer.minimize(&costs).expect("finite costs"), list);
}

#[test]
fn restarts_are_further_runs() {
    let costs = costs(6, 12);
    let of = |restarts, seed| {
        let config = VqeOptimizerConfig { restarts, seed, steps: 60, ..Default::default() };
        optimizer(config).minimize(&costs).expect("finite costs")
    };
    let singles: Vec<VqeOptimum> = (0..4).map(|seed| of(0, seed)).collect();
    let all = of(3, 0);
    let rank = |of: &VqeOptimum| (of.cost, -of.probability);
    assert!(singles.iter().all(|single| rank(&all) <= rank(single)));
    assert_eq!(all.probabilities, singles[all.run].probabilities);
}

#[test]
fn a_watcher_can_end_it() {
    let mut seen = Vec::new();
    let found = optimizer(VqeOptimizerConfig { steps: 5, ..Default::default() })
        .minimize_watched(&costs(2, 3), |run, at| {
            seen.push((run, at.step));
            if (run, at.step) == (1, 2) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .expect("finite costs");
    assert_eq!(seen, [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (1, 0), (1, 1), (1, 2)]);
    assert!(found.run <= 1);
}

#[test]
fn a_circuit_of_ones_own() {
    let mut circuit = Circuit::new(3);
    circuit.strongly_entangling_layers("w", 2);
    let optimizer = optimizer(VqeOptimizerConfig { ansatz: Some(circuit), ..Default::default() });
    let found = optimizer.minimize(&[1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 7.0, 8.0]).expect("finite costs");
    assert_eq!((found.bits, found.bit_string().as_str()), (5, "101"));
    let error = optimizer.minimize(&[1.0, 2.0]).expect_err("another number of bits").to_string();
    assert_eq!(error, "costs: expected 2^3 cost(s), got 2");
}

#[test]
fn costs_that_are_none() {
    let optimizer = optimizer(VqeOptimizerConfig::default());
    for count in [0, 1, 3, 12] {
        let error = optimizer.minimize(&vec![1.0; count]).expect_err("no power of two");
        assert!(
            matches!(error, Error::Training(TrainingError::Costs(Mistake::Length { actual, .. })) if actual == count),
            "{error}"
        );
    }
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = optimizer.minimize(&[1.0, 2.0, bad, 3.0]).expect_err("not finite");
        assert!(matches!(error, Error::Training(TrainingError::CostNotFinite { bits: 2, .. })), "{error}");
        let error = optimizer.minimize_with(2, |bits| if bits == 3 { bad } else { 0.0 }).expect_err("not finite");
        assert!(matches!(error, Error::Training(TrainingError::CostNotFinite { bits: 3, .. })), "{error}");
    }
    let never = |_| -> f64 { panic!("memory is checked first") };
    assert!(matches!(optimizer.minimize_with(0, never), Err(Error::Circuit { mistake: Mistake::NoQubits, .. })));
    assert!(matches!(
        optimizer.minimize_with(50, never),
        Err(Error::Memory(MemoryError::Numbers { what: "costs", .. }))
    ));
    assert!(matches!(
        optimizer.minimize_with(58, never),
        Err(Error::Memory(MemoryError::Numbers { what: "costs", .. }))
    ));
    assert!(matches!(optimizer.minimize_with(usize::MAX, never), Err(Error::Circuit { .. })));
}

#[test]
fn settings_out_of_range() {
    let new = |config| VqeOptimizer::new(config).map(drop);
    for bad in [f64::NAN, f64::INFINITY, -0.1] {
        let error = new(VqeOptimizerConfig { learning_rate: bad, ..Default::default() }).expect_err("out of range");
        assert!(matches!(error, Error::Setting { setting: "learning_rate", .. }), "{error}");
    }
    let mut reads = Circuit::new(2);
    reads.rx(input(0), 0);
    let error = new(VqeOptimizerConfig { ansatz: Some(reads), ..Default::default() }).expect_err("it reads inputs");
    assert!(matches!(error, Error::Tensor(TensorError::MissingInputs { expected: 1 })), "{error}");
    let layers = optimizer(VqeOptimizerConfig { layers: usize::MAX, ..Default::default() });
    assert!(matches!(layers.minimize(&[0.0, 1.0]), Err(Error::Circuit { .. })));
}

/// Its fields are public, so that they may be anything.
#[test]
fn the_string_of_any_optimum() -> anyhow::Result<()> {
    let mut found = optimizer(VqeOptimizerConfig::default()).minimize(&[0.0, 1.0, 2.0, -1.0])?;
    assert_eq!(found.bit_string(), "11");
    (found.bits, found.qubits) = (5, usize::MAX);
    assert_eq!(found.bit_string(), format!("{:058b}", 5));
    (found.bits, found.qubits) = (u64::MAX, 0);
    assert_eq!(found.bit_string(), "1".repeat(64));
    Ok(())
}

/// A circuit that starts where nothing moves gives the string of its initial weights, and says that no step was made.
#[test]
fn a_search_that_never_moves_says_so() -> anyhow::Result<()> {
    let mut ansatz = Circuit::new(2);
    let w = ansatz.weights_with_init("w", 2, candle_nn::Init::Const(0.0));
    ansatz.ry(w.at([0]), 0).ry(w.at([1]), 1);
    let still = VqeOptimizerConfig { ansatz: Some(ansatz), ..Default::default() };
    let found = VqeOptimizer::new(still)?.minimize(&[3.0, 2.0, 1.0, 0.0])?;
    assert_eq!((found.bits, found.stop_reason, found.history.len()), (0, VqeStopReason::Start, 1));
    let found = VqeOptimizer::new(VqeOptimizerConfig::default())?.minimize(&[3.0, 2.0, 1.0, 0.0])?;
    assert_eq!(found.bits, 3);
    assert_ne!(found.stop_reason, VqeStopReason::Start);
    Ok(())
}
