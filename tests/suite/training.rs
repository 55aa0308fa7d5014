//! The training loop against a loop by hand, and against itself after an interruption.

mod cluster;
mod refused;
mod scores;
mod sources;
mod steps;

use crate::lab::close;
use candle_core::{DType, Device, Module, Result, Tensor};
use candle_nn::loss::cross_entropy;
use candle_nn::{Optimizer, VarMap};
use candlewick::Error;
use candlewick::data::{Dataset, MoonsConfig, Split, moons};
use candlewick::error::{FileError, TensorError, TrainingError};
use candlewick::nn::SeededInit;
use candlewick::optim::{Adam, AdamConfig, ReduceOnPlateau, Schedule, variables};
use candlewick::prelude::*;
use candlewick::train::{Epoch, History, StopReason, TrainConfig, Training, accuracy, binary_accuracy};
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

struct Network {
    varmap: VarMap,
    layers: candle_nn::Sequential,
}

impl Module for Network {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.layers.forward(x)
    }
}

fn network(dtype: DType) -> Result<Network> {
    let varmap = VarMap::new();
    let vb = SeededInit::new(2).var_builder(&varmap, dtype, &Device::Cpu);
    let mut circuit = Circuit::new(2);
    circuit.ry(input(0), 0).ry(input(1), 1);
    circuit.strongly_entangling_layers("w", 2);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0), Z(1)]), vb.pp("quantum"))?;
    let layers = candle_nn::seq().add(layer).add(candle_nn::linear(2, 2, vb.pp("head"))?);
    Ok(Network { varmap, layers })
}

fn adam(network: &Network) -> Result<Adam> {
    Ok(Adam::from_varmap(&network.varmap, AdamConfig::with_learning_rate(0.05))?)
}

fn data(dtype: DType) -> Result<(Dataset, Dataset)> {
    let Split { mut train, mut test, .. } =
        moons(90, MoonsConfig { noise: 0.1, seed: 4, ..Default::default() })?.split(0.3, 4)?;
    (train.x, test.x) = (train.x.to_dtype(dtype)?, test.x.to_dtype(dtype)?);
    Ok((train, test))
}

fn weights(network: &Network) -> Result<Vec<Vec<f64>>> {
    variables(&network.varmap)?.iter().map(|(_, var)| var.flatten_all()?.to_dtype(DType::F64)?.to_vec1()).collect()
}

/// An empty folder of a test's own.
fn folder(name: &str) -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("candlewick-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Scores of each epoch, without the time it took.
fn scores(history: &History) -> Vec<Epoch> {
    let without = |mut epoch: Epoch| {
        epoch.seconds = 0.0;
        epoch
    };
    history.epochs.iter().cloned().map(without).collect()
}

/// The order of the samples matters only to rounding if an epoch has one batch.
#[test]
fn one_batch_an_epoch_is_a_loop_by_hand() -> Result<()> {
    let (train, test) = data(DType::F64)?;
    let schedule = Schedule::Exponential { factor: 0.9 };
    let config = TrainConfig { epochs: 12, batch_size: 1000, schedule: schedule.clone(), ..Default::default() };
    let ours = network(DType::F64)?;
    let mut optimizer = adam(&ours)?;
    let history = Training::new(&ours, &ours.varmap, &mut optimizer, cross_entropy, config)
        .metric("accuracy", accuracy)
        .run((&train.x, &train.y), Some((&test.x, &test.y)))?;
    assert_eq!(
        (history.stop_reason, history.epochs.len(), optimizer.learning_rate()),
        (StopReason::Finished, 12, 0.05)
    );

    let by_hand = network(DType::F64)?;
    let mut optimizer = adam(&by_hand)?;
    for (step, epoch) in history.epochs.iter().enumerate() {
        let logits = by_hand.forward(&train.x)?;
        let loss = cross_entropy(&logits, &train.y)?;
        close("training loss", &[epoch.train.loss], &[loss.to_scalar()?], 1e-12);
        let right =
            logits.argmax(1)?.to_vec1::<u32>()?.iter().zip(train.y.to_vec1::<u32>()?).filter(|(a, b)| *a == b).count();
        close("accuracy", &[epoch.train.metrics[0]], &[right as f64 / train.len() as f64], 1e-15);
        optimizer.set_learning_rate(0.05 * 0.9f64.powi(step as i32));
        optimizer.backward_step(&loss)?;
        let validation = cross_entropy(&by_hand.forward(&test.x)?, &test.y)?.to_scalar::<f64>()?;
        close("validation loss", &[epoch.validation.as_ref().expect("a score").loss], &[validation], 1e-12);
        close("step size", &[epoch.learning_rate], &[0.05 * 0.9f64.powi(step as i32)], 1e-15);
    }
    for (ours, theirs) in weights(&ours)?.iter().zip(&weights(&by_hand)?) {
        close("weights", ours, theirs, 1e-11);
    }
    let lowest = history.epochs.iter().enumerate().min_by(|a, b| {
        let loss = |epoch: &Epoch| epoch.validation.as_ref().expect("a score").loss;
        loss(a.1).total_cmp(&loss(b.1))
    });
    assert_eq!(history.best, lowest.map(|(index, _)| index));
    Ok(())
}

/// Batches of 8 of 62 samples, a schedule by step, clipping, a validation set in batches: every step is repeated by
/// hand, on the batches that the model saw.
#[test]
fn many_batches_are_a_loop_by_hand() -> Result<()> {
    let (train, test) = data(DType::F64)?;
    let (samples, epochs) = (train.len(), 4);
    assert_eq!((samples, test.len()), (62, 28));
    // The first feature identifies a sample.
    let places: Vec<f64> = train.x.narrow(1, 0, 1)?.flatten_all()?.to_vec1()?;
    let ours = network(DType::F64)?;
    let seen = RefCell::new(Vec::new());
    let model = |x: &Tensor| {
        seen.borrow_mut().push(x.narrow(1, 0, 1)?.flatten_all()?.to_vec1::<f64>()?);
        ours.forward(x)
    };
    let mut optimizer = adam(&ours)?;
    let config = TrainConfig {
        epochs,
        batch_size: 8,
        seed: 3,
        schedule: Schedule::Exponential { factor: 0.97 },
        clip_norm: Some(0.3),
        ..Default::default()
    };
    let history = Training::new(&model, &ours.varmap, &mut optimizer, cross_entropy, config)
        .metric("accuracy", accuracy)
        .run((&train.x, &train.y), Some((&test.x, &test.y)))?;

    let by_hand = network(DType::F64)?;
    let mut optimizer = adam(&by_hand)?;
    let (mut seen, mut step, mut orders) = (seen.into_inner().into_iter(), 0, Vec::new());
    for epoch in &history.epochs {
        let (mut order, mut sum, mut right) = (Vec::new(), 0.0, 0.0);
        for _ in 0..8 {
            let index = |place: f64| places.iter().position(|other| *other == place).expect("a sample") as u32;
            let batch: Vec<u32> = seen.next().expect("a batch").into_iter().map(index).collect();
            let indices = Tensor::new(batch.as_slice(), &Device::Cpu)?;
            let (x, y) = (train.x.index_select(&indices, 0)?, train.y.index_select(&indices, 0)?);
            let logits = by_hand.forward(&x)?;
            let loss = cross_entropy(&logits, &y)?;
            sum += batch.len() as f64 * loss.to_scalar::<f64>()?;
            right += batch.len() as f64 * accuracy(&logits, &y)?;
            let mut gradients = loss.backward()?;
            let all = variables(&by_hand.varmap)?.into_iter().filter(|(_, var)| var.elem_count() > 0);
            let all: Vec<_> = all.collect();
            let entries =
                all.iter().map(|(_, var)| gradients.get(var).expect("a gradient").sqr()?.sum_all()?.to_scalar::<f64>());
            let norm = entries.collect::<Result<Vec<f64>>>()?.iter().sum::<f64>().sqrt();
            for (_, var) in &all {
                let scaled = (gradients.get(var).expect("a gradient") * (0.3 / norm).min(1.0))?;
                gradients.insert(var, scaled);
            }
            optimizer.set_learning_rate(0.05 * 0.97f64.powi(step));
            optimizer.step(&gradients)?;
            order.extend(batch);
            step += 1;
        }
        close("training loss", &[epoch.train.loss], &[sum / samples as f64], 1e-11);
        close("training accuracy", &[epoch.train.metrics[0]], &[right / samples as f64], 1e-11);
        let validation: usize = (0..4).map(|_| seen.next().expect("a batch").len()).sum();
        assert_eq!(validation, test.len());
        let score = epoch.validation.as_ref().expect("a score");
        let logits = by_hand.forward(&test.x)?;
        close("validation", &[score.loss], &[cross_entropy(&logits, &test.y)?.to_scalar()?], 1e-11);
        close("accuracy", &[score.metrics[0]], &[accuracy(&logits, &test.y)?], 1e-11);
        orders.push(order);
    }
    for (ours, theirs) in weights(&ours)?.iter().zip(&weights(&by_hand)?) {
        close("weights", ours, theirs, 1e-10);
    }
    // Every sample once an epoch, in another order each time.
    for order in &orders {
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..62).collect::<Vec<u32>>());
        assert_ne!(*order, sorted);
    }
    assert!(orders[0] != orders[1] && orders[1] != orders[2]);
    Ok(())
}

/// Stopped in the middle of an epoch, at its end, or after the last one, and continued by another process, as it were.
#[test]
fn a_stopped_run_continues_bit_for_bit() -> Result<()> {
    let (train, test) = data(DType::F32)?;
    let config = |folder: &PathBuf, resume, epochs| TrainConfig {
        epochs,
        batch_size: 8,
        seed: 5,
        schedule: Schedule::Cosine { steps: 48, floor: 0.1 }.after_warmup(4),
        clip_norm: Some(0.5),
        folder: Some(folder.clone()),
        resume,
        ..Default::default()
    };
    let run = |config: &TrainConfig, stop_after: usize| -> Result<(History, Vec<Vec<f64>>)> {
        let (network, calls, flag) = (network(DType::F32)?, Cell::new(0), AtomicBool::new(false));
        let mut optimizer = adam(&network)?;
        let loss = |outputs: &Tensor, targets: &Tensor| {
            calls.set(calls.get() + 1);
            flag.store(calls.get() >= stop_after, Ordering::Relaxed);
            cross_entropy(outputs, targets)
        };
        let training = Training::new(&network, &network.varmap, &mut optimizer, loss, config.clone()).stop_when(&flag);
        let history = training.metric("accuracy", accuracy).run((&train.x, &train.y), Some((&test.x, &test.y)))?;
        Ok((history, weights(&network)?))
    };
    let straight_folder = folder("straight")?;
    let (straight, expected) = run(&config(&straight_folder, false, 6), usize::MAX)?;
    for stop_after in [1, 3, 9, 20, 30] {
        let stopped = folder(&format!("stopped-{stop_after}"))?;
        let (first, _) = run(&config(&stopped, false, 6), stop_after)?;
        assert_eq!(first.stop_reason, StopReason::Interrupted, "{stop_after}");
        let (history, weights) = run(&config(&stopped, true, 6), usize::MAX)?;
        assert_eq!((history.stop_reason, history.best), (StopReason::Finished, straight.best));
        assert_eq!(scores(&history), scores(&straight), "stopped after {stop_after}");
        assert_eq!(weights, expected, "stopped after {stop_after}");
        let best = |folder: &PathBuf| std::fs::read(folder.join("best.safetensors"));
        assert_eq!(best(&stopped)?, best(&straight_folder)?);
        std::fs::remove_dir_all(stopped)?;
    }
    // More epochs go on where fewer ended.
    let longer = folder("longer")?;
    run(&config(&longer, false, 4), usize::MAX)?;
    assert_eq!(run(&config(&longer, true, 6), usize::MAX)?.1, expected);
    let again = run(&config(&longer, true, 6), usize::MAX)?;
    assert_eq!((again.1, scores(&again.0)), (expected, scores(&straight)));

    let csv = std::fs::read_to_string(longer.join("history.csv"))?;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "epoch,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy,seconds");
    assert_eq!((lines.len(), lines[6].starts_with("6,")), (7, true));
    // The loop draws nothing by itself, whatever the features: the history is drawn where that is asked for.
    let mut files: Vec<_> = std::fs::read_dir(&longer)?.map(|file| Ok(file?.file_name())).collect::<Result<_>>()?;
    files.sort();
    assert_eq!(files, [".lock", "best.safetensors", "history.csv", "last.safetensors"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |name| Ok::<_, std::io::Error>(std::fs::metadata(longer.join(name))?.permissions().mode());
        assert_eq!([mode("best.safetensors")?, mode("last.safetensors")?], [mode("history.csv")?; 2]);
    }
    let path = longer.join("history.png");
    History::figure("moons", &[("run", &again.0)]).save(&path)?;
    assert!(std::fs::metadata(&path)?.len() > 1000);
    // Loss and accuracy are side by side. A learning rate that changes is a third panel, below them.
    let [mut steady, mut falling] = [again.0.clone(), again.0.clone()];
    for (index, (one, other)) in steady.epochs.iter_mut().zip(&mut falling.epochs).enumerate() {
        (one.learning_rate, other.learning_rate) = (0.1, 0.1 / (1 + index) as f64);
    }
    let height = |history: &History| Ok::<u32, Error>(History::figure("", &[("run", history)]).render()?.height);
    assert!(height(&falling)? > height(&steady)? + 400);

    // The best weights are written again if they are lost.
    std::fs::remove_file(longer.join("best.safetensors"))?;
    run(&config(&longer, true, 7), usize::MAX)?;
    assert!(longer.join("best.safetensors").exists());

    // A run of another kind does not take it up.
    for other in
        [TrainConfig { seed: 6, ..config(&longer, true, 8) }, TrainConfig { batch_size: 9, ..config(&longer, true, 8) }]
    {
        let error = run(&other, usize::MAX).map(|_| ()).map_err(|error| error.to_string());
        assert!(error.as_ref().is_err_and(|text| text.contains("`run`")), "{error:?}");
    }
    let missing = run(&config(&folder("empty")?, true, 6), usize::MAX).map(|_| ()).map_err(|error| error.to_string());
    assert!(missing.as_ref().is_err_and(|text| text.contains("last.safetensors")), "{missing:?}");
    // Numbers that cannot be a position.
    let last = longer.join("last.safetensors");
    let good = candle_core::safetensors::load(&last, &Device::Cpu)?;
    for (entry, value) in [
        (0, 0.0),
        (0, 3.5),
        (0, f64::NAN),
        (1, -1.0),
        (1, 3.0),
        (1, 8.0),
        (1, 1e300),
        (2, 1.0),
        (2, 1.8e19),
        (3, f64::NAN),
        (4, -1.0),
        (4, 8.0),
        (4, f64::NAN),
        (5, f64::INFINITY),
        (7, 99.0),
        (7, 0.5),
        (7, -2.0),
    ] {
        let mut bad = good.clone();
        let mut position = bad["position"].to_vec1::<f64>()?;
        position[entry] = value;
        bad.insert("position".to_owned(), Tensor::new(position, &Device::Cpu)?);
        candle_core::safetensors::save(&bad, &last)?;
        let error = run(&config(&longer, true, 8), usize::MAX).map(|_| ()).map_err(|error| error.to_string());
        assert!(error.as_ref().is_err_and(|text| text.contains("`position`")), "{entry} {value}: {error:?}");
    }
    // A new run does not leave the files of the one before.
    let (stopped, _) = run(&config(&longer, false, 6), 1)?;
    assert_eq!((stopped.epochs.len(), longer.join("best.safetensors").exists()), (0, false));
    for name in ["straight", "longer", "empty"] {
        std::fs::remove_dir_all(folder(name)?)?;
    }
    Ok(())
}

#[test]
fn patience_and_the_best_weights() -> Result<()> {
    let (train, test) = data(DType::F64)?;
    // Validation is on the opposite labels: progress on the training set is a setback here, so the first epoch
    // is the best for a while.
    let opposite = (test.y.ones_like()? - &test.y)?;
    for restore_best in [false, true] {
        let network = network(DType::F64)?;
        let mut optimizer = adam(&network)?;
        let config = TrainConfig { epochs: 50, patience: Some(4), restore_best, seed: 1, ..Default::default() };
        let history = Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, config)
            .run((&train.x, &train.y), Some((&test.x, &opposite)))?;
        let best = history.best.expect("an epoch");
        assert_eq!((history.stop_reason, history.epochs.len()), (StopReason::Patience, best + 5));
        assert!(history.epochs[0].train.metrics.is_empty());
        let now = cross_entropy(&network.forward(&test.x)?, &opposite)?.to_scalar::<f64>()?;
        let of = |epoch: &Epoch| epoch.validation.as_ref().expect("a score").loss;
        let expected = if restore_best { of(&history.epochs[best]) } else { of(&history.epochs[best + 4]) };
        close("loss of the weights", &[now], &[expected], 1e-14);
        assert!(of(&history.epochs[best]) < of(&history.epochs[best + 4]));
    }
    Ok(())
}

/// A run that is interrupted and has no folder to continue from ends with its best epoch.
#[test]
fn an_interrupted_run_ends_with_its_best_epoch() -> Result<()> {
    let (train, test) = data(DType::F64)?;
    let run = |epochs: usize, stop_after: usize| -> Result<(History, Vec<Vec<f64>>)> {
        let (network, calls, flag) = (network(DType::F64)?, Cell::new(0), AtomicBool::new(false));
        let mut optimizer = adam(&network)?;
        let loss = |outputs: &Tensor, targets: &Tensor| {
            calls.set(calls.get() + 1);
            flag.store(calls.get() >= stop_after, Ordering::Relaxed);
            cross_entropy(outputs, targets)
        };
        let config =
            TrainConfig { epochs, batch_size: 16, seed: 5, restore_best: stop_after < 100, ..Default::default() };
        let training = Training::new(&network, &network.varmap, &mut optimizer, loss, config).stop_when(&flag);
        let history = training.run((&train.x, &train.y), Some((&test.x, &test.y)))?;
        Ok((history, weights(&network)?))
    };
    // Four batches and a validation an epoch: it is stopped inside of the fifth.
    let (history, stopped) = run(9, 22)?;
    assert_eq!((history.stop_reason, history.epochs.len()), (StopReason::Interrupted, 4));
    let best = history.best.expect("an epoch");
    assert_eq!(stopped, run(best + 1, usize::MAX)?.1);
    // Before the first epoch has ended there is none.
    assert_eq!(run(9, 2)?.0.best, None);
    Ok(())
}

#[test]
fn runs_that_cannot_be() -> Result<()> {
    let (train, test) = data(DType::F32)?;
    let network = network(DType::F32)?;
    let before = weights(&network)?;
    let run = |config: TrainConfig, x: &Tensor, y: &Tensor| {
        let mut optimizer = adam(&network)?;
        Ok::<_, candle_core::Error>(
            Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, config).run((x, y), None),
        )
    };
    let none = TrainConfig { batch_size: 0, ..Default::default() };
    assert!(matches!(run(none, &train.x, &train.y)?, Err(Error::Setting { setting: "batch_size", .. })));
    assert!(matches!(run(TrainConfig::default(), &train.x, &test.y)?, Err(Error::Tensor(TensorError::Shape { .. }))));
    let (no_x, no_y) = (train.x.narrow(0, 0, 0)?, train.y.narrow(0, 0, 0)?);
    assert!(matches!(run(TrainConfig::default(), &no_x, &no_y)?, Err(Error::Setting { setting: "samples", .. })));
    let scalar = Tensor::new(1f32, &Device::Cpu)?;
    assert!(matches!(run(TrainConfig::default(), &scalar, &scalar)?, Err(Error::Setting { setting: "samples", .. })));
    assert_eq!(run(TrainConfig { epochs: 0, ..Default::default() }, &train.x, &train.y)??.epochs, []);
    let poisoned = (&train.x / 0.0)?;
    assert!(run(TrainConfig::default(), &poisoned, &train.y)?.is_err());
    assert_eq!(weights(&network)?, before);
    Ok(())
}

/// Requirements of a run are checked before it begins, and after an error the step size is as before.
#[test]
fn errors_before_the_first_step() -> Result<()> {
    let (train, _) = data(DType::F32)?;
    let network = network(DType::F32)?;
    let before = weights(&network)?;
    let set = (&train.x, &train.y);
    let mut optimizer = adam(&network)?;
    let config = TrainConfig { schedule: Schedule::Exponential { factor: 0.5 }, ..Default::default() };
    let orphan = TrainConfig { resume: true, ..config.clone() };
    let error = Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, orphan).run(set, None);
    assert!(matches!(error, Err(Error::SettingNeeds { setting: "resume", .. })));
    let nowhere = TrainConfig { folder: Some("/proc/candlewick".into()), ..config.clone() };
    let error = Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, nowhere).run(set, None);
    assert!(matches!(error, Err(Error::File(FileError::Access { path, .. })) if path.contains("candlewick")));
    let each = |outputs: &Tensor, _: &Tensor| outputs.sqr();
    let error = Training::new(&network, &network.varmap, &mut optimizer, each, config.clone()).run(set, None);
    assert!(matches!(error, Err(Error::Tensor(TensorError::Shape { what: "the loss of a batch", .. }))));
    let mut unnamed = Adam::new(network.varmap.all_vars(), AdamConfig::default())?;
    let kept = TrainConfig { folder: Some(folder("unnamed")?), ..config.clone() };
    let error = Training::new(&network, &network.varmap, &mut unnamed, cross_entropy, kept).run(set, None);
    assert!(matches!(error, Err(Error::Training(TrainingError::Unnamed { .. }))));
    assert_eq!(weights(&network)?, before);

    let calls = Cell::new(0);
    let failing = |outputs: &Tensor, targets: &Tensor| {
        calls.set(calls.get() + 1);
        if calls.get() == 5 {
            candle_core::bail!("enough")
        }
        cross_entropy(outputs, targets)
    };
    let config = TrainConfig { batch_size: 8, ..config };
    assert!(Training::new(&network, &network.varmap, &mut optimizer, failing, config).run(set, None).is_err());
    assert_eq!(optimizer.learning_rate(), 0.05);
    std::fs::remove_dir_all(folder("unnamed")?).map_err(candle_core::Error::from)
}

/// candle's own optimiser, a loss of shape [1] that is below 0, samples that are a part of a wider table.
#[test]
fn other_optimizers_and_tensors() -> Result<()> {
    let (train, test) = data(DType::F32)?;
    let wide = Tensor::cat(&[&train.x, &train.x], 1)?;
    let network = network(DType::F32)?;
    let mut sgd = candle_nn::SGD::new(network.varmap.all_vars(), 0.1)?;
    let shifted = |outputs: &Tensor, targets: &Tensor| (cross_entropy(outputs, targets)? - 5.0)?.reshape(1);
    let config = TrainConfig { epochs: 6, ..Default::default() };
    let history = Training::without_checkpoints(&network, &network.varmap, &mut sgd, shifted, config.clone())
        .run((&wide.narrow(1, 0, 2)?, &train.y), Some((&test.x, &test.y)))?;
    assert!(history.epochs[5].train.loss < history.epochs[0].train.loss && history.epochs[5].train.loss < -4.0);
    let picture = History::figure("", &[("energy", &history)]).render()?;
    let violet = picture
        .rgb
        .chunks_exact(3)
        .filter(|p| p[0].abs_diff(91) < 6 && p[1].abs_diff(63) < 6 && p[2].abs_diff(168) < 6);
    assert!(violet.count() > picture.width as usize, "curves below 0 are drawn");
    let kept = TrainConfig { folder: Some(std::env::temp_dir()), ..config };
    let error = Training::without_checkpoints(&network, &network.varmap, &mut sgd, cross_entropy, kept);
    assert!(matches!(error.run((&train.x, &train.y), None), Err(Error::SettingNeeds { setting: "folder", .. })));
    Ok(())
}

/// A score that is NaN is never the best. In all epochs it is an error that names it, whatever it was to decide; in
/// some of them it does not wear patience out for good.
#[test]
fn scores_that_are_not_numbers() -> Result<()> {
    let (train, test) = data(DType::F32)?;
    let kept = folder("nan")?;
    let config = TrainConfig { epochs: 5, folder: Some(kept.clone()), ..Default::default() };
    // NaN on the validation set, but for the epochs in `numbers`.
    let run = |config: &TrainConfig, name: &str, numbers: &[usize]| {
        let network = network(DType::F32)?;
        let mut optimizer = adam(&network)?;
        let (losses, scores) = (Cell::new(0), Cell::new(0));
        let value = |of_validation: bool, calls: &Cell<usize>| {
            calls.set(calls.get() + usize::from(of_validation));
            if of_validation && !numbers.contains(&calls.get()) { f64::NAN } else { 1.0 }
        };
        let is_validation = |targets: &Tensor| targets.elem_count() == test.len();
        let loss = |outputs: &Tensor, targets: &Tensor| {
            cross_entropy(outputs, targets)? * value(is_validation(targets), &losses)
        };
        Training::new(&network, &network.varmap, &mut optimizer, loss, config.clone())
            .metric("score", |_, targets| Ok(value(is_validation(targets), &scores)))
            .monitor(name, candlewick::train::Mode::Min)
            .run((&train.x, &train.y), Some((&test.x, &test.y)))
    };
    let plateau = ReduceOnPlateau { patience: 1, ..Default::default() };
    for (config, epochs) in [
        (config.clone(), 5),
        (TrainConfig { restore_best: true, ..config.clone() }, 5),
        (TrainConfig { patience: Some(2), ..config.clone() }, 2),
        (TrainConfig { reduce_on_plateau: Some(plateau), ..config.clone() }, 2),
    ] {
        for monitor in ["score", "loss"] {
            let error = run(&config, monitor, &[]).unwrap_err();
            let Error::Training(TrainingError::NoScore { name, epochs: count }) = error else { panic!("{error}") };
            assert_eq!((name.as_str(), count), (monitor, epochs));
            assert!(kept.join("history.csv").exists() && !kept.join("best.safetensors").exists());
        }
    }
    let history = run(&TrainConfig { patience: Some(2), ..config }, "score", &[2])?;
    assert_eq!((history.stop_reason, history.epochs.len(), history.best), (StopReason::Patience, 4, Some(1)));
    assert!(history.epochs[3].validation.as_ref().expect("a score").metrics[0].is_nan());
    assert!(History::figure("nan", &[("run", &history)]).render()?.width > 0);
    std::fs::remove_dir_all(kept).map_err(candle_core::Error::from)
}

/// A run goes on with the optimiser that it had: other moments belong to other options.
#[test]
fn another_optimizer_is_another_run() -> Result<()> {
    let (train, _) = data(DType::F32)?;
    let kept = folder("options")?;
    let run = |resume: bool, epochs: usize, decay: f64, patience: Option<usize>| {
        let network = network(DType::F32)?;
        let config = AdamConfig { weight_decay: decay, ..AdamConfig::with_learning_rate(0.05) };
        let mut optimizer = Adam::from_varmap(&network.varmap, config)?;
        let config = TrainConfig { epochs, resume, patience, folder: Some(kept.clone()), ..Default::default() };
        Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, config).run((&train.x, &train.y), None)
    };
    run(false, 1, 0.01, None)?;
    match run(true, 2, 0.02, None) {
        Err(Error::Training(TrainingError::SavedState { name, expected, actual })) => {
            let told = [name.as_str(), expected.as_str(), actual.as_str()];
            assert_eq!(told, ["options", "weight_decay = 0.02", "weight_decay = 0.01"]);
        }
        other => panic!("{other:?}"),
    }
    // Options of the run that hold from the next step on may be others.
    assert_eq!(run(true, 2, 0.01, Some(7))?.epochs.len(), 2);
    std::fs::remove_dir_all(kept).map_err(candle_core::Error::from)?;
    Ok(())
}

#[test]
fn accuracies() -> Result<()> {
    let logits = Tensor::new(&[[0.1f32, 0.9, 0.0], [2.0, 1.0, 0.0], [0.0, 1.0, 3.0], [5.0, 1.0, 2.0]], &Device::Cpu)?;
    assert_eq!(accuracy(&logits, &Tensor::new(&[1u32, 0, 2, 1], &Device::Cpu)?)?, 0.75);
    let logits = Tensor::new(&[[3f32], [-1.0], [0.5], [0.0]], &Device::Cpu)?;
    assert_eq!(binary_accuracy(&logits, &Tensor::new(&[[1f32], [0.0], [0.0], [0.0]], &Device::Cpu)?)?, 0.75);
    Ok(())
}

/// A training without a metric has none in its scores and files, and goes on without one.
#[test]
fn a_metric_that_there_is_not() -> Result<()> {
    let (train, test) = data(DType::F32)?;
    let kept = folder("no-metric")?;
    let config = |epochs, resume| TrainConfig { epochs, resume, folder: Some(kept.clone()), ..Default::default() };
    let run = |config: TrainConfig, metric: bool| {
        let network = network(DType::F32)?;
        let mut optimizer = adam(&network)?;
        let training = Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, config);
        let training = if metric { training.metric("accuracy", accuracy) } else { training };
        training.run((&train.x, &train.y), Some((&test.x, &test.y)))
    };
    run(config(2, false), false)?;
    let history = run(config(4, true), false)?;
    assert_eq!(history.epochs.len(), 4);
    for epoch in &history.epochs {
        let validation = epoch.validation.as_ref().expect("a score");
        assert_eq!((epoch.train.metrics.len(), validation.metrics.len()), (0, 0));
    }
    let csv = std::fs::read_to_string(kept.join("history.csv"))?;
    for line in csv.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        assert!(fields.len() == 5 && fields.iter().all(|field| !field.is_empty()), "{line}");
    }
    let error = run(config(5, true), true).expect_err("a run without a metric");
    assert!(error.to_string().contains("without a metric"), "{error}");
    std::fs::remove_dir_all(kept).map_err(candle_core::Error::from)?;
    Ok(())
}
