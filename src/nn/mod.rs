//! candle modules, and what trains them.

mod affine;
pub mod loss;
mod natural_gradient;
mod quantum_layer;
mod samples;
mod seeded;
mod soft_threshold;

pub use affine::{Affine, AffineConfig};
pub use natural_gradient::{NaturalGradientConfig, QuantumNaturalGradient};
pub use quantum_layer::{QuantumLayer, QuantumLayerConfig};
pub use seeded::SeededInit;
pub use soft_threshold::{SoftThreshold, SoftThresholdConfig};

use crate::error::{Error, Result};
use candle_core::{Shape, Tensor};

/// Checks the last dimension of a tensor, and gives those in front of it.
fn check_width<'a>(what: &'static str, x: &'a Tensor, width: usize) -> Result<&'a [usize]> {
    let leading = match x.dims().split_last() {
        Some((&last, leading)) if last == width => return Ok(leading),
        Some((_, leading)) => leading,
        None => &[],
    };
    let expected: Vec<usize> = leading.iter().copied().chain([width]).collect();
    Err(Error::Shape { what, expected: Shape::from(expected), actual: x.shape().clone() })
}
