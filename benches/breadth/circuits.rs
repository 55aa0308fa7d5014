//! Circuits of the workloads.

use crate::numbers::spread;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use num_complex::Complex64;

/// RY of an input on each qubit.
fn encode(circuit: &mut Circuit) {
    circuit.angle_embedding(Gate::ry, (0..circuit.qubits()).map(input));
}

/// Layers of the circuit of `step`: RZ RY RZ on every qubit, and a ring of CX.
pub(crate) fn rings(circuit: &mut Circuit, layers: usize) {
    let n = circuit.qubits();
    let w = circuit.weights("w", (layers, n, 3));
    for l in 0..layers {
        for q in 0..n {
            circuit.rz(w.at([l, q, 0]), q).ry(w.at([l, q, 1]), q).rz(w.at([l, q, 2]), q);
        }
        if n > 1 {
            (0..n).for_each(|q| _ = circuit.cx(q, (q + 1) % n));
        }
    }
}

/// Circuit of [`rings`] alone, without inputs.
pub(crate) fn ring_alone(n: usize, layers: usize) -> Circuit {
    let mut circuit = Circuit::new(n);
    rings(&mut circuit, layers);
    circuit
}

/// RY RZ on each qubit and a ring of CX, `2 layers n` weights.
pub(crate) fn ring_two(n: usize, layers: usize) -> Circuit {
    let mut circuit = Circuit::new(n);
    let w = circuit.weights("w", (layers, n, 2));
    for l in 0..layers {
        for q in 0..n {
            circuit.ry(w.at([l, q, 0]), q).rz(w.at([l, q, 1]), q);
        }
        (0..n).for_each(|q| _ = circuit.cx(q, (q + 1) % n));
    }
    circuit
}

/// RY(x), then layers of RX RZ and a ring of CRX, after circuit 14 of Sim, Johnson and Aspuru-Guzik (arXiv:1905.10876).
pub(crate) fn sim14(n: usize, layers: usize) -> Circuit {
    let mut circuit = Circuit::new(n);
    encode(&mut circuit);
    let w = circuit.weights("w", (layers, n, 3));
    for l in 0..layers {
        for q in 0..n {
            circuit.rx(w.at([l, q, 0]), q).rz(w.at([l, q, 1]), q);
        }
        for q in 0..n {
            circuit.crx(w.at([l, q, 2]), q, (q + 1) % n);
        }
    }
    circuit
}

/// Brickwork of SU(4) blocks of 15 angles.
pub(crate) fn su4(n: usize, depth: usize) -> Circuit {
    let mut circuit = Circuit::new(n);
    encode(&mut circuit);
    let w = circuit.weights("w", (depth, n / 2, 15));
    for l in 0..depth {
        for k in 0..n / 2 {
            let (a, b) = ((2 * k + l % 2) % n, (2 * k + 1 + l % 2) % n);
            let angle = |i: usize| w.at([l, k, i]);
            circuit.u(angle(0), angle(1), angle(2), a).u(angle(3), angle(4), angle(5), b);
            circuit.rxx(angle(6), a, b).ryy(angle(7), a, b).rzz(angle(8), a, b);
            circuit.u(angle(9), angle(10), angle(11), a).u(angle(12), angle(13), angle(14), b);
        }
    }
    circuit
}

/// `u` on all qubits, then a constant gate on the pairs of a brickwork.
pub(crate) fn brickwork(n: usize, depth: usize, pair: impl Fn(&mut Circuit, usize, usize)) -> Circuit {
    let mut circuit = Circuit::new(n);
    encode(&mut circuit);
    let w = circuit.weights("w", (depth, n, 3));
    for l in 0..depth {
        for q in 0..n {
            circuit.u(w.at([l, q, 0]), w.at([l, q, 1]), w.at([l, q, 2]), q);
        }
        for k in 0..n / 2 {
            pair(&mut circuit, (2 * k + l % 2) % n, (2 * k + 1 + l % 2) % n);
        }
    }
    circuit
}

/// Dense unitary of fixed numbers, by Gram-Schmidt on its rows.
pub(crate) fn dense(size: usize) -> Vec<Complex64> {
    let (re, im) = (spread(50, size * size, 1.0), spread(51, size * size, 1.0));
    let mut rows: Vec<Vec<Complex64>> = Vec::new();
    for i in 0..size {
        let mut row: Vec<_> = (0..size).map(|j| Complex64::new(re[i * size + j], im[i * size + j])).collect();
        for _ in 0..2 {
            for other in &rows {
                let product: Complex64 = other.iter().zip(&row).map(|(a, b)| a.conj() * b).sum();
                row.iter_mut().zip(other).for_each(|(a, b)| *a -= product * b);
            }
        }
        let norm = row.iter().map(|a| a.norm_sqr()).sum::<f64>().sqrt();
        row.iter_mut().for_each(|a| *a /= norm);
        rows.push(row);
    }
    rows.concat()
}

/// QAOA for Max-Cut. The angles are weights `[depth, 2]`, or inputs.
pub(crate) fn qaoa(n: usize, edges: &[(usize, usize)], depth: usize, inputs: bool) -> Circuit {
    let mut circuit = Circuit::new(n);
    let angle: Box<dyn Fn(usize, usize) -> Angle> = if inputs {
        Box::new(|l, k| input(2 * l + k))
    } else {
        let w = circuit.weights("w", (depth, 2));
        Box::new(move |l, k| w.at([l, k]))
    };
    (0..n).for_each(|q| _ = circuit.h(q));
    for l in 0..depth {
        edges.iter().for_each(|&(a, b)| _ = circuit.rzz(angle(l, 0), a, b));
        (0..n).for_each(|q| _ = circuit.rx(angle(l, 1), q));
    }
    circuit
}

/// RY, rings of Toffoli, Fredkin gates, and a flip under four controls.
pub(crate) fn toffoli(n: usize, layers: usize) -> Circuit {
    let mut circuit = Circuit::new(n);
    encode(&mut circuit);
    let w = circuit.weights("w", (layers, n));
    for l in 0..layers {
        (0..n).for_each(|q| _ = circuit.ry(w.at([l, q]), q));
        (0..n).for_each(|q| _ = circuit.ccx(q, (q + 1) % n, (q + 2) % n));
        (0..n / 2).for_each(|q| _ = circuit.cswap(q, (q + 1) % n, (q + 2) % n));
        circuit.controlled([0, 1, 2, 3], |c| c.x(n - 1));
    }
    circuit
}

/// RY(x), then the quantum Fourier transform.
pub(crate) fn fourier(n: usize) -> Circuit {
    let mut circuit = Circuit::new(n);
    encode(&mut circuit);
    circuit.qft(0..n);
    circuit
}

/// Grover's search with a trainable phase of the oracle and of the diffusion.
pub(crate) fn grover(n: usize, rounds: usize) -> Circuit {
    let mut circuit = Circuit::new(n);
    let w = circuit.weights("w", (rounds, 2));
    (0..n).for_each(|q| _ = circuit.h(q));
    for l in 0..rounds {
        circuit.controlled(0..n, |c| c.global_phase(w.at([l, 0])));
        (0..n).for_each(|q| _ = circuit.h(q));
        (0..n).for_each(|q| _ = circuit.x(q));
        circuit.controlled(0..n, |c| c.global_phase(w.at([l, 1])));
        (0..n).for_each(|q| _ = circuit.x(q));
        (0..n).for_each(|q| _ = circuit.h(q));
    }
    circuit
}

/// Circuit of `step` with gates that act where a feature is positive; the flips too if `flips`.
pub(crate) fn conditional(n: usize, layers: usize, flips: bool) -> Circuit {
    let mut circuit = Circuit::new(n);
    for q in 0..n {
        circuit.when(input(q).abs().gt(0.1), |c| c.ry(input(q), q));
    }
    let w = circuit.weights("w", (layers, n, 3));
    for l in 0..layers {
        for q in 0..n {
            let angle = |k: usize| w.at([l, q, k]);
            circuit.when(input(q).gt(0.0), |c| c.rz(angle(0), q).ry(angle(1), q).rz(angle(2), q));
        }
        for q in 0..n {
            match flips {
                true => circuit.when(input(q).gt(0.0), |c| c.cx(q, (q + 1) % n)),
                false => circuit.cx(q, (q + 1) % n),
            };
        }
    }
    circuit
}

/// First-order Trotter steps of the Heisenberg chain in a field, two angles in all.
pub(crate) fn trotter(n: usize, steps: usize) -> Circuit {
    let mut circuit = Circuit::new(n);
    encode(&mut circuit);
    let w = circuit.weights("w", 2);
    for _ in 0..steps {
        for q in 0..n - 1 {
            circuit.rxx(w.at([0]), q, q + 1).ryy(w.at([0]), q, q + 1).rzz(w.at([0]), q, q + 1);
        }
        (0..n).for_each(|q| _ = circuit.rx(w.at([1]), q));
    }
    circuit
}

/// Tree tensor network: blocks of RY RY CX that halve the qubits that are read.
pub(crate) fn tree(n: usize) -> Circuit {
    let mut circuit = Circuit::new(n);
    encode(&mut circuit);
    let w = circuit.weights("w", (n - 1, 2));
    let (mut k, mut stride) = (0, 1);
    while stride < n {
        for first in (0..n).step_by(2 * stride) {
            let (a, b) = (first, first + stride);
            circuit.ry(w.at([k, 0]), a).ry(w.at([k, 1]), b).cx(b, a);
            k += 1;
        }
        stride *= 2;
    }
    circuit
}

/// [`ring_alone`], with the features written into RX and RZ in front of each layer.
pub(crate) fn encoded(n: usize, layers: usize) -> Circuit {
    let mut circuit = Circuit::new(n);
    let w = circuit.weights("w", (layers, n, 3));
    for l in 0..layers {
        for q in 0..n {
            circuit.rx(input(q), q).rz(input(q), q);
        }
        for q in 0..n {
            circuit.rz(w.at([l, q, 0]), q).ry(w.at([l, q, 1]), q).rz(w.at([l, q, 2]), q);
        }
        (0..n).for_each(|q| _ = circuit.cx(q, (q + 1) % n));
    }
    circuit
}

/// Circuit of `step` with a weight tensor of its own for each layer and kind of rotation.
pub(crate) fn named(n: usize, layers: usize) -> Circuit {
    let mut circuit = Circuit::new(n);
    encode(&mut circuit);
    for l in 0..layers {
        let w: Vec<Weights> = (0..3).map(|k| circuit.weights(&format!("w{l:02}_{k}"), n)).collect();
        for q in 0..n {
            circuit.rz(w[0].at([q]), q).ry(w[1].at([q]), q).rz(w[2].at([q]), q);
        }
        (0..n).for_each(|q| _ = circuit.cx(q, (q + 1) % n));
    }
    circuit
}

/// Two layers of RY and CX between neighbours: each output sees four to six qubits.
pub(crate) fn shallow(n: usize) -> Circuit {
    let mut circuit = Circuit::new(n);
    encode(&mut circuit);
    let w = circuit.weights("w", (2, n));
    for l in 0..2 {
        (0..n).for_each(|q| _ = circuit.ry(w.at([l, q]), q));
        (0..n / 2).for_each(|k| _ = circuit.cx((2 * k + l) % n, (2 * k + 1 + l) % n));
    }
    circuit
}
