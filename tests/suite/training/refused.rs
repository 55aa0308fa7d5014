//! Runs that cannot learn, runs in a folder that another run has, and errors that have to be distinguished.

use super::*;
use candlewick::error::{DataError, FileError, TensorError, TrainingError};

/// A model, from its inputs to its outputs.
struct Func<F>(F);

impl<F: Fn(&Tensor) -> Result<Tensor>> Module for Func<F> {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        (self.0)(x)
    }
}

fn train(model: &dyn candle_core::ModuleT, varmap: &VarMap, config: &TrainConfig) -> candlewick::Result<History> {
    let (train, _) = data(DType::F32)?;
    let mut optimizer = Adam::from_varmap(varmap, AdamConfig::with_learning_rate(0.05))?;
    Training::new(model, varmap, &mut optimizer, cross_entropy, config.clone()).run((&train.x, &train.y), None)
}

/// Candle's `softmax_last_dim` has no derivative. A run with it behind the only layer cannot learn, and neither can a
/// run of a detached model or of an empty map.
#[test]
fn runs_that_cannot_learn_say_so() -> Result<()> {
    let network = network(DType::F32)?;
    let before = weights(&network)?;
    let config = TrainConfig { epochs: 3, ..Default::default() };
    let softmax = Func(|x: &Tensor| candle_nn::ops::softmax_last_dim(&network.forward(x)?));
    let detached = Func(|x: &Tensor| Ok(network.forward(x)?.detach()));
    let names = ["head.bias", "head.weight", "quantum.w"];
    for model in [&softmax as &dyn candle_core::ModuleT, &detached] {
        for clip_norm in [None, Some(1.0)] {
            let error = train(model, &network.varmap, &TrainConfig { clip_norm, ..config.clone() }).unwrap_err();
            assert!(
                matches!(&error, Error::Training(TrainingError::NoVariableGradient { of: "training", variables }) if variables == &names)
            );
        }
    }
    // Candle's own optimiser would have taken no step without a word.
    let (set, _) = data(DType::F32)?;
    let mut sgd = candle_nn::SGD::new(network.varmap.all_vars(), 0.1)?;
    let run = Training::without_checkpoints(&softmax, &network.varmap, &mut sgd, cross_entropy, config.clone());
    let error = run.run((&set.x, &set.y), None).unwrap_err();
    assert!(matches!(error, Error::Training(TrainingError::NoVariableGradient { .. })), "{error}");
    assert!(matches!(
        train(&network, &VarMap::new(), &config),
        Err(Error::Training(TrainingError::NoVariables { of: "Adam" }))
    ));
    let nothing = VarMap::new();
    let mut sgd = candle_nn::SGD::new(nothing.all_vars(), 0.1)?;
    let run = Training::without_checkpoints(&network, &nothing, &mut sgd, cross_entropy, config.clone());
    assert!(matches!(
        run.run((&set.x, &set.y), None),
        Err(Error::Training(TrainingError::NoVariables { of: "training" }))
    ));
    assert_eq!(weights(&network)?, before);
    let hasty = TrainConfig { patience: Some(0), ..config };
    assert!(matches!(train(&network, &network.varmap, &hasty), Err(Error::Setting { setting: "patience", .. })));
    Ok(())
}

/// The gradient ends at candle's layer norm, and is 0 for an angle without effect. The history names the variables that
/// no gradient has reached, also for a run that was stopped and continued.
#[test]
fn variables_without_a_gradient_are_named() -> Result<()> {
    let build = || -> Result<(VarMap, candle_nn::Sequential)> {
        let varmap = VarMap::new();
        let vb = SeededInit::new(2).var_builder(&varmap, DType::F32, &Device::Cpu);
        let mut circuit = Circuit::new(2);
        circuit.ry(input(0), 0).ry(input(1), 1);
        circuit.strongly_entangling_layers("w", 2);
        circuit.weights("unused", 3);
        let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0), Z(1)]), vb.pp("quantum"))?;
        let norm = candle_nn::layer_norm(2, 1e-5, vb.pp("norm"))?;
        Ok((varmap.clone(), candle_nn::seq().add(candle_nn::linear(2, 2, vb.pp("in"))?).add(norm).add(layer)))
    };
    let expected = ["in.bias", "in.weight", "norm.bias", "norm.weight", "quantum.unused"];
    let folder = folder("unreached")?;
    let config = TrainConfig { epochs: 2, folder: Some(folder.clone()), ..Default::default() };
    let (varmap, model) = build()?;
    assert_eq!(train(&model, &varmap, &config)?.without_gradient, expected);
    let (varmap, model) = build()?;
    let longer = TrainConfig { epochs: 3, resume: true, ..config };
    assert_eq!(train(&model, &varmap, &longer)?.without_gradient, expected);
    // No further step: the file has the variables that earlier steps have reached.
    let (varmap, model) = build()?;
    assert_eq!(train(&model, &varmap, &longer)?.without_gradient, expected);
    let whole = network(DType::F32)?;
    assert!(
        train(&whole, &whole.varmap, &TrainConfig { epochs: 1, ..Default::default() })?.without_gradient.is_empty()
    );
    std::fs::remove_dir_all(folder).map_err(candle_core::Error::from)
}

/// A loop can act on the type of an error, wherever it comes from.
#[test]
fn errors_of_a_run_are_typed() -> Result<()> {
    let (set, _) = data(DType::F32)?;
    let network = network(DType::F32)?;
    for clip_norm in [None, Some(1.0)] {
        let config = TrainConfig { epochs: 1, clip_norm, ..Default::default() };
        let mut optimizer = adam(&network)?;
        let mut run = |x: &Tensor| {
            Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, config.clone())
                .run((x, &set.y), None)
        };
        assert!(matches!(run(&(&set.x / 0.0)?), Err(Error::Training(TrainingError::SampleNotFinite { .. }))));
        let wide = Tensor::cat(&[&set.x, &set.x], 1)?;
        assert!(matches!(run(&wide), Err(Error::Tensor(TensorError::InputWidth { expected: 2, .. }))));
    }
    Ok(())
}

/// A number that is not finite is named by its set, sample and column, wherever it comes in: in a batch far from the
/// first, in memory or from a source, with an optimiser that does not look at its gradients.
#[test]
fn numbers_that_are_not_finite_have_a_place() -> Result<()> {
    let (set, test) = data(DType::F32)?;
    let config = TrainConfig { epochs: 3, batch_size: 8, accumulate_batches: 2, ..Default::default() };
    let spoilt = |of: &Tensor, row: usize, column: usize, value: f32| {
        let mut rows = of.to_vec2::<f32>()?;
        rows[row][column] = value;
        Tensor::new(rows, &Device::Cpu)
    };
    let squares = |outputs: &Tensor, targets: &Tensor| (outputs - targets)?.sqr()?.mean_all();
    let numbers = |of: &Dataset| Tensor::stack(&[&of.y, &of.y], 1)?.to_dtype(DType::F32);
    let (y, test_y) = (numbers(&set)?, numbers(&test)?);
    let run = |x: &Tensor, y: &Tensor, test_x: &Tensor, test_y: &Tensor, by_source: bool| {
        let network = network(DType::F32)?;
        let mut sgd = candle_nn::SGD::new(network.varmap.all_vars(), 0.1)?;
        let training = Training::without_checkpoints(&network, &network.varmap, &mut sgd, squares, config.clone());
        let outcome = match by_source {
            true => training.run_on(&InMemory(x.clone(), y.clone()), Some(&InMemory(test_x.clone(), test_y.clone()))),
            false => training.run((x, y), Some((test_x, test_y))),
        };
        let error = outcome.expect_err("a number that is not finite");
        assert!(weights(&network)?.concat().iter().all(|weight| weight.is_finite()));
        let Error::Training(TrainingError::SampleNotFinite { set, sample, what, column, value }) = error else {
            panic!("{error}")
        };
        Ok::<_, candle_core::Error>((set, sample, what, column, value.is_nan()))
    };
    let (nan, infinite) = (f32::NAN, f32::INFINITY);
    for by_source in [false, true] {
        let x = spoilt(&set.x, 41, 1, nan)?;
        assert_eq!(run(&x, &y, &test.x, &test_y, by_source)?, ("training", 41, "feature", 1, true));
        let x = spoilt(&set.x, 3, 0, infinite)?;
        assert_eq!(run(&x, &y, &test.x, &test_y, by_source)?, ("training", 3, "feature", 0, false));
        let bad = spoilt(&y, 60, 1, nan)?;
        assert_eq!(run(&set.x, &bad, &test.x, &test_y, by_source)?, ("training", 60, "target", 1, true));
        let x = spoilt(&test.x, 27, 0, nan)?;
        assert_eq!(run(&set.x, &y, &x, &test_y, by_source)?, ("validation", 27, "feature", 0, true));
        let bad = spoilt(&test_y, 11, 0, infinite)?;
        assert_eq!(run(&set.x, &y, &test.x, &bad, by_source)?, ("validation", 11, "target", 0, false));
    }
    Ok(())
}

/// A loss can be finite where a feature is not, and the gradient is not finite then: tanh of an infinity is 1.
#[test]
fn a_finite_loss_of_an_infinite_feature() -> Result<()> {
    let x = Tensor::new(&[[0.5f32], [1.0], [f32::NEG_INFINITY], [2.0]], &Device::Cpu)?;
    let y = x.zeros_like()?;
    let varmap = VarMap::new();
    let vb = SeededInit::new(3).var_builder(&varmap, DType::F32, &Device::Cpu);
    let model = candle_nn::seq().add(candle_nn::linear_no_bias(1, 1, vb)?).add_fn(Tensor::tanh);
    let squares = |outputs: &Tensor, targets: &Tensor| (outputs - targets)?.sqr()?.mean_all();
    assert!(squares(&model.forward(&x)?, &y)?.to_scalar::<f32>()?.is_finite());
    for clip_norm in [None, Some(1.0)] {
        let mut optimizer = Adam::from_varmap(&varmap, AdamConfig::default())?;
        let config = TrainConfig { epochs: 1, clip_norm, ..Default::default() };
        let error = Training::new(&model, &varmap, &mut optimizer, squares, config).run((&x, &y), None).unwrap_err();
        let found = matches!(
            error,
            Error::Training(TrainingError::SampleNotFinite {
                set: "training",
                sample: 2,
                what: "feature",
                column: 0,
                ..
            })
        );
        assert!(found, "{error}");
    }
    Ok(())
}

/// Rows of tensors, as a source.
struct InMemory(Tensor, Tensor);

impl candlewick::train::BatchSource for InMemory {
    fn samples(&self) -> usize {
        self.0.dims()[0]
    }

    fn batch(&self, samples: &[u32]) -> Result<(Tensor, Tensor)> {
        let rows = Tensor::new(samples, &Device::Cpu)?;
        Ok((self.0.index_select(&rows, 0)?, self.1.index_select(&rows, 0)?))
    }
}

/// A weight that is not finite is named; a loss of finite numbers that is not finite comes with its step.
#[test]
fn weights_and_losses_that_are_not_finite() -> Result<()> {
    let (set, _) = data(DType::F32)?;
    let config = TrainConfig { epochs: 3, batch_size: 8, ..Default::default() };
    let network = network(DType::F32)?;
    let calls = Cell::new(0);
    let run = |at: usize| {
        calls.set(0);
        let loss = |outputs: &Tensor, targets: &Tensor| {
            calls.set(calls.get() + 1);
            cross_entropy(outputs, targets)? * if calls.get() == at { f64::INFINITY } else { 1.0 }
        };
        let mut optimizer = adam(&network)?;
        let training = Training::new(&network, &network.varmap, &mut optimizer, loss, config.clone());
        training.run((&set.x, &set.y), None)
    };
    let error = run(11).unwrap_err();
    assert!(
        matches!(error, Error::Training(TrainingError::LossNotFinite { of: "training", evaluation: 11, .. })),
        "{error}"
    );
    let (name, bias) = variables(&network.varmap)?.remove(0);
    bias.set(&Tensor::new(&[0.5f32, f32::NAN], &Device::Cpu)?)?;
    let error = run(0).unwrap_err();
    assert!(
        matches!(&error, Error::Training(TrainingError::WeightNotFinite { name: of, entry: 1, .. }) if *of == name),
        "{error}"
    );
    Ok(())
}

/// A folder is one run's: a second one would remove and rename the files of the first.
#[test]
fn two_runs_do_not_share_a_folder() -> Result<()> {
    let (set, _) = data(DType::F32)?;
    let shared = folder("shared")?;
    let config = TrainConfig { epochs: 2, folder: Some(shared.clone()), ..Default::default() };
    let refused = Cell::new(0);
    let outer = network(DType::F32)?;
    let mut optimizer = adam(&outer)?;
    let while_running = |outputs: &Tensor, targets: &Tensor| {
        for resume in [false, true] {
            let inner = network(DType::F32)?;
            match train(&inner, &inner.varmap, &TrainConfig { resume, ..config.clone() }) {
                Err(Error::File(FileError::FolderInUse { folder })) => assert!(folder.contains("candlewick-shared")),
                other => panic!("{other:?}"),
            }
            refused.set(refused.get() + 1);
        }
        cross_entropy(outputs, targets)
    };
    let run = Training::new(&outer, &outer.varmap, &mut optimizer, while_running, config.clone());
    assert_eq!(run.run((&set.x, &set.y), None)?.epochs.len(), 2);
    assert!(refused.get() >= 4);
    // Afterwards it is free again.
    let next = network(DType::F32)?;
    train(&next, &next.varmap, &TrainConfig { resume: true, epochs: 3, ..config.clone() })?;
    std::fs::remove_dir_all(shared).map_err(candle_core::Error::from)
}

/// Three classes for a model of two outputs: the error names the sample, in the set and not in the batch.
#[test]
fn labels_beyond_the_outputs() -> Result<()> {
    let (set, _) = data(DType::F32)?;
    let network = network(DType::F32)?;
    let samples = set.len();
    let mut labels = set.y.to_vec1::<u32>()?;
    labels[17] = 2;
    let wrong = Tensor::new(labels, &Device::Cpu)?;
    let config = TrainConfig { epochs: 1, batch_size: 8, ..Default::default() };
    let run = |train: &Tensor, test: &Tensor| {
        let mut optimizer = adam(&network)?;
        let training = Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, config.clone());
        training.run((&set.x, train), Some((&set.x, test)))
    };
    for (train, test) in [(&wrong, &set.y), (&set.y, &wrong)] {
        let error = run(train, test).unwrap_err();
        assert!(matches!(error, Error::Data(DataError::Label { sample: 17, classes: 2 })), "{error}");
    }
    // Other errors of a loss stay as they are.
    let short = set.y.narrow(0, 0, samples)?.unsqueeze(1)?;
    assert!(matches!(run(&short, &set.y), Err(Error::Candle(_))));
    Ok(())
}
