//! Noise: channels and density matrices against a naive density matrix, reference values and closed forms.

mod cases;
mod channels;
mod closed_forms;
mod mitigation;
mod models;
mod oracle;
mod outputs;
mod refused;
mod trajectories;
mod undoing;

use crate::lab::{Engine, run_circuit};
use candle_core::DType;

/// The engine for density matrices, in both precisions.
fn engines() -> [Engine; 2] {
    [Engine::density(DType::F64), Engine::density(DType::F32)]
}
