//! The command line.

use crate::whole::whole;
use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Finds large cuts of a graph with the quantum approximate optimisation algorithm.
///
/// Trains circuits of depth 1 to `--depth` and prints their mean cut beside the largest one. A given seed repeats bit
/// for bit.
#[derive(Debug, Parser)]
#[command(name = "qaoa_maxcut")]
pub(crate) struct Args {
    /// The graph.
    #[arg(long, value_enum, default_value_t = Kind::Ring)]
    pub(crate) graph: Kind,

    /// Its nodes, each a qubit.
    #[arg(long, default_value = "8", value_name = "N", value_parser = whole(3, 22))]
    pub(crate) nodes: usize,

    /// Neighbours of each node of a random graph.
    #[arg(long, default_value = "3", value_name = "N", value_parser = whole(1, 21))]
    pub(crate) degree: usize,

    /// The greatest depth: pairs of a cost layer and a mixer.
    #[arg(long, default_value = "3", value_name = "P", value_parser = whole(1, 20))]
    pub(crate) depth: usize,

    /// Points to start from at each depth; the best result counts.
    #[arg(long, default_value = "10", value_name = "N", value_parser = whole(1, 10_000))]
    pub(crate) starts: usize,

    /// The most steps of Adam from each.
    #[arg(long, default_value = "400", value_name = "N", value_parser = whole(1, 1_000_000))]
    pub(crate) steps: usize,

    /// Cuts to sample from the deepest circuit.
    #[arg(long, default_value = "1000", value_name = "N", value_parser = whole(1, 100_000_000))]
    pub(crate) samples: usize,

    /// Seed of the random graph, the starts and the samples.
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub(crate) seed: u64,

    /// Two starts of 50 steps, to see it run.
    #[arg(long)]
    pub(crate) quick: bool,

    /// Folder for pictures.
    #[arg(long, default_value = "target/qaoa_maxcut", value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// A kind of graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Each node joined to the next one.
    Ring,
    /// A random regular graph.
    Random,
}
