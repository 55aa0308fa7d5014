//! Measurements and resets inside a circuit, deferred: what a measurement would write down stays a qubit.

use super::{Circuit, Kind, Operation};
use crate::error::{Error, Mistake};

impl Circuit {
    /// Measures `qubit` here, and keeps the outcome in the qubit `record`, which must be untouched so far.
    ///
    /// The measurement is deferred (Nielsen, Chuang, Quantum Computation and Quantum Information, section 4.4): the outcome is
    /// copied by a `cx`, and from there on `record` may be a control and nothing else. [`controlled`](Self::controlled) by it
    /// is a gate that depends on the outcome, and its probabilities at the end are those of the outcomes. Values are exact
    /// averages over all outcomes, and differentiable like any others. Each measurement costs one qubit.
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
    /// Mistakes, kept like all others: a `record` that was touched before; one that is later the target of anything, or of which
    /// more than Z is read at the end; a measurement under [`controlled`](Self::controlled), or inverted. Under
    /// [`when`](Self::when) a record stays 0 in the samples in which nothing is measured. The
    /// [`state`](crate::Measurement::state) is that of all qubits together, records included: what is defined by overlaps of states (kernels, metric
    /// tensors, natural gradients, expressibility, entangling capability) does not take such a circuit.
    pub fn measure(&mut self, qubit: usize, record: usize) -> &mut Self {
        self.push_operation(Operation::new(Kind::Measure, Vec::new(), vec![qubit, record]));
        self
    }

    /// Sets `qubit` to 0, whatever its state. The old state moves to the qubit `fresh`, which must be untouched so far, and
    /// which no later operation may touch.
    ///
    /// Exact and differentiable, as for [`measure`](Self::measure); each reset costs one qubit. The qubit that was reset is
    /// as good as untouched, and may become a record.
    ///
    /// ```
    /// use candlewick::{functional, prelude::*};
    /// let mut circuit = Circuit::new(3);
    /// circuit.h(0).cx(0, 1).reset(0, 2);
    /// let y = functional::evaluate(&circuit, &Measurement::probabilities([0, 1]), None, &[])?;
    /// let y = y.to_vec1::<f32>()?; // qubit 0 is 0, qubit 1 is what its partner left behind: a coin
    /// assert!((y[0] - 0.5).abs() < 1e-6 && (y[2] - 0.5).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Mistakes: `fresh` was touched before or is later; `qubit` is a record; a reset under
    /// [`controlled`](Self::controlled), or inverted.
    pub fn reset(&mut self, qubit: usize, fresh: usize) -> &mut Self {
        self.push_operation(Operation::new(Kind::Reset, Vec::new(), vec![qubit, fresh]));
        self
    }

    /// Refuses circuits that measure or reset qubits on their way, for what is defined by overlaps of states: those of all qubits together would have
    /// records and discarded qubits interfere, as nothing does that was measured.
    pub(crate) fn check_pure(&self) -> crate::error::Result<()> {
        self.check()?;
        let measures = |operation: &Operation| matches!(operation.kind, Kind::Measure | Kind::Reset);
        match self.operations().iter().enumerate().find(|(_, operation)| measures(operation)) {
            None => Ok(()),
            Some((index, operation)) => {
                let (name, qubit) = (operation.name().to_owned(), operation.qubits[1]);
                Err(Error::Circuit { operation: index, name, mistake: Mistake::NotPure { qubit } })
            }
        }
    }

    /// Declares that a state is prepared on the lowest `count` qubits, which have to be in 0; whether they are.
    pub(super) fn prepares(&mut self, name: &str, count: usize) -> bool {
        // At most 58 qubits, each of them in range.
        let qubits = 1u64.checked_shl(count as u32).map_or(u64::MAX, |bit| bit - 1);
        match self.roles.prepare(qubits) {
            Ok(()) => true,
            Err(mistake) => {
                self.fail(name, mistake);
                false
            }
        }
    }

    /// Qubits that hold an outcome.
    pub(crate) fn records(&self) -> u64 {
        self.roles.records
    }
}

/// What qubits may still be used for, as masks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Roles {
    /// Not in 0 for sure.
    touched: u64,
    records: u64,
    /// Holds what a reset took away.
    discarded: u64,
    /// In 0 before a state was prepared there, on which the rest relies.
    prepared: u64,
}

impl Roles {
    /// Whether an operation, whose qubits are in range, may come next.
    pub(super) fn check(self, operation: &Operation) -> Result<(), Mistake> {
        if operation.kind == Kind::Barrier {
            return Ok(());
        }
        let (controls, targets) = operation.controls_and_targets();
        let find = |qubits: &[usize], mask: u64| qubits.iter().copied().find(|qubit| mask >> qubit & 1 == 1);
        if let Some(qubit) = find(&controls, self.discarded).or(find(targets, self.discarded)) {
            return Err(Mistake::QubitDiscarded { qubit });
        }
        if matches!(operation.kind, Kind::Measure | Kind::Reset) {
            if !operation.controls.is_empty() {
                return Err(Mistake::MeasurementNotUnitary);
            }
            if let Some(qubit) = find(&operation.qubits[1..], self.touched) {
                return Err(Mistake::QubitTouched { qubit });
            }
        }
        find(targets, self.records).map_or(Ok(()), |qubit| Err(Mistake::RecordChanged { qubit }))
    }

    /// Whether all of these qubits are in 0 still.
    fn check_untouched(self, qubits: u64) -> Result<(), Mistake> {
        match self.touched & qubits {
            0 => Ok(()),
            used => Err(Mistake::QubitTouched { qubit: used.trailing_zeros() as usize }),
        }
    }

    /// Takes note of a state that is prepared on these qubits, which have to be in 0.
    pub(super) fn prepare(&mut self, qubits: u64) -> Result<(), Mistake> {
        self.check_untouched(qubits)?;
        self.prepared |= qubits;
        Ok(())
    }

    /// Takes note of the states that a circuit prepares which is about to follow.
    pub(super) fn append(&mut self, other: Self) -> Result<(), Mistake> {
        self.prepare(other.prepared)
    }

    /// Takes note of the states that were prepared from these roles on.
    pub(super) fn take_prepared(&mut self, since: Self) {
        self.prepared |= since.prepared;
    }

    /// Takes note of an operation that has been checked.
    pub(super) fn note(&mut self, operation: &Operation) {
        let bit = |index: usize| 1u64 << operation.qubits[index];
        match operation.kind {
            Kind::Barrier => {}
            // Features fill the lowest qubits; above them all stay 0.
            Kind::AmplitudeEmbedding { count, .. } => self.touched |= count.next_power_of_two() as u64 - 1,
            _ => {
                let used = operation.qubits.iter().chain(&operation.controls);
                self.touched = used.fold(self.touched, |touched, qubit| touched | 1 << qubit);
            }
        }
        match operation.kind {
            Kind::Measure => self.records |= bit(1),
            Kind::Reset => {
                self.discarded |= bit(1);
                if operation.conditions.is_empty() {
                    self.touched &= !bit(0);
                }
            }
            _ => {}
        }
    }
}
