//! Lowering of measurements: observables become sums, whose Pauli terms are grouped by their x-masks.
//!
//! A constant is separate. Its gradient is 0, but as a term it would add a multiple of ψ to λ, and in F32 the rounding
//! of this multiple would cover the digits of the other terms. `<ψ|ψ>` differs from 1 by rounding alone.

use super::Parity;
use crate::measurement::Measurement;
use crate::observable::{Observable, Part, PauliWord};

/// Measurement of a final state, in a program's terms.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Readout {
    /// Expectation values, as one sum with all outputs.
    Expectation(Sum),
    /// Variances, as a sum with one output for each observable.
    Variance(Vec<Sum>),
    /// Probabilities of the basis states of these qubits; the first qubit is the low bit of an output's index.
    Probabilities(Vec<usize>),
    /// All amplitudes.
    State,
}

/// Observables as operators that one sweep over the state evaluates.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Sum {
    /// Number of observables.
    pub(crate) outputs: usize,
    /// Coefficient of the identity in each observable. It is part of the expectation value, but of no variance and no
    /// gradient.
    pub(crate) constants: Vec<f64>,
    /// Pauli words, grouped by their x-mask, in ascending order.
    pub(crate) x_groups: Vec<XMaskGroup>,
    /// Output, coefficient and part, for all parts that are no Pauli words.
    pub(crate) parts: Vec<(usize, f64, Part)>,
}

/// All Pauli terms with the same x-mask.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct XMaskGroup {
    pub(crate) x: u64,
    pub(crate) terms: Vec<PauliTerm>,
}

/// Term `coefficient * i^quarter_turns * (-1)^|basis index & z|` of an output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PauliTerm {
    pub(crate) output: usize,
    pub(crate) z: u64,
    pub(crate) coefficient: f64,
    /// Number of letters Y modulo 4.
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

    /// Sums that the readout evaluates.
    pub(crate) fn sums(&self) -> &[Sum] {
        match self {
            Self::Expectation(sum) => std::slice::from_ref(sum),
            Self::Variance(sums) => sums,
            Self::Probabilities(_) | Self::State => &[],
        }
    }

    /// Readout with its sums [in other indices](Sum::moved); all others read logical indices.
    pub(crate) fn moved(&self, parity: impl Fn(u64) -> Parity, flip_mask: impl Fn(u64) -> u64) -> Self {
        let moved = |sum: &Sum| sum.moved(&parity, &flip_mask);
        match self {
            Self::Expectation(sum) => Self::Expectation(moved(sum)),
            Self::Variance(sums) => Self::Variance(sums.iter().map(moved).collect()),
            Self::Probabilities(_) | Self::State => self.clone(),
        }
    }

    /// Mask of the qubits that the readout reads, or `None` if global phases change the readout.
    pub(super) fn support(&self) -> Option<u64> {
        match self {
            Self::Expectation(_) | Self::Variance(_) => {
                Some(self.sums().iter().fold(0, |mask, sum| mask | sum.support()))
            }
            Self::Probabilities(qubits) => Some(qubits.iter().fold(0, |mask, qubit| mask | 1 << qubit)),
            Self::State => None,
        }
    }

    /// Whether the readout, in stored indices, is independent of all phases of the amplitudes.
    pub(super) fn sees_no_phases(&self) -> bool {
        match self {
            Self::Expectation(_) | Self::Variance(_) => self.sums().iter().all(Sum::is_diagonal),
            Self::Probabilities(_) | Self::State => false,
        }
    }

    /// Readout without the constant of each output. Differences of outputs need no constants, and a constant would cost
    /// digits.
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

    /// Sum with its words in other indices: `parity` maps a z-mask, `flip_mask` an x-mask. Other parts do not change.
    pub(crate) fn moved(&self, parity: impl Fn(u64) -> Parity, flip_mask: impl Fn(u64) -> u64) -> Self {
        let term = |term: &PauliTerm| {
            let parity = parity(term.z);
            let coefficient = if parity.odd { -term.coefficient } else { term.coefficient };
            PauliTerm { z: parity.mask, coefficient, ..*term }
        };
        let x_group = |x_group: &XMaskGroup| XMaskGroup {
            x: flip_mask(x_group.x),
            terms: x_group.terms.iter().map(term).collect(),
        };
        Self { x_groups: self.x_groups.iter().map(x_group).collect(), ..self.clone() }
    }

    /// Mask of the qubits on which the sum acts.
    fn support(&self) -> u64 {
        let words = self.x_groups.iter().flat_map(|x_group| x_group.terms.iter().map(|term| x_group.x | term.z));
        let parts = self.parts.iter().map(|(_, _, part)| part.support());
        words.chain(parts).fold(0, |all, mask| all | mask)
    }

    /// Whether the sum has only words of Z.
    pub(crate) fn is_diagonal(&self) -> bool {
        self.parts.is_empty() && self.x_groups.iter().all(|x_group| x_group.x == 0)
    }
}
