//! OpenQASM 2 and 3: [`import`] makes circuits of texts.
//!
//! ```
//! use candlewick::{functional, prelude::*, qasm};
//! let text = "
//! OPENQASM 2.0;
//! include \"qelib1.inc\";
//! qreg q[2];
//! creg c[2];
//! h q[0];
//! cx q[0],q[1];
//! measure q -> c;";
//! let imported = qasm::import(text)?;
//! let bits = Measurement::probabilities(imported.measured()?);
//! let p = functional::evaluate(&imported.circuit, &bits, None, &[])?.to_vec1::<f32>()?;
//! assert!((p[0] - 0.5).abs() < 1e-6 && (p[3] - 0.5).abs() < 1e-6);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | construct | what becomes of it |
//! |---|---|
//! | registers of qubits | qubits, the first declared first; `$k` is qubit k |
//! | gates of `qelib1.inc` and `stdgates.inc` | gates of the [table](crate::gate); no file is read |
//! | gate definitions | written out at each call; a definition of a table gate is that gate |
//! | `ctrl @`, `negctrl @`, `inv @`, `pow(k) @` | controls, inverses, powers |
//! | `gphase` | [`Circuit::global_phase`] |
//! | `measure`, `reset`, `if` on measured bits | deferred: exact averages over all outcomes |
//! | constants, variables, `for`, `while`, `let`, `def` | evaluated and written out |
//! | `input float`, `input angle` | features or weights; `if` on them is [`Circuit::when`] |
//! | all others | [`Error::Qasm`], with the line and the column |
//!
//! A measurement takes no operation where its qubit is not used again: the qubit itself is the bit. Otherwise it takes
//! a further qubit, unless the qubit has been measured already and has not changed since. A reset takes a further
//! qubit, too, unless the qubit has been measured and has not changed since, or is known to be in 0 or 1, as an ancilla
//! is whose computation has been undone by the same X, CX and CCX. A condition that is no conjunction of bits and their
//! complements takes a further qubit, too. The qubits of the text keep their places. Further ones stand behind them.
//!
//! Angles are `f64`. In OpenQASM 3, `1/2` is a division of integers, 0. A text without a version is OpenQASM 3, unless
//! it begins with `include "qelib1.inc"`.

mod defer;
mod definition;
mod dense;
mod fault;
mod gates;
mod inputs;
mod lexer;
mod logical;
mod names;
mod parser;
mod reader;
mod scope;
mod syntax;
mod value;
mod values;
mod write;

use crate::__private::NonExhaustive;
use crate::circuit::Circuit;
use crate::error::{Error, Mistake, Result};
use defer::Home;
use inputs::Variables;
use logical::Bit as ReadBit;
use reader::{Declared, Reader};

pub(crate) use write::Beginning;

/// Circuit that an OpenQASM text describes, with the places of its registers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Imported {
    /// Circuit: first the qubits of the text, then the qubits that measurements and resets take.
    pub circuit: Circuit,
    /// Version of the language, major and minor number: (2, 0) or (3, 0) and above.
    pub version: (u32, u32),
    /// Registers of qubits, in the order of their declarations.
    pub registers: Vec<Register>,
    /// Registers of classical bits, in the order of their declarations.
    pub bits: Vec<BitRegister>,
}

/// Register of qubits of an OpenQASM text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Register {
    /// Name in the text; `$` for physical qubits.
    pub name: String,
    /// Qubits of the circuit.
    pub qubits: Vec<usize>,
}

/// Register of classical bits of an OpenQASM text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BitRegister {
    /// Name in the text.
    pub name: String,
    /// Values of the bits at the end; entry 0 is the lowest bit.
    pub bits: Vec<Bit>,
}

/// Value of a classical bit at the end of an OpenQASM text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bit {
    /// The bit has this value, whatever is measured.
    Constant(bool),
    /// The bit is what a measurement of this qubit of the circuit gives.
    Qubit(usize),
}

/// Settings of [`import_with`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportConfig {
    /// Meaning of `input` declarations. Default: by name.
    pub inputs: InputRule,
    /// Limits of the text and of the circuit.
    pub limits: Limits,
    /// Whether `delay` is passed over and `box` is read as a block. Default: they are errors.
    pub skip_timing: bool,
    /// Guard: a field that programs cannot write. They write `..Default::default()`.
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

/// Meaning of the `input` declarations of an OpenQASM text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum InputRule {
    /// Features and weights by name. `x0`, `x1` and so on are features, and so are `_x_0_`, `_x_1_`, which Qiskit
    /// writes for a vector `x`. Other vectors of Qiskit, `_w_0_`, `_w_1_`, are weight tensors of one dimension, and all
    /// other inputs are weight tensors without dimensions. Annotations come before names: `@candlewick.feature 0`, or
    /// `@candlewick.weight theta[2,4] at [0,3]`, with `@candlewick.init theta uniform 0 1` if the tensor has its own
    /// initialisation (`uniform`, `normal` or `constant`).
    #[default]
    ByName,
    /// Features, in the order of the declarations.
    Features,
    /// Weight tensors without dimensions, each of its input's name.
    Weights,
}

/// Limits of an OpenQASM text and of its circuit, which hold for hostile texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest length of the text in bytes, up to 4 GiB. Default: 256 MiB.
    pub bytes: usize,
    /// Largest number of operations. Default: 2^24, the most that a circuit can have.
    pub operations: usize,
    /// Largest number of operations beyond one for four bytes of the text: those of definitions, loops, subroutines and
    /// registers. Operations with many controls, conditions or inputs count as several. Default: 2^18, which take up to
    /// 200 MB.
    pub expansion: usize,
    /// Largest number of statements, rounds of loops and calls, beyond two for each operation. Default: 2^22.
    pub steps: usize,
    /// Largest depth of brackets, blocks and calls, at most 128, the default. That depth takes less than 1 MiB of the
    /// thread's stack.
    pub depth: usize,
    /// Guard: a field that programs cannot write. They write `..Default::default()`.
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

/// Largest depth: each level takes memory of the thread's stack.
const DEPTH: usize = 128;

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 256 << 20,
            operations: 1 << 24,
            expansion: 1 << 18,
            steps: 1 << 22,
            depth: DEPTH,
            non_exhaustive: NonExhaustive::default(),
        }
    }
}

impl Limits {
    /// Returns the depth within its range.
    fn depth(&self) -> usize {
        self.depth.min(DEPTH)
    }
}

/// Reads an OpenQASM text with the default [`ImportConfig`].
///
/// ```
/// use candlewick::qasm;
/// let text = "qubit[2] a; qubit b; U(pi/2, 0, pi) a[1]; negctrl @ gphase(0.5) b;";
/// let imported = qasm::import(text)?;
/// assert_eq!(imported.registers[1].qubits, [2]);
/// assert_eq!(imported.circuit.counts()["global_phase"], 2);
///
/// let error = qasm::import("qubit q;\nrx(0.1) p;").unwrap_err();
/// assert_eq!(error.to_string(), "line 2, column 1: `rx` is not declared");
/// # Ok::<(), candlewick::Error>(())
/// ```
///
/// # Errors
/// [`Error::Qasm`], with the line and the column.
pub fn import(text: &str) -> Result<Imported> {
    import_with(text, &ImportConfig::default())
}

/// Reads an OpenQASM text.
///
/// ```
/// use candlewick::qasm::{ImportConfig, InputRule, import_with};
/// let text = "include \"stdgates.inc\"; input angle theta; qubit q; ry(2 * theta) q;";
/// let config = ImportConfig { inputs: InputRule::Features, ..Default::default() };
/// assert_eq!(import_with(text, &config)?.circuit.inputs(), 1);
/// # Ok::<(), candlewick::Error>(())
/// ```
///
/// # Errors
/// [`Error::Qasm`], with the line and the column.
pub fn import_with(text: &str, config: &ImportConfig) -> Result<Imported> {
    let written = Reader::read(text, config).and_then(|reader| {
        let variables = Variables::of(&reader.inputs, config.inputs)?;
        let (circuit, homes) = defer::defer(&reader.logical, reader.qubits, &variables)?;
        Ok((reader, circuit, homes))
    });
    let (reader, circuit, homes) = written.map_err(|fault| fault.in_text(text))?;
    let register = |declared: &Declared| Register {
        name: declared.name.clone(),
        qubits: (declared.first..declared.first + declared.count).collect(),
    };
    let bit = |bit: &ReadBit| match bit {
        ReadBit::Known(value) => Bit::Constant(*value),
        ReadBit::Outcome(outcome) => match homes[*outcome as usize] {
            Home::Known(value) => Bit::Constant(value),
            Home::Qubit(qubit) => Bit::Qubit(qubit),
        },
    };
    let bits = |declared: &Declared| BitRegister {
        name: declared.name.clone(),
        bits: reader.bits[declared.first..declared.first + declared.count].iter().map(bit).collect(),
    };
    Ok(Imported {
        version: reader.version,
        registers: reader.registers.iter().map(register).collect(),
        bits: reader.bit_registers.iter().map(bits).collect(),
        circuit,
    })
}

impl Imported {
    /// Returns the qubits whose measurement gives the classical bits: the bits of the first register first, in each the
    /// lowest bit first. So [`Measurement::probabilities`](crate::Measurement::probabilities) of them are the
    /// probabilities of all values of the registers, the first register in the lowest bits. Two bits may have the same
    /// qubit: those of two measurements of it in a row.
    ///
    /// # Errors
    /// A classical bit that is constant.
    pub fn measured(&self) -> Result<Vec<usize>> {
        let mut qubits = Vec::new();
        for register in &self.bits {
            for (index, bit) in register.bits.iter().enumerate() {
                match bit {
                    Bit::Qubit(qubit) => qubits.push(*qubit),
                    Bit::Constant(value) => {
                        let (register, value) = (register.name.clone(), u8::from(*value));
                        return Err(Error::Measurement(Mistake::ConstantBit { register, index, value }));
                    }
                }
            }
        }
        Ok(qubits)
    }
}

impl Circuit {
    /// Reads an OpenQASM text, of version 2 or 3; see [`qasm`](crate::qasm), whose [`import`]
    /// returns the registers, too.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let text = "include \"stdgates.inc\"; qubit[2] q; h q[0]; cx q[0], q[1];";
    /// let mut bell = Circuit::new(2);
    /// bell.h(0).cx(0, 1);
    /// assert_eq!(Circuit::from_qasm(text)?, bell);
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Qasm`], with the line and the column.
    pub fn from_qasm(text: &str) -> Result<Self> {
        import(text).map(|imported| imported.circuit)
    }
}
