//! Kernel alignment: a circuit's kernel is trained until it agrees with the labels.

use crate::options::{Options, WIDE, random};
use anyhow::Result;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{Init, Optimizer};
use candlewick::optim::{Adam, AdamConfig, Schedule};
use candlewick::plot::{Color, Field, Figure, Matrix, Panel};
use candlewick::prelude::*;
use candlewick::states::{self, KernelRidge};
use std::f64::consts::TAU;

const QUBITS: usize = 5;
const LAYERS: usize = 4;
const SECTORS: f64 = 4.0;
const TRAINING: usize = 100;
const TEST: usize = 1000;
const RIDGE: f64 = 0.1;
const RATE: f64 = 0.1;
/// Points of the drawn grid in each direction.
const GRID: usize = 80;

/// Returns points in a disc and their classes, 1 and -1: sectors in turns, and the other way round in the middle.
fn cake(count: usize, seed: u64) -> Result<(Tensor, Vec<f64>)> {
    let numbers = random((count, 2), Init::Uniform { lo: 0.0, up: 1.0 }, DType::F64, seed)?.to_vec2::<f64>()?;
    let point = |row: &Vec<f64>| {
        let (radius, angle) = (row[0].sqrt(), TAU * row[1]);
        let odd = (SECTORS * row[1]) as usize % 2 == 1;
        ([radius * angle.cos(), radius * angle.sin()], if odd == (radius < 0.5f64.sqrt()) { 1.0 } else { -1.0 })
    };
    let (x, y): (Vec<[f64; 2]>, Vec<f64>) = numbers.iter().map(point).unzip();
    Ok((Tensor::from_vec(x.concat(), (count, 2), &Device::Cpu)?, y))
}

/// Fits a classifier on the kernel of some weights.
struct Classifier<'a> {
    circuit: &'a Circuit,
    weights: &'a Tensor,
    x: &'a Tensor,
    ridge: KernelRidge,
}

impl<'a> Classifier<'a> {
    fn fit(circuit: &'a Circuit, weights: &'a Tensor, x: &'a Tensor, y: &Tensor) -> Result<Self> {
        let kernel = states::kernel(circuit, x, None, &[("w", weights)])?;
        Ok(Self { circuit, weights, x, ridge: KernelRidge::fit(&kernel, y, RIDGE)? })
    }

    fn predict(&self, unseen: &Tensor) -> Result<Vec<f64>> {
        let between = states::kernel(self.circuit, unseen, Some(self.x), &[("w", self.weights)])?;
        Ok(self.ridge.predict(&between)?.to_vec1()?)
    }

    fn accuracy(&self, unseen: &Tensor, truth: &[f64]) -> Result<f64> {
        let right = self.predict(unseen)?.iter().zip(truth).filter(|(found, y)| *found * *y > 0.0).count();
        Ok(right as f64 / truth.len() as f64)
    }
}

pub(crate) fn run(options: &Options) -> Result<String> {
    let mut circuit = Circuit::new(QUBITS);
    let w = circuit.weights("w", (LAYERS, 3, QUBITS));
    for layer in 0..LAYERS {
        for q in 0..QUBITS {
            circuit.h(q).rz(w.at([layer, 2, q]) * input((layer + q) % 2), q).ry(w.at([layer, 0, q]), q);
        }
        for q in 0..QUBITS {
            circuit.crz(w.at([layer, 1, q]), q, (q + 1) % QUBITS);
        }
    }
    let (x, classes) = cake(TRAINING, 1)?;
    let y = Tensor::new(classes.as_slice(), &Device::Cpu)?;
    let start = random((LAYERS, 3, QUBITS), Init::Uniform { lo: 0.0, up: TAU }, DType::F64, 4)?;
    let trained = Var::from_tensor(&start)?;
    let alignment = || states::kernel_alignment(&states::kernel(&circuit, &x, None, &[("w", &trained)])?, &y);
    let before = alignment()?.to_scalar::<f64>()?;
    let mut adam = Adam::new(vec![trained.clone()], AdamConfig::with_learning_rate(RATE))?;
    let steps = options.steps(300, 5);
    let schedule = Schedule::Cosine { steps: steps as u64, floor: 0.01 };
    for step in 0..steps {
        adam.set_learning_rate(RATE * schedule.factor(step as u64));
        adam.backward_step(&alignment()?.neg()?)?;
    }
    let after = alignment()?.to_scalar::<f64>()?;
    let (unseen, truth) = cake(TEST, 2)?;
    let end = trained.as_tensor().detach();
    let models = [Classifier::fit(&circuit, &start, &x, &y)?, Classifier::fit(&circuit, &end, &x, &y)?];
    let [first, last] = [models[0].accuracy(&unseen, &truth)?, models[1].accuracy(&unseen, &truth)?];
    draw(options, &models, &classes, [(before, first), (after, last)])?;
    Ok(format!(
        "alignment {before:.3} to {after:.3}, test accuracy of a classifier on the kernel {first:.3} to {last:.3}"
    ))
}

/// Draws kernel matrices and decisions, before training and after it.
fn draw(options: &Options, models: &[Classifier<'_>; 2], classes: &[f64], scores: [(f64, f64); 2]) -> Result<()> {
    let mut figure = Figure::new("A kernel learns its labels").note(format!(
        "above: kernel of {TRAINING} training points of a cake, sorted by class; below: decisions of a ridge classifier"
    ));
    let mut order: Vec<u32> = (0..TRAINING as u32).collect();
    order.sort_by(|a, b| classes[*a as usize].total_cmp(&classes[*b as usize]));
    let names = ["random angles", "after training"];
    for ((model, name), (alignment, _)) in models.iter().zip(names).zip(scores) {
        let sorted = model.x.index_select(&Tensor::new(order.as_slice(), &Device::Cpu)?, 0)?;
        let kernel = states::kernel(model.circuit, &sorted, None, &[("w", model.weights)])?;
        let shades = kernel.flatten_all()?.to_vec1::<f64>()?;
        let axis: Vec<String> = vec![String::new(); TRAINING];
        let matrix = Matrix {
            rows: axis.clone(),
            columns: axis,
            shades,
            color: Color::VIOLET,
            is_linear: true,
            ..Matrix::default()
        };
        let panel = Panel::new(format!("{name}: alignment {alignment:.3}"));
        figure = figure.panel(panel.axes("training point", "training point").matrix(matrix).color_bar("kernel"));
    }
    let points = models[0].x.to_vec2::<f64>()?;
    for (model, (_, accuracy)) in models.iter().zip(scores) {
        let range = -1.1..1.1;
        let grid = Field::grid(range.clone(), range.clone(), GRID)?.concat();
        let grid = Tensor::from_vec(grid, (GRID * GRID, 2), &Device::Cpu)?;
        let values = model.predict(&grid)?;
        let colors = [Color::BLUE, Color::ORANGE];
        let (x, y) = (range.clone(), range.clone());
        let field = Field { x, y, columns: GRID, values, range: -1.0..1.0, colors, line: true, ..Field::default() };
        let mut panel = Panel::new(format!("test accuracy {accuracy:.3}"));
        panel = panel.axes("feature 1", "feature 2").equal().x_range(range.clone()).y_range(range).field(field);
        for (class, name) in [(-1.0, "class −1"), (1.0, "class 1")] {
            let of_class = points.iter().zip(classes).filter(|(_, y)| **y == class);
            let of_class: Vec<(f64, f64)> = of_class.map(|(at, _)| (at[0], at[1])).collect();
            panel = panel.diamonds(name, if class < 0.0 { Color::BLUE } else { Color::ORANGE }, &of_class);
        }
        figure = figure.panel(panel.color_bar("prediction"));
    }
    Ok(figure.frame(WIDE.0, WIDE.1).card().save(options.picture("kernel_alignment"))?)
}
