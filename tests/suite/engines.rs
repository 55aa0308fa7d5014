//! The engines under test in this binary.

use crate::lab::Engine;
use candle_core::DType;

pub(crate) fn all() -> Vec<Engine> {
    vec![Engine::cpu(DType::F64), Engine::cpu(DType::F32)]
}
