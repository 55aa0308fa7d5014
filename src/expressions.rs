//! Values of a program's expressions in features and weights, as tensors made from tensors: on any device, and
//! differentiable as in candle.

use crate::error::Result;
use crate::program::{Slot, Variable};
use candle_core::{D, Device, Tensor};

/// Computes the values of expressions, `[batch, expressions]`, or `[1, expressions]` if all samples share them.
///
/// `rows` are features, `[batch, features]`. `weights` are all weights in the program's order: `[weights]`, or
/// `[batch, weights]` if each sample has its own.
pub(crate) fn evaluate_slots(slots: &[&Slot], rows: &Tensor, weights: &Tensor) -> Result<Tensor> {
    let terms = || slots.iter().flat_map(|slot| &slot.terms);
    let weights = if weights.rank() == 1 { weights.unsqueeze(0)? } else { weights.clone() };
    let variables = || terms().flat_map(|(_, first, second)| [Some(*first), *second]).flatten();
    let input = |variable: Variable| if let Variable::Input(index) = variable { Some(index) } else { None };
    let weight = |variable: Variable| if let Variable::Weight(index) = variable { Some(index) } else { None };
    let mut read: [Vec<usize>; 2] = [variables().filter_map(input).collect(), variables().filter_map(weight).collect()];
    read.iter_mut().for_each(|list| {
        list.sort_unstable();
        list.dedup();
    });
    let [inputs, of_weights] = &read;
    let batch = if inputs.is_empty() { weights.dim(0)? } else { rows.dim(0)? };
    let (dtype, device) = (rows.dtype(), rows.device());
    let constants = row(slots.iter().map(|slot| slot.constant), rows)?;
    if inputs.is_empty() && of_weights.is_empty() {
        return Ok(constants);
    }
    // Columns: the inputs that are read, the weights that are read, then a 1 in the place of an absent factor.
    let mut columns = Vec::new();
    if !inputs.is_empty() {
        columns.push(select(rows, inputs.iter().copied())?);
    }
    if !of_weights.is_empty() {
        columns.push(select(&weights, of_weights.iter().copied())?.broadcast_as((batch, of_weights.len()))?);
    }
    columns.push(Tensor::ones((batch, 1), dtype, device)?);
    let table = Tensor::cat(&columns, 1)?;
    let column = |variable: &Variable| match variable {
        Variable::Input(index) => inputs.partition_point(|other| other < index),
        Variable::Weight(index) => inputs.len() + of_weights.partition_point(|other| other < index),
    };
    let one = inputs.len() + of_weights.len();
    let first = select(&table, terms().map(|(_, first, _)| column(first)))?;
    let second = select(&table, terms().map(|(.., second)| second.as_ref().map_or(one, column)))?;
    let products = (first * second)?.broadcast_mul(&row(terms().map(|(coefficient, ..)| *coefficient), rows)?)?;
    let of = slots.iter().enumerate().flat_map(|(index, slot)| slot.terms.iter().map(move |_| index));
    Ok(add_columns(&products, of, slots.len())?.broadcast_add(&constants)?)
}

/// Adds up columns: column `k` of `[batch, columns]` goes to column `to[k]` of `[batch, count]`.
pub(crate) fn add_columns(columns: &Tensor, to: impl Iterator<Item = usize>, count: usize) -> Result<Tensor> {
    let to: Vec<i64> = to.map(|column| column as i64).collect();
    let zeros = Tensor::zeros((columns.dim(0)?, count), columns.dtype(), columns.device())?;
    let size = to.len();
    Ok(zeros.index_add(&Tensor::from_vec(to, size, columns.device())?, columns, 1)?)
}

/// Selects columns of a tensor by their indices.
pub(crate) fn select(of: &Tensor, columns: impl IntoIterator<Item = usize>) -> Result<Tensor> {
    let columns: Vec<i64> = columns.into_iter().map(|column| column as i64).collect();
    let count = columns.len();
    Ok(of.index_select(&Tensor::from_vec(columns, count, of.device())?, D::Minus1)?)
}

/// Makes a row of numbers in the dtype and on the device of the rows. The cast is on the host, because not every device
/// has f64.
pub(crate) fn row(numbers: impl Iterator<Item = f64>, rows: &Tensor) -> Result<Tensor> {
    let numbers: Vec<f64> = numbers.collect();
    let shape = (1, numbers.len());
    Ok(Tensor::from_vec(numbers, shape, &Device::Cpu)?.to_dtype(rows.dtype())?.to_device(rows.device())?)
}
