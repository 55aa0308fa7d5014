//! Slots while steps are rewritten: new ones made from old ones, old ones dropped once nothing needs them.

use crate::program::{Kernel, Slot, Step};
use std::collections::HashMap;

/// See the module.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    /// Where a slot of these bits stands.
    known: HashMap<Vec<u64>, usize>,
    /// Slots whose variables all stand in a slot made from them: a NaN in them shows there.
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

    /// Number of a slot made from others, which must have all their variables.
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

    /// The slots that are still needed, and the steps with their new numbers.
    pub(super) fn finish(self, mut steps: Vec<Step>) -> (Vec<Slot>, Vec<Step>) {
        let mut needed: Vec<bool> = self.replaced.iter().map(|replaced| !replaced).collect();
        for step in &steps {
            if let Kernel::Rotation { slot, .. } | Kernel::Phase { slot } = step.kernel {
                needed[slot] = true;
            }
        }
        let mut count = 0;
        let number = |needed: &bool| {
            let number = count;
            count += usize::from(*needed);
            number
        };
        let numbers: Vec<usize> = needed.iter().map(number).collect();
        for step in &mut steps {
            if let Kernel::Rotation { slot, .. } | Kernel::Phase { slot } = &mut step.kernel {
                *slot = numbers[*slot];
            }
        }
        let slots = self.slots.into_iter().zip(needed).filter(|(_, needed)| *needed).map(|(slot, _)| slot);
        (slots.collect(), steps)
    }
}
