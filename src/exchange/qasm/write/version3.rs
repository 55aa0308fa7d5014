//! Texts of OpenQASM 3.

use super::angles::{condition, number};
use super::classical::{Records, Split, What, euler};
use super::gates::Spelled;
use super::inputs::Inputs;
use super::prelude::Prelude;
use super::{Places, no_form};
use crate::circuit::{Circuit, Kind, Operation};
use crate::error::Result;
use std::fmt::Write;

pub(super) fn write(circuit: &Circuit) -> Result<String> {
    let mut writer = Writer {
        inputs: Inputs::of(circuit)?,
        records: Records::new(Places::of(circuit)),
        prelude: Prelude::default(),
        body: String::new(),
    };
    for (index, operation) in circuit.operations().iter().enumerate() {
        writer.operation(index, operation)?;
    }
    Ok(writer.text(circuit))
}

struct Writer {
    inputs: Inputs,
    records: Records,
    prelude: Prelude,
    body: String,
}

impl Writer {
    fn text(&self, circuit: &Circuit) -> String {
        let mut text = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\n".to_owned();
        text += &self.prelude.text();
        self.inputs.write(circuit, &mut text);
        let Places { count, bits, .. } = self.records.places();
        if *count > 0 {
            _ = writeln!(text, "qubit[{count}] q;");
        }
        if *bits > 0 {
            _ = writeln!(text, "bit[{bits}] c;");
        }
        text + &self.body
    }

    fn operation(&mut self, index: usize, operation: &Operation) -> Result<()> {
        let conditions: Vec<String> = operation.conditions().iter().map(|one| condition(one, &self.inputs)).collect();
        let (tests, statements) = match (&operation.kind, operation.qubits()) {
            (Kind::Barrier, _) => (Vec::new(), vec!["barrier q;".to_owned()]),
            (Kind::Measure, [qubit, record]) => {
                let from = match (self.records.bit(*qubit), self.records.qubit(*qubit)) {
                    (Some(bit), _) => format!("c[{bit}]"),
                    (None, Some(qubit)) => format!("measure q[{qubit}]"),
                    (None, None) => return Err(no_form(index, operation, 3, "the qubit is gone")),
                };
                (Vec::new(), vec![format!("c[{}] = {from};", self.records.record(*record))])
            }
            (Kind::Reset, [qubit, _]) => match self.records.qubit(*qubit) {
                Some(qubit) => (Vec::new(), vec![format!("reset q[{qubit}];")]),
                None => return Err(no_form(index, operation, 3, "the qubit is gone")),
            },
            (Kind::AmplitudeEmbedding { .. }, _) => {
                return Err(no_form(index, operation, 3, "OpenQASM embeds no amplitudes"));
            }
            (Kind::Channel(_) | Kind::Kraus(_), _) => {
                return Err(no_form(index, operation, 3, "OpenQASM has no noise"));
            }
            _ => {
                let split = self.records.split(index, operation, 3)?;
                let statements = self.statements(index, operation, &split)?;
                (split.tests, statements)
            }
        };
        self.push(conditions, &tests, &statements);
        Ok(())
    }

    /// Appends statements, which conditions on inputs and tests of bits precede.
    fn push(&mut self, conditions: Vec<String>, tests: &[(usize, bool)], statements: &[String]) {
        let test = |(bit, value): &(usize, bool)| format!("{}c[{bit}]", if *value { "" } else { "!" });
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

    /// Writes a gate without tests: one or two statements.
    fn statements(&mut self, index: usize, operation: &Operation, split: &Split<'_>) -> Result<Vec<String>> {
        let Split { controls, qubits, what, .. } = split;
        let angles: Vec<String> = operation.angles().iter().map(|one| one.written(&self.inputs)).collect();
        let modifiers = modifiers(controls, operation.is_dagger());
        let all: Vec<usize> = controls.iter().map(|(qubit, _)| *qubit).chain(qubits.iter().copied()).collect();
        let phase = |angle: &str| {
            let on = operands(&all[..controls.len()]);
            format!("{}gphase({angle}){}{on};", modifiers, if on.is_empty() { "" } else { " " })
        };
        let call = |name: &str, angles: &[String]| {
            let list = if angles.is_empty() { String::new() } else { format!("({})", angles.join(", ")) };
            format!("{modifiers}{name}{list} {};", operands(&all))
        };
        Ok(match what {
            What::Gate(gate) => {
                let Spelled { name, annotation, angles } = Spelled::of(*gate, angles);
                self.prelude.need(name, 3);
                let statement = call(name.spec().name, &angles);
                vec![annotation.map_or(String::new(), |gate| format!("@candlewick.gate {gate}\n")) + &statement]
            }
            What::UWithPhase => {
                self.prelude.need(crate::gate::Gate::u, 3);
                vec![call("u", &angles[..3]), phase(&angles[3])]
            }
            What::Rotation(word) => {
                let name = self.prelude.need_rotation(word);
                vec![call(&name, &angles)]
            }
            What::Phase => vec![phase(&angles[0])],
            What::Matrix(entries) => {
                let Some([theta, phi, lambda, gamma]) = euler(entries) else {
                    return Err(no_form(index, operation, 3, "it is a dense matrix on several qubits"));
                };
                self.prelude.need(crate::gate::Gate::u, 3);
                vec![call("u", &[theta, phi, lambda].map(number)), phase(&number(gamma))]
            }
        })
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

fn operands(qubits: &[usize]) -> String {
    qubits.iter().map(|qubit| format!("q[{qubit}]")).collect::<Vec<_>>().join(", ")
}
