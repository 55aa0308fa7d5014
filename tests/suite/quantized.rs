//! Linear layers in eight bits: stored weights against the promised rounding, outputs against sums in F64.

use crate::lab::close;
use crate::oracle::{rng, uniform};
use candle_core::{DType, Device, Module, Result, Tensor, Var};
use candle_nn::{Linear, VarBuilder};
use candlewick::Error;
use candlewick::error::{MemoryError, TensorError};
use candlewick::nn::{QuantizedLinear, QuantizedLinearConfig, linear_size_in_bytes, quantize_dynamic};
use std::collections::HashMap;

/// Numbers in [-size, size].
fn numbers(seed: u64, count: usize, size: f64) -> Vec<f64> {
    uniform(&mut rng(seed), count).into_iter().map(|v| v / 3.0 * size).collect()
}

fn matrix(values: &[f64], columns: usize, dtype: DType) -> Result<Tensor> {
    Tensor::from_slice(values, (values.len() / columns, columns), &Device::Cpu)?.to_dtype(dtype)
}

fn linear(weight: &[f64], inputs: usize, bias: Option<&[f64]>, dtype: DType) -> Result<Linear> {
    let bias = bias.map(|bias| Tensor::new(bias, &Device::Cpu)?.to_dtype(dtype)).transpose()?;
    Ok(Linear::new(matrix(weight, inputs, dtype)?, bias))
}

fn flat(tensor: &Tensor) -> Result<Vec<f64>> {
    tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |size: f64, v| size.max(v.abs()))
}

/// Largest error of a number of a block: half a scale, and the rounding of the scale (F16 has 11 bits) at the number
/// itself.
fn bound(block: &[f64]) -> f64 {
    let scale = largest(block) / 127.0;
    scale * 0.5 * 1.0001 + largest(block) * 2f64.powi(-11)
}

/// Bound of the error that rounding of both factors makes in a product: `sum |w| d(x) + |x| d(w) + d(w) d(x)` for each
/// of `rows`. If candle multiplies blocks of 256 inputs, it has a scale for each such block.
fn products_bound(weight: &[f64], x: &[f64]) -> f64 {
    let pairs = weight.chunks(32).zip(x.chunks(32)).map(|(weight, blocks)| {
        let (dw, dx) = (bound(weight), bound(x).max(bound(blocks)));
        weight.iter().zip(blocks).map(|(w, x)| w.abs() * dx + x.abs() * dw + dw * dx).sum::<f64>()
    });
    pairs.sum::<f64>() + 1e-6
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn weights_are_off_by_half_a_scale() -> Result<()> {
    for (seed, (inputs, outputs)) in
        [(1, 1), (7, 3), (31, 2), (32, 2), (33, 5), (70, 4), (256, 16)].into_iter().enumerate()
    {
        // From the smallest to the largest that F32 holds.
        for size in [1e-37, 1e-9, 1e-4, 1.0, 3e4, 1e30, 3.4e38] {
            let weight = numbers(seed as u64, inputs * outputs, size);
            let layer = linear(&weight, inputs, None, DType::F32)?;
            let found = flat(quantize_dynamic(&layer)?.dequantize()?.weight())?;
            let weight = flat(layer.weight())?;
            for (row, found) in weight.chunks(inputs).zip(found.chunks(inputs)) {
                for (block, found) in row.chunks(32).zip(found.chunks(32)) {
                    let most = bound(block);
                    for (w, q) in block.iter().zip(found) {
                        assert!((w - q).abs() <= most, "{inputs} x {outputs} of {size:e}: {w:e} became {q:e}");
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn blocks_have_scales_of_their_own() -> Result<()> {
    // Whole numbers of a scale that F16 holds are exact, however small beside the neighbours.
    let whole = |k: usize| if k % 32 == 5 { 127.0 } else { (k * 37 % 255) as f64 - 127.0 };
    let weight: Vec<f64> = (0..96).map(|k| [2f64.powi(-14), 1.0, 4.0][k / 32] * whole(k)).collect();
    for unit in [1.0, 2f64.powi(-100), 2f64.powi(100)] {
        let weight: Vec<f64> = weight.iter().map(|w| w * unit).collect();
        let layer = quantize_dynamic(&linear(&weight, 96, None, DType::F32)?)?;
        assert_eq!(flat(layer.dequantize()?.weight())?, weight);
    }
    Ok(())
}

#[test]
fn outputs_of_all_widths() -> Result<()> {
    for inputs in (1..=70).chain([255, 256, 512]) {
        for (rows, outputs, with_bias) in [(1, 1, true), (3, 5, false), (17, 16, true)] {
            let seed = (inputs * 100 + rows) as u64;
            let weight = numbers(seed, inputs * outputs, 0.7);
            let bias = numbers(seed + 1, outputs, 2.0);
            let x = numbers(seed + 2, rows * inputs, 30.0);
            let layer = linear(&weight, inputs, with_bias.then_some(&bias), DType::F32)?;
            let y = quantize_dynamic(&layer)?.forward(&matrix(&x, inputs, DType::F32)?)?;
            assert_eq!((y.dims(), y.dtype()), (&[rows, outputs][..], DType::F32));
            let weight = flat(layer.weight())?;
            for (x, y) in x.chunks(inputs).zip(flat(&y)?.chunks(outputs)) {
                for ((weight, bias), y) in weight.chunks(inputs).zip(&bias).zip(y) {
                    let expected = dot(weight, x) + if with_bias { *bias } else { 0.0 };
                    let most = products_bound(weight, x);
                    assert!((y - expected).abs() <= most, "{inputs} inputs: {y}, not {expected} within {most}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn inputs_of_whole_numbers_are_exact() -> Result<()> {
    // Both factors are whole numbers of their scales: what is left is the sum.
    let (inputs, outputs, rows) = (40, 3, 4);
    let whole = |k: usize| if k.is_multiple_of(8) { 127.0 } else { (k * 53 % 255) as f64 - 127.0 };
    let weight: Vec<f64> = (0..inputs * outputs).map(whole).collect();
    for size in [1.0, 2f64.powi(-30), 2f64.powi(60)] {
        let x: Vec<f64> = (0..inputs * rows).map(|k| whole(k) * size).collect();
        let layer = quantize_dynamic(&linear(&weight, inputs, None, DType::F32)?)?;
        let expected: Vec<f64> = x.chunks(inputs).flat_map(|x| weight.chunks(inputs).map(move |w| dot(w, x))).collect();
        let y = flat(&layer.forward(&matrix(&x, inputs, DType::F32)?)?)?;
        let relative = |values: &[f64]| values.iter().map(|v| v / size).collect::<Vec<_>>();
        close("y", &relative(&y), &relative(&expected), 1e-5);
    }
    Ok(())
}

#[test]
fn any_leading_dimensions_and_dtypes() -> Result<()> {
    let (weight, bias) = (numbers(1, 5 * 33, 0.5), numbers(2, 5, 1.0));
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        let layer = quantize_dynamic(&linear(&weight, 33, Some(&bias), dtype)?)?;
        assert_eq!(layer.dequantize()?.weight().dtype(), dtype);
        let x = matrix(&numbers(3, 12 * 33, 2.0), 33, dtype)?;
        let y = layer.forward(&x)?;
        assert_eq!(y.dtype(), dtype);
        for leading in [vec![12], vec![3, 4], vec![2, 3, 2], vec![1, 12, 1, 1]] {
            let shape = |last: usize| leading.iter().copied().chain([last]).collect::<Vec<_>>();
            let again = layer.forward(&x.reshape(shape(33))?)?;
            assert_eq!(again.dims(), shape(5));
            assert_eq!(flat(&again)?, flat(&y)?);
        }
        assert_eq!(flat(&layer.forward(&x.get(7)?)?)?, flat(&y)?[35..40]);
        assert_eq!(flat(&layer.forward(&x.t()?.contiguous()?.t()?)?)?, flat(&y)?);
        for leading in [vec![0], vec![2, 0]] {
            let shape = |last: usize| leading.iter().copied().chain([last]).collect::<Vec<_>>();
            let y = layer.forward(&Tensor::zeros(shape(33), dtype, &Device::Cpu)?)?;
            assert_eq!((y.dims(), y.dtype()), (&shape(5)[..], dtype));
        }
        // An input of another dtype than the weights is taken as it is.
        assert_eq!(layer.forward(&x.to_dtype(DType::F32)?)?.dtype(), DType::F32);
    }
    Ok(())
}

#[test]
fn a_spoilt_row_spoils_no_other() -> Result<()> {
    let layer = quantize_dynamic(&linear(&numbers(1, 4 * 40, 1.0), 40, None, DType::F32)?)?;
    let x = numbers(2, 5 * 40, 1.0);
    let sound = flat(&layer.forward(&matrix(&x, 40, DType::F32)?)?)?;
    for (at, spoiler) in
        [(3 * 40, f64::NAN), (3 * 40 + 39, f64::NAN), (3 * 40 + 35, f64::INFINITY), (3 * 40 + 1, -f64::INFINITY)]
    {
        let mut x = x.clone();
        x[at] = spoiler;
        let y = flat(&layer.forward(&matrix(&x, 40, DType::F32)?)?)?;
        for (row, (y, sound)) in y.chunks(4).zip(sound.chunks(4)).enumerate() {
            if row == 3 { assert!(y.iter().all(|y| y.is_nan()), "{y:?}") } else { assert_eq!(y, sound) }
        }
    }
    // Rows of all sizes, zeros among them, beside each other.
    let sizes = [0.0, 1e-30, 1.0, 1e30, 1e38];
    let rows: Vec<f64> = sizes.iter().flat_map(|size| x[..40].iter().map(move |x| x * size)).collect();
    let y = flat(&layer.forward(&matrix(&rows, 40, DType::F32)?)?)?;
    assert_eq!(y[..4], [0.0; 4]);
    for (y, size) in y.chunks(4).zip(sizes).skip(1) {
        close("a row", &y.iter().map(|y| y / size).collect::<Vec<_>>(), &sound[..4], 1e-5);
    }
    Ok(())
}

#[test]
fn the_gradient_is_that_of_the_stored_weights() -> Result<()> {
    let weight = numbers(1, 6 * 37, 1.0);
    for (dtype, tolerance) in [(DType::F64, 1e-14), (DType::F32, 1e-5), (DType::BF16, 2e-2)] {
        let layer = quantize_dynamic(&linear(&weight, 37, Some(&[1.0; 6]), dtype)?)?;
        let x = Var::from_tensor(&matrix(&numbers(2, 4 * 37, 1.0), 37, dtype)?)?;
        let y = layer.forward(&x.reshape((2, 2, 37))?.transpose(0, 1)?)?;
        assert_eq!(flat(&y)?, flat(&layer.forward(&x.as_detached_tensor().reshape((2, 2, 37))?.transpose(0, 1)?)?)?);
        let c = numbers(3, 24, 1.0);
        let store = (y * matrix(&c, 6, dtype)?.reshape((2, 2, 6))?)?.sum_all()?.backward()?;
        let stored = flat(layer.dequantize()?.weight())?;
        // Rows of `c` go with samples 0, 2, 1 and 3.
        let expected: Vec<f64> = [0, 2, 1, 3]
            .iter()
            .flat_map(|row| {
                let c = &c[row * 6..row * 6 + 6];
                (0..37).map(|i| c.iter().enumerate().map(|(o, c)| c * stored[o * 37 + i]).sum()).collect::<Vec<f64>>()
            })
            .collect();
        close("gradient", &flat(store.get(&x).expect("a gradient"))?, &expected, tolerance);
    }
    Ok(())
}

#[test]
fn later_steps_do_not_reach_it() -> Result<()> {
    let (weight, bias) = (Var::ones((2, 3), DType::F32, &Device::Cpu)?, Var::zeros(2, DType::F32, &Device::Cpu)?);
    let linear = Linear::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone()));
    let layer = quantize_dynamic(&linear)?;
    let x = Tensor::ones((1, 3), DType::F32, &Device::Cpu)?;
    weight.set(&weight.affine(2.0, 0.0)?)?;
    bias.set(&bias.affine(1.0, 5.0)?)?;
    close("y", &flat(&layer.forward(&x)?)?, &[3.0, 3.0], 1e-3);
    assert!(!layer.forward(&x)?.track_op());
    Ok(())
}

#[test]
fn sizes_are_those_of_the_blocks() -> Result<()> {
    for (inputs, outputs, dtype) in
        [(1, 1, DType::F32), (32, 4, DType::F32), (33, 4, DType::F16), (784, 128, DType::F32)]
    {
        let weight = vec![0.5; inputs * outputs];
        let layer = linear(&weight, inputs, Some(&vec![1.0; outputs]), dtype)?;
        let bytes = dtype.size_in_bytes();
        assert_eq!(linear_size_in_bytes(&layer), (inputs + 1) * outputs * bytes);
        let small = quantize_dynamic(&layer)?;
        assert_eq!(small.size_in_bytes(), outputs * inputs.div_ceil(32) * 34 + outputs * bytes);
        assert_eq!((small.inputs(), small.outputs()), (inputs, outputs));
    }
    Ok(())
}

#[test]
fn what_was_saved_is_loaded() -> Result<()> {
    let layer = quantize_dynamic(&linear(&numbers(1, 3 * 45, 1e-7), 45, Some(&[1e-7, 0.0, -3e-7]), DType::F32)?)?;
    let tensors: HashMap<String, Tensor> =
        layer.tensors()?.into_iter().map(|(name, tensor)| (format!("a.{name}"), tensor)).collect();
    let vb = |tensors: HashMap<String, Tensor>| VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu).pp("a");
    let again = QuantizedLinear::load(QuantizedLinearConfig::new(45, 3), vb(tensors.clone()))?;
    let x = matrix(&numbers(2, 7 * 45, 1.0), 45, DType::F32)?;
    assert_eq!(flat(&layer.forward(&x)?)?, flat(&again.forward(&x)?)?);
    assert_eq!(flat(layer.dequantize()?.weight())?, flat(again.dequantize()?.weight())?);

    let changed = |name: &str, tensor: Tensor| {
        let mut tensors = tensors.clone();
        tensors.insert(format!("a.{name}"), tensor);
        QuantizedLinear::load(QuantizedLinearConfig::new(45, 3), vb(tensors)).expect_err("not what was saved")
    };
    let mut bytes: Vec<u8> = tensors["a.blocks"].flatten_all()?.to_vec1()?;
    bytes[68..70].copy_from_slice(&0x7c00u16.to_le_bytes()); // an infinite scale
    let error = changed("blocks", Tensor::from_vec(bytes, (3, 68), &Device::Cpu)?);
    assert!(matches!(error, Error::Tensor(TensorError::NotFinite { .. })), "{error}");
    for unit in [0f32, f32::NAN, f32::INFINITY, -1.0] {
        assert!(matches!(
            changed("unit", Tensor::new(unit, &Device::Cpu)?),
            Error::Tensor(TensorError::NotFinite { .. })
        ));
    }
    let error = changed("bias", Tensor::new(&[0f32, f32::NAN, 0.0], &Device::Cpu)?);
    assert!(matches!(error, Error::Tensor(TensorError::NotFinite { .. })), "{error}");
    assert!(matches!(changed("blocks", Tensor::zeros((3, 67), DType::U8, &Device::Cpu)?), Error::Candle(_)));
    for (inputs, outputs) in [(0, 3), (45, 0), (usize::MAX, 3), (45, usize::MAX)] {
        let error = QuantizedLinear::load(QuantizedLinearConfig::new(inputs, outputs), vb(tensors.clone()))
            .expect_err("another shape");
        assert!(
            matches!(
                error,
                Error::Tensor(TensorError::LinearShape { .. }) | Error::Memory(MemoryError::Numbers { .. })
            ),
            "{error}"
        );
    }
    Ok(())
}

#[test]
fn what_cannot_be_quantized_is_refused() -> Result<()> {
    for (value, dtype) in
        [(f64::NAN, DType::F32), (f64::INFINITY, DType::F16), (-f64::INFINITY, DType::BF16), (1e39, DType::F64)]
    {
        let error = quantize_dynamic(&linear(&[1.0, value, 2.0, 3.0], 2, None, dtype)?).expect_err("not finite");
        assert!(matches!(error, Error::Tensor(TensorError::NotFinite { .. })), "{error}");
        let error = quantize_dynamic(&linear(&[1.0, 2.0], 1, Some(&[0.0, value]), dtype)?).expect_err("not finite");
        assert!(matches!(error, Error::Tensor(TensorError::NotFinite { .. })), "{error}");
    }
    for shape in [&[][..], &[4], &[0, 4], &[4, 0], &[2, 2, 2]] {
        let weight = Tensor::zeros(shape, DType::F32, &Device::Cpu)?;
        let error = quantize_dynamic(&Linear::new(weight, None)).expect_err("no matrix");
        assert!(
            matches!(&error, Error::Tensor(TensorError::LinearShape { shape: found }) if found.dims() == shape),
            "{error}"
        );
    }
    let layer = linear(&[1.0; 6], 3, Some(&[1.0; 3]), DType::F32)?;
    assert!(matches!(quantize_dynamic(&layer), Err(Error::Tensor(TensorError::Shape { .. }))));
    let layer = linear(&[1.0; 6], 3, None, DType::U32)?;
    assert!(matches!(
        quantize_dynamic(&layer),
        Err(Error::Tensor(TensorError::UnsupportedDType { dtype: DType::U32, .. }))
    ));

    let layer = quantize_dynamic(&linear(&[1.0; 6], 3, None, DType::F32)?)?;
    for shape in [&[][..], &[2], &[3, 2], &[3, 1], &[3, 4]] {
        let error = layer.try_forward(&Tensor::zeros(shape, DType::F32, &Device::Cpu)?).expect_err("another width");
        assert!(
            matches!(&error, Error::Tensor(TensorError::Shape { actual, .. }) if actual.dims() == shape),
            "{error}"
        );
    }
    let x = Tensor::zeros((2, 3), DType::I64, &Device::Cpu)?;
    assert!(matches!(
        layer.try_forward(&x),
        Err(Error::Tensor(TensorError::UnsupportedDType { dtype: DType::I64, .. }))
    ));
    Ok(())
}
