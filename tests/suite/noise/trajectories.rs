//! Trajectories against density matrices: values, gradients in angles and in strengths, within their scatter.

use super::channels::random_noisy_case;
use super::oracle::NoisyOp;
use crate::lab::{close, rows, tensor};
use crate::losses::random_observables;
use crate::oracle::{Obs, rng, uniform};
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use candlewick::channel::Channel;
use candlewick::error::SimulationError;
use candlewick::nn::SeededInit;
use candlewick::prelude::*;
use candlewick::{Error, Simulation};
use num_complex::Complex64;

/// Values, then gradients in inputs and in weights, of so many calls.
fn calls(
    circuit: &Circuit,
    measurement: &Measurement,
    (x, w): (&[Vec<f64>], &[f64]),
    simulation: Simulation,
    count: usize,
) -> anyhow::Result<Vec<Vec<f64>>> {
    let mut varmap = VarMap::new();
    let vb = SeededInit::new(1).var_builder(&varmap, DType::F64, &Device::Cpu);
    let config = QuantumLayerConfig { simulation, seed: 5, ..Default::default() };
    let layer = QuantumLayer::with_config(circuit.clone(), measurement.clone(), config, vb)?;
    varmap.set_one("w", Tensor::new(w, &Device::Cpu)?)?;
    let variable = varmap.all_vars().into_iter().find(|var| var.dims() == [w.len()]).expect("the weights");
    let x = Var::from_tensor(&tensor(x, DType::F64))?;
    let one = || {
        let y = layer.try_forward(&x)?;
        let c: Vec<f64> = (0..y.elem_count()).map(|k| (0.7 * k as f64).cos()).collect();
        let store = (&y * Tensor::from_vec(c, y.shape(), &Device::Cpu)?)?.sum_all()?.backward()?;
        let [dx, dw] = [&x, &variable].map(|var| store.get(var).expect("a gradient").flatten_all());
        Ok([rows(&y).concat(), dx?.to_vec1()?, dw?.to_vec1()?].concat())
    };
    (0..count).map(|_| one()).collect()
}

/// Asserts that the mean of calls is a vector within five deviations.
fn within_scatter(name: &str, calls: &[Vec<f64>], expected: &[f64]) {
    let n = calls.len() as f64;
    for (k, expected) in expected.iter().enumerate() {
        let mean = calls.iter().map(|call| call[k]).sum::<f64>() / n;
        let variance = calls.iter().map(|call| (call[k] - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let off = (mean - expected).abs();
        assert!(
            off <= 5.0 * (variance / n).sqrt() + 1e-9,
            "{name}: number {k} is {mean}, not {expected}, of {variance:e}"
        );
    }
}

#[test]
fn averages_are_density_matrices() -> anyhow::Result<()> {
    for seed in 0..10 {
        let qubits = 2 + seed as usize % 3;
        let mut case = random_noisy_case(700 + seed, qubits, 9, seed % 4 == 3);
        case.ops.retain(|op| match op {
            NoisyOp::Channel(channel, ..) => is_pauli(*channel),
            _ => true,
        });
        let mut rng = rng(seed);
        let x: Vec<Vec<f64>> = (0..2).map(|_| uniform(&mut rng, case.inputs)).collect();
        let w = uniform(&mut rng, case.weights);
        let observables = random_observables(seed, qubits);
        let measurement = Measurement::all([
            Measurement::expectation(observables[..3].iter().map(Obs::observable)),
            Measurement::probabilities([qubits - 1, 0]),
        ]);
        let circuit = case.circuit();
        let exact = calls(&circuit, &measurement, (&x, &w), Simulation::Density, 1)?.remove(0);
        let drawn = calls(&circuit, &measurement, (&x, &w), Simulation::Trajectories { count: 60 }, 25)?;
        within_scatter(&format!("seed {seed}"), &drawn, &exact);
    }
    Ok(())
}

fn is_pauli(channel: Channel) -> bool {
    use Channel::{bit_flip, bit_phase_flip, depolarizing, depolarizing2, pauli_channel, phase_damping, phase_flip};
    [bit_flip, phase_flip, bit_phase_flip, pauli_channel, depolarizing, depolarizing2, phase_damping].contains(&channel)
}

/// Every Pauli channel, with strengths that are weights, inputs and products, in front of every kind of gate.
#[test]
fn gradients_in_strengths() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(3);
    let w = circuit.weights("w", 6);
    circuit.ry(input(0), 0).ry(w.at(0), 1).h(2).depolarizing(0.2 * w.at(1), 0).cx(0, 1);
    circuit.bit_flip(0.1 + 0.1 * input(1), 1).t(1).phase_flip(0.2 * w.at(2), 1).swap(0, 2).sx(0);
    circuit.depolarizing2(0.3 * w.at(3) * input(1), 0, 2).crz(w.at(4), 2, 0).ccx(0, 1, 2);
    circuit.pauli_channel(0.05, 0.1 * w.at(5), 0.1, 2).phase_damping(0.3 * w.at(5), 0).rxx(0.7, 0, 1).iswap(1, 2);
    circuit.when(input(0).gt(0.0), |c| c.bit_phase_flip(0.2 * w.at(2), 1)).ry(0.3, 1);
    let measurement = Measurement::expectation([Z(0), X(1) * Z(2), Z(0) * Y(1)]);
    let (x, w) = ([vec![0.6, 0.8], vec![-0.4, 0.5]], [0.7, 0.9, 0.6, 0.8, 1.1, 0.7]);
    let exact = calls(&circuit, &measurement, (&x, &w), Simulation::Density, 1)?.remove(0);
    let drawn = calls(&circuit, &measurement, (&x, &w), Simulation::Trajectories { count: 200 }, 40)?;
    within_scatter("strengths", &drawn, &exact);
    // Calls draw anew, and layers made again repeat the draws.
    assert_ne!(drawn[0], drawn[1]);
    let again = calls(&circuit, &measurement, (&x, &w), Simulation::Trajectories { count: 200 }, 1)?;
    assert_eq!(again[0], drawn[0]);
    Ok(())
}

/// Without noise there is one trajectory, and with weak noise nearly all of the weight is on it.
#[test]
fn weak_noise_scatters_little() -> anyhow::Result<()> {
    let value = |p: f64, simulation: Simulation| -> anyhow::Result<f64> {
        let mut circuit = Circuit::new(2);
        circuit.ry(0.4, 0).cx(0, 1).depolarizing(p, 0).depolarizing2(p, 0, 1).rx(0.3, 1);
        let config = QuantumLayerConfig { simulation, ..Default::default() };
        let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
        let layer = QuantumLayer::with_config(circuit, Measurement::expectation([Z(1)]), config, vb)?;
        Ok(layer.evaluate()?.to_vec1::<f64>()?[0])
    };
    for p in [0.0, 1e-9, 1e-4] {
        let exact = value(p, Simulation::Density)?;
        let drawn = value(p, Simulation::Trajectories { count: 10 })?;
        close("weak noise", &[drawn], &[exact], 1e-12 + 4.0 * p);
    }
    Ok(())
}

/// Readout errors of constant strength need no draws: outputs and gradients are those of the density matrix.
#[test]
fn readout_errors_are_exact() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(3);
    let w = circuit.weights("w", 2);
    circuit.ry(input(0), 0).rx(w.at(0), 1).cx(0, 1).ry(w.at(1), 2).cz(1, 2).rx(0.4, 0).s(2).h(2);
    circuit.readout_error(0.1, 0.03, 0).readout_error(0.05, 0.05, 1);
    let matrix = [0.3, 0.5, 0.5, -1.1].map(|re| Complex64::new(re, 0.0));
    let measurement = Measurement::all([
        Measurement::expectation([
            Z(0) * Z(1) + 0.3 * X(0) * Y(2) + 0.2 * Observable::identity() - 0.7 * Y(1),
            Observable::diagonal_on([0.4, -1.3, 0.2, 0.9], [1, 0]),
            Observable::projector([true, false, true]) + 0.5 * X(0) * X(1) * X(2),
            Observable::hermitian(&matrix, [2]),
        ]),
        Measurement::probabilities([2, 0, 1]),
        Measurement::expectation([Z(0)]),
        Measurement::probabilities([1]),
    ]);
    let (x, w) = ([vec![0.6], vec![-1.4]], [0.7, 0.9]);
    let exact = calls(&circuit, &measurement, (&x, &w), Simulation::Density, 1)?.remove(0);
    let found = calls(&circuit, &measurement, (&x, &w), Simulation::Trajectories { count: 3 }, 1)?.remove(0);
    close("readout errors", &found, &exact, 1e-12);
    Ok(())
}

/// Readout errors behind Pauli errors, and Kraus operators that are multiples of Pauli words.
#[test]
fn readout_errors_follow_pauli_errors() -> anyhow::Result<()> {
    let times = |factor: f64, word: [[f64; 2]; 4]| word.map(|[re, im]| Complex64::new(factor * re, factor * im));
    let y = |factor| times(factor, [[0., 0.], [0., -1.], [0., 1.], [0., 0.]]);
    let one = |factor| times(factor, [[1., 0.], [0., 0.], [0., 0.], [1., 0.]]);
    let zz = |factor: f64, sign: f64| {
        std::array::from_fn::<_, 16, _>(|at| match at {
            0 | 15 => Complex64::new(factor, 0.0),
            5 | 10 => Complex64::new(sign * factor, 0.0),
            _ => Complex64::ZERO,
        })
    };
    let mut circuit = Circuit::new(3);
    let w = circuit.weights("w", 2);
    circuit.ry(input(0), 0).h(2).rx(w.at(0), 1).kraus(&[one(0.8), y(0.6)], [2]).cx(0, 1).ry(w.at(1), 2).cz(1, 2);
    circuit.kraus(&[zz(0.96f64.sqrt(), 1.0), zz(0.2, -1.0)], [0, 1]).rx(0.4, 0).depolarizing(0.05, 0).h(1);
    circuit.readout_error(0.1, 0.03, 0).readout_error(0.05, 0.02, 1);
    let measurement = Measurement::all([
        Measurement::expectation([Z(0) * Z(1), X(0) * Y(2), Z(1)]),
        Measurement::probabilities([0, 1]),
    ]);
    let (x, w) = ([vec![0.6], vec![-1.4]], [0.7, 0.9]);
    let exact = calls(&circuit, &measurement, (&x, &w), Simulation::Density, 1)?.remove(0);
    let drawn = calls(&circuit, &measurement, (&x, &w), Simulation::Trajectories { count: 100 }, 40)?;
    within_scatter("readout errors behind Pauli errors", &drawn, &exact);
    Ok(())
}

#[test]
fn what_trajectories_cannot_do() {
    let make = |write: fn(&mut Circuit), measurement: Measurement, config: QuantumLayerConfig| {
        let mut circuit = Circuit::new(2);
        circuit.h(0).cx(0, 1);
        write(&mut circuit);
        QuantumLayer::with_config(circuit, measurement, config, VarBuilder::zeros(DType::F32, &Device::Cpu))
    };
    let z = || Measurement::expectation([Z(0)]);
    let config = |count| QuantumLayerConfig { simulation: Simulation::Trajectories { count }, ..Default::default() };
    let of = |result: candlewick::Result<QuantumLayer>| match result {
        Err(Error::Simulation(error)) => error,
        other => panic!("{other:?}"),
    };
    let flip: fn(&mut Circuit) = |c| _ = c.bit_flip(0.1, 0);
    assert_eq!(of(make(|c| _ = c.amplitude_damping(0.1, 0), z(), config(9))), SimulationError::NotPauli);
    let half = Complex64::new(0.5f64.sqrt(), 0.0);
    let hadamard = [half, half, half, -half].map(|entry| 0.6 * entry);
    let identity = [0.8, 0.0, 0.0, 0.8].map(|re| Complex64::new(re, 0.0));
    let mut kraus = Circuit::new(2);
    kraus.kraus(&[identity, hadamard], [0]);
    let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    assert_eq!(of(QuantumLayer::with_config(kraus, z(), config(9), vb)), SimulationError::NotPauli);
    let read = SimulationError::ReadoutOfTrajectories { qubit: 0 };
    assert_eq!(of(make(|c| _ = c.readout_error(0.1 * input(0), 0.1, 0), z(), config(9))), read);
    let many: fn(&mut Circuit) = |c| (0..2).for_each(|q| _ = c.readout_error(0.1, 0.1, q));
    make(many, z(), config(9)).expect("a layer");
    for count in [0, usize::MAX] {
        let most = 1 << 24;
        assert_eq!(of(make(flip, z(), config(count))), SimulationError::TrajectoryCount { count, most });
    }
    let is_refused = |error: SimulationError| matches!(error, SimulationError::NotFromTrajectories { .. });
    assert!(is_refused(of(make(flip, Measurement::variance([Z(0)]), config(9)))));
    assert!(is_refused(of(make(flip, Measurement::state(), config(9)))));
    assert!(is_refused(of(make(flip, z(), QuantumLayerConfig { shots: Some(10), ..config(9) }))));
    let shift = QuantumLayerConfig { gradient: GradientMethod::ParameterShift, ..config(9) };
    assert!(is_refused(of(make(flip, z(), shift))));
    let layer = make(flip, z(), config(9)).expect("a layer");
    assert!(matches!(layer.sample(None, 10), Err(Error::Simulation(SimulationError::NotFromTrajectories { .. }))));
}

/// A strength outside its range, and a strength of 0 whose gradient is asked for.
#[test]
fn strengths_of_a_call() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    circuit.ry(0.4, 0).bit_flip(w.at(0), 0).phase_flip(input(0), 0);
    let run = |x: &[f64], w: f64| {
        let x: Vec<Vec<f64>> = x.iter().map(|x| vec![*x]).collect();
        calls(&circuit, &Measurement::expectation([Z(0)]), (&x, &[w]), Simulation::Trajectories { count: 5 }, 1)
    };
    let typed = |result: anyhow::Result<Vec<Vec<f64>>>| match result.expect_err("an error").downcast::<Error>() {
        Ok(Error::Simulation(error)) => error,
        other => panic!("{other:?}"),
    };
    assert!(matches!(typed(run(&[0.1], 1.5)), SimulationError::Strength { value: 1.5, .. }));
    // Words that are never drawn would be missing in the gradient, whatever other channels do.
    assert_eq!(typed(run(&[0.1, 0.0], 0.1)), SimulationError::NoErrors { sample: 1, channel: 1 });
    assert_eq!(typed(run(&[0.1, 0.2], 0.0)), SimulationError::NoErrors { sample: 0, channel: 0 });
    let found = run(&[0.1, -0.2, 1.3, f64::NAN], 0.1)?.remove(0);
    assert_eq!(found[..4].iter().map(|y| y.is_nan()).collect::<Vec<_>>(), [false, true, true, true]);
    Ok(())
}

/// A weak strength keeps its digits in F32.
#[test]
fn weak_strengths_in_single_precision() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    circuit.bit_flip(w.at(0), 0);
    for p in [1e-2f32, 1e-6, 1e-10] {
        let mut varmap = VarMap::new();
        let vb = SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu);
        let config = QuantumLayerConfig { simulation: Simulation::Trajectories { count: 3 }, ..Default::default() };
        let layer = QuantumLayer::with_config(circuit.clone(), Measurement::expectation([Z(0)]), config, vb)?;
        varmap.set_one("w", Tensor::new(&[p], &Device::Cpu)?)?;
        let weight = varmap.all_vars().into_iter().find(|var| var.dims() == [1]).expect("the weight");
        let gradient = layer.evaluate()?.sum_all()?.backward()?.get(&weight).expect("a gradient").to_vec1::<f32>()?;
        // Every error flips the qubit, so nothing scatters.
        close(&format!("{p}"), &[f64::from(gradient[0])], &[-2.0], 1e-5);
    }
    Ok(())
}
