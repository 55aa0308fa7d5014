//! Rotations about words with one x-mask and angles of one size, such as the eight of a double excitation, as one rotation
//! of pairs under controls.
//!
//! With `P_d = P Z^d` for the masks `d` of a linear space of `m` of them, and signs `χ(d)` that multiply,
//! `sum over d of χ(d) P_d = m P Π`, where Π projects onto the basis states in which the parity of each `d` is even if
//! `χ(d)` is 1, and odd if it is -1. CX gates, which move nothing, make a bit of each parity of a basis, and the bit is a
//! control. For a double excitation, one rotation turns an eighth of the amplitudes, where the words turn all of them
//! eight times.

use super::controls::scaled;
use super::slots::Slots;
use crate::gf2::{self, Conditions, Decided, parity};
use crate::program::{Controls, Kernel, Program, Slot, Step};
use std::collections::HashSet;

/// Fewest words that become one rotation. Two words, such as XX and YY, fit into layers beside others.
const LEAST_WORDS: usize = 4;

/// Most words of one rotation; an excitation of three electrons has 32.
const MOST_WORDS: usize = 64;

pub(super) fn join_words(program: &mut Program) {
    let mut slots = Slots::new(std::mem::take(&mut program.slots));
    let old = std::mem::take(&mut program.steps);
    let mut steps = Vec::with_capacity(old.len());
    let mut rest = &old[..];
    while let [first, later @ ..] = rest {
        let mut masks = HashSet::new();
        let joins = |step: &&Step| may_join(first, step, &slots) && word(step).is_some_and(|(_, z, _)| masks.insert(z));
        let most = rest.iter().take(MOST_WORDS).take_while(joins).count().max(1);
        let joined = (LEAST_WORDS.ilog2()..=most.ilog2()).rev().find_map(|log| {
            let joined = Joined::new(&rest[..1 << log], &slots)?;
            Some((1 << log, joined))
        });
        rest = match joined {
            Some((words, joined)) => {
                joined.steps(&rest[..words], &mut slots, &mut steps);
                &rest[words..]
            }
            None => {
                steps.push(first.clone());
                later
            }
        };
    }
    (program.slots, program.steps) = slots.into_needed(steps);
}

/// Masks and slot of a rotation that flips bits and has no controls.
fn word(step: &Step) -> Option<(u64, u64, usize)> {
    match step.kernel {
        Kernel::Rotation { x, z, slot } if x != 0 && step.controls == Controls::NONE => Some((x, z, slot)),
        _ => None,
    }
}

/// Whether two rotations have one x-mask, commute, and have angles that are equal up to a sign.
fn may_join(first: &Step, later: &Step, slots: &Slots) -> bool {
    let (Some((x, z, slot)), Some((other_x, other_z, other_slot))) = (word(first), word(later)) else { return false };
    x == other_x && !parity(x & (z ^ other_z)) && sign(slots.get(slot), slots.get(other_slot)).is_some()
}

/// Sign between two angles: `true` if one is minus the other, `false` if they are equal, `None` otherwise.
fn sign(slot: &Slot, other: &Slot) -> Option<bool> {
    let equals = |sign: f64| {
        slot.constant == sign * other.constant
            && slot.terms.len() == other.terms.len()
            && slot.terms.iter().zip(&other.terms).all(|((c, a, b), (d, e, f))| *c == sign * d && (a, b) == (e, f))
    };
    if equals(1.0) { Some(false) } else { equals(-1.0).then_some(true) }
}

/// Words that are one rotation where conditions hold.
struct Joined(Conditions);

impl Joined {
    /// Joins a power of two of words that may join and whose z-masks differ, if these are an affine space and the signs
    /// multiply.
    fn new(words: &[Step], slots: &Slots) -> Option<Self> {
        let mut conditions = Conditions::default();
        let (x, first, first_slot) = word(&words[0])?;
        for step in words {
            let (_, z, slot) = word(step)?;
            // The words commute, so the quotient of their phases i^|x & z| is 1 or -1.
            let turns = (x & z).count_ones() as i32 - (x & first).count_ones() as i32;
            let negative = (turns.rem_euclid(4) == 2) ^ sign(slots.get(first_slot), slots.get(slot))?;
            conditions.add(z ^ first, negative);
        }
        let is_space = !conditions.contradict() && words.len() == 1 << conditions.decided().len();
        is_space.then_some(Self(conditions))
    }

    /// Steps of the words: CX, the rotation, and CX again.
    fn steps(&self, words: &[Step], slots: &mut Slots, steps: &mut Vec<Step>) {
        let Some((mut x, mut z, slot)) = word(&words[0]) else { return };
        let letters = (x & z).count_ones() as i32;
        let mut moves = Vec::new();
        let mut controls = Controls::NONE;
        let mut negative = false;
        for Decided { bit, others, value } in self.0.decided() {
            for other in gf2::bits(others) {
                moves.push(Step {
                    kernel: Kernel::Exchange { mask: bit, first: 0, second: bit },
                    controls: Controls::ones(1 << other),
                });
            }
            // The CX gates make the bit a parity that no flip of the word changes. So it is a control, and a letter Z on it
            // is a sign.
            x &= !bit;
            if z & bit != 0 {
                z ^= bit | others;
                negative ^= value;
            }
            controls.mask |= bit;
            controls.zeros |= if value { 0 } else { bit };
        }
        negative ^= (letters - (x & z).count_ones() as i32).rem_euclid(4) == 2;
        let factor = words.len() as f64 * if negative { -1.0 } else { 1.0 };
        let from: Vec<usize> = words.iter().filter_map(word).map(|(_, _, slot)| slot).collect();
        let slot = slots.derived(&from, scaled(slots.get(slot), factor));
        steps.extend(moves.iter().cloned());
        steps.push(Step { kernel: Kernel::Rotation { x, z, slot }, controls });
        steps.extend(moves.into_iter().rev());
    }
}
