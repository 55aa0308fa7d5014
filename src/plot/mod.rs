//! Pictures: curves, points, bars, fields, matrices and images, side by side, as PNG files.
//!
//! A [`Figure`] has a title and panels; a [`Panel`] has axes and what is drawn in it, the first thing lowest. Names make the legend.
//! The font comes with the crate, so that a bare machine draws the same picture, bit for bit.
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
pub use classes::{confusion, decisions, scatter};
pub use figure::Figure;
pub use panel::{Color, Field, Matrix, Panel};

/// What drawing returns: a reason in words, to which [`Figure::save`] adds the path.
type Drawn<T = ()> = Result<T, crate::error::Cause>;
