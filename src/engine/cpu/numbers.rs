//! The numbers of a sweep for one sample: turns with the sign of each lane, and tables of phases.

use super::angles::Angles;
use super::kernels::Turn;
use super::layers::Rotors;
use super::plan::LANES;
use super::prepare::{SharedPass, WORTH_A_TABLE, walsh_hadamard, weigh};
use super::sincos::sin_cos;
use super::state::Buffer;
use crate::engine::Real;
use crate::program::{LANE_QUBITS, MAX_ROTATIONS, Parity, Pass, Program, Rotation, Source, Sweep, Term, TileNode};
use num_complex::Complex64;

/// Cosines and sines by local index and lane.
#[derive(Debug)]
pub(super) struct LaneTable<T> {
    pub(super) entries: usize,
    pub(super) cos: Buffer<T>,
    pub(super) sin: Buffer<T>,
}

/// The numbers of a sweep for one sample. Sines have the sign that belongs to each lane.
#[derive(Debug)]
pub(super) struct Numbers<T> {
    pub(super) loose: Vec<Turn<T>>,
    pub(super) before: Option<LaneTable<T>>,
    pub(super) within: Vec<Turn<T>>,
    /// The rotations across vectors, pass by pass, and those that undo them.
    pub(super) rotors: Vec<[Rotors<T>; 2]>,
    /// What the gradients of the rotations across vectors are multiplied by.
    pub(super) weights: Vec<[f64; MAX_ROTATIONS]>,
    /// The same for what is undone after them and before the table in front.
    pub(super) weight: f64,
    pub(super) after: Option<LaneTable<T>>,
}

impl<T> Numbers<T> {
    /// Bytes of its tables.
    pub(super) fn bytes(&self) -> usize {
        let tables = [&self.before, &self.after].into_iter().flatten();
        tables.map(|table| 2 * size_of::<T>() * table.entries).sum()
    }
}

fn sources(sweep: &Sweep) -> impl Iterator<Item = Source> {
    let rotations = sweep.within.iter().chain(&sweep.across).map(|rotation| rotation.source);
    let terms = sweep.loose.iter().chain(&sweep.before).chain(&sweep.after);
    rotations.chain(terms.flat_map(|term| term.parts.iter().map(|(source, _)| *source)))
}

fn reads_inputs(program: &Program, sweep: &Sweep) -> bool {
    sources(sweep).any(|source| matches!(source, Source::Slot(slot) if program.slots[slot].reads_inputs()))
}

/// The sign of a parity in each lane.
pub(super) fn lane_signs(mask: u64, odd: bool) -> [f64; LANES] {
    std::array::from_fn(|lane| if ((lane as u64 & mask).count_ones() % 2 == 1) != odd { -1.0 } else { 1.0 })
}

pub(super) fn rotation_signs(rotation: &Rotation) -> [f64; LANES] {
    lane_signs(rotation.parity.mask, rotation.parity.odd)
}

impl<T: Real> Numbers<T> {
    /// Those of a sweep, if all samples share them.
    pub(super) fn shared(program: &Program, node: &TileNode, angles: &Angles<T>) -> Option<Self> {
        match node {
            TileNode::Sweep(sweep) => (!reads_inputs(program, sweep)).then(|| Self::new(sweep, angles)),
            TileNode::Step { .. } | TileNode::Settle(_) => None,
        }
    }

    pub(super) fn new(sweep: &Sweep, angles: &Angles<T>) -> Self {
        let signed = |value: Complex64, signs: [f64; LANES]| Turn {
            cos: [T::from_f64(value.re); LANES],
            sin: signs.map(|sign| T::from_f64(sign * value.im)),
        };
        let rotation = |rotation: &Rotation| signed(point(rotation.source, angles), rotation_signs(rotation));
        let loose = |term: &Term| signed(Complex64::cis(angle(term, angles)), lane_signs(term.mask, false));
        let short = !sweep.before.is_empty() || sweep.across.len() >= WORTH_A_TABLE;
        let values = |pass: &Pass| SharedPass::new(pass.rotations.iter().map(|r| point(r.source, angles)), short);
        let mut passes: Vec<SharedPass<T>> = sweep.passes.iter().map(values).collect();
        let weight = weigh(&mut passes);
        let entries = sweep.offsets.len() * LANES;
        let factor = passes.iter().map(SharedPass::factor).product();
        let swapped = swapped(sweep, &passes);
        Self {
            loose: sweep.loose.iter().map(loose).collect(),
            before: short.then(|| table(&sweep.before, entries, angles, factor, swapped)),
            within: sweep.within.iter().map(rotation).collect(),
            rotors: rotors(sweep, &passes, angles),
            weights: passes.iter().map(|pass| pass.weights).collect(),
            weight,
            after: (!sweep.after.is_empty()).then(|| table(&sweep.after, entries, angles, 1.0, Parity::default())),
        }
    }
}

/// The local indices at which the factor of a sweep's rotors is negative: an odd number of times at the upper of the
/// amplitudes that a rotation exchanges, or in a lane in which its sine is negative.
fn swapped<T: Real>(sweep: &Sweep, passes: &[SharedPass<T>]) -> Parity {
    let mut total = Parity::default();
    let mut across = sweep.across.iter();
    for (pass, shared) in sweep.passes.iter().zip(passes) {
        for (k, (local, rotation)) in pass.rotations.iter().zip(&mut across).enumerate() {
            if shared.swapped() >> k & 1 == 1 {
                let lanes = rotation.parity.mask & (LANES as u64 - 1);
                total.mask ^= local.displacement << LANE_QUBITS | lanes;
                total.odd ^= rotation.parity.odd;
            }
        }
    }
    total
}

/// The rotors of each pass, and those that undo it, with the sign of each lane.
fn rotors<T: Real>(sweep: &Sweep, passes: &[SharedPass<T>], angles: &Angles<T>) -> Vec<[Rotors<T>; 2]> {
    let mut across = sweep.across.iter();
    let of_pass = |(pass, shared): (&Pass, &SharedPass<T>)| {
        let signs: Vec<[f64; LANES]> = across.by_ref().take(pass.rotations.len()).map(rotation_signs).collect();
        [false, true].map(|back| {
            let mut rotors = shared.rotors(pass, angles, back);
            for (turn, signs) in rotors.turns.iter_mut().zip(&signs) {
                turn.sin.iter_mut().zip(signs).for_each(|(sin, sign)| *sin *= T::from_f64(*sign));
            }
            rotors
        })
    };
    sweep.passes.iter().zip(passes).map(of_pass).collect()
}

/// The cosine and sine of a source.
fn point<T: Real>(source: Source, angles: &Angles<T>) -> Complex64 {
    match source {
        Source::Slot(slot) => Complex64::cis(angles.value(slot)),
        Source::Fixed(value) => value,
    }
}

fn angle<T: Real>(term: &Term, angles: &Angles<T>) -> f64 {
    let value = |source: Source| match source {
        Source::Slot(slot) => angles.value(slot),
        Source::Fixed(value) => value.arg(),
    };
    term.parts.iter().map(|(source, weight)| weight * value(*source)).sum()
}

/// A table of phases times a factor, which is negative where a parity is odd.
fn table<T: Real>(terms: &[Term], entries: usize, angles: &Angles<T>, factor: f64, negative: Parity) -> LaneTable<T> {
    let mut phases = vec![0.0; entries];
    for term in terms {
        phases[term.mask as usize] += angle(term, angles);
    }
    walsh_hadamard(&mut phases);
    let (mut sin, mut cos) = (vec![0.0; entries], vec![0.0; entries]);
    sin_cos(&phases, &mut sin, &mut cos);
    let rounded = |values: Vec<f64>| {
        let mut buffer = Buffer::new(entries);
        for (index, (to, value)) in buffer.iter_mut().zip(values).enumerate() {
            *to = T::from_f64(if negative.of(index as u64) { -factor } else { factor } * value);
        }
        buffer
    };
    LaneTable { entries, cos: rounded(cos), sin: rounded(sin) }
}
