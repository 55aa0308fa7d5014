//! Axes: a frame with a grid, ticks and labels.

use super::canvas::{Anchor, Canvas, Edges, GRID, INK, LABEL, PIXEL, Point, SOFT_INK, TICK, shorten};
use std::ops::Range;

/// Scale of one axis.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    range: Range<f64>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Linear,
    /// Linear scale with ticks at whole numbers only.
    Counting,
    /// Linear scale with names at 0, 1, 2, ..
    Named(Vec<String>),
    Logarithmic,
}

/// Frame on the canvas with a scale for each direction.
#[derive(Debug, Clone)]
pub(super) struct Axes {
    /// Place on the canvas.
    pub(super) frame: Edges,
    /// Scale from left to right.
    pub(super) x: Scale,
    /// Scale from bottom to top.
    pub(super) y: Scale,
}

impl Scale {
    /// Makes a linear scale.
    pub(super) fn linear(range: Range<f64>) -> Self {
        Self { range, kind: Kind::Linear }
    }

    /// Makes a linear scale with ticks at whole numbers only.
    pub(super) fn counting(range: Range<f64>) -> Self {
        Self { range, kind: Kind::Counting }
    }

    /// Makes a linear scale with names at 0, 1, 2, ..
    pub(super) fn named(range: Range<f64>, names: Vec<String>) -> Self {
        Self { range, kind: Kind::Named(names) }
    }

    /// Makes a logarithmic scale of a range above 0.
    pub(super) fn logarithmic(range: Range<f64>) -> Self {
        Self { range, kind: Kind::Logarithmic }
    }

    /// Returns the position of a value, 0 at the start and 1 at the end. Values outside the range are moved to the
    /// edge.
    pub(super) fn place(&self, value: f64) -> f64 {
        self.open_place(value).clamp(0.0, 1.0)
    }

    /// Returns the position of a value inside the range or outside, up to a million times its width.
    fn open_place(&self, value: f64) -> f64 {
        let map = |v: f64| if self.kind == Kind::Logarithmic { v.log10() } else { v };
        let (start, end) = (map(self.range.start), map(self.range.end));
        ((map(value) - start) / (end - start)).clamp(-1e6, 1e6)
    }

    /// Returns whether a value has a position.
    fn has_place(&self, value: f64) -> bool {
        value.is_finite() && !(self.kind == Kind::Logarithmic && value <= 0.0)
    }

    /// Returns the value at a position between 0 and 1 of a linear scale.
    pub(super) fn value(&self, place: f64) -> f64 {
        self.range.start + place * (self.range.end - self.range.start)
    }

    /// Returns round values and their texts, about one for each length `apart` on an axis.
    pub(super) fn ticks(&self, length: f64, apart: f64) -> Vec<(f64, String)> {
        if let Kind::Named(names) = &self.kind {
            let room = length / (self.range.end - self.range.start) - 10.0;
            let named = (0..).map(f64::from).zip(names.iter().map(|name| shorten(name, room, TICK)));
            return named.filter(|(place, _)| self.range.contains(place)).collect();
        }
        let wanted = (length / apart).floor().clamp(3.0, 6.0);
        if self.kind == Kind::Logarithmic {
            // The coarsest steps of which there are enough.
            let steps = [&[1.0][..], &[1.0, 3.0], &[1.0, 2.0, 5.0]];
            let ticks = steps.map(|steps| self.decades(steps, wanted as usize + 2));
            if let Some((ticks, places)) = ticks.into_iter().find(|(ticks, _)| ticks.len() > 2) {
                return with_texts(ticks, |k| places[k]);
            }
        }
        let finest = if self.kind == Kind::Counting { 1.0 } else { 0.0 };
        let rough = ((self.range.end - self.range.start) / wanted).max(finest);
        let power = rough.log10().floor();
        let unit = 10f64.powf(power);
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * unit).into_iter().find(|step| *step >= rough * 0.999);
        let step = step.unwrap_or(10.0 * unit);
        let first = (self.range.start / step - 1e-6).ceil() as i64;
        let last = (self.range.end / step + 1e-6).floor() as i64;
        let places = -step.log10().floor() as i32;
        with_texts((first..=last).map(|k| k as f64 * step).collect(), |_| places)
    }

    /// Returns the multiples of the powers of ten in the range, and their digits behind the point; not all decades of
    /// a long range.
    fn decades(&self, multiples: &[f64], most: usize) -> (Vec<f64>, Vec<i32>) {
        let (first, last) = (self.range.start.log10().floor() as i32, self.range.end.log10().ceil() as i32);
        let stride = ((last - first) as usize / most.max(1)).max(1);
        let is_inside = |value: f64| value >= self.range.start * 0.999 && value <= self.range.end * 1.001;
        let ticks = (first..=last).step_by(stride).flat_map(|decade| multiples.iter().map(move |by| (*by, decade)));
        ticks.map(|(by, decade)| (by * 10f64.powi(decade), -decade)).filter(|(value, _)| is_inside(*value)).unzip()
    }
}

/// Writes the numbers of an axis, all in one notation: with `places` digits behind the point, or with powers of ten if
/// one of them would be long.
fn with_texts(values: Vec<f64>, places: impl Fn(usize) -> i32) -> Vec<(f64, String)> {
    let is_long = |(k, value): (usize, &f64)| *value != 0.0 && (places(k) > 4 || value.abs() >= 1e6);
    let powers = values.iter().enumerate().any(is_long);
    let text = |(k, value): (usize, f64)| {
        (value, if powers { power_of_ten(value, places(k)) } else { decimal(value, places(k)) })
    };
    values.into_iter().enumerate().map(text).collect()
}

/// Writes a number with `places` digits behind the point, or no digits if `places` is negative.
fn decimal(value: f64, places: i32) -> String {
    let text = format!("{value:.*}", places.max(0) as usize);
    if text.chars().all(|c| "-0.".contains(c)) { "0".to_owned() } else { text.replace('-', "−") }
}

/// Writes a number as a power of ten, with the digits that are of a size above `places` behind the point.
fn power_of_ten(value: f64, places: i32) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = (value.abs().log10().floor() as i32 + places).clamp(0, 3) as usize;
    let text = format!("{value:.digits$e}");
    let (number, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let raised = exponent.chars().map(|c| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0' => '⁰',
        digit => char::from_u32('⁴' as u32 + (digit as u32).wrapping_sub('4' as u32)).unwrap_or(digit),
    });
    let power = format!("10{}", raised.collect::<String>());
    match number {
        "1" => power,
        "-1" => format!("−{power}"),
        number => format!("{}·{power}", number.replace('-', "−")),
    }
}

/// Returns the part of a line in the square from 0 to 1, by the algorithm of Liang and Barsky.
fn clipped((x, y): Point, (to_x, to_y): Point) -> Option<(Point, Point)> {
    let (dx, dy) = (to_x - x, to_y - y);
    let (mut start, mut end) = (0.0f64, 1.0f64);
    for (speed, room) in [(-dx, x), (dx, 1.0 - x), (-dy, y), (dy, 1.0 - y)] {
        match room / speed {
            // Along the edge: rounding must not hide a line on the frame.
            _ if speed == 0.0 && room < -1e-9 => return None,
            _ if speed == 0.0 => {}
            part if speed < 0.0 => start = start.max(part),
            part => end = end.min(part),
        }
    }
    let at = |part: f64| match part {
        0.0 => (x, y),
        1.0 => (to_x, to_y),
        part => (x + part * dx, y + part * dy),
    };
    (start <= end).then(|| (at(start), at(end)))
}

/// Returns the position of a line that covers whole pixels.
fn crisp(at: f64) -> f64 {
    ((at - PIXEL / 2.0) / PIXEL).round() * PIXEL + PIXEL / 2.0
}

/// Width of a frame, of its ticks and of a grid line.
pub(super) const THIN: f64 = 2.0;
/// Space on the axes for each number.
pub(super) const APART: [f64; 2] = [210.0, 140.0];

impl Axes {
    /// Returns the point of the canvas for a pair of values.
    pub(super) fn point(&self, (x, y): (f64, f64)) -> Point {
        let Edges { left, bottom, .. } = self.frame;
        (left + self.frame.width() * self.x.place(x), bottom - self.frame.height() * self.y.place(y))
    }

    /// Returns the point, or `None` if a value cannot be drawn.
    pub(super) fn try_point(&self, (x, y): (f64, f64)) -> Option<Point> {
        (self.x.has_place(x) && self.y.has_place(y)).then(|| self.point((x, y)))
    }

    /// Returns the parts of a line that are in the frame. A value that cannot be drawn interrupts it.
    pub(super) fn visible_parts(&self, points: &[(f64, f64)]) -> Vec<Vec<Point>> {
        let place = |&(x, y): &(f64, f64)| {
            let is_drawn = self.x.has_place(x) && self.y.has_place(y);
            is_drawn.then(|| (self.x.open_place(x), self.y.open_place(y)))
        };
        let at =
            |(u, v): Point| (self.frame.left + self.frame.width() * u, self.frame.bottom - self.frame.height() * v);
        let places: Vec<Option<Point>> = points.iter().map(place).collect();
        let mut parts: Vec<Vec<Point>> = Vec::new();
        for run in places.split(Option::is_none) {
            let run: Vec<Point> = run.iter().flatten().copied().collect();
            if let [(u, v)] = run.as_slice() {
                // The frame's edge belongs to it.
                let is_inside = |place: &f64| (-1e-9..=1.0 + 1e-9).contains(place);
                parts.extend((is_inside(u) && is_inside(v)).then(|| vec![at((*u, *v))]));
            }
            let mut end = None;
            for (from, to) in run.windows(2).filter_map(|pair| clipped(pair[0], pair[1])) {
                match parts.last_mut().filter(|_| end == Some(from)) {
                    Some(part) => part.push(at(to)),
                    None => parts.push(vec![at(from), at(to)]),
                }
                end = Some(to);
            }
        }
        parts
    }

    /// Returns the values at a point of the canvas, on linear scales.
    pub(super) fn values(&self, (x, y): Point) -> [f64; 2] {
        let Edges { left, top, .. } = self.frame;
        [self.x.value((x - left) / self.frame.width()), self.y.value(1.0 - (y - top) / self.frame.height())]
    }

    /// Returns the ticks from left to right, and from bottom to top, with their places on the canvas.
    fn ticks(&self) -> [Vec<(f64, String)>; 2] {
        let x = self.x.ticks(self.frame.width(), APART[0]).into_iter();
        let y = self.y.ticks(self.frame.height(), APART[1]).into_iter();
        [
            x.map(|(value, number)| (crisp(self.point((value, self.y.range.start)).0), number)).collect(),
            y.map(|(value, number)| (crisp(self.point((self.x.range.start, value)).1), number)).collect(),
        ]
    }

    /// Draws the grid; everything that is drawn later lies on top of it.
    pub(super) fn draw_grid(&self, canvas: &mut Canvas) {
        let Edges { left, top, right, bottom } = self.frame;
        let [columns, rows] = self.ticks();
        for (x, _) in columns {
            canvas.line(vec![(x, top), (x, bottom)], THIN, GRID);
        }
        for (y, _) in rows {
            canvas.line(vec![(left, y), (right, y)], THIN, GRID);
        }
    }

    /// Draws frame, numbers and names of the axes.
    pub(super) fn draw_frame(&self, canvas: &mut Canvas, [x_name, y_name]: [&str; 2]) {
        let Edges { left, top, right, bottom } = self.frame;
        let [start, end] = [(left, top), (right, bottom)].map(|(x, y)| (crisp(x), crisp(y)));
        canvas.border(Edges { left: start.0, top: start.1, right: end.0, bottom: end.1 }, THIN, SOFT_INK);
        let [columns, rows] = self.ticks();
        for (x, number) in columns {
            canvas.line(vec![(x, bottom), (x, bottom + 12.0)], THIN, SOFT_INK);
            canvas.text(&number, (x, bottom + 44.0), TICK, SOFT_INK, Anchor::Center);
        }
        for (y, number) in rows {
            canvas.line(vec![(left - 12.0, y), (left, y)], THIN, SOFT_INK);
            canvas.text(&number, (left - 26.0, y), TICK, SOFT_INK, Anchor::Right);
        }
        let (x, y) = self.frame.middle();
        canvas.text_within(x_name, self.frame.width() + 160.0, (x, bottom + 108.0), LABEL, INK, Anchor::Center);
        canvas.text_within(y_name, self.frame.height() + 200.0, (left - 172.0, y), LABEL, INK, Anchor::Upward);
    }
}
