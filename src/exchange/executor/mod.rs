//! Programs outside that run circuits: other simulators, and hardware.
//!
//! An [`Executor`] gets OpenQASM 3 and returns [`Counts`]. A layer with
//! [`Simulation::External`](crate::Simulation::External) evaluates its circuit through it, and trains by parameter
//! shift. [`CommandExecutor`] runs a command: whatever language speaks to a device, it reads a text and prints JSON.
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use candle_nn::VarBuilder;
//! use candlewick::executor::{Counts, Executor};
//! use candlewick::{Simulation, prelude::*};
//! use std::sync::Arc;
//!
//! /// Stands for a device: it answers 0 three times of four.
//! #[derive(Debug)]
//! struct Constant;
//! impl Executor for Constant {
//!     fn run(&self, program: &str, shots: usize, _seed: u64) -> candlewick::Result<Counts> {
//!         assert!(program.ends_with("ry(0.5) q[0];\nbit[1] c;\nc[0] = measure q[0];\n"));
//!         Counts::new([("0", 3 * shots as u64 / 4), ("1", shots as u64 / 4)])
//!     }
//! }
//!
//! let mut circuit = Circuit::new(1);
//! circuit.ry(input(0), 0);
//! let simulation = Simulation::External(Arc::new(Constant));
//! let config = QuantumLayerConfig { simulation, shots: Some(1000), ..Default::default() };
//! let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
//! let layer =
//!     QuantumLayer::with_config(circuit, Measurement::expectation([Z(0)]), config, vb)?;
//! let y = layer.try_forward(&Tensor::new(&[[0.5f64]], &Device::Cpu)?)?;
//! assert_eq!(y.to_vec2::<f64>()?, [[0.5]]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod command;
mod counts;
mod process;

pub use command::CommandExecutor;
pub use counts::Counts;

use crate::error::Result;
use std::fmt::Debug;

/// Program that runs circuits.
///
/// Threads may call an executor at the same time. Equal arguments should give equal counts, where the program can do
/// that: then a layer's results repeat. Errors of an executor's own are
/// [`ExecutorError::Failed`](crate::error::ExecutorError::Failed); they reach the caller of the layer with their types.
pub trait Executor: Debug + Send + Sync {
    /// Runs an OpenQASM 3 text `shots` times, and counts the outcomes of its register `c` of classical bits.
    ///
    /// The text has no inputs. Its last statements measure qubits, each into a bit of `c`. `seed` is below 2^53, so
    /// that every language has it as a number.
    ///
    /// # Errors
    /// The program cannot run the text.
    fn run(&self, program: &str, shots: usize, seed: u64) -> Result<Counts>;

    /// Runs several texts, and returns their counts in the same order. A layer sends all texts of a call this way, at
    /// most [`MAX_JOBS`] and about 32 MB at once. The default runs them one by one.
    ///
    /// # Errors
    /// The errors of [`run`](Self::run).
    fn run_all(&self, jobs: &[Job]) -> Result<Vec<Counts>> {
        jobs.iter().map(|job| self.run(&job.program, job.shots, job.seed)).collect()
    }
}

/// Largest number of texts that a layer sends at once.
pub const MAX_JOBS: usize = 1000;

/// Text to run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Job {
    /// OpenQASM 3.
    pub program: String,
    /// Number of shots.
    pub shots: usize,
    /// Seed of the random numbers, below 2^53.
    pub seed: u64,
}

impl Job {
    pub(crate) fn new(program: String, shots: usize, seed: u64) -> Self {
        Self { program, shots, seed }
    }
}
