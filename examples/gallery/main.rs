//! A gallery: well-known demos of quantum machine learning, each in one short file that can be read by itself.
//!
//! ```text
//! cargo run --release --example gallery -- lstm
//! cargo run --release --example gallery -- all
//! ```
//!
//! Each demo prints a line with its result and draws one picture. Its page is `docs/gallery.md`.

mod attention;
#[path = "../common/digits.rs"]
mod digits;
#[path = "../common/ending.rs"]
mod ending;
mod hypernetwork;
mod kernel_alignment;
mod learned_hamiltonian;
mod lstm;
mod optimizers;
mod options;
mod patch_gan;
mod reuploading;
mod shadows;
#[path = "../common/table.rs"]
mod table;
mod transfer;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use ending::ending;
use options::Options;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Runs one demo, or all of them.
#[derive(Debug, Parser)]
#[command(name = "gallery")]
struct Args {
    /// Demo to run.
    #[arg(value_enum)]
    demo: Choice,

    /// Takes few steps, to see that the demos run.
    #[arg(long)]
    quick: bool,

    /// Folder for the pictures.
    #[arg(long, default_value = "target/gallery", value_name = "DIR")]
    output: PathBuf,
}

/// Names of the demos on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Choice {
    /// Every demo, one after the other.
    All,
    /// A marked token of a sequence, found by attention.
    Attention,
    /// Angles of a circuit from a classical network: ground states of many Hamiltonians.
    Hypernetwork,
    /// A kernel that is trained to agree with labels.
    KernelAlignment,
    /// Coefficients of a Hamiltonian, from energies of known states.
    LearnedHamiltonian,
    /// A quantum LSTM that continues a series.
    Lstm,
    /// Five optimisers on one energy.
    Optimizers,
    /// Four small circuits that draw images, against a discriminator.
    PatchGan,
    /// Three classes on one qubit.
    Reuploading,
    /// Many expectation values from one set of random measurements.
    Shadows,
    /// A circuit on top of a network that was trained for other classes.
    Transfer,
}

/// Name of a demo, as on the command line, and its program.
type Demo = (Choice, &'static str, fn(&Options) -> Result<String>);

const DEMOS: &[Demo] = &[
    (Choice::Attention, "attention", attention::run),
    (Choice::Hypernetwork, "hypernetwork", hypernetwork::run),
    (Choice::KernelAlignment, "kernel_alignment", kernel_alignment::run),
    (Choice::LearnedHamiltonian, "learned_hamiltonian", learned_hamiltonian::run),
    (Choice::Lstm, "lstm", lstm::run),
    (Choice::Optimizers, "optimizers", optimizers::run),
    (Choice::PatchGan, "patch_gan", patch_gan::run),
    (Choice::Reuploading, "reuploading", reuploading::run),
    (Choice::Shadows, "shadows", shadows::run),
    (Choice::Transfer, "transfer", transfer::run),
];

fn run(args: &Args) -> Result<String> {
    let options = Options { quick: args.quick, output: args.output.clone() };
    std::fs::create_dir_all(&options.output)
        .with_context(|| format!("cannot write to {}", options.output.display()))?;
    let mut last = String::new();
    for (_, name, demo) in DEMOS.iter().filter(|demo| args.demo == Choice::All || args.demo == demo.0) {
        if !last.is_empty() {
            println!("{last}\n");
        }
        let start = Instant::now();
        let result = demo(&options).with_context(|| format!("the demo {name}"))?;
        println!("wrote {} after {:.2} s", options.picture(name).display(), start.elapsed().as_secs_f64());
        last = format!("{name}: {result}");
    }
    Ok(last)
}

fn main() -> ExitCode {
    ending(run(&Args::parse()))
}
