//! Models come back as they were: layers, circuits, outputs to the last bit.

use super::{Parts, bits, built, load, samples};
use crate::losses::losses;
use crate::oracle::{random_case, random_unitary, rng};
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{Conv2dConfig, Init, VarMap};
use candlewick::channel::Channel;
use candlewick::circuit::Amplitudes;
use candlewick::data::{CsvConfig, Imputer, Pca, Scaler, Table, TableEncoder};
use candlewick::error::{Error, TensorError};
use candlewick::gate::Gate;
use candlewick::model::{Activation, Layer, Model, Output, Prediction, Scores};
use candlewick::nn::{AffineConfig, QuantumConv2dConfig, QuantumLayerConfig, SeededInit, SoftThresholdConfig};
use candlewick::prelude::*;
use candlewick::{GradientMethod, Simulation};
use std::collections::BTreeSet;

/// Asserts that a model comes back from its file, with the same outputs, and returns it.
#[track_caller]
fn comes_back(model: &Model) -> Model {
    let bytes = model.to_bytes().expect("a file");
    let back = load(&bytes).unwrap_or_else(|error| panic!("{error}\n{}", Parts::of(&bytes).text));
    assert_eq!(back.layers(), model.layers());
    assert_eq!(back.to_bytes().expect("a file"), bytes, "the same model has the same file");
    let x = samples(&[&[3], model.input_shape()].concat(), model.dtype());
    let [y, expected] = [&back, model].map(|model| model.forward(&x).expect("outputs"));
    assert_eq!((y.dims(), bits(&y)), (expected.dims(), bits(&expected)));
    assert_eq!(&y.dims()[1..], model.output_shape());
    back
}

/// Asserts that each weight of a model has a gradient.
fn learns(model: &Model) {
    let path = std::env::temp_dir().join(format!("candlewick-learns-{}.safetensors", std::process::id()));
    model.save(&path).expect("a file");
    let varmap = VarMap::new();
    let model = Model::load_into(&path, &varmap, &Device::Cpu).expect("a model");
    std::fs::remove_file(path).expect("it was there");
    let x = samples(&[&[3], model.input_shape()].concat(), model.dtype());
    let y = model.forward_t(&x, true).expect("outputs");
    let cotangent = samples(y.dims(), model.dtype());
    let gradients = (y * cotangent).and_then(|loss| loss.sum_all()?.backward()).expect("gradients");
    for (name, variable) in model.weights().expect("weights").iter().filter(|(_, weight)| weight.elem_count() > 0) {
        let gradient = gradients.get(variable).unwrap_or_else(|| panic!("{name} has no gradient"));
        assert!(bits(gradient).iter().any(|bits| f64::from_bits(*bits).abs() > 1e-6), "{name} learns nothing");
    }
}

fn entangled(qubits: usize) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    (0..qubits).for_each(|q| _ = circuit.ry(input(q), q));
    circuit.strongly_entangling_layers("theta", 1);
    circuit
}

fn z(qubits: usize) -> Measurement {
    Measurement::expectation((0..qubits).map(Z))
}

/// Every kind of layer, with the shape of its input.
fn every_layer() -> Vec<(Vec<usize>, Vec<Layer>)> {
    let activations = [
        Activation::Relu,
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::Silu,
        Activation::Softplus,
        Activation::LeakyRelu(0.1),
        Activation::Softmax,
        Activation::LogSoftmax,
    ];
    let affine = AffineConfig { scale: 2.0, bias: -0.1, ..Default::default() };
    let threshold = SoftThresholdConfig { alpha: 3.0, ..Default::default() };
    let conv = Conv2dConfig { padding: 1, stride: 2, groups: 2, ..Default::default() };
    let patches = QuantumConv2dConfig { kernel: (2, 2), stride: (2, 2), ..Default::default() };
    vec![
        (vec![3], vec![Layer::linear(3, 4), Layer::Linear { inputs: 4, outputs: 2, bias: false }]),
        (vec![5, 3], vec![Layer::linear(3, 4), Layer::LayerNorm { size: 4, eps: 1e-5 }]),
        (vec![3], activations.map(Layer::Activation).to_vec()),
        (vec![3], vec![Layer::Dropout(0.5), Layer::Affine { outputs: 3, config: affine }]),
        (vec![3], vec![Layer::SoftThreshold { config: threshold }]),
        (
            vec![2, 17, 17],
            vec![
                Layer::Conv2d { inputs: 2, outputs: 4, kernel: 3, config: conv, bias: true },
                Layer::MaxPool2d { kernel: 2, stride: 2 },
                Layer::AveragePool2d { kernel: 2, stride: 2 },
                Layer::Conv2d { inputs: 4, outputs: 1, kernel: 1, config: Conv2dConfig::default(), bias: false },
                Layer::Flatten,
            ],
        ),
        (vec![6], vec![Layer::Reshape(vec![2, 3]), Layer::quantum(entangled(3), z(2))]),
        (vec![1, 4, 6], vec![Layer::QuantumConv2d { circuit: entangled(4), measurement: z(2), config: patches }]),
        (
            vec![3],
            vec![
                Layer::Residual(vec![Layer::linear(3, 3), Layer::Residual(vec![Layer::quantum(entangled(3), z(3))])]),
                Layer::linear(3, 1),
            ],
        ),
    ]
}

#[test]
fn layers() {
    let mut names = BTreeSet::new();
    for dtype in [DType::F32, DType::F64] {
        for (input, layers) in every_layer() {
            names.extend(layers.iter().map(Layer::name));
            let model = built(Model::builder(input).layers(layers), dtype);
            comes_back(&model);
            learns(&model);
            let quantized = model.quantized().expect("finite weights");
            names.extend(quantized.layers().iter().map(Layer::name));
            comes_back(&quantized);
        }
    }
    // A new kind of layer belongs into the list above.
    assert_eq!(names.len(), 15, "{names:?}");
}

#[test]
fn half_precision() {
    for dtype in [DType::F16, DType::BF16] {
        let layers = [Layer::linear(3, 3), Layer::quantum(entangled(3), z(3))];
        comes_back(&built(Model::builder(3).layers(layers), dtype));
    }
}

/// Operations of every kind, with controls and conditions, and every measurement.
#[test]
fn random_circuits() {
    for seed in 0..80 {
        let qubits = 1 + seed as usize % 4;
        let case = random_case(7000 + seed, qubits, 14, seed % 3 == 0);
        let losses = losses(seed, qubits);
        let loss = &losses[seed as usize % losses.len()];
        let circuit = case.circuit();
        let layer = Layer::quantum(circuit.clone(), loss.measurement.clone());
        let model = built(Model::builder(circuit.inputs()).layer(layer), DType::F64);
        let back = comes_back(&model);
        let [Layer::Quantum { circuit: found, measurement, .. }] = back.layers() else { panic!("one layer") };
        assert_eq!((found, measurement), (&circuit, &loss.measurement), "seed {seed}");
    }
}

#[test]
fn gates_and_channels() {
    let controls = [vec![], vec![(0, true)], vec![(1, false), (0, true)]];
    for gate in Gate::all() {
        for (dagger, controls) in [(false, &controls[0]), (true, &controls[1]), (false, &controls[2])] {
            let mut circuit = Circuit::new(5);
            let w = circuit.weights("w", gate.angles().len().max(1));
            let angles: Vec<Angle> = (0..gate.angles().len()).map(|k| w.at(k) * input(0) + 0.1 * k as f64).collect();
            let mut body = Circuit::new(5);
            body.share(&w).gate(gate, angles, (0..gate.qubits().len()).map(|k| 4 - k));
            let body = if dagger { body.inverse() } else { body };
            circuit.h(0).ry(0.3, 1).controlled_on(controls.iter().copied(), |c| c.append(&body));
            comes_back(&built(Model::builder(circuit.inputs()).layer(Layer::quantum(circuit, z(5))), DType::F64));
        }
    }
    for channel in Channel::all() {
        let mut circuit = Circuit::new(2);
        circuit.ry(input(0), 0).cx(0, 1);
        let strengths = channel.strengths().len();
        let strengths = (0..strengths).map(|k| 0.01 + 0.02 * k as f64 + 0.001 * input(0));
        circuit.channel(channel, strengths.collect::<Vec<_>>(), 0..channel.qubits().len());
        comes_back(&built(Model::builder(1).layer(Layer::quantum(circuit, z(2))), DType::F64));
    }
}

#[test]
fn further_operations() {
    let mut rng = rng(5);
    let mut circuit = Circuit::new(5).with_inputs(9);
    let w = circuit.weights_with_init("a", (2, 2), Init::Randn { mean: 0.0, stdev: 0.2 });
    circuit.weights_with_init("never read", 3, Init::Const(0.5));
    let kaiming = candle_nn::init::DEFAULT_KAIMING_UNIFORM;
    circuit.weights_with_init("b", (4, 1), kaiming);
    let options = Amplitudes { complex: true, zero_state: true, ..Default::default() };
    circuit.amplitude_embedding_on(1..9, [1, 2], options).barrier();
    let flat = random_unitary(&mut rng, 2).concat();
    circuit.unitary(&flat, [2, 0]).controlled_on([(1, false)], |c| c.unitary(&flat, [0, 2])).global_phase(w.at([1, 1]));
    circuit.when(input(0).abs().gt(0.1) & !input(1).lt(0.25), |c| {
        c.pauli_rot(w.at([0, 1]) * 2.0 - 1.0, "XYZ", [0, 2, 1]).when(input(3).gt(0.0) | input(0).lt(1.0), |c| c.x(0))
    });
    circuit.measure(0, 3).controlled([3], |c| c.x(1)).reset(2, 4);
    let measurement = Measurement::all([
        Measurement::expectation([w.at([0, 0]) * Z(0) + input(2) * X(1) * Y(2) - 0.5 * Observable::identity()]),
        Measurement::expectation([Z(0)]).postselect([(3, true)]),
        Measurement::probabilities([2, 0]),
    ]);
    let model = built(Model::builder(9).layer(Layer::quantum(circuit, measurement)), DType::F64);
    comes_back(&model);
    // Kraus operators, and noise that a weight sets.
    let mut noisy = Circuit::new(2);
    let p = noisy.weights_with_init("p", 1, Init::Const(0.1));
    let operators = [[0.8, 0.0, 0.0, 0.8], [0.0, 0.6, 0.6, 0.0]].map(|k| k.map(num_complex::Complex64::from).to_vec());
    noisy.ry(input(0), 0).kraus(&operators, [0]).depolarizing(p.at(0), 0).cx(0, 1);
    comes_back(&built(Model::builder(1).layer(Layer::quantum(noisy, Measurement::density_matrix())), DType::F64));
}

/// Options of a layer, and random numbers that do not depend on where the weights came from.
#[test]
fn options() {
    let gradients = [
        GradientMethod::Auto,
        GradientMethod::ParameterShift,
        GradientMethod::FiniteDifference { step: 1e-3, order: 4 },
        GradientMethod::Spsa { samples: 2, step: 0.1, seed: u64::MAX },
    ];
    let noisy = || {
        let mut circuit = entangled(2);
        circuit.depolarizing(0.1, 0);
        circuit
    };
    let simulations =
        [Simulation::Auto, Simulation::StateVector, Simulation::Density, Simulation::Trajectories { count: 20 }];
    for (k, gradient) in gradients.into_iter().enumerate() {
        let simulation = simulations[k].clone();
        let circuit = if k == 3 { noisy() } else { entangled(2) };
        let shots = (k < 2).then_some(50);
        let gradient = if k == 3 { GradientMethod::Auto } else { gradient };
        let config = QuantumLayerConfig { shots, seed: 1 << 63, gradient, simulation, ..Default::default() };
        let layer = Layer::Quantum { circuit, measurement: z(2), config };
        let vb = SeededInit::new(3).var_builder(&VarMap::new(), DType::F64, &Device::Cpu);
        // The prefix differs from that of the file.
        let model = Model::builder(2).layer(layer).build(vb.pp("somewhere")).expect("it fits");
        let bytes = model.to_bytes().expect("a file");
        let back = load(&bytes).expect("a model");
        assert_eq!(back.layers(), model.layers());
        let x = samples(&[4, 2], DType::F64);
        let [y, expected] = [&back, &model].map(|model| bits(&model.forward(&x).expect("outputs")));
        assert_eq!(y, expected, "{:?}", back.layers());
    }
}

#[test]
fn preparation_and_classes() {
    let train = Table::parse("a,b,colour,kind\n1,2,red,x\n,4,blue,y\n3,1,red,z\n5,7,red,x\n", ',').expect("a table");
    let config = CsvConfig { on_missing: candlewick::data::Missing::Keep, ..CsvConfig::with_label("kind") };
    let encoder = TableEncoder::fit(&train, &config).expect("columns");
    let set = encoder.encode(&train).expect("samples");
    let imputer = Imputer::median(&set.x).expect("numbers");
    let filled = imputer.apply(&set.x).expect("filled");
    let scaler = Scaler::standard(&filled).expect("scaled");
    let pca = Pca::new(&scaler.apply(&filled).expect("scaled"), 2).expect("directions");
    let builder = Model::builder(4)
        .table(encoder.clone())
        .impute(imputer)
        .scale(scaler)
        .project(pca)
        .layer(Layer::linear(2, 3))
        .classes("kind", encoder.classes().to_vec())
        .note("test accuracy", "0.75");
    let model = built(builder, DType::F32);
    let bytes = model.to_bytes().expect("a file");
    let back = load(&bytes).expect("a model");
    assert_eq!(back.to_bytes().expect("a file"), bytes);
    assert_eq!(back.notes()["test accuracy"], "0.75");
    let table = Table::parse("colour,b,a\nblue,3,2\nred,1,\n", ',').expect("a table");
    let [found, expected] = [&back, &model].map(|model| model.predict_table(&table).expect("a prediction"));
    assert_eq!((found.labels(), bits(found.numbers())), (expected.labels(), bits(expected.numbers())));
    let Prediction::Classes { probabilities, classes, names } = found else { panic!("classes") };
    assert_eq!(
        (probabilities.dims(), classes.len(), names),
        (&[2, 3][..], 2, ["x", "y", "z"].map(str::to_owned).to_vec())
    );
    let sums = probabilities.sum(1).and_then(|sums| sums.to_vec1::<f32>()).expect("sums");
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-6), "{sums:?}");
}

/// Meanings of outputs, against values by hand.
#[test]
fn outputs() {
    let identity = |size: usize| {
        let affine = AffineConfig { scale: 1.0, bias: 0.0, ..Default::default() };
        Model::builder(size).layer(Layer::Affine { outputs: size, config: affine })
    };
    let x = |rows: &[&[f64]]| crate::lab::tensor(&rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>(), DType::F64);
    let predict = |builder, x: &Tensor| {
        let model: Model = built(builder, DType::F64);
        load(&model.to_bytes().expect("a file")).expect("a model").predict(x).expect("a prediction")
    };
    let near = |found: &Prediction, expected: &[f64]| {
        let found: Vec<f64> = found.numbers().flatten_all().and_then(|all| all.to_vec1()).expect("numbers");
        assert!(
            found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12),
            "{found:?}"
        );
    };
    let three = predict(identity(3).classes("kind", ["a", "b", "c"]), &x(&[&[0.0, 2f64.ln(), 0.0], &[1.0, 1.0, 0.0]]));
    let e = 1f64.exp();
    near(&three, &[0.25, 0.5, 0.25, e / (2.0 * e + 1.0), e / (2.0 * e + 1.0), 1.0 / (2.0 * e + 1.0)]);
    assert_eq!(three.labels(), ["b", "a"]);
    let two = predict(identity(1).classes("kind", ["no", "yes"]), &x(&[&[3f64.ln()], &[-3f64.ln()]]));
    near(&two, &[0.25, 0.75, 0.75, 0.25]);
    assert_eq!(two.labels(), ["yes", "no"]);
    let names = ["no", "yes"].map(str::to_owned).to_vec();
    let certain = Output::Classes { label: "kind".to_owned(), names, scores: Scores::Probabilities };
    near(&predict(identity(1).output(certain), &x(&[&[0.9]])), &[0.1, 0.9]);
    let scaler =
        Scaler::new(x(&[&[10.0, 20.0]]).flatten_all().expect("a row"), x(&[&[2.0, 4.0]]).flatten_all().expect("a row"));
    let values = predict(identity(2).values(["u", "v"], Some(scaler.expect("a scaler"))), &x(&[&[0.5, -1.0]]));
    near(&values, &[11.0, 16.0]);
    near(&predict(identity(2), &x(&[&[0.5, -1.0]])), &[0.5, -1.0]);
}

/// Outputs that are not finite are no prediction, whatever they mean.
#[test]
fn outputs_that_are_not_finite() {
    let huge = AffineConfig { scale: 1e200, bias: 0.0, ..Default::default() };
    let layers = || Model::builder(2).layers([2, 2].map(|outputs| Layer::Affine { outputs, config: huge }));
    let x = crate::lab::tensor(&[vec![0.0, 0.0], vec![0.0, 1.0]], DType::F64);
    for builder in [layers(), layers().classes("kind", ["a", "b"]), layers().values(["u", "v"], None)] {
        let mut error = built(builder, DType::F64).predict(&x).expect_err("an infinite output");
        let Error::Tensor(TensorError::OutputNotFinite { output: 1, value: f64::INFINITY, .. }) = error else {
            panic!("{error}")
        };
        assert_eq!(error.sample_mut(), Some(&mut 1));
    }
}

#[test]
fn training_goes_on() {
    let layers = vec![Layer::linear(3, 3), Layer::quantum(entangled(3), z(3)), Layer::linear(3, 2)];
    let model = built(Model::builder(3).layers(layers), DType::F32);
    let path = std::env::temp_dir().join(format!("candlewick-model-{}.safetensors", std::process::id()));
    model.save(&path).expect("a file");
    let varmap = VarMap::new();
    let again = Model::load_into(&path, &varmap, &Device::Cpu).expect("a model");
    assert_eq!(again.to_bytes().expect("a file"), model.to_bytes().expect("a file"));
    // Weights, and the fingerprint of the circuit.
    assert_eq!(varmap.all_vars().len(), 6);
    assert_eq!(again.parameters().expect("a number"), 12 + 9 + 8);
    let loss = again.forward(&samples(&[4, 3], DType::F32)).and_then(|y| y.sqr()?.mean_all()).expect("a loss");
    let mut optimizer = candlewick::optim::Adam::from_varmap(&varmap, Default::default()).expect("an optimiser");
    candle_nn::Optimizer::backward_step(&mut optimizer, &loss).expect("a step");
    assert_ne!(again.to_bytes().expect("a file"), model.to_bytes().expect("a file"));
    // The tensors have the names that a program's own `VarBuilder` and `VarMap::load` use.
    let mut plain = VarMap::new();
    let vb = candle_nn::VarBuilder::from_varmap(&plain, DType::F32, &Device::Cpu);
    candle_nn::linear(3, 3, vb.pp("layers").pp(0)).expect("a layer");
    QuantumLayer::new(entangled(3), z(3), vb.pp("layers").pp(1)).expect("a layer");
    plain.load(&path).expect("the same names");
    let info = Model::read_info(&path).expect("a file");
    assert_eq!(
        (info.format, info.layers, info.input),
        (1, ["linear", "quantum", "linear"].map(str::to_owned).to_vec(), vec![3])
    );
    assert_eq!(info.tensors.len(), 6);
    assert!(info.digest.starts_with("sha256:"));
    std::fs::remove_file(path).expect("it was there");
}

/// Models whose files stay in the tests for ever.
pub(super) fn golden_models() -> Vec<(&'static str, Model)> {
    let hybrid = Model::builder(4)
        .scale(Scaler::uniform(4, 2.0).expect("a scaler"))
        .layers([Layer::linear(4, 3), Layer::Activation(Activation::Tanh), Layer::quantum(entangled(3), z(3))])
        .layer(Layer::linear(3, 3))
        .classes("species", ["setosa", "versicolor", "virginica"])
        .note("data", "iris");
    let config = QuantumConv2dConfig { kernel: (2, 2), stride: (2, 2), ..Default::default() };
    let images = Model::builder((1, 4, 4))
        .layer(Layer::QuantumConv2d { circuit: entangled(4), measurement: z(2), config })
        .layers([Layer::MaxPool2d { kernel: 2, stride: 2 }, Layer::Flatten, Layer::linear(2, 1)])
        .classes("digit", ["zero", "one"]);
    let mut noisy = Circuit::new(2);
    let p = noisy.weights_with_init("p", 1, Init::Const(0.1));
    noisy.ry(input(0), 0).cx(0, 1).depolarizing(p.at(0), 0).amplitude_damping(0.2, 1).readout_error(0.02, 0.05, 0);
    let noisy = Model::builder(1).layer(Layer::quantum(noisy, z(2)));
    let mut exact = Circuit::new(4);
    let w = exact.weights("w", (2, 2));
    exact.angle_embedding(Gate::ry, (0..3).map(input)).measure(0, 3);
    exact.controlled_on([(0, false)], |c| c.pauli_rot(w.at([0, 1]) * input(0) + 0.5, "XZ", [1, 2]));
    exact.when(input(0).abs().gt(0.25) & !input(1).lt(0.5), |c| c.rz(w.at([1, 0]), 0).u(0.1, w.at([1, 1]), 0.3, 1));
    exact.unitary(&random_unitary(&mut rng(2), 1).concat(), [1]);
    let measurement = Measurement::all([
        Measurement::expectation([w.at([1, 1]) * Z(0) + 0.5 * X(1), Observable::diagonal_on([1.0, -1.0], [2])]),
        Measurement::probabilities([0, 1]),
    ]);
    let exact = Model::builder(3).layer(Layer::quantum(exact, measurement));
    let residual = Model::builder(3)
        .layer(Layer::Residual(vec![Layer::linear(3, 3), Layer::Activation(Activation::Gelu)]))
        .layers([Layer::LayerNorm { size: 3, eps: 1e-5 }, Layer::linear(3, 2)])
        .values(["u", "v"], Some(Scaler::uniform(2, 3.0).expect("a scaler")));
    vec![
        ("hybrid", built(hybrid, DType::F32)),
        ("images", built(images, DType::F32)),
        ("noisy", built(noisy, DType::F64)),
        ("exact", built(exact, DType::F64)),
        ("residual", built(residual.clone(), DType::F32)),
        ("quantized", built(residual, DType::F32).quantized().expect("finite weights")),
    ]
}
