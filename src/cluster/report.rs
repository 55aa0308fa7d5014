//! Errors of programs of many processes, printed once.

use super::Cluster;
use crate::error::{ClusterError, Error};
use std::process::ExitCode;

impl Cluster {
    /// Returns the exit code of a program with this result, and prints an error to the standard error output, once for
    /// all members: the first one prints its error, and another one prints an error that the first does not have. It
    /// is the last call of a member. One that calls this member later, and waits in vain, says what the error was.
    ///
    /// ```
    /// use candlewick::cluster::Cluster;
    /// use std::process::ExitCode;
    ///
    /// fn run(cluster: &Cluster) -> candlewick::Result<()> {
    ///     cluster.check_same("the number of epochs", 20)
    /// }
    ///
    /// fn main() -> ExitCode {
    ///     let cluster = Cluster::alone(); // with the feature `mpi`: `Cluster::from_mpi()?`
    ///     cluster.report(run(&cluster))
    /// }
    /// ```
    pub fn report<E: Into<Box<dyn std::error::Error>>>(&self, result: Result<(), E>) -> ExitCode {
        let Err(error) = result else {
            self.0.comm.end(None);
            return ExitCode::SUCCESS;
        };
        let error = error.into();
        let (text, cause) = (with_sources(&*error), cause(&*error).unwrap_or(self.rank()));
        if self.0.comm.end(Some((&text, cause))) {
            eprintln!("Error: {text}");
        }
        ExitCode::FAILURE
    }
}

/// An error and its sources, the outermost first.
fn chain<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// Texts of an error and of the sources that it does not quote.
fn with_sources(error: &(dyn std::error::Error + 'static)) -> String {
    chain(error)
        .map(ToString::to_string)
        .reduce(|text, source| if text.contains(&source) { text } else { format!("{text}: {source}") })
        .unwrap_or_default()
}

/// Rank of the member whose error this one has been told of.
fn cause(error: &(dyn std::error::Error + 'static)) -> Option<usize> {
    let ours = |error: &'_ (dyn std::error::Error + 'static)| match error.downcast_ref::<candle_core::Error>() {
        Some(candle) => Error::find(candle).and_then(rank_elsewhere),
        None => error.downcast_ref().and_then(rank_elsewhere),
    };
    chain(error).find_map(ours)
}

fn rank_elsewhere(error: &Error) -> Option<usize> {
    match error {
        Error::Cluster(ClusterError::Elsewhere { rank, .. }) => Some(*rank),
        _ => None,
    }
}
