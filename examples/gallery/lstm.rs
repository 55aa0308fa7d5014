//! A quantum LSTM continues a series: circuits compute the gates of the cell.

use crate::options::{Options, numbered};
use anyhow::Result;
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{Linear, Optimizer, RNN, VarMap, linear};
use candlewick::gate::Gate;
use candlewick::nn::{QuantumLstm, QuantumLstmConfig, SeededInit};
use candlewick::optim::{Adam, AdamConfig, Schedule};
use candlewick::plot::{Color, Figure, Panel};
use candlewick::prelude::*;

const QUBITS: usize = 4;
const HIDDEN: usize = 5;
/// Numbers that the cell reads before it predicts the next one.
const WINDOW: usize = 20;
const LENGTH: usize = 160;
/// Numbers that the training sees.
const SEEN: usize = 100;
const RATE: f64 = 0.03;

struct Model {
    lstm: QuantumLstm,
    head: Linear,
}

impl Model {
    /// Predicts the next number of each window, `[windows, WINDOW, 1]` to `[windows, 1]`.
    fn predict(&self, windows: &Tensor) -> Result<Tensor> {
        let states = self.lstm.seq(windows)?;
        Ok(self.head.forward(states[WINDOW - 1].h())?)
    }
}

/// Returns windows of a series, `[windows, WINDOW, 1]`.
fn windows(series: &[f32], count: usize) -> Result<Tensor> {
    let all: Vec<f32> = (0..count).flat_map(|start| series[start..start + WINDOW].to_vec()).collect();
    Ok(Tensor::from_vec(all, (count, WINDOW, 1), &Device::Cpu)?)
}

pub(crate) fn run(options: &Options) -> Result<String> {
    let series: Vec<f32> =
        (0..LENGTH).map(|t| t as f32).map(|t| 0.6 * (0.3 * t).sin() + 0.4 * (0.17 * t).cos()).collect();
    let mut circuit = Circuit::new(QUBITS);
    circuit.angle_embedding(Gate::ry, (0..QUBITS).map(input)).basic_entangler_layers("w", 1, Gate::rx);
    let varmap = VarMap::new();
    let vb = SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu);
    let measurement = Measurement::expectation((0..QUBITS).map(Z));
    let lstm = QuantumLstm::new(circuit, measurement, QuantumLstmConfig::new(1, HIDDEN), vb.pp("lstm"))?;
    let model = Model { lstm, head: linear(HIDDEN, 1, vb.pp("head"))? };

    let x = windows(&series, SEEN - WINDOW)?;
    let y = Tensor::new(&series[WINDOW..SEEN], &Device::Cpu)?.unsqueeze(1)?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(RATE))?;
    let steps = options.steps(2000, 3);
    let schedule = Schedule::Cosine { steps: steps as u64, floor: 0.01 };
    for step in 0..steps {
        adam.set_learning_rate(RATE * schedule.factor(step as u64));
        adam.backward_step(&(model.predict(&x)? - &y)?.sqr()?.mean_all()?)?;
    }

    // One step ahead, from the true numbers before.
    let ahead = model.predict(&windows(&series, LENGTH - WINDOW)?)?.flatten_all()?.to_vec1::<f32>()?;
    let unseen = ahead.iter().zip(&series[WINDOW..]).skip(SEEN - WINDOW);
    let mse = unseen.map(|(found, truth)| (found - truth).powi(2)).sum::<f32>() / (LENGTH - SEEN) as f32;
    // On its own: each prediction is read as the next number.
    let mut dream = series[..SEEN].to_vec();
    while dream.len() < LENGTH {
        let window = windows(&dream[dream.len() - WINDOW..], 1)?;
        dream.push(model.predict(&window)?.flatten_all()?.to_vec1::<f32>()?[0]);
    }
    let apart = dream.iter().zip(&series).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    draw(options, [&series, &ahead, &dream], mse)?;
    let weights: usize = varmap.all_vars().iter().map(|var| var.elem_count()).sum();
    Ok(format!(
        "{weights} weights, MSE one step ahead {mse:.5}; {} steps on its own, at most {apart:.3} from the truth",
        LENGTH - SEEN
    ))
}

/// Draws the series, what was predicted one step ahead, and the continuation.
fn draw(options: &Options, [series, ahead, dream]: [&[f32]; 3], mse: f32) -> Result<()> {
    let points = |values: &[f32]| numbered(&values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>());
    let shifted: Vec<(f64, f64)> = points(ahead).into_iter().map(|(t, value)| (t + WINDOW as f64, value)).collect();
    let panel = Panel::new("")
        .axes("time step", "value")
        .counting()
        .y_range(-1.25..1.25)
        .line("series", Color::GRAY, &points(series))
        .dots("one step ahead", Color::TEAL, &shifted)
        .line("on its own", Color::VIOLET, &points(dream)[SEEN - 1..])
        .dashes("end of the training set", Color::RED, &[(SEEN as f64 - 0.5, -1.25), (SEEN as f64 - 0.5, 1.25)]);
    let note =
        format!("gates: four circuits of {QUBITS} qubits; hidden state of {HIDDEN}; MSE one step ahead {mse:.5}");
    Ok(Figure::new("A quantum LSTM").note(note).panel(panel).card().save(options.picture("lstm"))?)
}
