//! Amplitudes moved from where they are stored to where their indices say, or back.

use super::plan::LANES;
use super::share;
use super::state::{Buffer, State};
use crate::engine::Real;
use crate::program::Frame;

/// Moves every amplitude from its physical to its logical index, or back, by way of a spare plane.
pub(super) fn settle<T: Real>(
    state: &mut State<T>,
    spare: &mut Option<Buffer<T>>,
    frame: &Frame,
    back: bool,
    spread: bool,
) {
    let spare = spare.get_or_insert_with(|| Buffer::new(state.re.len()));
    match state.lanes {
        1 => move_amplitudes::<T, 1>(state, spare, frame, back, spread),
        _ => move_amplitudes::<T, LANES>(state, spare, frame, back, spread),
    }
}

/// As [`settle`], for `W` numbers an amplitude.
fn move_amplitudes<T: Real, const W: usize>(
    state: &mut State<T>,
    spare: &mut [T],
    frame: &Frame,
    back: bool,
    spread: bool,
) {
    let from = |index: usize| {
        let index = index as u64;
        (if back { frame.logical(index) } else { frame.physical(index) }) as usize
    };
    // The map is affine: an entry for each setting of the lower bits, and one a row for the upper.
    let low = state.qubits / 2;
    let origin = from(0);
    let lower: Vec<usize> = (0..1 << low).map(from).collect();
    for plane in [&mut state.re, &mut state.im] {
        spare.copy_from_slice(plane);
        let old = spare.as_chunks::<W>().0;
        let rows = plane.as_chunks_mut::<W>().0.chunks_mut(1 << low);
        share::each(
            spread,
            rows,
            || (),
            |(), row, to| {
                let upper = from(row << low) ^ origin;
                to.iter_mut().zip(&lower).for_each(|(to, place)| *to = old[place ^ upper]);
            },
        );
    }
}
