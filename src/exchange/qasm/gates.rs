//! Names of gates in OpenQASM, and gates of the table: for reading and for writing.

use crate::gate::Gate;

/// Phase by which a gate of OpenQASM differs from the gate of the table, as a function of the angles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// None.
    None,
    /// `θ/2` of `U(θ, φ, λ)` in OpenQASM 3.
    HalfOfFirst,
    /// `-(φ + λ)/2` of `u2(φ, λ)` and `u3(θ, φ, λ)` of stdgates.inc.
    MinusHalfOfLastTwo,
}

/// Gates that a text knows, by what makes them known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Library {
    /// OpenQASM 2 itself.
    Language2,
    /// OpenQASM 3 itself.
    Language3,
    /// `qelib1.inc`, as Qiskit ships it.
    Qelib1,
    /// `stdgates.inc`.
    StdGates,
}

/// Gate that a text knows without defining it.
#[derive(Debug)]
pub(super) struct Row {
    /// Name in the text.
    pub(super) name: &'static str,
    /// Gate of the table.
    pub(super) gate: Gate,
    /// Number of angles in the text. Angles that the gate does not have mean nothing.
    pub(super) angles: usize,
    /// Number of further controls, in front of the gate's qubits.
    pub(super) controls: usize,
    /// Phase in front of the gate.
    pub(super) phase: Phase,
}

/// A row of the same name as the gate.
const fn same(name: &'static str, gate: Gate, angles: usize) -> Row {
    Row { name, gate, angles, controls: 0, phase: Phase::None }
}

const fn with_controls(name: &'static str, gate: Gate, controls: usize) -> Row {
    Row { name, gate, angles: 0, controls, phase: Phase::None }
}

const fn with_phase(name: &'static str, gate: Gate, angles: usize, phase: Phase) -> Row {
    Row { name, gate, angles, controls: 0, phase }
}

static LANGUAGE_2: [Row; 2] = [same("U", Gate::u, 3), same("CX", Gate::cx, 0)];

static LANGUAGE_3: [Row; 1] = [with_phase("U", Gate::u, 3, Phase::HalfOfFirst)];

/// Gates that both libraries have with the same meaning.
static COMMON: [Row; 27] = [
    same("p", Gate::p, 1),
    same("u1", Gate::u1, 1),
    same("id", Gate::id, 0),
    same("x", Gate::x, 0),
    same("y", Gate::y, 0),
    same("z", Gate::z, 0),
    same("h", Gate::h, 0),
    same("s", Gate::s, 0),
    same("sdg", Gate::sdg, 0),
    same("t", Gate::t, 0),
    same("tdg", Gate::tdg, 0),
    same("sx", Gate::sx, 0),
    same("rx", Gate::rx, 1),
    same("ry", Gate::ry, 1),
    same("rz", Gate::rz, 1),
    same("cx", Gate::cx, 0),
    same("cy", Gate::cy, 0),
    same("cz", Gate::cz, 0),
    same("ch", Gate::ch, 0),
    same("cp", Gate::cp, 1),
    same("crx", Gate::crx, 1),
    same("cry", Gate::cry, 1),
    same("crz", Gate::crz, 1),
    same("cu", Gate::cu, 4),
    same("swap", Gate::swap, 0),
    same("ccx", Gate::ccx, 0),
    same("cswap", Gate::cswap, 0),
];

static QELIB1: [Row; 13] = [
    same("u", Gate::u, 3),
    same("u2", Gate::u2, 2),
    same("u3", Gate::u3, 3),
    with_phase("u0", Gate::id, 1, Phase::None),
    same("sxdg", Gate::sxdg, 0),
    same("csx", Gate::csx, 0),
    same("cu1", Gate::cu1, 1),
    same("cu3", Gate::cu3, 3),
    same("rxx", Gate::rxx, 1),
    same("rzz", Gate::rzz, 1),
    with_controls("c3x", Gate::x, 3),
    with_controls("c4x", Gate::x, 4),
    with_controls("c3sqrtx", Gate::sx, 3),
];

static STD_GATES: [Row; 5] = [
    with_phase("u2", Gate::u2, 2, Phase::MinusHalfOfLastTwo),
    with_phase("u3", Gate::u3, 3, Phase::MinusHalfOfLastTwo),
    // The text of the specification makes CX a name of cx.
    same("CX", Gate::cx, 0),
    same("phase", Gate::p, 1),
    same("cphase", Gate::cp, 1),
];

/// Gates of qelib1.inc that are no gate of the table.
pub(super) const QELIB1_DEFINITIONS: &str = "
gate rccx a,b,c {
  u2(0,pi) c; u1(pi/4) c; cx b,c; u1(-pi/4) c; cx a,c; u1(pi/4) c; cx b,c; u1(-pi/4) c; u2(0,pi) c;
}
gate rc3x a,b,c,d {
  u2(0,pi) d; u1(pi/4) d; cx c,d; u1(-pi/4) d; u2(0,pi) d;
  cx a,d; u1(pi/4) d; cx b,d; u1(-pi/4) d; cx a,d; u1(pi/4) d; cx b,d; u1(-pi/4) d;
  u2(0,pi) d; u1(pi/4) d; cx c,d; u1(-pi/4) d; u2(0,pi) d;
}";

/// Returns the gates of a library.
pub(super) fn rows(library: Library) -> impl Iterator<Item = &'static Row> {
    let (common, further): (&[Row], &[Row]) = match library {
        Library::Language2 => (&[], &LANGUAGE_2),
        Library::Language3 => (&[], &LANGUAGE_3),
        Library::Qelib1 => (&COMMON, &QELIB1),
        Library::StdGates => (&COMMON, &STD_GATES),
    };
    common.iter().chain(further)
}

impl Row {
    /// Returns the number of qubits in the text.
    pub(super) fn qubits(&self) -> usize {
        self.controls + self.gate.qubits().len()
    }
}
