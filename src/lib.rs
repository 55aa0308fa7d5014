//! Quantum layers as first-class candle modules.

mod autograd;
pub mod circuit;
pub mod engine;
mod error;
pub mod functional;
pub mod gate;
mod measurement;
pub mod nn;
mod observable;
pub mod program;

pub use circuit::Circuit;
pub use error::{Error, Mistake, Result};
pub use measurement::Measurement;
pub use nn::{QuantumLayer, QuantumLayerConfig};
pub use observable::Observable;

/// What most programs need.
pub mod prelude {
    pub use crate::circuit::{Angle, Circuit, Entanglement, Weights, input};
    pub use crate::measurement::Measurement;
    pub use crate::nn::{QuantumLayer, QuantumLayerConfig};
    pub use crate::observable::{Observable, x, y, z};
}
