//! Gradients of the adjoint sweep against exact parameter shifts and central differences of the oracle.

use crate::engines::engines_for;
use crate::lab::{Engine, close, run};
use crate::losses::LOSSES;
use crate::oracle::*;
use crate::trials::{self, Numbers, Reading, Trial};
use candle_core::DType;
use num_complex::Complex64 as C;
use proptest::prelude::*;

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

/// Whether a condition changes within the steps of differences, where the loss jumps.
fn jumps_nearby(trial: &Trial) -> bool {
    let conditions = || trial.case.ops.iter().flat_map(|op| &op.conditions);
    trial.numbers(0).x.iter().any(|x| {
        let moved = (0..x.len()).flat_map(|k| [(k, 3e-5), (k, -3e-5)]).map(|(k, by)| {
            let mut x = x.clone();
            x[k] += by;
            x
        });
        moved.into_iter().any(|near| conditions().any(|condition| condition.holds(x) != condition.holds(&near)))
    })
}

fn check_trial(trial: &Trial) {
    let Trial { case, reading, .. } = trial;
    let loss = reading.loss(case.qubits).expect("a trial of gradients");
    let Numbers { x, w, .. } = trial.numbers(0);
    let width = (loss.outputs)(&case.state(&x[0], &w), &x[0], &w).len();
    let Numbers { c, .. } = trial.numbers(width);
    let value = |row: usize, state: &[C], x: &[f64], w: &[f64]| {
        (loss.outputs)(state, x, w).iter().zip(&c[row]).map(|(y, c)| y * c).sum::<f64>()
    };

    let (mut dx, mut dw) = (vec![], vec![0.0; w.len()]);
    let (mut shift_dx, mut shift_dw) = (vec![], vec![0.0; w.len()]);
    for (row, x) in x.iter().enumerate() {
        dx.push(differences(x, |x| value(row, &case.state(x, &w), x, &w)));
        let one = differences(&w, |w| value(row, &case.state(x, w), x, w));
        dw.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
        if loss.quadratic {
            let (one_dx, one_dw) = case.shift_gradient(x, &w, |state| value(row, state, x, &w));
            shift_dx.push(one_dx);
            shift_dw.iter_mut().zip(one_dw).for_each(|(sum, one)| *sum += one);
        }
    }
    for engine in engines_for(case, &loss.measurement) {
        // From a density matrix a small probability is a difference of numbers of size 1, and a condition divides by it.
        let scale = if engine.name.starts_with("density") && !loss.quadratic { 20.0 } else { 1.0 };
        let (name, tolerance) = (engine.name, scale * engine.gradients(case.ops.len()));
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

#[test]
fn every_gate_in_every_kind_of_angle() {
    trials::gradients_of_gates().iter().for_each(check_trial);
}

#[test]
fn every_measurement() {
    trials::gradients_of_measurements().iter().for_each(check_trial);
}

#[test]
fn batches_around_the_width_of_a_block() {
    trials::gradients_of_batches().iter().for_each(check_trial);
}

/// A directional derivative is enough for large states.
#[test]
fn large_states_in_one_direction() {
    for trial in trials::gradients_of_large_states() {
        let (case, qubits) = (&trial.case, trial.case.qubits);
        let measurement = trial.reading.measurement(qubits);
        let Numbers { x, w, c } = trial.numbers(qubits);
        let value = |by: f64| {
            let x: Vec<Vec<f64>> = x.iter().map(|row| row.iter().map(|v| v + by).collect()).collect();
            let w: Vec<f64> = w.iter().map(|v| v + by).collect();
            let y = run(case, &measurement, &x, &w, &[], Engine::cpu(DType::F64)).outputs;
            y.concat().iter().zip(c.concat()).map(|(y, c)| y * c).sum::<f64>()
        };
        let expected = differences(&[0.0], |by| value(by[0]))[0];
        let exact = run(case, &measurement, &x, &w, &c, Engine::cpu(DType::F64));
        let along = exact.dw.iter().sum::<f64>() + exact.dx.concat().iter().sum::<f64>();
        close(&trial.name, &[along], &[expected], 1e-6);
        for engine in engines_for(case, &measurement) {
            let other = run(case, &measurement, &x, &w, &c, engine);
            close(&format!("{} dw", engine.name), &other.dw, &exact.dw, 1e-4);
            close(&format!("{} dx", engine.name), &other.dx.concat(), &exact.dx.concat(), 1e-4);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_circuits(seed in any::<u64>(), qubits in 1usize..5, depth in 1usize..25, which in 0..LOSSES, embed: bool) {
        let reading = Reading::Gradients { seed, which };
        let case = random_case(seed, qubits, depth, embed);
        let trial = Trial { kind: "a circuit", name: format!("{case:?}"), case, batch: 2, seed: seed ^ 2, reading };
        prop_assume!(!jumps_nearby(&trial));
        check_trial(&trial);
    }
}
