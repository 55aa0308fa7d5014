//! Inputs of a text as features and weights of the circuit.

use super::InputRule;
use super::fault::{Read, fault};
use super::reader::Input;
use crate::angle::Variable;
use crate::circuit::{Angle, Circuit, Condition, Weights, input};
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
    /// Whether an annotation states the shape.
    is_stated: bool,
    init: Option<Init>,
}

/// Variables of the circuit, for each input of the text.
#[derive(Debug)]
pub(super) struct Variables {
    meanings: Vec<Meaning>,
    tensors: BTreeMap<String, Tensor>,
    features: Option<usize>,
}

/// Variables of a circuit that declares them, for each input of the text.
#[derive(Debug)]
pub(super) struct Bound(Vec<Angle>);

impl Variables {
    /// Gives each input its meaning.
    pub(super) fn of(inputs: &[Input<'_>], rule: InputRule) -> Read<Self> {
        let mut variables = Self { meanings: Vec::new(), tensors: BTreeMap::new(), features: None };
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
    fn add(
        &mut self,
        at: u32,
        name: &str,
        index: &[usize],
        stated: Option<Vec<usize>>,
        init: Option<Init>,
    ) -> Read<()> {
        let needed: Vec<usize> = index.iter().map(|index| index + 1).collect();
        let is_stated = stated.is_some();
        let shape = stated.unwrap_or(needed);
        let tensor = self.tensors.entry(name.to_owned()).or_insert_with(|| Tensor {
            at,
            shape: shape.clone(),
            is_stated,
            init: None,
        });
        tensor.init = tensor.init.or(init);
        let fits = match (is_stated, tensor.is_stated) {
            (true, true) => shape == tensor.shape,
            (true, false) => is_inside(&tensor.shape, &shape),
            (false, true) => is_inside(&shape, &tensor.shape),
            (false, false) => shape.len() == tensor.shape.len(),
        };
        if !fits {
            let (name, declared) = (name.to_owned(), tensor.shape.clone());
            return fault(at, QasmProblem::Circuit(crate::Mistake::WeightRedeclared { name, declared, shape }));
        }
        if is_stated {
            (tensor.shape, tensor.is_stated) = (shape, true);
        } else if let (false, [length], [needed]) = (tensor.is_stated, &mut tensor.shape[..], &shape[..]) {
            *length = (*length).max(*needed);
        }
        Ok(())
    }

    /// Declares features and weights in a circuit.
    pub(super) fn declare(&self, circuit: &mut Circuit) -> Read<Bound> {
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
        Ok(Bound(self.meanings.iter().map(angle).collect()))
    }
}

impl Bound {
    /// Returns an expression in inputs of the text as one in variables of the circuit.
    pub(super) fn angle(&self, expression: &Angle) -> Angle {
        let variable = |variable: &Variable| match variable {
            Variable::Input(index) => self.0.get(*index).cloned().unwrap_or_default(),
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
        condition.map(|expression| self.angle(expression))
    }
}

/// Returns whether all entries of a tensor are entries of another, too.
fn is_inside(shape: &[usize], other: &[usize]) -> bool {
    shape.len() == other.len() && shape.iter().zip(other).all(|(size, other)| size <= other)
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
