//! Kernels of observables: the expectation values of a sum of operators, and the sum applied to a state.

use crate::engine::Real;
use crate::engine::cpu::state::Planes;
use crate::engine::cpu::steps::forward::{Dense, MAX_LOCAL, Target, sumless_kernel};
use crate::engine::cpu::steps::reverse::{LaneSums, add_run, lane_sums};
use crate::engine::cpu::steps::{Kernel, Space, sweep_space, with_width};
use crate::engine::simd::LANES;
use crate::gf2::{self, parity};
use crate::observable::Part;
use crate::program::{PauliTerm, XMaskGroup};
use std::mem::MaybeUninit;

/// Output, coefficient, and a part of an observable that is not a Pauli word.
pub(crate) type SumPart = (usize, f64, Part);

/// Sums of each term of a kernel, in each lane. A few sums are on the stack.
#[derive(Debug, Clone)]
pub(crate) struct TermSums {
    few: [[f64; LANES]; FEW],
    many: Vec<[f64; LANES]>,
    terms: usize,
}

const FEW: usize = 4;

impl TermSums {
    fn new(terms: usize) -> Self {
        let many = if terms > FEW { vec![[0.0; LANES]; terms] } else { Vec::new() };
        Self { few: [[0.0; LANES]; FEW], many, terms }
    }

    fn get(&self) -> &[[f64; LANES]] {
        if self.terms > FEW { &self.many } else { &self.few[..self.terms] }
    }

    #[inline(always)]
    fn get_mut(&mut self) -> &mut [[f64; LANES]] {
        if self.terms > FEW { &mut self.many } else { &mut self.few[..self.terms] }
    }
}

/// Implements the sum of a kernel with `$terms` terms.
macro_rules! term_sums {
    (|$this:ident| $terms:expr) => {
        type Sum = TermSums;

        fn zero(&self) -> TermSums {
            let $this = self;
            TermSums::new($terms)
        }

        fn add(&self, sum: &mut TermSums, later: TermSums) {
            let pairs = sum.get_mut().as_flattened_mut().iter_mut().zip(later.get().as_flattened());
            pairs.for_each(|(sum, later)| *sum += later);
        }
    };
}

/// Real diagonal operators, each with its output.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Diagonal<'a> {
    /// Words of Z.
    ZWords(&'a [PauliTerm]),
    /// Value for each basis state of the qubits under the mask.
    Table { output: usize, coefficient: f64, values: &'a [f64], mask: u64 },
}

impl Diagonal<'_> {
    fn terms(&self) -> usize {
        match self {
            Self::ZWords(terms) => terms.len(),
            Self::Table { .. } => 1,
        }
    }

    /// Output of a term, and the term's entry at a basis index.
    #[inline(always)]
    fn entry(&self, term: usize, index: usize) -> (usize, f64) {
        match self {
            Self::ZWords(terms) => {
                let term = &terms[term];
                let odd = parity(index as u64 & term.z);
                (term.output, if odd { -term.coefficient } else { term.coefficient })
            }
            Self::Table { output, coefficient, values, mask } => {
                let state = gf2::compress(index as u64, *mask) as usize;
                (*output, coefficient * values[state])
            }
        }
    }

    /// Mask of the bits on which an entry depends.
    fn support(&self) -> u64 {
        match self {
            Self::ZWords(terms) => terms.iter().fold(0, |mask, term| mask | term.z),
            Self::Table { mask, .. } => *mask,
        }
    }
}

/// Adds the sums of the lanes to the sums of an output.
fn add_lanes(total: &mut [f64], output: usize, sum: &LaneSums) {
    total[output * LANES..].iter_mut().zip(sum).for_each(|(total, sum)| *total += sum);
}

/// Basis states whose bits in `fixed` are `ones`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Within {
    pub(crate) fixed: u64,
    pub(crate) ones: u64,
}

struct ExpectDiagonal<'a, T, const N: usize> {
    space: &'a Space,
    state: Planes<T>,
    diagonal: Diagonal<'a>,
    ones: usize,
}

impl<T: Real, const N: usize> Kernel for ExpectDiagonal<'_, T, N> {
    term_sums!(|kernel| kernel.diagonal.terms());

    #[inline(always)]
    unsafe fn run(&self, base: usize, sums: &mut TermSums) {
        let index = base | self.ones;
        let mut run = [T::zero(); N];
        let mut offset = 0;
        while offset < self.space.len {
            // SAFETY: this thread owns the run.
            let (re, im) = unsafe { self.state.chunk::<N>(index, offset) };
            for l in 0..N {
                run[l] += re[l] * re[l] + im[l] * im[l];
            }
            offset += N;
        }
        for (term, sum) in sums.get_mut().iter_mut().enumerate() {
            add_run(sum, &run, self.diagonal.entry(term, index).1);
        }
    }
}

struct ExpectFlip<'a, T, const N: usize> {
    space: &'a Space,
    state: Planes<T>,
    x_group: &'a XMaskGroup,
}

impl<T: Real, const N: usize> Kernel for ExpectFlip<'_, T, N> {
    term_sums!(|kernel| kernel.x_group.terms.len());

    #[inline(always)]
    unsafe fn run(&self, base: usize, sums: &mut TermSums) {
        let (mut re, mut im) = ([T::zero(); N], [T::zero(); N]);
        let mut offset = 0;
        while offset < self.space.len {
            // SAFETY: this thread owns the run and its partner.
            let (a, b) = unsafe {
                (self.state.chunk::<N>(base, offset), self.state.chunk::<N>(base ^ self.x_group.x as usize, offset))
            };
            for l in 0..N {
                re[l] += b.0[l] * a.0[l] + b.1[l] * a.1[l];
                im[l] += b.0[l] * a.1[l] - b.1[l] * a.0[l];
            }
            offset += N;
        }
        for (term, sum) in self.x_group.terms.iter().zip(sums.get_mut()) {
            match quarter_turns(term, base) {
                0 => add_run(sum, &re, 2.0 * term.coefficient),
                1 => add_run(sum, &im, -2.0 * term.coefficient),
                2 => add_run(sum, &re, -2.0 * term.coefficient),
                _ => add_run(sum, &im, 2.0 * term.coefficient),
            }
        }
    }
}

/// Power of i in the matrix entry from `index` to its partner.
#[inline(always)]
fn quarter_turns(term: &PauliTerm, index: usize) -> u32 {
    (term.quarter_turns + 2 * (index & term.z as usize).count_ones()) % 4
}

struct ExpectMatrix<'a, T, const N: usize> {
    space: &'a Space,
    state: Planes<T>,
    matrix: &'a Dense<T>,
    coefficient: f64,
}

impl<T: Real, const N: usize> Kernel for ExpectMatrix<'_, T, N> {
    lane_sums!();

    #[inline(always)]
    unsafe fn run(&self, base: usize, sum: &mut LaneSums) {
        let mut run = [T::zero(); N];
        let mut scratch = [MaybeUninit::uninit(); MAX_LOCAL];
        let mut offset = 0;
        while offset < self.space.len {
            // SAFETY: this thread owns the run for every value of the matrix's qubits.
            unsafe {
                let applied = self.matrix.times::<N>(self.state, base, offset, &mut scratch);
                for (bits, [re, im]) in self.matrix.offsets.iter().zip(applied) {
                    let (from_re, from_im) = self.state.chunk::<N>(base | bits, offset);
                    for l in 0..N {
                        run[l] += re[l] * from_re[l] + im[l] * from_im[l];
                    }
                }
            }
            offset += N;
        }
        add_run(sum, &run, self.coefficient);
    }
}

/// Kernel for `to += (sum over outputs of c[output] * diagonal[output]) from`.
struct AddDiagonal<'a, T, const N: usize> {
    space: &'a Space,
    from: Planes<T>,
    to: Planes<T>,
    diagonal: Diagonal<'a>,
    ones: usize,
    factors: &'a [[T; LANES]],
}

sumless_kernel!(AddDiagonal, |k, base, offset| {
    let index = base | k.ones;
    let mut factor = [T::zero(); N];
    for term in 0..k.diagonal.terms() {
        let (output, entry) = k.diagonal.entry(term, index);
        let entry = T::from_f64(entry);
        for l in 0..N {
            factor[l] += entry * k.factors[output][l];
        }
    }
    // SAFETY: this thread owns the run in both states.
    let (from, to) = unsafe { (k.from.chunk::<N>(index, offset), k.to.chunk::<N>(index, offset)) };
    for l in 0..N {
        to.0[l] += factor[l] * from.0[l];
        to.1[l] += factor[l] * from.1[l];
    }
});

struct AddFlip<'a, T, const N: usize> {
    space: &'a Space,
    from: Planes<T>,
    to: Planes<T>,
    x_group: &'a XMaskGroup,
    factors: &'a [[T; LANES]],
}

sumless_kernel!(AddFlip, |k, base, offset| {
    let (mut re, mut im) = ([T::zero(); N], [T::zero(); N]);
    for term in &k.x_group.terms {
        let (to, sign) = match quarter_turns(term, base) {
            0 => (&mut re, 1.0),
            1 => (&mut im, 1.0),
            2 => (&mut re, -1.0),
            _ => (&mut im, -1.0),
        };
        let coefficient = T::from_f64(sign * term.coefficient);
        for l in 0..N {
            to[l] += coefficient * k.factors[term.output][l];
        }
    }
    let partner = base ^ k.x_group.x as usize;
    // SAFETY: this thread owns the run and its partner in both states.
    let (a, b, to_a, to_b) = unsafe {
        (
            k.from.chunk::<N>(base, offset),
            k.from.chunk::<N>(partner, offset),
            k.to.chunk::<N>(base, offset),
            k.to.chunk::<N>(partner, offset),
        )
    };
    for l in 0..N {
        to_b.0[l] += re[l] * a.0[l] - im[l] * a.1[l];
        to_b.1[l] += re[l] * a.1[l] + im[l] * a.0[l];
        to_a.0[l] += re[l] * b.0[l] + im[l] * b.1[l];
        to_a.1[l] += re[l] * b.1[l] - im[l] * b.0[l];
    }
});

struct AddMatrix<'a, T, const N: usize> {
    space: &'a Space,
    from: Planes<T>,
    to: Planes<T>,
    matrix: &'a Dense<T>,
    factor: &'a [T; LANES],
}

sumless_kernel!(AddMatrix, |k, base, offset| {
    let mut scratch = [MaybeUninit::uninit(); MAX_LOCAL];
    // SAFETY: this thread owns the run in both states, for every value of the matrix's qubits.
    unsafe {
        let applied = k.matrix.times::<N>(k.from, base, offset, &mut scratch);
        for (bits, [re, im]) in k.matrix.offsets.iter().zip(applied) {
            let to = k.to.chunk::<N>(base | bits, offset);
            for l in 0..N {
                to.0[l] += k.factor[l] * re[l];
                to.1[l] += k.factor[l] * im[l];
            }
        }
    }
});

impl<T: Real> Target<T> {
    /// Adds the expectation value of each output in each lane to `total`, `[outputs][LANES]`.
    pub(crate) fn expect(&self, x_groups: &[XMaskGroup], parts: &[SumPart], total: &mut [f64]) {
        for x_group in x_groups {
            if x_group.x == 0 {
                self.expect_diagonal(Diagonal::ZWords(&x_group.terms), Within::default(), total);
                continue;
            }
            let aligned = x_group.terms.iter().fold(x_group.x, |mask, term| mask | term.z);
            let space = self.space(1 << x_group.x.ilog2(), aligned);
            let sums = with_width!(space, N => {
                sweep_space(&space, self.spread, &ExpectFlip::<T, N> { space: &space, state: self.planes, x_group })
            });
            for (term, sum) in x_group.terms.iter().zip(sums.get()) {
                add_lanes(total, term.output, sum);
            }
        }
        for (output, coefficient, part) in parts {
            let (output, coefficient) = (*output, *coefficient);
            match part {
                Part::Diagonal { values, mask } => {
                    let table = Diagonal::Table { output, coefficient, values, mask: *mask };
                    self.expect_diagonal(table, Within::default(), total);
                }
                Part::Projector { mask, bits } => {
                    let term = [PauliTerm { output, z: 0, coefficient, quarter_turns: 0 }];
                    self.expect_diagonal(Diagonal::ZWords(&term), Within { fixed: *mask, ones: *bits }, total);
                }
                Part::Matrix { entries, qubits } => {
                    let matrix = &Dense::new(entries, qubits, false);
                    let (space, state) = (self.space(matrix.mask, 0), self.planes);
                    let sum = with_width!(space, N => {
                        sweep_space(&space, self.spread, &ExpectMatrix::<T, N> { space: &space, state, matrix, coefficient })
                    });
                    add_lanes(total, output, &sum);
                }
            }
        }
    }

    /// Adds expectation values, as [`expect`](Self::expect) does, of diagonals on a part of the basis states.
    pub(crate) fn expect_diagonal(&self, diagonal: Diagonal<'_>, within: Within, total: &mut [f64]) {
        let space = self.space(within.fixed, diagonal.support());
        let (state, ones) = (self.planes, within.ones as usize);
        let sums = with_width!(space, N => {
            sweep_space(&space, self.spread, &ExpectDiagonal::<T, N> { space: &space, state, diagonal, ones })
        });
        for (term, sum) in sums.get().iter().enumerate() {
            add_lanes(total, diagonal.entry(term, 0).0, sum);
        }
    }

    /// Adds `(sum over outputs of factors[output] * O[output]) self` to `to`.
    pub(crate) fn apply(&self, x_groups: &[XMaskGroup], parts: &[SumPart], factors: &[[T; LANES]], to: Planes<T>) {
        let from = self.planes;
        for x_group in x_groups {
            if x_group.x == 0 {
                self.add_diagonal(Diagonal::ZWords(&x_group.terms), Within::default(), factors, to);
                continue;
            }
            let aligned = x_group.terms.iter().fold(x_group.x, |mask, term| mask | term.z);
            let space = self.space(1 << x_group.x.ilog2(), aligned);
            with_width!(space, N => {
                sweep_space(&space, self.spread, &AddFlip::<T, N> { space: &space, from, to, x_group, factors });
            });
        }
        for (output, coefficient, part) in parts {
            let (output, coefficient) = (*output, *coefficient);
            match part {
                Part::Diagonal { values, mask } => {
                    let table = Diagonal::Table { output, coefficient, values, mask: *mask };
                    self.add_diagonal(table, Within::default(), factors, to);
                }
                Part::Projector { mask, bits } => {
                    let term = [PauliTerm { output, z: 0, coefficient, quarter_turns: 0 }];
                    self.add_diagonal(Diagonal::ZWords(&term), Within { fixed: *mask, ones: *bits }, factors, to);
                }
                Part::Matrix { entries, qubits } => {
                    let matrix = &Dense::new(entries, qubits, false);
                    let factor = &factors[output].map(|factor| factor * T::from_f64(coefficient));
                    let space = self.space(matrix.mask, 0);
                    with_width!(space, N => {
                        sweep_space(&space, self.spread, &AddMatrix::<T, N> { space: &space, from, to, matrix, factor });
                    });
                }
            }
        }
    }

    /// Applies diagonals, as [`apply`](Self::apply) does, on a part of the basis states.
    pub(crate) fn add_diagonal(&self, diagonal: Diagonal<'_>, within: Within, factors: &[[T; LANES]], to: Planes<T>) {
        let space = self.space(within.fixed, diagonal.support());
        let (from, ones) = (self.planes, within.ones as usize);
        with_width!(space, N => {
            sweep_space(&space, self.spread, &AddDiagonal::<T, N> { space: &space, from, to, diagonal, ones, factors });
        });
    }
}
