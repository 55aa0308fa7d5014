//! Pictures: curves, points, bars, fields, matrices and images, side by side, as PNG or SVG files.
//!
//! A [`Figure`] has a title and panels. A [`Panel`] has axes and layers; the first layer is at the bottom. Names make
//! the legend. The font comes with the crate, so a bare machine draws the same picture, bit for bit. [`Figure::scale`]
//! makes a picture larger, for slides; [`Figure::frame`] makes it smaller around the same text, for narrow columns.
//!
//! ```
//! use candlewick::plot::{Color, Figure, Panel};
//! let loss: Vec<(f64, f64)> =
//!     (1..=20).map(|epoch| (f64::from(epoch), 0.8f64.powi(epoch))).collect();
//! let panel = Panel::new("Training").axes("epoch", "loss").counting().logarithmic();
//! let panel = panel.line("hybrid", Color::VIOLET, &loss);
//! let figure = Figure::new("A first picture").panel(panel);
//! for name in ["candlewick-doc-loss.png", "candlewick-doc-loss.svg"] {
//!     let path = std::env::temp_dir().join(name);
//!     figure.save(&path)?;
//!     # std::fs::remove_file(path).unwrap();
//! }
//! # Ok::<(), candlewick::Error>(())
//! ```

mod axes;
mod bar;
mod bitmap;
mod canvas;
mod classes;
mod field;
mod figure;
mod layers;
mod matrix;
mod panel;
mod svg;
mod text;

pub use bitmap::Bitmap;
pub use classes::{confusion, decisions, mistakes, roc, scatter};
pub use figure::Figure;
pub use panel::{Color, Field, Matrix, Panel};

/// Result of drawing. The error is a reason in words; [`Figure::save`] adds the path.
type Drawn<T = ()> = Result<T, crate::error::Cause>;
