//! Processes with limits: of their time, and of the bytes that they write.
//!
//! Threads write the input and read both outputs, so a process that does not read, or that writes without end, never
//! blocks the caller. The caller waits for messages until the time is over, and joins no thread.
//!
//! A pipe ends when its last holder does, which may be a descendant that goes on in the background. So the end of the
//! process itself is what counts: then the pipes have a short time to end, and the group of the process is killed if
//! they do not. What has been read by then is the output. A descendant that has left the group may hold a pipe even so;
//! the thread of that pipe ends at the next byte.

use crate::error::words::last;
use crate::error::{ExecutorError, Result};
use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of standard error that are kept: its end, where programs say what went wrong.
const KEPT: usize = 4000;

/// Most characters of standard error that a message cites.
const CITED: usize = 1000;

/// Longest time between two looks at whether a process has ended.
const LOOK: Duration = Duration::from_millis(10);

/// First time between two looks when both outputs have ended: the process is about to end, too.
const FIRST_LOOK: Duration = Duration::from_millis(1);

/// Time that the pipes of a process have after its end, before its group is killed.
const GRACE: Duration = Duration::from_millis(200);

/// Time that the pipes have when the group has been killed, and that a killed process has to end.
const LAST_WORDS: Duration = Duration::from_millis(500);

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
    OutputRead,
    TooLong,
    ErrorsRead,
}

/// Bytes that a thread has read of a pipe.
#[derive(Debug, Default)]
struct Pipe {
    bytes: Vec<u8>,
    /// Whether nobody waits for more.
    is_left: bool,
}

type SharedPipe = Arc<Mutex<Pipe>>;

impl Process<'_> {
    /// Returns the name of the program, for messages.
    pub(super) fn name(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }

    /// Runs the process.
    pub(super) fn run(&self, input: String, environment: &[(&str, String)]) -> Result<Output> {
        let mut child = self.start(environment)?;
        let (sender, messages) = mpsc::channel();
        let pipes = [SharedPipe::default(), SharedPipe::default()];
        let started = self.start_threads(&mut child, input, (sender, &pipes));
        let deadline = Instant::now().checked_add(self.limits.time);
        let mut running =
            Running { process: self, child, messages, pipes, read: [false; 2], has_ended: false, deadline };
        let output = started.and_then(|()| running.finish());
        running.stop();
        output
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
    fn start_threads(
        &self,
        child: &mut Child,
        input: String,
        (sender, [output, errors]): (Sender<Message>, &[SharedPipe; 2]),
    ) -> Result<()> {
        let limit = self.limits.output;
        let named = |name: &str| thread::Builder::new().name(format!("candlewick-{name}"));
        if let Some(mut stdin) = child.stdin.take() {
            // A process need not read its input.
            let write = move || drop(stdin.write_all(input.as_bytes()));
            named("stdin").spawn(write).map_err(|source| self.not_started(source))?;
        }
        if let Some(stdout) = child.stdout.take() {
            let (sender, output) = (sender.clone(), Arc::clone(output));
            let read = move || {
                let is_whole = read_all(stdout, &output, |bytes| bytes.len() <= limit);
                drop(sender.send(if is_whole { Message::OutputRead } else { Message::TooLong }));
            };
            named("stdout").spawn(read).map_err(|source| self.not_started(source))?;
        }
        if let Some(stderr) = child.stderr.take() {
            let errors = Arc::clone(errors);
            let read = move || {
                read_all(stderr, &errors, keep_tail);
                drop(sender.send(Message::ErrorsRead));
            };
            named("stderr").spawn(read).map_err(|source| self.not_started(source))?;
        }
        Ok(())
    }
}

fn lock(pipe: &SharedPipe) -> MutexGuard<'_, Pipe> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads until the end, or until nobody waits, or until `check` of the bytes so far fails. Returns whether it has not
/// failed: what a broken pipe has brought is judged by what it says.
fn read_all(mut from: impl Read, pipe: &SharedPipe, check: impl Fn(&mut Vec<u8>) -> bool) -> bool {
    let mut buffer = [0; 1 << 13];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return true,
            Ok(count) => {
                let mut pipe = lock(pipe);
                if pipe.is_left {
                    return true;
                }
                pipe.bytes.extend_from_slice(&buffer[..count]);
                if !check(&mut pipe.bytes) {
                    return false;
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return true,
        }
    }
}

/// Keeps the last bytes.
fn keep_tail(bytes: &mut Vec<u8>) -> bool {
    let before = bytes.len().saturating_sub(KEPT);
    bytes.drain(..before);
    true
}

/// Process that has been started.
struct Running<'a> {
    process: &'a Process<'a>,
    child: Child,
    messages: Receiver<Message>,
    /// Standard output and standard error.
    pipes: [SharedPipe; 2],
    /// Whether each of them has ended.
    read: [bool; 2],
    has_ended: bool,
    deadline: Option<Instant>,
}

impl Running<'_> {
    /// Waits for the end of the process and for its output.
    fn finish(&mut self) -> Result<Output> {
        let status = self.wait_for_end()?;
        self.wait_for_pipes(GRACE)?;
        if self.read != [true; 2] {
            #[cfg(unix)]
            kill_group(self.child.id());
            self.wait_for_pipes(LAST_WORDS)?;
        }
        if !status.success() {
            return Err(self.failed(status));
        }
        let stdout = std::mem::take(&mut lock(&self.pipes[0]).bytes);
        Ok(Output { stdout, stderr: self.stderr() })
    }

    fn wait_for_end(&mut self) -> Result<ExitStatus> {
        let mut next = FIRST_LOOK;
        loop {
            let look = self.deadline.map_or(LOOK, |deadline| left(deadline).min(LOOK));
            match self.messages.recv_timeout(look) {
                Ok(message) => self.note(message)?,
                Err(RecvTimeoutError::Timeout) => {}
                // All threads have ended, and the process may go on.
                Err(RecvTimeoutError::Disconnected) => {
                    thread::sleep(next.min(look));
                    next = LOOK.min(2 * next);
                }
            }
            if let Some(status) = self.child.try_wait().map_err(|source| self.process.not_started(source))? {
                self.has_ended = true;
                return Ok(status);
            }
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(self.timed_out());
            }
        }
    }

    /// Waits until both outputs have been read, for a short time.
    fn wait_for_pipes(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while self.read != [true; 2] {
            match self.messages.recv_timeout(left(end)) {
                Ok(message) => self.note(message)?,
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn note(&mut self, message: Message) -> Result<()> {
        match message {
            Message::OutputRead => self.read[0] = true,
            Message::ErrorsRead => self.read[1] = true,
            Message::TooLong => return Err(self.too_long()),
        }
        Ok(())
    }

    /// Kills the process and its group, if it goes on or if others hold its pipes, and leaves the pipes.
    fn stop(mut self) {
        for pipe in &self.pipes {
            *lock(pipe) = Pipe { bytes: Vec::new(), is_left: true };
        }
        if self.has_ended && self.read == [true; 2] {
            return;
        }
        #[cfg(unix)]
        kill_group(self.child.id());
        if self.has_ended {
            return;
        }
        _ = self.child.kill();
        let end = Instant::now() + LAST_WORDS;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() >= end {
                // The system has not let it go yet. Someone has to ask for its status, or it stays as a zombie.
                let Self { mut child, .. } = self;
                _ = thread::Builder::new().name("candlewick-wait".to_owned()).spawn(move || child.wait());
                return;
            }
            thread::sleep(FIRST_LOOK);
        }
    }

    fn stderr(&self) -> String {
        last(&String::from_utf8_lossy(&lock(&self.pipes[1]).bytes), CITED)
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

/// Returns the time until then.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
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
