//! Words of Z on full blocks: sums of signed probabilities, and diagonals made of signs.
//!
//! Amplitudes are taken eight at a time. A Walsh-Hadamard transform over them serves all words that agree in the lowest three
//! bits, so that a word costs one addition for eight amplitudes.

use super::arch::arch;
use super::memory::Line;
use super::plan::LANES;
use super::simd::{lanes, load, store};
use super::state::State;
use crate::engine::Real;
use crate::program::FlipTerm;
use pulp::{Simd, WithSimd};

/// Amplitudes taken at a time.
const EIGHT: usize = 8;

/// Eights between two additions into `f64`.
const FLUSH: usize = 64;

/// `out[p] = sum over m of in[m] (-1)^|p & m|`, in place.
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

/// The sign of a word at the first of eight amplitudes.
#[inline(always)]
fn sign<T: Real>(term: &FlipTerm, eight: usize) -> T {
    let odd = ((EIGHT * eight) & term.z as usize).count_ones() % 2 == 1;
    if odd { -T::one() } else { T::one() }
}

/// The vectors from lane `at` on of up to eight lines; zeros for those that are not there.
#[inline(always)]
fn loaded<'a, S: Simd, T: Real>(
    simd: S,
    lines: impl Iterator<Item = &'a [T; LANES]>,
    at: usize,
) -> [T::Vector<S>; EIGHT] {
    let mut vectors = [T::splat(simd, T::zero()); EIGHT];
    for (vector, line) in vectors.iter_mut().zip(lines) {
        // SAFETY: `at` is the first lane of a vector that ends within the lanes.
        *vector = unsafe { load::<S, T>(line.as_ptr().add(at)) };
    }
    vectors
}

/// Vectors to lane `at` on of as many lines.
#[inline(always)]
fn stored<'a, S: Simd, T: Real>(
    lines: impl Iterator<Item = &'a mut [T; LANES]>,
    at: usize,
    vectors: &[T::Vector<S>; EIGHT],
) {
    for (line, vector) in lines.zip(vectors) {
        // SAFETY: as for `loaded`.
        unsafe { store::<S, T>(line.as_mut_ptr().add(at), *vector) };
    }
}

/// What words need room for, each an entry.
#[derive(Debug)]
pub(super) struct WordRoom<T> {
    pub(super) sums: Vec<[f64; LANES]>,
    pub(super) factors: Vec<f64>,
    lines: Vec<Line<T>>,
}

impl<T> Default for WordRoom<T> {
    fn default() -> Self {
        Self { sums: Vec::new(), factors: Vec::new(), lines: Vec::new() }
    }
}

/// `sum of (-1)^|p & z| |ψ_p|^2` for each word, in each lane.
struct Expect<'a, T> {
    state: &'a State<T>,
    terms: &'a [FlipTerm],
    room: &'a mut WordRoom<T>,
}

impl<T: Real> WithSimd for Expect<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (re, im) = (self.state.re.as_chunks::<LANES>().0, self.state.im.as_chunks::<LANES>().0);
        let WordRoom { sums: total, lines: sums, .. } = self.room;
        total.clear();
        total.resize(self.terms.len(), [0.0; LANES]);
        sums.clear();
        sums.resize(self.terms.len(), Line([T::zero(); LANES]));
        let groups = groups(self.terms);
        for (eight, (re, im)) in re.chunks(EIGHT).zip(im.chunks(EIGHT)).enumerate() {
            for at in (0..LANES).step_by(lanes::<S, T>()) {
                let (re, im) = (loaded::<S, T>(simd, re.iter(), at), loaded::<S, T>(simd, im.iter(), at));
                let mut vectors = re;
                for j in 0..EIGHT {
                    vectors[j] = T::times_plus(simd, re[j], re[j], T::times(simd, im[j], im[j]));
                }
                transform::<S, T>(simd, &mut vectors);
                for j in 0..EIGHT {
                    for (sum, term) in sums[groups[j].clone()].iter_mut().zip(&self.terms[groups[j].clone()]) {
                        add::<S, T>(simd, sum, sign(term, eight), vectors[j], at);
                    }
                }
            }
            if (eight + 1) % FLUSH == 0 {
                flush(total, sums);
            }
        }
        flush(total, sums);
    }
}

/// Words in the order in which [`expect`] and [`apply`] take them: those that agree in the lowest three bits stand together.
pub(super) fn sorted(terms: &[FlipTerm]) -> Vec<FlipTerm> {
    let mut terms = terms.to_vec();
    terms.sort_by_key(|term| term.z as usize % EIGHT);
    terms
}

/// The words that agree in the lowest three bits.
fn groups(terms: &[FlipTerm]) -> [std::ops::Range<usize>; EIGHT] {
    let first = |low: usize| terms.partition_point(|term| (term.z as usize % EIGHT) < low);
    std::array::from_fn(|low| first(low)..first(low + 1))
}

/// Adds `sign vector` to a line from lane `at` on.
#[inline(always)]
fn add<S: Simd, T: Real>(simd: S, to: &mut Line<T>, sign: T, vector: T::Vector<S>, at: usize) {
    let sign = T::splat(simd, sign);
    // SAFETY: `at` is the first lane of a vector that ends within the lanes.
    unsafe {
        let sum = T::times_plus(simd, sign, vector, load::<S, T>(to.0.as_ptr().add(at)));
        store::<S, T>(to.0.as_mut_ptr().add(at), sum);
    }
}

#[inline(always)]
fn flush<T: Real>(total: &mut [[f64; LANES]], sums: &mut [Line<T>]) {
    for (total, sum) in total.iter_mut().zip(sums) {
        total.iter_mut().zip(sum.0).for_each(|(total, sum)| *total += sum.to_f64());
        *sum = Line([T::zero(); LANES]);
    }
}

/// `to = (sum over words of factor * word) from`, with a factor for each lane.
struct Apply<'a, T> {
    from: &'a State<T>,
    to: &'a mut State<T>,
    terms: &'a [FlipTerm],
    factors: &'a [Line<T>],
}

impl<T: Real> WithSimd for Apply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let from = (self.from.re.as_chunks::<LANES>().0, self.from.im.as_chunks::<LANES>().0);
        let to = (self.to.re.as_chunks_mut::<LANES>().0, self.to.im.as_chunks_mut::<LANES>().0);
        let from = from.0.chunks(EIGHT).zip(from.1.chunks(EIGHT));
        let to = to.0.chunks_mut(EIGHT).zip(to.1.chunks_mut(EIGHT));
        let groups = groups(self.terms);
        for (eight, (from, to)) in from.zip(to).enumerate() {
            for at in (0..LANES).step_by(lanes::<S, T>()) {
                let mut diagonal = [T::splat(simd, T::zero()); EIGHT];
                for j in 0..EIGHT {
                    for (term, factor) in self.terms[groups[j].clone()].iter().zip(&self.factors[groups[j].clone()]) {
                        // SAFETY: as in `add`.
                        let factor = unsafe { load::<S, T>(factor.0.as_ptr().add(at)) };
                        diagonal[j] = T::times_plus(simd, T::splat(simd, sign(term, eight)), factor, diagonal[j]);
                    }
                }
                transform::<S, T>(simd, &mut diagonal);
                for (from, to) in [(from.0, &mut *to.0), (from.1, &mut *to.1)] {
                    let mut lines = loaded::<S, T>(simd, from.iter(), at);
                    for j in 0..EIGHT {
                        lines[j] = T::times(simd, diagonal[j], lines[j]);
                    }
                    stored::<S, T>(to.iter_mut(), at, &lines);
                }
            }
        }
    }
}

/// Adds the expectation values of [`sorted`] words of Z to `total`, `[outputs][LANES]`.
pub(super) fn expect<T: Real>(state: &State<T>, terms: &[FlipTerm], room: &mut WordRoom<T>, total: &mut [f64]) {
    if terms.is_empty() {
        return;
    }
    arch().dispatch(Expect { state, terms, room });
    for (term, sums) in terms.iter().zip(&room.sums) {
        let total = &mut total[term.output * LANES..][..LANES];
        total.iter_mut().zip(sums).for_each(|(total, sum)| *total += term.coefficient * sum);
    }
}

/// `to = (sum over words of factors[output] * coefficient * word) from`, for [`sorted`] words.
pub(super) fn apply<T: Real>(
    from: &State<T>,
    terms: &[FlipTerm],
    factors: &[[T; LANES]],
    room: &mut WordRoom<T>,
    to: &mut State<T>,
) {
    let factor = |term: &FlipTerm| Line(factors[term.output].map(|factor| T::from_f64(term.coefficient) * factor));
    room.lines.clear();
    room.lines.extend(terms.iter().map(factor));
    arch().dispatch(Apply { from, to, terms, factors: &room.lines });
}
