//! Weights: their names, shapes and initialisations, files of weights, and weights that other networks compute.

use crate::gradients::differences;
use crate::lab::{close, tensor};
use candle_core::{DType, Device, Module, Tensor, Var};
use candle_nn::{Init, VarBuilder, VarMap};
use candlewick::functional;
use candlewick::nn::SeededInit;
use candlewick::prelude::*;
use std::collections::HashMap;
use std::f64::consts::TAU;
use std::path::PathBuf;

fn circuit() -> Circuit {
    let mut circuit = Circuit::new(2);
    // The declaration order differs from the order of the names, in which weights are stored.
    let (late, early) = (circuit.weights("theta", (2, 2)), circuit.weights("alpha", 3));
    circuit.ry(input(0), 0).ry(late.at([0, 1]), 0).cx(0, 1).rx(late.at([1, 0]) + early.at([2]), 1).rz(early.at([0]), 1);
    circuit.ry(0.3 * early.at([1]), 1);
    circuit
}

fn layer(vb: VarBuilder<'_>) -> candlewick::Result<QuantumLayer> {
    QuantumLayer::new(circuit(), Measurement::expectation([Z(0), X(1)]), vb)
}

/// A path for one test's file.
fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).and_then(|t| t.flatten_all()?.to_vec1()).expect("readable")
}

#[test]
fn they_stand_under_the_prefix_with_their_names_and_shapes() -> anyhow::Result<()> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
    let layer = layer(vb.pp("model").pp("quantum"))?;
    let data = varmap.data().lock().expect("no thread has panicked");
    let mut found: Vec<_> = data.iter().map(|(name, var)| (name.clone(), var.dims())).collect();
    found.sort();
    let fingerprint = layer.fingerprint();
    let shape = [(fingerprint >> 32) as usize, 0, fingerprint as u32 as usize];
    let expected = [("alpha", &[3][..]), ("circuit_fingerprint", &shape), ("theta", &[2, 2])];
    assert_eq!(found, expected.map(|(name, shape)| (format!("model.quantum.{name}"), shape)));
    let own: Vec<_> = layer.weights().map(|(name, weight)| (name, weight.dims())).collect();
    assert_eq!(own, [("alpha", &[3][..]), ("theta", &[2, 2])]);
    assert!(layer.weights().all(|(_, weight)| weight.is_variable()));
    Ok(())
}

#[test]
fn they_start_on_the_circle_or_as_told() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(1);
    let many = circuit.weights("many", 4000);
    circuit.ry(many.at([0]), 0);
    circuit.weights_with_init("constant", 5, Init::Const(0.25));
    circuit.weights_with_init("narrow", 1000, Init::Uniform { lo: -0.1, up: 0.1 });
    let vb = |varmap: &VarMap, seeded: bool| match seeded {
        true => SeededInit::new(2).var_builder(varmap, DType::F64, &Device::Cpu),
        false => VarBuilder::from_varmap(varmap, DType::F64, &Device::Cpu),
    };
    for seeded in [false, true] {
        let layer = QuantumLayer::new(circuit.clone(), Measurement::expectation([Z(0)]), vb(&VarMap::new(), seeded))?;
        let weights: HashMap<&str, Vec<f64>> = layer.weights().map(|(name, weight)| (name, flat(weight))).collect();
        assert!(weights["many"].iter().all(|w| (0.0..TAU).contains(w)));
        // The mean of 4000 uniform variates is within 5 standard deviations, and each eighth of the circle is hit.
        let mean = weights["many"].iter().sum::<f64>() / 4000.0;
        assert!((mean - TAU / 2.0).abs() < 5.0 * TAU / 12f64.sqrt() / 4000f64.sqrt(), "{mean}");
        assert!((0..8).all(|k| weights["many"].iter().any(|w| (w / TAU * 8.0) as usize == k)));
        assert_eq!(weights["constant"], [0.25; 5]);
        assert!(weights["narrow"].iter().all(|w| w.abs() <= 0.1));
    }
    Ok(())
}

/// The values of a variable depend on the seed, its path and its shape, and on no other variable.
#[test]
fn a_seed_fixes_each_tensor_by_its_path() -> anyhow::Result<()> {
    let alone = VarMap::new();
    layer(SeededInit::new(4).var_builder(&alone, DType::F64, &Device::Cpu).pp("quantum"))?;
    let crowd = VarMap::new();
    let vb = SeededInit::new(4).var_builder(&crowd, DType::F64, &Device::Cpu);
    candle_nn::linear(3, 2, vb.pp("first"))?;
    layer(vb.pp("quantum"))?;
    let get = |varmap: &VarMap, name: &str| flat(&varmap.data().lock().expect("no thread has panicked")[name]);
    for name in ["quantum.theta", "quantum.alpha"] {
        assert_eq!(get(&alone, name), get(&crowd, name));
    }
    assert_ne!(get(&alone, "quantum.theta")[..3], get(&alone, "quantum.alpha")[..3]);
    Ok(())
}

#[test]
fn a_varmap_saves_and_loads_them() -> anyhow::Result<()> {
    let file = path("varmap.safetensors");
    let (saved, mut loaded) = (VarMap::new(), VarMap::new());
    let first = layer(VarBuilder::from_varmap(&saved, DType::F32, &Device::Cpu).pp("quantum"))?;
    let second = layer(VarBuilder::from_varmap(&loaded, DType::F32, &Device::Cpu).pp("quantum"))?;
    let x = Tensor::new(&[[0.3f32], [-1.0]], &Device::Cpu)?;
    let expected = flat(&first.forward(&x)?);
    assert_ne!(flat(&second.forward(&x)?), expected);
    saved.save(&file)?;
    loaded.load(&file)?;
    // The layer that was made before sees the loaded values.
    assert_eq!(flat(&second.forward(&x)?), expected);
    Ok(())
}

#[test]
fn var_builders_over_safetensors_serve_them() -> anyhow::Result<()> {
    let file = path("builders.safetensors");
    let varmap = VarMap::new();
    let trained = layer(VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu).pp("quantum"))?;
    varmap.save(&file)?;
    let x = Tensor::new(&[[0.3f64], [-1.0]], &Device::Cpu)?;
    let expected = flat(&trained.forward(&x)?);

    // SAFETY: the file is this test's own and nobody writes to it while it is mapped.
    let mapped = unsafe { VarBuilder::from_mmaped_safetensors(&[&file], DType::F64, &Device::Cpu)? };
    let buffered = VarBuilder::from_buffered_safetensors(std::fs::read(&file)?, DType::F64, &Device::Cpu)?;
    let tensors =
        VarBuilder::from_tensors(candle_core::safetensors::load(&file, &Device::Cpu)?, DType::F64, &Device::Cpu);
    for vb in [mapped, buffered, tensors] {
        let layer = layer(vb.pp("quantum"))?;
        let y = layer.forward(&x)?;
        assert_eq!(flat(&y), expected);
        assert!(!y.track_op(), "weights from a file are constants");
    }
    // A file in another precision is read in the one asked for.
    let single = VarBuilder::from_buffered_safetensors(std::fs::read(&file)?, DType::F32, &Device::Cpu)?;
    let y = layer(single.pp("quantum"))?.forward(&x.to_dtype(DType::F32)?)?;
    assert_eq!(y.dtype(), DType::F32);
    close("f32", &flat(&y), &expected, 1e-5);
    Ok(())
}

/// A hypernetwork: a linear layer computes the weights, and its own gradient comes through the circuit.
#[test]
fn another_network_may_compute_them() -> anyhow::Result<()> {
    let context = Tensor::new(&[[0.4, -0.9]], &Device::Cpu)?;
    let matrix: Vec<f64> = (0..14).map(|k| (f64::from(k) * 0.77).sin()).collect();
    let features = Tensor::new(&[[0.3], [-1.0], [2.2]], &Device::Cpu)?;
    let measurement = Measurement::expectation([Z(0), X(1)]);
    let loss = |matrix: &Tensor| -> candle_core::Result<Tensor> {
        let weights = context.matmul(&matrix.t()?)?.squeeze(0)?;
        let (theta, alpha) = (weights.narrow(0, 0, 4)?.reshape((2, 2))?, weights.narrow(0, 4, 3)?);
        let y =
            functional::evaluate(&circuit(), &measurement, Some(&features), &[("theta", &theta), ("alpha", &alpha)])?;
        y.sqr()?.sum_all()
    };
    let var = Var::from_slice(&matrix, (7, 2), &Device::Cpu)?;
    let gradients = loss(&var)?.backward()?;
    let value = |point: &[f64]| {
        let matrix = Tensor::from_slice(point, (7, 2), &Device::Cpu).expect("a point");
        loss(&matrix).and_then(|loss| loss.to_scalar::<f64>()).expect("a loss")
    };
    close("the matrix", &flat(gradients.get(&var).expect("a gradient")), &differences(&matrix, value), 1e-9);
    Ok(())
}

/// Order does not matter: weights are matched by name.
#[test]
fn functional_weights_are_matched_by_name() -> anyhow::Result<()> {
    let (theta, alpha) =
        (tensor(&[vec![0.1, 0.2], vec![0.3, 0.4]], DType::F64), Tensor::new(&[0.5, 0.6, 0.7], &Device::Cpu)?);
    let x = Tensor::new(&[[0.3]], &Device::Cpu)?;
    let run = |weights: &[(&str, &Tensor)]| functional::evaluate(&circuit(), &Measurement::state(), Some(&x), weights);
    let expected = flat(&run(&[("theta", &theta), ("alpha", &alpha)])?);
    assert_eq!(flat(&run(&[("alpha", &alpha), ("theta", &theta)])?), expected);
    // Strided weights are read as they look, not as they lie.
    let transposed = tensor(&[vec![0.1, 0.3], vec![0.2, 0.4]], DType::F64).t()?;
    assert_eq!(flat(&run(&[("alpha", &alpha), ("theta", &transposed)])?), expected);
    Ok(())
}
