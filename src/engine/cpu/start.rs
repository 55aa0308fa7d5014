//! Product starts: each qubit's first gates act on it alone, so the state they make is a product, built by doubling.
//!
//! The reverse sweep takes the state apart again, qubit by qubit from the top: with unit vectors `v` the state of the lower
//! qubits is `conj(v0) ψ_low + conj(v1) ψ_high`, and λ is contracted in the same way; the overlap of the two gives each
//! qubit's own λ, on which its gates are undone.

use super::angles::Angles;
use super::arch::arch;
use super::kernels::Turn;
use super::plan::LANES;
use super::simd::{Vectored, lanes, load, store};
use super::state::State;
use crate::engine::Real;
use crate::program::{Kernel, Step};
use num_complex::Complex64;
use pulp::{NullaryFnOnce, Simd, WithSimd};

/// The two amplitudes of one qubit in each lane: real parts, imaginary parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Qubit<T> {
    re: [[T; LANES]; 2],
    im: [[T; LANES]; 2],
}

impl<T: Real> Qubit<T> {
    pub(super) fn ground() -> Self {
        let zero = [T::zero(); LANES];
        Self { re: [[T::one(); LANES], zero], im: [zero; 2] }
    }

    /// A qubit of a single state, in lane 0.
    pub(super) fn new(amplitudes: [Complex64; 2]) -> Self {
        let mut qubit = Self { re: [[T::zero(); LANES]; 2], im: [[T::zero(); LANES]; 2] };
        for (k, amplitude) in amplitudes.iter().enumerate() {
            (qubit.re[k][0], qubit.im[k][0]) = (T::from_f64(amplitude.re), T::from_f64(amplitude.im));
        }
        qubit
    }

    /// The amplitudes in lane 0.
    pub(super) fn amplitudes(&self) -> [Complex64; 2] {
        [0, 1].map(|k| Complex64::new(self.re[k][0].to_f64(), self.im[k][0].to_f64()))
    }

    /// Applies a step on qubit 0; `turn` holds its cosine and sine, if it has any.
    #[inline(always)]
    pub(super) fn apply(&mut self, step: &Step, turn: &Turn<T>) {
        match &step.kernel {
            Kernel::Rotation { x: 0, .. } => {
                self.phase(0, &turn.inverse());
                self.phase(1, turn);
            }
            Kernel::Rotation { z: 0, .. } => {
                let [a, b] = &mut self.re;
                let [c, d] = &mut self.im;
                super::kernels::mix((a, c), (b, d), false, turn);
            }
            Kernel::Rotation { .. } => {
                let [a, b] = &mut self.re;
                let [c, d] = &mut self.im;
                super::kernels::mix((a, c), (b, d), true, turn);
            }
            Kernel::Phase { .. } => self.phase(1, turn),
            Kernel::FixedPhase(value) => self.phase(1, &Turn::fixed(*value)),
            Kernel::Exchange { .. } => {
                self.re.swap(0, 1);
                self.im.swap(0, 1);
            }
            Kernel::Matrix { entries, .. } => self.multiply(|row, column| entries[2 * row + column]),
        }
    }

    /// The adjoint of [`apply`](Self::apply).
    #[inline(always)]
    fn undo(&mut self, step: &Step, turn: &Turn<T>) {
        match &step.kernel {
            Kernel::Rotation { .. } | Kernel::Phase { .. } => self.apply(step, &turn.inverse()),
            Kernel::FixedPhase(value) => self.phase(1, &Turn::fixed(value.conj())),
            Kernel::Exchange { .. } => self.apply(step, turn),
            Kernel::Matrix { entries, .. } => self.multiply(|row, column| entries[2 * column + row].conj()),
        }
    }

    #[inline(always)]
    fn phase(&mut self, index: usize, turn: &Turn<T>) {
        super::kernels::turn(&mut self.re[index], &mut self.im[index], turn);
    }

    fn multiply(&mut self, entry: impl Fn(usize, usize) -> Complex64) {
        let from = *self;
        for row in 0..2 {
            for lane in 0..LANES {
                let (mut re, mut im) = (T::zero(), T::zero());
                for column in 0..2 {
                    let entry = entry(row, column);
                    let (a, b) = (T::from_f64(entry.re), T::from_f64(entry.im));
                    re += a * from.re[column][lane] - b * from.im[column][lane];
                    im += a * from.im[column][lane] + b * from.re[column][lane];
                }
                (self.re[row][lane], self.im[row][lane]) = (re, im);
            }
        }
    }

    /// `Im <λ|G|self>` in each lane with the generator of a step that has an angle, and with the factor of its gradient.
    #[inline(always)]
    fn overlap(&self, lambda: &Self, step: &Step) -> [f64; LANES] {
        match step.kernel {
            Kernel::Rotation { x: 0, .. } => self.imaginary(lambda, [(0, 0), (1, 1)], [2.0, -2.0]),
            Kernel::Rotation { z: 0, .. } => self.imaginary(lambda, [(0, 1), (1, 0)], [2.0, 2.0]),
            Kernel::Rotation { .. } => {
                let mut sums = [0.0; LANES];
                for lane in 0..LANES {
                    let real = |a: usize, b: usize| {
                        (lambda.re[a][lane] * self.re[b][lane] + lambda.im[a][lane] * self.im[b][lane]).to_f64()
                    };
                    sums[lane] = 2.0 * (real(1, 0) - real(0, 1));
                }
                sums
            }
            Kernel::Phase { .. } => self.imaginary(lambda, [(1, 1), (0, 0)], [-2.0, 0.0]),
            Kernel::FixedPhase(_) | Kernel::Exchange { .. } | Kernel::Matrix { .. } => [0.0; LANES],
        }
    }

    /// `sum of factor * Im(λ_a* ψ_b)` over two pairs `(a, b)`, in each lane.
    #[inline(always)]
    fn imaginary(&self, lambda: &Self, pairs: [(usize, usize); 2], factors: [f64; 2]) -> [f64; LANES] {
        let mut sums = [0.0; LANES];
        for ((a, b), factor) in pairs.into_iter().zip(factors) {
            for lane in 0..LANES {
                let im = lambda.re[a][lane] * self.im[b][lane] - lambda.im[a][lane] * self.re[b][lane];
                sums[lane] += factor * im.to_f64();
            }
        }
        sums
    }
}

/// The steps of each qubit applied to it from |0>.
pub(super) struct Prepare<'a, T> {
    pub(super) start: &'a [Vec<Step>],
    pub(super) angles: Angles<'a, T>,
    pub(super) to: &'a mut Vec<Qubit<T>>,
}

impl<T: Real> NullaryFnOnce for Prepare<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.to.clear();
        for steps in self.start {
            let mut qubit = Qubit::ground();
            for step in steps {
                qubit.apply(step, &self.angles.step(step));
            }
            self.to.push(qubit);
        }
    }
}

/// The steps of each qubit that matters undone on it and its λ; adds to the gradient of each slot.
pub(super) struct Undo<'a, T, F> {
    pub(super) start: &'a [Vec<Step>],
    pub(super) qubits: &'a [Qubit<T>],
    pub(super) lambdas: &'a [Qubit<T>],
    pub(super) angles: Angles<'a, T>,
    pub(super) matters: F,
    pub(super) gradients: &'a mut [[f64; LANES]],
}

impl<T: Real, F: Fn(&[Step]) -> bool> NullaryFnOnce for Undo<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let qubits = self.qubits.iter().zip(self.lambdas).zip(self.start);
        for ((qubit, lambda), steps) in qubits.filter(|(_, steps)| (self.matters)(steps)) {
            let (mut qubit, mut lambda) = (*qubit, *lambda);
            for step in steps.iter().rev() {
                let turn = self.angles.step(step);
                if let Kernel::Rotation { slot, .. } | Kernel::Phase { slot } = step.kernel {
                    let sums = qubit.overlap(&lambda, step);
                    for lane in 0..LANES {
                        self.gradients[slot][lane] += sums[lane];
                    }
                }
                qubit.undo(step, &turn);
                lambda.undo(step, &turn);
            }
        }
    }
}

/// A product built: with each qubit the amplitudes there are become twice as many.
struct Build<'a, T> {
    qubits: &'a [Qubit<T>],
    re: &'a mut [[T; LANES]],
    im: &'a mut [[T; LANES]],
}

impl<T: Real> WithSimd for Build<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        (self.re[0], self.im[0]) = ([T::one(); LANES], [T::zero(); LANES]);
        for (k, Qubit { re, im }) in self.qubits.iter().enumerate() {
            let (to_re, to_im) = (halves(self.re, 1 << k), halves(self.im, 1 << k));
            for at in (0..LANES).step_by(lanes::<S, T>()) {
                let [low, high] = [0, 1].map(|bit| (vector::<S, T>(&re[bit], at), vector::<S, T>(&im[bit], at)));
                for j in 0..1 << k {
                    let from = (vector::<S, T>(&to_re.0[j], at), vector::<S, T>(&to_im.0[j], at));
                    let (to_low, to_high) = (times::<S, T>(simd, low, from), times::<S, T>(simd, high, from));
                    set::<S, T>(&mut to_re.0[j], at, to_low.0);
                    set::<S, T>(&mut to_im.0[j], at, to_low.1);
                    set::<S, T>(&mut to_re.1[j], at, to_high.0);
                    set::<S, T>(&mut to_im.1[j], at, to_high.1);
                }
            }
        }
    }
}

/// One halving of ψ and λ; returns the λ of the qubit taken off.
struct Halve<'a, T> {
    qubit: &'a Qubit<T>,
    psi_re: (&'a mut [[T; LANES]], &'a mut [[T; LANES]]),
    psi_im: (&'a mut [[T; LANES]], &'a mut [[T; LANES]]),
    lambda_re: (&'a mut [[T; LANES]], &'a mut [[T; LANES]]),
    lambda_im: (&'a mut [[T; LANES]], &'a mut [[T; LANES]]),
}

impl<T: Real> Halve<'_, T> {
    #[inline(always)]
    fn chunk<S: Simd>(&mut self, simd: S, at: usize, out: &mut Qubit<T>) {
        let zero = T::splat(simd, T::zero());
        let Qubit { re, im } = self.qubit;
        let v0 = (vector::<S, T>(&re[0], at), vector::<S, T>(&im[0], at));
        let v1 = (vector::<S, T>(&re[1], at), vector::<S, T>(&im[1], at));
        let (mut sum0, mut sum1) = ((zero, zero), (zero, zero));
        let [pr, pi, lr, li] = [&mut self.psi_re, &mut self.psi_im, &mut self.lambda_re, &mut self.lambda_im];
        for k in 0..pr.0.len() {
            let psi0 = (vector::<S, T>(&pr.0[k], at), vector::<S, T>(&pi.0[k], at));
            let psi1 = (vector::<S, T>(&pr.1[k], at), vector::<S, T>(&pi.1[k], at));
            let s = add_product::<S, T>(simd, v1, psi1, add_product::<S, T>(simd, v0, psi0, (zero, zero)));
            let l0 = (vector::<S, T>(&lr.0[k], at), vector::<S, T>(&li.0[k], at));
            let l1 = (vector::<S, T>(&lr.1[k], at), vector::<S, T>(&li.1[k], at));
            // conj(s) λ, for each setting of the qubit
            sum0 = add_product::<S, T>(simd, s, l0, sum0);
            sum1 = add_product::<S, T>(simd, s, l1, sum1);
            let l = add_product::<S, T>(simd, v1, l1, add_product::<S, T>(simd, v0, l0, (zero, zero)));
            for (line, value) in [(&mut pr.0[k], s.0), (&mut pi.0[k], s.1), (&mut lr.0[k], l.0), (&mut li.0[k], l.1)] {
                set::<S, T>(line, at, value);
            }
        }
        for (line, value) in out.re.iter_mut().zip([sum0.0, sum1.0]).chain(out.im.iter_mut().zip([sum0.1, sum1.1])) {
            set::<S, T>(line, at, value);
        }
    }
}

/// ψ and λ halved until nothing is left.
struct TakeApart<'a, T> {
    qubits: &'a [Qubit<T>],
    psi: [&'a mut [[T; LANES]]; 2],
    lambda: [&'a mut [[T; LANES]]; 2],
    lambdas: &'a mut [Qubit<T>],
}

impl<T: Real> WithSimd for TakeApart<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [[psi_re, psi_im], [lambda_re, lambda_im]] = [self.psi, self.lambda];
        for (k, (qubit, out)) in self.qubits.iter().zip(self.lambdas).enumerate().rev() {
            let half = 1 << k;
            let mut halve = Halve {
                qubit,
                psi_re: halves(psi_re, half),
                psi_im: halves(psi_im, half),
                lambda_re: halves(lambda_re, half),
                lambda_im: halves(lambda_im, half),
            };
            for at in (0..LANES).step_by(lanes::<S, T>()) {
                halve.chunk(simd, at, out);
            }
        }
    }
}

/// Real and imaginary parts.
type Pair<S, T> = (<T as Vectored>::Vector<S>, <T as Vectored>::Vector<S>);

/// `a b`.
#[inline(always)]
fn times<S: Simd, T: Real>(simd: S, a: Pair<S, T>, b: Pair<S, T>) -> Pair<S, T> {
    let re = T::times_plus(simd, T::minus(simd, a.1), b.1, T::times(simd, a.0, b.0));
    let im = T::times_plus(simd, a.1, b.0, T::times(simd, a.0, b.1));
    (re, im)
}

/// `conj(a) b + c`.
#[inline(always)]
fn add_product<S: Simd, T: Real>(simd: S, a: Pair<S, T>, b: Pair<S, T>, c: Pair<S, T>) -> Pair<S, T> {
    let re = T::times_plus(simd, a.1, b.1, T::times_plus(simd, a.0, b.0, c.0));
    let im = T::times_plus(simd, T::minus(simd, a.1), b.0, T::times_plus(simd, a.0, b.1, c.1));
    (re, im)
}

#[inline(always)]
fn vector<S: Simd, T: Real>(line: &[T; LANES], at: usize) -> T::Vector<S> {
    // SAFETY: `at` is the first lane of a vector that ends within the lanes.
    unsafe { load::<S, T>(line.as_ptr().add(at)) }
}

#[inline(always)]
fn set<S: Simd, T: Real>(line: &mut [T; LANES], at: usize, value: T::Vector<S>) {
    // SAFETY: as above.
    unsafe { store::<S, T>(line.as_mut_ptr().add(at), value) };
}

/// The lower `half` of some amplitudes, and the next.
#[inline(always)]
fn halves<T>(amplitudes: &mut [[T; LANES]], half: usize) -> (&mut [[T; LANES]], &mut [[T; LANES]]) {
    let (low, high) = amplitudes.split_at_mut(half);
    (low, &mut high[..half])
}

/// The planes of a full block as amplitudes.
fn amplitudes<T>(state: &mut State<T>) -> [&mut [[T; LANES]]; 2] {
    [&mut state.re, &mut state.im].map(|plane| plane.as_chunks_mut::<LANES>().0)
}

/// Writes the product of the qubits into a full block.
pub(super) fn build<T: Real>(state: &mut State<T>, qubits: &[Qubit<T>]) {
    let [re, im] = amplitudes(state);
    arch().dispatch(Build { qubits, re, im });
}

/// Takes the product apart into each qubit's λ. Destroys both states.
pub(super) fn take_apart<T: Real>(
    psi: &mut State<T>,
    lambda: &mut State<T>,
    qubits: &[Qubit<T>],
    lambdas: &mut Vec<Qubit<T>>,
) {
    lambdas.resize(qubits.len(), Qubit::ground());
    arch().dispatch(TakeApart { qubits, psi: amplitudes(psi), lambda: amplitudes(lambda), lambdas });
}
