//! Product starts of single states.
//!
//! A product of n qubits is the outer product of those of its upper and lower half, so that the state is written once; and λ
//! is contracted with each half in one pass over it, which leaves two small products to take apart.

use super::arch::arch;
use super::plan::LANES;
use super::share;
use super::start::Qubit;
use super::state::{Buffer, State};
use crate::engine::Real;
use num_complex::Complex64;
use pulp::NullaryFnOnce;

/// Sums over rows are cut into so many parts at the most.
const MAX_CHUNKS: usize = 64;

/// The amplitudes of a product, qubit 0 in the lowest bit.
fn product<T: Real>(qubits: &[Qubit<T>]) -> Vec<Complex64> {
    let mut out = vec![Complex64::from(1.0)];
    for qubit in qubits {
        let [low, high] = qubit.amplitudes();
        let upper: Vec<Complex64> = out.iter().map(|amplitude| amplitude * high).collect();
        out.iter_mut().for_each(|amplitude| *amplitude *= low);
        out.extend(upper);
    }
    out
}

/// The lower and upper half of a register. A row is the amplitudes of the lower one, whole vectors of them.
fn halves<T>(qubits: &[Qubit<T>]) -> (&[Qubit<T>], &[Qubit<T>]) {
    qubits.split_at((qubits.len() / 2).max(LANES.ilog2() as usize))
}

/// Real and imaginary parts in the precision of the state.
fn planes<T: Real>(values: &[Complex64]) -> (Buffer<T>, Buffer<T>) {
    let (mut re, mut im) = (Buffer::new(values.len()), Buffer::new(values.len()));
    for (k, value) in values.iter().enumerate() {
        (re[k], im[k]) = (T::from_f64(value.re), T::from_f64(value.im));
    }
    (re, im)
}

/// A row times a number.
struct Scale<'a, T> {
    from: (&'a [T], &'a [T]),
    by: (T, T),
    to: (&'a mut [T], &'a mut [T]),
}

impl<T: Real> NullaryFnOnce for Scale<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (by_re, by_im) = self.by;
        let from = self.from.0.iter().zip(self.from.1);
        for ((to_re, to_im), (re, im)) in self.to.0.iter_mut().zip(self.to.1).zip(from) {
            *to_re = by_re * *re - by_im * *im;
            *to_im = by_re * *im + by_im * *re;
        }
    }
}

/// Writes the product of the qubits.
pub(super) fn build<T: Real>(state: &mut State<T>, qubits: &[Qubit<T>], spread: bool) {
    let (lower, upper) = halves(qubits);
    let (low_re, low_im) = planes::<T>(&product(lower));
    let upper = product(upper);
    let len = low_re.len();
    let rows = state.re.chunks_mut(len).zip(state.im.chunks_mut(len));
    share::each(
        spread,
        rows,
        || (),
        |(), row, to| {
            let by = (T::from_f64(upper[row].re), T::from_f64(upper[row].im));
            arch().dispatch(Scale { from: (&low_re, &low_im), by, to });
        },
    );
}

/// One row of λ: returns its product with the conjugate of the lower half, and adds the row times `conj(by)` to `sums`.
struct Contract<'a, T> {
    row: (&'a [T], &'a [T]),
    low: (&'a [T], &'a [T]),
    by: (T, T),
    sums: (&'a mut [T], &'a mut [T]),
}

impl<T: Real> NullaryFnOnce for Contract<'_, T> {
    type Output = Complex64;

    #[inline(always)]
    fn call(self) -> Complex64 {
        let lines = |plane: (&'_ [T], &'_ [T])| -> usize { plane.0.len() / LANES };
        let count = lines(self.row);
        let (row_re, row_im) = (self.row.0.as_chunks::<LANES>().0, self.row.1.as_chunks::<LANES>().0);
        let (low_re, low_im) = (self.low.0.as_chunks::<LANES>().0, self.low.1.as_chunks::<LANES>().0);
        let (sum_re, sum_im) = (self.sums.0.as_chunks_mut::<LANES>().0, self.sums.1.as_chunks_mut::<LANES>().0);
        let (mut re, mut im) = ([T::zero(); LANES], [T::zero(); LANES]);
        let (by_re, by_im) = self.by;
        for k in 0..count {
            let (a, b, c, d) = (&row_re[k], &row_im[k], &low_re[k], &low_im[k]);
            for l in 0..LANES {
                re[l] += c[l] * a[l] + d[l] * b[l];
                im[l] += c[l] * b[l] - d[l] * a[l];
                sum_re[k][l] += by_re * a[l] + by_im * b[l];
                sum_im[k][l] += by_re * b[l] - by_im * a[l];
            }
        }
        let total = |lanes: [T; LANES]| lanes.iter().map(|lane| lane.to_f64()).sum();
        Complex64::new(total(re), total(im))
    }
}

/// Each qubit's λ: that of the state contracted with all other qubits.
pub(super) fn take_apart<T: Real>(lambda: &State<T>, qubits: &[Qubit<T>], spread: bool) -> Vec<Qubit<T>> {
    let (lower, upper) = halves(qubits);
    let (low, high) = (product(lower), product(upper));
    let (low_re, low_im) = planes::<T>(&low);
    let rows = high.len().div_ceil(MAX_CHUNKS);
    let part = |(): &mut (), _, chunk: usize| {
        let (mut re, mut im) = (Buffer::<T>::zeroed(low.len()), Buffer::<T>::zeroed(low.len()));
        let contract = |row: usize| {
            let at = row * low.len()..(row + 1) * low.len();
            let by = (T::from_f64(high[row].re), T::from_f64(high[row].im));
            let row = (&lambda.re[at.clone()], &lambda.im[at]);
            arch().dispatch(Contract { row, low: (&low_re, &low_im), by, sums: (&mut re, &mut im) })
        };
        let sums: Vec<Complex64> = (chunk * rows..high.len().min((chunk + 1) * rows)).map(contract).collect();
        (sums, re, im)
    };
    let chunks = high.len().div_ceil(rows);
    let parts: Vec<_> = share::each(spread, 0..chunks, || (), part);
    let mut low_lambda = vec![Complex64::default(); low.len()];
    let mut high_lambda = Vec::with_capacity(high.len());
    for (sums, re, im) in parts {
        high_lambda.extend(sums);
        for (k, sum) in low_lambda.iter_mut().enumerate() {
            *sum += Complex64::new(re[k].to_f64(), im[k].to_f64());
        }
    }
    let mut lambdas = separate(low_lambda, lower);
    lambdas.extend(separate(high_lambda, upper));
    lambdas
}

/// As [`take_apart`], for a small product.
fn separate<T: Real>(mut lambda: Vec<Complex64>, qubits: &[Qubit<T>]) -> Vec<Qubit<T>> {
    let mut out = Vec::with_capacity(qubits.len());
    for (k, qubit) in qubits.iter().enumerate().rev() {
        let rest = product(&qubits[..k]);
        let [v0, v1] = qubit.amplitudes().map(|v| v.conj());
        let upper = lambda.split_off(rest.len());
        let overlap = |half: &[Complex64]| -> Complex64 { rest.iter().zip(half).map(|(r, l)| r.conj() * l).sum() };
        out.push(Qubit::new([overlap(&lambda), overlap(&upper)]));
        lambda.iter_mut().zip(upper).for_each(|(low, high)| *low = v0 * *low + v1 * high);
    }
    out.reverse();
    out
}
