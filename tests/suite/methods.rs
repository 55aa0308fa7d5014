//! Every method of gradients against the adjoint sweep, which `gradients.rs` compares with the oracle.

use crate::lab::{Engine, close, engines, rows, tensor};
use crate::losses::losses;
use crate::oracle::*;
use crate::trials::gate_between_rotations;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use candlewick::Error;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use std::collections::HashMap;

/// Gradients in inputs and weights of `sum(cotangent * outputs)` of a layer.
fn gradients(
    case: &Case,
    measurement: &Measurement,
    config: QuantumLayerConfig,
    engine: Engine,
    (batch, seed): (usize, u64),
) -> Result<[Vec<f64>; 2]> {
    let (device, dtype) = ((engine.device)(), engine.dtype);
    let mut rng = rng(seed);
    let on_device = |rows: &[Vec<f64>]| tensor(rows, dtype).to_device(&device);
    let x = Var::from_tensor(&on_device(&(0..batch).map(|_| uniform(&mut rng, case.inputs)).collect::<Vec<_>>())?)?;
    let w = Var::from_tensor(&on_device(&[uniform(&mut rng, case.weights)])?.flatten_all()?)?;
    let vb = VarBuilder::from_tensors(HashMap::from([("w".to_owned(), w.as_tensor().clone())]), dtype, &device);
    let layer = QuantumLayer::with_config(case.circuit(), measurement.clone(), config, vb)?;
    let mut found = None;
    (engine.enter)(&mut || {
        let mut run = || -> Result<[Vec<f64>; 2]> {
            let y = layer.try_forward(&x)?.flatten_from(1)?;
            let width = y.dim(1)?;
            let cotangent: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, width)).collect();
            let store = (&y * on_device(&cotangent)?)?.sum_all()?.backward()?;
            let flat = |var: &Var| {
                Result::Ok(rows(&store.get(var).expect("a gradient").flatten_all()?.unsqueeze(0)?).concat())
            };
            Ok([flat(&x)?, flat(&w)?])
        };
        found = Some(run());
    });
    found.expect("the engine runs what it is given")
}

fn with(gradient: GradientMethod) -> QuantumLayerConfig {
    QuantumLayerConfig { gradient, ..Default::default() }
}

/// Compares a method with the adjoint sweep on one case.
fn compare(
    what: &str,
    case: &Case,
    measurement: &Measurement,
    method: GradientMethod,
    tolerance: impl Fn(Engine) -> f64,
) {
    // Differences are taken in F64, which an emulated device of another precision refuses.
    let in_f64 = matches!(method, GradientMethod::FiniteDifference { .. });
    let takes_f64 = |engine: &Engine| engine.dtype == DType::F64 || engine.name.starts_with("cpu");
    for engine in engines().into_iter().filter(|engine| !in_f64 || takes_f64(engine)) {
        let of = |method| gradients(case, measurement, with(method), engine, (3, 5)).unwrap();
        let ([dx, dw], [exact_dx, exact_dw]) = (of(method), of(GradientMethod::Adjoint));
        close(&format!("{what}, {}: dx", engine.name), &dx, &exact_dx, tolerance(engine));
        close(&format!("{what}, {}: dw", engine.name), &dw, &exact_dw, tolerance(engine));
    }
}

const DIFFERENCES: GradientMethod = GradientMethod::FiniteDifference { step: 1e-3, order: 6 };

#[test]
fn every_gate_by_shifts_and_by_differences() {
    for gate in Gate::all() {
        let width = gate.qubits().len();
        let plain = gate_between_rotations(gate, (0..width).rev().collect(), vec![], width);
        let controlled = gate_between_rotations(gate, (0..width).collect(), vec![width], width + 1);
        for (case, qubits) in [(plain, width), (controlled, width + 1)] {
            let (measurement, name) = (&losses(1, qubits)[0].measurement, gate.name());
            let shift = |engine: Engine| engine.gradients(case.ops.len());
            compare(name, &case, measurement, GradientMethod::ParameterShift, shift);
            compare(name, &case, measurement, DIFFERENCES, |engine| shift(engine).max(1e-8));
        }
    }
}

/// Each component of the gradient of one sample comes with the others under random signs.
#[test]
fn every_gate_by_random_directions() {
    let samples = 4000;
    for gate in Gate::all() {
        let width = gate.qubits().len();
        let case = gate_between_rotations(gate, (0..width).collect(), vec![], width);
        let (measurement, name) = (&losses(1, width)[0].measurement, gate.name());
        let of =
            |method| gradients(&case, measurement, with(method), Engine::cpu(DType::F64), (1, 5)).unwrap().concat();
        let exact = of(GradientMethod::Adjoint);
        let found = of(GradientMethod::Spsa { samples, step: 1e-4, seed: 3 });
        let square: f64 = exact.iter().map(|g| g * g).sum();
        for (found, exact) in found.iter().zip(&exact) {
            let deviation = ((square - exact * exact).max(0.0) / samples as f64).sqrt();
            assert!((found - exact).abs() < 5.0 * deviation + 1e-5, "{name}: {found} {exact} ± {deviation}");
        }
    }
}

#[test]
fn every_measurement_by_shifts_and_by_differences() {
    for qubits in 1..=4 {
        for (k, loss) in losses(3, qubits).into_iter().enumerate() {
            let case = random_case(qubits as u64, qubits, 12, false);
            let name = format!("{qubits} qubits, measurement {k}");
            let shift = |engine: Engine| 4.0 * engine.gradients(case.ops.len());
            compare(&name, &case, &loss.measurement, GradientMethod::ParameterShift, shift);
            compare(&name, &case, &loss.measurement, DIFFERENCES, |engine| shift(engine).max(1e-7));
        }
    }
}

/// Rules of single gates, without rewrites.
#[test]
fn shifts_without_rewrites() {
    for seed in 0..4 {
        let case = random_case(seed, 3, 12, false);
        let measurement = &losses(seed, 3)[0].measurement;
        let of = |gradient, rewrites| {
            let config = QuantumLayerConfig { gradient, rewrites, ..Default::default() };
            gradients(&case, measurement, config, Engine::cpu(DType::F64), (3, seed)).unwrap().concat()
        };
        let expected = of(GradientMethod::Adjoint, candlewick::program::Rewrites::ALL);
        let actual = of(GradientMethod::ParameterShift, candlewick::program::Rewrites::NONE);
        close("without rewrites", &actual, &expected, 1e-10);
    }
}

/// Amplitudes have no shift rule; differences do without one.
#[test]
fn embedded_features() {
    let case = random_case(8, 3, 10, true);
    let measurement = Measurement::expectation([Z(0), X(1)]);
    compare("embedded", &case, &measurement, DIFFERENCES, |engine| engine.gradients(10).max(1e-7));
    let error = gradients(&case, &measurement, with(GradientMethod::ParameterShift), Engine::cpu(DType::F64), (3, 1));
    assert!(error.unwrap_err().to_string().starts_with("parameter shift cannot find the gradient of features"));
    // The weights behind them do have one.
    let engine = Engine::cpu(DType::F64);
    let mut rng = rng(3);
    let x = tensor(&[uniform(&mut rng, 8), uniform(&mut rng, 8)], DType::F64);
    let w = Var::from_tensor(&tensor(&[uniform(&mut rng, 5)], DType::F64).flatten_all().unwrap()).unwrap();
    let of = |method| {
        let tensors = HashMap::from([("w".to_owned(), w.as_tensor().clone())]);
        let vb = VarBuilder::from_tensors(tensors, engine.dtype, &Device::Cpu);
        let layer = QuantumLayer::with_config(case.circuit(), measurement.clone(), with(method), vb).unwrap();
        let store = layer.try_forward(&x).unwrap().sum_all().unwrap().backward().unwrap();
        store.get(&w).unwrap().to_vec1::<f64>().unwrap()
    };
    close("weights", &of(GradientMethod::ParameterShift), &of(GradientMethod::Adjoint), 1e-10);
}

/// Each order of differences is of that order: a step of half the size leaves `2^-order` of the error.
#[test]
fn orders_of_differences() {
    let case = random_case(2, 2, 10, false);
    let measurement = Measurement::expectation([Z(0), Y(1)]);
    let of = |method| gradients(&case, &measurement, with(method), Engine::cpu(DType::F64), (3, 4)).unwrap().concat();
    let exact = of(GradientMethod::Adjoint);
    for (order, step) in [(1, 1e-3), (2, 1e-2), (4, 0.05), (6, 0.1), (8, 0.15)] {
        let error = |step| {
            let found = of(GradientMethod::FiniteDifference { step, order });
            found.iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        let ratio = error(step) / error(step / 2.0);
        assert!((ratio.log2() - order as f64).abs() < 0.2, "order {order}: the error falls by {ratio}");
    }
}

/// Random directions: unbiased, with the variance that independent signs give, and other draws at each call.
#[test]
fn random_directions() -> Result<()> {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", 3);
    circuit.ry(w.at([0]) + input(0), 0).crx(w.at([1]), 0, 1).rz(w.at([2]), 1).ry(input(1), 1);
    let x = Var::new(&[[0.3, -0.7]], &Device::Cpu)?;
    let w = Var::new(&[0.4, 1.1, -0.8], &Device::Cpu)?;
    let layer = |gradient| {
        let vb = VarBuilder::from_tensors(
            HashMap::from([("w".to_owned(), w.as_tensor().clone())]),
            DType::F64,
            &Device::Cpu,
        );
        QuantumLayer::with_config(circuit.clone(), Measurement::expectation([Z(1)]), with(gradient), vb)
    };
    let gradient = |layer: &QuantumLayer| -> Result<Vec<f64>> {
        let store = layer.try_forward(&x)?.sum_all()?.backward()?;
        let of = |var: &Var| store.get(var).expect("a gradient").flatten_all()?.to_vec1::<f64>();
        Ok([of(&x)?, of(&w)?].concat())
    };
    let exact = gradient(&layer(GradientMethod::Adjoint)?)?;
    let samples = 20_000;
    let spsa = GradientMethod::Spsa { samples, step: 1e-4, seed: 9 };
    let random = layer(spsa)?;
    let (first, second) = (gradient(&random)?, gradient(&random)?);
    assert_ne!(first, second);
    assert_eq!(first, gradient(&layer(spsa)?)?);
    let square: f64 = exact.iter().map(|g| g * g).sum();
    for (found, exact) in first.iter().zip(&exact) {
        // The other components come in with random signs.
        let deviation = ((square - exact * exact) / samples as f64).sqrt();
        assert!((found - exact).abs() < 5.0 * deviation + 1e-7, "{found} {exact} ± {deviation}");
    }
    Ok(())
}

#[test]
fn settings_out_of_range() {
    let build = |config| {
        let mut circuit = Circuit::new(1);
        circuit.rx(input(0), 0);
        let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
        QuantumLayer::with_config(circuit, Measurement::expectation([Z(0)]), config, vb).unwrap_err()
    };
    let differences = |step, order| with(GradientMethod::FiniteDifference { step, order });
    for (config, expected) in [
        (differences(0.0, 2), "step of finite differences is 0; it must be a finite number above 0"),
        (differences(f64::NAN, 2), "step of finite differences is NaN; it must be a finite number above 0"),
        (differences(0.1, 3), "order of finite differences is 3; it must be 1, 2, 4, 6 or 8"),
        (
            with(GradientMethod::Spsa { samples: 0, step: 0.1, seed: 1 }),
            "samples of SPSA is 0; it must be 1 to 1048576",
        ),
        (
            QuantumLayerConfig { shots: Some(0), ..Default::default() },
            "measurement: expected 1 to 4294967295 shots, got 0",
        ),
    ] {
        assert_eq!(build(config).to_string(), expected);
    }
    let config = QuantumLayerConfig { shots: Some(10), ..with(GradientMethod::Adjoint) };
    assert!(matches!(build(config), Error::NoGradient { .. }));
}

/// Features that become amplitudes have no shift rule, which matters where something in front of them is trained.
#[test]
fn embedded_features_in_front_of_shots() -> Result<()> {
    let mut circuit = Circuit::new(2);
    circuit.amplitude_embedding(0..4);
    circuit.real_amplitudes("w", 1, Entanglement::Linear);
    let x = Var::new(&[[0.1f64, 0.4, -0.3, 0.8]], &Device::Cpu)?;
    let layer = |gradient| {
        let config = QuantumLayerConfig { shots: Some(1000), gradient, ..Default::default() };
        let vb = candlewick::nn::SeededInit::new(1).var_builder(&VarMap::new(), DType::F64, &Device::Cpu);
        QuantumLayer::with_config(circuit.clone(), Measurement::probabilities([0, 1]), config, vb)
    };
    let error = layer(GradientMethod::Auto)?.try_forward(&x).expect_err("no rule");
    assert!(matches!(error, Error::NoGradient { .. }), "{error:?}");
    for way in ["parameter shift", "detach", "FiniteDifference", "Spsa"] {
        assert!(error.to_string().contains(way), "{error}");
    }
    // The ways that it names.
    let auto = layer(GradientMethod::Auto)?;
    let gradients = auto.try_forward(&x.detach())?.sqr()?.sum_all()?.backward()?;
    let weights = auto.weights().next().expect("a weight tensor").1;
    assert!(gradients.get(weights).is_some());
    for gradient in [
        GradientMethod::FiniteDifference { step: 0.1, order: 2 },
        GradientMethod::Spsa { samples: 2, step: 0.1, seed: 1 },
    ] {
        assert!(layer(gradient)?.try_forward(&x)?.sqr()?.sum_all()?.backward()?.get(&x).is_some());
    }
    Ok(())
}

/// A NaN makes the gradients of its sample NaN, and of no other sample.
#[test]
fn a_nan_stays_in_its_row() -> Result<()> {
    let mut circuit = Circuit::new(1);
    circuit.rx(input(0), 0).ry(input(1), 0);
    for method in [GradientMethod::ParameterShift, DIFFERENCES, GradientMethod::Spsa { samples: 2, step: 0.1, seed: 1 }]
    {
        let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
        let layer = QuantumLayer::with_config(circuit.clone(), Measurement::expectation([Z(0)]), with(method), vb)?;
        let x = Var::new(&[[0.1, 0.2], [f64::NAN, 0.3], [0.4, 0.5]], &Device::Cpu)?;
        let store = layer.try_forward(&x)?.sum_all()?.backward()?;
        let nan: Vec<bool> =
            store.get(&x).expect("a gradient").to_vec2::<f64>()?.concat().iter().map(|g| g.is_nan()).collect();
        assert_eq!(nan, [false, false, true, true, false, false], "{method:?}");
    }
    Ok(())
}

/// Other dtypes, leading dimensions and no samples at all go the same way as with the adjoint method.
#[test]
fn shapes_and_dtypes() -> Result<()> {
    let mut circuit = Circuit::new(2);
    circuit.ry(input(0), 0).crx(input(1), 0, 1);
    for (dtype, tolerance) in [(DType::F16, 2e-3), (DType::BF16, 2e-2), (DType::F32, 1e-6), (DType::F64, 1e-12)] {
        for dims in [vec![2], vec![2, 3, 2], vec![0, 2]] {
            let gradient = |method| -> Result<Vec<f64>> {
                let vb = VarBuilder::zeros(dtype, &Device::Cpu);
                let measurement = Measurement::expectation([Z(0), Z(1)]);
                let layer = QuantumLayer::with_config(circuit.clone(), measurement, with(method), vb)?;
                let x = Var::from_tensor(&Tensor::ones(dims.clone(), dtype, &Device::Cpu)?)?;
                let y = layer.try_forward(&x)?;
                assert_eq!((y.dims(), y.dtype()), (&dims[..], dtype));
                if y.elem_count() == 0 {
                    return Ok(Vec::new());
                }
                let store = y.sum_all()?.backward()?;
                let gradient = store.get(&x).expect("a gradient");
                assert_eq!((gradient.dims(), gradient.dtype()), (&dims[..], dtype));
                gradient.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
            };
            let exact = gradient(GradientMethod::Adjoint)?;
            for method in [GradientMethod::ParameterShift, DIFFERENCES] {
                close(&format!("{dtype:?}, {method:?}"), &gradient(method)?, &exact, tolerance);
            }
        }
    }
    Ok(())
}

/// Random directions are taken in F64 too; a step that moves nothing would give a gradient of 0.
#[test]
fn small_steps() -> Result<()> {
    let slope = |method| -> Result<f64> {
        let mut circuit = Circuit::new(1);
        circuit.rx(input(0), 0);
        let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
        let layer = QuantumLayer::with_config(circuit, Measurement::expectation([Z(0)]), with(method), vb)?;
        let x = Var::new(&[[0.7f32]], &Device::Cpu)?;
        let store = layer.try_forward(&x)?.sum_all()?.backward()?;
        Ok(store.get(&x).expect("a gradient").to_vec2::<f32>()?[0][0].into())
    };
    for method in [
        GradientMethod::Spsa { samples: 1, step: 1e-6, seed: 1 },
        GradientMethod::FiniteDifference { step: 1e-6, order: 2 },
    ] {
        assert!((slope(method)? + 0.7f64.sin()).abs() < 1e-6, "{method:?}");
    }
    for method in [
        GradientMethod::Spsa { samples: 1, step: 1e-20, seed: 1 },
        GradientMethod::FiniteDifference { step: 1e-20, order: 2 },
    ] {
        let error = slope(method).unwrap_err().to_string();
        assert!(error.contains("large enough to move every input and weight"), "{error}");
    }
    Ok(())
}

/// Points are cut into batches that keep to a limit of memory.
#[test]
fn memory_limits() -> Result<()> {
    let mut circuit = Circuit::new(10);
    circuit.strongly_entangling_layers("w", 2);
    circuit.ry(input(0), 0);
    let x = Tensor::ones((64, 1), DType::F32, &Device::Cpu)?;
    let config =
        |gradient, shots| QuantumLayerConfig { gradient, shots, memory_limit: Some(1 << 20), ..Default::default() };
    for (gradient, shots) in [
        (GradientMethod::Adjoint, None),
        (GradientMethod::ParameterShift, None),
        (GradientMethod::ParameterShift, Some(10)),
    ] {
        let varmap = candle_nn::VarMap::new();
        let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
        let measurement = Measurement::expectation([Z(0)]);
        let layer = QuantumLayer::with_config(circuit.clone(), measurement, config(gradient, shots), vb)?;
        layer.try_forward(&x)?.sum_all()?.backward()?;
        assert_eq!(layer.counts(Some(&x), 5)?.len(), 64);
    }
    Ok(())
}
