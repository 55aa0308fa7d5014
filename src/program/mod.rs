//! Programs: a circuit and a measurement lowered to flat steps with resolved slots.
//!
//! Lowering happens once a layer. A program knows no gate names and no tensors; an engine knows nothing but programs.
//!
//! - A **variable** is an input feature or an entry of the concatenated weights (tensors sorted by name).
//! - A **column** is a further number a sample, made from its features before an engine sees them.
//! - A **slot** is an expression in variables whose cosine and sine steps need. Rotations use half their angle, so a slot
//!   holds the number under the cosine, and equal expressions share one slot.
//! - A **step** is one of five kernels under a mask of controls.

mod cache;
mod conditional;
pub(crate) mod derived_features;
mod diagonalized;
mod display;
mod index_map;
pub(crate) mod layered;
mod lower;
mod readout;
mod rewrite;
mod variants;

pub(crate) use cache::EngineCache;
pub(crate) use index_map::{IndexMap, Parity};
pub(crate) use layered::{LayeredProgram, Node as LayeredNode, Phase, Rotation, Source};
pub use rewrite::{Rewrite, Rewrites};
pub(crate) use variants::{AnglesAsInputs, Probe, Spectrum};

pub(crate) use readout::{PauliTerm, Readout, Sum, XMaskGroup};

use derived_features::DerivedFeatures;

use crate::circuit::Circuit;
use crate::error::Result;
use crate::measurement::Measurement;
use candle_core::Shape;
use candle_nn::Init;
use num_complex::Complex64;
use std::sync::{Arc, OnceLock};

/// A lowered circuit with its measurement.
#[derive(Debug, Clone)]
pub struct Program {
    pub(crate) qubits: usize,
    /// Features of a sample.
    pub(crate) features: usize,
    /// What follows the features for the engines.
    pub(crate) columns: DerivedFeatures,
    /// Numbers a sample that engines see: features and columns.
    pub(crate) engine_inputs: usize,
    /// Weight tensors in the order in which they are concatenated.
    pub(crate) tensors: Vec<Tensor>,
    /// Entries of all weight tensors together.
    pub(crate) weights: usize,
    /// Features that become the initial state.
    pub(crate) embedding: Option<Embedding>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) steps: Vec<Step>,
    /// The operation that each step comes from; as long as no rewrite has changed the steps.
    pub(crate) operations: Vec<usize>,
    pub(crate) readout: Readout,
    pub(crate) output_shape: Vec<usize>,
    pub(crate) rewrites: Rewrites,
    made: Made,
    /// What engines keep with it; clones of a program share it.
    pub(crate) cache: Arc<EngineCache>,
}

/// What is made from a program when something first asks for it.
#[derive(Debug, Clone, Default)]
struct Made {
    layered: OnceLock<LayeredProgram>,
    with_weights_as_inputs: OnceLock<Arc<Program>>,
    differences: OnceLock<Arc<Program>>,
    angles_as_inputs: OnceLock<Arc<AnglesAsInputs>>,
}

/// A weight tensor of a program.
#[derive(Debug, Clone)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) offset: usize,
    pub(crate) init: Init,
}

/// Amplitude embedding of the features `first..first + count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Embedding {
    pub(crate) first: usize,
    pub(crate) count: usize,
    /// Whether features that are all zero become |0..0>.
    pub(crate) zero_state: bool,
}

impl Embedding {
    /// The Euclidean norm of a sample's embedded features, scaled so that neither tiny nor huge ones lose it: not finite where
    /// they have no state, and 0 where their state is |0..0>.
    pub(crate) fn norm(self, features: impl Iterator<Item = f64> + Clone) -> f64 {
        if self.zero_state && features.clone().all(|x| x == 0.0) {
            return 0.0;
        }
        let largest = features.clone().map(f64::abs).fold(0.0, f64::max);
        largest * features.map(|x| (x / largest).powi(2)).sum::<f64>().sqrt()
    }
}

/// An input feature or a weight, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Variable {
    Input(usize),
    Weight(usize),
}

/// `constant + sum of coefficient * first * second`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slot {
    pub(crate) constant: f64,
    pub(crate) terms: Vec<(f64, Variable, Option<Variable>)>,
}

/// One kernel application, where all qubits of `controls` are 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) kernel: Kernel,
    pub(crate) controls: u64,
}

/// The closed set of kernels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kernel {
    /// `exp(-i φ P)` with `P = i^|x & z| X^x Z^z` and φ the slot.
    Rotation { x: u64, z: u64, slot: usize },
    /// `exp(i φ)`.
    Phase { slot: usize },
    /// A constant of modulus 1.
    FixedPhase(Complex64),
    /// Exchanges the states whose `mask` bits are `first` with those whose bits are `second`.
    Exchange { mask: u64, first: u64, second: u64 },
    /// A dense unitary, row by row; `qubits[0]` is the low bit of an index.
    Matrix { qubits: Vec<usize>, entries: Arc<[Complex64]> },
}

impl Step {
    /// The qubits it touches.
    pub(crate) fn support(&self) -> u64 {
        self.controls
            | match &self.kernel {
                Kernel::Rotation { x, z, .. } => x | z,
                Kernel::Phase { .. } | Kernel::FixedPhase(_) => 0,
                Kernel::Exchange { mask, .. } => *mask,
                Kernel::Matrix { qubits, .. } => qubits.iter().fold(0, |mask, qubit| mask | 1 << qubit),
            }
    }
}

impl Slot {
    /// Bits that two slots have in common only if they are the same expression.
    pub(crate) fn key(&self) -> Vec<u64> {
        let code = |variable: &Variable| match variable {
            Variable::Input(index) => [1, *index as u64],
            Variable::Weight(index) => [2, *index as u64],
        };
        let mut bits = vec![self.constant.to_bits()];
        for (coefficient, first, second) in &self.terms {
            bits.push(coefficient.to_bits());
            bits.extend(code(first));
            bits.extend(second.as_ref().map_or([0, 0], code));
        }
        bits
    }

    fn reads(&self, wanted: fn(&Variable) -> bool) -> bool {
        self.terms.iter().any(|(_, first, second)| wanted(first) || second.as_ref().is_some_and(wanted))
    }

    /// Whether it differs from sample to sample.
    pub(crate) fn reads_inputs(&self) -> bool {
        self.reads(|variable| matches!(variable, Variable::Input(_)))
    }

    /// Whether it depends on weights.
    pub(crate) fn reads_weights(&self) -> bool {
        self.reads(|variable| matches!(variable, Variable::Weight(_)))
    }
}

impl Program {
    /// Lowers a circuit, after checking it and the measurement.
    pub fn new(circuit: &Circuit, measurement: &Measurement) -> Result<Self> {
        Self::with_rewrites(circuit, measurement, Rewrites::ALL)
    }

    /// Lowers a circuit as [`new`](Self::new) does, with some of the rewrites.
    pub fn with_rewrites(circuit: &Circuit, measurement: &Measurement, rewrites: Rewrites) -> Result<Self> {
        circuit.check()?;
        measurement.check(circuit.qubits())?;
        measurement.check_records(circuit.records())?;
        let mut program = lower::lower(circuit, measurement, rewrites)?;
        rewrite::rewrite(&mut program);
        Ok(program)
    }

    /// The program as layers; see [`LayeredProgram`].
    pub(crate) fn layered(&self) -> &LayeredProgram {
        self.made.layered.get_or_init(|| LayeredProgram::new(self))
    }

    /// Whether an angle differs from sample to sample.
    pub(crate) fn varies(&self, source: Source) -> bool {
        matches!(source, Source::Slot(slot) if self.slots[slot].reads_inputs())
    }

    /// Number of qubits.
    pub fn qubits(&self) -> usize {
        self.qubits
    }

    /// Features of a sample, as tensors that come have them.
    pub fn inputs(&self) -> usize {
        self.engine_inputs - self.columns.list.len()
    }

    /// Entries of all weight tensors together.
    pub fn weights(&self) -> usize {
        self.weights
    }

    /// Numbers a sample's output has; `usize::MAX` stands for what cannot be counted.
    pub fn outputs(&self) -> usize {
        self.output_shape.iter().fold(1, |product, size| product.saturating_mul(*size))
    }
}
