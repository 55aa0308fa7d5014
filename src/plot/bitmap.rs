//! Shapes as pixels, and the file of a picture. A pixel takes a shape's colour by the part of it that the shape covers.

use super::canvas::{BORDER, Canvas, Edges, Point, Rgb, Shape};
use super::text::{Letter, Piece, THICKER, outline};
use crate::error::{Cause, Result};
use crate::memory::zeroed_vec;
use ab_glyph_rasterizer::{Rasterizer, point};
use std::ops::Range;

/// Picture in memory, as [`Figure::render`](super::Figure::render) makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bitmap {
    /// Pixels of a row.
    pub width: u32,
    /// Number of rows.
    pub height: u32,
    /// Red, green and blue of each pixel, 0 to 255, row by row from the top: `3 * width * height` bytes.
    pub rgb: Vec<u8>,
}

/// Width of a card's border, in pixels.
const BORDER_WIDTH: f64 = 1.0;

/// Returns the number of pixels along a length.
pub(super) fn pixel_count(length: f64, pixels: f64) -> u32 {
    (length * pixels).round() as u32
}

/// Draws the shapes on white.
pub(super) fn render(canvas: &Canvas) -> Result<Bitmap> {
    let (width, height) = (pixel_count(canvas.width, canvas.pixels), pixel_count(canvas.height, canvas.pixels));
    let mut rgb: Vec<u8> = zeroed_vec("a picture", 3 * width as usize * height as usize)?;
    rgb.fill(255);
    let mut picture = Bitmap { width, height, rgb };
    for shape in &canvas.shapes {
        draw(&mut picture, shape, canvas.pixels);
    }
    Ok(picture)
}

/// Returns a picture as the bytes of a PNG.
pub(super) fn png_bytes(size: (u32, u32), rgb: &[u8]) -> Result<Vec<u8>, Cause> {
    encoded(size, png::ColorType::Rgb, rgb)
}

/// Returns a picture as the bytes of a PNG with a border, transparent beyond corners of a radius in pixels.
pub(super) fn card_bytes(picture: &Bitmap, corner: f64) -> Result<Result<Vec<u8>, Cause>> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let corner = corner.min(f64::from(picture.width.min(picture.height)) / 2.0);
    let mut rgba: Vec<u8> = zeroed_vec("a picture", 4 * width * height)?;
    for (index, (pixel, rgb)) in rgba.chunks_exact_mut(4).zip(picture.rgb.chunks_exact(3)).enumerate() {
        // Distances from the edges inwards, and of the pixel from the edge of the card.
        let inwards = |at: usize, count: usize| (at as f64 + 0.5).min(count as f64 - at as f64 - 0.5);
        let (x, y) = (inwards(index % width, width), inwards(index / width, height));
        let inside = match x < corner && y < corner {
            true => corner - (corner - x).hypot(corner - y),
            false => x.min(y),
        };
        let border = (BORDER_WIDTH + 0.5 - inside).clamp(0.0, 1.0);
        for ((new, old), of_border) in pixel.iter_mut().zip(rgb).zip([BORDER.0, BORDER.1, BORDER.2]) {
            *new = (f64::from(*old) + border * (f64::from(of_border) - f64::from(*old))).round() as u8;
        }
        pixel[3] = (255.0 * (inside + 0.5).clamp(0.0, 1.0)).round() as u8;
    }
    Ok(encoded((picture.width, picture.height), png::ColorType::Rgba, &rgba))
}

fn encoded((width, height): (u32, u32), color: png::ColorType, data: &[u8]) -> Result<Vec<u8>, Cause> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(data)?;
    writer.finish()?;
    Ok(bytes)
}

/// Parts of the pixels of a rectangle that a shape covers.
struct Coverage {
    columns: Range<usize>,
    rows: Range<usize>,
    parts: Vec<f32>,
}

impl Coverage {
    /// Makes an empty coverage of the pixels between two points and around them.
    fn new(picture: &Bitmap, from: Point, to: Point) -> Self {
        let range = |from: f64, to: f64, count: u32| {
            let start = (from.floor() - 2.0).clamp(0.0, f64::from(count)) as usize;
            start..((to.ceil() + 2.0).clamp(0.0, f64::from(count)) as usize).max(start)
        };
        let (columns, rows) = (range(from.0, to.0, picture.width), range(from.1, to.1, picture.height));
        let parts = vec![0.0; columns.len() * rows.len()];
        Self { columns, rows, parts }
    }

    /// Raises the coverage of each pixel to `part` of its middle, where that is larger.
    fn cover(&mut self, from: Point, to: Point, part: impl Fn(Point) -> f64) {
        let range = |from: f64, to: f64, of: &Range<usize>| {
            let at = |place: f64| (place.clamp(0.0, of.end as f64) as usize).clamp(of.start, of.end);
            at(from.floor() - 1.0)..at(to.ceil() + 1.0)
        };
        let (columns, rows) = (range(from.0, to.0, &self.columns), range(from.1, to.1, &self.rows));
        for y in rows {
            let row = (y - self.rows.start) * self.columns.len();
            for x in columns.clone() {
                let covered = part((x as f64 + 0.5, y as f64 + 0.5)).clamp(0.0, 1.0) as f32;
                let old = &mut self.parts[row + x - self.columns.start];
                *old = old.max(covered);
            }
        }
    }

    /// Mixes a colour into the picture.
    fn paint(&self, picture: &mut Bitmap, Rgb(red, green, blue): Rgb) {
        for (y, row) in self.rows.clone().zip(self.parts.chunks(self.columns.len().max(1))) {
            for (x, &part) in self.columns.clone().zip(row) {
                if part > 0.0 {
                    let start = 3 * (y * picture.width as usize + x);
                    for (old, new) in picture.rgb[start..start + 3].iter_mut().zip([red, green, blue]) {
                        *old = (f32::from(*old) + part * (f32::from(new) - f32::from(*old))).round() as u8;
                    }
                }
            }
        }
    }
}

fn draw(picture: &mut Bitmap, shape: &Shape, pixels: f64) {
    let at = |(x, y): Point| (pixels * x, pixels * y);
    match shape {
        Shape::Lines { lines, width, color } => {
            for line in lines {
                stroke(picture, &line.iter().copied().map(at).collect::<Vec<_>>(), pixels * width / 2.0, *color);
            }
        }
        Shape::Disk { center, radius, color } => stroke(picture, &[at(*center)], pixels * radius, *color),
        Shape::Polygon { corners, color } => {
            let corners: Vec<Point> = corners.iter().copied().map(at).collect();
            let edges: Vec<Piece> =
                (0..corners.len()).map(|k| Piece::Line([corners[k], corners[(k + 1) % corners.len()]])).collect();
            let mut coverage = Coverage::around(picture, &corners);
            coverage.fill(&edges, |point| point);
            coverage.paint(picture, *color);
        }
        Shape::Rectangle { edges: Edges { left, top, right, bottom }, color } => {
            let (from, to) = (at((*left, *top)), at((*right, *bottom)));
            let mut coverage = Coverage::new(picture, from, to);
            let along = |at: f64, from: f64, to: f64| ((at + 0.5).min(to) - (at - 0.5).max(from)).max(0.0);
            coverage.cover(from, to, |(x, y)| along(x, from.0, to.0) * along(y, from.1, to.1));
            coverage.paint(picture, *color);
        }
        Shape::Text { letters, start, em, upward, color } => {
            for letter in letters {
                draw_letter(picture, letter, at(*start), pixels * em, *upward, *color);
            }
        }
        Shape::Pixels { edges, columns, rgb } => {
            blit(picture, at((edges.left, edges.top)), pixels, edges, *columns, rgb)
        }
    }
}

impl Coverage {
    fn around(picture: &Bitmap, points: &[Point]) -> Self {
        let far = f64::from(picture.width.max(picture.height)) + 1.0;
        let fold = |pick: fn(f64, f64) -> f64, start: f64| {
            points.iter().fold((start, start), |(x, y), point| (pick(x, point.0), pick(y, point.1)))
        };
        Self::new(picture, fold(f64::min, far), fold(f64::max, -1.0))
    }

    /// Adds the inside of closed outlines, whose points `place` brings to pixels.
    fn fill(&mut self, pieces: &[Piece], place: impl Fn(Point) -> Point) {
        let (width, height) = (self.columns.len(), self.rows.len());
        if width < 3 || height == 0 {
            return;
        }
        let mut rasterizer = Rasterizer::new(width, height);
        let at = |p: Point| {
            let (x, y) = place(p);
            // Points beside the canvas move to its edge: the rasterizer takes points inside alone.
            let x = (x - self.columns.start as f64).clamp(0.0, (width - 1) as f64 - 0.01);
            point(x as f32, (y - self.rows.start as f64).clamp(0.0, height as f64) as f32)
        };
        for piece in pieces {
            match *piece {
                Piece::Line([a, b]) => rasterizer.draw_line(at(a), at(b)),
                Piece::Quadratic([a, b, c]) => rasterizer.draw_quad(at(a), at(b), at(c)),
                Piece::Cubic([a, b, c, d]) => rasterizer.draw_cubic(at(a), at(b), at(c), at(d)),
            }
        }
        let parts = &mut self.parts;
        rasterizer.for_each_pixel(|index, part| {
            // Sums of parts leave rounding errors in pixels that are not covered.
            let part = if part < 1e-3 { 0.0 } else { part.min(1.0) };
            parts[index] = parts[index].max(part);
        });
    }
}

/// Draws a line of a half width, or a disk if there is one point.
fn stroke(picture: &mut Bitmap, points: &[Point], half: f64, color: Rgb) {
    let room = |(x, y): Point, by: f64| (x + by * (half + 1.0), y + by * (half + 1.0));
    let mut coverage =
        Coverage::around(picture, &points.iter().flat_map(|&p| [room(p, -1.0), room(p, 1.0)]).collect::<Vec<_>>());
    // Lines that are thinner than a pixel are paler.
    let pale = (2.0 * half).min(1.0);
    let half = half.max(0.5);
    let mut segment = |a: Point, b: Point| {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let square = dx * dx + dy * dy;
        let (from, to) = ((a.0.min(b.0), a.1.min(b.1)), (a.0.max(b.0), a.1.max(b.1)));
        coverage.cover(room(from, -1.0), room(to, 1.0), |(x, y)| {
            let along = if square > 0.0 { (((x - a.0) * dx + (y - a.1) * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
            let distance = (x - a.0 - along * dx).hypot(y - a.1 - along * dy);
            pale * (half + 0.5 - distance).clamp(0.0, 1.0)
        });
    };
    match points {
        [] => {}
        [one] => segment(*one, *one),
        _ => points.windows(2).for_each(|pair| segment(pair[0], pair[1])),
    }
    coverage.paint(picture, color);
}

fn draw_letter(picture: &mut Bitmap, letter: &Letter, start: Point, em: f64, upward: bool, color: Rgb) {
    let place = |(x, y): Point| {
        let (along, up) = (em * (letter.start + x), em * y);
        if upward { (start.0 - up, start.1 - along) } else { (start.0 + along, start.1 - up) }
    };
    let pieces = outline(letter.glyph);
    let corners = pieces.iter().flat_map(|piece| match piece {
        Piece::Line(points) => points.to_vec(),
        Piece::Quadratic(points) => points.to_vec(),
        Piece::Cubic(points) => points.to_vec(),
    });
    let corners: Vec<Point> = corners.flat_map(|(x, y)| [place((x, y)), place((x + THICKER, y))]).collect();
    if corners.is_empty() {
        return;
    }
    let mut coverage = Coverage::around(picture, &corners);
    for shift in [0.0, THICKER] {
        coverage.fill(&pieces, |(x, y)| place((x + shift, y)));
    }
    coverage.paint(picture, color);
}

/// Copies pixels to a rectangle of the picture: each pixel takes the one at its middle.
fn blit(picture: &mut Bitmap, start: Point, pixels: f64, edges: &Edges, columns: usize, rgb: &[u8]) {
    let (width, height) = (pixels * edges.width(), pixels * edges.height());
    let rows = rgb.len() / 3 / columns.max(1);
    let inside = |start: f64, length: f64, count: u32| {
        let first = (start - 0.5).ceil().clamp(0.0, f64::from(count)) as usize;
        first..((start + length - 0.5).ceil().clamp(0.0, f64::from(count)) as usize).max(first)
    };
    for y in inside(start.1, height, picture.height) {
        let row = ((((y as f64 + 0.5 - start.1) / height) * rows as f64) as usize).min(rows.saturating_sub(1));
        for x in inside(start.0, width, picture.width) {
            let column = ((((x as f64 + 0.5 - start.0) / width) * columns as f64) as usize).min(columns - 1);
            let (from, to) = (3 * (row * columns + column), 3 * (y * picture.width as usize + x));
            picture.rgb[to..to + 3].copy_from_slice(&rgb[from..from + 3]);
        }
    }
}
