//! The program `candlewick`: circuits are drawn, simulated and converted, and tables become models that predict.

mod circuits;
mod convert;
mod draw;
mod failure;
mod info;
mod input;
mod observable;
mod output;
mod predict;
mod rows;
mod settings;
mod shell;
mod simulate;
mod train;
mod words;

use clap::{Parser, Subcommand};
use failure::Outcome;
use std::process::ExitCode;

/// Quantum circuits and models with quantum layers, without writing Rust.
///
/// FILE may be `-`, the standard input; `-o -` is the standard output. Results go to the standard output, messages to
/// the standard error output. The exit status is 0, 1 for an error of a file or a computation, 2 for an error of usage.
#[derive(Debug, Parser)]
#[command(name = "candlewick", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

/// Verb of the command line.
#[derive(Debug, Subcommand)]
enum Verb {
    Draw(draw::Args),
    Simulate(simulate::Args),
    Convert(convert::Args),
    Train(train::Args),
    Predict(predict::Args),
    Info(info::Args),
    Completions(shell::Args),
    /// Print the man page of the program, or of a verb.
    Man(shell::ManArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    failure::ending(run(&cli))
}

/// Does what the command line says.
fn run(cli: &Cli) -> Outcome<()> {
    match &cli.verb {
        Verb::Draw(args) => draw::run(args),
        Verb::Simulate(args) => simulate::run(args),
        Verb::Convert(args) => convert::run(args),
        Verb::Train(args) => train::run(args),
        Verb::Predict(args) => predict::run(args),
        Verb::Info(args) => info::run(args),
        Verb::Completions(args) => shell::completions(args),
        Verb::Man(args) => shell::man(args),
    }
}
