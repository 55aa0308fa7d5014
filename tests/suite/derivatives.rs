//! Jacobians, second derivatives and metric tensors against differences of the oracle.

use crate::lab::{close, tensor};
use crate::losses::{Loss, losses};
use crate::oracle::*;
use candle_core::{DType, Device, Result, Tensor, Var};
use candlewick::error::{MemoryError, TensorError, WeightsError};
use candlewick::functional::{self, MetricTensor, Wrt};
use candlewick::prelude::*;
use candlewick::{Error, functional::ValueAndGrad};
use num_complex::Complex64 as C;

/// Inputs of two samples and weights.
fn point(case: &Case, seed: u64) -> (Vec<Vec<f64>>, Vec<f64>) {
    let mut rng = rng(seed);
    ((0..2).map(|_| uniform(&mut rng, case.inputs)).collect(), uniform(&mut rng, case.weights))
}

fn tensors(x: &[Vec<f64>], w: &[f64]) -> (Tensor, Tensor) {
    (tensor(x, DType::F64), tensor(&[w.to_vec()], DType::F64).flatten_all().unwrap())
}

/// The derivative of each entry of `f` in each coordinate, by differences of order 6: `[entries][coordinates]`.
fn differences(point: &[f64], f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<Vec<f64>> {
    let step = 2e-3;
    let columns: Vec<Vec<f64>> = (0..point.len())
        .map(|k| {
            let at = |by: f64| {
                let mut point = point.to_vec();
                point[k] += by * step;
                f(&point)
            };
            let sides: Vec<_> = (1..=3).map(|d| (at(f64::from(d)), at(-f64::from(d)))).collect();
            let factors = [45.0, -9.0, 1.0];
            let entry = |e: usize| sides.iter().zip(factors).map(|((a, b), c)| c * (a[e] - b[e])).sum::<f64>();
            (0..sides[0].0.len()).map(|e| entry(e) / (60.0 * step)).collect()
        })
        .collect();
    (0..columns.first().map_or(0, Vec::len)).map(|e| columns.iter().map(|column| column[e]).collect()).collect()
}

/// One sample's outputs as a function of the variables that derivatives are taken in.
fn outputs_of<'a>(
    case: &'a Case,
    loss: &'a Loss,
    (x, w): (&'a [f64], &'a [f64]),
    wrt: Wrt,
) -> (Vec<f64>, impl Fn(&[f64]) -> Vec<f64> + 'a) {
    let point = if wrt == Wrt::Inputs { x } else { w }.to_vec();
    (point, move |point: &[f64]| match wrt {
        Wrt::Inputs => (loss.outputs)(&case.state(point, w), point, w),
        _ => (loss.outputs)(&case.state(x, point), x, point),
    })
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn jacobians_of_every_measurement() -> Result<()> {
    // Few operations: by angle. Many: by output.
    for (qubits, depth, embed) in [(2, 3, false), (3, 25, false), (2, 6, true)] {
        for (k, loss) in losses(4, qubits).iter().enumerate() {
            let case = random_case(17 + depth as u64, qubits, depth, embed);
            let (x, w) = point(&case, 3);
            let (xs, ws) = tensors(&x, &w);
            for wrt in [Wrt::Inputs, Wrt::Weights] {
                let found = functional::jacobian(&case.circuit(), &loss.measurement, Some(&xs), &[("w", &ws)], wrt)?;
                for (row, x) in x.iter().enumerate() {
                    let (at, f) = outputs_of(&case, loss, (x, &w), wrt);
                    let expected = differences(&at, f).concat();
                    let what = format!("{qubits} qubits, {depth} operations, measurement {k}, {wrt:?}");
                    close(&what, &flat(&found.get(row)?), &expected, 1e-9);
                }
            }
        }
    }
    Ok(())
}

#[test]
fn second_derivatives_of_every_measurement() -> Result<()> {
    for (qubits, depth) in [(1, 6), (2, 10), (3, 14)] {
        for (k, loss) in losses(5, qubits).iter().enumerate() {
            let case = random_case(31 + depth as u64, qubits, depth, false);
            let (x, w) = point(&case, 4);
            let (xs, ws) = tensors(&x, &w);
            let mut rng = rng(6);
            for wrt in [Wrt::Inputs, Wrt::Weights] {
                let weights: &[(&str, &Tensor)] = &[("w", &ws)];
                let (circuit, measurement) = (case.circuit(), &loss.measurement);
                let found = functional::hessian(&circuit, measurement, Some(&xs), weights, wrt)?;
                let what = format!("{qubits} qubits, measurement {k}, {wrt:?}");
                for (row, x) in x.iter().enumerate() {
                    let (at, f) = outputs_of(&case, loss, (x, &w), wrt);
                    // Differences of differences: rounding leaves them 1e-9 of the whole.
                    let expected = differences(&at, |at| differences(at, &f).concat()).concat();
                    close(&what, &flat(&found.get(row)?), &expected, 1e-8);
                }
                let count = *found.dims().last().expect("a dimension");
                let vectors: Vec<Vec<f64>> = (0..2).map(|_| uniform(&mut rng, count)).collect();
                let v = tensor(&vectors, DType::F64);
                let product = functional::hessian_vector_product(&circuit, measurement, Some(&xs), weights, wrt, &v)?;
                for (row, v) in vectors.iter().enumerate() {
                    let rows = flat(&found.get(row)?);
                    let expected: Vec<f64> =
                        rows.chunks(count).map(|row| row.iter().zip(v).map(|(h, v)| h * v).sum()).collect();
                    close(&what, &flat(&product.get(row)?), &expected, 1e-11);
                }
            }
        }
    }
    Ok(())
}

#[test]
fn metric_tensors_of_random_circuits() -> Result<()> {
    for (qubits, depth) in [(1, 5), (2, 10), (3, 14)] {
        let case = random_case(51 + depth as u64, qubits, depth, false);
        let (x, w) = point(&case, 8);
        let (xs, ws) = tensors(&x, &w);
        for wrt in [Wrt::Inputs, Wrt::Weights] {
            let found = functional::metric_tensor(&case.circuit(), Some(&xs), &[("w", &ws)], wrt, MetricTensor::Full)?;
            for (row, x) in x.iter().enumerate() {
                let state = |point: &[f64]| {
                    let (x, w) = if wrt == Wrt::Inputs { (point, &w[..]) } else { (&x[..], point) };
                    case.state(x, w).iter().flat_map(|a| [a.re, a.im]).collect::<Vec<f64>>()
                };
                let at = if wrt == Wrt::Inputs { x } else { &w };
                let complex = |v: Vec<f64>| v.chunks(2).map(|a| C::new(a[0], a[1])).collect::<Vec<C>>();
                let rows = differences(at, state);
                let derivatives: Vec<Vec<C>> =
                    (0..at.len()).map(|k| complex(rows.iter().map(|row| row[k]).collect())).collect();
                let psi = complex(state(at));
                let entry = |i: usize, j: usize| {
                    let (di, dj) = (&derivatives[i], &derivatives[j]);
                    (dot(di, dj) - dot(di, &psi) * dot(&psi, dj)).re
                };
                let expected: Vec<f64> =
                    (0..at.len()).flat_map(|i| (0..at.len()).map(move |j| (i, j))).map(|(i, j)| entry(i, j)).collect();
                close(&format!("{qubits} qubits, {wrt:?}"), &flat(&found.get(row)?), &expected, 1e-9);
            }
        }
    }
    Ok(())
}

/// Two layers of RY with CX behind them: within layers as in the full tensor, between them zero.
#[test]
fn blocks_of_the_metric_tensor() -> Result<()> {
    let mut circuit = Circuit::new(3);
    let w = circuit.weights("w", (2, 3));
    for layer in 0..2 {
        for q in 0..3 {
            circuit.ry(w.at([layer, q]), q);
        }
        circuit.cx(0, 1).cx(1, 2);
    }
    let w = tensor(&[vec![0.3, -0.7, 1.1], vec![0.5, 0.9, -0.2]], DType::F64);
    let of = |entries| functional::metric_tensor(&circuit, None, &[("w", &w)], Wrt::Weights, entries);
    let (full, blocks) = (of(MetricTensor::Full)?.to_vec2::<f64>()?, of(MetricTensor::BlockDiagonal)?.to_vec2()?);
    let mut between = 0.0f64;
    for i in 0..6 {
        for j in 0..6 {
            if i / 3 == j / 3 {
                close("within a layer", &[blocks[i][j]], &[full[i][j]], 1e-14);
            } else {
                assert_eq!(blocks[i][j], 0.0);
                between = between.max(full[i][j].abs());
            }
        }
    }
    assert!(between > 0.01, "the layers do have something in common: {between}");
    Ok(())
}

#[test]
fn values_with_gradients_are_those_of_backward() -> Result<()> {
    let case = random_case(3, 3, 15, false);
    let (x, w) = point(&case, 9);
    let (xs, ws) = tensors(&x, &w);
    let measurement = Measurement::expectation([Z(0), x_of(1)]);
    let ValueAndGrad { value, inputs, weights, .. } =
        functional::value_and_grad(&case.circuit(), &measurement, Some(&xs), &[("w", &ws)])?;
    let (xs, ws) = (Var::from_tensor(&xs)?, Var::from_tensor(&ws)?);
    let y = functional::evaluate(&case.circuit(), &measurement, Some(&xs), &[("w", &ws)])?;
    let store = y.sum_all()?.backward()?;
    assert_eq!(flat(&value), flat(&y));
    assert_eq!(flat(&inputs.expect("a gradient")), flat(store.get(&xs).expect("a gradient")));
    assert_eq!((weights[0].0.as_str(), flat(&weights[0].1)), ("w", flat(store.get(&ws).expect("a gradient"))));
    Ok(())
}

fn x_of(qubit: usize) -> Observable {
    candlewick::prelude::X(qubit)
}

/// Leading dimensions, dtypes, nothing to differentiate in, no samples.
#[test]
fn shapes() -> Result<()> {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", (2, 2));
    circuit.ry(input(0) * w.at([0, 0]), 0).crx(w.at([1, 1]), 0, 1).ry(input(2), 1);
    let measurement = Measurement::probabilities([0, 1]);
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        let (x, w) = (Tensor::ones((4, 5, 3), dtype, &Device::Cpu)?, Tensor::ones((2, 2), dtype, &Device::Cpu)?);
        let weights: &[(&str, &Tensor)] = &[("w", &w)];
        let j = functional::jacobian(&circuit, &measurement, Some(&x), weights, Wrt::Weights)?;
        assert_eq!((j.dims(), j.dtype()), (&[4, 5, 4, 4][..], dtype));
        let h = functional::hessian(&circuit, &measurement, Some(&x), weights, Wrt::Inputs)?;
        assert_eq!((h.dims(), h.dtype()), (&[4, 5, 4, 3, 3][..], dtype));
        let g = functional::metric_tensor(&circuit, Some(&x), weights, Wrt::Inputs, MetricTensor::Full)?;
        assert_eq!((g.dims(), g.dtype()), (&[4, 5, 3, 3][..], dtype));
        let none = x.narrow(0, 0, 0)?;
        let h = functional::hessian(&circuit, &measurement, Some(&none), weights, Wrt::Inputs)?;
        assert_eq!(h.dims(), [0, 5, 4, 3, 3]);
    }
    let mut fixed = Circuit::new(1);
    fixed.h(0);
    let j = functional::jacobian(&fixed, &Measurement::state(), None, &[], Wrt::Weights)?;
    assert_eq!(j.dims(), [2, 2, 0]);
    let h = functional::hessian(&fixed, &Measurement::expectation([Z(0)]), None, &[], Wrt::Inputs)?;
    assert_eq!(h.dims(), [1, 0, 0]);
    Ok(())
}

#[test]
fn what_has_no_derivative_is_a_typed_error() -> Result<()> {
    let case = random_case(8, 2, 6, true);
    let (x, w) = point(&case, 2);
    let (xs, ws) = tensors(&x, &w);
    let (circuit, measurement) = (case.circuit(), Measurement::expectation([Z(0)]));
    let weights: &[(&str, &Tensor)] = &[("w", &ws)];
    let hessian = |wrt| functional::hessian(&circuit, &measurement, Some(&xs), weights, wrt);
    assert!(matches!(hessian(Wrt::Inputs), Err(Error::NoGradient { .. })));
    assert_eq!(hessian(Wrt::Weights)?.dims(), [2, 1, 5, 5]);
    let metric = functional::metric_tensor(&circuit, Some(&xs), weights, Wrt::Inputs, MetricTensor::Full);
    assert!(matches!(metric, Err(Error::NoGradient { .. })));
    let wrong = Tensor::zeros(3, DType::F64, &Device::Cpu)?;
    let product = functional::hessian_vector_product(&circuit, &measurement, Some(&xs), weights, Wrt::Weights, &wrong);
    assert!(matches!(product, Err(Error::Tensor(TensorError::Shape { .. }))));
    let members = ws.unsqueeze(0)?;
    let ensemble = functional::jacobian(&circuit, &measurement, Some(&xs), &[("w", &members)], Wrt::Weights);
    assert!(matches!(ensemble, Err(Error::Weights(WeightsError::Shape { .. }))));
    Ok(())
}

/// An operation is never cut: with one weight there is but one entry, of whatever rotations the gate is made.
#[test]
fn blocks_hold_whole_operations() -> Result<()> {
    use candlewick::gate::Gate;
    for gate in Gate::all().filter(|gate| !gate.angles().is_empty()) {
        let (width, angles) = (gate.qubits().len(), gate.angles().len());
        for (controls, conditional) in [(0, false), (1, false), (1, true)] {
            let qubits = width + controls;
            let mut circuit = Circuit::new(qubits).with_inputs(1);
            let w = circuit.weights("w", 1);
            for q in 0..qubits {
                circuit.u(0.4 + 0.3 * q as f64, 0.7, 1.1, q);
            }
            let condition = if conditional { input(0).gt(0.0) } else { input(0).lt(9.0) };
            circuit.when(condition, |c| {
                c.controlled(width..qubits, |c| c.gate(gate, vec![w.at([0]); angles], 0..width));
                c
            });
            let (x, w) = (Tensor::new(&[[0.5f64]], &Device::Cpu)?, Tensor::new(&[0.8f64], &Device::Cpu)?);
            let of = |entries| {
                functional::metric_tensor(&circuit, Some(&x), &[("w", &w)], Wrt::Weights, entries).map(|g| flat(&g))
            };
            let name = gate.name();
            close(name, &of(MetricTensor::BlockDiagonal)?, &of(MetricTensor::Full)?, 1e-13);
        }
    }
    Ok(())
}

/// Derivatives are NaN for a sample with NaN among its outputs, and for no other sample.
#[test]
fn a_nan_spoils_the_derivatives_of_its_sample() -> Result<()> {
    let mut dropped = Circuit::new(2);
    dropped.ry(input(0), 0).ry(input(1), 1);
    let mut condition = Circuit::new(2);
    condition.ry(input(0), 0).when(input(1).gt(0.1), |c| c.id(0));
    for circuit in [dropped, condition] {
        let x = Tensor::new(&[[0.3, 0.2], [0.3, f64::NAN]], &Device::Cpu)?;
        let measurement = Measurement::expectation([Z(0)]);
        let all = [
            functional::jacobian(&circuit, &measurement, Some(&x), &[], Wrt::Inputs)?,
            functional::hessian(&circuit, &measurement, Some(&x), &[], Wrt::Inputs)?,
            functional::metric_tensor(&circuit, Some(&x), &[], Wrt::Inputs, MetricTensor::Full)?,
        ];
        for found in all {
            assert!(flat(&found.get(0)?).iter().all(|d| d.is_finite()));
            assert!(flat(&found.get(1)?).iter().all(|d| d.is_nan()));
        }
    }
    Ok(())
}

/// Sizes are checked before memory is taken for them.
#[test]
fn what_does_not_fit_is_a_typed_error() -> Result<()> {
    let count = 200_000;
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", count);
    circuit.rx(w.at([0]) * input(0), 0);
    let (x, w) =
        (Tensor::zeros((count, 1), DType::F64, &Device::Cpu)?, Tensor::zeros(count, DType::F64, &Device::Cpu)?);
    let (measurement, weights) = (Measurement::expectation([Z(0)]), [("w", &w)]);
    let product = functional::hessian_vector_product(&circuit, &measurement, Some(&x), &weights, Wrt::Weights, &w);
    assert!(matches!(product, Err(Error::Memory(MemoryError::Numbers { .. }))));
    let jacobian = functional::jacobian(&circuit, &measurement, Some(&x), &weights, Wrt::Weights);
    assert!(matches!(jacobian, Err(Error::Memory(MemoryError::Numbers { .. }))));
    let integers = Tensor::zeros(1, DType::U32, &Device::Cpu)?;
    let product =
        functional::hessian_vector_product(&circuit, &measurement, Some(&x), &weights, Wrt::Inputs, &integers);
    assert!(matches!(product, Err(Error::Tensor(TensorError::UnsupportedDType { .. }))));
    Ok(())
}
