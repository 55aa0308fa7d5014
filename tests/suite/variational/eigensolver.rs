//! The eigensolver: its lowest energies, the ends of its runs, and runs that continue.

use super::{dense, lowest};
use candle_core::{DType, Device, Tensor};
use candlewick::error::{TensorError, TrainingError, WeightsError};
use candlewick::nn::QuantumNaturalGradientConfig;
use candlewick::optim::{AdamConfig, LbfgsConfig, SpsaConfig};
use candlewick::prelude::*;
use candlewick::variational::{Molecule, Vqe, VqeConfig, VqeMethod, VqeStopReason};
use candlewick::{Error, GradientMethod};
use std::ops::ControlFlow;

const CHEMICAL_ACCURACY: f64 = 1.6e-3;

fn molecule(name: &str) -> Molecule {
    Molecule::read(format!("{}/examples/data/hamiltonians/{name}", env!("CARGO_MANIFEST_DIR"))).expect("a sound file")
}

fn uccsd(molecule: &Molecule) -> Circuit {
    let mut circuit = Circuit::new(molecule.qubits());
    circuit.uccsd("theta", molecule.electrons());
    circuit
}

fn ansatz() -> Circuit {
    let mut circuit = Circuit::new(3);
    circuit.efficient_su2("w", 2, Entanglement::Linear);
    circuit
}

fn spins() -> (Observable, f64) {
    let terms = [(1.0, "Z0 Z1"), (1.0, "Z1 Z2"), (0.7, "X0"), (0.7, "X1"), (0.7, "X2"), (0.3, "Y0 X2")];
    (Observable::pauli_sum(terms), lowest(dense(3, terms)))
}

/// The ground state of hydrogen is one angle between its two determinants.
#[test]
fn one_double_excitation_is_hydrogen() -> anyhow::Result<()> {
    let hydrogen = molecule("h2_0.7414.json");
    let ground = lowest(dense(4, hydrogen.terms()));
    let mut circuit = Circuit::new(4);
    let theta = circuit.weights_with_init("theta", 1, candle_nn::Init::Const(0.0));
    circuit.hartree_fock(2).double_excitation(theta.at([0]), [0, 1], [2, 3]);
    let found = Vqe::new(circuit, hydrogen.hamiltonian(), VqeConfig::default())?.run()?;
    assert!((found.energy - ground).abs() < 1e-8, "{} and {ground}", found.energy);
    assert_eq!((found.stop_reason, found.converged()), (VqeStopReason::Gradient, true));
    assert!((found.energies[0] - hydrogen.hartree_fock_energy().expect("it is there")).abs() < 1e-7);
    Ok(())
}

#[test]
fn uccsd_reaches_chemical_accuracy() -> anyhow::Result<()> {
    for (name, within) in [("h2_0.7414.json", 1e-7), ("lih_1.5949_cas6.json", 2e-5), ("h4_chain_1.0.json", 1.0e-3)] {
        let molecule = molecule(name);
        let ground = lowest(dense(molecule.qubits(), molecule.terms()));
        let config = VqeConfig { steps: 150, ..Default::default() };
        let found = Vqe::new(uccsd(&molecule), molecule.hamiltonian(), config)?.run()?;
        let error = found.energy - ground;
        assert!((-1e-9..f64::min(within, CHEMICAL_ACCURACY)).contains(&error), "{name}: {error:e}");
    }
    Ok(())
}

#[test]
fn the_natural_gradient_finds_hydrogen() -> anyhow::Result<()> {
    let hydrogen = molecule("h2_0.7414.json");
    let natural = QuantumNaturalGradientConfig { learning_rate: 0.2, ..Default::default() };
    let run = |method| -> anyhow::Result<_> {
        Ok(Vqe::new(uccsd(&hydrogen), hydrogen.hamiltonian(), VqeConfig { method, ..Default::default() })?.run()?)
    };
    let (natural, adam) = (run(VqeMethod::NaturalGradient(natural))?, run(VqeConfig::default().method)?);
    let error = natural.energy - lowest(dense(4, hydrogen.terms()));
    assert!(error.abs() < 1e-9 && natural.converged(), "{error:e}");
    assert!(natural.steps < adam.steps, "{} steps, Adam {}", natural.steps, adam.steps);
    Ok(())
}

/// Fewer steps than Adam; a tolerance below the rounding of the energy ends with the line search, and says so.
#[test]
fn lbfgs_finds_molecules() -> anyhow::Result<()> {
    for (name, within) in [("h2_0.7414.json", 1e-9), ("lih_1.5949_cas6.json", 2e-5)] {
        let molecule = molecule(name);
        let ground = lowest(dense(molecule.qubits(), molecule.terms()));
        let run = |config| Vqe::new(uccsd(&molecule), molecule.hamiltonian(), config)?.run();
        let method = VqeMethod::Lbfgs(LbfgsConfig::default());
        let found = run(VqeConfig { method, ..Default::default() })?;
        let error = found.energy - ground;
        assert!((-1e-9..within).contains(&error), "{name}: {error:e}");
        assert_eq!((found.stop_reason, found.converged()), (VqeStopReason::Gradient, true));
        assert!(found.energies.windows(2).all(|pair| pair[1] < pair[0]));
        assert!(5 * found.steps < run(VqeConfig::default())?.steps, "{name}: {} steps", found.steps);
        let endless = run(VqeConfig { method, gradient_tolerance: 0.0, ..Default::default() })?;
        assert_eq!((endless.stop_reason, endless.converged()), (VqeStopReason::LineSearch, false), "{}", endless.steps);
        assert!((endless.energy - ground).abs() < within);
    }
    let layer = QuantumLayerConfig { shots: Some(100), ..Default::default() };
    let config = VqeConfig { method: VqeMethod::Lbfgs(LbfgsConfig::default()), layer, ..Default::default() };
    let error = Vqe::new(ansatz(), spins().0, config).unwrap_err();
    assert!(matches!(error, Error::Setting { setting: "shots", .. }), "{error}");
    Ok(())
}

#[test]
fn a_run_ends_for_the_reason_it_gives() -> anyhow::Result<()> {
    let (energy, ground) = spins();
    let run = |config: VqeConfig| -> anyhow::Result<_> {
        let mut seen = Vec::new();
        let mut vqe = Vqe::new(ansatz(), energy.clone(), config)?;
        let found = vqe.run_with(|at| {
            seen.push(*at);
            ControlFlow::Continue(())
        })?;
        assert_eq!(found.energies, seen.iter().map(|at| at.energy).collect::<Vec<_>>());
        assert!(seen.iter().enumerate().all(|(k, at)| at.step == k));
        assert_eq!((found.steps + 1, found.gradient_norm), (seen.len(), seen[seen.len() - 1].gradient_norm));
        assert_eq!(found.energy, found.energies.iter().copied().fold(f64::INFINITY, f64::min));
        Ok((found, vqe))
    };
    let config = || VqeConfig { seed: 3, ..Default::default() };
    let (found, mut vqe) = run(config())?;
    assert!(
        found.stop_reason == VqeStopReason::Gradient
            && found.gradient_norm.is_some_and(|norm| norm <= 1e-5)
            && (found.energy - ground).abs() < 1e-9
    );
    // The weights of the result give the lowest energy.
    vqe.set_weights(found.weights.iter().map(|(name, tensor)| (name.as_str(), tensor)))?;
    assert_eq!(vqe.energy()?, found.energy);

    let (found, _) = run(VqeConfig { energy_tolerance: 1e-6, patience: Some(4), ..config() })?;
    assert_eq!(found.stop_reason, VqeStopReason::Energy);
    let changes: Vec<f64> = found.energies.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    let calm = changes.windows(4).position(|window| window.iter().all(|change| *change <= 1e-6));
    assert_eq!(calm, Some(changes.len() - 4));

    let (found, _) = run(VqeConfig { steps: 7, ..config() })?;
    assert_eq!((found.stop_reason, found.steps, found.converged()), (VqeStopReason::Steps, 7, false));
    let (found, _) = run(VqeConfig { steps: 0, ..config() })?;
    assert_eq!((found.energies.len(), found.steps), (1, 0));
    Ok(())
}

/// The gradient norm against central differences.
#[test]
fn the_gradient_norm_is_of_all_weights() -> anyhow::Result<()> {
    let (energy, _) = spins();
    let mut circuit = ansatz();
    let extra = circuit.weights("extra", 2);
    circuit.rx(extra.at([0]), 0).rxx(extra.at([1]), 1, 2);
    let mut vqe = Vqe::new(circuit, energy, VqeConfig { steps: 0, seed: 8, ..Default::default() })?;
    let found = vqe.run()?;
    let mut squares = 0.0;
    for (name, tensor) in &found.weights {
        let values = tensor.flatten_all()?.to_vec1::<f64>()?;
        for k in 0..values.len() {
            let mut at = |by: f64| -> anyhow::Result<f64> {
                let mut moved = values.clone();
                moved[k] += by;
                let moved = Tensor::from_vec(moved, tensor.shape(), &Device::Cpu)?;
                vqe.set_weights([(name.as_str(), &moved)])?;
                Ok(vqe.energy()?)
            };
            squares += ((at(1e-5)? - at(-1e-5)?) / 2e-5).powi(2);
        }
        vqe.set_weights([(name.as_str(), tensor)])?;
    }
    assert!(found.gradient_norm.is_some_and(|norm| (squares.sqrt() - norm).abs() < 1e-8));
    Ok(())
}

#[test]
fn runs_repeat_and_go_on() -> anyhow::Result<()> {
    let (energy, _) = spins();
    let new =
        |seed| Vqe::new(ansatz(), energy.clone(), VqeConfig { steps: 10, seed, ..Default::default() }).expect("sound");
    let (first, again, other) = (new(1).run()?, new(1).run()?, new(2).run()?);
    assert_eq!(first.energies, again.energies);
    assert_ne!(first.energies, other.energies);
    let mut vqe = new(1);
    vqe.run()?;
    let end = vqe.energy()?;
    assert_eq!(vqe.run()?.energies[0], end);
    let mut elsewhere = new(2);
    elsewhere.set_weights(vqe.weights())?;
    assert_eq!(elsewhere.energy()?, vqe.energy()?);
    Ok(())
}

#[test]
fn energies_from_shots_scatter_about_the_exact_ones() -> anyhow::Result<()> {
    let (energy, ground) = spins();
    let layer = QuantumLayerConfig { shots: Some(4000), seed: 5, ..Default::default() };
    let config = VqeConfig {
        method: VqeMethod::Adam(AdamConfig::with_learning_rate(0.1)),
        steps: 80,
        layer,
        ..Default::default()
    };
    let mut circuit = Circuit::new(3);
    circuit.real_amplitudes("w", 2, Entanglement::Linear);
    let config = VqeConfig { seed: 3, ..config };
    let mut vqe = Vqe::new(circuit, energy, config)?;
    let found = vqe.run()?;
    assert_eq!(found.energies.last(), Some(&found.energy));
    assert!((found.energy - ground).abs() < 0.2, "{} and {ground}", found.energy);
    Ok(())
}

/// Energies alone, exact and from shots.
#[test]
fn without_gradients() -> anyhow::Result<()> {
    let (energy, ground) = spins();
    for shots in [None, Some(2000)] {
        let layer = QuantumLayerConfig { shots, seed: 5, ..Default::default() };
        let spsa = SpsaConfig { learning_rate: 0.4, stability_constant: 30.0, ..Default::default() };
        let config = VqeConfig { method: VqeMethod::Spsa(spsa), steps: 300, seed: 3, layer, ..Default::default() };
        let mut circuit = Circuit::new(3);
        circuit.real_amplitudes("w", 2, Entanglement::Linear);
        let found = Vqe::new(circuit, energy.clone(), config)?.run()?;
        assert_eq!((found.stop_reason, found.gradient_norm, found.steps), (VqeStopReason::Steps, None, 300));
        assert!(found.energy < ground + 0.3 && found.energies[0] > ground + 1.0, "{shots:?}: {}", found.energy);
    }
    Ok(())
}

#[test]
fn in_single_precision() -> anyhow::Result<()> {
    let (energy, ground) = spins();
    let config = VqeConfig { dtype: DType::F32, steps: 300, seed: 3, ..Default::default() };
    let found = Vqe::new(ansatz(), energy, config)?.run()?;
    assert!((found.energy - ground).abs() < 1e-5, "{} and {ground}", found.energy);
    Ok(())
}

#[test]
fn what_cannot_be_minimized_is_refused() -> anyhow::Result<()> {
    let new = |circuit: Circuit, energy: Observable, config| Vqe::new(circuit, energy, config).map(drop);
    let config = VqeConfig::default;
    let mut reads = Circuit::new(1);
    reads.rx(input(2), 0);
    let error = new(reads, Z(0), config()).expect_err("it reads inputs");
    assert!(matches!(error, Error::Tensor(TensorError::MissingInputs { expected: 3 })), "{error}");
    let mut broken = Circuit::new(1);
    broken.x(1);
    assert!(matches!(new(broken, Z(0), config()), Err(Error::Circuit { .. })));
    assert!(matches!(new(Circuit::new(1), Z(1), config()), Err(Error::Observable { .. })));
    for bad in [f64::NAN, f64::INFINITY, -1.0] {
        let adam = VqeConfig { method: VqeMethod::Adam(AdamConfig::with_learning_rate(bad)), ..config() };
        let natural = QuantumNaturalGradientConfig { damping: bad, ..Default::default() };
        let natural = VqeConfig { method: VqeMethod::NaturalGradient(natural), ..config() };
        let spsa = SpsaConfig { perturbation: bad, ..Default::default() };
        let spsa = VqeConfig { method: VqeMethod::Spsa(spsa), ..config() };
        let gradient = VqeConfig { gradient_tolerance: bad, ..config() };
        let energy = VqeConfig { energy_tolerance: bad, ..config() };
        for config in [adam, natural, spsa, gradient, energy] {
            let error = new(ansatz(), Z(0), config).expect_err("out of range");
            assert!(matches!(error, Error::Setting { .. }), "{error}");
        }
    }
    let error = new(ansatz(), Z(0), VqeConfig { patience: Some(0), ..config() }).expect_err("out of range");
    assert!(matches!(error, Error::Setting { setting: "patience", .. }), "{error}");
    let adjoint = QuantumLayerConfig { shots: Some(10), gradient: GradientMethod::Adjoint, ..Default::default() };
    assert!(matches!(new(ansatz(), Z(0), VqeConfig { layer: adjoint, ..config() }), Err(Error::NoGradient { .. })));

    let huge = 1e308 * Z(0) + 1e308 * Z(1) + 1e308 * Z(2);
    let mut flat = Circuit::new(3);
    let w = flat.weights_with_init("w", 1, candle_nn::Init::Const(0.0));
    flat.rx(w.at([0]), 0);
    let error = Vqe::new(flat, huge, config())?.run().expect_err("beyond the range of f64");
    assert!(matches!(error, Error::Training(TrainingError::EnergyNotFinite { step: 0, .. })), "{error}");
    Ok(())
}

#[test]
fn weights_that_do_not_fit_change_nothing() -> anyhow::Result<()> {
    let (energy, _) = spins();
    let mut vqe = Vqe::new(ansatz(), energy, VqeConfig::default())?;
    let before = vqe.energy()?;
    let sound = Tensor::zeros((3, 2, 3), DType::F64, &Device::Cpu)?;
    let shape = Tensor::zeros((3, 3, 2), DType::F64, &Device::Cpu)?;
    let dtype = sound.to_dtype(DType::F32)?;
    let unknown = vqe.set_weights([("w", &sound), ("v", &sound)]);
    assert!(matches!(unknown, Err(Error::Weights(WeightsError::Unexpected { .. }))));
    assert!(matches!(
        vqe.set_weights([("w", &sound), ("w", &sound)]),
        Err(Error::Weights(WeightsError::Unexpected { .. }))
    ));
    assert!(matches!(vqe.set_weights([("w", &shape)]), Err(Error::Weights(WeightsError::Shape { .. }))));
    assert!(matches!(vqe.set_weights([("w", &dtype)]), Err(Error::Tensor(TensorError::DTypeMismatch { .. }))));
    assert_eq!(vqe.energy()?, before);
    vqe.set_weights([("w", &sound)])?;
    assert!((vqe.energy()? - 2.0).abs() < 1e-12, "all qubits in 0");
    Ok(())
}

/// A circuit without weights, or with none in an angle, has one energy, and nothing can be found.
#[test]
fn nothing_to_train() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(1);
    circuit.h(0);
    let error = Vqe::new(circuit.clone(), X(0), VqeConfig::default()).expect_err("no weights");
    assert!(matches!(error, Error::Training(TrainingError::NoVariables { of: "a VQE" })), "{error}");
    circuit.weights("w", 2);
    let spsa = VqeConfig { method: VqeMethod::Spsa(SpsaConfig::default()), ..Default::default() };
    for config in [VqeConfig::default(), spsa] {
        let error = Vqe::new(circuit.clone(), X(0), config).expect_err("no weight is used");
        assert!(
            matches!(&error, Error::Training(TrainingError::NoVariableGradient { variables, .. }) if variables == &["w"]),
            "{error}"
        );
    }
    let v = circuit.weights("v", 1);
    circuit.ry(v.at([0]), 0);
    let found = Vqe::new(circuit, X(0), VqeConfig::default())?.run()?;
    assert!(found.converged() && (found.energy + 1.0).abs() < 1e-8);
    assert_eq!(found.without_gradient, ["w"]);
    Ok(())
}

/// The energy of `z(0) + z(1)` is at its maximum at weights of 0, where the gradient is 0: a run that starts there ends
/// there without a result.
#[test]
fn a_run_that_starts_at_a_maximum_has_not_converged() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights_with_init("w", 2, candle_nn::Init::Const(0.0));
    circuit.ry(w.at([0]), 0).ry(w.at([1]), 1);
    let run = |config| -> candlewick::Result<_> { Vqe::new(circuit.clone(), Z(0) + Z(1), config)?.run() };
    let natural = VqeMethod::NaturalGradient(QuantumNaturalGradientConfig::default());
    for config in [VqeConfig::default(), VqeConfig { method: natural, ..Default::default() }] {
        let found = run(config)?;
        assert_eq!((found.stop_reason, found.steps, found.converged()), (VqeStopReason::Start, 0, false));
        assert!((found.energy - 2.0).abs() < 1e-12);
    }
    // The energy ends the run, and so does a method without gradients: its two values are equal, and it never moves.
    let spsa = VqeMethod::Spsa(SpsaConfig::default());
    let still = VqeConfig { energy_tolerance: 1e-9, patience: Some(5), steps: 50, ..Default::default() };
    let found = run(VqeConfig { method: spsa, ..still.clone() })?;
    assert_eq!((found.stop_reason, found.converged()), (VqeStopReason::Start, false));
    assert!((found.energy - 2.0).abs() < 1e-12);
    let unasked = VqeConfig { gradient_tolerance: 0.0, method: VqeMethod::Adam(AdamConfig::default()), ..still };
    assert!(!run(unasked)?.converged());
    Ok(())
}
