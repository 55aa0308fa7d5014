//! Outputs of noisy circuits by other ways: density matrices, shots, other gradients, ensembles.

use super::channels::random_noisy_case;
use super::{engines, run_circuit};
use crate::lab::{close, rows, tensor};
use crate::losses::random_observables;
use crate::oracle::{Obs, rng, uniform};
use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use candlewick::functional::{self, Wrt};
use candlewick::nn::SeededInit;
use candlewick::prelude::*;

#[test]
fn density_matrices() {
    for seed in 0..6 {
        let qubits = 1 + seed as usize % 3;
        let case = random_noisy_case(500 + seed, qubits, 8, false);
        let mut rng = rng(seed);
        let x: Vec<Vec<f64>> = (0..3).map(|_| uniform(&mut rng, case.inputs)).collect();
        let w = uniform(&mut rng, case.weights);
        for engine in engines() {
            let found = run_circuit(&case.circuit(), &Measurement::density_matrix(), &x, &w, &[], engine);
            for (row, x) in found.outputs.iter().zip(&x) {
                let (rho, size) = (case.density(x, &w), 1 << qubits);
                let entry = |at: usize| rho[at / size + size * (at % size)];
                let expected: Vec<f64> = (0..rho.len()).flat_map(|at| [entry(at).re, entry(at).im]).collect();
                close(engine.name, row, &expected, engine.values(20));
            }
        }
    }
}

/// Shots scatter about the exact values, readout errors included, in every basis.
#[test]
fn shots_scatter_about_exact_values() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(3);
    circuit.ry(0.7, 0).cx(0, 1).rx(0.4, 2).cx(1, 2).depolarizing(0.1, 0).amplitude_damping(0.2, 1);
    circuit.readout_error(0.05, 0.1, 0).readout_error(0.02, 0.2, 2);
    let measurement = Measurement::all([
        Measurement::expectation([Z(0) * Z(1), X(1), Y(0) + 0.5 * X(2), Z(2)]),
        Measurement::probabilities([2, 0]),
        Measurement::variance([Z(0)]),
    ]);
    let vb = || VarBuilder::zeros(DType::F64, &Device::Cpu);
    let exact = QuantumLayer::new(circuit.clone(), measurement.clone(), vb())?.evaluate()?.to_vec1::<f64>()?;
    let shots = 40_000;
    let config = QuantumLayerConfig { shots: Some(shots), seed: 3, ..Default::default() };
    let drawn = QuantumLayer::with_config(circuit.clone(), measurement, config, vb())?.evaluate()?.to_vec1::<f64>()?;
    // A deviation of a mean of numbers of size 1.5 at most.
    close("shots", &drawn, &exact, 5.0 * 1.5 / (shots as f64).sqrt());
    let layer = QuantumLayer::new(circuit, Measurement::probabilities([0, 1, 2]), vb())?;
    let exact = layer.evaluate()?.to_vec1::<f64>()?;
    let counts = &layer.counts(None, shots)?[0];
    let frequencies: Vec<f64> = (0..8).map(|k| *counts.get(&k).unwrap_or(&0) as f64 / shots as f64).collect();
    close("counts", &frequencies, &exact, 5.0 * 0.5 / (shots as f64).sqrt());
    let bits = layer.sample_in(&X(1), None, shots)?.to_vec2::<u32>()?;
    let mean = bits.iter().map(|bits| 1.0 - 2.0 * f64::from(bits[1])).sum::<f64>() / shots as f64;
    let x = functional::evaluate(layer.circuit(), &Measurement::expectation([X(1)]), None, &[])?.to_vec1::<f32>()?[0];
    close("X", &[mean], &[f64::from(x)], 5.0 / (shots as f64).sqrt());
    Ok(())
}

/// Counts of circuits whose strengths, or conditions of channels, are made from inputs and weights.
#[test]
fn counts_with_strengths_of_inputs_and_weights() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", 2);
    circuit.x(0).ry(1.1, 1).cx(1, 0).thermal_relaxation(input(0), w.at(0), w.at(1), 0.1, 0);
    circuit.amplitude_damping(0.1 * input(1), 1).when(input(1).gt(2.0), |body| body.bit_flip(0.2, 0));
    let weights = [("w".to_owned(), Tensor::new(&[0.9f64, 0.7], &Device::Cpu)?)];
    let vb = VarBuilder::from_tensors(weights.into(), DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::probabilities([0, 1]), vb)?;
    let x = Tensor::new(&[[0.2f64, 1.0], [0.9, 4.0], [0.0, 0.0]], &Device::Cpu)?;
    let (exact, shots) = (layer.try_forward(&x)?.to_vec2::<f64>()?, 40_000);
    let bound = 5.0 * 0.5 / (shots as f64).sqrt();
    let bits = layer.sample(Some(&x), shots)?.to_vec3::<u32>()?;
    for ((counts, bits), exact) in layer.counts(Some(&x), shots)?.iter().zip(bits).zip(&exact) {
        let frequencies: Vec<f64> = (0..4).map(|k| *counts.get(&k).unwrap_or(&0) as f64 / shots as f64).collect();
        close("counts", &frequencies, exact, bound);
        let ones = bits.iter().filter(|bits| bits[0] == 1).count() as f64 / shots as f64;
        close("sample", &[ones], &[exact[1] + exact[3]], bound);
    }
    Ok(())
}

/// Shifts and differences of noisy circuits are the gradients of the reverse pass, in strengths too.
#[test]
fn all_methods_have_the_same_gradient() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", 4);
    circuit.ry(w.at(0), 0).depolarizing(0.1 * w.at(1), 0).cx(0, 1).amplitude_damping(0.2 + 0.1 * w.at(2), 1);
    circuit.rx(input(0), 1).phase_flip(0.1 * input(0), 1).thermal_relaxation(0.1, 0.5 + w.at(3), 0.6, 0.1, 0);
    let measurement = Measurement::all([Measurement::expectation([Z(0), X(1)]), Measurement::variance([Z(1)])]);
    let x = Tensor::new(&[[0.4f64], [0.9]], &Device::Cpu)?;
    let gradient = |gradient: GradientMethod| -> anyhow::Result<Vec<f64>> {
        let (mut varmap, config) = (VarMap::new(), QuantumLayerConfig { gradient, ..Default::default() });
        let vb = SeededInit::new(1).var_builder(&varmap, DType::F64, &Device::Cpu);
        let mut own = circuit.clone();
        own = own.with_inputs(1);
        let layer = QuantumLayer::with_config(own, measurement.clone(), config, vb)?;
        varmap.set_one("w", Tensor::new(&[0.7f64, 0.8, 0.6, 0.9], &Device::Cpu)?)?;
        let x = candle_core::Var::from_tensor(&x)?;
        let store = layer.try_forward(&x)?.sqr()?.sum_all()?.backward()?;
        let variables = varmap.all_vars();
        let dw = store
            .get(variables.iter().find(|var| var.dims() == [4]).expect("the weights"))
            .expect("a gradient")
            .to_vec1::<f64>()?;
        Ok([dw, rows(store.get(&x).expect("a gradient")).concat()].concat())
    };
    let exact = gradient(GradientMethod::Adjoint)?;
    close("shift", &gradient(GradientMethod::ParameterShift)?, &exact, 1e-10);
    close("differences", &gradient(GradientMethod::FiniteDifference { step: 1e-3, order: 6 })?, &exact, 1e-9);
    Ok(())
}

/// Jacobians and Hessians where coefficients are polynomials.
#[test]
fn derivatives_of_higher_order() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", 2);
    circuit.ry(input(0), 0).depolarizing(0.1 * w.at(0), 0).cx(0, 1).bit_flip(0.1 * w.at(0) * w.at(1), 1).ry(w.at(1), 1);
    let measurement = Measurement::expectation([Z(1), X(0)]);
    let x = Tensor::new(&[[0.4f64], [0.9]], &Device::Cpu)?;
    let at = |w: [f64; 2]| -> anyhow::Result<Vec<f64>> {
        let w = Tensor::new(&w, &Device::Cpu)?;
        Ok(rows(&functional::evaluate(&circuit, &measurement, Some(&x), &[("w", &w)])?).concat())
    };
    let point = [0.8, 0.7];
    let weights = Tensor::new(&point, &Device::Cpu)?;
    let jacobian = functional::jacobian(&circuit, &measurement, Some(&x), &[("w", &weights)], Wrt::Weights)?;
    let hessian = functional::hessian(&circuit, &measurement, Some(&x), &[("w", &weights)], Wrt::Weights)?;
    let (jacobian, hessian) = (jacobian.flatten_all()?.to_vec1::<f64>()?, hessian.flatten_all()?.to_vec1::<f64>()?);
    let h = 1e-3;
    for k in 0..2 {
        let moved = |by: f64| {
            let mut w = point;
            w[k] += by;
            at(w)
        };
        let slope: Vec<f64> = moved(h)?.iter().zip(moved(-h)?).map(|(a, b)| (a - b) / (2.0 * h)).collect();
        let own: Vec<f64> = jacobian.iter().skip(k).step_by(2).copied().collect();
        close("jacobian", &own, &slope, 1e-6);
        let second: Vec<f64> =
            moved(h)?.iter().zip(moved(-h)?).zip(at(point)?).map(|((a, b), c)| (a + b - 2.0 * c) / (h * h)).collect();
        let own: Vec<f64> = hessian.iter().skip(3 * k).step_by(4).copied().collect();
        close("hessian", &own, &second, 1e-5);
    }
    let mut damped = Circuit::new(1);
    let w = damped.weights("w", 1);
    damped.ry(0.3, 0).amplitude_damping(w.at(0), 0);
    let weights = Tensor::new(&[0.1f64], &Device::Cpu)?;
    let error =
        functional::jacobian(&damped, &Measurement::expectation([X(0)]), None, &[("w", &weights)], Wrt::Weights);
    assert!(matches!(error, Err(candlewick::Error::NoGradient { .. })));
    Ok(())
}

/// Members of an ensemble are what each is alone; F16 computes in F32.
#[test]
fn ensembles_and_half_precision() -> anyhow::Result<()> {
    let case = random_noisy_case(612, 2, 6, false);
    let circuit = case.circuit();
    let all = random_observables(2, 2);
    let measurement = Measurement::expectation(all.iter().map(Obs::observable));
    let mut rng = rng(9);
    for batch in [2, 20] {
        let x: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, case.inputs)).collect();
        let members: Vec<Vec<f64>> = (0..3).map(|_| uniform(&mut rng, case.weights)).collect();
        let x = tensor(&x, DType::F64);
        let run = |w: &Tensor| functional::evaluate(&circuit, &measurement, Some(&x), &[("w", w)]);
        let together = run(&tensor(&members, DType::F64))?;
        for (k, member) in members.iter().enumerate() {
            let alone = run(&tensor(std::slice::from_ref(member), DType::F64).flatten_all()?)?;
            close("member", &rows(&together.get(k)?).concat(), &rows(&alone).concat(), 1e-13);
        }
    }
    let half = tensor(&[vec![0.1; case.inputs]], DType::F16);
    let w = tensor(&[vec![0.2; case.weights]], DType::F16).flatten_all()?;
    let y = functional::evaluate(&circuit, &measurement, Some(&half), &[("w", &w)])?;
    assert_eq!(y.dtype(), DType::F16);
    Ok(())
}

/// Gradients at the ends of the range of strengths: by differences, where the root of a strength is 0, and not from shots.
#[test]
fn gradients_at_the_ends_of_ranges() -> anyhow::Result<()> {
    let gradient = |write: &dyn Fn(&mut Circuit, Angle), w: f64, config: QuantumLayerConfig| -> anyhow::Result<f64> {
        let mut circuit = Circuit::new(1);
        let weights = circuit.weights("w", 1);
        circuit.ry(0.7, 0);
        write(&mut circuit, weights.at(0));
        let mut varmap = VarMap::new();
        let vb = SeededInit::new(1).var_builder(&varmap, DType::F64, &Device::Cpu);
        let layer = QuantumLayer::with_config(circuit, Measurement::expectation([Z(0)]), config, vb)?;
        varmap.set_one("w", Tensor::new(&[w], &Device::Cpu)?)?;
        let weight = varmap.all_vars().into_iter().find(|var| var.dims() == [1]).expect("the weight");
        let store = layer.evaluate()?.sum_all()?.backward()?;
        Ok(store.get(&weight).expect("a gradient").to_vec1::<f64>()?[0])
    };
    let depolarizing = |c: &mut Circuit, p: Angle| _ = c.depolarizing(p, 0);
    let method = |gradient| QuantumLayerConfig { gradient, ..Default::default() };
    let slope = -4.0 / 3.0 * 0.7f64.cos();
    for gradient_method in [
        GradientMethod::Adjoint,
        GradientMethod::ParameterShift,
        GradientMethod::FiniteDifference { step: 1e-3, order: 2 },
        GradientMethod::Spsa { samples: 1, step: 0.1, seed: 1 },
    ] {
        close("depolarizing at 0", &[gradient(&depolarizing, 0.0, method(gradient_method))?], &[slope], 1e-9);
    }
    let damping = |c: &mut Circuit, gamma: Angle| _ = c.amplitude_damping(gamma, 0);
    let found = gradient(&damping, 1.0, QuantumLayerConfig::default())?;
    close("damping at 1", &[found], &[1.0 - 0.7f64.cos()], 1e-12);
    let shots = QuantumLayerConfig { shots: Some(100), ..Default::default() };
    let error = gradient(&depolarizing, 0.1, shots).expect_err("no gradient from shots");
    let error = error.downcast::<candle_core::Error>().expect("an error of backward()");
    assert!(matches!(candlewick::Error::find(&error), Some(candlewick::Error::NoGradient { .. })), "{error}");
    // A sum of 1 by rounding is in range.
    let mut circuit = Circuit::new(1);
    circuit.x(0).amplitude_damping(0.33 + 0.56 + 0.11, 0);
    let y = functional::evaluate(&circuit, &Measurement::expectation([Z(0)]), None, &[])?.to_vec1::<f32>()?;
    close("damping", &[f64::from(y[0])], &[1.0], 1e-6);
    Ok(())
}
