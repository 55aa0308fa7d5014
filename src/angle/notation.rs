//! Expressions as text: plain, as messages and text drawings have them, or in the notation of another medium.

use super::{Angle, Variable, WeightTensor};
use std::f64::consts::PI;
use std::fmt;

/// Digits behind the point in messages and, unless told otherwise, in drawings.
const DIGITS: usize = 4;

/// Fractions of π that have a name.
const FRACTIONS: [(u32, u32); 12] =
    [(2, 1), (1, 1), (1, 2), (1, 4), (1, 8), (1, 16), (1, 32), (3, 2), (3, 4), (1, 3), (2, 3), (1, 6)];

/// Notation of the parts of an expression.
pub(crate) trait Notation {
    /// Sign between the factors of a product.
    const TIMES: &'static str;
    /// Sign between the first and the last of many.
    const DOTS: &'static str;

    /// Writes a number that is not negative.
    fn number(&self, size: f64) -> String;

    /// Writes a feature, or an entry of a weight tensor.
    fn variable(&self, variable: &Variable) -> String;

    /// Marks a comparison, which stands between words.
    fn statement(&self, comparison: String) -> String {
        comparison
    }
}

/// Plain text, with this many digits behind the point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plain(pub(crate) usize);

impl Default for Plain {
    fn default() -> Self {
        Self(DIGITS)
    }
}

impl Notation for Plain {
    const TIMES: &'static str = "*";
    const DOTS: &'static str = "..";

    fn number(&self, size: f64) -> String {
        shortened_number(size, self.0)
    }

    fn variable(&self, variable: &Variable) -> String {
        match variable {
            Variable::Input(index) => format!("x{index}"),
            Variable::Weight { tensor, .. } if tensor.shape.is_empty() => tensor.name.clone(),
            Variable::Weight { tensor, index } => format!("{}[{}]", tensor.name, entry(tensor, *index)),
        }
    }
}

/// Returns the place of an entry, whose flat index is given: numbers with commas between them.
pub(crate) fn entry(tensor: &WeightTensor, index: usize) -> String {
    let mut rest = index;
    let mut digits: Vec<_> = tensor.shape.iter().rev().map(|n| (rest % n, rest /= n).0).collect();
    digits.reverse();
    digits.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

impl Angle {
    /// Returns the expression in a notation.
    pub(crate) fn written<N: Notation>(&self, notation: &N) -> String {
        let mut text = String::new();
        let mut signed = |value: f64, factors: &str| {
            text += match (text.is_empty(), value < 0.0) {
                (true, true) => "-",
                (true, false) => "",
                (false, true) => " - ",
                (false, false) => " + ",
            };
            let size = value.abs();
            if factors.is_empty() || size != 1.0 {
                text += &notation.number(size);
            }
            if !factors.is_empty() && size != 1.0 {
                text += N::TIMES;
            }
            text += factors;
        };
        for term in &self.terms {
            let mut factors = notation.variable(&term.first);
            if let Some(second) = &term.second {
                factors = factors + N::TIMES + &notation.variable(second);
            }
            signed(term.coefficient, &factors);
        }
        if self.constant != 0.0 || self.terms.is_empty() {
            signed(self.constant, "");
        }
        text
    }
}

impl fmt::Display for Angle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(&Plain::default()))
    }
}

/// Returns a number with a sign, in a notation.
pub(crate) fn spelled_number(value: f64, notation: &impl Notation) -> String {
    format!("{}{}", if value < 0.0 { "-" } else { "" }, notation.number(value.abs()))
}

/// Returns numerator and denominator of a number that is π or one of its simple fractions.
pub(crate) fn fraction_of_pi(value: f64) -> Option<(u32, u32)> {
    let is_near = |(numerator, denominator): &&(u32, u32)| {
        (value - f64::from(*numerator) / f64::from(*denominator) * PI).abs() < 1e-12
    };
    FRACTIONS.iter().find(is_near).copied()
}

/// Writes a number with at most so many digits behind the point. π and its simple fractions have names; a power of ten
/// is used where the digits are too few.
fn shortened_number(value: f64, digits: usize) -> String {
    if let Some(fraction) = fraction_of_pi(value) {
        return match fraction {
            (1, 1) => "π".to_owned(),
            (numerator, 1) => format!("{numerator}π"),
            (1, denominator) => format!("π/{denominator}"),
            (numerator, denominator) => format!("{numerator}π/{denominator}"),
        };
    }
    let (digits, power) = shortened(value, digits);
    match power {
        Some(power) => format!("{digits}e{power}"),
        None => digits,
    }
}

/// Returns the digits of a number, at most so many behind the point, and the power of ten that they are multiplied by
/// if the number is too small or too large without one.
pub(crate) fn shortened(value: f64, digits: usize) -> (String, Option<i32>) {
    let trimmed = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    let smallest = [1.0, 0.1, 0.01, 1e-3][digits.min(3)];
    if value == 0.0 || (smallest..1e6).contains(&value) {
        return (trimmed(&format!("{value:.digits$}")), None);
    }
    let scientific = format!("{value:.digits$e}");
    let parts = scientific.split_once('e').and_then(|(digits, power)| Some((trimmed(digits), power.parse().ok()?)));
    parts.map_or_else(|| (value.to_string(), None), |(digits, power)| (digits, Some(power)))
}
