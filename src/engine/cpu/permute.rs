//! Permutation of amplitudes from stored to logical indices, or back.

use crate::engine::cpu::state::{Buffer, State};
use crate::engine::lines::held_bytes;
use crate::engine::simd::LANES;
use crate::engine::{Real, share};
use crate::program::IndexMap;

/// Scratch of a permutation.
#[derive(Debug)]
pub(super) struct Permuter<T> {
    /// Copy of one plane, which is half a state.
    pub(super) copy: Buffer<T>,
    /// Sources of the amplitudes of the first row.
    places: Vec<usize>,
}

impl<T> Default for Permuter<T> {
    fn default() -> Self {
        Self { copy: Buffer::default(), places: Vec::new() }
    }
}

impl<T: Real> Permuter<T> {
    /// Bytes that the permuter holds.
    pub(super) fn bytes(&self) -> usize {
        self.copy.bytes() + held_bytes(&self.places)
    }

    /// Permutes every amplitude from its stored to its logical index, or back, with a copy of one plane at a time.
    pub(super) fn permute(&mut self, state: &mut State<T>, index_map: &IndexMap, back: bool, spread: bool) {
        match state.lanes {
            1 => self.run::<1>(state, index_map, back, spread),
            _ => self.run::<LANES>(state, index_map, back, spread),
        }
    }

    /// Permutes as [`permute`](Self::permute) does, for `W` numbers in each amplitude.
    fn run<const W: usize>(&mut self, state: &mut State<T>, index_map: &IndexMap, back: bool, spread: bool) {
        let from = |index: usize| {
            let index = index as u64;
            (if back { index_map.logical(index) } else { index_map.stored(index) }) as usize
        };
        // The map is affine: `places` has the source for each value of the lower bits, and `upper` adds the upper bits
        // of a row.
        let low = state.qubits / 2;
        let origin = from(0);
        let Self { copy, places } = self;
        places.clear();
        places.extend((0..1 << low).map(from));
        copy.fit(state.re.len());
        for plane in [&mut state.re, &mut state.im] {
            copy.copy_from_slice(plane);
            let old = copy.as_chunks::<W>().0;
            let rows = plane.as_chunks_mut::<W>().0.chunks_mut(1 << low).enumerate();
            share::for_each_item(spread, &mut Vec::<()>::new(), rows, |(), (row, to)| {
                let upper = from(row << low) ^ origin;
                to.iter_mut().zip(&*places).for_each(|(to, place)| *to = old[place ^ upper]);
            });
        }
    }
}
