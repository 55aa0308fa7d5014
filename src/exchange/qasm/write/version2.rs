//! Texts of OpenQASM 2, of circuits without variables.

use super::angles::number;
use super::classical::{Records, Split, What, euler, phase_of, with_controls};
use super::inputs::Inputs;
use super::prelude::{Ladder, Prelude};
use super::registers::Registers;
use super::{Places, no_form};
use crate::circuit::{Circuit, Kind, Operation};
use crate::error::{Error, Mistake, Result};
use crate::exchange::qasm::BitRegister;
use crate::gate::{Form, Gate};
use crate::linalg::factors::factors;
use num_complex::Complex64;
use std::f64::consts::PI;
use std::fmt::Write;

/// Most qubits of a phase that is written as phases of parities, of which there are 2^qubits.
const PARITY_QUBITS: usize = 10;

pub(super) fn write(circuit: &Circuit, registers: &[BitRegister]) -> Result<String> {
    let (mut inputs, records) = (Inputs::of(circuit)?, Records::new(Places::of(circuit)));
    inputs.release("c");
    (0..records.places().bits).for_each(|bit| _ = inputs.free(format!("c{bit}")));
    let registers = Registers::of(registers, |name| inputs.free(name));
    if let Some((_, register, index)) = registers.ones.first() {
        let (register, index, value) = (register.clone(), *index, 1);
        return Err(Error::Measurement(Mistake::ConstantBit { register, index, value }));
    }
    let mut writer = Writer { records, registers, prelude: Prelude::default(), body: String::new() };
    for (index, operation) in circuit.operations().iter().enumerate() {
        writer.operation(index, operation)?;
    }
    writer.finish();
    let Places { count, bits, .. } = writer.records.places();
    let mut text = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\n".to_owned() + &writer.prelude.text();
    if *count > 0 {
        _ = writeln!(text, "qreg q[{count}];");
    }
    (0..*bits).for_each(|bit| _ = writeln!(text, "creg c{bit}[1];"));
    writer.registers.declared.iter().for_each(|(name, size)| _ = writeln!(text, "creg {name}[{size}];"));
    Ok(text + &writer.body)
}

struct Writer {
    records: Records,
    registers: Registers,
    prelude: Prelude,
    body: String,
}

/// Statements of an operation.
#[derive(Debug, Default)]
struct Statements(Vec<String>);

impl Statements {
    fn call(&mut self, name: &str, angles: &[f64], qubits: &[usize]) {
        let angles: Vec<String> = angles.iter().map(|angle| number(*angle)).collect();
        let list = if angles.is_empty() { String::new() } else { format!("({})", angles.join(",")) };
        let qubits: Vec<String> = qubits.iter().map(|qubit| format!("q[{qubit}]")).collect();
        self.0.push(format!("{name}{list} {};", qubits.join(",")));
    }

    /// Multiplies the state in which all qubits are 1 by `exp(i angle)`: phases of the parities of all subsets, with
    /// the sign of the subset's size, in the order of a Gray code.
    fn phase(&mut self, angle: f64, qubits: &[usize]) {
        match qubits {
            [] => {}
            [qubit] => self.call("u1", &[angle], &[*qubit]),
            [first, second] => self.call("cu1", &[angle], &[*first, *second]),
            _ => {
                let share = angle / (1u64 << (qubits.len() - 1)) as f64;
                for (place, target) in qubits.iter().enumerate() {
                    self.call("u1", &[share], &[*target]);
                    for step in 1u64..1 << place {
                        self.call("cx", &[], &[qubits[step.trailing_zeros() as usize], *target]);
                        let others = (step ^ step >> 1).count_ones();
                        self.call("u1", &[if others % 2 == 0 { share } else { -share }], &[*target]);
                    }
                    if place > 0 {
                        self.call("cx", &[], &[qubits[place - 1], *target]);
                    }
                }
            }
        }
    }
}

impl Writer {
    /// Appends the measurements whose results the registers hold. Bits are not copied in OpenQASM 2.
    fn finish(&mut self) {
        for (qubit, bit) in self.registers.rest() {
            match (self.records.bit(qubit), self.records.qubit(qubit)) {
                (Some(record), _) => _ = writeln!(self.body, "// {bit} is c{record}[0]"),
                (None, Some(qubit)) => _ = writeln!(self.body, "measure q[{qubit}] -> {bit};"),
                // A qubit that nothing measures or resets is in the text.
                (None, None) => {}
            }
        }
    }

    fn operation(&mut self, index: usize, operation: &Operation) -> Result<()> {
        let refuse = |reason| Err(no_form(index, operation, 2, reason));
        match (&operation.kind, operation.qubits()) {
            (Kind::Barrier, _) => self.body += "barrier q;\n",
            (Kind::Measure, [qubit, record]) => {
                let Some(qubit) = self.records.qubit(*qubit) else { return refuse("bits are not copied") };
                let bit = self.records.record(*record);
                _ = writeln!(self.body, "measure q[{qubit}] -> c{bit}[0];");
            }
            (Kind::Reset, [qubit, old]) => {
                let Some(qubit) = self.records.qubit(*qubit) else { return refuse("the qubit is gone") };
                // Bits of the old state are measured while it is there.
                for bit in self.registers.take(*old) {
                    _ = writeln!(self.body, "measure q[{qubit}] -> {bit};");
                }
                _ = writeln!(self.body, "reset q[{qubit}];");
            }
            (Kind::AmplitudeEmbedding { .. }, _) => return refuse("OpenQASM embeds no amplitudes"),
            (Kind::Channel(_) | Kind::Kraus(_), _) => return refuse("OpenQASM has no noise"),
            _ => {
                let split = self.records.split(index, operation, 2)?;
                let test = match split.tests[..] {
                    [] => String::new(),
                    [(bit, value)] => format!("if(c{bit}=={}) ", u8::from(value)),
                    _ => return refuse("a condition reads one record"),
                };
                let Statements(statements) = self.statements(index, operation, &split)?;
                statements.iter().for_each(|statement| _ = writeln!(self.body, "{test}{statement}"));
            }
        }
        Ok(())
    }

    fn statements(&mut self, index: usize, operation: &Operation, split: &Split<'_>) -> Result<Statements> {
        let mut out = Statements::default();
        let zeros: Vec<usize> = split.controls.iter().filter(|(_, value)| !value).map(|(qubit, _)| *qubit).collect();
        zeros.iter().for_each(|qubit| out.call("x", &[], &[*qubit]));
        let controls: Vec<usize> = split.controls.iter().map(|(qubit, _)| *qubit).collect();
        let angles: Vec<f64> = operation.angles().iter().map(|angle| angle.constant).collect();
        let is_written = match split.what {
            What::Gate(gate) => self.gate(gate, operation.is_dagger(), &angles, (&controls, &split.qubits), &mut out),
            What::UWithPhase => self.gate(Gate::u, false, &angles[..3], (&controls, &split.qubits), &mut out),
            What::Phase if controls.len() <= PARITY_QUBITS => {
                out.phase(angles[0], &controls);
                true
            }
            What::Rotation(word) if controls.is_empty() => {
                rotation(word, angles[0], &split.qubits, &mut out);
                true
            }
            What::Matrix(entries) => match (euler(entries), &controls[..]) {
                (Some([theta, phi, lambda, _]), []) => {
                    out.call("u3", &[theta, phi, lambda], &split.qubits);
                    true
                }
                (Some(all), [control]) => {
                    self.prelude.need(Gate::cu, 2);
                    out.call("cu", &all, &[*control, split.qubits[0]]);
                    true
                }
                (None, []) if split.qubits.len() == 2 => {
                    self.prelude.need(Gate::cu, 2);
                    matrix(entries, &split.qubits, &mut out);
                    true
                }
                _ => false,
            },
            What::Phase | What::Rotation(_) => false,
        };
        if !is_written {
            let reason = match split.what {
                What::Matrix(_) => "it is a dense matrix on more than two qubits, or under controls",
                _ => "OpenQASM 2 has no such gate under these controls",
            };
            return Err(no_form(index, operation, 2, reason));
        }
        zeros.iter().for_each(|qubit| out.call("x", &[], &[*qubit]));
        Ok(out)
    }

    /// Writes a gate of the table under further controls. Returns whether it has a form.
    fn gate(
        &mut self,
        gate: Gate,
        dagger: bool,
        angles: &[f64],
        (controls, qubits): (&[usize], &[usize]),
        out: &mut Statements,
    ) -> bool {
        let all: Vec<usize> = controls.iter().chain(qubits).copied().collect();
        let known = match controls.len() {
            0 => Some(gate),
            more => with_controls(gate, gate.spec().controls + more),
        };
        if let Some(known) = known {
            if dagger {
                return adjoint(known, &all, out);
            }
            self.prelude.need(known, 2);
            out.call(known.spec().name, angles, &all);
            return true;
        }
        let target = all[all.len() - 1];
        match gate.spec().form {
            _ if all.len() > PARITY_QUBITS => return false,
            form if form == Gate::x.spec().form => {
                out.call("h", &[], &[target]);
                out.phase(PI, &all);
                out.call("h", &[], &[target]);
            }
            Form::FixedPhase(_) | Form::Phase => {
                let Some(angle) = phase_of(gate, angles.first().copied()) else { return false };
                out.phase(if dagger { -angle } else { angle }, &all);
            }
            _ => return false,
        }
        true
    }
}

/// Writes the adjoint of a gate whose adjoint has no name.
fn adjoint(gate: Gate, qubits: &[usize], out: &mut Statements) -> bool {
    match (gate, qubits) {
        (Gate::csx, &[control, target]) => {
            out.call("h", &[], &[target]);
            out.call("cu1", &[-PI / 2.0], &[control, target]);
            out.call("h", &[], &[target]);
        }
        (Gate::dcx, &[a, b]) => [[b, a], [a, b]].iter().for_each(|pair| out.call("cx", &[], pair)),
        (Gate::iswap, &[a, b]) => {
            [a, b].iter().for_each(|qubit| out.call("sdg", &[], &[*qubit]));
            out.call("cz", &[], &[a, b]);
            [[a, b], [b, a], [a, b]].iter().for_each(|pair| out.call("cx", &[], pair));
        }
        _ => return false,
    }
    true
}

/// Writes a dense matrix on two qubits.
fn matrix(entries: &[Complex64], qubits: &[usize], out: &mut Statements) {
    for factor in factors(entries) {
        let (Some(angles), [(control, value)]) = (euler(&factor.entries), &factor.controls[..]) else { continue };
        let flip = |out: &mut Statements| match value {
            true => {}
            false => out.call("x", &[], &[qubits[*control]]),
        };
        flip(out);
        out.call("cu", &angles, &[qubits[*control], qubits[factor.target]]);
        flip(out);
    }
}

/// Writes the rotation about a word.
fn rotation(word: &str, angle: f64, qubits: &[usize], out: &mut Statements) {
    let Ladder { bases, steps, turned } = Ladder::of(word);
    let Some(turned) = turned else { return };
    let change = |out: &mut Statements, sign: f64| {
        for (place, letter) in &bases {
            match letter {
                'X' => out.call("h", &[], &[qubits[*place]]),
                _ => out.call("rx", &[sign * PI / 2.0], &[qubits[*place]]),
            }
        }
    };
    change(out, 1.0);
    steps.iter().for_each(|(control, target)| out.call("cx", &[], &[qubits[*control], qubits[*target]]));
    out.call("rz", &[angle], &[qubits[turned]]);
    steps.iter().rev().for_each(|(control, target)| out.call("cx", &[], &[qubits[*control], qubits[*target]]));
    change(out, -1.0);
}
