//! The oracle: circuits as plain data, simulated by naive dense arithmetic in f64. Its code is simple enough to be
//! obviously right.
//!
//! A [`Case`] becomes a candlewick [`Circuit`] and, independently, a state. Nothing here uses the crate's lowering,
//! expressions, observables or engines. It uses one part of the gate table, `Gate::matrix`, which `textbook.rs`
//! compares with formulas typed in by hand.

use candlewick::circuit::Weights;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use num_complex::Complex64 as C;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// An input or a weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Var {
    X(usize),
    W(usize),
}

/// `constant + sum of coefficient * a * b`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expr(pub(crate) f64, pub(crate) Vec<(f64, Var, Option<Var>)>);

/// A condition on the inputs.
#[derive(Debug, Clone)]
pub(crate) enum Cond {
    Above(Expr, f64),
    Below(Expr, f64),
    /// Comparison of the absolute value.
    Outside(Expr, f64),
    Inside(Expr, f64),
    Not(Box<Cond>),
    And(Box<Cond>, Box<Cond>),
    Or(Box<Cond>, Box<Cond>),
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Gate(Gate),
    Word(String),
    Matrix(Vec<Vec<C>>),
    Global,
}

#[derive(Debug, Clone)]
pub(crate) struct Op {
    pub(crate) what: What,
    pub(crate) angles: Vec<Expr>,
    pub(crate) qubits: Vec<usize>,
    pub(crate) controls: Vec<usize>,
    /// Controls that have to be 0; the others have to be 1.
    pub(crate) zeros: Vec<usize>,
    /// Conditions that all hold where the operation acts.
    pub(crate) conditions: Vec<Cond>,
}

/// A circuit as data. With `embed`, the state starts as the first `2^qubits` inputs, normalised.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) qubits: usize,
    pub(crate) embed: bool,
    pub(crate) ops: Vec<Op>,
    pub(crate) inputs: usize,
    pub(crate) weights: usize,
}

impl Var {
    fn value(self, x: &[f64], w: &[f64]) -> f64 {
        match self {
            Self::X(i) => x[i],
            Self::W(i) => w[i],
        }
    }

    fn angle(self, w: &Weights) -> Angle {
        match self {
            Self::X(i) => input(i),
            Self::W(i) => w.at([i]),
        }
    }
}

impl Expr {
    pub(crate) fn constant(value: f64) -> Self {
        Self(value, vec![])
    }

    pub(crate) fn of(var: Var) -> Self {
        Self(0.0, vec![(1.0, var, None)])
    }

    pub(crate) fn value(&self, x: &[f64], w: &[f64]) -> f64 {
        let term = |(c, a, b): &(f64, Var, Option<Var>)| c * a.value(x, w) * b.map_or(1.0, |b| b.value(x, w));
        self.0 + self.1.iter().map(term).sum::<f64>()
    }

    pub(crate) fn angle(&self, w: &Weights) -> Angle {
        self.1.iter().fold(Angle::from(self.0), |sum, (c, a, b)| {
            let product = b.map_or_else(|| a.angle(w), |b| a.angle(w) * b.angle(w));
            sum + *c * product
        })
    }
}

impl Cond {
    pub(crate) fn holds(&self, x: &[f64]) -> bool {
        match self {
            Self::Above(expr, t) => expr.value(x, &[]) > *t,
            Self::Below(expr, t) => expr.value(x, &[]) < *t,
            Self::Outside(expr, t) => expr.value(x, &[]).abs() > *t,
            Self::Inside(expr, t) => expr.value(x, &[]).abs() < *t,
            Self::Not(inner) => !inner.holds(x),
            Self::And(a, b) => a.holds(x) && b.holds(x),
            Self::Or(a, b) => a.holds(x) || b.holds(x),
        }
    }

    /// `w` is for expressions, which read none of it.
    pub(crate) fn condition(&self, w: &Weights) -> Condition {
        match self {
            Self::Above(expr, t) => expr.angle(w).gt(*t),
            Self::Below(expr, t) => expr.angle(w).lt(*t),
            Self::Outside(expr, t) => expr.angle(w).abs().gt(*t),
            Self::Inside(expr, t) => expr.angle(w).abs().lt(*t),
            Self::Not(inner) => !inner.condition(w),
            Self::And(a, b) => a.condition(w) & b.condition(w),
            Self::Or(a, b) => a.condition(w) | b.condition(w),
        }
    }
}

impl Op {
    pub(crate) fn gate(gate: Gate, angles: Vec<Expr>, qubits: Vec<usize>) -> Self {
        Self { what: What::Gate(gate), angles, qubits, controls: vec![], zeros: vec![], conditions: vec![] }
    }

    /// Writes it into a circuit: conditions and controls in turn, so that each stands inside the other.
    pub(crate) fn write<'c>(&self, circuit: &'c mut Circuit, w: &Weights) -> &'c mut Circuit {
        let conditions: Vec<Condition> = self.conditions.iter().map(|condition| condition.condition(w)).collect();
        let controls: Vec<(usize, bool)> = self.controls.iter().map(|q| (*q, !self.zeros.contains(q))).collect();
        match &conditions[..] {
            [] => circuit.controlled_on(controls, |c| self.write_alone(c, w)),
            [one] => circuit.when(one, |c| c.controlled_on(controls, |c| self.write_alone(c, w))),
            [outer, inner @ ..] => circuit.when(outer, |c| {
                let all = inner[1..].iter().fold(inner[0].clone(), |all, condition| all & condition);
                c.controlled_on(controls, |c| c.when(all, |c| self.write_alone(c, w)))
            }),
        }
    }

    /// Writes it without its conditions and controls.
    fn write_alone<'c>(&self, circuit: &'c mut Circuit, w: &Weights) -> &'c mut Circuit {
        let angles: Vec<Angle> = self.angles.iter().map(|angle| angle.angle(w)).collect();
        let qubits = self.qubits.clone();
        match &self.what {
            What::Gate(gate) => circuit.gate(*gate, angles, qubits),
            What::Word(word) => circuit.pauli_rot(angles[0].clone(), word, qubits),
            What::Matrix(matrix) => circuit.unitary(&matrix.concat(), qubits),
            What::Global => circuit.global_phase(angles[0].clone()),
        }
    }

    pub(crate) fn applied(&self, state: &[C], x: &[f64], w: &[f64]) -> Vec<C> {
        self.shifted(state, x, w, None)
    }

    /// `shift` adds to one angle.
    fn shifted(&self, state: &[C], x: &[f64], w: &[f64], shift: Option<(usize, f64)>) -> Vec<C> {
        if !self.conditions.iter().all(|condition| condition.holds(x)) {
            return state.to_vec();
        }
        let mut angles: Vec<f64> = self.angles.iter().map(|angle| angle.value(x, w)).collect();
        if let Some((k, by)) = shift {
            angles[k] += by;
        }
        let flipped = |state: &[C]| {
            let mask = self.zeros.iter().fold(0, |mask, q| mask | 1 << q);
            (0..state.len()).map(|index| state[index ^ mask]).collect::<Vec<_>>()
        };
        flipped(&apply(&flipped(state), &self.matrix(&angles), &self.qubits, &self.controls))
    }

    /// The dense matrix on `qubits`, without the controls.
    fn matrix(&self, angles: &[f64]) -> Vec<Vec<C>> {
        match &self.what {
            What::Gate(gate) => gate.matrix(angles),
            What::Global => vec![vec![C::cis(angles[0])]],
            What::Matrix(matrix) => matrix.clone(),
            What::Word(word) => {
                let pauli = word_matrix(word);
                let (sin, cos) = (angles[0] / 2.0).sin_cos();
                let unit = |r: usize, c: usize| C::from(f64::from(u8::from(r == c)));
                let entry = |r: usize, c: usize| unit(r, c) * cos - C::i() * sin * pauli[r][c];
                (0..pauli.len()).map(|r| (0..pauli.len()).map(|c| entry(r, c)).collect()).collect()
            }
        }
    }
}

/// The Kronecker product of letters; letter `k` acts on bit `k`.
pub(crate) fn word_matrix(word: &str) -> Vec<Vec<C>> {
    let (o, l, i) = (C::new(0.0, 0.0), C::new(1.0, 0.0), C::i());
    word.chars().fold(vec![vec![l]], |low, letter| {
        let high = match letter {
            'X' => [[o, l], [l, o]],
            'Y' => [[o, -i], [i, o]],
            'Z' => [[l, o], [o, -l]],
            _ => [[l, o], [o, l]],
        };
        let size = low.len();
        let entry = |r: usize, c: usize| high[r / size][c / size] * low[r % size][c % size];
        (0..2 * size).map(|r| (0..2 * size).map(|c| entry(r, c)).collect()).collect()
    })
}

/// `matrix` on `qubits` (the first is the low bit), where all `controls` are 1.
pub(crate) fn apply(state: &[C], matrix: &[Vec<C>], qubits: &[usize], controls: &[usize]) -> Vec<C> {
    let local = |index: usize| qubits.iter().enumerate().map(|(k, q)| (index >> q & 1) << k).sum::<usize>();
    let mut out = vec![C::default(); state.len()];
    for (from, amplitude) in state.iter().enumerate() {
        if !controls.iter().all(|control| from >> control & 1 == 1) {
            out[from] += amplitude;
            continue;
        }
        for (row, entries) in matrix.iter().enumerate() {
            let cleared = qubits.iter().fold(from, |index, q| index & !(1 << q));
            let to = qubits.iter().enumerate().fold(cleared, |index, (k, q)| index | (row >> k & 1) << q);
            out[to] += entries[local(from)] * amplitude;
        }
    }
    out
}

/// The tensor `w` of all cases with so many weights, so that measurements can name it before any circuit.
pub(crate) fn weights(count: usize) -> Weights {
    static KNOWN: Mutex<BTreeMap<usize, Weights>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(count).or_insert_with(|| Circuit::new(1).weights("w", count)).clone()
}

/// Number of weights of a random case.
pub(crate) const RANDOM_WEIGHTS: usize = 5;

impl Case {
    pub(crate) fn circuit(&self) -> Circuit {
        let mut circuit = Circuit::new(self.qubits).with_inputs(self.inputs);
        let w = weights(self.weights);
        circuit.share(&w);
        if self.embed {
            circuit.amplitude_embedding(0..1 << self.qubits);
        }
        for op in &self.ops {
            op.write(&mut circuit, &w);
        }
        circuit
    }

    /// The final state; `shift` adds to one angle of one operation.
    pub(crate) fn shifted_state(&self, x: &[f64], w: &[f64], shift: Option<(usize, usize, f64)>) -> Vec<C> {
        let size = 1 << self.qubits;
        let mut state = vec![C::default(); size];
        if self.embed {
            let norm = x[..size].iter().map(|v| v * v).sum::<f64>().sqrt();
            state.iter_mut().zip(x).for_each(|(amplitude, v)| *amplitude = C::from(v / norm));
        } else {
            state[0] = C::from(1.0);
        }
        for (index, op) in self.ops.iter().enumerate() {
            let shift = shift.filter(|(which, ..)| *which == index).map(|(_, k, by)| (k, by));
            state = op.shifted(&state, x, w, shift);
        }
        state
    }

    pub(crate) fn state(&self, x: &[f64], w: &[f64]) -> Vec<C> {
        self.shifted_state(x, w, None)
    }

    /// Exact gradient of a quadratic form of the state in the angles' variables, by the general parameter-shift rule
    /// (Wierichs et al., Quantum 6, 677, 2022) for half-integer frequencies up to 2, which covers every gate.
    /// Inputs that are embedded as amplitudes are left at 0.
    pub(crate) fn shift_gradient(&self, x: &[f64], w: &[f64], value: impl Fn(&[C]) -> f64) -> (Vec<f64>, Vec<f64>) {
        let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; w.len()]);
        for (index, op) in self.ops.iter().enumerate() {
            for (k, expr) in op.angles.iter().enumerate() {
                let at = |by: f64| value(&self.shifted_state(x, w, Some((index, k, by))));
                let slope = half_integer_shift(at);
                let mut add = |var: Var, amount: f64| match var {
                    Var::X(i) => dx[i] += amount,
                    Var::W(i) => dw[i] += amount,
                };
                for (coefficient, a, b) in &expr.1 {
                    add(*a, slope * coefficient * b.map_or(1.0, |b| b.value(x, w)));
                    if let Some(b) = b {
                        add(*b, slope * coefficient * a.value(x, w));
                    }
                }
            }
        }
        (dx, dw)
    }
}

/// `f'(0)` of a trigonometric polynomial with frequencies 1/2, 1, 3/2, 2.
fn half_integer_shift(f: impl Fn(f64) -> f64) -> f64 {
    use std::f64::consts::PI;
    let r = 4.0;
    let term = |m: u32| {
        let half = (2.0 * f64::from(m) - 1.0) * PI / (4.0 * r);
        let sign = if m % 2 == 1 { 1.0 } else { -1.0 };
        sign * f(2.0 * 2.0 * half) / (4.0 * r * half.sin().powi(2))
    };
    0.5 * (1..=8).map(term).sum::<f64>()
}

/// An observable as data.
#[derive(Debug, Clone)]
pub(crate) enum Obs {
    /// Coefficients and words with a letter for each qubit.
    Words(Vec<(f64, String)>),
    Diagonal(Vec<f64>),
    /// Values of the basis states of some qubits; the first is the low bit of an index.
    DiagonalOn(Vec<f64>, Vec<usize>),
    Hermitian(Vec<Vec<C>>, Vec<usize>),
    Projector(Vec<bool>),
    ProjectorOn(Vec<(usize, bool)>),
    /// Product of operators; the last acts first.
    Product(Vec<Obs>),
}

impl Obs {
    pub(crate) fn observable(&self) -> Observable {
        match self {
            Self::Words(words) => {
                words.iter().map(|(c, word)| *c * Observable::pauli_sum([(1.0, &*spell(word))])).sum()
            }
            Self::Diagonal(values) => Observable::diagonal(values.iter().copied()),
            Self::DiagonalOn(values, qubits) => Observable::diagonal_on(values.iter().copied(), qubits.iter().copied()),
            Self::Hermitian(matrix, qubits) => Observable::hermitian(&matrix.concat(), qubits.iter().copied()),
            Self::Projector(bits) => Observable::projector(bits.iter().copied()),
            Self::ProjectorOn(values) => Observable::projector_on(values.iter().copied()),
            Self::Product(factors) => {
                let factors = factors.iter().map(Self::observable);
                factors.fold(Observable::identity(), |product, factor| product * factor)
            }
        }
    }

    pub(crate) fn applied(&self, state: &[C]) -> Vec<C> {
        let all: Vec<usize> = (0..state.len().ilog2() as usize).collect();
        match self {
            Self::Words(words) => words.iter().fold(vec![C::default(); state.len()], |sum, (c, word)| {
                let term = apply(state, &word_matrix(word), &all, &[]);
                sum.iter().zip(term).map(|(a, b)| a + b * *c).collect()
            }),
            Self::Diagonal(values) => state.iter().enumerate().map(|(i, a)| a * values[i % values.len()]).collect(),
            Self::DiagonalOn(values, qubits) => {
                let local = |i: usize| qubits.iter().enumerate().map(|(k, q)| (i >> q & 1) << k).sum::<usize>();
                state.iter().enumerate().map(|(i, a)| a * values[local(i)]).collect()
            }
            Self::ProjectorOn(values) => {
                let hit = |i: usize| values.iter().all(|(q, bit)| (i >> q & 1 == 1) == *bit);
                state.iter().enumerate().map(|(i, a)| if hit(i) { *a } else { C::default() }).collect()
            }
            Self::Product(factors) => factors.iter().rev().fold(state.to_vec(), |state, factor| factor.applied(&state)),
            Self::Hermitian(matrix, qubits) => apply(state, matrix, qubits, &[]),
            Self::Projector(bits) => {
                let hit = |i: usize| bits.iter().enumerate().all(|(k, bit)| (i >> k & 1 == 1) == *bit);
                state.iter().enumerate().map(|(i, a)| if hit(i) { *a } else { C::default() }).collect()
            }
        }
    }

    pub(crate) fn expectation(&self, state: &[C]) -> f64 {
        dot(state, &self.applied(state)).re
    }

    pub(crate) fn variance(&self, state: &[C]) -> f64 {
        let applied = self.applied(state);
        dot(&applied, &applied).re - self.expectation(state).powi(2)
    }
}

pub(crate) fn dot(a: &[C], b: &[C]) -> C {
    a.iter().zip(b).map(|(a, b)| a.conj() * b).sum()
}

/// "XIZ" as "X0 Z2".
fn spell(word: &str) -> String {
    let letters = word.chars().enumerate().filter(|(_, letter)| *letter != 'I');
    letters.map(|(k, letter)| format!("{letter}{k}")).collect::<Vec<_>>().join(" ")
}

pub(crate) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

pub(crate) fn uniform(rng: &mut StdRng, count: usize) -> Vec<f64> {
    (0..count).map(|_| rng.random_range(-3.0..3.0)).collect()
}

/// A random unitary by Gram-Schmidt.
pub(crate) fn random_unitary(rng: &mut StdRng, qubits: usize) -> Vec<Vec<C>> {
    let size = 1 << qubits;
    let mut rows: Vec<Vec<C>> = Vec::new();
    while rows.len() < size {
        let mut row: Vec<C> =
            (0..size).map(|_| C::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0))).collect();
        for _ in 0..2 {
            for done in &rows {
                let along = dot(done, &row);
                row.iter_mut().zip(done).for_each(|(a, b)| *a -= along * b);
            }
        }
        let norm = dot(&row, &row).re.sqrt();
        rows.push(row.iter().map(|a| a / norm).collect());
    }
    rows
}

/// A random Hermitian matrix.
pub(crate) fn random_hermitian(rng: &mut StdRng, qubits: usize) -> Vec<Vec<C>> {
    let size = 1 << qubits;
    let mut entry = || C::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0));
    let any: Vec<Vec<C>> = (0..size).map(|_| (0..size).map(|_| entry()).collect()).collect();
    (0..size).map(|r| (0..size).map(|c| (any[r][c] + any[c][r].conj()) / 2.0).collect()).collect()
}

/// `count` different qubits of `qubits`.
pub(crate) fn pick(rng: &mut StdRng, qubits: usize, count: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..qubits).collect();
    (0..count).map(|_| all.swap_remove(rng.random_range(0..all.len()))).collect()
}

/// A random angle expression over the given variables.
fn random_expr(rng: &mut StdRng, inputs: usize, weights: usize) -> Expr {
    let var = |rng: &mut StdRng| match rng.random_range(0..2) {
        0 if inputs > 0 => Some(Var::X(rng.random_range(0..inputs))),
        _ if weights > 0 => Some(Var::W(rng.random_range(0..weights))),
        _ => None,
    };
    let mut expr = Expr::constant(rng.random_range(-1.0..1.0));
    for _ in 0..rng.random_range(0..3) {
        if let Some(first) = var(rng) {
            let second = if rng.random_bool(0.3) { var(rng) } else { None };
            expr.1.push((rng.random_range(-1.0..1.0), first, second));
        }
    }
    expr
}

/// A random condition over the given number of inputs.
fn random_condition(rng: &mut StdRng, inputs: usize) -> Cond {
    let input = Var::X(rng.random_range(0..inputs));
    let expr = match rng.random_range(0..4) {
        0 => random_expr(rng, inputs, 0),
        _ => Expr::of(input),
    };
    let threshold = rng.random_range(-1.0..1.0);
    let size: f64 = rng.random_range(0.5..2.0);
    match rng.random_range(0..9) {
        0..=1 => Cond::Above(expr, threshold),
        2 => Cond::Below(expr, threshold),
        3 => Cond::Outside(expr, size),
        4 => Cond::Inside(expr, size),
        5..=6 => Cond::Not(Box::new(random_condition(rng, inputs))),
        7 => Cond::And(Box::new(random_condition(rng, inputs)), Box::new(random_condition(rng, inputs))),
        _ => Cond::Or(Box::new(random_condition(rng, inputs)), Box::new(random_condition(rng, inputs))),
    }
}

/// Rotations about words with one x-mask, whose z-masks are an affine space. Their angles have one size, and signs with
/// which they are one rotation of some pairs of amplitudes; now and then other signs.
fn random_family(rng: &mut StdRng, qubits: usize, inputs: usize, weights: usize) -> Vec<Op> {
    let width = rng.random_range(2..=qubits.min(5));
    let on = pick(rng, qubits, width);
    let x = rng.random_range(1..1u32 << width);
    let first = rng.random_range(0..1u32 << width);
    let angle = random_expr(rng, inputs, weights);
    let sound = rng.random_bool(0.8);
    let conditions = if rng.random_bool(0.2) { vec![random_condition(rng, inputs)] } else { vec![] };
    // Mask of each word, and whether its sign differs from the first word's.
    let mut masks = vec![(0, false)];
    for _ in 0..rng.random_range(1..=3) {
        let (mask, minus) = (rng.random_range(1..1u32 << width), rng.random_bool(0.5));
        if (x & mask).count_ones() % 2 == 0 && masks.iter().all(|(known, _)| *known != mask) {
            let further: Vec<_> = masks.iter().map(|(known, sign)| (known ^ mask, sign ^ minus)).collect();
            masks.extend(further);
        }
    }
    let from = rng.random_range(0..masks.len());
    masks.rotate_left(from);
    let word = |(mask, minus): (u32, bool)| {
        let z = first ^ mask;
        let turns = (x & z).count_ones() as i32 - (x & first).count_ones() as i32;
        let minus = if sound { minus ^ (turns.rem_euclid(4) == 2) } else { rng.random_bool(0.5) };
        let sign = if minus { -1.0 } else { 1.0 };
        let terms = angle.1.iter().map(|(c, a, b)| (sign * c, *a, *b)).collect();
        let letters = (0..width).map(|q| ['I', 'X', 'Z', 'Y'][(x >> q & 1 | (z >> q & 1) << 1) as usize]).collect();
        Op {
            what: What::Word(letters),
            angles: vec![Expr(sign * angle.0, terms)],
            qubits: on.clone(),
            controls: vec![],
            zeros: vec![],
            conditions: conditions.clone(),
        }
    };
    masks.into_iter().map(word).collect()
}

/// A random circuit that uses every kind of operation.
pub(crate) fn random_case(seed: u64, qubits: usize, depth: usize, embed: bool) -> Case {
    // Conditions, values of controls and families of words have streams of their own, so that circuits are the same with
    // and without.
    let [mut families, mut conditions, mut values] = [0xfa3117, 0xc0de, 0xfa15e].map(|stream| rng(seed ^ stream));
    let mut rng = rng(seed);
    let (inputs, weights) = (if embed { 1 << qubits } else { 3 }, RANDOM_WEIGHTS);
    let gates: Vec<Gate> = Gate::all().filter(|gate| gate.qubits().len() <= qubits).collect();
    let mut ops = Vec::new();
    if !embed {
        // From |0..0> half the gates, and most controls, would have nothing to act on.
        ops.extend((0..qubits).map(|q| {
            let angles = uniform(&mut rng, 3).into_iter().map(Expr::constant).collect();
            Op::gate(Gate::u, angles, vec![q])
        }));
    }
    for _ in 0..depth {
        let (what, angles, width) = match rng.random_range(0..10) {
            0 => {
                // The oracle makes it a dense matrix.
                let width = rng.random_range(1..=qubits.min(8));
                let word: String = (0..width).map(|_| ['I', 'X', 'Y', 'Z'][rng.random_range(0..4)]).collect();
                (What::Word(word), 1, width)
            }
            1 => {
                let width = rng.random_range(1..=qubits.min(3));
                (What::Matrix(random_unitary(&mut rng, width)), 0, width)
            }
            2 => (What::Global, 1, 0),
            _ => {
                let gate = gates[rng.random_range(0..gates.len())];
                (What::Gate(gate), gate.angles().len(), gate.qubits().len())
            }
        };
        let controls = if rng.random_bool(0.3) { rng.random_range(0..=(qubits - width).min(2)) } else { 0 };
        let mut chosen = pick(&mut rng, qubits, width + controls);
        let controls = chosen.split_off(width);
        let angles = (0..angles).map(|_| random_expr(&mut rng, inputs, weights)).collect();
        let count = [0, 0, 0, 1, 2][conditions.random_range(0..5)];
        let conditions = (0..count).map(|_| random_condition(&mut conditions, inputs)).collect();
        let zeros = controls.iter().copied().filter(|_| values.random_bool(0.4)).collect();
        ops.push(Op { what, angles, qubits: chosen, controls, zeros, conditions });
        if qubits > 1 && families.random_bool(0.06) {
            ops.extend(random_family(&mut families, qubits, inputs, weights));
        }
    }
    Case { qubits, embed, ops, inputs, weights }
}
