//! Stored operations: layers and general steps of a program, with stored indices.
//!
//! The CPU engines move amplitudes back into logical order before a dense matrix. A GPU moves none: it keeps composing
//! index maps.

use crate::program::layered::Region;
use crate::program::stored::{self, Diagonal, Indices, StoredStep};
use crate::program::{
    IndexMap, Kernel, LayeredNode, LayeredProgram, Parity, Program, Readout, Rewrite, Rotation, Step,
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
    fn moved(&self, parity: Parity) -> Parity {
        self.0.iter().rev().fold(parity, |parity, index_map| {
            let before = index_map.parity(parity.mask);
            Parity { odd: before.odd ^ parity.odd, ..before }
        })
    }

    /// Stored index of a logical index.
    pub(crate) fn physical(&self, logical: u64) -> u64 {
        self.0.iter().rev().fold(logical, |index, index_map| index_map.stored(index))
    }
}

impl Indices for Chain {
    fn parity(&self, logical: u64) -> Parity {
        self.moved(Parity { mask: logical, odd: false })
    }

    fn flip_mask(&self, mask: u64) -> u64 {
        self.0.iter().rev().fold(mask, |mask, index_map| index_map.flip_mask(mask))
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
    Step(StoredStep),
    Matrix(Matrix),
}

/// Dense matrix on qubits. Each qubit has its flip mask and the parity that is its value.
#[derive(Debug, Clone)]
pub(crate) struct Matrix {
    pub(crate) qubits: Vec<(u64, Parity)>,
    pub(crate) entries: Arc<[Complex64]>,
    pub(crate) conditions: Vec<Parity>,
}

impl StoredOps {
    pub(crate) fn new(program: &Program) -> Self {
        let mut index_map = Chain::default();
        let mut ops = Vec::new();
        if !program.rewrites.contains(Rewrite::Layers) {
            ops.extend(program.steps.iter().filter_map(|step| general(step, &index_map)));
            return Self { ops, readout: program.readout.clone(), index_map };
        }
        let mut program = program.clone();
        // Sweeps start from |0..0>.
        program.rewrites = program.rewrites.without(Rewrite::ProductStart);
        let layered = LayeredProgram::new(&program);
        for node in &layered.nodes {
            match node {
                LayeredNode::Permute(permuted) => index_map.0.push(permuted.clone()),
                LayeredNode::Step { index, map } => {
                    index_map.0.push(map.clone());
                    ops.extend(general(&program.steps[*index], &index_map));
                    index_map.0.pop();
                }
                LayeredNode::Layer(layer) => {
                    let phases = layer.phases.iter().map(|phase| {
                        let (sign, conditions) = match &phase.region {
                            Region::Sign(parity) => (index_map.moved(*parity), Vec::new()),
                            Region::All(parities) => {
                                (Parity::ALWAYS, parities.iter().map(|parity| index_map.moved(*parity)).collect())
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
fn general(step: &Step, index_map: &Chain) -> Option<StoredOp> {
    match &step.kernel {
        Kernel::Matrix { qubits, entries } => {
            let qubits = qubits.iter().map(|qubit| (index_map.flip_mask(1 << qubit), index_map.parity(1 << qubit)));
            let conditions = stored::conditions(step.controls, index_map);
            Some(StoredOp::Matrix(Matrix { qubits: qubits.collect(), entries: Arc::clone(entries), conditions }))
        }
        Kernel::Rotation { .. } | Kernel::Phase { .. } | Kernel::FixedPhase(_) | Kernel::Exchange { .. } => {
            StoredStep::new(step, index_map).map(StoredOp::Step)
        }
    }
}
