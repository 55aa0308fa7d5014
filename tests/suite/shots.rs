//! Finite shots: outputs, gradients and outcomes against exact values, within the limits of chance.

use crate::lab::{rows, tensor};
use crate::oracle::*;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::VarBuilder;
use candlewick::error::{MemoryError, StatesError, TensorError};
use candlewick::prelude::*;
use candlewick::{Error, Mistake};
use std::collections::HashMap;

/// Largest deviation of a result, in standard deviations: with fixed seeds the test always passes or always fails.
const SIGMAS: f64 = 5.0;

fn layer(case: &Case, measurement: Measurement, config: QuantumLayerConfig, w: &Tensor) -> Result<QuantumLayer> {
    let tensors = HashMap::from([("w".to_owned(), w.clone())]);
    let vb = VarBuilder::from_tensors(tensors, w.dtype(), &Device::Cpu);
    Ok(QuantumLayer::with_config(case.circuit(), measurement, config, vb)?)
}

fn with(shots: usize, seed: u64) -> QuantumLayerConfig {
    QuantumLayerConfig { shots: Some(shots), seed, ..Default::default() }
}

/// A case with inputs of three samples and weights.
fn point(seed: u64, qubits: usize) -> (Case, Var, Var) {
    let case = random_case(seed, qubits, 12, false);
    let mut rng = rng(seed);
    let x: Vec<Vec<f64>> = (0..3).map(|_| uniform(&mut rng, case.inputs)).collect();
    let w = tensor(&[uniform(&mut rng, case.weights)], DType::F64).flatten_all().unwrap();
    (case, Var::from_tensor(&tensor(&x, DType::F64)).unwrap(), Var::from_tensor(&w).unwrap())
}

/// Pauli words, whose outcomes are ±1: the deviation of a mean of `n` is `sqrt((1 - <P>²) / n)`.
#[test]
fn expectation_values_of_words() -> Result<()> {
    let words = ["X0", "Y1", "Z2", "X0 Y1", "Y0 Y2", "X0 X1 Z2", "Z0 Z1"];
    let measurement = Measurement::expectation(words.map(|word| Observable::pauli_sum([(1.0, word)])));
    for seed in 0..5 {
        let (case, x, w) = point(seed, 3);
        let exact = rows(&layer(&case, measurement.clone(), QuantumLayerConfig::default(), &w)?.try_forward(&x)?);
        for shots in [100, 10_000] {
            let sampled = rows(&layer(&case, measurement.clone(), with(shots, seed), &w)?.try_forward(&x)?);
            for (sampled, exact) in sampled.concat().iter().zip(exact.concat()) {
                let deviation = ((1.0 - exact * exact).max(0.0) / shots as f64).sqrt();
                assert!((sampled - exact).abs() <= SIGMAS * deviation + 1e-9, "{sampled} {exact} ± {deviation}");
                // A multiple of 2/shots: it does come from so many shots.
                let steps = (sampled + 1.0) * shots as f64 / 2.0;
                assert!((steps - steps.round()).abs() < 1e-6, "{sampled}");
            }
        }
    }
    Ok(())
}

/// The mean of every other estimate over many calls is the exact value, within the deviation of the calls.
#[test]
fn every_estimate_is_unbiased() -> Result<()> {
    let hermitian = Obs::Hermitian(random_hermitian(&mut rng(4), 2), vec![2, 0]).observable();
    let sum = 0.5 * Z(0) * Z(1) + 1.2 * X(2) - 0.7 * Y(1) * X(0) + 0.3 * Observable::identity();
    let measurements = [
        Measurement::expectation([sum, hermitian]),
        Measurement::expectation([Observable::diagonal([0.5, -1.0, 2.0, 0.1]), Observable::projector([true, false])]),
        Measurement::expectation([
            Observable::diagonal_on([0.5, -1.0, 2.0, 0.1], [2, 0]),
            Observable::projector_on([(2, true), (1, false)]) * X(0),
            Z(1) * Observable::diagonal_on([0.5, -1.0, 2.0, 0.1], [2, 1]) + 0.5 * X(1),
        ]),
        Measurement::variance([Z(0) + 0.5 * Z(1) * Z(2), X(1) * Y(0)]),
        Measurement::variance([
            Observable::projector_on([(2, true)]) * X(0) + Observable::diagonal_on([0.3, -1.0, 0.2, 2.0], [2, 1])
        ]),
        Measurement::probabilities([2, 0]),
        Measurement::all([
            Measurement::probabilities([1]),
            Measurement::expectation([X(2) + 0.5 * Observable::identity()]),
            Measurement::variance([Y(0)]),
            Measurement::probabilities([2, 0]),
            Measurement::expectation([Z(1), Z(0) * X(2)]),
        ]),
        Measurement::expectation([weights(RANDOM_WEIGHTS).at(0) * Z(1) + input(1) * X(2) * Y(0) - 0.3 * X(1)]),
    ];
    let (case, x, w) = point(7, 3);
    for measurement in measurements {
        let exact =
            rows(&layer(&case, measurement.clone(), QuantumLayerConfig::default(), &w)?.try_forward(&x)?).concat();
        let sampled = layer(&case, measurement.clone(), with(50, 3), &w)?;
        let calls: Vec<Vec<f64>> =
            (0..400).map(|_| Ok(rows(&sampled.forward_detached(&x)?).concat())).collect::<Result<_>>()?;
        unbiased(&format!("{measurement:?}"), &calls, &exact);
    }
    Ok(())
}

/// Values under a condition are means over the shots that meet it: a quotient of two estimates from the same shots, whose
/// deviation is `sqrt((1 - value²) / kept)` for words.
#[test]
fn values_under_a_condition() -> Result<()> {
    let shots = 20_000;
    for seed in 0..4 {
        let (case, x, w) = point(seed, 3);
        let measurement = Measurement::expectation([Z(0), X(0) * Z(1)]).postselect([(2, true)]);
        let exact = rows(&layer(&case, measurement.clone(), QuantumLayerConfig::default(), &w)?.try_forward(&x)?);
        let sampled = rows(&layer(&case, measurement, with(shots, seed), &w)?.try_forward(&x)?);
        for (sampled, exact) in sampled.iter().zip(&exact) {
            let kept = exact[2] * shots as f64;
            for (found, value) in sampled.iter().zip(&exact[..2]) {
                let deviation = ((1.0 - value * value).max(0.0) / kept).sqrt();
                // The probability of the second value comes from other shots than the value.
                assert!((found - value).abs() <= SIGMAS * (deviation + 1.0 / kept.sqrt()), "{found} {value}");
            }
            let deviation = (exact[2] * (1.0 - exact[2]) / shots as f64).sqrt();
            assert!((sampled[2] - exact[2]).abs() <= SIGMAS * deviation);
        }
    }
    Ok(())
}

/// The means of columns are as expected, within what the columns' own deviations allow.
fn unbiased(what: &str, calls: &[Vec<f64>], exact: &[f64]) {
    let n = calls.len() as f64;
    for (k, exact) in exact.iter().enumerate() {
        let mean = calls.iter().map(|call| call[k]).sum::<f64>() / n;
        let variance = calls.iter().map(|call| (call[k] - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let deviation = (variance / n).sqrt();
        assert!((mean - exact).abs() <= SIGMAS * deviation + 1e-9, "{what}, entry {k}: {mean} {exact} ± {deviation}");
    }
}

#[test]
fn gradients_by_shift_are_unbiased() -> Result<()> {
    let (case, x, w) = point(11, 2);
    let measurements = [
        Measurement::expectation([Z(0) + 0.5 * x_and_y(), Z(1)]),
        Measurement::variance([Z(0) * Z(1)]),
        Measurement::probabilities([0, 1]),
        Measurement::all([
            Measurement::variance([X(0)]),
            Measurement::probabilities([1]),
            Measurement::expectation([Z(0), x_and_y()]),
        ]),
        Measurement::expectation([weights(RANDOM_WEIGHTS).at(0) * Z(1) + input(1) * x_and_y()]),
    ];
    for measurement in measurements {
        let gradient = |layer: &QuantumLayer| -> Result<Vec<f64>> {
            let store = layer.try_forward(&x)?.sqr()?.sum_all()?.backward()?;
            let of = |var: &Var| store.get(var).expect("a gradient").flatten_all()?.to_vec1::<f64>();
            Ok([of(&x)?, of(&w)?].concat())
        };
        // The loss is linear in the outputs: squares of estimates are biased by their variance.
        let linear = |layer: &QuantumLayer| -> Result<Vec<f64>> {
            let y = layer.try_forward(&x)?;
            let weights = Tensor::arange(1f64, 1.0 + y.elem_count() as f64, &Device::Cpu)?.reshape(y.shape())?;
            let store = (y * weights)?.sum_all()?.backward()?;
            let of = |var: &Var| store.get(var).expect("a gradient").flatten_all()?.to_vec1::<f64>();
            Ok([of(&x)?, of(&w)?].concat())
        };
        let exact = linear(&layer(&case, measurement.clone(), QuantumLayerConfig::default(), &w)?)?;
        let sampled = layer(&case, measurement.clone(), with(40, 5), &w)?;
        let calls: Vec<Vec<f64>> = (0..150).map(|_| linear(&sampled)).collect::<Result<_>>()?;
        unbiased(&format!("{measurement:?}"), &calls, &exact);
        assert!(gradient(&sampled)?.iter().all(|g| g.is_finite()));
    }
    Ok(())
}

fn x_and_y() -> Observable {
    X(0) * Y(1)
}

/// The same seed draws the same, call by call, for any number of threads; another seed or call draws otherwise.
#[test]
fn seeds() -> Result<()> {
    let (case, x, w) = point(2, 3);
    let measurement = Measurement::expectation([Z(0), Y(1)]);
    let run = |threads: usize, seed: u64| -> Result<Vec<Vec<f64>>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
        pool.install(|| {
            let layer = layer(&case, measurement.clone(), with(100, seed), &w)?;
            let mut all = Vec::new();
            for _ in 0..2 {
                let y = layer.try_forward(&x)?;
                let store = y.sum_all()?.backward()?;
                all.push(rows(&y).concat());
                all.push(store.get(&w).expect("a gradient").to_vec1::<f64>()?);
                all.push(layer.sample(Some(&x), 3)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?);
            }
            Ok(all)
        })
    };
    let one = run(1, 1)?;
    assert_eq!(one, run(2, 1)?);
    assert_eq!(one, run(3, 1)?);
    assert_ne!(one[0], run(1, 2)?[0]);
    assert_ne!(one[0], one[3]);
    assert_ne!(one[1], one[4]);
    Ok(())
}

#[test]
fn outcomes_come_as_often_as_they_are_probable() -> Result<()> {
    let (case, x, w) = point(5, 3);
    let exact = layer(&case, Measurement::probabilities(0..3), QuantumLayerConfig::default(), &w)?;
    let exact = rows(&exact.try_forward(&x)?);
    let layer = layer(&case, Measurement::expectation([Z(0)]), QuantumLayerConfig::default(), &w)?;
    let shots = 20_000;
    let bits = layer.sample(Some(&x.unsqueeze(0)?), shots)?;
    assert_eq!((bits.dims(), bits.dtype()), (&[1, 3, shots, 3][..], DType::U32));
    let bits = bits.get(0)?.to_vec3::<u32>()?;
    let counts = layer.counts(Some(&x), shots)?;
    for (row, exact) in exact.iter().enumerate() {
        for (outcome, p) in exact.iter().enumerate() {
            let is = |bits: &Vec<u32>| (0..3).all(|q| bits[q] as usize == outcome >> q & 1);
            let sampled = bits[row].iter().filter(|bits| is(bits)).count() as f64;
            let counted = counts[row].get(&(outcome as u64)).copied().unwrap_or(0) as f64;
            let deviation = (shots as f64 * p * (1.0 - p)).sqrt();
            for found in [sampled, counted] {
                assert!((found - shots as f64 * p).abs() <= SIGMAS * deviation + 1e-6, "{found} {p} ± {deviation}");
            }
        }
        // Shots have a random order: the first half is like the second half.
        let first = bits[row][..shots / 2].iter().filter(|bits| bits[0] == 1).count() as f64;
        let all = bits[row].iter().filter(|bits| bits[0] == 1).count() as f64;
        let deviation = (all / 4.0).sqrt();
        assert!((first - all / 2.0).abs() <= SIGMAS * deviation + 1.0, "{first} of {all}");
    }
    Ok(())
}

#[test]
fn shapes_of_outcomes() -> Result<()> {
    let mut circuit = Circuit::new(2);
    circuit.x(1).ry(input(0), 0);
    let build = |dtype| {
        let vb = VarBuilder::zeros(dtype, &Device::Cpu);
        QuantumLayer::new(circuit.clone(), Measurement::expectation([Z(0)]), vb)
    };
    for dtype in [DType::F16, DType::F32, DType::F64] {
        let layer = build(dtype)?;
        let x = Tensor::zeros((2, 2, 1), dtype, &Device::Cpu)?;
        let bits = layer.sample(Some(&x), 3)?;
        assert_eq!(bits.dims(), [2, 2, 3, 2]);
        assert_eq!(bits.flatten_to(2)?.to_vec2::<u32>()?, vec![vec![0, 1]; 12]);
        assert_eq!(layer.sample(Some(&x.get(0)?.get(0)?), 1)?.to_vec2::<u32>()?, [[0, 1]]);
        assert_eq!(layer.sample(Some(&x.narrow(0, 0, 0)?), 3)?.dims(), [0, 2, 3, 2]);
        assert_eq!(layer.sample(Some(&x), 0)?.dims(), [2, 2, 0, 2]);
        assert_eq!(layer.counts(Some(&x), 7)?, vec![[(0b10, 7)].into(); 4]);
    }
    let layer = build(DType::F64)?;
    let nan = Tensor::new(&[[0.0], [f64::NAN]], &Device::Cpu)?;
    assert!(matches!(layer.sample(Some(&nan), 1), Err(Error::States(StatesError::NoOutcomes { sample: 1 }))));
    let wrong = Tensor::zeros((1, 2), DType::F64, &Device::Cpu)?;
    assert!(matches!(layer.counts(Some(&wrong), 1), Err(Error::Tensor(TensorError::InputWidth { .. }))));
    assert!(matches!(layer.counts(None, 1), Err(Error::Tensor(TensorError::MissingInputs { .. }))));
    let x = Tensor::zeros((1, 1), DType::F64, &Device::Cpu)?;
    let error = layer.counts(Some(&x), 1 << 32).unwrap_err();
    assert!(matches!(error, Error::Measurement(Mistake::Length { .. })), "{error}");
    let error = layer.sample(Some(&x), (1 << 32) - 1).unwrap_err();
    assert!(matches!(error, Error::Memory(MemoryError::Numbers { .. })), "{error}");
    Ok(())
}

/// A measurement that shots cannot estimate is an error when the layer is made; a NaN stays in its row.
#[test]
fn what_has_no_estimate() -> Result<()> {
    let build = |measurement| {
        let mut circuit = Circuit::new(2);
        circuit.ry(input(0), 0);
        let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
        QuantumLayer::with_config(circuit, measurement, with(10, 0), vb)
    };
    assert!(matches!(build(Measurement::state()), Err(Error::Measurement(Mistake::StateFromShots))));
    assert!(matches!(build(Measurement::variance([Z(0) + X(0)])), Err(Error::Observable { index: 0, .. })));
    let x = Tensor::new(&[[0.3], [f64::NAN], [0.5]], &Device::Cpu)?;
    let y = rows(&build(Measurement::expectation([Z(0), Z(1)]))?.try_forward(&x)?);
    let nan: Vec<bool> = y.concat().iter().map(|y| y.is_nan()).collect();
    assert_eq!(nan, [false, false, true, true, false, false]);
    Ok(())
}

/// Differences and random directions take samples as well.
#[test]
fn other_methods_with_shots() -> Result<()> {
    let (case, x, w) = point(13, 2);
    let step = 0.3;
    for gradient in
        [GradientMethod::FiniteDifference { step, order: 2 }, GradientMethod::Spsa { samples: 4, step, seed: 1 }]
    {
        let layer =
            layer(&case, Measurement::expectation([Z(0)]), QuantumLayerConfig { gradient, ..with(200, 1) }, &w)?;
        let store = layer.try_forward(&x)?.sum_all()?.backward()?;
        let gradient = store.get(&w).expect("a gradient").to_vec1::<f64>()?;
        assert!(gradient.iter().all(|g| g.is_finite()) && gradient.iter().any(|g| *g != 0.0), "{gradient:?}");
    }
    Ok(())
}

/// Layers under different names are independent; layers of the same name and seed draw the same.
#[test]
fn layers_draw_independently() -> Result<()> {
    let mut circuit = Circuit::new(1);
    circuit.ry(std::f64::consts::FRAC_PI_2 - 0.2, 0);
    let varmap = candle_nn::VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let build = |name: &str| {
        QuantumLayer::with_config(circuit.clone(), Measurement::expectation([Z(0)]), with(10, 0), vb.pp(name))
    };
    let (first, second, again) = (build("first")?, build("second")?, build("first")?);
    let value = |layer: &QuantumLayer| layer.evaluate()?.to_vec1::<f64>().map(|y| y[0]);
    let calls = 4000;
    let mut products = Vec::new();
    for _ in 0..calls {
        let y = value(&first)?;
        assert_eq!(y, value(&again)?);
        products.push(vec![y * value(&second)?]);
    }
    unbiased("a product", &products, &[0.2f64.sin().powi(2)]);
    Ok(())
}

/// A call that needs more memory than there is fails before it allocates.
#[test]
fn more_than_fits() -> Result<()> {
    let mut circuit = Circuit::new(58);
    circuit.h(0);
    let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    let layer = QuantumLayer::with_config(circuit, Measurement::probabilities(0..40), with(5, 0), vb)?;
    assert!(matches!(layer.evaluate(), Err(Error::Memory(MemoryError::Numbers { .. }))));
    assert!(matches!(layer.counts(None, 5), Err(Error::Memory(MemoryError::States { .. }))));
    let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    let mut circuit = Circuit::new(1);
    circuit.rx(input(0), 0);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
    let integers = Tensor::zeros((1, 1), DType::U32, &Device::Cpu)?;
    assert!(matches!(layer.sample(Some(&integers), 1 << 31), Err(Error::Tensor(TensorError::UnsupportedDType { .. }))));
    assert!(layer.sample(Some(&Tensor::zeros((), DType::F32, &Device::Cpu)?), 1).is_err());
    Ok(())
}

/// A training run from shots repeats bit for bit with its seed.
#[test]
fn a_seed_fixes_a_training_run_from_shots() -> Result<()> {
    use candle_nn::{AdamW, Optimizer, VarMap};
    let train = |seed| -> Result<Vec<f32>> {
        let mut circuit = Circuit::new(2);
        let w = circuit.weights("w", (2, 2));
        for layer in 0..2 {
            circuit.ry(w.at([layer, 0]) + input(0), 0).crx(w.at([layer, 1]), 0, 1);
        }
        let varmap = VarMap::new();
        let vb = candlewick::nn::SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu);
        let measurement = Measurement::expectation([Z(0), Z(1)]);
        let quantum = QuantumLayer::with_config(circuit, measurement, with(100, seed), vb.pp("quantum"))?;
        let head = candle_nn::linear(2, 1, vb.pp("head"))?;
        let x = Tensor::new(&[[0.1f32], [0.7], [-0.4]], &Device::Cpu)?;
        let mut weights = varmap.all_vars();
        weights.sort_by_key(|var| var.elem_count());
        let mut optimizer = AdamW::new_lr(weights.clone(), 0.05)?;
        for _ in 0..10 {
            let loss = candle_core::Module::forward(&head, &quantum.try_forward(&x)?)?.sqr()?.sum_all()?;
            optimizer.backward_step(&loss)?;
        }
        Ok(weights.iter().map(|var| var.flatten_all()?.to_vec1::<f32>()).collect::<Result<Vec<_>>>()?.concat())
    };
    assert_eq!(train(3)?, train(3)?);
    assert_ne!(train(3)?, train(4)?);
    Ok(())
}

/// Outcomes in a product basis are as probable as those of the circuit with the change of basis at its end.
#[test]
fn outcomes_in_other_bases() -> Result<()> {
    let (case, x, w) = point(5, 3);
    let layer = layer(&case, Measurement::expectation([Z(0)]), QuantumLayerConfig::default(), &w)?;
    let shots = 20_000;
    for (basis, letters) in [(X(0) * Y(2), "XZY"), (Y(0) * X(1) * Y(2), "YXY"), (Observable::identity(), "ZZZ")] {
        let mut rotated = case.circuit();
        for (q, letter) in letters.chars().enumerate() {
            match letter {
                'X' => _ = rotated.h(q),
                'Y' => _ = rotated.sdg(q).h(q),
                _ => {}
            }
        }
        let weights: &[(&str, &Tensor)] = &[("w", &w)];
        let exact = candlewick::functional::evaluate(&rotated, &Measurement::probabilities(0..3), Some(&x), weights)?;
        let (bits, counts) = (layer.sample_in(&basis, Some(&x), shots)?, layer.counts_in(&basis, Some(&x), shots)?);
        assert_eq!(bits.dims(), [3, shots, 3]);
        for (row, exact) in rows(&exact).iter().enumerate() {
            let bits = bits.get(row)?.to_vec2::<u32>()?;
            for (outcome, p) in exact.iter().enumerate() {
                let is = |bits: &Vec<u32>| (0..3).all(|q| bits[q] as usize == outcome >> q & 1);
                let sampled = bits.iter().filter(|bits| is(bits)).count() as f64;
                let counted = counts[row].get(&(outcome as u64)).copied().unwrap_or(0) as f64;
                let deviation = (shots as f64 * p * (1.0 - p)).sqrt();
                for found in [sampled, counted] {
                    assert!((found - shots as f64 * p).abs() <= SIGMAS * deviation + 1e-6, "{letters}: {found} {p}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn bases_that_are_refused() -> Result<()> {
    let mut circuit = Circuit::new(3);
    circuit.h(0).measure(0, 1);
    let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
    let refused = [
        (X(3), Mistake::QubitOutOfRange { qubit: 3, qubits: 3 }),
        (X(0) + Y(2), Mistake::NotOneWord),
        (2.0 * X(0), Mistake::NotOneWord),
        (Observable::projector([true]), Mistake::NotOneWord),
        (Y(0) * X(1), Mistake::RecordRead { qubit: 1 }),
    ];
    for (basis, expected) in refused {
        for error in [layer.sample_in(&basis, None, 1).unwrap_err(), layer.counts_in(&basis, None, 1).unwrap_err()] {
            assert!(matches!(&error, Error::Observable { index: 0, mistake } if *mistake == expected), "{error}");
        }
    }
    assert_eq!(layer.sample_in(&(X(0) * Z(1) * Y(2)), None, 4)?.dims(), [4, 3]);
    Ok(())
}
