//! Jobs that end badly. A further one is an entry of [`ENDINGS`] and a function.

use crate::job::Job;
use candlewick::__private::cluster::{gather, swap};
use candlewick::Result;
use candlewick::cluster::Cluster;
use candlewick::error::{ClusterError, Error};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

/// Longest time until a job has ended.
const LONGEST: Duration = Duration::from_secs(10);

/// Longer than any job may take.
const TOO_LONG: Duration = Duration::from_secs(100);

/// A job that ends badly, and how.
pub(crate) struct Ending {
    pub(crate) name: &'static str,
    pub(crate) ranks: usize,
    /// Environment variables of the processes.
    pub(crate) variables: &'static [(&'static str, &'static str)],
    pub(crate) run: fn(&Cluster) -> ExitCode,
    /// Exit codes that it may have; any but 0 if there are none, as launchers differ in that of a signal.
    codes: &'static [i32],
    /// Texts among the errors, and how often.
    says: &'static [(&'static str, usize)],
}

impl Ending {
    pub(crate) fn is_right(&self, job: &Job) -> bool {
        let may_be = |code: i32| if self.codes.is_empty() { code != 0 } else { self.codes.contains(&code) };
        let has_code = job.code.is_some_and(may_be);
        let count = |text: &str| job.errors.matches(text).count();
        has_code && job.time < LONGEST && self.says.iter().all(|(text, times)| count(text) == *times)
    }
}

/// Codes of a call that has waited too long: MPICH needs a signal to end a process that does not call it.
const OVERDUE: &[i32] = &[124, 6];

const PATIENCE: &[(&str, &str)] = &[("CANDLEWICK_CLUSTER_TIMEOUT", "1.5")];

pub(crate) const ENDINGS: &[Ending] = &[
    Ending { name: "panic", ranks: 3, variables: &[], run: panics, codes: &[101], says: &[("rank 1 panics", 1)] },
    Ending {
        name: "panic of a worker",
        ranks: 2,
        variables: &[],
        run: worker_panics,
        codes: &[101],
        says: &[("a worker of rank 1 panics", 1)],
    },
    Ending {
        name: "panic, alone",
        ranks: 1,
        variables: &[],
        run: panics_alone,
        codes: &[101],
        says: &[("MPI_ABORT", 0)],
    },
    Ending {
        name: "kill",
        ranks: 3,
        variables: &[],
        run: is_killed,
        codes: &[],
        says: &[("rank 1 is about to be killed", 1)],
    },
    Ending {
        name: "exit",
        ranks: 2,
        variables: &[],
        run: exits,
        codes: &[],
        says: &[("for rank 1, which has ended\n", 1)],
    },
    Ending {
        name: "error out of main",
        ranks: 2,
        variables: &[],
        run: returns_an_error,
        codes: &[1],
        says: &[("rank 0 waits in a swap for rank 1, which has ended\n", 1)],
    },
    Ending {
        name: "reported error of one rank",
        ranks: 2,
        variables: &[],
        run: reports_late,
        codes: &[1],
        says: &[("rank 0 waits in a gather for rank 1, which has ended with an error: no data on rank 1", 1)],
    },
    Ending {
        name: "reported error of one rank that none waits for",
        ranks: 3,
        variables: &[],
        run: reports_alone,
        codes: &[1],
        says: &[("Error: no data on rank 1", 1), ("waits", 0)],
    },
    Ending {
        name: "reported error of all",
        ranks: 4,
        variables: &[],
        run: all_report,
        codes: &[1],
        says: &[("Error: rank 2 differs from rank 0 in the number of epochs", 1), ("Error", 1)],
    },
    Ending {
        name: "reported error of one rank that all know",
        ranks: 4,
        variables: &[],
        run: report_an_agreed_error,
        codes: &[1],
        says: &[("Error: while training: rank 2 has an error: rank 7 has ended", 1), ("Error", 1)],
    },
    Ending { name: "call after the end", ranks: 2, variables: &[], run: calls_late, codes: &[3], says: &[] },
    Ending {
        name: "timeout of a gather",
        ranks: 2,
        variables: PATIENCE,
        run: never_calls,
        codes: OVERDUE,
        says: &[("rank 0 has waited", 1), (" s in a gather with rank 1 (CANDLEWICK_CLUSTER_TIMEOUT)", 1)],
    },
    Ending {
        name: "timeout of a swap",
        ranks: 2,
        variables: PATIENCE,
        run: never_swaps,
        codes: OVERDUE,
        says: &[("rank 0 has waited", 1), (" s in a swap with rank 1 (CANDLEWICK_CLUSTER_TIMEOUT)", 1)],
    },
    Ending {
        name: "timeout that is none",
        ranks: 1,
        variables: &[("CANDLEWICK_CLUSTER_TIMEOUT", "ten")],
        run: |_| ExitCode::SUCCESS,
        codes: &[1],
        says: &[("`CANDLEWICK_CLUSTER_TIMEOUT` is `ten`", 1)],
    },
];

/// A call that waits for all.
fn meet(cluster: &Cluster) -> ExitCode {
    match gather(cluster, &[1], &mut vec![0; cluster.ranks()]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => panic!("{error}"),
    }
}

fn panics(cluster: &Cluster) -> ExitCode {
    assert!(cluster.rank() != 1, "rank 1 panics");
    meet(cluster)
}

fn worker_panics(cluster: &Cluster) -> ExitCode {
    if cluster.rank() == 1 {
        rayon::join(|| (), || panic!("a worker of rank 1 panics"));
    }
    meet(cluster)
}

fn panics_alone(_: &Cluster) -> ExitCode {
    panic!("a panic");
}

fn is_killed(cluster: &Cluster) -> ExitCode {
    if cluster.rank() == 1 {
        eprintln!("rank 1 is about to be killed");
        _ = Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
        thread::sleep(TOO_LONG);
    }
    meet(cluster)
}

fn exits(cluster: &Cluster) -> ExitCode {
    if cluster.rank() == 1 {
        std::process::exit(3);
    }
    meet(cluster)
}

fn returns_an_error(cluster: &Cluster) -> ExitCode {
    meet(cluster);
    if cluster.rank() == 0 {
        let mut received = vec![0; 3 << 20];
        _ = swap(cluster, 1, &vec![0; 3 << 20], &mut received);
    }
    ExitCode::FAILURE
}

fn no_data(rank: usize) -> Result<(), Box<dyn std::error::Error>> {
    Err(format!("no data on rank {rank}").into())
}

fn reports_late(cluster: &Cluster) -> ExitCode {
    meet(cluster);
    if cluster.rank() == 1 {
        return cluster.report(no_data(1));
    }
    thread::sleep(Duration::from_millis(200));
    meet(cluster)
}

fn reports_alone(cluster: &Cluster) -> ExitCode {
    meet(cluster);
    cluster.report(if cluster.rank() == 1 { no_data(1) } else { Ok(()) })
}

fn all_report(cluster: &Cluster) -> ExitCode {
    cluster.report(cluster.check_same("the number of epochs", u64::from(cluster.rank() == 2)))
}

fn report_an_agreed_error(cluster: &Cluster) -> ExitCode {
    let mine = if cluster.rank() == 2 { Err(Error::Cluster(ClusterError::Left { rank: 7 })) } else { Ok(()) };
    let result = cluster.all_or_none(mine);
    cluster.report(result.map_err(|error| anyhow::Error::new(error).context("while training")))
}

fn calls_late(cluster: &Cluster) -> ExitCode {
    meet(cluster);
    cluster.report(Ok::<_, Error>(()));
    match cluster.check_same("nothing", 0) {
        Err(Error::Cluster(ClusterError::Left { rank })) if rank == cluster.rank() => ExitCode::from(3),
        _ => ExitCode::SUCCESS,
    }
}

fn never_calls(cluster: &Cluster) -> ExitCode {
    if cluster.rank() == 1 {
        thread::sleep(TOO_LONG);
    }
    meet(cluster)
}

fn never_swaps(cluster: &Cluster) -> ExitCode {
    if cluster.rank() == 1 {
        thread::sleep(TOO_LONG);
    }
    _ = swap(cluster, 1, &[0; 5], &mut [0; 5]);
    ExitCode::SUCCESS
}
