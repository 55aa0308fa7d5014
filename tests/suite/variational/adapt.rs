//! The adaptive eigensolver: its gradients against commutators and differences, its energies against eigenvalues.

use super::{dense, lowest};
use crate::chemistry::{exponential, generator};
use crate::lab::close;
use candle_core::{DType, Tensor};
use candle_nn::Init;
use candlewick::circuit::Excitation;
use candlewick::error::{TensorError, TrainingError};
use candlewick::prelude::*;
use candlewick::variational::{
    AdaptVqe, AdaptVqeConfig, AdaptVqeResult, Molecule, PoolOperator, VqeConfig, VqeMethod, VqeStopReason,
};
use candlewick::{Error, Mistake, functional};
use nalgebra::DVector;
use num_complex::Complex64 as C;
use std::ops::ControlFlow;

const CHEMICAL_ACCURACY: f64 = 1.6e-3;

fn molecule(name: &str) -> Molecule {
    Molecule::read(format!("{}/examples/data/hamiltonians/{name}", env!("CARGO_MANIFEST_DIR"))).expect("a sound file")
}

fn solver(molecule: &Molecule, config: AdaptVqeConfig) -> candlewick::Result<AdaptVqe> {
    AdaptVqe::for_electrons(molecule.qubits(), molecule.electrons(), molecule.hamiltonian(), config)
}

fn spins() -> (Observable, f64) {
    let terms = [(1.0, "Z0 Z1"), (1.0, "Z1 Z2"), (0.7, "X0"), (0.7, "X1"), (0.7, "X2"), (0.3, "Y0 X2")];
    (Observable::pauli_sum(terms), lowest(dense(3, terms)))
}

/// All Pauli words on three qubits but the identity. If none of them has a slope, the state is an eigenstate.
fn words() -> Vec<String> {
    let letters = |code: u32| (0..3).map(move |qubit| (qubit, ["", "X", "Y", "Z"][(code >> (2 * qubit) & 3) as usize]));
    let word =
        |code| letters(code).filter(|(_, letter)| !letter.is_empty()).map(|(qubit, letter)| format!("{letter}{qubit}"));
    (1..64).map(|code| word(code).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn one_double_excitation_is_hydrogen() -> anyhow::Result<()> {
    let hydrogen = molecule("h2_0.7414.json");
    let found = solver(&hydrogen, AdaptVqeConfig::default())?.run()?;
    let ground = lowest(dense(4, hydrogen.terms()));
    assert!((found.energy - ground).abs() < 1e-8, "{} and {ground}", found.energy);
    assert_eq!((found.stop_reason, found.converged(), found.rounds.len()), (VqeStopReason::Gradient, true, 1));
    let double = PoolOperator::Excitation(Excitation::Double { from: [0, 1], to: [2, 3] });
    assert_eq!((&found.rounds[0].operator, found.rounds[0].index), (&double, 0));
    assert!((found.reference_energy - hydrogen.hartree_fock_energy().expect("it is there")).abs() < 1e-7);
    assert!(found.largest_gradient < 1e-3 && found.rounds[0].stop_reason == VqeStopReason::Gradient);
    Ok(())
}

/// Unitary coupled cluster has as many operators as the pool.
#[test]
fn chemical_accuracy_with_fewer_operators_than_uccsd() -> anyhow::Result<()> {
    for (name, most) in [("lih_1.5949_cas6.json", 3), ("h4_chain_1.0.json", 11)] {
        let molecule = molecule(name);
        let ground = lowest(dense(molecule.qubits(), molecule.terms()));
        let config = AdaptVqeConfig { operators: most, ..Default::default() };
        let solver = solver(&molecule, config)?;
        let found = solver.run()?;
        let error = found.energy - ground;
        assert!((-1e-9..CHEMICAL_ACCURACY).contains(&error), "{name}: {error:e}");
        assert!(2 * found.rounds.len() < solver.pool().len(), "{} of {}", found.rounds.len(), solver.pool().len());
        let energies: Vec<f64> = found.rounds.iter().map(|round| round.energy).collect();
        assert!(energies.is_sorted_by(|a, b| a >= b) && found.reference_energy > energies[0], "{energies:?}");
    }
    Ok(())
}

/// `⟨[H, A]⟩` of each operator `exp(theta A)`, in a state that dense exponentials make.
#[test]
fn gradients_are_commutators() -> anyhow::Result<()> {
    let molecule = molecule("lih_1.5949_cas6.json");
    let mut reference = Circuit::new(6);
    reference.hartree_fock(2).double_excitation(0.4, [0, 1], [2, 5]).single_excitation(0.7, 1, 3);
    let mut state = DVector::zeros(64);
    state[0b11] = 1.0;
    let state = exponential(6, 0.7, &[1], &[3]) * exponential(6, 0.4, &[0, 1], &[2, 5]) * state;
    let state = state.map(C::from);
    let hamiltonian = dense(6, molecule.terms());
    let energy_state = &hamiltonian * &state;

    let mut pool: Vec<PoolOperator> = reference.excitations(2).into_iter().map(PoolOperator::from).collect();
    let words = ["Y0 X2", "X0 Z1 Y2", "X1 Y3 Z5", "Y4", "Z1 Z2", "X0 X1 X2 Y3", ""];
    pool.extend(words.map(PoolOperator::from));
    let expected: Vec<f64> = pool
        .iter()
        .map(|operator| {
            let matrix = match operator {
                PoolOperator::Excitation(Excitation::Single { from, to }) => {
                    generator(6, &[*from], &[*to]).map(C::from)
                }
                PoolOperator::Excitation(Excitation::Double { from, to }) => generator(6, from, to).map(C::from),
                PoolOperator::PauliWord(word) => dense(6, [(1.0, word.as_str())]) * -C::i(),
                other => panic!("{other}"),
            };
            // The generator is half of the matrix, and ⟨HA - AH⟩ is 2 Re ⟨HA⟩.
            energy_state.dotc(&(matrix * &state)).re
        })
        .collect();
    let solver = AdaptVqe::new(reference, molecule.hamiltonian(), pool, AdaptVqeConfig::default())?;
    close("gradients", &solver.gradients()?, &expected, 1e-12);
    assert!(expected.iter().filter(|gradient| gradient.abs() > 1e-3).count() > 6, "{expected:?}");
    Ok(())
}

/// Central difference of the energy of a result in the angle of one more operator.
fn difference(found: &AdaptVqeResult, observable: &Observable, operator: &str) -> anyhow::Result<f64> {
    let weights: Vec<(&str, &Tensor)> = found.weights.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let at = |angle: f64| -> anyhow::Result<f64> {
        let mut circuit = found.circuit.clone();
        let letters: String = operator.split(' ').map(|token| &token[..1]).collect();
        let qubits = operator.split(' ').map(|token| token[1..].parse().expect("a number"));
        circuit.pauli_rot(angle, &letters, qubits);
        let measurement = Measurement::expectation([observable.clone()]);
        Ok(functional::evaluate(&circuit, &measurement, None, &weights)?.to_vec1::<f64>()?[0])
    };
    Ok((at(1e-4)? - at(-1e-4)?) / 2e-4)
}

/// In each round the operator with the largest slope of all is appended, as differences of one circuit an operator say.
#[test]
fn rounds_choose_the_largest_slope() -> anyhow::Result<()> {
    let (energy, _) = spins();
    let mut reference = Circuit::new(3);
    reference.ry(0.3, 0).rx(0.2, 1).cx(0, 2);
    let run = |operators| {
        let config = AdaptVqeConfig { operators, ..Default::default() };
        AdaptVqe::new(reference.clone(), energy.clone(), words(), config)?.run()
    };
    let whole = run(4)?;
    assert_eq!((whole.rounds.len(), whole.stop_reason), (4, VqeStopReason::Steps));
    for k in 1..4 {
        let part = run(k)?;
        assert_eq!(part.rounds, whole.rounds[..k]);
        let slopes =
            words().iter().map(|word| difference(&part, &energy, word)).collect::<anyhow::Result<Vec<f64>>>()?;
        let next = &whole.rounds[k];
        assert!((slopes[next.index] - next.gradient).abs() < 1e-6, "{k}: {} and {}", slopes[next.index], next.gradient);
        assert!(slopes.iter().all(|slope| slope.abs() < next.gradient.abs() + 1e-6), "{slopes:?}");
        assert!((part.largest_gradient - next.gradient.abs()).abs() < 1e-12);
    }
    Ok(())
}

/// Spins without electrons, with Pauli words as operators; the circuit of the result has the energy of the result.
#[test]
fn pauli_words_find_the_lowest_energy() -> anyhow::Result<()> {
    let (energy, ground) = spins();
    let found = AdaptVqe::new(Circuit::new(3), energy.clone(), words(), AdaptVqeConfig::default())?.run()?;
    assert!((-1e-9..1e-4).contains(&(found.energy - ground)), "{} and {ground}", found.energy);
    assert_eq!(found.weights["theta"].dims(), [found.rounds.len()]);
    let weights: Vec<(&str, &Tensor)> = found.weights.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let again = functional::evaluate(&found.circuit, &Measurement::expectation([energy]), None, &weights)?;
    assert!((again.to_vec1::<f64>()?[0] - found.energy).abs() < 1e-12);
    Ok(())
}

/// Weights of the first circuit start from the seed, and are trained with the angles.
#[test]
fn a_first_circuit_with_weights() -> anyhow::Result<()> {
    let (energy, ground) = spins();
    let mut reference = Circuit::new(3);
    reference.real_amplitudes("w", 1, Entanglement::Linear);
    let run = |seed| {
        let vqe = VqeConfig { seed, ..Default::default() };
        AdaptVqe::new(reference.clone(), energy.clone(), words(), AdaptVqeConfig { vqe, ..Default::default() })?.run()
    };
    let (first, again, other) = (run(1)?, run(1)?, run(2)?);
    assert_eq!((&first.rounds, first.energy), (&again.rounds, again.energy));
    assert_ne!(first.reference_energy, other.reference_energy);
    assert!((first.energy - ground).abs() < 1e-4, "{} and {ground}", first.energy);
    assert_eq!(first.weights.keys().collect::<Vec<_>>(), ["theta", "w"]);
    Ok(())
}

#[test]
fn runs_end_for_the_reason_they_give() -> anyhow::Result<()> {
    let (energy, _) = spins();
    let new = |operators, gradient_tolerance| {
        let config = AdaptVqeConfig { operators, gradient_tolerance, ..Default::default() };
        AdaptVqe::new(Circuit::new(3), energy.clone(), words(), config).expect("sound")
    };
    let none = new(0, 1e-3).run()?;
    assert_eq!((none.stop_reason, none.rounds.len(), none.weights.len()), (VqeStopReason::Steps, 0, 0));
    assert_eq!(none.energy, none.reference_energy);
    assert_eq!((new(9, 10.0).run()?.stop_reason, new(9, 10.0).run()?.converged()), (VqeStopReason::Start, false));

    let mut seen = Vec::new();
    let stopped = new(9, 1e-3).run_with(|operators, at| {
        seen.push((operators, at.step));
        if (operators, at.step) == (2, 3) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    assert_eq!((stopped.stop_reason, stopped.rounds.len()), (VqeStopReason::Stopped, 2));
    assert_eq!(&seen[seen.len() - 4..], [(2, 0), (2, 1), (2, 2), (2, 3)]);
    assert_eq!((stopped.rounds[1].steps, stopped.energy), (3, stopped.rounds[1].energy));
    Ok(())
}

#[test]
fn in_single_precision_and_from_shots() -> anyhow::Result<()> {
    let hydrogen = molecule("h2_0.7414.json");
    let single = VqeConfig { dtype: DType::F32, gradient_tolerance: 1e-4, ..Default::default() };
    let found = solver(&hydrogen, AdaptVqeConfig { vqe: single, ..Default::default() })?.run()?;
    assert!((found.energy + 1.1372702).abs() < 1e-5 && found.rounds.len() == 1, "{found:?}");

    let layer = QuantumLayerConfig { shots: Some(20_000), seed: 4, ..Default::default() };
    let noisy = AdaptVqeConfig {
        vqe: VqeConfig { layer, steps: 30, ..Default::default() },
        operators: 1,
        ..Default::default()
    };
    let (found, again) = (solver(&hydrogen, noisy.clone())?.run()?, solver(&hydrogen, noisy)?.run()?);
    assert!((found.energy + 1.1372702).abs() < 0.02 && found.rounds[0].index == 0, "{found:?}");
    assert_eq!(found.rounds, again.rounds);
    Ok(())
}

#[test]
fn pools_that_do_not_fit() -> anyhow::Result<()> {
    let new = |pool: Vec<PoolOperator>| {
        AdaptVqe::new(Circuit::new(3), Z(0), pool, AdaptVqeConfig::default()).expect_err("it does not fit")
    };
    assert!(matches!(new(Vec::new()), Error::Training(TrainingError::EmptyPool)));
    let sound = || PoolOperator::from("Y0");
    let out = Mistake::QubitOutOfRange { qubit: 3, qubits: 3 };
    let wrong: [(PoolOperator, Mistake); 6] = [
        ("X3".into(), out.clone()),
        ("Q0".into(), Mistake::PauliLetter { letter: 'Q' }),
        ("X0 Y0".to_owned().into(), Mistake::RepeatedQubit { qubit: 0 }),
        ("XY".into(), Mistake::PauliWord { text: "XY".to_owned() }),
        (Circuit::new(4).excitations(3)[0].into(), out),
        (Circuit::new(4).excitations(2)[0].into(), Mistake::QubitOutOfRange { qubit: 3, qubits: 3 }),
    ];
    for (operator, expected) in wrong {
        let error = new(vec![sound(), operator, sound()]);
        assert!(
            matches!(&error, Error::Training(TrainingError::PoolOperator { index: 1, mistake }) if *mistake == expected),
            "{error}"
        );
    }
    let many = AdaptVqe::new(Circuit::new(1), Z(0), std::iter::repeat_n("Y0", usize::MAX), AdaptVqeConfig::default());
    assert!(matches!(many, Err(Error::Training(TrainingError::PoolOperator { mistake: Mistake::TooMany { .. }, .. }))));
    let mut records = Circuit::new(2);
    records.h(0).measure(0, 1);
    let error =
        AdaptVqe::new(records, Z(0), ["X1"], AdaptVqeConfig::default()).expect_err("the record of a measurement");
    assert!(matches!(error, Error::Training(TrainingError::PoolOperator { index: 0, .. })), "{error}");
    Ok(())
}

#[test]
fn what_cannot_be_grown_is_refused() {
    let config = AdaptVqeConfig::default;
    let electrons =
        |qubits, electrons| AdaptVqe::for_electrons(qubits, electrons, Z(0), config()).expect_err("nothing to excite");
    for (qubits, count) in [(2, 3), (4, usize::MAX)] {
        let error = electrons(qubits, count);
        assert!(
            matches!(&error, Error::Circuit { mistake: Mistake::Length { what: "electron(s)", actual, .. }, .. } if *actual == count),
            "{error}"
        );
    }
    for (qubits, count) in [(4, 0), (4, 4), (1, 1)] {
        assert!(matches!(electrons(qubits, count), Error::Training(TrainingError::EmptyPool)));
    }
    assert!(matches!(electrons(0, 0), Error::Circuit { mistake: Mistake::NoQubits, .. }));

    let new = |circuit: Circuit, observable: Observable, config| {
        AdaptVqe::new(circuit, observable, ["Y0"], config).map(drop).expect_err("refused")
    };
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-5] {
        let error = new(Circuit::new(1), Z(0), AdaptVqeConfig { gradient_tolerance: bad, ..config() });
        assert!(matches!(error, Error::Setting { setting: "gradient_tolerance", .. }), "{error}");
    }
    let vqe = VqeConfig { patience: Some(0), ..Default::default() };
    assert!(matches!(new(Circuit::new(1), Z(0), AdaptVqeConfig { vqe, ..config() }), Error::Setting { .. }));
    let method = VqeMethod::Adam(candlewick::optim::AdamConfig::with_learning_rate(-1.0));
    let vqe = VqeConfig { method, ..Default::default() };
    assert!(matches!(new(Circuit::new(1), Z(0), AdaptVqeConfig { vqe, ..config() }), Error::Setting { .. }));
    assert!(matches!(new(Circuit::new(1), Z(1), config()), Error::Observable { .. }));
    let mut reads = Circuit::new(1);
    reads.rx(input(0), 0);
    assert!(matches!(new(reads, Z(0), config()), Error::Tensor(TensorError::MissingInputs { expected: 1 })));
    for name in ["theta", "pool"] {
        let mut taken = Circuit::new(1);
        taken.weights_with_init(name, 3, Init::Const(0.0));
        assert!(matches!(new(taken, Z(0), config()), Error::Circuit { mistake: Mistake::WeightRedeclared { .. }, .. }));
    }
    let huge = 1e308 * Z(0) + 1e308 * Z(1);
    let solver = AdaptVqe::new(Circuit::new(2), huge, ["Y0"], config()).expect("it is known at the energy only");
    assert!(matches!(solver.run(), Err(Error::Training(TrainingError::EnergyNotFinite { step: 0, .. }))));
}
