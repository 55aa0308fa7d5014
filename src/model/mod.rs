//! Models that are files: circuit, layers, weights, preparation and class names in one safetensors file.
//!
//! ```
//! use candle_core::{DType, Device, Module, Tensor};
//! use candle_nn::VarMap;
//! use candlewick::data::Scaler;
//! use candlewick::model::{Activation, Layer, Model};
//! use candlewick::nn::SeededInit;
//! use candlewick::prelude::*;
//!
//! let mut circuit = Circuit::new(2);
//! for q in 0..2 {
//!     circuit.ry(input(q), q);
//! }
//! circuit.strongly_entangling_layers("theta", 2);
//!
//! let varmap = VarMap::new();
//! let x = Tensor::new(&[[5.1f32, 3.5, 1.4], [6.7, 3.1, 5.6]], &Device::Cpu)?;
//! let model = Model::builder(3)
//!     .scale(Scaler::standard(&x)?)
//!     .layer(Layer::linear(3, 2))
//!     .layer(Layer::Activation(Activation::Tanh))
//!     .layer(Layer::quantum(circuit, Measurement::expectation([Z(0), Z(1)])))
//!     .classes("species", ["setosa", "virginica"])
//!     .build(SeededInit::new(7).var_builder(&varmap, DType::F32, &Device::Cpu))?;
//!
//! // Train `model.forward` with the variables of `varmap`, on what `model.prepare` returns:
//! let bytes = model.to_bytes()?; // or `model.save("iris.safetensors")`
//! let loaded = Model::from_bytes(&bytes, &Device::Cpu)?; // in any other program
//! assert_eq!(loaded.predict(&x)?.labels(), model.predict(&x)?.labels());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The file
//! An ordinary safetensors file, whose metadata has one key, `candlewick`, with the description of the model as JSON.
//! The same model gives the same bytes. A digest (SHA-256) of tensors and description finds damage; it is no signature.
//! Every format that a release has written stays readable: the number of the format is read before anything else.
//!
//! Any bytes give a model or a typed error: nothing panics, nothing in a file is executed, and no other file is read.
//! Sizes are checked before memory is taken: a description has at most 16 MiB, a file 4 GiB. Reading takes memory for
//! the file twice, and for a description of operations up to 40 times its own size.

mod builder;
mod contents;
mod file;
mod layer;
mod modules;
mod output;
mod prepare;
mod schema;

pub use builder::ModelBuilder;
pub use contents::{Info, TensorInfo};
pub use layer::{Activation, Layer};
pub use output::{Output, Prediction, Scores};

use crate::circuit::Circuit;
use crate::data::{Scaler, Table, TableEncoder, narrowed_samples};
use crate::error::{Error, Result, TensorError};
use candle_core::{DType, Device, Module, Shape, Tensor};
use modules::Step;
use prepare::Prepare;
use std::collections::BTreeMap;

/// Network in a row: preparation, layers, and the meaning of its outputs; candle's [`Module`].
///
/// | | |
/// |---|---|
/// | [`forward`](Module::forward) | prepared samples `[batch, ..]` to outputs `[batch, ..]`, in the graph of its variables |
/// | [`predict`](Self::predict) | raw samples to a [`Prediction`]: preparation, layers, softmax or units |
/// | [`save`](Self::save), [`load`](Self::load) | one file; see the [module](self) |
///
/// A network that is no sequence, but for residual blocks, is a program of its own.
///
/// [`Module`]: https://docs.rs/candle-core/latest/candle_core/trait.Module.html
#[derive(Debug, Clone)]
pub struct Model {
    input: Vec<usize>,
    /// Shape of a sample behind the preparation.
    prepared: Vec<usize>,
    /// Shape of a sample behind the last layer.
    outputs: Vec<usize>,
    table: Option<TableEncoder>,
    prepare: Vec<Prepare>,
    layers: Vec<Layer>,
    steps: Vec<Step>,
    output: Output,
    dtype: DType,
    device: Device,
    notes: BTreeMap<String, String>,
}

impl Model {
    /// Begins a model whose raw samples have this shape, such as `4` or `(1, 28, 28)`.
    pub fn builder(input: impl Into<Shape>) -> ModelBuilder {
        ModelBuilder::new(input)
    }

    /// Returns samples as the layers take them: filled, scaled and projected as the training's were, in the dtype of
    /// the model.
    ///
    /// # Errors
    /// Samples of another shape, dtype or device; missing values that nothing fills; numbers that are finite, but not in
    /// the dtype of the model.
    pub fn prepare(&self, x: &Tensor) -> Result<Tensor> {
        self.check_shape("the samples of a model", x, &self.input)?;
        let mut x = x.clone();
        for step in &self.prepare {
            x = step.apply(&x)?;
        }
        narrowed_samples("prepared number", &x, self.dtype)
    }

    /// Computes [`Module::forward`], with candlewick's own typed error.
    ///
    /// # Errors
    /// Samples of another shape, dtype or device; outputs beyond the memory; errors of the layers.
    ///
    /// [`Module::forward`]: https://docs.rs/candle-core/latest/candle_core/trait.Module.html#tymethod.forward
    pub fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        self.run(x, false)
    }

    /// Returns the outputs `[batch, ..]` of prepared samples `[batch, ..]`; with `train` dropout acts.
    ///
    /// # Errors
    /// The errors of [`try_forward`](Self::try_forward), inside candle's error.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        Ok(self.run(x, train)?)
    }

    /// Returns the outputs of the first `layers` layers for prepared samples, or of all if there are fewer: what the next
    /// layer reads.
    ///
    /// # Errors
    /// The errors of [`try_forward`](Self::try_forward).
    pub fn forward_to(&self, x: &Tensor, layers: usize) -> Result<Tensor> {
        self.check_shape("the prepared samples of a model", x, &self.prepared)?;
        modules::run(&self.steps[..layers.min(self.steps.len())], x, false)
    }

    fn run(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.check_shape("the prepared samples of a model", x, &self.prepared)?;
        modules::run(&self.steps, x, train)
    }

    /// Returns the prediction for raw samples `[batch, ..]`.
    ///
    /// # Errors
    /// The errors of [`prepare`](Self::prepare) and [`predict_prepared`](Self::predict_prepared).
    pub fn predict(&self, x: &Tensor) -> Result<Prediction> {
        self.predict_prepared(&self.prepare(x)?)
    }

    /// Returns the prediction for samples that [`prepare`](Self::prepare) has returned, such as those of several
    /// requests behind each other.
    ///
    /// # Errors
    /// An output that is NaN or infinite, with its sample ([`Error::sample_mut`]); the errors of
    /// [`try_forward`](Self::try_forward).
    pub fn predict_prepared(&self, x: &Tensor) -> Result<Prediction> {
        self.output.prediction(self.try_forward(&x.detach())?.detach())
    }

    /// Returns the prediction for the rows of a table, by the encoder of the training's table.
    ///
    /// # Errors
    /// A model without an encoder; the errors of [`TableEncoder::encode_features`] and [`predict`](Self::predict).
    pub fn predict_table(&self, table: &Table) -> Result<Prediction> {
        let needs = Error::SettingNeeds { of: "a model", setting: "predict_table", needs: "the encoder of a table" };
        let encoder = self.table.as_ref().ok_or(needs)?;
        self.predict(&encoder.encode_features(table)?.to_device(&self.device)?)
    }

    fn check_shape(&self, what: &'static str, x: &Tensor, sample: &[usize]) -> Result<()> {
        match x.dims() {
            [_, rest @ ..] if rest == sample => Ok(()),
            dims => {
                let batch = dims.first().copied().unwrap_or(1);
                let expected = Shape::from([&[batch], sample].concat());
                Err(Error::Tensor(TensorError::Shape { what, expected, actual: x.shape().clone() }))
            }
        }
    }

    /// Returns the model with eight bits for each weight of its linear layers, about a quarter of their bytes; see
    /// [`quantize_dynamic`](crate::nn::quantize_dynamic). It is for predictions: these layers cannot be trained.
    ///
    /// # Errors
    /// Weights that are not finite.
    pub fn quantized(&self) -> Result<Self> {
        let mut model = self.clone();
        modules::quantize(&mut model.steps, &mut model.layers)?;
        Ok(model)
    }

    /// Returns the layers.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Returns the circuits of the quantum layers, each with the place of its layer: `4`, or `4.1` inside of a residual
    /// block. The weights of a circuit are under `layers.4` or the like.
    pub fn circuits(&self) -> Vec<(String, &Circuit)> {
        layer::circuits(&self.layers, "")
    }

    /// Returns the meaning of the outputs.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Returns the encoder of the training's table, if there is one.
    pub fn table(&self) -> Option<&TableEncoder> {
        self.table.as_ref()
    }

    /// Returns the scaler of raw samples, if the preparation has one: with nothing but the filling of missing values in
    /// front of it.
    pub fn scaler(&self) -> Option<&Scaler> {
        self.prepare.iter().find(|step| !matches!(step, Prepare::Impute(_)))?.scaler()
    }

    /// Returns the shape of a raw sample.
    pub fn input_shape(&self) -> &[usize] {
        &self.input
    }

    /// Returns the shape of a sample behind the last layer.
    pub fn output_shape(&self) -> &[usize] {
        &self.outputs
    }

    /// Returns the dtype of the weights and of the layers' inputs.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Returns the dtype of raw samples: that of the table's numbers or of the preparation, or else of the weights.
    pub fn input_dtype(&self) -> DType {
        let of_table = self.table.as_ref().map(TableEncoder::dtype);
        of_table.or_else(|| self.prepare.first().map(Prepare::dtype)).unwrap_or(self.dtype)
    }

    /// Returns the notes.
    pub fn notes(&self) -> &BTreeMap<String, String> {
        &self.notes
    }

    /// Adds a note, such as the accuracy on the test set, to be saved.
    ///
    /// # Errors
    /// A key of more than 256 bytes or with control characters; a text of more than 65536 bytes; more than 1024 notes.
    pub fn set_note(&mut self, key: impl Into<String>, text: impl Into<String>) -> Result<()> {
        let mut notes = self.notes.clone();
        notes.insert(key.into(), text.into());
        builder::check_notes(&notes)?;
        self.notes = notes;
        Ok(())
    }

    /// Returns the weights by name, sorted: `layers.0.weight` and so on.
    ///
    /// # Errors
    /// candle's errors.
    pub fn weights(&self) -> Result<BTreeMap<String, Tensor>> {
        let all = modules::of_steps(&self.steps)?.into_iter();
        Ok(all.map(|(name, tensor)| (format!("layers.{name}"), tensor)).collect())
    }

    /// Returns the number of weights.
    ///
    /// # Errors
    /// candle's errors.
    pub fn parameters(&self) -> Result<usize> {
        Ok(self.weights()?.values().map(Tensor::elem_count).sum())
    }
}

impl Module for Model {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(self.try_forward(x)?)
    }
}
