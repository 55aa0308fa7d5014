//! Inputs of a text as features and weights of the circuit.

use super::InputRule;
use super::fault::{Read, fault};
use super::reader::Input;
use crate::angle::Variable;
use crate::circuit::{Angle, Circuit, Comparison, Condition, Token, Weights, input};
use crate::error::QasmProblem;
use candle_nn::Init;
use std::collections::BTreeMap;

/// Largest index of a feature or of an entry that a name may have.
const INDICES: usize = 1 << 20;

/// Meaning of an input.
#[derive(Debug, Clone)]
enum Meaning {
    Feature(usize),
    /// Entry of a tensor, by its name.
    Weight {
        tensor: String,
        index: Vec<usize>,
    },
}

/// Weight tensor of the inputs.
#[derive(Debug)]
struct Tensor {
    /// Place of its first input in the text.
    at: u32,
    shape: Vec<usize>,
    init: Option<Init>,
}

/// Variables of the circuit, for each input of the text.
#[derive(Debug)]
pub(super) struct Variables {
    meanings: Vec<Meaning>,
    tensors: BTreeMap<String, Tensor>,
    angles: std::cell::RefCell<Vec<Angle>>,
    features: Option<usize>,
}

impl Variables {
    /// Gives each input its meaning.
    pub(super) fn of(inputs: &[Input<'_>], rule: InputRule) -> Read<Self> {
        let mut variables =
            Self { meanings: Vec::new(), tensors: BTreeMap::new(), angles: Vec::new().into(), features: None };
        for (place, one) in inputs.iter().enumerate() {
            let (meaning, shape, init) = match rule {
                InputRule::Features => (Meaning::Feature(place), None, None),
                InputRule::Weights => (scalar(one.name), Some(Vec::new()), None),
                InputRule::ByName => of_annotations(one).unwrap_or_else(|| (of_name(one.name), None, None)),
            };
            match &meaning {
                Meaning::Feature(index) => variables.features = variables.features.max(Some(index + 1)),
                Meaning::Weight { tensor, index } => variables.add(one.at, tensor, index, shape, init)?,
            }
            variables.meanings.push(meaning);
        }
        Ok(variables)
    }

    /// Notes an entry of a tensor. Without a stated shape a vector is as long as its indices need.
    fn add(&mut self, at: u32, name: &str, index: &[usize], shape: Option<Vec<usize>>, init: Option<Init>) -> Read<()> {
        let needed: Vec<usize> = index.iter().map(|index| index + 1).collect();
        let tensor = self.tensors.entry(name.to_owned()).or_insert_with(|| Tensor {
            at,
            shape: shape.clone().unwrap_or_else(|| needed.clone()),
            init: None,
        });
        tensor.init = tensor.init.or(init);
        let states_another = shape.is_some_and(|shape| shape != tensor.shape);
        if states_another || tensor.shape.len() != needed.len() {
            let declared = tensor.shape.clone();
            let mistake = crate::Mistake::WeightRedeclared { name: name.to_owned(), declared, shape: needed };
            return fault(at, QasmProblem::Circuit(mistake));
        }
        if let ([length], [needed]) = (&mut tensor.shape[..], &needed[..]) {
            *length = (*length).max(*needed);
        }
        Ok(())
    }

    /// Declares features and weights in a circuit.
    pub(super) fn declare(&self, circuit: &mut Circuit) -> Read<()> {
        if let Some(width) = self.features {
            let empty = std::mem::replace(circuit, Circuit::new(0));
            *circuit = empty.with_inputs(width);
        }
        let mut handles: BTreeMap<&str, Weights> = BTreeMap::new();
        for (name, tensor) in &self.tensors {
            let shape = tensor.shape.clone();
            let handle = match tensor.init {
                Some(init) => circuit.weights_with_init(name, shape, init),
                None => circuit.weights(name, shape),
            };
            if let Some(mistake) = circuit.mistake() {
                return fault(tensor.at, QasmProblem::Circuit(mistake.clone()));
            }
            handles.insert(name, handle);
        }
        let angle = |meaning: &Meaning| match meaning {
            Meaning::Feature(index) => input(*index),
            Meaning::Weight { tensor, index } => {
                handles.get(tensor.as_str()).map_or_else(Angle::default, |handle| handle.at(index))
            }
        };
        *self.angles.borrow_mut() = self.meanings.iter().map(angle).collect();
        Ok(())
    }

    /// Returns an expression in inputs of the text as one in variables of the circuit.
    pub(super) fn angle(&self, expression: &Angle) -> Angle {
        let angles = self.angles.borrow();
        let variable = |variable: &Variable| match variable {
            Variable::Input(index) => angles.get(*index).cloned().unwrap_or_default(),
            Variable::Weight { .. } => Angle::default(),
        };
        expression.terms.iter().fold(Angle::from(expression.constant), |sum, term| {
            let first = variable(&term.first);
            let product = match &term.second {
                Some(second) => first * variable(second),
                None => first,
            };
            sum + term.coefficient * product
        })
    }

    /// Returns a condition on inputs of the text as one on features of the circuit.
    pub(super) fn condition(&self, condition: &Condition) -> Condition {
        let mut stack: Vec<Condition> = Vec::new();
        for token in condition.code() {
            let joined = match token {
                Token::Test(Comparison { value, absolute, above, threshold }) => {
                    let value = self.angle(value);
                    match (absolute, above) {
                        (false, true) => value.gt(*threshold),
                        (false, false) => value.lt(*threshold),
                        (true, true) => value.abs().gt(*threshold),
                        (true, false) => value.abs().lt(*threshold),
                    }
                }
                Token::Not => match stack.pop() {
                    Some(one) => !one,
                    None => continue,
                },
                Token::And | Token::Or => match (stack.pop(), stack.pop()) {
                    (Some(right), Some(left)) => {
                        if matches!(token, Token::And) {
                            left & right
                        } else {
                            left | right
                        }
                    }
                    _ => continue,
                },
            };
            stack.push(joined);
        }
        // The code of a condition is one expression.
        stack.pop().unwrap_or_else(|| condition.clone())
    }
}

fn scalar(name: &str) -> Meaning {
    Meaning::Weight { tensor: name.to_owned(), index: Vec::new() }
}

/// Returns a number without a sign or leading zeros.
fn index(text: &str) -> Option<usize> {
    let is_plain = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|index| *index < INDICES && is_plain)
}

/// Returns the meaning of a name: `x3` and `_x_3_` are features, `_w_3_` an entry of a vector, and all others scalars.
fn of_name(name: &str) -> Meaning {
    if let Some(index) = name.strip_prefix('x').and_then(index) {
        return Meaning::Feature(index);
    }
    let of_vector =
        name.strip_prefix('_').and_then(|rest| rest.strip_suffix('_')).and_then(|rest| rest.rsplit_once('_'));
    match of_vector.and_then(|(vector, place)| Some((vector, index(place)?))) {
        Some(("x", index)) => Meaning::Feature(index),
        Some((vector, index)) if !vector.is_empty() => {
            Meaning::Weight { tensor: vector.to_owned(), index: vec![index] }
        }
        _ => scalar(name),
    }
}

/// Meaning of an input, with the shape and the initialisation of its tensor.
type Annotated = (Meaning, Option<Vec<usize>>, Option<Init>);

/// Returns what annotations say: `candlewick.feature 0`, or `candlewick.weight theta[2,4] at [0,3]` and
/// `candlewick.init theta uniform 0 1`.
fn of_annotations(one: &Input<'_>) -> Option<Annotated> {
    let of = |key: &str| one.annotations.iter().rev().find_map(|text| text.strip_prefix(key)).map(str::trim);
    if let Some(feature) = of("candlewick.feature") {
        return Some((Meaning::Feature(index(feature)?), None, None));
    }
    let (tensor, place) = of("candlewick.weight")?.split_once(" at ")?;
    let (name, shape) = tensor.trim().strip_suffix(']')?.split_once('[')?;
    let place = place.trim().strip_prefix('[')?.strip_suffix(']')?;
    let (shape, place) = (numbers(shape)?, numbers(place)?);
    let is_inside = shape.len() == place.len() && place.iter().zip(&shape).all(|(place, size)| place < size);
    let init = of("candlewick.init").and_then(|text| init(text.strip_prefix(name)?.trim()));
    is_inside.then(|| (Meaning::Weight { tensor: name.to_owned(), index: place }, Some(shape), init))
}

/// Returns numbers that commas separate.
fn numbers(text: &str) -> Option<Vec<usize>> {
    match text.trim() {
        "" => Some(Vec::new()),
        text => text.split(',').map(|number| number.trim().parse().ok()).collect(),
    }
}

/// Returns an initialisation: `uniform LOW HIGH`, `normal MEAN DEVIATION` or `constant VALUE`.
fn init(text: &str) -> Option<Init> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let number = |text: &str| text.parse::<f64>().ok();
    Some(match words[..] {
        ["uniform", lo, up] => Init::Uniform { lo: number(lo)?, up: number(up)? },
        ["normal", mean, stdev] => Init::Randn { mean: number(mean)?, stdev: number(stdev)? },
        ["constant", value] => Init::Const(number(value)?),
        _ => return None,
    })
}
