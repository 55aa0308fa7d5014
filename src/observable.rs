//! Observables: real sums of Pauli words over bit masks and of a few dense parts.

mod arithmetic;
mod matrix;
mod part;
mod product;
mod weighted;
mod word;

pub(crate) use part::Part;
pub(crate) use word::{Letter, PauliWord};

use crate::angle::Angle;
use crate::error::Mistake;
use crate::gf2;
use crate::limits::{MAX_MATRIX_QUBITS, MAX_OBSERVABLES, MAX_QUBITS, at_most, within_memory};
use crate::mask::{Mask, Wide};
use num_complex::Complex64;
use std::collections::BTreeMap;

/// Hermitian operator: a real sum of Pauli words, diagonals, Hermitian matrices and projectors.
///
/// ```
/// use candlewick::prelude::*;
/// let ising = 0.5 * Z(0) * Z(1) + 1.2 * X(0) - 3.0 * Observable::identity();
/// let parsed = Observable::pauli_sum([(0.5, "Z0 Z1"), (1.2, "X0"), (-3.0, "")]);
/// assert_eq!(ising, parsed);
/// // Values of the basis states 0, 1, 2, 3.
/// let spread = Observable::diagonal([0.0, 1.0, 2.0, 3.0]);
/// let hit = Observable::projector([true, false]);          // qubit 0 is 1 and qubit 1 is 0
/// let flipped_where = Observable::projector_on([(3, true), (1, false)]) * X(2);
/// let signed = Z(4) * Observable::diagonal_on([0.0, 1.0, 2.0, 3.0], [4, 2]);
/// ```
///
/// Terms of all kinds can be multiplied. On different qubits the product is the tensor product, on common qubits the
/// product of the operators. A product is stored as projectors, a table of values, a matrix on up to six qubits or a
/// sum of Pauli words; coefficients of words below 1e-15 of the largest are then left out. It may have up to 2^20 words
/// and 2^24 values and matrix entries; larger products are a mistake, [`Mistake::Expansion`].
///
/// A coefficient may be an expression in weights and inputs of the circuit, too: `w.at(0) * Z(0) + input(1) * X(2)`.
/// Expectation values then have exact gradients in them, by every method, and each sample of a batch has its own
/// observable. The circuit declares the weights; its samples have the inputs ([`Circuit::with_inputs`] where no gate
/// reads them). Each product of an expression and terms is Hermitian by itself. Variances, and functions that read an
/// observable without a circuit, need constants.
///
/// ```
/// use candle_core::{Device, Tensor, Var};
/// use candlewick::{functional, prelude::*};
/// let mut circuit = Circuit::new(2);
/// let c = circuit.weights("c", 2);
/// circuit.ry(input(0), 0).cx(0, 1);
/// let energy = c.at(0) * Z(0) + c.at(1) * input(0) * X(0) * X(1) - 0.5 * Z(1);
/// let (x, c) = (
///     Tensor::new(&[[0.3f64], [0.8]], &Device::Cpu)?,
///     Var::new(&[2.0f64, 0.7], &Device::Cpu)?,
/// );
/// let y = functional::evaluate(
///     &circuit,
///     &Measurement::expectation([energy]),
///     Some(&x),
///     &[("c", &c)],
/// )?;
/// let expected = |x: f64| (2.0 - 0.5) * x.cos() + 0.7 * x * x.sin();
/// assert!((y.to_vec2::<f64>()?[1][0] - expected(0.8)).abs() < 1e-12);
/// let slopes = y.sum_all()?.backward()?.get(&c).unwrap().to_vec1::<f64>()?;
/// assert!((slopes[0] - (0.3f64.cos() + 0.8f64.cos())).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Circuit::with_inputs`]: crate::Circuit::with_inputs
///
/// Operations never panic. The observable stores a mistake, and every function that takes the observable returns it. A
/// sum such as `X(0) * Y(0)`, which is i Z and so not Hermitian, is such a mistake, and so is any other product of terms
/// that do not commute. The sum of two such products can be an observable, as `A * B + B * A` is. Imaginary parts of up
/// to 1e-6 of the largest coefficient are dropped as rounding.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observable {
    words: BTreeMap<PauliWord, Complex64>,
    parts: Vec<(f64, Part<Wide>)>,
    /// Observables with constant coefficients, and the expressions that multiply them.
    weighted: Vec<(Angle, Self)>,
    mistake: Option<Mistake>,
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
        match within_memory(values) {
            Err(limit) => Self::wrong(Mistake::TooMany { what: "diagonal values", limit }),
            Ok(values) if !values.len().is_power_of_two() => {
                let expected = "a power of two".to_owned();
                Self::wrong(Mistake::Length { what: "diagonal values", expected, actual: values.len() })
            }
            Ok(values) => {
                let mask = Wide::of_qubits(0..values.len().ilog2() as usize);
                Self::table(values, mask)
            }
        }
    }

    /// Returns a diagonal observable from the values of the basis states of `qubits`, `2^k` values for `k` qubits;
    /// `qubits[0]` is the low bit of a value's index.
    ///
    /// ```
    /// use candlewick::{functional, prelude::*};
    /// let mut circuit = Circuit::new(4);
    /// circuit.x(3);
    /// // Qubit 3 is 1 and qubit 1 is 0, so the index is 1.
    /// let measurement =
    ///     Measurement::expectation([Observable::diagonal_on([0.5, 1.5, 2.5, 3.5], [3, 1])]);
    /// assert_eq!(
    ///     functional::evaluate(&circuit, &measurement, None, &[])?.to_vec1::<f32>()?,
    ///     [1.5]
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn diagonal_on(values: impl IntoIterator<Item = f64>, qubits: impl IntoIterator<Item = usize>) -> Self {
        let (qubits, count) = at_most(MAX_QUBITS, qubits);
        if count > MAX_QUBITS {
            return Self::wrong(Mistake::TooManyQubits { qubits: count, limit: MAX_QUBITS });
        }
        if let Err(mistake) = matrix::check_qubits(&qubits) {
            return Self::wrong(mistake);
        }
        let size = 1usize.checked_shl(qubits.len() as u32).unwrap_or(usize::MAX);
        let values = values.into_iter();
        let said = values.size_hint().0;
        match within_memory(values.take(size.saturating_add(1))) {
            Err(limit) => Self::wrong(Mistake::TooMany { what: "diagonal values", limit }),
            Ok(values) if values.len() != size => {
                let actual = if values.len() > size { said.max(values.len()) } else { values.len() };
                Self::wrong(Mistake::Length { what: "diagonal values", expected: size.to_string(), actual })
            }
            Ok(values) => {
                let mask = Wide::of_qubits(qubits.iter().copied());
                // Bits of an index have the order of the given qubits; a table has the order of the qubits in its mask.
                let places: Vec<usize> =
                    qubits.iter().map(|q| qubits.iter().filter(|other| *other < q).count()).collect();
                let value = |state: usize| values[gf2::extract(state as u64, &places) as usize];
                let values = if qubits.is_sorted() { values } else { (0..values.len()).map(value).collect() };
                Self::table(values, mask)
            }
        }
    }

    /// Returns a Hermitian matrix on 1 to 10 qubits, row by row; `qubits[0]` is the low bit of a row's index.
    ///
    /// The matrix may differ from its adjoint by 1e-6 of its largest entry, as a matrix from `f32` does. The observable
    /// is its Hermitian part. From seven qubits the observable is the matrix's sum of Pauli words, up to `4^k` of them,
    /// without coefficients below 1e-15 of the largest.
    pub fn hermitian(matrix: &[Complex64], qubits: impl IntoIterator<Item = usize>) -> Self {
        let (qubits, actual) = at_most(matrix::MAX_DENSE_QUBITS, qubits);
        match matrix::check(matrix, &qubits) {
            Err(Mistake::QubitCount { expected, .. }) => Self::wrong(Mistake::QubitCount { expected, actual }),
            Err(mistake) => Self::wrong(mistake),
            Ok(()) => Self::dense(matrix::hermitian_part(matrix), qubits),
        }
    }

    /// Returns the projector on the states in which qubit `k` is `bits[k]`, for the lowest qubits.
    pub fn projector(bits: impl IntoIterator<Item = bool>) -> Self {
        Self::projector_on(bits.into_iter().enumerate())
    }

    /// Returns the projector on the states in which each of these qubits has its value, such as
    /// `[(0, true), (3, false)]`. The projector of no qubits is the identity.
    ///
    /// ```
    /// use candlewick::{functional, prelude::*};
    /// let mut circuit = Circuit::new(4);
    /// circuit.x(0).h(2);
    /// let hit = Observable::projector_on([(0, true), (3, false)]);
    /// let measurement = Measurement::expectation([hit.clone(), hit * X(2)]);
    /// let y = functional::evaluate(&circuit, &measurement, None, &[])?.to_vec1::<f32>()?;
    /// assert!((y[0] - 1.0).abs() < 1e-6 && (y[1] - 1.0).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn projector_on(values: impl IntoIterator<Item = (usize, bool)>) -> Self {
        let (values, count) = at_most(MAX_QUBITS, values);
        if count > MAX_QUBITS {
            return Self::wrong(Mistake::TooManyQubits { qubits: count, limit: MAX_QUBITS });
        }
        let qubits: Vec<usize> = values.iter().map(|(qubit, _)| *qubit).collect();
        if let Err(mistake) = matrix::check_qubits(&qubits) {
            return Self::wrong(mistake);
        }
        let bits = Wide::of_qubits(values.iter().filter(|(_, value)| *value).map(|(qubit, _)| *qubit));
        match Wide::of_qubits(qubits) {
            Wide::EMPTY => Self::identity(),
            mask => Self::part(Part::Projector { mask, bits }),
        }
    }

    /// Makes an observable of the terms that [`words`](Self::words), [`parts`](Self::parts) and
    /// [`weighted`](Self::weighted) return. Terms that no observable has are a mistake.
    pub(crate) fn from_terms(
        words: impl IntoIterator<Item = (PauliWord, f64)>,
        parts: Vec<(f64, Part<Wide>)>,
        weighted: Vec<(Angle, Self)>,
    ) -> Self {
        if let Some(mistake) = parts.iter().find_map(|(_, part)| part.mistake()) {
            return Self::wrong(mistake);
        }
        if let Some((angle, _)) = weighted.iter().flat_map(|(_, of)| &of.weighted).next() {
            return Self::wrong(Mistake::VariableCoefficient { coefficient: angle.to_string() });
        }
        let mut sum = Self { parts, weighted, ..Self::default() };
        for (word, coefficient) in words {
            *sum.words.entry(word).or_default() += coefficient;
        }
        sum.mistake = sum.weighted.iter().find_map(|(_, of)| of.mistake.clone());
        sum
    }

    /// Makes a diagonal from a value for each basis state of the qubits under a mask, and takes its constant out.
    fn table(values: Vec<f64>, mask: Wide) -> Self {
        if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
            return Self::wrong(Mistake::NotFinite { what: "a diagonal value", value });
        }
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match matrix::constant(lowest, highest) {
            0.0 => Self::part(Part::Diagonal { values: values.into(), mask }),
            shift => {
                let values = values.iter().map(|value| value - shift).collect();
                Self::part(Part::Diagonal { values, mask }).plus(Self::identity().scale(shift))
            }
        }
    }

    /// Makes the observable of a Hermitian matrix: its Pauli words, or, on few qubits, the matrix without its constant.
    fn dense(matrix: Vec<Complex64>, qubits: Vec<usize>) -> Self {
        if qubits.len() > MAX_MATRIX_QUBITS {
            let words = matrix::words(&matrix, &qubits).into_iter();
            return Self { words: words.map(|(word, c)| (word, c.re.into())).collect(), ..Self::default() };
        }
        let (entries, shift) = matrix::without_constant(&matrix);
        let part = Self::part(Part::Matrix { entries, qubits });
        if shift == 0.0 { part } else { part.plus(Self::identity().scale(shift)) }
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

    pub(crate) fn word(word: PauliWord) -> Self {
        Self { words: BTreeMap::from([(word, Complex64::from(1.0))]), ..Self::default() }
    }

    fn part(part: Part<Wide>) -> Self {
        Self { parts: vec![(1.0, part)], ..Self::default() }
    }

    fn wrong(mistake: Mistake) -> Self {
        Self { mistake: Some(mistake), ..Self::default() }
    }

    fn scale(mut self, factor: f64) -> Self {
        self.words.values_mut().for_each(|coefficient| *coefficient *= factor);
        self.parts.iter_mut().for_each(|(coefficient, _)| *coefficient *= factor);
        self.weighted.iter_mut().for_each(|(_, of)| *of = std::mem::take(of).scale(factor));
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
        self.weighted.extend(other.weighted);
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
            _ => vec![Self::too_many("observables", MAX_OBSERVABLES)],
        }
    }

    /// Observable with the mistake that there are too many of something.
    pub(crate) fn too_many(what: &'static str, limit: usize) -> Self {
        Self::wrong(Mistake::TooMany { what, limit })
    }

    /// Returns the mistake of this observable on `qubits` qubits, if any.
    pub(crate) fn check(&self, qubits: usize) -> Result<(), Mistake> {
        if let Some(mistake) = &self.mistake {
            return Err(mistake.clone());
        }
        let words = self.words.keys().map(|word| word.support());
        let parts = self.parts.iter().map(|(_, part)| part.support());
        let highest = words.chain(parts).fold(Wide::EMPTY, |all, mask| all | mask).qubits().last();
        if let Some(qubit) = highest.filter(|&qubit| qubit >= qubits) {
            return Err(Mistake::QubitOutOfRange { qubit, qubits });
        }
        let numbers = self.words.values().flat_map(|c| [c.re, c.im]).chain(self.parts.iter().map(|(c, _)| *c));
        if let Some(value) = numbers.into_iter().find(|number| !number.is_finite()) {
            return Err(Mistake::NotFinite { what: "a coefficient", value });
        }
        let largest = self.words.values().map(|c| c.norm()).fold(0.0, f64::max);
        let deviation = self.words.values().map(|c| c.im.abs()).fold(0.0, f64::max);
        let allowed = matrix::HERMITIAN_TOLERANCE * largest;
        if deviation > allowed {
            return Err(Mistake::NotHermitian { deviation, allowed });
        }
        let of_coefficient = |mistake| match mistake {
            Mistake::NotFinite { value, .. } => Mistake::NotFinite { what: "a coefficient", value },
            other => other,
        };
        self.weighted.iter().try_for_each(|(angle, of)| {
            angle.check().map_err(of_coefficient)?;
            of.check(qubits)
        })
    }

    /// Returns the mask of the qubits in which the observable is not diagonal.
    pub(crate) fn flipped(&self) -> Wide {
        let words = self.words.keys().fold(Wide::EMPTY, |mask, word| mask | word.x);
        let constant = self.parts.iter().fold(words, |mask, (_, part)| mask | part.flipped());
        self.weighted.iter().fold(constant, |mask, (_, of)| mask | of.flipped())
    }

    /// Returns the mask of the qubits that are read otherwise than by letters Z.
    pub(crate) fn reads_beyond_z(&self) -> Wide {
        let parts = self.parts.iter().fold(Wide::EMPTY, |mask, (_, part)| mask | part.support());
        let constant = self.words.keys().fold(parts, |mask, word| mask | word.x);
        self.weighted.iter().fold(constant, |mask, (_, of)| mask | of.reads_beyond_z())
    }

    /// Returns the mask of the qubits on which Hermitian matrices act.
    pub(crate) fn in_matrices(&self) -> Wide {
        let matrices = self.parts.iter().filter(|(_, part)| matches!(part, Part::Matrix { .. }));
        let own = matrices.fold(Wide::EMPTY, |mask, (_, part)| mask | part.support());
        self.weighted.iter().fold(own, |mask, (_, of)| mask | of.in_matrices())
    }

    /// Returns the observable on the qubits `places`, in ascending order, as qubits 0, 1, .. Letters Z on other qubits
    /// are left out; they are 1, as these qubits are in 0.
    pub(crate) fn on_places(&self, places: &[usize]) -> Self {
        let mut moved = Self { mistake: self.mistake.clone(), ..Self::default() };
        for (word, coefficient) in &self.words {
            *moved.words.entry(word.on_places(places)).or_default() += coefficient;
        }
        moved.parts = self.parts.iter().map(|(coefficient, part)| (*coefficient, part.on_places(places))).collect();
        moved.weighted = self.weighted.iter().map(|(angle, of)| (angle.clone(), of.on_places(places))).collect();
        moved
    }

    /// Returns the Pauli words with their constant coefficients.
    pub(crate) fn words(&self) -> impl Iterator<Item = (PauliWord, f64)> {
        self.words.iter().map(|(word, coefficient)| (*word, coefficient.re))
    }

    /// Returns all other parts with their coefficients.
    pub(crate) fn parts(&self) -> &[(f64, Part<Wide>)] {
        &self.parts
    }

    /// Returns coefficients and qubits of a sum of words of Z.
    pub(crate) fn diagonal_words(&self) -> Result<Vec<(f64, Vec<usize>)>, Mistake> {
        self.check(MAX_QUBITS)?;
        self.check_constant()?;
        if !self.parts.is_empty() || self.words.keys().any(|word| !word.x.is_empty()) {
            return Err(Mistake::NotDiagonal);
        }
        Ok(self.words().map(|(word, coefficient)| (coefficient, word.z.qubits().collect())).collect())
    }
}
