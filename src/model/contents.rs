//! Contents of a file: the description in its metadata and the tensors, with the checks that come before all others.

use super::Model;
use super::builder::ModelBuilder;
use super::layer::check_limit;
use super::modules::at;
use super::output::Output;
use super::prepare::{self, Prepare};
use super::schema::{self, Description, FORMAT, FormatForm, OutputForm, Tensors};
use crate::data::Scaler;
use crate::error::words::cited;
use crate::error::{Error, ModelProblem, Result};
use candle_core::safetensors::Load;
use candle_core::{DType, Device, Tensor};
use safetensors::tensor::{Metadata, SafeTensors, View};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Key of the description in the metadata.
const KEY: &str = "candlewick";

/// Longest header of a file, in bytes: names and places of tensors, and the description.
const HEADER: u64 = 16 << 20;

/// Longest file, in bytes.
pub(super) const FILE: u64 = 4 << 30;

/// Most tensors of a file.
const TENSORS: u64 = 1 << 16;

/// Bytes of the length of a header.
pub(super) const LENGTH: usize = 8;

/// Digest of nothing, which stands in the place of the digest while it is computed.
const NO_DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// Prefix of the tensors of the scaler of the outputs.
pub(super) const OUTPUT: &str = "output.";

/// Description of a file without its weights; see [`Model::read_info`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Info {
    /// Number of the format.
    pub format: u64,
    /// Program that wrote the file, with its version.
    pub writer: String,
    /// Digest of tensors and description, as the file states it.
    pub digest: String,
    /// Dtype of the weights.
    pub dtype: DType,
    /// Shape of a raw sample.
    pub input: Vec<usize>,
    /// Names of the layers, in order.
    pub layers: Vec<String>,
    /// Tensors, sorted by name.
    pub tensors: Vec<TensorInfo>,
    /// Notes.
    pub notes: BTreeMap<String, String>,
}

/// Tensor of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TensorInfo {
    /// Name.
    pub name: String,
    /// Dtype, as safetensors writes it, such as `F32`.
    pub dtype: String,
    /// Shape.
    pub shape: Vec<usize>,
}

impl Info {
    /// Reads what the bytes of a file say of the model, without its weights: the whole file, or its header alone. The
    /// digest is not checked.
    ///
    /// # Errors
    /// Bytes that are no model.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let length = header_length(bytes)?;
        let text = bytes.get(LENGTH..LENGTH + length as usize).ok_or_else(|| too_short(bytes))?;
        let metadata: Metadata = serde_json::from_slice(text)
            .map_err(|error| at("the file", ModelProblem::Safetensors(cited(&error.to_string(), 200))))?;
        let description = description(&metadata)?;
        let tensors = metadata.tensors().into_iter();
        let mut tensors: Vec<TensorInfo> = tensors
            .map(|(name, info)| TensorInfo { name, dtype: format!("{:?}", info.dtype), shape: info.shape.clone() })
            .collect();
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        let dtype = dtype(&description)?;
        let layers = description.layers.iter().map(|form| form.name()).collect();
        let Description { format, writer, digest, input, notes, .. } = description;
        Ok(Self { format, writer, digest, dtype, input, layers, tensors, notes })
    }
}

/// Description and tensors of a file whose digest is right.
pub(super) struct Contents {
    description: Description,
    pub(super) tensors: Tensors,
    pub(super) dtype: DType,
}

impl Contents {
    /// Reads the bytes of a file. The tensors are on a device.
    pub(super) fn read(bytes: &[u8], device: &Device) -> Result<Self> {
        header_length(bytes)?;
        check_size(bytes.len() as u64)?;
        let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
        check_limit("tensors", file.len() as u64, TENSORS).map_err(|problem| at("the file", problem))?;
        let description = description(&metadata)?;
        let mut tensors = Tensors::new();
        for (name, view) in file.tensors() {
            let tensor = view.load(&Device::Cpu).map_err(|error| {
                at("the file", ModelProblem::Safetensors(cited(&format!("`{name}`: {error}"), 200)))
            })?;
            tensors.insert(name, tensor);
        }
        let texts = metadata.metadata().as_ref();
        let text = texts.and_then(|texts| texts.get(KEY)).map(String::as_str).unwrap_or_default();
        let text = text.replacen(&description.digest, NO_DIGEST, 1);
        let actual = digest(&tensors, &text);
        if actual != description.digest {
            let expected = cited(&description.digest, 80);
            return Err(at("the file", ModelProblem::Digest { expected, actual }));
        }
        for (name, tensor) in &mut tensors {
            check_finite(name, tensor)?;
            *tensor = tensor.to_device(device)?;
        }
        let dtype = dtype(&description)?;
        Ok(Self { description, tensors, dtype })
    }

    /// Returns the parts of the model, and the names of the tensors that its circuits and measurements have taken.
    pub(super) fn builder(&self) -> Result<(ModelBuilder, BTreeSet<String>)> {
        let Self { description, tensors, .. } = self;
        let mut builder = Model::builder(description.input.clone());
        builder.table = description.table.clone();
        let steps = description.prepare.iter().enumerate();
        builder.prepare = steps.map(|(index, form)| Prepare::read(*form, index, tensors)).collect::<Result<_>>()?;
        schema::check_layers(&description.layers)?;
        let mut numbers = BTreeSet::new();
        builder.layers = schema::layers(&description.layers, "", "layers", (tensors, &mut numbers))?;
        builder.output = match &description.output {
            OutputForm::Raw => Output::Raw,
            OutputForm::Classes { label, names, scores } => {
                Output::Classes { label: label.clone(), names: names.clone(), scores: *scores }
            }
            OutputForm::Values { names, scaled } => {
                let scaler = || Scaler::from_tensors(&prepare::under(tensors, OUTPUT));
                let scaler = scaled.then(scaler).transpose();
                let scaler = scaler.map_err(|error| at("output", ModelProblem::Layer(error.to_string())))?;
                Output::Values { names: names.clone(), scaler }
            }
        };
        builder.notes = description.notes.clone();
        Ok((builder, numbers))
    }
}

/// Returns the bytes of a file. The description gets its digest.
pub(super) fn write(mut description: Description, mut tensors: Tensors) -> Result<Vec<u8>> {
    for (name, tensor) in &mut tensors {
        *tensor = tensor.to_device(&Device::Cpu)?.contiguous()?;
        check_finite(name, tensor)?;
    }
    let json = |error: serde_json::Error| at("the description", ModelProblem::Json(error.to_string()));
    description.digest = NO_DIGEST.to_owned();
    let text = serde_json::to_string(&description).map_err(json)?;
    // The digest is the first place of these zeros.
    let text = text.replacen(NO_DIGEST, &digest(&tensors, &text), 1);
    let bytes = safetensors::serialize(&tensors, Some(HashMap::from([(KEY.to_owned(), text)]))).map_err(unreadable)?;
    header_length(&bytes)?;
    check_size(bytes.len() as u64)?;
    Ok(bytes)
}

/// Returns the description in the metadata of a file.
fn description(metadata: &Metadata) -> Result<Description> {
    let text = metadata.metadata().as_ref().and_then(|texts| texts.get(KEY));
    let text = text.ok_or_else(|| at("the file", ModelProblem::NoModel))?;
    let json = |error: serde_json::Error| at("the description", ModelProblem::Json(cited(&error.to_string(), 200)));
    match serde_json::from_str::<FormatForm>(text).map_err(json)?.format {
        FORMAT => serde_json::from_str(text).map_err(json),
        0 => {
            let (what, value) = ("the format", "0".to_owned());
            Err(at("the description", ModelProblem::Setting { what, value, allowed: "1 or more" }))
        }
        found => Err(at("the description", ModelProblem::Version { found, newest: FORMAT })),
    }
}

fn dtype(description: &Description) -> Result<DType> {
    let known = [DType::F16, DType::BF16, DType::F32, DType::F64].into_iter();
    known.into_iter().find(|dtype| dtype.as_str() == description.dtype).ok_or_else(|| {
        let value = cited(&description.dtype, 40);
        at("the description", ModelProblem::Setting { what: "dtype", value, allowed: "f16, bf16, f32 or f64" })
    })
}

/// Returns the digest of tensors in the order of their names, and of a description without its digest.
fn digest(tensors: &Tensors, text: &str) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for (name, tensor) in tensors {
        part(name.as_bytes());
        part(tensor.dtype().as_str().as_bytes());
        let shape: Vec<u8> = tensor.dims().iter().flat_map(|side| (*side as u64).to_le_bytes()).collect();
        part(&shape);
        part(&View::data(&tensor));
    }
    part(text.as_bytes());
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// Entries that are checked at once, as F64.
const CHECKED: usize = 1 << 16;

/// Checks that a tensor has no entry that is not finite.
fn check_finite(name: &str, tensor: &Tensor) -> Result<()> {
    if !tensor.dtype().is_float() || tensor.elem_count() == 0 {
        return Ok(());
    }
    let (flat, mut first) = (tensor.flatten_all()?, 0);
    while first < flat.elem_count() {
        let part = flat.narrow(0, first, CHECKED.min(flat.elem_count() - first))?;
        // A product with 0 is 0 for finite numbers alone.
        let nothing = part.to_dtype(DType::F64)?.affine(0.0, 0.0)?.sum_all()?.to_scalar::<f64>()?;
        if nothing != 0.0 {
            return Err(at("the file", ModelProblem::NotFinite(cited(name, 80))));
        }
        first += CHECKED;
    }
    Ok(())
}

fn unreadable(error: safetensors::SafeTensorError) -> Error {
    at("the file", ModelProblem::Safetensors(cited(&error.to_string(), 200)))
}

fn too_short(bytes: &[u8]) -> Error {
    at("the file", ModelProblem::Safetensors(format!("it ends after {} byte(s)", bytes.len())))
}

/// Returns the length of the header, which stands in the first bytes.
pub(super) fn header_length(bytes: &[u8]) -> Result<u64> {
    let length = bytes.first_chunk::<LENGTH>().ok_or_else(|| too_short(bytes))?;
    let length = u64::from_le_bytes(*length);
    check_limit("bytes of the header", length, HEADER).map_err(|problem| at("the file", problem))?;
    Ok(length)
}

/// Checks the length of a file.
pub(super) fn check_size(bytes: u64) -> Result<()> {
    check_limit("bytes of the file", bytes, FILE).map_err(|problem| at("the file", problem))
}
