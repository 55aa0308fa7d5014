//! Data re-uploading: one qubit tells three classes apart. Each class has a state of its own on the Bloch sphere.

use crate::options::{Options, random};
use anyhow::Result;
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{Init, Optimizer, VarMap, loss::cross_entropy};
use candlewick::metrics::accuracy;
use candlewick::nn::SeededInit;
use candlewick::optim::{Adam, AdamConfig, Schedule};
use candlewick::plot::{Color, Field, Figure, Panel};
use candlewick::prelude::*;
use std::f64::consts::{PI, TAU};

const LAYERS: usize = 8;
const CLASSES: usize = 3;
const TRAINING: usize = 600;
const TEST: usize = 3000;
const RATE: f64 = 0.05;
/// Points of the drawn grid in each direction.
const GRID: usize = 200;

/// Radii that cut the square from -1 to 1 into three parts of equal area: a disc, a ring and the corners.
fn radii() -> [f64; 2] {
    [1.0, 2.0].map(|thirds| (thirds * 4.0 / 3.0 / PI).sqrt())
}

/// Returns points in the square and their classes.
fn points(count: usize, seed: u64) -> Result<(Tensor, Tensor)> {
    let x = random((count, 2), Init::Uniform { lo: -1.0, up: 1.0 }, DType::F32, seed)?;
    let class = |point: Vec<f32>| radii().iter().filter(|r| f64::from(point[0].hypot(point[1])) > **r).count() as u32;
    let y: Vec<u32> = x.to_vec2::<f32>()?.into_iter().map(class).collect();
    Ok((x, Tensor::new(y, &Device::Cpu)?))
}

pub(crate) fn run(options: &Options) -> Result<String> {
    let mut circuit = Circuit::new(1);
    circuit.data_reuploading("layers", LAYERS, &[input(0), input(1)]);
    // The score of a class is the fidelity with its state, times a learnt scale, and a learnt bias.
    let scale = circuit.weights_with_init("scale", CLASSES, Init::Const(3.0));
    let bias = circuit.weights_with_init("bias", CLASSES, Init::Const(0.0));
    let scores = (0..CLASSES).map(|class| {
        let angle = TAU * class as f64 / CLASSES as f64;
        let fidelity = 0.5 * Observable::identity() + 0.5 * angle.cos() * Z(0) + 0.5 * angle.sin() * X(0);
        scale.at(class) * fidelity + bias.at(class) * Observable::identity()
    });
    let measurement = Measurement::expectation(scores.collect::<Vec<_>>());
    let varmap = VarMap::new();
    let vb = SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu);
    let model = QuantumLayer::new(circuit, measurement, vb)?;

    let (x, y) = points(TRAINING, 1)?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(RATE))?;
    let steps = options.steps(600, 10);
    let schedule = Schedule::Cosine { steps: steps as u64, floor: 0.01 };
    for step in 0..steps {
        adam.set_learning_rate(RATE * schedule.factor(step as u64));
        adam.backward_step(&cross_entropy(&model.forward(&x)?, &y)?)?;
    }
    let (unseen, truth) = points(TEST, 2)?;
    let found = accuracy(&model.forward_detached(&unseen)?, &truth)?;
    draw(options, &model, (&x, &y), found)?;
    let weights: usize = varmap.all_vars().iter().map(|var| var.elem_count()).sum();
    Ok(format!("three classes on one qubit, {LAYERS} layers, {weights} weights: test accuracy {found:.4}"))
}

/// Draws the regions of the three classes, and the points of the training set.
fn draw(options: &Options, model: &QuantumLayer, (x, y): (&Tensor, &Tensor), score: f64) -> Result<()> {
    let grid = Field::grid(-1.0..1.0, -1.0..1.0, GRID)?;
    let numbers: Vec<f32> = grid.iter().flatten().map(|value| *value as f32).collect();
    let found = model.forward_detached(&Tensor::from_vec(numbers, (GRID * GRID, 2), &Device::Cpu)?)?;
    let found = found.argmax(1)?.to_vec1::<u32>()?;
    let (x, y) = (x.to_vec2::<f32>()?, y.to_vec1::<u32>()?);
    let names = ["disc", "ring", "corners"];
    let colors = [Color::BLUE, Color::TEAL, Color::ORANGE];
    // The classes 0, 1 and 2 are blue, white and orange.
    let values = found.into_iter().map(f64::from).collect();
    let (x_range, y_range) = (-1.0..1.0, -1.0..1.0);
    let field =
        Field { x: x_range.clone(), y: y_range.clone(), columns: GRID, values, range: 0.0..2.0, ..Field::default() };
    let mut panel =
        Panel::new("").axes("feature 1", "feature 2").equal().x_range(x_range).y_range(y_range).field(field);
    for (class, name) in names.into_iter().enumerate() {
        let of_class = x.iter().zip(&y).filter(|(_, of)| **of as usize == class);
        let of_class: Vec<(f64, f64)> = of_class.map(|(at, _)| (f64::from(at[0]), f64::from(at[1]))).collect();
        panel = panel.diamonds(name, colors[class], &of_class);
    }
    for (k, radius) in radii().into_iter().enumerate() {
        let circle: Vec<(f64, f64)> = (0..=360)
            .map(|degree| f64::from(degree) * TAU / 360.0)
            .map(|angle| (radius * angle.cos(), radius * angle.sin()))
            .collect();
        panel = panel.line(if k == 0 { "true borders" } else { "" }, Color::INK, &circle);
    }
    let note = format!("shades: classes found (the ring is white); diamonds: training set; test accuracy {score:.4}");
    Ok(Figure::new("One qubit, three classes").note(note).panel(panel).card().save(options.picture("reuploading"))?)
}
