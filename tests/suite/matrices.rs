//! Dense matrices with the precision of an `f32`.

use crate::lab::{close, rows};
use crate::oracle::{random_hermitian, random_unitary, rng};
use candle_core::{Device, Tensor};
use candlewick::functional;
use candlewick::prelude::*;
use nalgebra::DMatrix;
use num_complex::Complex64 as C;
use rand::Rng;

/// Matrices with the precision of an `f32` are accepted, as the unitary factor of their polar decomposition or as their
/// Hermitian part.
#[test]
fn matrices_from_f32_are_brought_to_the_nearest_that_will_do() {
    let rounded = |matrix: &[Vec<C>]| -> Vec<C> {
        matrix.iter().flatten().map(|a| C::new(f64::from(a.re as f32), f64::from(a.im as f32))).collect()
    };
    let zero = Tensor::new(1.0, &Device::Cpu).and_then(|one| one.reshape((1, 1))).expect("a feature");
    for qubits in 1..=6 {
        let mut rng = rng(qubits as u64);
        let size = 1 << qubits;
        let given = rounded(&random_unitary(&mut rng, qubits));
        let svd = DMatrix::from_row_slice(size, size, &given).svd(true, true);
        let nearest = svd.u.expect("U") * svd.v_t.expect("V†");
        let mut circuit = Circuit::new(qubits);
        circuit.amplitude_embedding(0..1).unitary(&given, 0..qubits);
        let state = functional::evaluate(&circuit, &Measurement::state(), Some(&zero), &[]).expect("it is taken");
        let column: Vec<f64> = nearest.column(0).iter().flat_map(|a| [a.re, a.im]).collect();
        close("nearest unitary", &rows(&state)[0], &column, 1e-14);
        // A thousand of them leave the norm as it is.
        (0..999).for_each(|_| _ = circuit.unitary(&given, 0..qubits));
        let state = functional::evaluate(&circuit, &Measurement::state(), Some(&zero), &[]).expect("it is taken");
        let norm: f64 = rows(&state)[0].iter().map(|part| part * part).sum();
        close("norm", &[norm], &[1.0], 1e-11);

        let mut given = rounded(&random_hermitian(&mut rng, qubits));
        given.iter_mut().for_each(|entry| *entry += C::new(rng.random_range(-3e-8..3e-8), 0.0));
        let matrix = DMatrix::from_row_slice(size, size, &given);
        let part = (&matrix + matrix.adjoint()) * C::from(0.5);
        let expected = (nearest.column(0).adjoint() * part * nearest.column(0))[0].re;
        let mut circuit = Circuit::new(qubits);
        circuit.amplitude_embedding(0..1).unitary(&nearest.transpose().iter().copied().collect::<Vec<_>>(), 0..qubits);
        let observable = Measurement::expectation([Observable::hermitian(&given, 0..qubits)]);
        let value = functional::evaluate(&circuit, &observable, Some(&zero), &[]).expect("it is taken");
        close("Hermitian part", &rows(&value)[0], &[expected], 1e-12);
    }
}
