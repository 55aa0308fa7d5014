//! Commands as executors: a text on standard input, counts as JSON on standard output.

use super::process::{Limits, Process};
use super::{Counts, Executor, Job};
use crate::error::{Error, ExecutorError, Result};
use crate::exchange::words::cited;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

/// Most characters of a wrong output that a message cites.
const CITED: usize = 200;

/// Command that runs circuits, as an [`Executor`].
///
/// | | one text a process, the default | all texts of a call in one process, [`batched`](Self::batched) |
/// |---|---|---|
/// | standard input | OpenQASM 3 | JSON: `[{"program": "OPENQASM ..", "shots": 1000, "seed": 7}, ..]` |
/// | environment | `CANDLEWICK_SHOTS`, `CANDLEWICK_SEED` | |
/// | standard output | JSON: `{"00": 512, "11": 488}` | JSON: `[{"00": 512, "11": 488}, ..]` |
/// | standard error | part of the message of an error | the same |
/// | exit code | 0 | 0 |
///
/// See [`Counts`] for the order of the bits. Outcomes that did not occur may be left out.
///
/// A command that takes too long or writes too much is killed, with the processes of its process group on Unix. No call
/// waits longer than the time limit, whatever the command does with its input and output.
///
/// ```
/// # #[cfg(unix)] {
/// use candlewick::executor::{CommandExecutor, Executor};
/// use std::time::Duration;
/// let always_zero = "echo \"{\\\"0\\\": $CANDLEWICK_SHOTS}\"";
/// let executor = CommandExecutor::new("/bin/sh")
///     .args(["-c", always_zero])
///     .time_limit(Duration::from_secs(10));
/// let counts = executor.run("OPENQASM 3.0; ..", 100, 7)?;
/// assert_eq!(counts.iter().collect::<Vec<_>>(), [("0", 100)]);
/// # }
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CommandExecutor {
    program: OsString,
    args: Vec<OsString>,
    limits: Limits,
    is_batched: bool,
}

impl CommandExecutor {
    /// Makes an executor of a program, by its path or by a name in `PATH`. No shell is involved.
    pub fn new(program: impl Into<OsString>) -> Self {
        let limits = Limits { time: Duration::from_secs(300), output: 64 << 20 };
        Self { program: program.into(), args: Vec::new(), limits, is_batched: false }
    }

    /// Appends arguments.
    #[must_use = "the executor is returned"]
    pub fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets the time that a process may take. Default: 5 minutes.
    #[must_use = "the executor is returned"]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limits.time = limit;
        self
    }

    /// Sets the number of bytes that a process may write to its standard output. Default: 64 MB.
    #[must_use = "the executor is returned"]
    pub fn output_limit(mut self, bytes: usize) -> Self {
        self.limits.output = bytes;
        self
    }

    /// Gives all texts of a call to one process: a start of Python costs more than most circuits. The time limit is for
    /// all of them together.
    #[must_use = "the executor is returned"]
    pub fn batched(mut self) -> Self {
        self.is_batched = true;
        self
    }

    fn process(&self) -> Process<'_> {
        Process { program: &self.program, args: &self.args, limits: self.limits }
    }

    /// Runs a process, and reads its output.
    fn answer<T: DeserializeOwned>(&self, input: String, environment: &[(&str, String)]) -> Result<T> {
        let process = self.process();
        let output = process.run(input, environment)?;
        serde_json::from_slice(&output.stdout).map_err(|source| {
            let found = cited(&String::from_utf8_lossy(&output.stdout), CITED);
            let (program, stderr) = (process.name(), output.stderr);
            Error::from(ExecutorError::NotCounts { program, found, stderr, source: source.into() })
        })
    }
}

impl Executor for CommandExecutor {
    fn run(&self, program: &str, shots: usize, seed: u64) -> Result<Counts> {
        if self.is_batched {
            let mut all = self.run_all(&[Job::new(program.to_owned(), shots, seed)])?;
            return all.pop().ok_or_else(|| ExecutorError::Answers { expected: 1, actual: 0 }.into());
        }
        let environment = [("CANDLEWICK_SHOTS", shots.to_string()), ("CANDLEWICK_SEED", seed.to_string())];
        let counts = Counts::new(self.answer::<BTreeMap<String, u64>>(program.to_owned(), &environment)?)?;
        counts.check(counts.bits(), shots)?;
        Ok(counts)
    }

    fn run_all(&self, jobs: &[Job]) -> Result<Vec<Counts>> {
        if !self.is_batched {
            return jobs.iter().map(|job| self.run(&job.program, job.shots, job.seed)).collect();
        }
        let input = serde_json::to_string(jobs).map_err(|error| ExecutorError::Failed(error.into()))?;
        let all: Vec<BTreeMap<String, u64>> = self.answer(input, &[])?;
        if all.len() != jobs.len() {
            return Err(ExecutorError::Answers { expected: jobs.len(), actual: all.len() }.into());
        }
        let checked = |(counts, job): (BTreeMap<String, u64>, &Job)| {
            let counts = Counts::new(counts)?;
            counts.check(counts.bits(), job.shots)?;
            Ok(counts)
        };
        all.into_iter().zip(jobs).map(checked).collect()
    }
}
