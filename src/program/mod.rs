//! Programs: a circuit and a measurement lowered to flat steps with resolved slots.
//!
//! Lowering happens once for each quantum layer. A program knows no gate names and no tensors, and an engine knows only
//! programs.
//!
//! - A **variable** is an input feature or an entry of the concatenated weights (tensors sorted by name).
//! - A **derived feature** is a further number of each sample, computed from its features before an engine sees them.
//! - A **slot** is an expression in variables whose cosine and sine steps need. Rotations use half their angle, so a
//!   slot holds the argument of the cosine. Equal expressions share a slot.
//! - A **step** is one of five kernels under controls.
//! - A **channel** is a map of density matrices between steps; its slots are coefficients.

mod cache;
mod channels;
mod conditional;
mod cones;
mod controls;
pub(crate) mod derived_features;
mod derived_outputs;
mod diagonalized;
mod display;
mod index_map;
pub(crate) mod layered;
mod lower;
mod lower_channels;
pub(crate) mod paths;
mod read_errors;
mod readout;
mod rewrite;
pub(crate) mod shards;
pub(crate) mod stored;
mod trajectories;
mod variants;
mod wide;
mod written;

pub(crate) use cache::EngineCache;
pub(crate) use channels::{ChannelStep, Map, StrengthLimit};
pub(crate) use cones::Cone;
pub(crate) use controls::Controls;
pub(crate) use derived_outputs::{DerivedOutputs, engine_measurement};
pub(crate) use diagonalized::Diagonalized;
pub(crate) use index_map::{IndexMap, Parity};
pub(crate) use layered::{LayeredProgram, Node as LayeredNode, Phase, Region, Rotation, Source};
pub use rewrite::{Rewrite, Rewrites};
pub(crate) use trajectories::{PauliChannel, Trajectories, pauli_probabilities};
pub(crate) use variants::{AnglesAsInputs, Probe, Spectrum};
pub(crate) use wide::WideForm;
pub(crate) use written::{Texts, Written};

pub(crate) use readout::{Columns, PauliTerm, Quantity, Readout, Sum, XMaskGroup};

use derived_features::DerivedFeatures;

use crate::circuit::Circuit;
use crate::error::Result;
use crate::mask::Mask;
use crate::measurement::Measurement;
use candle_core::Shape;
use candle_nn::Init;
use num_complex::Complex64;
use std::sync::{Arc, OnceLock};

/// Circuit and measurement, lowered to steps.
#[derive(Debug, Clone)]
pub struct Program {
    /// Number of qubits of the state.
    pub(crate) qubits: usize,
    /// Qubit of the circuit that each qubit of the state is, in ascending order.
    pub(crate) places: Vec<usize>,
    /// Number of features of a sample.
    pub(crate) features: usize,
    /// Derived features, which engines see behind the features.
    pub(crate) derived: DerivedFeatures,
    /// Numbers of a sample that engines see: features and derived features.
    pub(crate) engine_inputs: usize,
    /// Weight tensors in the order in which they are concatenated.
    pub(crate) tensors: Vec<Tensor>,
    /// Entries of all weight tensors together.
    pub(crate) weights: usize,
    /// Features that become the initial state.
    pub(crate) embedding: Option<Embedding>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) steps: Vec<Step>,
    /// Index of the operation that each step comes from. Valid until a rewrite changes the steps.
    pub(crate) operations: Vec<usize>,
    /// Channels between the steps, in the order in which they act.
    pub(crate) channels: Vec<ChannelStep>,
    /// Limits of the strengths that are no constants.
    pub(crate) limits: Vec<StrengthLimit>,
    pub(crate) readout: Readout,
    /// Steps and words of a circuit of more qubits than a state has. Then the program itself has no steps, and its readout
    /// no words.
    pub(crate) wide: Option<Arc<WideForm>>,
    /// Outputs that are computed from the engine's, or nothing if they are the engine's.
    pub(crate) derived_outputs: Vec<DerivedOutputs>,
    pub(crate) output_shape: Vec<usize>,
    pub(crate) rewrites: Rewrites,
    made: Made,
    /// Results that engines derive from the program; clones of the program share them.
    pub(crate) cache: Arc<EngineCache>,
}

/// Results that are computed from a program at the first request.
#[derive(Debug, Clone, Default)]
struct Made {
    layered: OnceLock<LayeredProgram>,
    cones: OnceLock<Option<Arc<[Cone]>>>,
    with_weights_as_inputs: OnceLock<Arc<Program>>,
    differences: OnceLock<Arc<Program>>,
    angles_as_inputs: OnceLock<Arc<AnglesAsInputs>>,
    trajectories: OnceLock<Arc<Trajectories>>,
}

/// Weight tensor of a program.
#[derive(Debug, Clone)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) offset: usize,
    pub(crate) init: Init,
}

/// Amplitude embedding of the features `first..first + count` on the lowest qubits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Embedding {
    pub(crate) first: usize,
    pub(crate) count: usize,
    /// Whether each amplitude is two features, its real and its imaginary part.
    pub(crate) complex: bool,
    /// Whether features that are all zero become |0..0>.
    pub(crate) zero_state: bool,
}

impl Embedding {
    /// Number of amplitudes that the features fill.
    pub(crate) fn amplitudes(self) -> usize {
        if self.complex { self.count / 2 } else { self.count }
    }

    /// Euclidean norm of a sample's embedded features, scaled so that very small or large features do not lose it. The
    /// norm is not finite where the features have no state, and 0 where their state is |0..0>.
    pub(crate) fn norm(self, features: impl Iterator<Item = f64> + Clone) -> f64 {
        if self.zero_state && features.clone().all(|x| x == 0.0) {
            return 0.0;
        }
        let largest = features.clone().map(f64::abs).fold(0.0, f64::max);
        largest * features.map(|x| (x / largest).powi(2)).sum::<f64>().sqrt()
    }
}

/// Input feature or weight, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Variable {
    Input(usize),
    Weight(usize),
}

/// Expression `constant + sum of coefficient * first * second`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slot {
    pub(crate) constant: f64,
    pub(crate) terms: Vec<(f64, Variable, Option<Variable>)>,
}

impl Slot {
    /// Returns the value for these values of the variables.
    pub(crate) fn value(&self, of: impl Fn(Variable) -> f64) -> f64 {
        self.terms.iter().fold(self.constant, |sum, (coefficient, first, second)| {
            sum + coefficient * of(*first) * second.map_or(1.0, &of)
        })
    }

    /// Passes every variable and the derivative in it to `each`; a variable may occur several times.
    pub(crate) fn derivatives(&self, of: impl Fn(Variable) -> f64, mut each: impl FnMut(Variable, f64)) {
        for (coefficient, first, second) in &self.terms {
            each(*first, coefficient * second.map_or(1.0, &of));
            if let Some(second) = second {
                each(*second, coefficient * of(*first));
            }
        }
    }
}

/// One application of a kernel, in the basis states that meet the controls.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step<M = u64> {
    pub(crate) kernel: Kernel<M>,
    pub(crate) controls: Controls<M>,
}

/// Operation of a step. There are five kernels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kernel<M = u64> {
    /// Rotation `exp(-i φ P)` with `P = i^|x & z| X^x Z^z` and φ the slot.
    Rotation { x: M, z: M, slot: usize },
    /// Phase `exp(i φ)` with φ the slot.
    Phase { slot: usize },
    /// Constant phase of modulus 1.
    FixedPhase(Complex64),
    /// Exchanges the basis states whose `mask` bits are `first` with the basis states whose `mask` bits are `second`.
    Exchange { mask: M, first: M, second: M },
    /// Dense unitary, row by row; `qubits[0]` is the low bit of an index.
    Matrix { qubits: Vec<usize>, entries: Arc<[Complex64]> },
}

impl<M> Kernel<M> {
    /// Slot of the kernel's angle, if the kernel has an angle.
    pub(crate) fn slot(&self) -> Option<usize> {
        match self {
            Self::Rotation { slot, .. } | Self::Phase { slot } => Some(*slot),
            Self::FixedPhase(_) | Self::Exchange { .. } | Self::Matrix { .. } => None,
        }
    }

    /// [`slot`](Self::slot), to change it.
    pub(crate) fn slot_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::Rotation { slot, .. } | Self::Phase { slot } => Some(slot),
            Self::FixedPhase(_) | Self::Exchange { .. } | Self::Matrix { .. } => None,
        }
    }
}

impl<M: Mask> Step<M> {
    /// Mask of the qubits on which the step acts.
    pub(crate) fn support(&self) -> M {
        self.controls.mask
            | match &self.kernel {
                Kernel::Rotation { x, z, .. } => *x | *z,
                Kernel::Phase { .. } | Kernel::FixedPhase(_) => M::EMPTY,
                Kernel::Exchange { mask, .. } => *mask,
                Kernel::Matrix { qubits, .. } => M::of_qubits(qubits.iter().copied()),
            }
    }
}

impl Slot {
    /// Bits that identify the expression: equal bits mean equal expressions.
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

    /// Whether the slot reads inputs, and so differs from sample to sample.
    pub(crate) fn reads_inputs(&self) -> bool {
        self.reads(|variable| matches!(variable, Variable::Input(_)))
    }

    /// Whether the slot reads weights.
    pub(crate) fn reads_weights(&self) -> bool {
        self.reads(|variable| matches!(variable, Variable::Weight(_)))
    }
}

impl Program {
    /// Lowers a circuit, after checking it and the measurement.
    ///
    /// # Errors
    /// The circuit has a mistake or more than [`MAX_STATE_QUBITS`](crate::circuit::MAX_STATE_QUBITS) qubits, the
    /// measurement does not fit the circuit, the features of a sample are too many to
    /// number, or the eigenvectors of a conditional matrix are not found.
    pub fn new(circuit: &Circuit, measurement: &Measurement) -> Result<Self> {
        Self::with_rewrites(circuit, measurement, Rewrites::ALL)
    }

    /// Lowers a circuit as [`new`](Self::new) does, with the given rewrites.
    ///
    /// # Errors
    /// The errors of [`new`](Self::new).
    pub fn with_rewrites(circuit: &Circuit, measurement: &Measurement, rewrites: Rewrites) -> Result<Self> {
        circuit.check_state()?;
        Self::of_any_width(circuit, measurement, rewrites)
    }

    /// Lowers a circuit of any number of qubits. On more qubits than a state has, there are no rewrites.
    pub(crate) fn of_any_width(circuit: &Circuit, measurement: &Measurement, rewrites: Rewrites) -> Result<Self> {
        circuit.check()?;
        measurement.check(circuit.qubits())?;
        measurement.check_records(circuit.records())?;
        measurement.check_readout(circuit.read_with_errors())?;
        circuit.check_coefficients(measurement)?;
        let (of_engine, derived) = derived_outputs::split_measurement(measurement, circuit.qubits());
        // Products with the projector on a condition may have mistakes of their own.
        of_engine.check(circuit.qubits()).map_err(|error| error.of_original(measurement, circuit.qubits()))?;
        let mut program = lower::lower_circuit(circuit, (measurement, &of_engine, &derived), rewrites)?;
        if program.wide.is_none() {
            rewrite::rewrite_steps(&mut program, &of_engine);
        }
        Ok(program)
    }

    /// Program of a shard of this one's state, in the same slots.
    fn on_shard(&self, qubits: usize, steps: Vec<Step>, layered: LayeredProgram) -> Self {
        Self {
            qubits,
            places: (0..qubits).collect(),
            embedding: None,
            operations: Vec::new(),
            steps,
            readout: layered.readout.clone(),
            made: Made { layered: OnceLock::from(layered), ..Made::default() },
            cache: Arc::default(),
            ..self.clone()
        }
    }

    /// Returns the layered program; see [`LayeredProgram`].
    pub(crate) fn layered(&self) -> &LayeredProgram {
        self.made.layered.get_or_init(|| LayeredProgram::new(self))
    }

    /// Whether an angle differs from sample to sample.
    pub(crate) fn varies(&self, source: Source) -> bool {
        matches!(source, Source::Slot(slot) if self.slots[slot].reads_inputs())
    }

    /// Number of qubits of the state: the circuit's, without those that stay in 0 and that no observable needs.
    pub fn qubits(&self) -> usize {
        self.qubits
    }

    /// Number of features of a sample, without derived features.
    pub fn inputs(&self) -> usize {
        self.engine_inputs - self.derived.list.len()
    }

    /// Number of entries of all weight tensors together.
    pub fn weights(&self) -> usize {
        self.weights
    }

    /// Numbers in a sample's output; `usize::MAX` if the number is larger.
    pub fn outputs(&self) -> usize {
        self.output_shape.iter().fold(1, |product, size| product.saturating_mul(*size))
    }
}
