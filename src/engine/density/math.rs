//! Arithmetic of the ops in one cell.

#![allow(clippy::needless_range_loop, reason = "kernels read row by row, with equal indices in several arrays")]

use super::plan::{Kernel, PlacedOp, Terms};
use crate::engine::Real;
use crate::engine::lines::Row16;
use crate::engine::simd::lanes16::{Lanes16, Vectors};
use pulp::Simd;

/// Arithmetic on the rows of a cell.
pub(super) struct Math<S: Simd, T: Real, const N: usize> {
    pub(super) lanes: Lanes16<S, T>,
}

impl<S: Simd, T: Real, const N: usize> Math<S, T, N> {
    #[inline(always)]
    fn load(&self, row: &Row16<T>) -> Vectors<S, T, N> {
        self.lanes.load(&row.0)
    }

    #[inline(always)]
    fn store(&self, row: &mut Row16<T>, value: Vectors<S, T, N>) {
        self.lanes.store(&mut row.0, value);
    }

    /// Applies an op or, if `UNDO`, its inverse. Returns whether the result is in `next`.
    #[inline(always)]
    pub(super) fn apply<const UNDO: bool>(
        &self,
        op: &PlacedOp,
        coefficients: &[Row16<T>],
        now: &mut [Row16<T>],
        next: &mut [Row16<T>],
    ) -> bool {
        // Coefficients of the inverse stand behind those of the op, as many.
        let of = |count: usize| &coefficients[if UNDO { count } else { 0 }..][..count];
        match &op.kernel {
            Kernel::Row { stride } => self.row(*stride, of(12), now),
            Kernel::RowFactors { stride } => self.row_factors(*stride, of(3), now),
            Kernel::Exchange { pairs, negated } => self.exchange(pairs, *negated, now),
            Kernel::Lane { qubit } => self.lane(*qubit, of(4), now),
            Kernel::Diagonal { classes, rows } => self.diagonal(classes, of(rows.len()), now),
            Kernel::Sparse { maps } => {
                self.sparse(&maps[usize::from(UNDO)], coefficients, now, next);
                return true;
            }
        }
        false
    }

    /// Adds products of λ and the state in front of the op to the sums, and takes λ to the front of the op. Returns
    /// whether λ is in the second place.
    #[inline(always)]
    pub(super) fn take_back(
        &self,
        op: &PlacedOp,
        coefficients: &[Row16<T>],
        r: &[Row16<T>],
        (l, l_next): (&mut [Row16<T>], &mut [Row16<T>]),
        sums: &mut [Row16<T>],
    ) -> bool {
        match &op.kernel {
            Kernel::Row { stride } => {
                if !sums.is_empty() {
                    self.add_row_sums(*stride, r, l, sums);
                }
                self.row_transposed(*stride, &coefficients[..12], l);
            }
            Kernel::RowFactors { stride } => {
                if !sums.is_empty() {
                    self.add_factor_sums(*stride, r, l, sums);
                }
                self.row_factors(*stride, &coefficients[..3], l);
            }
            Kernel::Exchange { pairs, negated } => self.exchange(pairs, *negated, l),
            Kernel::Lane { qubit } => {
                if !sums.is_empty() {
                    self.add_lane_sums(*qubit, r, l, sums);
                }
                self.lane(*qubit, &coefficients[8..12], l);
            }
            Kernel::Diagonal { classes, rows } => {
                if !sums.is_empty() {
                    self.add_class_sums(classes, r, l, sums);
                }
                self.diagonal(classes, &coefficients[..rows.len()], l);
            }
            Kernel::Sparse { maps } => {
                self.sparse(&maps[2], coefficients, l, l_next);
                return true;
            }
        }
        false
    }

    /// Loads rows. Loops stand in place of closures here: a closure that is not inlined has no vector instructions.
    #[inline(always)]
    fn load_all<const K: usize>(&self, rows: &[Row16<T>]) -> [Vectors<S, T, N>; K] {
        let mut all = [self.lanes.splat::<N>(T::zero()); K];
        for k in 0..K {
            all[k] = self.load(&rows[k]);
        }
        all
    }

    /// Applies a matrix over the letters of a row digit, whose first row is 1 0 0 0.
    #[inline(always)]
    fn row(&self, stride: usize, coefficients: &[Row16<T>], rows: &mut [Row16<T>]) {
        let m = self.load_all::<12>(coefficients);
        for block in rows.chunks_exact_mut(4 * stride) {
            for k in 0..stride {
                let (i, x) = (self.load(&block[k]), self.load(&block[k + stride]));
                let (z, y) = (self.load(&block[k + 2 * stride]), self.load(&block[k + 3 * stride]));
                for a in 0..3 {
                    let mut sum = self.lanes.times(m[4 * a], i);
                    sum = self.lanes.times_plus(m[4 * a + 1], x, sum);
                    sum = self.lanes.times_plus(m[4 * a + 2], z, sum);
                    sum = self.lanes.times_plus(m[4 * a + 3], y, sum);
                    self.store(&mut block[k + (a + 1) * stride], sum);
                }
            }
        }
    }

    /// Applies the transpose of such a matrix.
    #[inline(always)]
    fn row_transposed(&self, stride: usize, coefficients: &[Row16<T>], rows: &mut [Row16<T>]) {
        let m = self.load_all::<12>(coefficients);
        for block in rows.chunks_exact_mut(4 * stride) {
            for k in 0..stride {
                let i = self.load(&block[k]);
                let (x, z) = (self.load(&block[k + stride]), self.load(&block[k + 2 * stride]));
                let y = self.load(&block[k + 3 * stride]);
                for b in 0..4 {
                    let first = self.lanes.times(m[b], x);
                    let mut sum = if b == 0 { self.lanes.plus(i, first) } else { first };
                    sum = self.lanes.times_plus(m[4 + b], z, sum);
                    sum = self.lanes.times_plus(m[8 + b], y, sum);
                    self.store(&mut block[k + b * stride], sum);
                }
            }
        }
    }

    /// Adds `λ_a r_b` for the letters a other than I and all letters b.
    #[inline(always)]
    fn add_row_sums(&self, stride: usize, r: &[Row16<T>], l: &[Row16<T>], sums: &mut [Row16<T>]) {
        if N == 1 {
            return self.add_letter_sums::<3, 12>(stride, 1, r, l, sums);
        }
        // Registers have room for the four sums of one letter, not for the twelve sums of all three.
        for (letter, sums) in sums.chunks_exact_mut(4).enumerate() {
            self.add_letter_sums::<1, 4>(stride, letter + 1, r, l, sums);
        }
    }

    /// Adds `λ_a r_b` for `A` letters a from `first` on, and all letters b.
    #[inline(always)]
    fn add_letter_sums<const A: usize, const ALL: usize>(
        &self,
        stride: usize,
        first: usize,
        r: &[Row16<T>],
        l: &[Row16<T>],
        sums: &mut [Row16<T>],
    ) {
        let mut sum = self.load_all::<ALL>(sums);
        for (r, l) in r.chunks_exact(4 * stride).zip(l.chunks_exact(4 * stride)) {
            for k in 0..stride {
                let (i, x) = (self.load(&r[k]), self.load(&r[k + stride]));
                let (z, y) = (self.load(&r[k + 2 * stride]), self.load(&r[k + 3 * stride]));
                for a in 0..A {
                    let l = self.load(&l[k + (first + a) * stride]);
                    sum[4 * a] = self.lanes.times_plus(l, i, sum[4 * a]);
                    sum[4 * a + 1] = self.lanes.times_plus(l, x, sum[4 * a + 1]);
                    sum[4 * a + 2] = self.lanes.times_plus(l, z, sum[4 * a + 2]);
                    sum[4 * a + 3] = self.lanes.times_plus(l, y, sum[4 * a + 3]);
                }
            }
        }
        for k in 0..ALL {
            self.store(&mut sums[k], sum[k]);
        }
    }

    /// Multiplies the rows of X, Z and Y of a row digit.
    #[inline(always)]
    fn row_factors(&self, stride: usize, coefficients: &[Row16<T>], rows: &mut [Row16<T>]) {
        let factors = self.load_all::<3>(coefficients);
        for block in rows.chunks_exact_mut(4 * stride) {
            for a in 0..3 {
                for k in 0..stride {
                    let row = &mut block[k + (a + 1) * stride];
                    let product = self.lanes.times(self.load(row), factors[a]);
                    self.store(row, product);
                }
            }
        }
    }

    /// Adds `λ_a r_a` for the letters a other than I.
    #[inline(always)]
    fn add_factor_sums(&self, stride: usize, r: &[Row16<T>], l: &[Row16<T>], sums: &mut [Row16<T>]) {
        let mut sum = self.load_all::<3>(sums);
        for (r, l) in r.chunks_exact(4 * stride).zip(l.chunks_exact(4 * stride)) {
            for a in 0..3 {
                for k in (a + 1) * stride..(a + 2) * stride {
                    sum[a] = self.lanes.times_plus(self.load(&l[k]), self.load(&r[k]), sum[a]);
                }
            }
        }
        for k in 0..3 {
            self.store(&mut sums[k], sum[k]);
        }
    }

    #[inline(always)]
    fn exchange(&self, pairs: &[(u8, u8)], negated: usize, rows: &mut [Row16<T>]) {
        let (plain, negated) = pairs.split_at(negated);
        for &(a, b) in plain {
            rows.swap(usize::from(a), usize::from(b));
        }
        for &(a, b) in negated {
            let (a, b) = (usize::from(a), usize::from(b));
            let (of_a, of_b) = (self.load(&rows[a]), self.load(&rows[b]));
            self.store(&mut rows[a], self.lanes.minus(of_b));
            self.store(&mut rows[b], self.lanes.minus(of_a));
        }
    }

    /// Adds up the lanes of each row at XOR 0 to 3 of a lane digit, each times a coefficient.
    #[inline(always)]
    fn lane(&self, qubit: usize, coefficients: &[Row16<T>], rows: &mut [Row16<T>]) {
        let m = self.load_all::<4>(coefficients);
        for row in rows {
            let of = self.load(row);
            let mut sum = self.lanes.times(m[0], of);
            for k in 1..4 {
                sum = self.lanes.times_plus(m[k], self.lanes.permuted(of, k << (2 * qubit)), sum);
            }
            self.store(row, sum);
        }
    }

    /// Adds `λ_l r_(l ^ k)` for the XORs k of a lane digit.
    #[inline(always)]
    fn add_lane_sums(&self, qubit: usize, r: &[Row16<T>], l: &[Row16<T>], sums: &mut [Row16<T>]) {
        let mut sum = self.load_all::<4>(sums);
        for (r, l) in r.iter().zip(l) {
            let (r, l) = (self.load(r), self.load(l));
            for k in 0..4 {
                sum[k] = self.lanes.times_plus(l, self.lanes.permuted(r, k << (2 * qubit)), sum[k]);
            }
        }
        for k in 0..4 {
            self.store(&mut sums[k], sum[k]);
        }
    }

    /// Multiplies each row by the coefficient of its class.
    #[inline(always)]
    fn diagonal(&self, classes: &[u8], coefficients: &[Row16<T>], rows: &mut [Row16<T>]) {
        for (row, class) in rows.iter_mut().zip(classes) {
            let product = self.lanes.times(self.load(row), self.load(&coefficients[usize::from(*class)]));
            self.store(row, product);
        }
    }

    /// Adds `λ r` of each row to the sum of its class.
    #[inline(always)]
    fn add_class_sums(&self, classes: &[u8], r: &[Row16<T>], l: &[Row16<T>], sums: &mut [Row16<T>]) {
        for ((r, l), class) in r.iter().zip(l).zip(classes) {
            let sum = &mut sums[usize::from(*class)];
            let total = self.lanes.times_plus(self.load(l), self.load(r), self.load(sum));
            self.store(sum, total);
        }
    }

    #[inline(always)]
    fn sparse(&self, terms: &Terms, coefficients: &[Row16<T>], rows: &[Row16<T>], to: &mut [Row16<T>]) {
        let coefficients = &coefficients[terms.first..];
        for (row, bounds) in to.iter_mut().zip(terms.starts.windows(2)) {
            let mut sum = self.lanes.splat::<N>(T::zero());
            for term in &terms.terms[usize::from(bounds[0])..usize::from(bounds[1])] {
                let from = self.load(&rows[usize::from(term.from)]);
                let from = if term.xor == 0 { from } else { self.lanes.permuted(from, usize::from(term.xor)) };
                sum = self.lanes.times_plus(self.load(&coefficients[usize::from(term.coefficient)]), from, sum);
            }
            self.store(row, sum);
        }
    }
}
