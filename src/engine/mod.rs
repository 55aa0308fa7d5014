//! Engines compute outputs and gradients of programs.
//!
//! An [`Engine`] gets a [`Request`]: a [`Program`], inputs `[batch, features]`, concatenated weights and [`Options`].
//! It returns outputs `[batch, outputs]` or, for a cotangent of the outputs, gradients in inputs and weights (a
//! vector-Jacobian product). [`for_device`] chooses the engine. Engines for tensors in the host's memory implement
//! [`HostEngine`](host::HostEngine), which works on slices of numbers. All `unsafe` code of the crate is in this module
//! and its children.

mod budget;
pub(crate) mod cpu;
pub(crate) mod density;
#[cfg(any(feature = "cuda", feature = "metal", feature = "emulator"))]
pub mod gpu;
pub(crate) mod host;
mod lines;
pub(crate) mod pauli;
mod pool;
#[cfg(feature = "testing")]
pub(crate) mod reference;
mod select;
pub(crate) mod share;
pub(crate) mod simd;
pub(crate) mod threads;
mod tile_planner;

#[cfg(feature = "testing")]
pub(crate) use select::with_engine;
pub(crate) use select::{exists_for, for_device};

use crate::cluster::Sharing;
use crate::error::Result;
use crate::exchange::executor::Executor;
use crate::program::{Embedding, Program, Slot};
use candle_core::{DType, Storage, Tensor};
use std::any::Any;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};
use std::sync::Arc;

/// Options of a call, the same for all engines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Bytes that the call may take; `None` for the memory that the device has available.
    pub(crate) memory_limit: Option<u64>,
    /// Representation of the state.
    pub(crate) simulation: Simulation,
    /// Group that shares the state.
    pub(crate) sharing: Option<Sharing>,
}

impl Options {
    /// Options with a memory limit, and defaults for the rest.
    pub(crate) fn limited(memory_limit: Option<u64>) -> Self {
        Self { memory_limit, ..Self::default() }
    }
}

/// Representation of a circuit's state.
///
/// | variant | numbers of a state of n qubits | noise channels | device |
/// |---|---|---|---|
/// | [`Auto`](Self::Auto) | as one of the next two | exact | all, with channels the CPU |
/// | [`StateVector`](Self::StateVector) | 2^n complex amplitudes | none | all |
/// | [`Density`](Self::Density) | 4^n real numbers | exact | CPU |
/// | [`Trajectories`](Self::Trajectories) | 2^n complex amplitudes for each trajectory | estimates, Pauli words | all |
/// | [`External`](Self::External) | none here: a program outside has the state | none | all |
/// | [`Pauli`](Self::Pauli) | the coefficients of Pauli words | exact, Kraus operators: Pauli words | CPU |
///
/// Two values are equal if they are the same variant with the same numbers; two of [`External`](Self::External) are
/// equal if they share one executor, that is if one is a clone of the other.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::VarBuilder;
/// use candlewick::{Simulation, prelude::*};
///
/// let mut circuit = Circuit::new(1);
/// circuit.ry(0.3, 0).depolarizing(0.1, 0);
/// let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
/// let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
/// assert_eq!(layer.simulation()?, Simulation::Density); // chosen by `Auto`
/// let y = layer.evaluate()?.to_vec1::<f64>()?;
/// assert!((y[0] - (1.0 - 4.0 / 3.0 * 0.1) * 0.3f64.cos()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Simulation {
    /// State vectors for circuits without noise channels, density matrices of up to 10 qubits for the others.
    #[default]
    Auto,
    /// All amplitudes of a pure state. A circuit with noise channels is an error.
    StateVector,
    /// The density matrix, as the real numbers `Tr(P ρ)` of all Pauli words P, exactly. Memory grows as 4^n; dense
    /// unitaries act on at most three qubits, and there are no amplitudes to measure.
    Density,
    /// Averages over state vectors, each with errors drawn for all channels: unbiased estimates of values and
    /// gradients, in angles and in strengths. A trajectory costs about as much as a sample of the circuit without
    /// noise.
    ///
    /// Channels apply Pauli words with probabilities: flips, Pauli and depolarizing channels, phase damping, and Kraus
    /// operators that are multiples of Pauli words. Readout errors have constant strengths and stand behind the last
    /// use of their qubit. Other channels are a typed error, and so are variances, amplitudes, finite shots, Jacobians
    /// and Hessians. The trajectory without errors counts with its exact probability. A value under a condition is a
    /// ratio of two averages, with a bias of the order of 1 / `count`. Each call draws anew, as for
    /// [`shots`](crate::QuantumLayerConfig::shots); a value and its gradient share their draws.
    Trajectories {
        /// Number of trajectories of each sample, beside the one without errors: 1 to 2^24.
        count: usize,
    },
    /// A program outside that runs OpenQASM, for instance on hardware: see [`executor`](crate::executor). Values are
    /// estimates from [`shots`](crate::QuantumLayerConfig::shots), which have to be set.
    ///
    /// The circuit is sent with numbers in the place of inputs and weights, as it is written: no
    /// [rewrite](crate::program::Rewrite) changes it, operations whose conditions do not hold are left out, and
    /// measurements and resets on the way are deferred. A forward pass sends a text for each sample and each group of
    /// observables that can be measured together. [`GradientMethod::Auto`](crate::GradientMethod::Auto) is parameter
    /// shift: a backward pass sends as many texts for each shift, two for each rotation or phase with a tracked angle,
    /// four under controls, twice as many for variances. [`sample`](crate::QuantumLayer::sample) and
    /// [`counts`](crate::QuantumLayer::counts) send one text for each sample. Samples with a NaN are not sent.
    ///
    /// Noise channels, amplitudes and the adjoint method are typed errors, and so are operations that OpenQASM does not
    /// have: embedded amplitudes and dense unitaries on several qubits.
    External(Arc<dyn Executor>),
    /// Pauli propagation: expectation values from the observables' side, as sums of Pauli words. Time and memory grow
    /// with the number of words, not with 2^n; limits of [`PauliPropagation`](crate::PauliPropagation) leave words out.
    ///
    /// Circuits have up to 256 qubits, the others up to 58. Observables are sums of Pauli words; diagonals, projectors and
    /// matrices are written as sums. There are probabilities of up to 10 qubits. Channels of the table are exact.
    /// Amplitudes, variances, shots, embedded amplitudes and Kraus operators that mix words are typed errors.
    Pauli(pauli::PauliPropagation),
}

impl PartialEq for Simulation {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Auto, Self::Auto) | (Self::StateVector, Self::StateVector) | (Self::Density, Self::Density) => true,
            (Self::Trajectories { count }, Self::Trajectories { count: other }) => count == other,
            (Self::External(executor), Self::External(other)) => Arc::ptr_eq(executor, other),
            (Self::Pauli(options), Self::Pauli(other)) => options == other,
            _ => false,
        }
    }
}

impl Eq for Simulation {}

/// Program, arguments and options of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) program: &'a Program,
    /// Inputs `[batch, features]`, contiguous.
    pub(crate) inputs: &'a Tensor,
    /// All weight tensors, concatenated in the order of their names; contiguous, with the dtype of the inputs.
    pub(crate) weights: &'a Tensor,
    pub(crate) options: &'a Options,
}

impl Request<'_> {
    /// Number of samples.
    pub(crate) fn batch(&self) -> usize {
        self.inputs.dims().first().copied().unwrap_or(0)
    }
}

/// Results of a forward pass that its gradient may use, in a type of the engine's own.
pub(crate) type Saved = Box<dyn Any + Send>;

/// Engine that runs programs on tensors.
pub(crate) trait Engine: Debug + Send + Sync {
    /// Checks that a forward pass of this many samples can run, before a caller takes memory for its arguments.
    ///
    /// # Errors
    /// The dtype is not supported, or the memory is too small.
    fn check(&self, program: &Program, batch: usize, dtype: DType, options: &Options) -> Result<()>;

    /// Computes outputs `[batch, outputs]`, row by row. If `save`, also returns results that make the gradient faster,
    /// unless they are too large.
    ///
    /// # Errors
    /// The errors of [`check`](Self::check), or an argument is not contiguous or on another device.
    fn forward(&self, request: &Request<'_>, save: bool) -> Result<(Storage, Option<Saved>)>;

    /// Computes the gradients of `sum(cotangent * outputs)` in inputs and weights, for a contiguous cotangent `[batch,
    /// outputs]`; `None` for a gradient that is not asked for. Results saved by a forward pass with the same arguments
    /// make the gradient faster, and change nothing else.
    ///
    /// # Errors
    /// The errors of [`forward`](Self::forward).
    fn gradient(
        &self,
        request: &Request<'_>,
        cotangent: &Tensor,
        needs_grad: NeedsGrad,
        saved: Option<Saved>,
    ) -> Result<[Option<Tensor>; 2]>;
}

/// Precision of a state: `f32` or `f64`.
pub(crate) trait Real:
    candle_core::WithDType
    + simd::SimdReal
    + pulp::bytemuck::Pod
    + Default
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
    + AddAssign
{
    /// Distance from 1 to the next larger number.
    const EPSILON: f64;

    /// NaN.
    fn nan() -> Self {
        Self::from_f64(f64::NAN)
    }
}

impl Real for f32 {
    const EPSILON: f64 = f32::EPSILON as f64;
}

impl Real for f64 {
    const EPSILON: f64 = f64::EPSILON;
}

/// Inputs and weights of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arguments<'a, T> {
    /// Inputs `[batch, features]`, row by row.
    pub(crate) inputs: &'a [T],
    /// All weight tensors, concatenated in the order of their names.
    pub(crate) weights: &'a [T],
    /// Number of samples.
    pub(crate) batch: usize,
}

impl<'a, T> Arguments<'a, T> {
    /// Features of a sample that become its initial state.
    pub(crate) fn embedded(&self, program: &Program, embedding: Embedding, sample: usize) -> &'a [T] {
        let start = sample * program.engine_inputs + embedding.first;
        &self.inputs[start..start + embedding.count]
    }
}

/// Arguments whose gradients are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NeedsGrad {
    /// Whether the gradient in the inputs is asked for.
    pub(crate) inputs: bool,
    /// Whether the gradient in the weights is asked for.
    pub(crate) weights: bool,
}

impl NeedsGrad {
    /// Whether a gradient that is asked for goes through a slot.
    pub(crate) fn reaches(self, slot: &Slot) -> bool {
        self.inputs && slot.reads_inputs() || self.weights && slot.reads_weights()
    }
}

/// Gradients of `sum(cotangent * outputs)`; `None` for gradients that are not asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gradients<T> {
    /// Gradient in the inputs, `[batch, features]`.
    pub(crate) inputs: Option<Vec<T>>,
    /// Gradient in all weight tensors, concatenated.
    pub(crate) weights: Option<Vec<T>>,
}
