//! Tensors that do not fit a valid circuit.

use super::{says, written};
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::VarBuilder;
use candlewick::error::{TensorError, WeightsError};
use candlewick::prelude::*;
use candlewick::{Error, functional};

/// Two features, weights `a: [2]` and `b: [1, 2]`.
fn circuit() -> Circuit {
    written(2, |c| {
        let (a, b) = (c.weights("a", 2), c.weights("b", (1, 2)));
        c.ry(input(0) + a.at([0]), 0).ry(input(1) * b.at([0, 1]), 1);
    })
}

fn layer(dtype: DType) -> QuantumLayer {
    let vb = VarBuilder::zeros(dtype, &Device::Cpu);
    QuantumLayer::new(circuit(), Measurement::expectation([Z(0)]), vb).expect("a sound layer")
}

fn zeros(shape: &[usize], dtype: DType) -> Tensor {
    Tensor::zeros(shape, dtype, &Device::Cpu).expect("zeros")
}

/// The layer's error, which candle's trait carries in the same words.
#[track_caller]
fn refused(layer: &QuantumLayer, x: &Tensor) -> Error {
    let error = layer.try_forward(x).expect_err("an error");
    let carried = layer.forward(x).expect_err("an error");
    says(&carried.to_string(), &[&error.to_string()]);
    let detached = layer.forward_detached(x).expect_err("an error");
    assert_eq!(detached.to_string(), error.to_string());
    error
}

#[test]
fn inputs_of_another_width() {
    let shapes: [&[usize]; 7] = [&[5, 3], &[5, 1], &[3], &[2, 1], &[4, 2, 0], &[], &[0, 3]];
    for shape in shapes {
        let error = refused(&layer(DType::F32), &zeros(shape, DType::F32));
        let Error::Tensor(TensorError::InputWidth { expected: 2, shape: found }) = &error else { panic!("{error:?}") };
        assert_eq!(found.dims(), shape);
        says(&error.to_string(), &["reads 2 input", &format!("{shape:?}")]);
    }
}

#[test]
fn no_inputs_at_all() {
    let missing = layer(DType::F32).evaluate().expect_err("an error");
    assert!(matches!(missing, Error::Tensor(TensorError::MissingInputs { expected: 2 })), "{missing:?}");
    says(&missing.to_string(), &["reads 2 input", "none"]);
}

#[test]
fn dtypes_that_differ() {
    for (own, other) in
        [(DType::F32, DType::F64), (DType::F64, DType::F32), (DType::F32, DType::BF16), (DType::F16, DType::BF16)]
    {
        let error = refused(&layer(own), &zeros(&[3, 2], other));
        let Error::Tensor(TensorError::DTypeMismatch { what, expected, actual }) = &error else { panic!("{error:?}") };
        assert_eq!((what.as_str(), *expected, *actual), ("the input", own, other));
        says(&error.to_string(), &["the input", &format!("{other:?}"), &format!("{own:?}")]);
    }
}

#[test]
fn dtypes_that_hold_no_angles() {
    for dtype in [DType::U8, DType::U32, DType::I64] {
        let error = refused(&layer(DType::F32), &zeros(&[3, 2], dtype));
        let Error::Tensor(TensorError::UnsupportedDType { what, dtype: found }) = &error else { panic!("{error:?}") };
        assert_eq!((what.as_str(), *found), ("the input", dtype));
        says(&error.to_string(), &["the input", &format!("{dtype:?}"), "F16, BF16, F32 and, except on Metal, F64"]);
        let error = refused(&layer(dtype), &zeros(&[3, 2], DType::F32));
        assert!(
            matches!(&error, Error::Tensor(TensorError::UnsupportedDType { what, .. }) if what.contains("`a`")),
            "{error:?}"
        );
    }
}

fn evaluate(weights: &[(&str, &Tensor)]) -> Error {
    let x = zeros(&[3, 2], DType::F32);
    functional::evaluate(&circuit(), &Measurement::state(), Some(&x), weights).expect_err("an error")
}

#[test]
fn weights_missing_unknown_or_twice() {
    let (a, b) = (zeros(&[2], DType::F32), zeros(&[1, 2], DType::F32));
    for (given, missing) in [(vec![("a", &a)], "b"), (vec![("b", &b)], "a"), (vec![], "a")] {
        let error = evaluate(&given);
        let Error::Weights(WeightsError::Missing { name, declared }) = &error else { panic!("{error:?}") };
        assert_eq!((name.as_str(), &declared[..]), (missing, &["a".to_owned(), "b".to_owned()][..]));
        says(&error.to_string(), &[&format!("`{missing}`"), "[\"a\", \"b\"]"]);
    }
    for (given, name) in [
        (vec![("a", &a), ("b", &b), ("c", &a)], "c"),
        (vec![("a", &a), ("b", &b), ("a", &a)], "a"),
        (vec![("A", &a), ("b", &b)], "A"),
        (vec![("quantum.a", &a), ("b", &b)], "quantum.a"),
    ] {
        let error = evaluate(&given);
        assert!(
            matches!(&error, Error::Weights(WeightsError::Unexpected { name: found, .. }) if found == name),
            "{error:?}"
        );
        says(&error.to_string(), &[&format!("`{name}`"), "[\"a\", \"b\"]"]);
    }
}

#[test]
fn weights_of_another_shape_or_dtype() {
    let (a, b) = (zeros(&[2], DType::F32), zeros(&[1, 2], DType::F32));
    // The same number of entries is not enough: `b` must be [1, 2].
    let shapes: [&[usize]; 4] = [&[2], &[2, 1], &[1, 3], &[]];
    for shape in shapes {
        let wrong = zeros(shape, DType::F32);
        let error = evaluate(&[("a", &a), ("b", &wrong)]);
        let Error::Weights(WeightsError::Shape { name, expected, actual }) = &error else { panic!("{error:?}") };
        assert_eq!((name.as_str(), expected.dims(), actual.dims()), ("b", &[1, 2][..], shape));
        says(&error.to_string(), &["`b`", "[1, 2]", &format!("{shape:?}")]);
    }
    let double = zeros(&[1, 2], DType::F64);
    let error = evaluate(&[("a", &a), ("b", &double)]);
    let Error::Tensor(TensorError::DTypeMismatch { what, expected: DType::F32, actual: DType::F64 }) = &error else {
        panic!("{error:?}")
    };
    says(what, &["weight tensor `b`"]);
    let integers = zeros(&[2], DType::U32);
    let error = evaluate(&[("a", &integers), ("b", &b)]);
    assert!(matches!(&error, Error::Tensor(TensorError::UnsupportedDType { dtype: DType::U32, .. })), "{error:?}");
    says(&error.to_string(), &["weight tensor `a`", "U32"]);
}

/// Numbers that are not finite give NaN, not an error (`determinism.rs` checks each row).
#[test]
fn weights_that_are_not_finite_give_nan() -> anyhow::Result<()> {
    let (x, b) = (zeros(&[3, 2], DType::F32), zeros(&[1, 2], DType::F32));
    let a = Tensor::new(&[f32::INFINITY, 0.0], &Device::Cpu)?;
    let y =
        functional::evaluate(&circuit(), &Measurement::expectation([Z(0), Z(1)]), Some(&x), &[("a", &a), ("b", &b)])?;
    assert!(y.flatten_all()?.to_vec1::<f32>()?.iter().all(|v| v.is_nan()));
    Ok(())
}
