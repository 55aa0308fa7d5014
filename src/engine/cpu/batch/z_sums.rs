//! Words of Z on blocks of 16 samples: sums of signed probabilities, and diagonals of signs.
//!
//! Kernels take eight amplitudes at a time. A Walsh-Hadamard transform of the eight serves all words that agree in the
//! lowest three bits, so a word costs one addition for eight amplitudes.

use crate::engine::Real;
use crate::engine::cpu::state::State;
use crate::engine::lines::{Row16, held_bytes};
use crate::engine::simd::LANES;
use crate::engine::simd::arch::current_arch;
use crate::engine::simd::{align_frame, lane_count, load_vector, store_vector};
use crate::gf2::parity;
use crate::program::PauliTerm;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Amplitudes that are taken at a time.
const EIGHT: usize = 8;

/// Groups of eight amplitudes between two additions into `f64`.
const FLUSH: usize = 64;

/// Computes `out[p] = sum over m of in[m] (-1)^|p & m|`, in place.
#[inline(always)]
fn transform<S: Simd, T: Real>(simd: S, lines: &mut [T::Vector<S>; EIGHT]) {
    for bit in [1, 2, 4] {
        for j in 0..EIGHT {
            if j & bit == 0 {
                let (a, b) = (lines[j], lines[j | bit]);
                (lines[j], lines[j | bit]) = (T::plus(simd, a, b), T::plus(simd, a, T::minus(simd, b)));
            }
        }
    }
}

/// Sign of a word at the first of eight amplitudes.
#[inline(always)]
fn sign<T: Real>(term: &PauliTerm, eight: usize) -> T {
    if parity((EIGHT * eight) as u64 & term.z) { -T::one() } else { T::one() }
}

/// Real or imaginary parts of eight amplitudes.
type Eight<T> = [[T; LANES]; EIGHT];

/// Amplitudes of fewer than three qubits, filled up with zeros.
#[inline(always)]
fn filled<T: Real>(lines: &[[T; LANES]]) -> Eight<T> {
    let mut eight = [[T::zero(); LANES]; EIGHT];
    eight.iter_mut().zip(lines).for_each(|(to, line)| *to = *line);
    eight
}

/// Calls `$body` with the number of each group of eight amplitudes of a state, and their real and imaginary parts. A
/// closure would not be compiled for the instruction set in use.
macro_rules! for_eights {
    ($state:expr, |$eight:ident, $re:ident, $im:ident| $body:expr) => {{
        let (re, im) = ($state.re.as_chunks::<LANES>().0, $state.im.as_chunks::<LANES>().0);
        let few = [filled(&re[..re.len() % EIGHT]), filled(&im[..im.len() % EIGHT])];
        let (re, im) = match re.len() < EIGHT {
            true => (&few[..1], &few[1..]),
            false => (re.as_chunks::<EIGHT>().0, im.as_chunks::<EIGHT>().0),
        };
        for ($eight, ($re, $im)) in re.iter().zip(im).enumerate() {
            $body
        }
    }};
}

/// Loads the vectors that start at lane `at`.
#[inline(always)]
fn loaded<S: Simd, T: Real>(lines: &Eight<T>, at: usize) -> [T::Vector<S>; EIGHT] {
    // SAFETY: `at` is the first lane of a vector that ends within the lanes.
    let line = |j: usize| unsafe { load_vector::<S, T>(lines[j].as_ptr().add(at)) };
    [line(0), line(1), line(2), line(3), line(4), line(5), line(6), line(7)]
}

/// Scratch of words, with an entry for each word.
#[derive(Debug)]
pub(crate) struct WordScratch<T> {
    pub(crate) sums: Vec<[f64; LANES]>,
    pub(crate) factors: Vec<f64>,
    lines: Vec<Row16<T>>,
}

impl<T> Default for WordScratch<T> {
    fn default() -> Self {
        Self { sums: Vec::new(), factors: Vec::new(), lines: Vec::new() }
    }
}

impl<T> WordScratch<T> {
    /// Bytes that the scratch holds.
    pub(crate) fn bytes(&self) -> usize {
        held_bytes(&self.sums) + held_bytes(&self.factors) + held_bytes(&self.lines)
    }
}

/// Kernel for `sum of (-1)^|p & z| |ψ_p|^2` of each word, in each lane.
struct Expect<'a, T> {
    state: &'a State<T>,
    words: &'a ZWords,
    scratch: &'a mut WordScratch<T>,
}

impl<T: Real> WithSimd for Expect<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        align_frame();
        let ZWords { terms, groups } = self.words;
        let WordScratch { sums: total, lines: sums, .. } = self.scratch;
        total.clear();
        total.resize(terms.len(), [0.0; LANES]);
        sums.clear();
        sums.resize(terms.len(), Row16([T::zero(); LANES]));
        for_eights!(self.state, |eight, re, im| {
            for at in (0..LANES).step_by(lane_count::<S, T>()) {
                let (re, im) = (loaded::<S, T>(re, at), loaded::<S, T>(im, at));
                let mut vectors = re;
                for j in 0..EIGHT {
                    vectors[j] = T::times_plus(simd, re[j], re[j], T::times(simd, im[j], im[j]));
                }
                transform::<S, T>(simd, &mut vectors);
                for j in 0..EIGHT {
                    let group = groups[j].clone();
                    for (sum, term) in sums[group.clone()].iter_mut().zip(&terms[group]) {
                        add::<S, T>(simd, sum, sign(term, eight), vectors[j], at);
                    }
                }
            }
            if (eight + 1).is_multiple_of(FLUSH) {
                flush(total, sums);
            }
        });
        flush(total, sums);
    }
}

/// Words of Z, sorted by their lowest three bits.
#[derive(Debug)]
pub(crate) struct ZWords {
    terms: Vec<PauliTerm>,
    /// Ranges of words that agree in the lowest three bits.
    groups: [Range<usize>; EIGHT],
}

impl ZWords {
    /// Bytes that the words hold.
    pub(crate) fn bytes(&self) -> usize {
        held_bytes(&self.terms)
    }

    pub(crate) fn new(terms: &[PauliTerm]) -> Self {
        let low = |term: &PauliTerm| term.z as usize % EIGHT;
        let mut terms = terms.to_vec();
        terms.sort_by_key(low);
        let first = |bits: usize| terms.partition_point(|term| low(term) < bits);
        let groups = std::array::from_fn(|bits| first(bits)..first(bits + 1));
        Self { terms, groups }
    }
}

/// Adds `sign * vector` to a row of lanes, from lane `at` on.
#[inline(always)]
fn add<S: Simd, T: Real>(simd: S, to: &mut Row16<T>, sign: T, vector: T::Vector<S>, at: usize) {
    let sign = T::splat(simd, sign);
    // SAFETY: `at` is the first lane of a vector that ends within the lanes.
    unsafe {
        let sum = T::times_plus(simd, sign, vector, load_vector::<S, T>(to.0.as_ptr().add(at)));
        store_vector::<S, T>(to.0.as_mut_ptr().add(at), sum);
    }
}

#[inline(always)]
fn flush<T: Real>(total: &mut [[f64; LANES]], sums: &mut [Row16<T>]) {
    for (total, sum) in total.iter_mut().zip(sums) {
        total.iter_mut().zip(sum.0).for_each(|(total, sum)| *total += sum.to_f64());
        *sum = Row16([T::zero(); LANES]);
    }
}

/// Kernel for `to = (sum over words of factor * word) from`, with a factor for each lane.
struct Apply<'a, T> {
    from: &'a State<T>,
    to: &'a mut State<T>,
    words: &'a ZWords,
    factors: &'a [Row16<T>],
}

impl<T: Real> WithSimd for Apply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        align_frame();
        let ZWords { terms, groups } = self.words;
        let to_re = self.to.re.as_chunks_mut::<LANES>().0;
        let to_im = self.to.im.as_chunks_mut::<LANES>().0;
        for_eights!(self.from, |eight, re, im| {
            for at in (0..LANES).step_by(lane_count::<S, T>()) {
                let mut diagonal = [T::splat(simd, T::zero()); EIGHT];
                for j in 0..EIGHT {
                    let group = groups[j].clone();
                    let mut sum = T::splat(simd, T::zero());
                    for (term, factor) in terms[group.clone()].iter().zip(&self.factors[group]) {
                        // SAFETY: as in `add`.
                        let factor = unsafe { load_vector::<S, T>(factor.0.as_ptr().add(at)) };
                        sum = T::times_plus(simd, T::splat(simd, sign(term, eight)), factor, sum);
                    }
                    diagonal[j] = sum;
                }
                transform::<S, T>(simd, &mut diagonal);
                let (re, im) = (loaded::<S, T>(re, at), loaded::<S, T>(im, at));
                let lines = to_re[EIGHT * eight..].iter_mut().zip(&mut to_im[EIGHT * eight..]);
                for (j, (to_re, to_im)) in lines.take(EIGHT).enumerate() {
                    // SAFETY: as in `loaded`.
                    unsafe {
                        store_vector::<S, T>(to_re.as_mut_ptr().add(at), T::times(simd, diagonal[j], re[j]));
                        store_vector::<S, T>(to_im.as_mut_ptr().add(at), T::times(simd, diagonal[j], im[j]));
                    }
                }
            }
        });
    }
}

/// Adds the expectation values of words of Z to `total`, `[outputs][LANES]`.
pub(crate) fn expect_z_words<T: Real>(
    state: &State<T>,
    words: &ZWords,
    scratch: &mut WordScratch<T>,
    total: &mut [f64],
) {
    current_arch().dispatch(Expect { state, words, scratch });
    for (term, sums) in words.terms.iter().zip(&scratch.sums) {
        let total = &mut total[term.output * LANES..][..LANES];
        total.iter_mut().zip(sums).for_each(|(total, sum)| *total += term.coefficient * sum);
    }
}

/// Sets `to` to `(sum over words of factors[output] * coefficient * word) from`.
pub(crate) fn apply_z_words<T: Real>(
    from: &State<T>,
    words: &ZWords,
    factors: &[[T; LANES]],
    scratch: &mut WordScratch<T>,
    to: &mut State<T>,
) {
    let factor = |term: &PauliTerm| Row16(factors[term.output].map(|factor| T::from_f64(term.coefficient) * factor));
    scratch.lines.clear();
    scratch.lines.extend(words.terms.iter().map(factor));
    current_arch().dispatch(Apply { from, to, words, factors: &scratch.lines });
}
