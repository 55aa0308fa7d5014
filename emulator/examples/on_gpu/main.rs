//! Checks and times the kernels on an NVIDIA GPU, and repeats on the emulator whatever was wrong there. `scripts/on-gpu.sh` runs the
//! stages in their order; with `--dry` the emulator takes the GPU's place.
//!
//! ```text
//! cargo run --release -p candlewick-emulator --example on_gpu -- --dry cases --every 100 --output target/on-gpu
//! cargo run --release -p candlewick-emulator --example on_gpu -- repeat target/on-gpu/failures.json
//! ```

mod cases;
#[path = "../../../benches/cases/mod.rs"]
mod circuits;
mod device;
mod engines;
#[allow(dead_code, reason = "it has a main function of its own")]
#[path = "../../../examples/hybrid_classifier/main.rs"]
mod hybrid_classifier;
#[allow(dead_code, reason = "the suite uses the rest")]
#[path = "../../../tests/suite/lab.rs"]
mod lab;
#[allow(dead_code, reason = "the suite uses the rest")]
#[path = "../../../tests/suite/losses.rs"]
mod losses;
#[allow(dead_code, reason = "the suite uses the rest")]
#[path = "../../../tests/suite/oracle.rs"]
mod oracle;
mod repeat;
mod steps;
mod supervisor;
#[allow(dead_code, reason = "the suite uses the rest")]
#[path = "../../../tests/suite/trials.rs"]
mod trials;

use anyhow::Result;
use candlewick::cluster::Cluster;
use candlewick_kernels::Dialect;
use clap::{Parser, Subcommand};
use engines::NoDevice;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Parser)]
struct Args {
    /// Lets the emulator take the GPU's place.
    #[arg(long)]
    dry: bool,
    #[command(subcommand)]
    stage: Stage,
}

#[derive(Debug, Subcommand)]
enum Stage {
    /// Opens the device and takes one step of the smallest timed workload.
    Device,
    /// Compares values and gradients with the CPU's in F64.
    Cases {
        /// Compares one case of so many.
        #[arg(long, default_value = "1")]
        every: std::num::NonZeroUsize,
        /// Folder for `cases.txt` and `failures.json`.
        #[arg(long, default_value = "target/on-gpu")]
        output: PathBuf,
    },
    /// Compares cases from one on and reports to the process that started it.
    #[command(hide = true)]
    Worker {
        #[arg(long)]
        every: std::num::NonZeroUsize,
        #[arg(long)]
        from: usize,
    },
    /// Trains as the example `hybrid_classifier` does, with its arguments.
    Train(hybrid_classifier::Args),
    /// Times the workloads a to f.
    Steps {
        /// Workloads, as one word.
        #[arg(long, default_value = "abcdef")]
        cases: String,
        /// Seconds for each measured time.
        #[arg(long, default_value = "0.8")]
        seconds: f64,
    },
    /// Runs the cases of a `failures.json` on the emulator, beside what the GPU made of them.
    Repeat {
        /// The file.
        file: PathBuf,
    },
}

/// Exit status where there is no device, so that no stage could tell anything.
const NO_DEVICE: u8 = 4;

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<NoDevice>() { ExitCode::from(NO_DEVICE) } else { ExitCode::FAILURE }
        }
    }
}

fn run(args: Args) -> Result<ExitCode> {
    let Args { dry, stage } = args;
    let done = |outcome: Result<()>| outcome.map(|()| ExitCode::SUCCESS);
    match stage {
        Stage::Cases { every, output } => supervisor::run(dry, every.get(), &output),
        Stage::Repeat { file } => done(repeat::run(&file)),
        Stage::Train(args) => {
            // The example opens its device itself.
            let run = || hybrid_classifier::run(&args, &Cluster::alone());
            let accuracy = if dry { engines::emulated(Dialect::CudaF32, run) } else { run() }?;
            println!("test accuracy: {accuracy:.4}");
            Ok(ExitCode::SUCCESS)
        }
        Stage::Device => done(engines::choose(dry).and_then(|()| device::run())),
        Stage::Worker { every, from } => done(engines::choose(dry).and_then(|()| cases::work(every.get(), from))),
        Stage::Steps { cases, seconds } => done(engines::choose(dry).and_then(|()| steps::run(&cases, seconds))),
    }
}
