//! Operations of a layered program in the indices at its start: permutations become part of the indices.

use crate::program::layered::{LayeredProgram, Node, Phase, Region, Rotation};
use crate::program::{IndexMap, Parity};

/// Operation in the stored indices at the start of a layered program.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    Phase(Phase),
    Rotation(Rotation),
    /// Step of the program, and the map from indices to its logical ones.
    Step {
        index: usize,
        map: IndexMap,
    },
}

/// Returns the operations of a layered program, and the map from indices to those of its readout. Indices have `bits`
/// bits, of which those beyond the program's qubits stay as they are.
pub(super) fn operations(layered: &LayeredProgram, bits: usize) -> (Vec<Operation>, IndexMap) {
    let mut map = IndexMap::identity(bits);
    let mut operations = Vec::new();
    for node in &layered.nodes {
        match node {
            Node::Layer(layer) => {
                operations.extend(layer.phases.iter().map(|phase| Operation::Phase(moved_phase(phase, &map))));
                operations
                    .extend(layer.rotations.iter().map(|rotation| Operation::Rotation(moved_rotation(rotation, &map))));
            }
            Node::Permute(next) => map = map.then(&next.widened(bits)),
            Node::Step { index, map: own } => {
                operations.push(Operation::Step { index: *index, map: map.then(&own.widened(bits)) });
            }
        }
    }
    (operations, map)
}

/// Parity in the indices before a map.
pub(super) fn moved_parity(parity: Parity, map: &IndexMap) -> Parity {
    let Parity { mask, odd } = map.parity(parity.mask);
    Parity { mask, odd: odd ^ parity.odd }
}

pub(super) fn moved_phase(phase: &Phase, map: &IndexMap) -> Phase {
    let region = match &phase.region {
        Region::Sign(parity) => Region::Sign(moved_parity(*parity, map)),
        Region::All(parities) => Region::All(parities.iter().map(|parity| moved_parity(*parity, map)).collect()),
    };
    Phase { source: phase.source, region }
}

pub(super) fn moved_rotation(rotation: &Rotation, map: &IndexMap) -> Rotation {
    let (flip_mask, parity) = (map.flip_mask(rotation.flip_mask), moved_parity(rotation.parity, map));
    Rotation { source: rotation.source, flip_mask, parity }
}

impl Operation {
    /// Operation in the indices before a map.
    pub(super) fn moved(&self, map: &IndexMap) -> Self {
        match self {
            Self::Phase(phase) => Self::Phase(moved_phase(phase, map)),
            Self::Rotation(rotation) => Self::Rotation(moved_rotation(rotation, map)),
            Self::Step { index, map: own } => Self::Step { index: *index, map: map.then(own) },
        }
    }

    /// Bits that the operation flips, if it is a rotation.
    pub(super) fn flips(&self) -> u64 {
        match self {
            Self::Rotation(rotation) => rotation.flip_mask,
            Self::Phase(_) | Self::Step { .. } => 0,
        }
    }

    /// Whether the order of two operations does not matter. Nothing passes a step.
    pub(super) fn commutes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Phase(_), Self::Phase(_)) => true,
            (Self::Phase(phase), Self::Rotation(rotation)) | (Self::Rotation(rotation), Self::Phase(phase)) => {
                phase_commutes(phase, rotation)
            }
            (Self::Rotation(a), Self::Rotation(b)) => is_odd(a, b) == is_odd(b, a),
            (Self::Step { .. }, _) | (_, Self::Step { .. }) => false,
        }
    }
}

/// Whether the parity of a rotation is odd on the flip mask of another one.
pub(super) fn is_odd(parity: &Rotation, flips: &Rotation) -> bool {
    crate::gf2::parity(parity.parity.mask & flips.flip_mask)
}

pub(super) fn phase_commutes(phase: &Phase, rotation: &Rotation) -> bool {
    let even = |parity: &Parity| !crate::gf2::parity(parity.mask & rotation.flip_mask);
    match &phase.region {
        Region::Sign(parity) => even(parity),
        Region::All(parities) => parities.iter().all(even),
    }
}
