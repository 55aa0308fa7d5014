//! Optimisers, schedules and clipping, against formulas, candle's own AdamW and runs that were never stopped.

mod lbfgs;

use crate::lab::close;
use candle_core::{DType, Device, Module, Result, Tensor, Var};
use candle_nn::{AdamW, Init, Optimizer, ParamsAdamW, VarBuilder, VarMap};
use candlewick::Error;
use candlewick::error::{FileError, TensorError, TrainingError};
use candlewick::nn::SeededInit;
use candlewick::optim::{
    Adam, AdamConfig, ReduceOnPlateau, Resume, Schedule, Spsa, SpsaConfig, clip_by_norm, clip_by_value, save_weights,
    variables,
};
use candlewick::prelude::*;

/// A small hybrid network: a dense layer, a circuit, and some weights that nothing reads.
fn network(dtype: DType) -> Result<(VarMap, impl Module)> {
    let varmap = VarMap::new();
    let vb = SeededInit::new(3).var_builder(&varmap, dtype, &Device::Cpu);
    vb.get_with_hints(4, "idle", Init::Const(0.25))?;
    let mut circuit = Circuit::new(2);
    circuit.ry(input(0), 0).ry(input(1), 1);
    circuit.strongly_entangling_layers("w", 2);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0), Z(1)]), vb.pp("quantum"))?;
    Ok((varmap, candle_nn::seq().add(candle_nn::linear(3, 2, vb.pp("in"))?).add(layer)))
}

/// Loss of step `step`: the data differ from step to step.
fn loss(model: &impl Module, dtype: DType, step: u64) -> Result<Tensor> {
    let x: Vec<f64> = (0..12).map(|k| ((k + 5 * step) as f64 * 0.7).sin()).collect();
    let x = Tensor::from_vec(x, (4, 3), &Device::Cpu)?.to_dtype(dtype)?;
    (model.forward(&x)? - 0.5)?.sqr()?.mean_all()
}

fn weights(varmap: &VarMap) -> Result<Vec<(String, Vec<f64>)>> {
    let row = |(name, var): (String, Var)| Ok((name, var.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?));
    variables(varmap)?.into_iter().map(row).collect()
}

#[test]
fn adam_is_candles() -> Result<()> {
    for (dtype, tolerance, weight_decay) in
        [(DType::F32, 2e-6, 0.0), (DType::F64, 1e-13, 0.0), (DType::F32, 2e-6, 0.3), (DType::F64, 1e-13, 0.3)]
    {
        let ((ours, our_model), (theirs, their_model)) = (network(dtype)?, network(dtype)?);
        let config = AdamConfig { learning_rate: 0.05, weight_decay, ..Default::default() };
        let mut adam = Adam::from_varmap(&ours, config)?;
        let params = ParamsAdamW { lr: 0.05, weight_decay, ..Default::default() };
        let mut adamw = AdamW::new(theirs.all_vars(), params)?;
        for step in 0..25 {
            adam.backward_step(&loss(&our_model, dtype, step)?)?;
            adamw.backward_step(&loss(&their_model, dtype, step)?)?;
        }
        for ((name, ours), (_, theirs)) in weights(&ours)?.iter().zip(&weights(&theirs)?) {
            close(name, ours, theirs, tolerance);
        }
        assert_eq!(weights(&ours)?[0], ("idle".to_owned(), vec![0.25; 4]));
    }
    Ok(())
}

/// AdamW's own numbers: with a constant gradient of 1 the step is `lr` long, after the decay by `1 - lr * decay`.
#[test]
fn weight_decay_is_decoupled() -> Result<()> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let x = vb.get_with_hints(2, "x", Init::Const(2.0))?;
    let idle = vb.get_with_hints(2, "idle", Init::Const(2.0))?;
    let config = AdamConfig { learning_rate: 0.1, weight_decay: 0.5, ..Default::default() };
    let mut adam = Adam::from_varmap(&varmap, config)?;
    let mut expected = 2.0;
    for _ in 0..20 {
        adam.backward_step(&x.sum_all()?)?;
        expected = 0.95 * expected - 0.1;
    }
    close("decayed", &x.to_vec1::<f64>()?, &[expected; 2], 1e-7);
    assert_eq!(idle.to_vec1::<f64>()?, [2.0; 2]);
    Ok(())
}

/// A variable that is shared out among threads, against the formula entry by entry.
#[test]
fn adam_on_a_large_variable() -> Result<()> {
    let count = 200_003;
    let start = |k: usize| (k as f64 * 0.37).sin();
    let slope = |k: usize, step: usize| ((k + 1) as f64 * 0.11 * step as f64).cos();
    let tensor =
        |f: &dyn Fn(usize) -> f64| Tensor::from_vec((0..count).map(f).collect::<Vec<_>>(), count, &Device::Cpu);
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let var = vb.get_with_hints(count, "large", Init::Const(0.0))?;
    variables(&varmap)?[0].1.set(&tensor(&start)?)?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(0.1))?;
    for step in 1..=3 {
        adam.backward_step(&(&var * tensor(&|k| slope(k, step))?)?.sum_all()?)?;
    }
    let after = var.to_vec1::<f64>()?;
    for k in (0..count).step_by(997).chain([count - 1]) {
        let (mut weight, mut m, mut v) = (start(k), 0.0, 0.0);
        for step in 1..=3 {
            let g = slope(k, step);
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let (m_hat, v_hat): (f64, f64) =
                (m / (1.0 - 0.9f64.powi(step as i32)), v / (1.0 - 0.999f64.powi(step as i32)));
            weight -= 0.1 * m_hat / (v_hat.sqrt() + 1e-8);
        }
        close("entry", &[after[k]], &[weight], 1e-13);
    }
    Ok(())
}

/// Steps far below the rounding of BF16 add up, and a variable that was set in between stays where it was put.
#[test]
fn adam_trains_half_precision() -> Result<()> {
    for dtype in [DType::F16, DType::BF16] {
        let varmap = VarMap::new();
        let vb = VarBuilder::from_varmap(&varmap, dtype, &Device::Cpu);
        let x = vb.get_with_hints(2, "x", Init::Const(1.0))?;
        let var = variables(&varmap)?[0].1.clone();
        let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(1e-4))?;
        for _ in 0..1000 {
            adam.backward_step(&x.sum_all()?)?; // each step is 1e-4 long
        }
        close("sum", &var.to_dtype(DType::F64)?.to_vec1::<f64>()?, &[0.9, 0.9], 2e-3);
        var.set(&Tensor::new(&[5f32, 5.0], &Device::Cpu)?.to_dtype(dtype)?)?;
        adam.backward_step(&x.sum_all()?)?;
        close("set", &var.to_dtype(DType::F64)?.to_vec1::<f64>()?, &[5.0, 5.0], 1e-2);
    }
    Ok(())
}

/// Variables may be empty, for instance the angles of all pairs of a single qubit.
#[test]
fn adam_passes_over_variables_without_entries() -> Result<()> {
    for dtype in [DType::F16, DType::F32, DType::F64] {
        let varmap = VarMap::new();
        let vb = VarBuilder::from_varmap(&varmap, dtype, &Device::Cpu);
        let empty = vb.get_with_hints((4, 0), "empty", Init::Const(1.0))?;
        let one = vb.get_with_hints(1, "one", Init::Const(1.0))?;
        let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(0.25))?;
        adam.backward_step(&(one.sum_all()? + empty.sum_all()?)?)?;
        close("one", &one.to_dtype(DType::F64)?.to_vec1::<f64>()?, &[0.75], 1e-8);
    }
    Ok(())
}

/// A stopped run continues bit for bit in every dtype.
#[test]
fn a_stopped_run_continues() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("candlewick-optim-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    for dtype in [DType::F32, DType::F64, DType::BF16] {
        let (varmap, model) = network(dtype)?;
        let config = AdamConfig { learning_rate: 0.05, weight_decay: 0.2, ..Default::default() };
        let mut adam = Adam::from_varmap(&varmap, config)?;
        let (model_file, adam_file) = (folder.join("model.safetensors"), folder.join("adam.safetensors"));
        for step in 0..20 {
            if step == 8 {
                varmap.save(&model_file)?;
                adam.save_state(&adam_file)?;
            }
            adam.backward_step(&loss(&model, dtype, step)?)?;
        }
        let (mut other, other_model) = network(dtype)?;
        let mut other_adam = Adam::from_varmap(&other, config)?;
        other.load(&model_file)?;
        other_adam.load_state(&adam_file)?;
        assert_eq!(other_adam.steps(), 8);
        for step in 8..20 {
            other_adam.backward_step(&loss(&other_model, dtype, step)?)?;
        }
        assert_eq!(weights(&varmap)?, weights(&other)?, "{dtype:?}");
    }
    Ok(std::fs::remove_dir_all(folder)?)
}

/// Files can be read by whoever can read other files of the process, and a file that is replaced keeps its mode.
#[cfg(unix)]
#[test]
fn files_have_the_mode_of_the_umask() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::env::temp_dir().join(format!("candlewick-modes-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let mode = |name: &str| Ok::<_, std::io::Error>(std::fs::metadata(folder.join(name))?.permissions().mode());
    std::fs::write(folder.join("plain"), "")?;
    let (varmap, model) = network(DType::F32)?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::default())?;
    adam.backward_step(&loss(&model, DType::F32, 0)?)?;
    let file = folder.join("adam.safetensors");
    adam.save_state(&file)?;
    assert_eq!(mode("adam.safetensors")?, mode("plain")?);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640))?;
    adam.save_state(&file)?;
    assert_eq!(mode("adam.safetensors")? & 0o777, 0o640);
    adam.load_state(&file)?;
    save_weights(&varmap, folder.join("weights.safetensors"))?;
    assert_eq!(mode("weights.safetensors")?, mode("plain")?);
    let (mut loaded, _) = network(DType::F32)?;
    loaded.load(folder.join("weights.safetensors"))?;
    assert_eq!(weights(&loaded)?, weights(&varmap)?);
    let nowhere = folder.join("none").join("adam.safetensors");
    let error = adam.save_state(&nowhere).unwrap_err();
    assert!(matches!(error, Error::File(FileError::Access { action: "written", .. })), "{error}");
    Ok(std::fs::remove_dir_all(folder)?)
}

#[test]
fn states_that_do_not_fit() -> Result<()> {
    let (varmap, model) = network(DType::F32)?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(0.1))?;
    adam.backward_step(&loss(&model, DType::F32, 0)?)?;
    let good = adam.state()?;
    let before = weights(&varmap)?;
    for spoil in ["steps", "first.in.bias", "second.quantum.w"] {
        let mut missing = good.clone();
        missing.remove(spoil);
        assert!(
            matches!(adam.restore(&missing), Err(Error::Training(TrainingError::SavedState { name, .. })) if name == spoil)
        );
        let mut wide = good.clone();
        wide.insert(spoil.to_owned(), Tensor::zeros(77, DType::F32, &Device::Cpu)?);
        assert!(
            matches!(adam.restore(&wide), Err(Error::Training(TrainingError::SavedState { name, .. })) if name == spoil)
        );
    }
    // Numbers that no run produces: counts too large for F64 or in total, moments that are not finite, squares below 0.
    let halves = |count: u64| Tensor::new(&[(count >> 32) as u32, count as u32], &Device::Cpu);
    let shape = good["second.quantum.w"].shape().clone();
    let full = |value: f32| Tensor::full(value, shape.clone(), &Device::Cpu);
    for (spoil, tensor) in [
        ("steps", halves(u64::MAX)?),
        ("steps", halves((1 << 53) + 1)?),
        ("steps.quantum.w", halves(u64::MAX)?),
        ("steps.quantum.w", halves(2)?),
        ("first.quantum.w", full(f32::NAN)?),
        ("first.quantum.w", full(f32::INFINITY)?),
        ("second.quantum.w", full(f32::INFINITY)?),
        ("second.quantum.w", full(-1.0)?),
    ] {
        let mut bad = good.clone();
        bad.insert(spoil.to_owned(), tensor);
        assert!(
            matches!(adam.restore(&bad), Err(Error::Training(TrainingError::SavedState { name, .. })) if name == spoil),
            "{spoil}"
        );
    }
    let mut spsa = Spsa::from_varmap(&varmap, SpsaConfig::default())?;
    let absurd = std::collections::HashMap::from([("steps".to_owned(), halves(u64::MAX)?)]);
    assert!(matches!(spsa.restore(&absurd), Err(Error::Training(TrainingError::SavedState { .. }))));
    let half = network(DType::F16)?.0;
    let mut rounded = Adam::from_varmap(&half, AdamConfig::default())?;
    let mut state = rounded.state()?;
    state.insert("copy.idle".to_owned(), Tensor::full(f32::NAN, 4, &Device::Cpu)?);
    assert!(
        matches!(rounded.restore(&state), Err(Error::Training(TrainingError::SavedState { name, .. })) if name == "copy.idle")
    );
    assert_eq!((adam.steps(), weights(&varmap)?), (1, before));
    let unnamed = Adam::new(varmap.all_vars(), AdamConfig::default())?;
    assert!(matches!(unnamed.state(), Err(Error::Training(TrainingError::Unnamed { index: 0 }))));
    Ok(())
}

/// Moments, steps and signs belong to the options with which they were made. Another learning rate is no other run.
#[test]
fn states_of_other_options() -> Result<()> {
    let (varmap, model) = network(DType::F32)?;
    let config = AdamConfig::with_learning_rate(0.1);
    let mut adam = Adam::from_varmap(&varmap, config)?;
    adam.backward_step(&loss(&model, DType::F32, 0)?)?;
    let saved = adam.state()?;
    let mut faster = Adam::from_varmap(&varmap, AdamConfig { learning_rate: 0.2, ..config })?;
    faster.restore(&saved)?;
    assert_eq!((faster.steps(), faster.learning_rate()), (1, 0.2));
    let refused = |outcome: candlewick::Result<()>, differs: &str| match outcome {
        Err(Error::Training(TrainingError::SavedState { name, expected, actual })) => {
            assert_eq!(name, "options");
            assert!(expected.contains(differs) && actual.contains(differs), "{differs}: {expected}, {actual}");
        }
        other => panic!("{differs}: {other:?}"),
    };
    for (differs, other) in [
        ("beta1", AdamConfig { beta1: 0.8, ..config }),
        ("beta2", AdamConfig { beta2: 0.99, ..config }),
        ("epsilon", AdamConfig { epsilon: 1e-7, ..config }),
        ("weight_decay", AdamConfig { weight_decay: 0.01, ..config }),
    ] {
        let mut adam = Adam::from_varmap(&varmap, other)?;
        refused(adam.restore(&saved), differs);
        assert_eq!(adam.steps(), 0);
    }
    let (config, other_seed) = (SpsaConfig::default(), 1 << 40);
    let saved = Spsa::from_varmap(&varmap, config)?.state()?;
    Spsa::from_varmap(&varmap, SpsaConfig { learning_rate: 0.3, ..config })?.restore(&saved)?;
    for (differs, other) in [
        ("perturbation", SpsaConfig { perturbation: 0.2, ..config }),
        ("stability_constant", SpsaConfig { stability_constant: 10.0, ..config }),
        ("alpha", SpsaConfig { alpha: 1.0, ..config }),
        ("gamma", SpsaConfig { gamma: 0.2, ..config }),
        ("seed mod", SpsaConfig { seed: 1, ..config }),
        ("seed /", SpsaConfig { seed: other_seed, ..config }),
    ] {
        refused(Spsa::from_varmap(&varmap, other)?.restore(&saved), differs);
    }
    // The state of an optimiser of another kind.
    let error = Spsa::from_varmap(&varmap, config)?.restore(&adam.state()?).unwrap_err();
    assert!(matches!(error, Error::Training(TrainingError::SavedState { .. })), "{error}");
    Ok(())
}

/// Variables without an entry, and a loss that no variable reaches, are errors, not runs without work.
#[test]
fn nothing_to_train() -> Result<()> {
    let empty = VarMap::new();
    assert!(matches!(
        Adam::from_varmap(&empty, AdamConfig::default()),
        Err(Error::Training(TrainingError::NoVariables { of: "Adam" }))
    ));
    assert!(matches!(
        Spsa::from_varmap(&empty, SpsaConfig::default()),
        Err(Error::Training(TrainingError::NoVariables { of: "SPSA" }))
    ));
    let unnamed = Error::from(Adam::new(Vec::new(), AdamConfig::default()).unwrap_err());
    assert!(matches!(unnamed, Error::Training(TrainingError::NoVariables { of: "Adam" })));
    VarBuilder::from_varmap(&empty, DType::F32, &Device::Cpu).get_with_hints((0, 3), "none", Init::Const(0.0))?;
    assert!(matches!(
        Adam::from_varmap(&empty, AdamConfig::default()),
        Err(Error::Training(TrainingError::NoVariables { .. }))
    ));

    let (varmap, model) = network(DType::F64)?;
    let names = ["idle", "in.bias", "in.weight", "quantum.w"];
    let before = weights(&varmap)?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::default())?;
    // Detached, as behind `forward_detached` or an operation of candle that has no derivative.
    let detached = loss(&model, DType::F64, 0)?.detach();
    let mut gradients = detached.backward()?;
    let named = |error: Error, by: &str| match error {
        Error::Training(TrainingError::NoVariableGradient { of, variables }) => {
            assert_eq!((of, variables), (by, names.map(str::to_owned).to_vec()))
        }
        other => panic!("{other}"),
    };
    named(adam.try_step(&gradients).unwrap_err(), "Adam");
    named(adam.backward_step(&detached).unwrap_err().into(), "Adam");
    named(clip_by_norm(&mut gradients, &varmap, 1.0).unwrap_err(), "clip_by_norm");
    named(clip_by_value(&mut gradients, &varmap, 1.0).unwrap_err(), "clip_by_value");
    assert_eq!((adam.steps(), weights(&varmap)?), (0, before));
    // One variable with a gradient is enough.
    adam.try_step(&loss(&model, DType::F64, 0)?.backward()?)?;
    assert_eq!(adam.steps(), 1);
    Ok(())
}

#[test]
fn what_cannot_be_trained() -> Result<()> {
    let (varmap, model) = network(DType::F64)?;
    let of = |config: AdamConfig| Adam::from_varmap(&varmap, config).map(|_| ());
    for config in [
        AdamConfig { learning_rate: f64::NAN, ..Default::default() },
        AdamConfig { learning_rate: -1.0, ..Default::default() },
        AdamConfig { beta1: 1.0, ..Default::default() },
        AdamConfig { beta2: -0.1, ..Default::default() },
        AdamConfig { epsilon: 0.0, ..Default::default() },
        AdamConfig { weight_decay: -0.1, ..Default::default() },
        AdamConfig { weight_decay: f64::INFINITY, ..Default::default() },
    ] {
        assert!(matches!(of(config), Err(Error::Setting { of: "Adam", .. })), "{config:?}");
    }
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::default())?;
    let before = weights(&varmap)?;
    let mut gradients = loss(&model, DType::F64, 0)?.backward()?;
    let (name, var) = variables(&varmap)?.swap_remove(2);
    gradients.insert(&var, Tensor::full(f64::INFINITY, var.shape(), &Device::Cpu)?);
    assert!(
        matches!(adam.try_step(&gradients), Err(Error::Training(TrainingError::GradientNotFinite { name: of })) if of == name)
    );
    assert!(
        matches!(clip_by_norm(&mut gradients, &varmap, 1.0), Err(Error::Training(TrainingError::GradientNotFinite { name: of })) if of == name)
    );
    assert!(
        matches!(clip_by_value(&mut gradients, &varmap, 1.0), Err(Error::Training(TrainingError::GradientNotFinite { name: of })) if of == name)
    );
    assert_eq!(weights(&varmap)?, before);
    let whole = VarMap::new();
    VarBuilder::from_varmap(&whole, DType::U32, &Device::Cpu).get_with_hints(1, "n", Init::Const(0.0))?;
    assert!(matches!(
        Adam::from_varmap(&whole, AdamConfig::default()),
        Err(Error::Tensor(TensorError::UnsupportedDType { .. }))
    ));
    assert!(matches!(
        Spsa::from_varmap(&whole, SpsaConfig::default()),
        Err(Error::Tensor(TensorError::UnsupportedDType { .. }))
    ));
    Ok(())
}

/// Settings and gradients that F32 cannot use, and gradients that do not fit: nothing moves, no step is counted.
#[test]
fn a_step_is_whole_or_none() -> Result<()> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
    let (a, b) = (vb.get_with_hints(2, "a", Init::Const(1.0))?, vb.get_with_hints(3, "b", Init::Const(1.0))?);
    for config in
        [AdamConfig { epsilon: 1e-46, ..Default::default() }, AdamConfig { learning_rate: 1e300, ..Default::default() }]
    {
        assert!(matches!(Adam::from_varmap(&varmap, config), Err(Error::Setting { of: "Adam", .. })), "{config:?}");
    }
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::default())?;
    let gradients = || (a.sum_all()? + b.sum_all()?)?.backward();
    let cpu = &Device::Cpu;
    let wrong = [
        Tensor::zeros(4, DType::F32, cpu)?,
        Tensor::zeros(3, DType::F64, cpu)?,
        Tensor::new(&[0f32, f32::NAN, 0.0], cpu)?,
        // Finite, with an infinite square: the second moment would stay infinite for good.
        Tensor::new(&[0f32, -1e25, 0.0], cpu)?,
    ];
    for gradient in wrong {
        let mut store = gradients()?;
        store.insert(&b, gradient);
        let error = adam.try_step(&store).expect_err("a gradient that does not fit");
        assert!(
            matches!(
                error,
                Error::Tensor(TensorError::Shape { .. })
                    | Error::Tensor(TensorError::DTypeMismatch { .. })
                    | Error::Training(TrainingError::GradientNotFinite { .. })
            ),
            "{error}"
        );
        assert_eq!((adam.steps(), weights(&varmap)?[0].1.clone()), (0, vec![1.0; 2]));
    }
    let mut large = gradients()?;
    large.insert(&b, Tensor::new(&[1e18f32, 0.0, 0.0], cpu)?);
    adam.try_step(&large)?;
    close("one full step", &weights(&varmap)?[1].1, &[0.999, 1.0, 1.0], 1e-6);
    Ok(())
}

/// A variable whose first gradient comes late makes the same first step as one whose first gradient comes at once.
#[test]
fn moments_are_corrected_by_their_own_steps() -> Result<()> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let (a, b) = (vb.get_with_hints((), "a", Init::Const(1.0))?, vb.get_with_hints((), "b", Init::Const(1.0))?);
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(0.01))?;
    for _ in 0..500 {
        adam.backward_step(&a)?;
    }
    adam.backward_step(&(&a + &b)?)?;
    close("late", &[b.to_scalar()?], &[0.99], 1e-9);
    let state = adam.state()?;
    adam.backward_step(&(&b * 1.0)?)?;
    let expected = b.to_scalar::<f64>()?;
    variables(&varmap)?[1].1.set(&Tensor::new(0.99f64, &Device::Cpu)?)?;
    adam.restore(&state)?;
    adam.backward_step(&(&b * 1.0)?)?;
    close("restored", &[b.to_scalar()?], &[expected], 1e-9);
    Ok(())
}

#[test]
fn some_variables_alone() -> Result<()> {
    let (varmap, model) = network(DType::F64)?;
    let before = weights(&varmap)?;
    let quantum = || variables(&varmap).map(|all| all.into_iter().filter(|(name, _)| name.starts_with("quantum.")));
    let mut adam = Adam::with_variables(quantum()?, AdamConfig::with_learning_rate(0.1))?;
    adam.backward_step(&loss(&model, DType::F64, 0)?)?;
    for ((name, before), (_, after)) in before.iter().zip(&weights(&varmap)?) {
        assert_eq!(before != after, name == "quantum.w", "{name}");
    }
    let mut other = Adam::with_variables(quantum()?, AdamConfig::default())?;
    other.restore(&adam.state()?)?;
    assert_eq!(other.steps(), 1);
    Ok(())
}

#[test]
fn clipped_gradients() -> Result<()> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let (a, b) = (vb.get_with_hints(2, "a", Init::Const(0.0))?, vb.get_with_hints((), "b", Init::Const(0.0))?);
    let slopes = Tensor::new(&[3.0, 0.0], &Device::Cpu)?;
    let loss = || ((&a * &slopes)?.sum_all()? + (&b * -4.0)?)?.backward();
    let entries = |gradients: &candle_core::backprop::GradStore| -> Result<Vec<f64>> {
        let of = |t: &Tensor| gradients.get(t).expect("a gradient").flatten_all()?.to_vec1::<f64>();
        Ok([of(&a)?, of(&b)?].concat())
    };
    let mut gradients = loss()?;
    assert_eq!(clip_by_norm(&mut gradients, &varmap, 5.0)?, 5.0);
    assert_eq!(entries(&gradients)?, [3.0, 0.0, -4.0]);
    assert_eq!(clip_by_norm(&mut gradients, &varmap, 1.0)?, 5.0);
    close("scaled", &entries(&gradients)?, &[0.6, 0.0, -0.8], 1e-15);
    // Sizes whose squares no number can hold.
    for size in [1e200, 1e-200] {
        let mut gradients = loss()?;
        gradients.insert(&a, Tensor::new(&[3.0 * size, 0.0], &Device::Cpu)?);
        gradients.insert(&b, Tensor::new(-4.0 * size, &Device::Cpu)?);
        close("norm", &[clip_by_norm(&mut gradients, &varmap, size)? / size], &[5.0], 1e-14);
        close("scaled", &entries(&gradients)?.iter().map(|v| v / size).collect::<Vec<_>>(), &[0.6, 0.0, -0.8], 1e-12);
    }
    let mut gradients = loss()?;
    clip_by_value(&mut gradients, &varmap, 3.5)?;
    assert_eq!(entries(&gradients)?, [3.0, 0.0, -3.5]);
    for limit in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(clip_by_norm(&mut gradients, &varmap, limit), Err(Error::Setting { .. })));
        assert!(matches!(clip_by_value(&mut gradients, &varmap, limit), Err(Error::Setting { .. })));
    }
    Ok(())
}

#[test]
fn schedules_by_formula() {
    let row = |schedule: &Schedule, steps: [u64; 4]| steps.map(|step| schedule.factor(step));
    assert_eq!(row(&Schedule::Constant, [0, 1, 7, u64::MAX]), [1.0; 4]);
    assert_eq!(row(&Schedule::Step { every: 3, factor: 0.5 }, [2, 3, 5, 6]), [1.0, 0.5, 0.5, 0.25]);
    assert_eq!(row(&Schedule::Step { every: 0, factor: 0.5 }, [0, 1, 2, 3]), [1.0, 0.5, 0.25, 0.125]);
    assert_eq!(row(&Schedule::Exponential { factor: 0.5 }, [0, 1, 2, 3]), [1.0, 0.5, 0.25, 0.125]);
    assert_eq!(row(&Schedule::Linear { steps: 4, floor: 0.0 }, [0, 1, 4, 9]), [1.0, 0.75, 0.0, 0.0]);
    assert_eq!(row(&Schedule::Linear { steps: 0, floor: 0.3 }, [0, 1, 2, 3]), [0.3; 4]);
    let cosine = row(&Schedule::Cosine { steps: 6, floor: 0.2 }, [0, 2, 3, 6]);
    close("cosine", &cosine, &[1.0, 0.8, 0.6, 0.2], 1e-15);
    let warm = Schedule::Linear { steps: 2, floor: 0.0 }.after_warmup(2);
    assert_eq!(row(&warm, [0, 1, 2, 3]), [0.5, 1.0, 1.0, 0.5]);
    assert_eq!(Schedule::Constant.after_warmup(0).factor(0), 1.0);
    let twice = warm.clone().after_warmup(4);
    assert_eq!(row(&twice, [0, 3, 4, 5]), [0.25, 1.0, 0.5, 1.0]);
    assert_eq!(row(&twice, [6, 7, 8, 9]), [1.0, 0.5, 0.0, 0.0]);
    // A depth that only a loop can make: such a schedule is made, evaluated, compared, printed, copied and dropped
    // without recursion.
    let deep = |lines: u64| (0..300_000).fold(Schedule::Constant, |schedule, _| schedule.after_warmup(lines));
    assert_eq!(deep(0), Schedule::Constant);
    let copy = deep(1).clone();
    assert_eq!((copy == deep(1), copy.factor(5), copy.factor(u64::MAX)), (true, 1.0, 1.0));
    assert!(format!("{copy:?}").len() > 300_000);
}

/// Factors of schedules that count epochs, inside of an epoch of four steps as well.
#[test]
fn schedules_by_epoch() {
    let row = |schedule: &Schedule, steps: [u64; 4]| steps.map(|step| schedule.factor_by_epoch(step, 4));
    assert_eq!(row(&Schedule::Step { every: 2, factor: 0.5 }, [0, 7, 8, 16]), [1.0, 1.0, 0.5, 0.25]);
    assert_eq!(row(&Schedule::Exponential { factor: 0.25 }, [0, 2, 4, 6]), [1.0, 0.5, 0.25, 0.125]);
    assert_eq!(row(&Schedule::Linear { steps: 2, floor: 0.0 }, [0, 2, 6, 8]), [1.0, 0.75, 0.25, 0.0]);
    close("cosine", &row(&Schedule::Cosine { steps: 3, floor: 0.2 }, [0, 4, 6, 12]), &[1.0, 0.8, 0.6, 0.2], 1e-15);
    assert_eq!(row(&Schedule::Constant.after_warmup(2), [0, 3, 7, 9]), [0.125, 0.5, 1.0, 1.0]);
    // Without a step in an epoch it counts steps; sizes do not overflow.
    assert_eq!(Schedule::Linear { steps: 4, floor: 0.0 }.factor_by_epoch(1, 0), 0.75);
    assert_eq!(Schedule::Linear { steps: u64::MAX, floor: 0.0 }.factor_by_epoch(u64::MAX, u64::MAX), 1.0);
}

/// Rows of losses and the factors that PyTorch's rule gives after each, by hand.
#[test]
fn plateaus_by_hand() -> candlewick::Result<()> {
    let factors = |plateau: ReduceOnPlateau, losses: &[f64]| {
        (0..=losses.len()).map(|seen| plateau.factor_after(losses[..seen].iter().copied())).collect::<Vec<_>>()
    };
    let check = |plateau: ReduceOnPlateau, losses: &[f64], expected: &[f64]| {
        let found: Vec<f64> = factors(plateau, losses).into_iter().map(|factor| factor.expect("in range")).collect();
        assert_eq!(found, expected, "{plateau:?} {losses:?}");
    };
    let half = ReduceOnPlateau { factor: 0.5, patience: 1, threshold: 0.0, ..Default::default() };
    check(half, &[2.0, 1.0, 1.0, 1.0, 1.0, 1.0], &[1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25]);
    check(half, &[2.0, 1.0, 1.0, 0.9, 1.0, 1.0], &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5]);
    check(ReduceOnPlateau { patience: 0, ..half }, &[1.0, 1.0, 0.5, 0.6], &[1.0, 1.0, 0.5, 0.5, 0.25]);
    // The two losses after a reduction do not count.
    let cool = ReduceOnPlateau { patience: 0, cooldown: 2, ..half };
    check(cool, &[1.0, 1.0, 1.0, 1.0, 1.0], &[1.0, 1.0, 0.5, 0.5, 0.5, 0.25]);
    check(ReduceOnPlateau { patience: 0, floor: 0.4, ..half }, &[1.0; 4], &[1.0, 1.0, 0.5, 0.4, 0.4]);
    // An improvement by a tenth of the size, of losses below 0 as well; a NaN is none.
    let tenth = ReduceOnPlateau { patience: 0, threshold: 0.1, ..half };
    check(tenth, &[1.0, 0.95, 0.85], &[1.0, 1.0, 0.5, 0.5]);
    check(tenth, &[-1.0, -1.05, -1.2], &[1.0, 1.0, 0.5, 0.5]);
    check(tenth, &[1.0, f64::NAN, f64::INFINITY, 0.5], &[1.0, 1.0, 0.5, 0.25, 0.25]);
    // NaN alone reduces nothing, as long as it is not told apart from no progress.
    check(half, &[f64::NAN, 1.0, f64::NAN, 1.0], &[1.0, 1.0, 1.0, 1.0, 0.5]);
    let error = half.factor_after([f64::NAN; 3]).unwrap_err();
    assert!(matches!(error, Error::Training(TrainingError::NoScore { epochs: 2, .. })), "{error}");
    let wrong = ReduceOnPlateau { factor: f64::NAN, ..half };
    assert!(matches!(wrong.factor_after([]), Err(Error::Setting { setting: "factor", .. })));
    Ok(())
}

/// The two-point slope of a linear loss is exact, so each step is known.
#[test]
fn spsa_steps_by_formula() -> Result<()> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let w = vb.get_with_hints(3, "w", Init::Const(1.0))?;
    let slopes = [1.0, -2.0, 0.5];
    let config = SpsaConfig { learning_rate: 0.3, stability_constant: 4.0, ..Default::default() };
    let mut spsa = Spsa::from_varmap(&varmap, config)?;
    let tensor = Tensor::new(&slopes, &Device::Cpu)?;
    let mut expected = [1.0; 3];
    for step in 0..5 {
        let before = w.to_vec1::<f64>()?;
        let mean = spsa.step(|| (&w * &tensor)?.sum_all())?;
        close("mean", &[mean], &[before.iter().zip(slopes).map(|(w, s)| w * s).sum()], 1e-12);
        let moved: Vec<f64> = w.to_vec1::<f64>()?.iter().zip(&before).map(|(after, before)| after - before).collect();
        let signs: Vec<f64> = moved.iter().map(|by| by.signum()).collect();
        let along: f64 = signs.iter().zip(slopes).map(|(sign, slope)| sign * slope).sum();
        let rate = 0.3 / (1.0 + step as f64 + 4.0f64).powf(0.602);
        for ((w, sign), moved) in expected.iter_mut().zip(&signs).zip(&moved) {
            // The direction is d or -d: either way it is downhill by the slope along it.
            assert!(along <= 0.0);
            close("step", &[*moved], &[-rate * along * sign], 1e-12);
            *w += moved;
        }
    }
    close("sum", &w.to_vec1::<f64>()?, &expected, 1e-12);
    Ok(())
}

/// The two-point slope of a cubic loss depends on the distance of the points, and signs depend on the seed.
#[test]
fn spsa_perturbs_as_it_says() -> Result<()> {
    let run = |seed| -> Result<Vec<f64>> {
        let varmap = VarMap::new();
        let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
        // An odd number of them, or the slopes of equal weights could cancel.
        let w = vb.get_with_hints(7, "w", Init::Const(1.0))?;
        let config = SpsaConfig { learning_rate: 0.01, perturbation: 0.3, seed, ..Default::default() };
        let mut spsa = Spsa::from_varmap(&varmap, config)?;
        let mut moves = Vec::new();
        for step in 0..4 {
            let before = w.to_vec1::<f64>()?;
            spsa.step(|| w.powf(3.0)?.sum_all())?;
            let after = w.to_vec1::<f64>()?;
            let signs: Vec<f64> = after.iter().zip(&before).map(|(a, b)| (a - b).signum()).collect();
            // (L(w + c d) - L(w - c d)) / 2c = Σ (3 w² d + c² d³), for d and for -d alike up to the sign.
            let c = 0.3 / (1.0 + f64::from(step)).powf(0.101);
            let slope: f64 = before.iter().zip(&signs).map(|(w, d)| 3.0 * w * w * d + c * c * d.powi(3)).sum();
            let expected = -0.01 / (1.0 + f64::from(step)).powf(0.602) * slope;
            for ((after, before), sign) in after.iter().zip(&before).zip(&signs) {
                close("step", &[after - before], &[expected * sign], 1e-12);
                moves.push(after - before);
            }
        }
        Ok(moves)
    };
    assert_eq!(run(1)?, run(1)?);
    assert_ne!(run(1)?, run(2)?);
    Ok(())
}

#[test]
fn spsa_says_when_it_cannot_move() -> Result<()> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
    let w = vb.get_with_hints(3, "w", Init::Const(100.0))?;
    let mut spsa = Spsa::from_varmap(&varmap, SpsaConfig { perturbation: 1e-9, ..Default::default() })?;
    assert!(
        matches!(spsa.step(|| w.sum_all()), Err(Error::Training(TrainingError::Unmoved { name, .. })) if name == "w")
    );
    let mut spsa = Spsa::from_varmap(&varmap, SpsaConfig::default())?;
    let mut sign = -1e308;
    let steep = spsa.step(|| {
        sign = -sign;
        Tensor::new(sign, &Device::Cpu)
    });
    assert!(matches!(steep, Err(Error::Setting { setting: "a step", .. })));
    assert_eq!((w.to_vec1::<f32>()?, spsa.steps()), (vec![100.0; 3], 0));
    let (_, var) = variables(&varmap)?.remove(0);
    var.set(&Tensor::new(&[1f32, 2.0, f32::INFINITY], &Device::Cpu)?)?;
    let error = spsa.step(|| w.sum_all()).unwrap_err();
    assert!(matches!(error, Error::Training(TrainingError::WeightNotFinite { entry: 2, .. })), "{error}");
    Ok(())
}

#[test]
fn spsa_leaves_weights_alone_after_an_error() -> Result<()> {
    let (varmap, model) = network(DType::F64)?;
    let before = weights(&varmap)?;
    let mut spsa = Spsa::from_varmap(&varmap, SpsaConfig::default())?;
    let mut calls = 0;
    let failing = spsa.step(|| {
        calls += 1;
        if calls == 2 { Err(candle_core::Error::Msg("stop".to_owned())) } else { loss(&model, DType::F64, 0) }
    });
    assert!(failing.is_err());
    let error = spsa.step(|| Tensor::new(&[f64::NAN], &Device::Cpu)).unwrap_err();
    assert!(
        matches!(error, Error::Training(TrainingError::LossNotFinite { of: "SPSA", evaluation: 1, .. })),
        "{error}"
    );
    assert!(matches!(
        spsa.step(|| Tensor::new(&[1.0, 2.0], &Device::Cpu)),
        Err(Error::Tensor(TensorError::Shape { .. }))
    ));
    assert_eq!((weights(&varmap)?, spsa.steps()), (before, 0));

    // The optimiser continues bit for bit from a state.
    for step in 0..3 {
        spsa.step(|| loss(&model, DType::F64, step))?;
    }
    let (half, state) = (weights(&varmap)?, spsa.state()?);
    spsa.step(|| loss(&model, DType::F64, 3))?;
    let (other, other_model) = network(DType::F64)?;
    for ((_, var), (_, values)) in variables(&other)?.iter().zip(&half) {
        var.set(&Tensor::from_slice(values, var.shape(), &Device::Cpu)?)?;
    }
    let mut continued = Spsa::from_varmap(&other, SpsaConfig::default())?;
    continued.restore(&state)?;
    continued.step(|| loss(&other_model, DType::F64, 3))?;
    assert_eq!(weights(&varmap)?, weights(&other)?);
    Ok(())
}
