//! Cells of a row of the drawing: a line of LaTeX for each wire, with as many cells in each.

use super::super::picture::{Part, Picture, Shape};
use super::maths::Maths;
use super::symbol;

/// Lines of a row, one for each wire.
pub(super) struct Cells<'r> {
    lines: Vec<String>,
    /// Whether a wire is a record from the next column on.
    records: &'r mut [bool],
    /// Whether the next cell of a wire starts a double line.
    starts: Vec<bool>,
}

/// Marks of one wire, or of neighbours that share a box.
struct Node {
    first: usize,
    last: usize,
    text: String,
}

impl<'r> Cells<'r> {
    pub(super) fn new(names: &[String], records: &'r mut [bool]) -> Self {
        let lines = names.iter().map(|name| format!(r"\lstick{{{name}}}")).collect();
        Self { lines, starts: records.to_vec(), records }
    }

    /// Adds a column.
    pub(super) fn add(&mut self, column: &[Picture<'_>], notation: Maths) {
        let mut texts = vec![String::new(); self.lines.len()];
        for picture in column {
            Marks { picture, notation, wires: self.lines.len() }.write(&mut texts);
        }
        self.next(texts);
        for part in column.iter().flat_map(|picture| &picture.parts).filter(|part| part.shape == Shape::Record) {
            self.records[part.qubit] = true;
            self.starts[part.qubit] = true;
        }
    }

    fn next(&mut self, texts: Vec<String>) {
        for ((line, text), start) in self.lines.iter_mut().zip(texts).zip(&mut self.starts) {
            line.push_str(" &");
            // The options of a mark are the first thing in its cell.
            for part in [text.as_str(), if std::mem::take(start) { r"\setwiretype{c}" } else { "" }] {
                if !part.is_empty() {
                    *line += &format!(" {part}");
                }
            }
        }
    }

    /// Returns the environment; the wires run on behind the last column.
    pub(super) fn finish(mut self) -> String {
        self.next(vec![String::new(); self.lines.len()]);
        format!(
            "\\begin{{quantikz}}[row sep={{2.6em, between origins}}]\n{}\n\\end{{quantikz}}\n",
            self.lines.join(" \\\\\n")
        )
    }
}

/// Operation whose marks are written.
struct Marks<'p, 'c> {
    picture: &'p Picture<'c>,
    notation: Maths,
    wires: usize,
}

impl Marks<'_, '_> {
    fn write(&self, texts: &mut [String]) {
        let parts = &self.picture.parts;
        if parts.iter().any(|part| part.shape == Shape::Barrier) {
            return self.write_barrier(texts);
        }
        let (nodes, joined) = self.nodes();
        let line = if parts.iter().any(|part| part.shape == Shape::Record) { "c" } else { "q" };
        for (index, node) in nodes.iter().enumerate() {
            // A vertical line starts in a box over several wires only upwards: inside, it would be seen.
            let below = nodes.get(index + 1).filter(|_| Some(node.first) != joined);
            let above = index.checked_sub(1).map(|index| &nodes[index]).filter(|node| Some(node.first) == joined);
            let down = below.map(|next| next.first - node.last);
            let up = above.map(|before| node.first - before.last);
            texts[node.first] = with_lines(&node.text, down, up, line);
        }
        for part in parts.iter().filter(|part| joined.is_some() && part.number.is_some()) {
            if let Some(number) = part.number.filter(|_| !self.picture.is_symmetric) {
                texts[part.qubit] += &format!(r"\gateinput{{{number}}}");
            }
        }
    }

    /// Returns the marks from the top to the bottom, and the first wire of a box over several wires.
    fn nodes(&self) -> (Vec<Node>, Option<usize>) {
        let joined = self.picture.joined().filter(|(first, last)| first < last);
        let mut nodes: Vec<Node> = Vec::new();
        for part in &self.picture.parts {
            match joined {
                Some((first, last)) if part.number.is_some() => {
                    if !nodes.iter().any(|node| node.first == first) {
                        let size = (last - first + 1).to_string();
                        nodes.push(Node { first, last, text: self.gate(part, &size, false) });
                    }
                }
                _ if self.is_beside(part) => {}
                _ => nodes.push(Node { first: part.qubit, last: part.qubit, text: self.mark(part) }),
            }
        }
        nodes.sort_by_key(|node| node.first);
        (nodes, joined.map(|(first, _)| first))
    }

    /// Returns whether a phase stands beside a control.
    fn is_beside(&self, part: &Part<'_>) -> bool {
        part.shape == Shape::Phase && self.picture.parts.len() > 1
    }

    /// Returns the mark of a part that has a cell of its own.
    fn mark(&self, part: &Part<'_>) -> String {
        let phase = self.picture.parts.iter().find(|other| self.is_beside(other) && other.qubit == part.qubit);
        let open = if part.shape == Shape::OpenControl { "[open]" } else { "" };
        match part.shape {
            Shape::Control | Shape::OpenControl if phase.is_some() => {
                format!(r"\phase{open}{{{}{}}}", self.arguments(), self.condition())
            }
            Shape::Control | Shape::Dot => r"\control{}".to_owned(),
            Shape::OpenControl => r"\ocontrol{}".to_owned(),
            Shape::Plus => r"\targ{}".to_owned(),
            Shape::Cross => r"\targX{}".to_owned(),
            Shape::Meter => {
                let condition = self.picture.condition.map_or_else(String::new, |number| format!("?{number}"));
                format!(r"\meter{{{condition}}}")
            }
            Shape::Record | Shape::Barrier => String::new(),
            Shape::Phase => format!(r"\gate{{e^{{i{}}}{}}}", self.exponent(), self.condition()),
            Shape::Box | Shape::Zero => self.gate(part, "", true),
        }
    }

    /// Returns a box; `size` is its number of wires, if there are several.
    fn gate(&self, part: &Part<'_>, size: &str, is_numbered: bool) -> String {
        let mut text = symbol(part.shape, &part.symbol);
        let arguments = self.arguments();
        if part.shape != Shape::Zero && !arguments.is_empty() {
            text += &format!("({arguments})");
        }
        if let Some(number) = part.number.filter(|_| is_numbered && !self.picture.is_symmetric) {
            text += &format!("{{:}}{number}");
        }
        text += &self.condition();
        let is_dashed = self.picture.is_noise() && part.shape != Shape::Zero;
        let options = match (size, is_dashed) {
            ("", false) => String::new(),
            ("", true) => "[style={dashed}]".to_owned(),
            (size, false) => format!("[{size}]"),
            (size, true) => format!("[{size},style={{dashed}}]"),
        };
        format!(r"\gate{options}{{{text}}}")
    }

    fn arguments(&self) -> String {
        self.picture.arguments.written(&self.notation)
    }

    /// Returns the argument as a factor.
    fn exponent(&self) -> String {
        let arguments = self.arguments();
        let is_sum = arguments.starts_with('-') || arguments.contains(" + ") || arguments.contains(" - ");
        if is_sum { format!("({arguments})") } else { format!(r"\,{arguments}") }
    }

    /// Returns the number of the conditions, as an exponent.
    fn condition(&self) -> String {
        self.picture.condition.map_or_else(String::new, |number| format!("{{}}^{{?{number}}}"))
    }

    /// Writes a barrier: through the whole drawing, or from wire to wire.
    fn write_barrier(&self, texts: &mut [String]) {
        let mut qubits: Vec<usize> = self.picture.parts.iter().map(|part| part.qubit).collect();
        qubits.sort_unstable();
        if qubits.len() == self.wires {
            texts[0] = r"\slice[style={black, dashed}]{}".to_owned();
            return;
        }
        for qubit in &qubits {
            texts[*qubit] = if qubits.contains(&(qubit + 1)) {
                r"\wire[d][1][dashed]{q}".to_owned()
            } else if *qubit > 0 && qubits.contains(&(qubit - 1)) {
                String::new()
            } else {
                r"\push{\vert}".to_owned()
            };
        }
    }
}

/// Returns a mark with vertical lines of a kind. A control and an exchange with one line have names of their own.
fn with_lines(mark: &str, down: Option<usize>, up: Option<usize>, line: &str) -> String {
    let short = match mark {
        r"\control{}" => r"\ctrl",
        r"\ocontrol{}" => r"\octrl",
        r"\targX{}" => r"\swap",
        _ => "",
    };
    match (down, up) {
        (Some(down), None) if !short.is_empty() => format!("{short}{{{down}}}"),
        (None, Some(up)) if !short.is_empty() => format!("{short}{{-{up}}}"),
        _ => {
            let wire = |way: &str, length: Option<usize>| {
                length.map_or_else(String::new, |length| format!(r"\wire[{way}][{length}]{{{line}}}"))
            };
            format!("{mark}{}{}", wire("d", down), wire("u", up))
        }
    }
}
