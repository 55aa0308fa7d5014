//! Lowering of measurements: observables become sums, whose Pauli terms are grouped by their x-masks.
//!
//! A constant is separate. Its gradient is 0, but as a term it would add a multiple of ψ to λ, and in F32 the rounding
//! of this multiple would cover the digits of the other terms. `<ψ|ψ>` differs from 1 by rounding alone.

use super::Parity;
use crate::gf2;
use crate::linalg::masks_of_word;
use crate::mask::Mask;
use crate::measurement::Measurement;
use crate::observable::{Observable, Part};
use std::ops::Range;

/// Quantities of a final state whose values stand side by side in the outputs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Readout<M = u64> {
    /// Quantities in the order in which engines read them: expectation values first, because a block of samples reads
    /// the Z words of the first quantity from tables.
    pub(crate) quantities: Vec<Columns<M>>,
}

/// Quantity, and the outputs that are its values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Columns<M = u64> {
    /// First of the outputs.
    pub(crate) first: usize,
    /// Number of the outputs.
    pub(crate) count: usize,
    pub(crate) quantity: Quantity<M>,
}

/// Quantity of a final state, in a program's terms.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Quantity<M = u64> {
    /// Expectation values, as one sum with all outputs.
    Expectation(Sum<M>),
    /// Variances, as a sum with one output for each observable.
    Variance(Vec<Sum<M>>),
    /// Probabilities of the basis states of these qubits; the first qubit is the low bit of an output's index.
    Probabilities(Vec<usize>),
    /// All amplitudes.
    State,
}

/// Observables as operators that one sweep over the state evaluates.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Sum<M = u64> {
    /// Number of observables.
    pub(crate) outputs: usize,
    /// Coefficient of the identity in each observable. It is part of the expectation value, but of no variance and no
    /// gradient.
    pub(crate) constants: Vec<f64>,
    /// Pauli words, grouped by their x-mask, in ascending order.
    pub(crate) x_groups: Vec<XMaskGroup<M>>,
    /// Output, coefficient and part, for all parts that are no Pauli words.
    pub(crate) parts: Vec<(usize, f64, Part<M>)>,
}

/// All Pauli terms with the same x-mask.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct XMaskGroup<M = u64> {
    pub(crate) x: M,
    pub(crate) terms: Vec<PauliTerm<M>>,
}

/// Term `coefficient * i^quarter_turns * (-1)^|basis index & z|` of an output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PauliTerm<M = u64> {
    pub(crate) output: usize,
    pub(crate) z: M,
    pub(crate) coefficient: f64,
    /// Number of letters Y modulo 4.
    pub(crate) quarter_turns: u32,
}

impl<M> Default for Readout<M> {
    fn default() -> Self {
        Self { quantities: Vec::new() }
    }
}

impl<M: Mask> Readout<M> {
    /// Lowers the measurement of a state of `qubits` qubits.
    pub(super) fn new(measurement: &Measurement, qubits: usize) -> Self {
        let (mut quantities, mut first) = (Vec::new(), 0usize);
        // One sweep over the state serves all expectation values that stand side by side.
        for group in measurement.parts().chunk_by(|one, next| one.is_expectation() && next.is_expectation()) {
            let count = group.iter().fold(0, |sum: usize, part| sum.saturating_add(part.outputs(qubits)));
            quantities.push(Columns { first, count, quantity: Quantity::new(group) });
            first = first.saturating_add(count);
        }
        // The sort is stable, so the order follows from the measurement alone.
        quantities.sort_by_key(|columns| !matches!(columns.quantity, Quantity::Expectation(_)));
        Self { quantities }
    }

    /// Readout with the outputs and constants of this one, and no words.
    pub(super) fn without_words<N>(&self) -> Readout<N> {
        let columns = |columns: &Columns<M>| Columns {
            first: columns.first,
            count: columns.count,
            quantity: columns.quantity.without_words(),
        };
        Readout { quantities: self.quantities.iter().map(columns).collect() }
    }
}

impl Readout {
    /// Readout of a state of `qubits` qubits as amplitudes.
    pub(super) fn state(qubits: usize) -> Self {
        Self::new(&Measurement::State, qubits)
    }

    /// Readout of a state of `qubits` qubits as the numbers of all words, in the order of
    /// [`masks_of_word`](crate::linalg::masks_of_word).
    pub(super) fn words(qubits: usize) -> Self {
        let count = 1 << (2 * qubits);
        let mut sum = Sum { outputs: count, constants: vec![0.0; count], ..Sum::default() };
        sum.constants[0] = 1.0;
        sum.x_groups = (0..1u64 << qubits).map(|x| XMaskGroup { x, terms: Vec::new() }).collect();
        for output in 1..count {
            let (x, z) = masks_of_word(output);
            let quarter_turns = (x & z).count_ones() % 4;
            sum.x_groups[x].terms.push(PauliTerm { output, z: z as u64, coefficient: 1.0, quarter_turns });
        }
        Self { quantities: vec![Columns { first: 0, count, quantity: Quantity::Expectation(sum) }] }
    }

    /// The quantity, if there is no other.
    pub(crate) fn single(&self) -> Option<&Quantity> {
        if let [columns] = &self.quantities[..] { Some(&columns.quantity) } else { None }
    }

    /// Whether a quantity is a variance.
    pub(crate) fn has_variances(&self) -> bool {
        self.quantities.iter().any(|columns| matches!(columns.quantity, Quantity::Variance(_)))
    }

    /// Whether all quantities are sums of Pauli words, which can be read in stored indices.
    pub(super) fn has_words_alone(&self) -> bool {
        self.quantities.iter().all(|columns| columns.quantity.has_words_alone())
    }

    /// Readout with its sums [in other indices](Sum::moved); all other quantities read logical indices.
    pub(crate) fn moved(&self, parity: impl Fn(u64) -> Parity, flip_mask: impl Fn(u64) -> u64) -> Self {
        self.map(|quantity| quantity.map_sums(|sum| sum.moved(&parity, &flip_mask)))
    }

    /// Mask of the qubits that the readout reads, or `None` if global phases change the readout.
    pub(super) fn support(&self) -> Option<u64> {
        self.quantities.iter().try_fold(0, |mask, columns| Some(mask | columns.quantity.support()?))
    }

    /// Whether the readout, in stored indices, is independent of all phases of the amplitudes.
    pub(super) fn sees_no_phases(&self) -> bool {
        self.quantities.iter().all(|columns| columns.quantity.sees_no_phases())
    }

    /// Readout without the constant of each output. Differences of outputs need no constants, and a constant would cost
    /// digits.
    pub(super) fn without_constants(&self) -> Self {
        self.map(|quantity| quantity.map_sums(|sum| sum.clone().without_constants()))
    }

    pub(super) fn map(&self, of: impl Fn(&Quantity) -> Quantity) -> Self {
        let columns = |columns: &Columns| Columns { quantity: of(&columns.quantity), ..*columns };
        Self { quantities: self.quantities.iter().map(columns).collect() }
    }
}

impl<M> Columns<M> {
    /// Outputs that are the quantity's values.
    pub(crate) fn outputs(&self) -> Range<usize> {
        self.first..self.first.saturating_add(self.count)
    }
}

impl<M: Mask> Quantity<M> {
    /// Lowers neighbouring measurements: expectation values, or a single measurement.
    fn new(group: &[Measurement]) -> Self {
        match &group[0] {
            Measurement::Expectation(_) => {
                Self::Expectation(Sum::new(&group.iter().flat_map(Measurement::observables).collect::<Vec<_>>()))
            }
            Measurement::Variance(observables) => {
                Self::Variance(observables.iter().map(|one| Sum::new(&[one]).without_constants()).collect())
            }
            Measurement::Probabilities(qubits) => Self::Probabilities(qubits.clone()),
            Measurement::State => Self::State,
            Measurement::All(_) | Measurement::Postselected(_) | Measurement::DensityMatrix => {
                unreachable!("a part is no list, and engines know no conditions and no density matrices")
            }
        }
    }

    fn without_words<N>(&self) -> Quantity<N> {
        let without = |sum: &Sum<M>| Sum {
            outputs: sum.outputs,
            constants: sum.constants.clone(),
            x_groups: Vec::new(),
            parts: Vec::new(),
        };
        match self {
            Self::Expectation(sum) => Quantity::Expectation(without(sum)),
            Self::Variance(sums) => Quantity::Variance(sums.iter().map(without).collect()),
            Self::Probabilities(qubits) => Quantity::Probabilities(qubits.clone()),
            Self::State => Quantity::State,
        }
    }
}

impl Quantity {
    /// Sums that the quantity evaluates.
    fn sums(&self) -> &[Sum] {
        match self {
            Self::Expectation(sum) => std::slice::from_ref(sum),
            Self::Variance(sums) => sums,
            Self::Probabilities(_) | Self::State => &[],
        }
    }

    pub(super) fn map_sums(&self, of: impl Fn(&Sum) -> Sum) -> Self {
        match self {
            Self::Expectation(sum) => Self::Expectation(of(sum)),
            Self::Variance(sums) => Self::Variance(sums.iter().map(of).collect()),
            Self::Probabilities(_) | Self::State => self.clone(),
        }
    }

    fn has_words_alone(&self) -> bool {
        match self {
            Self::Expectation(_) | Self::Variance(_) => self.sums().iter().all(|sum| sum.parts.is_empty()),
            Self::Probabilities(_) | Self::State => false,
        }
    }

    fn support(&self) -> Option<u64> {
        match self {
            Self::Expectation(_) | Self::Variance(_) => {
                Some(self.sums().iter().fold(0, |mask, sum| mask | sum.support()))
            }
            Self::Probabilities(qubits) => Some(gf2::mask(qubits)),
            Self::State => None,
        }
    }

    fn sees_no_phases(&self) -> bool {
        match self {
            Self::Expectation(_) | Self::Variance(_) => self.sums().iter().all(Sum::is_diagonal),
            Self::Probabilities(_) | Self::State => false,
        }
    }
}

impl<M: Mask> Sum<M> {
    fn new(observables: &[&Observable]) -> Self {
        let outputs = observables.len();
        let constants = vec![0.0; outputs];
        let mut sum = Self { outputs, constants, x_groups: Vec::new(), parts: Vec::new() };
        for (output, observable) in observables.iter().enumerate() {
            for (word, coefficient) in observable.words() {
                if word.is_identity() {
                    sum.constants[output] += coefficient;
                    continue;
                }
                let (x, z, quarter_turns) = (M::of_wide(word.x), M::of_wide(word.z), word.y_count() % 4);
                let term = PauliTerm { output, z, coefficient, quarter_turns };
                match sum.x_groups.binary_search_by_key(&x, |x_group| x_group.x) {
                    Ok(at) => sum.x_groups[at].terms.push(term),
                    Err(at) => sum.x_groups.insert(at, XMaskGroup { x, terms: vec![term] }),
                }
            }
            sum.parts.extend(observable.parts().iter().map(|(c, part)| (output, *c, part.narrowed())));
        }
        sum
    }

    fn without_constants(self) -> Self {
        Self { constants: vec![0.0; self.outputs], ..self }
    }
}

impl Sum {
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
