//! The device under test: the first NVIDIA GPU, or the emulator in its place.

use crate::lab::Engine;
use anyhow::{Result, anyhow};
use candle_core::{DType, Device};
use candlewick::__private::emulation::emulator;
use candlewick_emulator::{Device as Emulated, Order};
use candlewick_kernels::Dialect;
use std::panic::{catch_unwind, set_hook, take_hook};
use std::sync::{Arc, OnceLock};

/// The GPU; the CPU's tensors where the emulator takes its place.
static DEVICE: OnceLock<Device> = OnceLock::new();

/// Opens the device.
pub(crate) fn choose(dry: bool) -> Result<()> {
    let device = if dry { Device::Cpu } else { open()? };
    DEVICE.set(device).map_err(|_| anyhow!("the device is chosen once"))
}

/// Reason for which there is no device to run on.
#[derive(Debug)]
pub(crate) struct NoDevice(String);

impl std::fmt::Display for NoDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoDevice {}

/// Opens the first GPU. Without a driver the binding panics, which is an error here.
fn open() -> Result<Device, NoDevice> {
    if !candle_core::utils::cuda_is_available() {
        return Err(NoDevice("this build has no CUDA: build it with `--features cuda`, or give `--dry`".to_owned()));
    }
    let hook = take_hook();
    set_hook(Box::new(|_| ()));
    let opened = catch_unwind(|| Device::new_cuda(0));
    set_hook(hook);
    let reason = match opened {
        Ok(Ok(device)) => return Ok(device),
        Ok(Err(error)) => format!("CUDA has no NVIDIA GPU to use: {error}"),
        Err(payload) => {
            let message = message(payload.as_ref());
            let first = message.split(" - ").next().unwrap_or(&message);
            format!("the NVIDIA driver or a library of CUDA is missing: {first}")
        }
    };
    Err(NoDevice(reason))
}

/// Text of a panic.
pub(crate) fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Whether the emulator takes the GPU's place.
pub(crate) fn is_dry() -> bool {
    device().is_cpu()
}

/// Device of the tensors.
pub(crate) fn device() -> Device {
    DEVICE.get().cloned().unwrap_or(Device::Cpu)
}

/// Runs `f` with the emulator in place of the CPU engine, if it takes the GPU's place.
pub(crate) fn on_device<R>(f: impl FnOnce() -> R) -> R {
    if is_dry() { emulated(Dialect::CudaF32, f) } else { f() }
}

/// Runs `f` on an emulated H200.
pub(crate) fn emulated<R>(dialect: Dialect, f: impl FnOnce() -> R) -> R {
    let tile_bits = if matches!(dialect, Dialect::CudaF64) { 12 } else { 13 };
    emulator::with(Arc::new(Emulated::large(dialect, Order::Shuffled, tile_bits)), f)
}

/// Emulated counterparts of the two engines.
pub(crate) fn of_emulator() -> [Engine; 2] {
    [
        Engine {
            name: "emulated f64",
            dtype: DType::F64,
            device: || Device::Cpu,
            enter: |run| emulated(Dialect::CudaF64, run),
        },
        Engine {
            name: "emulated f32",
            dtype: DType::F32,
            device: || Device::Cpu,
            enter: |run| emulated(Dialect::CudaF32, run),
        },
    ]
}

/// The engines under test.
pub(crate) fn all() -> Vec<Engine> {
    if is_dry() {
        return of_emulator().into();
    }
    let of_gpu = |(name, dtype)| Engine { name, dtype, device, enter: |run| run() };
    [("cuda f64", DType::F64), ("cuda f32", DType::F32)].map(of_gpu).into()
}
