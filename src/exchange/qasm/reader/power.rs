//! Inverses and powers of gates.

use super::super::definition::Callee;
use super::super::fault::{Read, unsupported};
use super::super::lexer::Operator;
use super::super::value::{self, Value};
use super::Reader;
use crate::gate::Gate;
use std::f64::consts::{PI, TAU};

/// Inverse or power of what stands behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Transform {
    Inverse,
    Power(f64),
}

impl Transform {
    fn factor(self) -> f64 {
        match self {
            Self::Inverse => -1.0,
            Self::Power(power) => power,
        }
    }
}

/// Largest number of times that a gate is repeated.
const REPETITIONS: f64 = 4_294_967_296.0;

/// Gate as a rotation or a phase with an angle, and the phase in front of it as a part of the angle.
#[derive(Debug, Clone, Copy)]
struct Turn {
    gate: Gate,
    /// Angle of gates that have none, in multiples of π.
    fixed: Option<f64>,
    /// Part of the angle that is a phase in front of the rotation.
    phase: f64,
    /// Angle after which the eigenvalues are the same.
    period: f64,
}

const fn turn(gate: Gate, fixed: Option<f64>, phase: f64, period: f64) -> Turn {
    Turn { gate, fixed, phase, period }
}

/// Returns a gate as a rotation or a phase.
fn as_turn(gate: Gate) -> Option<Turn> {
    // A rotation has the eigenvalues exp(±iθ/2).
    let rotation = |gate| turn(gate, None, 0.0, 2.0 * TAU);
    let phase = |gate| turn(gate, None, 0.0, TAU);
    let fixed = |gate, multiple, phase| turn(gate, Some(multiple), phase, TAU);
    Some(match gate {
        Gate::rx | Gate::ry | Gate::rz | Gate::rxx | Gate::ryy | Gate::rzz | Gate::rzx => rotation(gate),
        Gate::crx | Gate::cry | Gate::crz => rotation(gate),
        Gate::p | Gate::u1 | Gate::cp | Gate::cu1 => phase(gate),
        Gate::z => fixed(Gate::p, 1.0, 0.0),
        Gate::s => fixed(Gate::p, 0.5, 0.0),
        Gate::sdg => fixed(Gate::p, -0.5, 0.0),
        Gate::t => fixed(Gate::p, 0.25, 0.0),
        Gate::tdg => fixed(Gate::p, -0.25, 0.0),
        Gate::cz => fixed(Gate::cp, 1.0, 0.0),
        Gate::cs => fixed(Gate::cp, 0.5, 0.0),
        Gate::csdg => fixed(Gate::cp, -0.5, 0.0),
        // X is exp(iπ/2) RX(π), and its powers are the powers of both.
        Gate::x => fixed(Gate::rx, 1.0, 0.5),
        Gate::sx => fixed(Gate::rx, 0.5, 0.5),
        Gate::sxdg => fixed(Gate::rx, -0.5, 0.5),
        Gate::y => fixed(Gate::ry, 1.0, 0.5),
        _ => return None,
    })
}

/// Returns the angle with the same effect that is nearest to 0; half a period counts as positive.
fn principal(angle: f64, period: f64) -> f64 {
    let within = angle.rem_euclid(period);
    if within > period / 2.0 { within - period } else { within }
}

/// Returns the rotation or phase that a callee is.
fn rotation(callee: &Callee) -> Option<Turn> {
    match callee.table_gate() {
        Some((gate, 0)) => as_turn(gate).filter(|turn| turn.fixed.is_none()),
        _ => None,
    }
}

impl Reader<'_> {
    /// Applies a gate to which transforms have been applied; the first acts first.
    pub(super) fn transformed(
        &mut self,
        at: u32,
        callee: &Callee,
        arguments: &[Value],
        qubits: &[u8],
        transforms: &[Transform],
    ) -> Read<()> {
        if transforms.is_empty() {
            return self.apply(at, callee, arguments, qubits);
        }
        let power: f64 = transforms.iter().map(|transform| transform.factor()).product();
        if transforms.iter().any(|transform| transform.factor().fract() != 0.0) {
            return self.fraction(at, callee, arguments, qubits, transforms);
        }
        if power.abs() > REPETITIONS {
            return unsupported(at, "a power above 2^32");
        }
        if let (Some(_), [angle]) = (rotation(callee), arguments) {
            // Powers of rotations and phases are rotations and phases.
            let angle = value::binary(Operator::Multiply, Value::Real(power), angle.clone(), 3, at)?;
            return self.apply(at, callee, &[angle], qubits);
        }
        let first = self.logical.list.len();
        for _ in 0..power.abs() as u64 {
            self.step(at, 1)?;
            self.apply(at, callee, arguments, qubits)?;
        }
        if power < 0.0 {
            self.logical.invert(first);
        }
        Ok(())
    }

    /// Applies a power that is no integer, by the principal values of eigenvalues.
    fn fraction(
        &mut self,
        at: u32,
        callee: &Callee,
        arguments: &[Value],
        qubits: &[u8],
        transforms: &[Transform],
    ) -> Read<()> {
        const WHAT: &str = "a power of this gate that is no integer";
        if let (Callee::Phase, [angle]) = (callee, arguments) {
            let angle = powers(angle.number(at)?, TAU, transforms);
            return self.phase(at, &Value::Real(angle));
        }
        let Some((gate, controls)) = plain(callee) else { return unsupported(at, WHAT) };
        if gate == Gate::id {
            return Ok(());
        }
        let Some(turn) = as_turn(gate) else { return unsupported(at, WHAT) };
        let (angle, period) = match (turn.fixed, arguments) {
            (Some(multiple), _) => (multiple * PI, TAU),
            (None, [angle]) => match angle {
                Value::Angle(_) => return unsupported(at, "a power of an angle that depends on an input"),
                number => (number.number(at)?, turn.period),
            },
            _ => return unsupported(at, WHAT),
        };
        let angle = powers(angle, period, transforms);
        let (controls, own) = qubits.split_at(controls);
        let controls: Vec<(u8, bool)> = controls.iter().map(|qubit| (*qubit, true)).collect();
        self.within(&controls, &[], &[], |reader| {
            reader.gate(at, turn.gate, &[Value::Real(angle)], own)?;
            if turn.phase == 0.0 { Ok(()) } else { reader.phase(at, &Value::Real(turn.phase * angle)) }
        })
    }
}

/// Returns the gate of the table that a callee is, without a phase in front, and the number of its further controls.
fn plain(callee: &Callee) -> Option<(Gate, usize)> {
    let (gate, controls) = callee.table_gate()?;
    // A controlled X is an X under a control, and so are its powers.
    Some(match gate {
        Gate::cx => (Gate::x, controls + 1),
        Gate::cy => (Gate::y, controls + 1),
        Gate::csx => (Gate::sx, controls + 1),
        Gate::ccx => (Gate::x, controls + 2),
        Gate::ccz => (Gate::z, controls + 2),
        other => (other, controls),
    })
}

/// Returns the angle after all transforms; each starts from the principal value.
fn powers(angle: f64, period: f64, transforms: &[Transform]) -> f64 {
    transforms.iter().fold(angle, |angle, transform| match transform {
        Transform::Inverse => -angle,
        Transform::Power(power) => power * principal(angle, period),
    })
}
