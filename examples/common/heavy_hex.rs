//! The heavy-hex lattice of 127 qubits.

/// Returns the 144 edges: seven rows of 14 or 15 qubits, and between two rows four qubits that join them.
pub(crate) fn edges() -> Vec<[usize; 2]> {
    let (mut edges, mut rows, mut next) = (Vec::new(), Vec::new(), 0);
    for row in 0..7 {
        // The first row lacks its last column, and the last row its first.
        let columns: Vec<usize> = (usize::from(row == 6)..15 - usize::from(row == 0)).collect();
        edges.extend((next + 1..next + columns.len()).map(|qubit| [qubit - 1, qubit]));
        rows.push(columns.into_iter().zip(next..).collect::<Vec<_>>());
        next += rows[rows.len() - 1].len();
        if row < 6 {
            rows.push((row % 2 * 2..15).step_by(4).zip(next..).collect());
            next += 4;
        }
    }
    for between in (1..rows.len()).step_by(2) {
        for (column, qubit) in &rows[between] {
            let ends = [between - 1, between + 1].map(|row| rows[row].iter().find(|(other, _)| other == column));
            edges.extend(ends.into_iter().flatten().map(|(_, end)| [*end, *qubit]));
        }
    }
    edges
}
