//! What a device promises beyond right numbers.

use crate::lab::{Engine, close};
use candle_core::{DType, Device as Place, Tensor, Var};
use candlewick::__private::emulation::emulator;
use candlewick::error::{MemoryError, TensorError};
use candlewick::prelude::*;
use candlewick::{Error, functional};
use candlewick_emulator::{Device, Order};
use candlewick_kernels::Dialect;
use std::sync::Arc;

fn on<R>(dialect: Dialect, order: Order, tile_bits: usize, run: impl FnOnce() -> R) -> R {
    emulator::with(Arc::new(Device::new(dialect, order, tile_bits)), run)
}

/// Angles of weights, inputs and products of both, entangled, twice.
fn circuit(qubits: usize) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    let w = circuit.weights("w", (2, qubits));
    for layer in 0..2 {
        for q in 0..qubits {
            circuit.ry(input(q % 3), q).rz(w.at([layer, q]), q).rx(w.at([layer, q]) * input(0), q);
        }
        (0..qubits).for_each(|q| _ = circuit.cx(q, (q + 1) % qubits));
        circuit.ccx(0, 1, 2);
    }
    circuit
}

/// Outputs and gradients of 5 samples.
fn step(qubits: usize, dtype: DType, x: &Tensor) -> candle_core::Result<Vec<Vec<f64>>> {
    let x = Var::from_tensor(&x.to_dtype(dtype)?)?;
    let w = Tensor::arange(0f64, 2.0 * qubits as f64, &Place::Cpu)?.reshape((2, qubits))?;
    let w = Var::from_tensor(&(w * 0.37)?.to_dtype(dtype)?)?;
    let words = Measurement::expectation((0..qubits).map(|q| Z(q) * candlewick::prelude::X((q + 1) % qubits)));
    let y = functional::evaluate(&circuit(qubits), &words, Some(&x), &[("w", &w)])?;
    let gradients = y.sqr()?.sum_all()?.backward()?;
    let flat = |tensor: &Tensor| tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let gradient = |of: &Var| gradients.get(of).map(flat).transpose().map(Option::unwrap_or_default);
    Ok(vec![flat(&y)?, gradient(&x)?, gradient(&w)?])
}

fn samples() -> candle_core::Result<Tensor> {
    (Tensor::arange(0f64, 15.0, &Place::Cpu)?.reshape((5, 3))? * 0.21)?.broadcast_sub(&Tensor::new(1.3, &Place::Cpu)?)
}

#[test]
fn order_of_threads_changes_no_bit() -> candle_core::Result<()> {
    let x = samples()?;
    for (dialect, dtype) in
        [(Dialect::CudaF32, DType::F32), (Dialect::CudaF64, DType::F64), (Dialect::Metal, DType::F32)]
    {
        for (qubits, bits) in [(4, 10), (7, 10), (7, 4)] {
            let one = on(dialect, Order::Forward, bits, || step(qubits, dtype, &x))?;
            for order in [Order::Reversed, Order::Shuffled] {
                assert_eq!(on(dialect, order, bits, || step(qubits, dtype, &x))?, one, "{dialect:?}, {qubits} qubits");
            }
            let cpu = step(qubits, dtype, &x)?;
            let tolerance = Engine::cpu(dtype).gradients(40);
            for (device, cpu) in one.iter().zip(&cpu) {
                close("device and CPU", device, cpu, tolerance);
            }
        }
    }
    Ok(())
}

#[test]
fn a_spoiled_sample_spoils_its_row_alone() -> candle_core::Result<()> {
    let sound = samples()?;
    let row = Tensor::new(&[[0.1, f64::INFINITY, 0.2]], &Place::Cpu)?;
    let x = Tensor::cat(&[&sound.narrow(0, 0, 2)?, &row, &sound.narrow(0, 3, 2)?], 0)?;
    for (qubits, bits) in [(4, 10), (6, 4)] {
        let [expected, _, _] = on(Dialect::CudaF64, Order::Shuffled, bits, || step(qubits, DType::F64, &sound))?
            .try_into()
            .expect("three");
        let [y, dx, dw] =
            on(Dialect::CudaF64, Order::Shuffled, bits, || step(qubits, DType::F64, &x))?.try_into().expect("three");
        for (sample, (row, expected)) in y.chunks(qubits).zip(expected.chunks(qubits)).enumerate() {
            assert!(if sample == 2 { row.iter().all(|v| v.is_nan()) } else { row == expected }, "{row:?}");
        }
        for (sample, row) in dx.chunks(3).enumerate() {
            assert!(row.iter().all(|v| v.is_nan() == (sample == 2)), "{row:?}");
        }
        assert!(dw.iter().all(|v| v.is_nan()));
    }
    Ok(())
}

#[test]
fn limits_are_typed_errors() -> candle_core::Result<()> {
    let x = samples()?;
    let words = Measurement::expectation([Z(0)]);
    let weights = Tensor::zeros((2, 4), DType::F64, &Place::Cpu)?;
    let error = on(Dialect::Metal, Order::Forward, 10, || {
        functional::evaluate(&circuit(4), &words, Some(&x), &[("w", &weights)])
    });
    assert!(matches!(error, Err(Error::Tensor(TensorError::UnsupportedDType { dtype: DType::F64, .. }))), "{error:?}");

    for qubits in [31, 32, 40, 58] {
        let mut wide = Circuit::new(qubits);
        (1..qubits).rev().for_each(|q| _ = wide.h(q).cx(q, q - 1));
        let error =
            on(Dialect::CudaF32, Order::Forward, 13, || functional::evaluate(&wide, &words, None, &[]).map(drop));
        assert!(
            matches!(&error, Err(Error::Memory(MemoryError::States { qubits: named, .. })) if *named == qubits),
            "{error:?}"
        );
    }
    Ok(())
}

/// The gradient is that of the forward pass, whatever a variable is set to in between.
#[test]
fn a_gradient_belongs_to_its_forward_pass() -> candle_core::Result<()> {
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    circuit.ry(w.at([0]) * w.at([0]), 0);
    let weight = Var::new(&[0.3f64], &Place::Cpu)?;
    let slope = on(Dialect::CudaF64, Order::Forward, 10, || {
        let y = functional::evaluate(&circuit, &Measurement::expectation([Z(0)]), None, &[("w", &weight)])?;
        weight.set(&Tensor::new(&[1.1f64], &Place::Cpu)?)?;
        let gradients = y.sum_all()?.backward()?;
        gradients.get(&weight).expect("tracked").to_vec1::<f64>()
    })?;
    close("slope", &slope, &[-0.6 * 0.09f64.sin()], 1e-12);
    Ok(())
}
