//! Values: every gate, every order of its qubits, every measurement, against the oracle.

use crate::engines::engines_for;
use crate::lab::{Engine, close, engines, run};
use crate::losses::random_observables;
use crate::oracle::*;
use crate::trials::{self, Numbers, Trial, arrangements};
use candlewick::gate::Gate;
use candlewick::prelude::*;
use num_complex::Complex64;
use proptest::prelude::*;

/// Compares the states of a circuit on random samples with the oracle's.
pub(crate) fn check_states(case: &Case, batch: usize, seed: u64) {
    check(&Trial::states("a circuit", format!("{case:?}"), case.clone(), batch, seed));
}

/// Compares the states of a trial with the oracle's, on every engine.
fn check(trial: &Trial) {
    let Trial { kind, name, case, .. } = trial;
    let Numbers { x, w, .. } = trial.numbers(0);
    let states: Vec<Vec<Complex64>> = x.iter().map(|x| case.state(x, &w)).collect();
    for engine in engines() {
        let outcome = run(case, &Measurement::state(), &x, &w, &[], engine);
        for (row, state) in outcome.outputs.iter().zip(&states) {
            let expected: Vec<f64> = state.iter().flat_map(|a| [a.re, a.im]).collect();
            close(&format!("{}, {kind}, {name}: {case:?}", engine.name), row, &expected, engine.values(case.ops.len()));
        }
    }
    // Without amplitudes, words and probabilities take their place: a word has the phases of all pairs of amplitudes.
    let words = all_words(case.qubits);
    let measurement = Measurement::all([
        Measurement::expectation(words.iter().map(Obs::observable)),
        Measurement::probabilities((0..case.qubits).rev()),
    ]);
    for engine in engines_for(case, &measurement).into_iter().filter(|engine| engine.name.starts_with("density")) {
        let outcome = run(case, &measurement, &x, &w, &[], engine);
        for (row, state) in outcome.outputs.iter().zip(&states) {
            let reversed = |i: usize| (0..case.qubits).map(|k| (i >> k & 1) << (case.qubits - 1 - k)).sum::<usize>();
            let probabilities = (0..state.len()).map(|i| state[reversed(i)].norm_sqr());
            let expected: Vec<f64> = words.iter().map(|word| word.expectation(state)).chain(probabilities).collect();
            close(&format!("{}, {kind}, {name}: {case:?}", engine.name), row, &expected, engine.values(case.ops.len()));
        }
    }
}

/// All Pauli words on up to three qubits; on more, words of each letter on all qubits and on neighbours.
fn all_words(qubits: usize) -> Vec<Obs> {
    let spelled = |word: String| Obs::Words(vec![(1.0, word)]);
    let letters = ["I", "X", "Y", "Z"];
    if qubits <= 3 {
        let longer = |words: Vec<String>, _| words.iter().flat_map(|w| letters.map(|l| format!("{w}{l}"))).collect();
        return (0..qubits).fold(vec![String::new()], longer).into_iter().map(spelled).collect();
    }
    let at = |q: usize, pair: &str| format!("{}{pair}{}", "I".repeat(q), "I".repeat(qubits - q - pair.len()));
    let pairs = (0..qubits - 1).flat_map(|q| ["XX", "XY", "YZ", "ZI", "IX", "ZX", "YY"].map(|pair| at(q, pair)));
    pairs.chain(letters.map(|letter| letter.repeat(qubits))).map(spelled).collect()
}

#[test]
fn every_gate_on_every_arrangement_of_qubits() {
    trials::gates_on_every_arrangement().iter().for_each(check);
}

#[test]
fn every_gate_at_special_angles_and_batch_sizes() {
    trials::gates_at_special_angles().iter().for_each(check);
}

#[test]
fn every_gate_under_further_controls() {
    trials::gates_under_controls().iter().for_each(check);
}

#[test]
fn unitaries_on_one_to_six_qubits_with_controls() {
    trials::unitaries().iter().for_each(check);
}

#[test]
fn random_circuits_of_every_size() {
    trials::circuits_of_every_size().iter().for_each(check);
}

#[test]
fn expectations_and_variances_of_every_observable() {
    for qubits in 1..=6 {
        let case = random_case(70 + qubits as u64, qubits, 15, false);
        let all = random_observables(qubits as u64, qubits);
        let (mut rng, batch) = (rng(6), 5);
        let x: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, case.inputs)).collect();
        let w = uniform(&mut rng, case.weights);
        let states: Vec<_> = x.iter().map(|x| case.state(x, &w)).collect();
        let expectation = Measurement::expectation(all.iter().map(Obs::observable));
        for engine in engines_for(&case, &expectation) {
            let means = run(&case, &expectation, &x, &w, &[], engine).outputs;
            for (state, means) in states.iter().zip(&means) {
                let expected: Vec<f64> = all.iter().map(|o| o.expectation(state)).collect();
                close(&format!("{} expectation", engine.name), means, &expected, engine.values(case.ops.len()));
            }
        }
        let variance = Measurement::variance(all.iter().map(Obs::observable));
        for engine in engines_for(&case, &variance) {
            let spreads = run(&case, &variance, &x, &w, &[], engine).outputs;
            for (state, spreads) in states.iter().zip(&spreads) {
                let expected: Vec<f64> = all.iter().map(|o| o.variance(state)).collect();
                close(&format!("{} variance", engine.name), spreads, &expected, 4.0 * engine.values(case.ops.len()));
            }
        }
    }
}

#[test]
fn a_sum_of_all_kinds_of_parts_is_one_observable() {
    let qubits = 3;
    let case = random_case(11, qubits, 10, false);
    let all = random_observables(9, qubits);
    let sum = all.iter().map(|o| 0.3 * o.observable()).sum::<Observable>();
    let x = vec![vec![0.2, -0.4, 1.0]];
    let w = vec![0.1, 0.2, 0.3, 0.4, 0.5];
    let state = case.state(&x[0], &w);
    let expected: f64 = all.iter().map(|o| 0.3 * o.expectation(&state)).sum();
    let sum = Measurement::expectation([sum]);
    for engine in engines_for(&case, &sum) {
        let actual = run(&case, &sum, &x, &w, &[], engine).outputs;
        close(engine.name, &actual[0], &[expected], engine.values(1));
    }
}

#[test]
fn probabilities_of_any_qubits_in_any_order() {
    for qubits in 1..=4 {
        let case = random_case(30 + qubits as u64, qubits, 12, false);
        let x = vec![vec![0.2, -0.4, 1.0], vec![0.1, 0.7, -2.0]];
        let w = vec![0.1, 0.2, 0.3, 0.4, 0.5];
        for measured in (1..=qubits).flat_map(|count| arrangements(qubits, count)) {
            let measurement = Measurement::probabilities(measured.iter().copied());
            for engine in engines_for(&case, &measurement) {
                let outcome = run(&case, &measurement, &x, &w, &[], engine).outputs;
                for (row, x) in outcome.iter().zip(&x) {
                    let mut expected = vec![0.0; 1 << measured.len()];
                    for (index, amplitude) in case.state(x, &w).iter().enumerate() {
                        let bits = measured.iter().enumerate().map(|(k, q)| (index >> q & 1) << k);
                        expected[bits.sum::<usize>()] += amplitude.norm_sqr();
                    }
                    close(engine.name, row, &expected, engine.values(12));
                }
            }
        }
    }
}

#[test]
fn a_circuit_and_its_inverse_come_back_to_the_start() {
    for seed in 0..20 {
        let case = random_case(200 + seed, 4, 25, false);
        let forward = case.circuit();
        let mut both = forward.clone();
        both.append(&forward.inverse());
        let x = crate::lab::tensor(&[vec![0.3, 1.2, -0.8]], candle_core::DType::F64);
        let w = crate::lab::tensor(&[vec![0.1, 0.2, 0.3, 0.4, 0.5]], candle_core::DType::F64).flatten_all().unwrap();
        let state = candlewick::functional::evaluate(&both, &Measurement::state(), Some(&x), &[("w", &w)]).unwrap();
        let mut expected = vec![0.0; 32];
        expected[0] = 1.0;
        close("there and back", &crate::lab::rows(&state)[0], &expected, 1e-12);
    }
}

/// A gate followed by its table inverse, and the inverse's inverse being the gate, for each row.
#[test]
fn every_gate_is_undone_by_its_inverse() {
    for gate in Gate::all() {
        let mut circuit = Circuit::new(gate.qubits().len());
        let angles = (0..gate.angles().len()).map(|k| Angle::from(0.4 + 0.9 * k as f64));
        circuit.gate(gate, angles, 0..gate.qubits().len());
        let state = |circuit: &Circuit| {
            let mut whole = Circuit::new(gate.qubits().len()).with_inputs(1 << gate.qubits().len());
            whole.amplitude_embedding(0..1 << gate.qubits().len()).append(circuit);
            let x =
                crate::lab::tensor(&[(1..=1 << gate.qubits().len()).map(f64::from).collect()], candle_core::DType::F64);
            let y = candlewick::functional::evaluate(&whole, &Measurement::state(), Some(&x), &[]).unwrap();
            crate::lab::rows(&y)[0].clone()
        };
        let start = state(&Circuit::new(gate.qubits().len()));
        let mut both = circuit.clone();
        both.append(&circuit.inverse());
        close(gate.name(), &state(&both), &start, 1e-14);
        close(gate.name(), &state(&circuit.inverse().inverse()), &state(&circuit), 1e-14);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_circuits(seed in any::<u64>(), qubits in 1usize..6, depth in 1usize..40, batch in 1usize..20, embed: bool) {
        check_states(&random_case(seed, qubits, depth, embed), batch, seed ^ 1);
    }

    /// Pauli algebra on the crate's side against matrix products.
    #[test]
    fn products_of_words(a in "[IXYZ]{3}", b in "[IXYZ]{3}") {
        let spelled = |word: &str| Obs::Words(vec![(1.0, word.to_owned())]).observable();
        let (p, q) = (spelled(&a), spelled(&b));
        // PQ + QP is Hermitian for any P and Q.
        let symmetric = p.clone() * q.clone() + q * p;
        let case = random_case(3, 3, 10, false);
        let (x, w) = (vec![vec![0.5, 0.6, 0.7]], vec![0.1; 5]);
        let actual = run(&case, &Measurement::expectation([symmetric]), &x, &w, &[], Engine::cpu(candle_core::DType::F64)).outputs;
        let state = case.state(&x[0], &w);
        let all = [0, 1, 2];
        let (ma, mb) = (word_matrix(&a), word_matrix(&b));
        let product = |m: &[Vec<Complex64>], n: &[Vec<Complex64>]| dot(&state, &apply(&apply(&state, n, &all, &[]), m, &all, &[]));
        close("product", &actual[0], &[(product(&ma, &mb) + product(&mb, &ma)).re], 1e-12);
    }
}
