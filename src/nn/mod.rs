//! candle modules.

mod quantum_layer;
mod seeded;

pub use quantum_layer::{QuantumLayer, QuantumLayerConfig};
pub use seeded::SeededInit;
