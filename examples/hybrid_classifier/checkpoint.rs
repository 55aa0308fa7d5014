//! The file of a trained network: variables, scaler and settings, all as tensors of one safetensors file.

use super::data::Dataset;
use super::model::{Core, Network, Shape};
use anyhow::{Context, Result, anyhow, ensure};
use candle_core::{DType, Device, Tensor, safetensors};
use candlewick::data::Scaler;
use candlewick::optim::variables;
use clap::ValueEnum;
use std::collections::HashMap;
use std::path::Path;

/// Names of tensors that are no variables of the network. The settings are lines of `key=value`, as bytes.
const SETTINGS: &str = "settings";
const OFFSET: &str = "scaler.offset";
const SCALE: &str = "scaler.scale";

/// Settings from which a trained network can be evaluated again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Data set of the training.
    pub(crate) dataset: Dataset,
    /// Seed of the split.
    pub(crate) seed: u64,
    /// Shape of the network.
    pub(crate) shape: Shape,
}

/// Writes a network to `path`.
pub(crate) fn save(path: &Path, settings: &Settings, scaler: &Scaler, network: &Network) -> Result<()> {
    let cpu = Device::Cpu;
    let mut tensors: HashMap<String, Tensor> =
        variables(&network.varmap)?.into_iter().map(|(name, var)| (name, var.as_detached_tensor())).collect();
    tensors.insert(SETTINGS.to_owned(), Tensor::new(settings.to_text().as_bytes(), &cpu)?);
    tensors.insert(OFFSET.to_owned(), scaler.offset.clone());
    tensors.insert(SCALE.to_owned(), scaler.scale.clone());
    candlewick::optim::save_tensors(&tensors, path).with_context(|| format!("cannot write {}", path.display()))
}

/// Reads a network from `path`.
pub(crate) fn load(path: &Path, device: &Device) -> Result<(Settings, Scaler, Network)> {
    let tensors = safetensors::load(path, device).with_context(|| format!("cannot read {}", path.display()))?;
    let get =
        |name: &str| tensors.get(name).with_context(|| format!("{}: there is no tensor `{name}`", path.display()));
    let settings = Settings::from_text(&String::from_utf8(get(SETTINGS)?.to_vec1()?)?)
        .with_context(|| format!("{}: settings", path.display()))?;
    // Numbers in a file may be far too large: they are compared with its tensors before a network of that size is made.
    let Shape { features, hidden, qubits, layers, classes } = settings.shape;
    let shapes: [(&str, &[usize]); 4] = [
        ("encoder.0.weight", &[hidden, features]),
        ("encoder.1.weight", &[qubits, hidden]),
        ("quantum.theta", &[layers, qubits, 3]),
        ("decoder.1.weight", &[classes, hidden]),
    ];
    for (name, expected) in shapes {
        let actual = get(name)?.dims();
        ensure!(
            actual == expected && !expected.contains(&0),
            "{}: tensor `{name}` has shape {actual:?}, but the settings say {expected:?}",
            path.display()
        );
    }
    let scaler = Scaler::new(get(OFFSET)?.to_device(&Device::Cpu)?, get(SCALE)?.to_device(&Device::Cpu)?)?;
    let network = Network::new(&settings.shape, Core::Quantum, settings.seed, device)?;
    for (name, var) in variables(&network.varmap)? {
        let value = get(&name)?.to_dtype(DType::F32)?;
        var.set(&value).with_context(|| format!("{}: tensor `{name}`", path.display()))?;
    }
    Ok((settings, scaler, network))
}

impl Settings {
    fn to_text(self) -> String {
        let Shape { features, hidden, qubits, layers, classes } = self.shape;
        format!(
            "dataset={}\nseed={}\nfeatures={features}\nhidden={hidden}\nqubits={qubits}\nlayers={layers}\n\
             classes={classes}\n",
            self.dataset.name(),
            self.seed
        )
    }

    fn from_text(text: &str) -> Result<Self> {
        let pairs: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
        let get = |key: &str| pairs.get(key).copied().with_context(|| format!("`{key}` is missing"));
        let number = |key: &str| -> Result<usize> { get(key)?.parse().with_context(|| format!("`{key}`")) };
        let shape = Shape {
            features: number("features")?,
            hidden: number("hidden")?,
            qubits: number("qubits")?,
            layers: number("layers")?,
            classes: number("classes")?,
        };
        let dataset = Dataset::from_str(get("dataset")?, false).map_err(|error| anyhow!("`dataset`: {error}"))?;
        Ok(Self { dataset, seed: get("seed")?.parse().context("`seed`")?, shape })
    }
}
