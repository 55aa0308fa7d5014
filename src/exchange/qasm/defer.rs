//! Logical operations become a circuit: measurements, resets and conditions on measured bits are deferred.

use super::fault::{Read, fault};
use super::inputs::{Bound, Variables};
use super::logical::{Angles, Bit, Context, Kind, LogicalCircuit, LogicalOperation, Outcome, Rule};
use super::values::{Effect, Values};
use crate::circuit::{self, Angle, Circuit, Condition, Operation};
use crate::error::QasmProblem;
use crate::gate::Gate;
use crate::limits::MAX_QUBITS;
use crate::mask::{Mask, Wide};
use std::collections::HashMap;

/// Where the value of a classical bit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    Known(bool),
    Qubit(usize),
}

/// Next operation on a measured qubit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Nothing,
    Reset,
    Other,
}

/// Circuit that is being written.
struct Deferral<'a> {
    logical: &'a LogicalCircuit,
    /// Circuit and its variables, or `None` where qubits are only counted.
    circuit: Option<(Circuit, Bound)>,
    /// Number of qubits so far.
    qubits: usize,
    outcomes: Vec<Home>,
    /// Number of resets that are still to come.
    resets: usize,
    /// Bits of the qubits, or `None` where no reset comes any more: only resets read them.
    values: Option<Values>,
    /// Qubits with their records that have the qubits' bits still.
    records: Vec<(usize, usize)>,
    /// Conditions as the circuit has them, by the addresses of those of the text.
    conditions: HashMap<usize, Condition>,
    /// Place of the current operation in the text.
    at: u32,
}

/// Writes the circuit of logical operations on so many qubits. Returns it with the places of all outcomes.
pub(super) fn defer(logical: &LogicalCircuit, qubits: usize, variables: &Variables) -> Read<(Circuit, Vec<Home>)> {
    let next = next_on_measured(logical);
    let resets = logical.list.iter().filter(|operation| operation.kind == Kind::Reset).count();
    let deferral = |circuit| Deferral {
        logical,
        circuit,
        qubits,
        outcomes: vec![Home::Known(false); logical.outcomes as usize],
        resets,
        values: (resets > 0).then(Values::new),
        records: Vec::new(),
        conditions: HashMap::new(),
        at: 0,
    };
    // A circuit is made with all its qubits, those of records included.
    let mut total = qubits;
    if logical.list.iter().any(|operation| matches!(operation.kind, Kind::Measure(_) | Kind::Reset | Kind::Compute(_)))
    {
        let mut counted = deferral(None);
        counted.run(&next)?;
        total = counted.qubits;
    }
    let mut circuit = Circuit::new(total);
    let bound = variables.declare(&mut circuit)?;
    circuit.reserve(logical.list.len());
    let mut written = deferral(Some((circuit, bound)));
    written.run(&next)?;
    let circuit = written.circuit.take().map_or_else(|| Circuit::new(0), |(circuit, _)| circuit);
    match circuit.mistake() {
        Some(mistake) => fault(written.at, QasmProblem::Circuit(mistake.clone())),
        None => Ok((circuit, written.outcomes)),
    }
}

/// Returns what comes next on the qubit of each measurement; entries of other operations mean nothing.
fn next_on_measured(logical: &LogicalCircuit) -> Vec<Next> {
    if !logical.list.iter().any(|operation| matches!(operation.kind, Kind::Measure(_))) {
        return Vec::new();
    }
    let mut next = vec![Next::Nothing; logical.list.len()];
    let mut on_qubit = [Next::Nothing; MAX_QUBITS];
    for (place, operation) in logical.list.iter().enumerate().rev() {
        let qubits = logical.qubits(operation);
        if let (Kind::Measure(_), Some(&qubit)) = (operation.kind, qubits.first()) {
            // A further measurement gives the same outcome: what counts is what comes behind it.
            next[place] = on_qubit[usize::from(qubit)];
            continue;
        }
        let what = if operation.kind == Kind::Reset && operation.context == 0 { Next::Reset } else { Next::Other };
        let controls = logical.contexts[operation.context as usize].controls.iter().map(|(qubit, _)| *qubit);
        for qubit in qubits.iter().copied().chain(controls) {
            on_qubit[usize::from(qubit)] = what;
        }
    }
    next
}

impl Deferral<'_> {
    fn run(&mut self, next: &[Next]) -> Read<()> {
        for (place, operation) in self.logical.list.iter().enumerate() {
            self.at = operation.at;
            match operation.kind {
                Kind::Measure(outcome) => {
                    self.measure(operation, outcome, next.get(place).copied().unwrap_or(Next::Other))?
                }
                Kind::Reset => {
                    self.reset(operation)?;
                    self.resets -= 1;
                    if self.resets == 0 {
                        self.values = None;
                    }
                }
                Kind::Compute(place) => self.compute(operation, place)?,
                _ => self.unitary(operation)?,
            }
        }
        Ok(())
    }

    /// Appends an operation.
    fn push(&mut self, operation: Operation) -> Read<()> {
        let Some((circuit, _)) = &mut self.circuit else { return Ok(()) };
        circuit.push_operation(operation);
        match circuit.mistake() {
            None => Ok(()),
            Some(mistake) => fault(self.at, QasmProblem::Circuit(mistake.clone())),
        }
    }

    /// Returns a qubit that is still in 0.
    fn fresh(&mut self) -> Read<usize> {
        self.qubits += 1;
        match self.qubits > MAX_QUBITS {
            true => fault(self.at, QasmProblem::TooManyQubits { qubits: self.qubits, limit: MAX_QUBITS }),
            false => Ok(self.qubits - 1),
        }
    }

    fn home(&self, bit: Bit) -> Home {
        match bit {
            Bit::Known(value) => Home::Known(value),
            Bit::Outcome(outcome) => self.outcomes[outcome as usize],
        }
    }

    /// Returns the controls that make all literals true, or `None` if they cannot be.
    fn conjunction(&self, literals: impl IntoIterator<Item = (Home, bool)>) -> Option<Vec<(usize, bool)>> {
        let mut controls: Vec<(usize, bool)> = Vec::new();
        for (home, value) in literals {
            match home {
                Home::Known(known) if known == value => {}
                Home::Known(_) => return None,
                Home::Qubit(qubit) => match controls.iter().find(|(other, _)| *other == qubit) {
                    Some((_, other)) if *other == value => {}
                    Some(_) => return None,
                    None => controls.push((qubit, value)),
                },
            }
        }
        Some(controls)
    }

    /// Returns the literals of a context.
    fn literals(&self, context: &Context) -> Vec<(Home, bool)> {
        context.outcomes.iter().map(|(outcome, value)| (self.outcomes[*outcome as usize], *value)).collect()
    }

    /// Returns the conditions on inputs of a context.
    fn conditions(&mut self, place: u32) -> Vec<Condition> {
        let Some((_, variables)) = &self.circuit else { return Vec::new() };
        let known = &mut self.conditions;
        let of_circuit = |condition: &std::rc::Rc<Condition>| {
            known.entry(condition.address()).or_insert_with(|| variables.condition(condition)).clone()
        };
        self.logical.contexts[place as usize].conditions.iter().map(of_circuit).collect()
    }

    /// Appends a gate or a phase with its controls and conditions.
    fn unitary(&mut self, operation: &LogicalOperation) -> Read<()> {
        let logical = self.logical;
        let qubits = logical.qubits(operation);
        let mut controls = Vec::new();
        if operation.context > 0 {
            let context = &logical.contexts[operation.context as usize];
            let Some(measured) = self.conjunction(self.literals(context)) else { return Ok(()) };
            controls = measured;
            controls.extend(context.controls.iter().map(|(qubit, value)| (usize::from(*qubit), *value)));
        }
        if self.values.is_some() || !self.records.is_empty() {
            self.follow(operation, &controls);
        }
        let Some((circuit, variables)) = &self.circuit else { return Ok(()) };
        let kind = match operation.kind {
            Kind::Gate { gate, .. } => circuit::Kind::Gate(gate),
            Kind::PauliRotation(place) => circuit::Kind::PauliRotation(logical.rotations[place as usize].0.to_string()),
            Kind::GlobalPhase => circuit::Kind::GlobalPhase,
            _ => circuit::Kind::Barrier,
        };
        let angles = match operation.kind {
            Kind::Gate { gate, .. } => angles(logical, variables, operation.angles, gate.angles().len()),
            Kind::Barrier => Vec::new(),
            _ => angles(logical, variables, operation.angles, 1),
        };
        let qubits = match operation.kind {
            // The drawing separates all qubits of the text.
            Kind::Barrier => (0..circuit.qubits()).collect(),
            _ => qubits.iter().map(|qubit| usize::from(*qubit)).collect(),
        };
        let mut written = Operation::new(kind, angles, qubits);
        if operation.kind != Kind::Barrier {
            written.dagger = matches!(operation.kind, Kind::Gate { dagger: true, .. });
            self.set_controls(&mut written, &controls, operation.context);
        }
        self.push(written)
    }

    /// Follows what a gate does to the bits of qubits.
    fn follow(&mut self, operation: &LogicalOperation, controls: &[(usize, bool)]) {
        let logical = self.logical;
        let (effect, own) = match operation.kind {
            Kind::Gate { gate, .. } => (Effect::of(gate.spec()), gate.spec().controls),
            Kind::PauliRotation(place) => (Effect::of_word(&logical.rotations[place as usize].0), 0),
            _ => return,
        };
        if effect == Effect::Mix(Wide::EMPTY) {
            return;
        }
        let qubits: Vec<usize> = logical.qubits(operation).iter().map(|qubit| usize::from(*qubit)).collect();
        let Some((own, targets)) = qubits.split_at_checked(own) else { return };
        let controls: Vec<_> = controls.iter().copied().chain(own.iter().map(|qubit| (*qubit, true))).collect();
        self.change(effect, targets, &controls, operation.context);
    }

    /// Notes that the bits of targets change where all controls have their values and the conditions of a context hold.
    fn change(&mut self, effect: Effect, targets: &[usize], controls: &[(usize, bool)], context: u32) {
        let is_changed = |qubit| targets.iter().enumerate().any(|(at, other)| *other == qubit && effect.changes(at));
        self.records.retain(|(qubit, _)| !is_changed(*qubit));
        if let Some(values) = &mut self.values {
            values.apply(effect, targets, controls, &self.logical.contexts[context as usize].conditions);
        }
    }

    fn set_controls(&mut self, operation: &mut Operation, controls: &[(usize, bool)], context: u32) {
        operation.controls = controls.iter().map(|(qubit, _)| *qubit).collect();
        operation.zeros = controls.iter().filter(|(_, value)| !value).map(|(qubit, _)| *qubit).collect();
        operation.conditions = self.conditions(context);
    }

    /// Appends an X on a qubit where all controls have their values.
    fn flip(&mut self, qubit: usize, controls: &[(usize, bool)], context: u32) -> Read<()> {
        self.change(Effect::Flip, &[qubit], controls, context);
        let mut operation = Operation::new(circuit::Kind::Gate(Gate::x), Vec::new(), vec![qubit]);
        self.set_controls(&mut operation, controls, context);
        self.push(operation)
    }

    fn pair(&mut self, kind: circuit::Kind, qubit: usize, fresh: usize) -> Read<()> {
        self.push(Operation::new(kind, Vec::new(), vec![qubit, fresh]))
    }

    fn measure(&mut self, operation: &LogicalOperation, outcome: Option<Outcome>, next: Next) -> Read<()> {
        let qubit = usize::from(operation.qubits[0]);
        let home = match (next, outcome) {
            // The qubit itself keeps the outcome.
            (Next::Nothing, _) => qubit,
            // A reset loses what the outcome would have told.
            (Next::Reset, None) => return Ok(()),
            _ => match self.record(qubit) {
                Some(record) => record,
                None => {
                    let record = self.fresh()?;
                    self.change(Effect::Flip, &[record], &[(qubit, true)], 0);
                    self.records.push((qubit, record));
                    self.pair(circuit::Kind::Measure, qubit, record)?;
                    record
                }
            },
        };
        if let Some(outcome) = outcome {
            self.outcomes[outcome as usize] = Home::Qubit(home);
        }
        Ok(())
    }

    /// Returns the record that has the bit of a qubit.
    fn record(&self, qubit: usize) -> Option<usize> {
        self.records.iter().find(|(other, _)| *other == qubit).map(|(_, record)| *record)
    }

    fn reset(&mut self, operation: &LogicalOperation) -> Read<()> {
        let qubit = usize::from(operation.qubits[0]);
        let context = &self.logical.contexts[operation.context as usize];
        let Some(controls) = self.conjunction(self.literals(context)) else { return Ok(()) };
        match self.values.as_ref().and_then(|values| values.constant(qubit)) {
            Some(false) => return Ok(()),
            // Where the reset acts, an X makes it 0.
            Some(true) => return self.flip(qubit, &controls, operation.context),
            None => {}
        }
        if !controls.is_empty() || !context.conditions.is_empty() {
            let fresh = self.fresh()?;
            self.change(Effect::Exchange, &[qubit, fresh], &controls, operation.context);
            let mut swap = Operation::new(circuit::Kind::Gate(Gate::swap), Vec::new(), vec![qubit, fresh]);
            self.set_controls(&mut swap, &controls, operation.context);
            return self.push(swap);
        }
        match self.record(qubit) {
            // The qubit is what its record is: an X where that is 1 makes it 0.
            Some(record) => self.flip(qubit, &[(record, true)], 0),
            None => {
                let fresh = self.fresh()?;
                self.change(Effect::Exchange, &[qubit, fresh], &[], 0);
                self.pair(circuit::Kind::Reset, qubit, fresh)
            }
        }
    }

    fn compute(&mut self, operation: &LogicalOperation, place: u32) -> Read<()> {
        let logical = self.logical;
        let Some(computation) = logical.computations.get(place as usize) else { return Ok(()) };
        let home = match &computation.rule {
            Rule::Polynomial { support, terms } => self.polynomial(support, terms)?,
            Rule::Select { old, new } => self.select(operation, *old, self.home(*new))?,
            Rule::SelectMeasured { old } => {
                let qubit = usize::from(operation.qubits[0]);
                self.select(operation, *old, Home::Qubit(qubit))?
            }
        };
        self.outcomes[computation.outcome as usize] = home;
        Ok(())
    }

    /// Computes a XOR of ANDs of outcomes on a fresh qubit, unless it is known.
    fn polynomial(&mut self, support: &[Outcome], terms: &[u16]) -> Read<Home> {
        let mut products: Vec<Vec<(usize, bool)>> = Vec::new();
        let mut constant = false;
        for term in terms {
            let joined = support.iter().enumerate().filter(|(place, _)| term >> place & 1 == 1);
            let literals: Vec<_> = joined.map(|(_, outcome)| (self.outcomes[*outcome as usize], true)).collect();
            match self.conjunction(literals) {
                None => {}
                Some(controls) if controls.is_empty() => constant = !constant,
                Some(controls) => products.push(controls),
            }
        }
        if products.is_empty() {
            return Ok(Home::Known(constant));
        }
        let fresh = self.fresh()?;
        for controls in products {
            self.flip(fresh, &controls, 0)?;
        }
        if constant {
            self.flip(fresh, &[], 0)?;
        }
        Ok(Home::Qubit(fresh))
    }

    /// Computes the bit that is `new` where the context of the operation holds, and `old` elsewhere.
    fn select(&mut self, operation: &LogicalOperation, old: Bit, new: Home) -> Read<Home> {
        let old = self.home(old);
        let context = &self.logical.contexts[operation.context as usize];
        let literals = self.literals(context);
        let Some(controls) = self.conjunction(literals.iter().copied()) else { return Ok(old) };
        let is_measured = operation.count > 0;
        if !is_measured && (old == new || controls.is_empty() && context.conditions.is_empty()) {
            return Ok(new);
        }
        // old XOR (context AND old) XOR (context AND new)
        let fresh = self.fresh()?;
        if let Some(controls) = self.conjunction([(old, true)]) {
            self.flip(fresh, &controls, 0)?;
        }
        for value in [old, new] {
            if let Some(controls) = self.conjunction(literals.iter().copied().chain([(value, true)])) {
                self.flip(fresh, &controls, operation.context)?;
            }
        }
        Ok(Home::Qubit(fresh))
    }
}

/// Returns angles of the circuit.
fn angles(logical: &LogicalCircuit, variables: &Bound, angles: Angles, count: usize) -> Vec<Angle> {
    match angles {
        Angles::Numbers(first) => {
            let numbers = logical.numbers.get(first as usize..).unwrap_or_default();
            numbers.iter().take(count).map(|number| Angle::from(*number)).collect()
        }
        Angles::Expressions(first) => {
            let expressions = logical.expressions.get(first as usize..).unwrap_or_default();
            expressions.iter().take(count).map(|angle| variables.angle(angle)).collect()
        }
    }
}
