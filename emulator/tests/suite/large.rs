//! Groups as large as a GPU's, and states of several chunks: many words, more angles than a warp has threads.

use crate::lab::{Engine, close, run};
use crate::oracle::*;
use candle_core::{DType, Device as Place, Tensor};
use candlewick::__private::emulation::emulator;
use candlewick::functional;
use candlewick::prelude::*;
use candlewick_emulator::{Device, Order};
use candlewick_kernels::Dialect;
use std::sync::Arc;

/// As [`crate::engines::all`], with groups of up to 512 threads.
fn engines() -> Vec<Engine> {
    macro_rules! large {
        ($name:literal, $dtype:ident, $dialect:ident, $order:ident, $bits:literal) => {
            Engine {
                name: $name,
                dtype: DType::$dtype,
                device: || Place::Cpu,
                enter: |run| emulator::with(Arc::new(Device::large(Dialect::$dialect, Order::$order, $bits)), run),
            }
        };
    }
    let mut all = vec![
        large!("large f32, 13 bits", F32, CudaF32, Shuffled, 13),
        large!("large f64, 12 bits", F64, CudaF64, Shuffled, 12),
        large!("large f32, 11 bits", F32, CudaF32, Reversed, 11),
        large!("large metal, 10 bits", F32, Metal, Shuffled, 10),
    ];
    // Looking for races is slow.
    all.truncate(if cfg!(feature = "race") { 2 } else { all.len() });
    all
}

/// A sum of words that flip the same qubits, or of any.
fn sum(seed: u64, qubits: usize, flips: Option<usize>, words: usize) -> Observable {
    let mut rng = rng(seed);
    let flipped = |q: usize| flips.map(|every| q.is_multiple_of(every));
    let letter = |q: usize, rng: &mut _| match flipped(q) {
        Some(true) => ["X", "Y"][pick(rng, 2, 1)[0]],
        Some(false) => ["", "Z"][pick(rng, 2, 1)[0]],
        None => ["", "", "X", "Y", "Z"][pick(rng, 5, 1)[0]],
    };
    let word = |rng: &mut _| {
        let letters = (0..qubits).map(|q| (q, letter(q, rng))).filter(|(_, letter)| !letter.is_empty());
        letters.map(|(q, letter)| format!("{letter}{q}")).collect::<Vec<_>>().join(" ")
    };
    let coefficient = |k: usize| 0.1 * k as f64 / words as f64 - 0.03;
    Observable::pauli_sum(
        (0..words)
            .map(|k| (coefficient(k), word(&mut rng)))
            .collect::<Vec<_>>()
            .iter()
            .map(|(c, word)| (*c, word.as_str())),
    )
}

/// More words than a group has threads, words that differ in high bits alone, and words that are no series.
#[test]
fn many_words_on_states_of_several_chunks() {
    let sizes = if cfg!(feature = "race") { vec![(12, 1)] } else { vec![(9, 3), (12, 2), (14, 1)] };
    for (qubits, batch) in sizes {
        let case = random_case(190 + qubits as u64, qubits, 12, false);
        let mut rng = rng(17);
        let x: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, case.inputs)).collect();
        let w = uniform(&mut rng, case.weights);
        let pairs = (0..qubits).flat_map(|a| (0..a).map(move |b| 0.1 * Z(a) * Z(b))).sum();
        let all = [sum(1, qubits, Some(100), 600), sum(2, qubits, Some(3), 60), sum(3, qubits, None, 20), pairs];
        let measurements = [(Measurement::expectation(all.clone()), 4), (Measurement::variance(all[1..].to_vec()), 3)];
        for (measurement, width) in measurements {
            let c: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, width)).collect();
            let exact = run(&case, &measurement, &x, &w, &c, Engine::cpu(DType::F64));
            for engine in engines() {
                let tolerance = if engine.dtype == DType::F64 { 1e-10 } else { 1e-4 };
                let other = run(&case, &measurement, &x, &w, &c, engine);
                let what = |part| format!("{}, {qubits} qubits, {part}", engine.name);
                close(&what("y"), &other.outputs.concat(), &exact.outputs.concat(), tolerance);
                close(&what("dw"), &other.dw, &exact.dw, tolerance);
                close(&what("dx"), &other.dx.concat(), &exact.dx.concat(), tolerance);
            }
        }
    }
}

/// A NaN or an infinity in any of more angles than a warp has threads spoils its sample, or all, where sweeps do not read the outputs.
#[test]
fn an_angle_that_is_no_number_beyond_the_first_32() {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", 40);
    for k in 0..40 {
        circuit.ry(input(k), k % 2).cx(0, 1).rx(w.at([k]), k % 2).cz(0, 1);
    }
    let measurement = Measurement::probabilities([0, 1]);
    for k in [0, 31, 32, 39] {
        for of_weight in [false, true] {
            let number = |at: usize, own: bool| if at == k && own != of_weight { f64::NAN } else { 0.1 * at as f64 };
            let x: Vec<f64> = (0..80).map(|at| if at < 40 { number(at, true) } else { 0.3 }).collect();
            let x = Tensor::from_vec(x, (2, 40), &Place::Cpu).unwrap();
            let w: Vec<f64> = (0..40).map(|at| number(at, false)).collect();
            let w = Tensor::from_vec(w, 40, &Place::Cpu).unwrap();
            let spoiled = [true, of_weight];
            for engine in engines() {
                let (x, w) = (x.to_dtype(engine.dtype).unwrap(), w.to_dtype(engine.dtype).unwrap());
                let mut rows = Vec::new();
                (engine.enter)(&mut || {
                    let y = functional::evaluate(&circuit, &measurement, Some(&x), &[("w", &w)]).unwrap();
                    rows = y.to_dtype(DType::F64).unwrap().to_vec2::<f64>().unwrap();
                });
                for (row, spoiled) in rows.iter().zip(spoiled) {
                    assert!(row.iter().all(|p| p.is_nan() == spoiled), "{}, angle {k}: {rows:?}", engine.name);
                }
            }
        }
    }
}
