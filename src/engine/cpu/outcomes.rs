//! Outputs as many as outcomes: probabilities and amplitudes, in one pass over the states of a block, forward and back.
//!
//! A block has the samples innermost, and the outputs of a sample are a row. Tiles of 16 outcomes by 16 samples change
//! between the two, so that cache lines are read and written whole.

use crate::engine::Real;
use crate::engine::cpu::state::State;
use crate::engine::share;
use crate::engine::simd::LANES;
use crate::engine::simd::arch::current_arch;
use crate::gf2;

/// Largest number of amplitudes that add up to a probability here. Sums of more are sweeps of their own.
const MOST: usize = 64;

/// Outcomes of a state that a thread takes at a time.
const CHUNK: usize = 1 << 13;

/// Bits of an outcome whose basis indices are in a table.
const TABLE_BITS: usize = 8;

/// Outcomes of some qubits, as basis indices.
pub(super) struct Outcomes<'a> {
    qubits: &'a [usize],
    /// Basis indices of the outcomes of the first eight qubits.
    table: [usize; 1 << TABLE_BITS],
    /// Mask of the other qubits.
    rest: u64,
}

/// Columns of the outputs of a quantity, in rows of all outputs.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub(super) first: usize,
    pub(super) width: usize,
}

impl<'a> Outcomes<'a> {
    /// Makes the outcomes of `qubits` in states of `of` qubits, if one pass is the better way for them.
    pub(super) fn new(qubits: &'a [usize], of: usize) -> Option<Self> {
        let others = of - qubits.len();
        if qubits.len() < LANES.ilog2() as usize || others > MOST.ilog2() as usize {
            return None;
        }
        let mut table = [0; 1 << TABLE_BITS];
        for (bit, qubit) in qubits.iter().take(TABLE_BITS).enumerate() {
            for outcome in 0..1 << bit {
                table[outcome | 1 << bit] = table[outcome] | 1 << qubit;
            }
        }
        Some(Self { qubits, table, rest: !gf2::mask(qubits) & ((1 << of) - 1) })
    }

    fn count(&self) -> usize {
        1 << self.qubits.len()
    }

    /// Basis index of an outcome whose other qubits are 0.
    #[inline(always)]
    fn index(&self, outcome: usize) -> usize {
        let high = outcome >> TABLE_BITS;
        let low = self.table[outcome & ((1 << TABLE_BITS) - 1)];
        if high == 0 { low } else { low | gf2::deposit(high as u64, &self.qubits[TABLE_BITS..]) as usize }
    }

    /// Basis indices that read an outcome.
    #[inline(always)]
    fn indices(&self, outcome: usize) -> impl Iterator<Item = usize> {
        let index = self.index(outcome);
        gf2::subsets(self.rest).map(move |rest| index | rest as usize)
    }

    /// Writes the probability of each outcome into the rows of the samples.
    pub(super) fn read<T: Real>(&self, psi: &State<T>, spread: bool, out: &mut [T], columns: Columns) {
        let probability = |index: usize| psi.re[index] * psi.re[index] + psi.im[index] * psi.im[index];
        if psi.lanes == 1 {
            let chunks = out[columns.first..][..self.count()].chunks_mut(CHUNK).enumerate();
            return share::for_each_item(spread, &mut Vec::<()>::new(), chunks, |(), (chunk, to)| {
                for (outcome, to) in (chunk * CHUNK..).zip(to) {
                    *to = self.indices(outcome).map(probability).fold(T::zero(), |sum, value| sum + value);
                }
            });
        }
        current_arch().dispatch(
            #[inline(always)]
            || {
                for start in (0..self.count()).step_by(LANES) {
                    let mut tile = [[T::zero(); LANES]; LANES];
                    for (outcome, sums) in (start..).zip(&mut tile) {
                        for index in self.indices(outcome) {
                            let (re, im) = (line(&psi.re, index), line(&psi.im, index));
                            for lane in 0..LANES {
                                sums[lane] += re[lane] * re[lane] + im[lane] * im[lane];
                            }
                        }
                    }
                    for (lane, row) in out.chunks_mut(columns.width).enumerate() {
                        let to = row[columns.first + start..][..LANES].iter_mut();
                        to.zip(&tile).for_each(|(to, line)| *to = line[lane]);
                    }
                }
            },
        );
    }

    /// Adds each amplitude times the cotangent of its outcome to λ, or sets λ to that.
    pub(super) fn seed<T: Real>(
        &self,
        (psi, lambda): (&State<T>, &mut State<T>),
        set: bool,
        spread: bool,
        cotangent: &[T],
        columns: Columns,
    ) {
        if psi.lanes == 1 {
            let row = &cotangent[columns.first..][..self.count()];
            let parts = (lambda.re.chunks_mut(CHUNK).zip(lambda.im.chunks_mut(CHUNK))).enumerate();
            return share::for_each_item(spread, &mut Vec::<()>::new(), parts, |(), (chunk, (re, im))| {
                for ((index, re), im) in (chunk * CHUNK..).zip(re).zip(im) {
                    let factor = row[gf2::extract(index as u64, self.qubits) as usize];
                    let add = (factor * psi.re[index], factor * psi.im[index]);
                    (*re, *im) = if set { add } else { (*re + add.0, *im + add.1) };
                }
            });
        }
        current_arch().dispatch(
            #[inline(always)]
            || {
                for start in (0..self.count()).step_by(LANES) {
                    let mut tile = [[T::zero(); LANES]; LANES];
                    for (lane, row) in cotangent.chunks(columns.width).enumerate() {
                        let from = row[columns.first + start..][..LANES].iter();
                        tile.iter_mut().zip(from).for_each(|(line, from)| line[lane] = *from);
                    }
                    for (outcome, factors) in (start..).zip(&tile) {
                        for index in self.indices(outcome) {
                            scaled(factors, line(&psi.re, index), line_mut(&mut lambda.re, index), set);
                            scaled(factors, line(&psi.im, index), line_mut(&mut lambda.im, index), set);
                        }
                    }
                }
            },
        );
    }
}

/// Sets numbers to products, or adds the products to them.
#[inline(always)]
fn scaled<T: Real>(factors: &[T; LANES], from: &[T; LANES], to: &mut [T; LANES], set: bool) {
    for lane in 0..LANES {
        let product = factors[lane] * from[lane];
        to[lane] = if set { product } else { to[lane] + product };
    }
}

/// Basis indices of a tile of amplitudes, which are twice as many numbers.
const AMPLITUDES: usize = LANES / 2;

/// Writes the amplitudes into the rows of the samples, real and imaginary parts in turns.
pub(super) fn read_amplitudes<T: Real>(psi: &State<T>, out: &mut [T], columns: Columns) {
    let count = 1 << psi.qubits;
    for start in (0..count).step_by(AMPLITUDES) {
        let indices = start..count.min(start + AMPLITUDES);
        for (lane, row) in out.chunks_mut(columns.width).enumerate() {
            let to = row[columns.first + 2 * start..][..2 * indices.len()].chunks_exact_mut(2);
            for (index, to) in indices.clone().zip(to) {
                to[0] = psi.re[index * psi.lanes + lane];
                to[1] = psi.im[index * psi.lanes + lane];
            }
        }
    }
}

/// Adds half the cotangents of the amplitudes to λ.
pub(super) fn seed_amplitudes<T: Real>(lambda: &mut State<T>, cotangent: &[T], columns: Columns) {
    let (count, lanes, half) = (1 << lambda.qubits, lambda.lanes, T::from_f64(0.5));
    for start in (0..count).step_by(AMPLITUDES) {
        let indices = start..count.min(start + AMPLITUDES);
        for (lane, row) in cotangent.chunks(columns.width).enumerate() {
            let from = row[columns.first + 2 * start..][..2 * indices.len()].chunks_exact(2);
            for (index, from) in indices.clone().zip(from) {
                lambda.re[index * lanes + lane] += half * from[0];
                lambda.im[index * lanes + lane] += half * from[1];
            }
        }
    }
}

/// Numbers of all samples at a basis index.
#[inline(always)]
fn line<T>(plane: &[T], index: usize) -> &[T; LANES] {
    plane[index * LANES..].first_chunk().expect("a block has 16 samples")
}

/// Numbers of all samples at a basis index, to change them.
#[inline(always)]
fn line_mut<T>(plane: &mut [T], index: usize) -> &mut [T; LANES] {
    plane[index * LANES..].first_chunk_mut().expect("a block has 16 samples")
}
