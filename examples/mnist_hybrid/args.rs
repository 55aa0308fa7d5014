//! The command line.

use crate::data::Source;
use crate::positive::positive;
use crate::whole::whole;
use candlewick::circuit::MAX_QUBITS;
use candlewick::device::DeviceKind;
use clap::Parser;
use std::path::PathBuf;

/// Trains a convolutional network with a quantum layer on MNIST or Fashion-MNIST, beside the same network without it.
///
/// Writes pictures (PNG) and the weights (safetensors), and prints the test accuracies as its last line. A given seed
/// repeats bit for bit.
#[derive(Debug, Parser)]
#[command(name = "mnist_hybrid")]
pub(crate) struct Args {
    /// Images to learn.
    #[arg(long, value_enum, default_value_t = Source::Mnist)]
    pub(crate) dataset: Source,

    /// Folder with the four unpacked IDX files of the data set [default: download them from the Hugging Face hub].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Device to compute on: cpu, cuda or metal [default: the best one of this build and this machine].
    #[arg(long)]
    pub(crate) device: Option<DeviceKind>,

    /// Seed of the initial weights and the order of the batches.
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub(crate) seed: u64,

    /// Passes over the training set [default: 3, with --quick 2].
    #[arg(long, value_name = "N", value_parser = whole(1, u32::MAX as u64))]
    pub(crate) epochs: Option<usize>,

    /// Qubits of the quantum layer, which is also the width of the bottleneck.
    #[arg(long, default_value = "8", value_name = "N", value_parser = whole(1, MAX_QUBITS as u64))]
    pub(crate) qubits: usize,

    /// Layers of the quantum circuit, each three rotations a qubit and a ring of CX.
    #[arg(long, default_value = "3", value_name = "N", value_parser = whole(1, 1000))]
    pub(crate) layers: usize,

    /// Samples in a batch.
    #[arg(long, default_value = "64", value_name = "N", value_parser = whole(1, u32::MAX as u64))]
    pub(crate) batch_size: usize,

    /// Step size of Adam.
    #[arg(long, default_value_t = 0.003, value_name = "RATE", value_parser = positive, allow_negative_numbers = true)]
    pub(crate) learning_rate: f64,

    /// Train on the first so many images alone.
    #[arg(long, value_name = "N", value_parser = whole(1, u32::MAX as u64))]
    pub(crate) train_samples: Option<usize>,

    /// Folder for pictures and weights [default: target/mnist_hybrid/<DATASET>].
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,

    /// Go on where an earlier run with the same settings was interrupted.
    #[arg(long)]
    pub(crate) resume: bool,

    /// A short run without any files: the 8x8 digits that come with the repository, enlarged to 28x28.
    #[arg(long, conflicts_with_all = ["dataset", "data", "train_samples"])]
    pub(crate) quick: bool,
}
