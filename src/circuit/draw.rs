//! Text drawing of a circuit.
//!
//! Operations are put greedily into columns; a column is as wide as its widest label. Each qubit has a wire line and,
//! below it, a line for the vertical joins.

use super::{Circuit, Kind, Operation};
use std::fmt;

/// Lines longer than this are broken into blocks.
const WIDTH: usize = 100;

/// What one operation draws: labels on qubits, and the range of qubits its vertical line spans.
struct Picture {
    labels: Vec<(usize, String)>,
    low: usize,
    high: usize,
    barrier: bool,
}

impl Operation {
    fn picture(&self) -> Picture {
        let (controls, targets) = self.controls_and_targets();
        let mut labels: Vec<(usize, String)> = controls.iter().map(|&q| (q, "●".to_owned())).collect();
        let angles: Vec<String> = self.angles.iter().map(ToString::to_string).collect();
        let arguments = if angles.is_empty() { String::new() } else { format!("({})", angles.join(", ")) };
        let dagger = if self.dagger { "†" } else { "" };
        for (k, &qubit) in targets.iter().enumerate() {
            let label = match &self.kind {
                Kind::Gate(gate) => format!("{}{dagger}{arguments}", gate.spec().symbol),
                Kind::PauliRotation(word) => format!("R{}{arguments}", &word[k..=k]),
                Kind::Unitary(_) => "U".to_owned(),
                Kind::AmplitudeEmbedding { first, count } => format!("Amp(x{first}..x{})", first + count - 1),
                Kind::Barrier => "░".to_owned(),
                Kind::GlobalPhase => continue,
            };
            // Where the qubits of a gate play different parts, the label says which is which.
            let ordered = targets.len() > 1 && self.kind != Kind::Barrier && !label.starts_with('×');
            labels.push((qubit, if ordered { format!("{label}:{k}") } else { label }));
        }
        if self.kind == Kind::GlobalPhase {
            let label = format!("phase{arguments}");
            match labels.first_mut() {
                Some((_, text)) => *text = format!("● {label}"),
                None => labels.push((0, label)),
            }
        }
        let low = labels.iter().map(|l| l.0).min().unwrap_or(0);
        let high = labels.iter().map(|l| l.0).max().unwrap_or(0);
        Picture { labels, low, high, barrier: self.kind == Kind::Barrier }
    }
}

/// One column: the text of each wire line and each line of joins.
struct Column {
    wires: Vec<String>,
    joins: Vec<bool>,
    barrier: bool,
    width: usize,
}

impl Column {
    fn new(qubits: usize) -> Self {
        Self { wires: vec![String::new(); qubits], joins: vec![false; qubits], barrier: false, width: 1 }
    }

    fn add(&mut self, picture: Picture) {
        for qubit in picture.low..picture.high {
            self.joins[qubit] = true;
            if qubit > picture.low {
                self.wires[qubit] = "┼".to_owned();
            }
        }
        self.barrier = picture.barrier;
        for (qubit, label) in picture.labels {
            self.width = self.width.max(label.chars().count());
            self.wires[qubit] = label;
        }
    }
}

impl Circuit {
    fn columns(&self) -> Vec<Column> {
        let mut columns: Vec<Column> = Vec::new();
        let mut free = vec![0; self.qubits()];
        for operation in self.operations() {
            let picture = operation.picture();
            let span = picture.low..=picture.high;
            let column = free[span.clone()].iter().copied().max().unwrap_or(0);
            free[span].fill(column + 1);
            while columns.len() <= column {
                columns.push(Column::new(self.qubits()));
            }
            columns[column].add(picture);
        }
        columns
    }
}

impl fmt::Display for Circuit {
    /// Draws the circuit, qubit 0 on top; a mistake is written below the operations before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name_width = format!("q{}", self.qubits().saturating_sub(1)).len();
        let columns = self.columns();
        let mut rest = &columns[..];
        loop {
            let mut used = name_width + 2;
            let fits = rest.iter().take_while(|column| {
                used += column.width + 2;
                used <= WIDTH
            });
            let count = fits.count().max(1).min(rest.len());
            let (block, later) = rest.split_at(count);
            draw_block(f, self.qubits(), name_width, block)?;
            if later.is_empty() {
                break;
            }
            writeln!(f)?;
            rest = later;
        }
        match self.check() {
            Err(error) => writeln!(f, "error: {error}"),
            Ok(()) => Ok(()),
        }
    }
}

fn draw_block(f: &mut fmt::Formatter<'_>, qubits: usize, name_width: usize, block: &[Column]) -> fmt::Result {
    for qubit in 0..qubits {
        let mut wire = format!("{:<name_width$}: ", format!("q{qubit}"));
        let mut join = " ".repeat(name_width + 2);
        for column in block {
            wire += &centred(&column.wires[qubit], column.width, '─');
            let bar = match (column.joins[qubit], column.barrier) {
                (true, true) => "░",
                (true, false) => "│",
                (false, _) => "",
            };
            join += &centred(bar, column.width, ' ');
        }
        writeln!(f, "{wire}─")?;
        if qubit + 1 < qubits && block.iter().any(|column| column.joins[qubit]) {
            writeln!(f, "{}", join.trim_end())?;
        }
    }
    Ok(())
}

/// The text in the middle of `width` cells, with one more cell on each side.
fn centred(text: &str, width: usize, fill: char) -> String {
    let missing = width - text.chars().count();
    let repeat = |count| fill.to_string().repeat(count);
    format!("{}{text}{}", repeat(1 + missing / 2), repeat(1 + missing - missing / 2))
}
