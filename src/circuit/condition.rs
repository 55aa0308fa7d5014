//! Conditions on the features of a sample, for gates that act in some samples and not in others.

use super::angle::{Angle, Variable, number};
use crate::error::Mistake;
use std::fmt;
use std::ops::{BitAnd, BitOr, Not};
use std::sync::Arc;

/// A statement about the features of a sample, for [`Circuit::when`](crate::Circuit::when).
///
/// Made by [`Angle::gt`] and [`Angle::lt`], also of [`Angle::abs`], and joined by `!`, `&` and `|`.
///
/// ```
/// use candlewick::prelude::*;
/// let bright = input(0).abs().gt(0.1) & !input(1).lt(0.25);
/// assert_eq!(bright.to_string(), "|x0| > 0.1 and not x1 < 0.25");
///
/// let mut circuit = Circuit::new(2);
/// circuit.when(&bright, |c| c.ry(input(0), 0).cx(0, 1));
/// assert_eq!(circuit.operations()[0].conditions(), [bright]);
/// ```
///
/// Comparisons are made in the precision of the state: in f64 for F64 tensors, in f32 for all others, threshold included.
///
/// Mistakes (a threshold that is not finite, an angle that reads weights) are kept inside and returned by whatever consumes
/// the circuit.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Operands first, operators after them: however long a condition is, nothing that reads it has to recurse.
    code: Arc<Vec<Token<Comparison<Angle>>>>,
    mistake: Option<Mistake>,
}

/// A part of a condition, with what stands for a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Token<T> {
    Test(T),
    Not,
    And,
    Or,
}

/// Whether a value, or its size, is above or below a threshold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison<V> {
    pub(crate) value: V,
    pub(crate) absolute: bool,
    pub(crate) above: bool,
    pub(crate) threshold: f64,
}

/// The absolute value of an angle, to be compared; see [`Angle::abs`].
///
/// ```
/// use candlewick::prelude::*;
/// let near = (input(0) - input(1)).abs().lt(0.5);
/// assert_eq!(near.to_string(), "|x0 - x1| < 0.5");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Magnitude(Angle);

impl Angle {
    /// The condition that this angle, made of inputs and constants, is greater than a threshold.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(1);
    /// circuit.when((input(0) - 2.0 * input(1)).gt(0.5), |c| c.x(0));
    /// ```
    pub fn gt(self, threshold: f64) -> Condition {
        Condition::comparison(self, false, true, threshold)
    }

    /// The condition that this angle, made of inputs and constants, is less than a threshold.
    pub fn lt(self, threshold: f64) -> Condition {
        Condition::comparison(self, false, false, threshold)
    }

    /// The absolute value, to be compared: `input(0).abs().gt(0.1)`.
    pub fn abs(self) -> Magnitude {
        Magnitude(self)
    }
}

impl Magnitude {
    /// The condition that the absolute value is greater than a threshold.
    pub fn gt(self, threshold: f64) -> Condition {
        Condition::comparison(self.0, true, true, threshold)
    }

    /// The condition that the absolute value is less than a threshold.
    pub fn lt(self, threshold: f64) -> Condition {
        Condition::comparison(self.0, true, false, threshold)
    }
}

impl Condition {
    fn comparison(value: Angle, absolute: bool, above: bool, threshold: f64) -> Self {
        let weights = value.variables().find_map(|variable| match variable {
            Variable::Weight { tensor, .. } => Some(tensor.name.clone()),
            Variable::Input(_) => None,
        });
        let infinite =
            (!threshold.is_finite()).then_some(Mistake::NotFinite { what: "the threshold", value: threshold });
        let of_weights = weights.map(|name| Mistake::ConditionOnWeights { name });
        let mistake = value.check().err().or(infinite).or(of_weights);
        let test = Token::Test(Comparison { value, absolute, above, threshold });
        Self { code: Arc::new(vec![test]), mistake }
    }

    fn join(mut self, other: Self, operator: Token<Comparison<Angle>>) -> Self {
        let code = Arc::make_mut(&mut self.code);
        code.extend(other.code.iter().cloned());
        code.push(operator);
        self.mistake = self.mistake.or(other.mistake);
        self
    }

    /// The first thing wrong with it.
    pub(crate) fn check(&self) -> Result<(), Mistake> {
        self.mistake.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn code(&self) -> &[Token<Comparison<Angle>>] {
        &self.code
    }

    /// Where its code is: the same for clones of a condition, and for no others that live at the same time.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.code).addr()
    }

    /// The variables it reads: inputs, unless there is a mistake.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &Variable> {
        let angles = self.code.iter().filter_map(|token| match token {
            Token::Test(comparison) => Some(&comparison.value),
            Token::Not | Token::And | Token::Or => None,
        });
        angles.flat_map(Angle::variables)
    }
}

impl From<&Self> for Condition {
    fn from(condition: &Self) -> Self {
        condition.clone()
    }
}

impl Not for Condition {
    type Output = Self;
    fn not(mut self) -> Self {
        Arc::make_mut(&mut self.code).push(Token::Not);
        self
    }
}

impl<T: Into<Self>> BitAnd<T> for Condition {
    type Output = Self;
    fn bitand(self, other: T) -> Self {
        self.join(other.into(), Token::And)
    }
}

impl<T: Into<Self>> BitOr<T> for Condition {
    type Output = Self;
    fn bitor(self, other: T) -> Self {
        self.join(other.into(), Token::Or)
    }
}

impl<V: fmt::Display> fmt::Display for Comparison<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bar, sign) = (if self.absolute { "|" } else { "" }, if self.above { ">" } else { "<" });
        write!(f, "{bar}{}{bar} {sign} {}", self.value, number(self.threshold))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&spelled(&self.code, Comparison::to_string))
    }
}

/// A condition with its operators between the operands, where `test` spells a test.
pub(crate) fn spelled<T>(code: &[Token<T>], test: impl Fn(&T) -> String) -> String {
    // Operands of each token: an operator's right one ends just before it, its left one before that.
    let mut operands: Vec<[Option<usize>; 2]> = Vec::with_capacity(code.len());
    let mut stack: Vec<usize> = Vec::new();
    for (place, token) in code.iter().enumerate() {
        let right = if matches!(token, Token::Test(_)) { None } else { stack.pop() };
        let left = if matches!(token, Token::And | Token::Or) { stack.pop() } else { None };
        operands.push([left, right]);
        stack.push(place);
    }
    let mut text = String::new();
    let mut rest: Vec<Piece> = stack.pop().map(Piece::Of).into_iter().collect();
    while let Some(piece) = rest.pop() {
        let place = match piece {
            Piece::Of(place) => place,
            Piece::Word(word) => {
                text += word;
                continue;
            }
        };
        let (word, bound) = match &code[place] {
            Token::Test(of) => {
                text += &test(of);
                continue;
            }
            operator => (operator.word(), operator.bound()),
        };
        // The stack is read from its end: the last operand goes in first.
        let [left, right] = operands[place];
        for (operand, word) in [(right, word), (left, "")] {
            let Some(operand) = operand else {
                rest.push(Piece::Word(word));
                continue;
            };
            let bracket = code[operand].bound() > bound;
            rest.extend(bracket.then_some(Piece::Word(")")));
            rest.push(Piece::Of(operand));
            rest.extend(bracket.then_some(Piece::Word("(")));
            rest.push(Piece::Word(word));
        }
    }
    text
}

/// Text of a condition that is still to be written.
enum Piece {
    /// The part that ends at this token.
    Of(usize),
    Word(&'static str),
}

impl<T> Token<T> {
    /// Kind of the token, without the expression that it tests.
    pub(crate) fn form(&self) -> Token<()> {
        match self {
            Self::Test(_) => Token::Test(()),
            Self::Not => Token::Not,
            Self::And => Token::And,
            Self::Or => Token::Or,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Test(_) => "",
            Self::Not => "not ",
            Self::And => " and ",
            Self::Or => " or ",
        }
    }

    /// How loosely it binds its operands.
    fn bound(&self) -> u8 {
        match self {
            Self::Test(_) => 0,
            Self::Not => 1,
            Self::And => 2,
            Self::Or => 3,
        }
    }
}
