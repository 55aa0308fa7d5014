//! Problems of OpenQASM texts.

use super::Mistake;

/// Problem of an OpenQASM text at a place, for [`Error::Qasm`](crate::Error::Qasm).
///
/// Words that are cited from the text are cut at 40 characters, and their control characters are escaped.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QasmProblem {
    /// Text that does not fit the grammar.
    #[error("expected {what}, found {}", .found.as_deref().map_or("the end".into(), |found| format!("`{found}`")))]
    Expected {
        /// Words that would fit.
        what: &'static str,
        /// Words that are there, or `None` at the end of the text.
        found: Option<String>,
    },
    /// A character that begins nothing.
    #[error("the character {found:?} has no meaning here")]
    Character {
        /// The character.
        found: char,
    },
    /// A number that cannot be read.
    #[error("`{text}` is no number")]
    Number {
        /// Words of the text.
        text: String,
    },
    /// A comment, a string or a block without an end.
    #[error("{what} has no end")]
    Unterminated {
        /// Name of the part.
        what: &'static str,
    },
    /// A version other than 2.0 and 3.x.
    #[error("OpenQASM {text} is unknown: versions 2.0 and 3.x can be read")]
    Version {
        /// Version that the text states.
        text: String,
    },
    /// An include of another file than `qelib1.inc` and `stdgates.inc`.
    #[error("`{file}` cannot be included: only qelib1.inc and, in OpenQASM 3, stdgates.inc can")]
    Include {
        /// Name of the file.
        file: String,
    },
    /// A construct that has no counterpart in a circuit.
    #[error("unsupported: {what}")]
    Unsupported {
        /// Name of the construct.
        what: &'static str,
    },
    /// A name that has not been declared.
    #[error("`{name}` is not declared")]
    Unknown {
        /// The name.
        name: String,
    },
    /// A name that has been declared before.
    #[error("`{name}` is declared already")]
    Redeclared {
        /// The name.
        name: String,
    },
    /// A name or a value of another kind than is needed.
    #[error("`{name}` is no {what}")]
    NotA {
        /// The name, or words for the value.
        name: String,
        /// Kind that is needed.
        what: &'static str,
    },
    /// Wrong number of angles, or of arguments of a function.
    #[error("`{name}` takes {expected} argument(s), not {actual}")]
    Angles {
        /// Name of the gate, the function or the subroutine.
        name: String,
        /// Number that it takes.
        expected: usize,
        /// Number that is given.
        actual: usize,
    },
    /// Wrong number of qubits of a gate.
    #[error("`{name}` takes {expected} qubit(s), not {actual}")]
    Qubits {
        /// Name of the gate.
        name: String,
        /// Number of the gate's qubits and of the controls of its modifiers.
        expected: usize,
        /// Number that is given.
        actual: usize,
    },
    /// An index out of range.
    #[error("index {index} is out of range for size {size}")]
    Index {
        /// The index.
        index: i64,
        /// Number of entries.
        size: usize,
    },
    /// Registers of different sizes in one operation.
    #[error("a register of {second} stands beside one of {first}")]
    Sizes {
        /// Size of the first register.
        first: usize,
        /// Size of the register that differs.
        second: usize,
    },
    /// One qubit twice in one operation.
    #[error("qubit `{qubit}` is used twice")]
    Repeated {
        /// The qubit, by its register and its place there.
        qubit: String,
    },
    /// A value that is not finite.
    #[error("the value is not finite")]
    NotFinite,
    /// A division by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// An integer beyond 64 bits.
    #[error("an integer is beyond 64 bits")]
    Overflow,
    /// A value that does not fit into a string of bits.
    #[error("`{value}` does not fit into {bits} bit(s)")]
    Width {
        /// The value.
        value: String,
        /// Number of bits.
        bits: usize,
    },
    /// An expression in inputs that no angle can be.
    #[error("an angle is a polynomial of degree 2 in the inputs at most")]
    Angle,
    /// Blocks, brackets or calls inside each other.
    #[error("nested more than {limit} deep")]
    TooDeep {
        /// Largest depth.
        limit: usize,
    },
    /// Too many operations.
    #[error("there are more than the {limit} operations that the limits allow here")]
    TooManyOperations {
        /// Largest number at this place of the text.
        limit: usize,
    },
    /// Too many statements, rounds of loops and calls without an operation.
    #[error("more than {limit} steps are needed to read the text")]
    TooManySteps {
        /// Largest number, without the steps that operations allow.
        limit: usize,
    },
    /// A text that is too long.
    #[error("the text has {bytes} bytes, more than the {limit} allowed")]
    TooLong {
        /// Length of the text.
        bytes: usize,
        /// Largest length.
        limit: usize,
    },
    /// More qubits than a circuit can have; measurements and resets take qubits, too.
    #[error("{qubits} qubits are more than the {limit} of a circuit; measurements and resets take qubits, too")]
    TooManyQubits {
        /// Number of qubits that are needed up to this place.
        qubits: usize,
        /// Largest number.
        limit: usize,
    },
    /// More classical bits than are read.
    #[error("{bits} classical bits are more than the {limit} allowed")]
    TooManyBits {
        /// Number of bits that are declared up to this place.
        bits: usize,
        /// Largest number.
        limit: usize,
    },
    /// A mistake in the circuit that the text describes.
    #[error("{0}")]
    Circuit(Mistake),
}
