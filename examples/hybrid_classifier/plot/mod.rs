//! Pictures. Lengths and sizes are in pixels of a canvas of twice the size of the picture; the average of four canvas
//! pixels is one of the picture, which makes edges and text smooth.

mod axes;
mod canvas;
mod confusion;
mod history;
mod plane;

pub(crate) use confusion::{Confusion, confusion};
pub(crate) use history::history;
pub(crate) use plane::{boundary, scatter};
