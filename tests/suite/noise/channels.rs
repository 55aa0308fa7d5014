//! Every channel on every arrangement of qubits, and random noisy circuits, against the naive density matrix.

use super::oracle::{NoisyCase, NoisyOp, kraus};
use super::{engines, run_circuit};
use crate::gradients::differences;
use crate::lab::{Engine, close};
use crate::losses::random_observables;
use crate::oracle::{Expr, Obs, Op, Var, pick, random_case, random_unitary, rng, uniform};
use crate::trials::arrangements;
use candle_core::DType;
use candlewick::channel::Channel;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use rand::Rng;

/// Strengths in the middle of their ranges.
pub(crate) fn strengths(channel: Channel) -> Vec<f64> {
    match channel {
        Channel::thermal_relaxation => vec![0.3, 0.7, 0.9, 0.2],
        _ => [0.2, 0.15, 0.1, 0.3][..channel.strengths().len()].to_vec(),
    }
}

/// Expectation values, variances and gradients of a loss against the naive density matrix.
pub(crate) fn check(name: &str, case: &NoisyCase, x: &[Vec<f64>], w: &[f64], all: &[Obs]) {
    let expectation = Measurement::expectation(all.iter().map(Obs::observable));
    let variance = Measurement::variance(all.iter().map(Obs::observable));
    let both = Measurement::all([expectation.clone(), variance]);
    let outputs = |x: &[f64], w: &[f64]| [case.expectations(all, x, w), case.variances(all, x, w)].concat();
    agree(name, case, (&both, &outputs, &engines()), x, w);
    // Pauli propagation has no variances, and takes no Kraus operators that mix words.
    if !case.ops.iter().any(|op| matches!(op, NoisyOp::Kraus(..))) && !case.embed {
        let outputs = |x: &[f64], w: &[f64]| case.expectations(all, x, w);
        agree(name, case, (&expectation, &outputs, &[DType::F64, DType::F32].map(Engine::pauli)), x, w);
    }
}

/// Outputs of a sample from its features and the weights.
type Outputs<'a> = dyn Fn(&[f64], &[f64]) -> Vec<f64> + 'a;

/// Compares outputs, and gradients of a weighted sum of them, with naive ones.
fn agree(
    name: &str,
    case: &NoisyCase,
    (measurement, outputs, engines): (&Measurement, &Outputs<'_>, &[Engine]),
    x: &[Vec<f64>],
    w: &[f64],
) {
    let depth = case.ops.len();
    let count = outputs(&x[0], w).len();
    let cotangent: Vec<Vec<f64>> = (0..x.len()).map(|k| uniform(&mut rng(k as u64), count)).collect();
    let loss =
        |k: usize, x: &[f64], w: &[f64]| outputs(x, w).iter().zip(&cotangent[k]).map(|(y, c)| y * c).sum::<f64>();
    let dx: Vec<Vec<f64>> = x.iter().enumerate().map(|(k, row)| differences(row, |row| loss(k, row, w))).collect();
    let dw = differences(w, |w| x.iter().enumerate().map(|(k, row)| loss(k, row, w)).sum());
    for engine in engines.iter().copied() {
        let found = run_circuit(&case.circuit(), measurement, x, w, &cotangent, engine);
        let what = |part: &str| format!("{} {part}, {name}", engine.name);
        for (row, x) in found.outputs.iter().zip(x) {
            close(&what("outputs"), row, &outputs(x, w), 4.0 * engine.values(depth));
        }
        // The differences are good to 1e-9.
        let tolerance = if engine.is_f64() { 2e-9 } else { 4.0 * engine.gradients(depth) };
        found.dx.iter().zip(&dx).for_each(|(row, dx)| close(&what("inputs"), row, dx, tolerance));
        close(&what("weights"), &found.dw, &dw, tolerance);
    }
}

/// A random complex state, the channel, and random turns behind it, which show all of its effects.
fn around(op: NoisyOp, qubits: usize) -> NoisyCase {
    let turns = |offset: f64| {
        (0..qubits).map(move |q| {
            let angles = [0.3, 0.7, 1.1].map(|a| Expr::constant(a + offset + q as f64)).to_vec();
            NoisyOp::Gate(Op::gate(Gate::u, angles, vec![q]))
        })
    };
    let entangle = (1..qubits).map(|q| NoisyOp::Gate(Op::gate(Gate::cx, vec![], vec![q - 1, q])));
    let ops = turns(0.0).chain(entangle).chain([op]).chain(turns(0.5)).collect();
    NoisyCase { qubits, embed: false, ops, inputs: 2, weights: 2 }
}

#[test]
fn every_channel_on_every_arrangement_of_qubits() {
    for channel in Channel::all().filter(|channel| *channel != Channel::readout_error) {
        let width = channel.qubits().len();
        for qubits in width..=3 {
            for on in arrangements(qubits, width) {
                let constant = strengths(channel).into_iter().map(Expr::constant).collect();
                let case = around(NoisyOp::Channel(channel, constant, on.clone()), qubits);
                let name = format!("{} on {on:?} of {qubits}", channel.name());
                check(&name, &case, &[vec![0.0, 0.0]], &[0.0, 0.0], &random_observables(3, qubits)[..4]);
            }
        }
    }
}

/// Strengths that are a weight, an input, a product or a sum, in batches around the width of a block.
#[test]
fn every_channel_with_every_kind_of_strength() {
    for channel in Channel::all().filter(|channel| *channel != Channel::readout_error) {
        let middle = strengths(channel);
        for (turn, batch) in [(0, 1), (1, 3), (2, 17)] {
            let expression = |(k, middle): (usize, &f64)| match (k + turn) % 3 {
                0 => Expr(0.0, vec![(*middle, Var::W(0), None)]),
                1 => Expr(0.5 * middle, vec![(0.5 * middle, Var::X(0), None)]),
                _ => Expr(0.2 * middle, vec![(0.4 * middle, Var::W(1), None), (0.4 * middle, Var::X(1), None)]),
            };
            let strengths = middle.iter().enumerate().map(expression).collect();
            let width = channel.qubits().len();
            let case = around(NoisyOp::Channel(channel, strengths, (0..width).rev().collect()), width.max(2));
            let mut rng = rng(5);
            let near_one = |rng: &mut rand::rngs::StdRng| 1.0 + 0.1 * rng.random_range(-1.0..1.0);
            let x: Vec<Vec<f64>> = (0..batch).map(|_| vec![near_one(&mut rng), near_one(&mut rng)]).collect();
            let name = format!("{} with strengths {turn}, batch {batch}", channel.name());
            check(&name, &case, &x, &[1.05, 0.97], &random_observables(4, width.max(2))[..4]);
        }
    }
}

/// Kraus operators of every channel, and random ones on one to three qubits.
#[test]
fn channels_by_their_kraus_operators() {
    for channel in Channel::all().filter(|channel| *channel != Channel::readout_error) {
        let on: Vec<usize> = (0..channel.qubits().len()).rev().collect();
        let case = around(NoisyOp::Kraus(kraus(channel, &strengths(channel)), on), 2);
        check(channel.name(), &case, &[vec![0.0, 0.0]], &[0.0, 0.0], &random_observables(3, 2)[..4]);
    }
    for width in 1..=3 {
        for qubits in width..=4 {
            let mut rng = rng(width as u64);
            // The first columns of a unitary on one qubit more are two Kraus operators.
            let unitary = random_unitary(&mut rng, width + 1);
            let size = 1 << width;
            let operator = |first: usize| (0..size).map(|row| unitary[first + row][..size].to_vec()).collect();
            let on = pick(&mut rng, qubits, width);
            let name = format!("random channel on {on:?} of {qubits}");
            let case = around(NoisyOp::Kraus(vec![operator(0), operator(size)], on), qubits);
            check(&name, &case, &[vec![0.0, 0.0]], &[0.0, 0.0], &random_observables(3, qubits)[..4]);
        }
    }
}

/// Random gates, with controls and conditions, and channels among them.
pub(crate) fn random_noisy_case(seed: u64, qubits: usize, depth: usize, embed: bool) -> NoisyCase {
    let case = random_case(seed, qubits, depth, embed);
    let mut rng = rng(seed ^ 77);
    let channels: Vec<Channel> =
        Channel::all().filter(|one| *one != Channel::readout_error && one.qubits().len() <= qubits).collect();
    let mut ops = Vec::new();
    for op in case.ops {
        let wide = matches!(&op.what, crate::oracle::What::Matrix(m) if m.len() > 8);
        ops.extend((!wide).then_some(NoisyOp::Gate(op)));
        if rng.random_bool(0.6) {
            let channel = channels[rng.random_range(0..channels.len())];
            let by = rng.random_range(0.1..1.0);
            let strengths = strengths(channel).into_iter().map(|s| Expr::constant(by * s)).collect();
            ops.push(NoisyOp::Channel(channel, strengths, pick(&mut rng, qubits, channel.qubits().len())));
        }
    }
    NoisyCase { qubits, embed, ops, inputs: case.inputs, weights: case.weights }
}

#[test]
fn random_noisy_circuits() {
    for seed in 0..24 {
        let qubits = 1 + seed as usize % 4;
        let (embed, batch) = (seed % 3 == 0, [1, 2, 7, 18][seed as usize / 4 % 4]);
        let case = random_noisy_case(300 + seed, qubits, 10, embed);
        let mut rng = rng(seed);
        let x: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, case.inputs)).collect();
        let w = uniform(&mut rng, case.weights);
        check(&format!("seed {seed}"), &case, &x, &w, &random_observables(seed, qubits)[..3]);
    }
}
