//! Observables as texts: `0.5 Z0 Z1 + X0`.

use super::failure::{Failure, Outcome};
use candlewick::Observable;

/// Term of a sum: coefficient and Pauli word.
#[derive(Debug, Default)]
struct Term {
    sign: f64,
    coefficient: Option<f64>,
    word: Vec<String>,
    /// Whether there is a sign, a number or a letter.
    is_begun: bool,
}

/// Parses a sum of Pauli words with coefficients. A term without letters is a multiple of the identity.
pub(crate) fn parse(text: &str) -> Outcome<Observable> {
    let chars: Vec<char> = text.chars().collect();
    let wrong = |place: usize, problem: &str| Err(Failure::at("--expect", text, (1, place + 1), problem));
    let (mut terms, mut term, mut place) = (Vec::new(), Term { sign: 1.0, ..Term::default() }, 0);
    while let Some(&c) = chars.get(place) {
        let start = place;
        match c {
            _ if c.is_whitespace() || c == '*' => place += 1,
            '+' | '-' => {
                place += 1;
                let is_whole = term.coefficient.is_some() || !term.word.is_empty();
                if term.is_begun && !is_whole {
                    return wrong(start, "a number or a letter must stand between two signs");
                }
                let next = Term { sign: if c == '-' { -1.0 } else { 1.0 }, is_begun: true, ..Term::default() };
                terms.extend(Some(std::mem::replace(&mut term, next)).filter(|_| is_whole));
            }
            '0'..='9' | '.' => {
                place = end_of_number(&chars, place);
                let digits: String = chars[start..place].iter().collect();
                match digits.parse::<f64>() {
                    Ok(number) if number.is_finite() && term.coefficient.is_none() && term.word.is_empty() => {
                        (term.coefficient, term.is_begun) = (Some(number), true);
                    }
                    Ok(number) if number.is_finite() => {
                        return wrong(start, "a coefficient stands in front of its word");
                    }
                    _ => return wrong(start, "this is no number"),
                }
            }
            'X' | 'Y' | 'Z' | 'I' => {
                place = (place + 1..).find(|next| !chars.get(*next).is_some_and(char::is_ascii_digit)).unwrap_or(place);
                if place == start + 1 {
                    return wrong(start, "a letter is followed by its qubit, such as Z0");
                }
                term.word.push(chars[start..place].iter().collect());
                term.is_begun = true;
            }
            _ => return wrong(start, "an observable is a sum such as 0.5 Z0 Z1 + X0 - 2"),
        }
    }
    if !term.is_begun || term.coefficient.is_none() && term.word.is_empty() {
        return wrong(chars.len(), "a term is missing");
    }
    terms.push(term);
    let terms: Vec<(f64, String)> =
        terms.iter().map(|term| (term.sign * term.coefficient.unwrap_or(1.0), term.word.join(" "))).collect();
    Ok(Observable::pauli_sum(terms.iter().map(|(coefficient, word)| (*coefficient, word.as_str()))))
}

/// Returns the place behind a number.
fn end_of_number(chars: &[char], mut place: usize) -> usize {
    while let Some(c) = chars.get(place) {
        let is_sign = matches!(c, '+' | '-') && matches!(chars.get(place.wrapping_sub(1)), Some('e' | 'E'));
        if !(c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E') || is_sign) {
            break;
        }
        place += 1;
    }
    place
}
