//! Predictions of a model that comes from a file.

use candlewick::Result;
use candlewick::candle_core::{DType, Device, Tensor};
use candlewick::data::Table;
use candlewick::model::{Layer, Model, Output, Prediction};
use serde_json::{Value, json};

/// Model of a file.
#[derive(Debug)]
pub(crate) struct Predictor {
    model: Model,
}

impl Predictor {
    pub(crate) fn new(bytes: &[u8]) -> Result<Self> {
        Ok(Self { model: Model::from_bytes(bytes, &Device::Cpu)? })
    }

    pub(crate) fn about(&self) -> Value {
        let model = &self.model;
        let output = match model.output() {
            Output::Classes { label, names, .. } => json!({ "label": label, "classes": names }),
            Output::Values { names, .. } => json!({ "values": names }),
            _ => json!({ "shape": model.output_shape() }),
        };
        json!({
            "input": model.input_shape(),
            "features": model.table().map(|table| table.features()),
            "layers": model.layers().iter().map(Layer::name).collect::<Vec<_>>(),
            "circuits": model.circuits().len(),
            "parameters": model.parameters().unwrap_or(0),
            "output": output,
            "notes": model.notes(),
        })
    }

    pub(crate) fn circuit(&self, index: usize, width: f64) -> Result<Option<String>> {
        let circuits = self.model.circuits();
        circuits.get(index).map(|(_, circuit)| circuit.draw().width(width).to_svg()).transpose()
    }

    pub(crate) fn predict(&self, rows: &[f64]) -> Result<Vec<f64>> {
        let width: usize = self.model.input_shape().iter().product();
        // Numbers that are no whole rows are an error of the shape.
        let count = rows.len() / width.max(1);
        let shape = [&[count], self.model.input_shape()].concat();
        let x = Tensor::from_vec(rows.to_vec(), shape, &Device::Cpu)?.to_dtype(self.model.input_dtype())?;
        let numbers = self.model.predict(&x)?.numbers().to_dtype(DType::F64)?;
        Ok(numbers.flatten_all()?.to_vec1()?)
    }

    pub(crate) fn predict_table(&self, text: &str) -> Result<Value> {
        let prediction = self.model.predict_table(&Table::parse(text, Table::delimiter_of(text))?)?;
        let numbers = prediction.numbers();
        let rows = numbers.dims().first().copied().unwrap_or(0);
        let numbers = numbers.to_dtype(DType::F64)?.reshape((rows, ()))?.to_vec2::<f64>()?;
        let labels = match &prediction {
            Prediction::Classes { .. } => json!(prediction.labels()),
            _ => Value::Null,
        };
        Ok(json!({ "labels": labels, "numbers": numbers }))
    }
}
