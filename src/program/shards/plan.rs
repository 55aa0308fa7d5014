//! The plan: segments of operations and reads on shards, with the exchanges between them.

use super::exchange::Exchange;
use super::layers::layers;
use super::operations::{Operation, operations};
use super::order::{choose, placement, runnable};
use super::reads::{Read, reads, widest_matrices};
use crate::error::Result;
use crate::gf2::Basis;
use crate::program::layered::Layer;
use crate::program::{IndexMap, Kernel, Parity, Program, Step};

/// Least number of qubits of a shard: with fewer there are no tiles. States that are smaller get qubits in 0.
const LEAST_LOCAL: usize = 5;

/// Plan for the shards of a state.
#[derive(Debug)]
pub(crate) struct ShardPlan {
    /// Bits of an index.
    pub(crate) bits: usize,
    /// Bits of an index on a shard.
    pub(crate) local: usize,
    /// Map from indices at the start to the program's; each of its bits is a bit of the other.
    pub(crate) start: IndexMap,
    pub(crate) segments: Vec<Segment>,
}

/// Nodes that each shard runs by itself, and what it then reads.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Exchange in front of the segment.
    pub(crate) exchange: Option<Exchange>,
    /// Label of each shard.
    pub(crate) labels: Vec<u64>,
    pub(super) nodes: Vec<Node>,
    pub(super) reads: Vec<Read>,
    /// Logical qubits behind the nodes, where reads need them.
    pub(super) places: Places,
}

/// Node of a segment, in indices with the label in their highest bits.
#[derive(Debug)]
pub(super) enum Node {
    Layer(Layer),
    /// Map of indices that keeps the label.
    Permute(IndexMap),
    Step {
        index: usize,
        places: Places,
    },
}

/// Logical qubits in the bits of an index.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// Logical qubit of each local bit, in ascending order.
    pub(super) local: Vec<usize>,
    /// Logical qubits that are constant on a shard, and the parities of the label that they are.
    pub(super) fixed: Vec<(usize, Parity)>,
}

impl Segment {
    fn new(exchange: Option<Exchange>, labels: Vec<u64>) -> Self {
        Self { exchange, labels, nodes: Vec::new(), reads: Vec::new(), places: Places::default() }
    }
}

impl ShardPlan {
    /// Number of bits of an index on a shard, at least: what a tile needs, and the matrices of the program.
    fn least_local(program: &Program) -> usize {
        let steps = program.steps.iter().map(|step| moved_qubits(step).count_ones());
        let widest = steps.chain(widest_matrices(&program.readout)).max();
        LEAST_LOCAL.max(widest.unwrap_or(0) as usize)
    }

    /// Plans a program on a number of shards that is a power of two.
    ///
    /// # Errors
    /// A variance is read.
    pub(crate) fn new(program: &Program, shards: usize) -> Result<Self> {
        let label = shards.ilog2() as usize;
        let bits = program.qubits.max(label + Self::least_local(program));
        let local = bits - label;
        let (operations, readout) = operations(program.layered(), bits);
        let start = placement(&operations, bits, local);
        let labels: Vec<u64> = (0..shards as u64).collect();
        let mut planner = Planner {
            program,
            bits,
            local,
            current: start.clone(),
            labels: labels.clone(),
            segments: vec![Segment::new(None, labels)],
        };
        planner.run(operations);
        reads(&mut planner, &readout)?;
        Ok(Self { bits, local, start, segments: planner.segments })
    }

    /// Exchanges of a pass over the state, and the part of a shard that they send.
    #[cfg(test)]
    pub(crate) fn volume(&self) -> (usize, f64) {
        let exchanges = self.segments.iter().filter_map(|segment| segment.exchange.as_ref());
        exchanges
            .fold((0, 0.0), |(count, sum), exchange| (count + 1, sum + 1.0 - 0.5f64.powi(exchange.functions() as i32)))
    }
}

/// Planner behind the segments that are planned.
pub(super) struct Planner<'a> {
    pub(super) program: &'a Program,
    pub(super) bits: usize,
    pub(super) local: usize,
    /// Map from present indices to those at the start of the layered program.
    pub(super) current: IndexMap,
    labels: Vec<u64>,
    segments: Vec<Segment>,
}

impl Planner<'_> {
    /// Segment that is being planned.
    pub(super) fn segment(&mut self) -> &mut Segment {
        let last = self.segments.len() - 1;
        &mut self.segments[last]
    }

    /// Begins a segment without an exchange, if the last one has reads: they come behind its nodes.
    pub(super) fn begin_segment(&mut self) {
        if !self.segment().reads.is_empty() {
            self.segments.push(Segment::new(None, self.labels.clone()));
        }
    }

    /// Plans operations, in the indices at the start.
    fn run(&mut self, mut pending: Vec<Operation>) {
        while !pending.is_empty() {
            let seen: Vec<Operation> = pending.iter().map(|operation| operation.moved(&self.current)).collect();
            let now = runnable(&seen, self.local);
            let stage = seen.iter().zip(&now).filter(|(_, now)| **now).map(|(operation, _)| operation.clone());
            let layers = layers(stage);
            self.segment().nodes.extend(layers.into_iter().map(Node::Layer));
            let mut later = now.iter();
            pending.retain(|_| !later.next().copied().unwrap_or(false));
            match pending.first() {
                Some(Operation::Step { index, map }) => {
                    let (index, map) = (*index, map.clone());
                    let places = self.make_logical(&map, moved_qubits(&self.program.steps[index]));
                    self.segment().nodes.push(Node::Step { index, places });
                    pending.remove(0);
                }
                Some(_) => {
                    let seen: Vec<Operation> = pending.iter().map(|operation| operation.moved(&self.current)).collect();
                    self.make_local(&choose(&seen, self.bits, self.local));
                }
                None => {}
            }
        }
    }

    /// Plans an exchange behind which no flip mask of the basis changes the label, if there is need of one.
    pub(super) fn make_local(&mut self, flips: &Basis) {
        if let Some((exchange, map)) = Exchange::to(self.bits, flips, &self.labels) {
            self.labels.clone_from(&exchange.labels);
            self.current = map.inverse().then(&self.current);
            self.segments.push(Segment::new(Some(exchange), self.labels.clone()));
        }
    }

    /// Plans exchange and permutation behind which every local bit is a logical qubit. The qubits under `wanted`, of which
    /// there are at most as many as local bits, are among them. The map takes indices at the start to logical ones.
    pub(super) fn make_logical(&mut self, map: &IndexMap, wanted: u64) -> Places {
        let low = (1u64 << self.local) - 1;
        let seen = self.current.then(map);
        // Qubits that the label decides already come first, then high ones; qubits beyond the program's are in 0.
        let is_label = |qubit: &usize| seen.parity(1 << qubit).mask & low == 0;
        let real = self.program.qubits;
        let others = (0..real).rev().chain(real..self.bits).filter(|qubit| wanted >> qubit & 1 == 0);
        let (first, then): (Vec<usize>, Vec<usize>) = others.partition(is_label);
        let mut fixed: Vec<usize> = first.into_iter().chain(then).take(self.bits - self.local).collect();
        fixed.sort_unstable();
        let functions = Basis::of(fixed.iter().map(|qubit| seen.parity(1 << qubit).mask));
        self.make_local(&Basis::of(functions.annihilator(self.bits)));
        let seen = self.current.then(map);
        let local: Vec<usize> = (0..self.bits).filter(|qubit| !fixed.contains(qubit)).collect();
        let parities = local.iter().map(|qubit| seen.parity(1 << qubit));
        let label = (self.local..self.bits).map(|bit| Parity { mask: 1 << bit, odd: false });
        let (rows, odd): (Vec<u64>, Vec<bool>) = parities.chain(label).map(|parity| (parity.mask, parity.odd)).unzip();
        let offset = odd.iter().enumerate().fold(0, |offset, (bit, odd)| offset | u64::from(*odd) << bit);
        let permutation = IndexMap::of_rows(rows, offset);
        let back = permutation.inverse();
        self.current = back.then(&self.current);
        if !permutation.is_identity() {
            self.segment().nodes.push(Node::Permute(permutation));
        }
        let seen = self.current.then(map);
        let fixed = fixed.into_iter().map(|qubit| (qubit, seen.parity(1 << qubit))).collect();
        Places { local, fixed }
    }
}

/// Qubits that a step needs on its shard. Controls and conditions may be constant there.
fn moved_qubits(step: &Step) -> u64 {
    match &step.kernel {
        Kernel::Rotation { x, z, .. } => x | z,
        Kernel::Exchange { first, second, .. } => first ^ second,
        Kernel::Matrix { qubits, .. } => crate::gf2::mask(qubits),
        Kernel::Phase { .. } | Kernel::FixedPhase(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::input;
    use crate::measurement::Measurement;
    use crate::observable::{X, Z};
    use crate::{Circuit, Observable};

    /// Layers of rotations and a ring of CX behind rotations by inputs.
    fn ring(qubits: usize, layers: usize, observables: Vec<Observable>) -> Program {
        let mut circuit = Circuit::new(qubits);
        let w = circuit.weights("w", (layers, qubits, 3));
        (0..qubits).for_each(|q| _ = circuit.ry(input(q), q));
        for layer in 0..layers {
            for q in 0..qubits {
                let angle = |k: usize| w.at([layer, q, k]);
                circuit.rz(angle(0), q).ry(angle(1), q).rz(angle(2), q);
            }
            (0..qubits).for_each(|q| _ = circuit.cx(q, (q + 1) % qubits));
        }
        Program::new(&circuit, &Measurement::expectation(observables)).expect("a program")
    }

    /// States beyond any memory are planned, and few amplitudes are sent.
    #[test]
    fn rings_send_little_at_any_size() {
        for qubits in [20, 29, 30, 34, 36, 40] {
            let all = || (0..qubits).map(Z).collect();
            let (shallow, deep) = (ring(qubits, 4, all()), ring(qubits, 10, all()));
            for label_bits in 1..=8 {
                let (exchanges, sent) = ShardPlan::new(&shallow, 1 << label_bits).expect("a plan").volume();
                assert!(exchanges <= 2 && sent <= 2.0, "{qubits} {label_bits}: {exchanges} {sent}");
                if label_bits % 3 == 2 {
                    let (exchanges, sent) = ShardPlan::new(&deep, 1 << label_bits).expect("a plan").volume();
                    assert!(exchanges <= 6 && sent <= 6.0, "{qubits} {label_bits}: {exchanges} {sent}");
                }
            }
        }
    }

    /// Every operation of a segment leaves the label alone.
    #[test]
    fn segments_flip_local_bits() {
        for qubits in [8, 13] {
            let program = ring(qubits, 5, vec![X(0) * X(3), Z(1), X(qubits - 1) * Z(2)]);
            let plan = ShardPlan::new(&program, 4).expect("a plan");
            let layers = |segment: &Segment| {
                let layer = |node: &Node| if let Node::Layer(layer) = node { Some(layer.clone()) } else { None };
                segment.nodes.iter().filter_map(layer).collect::<Vec<_>>()
            };
            let all: Vec<Layer> = plan.segments.iter().flat_map(layers).collect();
            let rotations = all.iter().flat_map(|layer| &layer.rotations);
            assert!(rotations.clone().all(|rotation| rotation.flip_mask >> plan.local == 0));
            let of_program = program.layered().nodes.iter().map(|node| match node {
                crate::program::LayeredNode::Layer(layer) => layer.rotations.len(),
                _ => 0,
            });
            assert_eq!(rotations.count(), of_program.sum::<usize>());
        }
    }
}
