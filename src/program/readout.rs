//! Measurements lowered: observables become sums grouped by the bits they flip.
//!
//! A constant is kept apart. Its gradient is 0, but as a term it would be a multiple of ψ in λ, whose rounding in F32 covers the
//! digits of the other terms; and `<ψ|ψ>` is 1 up to rounding alone.

use super::Parity;
use crate::measurement::Measurement;
use crate::observable::{Observable, Part, PauliWord};

/// What is read from a final state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Readout {
    /// One sum with all outputs.
    Expectation(Sum),
    /// One sum of one output for each observable.
    Variance(Vec<Sum>),
    /// Basis states of these qubits; the first is the low bit of an output's index.
    Probabilities(Vec<usize>),
    /// Every amplitude.
    State,
}

/// Observables as operators that one pass over the state serves.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Sum {
    /// Number of observables.
    pub(crate) outputs: usize,
    /// Coefficient of the identity in each observable: part of an expectation value, and of neither a variance nor a gradient.
    pub(crate) constants: Vec<f64>,
    /// Pauli words, grouped by their x-mask, in ascending order.
    pub(crate) x_groups: Vec<XMaskGroup>,
    /// Output, coefficient and everything that is not a Pauli word.
    pub(crate) parts: Vec<(usize, f64, Part)>,
}

/// All Pauli words that flip the same bits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct XMaskGroup {
    pub(crate) x: u64,
    pub(crate) terms: Vec<PauliTerm>,
}

/// `coefficient * i^quarter_turns * (-1)^|basis index & z|`, into one output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PauliTerm {
    pub(crate) output: usize,
    pub(crate) z: u64,
    pub(crate) coefficient: f64,
    /// Number of Y letters modulo 4.
    pub(crate) quarter_turns: u32,
}

impl Readout {
    pub(super) fn new(measurement: &Measurement) -> Self {
        match measurement {
            Measurement::Expectation(observables) => Self::Expectation(Sum::new(observables)),
            Measurement::Variance(observables) => {
                let centered = |one| Sum::new(std::slice::from_ref(one)).without_constants();
                Self::Variance(observables.iter().map(centered).collect())
            }
            Measurement::Probabilities(qubits) => Self::Probabilities(qubits.clone()),
            Measurement::State => Self::State,
        }
    }

    /// The same up to a constant in each output: what differences of outputs need, which a constant would cost digits.
    pub(super) fn without_constants(&self) -> Self {
        match self {
            Self::Expectation(sum) => Self::Expectation(sum.clone().without_constants()),
            Self::Variance(_) | Self::Probabilities(_) | Self::State => self.clone(),
        }
    }
}

impl Sum {
    fn new(observables: &[Observable]) -> Self {
        let outputs = observables.len();
        let mut sum = Self { outputs, constants: vec![0.0; outputs], ..Self::default() };
        for (output, observable) in observables.iter().enumerate() {
            for (word, coefficient) in observable.words() {
                if word == PauliWord::default() {
                    sum.constants[output] += coefficient;
                    continue;
                }
                let (z, quarter_turns) = (word.z, word.y_count() % 4);
                let term = PauliTerm { output, z, coefficient, quarter_turns };
                match sum.x_groups.binary_search_by_key(&word.x, |x_group| x_group.x) {
                    Ok(at) => sum.x_groups[at].terms.push(term),
                    Err(at) => sum.x_groups.insert(at, XMaskGroup { x: word.x, terms: vec![term] }),
                }
            }
            sum.parts.extend(observable.parts().iter().map(|(c, part)| (output, *c, part.clone())));
        }
        sum
    }

    fn without_constants(self) -> Self {
        Self { constants: vec![0.0; self.outputs], ..self }
    }

    /// Its words in other indices, given what parities and flip masks are in them; the other parts as they are.
    pub(crate) fn moved(&self, parity: impl Fn(u64) -> Parity, displaced: impl Fn(u64) -> u64) -> Self {
        let term = |term: &PauliTerm| {
            let parity = parity(term.z);
            let coefficient = if parity.odd { -term.coefficient } else { term.coefficient };
            PauliTerm { z: parity.mask, coefficient, ..*term }
        };
        let x_group = |x_group: &XMaskGroup| XMaskGroup {
            x: displaced(x_group.x),
            terms: x_group.terms.iter().map(term).collect(),
        };
        Self { x_groups: self.x_groups.iter().map(x_group).collect(), ..self.clone() }
    }

    /// Whether it holds nothing but words of Z.
    pub(crate) fn is_diagonal(&self) -> bool {
        self.parts.is_empty() && self.x_groups.iter().all(|x_group| x_group.x == 0)
    }
}
