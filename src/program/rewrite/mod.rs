//! Rewrites: what a program goes through on its way from a circuit to an engine, one small file each.
//!
//! On steps: [`light_cone`], [`controls`], [`merge`]. On the layered program of steps: [`product_start`], [`trailing`]. Relabelling
//! is [`super::index map`], layers are [`super::layered program`].

mod controls;
mod light_cone;
mod merge;
mod product_start;
mod run;
mod slots;
mod trailing;

pub(super) use controls::diagonalized;
pub(super) use product_start::{on, product_start};
pub(super) use trailing::sees_no_phases;

use super::Program;
use num_complex::Complex64;

/// A rewrite of a program that saves work. Each may be left out; results stay the same to rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rewrite {
    /// Steps that no observable can see are dropped.
    LightCone,
    /// Diagonal rotations and constants under controls become products in which only phases have controls.
    Controls,
    /// Neighbouring rotations about the same word become one, neighbouring constant gates on a qubit one matrix.
    Merge,
    /// Steps are arranged in layers of phases and rotations; without it every step is a pass of its own.
    Layers,
    /// The first gates of each qubit act on that qubit alone.
    ProductStart,
    /// CX, X and SWAP move no amplitude.
    Relabel,
    /// The last phases are dropped in front of a readout of Z.
    TrailingPhases,
}

impl Rewrite {
    /// All rewrites, in the order in which they happen.
    pub const ALL: [Self; 7] = [
        Self::LightCone,
        Self::Controls,
        Self::Merge,
        Self::Layers,
        Self::ProductStart,
        Self::Relabel,
        Self::TrailingPhases,
    ];
}

/// A set of rewrites; by default all of them.
///
/// ```
/// use candlewick::program::{Rewrite, Rewrites};
/// let most = Rewrites::ALL.without(Rewrite::Merge);
/// assert!(most.contains(Rewrite::Layers) && !most.contains(Rewrite::Merge));
/// assert_eq!(Rewrite::ALL.into_iter().fold(Rewrites::NONE, Rewrites::with), Rewrites::ALL);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rewrites(u8);

impl Rewrites {
    /// Every rewrite.
    pub const ALL: Self = Self((1 << Rewrite::ALL.len()) - 1);
    /// No rewrite: gate by gate, for checking.
    pub const NONE: Self = Self(0);

    /// All that leave a circuit's operations as they are written, one or several steps each.
    pub(crate) const AS_WRITTEN: Self =
        Self::ALL.without(Rewrite::LightCone).without(Rewrite::Controls).without(Rewrite::Merge);

    /// The set without one.
    pub const fn without(self, rewrite: Rewrite) -> Self {
        Self(self.0 & !(1 << rewrite as u8))
    }

    /// The set with one more.
    pub const fn with(self, rewrite: Rewrite) -> Self {
        Self(self.0 | 1 << rewrite as u8)
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

/// Below this is what rounding leaves of zero.
const NOISE: f64 = 4.0 * f64::EPSILON;

/// Whether a constant is 1 but for rounding.
pub(super) fn is_one(value: Complex64) -> bool {
    (value - 1.0).norm() < NOISE
}

/// Rewrites a program's steps.
pub(super) fn rewrite(program: &mut Program) {
    let rewrites = program.rewrites;
    if rewrites.contains(Rewrite::LightCone) {
        light_cone::drop_unseen(program);
    }
    if rewrites.contains(Rewrite::Controls) {
        controls::split(program);
    }
    if rewrites.contains(Rewrite::Merge) {
        merge::merge(program);
    }
}
