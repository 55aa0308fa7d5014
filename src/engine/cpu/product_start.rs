//! Product starts: the first gates of each qubit act on it alone, so the state after them is a product.
//!
//! The forward pass builds the product by doubling. The reverse sweep takes the state apart again, qubit by qubit from
//! the top. If `v` is the unit vector of the top qubit, the state of the lower qubits is
//! `conj(v0) ψ_low + conj(v1) ψ_high`, and λ is contracted in the same way. The overlap of the lower qubits' ψ with the
//! two halves of λ gives the top qubit's own λ, on which the gates of the qubit are undone.

use crate::engine::Real;
use crate::engine::cpu::angles::Angles;
use crate::engine::cpu::state::State;
use crate::engine::simd::LANES;
use crate::engine::simd::arch::current_arch;
use crate::engine::simd::{SimdReal, align_frame, lane_count, load_vector, store_vector};
use crate::program::{Kernel, Step};
use num_complex::Complex64;
use pulp::{Simd, WithSimd};

/// Two amplitudes of a qubit in each lane: real parts, imaginary parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Qubit<T> {
    re: [[T; LANES]; 2],
    im: [[T; LANES]; 2],
}

impl<T: Real> Qubit<T> {
    pub(super) fn zero() -> Self {
        let zero = [T::zero(); LANES];
        Self { re: [[T::one(); LANES], zero], im: [zero; 2] }
    }

    /// Makes a qubit of a single state, in lane 0.
    pub(super) fn new(amplitudes: [Complex64; 2]) -> Self {
        let mut qubit = Self { re: [[T::zero(); LANES]; 2], im: [[T::zero(); LANES]; 2] };
        for (k, amplitude) in amplitudes.iter().enumerate() {
            (qubit.re[k][0], qubit.im[k][0]) = (T::from_f64(amplitude.re), T::from_f64(amplitude.im));
        }
        qubit
    }

    /// Amplitudes in lane 0.
    pub(super) fn amplitudes(&self) -> [Complex64; 2] {
        [0, 1].map(|k| Complex64::new(self.re[k][0].to_f64(), self.im[k][0].to_f64()))
    }
}

/// Pair of vectors: real and imaginary parts, or a cosine and a sine.
type Pair<S, T> = (<T as SimdReal>::Vector<S>, <T as SimdReal>::Vector<S>);

/// Two amplitudes of a qubit in some lanes.
type Amplitudes<S, T> = (Pair<S, T>, Pair<S, T>);

/// Step on a qubit, with its cosine and sine.
#[derive(Clone, Copy)]
struct Gate<'a, S: Simd, T: Real> {
    simd: S,
    kernel: &'a Kernel,
    cos_sin: Pair<S, T>,
}

impl<'a, S: Simd, T: Real> Gate<'a, S, T> {
    #[inline(always)]
    fn new(simd: S, step: &'a Step, angles: Angles<'_, T>, at: usize) -> Self {
        let splat = |value: f64| T::splat(simd, T::from_f64(value));
        let cos_sin = match step.kernel {
            Kernel::Rotation { slot, .. } | Kernel::Phase { slot } => match angles.look_up(slot) {
                Ok(cos_sin) => (vector::<S, T>(&cos_sin.cos, at), vector::<S, T>(&cos_sin.sin, at)),
                Err(value) => (splat(value.re), splat(value.im)),
            },
            Kernel::FixedPhase(value) => (splat(value.re), splat(value.im)),
            Kernel::Exchange { .. } | Kernel::Matrix { .. } => (splat(1.0), splat(0.0)),
        };
        Self { simd, kernel: &step.kernel, cos_sin }
    }

    /// Applies the gate, or its adjoint if `back`.
    #[inline(always)]
    fn apply(self, (low, high): Amplitudes<S, T>, back: bool) -> Amplitudes<S, T> {
        let Self { simd, kernel, cos_sin: (cos, sin) } = self;
        let sin = if back { T::minus(simd, sin) } else { sin };
        // `cos a + sin b`, and the same with the opposite sine.
        let plus = |a, b| T::times_plus(simd, sin, b, T::times(simd, cos, a));
        let minus = |a, b| T::times_plus(simd, T::minus(simd, sin), b, T::times(simd, cos, a));
        match kernel {
            Kernel::Rotation { x: 0, .. } => {
                ((plus(low.0, low.1), minus(low.1, low.0)), (minus(high.0, high.1), plus(high.1, high.0)))
            }
            Kernel::Rotation { z: 0, .. } => {
                ((plus(low.0, high.1), minus(low.1, high.0)), (plus(high.0, low.1), minus(high.1, low.0)))
            }
            Kernel::Rotation { .. } => {
                ((minus(low.0, high.0), minus(low.1, high.1)), (plus(high.0, low.0), plus(high.1, low.1)))
            }
            Kernel::Phase { .. } | Kernel::FixedPhase(_) => (low, (minus(high.0, high.1), plus(high.1, high.0))),
            Kernel::Exchange { .. } => (high, low),
            Kernel::Matrix { entries, .. } => {
                let row = |row: usize| {
                    let (a, b) = match back {
                        false => (entries[2 * row], entries[2 * row + 1]),
                        true => (entries[row].conj(), entries[2 + row].conj()),
                    };
                    let splat = |value: f64| T::splat(simd, T::from_f64(value));
                    let a = times::<S, T>(simd, (splat(a.re), splat(a.im)), low);
                    let b = times::<S, T>(simd, (splat(b.re), splat(b.im)), high);
                    (T::plus(simd, a.0, b.0), T::plus(simd, a.1, b.1))
                };
                (row(0), row(1))
            }
        }
    }

    /// `Im <λ|G|ψ>` with the generator `G` of a step that has an angle, times the factor of its gradient.
    #[inline(always)]
    fn overlap(self, psi: Amplitudes<S, T>, lambda: Amplitudes<S, T>) -> T::Vector<S> {
        let simd = self.simd;
        let minus = |a, b| T::plus(simd, a, T::minus(simd, b));
        // Im(λ* ψ) and Re(λ* ψ).
        let im = |l: Pair<S, T>, p: Pair<S, T>| minus(T::times(simd, l.0, p.1), T::times(simd, l.1, p.0));
        let re = |l: Pair<S, T>, p: Pair<S, T>| T::times_plus(simd, l.0, p.0, T::times(simd, l.1, p.1));
        let half = match self.kernel {
            Kernel::Rotation { x: 0, .. } => minus(im(lambda.0, psi.0), im(lambda.1, psi.1)),
            Kernel::Rotation { z: 0, .. } => T::plus(simd, im(lambda.0, psi.1), im(lambda.1, psi.0)),
            Kernel::Rotation { .. } => minus(re(lambda.1, psi.0), re(lambda.0, psi.1)),
            Kernel::Phase { .. } => T::minus(simd, im(lambda.1, psi.1)),
            Kernel::FixedPhase(_) | Kernel::Exchange { .. } | Kernel::Matrix { .. } => T::splat(simd, T::zero()),
        };
        T::plus(simd, half, half)
    }
}

impl<T: Real> Qubit<T> {
    #[inline(always)]
    fn take<S: Simd>(&self, at: usize) -> Amplitudes<S, T> {
        let pair = |bit: usize| (vector::<S, T>(&self.re[bit], at), vector::<S, T>(&self.im[bit], at));
        (pair(0), pair(1))
    }

    #[inline(always)]
    fn put<S: Simd>(&mut self, at: usize, (low, high): Amplitudes<S, T>) {
        set::<S, T>(&mut self.re[0], at, low.0);
        set::<S, T>(&mut self.im[0], at, low.1);
        set::<S, T>(&mut self.re[1], at, high.0);
        set::<S, T>(&mut self.im[1], at, high.1);
    }
}

/// Preparation of each qubit: its steps applied to |0>.
pub(super) struct Prepare<'a, T> {
    pub(super) start: &'a [Vec<Step>],
    pub(super) angles: Angles<'a, T>,
    pub(super) to: &'a mut [Qubit<T>],
}

impl<T: Real> WithSimd for Prepare<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        align_frame();
        let (one, zero) = (T::splat(simd, T::one()), T::splat(simd, T::zero()));
        for (steps, to) in self.start.iter().zip(self.to) {
            for at in (0..LANES).step_by(lane_count::<S, T>()) {
                let mut qubit = ((one, zero), (zero, zero));
                for step in steps {
                    qubit = Gate::<S, T>::new(simd, step, self.angles, at).apply(qubit, false);
                }
                to.put::<S>(at, qubit);
            }
        }
    }
}

/// Reverse of the preparation, for qubits with an angle that needs a gradient: undoes the steps on ψ and λ of each
/// qubit, and adds to the gradient of each slot.
pub(super) struct Undo<'a, T, F> {
    pub(super) start: &'a [Vec<Step>],
    pub(super) qubits: &'a [Qubit<T>],
    pub(super) lambdas: &'a [Qubit<T>],
    pub(super) angles: Angles<'a, T>,
    pub(super) matters: F,
    pub(super) gradients: &'a mut [[f64; LANES]],
}

impl<T: Real, F: Fn(&[Step]) -> bool> WithSimd for Undo<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        align_frame();
        let width = lane_count::<S, T>();
        let qubits = self.qubits.iter().zip(self.lambdas).zip(self.start);
        for ((qubit, lambda), steps) in qubits.filter(|(_, steps)| (self.matters)(steps)) {
            for at in (0..LANES).step_by(width) {
                let (mut psi, mut lambda) = (qubit.take::<S>(at), lambda.take::<S>(at));
                for step in steps.iter().rev() {
                    let gate = Gate::new(simd, step, self.angles, at);
                    if let Some(slot) = step.kernel.slot() {
                        let mut sums = [T::zero(); LANES];
                        set::<S, T>(&mut sums, at, gate.overlap(psi, lambda));
                        let gradients = self.gradients[slot][at..].iter_mut().zip(&sums[at..at + width]);
                        gradients.for_each(|(gradient, sum)| *gradient += sum.to_f64());
                    }
                    (psi, lambda) = (gate.apply(psi, true), gate.apply(lambda, true));
                }
            }
        }
    }
}

/// Construction of a product: each qubit doubles the number of amplitudes.
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
        for (k, qubit) in self.qubits.iter().enumerate() {
            let (to_re, to_im) = (halves(self.re, 1 << k), halves(self.im, 1 << k));
            for at in (0..LANES).step_by(lane_count::<S, T>()) {
                let (low, high) = qubit.take::<S>(at);
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

/// Reverse of one doubling, on ψ and λ; it also computes the λ of the qubit that is taken off.
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
            // conj(s) λ, for each value of the qubit.
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

/// Reverse of the construction: halves ψ and λ until all qubits are taken off.
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
            for at in (0..LANES).step_by(lane_count::<S, T>()) {
                halve.chunk(simd, at, out);
            }
        }
    }
}

/// Product `a b`.
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
    unsafe { load_vector::<S, T>(line.as_ptr().add(at)) }
}

#[inline(always)]
fn set<S: Simd, T: Real>(line: &mut [T; LANES], at: usize, value: T::Vector<S>) {
    // SAFETY: as in `vector`.
    unsafe { store_vector::<S, T>(line.as_mut_ptr().add(at), value) };
}

/// Returns the first `half` amplitudes, and the `half` amplitudes behind them.
#[inline(always)]
fn halves<T>(amplitudes: &mut [[T; LANES]], half: usize) -> (&mut [[T; LANES]], &mut [[T; LANES]]) {
    let (low, high) = amplitudes.split_at_mut(half);
    (low, &mut high[..half])
}

/// Returns the planes of a block of 16 samples as arrays of 16 numbers.
fn amplitudes<T>(state: &mut State<T>) -> [&mut [[T; LANES]]; 2] {
    [&mut state.re, &mut state.im].map(|plane| plane.as_chunks_mut::<LANES>().0)
}

/// Writes the product of the qubits into a block of 16 samples.
pub(super) fn build_product<T: Real>(state: &mut State<T>, qubits: &[Qubit<T>]) {
    let [re, im] = amplitudes(state);
    current_arch().dispatch(Build { qubits, re, im });
}

/// Computes the λ of each qubit from the two states of a product. Destroys both states.
pub(super) fn take_apart<T: Real>(
    psi: &mut State<T>,
    lambda: &mut State<T>,
    qubits: &[Qubit<T>],
    lambdas: &mut Vec<Qubit<T>>,
) {
    lambdas.resize(qubits.len(), Qubit::zero());
    current_arch().dispatch(TakeApart { qubits, psi: amplitudes(psi), lambda: amplitudes(lambda), lambdas });
}
