//! Cells of a row of the drawing: a line of LaTeX for each wire, with as many cells in each.

use super::super::layout::Layout;
use super::super::picture::{Line, Part, Picture, Shape};
use super::maths::{Maths, plain};
use std::ops::Range;

/// Returns the environment of a row: the columns of a range, behind which the wires run on.
pub(super) fn environment(layout: &Layout<'_>, row: Range<usize>, names: &[String], notation: Maths) -> String {
    let mut lines: Vec<String> = names.iter().map(|name| format!(r"\lstick{{{name}}}")).collect();
    for column in row.start..=row.end {
        let mut texts = vec![String::new(); lines.len()];
        for picture in layout.columns[row.clone()].get(column - row.start).into_iter().flatten() {
            Marks { picture, notation, wires: names.len() }.write(&mut texts);
        }
        for ((line, text), record) in lines.iter_mut().zip(texts).zip(&layout.records) {
            // Behind the outcome, and at the start of a later row, the line becomes double.
            let is_start = record.is_some_and(|at| at + 1 == column || at < column && column == row.start);
            line.push_str(" &");
            // The options of a mark are the first thing in its cell.
            for part in [text.as_str(), if is_start { r"\setwiretype{c}" } else { "" }] {
                if !part.is_empty() {
                    *line += &format!(" {part}");
                }
            }
        }
    }
    format!("\\begin{{quantikz}}[row sep={{2.6em, between origins}}]\n{}\n\\end{{quantikz}}\n", lines.join(" \\\\\n"))
}

/// Operation whose marks are written.
struct Marks<'p, 'c> {
    picture: &'p Picture<'c>,
    notation: Maths,
    wires: usize,
}

impl Marks<'_, '_> {
    fn write(&self, texts: &mut [String]) {
        let mut parts: Vec<&Part<'_>> = self.picture.parts.iter().collect();
        parts.sort_by_key(|part| part.first);
        let has_line = self.picture.line != Line::None;
        let line = if matches!(self.picture.line, Line::Outcome { .. }) { "c" } else { "q" };
        for (index, part) in parts.iter().enumerate() {
            if part.shape == Shape::Barrier {
                self.write_barrier(part, texts);
                continue;
            }
            // A vertical line starts in a box over several wires only from below: inside, it would be seen.
            let is_wide = |part: &Part<'_>| part.first < part.last;
            let below = parts.get(index + 1).filter(|_| has_line && !is_wide(part));
            let above = index.checked_sub(1).map(|index| parts[index]).filter(|above| has_line && is_wide(above));
            let down = below.map(|below| below.first - part.last);
            let up = above.map(|above| part.first - above.last);
            texts[part.first] = with_lines(&self.mark(part), down, up, line);
            for (wire, place) in part.numbers.iter().filter(|_| is_wide(part)) {
                texts[*wire] += &format!(r"\gateinput{{{place}}}");
            }
        }
    }

    /// Returns the mark of a part.
    fn mark(&self, part: &Part<'_>) -> String {
        let open = if part.shape == Shape::OpenControl { "[open]" } else { "" };
        match part.shape {
            Shape::Control | Shape::OpenControl if part.has_arguments => {
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
            Shape::Box | Shape::Zero => self.gate(part),
        }
    }

    /// Returns a box. Over several wires, numbers stand at its side; on one, behind the name.
    fn gate(&self, part: &Part<'_>) -> String {
        let mut text = plain(&part.symbol);
        let arguments = self.arguments();
        if part.has_arguments && !arguments.is_empty() {
            text += &format!("({arguments})");
        }
        let size = part.last - part.first + 1;
        if let ([(_, place)], 1) = (&part.numbers[..], size) {
            text += &format!("{{:}}{place}");
        }
        text += &self.condition();
        let options = match (size, part.is_noise) {
            (1, false) => String::new(),
            (1, true) => "[style={dashed}]".to_owned(),
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

    /// Returns the number of the condition, as an exponent.
    fn condition(&self) -> String {
        self.picture.condition.map_or_else(String::new, |number| format!("{{}}^{{?{number}}}"))
    }

    /// Writes a barrier: through the whole drawing, or from wire to wire.
    fn write_barrier(&self, part: &Part<'_>, texts: &mut [String]) {
        match part.last - part.first {
            length if length + 1 == self.wires => texts[0] = r"\slice[style={black, dashed}]{}".to_owned(),
            0 => texts[part.first] = r"\push{\vert}".to_owned(),
            _ => texts[part.first..part.last].fill(r"\wire[d][1][dashed]{q}".to_owned()),
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
