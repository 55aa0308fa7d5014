//! Measured points, the learnt model's curves, and learnt numbers beside hidden ones.

use crate::device::{KINDS, Numbers, PAIRS, QUBITS};
use crate::experiments::{Experiment, LAYERS, Protocol};
use crate::fit::Learnt;
use anyhow::{Context, Result};
use candle_core::Tensor;
use candlewick::plot::{Color, Figure, Panel};
use std::path::Path;

/// Points of a curve.
const CURVE: usize = 121;
/// Qubits whose fringes are drawn: all four would hide each other.
const FRINGES: [usize; 2] = [1, 2];
/// Numbers of gates at which the curves of chains are computed.
const GATES: usize = 64;

/// Writes the picture.
pub(crate) fn save(
    path: &Path,
    experiments: &[Experiment],
    data: &[Tensor],
    learnt: &Learnt,
    note: &str,
) -> Result<()> {
    let all: Vec<usize> = (0..QUBITS).collect();
    let relaxation = delays(experiments, data, &learnt.numbers, Protocol::Relaxation, &all)?;
    let ramsey = delays(experiments, data, &learnt.numbers, Protocol::Ramsey, &FRINGES)?;
    Figure::new("Noise of a device of four qubits, learnt from counts")
        .note(note)
        .panel(relaxation)
        .panel(ramsey)
        .panel(chains(experiments, data, &learnt.numbers)?)
        .panel(ratios(learnt))
        .frame(430, 300)
        .card()
        .save(path)?;
    Ok(())
}

/// Returns the probability that all of these qubits have this value, for each row of `[settings, 2^QUBITS]`.
fn marginal(rows: &Tensor, qubits: &[usize], value: usize) -> Result<Vec<f64>> {
    let fits = |outcome: usize| qubits.iter().all(|q| outcome >> q & 1 == value);
    let one = |row: Vec<f64>| row.iter().enumerate().filter(|(outcome, _)| fits(*outcome)).map(|(_, p)| p).sum();
    Ok(rows.to_vec2::<f64>()?.into_iter().map(one).collect())
}

/// Draws the probability of 1 of some qubits over the delay.
fn delays(
    experiments: &[Experiment],
    data: &[Tensor],
    numbers: &Numbers,
    protocol: Protocol,
    qubits: &[usize],
) -> Result<Panel> {
    let heading = if protocol == Protocol::Ramsey { "Ramsey fringes" } else { "Relaxation" };
    let mut panel = Panel::new(heading).axes("delay (µs)", "probability of 1").y_range(0.0..1.0);
    let chosen = experiments.iter().zip(data).filter(|(experiment, _)| experiment.protocol == protocol);
    for (experiment, measured) in chosen {
        let times = experiment.values()?;
        let last = times.iter().copied().fold(0.0, f64::max);
        let fine: Vec<f64> = (0..CURVE).map(|k| last * k as f64 / (CURVE - 1) as f64).collect();
        let curve = Experiment::new(protocol, &fine)?.probabilities(numbers)?;
        for &q in qubits {
            let points = |times: &[f64], rows: &Tensor| -> Result<Vec<(f64, f64)>> {
                Ok(times.iter().copied().zip(marginal(rows, &[q], 1)?).collect())
            };
            let (color, curve, dots) = (Color::nth(q), points(&fine, &curve)?, points(&times, measured)?);
            panel = panel.line("", color, &curve).dots(format!("qubit {q}"), color, &dots);
        }
    }
    Ok(panel)
}

/// Draws the probability that both qubits of a pair are back in 0, over the number of gates.
fn chains(experiments: &[Experiment], data: &[Tensor], numbers: &Numbers) -> Result<Panel> {
    let mut panel = Panel::new("Chains of CX gates")
        .axes("gates", "probability of 00")
        .counting()
        .x_range(-2.0..GATES as f64 + 2.0);
    for (pair, &(a, b)) in PAIRS.iter().enumerate() {
        let layer = LAYERS.iter().position(|pairs| pairs.contains(&pair)).context("each pair is in a layer")?;
        let point =
            |gates: usize, rows: &Tensor| -> Result<(f64, f64)> { Ok((gates as f64, marginal(rows, &[a, b], 0)?[0])) };
        let mut curve = Vec::new();
        for gates in (0..=GATES).step_by(4) {
            let chain = Experiment::new(Protocol::Chain { layer, gates }, &[])?;
            curve.push(point(gates, &chain.probabilities(numbers)?)?);
        }
        let mut dots = Vec::new();
        for (experiment, measured) in experiments.iter().zip(data) {
            match experiment.protocol {
                Protocol::Chain { layer: of, gates } if of == layer => dots.push(point(gates, measured)?),
                _ => {}
            }
        }
        let color = Color::nth(QUBITS + pair);
        panel = panel.line("", color, &curve).dots(format!("pair {a}, {b}"), color, &dots);
    }
    Ok(panel)
}

/// Draws each learnt number as a multiple of the hidden one, with its error bar, in the colour of its qubit or pair.
fn ratios(learnt: &Learnt) -> Panel {
    let names = ["T1", "T2", "Δf", "CX", "1 for 0", "0 for 1"];
    let mut panel = Panel::new("Learnt numbers and error bars")
        .axes("Δf: detuning; 1 for 0: a 0 that is read as 1", "learnt / hidden")
        .positions(names)
        .dashes("", Color::GRAY, &[(-0.5, 1.0), (names.len() as f64 - 0.5, 1.0)]);
    let mut all = learnt.values.iter().zip(&learnt.errors);
    for (k, kind) in KINDS.iter().enumerate() {
        let count = kind.truth.len();
        // Qubits have the first colours, and pairs the next ones.
        let first = if count == QUBITS { 0 } else { QUBITS };
        for (j, (truth, (value, error))) in kind.truth.iter().zip(all.by_ref()).enumerate() {
            let at = k as f64 + 0.2 * (j as f64 - (count - 1) as f64 / 2.0);
            let (ratio, half, color) = (value / truth, (error / truth).abs(), Color::nth(first + j));
            let bar = [(at, ratio - half), (at, ratio + half)];
            panel = panel.segments(color, &[bar]).dots("", color, &[(at, ratio)]);
        }
    }
    panel
}
