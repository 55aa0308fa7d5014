//! Steps of several batches, step sizes by epoch and by plateau, and hooks.

use super::*;
use candle_core::backprop::GradStore;
use candlewick::optim::{Interval, ReduceOnPlateau};
use candlewick::train::{Mode, TrainStep};
use std::ops::ControlFlow;

/// Steps of a run, as its hook sees them.
fn steps(network: &Network, config: &TrainConfig, flag: Option<&AtomicBool>) -> Result<(Vec<TrainStep>, History)> {
    let (train, test) = data(DType::F64)?;
    let mut optimizer = adam(network)?;
    let mut steps = Vec::new();
    let training = Training::new(network, &network.varmap, &mut optimizer, cross_entropy, config.clone());
    let training = training.on_step(|step, _| {
        steps.push(*step);
        Ok(())
    });
    let training = if let Some(flag) = flag { training.stop_when(flag) } else { training };
    let history = training.run((&train.x, &train.y), Some((&test.x, &test.y)))?;
    Ok((steps, history))
}

/// 62 samples make steps of 24, 24 and 14, the last of batches of 8 and 6: the steps of whole batches of these sizes.
#[test]
fn several_batches_are_one_large_batch() -> Result<()> {
    let config = |batch_size, accumulate_batches| TrainConfig {
        epochs: 3,
        seed: 2,
        batch_size,
        accumulate_batches,
        clip_norm: Some(0.2),
        ..Default::default()
    };
    let (small, large) = (network(DType::F64)?, network(DType::F64)?);
    let (of_small, small_history) = steps(&small, &config(8, 3), None)?;
    let (of_large, large_history) = steps(&large, &config(24, 1), None)?;
    assert_eq!(of_small.iter().map(|step| step.samples).collect::<Vec<_>>(), [24, 24, 14].repeat(3));
    for (small, large) in of_small.iter().zip(&of_large) {
        assert_eq!((small.epoch, small.step, small.samples), (large.epoch, large.step, large.samples));
        close("loss", &[small.loss], &[large.loss], 1e-13);
    }
    for (small, large) in weights(&small)?.iter().zip(&weights(&large)?) {
        close("weights", small, large, 1e-12);
    }
    let last = |history: &History| history.last().expect("an epoch").validation.as_ref().expect("a score").loss;
    close("validation", &[last(&small_history)], &[last(&large_history)], 1e-12);
    // One step of all batches, also with more than there are.
    let (whole, all) = (network(DType::F64)?, network(DType::F64)?);
    steps(&whole, &config(5, usize::MAX), None)?;
    steps(&all, &config(62, 1), None)?;
    for (whole, all) in weights(&whole)?.iter().zip(&weights(&all)?) {
        close("weights", whole, all, 1e-12);
    }
    Ok(())
}

/// A schedule of epochs is the schedule of steps that a user would have multiplied out; the last batch is smaller.
#[test]
fn schedules_count_epochs() -> Result<()> {
    let config = |schedule, schedule_interval, patience| TrainConfig {
        epochs: 6,
        batch_size: 8,
        schedule,
        schedule_interval,
        patience,
        ..Default::default()
    };
    let by_epoch = Schedule::Cosine { steps: 4, floor: 0.1 }.after_warmup(2);
    let by_step = Schedule::Cosine { steps: 4 * 8, floor: 0.1 }.after_warmup(2 * 8);
    let (steps_by_epoch, _) = steps(&network(DType::F64)?, &config(by_epoch, Interval::Epoch, Some(6)), None)?;
    let (steps_by_step, _) = steps(&network(DType::F64)?, &config(by_step.clone(), Interval::Step, None), None)?;
    assert_eq!((steps_by_epoch.len(), &steps_by_epoch), (48, &steps_by_step));
    for (step, found) in steps_by_epoch.iter().enumerate() {
        assert_eq!(found.learning_rate, 0.05 * by_step.factor(step as u64));
    }
    Ok(())
}

/// Stopped between the batches of an epoch and continued, with everything that has a memory.
#[test]
fn accumulation_and_plateaus_continue_bit_for_bit() -> Result<()> {
    let config = |folder: &PathBuf, resume| TrainConfig {
        epochs: 8,
        batch_size: 6,
        accumulate_batches: 2,
        schedule: Schedule::Linear { steps: 8, floor: 0.5 },
        schedule_interval: Interval::Epoch,
        // Every improvement is too small for it.
        reduce_on_plateau: Some(ReduceOnPlateau { factor: 0.5, patience: 1, threshold: 0.9, ..Default::default() }),
        folder: Some(folder.clone()),
        resume,
        ..Default::default()
    };
    let kept = folder("plateau")?;
    let straight = network(DType::F64)?;
    let (all, history) = steps(&straight, &config(&kept, false), None)?;
    let rates: Vec<f64> = history.epochs.iter().map(|epoch| epoch.learning_rate).collect();
    // Six steps an epoch. The first loss is the lowest there can be, so every second epoch reduces.
    let expected = (0..8).map(|epoch| {
        let line = Schedule::Linear { steps: 48, floor: 0.5 }.factor(6 * epoch + 5);
        0.05 * line * 0.5f64.powi((epoch as i32 - 1).max(0) / 2)
    });
    close("rates", &rates, &expected.collect::<Vec<_>>(), 1e-15);
    assert_eq!(all.len(), 48);
    for stop_after in [1, 13, 30, 41] {
        let (stopped, flag) = (network(DType::F64)?, AtomicBool::new(false));
        let (train, test) = data(DType::F64)?;
        let mut optimizer = adam(&stopped)?;
        let training = Training::new(&stopped, &stopped.varmap, &mut optimizer, cross_entropy, config(&kept, false));
        let stop = |step: &TrainStep, _: &mut GradStore| {
            flag.store(step.step + 1 >= stop_after, Ordering::Relaxed);
            Ok(())
        };
        training.stop_when(&flag).on_step(stop).run((&train.x, &train.y), Some((&test.x, &test.y)))?;
        let continued = network(DType::F64)?;
        let (rest, history_of_rest) = steps(&continued, &config(&kept, true), None)?;
        assert_eq!(rest, all[stop_after as usize..], "stopped after {stop_after}");
        assert_eq!(scores(&history_of_rest), scores(&history));
        assert_eq!(weights(&continued)?, weights(&straight)?);
    }
    let other = TrainConfig { accumulate_batches: 3, ..config(&kept, true) };
    let error = steps(&network(DType::F64)?, &other, None).map(drop).expect_err("another run");
    assert!(error.to_string().contains("2 a step"), "{error}");
    Ok(std::fs::remove_dir_all(kept)?)
}

/// A plateau is one of the score that chooses the best epoch, in its own direction.
#[test]
fn plateaus_of_a_monitored_metric() -> Result<()> {
    let (train, test) = data(DType::F64)?;
    for (mode, expected) in [(Mode::Max, [0.05; 3]), (Mode::Min, [0.05, 0.05, 0.025])] {
        let network = network(DType::F64)?;
        let (mut optimizer, calls) = (adam(&network)?, Cell::new(1.0));
        let plateau = ReduceOnPlateau { factor: 0.5, patience: 0, ..Default::default() };
        let config = TrainConfig { epochs: 3, reduce_on_plateau: Some(plateau), ..Default::default() };
        let rising = |_: &Tensor, _: &Tensor| {
            calls.set(calls.get() + 1.0);
            Ok(calls.get())
        };
        let history = Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, config)
            .metric("rising", rising)
            .monitor("rising", mode)
            .run((&train.x, &train.y), Some((&test.x, &test.y)))?;
        let rates: Vec<f64> = history.epochs.iter().map(|epoch| epoch.learning_rate).collect();
        assert_eq!(rates, expected, "{mode:?}");
    }
    Ok(())
}

/// Two machines that train on halves of a batch and average their gradients make the step of the whole batch.
#[test]
fn gradients_are_averaged_over_machines() -> Result<()> {
    let (train, _) = data(DType::F64)?;
    let whole = network(DType::F64)?;
    let config = TrainConfig { epochs: 1, batch_size: 62, ..Default::default() };
    let run = |network: &Network, x: &Tensor, y: &Tensor, hook: &mut dyn FnMut(&mut GradStore) -> Result<()>| {
        let mut optimizer = adam(network)?;
        let training = Training::new(network, &network.varmap, &mut optimizer, cross_entropy, config.clone());
        training.on_step(|_, gradients| hook(gradients)).run((x, y), None)
    };
    run(&whole, &train.x, &train.y, &mut |_| Ok(()))?;
    let half = |tensor: &Tensor, part: usize| tensor.narrow(0, 31 * part, 31);
    // The second machine sends its gradients by name, and takes no step.
    let mut sent = Vec::new();
    let second = network(DType::F64)?;
    let stopped = run(&second, &half(&train.x, 1)?, &half(&train.y, 1)?, &mut |gradients| {
        for (name, var) in variables(&second.varmap)? {
            sent.extend(gradients.get(&var).map(|gradient| (name, gradient.clone())));
        }
        candle_core::bail!("sent")
    });
    assert!(stopped.is_err_and(|error| error.to_string().contains("sent")));
    assert_eq!(weights(&second)?, weights(&network(DType::F64)?)?);
    let first = network(DType::F64)?;
    run(&first, &half(&train.x, 0)?, &half(&train.y, 0)?, &mut |gradients| {
        for (name, var) in variables(&first.varmap)? {
            let Some((_, other)) = sent.iter().find(|(sent, _)| *sent == name) else { continue };
            let own = gradients.get(&var).expect("a gradient");
            let mean = ((own + other)? * 0.5)?;
            gradients.insert(&var, mean);
        }
        Ok(())
    })?;
    for (first, whole) in weights(&first)?.iter().zip(&weights(&whole)?) {
        close("weights", first, whole, 1e-12);
    }
    Ok(())
}

#[test]
fn a_hook_ends_a_run() -> Result<()> {
    let (train, test) = data(DType::F32)?;
    let kept = folder("hook")?;
    let config = |resume| TrainConfig { epochs: 6, resume, folder: Some(kept.clone()), ..Default::default() };
    let run = |config: TrainConfig, last: usize| {
        let network = network(DType::F32)?;
        let mut optimizer = adam(&network)?;
        let training = Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, config);
        let training = training.on_epoch(|history| {
            // The files of the epoch are there already.
            let rows = std::fs::read_to_string(kept.join("history.csv")).expect("a table").lines().count();
            assert_eq!(rows, history.epochs.len() + 1);
            if history.epochs.len() == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        Ok::<_, Error>((training.run((&train.x, &train.y), Some((&test.x, &test.y)))?, weights(&network)?))
    };
    let (history, _) = run(config(false), 2)?;
    assert_eq!((history.epochs.len(), history.stop_reason), (2, StopReason::Stopped));
    let (history, continued) = run(config(true), 99)?;
    assert_eq!((history.epochs.len(), history.stop_reason), (6, StopReason::Finished));
    assert_eq!(continued, run(config(false), 99)?.1);
    std::fs::remove_dir_all(kept).map_err(candle_core::Error::from)
}

#[test]
fn options_out_of_range() -> Result<()> {
    let plateau = |plateau| TrainConfig { reduce_on_plateau: Some(plateau), ..Default::default() };
    let base = ReduceOnPlateau::default();
    for (config, setting) in [
        (TrainConfig { accumulate_batches: 0, ..Default::default() }, "accumulate_batches"),
        (plateau(ReduceOnPlateau { factor: 0.0, ..base }), "factor"),
        (plateau(ReduceOnPlateau { factor: 1.0, ..base }), "factor"),
        (plateau(ReduceOnPlateau { threshold: f64::NAN, ..base }), "threshold"),
        (plateau(ReduceOnPlateau { floor: 1.5, ..base }), "floor"),
    ] {
        let network = network(DType::F32)?;
        let (set, _) = data(DType::F32)?;
        let mut optimizer = adam(&network)?;
        let training = Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, config);
        let error = training.run((&set.x, &set.y), None).expect_err(setting);
        assert!(matches!(error, Error::Setting { setting: found, .. } if found == setting), "{error}");
    }
    Ok(())
}
