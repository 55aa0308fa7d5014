//! Runs candlewick's GPU kernels on the CPU.
//!
//! The text of the kernels is compiled as it is, with a shim that gives CUDA's and Metal's words a meaning: threads are
//! fibres, a barrier switches between them, in forward, reversed or shuffled order. Memory that a group shares is filled with
//! NaN before each group. The feature `race` adds a detector of data races.

pub mod roofline;

use candlewick::__private::emulation::emulator::{Memory, Submit};
use candlewick::__private::emulation::{LaunchPlan, Limits};
use candlewick_kernels::{Buffer, Dialect, SWEEP_THREADS_F32, SWEEP_THREADS_F64, View};
use std::ffi::{CString, c_char, c_int, c_void};

#[repr(C)]
#[derive(Clone, Copy)]
struct Dim(u32, u32, u32);

#[repr(C)]
struct Launch {
    buffers: *const *const c_void,
    count: usize,
    shared: usize,
    groups: Dim,
    group: Dim,
    threads: Dim,
    order: c_int,
}

unsafe extern "C" {
    fn emu_cuda_f32(name: *const c_char, launch: *const Launch) -> c_int;
    fn emu_cuda_f64(name: *const c_char, launch: *const Launch) -> c_int;
    fn emu_metal(name: *const c_char, launch: *const Launch) -> c_int;
}

/// In which order the threads of a group, and the groups, get their turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By their numbers.
    Forward,
    /// Backwards.
    Reversed,
    /// By a fixed random sequence.
    Shuffled,
}

/// An emulated device.
#[derive(Debug, Clone, Copy)]
pub struct Device {
    /// The text it runs.
    pub dialect: Dialect,
    /// In which order.
    pub order: Order,
    /// Bits of a tile: states of more qubits are cut.
    pub tile_bits: usize,
    /// Whether groups are as large, and as many, as on a GPU of a data centre.
    pub large: bool,
}

impl Device {
    /// A device that holds states of up to `tile_bits` qubits in the memory of a group.
    pub fn new(dialect: Dialect, order: Order, tile_bits: usize) -> Self {
        Self { dialect, order, tile_bits, large: false }
    }

    /// The same with groups of up to 512 threads.
    pub fn large(dialect: Dialect, order: Order, tile_bits: usize) -> Self {
        Self { dialect, order, tile_bits, large: true }
    }
}

impl Submit for Device {
    fn limits(&self) -> Limits {
        let (real, angle, group_bytes) = match self.dialect {
            Dialect::CudaF32 => (4, 8, 227 << 10),
            Dialect::CudaF64 => (8, 8, 227 << 10),
            Dialect::Metal => (4, 4, 32 << 10),
        };
        let (thread_bits, groups) = match (self.large, self.dialect) {
            (false, _) => (7, 2),
            (true, Dialect::CudaF32) => (SWEEP_THREADS_F32.ilog2() as usize, 264),
            (true, Dialect::CudaF64) => (SWEEP_THREADS_F64.ilog2() as usize, 264),
            (true, Dialect::Metal) => (7, 160),
        };
        Limits { real, angle, group_bytes, thread_bits, groups, tile_bits: self.tile_bits }
    }

    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn id(&self) -> u64 {
        u64::from(self.large) << 16 | (self.tile_bits as u64) << 8 | (self.dialect as u64) << 4 | self.order as u64
    }

    fn submit(&self, plan: &LaunchPlan, buffers: &[Option<(Memory, u64)>; Buffer::ALL.len()]) {
        let limits = self.limits();
        // Each buffer in memory of its own, of exactly its size, so that what is read or written beyond it shows.
        let mut blocks: Vec<Vec<u8>> =
            buffers.iter().zip(plan.sizes).map(|(buffer, size)| fetched(buffer, size)).collect();
        let bases: Vec<*mut u8> = blocks.iter_mut().map(|block| block.as_mut_ptr()).collect();
        for launch in &plan.launches {
            assert!(launch.group_bytes as usize <= limits.group_bytes, "{launch:?} exceeds the memory of a group");
            assert!((1..=1024).contains(&launch.threads), "{launch:?} has too many threads");
            let at = |view: &View| -> *const c_void {
                let (buffer, from) = (view.buffer, view.start);
                assert!(from <= plan.sizes[buffer as usize], "{launch:?} starts beyond {buffer:?}");
                // SAFETY: the offset is within the buffer.
                unsafe { bases[buffer as usize].add(from as usize).cast::<c_void>().cast_const() }
            };
            let mut pointers: Vec<*const c_void> = launch.buffers.iter().map(at).collect();
            pointers.push(launch.args.as_ptr().cast());
            let threads = Dim(launch.groups * launch.threads, 1, 1);
            let order = self.order as c_int;
            let (groups, group) = (Dim(launch.groups, 1, 1), Dim(launch.threads, 1, 1));
            let shared = launch.group_bytes as usize;
            let call =
                Launch { buffers: pointers.as_ptr(), count: pointers.len(), shared, groups, group, threads, order };
            let name = CString::new(launch.kernel.name).expect("a name without zero bytes");
            let run = match self.dialect {
                Dialect::CudaF32 => emu_cuda_f32,
                Dialect::CudaF64 => emu_cuda_f64,
                Dialect::Metal => emu_metal,
            };
            // SAFETY: the plan gives each kernel the buffers it declares, in the sizes it reads and writes.
            let outcome = unsafe { run(name.as_ptr(), &call) };
            assert_eq!(outcome, 0, "{}: no such kernel, or another number of parameters", launch.kernel.name);
        }
        for (buffer, block) in buffers.iter().zip(&blocks) {
            if let Some((memory, start)) = buffer {
                let mut memory = memory.lock().expect("no thread has panicked");
                bytes(&mut memory)[*start as usize..][..block.len()].copy_from_slice(block);
            }
        }
    }
}

/// A buffer's bytes; none if there is no such buffer.
fn fetched(buffer: &Option<(Memory, u64)>, size: u64) -> Vec<u8> {
    let Some((memory, start)) = buffer else { return Vec::new() };
    let mut memory = memory.lock().expect("no thread has panicked");
    bytes(&mut memory)[*start as usize..][..size as usize].to_vec()
}

fn bytes(units: &mut [u128]) -> &mut [u8] {
    // SAFETY: any bits are bytes, and the bytes are those of the units.
    unsafe { std::slice::from_raw_parts_mut(units.as_mut_ptr().cast(), size_of_val(units)) }
}
