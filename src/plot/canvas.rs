//! The canvas: colours, text, legends, and the file of a picture.

use super::Drawn;
use plotters::backend::RGBPixel;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, FontTransform, register_font};
use std::path::Path;

/// Canvas of a picture while it is drawn.
pub(super) type Canvas<'a> = DrawingArea<BitMapBackend<'a, RGBPixel>, Shift>;

/// Colour of text and axes.
pub(super) const INK: RGBColor = RGBColor(38, 42, 51);
/// Colour of explanations.
pub(super) const SOFT_INK: RGBColor = RGBColor(94, 101, 115);
/// Colour of grid lines.
pub(super) const GRID: RGBColor = RGBColor(228, 231, 237);
/// Sizes of text.
pub(super) const TITLE: i32 = 60;
pub(super) const HEADING: i32 = 48;
pub(super) const LABEL: i32 = 42;
pub(super) const TICK: i32 = 38;

/// Canvas pixels along one pixel of the picture.
const OVERSAMPLING: u32 = 2;
const FONT: &str = "sans-serif";

/// Function that draws the sign of a legend around a point.
pub(super) type Sign<'a> = Box<dyn Fn((i32, i32)) -> Drawn + 'a>;

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

/// Registers the font, which comes with the crate: a bare machine has none. It must run before anything is drawn or
/// measured.
pub(super) fn load_font() -> Drawn {
    let loaded = register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    Ok(loaded.map_err(|_| "the embedded font cannot be read")?)
}

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

/// Draws on a white canvas of `width` x `height`; the picture has half that size.
pub(super) fn render_picture((width, height): (u32, u32), draw: impl FnOnce(&Canvas<'_>) -> Drawn) -> Drawn<Bitmap> {
    let mut buffer = vec![255; 3 * width as usize * height as usize];
    {
        let canvas = BitMapBackend::with_buffer(&mut buffer, (width, height)).into_drawing_area();
        draw(&canvas)?;
        canvas.present()?;
    }
    let (stride, width, height) = (width as usize, width / OVERSAMPLING, height / OVERSAMPLING);
    Ok(Bitmap { width, height, rgb: shrink(&buffer, stride, (width, height)) })
}

/// Writes a picture as a PNG.
pub(super) fn write_png(path: &Path, picture: &Bitmap) -> Drawn {
    let size = (picture.width, picture.height);
    let mut file = BitMapBackend::new(path, size);
    file.blit_bitmap((0, 0), size, &picture.rgb)?;
    Ok(file.present()?)
}

/// Returns the average of each square of canvas pixels.
fn shrink(buffer: &[u8], stride: usize, (width, height): (u32, u32)) -> Vec<u8> {
    let factor = OVERSAMPLING as usize;
    let mut small = Vec::with_capacity((3 * width * height) as usize);
    for y in 0..height as usize {
        for x in 0..width as usize {
            for channel in 0..3 {
                let at = |dx, dy| usize::from(buffer[3 * ((factor * y + dy) * stride + factor * x + dx) + channel]);
                let sum: usize = (0..factor * factor).map(|k| at(k % factor, k / factor)).sum();
                small.push((sum / (factor * factor)) as u8);
            }
        }
    }
    small
}

/// Writes a line of text.
pub(super) fn draw_text(
    canvas: &Canvas<'_>,
    line: &str,
    (x, y): (i32, i32),
    size: i32,
    color: RGBColor,
    anchor: Anchor,
) -> Drawn {
    let horizontal = match anchor {
        Anchor::Left => HPos::Left,
        Anchor::Center | Anchor::Upward => HPos::Center,
        Anchor::Right => HPos::Right,
    };
    let style = TextStyle::from((FONT, size).into_font()).color(&color).pos(Pos::new(horizontal, VPos::Top));
    // The middle of capitals lies this far below the top that the font reports.
    let middle = size * 19 / 100;
    let (style, place) = match anchor {
        Anchor::Upward => (style.transform(FontTransform::Rotate270), (x - middle, y)),
        _ => (style, (x, y - middle)),
    };
    // The font is light: a second copy beside the first thickens the stems.
    let beside = if anchor == Anchor::Upward { (place.0, place.1 + 1) } else { (place.0 + 1, place.1) };
    canvas.draw_text(line, &style, place)?;
    canvas.draw_text(line, &style, beside)?;
    Ok(())
}

/// Returns the width of a line of text.
pub(super) fn text_width(line: &str, size: i32) -> Drawn<i32> {
    let (width, _) = (FONT, size).into_font().box_size(line)?;
    Ok(width as i32)
}

/// Space between a sign and its text, and between two entries of a legend.
const GAP: i32 = 24;
const BETWEEN: i32 = 70;

/// Returns the width of an entry of a legend, including the space behind it.
pub(super) fn legend_width(name: &str, sign_width: i32) -> Drawn<i32> {
    Ok(sign_width + GAP + text_width(name, LABEL)? + BETWEEN)
}

/// Draws a row of entries around `center`. Each entry has a text and a sign of width `sign_width`, drawn around the
/// point that the sign's function gets.
pub(super) fn draw_legend(
    canvas: &Canvas<'_>,
    center: (i32, i32),
    sign_width: i32,
    entries: &[(String, Sign<'_>)],
) -> Drawn {
    let widths: Vec<i32> = entries.iter().map(|(name, _)| legend_width(name, sign_width)).collect::<Drawn<_>>()?;
    let mut x = center.0 - (widths.iter().sum::<i32>() - BETWEEN) / 2;
    for ((name, sign), width) in entries.iter().zip(widths) {
        sign((x + sign_width / 2, center.1))?;
        draw_text(canvas, name, (x + sign_width + GAP, center.1), LABEL, INK, Anchor::Left)?;
        x += width;
    }
    Ok(())
}

/// Mixes a fraction `amount` of a colour with white.
pub(super) fn tinted_color(color: RGBColor, amount: f64) -> RGBColor {
    mixed_color(color, WHITE, amount)
}

/// Mixes a fraction `amount` of a colour with another colour.
pub(super) fn mixed_color(RGBColor(r, g, b): RGBColor, RGBColor(x, y, z): RGBColor, amount: f64) -> RGBColor {
    let amount = amount.clamp(0.0, 1.0);
    let mix = |of: u8, on: u8| (f64::from(on) + (f64::from(of) - f64::from(on)) * amount).round() as u8;
    RGBColor(mix(r, x), mix(g, y), mix(b, z))
}
