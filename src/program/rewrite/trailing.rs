//! The last phases in front of a readout of Z change nothing, and their gradients are zero: they are dropped.

use crate::program::outline::{Node, Outline};
use crate::program::{Readout, Sum};

pub(in crate::program) fn drop_trailing(outline: &mut Outline) {
    let diagonal = match &outline.readout {
        Readout::Expectation(sum) => sum.is_diagonal(),
        Readout::Variance(sums) => sums.iter().all(Sum::is_diagonal),
        Readout::Probabilities(_) | Readout::State => false,
    };
    if diagonal && matches!(outline.nodes.last(), Some(Node::Layer(layer)) if layer.rotations.is_empty()) {
        outline.nodes.pop();
    }
}
