//! Times that follow from an H200's data sheet, for plans of launches that no kernel runs.
//!
//! The model is a roofline with two latencies, to compare plans with each other and with a measurement: the most of the memory's
//! and the shared memory's time, not less than what a group's operations take one after the other, and a gap between launches.

use candlewick::__private::emulation::emulator::{self, Memory, Submit};
use candlewick::__private::emulation::{Launch, LaunchPlan, Limits};
use candlewick_kernels::{
    Buffer, Dialect, NONE, OP_DENSE, OP_DIAGONALS, OP_EXCHANGE, OP_MIX, OP_PASS, Pass, ReadArgs, SWEEP_THREADS_F32,
    SweepArgs, Words,
};
use std::sync::{Arc, Mutex, PoisonError};

/// Streaming multiprocessors of an H200, their memory in bytes, registers and threads.
const PROCESSORS: f64 = 132.0;
const GROUP_MEMORY: u32 = 228 << 10;
const REGISTERS: u32 = 65536;
const THREADS: u32 = 2048;
/// Bytes a microsecond: HBM3e with some loss, the second-level cache, all shared memories (128 bytes a cycle at 1.75 GHz).
const HBM: f64 = 4.3e6;
const CACHE: f64 = 5.5e6;
const SHARED: f64 = PROCESSORS * 128.0 * 1750.0;
/// Bytes that stay in the second-level cache.
const CACHED: f64 = 4e7;
/// Microseconds between launches, and of an operation of a lone group: its words, its data, a barrier.
const GAP: f64 = 2.0;
const OPERATION: f64 = 0.5;

/// Prediction for a plan.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Prediction {
    /// A line for each launch, its microseconds, and how many such launches follow each other.
    pub launches: Vec<(String, f64, usize)>,
    /// Bytes of all buffers.
    pub bytes: u64,
    /// Microseconds of all launches and the gaps between them.
    pub microseconds: f64,
}

impl Prediction {
    /// Number of launches.
    pub fn count(&self) -> usize {
        self.launches.iter().map(|(.., count)| count).sum()
    }
}

/// Predicts each plan that `run` submits: a forward pass and a gradient submit one each. Outputs and gradients are without meaning.
///
/// `tile_bits` are the bits of a tile, by default the most that an H200 has room for.
pub fn predict(tile_bits: Option<usize>, run: impl FnOnce()) -> Vec<Prediction> {
    let recorder = Arc::new(Recorder { tile_bits, found: Mutex::default() });
    emulator::with(Arc::<Recorder>::clone(&recorder), run);
    std::mem::take(&mut *recorder.found.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Predicts plans in place of running them.
#[derive(Debug)]
struct Recorder {
    tile_bits: Option<usize>,
    found: Mutex<Vec<Prediction>>,
}

impl Submit for Recorder {
    fn id(&self) -> u64 {
        1 << 40 | self.tile_bits.unwrap_or(0) as u64
    }

    fn dialect(&self) -> Dialect {
        Dialect::CudaF32
    }

    fn limits(&self) -> Limits {
        let thread_bits = SWEEP_THREADS_F32.ilog2() as usize;
        let limits = Limits { real: 4, angle: 8, group_bytes: 227 << 10, thread_bits, groups: 2 * 132, tile_bits: 0 };
        let limits = limits.with_largest_tiles();
        Limits { tile_bits: self.tile_bits.unwrap_or(limits.tile_bits), ..limits }
    }

    fn submit(&self, plan: &LaunchPlan, buffers: &[Option<(Memory, u64)>; Buffer::ALL.len()]) {
        let code = words(buffers, plan.sizes[Buffer::Code as usize]);
        let mut microseconds = 0.0;
        let mut launches: Vec<(String, f64, usize)> = Vec::new();
        for launch in &plan.launches {
            let (line, time) = report(launch, &code);
            microseconds += time + GAP;
            match launches.last_mut().filter(|(last, ..)| *last == line) {
                Some((_, _, count)) => *count += 1,
                None => launches.push((line, time, 1)),
            }
        }
        let found = Prediction { launches, bytes: plan.sizes.iter().sum(), microseconds };
        self.found.lock().unwrap_or_else(PoisonError::into_inner).push(found);
    }
}

fn words(buffers: &[Option<(Memory, u64)>; Buffer::ALL.len()], bytes: u64) -> Vec<u32> {
    let Some((memory, _)) = &buffers[Buffer::Code as usize] else { return Vec::new() };
    let units = memory.lock().expect("no thread has panicked");
    let split = |unit: &u128| [0, 32, 64, 96].map(|shift| (unit >> shift) as u32);
    units.iter().flat_map(split).take(bytes as usize / 4).collect()
}

/// A launch in words, and its microseconds.
fn report(launch: &Launch, code: &[u32]) -> (String, f64) {
    let is_reverse = launch.kernel.name == "cw_reverse";
    let registers = if is_reverse { 128 } else { 64 };
    let by_memory = GROUP_MEMORY / (launch.group_bytes + 1024);
    let resident = by_memory.min(THREADS / launch.threads).min(REGISTERS / (registers * launch.threads)).max(1);
    let waves = (f64::from(launch.groups) / (PROCESSORS * f64::from(resident))).ceil();
    let shape = format!(
        "{:22} {:6} groups of {:4}, {:5.1} KB, {resident:2} resident",
        launch.kernel.name,
        launch.groups,
        launch.threads,
        f64::from(launch.group_bytes) / 1024.0
    );
    if !is_reverse && launch.kernel.name != "cw_forward" {
        // Each group of a chunk reads it, and what a series takes from elsewhere; what makes λ of it writes once.
        if !["cw_expect", "cw_apply"].contains(&launch.kernel.name) {
            return (shape, 2.0);
        }
        let args = ReadArgs::read(&launch.args);
        let passes = if launch.kernel.name == "cw_apply" {
            f64::from(1 + args.series_count)
        } else {
            f64::from(launch.groups) / (f64::from(args.batch) * f64::from(1u32 << (args.qubits - args.chunk_bits)))
        };
        let states = f64::from(args.batch) * f64::from(1u32 << args.qubits) * 8.0;
        return (shape, 2.0 + passes * states / if states < CACHED { CACHE } else { HBM });
    }
    let args = SweepArgs::read(&launch.args);
    let states = f64::from(args.batch) * f64::from(1u32 << args.qubits) * 8.0;
    let read = if is_reverse { 1 + u32::from(args.fused == 0) } else { 1 - args.from_zero };
    let moved = read + args.store.count_ones();
    let [mut plain, mut tabled, mut diagonals, mut mixes, mut exchanges, mut matrices] = [0; 6];
    let mut passes = 0.0;
    for op in args.first..args.last {
        let at = code[(args.index + op) as usize] as usize;
        let mut table = false;
        let count = match code[at] {
            OP_PASS => {
                table = Pass::read(&code[at..]).table != NONE;
                if table { &mut tabled } else { &mut plain }
            }
            OP_DIAGONALS => &mut diagonals,
            OP_MIX => &mut mixes,
            OP_EXCHANGE => &mut exchanges,
            OP_DENSE => &mut matrices,
            opcode => panic!("no operation has the opcode {opcode}"),
        };
        *count += 1;
        // Reads and writes of ψ, and of λ; the table's transform, four passes over half as much.
        passes += if is_reverse { 4.0 + if table { 4.0 } else { 0.0 } } else { 2.0 };
    }
    let ops = args.last - args.first;
    let traffic = states * f64::from(moved);
    let memory = traffic / if states * f64::from(1 + u32::from(is_reverse)) < CACHED { CACHE } else { HBM };
    let shared = states * passes / SHARED;
    let latency = waves * (OPERATION * f64::from(ops) + 2.0);
    let line = format!(
        "{shape}; {plain}+{tabled} passes, {diagonals}/{mixes}/{exchanges}/{matrices} others; memory {memory:.0}, shared {shared:.0}, latency {latency:.0} us"
    );
    // A lone group of a processor computes or waits for memory.
    (line, if resident > 1 { memory.max(shared).max(latency) } else { memory.max(latency) + shared })
}
