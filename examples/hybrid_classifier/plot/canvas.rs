//! The canvas: colours, text, legends, and the way to a file.

use anyhow::{Result, anyhow};
use plotters::backend::RGBPixel;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, FontTransform, register_font};
use std::path::Path;

/// A canvas being drawn on.
pub(super) type Canvas<'a> = DrawingArea<BitMapBackend<'a, RGBPixel>, Shift>;

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(38, 42, 51);
/// Text that explains.
pub(super) const SOFT_INK: RGBColor = RGBColor(94, 101, 115);
/// Grid lines.
pub(super) const GRID: RGBColor = RGBColor(228, 231, 237);
/// The hybrid and the classical network.
pub(super) const NETWORKS: [RGBColor; 2] = [RGBColor(91, 63, 168), RGBColor(23, 146, 132)];
/// The classes of a plane.
pub(super) const CLASSES: [RGBColor; 2] = [RGBColor(43, 108, 176), RGBColor(221, 107, 32)];

/// Sizes of text.
pub(super) const TITLE: i32 = 60;
pub(super) const HEADING: i32 = 48;
pub(super) const LABEL: i32 = 42;
pub(super) const TICK: i32 = 38;

/// Canvas pixels along one pixel of the picture.
const OVERSAMPLING: u32 = 2;
const FONT: &str = "sans-serif";

/// Draws the sign of a legend around a point.
pub(super) type Sign<'a> = Box<dyn Fn((i32, i32)) -> Result<()> + 'a>;

/// Where a text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// To the right of the point.
    Left,
    /// Around it.
    Centre,
    /// To the left of it.
    Right,
    /// Around it, read from below.
    Upward,
}

/// Draws on a white canvas of `width` x `height` and writes it as a PNG of half that size.
pub(super) fn picture(
    path: &Path,
    (width, height): (u32, u32),
    draw: impl FnOnce(&Canvas<'_>) -> Result<()>,
) -> Result<()> {
    // The font comes with the program: a bare machine has none.
    register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)
        .map_err(|_| anyhow!("the embedded font cannot be read"))?;
    let mut buffer = vec![255; (3 * width * height) as usize];
    {
        let canvas = BitMapBackend::with_buffer(&mut buffer, (width, height)).into_drawing_area();
        draw(&canvas)?;
        canvas.present()?;
    }
    let size = (width / OVERSAMPLING, height / OVERSAMPLING);
    let small = shrink(&buffer, width as usize, size);
    let mut file = BitMapBackend::new(path, size);
    file.blit_bitmap((0, 0), size, &small)?;
    file.present()?;
    Ok(())
}

/// The average of each square of canvas pixels.
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
pub(super) fn text(
    canvas: &Canvas<'_>,
    line: &str,
    (x, y): (i32, i32),
    size: i32,
    colour: RGBColor,
    anchor: Anchor,
) -> Result<()> {
    let horizontal = match anchor {
        Anchor::Left => HPos::Left,
        Anchor::Centre | Anchor::Upward => HPos::Center,
        Anchor::Right => HPos::Right,
    };
    let style = TextStyle::from((FONT, size).into_font()).color(&colour).pos(Pos::new(horizontal, VPos::Top));
    // The middle of capitals lies this far below the top that the font reports.
    let middle = size * 19 / 100;
    let (style, place) = match anchor {
        Anchor::Upward => (style.transform(FontTransform::Rotate270), (x - middle, y)),
        _ => (style, (x, y - middle)),
    };
    // The font is a light one: a second copy beside the first thickens the stems.
    let beside = if anchor == Anchor::Upward { (place.0, place.1 + 1) } else { (place.0 + 1, place.1) };
    canvas.draw_text(line, &style, place)?;
    canvas.draw_text(line, &style, beside)?;
    Ok(())
}

/// Width of a line of text.
pub(super) fn text_width(line: &str, size: i32) -> Result<i32> {
    let (width, _) = (FONT, size).into_font().box_size(line)?;
    Ok(width as i32)
}

/// Draws a row of entries around `centre`: each a sign `sign_width` wide, drawn around the point it gets, and a text.
pub(super) fn legend(
    canvas: &Canvas<'_>,
    centre: (i32, i32),
    sign_width: i32,
    entries: &[(String, Sign<'_>)],
) -> Result<()> {
    const GAP: i32 = 24;
    const BETWEEN: i32 = 70;
    let widths: Vec<i32> = entries.iter().map(|(name, _)| text_width(name, LABEL)).collect::<Result<_>>()?;
    let total: i32 = widths.iter().map(|width| sign_width + GAP + width + BETWEEN).sum::<i32>() - BETWEEN;
    let mut x = centre.0 - total / 2;
    for ((name, sign), width) in entries.iter().zip(widths) {
        sign((x + sign_width / 2, centre.1))?;
        text(canvas, name, (x + sign_width + GAP, centre.1), LABEL, INK, Anchor::Left)?;
        x += sign_width + GAP + width + BETWEEN;
    }
    Ok(())
}

/// Part `amount` of a colour on white.
pub(super) fn tint(RGBColor(r, g, b): RGBColor, amount: f64) -> RGBColor {
    let mix = |channel: u8| (255.0 + (f64::from(channel) - 255.0) * amount.clamp(0.0, 1.0)).round() as u8;
    RGBColor(mix(r), mix(g), mix(b))
}
