//! Letters as outlines of the fonts that come with the crate: a bare machine has none.

use ab_glyph::{Font, FontRef, OutlineCurve};
use std::sync::OnceLock;

/// Fonts in the order in which they are asked for a character.
type Fonts = Option<[FontRef<'static>; 2]>;

/// Height of capitals, of the size of an em.
pub(super) const CAPITALS: f64 = 0.693;
/// Distance between the two copies of an outline, of an em. The font is light: a second copy to the right of the first
/// thickens the stems.
pub(super) const THICKER: f64 = 0.026;
/// Size of an em, of the nominal size of a text: a line is as high as its nominal size.
const EM: f64 = 0.892;

/// Character at its place in a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Letter {
    /// Index of the font, and of the character in it.
    pub(super) glyph: (usize, u16),
    /// Distance from the start of the line in ems.
    pub(super) start: f64,
}

/// Piece of an outline in ems, upwards from the line on which letters stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Piece {
    Line([(f64, f64); 2]),
    Quadratic([(f64, f64); 3]),
    Cubic([(f64, f64); 4]),
}

fn fonts() -> &'static Fonts {
    static FONTS: OnceLock<Fonts> = OnceLock::new();
    FONTS.get_or_init(|| {
        let font = |bytes| FontRef::try_from_slice(bytes).ok();
        // The second font has mathematical signs that the first one lacks.
        Some([font(epaint_default_fonts::UBUNTU_LIGHT)?, font(epaint_default_fonts::HACK_REGULAR)?])
    })
}

/// Returns whether the fonts can be read.
pub(super) fn has_fonts() -> bool {
    fonts().is_some()
}

/// Returns the size of an em of a text of a nominal size.
pub(super) fn em(size: f64) -> f64 {
    EM * size
}

/// Returns the letters of a line, and its width in ems.
pub(super) fn set_line(line: &str) -> (Vec<Letter>, f64) {
    let Some(fonts) = fonts() else { return (Vec::new(), 0.0) };
    let (mut letters, mut start) = (Vec::new(), 0.0);
    let mut before = None;
    for character in line.chars() {
        // Index 0 is the sign for a missing character.
        let of = fonts.iter().position(|font| font.glyph_id(character).0 != 0).unwrap_or(0);
        let (font, glyph) = (&fonts[of], fonts[of].glyph_id(character));
        let per_em = 1.0 / f64::from(font.units_per_em().unwrap_or(1000.0));
        if let Some((_, left)) = before.filter(|(font, _)| *font == of) {
            start += per_em * f64::from(font.kern_unscaled(left, glyph));
        }
        letters.push(Letter { glyph: (of, glyph.0), start });
        start += per_em * f64::from(font.h_advance_unscaled(glyph));
        before = Some((of, glyph));
    }
    (letters, start)
}

/// Returns the width of a line of text of a nominal size.
pub(super) fn text_width(line: &str, size: f64) -> f64 {
    em(size) * set_line(line).1
}

/// Returns the outline of a character; nothing for a space.
pub(super) fn outline((font, glyph): (usize, u16)) -> Vec<Piece> {
    let Some(font) = fonts().as_ref().and_then(|fonts| fonts.get(font)) else { return Vec::new() };
    let per_em = 1.0 / f64::from(font.units_per_em().unwrap_or(1000.0));
    let at = |point: ab_glyph::Point| (per_em * f64::from(point.x), per_em * f64::from(point.y));
    let curves = font.outline(ab_glyph::GlyphId(glyph)).map_or_else(Vec::new, |outline| outline.curves);
    let piece = |curve| match curve {
        OutlineCurve::Line(a, b) => Piece::Line([a, b].map(at)),
        OutlineCurve::Quad(a, b, c) => Piece::Quadratic([a, b, c].map(at)),
        OutlineCurve::Cubic(a, b, c, d) => Piece::Cubic([a, b, c, d].map(at)),
    };
    curves.into_iter().map(piece).collect()
}
