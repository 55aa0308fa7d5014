//! Runs the comparisons in a process of their own: a device that fails or hangs ends it, and the next one goes on behind.

use crate::cases::{self, BEGINS, IS_RIGHT, IS_WRONG, Ready};
use crate::trials::Trial;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// Failures whose numbers are kept.
const RECORDS: usize = 24;
/// Failures of one kind of case on one engine whose numbers are kept.
const RECORDS_OF_A_KIND: usize = 3;
/// New processes after the first.
const RESTARTS: usize = 8;
/// Silence after which a worker counts as hung. The first launch compiles the kernels, if no other process has.
const PATIENCE: Duration = Duration::from_secs(30);
/// Comparisons between two writes of the outcomes.
const WRITTEN_EVERY: usize = 200;

/// Outcomes so far.
#[derive(Default)]
struct Tally {
    /// Right ones and all, by kind of case and engine.
    counts: BTreeMap<(&'static str, String), [usize; 2]>,
    records: Vec<Value>,
    failures: Vec<String>,
    restarts: usize,
    /// Reason for which cases were left out.
    stopped: Option<&'static str>,
}

impl Tally {
    fn add(&mut self, trial: &Trial, engine: &str, is_right: bool) {
        let [right, all] = self.counts.entry((trial.kind, engine.to_owned())).or_default();
        *right += usize::from(is_right);
        *all += 1;
    }

    fn fail(&mut self, trial: &Trial, engine: &str, record: Value) {
        self.add(trial, engine, false);
        let figures = |part: &Value| {
            let [off, allowed] = ["off", "allowed"].map(|key| part[key].as_f64().unwrap_or(f64::NAN));
            let name = part["part"].as_str().unwrap_or_default();
            (off.is_nan() || off > allowed).then(|| format!("{name} off by {off:.1e}, allowed {allowed:.1e}"))
        };
        let found: Vec<String> = record["parts"].as_array().into_iter().flatten().filter_map(figures).collect();
        let found = record["error"].as_str().map_or_else(|| found.join("; "), str::to_owned);
        self.failures.push(format!("{}, {engine}: {found}", trial.name));
        let key = |record: &Value| (record["kind"].clone(), record["engine"].clone());
        let of_kind = self.records.iter().filter(|other| key(other) == key(&record)).count();
        if self.records.len() < RECORDS && of_kind < RECORDS_OF_A_KIND {
            self.records.push(record);
        }
    }

    /// Counts a case whose process did not tell its outcome.
    fn lose(&mut self, trial: &Trial, engine: &str, error: String) {
        self.fail(trial, engine, Ready::new(trial).record(trial, engine, &[], Some(error)));
    }

    /// Counts the right comparisons, and all.
    fn totals(&self) -> [usize; 2] {
        self.counts.values().fold([0, 0], |[a, b], [right, all]| [a + right, b + all])
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let [right, all] = self.totals();
        let mut text = format!("{right} of {all} are right\n");
        if let Some(reason) = self.stopped {
            writeln!(text, "the rest was left out: {reason}")?;
        }
        if self.restarts > 0 {
            writeln!(text, "times that the device failed or hung: {}", self.restarts)?;
        }
        for ((kind, engine), [right, all]) in &self.counts {
            writeln!(text, "{right:6} of {all:6}  {engine:14} {kind}")?;
        }
        self.failures.iter().take(RECORDS).try_for_each(|failure| writeln!(text, "wrong: {failure}"))?;
        fs::write(folder.join("cases.txt"), text)?;
        fs::write(folder.join("failures.json"), serde_json::to_string_pretty(&self.records)?)?;
        Ok(())
    }
}

/// Compares all cases, one of `every`; writes the outcomes as they come. A wrong one is an exit status of 1.
pub(crate) fn run(dry: bool, every: usize, folder: &Path) -> Result<ExitCode> {
    fs::create_dir_all(folder).with_context(|| format!("the folder {}", folder.display()))?;
    let trials = cases::all();
    let (mut tally, mut from, start) = (Tally::default(), 0, Instant::now());
    while let Some(next) = follow(dry, every, from, &trials, &mut tally, folder)? {
        from = next;
        tally.restarts += 1;
        if tally.restarts > RESTARTS {
            tally.stopped = Some("the device failed too often");
            break;
        }
    }
    tally.write(folder)?;
    let [right, all] = tally.totals();
    println!("{right} of {all} comparisons are right, {:.1} s", start.elapsed().as_secs_f64());
    let is_sound = tally.failures.is_empty() && tally.stopped.is_none();
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Follows a worker to its end. Returns the case to go on from if it did not come to the last one.
fn follow(
    dry: bool,
    every: usize,
    from: usize,
    trials: &[Trial],
    tally: &mut Tally,
    folder: &Path,
) -> Result<Option<usize>> {
    let (mut worker, lines) = start(dry, every, from)?;
    let (mut open, mut next): (Option<(&Trial, String)>, usize) = (None, from);
    for count in 1usize.. {
        let line = match lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(reason) => {
                let error = end(&mut worker, reason)?;
                match open {
                    Some((trial, engine)) => tally.lose(trial, &engine, error),
                    None if next == from => bail!("no case could begin: {error}"),
                    None => (),
                }
                tally.write(folder)?;
                return Ok(Some(next));
            }
        };
        // Whatever else is printed there is nobody's outcome.
        let Ok((word, number, engine, record)) = serde_json::from_str::<(String, usize, String, Value)>(&line) else {
            continue;
        };
        let trial = trials.get(number).context("a worker's list of cases is this one")?;
        open = None;
        match word.as_str() {
            BEGINS => (open, next) = (Some((trial, engine)), number + 1),
            IS_RIGHT => tally.add(trial, &engine, true),
            IS_WRONG => tally.fail(trial, &engine, record),
            _ => break,
        }
        if word == IS_WRONG || count.is_multiple_of(WRITTEN_EVERY) {
            tally.write(folder)?;
        }
    }
    worker.wait()?;
    Ok(None)
}

/// Ends a worker from which no more lines come. Returns the reason in words.
fn end(worker: &mut Child, reason: RecvTimeoutError) -> Result<String> {
    match reason {
        RecvTimeoutError::Timeout => {
            worker.kill()?;
            worker.wait()?;
            Ok(format!("no outcome within {} s", PATIENCE.as_secs()))
        }
        RecvTimeoutError::Disconnected => Ok(format!("the process ended: {}", worker.wait()?)),
    }
}

/// Starts a worker, whose lines come through the channel.
fn start(dry: bool, every: usize, from: usize) -> Result<(Child, Receiver<String>)> {
    let mut command = Command::new(env::current_exe()?);
    command.args(dry.then_some("--dry")).args(["worker", "--every", &every.to_string(), "--from", &from.to_string()]);
    let mut worker = command.stdout(Stdio::piped()).spawn()?;
    let output = worker.stdout.take().context("the worker's output")?;
    let (sender, lines) = channel();
    thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    Ok((worker, lines))
}
