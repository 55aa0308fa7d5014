//! A patch GAN: four small circuits draw a quarter of an image each, against a classical discriminator.

use crate::digits::digits;
use crate::options::{Options, random};
use anyhow::Result;
use candle_core::{D, DType, Device, Module, Tensor, Var};
use candle_nn::{Activation, Init, Optimizer, VarMap, linear, seq};
use candlewick::nn::{SeededInit, loss::binary_cross_entropy_with_logits as cross_entropy};
use candlewick::optim::{Adam, AdamConfig};
use candlewick::plot::{Figure, Panel};
use candlewick::{functional, prelude::*};
use std::f64::consts::{FRAC_PI_2, TAU};

const PATCHES: usize = 4;
/// Qubits of a generator, the last of which is the ancilla.
const QUBITS: usize = 5;
const LAYERS: usize = 6;
const PIXELS: usize = 64;
const BATCH: usize = 16;
/// Images that are judged.
const JUDGED: usize = 200;
/// Images in a row of the picture.
const SHOWN: usize = 8;

struct Generator {
    circuit: Circuit,
    measurement: Measurement,
    /// Weights of all patches: an ensemble of circuits.
    weights: Var,
}

impl Generator {
    fn new() -> Result<Self> {
        let mut circuit = Circuit::new(QUBITS);
        let w = circuit.weights("w", (LAYERS, QUBITS));
        for q in 0..QUBITS {
            circuit.ry(input(q), q);
        }
        for layer in 0..LAYERS {
            for q in 0..QUBITS {
                circuit.ry(w.at([layer, q]), q);
            }
            for q in 0..QUBITS - 1 {
                circuit.cz(q, q + 1);
            }
        }
        // Post-selection of the ancilla makes the map from noise to pixels non-linear.
        let measurement = Measurement::probabilities(0..QUBITS - 1).postselect([(QUBITS - 1, false)]);
        let init = Init::Uniform { lo: 0.0, up: TAU };
        let weights = Var::from_tensor(&random((PATCHES, LAYERS, QUBITS), init, DType::F32, 1)?)?;
        Ok(Self { circuit, measurement, weights })
    }

    /// Draws images from noise, `[count, PIXELS]`.
    fn images(&self, count: usize, seed: u64) -> Result<Tensor> {
        let noise = random((count, QUBITS), Init::Uniform { lo: 0.0, up: FRAC_PI_2 }, DType::F32, seed)?;
        let outputs = functional::evaluate(&self.circuit, &self.measurement, Some(&noise), &[("w", &self.weights)])?;
        let patches = outputs.narrow(2, 0, PIXELS / PATCHES)?; // the last output is the probability of the ancilla's 0
        let patches = patches.broadcast_div(&patches.max_keepdim(D::Minus1)?)?;
        Ok(patches.transpose(0, 1)?.reshape((count, PIXELS))?)
    }
}

/// Returns the mean Euclidean distance of images from the nearest real image other than themselves.
fn distance(images: &Tensor, real: &Tensor) -> Result<f64> {
    let squares = images.unsqueeze(1)?.broadcast_sub(&real.unsqueeze(0)?)?.sqr()?.sum(2)?;
    let rows = squares.to_vec2::<f32>()?;
    let nearest = rows.iter().map(|row| row.iter().copied().filter(|d| *d > 0.0).fold(f32::INFINITY, f32::min).sqrt());
    Ok(f64::from(nearest.sum::<f32>()) / rows.len() as f64)
}

pub(crate) fn run(options: &Options) -> Result<String> {
    let [train, ..] = digits(0.15, 1)?;
    let zeros: Vec<u32> = (0..).zip(train.y.to_vec1::<u32>()?).filter(|(_, y)| *y == 0).map(|(k, _)| k).collect();
    let real = train.select(&zeros)?.x.flatten_from(1)?;
    let generator = Generator::new()?;
    let varmap = VarMap::new();
    let vb = SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu);
    let discriminator = seq()
        .add(linear(PIXELS, 64, vb.pp("first"))?)
        .add(Activation::LeakyRelu(0.2))
        .add(linear(64, 16, vb.pp("second"))?)
        .add(Activation::LeakyRelu(0.2))
        .add(linear(16, 1, vb.pp("third"))?);

    // Two optimisers, each with its own variables.
    let config = |learning_rate| AdamConfig { beta1: 0.5, learning_rate, ..Default::default() };
    let mut of_generator = Adam::new(vec![generator.weights.clone()], config(0.005))?;
    let mut of_discriminator = Adam::from_varmap(&varmap, config(0.0005))?;
    let real_label = Tensor::ones((BATCH, 1), DType::F32, &Device::Cpu)?;
    let fake_label = real_label.zeros_like()?;
    let steps = options.steps(1000, 20);
    let mut shown = Vec::new();
    for step in 0..=steps {
        if step % (steps / 4) == 0 {
            shown.push((step, generator.images(SHOWN, 0)?.detach()));
        }
        let chosen = random(BATCH, Init::Uniform { lo: 0.0, up: zeros.len() as f64 }, DType::F32, step as u64)?;
        let batch = real.index_select(&chosen.to_dtype(DType::U32)?, 0)?;
        let drawn = generator.images(BATCH, 1 + step as u64)?;
        let on_real = cross_entropy(&discriminator.forward(&batch)?, &real_label)?;
        let on_fake = cross_entropy(&discriminator.forward(&drawn.detach())?, &fake_label)?;
        of_discriminator.backward_step(&(on_real + on_fake)?)?;
        of_generator.backward_step(&cross_entropy(&discriminator.forward(&drawn)?, &real_label)?)?;
    }
    let start = distance(&Generator::new()?.images(JUDGED, 0)?, &real)?;
    let end = distance(&generator.images(JUDGED, 0)?, &real)?;
    draw(options, &real, &shown, [start, end])?;
    Ok(format!(
        "distance from the nearest real image {start:.2} to {end:.2} (real images among themselves: {:.2})",
        distance(&real, &real)?
    ))
}

/// Draws images of the generator in the course of the training, and real ones.
fn draw(options: &Options, real: &Tensor, shown: &[(usize, Tensor)], [start, end]: [f64; 2]) -> Result<()> {
    let mut figure = Figure::new("A patch GAN draws zeros").columns(SHOWN);
    let steps = shown.iter().map(|(step, _)| step.to_string()).collect::<Vec<_>>().join(", ");
    figure = figure.note(format!(
        "rows: after {steps} steps; the last row is real; mean distance from the nearest real image: {start:.2} to {end:.2}"
    ));
    for images in shown.iter().map(|(_, images)| images).chain([real]) {
        for image in images.narrow(0, 0, SHOWN)?.to_dtype(DType::F64)?.to_vec2::<f64>()? {
            figure = figure.panel(Panel::new("").image(8, &image));
        }
    }
    Ok(figure.card().save(options.picture("patch_gan"))?)
}
