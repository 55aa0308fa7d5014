//! Steps as turns of Pauli words into each other.
//!
//! Every kernel is a product of turns `exp(-i θ/2 W)` about words that commute. A rotation under controls, a phase and
//! an exchange are functions of a projector `(1 + s_1 G_1)/2 (1 + s_2 G_2)/2 ..` with commuting words `G_k`: a control
//! on 1 has the generator -Z, and an exchange of two basis states is minus 1 on their difference. With k generators the
//! projector is a sum of 2^k words, and so the kernel has as many turns. Constant quarter turns map words to words;
//! unitaries that do so become quarter turns alone.

use super::channels::{Channel, MixesWords};
use super::numbers::{Angle, ROUNDING};
use crate::linalg::factors::{Factor, factors};
use crate::linalg::{pauli_transfer, rotation_and_phases};
use crate::mask::{Mask, Wide};
use crate::observable::PauliWord;
use crate::program::{ChannelStep, Controls, Kernel, Slot, Step};
use num_complex::Complex64;
use std::f64::consts::{FRAC_PI_2, PI};

/// Generators of a projector, at most: more would make more than a thousand turns.
pub(crate) const MAX_GENERATORS: usize = 10;

/// Turn `exp(-i θ/2 W)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Turn {
    pub(crate) word: PauliWord,
    pub(crate) angle: Angle,
}

/// Step of a program on words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Move {
    Turn(Turn),
    Channel(Channel),
}

impl Move {
    /// Qubits on which the step acts.
    pub(super) fn qubits(&self) -> Wide {
        match self {
            Self::Turn(turn) => turn.word.support(),
            Self::Channel(channel) => channel.qubits(),
        }
    }

    /// The qubit, if the step acts on one alone.
    pub(super) fn alone(&self) -> Option<usize> {
        let mut qubits = self.qubits().qubits();
        qubits.next().filter(|_| qubits.next().is_none())
    }
}

/// Number of generators beyond [`MAX_GENERATORS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyGenerators(pub(crate) usize);

/// Word with a sign: `true` is minus.
type Signed = (PauliWord, bool);

/// Lowering of steps and channels to moves of words, in the order in which they act.
#[derive(Debug)]
pub(crate) struct Moves<'a> {
    pub(crate) list: Vec<Move>,
    slots: &'a [Slot],
}

impl<'a> Moves<'a> {
    /// Begins without moves.
    pub(crate) fn new(slots: &'a [Slot]) -> Self {
        Self { list: Vec::new(), slots }
    }

    /// Appends a channel.
    ///
    /// # Errors
    /// Kraus operators that mix words.
    pub(crate) fn channel(&mut self, channel: &ChannelStep) -> Result<(), MixesWords> {
        self.list.push(Move::Channel(Channel::of(channel, self.slots)?));
        Ok(())
    }

    /// Appends a step.
    ///
    /// # Errors
    /// More generators than [`MAX_GENERATORS`].
    pub(crate) fn step(&mut self, step: &Step<Wide>) -> Result<(), TooManyGenerators> {
        let controls = generators(step.controls);
        match &step.kernel {
            Kernel::Rotation { x, z, slot } => {
                let angle = Angle::of(*slot, 2.0, self.slots);
                self.projected(&controls, PauliWord { x: *x, z: *z }, angle)
            }
            Kernel::Phase { slot } => {
                self.projected(&controls, PauliWord::default(), Angle::of(*slot, -2.0, self.slots))
            }
            Kernel::FixedPhase(value) => self.phase(&controls, value.arg()),
            Kernel::Exchange { mask, first, second } => {
                self.phase(&[controls, exchanged(*mask, *first, *second)].concat(), PI)
            }
            Kernel::Matrix { qubits, entries } => self.matrix(qubits, entries, step.controls),
        }
    }

    /// Appends the phase `exp(i φ)` where a projector is 1.
    fn phase(&mut self, generators: &[Signed], phase: f64) -> Result<(), TooManyGenerators> {
        self.projected(generators, PauliWord::default(), Angle::Constant(-2.0 * phase))
    }

    /// Appends `exp(-i θ/2 W)` where a projector is 1.
    fn projected(&mut self, generators: &[Signed], word: PauliWord, angle: Angle) -> Result<(), TooManyGenerators> {
        if generators.len() > MAX_GENERATORS {
            return Err(TooManyGenerators(generators.len()));
        }
        let mut words = vec![(word, false)];
        for (generator, negative) in generators {
            for k in 0..words.len() {
                let (word, sign) = words[k];
                let flips = word.product_is_negative(*generator);
                words.push((word.product(*generator), sign ^ negative ^ flips));
            }
        }
        let share = 1.0 / words.len() as f64;
        for (word, negative) in words.into_iter().filter(|(word, _)| !word.is_identity()) {
            let angle = angle.times(if negative { -share } else { share });
            if angle != Angle::Constant(0.0) && angle.quarters() != Some(0) {
                self.list.push(Move::Turn(Turn { word, angle }));
            }
        }
        Ok(())
    }

    fn matrix(
        &mut self,
        qubits: &[usize],
        entries: &[Complex64],
        controls: Controls<Wide>,
    ) -> Result<(), TooManyGenerators> {
        if let Some(turns) = controls.is_empty().then(|| clifford(qubits, entries)).flatten() {
            self.list.extend(turns.into_iter().map(Move::Turn));
            return Ok(());
        }
        if let [qubit] = qubits {
            return self.one_qubit(*qubit, entries, controls);
        }
        for Factor { target, controls: others, entries } in factors(entries) {
            let on = |wanted: bool| others.iter().filter(move |(_, value)| *value == wanted);
            let of = |wanted: bool| Wide::of_qubits(on(wanted).map(|(place, _)| qubits[*place]));
            let mask = controls.mask | of(true) | of(false);
            self.one_qubit(qubits[target], &entries, Controls { mask, zeros: controls.zeros | of(false) })?;
        }
        Ok(())
    }

    fn one_qubit(
        &mut self,
        qubit: usize,
        entries: &[Complex64],
        controls: Controls<Wide>,
    ) -> Result<(), TooManyGenerators> {
        let (turn, [a, b, c]) = rotation_and_phases(entries);
        let controls = generators(controls);
        let here = [controls.clone(), vec![(PauliWord::z(qubit), true)]].concat();
        self.phase(&here, c.arg())?;
        let y = PauliWord { x: Wide::of_qubit(qubit), z: Wide::of_qubit(qubit) };
        self.projected(&controls, y, Angle::Constant(2.0 * turn.arg()))?;
        self.phase(&here, (b / a).arg())?;
        self.phase(&controls, a.arg())
    }
}

/// Generators of the projector on the controls' values.
fn generators(controls: Controls<Wide>) -> Vec<Signed> {
    controls.mask.qubits().map(|qubit| (PauliWord::z(qubit), !controls.zeros.contains(qubit))).collect()
}

/// Generators of the projector on the difference of two basis states: the state's stabilizers.
fn exchanged(mask: Wide, first: Wide, second: Wide) -> Vec<Signed> {
    let (differ, is_one) = (first ^ second, |qubit: usize| first.contains(qubit));
    let mut generators: Vec<Signed> = vec![(PauliWord { x: differ, z: Wide::EMPTY }, true)];
    generators.extend((mask & !differ).qubits().map(|qubit| (PauliWord::z(qubit), is_one(qubit))));
    let mut moved = differ.qubits();
    if let Some(pivot) = moved.next() {
        let pair = |qubit| (PauliWord::z(pivot).product(PauliWord::z(qubit)), is_one(pivot) != is_one(qubit));
        generators.extend(moved.map(pair));
    }
    generators
}

/// Quarter turns of a unitary that maps words to words, up to its phase.
///
/// The images of X and Z of each qubit are brought back to X and Z one by one, each by at most two quarter turns, which
/// commute with those that are back already (R. Koenig, J. A. Smolin, J. Math. Phys. 55, 122202 (2014)). The turns'
/// inverses in reverse order are the unitary, but for signs, which a word in front of them sets.
fn clifford(qubits: &[usize], entries: &[Complex64]) -> Option<Vec<Turn>> {
    let transfer = pauli_transfer(&[entries], qubits.len());
    let words = 1usize << (2 * qubits.len());
    let image = |word: &PauliWord| -> Option<Signed> {
        let column = code(word, qubits);
        let hits = |sign: f64| (0..words).find(|row| (transfer[row * words + column] - sign).abs() < ROUNDING);
        hits(1.0).map(|row| (decode(row, qubits), false)).or_else(|| Some((decode(hits(-1.0)?, qubits), true)))
    };
    let standard: Vec<PauliWord> =
        qubits.iter().flat_map(|qubit| [PauliWord::x(*qubit), PauliWord::z(*qubit)]).collect();
    let mut images = standard.iter().map(image).collect::<Option<Vec<Signed>>>()?;
    let mut turns = Vec::new();
    for k in 0..standard.len() {
        for word in way(&images[k].0, &standard[k], &standard[..k], qubits)? {
            images.iter_mut().filter(|(image, _)| image.anticommutes(word)).for_each(|(image, negative)| {
                *negative ^= image.turn_is_negative(word);
                *image = image.product(word);
            });
            turns.push(Turn { word, angle: Angle::Constant(-FRAC_PI_2) });
        }
    }
    // X of a qubit changes its sign with Z of that qubit, and Z with X.
    let flips = images.iter().enumerate().filter(|(_, (_, negative))| *negative);
    let sign = flips.fold(PauliWord::default(), |sign, (k, _)| sign.product(standard[k ^ 1]));
    if !sign.is_identity() {
        turns.push(Turn { word: sign, angle: Angle::Constant(PI) });
    }
    turns.reverse();
    Some(turns)
}

/// Words of quarter turns that map one word to another, and none of `fixed`.
fn way(from: &PauliWord, to: &PauliWord, fixed: &[PauliWord], qubits: &[usize]) -> Option<Vec<PauliWord>> {
    if from == to {
        return Some(Vec::new());
    }
    let keeps = |word: &PauliWord| fixed.iter().all(|fixed| !fixed.anticommutes(*word));
    let direct = from.product(*to);
    if from.anticommutes(*to) && keeps(&direct) {
        return Some(vec![direct]);
    }
    (1..1usize << (2 * qubits.len())).map(|row| decode(row, qubits)).find_map(|between| {
        let words = [from.product(between), between.product(*to)];
        let turns = between.anticommutes(*from) && between.anticommutes(*to) && words.iter().all(keeps);
        turns.then(|| words.to_vec())
    })
}

/// Index of a word on these qubits, as [`pauli_transfer`] counts words.
fn code(word: &PauliWord, qubits: &[usize]) -> usize {
    let digit = |qubit: usize| usize::from(word.x.contains(qubit)) | usize::from(word.z.contains(qubit)) << 1;
    qubits.iter().enumerate().fold(0, |index, (k, qubit)| index | digit(*qubit) << (2 * k))
}

/// Word of an index, the inverse of [`code`].
fn decode(index: usize, qubits: &[usize]) -> PauliWord {
    let of = |bit: usize| {
        let has = |k: usize| index >> (2 * k + bit) & 1 == 1;
        Wide::of_qubits(qubits.iter().enumerate().filter(|(k, _)| has(*k)).map(|(_, qubit)| *qubit))
    };
    PauliWord { x: of(0), z: of(1) }
}
