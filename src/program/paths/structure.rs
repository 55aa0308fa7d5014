//! Paths: words, and how turns and channels move them, as sweeps read it.

use super::channels::Coefficient;
use super::turns::Angle;
use crate::observable::Letter;

/// Words of a circuit's observables, and how its turns move them. A turn whose angle is θ, with C = cos θ and S = sin θ,
/// changes the coefficients c of the words, from the end of the circuit to its start.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    /// Number of words.
    pub(crate) terms: usize,
    /// Angles, each different.
    pub(crate) angles: Vec<Angle>,
    /// Coefficients of channels, each different.
    pub(crate) coefficients: Vec<Coefficient>,
    /// Turns and channels, the last of the circuit first.
    pub(crate) steps: Vec<PathStep>,
    /// Words of each output with their coefficients.
    pub(crate) outputs: Vec<Vec<(u32, f64)>>,
    /// Turns and channels of Bloch vectors at the start, in the circuit's order.
    pub(crate) start: Vec<StartStep>,
    pub(crate) ends: Ends,
    /// Words that the limits left out, those included that would have come to nothing.
    pub(crate) left_out: usize,
    /// Those among them whose parents were beyond the limit of the weight already: Clifford gates had made them so, or
    /// an observable began so.
    pub(crate) of_heavy: usize,
    /// Output whose own words are too heavy for any turn to bear a word of them, and the weight of one of them.
    pub(crate) stuck: Option<(usize, u32)>,
}

/// Turn or channel on all words that it changes.
#[derive(Debug, PartialEq)]
pub(crate) enum PathStep {
    Turn(TurnStep),
    Channel(ChannelStep),
}

/// Lists of the words that a coefficient acts on, by its index.
pub(crate) type ByCoefficient<T> = Vec<(usize, Vec<T>)>;

/// Channel on all words that it changes.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ChannelStep {
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
    /// Words whose partner is left out or has no value: `c_i = C c_i`.
    pub(crate) cuts: Vec<u32>,
}

/// Step of a qubit's Bloch vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum StartStep {
    /// Turn about an axis.
    Turn { qubit: usize, axis: Letter, angle: usize },
    /// Factor of each component, and what is added to it.
    Channel { qubit: usize, factors: [usize; 3], shifts: [Option<usize>; 3] },
}

/// Values of words at the start: products of Bloch components, as a tree of beginnings in alphabetical order.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// Node by node the node that it extends, and by which component: `3 qubit + letter`. Node 0 is 1.
    pub(crate) tree: Vec<(u32, u32)>,
    /// Words with a value: the word, whether it is negative, and its node.
    pub(crate) words: Vec<(u32, bool, u32)>,
}

impl PathStep {
    /// Number of births, pairs and cuts, or of factors and shifts.
    pub(super) fn moves(&self) -> usize {
        match self {
            Self::Turn(step) => step.births.len() + step.pairs.len() + step.cuts.len(),
            Self::Channel(step) => {
                let factors = step.factors.iter().map(|(_, words)| words.len());
                factors.chain(step.shifts.iter().map(|(_, words)| words.len())).sum()
            }
        }
    }

    /// Passes the number of each word to `of`.
    pub(super) fn renumber(&mut self, mut of: impl FnMut(&mut u32)) {
        match self {
            Self::Turn(step) => {
                step.births.iter_mut().chain(&mut step.pairs).flatten().chain(&mut step.cuts).for_each(of);
            }
            Self::Channel(step) => {
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

    /// Number of words whose values a gradient needs as they were: those at cuts, and those that channels multiply.
    pub(crate) fn kept(&self) -> usize {
        let of = |step: &PathStep| match step {
            PathStep::Turn(step) => step.cuts.len(),
            PathStep::Channel(step) => step.factors.iter().map(|(_, words)| words.len()).sum(),
        };
        self.steps.iter().map(of).sum()
    }
}

impl TurnStep {
    /// Drops words without a value in front of the turn; `live` has those with one, and becomes that behind the turn.
    /// `ever` gathers them.
    pub(super) fn prune(&mut self, live: &mut [bool], ever: &mut [bool]) {
        self.cuts.retain(|i| live[*i as usize]);
        self.pairs.retain(|pair| {
            let either = pair.iter().any(|at| live[*at as usize]);
            pair.iter().for_each(|at| live[*at as usize] = either);
            pair.iter().for_each(|at| ever[*at as usize] |= either);
            either
        });
        let (births, cuts) = (&mut self.births, &mut self.cuts);
        births.retain(|[i, j]| {
            let [parent, child] = [i, j].map(|at| live[*at as usize]);
            live[*j as usize] = false;
            live[*i as usize] |= child;
            ever[*i as usize] |= child;
            if parent && !child {
                cuts.push(*i);
            }
            child
        });
    }
}

impl ChannelStep {
    /// Drops words as [`TurnStep::prune`] does.
    pub(super) fn prune(&mut self, live: &mut [bool], ever: &mut [bool]) {
        self.factors.iter_mut().for_each(|(_, words)| words.retain(|i| live[*i as usize]));
        self.shifts.iter_mut().for_each(|(_, words)| words.retain(|([_, j], _)| live[*j as usize]));
        for ([i, _], _) in self.shifts.iter().flat_map(|(_, words)| words) {
            (live[*i as usize], ever[*i as usize]) = (true, true);
        }
        self.born.retain(|j| std::mem::take(&mut live[*j as usize]));
        self.factors.retain(|(_, words)| !words.is_empty());
        self.shifts.retain(|(_, words)| !words.is_empty());
    }
}

impl Ends {
    /// Makes the tree of words that are spelled as components.
    pub(super) fn new(mut spelled: Vec<(Vec<u32>, u32, bool)>) -> Self {
        spelled.sort_unstable();
        let mut ends = Self { tree: vec![(0, 0)], words: Vec::with_capacity(spelled.len()) };
        let (mut path, mut before) = (vec![0u32], Vec::new());
        for (letters, index, minus) in spelled {
            let shared = letters.iter().zip(&before).take_while(|(a, b)| a == b).count();
            path.truncate(1 + shared);
            for component in &letters[shared..] {
                ends.tree.push((path[path.len() - 1], *component));
                path.push(ends.tree.len() as u32 - 1);
            }
            ends.words.push((index, minus, path[path.len() - 1]));
            before = letters;
        }
        ends
    }
}

/// Components that a turn about an axis mixes, the first turning towards the second.
pub(crate) fn others(axis: Letter) -> (usize, usize) {
    ((axis as usize + 1) % 3, (axis as usize + 2) % 3)
}
