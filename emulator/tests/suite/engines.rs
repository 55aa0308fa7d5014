//! The engines under test in this binary: both dialects, every order of threads, whole states and tiles.

use crate::lab::Engine;
use crate::oracle::Case;
use candle_core::{DType, Device as Place};
use candlewick::__private::emulation::emulator;
use candlewick::prelude::Measurement;
use candlewick_emulator::{Device, Order};
use candlewick_kernels::Dialect;
use std::sync::Arc;

/// Declares engines: a name, a dialect, an order, the bits of a tile.
macro_rules! engines {
    ($($name:literal: $dialect:ident, $order:ident, $bits:literal;)*) => {
        vec![$(Engine {
            name: $name,
            dtype: if matches!(Dialect::$dialect, Dialect::CudaF64) { DType::F64 } else { DType::F32 },
            device: || Place::Cpu,
            enter: |run| emulator::with(Arc::new(Device::new(Dialect::$dialect, Order::$order, $bits)), run),
        }),*]
    };
}

/// The emulated engines run every circuit and measurement.
pub(crate) fn engines_for(_: &Case, _: &Measurement) -> Vec<Engine> {
    all()
}

pub(crate) fn all() -> Vec<Engine> {
    // 13, 12 and 10 bits are what an H200 and an Apple GPU have room for.
    let mut all = engines! {
        "cuda f64": CudaF64, Forward, 12;
        "cuda f64, reversed": CudaF64, Reversed, 12;
        "cuda f64, shuffled": CudaF64, Shuffled, 12;
        "cuda f64, tiles": CudaF64, Shuffled, 4;
        "cuda f32": CudaF32, Shuffled, 13;
        "cuda f32, tiles": CudaF32, Reversed, 5;
        "metal": Metal, Forward, 10;
        "metal, reversed": Metal, Reversed, 10;
        "metal, shuffled": Metal, Shuffled, 10;
        "metal, tiles": Metal, Shuffled, 4;
    };
    // A race shows in any order, and looking for it is slow.
    if cfg!(feature = "race") {
        all.retain(|engine: &Engine| !engine.name.ends_with("reversed") && !engine.name.ends_with("shuffled"));
    }
    all
}
