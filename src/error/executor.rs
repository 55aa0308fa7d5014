//! Errors of programs outside that run circuits.

use super::Cause;
use std::time::Duration;

/// Circuits that a program outside cannot run, and answers that are no counts.
///
/// Words that are cited from a program's output are cut, and their control characters are escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecutorError {
    /// A program that cannot be started.
    #[error("`{program}` cannot be started: {source}")]
    Start {
        /// Name or path of the program.
        program: String,
        /// Error of the system.
        source: Cause,
    },
    /// A program that ended without success.
    #[error("`{program}` has failed ({status}){}", said(.stderr))]
    Exit {
        /// Name or path of the program.
        program: String,
        /// Exit code or signal, in words.
        status: String,
        /// Last words of its standard error.
        stderr: String,
    },
    /// A program that took too long, and was killed.
    #[error("`{program}` has not ended within {limit:?}{}", said(.stderr))]
    TimedOut {
        /// Name or path of the program.
        program: String,
        /// Time that it had.
        limit: Duration,
        /// Last words of its standard error.
        stderr: String,
    },
    /// A program that wrote too much, and was killed.
    #[error("`{program}` has written more than the {limit} bytes allowed{}", said(.stderr))]
    TooLong {
        /// Name or path of the program.
        program: String,
        /// Largest number of bytes of its standard output.
        limit: usize,
        /// Last words of its standard error.
        stderr: String,
    },
    /// Standard output that is no JSON of counts.
    #[error("`{program}` has written no counts: {source}; its output begins with `{found}`{}", said(.stderr))]
    NotCounts {
        /// Name or path of the program.
        program: String,
        /// First words of its standard output.
        found: String,
        /// Last words of its standard error.
        stderr: String,
        /// Error of the parser.
        source: Cause,
    },
    /// An outcome that is no string of so many bits.
    #[error("the outcome `{outcome}` is no string of {bits} characters 0 and 1")]
    Outcome {
        /// First words of the outcome.
        outcome: String,
        /// Number of classical bits.
        bits: usize,
    },
    /// Counts of another number of shots.
    #[error("the counts are of {actual} shots, but {expected} were asked for")]
    Shots {
        /// Number of shots that were asked for.
        expected: u64,
        /// Sum of the counts; 2^64 - 1 for larger sums.
        actual: u64,
    },
    /// Counts of another number of circuits.
    #[error("there are counts of {actual} circuits, but {expected} were sent")]
    Answers {
        /// Number of circuits.
        expected: usize,
        /// Number of counts.
        actual: usize,
    },
    /// An error of an [`Executor`](crate::executor::Executor) of a user's own.
    #[error("the executor has failed: {0}")]
    Failed(#[source] Cause),
    /// A request that an executor cannot answer.
    #[error("an executor has no {what}: {instead}")]
    NotFromExecutor {
        /// The request, in words.
        what: &'static str,
        /// Advice: what can be done.
        instead: &'static str,
    },
}

/// Words about a program's standard error, if it has written any.
fn said(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!("; it says: {stderr}") }
}
