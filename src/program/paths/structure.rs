//! Paths: words, and how turns and channels move them, as sweeps read it.

use super::channels::Coefficient;
use super::turns::Angle;
use crate::observable::Letter;
use std::collections::{BTreeMap, HashMap};

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
    /// Words whose partner is left out or has no value: `c_i = C c_i`. In paths that are made, they are factors of a
    /// [`ChannelStep`].
    pub(super) cuts: Vec<u32>,
}

/// Step of a qubit's Bloch vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum StartStep {
    /// Turn about an axis.
    Turn { qubit: usize, axis: Letter, angle: usize },
    /// Factor of each component, and what is added to it.
    Channel { qubit: usize, factors: [usize; 3], shifts: [Option<usize>; 3] },
}

/// Values of words at the start: products of Bloch components. A word is two halves, a beginning and an end, of which
/// there are far fewer than words; halves are a tree of beginnings of theirs, in alphabetical order.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// Node by node the node that it extends, and by which component: `3 qubit + letter`. Node 0 is 1.
    pub(crate) tree: Vec<(u32, u32)>,
    /// Words with a value: the word, whether it is negative, and the nodes of its halves.
    pub(crate) words: Vec<(u32, bool, [u32; 2])>,
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

    /// Passes each word to `of` that the step changes otherwise than by a cut.
    fn each_moved(&self, mut of: impl FnMut(u32)) {
        match self {
            Self::Turn(step) => step.births.iter().chain(&step.pairs).flatten().for_each(|word| of(*word)),
            Self::Channel(step) => {
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

    /// Number of words whose values a gradient needs as they were: those that cuts and channels multiply.
    pub(crate) fn kept(&self) -> usize {
        let of = |step: &PathStep| match step {
            PathStep::Turn(_) => 0,
            PathStep::Channel(step) => step.factors.iter().map(|(_, words)| words.len()).sum(),
        };
        self.steps.iter().map(of).sum()
    }
}

/// Cuts of words that nothing else has touched since.
struct Pending {
    /// Angle of each word's cuts, and their number, if all have the same angle.
    same: Vec<(u32, u32)>,
    /// Angles of the cuts of words that have several.
    several: HashMap<u32, Vec<u32>>,
    /// Coefficient of each product of cosines.
    known: HashMap<Vec<(u32, u32)>, usize>,
}

impl Pending {
    /// Notes a cut of a word.
    fn add(&mut self, word: u32, angle: u32) {
        match &mut self.same[word as usize] {
            (same, count) if *count == 0 || *same == angle => (*same, *count) = (angle, *count + 1),
            _ => self.several.entry(word).or_default().push(angle),
        }
    }

    /// Takes the cuts of a word as a factor of a step.
    fn flush(&mut self, word: u32, paths: &mut Paths, step: &mut BTreeMap<usize, Vec<u32>>) {
        let (angle, count) = std::mem::take(&mut self.same[word as usize]);
        if count == 0 {
            return;
        }
        let mut powers = vec![(angle, count)];
        if let Some(several) = self.several.remove(&word) {
            several.into_iter().for_each(|angle| match powers.iter_mut().find(|(known, _)| *known == angle) {
                Some((_, count)) => *count += 1,
                None => powers.push((angle, 1)),
            });
            powers.sort_unstable();
        }
        let coefficient = self.known.get(&powers).copied().unwrap_or_else(|| {
            let (first, count) = (paths.cosines.len() as u32, powers.len() as u32);
            paths.cosines.extend(&powers);
            paths.coefficients.push(Coefficient::Cosines { first, count });
            self.known.insert(powers, paths.coefficients.len() - 1);
            paths.coefficients.len() - 1
        });
        step.entry(coefficient).or_default().push(word);
    }
}

impl Paths {
    /// Makes one factor of all cuts of a word between two other steps of it. A word beyond the limit of the weight is cut
    /// by every turn that hits it.
    pub(super) fn merge_cuts(&mut self) {
        let (several, known) = (HashMap::new(), HashMap::new());
        let mut pending = Pending { same: vec![(0, 0); self.terms], several, known };
        let mut merged = Vec::new();
        for mut step in std::mem::take(&mut self.steps) {
            let mut factors = BTreeMap::new();
            step.each_moved(|word| pending.flush(word, self, &mut factors));
            push_factors(&mut merged, factors);
            if let PathStep::Turn(turn) = &mut step {
                turn.cuts.drain(..).for_each(|word| pending.add(word, turn.angle as u32));
            }
            if step.moves() > 0 {
                merged.push(step);
            }
        }
        let mut factors = BTreeMap::new();
        (0..self.terms as u32).for_each(|word| pending.flush(word, self, &mut factors));
        push_factors(&mut merged, factors);
        self.steps = merged;
    }
}

fn push_factors(steps: &mut Vec<PathStep>, factors: BTreeMap<usize, Vec<u32>>) {
    if !factors.is_empty() {
        let factors = factors.into_iter().collect();
        steps.push(PathStep::Channel(ChannelStep { factors, ..ChannelStep::default() }));
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
    pub(super) fn new(spelled: &[(Vec<u32>, u32, bool)]) -> Self {
        let halves = |letters: &'_ [u32]| letters.len().div_ceil(2);
        let mut nodes: HashMap<&[u32], u32> = HashMap::new();
        for (letters, ..) in spelled {
            let (beginning, end) = letters.split_at(halves(letters));
            nodes.entry(beginning).or_default();
            nodes.entry(end).or_default();
        }
        let mut different: Vec<(&&[u32], &mut u32)> = nodes.iter_mut().collect();
        different.sort_unstable();
        let mut ends = Self { tree: vec![(0, 0)], words: Vec::with_capacity(spelled.len()) };
        let (mut path, mut before) = (vec![0u32], &[][..]);
        for (letters, node) in different {
            let shared = letters.iter().zip(before).take_while(|(a, b)| a == b).count();
            path.truncate(1 + shared);
            for component in &letters[shared..] {
                ends.tree.push((path[path.len() - 1], *component));
                path.push(ends.tree.len() as u32 - 1);
            }
            (*node, before) = (path[path.len() - 1], letters);
        }
        for (letters, index, minus) in spelled {
            let (beginning, end) = letters.split_at(halves(letters));
            ends.words.push((*index, *minus, [nodes[beginning], nodes[end]]));
        }
        ends.words.sort_unstable_by_key(|(index, _, nodes)| (*nodes, *index));
        ends
    }
}

/// Components that a turn about an axis mixes, the first turning towards the second.
pub(crate) fn others(axis: Letter) -> (usize, usize) {
    ((axis as usize + 1) % 3, (axis as usize + 2) % 3)
}
