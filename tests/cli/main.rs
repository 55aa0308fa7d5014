//! The program `candlewick`: what its verbs print, write and return.

mod circuits;
mod models;
mod streams;
mod tables;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Table of the examples, with names and species.
const FLOWERS: &str = include_str!("../../examples/data/flowers.csv");

/// Folder of a test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("candlewick-cli-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn with(self, name: &str, text: &str) -> Self {
        fs::write(self.0.join(name), text).expect("a file");
        self
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).expect("a text")
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn command(&self, line: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_candlewick"));
        command.args(line).current_dir(&self.0).stdin(Stdio::null());
        command
    }

    /// Runs the program.
    fn run(&self, line: &[&str]) -> Ran {
        Ran::of(&self.command(line).output().expect("the program runs"))
    }

    /// Runs the program with a text on its standard input.
    fn run_with(&self, line: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(line);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
        // A program that ends early leaves its input unread.
        let _ = child.stdin.take().expect("an input").write_all(input);
        Ran::of(&child.wait_with_output().expect("the program runs"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Output and status of a run.
struct Ran {
    out: String,
    err: String,
    status: Option<i32>,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { out: text(&output.stdout), err: text(&output.stderr), status: output.status.code() }
    }

    /// Returns the output of a run without an error.
    fn good(self) -> String {
        assert_eq!(self.status, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// Returns the message of a run that ends with this status.
    fn bad(self, status: i32) -> String {
        assert_eq!(self.status, Some(status), "{}{}", self.out, self.err);
        assert!(self.err.starts_with("error: ") && !self.err.contains("panicked"), "{}", self.err);
        self.err
    }
}

/// The help of each verb, its man page and its completion.
#[test]
fn the_program_describes_itself() {
    let folder = Folder::new("help");
    let help = folder.run(&["--help"]).good();
    for verb in ["draw", "simulate", "convert", "train", "predict", "info", "completions", "man"] {
        assert!(help.contains(&format!("\n  {verb} ")), "{help}");
        assert!(folder.run(&[verb, "--help"]).good().contains("Usage: candlewick"), "{verb}");
        let page = folder.run(&["man", verb]).good();
        assert!(page.contains(&format!(".TH candlewick-{verb} 1")), "{page}");
    }
    assert!(folder.run(&["man"]).good().contains(".SH SUBCOMMANDS"));
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = folder.run(&["completions", shell]).good();
        assert!(script.contains("simulate") && script.contains("probabilities"), "{shell}");
    }
    assert_eq!(folder.run(&["--version"]).good(), concat!("candlewick ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// Errors of usage have the status 2, and nothing is written.
#[test]
fn usage_is_checked() {
    let folder = Folder::new("usage").with("iris.csv", FLOWERS).with("a.qasm", "qubit q;");
    for (line, part) in [
        (&["run", "a.qasm"][..], "unrecognized subcommand"),
        (&["train", "iris.csv"], "--label"),
        (&["train", "iris.csv", "--label", "species", "--rate", "0"], "not a positive number"),
        (&["train", "iris.csv", "--label", "species", "--epochs", "0"], "1..="),
        (&["train", "iris.csv", "--label", "species", "--test", "0.5", "--validation", "0.5"], "nothing to train on"),
        (&["train", "iris.csv", "--label", "species", "--components", "9"], "there are 4 features"),
        (&["simulate", "a.qasm", "--set", "x0"], "NAME=NUMBER"),
        (&["simulate", "a.qasm", "--set", "x0=one"], "no number"),
        (&["simulate", "a.qasm", "--set", "x0=1"], "no features and no weights"),
        (&["simulate", "a.qasm", "--state", "--shots", "5"], "cannot be used with"),
        (&["simulate", "a.qasm", "--layer", "0"], "--layer is for models"),
        (&["draw", "a.qasm", "-o", "a.png"], ".svg, .tex or .txt"),
        (&["draw", "a.qasm", "--width", "1"], "100 to 100000"),
        (&["predict", "-", "-"], "cannot both"),
        (&["man", "fly"], "there is no verb"),
    ] {
        let message = folder.run(line).bad(2);
        assert!(message.contains(part), "{line:?}: {message}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
    assert_eq!(folder.run(&[]).status, Some(2));
}
