//! Saving and restoring an optimiser.

use super::variables;
use crate::error::{Cause, Error, FileError, Result, TrainingError};
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::VarMap;
use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::path::Path;

/// Optimiser whose state can be saved and restored.
///
/// Weights are not part of the state: they are in the `VarMap`. With both restored, training continues bit for bit as
/// if it had not been stopped. The exception is a model with random numbers of its own, such as finite shots, SPSA
/// gradients and dropout: their position is not saved.
///
/// The options are saved with the state. An optimiser with other options does not take it: the moments, the last step
/// or the number of steps mean something else there. PyTorch silently puts the saved options in the place of the new
/// ones. Only the learning rate may differ, because schedules change it at every step.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::{Optimizer, VarBuilder, VarMap};
/// use candlewick::optim::{Adam, AdamConfig, Resume};
///
/// let varmap = VarMap::new();
/// let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
/// let weight = vb.get_with_hints(3, "weight", candle_nn::Init::Const(1.0))?;
/// let mut adam = Adam::from_varmap(&varmap, AdamConfig::default())?;
/// adam.backward_step(&weight.sqr()?.sum_all()?)?;
///
/// let file = std::env::temp_dir().join("candlewick-doc-adam.safetensors");
/// adam.save_state(&file)?;
/// let mut other = Adam::from_varmap(&varmap, AdamConfig::default())?;
/// other.load_state(&file)?; // goes on where `adam` is
/// assert_eq!(other.steps(), 1);
/// # std::fs::remove_file(file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Resume {
    /// Returns copies of the state as named tensors.
    ///
    /// # Errors
    /// Variables without names; candle's errors.
    fn state(&self) -> Result<HashMap<String, Tensor>>;

    /// Restores a state. After an error the optimiser is as before.
    ///
    /// # Errors
    /// A tensor that is missing; a tensor of another shape or dtype than this optimiser's variables need; numbers that
    /// no run produces; other options than this optimiser's, apart from its learning rate.
    fn restore(&mut self, state: &HashMap<String, Tensor>) -> Result<()>;

    /// Writes the state as safetensors.
    ///
    /// # Errors
    /// The errors of [`state`](Self::state); a file that cannot be written.
    fn save_state(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        save_tensors(&self.state()?, path)
    }

    /// Reads a state that [`save_state`](Self::save_state) wrote.
    ///
    /// # Errors
    /// The errors of [`restore`](Self::restore); a file that cannot be read.
    fn load_state(&mut self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        self.restore(&candle_core::safetensors::load(path, &Device::Cpu)?)
    }
}

/// Writes tensors as safetensors, as candle's own function of this name does, and gives the file the mode that any new
/// file of the process has: other users can read it if the umask allows. candle writes through a temporary file, which
/// only its owner can read. A file that is replaced keeps its mode.
///
/// ```
/// use candle_core::{Device, Tensor, safetensors};
/// use candlewick::optim::save_tensors;
/// use std::collections::HashMap;
///
/// let scale = Tensor::new(&[2f32, 3.0], &Device::Cpu)?;
/// let tensors = HashMap::from([("scale".to_owned(), scale)]);
/// let file = std::env::temp_dir().join("candlewick-doc-tensors.safetensors");
/// save_tensors(&tensors, &file)?;
/// let read = safetensors::load(&file, &Device::Cpu)?;
/// assert_eq!(read["scale"].to_vec1::<f32>()?, [2.0, 3.0]);
/// # std::fs::remove_file(file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A file that cannot be written; then there is no new file.
pub fn save_tensors(tensors: &HashMap<String, Tensor>, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let access =
        |source: Cause| Error::File(FileError::Access { path: path.display().to_string(), action: "written", source });
    let is_new = !path.exists();
    // An empty file in its place first: the system gives it its mode.
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(|error| access(error.into()))?;
    let permissions = file.metadata().map_err(|error| access(error.into()))?.permissions();
    drop(file);
    let written = candle_core::safetensors::save(tensors, path).map_err(|error| access(error.into()));
    if written.is_err() && is_new {
        // The first error is the one to report.
        let _ = fs::remove_file(path);
    }
    written?;
    let metadata = fs::metadata(path).map_err(|error| access(error.into()))?;
    // Not every file system lets modes be set.
    if metadata.permissions() == permissions {
        return Ok(());
    }
    fs::set_permissions(path, permissions).map_err(|error| access(error.into()))
}

/// Writes all variables of a map as safetensors, for `VarMap::load` or a `VarBuilder`, as [`save_tensors`] writes
/// tensors: candle's `VarMap::save` makes a file that only its owner can read.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::{Init, VarBuilder, VarMap};
/// use candlewick::optim::save_weights;
///
/// let mut varmap = VarMap::new();
/// let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
/// vb.get_with_hints(3, "w", Init::Const(1.0))?;
/// let file = std::env::temp_dir().join("candlewick-doc-weights.safetensors");
/// save_weights(&varmap, &file)?;
/// varmap.load(&file)?;
/// # std::fs::remove_file(file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A file that cannot be written; then there is no new file. A map whose lock is poisoned.
pub fn save_weights(varmap: &VarMap, path: impl AsRef<Path>) -> Result<()> {
    let tensors = variables(varmap)?.into_iter().map(|(name, var)| (name, var.as_detached_tensor()));
    save_tensors(&tensors.collect(), path)
}

/// Returns the tensor `name` of a state, of the given shape and dtype.
pub(crate) fn named_state<'a>(
    state: &'a HashMap<String, Tensor>,
    name: &str,
    shape: &Shape,
    dtype: DType,
) -> Result<&'a Tensor> {
    let described = |shape: &Shape, dtype: DType| format!("{dtype:?} {shape:?}");
    let expected = described(shape, dtype);
    match state.get(name) {
        Some(tensor) if tensor.shape() == shape && tensor.dtype() == dtype => Ok(tensor),
        found => {
            let actual = found.map_or_else(|| "missing".to_owned(), |tensor| described(tensor.shape(), tensor.dtype()));
            Err(Error::Training(TrainingError::SavedState { name: name.to_owned(), expected, actual }))
        }
    }
}

/// Name under which optimisers save the number of their steps.
pub(super) const STEPS: &str = "steps";

/// Largest number of steps in a state: beyond it F64 cannot represent every number, and counting might overflow.
const MOST_STEPS: u64 = 1 << 53;

/// Refuses tensors with an entry that is not finite, or below `least`.
pub(crate) fn check_entries(name: &str, tensor: &Tensor, least: f64) -> Result<()> {
    let values = tensor.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    match values.iter().find(|value| !(value.is_finite() && **value >= least)) {
        None => Ok(()),
        Some(value) => {
            let expected = format!("finite and at least {least:e}");
            Err(Error::Training(TrainingError::SavedState {
                name: name.to_owned(),
                expected,
                actual: format!("{value:e} in an entry"),
            }))
        }
    }
}

/// Name under which optimisers save their options.
const OPTIONS: &str = "options";

/// Option of an optimiser that its saved state depends on: its name and its value.
pub(crate) type SavedOption = (&'static str, f64);

/// Writes options into a state.
pub(crate) fn put_options(state: &mut HashMap<String, Tensor>, options: &[SavedOption]) -> Result<()> {
    let values: Vec<f64> = options.iter().map(|(_, value)| *value).collect();
    state.insert(OPTIONS.to_owned(), Tensor::from_vec(values, options.len(), &Device::Cpu)?);
    Ok(())
}

/// Refuses a state that was saved with other options. The error names those that differ.
pub(crate) fn check_options(state: &HashMap<String, Tensor>, options: &[SavedOption]) -> Result<()> {
    let saved = named_state(state, OPTIONS, &Shape::from(options.len()), DType::F64)?.to_vec1::<f64>()?;
    let others = || options.iter().zip(&saved).filter(|((_, own), saved)| own != *saved);
    if others().next().is_none() {
        return Ok(());
    }
    let listed = |texts: Vec<String>| texts.join(", ");
    Err(Error::Training(TrainingError::SavedState {
        name: OPTIONS.to_owned(),
        expected: listed(others().map(|((name, own), _)| format!("{name} = {own}")).collect()),
        actual: listed(others().map(|((name, _), saved)| format!("{name} = {saved}")).collect()),
    }))
}

/// Writes a number of steps into a state.
pub(super) fn put_steps(state: &mut HashMap<String, Tensor>, name: &str, steps: u64) -> Result<()> {
    // Two halves, because no integer type that safetensors and every device share has 64 bits without a sign.
    let halves = [(steps >> 32) as u32, steps as u32];
    state.insert(name.to_owned(), Tensor::new(&halves, &Device::Cpu)?);
    Ok(())
}

/// Returns the number of steps of a state.
pub(super) fn step_count(state: &HashMap<String, Tensor>, name: &str) -> Result<u64> {
    let halves = named_state(state, name, &Shape::from(2), DType::U32)?.to_vec1::<u32>()?;
    let steps = halves.iter().fold(0, |steps, &half| steps << 32 | u64::from(half));
    if steps > MOST_STEPS {
        let (expected, actual) = (format!("at most {MOST_STEPS} steps"), format!("{steps} steps"));
        return Err(Error::Training(TrainingError::SavedState { name: name.to_owned(), expected, actual }));
    }
    Ok(steps)
}
