//! Features and weights as inputs of an OpenQASM 3 text.

use super::super::gates::{Library, rows};
use super::super::names::is_word;
use super::prelude;
use crate::angle::Variable;
use crate::circuit::{Circuit, DEFAULT_INIT};
use crate::error::{Error, Result};
use candle_nn::Init;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Names of functions and modifiers, beside the words of the language.
const FURTHER_WORDS: [&str; 24] = [
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "exp",
    "log",
    "sqrt",
    "floor",
    "ceiling",
    "mod",
    "popcount",
    "rotl",
    "rotr",
    "real",
    "imag",
    "gphase",
    "U",
    "defcalgrammar",
    "reset",
    "measure",
    "im",
    "dt",
];

/// Inputs of a text: a name for each variable that the circuit reads.
#[derive(Debug)]
pub(super) struct Inputs {
    features: BTreeMap<usize, String>,
    /// Name of each entry of each tensor that is read, or of its first entry.
    weights: BTreeMap<String, BTreeMap<usize, String>>,
    taken: BTreeSet<String>,
}

impl Inputs {
    pub(super) fn of(circuit: &Circuit) -> Result<Self> {
        let mut features = BTreeSet::new();
        let mut weights: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        // The last feature says how many there are, and an entry says that there is a tensor.
        features.extend(circuit.inputs().checked_sub(1));
        for declaration in circuit.declarations() {
            let (name, shape) = (declaration.handle.name(), declaration.handle.shape());
            let wrong = |reason| Err(Error::NoQasmWeights { name: name.to_owned(), reason });
            if name.contains(['[', ']']) || name.chars().any(char::is_control) || name.contains(" at ") {
                return wrong("the name has brackets, a line break or the word `at`");
            }
            if name.trim() != name {
                return wrong("the name begins or ends with a space");
            }
            if shape.contains(&0) {
                return wrong("the tensor has no entries");
            }
            if matches!(declaration.init, Init::Kaiming { .. }) {
                return wrong("its initialisation has no annotation");
            }
            weights.insert(name.to_owned(), BTreeSet::new());
        }
        for operation in circuit.operations() {
            let conditions = operation.conditions().iter().flat_map(|condition| condition.variables());
            for variable in operation.angles().iter().flat_map(|angle| angle.variables()).chain(conditions) {
                match variable {
                    Variable::Input(index) => _ = features.insert(*index),
                    Variable::Weight { tensor, index } => {
                        weights.entry(tensor.name.clone()).or_default().insert(*index);
                    }
                }
            }
        }
        let mut all = Self { features: BTreeMap::new(), weights: BTreeMap::new(), taken: taken() };
        for index in features {
            let name = all.free(format!("x{index}"));
            all.features.insert(index, name);
        }
        for declaration in circuit.declarations() {
            let (tensor, shape) = (declaration.handle.name(), declaration.handle.shape());
            let mut own = weights.remove(tensor).unwrap_or_default();
            if own.is_empty() {
                own.insert(0);
            }
            let names = own.into_iter().map(|index| (index, all.free(entry_name(tensor, shape, index)))).collect();
            all.weights.insert(tensor.to_owned(), names);
        }
        Ok(all)
    }

    /// Gives back a name that the text does not need.
    pub(super) fn release(&mut self, name: &str) {
        self.taken.remove(name);
    }

    /// Returns a name that is no word, no gate and no other input, and takes it.
    pub(super) fn free(&mut self, wanted: String) -> String {
        let mut name = wanted;
        while prelude::is_rotation(&name) || !self.taken.insert(name.clone()) {
            name.push('_');
        }
        name
    }

    /// Name of a variable.
    pub(super) fn name(&self, variable: &Variable) -> String {
        let name = match variable {
            Variable::Input(index) => self.features.get(index),
            Variable::Weight { tensor, index } => self.weights.get(&tensor.name).and_then(|names| names.get(index)),
        };
        // A circuit that is checked declares all that it reads.
        name.cloned().unwrap_or_default()
    }

    /// Writes the declarations.
    pub(super) fn write(&self, circuit: &Circuit, text: &mut String) {
        for (index, name) in &self.features {
            _ = writeln!(text, "@candlewick.feature {index}\ninput float[64] {name};");
        }
        for declaration in circuit.declarations() {
            let (tensor, shape) = (declaration.handle.name(), declaration.handle.shape());
            let mut start = init(tensor, declaration.init);
            for (index, name) in self.weights.get(tensor).into_iter().flatten() {
                let place = list(&digits(shape, *index));
                let shape = list(shape);
                _ = writeln!(text, "@candlewick.weight {tensor}[{shape}] at [{place}]");
                text.extend(start.take());
                _ = writeln!(text, "input float[64] {name};");
            }
        }
    }
}

/// Names that inputs cannot have.
fn taken() -> BTreeSet<String> {
    let of_gates = [Library::StdGates, Library::Language3].into_iter().flat_map(rows).map(|row| row.name.to_owned());
    let further = FURTHER_WORDS.into_iter().chain(["q", "c"]).map(str::to_owned);
    of_gates.chain(further).chain(prelude::names().map(str::to_owned)).collect()
}

/// Name of an entry: letters, digits and `_` of the tensor's name, then the index.
fn entry_name(tensor: &str, shape: &[usize], index: usize) -> String {
    let mut name: String = tensor.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '_' }).collect();
    if name.starts_with(|one: char| one.is_ascii_digit()) {
        name.insert(0, '_');
    }
    for digit in digits(shape, index) {
        _ = write!(name, "_{digit}");
    }
    if is_word(&name) { format!("{name}_") } else { name }
}

/// Index of an entry in each dimension.
fn digits(shape: &[usize], index: usize) -> Vec<usize> {
    let mut rest = index;
    let mut digits: Vec<usize> = shape.iter().rev().map(|size| (rest % size, rest /= size).0).collect();
    digits.reverse();
    digits
}

fn list(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

/// Annotation of an initialisation other than the default.
fn init(tensor: &str, init: Init) -> Option<String> {
    let plain = |value: f64| format!("{value:?}");
    let text = match (init, DEFAULT_INIT) {
        (Init::Uniform { lo, up }, Init::Uniform { lo: low, up: high }) if (lo, up) == (low, high) => return None,
        (Init::Uniform { lo, up }, _) => format!("uniform {} {}", plain(lo), plain(up)),
        (Init::Randn { mean, stdev }, _) => format!("normal {} {}", plain(mean), plain(stdev)),
        (Init::Const(value), _) => format!("constant {}", plain(value)),
        (Init::Kaiming { .. }, _) => return None,
    };
    Some(format!("@candlewick.init {tensor} {text}\n"))
}
