//! Cases of states and batches that processes share: the same bits for any number of processes.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarMap;
use candlewick::Result;
use candlewick::cluster::Cluster;
use candlewick::error::{ClusterError, Error};
use candlewick::nn::SeededInit;
use candlewick::optim::{Adam, AdamConfig};
use candlewick::prelude::*;
use candlewick::train::{TrainConfig, Training};

const QUBITS: usize = 8;

fn circuit(qubits: usize) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    (0..qubits).for_each(|q| _ = circuit.ry(input(q % 3), q));
    circuit.strongly_entangling_layers("w", 2);
    circuit.ccx(0, qubits - 1, 2);
    circuit
}

fn layer(varmap: &VarMap, qubits: usize, config: QuantumLayerConfig) -> Result<QuantumLayer> {
    let vb = SeededInit::new(3).var_builder(varmap, DType::F32, &Device::Cpu);
    let measurement = Measurement::expectation([Z(0), X(1) * X(qubits - 1), Y(0) * Z(2)]);
    QuantumLayer::with_config(circuit(qubits), measurement, config, vb.pp("q"))
}

/// Hash of the bits of some numbers.
fn bits(tensors: &[&Tensor]) -> Result<String> {
    let mut hash = 0u64;
    for tensor in tensors {
        for number in tensor.flatten_all()?.to_vec1::<f32>()? {
            hash = hash.wrapping_mul(0x100_0000_01b3) ^ u64::from(number.to_bits());
        }
    }
    Ok(format!("{hash:016x}"))
}

/// Three processes share no state, so that each has one of its own.
fn group(cluster: &Cluster) -> Result<Cluster> {
    if cluster.ranks().is_power_of_two() { Ok(cluster.clone()) } else { cluster.split(1) }
}

/// A state in four shards.
pub(crate) fn states(cluster: &Cluster) -> Result<String> {
    let config = QuantumLayerConfig { cluster: Some(group(cluster)?), shards: Some(4), ..Default::default() };
    let varmap = VarMap::new();
    let layer = layer(&varmap, QUBITS, config)?;
    let x = Var::from_tensor(&Tensor::new(&[[0.3f32, -1.0, 0.7], [0.1, 0.2, -0.4]], &Device::Cpu)?)?;
    let y = layer.try_forward(&x)?;
    let gradients = y.sqr()?.sum_all()?.backward()?;
    let (_, weights) = layer.weights().next().expect("weights");
    let of = |tensor: &Tensor| gradients.get(tensor).expect("a gradient").clone();
    let samples = layer.sample(Some(&x), 100)?.to_dtype(DType::F32)?;
    bits(&[&y, &of(&x), &of(weights), &samples])
}

/// Weights after twelve steps, in micro-batches.
pub(crate) fn batches(cluster: &Cluster) -> Result<String> {
    let varmap = VarMap::new();
    let layer = layer(&varmap, 4, QuantumLayerConfig::default())?;
    let x = Tensor::arange(0f32, 72.0, &Device::Cpu)?.reshape((24, 3))?.sin()?;
    let y = x.cos()?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(0.05))?;
    let (cluster, micro_batches) = (Some(cluster.clone()), 8);
    let config = TrainConfig { epochs: 4, batch_size: 9, cluster, micro_batches, ..Default::default() };
    Training::new(&layer, &varmap, &mut adam, candle_nn::loss::mse, config).run((&x, &y), None)?;
    let (_, weights) = layer.weights().next().expect("weights");
    bits(&[weights])
}

/// A circuit that is another one on the last process.
pub(crate) fn circuits(cluster: &Cluster) -> Result<String> {
    let (rank, ranks) = (cluster.rank(), cluster.ranks());
    let qubits = if rank > 0 && rank + 1 == ranks { QUBITS + 1 } else { QUBITS };
    let config = QuantumLayerConfig { cluster: Some(cluster.clone()), shards: Some(4), ..Default::default() };
    match layer(&VarMap::new(), qubits, config) {
        Ok(_) if ranks == 1 => {}
        Err(Error::Cluster(ClusterError::Ranks { ranks: 3 })) if ranks == 3 => {}
        Err(Error::Cluster(ClusterError::Differs { rank, .. })) if rank + 1 == ranks => {}
        other => panic!("{other:?}"),
    }
    Ok("told".to_owned())
}
