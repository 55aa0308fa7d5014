//! Values with gradients, Jacobians, second derivatives and metric tensors.
//!
//! All of them are exact up to rounding and outside candle's graph. Results that combine many evaluations are summed on
//! the host, in `f64`.

use super::{CallArgs, flat, run_program, sort_weights};
use crate::circuit::Circuit;
use crate::engine::Options;
use crate::error::{Error, Result, TensorError, WeightsError};
use crate::gradient::{self, Batches, Direction, Estimator, MetricTensor, Numbers, OfEngine, Wrt};
use crate::measurement::Measurement;
use crate::memory;
use crate::numbers::host_numbers;
use crate::program::{Program, Rewrites};
use candle_core::{DType, Device, Tensor, Var};
use std::sync::Arc;

/// Outputs and gradients, as [`value_and_grad`] returns them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ValueAndGrad {
    /// The outputs, `[.., outputs]`.
    pub value: Tensor,
    /// Gradient in the inputs, of their shape.
    pub inputs: Option<Tensor>,
    /// Gradients in the weight tensors, of their shapes, by name, in the order of the names.
    pub weights: Vec<(String, Tensor)>,
}

/// Returns a circuit's outputs and the exact gradient of their sum in all arguments, tracked or not.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::{functional, prelude::*};
/// let mut circuit = Circuit::new(1);
/// let w = circuit.weights("w", 1);
/// circuit.rx(w.at([0]), 0);
/// let w = Tensor::new(&[0.3f64], &Device::Cpu)?;
/// let energy = Measurement::expectation([Z(0)]);
/// let found = functional::value_and_grad(&circuit, &energy, None, &[("w", &w)])?;
/// assert!((found.value.to_vec1::<f64>()?[0] - 0.3f64.cos()).abs() < 1e-12);
/// assert!((found.weights[0].1.to_vec1::<f64>()?[0] + 0.3f64.sin()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`evaluate`](super::evaluate); ensembles.
pub fn value_and_grad(
    circuit: &Circuit,
    measurement: &Measurement,
    inputs: Option<&Tensor>,
    weights: &[(&str, &Tensor)],
) -> Result<ValueAndGrad> {
    let call = Bound::new(circuit, measurement, weights)?;
    let var = |tensor: &Tensor| Var::from_tensor(&tensor.detach().copy()?);
    let inputs = inputs.map(var).transpose()?;
    let vars = call.weights.iter().map(|tensor| var(tensor)).collect::<candle_core::Result<Vec<_>>>()?;
    let tensors: Vec<&Tensor> = vars.iter().map(Var::as_tensor).collect();
    let estimator = Estimator::exact(Options::default());
    let value = run_program(&call.program, &estimator, DEFAULT, inputs.as_deref(), &tensors, true)?;
    let store = value.sum_all()?.backward()?;
    let of = |var: &Var| store.get(var).map_or_else(|| var.zeros_like(), |gradient| Ok(gradient.clone()));
    let names = call.program.tensors.iter().map(|tensor| tensor.name.clone());
    Ok(ValueAndGrad {
        value: value.detach(),
        inputs: inputs.as_ref().map(of).transpose()?,
        weights: names.zip(&vars).map(|(name, var)| Ok((name, of(var)?))).collect::<Result<_>>()?,
    })
}

/// Returns the exact derivative of each output of each sample in each of its inputs or in each weight,
/// `[.., outputs, variables]`.
///
/// The cost is a reverse sweep for each output, or two (four, eight) evaluations for each angle, whichever are fewer.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::functional::{self, Wrt};
/// use candlewick::prelude::*;
/// let mut circuit = Circuit::new(2);
/// circuit.ry(input(0), 0).ry(2.0 * input(1), 1);
/// let x = Tensor::new(&[[0.3f64, 0.4], [0.5, 0.6]], &Device::Cpu)?;
/// let outputs = Measurement::expectation([Z(0), Z(1)]);
/// // [2, 2, 2]
/// let j = functional::jacobian(&circuit, &outputs, Some(&x), &[], Wrt::Inputs)?;
/// let j = j.to_vec3::<f64>()?;
/// assert!((j[1][1][1] + 2.0 * 1.2f64.sin()).abs() < 1e-12 && j[1][1][0].abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`evaluate`](super::evaluate); ensembles.
pub fn jacobian(
    circuit: &Circuit,
    measurement: &Measurement,
    inputs: Option<&Tensor>,
    weights: &[(&str, &Tensor)],
    wrt: Wrt,
) -> Result<Tensor> {
    let call = Bound::new(circuit, measurement, weights)?;
    let behind = call.behind(wrt, 1);
    call.find(inputs, &behind, |batches, numbers, values| {
        let jacobian = gradient::jacobian_matrices(batches, numbers, wrt)?;
        if !call.program.derives_outputs() {
            return Ok(jacobian);
        }
        let of_engine = OfEngine { values: &values()?, jacobian: &jacobian, second: &[] };
        Ok(gradient::derive_derivatives(numbers, wrt, of_engine, Direction::None))
    })
}

/// Returns all second derivatives of each output of each sample in its inputs or in the weights,
/// `[.., outputs, variables, variables]`. They are exact, and the matrix is symmetric.
///
/// The adjoint gradient is shifted: each output takes a reverse sweep for each shift of each angle. A rotation or phase
/// has two shifts, a rotation under controls has four, and variances double both numbers.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::functional::{self, Wrt};
/// use candlewick::prelude::*;
/// let mut circuit = Circuit::new(1);
/// let w = circuit.weights("w", 2);
/// circuit.rx(w.at([0]) * w.at([1]), 0);
/// let (a, b) = (0.3f64, 0.7);
/// let w = Tensor::new(&[a, b], &Device::Cpu)?;
/// let h = functional::hessian(
///     &circuit,
///     &Measurement::expectation([Z(0)]),
///     None,
///     &[("w", &w)],
///     Wrt::Weights,
/// )?;
/// let h = h.to_vec3::<f64>()?; // of cos(a b)
/// assert!((h[0][0][0] + b * b * (a * b).cos()).abs() < 1e-12);
/// assert!((h[0][0][1] + (a * b).sin() + a * b * (a * b).cos()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`evaluate`](super::evaluate); ensembles; second derivatives in features that are embedded as
/// amplitudes.
pub fn hessian(
    circuit: &Circuit,
    measurement: &Measurement,
    inputs: Option<&Tensor>,
    weights: &[(&str, &Tensor)],
    wrt: Wrt,
) -> Result<Tensor> {
    let call = Bound::new(circuit, measurement, weights)?;
    call.second_derivatives(inputs, wrt, Direction::None)
}

/// Returns the second derivatives of each output of each sample times a vector, `[.., outputs, variables]`, exact.
///
/// `vector` is `[variables]`, or `[.., variables]` with a vector for each sample. The matrix itself is never stored;
/// the cost is the cost of [`hessian`].
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::functional::{self, Wrt};
/// use candlewick::prelude::*;
/// let mut circuit = Circuit::new(2);
/// circuit.ry(input(0), 0).cx(0, 1).ry(input(1), 1);
/// let (x, v) = (
///     Tensor::new(&[0.3f64, 0.4], &Device::Cpu)?,
///     Tensor::new(&[1.0f64, -2.0], &Device::Cpu)?,
/// );
/// let outputs = Measurement::expectation([Z(1)]);
/// let hv = functional::hessian_vector_product(
///     &circuit,
///     &outputs,
///     Some(&x),
///     &[],
///     Wrt::Inputs,
///     &v,
/// )?;
/// let h = functional::hessian(&circuit, &outputs, Some(&x), &[], Wrt::Inputs)?;
/// let difference = (h.get(0)?.matmul(&v.unsqueeze(1)?)?.flatten_all()? - hv.get(0)?)?
///     .abs()?
///     .max_all()?;
/// assert!(difference.to_scalar::<f64>()? < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`hessian`]; a vector of another shape.
pub fn hessian_vector_product(
    circuit: &Circuit,
    measurement: &Measurement,
    inputs: Option<&Tensor>,
    weights: &[(&str, &Tensor)],
    wrt: Wrt,
    vector: &Tensor,
) -> Result<Tensor> {
    let call = Bound::new(circuit, measurement, weights)?;
    let count = call.count(wrt);
    let leading = inputs.map_or(&[][..], |inputs| &inputs.dims()[..inputs.dims().len().saturating_sub(1)]);
    let shape: Vec<usize> = leading.iter().copied().chain([count]).collect();
    if vector.dims() != [count] && vector.dims() != shape {
        return Err(Error::Tensor(TensorError::Shape {
            what: "the vector",
            expected: shape.into(),
            actual: vector.shape().clone(),
        }));
    }
    if !vector.dtype().is_float() {
        return Err(Error::Tensor(TensorError::UnsupportedDType {
            what: "the vector".to_owned(),
            dtype: vector.dtype(),
        }));
    }
    let numbers = shape.iter().try_fold(1u64, |product, size| product.checked_mul(*size as u64));
    memory::check_numbers("the vectors of all samples", numbers)?;
    let vector = host_numbers(&vector.broadcast_as(shape)?)?;
    call.second_derivatives(inputs, wrt, Direction::Each(&vector))
}

/// Returns the Fubini-Study metric tensor of a circuit's final states in the inputs or the weights,
/// `[.., variables, variables]`: `g_ij = Re(<∂i ψ|∂j ψ> - <∂i ψ|ψ><ψ|∂j ψ>)` (Stokes, Izaac, Killoran and Carleo,
/// Quantum 4, 269, 2020).
///
/// The cost is two states for each angle. All these states are in memory at once; [`MetricTensor::BlockDiagonal`] has
/// only the states of one layer in memory.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::functional::{self, MetricTensor, Wrt};
/// use candlewick::prelude::*;
/// let mut circuit = Circuit::new(1);
/// let w = circuit.weights("w", 2);
/// circuit.ry(w.at([0]), 0).rz(w.at([1]), 0);
/// let w = Tensor::new(&[0.3f64, 0.4], &Device::Cpu)?;
/// let g = functional::metric_tensor(
///     &circuit,
///     None,
///     &[("w", &w)],
///     Wrt::Weights,
///     MetricTensor::Full,
/// )?;
/// let g = g.to_vec2::<f64>()?; // a quarter of the sphere's: 1/4 and sin²θ/4
/// assert!(
///     (g[0][0] - 0.25).abs() < 1e-12
///         && (g[1][1] - 0.3f64.sin().powi(2) / 4.0).abs() < 1e-12
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`evaluate`](super::evaluate); ensembles; a circuit that measures or resets qubits on its way;
/// features that are embedded as amplitudes; derivatives of states beyond the memory.
pub fn metric_tensor(
    circuit: &Circuit,
    inputs: Option<&Tensor>,
    weights: &[(&str, &Tensor)],
    wrt: Wrt,
    entries: MetricTensor,
) -> Result<Tensor> {
    Bound::as_written(circuit, weights)?.metric(inputs, wrt, entries)
}

/// Lowers the circuit as it is written, with the state as output, for its metric tensor.
pub(crate) fn states_as_written(circuit: &Circuit) -> Result<Program> {
    circuit.check_pure()?;
    Program::with_rewrites(circuit, &Measurement::State, Rewrites::AS_WRITTEN)
}

/// Dtype and device of calls without any tensor.
const DEFAULT: (DType, &Device) = (DType::F32, &Device::Cpu);

/// A lowered circuit and its weights.
pub(crate) struct Bound<'a> {
    pub(crate) program: Arc<Program>,
    /// Weights in the program's order.
    pub(crate) weights: Vec<&'a Tensor>,
}

impl<'a> Bound<'a> {
    fn new(circuit: &Circuit, measurement: &Measurement, weights: &[(&str, &'a Tensor)]) -> Result<Self> {
        Self::bind(Program::new(circuit, measurement)?, weights)
    }

    /// Lowers for a metric tensor: the output is the state, and the layers are the layers of the operations.
    fn as_written(circuit: &Circuit, weights: &[(&str, &'a Tensor)]) -> Result<Self> {
        Self::bind(states_as_written(circuit)?, weights)
    }

    fn bind(program: Program, weights: &[(&str, &'a Tensor)]) -> Result<Self> {
        let program = Arc::new(program);
        let (sorted, members) = sort_weights(&program, weights)?;
        if members.is_some() {
            let whole = |(tensor, value): &(&crate::program::Tensor, &&Tensor)| value.shape() == &tensor.shape;
            let larger = program.tensors.iter().zip(&sorted).find(|pair| !whole(pair));
            if let Some((tensor, value)) = larger {
                let (expected, actual) = (tensor.shape.clone(), value.shape().clone());
                return Err(Error::Weights(WeightsError::Shape { name: tensor.name.clone(), expected, actual }));
            }
        }
        Ok(Self { program, weights: sorted })
    }

    /// Computes [`metric_tensor`]; the program's output is its state.
    pub(crate) fn metric(&self, inputs: Option<&Tensor>, wrt: Wrt, entries: MetricTensor) -> Result<Tensor> {
        let behind = [self.count(wrt); 2];
        self.find(inputs, &behind, |batches, numbers, _| gradient::metric_tensors(batches, numbers, wrt, entries))
    }

    fn second_derivatives(&self, inputs: Option<&Tensor>, wrt: Wrt, direction: Direction<'_>) -> Result<Tensor> {
        let times = if let Direction::None = direction { 2 } else { 1 };
        self.find(inputs, &self.behind(wrt, times), |batches, numbers, values| {
            let second = gradient::hessian_matrices(batches, numbers, wrt, direction)?;
            if !self.program.derives_outputs() {
                return Ok(second);
            }
            let jacobian = gradient::jacobian_matrices(batches, numbers, wrt)?;
            let of_engine = OfEngine { values: &values()?, jacobian: &jacobian, second: &second };
            Ok(gradient::derive_derivatives(numbers, wrt, of_engine, direction))
        })
    }

    fn count(&self, wrt: Wrt) -> usize {
        match wrt {
            Wrt::Inputs => self.program.inputs(),
            Wrt::Weights => self.program.weights(),
        }
    }

    /// Dimensions behind the dimensions of the batch: the outputs, then `times` times the number of variables.
    fn behind(&self, wrt: Wrt, times: usize) -> Vec<usize> {
        let variables = std::iter::repeat_n(self.count(wrt), times);
        self.program.output_shape.iter().copied().chain(variables).collect()
    }

    /// Returns the result `[batch, ..]` of `find` with the input's leading dimensions in front and `behind` at the end.
    /// `find` gets a function that computes the outputs of the engine.
    fn find(
        &self,
        inputs: Option<&Tensor>,
        behind: &[usize],
        find: impl FnOnce(&Batches<'_>, &Numbers<'_>, &dyn Fn() -> Result<Vec<f64>>) -> Result<Vec<f64>>,
    ) -> Result<Tensor> {
        let given = CallArgs::new(&self.program, DEFAULT, inputs, &self.weights)?;
        let sizes = behind.iter().try_fold(given.batch() as u64, |product, size| product.checked_mul(*size as u64));
        // The engine's outputs have derivatives in memory too, and the derivatives of one sample are copied.
        let beside = self.program.engine_outputs().div_ceil(self.program.outputs().max(1)) as u64;
        let beside = if self.program.derives_outputs() { 2 * (1 + beside) } else { 1 };
        memory::check_numbers("derivatives", sizes.and_then(|sizes| sizes.checked_mul(beside)))?;
        let weights = flat(&self.weights, &given)?.detach();
        let rows = given.with_derived_features(&self.program, &weights)?.detach();
        let numbers = Numbers::new(&self.program, &rows, &weights)?;
        let estimator = Estimator::exact(Options::default());
        let (dtype, device) = (given.inner(), &given.device);
        let batches = Batches { estimator: &estimator, program: &self.program, dtype, device, call: 0 };
        let values = || match given.batch() {
            0 => Ok(Vec::new()),
            _ => host_numbers(&estimator.apply(&self.program, &rows, &weights, false)?),
        };
        let mut found = find(&batches, &numbers, &values)?;
        numbers.spoil(&mut found);
        let found = Tensor::from_vec(found, given.batch() * behind.iter().product::<usize>(), &Device::Cpu)?;
        given.shaped_as(&found.to_dtype(dtype)?.to_device(device)?, &[], behind)
    }
}
