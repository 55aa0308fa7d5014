//! Files of models: safetensors with a description in its metadata.

use super::Model;
use super::contents::{self, Contents, Info, LENGTH, header_length};
use super::modules::at;
use super::output::Output;
use super::prepare::{self, Prepare};
use super::schema::{self, Description, FORMAT, OutputForm, Tensors};
use crate::error::words::cited;
use crate::error::{Cause, Error, FileError, ModelProblem, Result};
use crate::memory::check_numbers;
use candle_core::Device;
use candle_nn::{VarBuilder, VarMap};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

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
        let description = Description {
            format: FORMAT,
            writer: concat!("candlewick ", env!("CARGO_PKG_VERSION")).to_owned(),
            digest: String::new(),
            dtype: self.dtype.as_str().to_owned(),
            input: self.input.clone(),
            table: self.table.clone(),
            prepare: self.prepare.iter().map(Prepare::form).collect(),
            layers,
            output: OutputForm::of(&self.output),
            notes: self.notes.clone(),
        };
        contents::write(description, tensors)
    }

    /// Returns all tensors of the file but matrices and tables of circuits.
    fn stored(&self) -> Result<Tensors> {
        let mut tensors = self.weights()?;
        for (index, step) in self.prepare.iter().enumerate() {
            let prefix = prepare::prefix(index);
            tensors.extend(step.tensors()?.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
        }
        if let Output::Values { scaler: Some(scaler), .. } = &self.output {
            tensors.extend(
                scaler.to_tensors().into_iter().map(|(name, tensor)| (format!("{}{name}", contents::OUTPUT), tensor)),
            );
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
        Self::of_contents(&Contents::read(bytes, device)?, device)
    }

    fn of_contents(contents: &Contents, device: &Device) -> Result<Self> {
        let of_layers = contents.tensors.iter().filter(|(name, _)| name.starts_with("layers."));
        let of_layers = of_layers.map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
        let vb = VarBuilder::from_tensors(of_layers, contents.dtype, device);
        let (builder, numbers) = contents.builder()?;
        let model = builder.build(vb)?;
        model.check_stored(&contents.tensors, &numbers)?;
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
        let contents = Contents::read(&read_whole(path.as_ref())?, device)?;
        let constant = Self::of_contents(&contents, device)?;
        let model = contents.builder()?.0.build(VarBuilder::from_varmap(varmap, contents.dtype, device))?;
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
        let refused = |error: std::io::Error| access(path, "read", error.into());
        let mut file = fs::File::open(path).map_err(refused)?;
        let mut header = Vec::new();
        let mut take = |bytes: u64, header: &mut Vec<u8>| Read::by_ref(&mut file).take(bytes).read_to_end(header);
        take(LENGTH as u64, &mut header).map_err(refused)?;
        take(header_length(&header)?, &mut header).map_err(refused)?;
        let size = file.metadata().map_err(refused)?.len();
        contents::check_size(size)?;
        Info::from_bytes(&header)
    }

    /// Checks that each tensor of a file is one of the model, with its dtype and shape, or one of the `numbers` that
    /// circuits and measurements have taken.
    fn check_stored(&self, tensors: &Tensors, numbers: &BTreeSet<String>) -> Result<()> {
        let own = self.stored()?;
        for (name, tensor) in tensors.iter().filter(|(name, _)| !numbers.contains(*name)) {
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

fn access(path: &Path, action: &'static str, source: Cause) -> Error {
    Error::File(FileError::Access { path: path.display().to_string(), action, source })
}

/// Reads a file that memory holds twice.
fn read_whole(path: &Path) -> Result<Vec<u8>> {
    let refused = |error: std::io::Error| access(path, "read", error.into());
    let size = fs::metadata(path).map_err(refused)?.len();
    contents::check_size(size)?;
    check_numbers("a model", Some(size / 4))?;
    // A pipe or a device has no size of its own.
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(refused)?.take(contents::FILE + 1).read_to_end(&mut bytes).map_err(refused)?;
    contents::check_size(bytes.len() as u64)?;
    Ok(bytes)
}

/// Writes a file through another one beside it, so that there is never a part of it.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let refused = |error: std::io::Error| access(path, "written", error.into());
    let known = fs::metadata(path).ok();
    if known.as_ref().is_some_and(|metadata| !metadata.is_file()) {
        return fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(bytes))
            .map_err(refused);
    }
    // A link stays, and what it leads to is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().ok_or_else(|| refused(std::io::ErrorKind::InvalidFilename.into()))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.{}", std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed)));
    let beside = path.with_file_name(beside);
    let permissions = known.map(|metadata| metadata.permissions());
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
