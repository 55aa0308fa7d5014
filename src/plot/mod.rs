//! Pictures: curves, points, bars, fields, matrices and images, side by side, as PNG files.
//!
//! A [`Figure`] has a title and panels. A [`Panel`] has axes and layers; the first layer is at the bottom. Names make
//! the legend. The font comes with the crate, so a bare machine draws the same picture, bit for bit.
//!
//! ```
//! use candlewick::plot::{Color, Figure, Panel};
//! let loss: Vec<(f64, f64)> = (1..=20).map(|epoch| (f64::from(epoch), 0.8f64.powi(epoch))).collect();
//! let panel = Panel::new("Training").axes("epoch", "loss").counting().logarithmic().line("hybrid", Color::VIOLET, &loss);
//! let path = std::env::temp_dir().join("candlewick-doc-loss.png");
//! Figure::new("A first picture").panel(panel).save(&path)?;
//! # std::fs::remove_file(path).unwrap();
//! # Ok::<(), candlewick::Error>(())
//! ```

mod axes;
mod canvas;
mod classes;
mod figure;
mod layers;
mod panel;

pub use canvas::Bitmap;
pub use classes::{confusion, decisions, roc, scatter};
pub use figure::Figure;
pub use panel::{Color, Field, Matrix, Panel};

/// Result of drawing. The error is a reason in words; [`Figure::save`] adds the path.
type Drawn<T = ()> = Result<T, crate::error::Cause>;
