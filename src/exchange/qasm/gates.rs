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

/// Gate without further controls or a phase.
const fn plain(name: &'static str, gate: Gate, angles: usize) -> Row {
    Row { name, gate, angles, controls: 0, phase: Phase::None }
}

const fn with_controls(name: &'static str, gate: Gate, controls: usize) -> Row {
    Row { name, gate, angles: 0, controls, phase: Phase::None }
}

const fn with_phase(name: &'static str, gate: Gate, angles: usize, phase: Phase) -> Row {
    Row { name, gate, angles, controls: 0, phase }
}

static LANGUAGE_2: [Row; 2] = [plain("U", Gate::u, 3), plain("CX", Gate::cx, 0)];

static LANGUAGE_3: [Row; 1] = [with_phase("U", Gate::u, 3, Phase::HalfOfFirst)];

/// Gates that both libraries have with the same meaning.
static COMMON: [Row; 27] = [
    plain("p", Gate::p, 1),
    plain("u1", Gate::u1, 1),
    plain("id", Gate::id, 0),
    plain("x", Gate::x, 0),
    plain("y", Gate::y, 0),
    plain("z", Gate::z, 0),
    plain("h", Gate::h, 0),
    plain("s", Gate::s, 0),
    plain("sdg", Gate::sdg, 0),
    plain("t", Gate::t, 0),
    plain("tdg", Gate::tdg, 0),
    plain("sx", Gate::sx, 0),
    plain("rx", Gate::rx, 1),
    plain("ry", Gate::ry, 1),
    plain("rz", Gate::rz, 1),
    plain("cx", Gate::cx, 0),
    plain("cy", Gate::cy, 0),
    plain("cz", Gate::cz, 0),
    plain("ch", Gate::ch, 0),
    plain("cp", Gate::cp, 1),
    plain("crx", Gate::crx, 1),
    plain("cry", Gate::cry, 1),
    plain("crz", Gate::crz, 1),
    plain("cu", Gate::cu, 4),
    plain("swap", Gate::swap, 0),
    plain("ccx", Gate::ccx, 0),
    plain("cswap", Gate::cswap, 0),
];

static QELIB1: [Row; 13] = [
    plain("u", Gate::u, 3),
    plain("u2", Gate::u2, 2),
    plain("u3", Gate::u3, 3),
    plain("u0", Gate::id, 1),
    plain("sxdg", Gate::sxdg, 0),
    plain("csx", Gate::csx, 0),
    plain("cu1", Gate::cu1, 1),
    plain("cu3", Gate::cu3, 3),
    plain("rxx", Gate::rxx, 1),
    plain("rzz", Gate::rzz, 1),
    with_controls("c3x", Gate::x, 3),
    with_controls("c4x", Gate::x, 4),
    with_controls("c3sqrtx", Gate::sx, 3),
];

static STD_GATES: [Row; 5] = [
    with_phase("u2", Gate::u2, 2, Phase::MinusHalfOfLastTwo),
    with_phase("u3", Gate::u3, 3, Phase::MinusHalfOfLastTwo),
    // The text of the specification makes CX a name of cx.
    plain("CX", Gate::cx, 0),
    plain("phase", Gate::p, 1),
    plain("cphase", Gate::cp, 1),
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
