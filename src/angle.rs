//! Angle expressions: polynomials of degree two in inputs and weights.
//!
//! An [`Angle`] knows weights by name. It can therefore be written before any circuit; the circuit that uses it checks
//! it.

mod notation;

pub(crate) use notation::{Notation, Plain, entry, fraction_of_pi, shortened, spelled_number};

use crate::error::Mistake;
use crate::places::Places;
use candle_nn::Init;
use std::hash::{Hash, Hasher};
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};
use std::sync::Arc;

/// Angle in radians, or coefficient of an [`Observable`](crate::prelude::Observable): constants, [`input`]s, weights,
/// sums, and products of two of them.
///
/// ```
/// use candlewick::prelude::*;
/// let mut circuit = Circuit::new(1);
/// let w = circuit.weights("w", 2);
/// let angle: Angle = w.at([0]) * input(0) + 0.5 * w.at([1]) - 1.0;
/// assert_eq!(angle.to_string(), "w[0]*x0 + 0.5*w[1] - 1");
/// circuit.ry(angle, 0);
/// ```
///
/// Mistakes (an index out of range, a product of three variables) are stored inside the expression. The circuit stores
/// them in turn and returns them when it is used.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Angle {
    pub(crate) constant: f64,
    pub(crate) terms: Vec<Term>,
    places: Places<Factors>,
    pub(crate) mistake: Option<Mistake>,
}

/// Variables of a term: one, or a product of two.
type Factors = (Variable, Option<Variable>);

/// Product `coefficient * first * second`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Term {
    pub(crate) coefficient: f64,
    pub(crate) first: Variable,
    pub(crate) second: Option<Variable>,
}

/// Variable of an angle: an input feature or an entry of a weight tensor.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Variable {
    Input(usize),
    Weight { tensor: Arc<WeightTensor>, index: usize },
}

/// Weight tensor: its name, its shape and its initialisation. Circuits distinguish two tensors of one name by their
/// addresses; expressions are compared by value.
#[derive(Debug, Clone)]
pub(crate) struct WeightTensor {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) init: Init,
}

impl PartialEq for WeightTensor {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.shape) == (&other.name, &other.shape)
    }
}

impl Eq for WeightTensor {}

impl Hash for WeightTensor {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.name, &self.shape).hash(state);
    }
}

/// Returns feature `index` of each sample, counted from 0, as an angle or a coefficient.
///
/// ```
/// use candlewick::prelude::*;
/// let mut circuit = Circuit::new(2);
/// circuit.ry(input(0), 0).ry(2.0 * input(1) + 0.3, 1);
/// assert_eq!(circuit.inputs(), 2);
/// ```
pub fn input(index: usize) -> Angle {
    Angle::variable(Variable::Input(index))
}

/// Handle on a named weight tensor of a circuit; see [`Circuit::weights`](crate::Circuit::weights). The handle lets
/// programs share the tensor: templates take it in the place of a name, and [`Circuit::share`](crate::Circuit::share)
/// declares the tensor in another circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    pub(crate) tensor: Arc<WeightTensor>,
}

/// Index of a weight tensor: a number for a vector; an array, a slice or a `Vec` with one number for each dimension for
/// any tensor.
pub trait WeightIndex: sealed::Sealed {
    #[doc(hidden)]
    fn numbers(&self) -> &[usize];
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! weight_index {
    ($([$($generics:tt)*] $type:ty: $numbers:expr;)*) => {$(
        impl<$($generics)*> sealed::Sealed for $type {}

        impl<$($generics)*> WeightIndex for $type {
            fn numbers(&self) -> &[usize] {
                let numbers: for<'a> fn(&'a $type) -> &'a [usize] = $numbers;
                numbers(self)
            }
        }
    )*};
}
weight_index! {
    [] usize: std::slice::from_ref;
    [const N: usize] [usize; N]: |index| index;
    [const N: usize] &[usize; N]: |index| &index[..];
    [] &[usize]: |index| index;
    [] Vec<usize>: |index| index;
    [] &Vec<usize>: |index| index;
}

impl Weights {
    /// Returns the entry at `index`, which has one number for each dimension.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(1);
    /// let w = circuit.weights("w", (2, 3));
    /// circuit.rx(w.at([1, 2]), 0);
    /// assert!(circuit.check().is_ok());
    /// circuit.rx(w.at([2, 0]), 0); // out of range: kept, and returned here
    /// assert!(circuit.check().is_err());
    /// ```
    /// An entry of a vector is `w.at(1)` as well as `w.at([1])`.
    pub fn at(&self, index: impl WeightIndex) -> Angle {
        let (index, shape) = (index.numbers(), &self.tensor.shape);
        let inside = index.len() == shape.len() && index.iter().zip(shape).all(|(i, n)| i < n);
        // A shape that overflows is a mistake of the circuit; its handle must not panic.
        let flat = index.iter().zip(shape).try_fold(0usize, |flat, (i, n)| flat.checked_mul(*n)?.checked_add(*i));
        if let Some(index) = flat.filter(|_| inside) {
            return Angle::variable(Variable::Weight { tensor: Arc::clone(&self.tensor), index });
        }
        let (name, shape) = (self.name().to_owned(), shape.clone());
        Angle::wrong(Mistake::WeightIndex { name, index: index.to_vec(), shape })
    }

    /// Returns the name of the tensor.
    pub fn name(&self) -> &str {
        &self.tensor.name
    }

    /// Returns the shape of the tensor.
    pub fn shape(&self) -> &[usize] {
        &self.tensor.shape
    }
}

impl Angle {
    fn variable(variable: Variable) -> Self {
        let term = Term { coefficient: 1.0, first: variable, second: None };
        Self { terms: vec![term], ..Self::default() }
    }

    fn wrong(mistake: Mistake) -> Self {
        Self { mistake: Some(mistake), ..Self::default() }
    }

    /// Returns the first mistake in this expression.
    pub(crate) fn check(&self) -> Result<(), Mistake> {
        if let Some(mistake) = &self.mistake {
            return Err(mistake.clone());
        }
        let numbers = self.terms.iter().map(|term| term.coefficient).chain([self.constant]);
        match numbers.into_iter().find(|number| !number.is_finite()) {
            Some(value) => Err(Mistake::NotFinite { what: "the angle", value }),
            None => Ok(()),
        }
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.terms.iter().flat_map(|term| [Some(&term.first), term.second.as_ref()]).flatten()
    }

    /// Returns whether the expression is a constant, without a mistake.
    pub(crate) fn is_constant(&self) -> bool {
        self.terms.is_empty() && self.mistake.is_none()
    }

    /// Makes an expression of a constant and terms, of which like ones are added up.
    pub(crate) fn from_terms(constant: f64, terms: impl IntoIterator<Item = Term>) -> Self {
        let mut angle = Self::from(constant);
        terms.into_iter().for_each(|term| angle.add_term(term));
        angle
    }

    fn degree(&self) -> usize {
        self.terms.iter().map(|term| 1 + usize::from(term.second.is_some())).max().unwrap_or(0)
    }

    fn scale(mut self, factor: f64) -> Self {
        self.constant *= factor;
        self.terms.iter_mut().for_each(|term| term.coefficient *= factor);
        self
    }

    /// Adds `coefficient * first * second` to a like term, or as a new term.
    fn add_term(&mut self, term: Term) {
        let factors = |term: &Term| (term.first.clone(), term.second.clone());
        let place = self.places.place_of(&self.terms, factors, factors(&term));
        match self.terms.get_mut(place) {
            Some(like) => like.coefficient += term.coefficient,
            None => self.terms.push(term),
        }
    }
}

impl From<f64> for Angle {
    fn from(constant: f64) -> Self {
        Self { constant, ..Self::default() }
    }
}

impl From<f32> for Angle {
    fn from(value: f32) -> Self {
        f64::from(value).into()
    }
}

impl From<i32> for Angle {
    fn from(value: i32) -> Self {
        f64::from(value).into()
    }
}

impl From<&Angle> for Angle {
    fn from(angle: &Angle) -> Self {
        angle.clone()
    }
}

impl Neg for Angle {
    type Output = Self;
    fn neg(self) -> Self {
        self.scale(-1.0)
    }
}

impl<T: Into<Angle>> AddAssign<T> for Angle {
    fn add_assign(&mut self, other: T) {
        let other = other.into();
        self.constant += other.constant;
        other.terms.into_iter().for_each(|term| self.add_term(term));
        self.mistake = self.mistake.take().or(other.mistake);
    }
}

impl<T: Into<Angle>> Add<T> for Angle {
    type Output = Self;
    fn add(mut self, other: T) -> Self {
        self += other;
        self
    }
}

impl<T: Into<Angle>> Sub<T> for Angle {
    type Output = Self;
    fn sub(self, other: T) -> Self {
        self + -other.into()
    }
}

impl<T: Into<Angle>> Mul<T> for Angle {
    type Output = Self;
    fn mul(self, other: T) -> Self {
        let other = other.into();
        let degree = self.degree() + other.degree();
        let mistake = self.mistake.clone().or(other.mistake.clone());
        if degree > 2 {
            return Self::wrong(mistake.unwrap_or(Mistake::AngleDegree { degree }));
        }
        let mut product = Self::from(self.constant * other.constant);
        product.mistake = mistake;
        for a in &self.terms {
            for b in &other.terms {
                let coefficient = a.coefficient * b.coefficient;
                product.add_term(Term { coefficient, first: a.first.clone(), second: Some(b.first.clone()) });
            }
        }
        let sides = [self.terms.is_empty(), other.terms.is_empty()];
        for (terms, factor, alone) in [(self.terms, other.constant, sides[1]), (other.terms, self.constant, sides[0])] {
            // A 0 beside variables adds nothing. A 0 alone keeps the variables, as `0.0 * angle` does.
            if factor != 0.0 || alone {
                terms.into_iter().for_each(|t| product.add_term(Term { coefficient: t.coefficient * factor, ..t }));
            }
        }
        product
    }
}

impl Div<f64> for Angle {
    type Output = Self;
    fn div(mut self, divisor: f64) -> Self {
        self.constant /= divisor;
        self.terms.iter_mut().for_each(|term| term.coefficient /= divisor);
        self
    }
}

impl Add<Angle> for f64 {
    type Output = Angle;
    fn add(self, angle: Angle) -> Angle {
        angle + self
    }
}

impl Sub<Angle> for f64 {
    type Output = Angle;
    fn sub(self, angle: Angle) -> Angle {
        -angle + self
    }
}

impl Mul<Angle> for f64 {
    type Output = Angle;
    fn mul(self, angle: Angle) -> Angle {
        angle.scale(self)
    }
}
