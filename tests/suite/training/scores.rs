//! Several metrics, metrics of the whole set, and the score that chooses.

use super::*;
use candlewick::error::TrainingError;
use candlewick::metrics::{macro_f1, roc_auc};
use candlewick::train::Mode;

/// Metrics of the whole set are those of all outputs at once, also where a mean over batches is another number.
#[test]
fn scores_of_the_whole_set() -> Result<()> {
    let (train, test) = data(DType::F64)?;
    let network = network(DType::F64)?;
    let mut optimizer = adam(&network)?;
    let config = TrainConfig { epochs: 3, batch_size: 8, ..Default::default() };
    let history = Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, config)
        .metric("accuracy", accuracy)
        .metric("AUC", roc_auc)
        .metric("macro F1", macro_f1)
        .metric("loss of the set", |outputs, labels| cross_entropy(outputs, labels)?.to_scalar::<f64>())
        .run((&train.x, &train.y), Some((&test.x, &test.y)))?;
    assert_eq!(history.metrics, ["accuracy", "AUC", "macro F1", "loss of the set"]);
    let last = history.last().expect("three epochs");
    let outputs = network.forward(&test.x)?;
    let expected = [accuracy(&outputs, &test.y)?, roc_auc(&outputs, &test.y)?, macro_f1(&outputs, &test.y)?];
    let score = last.validation.as_ref().expect("a score");
    close("validation", &score.metrics[..3], &expected, 1e-12);
    close("losses", &[score.metrics[3]], &[score.loss], 1e-12);
    close("training losses", &[last.train.metrics[3]], &[last.train.loss], 1e-12);
    close("by name", &history.values("AUC")[2..], &expected[1..2], 1e-12);
    assert_eq!((history.values("loss").len(), history.values("recall").len()), (3, 0));
    let csv = history.to_csv();
    let names = "epoch,learning_rate,train_loss,train_accuracy,train_AUC,train_macro F1,train_loss of the set,\
                 validation_loss,validation_accuracy,validation_AUC,validation_macro F1,validation_loss of the set,seconds";
    assert_eq!(csv.lines().next(), Some(names));
    assert!(csv.lines().all(|line| line.split(',').count() == 13));
    assert!(History::figure("scores", &[("run", &history)]).render()?.width > 0);
    Ok(())
}

/// The best epoch is that of the score that was named, and so are its weights and the end of patience.
#[test]
fn another_score_chooses() -> Result<()> {
    let (train, test) = data(DType::F64)?;
    // A score that rises for three epochs and falls from then on, counted by its calls on the validation set.
    let calls = Cell::new(0);
    let tent = |_: &Tensor, targets: &Tensor| {
        let is_validation = targets.elem_count() == test.len();
        calls.set(calls.get() + usize::from(is_validation));
        Ok(-(calls.get() as f64 - 3.0).abs())
    };
    for (mode, best) in [(Mode::Max, 2), (Mode::Min, 0)] {
        calls.set(0);
        let network = network(DType::F64)?;
        let kept = folder(&format!("monitor-{best}"))?;
        let mut optimizer = adam(&network)?;
        let config = TrainConfig {
            epochs: 50,
            patience: Some(2),
            restore_best: true,
            folder: Some(kept.clone()),
            ..Default::default()
        };
        let history = Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, config)
            .metric("tent", tent)
            .monitor("tent", mode)
            .run((&train.x, &train.y), Some((&test.x, &test.y)))?;
        // Downwards, the first epochs are -2, -1, 0; then -1, -2 are no better, and -3 is.
        let ends = if mode == Mode::Max { best + 3 } else { 3 };
        assert_eq!((history.stop_reason, history.best, history.epochs.len()), (StopReason::Patience, Some(best), ends));
        assert_eq!((history.monitor.name.as_str(), history.monitor.mode), ("tent", mode));
        let now = cross_entropy(&network.forward(&test.x)?, &test.y)?.to_scalar::<f64>()?;
        let of_best = history.best_epoch().and_then(|epoch| epoch.validation.as_ref()).expect("a score");
        close("weights of the best epoch", &[now], &[of_best.loss], 1e-13);
        let mut saved = self::network(DType::F64)?;
        saved.varmap.load(kept.join("best.safetensors"))?;
        assert_eq!(weights(&saved)?, weights(&network)?);
        std::fs::remove_dir_all(kept)?;
    }
    Ok(())
}

/// A run that was stopped inside an epoch has the outputs of the completed batches in its file.
#[test]
fn scores_of_the_set_survive_a_stop() -> Result<()> {
    let (train, test) = data(DType::F32)?;
    let run = |folder: &PathBuf, resume, stop_after: usize, name: &str| -> Result<(History, Vec<Vec<f64>>)> {
        let (network, calls, flag) = (network(DType::F32)?, Cell::new(0), AtomicBool::new(false));
        let mut optimizer = adam(&network)?;
        let loss = |outputs: &Tensor, targets: &Tensor| {
            calls.set(calls.get() + 1);
            flag.store(calls.get() >= stop_after, Ordering::Relaxed);
            cross_entropy(outputs, targets)
        };
        let config =
            TrainConfig { epochs: 3, batch_size: 8, folder: Some(folder.clone()), resume, ..Default::default() };
        let history = Training::new(&network, &network.varmap, &mut optimizer, loss, config)
            .metric("accuracy", accuracy)
            .metric(name, roc_auc)
            .monitor(name, Mode::Max)
            .stop_when(&flag)
            .run((&train.x, &train.y), Some((&test.x, &test.y)))?;
        Ok((history, weights(&network)?))
    };
    let straight_folder = folder("scores-straight")?;
    let (straight, expected) = run(&straight_folder, false, usize::MAX, "AUC")?;
    for stop_after in [1, 3, 15, 22] {
        let stopped = folder(&format!("scores-{stop_after}"))?;
        let (first, _) = run(&stopped, false, stop_after, "AUC")?;
        assert_eq!(first.stop_reason, StopReason::Interrupted);
        let (history, weights) = run(&stopped, true, usize::MAX, "AUC")?;
        assert_eq!((scores(&history), weights), (scores(&straight), expected.clone()), "stopped after {stop_after}");
        assert_eq!(history.best, straight.best);
        let error = run(&stopped, true, usize::MAX, "area").map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("Max area"), "{error}");
        std::fs::remove_dir_all(stopped)?;
    }
    std::fs::remove_dir_all(straight_folder).map_err(candle_core::Error::from)
}

#[test]
fn scores_have_names_of_their_own() -> Result<()> {
    let (train, _) = data(DType::F32)?;
    let network = network(DType::F32)?;
    let run = |names: &[&str], monitor: &str| {
        let mut optimizer = adam(&network)?;
        let mut training =
            Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, TrainConfig::default());
        for name in names {
            training = training.metric(*name, accuracy);
        }
        training.monitor(monitor, Mode::Max).run((&train.x, &train.y), None)
    };
    for names in [&["a", "b", "a"][..], &["loss"]] {
        assert!(matches!(run(names, "loss"), Err(Error::Training(TrainingError::ScoreTwice { .. }))));
    }
    let error = run(&["a", "b"], "c").unwrap_err();
    assert!(
        matches!(&error, Error::Training(TrainingError::UnknownScore { name, known }) if name == "c" && known == &["loss", "a", "b"]),
        "{error}"
    );
    // A metric of one class has no curve: the error comes with the class.
    let mut optimizer = adam(&network)?;
    let zeros = train.y.zeros_like()?;
    let error = Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, TrainConfig::default())
        .metric("AUC", roc_auc)
        .run((&train.x, &zeros), None)
        .unwrap_err();
    assert!(matches!(error, Error::Data(candlewick::error::DataError::EmptyClass { class: 1, classes: 2 })), "{error}");
    Ok(())
}

/// The loss of a validation set with weights of classes is that of all its samples, in whatever order and batches.
#[test]
fn a_weighted_loss_is_that_of_the_set() -> Result<()> {
    let (train, test) = data(DType::F64)?;
    let loss = candlewick::nn::loss::CrossEntropy { weights: Some(vec![1.0, 9.0]), ..Default::default() };
    let mut order: Vec<u32> = (0..test.len() as u32).collect();
    let classes = test.y.to_vec1::<u32>()?;
    order.sort_by_key(|sample| classes[*sample as usize]);
    let sorted = test.select(&order)?;
    let mut found = Vec::new();
    for (set, batch_size) in [(&test, 3), (&sorted, 3), (&sorted, 1000)] {
        let network = network(DType::F64)?;
        let mut optimizer = adam(&network)?;
        let config = TrainConfig { epochs: 1, batch_size, ..Default::default() };
        // The batch of training is the same in all runs, so that the weights are.
        let config = TrainConfig { batch_size: config.batch_size, accumulate_batches: 1, ..config };
        let judge = |outputs: &Tensor, labels: &Tensor| loss.forward(outputs, labels);
        let history = Training::new(&network, &network.varmap, &mut optimizer, judge, config)
            .run((&train.x, &train.y), Some((&set.x, &set.y)))?;
        let expected = loss.forward(&network.forward(&test.x)?, &test.y)?.to_scalar::<f64>()?;
        found.push(history.last().and_then(|epoch| epoch.validation.as_ref()).expect("a score").loss - expected);
    }
    close("differences from the loss of the set", &found, &[0.0; 3], 1e-12);
    Ok(())
}

/// A run does not continue with a metric of another kind under the same name.
#[test]
fn a_metric_of_another_kind_is_another_run() -> Result<()> {
    let (train, test) = data(DType::F64)?;
    let folder = std::env::temp_dir().join(format!("candlewick-kinds-{}", std::process::id()));
    let run = |of_batches: bool, resume: bool, epochs: usize| {
        let network = network(DType::F64)?;
        let mut optimizer = adam(&network)?;
        let config = TrainConfig { epochs, folder: Some(folder.clone()), resume, ..Default::default() };
        let training = Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, config);
        let training = if of_batches { training.batch_metric("m", accuracy) } else { training.metric("m", accuracy) };
        training.run((&train.x, &train.y), Some((&test.x, &test.y)))
    };
    run(true, false, 1)?;
    assert_eq!(run(true, true, 2)?.epochs.len(), 2);
    let error = run(false, true, 3).expect_err("another kind");
    assert!(error.to_string().contains("of batches"), "{error}");
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// Integers as targets of a single output are no classes: a loss of numbers takes them, in a validation set too.
#[test]
fn whole_numbers_as_targets() -> Result<()> {
    let x = Tensor::new(&[[0.0f32], [1.0], [2.0], [3.0]], &Device::Cpu)?;
    let y = Tensor::new(&[0u32, 2, 4, 6], &Device::Cpu)?;
    let varmap = VarMap::new();
    let model = candle_nn::linear(1, 1, candle_nn::VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu))?;
    let mut optimizer = Adam::from_varmap(&varmap, AdamConfig::default())?;
    let squares =
        |outputs: &Tensor, targets: &Tensor| (outputs.squeeze(1)? - targets.to_dtype(DType::F32)?)?.sqr()?.mean_all();
    let config = TrainConfig { epochs: 1, ..Default::default() };
    let history = Training::new(&model, &varmap, &mut optimizer, squares, config).run((&x, &y), Some((&x, &y)))?;
    let found = history.last().and_then(|epoch| epoch.validation.as_ref()).expect("a score").loss;
    let expected = squares(&candle_core::Module::forward(&model, &x)?, &y)?.to_scalar::<f32>()?;
    close("loss", &[found], &[f64::from(expected)], 1e-6);
    Ok(())
}
