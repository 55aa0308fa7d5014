//! A list of circuits on samples: the suite compares them with the oracle, and a check of a GPU runs all of them there.

use crate::losses::{Loss, losses};
use crate::oracle::*;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use std::f64::consts::PI;

/// A circuit on samples that follow from a seed.
pub(crate) struct Trial {
    /// Name that it shares with the trials of its list.
    pub(crate) kind: &'static str,
    /// Name that no other trial of the list has.
    pub(crate) name: String,
    pub(crate) case: Case,
    pub(crate) batch: usize,
    /// Seed of samples, weights and cotangent.
    pub(crate) seed: u64,
    pub(crate) reading: Reading,
}

/// Quantities that a trial compares.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reading {
    /// Amplitudes.
    States,
    /// Outputs of a measurement of [`losses`], by the seed of its observables and its place, and gradients in inputs
    /// and weights.
    Gradients { seed: u64, which: usize },
    /// Z of each qubit, and gradients, for which large states have time.
    Z,
}

/// Features, weights and cotangent of a trial.
pub(crate) struct Numbers {
    pub(crate) x: Vec<Vec<f64>>,
    pub(crate) w: Vec<f64>,
    /// A row a sample, empty rows for a trial of values.
    pub(crate) c: Vec<Vec<f64>>,
}

impl Reading {
    pub(crate) fn measurement(self, qubits: usize) -> Measurement {
        match self {
            Self::States => Measurement::state(),
            Self::Gradients { seed, which } => losses(seed, qubits).swap_remove(which).measurement,
            Self::Z => Measurement::expectation((0..qubits).map(Z)),
        }
    }

    /// Returns the loss whose gradient the oracle computes; `None` for states and for large ones.
    pub(crate) fn loss(self, qubits: usize) -> Option<Loss> {
        match self {
            Self::States | Self::Z => None,
            Self::Gradients { seed, which } => Some(losses(seed, qubits).swap_remove(which)),
        }
    }
}

impl Trial {
    pub(crate) fn states(kind: &'static str, name: String, case: Case, batch: usize, seed: u64) -> Self {
        Self { kind, name, case, batch, seed, reading: Reading::States }
    }

    /// Draws the numbers; `width` counts the outputs of a sample and is 0 for values alone.
    pub(crate) fn numbers(&self, width: usize) -> Numbers {
        let mut rng = rng(self.seed);
        let x: Vec<Vec<f64>> = (0..self.batch).map(|_| uniform(&mut rng, self.case.inputs)).collect();
        let w = uniform(&mut rng, self.case.weights);
        let c = (0..self.batch).map(|_| uniform(&mut rng, width)).collect();
        Numbers { x, w, c }
    }
}

/// Angles for a gate: 0.4, 1.3 and so on.
fn spread(gate: Gate) -> Vec<f64> {
    (0..gate.angles().len()).map(|k| 0.4 + 0.9 * k as f64).collect()
}

/// Lists all ways to choose `count` of `qubits` in order.
pub(crate) fn arrangements(qubits: usize, count: usize) -> Vec<Vec<usize>> {
    (0..count).fold(vec![vec![]], |all: Vec<Vec<usize>>, _| {
        let longer = |short: &Vec<usize>| {
            let short = short.clone();
            (0..qubits).filter(|q| !short.contains(q)).map(|q| [short.clone(), vec![q]].concat()).collect::<Vec<_>>()
        };
        all.iter().flat_map(longer).collect()
    })
}

/// Applies a gate to a real random state that rotations have made complex. Starting states are inputs, so the batch has
/// many.
pub(crate) fn gate_on_states(gate: Gate, angles: &[f64], qubits: usize, on: Vec<usize>, controls: Vec<usize>) -> Case {
    let mut ops: Vec<Op> = (0..qubits)
        .map(|q| Op::gate(Gate::u, [0.3, 0.7, 1.1].map(|a| Expr::constant(a + q as f64)).to_vec(), vec![q]))
        .collect();
    let angles = angles.iter().map(|a| Expr::constant(*a)).collect();
    ops.push(Op { controls, ..Op::gate(gate, angles, on) });
    Case { qubits, embed: true, ops, inputs: 1 << qubits, weights: 0 }
}

/// Puts a gate between random rotations; its angles are a weight, an input, and expressions of both.
pub(crate) fn gate_between_rotations(gate: Gate, on: Vec<usize>, controls: Vec<usize>, qubits: usize) -> Case {
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
        let angles = (0..gate.angles().len()).map(|k| exprs[(k + turn) % 4].clone()).collect();
        let zeros = controls.iter().copied().step_by(2).filter(|_| turn % 2 == 1).collect();
        cases.push(Op { controls: controls.clone(), zeros, ..Op::gate(gate, angles, on.clone()) });
        cases.extend(spread(0.5 + f64::from(turn as u32)));
    }
    Case { qubits, embed: false, ops: cases, inputs: 2, weights: 2 }
}

pub(crate) fn gates_on_every_arrangement() -> Vec<Trial> {
    let of_gate = |gate: Gate| {
        let width = gate.qubits().len();
        let places =
            (width..=5).flat_map(move |qubits| arrangements(qubits, width).into_iter().map(move |on| (qubits, on)));
        places.map(move |(qubits, on)| {
            let name = format!("gate {} on {on:?} of {qubits}", gate.name());
            Trial::states(
                "gates on every arrangement of qubits",
                name,
                gate_on_states(gate, &spread(gate), qubits, on, vec![]),
                2,
                1,
            )
        })
    };
    Gate::all().flat_map(of_gate).collect()
}

pub(crate) fn gates_at_special_angles() -> Vec<Trial> {
    let of_gate = |gate: Gate| {
        let qubits = gate.qubits().len() + 1;
        [(0.0, 1), (PI / 2.0, 3), (PI, 16), (2.0 * PI, 17), (-1.234, 333)].map(|(angle, batch)| {
            let angles = vec![angle; gate.angles().len()];
            let name = format!("gate {} at {angle:.3}, batch {batch}", gate.name());
            Trial::states(
                "gates at special angles",
                name,
                gate_on_states(gate, &angles, qubits, (1..qubits).rev().collect(), vec![]),
                batch,
                2,
            )
        })
    };
    Gate::all().flat_map(of_gate).collect()
}

pub(crate) fn gates_under_controls() -> Vec<Trial> {
    let of_gate = |gate: Gate| {
        let width = gate.qubits().len();
        arrangements(width + 2, width).into_iter().flat_map(move |on| {
            let free: Vec<usize> = (0..width + 2).filter(|q| !on.contains(q)).collect();
            [free[..1].to_vec(), free].map(|controls| {
                let name = format!("gate {} on {on:?} under {controls:?}", gate.name());
                Trial::states(
                    "gates under controls",
                    name,
                    gate_on_states(gate, &spread(gate), width + 2, on.clone(), controls),
                    1,
                    3,
                )
            })
        })
    };
    Gate::all().flat_map(of_gate).collect()
}

pub(crate) fn unitaries() -> Vec<Trial> {
    let of_width = |width: usize| {
        (width..=7).enumerate().map(move |(seed, qubits)| {
            let mut rng = rng(seed as u64);
            let mut chosen = pick(&mut rng, qubits, qubits);
            let controls = chosen.split_off(width);
            let name = format!("unitary on {width} of {qubits} qubits, the others control");
            let what = What::Matrix(random_unitary(&mut rng, width));
            let op = Op {
                what,
                angles: vec![],
                qubits: chosen,
                zeros: controls.iter().copied().step_by(2).collect(),
                controls,
                conditions: vec![],
            };
            Trial::states(
                "unitaries",
                name,
                Case { qubits, embed: true, ops: vec![op], inputs: 1 << qubits, weights: 0 },
                3,
                4,
            )
        })
    };
    (1..=6).flat_map(of_width).collect()
}

/// Sizes around every threshold of the CPU engine: tiny blocks, lanes, runs, chunks, threads.
pub(crate) fn circuits_of_every_size() -> Vec<Trial> {
    let sizes = (1..=14).flat_map(|qubits| [1, 3, 4, 17].map(|batch| (qubits, batch)));
    let trial = |(qubits, batch): (usize, usize)| {
        let name = format!("random circuit on {qubits} qubits, batch {batch}");
        Trial::states("random circuits", name, random_case(qubits as u64, qubits, 12, false), batch, 5)
    };
    sizes.filter(|(qubits, batch)| *qubits <= 10 || *batch <= 4).map(trial).collect()
}

/// Gates between random rotations, with a weight, an input and expressions of both as angles.
pub(crate) fn gradients_of_gates() -> Vec<Trial> {
    let of_gate = |gate: Gate| {
        let width = gate.qubits().len();
        let name = gate.name();
        let alone = gate_between_rotations(gate, (0..width).rev().collect(), vec![], width);
        let controlled = gate_between_rotations(gate, (0..width).collect(), vec![width], width + 1);
        [(alone, "", 3, 1), (controlled, " under a control", 1, 2)].map(|(case, how, batch, seed)| Trial {
            kind: "gradients of gates",
            name: format!("gradient of gate {name}{how}"),
            case,
            batch,
            seed,
            reading: Reading::Gradients { seed, which: 0 },
        })
    };
    Gate::all().flat_map(of_gate).collect()
}

pub(crate) fn gradients_of_measurements() -> Vec<Trial> {
    let sizes = (1..=4).flat_map(|qubits| [(qubits, false), (qubits, true)]).chain([(6, false)]);
    let of_size = |(qubits, embed): (usize, bool)| {
        (0..losses(3, qubits).len()).map(move |which| {
            let (depth, batch, seed) =
                if qubits == 6 { (8, 2, 3) } else { (12, if embed { 2 } else { 3 }, if embed { 4 } else { 3 }) };
            let start = if embed { " of embedded amplitudes" } else { "" };
            Trial {
                kind: "gradients of measurements",
                name: format!("gradient of measurement {which} on {qubits} qubits{start}"),
                case: random_case(qubits as u64, qubits, depth, embed),
                batch,
                seed,
                reading: Reading::Gradients { seed: 3, which },
            }
        })
    };
    sizes.flat_map(of_size).collect()
}

pub(crate) fn gradients_of_batches() -> Vec<Trial> {
    let trial = |batch: usize| Trial {
        kind: "gradients of batches",
        name: format!("gradient of a batch of {batch}"),
        case: random_case(5, 2, 8, false),
        batch,
        seed: 5,
        reading: Reading::Gradients { seed: 5, which: 0 },
    };
    [1, 15, 16, 17, 33].map(trial).into()
}

/// Sizes around the thresholds of the engines.
pub(crate) fn gradients_of_large_states() -> Vec<Trial> {
    let trial = |(qubits, batch): (usize, usize)| Trial {
        kind: "gradients of large states",
        name: format!("gradient on {qubits} qubits, batch {batch}"),
        case: random_case(90 + qubits as u64, qubits, 20, false),
        batch,
        seed: 7,
        reading: Reading::Z,
    };
    [(6, 1), (11, 2), (12, 5), (13, 5), (14, 1), (15, 2)].map(trial).into()
}
