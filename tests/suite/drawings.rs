//! Drawings of circuits as SVG and LaTeX.

mod agreement;
mod circuits;
mod folding;
mod golden;
mod latex;
mod picture;
mod settings;
mod svg;

use crate::oracle::random_case;
use candlewick::channel::Channel;
use candlewick::gate::Gate;
use candlewick::prelude::*;

/// The circuits that are kept as files, and random ones of every kind of operation.
fn many() -> Vec<Circuit> {
    let random = (0..60).map(|seed| random_case(seed, 1 + seed as usize % 7, 25, seed % 9 == 8).circuit());
    circuits::circuits().into_iter().map(|(_, circuit, _)| circuit).chain(random).collect()
}

/// A circuit of each gate and of each channel, with its name and its symbol.
fn each_of_the_tables() -> Vec<(&'static str, &'static str, Circuit)> {
    let gates = Gate::all().map(|gate| {
        let mut circuit = Circuit::new(gate.qubits().len());
        circuit.gate(gate, (0..gate.angles().len()).map(input), 0..gate.qubits().len());
        (gate.name(), gate.symbol(), circuit)
    });
    let channels = Channel::all().map(|channel| {
        let mut circuit = Circuit::new(channel.qubits().len());
        let strengths = (0..channel.strengths().len()).map(|k| 0.01 * input(k));
        circuit.channel(channel, strengths, 0..channel.qubits().len());
        (channel.name(), channel.symbol(), circuit)
    });
    gates.chain(channels).collect()
}
