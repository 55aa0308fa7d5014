//! Conditions on the features of a sample, for gates that act in some samples and not in others.

use crate::angle::{Angle, Notation, Plain, Variable, spelled_number};
use crate::error::Mistake;
use std::fmt;
use std::ops::{BitAnd, BitOr, Not};
use std::sync::Arc;

/// Statement about the features of a sample, for [`Circuit::when`](crate::Circuit::when).
///
/// [`Angle::gt`] and [`Angle::lt`], also of [`Angle::abs`], make conditions; `!`, `&` and `|` join them.
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
/// Comparisons are made in the precision of the state: in f64 for F64 tensors, in f32 for all others, threshold
/// included.
///
/// Mistakes (a threshold that is not finite, an angle that reads weights) are stored inside the condition. The circuit
/// stores them in turn and returns them when it is used.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Code in postfix order: operators follow their operands. Readers of a condition need no recursion, however long
    /// it is.
    code: Arc<Vec<Token<Comparison<Angle>>>>,
    mistake: Option<Mistake>,
}

/// Token of a condition; `T` represents a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Token<T> {
    Test(T),
    Not,
    And,
    Or,
}

/// Comparison of a value or its absolute value with a threshold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison<V> {
    pub(crate) value: V,
    pub(crate) absolute: bool,
    pub(crate) above: bool,
    pub(crate) threshold: f64,
}

/// Absolute value of an angle, for a comparison; see [`Angle::abs`].
///
/// ```
/// use candlewick::prelude::*;
/// let near = (input(0) - input(1)).abs().lt(0.5);
/// assert_eq!(near.to_string(), "|x0 - x1| < 0.5");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Magnitude(Angle);

impl Angle {
    /// Returns the condition that this angle, made of inputs and constants, is greater than a threshold.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(1);
    /// circuit.when((input(0) - 2.0 * input(1)).gt(0.5), |c| c.x(0));
    /// ```
    pub fn gt(self, threshold: f64) -> Condition {
        Condition::comparison(self, false, true, threshold)
    }

    /// Returns the condition that this angle, made of inputs and constants, is less than a threshold.
    pub fn lt(self, threshold: f64) -> Condition {
        Condition::comparison(self, false, false, threshold)
    }

    /// Returns the absolute value, for a comparison: `input(0).abs().gt(0.1)`.
    pub fn abs(self) -> Magnitude {
        Magnitude(self)
    }
}

impl Magnitude {
    /// Returns the condition that the absolute value is greater than a threshold.
    pub fn gt(self, threshold: f64) -> Condition {
        Condition::comparison(self.0, true, true, threshold)
    }

    /// Returns the condition that the absolute value is less than a threshold.
    pub fn lt(self, threshold: f64) -> Condition {
        Condition::comparison(self.0, true, false, threshold)
    }
}

impl Condition {
    fn comparison(value: Angle, absolute: bool, above: bool, threshold: f64) -> Self {
        let comparison = Comparison { value, absolute, above, threshold };
        let mistake = comparison.mistake();
        Self { code: Arc::new(vec![Token::Test(comparison)]), mistake }
    }

    /// Returns the condition with other expressions in its tests.
    pub(crate) fn map(&self, mut expression: impl FnMut(&Angle) -> Angle) -> Self {
        let mut mistake = None;
        let mut token = |token: &Token<Comparison<Angle>>| {
            let mapped = token.map(|test| Comparison { value: expression(&test.value), ..test.clone() });
            if let (None, Token::Test(test)) = (&mistake, &mapped) {
                mistake = test.mistake();
            }
            mapped
        };
        let code = self.code.iter().map(&mut token).collect();
        Self { code: Arc::new(code), mistake }
    }

    fn join(mut self, other: Self, operator: Token<Comparison<Angle>>) -> Self {
        let code = Arc::make_mut(&mut self.code);
        code.extend(other.code.iter().cloned());
        code.push(operator);
        self.mistake = self.mistake.or(other.mistake);
        self
    }

    /// Returns the first mistake of the condition.
    pub(crate) fn check(&self) -> Result<(), Mistake> {
        self.mistake.clone().map_or(Ok(()), Err)
    }

    /// Returns the condition in a notation.
    pub(super) fn written<N: Notation>(&self, notation: &N) -> String {
        spelled_condition(&self.code, &WORDS, |test| notation.statement(test.written(notation)))
    }

    pub(crate) fn code(&self) -> &[Token<Comparison<Angle>>] {
        &self.code
    }

    /// Returns the address of the code. Clones of a condition have the same address; other conditions that live at the
    /// same time have others.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.code).addr()
    }

    /// Returns the variables of the condition. They are all inputs unless there is a mistake.
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

impl<V> Comparison<V> {
    /// Returns the comparison in a notation, of a value that is written already.
    fn spelled(&self, value: &str, notation: &impl Notation) -> String {
        let (bar, sign) = (if self.absolute { "|" } else { "" }, if self.above { ">" } else { "<" });
        format!("{bar}{value}{bar} {sign} {}", spelled_number(self.threshold, notation))
    }
}

impl Comparison<Angle> {
    fn mistake(&self) -> Option<Mistake> {
        let weights = self.value.variables().find_map(|variable| match variable {
            Variable::Weight { tensor, .. } => Some(tensor.name.clone()),
            Variable::Input(_) => None,
        });
        let threshold = self.threshold;
        let infinite =
            (!threshold.is_finite()).then_some(Mistake::NotFinite { what: "the threshold", value: threshold });
        let of_weights = weights.map(|name| Mistake::ConditionOnWeights { name });
        self.value.check().err().or(infinite).or(of_weights)
    }

    /// Returns the comparison in a notation.
    fn written(&self, notation: &impl Notation) -> String {
        self.spelled(&self.value.written(notation), notation)
    }
}

impl<V: fmt::Display> fmt::Display for Comparison<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled(&self.value.to_string(), &Plain::default()))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(&Plain::default()))
    }
}

/// Text of the operators of conditions.
#[derive(Debug)]
pub(crate) struct Operators {
    pub(crate) not: &'static str,
    pub(crate) and: &'static str,
    pub(crate) or: &'static str,
    /// Whether brackets also say in which order equal operators join, and stand around all that is negated.
    pub(crate) is_exact: bool,
}

/// Operators as words.
pub(crate) const WORDS: Operators = Operators { not: "not ", and: " and ", or: " or ", is_exact: false };

/// Writes a condition with its operators between the operands; `test` writes a test.
pub(crate) fn spelled_condition<T>(code: &[Token<T>], operators: &Operators, test: impl Fn(&T) -> String) -> String {
    // Operands of each token: the right operand of an operator ends just before it, the left operand just before the
    // right one starts.
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
        let word = match &code[place] {
            Token::Test(of) => {
                text += &test(of);
                continue;
            }
            Token::Not => operators.not,
            Token::And => operators.and,
            Token::Or => operators.or,
        };
        let (bound, is_not) = (code[place].bound(), matches!(code[place], Token::Not));
        // The stack is read from its end, so the last operand is pushed first.
        let [left, right] = operands[place];
        for (operand, word, is_right) in [(right, word, true), (left, "", false)] {
            let Some(operand) = operand else {
                rest.push(Piece::Word(word));
                continue;
            };
            let of_operand = code[operand].bound();
            let is_exact = operators.is_exact && (is_not || is_right && of_operand == bound);
            let bracket = of_operand > bound || is_exact;
            rest.extend(bracket.then_some(Piece::Word(")")));
            rest.push(Piece::Of(operand));
            rest.extend(bracket.then_some(Piece::Word("(")));
            rest.push(Piece::Word(word));
        }
    }
    text
}

/// Text of a condition that still has to be written.
enum Piece {
    /// Part of the condition that ends at this token.
    Of(usize),
    Word(&'static str),
}

impl<T> Token<T> {
    /// Returns the kind of the token, without the expression that it tests.
    pub(crate) fn form(&self) -> Token<()> {
        self.map(|_| ())
    }

    /// Returns the token with another test.
    pub(crate) fn map<U>(&self, test: impl FnOnce(&T) -> U) -> Token<U> {
        match self {
            Self::Test(of) => Token::Test(test(of)),
            Self::Not => Token::Not,
            Self::And => Token::And,
            Self::Or => Token::Or,
        }
    }

    /// Returns how loosely the token binds its operands.
    fn bound(&self) -> u8 {
        match self {
            Self::Test(_) => 0,
            Self::Not => 1,
            Self::And => 2,
            Self::Or => 3,
        }
    }
}
