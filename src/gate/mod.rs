//! THE gate table, with a row for each gate.
//!
//! A row defines how a gate is written (name, angles, qubits), how it is drawn, its matrix (as a `Form`) and its
//! inverse. Builder methods, inverses, drawings, `docs/gates.md` and every gate test follow from the rows. Lowering
//! reads forms and never names. To add a gate of an existing form, add a row to `table.rs`.

mod matrix;
mod table;

use num_complex::Complex64;

pub(crate) use table::gate_table;

/// Form of a gate, from a small closed set. Engines have a kernel for each form, and none for a name.
///
/// Controls are never part of a form: an operation stores them separately.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Form {
    /// Constant one-qubit unitary, row by row.
    Matrix1([[Complex64; 2]; 2]),
    /// Constant two-qubit unitary, row by row; the first qubit is the low bit of an index.
    Matrix2([[Complex64; 4]; 4]),
    /// Rotation `exp(-i θ/2 P)` about a Pauli word `P`, whose letter `k` acts on the gate's target `k`.
    PauliRotation(&'static str),
    /// Phase `exp(i θ)` of the states in which every target is 1.
    Phase,
    /// Constant phase, a number of modulus 1, of the states in which every target is 1.
    FixedPhase(Complex64),
    /// Exchanges of pairs of local basis states, one pair after the other.
    Permutation(&'static [(usize, usize)]),
    /// Product of rotations and phases whose angles are linear in the gate's angles; the first factor acts first.
    Product(&'static [Factor]),
}

/// Factor of a [`Form::Product`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Factor {
    /// Rotation or phase.
    pub(crate) kind: FactorKind,
    /// Indices of the gate's targets on which the factor acts.
    pub(crate) targets: &'static [usize],
    /// Angle of the factor as a function of the gate's angles.
    pub(crate) angle: Linear,
}

/// The two kinds of [`Factor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FactorKind {
    /// Rotation, see [`Form::PauliRotation`].
    PauliRotation(&'static str),
    /// Phase, see [`Form::Phase`]. Without targets it is a global phase (a relative phase under controls).
    Phase,
}

/// Linear function `sign * angles[index] + offset`, or a constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Linear {
    /// Index of the gate's angle, or `None` for a constant.
    pub(crate) index: Option<usize>,
    /// Factor of that angle.
    pub(crate) sign: f64,
    /// Added constant, in radians.
    pub(crate) offset: f64,
}

/// Inverse of a gate, as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Inverse {
    /// The gate is its own inverse.
    Itself,
    /// The inverse is another gate of the table, on the same qubits.
    Named(Gate),
    /// The inverse is the same gate with other angles.
    Angles(&'static [Linear]),
    /// The inverse is no gate of the table: a dagger marks the operation.
    Dagger,
}

/// Row of the gate table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GateSpec {
    /// Builder method and OpenQASM name.
    pub(crate) name: &'static str,
    /// Label in drawings.
    pub(crate) symbol: &'static str,
    /// Names of the angles, in radians, in the order of the builder method.
    pub(crate) angles: &'static [&'static str],
    /// Names of the qubits, in the order of the builder method: first the controls, then the targets.
    pub(crate) qubits: &'static [&'static str],
    /// Number of the qubits that are controls.
    pub(crate) controls: usize,
    /// Action of the gate on its targets.
    pub(crate) form: Form,
    /// Inverse of the gate.
    pub(crate) inverse: Inverse,
    /// One line of documentation.
    pub(crate) doc: &'static str,
}

impl Linear {
    const fn of(index: usize) -> Self {
        Self { index: Some(index), sign: 1.0, offset: 0.0 }
    }

    const fn minus(index: usize) -> Self {
        Self { index: Some(index), sign: -1.0, offset: 0.0 }
    }

    const fn plus(self, offset: f64) -> Self {
        Self { index: self.index, sign: self.sign, offset: self.offset + offset }
    }

    const fn constant(offset: f64) -> Self {
        Self { index: None, sign: 0.0, offset }
    }

    /// Returns the value for given angles of the gate, or NaN if the angle `index` is missing.
    pub(crate) fn value(&self, angles: &[f64]) -> f64 {
        let read = |index: usize| self.sign * angles.get(index).copied().unwrap_or(f64::NAN);
        self.index.map_or(0.0, read) + self.offset
    }
}

impl Factor {
    const fn rotation(word: &'static str, targets: &'static [usize], angle: Linear) -> Self {
        Self { kind: FactorKind::PauliRotation(word), targets, angle }
    }

    const fn phase(targets: &'static [usize], angle: Linear) -> Self {
        Self { kind: FactorKind::Phase, targets, angle }
    }
}

impl Gate {
    /// Returns the row of this gate.
    pub(crate) fn spec(self) -> &'static GateSpec {
        &table::TABLE[self as usize]
    }

    /// Returns the OpenQASM name, which is also the name of the method of [`Circuit`](crate::Circuit).
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// Returns the label in drawings.
    pub fn symbol(self) -> &'static str {
        self.spec().symbol
    }

    /// Returns the names of the angles, in radians, in the order of the builder method.
    pub fn angles(self) -> &'static [&'static str] {
        self.spec().angles
    }

    /// Returns the names of the qubits, in the order of the builder method: first the controls, then the targets.
    pub fn qubits(self) -> &'static [&'static str] {
        self.spec().qubits
    }

    /// Returns the number of the qubits that are controls.
    pub fn controls(self) -> usize {
        self.spec().controls
    }

    /// Returns the line of documentation.
    pub fn doc(self) -> &'static str {
        self.spec().doc
    }

    /// Returns all gates, in the order of the table.
    pub fn all() -> impl ExactSizeIterator<Item = Self> + Clone {
        table::GATES.iter().copied()
    }

    /// Returns the gate with an OpenQASM name.
    ///
    /// ```
    /// use candlewick::gate::Gate;
    /// assert_eq!(Gate::from_name("crx").unwrap().angles(), ["theta"]);
    /// assert!(Gate::from_name("no_such_gate").is_none());
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|gate| gate.spec().name == name)
    }
}

pub use table::Gate;

/// Returns the gate table in Markdown, as `docs/gates.md` shows it.
///
/// ```
/// assert!(candlewick::gate::markdown_table().contains("`crx(theta, control, target)`"));
/// ```
pub fn markdown_table() -> String {
    let mut text = String::from("| method | effect | form | inverse |\n|---|---|---|---|\n");
    for gate in Gate::all() {
        let spec = gate.spec();
        let arguments: Vec<_> = spec.angles.iter().chain(spec.qubits).copied().collect();
        let (form, inverse) = (form_in_words(&spec.form), inverse_in_words(gate));
        text += &format!("| `{}({})` | {} | {form} | {inverse} |\n", spec.name, arguments.join(", "), spec.doc);
    }
    text
}

fn form_in_words(form: &Form) -> String {
    match form {
        Form::Matrix1(_) => "2x2 matrix".into(),
        Form::Matrix2(_) => "4x4 matrix".into(),
        Form::PauliRotation(word) => format!("rotation {word}"),
        Form::Phase | Form::FixedPhase(_) => "phase".into(),
        Form::Permutation(_) => "permutation".into(),
        Form::Product([]) => "nothing".into(),
        Form::Product(factors) => format!("product of {}", factors.len()),
    }
}

fn inverse_in_words(gate: Gate) -> String {
    let spec = gate.spec();
    match spec.inverse {
        Inverse::Itself => "itself".into(),
        Inverse::Named(other) => format!("`{}`", other.spec().name),
        Inverse::Dagger => "adjoint".into(),
        Inverse::Angles(map) => {
            let one = |l: &Linear| {
                let sign = if l.sign < 0.0 { "-" } else { "" };
                let offset = match l.offset {
                    o if o > 0.0 => "+π",
                    o if o < 0.0 => "-π",
                    _ => "",
                };
                l.index.map_or_else(String::new, |i| format!("{sign}{}{offset}", spec.angles[i]))
            };
            format!("`{}({})`", spec.name, map.iter().map(one).collect::<Vec<_>>().join(", "))
        }
    }
}
