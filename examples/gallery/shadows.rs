//! Classical shadows: all correlations of one and two qubits from one set of measurements in random bases.

use crate::options::{Options, WIDE};
use anyhow::Result;
use candle_core::{DType, Device};
use candle_nn::VarMap;
use candlewick::nn::SeededInit;
use candlewick::plot::{Color, Figure, Panel};
use candlewick::prelude::*;
use candlewick::states::shadows::{self, ClassicalShadow};

const QUBITS: usize = 8;
/// Probability that an estimate is allowed to miss the bound.
const FAILURE: f64 = 0.05;
/// Accuracy for which the bound tells the number of snapshots.
const ACCURACY: f64 = 0.3;

pub(crate) fn run(options: &Options) -> Result<String> {
    let mut circuit = Circuit::new(QUBITS);
    circuit.efficient_su2("w", 2, Entanglement::Linear);
    let letters: [fn(usize) -> Observable; 3] = [X, Y, Z];
    let mut words: Vec<Observable> = (0..QUBITS).flat_map(|q| letters.map(|letter| letter(q))).collect();
    for (a, b) in Entanglement::Full.pairs(QUBITS) {
        words.extend(letters.iter().flat_map(|left| letters.map(|right| left(a) * right(b))));
    }
    let vb = SeededInit::new(1).var_builder(&VarMap::new(), DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation(words.clone()), vb)?;
    let exact: Vec<f64> = layer.evaluate()?.to_vec1()?;

    let bound = shadows::bound(2, words.len(), ACCURACY, FAILURE)?;
    println!("{} words; the bound for {ACCURACY}: {} snapshots", words.len(), bound.snapshots);
    let weights: Vec<_> = layer.weights().collect();
    let estimate = |snapshots: usize, groups: usize| -> Result<Vec<f64>> {
        let shadow = ClassicalShadow::collect(layer.circuit(), None, &weights, snapshots, 7)?;
        words.iter().map(|word| Ok(shadow.expectation(word, groups)?.to_scalar::<f64>()?)).collect()
    };
    let largest = |found: &[f64]| found.iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let snapshots: Vec<usize> = (0..options.steps(10, 4)).map(|k| 100 << k).collect();
    let errors =
        snapshots.iter().map(|&count| Ok((count, largest(&estimate(count, 1)?)))).collect::<Result<Vec<_>>>()?;
    let counted = if options.quick { snapshots[0] } else { bound.snapshots };
    let found = estimate(counted, bound.groups)?;
    draw(
        options,
        counted,
        &exact.iter().copied().zip(found.iter().copied()).collect::<Vec<_>>(),
        &errors,
        bound.groups,
    )?;
    let error = largest(&found);
    Ok(format!(
        "{} expectation values from {counted} snapshots, largest error {error:.4} (bound {ACCURACY})",
        words.len()
    ))
}

/// Draws estimates over exact values, and the largest error over the number of snapshots.
fn draw(options: &Options, counted: usize, pairs: &[(f64, f64)], errors: &[(usize, f64)], groups: usize) -> Result<()> {
    let values = Panel::new(format!("{} words of one or two letters", pairs.len()))
        .axes("exact expectation value", format!("estimate from {counted} snapshots"))
        .x_range(-1.1..1.1)
        .y_range(-1.1..1.1)
        .line("exact", Color::GRAY, &[(-1.1, -1.1), (1.1, 1.1)])
        .dots("estimate", Color::VIOLET, pairs);
    let place = |snapshots: usize| (snapshots as f64).log10();
    let found: Vec<(f64, f64)> = errors.iter().map(|&(snapshots, error)| (place(snapshots), error)).collect();
    let bound = |snapshots: usize| (34.0 * 9.0 * groups as f64 / snapshots as f64).sqrt();
    let bounds: Vec<(f64, f64)> = errors.iter().map(|&(snapshots, _)| (place(snapshots), bound(snapshots))).collect();
    let errors = Panel::new("Largest error")
        .axes("number of snapshots, log₁₀", "largest error of all words")
        .logarithmic()
        .dashes("bound, missed with a probability of 0.05 at most", Color::GRAY, &bounds)
        .line("plain mean", Color::TEAL, &found)
        .dots("", Color::TEAL, &found);
    let largest = pairs.iter().map(|(exact, found)| (found - exact).abs()).fold(0.0, f64::max);
    let note = format!("largest error of all words with {counted} snapshots: {largest:.4}");
    let figure = Figure::new(format!("Classical shadows of a state of {QUBITS} qubits")).note(note);
    Ok(figure.panel(values).panel(errors).frame(WIDE.0, WIDE.1).card().save(options.picture("shadows"))?)
}
