//! The layer in a candle program: shapes, strides, dtypes, neighbours in a network, tracked and untracked arguments.

use crate::gradients::differences;
use crate::lab::{close, rows, tensor};
use crate::oracle::{rng, uniform};
use candle_core::backprop::GradStore;
use candle_core::{D, DType, Device, Module, Result, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use candlewick::gate::Gate;
use candlewick::nn::SeededInit;
use candlewick::prelude::*;

/// Three features on three qubits, every kind of angle, all of it entangled.
fn circuit() -> Circuit {
    let mut circuit = Circuit::new(3);
    circuit.angle_embedding(Gate::ry, (0..3).map(input));
    let w = circuit.strongly_entangling_layers("theta", 1);
    circuit.rzz(w.at([0, 0, 0]) * input(1), 0, 2).rx(0.5 * input(2), 1);
    circuit
}

fn layer(measurement: Measurement, dtype: DType) -> QuantumLayer {
    let vb = SeededInit::new(1).var_builder(&VarMap::new(), dtype, &Device::Cpu);
    QuantumLayer::new(circuit(), measurement, vb).expect("a sound layer")
}

fn four_outputs() -> Measurement {
    Measurement::expectation([Z(0), Z(1), Z(2), X(0) * Y(2)])
}

fn samples(count: usize, dtype: DType) -> Tensor {
    let mut rng = rng(2);
    tensor(&(0..count).map(|_| uniform(&mut rng, 3)).collect::<Vec<_>>(), dtype)
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).and_then(|t| t.flatten_all()?.to_vec1()).expect("readable")
}

/// Gradients of an uneven sum of the outputs.
fn backward(y: &Tensor) -> Result<GradStore> {
    let c: Vec<f64> = (0..y.elem_count()).map(|k| (k as f64 * 0.7).cos()).collect();
    (y * Tensor::from_vec(c, y.shape(), &Device::Cpu)?.to_dtype(y.dtype())?)?.sum_all()?.backward()
}

fn of(gradients: &GradStore, tensor: &Tensor) -> Vec<f64> {
    flat(gradients.get(tensor).expect("a gradient"))
}

fn theta(layer: &QuantumLayer) -> &Tensor {
    layer.weights().next().expect("one weight tensor").1
}

#[test]
fn any_leading_dimensions() -> Result<()> {
    let layer = layer(four_outputs(), DType::F64);
    let x = samples(12, DType::F64);
    let expected = flat(&layer.forward(&x)?);
    for leading in [vec![12], vec![3, 4], vec![2, 3, 2], vec![1, 12, 1]] {
        let shape = |last: usize| leading.iter().copied().chain([last]).collect::<Vec<_>>();
        let y = layer.forward(&x.reshape(shape(3))?)?;
        assert_eq!(y.dims(), shape(4));
        assert_eq!(flat(&y), expected, "{leading:?}");
    }
    let one = layer.forward(&x.get(5)?)?;
    assert_eq!(one.dims(), [4]);
    close("a single sample", &flat(&one), &expected[20..24], 1e-14);
    Ok(())
}

#[test]
fn an_empty_batch_is_no_error() -> Result<()> {
    for (measurement, outputs) in [(four_outputs(), vec![4]), (Measurement::state(), vec![8, 2])] {
        let layer = layer(measurement, DType::F32);
        for leading in [vec![0], vec![0, 5], vec![5, 0], vec![2, 0, 3]] {
            let shape = |last: &[usize]| [&leading, last].concat();
            let y = layer.forward(&Tensor::zeros(shape(&[3]), DType::F32, &Device::Cpu)?)?;
            assert_eq!((y.dims(), y.dtype()), (&shape(&outputs)[..], DType::F32));
        }
    }
    Ok(())
}

#[test]
fn each_measurement_has_its_shape() -> Result<()> {
    for (measurement, outputs) in [
        (four_outputs(), vec![4]),
        (Measurement::variance([Z(0), X(1)]), vec![2]),
        (Measurement::probabilities([2, 0]), vec![4]),
        (Measurement::probabilities([1]), vec![2]),
        (Measurement::state(), vec![8, 2]),
    ] {
        assert_eq!(measurement.output_shape(3), outputs);
        let layer = layer(measurement, DType::F64);
        assert_eq!(layer.program().outputs(), outputs.iter().product::<usize>());
        for leading in [vec![], vec![2], vec![2, 5]] {
            let x = Tensor::zeros([&leading[..], &[3]].concat(), DType::F64, &Device::Cpu)?;
            assert_eq!(layer.forward(&x)?.dims(), [leading, outputs.clone()].concat());
        }
    }
    Ok(())
}

/// Transposed, narrowed, broadcast and reversed views: the same values as their copies, and the gradient reaches the
/// tensor that is viewed.
#[test]
fn strides_do_not_matter() -> Result<()> {
    let layer = layer(four_outputs(), DType::F64);
    let base = |shape: (usize, usize)| Var::randn(0.0, 1.0, shape, &Device::Cpu);
    type View = fn(&Tensor) -> Result<Tensor>;
    let views: [(&str, (usize, usize), View); 6] = [
        ("transposed", (3, 5), |t| t.t()),
        ("narrowed features", (5, 7), |t| t.narrow(1, 2, 3)),
        ("narrowed batch", (9, 3), |t| t.narrow(0, 3, 5)),
        ("narrowed and transposed", (4, 9), |t| t.narrow(0, 1, 3)?.narrow(1, 2, 5)?.t()),
        ("one sample for all", (1, 3), |t| t.broadcast_as((5, 3))),
        ("one feature for all", (5, 1), |t| t.broadcast_as((5, 3))),
    ];
    for (name, shape, view) in views {
        let var = base(shape)?;
        let strided = view(&var)?;
        let copy = Var::from_tensor(&strided.copy()?.detach())?;
        let (y, expected) = (layer.forward(&strided)?, layer.forward(&copy)?);
        assert_eq!(flat(&y), flat(&expected), "{name}");
        let (gradients, plain) = (backward(&y)?, backward(&expected)?);
        assert_eq!(of(&gradients, theta(&layer)), of(&plain, theta(&layer)), "{name}");
        // The view's own backward is candle's; the copy's gradient pulled through it must be the same.
        let pulled = (view(&var)? * plain.get(&copy).expect("a gradient in x"))?.sum_all()?.backward()?;
        close(name, &of(&gradients, &var), &of(&pulled, &var), 1e-14);
    }
    Ok(())
}

#[test]
fn every_float_dtype_comes_and_goes() -> Result<()> {
    let exact = layer(four_outputs(), DType::F64);
    let x64 = samples(6, DType::F64);
    for (dtype, tolerance) in [(DType::F64, 0.0), (DType::F32, 1e-5), (DType::F16, 2e-2), (DType::BF16, 1e-1)] {
        let layer = layer(four_outputs(), dtype);
        assert_eq!(theta(&layer).dtype(), dtype);
        let x = Var::from_tensor(&x64.to_dtype(dtype)?)?;
        let y = layer.forward(&x)?;
        assert_eq!(y.dtype(), dtype);
        close(&format!("{dtype:?}"), &flat(&y), &flat(&exact.forward(&x64)?), tolerance);
        let gradients = backward(&y)?;
        for tensor in [x.as_tensor(), theta(&layer)] {
            let gradient = gradients.get(tensor).expect("a gradient");
            assert_eq!((gradient.dtype(), gradient.dims()), (dtype, tensor.dims()));
        }
        let x64 = Var::from_tensor(&x64)?;
        let expected = backward(&exact.forward(&x64)?)?;
        close(&format!("{dtype:?} dx"), &of(&gradients, &x), &of(&expected, &x64), 2.0 * tolerance);
        close(&format!("{dtype:?} dw"), &of(&gradients, theta(&layer)), &of(&expected, theta(&exact)), 4.0 * tolerance);
    }
    Ok(())
}

/// Linear, tanh, quantum, linear: every gradient against central differences of the whole network.
#[test]
fn gradients_flow_through_neighbors() -> Result<()> {
    let varmap = VarMap::new();
    let vb = SeededInit::new(5).var_builder(&varmap, DType::F64, &Device::Cpu);
    let net = candle_nn::seq()
        .add(candle_nn::linear(2, 3, vb.pp("in"))?)
        .add_fn(|x| x.tanh())
        .add(QuantumLayer::new(circuit(), four_outputs(), vb.pp("quantum"))?)
        .add(candle_nn::linear(4, 1, vb.pp("out"))?);
    let x = Var::from_tensor(&Tensor::new(&[[0.3, -1.0], [0.8, 0.1], [-0.4, 0.6]], &Device::Cpu)?)?;
    let loss = || net.forward(&x)?.sqr()?.sum_all();
    let gradients = loss()?.backward()?;
    let mut vars: Vec<(String, Var)> = {
        let data = varmap.data().lock().expect("no thread has panicked");
        let trained = data.iter().filter(|(_, var)| var.elem_count() > 0);
        trained.map(|(name, var)| (name.clone(), var.clone())).collect()
    };
    assert_eq!(vars.len(), 5);
    vars.push(("x".to_owned(), x.clone()));
    for (name, var) in vars {
        let start = flat(&var);
        let value = |point: &[f64]| {
            let moved = Tensor::from_slice(point, var.shape(), &Device::Cpu).expect("a point");
            var.set(&moved).expect("the same shape");
            loss().and_then(|loss| loss.to_scalar::<f64>()).expect("a loss")
        };
        let expected = differences(&start, value);
        var.set(&Tensor::from_slice(&start, var.shape(), &Device::Cpu)?)?;
        close(&name, &of(&gradients, &var), &expected, 1e-8);
    }
    Ok(())
}

#[test]
fn a_circuit_without_inputs_is_evaluated() -> Result<()> {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", ());
    circuit.ry(w.at([]), 0).cx(0, 1);
    let vb = SeededInit::new(3).var_builder(&VarMap::new(), DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0), X(0) * X(1)]), vb)?;
    let y = layer.evaluate()?;
    let weight = theta(&layer).to_scalar::<f64>()?;
    assert_eq!(y.dims(), [2]);
    close("y", &flat(&y), &[weight.cos(), weight.sin()], 1e-15);
    close("dw", &of(&y.sum_all()?.backward()?, theta(&layer)), &[weight.cos() - weight.sin()], 1e-15);
    // The module takes samples without features, with one output row for each.
    let no_features = Var::zeros((3, 0), DType::F64, &Device::Cpu)?;
    let many = layer.forward(&no_features)?;
    assert_eq!(many.dims(), [3, 2]);
    assert_eq!(rows(&many)[2], flat(&y));
    let gradients = many.sum_all()?.backward()?;
    assert_eq!(gradients.get(&no_features).expect("an empty gradient").dims(), [3, 0]);
    close("three times dw", &of(&gradients, theta(&layer)), &[3.0 * (weight.cos() - weight.sin())], 1e-14);
    Ok(())
}

#[test]
fn what_is_not_tracked_gets_no_gradient() -> Result<()> {
    let layer = layer(four_outputs(), DType::F64);
    let tracked = Var::from_tensor(&samples(4, DType::F64))?;
    let plain = tracked.detach();
    let (with, without) = (backward(&layer.forward(&tracked)?)?, backward(&layer.forward(&plain)?)?);
    assert!(without.get(&plain).is_none());
    assert_eq!(of(&with, theta(&layer)), of(&without, theta(&layer)));

    let fixed = VarBuilder::from_tensors([("theta".into(), theta(&layer).detach())].into(), DType::F64, &Device::Cpu);
    let frozen = QuantumLayer::new(circuit(), four_outputs(), fixed)?;
    let gradients = backward(&frozen.forward(&tracked)?)?;
    assert!(gradients.get(theta(&frozen)).is_none());
    assert_eq!(of(&gradients, &tracked), of(&with, &tracked));
    assert!(!frozen.forward(&plain)?.track_op());
    Ok(())
}

#[test]
fn what_is_unused_has_gradient_zero() -> Result<()> {
    let mut circuit = Circuit::new(2).with_inputs(4);
    let used = circuit.weights("used", 3);
    circuit.weights("unused", (2, 2));
    circuit.weights("empty", 0);
    circuit.ry(input(1), 0).ry(used.at([1]), 0);
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
    let x = Var::randn(0.0, 1.0, (5, 4), &Device::Cpu)?;
    let gradients = layer.forward(&x)?.sum_all()?.backward()?;
    let by_name = |name: &str| layer.weights().find(|(other, _)| *other == name).expect("declared").1;
    assert_eq!(of(&gradients, by_name("unused")), [0.0; 4]);
    assert!(of(&gradients, by_name("empty")).is_empty());
    let dw = of(&gradients, by_name("used"));
    assert!(dw[0] == 0.0 && dw[1] != 0.0 && dw[2] == 0.0, "{dw:?}");
    for row in rows(gradients.get(&x).expect("a gradient in x")) {
        assert!(row[0] == 0.0 && row[1] != 0.0 && row[2..] == [0.0, 0.0], "{row:?}");
    }
    Ok(())
}

#[test]
fn a_detached_forward_has_no_graph() -> anyhow::Result<()> {
    let layer = layer(four_outputs(), DType::F64);
    let x = Var::from_tensor(&samples(4, DType::F64))?;
    let (y, detached) = (layer.try_forward(&x)?, layer.forward_detached(&x)?);
    assert!(y.track_op() && !detached.track_op());
    assert_eq!(flat(&y), flat(&detached));
    let gradients = detached.sum_all()?.backward()?;
    assert!(gradients.get(&x).is_none() && gradients.get(theta(&layer)).is_none());
    Ok(())
}

/// Samples share out their weights' gradient and keep their own rows: softmax and sum behind the layer included.
#[test]
fn it_sits_inside_a_longer_graph() -> Result<()> {
    let layer = layer(Measurement::probabilities([0, 1]), DType::F64);
    let start = flat(&samples(2, DType::F64));
    let loss = |x: &Tensor| -> Result<Tensor> {
        let p = layer.forward(&(x * 2.0)?.sin()?)?;
        let twice = layer.forward(&p.narrow(D::Minus1, 0, 3)?)?;
        candle_nn::ops::softmax(&twice, D::Minus1)?.sqr()?.sum_all()
    };
    let x = Var::from_slice(&start, (2, 3), &Device::Cpu)?;
    let value = |point: &[f64]| {
        let x = Tensor::from_slice(point, (2, 3), &Device::Cpu).expect("a point");
        loss(&x).and_then(|loss| loss.to_scalar::<f64>()).expect("a loss")
    };
    close("dx", &of(&loss(&x)?.backward()?, &x), &differences(&start, value), 1e-9);
    Ok(())
}

#[test]
fn layers_cross_threads() {
    fn crosses<T: Send + Sync + Clone + 'static>(_: &T) {}
    let layer = layer(four_outputs(), DType::F64);
    crosses(&layer);
    crosses(layer.circuit());
    crosses(layer.measurement());
    crosses(layer.program());
    let x = samples(4, DType::F64);
    let expected = flat(&layer.forward_detached(&x).expect("outputs"));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(flat(&layer.forward_detached(&x).expect("outputs")), expected));
        }
    });
}

/// 2^18 terms added up in the precision of an F32 state would be off by some 1e-4.
#[test]
fn sums_over_a_state_are_in_f64() -> Result<()> {
    let qubits = 18;
    let angle = |q: usize| 0.3 + 0.11 * q as f64;
    let mut circuit = Circuit::new(qubits);
    for q in 0..qubits {
        circuit.ry(angle(q), q);
    }
    let measured =
        (0..qubits).map(Z).chain([Observable::diagonal([0.5, -1.5, 2.0, 0.25]), Observable::projector([true])]);
    let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation(measured), vb)?;
    let one = |q: usize| (angle(q) / 2.0).sin().powi(2);
    let table = [(0.5, 0, 0), (-1.5, 1, 0), (2.0, 0, 1), (0.25, 1, 1)];
    let p = |q: usize, bit: i32| if bit == 1 { one(q) } else { 1.0 - one(q) };
    let diagonal: f64 = table.iter().map(|(value, first, second)| value * p(0, *first) * p(1, *second)).sum();
    let expected: Vec<f64> = (0..qubits).map(|q| angle(q).cos()).chain([diagonal, one(0)]).collect();
    for (found, expected) in flat(&layer.evaluate()?).iter().zip(expected) {
        assert!((found - expected).abs() < 2e-6, "{found} {expected}");
    }
    Ok(())
}
