//! A random search against its members, each trained alone.

use crate::lab::close;
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Optimizer, VarMap};
use candlewick::Error;
use candlewick::error::{MemoryError, TensorError, TrainingError};
use candlewick::nn::{RandomSearch, RandomSearchConfig, SeededInit};
use candlewick::optim::{Adam, AdamConfig};
use candlewick::prelude::*;

fn circuit() -> Circuit {
    let mut circuit = Circuit::new(2);
    circuit.ry(input(0), 0).ry(input(1), 1);
    circuit.strongly_entangling_layers("w", 1);
    let v = circuit.weights("v", ());
    circuit.rz(v.at([]), 1).cx(0, 1);
    circuit
}

fn points() -> Result<(Tensor, Tensor)> {
    let x: Vec<f64> = (0..40).map(|k| (f64::from(k) * 0.7).sin()).collect();
    let x = Tensor::from_vec(x, (20, 2), &Device::Cpu)?;
    let y = x.sum(1)?.sin()?.unsqueeze(1)?;
    Ok((x, y))
}

#[test]
fn members_are_runs_of_their_own() -> Result<()> {
    let (x, y) = points()?;
    let measurement = || Measurement::expectation([Z(1)]);
    let config =
        RandomSearchConfig { members: 5, steps: 12, seed: 40, learning_rates: (0.01, 0.3), ..Default::default() };
    let search = RandomSearch::new(&circuit(), &measurement(), config.clone())?;
    let loss = |outputs: &Tensor| outputs.broadcast_sub(&y)?.sqr()?.mean((1, 2));
    let trials = search.run(Some(&x), loss)?;
    assert!(trials.windows(2).all(|pair| pair[0].loss <= pair[1].loss));
    let mut seeds: Vec<u64> = trials.iter().map(|trial| trial.seed).collect();
    seeds.sort_unstable();
    assert_eq!(seeds, [40, 41, 42, 43, 44]);
    for trial in &trials {
        assert!((0.01..=0.3).contains(&trial.learning_rate));
        let varmap = VarMap::new();
        let vb = SeededInit::new(trial.seed).var_builder(&varmap, DType::F64, &Device::Cpu);
        let layer = QuantumLayer::new(circuit(), measurement(), vb)?;
        let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(trial.learning_rate))?;
        let (mut losses, mut weights) = (Vec::new(), Vec::new());
        for step in 0..=12 {
            let loss = (layer.try_forward(&x)? - &y)?.sqr()?.mean_all()?;
            losses.push(loss.to_scalar::<f64>()?);
            let copy = |(name, weight): (&str, &Tensor)| Ok((name.to_owned(), weight.flatten_all()?.to_vec1::<f64>()?));
            weights.push(layer.weights().map(copy).collect::<Result<Vec<_>>>()?);
            if step < 12 {
                adam.backward_step(&loss)?;
            }
        }
        close("losses", &trial.losses, &losses, 1e-11);
        let best = trial.best.expect("a finite loss");
        assert_eq!((trial.loss, trial.weights.len()), (trial.losses[best], 2));
        assert!(trial.losses.iter().all(|loss| trial.loss <= *loss));
        for (name, own) in &weights[best] {
            close(name, &trial.weights[name].flatten_all()?.to_vec1::<f64>()?, own, 1e-11);
        }
    }
    let again = RandomSearch::new(&circuit(), &measurement(), config)?.run(Some(&x), loss)?;
    assert!(again.iter().zip(&trials).all(|(again, first)| again.losses == first.losses));
    Ok(())
}

/// With steps that are too large the last loss of a member is not its lowest. Members are in the order of their lowest
/// losses, and their weights are at these: the loss of the weights is computed once more, by a layer.
#[test]
fn the_lowest_point_counts() -> Result<()> {
    let (x, y) = points()?;
    let measurement = || Measurement::expectation([Z(1)]);
    let config = RandomSearchConfig { members: 6, steps: 15, learning_rates: (0.5, 2.0), ..Default::default() };
    let loss = |outputs: &Tensor| outputs.broadcast_sub(&y)?.sqr()?.mean((1, 2));
    let trials = RandomSearch::new(&circuit(), &measurement(), config)?.run(Some(&x), loss)?;
    let lowest = |losses: &[f64]| losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(trials.iter().all(|trial| trial.loss == lowest(&trial.losses)));
    assert!(trials.windows(2).all(|pair| pair[0].loss <= pair[1].loss));
    assert!(trials.iter().all(|trial| trial.losses[15] > trial.loss + 1e-3), "the last loss of each is worse");
    let last: Vec<f64> = trials.iter().map(|trial| trial.losses[15]).collect();
    assert!(last.windows(2).any(|pair| pair[0] > pair[1]), "the last losses have another order");
    for trial in &trials {
        let vb =
            candle_nn::VarBuilder::from_tensors(trial.weights.clone().into_iter().collect(), DType::F64, &Device::Cpu);
        let layer = QuantumLayer::new(circuit(), measurement(), vb)?;
        let found = (layer.try_forward(&x)? - &y)?.sqr()?.mean_all()?.to_scalar::<f64>()?;
        close("loss of the weights", &[found], &[trial.loss], 1e-12);
    }
    Ok(())
}

/// An input that is no number is found where the first loss is none.
#[test]
fn an_input_that_is_no_number() -> Result<()> {
    let (x, y) = points()?;
    let config = RandomSearchConfig { members: 3, steps: 4, ..Default::default() };
    let search = RandomSearch::new(&circuit(), &Measurement::expectation([Z(1)]), config)?;
    let loss = |outputs: &Tensor| outputs.broadcast_sub(&y)?.sqr()?.mean((1, 2));
    let mut rows = x.to_vec2::<f64>()?;
    rows[7][1] = f64::NAN;
    let error = search.run(Some(&Tensor::new(rows, &Device::Cpu)?), loss).unwrap_err();
    assert!(
        matches!(error, Error::Tensor(TensorError::FeatureNotFinite { sample: 7, feature: 1, value, .. }) if value.is_nan()),
        "{error}"
    );
    Ok(())
}

/// Members beyond the memory are refused with both numbers, before one is made. A member counts for all the bytes that
/// it takes, also with a few weights, and so do the losses of its steps.
#[test]
fn members_beyond_the_memory() -> Result<()> {
    let mut single = Circuit::new(2);
    single.ry(input(0), 0).ry(input(1), 1);
    single.strongly_entangling_layers("w", 1);
    let search = |circuit: &Circuit, members, steps| {
        let config = RandomSearchConfig { members, steps, ..Default::default() };
        RandomSearch::new(circuit, &Measurement::expectation([Z(1)]), config)
    };
    let needed = |circuit: &Circuit, members: usize, steps: usize| match search(circuit, members, steps).map(|_| ()) {
        Err(Error::Memory(MemoryError::Numbers { needed, budget, .. })) => {
            assert!(needed.is_none_or(|needed| needed > budget));
            needed
        }
        other => panic!("{members} members, {steps} steps: {other:?}"),
    };
    let (x, y) = points()?;
    let loss = |outputs: &Tensor| outputs.broadcast_sub(&y)?.sqr()?.mean((1, 2));
    // Largest sum of all that is allocated at the same time, by this thread.
    let peak = |circuit: &Circuit, members: usize| -> Result<f64> {
        let search = search(circuit, members, 1)?;
        let mut outcome = None;
        let counted = allocation_counter::measure(|| outcome = Some(search.run(Some(&x), loss)));
        outcome.expect("a run")?;
        Ok(counted.bytes_max as f64)
    };
    let many = 1usize << 40;
    for circuit in [&single, &circuit()] {
        let each = (peak(circuit, 600)? - peak(circuit, 200)?) / 400.0;
        let counted = needed(circuit, many, 1).expect("countable") as f64 / many as f64;
        assert!(each <= counted && counted < 2.0 * each, "a member takes {each} bytes, and counts for {counted}");
        let with_steps = needed(circuit, many, 101).expect("countable") as f64 / many as f64;
        assert!(with_steps >= counted + 100.0 * 8.0);
    }
    let circuit = circuit();
    assert_eq!((needed(&circuit, 1, usize::MAX), needed(&circuit, usize::MAX, 1)), (None, None));
    Ok(())
}

/// A member whose loss is no number ends; the others go on as they would without it.
#[test]
fn a_member_that_fails() -> Result<()> {
    let (x, y) = points()?;
    let config = RandomSearchConfig { members: 3, steps: 4, learning_rates: (0.1, 0.1), ..Default::default() };
    let search = RandomSearch::new(&circuit(), &Measurement::expectation([Z(1)]), config)?;
    let loss = |outputs: &Tensor| outputs.broadcast_sub(&y)?.sqr()?.mean((1, 2));
    let good = search.run(Some(&x), loss)?;
    assert!(good.iter().all(|trial| trial.learning_rate == 0.1));
    let spoiled = |outputs: &Tensor| loss(outputs)? * Tensor::new(&[1.0, f64::NAN, 1.0], &Device::Cpu)?;
    let trials = search.run(Some(&x), spoiled)?;
    assert!(trials[2].seed == 1 && trials[2].loss.is_nan() && trials[2].losses.len() == 1);
    for trial in &trials[..2] {
        let same = good.iter().find(|other| other.seed == trial.seed).expect("the same member");
        assert_eq!(trial.losses, same.losses);
    }
    Ok(())
}

#[test]
fn searches_that_are_refused() -> Result<()> {
    let z = Measurement::expectation([Z(1)]);
    let new = |config| RandomSearch::new(&circuit(), &z, config).map(drop).expect_err("refused");
    let base = RandomSearchConfig::default;
    assert!(matches!(new(RandomSearchConfig { members: 0, ..base() }), Error::Setting { setting: "members", .. }));
    for learning_rates in [(0.0, 0.1), (0.2, 0.1), (0.1, f64::INFINITY), (f64::NAN, 0.1)] {
        let error = new(RandomSearchConfig { learning_rates, ..base() });
        assert!(matches!(error, Error::Setting { setting: "learning_rates", .. }), "{error}");
    }
    assert!(matches!(new(RandomSearchConfig { members: usize::MAX, ..base() }), Error::Memory(_)));
    let adam = AdamConfig { beta1: 2.0, ..Default::default() };
    assert!(matches!(new(RandomSearchConfig { adam, ..base() }), Error::Setting { of: "Adam", .. }));
    let mut fixed = Circuit::new(1);
    fixed.h(0);
    let error = RandomSearch::new(&fixed, &Measurement::expectation([Z(0)]), base()).unwrap_err();
    assert!(matches!(error, Error::Training(TrainingError::NoVariables { .. })), "{error}");
    let (x, _) = points()?;
    let search = RandomSearch::new(&circuit(), &z, RandomSearchConfig { members: 2, steps: 1, ..base() })?;
    let error = search.run(Some(&x), |outputs| outputs.mean_all()).unwrap_err();
    assert!(matches!(error, Error::Tensor(TensorError::Shape { .. })), "{error}");
    assert!(search.run(None, |outputs| outputs.squeeze(1)).is_err());
    Ok(())
}
