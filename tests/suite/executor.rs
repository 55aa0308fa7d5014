//! Programs outside that run circuits: values and gradients through them, and every way in which they fail.

#[cfg(unix)]
mod commands;
mod layers;
mod refused;

use candle_core::{DType, Device, Tensor};
use candlewick::executor::{Counts, Executor};
use candlewick::prelude::*;
use candlewick::qasm::{self, Bit};
use candlewick::{Result, Simulation, functional};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Executor that reads the text again and samples it by the probabilities of this crate's own engine, one shot at a
/// time.
#[derive(Debug, Default)]
struct Own {
    runs: AtomicUsize,
    texts: Mutex<Vec<String>>,
}

impl Own {
    /// Number of texts since the last call.
    fn runs(&self) -> usize {
        self.runs.swap(0, Ordering::Relaxed)
    }

    /// Texts since the last call.
    fn texts(&self) -> Vec<String> {
        std::mem::take(&mut self.texts.lock().expect("no panic holds it"))
    }
}

impl Executor for Own {
    fn run(&self, program: &str, shots: usize, seed: u64) -> Result<Counts> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.texts.lock().expect("no panic holds it").push(program.to_owned());
        assert!(seed < 1 << 53);
        let imported = qasm::import(program)?;
        let [register] = &imported.bits[..] else { panic!("{program}") };
        assert_eq!(register.name, "c");
        let qubit = |bit: &Bit| match bit {
            Bit::Qubit(qubit) => *qubit,
            other => panic!("{other:?}: {program}"),
        };
        let qubits: Vec<usize> = register.bits.iter().map(qubit).collect();
        let x = Tensor::zeros((1, 1), DType::F64, &Device::Cpu)?;
        let measured = Measurement::probabilities(qubits.iter().copied());
        let p = functional::evaluate(&imported.circuit.with_inputs(1), &measured, Some(&x), &[])?;
        let p = p.flatten_all()?.to_vec1::<f64>()?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let draw = |_| {
            let mut left = rng.random::<f64>();
            let outcome = p.iter().position(|p| {
                left -= p;
                left < 0.0
            });
            (format!("{:01$b}", outcome.unwrap_or(p.len() - 1), qubits.len()), 1)
        };
        Counts::new((0..shots).map(draw).collect::<Vec<_>>())
    }
}

/// Options of a layer that runs through an executor.
fn through(executor: &Arc<impl Executor + 'static>, shots: usize) -> QuantumLayerConfig {
    let simulation = Simulation::External(Arc::clone(executor) as Arc<dyn Executor>);
    QuantumLayerConfig { simulation, shots: Some(shots), ..Default::default() }
}
