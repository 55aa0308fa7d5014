//! Members of a cluster that train together: the same bits for any number of them, and errors on all.

use super::*;
use candlewick::cluster::Cluster;
use candlewick::error::ClusterError;
use candlewick::metrics::roc_auc;
use candlewick::train::TrainStep;
use std::ops::ControlFlow;
use std::thread;

/// Runs a function as each of some members, in threads of their own.
fn members<T: Send>(ranks: usize, each: impl Fn(Cluster) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let each = &each;
        let threads: Vec<_> =
            Cluster::threads(ranks).into_iter().map(|member| scope.spawn(move || each(member))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// A layer of six qubits between two of candle's.
fn hybrid(dtype: DType, seed: u64) -> Result<Network> {
    let varmap = VarMap::new();
    let vb = SeededInit::new(seed).var_builder(&varmap, dtype, &Device::Cpu);
    let mut circuit = Circuit::new(6);
    (0..6).for_each(|qubit| _ = circuit.ry(input(qubit), qubit));
    circuit.strongly_entangling_layers("w", 1);
    let layer = QuantumLayer::new(circuit, Measurement::expectation((0..6).map(Z)), vb.pp("quantum"))?;
    let layers = candle_nn::seq().add(candle_nn::linear(2, 6, vb.pp("in"))?).add(layer);
    Ok(Network { layers: layers.add(candle_nn::linear(6, 2, vb.pp("out"))?), varmap })
}

/// Batches of 20, 20, 20 and 1, which 8 micro-batches do not divide: 4 steps an epoch.
fn config(cluster: Option<Cluster>, epochs: usize) -> TrainConfig {
    TrainConfig { epochs, batch_size: 20, micro_batches: 8, seed: 3, cluster, ..Default::default() }
}

/// Bits of a run: its weights, the steps and the scores.
#[derive(Debug, PartialEq)]
struct Outcome {
    weights: Vec<Vec<f64>>,
    steps: Vec<TrainStep>,
    scores: Vec<Epoch>,
    end: StopReason,
}

/// Trains with metrics of both kinds. `stop` sees the number of each step and may set the flag.
fn train(dtype: DType, config: TrainConfig, stop: impl Fn(u64) -> bool) -> candlewick::Result<Outcome> {
    let (train, test) = data(dtype)?;
    let x = train.x.narrow(0, 0, 61)?;
    let network = hybrid(dtype, 7)?;
    let mut optimizer = adam(&network)?;
    let (mut steps, flag) = (Vec::new(), AtomicBool::new(false));
    let history = Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, config)
        .metric("AUC", roc_auc)
        .batch_metric("accuracy", accuracy)
        .stop_when(&flag)
        .on_step(|step, _| {
            steps.push(*step);
            flag.fetch_or(stop(step.step), Ordering::Relaxed);
            Ok(())
        })
        .run((&x, &train.y.narrow(0, 0, 61)?), Some((&test.x, &test.y)))?;
    Ok(Outcome { weights: weights(&network)?, steps, scores: scores(&history), end: history.stop_reason })
}

fn never(_: u64) -> bool {
    false
}

#[test]
fn any_number_of_members_makes_the_same_bits() -> candlewick::Result<()> {
    for dtype in [DType::F32, DType::F64] {
        let expected = train(dtype, config(None, 10), never)?;
        assert_eq!((expected.steps.len(), expected.steps[3].samples), (40, 1));
        for ranks in 1..=4 {
            for outcome in members(ranks, |member| train(dtype, config(Some(member), 10), never)) {
                assert_eq!(outcome?, expected, "{ranks} members in {dtype:?}");
            }
        }
        // Groups of one member each.
        for outcome in members(3, |member| train(dtype, config(Some(member.split(1)?), 10), never)) {
            assert_eq!(outcome?, expected, "3 groups in {dtype:?}");
        }
        // Without micro-batches they are other sums of the same numbers. Adam makes steps of rounding alone in weights
        // without effect, as those of the last rotations are.
        let whole = train(dtype, TrainConfig { micro_batches: 1, ..config(None, 10) }, never)?;
        let tolerance = if dtype == DType::F32 { 1e-5 } else { 1e-11 };
        for (ours, theirs) in expected.weights.iter().zip(&whole.weights).filter(|_| dtype == DType::F64) {
            close("weights", ours, theirs, 1e-6);
        }
        for (ours, theirs) in expected.scores.iter().zip(&whole.scores) {
            close("loss", &[ours.train.loss], &[theirs.train.loss], tolerance);
            close("accuracy", &ours.train.metrics[1..], &theirs.train.metrics[1..], 1e-12);
        }
    }
    Ok(())
}

/// Steps of two batches, of 40 and 21 samples, and as many micro-batches as samples of a batch.
#[test]
fn several_batches_make_one_sum() -> candlewick::Result<()> {
    let config = |cluster, micro_batches| TrainConfig {
        accumulate_batches: 2,
        clip_norm: Some(0.2),
        micro_batches,
        ..config(cluster, 3)
    };
    let whole = train(DType::F64, config(None, 1), never)?;
    for micro_batches in [3, 20] {
        let expected = train(DType::F64, config(None, micro_batches), never)?;
        assert_eq!(expected.steps.iter().map(|step| step.samples).collect::<Vec<_>>(), [40, 21].repeat(3));
        for outcome in members(3, |member| train(DType::F64, config(Some(member), micro_batches), never)) {
            assert_eq!(outcome?, expected);
        }
        for (ours, theirs) in expected.weights.iter().zip(&whole.weights) {
            close("weights", ours, theirs, 1e-8);
        }
        let auc = |outcome: &Outcome| outcome.scores.iter().map(|epoch| epoch.train.metrics[0]).collect::<Vec<_>>();
        close("AUC", &auc(&expected), &auc(&whole), 1e-12);
    }
    Ok(())
}

/// One member is told to stop, in the third step; all have taken the fourth when they know.
#[test]
fn one_member_stops_all_after_the_same_step() {
    let outcomes = members(3, |member| {
        let is_told = member.rank() == 1;
        train(DType::F32, config(Some(member), 10), |step| is_told && step == 6)
    });
    for outcome in outcomes {
        let outcome = outcome.expect("no error");
        assert_eq!((outcome.end, outcome.steps.len(), outcome.scores.len()), (StopReason::Interrupted, 8, 2));
    }
    let outcomes = members(2, |member| {
        let hybrid = hybrid(DType::F32, 7)?;
        let (set, _) = data(DType::F32)?;
        let (mut optimizer, is_told) = (adam(&hybrid)?, member.rank() == 1);
        Training::new(&hybrid, &hybrid.varmap, &mut optimizer, cross_entropy, config(Some(member), 10))
            .on_epoch(|history| match is_told && history.epochs.len() == 2 {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            })
            .run((&set.x, &set.y), None)
    });
    for history in outcomes {
        let history = history.expect("no error");
        assert_eq!((history.stop_reason, history.epochs.len()), (StopReason::Stopped, 2));
    }
}

/// Checks that one member continues what four began and stopped in the middle of an epoch, and the other way round.
#[test]
fn a_run_goes_on_with_other_members() -> candlewick::Result<()> {
    let expected = train(DType::F32, config(None, 4), never)?;
    for (before, after) in [(4, 1), (1, 3), (3, 0)] {
        let kept = folder(&format!("members-{before}-{after}"))?;
        let config = |cluster, resume| TrainConfig { folder: Some(kept.clone()), resume, ..config(cluster, 4) };
        for outcome in members(before, |member| train(DType::F32, config(Some(member), false), |step| step == 4)) {
            assert_eq!(outcome?.end, StopReason::Interrupted);
        }
        let outcomes = match after {
            0 => vec![train(DType::F32, config(None, true), never)],
            after => members(after, |member| train(DType::F32, config(Some(member), true), never)),
        };
        for outcome in outcomes {
            let outcome = outcome?;
            assert_eq!((&outcome.weights, &outcome.scores), (&expected.weights, &expected.scores), "{before} {after}");
        }
        // Other micro-batches are another run, on all members.
        for error in members(2, |member| {
            train(DType::F32, TrainConfig { micro_batches: 4, ..config(Some(member), true) }, never).unwrap_err()
        }) {
            assert!(error.to_string().contains("`run`"), "{error}");
        }
        std::fs::remove_dir_all(kept).map_err(candle_core::Error::from)?;
    }
    Ok(())
}

/// A file from before there were micro-batches is one of a run with one.
#[test]
fn an_earlier_file_is_continued() -> candlewick::Result<()> {
    let kept = folder("earlier")?;
    let config =
        |epochs, resume| TrainConfig { folder: Some(kept.clone()), resume, micro_batches: 1, ..config(None, epochs) };
    train(DType::F32, config(2, false), never)?;
    let last = kept.join("last.safetensors");
    let mut tensors = candle_core::safetensors::load(&last, &Device::Cpu)?;
    let run = tensors["run"].narrow(0, 0, 14)?.contiguous()?;
    tensors.insert("run".to_owned(), run);
    candle_core::safetensors::save(&tensors, &last)?;
    let continued = train(DType::F32, config(4, true), never)?;
    let straight = train(DType::F32, TrainConfig { micro_batches: 1, ..self::config(None, 4) }, never)?;
    assert_eq!(continued.weights, straight.weights);
    std::fs::remove_dir_all(kept).map_err(|error| candle_core::Error::from(error).into())
}

/// Members that differ in what they begin find out before the first step, and all of them do.
#[test]
fn members_agree_on_what_they_begin() -> candlewick::Result<()> {
    let differs = |what: &str, own: &(dyn Fn(TrainConfig) -> TrainConfig + Sync), seed: u64| {
        let outcomes = members(3, |member| {
            let is_other = member.rank() == 2;
            let hybrid = hybrid(DType::F32, if is_other { seed } else { 7 })?;
            let config = config(Some(member), 2);
            let config = if is_other { own(config) } else { config };
            let (set, _) = data(DType::F32)?;
            let mut optimizer = adam(&hybrid)?;
            Training::new(&hybrid, &hybrid.varmap, &mut optimizer, cross_entropy, config)
                .on_step(|_, _| candle_core::bail!("a step"))
                .run((&set.x, &set.y), None)
        });
        for outcome in outcomes {
            match outcome {
                Err(Error::Cluster(ClusterError::Differs { what: found, rank: 2 })) => assert_eq!(found, what),
                other => panic!("{what}: {other:?}"),
            }
        }
    };
    differs("the seed", &|config| TrainConfig { seed: 4, ..config }, 7);
    differs("the batch size", &|config| TrainConfig { batch_size: 10, ..config }, 7);
    differs("the micro-batches", &|config| TrainConfig { micro_batches: 9, ..config }, 7);
    differs("the options of the training", &|config| TrainConfig { clip_norm: Some(1.0), ..config }, 7);
    differs("the initial weights", &|config| config, 8);
    // Other decay is another optimiser.
    let outcomes = members(2, |member| {
        let hybrid = hybrid(DType::F32, 7)?;
        let decay = AdamConfig { weight_decay: member.rank() as f64, ..AdamConfig::with_learning_rate(0.05) };
        let mut optimizer = Adam::from_varmap(&hybrid.varmap, decay)?;
        let (set, _) = data(DType::F32)?;
        Training::new(&hybrid, &hybrid.varmap, &mut optimizer, cross_entropy, config(Some(member), 2))
            .run((&set.x, &set.y), None)
    });
    for outcome in outcomes {
        let what = "the state of the optimiser";
        assert!(
            matches!(outcome, Err(Error::Cluster(ClusterError::Differs { what: found, rank: 1 })) if found == what)
        );
    }
    Ok(())
}

/// Gradients that a hook has changed on one member lead to other weights.
#[test]
fn members_that_drift_apart_are_told() {
    let outcomes = members(2, |member| {
        let hybrid = hybrid(DType::F32, 7)?;
        let (set, _) = data(DType::F32)?;
        let (mut optimizer, factor) = (adam(&hybrid)?, (1 + member.rank()) as f64);
        Training::new(&hybrid, &hybrid.varmap, &mut optimizer, cross_entropy, config(Some(member), 2))
            .on_step(|step, gradients| {
                for (_, var) in variables(&hybrid.varmap)?.into_iter().filter(|_| step.step == 1) {
                    let changed = gradients.get(&var).map(|gradient| gradient * factor).transpose()?;
                    changed.into_iter().for_each(|gradient| _ = gradients.insert(&var, gradient));
                }
                Ok(())
            })
            .run((&set.x, &set.y), None)
    });
    for outcome in outcomes {
        let what = "the weights after an epoch";
        assert!(
            matches!(outcome, Err(Error::Cluster(ClusterError::Differs { what: found, rank: 1 })) if found == what)
        );
    }
}

/// An error of one member, wherever it comes from, is its own there, and is told to all others.
#[test]
fn an_error_of_one_member_ends_all() -> candlewick::Result<()> {
    /// Place of the mistake of one member.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Place {
        Samples,
        Loss,
        Infinite,
        Hook,
        LastHook,
        Metric,
    }
    for place in [Place::Samples, Place::Loss, Place::Infinite, Place::Hook, Place::LastHook, Place::Metric] {
        let outcomes = members(3, |member| {
            let here = (member.rank() == 1).then_some(place);
            let hybrid = hybrid(DType::F32, 7)?;
            let (set, test) = data(DType::F32)?;
            let (mut optimizer, calls) = (adam(&hybrid)?, Cell::new(0));
            let loss = |outputs: &Tensor, targets: &Tensor| {
                calls.set(calls.get() + 1);
                match here {
                    Some(Place::Loss) if calls.get() == 9 => candle_core::bail!("enough"),
                    Some(Place::Infinite) if calls.get() == 9 => cross_entropy(outputs, targets)? * f64::INFINITY,
                    _ => cross_entropy(outputs, targets),
                }
            };
            let config = TrainConfig { clip_norm: Some(1.0), ..config(Some(member), 2) };
            let y = if here == Some(Place::Samples) { &test.y } else { &set.y };
            Training::new(&hybrid, &hybrid.varmap, &mut optimizer, loss, config)
                .metric("AUC", |outputs, targets| match here {
                    Some(Place::Metric) => candle_core::bail!("enough"),
                    _ => roc_auc(outputs, targets),
                })
                .on_step(|step, _| match here {
                    Some(Place::Hook) if step.step == 2 => candle_core::bail!("enough"),
                    Some(Place::LastHook) if step.step == 7 => candle_core::bail!("enough"),
                    _ => Ok(()),
                })
                .run((&set.x, y), Some((&test.x, &test.y)))
        });
        for (rank, outcome) in outcomes.into_iter().enumerate() {
            let error = outcome.expect_err("an error");
            match (rank, &error) {
                (1, Error::Tensor(TensorError::Shape { .. })) => assert_eq!(place, Place::Samples),
                (1, Error::Training(TrainingError::LossNotFinite { .. })) => assert_eq!(place, Place::Infinite),
                (1, error) => assert!(error.to_string().contains("enough"), "{place:?}: {error}"),
                (_, Error::Cluster(ClusterError::Elsewhere { rank: 1, error })) => {
                    let text = match place {
                        Place::Samples => "the targets",
                        Place::Infinite => "the loss is inf",
                        _ => "enough",
                    };
                    assert!(error.contains(text), "{place:?}: {error}");
                }
                other => panic!("{place:?}: {other:?}"),
            }
        }
    }
    Ok(())
}

/// A sample that is not finite is named by the member that has it.
#[test]
fn a_bad_sample_is_named_everywhere() -> candlewick::Result<()> {
    let outcomes = members(2, |member| {
        let hybrid = hybrid(DType::F32, 7)?;
        let (set, _) = data(DType::F32)?;
        let mut rows = set.x.to_vec2::<f32>()?;
        rows[33][1] = f32::NAN;
        let (x, mut optimizer) = (Tensor::new(rows, &Device::Cpu)?, adam(&hybrid)?);
        Training::new(&hybrid, &hybrid.varmap, &mut optimizer, cross_entropy, config(Some(member), 1))
            .run((&x, &set.y), None)
    });
    let errors: Vec<Error> = outcomes.into_iter().map(|outcome| outcome.expect_err("a bad sample")).collect();
    assert!(errors.iter().all(|error| error.to_string().contains("feature 1 of sample 33")), "{errors:?}");
    let own = |error: &&Error| matches!(error, Error::Training(TrainingError::SampleNotFinite { sample: 33, .. }));
    assert_eq!(errors.iter().filter(own).count(), 1);
    Ok(())
}

/// A folder that another run has is an error of the first member, and so of all; the others write nothing.
#[test]
fn the_first_member_alone_has_the_folder() -> candlewick::Result<()> {
    let kept = folder("first-member")?;
    let config = |cluster| TrainConfig { folder: Some(kept.clone()), ..config(cluster, 2) };
    let lock = std::fs::File::create(kept.join(".lock")).map_err(candle_core::Error::from)?;
    lock.try_lock().expect("a lock");
    for (rank, outcome) in members(3, |member| train(DType::F32, config(Some(member)), never)).into_iter().enumerate() {
        match (rank, outcome) {
            (0, Err(Error::File(FileError::FolderInUse { .. }))) => {}
            (1.., Err(Error::Cluster(ClusterError::Elsewhere { rank: 0, error }))) => {
                assert!(error.contains("first-member"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    drop(lock);
    for outcome in members(3, |member| train(DType::F32, config(Some(member)), never)) {
        assert_eq!(outcome?.end, StopReason::Finished);
    }
    std::fs::remove_dir_all(kept).map_err(|error| candle_core::Error::from(error).into())
}

/// Members that would repeat each other, or have nothing to do, are an error.
#[test]
fn no_member_works_in_vain() {
    let run = |ranks, size: Option<usize>, micro_batches| {
        let mut outcomes = members(ranks, |member| {
            let member = size.map_or(Ok(member.clone()), |size| member.split(size))?;
            train(DType::F32, TrainConfig { micro_batches, ..config(Some(member), 1) }, never)
        })
        .into_iter()
        .map(|outcome| outcome.expect_err("an error"));
        let first = outcomes.next().expect("a member");
        assert!(outcomes.all(|other| other.to_string() == first.to_string()));
        first
    };
    assert!(matches!(run(3, None, 1), Error::Cluster(ClusterError::Replicated { ranks: 3 })));
    assert!(matches!(run(4, Some(2), 8), Error::Cluster(ClusterError::Replicated { ranks: 2 })));
    for (ranks, size, micro_batches, words) in [
        (3, None, 0, "at least 1 and at most the batch size"),
        (2, None, 21, "at least 1 and at most the batch size"),
        (3, None, 2, "at least the number of processes"),
        (3, Some(1), 2, "at least the number of groups"),
        (2, Some(1), 1, "at least the number of groups"),
    ] {
        match run(ranks, size, micro_batches) {
            Error::Setting { setting: "micro_batches", value, allowed, .. } => {
                assert_eq!((value, allowed), (micro_batches as f64, words));
            }
            other => panic!("{other}"),
        }
    }
    // A cluster of one member is as none.
    let alone = TrainConfig { micro_batches: 1, ..config(Some(Cluster::alone()), 1) };
    let none = TrainConfig { micro_batches: 1, ..config(None, 1) };
    assert_eq!(train(DType::F32, alone, never).unwrap(), train(DType::F32, none, never).unwrap());
}

/// A member that ends without a word, in the middle of the second epoch, is an error of the others.
#[test]
fn a_member_that_leaves() {
    let outcomes = members(3, |member| {
        if member.rank() == 2 {
            return Ok(Err(()));
        }
        train(DType::F32, config(Some(member), 2), never).map(Ok)
    });
    for outcome in outcomes {
        assert!(matches!(outcome, Ok(Err(())) | Err(Error::Cluster(ClusterError::Left { rank: 2 }))), "{outcome:?}");
    }
    let outcomes = thread::scope(|scope| {
        let threads: Vec<_> = Cluster::threads(2)
            .into_iter()
            .map(|member| {
                scope.spawn(move || {
                    let falls = member.rank() == 1;
                    train(DType::F32, config(Some(member), 4), |step| {
                        assert!(!falls || step < 5, "a panic that the test wants");
                        false
                    })
                })
            })
            .collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    assert!(matches!(outcomes[0], Ok(Err(Error::Cluster(ClusterError::Left { rank: 1 })))), "{:?}", outcomes[0]);
    assert!(outcomes[1].is_err());
}
