//! Typed errors have the same type behind every part of candle.

use candle_core::{DType, Device, Module, Result, Tensor};
use candle_nn::{Optimizer, VarBuilder, VarMap};
use candlewick::Error;
use candlewick::error::{MemoryError, TensorError, TrainingError};
use candlewick::optim::{Adam, AdamConfig};
use candlewick::plot::{Figure, Panel};
use candlewick::prelude::*;
use candlewick::variational::{Molecule, Vqe, VqeConfig};

/// One feature, one weight, one output.
fn layer() -> Result<(VarMap, QuantumLayer)> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    circuit.ry(input(0), 0).ry(w.at([0]), 0);
    Ok((varmap, QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?))
}

/// The typed error among the sources of another one.
fn source<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref())
}

#[test]
fn a_forward_pass_keeps_the_type() -> Result<()> {
    let (_, layer) = layer()?;
    let wide = Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?;
    let typed = layer.try_forward(&wide).unwrap_err();
    for error in [layer.forward(&wide).unwrap_err(), candle_nn::seq().add(layer.clone()).forward(&wide).unwrap_err()] {
        assert_eq!(error.to_string(), typed.to_string());
        assert!(matches!(source(&error), Some(Error::Tensor(TensorError::InputWidth { expected: 1, .. }))), "{error}");
        assert!(
            matches!(Error::find(&error), Some(Error::Tensor(TensorError::InputWidth { expected: 1, .. }))),
            "{error}"
        );
        assert!(
            matches!(Error::from(error), Error::Tensor(TensorError::InputWidth { expected: 1, shape }) if shape.dims() == [2, 3])
        );
    }
    Ok(())
}

/// Added context, paths and backtraces hide nothing; errors of candle itself stay as they are.
#[test]
fn context_is_no_hindrance() -> Result<()> {
    let (_, layer) = layer()?;
    let wide = Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?;
    let error = layer.forward(&wide).unwrap_err().context("in the model").with_path("here").context("outside");
    assert!(error.to_string().contains("in the model"));
    assert!(matches!(Error::find(&error), Some(Error::Tensor(TensorError::InputWidth { .. }))));
    assert!(matches!(Error::from(error), Error::Tensor(TensorError::InputWidth { .. })));
    let own = candle_core::Error::Msg("candle's".to_owned()).context("outside");
    assert!(Error::find(&own).is_none());
    let text = own.to_string();
    let taken = Error::from(own);
    assert!(matches!(&taken, Error::Candle(_)) && taken.to_string() == text);
    let back = candle_core::Error::from(taken);
    assert!(back.to_string() == text && Error::find(&back).is_none());
    let io = Error::from(candle_core::Error::from(std::io::Error::other("disk")));
    assert!(matches!(io, Error::Candle(candle_core::Error::Io(_))));
    Ok(())
}

/// A program that takes fewer samples where memory is short can do so for the gradient, too.
#[test]
fn a_backward_pass_keeps_the_type() -> Result<()> {
    let mut circuit = Circuit::new(9);
    let w = circuit.weights("w", 9);
    for q in 0..9 {
        circuit.ry(input(0) + w.at([q]), q);
    }
    let mut refused = 0;
    for limit in (1..).map(|kilobytes| kilobytes << 10) {
        let config = QuantumLayerConfig { memory_limit: Some(limit), ..Default::default() };
        let varmap = VarMap::new();
        let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
        let layer = QuantumLayer::with_config(circuit.clone(), Measurement::expectation([Z(0)]), config, vb)?;
        let error = match layer.forward(&Tensor::zeros((1, 1), DType::F32, &Device::Cpu)?) {
            Err(error) => error,
            Ok(outputs) => match outputs.sum_all()?.backward() {
                Ok(_) => break,
                Err(error) => {
                    refused += 1;
                    error
                }
            },
        };
        assert!(
            matches!(source(&error), Some(Error::Memory(MemoryError::States { budget, .. })) if *budget == limit),
            "{error}"
        );
        assert!(matches!(Error::from(error), Error::Memory(MemoryError::States { .. })));
    }
    assert!(refused > 0, "there are limits that a forward pass keeps and its gradient does not");
    Ok(())
}

/// The eigensolver's gradient goes through candle, too.
#[test]
fn an_eigensolver_keeps_the_type() -> Result<()> {
    let mut circuit = Circuit::new(9);
    circuit.real_amplitudes("w", 1, Entanglement::Linear);
    let layer = QuantumLayerConfig { memory_limit: Some(1 << 10), ..Default::default() };
    let config = VqeConfig { layer, ..Default::default() };
    let error = Vqe::new(circuit, Z(0), config)?.run().unwrap_err();
    assert!(matches!(error, Error::Memory(MemoryError::States { budget: 1024, .. })), "{error}");
    Ok(())
}

#[test]
fn a_step_keeps_the_type() -> Result<()> {
    let (varmap, layer) = layer()?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::default())?;
    let spoiled = Tensor::new(&[[f32::NAN]], &Device::Cpu)?;
    let error = adam.backward_step(&layer.forward(&spoiled)?.sum_all()?).unwrap_err();
    assert!(matches!(Error::from(error), Error::Training(TrainingError::GradientNotFinite { name }) if name == "w"));
    Ok(())
}

#[test]
fn the_cause_is_the_source() {
    let error = Molecule::read("no/such/file.json").expect_err("there is none");
    let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    assert_eq!(cause.map(std::io::Error::kind), Some(std::io::ErrorKind::NotFound), "{error}");

    let error = Molecule::from_json("{\n  \"name\": 3 }").expect_err("a name is a string");
    let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<serde_json::Error>());
    assert_eq!(cause.map(serde_json::Error::line), Some(2), "{error}");

    let error = Figure::new("").panel(Panel::new("")).save("/nonexistent/folder/a.png").expect_err("no such folder");
    assert!(
        std::error::Error::source(&error).is_some_and(|cause| error.to_string().contains(&cause.to_string())),
        "{error}"
    );
}
