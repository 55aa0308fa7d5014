//! How a long circuit is folded into rows.

use super::many;
use candlewick::prelude::*;
use rand::Rng;

/// Lengths of the rows of a drawing as text.
fn lengths(text: &str) -> Vec<usize> {
    text.lines().filter(|line| line.starts_with("q0: ")).map(|line| line.chars().count()).collect()
}

/// All ways to break columns into rows that keep to a limit, as lengths of rows.
fn ways(columns: &[usize], limit: usize) -> Vec<Vec<usize>> {
    let cuts = columns.len() - 1;
    let way = |mask: usize| {
        let mut rows = vec![vec![columns[0]]];
        for (k, column) in columns[1..].iter().enumerate() {
            if mask >> k & 1 == 1 {
                rows.push(Vec::new());
            }
            rows.last_mut().expect("a row").push(*column);
        }
        let fits = |row: &Vec<usize>| row.len() == 1 || 5 + row.iter().sum::<usize>() <= limit;
        rows.iter().all(fits).then(|| rows.iter().map(|row| 5 + row.iter().sum::<usize>()).collect())
    };
    (0..1usize << cuts).filter_map(way).collect()
}

/// Of all ways with the fewest rows, the drawing has the one whose squared lengths have the least sum.
#[test]
fn rows_are_filled_evenly() {
    let mut rng = crate::oracle::rng(7);
    for _ in 0..300 {
        let mut circuit = Circuit::new(1);
        let columns: Vec<usize> = (0..rng.random_range(2..11))
            .map(|_| {
                let digits = rng.random_range(1..5usize);
                circuit.rx(input(10usize.pow(digits as u32) - 1), 0);
                // Two characters between columns, and `RX(x)` around the digits.
                digits + 7
            })
            .collect();
        let limit = rng.random_range(14..60);
        let drawn = lengths(&circuit.draw().width(8.6 * limit as f64).to_text());
        let ways = ways(&columns, limit);
        let fewest = ways.iter().map(Vec::len).min().expect("a way");
        let squares = |way: &Vec<usize>| way.iter().map(|length| length * length).sum::<usize>();
        let least = ways.iter().filter(|way| way.len() == fewest).map(squares).min().expect("a way");
        assert_eq!((drawn.len(), squares(&drawn)), (fewest, least), "{columns:?} {limit} {drawn:?}");
    }
}

/// Thirteen columns of which four fit: the last row has three, not one.
#[test]
fn no_row_is_nearly_empty() {
    let mut circuit = Circuit::new(1);
    (0..13).for_each(|_| _ = circuit.rx(input(0), 0));
    let rows = lengths(&circuit.draw().width(8.6 * 37.0).to_text());
    assert_eq!(rows, [37, 29, 29, 29]);
    // A circuit that fits is one row, and an operation wider than the limit has a row for itself.
    assert_eq!(lengths(&circuit.draw().fold(false).to_text()), [109]);
    let mut wide = Circuit::new(1);
    wide.h(0).u(input(1_000_000), input(1_000_000), input(1_000_000), 0).h(0);
    assert_eq!(lengths(&wide.draw().width(100.0).to_text()), [8, 38, 8]);
}

/// All forms of all circuits keep every column, in its order.
#[test]
fn folding_keeps_every_operation() {
    for circuit in many() {
        let marks = |fold: bool| {
            let text = circuit.draw().fold(fold).width(300.0).to_text();
            let rows: Vec<&str> = text.split("\n\n").collect();
            let wire = |qubit: usize| -> String {
                let name = format!("q{qubit}");
                let of = |row: &&str| -> Option<String> {
                    let mut lines = row.lines().filter_map(|line| line.split_once(": "));
                    lines.find(|(start, _)| start.trim_end() == name).map(|(_, wire)| wire.replace('─', ""))
                };
                rows.iter().filter_map(of).collect()
            };
            (0..circuit.qubits()).map(wire).collect::<Vec<_>>()
        };
        assert_eq!(marks(true), marks(false));
    }
}
