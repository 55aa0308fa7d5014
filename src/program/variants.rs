//! Other forms of a program, in which numbers that it computes or shares are features of a sample instead.
//!
//! Engines treat features of their own for each sample of a batch, so that these forms turn any set of points at which a
//! circuit is to be evaluated (other weights, angles moved one at a time) into one batch, on every engine alike.

use super::derived_features::DerivedFeatures;
use super::{Embedding, Kernel, Made, Program, Readout, Slot, Step, Variable};
use std::sync::Arc;

/// A program whose angles are features: those that become the initial state first, then one for each step that has an
/// angle.
#[derive(Debug, Clone)]
pub(crate) struct AnglesAsInputs {
    pub(crate) program: Arc<Program>,
    /// The angle of each such step: its feature is [`start`](Self::start) and its place here.
    pub(crate) angles: Vec<Probe>,
}

/// The angle of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probe {
    /// Which step of the program it belongs to.
    pub(crate) step: usize,
    /// The program's slot whose value it is.
    pub(crate) slot: usize,
    /// What the step's matrix is as a function of it.
    pub(crate) spectrum: Spectrum,
    /// The qubits that the step touches.
    pub(crate) support: u64,
}

/// Eigenvalues of the generator of a step, as multiples of its angle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spectrum {
    /// `±1`: a rotation.
    Signs,
    /// `0` and `1`: a phase.
    ZeroOne,
    /// `0` and `±1`: a rotation under controls.
    ZeroSigns,
}

impl AnglesAsInputs {
    /// How many features become the initial state.
    pub(crate) fn start(&self) -> usize {
        self.program.embedding.map_or(0, |embedding| embedding.count)
    }
}

impl Program {
    /// Steps, slots and readout, without what has been made of them.
    fn bare(&self) -> Self {
        Self {
            qubits: self.qubits,
            // The features of a form are all that engines see.
            features: self.engine_inputs,
            columns: DerivedFeatures::default(),
            engine_inputs: self.engine_inputs,
            tensors: self.tensors.clone(),
            weights: self.weights,
            embedding: self.embedding,
            slots: self.slots.clone(),
            steps: self.steps.clone(),
            operations: self.operations.clone(),
            readout: self.readout.clone(),
            output_shape: self.output_shape.clone(),
            rewrites: self.rewrites,
            made: Made::default(),
            cache: Arc::default(),
        }
    }

    /// Without weights: they are features behind the others, so that each sample has its own.
    pub(crate) fn with_weights_as_inputs(&self) -> &Arc<Self> {
        self.made.with_weights_as_inputs.get_or_init(|| {
            let own = |variable: Variable| match variable {
                Variable::Input(index) => Variable::Input(index),
                Variable::Weight(index) => Variable::Input(self.engine_inputs + index),
            };
            let slot = |slot: &Slot| Slot {
                constant: slot.constant,
                terms: slot.terms.iter().map(|(c, first, second)| (*c, own(*first), second.map(own))).collect(),
            };
            let inputs = self.engine_inputs + self.weights;
            Arc::new(Self {
                features: inputs,
                engine_inputs: inputs,
                tensors: Vec::new(),
                weights: 0,
                slots: self.slots.iter().map(slot).collect(),
                ..self.bare()
            })
        })
    }

    /// The same, with outputs up to a constant each, for differences of them.
    pub(crate) fn differences(&self) -> &Arc<Self> {
        self.made.differences.get_or_init(|| {
            let form = self.with_weights_as_inputs();
            Arc::new(Self { readout: self.readout.without_constants(), ..form.bare() })
        })
    }

    /// With a feature for the angle of each step, and with outputs up to a constant each.
    pub(crate) fn angles_as_inputs(&self) -> &Arc<AnglesAsInputs> {
        self.made.angles_as_inputs.get_or_init(|| {
            let embedding = self.embedding.map(|embedding| Embedding { first: 0, ..embedding });
            let start = embedding.map_or(0, |embedding| embedding.count);
            let (mut angles, mut slots, mut steps) = (Vec::new(), Vec::new(), self.steps.clone());
            for (index, step) in steps.iter_mut().enumerate() {
                let (support, spectrum) = (step.support(), step.spectrum());
                let (Some(spectrum), Kernel::Rotation { slot, .. } | Kernel::Phase { slot }) =
                    (spectrum, &mut step.kernel)
                else {
                    continue;
                };
                let own = match self.slots[*slot].terms.is_empty() {
                    true => self.slots[*slot].clone(),
                    false => {
                        angles.push(Probe { step: index, slot: *slot, spectrum, support });
                        Slot { constant: 0.0, terms: vec![(1.0, Variable::Input(start + angles.len() - 1), None)] }
                    }
                };
                *slot = slots.len();
                slots.push(own);
            }
            let inputs = start + angles.len();
            let form = Self {
                features: inputs,
                engine_inputs: inputs,
                tensors: Vec::new(),
                weights: 0,
                embedding,
                slots,
                steps,
                readout: self.readout.without_constants(),
                ..self.bare()
            };
            Arc::new(AnglesAsInputs { program: Arc::new(form), angles })
        })
    }

    /// The amplitudes in place of what is measured. Of qubits that no measurement sees they may be others than the circuit's.
    pub(crate) fn state(&self) -> Self {
        Self { readout: Readout::State, output_shape: vec![1 << self.qubits, 2], ..self.bare() }
    }
}

impl Step {
    /// The spectrum of its generator, if it has an angle.
    fn spectrum(&self) -> Option<Spectrum> {
        match self.kernel {
            Kernel::Rotation { .. } if self.controls == 0 => Some(Spectrum::Signs),
            Kernel::Rotation { .. } => Some(Spectrum::ZeroSigns),
            Kernel::Phase { .. } => Some(Spectrum::ZeroOne),
            Kernel::FixedPhase(_) | Kernel::Exchange { .. } | Kernel::Matrix { .. } => None,
        }
    }
}
