//! Bytes that calls of a program take, as far as they depend on the program alone.
//!
//! They are counted once for each program, precision and number of lanes, because a small call takes less time than the
//! count.

use crate::engine::Real;
use crate::engine::cpu::batch::passes::BatchPasses;
use crate::engine::cpu::batch::tables::LayerTables;
use crate::engine::cpu::batch::varying::scratch_bytes;
use crate::engine::cpu::execution::Execution;
use crate::engine::cpu::single::tables::SweepTables;
use crate::engine::cpu::single::tiling::StateTiling;
use crate::engine::cpu::state::state_bytes;
use crate::engine::cpu::steps::forward::CosSin;
use crate::engine::cpu::steps::placed::PlacedSteps;
use crate::engine::simd::LANES;
use crate::program::{LayeredNode, Program, Rewrite};
use std::marker::PhantomData;
use std::sync::OnceLock;

/// Largest number of bytes of tables that the blocks of a call share. A deeper circuit has more tables, which each
/// worker computes where it needs them. The limit for a single state is smaller, because its tables leave the cache
/// sooner.
const SHARED_BYTES: [(Execution, u64); 3] =
    [(Execution::Batch, 1 << 28), (Execution::Single, 1 << 25), (Execution::Steps, 0)];

/// Bytes of a program's calls, and the execution that they follow.
#[derive(Debug)]
pub(super) struct Footprint {
    /// Path of the blocks.
    pub(super) execution: Execution,
    /// Whether the measurement needs a further state.
    pub(super) third_state: bool,
    /// Whether amplitudes are permuted, which needs half a state.
    pub(super) moves: bool,
    /// Whether angles are saved beside final states.
    pub(super) saves_angles: bool,
    /// Bytes of the layered program.
    layered: u64,
    /// Bytes of the batch passes or the state tiling, which are made once.
    made: u64,
    /// Bytes of all tables that blocks may share.
    pub(super) tables: u64,
    /// Bytes of a block's final states, and of its angles if they are saved.
    pub(super) saved: u128,
    forward: Needs,
    gradient: Needs,
}

/// Bytes that a forward pass or a gradient needs.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// States of a worker.
    pub(super) states: usize,
    call: u128,
    sample: u128,
    /// Bytes of a group of blocks that is summed separately.
    group: u128,
    worker: u128,
}

/// Footprints of a program in a precision: with one lane, and with 16.
#[derive(Debug, Default)]
struct Footprints<T>([OnceLock<Footprint>; 2], PhantomData<fn() -> T>);

impl Footprint {
    /// Returns the footprint of a program whose blocks hold `lanes` samples.
    pub(super) fn of<T: Real>(program: &Program, lanes: usize) -> &Self {
        let Footprints::<T>(footprints, _) = program.cache.entry();
        footprints[usize::from(lanes == LANES)].get_or_init(|| Self::new::<T>(program, lanes))
    }

    fn new<T: Real>(program: &Program, lanes: usize) -> Self {
        let execution = match lanes {
            _ if !program.rewrites.contains(Rewrite::Layers) => Execution::Steps,
            LANES => Execution::Batch,
            _ => Execution::Single,
        };
        let moved = |node: &LayeredNode| matches!(node, LayeredNode::Permute(_));
        let varying = program.slots.iter().filter(|slot| slot.reads_inputs()).count();
        // Angles are saved unless they are larger than the states. A single state has few angles, which are computed
        // again.
        let saves_angles = lanes > 1 && varying <= 1 << program.qubits;
        let angles = if saves_angles { varying * 32 * size_of::<T>() } else { 0 };
        let most = SHARED_BYTES.iter().find(|(of, _)| *of == execution).map_or(0, |(_, most)| *most);
        let (made, tables, places) = Self::of_layers::<T>(program, execution);
        let mut footprint = Self {
            execution,
            third_state: program.readout.has_variances(),
            moves: execution != Execution::Steps && program.layered().nodes.iter().any(moved),
            saves_angles,
            layered: if execution == Execution::Steps { 0 } else { program.layered().bytes() },
            made,
            tables: tables.min(most),
            saved: state_bytes::<T>(program.qubits, lanes) + angles as u128,
            forward: Needs::default(),
            gradient: Needs::default(),
        };
        footprint.forward = footprint.needs::<T>(program, (lanes, varying), false);
        footprint.gradient = footprint.needs::<T>(program, (lanes, varying), true);
        [&mut footprint.forward, &mut footprint.gradient].into_iter().for_each(|needs| needs.call += places);
        footprint
    }

    /// Returns bytes of the batch passes or state tiling, bytes of all tables of a call, and bytes of the list of
    /// tables.
    fn of_layers<T: Real>(program: &Program, execution: Execution) -> (u64, u64, u128) {
        match execution {
            Execution::Batch => {
                let layered = program.layered();
                let layers = BatchPasses::sizes(program, layered);
                let tables: usize = layers.map(|size| LayerTables::<T>::most_bytes(program, size)).sum();
                let places = layered.nodes.len() * size_of::<LayerTables<T>>();
                (BatchPasses::bytes(program, layered), tables as u64, places as u128)
            }
            Execution::Single => {
                let layered = program.layered();
                let size = StateTiling::size(program, layered);
                let sweeps: usize = size.sweeps.iter().map(|size| SweepTables::<T>::most_bytes(*size)).sum();
                // Each term may become a loose phase.
                let tables = sweeps + size.terms * size_of::<CosSin<T>>();
                let places = (layered.nodes.len() + size.sweeps.len()) * size_of::<Option<SweepTables<T>>>();
                (size.bytes(program.qubits), tables as u64, places as u128)
            }
            Execution::Steps => (PlacedSteps::bytes(program), 0, 0),
        }
    }

    /// Bytes that count beside the bytes of a call. Under a user's limit this is everything that is made of the program
    /// for any execution. Otherwise it is the batch passes or the tiling if they are still to be made, because the
    /// machine has counted the rest.
    pub(super) fn beside<T: Real>(&self, program: &Program, limited: bool) -> u64 {
        if limited {
            let other = match self.execution {
                Execution::Batch if StateTiling::is_made(program) => Self::of::<T>(program, 1).made,
                Execution::Single if BatchPasses::are_made(program) => Self::of::<T>(program, LANES).made,
                _ => 0,
            };
            return self.layered + self.made + other;
        }
        let is_made = match self.execution {
            Execution::Batch => BatchPasses::are_made(program),
            Execution::Single => StateTiling::is_made(program),
            Execution::Steps => PlacedSteps::are_made(program),
        };
        if is_made { 0 } else { self.made }
    }

    fn needs<T: Real>(&self, program: &Program, (lanes, varying): (usize, usize), gradient: bool) -> Needs {
        let [number, lanes_of, slots, varying, weights, inputs, outputs] = [
            size_of::<T>(),
            lanes,
            program.slots.len(),
            varying,
            program.weights,
            program.engine_inputs,
            program.engine_outputs(),
        ]
        .map(|count| count as u128);
        let states = 1 + usize::from(gradient) + usize::from(self.third_state);
        let state = state_bytes::<T>(program.qubits, lanes);
        let copied_plane = if self.moves { state / 2 } else { 0 };
        // These are the phases' angles, with their cosines and sines in f64, a table, and the overlaps of gradients.
        let amplitudes = if self.execution == Execution::Batch { 1 << program.qubits } else { 0 };
        let table = amplitudes * (24 + 2 * number + if gradient { 8 } else { 0 });
        let cos_sins = varying * (32 * number + 24 * lanes_of);
        let of_layers = if self.execution == Execution::Batch { most_varying(program) } else { 0 };
        let phases = scratch_bytes::<T>(program.qubits, of_layers, gradient) as u128;
        Needs {
            states,
            call: number * weights + 48 * slots + 24 * amplitudes,
            sample: number * (outputs + inputs * if gradient { 2 } else { 1 }),
            group: if gradient { 128 * slots + 8 * weights } else { 0 },
            worker: states as u128 * state + copied_plane + table + cos_sins + phases,
        }
    }

    /// Needs of a forward pass, or of a gradient.
    pub(super) fn of_pass(&self, gradient: bool) -> &Needs {
        if gradient { &self.gradient } else { &self.forward }
    }
}

/// Largest number of phases of a layer that differ from sample to sample.
fn most_varying(program: &Program) -> usize {
    let of_node = |node: &LayeredNode| match node {
        LayeredNode::Layer(layer) => layer.phases.iter().filter(|phase| program.varies(phase.source)).count(),
        LayeredNode::Step { .. } | LayeredNode::Permute(_) => 0,
    };
    program.layered().nodes.iter().map(of_node).max().unwrap_or(0)
}

impl Needs {
    /// Bytes of a call.
    pub(super) fn bytes(&self, batch: usize, groups: usize, workers: usize) -> u128 {
        let samples = self.sample.saturating_mul(batch as u128);
        samples.saturating_add(self.call + self.group * groups as u128 + self.worker * workers as u128)
    }
}
