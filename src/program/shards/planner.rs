//! The planner: it runs operations while it can, and then plans the exchange behind which more can run.

use super::exchange::Exchange;
use super::layers::layers;
use super::operations::Operation;
use super::order::{choose, runnable};
use crate::gf2::Basis;
use crate::program::layered::Layer;
use crate::program::{IndexMap, Kernel, Parity, Program, Step, Sum};

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
    pub(super) fn new(exchange: Option<Exchange>, labels: Vec<u64>) -> Self {
        Self { exchange, labels, nodes: Vec::new(), reads: Vec::new(), places: Places::default() }
    }
}

/// Part of a measurement that one segment reads.
#[derive(Debug)]
pub(super) struct Read {
    /// First output of the quantity.
    pub(super) first: usize,
    pub(super) what: What,
}

/// Quantity that a segment reads.
#[derive(Debug)]
pub(super) enum What {
    /// Words in the segment's indices, without constants and other parts.
    Words(Sum),
    /// Parts that are no words, on logical qubits.
    Parts(Sum),
    /// Probabilities of logical qubits.
    Probabilities(Vec<usize>),
    State,
}

/// Planner behind the segments that are planned.
pub(super) struct Planner<'a> {
    pub(super) program: &'a Program,
    pub(super) bits: usize,
    pub(super) local: usize,
    /// Map from present indices to those at the start of the layered program.
    pub(super) current: IndexMap,
    pub(super) labels: Vec<u64>,
    pub(super) segments: Vec<Segment>,
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
    pub(super) fn run(&mut self, mut pending: Vec<Operation>) {
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
pub(super) fn moved_qubits(step: &Step) -> u64 {
    match &step.kernel {
        Kernel::Rotation { x, z, .. } => x | z,
        Kernel::Exchange { first, second, .. } => first ^ second,
        Kernel::Matrix { qubits, .. } => crate::gf2::mask(qubits),
        Kernel::Phase { .. } | Kernel::FixedPhase(_) => 0,
    }
}
