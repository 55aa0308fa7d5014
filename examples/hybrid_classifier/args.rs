//! The command line.

use super::data::Dataset;
use super::positive::positive;
use super::whole::whole;
use candlewick::circuit::MAX_QUBITS;
use candlewick::device::DeviceKind;
use clap::Parser;
use std::path::PathBuf;

/// Trains a hybrid quantum-classical classifier next to a classical one of like size, and compares them.
///
/// Writes plots (PNG) and the trained hybrid network (safetensors), and prints the test accuracy of the hybrid network
/// as its last line. A given seed repeats bit for bit.
#[derive(Debug, Parser)]
#[command(name = "hybrid_classifier")]
pub(crate) struct Args {
    /// Data set to learn.
    #[arg(long, value_enum, default_value_t = Dataset::Digits)]
    pub(crate) dataset: Dataset,

    /// Device to compute on: cpu, cuda or metal [default: the best one of this build and this machine].
    #[arg(long)]
    pub(crate) device: Option<DeviceKind>,

    /// Seed of the data, the split, the initial weights and the order of the batches.
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub(crate) seed: u64,

    /// Passes over the training set [default: 40 for digits, else 50].
    #[arg(long, value_name = "N", value_parser = whole(1, u32::MAX as u64))]
    pub(crate) epochs: Option<usize>,

    /// Qubits of the quantum layer, which is also the width of the bottleneck [default: 8 for digits, else 4].
    #[arg(long, value_name = "N", value_parser = whole(1, MAX_QUBITS as u64))]
    pub(crate) qubits: Option<usize>,

    /// Layers of the quantum circuit, each three rotations a qubit and a ring of CX [default: 3 for digits, else 2].
    #[arg(long, value_name = "N", value_parser = whole(1, 1000))]
    pub(crate) layers: Option<usize>,

    /// Samples in a batch.
    #[arg(long, default_value = "32", value_name = "N", value_parser = whole(1, u32::MAX as u64))]
    pub(crate) batch_size: usize,

    /// Step size of Adam [default: 0.005 for digits, else 0.01].
    #[arg(long, value_name = "RATE", value_parser = positive, allow_negative_numbers = true)]
    pub(crate) learning_rate: Option<f64>,

    /// Folder for plots and the trained network [default: target/hybrid_classifier/<DATASET>].
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,

    /// Go on where an earlier run with the same settings was interrupted.
    #[arg(long)]
    pub(crate) resume: bool,

    /// Share the work with the processes that `mpirun` or `srun` has started; needs the feature `mpi`.
    #[arg(long)]
    pub(crate) cluster: bool,

    /// Parts of each batch that processes divide among themselves; the trained weights depend on it, and not on the
    /// number of processes [default: 1, with --cluster 4].
    #[arg(long, value_name = "N", value_parser = whole(1, u32::MAX as u64))]
    micro_batches: Option<usize>,

    /// Evaluate a network that an earlier run saved on its test set, without training. Data set, seed and shape come
    /// from the file.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "dataset", "seed", "epochs", "qubits", "layers", "batch_size", "learning_rate", "output", "resume", "cluster",
            "micro_batches"
        ]
    )]
    pub(crate) load: Option<PathBuf>,
}

impl Args {
    /// Returns the number of parts of each batch.
    pub(crate) fn micro_batches(&self) -> usize {
        self.micro_batches.unwrap_or(if self.cluster { 4 } else { 1 })
    }
}
