//! Names, numbers and expressions in LaTeX's maths.

use super::super::picture::ZERO;
use crate::angle::{Notation, Variable, entry, fraction_of_pi, shortened};

/// Expressions in maths, with this many digits behind the point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Maths(pub(super) usize);

impl Notation for Maths {
    const TIMES: &'static str = r"\,";
    const DOTS: &'static str = r",\ldots,";

    fn number(&self, size: f64) -> String {
        match fraction_of_pi(size) {
            Some((1, 1)) => r"\pi".to_owned(),
            Some((numerator, 1)) => format!(r"{numerator}\pi"),
            Some((1, denominator)) => format!(r"\frac{{\pi}}{{{denominator}}}"),
            Some((numerator, denominator)) => format!(r"\frac{{{numerator}\pi}}{{{denominator}}}"),
            None => match shortened(size, self.0) {
                (digits, None) => digits,
                (digits, Some(power)) if digits == "1" => format!("10^{{{power}}}"),
                (digits, Some(power)) => format!(r"{digits}\cdot 10^{{{power}}}"),
            },
        }
    }

    fn variable(&self, variable: &Variable) -> String {
        match variable {
            Variable::Input(index) => format!("x_{{{index}}}"),
            Variable::Weight { tensor, index } => match entry(tensor, *index) {
                scalar if scalar.is_empty() => name(&tensor.name),
                entry => format!("{}_{{{entry}}}", name(&tensor.name)),
            },
        }
    }

    fn statement(&self, comparison: String) -> String {
        format!("${comparison}$")
    }
}

/// Names of Greek letters in LaTeX, and the letters.
const GREEK: [(&str, char); 35] = [
    ("alpha", 'α'),
    ("beta", 'β'),
    ("gamma", 'γ'),
    ("delta", 'δ'),
    ("epsilon", 'ϵ'),
    ("varepsilon", 'ε'),
    ("zeta", 'ζ'),
    ("eta", 'η'),
    ("theta", 'θ'),
    ("vartheta", 'ϑ'),
    ("iota", 'ι'),
    ("kappa", 'κ'),
    ("lambda", 'λ'),
    ("mu", 'μ'),
    ("nu", 'ν'),
    ("xi", 'ξ'),
    ("pi", 'π'),
    ("rho", 'ρ'),
    ("sigma", 'σ'),
    ("tau", 'τ'),
    ("upsilon", 'υ'),
    ("phi", 'ϕ'),
    ("varphi", 'φ'),
    ("chi", 'χ'),
    ("psi", 'ψ'),
    ("omega", 'ω'),
    ("Gamma", 'Γ'),
    ("Delta", 'Δ'),
    ("Theta", 'Θ'),
    ("Lambda", 'Λ'),
    ("Xi", 'Ξ'),
    ("Pi", 'Π'),
    ("Phi", 'Φ'),
    ("Psi", 'Ψ'),
    ("Omega", 'Ω'),
];

/// Returns a name in maths: a Greek letter, a single letter, or upright text. It may have an index.
pub(super) fn name(name: &str) -> String {
    let greek = GREEK.iter().find(|(word, letter)| name == *word || name.chars().eq([*letter]));
    match (greek, name.as_bytes()) {
        (Some((word, _)), _) => format!(r"\{word}"),
        (None, [letter]) if letter.is_ascii_alphabetic() => name.to_owned(),
        _ => format!(r"\text{{{}}}", escaped(name)),
    }
}

/// Returns the label of a wire: the name that was given to it, or `q` with an index.
pub(super) fn wire_name(given: Option<&String>, qubit: usize) -> String {
    let Some(given) = given else { return format!("$q_{{{qubit}}}$") };
    let letters = given.trim_end_matches(|c: char| c.is_ascii_digit());
    match (letters, &given[letters.len()..]) {
        ("", _) => escaped(given),
        (letters, index) if !index.is_empty() && !name(letters).starts_with(r"\text") => {
            format!("${}_{{{index}}}$", name(letters))
        }
        _ if !name(given).starts_with(r"\text") => format!("${}$", name(given)),
        _ => escaped(given),
    }
}

/// Returns the symbol of a gate or a channel in maths, such as `R_{X}` of `RX`.
pub(super) fn plain(symbol: &str) -> String {
    if let Some(symbol) = symbol.strip_suffix('†') {
        return format!(r"{}^{{\dagger}}", plain(symbol));
    }
    if let Some(symbol) = symbol.strip_prefix('√') {
        return format!(r"\sqrt{{{}}}", plain(symbol));
    }
    let (first, rest) = symbol.split_at(symbol.chars().next().map_or(0, char::len_utf8));
    let is_axis = first == "R" && rest.chars().all(|letter| "IXYZ".contains(letter));
    match rest {
        _ if symbol == "×" => r"\times".to_owned(),
        _ if symbol == ZERO => r"|0\rangle".to_owned(),
        "" => symbol.to_owned(),
        "?" => format!("{first}?"),
        _ if is_axis || rest.chars().all(|digit| digit.is_ascii_digit()) => format!("{first}_{{{rest}}}"),
        _ => format!(r"\text{{{}}}", escaped(symbol)),
    }
}

/// Replaces the signs that have a meaning in LaTeX, and drops those that are none.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars().filter(|character| !character.is_control()) {
        match character {
            '\\' => escaped.push_str(r"\textbackslash{}"),
            '^' => escaped.push_str(r"\textasciicircum{}"),
            '~' => escaped.push_str(r"\textasciitilde{}"),
            '<' => escaped.push_str(r"\textless{}"),
            '>' => escaped.push_str(r"\textgreater{}"),
            '|' => escaped.push_str(r"\textbar{}"),
            '"' => escaped.push_str("''"),
            '{' | '}' | '$' | '&' | '#' | '_' | '%' => escaped.extend(['\\', character]),
            other => match GREEK.iter().find(|(_, letter)| *letter == other) {
                Some((word, _)) => escaped.push_str(&format!(r"\ensuremath{{\{word}}}")),
                None => escaped.push(other),
            },
        }
    }
    escaped
}
