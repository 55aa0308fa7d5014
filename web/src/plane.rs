//! Pictures of a model on a plane: classes over a grid, and the state of each qubit at points.

use candlewick::candle_core::{DType, Device, Tensor};
use candlewick::circuit::Theme;
use candlewick::model::{Layer, Model, Output};
use candlewick::prelude::*;
use candlewick::{Error, Result, functional};

/// Cells of the side of a grid, at most.
const SIDE: usize = 512;

/// Deviations from the mean at which the plane of a model ends.
const EDGE: f32 = 2.4;

/// Most qubits of a model whose plane is drawn: each cell is a state.
const QUBITS: usize = 12;

/// Lowest and highest coordinates of both axes.
pub(crate) type Range = [[f64; 2]; 2];

/// Returns the plane of a model of two numbers and some classes: that around its training's points, as its scaler tells.
pub(crate) fn range(model: &Model) -> Result<Option<Range>> {
    let is_small = quantum(model).is_none_or(|(_, circuit)| circuit.qubits() <= QUBITS);
    let takes_points = model.input_shape() == [2] && model.table().is_none_or(|table| table.columns().len() == 2);
    let (true, Output::Classes { .. }, Some(scaler)) = (takes_points && is_small, model.output(), model.scaler())
    else {
        return Ok(None);
    };
    let edges = Tensor::new(&[[-EDGE, -EDGE], [EDGE, EDGE]], &Device::Cpu)?.to_dtype(scaler.offset.dtype())?;
    let edges = scaler.invert(&edges)?.to_dtype(DType::F64)?.to_vec2::<f64>()?;
    Ok(Some([[edges[0][0], edges[1][0]], [edges[0][1], edges[1][1]]]))
}

/// Returns raw samples of a model from its numbers, row by row.
pub(crate) fn samples(model: &Model, rows: &[f64]) -> Result<Tensor> {
    let width: usize = model.input_shape().iter().product();
    // Numbers that are no whole rows are an error of the shape.
    let shape = [&[rows.len() / width.max(1)], model.input_shape()].concat();
    Ok(Tensor::from_vec(rows.to_vec(), shape, &Device::Cpu)?.to_dtype(model.input_dtype())?)
}

/// Returns the numbers that a model gives for samples, row by row: probabilities of classes, values or outputs.
pub(crate) fn predict(model: &Model, rows: &[f64]) -> Result<Vec<f64>> {
    Ok(model.predict(&samples(model, rows)?)?.numbers().to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}

/// Returns the probabilities of the classes at the centres of `side` by `side` cells, row by row from the top.
pub(crate) fn grid(model: &Model, [[left, right], [low, high]]: Range, side: usize) -> Result<Vec<f64>> {
    if !(1..=SIDE).contains(&side) {
        let (setting, allowed) = ("side", "from 1 to 512");
        return Err(Error::Setting { of: "a grid", setting, value: side as f64, allowed });
    }
    let at = |from: f64, to: f64, cell: usize| from + (to - from) * (cell as f64 + 0.5) / side as f64;
    let cells = (0..side * side).flat_map(|cell| [at(left, right, cell % side), at(high, low, cell / side)]);
    predict(model, &cells.collect::<Vec<f64>>())
}

/// Returns the Bloch vector of each qubit of the first quantum layer at points, three numbers each: X, Y and Z. A model
/// without such a layer has none.
pub(crate) fn bloch(model: &Model, points: &[f64]) -> Result<Vec<f64>> {
    let Some((place, circuit)) = quantum(model) else { return Ok(Vec::new()) };
    let features = model.forward_to(&model.prepare(&samples(model, points)?)?, place)?.detach();
    let weights = model.weights()?;
    let own = |name: &str| weights.get(&format!("layers.{place}.{name}"));
    let tensors = circuit.weight_tensors();
    let named: Vec<(&str, &Tensor)> =
        tensors.iter().filter_map(|tensor| Some((tensor.name(), own(tensor.name())?))).collect();
    let letters = (0..circuit.qubits()).flat_map(|q| [X(q), Y(q), Z(q)]);
    let y = functional::evaluate(circuit, &Measurement::expectation(letters), Some(&features), &named)?;
    Ok(y.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}

/// Returns the place and the circuit of the first quantum layer.
pub(crate) fn quantum(model: &Model) -> Option<(usize, &Circuit)> {
    model.layers().iter().enumerate().find_map(|(place, layer)| match layer {
        Layer::Quantum { circuit, .. } => Some((place, circuit)),
        _ => None,
    })
}

/// Returns the drawing of a circuit in a theme of the page: `light` or `dark`.
pub(crate) fn draw(circuit: &Circuit, width: f64, theme: &str) -> Result<String> {
    let theme = match theme {
        "light" => Theme::Light,
        "dark" => Theme::Dark,
        _ => Theme::Auto,
    };
    circuit.draw().width(width).theme(theme).to_svg()
}
