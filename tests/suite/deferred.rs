//! Measurements and resets inside a circuit, against every branch of outcomes followed on its own.

use crate::gradients::differences;
use crate::lab::{close, engines, run_circuit};
use crate::oracle::*;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use candlewick::{Error, Mistake};
use num_complex::Complex64 as C;
use rand::Rng;

/// Event on a few qubits. Outcomes are numbered; the oracle has no qubits for them.
#[derive(Debug, Clone)]
enum Event {
    Op(Op),
    /// The next outcome.
    Measure(usize),
    /// A gate where these outcomes were all 1.
    Where(Vec<usize>, Op),
    Reset(usize),
}

#[derive(Debug, Clone)]
struct Story {
    qubits: usize,
    events: Vec<Event>,
}

/// A state that is not normalised, and the outcomes that led there.
type Branch = (Vec<C>, Vec<bool>);

impl Story {
    fn count(&self, wanted: fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(event)).count()
    }

    fn outcomes(&self) -> usize {
        self.count(|event| matches!(event, Event::Measure(_)))
    }

    /// Makes the circuit: qubit `qubits + k` records outcome `k`; states of reset qubits go to the qubits behind the
    /// records.
    fn circuit(&self) -> Circuit {
        let resets = self.count(|event| matches!(event, Event::Reset(_)));
        let mut circuit = Circuit::new(self.qubits + self.outcomes() + resets).with_inputs(3);
        let w = circuit.weights("w", 3);
        let (mut record, mut fresh) = (self.qubits, self.qubits + self.outcomes());
        for event in &self.events {
            match event {
                Event::Op(op) => drop(op.write(&mut circuit, &w)),
                Event::Measure(qubit) => {
                    circuit.measure(*qubit, record);
                    record += 1;
                }
                Event::Where(outcomes, op) => {
                    let records: Vec<usize> = outcomes.iter().map(|outcome| self.qubits + outcome).collect();
                    circuit.controlled(records, |c| op.write(c, &w));
                }
                Event::Reset(qubit) => {
                    circuit.reset(*qubit, fresh);
                    fresh += 1;
                }
            }
        }
        circuit
    }

    fn branches(&self, x: &[f64], w: &[f64]) -> Vec<Branch> {
        let mut start = vec![C::default(); 1 << self.qubits];
        start[0] = C::from(1.0);
        let mut branches = vec![(start, vec![])];
        for event in &self.events {
            branches =
                branches.into_iter().flat_map(|(state, outcomes)| follow(event, state, outcomes, x, w)).collect();
        }
        branches
    }
}

fn projected(state: &[C], qubit: usize, outcome: bool) -> Vec<C> {
    let kept = |i: usize| (i >> qubit & 1 == 1) == outcome;
    state.iter().enumerate().map(|(i, a)| if kept(i) { *a } else { C::default() }).collect()
}

fn follow(event: &Event, state: Vec<C>, outcomes: Vec<bool>, x: &[f64], w: &[f64]) -> Vec<Branch> {
    match event {
        Event::Op(op) => vec![(op.applied(&state, x, w), outcomes)],
        Event::Where(which, op) if which.iter().all(|k| outcomes[*k]) => vec![(op.applied(&state, x, w), outcomes)],
        Event::Where(..) => vec![(state, outcomes)],
        Event::Measure(qubit) => [false, true]
            .map(|outcome| (projected(&state, *qubit, outcome), [&outcomes[..], &[outcome]].concat()))
            .to_vec(),
        // A reset is a measurement without a reader, with an X after a 1.
        Event::Reset(qubit) => {
            let zero = (projected(&state, *qubit, false), outcomes.clone());
            let flipped = apply(&projected(&state, *qubit, true), &Gate::x.matrix(&[]), &[*qubit], &[]);
            vec![zero, (flipped, outcomes)]
        }
    }
}

/// A Pauli word on the qubits, times Z of some outcomes.
struct Word {
    letters: String,
    outcomes: Vec<usize>,
}

impl Word {
    fn observable(&self, qubits: usize) -> Observable {
        let word = Obs::Words(vec![(1.0, self.letters.clone())]).observable();
        self.outcomes.iter().fold(word, |word, outcome| word * Z(qubits + outcome))
    }

    fn value(&self, branches: &[Branch]) -> f64 {
        let word = Obs::Words(vec![(1.0, self.letters.clone())]);
        let sign =
            |outcomes: &[bool]| self.outcomes.iter().map(|k| if outcomes[*k] { -1.0 } else { 1.0 }).product::<f64>();
        branches.iter().map(|(state, outcomes)| sign(outcomes) * word.expectation(state)).sum()
    }
}

fn random_story(seed: u64) -> Story {
    let (mut rng, qubits) = (rng(seed), 2 + seed as usize % 2);
    let pool = random_case(seed, qubits, 14, false);
    let mut story = Story { qubits, events: vec![] };
    let mut outcomes = 0;
    for mut op in pool.ops {
        op.angles.iter_mut().for_each(|angle| angle.1.retain(|(_, a, b)| fits(*a) && b.is_none_or(fits)));
        let event = match rng.random_range(0..6) {
            0 if outcomes < 3 => {
                outcomes += 1;
                Event::Measure(rng.random_range(0..qubits))
            }
            1 => Event::Reset(rng.random_range(0..qubits)),
            2..=3 if outcomes > 0 => {
                let count = rng.random_range(1..=outcomes.min(2));
                Event::Where(pick(&mut rng, outcomes, count), op.clone())
            }
            _ => Event::Op(op.clone()),
        };
        let resets = story.count(|event| matches!(event, Event::Reset(_)));
        story.events.push(if matches!(event, Event::Reset(_)) && resets == 3 { Event::Op(op) } else { event });
    }
    story
}

/// Stories have three weights.
fn fits(var: Var) -> bool {
    !matches!(var, Var::W(index) if index > 2)
}

fn check(story: &Story, seed: u64) {
    let mut rng = rng(seed);
    let letter = |rng: &mut _| ['I', 'X', 'Y', 'Z'][pick(rng, 4, 1)[0]];
    let words: Vec<Word> = (0..5)
        .map(|k| Word {
            letters: (0..story.qubits).map(|_| letter(&mut rng)).collect(),
            outcomes: (0..story.outcomes()).filter(|outcome| k >> outcome & 1 == 1).collect(),
        })
        .collect();
    let measurement = Measurement::expectation(words.iter().map(|word| word.observable(story.qubits)));
    let x: Vec<Vec<f64>> = (0..3).map(|_| uniform(&mut rng, 3)).collect();
    let (w, c) = (uniform(&mut rng, 3), vec![uniform(&mut rng, words.len()); 3]);
    let value = |x: &[f64], w: &[f64]| {
        let branches = story.branches(x, w);
        words.iter().zip(&c[0]).map(|(word, c)| c * word.value(&branches)).sum::<f64>()
    };
    let circuit = story.circuit();
    for engine in engines() {
        let outcome = run_circuit(&circuit, &measurement, &x, &w, &c, engine);
        let depth = story.events.len();
        for (k, x) in x.iter().enumerate() {
            let branches = story.branches(x, &w);
            let expected: Vec<f64> = words.iter().map(|word| word.value(&branches)).collect();
            close(&format!("{}\n{circuit}", engine.name), &outcome.outputs[k], &expected, engine.values(depth));
            let slopes = differences(x, |x| value(x, &w));
            close(&format!("{}\n{circuit}", engine.name), &outcome.dx[k], &slopes, engine.gradients(depth).max(1e-6));
        }
        let slopes = differences(&w, |w| x.iter().map(|x| value(x, w)).sum());
        close(&format!("{}\n{circuit}", engine.name), &outcome.dw, &slopes, engine.gradients(depth).max(1e-6));
    }
}

#[test]
fn random_stories() {
    (0..30).for_each(|seed| check(&random_story(seed), seed));
}

/// The probabilities of the records are the probabilities of the outcomes.
#[test]
fn records_at_the_end() {
    for seed in 0..10 {
        let story = random_story(100 + seed);
        let (x, w) = (vec![vec![0.4, -0.8, 1.3]], vec![0.3, 1.1, -2.0]);
        let records = story.qubits..story.qubits + story.outcomes();
        if records.is_empty() {
            continue;
        }
        let mut expected = vec![0.0; 1 << records.len()];
        for (state, outcomes) in story.branches(&x[0], &w) {
            let index: usize = outcomes.iter().enumerate().map(|(k, outcome)| usize::from(*outcome) << k).sum();
            expected[index] += state.iter().map(|a| a.norm_sqr()).sum::<f64>();
        }
        for engine in engines() {
            let measurement = Measurement::probabilities(records.clone());
            let outcome = run_circuit(&story.circuit(), &measurement, &x, &w, &[], engine);
            close(engine.name, &outcome.outputs[0], &expected, engine.values(14));
        }
    }
}

/// Any state of one qubit arrives, whatever the outcomes.
#[test]
fn teleportation() {
    let state = |k: usize| Op::gate(Gate::u, (0..3).map(|a| Expr::of(Var::X(a))).collect(), vec![k]);
    let gate = |gate: Gate, qubits: &[usize]| Event::Op(Op::gate(gate, vec![], qubits.to_vec()));
    let mut events = vec![Event::Op(state(0)), gate(Gate::h, &[1]), gate(Gate::cx, &[1, 2]), gate(Gate::cx, &[0, 1])];
    events.extend([gate(Gate::h, &[0]), Event::Measure(0), Event::Measure(1)]);
    for (outcome, pauli) in [(1, Gate::x), (0, Gate::z)] {
        events.push(Event::Where(vec![outcome], Op::gate(pauli, vec![], vec![2])));
    }
    let story = Story { qubits: 3, events };
    check(&story, 1);
    let x: Vec<Vec<f64>> = (0..20).map(|k| uniform(&mut rng(k), 3)).collect();
    for engine in engines() {
        let words = Measurement::expectation([candlewick::prelude::X(2), Y(2), Z(2)]);
        let outputs = run_circuit(&story.circuit(), &words, &x, &[0.0; 3], &[], engine).outputs;
        for (x, output) in x.iter().zip(outputs) {
            let sent = Case { qubits: 1, embed: false, ops: vec![state(0)], inputs: 3, weights: 0 }.state(x, &[]);
            let expected = ["X", "Y", "Z"].map(|word| Obs::Words(vec![(1.0, word.to_owned())]).expectation(&sent));
            close(engine.name, &output, &expected, engine.values(10));
        }
    }
}

/// A qubit measured again and again gives the same outcome each time; measured after a reset it gives 0.
#[test]
fn measured_again() {
    let mut circuit = Circuit::new(6);
    circuit.ry(1.1, 0).measure(0, 1).measure(0, 2).measure(1, 3).reset(0, 4).measure(0, 5);
    let p = Measurement::probabilities([1, 2, 3, 5]);
    for engine in engines() {
        let outputs = run_circuit(&circuit, &p, &[vec![]], &[], &[], engine).outputs.concat();
        let mut expected = vec![0.0; 16];
        (expected[0], expected[7]) = (0.55f64.cos().powi(2), 0.55f64.sin().powi(2));
        close(engine.name, &outputs, &expected, engine.values(6));
    }
}

/// A qubit that has been reset is as good as new; features that are embedded leave the qubits above them untouched.
#[test]
fn what_is_still_in_zero() {
    let mut circuit = Circuit::new(4);
    circuit.amplitude_embedding(0..3).measure(0, 2).reset(1, 3).measure(0, 1);
    circuit.check().unwrap();
    let mut circuit = Circuit::new(4);
    circuit.h(1).when(input(0).gt(0.0), |c| c.reset(1, 3)).measure(0, 1);
    let error = circuit.check().unwrap_err();
    assert!(matches!(error, Error::Circuit { mistake: Mistake::QubitTouched { qubit: 1 }, .. }), "{error}");
}

/// The record stays 0 in samples in which nothing is measured, and nothing loses its phase.
#[test]
fn measured_where_a_condition_holds() {
    let mut circuit = Circuit::new(4);
    let positive = input(0).gt(0.0);
    circuit.h(0).h(1).when(&positive, |c| c.measure(0, 2).reset(1, 3)).h(0);
    let words = Measurement::expectation([Z(0), Z(1), candlewick::prelude::X(1), Z(2)]);
    for engine in engines() {
        let outputs = run_circuit(&circuit, &words, &[vec![1.0], vec![-1.0]], &[], &[], engine).outputs;
        close(engine.name, &outputs[0], &[0.0, 1.0, 0.0, 0.0], engine.values(6));
        close(engine.name, &outputs[1], &[1.0, 0.0, 1.0, 1.0], engine.values(6));
    }
}

fn mistake(write: impl FnOnce(&mut Circuit)) -> (usize, String, Mistake) {
    let mut circuit = Circuit::new(4);
    write(&mut circuit);
    match circuit.check() {
        Err(Error::Circuit { operation, name, mistake }) => (operation, name, mistake),
        other => panic!("{other:?}\n{circuit}"),
    }
}

#[test]
fn wrong_uses() {
    let is = |found: (usize, String, Mistake), at: usize, name: &str, mistake: Mistake| {
        assert_eq!(found, (at, name.to_owned(), mistake));
    };
    let (touched, changed) = (Mistake::QubitTouched { qubit: 1 }, Mistake::RecordChanged { qubit: 1 });
    is(mistake(|c| _ = c.x(1).measure(0, 1)), 1, "measure", touched.clone());
    is(mistake(|c| _ = c.cx(1, 0).measure(0, 1)), 1, "measure", touched.clone());
    is(mistake(|c| _ = c.measure(0, 1).measure(2, 1)), 1, "measure", touched.clone());
    is(mistake(|c| _ = c.x(1).reset(0, 1)), 1, "reset", touched.clone());
    is(mistake(|c| _ = c.barrier().amplitude_embedding(0..3).measure(0, 1)), 2, "measure", touched.clone());
    is(mistake(|c| _ = c.measure(0, 1).x(1)), 1, "x", changed.clone());
    is(mistake(|c| _ = c.measure(0, 1).cx(0, 1)), 1, "cx", changed.clone());
    is(mistake(|c| _ = c.measure(0, 1).cz(0, 1)), 1, "cz", changed.clone());
    is(mistake(|c| _ = c.measure(0, 1).swap(1, 2)), 1, "swap", changed.clone());
    is(mistake(|c| _ = c.measure(0, 1).pauli_rot(0.1, "Z", [1])), 1, "pauli_rot", changed.clone());
    is(mistake(|c| _ = c.measure(0, 1).controlled([2], |c| c.h(1))), 1, "h", changed.clone());
    is(mistake(|c| _ = c.measure(0, 1).reset(1, 2)), 1, "reset", changed);
    let discarded = Mistake::QubitDiscarded { qubit: 1 };
    is(mistake(|c| _ = c.reset(0, 1).x(1)), 1, "x", discarded.clone());
    is(mistake(|c| _ = c.reset(0, 1).cx(1, 0)), 1, "cx", discarded.clone());
    is(mistake(|c| _ = c.reset(0, 1).controlled([1], |c| c.h(0))), 1, "h", discarded.clone());
    is(mistake(|c| _ = c.reset(0, 1).measure(0, 1)), 1, "measure", discarded.clone());
    is(mistake(|c| _ = c.reset(0, 1).reset(2, 1)), 1, "reset", discarded);
    let unitary = Mistake::MeasurementNotUnitary;
    is(mistake(|c| _ = c.controlled([2], |c| c.measure(0, 1))), 0, "measure", unitary.clone());
    is(mistake(|c| _ = c.controlled([2], |c| c.reset(0, 1))), 0, "reset", unitary.clone());
    is(mistake(|c| _ = c.measure(0, 0)), 0, "measure", Mistake::RepeatedQubit { qubit: 0 });
    is(mistake(|c| _ = c.reset(0, 4)), 0, "reset", Mistake::QubitOutOfRange { qubit: 4, qubits: 4 });

    let mut circuit = Circuit::new(2);
    circuit.h(0).measure(0, 1).barrier();
    is(mistake(|c| _ = c.append(&circuit.inverse())), 1, "inverse", unitary);
    is(mistake(|c| _ = c.append(&circuit.repeat(2))), 4, "measure", touched.clone());
    is(mistake(|c| _ = c.append(&circuit).append(&circuit)), 4, "measure", touched);
    circuit.repeat(1).check().unwrap();
}

/// A record is a classical bit: no observable may have more of it than Z.
#[test]
fn records_are_read_as_bits() {
    let mut circuit = Circuit::new(2);
    circuit.h(0).measure(0, 1);
    let flip = [C::default(), C::from(1.0), C::from(1.0), C::default()];
    let diagonal: Vec<C> = (0..16).map(|k| C::from(if k % 5 == 0 { 1.0 } else { 0.0 })).collect();
    let wrong = [candlewick::prelude::X(1), Y(1) * Z(0), Z(0) + candlewick::prelude::X(0) * candlewick::prelude::X(1)];
    for observable in wrong.into_iter().chain([Observable::hermitian(&flip, [1])]) {
        for measurement in
            [Measurement::expectation([Z(0), observable.clone()]), Measurement::variance([Z(0), observable])]
        {
            let error = candlewick::program::Program::new(&circuit, &measurement).unwrap_err();
            assert!(
                matches!(error, Error::Observable { index: 1, mistake: Mistake::RecordRead { qubit: 1 } }),
                "{error}"
            );
        }
    }
    let fine =
        [candlewick::prelude::X(0) * Z(1), Observable::hermitian(&flip, [0]), Observable::hermitian(&diagonal, [1, 0])];
    candlewick::program::Program::new(&circuit, &Measurement::expectation(fine)).unwrap();
    candlewick::program::Program::new(&circuit, &Measurement::probabilities([1, 0])).unwrap();
    candlewick::program::Program::new(&circuit, &Measurement::state()).unwrap();
}
