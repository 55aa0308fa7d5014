//! Phases of a layer that differ from sample to sample, on a block of 16 samples.
//!
//! A phase turns an amplitude by one of two factors, depending on its stored index. Phases are taken in sets of a few.
//! The bits that choose their factors are the pattern of an index, and a set has a table of the products of factors for
//! all patterns. So an amplitude is turned once for a set, whatever the number of its phases. In reverse, `Im(λ* ψ)` is
//! added up for each pattern first, and the gradients of the set's phases follow from these sums.

use crate::engine::Real;
use crate::engine::cpu::angles::Angles;
use crate::engine::cpu::state::State;
use crate::engine::cpu::steps::forward::CosSin;
use crate::engine::lines::{Row16, held_bytes};
use crate::engine::simd::LANES;
use crate::engine::simd::align_frame;
use crate::engine::simd::arch::current_arch;
use crate::engine::simd::lanes16::{Lanes16, Pair, with_lanes16};
use crate::program::{Phase, Region, Source};
use pulp::{Simd, WithSimd};

/// Largest number of phases of a set: a pattern has as many bits.
const MAX_BITS: usize = 8;

/// Phases of a layer that differ from sample to sample, in sets.
#[derive(Debug, Clone)]
pub(crate) struct VaryingPhases {
    pub(crate) phases: Vec<Phase>,
    /// Phases of each set but the last.
    each: usize,
    /// Pattern of each amplitude, set by set.
    patterns: Vec<u8>,
}

/// Memory of a worker for these phases.
#[derive(Debug)]
pub(crate) struct VaryingScratch<T> {
    /// Cosine and sine of each pattern, set by set.
    rows: Vec<[Row16<T>; 2]>,
    /// Sums of `Im(λ* ψ)` of each pattern.
    sums: Vec<[f64; LANES]>,
}

impl<T> Default for VaryingScratch<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), sums: Vec::new() }
    }
}

impl<T> VaryingScratch<T> {
    /// Bytes that the memory holds.
    pub(crate) fn bytes(&self) -> usize {
        held_bytes(&self.rows) + held_bytes(&self.sums)
    }
}

/// Number of phases of a set. A set costs a turn of each amplitude and a factor of each pattern; a quarter as many
/// patterns as amplitudes keeps the second small.
fn phases_of_set(qubits: usize) -> usize {
    qubits.saturating_sub(2).clamp(1, MAX_BITS)
}

/// Bytes of the patterns of a layer with so many phases that differ.
pub(crate) fn pattern_bytes(qubits: usize, phases: usize) -> usize {
    phases.div_ceil(phases_of_set(qubits)) << qubits
}

/// Bytes of a worker's memory for so many phases, which a gradient needs more of.
pub(crate) fn scratch_bytes<T>(qubits: usize, phases: usize, gradient: bool) -> usize {
    let patterns = phases.div_ceil(phases_of_set(qubits)) << phases_of_set(qubits);
    patterns * (size_of::<[Row16<T>; 2]>() + if gradient { size_of::<[f64; LANES]>() } else { 0 })
}

/// Exponents of a phase where its bit is 0 and where it is 1: -1, 0 or 1 times φ.
fn exponents(region: &Region) -> [i32; 2] {
    match region {
        Region::Sign(_) => [-1, 1],
        Region::All(_) => [0, 1],
    }
}

impl VaryingPhases {
    pub(crate) fn new(phases: Vec<Phase>, qubits: usize) -> Self {
        let each = phases_of_set(qubits);
        let mut patterns = Vec::with_capacity(pattern_bytes(qubits, phases.len()));
        for set in phases.chunks(each) {
            let bit = |index: u64, k: usize| u8::from(set[k].region.sign(index) > 0) << k;
            patterns.extend((0..1u64 << qubits).map(|index| (0..set.len()).fold(0, |bits, k| bits | bit(index, k))));
        }
        Self { phases, each, patterns }
    }

    /// Bytes of the list of patterns.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        held_bytes(&self.patterns)
    }

    /// Sets, each with the place of its first pattern in the tables.
    fn sets(&self) -> impl Iterator<Item = (&[Phase], usize)> {
        let each = self.each;
        self.phases.chunks(each).enumerate().map(move |(index, set)| (set, index << each))
    }

    fn rows(&self) -> usize {
        self.phases.len().div_ceil(self.each) << self.each
    }

    /// Applies the phases.
    pub(crate) fn apply<T: Real>(&self, angles: Angles<'_, T>, psi: &mut State<T>, scratch: &mut VaryingScratch<T>) {
        if self.phases.is_empty() {
            return;
        }
        current_arch().dispatch(SetRows { phases: self, angles, rows: &mut scratch.rows });
        let rows = &scratch.rows[..];
        current_arch().dispatch(Apply { phases: self, rows, psi });
    }

    /// Undoes the phases on ψ and λ. Passes the index of each phase, with `-2 Im(λ* ψ)` times the derivative of its
    /// exponent, summed over the amplitudes in each lane, to `each`, if `has_gradient`.
    pub(crate) fn undo<T: Real>(
        &self,
        angles: Angles<'_, T>,
        (psi, lambda): (&mut State<T>, &mut State<T>),
        scratch: &mut VaryingScratch<T>,
        has_gradient: bool,
        mut each: impl FnMut(usize, [f64; LANES]),
    ) {
        if self.phases.is_empty() {
            return;
        }
        let VaryingScratch { rows, sums } = scratch;
        current_arch().dispatch(SetRows { phases: self, angles, rows });
        sums.clear();
        sums.resize(if has_gradient { self.rows() } else { 0 }, [0.0; LANES]);
        current_arch().dispatch(Undo { phases: self, rows: &rows[..], psi, lambda, sums: &mut sums[..] });
        if !has_gradient {
            return;
        }
        for (number, (set, first)) in self.sets().enumerate() {
            let mut sums = &mut sums[first..first + (1 << set.len())];
            // The last phase's bit is the highest: its two halves are added up, then added to each other.
            for (k, phase) in set.iter().enumerate().rev() {
                let (low, high) = sums.split_at_mut(sums.len() / 2);
                let mut total = [0.0; LANES];
                for (exponent, half) in exponents(&phase.region).into_iter().zip([&*low, &*high]) {
                    half.iter().for_each(|lanes| add_times(&mut total, 2.0 * f64::from(exponent), lanes));
                }
                low.iter_mut().zip(&*high).for_each(|(low, high)| add_times(low, 1.0, high));
                sums = low;
                each(number * self.each + k, total);
            }
        }
    }
}

fn add_times(to: &mut [f64; LANES], factor: f64, more: &[f64; LANES]) {
    to.iter_mut().zip(more).for_each(|(to, more)| *to += factor * more);
}

/// Computes the tables of all sets.
struct SetRows<'a, T> {
    phases: &'a VaryingPhases,
    angles: Angles<'a, T>,
    rows: &'a mut Vec<[Row16<T>; 2]>,
}

impl<T: Real> WithSimd for SetRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        with_lanes16!(self, simd, T)
    }
}

impl<T: Real> SetRows<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        align_frame();
        let lanes = Lanes16::<S, T>::new(simd);
        let Self { phases, angles, rows } = self;
        rows.resize(phases.rows(), [Row16([T::zero(); LANES]); 2]);
        for (set, first) in phases.sets() {
            let rows = &mut rows[first..first + (1 << set.len())];
            rows[0] = [Row16([T::one(); LANES]), Row16([T::zero(); LANES])];
            for (bit, phase) in set.iter().enumerate() {
                let Source::Slot(slot) = phase.source else { continue };
                let CosSin { cos, sin } = angles.cos_sin(slot);
                let turn: Pair<S, T, N> = (lanes.load(&cos), lanes.load(&sin));
                let back = (turn.0, lanes.minus(turn.1));
                let (low, high) = rows[..2 << bit].split_at_mut(1 << bit);
                for (low, high) in low.iter_mut().zip(high) {
                    let own = load_row::<S, T, N>(&lanes, low);
                    store_row(&lanes, high, lanes.spin(turn, own));
                    if let Region::Sign(_) = phase.region {
                        store_row(&lanes, low, lanes.spin(back, own));
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn load_row<S: Simd, T: Real, const N: usize>(lanes: &Lanes16<S, T>, row: &[Row16<T>; 2]) -> Pair<S, T, N> {
    (lanes.load(&row[0].0), lanes.load(&row[1].0))
}

#[inline(always)]
fn store_row<S: Simd, T: Real, const N: usize>(lanes: &Lanes16<S, T>, row: &mut [Row16<T>; 2], value: Pair<S, T, N>) {
    lanes.store(&mut row[0].0, value.0);
    lanes.store(&mut row[1].0, value.1);
}

/// Product of the factors of all sets for an amplitude.
#[inline(always)]
fn factor<S: Simd, T: Real, const N: usize>(
    lanes: &Lanes16<S, T>,
    (phases, rows): (&VaryingPhases, &[[Row16<T>; 2]]),
    (index, amplitudes): (usize, usize),
) -> Pair<S, T, N> {
    let mut of = load_row::<S, T, N>(lanes, &rows[usize::from(phases.patterns[index])]);
    let (mut at, mut first) = (index + amplitudes, 1 << phases.each);
    while at < phases.patterns.len() {
        of = lanes.spin(load_row::<S, T, N>(lanes, &rows[first + usize::from(phases.patterns[at])]), of);
        (at, first) = (at + amplitudes, first + (1 << phases.each));
    }
    of
}

struct Apply<'a, T> {
    phases: &'a VaryingPhases,
    rows: &'a [[Row16<T>; 2]],
    psi: &'a mut State<T>,
}

impl<T: Real> WithSimd for Apply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        with_lanes16!(self, simd, T)
    }
}

impl<T: Real> Apply<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        align_frame();
        let lanes = Lanes16::<S, T>::new(simd);
        let (re, im) = (self.psi.re.as_chunks_mut::<LANES>().0, self.psi.im.as_chunks_mut::<LANES>().0);
        let amplitudes = re.len();
        for (index, (re, im)) in re.iter_mut().zip(im).enumerate() {
            let by = factor::<S, T, N>(&lanes, (self.phases, self.rows), (index, amplitudes));
            let turned = lanes.spin(by, (lanes.load(re), lanes.load(im)));
            lanes.store(re, turned.0);
            lanes.store(im, turned.1);
        }
    }
}

struct Undo<'a, T> {
    phases: &'a VaryingPhases,
    rows: &'a [[Row16<T>; 2]],
    psi: &'a mut State<T>,
    lambda: &'a mut State<T>,
    /// Sums of each pattern, or nothing if no gradient is asked for.
    sums: &'a mut [[f64; LANES]],
}

impl<T: Real> WithSimd for Undo<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        with_lanes16!(self, simd, T)
    }
}

impl<T: Real> Undo<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        align_frame();
        let lanes = Lanes16::<S, T>::new(simd);
        let Self { phases, rows, psi, lambda, sums } = self;
        let psi = psi.re.as_chunks_mut::<LANES>().0.iter_mut().zip(psi.im.as_chunks_mut::<LANES>().0);
        let lambda = lambda.re.as_chunks_mut::<LANES>().0.iter_mut().zip(lambda.im.as_chunks_mut::<LANES>().0);
        let amplitudes = psi.len();
        for (index, (psi, lambda)) in psi.zip(lambda).enumerate() {
            let (cos, sin) = factor::<S, T, N>(&lanes, (phases, rows), (index, amplitudes));
            let back = (cos, lanes.minus(sin));
            let p = (lanes.load(psi.0), lanes.load(psi.1));
            let l = (lanes.load(lambda.0), lanes.load(lambda.1));
            if !sums.is_empty() {
                let mut overlap = [T::zero(); LANES];
                lanes.store(&mut overlap, lanes.overlap(p, l, lanes.splat::<N>(T::zero())));
                let own = phases.patterns[index..].iter().step_by(amplitudes).enumerate();
                for (set, pattern) in own {
                    let sum = &mut sums[(set << phases.each) + usize::from(*pattern)];
                    for lane in 0..LANES {
                        sum[lane] -= overlap[lane].to_f64();
                    }
                }
            }
            let (p, l) = (lanes.spin(back, p), lanes.spin(back, l));
            lanes.store(psi.0, p.0);
            lanes.store(psi.1, p.1);
            lanes.store(lambda.0, l.0);
            lanes.store(lambda.1, l.1);
        }
    }
}
