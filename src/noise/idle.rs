//! Times of operations, and qubits that wait.

use super::calibration::Calibration;
use super::gates::Gates;
use crate::angle::{Angle, Variable};
use crate::circuit::{Kind, Operation};
use crate::error::{Mistake, Result};
use crate::limits::{MAX_QUBITS, at_most};
use std::collections::BTreeMap;
use std::fmt;

/// Times of operations and relaxation times of qubits, for [`NoiseModel::idle`](super::NoiseModel::idle). All times have
/// one unit, of the caller's choice; [`from_json`](Self::from_json) has microseconds.
///
/// ```
/// use candlewick::noise::{Durations, Gates, NoiseModel};
/// use candlewick::prelude::*;
/// let durations = Durations::new()
///     .gates(Gates::one_qubit(), 0.035)
///     .gates(Gates::two_qubit(), 0.3)
///     .qubits(0..3, 110.0, 95.0, 0.01); // T1, T2 and the population of 1 in equilibrium
/// let mut circuit = Circuit::new(3);
/// // Qubit 2 waits for the first cx, qubit 0 for the second.
/// circuit.h(0).h(2).cx(0, 1).cx(1, 2);
/// let noisy = NoiseModel::new().idle(durations).apply(&circuit)?;
/// assert_eq!(noisy.counts()["thermal_relaxation"], 2);
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Durations {
    times: Vec<(Gates, f64)>,
    relaxation: BTreeMap<usize, [Angle; 3]>,
    calibration: Option<Calibration>,
    mistake: Option<Mistake>,
}

impl Durations {
    /// Makes durations that know no operation and no qubit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads times and relaxation times, in microseconds, from the calibration data that
    /// [`NoiseModel::from_json`](super::NoiseModel::from_json) takes.
    ///
    /// # Errors
    /// The errors of [`NoiseModel::from_json`](super::NoiseModel::from_json).
    pub fn from_json(text: &str) -> Result<Self> {
        Ok(Self { calibration: Some(Calibration::from_json(text)?), ..Self::default() })
    }

    /// Sets the time of operations, finite and at least 0. Where several selections have an operation, the last holds.
    pub fn gates(mut self, gates: Gates, time: f64) -> Self {
        let allowed = "a finite time of at least 0";
        if !(time >= 0.0 && time.is_finite()) {
            let (channel, strength) = ("idle", "time");
            self.mistake.get_or_insert(Mistake::Strength { channel, strength, value: time, allowed });
        }
        self.mistake = self.mistake.or(gates.check().err());
        self.times.push((gates, time));
        self
    }

    /// Sets the relaxation of qubits: T1, T2 (at most 2 T1) and the probability of 1 in equilibrium, as
    /// [`Circuit::thermal_relaxation`](crate::Circuit::thermal_relaxation) takes them. The last setting of a qubit holds.
    pub fn qubits(
        mut self,
        qubits: impl IntoIterator<Item = usize>,
        t1: impl Into<Angle>,
        t2: impl Into<Angle>,
        excited: impl Into<Angle>,
    ) -> Self {
        let times = [t1.into(), t2.into(), excited.into()];
        let strengths: Vec<Angle> = std::iter::once(Angle::from(0.0)).chain(times.iter().cloned()).collect();
        self.mistake = self.mistake.or(crate::channel::Channel::thermal_relaxation.check(&strengths).err());
        let (qubits, _) = at_most(MAX_QUBITS, qubits);
        if let Some(qubit) = qubits.iter().copied().find(|qubit| *qubit >= MAX_QUBITS) {
            self.mistake.get_or_insert(Mistake::QubitOutOfRange { qubit, qubits: MAX_QUBITS });
        }
        self.relaxation.extend(qubits.into_iter().map(|qubit| (qubit, times.clone())));
        self
    }

    /// Returns the first mistake.
    pub(super) fn check(&self) -> Result<(), Mistake> {
        self.mistake.clone().map_or(Ok(()), Err)
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.relaxation.values().flatten().flat_map(Angle::variables)
    }

    /// Returns the time of an operation that acts on these qubits. Barriers, embeddings of amplitudes, channels and
    /// operations on no qubit take no time unless they are named.
    pub(super) fn time(&self, operation: &Operation, acted: &[usize]) -> Option<f64> {
        let given = self.times.iter().rev().find(|(gates, _)| gates.select(operation, acted)).map(|(_, time)| *time);
        given.or_else(|| self.calibration.as_ref()?.entry(operation.name(), acted).map(|entry| entry.time_us)).or_else(
            || {
                let takes_time = operation.is_gate() || matches!(operation.kind, Kind::Measure | Kind::Reset);
                let is_free = self.calibration.as_ref().is_some_and(|of| !of.is_strict());
                (!takes_time || acted.is_empty() || is_free).then_some(0.0)
            },
        )
    }

    /// Returns T1, T2 and the population of 1 in equilibrium.
    pub(super) fn relaxation(&self, qubit: usize) -> Option<[Angle; 3]> {
        let calibrated = || self.calibration.as_ref()?.relaxation(qubit).map(|times| times.map(Angle::from));
        self.relaxation.get(&qubit).cloned().or_else(calibrated)
    }

    /// Returns whether qubits without relaxation times wait without noise.
    pub(super) fn is_lenient(&self) -> bool {
        self.calibration.as_ref().is_some_and(|of| !of.is_strict())
    }
}

impl fmt::Display for Durations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = self.times.iter().map(|(gates, time)| format!("{gates}: {}", Angle::from(*time)));
        let qubits = self
            .relaxation
            .iter()
            .map(|(qubit, [t1, t2, excited])| format!("qubit {qubit}: T1 {t1}, T2 {t2}, excited {excited}"));
        let calibration = self.calibration.as_ref().map(Calibration::spelled);
        f.write_str(&times.chain(qubits).chain(calibration).collect::<Vec<_>>().join("; "))
    }
}

/// Schedule in which every operation starts as soon as all of its qubits are free.
#[derive(Debug)]
pub(super) struct Clock {
    /// Time at which each qubit is free.
    free: Vec<f64>,
    /// Whether each qubit has a state that decays. Before its first operation, and behind a reset, it has none.
    begun: Vec<bool>,
}

/// Smallest wait, as a part of the time that has passed, that is no rounding of sums of times.
const ROUNDING: f64 = 1e-12;

impl Clock {
    pub(super) fn new(qubits: usize) -> Self {
        Self { free: vec![0.0; qubits], begun: vec![false; qubits] }
    }

    /// Lets qubits wait until all of them are free, or until the end for all of them. Returns the waiting qubits and
    /// their times.
    pub(super) fn wait(&mut self, qubits: &[usize]) -> Vec<(usize, f64)> {
        let start = qubits.iter().map(|qubit| self.free[*qubit]).fold(0.0, f64::max);
        let mut waits = Vec::new();
        for &qubit in qubits {
            let time = start - self.free[qubit];
            if self.begun[qubit] && time > ROUNDING * start {
                waits.push((qubit, time));
            }
            self.free[qubit] = start;
        }
        waits
    }

    /// Lets an operation act for a time on qubits that are free at the same time.
    pub(super) fn act(&mut self, operation: &Operation, qubits: &[usize], time: f64) {
        for &qubit in qubits {
            self.free[qubit] += time;
            match operation.kind {
                Kind::Reset if operation.conditions().is_empty() => self.begun[qubit] = false,
                Kind::Barrier => {}
                _ => self.begun[qubit] = true,
            }
        }
    }
}
