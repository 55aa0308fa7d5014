//! Panels and their layers.

use super::canvas::Rgb;
use crate::__private::NonExhaustive;
use crate::error::Result;
use crate::memory::check_numbers;
use std::ops::Range;

/// Color of the palette, or a color of your own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(pub(super) u8, pub(super) u8, pub(super) u8);

impl Color {
    /// Makes a color of your own from its red, green and blue, each from 0 to 255.
    pub const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self(red, green, blue)
    }

    /// Returns red, green and blue.
    pub const fn channels(self) -> [u8; 3] {
        [self.0, self.1, self.2]
    }

    /// Violet.
    pub const VIOLET: Self = Self(91, 63, 168);
    /// Teal.
    pub const TEAL: Self = Self(23, 146, 132);
    /// Blue.
    pub const BLUE: Self = Self(43, 108, 176);
    /// Orange.
    pub const ORANGE: Self = Self(221, 107, 32);
    /// Red.
    pub const RED: Self = Self(197, 48, 48);
    /// Green.
    pub const GREEN: Self = Self(56, 132, 60);
    /// Gold.
    pub const GOLD: Self = Self(183, 134, 11);
    /// Grey.
    pub const GRAY: Self = Self(94, 101, 115);
    /// Almost black.
    pub const INK: Self = Self(38, 42, 51);

    /// Returns a colour for a class, network or curve by its index; colours repeat after eight.
    pub fn nth(index: usize) -> Self {
        const ALL: [Color; 8] = [
            Color::BLUE,
            Color::ORANGE,
            Color::TEAL,
            Color::VIOLET,
            Color::RED,
            Color::GREEN,
            Color::GOLD,
            Color::GRAY,
        ];
        ALL[index % ALL.len()]
    }
}

/// Returns the colour for the canvas.
pub(super) fn ink(Color(red, green, blue): Color) -> Rgb {
    Rgb(red, green, blue)
}

/// Values on a grid over a part of the plane, drawn as colours between two.
#[derive(Debug, Clone)]
pub struct Field {
    /// Range of the plane from left to right. Default 0 to 1.
    pub x: Range<f64>,
    /// Range of the plane from bottom to top. Default 0 to 1.
    pub y: Range<f64>,
    /// Number of columns of the grid, evenly from the start to the end of `x`. Default 0.
    pub columns: usize,
    /// Values row by row from the top, evenly; each row from left to right. Default: none.
    pub values: Vec<f64>,
    /// Values that have the full colours. Default 0 to 1.
    pub range: Range<f64>,
    /// Colours of the smallest and the largest value; white is half-way. Default: blue and orange.
    pub colors: [Color; 2],
    /// Whether the line half-way is drawn. Default `false`.
    pub line: bool,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

/// No values on the unit square, from 0 in blue to 1 in orange, without the line.
impl Default for Field {
    fn default() -> Self {
        Self {
            x: 0.0..1.0,
            y: 0.0..1.0,
            columns: 0,
            values: Vec::new(),
            range: 0.0..1.0,
            colors: [Color::BLUE, Color::ORANGE],
            line: false,
            non_exhaustive: NonExhaustive(()),
        }
    }
}

impl Field {
    /// Returns the points of a grid of `side` x `side` over a part of the plane, in the order of `values`.
    ///
    /// # Errors
    /// More points than the memory holds.
    pub fn grid(x: Range<f64>, y: Range<f64>, side: usize) -> Result<Vec<[f64; 2]>> {
        check_numbers("the points of a grid", (side as u64).checked_mul(side as u64).and_then(|n| n.checked_mul(2)))?;
        let place = |k: usize| if side > 1 { k as f64 / (side - 1) as f64 } else { 0.5 };
        let at = |range: &Range<f64>, place: f64| range.start + place * (range.end - range.start);
        let row = |r: usize| (0..side).map(move |c| (place(c), 1.0 - place(r)));
        Ok((0..side).flat_map(row).map(|(u, v)| [at(&x, u), at(&y, v)]).collect())
    }
}

/// Table of numbers, drawn as shaded cells.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// Names of the rows, from the top. A table with more than 24 rows or columns has no names and no numbers in its
    /// cells.
    pub rows: Vec<String>,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Shades row by row, from white at the start of `range` to the full colour at its end. The root of the shade is
    /// drawn, which makes small shades visible, unless `is_linear`.
    pub shades: Vec<f64>,
    /// Texts of the cells, as many as shades, or none.
    pub texts: Vec<String>,
    /// Full colour of a cell. Default: blue.
    pub color: Color,
    /// Shades that are white and that have the full colour. Default 0 to 1.
    pub range: Range<f64>,
    /// Whether the shade itself is drawn, in place of its root. Default `false`.
    pub is_linear: bool,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

/// No cells, in blue.
impl Default for Matrix {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            columns: Vec::new(),
            shades: Vec::new(),
            texts: Vec::new(),
            color: Color::BLUE,
            range: 0.0..1.0,
            is_linear: false,
            non_exhaustive: NonExhaustive(()),
        }
    }
}

/// Frame with axes and layers.
#[derive(Debug, Clone)]
pub struct Panel {
    pub(super) heading: String,
    pub(super) names: [String; 2],
    pub(super) ranges: [Option<Range<f64>>; 2],
    /// Names of the positions 0, 1, 2, .. from left to right, in place of numbers.
    pub(super) positions: Vec<String>,
    pub(super) is_counting: bool,
    pub(super) is_logarithmic: bool,
    pub(super) is_equal: bool,
    pub(super) is_bare: bool,
    pub(super) bar: Option<String>,
    pub(super) layers: Vec<Layer>,
}

/// Points as pairs of values.
pub(super) type Points = Vec<(f64, f64)>;

/// Layer of a panel.
#[derive(Debug, Clone)]
pub(super) enum Layer {
    Line { name: String, color: Color, points: Points, is_dashed: bool },
    Dots { name: String, color: Color, points: Points, is_diamond: bool },
    Segments { color: Color, ends: Vec<[(f64, f64); 2]> },
    Labels { texts: Vec<((f64, f64), String)> },
    Bars { name: String, color: Color, values: Vec<f64>, part: (usize, usize) },
    Field(Field),
    Matrix(Matrix),
    Image { columns: usize, values: Vec<f64> },
}

impl Panel {
    /// Makes an empty panel; the heading may be empty.
    pub fn new(heading: impl Into<String>) -> Self {
        Self {
            heading: heading.into(),
            names: Default::default(),
            ranges: [None, None],
            positions: Vec::new(),
            is_counting: false,
            is_logarithmic: false,
            is_equal: false,
            is_bare: false,
            bar: None,
            layers: Vec::new(),
        }
    }

    /// Sets the names of the axes.
    #[must_use]
    pub fn axes(mut self, x: impl Into<String>, y: impl Into<String>) -> Self {
        self.names = [x.into(), y.into()];
        self
    }

    /// Sets ticks at whole numbers only, from left to right.
    #[must_use]
    pub fn counting(mut self) -> Self {
        self.is_counting = true;
        self
    }

    /// Sets names of the positions 0, 1, 2, .. from left to right, in place of numbers, as bars need them. A name that is
    /// wider than its position is shortened.
    #[must_use]
    pub fn positions(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.positions = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets a logarithmic scale from bottom to top; values that are not above 0 are not drawn.
    #[must_use]
    pub fn logarithmic(mut self) -> Self {
        self.is_logarithmic = true;
        self
    }

    /// Sets the same scale in both directions. The height of the frame stays between a sixth of its width and twice its
    /// width.
    #[must_use]
    pub fn equal(mut self) -> Self {
        self.is_equal = true;
        self
    }

    /// Leaves out frame, grid, ticks and names of the axes, as for a drawn graph, whose coordinates mean nothing.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.is_bare = true;
        self
    }

    /// Adds a colour bar to the right, which tells the numbers behind the colours of the panel's field or matrix, and
    /// their name and unit.
    #[must_use]
    pub fn color_bar(mut self, name: impl Into<String>) -> Self {
        self.bar = Some(name.into());
        self
    }

    /// Sets the range from left to right. Default: the range of all layers. Lines end at the frame; points beyond it are
    /// on its edge.
    #[must_use]
    pub fn x_range(mut self, range: Range<f64>) -> Self {
        self.ranges[0] = Some(range);
        self
    }

    /// Sets the range from bottom to top, as [`x_range`](Self::x_range) does. Default: the range of all layers.
    #[must_use]
    pub fn y_range(mut self, range: Range<f64>) -> Self {
        self.ranges[1] = Some(range);
        self
    }

    /// Adds a line through points; it is interrupted at a point that is not finite. A line without a name is not in the
    /// legend.
    #[must_use]
    pub fn line(self, name: impl Into<String>, color: Color, points: &[(f64, f64)]) -> Self {
        self.with(Layer::Line { name: name.into(), color, points: points.to_vec(), is_dashed: false })
    }

    /// Adds a dashed line through points.
    #[must_use]
    pub fn dashes(self, name: impl Into<String>, color: Color, points: &[(f64, f64)]) -> Self {
        self.with(Layer::Line { name: name.into(), color, points: points.to_vec(), is_dashed: true })
    }

    /// Adds points as dots; a point that is not finite is not drawn.
    #[must_use]
    pub fn dots(self, name: impl Into<String>, color: Color, points: &[(f64, f64)]) -> Self {
        self.with(Layer::Dots { name: name.into(), color, points: points.to_vec(), is_diamond: false })
    }

    /// Adds points as diamonds with a dark edge; a point that is not finite is not drawn.
    #[must_use]
    pub fn diamonds(self, name: impl Into<String>, color: Color, points: &[(f64, f64)]) -> Self {
        self.with(Layer::Dots { name: name.into(), color, points: points.to_vec(), is_diamond: true })
    }

    /// Adds straight lines between pairs of points, such as the edges of a graph.
    #[must_use]
    pub fn segments(self, color: Color, ends: &[[(f64, f64); 2]]) -> Self {
        self.with(Layer::Segments { color, ends: ends.to_vec() })
    }

    /// Adds texts around points.
    #[must_use]
    pub fn labels(self, texts: &[((f64, f64), String)]) -> Self {
        self.with(Layer::Labels { texts: texts.to_vec() })
    }

    /// Adds bars upwards from 0, around 0, 1, 2, ..; a value that is not finite has no bar.
    #[must_use]
    pub fn bars(mut self, name: impl Into<String>, color: Color, values: &[f64]) -> Self {
        // Bars of several names stand side by side.
        let mut before = 0;
        for layer in &mut self.layers {
            if let Layer::Bars { part: (_, of), .. } = layer {
                *of += 1;
                before += 1;
            }
        }
        self.with(Layer::Bars { name: name.into(), color, values: values.to_vec(), part: (before, before + 1) })
    }

    /// Adds values over the plane as colours.
    #[must_use]
    pub fn field(self, field: Field) -> Self {
        self.with(Layer::Field(field))
    }

    /// Adds a table of shaded cells. The panel has no other layers, and its axes have names but no numbers.
    #[must_use]
    pub fn matrix(self, matrix: Matrix) -> Self {
        self.with(Layer::Matrix(matrix))
    }

    /// Adds a grey picture, row by row from the top, black at 0 and white at 1. The panel has no other layers.
    #[must_use]
    pub fn image(self, columns: usize, values: &[f64]) -> Self {
        self.with(Layer::Image { columns, values: values.to_vec() })
    }

    fn with(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }
}
