//! Definitions of gates that the libraries of OpenQASM do not have.

use crate::gate::Gate;
use std::collections::BTreeSet;

/// Definition of a gate, and of the gates that it calls.
struct Definition {
    gate: Gate,
    calls: &'static [Gate],
    text: &'static str,
}

/// Definitions for OpenQASM 3, equal to the gates with their phases. Qiskit's reader binds parameters in the order of
/// their names, so these are p0, p1 and so on.
static VERSION_3: [Definition; 16] = [
    one(Gate::sxdg, "gate sxdg a { inv @ sx a; }"),
    one(Gate::u, "gate u(p0, p1, p2) a { p(p2) a; ry(p0) a; p(p1) a; }"),
    one(Gate::r, "gate r(p0, p1) a { rz(-p1) a; rx(p0) a; rz(p1) a; }"),
    one(Gate::cs, "gate cs a, b { ctrl @ s a, b; }"),
    one(Gate::csdg, "gate csdg a, b { ctrl @ sdg a, b; }"),
    one(Gate::csx, "gate csx a, b { ctrl @ sx a, b; }"),
    one(Gate::iswap, "gate iswap a, b { swap a, b; cz a, b; s a; s b; }"),
    one(Gate::dcx, "gate dcx a, b { cx a, b; cx b, a; }"),
    one(Gate::rzx, "gate rzx(p0) a, b { h b; cx a, b; rz(p0) b; cx a, b; h b; }"),
    Definition {
        gate: Gate::ecr,
        calls: &[Gate::rzx],
        text: "gate ecr a, b { rzx(pi/4) a, b; x a; rzx(-pi/4) a, b; }",
    },
    one(Gate::rxx, "gate rxx(p0) a, b { h a; h b; cx a, b; rz(p0) b; cx a, b; h a; h b; }"),
    Definition {
        gate: Gate::ryy,
        calls: &[Gate::sxdg],
        text: "gate ryy(p0) a, b { sx a; sx b; cx a, b; rz(p0) b; cx a, b; sxdg a; sxdg b; }",
    },
    one(Gate::rzz, "gate rzz(p0) a, b { cx a, b; rz(p0) b; cx a, b; }"),
    one(Gate::cu1, "gate cu1(p0) a, b { cp(p0) a, b; }"),
    one(Gate::cu3, "gate cu3(p0, p1, p2) a, b { cu(p0, p1, p2, 0) a, b; }"),
    one(Gate::ccz, "gate ccz a, b, c { ctrl(2) @ z a, b, c; }"),
];

/// Definitions for OpenQASM 2, equal to the gates up to a phase.
static VERSION_2: [Definition; 22] = [
    one(Gate::sx, "gate sx a { sdg a; h a; sdg a; }"),
    one(Gate::sxdg, "gate sxdg a { s a; h a; s a; }"),
    one(Gate::p, "gate p(lambda) a { u1(lambda) a; }"),
    one(Gate::u, "gate u(theta,phi,lambda) a { u3(theta,phi,lambda) a; }"),
    one(Gate::r, "gate r(theta,phi) a { u3(theta,phi-pi/2,-phi+pi/2) a; }"),
    one(Gate::swap, "gate swap a,b { cx a,b; cx b,a; cx a,b; }"),
    one(Gate::cs, "gate cs a,b { cu1(pi/2) a,b; }"),
    one(Gate::csdg, "gate csdg a,b { cu1(-pi/2) a,b; }"),
    one(Gate::csx, "gate csx a,b { h b; cu1(pi/2) a,b; h b; }"),
    one(Gate::cp, "gate cp(lambda) a,b { cu1(lambda) a,b; }"),
    one(Gate::crx, "gate crx(theta) a,b { h b; crz(theta) a,b; h b; }"),
    one(Gate::cry, "gate cry(theta) a,b { sdg b; h b; crz(theta) a,b; h b; s b; }"),
    one(Gate::cu, "gate cu(theta,phi,lambda,gamma) a,b { u1(gamma) a; cu3(theta,phi,lambda) a,b; }"),
    one(Gate::iswap, "gate iswap a,b { s a; s b; cx a,b; cx b,a; cx a,b; cz a,b; }"),
    one(Gate::dcx, "gate dcx a,b { cx a,b; cx b,a; }"),
    one(Gate::rzx, "gate rzx(theta) a,b { h b; cx a,b; u1(theta) b; cx a,b; h b; }"),
    Definition { gate: Gate::ecr, calls: &[Gate::rzx], text: "gate ecr a,b { rzx(pi/4) a,b; x a; rzx(-pi/4) a,b; }" },
    one(Gate::rxx, "gate rxx(theta) a,b { h a; h b; cx a,b; u1(theta) b; cx a,b; h a; h b; }"),
    one(
        Gate::ryy,
        "gate ryy(theta) a,b { rx(pi/2) a; rx(pi/2) b; cx a,b; u1(theta) b; cx a,b; rx(-pi/2) a; rx(-pi/2) b; }",
    ),
    one(Gate::rzz, "gate rzz(theta) a,b { cx a,b; u1(theta) b; cx a,b; }"),
    one(Gate::ccz, "gate ccz a,b,c { h c; ccx a,b,c; h c; }"),
    one(Gate::cswap, "gate cswap a,b,c { cx c,b; ccx a,b,c; cx c,b; }"),
];

const fn one(gate: Gate, text: &'static str) -> Definition {
    Definition { gate, calls: &[], text }
}

fn definition(gate: Gate, version: u32) -> Option<&'static Definition> {
    let all: &[Definition] = if version == 2 { &VERSION_2 } else { &VERSION_3 };
    all.iter().find(|one| one.gate == gate)
}

/// Names that the definitions for OpenQASM 3 may take.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    VERSION_3.iter().map(|definition| definition.gate.spec().name).chain([UNITARY])
}

/// Name of the unitary on one qubit that stands under controls. A `u` that a text defines cannot: for Qiskit it is a `cu`
/// under one control, and Aer expects four angles of that.
const UNITARY: &str = "one_qubit_unitary";

/// Definition of that unitary, with its phase.
const UNITARY_TEXT: &str = "gate one_qubit_unitary(p0, p1, p2, p3) a { gphase(p3); p(p2) a; ry(p0) a; p(p1) a; }";

/// Returns whether a rotation about some word has this name.
pub(super) fn is_rotation(name: &str) -> bool {
    name.strip_prefix(ROTATION).is_some_and(|word| word.chars().all(|letter| "ixyz".contains(letter)))
}

/// Beginning of the names of rotations about words.
const ROTATION: &str = "pauli_rot_";

/// Definitions that a text needs, in the order in which they are asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Prelude {
    written: Vec<String>,
    known: Vec<Gate>,
    words: BTreeSet<String>,
    has_unitary: bool,
}

impl Prelude {
    /// Asks for the definition of a gate, if the language or its library does not have it.
    pub(super) fn need(&mut self, gate: Gate, version: u32) {
        let Some(definition) = definition(gate, version).filter(|_| !self.known.contains(&gate)) else { return };
        self.known.push(gate);
        definition.calls.iter().for_each(|call| self.need(*call, version));
        self.written.push(definition.text.to_owned());
    }

    /// Asks for the rotation about a word, and returns its name.
    pub(super) fn need_rotation(&mut self, word: &str) -> String {
        let name = format!("{ROTATION}{}", word.to_ascii_lowercase());
        if self.words.insert(word.to_owned()) {
            if word.contains('Y') {
                self.need(Gate::sxdg, 3);
            }
            self.written.push(rotation(&name, word));
        }
        name
    }

    /// Asks for the unitary on one qubit, and returns its name.
    pub(super) fn need_unitary(&mut self) -> &'static str {
        if !std::mem::replace(&mut self.has_unitary, true) {
            self.written.push(UNITARY_TEXT.to_owned());
        }
        UNITARY
    }

    pub(super) fn text(&self) -> String {
        self.written.iter().fold(String::new(), |text, definition| text + definition + "\n")
    }
}

/// Changes of basis before a rotation about a word, the ladder of CX, and the qubit that is turned: places in the word.
pub(super) struct Ladder {
    /// Place and letter of each qubit whose letter is X or Y.
    pub(super) bases: Vec<(usize, char)>,
    /// Controls and targets, in order.
    pub(super) steps: Vec<(usize, usize)>,
    /// Place of the qubit that is turned; `None` for a word of I.
    pub(super) turned: Option<usize>,
}

impl Ladder {
    pub(super) fn of(word: &str) -> Self {
        let places: Vec<(usize, char)> = word.chars().enumerate().filter(|(_, letter)| *letter != 'I').collect();
        Self {
            bases: places.iter().copied().filter(|(_, letter)| *letter != 'Z').collect(),
            steps: places.windows(2).map(|pair| (pair[0].0, pair[1].0)).collect(),
            turned: places.last().map(|(place, _)| *place),
        }
    }
}

/// Definition of the rotation about a word.
fn rotation(name: &str, word: &str) -> String {
    let qubit = |place: usize| format!("a{place}");
    let all = (0..word.len()).map(qubit).collect::<Vec<_>>().join(", ");
    let Ladder { bases, steps, turned } = Ladder::of(word);
    let Some(turned) = turned else { return format!("gate {name}(p0) {all} {{ gphase(-p0/2); }}") };
    let basis = |(place, letter): &(usize, char), names: [&str; 2]| {
        format!("{} {}; ", names[usize::from(*letter == 'Y')], qubit(*place))
    };
    let step = |(control, target): &(usize, usize)| format!("cx {}, {}; ", qubit(*control), qubit(*target));
    let mut body: String = bases.iter().map(|one| basis(one, ["h", "sx"])).collect();
    body.extend(steps.iter().map(step));
    body += &format!("rz(p0) {}; ", qubit(turned));
    body.extend(steps.iter().rev().map(step));
    body.extend(bases.iter().rev().map(|one| basis(one, ["h", "sxdg"])));
    format!("gate {name}(p0) {all} {{ {body}}}")
}
