//! Quantum attention: circuits compute queries, keys and values. A sequence hides one marked token, and the attention
//! learns to look it up.

use crate::options::{Options, WIDE, random};
use anyhow::Result;
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{Init, Optimizer, VarMap};
use candlewick::gate::Gate;
use candlewick::metrics::r2;
use candlewick::nn::{QuantumAttention, QuantumAttentionConfig, SeededInit};
use candlewick::optim::{Adam, AdamConfig, Schedule};
use candlewick::plot::{Color, Figure, Matrix, Panel};
use candlewick::prelude::*;

const TOKENS: usize = 8;
const QUBITS: usize = 3;
const TRAINING: usize = 200;
const TEST: usize = 500;
const RATE: f64 = 0.05;

/// Returns sequences `[count, TOKENS, 2]` and targets `[count]`. A token has a value from -1 to 1 and a mark; the target
/// is the value of the one token that is marked.
fn sequences(count: usize, seed: u64) -> Result<(Tensor, Tensor)> {
    let values = random((count, TOKENS), Init::Uniform { lo: -1.0, up: 1.0 }, DType::F32, seed)?;
    let places = random(count, Init::Uniform { lo: 0.0, up: TOKENS as f64 }, DType::F32, seed + 100)?;
    let places = places.to_vec1::<f32>()?;
    let marks: Vec<f32> = places.iter().flat_map(|at| (0..TOKENS).map(|k| f32::from(k == *at as usize))).collect();
    let marks = Tensor::from_vec(marks, (count, TOKENS), &Device::Cpu)?;
    let targets = (&values * &marks)?.sum(1)?;
    Ok((Tensor::stack(&[values, marks], 2)?, targets))
}

pub(crate) fn run(options: &Options) -> Result<String> {
    let varmap = VarMap::new();
    let vb = SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu);
    let layer = |name: &str, outputs: usize| {
        let mut circuit = Circuit::new(QUBITS);
        for part in ["first", "second"] {
            circuit.angle_embedding(Gate::ry, (0..QUBITS).map(|q| input(q % 2)));
            circuit.strongly_entangling_layers(part, 2);
        }
        QuantumLayer::new(circuit, Measurement::expectation((0..outputs).map(Z)), vb.pp(name))
    };
    let config = QuantumAttentionConfig { residual: false, ..Default::default() };
    let (query, key, value) = (layer("query", QUBITS)?, layer("key", QUBITS)?, layer("value", 1)?);
    let attention = QuantumAttention::new(query, key, value, config)?;
    // The sequence's answer is the mean of all tokens' outputs.
    let answers = |x: &Tensor| attention.forward(x)?.mean((1, 2));

    let (x, y) = sequences(TRAINING, 1)?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(RATE))?;
    let steps = options.steps(300, 3);
    let schedule = Schedule::Cosine { steps: steps as u64, floor: 0.01 };
    for step in 0..steps {
        adam.set_learning_rate(RATE * schedule.factor(step as u64));
        adam.backward_step(&(answers(&x)? - &y)?.sqr()?.mean_all()?)?;
    }
    let (x, y) = sequences(TEST, 2)?;
    let found = answers(&x)?.detach();
    let weights = attention.weights(&x)?.detach();
    // Weight that a token gives to the marked one, on average.
    let on_mark = weights.matmul(&x.narrow(2, 1, 1)?.contiguous()?)?.mean_all()?.to_scalar::<f32>()?;
    let result = format!("R² on {TEST} sequences {:.4}, weight on the marked token {on_mark:.3}", r2(&found, &y)?);
    draw(options, &x, &weights, (&found, &y), &result)?;
    Ok(result)
}

/// Draws the weights of one sequence, and answers over targets.
fn draw(options: &Options, x: &Tensor, weights: &Tensor, (found, y): (&Tensor, &Tensor), result: &str) -> Result<()> {
    let tokens: Vec<Vec<f32>> = x.get(0)?.to_vec2()?;
    let name =
        |token: &Vec<f32>| format!("{:.1}{}", token[0], if token[1] > 0.0 { " *" } else { "" }).replace('-', "−");
    let names: Vec<String> = tokens.iter().map(name).collect();
    let weights = weights.get(0)?.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    let texts = weights.iter().map(|weight| format!("{weight:.2}")).collect();
    let (rows, columns) = (names.clone(), names);
    let matrix = Matrix { rows, columns, shades: weights, texts, color: Color::VIOLET, ..Matrix::default() };
    let seen = Panel::new("Weights of attention in one sequence").axes("key of token", "query of token").matrix(matrix);
    let numbers = |of: &Tensor| of.to_dtype(DType::F64)?.to_vec1::<f64>();
    let points: Vec<(f64, f64)> = numbers(y)?.into_iter().zip(numbers(found)?).collect();
    let answers = Panel::new("Answers of the test set")
        .axes("value of the marked token", "answer")
        .x_range(-1.1..1.1)
        .y_range(-1.1..1.1)
        .line("exact", Color::GRAY, &[(-1.1, -1.1), (1.1, 1.1)])
        .dots("sequence", Color::VIOLET, &points);
    let figure = Figure::new("Quantum attention finds the marked token");
    let figure = figure.note(format!("tokens are named by their values, * is the mark; {result}"));
    Ok(figure.panel(seen).panel(answers).frame(WIDE.0, WIDE.1).card().save(options.picture("attention"))?)
}
