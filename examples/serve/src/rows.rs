//! Rows of a request as samples: lists of numbers, or objects with the columns of the training's table.

use candlewick::candle_core::{Device, Tensor};
use candlewick::data::Table;
use candlewick::model::Model;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Body of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    rows: Rows,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Rows {
    /// Numbers of each sample, row by row.
    Numbers(Vec<Vec<f64>>),
    /// Columns of each sample by name.
    Columns(Vec<Map<String, Value>>),
}

impl Request {
    /// Returns the samples `[rows, ..]` for a model.
    pub(crate) fn samples(&self, model: &Model, most: usize) -> Result<Tensor, String> {
        let rows = match &self.rows {
            Rows::Numbers(rows) => rows.len(),
            Rows::Columns(rows) => rows.len(),
        };
        if rows == 0 || rows > most {
            return Err(format!("a request has 1 to {most} rows, not {rows}"));
        }
        match &self.rows {
            Rows::Numbers(rows) => numbers(rows, model),
            Rows::Columns(rows) => columns(rows, model),
        }
    }
}

fn numbers(rows: &[Vec<f64>], model: &Model) -> Result<Tensor, String> {
    let width: usize = model.input_shape().iter().product();
    if let Some((row, found)) = rows.iter().enumerate().find(|(_, row)| row.len() != width) {
        return Err(format!("row {row} has {} number(s); the model takes {width}", found.len()));
    }
    let shape = [&[rows.len()], model.input_shape()].concat();
    let x = Tensor::from_vec(rows.concat(), shape, &Device::Cpu).and_then(|x| x.to_dtype(model.input_dtype()));
    x.map_err(|error| error.to_string())
}

fn columns(rows: &[Map<String, Value>], model: &Model) -> Result<Tensor, String> {
    let Some(encoder) = model.table() else {
        return Err("the model has no table: its rows are lists of numbers".to_owned());
    };
    let names: Vec<&String> = rows[0].keys().collect();
    let mut fields = Vec::with_capacity(rows.len());
    for (row, columns) in rows.iter().enumerate() {
        let field = |name: &&String| match columns.get(*name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(Value::Null) => Ok(String::new()),
            Some(other) => Err(format!("row {row}, column `{name}`: {other} is no text and no number")),
            None => Err(format!("row {row} has no column `{name}`, which row 0 has")),
        };
        fields.push(names.iter().map(field).collect::<Result<Vec<_>, _>>()?);
    }
    let samples = Table::new(names, fields).and_then(|table| encoder.encode_features(&table));
    samples.map_err(|error| error.to_string())
}
