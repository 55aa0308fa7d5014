//! Numbers and expressions, in texts that read back bit for bit.

use super::inputs::Inputs;
use crate::angle::{Notation, Variable};
use crate::circuit::{Comparison, Condition, Operators, spelled_condition};
use std::f64::consts::PI;

/// Largest multiple of π, and largest divisor, that a number may be written as.
const FRACTIONS: [(i32, i32); 2] = [(1, 16), (7, 8)];

/// Writes a number so that a reader finds the same bits, with a point: OpenQASM 2 has no exponents without one.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        0.0 => "0.0".to_owned(),
        1e-5..1e16 => of_pi(size).unwrap_or_else(|| format!("{size:?}")),
        _ => format!("{size:e}"),
    };
    let text = match text.split_once('e') {
        _ if text.contains(['.', 'p']) => text,
        Some((digits, exponent)) => format!("{digits}.0e{exponent}"),
        None => format!("{text}.0"),
    };
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

impl Notation for Inputs {
    const TIMES: &'static str = "*";
    const DOTS: &'static str = "..";

    fn number(&self, size: f64) -> String {
        number(size)
    }

    fn variable(&self, variable: &Variable) -> String {
        self.name(variable)
    }
}

const OPERATORS: Operators = Operators { not: "!", and: " && ", or: " || ", is_exact: true };

/// Writes a condition so that a reader joins its parts in the same order.
pub(super) fn condition(condition: &Condition, inputs: &Inputs) -> String {
    let is_alone = condition.code().len() == 1;
    spelled_condition(condition.code(), &OPERATORS, |Comparison { value, absolute, above, threshold }| {
        let (value, limit, back) = (value.written(inputs), number(*threshold), number(-threshold));
        let both = match (absolute, above) {
            (false, true) => return format!("{value} > {limit}"),
            (false, false) => return format!("{value} < {limit}"),
            (true, true) => format!("{value} > {limit} || {value} < {back}"),
            (true, false) => format!("{value} < {limit} && {value} > {back}"),
        };
        if is_alone { both } else { format!("({both})") }
    })
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
            (1e-7, "1.0e-7"),
            (-2.5e20, "-2.5e20"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
