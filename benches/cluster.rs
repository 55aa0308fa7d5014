//! A step of the timed workloads e and f, value and gradient, on a state that processes share: the median on the first.
//!
//! ```text
//! cargo bench --features mpi --bench cluster --no-run     # prints the program's path
//! RAYON_NUM_THREADS=2 PROGRAM --bench                     # without and with a cluster of one
//! RAYON_NUM_THREADS=1 mpirun -n 2 PROGRAM --bench
//! ```

mod cases;

use candle_core::{DType, Device, Module, Tensor};
use candle_nn::VarMap;
use candlewick::cluster::Cluster;
use candlewick::nn::SeededInit;
use candlewick::prelude::*;
use cases::{CASES, circuit};
use std::process::ExitCode;
use std::time::Instant;

/// Steps that are timed, in turns of all configurations.
const TURNS: usize = 15;

fn layer(case: (&str, usize, usize, usize), config: QuantumLayerConfig) -> candlewick::Result<QuantumLayer> {
    let (_, qubits, layers, _) = case;
    let varmap = VarMap::new();
    let vb = SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu);
    QuantumLayer::with_config(circuit(qubits, layers), Measurement::expectation((0..qubits).map(Z)), config, vb)
}

fn run(cluster: &Cluster) -> candlewick::Result<()> {
    for case in CASES.into_iter().filter(|case| ["e", "f"].contains(&case.0)) {
        let (name, qubits, _, batch) = case;
        let shared = |shards| QuantumLayerConfig { cluster: Some(cluster.clone()), shards, ..Default::default() };
        let mut configs = vec![("shared", shared(None))];
        if cluster.ranks() == 1 {
            configs.push(("2 shards", shared(Some(2))));
            configs.push(("without a cluster", QuantumLayerConfig::default()));
        }
        let mut times = vec![Vec::new(); configs.len()];
        let layers: Vec<_> =
            configs.iter().map(|(_, config)| layer(case, config.clone())).collect::<candlewick::Result<_>>()?;
        let x = Tensor::new(0.3f32, &Device::Cpu)?.broadcast_as((batch, qubits))?.contiguous()?;
        let x = candle_core::Var::from_tensor(&x)?;
        for _ in 0..TURNS {
            for (layer, times) in layers.iter().zip(&mut times) {
                let start = Instant::now();
                layer.forward(&x)?.sum_all()?.backward()?;
                times.push(1e3 * start.elapsed().as_secs_f64());
            }
        }
        for ((what, _), times) in configs.iter().zip(&mut times) {
            times.sort_by(f64::total_cmp);
            if cluster.is_first() {
                println!("{name}, {} processes, {what}: {:.2} ms", cluster.ranks(), times[TURNS / 2]);
            }
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match Cluster::from_mpi() {
        Ok(cluster) => cluster.report(run(&cluster)),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
