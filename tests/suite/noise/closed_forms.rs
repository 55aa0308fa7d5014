//! Closed forms of noisy circuits, and strengths at the ends of their ranges.

use super::{engines, run_circuit};
use crate::lab::close;
use candle_core::{DType, Device, Tensor, Var};
use candlewick::prelude::*;
use candlewick::{Simulation, functional};

/// Expectation values of a circuit of constants.
fn values(circuit: &Circuit, observables: &[Observable]) -> Vec<f64> {
    let none = Tensor::zeros(0, DType::F64, &Device::Cpu).unwrap();
    let mut circuit = circuit.clone();
    circuit.weights("none", 0);
    let measurement = Measurement::expectation(observables.to_vec());
    functional::evaluate(&circuit, &measurement, None, &[("none", &none)]).unwrap().to_vec1().unwrap()
}

/// `f` turns about an axis, then a channel some times.
fn after(angle: f64, axis: fn(&mut Circuit, f64), times: usize, channel: impl Fn(&mut Circuit)) -> Circuit {
    let mut circuit = Circuit::new(1);
    axis(&mut circuit, angle);
    (0..times).for_each(|_| channel(&mut circuit));
    circuit
}

#[test]
fn one_qubit() {
    let (t, p) = (0.7f64, 0.13f64);
    let rx = |c: &mut Circuit, t: f64| _ = c.rx(t, 0);
    let ry = |c: &mut Circuit, t: f64| _ = c.ry(t, 0);
    let one = |circuit: Circuit, observable: Observable, expected: f64| {
        close(&circuit.to_string(), &values(&circuit, &[observable]), &[expected], 1e-12);
    };
    let f = 1.0 - 4.0 * p / 3.0;
    for times in 1..4 {
        one(after(t, rx, times, |c| _ = c.depolarizing(p, 0)), Z(0), f.powi(times as i32) * t.cos());
        let kept = (1.0 - p).powi(times as i32);
        one(after(t, ry, times, |c| _ = c.amplitude_damping(p, 0)), Z(0), 1.0 - kept * (1.0 - t.cos()));
        one(after(t, ry, times, |c| _ = c.amplitude_damping(p, 0)), X(0), kept.sqrt() * t.sin());
    }
    one(after(t, rx, 1, |c| _ = c.bit_flip(p, 0)), Z(0), (1.0 - 2.0 * p) * t.cos());
    one(after(t, ry, 1, |c| _ = c.phase_flip(p, 0)), X(0), (1.0 - 2.0 * p) * t.sin());
    one(after(t, ry, 1, |c| _ = c.phase_damping(p, 0)), X(0), (1.0 - p).sqrt() * t.sin());
    let (time, t1, t2, excited): (f64, f64, f64, f64) = (0.4, 0.9, 1.1, 0.2);
    let z = 1.0 - 2.0 * excited;
    let relaxed = || after(t, ry, 1, |c| _ = c.thermal_relaxation(time, t1, t2, excited, 0));
    one(relaxed(), Z(0), z + (t.cos() - z) * (-time / t1).exp());
    one(relaxed(), X(0), (-time / t2).exp() * t.sin());
    one(after(t, ry, 1, |c| _ = c.reset_error(p, 0.3, 0)), Z(0), (1.0 - p - 0.3) * t.cos() + p - 0.3);
    one(after(t, ry, 1, |c| _ = c.reset_in_place(0)), Z(0), 1.0);
    // A letter is read in its own basis.
    for (letter, value) in [(X(0), t.sin()), (Z(0), t.cos()), (Y(0), 0.0)] {
        one(after(t, ry, 1, |c| _ = c.readout_error(0.02, 0.07, 0)), letter, (1.0 - 0.09) * value + 0.05);
    }
}

#[test]
fn several_qubits() {
    let p: f64 = 0.08;
    for n in 2..6usize {
        let ghz = |channel: &dyn Fn(&mut Circuit, usize)| {
            let mut circuit = Circuit::new(n);
            circuit.h(0);
            (1..n).for_each(|q| _ = circuit.cx(q - 1, q));
            (0..n).for_each(|q| channel(&mut circuit, q));
            // Back again: the probability of |0..0> is the fidelity.
            (1..n).rev().for_each(|q| _ = circuit.cx(q - 1, q));
            circuit.h(0);
            circuit
        };
        let fidelity = |circuit: Circuit| values(&circuit, &[Observable::projector(vec![false; n])])[0];
        let (k, f) = (n as i32, 1.0 - 4.0 * p / 3.0);
        let found = [
            fidelity(ghz(&|c, q| _ = c.phase_flip(p, q))),
            fidelity(ghz(&|c, q| _ = c.depolarizing(p, q))),
            fidelity(ghz(&|c, q| _ = c.amplitude_damping(p, q))),
        ];
        let g = p;
        let expected = [
            (1.0 + (1.0 - 2.0 * p).powi(k)) / 2.0,
            (((1.0 + f) / 2.0).powi(k) + ((1.0 - f) / 2.0).powi(k) + f.powi(k)) / 2.0,
            (1.0 + g.powi(k) + (1.0 - g).powi(k) + 2.0 * (1.0 - g).powf(n as f64 / 2.0)) / 4.0,
        ];
        close(&format!("GHZ of {n}"), &found, &expected, 1e-12);
    }
    let mut bell = Circuit::new(2);
    bell.h(0).cx(0, 1).depolarizing2(p, 0, 1);
    let lambda = 16.0 * p / 15.0;
    close("ZZ", &values(&bell, &[Z(0) * Z(1)]), &[1.0 - lambda], 1e-12);
    let rho: Vec<f64> = functional::evaluate(&bell, &Measurement::density_matrix(), None, &[])
        .and_then(|rho| Ok(rho.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?))
        .unwrap();
    let purity: f64 = rho.iter().map(|entry| entry * entry).sum();
    close("purity", &[purity], &[(1.0 - lambda).powi(2) + lambda * (1.0 - lambda) / 2.0 + lambda * lambda / 4.0], 1e-6);
}

/// Strengths at which a channel has no inverse: values and gradients in the angles in front of it are exact.
#[test]
fn channels_without_an_inverse() {
    let write: [fn(&mut Circuit, Angle); 6] = [
        |c, p| _ = c.depolarizing(0.75 * p, 0),
        |c, p| _ = c.bit_flip(0.5 * p, 0),
        |c, p| _ = c.reset_error(0.6 * p.clone(), 0.4 * p, 0),
        |c, p| _ = c.depolarizing2(15.0 / 16.0 * p, 0, 1),
        |c, p| _ = c.pauli_channel(0.25 * p.clone(), 0.25 * p.clone(), 0.25 * p, 1),
        |c, p| _ = c.readout_error(0.5 * p.clone(), 0.5 * p, 1),
    ];
    for (index, write) in write.into_iter().enumerate() {
        let mut circuit = Circuit::new(3);
        let w = circuit.weights("w", 2);
        circuit.ry(input(0), 0).ry(w.at(0), 1).cx(0, 1).rx(input(1), 1).cx(1, 2);
        write(&mut circuit, w.at(1));
        if index < 5 {
            circuit.ry(0.4, 0).cx(0, 2).ry(0.3, 1);
        }
        let measurement = Measurement::expectation([Z(0) * Z(2), X(1), Z(1) + 0.3 * Z(2)]);
        let (x, cotangent) = (vec![vec![0.4, 1.1], vec![-0.7, 0.2]], vec![vec![0.3, -1.0, 0.7]; 2]);
        let at = |x: &[Vec<f64>], w: &[f64]| {
            let found = run_circuit(&circuit, &measurement, x, w, &[], engines()[0]).outputs;
            found.concat().iter().zip(cotangent.concat()).map(|(y, c)| y * c).sum::<f64>()
        };
        for engine in engines() {
            let found = run_circuit(&circuit, &measurement, &x, &[0.9, 1.0], &cotangent, engine);
            let slope = |plus: f64, minus: f64| (plus - minus) / 2e-5;
            let expected_w: Vec<f64> = (0..2)
                .map(|k| {
                    let moved = |by: f64| {
                        let mut w = [0.9, 1.0];
                        w[k] += by;
                        at(&x, &w)
                    };
                    // A strength beyond its range is refused, so its slope is one-sided: values are linear in it, or
                    // quadratic for the two that it multiplies.
                    if k == 1 {
                        (3.0 * moved(0.0) - 4.0 * moved(-1e-5) + moved(-2e-5)) / 2e-5
                    } else {
                        slope(moved(1e-5), moved(-1e-5))
                    }
                })
                .collect();
            let moved = |row: usize, k: usize, by: f64| {
                let mut x = x.clone();
                x[row][k] += by;
                at(&x, &[0.9, 1.0])
            };
            let expected_x: Vec<f64> =
                (0..4).map(|k| slope(moved(k / 2, k % 2, 1e-5), moved(k / 2, k % 2, -1e-5))).collect();
            let tolerance = if engine.is_f64() { 1e-8 } else { 2e-5 };
            close(&format!("{} {index} weights", engine.name), &found.dw, &expected_w, tolerance);
            close(&format!("{} {index} inputs", engine.name), &found.dx.concat(), &expected_x, tolerance);
        }
    }
}

/// Noise that shortens everything: undoing needs copies, and gradients keep their digits.
#[test]
fn deep_circuits_keep_their_digits() -> candle_core::Result<()> {
    let gradient = |dtype: DType, layers: usize, p: f64| -> candle_core::Result<Vec<f64>> {
        let mut circuit = Circuit::new(3);
        let w = circuit.weights("w", (layers, 3));
        for l in 0..layers {
            for q in 0..3 {
                circuit.ry(w.at([l, q]), q).rz(0.3, q).depolarizing(p, q).amplitude_damping(p, q);
            }
            circuit.cx(0, 1).depolarizing2(p, 0, 1).cx(1, 2);
        }
        let angles: Vec<f64> = (0..3 * layers).map(|k| (0.37 * k as f64).sin()).collect();
        let w = Var::from_tensor(&Tensor::from_vec(angles, (layers, 3), &Device::Cpu)?.to_dtype(dtype)?)?;
        let y = functional::evaluate(&circuit, &Measurement::expectation([Z(0), X(1), Z(2)]), None, &[("w", &w)])?;
        y.sum_all()?.backward()?.get(&w).expect("a gradient").to_dtype(DType::F64)?.flatten_all()?.to_vec1()
    };
    for (layers, p) in [(4, 0.3), (30, 0.02), (60, 0.05)] {
        let (exact, rounded) = (gradient(DType::F64, layers, p)?, gradient(DType::F32, layers, p)?);
        let size = exact.iter().fold(0.0, |size: f64, g| size.max(g.abs()));
        let off = exact.iter().zip(&rounded).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < 1e-4 * size, "{layers} layers, p = {p}: off by {off:e} of {size:e}");
    }
    Ok(())
}

/// A channel under a condition acts in the samples in which the condition holds.
#[test]
fn channels_under_conditions() {
    let write: [fn(&mut Circuit) -> &mut Circuit; 4] = [
        |c| c.depolarizing(0.2, 0).amplitude_damping(0.1 * input(1), 1),
        |c| c.depolarizing2(0.1, 1, 0).phase_damping(0.2 + 0.1 * input(1), 0),
        |c| c.thermal_relaxation(0.2, 0.5 + input(1), 0.6, 0.1, 0),
        |c| c.readout_error(0.05, 0.1 * input(1), 1),
    ];
    for write in write {
        let build = |how: u8| {
            let mut circuit = Circuit::new(2).with_inputs(2);
            circuit.ry(0.4, 0).ry(0.9, 1).cx(0, 1);
            match how {
                0 => circuit.when(input(0).gt(0.5), write),
                1 => write(&mut circuit),
                _ => &mut circuit,
            };
            circuit
        };
        let measurement = Measurement::expectation([Z(0), X(0), Z(1), Z(0) * Z(1), X(1)]);
        let x = vec![vec![0.2, 0.3], vec![0.8, 0.4]];
        for engine in engines() {
            let run = |how: u8| run_circuit(&build(how), &measurement, &x, &[], &[], engine).outputs;
            let (found, on, off) = (run(0), run(1), run(2));
            close(engine.name, &found[0], &off[0], engine.values(4));
            close(engine.name, &found[1], &on[1], engine.values(4));
        }
    }
}

/// Every engine has the density matrix of a circuit without noise; layers choose density matrices for noise alone.
#[test]
fn simulations_of_a_layer() -> anyhow::Result<()> {
    use candle_nn::VarBuilder;
    let vb = || VarBuilder::zeros(DType::F64, &Device::Cpu);
    let mut circuit = Circuit::new(2);
    circuit.h(0).cx(0, 1).t(1).sx(0);
    let layer = |circuit: &Circuit, measurement: Measurement, simulation: Simulation| {
        let config = QuantumLayerConfig { simulation, ..Default::default() };
        QuantumLayer::with_config(circuit.clone(), measurement, config, vb())
    };
    assert_eq!(layer(&circuit, Measurement::state(), Simulation::Auto)?.simulation()?, Simulation::StateVector);
    let state = layer(&circuit, Measurement::state(), Simulation::StateVector)?.evaluate()?.to_vec2::<f64>()?;
    for simulation in [Simulation::StateVector, Simulation::Density] {
        let rho = layer(&circuit, Measurement::density_matrix(), simulation.clone())?.evaluate()?.to_vec3::<f64>()?;
        for (i, j) in (0..4).flat_map(|i| (0..4).map(move |j| (i, j))) {
            let [a, b] = [&state[i], &state[j]];
            // |i><j| has a conj(b).
            let expected = [a[0] * b[0] + a[1] * b[1], a[1] * b[0] - a[0] * b[1]];
            close(&format!("{simulation:?} {i} {j}"), &rho[i][j], &expected, 1e-14);
        }
    }
    circuit.bit_flip(0.1, 0);
    let noisy = layer(&circuit, Measurement::expectation([Z(0)]), Simulation::Auto)?;
    assert_eq!(noisy.simulation()?, Simulation::Density);
    Ok(())
}
