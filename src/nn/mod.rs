//! candle modules, and what trains them.

pub mod loss;
mod natural_gradient;
mod quantum_layer;
mod samples;
mod seeded;
mod soft_threshold;

pub use natural_gradient::{NaturalGradientConfig, QuantumNaturalGradient};
pub use quantum_layer::{QuantumLayer, QuantumLayerConfig};
pub use seeded::SeededInit;
pub use soft_threshold::{SoftThreshold, SoftThresholdConfig};
