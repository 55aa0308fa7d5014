//! States that members of a group share, with threads as members.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{Module, VarBuilder, VarMap};
use candlewick::cluster::Cluster;
use candlewick::error::{ClusterError, MemoryError};
use candlewick::nn::{QuantumNaturalGradient, SeededInit};
use candlewick::prelude::*;
use candlewick::{Error, Result, Simulation};

/// Results of all members of a group of threads, each of which runs the same function.
fn on_members<R: Send>(ranks: usize, run: impl Fn(Cluster) -> R + Sync) -> Vec<R> {
    std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> =
            Cluster::threads(ranks).into_iter().map(|member| scope.spawn(move || run(member))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// Error that every member has.
fn error_of_all<T: std::fmt::Debug>(results: Vec<Result<T>>) -> Vec<ClusterError> {
    let error = |result: Result<T>| match result {
        Err(Error::Cluster(error)) => error,
        other => panic!("no error of the cluster: {other:?}"),
    };
    results.into_iter().map(error).collect()
}

/// Circuit whose plan has exchanges, general steps and words that flip.
fn circuit(qubits: usize) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    let w = circuit.weights("w", 4);
    (0..qubits).for_each(|q| _ = circuit.ry(input(q % 3), q));
    circuit.strongly_entangling_layers("layers", 2);
    circuit.ccx(0, qubits - 1, 2).controlled([1, 4], |c| c.rx(w.at(0), qubits - 2)).swap(0, qubits - 1);
    circuit.pauli_rot(w.at(1), "XYZX", [0, 2, 4, qubits - 1]).controlled([3, 5, qubits - 1], |c| c.p(w.at(2), 0));
    circuit.strongly_entangling_layers("more", 1);
    circuit.rxx(w.at(3), 1, qubits - 1).double_excitation(w.at(1), [0, qubits - 1], [3, 2]);
    circuit
}

fn measurement(qubits: usize) -> Measurement {
    let expectation = Measurement::expectation([
        Z(0) * Z(qubits - 1),
        X(0) * Y(qubits - 1) + 0.3 * Z(2) + 0.7 * Observable::identity(),
        Observable::projector_on([(0, true), (qubits - 1, false)]),
        X(1) * X(3) * X(qubits - 2),
    ]);
    Measurement::all([expectation, Measurement::probabilities([1, qubits - 1, 0])])
}

/// Variables in the order of their names.
fn variables(varmap: &VarMap) -> Vec<Var> {
    let data = varmap.data().lock().expect("variables");
    let mut names: Vec<&String> = data.keys().collect();
    names.sort();
    names.into_iter().map(|name| data[name].clone()).collect()
}

fn config(cluster: Option<Cluster>, shards: Option<usize>) -> QuantumLayerConfig {
    QuantumLayerConfig { cluster, shards, ..Default::default() }
}

/// Outputs and gradients, in inputs and all variables, of a hybrid model whose layer has a configuration.
fn step(qubits: usize, dtype: DType, config: QuantumLayerConfig) -> Result<Vec<f64>> {
    let varmap = VarMap::new();
    let vb = SeededInit::new(5).var_builder(&varmap, dtype, &Device::Cpu);
    let layer = QuantumLayer::with_config(circuit(qubits), measurement(qubits), config, vb.pp("q"))?;
    let head = candle_nn::linear(12, 2, vb.pp("head"))?;
    let x = Tensor::new(&[[0.3, -0.8, 1.1], [0.0, 0.4, -2.0], [1.0, 0.2, 0.6]], &Device::Cpu)?.to_dtype(dtype)?;
    let x = Var::from_tensor(&x)?;
    let mut numbers = Vec::new();
    for round in 0..2 {
        let y = layer.try_forward(&x)?;
        let gradients = head.forward(&y)?.sqr()?.sum_all()?.backward()?;
        let mut tensors = vec![y, gradients.get(&x).expect("a gradient").clone()];
        for var in variables(&varmap) {
            // The fingerprint of the circuit has none.
            tensors.extend(gradients.get(&var).cloned());
            // The second round has other weights, on the memory of the first.
            if round == 0 {
                var.set(&(var.as_tensor().detach() * 0.9)?.copy()?)?;
            }
        }
        for tensor in tensors {
            numbers.extend(tensor.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?);
        }
    }
    Ok(numbers)
}

#[test]
fn members_have_the_bits_of_their_shards() {
    for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-12)] {
        let alone = step(9, dtype, config(None, None)).expect("numbers");
        let shards = step(9, dtype, config(Some(Cluster::alone()), Some(4))).expect("numbers");
        assert!(alone.iter().zip(&shards).all(|(a, b)| (a - b).abs() < tolerance * a.abs().max(1.0)));
        for ranks in [1, 2, 4] {
            for found in on_members(ranks, |member| step(9, dtype, config(Some(member), Some(4)))) {
                assert_eq!(found.expect("numbers"), shards, "{ranks} members");
            }
        }
    }
}

#[test]
fn groups_share_states_of_their_own() {
    let alone = step(8, DType::F64, config(Some(Cluster::alone()), Some(2))).expect("numbers");
    for found in on_members(6, |member| step(8, DType::F64, config(Some(member.split(2)?), None))) {
        assert_eq!(found.expect("numbers"), alone);
    }
}

fn layer(circuit: Circuit, config: QuantumLayerConfig) -> Result<QuantumLayer> {
    let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
    QuantumLayer::with_config(circuit, Measurement::expectation([Z(0)]), config, vb)
}

fn ring(qubits: usize) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    (0..qubits).for_each(|q| _ = circuit.ry(input(0), q));
    (0..qubits).for_each(|q| _ = circuit.cx(q, (q + 1) % qubits));
    circuit
}

#[test]
fn wrong_numbers_of_members_and_shards() {
    let of = |ranks: usize, qubits: usize, shards: Option<usize>| {
        error_of_all(on_members(ranks, |member| layer(ring(qubits), config(Some(member), shards))))
    };
    assert_eq!(of(3, 8, None), vec![ClusterError::Ranks { ranks: 3 }; 3]);
    assert!(ClusterError::Ranks { ranks: 6 }.to_string().contains("Cluster::split(2)"));
    assert_eq!(of(4, 8, Some(2)), vec![ClusterError::Shards { shards: 2, ranks: 4 }; 4]);
    assert_eq!(of(2, 8, Some(6)), vec![ClusterError::Shards { shards: 6, ranks: 2 }; 2]);
    assert_eq!(of(8, 5, None), vec![ClusterError::TooFewQubits { qubits: 5, shards: 8, most: 4 }; 8]);
    let without = layer(ring(8), config(None, Some(2))).expect_err("no cluster");
    assert!(matches!(without, Error::SettingNeeds { setting: "shards", .. }), "{without}");
}

#[test]
fn members_that_differ() {
    let differs = |what: &'static str, ranks: usize| vec![ClusterError::Differs { what, rank: 2 }; ranks];
    let circuits = on_members(4, |member| {
        let mut circuit = ring(8);
        if member.rank() == 2 {
            circuit.x(0);
        }
        layer(circuit, config(Some(member), None))
    });
    assert_eq!(error_of_all(circuits), differs("the circuit or the measurement", 4));
    let inputs = on_members(4, |member| {
        let x = if member.rank() == 2 { 0.5 } else { 0.25 };
        layer(ring(8), config(Some(member), None))?.try_forward(&Tensor::new(&[[x]], &Device::Cpu)?)
    });
    assert_eq!(error_of_all(inputs), differs("the inputs", 4));
    let samples = on_members(4, |member| {
        let x = if member.rank() == 2 { 0.5 } else { 0.25 };
        layer(ring(8), config(Some(member), None))?.sample(Some(&Tensor::new(&[[x]], &Device::Cpu)?), 10)
    });
    assert_eq!(error_of_all(samples), differs("the inputs", 4));
    let weights = on_members(4, |member| {
        let varmap = VarMap::new();
        let vb = SeededInit::new(u64::from(member.rank() == 2)).var_builder(&varmap, DType::F64, &Device::Cpu);
        let mut circuit = ring(8);
        circuit.strongly_entangling_layers("w", 1);
        let measurement = Measurement::expectation([Z(0)]);
        let layer = QuantumLayer::with_config(circuit, measurement, config(Some(member), None), vb)?;
        layer.try_forward(&Tensor::new(&[[0.5]], &Device::Cpu)?)
    });
    assert_eq!(error_of_all(weights), differs("the weights", 4));
}

/// An error of one member, or its end, is an error of all, and nobody waits.
#[test]
fn errors_and_ends_of_one_member() {
    let memory = on_members(2, |member| {
        let memory_limit = if member.rank() == 1 { Some(100) } else { None };
        let layer = layer(ring(8), QuantumLayerConfig { memory_limit, ..config(Some(member), None) })?;
        layer.try_forward(&Tensor::new(&[[0.5]], &Device::Cpu)?)
    });
    let [first, second] = memory.try_into().expect("two members");
    let first = first.expect_err("no memory elsewhere");
    assert!(matches!(&first, Error::Cluster(ClusterError::Elsewhere { rank: 1, error }) if error.contains("100")));
    assert!(matches!(second, Err(Error::Memory(MemoryError::States { budget: 100, .. }))));
    let ends = on_members(2, |member| {
        let rank = member.rank();
        let layer = layer(ring(8), config(Some(member), None))?;
        if rank == 1 { Ok(()) } else { layer.try_forward(&Tensor::new(&[[0.5]], &Device::Cpu)?).map(drop) }
    });
    assert!(matches!(&ends[0], Err(Error::Cluster(ClusterError::Left { rank: 1 }))), "{ends:?}");
}

/// Final states are kept by all members or by none: one that has too little memory for them has enough for a gradient.
#[test]
fn states_that_one_member_cannot_keep() {
    let x = || Var::new(&[[0.5, 0.1], [0.2, 0.3], [-1.0, 0.7]], &Device::Cpu).expect("inputs");
    let of = |member: Option<Cluster>, memory_limit: Option<u64>| -> Result<Vec<f64>> {
        let mut circuit = ring(12);
        circuit.rx(input(1), 11);
        let config = QuantumLayerConfig { memory_limit, ..config(member, None) };
        let x = x();
        let y = layer(circuit, config)?.try_forward(&x)?;
        let gradients = y.sum_all()?.backward()?;
        Ok(gradients.get(&x).expect("a gradient").flatten_all()?.to_vec1()?)
    };
    let Err(Error::Memory(MemoryError::States { needed: Some(needed), .. })) = of(Some(Cluster::alone()), Some(100))
    else {
        panic!("100 bytes are enough")
    };
    let expected = of(None, None).expect("gradients");
    let small = |member: &Cluster| if member.rank() == 1 { Some(needed) } else { None };
    for found in on_members(2, |member| of(Some(member.clone()), small(&member))) {
        let found = found.expect("gradients");
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} {expected:?}");
    }
}

#[test]
fn what_is_not_shared() {
    let cluster = || Some(Cluster::alone());
    let vb = || VarBuilder::zeros(DType::F64, &Device::Cpu);
    let layer = |circuit, measurement, config| QuantumLayer::with_config(circuit, measurement, config, vb());
    let error = layer(ring(8), Measurement::variance([Z(0)]), config(cluster(), Some(2))).expect_err("variances");
    assert!(matches!(error, Error::Cluster(ClusterError::NotShared { what: "variances" })), "{error}");
    let mut circuit = ring(8);
    circuit.strongly_entangling_layers("w", 1);
    let varmap = VarMap::new();
    let variables = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let measurement = Measurement::expectation([Z(0)]);
    let shared = QuantumLayer::with_config(circuit, measurement, config(cluster(), Some(2)), variables);
    let error = QuantumNaturalGradient::new(&shared.expect("a layer"), Default::default()).expect_err("a metric");
    assert!(matches!(error, Error::Cluster(ClusterError::NotShared { what: "metric tensor" })), "{error}");
    let density = QuantumLayerConfig { simulation: Simulation::Density, ..config(cluster(), Some(2)) };
    let error = layer(ring(8), Measurement::expectation([Z(0)]), density).expect_err("density matrices");
    assert!(matches!(error, Error::Cluster(ClusterError::NotShared { .. })), "{error}");
}

#[test]
fn shots_and_samples_are_those_of_the_shards() {
    let run = |member: Cluster| -> Result<(Vec<f64>, Vec<u32>)> {
        let estimate = QuantumLayerConfig { shots: Some(500), seed: 3, ..config(Some(member.clone()), Some(4)) };
        let x = Tensor::new(&[[0.5], [1.0]], &Device::Cpu)?;
        let estimate = layer(ring(8), estimate)?.try_forward(&x)?.flatten_all()?.to_vec1()?;
        let samples = layer(ring(8), config(Some(member), Some(4)))?.sample(Some(&x), 200)?;
        Ok((estimate, samples.flatten_all()?.to_dtype(DType::U32)?.to_vec1()?))
    };
    let alone = run(Cluster::alone()).expect("samples");
    for ranks in [2, 4] {
        on_members(ranks, run).into_iter().for_each(|found| assert_eq!(found.expect("samples"), alone));
    }
}
