//! `candlewick convert`: circuits from one version of OpenQASM to another, and models to OpenQASM.

use super::circuits::{self, Source};
use super::failure::{Failure, Outcome};
use super::output;
use super::settings::{self, Setting};
use candlewick::Error;
use clap::ValueEnum;
use std::path::PathBuf;

/// Write a circuit in another version of OpenQASM, with numbers for its inputs.
///
/// FILE is a text in OpenQASM 2 or 3, or a model, whose weights become numbers. OpenQASM 2 has no inputs: each needs a
/// number there. In OpenQASM 3 inputs stay inputs, unless --set gives them numbers.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,

    /// File of the text [default: the standard output].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Version of the text.
    #[arg(long, value_enum, default_value_t = Version::Qasm3)]
    to: Version,

    /// Number of an input: x0=0.5 for a feature, theta=0.1,0.2 for a weight tensor, theta[0]=pi/2 for an entry; may be
    /// repeated.
    #[arg(long = "set", value_name = "NAME=NUMBER", value_parser = settings::setting)]
    settings: Vec<Setting>,
}

/// Version of OpenQASM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Version {
    Qasm2,
    Qasm3,
}

/// Converts a circuit.
pub(crate) fn run(args: &Args) -> Outcome<()> {
    let loaded = circuits::load_one(&args.source)?;
    let values = loaded.values(&args.settings)?;
    let circuit = match args.to {
        Version::Qasm2 => values.bound(&loaded.circuit)?,
        Version::Qasm3 if values.are_all_open() => loaded.circuit.clone(),
        Version::Qasm3 => values.bound_as_set(&loaded.circuit)?,
    };
    let written = match (args.to, loaded.imported(circuit.clone())) {
        (Version::Qasm2, Some(imported)) => imported.to_qasm2(&[], &[]),
        (Version::Qasm2, None) => circuit.to_qasm2(&[], &[]),
        (Version::Qasm3, Some(imported)) => imported.to_qasm3(),
        (Version::Qasm3, None) => circuit.to_qasm3(),
    };
    let text = written.map_err(|error: Error| Failure::new(format!("{}: {error}", loaded.title())))?;
    output::write(args.output.as_deref(), text.as_bytes())
}
