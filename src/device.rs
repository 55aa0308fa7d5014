//! The choice of the device on which tensors live: layers compute where their tensors are.

use crate::circuit::{Circuit, input};
use crate::error::{DeviceError, Error, Result};
use crate::functional;
use crate::measurement::Measurement;
use crate::observable::Z;
use candle_core::{DType, Device, Tensor};
use std::fmt;
use std::str::FromStr;

/// Returns the first GPU that this build supports and the machine has, otherwise the CPU.
///
/// A build without the features `cuda` and `metal` computes on the CPU, and so does a build with them on a machine
/// without such a GPU. A GPU that is there but cannot be used (an old driver, no memory, a kernel that does not load) is
/// an error and never the CPU in silence: the program would run, many times more slowly. A program for which the CPU
/// will do takes `Device::Cpu` after the error, or [`DeviceKind::Cpu`] from its user.
///
/// ```
/// use candlewick::device::{self, DeviceKind};
/// let device = device::best()?;
/// println!("computing on {}", DeviceKind::of(&device));
/// # Ok::<(), candlewick::Error>(())
/// ```
///
/// # Errors
/// A GPU that is there but cannot be used.
pub fn best() -> Result<Device> {
    for kind in [DeviceKind::Cuda, DeviceKind::Metal] {
        if kind.is_compiled_in() && kind.count()? > 0 {
            return kind.open();
        }
    }
    Ok(Device::Cpu)
}

/// Kind of a device. Its text form (`cpu`, `cuda`, `metal`) suits the options of a program.
///
/// ```
/// use candlewick::device::{self, DeviceKind};
/// # fn option() -> Option<String> { Some("cpu".to_owned()) }
/// let asked: Option<DeviceKind> = option().map(|text| text.parse()).transpose()?;
/// let device = asked.map_or_else(device::best, DeviceKind::open)?;
/// assert!(device.is_cpu());
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeviceKind {
    /// The processor.
    Cpu,
    /// The first NVIDIA GPU (feature `cuda`).
    Cuda,
    /// The first Apple GPU (feature `metal`).
    Metal,
}

impl DeviceKind {
    /// Returns the kind of a device.
    pub fn of(device: &Device) -> Self {
        match device {
            Device::Cpu => Self::Cpu,
            Device::Cuda(_) => Self::Cuda,
            Device::Metal(_) => Self::Metal,
        }
    }

    /// Opens the first device of this kind, and runs a small circuit on it.
    ///
    /// # Errors
    /// A build without this kind of device; a device that is not there or cannot be used.
    pub fn open(self) -> Result<Device> {
        let name = self.name();
        if !self.is_compiled_in() {
            return Err(Error::Device(DeviceError::NotCompiled { device: name }));
        }
        if self.count()? == 0 {
            return Err(Error::Device(DeviceError::Absent { device: name }));
        }
        let unusable = |source: Error| Error::Device(DeviceError::Unusable { device: name, source: source.into() });
        let device = match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda => Device::new_cuda(0),
            Self::Metal => Device::new_metal(0),
        };
        let device = device.map_err(|error| unusable(error.into()))?;
        try_circuit(&device).map_err(unusable)?;
        Ok(device)
    }

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
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Metal => cfg!(feature = "metal"),
        }
    }

    /// Returns the number of devices of this kind in the machine.
    fn count(self) -> Result<usize> {
        match self {
            Self::Cpu => Ok(1),
            Self::Cuda => cuda_devices(),
            Self::Metal => Ok(metal_devices()),
        }
    }
}

#[cfg(feature = "cuda")]
fn cuda_devices() -> Result<usize> {
    use candle_core::cuda_backend::cudarc::driver::{CudaContext, sys::CUresult};
    match CudaContext::device_count() {
        Ok(count) => Ok(usize::try_from(count).unwrap_or(0)),
        Err(error) if error.0 == CUresult::CUDA_ERROR_NO_DEVICE => Ok(0),
        Err(error) => Err(Error::Device(DeviceError::Unusable { device: "cuda", source: error.into() })),
    }
}

#[cfg(not(feature = "cuda"))]
fn cuda_devices() -> Result<usize> {
    Ok(0)
}

#[cfg(feature = "metal")]
fn metal_devices() -> usize {
    candle_metal_kernels::metal::Device::all().len()
}

#[cfg(not(feature = "metal"))]
fn metal_devices() -> usize {
    0
}

/// Runs the smallest circuit that reads an input.
fn try_circuit(device: &Device) -> Result<()> {
    let mut circuit = Circuit::new(1);
    circuit.ry(input(0), 0);
    let x = Tensor::zeros((1, 1), DType::F32, device)?;
    let y = functional::evaluate(&circuit, &Measurement::expectation([Z(0)]), Some(&x), &[])?;
    // The GPU's queue has run only when a number arrives.
    y.to_device(&Device::Cpu)?;
    Ok(())
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DeviceKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let kinds = [Self::Cpu, Self::Cuda, Self::Metal];
        let unknown = || Error::Device(DeviceError::UnknownKind { name: text.to_owned() });
        kinds.into_iter().find(|kind| kind.name() == text).ok_or_else(unknown)
    }
}
