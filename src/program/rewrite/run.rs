//! Steps in a row that differ in their angles alone: the sum of the angles is made once, when it is complete.

use super::slots::Slots;
use crate::places::Places;
use crate::program::{Kernel, Slot, Step, Variable};

/// Rotations about one word, or phases, under the same controls, with the sum of their angles.
#[derive(Debug)]
pub(super) struct Run {
    /// The first of them.
    step: Step,
    /// Slots of all of them.
    from: Vec<usize>,
    /// Terms that cancel stay, with a coefficient of zero: a NaN in them is to show.
    sum: Slot,
    places: Places<(Variable, Option<Variable>)>,
    /// Number of terms whose coefficient is not zero.
    left: usize,
}

impl Run {
    /// A run of one step, if it has an angle.
    pub(super) fn new(step: Step, slots: &Slots) -> Option<Self> {
        let slot = slot_of(&step)?;
        let sum = Slot { constant: 0.0, terms: Vec::new() };
        let mut run = Self { step, from: Vec::new(), sum, places: Places::default(), left: 0 };
        run.add(slot, slots);
        Some(run)
    }

    pub(super) fn support(&self) -> u64 {
        self.step.support()
    }

    /// Adds a step that differs from the others in its angle alone; whether it was one.
    pub(super) fn take(&mut self, later: &Step, slots: &Slots) -> bool {
        match slot_of(later) {
            Some(slot) if differ_in_angle(&self.step, later) => self.add(slot, slots),
            _ => return false,
        }
        true
    }

    fn add(&mut self, slot: usize, slots: &Slots) {
        let Slot { constant, terms } = slots.get(slot);
        self.from.push(slot);
        self.sum.constant += constant;
        for &(coefficient, first, second) in terms {
            let place = self.places.of(&self.sum.terms, |term| (term.1, term.2), (first, second));
            if place == self.sum.terms.len() {
                self.sum.terms.push((0.0, first, second));
            }
            let sum = &mut self.sum.terms[place].0;
            self.left -= usize::from(*sum != 0.0);
            *sum += coefficient;
            self.left += usize::from(*sum != 0.0);
        }
    }

    /// Whether the angles cancel, whatever the variables are.
    pub(super) fn cancels(&self) -> bool {
        self.sum.constant == 0.0 && self.left == 0
    }

    /// The one step that the run is.
    pub(super) fn into_step(self, slots: &mut Slots) -> Step {
        let Self { mut step, from, sum, .. } = self;
        let sum = slots.derived(&from, sum);
        if let Kernel::Rotation { slot, .. } | Kernel::Phase { slot } = &mut step.kernel {
            *slot = sum;
        }
        step
    }
}

/// Whether two steps are rotations about one word, or phases, under the same controls.
pub(super) fn differ_in_angle(first: &Step, second: &Step) -> bool {
    first.controls == second.controls
        && match (&first.kernel, &second.kernel) {
            (Kernel::Rotation { x, z, .. }, Kernel::Rotation { x: other_x, z: other_z, .. }) => {
                (x, z) == (other_x, other_z)
            }
            (Kernel::Phase { .. }, Kernel::Phase { .. }) => true,
            _ => false,
        }
}

fn slot_of(step: &Step) -> Option<usize> {
    match step.kernel {
        Kernel::Rotation { slot, .. } | Kernel::Phase { slot } => Some(slot),
        Kernel::FixedPhase(_) | Kernel::Exchange { .. } | Kernel::Matrix { .. } => None,
    }
}
