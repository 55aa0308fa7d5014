//! The largest cut of a graph by QAOA (Farhi, Goldstone and Gutmann, arXiv:1411.4028).
//!
//! ```text
//! cargo run --release --example qaoa_maxcut
//! cargo run --release --example qaoa_maxcut -- --graph random --nodes 12 --degree 3
//! ```
//!
//! The best mean cut of depth `p` is known on a ring of `2p + 2` nodes or more: `(2p + 1)/(2p + 2)` of all edges
//! (Mbeng, Fazio and Santoro, arXiv:1906.08948).

mod args;
#[path = "../common/ending.rs"]
mod ending;
mod graph;
mod pictures;
#[path = "../common/whole.rs"]
mod whole;

use anyhow::{Context, Result};
use args::{Args, Kind};
use candle_core::{Device, Tensor};
use candlewick::prelude::*;
use candlewick::variational::{Vqe, VqeConfig};
use clap::Parser;
use ending::ending;
use graph::Graph;
use indicatif::{ProgressBar, ProgressStyle};
use std::process::ExitCode;

/// Best circuit of a depth.
struct Trained {
    depth: usize,
    mean_cut: f64,
    vqe: Vqe,
}

fn main() -> ExitCode {
    let mut args = Args::parse();
    if args.quick {
        (args.starts, args.steps) = (args.starts.min(2), args.steps.min(50));
    }
    ending(run(&args))
}

/// Trains the circuits, draws, and returns the last line.
fn run(args: &Args) -> Result<String> {
    let graph = match args.graph {
        Kind::Ring => Graph::ring(args.nodes)?,
        Kind::Random => Graph::regular(args.nodes, args.degree, args.seed)?,
    };
    let best = graph.best_cut();
    println!("{} nodes, {} edges; the largest cut, of all tried, has {best}\n", graph.nodes, graph.edges.len());
    let trained = train(args, &graph)?;

    println!("depth  mean cut    ratio  reference");
    for Trained { depth, mean_cut, .. } in &trained {
        let known = reference(args, &graph, *depth).map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.4}"));
        println!("{depth:>5}  {mean_cut:>8.4}  {:.5}  {known:>9}", mean_cut / best as f64);
    }
    let last = trained.last().context("depths begin at 1")?;
    let (sides, found) = sample(args, &graph, last)?;
    println!("\nbest of {} sampled cuts: {found}, sides {sides:0width$b}", args.samples, width = graph.nodes);
    draw(args, &graph, &trained, best, sides)?;
    let ratio = last.mean_cut / best as f64;
    Ok(match reference(args, &graph, last.depth) {
        Some(known) => format!("ratio at depth {}: {ratio:.4} (reference: {known:.4})", last.depth),
        None => format!(
            "best sampled cut: {found} (reference: {best}, by brute force), mean ratio {ratio:.4} at depth {}",
            last.depth
        ),
    })
}

/// Returns the best possible ratio, if it is known. In an odd ring, all edges except one can be cut.
fn reference(args: &Args, graph: &Graph, depth: usize) -> Option<f64> {
    let is_known = args.graph == Kind::Ring && graph.nodes >= 2 * depth + 2;
    let (edges, best) = (graph.nodes as f64, (graph.nodes - graph.nodes % 2) as f64);
    is_known.then(|| (2 * depth + 1) as f64 / (2 * depth + 2) as f64 * edges / best)
}

/// Returns minus the size of the cut: an edge counts if its ends are on different sides.
fn cost(graph: &Graph) -> Observable {
    let edge = |&(a, b): &(usize, usize)| 0.5 * Z(a) * Z(b) - 0.5 * Observable::identity();
    graph.edges.iter().map(edge).sum()
}

/// Appends layers with these angles, after the superposition of all cuts.
fn layers(circuit: &mut Circuit, cost: &Observable, angles: impl IntoIterator<Item = [Angle; 2]>) {
    for node in 0..circuit.qubits() {
        circuit.h(node);
    }
    for [gamma, beta] in angles {
        circuit.qaoa_layer(cost, gamma, beta);
    }
}

fn circuit(graph: &Graph, depth: usize) -> Circuit {
    let mut circuit = Circuit::new(graph.nodes);
    let angles = circuit.weights("angles", (depth, 2));
    layers(&mut circuit, &cost(graph), (0..depth).map(|layer| [angles.at([layer, 0]), angles.at([layer, 1])]));
    circuit
}

/// Draws the graph, the ratios and the landscape.
fn draw(args: &Args, graph: &Graph, trained: &[Trained], best: usize, sides: u64) -> Result<()> {
    let mut circuit = Circuit::new(graph.nodes);
    layers(&mut circuit, &cost(graph), [[input(0), input(1)]]);
    let ratio = |of: &Trained| (of.mean_cut / best as f64, reference(args, graph, of.depth));
    let ratios = trained.iter().map(ratio).collect();
    let path = args.output.join("cut.png");
    std::fs::create_dir_all(&args.output).with_context(|| format!("cannot create {}", args.output.display()))?;
    pictures::save(&path, &pictures::Outcome { graph, sides, ratios, landscape: (circuit, cost(graph)) })?;
    println!("wrote {}", path.display());
    Ok(())
}

/// Returns the best circuit of each depth.
fn train(args: &Args, graph: &Graph) -> Result<Vec<Trained>> {
    let style = ProgressStyle::with_template("{prefix:>8} {bar:30.cyan/blue} {pos:>3}/{len} starts  {msg}")?;
    let mut trained = Vec::new();
    for depth in 1..=args.depth {
        let bar = ProgressBar::new(args.starts as u64).with_style(style.clone()).with_prefix(format!("depth {depth}"));
        let mut best: Option<Trained> = None;
        for start in graph::starts(depth, args.starts, args.seed) {
            let layer = QuantumLayerConfig { seed: args.seed, ..Default::default() };
            let config = VqeConfig { steps: args.steps, layer, gradient_tolerance: 1e-4, ..Default::default() };
            let mut vqe = Vqe::new(circuit(graph, depth), cost(graph), config)?;
            vqe.set_weights([("angles", &Tensor::from_vec(start, (depth, 2), &Device::Cpu)?)])?;
            let found = vqe.run()?;
            vqe.set_weights(found.weights.iter().map(|(name, tensor)| (name.as_str(), tensor)))?;
            let mean_cut = -found.energy;
            if best.as_ref().is_none_or(|best| mean_cut > best.mean_cut) {
                best = Some(Trained { depth, mean_cut, vqe });
            }
            let so_far = best.as_ref().map_or(0.0, |best| best.mean_cut);
            bar.set_message(format!("mean cut {so_far:.4}"));
            bar.inc(1);
        }
        bar.abandon();
        if bar.is_hidden() {
            println!("depth {depth}: {} starts done", args.starts);
        }
        trained.extend(best);
    }
    println!();
    Ok(trained)
}

/// Returns the largest of some sampled cuts: its sides and its size.
fn sample(args: &Args, graph: &Graph, trained: &Trained) -> Result<(u64, usize)> {
    let counts = trained.vqe.layer().counts(None, args.samples)?;
    let sampled = counts.iter().flatten().map(|(sides, _)| *sides);
    let best = sampled.max_by_key(|sides| (graph.cut(*sides), std::cmp::Reverse(*sides)));
    let best = best.context("there is at least one sample")?;
    Ok((best, graph.cut(best)))
}
