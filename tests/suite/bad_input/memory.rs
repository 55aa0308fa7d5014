//! States that do not fit the memory: an error with both numbers, before anything is allocated.

use super::{says, written};
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{VarBuilder, VarMap};
use candlewick::error::MemoryError;
use candlewick::prelude::*;
use candlewick::{Error, QuantumLayerConfig};

fn layer(qubits: usize, measurement: Measurement, limit: Option<u64>, dtype: DType) -> QuantumLayer {
    let circuit = written(qubits, |c| {
        let w = c.weights("w", 1);
        c.ry(w.at([0]), 0);
        // The measured qubit depends on all others, so that none is idle.
        (1..qubits).rev().for_each(|q| _ = c.cx(q, q - 1));
    });
    let vb = VarBuilder::from_varmap(&VarMap::new(), dtype, &Device::Cpu);
    QuantumLayer::with_config(
        circuit,
        measurement,
        QuantumLayerConfig { memory_limit: limit, ..Default::default() },
        vb,
    )
    .expect("a sound layer")
}

/// Number of qubits, bytes needed and budget of a memory error, whose message must hold them.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> (usize, Option<u64>, u64) {
    let error = result.expect_err("too large a state");
    let Error::Memory(MemoryError::States { qubits, needed, budget, .. }) = error else { panic!("{error}") };
    let needed_words = needed.map_or("more than 2^64".to_owned(), |needed| needed.to_string());
    says(&error.to_string(), &[&format!("{qubits} qubits"), &needed_words, &budget.to_string()]);
    (qubits, needed, budget)
}

#[test]
fn states_beyond_the_machine() {
    for qubits in [40, 50, 58] {
        for (dtype, bytes) in [(DType::F32, 8), (DType::F64, 16)] {
            // Probabilities need half a state more: the circuit's CX are in the index map, and amplitudes are permuted.
            for (measurement, bytes) in
                [(Measurement::expectation([Z(0)]), bytes), (Measurement::probabilities([1, 0]), bytes + bytes / 2)]
            {
                let layer = layer(qubits, measurement, None, dtype);
                let (n, needed, budget) = refused(layer.evaluate());
                let needed = needed.expect("2^62 bytes are countable");
                assert_eq!((n, needed >> qubits), (qubits, bytes));
                assert!(budget < needed);
            }
        }
    }
    refused(layer(58, Measurement::state(), None, DType::F64).evaluate());
    // Sixteen of these outputs overflow the count.
    let many = layer(58, Measurement::state(), None, DType::F64);
    let x = Tensor::zeros((16, 0), DType::F64, &Device::Cpu).expect("nothing");
    assert_eq!(refused(many.try_forward(&x)).1, None);
    // An empty batch needs no state.
    let none = Tensor::zeros((0, 0), DType::F64, &Device::Cpu).expect("nothing");
    assert_eq!(many.try_forward(&none).expect("no state").dims(), [0, 1 << 58, 2]);
}

#[test]
fn states_beyond_the_users_limit() {
    for (qubits, limit) in [(31, 1 << 34), (31, 0), (20, (1 << 23) - 1), (1, 100)] {
        let (n, needed, budget) =
            refused(layer(qubits, Measurement::expectation([Z(0)]), Some(limit), DType::F32).evaluate());
        assert_eq!((n, budget), (qubits, limit));
        assert!(needed.is_some_and(|needed| needed > limit && needed >= 8 << qubits), "{needed:?}");
    }
    // 20 qubits in complex64 take 8 MiB, and little beside them.
    let of = |limit: u64| layer(20, Measurement::expectation([Z(0)]), Some(limit), DType::F32);
    let limit = refused(of(0).evaluate()).1.expect("countable");
    assert!(limit < (1 << 23) + (1 << 14), "{limit}");
    refused(of(limit - 1).evaluate());
    let fits = of(limit);
    let y = fits.evaluate().expect("it fits exactly");
    // The backward pass needs a second state; candle carries the error.
    let error = y.sum_all().and_then(|loss| loss.backward().map(drop)).expect_err("two states do not fit");
    says(&error.to_string(), &["20 qubits", "for 2 state(s)", &limit.to_string()]);
}

/// More samples than memory has room for outputs.
#[test]
fn batches_beyond_the_limit() {
    let layer = layer(2, Measurement::state(), Some(1 << 20), DType::F32);
    let x = Tensor::zeros((1 << 20, 0), DType::F32, &Device::Cpu).expect("nothing");
    let (_, needed, _) = refused(layer.try_forward(&x));
    assert!(needed.is_some_and(|needed| needed >= 32 << 20));
    let error = layer.forward(&x).expect_err("the same through candle's trait");
    says(&error.to_string(), &["memory budget", &(1 << 20).to_string()]);
}

/// Weights are drawn in F64, whatever the tensor's dtype.
#[test]
fn weights_beyond_the_machine() {
    let vb = candlewick::nn::SeededInit::new(1).var_builder(&VarMap::new(), DType::F32, &Device::Cpu);
    for shape in [vec![1 << 50], vec![1 << 40, 1 << 40]] {
        let error = vb.get(shape, "w").expect_err("too many weights");
        says(&error.to_string(), &["weights need", "memory budget"]);
    }
}
