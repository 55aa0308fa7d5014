//! Commands as executors: what they get, and everything that they can do wrong, each within its time limit.

use candlewick::Error;
use candlewick::error::ExecutorError;
use candlewick::executor::{CommandExecutor, Counts, Executor, Job};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Text in the place of OpenQASM.
const TEXT: &str = "OPENQASM 3.0;\n";

/// Script in a folder of its own, which goes with it.
struct Script(PathBuf);

impl Script {
    fn new(text: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("candlewick-executor-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("script.sh");
        std::fs::write(&path, text).expect("a file");
        Self(path)
    }

    fn executor(&self) -> CommandExecutor {
        CommandExecutor::new("/bin/sh").args([&self.0]).time_limit(Duration::from_secs(20))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(self.0.parent().expect("its folder"));
    }
}

fn run(script: &str) -> candlewick::Result<Counts> {
    Script::new(script).executor().run(TEXT, 10, 7)
}

#[track_caller]
fn refused(script: &str) -> ExecutorError {
    match run(script) {
        Err(Error::Executor(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_command_gets_text_shots_and_seed() {
    let script = r#"
read first
[ "$first" = "OPENQASM 3.0;" ] || exit 1
echo "{\"01\": $CANDLEWICK_SHOTS, \"11\": 0}"
echo "seed $CANDLEWICK_SEED" >&2
"#;
    let counts = run(script).expect("counts");
    assert_eq!(counts.iter().collect::<Vec<_>>(), [("01", 10), ("11", 0)]);
    let script = Script::new("cat >/dev/null; echo \"{\\\"1\\\": $((CANDLEWICK_SEED + 3))}\"");
    assert_eq!(script.executor().run(TEXT, 10, 7).expect("counts").iter().collect::<Vec<_>>(), [("1", 10)]);
}

#[test]
fn a_batched_command_gets_all_texts_at_once() {
    // The whole input comes back in the message.
    let script = Script::new("cat >&2; exit 3");
    let error = script.executor().batched().run(TEXT, 10, 7).expect_err("it fails").to_string();
    assert!(error.contains(r#"[{"program":"OPENQASM 3.0;\n","shots":10,"seed":7}]"#), "{error}");
    let script = Script::new(r#"cat >/dev/null; echo '[{"0": 10}]'"#);
    let executor = script.executor().batched();
    assert_eq!(executor.run(TEXT, 10, 7).expect("counts"), Counts::new([("0", 10)]).expect("counts"));
    let two = executor.run_all(&[]).expect_err("one answer too many");
    assert!(matches!(two, Error::Executor(ExecutorError::Answers { expected: 0, actual: 1 })), "{two}");
    let none: &[Job] = &[];
    assert!(Script::new("echo '[]'").executor().batched().run_all(none).expect("nothing").is_empty());
    let few = Script::new("echo '[]'").executor().batched().run(TEXT, 10, 7).expect_err("no answer");
    assert!(matches!(few, Error::Executor(ExecutorError::Answers { expected: 1, actual: 0 })), "{few}");
}

#[test]
fn a_program_that_cannot_be_started() {
    let error = CommandExecutor::new("/no/such/program").run(TEXT, 10, 7).expect_err("there is none");
    let Error::Executor(ExecutorError::Start { program, source }) = &error else { panic!("{error}") };
    assert_eq!(program, "/no/such/program");
    let cause: &std::io::Error = source.downcast_ref().expect("the system has refused it");
    assert_eq!(cause.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn a_command_that_fails() {
    let error = refused("echo 'no such backend' >&2; printf 'a\\033[31mb' >&2; exit 3");
    let ExecutorError::Exit { program, status, stderr } = &error else { panic!("{error}") };
    assert_eq!((program.as_str(), status.as_str()), ("/bin/sh", "exit status: 3"));
    assert_eq!(stderr, "no such backend\\na\\u{1b}[31mb");
    let error = refused("kill -s KILL $$");
    assert!(matches!(&error, ExecutorError::Exit { status, .. } if status.contains("signal: 9")), "{error}");
    // The end of a long message is what counts.
    let error = refused("i=0; while [ $i -lt 2000 ]; do echo \"line $i\" >&2; i=$((i + 1)); done; exit 1");
    let ExecutorError::Exit { stderr, .. } = &error else { panic!("{error}") };
    assert!(stderr.starts_with("..") && stderr.ends_with("line 1999") && stderr.chars().count() < 1300, "{stderr}");
}

#[test]
fn counts_that_cannot_be() {
    let error = refused(r#"echo '{"00": 4, "11": 5}'"#);
    assert!(matches!(error, ExecutorError::Shots { expected: 10, actual: 9 }), "{error}");
    let error = refused(r#"echo '{"00": 18446744073709551615, "11": 5}'"#);
    assert!(matches!(error, ExecutorError::Shots { expected: 10, actual: u64::MAX }), "{error}");
    let error = refused(r#"echo '{"00": 5, "1": 5}'"#);
    assert!(matches!(&error, ExecutorError::Outcome { outcome, bits: 2 } if outcome == "1"), "{error}");
    let error = refused(r#"echo '{"0 0": 5, "1 1": 5}'"#);
    assert!(matches!(&error, ExecutorError::Outcome { outcome, bits: 3 } if outcome == "0 0"), "{error}");
    let error = refused(r#"echo '{"é": 10}'"#);
    assert!(matches!(error, ExecutorError::Outcome { .. }), "{error}");
    let numbers = [r#"{"0": -1}"#, r#"{"0": 1.5}"#, r#"{"0": 10.0}"#, r#"{"0": "10"}"#, r#"{"0": null}"#];
    let others = ["[1, 2]", "counts: 7", "", r#"{"0": 10} more"#, r#"{"0": 10"#, r#"{"0": 5, "1": 2, "0": 5}"#];
    for wrong in numbers.into_iter().chain(others) {
        let error = refused(&format!("echo '{wrong}'"));
        let ExecutorError::NotCounts { found, .. } = &error else { panic!("{error}") };
        assert_eq!(found, &format!("{wrong}\\n"));
    }
    let error = refused(r#"echo '{"0": 10, "0": 10}'"#);
    assert!(error.to_string().contains("the outcome `0` occurs twice"), "{error}");
    let error = refused(r#"printf '{"\377": 10}'"#);
    assert!(matches!(&error, ExecutorError::NotCounts { found, .. } if found.starts_with("{\"\u{fffd}")), "{error}");
    let error = refused("head -c 100000 /dev/urandom");
    assert!(matches!(&error, ExecutorError::NotCounts { found, .. } if found.chars().count() < 2000), "{error}");
}

#[test]
fn counts_that_can_be() {
    let blank = run("printf ' \\n\\t{ \"01\" : 4 ,\\r\\n\"10\":6 }\\n \\n'").expect("counts");
    assert_eq!(blank.iter().collect::<Vec<_>>(), [("01", 4), ("10", 6)]);
    // No shots are a request like any other.
    let none = |script: &str| Script::new(script).executor().run(TEXT, 0, 7);
    assert_eq!(none("echo '{}'").expect("no counts").shots(), 0);
    assert_eq!(none(r#"echo '{"0": 0}'"#).expect("a count of none").bits(), 1);
    assert!(none(r#"echo '{"0": 1}'"#).is_err());
    // A pipe holds much less than this.
    let loud = run(r#"head -c 10000000 /dev/zero >&2; echo '{"1": 10}'; head -c 10000000 /dev/zero >&2"#);
    assert_eq!(loud.expect("counts").shots(), 10);
}

/// Runs a script with a time limit of half a second, and checks that nobody waits much longer.
#[track_caller]
fn in_time(script: &str, change: impl FnOnce(CommandExecutor) -> CommandExecutor) -> ExecutorError {
    let script = Script::new(script);
    let start = Instant::now();
    let executor = change(script.executor().time_limit(Duration::from_millis(500)));
    // Larger than the buffer of a pipe.
    let found = executor.run(&TEXT.repeat(100_000), 10, 7);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    match found {
        Err(Error::Executor(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn commands_that_do_not_end() {
    let limit = Duration::from_millis(500);
    let scripts = [
        "echo started >&2; sleep 60",
        "echo started >&2; exec 1>&-; sleep 60",
        "echo started >&2; trap '' TERM INT; while :; do sleep 1; done",
        "echo started >&2; exec 0<&-; cat /dev/zero >&2",
    ];
    for script in scripts {
        let error = in_time(script, |executor| executor);
        let ExecutorError::TimedOut { limit: found, stderr, .. } = &error else { panic!("{script}: {error}") };
        assert_eq!(*found, limit);
        assert!(stderr.starts_with("started") || script.contains("zero"), "{script}: {stderr}");
    }
    assert!(matches!(in_time("sleep 60", |e| e.time_limit(Duration::ZERO)), ExecutorError::TimedOut { .. }));
}

#[test]
fn commands_that_write_without_end() {
    let error = in_time("cat /dev/zero", |executor| executor.output_limit(1 << 20).time_limit(Duration::from_secs(4)));
    assert!(matches!(error, ExecutorError::TooLong { limit: 1_048_576, .. }), "{error}");
    let error = in_time("echo 'four'", |executor| executor.output_limit(4).time_limit(Duration::from_secs(4)));
    assert!(matches!(error, ExecutorError::TooLong { limit: 4, .. }), "{error}");
}

#[test]
fn a_command_need_not_read() {
    let script = Script::new(r#"exec 0<&-; echo '{"1": 10}'"#);
    assert_eq!(script.executor().run(&TEXT.repeat(1_000_000), 10, 7).expect("counts").shots(), 10);
    let script = Script::new(r#"echo '{"1": 10}'"#);
    assert_eq!(script.executor().run(&TEXT.repeat(1_000_000), 10, 7).expect("counts").shots(), 10);
}

/// Asserts that no process with these words in its command line is left in five seconds.
#[track_caller]
fn no_process_is_left(words: &str) {
    let alive = || {
        let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let lines = folders.filter_map(|folder| std::fs::read_to_string(folder.path().join("cmdline")).ok());
        lines.filter(|line| line.contains(words)).count()
    };
    let end = Instant::now() + Duration::from_secs(5);
    while alive() > 0 {
        assert!(Instant::now() < end, "{} processes are left", alive());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The processes that a command has started end with it.
#[test]
fn a_killed_command_takes_its_children_along() {
    let script = Script::new("echo $$ > \"$0.number\"; sleep 61.25 & sleep 61.25");
    let executor = script.executor().time_limit(Duration::from_millis(300));
    let error = executor.run(TEXT, 10, 7).expect_err("it takes a minute");
    assert!(matches!(error, Error::Executor(ExecutorError::TimedOut { .. })), "{error}");
    no_process_is_left("sleep\u{0}61.25\u{0}");
    // Nor is a zombie.
    let number = std::fs::read_to_string(script.0.with_extension("sh.number")).expect("a number");
    assert!(!std::path::Path::new("/proc").join(number.trim()).exists(), "{number}");
}

/// A process in the background holds the pipes of a command that has ended: nobody waits for it.
#[test]
fn a_process_in_the_background_is_not_waited_for() {
    let answer = r#"echo '{"1": 10}'"#;
    let holders = [
        "sleep 62.25 &",
        "sleep 62.25 2>/dev/null &",
        "sleep 62.25 >/dev/null &",
        "sleep 62.25 & echo 'it goes on' >&2",
        // Writes on, beside the answer.
        "(trap '' PIPE; while :; do echo y >&2; sleep 0.05; done; echo 62.25) &",
    ];
    for holder in holders {
        let start = Instant::now();
        let counts = run(&format!("{holder}\n{answer}")).unwrap_or_else(|error| panic!("{holder}: {error}"));
        assert_eq!(counts.iter().collect::<Vec<_>>(), [("1", 10)], "{holder}");
        assert!(start.elapsed() < Duration::from_secs(4), "{holder}: {:?}", start.elapsed());
    }
    no_process_is_left("62.25");
    // A command that fails, and one whose answer never comes.
    let error = refused("sleep 62.25 & echo wrong >&2; exit 3");
    assert!(matches!(&error, ExecutorError::Exit { stderr, .. } if stderr == "wrong"), "{error}");
    let error = refused("sleep 62.25 &");
    assert!(matches!(&error, ExecutorError::NotCounts { found, .. } if found.is_empty()), "{error}");
    let error = in_time("cat /dev/zero &", |executor| executor.output_limit(1 << 20));
    assert!(matches!(error, ExecutorError::TooLong { .. } | ExecutorError::NotCounts { .. }), "{error}");
    no_process_is_left("62.25");
}

/// A daemon leaves the group, so it is not killed; the answer comes all the same, and the daemon keeps its output only
/// if that is elsewhere.
#[test]
fn a_daemon_is_not_waited_for() {
    let start = Instant::now();
    let counts = run("command -v setsid >/dev/null && setsid sleep 8.5 &\nsleep 0.1; echo '{\"1\": 10}'");
    assert_eq!(counts.expect("counts").shots(), 10);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let script = Script::new("sleep 3.125 </dev/null >/dev/null 2>&1 & echo $! > \"$0.number\"; echo '{\"1\": 10}'");
    assert_eq!(script.executor().run(TEXT, 10, 7).expect("counts").shots(), 10);
    let number = std::fs::read_to_string(script.0.with_extension("sh.number")).expect("a number");
    let exists = std::path::Path::new("/proc").join(number.trim()).exists();
    assert!(exists || !cfg!(target_os = "linux"), "a process that holds nothing is left alone");
}
