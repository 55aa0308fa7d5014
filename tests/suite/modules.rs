//! Modules and losses beside the quantum layer, against formulas and differences.

use crate::gradients::differences;
use crate::lab::close;
use candle_core::{DType, Device, Module, Result, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use candlewick::Error;
use candlewick::nn::loss::binary_cross_entropy_with_logits;
use candlewick::nn::{SoftThreshold, SoftThresholdConfig};

#[test]
fn cross_entropies_of_all_sizes() -> Result<()> {
    let targets = [0.0, 0.3, 1.0, 0.5];
    for size in [0.0, 1e-8, 0.7, 30.0, 700.0, 1e6] {
        let logits: [f64; 4] = [size, -size, -size, size];
        let var = Var::new(&logits, &Device::Cpu)?;
        let loss = binary_cross_entropy_with_logits(&var, &Tensor::new(&targets, &Device::Cpu)?)?;
        let pairs = logits.into_iter().zip(targets);
        // In a form of its own, which is exact at each end.
        let expected: f64 =
            pairs.clone().map(|(l, t)| l.max(0.0) - l * t + (-l.abs()).exp().ln_1p()).sum::<f64>() / 4.0;
        close("loss", &[loss.to_scalar::<f64>()?], &[expected], 1e-14);
        let slopes: Vec<f64> = pairs.map(|(l, t)| (1.0 / (1.0 + (-l).exp()) - t) / 4.0).collect();
        let gradient = loss.backward()?.get(&var).expect("a gradient").to_vec1::<f64>()?;
        close("gradient", &gradient, &slopes, 1e-15);
    }
    let (two, three) = (Tensor::zeros(2, DType::F32, &Device::Cpu)?, Tensor::zeros(3, DType::F32, &Device::Cpu)?);
    assert!(matches!(binary_cross_entropy_with_logits(&two, &three), Err(Error::Shape { .. })));
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
