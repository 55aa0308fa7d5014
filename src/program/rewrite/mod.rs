//! Rewrites: optimisations of a program between circuit and engine, each in a small file.
//!
//! [`light_cone`], [`controls`], [`two_qubits`], [`merge`], [`excitations`] and [`idle_qubits`] change steps.
//! [`product_start`] changes the layered program. Layers and trailing phases are in [`super::layered`], and relabelling is
//! in [`super::index_map`].

mod controls;
mod excitations;
mod idle_qubits;
pub(super) mod light_cone;
mod merge;
mod product_start;
mod run;
mod slots;
mod two_qubits;

pub(super) use controls::diagonalized_steps;
pub(super) use idle_qubits::on_qubits;
pub(super) use product_start::{product_start, step_on_qubit};

use super::Program;
use crate::measurement::Measurement;
use num_complex::Complex64;

/// Optimisation of a program that can be left out. Results stay the same up to rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rewrite {
    /// Removes steps that no measured qubit depends on.
    LightCone,
    /// Splits diagonal rotations and constants under controls into products in which only phases have controls. Programs
    /// with channels are left alone.
    Controls,
    /// Splits constant matrices on two qubits into gates on one qubit, rotations about XX, YY and ZZ, and SWAP. Programs
    /// with channels are left alone, and so are those of Pauli propagation and density matrices.
    TwoQubitMatrices,
    /// Merges neighbouring rotations about the same word, and neighbouring constant gates on a qubit. Programs with
    /// channels are left alone.
    Merge,
    /// Joins neighbouring rotations about words with one x-mask and angles of one size, such as the eight rotations of a
    /// double excitation, into one rotation under controls. Needs [`Relabel`](Self::Relabel). Programs with channels are left
    /// alone, and so are programs for Pauli propagation, for density matrices and for states that processes share.
    Excitations,
    /// Removes the qubits that no remaining step touches and no observable needs.
    IdleQubits,
    /// Arranges steps in layers of phases and rotations. Without this rewrite every step is a sweep of its own.
    Layers,
    /// Computes the product state of the first gates on single qubits.
    ProductStart,
    /// Replaces CX, X and SWAP by a change of the index map, so that they move no amplitude.
    Relabel,
    /// Removes the last phases before a readout of Z. They change no output and have gradients of 0.
    TrailingPhases,
    /// Computes outputs that depend on few qubits from states of these qubits alone, on the CPU.
    Cones,
}

impl Rewrite {
    /// All rewrites, in the order in which they happen.
    pub const ALL: [Self; 11] = [
        Self::LightCone,
        Self::Controls,
        Self::TwoQubitMatrices,
        Self::Merge,
        Self::Excitations,
        Self::IdleQubits,
        Self::Layers,
        Self::ProductStart,
        Self::Relabel,
        Self::TrailingPhases,
        Self::Cones,
    ];
}

/// Set of rewrites; the default is all of them.
///
/// ```
/// use candlewick::program::{Rewrite, Rewrites};
/// let most = Rewrites::ALL.without(Rewrite::Merge);
/// assert!(most.contains(Rewrite::Layers) && !most.contains(Rewrite::Merge));
/// assert_eq!(Rewrite::ALL.into_iter().fold(Rewrites::NONE, Rewrites::with), Rewrites::ALL);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rewrites(u32);

impl Rewrites {
    /// All rewrites.
    pub const ALL: Self = Self((1 << Rewrite::ALL.len()) - 1);
    /// Empty set: programs run gate by gate, for tests.
    pub const NONE: Self = Self(0);

    /// All rewrites that keep each operation of a circuit as steps of its own.
    pub(crate) const AS_WRITTEN: Self = Self::ALL
        .without(Rewrite::LightCone)
        .without(Rewrite::Controls)
        .without(Rewrite::TwoQubitMatrices)
        .without(Rewrite::Merge)
        .without(Rewrite::Excitations);

    /// Returns the set without a rewrite.
    pub const fn without(self, rewrite: Rewrite) -> Self {
        Self(self.0 & !(1 << rewrite as u8))
    }

    /// Returns the set with a rewrite.
    pub const fn with(self, rewrite: Rewrite) -> Self {
        Self(self.0 | 1 << rewrite as u8)
    }

    /// Set of the rewrites that are in both sets.
    pub(in crate::program) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns whether a rewrite is in the set.
    pub const fn contains(self, rewrite: Rewrite) -> bool {
        self.0 >> rewrite as u8 & 1 == 1
    }
}

impl Default for Rewrites {
    fn default() -> Self {
        Self::ALL
    }
}

/// Largest distance from an exact value that counts as rounding.
const NOISE: f64 = 4.0 * f64::EPSILON;

/// Whether a constant is 1 up to rounding.
pub(super) fn is_one(value: Complex64) -> bool {
    (value - 1.0).norm() < NOISE
}

/// Rewrites a program's steps.
pub(super) fn rewrite_steps(program: &mut Program, measurement: &Measurement) {
    let rewrites = program.rewrites;
    if rewrites.contains(Rewrite::LightCone) {
        light_cone::drop_unseen(program);
    }
    // Channels have their places among the steps.
    let is_pure = program.channels.is_empty();
    if is_pure && rewrites.contains(Rewrite::Controls) {
        controls::split_controls(program);
    }
    if is_pure && rewrites.contains(Rewrite::TwoQubitMatrices) {
        two_qubits::split_matrices(program);
    }
    if is_pure && rewrites.contains(Rewrite::Merge) {
        merge::merge_steps(program);
    }
    // The CX gates of an excitation move nothing, or each would be a sweep.
    if is_pure && rewrites.contains(Rewrite::Excitations) && rewrites.contains(Rewrite::Relabel) {
        excitations::join_words(program);
    }
    if rewrites.contains(Rewrite::IdleQubits) {
        idle_qubits::remove_idle(program, measurement);
    }
}
