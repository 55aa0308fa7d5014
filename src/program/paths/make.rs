//! The making of paths: which words there are and which pairs of them each turn turns.

use super::channels::Channel;
use super::ends::Ends;
use super::numbers::{Angle, Coefficient};
use super::structure::{ByCoefficient, FactorStep, PathStep, Paths, StartStep, TurnStep, others};
use super::turns::{Move, Turn};
use super::words::Words;
use crate::mask::Mask;
use crate::observable::{Letter, PauliWord};
use std::collections::HashMap;

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

impl Paths {
    /// Makes the paths of observables, sums of words with their coefficients, through the turns of a circuit that begins
    /// in |0..0>.
    ///
    /// # Errors
    /// More words or bytes than the limits.
    pub(crate) fn new(
        qubits: usize,
        moves: &[Move],
        outputs: &[Vec<(PauliWord, f64)>],
        limits: Limits,
    ) -> Result<Self, TooLarge> {
        let mut making = Making::new(qubits, limits);
        let (rest, possible) = making.split(qubits, moves);
        for output in outputs {
            let sum = output.iter().map(|(word, coefficient)| (making.words.place(*word), *coefficient)).collect();
            making.paths.outputs.push(sum);
            making.check()?;
        }
        making.roots = vec![Root::default(); making.words.len()];
        for step in rest.iter().rev() {
            match step {
                Move::Turn(turn) => making.turn(turn)?,
                Move::Channel(channel) => making.channel(channel)?,
            }
        }
        making.find_stuck();
        let live = making.prune(&possible);
        let mut paths = making.numbered(&live, &possible);
        paths.merge_cuts();
        Ok(paths)
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
    /// Fate of each word with which an output begins.
    roots: Vec<Root>,
    /// Indices of angles, by their bits.
    angles: HashMap<[u64; 3], usize>,
    /// Indices of coefficients, by their bits.
    coefficients: HashMap<[u64; 4], usize>,
}

/// Fate of a word with which an output begins.
#[derive(Debug, Clone, Copy, Default)]
struct Root {
    /// Whether a turn has turned it to another word.
    is_turned: bool,
    /// Its weight at a turn whose word was left out.
    heavy: Option<u32>,
}

/// Returns the list of a coefficient.
fn grouped<T>(groups: &mut ByCoefficient<T>, coefficient: usize) -> &mut Vec<T> {
    let at = groups.iter().position(|(known, _)| *known == coefficient).unwrap_or_else(|| {
        groups.push((coefficient, Vec::new()));
        groups.len() - 1
    });
    &mut groups[at].1
}

impl Making {
    fn new(qubits: usize, limits: Limits) -> Self {
        let (words, paths) = (Words::new(qubits), Paths::default());
        Self { words, paths, moves: 0, limits, roots: Vec::new(), angles: HashMap::new(), coefficients: HashMap::new() }
    }

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
        let key = match angle {
            Angle::Slot { slot, factor } => [0, slot as u64, factor.to_bits()],
            Angle::Constant(angle) => [1, 0, angle.to_bits()],
        };
        *self.angles.entry(key).or_insert_with(|| {
            self.paths.angles.push(angle);
            self.paths.angles.len() - 1
        })
    }

    /// Index of a coefficient.
    fn coefficient(&mut self, coefficient: Coefficient) -> usize {
        let key = match coefficient {
            Coefficient::Slot { slot, scale, offset } => [0, slot as u64, scale.to_bits(), offset.to_bits()],
            Coefficient::Constant(value) => [1, 0, 0, value.to_bits()],
            Coefficient::Cosines { first, count } => [2, 0, first.into(), count.into()],
        };
        *self.coefficients.entry(key).or_insert_with(|| {
            self.paths.coefficients.push(coefficient);
            self.paths.coefficients.len() - 1
        })
    }

    /// Separates the start: moves of one qubit, in front of the first move that joins the qubit to others.
    fn split(&mut self, qubits: usize, moves: &[Move]) -> (Vec<Move>, Possible) {
        let mut is_joined = vec![false; qubits];
        let mut possible = vec![[false, false, true]; qubits];
        let mut rest = Vec::new();
        for step in moves {
            let alone = step.alone().filter(|qubit| !is_joined[*qubit]);
            let Some(qubit) = alone else {
                step.qubits().qubits().for_each(|qubit| is_joined[qubit] = true);
                rest.push(step.clone());
                continue;
            };
            let components = &mut possible[qubit];
            let start = match step {
                Move::Turn(Turn { word, angle }) => {
                    let axis = word.letter(qubit).unwrap_or(Letter::Z);
                    let (a, b) = others(axis);
                    match angle.quarters().map(|quarters| quarters % 2) {
                        Some(0) => {}
                        Some(_) => components.swap(a, b),
                        None => {
                            let either = components[a] || components[b];
                            (components[a], components[b]) = (either, either);
                        }
                    }
                    StartStep::Turn { qubit, axis, angle: self.angle(*angle) }
                }
                Move::Channel(Channel::Letters { factors, shifts, .. }) => {
                    for (letter, component) in components.iter_mut().enumerate() {
                        *component &= factors[letter] != Coefficient::Constant(0.0);
                        *component |= shifts[letter].is_some();
                    }
                    let factors = factors.map(|factor| self.coefficient(factor));
                    let shifts = shifts.map(|shift| shift.map(|shift| self.coefficient(shift)));
                    StartStep::Channel { qubit, factors, shifts }
                }
                Move::Channel(_) => unreachable!("a channel on one qubit has letters"),
            };
            self.paths.start.push(start);
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
                self.push(PathStep::Turn(step))?;
            }
        }
        Ok(())
    }

    /// Takes all words through a channel, from behind it to in front of it.
    fn channel(&mut self, channel: &Channel) -> Result<(), TooLarge> {
        let mut step = FactorStep::default();
        for i in self.words.on(channel.qubits()) {
            let old = self.words.word(i);
            let (factor, shift) = channel.image(old);
            if factor != Coefficient::Constant(1.0) {
                grouped(&mut step.factors, self.coefficient(factor)).push(i);
            }
            if let Some((shift, letter)) = shift {
                let (hash, minus) = (self.words.hash(&letter), self.words.minus[i as usize]);
                let sines = self.words.sines[i as usize];
                let j = self.words.partner(i, hash).unwrap_or_else(|| {
                    let born = self.words.born(i, old.product(letter), hash, minus, sines);
                    step.born.push(born);
                    born
                });
                let known = &mut self.words.sines[j as usize];
                *known = sines.min(*known);
                let negative = minus != self.words.minus[j as usize];
                grouped(&mut step.shifts, self.coefficient(shift)).push(([i, j], negative));
                self.check()?;
            }
        }
        self.push(PathStep::Factors(step))
    }

    /// Adds a step, if it does anything.
    fn push(&mut self, step: PathStep) -> Result<(), TooLarge> {
        if step.moves() > 0 {
            self.moves += step.moves() as u64;
            self.paths.steps.push(step);
        }
        self.check()
    }

    /// Pairs the words that do not commute with the word of a turn.
    fn branch(&mut self, generator: &PauliWord, angle: usize) -> Result<TurnStep, TooLarge> {
        let mut step = TurnStep { angle, ..TurnStep::default() };
        let hash = self.words.hash(generator);
        let before = self.words.len() as u32;
        for i in self.words.hits(generator) {
            let old = self.words.word(i);
            let minus = generator.turn_is_negative(old) ^ self.words.minus[i as usize];
            match self.words.partner(i, hash) {
                // It was paired when its partner came, or it was born of it.
                Some(j) if j < i || j >= before => {}
                Some(j) => {
                    let [a, b] = [i, j].map(|at| self.words.sines[at as usize]);
                    self.words.sines[i as usize] = a.min(b.saturating_add(1));
                    self.words.sines[j as usize] = b.min(a.saturating_add(1));
                    self.turned(i);
                    self.turned(j);
                    step.pairs.push(if minus == self.words.minus[j as usize] { [i, j] } else { [j, i] });
                }
                None => {
                    let new = generator.product(old);
                    if new.weight() > self.limits.weight || self.words.sines[i as usize] >= self.limits.sines {
                        step.cuts.push(i);
                        self.left_out(i, old.weight());
                    } else {
                        self.turned(i);
                        step.births.push([i, self.words.born(i, new, hash, minus, self.words.sines[i as usize] + 1)]);
                        self.check()?;
                    }
                }
            }
        }
        Ok(step)
    }

    /// Notes that a turn turns a word to another.
    fn turned(&mut self, word: u32) {
        if let Some(root) = self.roots.get_mut(word as usize) {
            root.is_turned = true;
        }
    }

    /// Notes that what a turn makes of a word of some weight is left out.
    fn left_out(&mut self, word: u32, weight: u32) {
        if weight > self.limits.weight {
            self.paths.of_heavy += 1;
            if let Some(root) = self.roots.get_mut(word as usize) {
                root.heavy = Some(weight);
            }
        }
    }

    /// Finds the first output that is no more than a product of cosines.
    fn find_stuck(&mut self) {
        let of = |sum: &Vec<(u32, f64)>| {
            let roots = || sum.iter().map(|(at, _)| self.roots[*at as usize]);
            if roots().any(|root| root.is_turned) { None } else { roots().find_map(|root| root.heavy) }
        };
        let mut all = self.paths.outputs.iter().enumerate();
        self.paths.stuck = all.find_map(|(output, sum)| Some((output, of(sum)?)));
    }

    /// Drops what has no way to a word with a value, from the start on. Returns the words that are left.
    fn prune(&mut self, possible: &Possible) -> Vec<bool> {
        let has_value = |index: usize| has_value(&self.words.word(index as u32), possible);
        let mut live: Vec<bool> = (0..self.words.len()).map(has_value).collect();
        let mut ever = live.clone();
        for step in self.paths.steps.iter_mut().rev() {
            match step {
                PathStep::Turn(step) => {
                    self.paths.left_out += step.cuts.len();
                    step.prune(&mut live, &mut ever);
                }
                PathStep::Factors(step) => step.prune(&mut live, &mut ever),
            }
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
        paths.ends = Ends::new(&spelled);
        let renumber = |at: &mut u32| *at = numbers[*at as usize];
        paths.steps.iter_mut().for_each(|step| step.renumber(renumber));
        for sum in &mut paths.outputs {
            sum.retain(|(at, _)| numbers[*at as usize] != u32::MAX);
            sum.iter_mut().for_each(|(at, _)| renumber(at));
        }
        paths
    }
}

/// Whether a word can have a value other than 0 at the start.
fn has_value(word: &PauliWord, possible: &Possible) -> bool {
    word.letters().all(|(qubit, letter)| possible[qubit][letter as usize])
}
