//! Tables of a sweep for one sample: cosines and sines with the sign of each lane, and phase tables.

use crate::engine::Real;
use crate::engine::cpu::angles::Angles;
use crate::engine::cpu::factored::{FactoredPass, Phases, WORTH_A_TABLE, set_gradient_scales};
use crate::engine::cpu::pass::Pass;
use crate::engine::cpu::passes::Rotors;
use crate::engine::cpu::single::tiling::{Sweep, SweepSize};
use crate::engine::cpu::state::Buffer;
use crate::engine::cpu::steps::forward::CosSin;
use crate::engine::lines::held_bytes;
use crate::engine::simd::LANE_QUBITS;
use crate::engine::simd::LANES;
use crate::engine::simd::sincos::sin_cos;
use crate::engine::tile_planner::Term;
use crate::gf2::parity;
use crate::program::{Parity, Rotation};
use num_complex::Complex64;

/// Cosines and sines by local index and lane. Empty if there is no table.
#[derive(Debug)]
pub(crate) struct LaneTable<T> {
    pub(crate) cos: Buffer<T>,
    pub(crate) sin: Buffer<T>,
}

/// Tables of a sweep for one sample. Sines have the sign that belongs to each lane.
#[derive(Debug)]
pub(crate) struct SweepTables<T> {
    pub(crate) loose: Vec<CosSin<T>>,
    pub(crate) before: LaneTable<T>,
    pub(crate) within: Vec<CosSin<T>>,
    /// Rotors of each pass over the rotations across vectors, and the rotors that undo it.
    pub(crate) rotors: Vec<[Rotors<T>; 2]>,
    /// Factored rotations of the passes.
    pub(crate) passes: Vec<FactoredPass<T>>,
    /// Scale of the gradients that are taken between the reverse of the rotations across vectors and the leading phase
    /// table: the states lack factors there.
    pub(crate) weight: f64,
    pub(crate) after: LaneTable<T>,
}

impl<T> Default for LaneTable<T> {
    fn default() -> Self {
        Self { cos: Buffer::default(), sin: Buffer::default() }
    }
}

impl<T> Default for SweepTables<T> {
    fn default() -> Self {
        let [before, after] = [LaneTable::default(), LaneTable::default()];
        let (loose, within, rotors, passes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { loose, before, within, rotors, passes, weight: 1.0, after }
    }
}

/// Sign of a parity in each lane.
pub(crate) fn lane_signs(mask: u64, odd: bool) -> [f64; LANES] {
    std::array::from_fn(|lane| if parity(lane as u64 & mask) != odd { -1.0 } else { 1.0 })
}

pub(crate) fn rotation_signs(rotation: &Rotation) -> [f64; LANES] {
    lane_signs(rotation.parity.mask, rotation.parity.odd)
}

impl<T: Real> SweepTables<T> {
    /// Bytes that the tables hold.
    pub(crate) fn bytes(&self) -> usize {
        let tables = [&self.before, &self.after].map(|table| table.cos.bytes() + table.sin.bytes());
        let cos_sins = held_bytes(&self.loose) + held_bytes(&self.within);
        tables.iter().sum::<usize>() + cos_sins + held_bytes(&self.rotors) + held_bytes(&self.passes)
    }

    /// Largest number of bytes of a sweep's tables, without its loose phases.
    pub(crate) fn most_bytes(size: SweepSize) -> usize {
        let entries = LANES << size.local;
        let passes = size.passes() * (size_of::<[Rotors<T>; 2]>() + size_of::<FactoredPass<T>>());
        4 * entries * size_of::<T>() + size.within * size_of::<CosSin<T>>() + passes
    }

    /// Computes the tables of a sweep.
    pub(crate) fn set(&mut self, sweep: &Sweep, angles: Angles<'_, T>, scratch: &mut Phases) {
        let signed = |value: Complex64, signs: [f64; LANES]| CosSin {
            cos: [T::from_f64(value.re); LANES],
            sin: signs.map(|sign| T::from_f64(sign * value.im)),
        };
        let rotation = |rotation: &Rotation| signed(angles.point(rotation.source), rotation_signs(rotation));
        let loose = |term: &Term| signed(cis(angle(term, angles)), lane_signs(term.mask, false));
        refill(&mut self.loose, sweep.loose.iter().map(loose));
        refill(&mut self.within, sweep.within.iter().map(rotation));
        let short = !sweep.before.is_empty() || sweep.across.len() >= WORTH_A_TABLE;
        let shared = |pass: &Pass| FactoredPass::new(pass.rotations.iter().map(|r| angles.point(r.source)), short);
        refill(&mut self.passes, sweep.passes.iter().map(shared));
        self.weight = set_gradient_scales(&mut self.passes);
        self.set_rotors(sweep, angles);
        let entries = sweep.offsets.len() * LANES;
        let factor = self.passes.iter().map(FactoredPass::factor).product();
        let swapped = swapped(sweep, &self.passes);
        self.before.set(&sweep.before, if short { entries } else { 0 }, angles, scratch, (factor, swapped));
        let after = if sweep.after.is_empty() { 0 } else { entries };
        self.after.set(&sweep.after, after, angles, scratch, (1.0, Parity::default()));
    }

    /// Sets the rotors of each pass, and the rotors that undo it, with the sign of each lane.
    fn set_rotors(&mut self, sweep: &Sweep, angles: Angles<'_, T>) {
        let mut across = sweep.across.iter();
        self.rotors.resize_with(sweep.passes.len(), Default::default);
        for ((pass, shared), both) in sweep.passes.iter().zip(&self.passes).zip(&mut self.rotors) {
            for (rotors, back) in both.iter_mut().zip([false, true]) {
                shared.set_rotors(pass, angles, back, rotors);
            }
            for (k, rotation) in across.by_ref().take(pass.rotations.len()).enumerate() {
                let signs = rotation_signs(rotation);
                for cos_sin in both.iter_mut().map(|rotors| &mut rotors.cos_sins[k]) {
                    cos_sin.sin.iter_mut().zip(signs).for_each(|(sin, sign)| *sin *= T::from_f64(sign));
                }
            }
        }
    }
}

/// Replaces the entries of a vector, in its memory.
fn refill<V>(vector: &mut Vec<V>, values: impl Iterator<Item = V>) {
    vector.clear();
    vector.extend(values);
}

/// `exp(i angle)`.
fn cis(angle: f64) -> Complex64 {
    let (mut sin, mut cos) = ([0.0], [0.0]);
    sin_cos(&[angle], &mut sin, &mut cos);
    Complex64::new(cos[0], sin[0])
}

/// Parity of the local indices at which the product of a sweep's factors is negative. A factor counts at the upper of
/// the two amplitudes that its rotation exchanges, and in the lanes in which the sine of its rotation is negative.
fn swapped<T: Real>(sweep: &Sweep, passes: &[FactoredPass<T>]) -> Parity {
    let mut total = Parity::default();
    let mut across = sweep.across.iter();
    for (pass, shared) in sweep.passes.iter().zip(passes) {
        for (k, (local, rotation)) in pass.rotations.iter().zip(&mut across).enumerate() {
            if shared.swapped() >> k & 1 == 1 {
                let lanes = rotation.parity.mask & (LANES as u64 - 1);
                total.mask ^= local.flip_mask << LANE_QUBITS | lanes;
                total.odd ^= rotation.parity.odd;
            }
        }
    }
    total
}

fn angle<T: Real>(term: &Term, angles: Angles<'_, T>) -> f64 {
    term.parts.iter().map(|(source, weight)| weight * angles.value(*source)).sum()
}

impl<T: Real> LaneTable<T> {
    /// Computes `entries` phases times `factor`, and negates them where the parity `negative` is odd.
    fn set(
        &mut self,
        terms: &[Term],
        entries: usize,
        angles: Angles<'_, T>,
        scratch: &mut Phases,
        (factor, negative): (f64, Parity),
    ) {
        if entries > 0 {
            scratch.set(entries, terms.iter().map(|term| (term.mask, angle(term, angles))));
        }
        for (to, from) in [(&mut self.cos, &scratch.cos), (&mut self.sin, &scratch.sin)] {
            to.fit(entries);
            for (index, (to, value)) in to.iter_mut().zip(from).enumerate() {
                *to = T::from_f64(if negative.of(index as u64) { -factor } else { factor } * value);
            }
        }
    }
}
