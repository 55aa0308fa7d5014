//! Four cases in which a predecessor (Metal-Q) silently returned wrong gradients, and its demo.
//!
//! Each case has a closed form, and central differences as a second check.

use crate::gradients::differences;
use crate::lab::close;
use candle_core::{DType, Device, Module, Result, Tensor, Var};
use candle_nn::{AdamW, Linear, Optimizer, ParamsAdamW, VarBuilder, VarMap};
use candlewick::functional;
use candlewick::prelude::*;
use std::f64::consts::{PI, SQRT_2};

/// Value and derivative of a circuit with the one weight `t`.
fn value_and_slope(circuit: &Circuit, observable: Observable, t: f64) -> Result<(f64, f64)> {
    let t = Var::new(&[t], &Device::Cpu)?;
    let y = functional::evaluate(circuit, &Measurement::expectation([observable]), None, &[("t", &t)])?.squeeze(0)?;
    let gradients = y.backward()?;
    let slope = gradients.get(&t).expect("a gradient in t").squeeze(0)?;
    Ok((y.to_scalar()?, slope.to_scalar()?))
}

#[track_caller]
fn check(circuit: &Circuit, observable: Observable, value: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64) {
    for t in [-2.3, -0.7, 0.0, 0.4, 0.7, 1.9, 3.1] {
        let run = |t: f64| value_and_slope(circuit, observable.clone(), t).expect("the circuit runs");
        let (y, dy) = run(t);
        close("closed form", &[y, dy], &[value(t), slope(t)], 1e-14);
        close("differences", &[dy], &differences(&[t], |t| run(t[0]).0), 1e-9);
    }
}

#[test]
fn a_scaled_angle_has_the_slope_of_its_scale() {
    let mut circuit = Circuit::new(1);
    let t = circuit.weights("t", 1);
    circuit.h(0).rz(2.0 * t.at([0]), 0).h(0);
    check(&circuit, Z(0), |t| (2.0 * t).cos(), |t| -2.0 * (2.0 * t).sin());
}

#[test]
fn a_weight_in_two_gates_collects_both_slopes() {
    let mut circuit = Circuit::new(1);
    let t = circuit.weights("t", 1);
    circuit.ry(t.at([0]), 0).rx(t.at([0]), 0);
    check(&circuit, Z(0), |t| t.cos().powi(2), |t| -(2.0 * t).sin());
}

/// A two-term shift takes the frequency 1/2 of a controlled rotation for 1, and is off by a factor √2 here.
#[test]
fn a_controlled_rotation_needs_more_than_two_shifts() -> Result<()> {
    let mut circuit = Circuit::new(2);
    let t = circuit.weights("t", 1);
    circuit.ry(PI / 2.0, 0).crx(t.at([0]), 0, 1);
    check(&circuit, X(0), |t| (t / 2.0).cos(), |t| -0.5 * (t / 2.0).sin());

    let (_, slope) = value_and_slope(&circuit, X(0), 0.7)?;
    assert!((slope - -0.1714).abs() < 1e-4, "{slope}");
    let at = |t: f64| Ok::<_, candle_core::Error>(value_and_slope(&circuit, X(0), t)?.0);
    let two_terms = (at(0.7 + PI / 2.0)? - at(0.7 - PI / 2.0)?) / 2.0;
    close("the naive rule", &[two_terms], &[SQRT_2 * slope], 1e-12);
    Ok(())
}

/// `<Z> = cos(a . x + b + t)` for each row: gradients in x, a, b and t.
#[test]
fn a_batch_behind_a_classical_layer_has_all_gradients() -> Result<()> {
    let rows = [[0.3, -1.2], [2.0, 0.4], [-0.8, 0.9]];
    let (a, b, t) = ([0.7, -0.5], 0.2, 1.1f64);
    let x = Var::new(&rows, &Device::Cpu)?;
    let (weight, bias) = (Var::new(&[a], &Device::Cpu)?, Var::new(&[b], &Device::Cpu)?);
    let t_var = Var::new(&[t], &Device::Cpu)?;
    let linear = Linear::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone()));

    let mut circuit = Circuit::new(1);
    let w = circuit.weights("t", 1);
    circuit.ry(input(0), 0).ry(w.at([0]), 0);
    let measurement = Measurement::expectation([Z(0)]);
    let y = functional::evaluate(&circuit, &measurement, Some(&linear.forward(&x)?), &[("t", &t_var)])?;
    let gradients = y.sum_all()?.backward()?;

    let angles = rows.map(|row| a[0] * row[0] + a[1] * row[1] + b + t);
    let slopes = angles.map(|angle| -angle.sin());
    let of = |var: &Var| gradients.get(var).expect("a gradient").flatten_all()?.to_vec1::<f64>();
    let dx: Vec<f64> = slopes.iter().flat_map(|slope| a.map(|a| a * slope)).collect();
    let da: Vec<f64> = (0..2).map(|k| rows.iter().zip(slopes).map(|(row, slope)| row[k] * slope).sum()).collect();
    let db = [slopes.iter().sum()];
    close("y", &y.flatten_all()?.to_vec1()?, &angles.map(f64::cos), 1e-14);
    close("dx", &of(&x)?, &dx, 1e-14);
    close("da", &of(&weight)?, &da, 1e-14);
    close("db", &of(&bias)?, &db, 1e-14);
    close("dt", &of(&t_var)?, &db, 1e-14);
    Ok(())
}

/// Adam as in its paper, on `cos θ`.
fn adam(mut theta: f64, steps: i32) -> Vec<f64> {
    let (mut m, mut v) = (0.0, 0.0);
    let step = |t| {
        let loss = theta.cos();
        let gradient = -theta.sin();
        m = 0.9 * m + 0.1 * gradient;
        v = 0.999 * v + 0.001 * gradient * gradient;
        let (m_hat, v_hat) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.999f64.powi(t)));
        theta -= 0.1 * m_hat / (v_hat.sqrt() + 1e-8);
        loss
    };
    (1..=steps).map(step).collect()
}

#[test]
fn the_demo_finds_its_minimum() -> Result<()> {
    let mut circuit = Circuit::new(1);
    let theta = circuit.weights("theta", 1);
    circuit.rx(theta.at([0]), 0);
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
    varmap.data().lock().expect("no thread has panicked")["theta"].set(&Tensor::new(&[3.844], &Device::Cpu)?)?;

    let parameters = ParamsAdamW { lr: 0.1, weight_decay: 0.0, ..ParamsAdamW::default() };
    let mut optimizer = AdamW::new(varmap.all_vars(), parameters)?;
    let mut losses = Vec::new();
    for _ in 0..22 {
        let loss = layer.evaluate()?.squeeze(0)?;
        losses.push(loss.to_scalar::<f64>()?);
        optimizer.backward_step(&loss)?;
    }
    close("losses", &losses, &adam(3.844, 22), 1e-12);
    assert!(losses[21] < -0.98, "after 21 steps: {}", losses[21]);
    Ok(())
}

/// A word of identities under a control is a phase on the control, not a rotation of it.
#[test]
fn controlled_identity_word() {
    let mut circuit = Circuit::new(2);
    circuit.h(0).controlled([0], |c| c.pauli_rot(1.0, "I", [1]));
    let y = candlewick::functional::evaluate(&circuit, &Measurement::expectation([X(0)]), None, &[]).expect("valid");
    let value = y.to_vec1::<f32>().expect("one number")[0];
    assert!((value - 0.5f32.cos()).abs() < 1e-6, "{value}");
}

/// A variable that is set between forward and backward: the saved numbers of the forward pass no longer belong to it.
#[test]
fn variable_set_before_its_gradient() {
    use candle_core::{Device, Tensor, Var};
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    circuit.ry(w.at([0]), 0);
    let weight = Var::new(&[0.3f64], &Device::Cpu).expect("a variable");
    let words = Measurement::expectation([Z(0)]);
    let y = candlewick::functional::evaluate(&circuit, &words, None, &[("w", &weight)]).expect("valid");
    weight.set(&Tensor::new(&[1.1f64], &Device::Cpu).expect("a tensor")).expect("the same shape");
    let gradients = y.sum_all().and_then(|y| y.backward()).expect("a gradient");
    let slope = gradients.get(&weight).expect("tracked").to_vec1::<f64>().expect("one number")[0];
    assert!((slope + 1.1f64.sin()).abs() < 1e-12, "{slope}");
}
