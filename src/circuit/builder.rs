//! The builder methods. The gate table's rows generate the methods of its gates.

use super::deferred::Roles;
use super::kraus::{check_channel, check_kraus};
use super::unitary::{check_unitary, nearest_unitary};
use super::weights::Declarations;
use super::{Angle, Circuit, Condition, Kind, Operation, Variable};
use crate::error::Mistake;
use crate::gate::{Gate, gate_table};
use crate::limits::{MAX_MATRIX_QUBITS, MAX_OPERATIONS, MAX_QUBITS, at_most, some_qubits};
use crate::mask::{Mask, Wide};
use num_complex::Complex64;
use std::sync::Arc;

/// Deepest nesting of blocks: the body of each block is a call inside the body of the outer block.
const MAX_NESTING: usize = 256;

macro_rules! builder_methods {
    ($($(#[doc = $doc:literal])+ $name:ident($($angle:ident),*; $($qubit:ident),*),
        $controls:literal, $symbol:literal, $form:expr, $inverse:expr;)*) => {
        /// The gates of the table. Angles are in radians.
        impl Circuit {
            $(
                #[doc = concat!("Appends `", stringify!($name), "`:", $($doc),+, ".")]
                pub fn $name(&mut self, $($angle: impl Into<Angle>,)* $($qubit: usize),*) -> &mut Self {
                    self.gate(Gate::$name, [$($angle.into()),*], [$($qubit),*])
                }
            )*
        }
    };
}
gate_table!(builder_methods);

impl Circuit {
    /// Appends a gate of the table by value, for programs that choose gates at run time.
    ///
    /// ```
    /// use candlewick::{gate::Gate, prelude::*};
    /// let mut circuit = Circuit::new(2);
    /// circuit.gate(Gate::crx, [Angle::from(0.3)], [0, 1]);
    /// assert_eq!(circuit.operations()[0].name(), "crx");
    /// ```
    pub fn gate(
        &mut self,
        gate: Gate,
        angles: impl IntoIterator<Item = Angle>,
        qubits: impl IntoIterator<Item = usize>,
    ) -> &mut Self {
        let (angles, actual) = at_most(gate.spec().angles.len(), angles);
        let is_first = self.mistake.is_none();
        self.push(Kind::Gate(gate), angles, some_qubits(qubits));
        // `at_most` has taken no more angles than the gate has; the mistake states how many angles there were.
        if let (true, Some((.., Mistake::AngleCount { actual: taken, .. }))) = (is_first, &mut self.mistake) {
            *taken = actual;
        }
        self
    }

    /// Appends `exp(-i theta/2 P)` for a Pauli word such as `"XZY"`, whose letter `k` acts on `qubits[k]`.
    pub fn pauli_rot(
        &mut self,
        theta: impl Into<Angle>,
        word: &str,
        qubits: impl IntoIterator<Item = usize>,
    ) -> &mut Self {
        self.push(Kind::PauliRotation(word.to_owned()), vec![theta.into()], some_qubits(qubits))
    }

    /// Appends a dense unitary on 1 to 6 qubits, given row by row; `qubits[0]` is the low bit of a row's index.
    ///
    /// The matrix is constant; trainable gates are written with rotations. The entries may have the precision of an
    /// `f32` or of a printed table: entries of `U†U - 1` may be as large as `2e-6 √size`, which allows an error of
    /// about 1e-6 in each entry of `U`. The circuit uses the nearest unitary matrix, the unitary factor of the polar
    /// decomposition of `U`.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// use num_complex::Complex64;
    /// let (o, l) = (Complex64::new(0.0, 0.0), Complex64::new(1.0, 0.0));
    /// let mut circuit = Circuit::new(2);
    /// circuit.unitary(&[o, l, l, o], [1]); // an X on qubit 1
    /// circuit.check().unwrap();
    /// ```
    pub fn unitary(&mut self, matrix: &[Complex64], qubits: impl IntoIterator<Item = usize>) -> &mut Self {
        self.push(Kind::Unitary(nearest_unitary(matrix)), Vec::new(), some_qubits(qubits))
    }

    /// Multiplies the state by `exp(i theta)`. Under [`controlled`](Self::controlled) it is a relative phase.
    pub fn global_phase(&mut self, theta: impl Into<Angle>) -> &mut Self {
        self.push(Kind::GlobalPhase, vec![theta.into()], Vec::new())
    }

    /// Does nothing to the state; separates the columns of a drawing.
    pub fn barrier(&mut self) -> &mut Self {
        self.push(Kind::Barrier, Vec::new(), (0..self.qubits).collect())
    }

    /// Appends the operations that `body` writes, under further controls: they act where all `controls` are 1. `body`
    /// returns the circuit that it gets, as the builder methods do.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(4);
    /// circuit.controlled([0, 1], |c| {
    ///     c.rx(input(0), 2).swap(2, 3)
    /// });
    /// assert_eq!(circuit.operations().len(), 2);
    /// ```
    pub fn controlled(
        &mut self,
        controls: impl IntoIterator<Item = usize>,
        body: impl FnOnce(&mut Self) -> &mut Self,
    ) -> &mut Self {
        self.controlled_on(controls.into_iter().map(|qubit| (qubit, true)), body)
    }

    /// Appends the operations that `body` writes, under controls with values: they act where each qubit of `controls`
    /// has its value. A control on 0, drawn as ○, costs no more than a control on 1.
    ///
    /// ```
    /// use candlewick::{functional, prelude::*};
    /// let mut circuit = Circuit::new(3);
    /// circuit.x(0).controlled_on([(0, true), (1, false)], |c| c.x(2));
    /// let p = functional::evaluate(&circuit, &Measurement::probabilities([2]), None, &[])?
    ///     .to_vec1::<f32>()?;
    /// assert!((p[1] - 1.0).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn controlled_on(
        &mut self,
        controls: impl IntoIterator<Item = (usize, bool)>,
        body: impl FnOnce(&mut Self) -> &mut Self,
    ) -> &mut Self {
        let (controls, _) = at_most(MAX_QUBITS, controls);
        let zeros = controls.iter().filter(|(_, value)| !value).map(|(qubit, _)| *qubit);
        self.nested(body, |operation| {
            operation.controls.splice(0..0, controls.iter().map(|(qubit, _)| *qubit));
            operation.zeros.splice(0..0, zeros.clone());
        })
    }

    /// Appends the operations that `body` writes, after `change` has changed each of them.
    fn nested(&mut self, body: impl FnOnce(&mut Self) -> &mut Self, change: impl Fn(&mut Operation)) -> &mut Self {
        if self.depth == MAX_NESTING {
            self.fail("controlled", Mistake::NestedTooDeep { limit: MAX_NESTING });
            return self;
        }
        let weights = Arc::new(Declarations::inside(&self.weights));
        let (declared, roles, depth) = (self.declared, self.roles, self.depth + 1);
        let mut inner = Self { weights, declared, roles, depth, ..Self::new(self.qubits) };
        body(&mut inner);
        self.roles.take_prepared(inner.roles);
        let declared = inner.weights.new_in(&self.weights);
        // Drops the inner handle first: the outer declarations can be changed in place only without a second owner.
        drop(inner.weights);
        declared.iter().for_each(|declaration| self.declare(declaration));
        let first = self.operations.len();
        for mut operation in inner.operations {
            if operation.kind != Kind::Barrier {
                change(&mut operation);
            }
            self.push_operation(operation);
        }
        if let Some((index, name, mistake)) = inner.mistake {
            self.mistake.get_or_insert((first + index, name, mistake));
        }
        self
    }

    /// Appends the operations that `body` writes, only for the samples whose features meet a condition: in one call
    /// each sample of a batch has its own active gates. Nested conditions must all hold.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use candlewick::{functional, prelude::*};
    /// let mut circuit = Circuit::new(2);
    /// for q in 0..2 {
    ///     circuit.when(input(q).abs().gt(0.1), |c| c.ry(input(q), q));
    /// }
    /// circuit.when(input(0).gt(1.0) & input(1).lt(0.0), |c| c.cx(0, 1));
    ///
    /// let x = Tensor::new(&[[0.05f64, 0.5], [0.5, 0.05]], &Device::Cpu)?;
    /// let y = functional::evaluate(
    ///     &circuit,
    ///     &Measurement::expectation([Z(0), Z(1)]),
    ///     Some(&x),
    ///     &[],
    /// )?;
    /// let y = y.to_vec2::<f64>()?; // each sample has one gate of the three
    /// assert!((y[0][0] - 1.0).abs() < 1e-12 && (y[0][1] - 0.5f64.cos()).abs() < 1e-12);
    /// assert!((y[1][1] - 1.0).abs() < 1e-12 && (y[1][0] - 0.5f64.cos()).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Values and gradients are the values and gradients of the circuit of a sample's active gates. The condition
    /// itself has no gradient: at the threshold the gradient is the gradient of the branch that is taken.
    ///
    /// If a condition or a conditional gate reads a feature that is NaN or infinite, neither branch is right: the
    /// sample's outputs are NaN. Other samples are not affected.
    pub fn when(&mut self, condition: impl Into<Condition>, body: impl FnOnce(&mut Self) -> &mut Self) -> &mut Self {
        let condition = condition.into();
        if let Err(mistake) = condition.check() {
            self.fail("when", mistake);
        }
        self.nested(body, |operation| operation.conditions.insert(0, condition.clone()))
    }

    /// Returns the circuit that undoes this circuit.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(1);
    /// circuit.s(0).rx(0.3, 0);
    /// let names: Vec<_> = circuit.inverse().operations().iter().map(|o| o.name()).collect();
    /// assert_eq!(names, ["rx", "sdg"]);
    /// ```
    #[must_use = "the circuit itself is not changed"]
    pub fn inverse(&self) -> Self {
        let (operations, roles) = (Vec::with_capacity(self.operations.len()), Roles::default());
        let mut inverse = Self { operations, roles, ..self.clone() };
        for operation in self.operations.iter().rev() {
            match operation.inverse() {
                Ok(undone) => inverse.push_operation(undone),
                Err(mistake) => inverse.fail("inverse", mistake),
            }
        }
        inverse
    }

    /// Returns the start of this circuit, which has only amplitude embedding, and this circuit followed by the inverses
    /// of all its operations except the embedding, from the last to the first.
    pub(crate) fn there_and_back(&self) -> (Self, Self) {
        let embeds = |operation: &&Operation| matches!(operation.kind, Kind::AmplitudeEmbedding { .. });
        let start = self.operations.iter().filter(embeds).cloned().collect();
        let mut back = self.clone();
        for operation in self.operations.iter().rev().filter(|operation| !embeds(operation)) {
            match operation.inverse() {
                Ok(undone) => back.push_operation(undone),
                Err(mistake) => back.fail("inverse", mistake),
            }
        }
        (Self { operations: start, ..self.clone() }, back)
    }

    /// Returns this circuit without its operations. Weights, features and prepared states stay.
    pub(crate) fn without_operations(&self) -> Self {
        let mut roles = Roles::default();
        roles.take_prepared(self.roles);
        Self { operations: Vec::new(), roles, ..self.clone() }
    }

    /// Returns this circuit followed by `times` pairs of its inverse and itself.
    pub(crate) fn folded(&self, times: usize) -> Self {
        let undo = self.inverse();
        let mut folded = if undo.mistake.is_some() { undo.clone() } else { self.clone() };
        let times = if self.operations.is_empty() { 0 } else { times };
        // States that the circuit prepares need qubits in 0; the inverse leaves them there.
        folded.rounds(times, |folded, _| {
            undo.operations.iter().chain(&self.operations).for_each(|one| folded.push_operation(one.clone()));
        });
        folded
    }

    /// Returns this circuit `times` times in a row, with the same weights each time.
    #[must_use = "the circuit itself is not changed"]
    pub fn repeat(&self, times: usize) -> Self {
        let mut repeated = Self { operations: Vec::new(), roles: Roles::default(), ..self.clone() };
        let times = if self.operations.is_empty() { 0 } else { times };
        repeated.rounds(times, |repeated, _| _ = repeated.append(self));
        repeated
    }

    fn push(&mut self, kind: Kind, angles: Vec<Angle>, qubits: Vec<usize>) -> &mut Self {
        self.push_operation(Operation::new(kind, angles, qubits));
        self
    }

    /// Appends an operation. Every operation goes through here; after a mistake no more operations are appended.
    pub(crate) fn push_operation(&mut self, operation: Operation) {
        if self.mistake.is_some() {
            return;
        }
        if self.operations.len() >= MAX_OPERATIONS {
            return self.fail(operation.name(), Mistake::TooManyOperations { limit: MAX_OPERATIONS });
        }
        match self.check_operation(&operation) {
            Err(mistake) => self.fail(operation.name(), mistake),
            Ok(read) => {
                self.read = self.read.max(read);
                self.roles.note(&operation);
                self.operations.push(operation);
            }
        }
    }

    /// Checks an operation and returns how many inputs it needs.
    fn check_operation(&self, operation: &Operation) -> Result<usize, Mistake> {
        self.check_qubits(operation.qubits.iter().chain(&operation.controls))?;
        check_counts(operation)?;
        operation.conditions.iter().try_for_each(Condition::check)?;
        operation.angles.iter().try_for_each(Angle::check)?;
        let mut read = 0;
        let of_angles = operation.angles.iter().flat_map(Angle::variables);
        for variable in of_angles.chain(operation.conditions.iter().flat_map(Condition::variables)) {
            match variable {
                Variable::Input(index) => read = read.max(index.saturating_add(1)),
                Variable::Weight { tensor, .. } => self.check_declared(tensor)?,
            }
        }
        if let Kind::AmplitudeEmbedding { first, count, .. } = operation.kind {
            read = first.saturating_add(count);
            self.check_embedding(operation)?;
        }
        self.roles.check(operation)?;
        match self.declared {
            Some(width) if read > width => Err(Mistake::InputOutOfRange { index: read - 1, width }),
            _ => Ok(read),
        }
    }

    fn check_embedding(&self, operation: &Operation) -> Result<(), Mistake> {
        if !operation.controls.is_empty() || !operation.conditions.is_empty() {
            return Err(Mistake::EmbeddingNotUnitary);
        }
        let embeds = |earlier: &Operation| matches!(earlier.kind, Kind::AmplitudeEmbedding { .. });
        if self.operations.iter().any(embeds) { Err(Mistake::SecondEmbedding) } else { Ok(()) }
    }

    pub(super) fn check_qubits<'a>(&self, used: impl Iterator<Item = &'a usize>) -> Result<(), Mistake> {
        let mut seen = Wide::EMPTY;
        for &qubit in used {
            if qubit >= self.qubits {
                return Err(Mistake::QubitOutOfRange { qubit, qubits: self.qubits });
            }
            if seen.contains(qubit) {
                return Err(Mistake::RepeatedQubit { qubit });
            }
            seen |= Wide::of_qubit(qubit);
        }
        Ok(())
    }
}

/// Checks the numbers of angles, qubits and matrix entries.
fn check_counts(operation: &Operation) -> Result<(), Mistake> {
    let actual = operation.qubits.len();
    let count = |expected: String| Mistake::QubitCount { expected, actual };
    match &operation.kind {
        Kind::Gate(gate) => {
            let spec = gate.spec();
            if actual != spec.qubits.len() {
                return Err(count(spec.qubits.len().to_string()));
            }
            let (expected, actual) = (spec.angles.len(), operation.angles.len());
            if expected != actual { Err(Mistake::AngleCount { expected, actual }) } else { Ok(()) }
        }
        Kind::PauliRotation(word) => match word.chars().find(|letter| !"IXYZ".contains(*letter)) {
            Some(letter) => Err(Mistake::PauliLetter { letter }),
            None if word.len() != actual => Err(count(format!("{} (letters of the word)", word.len()))),
            None => Ok(()),
        },
        Kind::Unitary(_) if actual == 0 || actual > MAX_MATRIX_QUBITS => Err(count("1 to 6".to_owned())),
        Kind::Unitary(matrix) => check_unitary(matrix, 1 << actual),
        Kind::Channel(channel) => check_channel(*channel, operation),
        Kind::Kraus(_) if !operation.conditions.is_empty() => Err(Mistake::ConditionalKraus),
        Kind::Kraus(operators) => check_kraus(operators, actual),
        Kind::GlobalPhase | Kind::Barrier | Kind::AmplitudeEmbedding { .. } | Kind::Measure | Kind::Reset => Ok(()),
    }
}
