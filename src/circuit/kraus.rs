//! Checks of channels: numbers of strengths and qubits, ranges, and Kraus operators that preserve the trace.

use super::Operation;
use crate::channel::Channel;
use crate::error::Mistake;
use crate::limits::{MAX_KRAUS_OPERATORS, MAX_KRAUS_QUBITS};
use num_complex::Complex64;
use std::sync::Arc;

/// Largest allowed entry of `|sum of K†K - 1|`.
const TRACE_TOLERANCE: f64 = 1e-10;

/// Checks the numbers of strengths and qubits of a channel, and the range of constant strengths.
pub(super) fn check_channel(channel: Channel, operation: &Operation) -> Result<(), Mistake> {
    let (expected, actual) = (channel.qubits().len(), operation.qubits.len());
    if expected != actual {
        return Err(Mistake::QubitCount { expected: expected.to_string(), actual });
    }
    let (expected, actual) = (channel.strengths().len(), operation.angles.len());
    if expected != actual {
        return Err(Mistake::AngleCount { expected, actual });
    }
    channel.check(&operation.angles)
}

/// Checks the sizes of Kraus operators, and that their channel preserves the trace.
pub(super) fn check_kraus(operators: &[Arc<[Complex64]>], qubits: usize) -> Result<(), Mistake> {
    if qubits == 0 || qubits > MAX_KRAUS_QUBITS {
        return Err(Mistake::QubitCount { expected: format!("1 to {MAX_KRAUS_QUBITS}"), actual: qubits });
    }
    if operators.is_empty() || operators.len() > MAX_KRAUS_OPERATORS {
        let (what, expected) = ("Kraus operators", format!("1 to {MAX_KRAUS_OPERATORS}"));
        return Err(Mistake::Length { what, expected, actual: operators.len() });
    }
    let size = 1 << qubits;
    for operator in operators {
        if operator.len() != size * size {
            return Err(Mistake::MatrixSize { expected: size * size, actual: operator.len() });
        }
        if let Some(value) = operator.iter().flat_map(|entry| [entry.re, entry.im]).find(|number| !number.is_finite()) {
            return Err(Mistake::NotFinite { what: "an entry of a Kraus operator", value });
        }
    }
    let gram = |a: usize, b: usize| -> Complex64 {
        let of =
            |k: &Arc<[Complex64]>| (0..size).map(|row| k[row * size + a].conj() * k[row * size + b]).sum::<Complex64>();
        operators.iter().map(of).sum()
    };
    let entries = (0..size).flat_map(|a| (0..size).map(move |b| (a, b)));
    let deviation = entries.fold(0.0, |worst: f64, (a, b)| {
        let deviation = (gram(a, b) - f64::from(u8::from(a == b))).norm();
        // Products of very large entries overflow and give NaN.
        worst.max(if deviation.is_nan() { f64::INFINITY } else { deviation })
    });
    match deviation > TRACE_TOLERANCE {
        true => Err(Mistake::NotTracePreserving { deviation, allowed: TRACE_TOLERANCE }),
        false => Ok(()),
    }
}
