//! Making a model: its parts, checked against each other.

use super::Model;
use super::layer::{Layer, check_limit, numbers};
use super::modules::{self, at};
use super::output::{Output, Scores};
use super::prepare::Prepare;
use super::schema::FEATURES;
use crate::data::{Imputer, Pca, Scaler, TableEncoder};
use crate::error::{ModelProblem, Result};
use candle_core::Shape;
use candle_nn::VarBuilder;
use std::collections::BTreeMap;

/// Parts of a [`Model`], from its input to its output; [`Model::builder`] begins.
#[derive(Debug, Clone)]
pub struct ModelBuilder {
    pub(super) input: Vec<usize>,
    pub(super) table: Option<TableEncoder>,
    pub(super) prepare: Vec<Prepare>,
    pub(super) layers: Vec<Layer>,
    pub(super) output: Output,
    pub(super) notes: BTreeMap<String, String>,
}

/// Longest name, in bytes.
const NAME: u64 = 256;

/// Longest note, in bytes.
const NOTE: u64 = 1 << 16;

/// Most notes of a model.
const NOTES: u64 = 1024;

impl ModelBuilder {
    pub(super) fn new(input: impl Into<Shape>) -> Self {
        Self {
            input: input.into().into_dims(),
            table: None,
            prepare: Vec::new(),
            layers: Vec::new(),
            output: Output::Raw,
            notes: BTreeMap::new(),
        }
    }

    /// Adds the encoder of the training's table, so that [`Model::predict_table`] reads tables of text.
    #[must_use]
    pub fn table(mut self, encoder: TableEncoder) -> Self {
        self.table = Some(encoder);
        self
    }

    /// Adds a step to the preparation: missing values are filled.
    #[must_use]
    pub fn impute(mut self, imputer: Imputer) -> Self {
        self.prepare.push(Prepare::Impute(imputer));
        self
    }

    /// Adds a step to the preparation: features are scaled.
    #[must_use]
    pub fn scale(mut self, scaler: Scaler) -> Self {
        self.prepare.push(Prepare::Scale(scaler));
        self
    }

    /// Adds a step to the preparation: features are projected onto principal components.
    #[must_use]
    pub fn project(mut self, pca: Pca) -> Self {
        self.prepare.push(Prepare::Project(pca));
        self
    }

    /// Adds a layer behind the others.
    #[must_use]
    pub fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// Adds layers behind the others.
    #[must_use]
    pub fn layers(mut self, layers: impl IntoIterator<Item = Layer>) -> Self {
        self.layers.extend(layers);
        self
    }

    /// Says that the outputs are logits of classes, in this order; `label` is the name of what is predicted. One output
    /// serves two classes: the logit of the second.
    #[must_use]
    pub fn classes<N: Into<String>>(self, label: impl Into<String>, names: impl IntoIterator<Item = N>) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        self.output(Output::Classes { label: label.into(), names, scores: Scores::Logits })
    }

    /// Says that the outputs are numbers of these names, in the units of the targets before `scaler`.
    #[must_use]
    pub fn values<N: Into<String>>(self, names: impl IntoIterator<Item = N>, scaler: Option<Scaler>) -> Self {
        self.output(Output::Values { names: names.into_iter().map(Into::into).collect(), scaler })
    }

    /// Says what the outputs mean. Default [`Output::Raw`].
    #[must_use]
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// Adds a note, such as the accuracy on the test set. Notes are shown, and nothing reads them.
    #[must_use]
    pub fn note(mut self, key: impl Into<String>, text: impl Into<String>) -> Self {
        self.notes.insert(key.into(), text.into());
        self
    }

    /// Makes the model, with weights from `vb` as for [`QuantumLayer::new`](crate::QuantumLayer::new): the weights of
    /// layer `i` are under `layers.i`, and inside of a residual block under `layers.i.k`.
    ///
    /// # Errors
    /// Layers that do not fit each other, the input or the output; settings out of range; a mistake of a circuit or a
    /// measurement; weights that are missing or of another shape in `vb`.
    pub fn build(self, vb: VarBuilder<'_>) -> Result<Model> {
        self.check()?;
        let mut shape = self.input.clone();
        for (index, step) in self.prepare.iter().enumerate() {
            shape = step.output_shape(index, &shape)?;
        }
        let (dtype, device) = (vb.dtype(), vb.device().clone());
        let (steps, outputs) = modules::build(&self.layers, &shape, "", &vb.pp("layers"))?;
        self.output.check(&outputs).map_err(|problem| at("output", problem))?;
        let Self { input, table, prepare, layers, output, notes } = self;
        let prepare = prepare.into_iter().map(|step| step.on(&device)).collect::<Result<_>>()?;
        let output = match output {
            Output::Values { names, scaler: Some(scaler) } => {
                Output::Values { names, scaler: Some(scaler.to_device(&device)?) }
            }
            other => other,
        };
        Ok(Model { input, prepared: shape, outputs, table, prepare, layers, steps, output, dtype, device, notes })
    }

    fn check(&self) -> Result<()> {
        let limit =
            |place: &str, what, value, most| check_limit(what, value, most).map_err(|problem| at(place, problem));
        limit("input", "numbers of a sample", numbers(&self.input), FEATURES)?;
        modules::check_tree(&self.layers, |layer| match layer {
            Layer::Residual(inner) => Some(&inner[..]),
            _ => None,
        })?;
        check_notes(&self.notes)?;
        let (label, names) = match &self.output {
            Output::Raw => (None, &[][..]),
            Output::Classes { label, names, .. } => (Some(label), &names[..]),
            Output::Values { names, .. } => (None, &names[..]),
        };
        limit("output", "names", names.len() as u64, FEATURES)?;
        label.into_iter().chain(names).try_for_each(|name| check_name("output", name))?;
        let Some(table) = &self.table else { return Ok(()) };
        let features = table.features().len();
        if self.input != [features] {
            let (expected, actual) = (format!("[{features}], the features of the table"), self.input.clone());
            return Err(at("table", ModelProblem::Chain { expected, actual }));
        }
        match &self.output {
            Output::Classes { names, .. } if names != table.classes() => {
                let value = format!("{} of others", table.classes().len());
                Err(at("table", ModelProblem::Setting { what: "classes", value, allowed: "those of the output" }))
            }
            _ => Ok(()),
        }
    }
}

/// Checks the number of notes and their lengths.
pub(super) fn check_notes(notes: &BTreeMap<String, String>) -> Result<()> {
    let limit =
        |what, value: usize, most| check_limit(what, value as u64, most).map_err(|problem| at("notes", problem));
    limit("notes", notes.len(), NOTES)?;
    notes.iter().try_for_each(|(key, note)| {
        check_name("notes", key)?;
        limit("bytes of a note", note.len(), NOTE)
    })
}

/// Checks that a name is short and without control characters.
fn check_name(place: &str, name: &str) -> Result<()> {
    check_limit("bytes of a name", name.len() as u64, NAME).map_err(|problem| at(place, problem))?;
    match name.chars().any(char::is_control) {
        true => {
            let value = crate::error::words::cited(name, 40);
            Err(at(place, ModelProblem::Setting { what: "a name", value, allowed: "without control characters" }))
        }
        false => Ok(()),
    }
}
