//! Kernel ridge regression against its normal equations and closed forms.

use super::*;
use candlewick::Error;
use candlewick::error::{StatesError, TensorError};
use candlewick::states::KernelRidge;

fn kernels(count: usize, others: usize) -> [Tensor; 2] {
    let (a, b) = (tensor(&haar(101, count, 3)), tensor(&haar(102, others, 3)));
    [states::kernel_matrix(&a, &a).expect("a kernel"), states::kernel_matrix(&b, &a).expect("a kernel")]
}

/// `(K + ridge) α` is the targets, and a prediction is a row of the kernel times α.
#[test]
fn coefficients_solve_the_normal_equations() -> anyhow::Result<()> {
    let [kernel, between] = kernels(12, 5);
    let targets = Tensor::from_vec(crate::oracle::uniform(&mut rng(7), 24), (12, 2), &Device::Cpu)?;
    for ridge in [1e-3, 0.1, 10.0] {
        for targets in [targets.clone(), targets.get_on_dim(1, 0)?] {
            let model = KernelRidge::fit(&kernel, &targets, ridge)?;
            let (alpha, y, y_of) = (rows(&model.coefficients()?), rows(&targets), rows(&model.predict(&between)?));
            assert_eq!(model.coefficients()?.dims(), targets.dims());
            assert_eq!(model.predict(&between)?.dims(), [&[5], &targets.dims()[1..]].concat());
            let product = |row: &[f64], output: usize| row.iter().zip(&alpha).map(|(k, a)| k * a[output]).sum::<f64>();
            for output in 0..alpha[0].len() {
                for (k, row) in rows(&kernel).iter().enumerate() {
                    let sum = product(row, output) + ridge * alpha[k][output];
                    assert!((sum - y[k][output]).abs() < 1e-10, "{sum} {}", y[k][output]);
                }
                for (row, predicted) in rows(&between).iter().zip(&y_of) {
                    assert!((product(row, output) - predicted[output]).abs() < 1e-11);
                }
            }
        }
    }
    Ok(())
}

/// Two samples of kernel k and targets 1 and -1 have α = ±1 / (1 + ridge - k). Without a ridge, a fit goes through its
/// targets.
#[test]
fn closed_forms() -> anyhow::Result<()> {
    for dtype in [DType::F64, DType::F32, DType::F16, DType::BF16] {
        let kernel = Tensor::new(&[[1f64, 0.25], [0.25, 1.0]], &Device::Cpu)?.to_dtype(dtype)?;
        let targets = Tensor::new(&[1f64, -1.0], &Device::Cpu)?.to_dtype(dtype)?;
        let model = KernelRidge::fit(&kernel, &targets, 0.5)?;
        close("coefficients", &flat(&model.coefficients()?), &[0.8, -0.8], 1e-15);
        let predicted = model.predict(&Tensor::new(&[[0.5f64, 0.25]], &Device::Cpu)?.to_dtype(dtype)?)?;
        assert_eq!(predicted.dtype(), dtype);
        let tolerance = if dtype == DType::F64 { 1e-15 } else { 1e-3 };
        close("prediction", &flat(&predicted), &[0.2], tolerance);
        let exact = KernelRidge::fit(&kernel, &targets, 0.0)?;
        close("the targets", &flat(&exact.predict(&kernel)?), &[1.0, -1.0], tolerance);
        assert_eq!(exact.predict(&kernel.narrow(0, 0, 0)?)?.dims(), [0]);
    }
    Ok(())
}

/// Predictions are linear in the kernel, with the coefficients as slopes.
#[test]
fn predictions_have_gradients() -> anyhow::Result<()> {
    let [kernel, between] = kernels(4, 3);
    let model = KernelRidge::fit(&kernel, &Tensor::new(&[0.3f64, -1.0, 0.8, 0.1], &Device::Cpu)?, 0.01)?;
    let leaf = Var::from_tensor(&between)?;
    let gradients = model.predict(&leaf)?.sum_all()?.backward()?;
    let alpha = flat(&model.coefficients()?);
    close("slopes", &flat(gradients.get(&leaf).expect("slopes")), &alpha.repeat(3), 1e-14);
    Ok(())
}

#[test]
fn kernels_that_cannot_be_fitted() -> anyhow::Result<()> {
    let [kernel, between] = kernels(4, 3);
    let y = Tensor::new(&[0.3f64, -1.0, 0.8, 0.1], &Device::Cpu)?;
    for ridge in [-1e-9, f64::NAN, f64::INFINITY] {
        let error = KernelRidge::fit(&kernel, &y, ridge).unwrap_err();
        assert!(matches!(error, Error::Setting { setting: "ridge", .. }), "{error}");
    }
    for (kernel, y) in [
        (between.clone(), y.clone()),
        (kernel.flatten_all()?, y.clone()),
        (kernel.clone(), y.narrow(0, 0, 3)?),
        (kernel.clone(), y.reshape((4, 1, 1))?),
        (kernel.narrow(0, 0, 0)?.narrow(1, 0, 0)?, y.narrow(0, 0, 0)?),
    ] {
        let error = KernelRidge::fit(&kernel, &y, 0.1).unwrap_err();
        assert!(matches!(error, Error::Tensor(TensorError::Shape { .. })), "{error}");
    }
    // A feature of sample 2 that is NaN spoils the row and the column of that sample, and a target its own entry.
    let spoilt: Vec<f64> = (0..16).map(|at| if at / 4 == 2 || at % 4 == 2 { f64::NAN } else { 0.1 }).collect();
    let targets = Tensor::new(&[1f64, f64::INFINITY, 1.0, 1.0], &Device::Cpu)?;
    for (kernel, y, at) in
        [(Tensor::from_vec(spoilt, (4, 4), &Device::Cpu)?, y.clone(), (2, 0)), (kernel.clone(), targets, (1, 0))]
    {
        let error = KernelRidge::fit(&kernel, &y, 0.1).unwrap_err();
        let Error::Tensor(TensorError::EntryNotFinite { row, column, .. }) = error else { panic!("{error}") };
        assert_eq!((row, column), at);
    }
    let error = KernelRidge::fit(&kernel.to_dtype(DType::U32)?, &y, 0.1).unwrap_err();
    assert!(matches!(error, Error::Tensor(TensorError::UnsupportedDType { .. })), "{error}");
    let uneven = Tensor::new(&[[1f64, 0.5], [0.25, 1.0]], &Device::Cpu)?;
    let error = KernelRidge::fit(&uneven, &y.narrow(0, 0, 2)?, 0.1).unwrap_err();
    assert!(matches!(error, Error::States(StatesError::NotSymmetric { deviation: 0.25, .. })), "{error}");
    // Eigenvalues 3 and -1.
    let indefinite = Tensor::new(&[[1f64, 2.0], [2.0, 1.0]], &Device::Cpu)?;
    for ridge in [0.0, 0.5, 1.0] {
        let error = KernelRidge::fit(&indefinite, &y.narrow(0, 0, 2)?, ridge).unwrap_err();
        let Error::States(StatesError::NotPositiveDefinite { size: 2, lowest, .. }) = error else { panic!("{error}") };
        assert!((lowest + 1.0).abs() < 1e-12);
    }
    KernelRidge::fit(&indefinite, &y.narrow(0, 0, 2)?, 1.5)?;
    let model = KernelRidge::fit(&kernel, &y, 0.1)?;
    for between in [between.t()?, between.flatten_all()?] {
        let error = model.predict(&between).unwrap_err();
        assert!(matches!(error, Error::Tensor(TensorError::Shape { .. })), "{error}");
    }
    Ok(())
}
