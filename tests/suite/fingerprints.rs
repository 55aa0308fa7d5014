//! Fingerprints of circuits beside their weights: circuits that they distinguish, and files and variables that they do
//! not disturb.

use crate::lab::close;
use candle_core::{DType, Device, Tensor};
use candle_nn::{Optimizer, VarBuilder, VarMap};
use candlewick::Error;
use candlewick::error::WeightsError;
use candlewick::gate::Gate;
use candlewick::nn::SeededInit;
use candlewick::optim::{Adam, AdamConfig, Resume, Spsa, SpsaConfig, clip_by_norm};
use candlewick::prelude::*;
use std::collections::HashMap;
use std::path::PathBuf;

/// A layer of one rotation, over weights of that name and shape.
fn turned(gate: Gate, measured: Observable, vb: VarBuilder<'_>) -> candlewick::Result<QuantumLayer> {
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    circuit.gate(gate, [w.at([0])], [0]);
    QuantumLayer::new(circuit, Measurement::expectation([measured]), vb)
}

/// Names and shapes are equal to another circuit's: the fingerprint distinguishes them, whatever reads the file.
#[test]
fn a_file_of_another_circuit_is_refused() -> anyhow::Result<()> {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fingerprint.safetensors");
    let varmap = VarMap::new();
    let trained = turned(Gate::ry, Z(0), VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu).pp("q"))?;
    varmap.save(&file)?;
    let load = |single: bool| -> anyhow::Result<[VarBuilder<'static>; 3]> {
        let dtype = if single { DType::F32 } else { DType::F64 };
        // SAFETY: the file is this test's own and nobody writes to it while it is mapped.
        let mapped = unsafe { VarBuilder::from_mmaped_safetensors(&[&file], dtype, &Device::Cpu)? };
        let tensors = candle_core::safetensors::load(&file, &Device::Cpu)?;
        let buffered = VarBuilder::from_buffered_safetensors(std::fs::read(&file)?, dtype, &Device::Cpu)?;
        Ok([mapped, buffered, VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)])
    };
    for single in [true, false] {
        for vb in load(single)? {
            turned(Gate::ry, Z(0), vb.pp("q"))?;
            for other in [turned(Gate::rx, Z(0), vb.pp("q")), turned(Gate::ry, X(0), vb.pp("q"))] {
                let error = other.expect_err("another circuit or measurement");
                let Error::Weights(WeightsError::Fingerprint { prefix, expected, found }) = &error else {
                    panic!("{error}")
                };
                assert_eq!((prefix.as_str(), *found), ("q", Some(trained.fingerprint())));
                let numbers = [*expected, trained.fingerprint()].map(|number| format!("{number:016x}"));
                assert!(numbers.iter().all(|number| error.to_string().contains(number)), "{error}");
            }
        }
    }
    // `VarMap::load` reads into variables that are there.
    let mut same = VarMap::new();
    turned(Gate::ry, Z(0), VarBuilder::from_varmap(&same, DType::F32, &Device::Cpu).pp("q"))?;
    same.load(&file)?;
    let mut other = VarMap::new();
    turned(Gate::rx, Z(0), VarBuilder::from_varmap(&other, DType::F32, &Device::Cpu).pp("q"))?;
    let error = other.load(&file).expect_err("another circuit").to_string();
    assert!(error.contains("q.circuit_fingerprint"), "{error}");
    Ok(())
}

/// Two layers that share weights under one prefix of a `VarMap` on purpose have to set an option; a file without
/// fingerprints is accepted as it is.
#[test]
fn weights_are_shared_on_purpose_alone() -> anyhow::Result<()> {
    for seeded in [false, true] {
        let varmap = VarMap::new();
        let vb = match seeded {
            true => SeededInit::new(1).var_builder(&varmap, DType::F64, &Device::Cpu),
            false => VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu),
        };
        let first = turned(Gate::ry, Z(0), vb.clone())?;
        turned(Gate::ry, Z(0), vb.clone())?;
        let error = turned(Gate::ry, X(0), vb.clone()).expect_err("another measurement");
        assert!(matches!(error, Error::Weights(WeightsError::Fingerprint { found: None, .. })), "{error}");
        let config = QuantumLayerConfig { ignore_fingerprint: true, ..Default::default() };
        let circuit = first.circuit().clone();
        let second = QuantumLayer::with_config(circuit, Measurement::expectation([X(0)]), config, vb)?;
        let (a, b) = (first.evaluate()?.to_vec1::<f64>()?[0], second.evaluate()?.to_vec1::<f64>()?[0]);
        close("one weight", &[a.hypot(b)], &[1.0], 1e-14);
    }
    let plain = HashMap::from([("w".to_owned(), Tensor::new(&[0.5f64], &Device::Cpu)?)]);
    let layer = turned(Gate::ry, Z(0), VarBuilder::from_tensors(plain, DType::F64, &Device::Cpu))?;
    close("a plain file", &layer.evaluate()?.to_vec1::<f64>()?, &[0.5f64.cos()], 1e-15);
    // A layer without weights has nothing to take from a file, and a name that is taken is no name for weights.
    let varmap = VarMap::new();
    let mut fixed = Circuit::new(1);
    fixed.h(0);
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    QuantumLayer::new(fixed.clone(), Measurement::state(), vb)?;
    assert!(varmap.all_vars().is_empty());
    fixed.weights("circuit_fingerprint", 1);
    assert!(fixed.check().is_err());
    Ok(())
}

/// Optimisers, clipping, checkpoints and counts of parameters find nothing in a fingerprint.
#[test]
fn a_fingerprint_is_nothing_to_train() -> anyhow::Result<()> {
    let varmap = VarMap::new();
    let layer = turned(Gate::ry, Z(0), VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu))?;
    assert_eq!(varmap.all_vars().iter().map(|var| var.elem_count()).sum::<usize>(), 1);
    let before = layer.fingerprint();
    let mut ours = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(0.1))?;
    let mut spsa = Spsa::from_varmap(&varmap, SpsaConfig::default())?;
    let mut theirs = candle_nn::AdamW::new_lr(varmap.all_vars(), 0.1)?;
    for _ in 0..3 {
        let mut gradients = layer.evaluate()?.sum_all()?.backward()?;
        clip_by_norm(&mut gradients, &varmap, 1.0)?;
        ours.step(&gradients)?;
        theirs.step(&gradients)?;
        spsa.step(|| layer.evaluate()?.sum_all())?;
    }
    let state = ours.state()?;
    ours.restore(&state)?;
    assert_eq!(
        turned(Gate::ry, Z(0), VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu))?.fingerprint(),
        before
    );
    Ok(())
}

/// The fingerprint of one circuit against FNV-1a of bytes written out by hand, as the documentation of `fingerprint`
/// describes them. The number itself is fixed: if it changed from one version or machine to the next, existing files
/// would be refused.
#[test]
fn fingerprints_are_pinned() -> anyhow::Result<()> {
    let layer = turned(Gate::ry, 0.5 * Z(0), VarBuilder::zeros(DType::F32, &Device::Cpu))?;
    let mut bytes: Vec<u8> = Vec::new();
    let size = |bytes: &mut Vec<u8>, value: u64| bytes.extend(value.to_le_bytes());
    let text = |bytes: &mut Vec<u8>, text: &str| {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    };
    text(&mut bytes, "candlewick circuit 1");
    [1, 0, 1].into_iter().for_each(|value| size(&mut bytes, value)); // qubits, inputs, weight tensors
    text(&mut bytes, "w");
    [1, 1].into_iter().for_each(|value| size(&mut bytes, value)); // its shape
    text(&mut bytes, "ry");
    [1, 0, 0].into_iter().for_each(|value| size(&mut bytes, value)); // one qubit, 0; no controls
    bytes.push(0); // no adjoint
    size(&mut bytes, 1); // one angle,
    [0, 1, 1f64.to_bits(), 1].into_iter().for_each(|value| size(&mut bytes, value)); // 0 + 1 * one factor,
    text(&mut bytes, "w");
    [0, 0].into_iter().for_each(|value| size(&mut bytes, value)); // entry 0; no conditions
    text(&mut bytes, "expectation");
    [1, 1, 0, 1, 0.5f64.to_bits(), 0].into_iter().for_each(|value| size(&mut bytes, value)); // one word, X 0, Z 1
    let hash = fnv1a(&bytes);
    assert_eq!(layer.fingerprint(), hash);
    assert_eq!(format!("{hash:016x}"), "56b61e89260e40ef");

    // Parts in place of the word: no words, one part of coefficient 1, its name, its numbers.
    let start = bytes.len() - 5 * 8;
    let of = |observable: Observable| {
        let layer = turned(Gate::ry, observable, VarBuilder::zeros(DType::F32, &Device::Cpu));
        layer.map(|layer| layer.fingerprint())
    };
    let part = |name: &str, numbers: &[u64]| {
        let mut bytes = bytes[..start].to_vec();
        [0, 1, 1f64.to_bits()].into_iter().for_each(|value| size(&mut bytes, value));
        text(&mut bytes, name);
        numbers.iter().for_each(|value| size(&mut bytes, *value));
        fnv1a(&bytes)
    };
    assert_eq!(of(Observable::diagonal([-1.0, 0.5]))?, part("diagonal", &[2, (-1f64).to_bits(), 0.5f64.to_bits()]));
    assert_eq!(of(Observable::projector([true]))?, part("projector", &[1, 1]));
    Ok(())
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// The fingerprint changes with the circuit and its measurement; a barrier or the order of a sum does not change it.
#[test]
fn fingerprints_tell_circuits_apart() -> anyhow::Result<()> {
    use num_complex::Complex64 as C;
    let of = |circuit: Circuit, measurement: Measurement| -> u64 {
        let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
        QuantumLayer::new(circuit, measurement, vb).expect("a layer").fingerprint()
    };
    type Write<'a> = &'a dyn Fn(&mut Circuit, &Weights);
    let circuit = |write: Write<'_>| {
        let mut circuit = Circuit::new(3);
        let w = circuit.weights("w", 2);
        write(&mut circuit, &w);
        circuit
    };
    let swap = [0, 2, 1, 3].map(|row| (0..4).map(move |column| C::from(f64::from(u8::from(row == column)))));
    let swap: Vec<C> = swap.into_iter().flatten().collect();
    let different: [Write<'_>; 21] = [
        &|_, _| {},
        &|c, w| _ = c.ry(w.at([0]), 0),
        &|c, w| _ = c.rx(w.at([0]), 0),
        &|c, w| _ = c.ry(w.at([1]), 0),
        &|c, w| _ = c.ry(w.at([0]), 1),
        &|c, w| _ = c.ry(2.0 * w.at([0]), 0),
        &|c, w| _ = c.ry(w.at([0]) + 0.1, 0),
        &|c, w| _ = c.ry(w.at([0]) * input(0), 0),
        &|c, w| _ = c.ry(w.at([0]), 0).ry(w.at([0]), 0),
        &|c, w| _ = c.controlled([1], |c| c.ry(w.at([0]), 0)),
        &|c, w| _ = c.when(input(0).gt(0.1), |c| c.ry(w.at([0]), 0)),
        &|c, w| _ = c.when(input(0).lt(0.1), |c| c.ry(w.at([0]), 0)),
        &|c, w| _ = c.when(input(0).abs().gt(0.1), |c| c.ry(w.at([0]), 0)),
        &|c, w| _ = c.when(!input(0).gt(0.1), |c| c.ry(w.at([0]), 0)),
        &|c, w| _ = c.pauli_rot(w.at([0]), "XY", [0, 1]),
        &|c, w| _ = c.pauli_rot(w.at([0]), "YX", [0, 1]),
        &|c, _| _ = c.amplitude_embedding(0..4),
        &|c, _| _ = c.amplitude_embedding(1..5),
        &|c, _| _ = c.unitary(&swap, [0, 1]),
        &|c, _| _ = c.measure(0, 1),
        &|c, _| _ = c.reset(0, 1),
    ];
    let probabilities = |qubits: &[usize]| Measurement::probabilities(qubits.to_vec());
    let mut all: Vec<u64> = different.iter().map(|write| of(circuit(write), probabilities(&[0]))).collect();
    let plain = || circuit(different[1]);
    let diagonal = |values: [f64; 4]| Observable::diagonal(values);
    let expectation = |observable: Observable| Measurement::expectation([observable]);
    for measurement in [
        probabilities(&[1]),
        probabilities(&[0, 1]),
        Measurement::state(),
        expectation(Z(0)),
        expectation(Z(1)),
        expectation(0.5 * Z(0)),
        expectation(X(0) + Z(0)),
        Measurement::variance([Z(0)]),
        Measurement::all([Measurement::variance([Z(0)])]),
        Measurement::all([Measurement::variance([Z(0)]), probabilities(&[0])]),
        Measurement::all([probabilities(&[0]), Measurement::variance([Z(0)])]),
        expectation(Z(0)).postselect([(1, true)]),
        expectation(Z(0)).postselect([(1, false)]),
        expectation(Z(0)).postselect([(2, true)]),
        probabilities(&[0]).postselect([(1, true)]),
        Measurement::expectation([Z(0), Z(1)]),
        expectation(diagonal([0.0, 1.0, 2.0, 3.0])),
        expectation(diagonal([0.0, 1.0, 2.0, 4.0])),
        expectation(Observable::projector([true, false])),
        expectation(Observable::projector([true, true])),
        expectation(Observable::hermitian(&swap, [0, 1])),
        expectation(Observable::diagonal_on([0.0, 1.0, 2.0, 3.0], [1, 2])),
        expectation(Observable::diagonal_on([0.0, 1.0, 2.0, 3.0], [0, 2])),
        expectation(Observable::diagonal_on([0.0, 1.0, 2.0, 3.0], [2, 0])),
        expectation(Observable::projector_on([(1, true), (2, false)])),
        expectation(Observable::projector_on([(1, false), (2, true)])),
        expectation(Observable::projector_on([(1, true), (2, false)]) * X(0)),
    ] {
        all.push(of(plain(), measurement));
    }
    let weighted = [input(0) * X(0), input(1) * X(0), input(0) * Y(0), 2.0 * input(0) * X(0), input(0) * X(0) * 0.5];
    all.extend(weighted.map(|term| of(plain().with_inputs(2), expectation(Z(0) + term))));
    all.push(of(plain().with_inputs(3), probabilities(&[0])));
    all.push(of(plain().inverse(), probabilities(&[0])));
    let mut renamed = Circuit::new(3);
    let v = renamed.weights("v", 2);
    all.push(of(renamed.ry(v.at([0]), 0).clone(), probabilities(&[0])));
    let distinct: std::collections::HashSet<u64> = all.iter().copied().collect();
    assert_eq!(distinct.len(), all.len());

    let lowest = [
        (diagonal([0.0, 1.0, 2.0, 3.0]), Observable::diagonal_on([0.0, 1.0, 2.0, 3.0], [0, 1])),
        (Observable::projector([true, false]), Observable::projector_on([(1, false), (0, true)])),
    ];
    lowest.into_iter().for_each(|(a, b)| assert_eq!(of(plain(), expectation(a)), of(plain(), expectation(b))));

    let sum: [Write<'_>; 4] = [
        &|c, w| _ = c.h(1).ry(w.at([0]) * input(0) + 0.25 * w.at([1]) + 1.5, 0),
        &|c, w| _ = c.h(1).barrier().ry(1.5 + 0.25 * w.at([1]) + input(0) * w.at([0]), 0),
        &|c, w| _ = c.h(1).ry(w.at([1]) / 4.0 + (w.at([0]) * input(0) + 1.5), 0),
        // The last bits of constants are those of one machine's sines.
        &|c, w| _ = c.h(1).ry(w.at([0]) * input(0) + 0.25 * w.at([1]) + 1.5f64.next_up(), 0),
    ];
    let equal = sum.map(|write| of(circuit(write), expectation(X(0) + 0.5 * Z(1))));
    assert_eq!(equal, [of(circuit(sum[0]), expectation(0.5 * Z(1) + X(0))); 4]);
    Ok(())
}
