//! Pictures of the graph with its cut, of the ratios, and, for small graphs, of the landscape of depth 1.

use crate::graph::Graph;
use anyhow::Result;
use candle_core::{Device, Tensor};
use candlewick::functional;
use candlewick::plot::{Color, Field, Figure, Panel};
use candlewick::prelude::*;
use std::f64::consts::{FRAC_PI_2, PI};
use std::path::Path;

/// Largest number of nodes for which the landscape is drawn: it takes [`SIDE`]² states.
const LANDSCAPE_NODES: usize = 12;
const SIDE: usize = 61;

/// Results that are drawn.
pub(crate) struct Outcome<'a> {
    pub(crate) graph: &'a Graph,
    /// Side of each node.
    pub(crate) sides: u64,
    /// Mean ratio of each depth, and the best possible ratio if it is known.
    pub(crate) ratios: Vec<(f64, Option<f64>)>,
    /// Circuit of depth 1 with both angles as inputs, and minus the cut.
    pub(crate) landscape: (Circuit, Observable),
}

/// Writes the picture.
pub(crate) fn save(path: &Path, of: &Outcome<'_>) -> Result<()> {
    let depths = |values: Vec<Option<f64>>| -> Vec<(f64, f64)> {
        (1..).map(f64::from).zip(values).filter_map(|(depth, value)| Some((depth, value?))).collect()
    };
    let found = depths(of.ratios.iter().map(|(found, _)| Some(*found)).collect());
    let known = depths(of.ratios.iter().map(|(_, known)| *known).collect());
    let mut ratios = Panel::new("Mean cut").axes("depth", "share of the largest cut").counting();
    ratios = ratios.line("found", Color::VIOLET, &found);
    // Dots of the known values are on top: where the search has found them, the line would hide them.
    if known.is_empty() {
        ratios = ratios.dots("", Color::VIOLET, &found);
    } else {
        ratios = ratios.diamonds("best there can be", Color::TEAL, &known);
    }
    let (nodes, edges) = (of.graph.nodes, of.graph.edges.len());
    let deepest = of.ratios.last().map_or(0.0, |(found, _)| *found);
    let note =
        format!("{nodes} nodes, {edges} edges; mean cut at depth {}: {deepest:.4} of the largest", of.ratios.len());
    let figure = Figure::new("Largest cut by QAOA").note(note).columns(3);
    let mut figure = figure.panel(cut(of.graph, of.sides)).panel(ratios);
    if of.graph.nodes <= LANDSCAPE_NODES {
        figure = figure.panel(landscape(&of.landscape)?);
    }
    Ok(figure.save(path)?)
}

/// Draws nodes in the colours of their sides; cut edges are dark.
fn cut(graph: &Graph, sides: u64) -> Panel {
    let places = graph.places();
    let at = |node: usize| places.get(node).copied().unwrap_or_default();
    let is_cut = |(a, b): &(usize, usize)| (sides >> a ^ sides >> b) & 1 == 1;
    let ends = |wanted: bool| -> Vec<[(f64, f64); 2]> {
        graph.edges.iter().filter(|edge| is_cut(edge) == wanted).map(|&(a, b)| [at(a), at(b)]).collect()
    };
    let side = |wanted: u64| -> Vec<(f64, f64)> {
        (0..graph.nodes).filter(|node| sides >> node & 1 == wanted).map(at).collect()
    };
    let heading = format!("Best sampled cut: {} of {} edges", graph.cut(sides), graph.edges.len());
    Panel::new(heading)
        .equal()
        .bare()
        .x_range(-1.2..1.2)
        .y_range(-1.2..1.2)
        .segments(Color::rgb(205, 208, 214), &ends(false))
        .segments(Color::INK, &ends(true))
        .dots("side 0", Color::BLUE, &side(0))
        .dots("side 1", Color::ORANGE, &side(1))
}

/// Draws the mean cut over both angles, with all points in one batch.
fn landscape((circuit, cost): &(Circuit, Observable)) -> Result<Panel> {
    let (gammas, betas) = (0.0..PI, -FRAC_PI_2..0.0);
    let points = Field::grid(gammas.clone(), betas.clone(), SIDE)?;
    let inputs = Tensor::from_vec(points.concat(), (points.len(), 2), &Device::Cpu)?;
    let measurement = Measurement::expectation([-cost.clone()]);
    let values = functional::evaluate(circuit, &measurement, Some(&inputs), &[])?.flatten_all()?.to_vec1::<f64>()?;
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let colors = [Color::BLUE, Color::ORANGE];
    let field = Field { x: gammas, y: betas, columns: SIDE, values, range: least..most, colors, ..Field::default() };
    Ok(Panel::new("Mean cut at depth 1").axes("γ (rad)", "β (rad)").field(field).color_bar("mean cut (edges)"))
}
