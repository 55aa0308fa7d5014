//! Circuits whose drawings are kept as files.

use candlewick::channel::Channel;
use candlewick::circuit::{Drawing, Theme};
use candlewick::gate::Gate;
use candlewick::prelude::*;
use num_complex::Complex64 as C;
use std::f64::consts::PI;

/// A name, a circuit, and what its drawing is set to.
pub(super) type Case = (&'static str, Circuit, fn(Drawing<'_>) -> Drawing<'_>);

pub(super) fn circuits() -> Vec<Case> {
    vec![
        ("layer", layer(), |drawing| drawing.title("A layer of a network")),
        ("gates", gates(), |drawing| drawing.standalone(true)),
        ("controls", controls(), |drawing| drawing.theme(Theme::Light)),
        ("blocks", blocks(), |drawing| drawing.theme(Theme::Dark)),
        ("teleportation", teleportation(), |drawing| drawing.names(["message", "half", "other half", "m1", "m2"])),
        ("noise", noise(), |drawing| drawing),
        ("conditions", conditions(), |drawing| drawing.width(420.0)),
        ("embedding", embedding(), |drawing| drawing.fold(false)),
        ("fourier", fourier(), |drawing| drawing.digits(2).width(600.0)),
        ("names", names(), |drawing| {
            drawing.names(["<&\">", "psi", "$x_1$ {50%}", "a3", "é\n\t\u{7}"]).title("<&\"'>")
        }),
    ]
}

/// The circuit of the README.
pub(super) fn layer() -> Circuit {
    let mut circuit = Circuit::new(4);
    let w = circuit.weights("theta", (2, 4));
    (0..4).for_each(|q| _ = circuit.ry(input(q), q));
    for l in 0..2 {
        (0..4).for_each(|q| _ = circuit.rx(w.at([l, q]), q));
        (0..4).for_each(|q| _ = circuit.cx(q, (q + 1) % 4));
    }
    circuit
}

/// Every gate of the table, with angles of every kind.
pub(super) fn gates() -> Circuit {
    let mut circuit = Circuit::new(3);
    let w = circuit.weights("weights", 2);
    let angles: [Angle; 5] =
        [(PI / 2.0).into(), 0.25 * input(0) - PI, w.at(1) * input(1), 1e-9.into(), (-1.23456e20).into()];
    for (first, gate) in Gate::all().enumerate() {
        let angles = (0..gate.angles().len()).map(|k| angles[(first + k) % 5].clone());
        circuit.gate(gate, angles, 0..gate.qubits().len());
    }
    let inverse = circuit.inverse();
    circuit.append(&inverse).clone()
}

fn controls() -> Circuit {
    let mut circuit = Circuit::new(5);
    circuit.controlled_on([(0, true), (2, false)], |c| c.x(1).z(3).rz(input(0), 4));
    circuit.controlled_on([(4, false), (1, false)], |c| c.cx(0, 2).ccz(0, 2, 3).swap(0, 3));
    circuit.ccx(4, 0, 2).cswap(3, 0, 4).cz(1, 0).cp(PI / 4.0, 4, 1).csx(0, 4);
    circuit.controlled_on([(3, true), (1, false)], |c| c.global_phase(PI / 4.0).h(0));
    circuit.controlled_on([(2, false)], |c| c.global_phase(0.3).iswap(0, 1).iswap(1, 3).pauli_rot(1.0, "XY", [0, 4]));
    circuit.global_phase(input(0));
    circuit
}

fn blocks() -> Circuit {
    let mut circuit = Circuit::new(4);
    let swap = [1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1].map(f64::from).map(C::from);
    circuit.iswap(0, 1).dcx(3, 2).rzx(0.5, 2, 1).ecr(0, 3).rzz(input(0), 0, 2).rxx(1.5, 2, 3).barrier();
    circuit.unitary(&swap[..4].iter().chain(&swap[4..]).copied().collect::<Vec<_>>(), [2, 0]).unitary(&swap, [1, 0]);
    circuit.pauli_rot(0.5, "XIZ", [3, 1, 0]).pauli_rot(PI, "YY", [2, 3]);
    circuit.append(&circuit.inverse());
    circuit.append_on(Circuit::new(2).barrier(), [3, 1]);
    circuit
}

fn teleportation() -> Circuit {
    let mut circuit = Circuit::new(5);
    circuit.rx(input(0), 0).rz(input(1), 0).h(1).cx(1, 2);
    circuit.cx(0, 1).h(0).measure(0, 3).measure(1, 4);
    circuit.controlled([4], |c| c.x(2)).controlled([3], |c| c.z(2)).rz(-input(1), 2).rx(-input(0), 2);
    circuit
}

/// Every channel of the table.
pub(super) fn noise() -> Circuit {
    let mut circuit = Circuit::new(5);
    let p = circuit.weights("p", ());
    circuit.h(0).cx(0, 1).bit_flip(p.at([]), 0).reset_in_place(3);
    for channel in Channel::all().filter(|channel| channel.name() != "readout_error") {
        let (strengths, qubits) = (channel.strengths().len(), channel.qubits().len());
        circuit.channel(channel, [0.01, 0.02, 0.03, 0.04].into_iter().take(strengths).map(Angle::from), 0..qubits);
    }
    let half = |entries: [f64; 4]| entries.map(|entry| C::from(0.5f64.sqrt() * entry));
    circuit.kraus(&[half([1.0, 0.0, 0.0, 1.0]), half([0.0, 1.0, 1.0, 0.0])], [2]);
    let both: Vec<C> = (0..16).map(|k| C::from(f64::from(u8::from(k % 5 == 0)))).collect();
    circuit.kraus(&[both], [1, 3]).depolarizing2(0.02, 1, 3).depolarizing2(0.02, 2, 3);
    circuit.reset(1, 4).readout_error(0.01, 0.02, 0);
    circuit
}

fn conditions() -> Circuit {
    let mut circuit = Circuit::new(5);
    let w = circuit.weights("w", 3);
    circuit.h(0);
    for q in 0..2 {
        circuit.when(input(q).abs().gt(0.1), |c| c.ry(input(q), q).cx(q, q + 1).measure(q, q + 3));
    }
    circuit.when((input(0) - 2.0 * input(1)).gt(-0.5) | !input(1).lt(0.25), |c| {
        c.controlled_on([(3, false)], |c| c.swap(0, 2).rz(w.at([0]) * w.at([1]), 1).global_phase(0.3));
        c.when(input(0).gt(0.0) & (input(1).lt(0.0) | input(1).gt(3.0)), |c| c.iswap(1, 2).cz(0, 2).h(2))
    });
    circuit
}

fn embedding() -> Circuit {
    let mut circuit = Circuit::new(11);
    circuit.amplitude_embedding(0..1500);
    circuit.strongly_entangling_layers("w", 1);
    circuit
}

fn fourier() -> Circuit {
    let mut circuit = Circuit::new(6);
    circuit.iqp_embedding((0..6).map(input), 1).qft(0..6);
    circuit
}

fn names() -> Circuit {
    let mut circuit = Circuit::new(5);
    let (w, greek, letter) =
        (circuit.weights("a<&\">_{50%}", (2, 2)), circuit.weights("beta", 12), circuit.weights("φ", ()));
    circuit.rx(w.at([1, 0]), 0).cx(0, 1).ry(greek.at(11) * letter.at([]), 1);
    let long = (0..12).fold(Angle::from(0.5), |sum, k| sum + greek.at(k) * input(k));
    circuit.rz(long.clone(), 2).crz(long, 3, 4);
    circuit
}
