//! One call of the engine on four threads, for each partition of `engine/cpu/partition.rs`: blocks of samples, or the
//! amplitudes of one block.

use crate::lab::tensor;
use crate::losses::random_observables;
use crate::oracle::{Obs, random_case, rng, uniform};
use candle_core::{DType, Result, Tensor, Var};
use candlewick::functional;
use candlewick::prelude::*;

fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
}

/// Outputs, and gradients in inputs and weights: once from saved states, once from states that are computed again.
fn evaluate(circuit: &Circuit, measurement: &Measurement, x: &Var, w: &Var) -> Result<[Vec<f64>; 5]> {
    let y = functional::evaluate(circuit, measurement, Some(x), &[("w", w)])?;
    let loss = y.sqr()?.sum_all()?;
    let gradients = || -> Result<[Vec<f64>; 2]> {
        let gradients = loss.backward()?;
        Ok([numbers(gradients.get(x).expect("tracked"))?, numbers(gradients.get(w).expect("tracked"))?])
    };
    let ([dx, dw], [dx_again, dw_again]) = (gradients()?, gradients()?);
    Ok([numbers(&y)?, dx, dw, dx_again, dw_again])
}

fn check(circuit: &Circuit, measurement: &Measurement, batch: usize) {
    let mut rng = rng(batch as u64);
    let x: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, circuit.inputs())).collect();
    let w = uniform(&mut rng, circuit.weight_tensors()[0].shape()[0]);
    let x = Var::from_tensor(&tensor(&x, DType::F32)).expect("inputs");
    let w = tensor(&[w], DType::F32).flatten_all().and_then(|w| Var::from_tensor(&w)).expect("weights");
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| evaluate(circuit, measurement, &x, &w).expect("the circuit runs"))
    };
    assert!(run(4) == run(1), "{} qubits, batch {batch}", circuit.qubits());
}

/// Nothing but rotations, phases and CX, which are done in fused layers.
fn layered(qubits: usize) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    let w = circuit.weights("w", 2 * qubits);
    for layer in 0..2 {
        for q in 0..qubits {
            circuit.ry(input(q), q).rz(w.at([layer * qubits + q]), q);
        }
        for q in 0..qubits {
            circuit.cx(q, (q + 1 + layer) % qubits).rzz(input(0) * w.at([q]), q, (q + 1) % qubits);
        }
    }
    circuit
}

fn observables(qubits: usize) -> Vec<Observable> {
    random_observables(1, qubits).iter().map(Obs::observable).collect()
}

/// Channels behind rotations and CX: on density matrices threads take units of samples, or ranges of a state's cells.
#[test]
fn threads_share_density_matrices() {
    for (qubits, batch) in [(4, 100), (7, 9), (8, 1)] {
        let mut circuit = Circuit::new(qubits);
        let w = circuit.weights("w", qubits);
        for q in 0..qubits {
            circuit.ry(input(q), q).rz(w.at(q), q).amplitude_damping(0.1, q);
        }
        (1..qubits).for_each(|q| _ = circuit.cx(q - 1, q).depolarizing2(0.05, q - 1, q).reset_error(0.9, 0.1, q - 1));
        check(&circuit, &Measurement::expectation(observables(qubits)), batch);
    }
}

#[test]
fn threads_take_blocks_of_fused_layers() {
    check(&layered(6), &Measurement::expectation((0..6).map(Z)), 480);
    check(&layered(9), &Measurement::expectation([X(0) * Y(1), Z(2)]), 160);
}

#[test]
fn threads_take_blocks_of_single_steps() {
    let circuit = random_case(1, 6, 12, false).circuit();
    check(&circuit, &Measurement::expectation(observables(6)), 1200);
    check(&random_case(50, 8, 10, true).circuit(), &Measurement::expectation([Z(0), X(7)]), 480);
}

#[test]
fn threads_take_amplitudes_of_fused_layers() {
    // Sweeps of several chunks, one of which is the least that a thread takes.
    check(&layered(18), &Measurement::expectation([X(0) * Y(1), Z(2), Z(17)]), 1);
    check(&layered(16), &Measurement::probabilities([1, 3, 0]), 1);
}

#[test]
fn threads_take_amplitudes_of_single_steps() {
    // Sixteen samples a block, and one.
    for (qubits, batch) in [(12, 5), (16, 1)] {
        let circuit = random_case(qubits as u64, qubits, 8, false).circuit();
        check(&circuit, &Measurement::expectation(observables(qubits).into_iter().take(4)), batch);
        check(&circuit, &Measurement::variance([Z(0), X(1) * Y(2)]), batch);
        check(&circuit, &Measurement::state(), batch);
    }
}
