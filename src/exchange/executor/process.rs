//! Processes with limits: of their time, and of the bytes that they write.
//!
//! Threads write the input and read both outputs, so a process that does not read, or that writes without end, never
//! blocks the caller. The caller waits for messages until the time is over, and joins no thread. A thread whose pipe a
//! descendant of the process holds open ends when the pipe does.

use crate::error::{ExecutorError, Result};
use crate::exchange::words::last;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of standard error that are kept: its end, where programs say what went wrong.
const KEPT: usize = 4000;

/// Most characters of standard error that a message cites.
const CITED: usize = 1000;

/// Longest time between two looks at whether a process has ended.
const LOOK: Duration = Duration::from_millis(10);

/// Longest time for the last words of a process that has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Limits of a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) time: Duration,
    /// Bytes of standard output.
    pub(super) output: usize,
}

/// Process to run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process<'a> {
    pub(super) program: &'a OsStr,
    pub(super) args: &'a [OsString],
    pub(super) limits: Limits,
}

/// Output of a process that has ended with success.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) stdout: Vec<u8>,
    /// Last words of standard error.
    pub(super) stderr: String,
}

/// Message of a thread that reads.
enum Message {
    Output(Vec<u8>),
    TooLong,
    ErrorsRead,
}

/// End of standard error, as far as it has been read.
type Tail = Arc<Mutex<Vec<u8>>>;

impl Process<'_> {
    /// Returns the name of the program, for messages.
    pub(super) fn name(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }

    /// Runs the process.
    pub(super) fn run(&self, input: String, environment: &[(&str, String)]) -> Result<Output> {
        let mut child = self.start(environment)?;
        let (sender, messages) = mpsc::channel();
        let tail = Tail::default();
        let started = self.start_threads(&mut child, input, (sender, &tail));
        let mut running = Running { process: self, child, messages, tail, deadline: deadline(self.limits.time) };
        match started.and_then(|()| running.finish()) {
            Ok(output) => Ok(output),
            Err(error) => {
                kill(&mut running.child);
                Err(error)
            }
        }
    }

    fn start(&self, environment: &[(&str, String)]) -> Result<Child> {
        let mut command = Command::new(self.program);
        command.args(self.args).envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn().map_err(|source| self.not_started(source))
    }

    fn not_started(&self, source: std::io::Error) -> crate::Error {
        ExecutorError::Start { program: self.name(), source: source.into() }.into()
    }

    /// Starts threads for the three pipes of a process.
    fn start_threads(&self, child: &mut Child, input: String, (sender, tail): (Sender<Message>, &Tail)) -> Result<()> {
        let limit = self.limits.output;
        let named = |name: &str| thread::Builder::new().name(format!("candlewick-{name}"));
        if let Some(mut stdin) = child.stdin.take() {
            // A process need not read its input.
            let write = move || drop(stdin.write_all(input.as_bytes()));
            named("stdin").spawn(write).map_err(|source| self.not_started(source))?;
        }
        if let Some(stdout) = child.stdout.take() {
            let sender = sender.clone();
            let read = move || drop(sender.send(read_all(stdout, limit)));
            named("stdout").spawn(read).map_err(|source| self.not_started(source))?;
        }
        if let Some(stderr) = child.stderr.take() {
            let tail = Arc::clone(tail);
            let read = move || {
                keep_tail(stderr, &tail);
                drop(sender.send(Message::ErrorsRead));
            };
            named("stderr").spawn(read).map_err(|source| self.not_started(source))?;
        }
        Ok(())
    }
}

/// Returns when a time is over, or `None` for a time without end.
fn deadline(time: Duration) -> Option<Instant> {
    Instant::now().checked_add(time)
}

/// Reads until the end, or until there are more bytes than allowed.
fn read_all(mut from: impl Read, limit: usize) -> Message {
    let mut bytes = Vec::new();
    match from.by_ref().take((limit as u64).saturating_add(1)).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() > limit => Message::TooLong,
        // What a broken pipe has brought is judged by what it says.
        Ok(_) | Err(_) => Message::Output(bytes),
    }
}

/// Reads until the end, and keeps the last bytes.
fn keep_tail(mut from: impl Read, tail: &Tail) {
    let mut buffer = [0; KEPT];
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 {
            return;
        }
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend_from_slice(&buffer[..count]);
        let before = tail.len().saturating_sub(KEPT);
        tail.drain(..before);
    }
}

/// Process that has been started.
struct Running<'a> {
    process: &'a Process<'a>,
    child: Child,
    messages: Receiver<Message>,
    tail: Tail,
    deadline: Option<Instant>,
}

impl Running<'_> {
    /// Waits for the output and for the end of the process.
    fn finish(&mut self) -> Result<Output> {
        let (mut stdout, mut errors_read) = (None, false);
        loop {
            match self.messages.recv_timeout(self.look()) {
                Ok(Message::Output(bytes)) => stdout = Some(bytes),
                Ok(Message::TooLong) => return Err(self.too_long()),
                Ok(Message::ErrorsRead) => errors_read = true,
                Err(RecvTimeoutError::Timeout) => {}
                // All threads have ended, and the process may go on.
                Err(RecvTimeoutError::Disconnected) => thread::sleep(self.look()),
            }
            let status = self.child.try_wait().map_err(|source| self.process.not_started(source))?;
            match status {
                Some(status) if !status.success() => {
                    self.wait_for_last_words(errors_read);
                    return Err(self.failed(status));
                }
                Some(_) => {
                    if let Some(stdout) = stdout.take() {
                        self.wait_for_last_words(errors_read);
                        return Ok(Output { stdout, stderr: self.stderr() });
                    }
                }
                None => {}
            }
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(self.timed_out());
            }
        }
    }

    /// Returns how long to wait before the next look.
    fn look(&self) -> Duration {
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        self.deadline.map_or(LOOK, |deadline| left(deadline).min(LOOK))
    }

    /// Waits until standard error has been read, for a short time.
    fn wait_for_last_words(&self, mut errors_read: bool) {
        let end = Instant::now() + LAST_WORDS;
        while !errors_read {
            match self.messages.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(Message::ErrorsRead) | Err(_) => errors_read = true,
                Ok(Message::Output(_) | Message::TooLong) => {}
            }
        }
    }

    fn stderr(&self) -> String {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        last(&String::from_utf8_lossy(&tail), CITED)
    }

    fn failed(&self, status: ExitStatus) -> crate::Error {
        let (program, stderr) = (self.process.name(), self.stderr());
        ExecutorError::Exit { program, status: status.to_string(), stderr }.into()
    }

    fn timed_out(&self) -> crate::Error {
        let (program, stderr) = (self.process.name(), self.stderr());
        ExecutorError::TimedOut { program, limit: self.process.limits.time, stderr }.into()
    }

    fn too_long(&self) -> crate::Error {
        let (program, stderr) = (self.process.name(), self.stderr());
        ExecutorError::TooLong { program, limit: self.process.limits.output, stderr }.into()
    }
}

/// Kills a process and its group, and waits a moment for its end.
fn kill(child: &mut Child) {
    // Its children may hold the pipes when the process itself has ended.
    #[cfg(unix)]
    kill_group(child.id());
    _ = child.kill();
    let end = Instant::now() + LAST_WORDS;
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Kills the group of a process, by the shell: the standard library sends no signals to groups.
#[cfg(unix)]
fn kill_group(leader: u32) {
    let shell = Command::new("/bin/sh")
        .args(["-c", &format!("kill -s KILL -- -{leader}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    drop(shell);
}
