//! Application of rules to a circuit.

use super::added::{Addition, Additions};
use super::calibration::{Calibration, relaxation};
use super::channels::Noise;
use super::gates::{acted, classical};
use super::idle::{Clock, Durations};
use super::rule::Rule;
use crate::angle::{Angle, Variable, Weights};
use crate::channel::Channel;
use crate::circuit::{Circuit, Kind, Operation};
use crate::error::{Error, NoiseError};
use crate::gate::Gate;
use crate::mask::{Mask, Wide};
use std::sync::Arc;

/// Returns the noisy circuit, and what has been added to the given one.
pub(super) fn run(rules: &[Rule], given: &Circuit) -> Result<(Circuit, Additions), NoiseError> {
    let mut writer = Writer::new(rules, given)?;
    let mut readouts = Vec::new();
    for (index, operation) in given.operations().iter().enumerate() {
        match operation.channel().is_some_and(Channel::is_readout) {
            true => readouts.push(index),
            false => writer.operation(index)?,
        }
    }
    writer.last_waits()?;
    for index in readouts {
        writer.operation(index)?;
    }
    writer.readout()?;
    let unmatched = (0..rules.len()).filter(|rule| rules[*rule].needs_operations() && !writer.matched[*rule]).collect();
    Ok((writer.noisy, Additions { all: writer.all, unmatched }))
}

/// Circuit that is being written, rule by rule behind each operation.
struct Writer<'a> {
    rules: &'a [Rule],
    given: &'a Circuit,
    /// Mask of the qubits on which nothing is added.
    classical: Wide,
    noisy: Circuit,
    all: Vec<Addition>,
    /// Whether each rule has fitted an operation.
    matched: Vec<bool>,
    /// Schedule of each rule for waiting qubits.
    clocks: Vec<(usize, &'a Durations, Clock)>,
    /// Readout errors of outcomes, which come last, with their rules and measurements.
    outcomes: Vec<(usize, usize, Operation)>,
}

impl<'a> Writer<'a> {
    fn new(rules: &'a [Rule], given: &'a Circuit) -> Result<Self, NoiseError> {
        let mut noisy = given.without_operations();
        for (rule, of) in rules.iter().enumerate() {
            for variable in of.variables() {
                if let Variable::Weight { tensor, .. } = variable {
                    noisy.share(&Weights { tensor: Arc::clone(tensor) });
                }
            }
            if let Err(Error::Circuit { mistake, .. }) = noisy.check() {
                return Err(NoiseError::Rule { rule, mistake: Box::new(mistake) });
            }
        }
        let clock = |(rule, of): (usize, &'a Rule)| match of {
            Rule::Idle(durations) => Some((rule, durations, Clock::new(given.qubits()))),
            _ => None,
        };
        let clocks = rules.iter().enumerate().filter_map(clock).collect();
        let (matched, classical) = (vec![false; rules.len()], classical(given.operations()));
        Ok(Self { rules, given, classical, noisy, all: Vec::new(), matched, clocks, outcomes: Vec::new() })
    }

    fn name(&self, index: usize) -> &'static str {
        self.given.operations().get(index).map_or("end", Operation::name)
    }

    /// Appends an operation of a rule at an operation of the given circuit.
    fn add(&mut self, rule: usize, index: usize, operation: Operation) -> Result<(), NoiseError> {
        self.push(rule, index, operation, false)
    }

    fn push(&mut self, rule: usize, index: usize, operation: Operation, is_change: bool) -> Result<(), NoiseError> {
        self.noisy.push_operation(operation.clone());
        if let Err(Error::Circuit { mistake, .. }) = self.noisy.check() {
            let (gate, added) = (self.name(index).to_owned(), operation.name().to_owned());
            return Err(NoiseError::Addition { rule, operation: index, gate, added, mistake: Box::new(mistake) });
        }
        let place = self.given.operations().get(index).map(|one| (index, one.name()));
        self.matched[rule] = true;
        self.all.push(Addition { rule, place, operation, is_change });
        Ok(())
    }

    /// Appends operation `index` of the given circuit, and what rules add to it.
    fn operation(&mut self, index: usize) -> Result<(), NoiseError> {
        let (rules, given) = (self.rules, &self.given.operations()[index]);
        let qubits = acted(given, self.classical);
        self.waits(index, given, &qubits)?;
        self.rotated(index, given, &qubits)?;
        for (rule, of) in rules.iter().enumerate() {
            match of {
                Rule::After { gates, noise } if gates.select(given, &qubits) => {
                    self.after(rule, index, noise, &qubits)?;
                }
                Rule::Crosstalk { pairs, gates, angle } if gates.select(given, &qubits) => {
                    self.crosstalk(rule, index, pairs, angle, &qubits)?;
                }
                Rule::Calibration(calibration) => self.calibrated(rule, index, calibration, &qubits)?,
                Rule::Readout { qubit, errors } => self.outcome(rule, index, *qubit, errors)?,
                Rule::After { .. } | Rule::Crosstalk { .. } | Rule::Idle(_) | Rule::OverRotation { .. } => {}
            }
        }
        Ok(())
    }

    /// Appends an operation with the angles that rules change.
    fn rotated(&mut self, index: usize, given: &Operation, qubits: &[usize]) -> Result<(), NoiseError> {
        let mut operation = given.clone();
        let mut last = None;
        for (rule, of) in self.rules.iter().enumerate() {
            let Rule::OverRotation { gates, factor, offset } = of else { continue };
            if !gates.select(given, qubits) {
                continue;
            }
            if !given.is_gate() || given.angles().is_empty() {
                match gates.is_named() {
                    true => return Err(NoiseError::NoAngle { rule, operation: index, gate: given.name().to_owned() }),
                    false => continue,
                }
            }
            for angle in &mut operation.angles {
                *angle = angle.clone() * (1.0 + factor.clone()) + offset.clone();
            }
            self.matched[rule] = true;
            last = Some(rule);
        }
        match last {
            Some(rule) => self.push(rule, index, operation, true),
            None => {
                self.noisy.push_operation(operation);
                // All additions have been checked, but an addition may have touched a qubit that must be in 0 here.
                match self.noisy.check() {
                    Err(Error::Circuit { mistake, .. }) => {
                        let (gate, added) = (self.name(index).to_owned(), self.name(index).to_owned());
                        let rule = self.all.last().map_or(0, |last| last.rule);
                        Err(NoiseError::Addition { rule, operation: index, gate, added, mistake: Box::new(mistake) })
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    fn after(&mut self, rule: usize, index: usize, noise: &Noise, qubits: &[usize]) -> Result<(), NoiseError> {
        for part in noise.parts() {
            let channel = part.on(Vec::new()).name();
            if part.width > 1 && part.width != qubits.len() {
                let (gate, channel) = (self.name(index).to_owned(), channel.to_owned());
                let (expected, actual) = (part.width, qubits.len());
                return Err(NoiseError::QubitCount { rule, operation: index, gate, channel, expected, actual });
            }
            for together in qubits.chunks(part.width) {
                self.add_behind(rule, index, part.on(together.to_vec()))?;
            }
        }
        Ok(())
    }

    /// Appends an operation under the conditions of operation `index`.
    fn add_behind(&mut self, rule: usize, index: usize, mut operation: Operation) -> Result<(), NoiseError> {
        operation.conditions = self.given.operations()[index].conditions.clone();
        self.add(rule, index, operation)
    }

    fn crosstalk(
        &mut self,
        rule: usize,
        index: usize,
        pairs: &[(usize, usize)],
        angle: &Angle,
        qubits: &[usize],
    ) -> Result<(), NoiseError> {
        let is_outcome = |qubit: usize| self.classical.contains(qubit);
        let beside =
            |&(a, b): &(usize, usize)| qubits.contains(&a) != qubits.contains(&b) && !is_outcome(a) && !is_outcome(b);
        for (a, b) in pairs.iter().copied().filter(beside).collect::<Vec<_>>() {
            self.add_behind(rule, index, Operation::new(Kind::Gate(Gate::rzz), vec![angle.clone()], vec![a, b]))?;
        }
        Ok(())
    }

    fn calibrated(
        &mut self,
        rule: usize,
        index: usize,
        calibration: &Calibration,
        qubits: &[usize],
    ) -> Result<(), NoiseError> {
        let given = &self.given.operations()[index];
        match calibration.entry(given.name(), qubits) {
            Some(entry) => {
                for channel in entry.channels.clone() {
                    self.add_behind(rule, index, channel)?;
                }
            }
            None if given.is_gate() && !qubits.is_empty() && calibration.is_strict() => {
                let (gate, qubits) = (given.name().to_owned(), qubits.to_vec());
                return Err(NoiseError::MissingGate { rule, operation: index, gate, qubits });
            }
            None => {}
        }
        match given.kind {
            Kind::Measure => match calibration.readout(given.qubits[0]) {
                Some(errors) => self.outcome(rule, index, given.qubits[0], &errors.map(Angle::from)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Adds the readout error of `qubit` to the outcome, if operation `index` is its measurement.
    fn outcome(&mut self, rule: usize, index: usize, qubit: usize, errors: &[Angle; 2]) -> Result<(), NoiseError> {
        let given = &self.given.operations()[index];
        if given.kind != Kind::Measure || given.qubits[0] != qubit {
            return Ok(());
        }
        let record = given.qubits[1];
        if errors[0] == errors[1] {
            let flip = Operation::new(Kind::Channel(Channel::bit_flip), vec![errors[0].clone()], vec![record]);
            return self.add_behind(rule, index, flip);
        }
        let is_read = |later: &Operation| {
            let controls = later.controls().iter().chain(later.qubits());
            later.kind != Kind::Barrier && controls.into_iter().any(|one| *one == record)
        };
        if !given.conditions().is_empty() || self.given.operations()[index + 1..].iter().any(is_read) {
            return Err(NoiseError::OutcomeReadout { rule, operation: index, qubit });
        }
        let readout = Operation::new(Kind::Channel(Channel::readout_error), errors.to_vec(), vec![record]);
        self.outcomes.push((rule, index, readout));
        Ok(())
    }

    /// Adds the relaxation of qubits that wait for operation `index`, and lets its time pass.
    fn waits(&mut self, index: usize, given: &Operation, qubits: &[usize]) -> Result<(), NoiseError> {
        for clock in 0..self.clocks.len() {
            let (rule, durations, schedule) = &mut self.clocks[clock];
            let (rule, durations) = (*rule, *durations);
            let Some(time) = durations.time(given, qubits) else {
                let (gate, qubits) = (given.name().to_owned(), qubits.to_vec());
                return Err(NoiseError::NoDuration { rule, operation: index, gate, qubits });
            };
            let waits = schedule.wait(qubits);
            schedule.act(given, qubits, time);
            self.relax(rule, index, durations, waits)?;
        }
        Ok(())
    }

    /// Adds the relaxation of qubits that wait for the end.
    fn last_waits(&mut self) -> Result<(), NoiseError> {
        let all: Vec<usize> = (0..self.given.qubits()).filter(|qubit| !self.classical.contains(*qubit)).collect();
        for clock in 0..self.clocks.len() {
            let (rule, durations, schedule) = &mut self.clocks[clock];
            let (rule, durations) = (*rule, *durations);
            let waits = schedule.wait(&all);
            self.relax(rule, self.given.operations().len(), durations, waits)?;
        }
        Ok(())
    }

    fn relax(
        &mut self,
        rule: usize,
        index: usize,
        durations: &Durations,
        waits: Vec<(usize, f64)>,
    ) -> Result<(), NoiseError> {
        for (qubit, time) in waits {
            match durations.relaxation(qubit) {
                Some(times) => self.add(rule, index, relaxation(time, times, qubit))?,
                None if durations.is_lenient() => {}
                None => return Err(NoiseError::NoRelaxation { rule, qubit, time }),
            }
        }
        Ok(())
    }

    /// Adds readout errors, first those of outcomes.
    fn readout(&mut self) -> Result<(), NoiseError> {
        for (rule, index, readout) in std::mem::take(&mut self.outcomes) {
            self.add(rule, index, readout)?;
        }
        let (given, classical) = (self.given, self.classical);
        for (rule, of) in self.rules.iter().enumerate() {
            match of {
                Rule::Readout { qubit, errors } => self.read(rule, *qubit, errors)?,
                Rule::Calibration(calibration) => {
                    for qubit in (0..given.qubits()).filter(|qubit| !classical.contains(*qubit)) {
                        if qubit >= calibration.qubits() && calibration.is_strict() {
                            return Err(NoiseError::MissingQubit { rule, qubit, known: calibration.qubits() });
                        }
                        if let Some(errors) = calibration.readout(qubit) {
                            self.read(rule, qubit, &errors.map(Angle::from))?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read(&mut self, rule: usize, qubit: usize, errors: &[Angle; 2]) -> Result<(), NoiseError> {
        let readout = Operation::new(Kind::Channel(Channel::readout_error), errors.to_vec(), vec![qubit]);
        self.add(rule, self.given.operations().len(), readout)
    }
}
