//! Errors of devices and processors.

use super::Cause;

/// Devices and processors that cannot run a computation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// There is no engine for the device yet.
    #[error("no quantum engine for {device} in this build; move the tensors and the layer to Device::Cpu")]
    NoEngine {
        /// The device, in words.
        device: String,
    },
    /// The environment variable `CANDLEWICK_SIMD` names an instruction set that this machine or this build lacks.
    #[error("CANDLEWICK_SIMD is `{name}`, which is none of scalar, avx2, avx512 and neon, or not on this machine")]
    InstructionSet {
        /// The value of the variable.
        name: String,
    },
    /// A kind of device for which this build has no support.
    #[error("this build has no support for {device}; build with the feature `{device}`")]
    NotCompiled {
        /// Kind of the device, and name of the feature.
        device: &'static str,
    },
    /// A kind of device that the machine does not have.
    #[error("this machine has no {device} device")]
    Absent {
        /// Kind of the device.
        device: &'static str,
    },
    /// A device that is there but cannot be used.
    #[error("the {device} device is there but cannot be used: {source}")]
    Unusable {
        /// Kind of the device.
        device: &'static str,
        /// Error of the driver, or of a circuit on the device.
        source: Cause,
    },
    /// A name of no kind of device.
    #[error("`{name}` is none of cpu, cuda and metal")]
    UnknownKind {
        /// The name.
        name: String,
    },
    /// A GPU refused to run a kernel.
    #[error(
        "kernel `{kernel}` was refused ({source}): {groups} groups of {threads} threads, {group_bytes} bytes a group"
    )]
    Launch {
        /// The kernel.
        kernel: &'static str,
        /// Groups of threads.
        groups: u32,
        /// Threads of a group.
        threads: u32,
        /// Bytes that a group shares.
        group_bytes: u32,
        /// Limit of the device that the launch exceeds, or error of its driver.
        source: Cause,
    },
}
