//! Counts of outcomes, as programs outside return them.

use crate::error::words::cited;
use crate::error::{ExecutorError, Result};
use std::collections::BTreeMap;

/// Number of times that each outcome of a circuit's classical bits occurred.
///
/// An outcome is a string of 0 and 1. As in Qiskit, the **last** character is bit `c[0]`, and the first character is
/// the bit with the highest index. So the string is the binary number whose lowest bit is `c[0]`. There are no spaces:
/// a text that [`Executor::run`](super::Executor::run) gets has one register.
///
/// ```
/// use candlewick::executor::Counts;
/// let counts = Counts::new([("01", 24), ("10", 1000)])?; // c[0] is 1 in 24 shots
/// assert_eq!((counts.bits(), counts.shots()), (2, 1024));
/// assert_eq!(counts.iter().collect::<Vec<_>>(), [("01", 24), ("10", 1000)]);
/// assert!(counts.check(2, 1024).is_ok());
/// assert_eq!(
///     counts.check(2, 1000).unwrap_err().to_string(),
///     "the counts are of 1024 shots, but 1000 were asked for"
/// );
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    counts: BTreeMap<String, u64>,
    bits: usize,
}

/// Most characters of an outcome that a message cites.
const CITED: usize = 80;

impl Counts {
    /// Makes counts of outcomes. Counts of one outcome are added up.
    ///
    /// # Errors
    /// An outcome that has a character besides 0 and 1, or another length than the first outcome.
    pub fn new<S: Into<String>>(counts: impl IntoIterator<Item = (S, u64)>) -> Result<Self> {
        let mut all = Self::default();
        for (outcome, count) in counts {
            let outcome = outcome.into();
            if all.counts.is_empty() {
                all.bits = outcome.len();
            }
            check_outcome(&outcome, all.bits)?;
            let sum = all.counts.entry(outcome).or_insert(0);
            *sum = sum.saturating_add(count);
        }
        Ok(all)
    }

    /// Checks that the outcomes have so many bits and that the counts add up to so many shots. Layers check the counts
    /// of any executor.
    ///
    /// # Errors
    /// Outcomes of another length; counts of another number of shots.
    pub fn check(&self, bits: usize, shots: usize) -> Result<()> {
        self.counts.keys().try_for_each(|outcome| check_outcome(outcome, bits))?;
        let (expected, actual) = (shots as u64, self.shots());
        if expected == actual { Ok(()) } else { Err(ExecutorError::Shots { expected, actual }.into()) }
    }

    /// Returns the number of bits of an outcome; 0 without outcomes.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Returns the number of shots: the sum of all counts, at most 2^64 - 1.
    pub fn shots(&self) -> u64 {
        self.counts.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Returns the outcomes and their counts, in ascending order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        self.counts.iter().map(|(outcome, count)| (outcome.as_str(), *count))
    }

    /// Returns the outcomes that occurred as numbers whose lowest bit is `c[0]`, in ascending order, with their counts.
    /// Outcomes have at most 64 bits.
    pub(crate) fn numbers(&self) -> Vec<(u64, u64)> {
        let number = |outcome: &str| outcome.bytes().fold(0u64, |number, bit| number << 1 | u64::from(bit == b'1'));
        self.iter().filter(|(_, count)| *count > 0).map(|(outcome, count)| (number(outcome), count)).collect()
    }
}

fn check_outcome(outcome: &str, bits: usize) -> Result<()> {
    if outcome.len() == bits && outcome.bytes().all(|bit| matches!(bit, b'0' | b'1')) {
        return Ok(());
    }
    Err(ExecutorError::Outcome { outcome: cited(outcome, CITED), bits }.into())
}
