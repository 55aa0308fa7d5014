//! Noise tomography: T1, T2, detuning, gate errors and readout errors of a device, learnt by gradient from counts.
//!
//! ```text
//! cargo run --release --example noise_tomography
//! ```
//!
//! A device of four qubits in a row has 23 hidden numbers. A laboratory measures what laboratories measure, with finite
//! shots: two prepared states, relaxation after a delay, Ramsey fringes, and chains of CX gates. The model is the same
//! circuits with the numbers as weights. L-BFGS finds the weights under which the counts of all experiments are most
//! probable.
//!
//! One likelihood for everything needs no formula for any curve, and separates what a single curve mixes: a chain of
//! gates decays by errors of the gates, by relaxation during the gates, and by errors of the readout.
//!
//! Error bars are the least that any estimate without bias can have from so many shots (Cramér and Rao), by the Fisher
//! information.

mod device;
#[path = "../common/ending.rs"]
mod ending;
mod experiments;
mod fit;
mod picture;
#[path = "../common/table.rs"]
mod table;
#[path = "../common/whole.rs"]
mod whole;

use anyhow::{Context, Result};
use clap::Parser;
use device::KINDS;
use ending::ending;
use experiments::experiments;
use fit::Learnt;
use std::path::PathBuf;
use std::process::ExitCode;
use table::table;
use whole::whole;

/// Learns the noise of a simulated device from counts.
///
/// A given seed repeats bit for bit.
#[derive(Debug, Parser)]
#[command(name = "noise_tomography")]
struct Args {
    /// Shots of each setting of each experiment.
    #[arg(long, default_value = "1000", value_name = "N", value_parser = whole(1, 1_000_000))]
    shots: usize,

    /// Seed of the shots.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,

    /// Fewer delays, shorter chains and at most 60 steps, to see it run.
    #[arg(long)]
    quick: bool,

    /// Folder for the picture.
    #[arg(long, default_value = "target/noise_tomography", value_name = "DIR")]
    output: PathBuf,
}

fn main() -> ExitCode {
    ending(run(&Args::parse()))
}

/// Measures, learns, prints, draws, and returns the last line.
fn run(args: &Args) -> Result<String> {
    let experiments = experiments(args.quick)?;
    let hidden = device::hidden()?;
    let data = experiments::measure(&experiments, &hidden, args.shots, args.seed)?;
    let settings: usize = experiments.iter().map(|experiment| experiment.settings).sum();
    println!("{} circuits, {settings} settings, {} shots of each", experiments.len(), args.shots);

    let learnt = fit::fit(&experiments, &data, args.shots, if args.quick { 60 } else { 200 })?;
    let Learnt { steps, evaluations, gradient, .. } = learnt;
    println!("{steps} steps of L-BFGS, {evaluations} evaluations, gradient {gradient:.1e}\n");
    println!("{}\n", report(&learnt));

    std::fs::create_dir_all(&args.output).with_context(|| format!("cannot create {}", args.output.display()))?;
    let path = args.output.join("tomography.png");
    let line = verdict(&learnt);
    picture::save(&path, &experiments, &data, &learnt, &line)?;
    println!("wrote {}", path.display());
    Ok(format!("{line} (reference: 1 if the bars are right)"))
}

/// Lists each number beside the hidden one.
fn report(learnt: &Learnt) -> String {
    let mut rows = Vec::new();
    let mut all = learnt.values.iter().zip(&learnt.errors);
    for kind in &KINDS {
        for (place, (truth, (value, error))) in kind.places.iter().zip(kind.truth.iter().zip(all.by_ref())) {
            let name = format!("{}, {place} ({})", kind.title, kind.unit);
            let number = |value: f64| format!("{:.*}", kind.digits, value * kind.scale);
            let deviation = format!("{:+.1}", (value - truth) / error);
            rows.push(vec![name, number(*truth), number(*value), number(*error), deviation]);
        }
    }
    table(&["number", "hidden", "learnt", "±", "deviation / ±"], &rows)
}

/// Returns how far the learnt numbers are from the hidden ones.
fn verdict(learnt: &Learnt) -> String {
    let truth = KINDS.iter().flat_map(|kind| kind.truth);
    let found = learnt.values.iter().zip(&learnt.errors);
    let deviations: Vec<f64> = found.zip(truth).map(|((value, error), truth)| (value - truth) / error).collect();
    let count = deviations.len() as f64;
    let root_mean_square = (deviations.iter().map(|d| d * d).sum::<f64>() / count).sqrt();
    let largest = deviations.iter().fold(0.0f64, |most, d| most.max(d.abs()));
    format!("{count} numbers: deviations of {root_mean_square:.2} error bars (root mean square), largest {largest:.1}")
}
