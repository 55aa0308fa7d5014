//! Noise models: rules that put noise into circuits.
//!
//! A [`NoiseModel`] is a function from circuits to circuits. Its rules add [channels](crate::channel) behind gates,
//! change angles, let qubits that wait relax, and spoil the readout. The noisy circuit is a circuit as any other: it
//! can be drawn, and a [`QuantumLayer`](crate::QuantumLayer) evaluates and trains it.
//!
//! ```
//! use candlewick::noise::{Gates, Noise, NoiseModel};
//! use candlewick::{functional, prelude::*};
//!
//! let model = NoiseModel::new()
//!     .after(Gates::one_qubit(), Noise::depolarizing(0.001))
//!     .after(Gates::named(["cx"]), Noise::depolarizing2(0.01))
//!     .readout(0, 0.02, 0.02);
//! let mut bell = Circuit::new(2);
//! bell.h(0).cx(0, 1);
//! let noisy = model.apply(&bell)?;
//! assert_eq!(noisy.to_string(), "
//! q0: ─H──Depol(0.001)──●──Depol(0.01)──Read(0.02, 0.02)──
//!                       │       │
//! q1: ──────────────────X──Depol(0.01)────────────────────
//! ".trim_start());
//! let parity = Measurement::expectation([Z(0) * Z(1)]);
//! let y = functional::evaluate(&noisy, &parity, None, &[])?;
//! let expected = (1.0 - 16.0 / 15.0 * 0.01) * 0.96; // H's noise does not change the parity
//! assert!((y.to_vec1::<f32>()?[0] - expected).abs() < 1e-6);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod added;
mod apply;
mod calibration;
mod channels;
mod gates;
mod idle;
mod rule;

pub use added::{Addition, Additions};
pub use channels::Noise;
pub use gates::Gates;
pub use idle::Durations;

use crate::angle::Angle;
use crate::circuit::Circuit;
use crate::error::{Error, Mistake, NoiseError, Result};
use crate::limits::{MAX_QUBITS, at_most};
use calibration::Calibration;
use rule::Rule;
use std::fmt;

/// Largest number of pairs of a crosstalk rule.
const MAX_PAIRS: usize = MAX_QUBITS * MAX_QUBITS;

/// Rules that put noise into circuits. They add up, in order: every rule that fits an operation acts on it.
///
/// | rule | adds |
/// |---|---|
/// | [`after`](Self::after) | channels behind operations |
/// | [`over_rotation`](Self::over_rotation) | a coherent error of angles |
/// | [`crosstalk`](Self::crosstalk) | a ZZ rotation of a gate's qubits with their neighbours |
/// | [`idle`](Self::idle) | thermal relaxation while qubits wait |
/// | [`readout`](Self::readout) | a readout error at the end |
/// | [`from_json`](Self::from_json) | all of a device's calibration, but for waiting |
///
/// What a rule adds behind an operation is under the operation's conditions of [`Circuit::when`], if it has any: noise
/// of a gate acts in the samples in which the gate acts. It is behind the whole operation and never under its controls.
/// On qubits that hold outcomes of [`Circuit::measure`], which are classical bits, and on qubits that hold what a
/// [`Circuit::reset`] took away, nothing is added, except for the readout errors of outcomes. Readout errors of the
/// given circuit move to its end, so that noise can come before them; no operation is lost.
///
/// A rule that fits no operation of a circuit is an error, since a gate of another name is easily taken for it; a
/// [`lenient`](Self::lenient) model allows it. Methods that add rules never fail: the model keeps the first mistake,
/// and [`apply`](Self::apply) returns it.
///
/// [`Display`](fmt::Display) lists the rules, and [`added`](Self::added) what they add to a circuit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NoiseModel {
    rules: Vec<Rule>,
    lenient: bool,
    /// The first mistake, and the index of its rule.
    mistake: Option<(usize, Mistake)>,
}

impl NoiseModel {
    /// Makes a model without rules, which leaves circuits as they are.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds noise behind each selected operation, on its qubits: targets and controls, without outcomes.
    ///
    /// ```
    /// use candlewick::noise::{Gates, Noise, NoiseModel};
    /// use candlewick::prelude::*;
    /// let model = NoiseModel::new()
    ///     .after(Gates::two_qubit(), Noise::depolarizing2(0.01))
    ///     .after(Gates::named(["cx"]).on([0, 1]), Noise::amplitude_damping(0.02));
    /// let mut circuit = Circuit::new(3);
    /// circuit.cx(0, 1).cx(1, 2);
    /// let noisy = model.apply(&circuit)?;
    /// assert_eq!(noisy.counts()["depolarizing2"], 2);
    /// assert_eq!(noisy.counts()["amplitude_damping"], 2); // on both qubits of the first cx
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    pub fn after(self, gates: Gates, noise: Noise) -> Self {
        let mistake = gates.check().and_then(|()| noise.check());
        self.with(Rule::After { gates, noise }, mistake)
    }

    /// Replaces all angles θ of the selected gates by `θ (1 + factor) + offset`; angles are those that are written.
    /// Selected gates without an angle stay as they are; a gate without an angle that is selected by its name is an
    /// error. Channels and embeddings have no angles.
    ///
    /// ```
    /// use candlewick::noise::{Gates, NoiseModel};
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(1);
    /// circuit.h(0).rx(input(0), 0);
    /// let model = NoiseModel::new().over_rotation(Gates::one_qubit(), 0.01, 0.002);
    /// let noisy = model.apply(&circuit)?;
    /// assert_eq!(noisy.to_string(), "q0: ─H──RX(1.01*x0 + 0.002)──\n");
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    pub fn over_rotation(self, gates: Gates, factor: impl Into<Angle>, offset: impl Into<Angle>) -> Self {
        let (factor, offset) = (factor.into(), offset.into());
        let mistake = gates.check().and_then(|()| factor.check()).and_then(|()| offset.check());
        self.with(Rule::OverRotation { gates, factor, offset }, mistake)
    }

    /// Adds `rzz(angle)` behind each selected operation on every pair of neighbours of which exactly one qubit is among
    /// the operation's qubits. A pair on which the operation itself acts has no crosstalk, nor has a pair elsewhere. At
    /// most 3364 pairs.
    ///
    /// ```
    /// use candlewick::noise::{Gates, NoiseModel};
    /// use candlewick::prelude::*;
    /// let pairs = [(0, 1), (1, 2), (2, 3)];
    /// let model = NoiseModel::new().crosstalk(pairs, Gates::named(["cx"]), 0.03);
    /// let mut circuit = Circuit::new(4);
    /// circuit.cx(0, 1); // beside it is the pair of 1 and 2
    /// let noisy = model.apply(&circuit)?;
    /// assert_eq!((noisy.counts()["rzz"], noisy.operations()[1].qubits()), (1, &[1, 2][..]));
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    pub fn crosstalk(
        self,
        pairs: impl IntoIterator<Item = (usize, usize)>,
        gates: Gates,
        angle: impl Into<Angle>,
    ) -> Self {
        let ((pairs, _), angle) = (at_most(MAX_PAIRS, pairs), angle.into());
        let of_pairs = if pairs.len() > MAX_PAIRS {
            Err(Mistake::TooMany { what: "pairs", limit: MAX_PAIRS })
        } else {
            pairs.iter().try_for_each(|&(a, b)| match a.max(b) {
                qubit if a == b => Err(Mistake::RepeatedQubit { qubit }),
                qubit if qubit >= MAX_QUBITS => Err(Mistake::QubitOutOfRange { qubit, qubits: MAX_QUBITS }),
                _ => Ok(()),
            })
        };
        let mistake = of_pairs.and_then(|()| gates.check()).and_then(|()| angle.check());
        self.with(Rule::Crosstalk { pairs, gates, angle }, mistake)
    }

    /// Adds thermal relaxation of qubits that wait. Each operation starts as soon as all of its qubits are free; a
    /// qubit waits from its first operation, or from a reset's next one, until the circuit's longest path ends. Before
    /// that it is in 0. Barriers make qubits wait for each other. Operations under [`Circuit::when`] take their time in
    /// every sample, and waiting qubits relax in every sample.
    ///
    /// Gates, measurements and resets whose time is not known are an error when the model is applied, and so are qubits
    /// that wait and whose relaxation times are not known, in a [`lenient`](Self::lenient) model, too.
    pub fn idle(self, durations: Durations) -> Self {
        let mistake = durations.check();
        self.with(Rule::Idle(durations), mistake)
    }

    /// Adds a [readout error](Circuit::readout_error) of a qubit at the end of the circuit.
    ///
    /// It holds for a [`measure`](Circuit::measure) of the qubit on the way, too. If it is the same for 0 and 1, the
    /// outcome is flipped with that probability where it is measured. Otherwise it is a readout error of the outcome,
    /// which no later operation may then have as a control.
    pub fn readout(self, qubit: usize, p1_given_0: impl Into<Angle>, p0_given_1: impl Into<Angle>) -> Self {
        let errors = [p1_given_0.into(), p0_given_1.into()];
        let mistake = crate::channel::Channel::readout_error.check(&errors);
        self.with(Rule::Readout { qubit, errors }, mistake)
    }

    /// Lets rules fit no operation of a circuit. [`added`](Self::added) reports which ones these are.
    pub fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Makes a model from calibration data of a device.
    ///
    /// The text is a JSON object:
    ///
    /// ```json
    /// {"qubits": [{"t1_us": 110.0, "t2_us": 95.0, "excited": 0.01,
    ///              "p1_given_0": 0.01, "p0_given_1": 0.03},
    ///             {"t1_us": 90.0, "t2_us": 120.0, "p1_given_0": 0.02, "p0_given_1": 0.02}],
    ///  "gates": [{"name": "cx", "qubits": [0, 1], "error": 0.008, "time_ns": 300.0},
    ///            {"name": "rx", "qubits": [0], "error": 0.0003, "time_ns": 35.0}],
    ///  "default": "none"}
    /// ```
    ///
    /// | field | | |
    /// |---|---|---|
    /// | `t1_us`, `t2_us` | above 0, `t2_us` at most 2 `t1_us` | relaxation times in microseconds |
    /// | `excited` | 0 to 1, default 0 | probability of 1 in equilibrium |
    /// | `p1_given_0`, `p0_given_1` | 0 to 1 | readout errors |
    /// | `name` | a name of an operation | gates under controls have the gate's name |
    /// | `qubits` of a gate | 1 to 3 | controls first; an entry holds for another order that has no entry of its own |
    /// | `error` | 0 to 1 | average gate infidelity, `1 - F` |
    /// | `time_ns` | at least 0 | in nanoseconds |
    /// | `default` | `"none"` or `"error"`, the default | gates, and qubits, without an entry |
    ///
    /// Behind a gate come depolarizing of all of its qubits, and then thermal relaxation of each of them for the gate's
    /// time, such that both together have the average gate infidelity `error`: with d = 2^k on k qubits and the average
    /// gate fidelity F of the relaxation, depolarizing with parameter `l = d (error - (1 - F)) / (d F - 1)`, at least 0
    /// and at most `d² / (d² - 1)`. This is what Qiskit Aer's device model does. Where relaxation alone has a larger
    /// error than `error`, or no depolarizing has one as large, [`Display`](fmt::Display) lists the gate. Measurements,
    /// resets and embeddings have noise if they have an entry. Qubits have the [`readout`](Self::readout) error at the
    /// end.
    ///
    /// Waiting qubits relax only with [`idle`](Self::idle):
    ///
    /// ```
    /// use candlewick::noise::{Durations, NoiseModel};
    /// use candlewick::prelude::*;
    /// let text = r#"{
    ///     "qubits": [{"t1_us": 110, "t2_us": 95, "p1_given_0": 0.01, "p0_given_1": 0.03},
    ///                {"t1_us": 90, "t2_us": 120, "p1_given_0": 0.02, "p0_given_1": 0.02}],
    ///     "gates": [{"name": "h", "qubits": [0], "error": 0.0004, "time_ns": 35},
    ///               {"name": "cx", "qubits": [0, 1], "error": 0.008, "time_ns": 300}]}"#;
    /// let model = NoiseModel::from_json(text)?.idle(Durations::from_json(text)?);
    /// let mut circuit = Circuit::new(2);
    /// circuit.h(0).cx(0, 1);
    /// println!("{}", model.apply(&circuit)?);
    /// circuit.ry(0.3, 1);
    /// // Nothing is left out in silence.
    /// let error = NoiseModel::from_json(text)?.apply(&circuit).unwrap_err();
    /// let expected = "the calibration has no gate `ry` on qubits [1] (operation 2)";
    /// assert!(error.to_string().contains(expected));
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`FileError::Json`](crate::error::FileError::Json) for a text that is no such object, lacks a field or has
    /// another one; [`NoiseError`] for numbers out of range, with the path of the field, names that no operation has,
    /// qubits that are not there, and two entries for one gate.
    pub fn from_json(text: &str) -> Result<Self> {
        Ok(Self::new().with(Rule::Calibration(Calibration::from_json(text)?), Ok(())))
    }

    /// Returns the circuit with noise. The given circuit may have channels already; rules leave them as they are unless
    /// they name them.
    ///
    /// # Errors
    /// The mistake of the circuit; [`NoiseError`]: the first mistake of a rule; a channel on another number of qubits
    /// than its operation has; a mistake in what is added, such as a qubit out of range or Kraus operators under a
    /// condition; a gate without a time or a calibration; a rule that fits no operation.
    pub fn apply(&self, circuit: &Circuit) -> Result<Circuit> {
        let (noisy, added) = self.run(circuit)?;
        match added.unmatched().first() {
            Some(&rule) if !self.lenient => {
                Err(NoiseError::Unmatched { rule, text: self.rules[rule].to_string() }.into())
            }
            _ => Ok(noisy),
        }
    }

    /// Returns what [`apply`](Self::apply) adds to a circuit and where, and which rules fit nothing.
    ///
    /// ```
    /// use candlewick::noise::{Gates, Noise, NoiseModel};
    /// use candlewick::prelude::*;
    /// let model = NoiseModel::new()
    ///     .after(Gates::named(["cx"]), Noise::depolarizing2(0.01))
    ///     .after(Gates::named(["cz"]), Noise::depolarizing2(0.02));
    /// let mut circuit = Circuit::new(2);
    /// circuit.h(0).cx(0, 1);
    /// let added = model.added(&circuit)?;
    /// let lines = "rule 0, operation 1 (`cx`): depolarizing2(0.01) on 0, 1\nrule 1: nothing\n";
    /// assert_eq!(added.to_string(), lines);
    /// assert_eq!(added.unmatched(), [1]);
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`apply`](Self::apply), except that rules may fit no operation.
    pub fn added(&self, circuit: &Circuit) -> Result<Additions> {
        Ok(self.run(circuit)?.1)
    }

    fn run(&self, circuit: &Circuit) -> Result<(Circuit, Additions)> {
        circuit.check()?;
        if let Some((rule, mistake)) = &self.mistake {
            return Err(Error::Noise(NoiseError::Rule { rule: *rule, mistake: Box::new(mistake.clone()) }));
        }
        Ok(apply::run(&self.rules, circuit)?)
    }

    /// Adds a rule with the result of its check.
    fn with(mut self, rule: Rule, check: Result<(), Mistake>) -> Self {
        if let Err(mistake) = check {
            self.mistake.get_or_insert((self.rules.len(), mistake));
        }
        self.rules.push(rule);
        self
    }
}

impl fmt::Display for NoiseModel {
    /// Writes a line for each rule.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rules.iter().enumerate().try_for_each(|(index, rule)| writeln!(f, "{index}: {rule}"))
    }
}
