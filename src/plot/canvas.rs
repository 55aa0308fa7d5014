//! The canvas: a list of shapes, which becomes a bitmap or an SVG.

use super::text::{Letter, em, set_line, text_width};

/// Point of the canvas: to the right and down. A picture of scale 1 has a pixel for each square of 2 x 2.
pub(super) type Point = (f64, f64);

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rgb(pub(super) u8, pub(super) u8, pub(super) u8);

pub(super) const WHITE: Rgb = Rgb(255, 255, 255);
pub(super) const BLACK: Rgb = Rgb(0, 0, 0);
/// Colour of text and axes.
pub(super) const INK: Rgb = Rgb(38, 42, 51);
/// Colour of explanations.
pub(super) const SOFT_INK: Rgb = Rgb(94, 101, 115);
/// Colour of grid lines.
pub(super) const GRID: Rgb = Rgb(228, 231, 237);
/// Colour of the border of a card.
pub(super) const BORDER: Rgb = Rgb(208, 215, 222);
/// Sizes of text.
pub(super) const TITLE: f64 = 60.0;
pub(super) const HEADING: f64 = 48.0;
pub(super) const LABEL: f64 = 42.0;
pub(super) const TICK: f64 = 38.0;
/// Smallest size of text.
pub(super) const SMALLEST: f64 = 22.0;

/// Length of a canvas along a pixel of a picture of scale 1.
pub(super) const PIXEL: f64 = 2.0;

/// Rectangle by its left, upper, right and lower edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edges {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Edges {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    pub(super) fn middle(&self) -> Point {
        ((self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0)
    }
}

/// Shape in one colour, or a grid of colours.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// Lines through points with round ends and corners.
    Lines { lines: Vec<Vec<Point>>, width: f64, color: Rgb },
    /// Filled circle.
    Disk { center: Point, radius: f64, color: Rgb },
    /// Filled polygon.
    Polygon { corners: Vec<Point>, color: Rgb },
    /// Filled rectangle.
    Rectangle { edges: Edges, color: Rgb },
    /// Letters of a size, from the start of a line; upwards if `upward`.
    Text { letters: Vec<Letter>, start: Point, em: f64, upward: bool, color: Rgb },
    /// Pixels in rows of `columns`, each with red, green and blue, spread over a rectangle.
    Pixels { edges: Edges, columns: usize, rgb: Vec<u8> },
}

/// Position of a text relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// The text is to the right of the point.
    Left,
    /// The text is around the point.
    Center,
    /// The text is to the left of the point.
    Right,
    /// The text is around the point, and reads upwards.
    Upward,
}

/// Canvas of a picture while it is drawn. Everything that is drawn later lies on top.
#[derive(Debug)]
pub(super) struct Canvas {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Pixels of the picture along a unit of the canvas.
    pub(super) pixels: f64,
    pub(super) shapes: Vec<Shape>,
}

impl Canvas {
    /// Draws a line through points.
    pub(super) fn line(&mut self, points: Vec<Point>, width: f64, color: Rgb) {
        self.shapes.push(Shape::Lines { lines: vec![points], width, color });
    }

    /// Draws a line through points in dashes of a length, and gaps of another.
    pub(super) fn dashes(&mut self, points: &[Point], [dash, gap]: [f64; 2], width: f64, color: Rgb) {
        // Round ends make a dash longer and a gap shorter by the width of the line.
        let (dash, gap) = ((dash - width).max(1.0), gap + width);
        let (mut lines, mut current) = (Vec::new(), points.first().copied().into_iter().collect::<Vec<_>>());
        let (mut is_dash, mut left) = (true, dash);
        for pair in points.windows(2) {
            let ((x, y), (to_x, to_y)) = (pair[0], pair[1]);
            let length = (to_x - x).hypot(to_y - y);
            let mut done = 0.0;
            while length - done > left {
                done += left;
                let at = (x + (to_x - x) * done / length, y + (to_y - y) * done / length);
                if is_dash {
                    current.push(at);
                    lines.push(std::mem::take(&mut current));
                } else {
                    current = vec![at];
                }
                (is_dash, left) = (!is_dash, if is_dash { gap } else { dash });
            }
            left -= length - done;
            if is_dash {
                current.push((to_x, to_y));
            }
        }
        if is_dash && current.len() > 1 {
            lines.push(current);
        }
        self.shapes.push(Shape::Lines { lines, width, color });
    }

    /// Draws the border of a rectangle.
    pub(super) fn border(&mut self, Edges { left, top, right, bottom }: Edges, width: f64, color: Rgb) {
        let corners = vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        self.line(corners, width, color);
    }

    /// Fills a circle.
    pub(super) fn disk(&mut self, center: Point, radius: f64, color: Rgb) {
        self.shapes.push(Shape::Disk { center, radius, color });
    }

    /// Fills a polygon.
    pub(super) fn polygon(&mut self, corners: Vec<Point>, color: Rgb) {
        self.shapes.push(Shape::Polygon { corners, color });
    }

    /// Fills a rectangle.
    pub(super) fn fill(&mut self, edges: Edges, color: Rgb) {
        self.shapes.push(Shape::Rectangle { edges, color });
    }

    /// Colours the pixels of a rectangle by their points.
    pub(super) fn colored(&mut self, edges: Edges, color: impl Fn(Point) -> Rgb) {
        let count = |length: f64| (length * self.pixels).round().max(1.0);
        let (columns, rows) = (count(edges.width()), count(edges.height()));
        let mut rgb = Vec::with_capacity(3 * columns as usize * rows as usize);
        for row in 0..rows as usize {
            let y = edges.top + (row as f64 + 0.5) / rows * edges.height();
            for column in 0..columns as usize {
                let Rgb(red, green, blue) = color((edges.left + (column as f64 + 0.5) / columns * edges.width(), y));
                rgb.extend([red, green, blue]);
            }
        }
        self.shapes.push(Shape::Pixels { edges, columns: columns as usize, rgb });
    }

    /// Writes a line of text. The middle of its capitals is at the height of the point.
    pub(super) fn text(&mut self, line: &str, (x, y): Point, size: f64, color: Rgb, anchor: Anchor) {
        let (letters, width) = set_line(line);
        let em = em(size);
        let before = em
            * width
            * match anchor {
                Anchor::Left => 0.0,
                Anchor::Center | Anchor::Upward => 0.5,
                Anchor::Right => 1.0,
            };
        let below = 0.5 * super::text::CAPITALS * em;
        let upward = anchor == Anchor::Upward;
        let start = if upward { (x + below, y + before) } else { (x - before, y + below) };
        self.shapes.push(Shape::Text { letters, start, em, upward, color });
    }

    /// Writes a line of text that fits a width: smaller, down to a readable size, and then shortened.
    pub(super) fn text_within(&mut self, line: &str, room: f64, at: Point, size: f64, color: Rgb, anchor: Anchor) {
        let size = fitting_size(line, room, size);
        self.text(&shorten(line, room, size), at, size, color, anchor);
    }
}

/// Returns the size with which a line fits a width, down to a readable one.
pub(super) fn fitting_size(line: &str, room: f64, size: f64) -> f64 {
    let width = text_width(line, size);
    if width > room { (size * room / width).max(SMALLEST) } else { size }
}

/// Returns a name that fits a width: its beginning, if it is too long.
pub(super) fn shorten(name: &str, room: f64, size: f64) -> String {
    // No line has room for more letters.
    let letters: Vec<char> = name.chars().take(1000).collect();
    if letters.len() == name.chars().count() && text_width(name, size) <= room {
        return name.to_owned();
    }
    let short = |kept: usize| letters[..kept].iter().chain(&['…']).collect::<String>();
    let kept = (0..letters.len()).collect::<Vec<_>>().partition_point(|&kept| text_width(&short(kept), size) <= room);
    if kept == 0 { String::new() } else { short(kept - 1) }
}

/// Space between a sign and its text, and between two entries of a legend.
const GAP: f64 = 24.0;
const BETWEEN: f64 = 70.0;

/// Returns the width of an entry of a legend, including the space behind it.
pub(super) fn legend_width(name: &str, sign_width: f64) -> f64 {
    sign_width + GAP + text_width(name, LABEL) + BETWEEN
}

/// Draws a row of entries around `center`. Each entry has a text and a sign of width `sign_width`, which `sign` draws
/// around a point.
pub(super) fn draw_legend<T>(
    canvas: &mut Canvas,
    center: Point,
    sign_width: f64,
    entries: &[(&str, T)],
    sign: impl Fn(&mut Canvas, &T, Point),
) {
    let widths: Vec<f64> = entries.iter().map(|(name, _)| legend_width(name, sign_width)).collect();
    let mut x = (center.0 - (widths.iter().sum::<f64>() - BETWEEN) / 2.0).max(30.0);
    for ((name, entry), width) in entries.iter().zip(widths) {
        sign(canvas, entry, (x + sign_width / 2.0, center.1));
        let room = canvas.width - x - sign_width - GAP - 30.0;
        canvas.text_within(name, room, (x + sign_width + GAP, center.1), LABEL, INK, Anchor::Left);
        x += width;
    }
}

/// Mixes a fraction `amount` of a colour with white.
pub(super) fn tinted_color(color: Rgb, amount: f64) -> Rgb {
    mixed_color(color, WHITE, amount)
}

/// Mixes a fraction `amount` of a colour with another colour.
pub(super) fn mixed_color(Rgb(r, g, b): Rgb, Rgb(x, y, z): Rgb, amount: f64) -> Rgb {
    let amount = amount.clamp(0.0, 1.0);
    let mix = |of: u8, on: u8| (f64::from(on) + (f64::from(of) - f64::from(on)) * amount).round() as u8;
    Rgb(mix(r, x), mix(g, y), mix(b, z))
}

/// Returns a colour for text on a background, with a contrast of at least 4.5 as WCAG 2 defines it: black has it
/// wherever white has not.
pub(super) fn readable_color(background: Rgb) -> Rgb {
    let contrast = |text: Rgb| {
        let (a, b) = (luminance(text), luminance(background));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    };
    [INK, WHITE].into_iter().find(|&text| contrast(text) >= 4.5).unwrap_or(BLACK)
}

/// Returns the relative luminance of a colour in sRGB, from 0 to 1.
fn luminance(Rgb(red, green, blue): Rgb) -> f64 {
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}
