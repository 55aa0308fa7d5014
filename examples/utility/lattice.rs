//! The kicked Ising model on a heavy-hex lattice.

use crate::heavy_hex::edges;
use candlewick::prelude::*;
use std::collections::BTreeSet;
use std::f64::consts::FRAC_PI_2;

/// Number of qubits.
pub(crate) const QUBITS: usize = 127;

/// Kicks and edges of one step of the model.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    kicked: Vec<usize>,
    edges: Vec<[usize; 2]>,
}

/// Returns the steps of the model: a rotation about X of every qubit, and quarter turns about ZZ on all edges.
pub(crate) fn model(steps: usize) -> Vec<Step> {
    vec![Step { kicked: (0..QUBITS).collect(), edges: edges() }; steps]
}

/// Returns what Z of a qubit can see of the model, and the qubits of that. Edges behind the last kicks commute with Z.
pub(crate) fn light_cone(steps: usize, qubit: usize) -> (Vec<Step>, Vec<usize>) {
    let mut cone = BTreeSet::from([qubit]);
    let mut seen = model(steps);
    for (index, step) in seen.iter_mut().enumerate().rev() {
        step.edges.retain(|edge| index + 1 < steps && edge.iter().any(|end| cone.contains(end)));
        cone.extend(step.edges.iter().flatten());
        step.kicked.retain(|kicked| cone.contains(kicked));
    }
    (seen, cone.into_iter().collect())
}

/// Writes steps as a circuit on the qubits `places`, in ascending order. The angle of all kicks is a feature.
pub(crate) fn circuit(steps: &[Step], places: &[usize]) -> Circuit {
    let place = |qubit: &usize| places.partition_point(|place| place < qubit);
    let mut circuit = Circuit::new(places.len());
    for step in steps {
        step.kicked.iter().for_each(|qubit| _ = circuit.rx(input(0), place(qubit)));
        step.edges.iter().for_each(|[a, b]| _ = circuit.rzz(-FRAC_PI_2, place(a), place(b)));
    }
    circuit
}
