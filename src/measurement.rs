//! What a circuit returns.

use crate::error::{Error, Mistake, Result};
use crate::limits::at_most;
use crate::observable::Observable;

/// Output of a circuit for each sample. All of them are differentiable.
///
/// | measurement | outputs a sample | shape behind the batch |
/// |---|---|---|
/// | [`expectation`](Self::expectation) of m observables | `<O_k>` | `[m]` |
/// | [`variance`](Self::variance) of m observables | `<O_k²> - <O_k>²` | `[m]` |
/// | [`probabilities`](Self::probabilities) of k qubits | probability of each basis state | `[2^k]` |
/// | [`state`](Self::state) | real and imaginary part of each amplitude | `[2^n, 2]` |
///
/// ```
/// use candlewick::prelude::*;
/// let four_outputs = Measurement::expectation((0..4).map(Z));
/// let energy = Measurement::expectation([0.5 * Z(0) * Z(1) + X(0)]);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Measurement {
    /// Expectation value of each observable.
    Expectation(Vec<Observable>),
    /// Variance of each observable.
    Variance(Vec<Observable>),
    /// Probabilities of the basis states of some qubits.
    Probabilities(Vec<usize>),
    /// The state vector.
    State,
}

impl Measurement {
    /// Expectation values, one output an observable; at most 2^20 of them.
    pub fn expectation(observables: impl IntoIterator<Item = Observable>) -> Self {
        Self::Expectation(Observable::list(observables))
    }

    /// Variances, one output an observable; at most 2^20 of them. Needs a third state in memory.
    pub fn variance(observables: impl IntoIterator<Item = Observable>) -> Self {
        Self::Variance(Observable::list(observables))
    }

    /// Probabilities of the basis states of `qubits`; `qubits[0]` is the low bit of the output's index, the other
    /// qubits are summed over.
    pub fn probabilities(qubits: impl IntoIterator<Item = usize>) -> Self {
        // Of more than a basis index has bits, one is out of range or comes twice.
        Self::Probabilities(at_most(u64::BITS as usize, qubits).0)
    }

    /// The amplitudes, as `[2^n, 2]` real numbers (real part, imaginary part).
    pub fn state() -> Self {
        Self::State
    }

    /// Shape of one sample's output for a circuit of `qubits` qubits; `usize::MAX` stands for what cannot be counted.
    pub fn output_shape(&self, qubits: usize) -> Vec<usize> {
        let states =
            |qubits: usize| u32::try_from(qubits).ok().and_then(|n| 1usize.checked_shl(n)).unwrap_or(usize::MAX);
        match self {
            Self::Expectation(observables) | Self::Variance(observables) => vec![observables.len()],
            Self::Probabilities(measured) => vec![states(measured.len())],
            Self::State => vec![states(qubits), 2],
        }
    }

    pub(crate) fn check(&self, qubits: usize) -> Result<()> {
        match self {
            Self::Expectation(observables) | Self::Variance(observables) => {
                if observables.is_empty() {
                    return Err(Error::Measurement(Mistake::NothingMeasured));
                }
                for (index, observable) in observables.iter().enumerate() {
                    observable.check(qubits).map_err(|mistake| Error::Observable { index, mistake })?;
                }
                Ok(())
            }
            Self::Probabilities(measured) => check_measured(measured, qubits).map_err(Error::Measurement),
            Self::State => Ok(()),
        }
    }

    /// Whether observables take qubits that record a measurement for the classical bits they stand for.
    pub(crate) fn check_records(&self, records: u64) -> Result<()> {
        let observables = match self {
            Self::Expectation(observables) | Self::Variance(observables) => &observables[..],
            Self::Probabilities(_) | Self::State => &[],
        };
        for (index, observable) in observables.iter().enumerate() {
            let flipped = records & observable.flipped();
            if flipped != 0 {
                let mistake = Mistake::RecordRead { qubit: flipped.trailing_zeros() as usize };
                return Err(Error::Observable { index, mistake });
            }
        }
        Ok(())
    }
}

fn check_measured(measured: &[usize], qubits: usize) -> Result<(), Mistake> {
    for (k, &qubit) in measured.iter().enumerate() {
        if qubit >= qubits {
            return Err(Mistake::QubitOutOfRange { qubit, qubits });
        }
        if measured[..k].contains(&qubit) {
            return Err(Mistake::RepeatedQubit { qubit });
        }
    }
    if measured.is_empty() { Err(Mistake::NothingMeasured) } else { Ok(()) }
}
