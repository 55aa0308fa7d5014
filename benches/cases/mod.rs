//! The workloads that `step` times, and whose launches on a GPU the emulator's `plans` lists.

use candlewick::prelude::*;

/// Name, qubits, layers, batch.
pub(crate) const CASES: [(&str, usize, usize, usize); 6] =
    [("a", 4, 2, 32), ("b", 8, 4, 256), ("c", 10, 6, 1024), ("d", 16, 4, 16), ("e", 20, 4, 1), ("f", 24, 4, 1)];

/// RY(x) on every qubit, then `layers` times RZ RY RZ on every qubit and a ring of CX.
pub(crate) fn circuit(qubits: usize, layers: usize) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    let w = circuit.weights("theta", (layers, qubits, 3));
    for q in 0..qubits {
        circuit.ry(input(q), q);
    }
    for l in 0..layers {
        for q in 0..qubits {
            circuit.rz(w.at([l, q, 0]), q).ry(w.at([l, q, 1]), q).rz(w.at([l, q, 2]), q);
        }
        for q in 0..qubits {
            circuit.cx(q, (q + 1) % qubits);
        }
    }
    circuit
}
