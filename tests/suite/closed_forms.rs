//! Optima that are known exactly, reached through gradients and second derivatives.

use crate::lab::close;
use crate::natural_gradient::{hydrogen, hydrogen_words};
use crate::oracle::{pick, rng, uniform, word_matrix};
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, VarMap};
use candlewick::functional::{self, Wrt};
use candlewick::nn::SeededInit;
use candlewick::prelude::*;
use nalgebra::{Complex, DMatrix, DVector};

/// QAOA of depth p on a ring of n >= 2p + 2 vertices cuts (2p + 1) / (2p + 2) of the edges at its best (Farhi, Goldstone
/// and Gutmann, arXiv:1411.4028; Wang, Hadfield, Jiang and Rieffel, Physical Review A 97, 022304, 2018).
#[test]
fn qaoa_on_a_ring() -> Result<()> {
    const VERTICES: usize = 8;
    let cost: Observable = (0..VERTICES).map(|v| 0.5 * Z(v) * Z((v + 1) % VERTICES)).sum();
    for depth in 1..=3 {
        let mut circuit = Circuit::new(VERTICES);
        let w = circuit.weights("w", (depth, 2));
        (0..VERTICES).for_each(|v| {
            circuit.h(v);
        });
        for layer in 0..depth {
            circuit.qaoa_layer(&cost, w.at([layer, 0]), w.at([layer, 1]));
        }
        let expected = (2 * depth + 1) as f64 / (2 * depth + 2) as f64;
        let mut best = 0.0f64;
        for seed in 0..6 {
            let varmap = VarMap::new();
            let vb = SeededInit::new(seed).var_builder(&varmap, DType::F64, &Device::Cpu);
            let layer = QuantumLayer::new(circuit.clone(), Measurement::expectation([cost.clone()]), vb)?;
            let config = ParamsAdamW { lr: 0.05, weight_decay: 0.0, ..Default::default() };
            let mut optimizer = AdamW::new(varmap.all_vars(), config)?;
            for _ in 0..400 {
                optimizer.backward_step(&layer.evaluate()?.sum_all()?)?;
            }
            let ratio = 0.5 - layer.evaluate()?.to_vec1::<f64>()?[0] / VERTICES as f64;
            assert!(ratio < expected + 1e-9, "depth {depth} cannot cut {ratio}");
            best = best.max(ratio);
        }
        assert!((best - expected).abs() < 1e-4, "depth {depth}: {best}, expected {expected}");
    }
    Ok(())
}

/// One double excitation reaches the lowest energy of H2; Newton's method does so in a few steps.
#[test]
fn a_double_excitation_reaches_hydrogens_ground_state() -> Result<()> {
    let (hamiltonian, _) = hydrogen();
    let mut dense = DMatrix::<Complex<f64>>::zeros(16, 16);
    for (coefficient, word) in hydrogen_words() {
        let letters: String = (0..4)
            .map(|q| {
                word.split(' ').find(|token| token.ends_with(&q.to_string())).map_or('I', |t| t.as_bytes()[0].into())
            })
            .collect();
        let matrix = word_matrix(&letters);
        dense += DMatrix::from_fn(16, 16, |r, c| matrix[r][c] * coefficient);
    }
    let ground = dense.symmetric_eigenvalues().min();

    let mut circuit = Circuit::new(4);
    let w = circuit.weights("w", 1);
    circuit.x(0).x(1).pauli_rot(w.at([0]), "XXXY", 0..4);
    let energy = Measurement::expectation([hamiltonian]);
    let mut theta = 0.0f64;
    for _ in 0..6 {
        let at = Tensor::new(&[theta], &Device::Cpu)?;
        let weights: &[(&str, &Tensor)] = &[("w", &at)];
        let slope = functional::jacobian(&circuit, &energy, None, weights, Wrt::Weights)?.to_vec2::<f64>()?[0][0];
        let curvature = functional::hessian(&circuit, &energy, None, weights, Wrt::Weights)?.to_vec3::<f64>()?[0][0][0];
        theta -= slope / curvature;
    }
    let at = Tensor::new(&[theta], &Device::Cpu)?;
    let reached = functional::evaluate(&circuit, &energy, None, &[("w", &at)])?.to_vec1::<f64>()?[0];
    assert!((reached - ground).abs() < 1e-8, "{reached} {ground}");
    assert!((ground + 1.1372702).abs() < 1e-6);
    Ok(())
}

/// Newton's method in several weights at once finds a stationary point to rounding.
#[test]
fn newton_in_several_weights() -> Result<()> {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", 4);
    circuit.ry(w.at([0]), 0).ry(w.at([1]), 1).cx(0, 1).rx(w.at([2]) + w.at([0]), 0).crz(w.at([3]), 0, 1);
    let energy = Measurement::expectation([Z(0) * Z(1) + 0.7 * X(0) - 0.2 * Y(1) + 0.4 * X(1)]);
    let mut point = DVector::from_vec(vec![0.4, 2.0, 0.3, 1.2]);
    let mut size = f64::NAN;
    for _ in 0..60 {
        let at = Tensor::from_slice(point.as_slice(), 4, &Device::Cpu)?;
        let weights: &[(&str, &Tensor)] = &[("w", &at)];
        let slope =
            functional::jacobian(&circuit, &energy, None, weights, Wrt::Weights)?.flatten_all()?.to_vec1::<f64>()?;
        let curvature =
            functional::hessian(&circuit, &energy, None, weights, Wrt::Weights)?.flatten_all()?.to_vec1::<f64>()?;
        let slope = DVector::from_vec(slope);
        size = slope.norm();
        // Downhill along every eigenvector.
        let eigen = DMatrix::from_row_slice(4, 4, &curvature).symmetric_eigen();
        let inverse = eigen.eigenvalues.map(|value| 1.0 / (value.abs() + 1e-9));
        let along = eigen.eigenvectors.tr_mul(&slope).component_mul(&inverse);
        point -= eigen.eigenvectors * along.map(|step| step.clamp(-0.3, 0.3));
    }
    assert!(size < 1e-12, "{size}");
    Ok(())
}

/// The expectation of a Pauli word on a product of Bloch vectors is the product of its letters' components. The sums
/// here have many words that flip many sets of qubits, on states of several chunks and stretches.
#[test]
fn sums_of_words_on_product_states() -> Result<()> {
    for (qubits, words) in [(1, 3), (5, 40), (12, 600), (21, 24)] {
        let mut rng = rng(qubits as u64);
        let letters: Vec<Vec<usize>> =
            (0..words).map(|_| (0..qubits).map(|_| pick(&mut rng, 4, 1)[0]).collect()).collect();
        let coefficients = uniform(&mut rng, words);
        let angles = uniform(&mut rng, 2 * qubits);
        let mut circuit = Circuit::new(qubits);
        let w = circuit.weights("w", 2 * qubits);
        for q in 0..qubits {
            circuit.ry(w.at([2 * q]), q).rz(w.at([2 * q + 1]), q);
        }
        let spelled = |word: &Vec<usize>| {
            let on = word.iter().enumerate().filter(|(_, letter)| **letter > 0);
            on.map(|(q, letter)| format!("{}{q}", ["", "X", "Y", "Z"][*letter])).collect::<Vec<_>>().join(" ")
        };
        let spelled: Vec<String> = letters.iter().map(spelled).collect();
        let sum = Observable::pauli_sum(coefficients.iter().zip(&spelled).map(|(c, word)| (*c, word.as_str())));
        // Component of a letter, and its derivatives in both angles.
        let component = |q: usize, letter: usize| {
            let ((st, ct), (sp, cp)) = (angles[2 * q].sin_cos(), angles[2 * q + 1].sin_cos());
            [[1.0, 0.0, 0.0], [st * cp, ct * cp, -st * sp], [st * sp, ct * sp, st * cp], [ct, -st, 0.0]][letter]
        };
        let (mut expected, mut slopes) = (0.0, vec![0.0; 2 * qubits]);
        for (word, coefficient) in letters.iter().zip(&coefficients) {
            let factors: Vec<[f64; 3]> = word.iter().enumerate().map(|(q, letter)| component(q, *letter)).collect();
            expected += coefficient * factors.iter().map(|factor| factor[0]).product::<f64>();
            for (k, slope) in slopes.iter_mut().enumerate() {
                let others = factors.iter().enumerate().filter(|(q, _)| *q != k / 2);
                *slope +=
                    coefficient * factors[k / 2][1 + k % 2] * others.map(|(_, factor)| factor[0]).product::<f64>();
            }
        }
        let weights = Var::from_slice(&angles, 2 * qubits, &Device::Cpu)?;
        let energy = functional::evaluate(&circuit, &Measurement::expectation([sum]), None, &[("w", &weights)])?;
        close(&format!("{qubits} qubits"), &energy.flatten_all()?.to_vec1::<f64>()?, &[expected], 1e-11);
        let gradient = energy.sum_all()?.backward()?.get(&weights).expect("a gradient").to_vec1::<f64>()?;
        close(&format!("{qubits} qubits, gradient"), &gradient, &slopes, 1e-11);
    }
    Ok(())
}
