//! Panels in rows on a page, with a title and a legend.

use super::axes::{Axes, Scale};
use super::bitmap::{Bitmap, card_bytes, pixel_count, png_bytes, render};
use super::canvas::{Anchor, Canvas, Edges, HEADING, INK, LABEL, PIXEL, SOFT_INK, TITLE, draw_legend, legend_width};
use super::panel::{Layer, Panel};
use super::svg::svg;
use super::{Drawn, bar, field, layers, text};
use crate::error::{Cause, Error, FileError, Result};
use crate::memory::check_numbers;
use std::ops::{Range, RangeInclusive};
use std::path::Path;

/// Picture of one or more panels.
#[derive(Debug, Clone)]
pub struct Figure {
    title: String,
    note: String,
    columns: usize,
    scale: f64,
    frame: [u32; 2],
    is_card: bool,
    panels: Vec<Panel>,
}

/// Margins around the frame of a panel on the canvas: left, above, right, below.
const MARGINS: [f64; 4] = [230.0, 100.0, 60.0, 150.0];
/// Width and height of a frame that has only an image, and the margins around it.
const IMAGE: f64 = 420.0;
const IMAGE_MARGINS: [f64; 4] = [30.0, 80.0, 30.0, 20.0];
/// Margin above a row of panels without headings.
const NO_HEADINGS: f64 = 30.0;
/// Height of a line of the legend.
const LEGEND_LINE: f64 = 80.0;
/// Space above the first panel, without a note and with one.
const ABOVE: [f64; 2] = [130.0, 210.0];
/// Radius of the corners of a card.
const CORNER: f64 = 24.0;
/// Largest number of panels of a picture.
pub(super) const PANELS: usize = 400;
/// Width and height of a frame in pixels at scale 1, unless they are set.
const FRAME: [u32; 2] = [650, 425];
/// Scales of a picture, and sizes of a frame in pixels at scale 1.
const SCALES: RangeInclusive<f64> = 0.25..=8.0;
const SIZES: RangeInclusive<u32> = 100..=2000;

/// Largest number of pixels of a picture: 300 MB.
const PIXELS: u64 = 100_000_000;
/// Numbers of eight bytes for each pixel: the picture, the colours of fields, and the part that a shape covers.
const NUMBERS: u64 = 2;

/// Position of a panel, and the ranges that it shows.
struct Place {
    frame: Edges,
    seen: [Range<f64>; 2],
}

/// Places of everything on the canvas.
struct Layout<'a> {
    width: f64,
    height: f64,
    places: Vec<Place>,
    /// Layers with a name in the lines of the legend.
    legend: Vec<Vec<&'a Layer>>,
    legend_top: f64,
}

impl Figure {
    /// Makes a picture without panels.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            note: String::new(),
            columns: 2,
            scale: 1.0,
            frame: FRAME,
            is_card: false,
            panels: Vec::new(),
        }
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

    /// Sets the size of the whole picture, 0.25 to 8. Default 1. At 2 a PNG has twice as many pixels along each side, lines
    /// and text included, as for slides or print; an SVG is as much larger.
    #[must_use]
    pub fn scale(mut self, scale: f64) -> Self {
        self.scale = scale;
        self
    }

    /// Sets width and height of each panel's frame, 100 to 2000 pixels at scale 1. Default 650 and 425. Text keeps its
    /// size, so it is larger in proportion in a smaller frame, as a narrow column needs it. Panels whose layers set
    /// their proportions, such as matrices, take the width alone.
    #[must_use]
    pub fn frame(mut self, width: u32, height: u32) -> Self {
        self.frame = [width, height];
        self
    }

    /// Makes the page a card: white, with rounded corners and a thin grey border, and transparent around it. Such a
    /// picture stands on pages with a light or a dark theme. Default: a white page to its edges.
    #[must_use]
    pub fn card(mut self) -> Self {
        self.is_card = true;
        self
    }

    /// Draws the picture and writes it, by the end of the name as PNG (`.png`) or SVG (`.svg`). Both show the same on
    /// white. An SVG has outlines in place of letters, so that it looks the same everywhere; its fields and images are
    /// pixels. The same figure makes the same bytes.
    ///
    /// # Errors
    /// No panels, or more than 400; a scale or a frame beyond its limits; a picture of more than a hundred million
    /// pixels, or of more than the memory holds; numbers that do not fit their grid; a name with another end; a file
    /// that cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let is = |end: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(end));
        let refused = |cause: Cause| refused(path, cause);
        let bytes = if is("png") {
            let canvas = self.draw(path)?;
            let picture = render(&canvas)?;
            match self.is_card {
                true => card_bytes(&picture, CORNER * canvas.pixels)?.map_err(refused)?,
                false => png_bytes((picture.width, picture.height), &picture.rgb).map_err(refused)?,
            }
        } else if is("svg") {
            self.svg(path)?.into_bytes()
        } else {
            return Err(refused("the name must end in .png or .svg".into()));
        };
        std::fs::write(path, bytes).map_err(|error| refused(error.into()))
    }

    /// Draws the picture into memory, without the transparent corners of a card.
    ///
    /// # Errors
    /// The errors of [`save`](Self::save), except for the file.
    pub fn render(&self) -> Result<Bitmap> {
        render(&self.draw(Path::new("a picture"))?)
    }

    /// Draws the picture as the text of an SVG.
    ///
    /// # Errors
    /// The errors of [`save`](Self::save), except for the file.
    pub fn to_svg(&self) -> Result<String> {
        self.svg(Path::new("a picture"))
    }

    fn svg(&self, path: &Path) -> Result<String> {
        let corner = if self.is_card { CORNER } else { 0.0 };
        svg(&self.draw(path)?, &self.title, corner).map_err(|cause| refused(path, cause))
    }

    /// Checks the settings.
    fn check(&self) -> Result<()> {
        let setting = |setting, value, allowed| Error::Setting { of: "Figure", setting, value, allowed };
        if !SCALES.contains(&self.scale) {
            return Err(setting("scale", self.scale, "from 0.25 to 8"));
        }
        match self.frame.iter().find(|size| !SIZES.contains(size)) {
            Some(size) => Err(setting("frame", f64::from(*size), "from 100 to 2000 pixels")),
            None => Ok(()),
        }
    }

    /// Returns the shapes of the picture.
    fn draw(&self, path: &Path) -> Result<Canvas> {
        self.check()?;
        let refused = |cause: Cause| refused(path, cause);
        self.check_panels().map_err(refused)?;
        let Layout { width, height, places, legend, legend_top } = self.layout();
        let mut canvas = Canvas { width, height, pixels: self.scale / PIXEL, shapes: Vec::new() };
        check_size(&canvas).map_err(refused)?;
        let pixels = [width, height].map(|length| u64::from(pixel_count(length, canvas.pixels)));
        check_numbers("the pixels of a picture", Some(NUMBERS * pixels[0] * pixels[1]))?;

        let (middle, room) = (width / 2.0, width - 60.0);
        canvas.text_within(&self.title, room, (middle, 70.0), TITLE, INK, Anchor::Center);
        canvas.text_within(&self.note, room, (middle, 150.0), LABEL, SOFT_INK, Anchor::Center);
        for (panel, place) in self.panels.iter().zip(&places) {
            draw_panel(&mut canvas, panel, place).map_err(refused)?;
        }
        for (index, line) in legend.iter().enumerate() {
            let signs: Vec<(&str, &Layer)> = line.iter().map(|&layer| (layers::layer_name(layer), layer)).collect();
            let center = (middle, legend_top + LEGEND_LINE * (index as f64 + 0.5));
            draw_legend(&mut canvas, center, layers::SIGN, &signs, |canvas, layer, at| {
                layers::draw_sign(canvas, layer, at);
            });
        }
        Ok(canvas)
    }

    /// Places the panels and the legend.
    fn layout(&self) -> Layout<'_> {
        let images = self.panels.iter().all(|panel| matches!(panel.layers.as_slice(), [Layer::Image { .. }]));
        let mut margins = if images { IMAGE_MARGINS } else { MARGINS };
        if self.panels.iter().any(|panel| panel.bar.is_some()) {
            margins[2] += bar::ROOM;
        }
        let frame = if images { [IMAGE, IMAGE] } else { self.frame.map(|length| PIXEL * f64::from(length)) };
        let columns = self.columns.min(self.panels.len());
        let own = columns as f64 * (margins[0] + frame[0] + margins[2]);
        // A single panel leaves room for the title beside it.
        let width = if images || self.frame != FRAME { own } else { own.max(1700.0) };
        let legend = wrap(&layers::legend_entries(&self.panels), width);

        let mut top = ABOVE[usize::from(!self.note.is_empty())];
        let mut places = Vec::with_capacity(self.panels.len());
        for row in self.panels.chunks(columns) {
            let left = (width - row.len() as f64 * (margins[0] + frame[0] + margins[2])) / 2.0;
            let has_headings = row.iter().any(|panel| !panel.heading.is_empty());
            let above = if has_headings { margins[1] } else { NO_HEADINGS };
            top = place_row(row, (left, top), [margins[0], above, margins[2], margins[3]], frame, &mut places);
        }
        Layout { width, height: top + LEGEND_LINE * legend.len() as f64 + 20.0, places, legend, legend_top: top }
    }

    fn check_panels(&self) -> Drawn {
        if !(1..=PANELS).contains(&self.panels.len()) {
            return Err(format!("a picture has 1 to {PANELS} panels, not {}", self.panels.len()).into());
        }
        if !text::has_fonts() {
            return Err("the embedded fonts cannot be read".into());
        }
        self.panels.iter().flat_map(|panel| &panel.layers).try_for_each(layers::check_layer)
    }
}

/// Checks the number of pixels.
fn check_size(canvas: &Canvas) -> Drawn {
    let [width, height] = [canvas.width, canvas.height].map(|length| pixel_count(length, canvas.pixels));
    match u64::from(width) * u64::from(height) <= PIXELS {
        true => Ok(()),
        false => Err(format!(
            "a picture of {width} x {height} pixels is beyond {PIXELS}; take fewer panels or a smaller scale"
        )
        .into()),
    }
}

/// Returns the error of a picture that cannot be drawn or written.
fn refused(path: &Path, source: Cause) -> Error {
    FileError::Picture { path: path.display().to_string(), source }.into()
}

/// Adds places for the panels of a row with the given upper left corner; returns the top of the next row.
fn place_row(
    row: &[Panel],
    (left, top): (f64, f64),
    margins: [f64; 4],
    [width, height]: [f64; 2],
    places: &mut Vec<Place>,
) -> f64 {
    let seen: Vec<[Range<f64>; 2]> = row.iter().map(layers::seen_ranges).collect();
    let heights: Vec<Option<f64>> = row
        .iter()
        .zip(&seen)
        .map(|(panel, [x, y])| {
            Some((width * layers::height_over_width(panel, x, y)?).clamp(200.0, 2.0 * width).round())
        })
        .collect();
    // Panels that may have any height are as high as their neighbours.
    let tallest = heights.iter().flatten().copied().fold(0.0, f64::max);
    let free = if tallest > 0.0 { tallest.min(width) } else { height };
    for (index, (seen, own)) in seen.into_iter().zip(heights).enumerate() {
        let left = left + index as f64 * (margins[0] + width + margins[2]) + margins[0];
        let (top, height) = (top + margins[1], own.unwrap_or(free));
        places.push(Place { frame: Edges { left, top, right: left + width, bottom: top + height }, seen });
    }
    top + margins[1] + tallest.max(if tallest > 0.0 { free } else { height }) + margins[3]
}

fn draw_panel(canvas: &mut Canvas, panel: &Panel, Place { frame, seen: [x, y] }: &Place) -> Drawn {
    // A heading must not reach the next panel's.
    let (room, middle) = (frame.width() + 40.0, frame.middle().0);
    canvas.text_within(&panel.heading, room, (middle, frame.top - 46.0), HEADING, INK, Anchor::Center);
    if let Some(name) = &panel.bar {
        bar::draw_bar(canvas, panel, name, *frame);
    }
    if let Some(layer @ (Layer::Matrix(_) | Layer::Image { .. })) = panel.layers.first() {
        layers::draw_alone(canvas, layer, &panel.names, *frame);
        return Ok(());
    }
    let across = match panel.is_counting {
        _ if !panel.positions.is_empty() => Scale::named(x.clone(), panel.positions.clone()),
        true => Scale::counting(x.clone()),
        false => Scale::linear(x.clone()),
    };
    let up = if panel.is_logarithmic { Scale::logarithmic(y.clone()) } else { Scale::linear(y.clone()) };
    let axes = Axes { frame: *frame, x: across, y: up };
    let (fields, rest): (Vec<&Layer>, Vec<&Layer>) =
        panel.layers.iter().partition(|layer| matches!(layer, Layer::Field(_)));
    for field in &fields {
        layers::draw_layer(canvas, &axes, field)?;
    }
    if !panel.is_bare {
        axes.draw_grid(canvas);
    }
    // The line of a field is drawn above the grid, because the grid would cut or cover it.
    for field in fields {
        field::draw_halfway(canvas, &axes, field);
    }
    for layer in rest {
        layers::draw_layer(canvas, &axes, layer)?;
    }
    if !panel.is_bare {
        axes.draw_frame(canvas, [&panel.names[0], &panel.names[1]]);
    }
    Ok(())
}

/// Puts the entries of a legend into as few lines as fit a width, with about as many in each.
fn wrap<'a>(entries: &[&'a Layer], width: f64) -> Vec<Vec<&'a Layer>> {
    let own = |entry: &&Layer| legend_width(layers::layer_name(entry), layers::SIGN);
    let mut lines: Vec<Vec<&Layer>> = Vec::new();
    let mut used = 0.0;
    for entry in entries {
        match lines.last_mut() {
            Some(line) if used + own(entry) <= width - 100.0 => line.push(entry),
            _ => {
                lines.push(vec![entry]);
                used = 0.0;
            }
        }
        used += own(entry);
    }
    let even: Vec<Vec<&Layer>> =
        entries.chunks(entries.len().div_ceil(lines.len().max(1)).max(1)).map(<[_]>::to_vec).collect();
    let fits = |line: &Vec<&Layer>| line.iter().map(own).sum::<f64>() <= width - 100.0;
    if even.iter().all(fits) { even } else { lines }
}
