//! Drawings of circuits as SVG and LaTeX.

mod circuits;
mod golden;
