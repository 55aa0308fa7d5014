//! Outputs that cannot be written, readers that go away, and ctrl-C.
#![cfg(unix)]

use super::{FLOWERS, Folder};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A reader that goes away is no error, and no panic.
#[test]
fn a_broken_pipe_ends_quietly() {
    let long = "OPENQASM 3.0; include \"stdgates.inc\"; qubit[12] q;".to_owned() + &"h q;".repeat(400);
    let folder = Folder::new("pipe").with("long.qasm", &long).with("iris.csv", FLOWERS);
    for line in
        [&["draw", "long.qasm"][..], &["simulate", "long.qasm", "--state", "--top", "4096"], &["convert", "long.qasm"]]
    {
        let mut child = folder.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
        // Its reader goes before the program has written anything, or after a line.
        let mut first = String::new();
        BufReader::with_capacity(16, child.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
        let mut message = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut message).expect("a text");
        assert_eq!((child.wait().expect("an end").code(), message.as_str()), (Some(0), ""), "{line:?}");
    }
    // The report of a training has lost its reader, but the model is a file.
    let line = ["train", "iris.csv", "--label", "species", "--epochs", "10", "-o", "unread.safetensors"];
    let mut child = folder.command(&line).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a process");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    assert!(folder.path().join("unread.safetensors").exists());
    // Progress goes to the standard error output, and the training goes on without a reader.
    let line = ["train", "iris.csv", "--label", "species", "--epochs", "10"];
    let mut child = folder.command(&line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a process");
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    assert!(folder.path().join("model.safetensors").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn outputs_that_cannot_be_written_are_errors() {
    let folder = Folder::new("full").with("a.qasm", "OPENQASM 3.0; qubit q;").with("iris.csv", FLOWERS);
    let full = || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device"));
    for line in
        [&["draw", "a.qasm"][..], &["simulate", "a.qasm"], &["info", "iris.csv"], &["man"], &["completions", "bash"]]
    {
        let ran = super::Ran::of(&folder.command(line).stdout(full()).output().expect("the program runs"));
        assert!(ran.bad(1).starts_with("error: standard output: cannot be written: "), "{line:?}");
    }
    assert!(
        folder.run(&["draw", "a.qasm", "-o", "none/a.svg"]).bad(1).starts_with("error: none/a.svg: cannot be written")
    );
    // Found before the training begins.
    let ran = folder.run(&["train", "iris.csv", "--label", "species", "-o", "none/model", "--epochs", "4000000"]);
    assert!(ran.bad(1).starts_with("error: none/model: cannot be written"));
    let ran = folder.run(&["train", "iris.csv", "--label", "species", "-o", "new/", "--epochs", "4000000"]);
    assert!(ran.bad(1).starts_with("error: new/: cannot be written"));
    // A link stays, and what it leads to is replaced.
    std::os::unix::fs::symlink("target.txt", folder.path().join("link.txt")).expect("a link");
    std::fs::write(folder.path().join("target.txt"), "old").expect("a file");
    folder.run(&["draw", "a.qasm", "-o", "link.txt"]).good();
    assert!(folder.path().join("link.txt").is_symlink() && folder.text("target.txt") != "old");
}

/// Ctrl-C, or the signal with which a job's end is announced, ends a training with the best epoch so far, which is
/// written.
#[test]
fn signals_keep_the_best_epoch() {
    ["-INT", "-USR1"].into_iter().for_each(a_signal_keeps_the_best_epoch);
}

fn a_signal_keeps_the_best_epoch(signal: &str) {
    let folder = Folder::new("interrupt").with("iris.csv", FLOWERS);
    let line = ["train", "iris.csv", "--label", "species", "--epochs", "100000", "--patience", "100000"];
    let mut child = folder.command(&line).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a process");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut plan = String::new();
    while !plan.contains("parameters") {
        assert!(output.read_line(&mut plan).expect("a line") > 0, "{plan}");
    }
    // Time for the handler, and for a first epoch.
    std::thread::sleep(Duration::from_millis(1500));
    let begun = Instant::now();
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    let mut text = String::new();
    output.read_to_string(&mut text).expect("a text");
    assert_eq!(child.wait().expect("an end").code(), Some(0), "{text}");
    assert!(text.starts_with("interrupted; the best epoch is ") && text.contains("\ntest accuracy "), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(folder.run(&["predict", "model.safetensors", "iris.csv"]).good().lines().count(), 151);
}
