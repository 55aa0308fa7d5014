//! Sweeps of general steps over a state: a kernel's amplitudes as runs of neighbouring entries, divided between
//! threads.

pub(crate) mod forward;
pub(crate) mod observables;
pub(crate) mod placed;
pub(crate) mod reverse;

use crate::engine::share;
use crate::engine::simd::LANES;
use crate::engine::simd::arch::current_arch;
use crate::gf2;
use crate::limits::MAX_STATE_QUBITS;

/// Longest run, in entries: short enough for sums in `f32`, and long enough to amortise its start.
const RUN_ENTRIES: usize = 1 << 12;

/// Entries in a chunk. Threads take chunks, and sums are cut between chunks.
const CHUNK_ENTRIES: usize = 1 << 15;

/// Partial sums of a sweep: enough to keep many threads busy, few enough for the stack.
const SLOTS: usize = 64;

/// Basis indices in which the bits of `fixed` are 0, cut into runs. A kernel adds the bits that it needs.
///
/// Basis index `i` stands at the entries `i * lanes ..` of a state. A run is `len` neighbouring entries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Space {
    positions: [u8; MAX_STATE_QUBITS],
    fixed: usize,
    /// Binary logarithm of the number of basis indices in a run.
    low: u32,
    runs: usize,
    pub(crate) len: usize,
}

impl Space {
    /// Makes the space of indices whose bits in `fixed` are 0. Bits in `aligned` are constant within a run, but not
    /// fixed.
    pub(crate) fn new(qubits: usize, lanes: usize, fixed: u64, aligned: u64) -> Self {
        let mut positions = [0; MAX_STATE_QUBITS];
        let mut count = 0;
        for position in gf2::bits(fixed) {
            positions[count] = position as u8;
            count += 1;
        }
        let longest = (RUN_ENTRIES / lanes).ilog2();
        let low = (fixed | aligned | 1 << qubits).trailing_zeros().min(longest);
        let runs = 1 << (qubits - count - low as usize);
        Self { positions, fixed: count, low, runs, len: lanes << low }
    }

    /// Basis index at which run `run` starts.
    #[inline(always)]
    fn base(&self, run: usize) -> usize {
        let mut index = run << self.low;
        for &position in &self.positions[..self.fixed] {
            let below = index & ((1 << position) - 1);
            index = (index - below) << 1 | below;
        }
        index
    }

    /// Entries that are treated at once: a full vector, or all of a short run.
    pub(crate) fn width(&self) -> usize {
        self.len.min(LANES)
    }

    fn runs_per_chunk(&self) -> usize {
        (CHUNK_ENTRIES / self.len).max(1)
    }
}

/// Kernel that treats every run of a space.
pub(crate) trait Kernel: Sync {
    /// Sum over all runs.
    type Sum: Send;

    /// Empty sum.
    fn zero(&self) -> Self::Sum;

    /// Adds the sum of a later chunk to the sum of the earlier chunks.
    fn add(&self, sum: &mut Self::Sum, later: Self::Sum);

    /// Treats the run that starts at basis index `base`.
    ///
    /// # Safety
    /// No other thread may access the entries of this run during the call.
    unsafe fn run(&self, base: usize, sum: &mut Self::Sum);
}

/// Runs a kernel over a space, on one thread or on all. The number of threads does not change the result.
pub(crate) fn sweep_space<K: Kernel>(space: &Space, spread: bool, kernel: &K) -> K::Sum {
    let per_chunk = space.runs_per_chunk();
    let chunks = space.runs.div_ceil(per_chunk);
    let chunk = |chunk: usize| {
        let runs = chunk * per_chunk..space.runs.min((chunk + 1) * per_chunk);
        current_arch().dispatch(Chunk { space, kernel, runs })
    };
    // Chunks are added up in slots, and slots in their order, whichever threads compute them. Nothing is allocated.
    let slots = chunks.min(SLOTS);
    let per_slot = chunks.div_ceil(slots.max(1));
    let add = |mut sum: K::Sum, later: K::Sum| {
        kernel.add(&mut sum, later);
        sum
    };
    let slot = |slot: usize| (slot * per_slot..chunks.min((slot + 1) * per_slot)).map(chunk).fold(kernel.zero(), add);
    if spread && slots > 1 {
        let mut sums: [Option<K::Sum>; SLOTS] = std::array::from_fn(|_| None);
        let places = sums[..slots].iter_mut().enumerate();
        share::for_each_item(true, &mut Vec::<()>::new(), places, |(), (index, sum)| *sum = Some(slot(index)));
        sums.into_iter().flatten().fold(kernel.zero(), add)
    } else {
        (0..slots).map(slot).fold(kernel.zero(), add)
    }
}

/// Runs of one chunk, compiled for every instruction set and dispatched at run time.
struct Chunk<'a, K> {
    space: &'a Space,
    kernel: &'a K,
    runs: std::ops::Range<usize>,
}

impl<K: Kernel> pulp::NullaryFnOnce for Chunk<'_, K> {
    type Output = K::Sum;

    #[inline(always)]
    fn call(self) -> K::Sum {
        let mut sum = self.kernel.zero();
        for run in self.runs {
            // SAFETY: a kernel's runs hold disjoint entries, and each run belongs to one chunk, which one thread takes.
            unsafe { self.kernel.run(self.space.base(run), &mut sum) };
        }
        sum
    }
}

/// Calls `$body` with `$width` as the constant equal to the space's width.
macro_rules! with_width {
    ($space:expr, $width:ident => $body:expr) => {
        match $space.width() {
            1 => {
                const $width: usize = 1;
                $body
            }
            2 => {
                const $width: usize = 2;
                $body
            }
            4 => {
                const $width: usize = 4;
                $body
            }
            8 => {
                const $width: usize = 8;
                $body
            }
            _ => {
                const $width: usize = 16;
                $body
            }
        }
    };
}
pub(crate) use with_width;
