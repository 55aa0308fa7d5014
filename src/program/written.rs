//! Points of a program as circuits of numbers, for programs outside.
//!
//! A point is a row of numbers for one variant of a program. Gates without angles are the circuit's own; each step with
//! an angle becomes a rotation or a phase. So a shift of one angle changes one number of the text. Steps of angle 0 do
//! nothing and are left out, which decides conditions: gates under a condition have angles of 0 where it does not hold.

use super::{Controls, Embedding, Kernel, Program, Rewrite, Rewrites, Step, Variable};
use crate::circuit::{Circuit, Operation};
use crate::error::Result;
use crate::exchange::qasm::Beginning;
use crate::gate::Gate;
use crate::gf2;
use crate::linalg::amplitudes_of;
use crate::observable::{Letter, PauliWord};
use num_complex::Complex64;
use std::fmt::Write;

/// Unitary on some qubits, row by row; the first is the low bit of an index.
pub(crate) type Unitary<'a> = (&'a [usize], &'a [Complex64]);

impl Rewrites {
    /// Returns the rewrites of programs whose points are written: steps and qubits are the circuit's.
    pub(crate) const fn written(self) -> Self {
        self.and(Self::AS_WRITTEN).without(Rewrite::IdleQubits)
    }
}

/// Circuit behind a program, for circuits of its points.
#[derive(Debug)]
pub(crate) struct Written(Circuit);

impl Written {
    pub(crate) fn new(circuit: &Circuit) -> Self {
        Self(circuit.clone())
    }

    /// Returns the circuit of a point, for a program lowered with [`Rewrites::written`] or for a variant of it; `None`
    /// if an angle is not finite, or if the features embed no state.
    pub(crate) fn at(&self, program: &Program, inputs: &[f64], weights: &[f64]) -> Option<Circuit> {
        let number = |variable: Variable| match variable {
            Variable::Input(index) => inputs[index],
            Variable::Weight(index) => weights[index],
        };
        let values: Vec<f64> = program.slots.iter().map(|slot| slot.value(number)).collect();
        let mut written = Circuit::new(self.0.qubits());
        if let Some(embedding) = program.embedding {
            embedding.write(&inputs[embedding.first..embedding.first + embedding.count], &mut written)?;
        }
        if !values.iter().all(|value| value.is_finite()) {
            return None;
        }
        let mut steps = program.steps.iter().zip(&program.operations).peekable();
        while let Some((first, index)) = steps.next() {
            let mut of_one = vec![first];
            while let Some((step, _)) = steps.next_if(|(_, other)| *other == index) {
                of_one.push(step);
            }
            write_operation(&self.0.operations()[*index], &of_one, &values, &mut written);
        }
        Some(written)
    }
}

/// Texts of a point: its circuit, written once, and different measurements behind it.
pub(crate) struct Texts<'a> {
    beginning: Beginning<'a>,
    qubits: usize,
}

impl<'a> Texts<'a> {
    pub(crate) fn of(circuit: &'a Circuit) -> Result<Self> {
        Ok(Self { beginning: Beginning::of(circuit)?, qubits: circuit.qubits() })
    }

    /// Returns the text that goes on with changes of basis and with measurements of qubits: `c[k]` is the k-th of them.
    pub(crate) fn measured<'c>(
        &mut self,
        changes: impl IntoIterator<Item = Unitary<'c>>,
        qubits: &[usize],
    ) -> Result<String> {
        let mut changed = Circuit::new(self.qubits);
        for (on, entries) in changes {
            write_change(on, entries, &mut changed);
        }
        let mut statements = format!("bit[{}] c;\n", qubits.len());
        for (bit, qubit) in qubits.iter().enumerate() {
            _ = writeln!(statements, "c[{bit}] = measure q[{qubit}];");
        }
        self.beginning.text(&changed, &statements)
    }
}

/// Appends the steps of an operation.
fn write_operation(operation: &Operation, steps: &[&Step], values: &[f64], to: &mut Circuit) {
    if !operation.is_gate() || !operation.angles().is_empty() {
        return steps.iter().for_each(|step| write_step(step, values, to));
    }
    let acts = |step: &&Step| step.kernel.slot().is_some_and(|slot| values[slot] != 0.0);
    if operation.conditions().is_empty() || steps.iter().any(acts) {
        to.push_operation(Operation { conditions: Vec::new(), ..operation.clone() });
    }
}

fn write_step(step: &Step, values: &[f64], to: &mut Circuit) {
    let Step { kernel, controls } = step;
    match kernel {
        Kernel::Rotation { slot, .. } | Kernel::Phase { slot } if values[*slot] == 0.0 => {}
        &Kernel::Rotation { x, z, slot } => write_rotation((x, z), 2.0 * values[slot], *controls, to),
        Kernel::Phase { slot } => write_phase(values[*slot], *controls, to),
        Kernel::FixedPhase(value) => write_phase(value.arg(), *controls, to),
        &Kernel::Exchange { mask, first, second } => write_exchange((mask, first, second), *controls, to),
        Kernel::Matrix { qubits, entries } => {
            under(*controls, to, |to| to.unitary(entries, qubits.iter().copied()));
        }
    }
}

/// Appends what `body` writes, under controls.
fn under(controls: Controls, to: &mut Circuit, body: impl FnOnce(&mut Circuit) -> &mut Circuit) {
    if controls.is_empty() {
        body(to);
    } else {
        let value = |qubit: usize| (qubit, controls.zeros >> qubit & 1 == 0);
        to.controlled_on(gf2::bits(controls.mask).map(value), body);
    }
}

/// Appends `exp(-i angle/2 P)`, where P has X or Y on the qubits of `x`, and Z or Y on the qubits of `z`.
fn write_rotation((x, z): (u64, u64), angle: f64, controls: Controls, to: &mut Circuit) {
    let qubits: Vec<usize> = gf2::bits(x | z).collect();
    let word: String =
        qubits.iter().map(|qubit| PauliWord { x, z }.letter(*qubit).map_or('I', Letter::spelled)).collect();
    let one_control = controls.count() == 1 && controls.zeros == 0;
    let (gate, is_controlled) = match (word.as_str(), one_control) {
        ("X", true) => (Gate::crx, true),
        ("Y", true) => (Gate::cry, true),
        ("Z", true) => (Gate::crz, true),
        ("X", false) => (Gate::rx, false),
        ("Y", false) => (Gate::ry, false),
        ("Z", false) => (Gate::rz, false),
        ("XX", _) => (Gate::rxx, false),
        ("YY", _) => (Gate::ryy, false),
        ("ZZ", _) => (Gate::rzz, false),
        _ => return under(controls, to, |to| to.pauli_rot(angle, &word, qubits)),
    };
    if is_controlled {
        to.gate(gate, [angle.into()], gf2::bits(controls.mask).chain(qubits));
    } else {
        under(controls, to, |to| to.gate(gate, [angle.into()], qubits));
    }
}

/// Appends the phase `exp(i angle)` of the basis states that meet the controls. Without controls no outcome shows it.
fn write_phase(angle: f64, controls: Controls, to: &mut Circuit) {
    let ones = controls.values();
    let Some(target) = gf2::bits(ones).last() else {
        if !controls.is_empty() {
            under(controls, to, |to| to.global_phase(angle));
        }
        return;
    };
    let rest = Controls { mask: controls.mask & !(1 << target), ..controls };
    match (rest.count(), rest.zeros) {
        (1, 0) => drop(to.cp(angle, rest.mask.trailing_zeros() as usize, target)),
        _ => under(rest, to, |to| to.p(angle, target)),
    }
}

/// Appends an exchange of the basis states whose bits under the mask are `first` with those whose bits are `second`.
fn write_exchange((mask, first, second): (u64, u64, u64), controls: Controls, to: &mut Circuit) {
    let qubits: Vec<usize> = gf2::bits(mask).collect();
    match (&qubits[..], first ^ second == mask) {
        (&[target], true) => match (controls.count(), controls.zeros) {
            (1, 0) => drop(to.cx(controls.mask.trailing_zeros() as usize, target)),
            _ => under(controls, to, |to| to.x(target)),
        },
        (&[one, other], true) if first != 0 && second != 0 => under(controls, to, |to| to.swap(one, other)),
        _ => {
            let size = 1usize << qubits.len();
            let [first, second] = [first, second].map(|bits| gf2::extract(bits, &qubits) as usize);
            let image = |index: usize| match index {
                index if index == first => second,
                index if index == second => first,
                index => index,
            };
            let entry = |at: usize| f64::from(u8::from(image(at % size) == at / size)).into();
            let entries: Vec<Complex64> = (0..size * size).map(entry).collect();
            under(controls, to, |to| to.unitary(&entries, qubits));
        }
    }
}

/// Appends a change of basis, by the names of gates where it is that of a letter.
fn write_change(qubits: &[usize], entries: &[Complex64], to: &mut Circuit) {
    const ROOT: f64 = std::f64::consts::FRAC_1_SQRT_2;
    let is = |letter: [Complex64; 4]| *entries == letter;
    let (one, i) = (Complex64::from(ROOT), Complex64::new(0.0, ROOT));
    match *qubits {
        [qubit] if is([one, one, one, -one]) => to.h(qubit),
        [qubit] if is([one, -i, one, i]) => to.sdg(qubit).h(qubit),
        _ => to.unitary(entries, qubits.iter().copied()),
    };
}

impl Embedding {
    /// Appends the state that features become; `None` if there is none.
    fn write(self, features: &[f64], to: &mut Circuit) -> Option<()> {
        let norm = self.norm(features.iter().copied());
        if !norm.is_finite() {
            return None;
        }
        let amplitudes = amplitudes_of(features.iter().copied(), self.complex);
        // Features of zeros are |0..0>.
        if norm > 0.0 {
            let scaled: Vec<Complex64> = amplitudes.iter().map(|amplitude| amplitude / norm).collect();
            write_state(&scaled, to);
        }
        Some(())
    }
}

/// Appends the preparation of a state on the lowest qubits, which are in 0: from the highest qubit down, each value of
/// the qubits above has a rotation that splits its share of the state in two, and each amplitude has a phase at the end.
fn write_state(amplitudes: &[Complex64], to: &mut Circuit) {
    let qubits = amplitudes.len().max(1).next_power_of_two().ilog2() as usize;
    let norm = |first: usize, size: usize| {
        let all = amplitudes.iter().skip(first).take(size);
        all.map(Complex64::norm_sqr).sum::<f64>().sqrt()
    };
    let is_real = amplitudes.iter().all(|amplitude| amplitude.im == 0.0);
    // A rotation can give real amplitudes their signs.
    let share = |first: usize, size: usize| match amplitudes.get(first) {
        Some(amplitude) if is_real && size == 1 => amplitude.re,
        _ => norm(first, size),
    };
    for qubit in (0..qubits).rev() {
        let size = 1 << qubit;
        for first in (0..amplitudes.len()).step_by(2 * size) {
            let angle = 2.0 * share(first + size, size).atan2(share(first, size));
            if angle != 0.0 {
                under(values(first, qubit + 1, qubits), to, |to| to.ry(angle, qubit));
            }
        }
    }
    if is_real {
        return;
    }
    for (index, amplitude) in amplitudes.iter().enumerate().filter(|(_, amplitude)| amplitude.arg() != 0.0) {
        write_phase(amplitude.arg(), values(index, 0, qubits), to);
    }
}

/// Returns controls that ask the qubits from `lowest` on for their values in a basis state.
fn values(state: usize, lowest: usize, qubits: usize) -> Controls {
    let mask = (1 << qubits) - (1 << lowest);
    Controls { mask, zeros: mask & !(state as u64) }
}
