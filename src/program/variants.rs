//! Variants of a program, in which shared or computed numbers become features of each sample.
//!
//! Engines take different features for each sample of a batch. So a variant turns any set of points at which a circuit
//! is evaluated (other weights, or angles shifted one at a time) into one batch, on every engine.

use super::derived_features::DerivedFeatures;
use super::{Embedding, Kernel, Made, Program, Readout, Slot, Step, Variable};
use crate::error::Result;
use crate::mask::{Mask, Wide};
use crate::memory;
use std::sync::Arc;

/// Variant of a program whose angles are features. The embedded features come first, then a feature for each step that
/// has an angle.
#[derive(Debug, Clone)]
pub(crate) struct AnglesAsInputs {
    pub(crate) program: Arc<Program>,
    /// Angle of each such step. Its feature is [`start`](Self::start) plus its index here.
    pub(crate) angles: Vec<Probe>,
}

/// Angle of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probe {
    /// Index of the step in the program, or, for a coefficient of a channel, of the step behind it.
    pub(crate) step: usize,
    /// Slot of the program whose value is the angle.
    pub(crate) slot: usize,
    /// Eigenvalues of the step's generator.
    pub(crate) spectrum: Spectrum,
    /// Mask of the qubits on which the step acts.
    pub(crate) support: Wide,
}

/// Eigenvalues of the generator of a step, as multiples of its angle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spectrum {
    /// Eigenvalues `±1`: a rotation.
    Signs,
    /// Eigenvalues `0` and `1`: a phase.
    ZeroOne,
    /// Eigenvalues `0` and `±1`: a rotation under controls.
    ZeroSigns,
    /// No angle, but a coefficient in which all values are linear.
    Linear,
}

impl AnglesAsInputs {
    /// Number of features that become the initial state.
    pub(crate) fn start(&self) -> usize {
        self.program.embedding.map_or(0, |embedding| embedding.count)
    }
}

impl Program {
    /// Copy of the program without the results that have been derived from it.
    pub(super) fn bare(&self) -> Self {
        Self {
            qubits: self.qubits,
            places: self.places.clone(),
            // All engine inputs of the program are features of the variant.
            features: self.engine_inputs,
            derived: DerivedFeatures::default(),
            engine_inputs: self.engine_inputs,
            tensors: self.tensors.clone(),
            weights: self.weights,
            embedding: self.embedding,
            slots: self.slots.clone(),
            steps: self.steps.clone(),
            operations: self.operations.clone(),
            channels: self.channels.clone(),
            limits: self.limits.clone(),
            readout: self.readout.clone(),
            wide: self.wide.clone(),
            // Variants differentiate the engine's outputs; `gradient::derive_derivatives` goes on from there.
            derived_outputs: Vec::new(),
            output_shape: self.output_shape.clone(),
            rewrites: self.rewrites,
            made: Made::default(),
            cache: Arc::default(),
        }
    }

    /// Variant without weights: they are features behind the other features, so each sample has its own weights.
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
                limits: self.limits.iter().map(|limit| limit.map(slot)).collect(),
                ..self.bare()
            })
        })
    }

    /// Variant with weights as inputs and without constants in the outputs, for differences of outputs.
    pub(crate) fn differences(&self) -> &Arc<Self> {
        self.made.differences.get_or_init(|| {
            let variant = self.with_weights_as_inputs();
            // The point itself has been checked; points beside it may be beyond the range of a strength.
            let limits = Vec::new();
            Arc::new(Self { readout: self.readout.without_constants(), limits, ..variant.bare() })
        })
    }

    /// Variant with a feature for the angle of each step, and without constants in the outputs.
    pub(crate) fn angles_as_inputs(&self) -> &Arc<AnglesAsInputs> {
        self.made.angles_as_inputs.get_or_init(|| {
            let embedding = self.embedding.map(|embedding| Embedding { first: 0, ..embedding });
            let start = embedding.map_or(0, |embedding| embedding.count);
            let (mut angles, mut slots) = (Vec::new(), Vec::new());
            let mut probe = |slot: &mut usize, step: usize, spectrum: Spectrum, support: Wide| {
                let own = match self.slots[*slot].terms.is_empty() {
                    true => self.slots[*slot].clone(),
                    false => {
                        angles.push(Probe { step, slot: *slot, spectrum, support });
                        Slot { constant: 0.0, terms: vec![(1.0, Variable::Input(start + angles.len() - 1), None)] }
                    }
                };
                *slot = slots.len();
                slots.push(own);
            };
            let (mut steps, mut wide, mut channels) = (self.steps.clone(), self.wide.clone(), self.channels.clone());
            probe_steps(&mut steps, &mut probe);
            if let Some(wide) = &mut wide {
                probe_steps(&mut Arc::make_mut(wide).steps, &mut probe);
            }
            for channel in &mut channels {
                let (after, support) = (channel.after, Wide::of_qubits(channel.qubits.iter().copied()));
                channel.slots_mut().into_iter().for_each(|slot| probe(slot, after, Spectrum::Linear, support));
            }
            let inputs = start + angles.len();
            let variant = Self {
                features: inputs,
                engine_inputs: inputs,
                tensors: Vec::new(),
                weights: 0,
                embedding,
                slots,
                steps,
                wide,
                channels,
                // Shifted coefficients are no strengths.
                limits: Vec::new(),
                readout: self.readout.without_constants(),
                ..self.bare()
            };
            Arc::new(AnglesAsInputs { program: Arc::new(variant), angles })
        })
    }

    /// The same program, derived features included, returning the numbers `Tr(P ρ)` of all words P on its qubits.
    ///
    /// # Errors
    /// The memory is too small for the words and the density matrix that is made from them.
    pub(crate) fn words(&self) -> Result<Self> {
        // A term and a constant for each word, the matrix, and the matrix in another basis.
        let numbers = 12u64.checked_shl(2 * self.qubits as u32).filter(|_| self.qubits < 30);
        memory::check_numbers("a density matrix", numbers)?;
        let (readout, output_shape) = (Readout::words(self.qubits), vec![1 << (2 * self.qubits)]);
        Ok(Self { features: self.features, derived: self.derived.clone(), readout, output_shape, ..self.bare() })
    }

    /// The same program, returning its state. Light-cone pruning has already run, so amplitudes of unmeasured qubits
    /// may differ from the circuit's.
    pub(crate) fn state(&self) -> Self {
        Self { readout: Readout::state(self.qubits), output_shape: vec![1 << self.qubits, 2], ..self.bare() }
    }
}

/// Passes the slot of each step that has an angle to `probe`, with the step's index, spectrum and qubits.
fn probe_steps<M: Mask>(steps: &mut [Step<M>], mut probe: impl FnMut(&mut usize, usize, Spectrum, Wide)) {
    for (index, step) in steps.iter_mut().enumerate() {
        let (support, spectrum) = (step.support().widened(), step.spectrum());
        if let (Some(spectrum), Some(slot)) = (spectrum, step.kernel.slot_mut()) {
            probe(slot, index, spectrum, support);
        }
    }
}

impl<M: Mask> Step<M> {
    /// Spectrum of the step's generator, if the step has an angle.
    fn spectrum(&self) -> Option<Spectrum> {
        match self.kernel {
            Kernel::Rotation { .. } if self.controls.is_empty() => Some(Spectrum::Signs),
            Kernel::Rotation { .. } => Some(Spectrum::ZeroSigns),
            Kernel::Phase { .. } => Some(Spectrum::ZeroOne),
            Kernel::FixedPhase(_) | Kernel::Exchange { .. } | Kernel::Matrix { .. } => None,
        }
    }
}
