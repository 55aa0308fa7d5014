//! `candlewick draw`: pictures of circuits.

use super::circuits::{self, Loaded, Source};
use super::failure::{Failure, Outcome};
use super::input::is_standard;
use super::output;
use candlewick::circuit::Theme;
use clap::ValueEnum;
use clap::builder::BoolishValueParser;
use std::path::PathBuf;

/// Draw a circuit as text, SVG or LaTeX.
///
/// FILE is a text in OpenQASM 2 or 3, or a model, of which all circuits are drawn. The ending of the output's name says
/// what it is: .svg, .tex (for quantikz), or .txt. Without an output the drawing is text.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,

    /// Picture: .svg, .tex or .txt [default: text on the standard output].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Colours of an SVG; auto is light or dark as the reader's system is.
    #[arg(long, value_enum, default_value_t = Colours::Auto)]
    theme: Colours,

    /// Width that rows keep to, in pixels; a character of text takes 8.6.
    #[arg(long, value_name = "PIXELS", default_value_t = 860.0)]
    width: f64,

    /// Whether a long circuit is folded into rows.
    #[arg(long, value_name = "YES|NO", default_value = "yes", action = clap::ArgAction::Set,
          value_parser = BoolishValueParser::new())]
    fold: bool,

    /// Make the LaTeX a document of its own.
    #[arg(long)]
    standalone: bool,
}

/// Colours of an SVG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Colours {
    Auto,
    Light,
    Dark,
}

/// Form of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Svg,
    Latex,
}

/// Draws the circuits of a file.
pub(crate) fn run(args: &Args) -> Outcome<()> {
    let form = form(args)?;
    let loaded = match form {
        Form::Text => circuits::load(&args.source)?,
        Form::Svg | Form::Latex => vec![circuits::load_one(&args.source)?],
    };
    let mut drawings = Vec::new();
    for one in &loaded {
        let drawing = drawing(args, form, one)?;
        drawings.push(if loaded.len() > 1 { format!("{}:\n{drawing}", one.title()) } else { drawing });
    }
    output::write(args.output.as_deref(), drawings.join("\n").as_bytes())
}

fn form(args: &Args) -> Outcome<Form> {
    let Some(path) = args.output.as_deref().filter(|path| !is_standard(path)) else { return Ok(Form::Text) };
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending.to_lowercase().as_str() {
        "svg" => Ok(Form::Svg),
        "tex" => Ok(Form::Latex),
        "txt" => Ok(Form::Text),
        _ => Err(Failure::Usage(format!("{}: a drawing is .svg, .tex or .txt", path.display()))),
    }
}

fn drawing(args: &Args, form: Form, loaded: &Loaded) -> Outcome<String> {
    let theme = match args.theme {
        Colours::Auto => Theme::Auto,
        Colours::Light => Theme::Light,
        Colours::Dark => Theme::Dark,
    };
    let (circuit, names) = loaded.measured();
    let drawing = circuit.draw().names(names).width(args.width).theme(theme).fold(args.fold);
    let drawing = drawing.standalone(args.standalone);
    let drawn = match form {
        // A text drawing has no limit of operations, but a width out of range is an error in all forms.
        Form::Text if !(100.0..=100_000.0).contains(&args.width) => {
            return Err(Failure::Usage("--width is from 100 to 100000 pixels".to_owned()));
        }
        Form::Text => Ok(drawing.to_text()),
        Form::Svg => drawing.to_svg(),
        Form::Latex => drawing.to_latex(),
    };
    drawn.map_err(|error| Failure::new(format!("{}: {error}", loaded.file)))
}
