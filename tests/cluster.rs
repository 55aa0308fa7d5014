//! Processes of MPI that compute together. This program starts `mpirun` of itself: MPI and the threads of a test runner
//! do not go together, and a test of a failure needs a job that fails.
//!
//! [`CASES`] run one after another on 1, 2, 3 and 4 processes, and the lines that they print are the same for all of
//! these numbers. [`ENDINGS`] are jobs that end badly, as they should, and in time. An argument chooses cases and
//! endings by a part of their names.

#[path = "cluster/cases.rs"]
mod cases;
#[path = "cluster/endings.rs"]
mod endings;
#[path = "cluster/job.rs"]
mod job;
#[path = "cluster/shared.rs"]
mod shared;

use candlewick::cluster::Cluster;
use cases::CASES;
use endings::ENDINGS;
use job::Job;
use std::process::ExitCode;

/// First argument of a process that `mpirun` has started. The second one is a part of names of cases, or an ending.
const MEMBER: &str = "member";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [member, what] if member == MEMBER => run(what),
        _ => start(arguments.iter().find(|argument| !argument.starts_with('-')).map_or("", |part| part)),
    }
}

/// Runs an ending, or cases, as one process of a job.
fn run(what: &str) -> ExitCode {
    let cluster = match Cluster::from_mpi() {
        Ok(cluster) => cluster,
        Err(error) => {
            eprintln!("Error: {error}");
            return ExitCode::FAILURE;
        }
    };
    if let Some(ending) = ENDINGS.iter().find(|ending| ending.name == what) {
        return (ending.run)(&cluster);
    }
    for (name, case) in CASES.iter().filter(|(name, _)| name.contains(what)) {
        match case(&cluster) {
            Ok(text) if cluster.is_first() => println!("{name}: {text}"),
            Ok(_) => {}
            Err(error) => return cluster.report(Err(error)),
        }
    }
    cluster.report(Ok::<_, candlewick::Error>(()))
}

/// Starts the jobs, and compares what they print.
fn start(part: &str) -> ExitCode {
    let mut failures = 0;
    let cases = CASES.iter().filter(|(name, _)| name.contains(part)).count();
    let mut lines = None;
    for ranks in (1..=4).filter(|_| cases > 0) {
        let job = Job::run(ranks, part, &[]);
        let expected = lines.get_or_insert_with(|| job.output.clone());
        let is_same = job.output == *expected && job.output.lines().count() == cases;
        failures += job.judge(&format!("{cases} cases"), job.code == Some(0) && is_same);
    }
    print!("{}", lines.unwrap_or_default());
    for ending in ENDINGS.iter().filter(|ending| ending.name.contains(part)) {
        let job = Job::run(ending.ranks, ending.name, ending.variables);
        failures += job.judge(ending.name, ending.is_right(&job));
    }
    if failures > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
