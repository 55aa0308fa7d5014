//! Rewrites of programs: programs without each rewrite, and with all of them, against the same circuits gate by gate.

use crate::lab::{close, rows, tensor};
use crate::losses::{losses, random_observables};
use crate::oracle::{Var as Var_, *};
use candle_core::{DType, Device, Module, Tensor, Var};
use candle_nn::VarBuilder;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use candlewick::program::{Rewrite, Rewrites};
use std::collections::HashMap;

/// Outputs, gradient in the inputs, gradient in the weights; the gradient of each alone is the same.
fn step(case: &Case, measurement: &Measurement, batch: usize, rewrites: Rewrites) -> [Vec<f64>; 3] {
    let mut rng = rng(9);
    let x: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, case.inputs)).collect();
    let x = Var::from_tensor(&tensor(&x, DType::F64)).unwrap();
    let w = Var::from_tensor(&Tensor::new(uniform(&mut rng, case.weights), &Device::Cpu).unwrap()).unwrap();
    let weights = HashMap::from([("w".to_owned(), w.as_tensor().clone())]);
    let vb = VarBuilder::from_tensors(weights, DType::F64, &Device::Cpu);
    let config = QuantumLayerConfig { rewrites, ..Default::default() };
    let layer = QuantumLayer::with_config(case.circuit(), measurement.clone(), config.clone(), vb).unwrap();
    let y = layer.forward(&x).unwrap();
    let c = Tensor::new(uniform(&mut rng, y.elem_count()), &Device::Cpu).unwrap().reshape(y.shape()).unwrap();
    let gradients = (&y * &c).unwrap().sum_all().unwrap().backward().unwrap();
    let dw = gradients.get(&w).unwrap().to_vec1().unwrap();
    let dx = rows(gradients.get(&x).unwrap()).concat();

    let of_weights = (layer.forward(&x.detach()).unwrap() * &c).unwrap().sum_all().unwrap().backward().unwrap();
    assert_eq!(of_weights.get(&w).unwrap().to_vec1::<f64>().unwrap(), dw);
    let constant = HashMap::from([("w".to_owned(), w.detach())]);
    let vb = VarBuilder::from_tensors(constant, DType::F64, &Device::Cpu);
    let layer = QuantumLayer::with_config(case.circuit(), measurement.clone(), config, vb).unwrap();
    let of_inputs = (layer.forward(&x).unwrap() * &c).unwrap().sum_all().unwrap().backward().unwrap();
    close(&format!("{case:?}"), &rows(of_inputs.get(&x).unwrap()).concat(), &dx, 1e-11);
    [rows(&y).concat(), dx, dw]
}

fn check(case: &Case, measurement: &Measurement, batch: usize) {
    let single = step(case, measurement, batch, Rewrites::NONE);
    let without = Rewrite::ALL.map(|rewrite| (Some(rewrite), Rewrites::ALL.without(rewrite)));
    for (left_out, rewrites) in without.into_iter().chain([(None, Rewrites::ALL)]) {
        for (rewritten, single) in step(case, measurement, batch, rewrites).iter().zip(&single) {
            close(&format!("without {left_out:?}: {case:?}"), rewritten, single, 1e-11);
        }
    }
}

#[test]
fn fused_layers_equal_single_gates() {
    for seed in 0..40 {
        let qubits = 1 + seed as usize % 7;
        let case = random_case(300 + seed, qubits, 30, seed % 5 == 4);
        let words: Vec<Observable> = (0..qubits).map(Z).collect();
        check(&case, &Measurement::expectation(words.clone()), 5);
        check(&case, &Measurement::variance(words), 5);
        losses(seed, qubits).iter().for_each(|loss| check(&case, &loss.measurement, 5));
    }
}

/// Circuits for the batch passes and the state tiling: long chains of layers, index maps of every kind.
#[test]
fn deep_layered_circuits() {
    let local = [Gate::rx, Gate::ry, Gate::rz, Gate::h, Gate::sx, Gate::y, Gate::t, Gate::u, Gate::x, Gate::p];
    let pairs = [Gate::cx, Gate::cz, Gate::swap, Gate::cp, Gate::rzz, Gate::dcx, Gate::crz];
    for qubits in 2..=8 {
        let mut rng = rng(qubits as u64);
        let mut case = random_case(0, qubits, 0, false);
        for turn in 0..120 {
            let (gate, on) = if turn % 3 == 0 {
                (pairs[pick(&mut rng, pairs.len(), 1)[0]], pick(&mut rng, qubits, 2))
            } else {
                (local[pick(&mut rng, local.len(), 1)[0]], pick(&mut rng, qubits, 1))
            };
            let angle = |k: usize| match (turn + k) % 4 {
                0 => Expr::of(Var_::W(turn % 5)),
                1 => Expr::of(Var_::X(turn % 3)),
                2 => Expr(0.2, vec![(0.7, Var_::X(0), Some(Var_::W(1)))]),
                _ => Expr::constant(0.3),
            };
            case.ops.push(Op::gate(gate, (0..gate.angles().len()).map(angle).collect(), on));
        }
        check(&case, &Measurement::expectation((0..qubits).map(Z)), 20);
        check(&case, &Measurement::expectation((0..qubits).map(X)), 4);
    }
}

/// Single states: one tile of 128 vectors up to 11 qubits, several above.
#[test]
fn single_states_equal_single_gates() {
    for (seed, qubits, gates) in [(1, 9, 60), (2, 10, 80), (3, 11, 100), (4, 13, 100), (5, 15, 100), (6, 17, 90)] {
        let mut case = random_case(seed, qubits, gates, seed % 2 == 0);
        if qubits > 11 {
            // Constants under conditions are general steps, each a pass over a large state: the test would take
            // minutes.
            case.ops.iter_mut().for_each(|op| op.conditions.clear());
        }
        let words: Vec<Observable> = (0..qubits).map(Z).collect();
        check(&case, &Measurement::expectation(words.clone()), if qubits > 12 { 2 } else { 1 });
        check(&case, &Measurement::variance(words[..2].to_vec()), 1);
        check(&case, &Measurement::expectation(random_observables(seed, qubits).iter().map(Obs::observable)), 1);
        check(&case, &Measurement::probabilities(0..3), 1);
    }
}

/// A phase under many controls stays one step: as a series of signs it would have a term for each subset of them.
#[test]
fn phases_under_many_controls() {
    let qubits = 14;
    let mut circuit = Circuit::new(qubits);
    (0..qubits).for_each(|q| _ = circuit.h(q));
    circuit.controlled(0..qubits - 1, |c| c.z(qubits - 1));
    (0..qubits).for_each(|q| _ = circuit.h(q));
    let layer =
        QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), VarBuilder::zeros(DType::F32, &Device::Cpu));
    let value = layer.unwrap().evaluate().unwrap().to_vec1::<f32>().unwrap()[0];
    assert!((value - (1.0 - 4.0 / 16384.0)).abs() < 2e-6, "{value}");
}
