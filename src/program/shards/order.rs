//! Order of the operations: which can run on shards as they are, and which bits of the index should be local next.

use super::operations::Operation;
use crate::gf2::Basis;
use crate::program::IndexMap;

/// Operations waiting for each qubit at which the choice of local bits stops looking ahead.
const LOOK_AHEAD: usize = 4;

/// Operations for each qubit by which the first label is chosen.
const FIRST: usize = 8;

/// Splits operations, in indices whose lowest `local` bits are local, into those that can run now and those that cannot,
/// each in their order: a list of whether each can.
pub(super) fn runnable(operations: &[Operation], local: usize) -> Vec<bool> {
    let mut waiting: Vec<&Operation> = Vec::new();
    let mut list = Vec::with_capacity(operations.len());
    for operation in operations {
        let free = match operation {
            Operation::Step { .. } => false,
            Operation::Phase(_) | Operation::Rotation(_) => operation.flips() >> local == 0,
        };
        let now = free && waiting.iter().all(|other| other.commutes(operation));
        if !now {
            waiting.push(operation);
        }
        list.push(now);
    }
    list
}

/// Span of the flip masks that the next stage is to have on shards: those of the first operations that fit.
pub(super) fn choose(operations: &[Operation], bits: usize, local: usize) -> Basis {
    let (mut span, mut waiting) = (Basis::default(), Vec::<&Operation>::new());
    for operation in operations {
        let fits = || span.contains(operation.flips()) || span.len() < local;
        let is_step = matches!(operation, Operation::Step { .. });
        if !is_step && waiting.iter().all(|other| other.commutes(operation)) && fits() {
            span.extend(operation.flips());
        } else {
            waiting.push(operation);
        }
        if is_step || waiting.len() > LOOK_AHEAD * bits {
            break;
        }
    }
    span
}

/// Map from indices whose highest bits are the label to indices at the start, where each bit of the label is one bit:
/// those with which most operations can run before the first exchange.
pub(super) fn placement(operations: &[Operation], bits: usize, local: usize) -> IndexMap {
    let map = |label: &[usize]| {
        let mut next = 0..local;
        let place = |bit: usize| match label.iter().position(|other| *other == bit) {
            Some(at) => local + at,
            None => next.next().unwrap_or(bit),
        };
        IndexMap::of_rows((0..bits).map(place).map(|place| 1 << place).collect(), 0)
    };
    let first: Vec<&Operation> = operations.iter().take(FIRST * bits).collect();
    let count = |label: &[usize]| {
        let map = map(label);
        let seen: Vec<Operation> = first.iter().map(|operation| operation.moved(&map)).collect();
        runnable(&seen, local).into_iter().filter(|now| *now).count()
    };
    let mut label: Vec<usize> = (local..bits).collect();
    let mut best = count(&label);
    for at in 0..label.len() {
        for bit in 0..bits {
            let mut other = label.clone();
            other[at] = bit;
            if !label.contains(&bit) && best < first.len() {
                let found = count(&other);
                if found > best {
                    (best, label) = (found, other);
                }
            }
        }
    }
    map(&label)
}
