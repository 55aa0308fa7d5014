//! Random circuits that compute something and undo it before a reset, against every branch of outcomes followed on its
//! own: a reset that is left out is one of a qubit in 0.

use super::probabilities_at;
use crate::oracle::{apply, rng};
use candlewick::gate::Gate;
use candlewick::qasm;
use num_complex::Complex64 as C;
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::BTreeMap;

const QUBITS: usize = 4;
const BITS: usize = 3;

/// Most measurements and resets of a circuit: each may take a qubit.
const TAKING: usize = 8;

#[derive(Debug, Clone)]
enum Event {
    /// A gate on qubits, under further controls with their values.
    Gate(Gate, Vec<(usize, bool)>, Vec<usize>),
    Measure(usize, usize),
    Reset(usize),
    /// An event where a bit has a value.
    Where(usize, bool, Box<Event>),
    /// An event where the feature is above 1/2, or where it is not.
    When(bool, Box<Event>),
}

/// A state that is not normalised, and the bits that led there.
type Branch = (Vec<C>, u64);

impl Event {
    fn text(&self) -> String {
        match self {
            Self::Gate(gate, controls, qubits) => {
                let modifier = |(_, value): &(usize, bool)| if *value { "ctrl @ " } else { "negctrl @ " };
                let modifiers: String = controls.iter().map(modifier).collect();
                let all = controls.iter().map(|(qubit, _)| qubit).chain(qubits);
                let operands: Vec<String> = all.map(|qubit| format!("q[{qubit}]")).collect();
                format!("{modifiers}{} {};", gate.name(), operands.join(", "))
            }
            Self::Measure(qubit, bit) => format!("c[{bit}] = measure q[{qubit}];"),
            Self::Reset(qubit) => format!("reset q[{qubit}];"),
            Self::Where(bit, value, event) => {
                format!("if ({}c[{bit}]) {{ {} }}", if *value { "" } else { "!" }, event.text())
            }
            Self::When(value, event) => format!("if ({}above) {{ {} }}", if *value { "" } else { "!" }, event.text()),
        }
    }

    fn takes(&self) -> bool {
        match self {
            Self::Gate(..) => false,
            Self::Measure(..) | Self::Reset(_) => true,
            Self::Where(_, _, event) | Self::When(_, event) => event.takes(),
        }
    }

    fn follow(&self, (state, bits): Branch, x: f64) -> Vec<Branch> {
        match self {
            Self::Gate(gate, controls, qubits) => vec![(gated(*gate, controls, qubits, state), bits)],
            Self::Measure(qubit, bit) => vec![
                (projected(&state, *qubit, false), bits & !(1 << bit)),
                (projected(&state, *qubit, true), bits | 1 << bit),
            ],
            Self::Reset(qubit) => {
                let one = apply(&projected(&state, *qubit, true), &Gate::x.matrix(&[]), &[*qubit], &[]);
                vec![(projected(&state, *qubit, false), bits), (one, bits)]
            }
            Self::Where(bit, value, event) if (bits >> bit & 1 == 1) == *value => event.follow((state, bits), x),
            Self::When(value, event) if (x > 0.5) == *value => event.follow((state, bits), x),
            Self::Where(..) | Self::When(..) => vec![(state, bits)],
        }
    }
}

fn projected(state: &[C], qubit: usize, outcome: bool) -> Vec<C> {
    let kept = |i: usize| (i >> qubit & 1 == 1) == outcome;
    state.iter().enumerate().map(|(i, a)| if kept(i) { *a } else { C::default() }).collect()
}

/// A gate under controls; those on 0 have an X before and behind.
fn gated(gate: Gate, controls: &[(usize, bool)], qubits: &[usize], mut state: Vec<C>) -> Vec<C> {
    let flipped = |mut state: Vec<C>| {
        for (qubit, _) in controls.iter().filter(|(_, value)| !value) {
            state = apply(&state, &Gate::x.matrix(&[]), &[*qubit], &[]);
        }
        state
    };
    let all: Vec<usize> = controls.iter().map(|(qubit, _)| *qubit).collect();
    state = apply(&flipped(state), &gate.matrix(&[]), qubits, &all);
    flipped(state)
}

/// Different qubits in random order.
fn qubits(random: &mut StdRng, count: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..QUBITS).collect();
    (0..count).map(|_| all.swap_remove(random.random_range(0..all.len()))).collect()
}

/// A gate of those, or X under controls.
fn gate(random: &mut StdRng, gates: &[(Gate, usize)]) -> Event {
    match random.random_range(0..4) {
        0 => {
            let all = qubits(random, 3);
            let controls = all[1..].iter().map(|qubit| (*qubit, random.random())).collect();
            Event::Gate(Gate::x, controls, vec![all[0]])
        }
        _ => {
            let (gate, count) = gates[random.random_range(0..gates.len())];
            Event::Gate(gate, Vec::new(), qubits(random, count))
        }
    }
}

/// An event, at times under a condition.
fn conditional(random: &mut StdRng, event: Event) -> Event {
    match random.random_range(0..6) {
        0 => Event::Where(random.random_range(0..BITS), random.random(), Box::new(event)),
        1 => Event::When(random.random(), Box::new(event)),
        _ => event,
    }
}

/// Gates that are their own inverses and that keep basis states.
const UNDONE: [(Gate, usize); 9] = [
    (Gate::x, 1),
    (Gate::y, 1),
    (Gate::z, 1),
    (Gate::cx, 2),
    (Gate::cx, 2),
    (Gate::cy, 2),
    (Gate::swap, 2),
    (Gate::ccx, 3),
    (Gate::cswap, 3),
];

/// Any gates.
const ANY: [(Gate, usize); 8] = [
    (Gate::h, 1),
    (Gate::h, 1),
    (Gate::t, 1),
    (Gate::sx, 1),
    (Gate::cx, 2),
    (Gate::ch, 2),
    (Gate::cz, 2),
    (Gate::ccx, 3),
];

fn story(seed: u64) -> Vec<Event> {
    let mut random = rng(seed);
    let mut story: Vec<Event> = (0..2).map(|qubit| Event::Gate(Gate::h, Vec::new(), vec![qubit])).collect();
    for _ in 0..8 {
        let computed: Vec<Event> = (0..random.random_range(1..4))
            .map(|_| {
                let event = gate(&mut random, &UNDONE);
                conditional(&mut random, event)
            })
            .collect();
        let mut undone: Vec<Event> = computed.iter().rev().cloned().collect();
        // At times something remains.
        if random.random_range(0..4) == 0 {
            undone.pop();
        }
        story.extend(computed);
        for _ in 0..random.random_range(0..3) {
            let qubit = random.random_range(0..QUBITS);
            let event = match random.random_range(0..5) {
                0 => Event::Measure(qubit, random.random_range(0..BITS)),
                1 => Event::Reset(qubit),
                2 => Event::Gate(Gate::t, Vec::new(), vec![qubit]),
                _ => gate(&mut random, &ANY),
            };
            story.push(conditional(&mut random, event));
        }
        story.extend(undone);
        let reset = Event::Reset(random.random_range(0..QUBITS));
        story.push(conditional(&mut random, reset));
    }
    let mut taking = 0;
    story.retain(|event| {
        taking += usize::from(event.takes());
        !event.takes() || taking <= TAKING
    });
    // Measurements at the end, in random bases, tell coherent states from mixed ones.
    for qubit in 0..QUBITS {
        if random.random() {
            story.push(Event::Gate(Gate::h, Vec::new(), vec![qubit]));
        }
        story.push(Event::Measure(qubit, BITS + qubit));
    }
    story
}

fn text(story: &[Event]) -> String {
    let events: Vec<String> = story.iter().map(Event::text).collect();
    let declarations = format!("input float x0; bool above = x0 > 0.5; qubit[{QUBITS}] q; bit[{}] c;", BITS + QUBITS);
    format!("OPENQASM 3.0; include \"stdgates.inc\";\n{declarations}\n{}", events.join("\n"))
}

fn branched(story: &[Event], x: f64) -> BTreeMap<u64, f64> {
    let mut start = vec![C::default(); 1 << QUBITS];
    start[0] = C::from(1.0);
    let mut branches = vec![(start, 0)];
    for event in story {
        branches = branches.into_iter().flat_map(|branch| event.follow(branch, x)).collect();
        branches.retain(|(state, _)| state.iter().any(|a| a.norm() > 1e-12));
    }
    let mut probabilities = BTreeMap::new();
    for (state, bits) in branches {
        *probabilities.entry(bits).or_insert(0.0) += state.iter().map(C::norm_sqr).sum::<f64>();
    }
    probabilities
}

#[test]
fn resets_are_left_out_of_qubits_in_0() {
    let (mut written, mut taken) = (0, 0);
    for seed in 0..400 {
        let story = story(seed);
        let text = text(&story);
        let imported = qasm::import(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        written += story.iter().filter(|event| event.takes()).count() - QUBITS;
        taken += imported.circuit.qubits() - QUBITS;
        for x in [0.0, 1.0] {
            let (actual, expected) = (probabilities_at(&imported, &[x]), branched(&story, x));
            let of = |of: &BTreeMap<u64, f64>, key| of.get(key).copied().unwrap_or(0.0);
            let keys = actual.keys().chain(expected.keys());
            let worst = keys.map(|key| (of(&actual, key) - of(&expected, key)).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-9, "seed {seed}, x0 = {x}: off by {worst}\n{text}\n{}", imported.circuit);
        }
    }
    println!("{taken} qubits for {written} measurements and resets");
    assert!(5 * taken < 3 * written, "{taken} qubits for {written} measurements and resets");
}
