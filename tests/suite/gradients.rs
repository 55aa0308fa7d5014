//! Gradients: the adjoint sweep against exact parameter shifts and central differences of the oracle.

use crate::lab::{Engine, close, engines, run};
use crate::oracle::*;
use crate::values::random_observables;
use candle_core::DType;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use num_complex::Complex64 as C;
use proptest::prelude::*;

/// From the state of a sample to its outputs.
pub(crate) type Outputs = dyn Fn(&[C]) -> Vec<f64>;

/// A loss on the final state of each sample: what the crate measures and what the oracle computes.
pub(crate) struct Loss {
    pub(crate) measurement: Measurement,
    pub(crate) outputs: Box<Outputs>,
    /// Whether it is a quadratic form of the state, to which shift rules apply.
    quadratic: bool,
}

pub(crate) fn losses(seed: u64, qubits: usize) -> Vec<Loss> {
    let all = random_observables(seed, qubits);
    let (means, spreads) = (all.clone(), all.clone());
    vec![
        Loss {
            measurement: Measurement::expectation(all.iter().map(Obs::observable)),
            outputs: Box::new(move |state| means.iter().map(|o| o.expectation(state)).collect()),
            quadratic: true,
        },
        Loss {
            measurement: Measurement::variance(all.iter().map(Obs::observable)),
            outputs: Box::new(move |state| spreads.iter().map(|o| o.variance(state)).collect()),
            quadratic: false,
        },
        Loss {
            measurement: Measurement::probabilities((0..qubits).rev()),
            outputs: Box::new(move |state| {
                let reversed = |i: usize| (0..qubits).map(|k| (i >> k & 1) << (qubits - 1 - k)).sum::<usize>();
                (0..state.len()).map(|i| state[reversed(i)].norm_sqr()).collect()
            }),
            quadratic: true,
        },
        Loss {
            measurement: Measurement::probabilities([0]),
            outputs: Box::new(|state| {
                let one: f64 = state.iter().skip(1).step_by(2).map(|a| a.norm_sqr()).sum();
                vec![state.iter().map(|a| a.norm_sqr()).sum::<f64>() - one, one]
            }),
            quadratic: true,
        },
        Loss {
            measurement: Measurement::state(),
            outputs: Box::new(|state| state.iter().flat_map(|a| [a.re, a.im]).collect()),
            quadratic: false,
        },
    ]
}

/// Central differences of `f` at `point`.
pub(crate) fn differences(point: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let step = 1e-5;
    let slope = |k: usize| {
        let moved = |by: f64| {
            let mut point = point.to_vec();
            point[k] += by;
            f(&point)
        };
        (8.0 * (moved(step) - moved(-step)) - (moved(2.0 * step) - moved(-2.0 * step))) / (12.0 * step)
    };
    (0..point.len()).map(slope).collect()
}

fn check(case: &Case, loss: &Loss, batch: usize, seed: u64) {
    let mut rng = rng(seed);
    let x: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, case.inputs)).collect();
    let w = uniform(&mut rng, case.weights);
    let width = (loss.outputs)(&case.state(&x[0], &w)).len();
    let c: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, width)).collect();
    let value = |row: usize, state: &[C]| (loss.outputs)(state).iter().zip(&c[row]).map(|(y, c)| y * c).sum::<f64>();

    let (mut dx, mut dw) = (vec![], vec![0.0; w.len()]);
    let (mut shift_dx, mut shift_dw) = (vec![], vec![0.0; w.len()]);
    for (row, x) in x.iter().enumerate() {
        dx.push(differences(x, |x| value(row, &case.state(x, &w))));
        let one = differences(&w, |w| value(row, &case.state(x, w)));
        dw.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
        if loss.quadratic {
            let (one_dx, one_dw) = case.shift_gradient(x, &w, |state| value(row, state));
            shift_dx.push(one_dx);
            shift_dw.iter_mut().zip(one_dw).for_each(|(sum, one)| *sum += one);
        }
    }
    for engine in engines() {
        let (name, tolerance) = (engine.name, engine.gradients(case.ops.len()));
        let outcome = run(case, &loss.measurement, &x, &w, &c, engine);
        let differences_tolerance = tolerance.max(1e-6);
        close(&format!("{name} dw, differences, {case:?}"), &outcome.dw, &dw, differences_tolerance);
        close(&format!("{name} dx, differences, {case:?}"), &outcome.dx.concat(), &dx.concat(), differences_tolerance);
        if loss.quadratic {
            close(&format!("{name} dw, shift, {case:?}"), &outcome.dw, &shift_dw, tolerance);
            if !case.embed {
                close(&format!("{name} dx, shift, {case:?}"), &outcome.dx.concat(), &shift_dx.concat(), tolerance);
            }
        }
    }
}

/// A gate between random rotations; its angles are a weight, an input, and expressions of both.
pub(crate) fn gate_case(gate: Gate, on: Vec<usize>, controls: Vec<usize>, qubits: usize) -> Case {
    let spread = |offset: f64| {
        (0..qubits).map(move |q| {
            Op::gate(Gate::u, [0.3, 0.7, 1.1].map(|a| Expr::constant(a + offset + q as f64)).to_vec(), vec![q])
        })
    };
    let exprs = [
        Expr::of(Var::W(0)),
        Expr(0.3, vec![(2.0, Var::X(0), None)]),
        Expr(0.1, vec![(1.5, Var::X(1), Some(Var::W(1))), (-1.0, Var::W(0), None)]),
        Expr(0.0, vec![(0.5, Var::X(0), Some(Var::X(1))), (1.0, Var::W(1), Some(Var::W(1)))]),
    ];
    let mut cases = spread(0.0).collect::<Vec<_>>();
    for turn in 0..4 {
        let angles = (0..gate.spec().angles.len()).map(|k| exprs[(k + turn) % 4].clone()).collect();
        cases.push(Op { controls: controls.clone(), ..Op::gate(gate, angles, on.clone()) });
        cases.extend(spread(0.5 + f64::from(turn as u32)));
    }
    Case { qubits, embed: false, ops: cases, inputs: 2, weights: 2 }
}

#[test]
fn every_gate_in_every_kind_of_angle() {
    for gate in Gate::all() {
        let width = gate.spec().qubits.len();
        let case = gate_case(gate, (0..width).rev().collect(), vec![], width);
        check(&case, &losses(1, width)[0], 3, 1);
        let case = gate_case(gate, (0..width).collect(), vec![width], width + 1);
        check(&case, &losses(2, width + 1)[0], 1, 2);
    }
}

#[test]
fn every_measurement() {
    for qubits in 1..=4 {
        for loss in losses(3, qubits) {
            check(&random_case(qubits as u64, qubits, 12, false), &loss, 3, 3);
            check(&random_case(qubits as u64, qubits, 12, true), &loss, 2, 4);
        }
    }
    for loss in losses(3, 6) {
        check(&random_case(6, 6, 8, false), &loss, 2, 3);
    }
}

#[test]
fn batches_around_the_width_of_a_block() {
    for batch in [1, 15, 16, 17, 33] {
        check(&random_case(5, 2, 8, false), &losses(5, 2)[0], batch, 5);
    }
}

/// Sizes around the thresholds of the engine; a directional derivative is enough there.
#[test]
fn large_states_in_one_direction() {
    for (qubits, batch) in [(6, 1), (11, 2), (12, 5), (13, 5), (14, 1), (15, 2)] {
        let case = random_case(90 + qubits as u64, qubits, 20, false);
        let mut rng = rng(7);
        let x: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, case.inputs)).collect();
        let w = uniform(&mut rng, case.weights);
        let c: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, qubits)).collect();
        let measurement = Measurement::expectation((0..qubits).map(z));
        let value = |by: f64| {
            let x: Vec<Vec<f64>> = x.iter().map(|row| row.iter().map(|v| v + by).collect()).collect();
            let w: Vec<f64> = w.iter().map(|v| v + by).collect();
            let y = run(&case, &measurement, &x, &w, &[], Engine::cpu(DType::F64)).outputs;
            y.concat().iter().zip(c.concat()).map(|(y, c)| y * c).sum::<f64>()
        };
        let expected = differences(&[0.0], |by| value(by[0]))[0];
        let exact = run(&case, &measurement, &x, &w, &c, Engine::cpu(DType::F64));
        let along = exact.dw.iter().sum::<f64>() + exact.dx.concat().iter().sum::<f64>();
        close(&format!("{qubits} qubits"), &[along], &[expected], 1e-6);
        for engine in engines() {
            let other = run(&case, &measurement, &x, &w, &c, engine);
            close(&format!("{} dw", engine.name), &other.dw, &exact.dw, 1e-4);
            close(&format!("{} dx", engine.name), &other.dx.concat(), &exact.dx.concat(), 1e-4);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_circuits(seed in any::<u64>(), qubits in 1usize..5, depth in 1usize..25, which in 0usize..5, embed: bool) {
        check(&random_case(seed, qubits, depth, embed), &losses(seed, qubits)[which], 2, seed ^ 2);
    }
}
