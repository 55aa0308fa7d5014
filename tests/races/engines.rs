//! The engine under test.

use crate::lab::Engine;
use candle_core::DType;

pub(crate) fn all() -> Vec<Engine> {
    vec![Engine::cpu(DType::F64), Engine::cpu(DType::F32)]
}
