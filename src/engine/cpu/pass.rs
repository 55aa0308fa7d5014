//! Passes: up to three rotations that are done while the amplitudes are in registers.

use crate::engine::tile_planner::passes;
use crate::gf2::xor_of;
use crate::program::Rotation;
use std::ops::Range;

/// Largest number of rotations in a pass: 8 amplitudes fill half the registers of AVX-512.
pub(crate) const MAX_ROTATIONS: usize = 3;

/// Up to three rotations done on groups of 1, 2, 4 or 8 amplitudes.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    pub(crate) rotations: Vec<Rotation>,
    /// Stored index of the first amplitude of each group, at which the parities of all rotations are even.
    pub(crate) bases: Vec<u32>,
    /// XOR distances of a group's amplitudes from the first: bit `k` of the position is rotation `k` of the pass.
    pub(crate) distances: [usize; 1 << MAX_ROTATIONS],
}

impl Pass {
    pub(crate) fn new(rotations: &[Rotation], qubits: usize) -> Self {
        let even = |index: &u64| rotations.iter().all(|rotation| !rotation.parity.of(*index));
        let mut bases = Vec::with_capacity(Self::groups(rotations.len(), qubits) as usize);
        bases.extend((0..1u64 << qubits).filter(even).map(|index| index as u32));
        let flip_masks: Vec<u64> = rotations.iter().map(|rotation| rotation.flip_mask).collect();
        let distance = |position: usize| xor_of(&flip_masks, position as u64) as usize;
        Self { rotations: rotations.to_vec(), bases, distances: std::array::from_fn(distance) }
    }

    /// Number of groups of amplitudes in a pass of `rotations` rotations.
    fn groups(rotations: usize, qubits: usize) -> u64 {
        1 << (qubits - rotations)
    }

    /// Makes passes for the rotations of a layer, the smallest first. The first pass also does the phases, if there are
    /// any.
    pub(crate) fn split(rotations: &[Rotation], qubits: usize, phases: bool) -> Vec<Self> {
        passes(rotations.len(), MAX_ROTATIONS, phases).map(|portion| Self::new(&rotations[portion], qubits)).collect()
    }

    /// Returns the number of passes that [`split`](Self::split) makes, and the bytes that they take.
    pub(crate) fn bytes_of_split(rotations: usize, qubits: usize, phases: bool) -> (usize, u64) {
        let pass = |portion: Range<usize>| {
            let numbers = portion.len() * size_of::<Rotation>() + size_of::<Self>();
            Self::groups(portion.len(), qubits) * size_of::<u32>() as u64 + numbers as u64
        };
        let portions = passes(rotations, MAX_ROTATIONS, phases);
        (portions.len(), portions.map(pass).sum())
    }
}
