//! A variational circuit searches the costs of 16 small transformers for the one that learns addition best.
//!
//! ```text
//! cargo run --release --example architecture_search
//! ```
//!
//! All 16 transformers are trained first, so the best of them is known before the circuit is trained: the search is a
//! demonstration and saves nothing.

mod args;
#[path = "../common/ending.rs"]
mod ending;
mod model;
mod pictures;
mod task;
#[path = "../common/whole.rs"]
mod whole;

use anyhow::{Context, Result};
use args::Args;
use candlewick::variational::{VqeOptimizer, VqeOptimizerConfig};
use clap::Parser;
use ending::ending;
use indicatif::{ProgressBar, ProgressStyle};
use model::Architecture;
use rayon::prelude::*;
use std::process::ExitCode;
use task::{Score, Task};

/// Cost of the largest transformer for its size; of two transformers with the same answers the smaller is better.
const SIZE_COST: f64 = 0.01;

fn main() -> ExitCode {
    let mut args = Args::parse();
    if args.quick {
        (args.modulus, args.steps) = (args.modulus.min(7), args.steps.min(60));
    }
    ending(run(&args))
}

/// Trains, searches, draws, and returns the last line.
fn run(args: &Args) -> Result<String> {
    let task = Task::new(args)?;
    println!(
        "a + b modulo {}: {} questions to train on, {} held out",
        args.modulus,
        task.train.len(),
        task.held_out.len()
    );
    let scores = train(args, &task)?;
    let costs = costs(&scores);

    println!("\nbits  layers  heads  width  feed-forward  parameters   train  held out    cost");
    for (bits, (score, cost)) in (0..).zip(scores.iter().zip(&costs)) {
        let Architecture { layers, heads, width, expansion } = Architecture::from_bits(bits);
        let Score { parameters, train, held_out } = score;
        println!(
            "{bits:04b}  {layers:>6}  {heads:>5}  {width:>5}  {:>12}  {parameters:>10}  {train:.4}    {held_out:.4}  {cost:.4}",
            width * expansion
        );
    }

    let config = VqeOptimizerConfig { steps: 50, learning_rate: 0.1, seed: args.seed, ..Default::default() };
    let found = VqeOptimizer::new(config)?.minimize(&costs)?;
    let (argmin, least) = (0..).zip(&costs).min_by(|a, b| a.1.total_cmp(b.1)).context("there are 16 costs")?;
    let bits: u64 = argmin;
    println!("\nmost probable strings of the circuit (run {} of 4, 50 steps of Adam):", found.run + 1);
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|a, b| found.probabilities[*b].total_cmp(&found.probabilities[*a]));
    for &bits in order.iter().take(4) {
        println!("{bits:04b}  probability {:.4}  cost {:.4}", found.probabilities[bits], costs[bits]);
    }
    let path = args.output.join("search.png");
    std::fs::create_dir_all(&args.output).with_context(|| format!("cannot create {}", args.output.display()))?;
    pictures::save(&path, &costs, &found)?;
    println!("wrote {}", path.display());
    println!("all 16 costs were known to it beforehand: a look at the list gives {bits:04b} with cost {least:.4}");
    Ok(format!(
        "VQE: {} with probability {:.4}, cost {:.4} (reference: {bits:04b}, the least of the list; probability 0.97, QuILT)",
        found.bit_string(),
        found.probability,
        found.cost
    ))
}

/// Trains all transformers, as many at a time as there are cores.
fn train(args: &Args, task: &Task) -> Result<Vec<Score>> {
    let style = ProgressStyle::with_template("{bar:30.cyan/blue} {pos:>2}/{len} transformers  {elapsed}  {msg}")?;
    let bar = ProgressBar::new(16).with_style(style);
    bar.tick();
    let one = |bits: u64| {
        let score = task.train(Architecture::from_bits(bits), args.steps, args.seed)?;
        let message = format!("{bits:04b}: {:.4} of the held-out answers right", score.held_out);
        if bar.is_hidden() {
            println!("{message}");
        }
        bar.set_message(message);
        bar.inc(1);
        Ok(score)
    };
    let scores = (0..16u64).into_par_iter().map(one).collect::<Result<Vec<_>>>()?;
    bar.abandon();
    Ok(scores)
}

/// Returns the share of wrong answers, plus up to [`SIZE_COST`] for the size.
fn costs(scores: &[Score]) -> Vec<f64> {
    let largest = scores.iter().map(|score| score.parameters).max().unwrap_or(1) as f64;
    scores.iter().map(|score| 1.0 - score.held_out + SIZE_COST * score.parameters as f64 / largest).collect()
}
