//! Programs of single shards: a plan's segments with the label as a constant.

use super::plan::ShardPlan;
use super::planner::{Node, Places, Read, Segment, What};
use crate::gf2::{self, parity};
use crate::observable::Part;
use crate::program::layered::{self, Layer, LayeredProgram, Phase, Region};
use crate::program::{Columns, Controls, IndexMap, Kernel, Parity, Program, Quantity, Readout, Step, Sum};
use std::sync::Arc;

/// Program of one shard in one segment.
#[derive(Debug)]
pub(crate) struct LocalProgram {
    pub(crate) program: Program,
    /// Places of the outputs of each quantity, in their order.
    pub(crate) scatters: Vec<Scatter>,
}

/// Places of a shard's outputs among those of the state: bit `k` of an output's number is bit `positions[k]` of the
/// number there.
#[derive(Debug, Clone)]
pub(crate) struct Scatter {
    /// Number of outputs on the shard.
    pub(crate) count: usize,
    first: usize,
    /// Number of outputs of the quantity.
    all: usize,
    /// Neighbouring outputs that stay together.
    width: usize,
    positions: Vec<usize>,
    fixed: u64,
}

impl Scatter {
    /// Scatter of outputs that are equally many on each shard, and are added up.
    fn same(first: usize, count: usize) -> Self {
        Self { count, first, all: count, width: count.max(1), positions: Vec::new(), fixed: 0 }
    }

    /// Place of an output, if it is one of the state's: qubits beyond the program's are in 0.
    pub(crate) fn place(&self, output: usize) -> Option<usize> {
        let number = gf2::deposit((output / self.width) as u64, &self.positions) | self.fixed;
        let place = number as usize * self.width + output % self.width;
        (place < self.all).then_some(self.first + place)
    }
}

/// One shard: its label, above the bits of a local index.
#[derive(Debug, Clone, Copy)]
struct Shard {
    local: usize,
    label: u64,
}

impl ShardPlan {
    /// Returns the places of a shard's outputs in a segment.
    pub(crate) fn scatters(&self, program: &Program, segment: usize, shard: usize) -> Vec<Scatter> {
        let of = &self.segments[segment];
        let shard = Shard { local: self.local, label: of.labels[shard] << self.local };
        of.reads.iter().map(|read| shard.scatter(read, &of.places, program.qubits)).collect()
    }

    /// Returns the program of a shard in a segment.
    pub(crate) fn local_program(&self, program: &Program, segment: usize, number: usize) -> LocalProgram {
        let of = &self.segments[segment];
        let shard = Shard { local: self.local, label: of.labels[number] << self.local };
        let start = if segment == 0 { program.layered().start.clone() } else { Vec::new() };
        let mut steps = Vec::new();
        let mut nodes = Vec::new();
        for node in &of.nodes {
            match node {
                Node::Layer(layer) => nodes.push(layered::Node::Layer(shard.layer(layer))),
                Node::Permute(map) => nodes.push(layered::Node::Permute(shard.map(map))),
                Node::Step { index, places } => {
                    if let Some(step) = shard.step(&program.steps[*index], places) {
                        nodes.push(layered::Node::Step { index: steps.len(), map: IndexMap::identity(self.local) });
                        steps.push(step);
                    }
                }
            }
        }
        let scatters = self.scatters(program, segment, number);
        let readout = shard.readout(of, &scatters);
        let layered = LayeredProgram { start, nodes, readout };
        LocalProgram { program: program.on_shard(self.local, steps, layered), scatters }
    }
}

impl Shard {
    fn parity(self, Parity { mask, odd }: Parity) -> Parity {
        let low = (1 << self.local) - 1;
        Parity { mask: mask & low, odd: odd ^ parity(mask & self.label) }
    }

    /// Value of a parity of the label.
    fn value(self, parity: Parity) -> bool {
        parity.of(self.label)
    }

    /// Values of the constant qubits, as a mask.
    fn ones(self, places: &Places) -> u64 {
        let ones = places.fixed.iter().filter(|(_, parity)| self.value(*parity));
        ones.fold(0, |mask, (qubit, _)| mask | 1 << qubit)
    }

    fn layer(self, layer: &Layer) -> Layer {
        let region = |region: &Region| match region {
            Region::Sign(parity) => Region::Sign(self.parity(*parity)),
            Region::All(parities) => Region::All(parities.iter().map(|parity| self.parity(*parity)).collect()),
        };
        let phase = |phase: &Phase| Phase { source: phase.source, region: region(&phase.region) };
        let rotations = layer.rotations.iter();
        Layer {
            phases: layer.phases.iter().map(phase).collect(),
            rotations: rotations
                .map(|rotation| layered::Rotation { parity: self.parity(rotation.parity), ..*rotation })
                .collect(),
        }
    }

    fn map(self, map: &IndexMap) -> IndexMap {
        let bits = (0..self.local).map(|bit| self.parity(map.parity(1 << bit)));
        let (rows, odd): (Vec<u64>, Vec<bool>) = bits.map(|parity| (parity.mask, parity.odd)).unzip();
        IndexMap::of_rows(rows, odd.iter().enumerate().fold(0, |offset, (bit, odd)| offset | u64::from(*odd) << bit))
    }

    /// Step on the shard, unless its controls do not hold there.
    fn step(self, step: &Step, places: &Places) -> Option<Step> {
        let (ones, fixed) = (self.ones(places), fixed_mask(places));
        let Controls { mask, zeros } = step.controls;
        if (ones ^ step.controls.values()) & mask & fixed != 0 {
            return None;
        }
        let moved = |mask: u64| gf2::extract(mask, &places.local);
        let kernel = match &step.kernel {
            Kernel::Exchange { mask, first, second } => {
                if (ones ^ first) & mask & fixed != 0 {
                    return None;
                }
                Kernel::Exchange { mask: moved(*mask), first: moved(*first), second: moved(*second) }
            }
            Kernel::Rotation { x, z, slot } => Kernel::Rotation { x: moved(*x), z: moved(*z), slot: *slot },
            Kernel::Matrix { qubits, entries } => {
                Kernel::Matrix { qubits: on(qubits, places), entries: Arc::clone(entries) }
            }
            Kernel::Phase { .. } | Kernel::FixedPhase(_) => step.kernel.clone(),
        };
        Some(Step { kernel, controls: Controls { mask: moved(mask), zeros: moved(zeros) } })
    }

    fn readout(self, segment: &Segment, scatters: &[Scatter]) -> Readout {
        let mut first = 0;
        let columns = |(read, scatter): (&Read, &Scatter)| {
            let columns = Columns { first, count: scatter.count, quantity: self.quantity(read, &segment.places) };
            first += scatter.count;
            columns
        };
        Readout { quantities: segment.reads.iter().zip(scatters).map(columns).collect() }
    }

    fn quantity(self, read: &Read, places: &Places) -> Quantity {
        match &read.what {
            What::Words(sum) => {
                let moved = sum.moved(|mask| self.parity(Parity { mask, odd: false }), |flip_mask| flip_mask);
                let mut sum = Sum { constants: vec![0.0; sum.outputs], ..moved };
                sum.x_groups.sort_by_key(|x_group| x_group.x);
                Quantity::Expectation(sum)
            }
            What::Parts(sum) => {
                let part = |(output, coefficient, part): &(usize, f64, Part)| {
                    Some((*output, *coefficient, self.part(part, places)?))
                };
                let (constants, parts) = (vec![0.0; sum.outputs], sum.parts.iter().filter_map(part).collect());
                Quantity::Expectation(Sum { outputs: sum.outputs, constants, parts, ..Sum::default() })
            }
            What::Probabilities(read) => {
                let local: Vec<usize> = read.iter().copied().filter(|qubit| places.local.contains(qubit)).collect();
                Quantity::Probabilities(on(&local, places))
            }
            What::State => Quantity::State,
        }
    }

    fn scatter(self, read: &Read, places: &Places, qubits: usize) -> Scatter {
        let first = read.first;
        match &read.what {
            What::Words(sum) | What::Parts(sum) => Scatter::same(first, sum.outputs),
            What::Probabilities(read) => {
                let is_local = |at: &usize| places.local.contains(&read[*at]);
                let positions: Vec<usize> = (0..read.len()).filter(is_local).collect();
                let (count, fixed) = (1 << positions.len(), gf2::extract(self.ones(places), read));
                Scatter { count, first, all: 1 << read.len(), width: 1, positions, fixed }
            }
            What::State => {
                let (positions, fixed) = (places.local.clone(), self.ones(places));
                Scatter { count: 2 << self.local, first, all: 2 << qubits, width: 2, positions, fixed }
            }
        }
    }

    /// Part of an observable on the shard, unless it is 0 there.
    fn part(self, part: &Part, places: &Places) -> Option<Part> {
        let (ones, fixed) = (self.ones(places), fixed_mask(places));
        let moved = |mask: u64| gf2::extract(mask, &places.local);
        match part {
            Part::Matrix { entries, qubits } => {
                Some(Part::Matrix { entries: Arc::clone(entries), qubits: on(qubits, places) })
            }
            Part::Projector { mask, bits } => {
                ((ones ^ bits) & mask & fixed == 0).then(|| Part::Projector { mask: moved(*mask), bits: moved(*bits) })
            }
            Part::Diagonal { values, mask } => {
                let qubits: Vec<usize> = gf2::bits(*mask).collect();
                let kept: Vec<usize> = (0..qubits.len()).filter(|at| fixed >> qubits[*at] & 1 == 0).collect();
                let constant = gf2::extract(ones & mask, &qubits);
                let value = |index: u64| values[(gf2::deposit(index, &kept) | constant) as usize];
                let values = (0..1u64 << kept.len()).map(value).collect();
                Some(Part::Diagonal { values, mask: moved(*mask) })
            }
        }
    }
}

/// Mask of the qubits that are constant on a shard.
fn fixed_mask(places: &Places) -> u64 {
    places.fixed.iter().fold(0, |mask, (qubit, _)| mask | 1 << qubit)
}

/// Local bits of logical qubits, all of which are local.
fn on(qubits: &[usize], places: &Places) -> Vec<usize> {
    qubits.iter().map(|qubit| places.local.partition_point(|place| place < qubit)).collect()
}
