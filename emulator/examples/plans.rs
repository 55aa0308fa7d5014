//! Lists the launches of a forward pass and of a gradient that the timed workloads would be on an H200, and predicts their times. No kernel
//! runs.
//!
//! ```text
//! cargo run --release -p candlewick-emulator --example plans -- [CASE ..] [BITS OF A TILE]
//! ```

#[path = "../../benches/cases/mod.rs"]
mod cases;

use candle_core::{DType, Device, Module, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use candlewick::prelude::*;
use candlewick_emulator::roofline::predict;

/// Runs a forward pass and a gradient of a case.
fn step(qubits: usize, layers: usize, batch: usize) {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
    let measurement = Measurement::expectation((0..qubits).map(Z));
    let layer = QuantumLayer::new(cases::circuit(qubits, layers), measurement, vb).expect("a valid circuit");
    let x = Var::rand(-3f32, 3., (batch, qubits), &Device::Cpu).expect("inputs");
    let y: Tensor = layer.forward(&x).expect("a plan");
    y.sum_all().and_then(|loss| loss.backward()).expect("a plan");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let tile_bits = arguments.iter().find_map(|argument| argument.parse().ok());
    let wanted: Vec<&String> = arguments.iter().filter(|argument| argument.parse::<usize>().is_err()).collect();
    for (name, qubits, layers, batch) in cases::CASES {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| *wanted == name) {
            continue;
        }
        println!("{name}: {qubits} qubits, {layers} layers, batch {batch}");
        for plan in predict(tile_bits, || step(qubits, layers, batch)) {
            for (line, time, count) in &plan.launches {
                println!("    {count:3} x {time:7.1} us  {line}");
            }
            println!("  {} launches, {:.1} MB, {:.0} us", plan.count(), plan.bytes as f64 / 1e6, plan.microseconds);
        }
    }
}
