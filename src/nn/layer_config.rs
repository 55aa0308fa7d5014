//! Options of a quantum layer, and the agreement of the processes that share its state.

use crate::__private::NonExhaustive;
use crate::cluster::{Cluster, Sharing};
use crate::engine::Simulation;
use crate::engine::cpu::shards::plan_shards;
use crate::error::{ClusterError, Error, Result};
use crate::gradient::GradientMethod;
use crate::hash::fnv1a;
use crate::program::{Program, Rewrites};
use candle_core::DType;

/// Options of a [`QuantumLayer`](super::QuantumLayer); `QuantumLayerConfig::default()` serves most layers.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::VarBuilder;
/// use candlewick::prelude::*;
///
/// let mut circuit = Circuit::new(1);
/// circuit.ry(input(0), 0);
/// let config = QuantumLayerConfig { shots: Some(10_000), seed: 7, ..Default::default() };
/// let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
/// let layer =
///     QuantumLayer::with_config(circuit, Measurement::expectation([Z(0)]), config, vb)?;
/// let estimate =
///     layer.try_forward(&Tensor::new(&[[1.0f32]], &Device::Cpu)?)?.to_vec2::<f32>()?[0][0];
/// assert!((estimate - 1f32.cos()).abs() < 0.05); // the standard deviation is 0.008
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QuantumLayerConfig {
    /// Number of bytes for states, tables, outputs, sums of gradients and numbers saved for `backward()`, over all
    /// calls of the layer. Tables that do not fit are made when they are needed; final states that do not fit are
    /// computed again. If a call needs more even so, it returns a typed error before anything is allocated. `None`, the
    /// default, is the memory that the machine or the GPU has available at the time of the call. From call to call a
    /// layer holds at most this memory, and at most 64 MB. Layered programs, which are made of the circuit once, count
    /// too; the list of operations does not.
    pub memory_limit: Option<u64>,
    /// Rewrites that the circuit goes through before it runs. A layer with fewer rewrites is slower and has the same
    /// results up to rounding. Programs outside get the circuit without those that change gates. Default: all.
    pub rewrites: Rewrites,
    /// Method that computes the gradients. Default [`GradientMethod::Auto`].
    pub gradient: GradientMethod,
    /// Number of shots, 1 to 2^32 - 1. `None`, the default: exact outputs. Otherwise outputs and gradients are
    /// estimated from so many shots for each group of observables that can be measured together. Pauli words can be
    /// measured together if they agree on every qubit where both have a letter.
    pub shots: Option<usize>,
    /// Seed of the random numbers behind shots and trajectories, together with the `VarBuilder`'s prefix. Default 0.
    /// Layers under different names draw independently of each other; layers of the same name and seed draw the same.
    /// Each call draws new numbers, and calls of clones of a layer count together. A layer that is made again repeats
    /// the draws.
    pub seed: u64,
    /// Representation of the state. Default [`Simulation::Auto`]: density matrices where the circuit has noise
    /// channels.
    pub simulation: Simulation,
    /// Whether the layer takes weights of any other circuit and measurement and writes no fingerprint beside them.
    /// Layers that share the weights under one prefix on purpose need this. Default `false`. See
    /// [`QuantumLayer::fingerprint`](super::QuantumLayer::fingerprint).
    pub ignore_fingerprint: bool,
    /// Group whose members share the state: each has a part of its amplitudes, and all get the same outputs and
    /// gradients. Every member makes the layer and calls it with the same inputs and weights, in the same order. Only
    /// [`Simulation::StateVector`] is shared, on CPUs, and no variances. Default `None`.
    pub cluster: Option<Cluster>,
    /// Number of parts of a state that a [`cluster`](Self::cluster) shares: a power of two from its number of members on,
    /// and so many that at least half of the qubits are left to each. Results have the same bits for any number of
    /// members with the same number of shards. Default `None`: one for each member.
    pub shards: Option<usize>,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl QuantumLayerConfig {
    /// Sharing of the state of a program, once all members have agreed on what they share.
    pub(super) fn sharing(&self, program: &Program, fingerprint: u64, dtype: DType) -> Result<Option<Sharing>> {
        let Some(cluster) = &self.cluster else {
            let (of, setting, needs) = ("a quantum layer", "shards", "`cluster`");
            return self.shards.map_or(Ok(None), |_| Err(Error::SettingNeeds { of, setting, needs }));
        };
        let mine = Sharing::new(cluster, self.shards).and_then(|sharing| {
            if !matches!(self.simulation.resolve(program)?, Simulation::StateVector) {
                return Err(ClusterError::NotShared { what: "simulation but `Simulation::StateVector`" }.into());
            }
            sharing.check_qubits(program.qubits())?;
            plan_shards(program, &sharing)?;
            Ok(Some(sharing))
        });
        let things = [
            ("the circuit or the measurement", fingerprint),
            ("the dtype", fnv1a(dtype.as_str().as_bytes())),
            ("the number of shards", self.shards.unwrap_or(0) as u64),
            ("the version of candlewick", fnv1a(env!("CARGO_PKG_VERSION").as_bytes())),
        ];
        cluster.agree(mine, false, &things).map(|(sharing, _)| sharing)
    }
}
