//! Times of the workloads a to f on the device, beside the predicted ones and the CPU's.

use crate::circuits::{CASES, circuit};
use crate::{device, engines};
use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Module, Tensor, Var};
use candle_nn::VarBuilder;
use candlewick::prelude::*;
use candlewick_emulator::roofline;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A timed workload: its circuit and its numbers.
pub(crate) struct Workload {
    name: &'static str,
    qubits: usize,
    layers: usize,
    batch: usize,
}

/// A workload whose tensors are on a device.
pub(crate) struct Placed {
    layer: QuantumLayer,
    device: Device,
    x: Var,
    w: Var,
    c: Tensor,
}

/// Outputs, and gradients in inputs and weights.
pub(crate) struct Step([Tensor; 3]);

impl Step {
    /// Says how far the numbers are from others, relative to the largest of each.
    pub(crate) fn beside(&self, exact: &Self) -> Result<String> {
        let [y, x, w] = self.differences(exact)?;
        Ok(format!(
            "largest relative difference from the CPU: outputs {y:.1e}, gradients in inputs {x:.1e}, in weights {w:.1e}"
        ))
    }

    /// Prints the sums of the sizes of outputs and gradients, which show whether another system computes the same.
    fn sums(&self) -> Result<String> {
        let sum = |tensor: &Tensor| -> Result<f64> {
            Ok(tensor.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.abs()?.sum_all()?.to_scalar()?)
        };
        let sums = self.0.iter().map(|tensor| Ok(short(sum(tensor)?))).collect::<Result<Vec<_>>>()?;
        Ok(sums.join(" / "))
    }

    fn differences(&self, exact: &Self) -> Result<[f32; 3]> {
        let mut all = [f32::NAN; 3];
        for (difference, (found, exact)) in all.iter_mut().zip(self.0.iter().zip(&exact.0)) {
            let found = found.to_device(&Device::Cpu)?;
            let off: f32 = (found - exact)?.abs()?.max_all()?.to_scalar()?;
            *difference = off / exact.abs()?.max_all()?.to_scalar::<f32>()?;
        }
        Ok(all)
    }
}

impl Workload {
    /// Looks a workload up by its letter.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let found = CASES.into_iter().find(|(letter, ..)| *letter == name);
        let (name, qubits, layers, batch) = found.with_context(|| format!("there is no workload `{name}`"))?;
        Ok(Self { name, qubits, layers, batch })
    }

    /// Puts it on a device. The numbers are the same on each.
    pub(crate) fn on(&self, device: &Device) -> Result<Placed> {
        let numbers = |shape: &[usize], step: f64| {
            let count = shape.iter().product::<usize>();
            let values: Vec<f32> = (0..count).map(|k| (3.0 * (step * (k + 1) as f64).sin()) as f32).collect();
            Tensor::from_vec(values, shape, device)
        };
        let Self { qubits, layers, batch, .. } = *self;
        let w = Var::from_tensor(&numbers(&[layers, qubits, 3], 0.7)?)?;
        let weights = HashMap::from([("theta".to_owned(), w.as_tensor().clone())]);
        let vb = VarBuilder::from_tensors(weights, DType::F32, device);
        let measurement = Measurement::expectation((0..qubits).map(Z));
        let layer = QuantumLayer::new(circuit(qubits, layers), measurement, vb)?;
        let [x, c] = [1.3, 2.1].map(|step| numbers(&[batch, qubits], step));
        Ok(Placed { layer, device: device.clone(), x: Var::from_tensor(&x?)?, w, c: c? })
    }
}

impl Placed {
    fn forward(&self) -> Result<Tensor> {
        Ok(self.layer.forward_detached(&self.x)?)
    }

    pub(crate) fn step(&self) -> Result<Step> {
        let y = self.layer.forward(&self.x)?;
        let gradients = (&y * &self.c)?.sum_all()?.backward()?;
        let gradient = |of: &Var| gradients.get(of).cloned().context("a gradient");
        Ok(Step([y.detach(), gradient(&self.x)?, gradient(&self.w)?]))
    }

    /// Measures microseconds of a call: the median of calls that each wait for the device, and the mean of calls that queue up behind
    /// each other.
    fn time<R>(&self, limit: Duration, call: impl Fn() -> Result<R>) -> Result<[f64; 2]> {
        let waited = || -> Result<f64> {
            let start = Instant::now();
            let result = call()?;
            self.device.synchronize()?;
            drop(result);
            Ok(start.elapsed().as_secs_f64() * 1e6)
        };
        // Kernels are loaded, and memory is taken, by the first calls.
        let start = Instant::now();
        waited()?;
        while start.elapsed() < limit / 4 {
            waited()?;
        }
        let (start, mut each) = (Instant::now(), vec![waited()?]);
        while start.elapsed() < limit / 2 {
            each.push(waited()?);
        }
        each.sort_by(f64::total_cmp);
        let median = each[each.len() / 2];
        let count = (limit.as_secs_f64() * 1e6 / 4.0 / median).clamp(1.0, 1000.0) as usize;
        let start = Instant::now();
        (0..count).try_for_each(|_| call().map(drop))?;
        self.device.synchronize()?;
        Ok([median, start.elapsed().as_secs_f64() * 1e6 / count as f64])
    }
}

/// Formats a number with four significant digits.
fn short(number: f64) -> String {
    let decimals = (3 - number.max(1e-9).log10().floor() as i32).clamp(0, 4) as usize;
    format!("{number:.decimals$}")
}

/// Number of threads of the CPU engine, as far as the environment says.
fn threads() -> String {
    std::env::var("RAYON_NUM_THREADS").unwrap_or_else(|_| "all".to_owned())
}

/// Prints a table as Markdown, a row as soon as it is measured.
pub(crate) fn run(cases: &str, seconds: f64) -> Result<()> {
    let limit = Duration::try_from_secs_f64(seconds).context("the seconds for each time")?;
    println!("{}; f32, microseconds: a call that waits for the device / calls in a queue\n", device::describe()?);
    println!(
        "| case | forward | predicted | gradient, forward included | predicted | CPU, {} threads | off by | sums |",
        threads()
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut wrong = Vec::new();
    for letter in cases.chars() {
        let workload = Workload::named(&letter.to_string())?;
        let on_cpu = workload.on(&Device::Cpu)?;
        let exact = on_cpu.step()?;
        let predicted = roofline::predict(None, || drop(on_cpu.step()));
        let [forward, reverse] = &predicted[..] else { bail!("a step is two plans") };
        let (forward_us, gradient_us) = (forward.microseconds, forward.microseconds + reverse.microseconds);
        let [cpu, _] = on_cpu.time(limit / 2, || on_cpu.step())?;
        let there = workload.on(&engines::device())?;
        let off = engines::on_device(|| there.step())?.differences(&exact)?;
        let forward = engines::on_device(|| there.time(limit, || there.forward()))?;
        let gradient = engines::on_device(|| there.time(limit, || there.step()))?;
        let largest = off.iter().fold(0.0, |most: f32, off| if off.is_nan() { *off } else { most.max(*off) });
        println!(
            "| {} | {} / {} | {} | {} / {} | {} | {} | {largest:.0e} | {} |",
            workload.name,
            short(forward[0]),
            short(forward[1]),
            short(forward_us),
            short(gradient[0]),
            short(gradient[1]),
            short(gradient_us),
            short(cpu),
            exact.sums()?,
        );
        // F32 on both sides; sums of a batch of 1024 in other orders.
        if largest.is_nan() || largest >= 1e-3 {
            wrong.push(workload.name);
        }
    }
    ensure!(wrong.is_empty(), "wrong numbers on the device: {}", wrong.join(", "));
    Ok(())
}
