//! Pauli propagation beyond what state vectors hold: local circuits on 40 qubits, each output of which a state vector of its light cone gives, and limits.
//! Circuits of few qubits are among the engines that all tests of values and gradients run.

#[path = "../../examples/common/heavy_hex.rs"]
mod heavy_hex;
mod kicked;

use crate::losses::random_observables;
use crate::oracle::{Obs, random_case, rng, uniform};
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use candlewick::error::{Error, SimulationError};
use candlewick::nn::QuantumLayerConfig;
use candlewick::prelude::*;
use candlewick::program::Rewrites;
use candlewick::{PauliPropagation, Simulation};

const QUBITS: usize = 40;

/// Layers of rotations, of which neighbours in two halves are joined.
fn local(layers: usize) -> Circuit {
    let mut circuit = Circuit::new(QUBITS);
    let w = circuit.weights("w", (layers, QUBITS, 3));
    for q in 0..QUBITS {
        circuit.ry(input(q % 3), q);
    }
    for layer in 0..layers {
        for q in 0..QUBITS {
            circuit.rx(w.at([layer, q, 0]), q).rz(w.at([layer, q, 1]) * input(q % 3), q);
        }
        for q in (layer % 2..QUBITS - 1).step_by(2) {
            circuit.rzz(w.at([layer, q, 2]), q, q + 1);
            circuit.cx(q, q + 1);
        }
    }
    circuit
}

/// Observable of many words.
fn far() -> Observable {
    X(21) * X(22)
}

/// Returns outputs, and the gradients of their weighted sum in inputs and weights.
fn run(circuit: &Circuit, observables: Vec<Observable>, simulation: Simulation, batch: usize) -> [Vec<f64>; 3] {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let config = QuantumLayerConfig { simulation, ..Default::default() };
    let count = observables.len();
    let layer = QuantumLayer::with_config(circuit.clone(), Measurement::expectation(observables), config, vb).unwrap();
    let weight = varmap.data().lock().unwrap()["w"].clone();
    let numbers: Vec<f64> = (0..weight.elem_count()).map(|k| (0.37 * k as f64).sin()).collect();
    weight.set(&Tensor::from_vec(numbers, weight.shape(), &Device::Cpu).unwrap()).unwrap();
    let x: Vec<f64> = (0..3 * batch).map(|k| (0.9 * k as f64).cos()).collect();
    let x = Var::from_tensor(&Tensor::from_vec(x, (batch, 3), &Device::Cpu).unwrap()).unwrap();
    let y = layer.try_forward(&x).unwrap();
    let by: Vec<f64> = (0..batch * count).map(|k| 1.0 + 0.1 * k as f64).collect();
    let by = Tensor::from_vec(by, (batch, count), &Device::Cpu).unwrap();
    let gradients = (&y * by).unwrap().sum_all().unwrap().backward().unwrap();
    let numbers = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f64>().unwrap();
    [numbers(&y), numbers(gradients.get(&x).unwrap()), numbers(gradients.get(&weight).unwrap())]
}

#[track_caller]
fn close(actual: &[Vec<f64>; 3], expected: &[Vec<f64>; 3], tolerance: f64) {
    for (actual, expected) in actual.iter().zip(expected) {
        assert_eq!(actual.len(), expected.len());
        let off = actual.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < tolerance, "{off:e}");
    }
}

#[test]
fn outputs_of_forty_qubits_are_those_of_their_light_cones() {
    let circuit = local(3);
    let pauli = || Simulation::Pauli(PauliPropagation::default());
    for observables in [vec![Z(20)], vec![X(0), Y(39)], vec![0.5 * (X(7) * Z(8)) + 1.5 * Y(9)]] {
        let expected = run(&circuit, observables.clone(), Simulation::StateVector, 5);
        close(&run(&circuit, observables, pauli(), 5), &expected, 1e-12);
    }
    // All at once, in blocks that are not full.
    let all = run(&circuit, (0..QUBITS).map(Z).collect(), pauli(), 19);
    for q in [0, 13, 26, 39] {
        let one = run(&circuit, vec![Z(q)], Simulation::StateVector, 19);
        let column: Vec<f64> = all[0].iter().skip(q).step_by(QUBITS).copied().collect();
        assert!(column.iter().zip(&one[0]).all(|(a, b)| (a - b).abs() < 1e-12), "output {q}");
    }
}

/// The gradient is exact for the value that is returned, however many words are left out.
#[test]
fn gradients_are_exact_for_truncated_values() {
    let circuit = local(4);
    let limits = |max_weight: Option<u32>, max_sines: Option<u32>| {
        let mut options = PauliPropagation::default();
        (options.max_weight, options.max_sines) = (max_weight, max_sines);
        Simulation::Pauli(options)
    };
    let exact = run(&circuit, vec![far()], limits(None, None), 1);
    for (weight, sines) in [(Some(2), None), (None, Some(2)), (Some(3), Some(4))] {
        let [y, ..] = run(&circuit, vec![far()], limits(weight, sines), 1);
        assert!((y[0] - exact[0][0]).abs() > 1e-9, "nothing was left out");
        let vb = || candlewick::nn::SeededInit::new(5).var_builder(&VarMap::new(), DType::F64, &Device::Cpu);
        let layer = |gradient| {
            let config = QuantumLayerConfig { simulation: limits(weight, sines), gradient, ..Default::default() };
            QuantumLayer::with_config(circuit.clone(), Measurement::expectation([far()]), config, vb()).unwrap()
        };
        let of = |gradient| {
            let x = Var::from_tensor(&Tensor::new(&[[0.3f64, -0.8, 0.5]], &Device::Cpu).unwrap()).unwrap();
            let gradients = layer(gradient).try_forward(&x).unwrap().sum_all().unwrap().backward().unwrap();
            gradients.get(&x).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap()
        };
        let (adjoint, shifted) = (of(GradientMethod::Adjoint), of(GradientMethod::ParameterShift));
        assert!(adjoint.iter().zip(&shifted).all(|(a, b)| (a - b).abs() < 1e-12), "{adjoint:?} {shifted:?}");
    }
}

#[test]
fn limits_and_refusals_are_typed() {
    let refusal = |circuit: &Circuit, measurement: Measurement, options: PauliPropagation| {
        let config = QuantumLayerConfig { simulation: Simulation::Pauli(options), ..Default::default() };
        let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
        let layer = QuantumLayer::with_config(circuit.clone(), measurement, config, vb)?;
        layer.try_forward(&Tensor::zeros((1, circuit.inputs()), DType::F64, &Device::Cpu)?).map(drop)
    };
    let mut few = PauliPropagation::default();
    few.max_terms = 20;
    let many = Measurement::expectation([far()]);
    let error = refusal(&local(4), many, few).unwrap_err();
    assert!(matches!(error, Error::Simulation(SimulationError::TooManyWords { limit: 20, .. })), "{error}");
    for measurement in [Measurement::variance([Z(20)]), Measurement::probabilities(0..11)] {
        let error = refusal(&local(1), measurement, PauliPropagation::default()).unwrap_err();
        assert!(matches!(error, Error::Simulation(SimulationError::NotFromPauli { .. })), "{error}");
    }
    // 2^40 words are refused before one is made.
    let ones = Measurement::expectation([Observable::projector_on((0..QUBITS).map(|q| (q, true)))]);
    let error = refusal(&local(1), ones, PauliPropagation::default()).unwrap_err();
    assert!(matches!(error, Error::Simulation(SimulationError::TooManyWords { .. })), "{error}");
    let mut noisy = Circuit::new(2);
    let [one, zero] = [1.0, 0.0].map(num_complex::Complex64::from);
    noisy.ry(input(0), 0).kraus(&[vec![one, zero, zero, zero], vec![zero, one, zero, zero]], [0]);
    let error = refusal(&noisy, Measurement::expectation([Z(0)]), PauliPropagation::default()).unwrap_err();
    assert!(matches!(error, Error::Simulation(SimulationError::KrausMixWords)), "{error}");
    // Neither shots nor the memory limit are passed over.
    let simulation = Simulation::Pauli(PauliPropagation::default());
    let vb = || VarBuilder::zeros(DType::F64, &Device::Cpu);
    let x = Tensor::zeros((1, 3), DType::F64, &Device::Cpu).unwrap();
    for (shots, memory_limit) in [(Some(10), None), (None, Some(1000))] {
        let config = QuantumLayerConfig { simulation: simulation.clone(), shots, memory_limit, ..Default::default() };
        let layer = QuantumLayer::with_config(local(3), Measurement::expectation([far()]), config, vb());
        let error = layer.and_then(|layer| layer.try_forward(&x)).unwrap_err();
        let expected = match shots {
            Some(_) => matches!(error, Error::Simulation(SimulationError::NotFromPauli { .. })),
            None => matches!(error, Error::Memory(_)),
        };
        assert!(expected, "{error}");
    }
}

/// Random circuits of every kind of gate, under random limits of the weight: a value that is called exact is.
#[test]
fn values_that_are_called_exact_are() {
    let (mut exact, mut cut) = (0, 0);
    for seed in 0..1000 {
        let qubits = 2 + seed as usize % 4;
        let case = random_case(seed, qubits, 10, false);
        let mut random = rng(seed);
        let (x, w) = (uniform(&mut random, case.inputs), uniform(&mut random, case.weights));
        let mut options = PauliPropagation::default();
        options.max_weight = Some(1 + seed as u32 / 4 % qubits as u32);
        let observables = random_observables(seed, qubits);
        let expected: Vec<f64> = observables.iter().map(|one| one.expectation(&case.state(&x, &w))).collect();
        let varmap = VarMap::new();
        let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
        let config = QuantumLayerConfig { simulation: Simulation::Pauli(options), ..Default::default() };
        let measurement = Measurement::expectation(observables.iter().map(Obs::observable));
        let layer = QuantumLayer::with_config(case.circuit(), measurement, config, vb).unwrap();
        for weights in varmap.data().lock().unwrap().values().filter(|weights| weights.elem_count() == w.len()) {
            weights.set(&Tensor::new(w.as_slice(), &Device::Cpu).unwrap().reshape(weights.shape()).unwrap()).unwrap();
        }
        let paths = match layer.paths() {
            Err(Error::Simulation(SimulationError::HeavyWords { .. })) => continue,
            paths => paths.unwrap(),
        };
        let x = Tensor::from_vec(x, (1, case.inputs), &Device::Cpu).unwrap();
        let found = layer.try_forward(&x).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let off = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        match paths.is_exact() {
            true => assert!(off < 1e-12, "case {seed}: {off:e}"),
            false => cut += usize::from(off > 1e-9),
        }
        exact += usize::from(paths.is_exact());
    }
    assert!(exact > 300 && cut > 100, "{exact} exact, {cut} with another value");
}

/// Clifford gates on two qubits move words one to one, with any rewrites: only the rotations in front turn words.
#[test]
fn clifford_matrices_split_no_words() {
    let paths = |rewrites| {
        let mut circuit = Circuit::new(4);
        (0..4).for_each(|q| _ = circuit.ry(input(q), q));
        circuit.iswap(0, 1).ecr(1, 2).iswap(2, 3).ecr(3, 0);
        let simulation = Simulation::Pauli(PauliPropagation::default());
        let config = QuantumLayerConfig { simulation, rewrites, ..Default::default() };
        let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
        let words = Measurement::expectation((0..4).map(Z));
        let paths = QuantumLayer::with_config(circuit, words, config, vb).unwrap().paths().unwrap();
        (paths.terms, paths.moves)
    };
    assert_eq!(paths(Rewrites::ALL), paths(Rewrites::NONE));
}

/// A sample has the same bits at any place of any batch, and any number of threads gives the same bits.
#[test]
fn samples_do_not_see_each_other() {
    let circuit = local(3);
    for dtype in [DType::F32, DType::F64] {
        let vb = candlewick::nn::SeededInit::new(3).var_builder(&VarMap::new(), dtype, &Device::Cpu);
        let config = QuantumLayerConfig { simulation: Simulation::Pauli(Default::default()), ..Default::default() };
        let z = Measurement::expectation((0..QUBITS).map(Z));
        let layer = QuantumLayer::with_config(circuit.clone(), z, config, vb).unwrap();
        let x: Vec<f64> = (0..3 * 37).map(|k| (0.9 * k as f64).cos()).collect();
        let x = Tensor::from_vec(x, (37, 3), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
        let bits = |x: &Tensor| {
            let y = layer.forward_detached(x).unwrap().flatten_all().unwrap().to_dtype(DType::F64).unwrap();
            y.to_vec1::<f64>().unwrap().into_iter().map(f64::to_bits).collect::<Vec<_>>()
        };
        let all = bits(&x);
        for (first, count) in [(0, 1), (36, 1), (5, 3), (7, 16), (20, 17)] {
            let part = bits(&x.narrow(0, first, count).unwrap());
            assert_eq!(part, all[QUBITS * first..QUBITS * (first + count)], "{first} {count} {dtype:?}");
        }
        let gradient = || {
            let x = Var::from_tensor(&x).unwrap();
            let gradients = layer.try_forward(&x).unwrap().sqr().unwrap().sum_all().unwrap().backward().unwrap();
            let gradient = gradients.get(&x).unwrap().flatten_all().unwrap().to_dtype(DType::F64).unwrap();
            gradient.to_vec1::<f64>().unwrap().into_iter().map(f64::to_bits).collect::<Vec<_>>()
        };
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(alone.install(gradient), gradient());
        assert_eq!(alone.install(|| bits(&x)), all);
    }
}

/// A variable that is set between the passes: the gradient is that of its new value, as on every engine.
#[test]
fn weights_that_change_before_the_gradient() {
    let gradient = |simulation: Simulation| {
        let varmap = VarMap::new();
        let vb = candlewick::nn::SeededInit::new(3).var_builder(&varmap, DType::F64, &Device::Cpu);
        let mut circuit = Circuit::new(3);
        let w = circuit.weights("w", 3);
        (0..3).for_each(|q| _ = circuit.ry(w.at(q), q));
        circuit.cx(0, 1).cx(1, 2).rx(w.at(0), 2);
        let config = QuantumLayerConfig { simulation, ..Default::default() };
        let layer = QuantumLayer::with_config(circuit, Measurement::expectation([Z(2)]), config, vb).unwrap();
        let y = layer.evaluate().unwrap();
        let weights = varmap.data().lock().unwrap()["w"].clone();
        weights.set(&Tensor::new(&[0.3f64, -0.8, 1.1], &Device::Cpu).unwrap()).unwrap();
        y.sum_all().unwrap().backward().unwrap().get(&weights).unwrap().to_vec1::<f64>().unwrap()
    };
    let (found, expected) = (gradient(Simulation::Pauli(Default::default())), gradient(Simulation::StateVector));
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} {expected:?}");
}
