//! Circuits as functions of tensors, without a layer. Weights may be any tensors, for example outputs of other
//! networks.

mod derivatives;
mod embedded;
mod ensemble;
mod matrix;

pub use crate::gradient::{MetricTensor, Wrt};
pub(crate) use derivatives::{Bound, states_as_written};
pub use derivatives::{ValueAndGrad, hessian, hessian_vector_product, jacobian, metric_tensor, value_and_grad};
pub(crate) use ensemble::run_ensemble;

use crate::circuit::Circuit;
use crate::derived_features;
use crate::derived_outputs::derive_outputs;
use crate::engine::{self, Options, Simulation};
use crate::error::{DeviceError, Error, Result, TensorError, WeightsError};
use crate::gradient::Estimator;
use crate::limits::{self, check_copy};
use crate::measurement::Measurement;
use crate::memory;
use crate::program::{Program, Rewrite, Rewrites};
use candle_core::{DType, Device, Shape, Tensor};
use std::sync::Arc;

/// Evaluates a circuit on `inputs` (`[.., features]`, any leading dimensions) with the weight tensors given by name.
///
/// The result is `[.., outputs]` in the dtype of the arguments, and differentiable in all of them. A circuit that reads
/// no inputs takes `None` and returns `[outputs]`. Each call lowers the circuit again and copies the program to the
/// device. A [`QuantumLayer`](crate::QuantumLayer) does both once.
///
/// ```
/// use candle_core::{Device, Tensor, Var};
/// use candlewick::{functional, prelude::*};
///
/// let mut circuit = Circuit::new(1);
/// let w = circuit.weights("w", 1);
/// circuit.ry(input(0), 0).ry(w.at([0]), 0);
///
/// let x = Tensor::new(&[[0.3f64], [0.5]], &Device::Cpu)?;
/// let weight = Var::new(&[0.2f64], &Device::Cpu)?;
/// let y = functional::evaluate(
///     &circuit,
///     &Measurement::expectation([Z(0)]),
///     Some(&x),
///     &[("w", &weight)],
/// )?;
/// let gradients = y.sum_all()?.backward()?;
///
/// let slope = gradients.get(&weight).unwrap().to_vec1::<f64>()?[0];
/// // The derivative of cos(x + w) by w, summed.
/// assert!((slope + 0.5f64.sin() + 0.7f64.sin()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Ensembles
/// Weight tensors may have one dimension more than declared, in front: `[members, ..]`. The result is then
/// `[members, .., outputs]`: every member is evaluated on every input. All members share tensors of the declared shape.
///
/// ```
/// # use candle_core::{Device, Tensor};
/// # use candlewick::{functional, prelude::*};
/// # let mut circuit = Circuit::new(1);
/// # let w = circuit.weights("w", 1);
/// # circuit.ry(input(0), 0).ry(w.at([0]), 0);
/// let x = Tensor::zeros((32, 1), candle_core::DType::F64, &Device::Cpu)?;
/// let weights = Tensor::new(&[[0.2f64], [0.4], [0.6]], &Device::Cpu)?; // three members
/// let y = functional::evaluate(
///     &circuit,
///     &Measurement::expectation([Z(0)]),
///     Some(&x),
///     &[("w", &weights)],
/// )?;
/// assert_eq!(y.dims(), [3, 32, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Mistakes of the circuit or the measurement; a sample of zeros that should become amplitudes; weights that are
/// missing, unknown or of another shape; ensembles of different sizes; an input of another width; dtypes or devices
/// that differ or are not supported; a state beyond the memory budget.
pub fn evaluate(
    circuit: &Circuit,
    measurement: &Measurement,
    inputs: Option<&Tensor>,
    weights: &[(&str, &Tensor)],
) -> Result<Tensor> {
    evaluate_by(&Simulation::Auto, circuit, measurement, inputs, weights)
}

/// Computes outputs as [`evaluate`] does, by a simulation of one's choice.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::{PauliPropagation, Simulation, functional, prelude::*};
///
/// // A quarter turn about ZZ between rotations about X, on 200 qubits.
/// let mut circuit = Circuit::new(200);
/// for q in 0..200 { circuit.rx(input(0), q); }
/// for q in 0..199 { circuit.rzz(std::f64::consts::FRAC_PI_2, q, q + 1); }
/// let x = Tensor::new(&[0.3f64], &Device::Cpu)?;
/// let y = functional::evaluate_by(
///     &Simulation::Pauli(PauliPropagation::default()),
///     &circuit,
///     &Measurement::expectation([Z(100)]),
///     Some(&x),
///     &[],
/// )?;
/// assert!((y.to_vec1::<f64>()?[0] - 0.3f64.cos()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`evaluate`]; a simulation that cannot run the circuit or the measurement, or that has estimates alone
/// (trajectories, and programs outside: take a layer).
pub fn evaluate_by(
    simulation: &Simulation,
    circuit: &Circuit,
    measurement: &Measurement,
    inputs: Option<&Tensor>,
    weights: &[(&str, &Tensor)],
) -> Result<Tensor> {
    let program = Arc::new(program_for(simulation, circuit, measurement, Rewrites::ALL)?);
    let (sorted, members) = sort_weights(&program, weights)?;
    let default = (DType::F32, &Device::Cpu);
    let options = Options { simulation: simulation.clone(), ..Options::default() };
    match members {
        None => run_program(&program, &Estimator::exact(options), default, inputs, &sorted, true),
        Some(members) => run_ensemble(&program, &options, members, default, inputs, &sorted),
    }
}

/// Lowers a circuit for a simulation: only Pauli propagation takes more qubits than a state has. It and density matrices
/// take a matrix on two qubits as it is, where a Clifford gate moves words one to one; its factors would not. Rotations
/// about words stay rotations there, too.
pub(crate) fn program_for(
    simulation: &Simulation,
    circuit: &Circuit,
    measurement: &Measurement,
    rewrites: Rewrites,
) -> Result<Program> {
    let whole = rewrites.without(Rewrite::TwoQubitMatrices).without(Rewrite::Excitations);
    match simulation {
        Simulation::Pauli(_) => Program::of_any_width(circuit, measurement, whole),
        Simulation::Density => Program::with_rewrites(circuit, measurement, whole),
        _ => Program::with_rewrites(circuit, measurement, rewrites),
    }
}

/// Sorts the tensors into the program's order and checks each against its declaration. Also returns the number of
/// members if the tensors are an ensemble.
fn sort_weights<'a>(program: &Program, given: &[(&str, &'a Tensor)]) -> Result<(Vec<&'a Tensor>, Option<usize>)> {
    let declared = || program.tensors.iter().map(|tensor| tensor.name.clone()).collect::<Vec<_>>();
    for (k, (name, _)) in given.iter().enumerate() {
        let twice = given[..k].iter().any(|(earlier, _)| earlier == name);
        if twice || !program.tensors.iter().any(|tensor| tensor.name == *name) {
            return Err(Error::Weights(WeightsError::Unexpected { name: (*name).to_owned(), declared: declared() }));
        }
    }
    let mut ensemble: Option<(usize, &str)> = None;
    let mut find = |tensor: &crate::program::Tensor| {
        let found = given.iter().find(|(name, _)| *name == tensor.name);
        let Some(&(name, value)) = found else {
            return Err(Error::Weights(WeightsError::Missing { name: tensor.name.clone(), declared: declared() }));
        };
        if value.shape() == &tensor.shape {
            return Ok(value);
        }
        let (expected, actual) = (tensor.shape.clone(), value.shape().clone());
        match value.dims() {
            [members, rest @ ..] if rest == tensor.shape.dims() => match *ensemble.get_or_insert((*members, name)) {
                (others, _) if others == *members => Ok(value),
                (others, other) => {
                    let (name, other) = (name.to_owned(), other.to_owned());
                    Err(Error::Weights(WeightsError::Members { name, members: *members, other, others }))
                }
            },
            _ => Err(Error::Weights(WeightsError::Shape { name: name.to_owned(), expected, actual })),
        }
    };
    let sorted = program.tensors.iter().map(&mut find).collect::<Result<_>>()?;
    Ok((sorted, ensemble.map(|(members, _)| members)))
}

/// Arguments of a call, checked against each other and against the program.
pub(crate) struct CallArgs<'a> {
    /// Dimensions of the input in front of the features.
    leading: &'a [usize],
    /// Features `[batch, features]`, in the precision of the state.
    pub(crate) rows: Tensor,
    /// Dtype of the result.
    outer: DType,
    pub(crate) device: Device,
}

impl<'a> CallArgs<'a> {
    /// Checks the arguments. If there is no tensor at all, `default` has dtype and device.
    pub(crate) fn new(
        program: &Program,
        default: (DType, &Device),
        inputs: Option<&'a Tensor>,
        weights: &[impl AsRef<Tensor>],
    ) -> Result<Self> {
        let names = program.tensors.iter().map(|tensor| Some(tensor.name.as_str()));
        let named = names.zip(weights.iter().map(AsRef::as_ref));
        let common = common(named.chain(inputs.map(|tensor| (None, tensor))))?;
        let (outer, device) = common.unwrap_or_else(|| (default.0, default.1.clone()));
        if !engine::exists_for(&device) {
            return Err(Error::Device(DeviceError::NoEngine { device: place(&device) }));
        }
        let (leading, rows) = match inputs {
            Some(tensor) => rows(program, tensor)?,
            None if program.inputs() > 0 => {
                return Err(Error::Tensor(TensorError::MissingInputs { expected: program.inputs() }));
            }
            None => (&[][..], Tensor::zeros((1, least(&device)), outer, &device)?),
        };
        // A tensor without elements has nothing to cast.
        check_copy("the input", &rows, state_dtype(outer))?;
        let rows = if rows.dim(0)? == 0 { rows } else { rows.to_dtype(state_dtype(outer))?.contiguous()? };
        embedded::check_embedded(program, &rows)?;
        Ok(Self { leading, rows, outer, device })
    }

    /// Features and derived features as the engines read them, `[batch, inputs]`.
    pub(crate) fn with_derived_features(&self, program: &Program, weights: &Tensor) -> Result<Tensor> {
        if program.derived.is_empty() {
            return Ok(self.rows.clone());
        }
        // Counts the derived features twice: in their groups, and all of them in order.
        let numbers = (self.batch() as u64).checked_mul(2 * program.engine_inputs as u64);
        memory::check_numbers("derived features of conditional gates", numbers)?;
        derived_features::append_features(program, &self.rows, &weights.flatten_all()?)
    }

    pub(crate) fn batch(&self) -> usize {
        self.rows.dims()[0]
    }

    /// Precision of the state.
    pub(crate) fn inner(&self) -> DType {
        state_dtype(self.outer)
    }

    /// Returns the result in the caller's dtype; the leading dimensions are `front`, then the leading dimensions of the
    /// input.
    fn shaped(&self, out: &Tensor, front: &[usize], program: &Program) -> Result<Tensor> {
        self.shaped_as(out, front, &program.output_shape)
    }

    /// Does the same as [`shaped`](Self::shaped), with the last dimensions `behind`.
    fn shaped_as(&self, out: &Tensor, front: &[usize], behind: &[usize]) -> Result<Tensor> {
        let shape = || front.iter().chain(self.leading).chain(behind).copied();
        let out = out.to_dtype(self.outer)?;
        Ok(if shape().eq(out.dims().iter().copied()) { out } else { out.reshape(shape().collect::<Vec<_>>())? })
    }

    /// Returns the result for no sample or no member: `nothing`, the argument without elements, in another shape.
    fn empty(&self, nothing: &Tensor, front: &[usize], program: &Program) -> Result<Tensor> {
        self.shaped(&nothing.detach(), front, program)
    }
}

/// Runs a program on tensors of any supported dtype; `weights` have the program's order and shapes. If there is no
/// tensor at all, `default` has dtype and device. The result is in the graph if `in_graph` allows it.
pub(crate) fn run_program(
    program: &Arc<Program>,
    estimator: &Estimator,
    default: (DType, &Device),
    inputs: Option<&Tensor>,
    weights: &[impl AsRef<Tensor>],
    in_graph: bool,
) -> Result<Tensor> {
    let given = CallArgs::new(program, default, inputs, weights)?;
    if given.batch() == 0 {
        return given.empty(&given.rows, &[], program);
    }
    estimator.check(program, in_graph && given.rows.track_op())?;
    let weights = flat(weights, &given)?;
    let rows = given.with_derived_features(program, &weights)?;
    if !program.derives_outputs() {
        return given.shaped(&estimator.apply(program, &rows, &weights, in_graph)?, &[], program);
    }
    let of_engine = estimator.apply(program, &rows, &weights, in_graph)?;
    // Outputs outside the graph are no reason to track what they are multiplied by.
    let [features, weights] = [&given.rows, &weights].map(|one| if in_graph { one.clone() } else { one.detach() });
    given.shaped(&derive_outputs(program, of_engine, &features, &weights.flatten_all()?)?, &[], program)
}

/// Checks the arguments of a call without running it.
pub(crate) fn check_arguments(
    program: &Program,
    default: (DType, &Device),
    inputs: Option<&Tensor>,
    weights: &[impl AsRef<Tensor>],
) -> Result<()> {
    CallArgs::new(program, default, inputs, weights).map(drop)
}

/// Returns features and derived features, `[batch, inputs]`, and all weights, as engines read them.
pub(crate) fn engine_arguments(
    program: &Program,
    (default, inputs): ((DType, &Device), Option<&Tensor>),
    weights: &[impl AsRef<Tensor>],
) -> Result<(Tensor, Tensor)> {
    let given = CallArgs::new(program, default, inputs, weights)?;
    let weights = flat(weights, &given)?;
    Ok((given.with_derived_features(program, &weights)?, weights))
}

/// Passes the final states of all samples to `each`, in the precision of the computation: the number of the first
/// sample, then `[samples, 2^n, 2]`. The program's output is its state. At most `most` samples are computed at once.
pub(crate) fn for_each_states(
    program: &Arc<Program>,
    estimator: &Estimator,
    (default, inputs): ((DType, &Device), Option<&Tensor>),
    weights: &[impl AsRef<Tensor>],
    most: usize,
    mut each: impl FnMut(usize, &Tensor) -> Result<()>,
) -> Result<()> {
    let given = CallArgs::new(program, default, inputs, weights)?;
    let weights = flat(weights, &given)?;
    let rows = given.with_derived_features(program, &weights)?;
    (0..given.batch()).step_by(most.max(1)).try_for_each(|first| {
        let rows = rows.narrow(0, first, most.max(1).min(given.batch() - first))?.contiguous()?;
        each(first, &estimator.apply(program, &rows, &weights, false)?)
    })
}

/// Returns all weights in one tensor, in the precision of the state.
fn flat(weights: &[impl AsRef<Tensor>], given: &CallArgs<'_>) -> Result<Tensor> {
    for one in weights {
        check_copy("a weight tensor", one.as_ref(), given.inner())?;
    }
    Ok(match weights {
        [] => Tensor::zeros(least(&given.device), given.inner(), &given.device)?,
        // The op takes weights of any shape, and every reshaping adds a node to the graph.
        [one] => one.as_ref().to_dtype(given.inner())?.contiguous()?,
        many => {
            let flat = many.iter().map(|one| one.as_ref().flatten_all()).collect::<candle_core::Result<Vec<_>>>()?;
            Tensor::cat(&flat, 0)?.to_dtype(given.inner())?
        }
    })
}

/// Fewest elements of a tensor: a GPU has no tensors without elements, so a tensor without any has one element that
/// nothing reads.
fn least(device: &Device) -> usize {
    usize::from(!device.is_cpu())
}

/// Returns the leading dimensions of an input, and the input as `[batch, features]`.
fn rows<'a>(program: &Program, tensor: &'a Tensor) -> Result<(&'a [usize], Tensor)> {
    let wrong = || Error::Tensor(TensorError::InputWidth { expected: program.inputs(), shape: tensor.shape().clone() });
    let (&width, leading) = tensor.dims().split_last().ok_or_else(wrong)?;
    if width != program.inputs() {
        return Err(wrong());
    }
    let batch = limits::checked_product("the samples", leading)?;
    if leading.len() == 1 {
        return Ok((leading, tensor.clone()));
    }
    // A reshape of strided dimensions may copy.
    check_copy("the input", tensor, tensor.dtype())?;
    Ok((leading, tensor.reshape((batch, width))?))
}

/// Describes a device in words.
fn place(device: &Device) -> String {
    format!("{:?}", device.location())
}

/// Returns the common dtype and device of all tensors, or `None` without tensors. Weight tensors come with their names,
/// the input without a name.
fn common<'a>(tensors: impl Iterator<Item = (Option<&'a str>, &'a Tensor)>) -> Result<Option<(DType, Device)>> {
    let what = |name: Option<&str>| name.map_or("the input".to_owned(), |name| format!("weight tensor `{name}`"));
    let mut common = None;
    for (name, tensor) in tensors {
        let actual = tensor.dtype();
        if !matches!(actual, DType::F16 | DType::BF16 | DType::F32 | DType::F64) {
            return Err(Error::Tensor(TensorError::UnsupportedDType { what: what(name), dtype: actual }));
        }
        let (expected, device) = common.get_or_insert_with(|| (actual, tensor.device().clone()));
        let expected = *expected;
        if actual != expected {
            return Err(Error::Tensor(TensorError::DTypeMismatch { what: what(name), expected, actual }));
        }
        if !tensor.device().same_device(device) {
            let (expected, actual) = (place(device), place(tensor.device()));
            return Err(Error::Tensor(TensorError::DeviceMismatch { what: what(name), expected, actual }));
        }
    }
    Ok(common)
}

/// Precision of the state for a dtype of the caller.
fn state_dtype(outer: DType) -> DType {
    if outer == DType::F64 { DType::F64 } else { DType::F32 }
}

/// Names, shapes and initialisations that a layer requests from its `VarBuilder`.
pub(crate) fn declared_weights(program: &Program) -> impl Iterator<Item = (&str, &Shape, candle_nn::Init)> {
    program.tensors.iter().map(|tensor| (tensor.name.as_str(), &tensor.shape, tensor.init))
}
