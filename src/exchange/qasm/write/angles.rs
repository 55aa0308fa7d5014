//! Numbers and expressions, in texts that read back bit for bit.

use crate::angle::{Angle, Term, Variable};
use crate::circuit::{Comparison, Condition, Token};
use std::f64::consts::PI;

/// Largest multiple of π, and largest divisor, that a number may be written as.
const FRACTIONS: [(i32, i32); 2] = [(1, 16), (7, 8)];

/// Writes a number so that a reader finds the same bits, with a point or an exponent.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        0.0 => "0.0".to_owned(),
        1e-5..1e16 => of_pi(size).unwrap_or_else(|| format!("{size:?}")),
        _ => format!("{size:e}"),
    };
    let text = if text.contains(['.', 'e', 'p']) { text } else { format!("{text}.0") };
    if value.is_sign_negative() && value != 0.0 { format!("-{text}") } else { text }
}

/// Writes a positive number as a fraction of π, if a reader finds the same bits.
fn of_pi(value: f64) -> Option<String> {
    for (most, divisors) in FRACTIONS {
        for divisor in 1..=divisors {
            let times = (value / PI * f64::from(divisor)).round();
            if times >= 1.0 && times <= f64::from(most) && times * PI / f64::from(divisor) == value {
                let factor = if times == 1.0 { String::new() } else { format!("{times}*") };
                let rest = if divisor == 1 { String::new() } else { format!("/{divisor}") };
                return Some(format!("{factor}pi{rest}"));
            }
        }
    }
    None
}

/// Writes an expression; `name` has the name of each variable.
pub(super) fn angle(angle: &Angle, name: &impl Fn(&Variable) -> String) -> String {
    let mut text = String::new();
    for term in &angle.terms {
        push(&mut text, term.coefficient < 0.0, &product(term, name));
    }
    if angle.constant != 0.0 || angle.terms.is_empty() {
        push(&mut text, angle.constant < 0.0, &number(angle.constant.abs()));
    }
    text
}

/// Appends a summand with its sign.
fn push(text: &mut String, is_negative: bool, summand: &str) {
    text.push_str(match (text.is_empty(), is_negative) {
        (true, false) => "",
        (true, true) => "-",
        (false, false) => " + ",
        (false, true) => " - ",
    });
    text.push_str(summand);
}

/// Writes a term without its sign.
fn product(term: &Term, name: &impl Fn(&Variable) -> String) -> String {
    let coefficient = term.coefficient.abs();
    let factor = (coefficient != 1.0).then(|| number(coefficient));
    let variables = [Some(&term.first), term.second.as_ref()].into_iter().flatten().map(name);
    factor.into_iter().chain(variables).collect::<Vec<_>>().join("*")
}

/// Operator of a condition's text, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Test,
    Whole,
}

/// Writes a condition.
pub(super) fn condition(condition: &Condition, name: &impl Fn(&Variable) -> String) -> String {
    let mut stack: Vec<(String, Binding)> = Vec::new();
    for token in condition.code() {
        match token {
            Token::Test(comparison) => stack.push(test(comparison, name)),
            Token::Not => {
                let Some((inner, _)) = stack.pop() else { continue };
                stack.push((format!("!({inner})"), Binding::Whole));
            }
            Token::And | Token::Or => {
                let (Some(right), Some((mut left, of_left))) = (stack.pop(), stack.pop()) else { continue };
                let (own, sign) =
                    if matches!(token, Token::And) { (Binding::And, " && ") } else { (Binding::Or, " || ") };
                if of_left < own {
                    left = format!("({left})");
                }
                left.push_str(sign);
                // A reader joins from the left.
                if right.1 <= own {
                    left.push('(');
                    left.push_str(&right.0);
                    left.push(')');
                } else {
                    left.push_str(&right.0);
                }
                stack.push((left, own));
            }
        }
    }
    stack.pop().map(|(text, _)| text).unwrap_or_default()
}

fn test(comparison: &Comparison<Angle>, name: &impl Fn(&Variable) -> String) -> (String, Binding) {
    let Comparison { value, absolute, above, threshold } = comparison;
    let (value, limit, back) = (angle(value, name), number(*threshold), number(-threshold));
    match (absolute, above) {
        (false, true) => (format!("{value} > {limit}"), Binding::Test),
        (false, false) => (format!("{value} < {limit}"), Binding::Test),
        (true, true) => (format!("{value} > {limit} || {value} < {back}"), Binding::Or),
        (true, false) => (format!("{value} < {limit} && {value} > {back}"), Binding::And),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "0.0"),
            (3.0, "3.0"),
            (PI, "pi"),
            (-PI / 2.0, "-pi/2"),
            (3.0 * PI / 4.0, "3*pi/4"),
            (0.1, "0.1"),
            (1e-7, "1e-7"),
            (-2.5e20, "-2.5e20"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
