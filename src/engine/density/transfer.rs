//! Pauli transfer matrices of one qubit: factors of a step, their product, its inverse, and derivatives.
//!
//! Rows and columns are the letters I, X, Z, Y. The first row is `1 0 0 0`, because all maps preserve the trace.

use crate::program::Slot;

/// Matrix over the letters I, X, Z and Y.
pub(super) type Transfer = [[f64; 4]; 4];

pub(super) const IDENTITY: Transfer =
    [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]];

/// Factor of the map of one qubit; its slots are indices into the program's.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Factor {
    /// A matrix, and a bound below its smallest singular value.
    Constant(Transfer, f64),
    /// Turn of the Bloch vector about the letter `axis` by `times` the slot.
    Turn { axis: usize, slot: usize, times: f64 },
    /// Factors of X, Z and Y, and the part of the identity that is added to Z.
    Letters { factors: [usize; 3], shift: Option<usize> },
    /// Factor 1 minus the slot for all letters but I.
    Mixing(usize),
    /// Factor of all letters but I, and the part of the identity that is added to each.
    Readout { factor: usize, offset: usize },
}

/// Letters of the plane in which the Bloch vector turns about a letter: `(u, v)` turns from u to v.
const PLANES: [(usize, usize); 4] = [(0, 0), (3, 2), (1, 3), (2, 1)];

/// Product `left right`.
pub(super) fn product(left: &Transfer, right: &Transfer) -> Transfer {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..4).map(|k| left[i][k] * right[k][j]).sum()))
}

fn transposed(of: &Transfer) -> Transfer {
    std::array::from_fn(|i| std::array::from_fn(|j| of[j][i]))
}

/// Inverse of a map. It is infinite or NaN where there is none.
pub(super) fn inverse(of: &Transfer) -> Transfer {
    let minor = |i: usize, j: usize| {
        let around = |k: usize| (k % 3 + 1, (k + 1) % 3 + 1);
        let ((a, b), (c, d)) = (around(i), around(j));
        of[a][c] * of[b][d] - of[a][d] * of[b][c]
    };
    // Minors in cyclic order have their sign.
    let determinant: f64 = (0..3).map(|j| of[1][j + 1] * minor(1, j + 1)).sum();
    let block = |i: usize, j: usize| minor(j, i) / determinant;
    let shift = |i: usize| -(1..4).map(|j| block(i, j) * of[j][0]).sum::<f64>();
    std::array::from_fn(|i| {
        std::array::from_fn(|j| match (i, j) {
            (0, _) => IDENTITY[0][j],
            (_, 0) => shift(i),
            _ => block(i, j),
        })
    })
}

impl Factor {
    /// Constant matrix.
    pub(super) fn constant(of: Transfer) -> Self {
        Self::Constant(of, smallest_singular(&of))
    }

    /// Slots of the factor.
    pub(super) fn slots(&self) -> Vec<usize> {
        match self {
            Self::Constant(..) => Vec::new(),
            Self::Turn { slot, .. } | Self::Mixing(slot) => vec![*slot],
            Self::Letters { factors, shift } => factors.iter().copied().chain(*shift).collect(),
            Self::Readout { factor, offset } => vec![*factor, *offset],
        }
    }

    /// The factor as a constant, if all its slots are constants.
    pub(super) fn folded(self, slots: &[Slot]) -> Self {
        if self.slots().iter().any(|slot| !slots[*slot].terms.is_empty()) {
            return self;
        }
        let value = |slot: usize| slots[slot].constant;
        let of = self.transfer(&value);
        Self::Constant(of, self.smallest(&of))
    }

    /// Whether the factor multiplies each letter by a number, whatever its slots are.
    pub(super) fn is_diagonal(&self) -> bool {
        match self {
            Self::Constant(of, _) => (0..16).all(|at| at / 4 == at % 4 || of[at / 4][at % 4] == 0.0),
            Self::Letters { shift, .. } => shift.is_none(),
            Self::Mixing(_) => true,
            Self::Turn { .. } | Self::Readout { .. } => false,
        }
    }

    /// Matrix for given values of the slots.
    pub(super) fn transfer(&self, value: &impl Fn(usize) -> f64) -> Transfer {
        let mut out = IDENTITY;
        match self {
            Self::Constant(of, _) => return *of,
            Self::Turn { axis, slot, times } => {
                let (sin, cos) = (times * value(*slot)).sin_cos();
                let (u, v) = PLANES[*axis];
                (out[u][u], out[u][v], out[v][u], out[v][v]) = (cos, -sin, sin, cos);
            }
            Self::Letters { factors, shift } => {
                (0..3).for_each(|k| out[k + 1][k + 1] = value(factors[k]));
                out[2][0] = shift.map_or(0.0, value);
            }
            Self::Mixing(slot) => (1..4).for_each(|k| out[k][k] = 1.0 - value(*slot)),
            Self::Readout { factor, offset } => {
                (1..4).for_each(|k| (out[k][k], out[k][0]) = (value(*factor), value(*offset)));
            }
        }
        out
    }

    /// Passes each slot to `each`, with the derivative of `sum of weight[i][j] * of[i][j]` in it, where `of` is the
    /// matrix.
    fn slopes(&self, of: &Transfer, weight: &Transfer, each: &mut impl FnMut(usize, f64)) {
        let trace = || (1..4).map(|k| weight[k][k]).sum::<f64>();
        match self {
            Self::Constant(..) => {}
            Self::Turn { axis, slot, times } => {
                let (u, v) = PLANES[*axis];
                let (cos, sin) = (of[u][u], of[v][u]);
                let slope = cos * (weight[v][u] - weight[u][v]) - sin * (weight[u][u] + weight[v][v]);
                each(*slot, times * slope);
            }
            Self::Letters { factors, shift } => {
                (0..3).for_each(|k| each(factors[k], weight[k + 1][k + 1]));
                shift.iter().for_each(|slot| each(*slot, weight[2][0]));
            }
            Self::Mixing(slot) => each(*slot, -trace()),
            Self::Readout { factor, offset } => {
                each(*factor, trace());
                each(*offset, (1..4).map(|k| weight[k][0]).sum());
            }
        }
    }

    /// Smallest factor by which the map, whose matrix is `of`, shortens a Bloch vector.
    pub(super) fn smallest(&self, of: &Transfer) -> f64 {
        match self {
            Self::Turn { .. } => 1.0,
            Self::Constant(_, smallest) => *smallest,
            Self::Letters { .. } | Self::Mixing(_) | Self::Readout { .. } => {
                (1..4).map(|k| of[k][k].abs()).fold(f64::INFINITY, f64::min)
            }
        }
    }
}

/// Smallest singular value of the block of X, Z and Y.
fn smallest_singular(of: &Transfer) -> f64 {
    let block = nalgebra::Matrix3::from_fn(|i, j| of[i + 1][j + 1]);
    block.singular_values().min()
}

/// Passes each of some matrices, whose product has the derivative `sums[i][j]` in its entry `[i][j]`, to `each`: its
/// index and the derivatives in its own entries. The first acts first; the last comes first.
pub(super) fn each_derivative<'a>(
    all: impl ExactSizeIterator<Item = &'a Transfer> + DoubleEndedIterator + Clone,
    sums: &Transfer,
    mut each: impl FnMut(usize, &Transfer),
) {
    if all.len() == 1 {
        return each(0, sums);
    }
    // Products of the matrices in front of each.
    let mut before = Vec::with_capacity(all.len());
    let mut so_far = IDENTITY;
    for of in all.clone() {
        before.push(so_far);
        so_far = product(of, &so_far);
    }
    let mut behind = *sums;
    for (index, (of, before)) in all.zip(&before).enumerate().rev() {
        each(index, &product(&behind, &transposed(before)));
        behind = product(&transposed(of), &behind);
    }
}

/// Passes the derivative in each slot of the factors, whose matrices are `all`, to `each`; `sums[i][j]` is the
/// derivative in entry `[i][j]` of their product.
pub(super) fn slopes_of_factors(
    factors: &[Factor],
    all: &[Transfer],
    sums: &Transfer,
    mut each: impl FnMut(usize, f64),
) {
    each_derivative(all.iter(), sums, |index, weight| factors[index].slopes(&all[index], weight, &mut each));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::pauli_transfer;
    use num_complex::Complex64;

    fn of_factors(factors: &[Factor], value: &impl Fn(usize) -> f64) -> Transfer {
        factors.iter().fold(IDENTITY, |all, factor| product(&factor.transfer(value), &all))
    }

    fn factors() -> Vec<Factor> {
        vec![
            Factor::Turn { axis: 1, slot: 0, times: 2.0 },
            Factor::Letters { factors: [1, 2, 3], shift: Some(4) },
            Factor::Turn { axis: 3, slot: 1, times: 2.0 },
            Factor::Mixing(2),
            Factor::Turn { axis: 2, slot: 3, times: 1.0 },
            Factor::Readout { factor: 0, offset: 4 },
        ]
    }

    /// Turns are the transfer matrices of the rotations about the letters.
    #[test]
    fn turns_are_rotations() {
        let word = |axis: usize| -> [Complex64; 4] {
            let [o, l, i] = [Complex64::ZERO, Complex64::ONE, Complex64::I];
            [[l, o, o, l], [o, l, l, o], [l, o, o, -l], [o, -i, i, o]][axis]
        };
        for axis in 1..4 {
            let angle = 0.7f64;
            let unitary: Vec<Complex64> = (0..4)
                .map(|at| word(0)[at] * (angle / 2.0).cos() - Complex64::I * (angle / 2.0).sin() * word(axis)[at])
                .collect();
            let expected = pauli_transfer(&[unitary], 1);
            let found = Factor::Turn { axis, slot: 0, times: 2.0 }.transfer(&|_| angle / 2.0);
            let off = found.as_flattened().iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(off < 1e-15, "{axis}: {found:?} {expected:?}");
        }
    }

    #[test]
    fn inverses_undo() {
        let values = [0.3, 0.8, 0.4, 0.7, 0.1];
        let of = of_factors(&factors(), &|slot| values[slot]);
        let off = product(&of, &inverse(&of))
            .as_flattened()
            .iter()
            .zip(IDENTITY.as_flattened())
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max);
        assert!(off < 1e-13, "{off}");
    }

    #[test]
    fn slopes_are_those_of_differences() {
        let values = [0.3, 0.8, 0.4, 0.7, 0.1];
        let sums: Transfer =
            std::array::from_fn(|i| std::array::from_fn(|j| if i == 0 { 0.0 } else { 0.3 + (4 * i + j) as f64 }));
        let mut found = [0.0; 5];
        let all: Vec<Transfer> = factors().iter().map(|factor| factor.transfer(&|slot| values[slot])).collect();
        slopes_of_factors(&factors(), &all, &sums, |slot, slope| found[slot] += slope);
        let at = |values: [f64; 5]| {
            let of = of_factors(&factors(), &|slot| values[slot]);
            of.as_flattened().iter().zip(sums.as_flattened()).map(|(a, b)| a * b).sum::<f64>()
        };
        for slot in 0..5 {
            let shifted = |by: f64| {
                let mut values = values;
                values[slot] += by;
                at(values)
            };
            let expected = (8.0 * (shifted(1e-3) - shifted(-1e-3)) - (shifted(2e-3) - shifted(-2e-3))) / 12e-3;
            assert!((found[slot] - expected).abs() < 1e-8, "{slot}: {} {expected}", found[slot]);
        }
    }
}
