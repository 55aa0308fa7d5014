//! The engines under test in this binary: both dialects, each order of threads, whole states and tiles.

use crate::lab::Engine;
use candle_core::DType;
use candlewick::emulation::{Dialect, emulator};
use candlewick_emulator::{Device, Order};
use std::sync::Arc;

fn within(dialect: Dialect, order: Order, tile_bits: usize, run: &mut dyn FnMut()) {
    emulator::with(Arc::new(Device::new(dialect, order, tile_bits)), run);
}

pub(crate) fn all() -> Vec<Engine> {
    vec![
        Engine { name: "cuda f64", dtype: DType::F64, enter: |run| within(Dialect::CudaF64, Order::Forward, 12, run) },
        Engine {
            name: "cuda f32, tiles",
            dtype: DType::F32,
            enter: |run| within(Dialect::CudaF32, Order::Reversed, 4, run),
        },
        Engine { name: "metal", dtype: DType::F32, enter: |run| within(Dialect::Metal, Order::Shuffled, 10, run) },
    ]
}
