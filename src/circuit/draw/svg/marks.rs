//! Marks of operations: how much room they need, and how they are written.

use super::super::describe::describe;
use super::super::picture::{Line, Part, Picture, Shape};
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
/// Length of a barrier beyond its outer wires.
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

    /// Returns the small text of a part: the second line of a box, or the text beside a control.
    fn small_text(&self, part: &Part<'_>) -> String {
        let arguments = if part.has_arguments { &self.arguments } else { "" };
        let space = if arguments.is_empty() || self.condition.is_empty() { "" } else { " " };
        format!("{arguments}{space}{}", self.condition)
    }

    fn part_room(&self, part: &Part<'_>) -> Room {
        match part.shape {
            Shape::Control | Shape::OpenControl if part.has_arguments => {
                Room { left: TARGET, right: DOT + BESIDE + text_width(&self.small_text(part), SMALL) }
            }
            Shape::Control | Shape::OpenControl | Shape::Dot | Shape::Plus | Shape::Cross | Shape::Record => {
                Room::half(TARGET)
            }
            Shape::Barrier => Room::half(1.0),
            Shape::Meter => {
                let mark = text_width(&self.condition, SMALL);
                Room { left: BOX / 2.0, right: BOX / 2.0 + mark + if mark > 0.0 { BESIDE } else { 0.0 } }
            }
            Shape::Phase | Shape::Box | Shape::Zero => {
                let texts = text_width(&part.symbol, LABEL).max(text_width(&self.small_text(part), SMALL));
                let number = |(_, place): &(usize, usize)| text_width(&place.to_string(), SMALL) + BESIDE;
                let number = part.numbers.iter().map(number).fold(0.0, f64::max);
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
        for part in &self.picture.parts {
            self.write_part(out, part, x, [y(part.first), y(part.last)]);
            for (wire, place) in &part.numbers {
                write_text(out, "s t", &place.to_string(), (x - self.room.left + BESIDE, y(*wire)), SMALL);
            }
        }
        out.push_str("</g>");
    }

    /// Writes the vertical line; an outcome goes from the meter to its record, downwards or upwards.
    fn write_line(&self, out: &mut String, x: f64, y: &impl Fn(usize) -> f64) {
        let (meter, record) = match self.picture.line {
            Line::None => return,
            Line::Wire => {
                let [low, high] = [self.picture.low, self.picture.high].map(|qubit| Px(y(qubit)));
                let _ = write!(out, "<path class=\"w\" d=\"M{} {low}V{high}\"/>", Px(x));
                return;
            }
            Line::Outcome { meter, record } => (meter, record),
        };
        let way = if record > meter { 1.0 } else { -1.0 };
        let (from, to) = (Px(y(meter)), Px(y(record) - way * ARROW_LENGTH));
        let [left, right] = [x - DOUBLE, x + DOUBLE].map(Px);
        let _ = write!(out, "<path class=\"w\" d=\"M{left} {from}V{to}M{right} {from}V{to}\"/>");
        let (start, wide, half, length) = (Px(x - ARROW), Px(2.0 * ARROW), Px(-ARROW), Px(way * ARROW_LENGTH));
        let _ = write!(out, "<path class=\"d\" d=\"M{start} {to}h{wide}l{half} {length}z\"/>");
    }

    /// Writes a part over the wires between two heights.
    fn write_part(&self, out: &mut String, part: &Part<'_>, x: f64, [y, last]: [f64; 2]) {
        let (cx, cy) = (Px(x), Px(y));
        let _ = match part.shape {
            Shape::Control | Shape::OpenControl | Shape::Dot => {
                let class = if part.shape == Shape::OpenControl { "o" } else { "d" };
                let _ = write!(out, "<circle class=\"{class}\" cx=\"{cx}\" cy=\"{cy}\" r=\"{DOT}\"/>");
                if part.has_arguments {
                    write_text(out, "s t", &self.small_text(part), (x + DOT + BESIDE, y - SMALL), SMALL);
                }
                Ok(())
            }
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
                write!(out, "<path class=\"w b\" d=\"M{cx} {}V{}\"/>", Px(y - BARRIER), Px(last + BARRIER))
            }
            Shape::Meter => return self.write_meter(out, x, y),
            Shape::Phase | Shape::Box | Shape::Zero => return self.write_box(out, part, x, [y, last]),
            Shape::Record => Ok(()),
        };
    }

    /// Writes a box with its texts over the wires between two heights.
    fn write_box(&self, out: &mut String, part: &Part<'_>, x: f64, [first, last]: [f64; 2]) {
        let class = if part.is_noise { "e" } else { "g" };
        write_rectangle(out, class, [x - self.room.left, first - BOX / 2.0, 2.0 * self.room.left, last - first + BOX]);
        let (middle, second) = ((first + last) / 2.0, self.small_text(part));
        let heights = if second.is_empty() { [0.0; 2] } else { LINES };
        write_text(out, "", &part.symbol, (x, middle + heights[0]), LABEL);
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
