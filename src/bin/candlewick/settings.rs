//! `--set`: numbers for the features and weights of a circuit.

use super::failure::{Failure, Outcome};
use candlewick::Circuit;
use candlewick::candle_core::{DType, Device, Tensor};
use std::f64::consts::PI;

/// Name with its numbers, such as `theta=0.1,0.2`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    name: String,
    numbers: Vec<f64>,
}

/// Weight tensor of a circuit, with the entries that have a number.
#[derive(Debug)]
struct Weights {
    name: String,
    shape: Vec<usize>,
    entries: Vec<Option<f64>>,
}

/// Numbers for the features and weights of a circuit, as far as they are known.
#[derive(Debug)]
pub(crate) struct Values {
    features: Vec<Option<f64>>,
    weights: Vec<Weights>,
    /// Whether the command line has set a feature.
    sets_features: bool,
    is_any_set: bool,
}

/// Most names of a message.
const NAMED: usize = 8;

/// Parses a setting.
pub(crate) fn setting(text: &str) -> Result<Setting, String> {
    let (name, numbers) = text.split_once('=').ok_or("a setting is NAME=NUMBER, or NAME=NUMBER,NUMBER,..")?;
    let numbers = numbers.split(',').map(number).collect::<Result<_, _>>()?;
    Ok(Setting { name: name.trim().to_owned(), numbers })
}

/// Parses a number: one that may have `pi`, such as `-3*pi/4`.
fn number(text: &str) -> Result<f64, String> {
    let wrong = || format!("`{}` is no number; numbers may have pi, such as -3*pi/4", text.trim());
    let factor = |text: &str| match text.trim() {
        "pi" | "π" => Some(PI),
        "-pi" | "-π" => Some(-PI),
        text => text.parse::<f64>().ok(),
    };
    let mut value = 1.0;
    for (place, quotient) in text.split('*').enumerate() {
        for (divisor, part) in quotient.split('/').enumerate() {
            let part = factor(part).ok_or_else(wrong)?;
            value = match (place, divisor) {
                (0, 0) => part,
                (_, 0) => value * part,
                _ => value / part,
            };
        }
    }
    if value.is_finite() { Ok(value) } else { Err(wrong()) }
}

impl Values {
    /// Takes the weights that are known, such as a model's, and then the settings.
    pub(crate) fn of(circuit: &Circuit, known: &[(String, Tensor)], settings: &[Setting]) -> Outcome<Self> {
        let mut weights = Vec::new();
        for tensor in circuit.weight_tensors() {
            let (name, shape) = (tensor.name().to_owned(), tensor.shape().to_vec());
            let entries = match known.iter().find(|(known, _)| *known == name) {
                Some((_, tensor)) => {
                    let numbers = tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
                    numbers.into_iter().map(Some).collect()
                }
                None => vec![None; shape.iter().product()],
            };
            weights.push(Weights { name, shape, entries });
        }
        let features = vec![None; circuit.inputs()];
        let mut values = Self { features, weights, sets_features: false, is_any_set: !known.is_empty() };
        settings.iter().try_for_each(|setting| values.set(setting))?;
        Ok(values)
    }

    fn set(&mut self, Setting { name, numbers }: &Setting) -> Outcome<()> {
        self.is_any_set = true;
        if let Some(weights) = self.weights.iter_mut().find(|weights| weights.name == *name) {
            let (wanted, given) = (weights.entries.len(), numbers.len());
            if given != wanted && given != 1 {
                let shape = &weights.shape;
                let problem = format!("`{name}` has {wanted} entries ({shape:?}), and {given} numbers are given");
                return Err(Failure::Usage(format!("--set {name}: {problem}")));
            }
            weights.entries.iter_mut().zip(numbers.iter().cycle()).for_each(|(entry, value)| *entry = Some(*value));
            return Ok(());
        }
        let &[number] = &numbers[..] else {
            return Err(Failure::Usage(format!("--set {name}: only a whole weight tensor takes several numbers")));
        };
        match self.entry(name) {
            Some(entry) => *entry = Some(number),
            None => return Err(Failure::Usage(format!("--set {name}: the circuit has {}", self.known()))),
        }
        self.sets_features |= feature(name).is_some_and(|index| index < self.features.len());
        Ok(())
    }

    /// Returns the entry of a name: `x0` or `x[0]` for a feature, `theta[0,1]` or `theta_0_1` for an entry of a tensor.
    fn entry(&mut self, name: &str) -> Option<&mut Option<f64>> {
        if let Some(index) = feature(name).filter(|index| *index < self.features.len()) {
            return self.features.get_mut(index);
        }
        self.weights.iter_mut().find_map(|weights| {
            let rest = name.strip_prefix(&weights.name)?;
            let index = match rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                Some(index) => digits(index.split(','))?,
                None => digits(rest.strip_prefix('_')?.split('_'))?,
            };
            let is_inside = index.len() == weights.shape.len() && index.iter().zip(&weights.shape).all(|(i, n)| i < n);
            let flat = index.iter().zip(&weights.shape).fold(0, |flat, (i, n)| flat * n + i);
            weights.entries.get_mut(flat).filter(|_| is_inside)
        })
    }

    /// Names everything that can be set.
    fn known(&self) -> String {
        let features = match self.features.len() {
            0 => None,
            1 => Some("the feature x0".to_owned()),
            count => Some(format!("the features x0 to x{}", count - 1)),
        };
        let weights = self.weights.iter().map(|weights| format!("the weights {} {:?}", weights.name, weights.shape));
        let all: Vec<String> = features.into_iter().chain(weights).collect();
        match all.is_empty() {
            true => "no features and no weights".to_owned(),
            false => format!("only {}", all.join(", ")),
        }
    }

    /// Returns whether there are no features and no weights, or none has a number.
    pub(crate) fn are_all_open(&self) -> bool {
        !self.is_any_set
    }

    /// Returns the names that have no number.
    fn missing(&self, with_features: bool) -> Vec<String> {
        let features = self.features.iter().enumerate().filter(|(_, value)| value.is_none() && with_features);
        let mut names: Vec<String> = features.map(|(index, _)| format!("x{index}")).collect();
        for weights in self.weights.iter().filter(|weights| weights.entries.contains(&None)) {
            names.push(weights.name.clone());
        }
        names
    }

    fn check(&self, with_features: bool) -> Outcome<()> {
        let missing = self.missing(with_features);
        if missing.is_empty() {
            return Ok(());
        }
        let more = if missing.len() > NAMED { " and others" } else { "" };
        let names = missing.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let example = &missing[0];
        Err(Failure::Usage(format!("{names}{more} have no number; give one with --set {example}=0.5")))
    }

    /// Returns the circuit with all numbers in their places.
    pub(crate) fn bound(&self, circuit: &Circuit) -> Outcome<Circuit> {
        self.check(true)?;
        let features: Vec<f64> = self.features.iter().copied().flatten().collect();
        let weights = self.tensors()?;
        Ok(circuit.bind(&features, &by_name(&weights))?)
    }

    /// Returns the circuit with numbers for weights, and for features if the command line sets any.
    pub(crate) fn bound_as_set(&self, circuit: &Circuit) -> Outcome<Circuit> {
        if self.sets_features || self.features.is_empty() {
            return self.bound(circuit);
        }
        self.check(false)?;
        let weights = self.tensors()?;
        Ok(circuit.bind_weights(&by_name(&weights))?)
    }

    fn tensors(&self) -> Outcome<Vec<(String, Tensor)>> {
        let tensor = |weights: &Weights| {
            let numbers: Vec<f64> = weights.entries.iter().copied().flatten().collect();
            Ok((weights.name.clone(), Tensor::from_vec(numbers, weights.shape.clone(), &Device::Cpu)?))
        };
        self.weights.iter().map(tensor).collect()
    }
}

fn by_name(weights: &[(String, Tensor)]) -> Vec<(&str, &Tensor)> {
    weights.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect()
}

/// Returns the index of a feature's name, `x0` or `x[0]`.
fn feature(name: &str) -> Option<usize> {
    let rest = name.strip_prefix('x')?;
    let rest = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(rest);
    digits([rest].into_iter())?.first().copied()
}

fn digits<'a>(parts: impl Iterator<Item = &'a str>) -> Option<Vec<usize>> {
    parts.map(|part| part.trim().parse().ok()).collect()
}
