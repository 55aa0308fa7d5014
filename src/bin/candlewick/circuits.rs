//! Circuits: of OpenQASM texts, and of models.

use super::failure::{Failure, Outcome};
use super::input::{self, Content, Input};
use super::settings::{Setting, Values};
use candlewick::Circuit;
use candlewick::candle_core::{Device, Tensor};
use candlewick::circuit::{MAX_QUBITS, Weights};
use candlewick::model::Model;
use candlewick::qasm::{self, Bit, Imported};
use std::path::PathBuf;

/// File with circuits, and which of them is meant.
#[derive(Debug, clap::Args)]
pub(crate) struct Source {
    /// Circuit or model.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Layer of a model, such as 4.
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,
}

/// Circuit with its origin.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Name of the file.
    pub(crate) file: String,
    /// The circuit.
    pub(crate) circuit: Circuit,
    origin: Origin,
}

/// Origin of a circuit.
#[derive(Debug)]
enum Origin {
    Text(Box<Imported>),
    Model { layer: String, weights: Vec<(String, Tensor)> },
}

/// Reads the circuits of a file: one of a text, or one of each quantum layer of a model; of a given layer alone.
pub(crate) fn load(source: &Source) -> Outcome<Vec<Loaded>> {
    let layer = source.layer.as_deref();
    match input::read(&source.file)? {
        Content::Model { name, bytes } => {
            let model =
                Model::from_bytes(&bytes, &Device::Cpu).map_err(|error| Failure::new(format!("{name}: {error}")))?;
            chosen(&name, of_model(&name, &model)?, layer)
        }
        // A file that says nothing of itself may be a circuit with a mistake in its first word.
        Content::Circuit(text) | Content::Table(text) => match layer {
            Some(_) => Err(Failure::Usage(format!("--layer is for models, and {} is none", text.name))),
            None => Ok(vec![of_text(text)?]),
        },
    }
}

/// Reads the circuit of a text.
pub(crate) fn of_text(text: Input) -> Outcome<Loaded> {
    let imported = qasm::import(&text.text).map_err(|error| text.failure(error))?;
    let circuit = imported.circuit.clone();
    Ok(Loaded { file: text.name, circuit, origin: Origin::Text(Box::new(imported)) })
}

/// Reads the one circuit of a file.
pub(crate) fn load_one(source: &Source) -> Outcome<Loaded> {
    let mut all = load(source)?;
    match (all.pop(), all.len()) {
        (Some(one), 0) => Ok(one),
        (last, _) => {
            let layers: Vec<&str> = all.iter().chain(&last).filter_map(Loaded::layer).collect();
            Err(Failure::Usage(format!("the model has several circuits; choose one with --layer {}", layers.join("|"))))
        }
    }
}

/// Returns the circuits of a model.
pub(crate) fn of_model(name: &str, model: &Model) -> Outcome<Vec<Loaded>> {
    let weights = model.weights()?;
    let loaded = model.circuits().into_iter().map(|(layer, circuit)| {
        let own = |tensor: &Weights| {
            let stored = weights.get(&format!("layers.{layer}.{}", tensor.name()))?;
            Some((tensor.name().to_owned(), stored.clone()))
        };
        let weights = circuit.weight_tensors().iter().filter_map(own).collect();
        Loaded { file: name.to_owned(), circuit: circuit.clone(), origin: Origin::Model { layer, weights } }
    });
    Ok(loaded.collect())
}

/// Returns the circuits of a model, or the circuit of the wanted layer alone.
fn chosen(name: &str, mut all: Vec<Loaded>, wanted: Option<&str>) -> Outcome<Vec<Loaded>> {
    if all.is_empty() {
        return Err(Failure::new(format!("{name}: the model has no circuit")));
    }
    let Some(wanted) = wanted else { return Ok(all) };
    let known: Vec<String> = all.iter().filter_map(Loaded::layer).map(str::to_owned).collect();
    all.retain(|loaded| loaded.layer() == Some(wanted));
    match all.is_empty() {
        false => Ok(all),
        true => Err(Failure::Usage(format!("--layer {wanted}: the circuits are in the layers {}", known.join(", ")))),
    }
}

impl Loaded {
    /// Returns the place of the layer in its model.
    pub(crate) fn layer(&self) -> Option<&str> {
        match &self.origin {
            Origin::Model { layer, .. } => Some(layer),
            Origin::Text(_) => None,
        }
    }

    /// Returns the version of the language of a text.
    pub(crate) fn version(&self) -> Option<(u32, u32)> {
        match &self.origin {
            Origin::Model { .. } => None,
            Origin::Text(imported) => Some(imported.version),
        }
    }

    /// Returns the file, with the layer of a model.
    pub(crate) fn title(&self) -> String {
        match self.layer() {
            Some(layer) => format!("{}, layer {layer}", self.file),
            None => self.file.clone(),
        }
    }

    /// Returns the numbers for the circuit's features and weights.
    pub(crate) fn values(&self, settings: &[Setting]) -> Outcome<Values> {
        match &self.origin {
            Origin::Model { weights, .. } => Values::of(&self.circuit, weights, settings),
            Origin::Text(_) => Values::of(&self.circuit, &[], settings),
        }
    }

    /// Returns the registers of a text with another circuit on the same qubits.
    pub(crate) fn imported(&self, circuit: Circuit) -> Option<Imported> {
        match &self.origin {
            Origin::Model { .. } => None,
            Origin::Text(imported) => {
                let mut imported = (**imported).clone();
                imported.circuit = circuit;
                Some(imported)
            }
        }
    }

    /// Returns the circuit with the measurements at its end, each with a wire for its bit, and the names of all wires.
    /// A circuit that would have too many wires is without them.
    pub(crate) fn measured(&self) -> (Circuit, Vec<String>) {
        let mut names = self.qubit_names();
        let plain = || (self.circuit.clone(), self.qubit_names());
        let Origin::Text(imported) = &self.origin else { return plain() };
        let declared: usize = imported.registers.iter().map(|register| register.qubits.len()).sum();
        // Further qubits are records already, or old states.
        let end = |(name, bit): (String, Bit)| match bit {
            Bit::Qubit(qubit) if qubit < declared => Some((name, qubit)),
            _ => None,
        };
        let ends: Vec<(String, usize)> = self.bits().into_iter().filter_map(end).collect();
        let qubits = self.circuit.qubits();
        if ends.is_empty() || qubits + ends.len() > MAX_QUBITS {
            return plain();
        }
        let mut circuit = Circuit::new(qubits + ends.len());
        circuit.append_on(&self.circuit, 0..qubits);
        for (place, (name, qubit)) in ends.into_iter().enumerate() {
            circuit.measure(qubit, qubits + place);
            names.push(name);
        }
        if circuit.check().is_ok() { (circuit, names) } else { plain() }
    }

    /// Returns the classical bits with their names, the lowest first; none if there are no registers of bits.
    pub(crate) fn bits(&self) -> Vec<(String, Bit)> {
        let Origin::Text(imported) = &self.origin else { return Vec::new() };
        let registers = imported.bits.iter();
        let named = registers.flat_map(|register| {
            let bits = register.bits.iter().enumerate();
            bits.map(|(index, bit)| (entry(&register.name, index, register.bits.len()), *bit))
        });
        named.collect()
    }

    /// Returns the names of the qubits: from the text, or from the bits that they record, or else `q0` and so on.
    pub(crate) fn qubit_names(&self) -> Vec<String> {
        let mut names = vec![None; self.circuit.qubits()];
        if let Origin::Text(imported) = &self.origin {
            for (name, bit) in self.bits() {
                if let Bit::Qubit(qubit) = bit
                    && let Some(own) = names.get_mut(qubit)
                {
                    *own = Some(name);
                }
            }
            for register in &imported.registers {
                for (index, qubit) in register.qubits.iter().enumerate() {
                    if let Some(own) = names.get_mut(*qubit) {
                        *own = Some(entry(&register.name, index, register.qubits.len()));
                    }
                }
            }
        }
        names.into_iter().enumerate().map(|(qubit, name)| name.unwrap_or_else(|| format!("q{qubit}"))).collect()
    }
}

/// Returns the name of an entry of a register; a register of one is its entry.
fn entry(register: &str, index: usize, size: usize) -> String {
    if size == 1 { register.to_owned() } else { format!("{register}[{index}]") }
}
