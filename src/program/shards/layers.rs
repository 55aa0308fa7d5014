//! Layers of operations that a stage runs, as tilings take them.

use super::operations::{Operation, is_odd, phase_commutes};
use crate::program::layered::Layer;

/// Puts phases and rotations, in an order in which they may run, into layers: each into the first that its neighbours
/// allow. No parity of a layer's rotations is odd on the flip mask of another one.
pub(super) fn layers(operations: impl IntoIterator<Item = Operation>) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    for operation in operations {
        let at = layers.iter().enumerate().fold(0, |at, (place, layer)| match &operation {
            Operation::Rotation(rotation) => {
                if layer.rotations.iter().any(|other| is_odd(other, rotation) || is_odd(rotation, other)) {
                    place + 1
                } else if layer.phases.iter().any(|phase| !phase_commutes(phase, rotation)) {
                    place
                } else {
                    at
                }
            }
            Operation::Phase(phase) => {
                if layer.rotations.iter().any(|rotation| !phase_commutes(phase, rotation)) {
                    place + 1
                } else {
                    at
                }
            }
            Operation::Step { .. } => at,
        });
        if layers.len() == at {
            layers.push(Layer::default());
        }
        match operation {
            Operation::Rotation(rotation) => layers[at].rotations.push(rotation),
            Operation::Phase(phase) => layers[at].phases.push(phase),
            Operation::Step { .. } => {}
        }
    }
    layers
}
