//! Calibration data of a device: relaxation times and readout errors of qubits, times and errors of gates.

use crate::angle::Angle;
use crate::channel::Channel;
use crate::circuit::{Kind, Operation, is_operation};
use crate::error::{Error, FileError, NoiseError, Result};
use crate::gate::Gate;
use crate::limits::{MAX_KRAUS_QUBITS, MAX_QUBITS};
use num_complex::Complex64;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Text of a calibration, before it is checked.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    qubits: Vec<QubitRecord>,
    gates: Vec<GateRecord>,
    #[serde(default)]
    default: Missing,
}

#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct QubitRecord {
    t1_us: f64,
    t2_us: f64,
    #[serde(default)]
    excited: f64,
    p1_given_0: f64,
    p0_given_1: f64,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct GateRecord {
    name: String,
    qubits: Vec<usize>,
    error: f64,
    time_ns: f64,
}

/// Treatment of gates without an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Missing {
    /// They are an error.
    #[default]
    Error,
    /// They have no noise and take no time.
    None,
}

/// Calibration data, checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Calibration {
    qubits: Vec<QubitRecord>,
    /// Entries by name and by qubits in the order of the gate.
    gates: BTreeMap<String, BTreeMap<Vec<usize>, Entry>>,
    /// Qubits of an entry by name and by sorted qubits.
    in_any_order: BTreeMap<String, BTreeMap<Vec<usize>, Vec<usize>>>,
    missing: Missing,
}

/// Noise of a gate on certain qubits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Channels: depolarizing, then relaxation of each qubit, in the order of Qiskit Aer.
    pub(super) channels: Vec<Operation>,
    pub(super) time_us: f64,
    /// Average gate infidelity in the file.
    given: f64,
    /// Average gate infidelity of the channels.
    reached: f64,
}

impl Calibration {
    pub(super) fn from_json(text: &str) -> Result<Self> {
        let record: Record = serde_json::from_str(text)
            .map_err(|source| Error::File(FileError::Json { what: "a calibration", source }))?;
        Ok(record.checked()?)
    }

    /// Returns the entry of a gate: of its qubits in their order, or else in another order.
    pub(super) fn entry(&self, name: &str, qubits: &[usize]) -> Option<&Entry> {
        let of_name = self.gates.get(name)?;
        of_name.get(qubits).or_else(|| {
            let mut sorted = qubits.to_vec();
            sorted.sort_unstable();
            of_name.get(self.in_any_order.get(name)?.get(&sorted)?)
        })
    }

    /// Returns whether gates without an entry are an error.
    pub(super) fn is_strict(&self) -> bool {
        self.missing == Missing::Error
    }

    /// Returns the number of qubits.
    pub(super) fn qubits(&self) -> usize {
        self.qubits.len()
    }

    /// Returns the probabilities of reading 1 for 0 and 0 for 1, unless both are 0 or unknown.
    pub(super) fn readout(&self, qubit: usize) -> Option<[f64; 2]> {
        let errors = self.qubits.get(qubit).map(|of| [of.p1_given_0, of.p0_given_1])?;
        (errors != [0.0; 2]).then_some(errors)
    }

    /// Returns T1, T2 and the population of 1 in equilibrium.
    pub(super) fn relaxation(&self, qubit: usize) -> Option<[f64; 3]> {
        self.qubits.get(qubit).map(|of| [of.t1_us, of.t2_us, of.excited])
    }

    /// Returns the calibration in words, and the entries whose error the channels do not reach exactly.
    pub(super) fn spelled(&self) -> String {
        let entries = || self.gates.iter().flat_map(|(name, of)| of.iter().map(move |(on, entry)| (name, on, entry)));
        let missing = if self.is_strict() { "other gates are an error" } else { "other gates have no noise" };
        let mut text =
            format!("calibration of {} qubits and {} gates, {missing}", self.qubits.len(), entries().count());
        for (name, on, entry) in entries().filter(|(.., entry)| (entry.reached - entry.given).abs() > 1e-12) {
            let cause = if entry.reached > entry.given { "from relaxation alone" } else { "the largest there is" };
            let on = super::gates::listed(on);
            let (given, reached) = (Angle::from(entry.given), Angle::from(entry.reached));
            text += &format!("\n   `{name}` on {on}: error {given} becomes {reached}, {cause}");
        }
        text
    }
}

impl Record {
    fn checked(self) -> Result<Calibration, NoiseError> {
        if self.qubits.len() > MAX_QUBITS {
            let (field, value) = ("number of qubits".to_owned(), self.qubits.len() as f64);
            return Err(NoiseError::Field { field, value, allowed: format!("at most {MAX_QUBITS}") });
        }
        for (index, qubit) in self.qubits.iter().enumerate() {
            qubit.check(&format!("qubits[{index}]"))?;
        }
        let (mut gates, mut in_any_order) = (BTreeMap::new(), BTreeMap::new());
        for (index, gate) in self.gates.into_iter().enumerate() {
            let field = format!("gates[{index}]");
            gate.check(&field, self.qubits.len())?;
            let entry = gate.entry(&self.qubits);
            let GateRecord { name, qubits, .. } = gate;
            let mut sorted = qubits.clone();
            sorted.sort_unstable();
            let orders: &mut BTreeMap<_, _> = in_any_order.entry(name.clone()).or_default();
            orders.entry(sorted).or_insert_with(|| qubits.clone());
            let of_name: &mut BTreeMap<_, _> = gates.entry(name.clone()).or_default();
            if of_name.insert(qubits.clone(), entry).is_some() {
                return Err(NoiseError::GateTwice { field, name, qubits });
            }
        }
        Ok(Calibration { qubits: self.qubits, gates, in_any_order, missing: self.default })
    }
}

/// Checks that a number is in a range.
fn within(field: &str, name: &str, value: f64, is_allowed: bool, allowed: &str) -> Result<(), NoiseError> {
    match is_allowed {
        true => Ok(()),
        false => Err(NoiseError::Field { field: format!("{field}.{name}"), value, allowed: allowed.to_owned() }),
    }
}

impl QubitRecord {
    fn check(&self, field: &str) -> Result<(), NoiseError> {
        let times = [("t1_us", self.t1_us), ("t2_us", self.t2_us)];
        times.into_iter().try_for_each(|(name, value)| within(field, name, value, value > 0.0, "above 0"))?;
        let all = [("excited", self.excited), ("p1_given_0", self.p1_given_0), ("p0_given_1", self.p0_given_1)];
        all.into_iter().try_for_each(|(name, p)| within(field, name, p, (0.0..=1.0).contains(&p), "0 to 1"))?;
        match self.t2_us > 2.0 * self.t1_us {
            true => Err(NoiseError::Relaxation { field: field.to_owned(), t1: self.t1_us, t2: self.t2_us }),
            false => Ok(()),
        }
    }
}

impl GateRecord {
    fn check(&self, field: &str, qubits: usize) -> Result<(), NoiseError> {
        if !is_operation(&self.name) {
            return Err(NoiseError::GateName { field: format!("{field}.name"), name: self.name.clone() });
        }
        let least = Gate::from_name(&self.name).map_or(1, |gate| gate.qubits().len());
        let (count, allowed) = (self.qubits.len(), format!("{least} to {MAX_KRAUS_QUBITS}"));
        within(field, "qubits (their number)", count as f64, (least..=MAX_KRAUS_QUBITS).contains(&count), &allowed)?;
        for (place, qubit) in self.qubits.iter().enumerate() {
            let is_new = *qubit < qubits && !self.qubits[..place].contains(qubit);
            let allowed = format!("the index of one of {qubits} qubits, and different from the others");
            within(field, &format!("qubits[{place}]"), *qubit as f64, is_new, &allowed)?;
        }
        within(field, "error", self.error, (0.0..=1.0).contains(&self.error), "0 to 1")?;
        within(field, "time_ns", self.time_ns, self.time_ns >= 0.0, "at least 0")
    }

    /// Returns the channels of the gate.
    ///
    /// A channel on dimension d with process fidelity F has the average fidelity (d F + 1)/(d + 1) (Horodecki,
    /// Horodecki, Horodecki, Phys. Rev. A 60, 1888, 1999; Nielsen, Phys. Lett. A 303, 249, 2002). Relaxation of a qubit
    /// has the process fidelity (1 + 2 exp(-t/T2) + exp(-t/T1))/4; those of different qubits multiply. Depolarizing
    /// with parameter l before a channel of average fidelity F makes it (1 - l) F + l/d, which is to be 1 - error.
    fn entry(&self, qubits: &[QubitRecord]) -> Entry {
        let time_us = self.time_ns * 1e-3;
        let d = (1u32 << self.qubits.len()) as f64;
        let of = |qubit: &usize| {
            let QubitRecord { t1_us, t2_us, .. } = qubits[*qubit];
            (1.0 + 2.0 * (-time_us / t2_us).exp() + (-time_us / t1_us).exp()) / 4.0
        };
        let relaxed = (d * self.qubits.iter().map(of).product::<f64>() + 1.0) / (d + 1.0);
        let largest = d * d / (d * d - 1.0);
        let missing = self.error - (1.0 - relaxed);
        let parameter = if missing <= 0.0 { 0.0 } else { (d * missing / (d * relaxed - 1.0).max(0.0)).min(largest) };
        let mut channels = Vec::new();
        if parameter > 0.0 {
            channels.push(depolarizing(parameter / largest, self.qubits.clone()));
        }
        if time_us > 0.0 {
            channels.extend(self.qubits.iter().map(|qubit| {
                let QubitRecord { t1_us, t2_us, excited, .. } = qubits[*qubit];
                relaxation(time_us, [t1_us, t2_us, excited].map(Angle::from), *qubit)
            }));
        }
        let reached = 1.0 - ((1.0 - parameter) * relaxed + parameter / d);
        Entry { channels, time_us, given: self.error, reached }
    }
}

/// Returns the relaxation of a qubit that waits for a time; `times` are T1, T2 and the population of 1 in equilibrium.
pub(super) fn relaxation(time: f64, times: [Angle; 3], qubit: usize) -> Operation {
    let strengths = std::iter::once(Angle::from(time)).chain(times).collect();
    Operation::new(Kind::Channel(Channel::thermal_relaxation), strengths, vec![qubit])
}

/// Returns the channel of the words other than the identity, with the probability `p` for all of them together.
fn depolarizing(p: f64, qubits: Vec<usize>) -> Operation {
    let channel = match qubits.len() {
        1 => Channel::depolarizing,
        2 => Channel::depolarizing2,
        width => return Operation::new(Kind::Kraus(words(p, width)), Vec::new(), qubits),
    };
    Operation::new(Kind::Channel(channel), vec![Angle::from(p)], qubits)
}

/// Returns the Kraus operators of all Pauli words.
fn words(p: f64, width: usize) -> Arc<[Arc<[Complex64]>]> {
    let (size, count) = (1usize << width, 1usize << (2 * width));
    let word = |word: usize| {
        let (x, z) = (word % size, word / size);
        let weight = if word == 0 { 1.0 - p } else { p / (count - 1) as f64 };
        let mut entries = vec![Complex64::default(); count];
        for column in 0..size {
            // X^x Z^z: a factor of modulus 1 does not change the channel.
            let sign = if (z & column).count_ones() % 2 == 0 { 1.0 } else { -1.0 };
            entries[(column ^ x) * size + column] = (sign * weight.sqrt()).into();
        }
        Arc::from(entries)
    };
    (0..count).map(word).collect()
}
