//! What a layer that runs outside refuses, and how errors from outside reach its user.

use super::{Own, through};
use crate::lab::tensor;
use candle_core::{DType, Device, Module, Tensor, Var};
use candle_nn::VarBuilder;
use candlewick::error::{ExecutorError, StatesError};
use candlewick::executor::{Counts, Executor, Job};
use candlewick::nn::{RandomSearch, RandomSearchConfig};
use candlewick::prelude::*;
use candlewick::{Error, Mistake, Result, Simulation};
use std::sync::Arc;

fn turn() -> Circuit {
    let mut circuit = Circuit::new(1);
    circuit.ry(input(0), 0);
    circuit
}

fn layer(circuit: Circuit, measurement: Measurement, config: QuantumLayerConfig) -> Result<QuantumLayer> {
    let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
    QuantumLayer::with_config(circuit, measurement, config, vb)
}

#[test]
fn settings_that_do_not_go_together() {
    let own = Arc::new(Own::default());
    let z = || Measurement::expectation([Z(0)]);
    let config = QuantumLayerConfig { shots: None, ..through(&own, 10) };
    let error = layer(turn(), z(), config).expect_err("no shots");
    assert!(matches!(error, Error::SettingNeeds { needs: "`shots`", .. }), "{error}");
    let config = QuantumLayerConfig { gradient: GradientMethod::Adjoint, ..through(&own, 10) };
    let error = layer(turn(), z(), config).expect_err("no adjoint method");
    assert!(matches!(error, Error::NoGradient { method: "the adjoint method", .. }), "{error}");
    let error = layer(turn(), Measurement::state(), through(&own, 10)).expect_err("no amplitudes");
    assert!(matches!(error, Error::Measurement(Mistake::StateFromShots)), "{error}");
    let mut noisy = turn();
    noisy.bit_flip(0.1, 0);
    let error = layer(noisy, z(), through(&own, 10)).expect_err("no noise");
    assert!(matches!(error, Error::Executor(ExecutorError::NotFromExecutor { what: "noise channels", .. })), "{error}");
    let search = RandomSearchConfig { simulation: through(&own, 10).simulation, ..Default::default() };
    let mut circuit = turn();
    let w = circuit.weights("w", 1);
    circuit.ry(w.at(0), 0);
    let search = RandomSearch::new(&circuit, &z(), search).expect("a search");
    let x = tensor(&[vec![0.1]], DType::F64);
    let error = search.run(Some(&x), |y| y.flatten_from(1)?.sum(1)).expect_err("no ensembles");
    assert!(matches!(error, Error::Executor(ExecutorError::NotFromExecutor { .. })), "{error}");
}

/// Equality is that of the executor itself, not of its settings.
#[test]
fn simulations_are_equal_by_their_executor() {
    let [one, other] = [0, 1].map(|_| through(&Arc::new(Own::default()), 10));
    assert_eq!(one, one.clone());
    assert_ne!(one, other);
    assert_ne!(one.simulation, Simulation::Auto);
    assert_eq!(Simulation::Trajectories { count: 3 }, Simulation::Trajectories { count: 3 });
    assert_ne!(Simulation::Trajectories { count: 3 }, Simulation::Trajectories { count: 4 });
}

/// Executor that answers whatever it is told to.
#[derive(Debug)]
struct Told(fn() -> Result<Vec<Counts>>);

impl Executor for Told {
    fn run(&self, _: &str, _: usize, _: u64) -> Result<Counts> {
        (self.0)().map(|mut all| all.pop().unwrap_or_default())
    }

    fn run_all(&self, _: &[Job]) -> Result<Vec<Counts>> {
        (self.0)()
    }
}

/// Errors come out of `forward`, `backward`, `sample` and `counts` with their types, through candle's.
#[test]
fn wrong_answers_reach_the_user() {
    let x = Var::from_tensor(&tensor(&[vec![0.3]], DType::F64)).expect("a variable");
    let error = |answer: fn() -> Result<Vec<Counts>>| {
        let config = through(&Arc::new(Told(answer)), 10);
        let layer = layer(turn(), Measurement::expectation([Z(0)]), config).expect("a layer");
        assert!(layer.counts(Some(&x), 10).is_err() && layer.sample(Some(&x), 10).is_err());
        let error = layer.forward(&x).expect_err("the answer is wrong");
        match Error::from(error) {
            Error::Executor(error) => error,
            other => panic!("{other}"),
        }
    };
    let found = error(|| Ok(vec![Counts::new([("0", 9)])?]));
    assert!(matches!(found, ExecutorError::Shots { expected: 10, actual: 9 }), "{found}");
    let found = error(|| Ok(vec![Counts::new([("00", 10)])?]));
    assert!(matches!(&found, ExecutorError::Outcome { outcome, bits: 1 } if outcome == "00"), "{found}");
    let found = error(|| Ok(vec![Counts::default()]));
    assert!(matches!(found, ExecutorError::Shots { expected: 10, actual: 0 }), "{found}");
    let found = error(|| Ok(Vec::new()));
    assert!(matches!(found, ExecutorError::Answers { expected: 1, actual: 0 }), "{found}");
    let found = error(|| Err(ExecutorError::Failed("the device is being calibrated".into()).into()));
    assert_eq!(found.to_string(), "the executor has failed: the device is being calibrated");
    assert!(Counts::new([("01", 1), ("0x", 2)]).is_err());
}

#[test]
fn an_error_of_backward_is_typed() {
    /// Answers the first text alone.
    #[derive(Debug, Default)]
    struct Once(std::sync::atomic::AtomicBool);
    impl Executor for Once {
        fn run(&self, _: &str, shots: usize, _: u64) -> Result<Counts> {
            match self.0.swap(true, std::sync::atomic::Ordering::Relaxed) {
                false => Counts::new([("1", shots as u64)]),
                true => Err(ExecutorError::Failed("the queue is closed".into()).into()),
            }
        }
    }
    let layer = layer(turn(), Measurement::expectation([Z(0)]), through(&Arc::new(Once::default()), 10));
    let x = Var::from_tensor(&tensor(&[vec![0.3]], DType::F64)).expect("a variable");
    let y = layer.expect("a layer").forward(&x).expect("the first text");
    let error = y.backward().expect_err("the second text");
    assert!(matches!(Error::find(&error), Some(Error::Executor(ExecutorError::Failed(_)))), "{error}");
}

#[test]
fn samples_without_numbers_have_no_outcomes() {
    let layer = layer(turn(), Measurement::expectation([Z(0)]), through(&Arc::new(Own::default()), 10));
    let x = Tensor::new(&[[0.3], [f64::NAN]], &Device::Cpu).expect("a matrix");
    let error = layer.expect("a layer").counts(Some(&x), 10).expect_err("NaN has no outcomes");
    assert!(matches!(error, Error::States(StatesError::NoOutcomes { sample: 1 })), "{error}");
}

/// Texts of a call are sent by number and by size.
#[test]
fn long_texts_are_sent_few_at_once() {
    /// Answers 0, and notes how many bytes it got at once.
    #[derive(Debug, Default)]
    struct Scales(std::sync::Mutex<Vec<(usize, usize)>>);
    impl Executor for Scales {
        fn run(&self, _: &str, shots: usize, _: u64) -> Result<Counts> {
            Counts::new([("0", shots as u64)])
        }

        fn run_all(&self, jobs: &[Job]) -> Result<Vec<Counts>> {
            let bytes = jobs.iter().map(|job| job.program.len());
            self.0.lock().expect("no panic holds it").push((jobs.len(), bytes.sum()));
            jobs.iter().map(|job| self.run(&job.program, job.shots, job.seed)).collect()
        }
    }
    let (scales, samples) = (Arc::new(Scales::default()), 1100);
    let forward = |circuit: &Circuit| {
        let layer = layer(circuit.clone(), Measurement::expectation([Z(0)]), through(&scales, 10)).expect("a layer");
        let x = Tensor::ones((samples, 1), DType::F64, &Device::Cpu).expect("ones");
        layer.try_forward(&x).expect("values");
        std::mem::take(&mut *scales.0.lock().expect("no panic holds it"))
    };
    assert_eq!(forward(&turn()).iter().map(|(jobs, _)| *jobs).collect::<Vec<_>>(), [1000, 100]);
    let mut long = turn();
    (0..2000).for_each(|k| _ = long.rx(f64::from(k).sqrt(), 0));
    let sent = forward(&long);
    assert!(sent.len() > 1 && sent.iter().all(|(_, bytes)| *bytes < 34 << 20), "{sent:?}");
    assert_eq!(sent.iter().map(|(jobs, _)| jobs).sum::<usize>(), samples);
}
