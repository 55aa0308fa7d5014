//! Text drawings of circuits.
//!
//! A greedy algorithm puts operations into columns; a column is as wide as its widest label. Each qubit has a wire line
//! and, below it, a line for the vertical joins. Conditions have numbers, `?1`, and are written below the drawing.

use super::{Circuit, Condition, Kind, Operation};
use std::fmt;

/// Longest line of a drawing; longer lines are broken into blocks.
const WIDTH: usize = 100;

/// Drawing of one operation: labels on qubits, and the vertical line between the outer qubits.
struct Picture {
    labels: Vec<(usize, String)>,
    low: usize,
    high: usize,
    line: &'static str,
}

impl Operation {
    /// Returns the drawing of the operation; `mark` names the conditions under which it acts.
    fn picture(&self, mark: &str) -> Picture {
        let (controls, targets) = self.controls_and_targets();
        let control = |qubit: &usize| match self.kind {
            Kind::Measure => "M",
            _ if self.zeros.contains(qubit) => "○",
            _ => "●",
        };
        let mut labels: Vec<(usize, String)> = controls.iter().map(|q| (*q, control(q).to_owned())).collect();
        if let Some(label) = self.phase_label() {
            let label = label + mark;
            match labels.first_mut() {
                Some((_, text)) => *text = format!("{text} {label}"),
                None => labels.push((0, label)),
            }
        } else {
            let label = |k: usize| self.target_label(k, targets.len()) + mark;
            labels.extend(targets.iter().enumerate().map(|(k, &qubit)| (qubit, label(k))));
        }
        let low = labels.iter().map(|l| l.0).min().unwrap_or(0);
        let high = labels.iter().map(|l| l.0).max().unwrap_or(0);
        Picture { labels, low, high, line: if self.kind == Kind::Barrier { "░" } else { "│" } }
    }

    /// Returns the label of an operation that has no targets, only a phase.
    fn phase_label(&self) -> Option<String> {
        match &self.kind {
            Kind::GlobalPhase => Some(format!("gphase({})", self.angles[0])),
            Kind::PauliRotation(word) if word.is_empty() => Some(format!("gphase({})", -0.5 * self.angles[0].clone())),
            _ => None,
        }
    }

    /// Returns the label on target `k` of `count`. If targets have different roles, the label tells them apart.
    fn target_label(&self, k: usize, count: usize) -> String {
        let angles: Vec<String> = self.angles.iter().map(ToString::to_string).collect();
        let arguments = if angles.is_empty() { String::new() } else { format!("({})", angles.join(", ")) };
        let dagger = if self.dagger { "†" } else { "" };
        let part = if count > 1 { format!(":{k}") } else { String::new() };
        match &self.kind {
            Kind::Gate(gate) if gate.spec().symbol == "×" => "×".to_owned(),
            Kind::Gate(gate) => format!("{}{dagger}{arguments}{part}", gate.spec().symbol),
            Kind::PauliRotation(word) => format!("R{}{arguments}", &word[k..=k]),
            Kind::Unitary(_) => format!("U{part}"),
            Kind::AmplitudeEmbedding { first, count, .. } => format!("Amp(x{first}..x{}){part}", first + count - 1),
            Kind::Barrier => "░".to_owned(),
            Kind::Measure => "record".to_owned(),
            Kind::Reset => ["|0>", "old"][k].to_owned(),
            Kind::Channel(channel) => format!("{}{arguments}{part}", channel.symbol()),
            Kind::Kraus(_) => format!("Kraus{part}"),
            Kind::GlobalPhase => String::new(),
        }
    }
}

/// Column of the drawing: the text of each wire line, and the text of the line below it.
struct Column {
    wires: Vec<String>,
    joins: Vec<&'static str>,
    width: usize,
}

impl Column {
    fn new(qubits: usize) -> Self {
        Self { wires: vec![String::new(); qubits], joins: vec![""; qubits], width: 1 }
    }

    fn add(&mut self, picture: Picture) {
        for qubit in picture.low..picture.high {
            self.joins[qubit] = picture.line;
            if qubit > picture.low {
                self.wires[qubit] = "┼".to_owned();
            }
        }
        for (qubit, label) in picture.labels {
            self.width = self.width.max(label.chars().count());
            self.wires[qubit] = label;
        }
    }
}

impl Circuit {
    /// Returns the columns, and the different lists of conditions under which operations act.
    fn columns(&self) -> (Vec<Column>, Vec<&[Condition]>) {
        let (mut columns, mut legend): (Vec<Column>, Vec<&[Condition]>) = (Vec::new(), Vec::new());
        let mut free = vec![0; self.qubits()];
        for operation in self.operations() {
            let conditions = operation.conditions();
            let mark = if conditions.is_empty() {
                String::new()
            } else {
                let known = legend.iter().position(|known| *known == conditions);
                format!("?{}", 1 + known.unwrap_or_else(|| (legend.len(), legend.push(conditions)).0))
            };
            let picture = operation.picture(&mark);
            let span = picture.low..=picture.high;
            let column = free[span.clone()].iter().copied().max().unwrap_or(0);
            free[span].fill(column + 1);
            while columns.len() <= column {
                columns.push(Column::new(self.qubits()));
            }
            columns[column].add(picture);
        }
        (columns, legend)
    }
}

impl fmt::Display for Circuit {
    /// Draws the circuit with qubit 0 on top. A mistake is written below the operations before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name_width = format!("q{}", self.qubits().saturating_sub(1)).len();
        let (columns, legend) = self.columns();
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
        for (index, conditions) in legend.iter().enumerate() {
            let joined = conditions.iter().skip(1).fold(conditions[0].clone(), |all, condition| all & condition);
            writeln!(f, "?{}: {joined}", index + 1)?;
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
            wire += &centerd(&column.wires[qubit], column.width, '─');
            join += &centerd(column.joins[qubit], column.width, ' ');
        }
        writeln!(f, "{wire}─")?;
        if qubit + 1 < qubits && block.iter().any(|column| !column.joins[qubit].is_empty()) {
            writeln!(f, "{}", join.trim_end())?;
        }
    }
    Ok(())
}

/// Centers the text in `width` cells, with one more cell on each side.
fn centerd(text: &str, width: usize, fill: char) -> String {
    let missing = width - text.chars().count();
    let repeat = |count| fill.to_string().repeat(count);
    format!("{}{text}{}", repeat(1 + missing / 2), repeat(1 + missing - missing / 2))
}
