//! Passes with their cosines factored out, and the phase tables that bring the cosines back.
//!
//! If no rotation of a pass depends on the sample, the pass takes two operations for each number instead of four:
//!
//! ```text
//! [cos -sin; sin cos] = cos [1 -t; t 1]      t = sin / cos, where |t| is at most 1
//! [cos -sin; sin cos] = sin X [1 -u; u 1] Z  u = cos / sin, elsewhere
//! ```
//!
//! X exchanges the amplitudes of a pair. Z is the sign of half of the entries of the phase table in front. The table
//! also has the omitted factors, the cosines and sines. So the norm is off only within a layer, and never by more than
//! the square root of 2 for each rotation. Weights correct the gradients that are taken within the layer.

use crate::engine::Real;
use crate::engine::cpu::angles::Angles;
use crate::engine::cpu::pass::{MAX_ROTATIONS, Pass};
use crate::engine::cpu::passes::Rotors;
use crate::engine::cpu::steps::forward::CosSin;
use crate::engine::lines::held_bytes;
use crate::engine::simd::LANES;
use crate::engine::simd::arch::current_arch;
use crate::engine::simd::sincos::sin_cos;
use crate::gf2;
use crate::program::Source;
use num_complex::Complex64;
use pulp::NullaryFnOnce;

/// Rotations from which a table saves more time than it costs, even if it holds only their factors.
pub(super) const WORTH_A_TABLE: usize = 3;

/// Phases for a table: their angles, sines and cosines.
#[derive(Debug, Default)]
pub(super) struct Phases {
    angles: Vec<f64>,
    pub(super) sin: Vec<f64>,
    pub(super) cos: Vec<f64>,
}

impl Phases {
    /// Bytes that the phases hold.
    pub(super) fn bytes(&self) -> usize {
        [&self.angles, &self.sin, &self.cos].map(held_bytes).iter().sum()
    }

    /// Computes `count` phases, to which each term `(mask, angle)` adds `angle * (-1)^|index & mask|`.
    pub(super) fn set(&mut self, count: usize, terms: impl Iterator<Item = (u64, f64)>) {
        self.angles.clear();
        self.angles.resize(count, 0.0);
        terms.for_each(|(mask, angle)| self.angles[mask as usize] += angle);
        walsh_hadamard(&mut self.angles);
        self.sin.resize(count, 0.0);
        self.cos.resize(count, 0.0);
        sin_cos(&self.angles, &mut self.sin, &mut self.cos);
    }
}

/// Rotations of a pass that all samples share, computed before the angles of a block.
#[derive(Debug)]
pub(super) struct FactoredPass<T> {
    short: Option<Factored<T>>,
    /// Scale of the gradient of each rotation.
    pub(super) weights: [f64; MAX_ROTATIONS],
}

/// A pass of rotations `[1 -t; t 1]`.
#[derive(Debug)]
struct Factored<T> {
    tangents: [T; MAX_ROTATIONS],
    factors: [f64; MAX_ROTATIONS],
    /// Mask of the rotations for which the tangent is a cotangent, and whose amplitudes are exchanged.
    swapped: usize,
}

impl<T: Real> Factored<T> {
    fn new(values: impl Iterator<Item = Complex64>) -> Self {
        let mut short = Self { tangents: [T::zero(); MAX_ROTATIONS], factors: [1.0; MAX_ROTATIONS], swapped: 0 };
        for (k, value) in values.enumerate() {
            let swap = value.im.abs() > value.re.abs();
            let (large, small) = if swap { (value.im, value.re) } else { (value.re, value.im) };
            short.tangents[k] = T::from_f64(small / large);
            // The factor belongs to the rounded tangent, so that the rotation keeps the norm.
            let tangent = short.tangents[k].to_f64();
            short.factors[k] = (1.0 / (1.0 + tangent * tangent).sqrt()).copysign(large);
            short.swapped |= usize::from(swap) << k;
        }
        short
    }
}

impl<T: Real> FactoredPass<T> {
    /// Makes a pass of rotations with these cosines and sines, which are factored out if `short`.
    pub(super) fn new(values: impl Iterator<Item = Complex64>, short: bool) -> Self {
        Self { short: short.then(|| Factored::new(values)), weights: [1.0; MAX_ROTATIONS] }
    }

    /// Product of the factors that the rotors leave out.
    pub(super) fn factor(&self) -> f64 {
        self.short.as_ref().map_or(1.0, |short| short.factors.iter().product())
    }

    /// Mask of the rotations that exchange amplitudes.
    pub(super) fn swapped(&self) -> usize {
        self.short.as_ref().map_or(0, |short| short.swapped)
    }

    /// Sets the rotors that do a pass or, if `back`, the rotors that undo it.
    pub(super) fn set_rotors(&self, pass: &Pass, angles: Angles<'_, T>, back: bool, to: &mut Rotors<T>) {
        (to.unit, to.swapped) = (self.short.is_some(), self.swapped());
        for (k, (cos_sin, rotation)) in to.cos_sins.iter_mut().zip(&pass.rotations).enumerate() {
            match (&self.short, rotation.source) {
                (Some(short), _) => (cos_sin.cos, cos_sin.sin) = ([T::one(); LANES], [short.tangents[k]; LANES]),
                (None, Source::Slot(slot)) => *cos_sin = angles.cos_sin(slot),
                (None, Source::Fixed(value)) => *cos_sin = CosSin::fixed(value),
            }
            if back && self.swapped() >> k & 1 == 0 {
                cos_sin.sin.iter_mut().for_each(|sin| *sin = -*sin);
            }
        }
    }
}

/// Sets the scale of each rotation's gradient, and returns the scale of the gradients of the leading phase table. Both
/// correct for the factors that the states lack once the rotation is undone. A layer is undone from its last pass on,
/// and each pass from its first rotation on.
pub(super) fn set_gradient_scales<T>(passes: &mut [FactoredPass<T>]) -> f64 {
    let mut weight = 1.0;
    for pass in passes.iter_mut().rev() {
        let Some(short) = &pass.short else {
            pass.weights = [weight; MAX_ROTATIONS];
            continue;
        };
        for (k, factor) in short.factors.iter().enumerate() {
            pass.weights[k] = weight;
            weight *= factor * factor;
        }
    }
    weight
}

/// Computes a Walsh-Hadamard transform in place, on the machine's instruction set.
pub(super) fn walsh_hadamard(values: &mut [f64]) {
    current_arch().dispatch(Transform(values));
}

struct Transform<'a>(&'a mut [f64]);

impl NullaryFnOnce for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        gf2::walsh_hadamard(self.0);
    }
}
