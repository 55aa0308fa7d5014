//! Drawings in LaTeX.

use super::Drawing;

/// Returns the drawing in LaTeX.
pub(super) fn latex(_drawing: &Drawing<'_>) -> String {
    String::new()
}
