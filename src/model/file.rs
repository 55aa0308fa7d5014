//! Files of models: safetensors with a description in its metadata.

use super::builder::ModelBuilder;
use super::layer::check_limit;
use super::modules::at;
use super::output::Output;
use super::prepare::{self, Prepare};
use super::schema::{self, Description, FORMAT, FormatForm, OutputForm, Tensors};
use super::{Model, Scores};
use crate::data::Scaler;
use crate::error::{Cause, Error, FileError, ModelProblem, Result};
use crate::exchange::words::cited;
use crate::memory::check_numbers;
use candle_core::safetensors::Load;
use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use safetensors::tensor::{Metadata, SafeTensors, View};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

/// Key of the description in the metadata.
const KEY: &str = "candlewick";

/// Longest header of a file, in bytes: names and places of tensors, and the description.
const HEADER: u64 = 16 << 20;

/// Longest file, in bytes.
const FILE: u64 = 4 << 30;

/// Most tensors of a file.
const TENSORS: u64 = 1 << 16;

/// Bytes of the length of a header.
const LENGTH: usize = 8;

/// Digest of nothing, which stands in the place of the digest while it is computed.
const NO_DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// Prefix of the tensors of the scaler of the outputs.
const OUTPUT: &str = "output.";

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

impl Model {
    /// Returns the file of the model; the same model gives the same bytes.
    ///
    /// # Errors
    /// Weights that are not finite; a layer with [`Simulation::External`](crate::Simulation::External); a circuit of
    /// more than 2^20 operations; more than a file holds.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut tensors = Tensors::new();
        let layers = schema::of_layers(&self.layers, "", "layers", &mut tensors)?;
        tensors.extend(self.stored()?);
        for (name, tensor) in &mut tensors {
            *tensor = tensor.to_device(&Device::Cpu)?.contiguous()?;
            check_finite(name, tensor)?;
        }
        let mut description = Description {
            format: FORMAT,
            writer: concat!("candlewick ", env!("CARGO_PKG_VERSION")).to_owned(),
            digest: NO_DIGEST.to_owned(),
            dtype: self.dtype.as_str().to_owned(),
            input: self.input.clone(),
            table: self.table.clone(),
            prepare: self.prepare.iter().map(Prepare::form).collect(),
            layers,
            output: OutputForm::of(&self.output),
            notes: self.notes.clone(),
        };
        let text = |description: &Description| {
            serde_json::to_string(description)
                .map_err(|error| at("the description", ModelProblem::Json(error.to_string())))
        };
        description.digest = digest(tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)), &text(&description)?);
        let metadata = HashMap::from([(KEY.to_owned(), text(&description)?)]);
        let bytes = safetensors::serialize(&tensors, Some(metadata)).map_err(unreadable)?;
        check_sizes(&bytes)?;
        Ok(bytes)
    }

    /// Returns all tensors of the file but matrices and tables of circuits.
    fn stored(&self) -> Result<Tensors> {
        let mut tensors = self.weights()?;
        for (index, step) in self.prepare.iter().enumerate() {
            let prefix = prepare::prefix(index);
            tensors.extend(step.tensors()?.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
        }
        if let Output::Values { scaler: Some(scaler), .. } = &self.output {
            tensors.extend(scaler.to_tensors().into_iter().map(|(name, tensor)| (format!("{OUTPUT}{name}"), tensor)));
        }
        Ok(tensors)
    }

    /// Writes the model as a file. A file of that name is replaced as a whole, or left as it is.
    ///
    /// # Errors
    /// The errors of [`to_bytes`](Self::to_bytes); a file that cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_whole(path.as_ref(), &self.to_bytes()?)
    }

    /// Reads a file onto a device. The weights are constants; [`load_into`](Self::load_into) makes variables.
    ///
    /// # Errors
    /// A file that cannot be read, that is no model, or that was damaged; see [`ModelProblem`].
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Self::from_bytes(&read_whole(path.as_ref())?, device)
    }

    /// Makes the model of the bytes of a file.
    ///
    /// # Errors
    /// Bytes that are no model, or that were damaged; see [`ModelProblem`].
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        let (description, tensors) = contents(bytes)?;
        let tensors = on_device(tensors, device)?;
        let (builder, dtype) = builder(&description, &tensors)?;
        let of_layers = tensors.iter().filter(|(name, _)| name.starts_with("layers."));
        let of_layers = of_layers.map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
        let model = builder.build(VarBuilder::from_tensors(of_layers, dtype, device))?;
        model.check_stored(&tensors)?;
        Ok(model)
    }

    /// Reads a file, and makes its weights variables of `varmap`, under their names in the file: training goes on.
    ///
    /// ```
    /// use candle_core::{DType, Device};
    /// use candle_nn::VarMap;
    /// use candlewick::model::{Layer, Model};
    /// use candlewick::nn::SeededInit;
    /// let vb = SeededInit::new(1).var_builder(&VarMap::new(), DType::F32, &Device::Cpu);
    /// let model = Model::builder(3).layer(Layer::linear(3, 2)).build(vb)?;
    /// let path = std::env::temp_dir().join("candlewick-doc-load-into.safetensors");
    /// model.save(&path)?;
    /// let varmap = VarMap::new();
    /// let again = Model::load_into(&path, &varmap, &Device::Cpu)?;
    /// assert_eq!(varmap.all_vars().len(), 2); // `layers.0.weight` and `layers.0.bias`
    /// assert_eq!(again.to_bytes()?, model.to_bytes()?);
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`load`](Self::load); layers of eight bits, which cannot be trained; variables of these names in
    /// `varmap` that have other shapes.
    pub fn load_into(path: impl AsRef<Path>, varmap: &VarMap, device: &Device) -> Result<Self> {
        let bytes = read_whole(path.as_ref())?;
        let constant = Self::from_bytes(&bytes, device)?;
        let (description, tensors) = contents(&bytes)?;
        let (builder, dtype) = builder(&description, &on_device(tensors, device)?)?;
        let model = builder.build(VarBuilder::from_varmap(varmap, dtype, device))?;
        let variables = model.weights()?;
        for (name, value) in constant.weights()? {
            if let Some(variable) = variables.get(&name).filter(|variable| variable.is_variable()) {
                candle_core::Var::from_tensor(variable)?.set(&value)?;
            }
        }
        Ok(model)
    }

    /// Reads what a file says of itself, without its weights. The digest is not checked.
    ///
    /// # Errors
    /// A file that cannot be read, or that is no model.
    pub fn read_info(path: impl AsRef<Path>) -> Result<Info> {
        let path = path.as_ref();
        let mut file = fs::File::open(path).map_err(|error| access(path, "read", error.into()))?;
        let mut header = Vec::new();
        let mut take = |bytes: u64, header: &mut Vec<u8>| {
            Read::by_ref(&mut file).take(bytes).read_to_end(header).map_err(|error| access(path, "read", error.into()))
        };
        take(LENGTH as u64, &mut header)?;
        let length = header_length(&header)?;
        take(length, &mut header)?;
        let size = file.metadata().map_err(|error| access(path, "read", error.into()))?.len();
        check_limit("bytes of the file", size, FILE).map_err(|problem| at("the file", problem))?;
        let text = header.get(LENGTH..).filter(|text| text.len() as u64 == length).ok_or_else(|| too_short(&header))?;
        let metadata: Metadata = serde_json::from_slice(text)
            .map_err(|error| at("the file", ModelProblem::Safetensors(cited(&error.to_string(), 200))))?;
        let description = description(&metadata)?;
        let mut tensors: Vec<TensorInfo> = metadata
            .tensors()
            .into_iter()
            .map(|(name, info)| TensorInfo { name, dtype: format!("{:?}", info.dtype), shape: info.shape.clone() })
            .collect();
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        let dtype = dtype(&description)?;
        let layers = description.layers.iter().map(|form| form.name()).collect();
        let Description { format, writer, digest, input, notes, .. } = description;
        Ok(Info { format, writer, digest, dtype, input, layers, tensors, notes })
    }

    /// Checks that each tensor of a file is one of the model, with its dtype and shape.
    fn check_stored(&self, tensors: &Tensors) -> Result<()> {
        let mut numbers = Tensors::new();
        schema::of_layers(&self.layers, "", "layers", &mut numbers)?;
        let own = self.stored()?.into_iter().chain(numbers).collect::<Tensors>();
        for (name, tensor) in tensors {
            let Some(own) = own.get(name) else {
                return Err(at("the file", ModelProblem::Extra(cited(name, 80))));
            };
            if own.dtype() != tensor.dtype() {
                let [expected, actual] = [own, tensor].map(|tensor| tensor.dtype().as_str().to_owned());
                return Err(at("the file", ModelProblem::DType { tensor: name.clone(), expected, actual }));
            }
            if own.dims() != tensor.dims() {
                let [expected, actual] = [own, tensor].map(|tensor| tensor.dims().to_vec());
                return Err(at("the file", ModelProblem::Shape { tensor: name.clone(), expected, actual }));
            }
        }
        match own.keys().find(|name| !tensors.contains_key(*name)) {
            Some(name) => Err(at("the file", ModelProblem::Missing(name.clone()))),
            None => Ok(()),
        }
    }
}

/// Returns description and tensors of a file whose digest is right.
fn contents(bytes: &[u8]) -> Result<(Description, Tensors)> {
    header_length(bytes)?;
    check_sizes(bytes)?;
    let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
    check_limit("tensors", file.len() as u64, TENSORS).map_err(|problem| at("the file", problem))?;
    let description = description(&metadata)?;
    let mut tensors = Tensors::new();
    for (name, view) in file.tensors() {
        let tensor = view
            .load(&Device::Cpu)
            .map_err(|error| at("the file", ModelProblem::Safetensors(cited(&format!("`{name}`: {error}"), 200))))?;
        tensors.insert(name, tensor);
    }
    let text = metadata.metadata().as_ref().and_then(|texts| texts.get(KEY)).map(String::as_str).unwrap_or_default();
    let text = text.replacen(&description.digest, NO_DIGEST, 1);
    let actual = digest(tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)), &text);
    if actual != description.digest {
        let expected = cited(&description.digest, 80);
        return Err(at("the file", ModelProblem::Digest { expected, actual }));
    }
    tensors.iter().try_for_each(|(name, tensor)| check_finite(name, tensor))?;
    Ok((description, tensors))
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

/// Returns the parts of a model, and its dtype.
fn builder(description: &Description, tensors: &Tensors) -> Result<(ModelBuilder, DType)> {
    let mut builder = Model::builder(description.input.clone());
    builder.table = description.table.clone();
    let steps = description.prepare.iter().enumerate();
    builder.prepare = steps.map(|(index, form)| Prepare::read(*form, index, tensors)).collect::<Result<_>>()?;
    schema::check_layers(&description.layers)?;
    builder.layers = schema::layers(&description.layers, "", "layers", tensors)?;
    builder.output = match &description.output {
        OutputForm::Raw => Output::Raw,
        OutputForm::Classes { label, names, scores } => {
            Output::Classes { label: label.clone(), names: names.clone(), scores: Scores::from(*scores) }
        }
        OutputForm::Values { names, scaled } => {
            let scaler = || Scaler::from_tensors(&prepare::under(tensors, OUTPUT));
            let scaler = scaled.then(scaler).transpose();
            let scaler = scaler.map_err(|error| at("output", ModelProblem::Layer(error.to_string())))?;
            Output::Values { names: names.clone(), scaler }
        }
    };
    builder.notes = description.notes.clone();
    Ok((builder, dtype(description)?))
}

/// Returns the tensors on a device, but matrices and tables of circuits, which stay in the host's memory.
fn on_device(tensors: Tensors, device: &Device) -> Result<Tensors> {
    let one = |(name, tensor): (String, Tensor)| Ok((name, tensor.to_device(device)?));
    tensors.into_iter().map(one).collect()
}

/// Returns the digest of tensors in the order of their names, and of a description without its digest.
fn digest<'a>(tensors: impl Iterator<Item = (&'a str, &'a Tensor)>, text: &str) -> String {
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

/// Checks that a tensor has no entry that is not finite.
fn check_finite(name: &str, tensor: &Tensor) -> Result<()> {
    if !tensor.dtype().is_float() || tensor.elem_count() == 0 {
        return Ok(());
    }
    // A product with 0 is 0 for finite numbers alone.
    let nothing = tensor.to_dtype(DType::F64)?.affine(0.0, 0.0)?.sum_all()?.to_scalar::<f64>()?;
    if nothing == 0.0 { Ok(()) } else { Err(at("the file", ModelProblem::NotFinite(cited(name, 80)))) }
}

fn unreadable(error: safetensors::SafeTensorError) -> Error {
    at("the file", ModelProblem::Safetensors(cited(&error.to_string(), 200)))
}

fn too_short(bytes: &[u8]) -> Error {
    at("the file", ModelProblem::Safetensors(format!("it ends after {} byte(s)", bytes.len())))
}

/// Returns the length of the header, which stands in the first bytes.
fn header_length(bytes: &[u8]) -> Result<u64> {
    let length = bytes.first_chunk::<LENGTH>().ok_or_else(|| too_short(bytes))?;
    let length = u64::from_le_bytes(*length);
    check_limit("bytes of the header", length, HEADER).map_err(|problem| at("the file", problem))?;
    Ok(length)
}

fn check_sizes(bytes: &[u8]) -> Result<()> {
    header_length(bytes)?;
    check_limit("bytes of the file", bytes.len() as u64, FILE).map_err(|problem| at("the file", problem))
}

fn access(path: &Path, action: &'static str, source: Cause) -> Error {
    Error::File(FileError::Access { path: path.display().to_string(), action, source })
}

/// Reads a file that memory holds twice.
fn read_whole(path: &Path) -> Result<Vec<u8>> {
    let refused = |error: std::io::Error| access(path, "read", error.into());
    let size = fs::metadata(path).map_err(refused)?.len();
    check_limit("bytes of the file", size, FILE).map_err(|problem| at("the file", problem))?;
    check_numbers("a model", Some(size / 2))?;
    fs::read(path).map_err(refused)
}

/// Writes a file through another one beside it, so that there is never a part of it.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let refused = |error: std::io::Error| access(path, "written", error.into());
    let name = path.file_name().ok_or_else(|| refused(std::io::ErrorKind::InvalidFilename.into()))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(beside);
    let permissions = fs::metadata(path).ok().map(|metadata| metadata.permissions());
    let write = || {
        let mut file = fs::File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        // A file that is replaced keeps its mode; not every file system lets modes be set.
        permissions.into_iter().for_each(|permissions| _ = fs::set_permissions(&beside, permissions));
        fs::rename(&beside, path)
    };
    write().inspect_err(|_| _ = fs::remove_file(&beside)).map_err(refused)
}
