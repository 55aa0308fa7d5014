//! Tensors without states, invalid choices of qubits, and sizes beyond the memory.

use super::*;
use candle_nn::{VarBuilder, VarMap};
use candlewick::diagnostics::ExpressibilityConfig;
use candlewick::error::{MemoryError, StatesError, TensorError};
use candlewick::functional::{MetricTensor, Wrt};
use candlewick::nn::{QuantumNaturalGradient, QuantumNaturalGradientConfig};
use candlewick::{Error, Mistake, diagnostics};

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F64, &Device::Cpu).expect("zeros")
}

/// Asserts that `text` has all of `words` in it.
#[track_caller]
fn says(error: &Error, words: &[&str]) {
    words.iter().for_each(|word| assert!(error.to_string().contains(word), "`{word}` is missing in: {error}"));
}

#[test]
fn shapes_that_are_no_states() -> anyhow::Result<()> {
    let shapes: [&[usize]; 9] = [&[], &[2], &[4, 3], &[3, 2], &[5, 6, 2], &[1, 2], &[0, 2], &[4, 4], &[3, 0, 2]];
    for shape in shapes {
        let given = zeros(shape);
        for error in [
            states::reduced_density_matrix(&given, [0]).expect_err("no states"),
            states::purity(&given, [0]).expect_err("no states"),
            states::entropy(&given, [0]).expect_err("no states"),
            states::renyi2_entropy(&given, [0]).expect_err("no states"),
            states::meyer_wallach(&given).expect_err("no states"),
            states::overlap(&given, &zeros(&[4, 2])).expect_err("no states"),
            states::fidelity(&zeros(&[4, 2]), &given).expect_err("no states"),
            states::kernel_matrix(&zeros(&[1, 4, 2]), &given).expect_err("no states"),
        ] {
            assert!(
                matches!(&error, Error::States(StatesError::Shape { shape: found, .. }) if found.dims() == shape),
                "{error:?}"
            );
            says(&error, &[&format!("{shape:?}"), "2^n, 2]"]);
        }
    }
    let integers = zeros(&[4, 2]).to_dtype(DType::U32)?;
    let error = states::purity(&integers, [0]).expect_err("no states");
    assert!(matches!(error, Error::Tensor(TensorError::UnsupportedDType { dtype: DType::U32, .. })), "{error:?}");
    Ok(())
}

#[test]
fn qubits_that_cannot_be_chosen() {
    let given = zeros(&[3, 8, 2]);
    let cases: [(&[usize], Mistake); 5] = [
        (&[3], Mistake::QubitOutOfRange { qubit: 3, qubits: 3 }),
        (&[0, usize::MAX], Mistake::QubitOutOfRange { qubit: usize::MAX, qubits: 3 }),
        (&[1, 1], Mistake::RepeatedQubit { qubit: 1 }),
        (&[0, 1, 2, 0], Mistake::RepeatedQubit { qubit: 0 }),
        (&[], Mistake::QubitCount { expected: "1 or more".to_owned(), actual: 0 }),
    ];
    for (qubits, mistake) in cases {
        for error in [
            states::reduced_density_matrix(&given, qubits.to_vec()).expect_err("an error"),
            states::purity(&given, qubits.to_vec()).expect_err("an error"),
            states::entropy(&given, qubits.to_vec()).expect_err("an error"),
            states::renyi2_entropy(&given, qubits.to_vec()).expect_err("an error"),
        ] {
            assert!(matches!(&error, Error::States(StatesError::Qubits(found)) if *found == mistake), "{error:?}");
            says(&error, &[&mistake.to_string()]);
        }
    }
}

#[test]
fn states_that_do_not_go_together() -> anyhow::Result<()> {
    let pairs: [(&[usize], &[usize]); 4] =
        [(&[4, 2], &[8, 2]), (&[3, 4, 2], &[2, 4, 2]), (&[3, 4, 2], &[3, 1, 4, 2]), (&[0, 4, 2], &[3, 4, 2])];
    for (a, b) in pairs {
        for error in [states::overlap(&zeros(a), &zeros(b)), states::fidelity(&zeros(a), &zeros(b))] {
            let error = error.expect_err("they differ");
            assert!(matches!(error, Error::States(StatesError::Mismatch { .. })), "{error:?}");
            says(&error, &[&format!("{a:?}"), &format!("{b:?}")]);
        }
    }
    for (shape, other) in [(&[4, 2][..], &[1, 4, 2][..]), (&[1, 4, 2], &[4, 2]), (&[2, 2, 4, 2], &[2, 2, 4, 2])] {
        let error = states::kernel_matrix(&zeros(shape), &zeros(other)).expect_err("not a list of states");
        assert!(matches!(error, Error::States(StatesError::Shape { .. })), "{error:?}");
        says(&error, &["[count, 2^n, 2]"]);
    }
    let single = zeros(&[2, 4, 2]).to_dtype(DType::F32)?;
    for error in [states::overlap(&zeros(&[2, 4, 2]), &single), states::kernel_matrix(&zeros(&[2, 4, 2]), &single)] {
        let error = error.expect_err("two dtypes");
        assert!(
            matches!(error, Error::Tensor(TensorError::DTypeMismatch { expected: DType::F64, actual: DType::F32, .. })),
            "{error:?}"
        );
    }
    Ok(())
}

#[test]
fn kernels_beyond_the_memory() -> anyhow::Result<()> {
    let one = zeros(&[1, 2, 2]);
    let many = |count: usize| one.broadcast_as((count, 2, 2));
    let (rows, columns) = (1 << 24, 1 << 22);
    let error = states::kernel_matrix(&many(rows)?, &many(columns)?).expect_err("2^46 entries");
    let Error::Memory(MemoryError::KernelMatrix { needed: Some(needed), budget, .. }) = error else {
        panic!("{error:?}")
    };
    assert!(needed > 5 << 49 && budget < needed);
    says(&error, &[&rows.to_string(), &columns.to_string(), &needed.to_string(), &budget.to_string()]);

    let mut circuit = Circuit::new(1);
    circuit.ry(input(0), 0);
    let inputs = |count: usize| Tensor::zeros((1, 1), DType::F32, &Device::Cpu)?.broadcast_as((count, 1));
    let error = states::kernel(&circuit, &inputs(1 << 36)?, Some(&inputs(1)?), &[]).expect_err("2^36 states");
    assert!(
        matches!(error, Error::Memory(MemoryError::KernelMatrix { rows: 0x10_0000_0000, columns: 1, qubits: 1, .. })),
        "{error:?}"
    );
    let large = Circuit::new(58);
    let none = Tensor::zeros((16, 0), DType::F64, &Device::Cpu)?;
    let error = states::kernel(&large, &none, None, &[]).expect_err("2^62 numbers");
    assert!(matches!(error, Error::Memory(MemoryError::KernelMatrix { needed: None, .. })), "{error:?}");
    says(&error, &["more than 2^64"]);
    Ok(())
}

/// A density matrix of all qubits has the square of a state's size.
#[test]
fn density_matrices_beyond_the_memory() -> anyhow::Result<()> {
    let mut amplitudes = vec![0.0; 2 << 20];
    amplitudes[6] = 0.5;
    let state = Tensor::from_vec(amplitudes, (1 << 20, 2), &Device::Cpu)?;
    let error = states::reduced_density_matrix(&state, 0..20).expect_err("2^40 entries");
    let Error::Memory(MemoryError::States { qubits: 20, states: 1, needed: Some(needed), budget, .. }) = error else {
        panic!("{error:?}")
    };
    assert!(needed == 5 << 43 && budget < needed);
    assert_eq!(flat(&states::purity(&state, 0..20)?), [1.0]);
    Ok(())
}

#[test]
fn inputs_that_are_no_list_of_samples() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(1);
    circuit.ry(input(0), 0).rz(input(1), 0);
    for shape in [&[2][..], &[3, 1], &[2, 3, 2], &[]] {
        let given = zeros(shape);
        for error in [
            states::kernel(&circuit, &given, None, &[]).expect_err("no samples"),
            states::kernel(&circuit, &zeros(&[1, 2]), Some(&given), &[]).expect_err("no samples"),
        ] {
            assert!(matches!(error, Error::Tensor(TensorError::InputWidth { expected: 2, .. })), "{error:?}");
        }
    }
    assert_eq!(states::kernel(&circuit, &zeros(&[0, 2]), Some(&zeros(&[3, 2])), &[])?.dims(), [0, 3]);
    Ok(())
}

/// Records and discarded qubits would interfere in an overlap, which measured qubits do not: a circuit that ends in 0
/// whatever its input would have a kernel below 1. All functions that are defined by overlaps of states refuse such
/// circuits.
#[test]
fn circuits_that_measure_have_no_overlaps() -> anyhow::Result<()> {
    let mut reset = Circuit::new(2);
    reset.ry(input(0), 0).reset(0, 1);
    let x = Tensor::new(&[[0.0f64], [2.0]], &Device::Cpu)?;
    let refused = |error: Error, operation: usize, name: &str| {
        assert!(
            matches!(&error, Error::Circuit { operation: at, name: of, mistake: Mistake::NotPure { qubit: 1 } }
                if (*at, of.as_str()) == (operation, name)),
            "{error}"
        );
    };
    refused(states::kernel(&reset, &x, None, &[]).unwrap_err(), 1, "reset");
    let mut measured = Circuit::new(2);
    let w = measured.weights("w", 1);
    measured.h(0).measure(0, 1).rz(w.at([0]), 0);
    let weight = Tensor::new(&[0.3f64], &Device::Cpu)?;
    for entries in [MetricTensor::Full, MetricTensor::BlockDiagonal] {
        let metric = functional::metric_tensor(&measured, None, &[("w", &weight)], Wrt::Weights, entries);
        refused(metric.unwrap_err(), 1, "measure");
    }
    refused(
        diagnostics::expressibility(&measured, None, ExpressibilityConfig { pairs: 10, bins: 5, ..Default::default() })
            .unwrap_err(),
        1,
        "measure",
    );
    refused(diagnostics::entangling_capability(&measured, None, 10, 0).unwrap_err(), 1, "measure");
    let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(measured, Measurement::expectation([Z(0)]), vb)?;
    let natural = QuantumNaturalGradient::new(&layer, QuantumNaturalGradientConfig::default());
    refused(natural.unwrap_err(), 1, "measure");
    Ok(())
}
