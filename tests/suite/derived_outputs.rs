//! Outputs that derive from an engine's, where the list of measurements does not lead: shapes of weights, variables of
//! coefficients alone, constants, limits, indices of errors.

use crate::lab::{close, engines, rows, tensor};
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use candlewick::error::MemoryError;
use candlewick::functional::{self, Wrt};
use candlewick::nn::{QuantumNaturalGradient, QuantumNaturalGradientConfig};
use candlewick::prelude::*;
use candlewick::program::Program;
use candlewick::{Error, Mistake};

/// Weight tensors of any rank, alone and beside others, in batches as large as a dimension.
#[test]
fn coefficients_of_tensors_of_every_rank() -> Result<()> {
    for engine in engines() {
        let device = (engine.device)();
        for (shape, index) in
            [(vec![], vec![]), (vec![2], vec![1]), (vec![2, 2], vec![0, 1]), (vec![2, 1, 2], vec![1, 0, 1])]
        {
            for beside in [false, true] {
                let mut circuit = Circuit::new(1).with_inputs(1);
                let w = circuit.weights("w", shape.clone());
                if beside {
                    _ = circuit.weights("a", (2, 3));
                }
                let measurement = Measurement::expectation([w.at(&index) * Z(0)]);
                let count: usize = shape.iter().product();
                let flat = Tensor::arange(10f64, 10.0 + count as f64, &Device::Cpu)?;
                let w = Var::from_tensor(&flat.reshape(shape.clone())?.to_dtype(engine.dtype)?.to_device(&device)?)?;
                let a = Tensor::zeros((2, 3), engine.dtype, &device)?;
                let x = Tensor::zeros((2, 1), engine.dtype, &device)?;
                let named = [("w", w.as_tensor()), ("a", &a)];
                let weights = if beside { &named[..] } else { &named[..1] };
                let place = index.iter().zip(&shape).fold(0, |place, (i, n)| place * n + i);
                (engine.enter)(&mut || {
                    let y = functional::evaluate(&circuit, &measurement, Some(&x), weights).expect("outputs");
                    let expected = vec![vec![10.0 + place as f64]; 2];
                    assert_eq!(rows(&y), expected, "{}, {shape:?}", engine.name);
                    let store = y.sum_all().and_then(|y| y.backward()).expect("gradients");
                    let slopes = rows(&store.get(&w).expect("a gradient").flatten_all().unwrap().unsqueeze(0).unwrap());
                    let expected: Vec<f64> = (0..count).map(|k| if k == place { 2.0 } else { 0.0 }).collect();
                    assert_eq!(slopes[0], expected, "{}, {shape:?}", engine.name);
                });
            }
        }
    }
    Ok(())
}

/// Weights and features that no angle reads have exact gradients by methods that move variables at random, too.
#[test]
fn variables_of_coefficients_alone() -> Result<()> {
    let mut circuit = Circuit::new(1).with_inputs(1);
    let (a, w) = (circuit.weights("a", 1), circuit.weights("w", 1));
    circuit.ry(a.at(0), 0);
    let measurement = Measurement::expectation([w.at(0) * input(0) * Z(0)]);
    let x = Var::new(&[[1.5f64]], &Device::Cpu)?;
    for gradient in [
        GradientMethod::Adjoint,
        GradientMethod::ParameterShift,
        GradientMethod::Spsa { samples: 1, step: 1e-3, seed: 1 },
        GradientMethod::FiniteDifference { step: 1e-3, order: 2 },
    ] {
        let varmap = VarMap::new();
        let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
        let config = QuantumLayerConfig { gradient, ..Default::default() };
        let layer = QuantumLayer::with_config(circuit.clone(), measurement.clone(), config, vb)?;
        let weights: Vec<(&str, &Tensor)> = layer.weights().collect();
        let [(_, a), (_, w)] = weights[..] else { panic!("two tensors") };
        let [angle, factor] = [a, w].map(|tensor| tensor.to_vec1::<f64>().expect("numbers")[0]);
        let store = layer.try_forward(&x)?.sum_all()?.backward()?;
        let slope = |of: &Tensor| store.get(of).expect("a gradient").flatten_all()?.to_vec1::<f64>();
        close("w", &slope(w)?, &[1.5 * angle.cos()], 1e-12);
        close("x", &slope(&x)?, &[factor * angle.cos()], 1e-12);
        close("a", &slope(a)?, &[-1.5 * factor * angle.sin()], 1e-5);
    }
    Ok(())
}

/// The metric of a weight that no angle reads is 1: its step is that of gradient descent.
#[test]
fn natural_gradients_of_coefficients() -> Result<()> {
    let mut circuit = Circuit::new(1);
    let (a, w) = (circuit.weights("a", 1), circuit.weights("w", 1));
    circuit.ry(a.at(0), 0);
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([w.at(0) * w.at(0) * Z(0)]), vb)?;
    let numbers = || layer.weights().map(|(_, tensor)| Ok(tensor.to_vec1::<f64>()?[0])).collect::<Result<Vec<_>>>();
    let before = numbers()?;
    let config = QuantumNaturalGradientConfig { learning_rate: 0.1, damping: 1e-9, ..Default::default() };
    QuantumNaturalGradient::new(&layer, config)?.backward_step(&layer.evaluate()?.sum_all()?, None)?;
    let (a, w) = (before[0], before[1]);
    // The metric of a rotation is 1/4.
    close("step", &numbers()?, &[a + 0.1 * 4.0 * w * w * a.sin(), w - 0.1 * 2.0 * w * a.cos()], 1e-6);
    Ok(())
}

/// A large multiple of the identity under a condition costs no digit of a gradient in F32.
#[test]
fn constants_under_a_condition() -> Result<()> {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", 1);
    circuit.ry(input(0), 0).ry(input(1), 1).cx(0, 1).ry(input(1), 0);
    let slopes = |constant: f64, dtype: DType| -> Result<Vec<f64>> {
        let observable =
            Z(0) + constant * Observable::identity() + w.at(0) * (X(0) + constant * Observable::identity());
        let x = Var::from_tensor(&tensor(&[vec![0.7, 0.9]], dtype))?;
        let w = Tensor::new(&[0.5f64], &Device::Cpu)?.to_dtype(dtype)?;
        let measurement = Measurement::expectation([observable]).postselect([(1, true)]);
        let y = functional::evaluate(&circuit, &measurement, Some(&x), &[("w", &w)])?;
        let first = y.narrow(1, 0, 1)?;
        let gradients = first.sum_all()?.backward()?;
        Ok([rows(&first).concat(), rows(gradients.get(&x).expect("a gradient")).concat()].concat())
    };
    let exact = slopes(0.0, DType::F64)?;
    for dtype in [DType::F32, DType::F64] {
        let found = slopes(1e6, dtype)?;
        let tolerance = if dtype == DType::F64 { 1e-9 } else { 1e-5 };
        close("value", &found[..1], &[exact[0] + 1.5e6], 1e-6);
        close("gradient", &found[1..], &exact[1..], tolerance);
    }
    Ok(())
}

#[test]
fn derivatives_of_no_samples() -> Result<()> {
    let mut circuit = Circuit::new(2);
    circuit.ry(input(0), 0).ry(input(1), 1);
    for dtype in [DType::F16, DType::F32, DType::F64] {
        let x = Tensor::zeros((0, 2), dtype, &Device::Cpu)?;
        for measurement in [
            Measurement::expectation([Z(0)]).postselect([(1, true)]),
            Measurement::expectation([input(0) * Z(0), Z(1)]),
        ] {
            let y = functional::evaluate(&circuit, &measurement, Some(&x), &[])?;
            let jacobian = functional::jacobian(&circuit, &measurement, Some(&x), &[], Wrt::Inputs)?;
            let hessian = functional::hessian(&circuit, &measurement, Some(&x), &[], Wrt::Inputs)?;
            assert_eq!((y.dims(), jacobian.dims(), hessian.dims()), (&[0, 2][..], &[0, 2, 2][..], &[0, 2, 2, 2][..]));
        }
    }
    Ok(())
}

/// With few shots no shot may meet the condition, although it can be met.
#[test]
fn no_shot_that_meets_the_condition() -> Result<()> {
    let mut circuit = Circuit::new(2);
    circuit.ry(0.1, 1).h(0);
    let measurement = Measurement::expectation([X(0), Y(0), Z(0)]).postselect([(1, true)]);
    let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
    let mut seen = [false; 2];
    for seed in 0..40 {
        let config = QuantumLayerConfig { shots: Some(100), seed, ..Default::default() };
        let layer = QuantumLayer::with_config(circuit.clone(), measurement.clone(), config, vb.clone())?;
        let y = layer.evaluate()?.to_vec1::<f64>()?;
        let never = y[3] == 0.0;
        seen[usize::from(never)] = true;
        assert!(y[..3].iter().all(|value| value.is_nan() == never && !value.is_infinite()), "{y:?}");
    }
    assert_eq!(seen, [true, true]);
    Ok(())
}

/// Errors name the observable as the user counts them, whatever an engine evaluates.
#[test]
fn observables_in_errors() {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", 1);
    let term = || w.at(0) * Z(0) + X(1);
    let index = |error: Error| match error {
        Error::Observable { index, mistake } => (index, mistake),
        other => panic!("{other:?}"),
    };
    let all = Measurement::all([Measurement::expectation([Z(0), Z(1)]), Measurement::variance([Z(0), term()])]);
    let (at, mistake) = index(Program::new(&circuit, &all).expect_err("a variance of expressions"));
    assert!(at == 3 && matches!(mistake, Mistake::VariableCoefficient { .. }), "{at} {mistake:?}");

    let all = Measurement::all([
        Measurement::probabilities([0]),
        Measurement::expectation([term(), term()]),
        Measurement::variance([X(0) + Z(0)]),
    ]);
    let config = QuantumLayerConfig { shots: Some(10), ..Default::default() };
    let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
    let (at, mistake) = index(QuantumLayer::with_config(circuit.clone(), all, config, vb).expect_err("two bases"));
    assert!(at == 2 && matches!(mistake, Mistake::VarianceBases), "{at} {mistake:?}");

    let wide = Circuit::new(30);
    let spread = Observable::hermitian(&vec![num_complex::Complex64::from(1.0); 64 * 64], 0..6);
    let all = Measurement::all([
        Measurement::expectation([Z(0), Z(1)]).postselect([(2, true)]),
        Measurement::expectation([Z(0), spread]).postselect((5..30).map(|qubit| (qubit, true))),
    ]);
    let (at, mistake) = index(Program::new(&wide, &all).expect_err("too many words"));
    assert!(at == 3 && matches!(mistake, Mistake::Expansion { .. }), "{at} {mistake:?}");
}

/// Limits are checked before memory is taken.
#[test]
fn too_many_outputs() {
    let circuit = Circuit::new(58);
    let probabilities = |qubits: usize| Measurement::probabilities(0..qubits);
    let many = Measurement::all((0..64).map(|_| probabilities(20))).postselect([(20, true)]);
    let error = Program::new(&circuit, &many).expect_err("67 million projectors");
    let limit = |error: &Error| match error {
        Error::Observable { mistake: Mistake::TooMany { what, limit }, .. }
        | Error::Measurement(Mistake::TooMany { what, limit }) => (*what, *limit),
        other => panic!("{other:?}"),
    };
    assert_eq!(limit(&error), ("values under a condition", 1 << 20));
    let wide = Measurement::all((0..80).map(|_| probabilities(58)).chain([Measurement::expectation([Z(0), Z(1)])]));
    for measurement in
        [wide.clone(), Measurement::all([wide, Measurement::expectation([Z(0)]).postselect([(3, true)])])]
    {
        let error = Program::new(&circuit, &measurement).expect_err("more than 2^64");
        assert_eq!(limit(&error), ("outputs", usize::MAX - 1));
    }
    let large = Measurement::all([probabilities(58), Measurement::expectation([Z(0)]).postselect([(3, true)])]);
    let error = functional::evaluate(&circuit, &large, None, &[]).expect_err("more than any memory");
    assert!(matches!(error, Error::Memory(MemoryError::States { .. } | MemoryError::Numbers { .. })), "{error:?}");
    assert!(Program::new(&circuit, &large).expect("a program").to_string().contains("58 qubits"));
}

/// Words that flip a qubit of the condition have no part there, whatever the number of its qubits.
#[test]
fn words_under_a_wide_condition() -> Result<()> {
    let mut circuit = Circuit::new(16);
    (0..16).for_each(|q| _ = circuit.ry(0.1 * q as f64 + 0.3, q));
    let condition = (0..15).map(|q| (q, q % 2 == 0));
    let words = [X(0), Z(0), Z(1) * Z(3) * Z(4), X(0) * X(15), Z(2) * Z(15)];
    let measurement = Measurement::expectation(words).postselect(condition);
    let y = functional::evaluate(&circuit, &measurement, None, &[])?.to_vec1::<f32>()?;
    let angle = 0.1f32 * 15.0 + 0.3;
    let expected = [0.0, -1.0, -1.0, 0.0, -angle.cos()];
    assert!(y.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-4), "{y:?} {expected:?}");
    Ok(())
}
