//! First contact: the device's name, and a step of the smallest workload.

use crate::engines;
use crate::steps::Workload;
use anyhow::Result;
use std::time::Instant;

/// Describes the device under test.
pub(crate) fn describe() -> Result<String> {
    if engines::is_dry() {
        return Ok("the emulator, in a GPU's place".to_owned());
    }
    of_gpu()
}

#[cfg(feature = "cuda")]
fn of_gpu() -> Result<String> {
    let device = engines::device();
    let stream = device.as_cuda_device()?.cuda_stream();
    let context = stream.context();
    let (major, minor) = context.compute_capability()?;
    let (free, total) = context.mem_get_info()?;
    Ok(format!(
        "{}, compute capability {major}.{minor}, {:.1} of {:.1} GiB free",
        context.name()?,
        free as f64 / f64::from(1 << 30),
        total as f64 / f64::from(1 << 30)
    ))
}

#[cfg(not(feature = "cuda"))]
fn of_gpu() -> Result<String> {
    anyhow::bail!("this build has no CUDA")
}

/// Prints the device and how far a step on it is from the CPU's.
pub(crate) fn run() -> Result<()> {
    println!("device: {}", describe()?);
    let workload = Workload::named("a")?;
    let there = workload.on(&engines::device())?;
    for call in ["first", "second"] {
        let start = Instant::now();
        let found = engines::on_device(|| there.step())?;
        println!("{call} step of case a: {:.3} ms", start.elapsed().as_secs_f64() * 1e3);
        let exact = workload.on(&candle_core::Device::Cpu)?.step()?;
        println!("{}", found.beside(&exact)?);
    }
    Ok(())
}
