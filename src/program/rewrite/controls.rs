//! Rotations under controls as products of rotations without, which layers can take up.
//!
//! All controls being 1 is the projector `2^-k sum over subsets S of (-1)^|S| Z_S`, so that `exp(-i φ P)` under k controls is
//! the product over S of `exp(-i ± φ 2^-k P Z_S)`, whose factors commute.

use super::slots::Slots;
use crate::program::{Kernel, Program, Slot, Step};

/// Most controls of a rotation that flips bits: each of its factors takes a layer of its own.
const MAX_FLIPPING: u32 = 1;

/// Most controls of a diagonal rotation.
const MAX_DIAGONAL: u32 = 3;

pub(super) fn split(program: &mut Program) {
    let mut slots = Slots::new(std::mem::take(&mut program.slots));
    let mut steps = Vec::with_capacity(program.steps.len());
    for step in program.steps.drain(..) {
        let most = |x: u64| if x == 0 { MAX_DIAGONAL } else { MAX_FLIPPING };
        match step.kernel {
            Kernel::Rotation { x, z, slot } if (1..=most(x)).contains(&step.controls.count_ones()) => {
                let share = (-f64::from(step.controls.count_ones())).exp2();
                for subset in subsets(step.controls) {
                    let share = if subset.count_ones() % 2 == 1 { -share } else { share };
                    let slot = slots.derived(&[slot], |from| scaled(from[0], share));
                    steps.push(Step { kernel: Kernel::Rotation { x, z: z | subset, slot }, controls: 0 });
                }
            }
            _ => steps.push(step),
        }
    }
    (program.slots, program.steps) = slots.finish(steps);
}

/// All subsets of a mask, the empty one first.
fn subsets(mask: u64) -> impl Iterator<Item = u64> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let subset = next?;
        next = Some((subset | !mask).wrapping_add(1) & mask).filter(|subset| *subset != 0);
        Some(subset)
    })
}

fn scaled(slot: &Slot, by: f64) -> Slot {
    let terms = slot.terms.iter().map(|(coefficient, first, second)| (by * coefficient, *first, *second));
    Slot { constant: by * slot.constant, terms: terms.collect() }
}
