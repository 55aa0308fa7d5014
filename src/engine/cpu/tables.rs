//! Tables that the blocks of a call share.

use crate::engine::cpu::angles::{Angles, SharedAngles};
use crate::engine::cpu::batch::passes::{BatchPasses, Node};
use crate::engine::cpu::batch::tables::LayerTables;
use crate::engine::cpu::batch::z_sums::ZWords;
use crate::engine::cpu::execution::Execution;
use crate::engine::cpu::factored::Phases;
use crate::engine::cpu::single::tables::SweepTables;
use crate::engine::cpu::single::tiling::{StateTiling, Sweep, TileNode};
use crate::engine::cpu::steps::forward::{CosSin, Dense};
use crate::engine::lines::held_bytes;
use crate::engine::simd::LANES;
use crate::engine::{Arguments, Real};
use crate::program::{Kernel, Program, Quantity, Step};

/// Tables that depend on the program and the arguments of a call.
#[derive(Debug)]
pub(super) struct CallTables<T> {
    pub(super) angles: SharedAngles,
    /// Matrix of each step that has one, and its adjoint. Empty if no step has a matrix.
    pub(super) matrices: Vec<Option<[Dense<T>; 2]>>,
    /// Words of Z that are read from blocks of 16 samples: the first x-mask group of the first quantity.
    pub(super) words: Option<ZWords>,
    /// Tables of each node of the batch passes, empty for a node that is not a layer.
    pub(super) layers: Vec<LayerTables<T>>,
    /// Tables of each node of the tiling, for sweeps that read no inputs. Workers compute the tables that do not fit
    /// into the memory of the call, in `layers` and in `sweeps`, where they need them.
    pub(super) sweeps: Vec<Option<SweepTables<T>>>,
    scratch: Phases,
}

impl<T: Real> CallTables<T> {
    /// Makes the lists of a program's tables, and its matrices.
    pub(super) fn new(program: &Program, execution: Execution, lanes: usize) -> Self {
        let matrix = |step: &Step| match &step.kernel {
            // A layered program splits one-qubit matrices into rotations and phases.
            Kernel::Matrix { qubits, .. }
                if execution != Execution::Steps && qubits.len() == 1 && step.controls.is_empty() =>
            {
                None
            }
            Kernel::Matrix { qubits, entries } => Some([false, true].map(|dagger| Dense::new(entries, qubits, dagger))),
            Kernel::Rotation { .. } | Kernel::Phase { .. } | Kernel::FixedPhase(_) | Kernel::Exchange { .. } => None,
        };
        let any = program.steps.iter().any(|step| matches!(step.kernel, Kernel::Matrix { .. }));
        let (mut layers, mut sweeps) = (Vec::new(), Vec::new());
        match execution {
            Execution::Batch => layers.resize_with(BatchPasses::of(program).nodes.len(), LayerTables::default),
            Execution::Single => sweeps.resize_with(StateTiling::of(program).nodes.len(), || None),
            Execution::Steps => {}
        }
        let matrices = if any { program.steps.iter().map(matrix).collect() } else { Vec::new() };
        let first = execution.readout(program).quantities.first().map(|columns| &columns.quantity);
        let words = match first {
            Some(Quantity::Expectation(sum)) if lanes == LANES => sum.x_groups.first().filter(|x_group| x_group.x == 0),
            _ => None,
        };
        let words = words.map(|x_group| ZWords::new(&x_group.terms));
        Self { angles: SharedAngles::default(), matrices, words, layers, sweeps, scratch: Phases::default() }
    }

    /// Computes the tables that depend on the arguments, with at most `tables` bytes for tables of layers and sweeps.
    pub(super) fn set(&mut self, program: &Program, arguments: Arguments<'_, T>, mut tables: u64) {
        let mut fits = |bytes: usize| {
            let left = tables.checked_sub(bytes as u64);
            tables = left.unwrap_or(tables);
            left.is_some()
        };
        let Self { angles, layers, sweeps, scratch, .. } = self;
        angles.set(program, arguments.weights);
        if !layers.is_empty() {
            for (shared, node) in layers.iter_mut().zip(&BatchPasses::of(program).nodes) {
                match node {
                    Node::Layer(layer) if fits(LayerTables::<T>::most_bytes(program, layer.size())) => {
                        shared.set(program, layer, angles, scratch);
                    }
                    _ => *shared = LayerTables::default(),
                }
            }
        }
        if !sweeps.is_empty() {
            let bytes =
                |sweep: &Sweep| SweepTables::<T>::most_bytes(sweep.size()) + sweep.loose.len() * size_of::<CosSin<T>>();
            for (numbers, node) in sweeps.iter_mut().zip(&StateTiling::of(program).nodes) {
                let TileNode::Sweep(sweep) = node else { continue };
                if !sweep.sources().any(|source| angles.varies(source)) && fits(bytes(sweep)) {
                    let numbers = numbers.get_or_insert_with(SweepTables::default);
                    numbers.set(sweep, Angles::shared(angles), scratch);
                } else {
                    *numbers = None;
                }
            }
        }
    }

    /// Bytes that the tables hold.
    pub(super) fn bytes(&self) -> usize {
        let matrices =
            self.matrices.iter().flatten().flatten().map(Dense::bytes).sum::<usize>() + held_bytes(&self.matrices);
        let layers = self.layers.iter().map(LayerTables::bytes).sum::<usize>() + held_bytes(&self.layers);
        let sweeps = self.sweeps.iter().flatten().map(SweepTables::bytes).sum::<usize>() + held_bytes(&self.sweeps);
        let words = self.words.as_ref().map_or(0, ZWords::bytes);
        self.angles.bytes() + self.scratch.bytes() + matrices + layers + sweeps + words
    }
}
