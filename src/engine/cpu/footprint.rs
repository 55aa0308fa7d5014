//! Bytes that calls of a program take, as far as they depend on the program alone.
//!
//! They are counted once a program, precision and number of lanes: a small call takes less time than the count.

use crate::engine::Real;
use crate::engine::cpu::execution::Execution;
use crate::engine::cpu::prepare::Prepared;
use crate::engine::cpu::simd::LANES;
use crate::engine::cpu::state::state_bytes;
use crate::program::{OutlineNode, Program, Readout, Rewrite};
use std::marker::PhantomData;
use std::sync::OnceLock;

/// Bytes of tables that the blocks of a call share; deeper circuits have more, and each worker makes the others when it comes
/// to them. Those of a single state are sooner beyond the cache.
const SHARED_BYTES: [(Execution, u64); 3] =
    [(Execution::Batch, 1 << 28), (Execution::Single, 1 << 25), (Execution::Steps, 0)];

/// See the module.
#[derive(Debug)]
pub(super) struct Footprint {
    /// What blocks of so many lanes follow.
    pub(super) execution: Execution,
    /// Whether the measurement needs a further state.
    pub(super) scratch: bool,
    /// Whether amplitudes are moved, which needs half a state.
    pub(super) moves: bool,
    /// Whether angles are kept beside final states.
    pub(super) keeps_angles: bool,
    /// Bytes of all tables that blocks may share.
    pub(super) tables: u64,
    /// Bytes of a block's final states, and of its angles if they are kept.
    pub(super) kept: u128,
    forward: Needs,
    gradient: Needs,
}

/// Bytes that a forward pass or a gradient needs.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// States that a worker has.
    pub(super) states: usize,
    call: u128,
    sample: u128,
    /// Bytes of a group of blocks that is summed separately.
    group: u128,
    worker: u128,
}

/// The footprints of a program in a precision: with one lane, and with all.
#[derive(Debug, Default)]
struct Footprints<T>([OnceLock<Footprint>; 2], PhantomData<fn() -> T>);

impl Footprint {
    /// Returns the footprint of a program whose blocks hold so many samples.
    pub(super) fn of<T: Real>(program: &Program, lanes: usize) -> &Self {
        let Footprints::<T>(footprints, _) = program.cache.of();
        footprints[usize::from(lanes == LANES)].get_or_init(|| Self::new::<T>(program, lanes))
    }

    fn new<T: Real>(program: &Program, lanes: usize) -> Self {
        let execution = match lanes {
            _ if !program.rewrites.contains(Rewrite::Layers) => Execution::Steps,
            LANES => Execution::Batch,
            _ => Execution::Single,
        };
        let moved = |node: &OutlineNode| matches!(node, OutlineNode::Settle(_));
        let varying = program.slots.iter().filter(|slot| slot.reads_inputs()).count();
        // Unless they are the larger ones, or a single state's, of which there are few.
        let keeps_angles = lanes > 1 && varying <= 1 << program.qubits;
        let angles = if keeps_angles { varying * 32 * size_of::<T>() } else { 0 };
        let most = SHARED_BYTES.iter().find(|(of, _)| *of == execution).map_or(0, |(_, most)| *most);
        let mut footprint = Self {
            execution,
            scratch: matches!(program.readout, Readout::Variance(_)),
            moves: execution != Execution::Steps && program.outline().nodes.iter().any(moved),
            keeps_angles,
            tables: Prepared::<T>::most_bytes(program, execution).min(most),
            kept: state_bytes::<T>(program.qubits, lanes) + angles as u128,
            forward: Needs::default(),
            gradient: Needs::default(),
        };
        footprint.forward = footprint.needs::<T>(program, (lanes, varying), false);
        footprint.gradient = footprint.needs::<T>(program, (lanes, varying), true);
        footprint
    }

    fn needs<T: Real>(&self, program: &Program, (lanes, varying): (usize, usize), gradient: bool) -> Needs {
        let [number, lanes_of, slots, varying, weights, inputs, outputs] = [
            size_of::<T>(),
            lanes,
            program.slots.len(),
            varying,
            program.weights,
            program.input_columns,
            program.outputs(),
        ]
        .map(|count| count as u128);
        let states = 1 + usize::from(gradient) + usize::from(self.scratch);
        let state = state_bytes::<T>(program.qubits, lanes);
        let spare = if self.moves { state / 2 } else { 0 };
        // Angles of phases, their sines and cosines in f64; a table; overlaps of gradients.
        let amplitudes = if self.execution == Execution::Batch { 1 << program.qubits } else { 0 };
        let table = amplitudes * (24 + 2 * number + if gradient { 8 } else { 0 });
        let turns = varying * (32 * number + 24 * lanes_of);
        Needs {
            states,
            call: number * weights + 48 * slots + 24 * amplitudes,
            sample: number * (outputs + inputs * if gradient { 2 } else { 1 }),
            group: if gradient { 128 * slots + 8 * weights } else { 0 },
            worker: states as u128 * state + spare + table + turns,
        }
    }

    /// What a forward pass needs, or a gradient.
    pub(super) fn of_pass(&self, gradient: bool) -> &Needs {
        if gradient { &self.gradient } else { &self.forward }
    }
}

impl Needs {
    /// Bytes of a call.
    pub(super) fn bytes(&self, batch: usize, groups: usize, workers: usize) -> u128 {
        let samples = self.sample.saturating_mul(batch as u128);
        samples.saturating_add(self.call + self.group * groups as u128 + self.worker * workers as u128)
    }
}
