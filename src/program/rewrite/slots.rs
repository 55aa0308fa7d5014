//! Slots while steps are rewritten: new slots are derived from old slots, and unused old slots are removed.

use crate::program::{Slot, Step};
use std::collections::HashMap;

/// Slots of a program while its steps are rewritten.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    /// Index of the slot that has these bits as its key.
    known: HashMap<Vec<u64>, usize>,
    /// Whether all variables of a slot are in a slot derived from it, in which a NaN of theirs shows.
    replaced: Vec<bool>,
}

impl Slots {
    pub(super) fn new(slots: Vec<Slot>) -> Self {
        let known = slots.iter().enumerate().map(|(index, slot)| (slot.key(), index)).collect();
        let replaced = vec![false; slots.len()];
        Self { slots, known, replaced }
    }

    pub(super) fn get(&self, slot: usize) -> &Slot {
        &self.slots[slot]
    }

    /// Index of a slot derived from other slots. The new slot must have all their variables.
    pub(super) fn derived(&mut self, from: &[usize], slot: Slot) -> usize {
        let index = *self.known.entry(slot.key()).or_insert(self.slots.len());
        if index == self.slots.len() {
            self.slots.push(slot);
            self.replaced.push(false);
        }
        from.iter().filter(|from| **from != index).for_each(|from| self.replaced[*from] = true);
        self.replaced[index] = false;
        index
    }

    /// Slots that are still needed, and the steps with their new indices.
    pub(super) fn into_needed(self, mut steps: Vec<Step>) -> (Vec<Slot>, Vec<Step>) {
        let mut needed: Vec<bool> = self.replaced.iter().map(|replaced| !replaced).collect();
        steps.iter().filter_map(|step| step.kernel.slot()).for_each(|slot| needed[slot] = true);
        let mut count = 0;
        let number = |needed: &bool| {
            let number = count;
            count += usize::from(*needed);
            number
        };
        let numbers: Vec<usize> = needed.iter().map(number).collect();
        steps.iter_mut().filter_map(|step| step.kernel.slot_mut()).for_each(|slot| *slot = numbers[*slot]);
        let slots = self.slots.into_iter().zip(needed).filter(|(_, needed)| *needed).map(|(slot, _)| slot);
        (slots.collect(), steps)
    }
}
