//! Pauli words as texts, such as `"X0 Y2"`.

use crate::error::Mistake;
use crate::mask::{Mask, Wide};

/// Returns the letters of a word and their qubits, in the order of the text.
///
/// # Errors
/// A letter other than I, X, Y and Z; a token without a number; a qubit twice or out of range.
pub(super) fn parse_word(word: &str, qubits: usize) -> Result<Vec<(char, usize)>, Mistake> {
    let mut seen = Wide::EMPTY;
    let mut parsed = Vec::new();
    for token in word.split_whitespace() {
        let mut letters = token.chars();
        let letter = letters.next().unwrap_or(' ');
        let digits = letters.as_str();
        if !"IXYZ".contains(letter) {
            return Err(Mistake::PauliLetter { letter });
        }
        // `parse` alone would accept "X+0".
        let number = digits.parse::<usize>().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
        match number {
            None => return Err(Mistake::PauliWord { text: word.to_owned() }),
            Some(qubit) if qubit >= qubits => return Err(Mistake::QubitOutOfRange { qubit, qubits }),
            Some(qubit) if seen.contains(qubit) => return Err(Mistake::RepeatedQubit { qubit }),
            Some(qubit) => seen |= Wide::of_qubit(qubit),
        }
        parsed.extend(number.map(|qubit| (letter, qubit)));
    }
    Ok(parsed)
}
