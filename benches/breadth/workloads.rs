//! Workloads by name: each makes its layer and data, and returns the step that is timed.

use crate::cases::{CASES, circuit as ring};
use crate::circuits::*;
use crate::numbers::tensor;
use anyhow::{Context, Result};
use candle_core::{DType, Device, Module, Tensor, Var};
use candle_nn::{Activation, Optimizer, VarBuilder, VarMap, linear, loss::cross_entropy, seq};
use candlewick::functional::{self, MetricTensor, Wrt};
use candlewick::nn::{QuantumConv2d, QuantumConv2dConfig, SeededInit};
use candlewick::optim::{Adam, AdamConfig};
use candlewick::prelude::*;
use candlewick::states;
use candlewick::variational::Molecule;
use std::f64::consts::{FRAC_PI_2, PI};
use std::path::Path;

/// One call of a workload. The tensors are its results.
pub(crate) type Step = Box<dyn FnMut() -> Result<Vec<Tensor>>>;

/// Workload that makes its step when it is wanted.
pub(crate) type Workload = Box<dyn Fn() -> Result<Step>>;

/// Seeds of inputs, weights and cotangents.
const X_SEED: u64 = 1;
const W_SEED: u64 = 2;
const C_SEED: u64 = 3;

fn workload(name: &'static str, make: impl Fn() -> Result<Step> + 'static) -> (&'static str, Workload) {
    (name, Box::new(make))
}

/// All workloads, in groups.
pub(crate) fn all() -> Vec<(&'static str, Vec<(&'static str, Workload)>)> {
    vec![
        ("ring", rings_of_step()),
        ("chemistry", vec![workload("uccsd-lih", || uccsd(LIH)), workload("uccsd-beh2", || uccsd(BEH2))]),
        ("circuits", other_circuits()),
        ("measurements", measurements()),
        ("derivatives", derivatives()),
        ("modules", modules()),
    ]
}

/// How a layer is run.
#[derive(Clone)]
struct Run {
    batch: usize,
    dtype: DType,
    gradient: bool,
    weight_scale: f64,
    input_scale: f64,
    config: QuantumLayerConfig,
}

impl Run {
    fn new(batch: usize) -> Self {
        let config = QuantumLayerConfig::default();
        Self { batch, dtype: DType::F32, gradient: true, weight_scale: PI, input_scale: PI, config }
    }

    fn f64(self) -> Self {
        Self { dtype: DType::F64, ..self }
    }

    fn forward_only(self) -> Self {
        Self { gradient: false, ..self }
    }
}

fn layer(circuit: &Circuit, measurement: Measurement, run: &Run) -> Result<QuantumLayer> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, run.dtype, &Device::Cpu);
    let layer = QuantumLayer::with_config(circuit.clone(), measurement, run.config.clone(), vb)?;
    let data = varmap.data().lock().expect("no thread has panicked");
    let mut sorted: Vec<_> = data.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    for (k, (_, var)) in sorted.into_iter().enumerate() {
        var.set(&tensor(W_SEED + 16 * k as u64, var.dims(), run.weight_scale, run.dtype)?)?;
    }
    drop(data);
    Ok(layer)
}

/// A layer on a batch of inputs (none if the circuit reads none), with the gradient of `sum(y * c)` in both unless `run`
/// says forward only.
fn step(circuit: &Circuit, measurement: Measurement, run: Run) -> Result<Step> {
    let layer = layer(circuit, measurement, &run)?;
    let input = match circuit.inputs() {
        0 => None,
        width => Some(Var::from_tensor(&tensor(X_SEED, &[run.batch, width], run.input_scale, run.dtype)?)?),
    };
    let weights: Vec<Tensor> = layer.weights().map(|(_, tensor)| tensor.clone()).collect();
    let forward = move |layer: &QuantumLayer, input: &Option<Var>| match input {
        Some(x) if run.gradient => layer.try_forward(x),
        Some(x) => layer.forward_detached(x),
        None => layer.evaluate(),
    };
    let c = tensor(C_SEED, forward(&layer, &input)?.dims(), 1.0, run.dtype)?;
    Ok(Box::new(move || {
        let y = forward(&layer, &input)?;
        if !run.gradient {
            return Ok(vec![y.detach()]);
        }
        let store = (&y * &c)?.sum_all()?.backward()?;
        let gradients = input.iter().map(Var::as_tensor).chain(&weights).filter_map(|of| store.get(of).cloned());
        Ok(std::iter::once(y.detach()).chain(gradients).collect())
    }))
}

/// <Z> of each qubit.
fn zs(n: usize) -> Measurement {
    Measurement::expectation((0..n).map(Z))
}

fn plain(circuit: &Circuit, batch: usize) -> Result<Step> {
    step(circuit, zs(circuit.qubits()), Run::new(batch))
}

fn rings_of_step() -> Vec<(&'static str, Workload)> {
    // The last case takes half a second a step.
    let cases =
        CASES[..5].iter().map(|&(name, n, layers, batch)| workload(name, move || plain(&ring(n, layers), batch)));
    let others = vec![
        workload("b-f64", || step(&ring(8, 4), zs(8), Run::new(256).f64())),
        workload("d-f64", || step(&ring(16, 4), zs(16), Run::new(16).f64())),
        workload("e-f64", || step(&ring(20, 4), zs(20), Run::new(1).f64())),
        workload("12-qubits", || step(&ring_alone(12, 4), zs(12), Run::new(1))),
        workload("1000-layers", || plain(&ring(6, 1000), 32)),
        workload("10-layers", || plain(&ring(6, 10), 32)),
        workload("inference", || step(&ring(8, 4), zs(8), Run::new(10_000).forward_only())),
        workload("latency", || step(&ring(4, 2), zs(4), Run::new(1).forward_only())),
        workload("latency-gradient", || plain(&ring(4, 2), 1)),
        workload("48-tensors", || plain(&named(8, 16), 256)),
        workload("1-tensor", || plain(&ring(8, 16), 256)),
    ];
    cases.chain(others).collect()
}

/// Hamiltonians below the repository.
const LIH: &str = "examples/data/hamiltonians/lih_1.5949.json";
const BEH2: &str = "benches/breadth/data/beh2_1.3264.json";

fn uccsd(file: &str) -> Result<Step> {
    let molecule = Molecule::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))?;
    let mut circuit = Circuit::new(molecule.qubits());
    circuit.uccsd("w", molecule.electrons());
    let run = Run { weight_scale: 0.3, ..Run::new(1) };
    step(&circuit, Measurement::expectation([molecule.hamiltonian()]), run)
}

/// Edges of a random graph in which each vertex has three.
fn edges(text: &str) -> Result<Vec<(usize, usize)>> {
    let edge = |line: &str| {
        let (a, b) = line.split_once(' ').context("two vertices")?;
        Ok((a.parse()?, b.parse()?))
    };
    text.lines().map(edge).collect()
}

fn max_cut(n: usize, text: &str, batch: Option<usize>) -> Result<Step> {
    let edges = edges(text)?;
    let circuit = qaoa(n, &edges, 8, batch.is_some());
    let cut = edges.iter().map(|&(a, b)| 0.5 * Z(a) * Z(b)).reduce(|sum, term| sum + term).context("edges")?;
    step(&circuit, Measurement::expectation([cut]), Run::new(batch.unwrap_or(1)))
}

fn other_circuits() -> Vec<(&'static str, Workload)> {
    let matrix = |c: &mut Circuit, a: usize, b: usize| _ = c.unitary(&dense(4), [a, b]);
    let larger = |c: &mut Circuit, a: usize, b: usize| _ = c.unitary(&dense(8), [a, b, (b + 1) % 12]);
    let iqp = || {
        let mut circuit = Circuit::new(8);
        circuit.iqp_embedding((0..8).map(input), 2);
        rings(&mut circuit, 2);
        circuit
    };
    let embedded = || {
        let mut circuit = Circuit::new(8);
        circuit.amplitude_embedding(0..256);
        rings(&mut circuit, 4);
        circuit
    };
    let reuploading = || {
        let mut circuit = Circuit::new(1);
        circuit.data_reuploading("w", 10, &[input(0), input(1)]);
        circuit
    };
    let xs = |n: usize| Measurement::expectation((0..n).map(X));
    vec![
        workload("crx-rings-8", || plain(&sim14(8, 4), 256)),
        workload("crx-rings-12", || plain(&sim14(12, 4), 64)),
        workload("su4-bricks", || plain(&su4(12, 8), 16)),
        workload("iswap-bricks", || plain(&brickwork(12, 8, |c, a, b| _ = c.iswap(a, b)), 16)),
        workload("dense-bricks", move || plain(&brickwork(12, 8, matrix), 16)),
        workload("dense-bricks-3", move || plain(&brickwork(12, 8, larger), 16)),
        workload("qaoa-20", || max_cut(20, include_str!("data/graph_20.txt"), None)),
        workload("qaoa-16-by-32", || max_cut(16, include_str!("data/graph_16.txt"), Some(32))),
        workload("amplitudes", move || plain(&embedded(), 256)),
        workload("toffoli", || plain(&toffoli(8, 4), 64)),
        workload("fourier", move || step(&fourier(16), xs(16), Run::new(4).forward_only())),
        workload("fourier-gradient", move || step(&fourier(16), xs(16), Run::new(4))),
        workload("grover", || step(&grover(10, 20), Measurement::probabilities(0..10), Run::new(1))),
        workload("conditional-rotations", || plain(&conditional(8, 4, false), 256)),
        workload("conditional-flips", || plain(&conditional(8, 4, true), 256)),
        workload("reuploading", move || plain(&reuploading(), 10_000)),
        workload("trotter", || step(&trotter(14, 50), zs(14), Run { weight_scale: 0.1, ..Run::new(1) })),
        workload("tree", || step(&tree(16), Measurement::expectation([Z(0)]), Run::new(64))),
        workload("shallow", || plain(&shallow(24), 1)),
        workload("iqp", move || step(&iqp(), zs(8), Run { input_scale: 1.0, ..Run::new(256) })),
        workload("inputs-in-layers", || plain(&encoded(8, 4), 256)),
    ]
}

/// Sum of a hundred words of one to three letters.
fn words() -> Result<Observable> {
    let term = |line: &'static str| {
        let (c, word) = line.split_once(' ').context("a coefficient and a word")?;
        Ok((c.parse()?, word))
    };
    let terms: Vec<(f64, &str)> = include_str!("data/words_10.txt").lines().map(term).collect::<Result<_>>()?;
    Ok(Observable::pauli_sum(terms))
}

/// All words of one and of two letters.
fn two_local(n: usize) -> Vec<Observable> {
    let letters = [X, Y, Z];
    let ones = (0..n).flat_map(|q| letters.map(|p| p(q)));
    let pairs = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
    let twos = pairs.flat_map(|(a, b)| letters.into_iter().flat_map(move |p| letters.map(move |r| p(a) * r(b))));
    ones.chain(twos).collect()
}

/// Sum of XX, YY and ZZ on the pairs of a chain.
fn heisenberg(n: usize) -> Result<Observable> {
    let pair = |q| X(q) * X(q + 1) + Y(q) * Y(q + 1) + Z(q) * Z(q + 1);
    (0..n - 1).map(pair).reduce(|sum, term| sum + term).context("a pair")
}

fn measurements() -> Vec<(&'static str, Workload)> {
    let probabilities = |n: usize| Measurement::probabilities(0..n);
    let shots = || QuantumLayerConfig { shots: Some(1000), ..Default::default() };
    vec![
        workload("probabilities-10", move || step(&ring_alone(10, 4), probabilities(10), Run::new(1))),
        workload("probabilities-10-by-64", move || step(&ring(10, 4), probabilities(10), Run::new(64))),
        workload("probabilities-12", move || step(&ring_alone(12, 4), probabilities(12), Run::new(1))),
        workload("state", || step(&ring(10, 4), Measurement::state(), Run::new(64))),
        workload("variance", || step(&ring(10, 4), Measurement::variance([words()?]), Run::new(64))),
        workload("words", || step(&ring(10, 4), Measurement::expectation([words()?]), Run::new(64))),
        workload("two-local", || step(&ring(10, 4), Measurement::expectation(two_local(10)), Run::new(64))),
        workload("heisenberg", || step(&ring_alone(20, 4), Measurement::expectation([heisenberg(20)?]), Run::new(1))),
        workload("samples", || {
            let layer = layer(&ring(10, 4), zs(10), &Run::new(256))?;
            let x = tensor(X_SEED, &[256, 10], PI, DType::F32)?;
            Ok(Box::new(move || Ok(vec![layer.sample(Some(&x), 1000)?])))
        }),
        workload("shift-gradient", move || step(&ring(10, 4), zs(10), Run { config: shots(), ..Run::new(16) })),
    ]
}

/// Derivative of the energy of a chain in the weights of layers of RY and RZ on ten qubits.
fn derivative(
    layers: usize,
    of: impl Fn(&Circuit, &Measurement, &[(&str, &Tensor)], &Tensor) -> candlewick::Result<Tensor> + 'static,
) -> Result<Step> {
    let circuit = ring_two(10, layers);
    let energy = (0..9).map(|q| Z(q) * Z(q + 1)).reduce(|sum, term| sum + term).context("a pair")?;
    let energy = Measurement::expectation([energy]);
    let w = tensor(W_SEED, &[layers, 10, 2], PI, DType::F32)?;
    let v = tensor(C_SEED, &[layers * 20], 1.0, DType::F32)?;
    Ok(Box::new(move || Ok(vec![of(&circuit, &energy, &[("w", &w)], &v)?])))
}

fn derivatives() -> Vec<(&'static str, Workload)> {
    let hessian = |layers| {
        derivative(layers, |circuit, energy, w, _| functional::hessian(circuit, energy, None, w, Wrt::Weights))
    };
    let metric = |layers| {
        derivative(layers, |circuit, _, w, _| {
            functional::metric_tensor(circuit, None, w, Wrt::Weights, MetricTensor::Full)
        })
    };
    let product = |circuit: &Circuit, energy: &Measurement, w: &[(&str, &Tensor)], v: &Tensor| {
        functional::hessian_vector_product(circuit, energy, None, w, Wrt::Weights, v)
    };
    vec![
        workload("hessian-100", move || hessian(5)),
        workload("hessian-400", move || hessian(20)),
        workload("hessian-vector-400", move || derivative(20, product)),
        workload("metric-100", move || metric(5)),
        workload("metric-400", move || metric(20)),
    ]
}

fn modules() -> Vec<(&'static str, Workload)> {
    vec![
        workload("kernel-8", || kernel(8)),
        workload("kernel-12", || kernel(12)),
        workload("ensemble", ensemble),
        workload("evaluate", || {
            let circuit = ring(4, 2);
            let (x, w) = (tensor(X_SEED, &[32, 4], 1.0, DType::F32)?, tensor(W_SEED, &[2, 4, 3], 1.0, DType::F32)?);
            Ok(Box::new(move || Ok(vec![functional::evaluate(&circuit, &zs(4), Some(&x), &[("w", &w)])?])))
        }),
        workload("quanvolution", quanvolution),
        workload("hybrid", || hybrid(true)),
        workload("hybrid-circuit", || plain(&hybrid_circuit(), 32)),
        workload("hybrid-classical", || hybrid(false)),
    ]
}

/// Kernel matrix of a thousand samples.
fn kernel(n: usize) -> Result<Step> {
    let mut circuit = Circuit::new(n);
    circuit.iqp_embedding((0..n).map(input), 2);
    let x = tensor(X_SEED, &[1000, n], 1.0, DType::F32)?;
    Ok(Box::new(move || Ok(vec![states::kernel(&circuit, &x, None, &[])?])))
}

/// Outputs and gradients of 32 members on 32 samples.
fn ensemble() -> Result<Step> {
    let (n, layers, members, batch) = (6, 4, 32, 32);
    let circuit = ring(n, layers);
    let x = Var::from_tensor(&tensor(X_SEED, &[batch, n], PI, DType::F32)?)?;
    let w = Var::from_tensor(&tensor(W_SEED, &[members, layers, n, 3], PI, DType::F32)?)?;
    let c = tensor(C_SEED, &[members, batch, n], 1.0, DType::F32)?;
    Ok(Box::new(move || {
        let y = functional::evaluate(&circuit, &zs(n), Some(&x), &[("w", &w)])?;
        let store = (&y * &c)?.sum_all()?.backward()?;
        Ok([&x, &w].into_iter().filter_map(|of| store.get(of).cloned()).chain([y.detach()]).collect())
    }))
}

/// Quantum convolution over 64 images, with the gradients in images and weights.
fn quanvolution() -> Result<Step> {
    let circuit = ring(4, 1);
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
    let config = QuantumConv2dConfig { kernel: (2, 2), stride: (2, 2), ..Default::default() };
    let conv = QuantumConv2d::new(circuit, zs(4), config, vb)?;
    let w = varmap.all_vars().remove(0);
    w.set(&tensor(W_SEED, w.dims(), PI, DType::F32)?)?;
    let x = Var::from_tensor(&tensor(X_SEED, &[64, 1, 28, 28], 1.0, DType::F32)?)?;
    let c = tensor(C_SEED, &[64, 4, 14, 14], 1.0, DType::F32)?;
    Ok(Box::new(move || {
        let y = conv.forward(&x)?;
        let store = (&y * &c)?.sum_all()?.backward()?;
        Ok([&x, &w].into_iter().filter_map(|of| store.get(of).cloned()).chain([y.detach()]).collect())
    }))
}

/// Circuit of the example `hybrid_classifier`.
fn hybrid_circuit() -> Circuit {
    let (n, layers) = (8, 3);
    let mut circuit = Circuit::new(n);
    (0..n).for_each(|q| _ = circuit.ry(FRAC_PI_2 * input(q), q));
    let theta = circuit.weights("theta", (layers, n, 3));
    for l in 0..layers {
        for q in 0..n {
            circuit.rx(theta.at([l, q, 0]), q).ry(theta.at([l, q, 1]), q).rz(theta.at([l, q, 2]), q);
        }
        (0..n).for_each(|q| _ = circuit.cx(q, (q + 1) % n));
    }
    circuit
}

/// Step of the example `hybrid_classifier`: 64 to 64 to 8, the circuit, to 64 to 10, on 32 samples, with Adam.
fn hybrid(quantum: bool) -> Result<Step> {
    let (n, hidden, batch) = (8, 64, 32);
    let varmap = VarMap::new();
    let vb = SeededInit::new(7).var_builder(&varmap, DType::F32, &Device::Cpu);
    let mut model = seq()
        .add(linear(64, hidden, vb.pp("encoder.0"))?)
        .add(Activation::Relu)
        .add(linear(hidden, n, vb.pp("encoder.1"))?)
        .add_fn(Tensor::tanh);
    if quantum {
        model = model.add(QuantumLayer::new(hybrid_circuit(), zs(n), vb.pp("quantum"))?);
    }
    let decoder = [linear(n, hidden, vb.pp("decoder.0"))?, linear(hidden, 10, vb.pp("decoder.1"))?];
    let [first, second] = decoder;
    let model = model.add(first).add(Activation::Relu).add(second);
    let images = tensor(X_SEED, &[batch, 64], 1.0, DType::F32)?;
    let labels = Tensor::from_vec((0..batch as u32).map(|k| k % 10).collect::<Vec<_>>(), batch, &Device::Cpu)?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(1e-6))?;
    Ok(Box::new(move || {
        let loss = cross_entropy(&model.forward(&images)?, &labels)?;
        adam.backward_step(&loss)?;
        Ok(vec![loss.detach()])
    }))
}
