//! Product starts of single states.
//!
//! A product state of n qubits is the outer product of the states of its lower and its upper half, so the state is
//! written once. The reverse sweep contracts λ with each half in one sweep. This leaves two small products, which are
//! taken apart.

use crate::engine::cpu::product_start::Qubit;
use crate::engine::cpu::state::{Buffer, State};
use crate::engine::lines::held_bytes;
use crate::engine::simd::LANES;
use crate::engine::simd::arch::current_arch;
use crate::engine::{Real, share};
use num_complex::Complex64;
use pulp::NullaryFnOnce;

/// Largest number of parts into which sums over rows are cut.
const MAX_CHUNKS: usize = 64;

/// Scratch of product starts.
#[derive(Debug)]
pub(crate) struct Products<T> {
    lower: Half,
    upper: Half,
    /// Product of the lower half, in the precision of the state.
    low: [Buffer<T>; 2],
    /// Sums of rows, chunk by chunk: real parts, imaginary parts.
    sums: Buffer<T>,
}

impl<T> Default for Products<T> {
    fn default() -> Self {
        let [lower, upper] = [Half::default(), Half::default()];
        Self { lower, upper, low: [Buffer::default(), Buffer::default()], sums: Buffer::default() }
    }
}

/// One half of a register.
#[derive(Debug, Default)]
struct Half {
    product: Vec<Complex64>,
    /// λ contracted with the other half.
    lambda: Vec<Complex64>,
}

impl Half {
    /// Computes the amplitudes of a product, with qubit 0 in the lowest bit.
    fn set<T: Real>(&mut self, qubits: &[Qubit<T>]) {
        self.product.clear();
        self.product.push(Complex64::from(1.0));
        for qubit in qubits {
            let [low, high] = qubit.amplitudes();
            for k in 0..self.product.len() {
                self.product.push(self.product[k] * high);
                self.product[k] *= low;
            }
        }
    }

    /// Computes the λ of each qubit from the λ of this half.
    fn separate<T: Real>(&mut self, qubits: &[Qubit<T>], lambdas: &mut [Qubit<T>]) {
        for (k, (qubit, out)) in qubits.iter().zip(lambdas).enumerate().rev() {
            self.set(&qubits[..k]);
            let [v0, v1] = qubit.amplitudes().map(|v| v.conj());
            let (low, high) = self.lambda[..2 << k].split_at_mut(1 << k);
            let overlap =
                |half: &[Complex64]| -> Complex64 { self.product.iter().zip(half).map(|(r, l)| r.conj() * l).sum() };
            *out = Qubit::new([overlap(low), overlap(high)]);
            low.iter_mut().zip(high).for_each(|(low, high)| *low = v0 * *low + v1 * *high);
        }
    }
}

/// First qubit of the upper half of a register. A row holds the amplitudes of the lower half, which are whole vectors.
fn middle(qubits: usize) -> usize {
    (qubits / 2).max(LANES.ilog2() as usize)
}

/// Product of a row and a number.
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

/// Contraction of one row of λ: returns the product of the row and the conjugate of the lower half, and adds the row
/// times `conj(by)` to `sums`.
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

impl<T: Real> Products<T> {
    /// Bytes that the products hold.
    pub(crate) fn bytes(&self) -> usize {
        let halves = [&self.lower, &self.upper].map(|half| held_bytes(&half.product) + held_bytes(&half.lambda));
        let planes = self.low.iter().chain([&self.sums]).map(Buffer::bytes);
        halves.iter().sum::<usize>() + planes.sum::<usize>()
    }

    /// Computes the products of both halves.
    fn set<'a>(&mut self, qubits: &'a [Qubit<T>]) -> (&'a [Qubit<T>], &'a [Qubit<T>]) {
        let (lower, upper) = qubits.split_at(middle(qubits.len()));
        self.lower.set(lower);
        self.upper.set(upper);
        let [re, im] = &mut self.low;
        re.fit(self.lower.product.len());
        im.fit(self.lower.product.len());
        for ((re, im), value) in re.iter_mut().zip(im.iter_mut()).zip(&self.lower.product) {
            (*re, *im) = (T::from_f64(value.re), T::from_f64(value.im));
        }
        (lower, upper)
    }

    /// Writes the product of the qubits into a state.
    pub(crate) fn build(&mut self, state: &mut State<T>, qubits: &[Qubit<T>], spread: bool) {
        self.set(qubits);
        let [low_re, low_im] = &self.low;
        let rows = state.re.chunks_mut(low_re.len()).zip(state.im.chunks_mut(low_re.len())).zip(&self.upper.product);
        share::for_each_item(spread, &mut Vec::<()>::new(), rows, |(), (to, by)| {
            let by = (T::from_f64(by.re), T::from_f64(by.im));
            current_arch().dispatch(Scale { from: (low_re, low_im), by, to });
        });
    }

    /// Computes the λ of each qubit: λ of the state, contracted with all other qubits.
    pub(crate) fn take_apart(
        &mut self,
        lambda: &State<T>,
        qubits: &[Qubit<T>],
        lambdas: &mut Vec<Qubit<T>>,
        spread: bool,
    ) {
        let (lower, upper) = self.set(qubits);
        self.contract(lambda, spread);
        lambdas.resize(qubits.len(), Qubit::zero());
        let (low, high) = lambdas.split_at_mut(lower.len());
        self.lower.separate(lower, low);
        self.upper.separate(upper, high);
    }

    /// Contracts λ with each half, which gives the λ of the other half.
    fn contract(&mut self, lambda: &State<T>, spread: bool) {
        let Self { lower, upper, low: [low_re, low_im], sums } = self;
        let len = low_re.len();
        let rows = upper.product.len().div_ceil(MAX_CHUNKS);
        upper.lambda.resize(upper.product.len(), Complex64::default());
        sums.zeroed(upper.product.len().div_ceil(rows) * 2 * len);
        let chunks = upper.lambda.chunks_mut(rows).zip(sums.chunks_mut(2 * len)).enumerate();
        share::for_each_item(spread, &mut Vec::<()>::new(), chunks, |(), (chunk, (contracted, sums))| {
            let (re, im) = sums.split_at_mut(len);
            for (row, contracted) in (chunk * rows..).zip(contracted) {
                let at = row * len..(row + 1) * len;
                let by = (T::from_f64(upper.product[row].re), T::from_f64(upper.product[row].im));
                let row = (&lambda.re[at.clone()], &lambda.im[at]);
                *contracted = current_arch().dispatch(Contract { row, low: (low_re, low_im), by, sums: (re, im) });
            }
        });
        lower.lambda.clear();
        lower.lambda.resize(len, Complex64::default());
        for sums in sums.chunks(2 * len) {
            let (re, im) = sums.split_at(len);
            for (sum, (re, im)) in lower.lambda.iter_mut().zip(re.iter().zip(im)) {
                *sum += Complex64::new(re.to_f64(), im.to_f64());
            }
        }
    }
}
