//! Variational algorithms: circuits whose weights are trained until an energy is lowest.

mod molecule;
mod search;
mod vqe;

pub use molecule::Molecule;
pub use search::{VqeOptimizer, VqeOptimizerConfig, VqeOptimum};
pub use vqe::{StopReason, Vqe, VqeConfig, VqeMethod, VqeResult, VqeStep};
