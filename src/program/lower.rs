//! Lowering of operations to steps. No other file turns forms into kernels.

use super::channels::{ChannelStep, StrengthLimit};
use super::derived_features::DerivedFeatures;
use super::{
    Controls, DerivedOutputs, Embedding, Kernel, Made, Program, Readout, Rewrites, Slot, Step, Tensor, Variable,
    WideForm,
};
use crate::circuit::{self, Angle, Circuit, Kind, Operation};
use crate::error::{Error, Mistake, Result};
use crate::gate::{FactorKind, Form};
use crate::limits::MAX_STATE_QUBITS;
use crate::linalg::adjoint_matrix;
use crate::mask::{Mask, Wide};
use crate::measurement::Measurement;
use crate::memory::check_numbers;
use candle_core::Shape;
use num_complex::Complex64;
use std::collections::HashMap;
use std::sync::Arc;

/// Lowers a checked circuit. The measurement comes with its outputs that an engine computes, and with how the others
/// derive from them.
pub(super) fn lower_circuit(
    circuit: &Circuit,
    (measurement, of_engine, derived): (&Measurement, &Measurement, &[DerivedOutputs<Angle>]),
    rewrites: Rewrites,
) -> Result<Program> {
    let derives = |operation: &Operation| !operation.conditions.is_empty() || operation.is_channel();
    if circuit.operations().iter().any(derives) {
        // Derived features have numbers behind the features.
        check_numbers("the features of a sample", Some(circuit.inputs() as u64))?;
    }
    if circuit.qubits() <= MAX_STATE_QUBITS {
        let (mut program, steps) = assemble(circuit, (measurement, derived), rewrites)?;
        (program.steps, program.readout) = (steps, Readout::new(of_engine, circuit.qubits()));
        return Ok(program);
    }
    let (mut program, steps) = assemble(circuit, (measurement, derived), rewrites)?;
    let readout = Readout::<Wide>::new(of_engine, circuit.qubits());
    program.readout = readout.without_words();
    program.wide = Some(Arc::new(WideForm { steps, readout }));
    Ok(program)
}

/// Lowers the operations of a circuit. Returns a program that has neither steps nor a readout yet, and its steps.
fn assemble<M: Mask>(
    circuit: &Circuit,
    (measurement, derived): (&Measurement, &[DerivedOutputs<Angle>]),
    rewrites: Rewrites,
) -> Result<(Program, Vec<Step<M>>)> {
    let (mut lowering, operations) = lower_operations::<M>(circuit)?;
    lowering.show_all_switches();
    let with_slots = |one: &DerivedOutputs<Angle>| one.map(|coefficient| lowering.expression(coefficient));
    let derived_outputs = derived.iter().map(with_slots).collect();
    let program = Program {
        qubits: circuit.qubits(),
        places: (0..circuit.qubits()).collect(),
        features: lowering.features,
        engine_inputs: lowering.features + lowering.derived.list.len(),
        derived: lowering.derived,
        weights: lowering.tensors.iter().map(|tensor| tensor.shape.elem_count()).sum(),
        tensors: lowering.tensors,
        embedding: lowering.embedding,
        slots: lowering.slots,
        steps: Vec::new(),
        channels: lowering.channels,
        limits: lowering.limits,
        operations,
        readout: Readout::default(),
        wide: None,
        derived_outputs,
        output_shape: measurement.output_shape(circuit.qubits()),
        rewrites,
        made: Made::default(),
        cache: Arc::default(),
    };
    Ok((program, lowering.steps))
}

/// Lowers all operations. Also returns the index of the operation that each step comes from.
fn lower_operations<M: Mask>(circuit: &Circuit) -> Result<(Lowering<M>, Vec<usize>)> {
    let mut lowering = Lowering::new(circuit);
    let mut operations = Vec::new();
    for (index, operation) in circuit.operations().iter().enumerate() {
        lowering.operation(operation);
        if let Some(mistake) = lowering.mistake {
            return Err(Error::Circuit { operation: index, name: operation.name().to_owned(), mistake });
        }
        operations.resize(lowering.steps.len(), index);
    }
    // Embedded qubits are untouched until then, so the embedding can as well come first.
    if let Some(index) = circuit.operations().iter().position(|operation| !operation.embedded_qubits().is_empty()) {
        let swaps = swaps_from_lowest(circuit.operations()[index].embedded_qubits());
        operations.splice(0..0, swaps.iter().map(|_| index));
        lowering.channels.iter_mut().for_each(|channel| channel.after += swaps.len());
        lowering.steps.splice(0..0, swaps);
    }
    Ok((lowering, operations))
}

/// Swaps that bring the lowest qubits to these qubits, in order. Qubits that receive none of them are in 0.
fn swaps_from_lowest<M: Mask>(qubits: &[usize]) -> Vec<Step<M>> {
    // Entry `k` is where the state of qubit `k` is now.
    let mut places: Vec<usize> = (0..qubits.len()).collect();
    let mut swaps = Vec::new();
    for (k, &target) in qubits.iter().enumerate() {
        let from = places[k];
        if from == target {
            continue;
        }
        if let Some(other) = places.iter().position(|place| *place == target) {
            places[other] = from;
        }
        places[k] = target;
        let [first, second] = [from, target].map(M::of_qubit);
        swaps.push(Step { kernel: Kernel::Exchange { mask: first | second, first, second }, controls: Controls::NONE });
    }
    swaps
}

/// Lowers all operations to steps whose masks have any width.
#[cfg(test)]
pub(super) fn lower_steps<M: Mask>(circuit: &Circuit) -> Result<Vec<Step<M>>> {
    Ok(lower_operations(circuit)?.0.steps)
}

/// Lowering of operations one by one, to steps with masks of any width.
pub(super) struct Lowering<M = u64> {
    pub(super) features: usize,
    pub(super) derived: DerivedFeatures,
    /// Input that is 1 in the samples in which the current operation acts.
    switch: Option<usize>,
    /// Switch of each list of conditions, by the conditions' addresses in the circuit.
    pub(super) switches: HashMap<Vec<usize>, usize>,
    /// Mistake in the current operation.
    mistake: Option<Mistake>,
    tensors: Vec<Tensor>,
    offsets: HashMap<String, usize>,
    embedding: Option<Embedding>,
    pub(super) slots: Vec<Slot>,
    /// Index of the slot that has these bits as its key.
    known: HashMap<Vec<u64>, usize>,
    pub(super) steps: Vec<Step<M>>,
    pub(super) channels: Vec<ChannelStep>,
    pub(super) limits: Vec<StrengthLimit>,
}

impl<M: Mask> Lowering<M> {
    fn new(circuit: &Circuit) -> Self {
        let mut offset = 0;
        let mut tensors = Vec::new();
        for declaration in circuit.declarations() {
            let shape = Shape::from(declaration.handle.shape());
            let (name, size) = (declaration.handle.name().to_owned(), shape.elem_count());
            tensors.push(Tensor { name, shape, offset, init: declaration.init });
            offset += size;
        }
        let offsets = tensors.iter().map(|tensor| (tensor.name.clone(), tensor.offset)).collect();
        Self {
            features: circuit.inputs(),
            derived: DerivedFeatures::default(),
            switch: None,
            switches: HashMap::new(),
            mistake: None,
            tensors,
            offsets,
            embedding: None,
            slots: Vec::new(),
            known: HashMap::new(),
            steps: Vec::new(),
            channels: Vec::new(),
            limits: Vec::new(),
        }
    }

    fn operation(&mut self, operation: &Operation) {
        let (controls, targets) = operation.controls_and_targets();
        let zeros = M::of_qubits(operation.zeros.iter().copied());
        let controls = Controls { mask: M::of_qubits(controls), zeros };
        self.switch = self.switch(&operation.conditions);
        match &operation.kind {
            Kind::Barrier => {}
            &Kind::AmplitudeEmbedding { first, count, options } => {
                let (complex, zero_state) = (options.complex, options.zero_state);
                self.embedding = Some(Embedding { first, count, complex, zero_state });
            }
            Kind::Measure => self.exchange((0, 1), controls, targets),
            Kind::Reset => self.exchange((1, 2), controls, targets),
            Kind::GlobalPhase => self.phase(&operation.angles[0], controls, &[]),
            Kind::PauliRotation(word) => self.rotation(&operation.angles[0], word, controls, targets),
            Kind::Channel(channel) => self.channel(*channel, &operation.angles, targets),
            Kind::Kraus(_) if self.switch.is_some() => self.mistake = Some(Mistake::ConditionalKraus),
            Kind::Kraus(operators) => self.kraus(operators, targets),
            Kind::Unitary(entries) => self.matrix(targets, Arc::clone(entries), controls),
            Kind::Gate(gate) => {
                self.form(&gate.spec().form, operation.dagger, &operation.angles, controls, targets);
            }
        }
    }

    fn form(&mut self, form: &Form, dagger: bool, angles: &[Angle], controls: Controls<M>, targets: &[usize]) {
        let sign = if dagger { -1.0 } else { 1.0 };
        match form {
            Form::Matrix1(rows) => self.constant(rows.as_flattened(), dagger, controls, targets),
            Form::Matrix2(rows) => self.constant(rows.as_flattened(), dagger, controls, targets),
            Form::PauliRotation(word) => self.rotation(&(sign * angles[0].clone()), word, controls, targets),
            Form::Phase => self.phase(&(sign * angles[0].clone()), controls, targets),
            Form::FixedPhase(value) => {
                let value = if dagger { value.conj() } else { *value };
                self.push(Kernel::FixedPhase(value), controls.and_ones(M::of_qubits(targets.iter().copied())));
            }
            Form::Permutation(pairs) if dagger => {
                pairs.iter().rev().for_each(|&pair| self.exchange(pair, controls, targets));
            }
            Form::Permutation(pairs) => pairs.iter().for_each(|&pair| self.exchange(pair, controls, targets)),
            Form::Product(factors) => {
                let mut factors: Vec<_> = factors.iter().collect();
                if dagger {
                    factors.reverse();
                }
                for factor in factors {
                    let from = factor.angle.index.map_or_else(Angle::default, |i| angles[i].clone());
                    let angle = sign * (factor.angle.sign * from + factor.angle.offset);
                    let targets: Vec<usize> = factor.targets.iter().map(|&t| targets[t]).collect();
                    match factor.kind {
                        FactorKind::PauliRotation(word) => self.rotation(&angle, word, controls, &targets),
                        FactorKind::Phase => self.phase(&angle, controls, &targets),
                    }
                }
            }
        }
    }

    fn rotation(&mut self, angle: &Angle, word: &str, controls: Controls<M>, targets: &[usize]) {
        let letters = || word.chars().zip(targets.iter().copied());
        let of = |wanted: &str| M::of_qubits(letters().filter(|(letter, _)| wanted.contains(*letter)).map(|(_, q)| q));
        let (x, z) = (of("XY"), of("ZY"));
        if (x | z).is_empty() {
            // exp(-i θ/2) of the identity is a phase, relative to the basis states in which the controls are 0.
            return self.phase(&(-0.5 * angle.clone()), controls, &[]);
        }
        let slot = self.slot(&(0.5 * angle.clone()));
        self.push(Kernel::Rotation { x, z, slot }, controls);
    }

    fn phase(&mut self, angle: &Angle, controls: Controls<M>, targets: &[usize]) {
        let slot = self.slot(angle);
        self.push(Kernel::Phase { slot }, controls.and_ones(M::of_qubits(targets.iter().copied())));
    }

    fn exchange(&mut self, (first, second): (usize, usize), controls: Controls<M>, targets: &[usize]) {
        let [first, second] = [first, second].map(|local| M::deposit(local, targets));
        self.push(Kernel::Exchange { mask: M::of_qubits(targets.iter().copied()), first, second }, controls);
    }

    fn constant(&mut self, entries: &[Complex64], dagger: bool, controls: Controls<M>, targets: &[usize]) {
        let entries = if dagger { adjoint_matrix(entries) } else { entries.into() };
        self.matrix(targets, entries, controls);
    }

    fn matrix(&mut self, targets: &[usize], entries: Arc<[Complex64]>, controls: Controls<M>) {
        self.push(Kernel::Matrix { qubits: targets.to_vec(), entries }, controls);
    }

    fn push(&mut self, kernel: Kernel<M>, controls: Controls<M>) {
        match self.switch {
            None => self.steps.push(Step { kernel, controls }),
            Some(_) => self.mistake = self.push_gated(kernel, controls).err().or(self.mistake.take()),
        }
    }

    /// Slot of an angle, under the conditions of the current operation.
    fn slot(&mut self, angle: &Angle) -> usize {
        let slot = self.expression(angle);
        self.intern(slot)
    }

    /// Slot of a constant, under the conditions of the current operation.
    pub(super) fn constant_slot(&mut self, constant: f64) -> usize {
        self.intern(Slot { constant, terms: Vec::new() })
    }

    fn intern(&mut self, slot: Slot) -> usize {
        let slot = self.under_conditions(slot);
        self.known_slot(slot)
    }

    /// Expression that is 0 in the samples in which the current operation does not act.
    pub(super) fn under_conditions(&mut self, slot: Slot) -> Slot {
        match self.switch {
            None => slot,
            Some(switch) => self.gated(slot, switch),
        }
    }

    /// Index of a slot, which is added unless an equal one exists.
    pub(super) fn known_slot(&mut self, slot: Slot) -> usize {
        *self.known.entry(slot.key()).or_insert_with(|| {
            self.slots.push(slot);
            self.slots.len() - 1
        })
    }

    /// Angle as an expression in the program's variables.
    pub(super) fn expression(&self, angle: &Angle) -> Slot {
        let variable = |variable: &circuit::Variable| match variable {
            circuit::Variable::Input(index) => Variable::Input(*index),
            circuit::Variable::Weight { tensor, index } => Variable::Weight(self.offsets[&tensor.name] + index),
        };
        let term = |t: &circuit::Term| (t.coefficient, variable(&t.first), t.second.as_ref().map(variable));
        Slot { constant: angle.constant, terms: angle.terms.iter().map(term).collect() }
    }
}
