//! Deferred measurements and resets inside a circuit: a qubit holds the outcome of a measurement.

use super::{Circuit, Kind, Operation};
use crate::channel::Channel;
use crate::error::{Error, Mistake, SimulationError};
use crate::limits::MAX_STATE_QUBITS;
use crate::mask::{Mask, Wide};

impl Circuit {
    /// Measures `qubit` here and stores the outcome in the qubit `record`, which must be untouched so far.
    ///
    /// The measurement is deferred (Nielsen, Chuang, Quantum Computation and Quantum Information, section 4.4): a `cx`
    /// copies the outcome, and from then on `record` may only be a control. A gate that is
    /// [`controlled`](Self::controlled) by it depends on the outcome. The probabilities of `record` at the end are the
    /// probabilities of the outcomes. Values are exact averages over all outcomes, and differentiable like any others.
    /// Each measurement costs a qubit.
    ///
    /// Teleportation: whatever the two outcomes are, the last qubit ends in the state of the first.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use candlewick::{functional, prelude::*};
    /// let mut circuit = Circuit::new(5);
    /// circuit.rx(input(0), 0).rz(input(1), 0); // the state to send
    /// circuit.h(1).cx(1, 2); // a Bell pair
    /// circuit.cx(0, 1).h(0).measure(0, 3).measure(1, 4);
    /// circuit.controlled([4], |c| c.x(2)).controlled([3], |c| c.z(2));
    /// circuit.rz(-input(1), 2).rx(-input(0), 2); // undone where it arrived
    ///
    /// let x = Tensor::new(&[0.7f64, -1.2], &Device::Cpu)?;
    /// let y = functional::evaluate(&circuit, &Measurement::probabilities([2]), Some(&x), &[])?;
    /// assert!((y.to_vec1::<f64>()?[0] - 1.0).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// These are mistakes, stored like all others: a `record` that was touched before; a `record` that is later a
    /// target; a measurement that reads more than Z of a `record` at the end; a measurement under
    /// [`controlled`](Self::controlled), or inverted. Under [`when`](Self::when) a record stays 0 in the samples in
    /// which nothing is measured. The [`state`](crate::Measurement::state) is the state of all qubits together, records
    /// included. Functions that are defined by overlaps of states (kernels, metric tensors, natural gradients,
    /// expressibility, entangling capability) therefore refuse such a circuit.
    pub fn measure(&mut self, qubit: usize, record: usize) -> &mut Self {
        self.push_operation(Operation::new(Kind::Measure, Vec::new(), vec![qubit, record]));
        self
    }

    /// Sets `qubit` to 0, whatever its state. The old state moves to the qubit `fresh`, which must be untouched so far,
    /// and which no later operation may touch.
    ///
    /// The result is exact and differentiable, as for [`measure`](Self::measure). Each reset costs a qubit. The qubit
    /// that was reset counts as untouched, and may become a record.
    ///
    /// ```
    /// use candlewick::{functional, prelude::*};
    /// let mut circuit = Circuit::new(3);
    /// circuit.h(0).cx(0, 1).reset(0, 2);
    /// let y = functional::evaluate(&circuit, &Measurement::probabilities([0, 1]), None, &[])?;
    /// let y = y.to_vec1::<f32>()?; // qubit 0 is 0; its former partner is a coin
    /// assert!((y[0] - 0.5).abs() < 1e-6 && (y[2] - 0.5).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// These are mistakes: `fresh` is touched before or later; `qubit` is a record; a reset is under
    /// [`controlled`](Self::controlled), or inverted.
    pub fn reset(&mut self, qubit: usize, fresh: usize) -> &mut Self {
        self.push_operation(Operation::new(Kind::Reset, Vec::new(), vec![qubit, fresh]));
        self
    }

    /// Refuses circuits that measure or reset qubits on their way or have noise, for functions that are defined by
    /// overlaps of states. The overlap of states of all qubits would let records and discarded qubits interfere; measured qubits do
    /// not interfere.
    pub(crate) fn check_pure(&self) -> crate::error::Result<()> {
        self.check()?;
        for (operation, done) in self.operations().iter().enumerate() {
            let mistake = match done.kind {
                Kind::Measure | Kind::Reset => Mistake::NotPure { qubit: done.qubits[1] },
                Kind::Channel(_) | Kind::Kraus(_) => Mistake::ChannelNotUnitary,
                _ => continue,
            };
            return Err(Error::Circuit { operation, name: done.name().to_owned(), mistake });
        }
        Ok(())
    }

    /// Returns the first mistake, or an error for more qubits than a state has.
    pub(crate) fn check_state(&self) -> crate::error::Result<()> {
        self.check()?;
        match self.qubits() {
            qubits if qubits > MAX_STATE_QUBITS => {
                Err(SimulationError::NoState { qubits, limit: MAX_STATE_QUBITS }.into())
            }
            _ => Ok(()),
        }
    }

    /// Declares that a state is prepared on the lowest `count` qubits, which have to be in 0. Returns whether they are.
    pub(super) fn prepares(&mut self, name: &str, count: usize) -> bool {
        self.prepares_on(name, Wide::of_qubits(0..count))
    }

    /// Declares that a state is prepared on these qubits, which have to be in 0. Returns whether they are.
    pub(super) fn prepares_on(&mut self, name: &str, qubits: Wide) -> bool {
        match self.roles.prepare(qubits) {
            Ok(()) => true,
            Err(mistake) => {
                self.fail(name, mistake);
                false
            }
        }
    }

    /// Mask of the qubits with a readout error.
    pub(crate) fn read_with_errors(&self) -> Wide {
        self.roles.read
    }

    /// Mask of the qubits that hold an outcome.
    pub(crate) fn records(&self) -> Wide {
        self.roles.records
    }
}

/// Roles of qubits, as masks: they limit how qubits may still be used.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Roles {
    /// Qubits that may differ from 0.
    touched: Wide,
    records: Wide,
    /// Qubits that hold the old state of a reset qubit.
    discarded: Wide,
    /// Qubits that had to be in 0 when a state was prepared on them.
    prepared: Wide,
    /// Qubits with a readout error, which nothing may follow.
    read: Wide,
}

impl Roles {
    /// Checks whether an operation, whose qubits are in range, may come next.
    pub(super) fn check(self, operation: &Operation) -> Result<(), Mistake> {
        if operation.kind == Kind::Barrier {
            return Ok(());
        }
        if matches!(operation.kind, Kind::AmplitudeEmbedding { .. }) {
            return self.check_untouched(Wide::of_qubits(operation.embedded_qubits().iter().copied()));
        }
        let (controls, targets) = operation.controls_and_targets();
        let find = |qubits: &[usize], mask: Wide| qubits.iter().copied().find(|qubit| mask.contains(*qubit));
        if let Some(qubit) = find(&controls, self.discarded).or(find(targets, self.discarded)) {
            return Err(Mistake::QubitDiscarded { qubit });
        }
        if let Some(qubit) = find(&controls, self.read).or(find(targets, self.read)) {
            return Err(Mistake::AfterReadout { qubit });
        }
        if operation.is_channel() && !controls.is_empty() {
            return Err(Mistake::ChannelNotUnitary);
        }
        if matches!(operation.kind, Kind::Measure | Kind::Reset) {
            if !operation.controls.is_empty() {
                return Err(Mistake::MeasurementNotUnitary);
            }
            if let Some(qubit) = find(&operation.qubits[1..], self.touched) {
                return Err(Mistake::QubitTouched { qubit });
            }
        }
        // A bit flip is an error of the outcome.
        let of_outcome = operation.channel().is_some_and(Channel::is_classical);
        find(targets, if of_outcome { Wide::EMPTY } else { self.records })
            .map_or(Ok(()), |qubit| Err(Mistake::RecordChanged { qubit }))
    }

    /// Checks that all of these qubits are still in 0.
    fn check_untouched(self, qubits: Wide) -> Result<(), Mistake> {
        (self.touched & qubits).lowest().map_or(Ok(()), |qubit| Err(Mistake::QubitTouched { qubit }))
    }

    /// Notes that a state is prepared on these qubits, which have to be in 0.
    pub(super) fn prepare(&mut self, qubits: Wide) -> Result<(), Mistake> {
        self.check_untouched(qubits)?;
        self.prepared |= qubits;
        Ok(())
    }

    /// Notes the states that the circuit `other`, which is about to be appended, prepares; `place` maps its qubits.
    pub(super) fn append(&mut self, other: Self, place: impl Fn(usize) -> usize) -> Result<(), Mistake> {
        self.prepare(Wide::of_qubits(other.prepared.qubits().map(place)))
    }

    /// Notes the states that were prepared after `since`.
    pub(super) fn take_prepared(&mut self, since: Self) {
        self.prepared |= since.prepared;
    }

    /// Notes an operation that has been checked.
    pub(super) fn note(&mut self, operation: &Operation) {
        let bit = |index: usize| Wide::of_qubit(operation.qubits[index]);
        match operation.kind {
            Kind::Barrier => {}
            Kind::AmplitudeEmbedding { .. } => {
                self.touched |= Wide::of_qubits(operation.embedded_qubits().iter().copied())
            }
            _ => {
                let used = operation.qubits.iter().chain(&operation.controls);
                self.touched |= Wide::of_qubits(used.copied());
            }
        }
        match operation.kind {
            Kind::Channel(channel) if channel.is_readout() => self.read |= bit(0),
            Kind::Measure => self.records |= bit(1),
            Kind::Reset => {
                self.discarded |= bit(1);
                if operation.conditions.is_empty() {
                    self.touched = self.touched & !bit(0);
                }
            }
            _ => {}
        }
    }
}
