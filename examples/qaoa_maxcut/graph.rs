//! Graphs and their cuts.

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

/// Largest number of attempts to make a random regular graph.
const ATTEMPTS: usize = 10_000;

/// Graph with nodes `0..nodes` and edges between them.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    pub(crate) nodes: usize,
    pub(crate) edges: Vec<(usize, usize)>,
}

impl Graph {
    /// Makes a ring: each node is joined to the next node.
    pub(crate) fn ring(nodes: usize) -> Result<Self> {
        ensure!(nodes >= 3, "a ring has at least 3 nodes, not {nodes}");
        Ok(Self { nodes, edges: (0..nodes).map(|node| (node, (node + 1) % nodes)).collect() })
    }

    /// Makes a random graph in which every node has `degree` neighbours. Half-edges are paired at random until no pair
    /// is a loop or occurs twice.
    pub(crate) fn regular(nodes: usize, degree: usize, seed: u64) -> Result<Self> {
        ensure!(degree < nodes, "a node of {nodes} has fewer than {degree} others");
        ensure!((nodes * degree).is_multiple_of(2), "{nodes} nodes of degree {degree} have half an edge too many");
        let mut random = StdRng::seed_from_u64(seed);
        for _ in 0..ATTEMPTS {
            let mut halves: Vec<usize> = (0..nodes * degree).map(|half| half % nodes).collect();
            halves.shuffle(&mut random);
            let mut edges: Vec<(usize, usize)> =
                halves.chunks_exact(2).map(|pair| (pair[0].min(pair[1]), pair[0].max(pair[1]))).collect();
            edges.sort_unstable();
            let is_simple = edges.iter().all(|(a, b)| a != b) && edges.windows(2).all(|pair| pair[0] != pair[1]);
            if is_simple {
                return Ok(Self { nodes, edges });
            }
        }
        anyhow::bail!("no graph of {nodes} nodes of degree {degree} was found in {ATTEMPTS} attempts")
    }

    /// Returns the number of edges between the nodes whose bit is 1 and the others.
    pub(crate) fn cut(&self, sides: u64) -> usize {
        self.edges.iter().filter(|(a, b)| (sides >> a ^ sides >> b) & 1 == 1).count()
    }

    /// Returns the size of the largest cut. All cuts are tried; the last node stays on its side.
    pub(crate) fn best_cut(&self) -> usize {
        (0..1u64 << (self.nodes - 1)).map(|sides| self.cut(sides)).max().unwrap_or(0)
    }

    /// Returns positions of the nodes on a circle, for drawings.
    pub(crate) fn places(&self) -> Vec<(f64, f64)> {
        let angle = |node: usize| std::f64::consts::TAU * node as f64 / self.nodes as f64;
        (0..self.nodes).map(|node| (angle(node).sin(), angle(node).cos())).collect()
    }
}

/// Returns starting angles, two for each layer: a slow change from the mixer to the cost, and random angles.
pub(crate) fn starts(depth: usize, count: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut random = StdRng::seed_from_u64(seed);
    let place = |layer: usize| (layer as f64 + 0.5) / depth as f64;
    let ramp = (0..depth).flat_map(|layer| [0.8 * place(layer), -0.8 * (1.0 - place(layer))]).collect();
    let others = (1..count).map(|_| (0..2 * depth).map(|_| random.random_range(-1.6..1.6)).collect());
    std::iter::once(ramp).chain(others).collect()
}
