//! Marks of operations: how much room they need, and how they are written.

use super::super::describe::describe;
use super::super::picture::{Part, Picture, Shape};
use super::super::widths::{cut, text_width};
use super::style::{Px, escaped, write_text};
use super::{DOUBLE, LABEL, WIRE};
use crate::angle::Plain;
use std::fmt::Write;

/// Height and least width of a box, and space between its sides and its texts.
const BOX: f64 = 28.0;
const PADDING: f64 = 6.0;
/// Size of angles and other small texts, and the most characters of one.
const SMALL: f64 = 9.0;
const CHARACTERS: usize = 40;
/// Heights of the two lines of a box from its middle.
const LINES: [f64; 2] = [-5.0, 8.0];
/// Radii of dots and of targets of a controlled X, half of a cross and of an arrow's width, length of the arrow. Each
/// of these has the room of a target.
const DOT: f64 = 4.0;
const TARGET: f64 = 9.0;
const CROSS: f64 = 6.0;
const ARROW: f64 = 4.0;
const ARROW_LENGTH: f64 = 7.0;
/// Distance of a number from the side of its box, and of a phase from its control.
const BESIDE: f64 = 4.0;
/// Half of the length of a barrier on a wire.
const BARRIER: f64 = 18.0;

/// Space that marks need on both sides of the middle of their column.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Room {
    pub(super) left: f64,
    pub(super) right: f64,
}

/// Operation with its texts and its room.
#[derive(Debug)]
pub(super) struct Figure<'l, 'c> {
    picture: &'l Picture<'c>,
    title: String,
    /// Arguments, cut where they are too long.
    arguments: String,
    condition: String,
    room: Room,
}

impl Room {
    fn half(size: f64) -> Self {
        Self { left: size, right: size }
    }

    fn with(self, other: Self) -> Self {
        Self { left: self.left.max(other.left), right: self.right.max(other.right) }
    }

    /// Returns the room of a column.
    pub(super) fn of(column: &[Figure<'_, '_>]) -> Self {
        column.iter().fold(Self::default(), |room, figure| room.with(figure.room))
    }
}

impl<'l, 'c> Figure<'l, 'c> {
    pub(super) fn new(picture: &'l Picture<'c>, notation: Plain, names: &[String]) -> Self {
        let arguments = picture.arguments.written(&notation);
        let condition = picture.condition.map_or_else(String::new, |number| format!("?{number}"));
        let title = describe(picture, &arguments, names);
        let mut figure =
            Self { picture, title, arguments: cut(&arguments, CHARACTERS), condition, room: Room::default() };
        figure.room = picture.parts.iter().fold(Room::default(), |room, part| room.with(figure.part_room(part)));
        figure
    }

    /// Returns the second line of a box.
    fn second_line(&self, part: &Part<'_>) -> String {
        let arguments = if part.shape == Shape::Zero { "" } else { &self.arguments };
        let space = if arguments.is_empty() || self.condition.is_empty() { "" } else { " " };
        format!("{arguments}{space}{}", self.condition)
    }

    /// Returns the first line of a box.
    fn first_line<'p>(part: &'p Part<'_>) -> &'p str {
        if part.shape == Shape::Zero { "|0⟩" } else { &part.symbol }
    }

    /// Returns the number of a target, if its place among several matters.
    fn number(&self, part: &Part<'_>) -> Option<String> {
        part.number.filter(|_| !self.picture.is_symmetric).map(|number| number.to_string())
    }

    /// Returns whether a phase stands beside a control.
    fn is_beside(&self, part: &Part<'_>) -> bool {
        part.shape == Shape::Phase && self.picture.parts.len() > 1
    }

    fn part_room(&self, part: &Part<'_>) -> Room {
        match part.shape {
            Shape::Control | Shape::OpenControl | Shape::Dot | Shape::Plus | Shape::Cross | Shape::Record => {
                Room::half(TARGET)
            }
            Shape::Barrier => Room::half(1.0),
            Shape::Meter => {
                let mark = text_width(&self.condition, SMALL);
                Room { left: BOX / 2.0, right: BOX / 2.0 + mark + if mark > 0.0 { BESIDE } else { 0.0 } }
            }
            Shape::Phase if self.is_beside(part) => {
                Room { left: TARGET, right: DOT + BESIDE + text_width(&self.second_line(part), SMALL) }
            }
            Shape::Phase | Shape::Box | Shape::Zero => {
                let texts = text_width(Self::first_line(part), LABEL).max(text_width(&self.second_line(part), SMALL));
                let number = self.number(part).map_or(0.0, |number| text_width(&number, SMALL) + BESIDE);
                Room::half((texts / 2.0 + PADDING + number).max(BOX / 2.0))
            }
        }
    }

    /// Writes the marks, in the column with the middle `x` of the row whose first wire is at `top`.
    pub(super) fn write(&self, out: &mut String, x: f64, top: f64) {
        let y = |qubit: usize| top + qubit as f64 * WIRE;
        // Writing to a string does not fail, here and below.
        let _ = write!(out, "\n<g><title>{}</title>", escaped(&self.title));
        self.write_line(out, x, &y);
        let joined = self.picture.joined();
        let mut targets = self.picture.parts.iter().filter(|part| part.number.is_some());
        if let (Some((first, last)), Some(part)) = (joined, targets.next()) {
            self.write_box(out, part, x, [y(first), y(last)]);
        }
        for part in &self.picture.parts {
            if joined.is_none() || part.number.is_none() {
                self.write_part(out, part, x, y(part.qubit));
            }
            if let Some(number) = self.number(part) {
                write_text(out, "s t", &number, (x - self.room.left + BESIDE, y(part.qubit)), SMALL);
            }
        }
        out.push_str("</g>");
    }

    /// Writes the vertical line between the outermost wires.
    fn write_line(&self, out: &mut String, x: f64, y: &impl Fn(usize) -> f64) {
        let Picture { parts, low, high, .. } = self.picture;
        let find = |shape: Shape| parts.iter().find(|part| part.shape == shape);
        if find(Shape::Barrier).is_some() || low == high {
            return;
        }
        let Some(record) = find(Shape::Record) else {
            let _ = write!(out, "<path class=\"w\" d=\"M{} {}V{}\"/>", Px(x), Px(y(*low)), Px(y(*high)));
            return;
        };
        // An outcome goes from the meter to its record, downwards or upwards.
        let (meter, way) = if record.qubit == *high { (*low, 1.0) } else { (*high, -1.0) };
        let (from, to) = (Px(y(meter)), Px(y(record.qubit) - way * ARROW_LENGTH));
        let [left, right] = [x - DOUBLE, x + DOUBLE].map(Px);
        let _ = write!(out, "<path class=\"w\" d=\"M{left} {from}V{to}M{right} {from}V{to}\"/>");
        let (start, wide, half, length) = (Px(x - ARROW), Px(2.0 * ARROW), Px(-ARROW), Px(way * ARROW_LENGTH));
        let _ = write!(out, "<path class=\"d\" d=\"M{start} {to}h{wide}l{half} {length}z\"/>");
    }

    fn write_part(&self, out: &mut String, part: &Part<'_>, x: f64, y: f64) {
        let (cx, cy) = (Px(x), Px(y));
        let _ = match part.shape {
            Shape::Control | Shape::Dot => write!(out, "<circle class=\"d\" cx=\"{cx}\" cy=\"{cy}\" r=\"{DOT}\"/>"),
            Shape::OpenControl => write!(out, "<circle class=\"o\" cx=\"{cx}\" cy=\"{cy}\" r=\"{DOT}\"/>"),
            Shape::Plus => {
                let (left, above, size) = (Px(x - TARGET), Px(y - TARGET), 2.0 * TARGET);
                let _ = write!(out, "<circle class=\"o\" cx=\"{cx}\" cy=\"{cy}\" r=\"{TARGET}\"/>");
                write!(out, "<path class=\"w\" d=\"M{left} {cy}h{size}M{cx} {above}v{size}\"/>")
            }
            Shape::Cross => {
                let (left, above, size) = (Px(x - CROSS), Px(y - CROSS), 2.0 * CROSS);
                write!(out, "<path class=\"w\" d=\"M{left} {above}l{size} {size}m0-{size}l-{size} {size}\"/>")
            }
            Shape::Barrier => {
                let (above, size) = (Px(y - BARRIER), 2.0 * BARRIER);
                write!(out, "<path class=\"w b\" d=\"M{cx} {above}v{size}\"/>")
            }
            Shape::Meter => return self.write_meter(out, x, y),
            Shape::Phase if self.is_beside(part) => {
                let place = (x + DOT + BESIDE, y - SMALL);
                return write_text(out, "s t", &self.second_line(part), place, SMALL);
            }
            Shape::Phase | Shape::Box | Shape::Zero => return self.write_box(out, part, x, [y, y]),
            Shape::Record => Ok(()),
        };
    }

    /// Writes a box with its texts over the wires between two heights.
    fn write_box(&self, out: &mut String, part: &Part<'_>, x: f64, [first, last]: [f64; 2]) {
        let class = if self.picture.is_noise() && part.shape != Shape::Zero { "e" } else { "g" };
        write_rectangle(out, class, [x - self.room.left, first - BOX / 2.0, 2.0 * self.room.left, last - first + BOX]);
        let (middle, second) = ((first + last) / 2.0, self.second_line(part));
        let heights = if second.is_empty() { [0.0; 2] } else { LINES };
        write_text(out, "", Self::first_line(part), (x, middle + heights[0]), LABEL);
        write_text(out, "s", &second, (x, middle + heights[1]), SMALL);
    }

    fn write_meter(&self, out: &mut String, x: f64, y: f64) {
        write_rectangle(out, "g", [x - BOX / 2.0, y - BOX / 2.0, BOX / 2.0 + self.room.right, BOX]);
        let (left, base, cx) = (Px(x - 9.0), Px(y + 5.0), Px(x));
        let _ = write!(out, "<path class=\"w\" d=\"M{left} {base}a9 9 0 0 1 18 0M{cx} {base}l7-13\"/>");
        write_text(out, "s t", &self.condition, (x + BOX / 2.0, y), SMALL);
    }
}

fn write_rectangle(out: &mut String, class: &str, edges: [f64; 4]) {
    let [x, y, width, height] = edges.map(Px);
    let _ = write!(out, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"3\"/>");
}
