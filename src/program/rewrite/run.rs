//! Runs of steps that differ in their angles alone. Their angles are added up term by term.

use super::slots::Slots;
use crate::places::Places;
use crate::program::{Slot, Step, Variable};

/// Rotations about one word, or phases, under the same controls, with the sum of their angles.
#[derive(Debug)]
pub(super) struct Run {
    /// First step of the run.
    step: Step,
    /// Slots of all steps of the run.
    from: Vec<usize>,
    /// Sum of the angles. Terms that cancel stay with a coefficient of 0, so that a NaN in them reaches the outputs.
    sum: Slot,
    places: Places<(Variable, Option<Variable>)>,
    /// Number of terms whose coefficient is not zero.
    left: usize,
}

impl Run {
    /// Run of one step, if the step has an angle.
    pub(super) fn new(step: Step, slots: &Slots) -> Option<Self> {
        let slot = step.kernel.slot()?;
        let sum = Slot { constant: 0.0, terms: Vec::new() };
        let mut run = Self { step, from: Vec::new(), sum, places: Places::default(), left: 0 };
        run.add(slot, slots);
        Some(run)
    }

    pub(super) fn support(&self) -> u64 {
        self.step.support()
    }

    /// Adds a step if it differs from the run in its angle alone. Returns whether it was added.
    pub(super) fn try_add(&mut self, later: &Step, slots: &Slots) -> bool {
        match later.kernel.slot() {
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
            let place = self.places.place_of(&self.sum.terms, |term| (term.1, term.2), (first, second));
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

    /// Returns the step that the run has become.
    pub(super) fn into_step(self, slots: &mut Slots) -> Step {
        let Self { mut step, from, sum, .. } = self;
        let sum = slots.derived(&from, sum);
        if let Some(slot) = step.kernel.slot_mut() {
            *slot = sum;
        }
        step
    }
}

/// Whether two steps are equal but for their angles, such as rotations about one word under the same controls.
pub(super) fn differ_in_angle(first: &Step, second: &Step) -> bool {
    let (Some(slot), Some(_)) = (first.kernel.slot(), second.kernel.slot()) else { return false };
    let mut second = second.clone();
    second.kernel.slot_mut().into_iter().for_each(|other| *other = slot);
    *first == second
}
