//! The choice of the device.

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::VarBuilder;
use candlewick::prelude::*;
use clap::ValueEnum;

/// Kinds of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceKind {
    /// The processor.
    Cpu,
    /// The first NVIDIA GPU (needs the feature `cuda`).
    Cuda,
    /// The first Apple GPU (needs the feature `metal`).
    Metal,
}

impl DeviceKind {
    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Metal => "metal",
        }
    }

    fn is_compiled_in(self) -> bool {
        match self {
            Self::Cpu => true,
            Self::Cuda => candle_core::utils::cuda_is_available(),
            Self::Metal => candle_core::utils::metal_is_available(),
        }
    }

    /// Opens the device, and checks that circuits run on it.
    fn open(self) -> Result<Device> {
        let name = self.name();
        ensure!(self.is_compiled_in(), "this build has no {name} support; build with `--features {name}`");
        let device = match self {
            Self::Cpu => Device::Cpu,
            Self::Cuda => Device::new_cuda(0)?,
            Self::Metal => Device::new_metal(0)?,
        };
        try_circuit(&device).context("circuits do not run on it")?;
        Ok(device)
    }
}

/// Returns the requested device, or the best device that works, with a line that states the choice and the reason.
pub(crate) fn choose(asked: Option<DeviceKind>) -> Result<(Device, String)> {
    if let Some(kind) = asked {
        let name = kind.name();
        let device = kind.open().with_context(|| format!("cannot compute on the device `{name}`"))?;
        return Ok((device, format!("{name} (as asked)")));
    }
    let mut reasons = Vec::new();
    for kind in [DeviceKind::Cuda, DeviceKind::Metal].into_iter().filter(|kind| kind.is_compiled_in()) {
        match kind.open() {
            Ok(device) => return Ok((device, format!("{} (the best one available)", kind.name()))),
            Err(error) => reasons.push(format!("{}: {error:#}", kind.name())),
        }
    }
    let reason = match reasons.is_empty() {
        true => "this build has no GPU support: see the features `cuda` and `metal`".to_owned(),
        false => reasons.join("; "),
    };
    Ok((Device::Cpu, format!("cpu ({reason})")))
}

/// Runs the smallest circuit that reads an input.
fn try_circuit(device: &Device) -> Result<()> {
    let mut circuit = Circuit::new(1);
    circuit.ry(input(0), 0);
    let vb = VarBuilder::zeros(DType::F32, device);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
    layer.forward(&Tensor::zeros((1, 1), DType::F32, device)?)?;
    Ok(())
}
