//! Classical shadows: many quantities of a state from one set of measurements in random bases (Huang, Kueng and
//! Preskill, Nature Physics 16, 1050, 2020).
//!
//! A *snapshot* measures each qubit in a basis of its own, drawn from X, Y and Z. One set of snapshots gives estimates
//! of all Pauli words of low weight (the number of their letters), and [`bound`] says how many snapshots they take.
//!
//! ```
//! use candlewick::prelude::*;
//! use candlewick::states::shadows::{self, ClassicalShadow};
//!
//! let mut ghz = Circuit::new(3);
//! ghz.h(0).cx(0, 1).cx(1, 2);
//! // 30 words of weight 2, all of them within 0.4 with a probability of 0.9
//! let bound = shadows::bound(2, 30, 0.4, 0.1)?;
//! assert_eq!((bound.snapshots, bound.groups), (24_869, 13));
//! let shadow = ClassicalShadow::collect(&ghz, None, &[], bound.snapshots, 7)?;
//! for (word, exact) in [(Z(0) * Z(2), 1.0), (X(0) * X(1), 0.0), (Z(1), 0.0)] {
//!     let estimate = shadow.expectation(&word, bound.groups)?.to_scalar::<f64>()?;
//!     assert!((estimate - exact).abs() < 0.4);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::batch::{Batch, in_f32};
use crate::circuit::{Circuit, MAX_STATE_QUBITS};
use crate::engine::{share, threads};
use crate::error::{Error, Mistake, Result, StatesError, TensorError};
use crate::functional;
use crate::gf2;
use crate::limits::{MAX_MATRIX_QUBITS, checked_product};
use crate::mask::Mask;
use crate::measurement::Measurement;
use crate::memory;
use crate::observable::{Observable, PauliWord};
use crate::sampling::FinalState;
use crate::sampling::{self, Reader, Snapshot, draw_snapshots, shot_generator};
use candle_core::{DType, Device, Tensor, WithDType};

/// Distinguishes these draws from the draws of other functions with the same seed.
const SNAPSHOTS: u64 = u64::MAX - 1;

/// Numbers of 8 bytes that a snapshot takes, while it is drawn and afterwards.
const NUMBERS_A_SNAPSHOT: u64 = 9;

/// Snapshots of one state or of a batch of states, each in a random Pauli basis.
///
/// The snapshots come from [`collect`](Self::collect), which simulates a circuit, from
/// [`from_states`](Self::from_states), or from measurements elsewhere ([`new`](Self::new)). Estimates have no gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassicalShadow {
    /// Dimensions in front of the snapshots.
    leading: Vec<usize>,
    qubits: usize,
    /// Number of snapshots of each state.
    snapshots: usize,
    all: Vec<Snapshot>,
}

impl ClassicalShadow {
    /// Draws snapshots of the state of a circuit, with arguments as for [`functional::evaluate`]: each sample (and each
    /// member of an ensemble) has snapshots of its own.
    ///
    /// The state is computed once. Snapshots that agree in their first bases and outcomes share the state that is left,
    /// so that 20 000 snapshots of 8 qubits take a few milliseconds. `seed` fixes the snapshots, for any number of
    /// threads.
    ///
    /// ```
    /// use candle_core::{DType, Device};
    /// use candle_nn::VarBuilder;
    /// use candlewick::{prelude::*, states::shadows::ClassicalShadow};
    /// let mut circuit = Circuit::new(2);
    /// circuit.real_amplitudes("w", 1, Entanglement::Linear);
    /// let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    /// let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
    /// let weights: Vec<_> = layer.weights().collect(); // a shadow of a trained layer
    /// let shadow = ClassicalShadow::collect(layer.circuit(), None, &weights, 1000, 0)?;
    /// assert_eq!(shadow.bases()?.dims(), [1000, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`functional::evaluate`] and [`from_states`](Self::from_states); a circuit with a record of a
    /// measurement, which cannot be measured in X or Y.
    pub fn collect(
        circuit: &Circuit,
        inputs: Option<&Tensor>,
        weights: &[(&str, &Tensor)],
        snapshots: usize,
        seed: u64,
    ) -> Result<Self> {
        circuit.check()?;
        if let Some(qubit) = circuit.records().lowest() {
            return Err(Error::Measurement(Mistake::RecordRead { qubit }));
        }
        check_count(snapshots)?;
        // A state in F16 would be too coarse to draw from.
        let (inputs, tensors) = in_f32(inputs, weights)?;
        let weights: Vec<(&str, &Tensor)> = weights.iter().map(|(name, _)| *name).zip(&tensors).collect();
        let states = functional::evaluate(circuit, &Measurement::State, inputs.as_ref(), &weights)?;
        Self::from_states(&states, snapshots, seed)
    }

    /// Draws snapshots of states `[.., 2^n, 2]`.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use candlewick::{prelude::*, states::shadows::ClassicalShadow};
    /// let one = Tensor::new(&[[0f64, 0.], [1., 0.]], &Device::Cpu)?;
    /// let shadow = ClassicalShadow::from_states(&one, 3000, 0)?;
    /// let z = shadow.expectation(&Z(0), 1)?.to_scalar::<f64>()?;
    /// assert!((z + 1.0).abs() < 0.2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A tensor that is no states or of a dtype other than F16, BF16, F32 and F64; no snapshots, or more than the
    /// memory holds; a state that is zero or not finite.
    pub fn from_states(states: &Tensor, snapshots: usize, seed: u64) -> Result<Self> {
        let batch = Batch::new("the states", states)?;
        let (qubits, count) = (batch.qubits, batch.count());
        check_count(snapshots)?;
        let numbers = (count as u64).checked_mul(snapshots as u64).and_then(|all| all.checked_mul(NUMBERS_A_SNAPSHOT));
        let conditional = (threads::thread_count().min(count) as u64).checked_mul(4 << qubits);
        memory::check_numbers("snapshots", numbers.zip(conditional).and_then(|(a, b)| a.checked_add(b)))?;
        let mut all = Vec::new();
        if count > 0 {
            let drawn = sampling::read_states(&batch.states()?, &Draw { snapshots, seed })?;
            all.reserve_exact(count * snapshots);
            for (sample, drawn) in drawn.into_iter().enumerate() {
                all.extend(drawn.ok_or(Error::States(StatesError::NoOutcomes { sample }))?);
            }
        }
        Ok(Self { leading: batch.leading, qubits, snapshots, all })
    }

    /// Takes snapshots that were measured elsewhere: `bases` and `outcomes`, both `[.., snapshots, qubits]` in U8, as
    /// [`bases`](Self::bases) and [`outcomes`](Self::outcomes) return them.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use candlewick::{prelude::*, states::shadows::ClassicalShadow};
    /// let bases = Tensor::new(&[[0u8, 2], [2, 2]], &Device::Cpu)?; // X and Z, Z and Z
    /// let outcomes = Tensor::new(&[[0u8, 1], [1, 1]], &Device::Cpu)?;
    /// let shadow = ClassicalShadow::new(&bases, &outcomes)?;
    /// let zz = shadow.expectation(&(Z(0) * Z(1)), 1)?.to_scalar::<f64>()?;
    /// assert_eq!(zz, 4.5); // the mean of 0 and 9
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Tensors of another dtype or of two shapes; no snapshots; no qubits, or more than 58; a basis above 2 or an
    /// outcome above 1.
    pub fn new(bases: &Tensor, outcomes: &Tensor) -> Result<Self> {
        for (what, tensor) in [("the bases", bases), ("the outcomes", outcomes)] {
            let (what, expected, actual) = (what.to_owned(), DType::U8, tensor.dtype());
            if actual != expected {
                return Err(Error::Tensor(TensorError::DTypeMismatch { what, expected, actual }));
            }
        }
        let (expected, actual) = (bases.shape().clone(), outcomes.shape().clone());
        let [leading @ .., snapshots, qubits @ 1..=MAX_STATE_QUBITS] = bases.dims() else {
            return Err(Error::States(StatesError::Snapshots { limit: MAX_STATE_QUBITS, shape: expected }));
        };
        check_count(*snapshots)?;
        if expected != actual {
            return Err(Error::Tensor(TensorError::Shape { what: "the tensor of outcomes", expected, actual }));
        }
        let count = checked_product("snapshots", &[leading, &[*snapshots]].concat())?;
        memory::check_numbers("snapshots", (count as u64).checked_mul(NUMBERS_A_SNAPSHOT))?;
        let entries = |what, tensor: &Tensor, limit: u8| {
            let entries = tensor.flatten_all()?.to_device(&Device::Cpu)?.to_vec1::<u8>()?;
            match entries.iter().find(|entry| **entry > limit) {
                Some(&value) => Err(Error::States(StatesError::SnapshotEntry { what, value, limit })),
                None => Ok(entries),
            }
        };
        let (bases, outcomes) = (entries("a basis", bases, 2)?, entries("an outcome", outcomes, 1)?);
        let bit = |set: bool, qubit: usize| u64::from(set) << qubit;
        let mask = |row: &[u8], is: fn(u8) -> bool| {
            row.iter().enumerate().fold(0, |mask, (qubit, &entry)| mask | bit(is(entry), qubit))
        };
        let snapshot = |(bases, outcomes): (&[u8], &[u8])| Snapshot {
            basis: PauliWord { x: mask(bases, |basis| basis < 2), z: mask(bases, |basis| basis > 0) },
            outcome: mask(outcomes, |outcome| outcome == 1),
        };
        let all = bases.chunks_exact(*qubits).zip(outcomes.chunks_exact(*qubits)).map(snapshot).collect();
        Ok(Self { leading: leading.to_vec(), qubits: *qubits, snapshots: *snapshots, all })
    }

    /// Returns the basis of each qubit in each snapshot: `[.., snapshots, qubits]` of 0 for X, 1 for Y and 2 for Z, in
    /// U8 on the CPU.
    ///
    /// # Errors
    /// More entries than the memory holds.
    pub fn bases(&self) -> Result<Tensor> {
        self.tensor(|snapshot, qubit| match (snapshot.basis.x >> qubit & 1, snapshot.basis.z >> qubit & 1) {
            (1, 0) => 0,
            (1, _) => 1,
            _ => 2,
        })
    }

    /// Returns the outcome of each qubit in each snapshot: `[.., snapshots, qubits]` of 0 for the eigenvalue 1 of the
    /// basis' letter and 1 for -1, in U8 on the CPU.
    ///
    /// # Errors
    /// More entries than the memory holds.
    pub fn outcomes(&self) -> Result<Tensor> {
        self.tensor(|snapshot, qubit| (snapshot.outcome >> qubit & 1) as u8)
    }

    fn tensor(&self, entry: impl Fn(&Snapshot, usize) -> u8) -> Result<Tensor> {
        let entries = (self.all.len() as u64).checked_mul(self.qubits as u64);
        memory::check_numbers("entries of snapshots", entries.map(|entries| entries.div_ceil(8)))?;
        let row = |snapshot| (0..self.qubits).map(|qubit| entry(snapshot, qubit)).collect::<Vec<_>>();
        let mut entries = Vec::with_capacity(self.all.len() * self.qubits);
        self.all.iter().for_each(|snapshot| entries.extend(row(snapshot)));
        let shape = [&self.leading, &[self.snapshots, self.qubits][..]].concat();
        Ok(Tensor::from_vec(entries, shape, &Device::Cpu)?)
    }

    /// Estimates the expectation value of a sum of Pauli words in each state, by median of means: `[..]` in F64, on the
    /// CPU.
    ///
    /// The snapshots are cut into `groups` runs of equal size (up to one snapshot), and the estimate is the median of
    /// their means. One group gives the plain mean, which has no bias. A snapshot contributes `3^w` times the product
    /// of its outcomes to a word of weight w if it has the word's letters on the word's qubits, else 0. This has the
    /// variance `3^w - <P>²`. A constant in the sum is exact.
    ///
    /// # Errors
    /// A mistake of the observable, or parts of it that are no Pauli words; qubits beyond the snapshots'; no groups, or
    /// more than snapshots.
    pub fn expectation(&self, observable: &Observable, groups: usize) -> Result<Tensor> {
        let wrong = |mistake| Error::Observable { index: 0, mistake };
        observable.check(self.qubits).and_then(|()| observable.check_constant()).map_err(wrong)?;
        if !observable.parts().is_empty() {
            return Err(wrong(Mistake::NotPauliWords));
        }
        if groups == 0 || groups > self.snapshots {
            let expected = format!("1 to {}", self.snapshots);
            return Err(Error::Measurement(Mistake::Length { what: "groups", expected, actual: groups }));
        }
        let rows = self.all.len() / self.snapshots;
        memory::check_numbers("means of groups", (rows as u64).checked_mul(groups as u64))?;
        let words: Vec<(PauliWord, f64)> = observable.words().collect();
        let mean = |at: usize| {
            let (row, group) = (at / groups, at % groups);
            let cut = |group: usize| (group as u128 * self.snapshots as u128 / groups as u128) as usize;
            let of_row = &self.all[row * self.snapshots..(row + 1) * self.snapshots];
            mean_of(&of_row[cut(group)..cut(group + 1)], &words)
        };
        let mut means = share::map_items(0..rows * groups, mean);
        let medians = means.chunks_exact_mut(groups).map(median).collect::<Vec<_>>();
        Ok(Tensor::from_vec(medians, &self.leading[..], &Device::Cpu)?)
    }

    /// Estimates the purity `Tr ρ²` of 1 to 6 qubits in each state, without bias: `[..]` in F64, on the CPU.
    ///
    /// It is the mean over all pairs of two snapshots. Its deviation grows exponentially with the number of chosen
    /// qubits, and estimates may leave the range of a purity. The Rényi entropy of order 2 is `-ln` of the purity.
    ///
    /// ```
    /// use candlewick::{prelude::*, states::shadows::ClassicalShadow};
    /// let mut bell = Circuit::new(2);
    /// bell.h(0).cx(0, 1);
    /// let shadow = ClassicalShadow::collect(&bell, None, &[], 10_000, 0)?;
    /// assert!((shadow.purity([0])?.to_scalar::<f64>()? - 0.5).abs() < 0.05);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Qubits that are out of range, repeated, none or more than 6; fewer than two snapshots.
    pub fn purity(&self, qubits: impl IntoIterator<Item = usize>) -> Result<Tensor> {
        let chosen = super::batch::check_qubits(self.qubits, qubits)?;
        if chosen.len() > MAX_MATRIX_QUBITS {
            let (expected, actual) = (format!("1 to {MAX_MATRIX_QUBITS}"), chosen.len());
            return Err(Error::States(StatesError::Qubits(Mistake::QubitCount { expected, actual })));
        }
        if self.snapshots < 2 {
            let expected = "2 or more".to_owned();
            return Err(Error::Measurement(Mistake::Length { what: "snapshots", expected, actual: self.snapshots }));
        }
        let purity = |row: &[Snapshot]| purity_of(row, &chosen);
        let purities = share::map_items(self.all.chunks_exact(self.snapshots), purity);
        Ok(Tensor::from_vec(purities, &self.leading[..], &Device::Cpu)?)
    }
}

/// Draws the snapshots of each state.
struct Draw {
    snapshots: usize,
    seed: u64,
}

impl Reader for Draw {
    /// Snapshots, or `None` if the state is not finite.
    type Found = Option<Vec<Snapshot>>;

    fn read<T: WithDType>(&self, row: usize, state: FinalState<'_, T>) -> Self::Found {
        let FinalState::Amplitudes(amplitudes) = state else { return None };
        draw_snapshots(amplitudes, self.snapshots, &mut shot_generator(self.seed, 0, row as u64, SNAPSHOTS))
    }
}

fn check_count(snapshots: usize) -> Result<()> {
    match snapshots {
        0 => {
            let expected = "1 or more".to_owned();
            Err(Error::Measurement(Mistake::Length { what: "snapshots", expected, actual: 0 }))
        }
        _ => Ok(()),
    }
}

/// Returns the mean of a sum of words over some snapshots, at least one.
fn mean_of(snapshots: &[Snapshot], words: &[(PauliWord, f64)]) -> f64 {
    let of_word = |&(word, coefficient): &(PauliWord, f64)| {
        // The observable has been checked to act on the snapshots' qubits, of which a mask of one word is enough.
        let word = word.narrowed();
        let support = word.support();
        let fits = |basis: PauliWord<u64>| ((basis.x ^ word.x) | (basis.z ^ word.z)) & support == 0;
        let sign = |snapshot: &Snapshot| 1 - 2 * i64::from(gf2::parity(snapshot.outcome & support));
        let sum: i64 = snapshots.iter().filter(|snapshot| fits(snapshot.basis)).map(sign).sum();
        coefficient * 3f64.powi(support.count_ones() as i32) * (sum as f64 / snapshots.len() as f64)
    };
    words.iter().map(of_word).sum()
}

/// Returns the median, between the two middle values of an even number of values.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    0.5 * (values[(values.len() - 1) / 2] + values[values.len() / 2])
}

/// Returns the mean of `Tr(ρ_s ρ_t)` over all pairs of two snapshots s and t, where ρ_s is the state that the snapshot s
/// stands for on the chosen qubits, a product of `3 |outcome><outcome| - 1`.
fn purity_of(snapshots: &[Snapshot], chosen: &[usize]) -> f64 {
    // Snapshots of one kind (basis and outcome of each chosen qubit: six a qubit) are counted together.
    let kind = |snapshot: &Snapshot, qubit: usize| {
        let letter = (snapshot.basis.x >> qubit & 1) + 2 * (snapshot.basis.z >> qubit & 1) - 1;
        (2 * letter + (snapshot.outcome >> qubit & 1)) as usize
    };
    let mut counts = vec![0.0; 6usize.pow(chosen.len() as u32)];
    for snapshot in snapshots {
        counts[chosen.iter().rev().fold(0, |index, &qubit| 6 * index + kind(snapshot, qubit))] += 1.0;
    }
    // Multiplies each qubit's index by the traces: 5 for the same kind, -4 for the other outcome, 1/2 for two bases.
    let mut products = counts.clone();
    for place in 0..chosen.len() as u32 {
        let stride = 6usize.pow(place);
        for block in products.chunks_exact_mut(6 * stride) {
            for at in 0..stride {
                let old: [f64; 6] = std::array::from_fn(|kind| block[at + kind * stride]);
                let half = 0.5 * old.iter().sum::<f64>();
                for kind in 0..6 {
                    block[at + kind * stride] = half + 4.5 * (old[kind] - old[kind ^ 1]);
                }
            }
        }
    }
    let all: f64 = counts.iter().zip(&products).map(|(count, product)| count * product).sum();
    let (pairs, same) = (snapshots.len() as f64, 5f64.powi(chosen.len() as i32));
    (all - same * pairs) / (pairs * (pairs - 1.0))
}

/// Number of snapshots for a given accuracy; see [`bound`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShadowBound {
    /// Number of snapshots in all groups together.
    pub snapshots: usize,
    /// Number of groups of the median of means.
    pub groups: usize,
}

/// Returns how many snapshots, in how many groups, estimate Pauli words of a weight to an accuracy: all of
/// `observables` words are within `accuracy` of their expectation values, with a probability of at least
/// `1 - failure_rate`.
///
/// Theorem 1 of Huang, Kueng and Preskill: `K = 2 ln(2 observables / failure_rate)` groups of `34 · 3^weight /
/// accuracy²` snapshots, both rounded up. The number depends neither on the qubits nor on the state. The
/// constants come from the proof: estimates are usually much closer.
///
/// ```
/// use candlewick::states::shadows;
/// let bound = shadows::bound(1, 1, 0.5, 0.1)?;
/// assert_eq!((bound.snapshots, bound.groups), (2_448, 6)); // 408 snapshots a group
/// # Ok::<(), candlewick::Error>(())
/// ```
///
/// # Errors
/// No observables; an accuracy that is not positive and finite, or that needs 2^53 snapshots or more; a failure rate
/// that is not between 0 and 1.
pub fn bound(weight: usize, observables: usize, accuracy: f64, failure_rate: f64) -> Result<ShadowBound> {
    let setting = |setting, value, allowed| Err(Error::Setting { of: "shadows::bound", setting, value, allowed });
    if observables == 0 {
        return setting("observables", 0.0, "1 or more");
    }
    if !(accuracy > 0.0 && accuracy.is_finite()) {
        return setting("accuracy", accuracy, "positive and finite");
    }
    if !(failure_rate > 0.0 && failure_rate < 1.0) {
        return setting("failure_rate", failure_rate, "between 0 and 1");
    }
    let groups = (2.0 * (2.0 * observables as f64 / failure_rate).ln()).ceil();
    let each = (34.0 * 3f64.powf(weight as f64) / accuracy.powi(2)).ceil();
    if groups * each >= 2f64.powi(53) {
        return setting("accuracy", accuracy, "large enough for fewer than 2^53 snapshots");
    }
    Ok(ShadowBound { snapshots: (groups * each) as usize, groups: groups as usize })
}
