//! Places of operations, the same in every form of a drawing: columns, rows and the legend of conditions.

use super::picture::{Line, Picture};
use crate::angle::Notation;
use crate::circuit::{Circuit, Condition};
use std::collections::HashMap;
use std::ops::Range;

/// Circuit in columns. Each operation has the first column in which all wires between its outermost ones are free.
#[derive(Debug)]
pub(super) struct Layout<'c> {
    pub(super) columns: Vec<Vec<Picture<'c>>>,
    /// Column in which each wire becomes a record.
    pub(super) records: Vec<Option<usize>>,
    legend: Vec<&'c [Condition]>,
}

impl<'c> Layout<'c> {
    pub(super) fn new(circuit: &'c Circuit) -> Self {
        let (mut columns, mut legend) = (Vec::<Vec<Picture<'_>>>::new(), Legend::default());
        let (mut free, mut records) = (vec![0; circuit.qubits()], vec![None; circuit.qubits()]);
        for operation in circuit.operations() {
            let picture = Picture::new(operation, legend.number(operation.conditions()));
            let span = picture.low..=picture.high;
            let column = free[span.clone()].iter().copied().max().unwrap_or(0);
            free[span].fill(column + 1);
            while columns.len() <= column {
                columns.push(Vec::new());
            }
            if let Line::Outcome { record, .. } = picture.line {
                records[record].get_or_insert(column);
            }
            columns[column].push(picture);
        }
        Self { columns, records, legend: legend.lists }
    }

    /// Iterates over the lines of the legend, in a notation: a number from 1, and conditions that all have to hold.
    pub(super) fn legend<N: Notation>(&self, notation: &N) -> impl Iterator<Item = (usize, String)> {
        self.legend.iter().enumerate().map(|(index, conditions)| {
            let joined = conditions.iter().cloned().reduce(|all, condition| all & condition);
            (index + 1, joined.map_or_else(String::new, |all| all.written(notation)))
        })
    }
}

/// Different lists of conditions, in the order of their first operations.
#[derive(Default)]
struct Legend<'c> {
    lists: Vec<&'c [Condition]>,
    /// Numbers of lists by the addresses of their conditions, which most operations share with others.
    by_address: HashMap<Vec<usize>, usize>,
    /// Numbers of lists that look the same in a message.
    by_text: HashMap<String, Vec<usize>>,
}

impl<'c> Legend<'c> {
    /// Returns the number of a list, from 1, unless the list is empty.
    fn number(&mut self, conditions: &'c [Condition]) -> Option<usize> {
        if conditions.is_empty() {
            return None;
        }
        let addresses: Vec<usize> = conditions.iter().map(Condition::address).collect();
        if let Some(known) = self.by_address.get(&addresses) {
            return Some(*known);
        }
        let text = conditions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let alike = self.by_text.entry(text).or_default();
        let known = alike.iter().copied().find(|number| self.lists[number - 1] == conditions);
        let number = known.unwrap_or_else(|| {
            self.lists.push(conditions);
            alike.push(self.lists.len());
            self.lists.len()
        });
        self.by_address.insert(addresses, number);
        Some(number)
    }
}

/// Breaks columns of given widths into rows: a row starts with `start`, is no longer than `limit`, and has at least one
/// column. Of all ways with the fewest rows, it takes the one with the least sum of squared lengths, so that no row is
/// nearly empty.
pub(super) fn rows(widths: &[f64], start: f64, limit: f64) -> Vec<Range<usize>> {
    if start + widths.iter().sum::<f64>() <= limit {
        return std::iter::once(0..widths.len()).collect();
    }
    // For each number of columns, their fewest rows, the sum of squares in tenths, and where the last row starts.
    let mut best = vec![(0usize, 0u128, 0usize)];
    for end in 1..=widths.len() {
        let (mut used, mut least) = (start, (usize::MAX, u128::MAX, 0));
        for first in (0..end).rev() {
            used += widths[first];
            if used > limit && first + 1 < end {
                break;
            }
            let (before, squares, _) = best[first];
            let length = (used * 10.0).round() as u128;
            let found = (before + 1, squares + length * length);
            // Of equal ways, the one with the shorter last row.
            if found < (least.0, least.1) {
                least = (found.0, found.1, first);
            }
        }
        best.push(least);
    }
    let (mut rows, mut end) = (Vec::new(), widths.len());
    while end > 0 {
        let first = best[end].2;
        rows.push(first..end);
        end = first;
    }
    rows.reverse();
    rows
}
