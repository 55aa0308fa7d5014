//! The engines under test in this binary: the CPU engine, the reference engine, the engine for density matrices, and with the feature `cuda` the engine
//! of the first NVIDIA GPU.

use crate::lab::Engine;
use candle_core::{DType, Device};
use candlewick::__private::with_reference_engine;
use std::sync::OnceLock;

/// One device for all tests: each would load the kernels anew.
static CUDA: OnceLock<Device> = OnceLock::new();

/// The engine for density matrices, which has no amplitudes.
pub(crate) fn without_amplitudes() -> Vec<Engine> {
    vec![Engine::density(DType::F64), Engine::density(DType::F32)]
}

pub(crate) fn all() -> Vec<Engine> {
    let mut all = vec![
        Engine::cpu(DType::F64),
        Engine::cpu(DType::F32),
        Engine { name: "reference", enter: |run| with_reference_engine(run), ..Engine::cpu(DType::F64) },
    ];
    if candle_core::utils::cuda_is_available() {
        let device =
            || CUDA.get_or_init(|| Device::new_cuda(0).expect("the feature `cuda` is tested on a GPU")).clone();
        all.extend([("cuda f64", DType::F64), ("cuda f32", DType::F32)].map(|(name, dtype)| Engine {
            name,
            dtype,
            device,
            enter: |run| run(),
        }));
    }
    all
}
