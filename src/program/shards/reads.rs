//! Reads: where in a plan the parts of a measurement are read.

use super::planner::{Planner, Read, What};
use crate::error::{ClusterError, Result};
use crate::gf2::{self, Basis};
use crate::observable::Part;
use crate::program::{IndexMap, Quantity, Readout, Sum};

/// Plans all reads. The map takes indices at the start to those of the readout.
pub(super) fn reads(planner: &mut Planner<'_>, map: &IndexMap) -> Result<()> {
    let readout = planner.program.layered().readout.clone();
    if readout.has_variances() {
        return Err(ClusterError::NotShared { what: "variances" }.into());
    }
    words(planner, map, &readout);
    for columns in &readout.quantities {
        let first = columns.first;
        match &columns.quantity {
            Quantity::Expectation(sum) => parts(planner, map, first, sum),
            Quantity::Probabilities(qubits) => {
                // Qubits that are read may be constant on a shard, if there are not enough others.
                let wanted = gf2::mask(qubits);
                let all = wanted.count_ones() as usize > planner.local;
                logical(planner, map, if all { 0 } else { wanted });
                planner.segment().reads.push(Read { first, what: What::Probabilities(qubits.clone()) });
            }
            Quantity::State => {
                logical(planner, map, 0);
                planner.segment().reads.push(Read { first, what: What::State });
            }
            Quantity::Variance(_) => {}
        }
    }
    Ok(())
}

/// Plans the words: those whose flip masks leave the label alone are read; exchanges follow until all have been.
fn words(planner: &mut Planner<'_>, map: &IndexMap, readout: &Readout) {
    let mut pending: Vec<(usize, Sum)> = Vec::new();
    for columns in &readout.quantities {
        if let Quantity::Expectation(sum) = &columns.quantity {
            for x_group in &sum.x_groups {
                let words = Sum { outputs: sum.outputs, x_groups: vec![x_group.clone()], ..Sum::default() };
                pending.push((columns.first, words));
            }
        }
    }
    while !pending.is_empty() {
        let seen = planner.current.then(map);
        let flips = |(_, words): &(usize, Sum)| seen.flip_mask(words.x_groups[0].x);
        let (now, later): (Vec<_>, Vec<_>) = pending.into_iter().partition(|words| flips(words) >> planner.local == 0);
        for (first, words) in now {
            let words = words.moved(|mask| seen.parity(mask), |mask| seen.flip_mask(mask));
            let reads = &mut planner.segment().reads;
            match reads.iter_mut().find(|read| read.first == first) {
                Some(Read { what: What::Words(sum), .. }) => sum.x_groups.extend(words.x_groups),
                _ => reads.push(Read { first, what: What::Words(words) }),
            }
        }
        if !later.is_empty() {
            let mut span = Basis::default();
            for flip in later.iter().map(flips) {
                if span.len() < planner.local {
                    span.extend(flip);
                }
            }
            planner.make_local(&span);
        }
        pending = later;
    }
}

/// Plans the parts of a sum that are no words. Those that matrices do not hinder are read together.
fn parts(planner: &mut Planner<'_>, map: &IndexMap, first: usize, sum: &Sum) {
    let mut pending = sum.parts.clone();
    while !pending.is_empty() {
        let mut wanted = 0u64;
        let mut later = Vec::new();
        let mut now = Vec::new();
        for (output, coefficient, part) in pending {
            let with = wanted | matrix_qubits(&part);
            if now.is_empty() || with.count_ones() as usize <= planner.local {
                wanted = with;
                now.push((output, coefficient, part));
            } else {
                later.push((output, coefficient, part));
            }
        }
        logical(planner, map, wanted);
        let what = What::Parts(Sum { outputs: sum.outputs, parts: now, ..Sum::default() });
        planner.segment().reads.push(Read { first, what });
        pending = later;
    }
}

/// Numbers of the qubits of a readout's matrices.
pub(super) fn widest_matrices(readout: &Readout) -> impl Iterator<Item = u32> + '_ {
    let sums = readout.quantities.iter().filter_map(|columns| match &columns.quantity {
        Quantity::Expectation(sum) => Some(sum),
        Quantity::Variance(_) | Quantity::Probabilities(_) | Quantity::State => None,
    });
    sums.flat_map(|sum| sum.parts.iter().map(|(_, _, part)| matrix_qubits(part).count_ones()))
}

/// Qubits that a part needs on its shard: all others may be constant there.
fn matrix_qubits(part: &Part) -> u64 {
    match part {
        Part::Matrix { .. } => part.support(),
        Part::Diagonal { .. } | Part::Projector { .. } => 0,
    }
}

/// Makes local bits logical qubits. A permutation begins a segment of its own if this one has reads already.
fn logical(planner: &mut Planner<'_>, map: &IndexMap, wanted: u64) {
    planner.begin_segment();
    let places = planner.make_logical(map, wanted);
    planner.segment().places = places;
}
