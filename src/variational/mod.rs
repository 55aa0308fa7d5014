//! Variational algorithms: circuits whose weights are trained until an energy is lowest.

mod molecule;
mod vqe;

pub use molecule::Molecule;
pub use vqe::{Vqe, VqeConfig, VqeEnd, VqeMethod, VqeResult, VqeStep};
