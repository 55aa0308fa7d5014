//! Commands as executors: a text on standard input, counts as JSON on standard output.

use super::process::{Limits, Process};
use super::{Counts, Executor, Job};
use crate::error::words::cited;
use crate::error::{Error, ExecutorError, Result};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
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
/// waits longer than the time limit and a second, whatever the command does with its input and output.
///
/// The answer is complete when the command itself ends. A process that it has left in the background and that holds its
/// standard output or standard error for another 0.2 s is killed, if it is in the command's process group.
///
/// On Unix the command's process group is its own, so an interrupt from the keyboard reaches this program alone. If it
/// ends this program, the command runs on until it writes to its output, which nobody reads any more.
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
        self.answer::<Answer>(program.to_owned(), &environment)?.counts(shots)
    }

    fn run_all(&self, jobs: &[Job]) -> Result<Vec<Counts>> {
        if !self.is_batched {
            return jobs.iter().map(|job| self.run(&job.program, job.shots, job.seed)).collect();
        }
        let input = serde_json::to_string(jobs).map_err(|error| ExecutorError::Failed(error.into()))?;
        let all: Vec<Answer> = self.answer(input, &[])?;
        if all.len() != jobs.len() {
            return Err(ExecutorError::Answers { expected: jobs.len(), actual: all.len() }.into());
        }
        all.into_iter().zip(jobs).map(|(answer, job)| answer.counts(job.shots)).collect()
    }
}

/// Counts as JSON has them. A name that occurs twice is an error: other readers of JSON take one of the two, and which
/// of them is meant is unknown.
struct Answer(BTreeMap<String, u64>);

impl Answer {
    fn counts(self, shots: usize) -> Result<Counts> {
        let counts = Counts::new(self.0)?;
        counts.check(counts.bits(), shots)?;
        Ok(counts)
    }
}

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Takes the entries one by one.
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Answer;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map of outcomes to counts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Answer, A::Error> {
                let mut counts = BTreeMap::new();
                while let Some((outcome, count)) = map.next_entry::<String, u64>()? {
                    if counts.contains_key(&outcome) {
                        let outcome = cited(&outcome, CITED);
                        return Err(A::Error::custom(format_args!("the outcome `{outcome}` occurs twice")));
                    }
                    counts.insert(outcome, count);
                }
                Ok(Answer(counts))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
