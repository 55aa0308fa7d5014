//! The last line of an example.

use anyhow::Result;
use std::process::ExitCode;

/// Prints the result of a run as the last line, or its error on the standard error output.
pub(crate) fn ending(outcome: Result<String>) -> ExitCode {
    match outcome {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
