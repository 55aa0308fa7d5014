//! Passes with their cosines factored out, and the phase tables that bring these back.
//!
//! If no rotation of a pass depends on the sample, it is done in two operations for each number in place of four:
//!
//! ```text
//! [cos -sin; sin cos] = cos [1 -t; t 1]      t = sin / cos, where |t| is at most 1
//! [cos -sin; sin cos] = sin X [1 -u; u 1] Z  u = cos / sin, elsewhere
//! ```
//!
//! X exchanges the amplitudes of a pair, and Z is the sign of half of the entries of the phase table in front. The factors
//! left out, cosines and sines, are in that table too. So the norm is off only within a layer, never by more than the
//! square root of 2 a rotation; gradients taken there are corrected by weights.

use crate::engine::Real;
use crate::engine::cpu::angles::Angles;
use crate::engine::cpu::memory::held;
use crate::engine::cpu::pass::{MAX_ROTATIONS, Pass};
use crate::engine::cpu::passes::Rotors;
use crate::engine::cpu::simd::LANES;
use crate::engine::cpu::simd::arch::arch;
use crate::engine::cpu::simd::sincos::sin_cos;
use crate::engine::cpu::steps::forward::CosSin;
use crate::program::Source;
use num_complex::Complex64;
use pulp::NullaryFnOnce;

/// Rotations from which a table made for their factors alone costs less than it saves.
pub(super) const WORTH_A_TABLE: usize = 3;

/// Phases on their way to a table: their angles, sines and cosines.
#[derive(Debug, Default)]
pub(super) struct Phases {
    angles: Vec<f64>,
    pub(super) sin: Vec<f64>,
    pub(super) cos: Vec<f64>,
}

impl Phases {
    /// Bytes it holds on to.
    pub(super) fn bytes(&self) -> usize {
        [&self.angles, &self.sin, &self.cos].map(held).iter().sum()
    }

    /// `count` phases, where a term `(mask, angle)` adds `angle * (-1)^|index & mask|`.
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

/// What is known of a pass before the angles of a block are.
#[derive(Debug)]
pub(super) struct FactoredPass<T> {
    short: Option<Factored<T>>,
    /// What the gradient of each rotation is multiplied by.
    pub(super) weights: [f64; MAX_ROTATIONS],
}

/// A pass of rotations `[1 -t; t 1]`.
#[derive(Debug)]
struct Factored<T> {
    tangents: [T; MAX_ROTATIONS],
    factors: [f64; MAX_ROTATIONS],
    /// Bit `k`: the tangent is a cotangent.
    swapped: usize,
}

impl<T: Real> Factored<T> {
    fn new(values: impl Iterator<Item = Complex64>) -> Self {
        let mut short = Self { tangents: [T::zero(); MAX_ROTATIONS], factors: [1.0; MAX_ROTATIONS], swapped: 0 };
        for (k, value) in values.enumerate() {
            let swap = value.im.abs() > value.re.abs();
            let (large, small) = if swap { (value.im, value.re) } else { (value.re, value.im) };
            short.tangents[k] = T::from_f64(small / large);
            // That of the rounded tangent, so that the rotation keeps the norm.
            let tangent = short.tangents[k].to_f64();
            short.factors[k] = (1.0 / (1.0 + tangent * tangent).sqrt()).copysign(large);
            short.swapped |= usize::from(swap) << k;
        }
        short
    }
}

impl<T: Real> FactoredPass<T> {
    /// Rotations by these angles, left to their cosines and sines if `short` is false.
    pub(super) fn new(values: impl Iterator<Item = Complex64>, short: bool) -> Self {
        Self { short: short.then(|| Factored::new(values)), weights: [1.0; MAX_ROTATIONS] }
    }

    /// The factor the rotors leave out.
    pub(super) fn factor(&self) -> f64 {
        self.short.as_ref().map_or(1.0, |short| short.factors.iter().product())
    }

    /// The rotations, as bits, that exchange amplitudes.
    pub(super) fn swapped(&self) -> usize {
        self.short.as_ref().map_or(0, |short| short.swapped)
    }

    /// Sets the rotors of a pass, or those that undo it.
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

/// Sets what the gradients of rotations are multiplied by, for the factors that the states lack once they are undone; returns
/// the same for what is undone after them. A layer is undone from its last pass on, each pass from its first rotation on.
pub(super) fn weigh<T>(passes: &mut [FactoredPass<T>]) -> f64 {
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

/// `out[p] = sum over m of in[m] (-1)^|p & m|`, in place.
pub(super) fn walsh_hadamard(values: &mut [f64]) {
    arch().dispatch(Transform(values));
}

struct Transform<'a>(&'a mut [f64]);

impl NullaryFnOnce for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self(values) = self;
        let mut half = 1;
        // The first steps stay within eight neighbours.
        if let (eights, []) = values.as_chunks_mut::<8>() {
            for eight in eights {
                for bit in [1, 2, 4] {
                    // Partners by a shuffle, and a sign: as one vector.
                    let mut partners = [0.0; 8];
                    for j in 0..8 {
                        partners[j] = eight[j ^ bit];
                    }
                    for j in 0..8 {
                        let sign = if j & bit == 0 { 1.0 } else { -1.0 };
                        eight[j] = sign * eight[j] + partners[j];
                    }
                }
            }
            half = 8;
        }
        while half < values.len() {
            for block in values.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for (a, b) in low.iter_mut().zip(high) {
                    (*a, *b) = (*a + *b, *a - *b);
                }
            }
            half *= 2;
        }
    }
}
