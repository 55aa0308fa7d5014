//! Drawings of circuits as text, as SVG and as LaTeX, from one layout.

mod describe;
mod latex;
mod layout;
mod picture;
mod svg;
mod text;
mod widths;

use super::Circuit;
use crate::angle::Plain;
use crate::error::{Error, Result};
use std::io::Write;

/// Largest number of operations of a drawing as SVG or LaTeX.
const OPERATIONS: usize = 20_000;
/// Widths of a drawing in pixels, and the default.
const WIDTHS: std::ops::RangeInclusive<f64> = 100.0..=100_000.0;
const WIDTH: f64 = 860.0;
/// Most digits behind the point: an `f64` has no more.
const MOST_DIGITS: usize = 17;

/// Drawing of a circuit, as text, as SVG or as LaTeX; [`Circuit::draw`] makes it.
///
/// ```
/// use candlewick::prelude::*;
/// let mut circuit = Circuit::new(2);
/// circuit.h(0).cx(0, 1).ry(input(0), 1);
/// let drawing = circuit.draw().names(["a", "b"]).title("A Bell pair, turned");
///
/// assert_eq!(drawing.to_text(), "a: ─H──●──────────\n       │\nb: ────X──RY(x0)──\n");
/// let path = std::env::temp_dir().join("candlewick-doc-bell.svg");
/// std::fs::write(&path, drawing.to_svg()?)?;
/// # std::fs::remove_file(path)?;
/// let latex = drawing.to_latex()?; // for \input, in a paper that has quantikz
/// assert!(latex.contains(r"\lstick{$b$} & & \targ{} & \gate{R_{Y}(x_{0})} &"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// All forms have the same conventions. Time runs to the right, and qubit 0 is on top.
///
/// | mark | meaning |
/// |---|---|
/// | ● and ○ | control that must be 1, control that must be 0 |
/// | ⊕ (`X` in text), a target ● (`Z` in text), × | targets of controlled X, of controlled Z, and of an exchange |
/// | meter (`M` in text) | [`measure`](Circuit::measure): from the arrow on, the wire of the record is double |
/// | box \|0⟩, box `old` | [`reset`](Circuit::reset), and the qubit that its old state moves to |
/// | dashed box | noise |
/// | small 0, 1, .. in a box | order of the qubits, if it matters |
/// | `?1` | the operation acts where condition 1 holds; conditions are listed below |
///
/// The same drawing has the same bytes on every machine. No fonts are needed: widths of texts come from a table, and
/// every text of an SVG is set to its width.
#[derive(Debug, Clone)]
pub struct Drawing<'c> {
    circuit: &'c Circuit,
    width: f64,
    theme: Theme,
    names: Vec<String>,
    title: Option<String>,
    digits: usize,
    fold: bool,
    standalone: bool,
}

/// Colours of an SVG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Theme {
    /// Light or dark, as the reader's system is; light in programs that know no dark, such as Inkscape.
    #[default]
    Auto,
    /// Dark on white.
    Light,
    /// Light on black.
    Dark,
}

impl Circuit {
    /// Starts a drawing of the circuit: [`Drawing::to_svg`], [`Drawing::to_latex`] and [`Drawing::to_text`] finish it.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(3);
    /// circuit.h(0).cx(0, 1).cx(1, 2);
    /// let svg = circuit.draw().to_svg()?;
    /// assert!(svg.contains("<title>cx on qubit 1, controlled by qubit 0</title>"));
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    pub fn draw(&self) -> Drawing<'_> {
        Drawing {
            circuit: self,
            width: WIDTH,
            theme: Theme::Auto,
            names: Vec::new(),
            title: None,
            digits: Plain::default().0,
            fold: true,
            standalone: false,
        }
    }

    /// Shows the drawing in a notebook with the Rust kernel evcxr, which calls this for the last value of a cell. A
    /// circuit that has no SVG is shown as text.
    pub fn evcxr_display(&self) {
        let (kind, content) = match self.draw().to_svg() {
            Ok(svg) => ("text/html", svg),
            Err(_) => ("text/plain", self.to_string()),
        };
        // A notebook that has been closed is no error.
        let _ = writeln!(std::io::stdout(), "EVCXR_BEGIN_CONTENT {kind}\n{content}\nEVCXR_END_CONTENT");
    }
}

impl Drawing<'_> {
    /// Sets the width that rows keep to, in pixels of 1/96 inch, from 100 to 100 000. The default is 860. The drawing
    /// is as narrow as its contents, and its rows are about as long as each other; it is wider only if a single
    /// operation is. A character of text takes 8.6 pixels.
    pub fn width(mut self, pixels: f64) -> Self {
        self.width = pixels;
        self
    }

    /// Sets the colours of the SVG. The default is [`Theme::Auto`].
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }

    /// Sets the names of the wires, qubit 0 first. A qubit without a name is `q0`, `q1`, ..; further names are left
    /// out.
    pub fn names<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.names = names.into_iter().take(self.circuit.qubits()).map(Into::into).collect();
        self
    }

    /// Sets the title, which readers of screens hear and LaTeX has in a comment. The default counts qubits, operations,
    /// features and weights.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets how many digits numbers have behind the point, at most 17. The default is 4.
    pub fn digits(mut self, digits: usize) -> Self {
        self.digits = digits.min(MOST_DIGITS);
        self
    }

    /// Sets whether a long circuit is folded into several rows, which is the default, or is one long row.
    pub fn fold(mut self, fold: bool) -> Self {
        self.fold = fold;
        self
    }

    /// Sets whether the LaTeX is a document of its own, which compiles to a page of the drawing's size. The default is
    /// a part of a document, for `\input`.
    pub fn standalone(mut self, standalone: bool) -> Self {
        self.standalone = standalone;
        self
    }

    /// Draws the circuit as an SVG: a file, or an element of an HTML page.
    ///
    /// # Errors
    /// The circuit's mistake, more than 20 000 operations, and a width out of range.
    pub fn to_svg(&self) -> Result<String> {
        self.check()?;
        Ok(svg::svg(self))
    }

    /// Draws the circuit in LaTeX, for the library quantikz2 of TikZ (`\usetikzlibrary{quantikz2}`).
    ///
    /// # Errors
    /// The circuit's mistake, more than 20 000 operations, and a width out of range.
    pub fn to_latex(&self) -> Result<String> {
        self.check()?;
        Ok(latex::latex(self))
    }

    /// Draws the circuit as text. A mistake is written below the operations before it.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::write(self, &mut text);
        text
    }

    fn check(&self) -> Result<()> {
        self.circuit.check()?;
        let operations = self.circuit.operations().len();
        if operations > OPERATIONS {
            return Err(Error::Drawing { operations, limit: OPERATIONS });
        }
        if !WIDTHS.contains(&self.width) {
            let (value, allowed) = (self.width, "from 100 to 100000 pixels");
            return Err(Error::Setting { of: "Drawing", setting: "width", value, allowed });
        }
        Ok(())
    }

    /// Returns the width that rows keep to.
    fn limit(&self) -> f64 {
        match self.fold {
            true if self.width.is_nan() => WIDTH,
            true => self.width.clamp(*WIDTHS.start(), *WIDTHS.end()),
            false => f64::INFINITY,
        }
    }

    /// Returns the names of all wires, in one line each.
    fn wire_names(&self) -> Vec<String> {
        let given = |qubit: usize| Some(self.names.get(qubit)?.chars().filter(|c| !c.is_control()).collect());
        (0..self.circuit.qubits()).map(|qubit| given(qubit).unwrap_or_else(|| format!("q{qubit}"))).collect()
    }

    /// Describes the circuit in numbers: qubits, operations, features and weights.
    fn summary(&self) -> String {
        let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let circuit = self.circuit;
        let mut parts = vec![counted(circuit.qubits(), "qubit"), counted(circuit.operations().len(), "operation")];
        let weights = circuit.declarations().map(|weights| weights.handle.shape().iter().product::<usize>()).sum();
        for (count, what) in [(circuit.inputs(), "feature"), (weights, "weight")] {
            if count > 0 {
                parts.push(counted(count, what));
            }
        }
        parts.join(", ")
    }
}
