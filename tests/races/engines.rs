//! The engine under test.

use crate::lab::Engine;
use candle_core::DType;

/// Circuits with noise choose their engine by themselves.
pub(crate) fn without_amplitudes() -> Vec<Engine> {
    Vec::new()
}

pub(crate) fn all() -> Vec<Engine> {
    vec![Engine::cpu(DType::F64), Engine::cpu(DType::F32)]
}
