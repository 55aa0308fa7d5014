//! Transfer learning: a network that knows eight digits is frozen, and a dressed circuit on top of it learns to tell
//! the two others apart.

use crate::digits::digits;
use crate::options::Options;
use anyhow::Result;
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{Activation, Optimizer, Sequential, VarMap, linear, loss::cross_entropy, ops::softmax, seq};
use candlewick::data::{Dataset, Scaler};
use candlewick::metrics::accuracy;
use candlewick::nn::SeededInit;
use candlewick::optim::{Adam, AdamConfig};
use candlewick::plot::{Figure, Panel};
use candlewick::prelude::*;
use std::f64::consts::FRAC_PI_2;

const QUBITS: usize = 4;
const LAYERS: usize = 6;
const FEATURES: usize = 32;
/// Digits that the circuit tells apart; the network never sees them.
const NEW: [u32; 2] = [3, 8];
/// Images of the new digits to learn from.
const FEW: usize = 40;
/// Choices of these images over which accuracies are averaged.
const DRAWS: usize = 20;

/// Images `[n, 64]` and their classes.
type Images = (Tensor, Tensor);

/// Returns the images of some digits, whose places in the list are the classes.
fn of_digits(set: &Dataset, wanted: &[u32]) -> Result<Images> {
    let all = (0..).zip(set.y.to_vec1::<u32>()?);
    let found = all.filter_map(|(k, y)| Some((k, wanted.iter().position(|digit| *digit == y)? as u32)));
    let (places, classes): (Vec<u32>, Vec<u32>) = found.unzip();
    Ok((set.select(&places)?.x.flatten_from(1)?, Tensor::new(classes, &Device::Cpu)?))
}

/// Trains a model on all images at once.
fn train(
    model: impl Fn(&Tensor) -> candle_core::Result<Tensor>,
    varmap: &VarMap,
    (x, y): &Images,
    steps: usize,
) -> Result<()> {
    let mut adam = Adam::from_varmap(varmap, AdamConfig::with_learning_rate(0.01))?;
    for _ in 0..steps {
        adam.backward_step(&cross_entropy(&model(x)?, y)?)?;
    }
    Ok(())
}

/// Makes the dressed circuit: a linear layer on both sides of a circuit.
fn dressed(varmap: &VarMap) -> Result<Sequential> {
    let vb = SeededInit::new(2).var_builder(varmap, DType::F32, &Device::Cpu);
    let mut circuit = Circuit::new(QUBITS);
    let w = circuit.weights("w", (LAYERS, QUBITS));
    for q in 0..QUBITS {
        circuit.h(q).ry(FRAC_PI_2 * input(q), q);
    }
    for layer in 0..LAYERS {
        for q in (0..QUBITS - 1).step_by(2).chain((1..QUBITS - 1).step_by(2)) {
            circuit.cx(q, q + 1);
        }
        for q in 0..QUBITS {
            circuit.ry(w.at([layer, q]), q);
        }
    }
    let quantum = QuantumLayer::new(circuit, Measurement::expectation((0..QUBITS).map(Z)), vb.pp("quantum"))?;
    let before = linear(FEATURES, QUBITS, vb.pp("before"))?;
    let after = linear(QUBITS, NEW.len(), vb.pp("after"))?;
    Ok(seq().add(before).add_fn(|x| x.tanh()).add(quantum).add(after))
}

pub(crate) fn run(options: &Options) -> Result<String> {
    let [set, _, test] = digits(0.15, 1)?;
    let known: Vec<u32> = (0..10).filter(|digit| !NEW.contains(digit)).collect();
    let unseen = of_digits(&test, &NEW)?;
    let varmap = VarMap::new();
    let vb = SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu);
    let backbone = seq()
        .add(linear(64, 64, vb.pp("first"))?)
        .add(Activation::Relu)
        .add(linear(64, FEATURES, vb.pp("second"))?)
        .add(Activation::Relu);
    let head = linear(FEATURES, known.len(), vb.pp("head"))?;
    // Without a graph behind its features the network is frozen.
    let features = |images: &Tensor| -> Result<Tensor> { Ok(backbone.forward(images)?.detach()) };
    // Learns from a few images, and returns the outputs for the test set.
    let learn = |seed: u64| -> Result<Tensor> {
        let (few, classes) = of_digits(&set.shuffled(seed)?, &NEW)?;
        let few = features(&few.narrow(0, 0, FEW)?)?;
        let scaler = Scaler::standard(&few)?;
        let varmap = VarMap::new();
        let model = dressed(&varmap)?;
        let known = (scaler.apply(&few)?, classes.narrow(0, 0, FEW)?);
        train(|x| model.forward(x), &varmap, &known, options.steps(100, 5))?;
        Ok(model.forward(&scaler.apply(&features(&unseen.0)?)?)?.detach())
    };
    let draws = options.steps(DRAWS, 2) as u64;
    let mean = || -> Result<f64> {
        let scores = (0..draws).map(|seed| Ok(accuracy(&learn(seed)?, &unseen.1)?)).collect::<Result<Vec<_>>>()?;
        Ok(scores.iter().sum::<f64>() / draws as f64)
    };
    let untrained = mean()?;
    let whole = |x: &Tensor| head.forward(&backbone.forward(x)?);
    train(whole, &varmap, &of_digits(&set, &known)?, options.steps(80, 5))?;
    let trained = mean()?;
    draw(options, &unseen, &learn(0)?, trained)?;
    Ok(format!(
        "3 from 8 after {FEW} images: test accuracy {trained:.4}, mean of {draws} draws ({untrained:.4} before the network was trained)"
    ))
}

/// Draws images of the test set with the answers, wrong ones first.
fn draw(options: &Options, (x, y): &Images, outputs: &Tensor, score: f64) -> Result<()> {
    let probabilities = softmax(outputs, 1)?.to_vec2::<f32>()?;
    let images = x.to_dtype(DType::F64)?.to_vec2::<f64>()?;
    let mut rows: Vec<_> = images.into_iter().zip(y.to_vec1::<u32>()?).zip(probabilities).collect();
    rows.sort_by(|((_, a), p), ((_, b), q)| p[*a as usize].total_cmp(&q[*b as usize]));
    let mut figure = Figure::new("A dressed circuit on a frozen network").columns(6);
    figure = figure.note(format!(
        "test images of which the circuit was least sure: its answer and its probability; mean test accuracy {score:.4}"
    ));
    for ((image, class), p) in rows.into_iter().take(18) {
        let answer = usize::from(p[1] > p[0]);
        let sure = 100.0 * p[answer];
        let heading = match answer == class as usize {
            true => format!("{} ({sure:.0} %)", NEW[answer]),
            false => format!("wrong: {} ({sure:.0} %)", NEW[answer]),
        };
        figure = figure.panel(Panel::new(heading).image(8, &image));
    }
    Ok(figure.card().save(options.picture("transfer"))?)
}
