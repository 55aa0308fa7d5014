//! The making of paths: which words there are and which pairs of them each turn turns.

use super::turns::{Angle, Turn};
use super::word::{Letter, Word};
use super::words::Words;

/// Limits of the words that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Largest weight of a word that a turn bears.
    pub(crate) weight: u32,
    /// Largest number of sines on a path to a word.
    pub(crate) sines: u32,
    /// Largest number of words while paths are made.
    pub(crate) terms: usize,
    /// Most bytes that the making may take.
    pub(crate) bytes: u64,
}

/// Words of a circuit's observables, and how its turns move them. A turn whose angle is θ, with C = cos θ and S = sin θ,
/// changes the coefficients c of the words, from the end of the circuit to its start.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    /// Number of words.
    pub(crate) terms: usize,
    /// Angles, each different.
    pub(crate) angles: Vec<Angle>,
    /// Turns, the last of the circuit first.
    pub(crate) steps: Vec<PathStep>,
    /// Words of each output with their coefficients.
    pub(crate) outputs: Vec<Vec<(u32, f64)>>,
    /// Turns of Bloch vectors at the start, in the circuit's order.
    pub(crate) start: Vec<StartTurn>,
    pub(crate) ends: Ends,
    /// Words that the limits left out, those included that would have come to nothing.
    pub(crate) left_out: usize,
}

/// Turn of all words that do not commute with its own.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct PathStep {
    /// Index of the angle.
    pub(crate) angle: usize,
    /// Words `[i, j]` of which j begins here: `c_j = S c_i`, `c_i = C c_i`.
    pub(crate) births: Vec<[u32; 2]>,
    /// Pairs `[i, j]`: `c_i = C c_i - S c_j`, `c_j = C c_j + S c_i`.
    pub(crate) pairs: Vec<[u32; 2]>,
    /// Words whose partner is left out or has no value: `c_i = C c_i`.
    pub(crate) cuts: Vec<u32>,
}

/// Turn of a qubit's Bloch vector about an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StartTurn {
    pub(crate) qubit: usize,
    pub(crate) axis: Letter,
    pub(crate) angle: usize,
}

/// Values of words at the start: products of Bloch components, as a tree of beginnings in alphabetical order.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// Node by node the node that it extends, and by which component: `3 qubit + letter`. Node 0 is 1.
    pub(crate) tree: Vec<(u32, u32)>,
    /// Words with a value: the word, whether it is negative, and its node.
    pub(crate) words: Vec<(u32, bool, u32)>,
}

/// Size at which the making stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooLarge {
    /// Number of words.
    Words(usize),
    /// Bytes of words, pairs and cuts.
    Bytes(u64),
}

/// Bytes of a pair or a cut; twice that, as a list that grows is copied.
const PAIR_BYTES: u64 = 2 * size_of::<[u32; 2]>() as u64;

impl PathStep {
    /// Number of births, pairs and cuts.
    fn moves(&self) -> usize {
        self.births.len() + self.pairs.len() + self.cuts.len()
    }
}

impl Paths {
    /// Makes the paths of observables, sums of words with their coefficients, through the turns of a circuit that begins
    /// in |0..0>.
    ///
    /// # Errors
    /// More words or bytes than the limits.
    pub(crate) fn new(
        qubits: usize,
        turns: &[Turn],
        outputs: &[Vec<(Word, f64)>],
        limits: Limits,
    ) -> Result<Self, TooLarge> {
        let mut making = Making { words: Words::new(qubits), paths: Self::default(), moves: 0, limits };
        let (rest, possible) = making.split(qubits, turns);
        for output in outputs {
            let sum = output.iter().map(|(word, coefficient)| (making.words.place(*word), *coefficient)).collect();
            making.paths.outputs.push(sum);
            making.check()?;
        }
        for turn in rest.iter().rev() {
            making.turn(turn)?;
        }
        let live = making.prune(&possible);
        Ok(making.numbered(&live, &possible))
    }

    /// Number of turned pairs.
    pub(crate) fn pairs(&self) -> usize {
        self.steps.iter().map(|step| step.births.len() + step.pairs.len()).sum()
    }

    /// Number of words at which a partner is left out or has no value.
    pub(crate) fn cuts(&self) -> usize {
        self.steps.iter().map(|step| step.cuts.len()).sum()
    }
}

/// Bloch components of each qubit that can be other than 0 behind the start.
type Possible = Vec<[bool; 3]>;

struct Making {
    words: Words,
    paths: Paths,
    /// Pairs and cuts of all steps.
    moves: u64,
    limits: Limits,
}

impl Making {
    fn check(&self) -> Result<(), TooLarge> {
        let words = self.words.len();
        let bytes = words as u64 * Words::BYTES + self.moves * PAIR_BYTES;
        match () {
            () if words > self.limits.terms.min(u32::MAX as usize) => Err(TooLarge::Words(words)),
            () if bytes > self.limits.bytes => Err(TooLarge::Bytes(bytes)),
            () => Ok(()),
        }
    }

    /// Index of an angle.
    fn angle(&mut self, angle: Angle) -> usize {
        let angles = &mut self.paths.angles;
        angles.iter().rposition(|known| *known == angle).unwrap_or_else(|| {
            angles.push(angle);
            angles.len() - 1
        })
    }

    /// Takes the start out of the turns: the turns of one qubit in front of the first that joins it to others.
    fn split(&mut self, qubits: usize, turns: &[Turn]) -> (Vec<Turn>, Possible) {
        let mut is_joined = vec![false; qubits];
        let mut possible = vec![[false, false, true]; qubits];
        let mut rest = Vec::new();
        for turn in turns {
            let mut letters = turn.word.letters();
            match (letters.next(), letters.next()) {
                (Some((qubit, axis)), None) if !is_joined[qubit] => {
                    let (a, b) = others(axis);
                    let components = &mut possible[qubit];
                    match turn.angle.quarters().map(|quarters| quarters % 2) {
                        Some(0) => {}
                        Some(_) => components.swap(a, b),
                        None => {
                            let either = components[a] || components[b];
                            (components[a], components[b]) = (either, either);
                        }
                    }
                    let angle = self.angle(turn.angle);
                    self.paths.start.push(StartTurn { qubit, axis, angle });
                }
                _ => {
                    turn.word.letters().for_each(|(qubit, _)| is_joined[qubit] = true);
                    rest.push(*turn);
                }
            }
        }
        (rest, possible)
    }

    /// Takes all words through a turn, from behind it to in front of it.
    fn turn(&mut self, Turn { word, angle }: &Turn) -> Result<(), TooLarge> {
        match angle.quarters() {
            Some(0) => {}
            Some(2) => self.words.half(word),
            Some(quarters) => self.words.quarter(word, quarters == 3),
            None => {
                let angle = self.angle(*angle);
                let step = self.branch(word, angle)?;
                if step.moves() > 0 {
                    self.moves += step.moves() as u64;
                    self.paths.steps.push(step);
                    self.check()?;
                }
            }
        }
        Ok(())
    }

    /// Pairs the words that do not commute with the word of a turn.
    fn branch(&mut self, generator: &Word, angle: usize) -> Result<PathStep, TooLarge> {
        let mut step = PathStep { angle, ..PathStep::default() };
        let hash = self.words.hash(generator);
        let before = self.words.len() as u32;
        for i in self.words.hits(generator) {
            let old = self.words.word(i);
            let minus = generator.turn_is_negative(&old) ^ self.words.minus[i as usize];
            match self.words.partner(i, hash) {
                // It was paired when its partner came, or it was born of it.
                Some(j) if j < i || j >= before => {}
                Some(j) => {
                    let [a, b] = [i, j].map(|at| self.words.sines[at as usize]);
                    self.words.sines[i as usize] = a.min(b.saturating_add(1));
                    self.words.sines[j as usize] = b.min(a.saturating_add(1));
                    step.pairs.push(if minus == self.words.minus[j as usize] { [i, j] } else { [j, i] });
                }
                None => {
                    let new = generator.times(&old);
                    if new.weight() > self.limits.weight || self.words.sines[i as usize] >= self.limits.sines {
                        step.cuts.push(i);
                    } else {
                        step.births.push([i, self.words.born(i, new, hash, minus)]);
                        self.check()?;
                    }
                }
            }
        }
        Ok(step)
    }

    /// Drops what has no way to a word with a value, from the start on. Returns the words that are left.
    fn prune(&mut self, possible: &Possible) -> Vec<bool> {
        let has_value = |index: usize| has_value(&self.words.word(index as u32), possible);
        let mut live: Vec<bool> = (0..self.words.len()).map(has_value).collect();
        let mut ever = live.clone();
        for step in self.paths.steps.iter_mut().rev() {
            self.paths.left_out += step.cuts.len();
            step.cuts.retain(|i| live[*i as usize]);
            step.pairs.retain(|pair| {
                let either = pair.iter().any(|at| live[*at as usize]);
                pair.iter().for_each(|at| live[*at as usize] = either);
                pair.iter().for_each(|at| ever[*at as usize] |= either);
                either
            });
            let (births, cuts) = (&mut step.births, &mut step.cuts);
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
        self.paths.steps.retain(|step| step.moves() > 0);
        ever
    }

    /// Numbers the words that are left, and lists their values at the start.
    fn numbered(self, live: &[bool], possible: &Possible) -> Paths {
        let Self { words, mut paths, .. } = self;
        let mut numbers = vec![u32::MAX; live.len()];
        let mut spelled: Vec<(Vec<u32>, u32, bool)> = Vec::new();
        for index in (0..live.len()).filter(|index| live[*index]) {
            let word = words.word(index as u32);
            numbers[index] = paths.terms as u32;
            if has_value(&word, possible) {
                let letters = word.letters().map(|(qubit, letter)| 3 * qubit as u32 + letter as u32).collect();
                spelled.push((letters, paths.terms as u32, words.minus[index]));
            }
            paths.terms += 1;
        }
        drop(words);
        paths.ends = Ends::new(spelled);
        let renumber = |at: &mut u32| *at = numbers[*at as usize];
        for step in &mut paths.steps {
            step.births.iter_mut().chain(&mut step.pairs).flatten().chain(&mut step.cuts).for_each(renumber);
        }
        for sum in &mut paths.outputs {
            sum.retain(|(at, _)| numbers[*at as usize] != u32::MAX);
            sum.iter_mut().for_each(|(at, _)| renumber(at));
        }
        paths
    }
}

impl Ends {
    /// Makes the tree of words that are spelled as components.
    fn new(mut spelled: Vec<(Vec<u32>, u32, bool)>) -> Self {
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

/// Whether a word can have a value other than 0 at the start.
fn has_value(word: &Word, possible: &Possible) -> bool {
    word.letters().all(|(qubit, letter)| possible[qubit][letter as usize])
}
