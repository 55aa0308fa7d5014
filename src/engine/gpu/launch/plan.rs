//! Launch plans: the work of a device, as data.
//!
//! A plan has the size of each buffer, and each kernel with its buffers and threads. CUDA, Metal and the emulator only
//! submit plans, and know nothing about circuits. [`super::planner`] makes plans.

use crate::engine::gpu::abi::{Buffer, Kernel, View};

/// Launch of a kernel.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Kernel to launch.
    pub kernel: &'static Kernel,
    /// Number of groups, in one row.
    pub groups: u32,
    /// Number of threads of a group.
    pub threads: u32,
    /// Bytes of shared memory of a group.
    pub group_bytes: u32,
    /// Buffers in the order of the kernel's parameters.
    pub buffers: Vec<View>,
    /// Structure behind the buffers, as words.
    pub args: Vec<u32>,
}

/// Buffers and launches of a forward pass or of a gradient.
#[derive(Debug, Clone)]
pub struct LaunchPlan {
    /// Bytes of each buffer, by its number; 0 if the plan does not use it.
    pub sizes: [u64; Buffer::ALL.len()],
    /// Launches in the order in which they run.
    pub launches: Vec<Launch>,
}

impl LaunchPlan {
    /// Bytes of a buffer.
    pub(crate) fn size(&self, buffer: Buffer) -> u64 {
        self.sizes[buffer as usize]
    }
}
