//! Paths as sweeps read them: words, and how turns and factors move them.

use super::ends::Ends;
use super::numbers::{Angle, Coefficient};
use crate::observable::Letter;

/// Words of a circuit's observables, and how its turns move them. A turn whose angle is θ, with C = cos θ and S = sin θ,
/// changes the coefficients c of the words, from the end of the circuit to its start.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    /// Number of words.
    pub(crate) terms: usize,
    /// Angles, each different.
    pub(crate) angles: Vec<Angle>,
    /// Coefficients of channels and cuts, each different.
    pub(crate) coefficients: Vec<Coefficient>,
    /// Angles with the powers of their cosines, of the coefficients of cuts.
    pub(crate) cosines: Vec<(u32, u32)>,
    /// Turns and channels, the last of the circuit first.
    pub(crate) steps: Vec<PathStep>,
    /// Words of each output with their coefficients.
    pub(crate) outputs: Vec<Vec<(u32, f64)>>,
    /// Turns and channels of Bloch vectors at the start, in the circuit's order.
    pub(crate) start: Vec<StartStep>,
    pub(crate) ends: Ends,
    /// Words that the limits left out, those included that would have come to nothing.
    pub(crate) left_out: usize,
    /// Words left out at a turn of a word that is itself heavier than the limit: Clifford gates have made it so, or an
    /// observable begins so.
    pub(crate) of_heavy: usize,
    /// Output whose own words are too heavy for any turn to bear a word of them, and the weight of one of them.
    pub(crate) stuck: Option<(usize, u32)>,
}

/// Step of all words that it changes.
#[derive(Debug, PartialEq)]
pub(crate) enum PathStep {
    Turn(TurnStep),
    Factors(FactorStep),
}

/// Lists of the words that a coefficient acts on, by its index.
pub(crate) type ByCoefficient<T> = Vec<(usize, Vec<T>)>;

/// Channel, or cuts, on all words that they change.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct FactorStep {
    /// Coefficient by coefficient, words i with `c_i = f c_i`.
    pub(crate) factors: ByCoefficient<u32>,
    /// Coefficient by coefficient, words `[i, j]` with `c_j = c_j + s c_i`, or minus that. No j is multiplied here.
    pub(crate) shifts: ByCoefficient<([u32; 2], bool)>,
    /// Words that begin here.
    pub(crate) born: Vec<u32>,
}

/// Turn of all words that do not commute with its own.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct TurnStep {
    /// Index of the angle.
    pub(crate) angle: usize,
    /// Words `[i, j]` of which j begins here: `c_j = S c_i`, `c_i = C c_i`.
    pub(crate) births: Vec<[u32; 2]>,
    /// Pairs `[i, j]`: `c_i = C c_i - S c_j`, `c_j = C c_j + S c_i`.
    pub(crate) pairs: Vec<[u32; 2]>,
    /// Words whose partner is left out or has no value: `c_i = C c_i`. [`Paths::merge_cuts`] makes factors of them.
    pub(super) cuts: Vec<u32>,
}

/// Step of a qubit's Bloch vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum StartStep {
    /// Turn about an axis.
    Turn { qubit: usize, axis: Letter, angle: usize },
    /// Channel: a factor of each component, and a number added to it.
    Channel { qubit: usize, factors: [usize; 3], shifts: [Option<usize>; 3] },
}

impl PathStep {
    /// Number of births, pairs and cuts, or of factors and shifts.
    pub(super) fn moves(&self) -> usize {
        match self {
            Self::Turn(step) => step.births.len() + step.pairs.len() + step.cuts.len(),
            Self::Factors(step) => {
                let factors = step.factors.iter().map(|(_, words)| words.len());
                factors.chain(step.shifts.iter().map(|(_, words)| words.len())).sum()
            }
        }
    }

    /// Passes each word to `of` that the step changes otherwise than by a cut.
    pub(super) fn each_moved(&self, mut of: impl FnMut(u32)) {
        match self {
            Self::Turn(step) => step.births.iter().chain(&step.pairs).flatten().for_each(|word| of(*word)),
            Self::Factors(step) => {
                step.factors.iter().flat_map(|(_, words)| words).for_each(|word| of(*word));
                step.shifts.iter().flat_map(|(_, words)| words).flat_map(|(pair, _)| pair).for_each(|word| of(*word));
            }
        }
    }

    /// Passes the number of each word to `of`.
    pub(super) fn renumber(&mut self, mut of: impl FnMut(&mut u32)) {
        match self {
            Self::Turn(step) => {
                step.births.iter_mut().chain(&mut step.pairs).flatten().chain(&mut step.cuts).for_each(of);
            }
            Self::Factors(step) => {
                step.factors.iter_mut().flat_map(|(_, words)| words).chain(&mut step.born).for_each(&mut of);
                step.shifts.iter_mut().flat_map(|(_, words)| words).flat_map(|(pair, _)| pair).for_each(of);
            }
        }
    }
}

impl Paths {
    /// Number of pairs that are turned, and of words that channels change.
    pub(crate) fn work(&self) -> usize {
        self.steps.iter().map(PathStep::moves).sum()
    }

    /// Number of words whose values a gradient needs as they were: those that cuts and channels multiply.
    pub(crate) fn kept(&self) -> usize {
        let of = |step: &PathStep| match step {
            PathStep::Turn(_) => 0,
            PathStep::Factors(step) => step.factors.iter().map(|(_, words)| words.len()).sum(),
        };
        self.steps.iter().map(of).sum()
    }
}

/// Components that a turn about an axis mixes, the first turning towards the second.
pub(crate) fn others(axis: Letter) -> (usize, usize) {
    ((axis as usize + 1) % 3, (axis as usize + 2) % 3)
}
