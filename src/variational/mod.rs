//! Variational algorithms: circuits whose weights are trained until an energy is lowest, and circuits that grow.

mod adapt;
mod molecule;
mod search;
mod vqe;
mod word;

pub use adapt::{AdaptVqe, AdaptVqeConfig, AdaptVqeResult, AdaptVqeRound, PoolOperator};
pub use molecule::Molecule;
pub use search::{VqeOptimizer, VqeOptimizerConfig, VqeOptimum};
pub use vqe::{Vqe, VqeConfig, VqeMethod, VqeResult, VqeStep, VqeStopReason};
