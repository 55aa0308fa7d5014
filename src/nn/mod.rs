//! candle modules, and what trains them.

mod natural_gradient;
mod quantum_layer;
mod samples;
mod seeded;

pub use natural_gradient::{NaturalGradientConfig, QuantumNaturalGradient};
pub use quantum_layer::{QuantumLayer, QuantumLayerConfig};
pub use seeded::SeededInit;
