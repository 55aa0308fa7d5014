//! Modules and losses beside the quantum layer, against formulas and differences.

use crate::gradients::differences;
use crate::lab::close;
use candle_core::{DType, Device, Module, Result, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use candlewick::Error;
use candlewick::error::TensorError;
use candlewick::nn::loss::binary_cross_entropy_with_logits;
use candlewick::nn::{Affine, AffineConfig, SoftThreshold, SoftThresholdConfig};

#[test]
fn cross_entropies_of_all_sizes() -> Result<()> {
    let targets = [0.0, 0.3, 1.0, 0.5];
    for size in [0.0, 1e-8, 0.7, 30.0, 700.0, 1e6] {
        let logits: [f64; 4] = [size, -size, -size, size];
        let var = Var::new(&logits, &Device::Cpu)?;
        let loss = binary_cross_entropy_with_logits(&var, &Tensor::new(&targets, &Device::Cpu)?)?;
        let pairs = logits.into_iter().zip(targets);
        // Another formula, which is exact at each end.
        let expected: f64 =
            pairs.clone().map(|(l, t)| l.max(0.0) - l * t + (-l.abs()).exp().ln_1p()).sum::<f64>() / 4.0;
        close("loss", &[loss.to_scalar::<f64>()?], &[expected], 1e-14);
        let slopes: Vec<f64> = pairs.map(|(l, t)| (1.0 / (1.0 + (-l).exp()) - t) / 4.0).collect();
        let gradient = loss.backward()?.get(&var).expect("a gradient").to_vec1::<f64>()?;
        close("gradient", &gradient, &slopes, 1e-15);
    }
    let (two, three) = (Tensor::zeros(2, DType::F32, &Device::Cpu)?, Tensor::zeros(3, DType::F32, &Device::Cpu)?);
    let error = Error::from(binary_cross_entropy_with_logits(&two, &three).expect_err("other shapes"));
    assert!(matches!(error, Error::Tensor(TensorError::Shape { .. })), "{error}");
    Ok(())
}

#[test]
fn soft_thresholds() -> Result<()> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let layer = SoftThreshold::new(SoftThresholdConfig::default(), vb.pp("t"))?;
    let formula = |point: &[f64]| -> f64 {
        let (alpha, threshold) = (point[0], point[1]);
        let mask = |x: f64| 1.0 / (1.0 + (-alpha * (x.abs() - threshold)).exp());
        point[2..].iter().enumerate().map(|(k, x)| (k as f64 + 1.0) * x * mask(*x)).sum()
    };
    let point = [10.0, 0.1, 0.05, -0.3, 0.1, 0.6];
    let x = Var::new(&point[2..], &Device::Cpu)?;
    let loss = (layer.forward(&x)? * Tensor::new(&[1.0, 2.0, 3.0, 4.0], &Device::Cpu)?)?.sum_all()?;
    close("value", &[loss.to_scalar::<f64>()?], &[formula(&point)], 1e-14);
    let store = loss.backward()?;
    let data = varmap.data().lock().expect("a lock");
    let scalar = |name: &str| store.get(&data[name]).expect("a gradient").to_scalar::<f64>();
    let mut found = vec![scalar("t.alpha")?, scalar("t.threshold")?];
    found.extend(store.get(&x).expect("a gradient").to_vec1::<f64>()?);
    close("gradient", &found, &differences(&point, formula), 1e-8);
    drop(data);
    let config = SoftThresholdConfig { alpha: f64::NAN, ..Default::default() };
    assert!(matches!(SoftThreshold::new(config, vb.pp("u")), Err(Error::Setting { setting: "alpha", .. })));
    Ok(())
}

#[test]
fn affine_layers() -> Result<()> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let x = [0.5, -1.0, 2.0, 0.25, -0.5, 1.5];
    let same = Affine::new(3, AffineConfig::default(), vb.pp("same"))?;
    let layer = Affine::new(3, AffineConfig { scale: 2.5, bias: -0.5, ..Default::default() }, vb.pp("a"))?;
    for leading in [vec![2], vec![2, 1], vec![1, 2, 1]] {
        let shape: Vec<usize> = leading.iter().copied().chain([3]).collect();
        let x = Tensor::from_slice(&x, shape.as_slice(), &Device::Cpu)?;
        assert_eq!(same.forward(&x)?.flatten_all()?.to_vec1::<f64>()?, x.flatten_all()?.to_vec1::<f64>()?);
        let y = layer.forward(&x)?;
        assert_eq!(y.dims(), shape);
        close("y", &y.flatten_all()?.to_vec1()?, &[0.75, -3.0, 4.5, 0.125, -1.75, 3.25], 1e-15);
    }
    assert_eq!(layer.forward(&Tensor::new(&x[..3], &Device::Cpu)?)?.to_vec1::<f64>()?, [0.75, -3.0, 4.5]);
    assert_eq!(layer.forward(&Tensor::zeros((0, 3), DType::F64, &Device::Cpu)?)?.dims(), [0, 3]);

    let x = Var::new(&[[0.5, -1.0, 2.0], [0.25, -0.5, 1.5]], &Device::Cpu)?;
    let c = Tensor::new(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], &Device::Cpu)?;
    let store = (layer.forward(&x)? * c)?.sum_all()?.backward()?;
    let of = |tensor: &Tensor| store.get(tensor).expect("a gradient").flatten_all()?.to_vec1::<f64>();
    close("bias", &of(layer.bias())?, &[5.0, 7.0, 9.0], 1e-15);
    close("scale", &of(layer.scale())?, &[1.5, -4.5, 15.0], 1e-15);
    close("x", &of(&x)?, &[2.5, 5.0, 7.5, 10.0, 12.5, 15.0], 1e-15);
    Ok(())
}

#[test]
fn affine_layers_refuse_what_would_be_broadcast() -> Result<()> {
    let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    let layer = Affine::new(3, AffineConfig::default(), vb.clone())?;
    for shape in [&[][..], &[1], &[2, 1], &[3, 2], &[4]] {
        let error = layer.try_forward(&Tensor::zeros(shape, DType::F32, &Device::Cpu)?).expect_err("another width");
        assert!(
            matches!(&error, Error::Tensor(TensorError::Shape { actual, .. }) if actual.dims() == shape),
            "{error}"
        );
    }
    let config = AffineConfig { bias: f64::INFINITY, ..Default::default() };
    assert!(matches!(Affine::new(1, config, vb), Err(Error::Setting { setting: "bias", .. })));
    Ok(())
}

#[test]
fn cross_entropies_in_every_dtype() -> Result<()> {
    // A sum of so many would be beyond F16, and beyond the digits of BF16.
    let count = 200_000;
    for (dtype, tolerance) in [(DType::F16, 1e-3), (DType::BF16, 8e-3), (DType::F32, 1e-5), (DType::F64, 1e-12)] {
        let logits = Var::from_tensor(&Tensor::zeros(count, dtype, &Device::Cpu)?)?;
        let targets = Tensor::ones(count, dtype, &Device::Cpu)?;
        let loss = binary_cross_entropy_with_logits(&logits, &targets)?;
        assert_eq!(loss.dtype(), dtype);
        close("loss", &[loss.to_dtype(DType::F64)?.to_scalar::<f64>()?], &[2f64.ln()], tolerance);
        let slope =
            loss.backward()?.get(&logits).expect("a gradient").to_dtype(DType::F64)?.max(0)?.to_scalar::<f64>()?;
        let expected = -0.5 / count as f64;
        assert!((slope / expected - 1.0).abs() < 0.02, "{dtype:?}: {slope:e}, not {expected:e}");
    }
    Ok(())
}

#[test]
fn integers_are_refused() -> Result<()> {
    let vb = || VarBuilder::zeros(DType::F32, &Device::Cpu);
    let affine = Affine::new(3, AffineConfig::default(), vb())?;
    let threshold = SoftThreshold::new(SoftThresholdConfig::default(), vb())?;
    let floats = Tensor::zeros(3, DType::F32, &Device::Cpu)?;
    for dtype in [DType::U8, DType::U32, DType::I64] {
        let x = Tensor::zeros(3, dtype, &Device::Cpu)?;
        let refused = |error: Option<Error>| {
            let error = error.expect("an error");
            assert!(
                matches!(&error, Error::Tensor(TensorError::UnsupportedDType { dtype: found, .. }) if *found == dtype),
                "{error}"
            );
        };
        refused(affine.try_forward(&x).err());
        refused(threshold.mask(&x).err());
        refused(binary_cross_entropy_with_logits(&x, &x).err().map(Error::from));
        let error = Error::from(binary_cross_entropy_with_logits(&floats, &x).expect_err("other dtypes"));
        assert!(matches!(error, Error::Tensor(TensorError::DTypeMismatch { .. })), "{error}");
        assert!(threshold.forward(&x).is_err());
    }
    let empty = Tensor::zeros((0, 3), DType::F32, &Device::Cpu)?;
    assert!(binary_cross_entropy_with_logits(&empty, &empty).is_err());
    assert_eq!(threshold.forward(&empty)?.dims(), [0, 3]);
    Ok(())
}
