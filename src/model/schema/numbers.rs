//! Matrices and tables of a layer: tensors beside its weights, which the description names by their numbers.

use super::super::modules::at;
use crate::error::{ModelProblem, Result};
use candle_core::{DType, Device, Tensor};
use num_complex::Complex64;
use std::collections::{BTreeMap, BTreeSet};

/// Tensors of a file by name.
pub(in super::super) type Tensors = BTreeMap<String, Tensor>;

/// Matrices and tables that are written.
#[derive(Debug)]
pub(super) struct Sink<'a> {
    /// Prefix of the layer's tensors.
    pub(super) prefix: String,
    pub(super) tensors: &'a mut Tensors,
    count: usize,
}

impl<'a> Sink<'a> {
    pub(super) fn new(prefix: String, tensors: &'a mut Tensors) -> Self {
        Self { prefix, tensors, count: 0 }
    }

    /// Stores numbers, and returns the number of their tensor.
    pub(super) fn reals(&mut self, values: &[f64], shape: &[usize]) -> Result<usize> {
        let tensor = Tensor::from_slice(values, shape, &Device::Cpu)?;
        self.tensors.insert(name(&self.prefix, self.count), tensor);
        self.count += 1;
        Ok(self.count - 1)
    }

    /// Stores complex numbers, whose tensor has a last dimension of real and imaginary parts.
    pub(super) fn complex(&mut self, values: &[Complex64], shape: &[usize]) -> Result<usize> {
        let values: Vec<f64> = values.iter().flat_map(|value| [value.re, value.im]).collect();
        self.reals(&values, &[shape, &[2]].concat())
    }
}

fn name(prefix: &str, index: usize) -> String {
    format!("{prefix}.numbers.{index}")
}

/// Matrices and tables that are read.
#[derive(Debug)]
pub(super) struct Source<'a> {
    prefix: String,
    tensors: &'a Tensors,
    /// Names of the tensors that have been taken.
    taken: &'a mut BTreeSet<String>,
    /// Number of the next tensor: each is named once, in order.
    next: usize,
}

impl<'a> Source<'a> {
    pub(super) fn new(prefix: String, (tensors, taken): (&'a Tensors, &'a mut BTreeSet<String>)) -> Self {
        Self { prefix, tensors, taken, next: 0 }
    }

    /// Returns the numbers of a tensor whose shape fits.
    fn reals(
        &mut self,
        index: usize,
        place: &str,
        fits: impl Fn(&[usize]) -> bool,
        shape: &[usize],
    ) -> Result<Vec<f64>> {
        if index != self.next {
            let (value, allowed) = (index.to_string(), "the number of the next tensor");
            return Err(at(place, ModelProblem::Setting { what: "the number of a tensor", value, allowed }));
        }
        self.next += 1;
        let tensor = name(&self.prefix, index);
        let found = self.tensors.get(&tensor).ok_or_else(|| at(place, ModelProblem::Missing(tensor.clone())))?;
        if found.dtype() != DType::F64 {
            let (expected, actual) = ("f64".to_owned(), found.dtype().as_str().to_owned());
            return Err(at(place, ModelProblem::DType { tensor, expected, actual }));
        }
        if !fits(found.dims()) {
            let (expected, actual) = (shape.to_vec(), found.dims().to_vec());
            return Err(at(place, ModelProblem::Shape { tensor, expected, actual }));
        }
        self.taken.insert(tensor);
        Ok(found.flatten_all()?.to_vec1()?)
    }

    /// Returns the numbers of a tensor of this shape.
    pub(super) fn exactly(&mut self, index: usize, place: &str, shape: &[usize]) -> Result<Vec<f64>> {
        self.reals(index, place, |found| found == shape, shape)
    }

    /// Returns the complex numbers of a tensor of this shape, behind which stands a dimension of 2.
    pub(super) fn complex(&mut self, index: usize, place: &str, shape: &[usize]) -> Result<Vec<Complex64>> {
        Ok(pairs(&self.exactly(index, place, &[shape, &[2]].concat())?))
    }

    /// Returns matrices of this size, of which there are any number.
    pub(super) fn matrices(&mut self, index: usize, place: &str, size: usize) -> Result<Vec<Vec<Complex64>>> {
        let shape = [1, size, size, 2];
        let values = self.reals(index, place, |found| found.len() == 4 && found[1..] == shape[1..], &shape)?;
        Ok(values.chunks(2 * size * size).map(pairs).collect())
    }
}

fn pairs(values: &[f64]) -> Vec<Complex64> {
    values.chunks_exact(2).map(|pair| Complex64::new(pair[0], pair[1])).collect()
}
