//! Choice of an engine. No other file chooses one.

use super::cpu::Cpu;
use super::cpu::shards::Shards;
use super::density::Density;
#[cfg(any(feature = "cuda", feature = "metal"))]
use super::gpu::Gpu;
use super::host::OnHost;
use super::pauli::Pauli;
use super::{Engine, Options, Simulation};
use crate::cluster::Sharing;
use crate::error::{ClusterError, DeviceError, Error, ExecutorError, Result, SimulationError};
use crate::program::Program;
use candle_core::Device;
use std::sync::{Arc, LazyLock};

/// Whether this build has an engine for a device.
pub(crate) fn exists_for(device: &Device) -> bool {
    device.is_cpu() || device.is_cuda() && cfg!(feature = "cuda") || device.is_metal() && cfg!(feature = "metal")
}

/// Largest number of qubits of a density matrix that [`Simulation::Auto`] chooses.
const AUTO_QUBITS: usize = 10;

impl Simulation {
    /// Returns the simulation of a program: what [`Auto`](Self::Auto) stands for.
    ///
    /// # Errors
    /// State vectors for a program with channels; a density matrix of too many qubits for [`Auto`](Self::Auto).
    pub(crate) fn resolve(&self, program: &Program) -> Result<Self> {
        let (is_pure, qubits) = (program.channels.is_empty(), program.qubits);
        match self {
            Self::Auto if is_pure => Ok(Self::StateVector),
            Self::Auto if qubits > AUTO_QUBITS => Err(SimulationError::ManyQubits { qubits, most: AUTO_QUBITS }.into()),
            Self::Auto => Ok(Self::Density),
            Self::Trajectories { .. } if is_pure => Ok(Self::StateVector),
            Self::StateVector if !is_pure => Err(SimulationError::NoiseNeedsDensity.into()),
            Self::External(_) if !is_pure => {
                let instead = "the program has noise of its own; send the circuit without channels";
                Err(ExecutorError::NotFromExecutor { what: "noise channels", instead }.into())
            }
            chosen => Ok(chosen.clone()),
        }
    }
}

/// Returns the engine for a program and tensors on a device.
///
/// # Errors
/// This build has no engine for the device, or the simulation cannot run the program.
pub(crate) fn for_device(device: &Device, program: &Program, options: &Options) -> Result<Arc<dyn Engine>> {
    static CPU: LazyLock<Arc<dyn Engine>> = LazyLock::new(|| Arc::new(OnHost(Cpu)));
    static PAULI: LazyLock<Arc<dyn Engine>> = LazyLock::new(|| Arc::new(OnHost(Pauli)));
    static DENSITY: LazyLock<Arc<dyn Engine>> = LazyLock::new(|| Arc::new(OnHost(Density)));
    #[cfg(feature = "testing")]
    if let Some(engine) = replacement::current().filter(|_| device.is_cpu()) {
        return Ok(engine);
    }
    let simulation = options.simulation.resolve(program)?;
    if let Some(sharing) = &options.sharing {
        return shared(device, &simulation, sharing);
    }
    match (simulation, device) {
        (Simulation::Density, Device::Cpu) => Ok(Arc::clone(&DENSITY)),
        (Simulation::Density, device) => {
            Err(SimulationError::DensityOnDevice { device: format!("{:?}", device.location()) }.into())
        }
        (Simulation::Pauli(_), Device::Cpu) => Ok(Arc::clone(&PAULI)),
        (Simulation::Pauli(_), device) => {
            Err(SimulationError::PauliOnDevice { device: format!("{:?}", device.location()) }.into())
        }
        (Simulation::Trajectories { .. }, _) => {
            let what = "outcomes, and no derivatives but gradients";
            Err(SimulationError::NotFromTrajectories { what }.into())
        }
        (Simulation::External(_), _) => {
            let what = "exact values, and no derivatives but gradients";
            let instead = "take a layer with `shots`, or another `Simulation`";
            Err(ExecutorError::NotFromExecutor { what, instead }.into())
        }
        (Simulation::StateVector | Simulation::Auto, Device::Cpu) => Ok(Arc::clone(&CPU)),
        #[cfg(feature = "cuda")]
        (Simulation::StateVector | Simulation::Auto, Device::Cuda(device)) => Ok(Arc::new(Gpu(device.clone()))),
        #[cfg(feature = "metal")]
        (Simulation::StateVector | Simulation::Auto, Device::Metal(device)) => Ok(Arc::new(Gpu(device.clone()))),
        #[cfg(not(all(feature = "cuda", feature = "metal")))]
        (Simulation::StateVector | Simulation::Auto, device) => {
            Err(Error::Device(DeviceError::NoEngine { device: format!("{:?}", device.location()) }))
        }
    }
}

/// Returns the engine for a state that a group shares.
fn shared(device: &Device, simulation: &Simulation, sharing: &Sharing) -> Result<Arc<dyn Engine>> {
    match (simulation, device) {
        (Simulation::StateVector | Simulation::Auto, Device::Cpu) => Ok(Arc::new(OnHost(Shards(sharing.clone())))),
        (Simulation::StateVector | Simulation::Auto, _) => {
            Err(ClusterError::NotShared { what: "engine for GPUs yet" }.into())
        }
        _ => Err(ClusterError::NotShared { what: "simulation but `StateVector`" }.into()),
    }
}

#[cfg(feature = "testing")]
pub(crate) use replacement::with_engine;

/// Replacement of the CPU engine, for the project's own tests.
#[cfg(feature = "testing")]
mod replacement {
    use super::Engine;
    use std::cell::RefCell;
    use std::sync::Arc;

    thread_local! {
        static CURRENT: RefCell<Option<Arc<dyn Engine>>> = const { RefCell::new(None) };
    }

    /// Returns the engine that replaces the CPU engine on this thread.
    pub(super) fn current() -> Option<Arc<dyn Engine>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Runs `f` with this engine in place of the CPU engine, on this thread. A gradient uses the engine of its forward
    /// pass, wherever it is computed.
    pub(crate) fn with_engine<R>(engine: Arc<dyn Engine>, f: impl FnOnce() -> R) -> R {
        struct Reset(Option<Arc<dyn Engine>>);
        impl Drop for Reset {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _reset = Reset(CURRENT.replace(Some(engine)));
        f()
    }
}
