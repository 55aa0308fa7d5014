//! The engine for Pauli propagation, on the CPU: expectation values from the observables' side.
//!
//! A block of samples goes through all words side by side; blocks are shared between threads. Slots become cosines and
//! sines in `f64`, and gradients of angles gradients of inputs and weights, as in the engine for state vectors.

mod blocks;
mod calls;
mod lower;
mod memory;
mod rows;
mod sweep;

use super::host::HostEngine;
use super::simd::arch::check_arch;
use super::{Arguments, Gradients, NeedsGrad, Options, Real, Saved, Simulation};
use crate::error::Result;
use crate::program::Program;
use blocks::Call;
use calls::{block_bytes, check_memory, forward, gradient};
use candle_core::{DType, WithDType};
use lower::Lowered;

/// Options of Pauli propagation: which words are kept.
///
/// A rotation by an unknown angle turns a Pauli word into a sum of two. The limits leave out words that a rotation would
/// bear; without limits, and as long as there are fewer words than `max_terms`, values are exact.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::VarBuilder;
/// use candlewick::{PauliPropagation, Simulation, nn::QuantumLayerConfig, prelude::*};
///
/// // A state vector of 50 qubits has 2^50 amplitudes; here Z of one of them is two words.
/// let mut circuit = Circuit::new(50);
/// for q in 0..50 { circuit.rx(0.3, q); }
/// for q in 0..49 { circuit.rzz(0.2, q, q + 1); }
/// let simulation = Simulation::Pauli(PauliPropagation::with_weight(8));
/// let config = QuantumLayerConfig { simulation, ..Default::default() };
/// let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
/// let z = Measurement::expectation([Z(25)]);
/// let layer = QuantumLayer::with_config(circuit, z, config, vb)?;
/// assert!((layer.evaluate()?.to_vec1::<f64>()?[0] - 0.3f64.cos()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PauliPropagation {
    /// Largest weight, a number of letters, of a word that a rotation bears; `None` for no limit. Clifford gates may
    /// make words heavier. Default: none.
    pub max_weight: Option<u32>,
    /// Largest number of sines on a path to a word; `None` for no limit. For small angles. Default: none.
    pub max_sines: Option<u32>,
    /// Largest number of words while paths are made, which is 5 to 20 times what stays of them. Default 2^22.
    pub max_terms: usize,
}

impl Default for PauliPropagation {
    fn default() -> Self {
        Self { max_weight: None, max_sines: None, max_terms: 1 << 22 }
    }
}

impl PauliPropagation {
    /// Returns the default with a largest weight.
    pub fn with_weight(max_weight: u32) -> Self {
        Self { max_weight: Some(max_weight), ..Self::default() }
    }

    /// Returns the same options with limits of weight and sines that are higher by 2; what has no limit stays so.
    pub(crate) fn raised(self) -> Self {
        let [max_weight, max_sines] = [self.max_weight, self.max_sines].map(|limit| limit.map(|n| n.saturating_add(2)));
        Self { max_weight, max_sines, ..self }
    }
}

/// Numbers of the Pauli words of a layer, from [`QuantumLayer::paths`](crate::QuantumLayer::paths).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PauliPaths {
    /// Number of words that carry values.
    pub terms: usize,
    /// Number of words that turns and channels move, each move counted.
    pub moves: usize,
    /// Number of words that the limits left out. Words are counted before it is known whether they would have come to
    /// anything, so values may be exact even if some were left out.
    pub left_out: usize,
    /// Number of words among [`left_out`](Self::left_out) that were borne of words heavier than the limit. Where there
    /// are many, Clifford gates spread words faster than the limit allows, and outputs become products of cosines that
    /// hardly depend on angles: raise the limit, or entangle neighbours in two halves and not one after another.
    pub of_heavy: usize,
    /// Bytes of a block with its gradient: of one sample, or, if the layer has inputs, of 16 samples (8 in F64) side by
    /// side.
    pub bytes: u64,
}

impl PauliPaths {
    /// Returns whether no word was left out, so that values are exact up to rounding.
    pub fn is_exact(&self) -> bool {
        self.left_out == 0
    }
}

/// Runs generic code for the number of lanes of a block: one for a single sample, else a cache line or two.
macro_rules! in_lanes {
    ($t:ty, $batch:expr, $body:ident, $($arguments:expr),*) => {
        match (<$t>::DTYPE, $batch) {
            (_, 0 | 1) => $body::<$t, 1>($($arguments),*),
            (_, 2..=4) => $body::<$t, 4>($($arguments),*),
            (DType::F64, _) => $body::<$t, 8>($($arguments),*),
            _ => $body::<$t, 16>($($arguments),*),
        }
    };
}

/// Returns the numbers of the words of a program, which are made at the first request.
///
/// # Errors
/// A program that Pauli propagation cannot run; more words than the limits.
pub(crate) fn count_paths(
    program: &Program,
    options: &PauliPropagation,
    memory_limit: Option<u64>,
    (dtype, is_one): (DType, bool),
) -> Result<PauliPaths> {
    let lowered = Lowered::of(program, options, memory_limit)?;
    let paths = &lowered.paths;
    let batch = if is_one { 1 } else { usize::MAX };
    let bytes = match dtype {
        DType::F64 => in_lanes!(f64, batch, block_bytes, paths),
        _ => in_lanes!(f32, batch, block_bytes, paths),
    };
    let (left_out, of_heavy) = (paths.left_out, paths.of_heavy);
    Ok(PauliPaths { terms: paths.terms, moves: paths.work(), left_out, of_heavy, bytes })
}

/// Engine for Pauli propagation of tensors on `Device::Cpu`.
#[derive(Debug)]
pub(crate) struct Pauli;

/// Runs `f` with this engine in place of the CPU engine, on this thread.
#[cfg(feature = "testing")]
pub fn with_pauli_engine<R>(f: impl FnOnce() -> R) -> R {
    super::with_engine(std::sync::Arc::new(super::host::OnHost(Pauli)), f)
}

fn options_of(options: &Options) -> PauliPropagation {
    match &options.simulation {
        Simulation::Pauli(options) => *options,
        _ => PauliPropagation::default(),
    }
}

impl HostEngine for Pauli {
    fn check<T: Real>(&self, program: &Program, batch: usize, options: &Options) -> Result<()> {
        check_arch()?;
        let lowered = Lowered::of(program, &options_of(options), options.memory_limit)?;
        in_lanes!(T, batch, check_memory, &lowered.paths, options, false, 0)
    }

    fn forward<T: Real>(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        options: &Options,
        save: bool,
    ) -> Result<(Vec<T>, Option<Saved>)> {
        check_arch()?;
        let lowered = Lowered::of(program, &options_of(options), options.memory_limit)?;
        let call = Call { program, lowered: &lowered, arguments };
        in_lanes!(T, arguments.batch, forward, &call, options, save)
    }

    fn gradient<T: Real>(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        options: &Options,
        cotangent: &[T],
        needs_grad: NeedsGrad,
        saved: Option<Saved>,
    ) -> Result<Gradients<T>> {
        check_arch()?;
        let lowered = Lowered::of(program, &options_of(options), options.memory_limit)?;
        let call = Call { program, lowered: &lowered, arguments };
        in_lanes!(T, arguments.batch, gradient, &call, options, (cotangent, needs_grad), saved)
    }
}
