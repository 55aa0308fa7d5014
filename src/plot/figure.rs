//! Panels in rows on a page, with a title and a legend.

use super::Drawn;
use super::axes::{Axes, Scale};
use super::canvas::{
    Anchor, Bitmap, Canvas, HEADING, INK, LABEL, SOFT_INK, Sign, TICK, TITLE, draw_legend, draw_text, legend_width,
    load_font, render_picture, text_width, write_png,
};
use super::layers;
use super::panel::{Layer, Panel};
use crate::error::{Cause, Error, FileError, Result};
use std::ops::Range;
use std::path::Path;

/// Picture of one or more panels.
#[derive(Debug, Clone)]
pub struct Figure {
    title: String,
    note: String,
    columns: usize,
    panels: Vec<Panel>,
}

/// Margins around the frame of a panel in canvas pixels: left, above, right, below.
const MARGINS: [i32; 4] = [230, 100, 60, 150];
/// Width of a frame, and its height unless scales have to be equal.
const FRAME: (i32, i32) = (1300, 850);
/// Width and height of a frame that has only an image, and the margins around it.
const IMAGE: i32 = 420;
const IMAGE_MARGINS: [i32; 4] = [30, 80, 30, 20];
/// Height of a line of the legend.
const LEGEND_LINE: i32 = 80;
/// Largest number of panels of a picture.
const PANELS: usize = 400;

/// Largest number of pixels of a canvas: 300 MB.
const PIXELS: i64 = 100_000_000;

/// Position of a panel: its frame in canvas pixels, and the ranges that it shows.
struct Place {
    columns: Range<i32>,
    rows: Range<i32>,
    seen: [Range<f64>; 2],
}

impl Figure {
    /// Makes a picture without panels.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), note: String::new(), columns: 2, panels: Vec::new() }
    }

    /// Adds a line of explanation below the title.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Sets the number of panels in a row, at least 1. Default 2.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// Adds a panel to the right, or in a new row if the row is full.
    #[must_use]
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// Draws the picture and writes it as PNG.
    ///
    /// # Errors
    /// No panels, or more than 400; a picture of more than a hundred million pixels; numbers that do not fit their
    /// grid; a name that does not end in `.png`; a file that cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let is_png = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
        if !is_png {
            return Err(refused(path, "the name must end in .png".into()));
        }
        let written = self.draw().and_then(|picture| write_png(path, &picture));
        written.map_err(|cause| refused(path, cause))
    }

    /// Draws the picture into memory.
    ///
    /// # Errors
    /// The errors of [`save`](Self::save), except for the file.
    pub fn render(&self) -> Result<Bitmap> {
        self.draw().map_err(|cause| refused(Path::new("a picture"), cause))
    }

    fn draw(&self) -> Drawn<Bitmap> {
        if !(1..=PANELS).contains(&self.panels.len()) {
            return Err(format!("a picture has 1 to {PANELS} panels, not {}", self.panels.len()).into());
        }
        load_font()?;
        self.panels.iter().flat_map(|panel| &panel.layers).try_for_each(layers::check_layer)?;
        let images = self.panels.iter().all(|panel| matches!(panel.layers.as_slice(), [Layer::Image { .. }]));
        let (margins, frame) = if images { (IMAGE_MARGINS, (IMAGE, IMAGE)) } else { (MARGINS, FRAME) };
        let columns = self.columns.min(self.panels.len());
        let entries = layers::legend_entries(&self.panels);
        let width = (columns as i32 * (margins[0] + frame.0 + margins[2])).max(if images { 0 } else { 1700 });
        let lines = wrap(&entries, width)?;

        let mut top = if self.note.is_empty() { 130 } else { 210 };
        let mut places = Vec::with_capacity(self.panels.len());
        for row in self.panels.chunks(columns) {
            let left = (width - row.len() as i32 * (margins[0] + frame.0 + margins[2])) / 2;
            top = place_row(row, (left, top), margins, frame, &mut places);
        }
        let height = top + LEGEND_LINE * lines.len() as i32 + 20;
        let pixels = i64::from(width) * i64::from(height);
        if pixels > PIXELS {
            return Err(format!("a canvas of {width} x {height} pixels is beyond {PIXELS}; take fewer panels").into());
        }
        render_picture((even(width), even(height)), |canvas| {
            draw_text(canvas, &self.title, (width / 2, 70), TITLE, INK, Anchor::Center)?;
            draw_text(canvas, &self.note, (width / 2, 150), LABEL, SOFT_INK, Anchor::Center)?;
            for (panel, place) in self.panels.iter().zip(&places) {
                draw_panel(canvas, panel, place)?;
            }
            let mut y = top + LEGEND_LINE / 2;
            for line in &lines {
                let signs: Vec<(String, Sign<'_>)> = line
                    .iter()
                    .map(|&&layer| -> (String, Sign<'_>) {
                        (layers::layer_name(layer).to_owned(), Box::new(move |at| layers::draw_sign(canvas, layer, at)))
                    })
                    .collect();
                draw_legend(canvas, (width / 2, y), layers::SIGN, &signs)?;
                y += LEGEND_LINE;
            }
            Ok(())
        })
    }
}

/// Returns the error of a picture that cannot be drawn or written.
fn refused(path: &Path, source: Cause) -> Error {
    FileError::Picture { path: path.display().to_string(), source }.into()
}

/// Returns places for the panels of a row with the given upper left corner, and the top of the next row.
fn place_row(
    row: &[Panel],
    (left, top): (i32, i32),
    margins: [i32; 4],
    frame: (i32, i32),
    places: &mut Vec<Place>,
) -> i32 {
    let seen: Vec<[Range<f64>; 2]> = row.iter().map(layers::seen_ranges).collect();
    let height = |(panel, [x, y]): (&Panel, &[Range<f64>; 2])| match layers::height_over_width(panel, x, y) {
        Some(proportion) => (f64::from(frame.0) * proportion).clamp(200.0, 2600.0).round() as i32,
        None => frame.1,
    };
    let heights: Vec<i32> = row.iter().zip(&seen).map(height).collect();
    let tallest = heights.iter().copied().max().unwrap_or(frame.1);
    for (index, (seen, height)) in seen.into_iter().zip(heights).enumerate() {
        let start = left + index as i32 * (margins[0] + frame.0 + margins[2]) + margins[0];
        let rows = top + margins[1]..top + margins[1] + height;
        places.push(Place { columns: start..start + frame.0, rows, seen });
    }
    top + margins[1] + tallest + margins[3]
}

fn draw_panel(canvas: &Canvas<'_>, panel: &Panel, Place { columns, rows, seen: [x, y] }: &Place) -> Drawn {
    let (columns, rows) = (columns.clone(), rows.clone());
    if let Some(layer @ (Layer::Matrix(_) | Layer::Image { .. })) = panel.layers.first() {
        let middle = (columns.start + columns.end) / 2;
        // Reduces the size of a heading that would reach the next panel's heading.
        let (room, width) = (columns.end - columns.start + 40, text_width(&panel.heading, HEADING)?);
        let size = if width > room { (HEADING * room / width).max(TICK / 2) } else { HEADING };
        draw_text(canvas, &panel.heading, (middle, rows.start - 46), size, INK, Anchor::Center)?;
        return layers::draw_alone(canvas, layer, &panel.names, columns, rows);
    }
    let across = if panel.is_counting { Scale::counting(x.clone()) } else { Scale::linear(x.clone()) };
    let up = if panel.is_logarithmic { Scale::logarithmic(y.clone()) } else { Scale::linear(y.clone()) };
    let axes = Axes { columns, rows, x: across, y: up };
    let (fields, rest): (Vec<&Layer>, Vec<&Layer>) =
        panel.layers.iter().partition(|layer| matches!(layer, Layer::Field(_)));
    for field in &fields {
        layers::draw_layer(canvas, &axes, field)?;
    }
    axes.draw_grid(canvas)?;
    // The line of a field is drawn above the grid, because the grid would cut or cover it.
    for field in fields {
        layers::draw_halfway(canvas, &axes, field)?;
    }
    for layer in rest {
        layers::draw_layer(canvas, &axes, layer)?;
    }
    axes.draw_frame(canvas, &panel.heading, [&panel.names[0], &panel.names[1]])
}

/// Puts the entries of a legend into lines that fit a width.
fn wrap<'a, 'b>(entries: &'b [&'a Layer], width: i32) -> Drawn<Vec<Vec<&'b &'a Layer>>> {
    let mut lines: Vec<Vec<&&Layer>> = Vec::new();
    let mut used = 0;
    for entry in entries {
        let own = legend_width(layers::layer_name(entry), layers::SIGN)?;
        match lines.last_mut() {
            Some(line) if used + own <= width - 100 => line.push(entry),
            _ => {
                lines.push(vec![entry]);
                used = 0;
            }
        }
        used += own;
    }
    Ok(lines)
}

/// Returns the next even number, because a pixel of the picture is a square of 2 x 2.
fn even(length: i32) -> u32 {
    (length + length % 2) as u32
}
