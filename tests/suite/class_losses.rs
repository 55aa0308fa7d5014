//! Losses of classes, against sums by hand in F64, closed forms of their gradients, and finite differences.

use crate::lab::close;
use candle_core::{DType, Device, Result, Tensor, Var};
use candlewick::Error;
use candlewick::error::{DataError, TensorError};
use candlewick::nn::loss::{CrossEntropy, FocalLoss, class_weights};

const X: [[f64; 3]; 5] = [[2.0, 0.0, 1.0], [-1.5, 1.0, 0.0], [0.0, 2.0, -1.0], [0.5, 0.5, 0.5], [30.0, -40.0, 0.0]];
const Y: [u32; 5] = [0, 2, 1, 1, 2];
const W: [f64; 3] = [0.5, 2.0, 1.25];

fn softmax(row: &[f64]) -> Vec<f64> {
    let sum: f64 = row.iter().map(|x| x.exp()).sum();
    row.iter().map(|x| x.exp() / sum).collect()
}

/// The loss as its documentation has it, for each class of each sample.
fn by_hand(x: &[[f64; 3]; 5], weights: &[f64], smoothing: f64) -> f64 {
    let total: f64 = Y.iter().map(|&y| weights[y as usize]).sum();
    let sample = |(row, y): (&[f64; 3], &u32)| -> f64 {
        let p = softmax(row);
        let q = |c: usize| (1.0 - smoothing) * f64::from(u8::from(c == *y as usize)) + smoothing / 3.0;
        (0..3).map(|c| -weights[c] * q(c) * p[c].ln()).sum()
    };
    x.iter().zip(&Y).map(sample).sum::<f64>() / total
}

fn value_and_gradient(loss: impl Fn(&Tensor) -> Result<Tensor>, x: &[[f64; 3]; 5]) -> Result<(f64, Vec<f64>)> {
    let x = Var::new(x, &Device::Cpu)?;
    let loss = loss(&x)?;
    let gradient = loss.backward()?.get(&x).expect("a gradient").flatten_all()?.to_vec1()?;
    Ok((loss.to_scalar()?, gradient))
}

/// Central differences of a loss, entry by entry.
fn differences(loss: impl Fn(&Tensor) -> Result<Tensor>, x: &[[f64; 3]; 5]) -> Result<Vec<f64>> {
    let step = 1e-5;
    let entry = |index: usize| -> Result<f64> {
        let at = |by: f64| -> Result<f64> {
            let mut moved = *x;
            moved[index / 3][index % 3] += by;
            loss(&Tensor::new(&moved, &Device::Cpu)?)?.to_scalar()
        };
        Ok((at(step)? - at(-step)?) / (2.0 * step))
    };
    (0..3 * x.len()).map(entry).collect()
}

#[test]
fn cross_entropies_are_sums_by_hand() -> Result<()> {
    let labels = Tensor::new(&Y, &Device::Cpu)?;
    let total: f64 = Y.iter().map(|&y| W[y as usize]).sum();
    for (weights, smoothing) in
        [(None, 0.0), (Some(W.to_vec()), 0.0), (None, 0.1), (Some(W.to_vec()), 0.3), (None, 1.0)]
    {
        let loss = CrossEntropy { weights: weights.clone(), label_smoothing: smoothing, ..Default::default() };
        let forward = |x: &Tensor| loss.forward(x, &labels);
        let (value, gradient) = value_and_gradient(forward, &X)?;
        let w = weights.clone().unwrap_or(vec![1.0; 3]);
        close("value", &[value], &[by_hand(&X, &w, smoothing)], 1e-13);
        close("differences", &gradient, &differences(forward, &X)?, 1e-8);
        if smoothing == 0.0 {
            // w (p - 1 at the class) over the sum of weights.
            let sum = weights.as_ref().map_or(5.0, |_| total);
            let closed = X.iter().zip(&Y).flat_map(|(row, &y)| {
                let (p, of) = (softmax(row), w[y as usize] / sum);
                (0..3).map(move |c| of * (p[c] - f64::from(u8::from(c == y as usize)))).collect::<Vec<_>>()
            });
            close("gradient", &gradient, &closed.collect::<Vec<_>>(), 1e-15);
        }
    }
    let plain = CrossEntropy::default().forward(&Tensor::new(&X, &Device::Cpu)?, &labels)?;
    let candles = candle_nn::loss::cross_entropy(&Tensor::new(&X, &Device::Cpu)?, &labels)?;
    close("candle's", &[plain.to_scalar()?], &[candles.to_scalar()?], 1e-14);
    Ok(())
}

#[test]
fn focal_losses_are_sums_by_hand() -> Result<()> {
    let labels = Tensor::new(&Y, &Device::Cpu)?;
    for (gamma, weights) in [(0.0, None), (2.0, None), (0.5, Some(W.to_vec())), (5.0, Some(W.to_vec()))] {
        let w = weights.clone().unwrap_or(vec![1.0; 3]);
        let loss = FocalLoss { gamma, weights, ..Default::default() };
        let forward = |x: &Tensor| loss.forward(x, &labels);
        let (value, gradient) = value_and_gradient(forward, &X)?;
        let total: f64 = Y.iter().map(|&y| w[y as usize]).sum();
        let sample = |(row, &y): (&[f64; 3], &u32)| {
            let p = softmax(row);
            let others: f64 = (0..3).filter(|&c| c != y as usize).map(|c| p[c]).sum();
            -w[y as usize] * others.powf(gamma) * p[y as usize].ln()
        };
        close("value", &[value], &[X.iter().zip(&Y).map(sample).sum::<f64>() / total], 1e-13);
        close("differences", &gradient, &differences(forward, &X)?, 1e-8);
        if gamma == 0.0 {
            close("cross-entropy", &[value], &[by_hand(&X, &w, 0.0)], 1e-13);
        }
    }
    Ok(())
}

/// Surer than F32 can tell from 1, either way: values and gradients stay numbers.
#[test]
fn losses_stay_finite() -> Result<()> {
    let labels = Tensor::new(&[0u32, 0], &Device::Cpu)?;
    for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
        let x = Tensor::new(&[[1000f32, -1000.0], [-1000.0, 1000.0]], &Device::Cpu)?.to_dtype(dtype)?;
        let x = Var::from_tensor(&x)?;
        for gamma in [0.0, 0.5, 2.0] {
            let focal = FocalLoss { gamma, ..Default::default() }.forward(&x, &labels)?;
            let smooth = CrossEntropy { label_smoothing: 0.1, ..Default::default() }.forward(&x, &labels)?;
            for loss in [focal, smooth] {
                assert_eq!(loss.dtype(), dtype);
                let gradients = loss.backward()?;
                let all = Tensor::cat(&[loss.reshape(1)?, gradients.get(&x).expect("one").flatten_all()?], 0)?;
                let all = all.to_dtype(DType::F64)?.to_vec1::<f64>()?;
                assert!(all.iter().all(|value| value.is_finite()), "{dtype:?}, {gamma}: {all:?}");
                close("value", &all[..1], &[1000.0], 0.1);
            }
        }
    }
    // One class is always right.
    let one =
        FocalLoss::default().forward(&Tensor::new(&[[3.0]], &Device::Cpu)?, &Tensor::new(&[0u32], &Device::Cpu)?)?;
    assert_eq!(one.to_scalar::<f64>()?, 0.0);
    Ok(())
}

/// scikit-learn 1.9.1: `compute_class_weight("balanced", classes=[0, 1, 2], y=y)`.
#[test]
fn weights_of_classes_are_balanced() -> Result<()> {
    let labels = Tensor::new(&[0u32, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 1], &Device::Cpu)?;
    close("weights", &class_weights(&labels, 3)?, &[0.8, 1.0, 1.3333333333333333], 1e-15);
    assert!(matches!(class_weights(&labels, 4), Err(Error::Data(DataError::EmptyClass { class: 3, classes: 4 }))));
    assert!(matches!(class_weights(&labels, 2), Err(Error::Data(DataError::Label { sample: 8, classes: 2 }))));
    assert!(matches!(class_weights(&labels, usize::MAX), Err(Error::Memory(_))));
    Ok(())
}

/// A batch of classes without weight adds nothing, and neither does its gradient.
#[test]
fn batches_without_weight() -> Result<()> {
    let y = Tensor::new(&[0u32, 0], &Device::Cpu)?;
    for smoothing in [0.0, 0.1] {
        let x = Var::new(&[[0.3f64, -1.0], [0.5, 2.0]], &Device::Cpu)?;
        let loss = CrossEntropy { weights: Some(vec![0.0, 1.0]), label_smoothing: smoothing, ..Default::default() };
        let loss = loss.forward(&x, &y)?;
        assert!(loss.to_scalar::<f64>()?.abs() < 1e-300);
        let slopes = loss.backward()?.get(&x).expect("a gradient").flatten_all()?.to_vec1::<f64>()?;
        assert!(slopes.iter().all(|slope| slope.abs() < 1e-300), "{slopes:?}");
    }
    let x = Tensor::new(&[[0.3f32, -1.0], [0.5, 2.0]], &Device::Cpu)?;
    for weight in [1e39, 1e-46] {
        let loss = CrossEntropy { weights: Some(vec![weight, 1.0]), ..Default::default() };
        assert!(matches!(loss.forward(&x, &y).map_err(Error::from), Err(Error::Setting { setting: "weight", .. })));
    }
    Ok(())
}

#[test]
fn batches_that_have_no_loss() -> Result<()> {
    let (x, y) = (Tensor::new(&X, &Device::Cpu)?, Tensor::new(&Y, &Device::Cpu)?);
    let typed = |weights: Option<Vec<f64>>, smoothing: f64, x: &Tensor, y: &Tensor| {
        let focal = FocalLoss { weights: weights.clone(), ..Default::default() }.forward(x, y).map_err(Error::from);
        let loss = CrossEntropy { weights, label_smoothing: smoothing, ..Default::default() };
        (loss.forward(x, y).map_err(Error::from).unwrap_err(), focal.err())
    };
    let beyond = Tensor::new(&[0u32, 1, 2, 3, 0], &Device::Cpu)?;
    let (error, focal) = typed(None, 0.0, &x, &beyond);
    for error in [Some(error), focal] {
        assert!(matches!(error, Some(Error::Data(DataError::Label { sample: 3, classes: 3 }))), "{error:?}");
    }
    let negative = Tensor::new(&[0i64, -1, 0, 0, 0], &Device::Cpu)?;
    assert!(matches!(typed(None, 0.0, &x, &negative).0, Error::Data(DataError::Label { sample: 1, .. })));
    let shape = |error: Error| matches!(error, Error::Tensor(TensorError::Shape { .. }));
    assert!(shape(typed(None, 0.0, &x, &y.narrow(0, 0, 4)?).0) && shape(typed(None, 0.0, &x.flatten_all()?, &y).0));
    assert!(shape(typed(Some(vec![1.0; 2]), 0.0, &x, &y).0) && shape(typed(None, 0.0, &x, &y.unsqueeze(1)?).0));
    let setting = |error: Error| matches!(error, Error::Setting { .. });
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(setting(typed(Some(vec![1.0, weight, 1.0]), 0.0, &x, &y).0));
    }
    assert!(setting(typed(Some(vec![0.0; 3]), 0.0, &x, &y).0) && setting(typed(None, 1.5, &x, &y).0));
    assert!(setting(typed(None, f64::NAN, &x, &y).0));
    assert!(setting(typed(None, 0.0, &x.narrow(0, 0, 0)?, &y.narrow(0, 0, 0)?).0));
    for gamma in [-1.0, f64::NAN] {
        let error = FocalLoss { gamma, ..Default::default() }.forward(&x, &y).map_err(Error::from).unwrap_err();
        assert!(setting(error));
    }
    let floats = typed(None, 0.0, &x, &y.to_dtype(DType::F32)?).0;
    assert!(matches!(floats, Error::Tensor(TensorError::UnsupportedDType { .. })));
    assert!(matches!(
        typed(None, 0.0, &x.to_dtype(DType::U32)?, &y).0,
        Error::Tensor(TensorError::UnsupportedDType { .. })
    ));
    Ok(())
}
