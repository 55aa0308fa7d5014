//! Pauli words on single states: expectation values, and a sum of words applied to a state.
//!
//! A state is read in stretches of 64 vectors. All words of an x-mask group need sums of `±W` with
//! `W(p) = conj(ψ[p ^ x]) ψ[p]`, whose signs are the parity of a mask. Within a stretch these sums are entries of a
//! Walsh-Hadamard transform, so a word costs one vector addition for each stretch. A sum of words is applied in the
//! opposite order. If a group has few words, the transform costs more than it saves.

use crate::engine::cpu::batch::z_sums::WordScratch;
use crate::engine::cpu::state::Planes;
use crate::engine::cpu::steps::forward::Target;
use crate::engine::simd::LANE_QUBITS;
use crate::engine::simd::LANES;
use crate::engine::simd::arch::current_arch;
use crate::engine::simd::lanes16::{Lanes16, Vectors, with_lanes16};
use crate::engine::{Real, share};
use crate::gf2::parity;
use crate::program::{PauliTerm, XMaskGroup};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Binary logarithm of the number of vectors in a stretch.
const STRETCH: usize = 6;

/// Largest number of chunks of stretches that are summed separately.
const MAX_CHUNKS: usize = 64;

/// Vectors of a stretch, or of its transform.
type Stretch<S, T, const N: usize> = [Vectors<S, T, N>; 1 << STRETCH];

/// Computes `out[p] = sum over m of in[m] (-1)^|p & m|`, in place, over the first `1 << bits` vectors.
#[inline(always)]
fn transform<S: Simd, T: Real, const N: usize>(lines: &Lanes16<S, T>, values: &mut Stretch<S, T, N>, bits: usize) {
    for bit in 0..bits {
        let half = 1 << bit;
        for block in values[..1 << bits].chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (lines.plus(*a, *b), lines.plus(*a, lines.minus(*b)));
            }
        }
    }
}

/// Largest number of words for which the words one by one cost less than a transform.
const FEW: usize = 4;

/// Vector with the sign of the mask `local` at place `k` of a stretch.
#[inline(always)]
fn signed<S: Simd, T: Real, const N: usize>(
    lines: &Lanes16<S, T>,
    value: Vectors<S, T, N>,
    k: usize,
    local: usize,
) -> Vectors<S, T, N> {
    if parity((k & local) as u64) { lines.minus(value) } else { value }
}

/// Entry `local` of the transform of the first `1 << bits` vectors.
#[inline(always)]
fn entry<S: Simd, T: Real, const N: usize>(
    lines: &Lanes16<S, T>,
    values: &Stretch<S, T, N>,
    bits: usize,
    local: usize,
) -> Vectors<S, T, N> {
    let mut sum = values[0];
    for (k, value) in values[..1 << bits].iter().enumerate().skip(1) {
        sum = lines.plus(sum, signed(lines, *value, k, local));
    }
    sum
}

/// Place of a stretch in the state.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Index of the stretch's first amplitude.
    base: usize,
    /// Binary logarithm of the number of vectors in the stretch.
    bits: usize,
}

impl Place {
    /// Entry of the transform that a word needs, and whether the entry's sign changes.
    #[inline(always)]
    fn of(self, term: &PauliTerm) -> (usize, bool) {
        let local = (term.z as usize >> LANE_QUBITS) & ((1 << self.bits) - 1);
        (local, parity(self.base as u64 & term.z))
    }
}

/// Sign of a word in each lane.
#[inline(always)]
fn lane_sign(term: &PauliTerm, lane: usize) -> f64 {
    if parity(lane as u64 & term.z) { -1.0 } else { 1.0 }
}

/// Kernel that adds the sums of a chunk of stretches, by word and lane.
struct Expect<'a, T> {
    state: Planes<T>,
    x_group: &'a XMaskGroup,
    bits: usize,
    stretches: Range<usize>,
    sums: &'a mut [[f64; LANES]],
}

impl<T: Real> WithSimd for Expect<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        with_lanes16!(self, simd, T)
    }
}

impl<T: Real> Expect<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let lines = &Lanes16::<S, T>::new(simd);
        let Self { state, x_group, bits, stretches, sums } = self;
        let x = x_group.x as usize;
        let zero = lines.splat::<N>(T::zero());
        let [mut re, mut im] = [[zero; 1 << STRETCH]; 2];
        let imaginary = x_group.terms.iter().any(|term| term.quarter_turns % 2 == 1);
        let few = x_group.terms.len() <= FEW;
        for stretch in stretches {
            let place = Place { base: stretch << (bits + LANE_QUBITS), bits };
            for k in 0..1 << bits {
                let index = place.base | k << LANE_QUBITS;
                // SAFETY: the vectors lie in the state, and nothing writes to it during the call.
                let (a, b) = unsafe { (lines.load_pair::<N>(state, index), lines.load_pair::<N>(state, index ^ x)) };
                re[k] = lines.times_plus(b.0, a.0, lines.times(b.1, a.1));
                if imaginary {
                    im[k] = lines.overlap(a, b, zero);
                }
            }
            if !few {
                transform(lines, &mut re, bits);
            }
            if imaginary && !few {
                transform(lines, &mut im, bits);
            }
            for (term, sum) in x_group.terms.iter().zip(&mut *sums) {
                let (local, turned) = place.of(term);
                // The sum needs the real part of i^quarter_turns W.
                let (from, negative) = match term.quarter_turns % 4 {
                    0 => (&re, false),
                    1 => (&im, true),
                    2 => (&re, true),
                    _ => (&im, false),
                };
                let sign = if negative != turned { -1.0 } else { 1.0 };
                let mut lanes = [T::zero(); LANES];
                lines.store(&mut lanes, if few { entry(lines, from, bits, local) } else { from[local] });
                for l in 0..LANES {
                    sum[l] += sign * lanes[l].to_f64();
                }
            }
        }
    }
}

/// Kernel that adds `(sum of factor * word) from` to `to`.
struct Add<'a, T> {
    from: Planes<T>,
    to: Planes<T>,
    x_group: &'a XMaskGroup,
    /// Factor of each word, times the word's coefficient.
    factors: &'a [f64],
    bits: usize,
    stretches: Range<usize>,
    /// Whether `to` has no values yet.
    first: bool,
}

impl<T: Real> WithSimd for Add<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        with_lanes16!(self, simd, T)
    }
}

impl<T: Real> Add<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let lines = &Lanes16::<S, T>::new(simd);
        let Self { from, to, x_group, factors, bits, stretches, first } = self;
        let x = x_group.x as usize;
        let imaginary = x_group.terms.iter().any(|term| term.quarter_turns % 2 == 1);
        let zero = lines.splat::<N>(T::zero());
        let [mut re, mut im] = [[zero; 1 << STRETCH]; 2];
        let few = x_group.terms.len() <= FEW;
        for stretch in stretches {
            let base = stretch << (bits + LANE_QUBITS);
            re[..1 << bits].fill(zero);
            if imaginary {
                im[..1 << bits].fill(zero);
            }
            for (term, factor) in x_group.terms.iter().zip(factors) {
                // The entry that takes p ^ x to p is i^quarter_turns (-1)^|z & (p ^ x)|.
                let (local, turned) = Place { base: base ^ x, bits }.of(term);
                let (to, negative) = match term.quarter_turns % 4 {
                    0 => (&mut re, false),
                    1 => (&mut im, false),
                    2 => (&mut re, true),
                    _ => (&mut im, true),
                };
                let factor = if negative != turned { -factor } else { *factor };
                let mut lanes = [T::from_f64(factor); LANES];
                for l in 0..LANES {
                    lanes[l] = T::from_f64(factor * lane_sign(term, l));
                }
                let value = lines.load(&lanes);
                if few {
                    for (k, to) in to[..1 << bits].iter_mut().enumerate() {
                        *to = lines.plus(*to, signed(lines, value, k, local));
                    }
                } else {
                    to[local] = lines.plus(to[local], value);
                }
            }
            if !few {
                transform(lines, &mut re, bits);
            }
            if imaginary && !few {
                transform(lines, &mut im, bits);
            }
            for k in 0..1 << bits {
                let index = base | k << LANE_QUBITS;
                // SAFETY: the vectors lie in the states, nothing writes to `from`, and one thread has this stretch of
                // `to`.
                let (from, (to_re, to_im)) = unsafe {
                    let earlier = if first { (zero, zero) } else { lines.load_pair(to, index) };
                    (lines.load_pair::<N>(from, index ^ x), earlier)
                };
                let (mut real, mut imag) =
                    (lines.times_plus(re[k], from.0, to_re), lines.times_plus(re[k], from.1, to_im));
                if imaginary {
                    real = lines.times_plus(lines.minus(im[k]), from.1, real);
                    imag = lines.times_plus(im[k], from.0, imag);
                }
                // SAFETY: as for the loads.
                unsafe { lines.store_pair(to, index, (real, imag)) };
            }
        }
    }
}

/// Stretches that all x-mask groups read before the next stretches. The cache holds so much of both states.
const AT_HAND: usize = 16;

/// Largest number of words whose sums are computed together, unless a single x-mask group has more.
const MOST_WORDS: usize = 256;

/// Splits off the next x-mask groups whose words are summed together.
fn next(x_groups: &[XMaskGroup]) -> (&[XMaskGroup], &[XMaskGroup]) {
    let mut words = 0;
    let fits = |x_group: &&XMaskGroup| {
        words += x_group.terms.len();
        words <= MOST_WORDS
    };
    x_groups.split_at(x_groups.iter().take_while(fits).count().max(1))
}

/// Parts of a chunk of stretches.
fn parts(stretches: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = stretches.end;
    stretches.step_by(AT_HAND).map(move |start| start..(start + AT_HAND).min(end))
}

/// Binary logarithm of the vectors in a stretch, number of stretches in a chunk, and number of chunks.
fn cut(qubits: usize) -> (usize, usize, usize) {
    let bits = (qubits - LANE_QUBITS).min(STRETCH);
    let stretches = 1usize << (qubits - LANE_QUBITS - bits);
    let each = stretches.div_ceil(MAX_CHUNKS);
    (bits, each, stretches / each)
}

impl<T: Real> Target<T> {
    /// Adds the expectation values of words on a single state to the values of their outputs.
    pub(crate) fn expect_words(&self, mut x_groups: &[XMaskGroup], scratch: &mut WordScratch<T>, outputs: &mut [f64]) {
        let (bits, each, chunks) = cut(self.qubits);
        while !x_groups.is_empty() {
            let (here, later) = next(x_groups);
            x_groups = later;
            let words = here.iter().map(|x_group| x_group.terms.len()).sum::<usize>().max(1);
            scratch.sums.clear();
            scratch.sums.resize(chunks * words, [0.0; LANES]);
            let sums = scratch.sums.chunks_mut(words).enumerate();
            share::for_each_item(self.spread, &mut Vec::<()>::new(), sums, |(), (chunk, sums)| {
                for stretches in parts(chunk * each..(chunk + 1) * each) {
                    let mut rest = &mut *sums;
                    for x_group in here {
                        let (sums, others) = rest.split_at_mut(x_group.terms.len());
                        rest = others;
                        let stretches = stretches.clone();
                        current_arch().dispatch(Expect { state: self.planes, x_group, bits, stretches, sums });
                    }
                }
            });
            for part in scratch.sums.chunks(words) {
                for (term, sums) in here.iter().flat_map(|x_group| &x_group.terms).zip(part) {
                    let sum: f64 = sums.iter().enumerate().map(|(lane, sum)| lane_sign(term, lane) * sum).sum();
                    outputs[term.output * LANES] += term.coefficient * sum;
                }
            }
        }
    }

    /// Adds the sum of words on a single state, each with the factor of its output, to `to`. If `first`, and if there
    /// are words, the sum is written to `to` instead.
    pub(crate) fn apply_words(
        &self,
        x_groups: &[XMaskGroup],
        factors: &[[T; LANES]],
        scratch: &mut WordScratch<T>,
        to: Planes<T>,
        first: bool,
    ) {
        let (bits, each, chunks) = cut(self.qubits);
        let factor = |term: &PauliTerm| term.coefficient * factors[term.output][0].to_f64();
        scratch.factors.clear();
        scratch.factors.extend(x_groups.iter().flat_map(|x_group| &x_group.terms).map(factor));
        let factors = &scratch.factors[..];
        share::for_each_item(self.spread, &mut Vec::<()>::new(), 0..chunks, |(), chunk| {
            for stretches in parts(chunk * each..(chunk + 1) * each) {
                let mut rest = factors;
                for (k, x_group) in x_groups.iter().enumerate() {
                    let (factors, others) = rest.split_at(x_group.terms.len());
                    rest = others;
                    let (from, stretches, first) = (self.planes, stretches.clone(), first && k == 0);
                    current_arch().dispatch(Add { from, to, x_group, factors, bits, stretches, first });
                }
            }
        });
    }
}
