//! Texts of OpenQASM 3.

use super::angles::{condition, number};
use super::classical::{Records, Split, What, euler};
use super::gates::Spelled;
use super::inputs::Inputs;
use super::prelude::Prelude;
use super::registers::Registers;
use super::{Places, no_form};
use crate::circuit::{Circuit, Kind, Operation};
use crate::error::Result;
use crate::exchange::qasm::BitRegister;
use crate::gate::Gate;
use crate::linalg::factors::factors;
use num_complex::Complex64;
use std::fmt::Write;

pub(super) fn write(circuit: &Circuit, registers: &[BitRegister]) -> Result<String> {
    let mut writer = Writer::of(circuit, registers)?;
    writer.finish();
    Ok(writer.text())
}

/// Circuit without measurements whose text has many ends: its operations are written once.
pub(crate) struct Beginning<'a>(Writer<'a>);

impl<'a> Beginning<'a> {
    pub(crate) fn of(circuit: &'a Circuit) -> Result<Self> {
        circuit.check()?;
        Ok(Self(Writer::of(circuit, &[])?))
    }

    /// Returns the text of the circuit, followed by another circuit of the same qubits, without inputs and
    /// measurements, and by statements.
    pub(crate) fn text(&mut self, then: &Circuit, statements: &str) -> Result<String> {
        then.check()?;
        let Self(writer) = self;
        let (length, prelude) = (writer.body.len(), writer.prelude.clone());
        let text = writer.operations(then).map(|()| {
            writer.body += statements;
            writer.text()
        });
        writer.body.truncate(length);
        writer.prelude = prelude;
        text
    }
}

struct Writer<'a> {
    circuit: &'a Circuit,
    inputs: Inputs,
    records: Records,
    registers: Registers,
    bits: Bits,
    prelude: Prelude,
    body: String,
}

/// Names of the records' bits: entries of the registers, or of `c`.
#[derive(Debug, Default)]
struct Bits {
    names: Vec<String>,
    /// Number of bits of `c`.
    count: usize,
}

impl Bits {
    /// Names the next record.
    fn push(&mut self, own: Option<String>) {
        let name = own.unwrap_or_else(|| {
            self.count += 1;
            format!("c[{}]", self.count - 1)
        });
        self.names.push(name);
    }
}

impl<'a> Writer<'a> {
    fn of(circuit: &'a Circuit, registers: &[BitRegister]) -> Result<Self> {
        let (mut inputs, records) = (Inputs::of(circuit)?, Records::new(Places::of(circuit)));
        if !Registers::lack(registers, circuit) {
            inputs.release("c");
        }
        let registers = Registers::of(registers, |name| inputs.free(name));
        let (bits, prelude, body) = (Bits::default(), Prelude::default(), String::new());
        let mut writer = Self { circuit, inputs, records, registers, bits, prelude, body };
        writer.operations(circuit)?;
        Ok(writer)
    }

    fn operations(&mut self, circuit: &Circuit) -> Result<()> {
        let mut all = circuit.operations().iter().enumerate();
        all.try_for_each(|(index, operation)| self.operation(index, operation))
    }

    fn text(&self) -> String {
        let mut text = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\n".to_owned();
        text += &self.prelude.text();
        self.inputs.write(self.circuit, &mut text);
        let Places { count, .. } = self.records.places();
        if *count > 0 {
            _ = writeln!(text, "qubit[{count}] q;");
        }
        if self.bits.count > 0 {
            _ = writeln!(text, "bit[{}] c;", self.bits.count);
        }
        for (name, size) in &self.registers.declared {
            _ = writeln!(text, "bit[{size}] {name};");
        }
        text + &self.body
    }

    /// Appends the measurements whose results the registers hold.
    fn finish(&mut self) {
        for (qubit, bit) in self.registers.rest() {
            match (self.records.bit(qubit), self.records.qubit(qubit)) {
                (Some(record), _) => _ = writeln!(self.body, "{bit} = {};", self.bits.names[record]),
                (None, Some(qubit)) => _ = writeln!(self.body, "{bit} = measure q[{qubit}];"),
                // A qubit that nothing measures or resets is in the text.
                (None, None) => {}
            }
        }
        self.registers.ones.iter().for_each(|(bit, ..)| _ = writeln!(self.body, "{bit} = true;"));
    }

    fn operation(&mut self, index: usize, operation: &Operation) -> Result<()> {
        let conditions: Vec<String> = operation.conditions().iter().map(|one| condition(one, &self.inputs)).collect();
        let (tests, statements) = match (&operation.kind, operation.qubits()) {
            (Kind::Barrier, _) => (Vec::new(), vec!["barrier q;".to_owned()]),
            (Kind::Measure, [qubit, record]) => {
                let from = match (self.records.bit(*qubit), self.records.qubit(*qubit)) {
                    (Some(bit), _) => self.bits.names[bit].clone(),
                    (None, Some(qubit)) => format!("measure q[{qubit}]"),
                    (None, None) => return Err(no_form(index, operation, 3, "the qubit is gone")),
                };
                self.records.record(*record);
                self.bits.push(self.registers.take_one(*record));
                (Vec::new(), vec![format!("{} = {from};", self.bits.names[self.bits.names.len() - 1])])
            }
            (Kind::Reset, [qubit, old]) => {
                let Some(qubit) = self.records.qubit(*qubit) else {
                    return Err(no_form(index, operation, 3, "the qubit is gone"));
                };
                // Bits of the old state are measured while it is there.
                let bits = self.registers.take(*old);
                if !bits.is_empty() && !conditions.is_empty() {
                    return Err(no_form(index, operation, 3, "a bit is measured under a condition on inputs"));
                }
                let measured = bits.into_iter().map(|bit| format!("{bit} = measure q[{qubit}];"));
                (Vec::new(), measured.chain([format!("reset q[{qubit}];")]).collect())
            }
            (Kind::AmplitudeEmbedding { .. }, _) => {
                return Err(no_form(index, operation, 3, "OpenQASM embeds no amplitudes"));
            }
            (Kind::Channel(_) | Kind::Kraus(_), _) => {
                return Err(no_form(index, operation, 3, "OpenQASM has no noise"));
            }
            _ => {
                let split = self.records.split(index, operation, 3)?;
                let statements = self.statements(operation, &split);
                (split.tests, statements)
            }
        };
        self.push(conditions, &tests, &statements);
        Ok(())
    }

    /// Appends statements, which conditions on inputs and tests of bits precede.
    fn push(&mut self, conditions: Vec<String>, tests: &[(usize, bool)], statements: &[String]) {
        let names = &self.bits.names;
        let test = |(bit, value): &(usize, bool)| format!("{}{}", if *value { "" } else { "!" }, names[*bit]);
        let tests = (!tests.is_empty()).then(|| tests.iter().map(test).collect::<Vec<_>>().join(" && "));
        let all: Vec<String> = conditions.into_iter().chain(tests).collect();
        for (depth, test) in all.iter().enumerate() {
            _ = writeln!(self.body, "{:1$}if ({test}) {{", "", 2 * depth);
        }
        for line in statements.iter().flat_map(|statement| statement.lines()) {
            _ = writeln!(self.body, "{:1$}{line}", "", 2 * all.len());
        }
        for depth in (0..all.len()).rev() {
            _ = writeln!(self.body, "{:1$}}}", "", 2 * depth);
        }
    }

    /// Writes a gate without tests: statements, of which there are several for a dense matrix.
    fn statements(&mut self, operation: &Operation, split: &Split<'_>) -> Vec<String> {
        let Split { controls, qubits, what, .. } = split;
        let angles: Vec<String> = operation.angles().iter().map(|one| one.written(&self.inputs)).collect();
        let modifiers = modifiers(controls, operation.is_dagger());
        let all: Vec<usize> = controls.iter().map(|(qubit, _)| *qubit).chain(qubits.iter().copied()).collect();
        let phase = |angle: &str| {
            let on = operands(controls.iter().map(|(qubit, _)| *qubit));
            format!("{}gphase({angle}){}{on};", modifiers, if on.is_empty() { "" } else { " " })
        };
        let call = |name: &str, angles: &[String]| {
            let list = if angles.is_empty() { String::new() } else { format!("({})", angles.join(", ")) };
            format!("{modifiers}{name}{list} {};", operands(all.iter().copied()))
        };
        match what {
            What::Gate(gate) => {
                let Spelled { name, annotation, angles } = Spelled::of(*gate, angles);
                self.prelude.need(name, 3);
                let statement = call(name.spec().name, &angles);
                vec![annotation.map_or(String::new(), |gate| format!("@candlewick.gate {gate}\n")) + &statement]
            }
            What::UWithPhase => {
                self.prelude.need(Gate::u, 3);
                vec![call("u", &angles[..3]), phase(&angles[3])]
            }
            What::Rotation(word) => {
                let name = self.prelude.need_rotation(word);
                vec![call(&name, &angles)]
            }
            What::Phase => vec![phase(&angles[0])],
            What::Matrix(entries) => self.matrix(controls, qubits, entries),
        }
    }

    /// Writes a dense matrix under controls, global phase included.
    fn matrix(&mut self, controls: &[(usize, bool)], qubits: &[usize], entries: &[Complex64]) -> Vec<String> {
        let mut statements = Vec::new();
        let mut one = |controls: &[(usize, bool)], target: usize, angles: [f64; 4]| {
            let list = |angles: &[f64]| angles.iter().map(|angle| number(*angle)).collect::<Vec<_>>().join(", ");
            if controls.is_empty() {
                self.prelude.need(Gate::u, 3);
                statements.push(format!("u({}) q[{target}];", list(&angles[..3])));
                statements.push(format!("gphase({});", number(angles[3])));
            } else {
                let all = operands(controls.iter().map(|(qubit, _)| *qubit).chain([target]));
                let (modifiers, name) = (modifiers(controls, false), self.prelude.need_unitary());
                statements.push(format!("{modifiers}{name}({}) {all};", list(&angles)));
            }
        };
        match euler(entries) {
            Some(angles) => one(controls, qubits[0], angles),
            None => factors(entries).iter().for_each(|factor| {
                let own = factor.controls.iter().map(|(place, value)| (qubits[*place], *value));
                let all: Vec<(usize, bool)> = controls.iter().copied().chain(own).collect();
                if let Some(angles) = euler(&factor.entries) {
                    one(&all, qubits[factor.target], angles);
                }
            }),
        }
        statements
    }
}

/// Writes controls, neighbours of one value together, and `inv`.
fn modifiers(controls: &[(usize, bool)], inverse: bool) -> String {
    let mut text = String::new();
    for group in controls.chunk_by(|one, next| one.1 == next.1) {
        text += if group[0].1 { "ctrl" } else { "negctrl" };
        if group.len() > 1 {
            _ = write!(text, "({})", group.len());
        }
        text += " @ ";
    }
    text + if inverse { "inv @ " } else { "" }
}

fn operands(qubits: impl IntoIterator<Item = usize>) -> String {
    qubits.into_iter().map(|qubit| format!("q[{qubit}]")).collect::<Vec<_>>().join(", ")
}
