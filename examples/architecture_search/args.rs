//! The command line.

use crate::whole::whole;
use clap::Parser;
use std::path::PathBuf;

/// Trains 16 small transformers on addition modulo a number, and lets a variational circuit pick the best.
///
/// Four bits describe a transformer: layers, heads, width and feed-forward width. Its cost is the share of wrong
/// answers to questions it was not trained on, and a little for its size. A given seed repeats bit for bit.
#[derive(Debug, Parser)]
#[command(name = "architecture_search")]
pub(crate) struct Args {
    /// The sums are taken modulo this number.
    #[arg(long, default_value = "17", value_name = "N", value_parser = whole(2, 100))]
    pub(crate) modulus: usize,

    /// Per cent of the questions that are trained on.
    #[arg(long, default_value = "80", value_name = "PER CENT", value_parser = whole(1, 99))]
    pub(crate) train: usize,

    /// Steps of AdamW on all training questions.
    #[arg(long, default_value = "600", value_name = "N", value_parser = whole(1, 1_000_000))]
    pub(crate) steps: usize,

    /// Seed of the split, of the transformers' weights and of the circuit's.
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub(crate) seed: u64,

    /// Modulo 7 and 60 steps, to see it run.
    #[arg(long)]
    pub(crate) quick: bool,

    /// Folder for pictures.
    #[arg(long, default_value = "target/architecture_search", value_name = "DIR")]
    pub(crate) output: PathBuf,
}
