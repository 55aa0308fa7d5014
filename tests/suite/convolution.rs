//! The quantum convolution against the layer on patches cut one by one, and against a formula.

use crate::gradients::differences;
use crate::lab::close;
use crate::oracle::{rng, uniform};
use candle_core::{DType, Device, Module, Result, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use candlewick::Error;
use candlewick::error::{MemoryError, TensorError};
use candlewick::nn::{QuantumConv2d, QuantumConv2dConfig, SeededInit};
use candlewick::prelude::*;

/// Entangled, with a weight tensor, for any number of features.
fn entangled(features: usize) -> Circuit {
    let mut circuit = Circuit::new(3);
    (0..features).for_each(|i| {
        circuit.ry(input(i), i % 3).cx(i % 3, (i + 1) % 3);
    });
    circuit.strongly_entangling_layers("theta", 1);
    circuit
}

fn measured() -> Measurement {
    Measurement::expectation([Z(0), X(1) * Z(2)])
}

fn conv(config: QuantumConv2dConfig, dtype: DType) -> QuantumConv2d {
    let vb = SeededInit::new(1).var_builder(&VarMap::new(), dtype, &Device::Cpu);
    let features = config.channels * config.kernel.0 * config.kernel.1;
    QuantumConv2d::new(entangled(features), measured(), config, vb).expect("a sound layer")
}

fn images(shape: [usize; 4]) -> Result<Tensor> {
    Tensor::from_vec(uniform(&mut rng(3), shape.iter().product()), &shape, &Device::Cpu)
}

/// Patch by patch, entry by entry; `f` gets a patch and returns its outputs.
fn naive(x: &Tensor, config: &QuantumConv2dConfig, f: impl Fn(&[f64]) -> Vec<f64>) -> Result<Vec<Vec<Vec<Vec<f64>>>>> {
    let x: Vec<Vec<Vec<Vec<f64>>>> = (0..x.dim(0)?).map(|image| x.get(image)?.to_vec3()).collect::<Result<_>>()?;
    let (height, width) = (x[0][0].len() as isize, x[0][0][0].len() as isize);
    let out = |size: isize, k: usize, s: usize, p: usize, d: usize| {
        let mut starts = vec![];
        let mut start = -(p as isize);
        while start + ((d * (k - 1)) as isize) < size + p as isize {
            starts.push(start);
            start += s as isize;
        }
        starts
    };
    let QuantumConv2dConfig { kernel, stride, padding, dilation, .. } = *config;
    let rows = out(height, kernel.0, stride.0, padding.0, dilation.0);
    let columns = out(width, kernel.1, stride.1, padding.1, dilation.1);
    let mut all = vec![];
    for image in &x {
        let mut y: Vec<Vec<Vec<f64>>> = vec![];
        for row in &rows {
            for column in &columns {
                let mut patch = vec![];
                for channel in image {
                    for i in 0..kernel.0 {
                        for j in 0..kernel.1 {
                            let (h, w) = (row + (i * dilation.0) as isize, column + (j * dilation.1) as isize);
                            let inside = (0..height).contains(&h) && (0..width).contains(&w);
                            patch.push(if inside { channel[h as usize][w as usize] } else { 0.0 });
                        }
                    }
                }
                let outputs = f(&patch);
                y.resize(outputs.len(), vec![]);
                for (y, output) in y.iter_mut().zip(outputs) {
                    if column == &columns[0] {
                        y.push(vec![]);
                    }
                    y.last_mut().expect("a row").push(output);
                }
            }
        }
        all.push(y);
    }
    Ok(all)
}

/// Flattened, with the shape.
fn flat(y: &[Vec<Vec<Vec<f64>>>]) -> (Vec<usize>, Vec<f64>) {
    let shape = vec![y.len(), y[0].len(), y[0][0].len(), y[0][0][0].len()];
    (shape, y.iter().flatten().flatten().flatten().copied().collect())
}

fn values(tensor: &Tensor) -> Result<Vec<f64>> {
    tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
}

/// Kernels, strides, paddings, dilations, and an image for each.
fn cases() -> Vec<(QuantumConv2dConfig, [usize; 4])> {
    let case = |channels, kernel, stride, padding, dilation, (batch, height, width)| {
        let config = QuantumConv2dConfig { channels, kernel, stride, padding, dilation, ..Default::default() };
        (config, [batch, channels, height, width])
    };
    vec![
        case(1, (1, 1), (1, 1), (0, 0), (1, 1), (2, 3, 2)),
        case(1, (2, 2), (2, 2), (0, 0), (1, 1), (3, 4, 6)),
        case(1, (2, 2), (1, 1), (0, 0), (1, 1), (2, 4, 3)),
        case(3, (2, 2), (1, 1), (0, 0), (1, 1), (2, 3, 4)),
        case(2, (1, 3), (2, 1), (0, 1), (1, 1), (2, 4, 3)),
        case(1, (2, 3), (1, 2), (2, 1), (1, 1), (2, 3, 5)),
        case(2, (2, 2), (1, 1), (0, 0), (2, 1), (2, 5, 3)),
        case(1, (2, 2), (3, 2), (1, 2), (3, 2), (2, 5, 4)),
        case(1, (3, 2), (1, 1), (0, 0), (1, 1), (1, 3, 2)),
        // A stride that leaves the last pixels out, and patches of padding alone.
        case(1, (2, 2), (3, 3), (0, 0), (1, 1), (2, 7, 6)),
        case(1, (1, 2), (1, 1), (2, 2), (1, 1), (1, 1, 1)),
    ]
}

#[test]
fn patches_are_samples_of_the_layer() -> Result<()> {
    for (config, shape) in cases() {
        let conv = conv(config.clone(), DType::F64);
        let x = images(shape)?;
        let on_patch = |patch: &[f64]| {
            let patch = Tensor::new(patch, &Device::Cpu).expect("a patch");
            conv.layer().forward(&patch).and_then(|y| y.to_vec1()).expect("outputs")
        };
        let (shape, expected) = flat(&naive(&x, &config, on_patch)?);
        let y = conv.forward(&x)?;
        assert_eq!((y.dims(), y.is_contiguous()), (&shape[..], true), "{config:?}");
        let size = conv.output_size((x.dim(2)?, x.dim(3)?)).expect("it fits");
        assert_eq!((shape[1], (shape[2], shape[3])), (conv.outputs(), size));
        close(&format!("{config:?}"), &values(&y)?, &expected, 1e-13);
        let detached = conv.forward_detached(&x)?;
        assert!(y.track_op() && !detached.track_op());
        assert_eq!(values(&detached)?, values(&y)?);
    }
    Ok(())
}

#[test]
fn a_product_of_cosines() -> Result<()> {
    // <Z> behind RY(x) is cos x, and of words of Z the product.
    for (config, shape) in cases() {
        let features = shape[1] * config.kernel.0 * config.kernel.1;
        let mut circuit = Circuit::new(features);
        (0..features).for_each(|i| {
            circuit.ry(input(i), i);
        });
        let measured = Measurement::expectation((0..features).map(|i| Z(i) * Z(0)));
        let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
        let conv = QuantumConv2d::new(circuit, measured, config.clone(), vb)?;
        let cosines = |patch: &[f64]| {
            let first = patch[0].cos();
            patch.iter().enumerate().map(|(i, x)| if i == 0 { 1.0 } else { x.cos() * first }).collect()
        };
        let x = images(shape)?;
        let (shape, expected) = flat(&naive(&x, &config, cosines)?);
        let y = conv.forward(&x)?;
        assert_eq!(y.dims(), shape);
        close(&format!("{config:?}"), &values(&y)?, &expected, 1e-12);
    }
    Ok(())
}

#[test]
fn sums_of_small_angles_are_a_convolution() -> Result<()> {
    // RX(π/2) RY(sum w x) gives a sine; the other side is the sine of candle's convolution.
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 18);
    (0..18).for_each(|i| {
        circuit.ry(w.at([i]) * input(i), 0);
    });
    let varmap = VarMap::new();
    let vb = SeededInit::new(4).var_builder(&varmap, DType::F64, &Device::Cpu);
    let config = QuantumConv2dConfig {
        channels: 2,
        kernel: (3, 3),
        stride: (2, 2),
        padding: (1, 1),
        dilation: (2, 2),
        ..Default::default()
    };
    let conv = QuantumConv2d::new(circuit, Measurement::expectation([X(0)]), config, vb)?;
    let x = images([2, 2, 8, 8])?;
    let weight = conv.layer().weights().next().expect("one tensor").1.reshape((1, 2, 3, 3))?;
    let expected = x.conv2d(&weight, 1, 2, 2, 1)?.sin()?;
    let y = conv.forward(&x)?;
    assert_eq!(y.dims(), expected.dims());
    close("y", &values(&y)?, &values(&expected)?, 1e-12);
    Ok(())
}

#[test]
fn gradients_in_images_and_weights() -> Result<()> {
    for (config, shape) in cases() {
        let conv = conv(config.clone(), DType::F64);
        let x = Var::from_tensor(&images(shape)?)?;
        let theta = Var::from_tensor(conv.layer().weights().next().expect("one tensor").1)?;
        let y = conv.forward(&x)?;
        let c = uniform(&mut rng(5), y.elem_count());
        let loss = |y: Tensor| -> Result<Tensor> { (&y * Tensor::from_slice(&c, y.shape(), &Device::Cpu)?)?.sum_all() };
        let store = loss(y)?.backward()?;
        let value = |at: &[f64]| {
            let x = Tensor::from_slice(at, &shape, &Device::Cpu).expect("images");
            conv.forward(&x).and_then(loss).and_then(|loss| loss.to_scalar()).expect("a loss")
        };
        let point = values(&x)?;
        let what = format!("{config:?}");
        close(&what, &values(store.get(&x).expect("a gradient"))?, &differences(&point, value), 1e-8);

        let found = values(store.get(&theta).expect("a gradient"))?;
        let angles = values(&theta)?;
        let value = |at: &[f64]| {
            theta.set(&Tensor::from_slice(at, theta.shape(), &Device::Cpu).expect("angles")).expect("a variable");
            value(&point)
        };
        close(&what, &found, &differences(&angles, value), 1e-8);
    }
    Ok(())
}

#[test]
fn leading_dimensions_strides_and_dtypes() -> Result<()> {
    let config = QuantumConv2dConfig { channels: 2, kernel: (2, 1), padding: (1, 0), ..Default::default() };
    for (dtype, tolerance) in [(DType::F64, 1e-13), (DType::F32, 1e-5), (DType::F16, 1e-2), (DType::BF16, 5e-2)] {
        let conv = conv(config.clone(), dtype);
        let x = images([6, 2, 3, 4])?.to_dtype(dtype)?;
        let y = conv.forward(&x)?;
        assert_eq!((y.dims(), y.dtype()), (&[6, 2, 4, 4][..], dtype));
        let exact = self::conv(config.clone(), DType::F64).forward(&x.to_dtype(DType::F64)?)?;
        close("values", &values(&y)?, &values(&exact)?, tolerance);
        for leading in [vec![2, 3], vec![1, 6, 1]] {
            let shape = |inner: [usize; 3]| leading.iter().copied().chain(inner).collect::<Vec<_>>();
            let again = conv.forward(&x.reshape(shape([2, 3, 4]))?)?;
            assert_eq!(again.dims(), shape([2, 4, 4]));
            assert_eq!(values(&again)?, values(&y)?);
        }
        let one = conv.forward(&x.get(4)?)?;
        assert_eq!(one.dims(), [2, 4, 4]);
        close("an image", &values(&one)?, &values(&y.get(4)?)?, tolerance);
        let transposed = x.transpose(2, 3)?.contiguous()?.transpose(2, 3)?;
        assert_eq!(values(&conv.forward(&transposed)?)?, values(&y)?);
        let narrowed = conv.forward(&x.narrow(0, 1, 3)?.narrow(3, 1, 3)?)?;
        close("narrowed", &values(&narrowed)?, &values(&y.narrow(0, 1, 3)?.narrow(3, 1, 3)?)?, tolerance);
        for leading in [vec![0], vec![3, 0]] {
            let shape = |inner: [usize; 3]| leading.iter().copied().chain(inner).collect::<Vec<_>>();
            let y = conv.forward(&Tensor::zeros(shape([2, 3, 4]), dtype, &Device::Cpu)?)?;
            assert_eq!((y.dims(), y.dtype()), (&shape([2, 4, 4])[..], dtype));
        }
    }
    Ok(())
}

#[test]
fn all_outputs_are_channels() -> Result<()> {
    for (measurement, outputs) in
        [(Measurement::probabilities([0, 2]), 4), (Measurement::state(), 16), (Measurement::variance([Z(0)]), 1)]
    {
        let vb = SeededInit::new(1).var_builder(&VarMap::new(), DType::F64, &Device::Cpu);
        let conv = QuantumConv2d::new(entangled(4), measurement, QuantumConv2dConfig::default(), vb)?;
        let x = images([2, 1, 3, 4])?;
        let y = conv.forward(&x)?;
        assert_eq!((y.dims(), conv.outputs()), (&[2, outputs, 2, 3][..], outputs));
        let patch = x.narrow(2, 1, 2)?.narrow(3, 2, 2)?.get(1)?.flatten_all()?;
        let alone = conv.layer().forward(&patch)?;
        close("a patch", &values(&y.get(1)?.narrow(1, 1, 1)?.narrow(2, 2, 1)?)?, &values(&alone)?, 1e-13);
    }
    Ok(())
}

#[test]
fn a_spoilt_pixel_spoils_the_patches_it_is_in() -> Result<()> {
    let conv = conv(QuantumConv2dConfig::default(), DType::F64);
    let x = images([2, 1, 3, 3])?;
    let sound = values(&conv.forward(&x)?)?;
    let mut pixels = values(&x)?;
    pixels[9] = f64::NAN; // the first of the second image
    let y = values(&conv.forward(&Tensor::from_vec(pixels, (2, 1, 3, 3), &Device::Cpu)?)?)?;
    for (k, (y, sound)) in y.iter().zip(&sound).enumerate() {
        assert!(if k == 8 || k == 12 { y.is_nan() } else { y == sound }, "{k}: {y}, {sound}");
    }
    Ok(())
}

#[test]
fn what_cannot_be_slid_is_refused() -> Result<()> {
    let vb = || VarBuilder::zeros(DType::F32, &Device::Cpu);
    let default = QuantumConv2dConfig::default();
    let make = |config| QuantumConv2d::new(entangled(4), measured(), config, vb());
    for (config, name) in [
        (QuantumConv2dConfig { kernel: (0, 2), ..default.clone() }, "kernel"),
        (QuantumConv2dConfig { kernel: (2, usize::MAX), ..default.clone() }, "kernel"),
        (QuantumConv2dConfig { stride: (1, 0), ..default.clone() }, "stride"),
        (QuantumConv2dConfig { dilation: (0, 1), ..default.clone() }, "dilation"),
        (QuantumConv2dConfig { padding: (usize::MAX, 1), ..default.clone() }, "padding"),
        (QuantumConv2dConfig { channels: 0, ..default.clone() }, "channels"),
    ] {
        let error = make(config).expect_err("out of range");
        assert!(matches!(error, Error::Setting { setting, .. } if setting == name), "{error}");
    }
    for (channels, kernel, features) in
        [(2, (2, 2), 8), (1, (3, 1), 3), (1, ((1 << 32) - 1, (1 << 32) - 1), usize::MAX)]
    {
        let error = make(QuantumConv2dConfig { channels, kernel, ..default.clone() }).expect_err("other features");
        match error {
            Error::Tensor(TensorError::PatchFeatures { expected: 4, actual, .. }) => {
                assert!(actual == features || features > 1 << 60)
            }
            other => panic!("{other}"),
        }
    }
    let mistaken = QuantumConv2d::new(Circuit::new(0), measured(), default.clone(), vb()).expect_err("a mistake");
    assert!(matches!(mistaken, Error::Circuit { .. }), "{mistaken}");

    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu);
    let conv = make(QuantumConv2dConfig { dilation: (3, 1), padding: (1, 0), ..default.clone() })?;
    for shape in [&[][..], &[4], &[4, 4], &[2, 4, 4], &[1, 2, 4, 4]] {
        let error = conv.try_forward(&zeros(shape)?).expect_err("no images");
        assert!(
            matches!(&error, Error::Tensor(TensorError::Images { channels: 1, shape: found }) if found.dims() == shape),
            "{error}"
        );
    }
    let error = conv.try_forward(&zeros(&[3, 1, 1, 5])?).expect_err("too small").to_string();
    assert!(error.contains("over 4 x 2 pixels") && error.contains("of 1 x 5, which is 3 x 5"), "{error}");
    assert!(conv.output_size((2, 1)).is_err());
    assert_eq!(conv.try_forward(&zeros(&[3, 1, 2, 5])?)?.dims(), [3, 2, 1, 4]);
    let error = conv.try_forward(&zeros(&[3, 1, 4, 4])?.to_dtype(DType::F64)?).expect_err("another dtype");
    assert!(matches!(error, Error::Tensor(TensorError::DTypeMismatch { .. })), "{error}");
    Ok(())
}

#[test]
fn patches_beyond_the_memory_are_refused() -> Result<()> {
    let vb = || VarBuilder::zeros(DType::F32, &Device::Cpu);
    let most = (1 << 32) - 1;
    for padding in [(1 << 20, 1 << 20), (most, most)] {
        let config = QuantumConv2dConfig { padding, ..Default::default() };
        let conv = QuantumConv2d::new(entangled(4), measured(), config, vb())?;
        for batch in [0, 1] {
            let error = conv.try_forward(&Tensor::zeros((batch, 1, 2, 2), DType::F32, &Device::Cpu)?);
            let error = error.expect_err("too many patches");
            assert!(matches!(error, Error::Memory(MemoryError::Numbers { .. })), "{error}");
        }
    }
    // Images that take no memory yet.
    let conv = QuantumConv2d::new(entangled(4), measured(), QuantumConv2dConfig::default(), vb())?;
    let x = Tensor::zeros((1, 1, 1, 1), DType::F32, &Device::Cpu)?;
    for shape in [(1 << 40, 1, 2, 2), (1, 1, 1 << 20, 1 << 20)] {
        let error = conv.try_forward(&x.broadcast_as(shape)?).expect_err("too many");
        assert!(matches!(error, Error::Memory(MemoryError::Numbers { .. }) | Error::Setting { .. }), "{error}");
    }
    Ok(())
}

/// A digit on black: most patches are zeros.
#[test]
fn black_patches_may_be_embedded_as_amplitudes() -> anyhow::Result<()> {
    let outputs = |embed: fn(&mut Circuit)| -> anyhow::Result<(Vec<f32>, Vec<f32>)> {
        let mut circuit = Circuit::new(2);
        embed(&mut circuit);
        circuit.strongly_entangling_layers("w", 1);
        let varmap = VarMap::new();
        let vb = SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu);
        let config = QuantumConv2dConfig { kernel: (2, 2), stride: (2, 2), ..Default::default() };
        let conv = QuantumConv2d::new(circuit, Measurement::expectation([Z(0), Z(1)]), config, vb)?;
        let mut image = vec![0f32; 64];
        image[20..30].fill(0.5);
        let y = conv.forward(&Tensor::from_vec(image, (1, 1, 8, 8), &Device::Cpu)?)?;
        let gradients = y.sqr()?.mean_all()?.backward()?;
        let (_, w) = conv.layer().weights().next().expect("one tensor");
        let dw = gradients.get(w).expect("a gradient in w").flatten_all()?.to_vec1()?;
        Ok((y.flatten_all()?.to_vec1()?, dw))
    };
    let (y, dw) = outputs(|circuit| _ = circuit.amplitude_embedding_or_zero_state(0..4))?;
    assert!(y.iter().chain(&dw).all(|value| value.is_finite()), "{y:?} {dw:?}");
    let error = outputs(|circuit| _ = circuit.amplitude_embedding(0..4)).expect_err("a patch of zeros");
    assert!(error.to_string().contains("features 0 to 3 of sample 0 are all 0"), "{error}");
    Ok(())
}
