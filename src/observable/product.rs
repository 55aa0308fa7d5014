//! Products of observables, as terms that engines know.
//!
//! Two words make a word. A product with a part becomes the first of these that fits: projectors, a table of values, a
//! matrix on at most six qubits, a sum of Pauli words. Words and matrices may be no observables by themselves, such as
//! both halves of `A * B + B * A`; [`Observable::check`] looks at their sum.

use super::part::Part;
use super::word::{NEGLIGIBLE, PauliWord};
use super::{Observable, matrix};
use crate::error::{Error, Mistake, Result};
use crate::gf2;
use crate::limits::{MAX_MATRIX_QUBITS, MAX_QUBITS};
use crate::mask::{Mask, Wide};
use num_complex::Complex64;
use std::collections::BTreeMap;
use std::ops::Mul;

/// Largest number of Pauli words, before equal ones are added up, into which parts are expanded.
const MAX_WORDS: u64 = 1 << 20;

/// Largest number of values and matrix entries of a product.
const MAX_NUMBERS: u64 = 1 << 24;

/// Bound of the rounding of a sum of products, relative to the largest of them.
const ROUNDING: f64 = 1e-13;

/// Largest number of qubits by which a projector or a table grows.
const GROWTH: u32 = 4;

impl Mul for Observable {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        if let Some(mistake) = self.mistake.as_ref().or(other.mistake.as_ref()) {
            return Self::wrong(mistake.clone());
        }
        if self.weighted.is_empty() && other.weighted.is_empty() {
            return self.times_constant(&other);
        }
        let [left, right] = [&self, &other].map(Self::constant_part);
        let mut product = left.times_constant(&right);
        for (a, first) in &self.weighted {
            product += first.times_constant(&right).weigh(a.clone());
            for (b, second) in &other.weighted {
                product += first.times_constant(second).weigh(a.clone() * b);
            }
        }
        for (b, second) in &other.weighted {
            product += left.times_constant(second).weigh(b.clone());
        }
        product
    }
}

impl Observable {
    /// Returns the observable as Pauli words, each with its coefficient: the terms of a
    /// [`pauli_sum`](Self::pauli_sum), the identity as an empty text. Diagonals, projectors and matrices are expanded,
    /// into up to `2^k` words each on `k` qubits, `4^k` for a matrix. Coefficients below 1e-15 of a part's largest
    /// are left out.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let hit = Observable::projector_on([(1, true), (3, false)]);
    /// let terms = hit.pauli_terms()?;
    /// let text = |word: &str| word.to_owned();
    /// assert_eq!(
    ///     terms,
    ///     [(0.25, text("")), (-0.25, text("Z1")), (0.25, text("Z3")), (-0.25, text("Z1 Z3"))]
    /// );
    /// let same = Observable::pauli_sum(
    ///     terms.iter().map(|(coefficient, word)| (*coefficient, word.as_str())),
    /// );
    /// # assert_eq!(same.pauli_terms()?, terms);
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Observable`] with the observable's mistake, or for parts that expand into more than 2^20 words.
    pub fn pauli_terms(&self) -> Result<Vec<(f64, String)>> {
        let wrong = |mistake| Error::Observable { index: 0, mistake };
        self.check(MAX_QUBITS).and_then(|()| self.check_constant()).map_err(wrong)?;
        let needed = self.parts.iter().fold(0, |sum: u64, (_, part)| sum.saturating_add(part.word_count()));
        within_limit("Pauli words", needed, MAX_WORDS).map_err(wrong)?;
        let mut sum: BTreeMap<PauliWord, f64> = self.words().collect();
        for (coefficient, part) in &self.parts {
            part.words().iter().for_each(|(word, c)| *sum.entry(*word).or_default() += coefficient * c.re);
        }
        let terms = sum.into_iter().filter(|(_, coefficient)| *coefficient != 0.0);
        Ok(terms.map(|(word, coefficient)| (coefficient, word.spelled())).collect())
    }

    /// Multiplies two observables with constant coefficients.
    fn times_constant(&self, other: &Self) -> Self {
        let mut product = Product::default();
        for (a, first) in self.factors() {
            for (b, second) in other.factors() {
                if let Err(mistake) = product.add(a * b, first, second) {
                    return Self::wrong(mistake);
                }
            }
        }
        product.finish()
    }

    /// Returns all terms with their constant coefficients.
    fn factors(&self) -> impl Iterator<Item = (Complex64, Factor<'_>)> {
        let words = self.words.iter().map(|(word, coefficient)| (*coefficient, Factor::Word(*word)));
        words.chain(self.parts.iter().map(|(coefficient, part)| (Complex64::from(*coefficient), Factor::Part(part))))
    }
}

fn within_limit(what: &'static str, needed: u64, limit: u64) -> Result<(), Mistake> {
    if needed > limit { Err(Mistake::Expansion { what, needed, limit }) } else { Ok(()) }
}

/// Term of an observable as a factor of a product.
#[derive(Debug, Clone, Copy)]
enum Factor<'a> {
    Word(PauliWord),
    Part(&'a Part<Wide>),
}

/// Factor on the few qubits of a product, as qubits 0, 1, ..
#[derive(Debug)]
enum Local {
    Word(PauliWord<u64>),
    Part(Part),
}

impl Local {
    /// Returns the operator applied to a basis state: basis states with their amplitudes.
    fn column(&self, state: u64) -> Vec<(u64, Complex64)> {
        match self {
            Self::Word(word) => {
                let (re, im) = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)][word.y_count() as usize % 4];
                let sign = if gf2::parity(state & word.z) { -1.0 } else { 1.0 };
                vec![(state ^ word.x, sign * Complex64::new(re, im))]
            }
            Self::Part(Part::Matrix { entries, qubits }) => {
                let (size, column) = (1 << qubits.len(), gf2::extract(state, qubits) as usize);
                let others = state & !gf2::mask(qubits);
                let to = |row: usize| (others | gf2::deposit(row as u64, qubits), entries[row * size + column]);
                (0..size).map(to).collect()
            }
            Self::Part(Part::Diagonal { .. } | Part::Projector { .. }) => vec![(state, self.value(state).into())],
        }
    }

    /// Returns the entry of a diagonal factor at a basis state.
    fn value(&self, state: u64) -> f64 {
        match self {
            Self::Word(word) if gf2::parity(state & word.z) => -1.0,
            Self::Word(_) => 1.0,
            Self::Part(Part::Diagonal { values, mask }) => values[gf2::compress(state, *mask) as usize],
            Self::Part(Part::Projector { mask, bits }) => f64::from(u8::from(state & mask == *bits)),
            // Only diagonal factors are asked.
            Self::Part(Part::Matrix { .. }) => f64::NAN,
        }
    }
}

impl Factor<'_> {
    /// Returns the factor on the qubits `places`, in ascending order, as qubits 0, 1, ..
    fn on_places(self, places: &[usize]) -> Local {
        match self {
            Self::Word(word) => Local::Word(word.on_places(places).narrowed()),
            Self::Part(part) => Local::Part(part.on_places(places).narrowed::<u64>()),
        }
    }

    fn support(self) -> Wide {
        match self {
            Self::Word(word) => word.support(),
            Self::Part(part) => part.support(),
        }
    }

    fn is_matrix(self) -> bool {
        matches!(self, Self::Part(Part::Matrix { .. }))
    }

    /// Whether the factor is a word of Z, a diagonal or a projector.
    fn is_diagonal(self) -> bool {
        match self {
            Self::Word(word) => word.x.is_empty(),
            Self::Part(_) => !self.is_matrix(),
        }
    }

    fn word_count(self) -> u64 {
        match self {
            Self::Word(_) => 1,
            Self::Part(part) => part.word_count(),
        }
    }

    fn words(self) -> Vec<(PauliWord, Complex64)> {
        match self {
            Self::Word(word) => vec![(word, 1.0.into())],
            Self::Part(part) => part.words(),
        }
    }
}

/// Terms of a product, each kind added up by its qubits.
#[derive(Debug, Default)]
struct Product {
    words: BTreeMap<PauliWord, Complex64>,
    /// Parts of one factor, times the identity of the other.
    parts: Vec<(f64, Part<Wide>)>,
    /// Coefficients of projectors by their masks and bits.
    projectors: BTreeMap<(Wide, Wide), f64>,
    /// Values of the basis states of the qubits under a mask.
    tables: BTreeMap<Wide, Vec<f64>>,
    /// Matrices on the qubits under a mask, row by row, each with the largest term of its entries.
    matrices: BTreeMap<Wide, (Vec<Complex64>, f64)>,
    /// Number of words into which parts were expanded, and the largest of their coefficients.
    expanded: u64,
    largest: f64,
    /// Number of values and matrix entries.
    numbers: u64,
}

impl Product {
    /// Adds the product of two factors.
    fn add(&mut self, coefficient: Complex64, left: Factor<'_>, right: Factor<'_>) -> Result<(), Mistake> {
        match (left, right) {
            (Factor::Word(a), Factor::Word(b)) => self.word(coefficient, a, b),
            _ if coefficient.im == 0.0 && self.diagonal(coefficient.re, left, right)? => {}
            _ => {
                let union = left.support() | right.support();
                let is_small = union.count() as usize <= MAX_MATRIX_QUBITS;
                if is_small && (left.is_matrix() || right.is_matrix()) {
                    return self.matrix(coefficient, left, right);
                }
                self.expanded = self.expanded.saturating_add(left.word_count().saturating_mul(right.word_count()));
                within_limit("Pauli words", self.expanded, MAX_WORDS)?;
                let (left, right) = (left.words(), right.words());
                for (a, first) in left {
                    for (b, second) in &right {
                        let coefficient = coefficient * first * second;
                        self.largest = self.largest.max(coefficient.norm());
                        self.word(coefficient, a, *b);
                    }
                }
            }
        }
        Ok(())
    }

    fn word(&mut self, coefficient: Complex64, left: PauliWord, right: PauliWord) {
        let (word, factor) = left.times(right);
        *self.words.entry(word).or_default() += coefficient * factor;
    }

    /// Adds a product with the identity, or of diagonal factors if the product is small as projectors or as a table.
    /// Returns whether it was added.
    fn diagonal(&mut self, coefficient: f64, left: Factor<'_>, right: Factor<'_>) -> Result<bool, Mistake> {
        for (factor, other) in [(left, right), (right, left)] {
            if let (Factor::Word(word), Factor::Part(part)) = (factor, other)
                && word.is_identity()
            {
                self.parts.push((coefficient, part.clone()));
                return Ok(true);
            }
        }
        if !left.is_diagonal() || !right.is_diagonal() {
            return Ok(false);
        }
        for (factor, other) in [(left, right), (right, left)] {
            let Factor::Part(Part::Projector { mask, bits }) = factor else { continue };
            if self.projectors(coefficient, (*mask, *bits), other) {
                return Ok(true);
            }
        }
        self.table(coefficient, left, right)
    }

    /// Adds the product of a projector and a diagonal factor as projectors: one for each basis state of the qubits that
    /// the other factor adds. Returns whether it was added.
    fn projectors(&mut self, coefficient: f64, (mask, bits): (Wide, Wide), other: Factor<'_>) -> bool {
        if let Factor::Part(Part::Projector { mask: others, bits: other_bits }) = other {
            // Projectors that differ in a common qubit have the product 0.
            if ((bits ^ *other_bits) & mask & *others).is_empty() {
                *self.projectors.entry((mask | *others, bits | *other_bits)).or_default() += coefficient;
            }
            return true;
        }
        let added = other.support() & !mask;
        if added.count() > GROWTH {
            return false;
        }
        let places: Vec<usize> = (mask | added).qubits().collect();
        let local = other.on_places(&places);
        for state in added.subsets().map(|state| state | bits) {
            let value = local.value(state.extract(&places).narrowed());
            *self.projectors.entry((mask | added, state)).or_default() += coefficient * value;
        }
        true
    }

    /// Adds the product of diagonal factors as a table, unless there are fewer Pauli words. Returns whether it was added.
    fn table(&mut self, coefficient: f64, left: Factor<'_>, right: Factor<'_>) -> Result<bool, Mistake> {
        let union = left.support() | right.support();
        let added_by_words = |factor: Factor<'_>, other: Factor<'_>| match factor {
            Factor::Word(word) => (word.z & !other.support()).count(),
            Factor::Part(_) => 0,
        };
        let added = added_by_words(left, right).max(added_by_words(right, left));
        if added > GROWTH || union.count() > MAX_NUMBERS.ilog2() {
            return Ok(false);
        }
        let size = 1 << union.count();
        self.take_numbers(self.tables.contains_key(&union), size)?;
        let table = self.tables.entry(union).or_insert_with(|| vec![0.0; size as usize]);
        let places: Vec<usize> = union.qubits().collect();
        let [left, right] = [left, right].map(|factor| factor.on_places(&places));
        for (value, state) in table.iter_mut().zip(0..) {
            *value += coefficient * left.value(state) * right.value(state);
        }
        Ok(true)
    }

    /// Adds the product of two factors as a matrix.
    fn matrix(&mut self, coefficient: Complex64, left: Factor<'_>, right: Factor<'_>) -> Result<(), Mistake> {
        let union = left.support() | right.support();
        let size = 1usize << union.count();
        self.take_numbers(self.matrices.contains_key(&union), (size * size) as u64)?;
        let empty = || (vec![Complex64::default(); size * size], 0.0);
        let (matrix, largest) = self.matrices.entry(union).or_insert_with(empty);
        let places: Vec<usize> = union.qubits().collect();
        let [left, right] = [left, right].map(|factor| factor.on_places(&places));
        for column in 0..size {
            for (between, second) in right.column(column as u64) {
                for (to, first) in left.column(between) {
                    let term = coefficient * first * second;
                    *largest = largest.max(term.norm());
                    matrix[to as usize * size + column] += term;
                }
            }
        }
        Ok(())
    }

    /// Counts numbers that are about to be allocated, unless they are there already.
    fn take_numbers(&mut self, are_there: bool, count: u64) -> Result<(), Mistake> {
        self.numbers = self.numbers.saturating_add(if are_there { 0 } else { count });
        within_limit("diagonal values and matrix entries", self.numbers, MAX_NUMBERS)
    }

    fn finish(mut self) -> Observable {
        if self.expanded > 0 {
            self.leave_out_rounding();
        }
        let mut product = Observable { words: self.words, ..Observable::default() };
        for (coefficient, part) in self.parts {
            match part {
                Part::Projector { mask, bits } => *self.projectors.entry((mask, bits)).or_default() += coefficient,
                part => product.parts.push((coefficient, part)),
            }
        }
        let projectors = self.projectors.into_iter().filter(|(_, coefficient)| *coefficient != 0.0);
        product.parts.extend(projectors.map(|((mask, bits), c)| (c, Part::Projector { mask, bits })));
        for (mask, table) in self.tables {
            product = product.plus(Observable::table(table, mask));
        }
        for (mask, (entries, largest)) in self.matrices {
            let qubits = mask.qubits().collect::<Vec<_>>();
            product = product.plus(match matrix::check_hermitian(&entries, ROUNDING * largest) {
                Ok(()) => Observable::dense(matrix::hermitian_part(&entries), qubits),
                Err(Mistake::NotHermitian { .. }) => Observable {
                    words: matrix::words(&entries, &qubits).into_iter().collect(),
                    ..Observable::default()
                },
                Err(mistake) => Observable::wrong(mistake),
            });
        }
        product
    }

    /// Leaves out the rounding of sums in which expanded words cancel.
    fn leave_out_rounding(&mut self) {
        let largest = self.largest;
        self.words.retain(|_, coefficient| {
            if coefficient.im.abs() <= ROUNDING * largest {
                coefficient.im = 0.0;
            }
            // A coefficient that is not finite stays, for the check.
            coefficient.norm() > NEGLIGIBLE * largest || !coefficient.is_finite()
        });
    }
}
