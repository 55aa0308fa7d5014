//! Stored operations: layers and general steps of a program, with stored indices.
//!
//! The CPU engines move amplitudes back into logical order before a general step. A GPU moves none: it keeps composing
//! index maps. A control is then the parity of several stored bits, and a flip is an XOR with a flip mask.

use crate::gf2;
use crate::program::layered::Region;
use crate::program::{
    IndexMap, Kernel, LayeredNode, LayeredProgram, Parity, Program, Readout, Rewrite, Rotation, Source, Step,
};
use num_complex::Complex64;
use std::sync::Arc;

/// Operations of a program in stored indices.
#[derive(Debug, Clone)]
pub(crate) struct StoredOps {
    pub(crate) ops: Vec<StoredOp>,
    /// Readout whose words have stored indices.
    pub(crate) readout: Readout,
    /// Map from stored to logical indices at the end.
    pub(crate) index_map: Chain,
}

/// Chain of index maps: the logical indices of a map are the stored indices of the next map.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain(Vec<IndexMap>);

impl Chain {
    /// Parity of logical bits as a parity of stored bits.
    pub(crate) fn parity(&self, logical: u64) -> Parity {
        self.moved(Parity { mask: logical, odd: false })
    }

    fn moved(&self, parity: Parity) -> Parity {
        self.0.iter().rev().fold(parity, |parity, index_map| {
            let before = index_map.parity(parity.mask);
            Parity { odd: before.odd ^ parity.odd, ..before }
        })
    }

    /// Stored bits that flip with all logical bits of `mask`.
    pub(crate) fn flip_mask(&self, mask: u64) -> u64 {
        self.0.iter().rev().fold(mask, |mask, index_map| index_map.flip_mask(mask))
    }

    /// Stored index of a logical index.
    pub(crate) fn physical(&self, logical: u64) -> u64 {
        self.0.iter().rev().fold(logical, |index, index_map| index_map.stored(index))
    }
}

/// Operation in stored indices.
#[derive(Debug, Clone)]
pub(crate) enum StoredOp {
    /// Phases that commute, then rotations. No rotation changes another's parity.
    Layer {
        phases: Vec<Diagonal>,
        rotations: Vec<Rotation>,
    },
    Diagonal(Diagonal),
    Mix(Mix),
    Exchange(Exchange),
    Matrix(Matrix),
}

/// Diagonal: `exp(i φ)` where `sign` is odd and `exp(-i φ)` where `sign` is even, in both cases only where all
/// conditions are odd.
#[derive(Debug, Clone)]
pub(crate) struct Diagonal {
    pub(crate) source: Source,
    pub(crate) sign: Parity,
    pub(crate) conditions: Vec<Parity>,
}

/// Rotation about a word that flips bits; `real` if the word has an odd number of Y.
#[derive(Debug, Clone)]
pub(crate) struct Mix {
    pub(crate) source: Source,
    pub(crate) real: bool,
    pub(crate) flip_mask: u64,
    /// Parity that is odd at the indices where the sine changes sign.
    pub(crate) negative: Parity,
    pub(crate) conditions: Vec<Parity>,
}

/// Exchange of the two amplitudes that differ by the flip mask, where the conditions are met.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) flip_mask: u64,
    pub(crate) conditions: Vec<Parity>,
}

/// Dense matrix on qubits. Each qubit has its flip mask and the parity that is its value.
#[derive(Debug, Clone)]
pub(crate) struct Matrix {
    pub(crate) qubits: Vec<(u64, Parity)>,
    pub(crate) entries: Arc<[Complex64]>,
    pub(crate) conditions: Vec<Parity>,
}

/// Parity that is odd everywhere.
const ALWAYS: Parity = Parity { mask: 0, odd: true };

impl StoredOps {
    pub(crate) fn new(program: &Program) -> Self {
        let mut index_map = Chain::default();
        let mut ops = Vec::new();
        if !program.rewrites.contains(Rewrite::Layers) {
            ops.extend(program.steps.iter().map(|step| general(step, &index_map)));
            return Self { ops, readout: program.readout.clone(), index_map };
        }
        let mut program = program.clone();
        // Sweeps start from |0..0>.
        program.rewrites = program.rewrites.without(Rewrite::ProductStart);
        let layered = LayeredProgram::new(&program);
        for node in &layered.nodes {
            match node {
                LayeredNode::Permute(permuted) => index_map.0.push(permuted.clone()),
                LayeredNode::Step { index } => ops.push(general(&program.steps[*index], &index_map)),
                LayeredNode::Layer(layer) => {
                    let phases = layer.phases.iter().map(|phase| {
                        let (sign, conditions) = match &phase.region {
                            Region::Sign(parity) => (index_map.moved(*parity), Vec::new()),
                            Region::All(parities) => {
                                (ALWAYS, parities.iter().map(|parity| index_map.moved(*parity)).collect())
                            }
                        };
                        Diagonal { source: phase.source, sign, conditions }
                    });
                    let rotations = layer.rotations.iter().map(|rotation| Rotation {
                        source: rotation.source,
                        flip_mask: index_map.flip_mask(rotation.flip_mask),
                        parity: index_map.moved(rotation.parity),
                    });
                    ops.push(StoredOp::Layer { phases: phases.collect(), rotations: rotations.collect() });
                }
            }
        }
        let readout = layered.readout.moved(|mask| index_map.parity(mask), |mask| index_map.flip_mask(mask));
        Self { ops, readout, index_map }
    }
}

/// Stored operation of a step on logical qubits.
fn general(step: &Step, index_map: &Chain) -> StoredOp {
    let control = |q: usize| {
        let parity = index_map.parity(1 << q);
        Parity { odd: parity.odd ^ (step.controls.zeros >> q & 1 == 1), ..parity }
    };
    let controls = || -> Vec<Parity> { gf2::bits(step.controls.mask).map(control).collect() };
    let factor = |source: Source, sign: Parity| StoredOp::Diagonal(Diagonal { source, sign, conditions: controls() });
    match &step.kernel {
        Kernel::Rotation { x: 0, z, slot } => factor(Source::Slot(*slot), index_map.parity(*z)),
        Kernel::Rotation { x, z, slot } => {
            let letters = (x & z).count_ones();
            let mut negative = index_map.parity(*z);
            negative.odd ^= letters / 2 % 2 == 1;
            let (source, flip_mask) = (Source::Slot(*slot), index_map.flip_mask(*x));
            StoredOp::Mix(Mix { source, real: letters % 2 == 1, flip_mask, negative, conditions: controls() })
        }
        Kernel::Phase { slot } => factor(Source::Slot(*slot), ALWAYS),
        Kernel::FixedPhase(value) => factor(Source::Fixed(*value), ALWAYS),
        Kernel::Exchange { mask, first, second } => {
            let reads = gf2::bits(*mask).map(|bit| {
                let parity = index_map.parity(1 << bit);
                Parity { odd: parity.odd ^ (first >> bit & 1 == 0), ..parity }
            });
            let conditions = reads.chain(controls()).collect();
            StoredOp::Exchange(Exchange { flip_mask: index_map.flip_mask(first ^ second), conditions })
        }
        Kernel::Matrix { qubits, entries } => {
            let qubits = qubits.iter().map(|qubit| (index_map.flip_mask(1 << qubit), index_map.parity(1 << qubit)));
            StoredOp::Matrix(Matrix { qubits: qubits.collect(), entries: Arc::clone(entries), conditions: controls() })
        }
    }
}
