//! Controlled operations as products of operations that fit into layers, where this is faster.
//!
//! Diagonal rotations: the projector on all controls being 1 is `2^-k sum over subsets S of (-1)^|S| Z_S`. So
//! `exp(-i φ Z)` under k controls is the product over S of `exp(-i ± φ 2^-k Z Z_S)`. A control that must be 0 does not
//! change the sign.
//!
//! Constants on one qubit: with `U = V D V†`, only the diagonal D needs the controls.
//!
//! Rotations that flip bits, and Toffolis, could be split in the same ways. But the layers of the products cost up to
//! twice the time of a step on a part of the state (measured with chains of CRX and CCX).

use super::is_one;
use super::slots::Slots;
use crate::gf2;
use crate::mask::Mask;
use crate::program::{Controls, Kernel, Program, Slot, Step};
use num_complex::Complex64;

/// Largest number of controls that are split: the phases have a term for each subset.
const MAX_CONTROLS: u32 = 3;

pub(super) fn split_controls(program: &mut Program) {
    let mut slots = Slots::new(std::mem::take(&mut program.slots));
    let mut steps = Vec::with_capacity(program.steps.len());
    for step in program.steps.drain(..) {
        let few = (1..=MAX_CONTROLS).contains(&step.controls.count());
        match &step.kernel {
            Kernel::Rotation { x: 0, z, slot } if few => {
                let share = (-f64::from(step.controls.count())).exp2();
                for subset in gf2::subsets(step.controls.mask) {
                    let share = if gf2::parity(subset & !step.controls.zeros) { -share } else { share };
                    let slot = slots.derived(&[*slot], scaled(slots.get(*slot), share));
                    steps.push(Step {
                        kernel: Kernel::Rotation { x: 0, z: z | subset, slot },
                        controls: Controls::NONE,
                    });
                }
            }
            Kernel::Matrix { qubits, entries } if few && qubits.len() == 1 => {
                let entries = std::array::from_fn(|k| entries[k]);
                steps.extend(diagonalized_steps(qubits[0], entries, step.controls));
            }
            _ => steps.push(step),
        }
    }
    (program.slots, program.steps) = slots.into_needed(steps);
}

pub(super) fn scaled(slot: &Slot, by: f64) -> Slot {
    let terms = slot.terms.iter().map(|(coefficient, first, second)| (by * coefficient, *first, *second));
    Slot { constant: by * slot.constant, terms: terms.collect() }
}

/// Steps of `V D V†`, with controls on D alone.
pub(in crate::program) fn diagonalized_steps<M: Mask>(
    qubit: usize,
    m: [Complex64; 4],
    controls: Controls<M>,
) -> Vec<Step<M>> {
    let root = ((m[0] - m[3]) * (m[0] - m[3]) + 4.0 * m[1] * m[2]).sqrt();
    let unit = |value: Complex64| value / value.norm();
    let mean = m[0] + m[3];
    let (first, second) = (unit(0.5 * (mean + root)), unit(0.5 * (mean - root)));
    // Both vectors are multiples of the first eigenvector. The longer vector has the smaller error.
    let (a, b) = ([m[1], first - m[0]], [first - m[3], m[2]]);
    let length = |v: [Complex64; 2]| v[0].norm().hypot(v[1].norm());
    let longer = if length(a) > length(b) { a } else { b };
    let phase = |value: Complex64, controls: Controls<M>| {
        (!is_one(value)).then_some(Step { kernel: Kernel::FixedPhase(value), controls })
    };
    if length(longer) == 0.0 {
        return phase(first, controls).into_iter().collect();
    }
    let v = longer.map(|entry| entry / length(longer));
    let entries = [v[0], -v[1].conj(), v[1], v[0].conj()];
    let adjoint = [v[0].conj(), v[1].conj(), -v[1], v[0]];
    let matrix = |entries: [Complex64; 4]| {
        Some(Step { kernel: Kernel::Matrix { qubits: vec![qubit], entries: entries.into() }, controls: Controls::NONE })
    };
    let both = phase(second / first, controls.and_ones(M::of_qubit(qubit)));
    [matrix(adjoint), phase(first, controls), both, matrix(entries)].into_iter().flatten().collect()
}
