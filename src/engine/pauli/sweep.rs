//! Sweeps over the words of paths, for a block of `L` samples side by side.
//!
//! All outputs come from one sweep from the start of the circuit to its end: λ begins as the values of words at the
//! start, and each turn makes the values behind it of those in front of it. λ of a word then is its expectation value,
//! and an output is a sum of them. The gradient sends c, the cotangents of words, the other way, and undoes λ on its
//! way: a turn is orthogonal, so both are turned the same. A channel or a cut cannot be undone, so λ in front of it is kept.

use super::super::Real;
use super::rows::Rows;
use crate::engine::lines::held_bytes;
use crate::error::Result;
use crate::program::paths::{FactorStep, PathStep, Paths, StartStep, TurnStep, others};
use std::array::from_fn;

/// Pairs whose gradients are added in the precision of the state; sums of more are in `f64`.
const CHUNK: usize = 512;

/// Numbers of a block: one of each sample.
pub(super) type Lanes<T, const L: usize> = [T; L];

/// Cosine and sine of an angle.
pub(super) type CosSin<T, const L: usize> = [Lanes<T, L>; 2];

/// Memory of a block.
#[derive(Debug, Default)]
pub(super) struct Room<T, const L: usize> {
    /// Cosine and sine of each angle.
    pub(super) turns: Vec<CosSin<T, L>>,
    /// Bloch vectors behind the start.
    bloch: Vec<Lanes<T, L>>,
    /// Products of Bloch components, node by node of the tree.
    products: Rows<T, L>,
    /// Derivatives in the products.
    adjoint: Rows<T, L>,
    lambda: Rows<T, L>,
    c: Rows<T, L>,
    /// λ in front of each word that a channel or a cut multiplies, in the order of the forward sweep.
    kept: Rows<T, L>,
    /// Number of rows that are kept now.
    kept_count: usize,
    /// Coefficient of each channel.
    pub(super) coefficients: Vec<Lanes<T, L>>,
    /// Bloch vectors in front of the channels of the start.
    kept_bloch: Vec<[Lanes<T, L>; 3]>,
}

/// Gradients of a block in its angles and in the coefficients of its channels.
#[derive(Debug, Default)]
pub(super) struct Derivatives<const L: usize> {
    pub(super) angles: Vec<[f64; L]>,
    pub(super) coefficients: Vec<[f64; L]>,
}

impl<T: Real, const L: usize> Room<T, L> {
    /// Bytes that a block takes.
    pub(super) fn bytes(paths: &Paths, gradient: bool) -> u64 {
        let tree = paths.ends.tree.len();
        let rows = if gradient { 2 * paths.terms + 2 * tree + paths.kept() } else { paths.terms + tree };
        let (angles, coefficients) = (paths.angles.len(), paths.coefficients.len());
        // Angles with their cosines and sines, and gradients, are in F64.
        let wide = if gradient { 4 * angles + coefficients } else { 3 * angles };
        let lanes = (rows + 2 * angles + coefficients) * size_of::<Lanes<T, L>>() + wide * size_of::<[f64; L]>();
        lanes as u64
    }

    /// Bytes that the memory holds.
    pub(super) fn held_bytes(&self) -> usize {
        let rows = [&self.products, &self.adjoint, &self.lambda, &self.c, &self.kept];
        let lists = held_bytes(&self.turns) + held_bytes(&self.bloch) + held_bytes(&self.coefficients);
        rows.into_iter().map(Rows::held_bytes).sum::<usize>() + lists + held_bytes(&self.kept_bloch)
    }

    /// Makes room for a forward pass, or for one and a gradient.
    ///
    /// # Errors
    /// The system refuses the memory.
    pub(super) fn reserve(&mut self, paths: &Paths, gradient: bool) -> Result<()> {
        self.lambda.reserve(paths.terms)?;
        self.products.reserve(paths.ends.tree.len())?;
        if gradient {
            self.c.reserve(paths.terms)?;
            self.adjoint.reserve(paths.ends.tree.len())?;
            self.kept.reserve(paths.kept())?;
        }
        Ok(())
    }
}

fn zeros<T: Real, const L: usize>(room: &mut Vec<Lanes<T, L>>, count: usize) {
    room.clear();
    room.resize(count, [T::default(); L]);
}

/// Turns a pair: `(C a - S b, C b + S a)`.
#[inline(always)]
fn rotate<T: Real, const L: usize>(
    [c, s]: &CosSin<T, L>,
    a: Lanes<T, L>,
    b: Lanes<T, L>,
) -> (Lanes<T, L>, Lanes<T, L>) {
    (from_fn(|l| c[l] * a[l] - s[l] * b[l]), from_fn(|l| c[l] * b[l] + s[l] * a[l]))
}

#[inline(always)]
fn plus<T: Real, const L: usize>(sum: Lanes<T, L>, a: Lanes<T, L>, b: Lanes<T, L>) -> Lanes<T, L> {
    from_fn(|l| sum[l] + a[l] * b[l])
}

#[inline(always)]
fn signed<T: Real, const L: usize>(a: Lanes<T, L>, minus: bool) -> Lanes<T, L> {
    if minus { a.map(|a| -a) } else { a }
}

#[inline(always)]
fn wide<T: Real, const L: usize>(total: &mut [f64; L], a: Lanes<T, L>) {
    *total = from_fn(|l| total[l] + a[l].to_f64());
}

/// Computes the outputs without their constants, in `f64`. `keep`: a gradient follows.
#[inline(always)]
pub(super) fn values<T: Real, const L: usize>(
    paths: &Paths,
    room: &mut Room<T, L>,
    qubits: usize,
    keep: bool,
    outputs: &mut [[f64; L]],
) {
    start(paths, room, qubits, keep);
    room.kept_count = 0;
    for step in paths.steps.iter().rev() {
        match step {
            PathStep::Turn(step) => turn(step, room, keep),
            PathStep::Factors(step) => multiply(step, room, keep),
        }
    }
    let v = room.lambda.all();
    for (sum, output) in paths.outputs.iter().zip(outputs) {
        *output = [0.0; L];
        for (i, coefficient) in sum {
            *output = from_fn(|l| output[l] + coefficient * v[*i as usize][l].to_f64());
        }
    }
}

/// Turns λ through one step.
#[inline(always)]
fn turn<T: Real, const L: usize>(step: &TurnStep, room: &mut Room<T, L>, keep: bool) {
    let turn = room.turns[step.angle];
    let v = room.lambda.all();
    for &[i, j] in &step.pairs {
        let (i, j) = (i as usize, j as usize);
        (v[j], v[i]) = rotate(&turn, v[j], v[i]);
    }
    for &[i, j] in &step.births {
        let (i, j) = (i as usize, j as usize);
        let (b, a) = rotate(&turn, v[j], v[i]);
        v[i] = a;
        if keep {
            v[j] = b;
        }
    }
}

/// Copies λ of some words behind the rows that are kept already.
#[inline(always)]
fn keep_rows<'a, T: Real, const L: usize>(
    v: &[Lanes<T, L>],
    words: impl ExactSizeIterator<Item = &'a u32>,
    (kept, count): (&mut [Lanes<T, L>], &mut usize),
) {
    let first = *count;
    *count += words.len();
    kept[first..*count].iter_mut().zip(words).for_each(|(to, i)| *to = v[*i as usize]);
}

/// Takes λ through factors.
#[inline(always)]
fn multiply<T: Real, const L: usize>(step: &FactorStep, room: &mut Room<T, L>, keep: bool) {
    let v = room.lambda.all();
    for (coefficient, words) in &step.factors {
        let factor = room.coefficients[*coefficient];
        if keep {
            keep_rows(v, words.iter(), (room.kept.all(), &mut room.kept_count));
        }
        for i in words {
            let a = v[*i as usize];
            v[*i as usize] = from_fn(|l| a[l] * factor[l]);
        }
    }
    for (coefficient, words) in &step.shifts {
        let shift = room.coefficients[*coefficient];
        for &([i, j], minus) in words {
            v[i as usize] = plus(v[i as usize], shift, signed(v[j as usize], minus));
        }
    }
}

/// Makes λ in front of all turns: products of Bloch components.
#[inline(always)]
fn start<T: Real, const L: usize>(paths: &Paths, room: &mut Room<T, L>, qubits: usize, keep: bool) {
    zeros(&mut room.bloch, 3 * qubits);
    (0..qubits).for_each(|qubit| room.bloch[3 * qubit + 2] = [T::from_f64(1.0); L]);
    room.kept_bloch.clear();
    for step in &paths.start {
        match *step {
            StartStep::Turn { qubit, axis, angle } => {
                let (a, b) = others(axis);
                let (a, b) = (3 * qubit + a, 3 * qubit + b);
                (room.bloch[a], room.bloch[b]) = rotate(&room.turns[angle], room.bloch[a], room.bloch[b]);
            }
            StartStep::Channel { qubit, factors, shifts } => {
                let before: [Lanes<T, L>; 3] = from_fn(|letter| room.bloch[3 * qubit + letter]);
                if keep {
                    room.kept_bloch.push(before);
                }
                for letter in 0..3 {
                    let (a, factor) = (before[letter], room.coefficients[factors[letter]]);
                    let shift = shifts[letter].map_or([T::default(); L], |shift| room.coefficients[shift]);
                    room.bloch[3 * qubit + letter] = plus(shift, a, factor);
                }
            }
        }
    }
    let (products, v) = (room.products.all(), room.lambda.all());
    products[0] = [T::from_f64(1.0); L];
    for (node, (parent, component)) in paths.ends.tree.iter().enumerate().skip(1) {
        let (product, factor) = (products[*parent as usize], room.bloch[*component as usize]);
        products[node] = from_fn(|l| product[l] * factor[l]);
    }
    v.fill([T::default(); L]);
    for (i, minus, [a, b]) in &paths.ends.words {
        let (a, b) = (products[*a as usize], products[*b as usize]);
        v[*i as usize] = signed(from_fn(|l| a[l] * b[l]), *minus);
    }
}

/// Adds the gradient of the sum of outputs times cotangents in angles and coefficients, after [`values`] with `keep`.
#[inline(always)]
pub(super) fn gradient<T: Real, const L: usize>(
    paths: &Paths,
    room: &mut Room<T, L>,
    qubits: usize,
    cotangents: &[[f64; L]],
    found: &mut Derivatives<L>,
) {
    // Every other word begins at a birth, which sets c, or at a channel.
    let c = room.c.all();
    for (i, _) in paths.outputs.iter().flatten() {
        c[*i as usize] = [T::default(); L];
    }
    for (sum, cotangent) in paths.outputs.iter().zip(cotangents) {
        for (i, coefficient) in sum {
            let c = &mut c[*i as usize];
            *c = from_fn(|l| c[l] + T::from_f64(coefficient * cotangent[l]));
        }
    }
    for step in &paths.steps {
        match step {
            PathStep::Turn(step) => {
                let turn = room.turns[step.angle];
                let total = undo(step, &turn, room);
                add(&mut found.angles[step.angle], &total);
            }
            PathStep::Factors(step) => undo_factors(step, room, &mut found.coefficients),
        }
    }
    start_gradient(paths, room, qubits, found);
}

#[inline(always)]
fn add<const L: usize>(to: &mut [f64; L], total: &[f64; L]) {
    *to = from_fn(|l| to[l] + total[l]);
}

/// Takes c through factors, and λ back. Adds the gradients in the coefficients.
#[inline(always)]
fn undo_factors<T: Real, const L: usize>(step: &FactorStep, room: &mut Room<T, L>, found: &mut [[f64; L]]) {
    let (c, v, kept) = (room.c.all(), room.lambda.all(), room.kept.all());
    step.born.iter().for_each(|j| c[*j as usize] = [T::default(); L]);
    for (coefficient, words) in &step.shifts {
        let shift = room.coefficients[*coefficient];
        for words in words.chunks(CHUNK) {
            let mut sum = [T::default(); L];
            for &([i, j], minus) in words {
                let a = signed(c[i as usize], minus);
                sum = plus(sum, a, v[j as usize]);
                c[j as usize] = plus(c[j as usize], a, shift);
            }
            wide(&mut found[*coefficient], sum);
        }
    }
    for (coefficient, words) in step.factors.iter().rev() {
        let factor = room.coefficients[*coefficient];
        for words in words.rchunks(CHUNK) {
            let mut sum = [T::default(); L];
            for i in words.iter().rev() {
                room.kept_count -= 1;
                let (i, before) = (*i as usize, kept[room.kept_count]);
                sum = plus(sum, before, c[i]);
                c[i] = from_fn(|l| factor[l] * c[i][l]);
                v[i] = before;
            }
            wide(&mut found[*coefficient], sum);
        }
    }
}

/// Turns c and undoes λ through one step. Returns the gradient in its angle.
#[inline(always)]
fn undo<T: Real, const L: usize>(step: &TurnStep, turn: &CosSin<T, L>, room: &mut Room<T, L>) -> [f64; L] {
    let (c, v) = (room.c.all(), room.lambda.all());
    let mut total = [0.0; L];
    for births in step.births.chunks(CHUNK) {
        let mut sum = [T::default(); L];
        for &[i, j] in births {
            let (i, j) = (i as usize, j as usize);
            let (a, p, q) = (c[i], v[i], v[j]);
            sum = plus(sum, q, a);
            (c[i], c[j]) = (from_fn(|l| turn[0][l] * a[l]), from_fn(|l| turn[1][l] * a[l]));
            (v[i], v[j]) = rotate(turn, p, q);
        }
        wide(&mut total, sum);
    }
    for pairs in step.pairs.chunks(CHUNK) {
        let mut sum = [T::default(); L];
        for &[i, j] in pairs {
            let (i, j) = (i as usize, j as usize);
            let (a, b, p, q) = (c[i], c[j], v[i], v[j]);
            sum = from_fn(|l| sum[l] + q[l] * a[l] - p[l] * b[l]);
            (c[i], c[j]) = rotate(turn, a, b);
            (v[i], v[j]) = rotate(turn, p, q);
        }
        wide(&mut total, sum);
    }
    total
}

/// Takes the products apart, and adds the gradient in angles and coefficients of the start.
#[inline(always)]
fn start_gradient<T: Real, const L: usize>(
    paths: &Paths,
    room: &mut Room<T, L>,
    qubits: usize,
    found: &mut Derivatives<L>,
) {
    let tree = &paths.ends.tree;
    let (adjoint, products, c) = (room.adjoint.all(), room.products.all(), room.c.all());
    adjoint.fill([T::default(); L]);
    for (i, minus, [a, b]) in &paths.ends.words {
        let (a, b, c) = (*a as usize, *b as usize, signed(c[*i as usize], *minus));
        adjoint[a] = plus(adjoint[a], c, products[b]);
        adjoint[b] = plus(adjoint[b], c, products[a]);
    }
    let mut derivatives = vec![[0.0; L]; 3 * qubits];
    let mut sums = vec![[T::default(); L]; 3 * qubits];
    for first in (1..tree.len()).step_by(CHUNK).rev() {
        sums.fill([T::default(); L]);
        for node in (first..tree.len().min(first + CHUNK)).rev() {
            let (parent, component) = (tree[node].0 as usize, tree[node].1 as usize);
            let a = adjoint[node];
            sums[component] = plus(sums[component], a, products[parent]);
            adjoint[parent] = plus(adjoint[parent], a, room.bloch[component]);
        }
        derivatives.iter_mut().zip(&sums).for_each(|(to, sum)| wide(to, *sum));
    }
    for step in paths.start.iter().rev() {
        match *step {
            StartStep::Turn { qubit, axis, angle } => {
                let (a, b) = others(axis);
                let (a, b) = (3 * qubit + a, 3 * qubit + b);
                let (x, y, [cos, sin]) = (room.bloch[a], room.bloch[b], room.turns[angle]);
                for l in 0..L {
                    let (c, s) = (cos[l].to_f64(), sin[l].to_f64());
                    let (da, db) = (derivatives[a][l], derivatives[b][l]);
                    found.angles[angle][l] += db * x[l].to_f64() - da * y[l].to_f64();
                    (derivatives[a][l], derivatives[b][l]) = (c * da + s * db, c * db - s * da);
                }
                (room.bloch[b], room.bloch[a]) = rotate(&[cos, sin], y, x);
            }
            StartStep::Channel { qubit, factors, shifts } => {
                let before = room.kept_bloch.pop().unwrap_or([[T::nan(); L]; 3]);
                for letter in 0..3 {
                    let at = 3 * qubit + letter;
                    let (derivative, factor) = (derivatives[at], room.coefficients[factors[letter]]);
                    add(
                        &mut found.coefficients[factors[letter]],
                        &from_fn(|l| derivative[l] * before[letter][l].to_f64()),
                    );
                    if let Some(shift) = shifts[letter] {
                        add(&mut found.coefficients[shift], &derivative);
                    }
                    derivatives[at] = from_fn(|l| derivative[l] * factor[l].to_f64());
                    room.bloch[at] = before[letter];
                }
            }
        }
    }
}
