//! The natural gradient: its step against a calculation by hand, and fewer steps than plain gradient descent on a
//! molecule.

use crate::lab::close;
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Optimizer, SGD, VarBuilder, VarMap};
use candlewick::Error;
use candlewick::error::{TensorError, TrainingError, WeightsError};
use candlewick::functional::MetricTensor;
use candlewick::nn::{QuantumNaturalGradient, QuantumNaturalGradientConfig, SeededInit};
use candlewick::optim::Resume;
use candlewick::prelude::*;

fn file() -> serde_json::Value {
    serde_json::from_str(include_str!("../../examples/data/hamiltonians/h2_0.7414.json")).expect("JSON")
}

/// Coefficients and words of H2 at 0.7414 A.
pub(crate) fn hydrogen_words() -> Vec<(f64, String)> {
    let term = |term: &serde_json::Value| Some((term[0].as_f64()?, term[1].as_str()?.to_owned()));
    file()["terms"].as_array().expect("terms").iter().map(|one| term(one).expect("a term")).collect()
}

/// The Hamiltonian and its lowest eigenvalue in hartree.
pub(crate) fn hydrogen() -> (Observable, f64) {
    let words = hydrogen_words();
    let hamiltonian = Observable::pauli_sum(words.iter().map(|(coefficient, word)| (*coefficient, word.as_str())));
    (hamiltonian, file()["ground_energy"].as_f64().expect("an energy"))
}

const CHEMICAL_ACCURACY: f64 = 1.6e-3;
const LEARNING_RATE: f64 = 0.1;
const MOST_STEPS: usize = 1000;

/// Steps until the energy of H2 is within chemical accuracy.
fn steps(seed: u64, mut train: impl FnMut(&QuantumLayer, &Tensor, &VarMap) -> Result<()>) -> Result<usize> {
    let (hamiltonian, ground) = hydrogen();
    let mut circuit = Circuit::new(4);
    circuit.efficient_su2("w", 2, Entanglement::Linear);
    let varmap = VarMap::new();
    let vb = SeededInit::new(seed).var_builder(&varmap, DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([hamiltonian]), vb)?;
    for step in 0..MOST_STEPS {
        let energy = layer.evaluate()?.sum_all()?;
        if energy.to_scalar::<f64>()? < ground + CHEMICAL_ACCURACY {
            return Ok(step);
        }
        train(&layer, &energy, &varmap)?;
    }
    Ok(MOST_STEPS)
}

#[test]
fn fewer_steps_than_gradient_descent_on_hydrogen() -> Result<()> {
    let mut won = 0;
    for seed in 0..5 {
        let mut natural: Option<QuantumNaturalGradient> = None;
        let with = steps(seed, |layer, energy, _| {
            let config = QuantumNaturalGradientConfig { learning_rate: LEARNING_RATE, ..Default::default() };
            if natural.is_none() {
                natural = Some(QuantumNaturalGradient::new(layer, config)?);
            }
            Ok(natural.as_mut().expect("made above").backward_step(energy, None)?)
        })?;
        let without =
            steps(seed, |_, energy, varmap| SGD::new(varmap.all_vars(), LEARNING_RATE)?.backward_step(energy))?;
        assert!(with <= without, "seed {seed}: {with} steps with the natural gradient, {without} without");
        won += usize::from(with < without);
    }
    // One of the starts leads neither method to the minimum: it ends on a plateau of another number of electrons.
    assert!(won >= 4, "{won} of 5");
    Ok(())
}

/// A circuit of RY, then RZ: the metric is 1/4 and sin²θ/4, so a step can be done by hand. With inputs it is the mean
/// of the samples' metrics.
#[test]
fn a_step_by_hand() -> Result<()> {
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 2);
    circuit.ry(w.at([0]) + input(0), 0).rz(w.at([1]), 0);
    let varmap = VarMap::new();
    let vb = SeededInit::new(3).var_builder(&varmap, DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([X(0)]), vb)?;
    let before = layer.weights().next().expect("a tensor").1.to_vec1::<f64>()?;
    let inputs = Tensor::new(&[[0.2f64], [0.9]], &Device::Cpu)?;
    let config = QuantumNaturalGradientConfig { learning_rate: 0.3, damping: 0.01, ..Default::default() };
    let mut optimizer = QuantumNaturalGradient::new(&layer, config)?;
    optimizer.backward_step(&layer.try_forward(&inputs)?.sum_all()?, Some(&inputs))?;
    let after = layer.weights().next().expect("a tensor").1.to_vec1::<f64>()?;
    let thetas = [before[0] + 0.2, before[0] + 0.9];
    let metric = [0.25, thetas.map(|theta| theta.sin().powi(2) / 4.0).iter().sum::<f64>() / 2.0];
    let gradient = [
        thetas.map(|theta| theta.cos() * before[1].cos()).iter().sum::<f64>(),
        thetas.map(|theta| -theta.sin() * before[1].sin()).iter().sum::<f64>(),
    ];
    let expected: Vec<f64> = (0..2).map(|k| before[k] - 0.3 * gradient[k] / (metric[k] + 0.01)).collect();
    close("weights", &after, &expected, 1e-12);
    Ok(())
}

/// Eight steps of `qml.MomentumQNGOptimizer(stepsize=0.05, momentum=0.8, approx=None, lam=0.001)` of PennyLane 0.45.1 on
/// `default.qubit`; a run that is stopped and continued takes the same steps, bit for bit.
#[test]
fn momentum_of_pennylane() -> Result<()> {
    let expected = [
        [0.007726071208524449, 0.8032585406113844, -0.4452752105107761, 0.9655611035766019, 0.4352611599815147],
        [-0.158663317548829, 0.9649750914864781, -0.520887321580923, 0.6908945443676829, 0.44285743436187713],
        [-0.3804321516550271, 1.1159576698145448, -0.6025772703666147, 0.43579309593986487, 0.6106430027933218],
        [-0.6236158332226869, 1.3282518597428072, -0.6518608607512235, 0.15577026948011136, 0.8165929018043445],
        [-0.8346802730370357, 1.612448276266215, -0.6118732666969378, -0.13822806652451175, 1.0027866803754888],
        [-0.969911400288374, 1.938820203410166, -0.4364480187602171, -0.41993830521338427, 1.1385274578926337],
        [-1.0217830963868806, 2.257791053343507, -0.22931286690068337, -0.6774019131876767, 1.1847212158214147],
        [-1.0198132851176276, 2.504667613378794, -0.1041615508588854, -0.921056357594206, 1.118297458741751],
    ];
    let config =
        QuantumNaturalGradientConfig { learning_rate: 0.05, momentum: 0.8, damping: 1e-3, ..Default::default() };
    let layer = |start: &[f64]| -> Result<QuantumLayer> {
        let (circuit, measurement, _) = crate::rotosolve::five_angles();
        let mut varmap = VarMap::new();
        let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
        let layer = QuantumLayer::new(circuit, measurement, vb)?;
        varmap.set_one("w", Tensor::new(start, &Device::Cpu)?)?;
        Ok(layer)
    };
    let weights = |layer: &QuantumLayer| layer.weights().next().expect("a tensor").1.to_vec1::<f64>();
    let whole = layer(&crate::rotosolve::five_angles().2)?;
    let mut optimizer = QuantumNaturalGradient::new(&whole, config)?;
    let mut half = None;
    for (step, angles) in expected.iter().enumerate() {
        if step == 4 {
            half = Some((weights(&whole)?, optimizer.state()?));
        }
        optimizer.backward_step(&whole.evaluate()?.sum_all()?, None)?;
        close("angles", &weights(&whole)?, angles, 1e-9);
    }
    let (start, state) = half.expect("four steps");
    let rest = layer(&start)?;
    let mut continued = QuantumNaturalGradient::new(&rest, config)?;
    continued.restore(&state)?;
    for _ in 4..8 {
        continued.backward_step(&rest.evaluate()?.sum_all()?, None)?;
    }
    assert_eq!(weights(&rest)?, weights(&whole)?);
    let wrong = std::collections::HashMap::from([("velocity".to_owned(), Tensor::zeros(3, DType::F64, &Device::Cpu)?)]);
    assert!(matches!(continued.restore(&wrong), Err(Error::Training(TrainingError::SavedState { .. }))));
    // The last step belongs to the options with which it was taken, except for the learning rate.
    let other = QuantumNaturalGradientConfig { learning_rate: 0.01, ..config };
    QuantumNaturalGradient::new(&rest, other)?.restore(&state)?;
    for (differs, other) in [
        ("momentum", QuantumNaturalGradientConfig { momentum: 0.123, ..config }),
        ("damping", QuantumNaturalGradientConfig { damping: 0.123, ..config }),
        ("entries", QuantumNaturalGradientConfig { entries: MetricTensor::BlockDiagonal, ..config }),
    ] {
        match QuantumNaturalGradient::new(&rest, other)?.restore(&state) {
            Err(Error::Training(TrainingError::SavedState { name, actual, .. })) => {
                assert!(name == "options" && actual.contains(differs), "{name} {actual}");
            }
            outcome => panic!("{differs}: {outcome:?}"),
        }
    }
    for momentum in [-0.1, 1.0, f64::NAN] {
        let config = QuantumNaturalGradientConfig { momentum, ..Default::default() };
        let error = QuantumNaturalGradient::new(&rest, config).unwrap_err();
        assert!(matches!(error, Error::Setting { setting: "momentum", .. }), "{error}");
    }
    Ok(())
}

/// The metric tensor is a mean over samples: of none there is none.
#[test]
fn no_samples_are_no_step() -> Result<()> {
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    circuit.ry(input(0), 0).rx(w.at([0]), 0);
    let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
    let mut optimizer = QuantumNaturalGradient::new(&layer, QuantumNaturalGradientConfig::default())?;
    let none = Tensor::zeros((0, 1), DType::F64, &Device::Cpu)?;
    let some = Tensor::zeros((1, 1), DType::F64, &Device::Cpu)?;
    let gradients = layer.try_forward(&some)?.sum_all()?.backward()?;
    let error = optimizer.step(&gradients, Some(&none)).unwrap_err();
    assert!(matches!(error, Error::Setting { setting: "samples", .. }), "{error}");
    Ok(())
}

#[test]
fn a_layer_without_weights_has_nothing_to_train() -> Result<()> {
    let mut circuit = Circuit::new(1);
    circuit.h(0);
    let zeros = VarBuilder::zeros(DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), zeros)?;
    let error = QuantumNaturalGradient::new(&layer, QuantumNaturalGradientConfig::default()).unwrap_err();
    assert!(matches!(error, Error::Training(TrainingError::NoVariables { of: "the natural gradient" })), "{error}");
    Ok(())
}

#[test]
fn what_cannot_be_trained() -> Result<()> {
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    circuit.rx(w.at([0]), 0);
    let zeros = VarBuilder::zeros(DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit.clone(), Measurement::expectation([Z(0)]), zeros)?;
    let error = QuantumNaturalGradient::new(&layer, QuantumNaturalGradientConfig::default()).unwrap_err();
    assert!(matches!(error, Error::Weights(WeightsError::NotTrainable { .. })), "{error}");
    let mut varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
    let config = QuantumNaturalGradientConfig { damping: 0.0, ..Default::default() };
    assert!(matches!(QuantumNaturalGradient::new(&layer, config), Err(Error::Setting { .. })));
    let mut optimizer = QuantumNaturalGradient::new(&layer, QuantumNaturalGradientConfig::default())?;
    let error = optimizer.backward_step(&layer.evaluate()?.sum_all()?.detach(), None).unwrap_err();
    assert!(
        matches!(&error, Error::Training(TrainingError::NoVariableGradient { variables, .. }) if variables == &["w"]),
        "{error}"
    );
    varmap.set_one("w", Tensor::new(&[f64::NAN], &Device::Cpu)?)?;
    let error = optimizer.backward_step(&layer.evaluate()?.sum_all()?, None).unwrap_err();
    assert!(
        matches!(&error, Error::Training(TrainingError::WeightNotFinite { name, entry: 0, .. }) if name == "w"),
        "{error}"
    );
    varmap.set_one("w", Tensor::new(&[0.5], &Device::Cpu)?)?;
    let mut encoded = Circuit::new(1);
    let w = encoded.weights("v", 1);
    encoded.ry(input(0), 0).rx(w.at([0]) * input(1), 0);
    let inputs = Tensor::new(&[[0.1, 0.2], [0.3, f64::NEG_INFINITY]], &Device::Cpu)?;
    let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F64, &Device::Cpu);
    let reading = QuantumLayer::new(encoded, Measurement::expectation([Z(0)]), vb)?;
    let mut other = QuantumNaturalGradient::new(&reading, QuantumNaturalGradientConfig::default())?;
    let error = other.backward_step(&reading.try_forward(&inputs)?.sum_all()?, Some(&inputs)).unwrap_err();
    assert!(matches!(error, Error::Tensor(TensorError::FeatureNotFinite { sample: 1, feature: 1, .. })), "{error}");
    optimizer.set_learning_rate(f64::NAN);
    let error = optimizer.backward_step(&layer.evaluate()?.sum_all()?, None).unwrap_err();
    assert!(matches!(error, Error::Setting { setting: "learning_rate", .. }), "{error}");
    Ok(())
}
