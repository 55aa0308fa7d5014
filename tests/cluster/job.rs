//! Jobs that `mpirun` runs.

use crate::MEMBER;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Longest time of a job: one that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(60);

/// Settings of Open MPI for a machine with fewer cores than processes, in a container. Others do not know them.
const SETTINGS: [(&str, &str); 4] = [
    ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
    ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
    ("OMPI_MCA_rmaps_base_oversubscribe", "1"),
    ("OMPI_MCA_hwloc_base_binding_policy", "none"),
];

/// What came of a job.
pub(crate) struct Job {
    pub(crate) ranks: usize,
    /// Exit code, if it ended by itself.
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
    pub(crate) time: Duration,
}

impl Job {
    /// Runs so many processes of this program with an argument and environment variables.
    pub(crate) fn run(ranks: usize, what: &str, variables: &[(&str, &str)]) -> Self {
        let program = std::env::current_exe().expect("a path of this program");
        let mut command = Command::new("mpirun");
        command.args(["-n", &ranks.to_string()]).arg(program).args([MEMBER, what]);
        command.env_remove("RAYON_NUM_THREADS").env_remove("CANDLEWICK_CLUSTER_TIMEOUT");
        command.envs(SETTINGS).envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let start = Instant::now();
        let child = command.spawn().expect("`mpirun` is in the path");
        let id = child.id();
        let (sender, receiver) = mpsc::channel();
        let reader = thread::spawn(move || sender.send(child.wait_with_output()));
        let (output, in_time) = match receiver.recv_timeout(LONGEST) {
            Ok(output) => (output, true),
            Err(_) => {
                // mpirun passes the signal on.
                Command::new("kill").arg(id.to_string()).status().expect("`kill` is in the path");
                (receiver.recv().expect("an answer of the reader"), false)
            }
        };
        let output = output.expect("what the job has printed");
        _ = reader.join();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().filter(|_| in_time);
        Self { ranks, code, output: text(&output.stdout), errors: text(&output.stderr), time: start.elapsed() }
    }

    /// Prints a line about the job, and what the job has printed if it is wrong. Returns the number of failures.
    pub(crate) fn judge(&self, name: &str, is_right: bool) -> usize {
        let (ranks, seconds, code) = (self.ranks, self.time.as_secs_f64(), self.code);
        let verdict = if is_right { "ok" } else { "FAILED" };
        println!("{name} on {ranks} processes: {verdict} ({seconds:.1} s, code {code:?})");
        if !is_right {
            println!("---- output\n{}---- errors\n{}----", self.output, self.errors);
        }
        usize::from(!is_right)
    }
}
