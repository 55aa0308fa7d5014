//! Naive density matrices: `vec(ρ)` as a vector of 2n qubits, whose low half are rows, and Kraus operators by hand.

use crate::oracle::{Expr, Obs, Op, apply, weights};
use candlewick::channel::Channel;
use candlewick::prelude::*;
use num_complex::Complex64 as C;

type Matrix = Vec<Vec<C>>;

/// Operation of a noisy circuit.
#[derive(Debug, Clone)]
pub(crate) enum NoisyOp {
    Gate(Op),
    Channel(Channel, Vec<Expr>, Vec<usize>),
    Kraus(Vec<Matrix>, Vec<usize>),
}

/// Noisy circuit as data, with a weight tensor `w`.
#[derive(Debug, Clone)]
pub(crate) struct NoisyCase {
    pub(crate) qubits: usize,
    pub(crate) embed: bool,
    pub(crate) ops: Vec<NoisyOp>,
    pub(crate) inputs: usize,
    pub(crate) weights: usize,
}

fn real(entries: &[&[f64]]) -> Matrix {
    entries.iter().map(|row| row.iter().map(|entry| C::from(*entry)).collect()).collect()
}

fn scaled(matrix: &Matrix, by: f64) -> Matrix {
    matrix.iter().map(|row| row.iter().map(|entry| entry * by).collect()).collect()
}

fn pauli(letter: char) -> Matrix {
    crate::oracle::word_matrix(&letter.to_string())
}

/// Kraus operators of a channel, from its definition. A readout error is no channel; its case is written out where it is
/// tested.
pub(crate) fn kraus(channel: Channel, s: &[f64]) -> Vec<Matrix> {
    let flip = |letter: char| vec![scaled(&pauli('I'), (1.0 - s[0]).sqrt()), scaled(&pauli(letter), s[0].sqrt())];
    let damp = |gamma: f64, weight: f64, up: bool| {
        let (kept, jump) = ((1.0 - gamma).sqrt(), gamma.sqrt());
        let all = match up {
            false => [real(&[&[1.0, 0.0], &[0.0, kept]]), real(&[&[0.0, jump], &[0.0, 0.0]])],
            true => [real(&[&[kept, 0.0], &[0.0, 1.0]]), real(&[&[0.0, 0.0], &[jump, 0.0]])],
        };
        all.map(|one| scaled(&one, weight.sqrt())).to_vec()
    };
    let dephase = |lambda: f64| {
        vec![real(&[&[1.0, 0.0], &[0.0, (1.0 - lambda).sqrt()]]), real(&[&[0.0, 0.0], &[0.0, lambda.sqrt()]])]
    };
    let after = |first: Vec<Matrix>, second: Vec<Matrix>| {
        let product = |a: &Matrix, b: &Matrix| -> Matrix {
            (0..2).map(|i| (0..2).map(|j| (0..2).map(|k| b[i][k] * a[k][j]).sum()).collect()).collect()
        };
        first.iter().flat_map(|a| second.iter().map(|b| product(a, b)).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    match channel {
        Channel::bit_flip => flip('X'),
        Channel::phase_flip => flip('Z'),
        Channel::bit_phase_flip => flip('Y'),
        Channel::pauli_channel => {
            let rest = 1.0 - s[0] - s[1] - s[2];
            let of = |(letter, p): (char, f64)| scaled(&pauli(letter), p.sqrt());
            [('I', rest), ('X', s[0]), ('Y', s[1]), ('Z', s[2])].map(of).to_vec()
        }
        Channel::depolarizing => {
            let of = |(letter, p): (char, f64)| scaled(&pauli(letter), p.sqrt());
            [('I', 1.0 - s[0]), ('X', s[0] / 3.0), ('Y', s[0] / 3.0), ('Z', s[0] / 3.0)].map(of).to_vec()
        }
        Channel::depolarizing2 => "IXYZ"
            .chars()
            .flat_map(|a| "IXYZ".chars().map(move |b| format!("{a}{b}")))
            .map(|word| {
                let p = if word == "II" { 1.0 - s[0] } else { s[0] / 15.0 };
                scaled(&crate::oracle::word_matrix(&word), p.sqrt())
            })
            .collect(),
        Channel::amplitude_damping => damp(s[0], 1.0, false),
        Channel::generalized_amplitude_damping => [damp(s[0], 1.0 - s[1], false), damp(s[0], s[1], true)].concat(),
        Channel::phase_damping => dephase(s[0]),
        Channel::thermal_relaxation => {
            let (t, t1, t2, excited) = (s[0], s[1], s[2], s[3]);
            let gamma = 1.0 - (-t / t1).exp();
            // Damping alone makes coherences decay as exp(-t / (2 t1)).
            let lambda = 1.0 - (t / t1 - 2.0 * t / t2).exp();
            after([damp(gamma, 1.0 - excited, false), damp(gamma, excited, true)].concat(), dephase(lambda))
        }
        Channel::reset_error => {
            let jump = |to: usize, from: usize, p: f64| {
                let mut matrix = real(&[&[0.0, 0.0], &[0.0, 0.0]]);
                matrix[to][from] = C::from(p.sqrt());
                matrix
            };
            vec![
                scaled(&pauli('I'), (1.0 - s[0] - s[1]).sqrt()),
                jump(0, 0, s[0]),
                jump(0, 1, s[0]),
                jump(1, 0, s[1]),
                jump(1, 1, s[1]),
            ]
        }
        other => panic!("{other:?} has no Kraus operators here yet"),
    }
}

/// `sum of K ρ K†` on some qubits of `vec(ρ)`.
pub(crate) fn mapped(rho: &[C], operators: &[Matrix], on: &[usize], qubits: usize) -> Vec<C> {
    let columns: Vec<usize> = on.iter().map(|qubit| qubit + qubits).collect();
    let mut sum = vec![C::default(); rho.len()];
    for operator in operators {
        let conjugate: Matrix = operator.iter().map(|row| row.iter().map(C::conj).collect()).collect();
        let image = apply(&apply(rho, operator, on, &[]), &conjugate, &columns, &[]);
        sum.iter_mut().zip(image).for_each(|(sum, entry)| *sum += entry);
    }
    sum
}

impl NoisyCase {
    pub(crate) fn circuit(&self) -> Circuit {
        let mut circuit = Circuit::new(self.qubits).with_inputs(self.inputs);
        let w = weights(self.weights);
        circuit.share(&w);
        if self.embed {
            circuit.amplitude_embedding(0..1 << self.qubits);
        }
        for op in &self.ops {
            match op {
                NoisyOp::Gate(op) => _ = op.write(&mut circuit, &w),
                NoisyOp::Channel(channel, strengths, on) => {
                    let strengths: Vec<Angle> = strengths.iter().map(|strength| strength.angle(&w)).collect();
                    circuit.channel(*channel, strengths, on.iter().copied());
                }
                NoisyOp::Kraus(operators, on) => {
                    let operators: Vec<Vec<C>> = operators.iter().map(|operator| operator.concat()).collect();
                    circuit.kraus(&operators, on.iter().copied());
                }
            }
        }
        circuit
    }

    /// Final `vec(ρ)`.
    pub(crate) fn density(&self, x: &[f64], w: &[f64]) -> Vec<C> {
        let size = 1 << self.qubits;
        let mut psi = vec![C::default(); size];
        if self.embed {
            let norm = x[..size].iter().map(|v| v * v).sum::<f64>().sqrt();
            psi.iter_mut().zip(x).for_each(|(amplitude, v)| *amplitude = C::from(v / norm));
        } else {
            psi[0] = C::from(1.0);
        }
        let mut rho: Vec<C> = (0..size * size).map(|at| psi[at % size] * psi[at / size].conj()).collect();
        for op in &self.ops {
            rho = match op {
                NoisyOp::Gate(op) => {
                    let of_columns = |row: &[C]| op.applied(row, x, w);
                    // U on each column, then conj(U) on each row.
                    let columns: Vec<C> = rho.chunks(size).flat_map(of_columns).collect();
                    let turned: Vec<C> =
                        (0..size * size).map(|at| columns[at % size * size + at / size].conj()).collect();
                    let rows: Vec<C> = turned.chunks(size).flat_map(|row| op.applied(row, x, w)).collect();
                    (0..size * size).map(|at| rows[at % size * size + at / size].conj()).collect()
                }
                NoisyOp::Channel(channel, strengths, on) => {
                    let strengths: Vec<f64> = strengths.iter().map(|strength| strength.value(x, w)).collect();
                    mapped(&rho, &kraus(*channel, &strengths), on, self.qubits)
                }
                NoisyOp::Kraus(operators, on) => mapped(&rho, operators, on, self.qubits),
            };
        }
        rho
    }

    /// Expectation values.
    pub(crate) fn expectations(&self, all: &[Obs], x: &[f64], w: &[f64]) -> Vec<f64> {
        let (rho, size) = (self.density(x, w), 1usize << self.qubits);
        let value = |of: &Obs| {
            // Column j of ρ, of which the observable's row j is needed.
            (0..size).map(|j| of.applied(&rho[j * size..(j + 1) * size])[j].re).sum::<f64>()
        };
        all.iter().map(value).collect()
    }

    /// Variances.
    pub(crate) fn variances(&self, all: &[Obs], x: &[f64], w: &[f64]) -> Vec<f64> {
        let (rho, size) = (self.density(x, w), 1usize << self.qubits);
        let means = self.expectations(all, x, w);
        let square =
            |of: &Obs| (0..size).map(|j| of.applied(&of.applied(&rho[j * size..(j + 1) * size]))[j].re).sum::<f64>();
        all.iter().zip(means).map(|(of, mean)| square(of) - mean * mean).collect()
    }
}
