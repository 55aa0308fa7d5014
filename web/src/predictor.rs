//! Predictions of a model that comes from a file.

use crate::plane::{self, Range};
use candlewick::candle_core::{DType, Device};
use candlewick::data::{CsvConfig, Table, TableEncoder};
use candlewick::model::{Layer, Model, Output, Prediction};
use candlewick::{Error, Result};
use serde_json::{Map, Value, json};

/// Model of a file.
#[derive(Debug)]
pub(crate) struct Predictor {
    model: Model,
    /// Plane of a model that classifies points.
    range: Option<Range>,
}

impl Predictor {
    pub(crate) fn new(bytes: &[u8]) -> Result<Self> {
        let model = Model::from_bytes(bytes, &Device::Cpu)?;
        let range = plane::range(&model)?;
        Ok(Self { model, range })
    }

    pub(crate) fn about(&self) -> Value {
        let model = &self.model;
        let mut about = Map::new();
        let mut set = |key: &str, value: Value| about.insert(key.to_owned(), value);
        set("input", json!(model.input_shape()));
        set("output", json!(model.output_shape()));
        if let Some(table) = model.table() {
            set("columns", json!(table.columns()));
        }
        match model.output() {
            Output::Classes { label, names, .. } => {
                set("label", json!(label));
                set("classes", json!(names));
            }
            Output::Values { names, .. } => {
                set("values", json!(names));
            }
            _ => {}
        }
        if let Some(range) = self.range {
            set("plane", json!(range));
            set("qubits", json!(plane::quantum(model).map_or(0, |(_, circuit)| circuit.qubits())));
        }
        set("layers", json!(model.layers().iter().map(Layer::name).collect::<Vec<_>>()));
        set("circuits", json!(model.circuits().len()));
        set("parameters", json!(model.parameters().unwrap_or(0)));
        set("notes", json!(model.notes()));
        Value::Object(about)
    }

    pub(crate) fn circuit(&self, index: usize, width: f64, theme: &str) -> Result<Option<String>> {
        let circuits = self.model.circuits();
        circuits.get(index).map(|(_, circuit)| plane::draw(circuit, width, theme)).transpose()
    }

    pub(crate) fn predict(&self, rows: &[f64]) -> Result<Vec<f64>> {
        plane::predict(&self.model, rows)
    }

    pub(crate) fn grid(&self, side: usize) -> Result<Vec<f64>> {
        let needs =
            Error::SettingNeeds { of: "a model", setting: "a plane", needs: "two numbers, a scaler and classes" };
        plane::grid(&self.model, self.range.ok_or(needs)?, side)
    }

    pub(crate) fn bloch(&self, points: &[f64]) -> Result<Vec<f64>> {
        plane::bloch(&self.model, points)
    }

    /// Returns the predictions for a table, by the names of its columns; for a model without an encoder, all columns
    /// are its numbers, in order.
    pub(crate) fn predict_table(&self, text: &str) -> Result<Value> {
        let table = Table::parse(text, Table::delimiter_of(text))?;
        let prediction = if self.model.table().is_some() {
            self.model.predict_table(&table)?
        } else {
            let dtype = self.model.input_dtype();
            let encoder = TableEncoder::fit(&table, &CsvConfig { dtype, ..CsvConfig::default() })?;
            if encoder.features().len() != encoder.columns().len() || encoder.features() != encoder.columns() {
                let needs = "columns of numbers alone, as it has no encoder of a table";
                return Err(Error::SettingNeeds { of: "the model", setting: "a table", needs });
            }
            let x = encoder.encode_features(&table)?;
            let shape = [&[table.len()], self.model.input_shape()].concat();
            self.model.predict(&x.reshape(shape)?)?
        };
        let numbers = prediction.numbers().to_dtype(DType::F64)?.reshape((table.len(), ()))?.to_vec2::<f64>()?;
        let columns = match self.model.output() {
            Output::Classes { label, names, .. } => names.iter().map(|name| format!("{label}={name}")).collect(),
            Output::Values { names, .. } => names.clone(),
            _ => (0..numbers.first().map_or(0, Vec::len)).map(|index| format!("output{index}")).collect(),
        };
        let labels = matches!(prediction, Prediction::Classes { .. }).then(|| prediction.labels());
        Ok(json!({ "columns": columns, "labels": labels, "numbers": numbers }))
    }
}
