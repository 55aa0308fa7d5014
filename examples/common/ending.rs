//! How an example ends.

use anyhow::Result;
use std::process::ExitCode;

/// Prints what a run found as the last line, or why there is nothing on the standard error output.
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
