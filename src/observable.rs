//! Observables: real sums of Pauli words over bit masks and of a few dense parts.

mod arithmetic;

use crate::error::Mistake;
use crate::gf2;
use crate::limits::{MAX_MATRIX_QUBITS, MAX_QUBITS};
use crate::limits::{at_most, within_memory};
use num_complex::Complex64;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Largest number of observables of a measurement.
const MAX_OBSERVABLES: usize = 1 << 20;

/// Largest distance of an observable from Hermitian, relative to its largest entry: an entry from an `f32` is off by up
/// to 6e-8.
const HERMITIAN_TOLERANCE: f64 = 1e-6;

/// Hermitian operator: a real sum of Pauli words, diagonals, Hermitian matrices and projectors.
///
/// ```
/// use candlewick::prelude::*;
/// let ising = 0.5 * Z(0) * Z(1) + 1.2 * X(0) - 3.0 * Observable::identity();
/// let parsed = Observable::pauli_sum([(0.5, "Z0 Z1"), (1.2, "X0"), (-3.0, "")]);
/// assert_eq!(ising, parsed);
/// let spread = Observable::diagonal([0.0, 1.0, 2.0, 3.0]); // value of basis state 0, 1, 2, 3
/// let hit = Observable::projector([true, false]);          // qubit 0 is 1 and qubit 1 is 0
/// ```
///
/// Operations never panic. The observable stores a mistake, and every function that takes the observable returns it. A
/// sum such as `X(0) * Y(0)`, which is i Z and so not Hermitian, is such a mistake. Imaginary parts of up to 1e-6 of
/// the largest coefficient are dropped as rounding.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observable {
    words: BTreeMap<PauliWord, Complex64>,
    parts: Vec<(f64, Part)>,
    mistake: Option<Mistake>,
}

/// Pauli word: X or Y where `x` has a bit, Z or Y where `z` has a bit.
///
/// The operator is `i^|x & z| X^x Z^z`, so both bits together are Y.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct PauliWord {
    pub(crate) x: u64,
    pub(crate) z: u64,
}

/// Part of an observable that is no Pauli word.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    /// Values of the basis states of the lowest qubits; their number is a power of two.
    Diagonal(Arc<[f64]>),
    /// Hermitian matrix, row by row; `qubits[0]` is the low bit of an index.
    Matrix { entries: Arc<[Complex64]>, qubits: Vec<usize> },
    /// Projector: 1 if the lowest qubits, as many as `mask` has bits, are `bits`.
    Projector { mask: u64, bits: u64 },
}

impl PauliWord {
    /// Returns the number of Y letters.
    pub(crate) fn y_count(self) -> u32 {
        (self.x & self.z).count_ones()
    }

    /// Makes the word of letters on given qubits, which must be in range.
    pub(crate) fn from_letters(letters: impl IntoIterator<Item = (char, usize)>) -> Result<Self, Mistake> {
        let mut word = Self::default();
        for (letter, qubit) in letters {
            let bit = 1 << qubit;
            match letter {
                'I' => {}
                'X' => word.x |= bit,
                'Y' => (word.x |= bit, word.z |= bit).0,
                'Z' => word.z |= bit,
                letter => return Err(Mistake::PauliLetter { letter }),
            }
        }
        Ok(word)
    }

    /// Returns the product as a word and its factor, a power of i.
    fn times(self, other: Self) -> (Self, Complex64) {
        let product = Self { x: self.x ^ other.x, z: self.z ^ other.z };
        let quarter_turns =
            self.y_count() + other.y_count() + 2 * (self.z & other.x).count_ones() + 3 * product.y_count();
        let factor = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)][quarter_turns as usize % 4];
        (product, Complex64::new(factor.0, factor.1))
    }
}

/// Returns Pauli X on a qubit.
#[allow(non_snake_case, reason = "written as Pauli operators are")]
pub fn X(qubit: usize) -> Observable {
    Observable::letter('X', qubit)
}

/// Returns Pauli Y on a qubit.
#[allow(non_snake_case, reason = "written as Pauli operators are")]
pub fn Y(qubit: usize) -> Observable {
    Observable::letter('Y', qubit)
}

/// Returns Pauli Z on a qubit.
#[allow(non_snake_case, reason = "written as Pauli operators are")]
pub fn Z(qubit: usize) -> Observable {
    Observable::letter('Z', qubit)
}

impl Observable {
    /// Returns the identity, whose expectation is exactly 1. A multiple of it in a sum is exact in values and changes
    /// no gradient, in F32 as in F64.
    pub fn identity() -> Self {
        Self::word(PauliWord::default())
    }

    /// Returns a sum of Pauli words such as `(0.5, "X0 Y2")`; the empty word is the identity.
    pub fn pauli_sum<'a>(terms: impl IntoIterator<Item = (f64, &'a str)>) -> Self {
        let mut sum = Self::default();
        for (coefficient, text) in terms {
            sum = sum.plus(Self::parse(text).scale(coefficient));
            if sum.mistake.is_some() {
                break;
            }
        }
        sum
    }

    /// Returns a diagonal observable from the values of the basis states of the lowest qubits: 2, 4, 8, .. values.
    pub fn diagonal(values: impl IntoIterator<Item = f64>) -> Self {
        let values: Arc<[f64]> = match within_memory(values) {
            Ok(values) => values.into(),
            Err(limit) => return Self::wrong(Mistake::TooMany { what: "diagonal values", limit }),
        };
        if !values.len().is_power_of_two() {
            let expected = "a power of two".to_owned();
            return Self::wrong(Mistake::Length { what: "diagonal values", expected, actual: values.len() });
        }
        match values.iter().find(|value| !value.is_finite()) {
            Some(&value) => Self::wrong(Mistake::NotFinite { what: "a diagonal value", value }),
            None => {
                let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
                let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                match constant(lowest, highest) {
                    0.0 => Self::part(Part::Diagonal(values)),
                    shift => {
                        let values = values.iter().map(|value| value - shift).collect();
                        Self::part(Part::Diagonal(values)).plus(Self::identity().scale(shift))
                    }
                }
            }
        }
    }

    /// Returns a Hermitian matrix on 1 to 6 qubits, row by row; `qubits[0]` is the low bit of a row's index.
    ///
    /// The matrix may differ from its adjoint by 1e-6 of its largest entry, as a matrix from `f32` does. The observable
    /// is its Hermitian part.
    pub fn hermitian(matrix: &[Complex64], qubits: impl IntoIterator<Item = usize>) -> Self {
        let (qubits, actual) = at_most(MAX_MATRIX_QUBITS, qubits);
        match check_hermitian(matrix, &qubits) {
            Err(Mistake::QubitCount { expected, .. }) => Self::wrong(Mistake::QubitCount { expected, actual }),
            Err(mistake) => Self::wrong(mistake),
            Ok(()) => {
                let (entries, shift) = without_constant(&hermitian_part(matrix));
                let part = Self::part(Part::Matrix { entries, qubits });
                if shift == 0.0 { part } else { part.plus(Self::identity().scale(shift)) }
            }
        }
    }

    /// Returns the projector on the states in which qubit `k` is `bits[k]`, for the lowest qubits.
    pub fn projector(bits: impl IntoIterator<Item = bool>) -> Self {
        let (bits, count) = at_most(MAX_QUBITS, bits);
        if count > MAX_QUBITS {
            return Self::wrong(Mistake::TooManyQubits { qubits: count, limit: MAX_QUBITS });
        }
        if bits.is_empty() {
            return Self::identity();
        }
        let value = bits.iter().rev().fold(0, |value, &bit| value << 1 | u64::from(bit));
        Self::part(Part::Projector { mask: (1 << bits.len()) - 1, bits: value })
    }

    fn letter(letter: char, qubit: usize) -> Self {
        if qubit >= MAX_QUBITS {
            return Self::wrong(Mistake::QubitOutOfRange { qubit, qubits: MAX_QUBITS });
        }
        PauliWord::from_letters([(letter, qubit)]).map_or_else(Self::wrong, Self::word)
    }

    /// Parses a text such as `"X0 Y2"`.
    fn parse(text: &str) -> Self {
        let unreadable = || Mistake::PauliWord { text: text.to_owned() };
        let mut product = Self::identity();
        for token in text.split_whitespace() {
            let mut letters = token.chars();
            let letter = letters.next().unwrap_or(' ');
            let digits = letters.as_str();
            // `parse` alone would accept "X+0".
            match digits.parse::<usize>() {
                Ok(qubit) if "IXYZ".contains(letter) && !digits.starts_with('+') => {
                    product = product * Self::letter(letter, qubit)
                }
                _ => return Self::wrong(unreadable()),
            }
        }
        product
    }

    fn word(word: PauliWord) -> Self {
        Self { words: BTreeMap::from([(word, Complex64::from(1.0))]), ..Self::default() }
    }

    fn part(part: Part) -> Self {
        Self { parts: vec![(1.0, part)], ..Self::default() }
    }

    fn wrong(mistake: Mistake) -> Self {
        Self { mistake: Some(mistake), ..Self::default() }
    }

    fn scale(mut self, factor: f64) -> Self {
        self.words.values_mut().for_each(|coefficient| *coefficient *= factor);
        self.parts.iter_mut().for_each(|(coefficient, _)| *coefficient *= factor);
        self
    }

    fn plus(mut self, mut other: Self) -> Self {
        // The order does not change the sum, so the shorter list is added to the longer.
        if self.words.len() < other.words.len() {
            std::mem::swap(&mut self.words, &mut other.words);
        }
        for (word, coefficient) in other.words {
            *self.words.entry(word).or_default() += coefficient;
        }
        self.parts.extend(other.parts);
        self.mistake = self.mistake.or(other.mistake);
        self
    }

    /// Collects the observables of an iterator, at most up to the first with a mistake. Too many observables give an
    /// observable with a mistake.
    pub(crate) fn list(observables: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut ended = false;
        let up_to_a_mistake = observables.into_iter().take_while(|observable| {
            let taken = !ended;
            ended = observable.mistake.is_some();
            taken
        });
        match at_most(MAX_OBSERVABLES, up_to_a_mistake) {
            (observables, count) if count <= MAX_OBSERVABLES => observables,
            _ => vec![Self::wrong(Mistake::TooMany { what: "observables", limit: MAX_OBSERVABLES })],
        }
    }

    /// Returns the mistake of this observable on `qubits` qubits, if any.
    pub(crate) fn check(&self, qubits: usize) -> Result<(), Mistake> {
        if let Some(mistake) = &self.mistake {
            return Err(mistake.clone());
        }
        let words = self.words.keys().map(|word| word.x | word.z);
        let parts = self.parts.iter().map(|(_, part)| part.support());
        let highest = words.chain(parts).fold(0, |all, mask| all | mask).checked_ilog2();
        if let Some(qubit) = highest.map(|bit| bit as usize).filter(|&bit| bit >= qubits) {
            return Err(Mistake::QubitOutOfRange { qubit, qubits });
        }
        let numbers = self.words.values().flat_map(|c| [c.re, c.im]).chain(self.parts.iter().map(|(c, _)| *c));
        if let Some(value) = numbers.into_iter().find(|number| !number.is_finite()) {
            return Err(Mistake::NotFinite { what: "a coefficient", value });
        }
        let largest = self.words.values().map(|c| c.norm()).fold(0.0, f64::max);
        let deviation = self.words.values().map(|c| c.im.abs()).fold(0.0, f64::max);
        let allowed = HERMITIAN_TOLERANCE * largest;
        if deviation > allowed { Err(Mistake::NotHermitian { deviation, allowed }) } else { Ok(()) }
    }

    /// Returns the mask of the qubits in which the observable is not diagonal.
    pub(crate) fn flipped(&self) -> u64 {
        let words = self.words.keys().fold(0, |mask, word| mask | word.x);
        self.parts.iter().fold(words, |mask, (_, part)| mask | part.flipped())
    }

    /// Returns the mask of the qubits that are read otherwise than by letters Z.
    pub(crate) fn reads_beyond_z(&self) -> u64 {
        let parts = self.parts.iter().fold(0, |mask, (_, part)| mask | part.support());
        self.words.keys().fold(parts, |mask, word| mask | word.x)
    }

    /// Returns the observable on the qubits `places`, in ascending order, as qubits 0, 1, .. Letters Z on other qubits
    /// are left out; they are 1, as these qubits are in 0.
    pub(crate) fn on_places(&self, places: &[usize]) -> Self {
        let mut moved = Self { mistake: self.mistake.clone(), ..Self::default() };
        for (word, coefficient) in &self.words {
            let word = PauliWord { x: gf2::extract(word.x, places), z: gf2::extract(word.z, places) };
            *moved.words.entry(word).or_default() += coefficient;
        }
        moved.parts = self.parts.iter().map(|(coefficient, part)| (*coefficient, part.on_places(places))).collect();
        moved
    }

    /// Returns the Pauli words with their coefficients.
    pub(crate) fn words(&self) -> impl Iterator<Item = (PauliWord, f64)> {
        self.words.iter().map(|(word, coefficient)| (*word, coefficient.re))
    }

    /// Returns all other parts with their coefficients.
    pub(crate) fn parts(&self) -> &[(f64, Part)] {
        &self.parts
    }

    /// Returns coefficients and qubits of a sum of words of Z.
    pub(crate) fn diagonal_words(&self) -> Result<Vec<(f64, Vec<usize>)>, Mistake> {
        self.check(MAX_QUBITS)?;
        if !self.parts.is_empty() || self.words.keys().any(|word| word.x != 0) {
            return Err(Mistake::NotDiagonal);
        }
        Ok(self.words().map(|(word, coefficient)| (coefficient, gf2::bits(word.z).collect())).collect())
    }
}

/// Returns the constant to subtract from an operator whose eigenvalues lie between these bounds. It is the middle of
/// the bounds, or the number nearest to it with which no eigenvalue becomes larger in size. A state then loses no
/// digits by the subtraction.
fn constant(lowest: f64, highest: f64) -> f64 {
    let middle = 0.5 * lowest + 0.5 * highest;
    if lowest > 0.0 {
        middle.min(2.0 * lowest)
    } else if highest < 0.0 {
        middle.max(2.0 * highest)
    } else {
        0.0
    }
}

/// Returns `(A + A†) / 2`. Entries are halved first, because sums of large entries must not overflow.
fn hermitian_part(matrix: &[Complex64]) -> Vec<Complex64> {
    let adjoint = crate::linalg::adjoint_matrix(matrix);
    matrix.iter().zip(adjoint.iter()).map(|(a, b)| 0.5 * a + 0.5 * b).collect()
}

/// Returns a Hermitian matrix without its constant, and the constant, from Gershgorin's bounds of its eigenvalues.
fn without_constant(matrix: &[Complex64]) -> (Arc<[Complex64]>, f64) {
    let size = matrix.len().isqrt();
    let bounds = matrix.chunks(size.max(1)).enumerate().map(|(k, row)| {
        let radius = row.iter().map(|entry| entry.norm()).sum::<f64>() - row[k].norm();
        (row[k].re - radius, row[k].re + radius)
    });
    let (lowest, highest) = bounds.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (lowest, highest)| {
        (low.min(lowest), high.max(highest))
    });
    let shift = constant(lowest, highest);
    let mut entries = matrix.to_vec();
    entries.iter_mut().step_by(size + 1).for_each(|entry| *entry -= shift);
    (entries.into(), shift)
}

impl Part {
    /// Returns the part on the qubits `places`, in ascending order, as qubits 0, 1, .. It acts on no others.
    fn on_places(&self, places: &[usize]) -> Self {
        match self {
            // All of the lowest qubits are among the places.
            Self::Diagonal(_) => self.clone(),
            Self::Matrix { entries, qubits } => {
                let place = |qubit: &usize| places.partition_point(|place| place < qubit);
                Self::Matrix { entries: Arc::clone(entries), qubits: qubits.iter().map(place).collect() }
            }
            Self::Projector { mask, bits } => {
                Self::Projector { mask: gf2::extract(*mask, places), bits: gf2::extract(*bits, places) }
            }
        }
    }

    /// Returns the mask of the qubits in which the part is not diagonal.
    fn flipped(&self) -> u64 {
        let Self::Matrix { entries, qubits } = self else { return 0 };
        let size = 1 << qubits.len();
        let filled = (0..entries.len()).filter(|entry| entries[*entry] != Complex64::default());
        let local = filled.fold(0, |local, entry| local | (entry / size) ^ (entry % size));
        gf2::deposit(local as u64, qubits)
    }

    /// Returns the mask of the qubits on which the part acts.
    fn support(&self) -> u64 {
        match self {
            Self::Diagonal(values) => values.len() as u64 - 1,
            Self::Matrix { qubits, .. } => gf2::mask(qubits),
            Self::Projector { mask, .. } => *mask,
        }
    }
}

fn check_hermitian(matrix: &[Complex64], qubits: &[usize]) -> Result<(), Mistake> {
    if qubits.is_empty() || qubits.len() > MAX_MATRIX_QUBITS {
        return Err(Mistake::QubitCount { expected: "1 to 6".to_owned(), actual: qubits.len() });
    }
    for (k, &qubit) in qubits.iter().enumerate() {
        if qubit >= MAX_QUBITS {
            return Err(Mistake::QubitOutOfRange { qubit, qubits: MAX_QUBITS });
        }
        if qubits[..k].contains(&qubit) {
            return Err(Mistake::RepeatedQubit { qubit });
        }
    }
    let size = 1 << qubits.len();
    let (expected, actual) = (size * size, matrix.len());
    if expected != actual {
        return Err(Mistake::MatrixSize { expected, actual });
    }
    let largest = matrix.iter().map(|entry| entry.norm()).fold(0.0, f64::max);
    if let Some(entry) = matrix.iter().find(|entry| !entry.is_finite()) {
        return Err(Mistake::NotFinite { what: "a matrix entry", value: entry.norm() });
    }
    let adjoint = crate::linalg::adjoint_matrix(matrix);
    let deviation = matrix.iter().zip(adjoint.iter()).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max);
    let allowed = HERMITIAN_TOLERANCE * largest;
    if deviation > allowed { Err(Mistake::NotHermitian { deviation, allowed }) } else { Ok(()) }
}
